use insta::assert_snapshot;

use super::*;
use crate::change::Plan;
use crate::testing::{desired, held};

fn plan_of(spec: &str, policy: DeletionPolicy, edit: impl Fn(&mut ObservedRole)) -> String {
    let mut role = held(spec);
    edit(&mut role);
    let changes = teardown(&role, &desired(spec).owner, policy);
    Plan {
        role: desired(spec).name,
        changes,
    }
    .to_string()
}

fn removal(spec: &str) -> String {
    plan_of(spec, DeletionPolicy::Delete, |_| {})
}

fn inline(policies: &[(&str, &str)]) -> String {
    let policies: Vec<String> = policies
        .iter()
        .map(|(name, effects)| {
            let statements: Vec<String> = effects
                .split(' ')
                .map(|effect| format!("{{Effect: {effect}, Action: 's3:*', Resource: '*'}}"))
                .collect();
            format!(
                "{{name: {name}, document: {{Version: '2012-10-17', Statement: [{}]}}}}",
                statements.join(", ")
            )
        })
        .collect();
    format!(
        "permissions: {{awsManaged: [SecurityAudit], inline: [{}]}}",
        policies.join(", ")
    )
}

#[test]
fn a_plain_role_is_deleted() {
    assert_snapshot!(removal(""), @r"
          1. delete the role
    ");
}

#[test]
fn what_allows_goes_before_what_denies() {
    assert_snapshot!(removal(&inline(&[("a", "Deny"), ("b", "Allow Deny"), ("c", "Allow")])), @r"
        1. detach arn:aws:iam::aws:policy/SecurityAudit
        2. delete inline policy c
        3. delete inline policy b
        4. delete inline policy a
        5. delete the role
    ");
}

#[test]
fn a_role_with_two_documents_that_both_allow_and_deny_is_closed_first() {
    assert_snapshot!(removal(&inline(&[("a", "Allow Deny"), ("b", "Allow Deny")])), @r#"
        1. close the trust policy while the rest changes
             {
               "Version": "2012-10-17",
               "Statement": [
                 {
                   "Sid": "CrossroleClosed",
                   "Effect": "Deny",
                   "Principal": {
                     "AWS": "*"
                   },
                   "Action": [
                     "sts:AssumeRole",
                     "sts:AssumeRoleWithSAML",
                     "sts:AssumeRoleWithWebIdentity"
                   ]
                 }
               ]
             }
        2. detach arn:aws:iam::aws:policy/SecurityAudit
        3. delete inline policy a
        4. delete inline policy b
        5. delete the role
    "#);
}

#[test]
fn a_role_leaves_its_instance_profiles_and_whatever_the_console_put_there() {
    let revoke = |role: &mut ObservedRole| {
        role.instance_profiles.extend(["web".to_string(), "batch".to_string()]);
        let text = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}"#;
        let document = ObservedDocument::parse_encoded(text, crossrole_iam::DocumentKind::Permission);
        role.inline.insert(
            crossrole_api::names::REVOKE_OLDER_SESSIONS_POLICY.parse().unwrap(),
            document,
        );
    };
    assert_snapshot!(plan_of(&inline(&[("z", "Allow")]), DeletionPolicy::Delete, revoke), @r"
        1. take the role out of instance profile batch
        2. take the role out of instance profile web
        3. detach arn:aws:iam::aws:policy/SecurityAudit
        4. delete inline policy z
        5. delete inline policy AWSRevokeOlderSessions
        6. delete the role
    ");
}

#[test]
fn a_role_that_is_retained_loses_our_tags_in_whatever_case_they_are() {
    let rewrite = |role: &mut ObservedRole| {
        role.tags = role
            .tags
            .iter()
            .map(|(key, value)| (key.to_uppercase(), value.clone()))
            .collect();
    };
    assert_snapshot!(plan_of("tags: {team: a}", DeletionPolicy::Retain, rewrite), @r"
          1. remove tags CROSSROLE.DEV/CLUSTER, CROSSROLE.DEV/OWNER
    ");
}

#[test]
fn a_role_that_is_retained_without_our_tags_is_left_as_it_is() {
    assert_eq!(plan_of("", DeletionPolicy::Retain, |role| role.tags.clear()), "");
}
