//! What a real operator makes of the examples is judged as it should be.

use crossrole_testkit::{Scene, eventually, scene};
use serde_json::{Value, json};

use super::judge::{Judge, Verdicts, read};
use super::support::{PROD, with, yaml};

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
async fn the_examples_become_healthy_in_their_order_and_say_what_is_wrong() {
    let judge = Judge::find().await;
    let scene = Scene::start(&[PROD]).await.unwrap();
    let control_plane = &scene.control_plane;
    let example = |file: &str| read(&format!("examples/gitops/{file}"));
    control_plane.apply(&example("rules/class.yaml")).await.unwrap();
    // Nobody has looked at it yet.
    let fresh = judged(&scene, &judge, "accountclass", "standard", "Progressing").await;
    assert_eq!(fresh.kstatus.status, "InProgress");
    let _operator = scene.operator(&["--resync-interval=24h"]).await.unwrap();
    judged(&scene, &judge, "accountclass", "standard", "Healthy").await;
    control_plane.apply(&example("accounts/accounts.yaml")).await.unwrap();
    judged(&scene, &judge, "awsaccount", "prod", "Healthy").await;
    control_plane.apply(&example("roles/namespace.yaml")).await.unwrap();
    control_plane.apply(&example("roles/role.yaml")).await.unwrap();
    let wait = "wait --for=condition=Ready --timeout=60s --namespace=security xar/security-audit";
    control_plane.kubectl(wait.split(' ')).await.unwrap();
    for (kind, name) in [
        ("xar", "security-audit"),
        ("awsaccount", "prod"),
        ("accountclass", "standard"),
    ] {
        let verdicts = judged(&scene, &judge, kind, name, "Healthy").await;
        assert_eq!(
            verdicts.kstatus.status, "Current",
            "{kind}: {}",
            verdicts.kstatus.message
        );
    }

    // What crossrole and the defaults of the CRDs added is no difference to whoever applied it, in either way to apply.
    for file in ["rules/class.yaml", "accounts/accounts.yaml", "roles/role.yaml"] {
        for way in ["--server-side=true", "--server-side=false"] {
            let diff = ["diff", way, "-f", "-"];
            let output = control_plane.kubectl_with_input(diff, &example(file)).await.unwrap();
            assert!(output.success && output.stdout.is_empty(), "{file}: {output}");
        }
    }

    let audit: Value = serde_saphyr::from_str(&example("roles/role.yaml")).unwrap();
    let change = async |pointer: &str, value: Value| {
        let changed = with(audit.clone(), pointer, value);
        control_plane.apply(&yaml(&[changed])).await.unwrap();
    };
    change("/spec/permissions/awsManaged", json!(["AdministratorAccess"])).await;
    let refused = judged(&scene, &judge, "xar", "security-audit", "Degraded").await;
    assert_eq!(refused.kstatus.status, "Failed");
    let message = refused.argocd.unwrap().message;
    assert!(message.starts_with("account prod: PolicyNotAllowed: "), "{message}");

    change("/spec/suspend", json!(true)).await;
    let suspended = judged(&scene, &judge, "xar", "security-audit", "Suspended").await;
    assert_eq!(suspended.kstatus.status, "InProgress");
    change("/spec/description", json!("other words")).await;
    judged(&scene, &judge, "xar", "security-audit", "Healthy").await;

    // In AWS the description is still the other.
    change("/spec/mode", json!("Observe")).await;
    let verdicts = judged(&scene, &judge, "xar", "security-audit", "Suspended").await;
    let message = verdicts.argocd.unwrap().message;
    assert!(message.starts_with("mode Observe, nothing is written: "), "{message}");
}
