//! How many calls the work takes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use crossrole_testkit::{Scene, eventually, scene};
use support::{PROD, account, class, namespace, role};

const ROLES: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_roles_take_four_writes_each_and_the_next_look_takes_none() {
    let scene = Scene::start(&[PROD]).await.unwrap();
    let operator = scene.operator(&["--resync-interval=24h"]).await.unwrap();
    let mut manifests = vec![namespace("security"), class("standard"), account("prod", PROD)];
    manifests.extend((0..ROLES).map(|number| role(&format!("role-{number:03}"))));
    scene.simulator.reset_calls().await.unwrap();
    scene.control_plane.apply(&support::yaml(&manifests)).await.unwrap();
    wait_for_all_ready(&scene).await;

    let counts = &scene.simulator.counts().await.unwrap().accounts[PROD];
    for (action, expected) in [
        ("CreateRole", ROLES),
        ("PutRolePolicy", ROLES),
        ("AttachRolePolicy", 2 * ROLES),
    ] {
        assert_eq!(counts.actions.get(action).copied(), Some(expected as u64), "{action}");
    }
    assert_eq!(counts.writes, 4 * ROLES as u64, "{:?}", counts.actions);

    // Entering, the account's quotas, and what it holds: nothing is read of a single role.
    assert!(
        counts.actions.values().sum::<u64>() <= (4 * ROLES + 10) as u64,
        "{:?}",
        counts.actions
    );

    // A restart looks at every role. Each look at the whole account takes two calls.
    drop(operator);
    let before = versions(&scene).await;
    scene.simulator.reset_calls().await.unwrap();
    // Longer than a slow machine needs for one round of looks.
    let _operator = scene.operator(&["--resync-interval=12s"]).await.unwrap();
    eventually(scene::PATIENCE, "looks at every role", async || {
        let counts = scene.simulator.counts().await.unwrap();
        let looks = counts.accounts.get(PROD);
        let looks = looks.map_or(0, |counts| {
            counts
                .actions
                .get("GetAccountAuthorizationDetails")
                .copied()
                .unwrap_or(0)
        });
        if looks >= 3 {
            Ok(())
        } else {
            Err(format!("{looks} looks"))
        }
    })
    .await
    .unwrap();
    let counts = &scene.simulator.counts().await.unwrap().accounts[PROD];
    let [listed, detailed] = ["ListRoles", "GetAccountAuthorizationDetails"].map(|action| counts.actions[action]);
    assert!(listed - detailed <= 1, "{:?}", counts.actions);
    let others: u64 = counts.actions.values().sum::<u64>() - listed - detailed;
    assert!(others <= 4, "{:?}", counts.actions);
    assert_eq!(scene.simulator.counts().await.unwrap().accounts[PROD].writes, 0);
    assert_eq!(versions(&scene).await, before, "no object was written");
}

async fn wait_for_all_ready(scene: &Scene) {
    eventually(scene::PATIENCE * 3, "all roles ready", async || {
        let ready = ready(scene).await;
        if ready == ROLES {
            Ok(())
        } else {
            Err(format!("{ready} ready"))
        }
    })
    .await
    .unwrap();
}

async fn list(scene: &Scene) -> serde_json::Value {
    let text = scene
        .control_plane
        .kubectl(["get", "xar", "--namespace", "security", "--output", "json"])
        .await
        .unwrap();
    serde_json::from_str(&text).unwrap()
}

async fn ready(scene: &Scene) -> usize {
    let list = list(scene).await;
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|role| scene::condition(role, "Ready")["status"] == "True")
        .count()
}

async fn versions(scene: &Scene) -> Vec<String> {
    let list = list(scene).await;
    let items = list["items"].as_array().unwrap();
    items
        .iter()
        .map(|role| role["metadata"]["resourceVersion"].to_string())
        .collect()
}
