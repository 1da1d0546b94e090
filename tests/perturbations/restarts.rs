//! The operator is killed after each event that it is told of an object, and another takes over.

use std::collections::BTreeMap;

use crossrole_testkit::{eventually, scene};
use serde_json::{Value, json};

use super::stage::{ROLES, Stage, described};
use super::support::objects::{ask, delete, is_ready, list};
use super::support::{PROD, role, say, with};

/// An object is told of no more often than that in any of the pieces of work.
const MOST_EVENTS: u64 = 6;

/// What is done to objects, each of them killed after another event.
const WORK: [&str; 4] = ["create", "update", "close", "delete"];

fn declared(work: &str, name: &str) -> Option<Value> {
    match work {
        "create" => Some(role(name)),
        "update" => {
            let policies = with(
                role(name),
                "/spec/permissions/awsManaged",
                json!(["job-function/SupportUser"]),
            );
            Some(with(policies, "/spec/maxSessionDuration", json!("2h")))
        }
        "close" => Some(with(role(name), "/spec/access", json!("Closed"))),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_over_after_any_event_ends_as_declared() {
    let stage = Stage::start().await;
    let mut operator = stage.operator(&["--resync-interval=24h"]).await;
    // Each piece of work is done to one object that nobody disturbs, too.
    let name = |work: &str, events: Option<u64>| match events {
        Some(events) => format!("{work}-{events}"),
        None => format!("{work}-undisturbed"),
    };
    let all = || (0..=MOST_EVENTS).map(Some).chain([None]);
    let each = || {
        WORK.into_iter()
            .flat_map(|work| all().map(move |events| (work, events)))
    };
    let before: Vec<Value> = each()
        .filter(|(work, _)| *work != "create")
        .map(|(work, events)| role(&name(work, events)))
        .collect();
    stage.apply(&before).await;
    let ready = eventually(scene::PATIENCE, "roles that are there before", async || {
        let objects = list(&stage.scene, "xar", "").await;
        let waits = objects.values().find(|object| !is_ready(object));
        waits.map_or(Ok(()), |object| Err(object["status"].to_string()))
    });
    ready.await.unwrap();

    for (work, events) in each() {
        if let Some(events) = events {
            stage.proxy.keep_back_after(ROLES, &name(work, Some(events)), events);
        }
    }
    stage.scene.simulator.reset_calls().await.unwrap();
    let wanted: Vec<Value> = each()
        .filter_map(|(work, events)| declared(work, &name(work, events)))
        .collect();
    stage.apply(&wanted).await;
    let deleted: Vec<String> = all().map(|events| name("delete", events)).collect();
    delete(&stage.scene, &deleted).await;
    // Whoever is not kept from it gets done.
    let done = |objects: &BTreeMap<String, Value>, work: &str, name: &str| match work {
        "delete" => !objects.contains_key(name),
        _ => objects.get(name).is_some_and(is_ready),
    };
    let mut points = 0;
    let reached = eventually(scene::PATIENCE, "every object at its event", async || {
        let objects = list(&stage.scene, "xar", "").await;
        points = 0;
        for (work, events) in each() {
            let name = name(work, events);
            let stopped = events.is_some() && stage.proxy.is_used_up(ROLES, &name);
            points += usize::from(stopped);
            if !stopped && !done(&objects, work, &name) {
                return Err(format!("{name}: {:?}", objects.get(&name)));
            }
        }
        Ok(())
    });
    reached.await.unwrap();
    operator.kill().await.unwrap();
    stage.proxy.let_go();
    let _operator = stage.operator(&["--resync-interval=24h"]).await;
    let ended = eventually(scene::PATIENCE, "all of it as declared", async || {
        let objects = list(&stage.scene, "xar", "").await;
        let open = each().map(|(work, events)| (work, name(work, events)));
        let mut open = open.filter(|(work, name)| !done(&objects, work, name));
        open.next()
            .map_or(Ok(()), |(_, name)| Err(format!("{name}: {:?}", objects.get(&name))))
    });
    ended.await.unwrap();
    // Status may have said so already before the kill: one more look at each.
    let stays: Vec<String> = each()
        .filter(|(work, _)| *work != "delete")
        .map(|(work, events)| name(work, events))
        .collect();
    ask(&stage.scene, &stays, "again").await;
    let looked = eventually(scene::PATIENCE, "a look at each", async || {
        let objects = list(&stage.scene, "xar", "").await;
        let handled = |object: &Value| is_ready(object) && object["status"]["lastHandledReconcileAt"] == "again";
        let waits = stays.iter().find(|name| !objects.get(*name).is_some_and(handled));
        waits.map_or(Ok(()), |name| Err(name.clone()))
    });
    looked.await.unwrap();

    let roles = stage.scene.simulator.roles(PROD).await.unwrap();
    let found: BTreeMap<&str, String> = roles.iter().map(|role| (role.name.as_str(), described(role))).collect();
    for (work, events) in each() {
        let (ours, undisturbed) = (name(work, events), name(work, None));
        assert_eq!(found.get(ours.as_str()), found.get(undisturbed.as_str()), "{ours}");
    }
    let calls = stage.scene.simulator.calls(0).await.unwrap();
    let mut made: BTreeMap<&str, usize> = BTreeMap::new();
    for call in calls
        .iter()
        .filter(|call| call.action == "CreateRole" && call.code == "OK")
    {
        *made.entry(call.role.as_deref().unwrap()).or_default() += 1;
    }
    assert!(made.values().all(|times| *times == 1), "{made:?}");
    assert!(points >= 2 * WORK.len(), "only {points} objects were at an event");
    say("restarts", &format!("{points} events, each followed by a kill"));
}
