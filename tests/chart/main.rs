//! The chart: what it renders, and what it does on a real control plane.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod install;
mod monitoring;
mod pods;
mod policies;
#[path = "../support/promtool.rs"]
mod promtool;
mod rights;
mod skew;
#[path = "../support/mod.rs"]
mod support;
mod upgrade;
mod values;

use crossrole_testkit::Chart;
use serde_json::Value;

const CRDS: [&str; 4] = [
    "accountclasses.crossrole.dev",
    "assumerolegrants.crossrole.dev",
    "awsaccounts.crossrole.dev",
    "crossaccountroles.crossrole.dev",
];

async fn render(settings: &[&str]) -> Vec<Value> {
    Chart::of_this_workspace()
        .render(settings)
        .await
        .unwrap()
        .all()
        .to_vec()
}

fn only<'a>(manifests: &'a [Value], kind: &str) -> &'a Value {
    let mut found = manifests.iter().filter(|manifest| manifest["kind"] == kind);
    let first = found.next().unwrap_or_else(|| panic!("the chart has no {kind}"));
    assert!(found.next().is_none(), "the chart has more than one {kind}");
    first
}

fn named<'a>(manifests: &'a [Value], kind: &str, name: &str) -> &'a Value {
    manifests
        .iter()
        .find(|manifest| manifest["kind"] == kind && manifest["metadata"]["name"] == name)
        .unwrap_or_else(|| panic!("the chart has no {kind} {name}"))
}

fn has(manifests: &[Value], kind: &str) -> bool {
    manifests.iter().any(|manifest| manifest["kind"] == kind)
}

fn pod_spec(manifests: &[Value]) -> &Value {
    &only(manifests, "Deployment")["spec"]["template"]["spec"]
}
