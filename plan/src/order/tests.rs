//! Plans as a security reviewer reads them.

mod boundary;
mod room;
mod tags;

use crossrole_iam::document::DocumentKind;
use insta::assert_snapshot;

use crate::change::Change;
use crate::diff;
use crate::observed::{ObservedDocument, ObservedRole};
use crate::testing::{desired, held, plan_text};

const ALICE: &str = "{from: {principals: ['arn:aws:iam::111111111111:role/alice']}}";
const BOB: &str = "{from: {principals: ['arn:aws:iam::111111111111:role/bob']}}";
const CAROL: &str = "{from: {principals: ['arn:aws:iam::111111111111:role/carol']}}";

fn trusting(entries: &[&str], rest: &str) -> String {
    format!("trust: [{}]\n{rest}", entries.join(", "))
}

/// One inline policy, of one-line statements.
fn inline(name: &str, statements: &[&str]) -> String {
    format!(
        "{{name: {name}, document: {{Version: '2012-10-17', Statement: [{}]}}}}",
        statements.join(", ")
    )
}

fn with_inline(policies: &[String]) -> String {
    format!("permissions: {{inline: [{}]}}", policies.join(", "))
}

const READ: &str = "{Effect: Allow, Action: 's3:GetObject', Resource: '*'}";
const WRITE: &str = "{Effect: Allow, Action: 's3:PutObject', Resource: '*'}";
const NO_KEYS: &str = "{Effect: Deny, Action: 'kms:*', Resource: '*'}";
const NO_EC2: &str = "{Effect: Deny, Action: 'ec2:*', Resource: '*'}";

/// The first line of each step, for plans whose documents another test shows.
fn steps(plan: &str) -> String {
    let is_step = |line: &&str| line.get(..5).is_some_and(|start| start.trim().ends_with('.'));
    plan.lines().filter(is_step).collect::<Vec<_>>().join("\n")
}

fn steps_between(before: &str, after: &str) -> String {
    steps(&plan_text(Some(before), after))
}

#[test]
fn a_role_with_a_deny_gets_the_deny_first() {
    let permissions = "permissions: {awsManaged: [ReadOnlyAccess], inline: [";
    let policies = [
        inline("a-read", &[READ]),
        inline("b-both", &[WRITE, NO_KEYS]),
        inline("c-never", &[NO_EC2]),
    ];
    assert_snapshot!(steps(&plan_text(None, &format!("{permissions}{}]}}", policies.join(", ")))), @r"
        1. create the role
        2. put inline policy c-never
        3. put inline policy b-both
        4. put inline policy a-read
        5. attach arn:aws:iam::aws:policy/ReadOnlyAccess
    ");
}

#[test]
fn a_role_with_two_documents_that_both_allow_and_deny_is_made_closed() {
    let policies = [inline("a", &[READ, NO_EC2]), inline("b", &[WRITE, NO_KEYS])];
    assert_snapshot!(steps(&plan_text(None, &with_inline(&policies))), @r"
        1. create the role
        2. put inline policy a
        3. put inline policy b
        4. set the trust policy
    ");
}

#[test]
fn nothing_to_do_is_an_empty_plan() {
    assert_eq!(plan_text(Some("description: x"), "description: x"), "");
}

#[test]
fn only_trust_that_widens_is_one_step() {
    assert_snapshot!(plan_text(Some(&trusting(&[ALICE], "")), &trusting(&[ALICE, BOB], "")), @r#"
        1. set the trust policy
             {
               "Version": "2012-10-17",
               "Statement": [
                 {
                   "Effect": "Allow",
                   "Principal": {
                     "AWS": "arn:aws:iam::111111111111:role/alice"
                   },
                   "Action": "sts:AssumeRole"
                 },
                 {
                   "Effect": "Allow",
                   "Principal": {
                     "AWS": "arn:aws:iam::111111111111:role/bob"
                   },
                   "Action": "sts:AssumeRole"
                 }
               ]
             }
    "#);
}

#[test]
fn trust_that_widens_comes_after_permissions() {
    assert_snapshot!(steps_between(&trusting(&[ALICE], ""), &trusting(&[ALICE, BOB], "permissions: {awsManaged: [SecurityAudit]}")), @r"
        1. attach arn:aws:iam::aws:policy/SecurityAudit
        2. set the trust policy
    ");
}

#[test]
fn an_entry_that_asks_less_comes_after_permissions_and_revokes_nobody() {
    let partner = |ids: &str| {
        format!(
            "trust: [{{from: {{accounts: ['444444444444'], kind: Roles}}, require: {{externalIds: [{ids}]}}}}]\nsessions: {{onTighten: Revoke}}"
        )
    };
    let rotating = format!(
        "{}\npermissions: {{awsManaged: [SecurityAudit]}}",
        partner("first-id, second-id")
    );
    assert_snapshot!(steps_between(&partner("first-id"), &rotating), @r"
        1. attach arn:aws:iam::aws:policy/SecurityAudit
        2. set the trust policy
    ");
}

#[test]
fn trust_that_narrows_comes_before_permissions() {
    assert_snapshot!(steps_between(&trusting(&[ALICE, BOB], ""), &trusting(&[ALICE], "permissions: {awsManaged: [SecurityAudit]}")), @r"
        1. set the trust policy
        2. attach arn:aws:iam::aws:policy/SecurityAudit
    ");
}

#[test]
fn trust_that_does_both_is_narrowed_to_what_is_shared_meanwhile() {
    let before = trusting(&[ALICE, BOB], "permissions: {awsManaged: [ReadOnlyAccess]}");
    let after = trusting(&[ALICE, CAROL], "permissions: {awsManaged: [SecurityAudit]}");
    assert_snapshot!(plan_text(Some(&before), &after), @r#"
        1. narrow the trust policy to what old and new share
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
        2. detach arn:aws:iam::aws:policy/ReadOnlyAccess
        3. attach arn:aws:iam::aws:policy/SecurityAudit
        4. set the trust policy
             {
               "Version": "2012-10-17",
               "Statement": [
                 {
                   "Effect": "Allow",
                   "Principal": {
                     "AWS": "arn:aws:iam::111111111111:role/alice"
                   },
                   "Action": "sts:AssumeRole"
                 },
                 {
                   "Effect": "Allow",
                   "Principal": {
                     "AWS": "arn:aws:iam::111111111111:role/carol"
                   },
                   "Action": "sts:AssumeRole"
                 }
               ]
             }
    "#);
}

#[test]
fn trust_that_shares_nothing_is_closed_meanwhile() {
    let before = trusting(&[BOB], "permissions: {awsManaged: [ReadOnlyAccess]}");
    assert_snapshot!(steps_between(&before, &trusting(&[CAROL], "permissions: {awsManaged: [SecurityAudit]}")), @r"
        1. close the trust policy while the rest changes
        2. detach arn:aws:iam::aws:policy/ReadOnlyAccess
        3. attach arn:aws:iam::aws:policy/SecurityAudit
        4. set the trust policy
    ");
}

#[test]
fn a_deny_comes_before_what_is_added() {
    let after = format!(
        "permissions: {{awsManaged: [ReadOnlyAccess], inline: [{}]}}",
        inline("never", &[NO_KEYS])
    );
    assert_snapshot!(plan_text(Some("permissions: {awsManaged: [AdministratorAccess]}"), &after), @r#"
        1. put inline policy never
             {
               "Version": "2012-10-17",
               "Statement": [
                 {
                   "Effect": "Deny",
                   "Action": "kms:*",
                   "Resource": "*"
                 }
               ]
             }
        2. detach arn:aws:iam::aws:policy/AdministratorAccess
        3. attach arn:aws:iam::aws:policy/ReadOnlyAccess
    "#);
}

#[test]
fn a_deny_goes_after_what_is_taken_away() {
    let before = format!(
        "permissions: {{awsManaged: [AdministratorAccess], inline: [{}]}}",
        inline("never", &[NO_KEYS])
    );
    assert_snapshot!(steps_between(&before, "permissions: {awsManaged: [ReadOnlyAccess]}"), @r"
        1. detach arn:aws:iam::aws:policy/AdministratorAccess
        2. attach arn:aws:iam::aws:policy/ReadOnlyAccess
        3. delete inline policy never
    ");
}

#[test]
fn two_denies_that_change_places_close_the_role_meanwhile() {
    let before = with_inline(&[inline("a", &[READ, NO_EC2]), inline("b", &[WRITE, NO_KEYS])]);
    let after = with_inline(&[inline("a", &[READ, NO_KEYS]), inline("b", &[WRITE, NO_EC2])]);
    assert_snapshot!(steps_between(&before, &after), @r"
        1. close the trust policy while the rest changes
        2. put inline policy a
        3. put inline policy b
        4. set the trust policy
    ");
}

#[test]
fn sessions_become_shorter_first_and_longer_last() {
    let both = [
        steps_between(
            "maxSessionDuration: 4h",
            "maxSessionDuration: 1h\npermissions: {awsManaged: [SecurityAudit]}",
        ),
        steps_between(
            "maxSessionDuration: 1h",
            "maxSessionDuration: 4h\npermissions: {awsManaged: [SecurityAudit]}",
        ),
    ];
    assert_snapshot!(both.join("\n\n"), @r#"
        1. set session duration to 1h and description to ""
        2. attach arn:aws:iam::aws:policy/SecurityAudit

        1. attach arn:aws:iam::aws:policy/SecurityAudit
        2. set session duration to 4h and description to ""
    "#);
}

#[test]
fn only_a_description_is_one_step_and_no_step_of_trust() {
    assert_snapshot!(plan_text(Some("description: old"), "description: new"), @r#"
          1. set session duration to 1h and description to "new"
    "#);
    let told = plan_text(
        Some(&trusting(&[ALICE, BOB], "description: old")),
        &trusting(&[ALICE, CAROL], "description: new"),
    );
    let steps: Vec<&str> = told
        .lines()
        .filter(|line| line.starts_with("  ") && line.contains(". "))
        .collect();
    assert_eq!(
        steps,
        [
            "  1. narrow the trust policy to what old and new share",
            "  2. set session duration to 1h and description to \"new\"",
            "  3. set the trust policy",
        ],
        "{told}"
    );
}

#[test]
fn somebody_who_does_not_exist_keeps_nobody_out_and_nobody_in() {
    // Bob was deleted: IAM shows a unique id. Everybody else stays in while the policies change.
    let bob = "arn:aws:iam::111111111111:role/bob";
    let mut found = held(&trusting(&[ALICE, BOB], ""));
    let text = found
        .trust
        .document()
        .unwrap()
        .to_json()
        .replace(bob, "AIDADEADDEADDEADDEADD");
    found.trust = ObservedDocument::parse_encoded(&text, DocumentKind::Trust);
    let steps = |found: &ObservedRole, spec: &str| -> Vec<String> {
        let plan = diff::update(found, &desired(spec));
        plan.iter().map(Change::summary).collect()
    };
    let audits = "permissions: {awsManaged: [SecurityAudit]}";
    assert_eq!(
        steps(&found, &trusting(&[ALICE, BOB], audits)),
        ["attached SecurityAudit", "set the trust policy"]
    );
    // Carol may be a typo: whoever is taken out is out, and Alice stays in.
    assert_eq!(
        steps(&held(&trusting(&[ALICE, BOB], "")), &trusting(&[ALICE, CAROL], audits)),
        [
            "narrowed the trust policy",
            "attached SecurityAudit",
            "set the trust policy"
        ]
    );
}
