//! Plans that put a boundary on, take one off, or swap one for another.

use super::*;

#[test]
fn a_role_is_made_with_trust_boundary_and_tags_in_one_call() {
    let spec = trusting(
        &[ALICE],
        "description: Read-only audit\ntags: {team: security}\npermissionsBoundary: limits\npermissions: {awsManaged: [SecurityAudit], customerManaged: [team/read-logs]}",
    );
    assert_snapshot!(plan_text(None, &spec), @r#"
        1. create the role
             path      /crossrole/
             sessions  up to 1h
             about     "Read-only audit"
             boundary  arn:aws:iam::222222222222:policy/limits
             tag       crossrole.dev/cluster = c1
             tag       crossrole.dev/owner = security/audit
             tag       team = security
             trust
             {
               "Version": "2012-10-17",
               "Statement": [
                 {
                   "Effect": "Allow",
                   "Principal": {
                     "AWS": "arn:aws:iam::111111111111:role/alice"
                   },
                   "Action": "sts:AssumeRole"
                 }
               ]
             }
        2. attach arn:aws:iam::222222222222:policy/team/read-logs
        3. attach arn:aws:iam::aws:policy/SecurityAudit
    "#);
}

#[test]
fn a_first_boundary_comes_before_everything_else() {
    let after = "permissionsBoundary: limits\nmaxSessionDuration: 1h\npermissions: {awsManaged: [SecurityAudit]}";
    assert_snapshot!(steps_between("maxSessionDuration: 2h\npermissions: {awsManaged: [ReadOnlyAccess]}", after), @r#"
        1. set the permissions boundary arn:aws:iam::222222222222:policy/limits
        2. set session duration to 1h and description to ""
        3. detach arn:aws:iam::aws:policy/ReadOnlyAccess
        4. attach arn:aws:iam::aws:policy/SecurityAudit
    "#);
}

#[test]
fn the_last_boundary_goes_after_everything_but_longer_sessions() {
    let before = "permissionsBoundary: limits\npermissions: {awsManaged: [ReadOnlyAccess]}";
    assert_snapshot!(steps_between(before, "maxSessionDuration: 2h\npermissions: {awsManaged: [SecurityAudit]}"), @r#"
        1. detach arn:aws:iam::aws:policy/ReadOnlyAccess
        2. attach arn:aws:iam::aws:policy/SecurityAudit
        3. remove the permissions boundary
        4. set session duration to 2h and description to ""
    "#);
}

#[test]
fn a_boundary_is_swapped_when_only_what_is_shared_is_there() {
    let before = format!(
        "permissionsBoundary: old\npermissions: {{awsManaged: [ReadOnlyAccess], inline: [{}]}}",
        inline("data", &[READ])
    );
    let after = format!(
        "permissionsBoundary: new\npermissions: {{awsManaged: [SecurityAudit], inline: [{}]}}",
        inline("data", &[WRITE])
    );
    assert_snapshot!(steps_between(&before, &after), @r"
        1. detach arn:aws:iam::aws:policy/ReadOnlyAccess
        2. delete inline policy data
        3. set the permissions boundary arn:aws:iam::222222222222:policy/new
        4. put inline policy data
        5. attach arn:aws:iam::aws:policy/SecurityAudit
    ");
}

#[test]
fn policies_are_written_only_once_the_other_boundary_is_there() {
    let (less, more) = (
        with_inline(&[inline("data", &[READ])]),
        with_inline(&[inline("data", &[READ, WRITE])]),
    );
    let (old, new) = ("permissionsBoundary: old\n", "permissionsBoundary: new\n");
    let both = [
        steps_between(&format!("{old}{more}"), &format!("{new}{less}")),
        steps_between(&format!("{old}{less}"), &format!("{new}{more}")),
    ];
    assert_snapshot!(both.join("\n\n"), @r"
        1. delete inline policy data
        2. set the permissions boundary arn:aws:iam::222222222222:policy/new
        3. put inline policy data

        1. set the permissions boundary arn:aws:iam::222222222222:policy/new
        2. put inline policy data
    ");
}

#[test]
fn a_deny_that_would_go_with_a_policy_closes_the_role_while_the_boundary_is_swapped() {
    let before = format!(
        "permissionsBoundary: old\n{}",
        with_inline(&[inline("data", &[READ, NO_KEYS])])
    );
    let after = format!(
        "permissionsBoundary: new\n{}",
        with_inline(&[inline("data", &[WRITE, NO_KEYS])])
    );
    assert_snapshot!(steps_between(&before, &after), @r"
        1. close the trust policy while the rest changes
        2. set the permissions boundary arn:aws:iam::222222222222:policy/new
        3. put inline policy data
        4. set the trust policy
    ");
}

#[test]
fn another_boundary_comes_before_any_policy_is_written() {
    let before = format!(
        "permissionsBoundary: old\n{}",
        with_inline(&[inline("data", &[READ, WRITE])])
    );
    let after = format!(
        "permissionsBoundary: new\n{}",
        with_inline(&[inline("data", &[READ]), inline("never", &[NO_KEYS])])
    );
    // The Deny cannot be there at the moment of the swap, so nobody may be there either.
    assert_snapshot!(steps_between(&before, &after), @r"
        1. close the trust policy while the rest changes
        2. delete inline policy data
        3. set the permissions boundary arn:aws:iam::222222222222:policy/new
        4. put inline policy never
        5. put inline policy data
        6. set the trust policy
    ");
}

#[test]
fn sessions_that_are_to_end_close_the_role_while_the_boundary_is_swapped() {
    let ends = "permissionsBoundary: other\nsessions: {revokeIssuedBefore: '1970-01-01T00:00:00Z'}";
    assert_snapshot!(steps_between("permissionsBoundary: limits", ends), @r"
        1. close the trust policy while the rest changes
        2. set the permissions boundary arn:aws:iam::222222222222:policy/other
        3. put inline policy AWSRevokeOlderSessions
        4. set the trust policy
    ");
}
