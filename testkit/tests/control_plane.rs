//! Control planes start, several at once, with RBAC and working ServiceAccount tokens, and end without a trace.

#![allow(clippy::unwrap_used)]

use std::time::Instant;

use crossrole_testkit::{ControlPlane, ControlPlaneOptions};
use rustix::process::{Pid, test_kill_process};

const PEOPLE: &str = r#"
apiVersion: v1
kind: ServiceAccount
metadata: {name: nobody, namespace: default}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: reader, namespace: default}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: default}
rules:
- {apiGroups: [""], resources: [configmaps], verbs: [get, list]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader, namespace: default}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects:
- {kind: ServiceAccount, name: reader, namespace: default}
"#;

#[tokio::test]
async fn two_at_once_answer_keep_rbac_and_leave_nothing_behind() {
    let started = Instant::now();
    let (first, second) = tokio::join!(
        ControlPlane::start(ControlPlaneOptions::default()),
        ControlPlane::start(ControlPlaneOptions::default())
    );
    let (first, second) = (first.unwrap(), second.unwrap());
    println!("two control planes were ready after {:?}", started.elapsed());
    assert_ne!(first.url(), second.url());

    let version = first.kubectl(["version", "--output=json"]).await.unwrap();
    let version: serde_json::Value = serde_json::from_str(&version).unwrap();
    for side in ["clientVersion", "serverVersion"] {
        assert_eq!(version[side]["major"], "1", "{version}");
        assert!(
            version[side]["minor"].as_str().unwrap().parse::<u32>().is_ok(),
            "{version}"
        );
    }

    first.apply(PEOPLE).await.unwrap();
    let seen = second
        .kubectl(["get", "serviceaccounts", "--namespace=default", "--output=name"])
        .await
        .unwrap();
    assert!(!seen.contains("reader"), "they share a database: {seen}");

    let nobody = first.service_account_kubeconfig("default", "nobody").await.unwrap();
    let who = first
        .kubectl_as(&nobody, ["auth", "whoami"])
        .await
        .unwrap()
        .ok()
        .unwrap();
    assert!(who.contains("system:serviceaccount:default:nobody"), "{who}");
    let denied = first.kubectl_as(&nobody, ["get", "configmaps"]).await.unwrap();
    assert!(!denied.success && denied.stderr.contains("Forbidden"), "{denied}");

    let reader = first.service_account_kubeconfig("default", "reader").await.unwrap();
    first
        .kubectl_as(&reader, ["get", "configmaps"])
        .await
        .unwrap()
        .ok()
        .unwrap();

    let ids = [first.process_ids(), second.process_ids()].concat();
    let folders = [first.folder().to_owned(), second.folder().to_owned()];
    assert_eq!(ids.len(), 4);
    assert!(ids.iter().all(|id| exists(*id)));
    let ending = Instant::now();
    drop(first);
    drop(second);
    println!("two control planes were gone after {:?}", ending.elapsed());
    assert!(ids.iter().all(|id| !exists(*id)));
    assert!(folders.iter().all(|folder| !folder.exists()));
}

#[tokio::test]
async fn an_older_version_is_emulated_and_helm_works() {
    let control_plane = ControlPlane::start(ControlPlaneOptions {
        emulated_version: Some("1.33".to_owned()),
        ..ControlPlaneOptions::default()
    })
    .await
    .unwrap();
    let version = control_plane.kubectl(["get", "--raw", "/version"]).await.unwrap();
    let version: serde_json::Value = serde_json::from_str(&version).unwrap();
    assert_eq!(version["emulationMinor"], "33", "{version}");

    let version = control_plane.helm(["version", "--short"]).await.unwrap();
    assert!(version.starts_with("v4."), "{version}");
    let releases = control_plane.helm(["list", "--all-namespaces"]).await.unwrap();
    assert!(releases.contains("NAMESPACE"), "{releases}");
}

#[tokio::test]
async fn a_server_that_does_not_come_up_is_reported_with_the_end_of_its_log() {
    let error = ControlPlane::start(ControlPlaneOptions {
        api_server_arguments: vec!["--no-such-flag".to_owned()],
        ..ControlPlaneOptions::default()
    })
    .await
    .unwrap_err();
    let message = error.to_string();
    assert!(message.contains("kube-apiserver ended"), "{message}");
    assert!(message.contains("unknown flag: --no-such-flag"), "{message}");
}

#[tokio::test]
#[ignore = "the first run builds kube-controller-manager, which takes minutes"]
async fn a_controller_manager_finishes_the_deletion_of_a_namespace() {
    let control_plane = ControlPlane::start(ControlPlaneOptions {
        controller_manager: true,
        ..ControlPlaneOptions::default()
    })
    .await
    .unwrap();
    for verb in ["create", "delete"] {
        control_plane.kubectl([verb, "namespace", "passing"]).await.unwrap();
    }
    let gone = control_plane
        .kubectl(["get", "namespaces", "--output=name"])
        .await
        .unwrap();
    assert!(!gone.contains("passing"), "{gone}");
}

#[test]
fn starting_one_can_be_spawned_as_a_task() {
    fn is_send<T: Send>(_: &T) {}
    is_send(&ControlPlane::start(ControlPlaneOptions::default()));
}

fn exists(id: u32) -> bool {
    let pid = Pid::from_raw(i32::try_from(id).unwrap()).unwrap();
    test_kill_process(pid).is_ok()
}
