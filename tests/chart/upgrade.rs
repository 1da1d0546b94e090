//! The whole life of a release, with objects that are in use.

use std::fs;
use std::path::{Path, PathBuf};

use crossrole_testkit::chart::{NAMESPACE, RELEASE};
use crossrole_testkit::scene::IDENTITY_ACCOUNT;
use crossrole_testkit::tools::workspace;
use crossrole_testkit::{Chart, Error, Figures, Operator, Scene, eventually, scene};
use http::Method;
use serde_json::{Value, json};

use super::CRDS;
use super::support::{PROD, account, class, grant, role, wait_for_roles_in_prod, with, yaml};

/// What the version before did not know. Its CRDs are made from today's by this rule: not every checkout has a history,
/// and CRDs that were kept as files would soon be those of a version that nobody upgrades from.
const NEWER: [(&str, &str, &str); 6] = [
    ("AccountClass", "status", "accounts"),
    ("AWSAccount", "spec", "parameters"),
    ("AWSAccount", "status", "quotas"),
    ("CrossAccountRole", "spec", "sessions"),
    ("CrossAccountRole", "status", "summary"),
    ("AssumeRoleGrant", "status", "summary"),
];

const OBJECTS: [(&str, &str); 4] = [
    ("accountclass", "standard"),
    ("awsaccount", "prod"),
    ("xar", "audit"),
    ("assumerolegrant", "auditors"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_installed_used_upgraded_rolled_back_removed_and_installed_again_without_a_write_to_aws() {
    let folder = tempfile::tempdir().unwrap();
    let previous = previous_chart(&folder.path().join("crossrole"));
    let scene = Scene::start_from(&Chart::at(previous), &[PROD]).await.unwrap();
    let control_plane = &scene.control_plane;
    let operator = scene.operator(&["--resync-interval=24h"]).await.unwrap();
    helm_waits_until_roles_are_ready(&scene, &folder.path().join("roles")).await;
    a_grant_is_given(&scene).await;
    wait_for_roles_in_prod(&scene, 1).await;
    let used = objects(&scene).await;
    scene.simulator.reset_calls().await.unwrap();

    let today = workspace().join("charts/crossrole").display().to_string();
    control_plane
        .helm([
            "upgrade",
            RELEASE,
            &today,
            "--namespace",
            NAMESPACE,
            "--reset-then-reuse-values",
        ])
        .await
        .unwrap();
    let operator = restarted(&scene, operator).await;
    unchanged(&scene, &used).await;
    eventually(scene::PATIENCE, "what the version before did not know", async || {
        let told = objects(&scene).await;
        let tells = |kind, field| {
            told.iter()
                .any(|object| object["kind"] == kind && !object["status"][field].is_null())
        };
        let mut newer = NEWER.iter().filter(|(_, part, _)| *part == "status");
        match newer.find(|(kind, _, field)| !tells(*kind, *field)) {
            None => Ok(()),
            Some(missing) => Err(format!("{missing:?}: {told:?}")),
        }
    })
    .await
    .unwrap();
    let newer = [
        with(account("prod", PROD), "/spec/parameters", json!({"logBucket": "logs"})),
        with(role("audit"), "/spec/sessions", json!({"onTighten": "Revoke"})),
    ];
    let apply = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
    control_plane
        .kubectl_with_input(apply, &yaml(&newer))
        .await
        .unwrap()
        .ok()
        .unwrap();
    scene.wait_for_ready("security", "audit", "True").await.unwrap();

    control_plane
        .helm(["rollback", RELEASE, "--namespace", NAMESPACE])
        .await
        .unwrap();
    let mut operator = restarted(&scene, operator).await;
    unchanged(&scene, &used).await;
    for (object, field) in objects(&scene).await[1..].iter().zip(["parameters", "sessions"]) {
        assert!(
            object["spec"].get(field).is_none(),
            "the older CRDs do not know {field}: {object}"
        );
    }

    operator.stop().await.unwrap();
    control_plane
        .helm(["uninstall", RELEASE, "--namespace", NAMESPACE])
        .await
        .unwrap();
    control_plane
        .kubectl(["get", "crd"].into_iter().chain(CRDS))
        .await
        .unwrap();
    unchanged(&scene, &used).await;
    Chart::of_this_workspace()
        .install(control_plane, &["leaderElection.enabled=false"])
        .await
        .unwrap();
    let _operator = restarted(&scene, operator).await;
    unchanged(&scene, &used).await;
    let counts = scene.simulator.counts().await.unwrap();
    let counts = &counts.accounts[PROD];
    assert_eq!(counts.writes, 0, "{:?}", counts.actions);
}

/// A chart of our kinds alone, installed with `--wait`: Helm returns when all are Ready, and says which is not.
async fn helm_waits_until_roles_are_ready(scene: &Scene, chart: &Path) {
    let control_plane = &scene.control_plane;
    let templates = chart.join("templates");
    fs::create_dir_all(&templates).unwrap();
    fs::write(
        chart.join("Chart.yaml"),
        "{apiVersion: v2, name: roles, version: 0.1.0}",
    )
    .unwrap();
    let release = async |verb: &str, role: Value| -> Result<String, Error> {
        let grants = json!({"role": "crossrole-grants", "allowedNamespaces": {"names": ["security"]}, "groups": ["SecAuditors"]});
        let class = with(class("standard"), "/spec/grants", grants);
        let objects = yaml(&[class, account("prod", PROD), role]);
        fs::write(templates.join("objects.yaml"), objects).unwrap();
        let words = format!(
            "{verb} roles {} --namespace=security --wait --timeout=20s",
            chart.display()
        );
        control_plane.helm(words.split(' ')).await
    };
    release("install --create-namespace", role("audit")).await.unwrap();
    for (kind, name) in &OBJECTS[..3] {
        let wait = format!("wait --for=condition=Ready --timeout=1s --namespace=security {kind}/{name}");
        control_plane.kubectl(wait.split(' ')).await.unwrap();
    }
    let refused = with(
        role("audit"),
        "/spec/permissions/awsManaged",
        json!(["AdministratorAccess"]),
    );
    let told = release("upgrade", refused).await.unwrap_err().to_string();
    assert!(
        told.contains("CrossAccountRole/security/audit") && told.contains("Failed"),
        "{told}"
    );
    assert!(
        !told.contains("deadline"),
        "it waited for what a person must mend: {told}"
    );
    release("upgrade", role("audit")).await.unwrap();
}

/// A grant of the role, in the role's own account and with the kit that examples/grants shows. The role does not trust that
/// account: the grant is half open, and Ready.
async fn a_grant_is_given(scene: &Scene) {
    let document = |file: &str| -> Value {
        let path = workspace().join("examples/grants/bootstrap").join(file);
        serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
    };
    let simulator = &scene.simulator;
    let grant_role = json!({
        "name": "crossrole-grants",
        "trust": document("trust-identity.json"),
        "inline": {"crossrole": document("grant-permissions.json")},
    });
    simulator.create_role(PROD, grant_role).await.unwrap();
    let enter = json!({"inline": {"grants": document("operator-permissions.json")}});
    let operator = simulator.edit_role(IDENTITY_ACCOUNT, "crossrole-operator", enter);
    operator.await.unwrap();
    let group = json!({"name": "SecAuditors"});
    let groups = format!("/accounts/{PROD}/groups");
    let made = simulator.ask::<Value>(Method::POST, &groups, Some(&group));
    made.await.unwrap();
    let grant = with(grant("auditors", "prod"), "/spec/roles", json!({"names": ["audit"]}));
    scene.control_plane.apply(&yaml(&[grant])).await.unwrap();
    let wait = "wait --for=condition=Ready --timeout=60s --namespace=security assumerolegrant/auditors";
    scene.control_plane.kubectl(wait.split(' ')).await.unwrap();
}

/// A copy of the chart with the CRDs of the version before.
fn previous_chart(folder: &Path) -> PathBuf {
    copy(&workspace().join("charts/crossrole"), folder);
    for entry in fs::read_dir(folder.join("crds-files")).unwrap() {
        let path = entry.unwrap().path();
        let mut crd: Value = serde_saphyr::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let kind = crd["spec"]["names"]["kind"].clone();
        let version = &mut crd["spec"]["versions"][0];
        for (_, part, field) in NEWER.iter().filter(|(of, ..)| kind == *of) {
            let part = &mut version["schema"]["openAPIV3Schema"]["properties"][part]["properties"];
            assert!(
                part.as_object_mut().unwrap().remove(*field).is_some(),
                "{kind} has no {field}"
            );
        }
        // JSON is YAML.
        fs::write(&path, crd.to_string()).unwrap();
    }
    folder.to_owned()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Another operator, as the Deployment would start one, which has looked at everything.
async fn restarted(scene: &Scene, mut operator: Operator) -> Operator {
    operator.stop().await.unwrap();
    let mut operator = scene.operator(&["--resync-interval=24h"]).await.unwrap();
    let figures = Figures::of(&mut operator, scene::PATIENCE).await.unwrap();
    let ready = ["AccountClass", "AWSAccount", "CrossAccountRole", "AssumeRoleGrant"]
        .map(|kind| format!("crossrole_reconciles_total{{kind=\"{kind}\",outcome=\"Ready\""));
    let looked = "crossrole_looks_total{outcome=\"Ready\"".to_string();
    eventually(scene::PATIENCE, "a look at everything", async || {
        let scrape = figures.scrape().await.unwrap();
        let told = |series: &&String| scrape.keys().any(|key| key.starts_with(series.as_str()));
        let missing: Vec<&String> = ready.iter().chain([&looked]).filter(|series| !told(series)).collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(format!("{missing:?}"))
        }
    })
    .await
    .unwrap();
    operator
}

async fn objects(scene: &Scene) -> Vec<Value> {
    let mut found = Vec::new();
    for (kind, name) in OBJECTS {
        found.push(scene.get(kind, "security", name).await.unwrap());
    }
    found
}

/// Waits until the objects say what they said, in all that the version before knew.
async fn unchanged(scene: &Scene, before: &[Value]) {
    let before: Vec<Value> = before.iter().map(known_before).collect();
    eventually(scene::PATIENCE, "the same objects as before", async || {
        let now: Vec<Value> = objects(scene).await.iter().map(known_before).collect();
        if now == before {
            Ok(())
        } else {
            Err(format!("{}\nand before:\n{}", yaml(&now), yaml(&before)))
        }
    })
    .await
    .unwrap();
}

/// An object without what the version before did not know, and without the numbers of its writes.
fn known_before(object: &Value) -> Value {
    let mut object = object.clone();
    let kind = object["kind"].clone();
    for (_, part, field) in NEWER.iter().filter(|(of, ..)| kind == *of) {
        object[part].as_object_mut().unwrap().remove(*field);
    }
    for number in ["resourceVersion", "generation"] {
        object["metadata"].as_object_mut().unwrap().remove(number);
    }
    let status = object["status"].as_object_mut().unwrap();
    status.remove("observedGeneration");
    for condition in status["conditions"].as_array_mut().unwrap() {
        condition.as_object_mut().unwrap().remove("observedGeneration");
    }
    object
}
