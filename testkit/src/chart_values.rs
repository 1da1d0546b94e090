//! The table of values in the chart's README, made from `values.yaml` and its comments.
//!
//! The comment right above a value says what it does. A map with a comment is one row; a map without one is gone into, and
//! anything else without one is an error.

use serde_json::Value;

use crate::Error;
use crate::reference::cell;

/// The line before the table.
const BEGIN: &str = "<!-- values: made by `make generate` from values.yaml -->";

/// The line after the table.
const END: &str = "<!-- end of values -->";

/// A default that is longer than this is not shown in the table.
const LONGEST_DEFAULT: usize = 80;

/// One value of the chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChartValue {
    /// Where it stands, as `helm --set` names it: `image.tag`.
    pub path: String,
    /// What it is unless set.
    pub default: Value,
    /// What it does.
    pub description: String,
}

/// All values, in the order of the file.
///
/// # Errors
/// A text that is not YAML, or a value without a comment.
pub fn values(text: &str) -> Result<Vec<ChartValue>, Error> {
    let parsed: Value =
        serde_saphyr::from_str(text).map_err(|error| Error::because("values.yaml is not YAML", error))?;
    let mut found = Vec::new();
    let mut comment: Vec<&str> = Vec::new();
    let mut parents: Vec<&str> = Vec::new();
    // How deep the value stands whose lines these are.
    let mut within = None;
    for line in text.lines() {
        let content = line.trim_start();
        let depth = (line.len() - content.len()) / 2;
        if within.is_some_and(|row| depth > row || content.starts_with("- ")) {
            continue;
        }
        within = None;
        if content.is_empty() {
            comment.clear();
        } else if let Some(text) = content.strip_prefix('#') {
            comment.push(text.trim());
        } else if let Some((key, rest)) = content.split_once(':') {
            parents.truncate(depth);
            parents.push(key);
            if !comment.is_empty() {
                let default = parents.iter().try_fold(&parsed, |value, key| value.get(key));
                found.push(ChartValue {
                    path: parents.join("."),
                    default: default.cloned().unwrap_or_default(),
                    description: comment.join(" "),
                });
                within = Some(depth);
            } else if !rest.trim().is_empty() {
                return Err(Error::new(format!("no comment stands above {}", parents.join("."))));
            }
            comment.clear();
        }
    }
    Ok(found)
}

/// A README with the table of these values in it.
///
/// # Errors
/// As [`values`], or a README without the place for the table.
pub fn readme(readme: &str, values_text: &str) -> Result<String, Error> {
    let no_place = || Error::new(format!("the README lacks a line {BEGIN} or {END}"));
    let (before, rest) = readme.split_once(BEGIN).ok_or_else(no_place)?;
    let (_, after) = rest.split_once(END).ok_or_else(no_place)?;
    let rows: String = values(values_text)?.iter().map(row).collect();
    Ok(format!(
        "{before}{BEGIN}\n\n| value | default | what it does |\n|---|---|---|\n{rows}\n{END}{after}"
    ))
}

fn row(value: &ChartValue) -> String {
    let default = match &value.default {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let default = match default.len() {
        0 => cell(""),
        length if length > LONGEST_DEFAULT => "see [values.yaml](values.yaml)".to_owned(),
        _ => format!("`{default}`"),
    };
    format!("| `{}` | {default} | {} |\n", value.path, cell(&value.description))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const VALUES: &str = "\
# About the file.

image:
  # Where | what.
  repository: crossrole
  # Which one.
  # The newest by default.
  tag: \"\"

# As in a Pod.
resources:
  # Not a row.
  limits:
    memory: 256Mi
# A list.
constraints:
- maxSkew: 1
- maxSkew: 2
# So many.
replicas: 2
";

    #[test]
    fn what_stands_above_a_value_says_what_it_does() {
        let found = values(VALUES).unwrap();
        let found: Vec<(&str, &Value, &str)> = found
            .iter()
            .map(|value| (value.path.as_str(), &value.default, value.description.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                ("image.repository", &json!("crossrole"), "Where | what."),
                ("image.tag", &json!(""), "Which one. The newest by default."),
                ("resources", &json!({"limits": {"memory": "256Mi"}}), "As in a Pod."),
                ("constraints", &json!([{"maxSkew": 1}, {"maxSkew": 2}]), "A list."),
                ("replicas", &json!(2), "So many."),
            ]
        );
    }

    #[test]
    fn a_value_without_a_comment_is_an_error() {
        let error = values("image:\n  # Which.\n  tag: a\n  digest: b\n").unwrap_err();
        assert!(error.to_string().contains("image.digest"), "{error}");
    }

    #[test]
    fn the_table_takes_the_place_of_the_old_one() {
        let old = format!("# Chart\n\n{BEGIN}\nold\n{END}\n\nMore.\n");
        let new = readme(&old, "# A | b.\nreplicas: 2\n# None.\nname: \"\"\n").unwrap();
        let table = "| value | default | what it does |\n|---|---|---|\n| `replicas` | `2` | A \\| b. |\n| `name` | – | None. |\n";
        assert_eq!(new, format!("# Chart\n\n{BEGIN}\n\n{table}\n{END}\n\nMore.\n"));
        assert_eq!(
            readme(&new, "# A | b.\nreplicas: 2\n# None.\nname: \"\"\n").unwrap(),
            new
        );
        assert!(readme("# Chart\n", "").is_err());
    }
}
