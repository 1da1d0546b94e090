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

    // A restart looks at every role once: the look is awaited by its reads, of which each role has one GetRole.
    drop(operator);
    let before = versions(&scene).await;
    scene.simulator.reset_calls().await.unwrap();
    let _operator = scene.operator(&["--resync-interval=24h"]).await.unwrap();
    eventually(scene::PATIENCE, "a look at every role", async || {
        let counts = scene.simulator.counts().await.unwrap();
        let looks = counts
            .accounts
            .get(PROD)
            .map_or(0, |counts| counts.actions.get("GetRolePolicy").copied().unwrap_or(0));
        if looks >= ROLES as u64 {
            Ok(())
        } else {
            Err(format!("{looks} looks"))
        }
    })
    .await
    .unwrap();
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
