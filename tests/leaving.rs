//! How roles go: the brake, `Retain`, and accounts that cannot be reached.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use crossrole_testkit::{Scene, eventually, scene};
use serde_json::{Value, json};
use support::{PROD, STAGE, account, class, namespace, role, with, yaml};

const ACCOUNTS: usize = 12;

fn id(number: usize) -> String {
    format!("3333333333{number:02}")
}

fn name(number: usize) -> String {
    format!("account-{number:02}")
}

fn selecting(object: &str) -> Value {
    with(
        role(object),
        "/spec/accounts",
        json!({"selector": {"matchLabels": {"wave": "one"}}}),
    )
}

async fn kubectl(scene: &Scene, arguments: &[&str]) -> String {
    scene.control_plane.kubectl(arguments).await.unwrap()
}

async fn roles_left(scene: &Scene, role: &str) -> usize {
    let mut left = 0;
    for number in 0..ACCOUNTS {
        left += usize::from(scene.simulator.role(&id(number), role).await.unwrap().is_some());
    }
    left
}

async fn wait_for_roles(scene: &Scene, role: &str, wanted: usize) {
    eventually(scene::PATIENCE, "the right number of roles", async || {
        let left = roles_left(scene, role).await;
        if left == wanted {
            Ok(())
        } else {
            Err(format!("{left} roles"))
        }
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_removals_that_nobody_asked_for_by_name_wait_for_a_person() {
    let ids: Vec<String> = (0..ACCOUNTS).map(id).collect();
    let scene = Scene::start(&ids.iter().map(String::as_str).collect::<Vec<_>>())
        .await
        .unwrap();
    let labelled = |number| {
        with(
            account(&name(number), &id(number)),
            "/metadata/labels",
            json!({"wave": "one"}),
        )
    };
    let mut manifests = vec![namespace("security"), class("standard"), selecting("braked")];
    manifests.extend((0..ACCOUNTS).map(labelled));
    let names: Vec<String> = (0..ACCOUNTS).map(name).collect();
    manifests.push(with(role("named"), "/spec/accounts", json!({"names": names})));
    scene.control_plane.apply(&yaml(&manifests)).await.unwrap();
    let _operator = scene.operator(&["--resync-interval=1s"]).await.unwrap();
    for object in ["braked", "named"] {
        let ready = scene.wait_for_ready("security", object, "True").await.unwrap();
        assert_eq!(ready["status"]["summary"], format!("{ACCOUNTS}/{ACCOUNTS}"));
    }

    // Every label goes at once: twelve removals, more than ten.
    kubectl(&scene, &["label", "awsaccount", "--all", "wave-"]).await;
    let held = eventually(scene::PATIENCE, "the brake", async || {
        let role = scene.get("xar", "security", "braked").await.unwrap();
        let stalled = scene::condition(&role, "Stalled").clone();
        if stalled["reason"] == "TooManyRemovals" && role["status"]["summary"] == format!("0/{ACCOUNTS}") {
            Ok(stalled)
        } else {
            Err(role["status"].to_string())
        }
    })
    .await
    .unwrap();
    assert_eq!(roles_left(&scene, "braked").await, ACCOUNTS, "none is removed");

    // Taking names out is asking for it by name.
    let none = with(role("named"), "/spec/accounts", json!({"names": [name(0)]}));
    scene.control_plane.apply(&yaml(&[none])).await.unwrap();
    wait_for_roles(&scene, "named", 1).await;
    assert_eq!(roles_left(&scene, "braked").await, ACCOUNTS, "still none is removed");

    // A wrong digest releases nothing; the one in the message does.
    let message = held["message"].as_str().unwrap();
    let annotation = message.rsplit(' ').next().unwrap();
    assert!(annotation.starts_with("crossrole.dev/allow-removals="), "{message}");
    kubectl(
        &scene,
        &["annotate", "xar", "braked", "--namespace", "security", annotation],
    )
    .await;
    wait_for_roles(&scene, "braked", 0).await;
    let role = scene.wait_for_ready("security", "braked", "False").await.unwrap();
    assert_eq!(scene::condition(&role, "Stalled")["reason"], "NoAccounts");
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_an_object_is_never_braked_and_retain_lets_go_of_the_roles() {
    let ids: Vec<String> = (0..ACCOUNTS).map(id).collect();
    let scene = Scene::start(&ids.iter().map(String::as_str).collect::<Vec<_>>())
        .await
        .unwrap();
    let labelled = |number| {
        with(
            account(&name(number), &id(number)),
            "/metadata/labels",
            json!({"wave": "one"}),
        )
    };
    let retained = with(selecting("retained"), "/spec/deletionPolicy", json!("Retain"));
    let mut manifests = vec![namespace("security"), class("standard"), selecting("deleted"), retained];
    manifests.extend((0..ACCOUNTS).map(labelled));
    scene.control_plane.apply(&yaml(&manifests)).await.unwrap();
    let _operator = scene.operator(&["--resync-interval=24h"]).await.unwrap();
    for object in ["deleted", "retained"] {
        scene.wait_for_ready("security", object, "True").await.unwrap();
    }
    // An instance profile that somebody put the role into does not hold up its end.
    scene
        .simulator
        .create_instance_profile(&id(0), "machine", &["deleted"])
        .await
        .unwrap();
    kubectl(
        &scene,
        &[
            "delete",
            "xar",
            "deleted",
            "retained",
            "--namespace",
            "security",
            "--timeout=60s",
        ],
    )
    .await;
    assert_eq!(roles_left(&scene, "deleted").await, 0);
    assert_eq!(roles_left(&scene, "retained").await, ACCOUNTS);
    let left = scene.simulator.role(&id(0), "retained").await.unwrap().unwrap();
    assert_eq!(left.tags.keys().collect::<Vec<_>>(), ["team"]);
    assert_eq!(left.attached.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_cannot_be_reached_keeps_the_finalizer_until_it_is_abandoned() {
    let scene = Scene::start(&[PROD, STAGE]).await.unwrap();
    let both = with(role("stuck"), "/spec/accounts", json!({"names": ["prod", "stage"]}));
    let manifests = [
        namespace("security"),
        class("standard"),
        account("prod", PROD),
        account("stage", STAGE),
        both,
    ];
    scene.control_plane.apply(&yaml(&manifests)).await.unwrap();
    let operator = scene.operator(&["--resync-interval=1s"]).await.unwrap();
    scene.wait_for_ready("security", "stuck", "True").await.unwrap();

    // Deleting an AWSAccount removes no role; it waits until nothing uses it.
    kubectl(&scene, &["delete", "awsaccount", "prod", "--wait=false"]).await;
    // The way in is lost. A new process has no credentials from before.
    scene.simulator.delete_role(STAGE, "crossrole-bootstrap").await.unwrap();
    drop(operator);
    let _operator = scene.operator(&["--resync-interval=1s"]).await.unwrap();
    kubectl(
        &scene,
        &["delete", "xar", "stuck", "--namespace", "security", "--wait=false"],
    )
    .await;
    let role = eventually(
        scene::PATIENCE,
        "one entry left, which says what blocks it",
        async || {
            let role = scene.get("xar", "security", "stuck").await.unwrap();
            let entries = role["status"]["accounts"].as_array().unwrap().clone();
            let blocked =
                entries.len() == 1 && entries[0]["state"] == "Removing" && entries[0]["reason"] == "BootstrapDenied";
            if blocked {
                Ok(role)
            } else {
                Err(role["status"].to_string())
            }
        },
    )
    .await
    .unwrap();
    let stalled = scene::condition(&role, "Stalled")["message"]
        .as_str()
        .unwrap()
        .to_string();
    assert!(stalled.contains("sts:AssumeRole"), "{stalled}");
    scene.wait_for_gone("awsaccount", "", "prod").await.unwrap();
    assert!(scene.simulator.role(PROD, "stuck").await.unwrap().is_none());

    kubectl(
        &scene,
        &[
            "patch",
            "awsaccount",
            "stage",
            "--type=merge",
            "--patch",
            r#"{"spec":{"state":"Abandoned"}}"#,
        ],
    )
    .await;
    scene.wait_for_gone("xar", "security", "stuck").await.unwrap();
    assert!(
        scene.simulator.role(STAGE, "stuck").await.unwrap().is_some(),
        "it is forgotten as it is"
    );
}
