//! How many calls the work takes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;

use crossrole_testkit::{Scene, eventually, scene};
use serde_json::{Value, json};
use support::{PROD, account, class, namespace, role, with};

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

#[tokio::test(flavor = "multi_thread")]
async fn roles_that_are_only_observed_or_are_somebody_elses_are_read_with_all_others_wherever_they_are() {
    const EACH: usize = 8;
    let scene = Scene::start(&[PROD]).await.unwrap();
    let _operator = scene.operator(&["--resync-interval=8s"]).await.unwrap();
    let mut naming = class("standard");
    naming["spec"]["adoption"] = json!({"roles": ["/legacy/legacy-*"]});
    let mut manifests = vec![namespace("security"), naming, account("prod", PROD)];
    let observing = |name: &str| with(role(name), "/spec/mode", json!("Observe"));
    let hand_made = |name: &str, path: &str| {
        let trust = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "arn:aws:iam::111111111111:root"}
        }]});
        json!({"name": name, "path": path, "trust": trust})
    };
    for number in 0..EACH {
        let [legacy, foreign] = ["legacy", "foreign"].map(|kind| format!("{kind}-{number}"));
        scene
            .simulator
            .create_role(PROD, hand_made(&legacy, "/legacy/"))
            .await
            .unwrap();
        scene
            .simulator
            .create_role(PROD, hand_made(&foreign, "/crossrole/"))
            .await
            .unwrap();
        let adopting = with(observing(&legacy), "/spec/path", json!("/legacy/"));
        manifests.push(with(adopting, "/spec/adoptionPolicy", json!("Adopt")));
        manifests.push(observing(&format!("absent-{number}")));
        manifests.push(role(&foreign));
    }
    scene.control_plane.apply(&support::yaml(&manifests)).await.unwrap();
    eventually(scene::PATIENCE, "every object says why", async || {
        let reasons = reasons(&scene).await;
        let said = |reason: &str| reasons.iter().filter(|(_, (told, _))| told == reason).count();
        match (said("WouldChange"), said("ForeignRole")) {
            (observed, foreign) if observed == 2 * EACH && foreign == EACH => Ok(()),
            _ => Err(format!("{reasons:?}")),
        }
    })
    .await
    .unwrap();
    let quiet = async || {
        scene.simulator.reset_calls().await.unwrap();
        eventually(scene::PATIENCE, "three readings", async || {
            let counts = scene.simulator.counts().await.unwrap();
            let actions = counts
                .accounts
                .get(PROD)
                .map(|counts| counts.actions.clone())
                .unwrap_or_default();
            let readings = actions
                .get("GetAccountAuthorizationDetails")
                .copied()
                .unwrap_or_default();
            if readings >= 3 {
                Ok(actions)
            } else {
                Err(format!("{actions:?}"))
            }
        })
        .await
        .unwrap()
    };
    // The first reading tells that somebody asks about roles elsewhere; the second one shows them.
    eventually(scene::PATIENCE * 3, "looks that read no role alone", async || {
        let actions = quiet().await;
        let alone: Vec<_> = actions
            .keys()
            .filter(|action| !["ListRoles", "GetAccountAuthorizationDetails"].contains(&action.as_str()))
            .collect();
        if alone.is_empty() {
            Ok(())
        } else {
            Err(format!("{actions:?}"))
        }
    })
    .await
    .unwrap();

    // What changes is told all the same.
    let before = reasons(&scene).await;
    let described = json!({"description": "changed by hand"});
    scene.simulator.edit_role(PROD, "legacy-0", described).await.unwrap();
    eventually(scene::PATIENCE, "the change is told", async || {
        let now = reasons(&scene).await;
        if now["legacy-0"] == before["legacy-0"] {
            Err(format!("{:?}", now["legacy-0"]))
        } else {
            Ok(())
        }
    })
    .await
    .unwrap();
    scene.simulator.delete_role(PROD, "foreign-0").await.unwrap();
    eventually(scene::PATIENCE, "a name that is free is taken", async || {
        let now = reasons(&scene).await;
        if now["foreign-0"].0 == "InSync" {
            Ok(())
        } else {
            Err(format!("{:?}", now["foreign-0"]))
        }
    })
    .await
    .unwrap();
}

/// Why each object is ready or not, and what it says of its account.
async fn reasons(scene: &Scene) -> BTreeMap<String, (String, Value)> {
    let list = list(scene).await;
    let items = list["items"].as_array().unwrap().iter();
    let reasons = items.map(|item| {
        let name = item["metadata"]["name"].as_str().unwrap().to_string();
        let entry = &item["status"]["accounts"][0];
        let reason = entry["reason"].as_str().unwrap_or_default().to_string();
        (name, (reason, entry["message"].clone()))
    });
    reasons.collect()
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
