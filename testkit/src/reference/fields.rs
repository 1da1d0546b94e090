//! `docs/fields.md`: every field of every kind, as the CRDs have them.

use serde_json::{Map, Value};

use super::{cell, head};
use crate::Error;

/// The page, from CustomResourceDefinitions. Kinds that live in namespaces come first.
///
/// # Errors
/// A CRD without a kind or a schema.
pub fn page(crds: &[Value]) -> Result<String, Error> {
    let mut page = head(
        "Fields",
        "Every field of every kind, as the API server takes and checks them. `kubectl explain crossaccountrole.spec` says the \
         same in a cluster. A field without *required* may be left out. Durations are written as `1h30m`, times as \
         `2026-11-22T10:00:00Z`. Beyond what is checked here, crossrole itself judges each object: \
         [conditions.md](conditions.md).",
    );
    let is_namespaced = |crd: &&Value| crd["spec"]["scope"] == "Namespaced";
    let (namespaced, cluster): (Vec<&Value>, Vec<&Value>) = crds.iter().partition(is_namespaced);
    for crd in namespaced.into_iter().chain(cluster) {
        page.push_str(&kind(crd)?);
    }
    Ok(page)
}

fn kind(crd: &Value) -> Result<String, Error> {
    let names = &crd["spec"]["names"];
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let (Some(kind), Some(about)) = (names["kind"].as_str(), schema["description"].as_str()) else {
        return Err(Error::new("a CRD has no kind or no schema with a description"));
    };
    let scope = if crd["spec"]["scope"] == "Namespaced" {
        "Lives in a namespace"
    } else {
        "Has no namespace"
    };
    let short: Vec<String> = texts(&names["shortNames"]).map(|name| format!("`{name}`")).collect();
    let short = if short.is_empty() {
        String::new()
    } else {
        format!("; `kubectl` knows it as {}, too", short.join(", "))
    };
    let mut text = format!("\n## {kind}\n\n{} {scope}{short}.\n", flowing(about));
    text.push_str(&listed_rules(schema));
    for part in ["spec", "status"] {
        object(&format!("{kind}.{part}"), &schema["properties"][part], &mut text);
    }
    Ok(text)
}

/// The section of one object, and then those of the objects in it.
fn object(path: &str, schema: &Value, text: &mut String) {
    let Some(properties) = schema["properties"].as_object() else {
        return;
    };
    text.push_str(&format!("\n### {path}\n"));
    // What the whole spec is was said of the kind.
    let is_part = path.contains("[]") || path.matches('.').count() > 1;
    if let Some(about) = schema["description"].as_str().filter(|_| is_part) {
        text.push_str(&format!("\n{}\n", flowing(about)));
    }
    text.push_str(&listed_rules(schema));
    text.push_str("\n| field | type | default | bounds | what it is |\n|---|---|---|---|---|\n");
    let required: Vec<&str> = texts(&schema["required"]).collect();
    for (name, property) in properties {
        text.push_str(&row(path, name, property, required.contains(&name.as_str())));
    }
    for (name, property) in properties {
        let (path, inner) = nested(path, name, property);
        if !is_conditions(inner) {
            object(&path, inner, text);
        }
    }
}

fn row(path: &str, name: &str, property: &Value, is_required: bool) -> String {
    let default = match (&property["default"], is_required) {
        (_, true) => "*required*".to_owned(),
        (Value::Null, false) => String::new(),
        (Value::String(default), false) => format!("`{default}`"),
        (default, false) => format!("`{default}`"),
    };
    let mut about = flowing(property["description"].as_str().unwrap_or_default());
    // What an object or each item of a list must be, its own section says.
    let of_one = (property["type"] == "array").then(|| rules(&property["items"]));
    let said_elsewhere = !nested(path, name, property).1["properties"].is_null();
    let of_one = of_one.filter(|_| !said_elsewhere).unwrap_or_default();
    let of_all = match property["properties"] {
        Value::Null => rules(property),
        _ => Vec::new(),
    };
    for (_, rule) in of_all.into_iter().chain(of_one) {
        about.push_str(&format!(" Otherwise: \u{201c}{rule}\u{201d}."));
    }
    let cells = [
        format!("`{name}`"),
        type_of(path, name, property),
        default,
        bounds(property).join("; "),
        about,
    ];
    format!("| {} |\n", cells.map(|text| cell(&text)).join(" | "))
}

/// The object that a field holds, or each of its items; and its path.
fn nested<'a>(path: &str, name: &str, property: &'a Value) -> (String, &'a Value) {
    match property["type"].as_str() {
        Some("array") => (format!("{path}.{name}[]"), &property["items"]),
        _ => (format!("{path}.{name}"), property),
    }
}

/// Kubernetes' own conditions are known, and written by crossrole alone.
fn is_conditions(schema: &Value) -> bool {
    ["type", "status", "reason", "message", "lastTransitionTime"]
        .iter()
        .all(|name| !schema["properties"][name].is_null())
}

fn type_of(path: &str, name: &str, property: &Value) -> String {
    let (inner_path, inner) = nested(path, name, property);
    let is_list = property["type"] == "array";
    if is_conditions(inner) {
        return "list of Kubernetes' conditions".to_owned();
    }
    if !inner["properties"].is_null() {
        let anchor = anchor(&inner_path);
        return match is_list {
            true => format!("list of [objects](#{anchor})"),
            false => format!("[object](#{anchor})"),
        };
    }
    let one = match (inner["type"].as_str(), inner["format"].as_str()) {
        _ if inner["enum"].is_array() => {
            let values: Vec<String> = texts(&inner["enum"]).map(|value| format!("`{value}`")).collect();
            values.join(", ")
        }
        _ if inner["x-kubernetes-preserve-unknown-fields"] == true => "IAM JSON".to_owned(),
        (Some("object"), _) => "map of text".to_owned(),
        (Some("integer"), _) => "whole number".to_owned(),
        (Some("boolean"), _) => "`true`, `false`".to_owned(),
        (_, Some("date-time")) => "time".to_owned(),
        _ => "text".to_owned(),
    };
    match (is_list, property["x-kubernetes-list-type"].as_str()) {
        (true, Some("set")) => format!("list of {one}, each once"),
        (true, _) => format!("list of {one}"),
        (false, _) => one,
    }
}

fn bounds(property: &Value) -> Vec<String> {
    let mut bounds = Vec::new();
    match property["type"].as_str() {
        Some("array") => {
            bounds.extend(range(&property["minItems"], &property["maxItems"], ""));
            if property["items"]["properties"].is_null() {
                bounds.extend(
                    bounds_of_one(&property["items"])
                        .into_iter()
                        .map(|one| format!("each {one}")),
                );
            }
        }
        _ => bounds.extend(bounds_of_one(property)),
    }
    bounds
}

fn bounds_of_one(schema: &Value) -> Vec<String> {
    let mut bounds = Vec::new();
    if schema["enum"].is_null() {
        bounds.extend(range(&schema["minLength"], &schema["maxLength"], " characters"));
    }
    bounds.extend(range(&schema["minimum"], &schema["maximum"], ""));
    if schema["properties"].is_null() {
        bounds.extend(range(&schema["minProperties"], &schema["maxProperties"], " entries"));
        let each = bounds_of_values(schema);
        bounds.extend(each.into_iter().map(|one| format!("each {one}")));
    } else if schema["minProperties"] == 1 {
        bounds.push("not empty".to_owned());
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        bounds.push(format!("`{pattern}`"));
    }
    bounds
}

fn bounds_of_values(schema: &Value) -> Vec<String> {
    match &schema["additionalProperties"] {
        values @ Value::Object(_) => bounds_of_one(values),
        _ => Vec::new(),
    }
}

fn range(least: &Value, most: &Value, unit: &str) -> Option<String> {
    // The CRDs have whole numbers as 1.0 here and there.
    let whole = |value: &Value| value.as_f64().map(|number| format!("{number:.0}"));
    match (whole(least), whole(most)) {
        (Some(least), Some(most)) if least == most => Some(format!("{least}{unit}")),
        (Some(least), Some(most)) => Some(format!("{least} to {most}{unit}")),
        (Some(least), None) => Some(format!("at least {least}{unit}")),
        (None, Some(most)) => Some(format!("at most {most}{unit}")),
        (None, None) => None,
    }
}

/// What the rules of a schema say where they are broken, and of which of its fields.
fn rules(schema: &Value) -> Vec<(Option<&str>, &str)> {
    let rules = schema["x-kubernetes-validations"].as_array().into_iter().flatten();
    rules
        .filter_map(|rule| Some((rule["fieldPath"].as_str(), rule["message"].as_str()?)))
        .collect()
}

fn listed_rules(schema: &Value) -> String {
    let lines: String = rules(schema)
        .into_iter()
        .map(|(place, rule)| match place {
            Some(place) => format!("- `{}`: {rule}\n", place.trim_start_matches('.')),
            None => format!("- {rule}\n"),
        })
        .collect();
    if lines.is_empty() { lines } else { format!("\n{lines}") }
}

/// The anchor that GitHub gives to a heading of one word.
fn anchor(path: &str) -> String {
    let lower = path.to_lowercase();
    lower
        .chars()
        .filter(|letter| letter.is_alphanumeric() || *letter == '-')
        .collect()
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// Text whose line breaks mean nothing.
fn flowing(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Every field of these CRDs by its path, such as `AWSAccount.spec.accountId`.
pub fn paths(crds: &[Value]) -> Vec<String> {
    let mut found = Vec::new();
    for crd in crds {
        let kind = crd["spec"]["names"]["kind"].as_str().unwrap_or_default();
        let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        if let Some(parts) = schema["properties"].as_object() {
            for (part, schema) in parts {
                walk(&format!("{kind}.{part}"), schema, &mut found);
            }
        }
    }
    found
}

fn walk(path: &str, schema: &Value, found: &mut Vec<String>) {
    let none = Map::new();
    for (name, property) in schema["properties"].as_object().unwrap_or(&none) {
        found.push(format!("{path}.{name}"));
        let (path, inner) = nested(path, name, property);
        if !is_conditions(inner) {
            walk(&path, inner, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn crd() -> Value {
        let schema = json!({
            "description": "A thing.\nOf two lines.",
            "x-kubernetes-validations": [{"message": "name it", "rule": "true", "fieldPath": ".spec.name"}],
            "properties": {"spec": {"type": "object", "required": ["name"], "properties": {
                "name": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^(a|b)$", "description": "Its name."},
                "mode": {"type": "string", "enum": ["On", "Off"], "default": "On", "description": "How.",
                    "x-kubernetes-validations": [{"message": "do not", "rule": "true"}]},
                "ids": {"type": "array", "maxItems": 3, "x-kubernetes-list-type": "set",
                    "items": {"type": "string", "minLength": 12, "maxLength": 12}, "description": "Ids."},
                "tags": {"type": "object", "maxProperties": 48, "additionalProperties": {"type": "string", "maxLength": 256},
                    "description": "Tags."},
                "parts": {"type": "array", "maxItems": 2, "description": "Parts.", "items": {"type": "object",
                    "minProperties": 1, "description": "One part.",
                    "x-kubernetes-validations": [{"message": "one of both", "rule": "true"}],
                    "properties": {"size": {"type": "integer", "minimum": 1.0, "maximum": 9.0, "description": "How big."}}}}
            }}}
        });
        json!({"spec": {"scope": "Namespaced", "names": {"kind": "Thing", "shortNames": ["th"]},
            "versions": [{"schema": {"openAPIV3Schema": schema}}]}})
    }

    #[test]
    fn every_level_of_a_kind_has_its_table() {
        let page = page(&[crd()]).unwrap();
        for part in [
            "\n## Thing\n\nA thing. Of two lines. Lives in a namespace; `kubectl` knows it as `th`, too.\n\n- `spec.name`: name it\n",
            "\n### Thing.spec\n\n| field | type | default | bounds | what it is |\n",
            "| `ids` | list of text, each once | – | at most 3; each 12 characters | Ids. |\n",
            "| `mode` | `On`, `Off` | `On` | – | How. Otherwise: “do not”. |\n",
            "| `name` | text | *required* | 1 to 64 characters; `^(a\\|b)$` | Its name. |\n",
            "| `parts` | list of [objects](#thingspecparts) | – | at most 2 | Parts. |\n",
            "| `tags` | map of text | – | at most 48 entries; each at most 256 characters | Tags. |\n",
            "\n### Thing.spec.parts[]\n\nOne part.\n\n- one of both\n\n| field |",
            "| `size` | whole number | – | 1 to 9 | How big. |\n",
        ] {
            assert!(page.contains(part), "{part}\nis not in\n{page}");
        }
    }

    #[test]
    fn every_field_has_a_path() {
        assert_eq!(
            paths(&[crd()]),
            ["ids", "mode", "name", "parts", "parts[].size", "tags"].map(|name| format!("Thing.spec.{name}"))
        );
    }
}
