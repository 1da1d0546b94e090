//! The CRDs as they were before their last change, with what was written for them, and today's in their place.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use crossrole_testkit::tools::workspace;
use crossrole_testkit::{ControlPlane, ControlPlaneOptions};
use serde_json::{Value, json};

use super::CRDS;
use super::support::{namespace, say, yaml};

// `upgrade` makes a version before out of today's CRDs; this is one that was. A rule that got tighter, or a field that is
// called otherwise, is found here alone.
#[tokio::test(flavor = "multi_thread")]
async fn objects_that_are_there_outlive_the_last_change_of_the_crds_and_are_taken_again() {
    let folder = tempfile::tempdir().unwrap();
    let before = folder.path();
    if !unpack(before) {
        say(
            "skew",
            "SKIPPED: there is no history here, so the CRDs before their last change were not asked",
        );
        return;
    }
    let control_plane = ControlPlane::start(ControlPlaneOptions::default()).await.unwrap();
    install_crds(&control_plane, before).await;
    control_plane.apply(&yaml(&[namespace("security")])).await.unwrap();
    let objects = objects(&before.join("tests/cases"), "case");
    assert!(objects.len() > 50, "only {} objects were found", objects.len());
    create(&control_plane, &["create", "-f", "-"], &objects).await;
    let written = specs(&control_plane).await;
    assert_eq!(written.len(), objects.len());

    install_crds(&control_plane, workspace()).await;
    let again = self::objects(&before.join("tests/cases"), "again");
    create(&control_plane, &["create", "--dry-run=server", "-f", "-"], &again).await;
    // Read after that: by now the API server has taken the CRDs into use.
    let read = specs(&control_plane).await;
    for (name, spec) in &written {
        assert_eq!(read.get(name), Some(spec), "{name}");
    }
}

/// Unpacks the CRDs and the cases as they were before the CRDs became what they are in the work tree. Whether there is such
/// a time: an archive has no history, and a shallow clone has little.
fn unpack(folder: &Path) -> bool {
    let commit = if git(&["diff", "--quiet", "HEAD", "--", "crds"]).is_none() {
        "HEAD".to_owned()
    } else {
        let changed = git(&["log", "-1", "--format=%H", "--", "crds"]).unwrap_or_default();
        format!("{}^", changed.trim())
    };
    let archive = folder.join("before.tar");
    let output = format!("--output={}", archive.display());
    if git(&["archive", &output, &commit, "crds", "tests/cases"]).is_none() {
        return false;
    }
    let unpacked = Command::new("tar")
        .arg("-xf")
        .arg(&archive)
        .current_dir(folder)
        .status();
    assert!(unpacked.unwrap().success());
    true
}

/// What git prints; `None` where it fails, or is not there.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(workspace())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

async fn install_crds(control_plane: &ControlPlane, project: &Path) {
    let folder = project.join("crds").display().to_string();
    let apply = ["apply", "--server-side", "--force-conflicts", "-f", &folder];
    control_plane.kubectl(apply).await.unwrap();
    let wait = ["wait", "--for=condition=Established", "--timeout=30s", "crd"];
    control_plane.kubectl(wait.into_iter().chain(CRDS)).await.unwrap();
}

/// The objects of the cases, each with a name of its own.
fn objects(cases: &Path, name: &str) -> Vec<Value> {
    let mut paths: Vec<_> = fs::read_dir(cases)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        let documents: Vec<Option<Value>> = serde_saphyr::from_multiple(&text).unwrap();
        let documents = documents.into_iter().flatten();
        found.extend(documents.filter(|object| object["apiVersion"] == "crossrole.dev/v1alpha1"));
    }
    for (number, object) in found.iter_mut().enumerate() {
        let is_namespaced = ["CrossAccountRole", "AssumeRoleGrant"].contains(&object["kind"].as_str().unwrap());
        object["metadata"] = json!({"name": format!("{name}-{number}")});
        if is_namespaced {
            object["metadata"]["namespace"] = json!("security");
        }
    }
    found
}

async fn create(control_plane: &ControlPlane, arguments: &[&str], objects: &[Value]) {
    let created = control_plane.kubectl_with_input(arguments, &yaml(objects)).await;
    created.unwrap().ok().unwrap();
}

/// The `spec` of each object that is there, by kind and name.
async fn specs(control_plane: &ControlPlane) -> BTreeMap<String, Value> {
    let kinds = "accountclasses,awsaccounts,crossaccountroles,assumerolegrants";
    let get = ["get", kinds, "--all-namespaces", "--output=json"];
    let list: Value = serde_json::from_str(&control_plane.kubectl(get).await.unwrap()).unwrap();
    let items = list["items"].as_array().unwrap().iter();
    let named = |item: &Value| format!("{} {}", item["kind"], item["metadata"]["name"]);
    items.map(|item| (named(item), item["spec"].clone())).collect()
}
