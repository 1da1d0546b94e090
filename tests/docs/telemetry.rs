//! Every metric and every field of the log is in the book, and none too many.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crossrole::metrics::Metrics;
use crossrole_testkit::reference::cell;
use crossrole_testkit::tools::workspace;

use super::page::read;

#[test]
fn every_metric_has_its_row_and_no_row_is_left_over() {
    let page = read("docs/metrics.md");
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `crossrole_")).collect();
    let metrics = Metrics::default();
    let expected: Vec<String> = metrics
        .described()
        .iter()
        .map(|metric| {
            let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
            format!(
                "| `{}` | {} | {} | {} | {} |",
                metric.name,
                metric.kind,
                cell(&labels.join(", ")),
                cell(metric.unit),
                metric.meaning
            )
        })
        .collect();
    assert_eq!(rows, expected);
    // Each label is explained too.
    for label in metrics.described().iter().flat_map(|metric| &metric.labels) {
        let explained = page
            .lines()
            .any(|line| line.starts_with("| `") && line.contains(&format!("`{label}`")));
        assert!(explained, "{label}");
    }
}

/// The sources of the operator, tests within left out.
fn sources(folder: &Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            all.push_str(&sources(&path));
        } else {
            let text = fs::read_to_string(&path).unwrap();
            all.push_str(text.split("#[cfg(test)]\nmod tests {").next().unwrap());
        }
    }
    all
}

/// The names of the fields of every line that is logged.
fn logged_fields(source: &str) -> BTreeSet<String> {
    let calls = source.split("tracing::").skip(1).filter_map(|rest| {
        let (level, rest) = rest.split_once("!(")?;
        ["error", "warn", "info", "debug", "trace"]
            .contains(&level)
            .then_some(rest)
    });
    let mut fields = BTreeSet::new();
    for call in calls {
        // The fields stand before the text.
        let before = call.split('"').next().unwrap();
        for field in before.rsplit_once(',').map_or("", |(fields, _)| fields).split(',') {
            let name = field.split('=').next().unwrap().trim().trim_start_matches(['%', '?']);
            fields.insert(name.to_owned());
        }
    }
    fields.remove("");
    fields
}

#[test]
fn every_field_of_the_log_has_its_row_and_no_row_is_left_over() {
    let example = r#"tracing::info!(cluster, error = told(&error), %holder, "text"); tracing::warn!("text, text")"#;
    let found: Vec<String> = logged_fields(example).into_iter().collect();
    assert_eq!(found, ["cluster", "error", "holder"]);
    let page = read("docs/logs.md");
    let rows = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let rows: BTreeSet<String> = rows.map(str::to_owned).collect();
    assert_eq!(rows, logged_fields(&sources(&workspace().join("src"))));
}
