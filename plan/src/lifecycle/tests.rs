use jiff::Timestamp;

use super::*;
use crate::change::Plan;
use crate::decide::{self, Known};
use crate::observed::Observed;
use crate::testing::{ROLE_ID, claim, desired, held};

const NOON: &str = "2026-11-23T12:00:00Z";

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn plan(observed: &ObservedRole, spec: &str, now: &str) -> Result<Plan, Refusal> {
    let known = Known {
        seen_id: Some(ROLE_ID),
        now: at(now),
    };
    let observed = Observed::Present(Box::new(observed.clone()));
    decide::converge(&desired(spec), &observed, &known, &claim(0, "security/audit"), &[])
}

fn summaries(plan: &Plan) -> Vec<String> {
    plan.changes.iter().map(crate::change::Change::summary).collect()
}

/// A role as it stands after a plan for this spec was carried out at this time.
fn standing(spec: &str, now: &str) -> ObservedRole {
    let shaped = shaped(&desired(spec), None, at(now)).unwrap();
    let mut role = held("");
    role.trust = ObservedDocument::Parsed(shaped.trust);
    role.inline = shaped
        .inline
        .into_iter()
        .map(|(name, document)| (name, ObservedDocument::Parsed(document)))
        .collect();
    role
}

#[test]
fn a_role_that_is_as_declared_stays_so_whatever_its_lifecycle_says() {
    for spec in [
        "access: Closed",
        "validity: {notBefore: '2026-01-01T00:00:00Z', notAfter: '2027-01-01T00:00:00Z'}",
        "validity: {notAfter: '2026-01-01T00:00:00Z'}",
        "sessions: {revokeIssuedBefore: '2026-11-22T10:00:00Z'}",
        "sessions: {onTighten: Revoke}",
    ] {
        let plan = plan(&standing(spec, NOON), spec, NOON).unwrap();
        assert!(plan.is_empty(), "{spec}:\n{plan}");
    }
}

#[test]
fn closing_ends_trust_first_and_then_every_session() {
    let plan = plan(&held(""), "access: Closed", NOON).unwrap();
    assert_eq!(
        summaries(&plan),
        ["set the trust policy", "put inline policy crossrole-closed"]
    );
}

#[test]
fn opening_revokes_older_sessions_before_it_lifts_the_denial_and_trusts_last() {
    let plan = plan(&standing("access: Closed", NOON), "", "2026-11-23T13:00:00Z").unwrap();
    assert_eq!(
        summaries(&plan),
        [
            "put inline policy AWSRevokeOlderSessions",
            "deleted inline policy crossrole-closed",
            "set the trust policy"
        ]
    );
    assert!(plan.to_string().contains("2026-11-23T13:00:00Z"), "{plan}");
}

#[test]
fn a_role_whose_time_is_over_is_closed() {
    let spec = "validity: {notAfter: '2026-11-23T13:00:00Z'}";
    let open = standing(spec, NOON);
    assert!(plan(&open, spec, "2026-11-23T12:59:59Z").unwrap().is_empty());
    let over = plan(&open, spec, "2026-11-23T13:00:00Z").unwrap();
    assert!(
        summaries(&over).contains(&"put inline policy crossrole-closed".to_string()),
        "{over}"
    );
    assert_eq!(
        desired(spec).lifecycle.next_change(at(NOON)),
        Some(at("2026-11-23T13:00:00Z"))
    );
    assert_eq!(desired(spec).lifecycle.next_change(at("2026-11-23T13:00:00Z")), None);
}

#[test]
fn dates_stand_in_every_allow_of_the_trust_policy() {
    let spec = "validity: {notBefore: '2026-01-01T00:00:00Z', notAfter: '2027-01-01T00:00:00Z'}\ntrust:\n- {from: {accounts: ['111111111111'], kind: Roles}}\n- {from: {principals: ['arn:aws:iam::111111111111:role/ci']}}";
    let shaped = shaped(&desired(spec), None, at(NOON)).unwrap();
    assert_eq!(shaped.trust.statements.len(), 2);
    for statement in &shaped.trust.statements {
        let text = format!("{:?}", statement.conditions);
        assert!(
            text.contains("2026-01-01T00:00:00Z") && text.contains("2027-01-01T00:00:00Z"),
            "{text}"
        );
    }
}

#[test]
fn a_revocation_only_moves_forward_whoever_moved_it() {
    let spec = |time: &str| format!("sessions: {{revokeIssuedBefore: '{time}'}}");
    let revoked = standing(&spec("2026-11-20T00:00:00Z"), NOON);
    assert!(plan(&revoked, &spec("2026-11-19T00:00:00Z"), NOON).unwrap().is_empty());
    assert!(
        plan(&revoked, "", NOON).unwrap().is_empty(),
        "it is no drift where nothing is declared"
    );
    let later = plan(&revoked, &spec("2026-11-21T00:00:00Z"), NOON).unwrap();
    assert_eq!(summaries(&later), ["put inline policy AWSRevokeOlderSessions"]);
}

#[test]
fn a_revocation_that_lies_far_ahead_is_refused() {
    for (time, taken) in [("2026-11-23T12:05:00Z", true), ("2026-11-23T12:05:01Z", false)] {
        let spec = format!("sessions: {{revokeIssuedBefore: '{time}'}}");
        assert_eq!(plan(&held(""), &spec, NOON).is_ok(), taken, "{time}");
    }
}

#[test]
fn lost_trust_revokes_only_where_that_is_asked_for() {
    let before = held(
        "trust: [{from: {accounts: ['111111111111'], kind: Roles}}, {from: {principals: ['arn:aws:iam::111111111111:role/ci']}}]",
    );
    let report = plan(&before, "", NOON).unwrap();
    assert_eq!(summaries(&report), ["set the trust policy"]);
    let revoke = plan(&before, "sessions: {onTighten: Revoke}", NOON).unwrap();
    let done = summaries(&revoke);
    assert!(
        done.contains(&"put inline policy AWSRevokeOlderSessions".to_string()),
        "{revoke}"
    );
    assert!(
        revoke.to_string().contains("2026-11-23T12:01:00Z"),
        "a minute ahead: {revoke}"
    );
    let widened = plan(
        &held(""),
        "sessions: {onTighten: Revoke}\ntrust: [{from: {accounts: ['111111111111'], kind: Roles}}, {from: {principals: ['arn:aws:iam::111111111111:role/ci']}}]",
        NOON,
    );
    assert_eq!(summaries(&widened.unwrap()), ["set the trust policy"]);
}

#[test]
fn times_that_are_none_or_contradict_each_other_are_refused() {
    for (spec, expected) in [
        (
            "validity: {notAfter: tomorrow}",
            "spec.validity.notAfter: tomorrow is not a time: write it as 2026-11-22T10:00:00Z",
        ),
        (
            "validity: {notBefore: '2027-01-01T00:00:00Z', notAfter: '2026-01-01T00:00:00Z'}",
            "spec.validity: notBefore must be earlier than notAfter",
        ),
    ] {
        let refused = crate::declaration::Declaration::parse(&crate::testing::role(spec)).unwrap_err();
        assert_eq!(refused.to_string(), expected);
    }
}
