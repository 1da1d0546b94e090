//! Plans that stopped in between: what ended sessions, or was to end them, is not forgotten.

use super::*;

#[test]
fn sessions_are_revoked_before_trust_changes_so_that_no_failure_makes_it_forgotten() {
    let before = held(
        "trust: [{from: {accounts: ['111111111111'], kind: Roles}}, {from: {principals: ['arn:aws:iam::111111111111:role/ci']}}]",
    );
    let spec = "sessions: {onTighten: Revoke}\npermissions: {awsManaged: [SecurityAudit]}";
    assert_eq!(
        summaries(&plan(&before, spec, NOON).unwrap()),
        [
            "put inline policy AWSRevokeOlderSessions",
            "set the trust policy",
            "attached SecurityAudit"
        ]
    );
    // Without the boundary that policy cannot be written. Trust that is closed says meanwhile that it is still due.
    let spec = format!("{spec}\npermissionsBoundary: limits");
    assert_eq!(
        summaries(&plan(&before, &spec, NOON).unwrap()),
        [
            "closed the trust policy",
            "set the permissions boundary limits",
            "put inline policy AWSRevokeOlderSessions",
            "attached SecurityAudit",
            "set the trust policy"
        ]
    );
    let stopped = edited("", |role| role.trust = ObservedDocument::of(trust::closed()));
    let resumed = plan(&stopped, "sessions: {onTighten: Revoke}", NOON).unwrap();
    assert_eq!(
        summaries(&resumed),
        ["put inline policy AWSRevokeOlderSessions", "set the trust policy"]
    );
    assert_eq!(summaries(&plan(&stopped, "", NOON).unwrap()), ["set the trust policy"]);
}

#[test]
fn a_revocation_for_which_there_is_no_room_closes_trust_so_that_it_is_not_forgotten() {
    let full = format!(
        "permissions: {{inline: [{{name: full, document: {{Version: '2012-10-17', Statement: [{{Effect: Allow, Action: 's3:*', Resource: 'arn:aws:s3:::{}'}}]}}}}]}}\nsessions: {{onTighten: Revoke}}",
        "x".repeat(10_100)
    );
    let wide = "trust: [{from: {accounts: ['111111111111'], kind: Roles}}, {from: {principals: ['arn:aws:iam::111111111111:role/ci']}}]";
    let before = held(&format!("{full}\n{wide}"));
    let until_full = [
        "closed the trust policy",
        "put inline policy AWSRevokeOlderSessions",
        "set the trust policy",
    ];
    assert_eq!(summaries(&plan(&before, &full, NOON).unwrap()), until_full);
    // The put fails, and the next look finds what is still due.
    let mut stopped = before;
    stopped.trust = ObservedDocument::of(trust::closed());
    assert_eq!(summaries(&plan(&stopped, &full, NOON).unwrap()), until_full[1..]);
    // Whoever only lets more in revokes nothing, and closes nothing.
    assert_eq!(
        summaries(&plan(&held(&full), &format!("{full}\n{wide}"), NOON).unwrap()),
        ["set the trust policy"]
    );
}

#[test]
fn whatever_ended_sessions_is_remembered_until_they_are_revoked() {
    let opening = "sessions: {onTighten: Revoke}";
    // A plan that opens a role whose time ran out stopped once trust was closed.
    let over = "validity: {notAfter: '2026-11-23T11:00:00Z'}";
    let mut stopped = standing(over, "2026-11-23T10:00:00Z");
    stopped.trust = ObservedDocument::of(trust::closed());
    let resumed = plan(&stopped, opening, NOON).unwrap().to_string();
    assert!(resumed.contains("2026-11-23T12:01:00Z"), "{resumed}");
    // Somebody made something else of the policy that ended sessions; without it nobody would know that they were.
    let allow = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}"#;
    let edited = edited("access: Closed\npermissionsBoundary: limits", |role| {
        role.inline.insert(CLOSED_POLICY.parse().unwrap(), document(allow));
    });
    assert_eq!(
        summaries(&plan(&edited, "permissionsBoundary: others", NOON).unwrap()),
        [
            "set the permissions boundary others",
            "put inline policy AWSRevokeOlderSessions",
            "deleted inline policy crossrole-closed",
            "set the trust policy"
        ]
    );
    // What cannot be read makes way after trust has changed, and says until then that somebody was taken out.
    let mut unread = held("");
    unread
        .inline
        .insert(REVOKE_OLDER_SESSIONS_POLICY.parse().unwrap(), document("{"));
    let resumed = plan(&unread, opening, NOON).unwrap().to_string();
    assert!(resumed.contains("2026-11-23T12:01:00Z"), "{resumed}");
}
