//! Closing and revoking run although the object is refused.

use crossrole_testkit::{Scene, eventually, scene};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::support::{PROD, class, role, with};
use crate::{apply, found, is_closed, start, wait_for, wait_for_reason, written};

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_object_closes_its_role_and_revokes_its_sessions_all_the_same() {
    let scene = start().await;
    let _operator = scene.operator(&["--resync-interval=24h"]).await.unwrap();
    for name in ["too-long", "revoked"] {
        apply(&scene, role(name)).await;
    }
    for name in ["too-long", "revoked"] {
        scene.wait_for_ready("security", name, "True").await.unwrap();
    }
    let refused = |name| with(role(name), "/spec/maxSessionDuration", json!("12h"));

    let before = found(&scene, "too-long").await.unwrap();
    apply(&scene, with(refused("too-long"), "/spec/access", json!("Closed"))).await;
    let closed = wait_for(&scene, "too-long", "a closed role", |role| {
        is_closed(role) && role.inline.contains_key("crossrole-closed")
    })
    .await;
    wait_for_reason(&scene, "too-long", "SessionTooLong").await;
    assert_eq!(
        (&closed.id, closed.max_session_duration),
        (&before.id, before.max_session_duration)
    );

    let before = found(&scene, "revoked").await.unwrap();
    let an_hour_ago = Timestamp::now() - SignedDuration::from_hours(1);
    let sessions = json!({"revokeIssuedBefore": written(an_hour_ago)});
    apply(&scene, with(refused("revoked"), "/spec/sessions", sessions)).await;
    let revoked = wait_for(&scene, "revoked", "a revocation", |role| {
        role.inline.contains_key("AWSRevokeOlderSessions")
    })
    .await;
    wait_for_reason(&scene, "revoked", "SessionTooLong").await;
    assert_eq!(revoked.trust, before.trust, "nothing else is written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_class_that_closes_what_it_forbids_is_not_dodged_by_an_edit() {
    let scene = start().await;
    let _operator = scene.operator(&["--resync-interval=1s"]).await.unwrap();
    apply(&scene, role("dodging")).await;
    scene.wait_for_ready("security", "dodging", "True").await.unwrap();
    // A bad edit first, so that the entry is refused and the role stays open.
    apply(&scene, with(role("dodging"), "/spec/maxSessionDuration", json!("12h"))).await;
    wait_for_reason(&scene, "dodging", "SessionTooLong").await;
    assert!(!is_closed(&found(&scene, "dodging").await.unwrap()));

    let stricter = with(
        class("standard"),
        "/spec/guardrails/managedPolicies/aws",
        json!(["SecurityAudit"]),
    );
    apply(&scene, with(stricter, "/spec/guardrails/onViolation", json!("Close"))).await;
    wait_for(&scene, "dodging", "a closed role", is_closed).await;

    // Opened by hand, it is closed again.
    let open = json!({"trust": {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "sts:AssumeRole"}
    ]}});
    scene.simulator.edit_role(PROD, "dodging", open).await.unwrap();
    eventually(scene::PATIENCE, "closed again", async || {
        let role = found(&scene, "dodging").await.unwrap();
        if is_closed(&role) {
            Ok(())
        } else {
            Err(role.trust.to_string())
        }
    })
    .await
    .unwrap();
}

/// Edits that every guardrail lets pass, and that what the account holds makes impossible, each with the reason.
fn impossible() -> [(&'static str, &'static str, Value, &'static str); 3] {
    let many: Vec<String> = (0..11).map(|number| format!("job-function/P{number}")).collect();
    let ahead = Timestamp::now() + SignedDuration::from_hours(2);
    [
        ("moved", "/spec/path", json!("/crossrole/other/"), "PathIsImmutable"),
        (
            "many",
            "/spec/permissions",
            json!({"awsManaged": many}),
            "QuotaExceeded",
        ),
        (
            "ahead",
            "/spec/sessions",
            json!({"revokeIssuedBefore": written(ahead)}),
            "InvalidSpec",
        ),
    ]
}

async fn apply_all_ready(scene: &Scene) {
    for (name, ..) in impossible() {
        apply(scene, role(name)).await;
    }
    for (name, ..) in impossible() {
        scene.wait_for_ready("security", name, "True").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_account_makes_impossible_is_closed_and_revoked_all_the_same() {
    let scene = start().await;
    let _operator = scene.operator(&["--resync-interval=24h"]).await.unwrap();
    apply_all_ready(&scene).await;
    let an_hour_ago = json!({"revokeIssuedBefore": written(Timestamp::now() - SignedDuration::from_hours(1))});
    for (name, pointer, value, reason) in impossible() {
        let edited = with(role(name), pointer, value);
        apply(&scene, edited.clone()).await;
        let object = wait_for_reason(&scene, name, reason).await;
        let open = found(&scene, name).await.unwrap();
        assert!(!is_closed(&open), "{name}: a slip closes nothing");
        let entry = &object["status"]["accounts"][0];
        assert_eq!(entry["roleId"], open.id, "{name}: the role is there all the same");

        if name != "ahead" {
            apply(&scene, with(edited.clone(), "/spec/sessions", an_hour_ago.clone())).await;
            wait_for(&scene, name, "a revocation", |role| {
                role.inline.contains_key("AWSRevokeOlderSessions")
            })
            .await;
            wait_for_reason(&scene, name, reason).await;
            apply(&scene, with(edited, "/spec/access", json!("Closed"))).await;
            wait_for(&scene, name, "a closed role", |role| {
                is_closed(role) && role.inline.contains_key("crossrole-closed")
            })
            .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_class_that_closes_what_it_forbids_is_not_dodged_by_what_the_account_refuses() {
    let scene = start().await;
    let _operator = scene.operator(&["--resync-interval=24h"]).await.unwrap();
    let trusting = |ids: Value| with(class("standard"), "/spec/guardrails/trust", json!({"accounts": ids}));
    apply(&scene, trusting(json!(["111111111111", "555555555555"]))).await;
    apply_all_ready(&scene).await;
    let other = json!([{"from": {"accounts": ["555555555555"]}, "require": {"mfa": {"maxAge": "1h"}}}]);
    for (name, pointer, value, reason) in impossible() {
        let edited = with(with(role(name), pointer, value), "/spec/trust", other.clone());
        apply(&scene, edited).await;
        wait_for_reason(&scene, name, reason).await;
        assert!(!is_closed(&found(&scene, name).await.unwrap()), "{name}");
    }
    let stricter = trusting(json!(["555555555555"]));
    apply(&scene, with(stricter, "/spec/guardrails/onViolation", json!("Close"))).await;
    for (name, ..) in impossible() {
        wait_for(&scene, name, "a closed role", is_closed).await;
    }
}
