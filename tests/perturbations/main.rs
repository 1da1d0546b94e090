//! The operator sees Kubernetes late, in gaps, or from an old beginning, and is killed after any event: it ends where the
//! objects say, and acts on nothing that it knows to be old.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod restarts;
mod stage;
#[path = "../support/mod.rs"]
mod support;

use crossrole_testkit::{eventually, scene};
use serde_json::{Value, json};
use stage::{ACCOUNTS, CLASSES, ROLES, Stage, described, is_closed};
use support::objects::delete;
use support::{PROD, account, class, role, with};

/// A class that allows `ReadOnlyAccess` too.
fn wider() -> Value {
    let policies = json!(["SecurityAudit", "job-function/*", "ReadOnlyAccess"]);
    with(class("standard"), "/spec/guardrails/managedPolicies/aws", policies)
}

fn with_read_only(name: &str) -> Value {
    with(role(name), "/spec/permissions/awsManaged", json!(["ReadOnlyAccess"]))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_that_begins_with_an_old_state_is_not_acted_on() {
    let stage = Stage::start().await;
    let mut operator = stage.operator(&["--resync-interval=1s"]).await;
    stage.apply(&["closing", "leaving", "widening"].map(role)).await;
    stage.wait_for_all(&["closing", "leaving", "widening"]).await;
    operator.kill().await.unwrap();

    // While nobody looks, everything changes; the API server that the next one asks knows nothing of it yet.
    for plural in [ROLES, ACCOUNTS, CLASSES] {
        stage.freeze(plural).await;
    }
    let closing = with(role("closing"), "/spec/access", json!("Closed"));
    stage
        .apply(&[wider(), closing, role("new"), with_read_only("widening")])
        .await;
    delete(&stage.scene, &["leaving"]).await;
    stage
        .scene
        .simulator
        .edit_role(PROD, "closing", json!({"attached": []}))
        .await
        .unwrap();
    stage.scene.simulator.reset_calls().await.unwrap();
    let lists = stage.proxy.newest_lists(ROLES);
    let mut operator = stage.operator_that_begins(&["--resync-interval=1s"]).await;
    // It has compared its cache with a newest list for so long that it listed anew.
    eventually(scene::PATIENCE, "two lists", async || {
        match stage.proxy.newest_lists(ROLES) {
            seen if seen >= lists + 2 => Ok(()),
            seen => Err(seen),
        }
    })
    .await
    .unwrap();
    assert_eq!(stage.scene.simulator.counts().await.unwrap().total.writes, 0);
    assert!(!operator.log().contains("crossrole is ready"), "{}", operator.log());

    stage.proxy.let_go();
    operator
        .wait_for_line("crossrole is ready", scene::PATIENCE)
        .await
        .unwrap();
    stage.wait_for_all(&["closing", "new", "widening"]).await;
    stage.scene.wait_for_gone("xar", "security", "leaving").await.unwrap();
    assert!(is_closed(&stage.role("closing").await.unwrap()));
    assert!(stage.role("leaving").await.is_none());
    let widened = stage.role("widening").await.unwrap();
    assert_eq!(widened.attached, ["arn:aws:iam::aws:policy/ReadOnlyAccess"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_that_falls_behind_undoes_nothing_and_catches_up() {
    let stage = Stage::start().await;
    let _operator = stage.operator(&["--resync-interval=1s"]).await;
    stage.apply(&["edited", "again"].map(role)).await;
    stage.wait_for_all(&["edited", "again"]).await;
    for plural in [ROLES, ACCOUNTS, CLASSES] {
        stage.proxy.keep_back(plural);
    }
    stage.scene.simulator.reset_calls().await.unwrap();
    let edited = with(role("edited"), "/spec/description", json!("Edited"));
    stage.apply(&[wider(), edited, role("new")]).await;
    // Somebody takes an object away, finalizer and all, and makes another of its name.
    stage.take_away("again").await;
    stage.apply(&[with_read_only("again")]).await;
    // Looks go on meanwhile, at what was declared before.
    let looks = stage.looks().await;
    eventually(scene::PATIENCE, "three more looks", async || {
        match stage.looks().await {
            now if now >= looks + 3 => Ok(()),
            now => Err(now),
        }
    })
    .await
    .unwrap();
    assert_eq!(stage.scene.simulator.counts().await.unwrap().total.writes, 0);
    let behind = stage.scene.get("xar", "security", "edited").await.unwrap();
    assert_ne!(
        behind["status"]["observedGeneration"], behind["metadata"]["generation"],
        "what was not seen is not spoken of"
    );

    stage.proxy.let_go();
    stage.wait_for_all(&["edited", "again", "new"]).await;
    let edited = stage.role("edited").await.unwrap();
    assert_eq!(edited.description.as_deref(), Some("Edited"));
    let again = stage.role("again").await.unwrap();
    assert_eq!(again.attached, ["arn:aws:iam::aws:policy/ReadOnlyAccess"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_watch_told_is_found_in_the_next_list() {
    let stage = Stage::start().await;
    let _operator = stage.operator(&["--resync-interval=24h"]).await;
    let selecting = |name: &str| {
        let selector = json!({"selector": {"matchLabels": {"env": "prod"}}});
        with(role(name), "/spec/accounts", selector)
    };
    stage.apply(&["edited", "again", "leaving"].map(role)).await;
    stage.apply(&[selecting("selecting")]).await;
    stage.wait_for_all(&["edited", "again", "leaving", "selecting"]).await;
    for plural in [ROLES, ACCOUNTS, CLASSES] {
        stage.proxy.swallow(plural);
    }
    // There and back again: only what is last counts.
    stage
        .apply(&[with(role("edited"), "/spec/access", json!("Closed"))])
        .await;
    stage
        .apply(&[with(role("edited"), "/spec/description", json!("Edited"))])
        .await;
    stage.take_away("again").await;
    stage.apply(&[wider(), with_read_only("again"), role("new")]).await;
    delete(&stage.scene, &["leaving"]).await;
    stage
        .apply(&[with(account("prod", PROD), "/metadata/labels/env", json!("stage"))])
        .await;
    stage.proxy.let_go();

    stage.wait_for_all(&["edited", "again", "new"]).await;
    stage.scene.wait_for_gone("xar", "security", "leaving").await.unwrap();
    let edited = stage.role("edited").await.unwrap();
    assert_eq!(edited.description.as_deref(), Some("Edited"));
    assert!(!is_closed(&edited));
    let again = stage.role("again").await.unwrap();
    assert_eq!(again.attached, ["arn:aws:iam::aws:policy/ReadOnlyAccess"]);
    eventually(
        scene::PATIENCE,
        "the role of an account that is not selected any more goes",
        async || {
            stage
                .role("selecting")
                .await
                .map_or(Ok(()), |role| Err(described(&role)))
        },
    )
    .await
    .unwrap();

    // Streams that end in the middle of nothing are taken up again.
    for _ in 0..3 {
        for plural in [ROLES, ACCOUNTS, CLASSES] {
            stage.proxy.cut(plural);
        }
    }
    stage
        .apply(&[with(role("new"), "/spec/description", json!("After the cut"))])
        .await;
    stage.wait_for_all(&["new"]).await;
    let new = stage.role("new").await.unwrap();
    assert_eq!(new.description.as_deref(), Some("After the cut"));
}
