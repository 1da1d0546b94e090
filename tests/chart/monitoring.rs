//! What the chart makes for probes, Prometheus and Grafana; and that alerts and dashboard ask for figures that there are.

use std::collections::BTreeSet;
use std::process::Command;

use crossrole::metrics::Metrics;
use crossrole_testkit::Chart;
use crossrole_testkit::tools::{program, workspace};
use serde_json::{Value, json};

use super::promtool::{ALERTS, alerts, promtool, satisfied};
use super::{has, named, only, pod_spec, render};

const EVERYTHING: [&str; 3] = [
    "metrics.serviceMonitor.enabled=true",
    "metrics.prometheusRule.enabled=true",
    "metrics.dashboard.enabled=true",
];

const DASHBOARD: &str = "charts/crossrole/monitoring/dashboard.json";

fn read(file: &str) -> String {
    std::fs::read_to_string(workspace().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

#[tokio::test]
async fn probes_ask_the_port_of_the_figures_and_a_service_finds_every_pod() {
    let manifests = render(&["metrics.port=9090"]).await;
    let container = &pod_spec(&manifests)["containers"][0];
    assert_eq!(container["ports"], json!([{"name": "metrics", "containerPort": 9090}]));
    for (probe, path) in [("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")] {
        assert_eq!(
            container[probe]["httpGet"],
            json!({"path": path, "port": "metrics"}),
            "{probe}"
        );
    }
    let service = &only(&manifests, "Service")["spec"];
    assert_eq!(service["publishNotReadyAddresses"], true);
    assert_eq!(
        service["ports"][0],
        json!({"name": "metrics", "port": 9090, "targetPort": "metrics"})
    );
    assert_eq!(
        service["selector"],
        only(&manifests, "Deployment")["spec"]["selector"]["matchLabels"]
    );
    for kind in ["ServiceMonitor", "PrometheusRule"] {
        assert!(!has(&manifests, kind), "{kind}");
    }

    let settings = [&["metrics.enabled=false"][..], &EVERYTHING[..]].concat();
    let without = render(&settings).await;
    let container = &pod_spec(&without)["containers"][0];
    for part in ["ports", "livenessProbe", "readinessProbe"] {
        assert!(container[part].is_null(), "{part}");
    }
    let arguments = container["args"].as_array().unwrap();
    assert!(arguments.contains(&json!("--metrics-address=")), "{arguments:?}");
    for kind in ["Service", "ServiceMonitor", "PrometheusRule"] {
        assert!(!has(&without, kind), "{kind}");
    }
}

#[tokio::test]
async fn prometheus_and_grafana_get_what_they_look_for() {
    let labels = [
        r#"metrics.serviceMonitor={"enabled":true,"interval":"1m","labels":{"release":"prometheus"}}"#,
        r#"metrics.prometheusRule={"enabled":true,"labels":{"release":"prometheus"},"runbook":"https://wiki.example.com/runbook"}"#,
        r#"metrics.dashboard={"enabled":true}"#,
    ];
    let manifests = Chart::of_this_workspace().render_json(&labels).await.unwrap();
    let manifests = manifests.all();
    let monitor = only(manifests, "ServiceMonitor");
    assert_eq!(monitor["metadata"]["labels"]["release"], "prometheus");
    assert_eq!(
        monitor["spec"]["endpoints"],
        json!([{"port": "metrics", "interval": "1m"}])
    );
    let service = &only(manifests, "Service")["metadata"]["labels"];
    for (label, value) in monitor["spec"]["selector"]["matchLabels"].as_object().unwrap() {
        assert_eq!(service[label], *value, "{label}");
    }
    let rule = only(manifests, "PrometheusRule");
    assert_eq!(rule["metadata"]["labels"]["release"], "prometheus");
    let written: Value = serde_saphyr::from_str(&read(ALERTS)).unwrap();
    let (rendered, written) = (&rule["spec"]["groups"][0]["rules"], &written["groups"][0]["rules"]);
    for (rendered, written) in rendered.as_array().unwrap().iter().zip(written.as_array().unwrap()) {
        assert_eq!(rendered["expr"], written["expr"]);
        let (page, section) = written["annotations"]["runbook_url"]
            .as_str()
            .unwrap()
            .split_once('#')
            .unwrap();
        assert_eq!(page, "docs/runbook.md");
        let url = format!("https://wiki.example.com/runbook#{section}");
        assert_eq!(rendered["annotations"]["runbook_url"], url);
    }
    let dashboard = named(manifests, "ConfigMap", "crossrole-dashboard");
    assert_eq!(dashboard["metadata"]["labels"]["grafana_dashboard"], "1");
    let shown: Value = serde_json::from_str(dashboard["data"]["crossrole.json"].as_str().unwrap()).unwrap();
    let written: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    assert_eq!(shown, written);

    let nothing_to_scrape = [EVERYTHING[0], "metrics.service.enabled=false"];
    let refused = Chart::of_this_workspace().render(&nothing_to_scrape).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("metrics.service.enabled"), "{refused}");
}

#[tokio::test]
async fn the_filter_of_the_log_is_changed_without_a_restart() {
    let (before, after) = (
        render(&[]).await,
        render(&["operator.log=warn\\,crossrole=debug"]).await,
    );
    let filter = |manifests: &[Value]| named(manifests, "ConfigMap", "crossrole-log")["data"]["filter"].clone();
    assert_eq!(
        (filter(&before), filter(&after)),
        (json!("info"), json!("warn,crossrole=debug"))
    );
    assert_eq!(only(&before, "Deployment"), only(&after, "Deployment"));
}

#[test]
fn promtool_takes_the_alerts_and_each_fires_when_its_time_is_over() {
    let Some(promtool) = promtool() else { return };
    for arguments in [
        ["check", "rules", ALERTS],
        ["test", "rules", "tests/alerts/alerts.yaml"],
    ] {
        let mut command = Command::new(&promtool);
        satisfied(&command.args(arguments).current_dir(workspace()).output().unwrap());
    }
}

#[tokio::test]
async fn with_the_label_of_clusters_each_is_watched_by_itself() {
    let settings = [EVERYTHING[1], "metrics.prometheusRule.clusterLabel=cluster"];
    let manifests = render(&settings).await;
    let rules = &only(&manifests, "PrometheusRule")["spec"];
    for rule in rules["groups"][0]["rules"].as_array().unwrap() {
        let expression = rule["expr"].as_str().unwrap();
        let whole = ["sum(", "max(", "min(", "absent(", "sum by (account", "max by (account"];
        assert!(!whole.iter().any(|part| expression.contains(part)), "{expression}");
        assert!(expression.contains(" by (cluster"), "{expression}");
    }
    let Some(promtool) = promtool() else { return };
    let folder = tempfile::tempdir().unwrap();
    // JSON is YAML.
    std::fs::write(folder.path().join("alerts.yaml"), rules.to_string()).unwrap();
    std::fs::write(folder.path().join("clusters.yaml"), read("tests/alerts/clusters.yaml")).unwrap();
    for arguments in [["check", "rules", "alerts.yaml"], ["test", "rules", "clusters.yaml"]] {
        let mut command = Command::new(&promtool);
        satisfied(&command.args(arguments).current_dir(folder.path()).output().unwrap());
    }
}

#[test]
fn every_alert_has_its_section_in_the_runbook_and_no_section_is_left_over() {
    let runbook = read("docs/runbook.md");
    let mut sections = BTreeSet::new();
    for section in runbook.split("\n## ").skip(1) {
        let (title, body) = section.split_once('\n').unwrap();
        assert!(sections.insert(title.to_owned()), "{title} is there twice");
        for part in ["**Means**: ", "**Do**: "] {
            let line = body.lines().find_map(|line| line.strip_prefix(part));
            assert!(line.is_some_and(|line| line.len() > 10), "{title} lacks {part:?}");
        }
    }
    let alerts = alerts();
    let names: BTreeSet<String> = alerts.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(names, sections);
    for (name, alert) in alerts {
        let anchor = format!("docs/runbook.md#{}", name.to_lowercase());
        assert_eq!(alert["annotations"]["runbook_url"], anchor, "{name}");
        for annotation in ["summary", "description"] {
            assert!(
                alert["annotations"][annotation].is_string(),
                "{name} lacks a {annotation}"
            );
        }
        let severity = alert["labels"]["severity"].as_str().unwrap();
        assert!(
            ["critical", "warning", "info"].contains(&severity),
            "{name}: {severity}"
        );
        let tried = read("tests/alerts/alerts.yaml");
        assert!(
            tried.contains(&format!("alertname: {name}\n")),
            "promtool does not try {name}"
        );
    }
}

/// The metrics that an expression asks for, each with the labels that it names.
fn asked(expression: &str) -> Vec<(String, Vec<String>)> {
    let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let mut asked = Vec::new();
    let mut rest = expression;
    while let Some(start) = rest.find("crossrole_") {
        let name: String = rest[start..]
            .chars()
            .take_while(|character| is_name(*character))
            .collect();
        rest = &rest[start + name.len()..];
        let selector = rest.strip_prefix('{').and_then(|selector| selector.split('}').next());
        let labels = selector.unwrap_or_default().split(',').filter_map(|matcher| {
            let label = matcher.split(['=', '!']).next().unwrap().trim();
            (!label.is_empty() && label.chars().all(is_name)).then(|| label.to_owned())
        });
        asked.push((name, labels.collect()));
    }
    asked
}

/// What an expression groups by.
fn grouped(expression: &str) -> Vec<String> {
    let groups = expression.split(" by (").skip(1);
    let groups = groups.filter_map(|rest| rest.split(')').next());
    groups
        .flat_map(|labels| labels.split(", ").map(str::to_owned))
        .collect()
}

/// What is wrong with an expression: a metric or a label that there is not.
fn mistakes(expression: &str) -> Vec<String> {
    let metrics = Metrics::default();
    let mut labels = BTreeSet::from(["le".to_owned()]);
    let mut mistakes = Vec::new();
    let asked = asked(expression);
    if asked.is_empty() {
        mistakes.push("no metric".to_owned());
    }
    for (name, named) in asked {
        let found = metrics.described().iter().find(|metric| {
            let parts = ["_bucket", "_sum", "_count"].map(|part| format!("{}{part}", metric.name));
            if metric.kind == "histogram" {
                parts.contains(&name)
            } else {
                metric.name == name
            }
        });
        let Some(found) = found else {
            mistakes.push(name);
            continue;
        };
        let wrong = named
            .into_iter()
            .filter(|label| !found.labels.contains(&label.as_str()));
        mistakes.extend(wrong.map(|label| format!("{name}{{{label}}}")));
        labels.extend(found.labels.iter().map(|label| (*label).to_owned()));
    }
    let groups = grouped(expression).into_iter();
    mistakes.extend(
        groups
            .filter(|label| !labels.contains(label))
            .map(|label| format!("by ({label})")),
    );
    mistakes
}

#[test]
fn alerts_and_dashboard_ask_for_figures_that_there_are() {
    for (wrong, expected) in [
        ("crossrole_roless > 0", vec!["crossrole_roless"]),
        (
            r#"sum by (state) (crossrole_roles{stat="Ready"})"#,
            vec!["crossrole_roles{stat}"],
        ),
        ("max by (accountid) (crossrole_orphans)", vec!["by (accountid)"]),
        (
            "crossrole_aws_call_duration_seconds",
            vec!["crossrole_aws_call_duration_seconds"],
        ),
        ("vector(1)", vec!["no metric"]),
    ] {
        assert_eq!(mistakes(wrong), expected, "{wrong}");
    }
    let mut used = BTreeSet::new();
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| {
        let targets = panel["targets"].as_array().unwrap().iter();
        targets.map(|target| (panel["title"].to_string(), target["expr"].as_str().unwrap().to_owned()))
    });
    let alerts = alerts().into_iter();
    let alerts = alerts.map(|(name, alert)| (name, alert["expr"].as_str().unwrap().to_owned()));
    for (place, expression) in alerts.chain(targets) {
        assert_eq!(mistakes(&expression), Vec::<String>::new(), "{place}: {expression}");
        used.extend(asked(&expression).into_iter().map(|(name, _)| name));
    }
    // A figure that neither shows is one that nobody sees.
    for metric in Metrics::default().described() {
        let shown = used.iter().any(|name| name.starts_with(&metric.name));
        assert!(shown, "{} is in no alert and on no dashboard", metric.name);
    }
}

// Which of its rules do not hold here, and why, stands in tools/dashboard.
#[tokio::test]
async fn grafanas_linter_finds_nothing_in_the_dashboard() {
    let judge = program("dashboard-judge").await.unwrap();
    let dashboard = workspace().join(DASHBOARD);
    satisfied(&Command::new(&judge).arg(&dashboard).output().unwrap());

    let folder = tempfile::tempdir().unwrap();
    let worse = folder.path().join("dashboard.json");
    std::fs::write(
        &worse,
        read(DASHBOARD).replacen("sum(crossrole_leader)", "sum(crossrole_leader", 1),
    )
    .unwrap();
    let output = Command::new(&judge).arg(&worse).output().unwrap();
    let found = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.code() == Some(1) && found.contains("invalid PromQL"),
        "{found}"
    );
}

#[test]
fn the_panels_of_the_dashboard_neither_overlap_nor_share_an_id() {
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    let (mut ids, mut cells) = (BTreeSet::new(), BTreeSet::new());
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = &panel["title"];
        assert!(ids.insert(panel["id"].as_i64().unwrap()), "{title}");
        let place = |name: &str| panel["gridPos"][name].as_i64().unwrap();
        assert!(place("x") + place("w") <= 24, "{title}");
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(cells.insert((x, y)), "{title} overlaps another");
            }
        }
        let source = json!({"type": "prometheus", "uid": "${datasource}"});
        assert_eq!(panel["datasource"], source, "{title}");
    }
}
