//! Prometheus' own judge of rules.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

use crossrole_testkit::tools::workspace;

use super::support::say;

/// The chart's alerts.
pub const ALERTS: &str = "charts/crossrole/monitoring/alerts.yaml";

/// Where promtool is. `None` where it cannot be had; a line says so.
pub fn promtool() -> Option<PathBuf> {
    let script = workspace().join("tools/promtool");
    let output = Command::new(&script).output().unwrap();
    if output.status.success() {
        let path = String::from_utf8(output.stdout).unwrap();
        return Some(PathBuf::from(path.trim()));
    }
    let why = String::from_utf8_lossy(&output.stderr).into_owned();
    say(
        "promtool",
        &format!("SKIPPED: what it says of the alerts was not asked: {why}"),
    );
    None
}

/// The chart's alerts, each with its name.
pub fn alerts() -> Vec<(String, Value)> {
    let text = fs::read_to_string(workspace().join(ALERTS)).unwrap();
    let parsed: Value = serde_saphyr::from_str(&text).unwrap();
    let groups = parsed["groups"].as_array().unwrap().iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap().clone());
    rules
        .map(|rule| (rule["alert"].as_str().unwrap().to_owned(), rule))
        .collect()
}

/// What promtool printed, where it was satisfied.
pub fn satisfied(output: &Output) {
    let said = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{}\n{}", said[0], said[1]);
}
