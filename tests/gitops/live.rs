//! What a real operator leaves behind is judged as it should be.

use crossrole_testkit::{Scene, eventually, scene};
use serde_json::{Value, json};

use super::judge::{Judge, Verdicts};
use super::support::{PROD, account, class, namespace, role, with, yaml};

async fn judged(scene: &Scene, judge: &Judge, kind: &str, name: &str, health: &str) -> Verdicts {
    eventually(scene::PATIENCE, &format!("{kind} {name} is {health}"), async || {
        let object = scene
            .get(kind, "security", name)
            .await
            .map_err(|error| format!("{error:?}"))?;
        let verdicts = judge.verdicts(std::slice::from_ref(&object), &json!({})).remove(0);
        if verdicts.argocd.as_ref().is_some_and(|argocd| argocd.status == health) {
            Ok(verdicts)
        } else {
            Err(format!("{verdicts:?}"))
        }
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_operator_writes_is_understood_by_all_of_them() {
    let judge = Judge::find().await;
    let scene = Scene::start(&[PROD]).await.unwrap();
    let control_plane = &scene.control_plane;
    let rules = [namespace("security"), class("standard"), account("prod", PROD)];
    control_plane.apply(&yaml(&rules)).await.unwrap();
    let audit = role("audit");
    control_plane.apply(&yaml(std::slice::from_ref(&audit))).await.unwrap();
    // Nobody has looked at it yet.
    let fresh = judged(&scene, &judge, "xar", "audit", "Progressing").await;
    assert_eq!(fresh.kstatus.status, "InProgress");

    let _operator = scene.operator(&["--resync-interval=24h"]).await.unwrap();
    let wait = [
        "wait",
        "--for=condition=Ready",
        "--timeout=60s",
        "--namespace=security",
        "xar/audit",
    ];
    control_plane.kubectl(wait).await.unwrap();
    for (kind, name) in [("xar", "audit"), ("awsaccount", "prod"), ("accountclass", "standard")] {
        let verdicts = judged(&scene, &judge, kind, name, "Healthy").await;
        assert_eq!(
            verdicts.kstatus.status, "Current",
            "{kind}: {}",
            verdicts.kstatus.message
        );
    }

    let change = async |pointer: &str, value: Value| {
        let changed = with(audit.clone(), pointer, value);
        control_plane.apply(&yaml(&[changed])).await.unwrap();
    };
    change("/spec/permissions/awsManaged", json!(["AdministratorAccess"])).await;
    let refused = judged(&scene, &judge, "xar", "audit", "Degraded").await;
    assert_eq!(refused.kstatus.status, "Failed");
    let message = refused.argocd.unwrap().message;
    assert!(message.starts_with("account prod: PolicyNotAllowed: "), "{message}");

    change("/spec/suspend", json!(true)).await;
    let suspended = judged(&scene, &judge, "xar", "audit", "Suspended").await;
    assert_eq!(suspended.kstatus.status, "InProgress");
    change("/spec/description", json!("other words")).await;
    judged(&scene, &judge, "xar", "audit", "Healthy").await;

    let observing = with(audit.clone(), "/spec/mode", json!("Observe"));
    let observing = with(observing, "/spec/description", json!("would change"));
    control_plane.apply(&yaml(&[observing])).await.unwrap();
    let verdicts = judged(&scene, &judge, "xar", "audit", "Suspended").await;
    let message = verdicts.argocd.unwrap().message;
    assert!(message.starts_with("mode Observe, nothing is written: "), "{message}");
}
