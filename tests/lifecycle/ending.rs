//! Closing and revoking run although the object is refused.

use crossrole_testkit::{eventually, scene};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

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
