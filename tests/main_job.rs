//! The main job: one object, roles in two accounts, on a real control plane.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use crossrole_testkit::scene::{self, condition};
use crossrole_testkit::{ControlPlaneOptions, Scene, eventually, tools};
use serde_json::json;

const PROD: &str = "222222222222";
const STAGE: &str = "333333333333";
const ROLE: &str = "CrossAccountSecurityAudit";

fn example(file: &str) -> String {
    std::fs::read_to_string(tools::workspace().join("examples/quickstart").join(file)).unwrap()
}

async fn quickstart(scene: &Scene) {
    for file in ["namespace.yaml", "class.yaml", "accounts.yaml", "role.yaml"] {
        scene.control_plane.apply(&example(file)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_object_becomes_a_role_in_each_account_and_leaves_none_behind() {
    from_one_object_to_its_end(ControlPlaneOptions::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_does_so_on_the_oldest_kubernetes_that_is_supported() {
    let oldest = ControlPlaneOptions {
        emulated_version: Some("1.33".to_owned()),
        ..ControlPlaneOptions::default()
    };
    from_one_object_to_its_end(oldest).await;
}

async fn from_one_object_to_its_end(kubernetes: ControlPlaneOptions) {
    let settings = ["leaderElection.enabled=false"];
    let scene = Scene::start_on(kubernetes, &[PROD, STAGE], &settings).await.unwrap();
    let operator = scene.operator(&["--resync-interval=1s"]).await.unwrap();
    quickstart(&scene).await;

    let role = scene
        .wait_for_ready("security", "security-audit", "True")
        .await
        .unwrap();
    assert_eq!(role["status"]["summary"], "2/2");
    assert!(condition(&role, "Reconciling").is_null() && condition(&role, "Stalled").is_null());
    for (index, account) in [PROD, STAGE].into_iter().enumerate() {
        let found = scene
            .simulator
            .role(account, ROLE)
            .await
            .unwrap()
            .expect("the role is there");
        let entry = &role["status"]["accounts"][index];
        assert_eq!(
            entry["roleArn"],
            format!("arn:aws:iam::{account}:role/crossrole/{ROLE}")
        );
        assert_eq!(entry["roleId"], found.id);
        assert_eq!(
            found.boundary,
            Some(format!("arn:aws:iam::{account}:policy/crossrole-boundary"))
        );
        assert_eq!(found.tags["crossrole.dev/owner"], "security/security-audit");
        assert_eq!(found.max_session_duration, 14_400);
    }

    // Somebody edits the trust policy by hand.
    let declared = scene.simulator.role(PROD, ROLE).await.unwrap().unwrap().trust;
    let open = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "999999999999"}, "Action": "sts:AssumeRole"}]});
    scene
        .simulator
        .edit_role(PROD, ROLE, json!({"trust": open}))
        .await
        .unwrap();
    eventually(scene::PATIENCE, "the repair", async || {
        let trust = scene.simulator.role(PROD, ROLE).await.unwrap().unwrap().trust;
        if trust == declared {
            Ok(())
        } else {
            Err(trust.to_string())
        }
    })
    .await
    .unwrap();
    eventually(Duration::from_secs(20), "the Event", async || {
        let events = scene
            .control_plane
            .kubectl(["get", "events", "--namespace", "security"])
            .await
            .unwrap();
        if events.contains("Repaired") {
            Ok(())
        } else {
            Err(format!(
                "{events}
{}",
                operator.log()
            ))
        }
    })
    .await
    .unwrap();

    scene
        .control_plane
        .kubectl(["delete", "xar", "security-audit", "--namespace", "security"])
        .await
        .unwrap();
    scene.wait_for_gone("xar", "security", "security-audit").await.unwrap();
    for account in [PROD, STAGE] {
        assert!(scene.simulator.role(account, ROLE).await.unwrap().is_none());
    }
}
