mod interrupted;

use jiff::{SignedDuration, Timestamp};

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
    role.trust = ObservedDocument::of(shaped.trust);
    role.inline = shaped
        .inline
        .into_iter()
        .map(|(name, document)| (name, ObservedDocument::of(document)))
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
    let ahead = desired("sessions: {revokeIssuedBefore: '2026-11-23T13:00:00Z'}").lifecycle;
    let due = at("2026-11-23T12:55:00Z");
    assert_eq!(ahead.next_change(at(NOON)), Some(due), "no longer too far ahead");
    assert_eq!(
        (ahead.next_change(due), ahead.revocation_due(due)),
        (None, Some(at("2026-11-23T13:00:00Z")))
    );
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
            "spec.validity: notBefore must be earlier than notAfter, by a second at least: IAM's dates have whole seconds",
        ),
        (
            "validity: {notBefore: '2027-01-01T00:00:00Z', notAfter: '2027-01-01T00:00:00.5Z'}",
            "spec.validity: notBefore must be earlier than notAfter, by a second at least: IAM's dates have whole seconds",
        ),
    ] {
        let refused = crate::declaration::Declaration::parse(&crate::testing::role(spec)).unwrap_err();
        assert_eq!(refused.to_string(), expected);
    }
}

/// The same, carried out on a role that somebody has edited.
fn edited(spec: &str, edit: impl FnOnce(&mut ObservedRole)) -> ObservedRole {
    let mut role = standing(spec, NOON);
    edit(&mut role);
    role
}

fn document(text: &str) -> ObservedDocument {
    ObservedDocument::parse_encoded(text, crossrole_iam::DocumentKind::Permission)
}

#[test]
fn another_end_takes_nobody_out_and_closes_nothing() {
    let until = |end: &str| format!("validity: {{notAfter: '{end}'}}\nsessions: {{onTighten: Revoke}}");
    let (soon, late) = (until("2026-12-01T00:00:00Z"), until("2027-12-01T00:00:00Z"));
    assert_eq!(
        summaries(&plan(&standing(&soon, NOON), &late, NOON).unwrap()),
        ["put inline policy crossrole-validity", "set the trust policy"]
    );
    assert_eq!(
        summaries(&plan(&standing(&late, NOON), &soon, NOON).unwrap()),
        ["set the trust policy", "put inline policy crossrole-validity"]
    );
    // What holds in both holds meanwhile, with the earlier end.
    let moved = "validity: {notBefore: '2026-01-01T00:00:00Z', notAfter: '2027-12-01T00:00:00Z'}\npermissions: {awsManaged: [SecurityAudit]}";
    let steps = plan(&standing(&soon, NOON), moved, NOON).unwrap();
    assert_eq!(
        summaries(&steps),
        [
            "narrowed the trust policy",
            "attached SecurityAudit",
            "put inline policy crossrole-validity",
            "set the trust policy"
        ]
    );
    let first = steps.changes[0].to_string();
    assert!(
        first.contains("2026-01-01T00:00:00Z") && first.contains("2026-12-01T00:00:00Z"),
        "{first}"
    );
}

#[test]
fn whoever_may_come_only_later_is_taken_out_now() {
    let spec = "validity: {notBefore: '2027-01-01T00:00:00Z'}\nsessions: {onTighten: Revoke}";
    assert_eq!(
        summaries(&plan(&held(""), spec, NOON).unwrap()),
        ["put inline policy AWSRevokeOlderSessions", "set the trust policy"]
    );
}

#[test]
fn a_role_whose_time_ran_out_unnoticed_opens_with_older_sessions_revoked() {
    let spec = |end: &str| format!("validity: {{notAfter: '{end}'}}");
    let over = standing(&spec("2026-11-23T11:00:00Z"), "2026-11-23T10:00:00Z");
    let opened = plan(&over, &spec("2026-11-24T12:00:00Z"), NOON).unwrap();
    assert_eq!(
        summaries(&opened),
        [
            "put inline policy AWSRevokeOlderSessions",
            "put inline policy crossrole-validity",
            "set the trust policy"
        ]
    );
    assert!(opened.to_string().contains(NOON), "{opened}");
}

#[test]
fn closing_waits_for_nothing_else() {
    let entangled = "permissions: {awsManaged: [SecurityAudit], inline: [{name: a, document: {Version: '2012-10-17', Statement: [{Effect: Allow, Action: 's3:*', Resource: '*'}, {Effect: Deny, Action: 'kms:*', Resource: '*'}]}}, {name: b, document: {Version: '2012-10-17', Statement: [{Effect: Allow, Action: 'ec2:*', Resource: '*'}, {Effect: Deny, Action: 'kms:*', Resource: '*'}]}}]}";
    let closed = plan(&held(""), &format!("{entangled}\naccess: Closed"), NOON).unwrap();
    assert_eq!(
        summaries(&closed),
        [
            "set the trust policy",
            "put inline policy crossrole-closed",
            "put inline policy a",
            "put inline policy b",
            "attached SecurityAudit"
        ],
        "trust is closed once"
    );
    let bounded = plan(&held(""), "permissionsBoundary: limits\naccess: Closed", NOON).unwrap();
    assert_eq!(
        summaries(&bounded),
        [
            "set the trust policy",
            "set the permissions boundary limits",
            "put inline policy crossrole-closed"
        ]
    );
    // Nothing that is wrong with a revocation keeps a role open.
    let ahead = "access: Closed\nsessions: {revokeIssuedBefore: '2030-01-01T00:00:00Z'}";
    assert_eq!(
        summaries(&plan(&held(""), ahead, NOON).unwrap()),
        ["set the trust policy", "put inline policy crossrole-closed"]
    );
}

#[test]
fn a_closed_role_stays_closed_while_its_permissions_change() {
    let spec = "access: Closed\npermissions: {awsManaged: [SecurityAudit]}\nsessions: {onTighten: Revoke}\ntrust: [{from: {principals: ['arn:aws:iam::111111111111:role/ci']}}]";
    let changed = plan(&standing("access: Closed", NOON), spec, "2026-11-23T13:00:00Z").unwrap();
    assert_eq!(summaries(&changed), ["attached SecurityAudit"]);
}

#[test]
fn a_role_that_opens_to_others_is_revoked_right_before_its_denial_goes_and_trusts_last() {
    let spec = "trust: [{from: {principals: ['arn:aws:iam::111111111111:role/ci']}}]\npermissions: {awsManaged: [SecurityAudit]}";
    assert_eq!(
        summaries(&plan(&standing("access: Closed", NOON), spec, "2026-11-23T13:00:00Z").unwrap()),
        [
            "attached SecurityAudit",
            "put inline policy AWSRevokeOlderSessions",
            "deleted inline policy crossrole-closed",
            "set the trust policy"
        ]
    );
}

#[test]
fn a_policy_that_ends_sessions_is_put_back_whatever_somebody_made_of_it() {
    for made in [
        r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}"#,
        "{",
    ] {
        let edited = edited("access: Closed", |role| {
            role.inline.insert(CLOSED_POLICY.parse().unwrap(), document(made));
        });
        let repaired = plan(&edited, "access: Closed", NOON).unwrap();
        assert_eq!(summaries(&repaired), ["put inline policy crossrole-closed"], "{made}");
    }
}

#[test]
fn an_allow_does_not_hide_in_the_policy_that_revokes() {
    let allow = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}"#;
    let edited = edited("", |role| {
        role.inline
            .insert(REVOKE_OLDER_SESSIONS_POLICY.parse().unwrap(), document(allow));
    });
    assert_eq!(
        summaries(&plan(&edited, "", NOON).unwrap()),
        ["deleted inline policy AWSRevokeOlderSessions"]
    );
}

#[test]
fn it_is_said_until_when_older_sessions_last_only_where_nothing_ends_them() {
    let before = held(
        "maxSessionDuration: 2h\ntrust: [{from: {accounts: ['111111111111'], kind: Roles}}, {from: {principals: ['arn:aws:iam::111111111111:role/ci']}}]",
    );
    for (sentence, spec, said) in [
        ("somebody is taken out", "", true),
        ("dates are added", "validity: {notAfter: '2027-01-01T00:00:00Z'}", true),
        ("they are revoked", "sessions: {onTighten: Revoke}", false),
        (
            "they are revoked by declaration",
            "sessions: {revokeIssuedBefore: '2026-11-23T12:00:00Z'}",
            false,
        ),
        (
            "only earlier ones are revoked",
            "sessions: {revokeIssuedBefore: '2026-11-23T11:59:59Z'}",
            true,
        ),
        ("the role is closed", "access: Closed", false),
    ] {
        let until = older_sessions_last_until(&desired(spec), &before, at(NOON));
        assert_eq!(until, said.then(|| at("2026-11-23T14:00:00Z")), "{sentence}");
    }
    let dated = "validity: {notAfter: '2027-01-01T00:00:00Z'}";
    let unchanged = older_sessions_last_until(&desired(dated), &standing(dated, NOON), at(NOON));
    assert_eq!(unchanged, None, "dates that stand there already take nobody out");
}

#[test]
fn parts_of_a_second_never_spare_a_session() {
    let spec = "sessions: {revokeIssuedBefore: '2026-11-22T10:00:00.2Z'}";
    let revoked = plan(&held(""), spec, NOON).unwrap();
    assert!(revoked.to_string().contains("2026-11-22T10:00:01Z"), "{revoked}");
    assert!(plan(&standing(spec, NOON), spec, NOON).unwrap().is_empty());
}

#[test]
fn a_change_of_trust_that_came_late_is_followed_by_another_revocation() {
    let spec = "sessions: {onTighten: Revoke}\ntrust: [{from: {principals: ['arn:aws:iam::111111111111:role/ci']}}]";
    let tightened = plan(&held(""), spec, NOON).unwrap();
    let planned: Timestamp = NOON.parse().unwrap();
    let again = |plan: &Plan, seconds: i64| {
        let ended = planned + SignedDuration::from_secs(seconds);
        super::revoked_too_little(plan.changes.iter(), planned, ended).map(|change| change.to_string())
    };
    assert_eq!(again(&tightened, 19), None);
    let late = again(&tightened, 70).unwrap();
    assert!(late.contains("2026-11-23T12:02:10Z"), "{late}");
    // One that nothing but the declaration asked for has nothing to do with a change of trust.
    let declared = "sessions: {revokeIssuedBefore: '2026-11-23T11:00:00Z'}\ntrust: [{from: {principals: ['arn:aws:iam::111111111111:role/ci']}}]";
    assert_eq!(again(&plan(&held(""), declared, NOON).unwrap(), 70), None);
}
