//! When a role can be used, by which sessions, and when it is left alone.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod ending;
#[path = "../support/mod.rs"]
mod support;
mod telling;

use crossrole_testkit::simulator::Role;
use crossrole_testkit::{Scene, eventually, scene};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use support::{PROD, account, class, namespace, role, with, yaml};

async fn start() -> Scene {
    start_with(&[]).await
}

/// The same, with more settings of the chart.
async fn start_with(settings: &[&str]) -> Scene {
    let settings = [&["leaderElection.enabled=false"], settings].concat();
    let scene = Scene::start_with(&[PROD], &settings).await.unwrap();
    let manifests = [namespace("security"), class("standard"), account("prod", PROD)];
    scene.control_plane.apply(&yaml(&manifests)).await.unwrap();
    scene
}

async fn apply(scene: &Scene, object: Value) {
    scene.control_plane.apply(&yaml(&[object])).await.unwrap();
}

async fn found(scene: &Scene, name: &str) -> Option<Role> {
    scene.simulator.role(PROD, name).await.unwrap()
}

async fn wait_for(scene: &Scene, name: &str, what: &str, holds: impl Fn(&Role) -> bool) -> Role {
    eventually(scene::PATIENCE, what, async || match found(scene, name).await {
        Some(role) if holds(&role) => Ok(role),
        other => Err(format!("{other:?}")),
    })
    .await
    .unwrap()
}

fn is_closed(role: &Role) -> bool {
    role.trust["Statement"][0]["Sid"] == "CrossroleClosed" || role.trust["Statement"]["Sid"] == "CrossroleClosed"
}

async fn wait_for_reason(scene: &Scene, name: &str, reason: &str) -> Value {
    eventually(scene::PATIENCE, reason, async || {
        let object = scene
            .get("xar", "security", name)
            .await
            .map_err(|error| error.to_string())?;
        let current = object["status"]["observedGeneration"] == object["metadata"]["generation"];
        let ready = scene::condition(&object, "Ready");
        if current && ready["reason"] == reason {
            Ok(object)
        } else {
            Err(object["status"].to_string())
        }
    })
    .await
    .unwrap()
}

fn written(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_role_keeps_its_id_and_opens_again_with_older_sessions_revoked() {
    let scene = start().await;
    let _operator = scene.operator(&["--resync-interval=24h"]).await.unwrap();
    apply(&scene, role("closing")).await;
    scene.wait_for_ready("security", "closing", "True").await.unwrap();
    let open = found(&scene, "closing").await.unwrap();

    apply(&scene, with(role("closing"), "/spec/access", json!("Closed"))).await;
    let closed = wait_for(&scene, "closing", "a closed role", |role| {
        is_closed(role) && role.inline.contains_key("crossrole-closed")
    })
    .await;
    assert_eq!(closed.id, open.id);
    assert_eq!(closed.attached, open.attached);
    scene.wait_for_ready("security", "closing", "True").await.unwrap();

    apply(&scene, role("closing")).await;
    let again = wait_for(&scene, "closing", "an open role", |role| role.trust == open.trust).await;
    assert!(!again.inline.contains_key("crossrole-closed"));
    assert!(
        again.inline.contains_key("AWSRevokeOlderSessions"),
        "sessions from before stay denied"
    );
    let calls = scene.simulator.calls(0).await.unwrap();
    let writes: Vec<&str> = calls
        .iter()
        .filter(|call| call.kind == "write" && call.role.as_deref() == Some("closing"))
        .map(|call| call.action.as_str())
        .collect();
    let order = [
        "UpdateAssumeRolePolicy",
        "PutRolePolicy",
        "PutRolePolicy",
        "DeleteRolePolicy",
        "UpdateAssumeRolePolicy",
    ];
    assert_eq!(
        writes[4..],
        order,
        "trust closes, denial comes; older sessions go, denial goes, trust opens"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_closes_when_its_time_is_over_and_not_at_the_next_look() {
    let scene = start().await;
    let _operator = scene.operator(&["--resync-interval=24h"]).await.unwrap();
    let end = Timestamp::from_second(Timestamp::now().as_second() + 8).unwrap();
    apply(
        &scene,
        with(role("brief"), "/spec/validity", json!({"notAfter": written(end)})),
    )
    .await;
    let open = wait_for(&scene, "brief", "the dates", |role| {
        role.inline.contains_key("crossrole-validity")
    })
    .await;
    assert!(open.trust.to_string().contains(&written(end)), "{}", open.trust);
    let closed = wait_for(&scene, "brief", "the end", is_closed).await;
    assert!(Timestamp::now() >= end);
    assert_eq!(closed.id, open.id);
    let told = eventually(scene::PATIENCE, "the Event", async || {
        let arguments = ["get", "events", "--namespace", "security"];
        let events = scene.control_plane.kubectl(arguments).await.unwrap();
        if events.contains("Closed") {
            Ok(events)
        } else {
            Err(events)
        }
    });
    assert!(!told.await.unwrap().contains("Repaired"), "it was as declared");
}

#[tokio::test(flavor = "multi_thread")]
async fn revocation_only_moves_forward_and_follows_lost_trust_where_asked() {
    let scene = start().await;
    let _operator = scene.operator(&["--resync-interval=24h"]).await.unwrap();
    let trust = json!([
        {"from": {"accounts": ["111111111111"], "kind": "Roles"}},
        {"from": {"accounts": ["111111111111"]}, "require": {"mfa": {"maxAge": "1h"}}}
    ]);
    let object = |before: &str| {
        let sessions = json!({"revokeIssuedBefore": before, "onTighten": "Revoke"});
        with(
            with(role("revoked"), "/spec/trust", trust.clone()),
            "/spec/sessions",
            sessions,
        )
    };
    let policy = |role: &Role| {
        role.inline
            .get("AWSRevokeOlderSessions")
            .map(ToString::to_string)
            .unwrap_or_default()
    };
    apply(&scene, object("2026-01-02T00:00:00Z")).await;
    wait_for(&scene, "revoked", "a revocation", |role| {
        policy(role).contains("2026-01-02T00:00:00Z")
    })
    .await;

    // An earlier time changes nothing; the object is in sync all the same.
    apply(&scene, object("2026-01-01T00:00:00Z")).await;
    scene.wait_for_ready("security", "revoked", "True").await.unwrap();
    assert!(policy(&found(&scene, "revoked").await.unwrap()).contains("2026-01-02T00:00:00Z"));

    // Somebody loses trust: their sessions end, too.
    apply(
        &scene,
        with(object("2026-01-01T00:00:00Z"), "/spec/trust", json!([trust[1]])),
    )
    .await;
    wait_for(&scene, "revoked", "a later revocation", |role| {
        !policy(role).contains("2026-01-02")
    })
    .await;

    // A time that lies far ahead would lock everybody out.
    let ahead = Timestamp::now() + SignedDuration::from_mins(10);
    apply(&scene, object(&written(ahead))).await;
    let refused = wait_for_reason(&scene, "revoked", "InvalidSpec").await;
    let told = scene::condition(&refused, "Stalled")["message"]
        .as_str()
        .unwrap()
        .to_string();
    assert!(
        told.contains("spec.sessions.revokeIssuedBefore: lies more than five minutes ahead"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_observing_object_shows_what_would_change_and_writes_nothing() {
    let scene = start().await;
    let _operator = scene.operator(&["--resync-interval=1s"]).await.unwrap();
    apply(&scene, with(role("watching"), "/spec/mode", json!("Observe"))).await;
    let object = wait_for_reason(&scene, "watching", "WouldChange").await;
    let entry = &object["status"]["accounts"][0];
    assert_eq!(entry["state"], "Pending");
    assert!(
        entry["message"].as_str().unwrap().contains("created the role"),
        "{entry}"
    );
    assert_eq!(scene.simulator.counts().await.unwrap().total.writes, 0);

    // Enforced, edited by hand, and only observed again: the edit stays, and is named.
    apply(&scene, role("watching")).await;
    scene.wait_for_ready("security", "watching", "True").await.unwrap();
    apply(&scene, with(role("watching"), "/spec/mode", json!("Observe"))).await;
    scene
        .simulator
        .edit_role(PROD, "watching", json!({"attached": []}))
        .await
        .unwrap();
    wait_for_reason(&scene, "watching", "WouldChange").await;
    scene
        .control_plane
        .kubectl(["delete", "xar", "watching", "--namespace", "security"])
        .await
        .unwrap();
    let left = found(&scene, "watching").await.unwrap();
    assert_eq!(left.attached, Vec::<String>::new());
    assert_eq!(left.tags["crossrole.dev/owner"], "security/watching");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_object_is_left_alone_and_its_deletion_waits() {
    let scene = start().await;
    let _operator = scene.operator(&["--resync-interval=1s"]).await.unwrap();
    apply(&scene, role("paused")).await;
    scene.wait_for_ready("security", "paused", "True").await.unwrap();
    apply(&scene, with(role("paused"), "/spec/suspend", json!(true))).await;
    wait_for_reason(&scene, "paused", "Suspended").await;
    let before = scene.simulator.counts().await.unwrap().total;
    scene
        .control_plane
        .kubectl(["delete", "xar", "paused", "--namespace", "security", "--wait=false"])
        .await
        .unwrap();
    // Looks at another object pass by meanwhile: absence is counted in completed looks, not in seconds.
    apply(&scene, role("other")).await;
    scene.wait_for_ready("security", "other", "True").await.unwrap();
    assert!(found(&scene, "paused").await.is_some());
    let calls = scene.simulator.calls(0).await.unwrap();
    let about = calls
        .iter()
        .filter(|call| call.role.as_deref() == Some("paused"))
        .count() as u64;
    assert!(about <= before.reads + before.writes);

    let patch = [
        "patch",
        "xar",
        "paused",
        "--namespace",
        "security",
        "--type=merge",
        "--patch",
        r#"{"spec":{"suspend":false}}"#,
    ];
    scene.control_plane.kubectl(patch).await.unwrap();
    scene.wait_for_gone("xar", "security", "paused").await.unwrap();
    assert!(found(&scene, "paused").await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_is_taken_over_only_where_the_class_names_it() {
    let scene = start().await;
    let _operator = scene.operator(&["--resync-interval=24h"]).await.unwrap();
    // A role that is just what is declared, but for our tags.
    apply(&scene, role("model")).await;
    scene.wait_for_ready("security", "model", "True").await.unwrap();
    let model = found(&scene, "model").await.unwrap();
    for (name, path) in [("legacy-audit", "/legacy/"), ("other-audit", "/legacy/")] {
        let hand_made = json!({
            "name": name, "path": path, "trust": model.trust, "inline": model.inline, "attached": model.attached,
            "boundary": model.boundary, "tags": {"team": "security"}
        });
        scene.simulator.create_role(PROD, hand_made).await.unwrap();
    }
    let mut naming = class("standard");
    naming["spec"]["adoption"] = json!({"roles": ["/legacy/legacy-*"]});
    apply(&scene, naming).await;
    let adopting = |name: &str| {
        with(
            with(role(name), "/spec/path", json!("/legacy/")),
            "/spec/adoptionPolicy",
            json!("Adopt"),
        )
    };
    scene.simulator.reset_calls().await.unwrap();
    apply(&scene, adopting("other-audit")).await;
    wait_for_reason(&scene, "other-audit", "PathNotAllowed").await;
    apply(&scene, adopting("legacy-absent")).await;
    wait_for_reason(&scene, "legacy-absent", "PathNotAllowed").await;
    assert_eq!(scene.simulator.counts().await.unwrap().total.writes, 0);

    // The bootstrap role's rights end at rolePath: taking over needs the right to tag the role.
    let mut rights = scene::bootstrap_document("permissions.json").unwrap().to_string();
    rights = rights.replace("role/crossrole/*", "role/*");
    let rights: Value = serde_json::from_str(&rights).unwrap();
    scene
        .simulator
        .edit_role(PROD, "crossrole-bootstrap", json!({"inline": {"crossrole": rights}}))
        .await
        .unwrap();
    apply(&scene, adopting("legacy-audit")).await;
    scene.wait_for_ready("security", "legacy-audit", "True").await.unwrap();
    let counts = scene.simulator.counts().await.unwrap().total;
    assert_eq!(counts.actions.get("TagRole").copied(), Some(1));
    assert_eq!(counts.writes, 1, "{:?}", counts.actions);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_changes_freezes_or_closes_but_an_edit_that_it_forbids_closes_nothing() {
    let scene = start().await;
    let _operator = scene.operator(&["--resync-interval=24h"]).await.unwrap();
    apply(&scene, role("ruled")).await;
    scene.wait_for_ready("security", "ruled", "True").await.unwrap();
    let open = found(&scene, "ruled").await.unwrap();
    let stricter = |on_violation: &str| {
        let class = with(
            class("standard"),
            "/spec/guardrails/managedPolicies/aws",
            json!(["SecurityAudit"]),
        );
        with(class, "/spec/guardrails/onViolation", json!(on_violation))
    };
    apply(&scene, stricter("Freeze")).await;
    wait_for_reason(&scene, "ruled", "PolicyNotAllowed").await;
    assert_eq!(found(&scene, "ruled").await.unwrap(), open, "frozen as it was");

    apply(&scene, class("standard")).await;
    scene.wait_for_ready("security", "ruled", "True").await.unwrap();
    apply(&scene, stricter("Close")).await;
    let closed = wait_for(&scene, "ruled", "a closed role", is_closed).await;
    assert_eq!((&closed.id, &closed.attached), (&open.id, &open.attached));
    wait_for_reason(&scene, "ruled", "PolicyNotAllowed").await;

    // Allowed again, it opens again. Then a bad edit of the object itself: it is refused, and closes nothing.
    apply(
        &scene,
        with(class("standard"), "/spec/guardrails/onViolation", json!("Close")),
    )
    .await;
    scene.wait_for_ready("security", "ruled", "True").await.unwrap();
    apply(&scene, with(role("ruled"), "/spec/maxSessionDuration", json!("8h"))).await;
    wait_for_reason(&scene, "ruled", "SessionTooLong").await;
    assert_eq!(found(&scene, "ruled").await.unwrap().trust, open.trust);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_annotation_asks_for_a_look_now() {
    let scene = start().await;
    let _operator = scene.operator(&["--resync-interval=24h"]).await.unwrap();
    apply(&scene, role("asked")).await;
    scene.wait_for_ready("security", "asked", "True").await.unwrap();
    scene
        .simulator
        .edit_role(PROD, "asked", json!({"attached": []}))
        .await
        .unwrap();
    let annotate = [
        "annotate",
        "xar",
        "asked",
        "--namespace",
        "security",
        "crossrole.dev/reconcile-at=now-1",
    ];
    scene.control_plane.kubectl(annotate).await.unwrap();
    wait_for(&scene, "asked", "the repair", |role| role.attached.len() == 2).await;
    eventually(scene::PATIENCE, "the echo", async || {
        let object = scene.get("xar", "security", "asked").await.unwrap();
        let echo = &object["status"]["lastHandledReconcileAt"];
        if echo == "now-1" {
            Ok(())
        } else {
            Err(object["status"].to_string())
        }
    })
    .await
    .unwrap();
}
