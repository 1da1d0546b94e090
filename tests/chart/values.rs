//! The values: what they may be, and where they are described.

use std::collections::BTreeSet;
use std::fs;

use crossrole_testkit::tools::workspace;
use crossrole_testkit::{Chart, chart_values};
use serde_json::Value;

use super::render;

fn read(file: &str) -> String {
    let path = workspace().join("charts/crossrole").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[tokio::test]
async fn a_value_that_does_not_exist_or_fit_is_refused() {
    for (setting, named) in [
        ("operator.resyncIntervall=5m", "resyncIntervall"),
        ("operator.resyncInterval=soon", "/operator/resyncInterval"),
        ("operator.logFormat=xml", "/operator/logFormat"),
        ("image.repository=", "/image/repository"),
        ("crds.instal=false", "instal"),
        ("replica=2", "replica"),
        ("replicas=two", "/replicas"),
        ("leaderElection.retryPeriod=often", "/leaderElection/retryPeriod"),
        ("leaderElection.leaseDuration=", "/leaderElection/leaseDuration"),
        ("admissionPolicies.names=false", "names"),
        (
            "podDisruptionBudget.maxUnavailable=0",
            "/podDisruptionBudget/maxUnavailable",
        ),
        (
            "podDisruptionBudget.maxUnavailable=0%",
            "/podDisruptionBudget/maxUnavailable",
        ),
        ("networkPolicy.ports[0]=70000", "/networkPolicy/ports/0"),
        ("networkPolicy.scrapers[0].selector=x", "/networkPolicy/scrapers/0"),
        ("metrics.port=0", "/metrics/port"),
        ("metrics.bindAddress=localhost", "/metrics/bindAddress"),
        (
            "metrics.serviceMonitor.interval=often",
            "/metrics/serviceMonitor/interval",
        ),
        ("metrics.prometheusRule.runbook=a#b", "/metrics/prometheusRule/runbook"),
        ("metrics.dashbord.enabled=true", "dashbord"),
        ("resources.limits.memory=2Gigs", "/resources/limits/memory"),
        ("resources.limit.memory=2Gi", "limit"),
        ("tolerations[0].efect=NoSchedule", "efect"),
        ("topologySpreadConstraints[0].topologyKey=zone", "maxSkew"),
        ("podLabels.version=1", "/podLabels/version"),
        ("serviceAccount.name=Robot", "/serviceAccount/name"),
        ("extraEnv[0].value=x", "/extraEnv/0"),
        ("imagePullSecrets[0]=registry", "/imagePullSecrets/0"),
        ("notifierSecrets[0]=../token", "/notifierSecrets/0"),
    ] {
        let refused = Chart::of_this_workspace()
            .render(&[setting])
            .await
            .unwrap_err()
            .to_string();
        assert!(refused.contains(named), "{setting}: {refused}");
    }
}

#[tokio::test]
async fn the_crds_can_be_left_out_and_need_not_be_kept() {
    let without = render(&["crds.install=false"]).await;
    assert!(
        without
            .iter()
            .all(|manifest| manifest["kind"] != "CustomResourceDefinition")
    );
    let loose = render(&["crds.keep=false"]).await;
    let crds: Vec<&Value> = loose
        .iter()
        .filter(|manifest| manifest["kind"] == "CustomResourceDefinition")
        .collect();
    assert_eq!(crds.len(), super::CRDS.len());
    assert!(crds.iter().all(|crd| crd["metadata"]["annotations"].is_null()));
}

#[test]
fn the_readme_tells_the_values_as_they_are() {
    let readme = read("README.md");
    let fresh = chart_values::readme(&readme, &read("values.yaml")).unwrap();
    assert!(readme == fresh, "charts/crossrole/README.md: run make generate");
}

#[test]
fn the_schema_knows_exactly_the_values_that_there_are() {
    let schema: Value = serde_json::from_str(&read("values.schema.json")).unwrap();
    let values = chart_values::values(&read("values.yaml")).unwrap();
    let values: BTreeSet<String> = values.into_iter().map(|value| value.path).collect();
    let mut known = BTreeSet::new();
    collect(&schema, "", &values, &mut known);
    // What other charts share with this one is nothing to it.
    assert!(known.remove("global"));
    assert_eq!(known, values);
}

fn collect(schema: &Value, path: &str, values: &BTreeSet<String>, known: &mut BTreeSet<String>) {
    assert_eq!(schema["type"], "object", "{path} is not a value");
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        if values.contains(&path) || property["properties"].is_null() {
            known.insert(path);
        } else {
            assert_eq!(property["additionalProperties"], false, "{path} takes anything");
            collect(property, &path, values, known);
        }
    }
}
