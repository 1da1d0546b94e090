//! Reads that lag behind writes and go back in time, while objects are edited in quick succession.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use crossrole_testkit::simulator::{Call, Lag, Role};
use crossrole_testkit::{Operator, Scene, eventually, scene};
use serde_json::{Value, json};
use support::objects::{self, is_ready};
use support::{account, class, namespace, role, with, yaml};

/// What was written is read again after five seconds: longer than any lag here.
const FLAGS: [&str; 2] = ["--resync-interval=24h", "--propagation-delay=5s"];

/// Everything shares few cores.
const PATIENCE: std::time::Duration = scene::PATIENCE.saturating_mul(2);

/// Accounts with a lag. As many more without any hold what the last declarations alone come to.
const LAGS: usize = 8;

/// Every kind of lag: of one to three seconds, back and forth or not, for writes as well or not.
fn lag(number: usize) -> Lag {
    let lag = Lag::seconds(1 + number as u64 % 3);
    let lag = match number % 2 {
        0 => lag.back_and_forth(40 + number as u64),
        _ => lag,
    };
    if number % 4 < 2 { lag.for_writes() } else { lag }
}

fn id(number: usize) -> String {
    format!("5555555555{number:02}")
}

fn name(number: usize) -> String {
    let kind = if number < LAGS { "lag" } else { "plain" };
    format!("{kind}-{:02}", number % LAGS)
}

fn object(number: usize) -> Value {
    with(role(&name(number)), "/spec/accounts", json!({"names": [name(number)]}))
}

/// One of the declarations that an object goes through: the same as that of its twin without lag.
fn declaration(number: usize, round: usize) -> Value {
    let object = object(number);
    let number = number % LAGS;
    let edits = [
        ("/spec/maxSessionDuration", json!("2h")),
        (
            "/spec/trust",
            json!([{"from": {"accounts": ["444444444444"], "kind": "Roles"}, "require": {"externalIds": ["vendor-1"]}}]),
        ),
        ("/spec/permissions", json!({"awsManaged": ["job-function/SupportUser"]})),
        ("/spec/tags", json!({"team": "platform"})),
    ];
    // Not every object takes the same way.
    let mut kept = edits
        .iter()
        .enumerate()
        .filter(|(edit, _)| (round + number) >> edit & 1 == 1);
    let edited = kept.try_fold(object, |object, (_, (pointer, value))| {
        Some(with(object, pointer, value.clone()))
    });
    edited.unwrap()
}

struct Stage {
    scene: Scene,
    _operator: Operator,
}

async fn start() -> Stage {
    let ids: Vec<String> = (0..2 * LAGS).map(id).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let scene = Scene::start(&ids).await.unwrap();
    let mut manifests = vec![namespace("security"), class("standard")];
    manifests.extend((0..2 * LAGS).map(|number| account(&name(number), &id(number))));
    scene.control_plane.apply(&yaml(&manifests)).await.unwrap();
    let _operator = scene.operator(&FLAGS).await.unwrap();
    eventually(PATIENCE, "all accounts", async || {
        let accounts = objects::list(&scene, "awsaccounts", "").await;
        let ready = accounts
            .values()
            .filter(|account| scene::condition(account, "Ready")["status"] == "True");
        if ready.count() == 2 * LAGS {
            Ok(())
        } else {
            Err("not yet")
        }
    })
    .await
    .unwrap();
    for number in 0..LAGS {
        scene.simulator.lag(&id(number), lag(number)).await.unwrap();
    }
    Stage { scene, _operator }
}

impl Stage {
    async fn apply(&self, objects: impl Iterator<Item = Value>) {
        let manifests: Vec<Value> = objects.collect();
        self.scene.control_plane.apply(&yaml(&manifests)).await.unwrap();
    }

    async fn wait_for_all_ready(&self, wanted: usize) {
        eventually(PATIENCE, "all objects ready", async || {
            let objects = objects::list(&self.scene, "xar", "").await;
            let left = objects.values().find(|object| !is_ready(object));
            match left {
                None if objects.len() == wanted => Ok(()),
                left => Err(format!("{left:?}")),
            }
        })
        .await
        .unwrap();
    }

    /// The object's role, without what differs from account to account.
    async fn role(&self, number: usize) -> Option<Value> {
        let found: Option<Role> = self.scene.simulator.role(&id(number), &name(number)).await.unwrap();
        found.map(|role| {
            let attached: BTreeSet<_> = role.attached.iter().collect();
            let mut tags: BTreeMap<_, _> = role.tags.clone();
            assert_eq!(
                tags.remove("crossrole.dev/owner"),
                Some(format!("security/{}", role.name))
            );
            assert!(tags.remove("crossrole.dev/cluster").is_some());
            json!({"trust": role.trust, "inline": role.inline, "attached": attached, "tags": tags,
                "session": role.max_session_duration})
        })
    }

    /// What the accounts hold comes to be what was declared, and nobody has to ask for it.
    async fn wait_for_roles_like_their_twins(&self) {
        eventually(PATIENCE, "roles as declared last", async || {
            for number in 0..LAGS {
                let (found, expected) = (self.role(number).await, self.role(number + LAGS).await);
                assert!(expected.is_some());
                if found != expected {
                    return Err(format!("{}: {found:?} and not {expected:?}", name(number)));
                }
            }
            Ok(())
        })
        .await
        .unwrap();
    }

    /// No role was taken for another one, and none was closed.
    async fn assert_none_was_replaced_or_closed(&self) {
        let events = ["get", "events", "--all-namespaces", "--output", "json"];
        let events = self.scene.control_plane.kubectl(events).await.unwrap();
        assert!(!events.contains("RoleReplaced"), "{events}");
        let calls = self.scene.simulator.calls(0).await.unwrap();
        let closing = |call: &&Call| call.params.values().any(|value| value.contains("CrossroleClosed"));
        assert_eq!(calls.iter().find(closing), None);
    }

    /// Without lag, a look at every object finds nothing to do.
    async fn assert_steady(&self) {
        self.scene.simulator.clear_faults().await.unwrap();
        let names: Vec<String> = (0..2 * LAGS).map(name).collect();
        self.scene.simulator.reset_calls().await.unwrap();
        objects::ask(&self.scene, &names, "steady").await;
        self.wait_for_all_ready(2 * LAGS).await;
        let counts = self.scene.simulator.counts().await.unwrap().total;
        assert_eq!(counts.writes, 0, "{:?}", counts.actions);
        assert!(counts.actions["GetRole"] >= 2 * LAGS as u64, "{:?}", counts.actions);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn quick_edits_end_as_last_declared_however_far_reads_lag_behind() {
    const ROUNDS: usize = 7;
    let names: Vec<String> = (0..LAGS).map(name).collect();
    let stage = start().await;
    stage
        .apply((LAGS..2 * LAGS).map(|twin| declaration(twin, ROUNDS)))
        .await;
    for round in 0..=ROUNDS {
        stage.apply((0..LAGS).map(|number| declaration(number, round))).await;
        // Asked for, a look reads what was written a moment ago.
        objects::ask(&stage.scene, &names, &round.to_string()).await;
    }
    stage.wait_for_all_ready(2 * LAGS).await;
    stage.wait_for_roles_like_their_twins().await;
    stage.assert_steady().await;
    stage.assert_none_was_replaced_or_closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_that_go_and_come_again_leave_no_role_and_no_doubt_however_far_reads_lag_behind() {
    let stage = start().await;
    let names: Vec<String> = (0..LAGS).map(name).collect();
    stage.apply((LAGS..2 * LAGS).map(object)).await;
    for _ in 0..2 {
        stage.apply((0..LAGS).map(object)).await;
        // Some are deleted while they are being made, some afterwards.
        eventually(PATIENCE, "the first role", async || {
            let made = stage.scene.simulator.counts().await.unwrap().accounts;
            let made = (0..LAGS).filter(|number| made.get(&id(*number)).is_some_and(|counts| counts.writes > 0));
            if made.count() > 0 { Ok(()) } else { Err("none") }
        })
        .await
        .unwrap();
        objects::delete(&stage.scene, &names).await;
        eventually(PATIENCE, "no object left", async || {
            let left = objects::list(&stage.scene, "xar", "").await;
            let left: Vec<&Value> = (0..LAGS).filter_map(|number| left.get(&name(number))).collect();
            if left.is_empty() {
                Ok(())
            } else {
                Err(format!("{left:?}"))
            }
        })
        .await
        .unwrap();
        for number in 0..LAGS {
            assert_eq!(stage.role(number).await, None, "an orphan of {}", name(number));
        }
        stage.scene.simulator.reset_calls().await.unwrap();
    }
    stage.apply((0..LAGS).map(object)).await;
    objects::ask(&stage.scene, &names, "while it lags").await;
    stage.wait_for_all_ready(2 * LAGS).await;
    stage.wait_for_roles_like_their_twins().await;
    stage.assert_steady().await;
    stage.assert_none_was_replaced_or_closed().await;
}
