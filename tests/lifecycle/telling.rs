//! What people are told of what was done, and what nobody else would tell the operator.

use crossrole_testkit::simulator::Role;
use crossrole_testkit::{Scene, eventually, scene};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::support::{PROD, class, role, with};
use crate::{apply, found, is_closed, start, start_with, wait_for, wait_for_reason, written};

/// The users' account of every scene.
const USERS: &str = "111111111111";

/// The note of an Event with this reason about an object, once there is one.
async fn event(scene: &Scene, reason: &str, object: &str) -> String {
    let what = format!("the Event {reason} about {object}");
    let arguments = ["get", "events", "--namespace", "security", "--output", "json"];
    eventually(scene::PATIENCE, &what, async || {
        let text = scene.control_plane.kubectl(arguments).await.unwrap();
        let events: Value = serde_json::from_str(&text).unwrap();
        let events = events["items"].as_array().unwrap();
        let found = events
            .iter()
            .find(|event| event["reason"] == reason && event["involvedObject"]["name"] == object);
        match found {
            Some(event) => Ok(event["message"].as_str().unwrap().to_string()),
            None => Err(text),
        }
    })
    .await
    .unwrap()
}

/// What a scene tells of a role: its attached policies and its inline ones, by name.
fn holds(role: &Role) -> (usize, Vec<&str>) {
    (role.attached.len(), role.inline.keys().map(String::as_str).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_principal_that_was_deleted_and_made_again_is_told_and_trusted_again() {
    let scene = start().await;
    let make_alice = async || {
        scene
            .simulator
            .create_user(USERS, "alice", json!({}), true)
            .await
            .unwrap()
    };
    make_alice().await;
    let arn = format!("arn:aws:iam::{USERS}:user/alice");
    let trust = json!([{"from": {"principals": [arn]}, "require": {"mfa": {"maxAge": "1h"}}}]);
    let _operator = scene.operator(&["--resync-interval=1s"]).await.unwrap();
    apply(&scene, with(role("personal"), "/spec/trust", trust)).await;
    scene.wait_for_ready("security", "personal", "True").await.unwrap();
    let before = found(&scene, "personal").await.unwrap();
    assert!(before.trust.to_string().contains(&arn), "{}", before.trust);

    scene.simulator.delete_user(USERS, "alice").await.unwrap();
    make_alice().await;
    let note = event(&scene, "PrincipalReplaced", "personal").await;
    assert_eq!(note, "account prod: set the trust policy");
    let repaired = wait_for(&scene, "personal", "the new alice", |role| {
        role.trust.to_string().contains(&arn)
    })
    .await;
    assert_eq!(repaired, before, "as it was, with another unique id behind the name");
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_that_others_put_on_are_taken_off_and_named() {
    let scene = start().await;
    let _operator = scene.operator(&["--resync-interval=1s"]).await.unwrap();
    apply(&scene, role("shared")).await;
    scene.wait_for_ready("security", "shared", "True").await.unwrap();
    let before = found(&scene, "shared").await.unwrap();
    let mut attached: Vec<&str> = before.attached.iter().map(String::as_str).collect();
    attached.push("arn:aws:iam::aws:policy/ReadOnlyAccess");
    let extra = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]});
    let mut inline: Value = serde_json::to_value(&before.inline).unwrap();
    inline["by-hand"] = extra;
    let edits = json!({"attached": attached, "inline": inline});
    scene.simulator.edit_role(PROD, "shared", edits).await.unwrap();
    let note = event(&scene, "Repaired", "shared").await;
    assert_eq!(
        note,
        "account prod: the role was not as declared; detached ReadOnlyAccess, deleted inline policy by-hand"
    );
    wait_for(&scene, "shared", "the declared policies", |role| {
        holds(role) == holds(&before)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_that_lay_too_far_ahead_is_made_when_it_no_longer_does() {
    let scene = start().await;
    let _operator = scene.operator(&["--resync-interval=24h"]).await.unwrap();
    apply(&scene, role("early")).await;
    scene.wait_for_ready("security", "early", "True").await.unwrap();
    // Five minutes ahead is the most.
    let before = Timestamp::now() + SignedDuration::from_mins(5) + SignedDuration::from_secs(12);
    let sessions = json!({"revokeIssuedBefore": written(before)});
    apply(&scene, with(role("early"), "/spec/sessions", sessions)).await;
    wait_for_reason(&scene, "early", "InvalidSpec").await;
    let revoked = wait_for(&scene, "early", "the revocation", |role| {
        role.inline.contains_key("AWSRevokeOlderSessions")
    })
    .await;
    assert!(
        revoked.inline["AWSRevokeOlderSessions"]
            .to_string()
            .contains(&written(before))
    );
    scene.wait_for_ready("security", "early", "True").await.unwrap();
}

async fn entry(scene: &Scene, name: &str) -> Value {
    scene.get("xar", "security", name).await.unwrap()["status"]["accounts"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_status_does_not_know_is_closed_and_one_of_another_is_not_claimed() {
    // Somebody restores a status from a backup.
    let scene = start_with(&["admissionPolicies.status=false"]).await;
    let operator = scene.operator(&["--resync-interval=24h"]).await.unwrap();
    for name in ["unknown", "lost"] {
        apply(&scene, role(name)).await;
        scene.wait_for_ready("security", name, "True").await.unwrap();
    }
    let open = found(&scene, "unknown").await.unwrap();
    drop(operator);

    // Status forgets one role, another owner's tags stand on the other, and the class forbids both.
    let forget = r#"[{"op": "remove", "path": "/status/accounts/0/roleId"}]"#;
    let patch = [
        "patch",
        "xar",
        "unknown",
        "--namespace",
        "security",
        "--subresource=status",
    ];
    let patch = patch.into_iter().chain(["--type=json", "--patch", forget]);
    scene.control_plane.kubectl(patch).await.unwrap();
    let mut tags = serde_json::to_value(&found(&scene, "lost").await.unwrap().tags).unwrap();
    tags["crossrole.dev/owner"] = json!("security/other");
    scene
        .simulator
        .edit_role(PROD, "lost", json!({"tags": tags}))
        .await
        .unwrap();
    let of_another = found(&scene, "lost").await.unwrap();
    let stricter = with(
        class("standard"),
        "/spec/guardrails/managedPolicies/aws",
        json!(["SecurityAudit"]),
    );
    apply(&scene, with(stricter, "/spec/guardrails/onViolation", json!("Close"))).await;

    let _operator = scene.operator(&["--resync-interval=24h"]).await.unwrap();
    let closed = wait_for(&scene, "unknown", "a closed role", is_closed).await;
    assert_eq!(closed.id, open.id);
    assert!(event(&scene, "Closed", "unknown").await.contains("crossrole-closed"));
    let knows =
        |entry: &Value, id: Option<&str>| entry["reason"] == "PolicyNotAllowed" && entry["roleId"].as_str() == id;
    for (name, id) in [("unknown", Some(open.id.as_str())), ("lost", None)] {
        eventually(scene::PATIENCE, name, async || {
            let entry = entry(&scene, name).await;
            if knows(&entry, id) {
                Ok(())
            } else {
                Err(entry.to_string())
            }
        })
        .await
        .unwrap();
    }
    let told = wait_for_reason(&scene, "unknown", "PolicyNotAllowed").await;
    let told = scene::condition(&told, "Stalled")["message"].to_string();
    assert!(told.contains("the role is closed: "), "{told}");
    assert_eq!(found(&scene, "lost").await.unwrap(), of_another, "untouched");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_never_had_a_role_is_told_why_it_is_refused_and_not_that_nobody_gets_in() {
    let scene = start().await;
    apply(
        &scene,
        with(class("standard"), "/spec/guardrails/onViolation", json!("Close")),
    )
    .await;
    scene.simulator.delete_role(PROD, "crossrole-bootstrap").await.unwrap();
    let _operator = scene.operator(&["--resync-interval=24h"]).await.unwrap();
    let forbidden = json!([{"from": {"accounts": ["999999999999"], "kind": "Roles"}}]);
    apply(&scene, with(role("never"), "/spec/trust", forbidden)).await;
    wait_for_reason(&scene, "never", "TrustNotAllowed").await;
    // A second look, with an entry in status, asks AWS whether there is something to close.
    let asked = "crossrole.dev/reconcile-at=again";
    let annotate = ["annotate", "xar", "never", "--namespace", "security", asked];
    scene.control_plane.kubectl(annotate).await.unwrap();
    eventually(scene::PATIENCE, "the second look", async || {
        let object = scene.get("xar", "security", "never").await.unwrap();
        if object["status"]["lastHandledReconcileAt"] == "again" {
            Ok(())
        } else {
            Err(object["status"].to_string())
        }
    })
    .await
    .unwrap();
    wait_for_reason(&scene, "never", "TrustNotAllowed").await;
}
