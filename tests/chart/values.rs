//! The values: what they may be, and where they are described.

use std::collections::BTreeSet;
use std::fs;

use crossrole_testkit::tools::workspace;
use crossrole_testkit::{Chart, chart_values};
use serde_json::Value;

use super::render;

/// What a parent chart may say to every chart in it: what all of them share, and by which condition this one is there.
const HELMS_OWN: [&str; 2] = ["global", "enabled"];

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
        (
            "operator.resyncInterval=0s",
            "operator.resyncInterval: write a duration from 1s to 24h",
        ),
        (
            "operator.resyncInterval=24h1s",
            "operator.resyncInterval: write a duration from 1s to 24h",
        ),
        (
            "operator.propagationDelay=61m",
            "operator.propagationDelay: write a duration from 1s to 1h",
        ),
        (
            "leaderElection.leaseDuration=2h",
            "leaderElection.leaseDuration: write a duration from 1s to 1h",
        ),
        (
            "leaderElection.leaseDuration=10s",
            "the lease duration (10s) must be longer than the renew deadline (10s)",
        ),
        ("leaderElection.renewDeadline=2400ms", "/leaderElection/renewDeadline"),
        (
            "leaderElection.retryPeriod=9s",
            "the renew deadline (10s) must be longer than 1.2 times the retry period (9s)",
        ),
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
        (
            "metrics.prometheusRule.clusterLabel=my-cluster",
            "/metrics/prometheusRule/clusterLabel",
        ),
        ("metrics.dashbord.enabled=true", "dashbord"),
        ("resources.limits.memory=2Gigs", "/resources/limits/memory"),
        ("resources.limit.memory=2Gi", "limit"),
        ("tolerations[0].efect=NoSchedule", "efect"),
        ("topologySpreadConstraints[0].topologyKey=zone", "maxSkew"),
        ("podLabels.version=1", "/podLabels/version"),
        ("serviceAccount.name=Robot", "/serviceAccount/name"),
        ("extraEnv[0].value=x", "/extraEnv/0"),
        ("imagePullSecrets[0]=registry", "/imagePullSecrets/0"),
        ("extraVolumes[0].configMap.name=x", "/extraVolumes/0"),
        // The chart's own.
        ("extraVolumes[0].name=log", "/extraVolumes/0/name"),
        ("extraVolumeMounts[0].name=x", "mountPath"),
        (
            "podSecurityContext.runAsNonRoot=false",
            "/podSecurityContext/runAsNonRoot",
        ),
        ("podSecurityContext.runAsUser=0", "/podSecurityContext/runAsUser"),
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

#[tokio::test]
async fn times_at_the_edge_are_taken_and_those_of_no_lease_are_not_looked_at() {
    for settings in [
        &["operator.resyncInterval=24h", "operator.propagationDelay=1h"][..],
        &["operator.resyncInterval=1s", "leaderElection.leaseDuration=1h"][..],
        &["leaderElection.leaseDuration=11s", "leaderElection.retryPeriod=8s"][..],
        &["leaderElection.enabled=false", "leaderElection.leaseDuration=1s"][..],
    ] {
        let rendered = Chart::of_this_workspace().render(settings).await;
        rendered.unwrap_or_else(|error| panic!("{settings:?}: {error}"));
    }
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
    for name in HELMS_OWN {
        assert!(known.remove(name), "{name}");
    }
    assert_eq!(known, values);
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// The values that the schema does not require.
fn optional(schema: &Value, path: &str, found: &mut Vec<String>) {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = below(path, name);
        if required.contains(&Value::from(name.as_str())) {
            optional(property, &path, found);
        } else {
            found.push(path);
        }
    }
}

// Null is how Helm takes a default away.
#[tokio::test]
async fn what_may_be_left_out_may_be_null() {
    let schema: Value = serde_json::from_str(&read("values.schema.json")).unwrap();
    let mut found = Vec::new();
    optional(&schema, "", &mut found);
    let defaults: Value = serde_saphyr::from_str(&read("values.yaml")).unwrap();
    found.retain(|path| defaults.pointer(&format!("/{}", path.replace('.', "/"))).is_some());
    for path in ["podLabels", "metrics.dashboard.labels", "podSecurityContext.fsGroup"] {
        assert!(found.iter().any(|found| found == path), "{path} is required");
    }
    let everything = [
        "metrics.serviceMonitor.enabled",
        "metrics.prometheusRule.enabled",
        "metrics.dashboard.enabled",
        "networkPolicy.enabled",
    ];
    let nulls = found.iter().map(|path| format!("{path}=null"));
    let settings: Vec<String> = everything
        .iter()
        .map(|path| format!("{path}=true"))
        .chain(nulls)
        .collect();
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let rendered = Chart::of_this_workspace().render_json(&settings).await.unwrap();
    let spec = super::pod_spec(rendered.all());
    assert!(spec["topologySpreadConstraints"].is_null(), "{spec}");
}

// Helm itself asks for it, where a parent chart says `condition: crossrole.enabled`.
#[tokio::test]
async fn a_chart_of_charts_may_switch_it_on() {
    assert_eq!(render(&["enabled=true"]).await, render(&[]).await);
}

fn collect(schema: &Value, path: &str, values: &BTreeSet<String>, known: &mut BTreeSet<String>) {
    assert_eq!(schema["type"], "object", "{path} is not a value");
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = below(path, name);
        if values.contains(&path) || property["properties"].is_null() {
            known.insert(path);
        } else {
            assert_eq!(property["additionalProperties"], false, "{path} takes anything");
            collect(property, &path, values, known);
        }
    }
}
