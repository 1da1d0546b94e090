//! What a real operator makes of the examples is judged as it should be.

use crossrole_testkit::{Scene, eventually, scene};
use serde_json::{Value, json};

use super::differences::{CLIENT_SIDE, Comparison, SERVER_SIDE};
use super::judge::{Judge, Verdicts, read};
use super::support::{PROD, objects, wait_for_roles_in_prod, with, yaml};

/// Applies as Argo CD does, in one of its two ways.
async fn apply(scene: &Scene, way: &[&str], manifests: &str) {
    let output = scene.control_plane.kubectl_with_input(way, manifests).await;
    output.unwrap().ok().unwrap();
}

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
    apply(&scene, CLIENT_SIDE, &example("rules/class.yaml")).await;
    // Nobody has looked at it yet.
    let fresh = judged(&scene, &judge, "accountclass", "standard", "Progressing").await;
    assert_eq!(fresh.kstatus.status, "InProgress");
    let _operator = scene.operator(&["--resync-interval=24h"]).await.unwrap();
    judged(&scene, &judge, "accountclass", "standard", "Healthy").await;
    apply(&scene, CLIENT_SIDE, &example("accounts/accounts.yaml")).await;
    judged(&scene, &judge, "awsaccount", "prod", "Healthy").await;
    control_plane.apply(&example("roles/namespace.yaml")).await.unwrap();
    apply(&scene, CLIENT_SIDE, &example("roles/role.yaml")).await;
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

    // What crossrole and the defaults of the CRDs added is no difference to whoever applied it, in either way to apply
    // and to compare.
    let applied = ["rules/class.yaml", "accounts/accounts.yaml", "roles/role.yaml"].map(example);
    for text in &applied {
        for way in ["--server-side=true", "--server-side=false"] {
            let diff = ["diff", way, "-f", "-"];
            let output = control_plane.kubectl_with_input(diff, text).await.unwrap();
            assert!(output.success && output.stdout.is_empty(), "{text}: {output}");
        }
    }
    wait_for_roles_in_prod(&scene, 1).await;
    argo_cd_sees_what_is_declared_and_nothing_else(&scene, &judge, applied).await;

    let audit: Value = serde_saphyr::from_str(&example("roles/role.yaml")).unwrap();
    let change = async |pointer: &str, value: Value| {
        let changed = with(audit.clone(), pointer, value);
        apply(&scene, SERVER_SIDE, &yaml(&[changed])).await;
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

async fn argo_cd_sees_what_is_declared_and_nothing_else(scene: &Scene, judge: &Judge, applied: [String; 3]) {
    let applied = applied.map(|text| serde_saphyr::from_str::<Value>(&text).unwrap());
    // Besides: each way to trust and to permit that there is. Suspended, their status stays as it is.
    let mut targets: Vec<Value> = applied.to_vec();
    targets.extend(super::roles_of_the_cases());
    apply(scene, CLIENT_SIDE, &yaml(&targets[applied.len()..])).await;
    eventually(scene::PATIENCE, "the status of suspended roles", async || {
        let roles = objects::list(scene, "xar", "").await;
        let seen = roles.values().filter(|role| objects::is_current(role));
        let (seen, all) = (seen.count(), targets.len() - 2);
        if seen == all {
            Ok(())
        } else {
            Err(format!("{seen} of {all}"))
        }
    })
    .await
    .unwrap();

    let comparison = Comparison::new(judge, &scene.control_plane).await;
    let changes = [
        ("/spec/guardrails/maxSessionDuration", json!("2h")),
        ("/spec/parameters/logBucket", json!("other-logs")),
        ("/spec/trust/0/require/mfa/maxAge", json!("30m")),
    ];
    let changed: Vec<Value> = applied
        .into_iter()
        .zip(changes)
        .map(|(object, (pointer, value))| with(object, pointer, value))
        .collect();
    for way in [CLIENT_SIDE, SERVER_SIDE] {
        apply(scene, way, &yaml(&targets)).await;
        for (target, differences) in targets.iter().zip(comparison.of(&targets).await) {
            assert!(differences.is_empty(), "{way:?}: {target}: {differences:?}");
        }
        for (target, differences) in changed.iter().zip(comparison.of(&changed).await) {
            assert_eq!(differences.len(), 3, "{way:?}: {target}: {differences:?}");
        }
    }
}
