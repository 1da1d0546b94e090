//! What Argo CD, Flux and kstatus make of our objects, each with its own code.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod differences;
mod judge;
mod live;
mod states;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crossrole_testkit::Chart;
use crossrole_testkit::tools::workspace;
use judge::{Judge, SCRIPTS, read};
use serde_json::{Value, json};
use support::with;

#[tokio::test]
async fn each_state_is_judged_as_the_documentation_says() {
    let judge = Judge::find().await;
    let states = states::all();
    assert!(states.len() >= 20);
    let objects: Vec<Value> = states.iter().map(|(_, object)| object.clone()).collect();
    let verdicts = judge.verdicts(&objects, &json!({}));
    let rows: String = states
        .iter()
        .zip(&verdicts)
        .map(|((state, object), verdict)| {
            let kind = object["kind"].as_str().unwrap();
            let argo = verdict.argocd.as_ref().unwrap();
            let message = argo.message.replace('|', "\\|");
            format!(
                "| {kind} | {state} | {} | {} | {message} |\n",
                argo.status, verdict.kstatus.status
            )
        })
        .collect();
    let table = format!("| kind | state | Argo CD | kstatus | what Argo CD shows |\n|---|---|---|---|---|\n{rows}");
    assert!(
        read("docs/gitops.md").contains(&format!("\n{table}\n")),
        "docs/gitops.md has another table than:\n{table}"
    );
}

#[test]
fn the_config_map_of_argo_cd_holds_the_scripts() {
    let config: Value = serde_saphyr::from_str(&read("gitops/argocd/argocd-cm.yaml")).unwrap();
    let data = config["data"].as_object().unwrap();
    assert_eq!(data.len(), SCRIPTS.len());
    for kind in SCRIPTS {
        let script = read(&format!("gitops/argocd/{kind}/health.lua"));
        let key = format!("resource.customizations.health.crossrole.dev_{kind}");
        assert!(
            data[&key].as_str() == Some(&script),
            "gitops/argocd/argocd-cm.yaml: {key} is not gitops/argocd/{kind}/health.lua"
        );
    }
}

#[tokio::test]
async fn flux_substitutes_nothing_in_the_examples() {
    let judge = Judge::find().await;
    let mut objects = Vec::new();
    for path in manifests(&workspace().join("examples")) {
        let text = fs::read_to_string(&path).unwrap();
        let documents: Vec<Option<Value>> =
            serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let ours = documents.into_iter().flatten();
        objects.extend(ours.filter(|object| {
            let group = object["apiVersion"].as_str().unwrap_or_default();
            group.starts_with("crossrole.dev/")
        }));
    }
    let variables = json!({"parameter": "eaten", "AWS": "eaten", "namespace": "eaten"});
    for (object, verdict) in objects.iter().zip(judge.verdicts(&objects, &variables)) {
        assert_eq!(verdict.flux, *object, "Flux changes an example");
    }

    // At least one has what Flux would take for its own, and only the annotation keeps Flux from it.
    let mut tempting: Vec<Value> = objects;
    tempting.retain(|object| object["spec"].to_string().contains("${"));
    assert!(!tempting.is_empty(), "no example has a variable of ours");
    for object in &mut tempting {
        object["metadata"]["annotations"] = json!({});
        let refused = judge.refusal(std::slice::from_ref(object), &variables);
        assert!(refused.contains("envsubst"), "{refused}");
    }
}

#[tokio::test]
async fn what_is_written_for_flux_and_the_prometheus_operator_is_as_they_define_it() {
    let judge = Judge::find().await;
    let flux: Vec<Option<Value>> = serde_saphyr::from_multiple(&read("examples/gitops/flux.yaml")).unwrap();
    let mut objects: Vec<Value> = flux.into_iter().flatten().collect();
    let everything = [
        "metrics.serviceMonitor.enabled=true",
        "metrics.prometheusRule.enabled=true",
        "metrics.prometheusRule.clusterLabel=cluster",
    ];
    let chart = Chart::of_this_workspace().render(&everything).await.unwrap();
    for kind in ["ServiceMonitor", "PrometheusRule"] {
        objects.push(chart.of_kind(kind).next().expect(kind).clone());
    }
    assert_eq!(judge.mistakes(&objects), vec![""; objects.len()]);

    // It sees a field that there is not, and a value that cannot be one.
    let field = with(objects[0].clone(), "/spec/intervall", json!("5m"));
    let value = with(objects[0].clone(), "/spec/url", json!(5));
    let told = judge.mistakes(&[field, value, json!({"apiVersion": "v1", "kind": "Other"})]);
    for (told, expected) in told.iter().zip(["spec.intervall", "spec.url", "unknown kind v1 Other"]) {
        assert!(told.contains(expected), "{told}");
    }
}

#[test]
fn the_judge_is_compiled_from_the_folders_that_kube_apiserver_is_compiled_from() {
    let [theirs, ours] = ["tools/go.mod", "tools/gitops/go.mod"].map(read);
    let theirs = versions(&theirs);
    let mut replaced = ours.lines().filter(|line| line.contains(" => ")).peekable();
    assert!(replaced.peek().is_some());
    for line in replaced {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [module, _, same, version] = words[..] else {
            panic!("{line}")
        };
        assert_eq!(
            (module, Some(&version)),
            (same, theirs.get(module)),
            "tools/gitops/go.mod"
        );
    }
}

/// The modules of a `go.mod`, each with the version that it has in the end: what is replaced stands last.
fn versions(text: &str) -> BTreeMap<&str, &str> {
    text.lines().filter_map(version).collect()
}

fn version(line: &str) -> Option<(&str, &str)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        [module, version] | [module, version, "//", "indirect"] | [module, "=>", _, version] => Some((module, version)),
        _ => None,
    }
}

/// The roles of `tests/cases`, which have each field in its turn, all in one namespace, under names of their own, and
/// suspended.
fn roles_of_the_cases() -> Vec<Value> {
    let mut roles = Vec::new();
    for path in manifests(&workspace().join("tests/cases")) {
        let text = fs::read_to_string(&path).unwrap();
        let documents: Vec<Option<Value>> = serde_saphyr::from_multiple(&text).unwrap();
        let of_kind = |object: &Value| object["kind"] == "CrossAccountRole";
        roles.extend(documents.into_iter().flatten().filter(of_kind));
    }
    for (number, role) in roles.iter_mut().enumerate() {
        let metadata = json!({"name": format!("case-{number}"), "namespace": "security"});
        role["metadata"] = metadata;
        role["spec"]["suspend"] = json!(true);
    }
    roles
}

/// All YAML files below a folder.
fn manifests(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(manifests(&path));
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            found.push(path);
        }
    }
    found
}
