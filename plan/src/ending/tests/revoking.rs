//! Revocations of refused objects, and what they need.

use super::*;
use crate::testing;

/// A role of ours whose inline policies leave no room, under this boundary.
fn full(boundary: Option<&str>) -> ObservedRole {
    let mut full = held("");
    full.boundary = boundary.map(|arn| arn.parse().unwrap());
    let of_size = |effect: &str, size: usize| {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Action":"s3:*","Resource":"arn:aws:s3:::{}"}}]}}"#,
            "x".repeat(size)
        );
        ObservedDocument::parse_encoded(&text, DocumentKind::Permission)
    };
    full.inline.insert("small".parse().unwrap(), of_size("Allow", 100));
    full.inline.insert("large".parse().unwrap(), of_size("Allow", 4_000));
    full.inline.insert("denial".parse().unwrap(), of_size("Deny", 5_700));
    full
}

fn revoking_under(boundary: &str) -> Ending {
    Ending {
        boundary: Some(boundary.parse().unwrap()),
        ..ending("sessions: {revokeIssuedBefore: '2026-11-23T11:00:00Z'}", None)
    }
}

#[test]
fn a_revocation_brings_the_boundary_and_the_room_that_it_needs() {
    let ending = revoking_under("arn:aws:iam::222222222222:policy/b");
    assert_eq!(
        planned(&ending, full(None)),
        [
            "set the permissions boundary b",
            "deleted inline policy large",
            "put inline policy AWSRevokeOlderSessions"
        ]
    );
}

#[test]
fn a_revocation_that_needs_another_boundary_closes_the_role_first() {
    let ending = revoking_under("arn:aws:iam::222222222222:policy/b");
    let open = full(Some("arn:aws:iam::222222222222:policy/a"));
    assert_eq!(
        planned(&ending, open.clone()),
        [
            "set the trust policy",
            "set the permissions boundary b",
            "put inline policy crossrole-closed",
            "deleted inline policy large",
            "put inline policy AWSRevokeOlderSessions"
        ]
    );
    // What it closed stays closed, and a second plan has nothing to do.
    let known = Known {
        now: NOW.parse().unwrap(),
        ..Known::default()
    };
    let observed = Observed::Present(Box::new(open.clone()));
    let plan = ending.plan(None, &observed, &known);
    let closed = effect::apply_all(&plan.changes, &plan.role, &observed, &Quotas::default()).unwrap();
    assert!(ending.plan(None, &closed, &known).is_empty());
    let rests = interrupted(&ending, open.clone());
    assert_eq!(
        rests[1],
        [
            "put inline policy crossrole-closed",
            "deleted inline policy large",
            "put inline policy AWSRevokeOlderSessions"
        ],
        "the boundary is there, and nothing else tells that it was swapped"
    );
    // An object that nobody refuses waits for its plan, which swaps the boundary in a safe order.
    assert!(planned(&ending.unrefused(), open.clone()).is_empty());

    // Where sessions were revoked already, no boundary is needed, and none is swapped.
    let mut revoked = open;
    revoked.inline.remove(&"large".parse().unwrap());
    revoked.inline.insert(
        REVOKE_OLDER_SESSIONS_POLICY.parse().unwrap(),
        ObservedDocument::of(revocation::policy(None, Some(known.now), known.now).unwrap()),
    );
    assert!(planned(&ending, revoked).is_empty());
}

#[test]
fn a_revocation_for_which_denials_alone_leave_no_room_closes_the_role_first() {
    let ending = revoking_under("arn:aws:iam::222222222222:policy/b");
    let mut crowded = full(ending.boundary.as_ref().map(|arn| arn.to_string()).as_deref());
    crowded.inline.remove(&"large".parse().unwrap());
    let denial = testing::policy_of_size(4_300);
    crowded
        .inline
        .insert("denial2".parse().unwrap(), ObservedDocument::of(denial));
    assert_eq!(
        planned(&ending, crowded.clone()),
        [
            "set the trust policy",
            "deleted inline policy small",
            "put inline policy crossrole-closed",
            "deleted inline policy denial",
            "put inline policy AWSRevokeOlderSessions"
        ]
    );
    let last = interrupted(&ending, crowded.clone()).pop();
    assert_eq!(last, Some(vec![]));
    assert!(planned(&ending.unrefused(), crowded).is_empty());
}
