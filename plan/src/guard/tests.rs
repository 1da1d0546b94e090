mod declared;
mod limits;
mod properties;
mod request;
mod statement_pool;
mod statements;
mod trust;

use super::*;
use crate::testing::{CLUSTER, account, check_table, declaration, rules, verdict};

/// A class with pieces replaced, and an object's spec.
type Input = (&'static [(&'static str, &'static str)], &'static str);

fn judge((replaced, spec): &Input) -> String {
    judge_as(replaced, spec, None)
}

fn judge_as(replaced: &[(&str, &str)], spec: &str, hub_role: Option<(&str, &str)>) -> String {
    judge_among(replaced, spec, hub_role, None)
}

/// What is said of a spec under a class with pieces replaced, where the namespace has so many roles already.
fn judge_among(
    replaced: &[(&str, &str)],
    spec: &str,
    hub_role: Option<(&str, &str)>,
    namespace_roles: Option<u32>,
) -> String {
    let (rules, account, declaration) = (rules(replaced).unwrap(), account(), declaration(spec));
    let desired = match Desired::of(&declaration, &account, &rules, CLUSTER) {
        Ok(desired) => desired,
        Err(refusal) => return verdict::<()>(Err(refusal)),
    };
    let count = |_| namespace_roles.unwrap_or_default();
    let counted: Option<&dyn Fn(u32) -> u32> = match namespace_roles {
        Some(_) => Some(&count),
        None => None,
    };
    verdict(check(&Proposal {
        declaration: &declaration,
        desired: &desired,
        account: &account,
        rules: &rules,
        namespace_labels: &Labels::from([("tier".to_string(), "platform".to_string())]),
        hub_role,
        namespace_roles: counted,
    }))
}

fn check_all(rows: &[(&'static str, Input, &'static str)]) {
    check_table(rows, judge);
}

#[test]
fn only_listed_namespaces_have_roles() {
    check_all(&[
        ("by name", (&[], ""), "passes"),
        (
            "by label",
            (
                &[("names: [security]", "selector: {matchLabels: {tier: platform}}")],
                "",
            ),
            "passes",
        ),
        (
            "another one",
            (&[("names: [security]", "names: [other]")], ""),
            "NamespaceNotAllowed, AccountClass production does not allow namespace security: its owner can add it to spec.allowedNamespaces",
        ),
        (
            "no list at all",
            (&[("allowedNamespaces: {names: [security]}\n", "")], ""),
            "NamespaceNotAllowed, AccountClass production does not allow namespace security: its owner can add it to spec.allowedNamespaces",
        ),
    ]);
}

#[test]
fn roles_live_at_or_below_the_role_path() {
    check_all(&[
        ("at it", (&[], "path: /crossrole/"), "passes"),
        ("below it", (&[], "path: /crossrole/team/"), "passes"),
        (
            "beside it",
            (&[], "path: /crossrole-x/"),
            "PathNotAllowed, spec.path: /crossrole-x/ is not at or below /crossrole/, the rolePath of AccountClass production",
        ),
        (
            "above it",
            (&[], "path: /"),
            "PathNotAllowed, spec.path: / is not at or below /crossrole/, the rolePath of AccountClass production",
        ),
        (
            "the namespace's own",
            (
                &[("guardrails:", "guardrails:\n  rolePath: '/x/${namespace}/'")],
                "path: /x/security/a/",
            ),
            "passes",
        ),
        (
            "another namespace's",
            (
                &[("guardrails:", "guardrails:\n  rolePath: '/x/${namespace}/'")],
                "path: /x/security2/",
            ),
            "PathNotAllowed, spec.path: /x/security2/ is not at or below /x/security/, the rolePath of AccountClass production",
        ),
    ]);
}

#[test]
fn roles_that_others_depend_on_are_never_named() {
    check_all(&[
        (
            "the organisation's role, in any case",
            (&[], "roleName: organizationaccountaccessrole"),
            "ProtectedRole, spec.roleName: organizationaccountaccessrole is a role that the organisation itself depends on, which crossrole never touches: make an object with another roleName",
        ),
        (
            "Control Tower's role",
            (&[], "roleName: AWSControlTowerExecution"),
            "ProtectedRole, spec.roleName: AWSControlTowerExecution is a role that the organisation itself depends on, which crossrole never touches: make an object with another roleName",
        ),
        (
            "the bootstrap role, at another path",
            (&[], "roleName: Crossrole-Bootstrap"),
            "ProtectedRole, spec.roleName: Crossrole-Bootstrap is the bootstrap role, which crossrole never touches: make an object with another roleName",
        ),
        (
            "the grant role",
            (
                &[("guardrails:", "grants: {role: crossrole-grants}\nguardrails:")],
                "roleName: Crossrole-Grants",
            ),
            "ProtectedRole, spec.roleName: Crossrole-Grants is the grant role, which crossrole never touches: make an object with another roleName",
        ),
        (
            "a service-linked path",
            (&[("guardrails:", "guardrails:\n  rolePath: /aws-service-role/x/")], ""),
            "ProtectedRole, spec.path: /aws-service-role/x/ belongs to AWS: choose another path",
        ),
        (
            "Identity Center's path",
            (
                &[("guardrails:", "guardrails:\n  rolePath: /aws-reserved/")],
                "path: /aws-reserved/sso.amazonaws.com/",
            ),
            "ProtectedRole, spec.path: /aws-reserved/sso.amazonaws.com/ belongs to AWS: choose another path",
        ),
    ]);
    let refused = "ProtectedRole, spec.roleName: hub is the role that the operator itself runs as, which crossrole never touches: make an object with another roleName";
    assert_eq!(judge_as(&[], "roleName: hub", Some(("222222222222", "Hub"))), refused);
    assert_eq!(judge_as(&[], "roleName: hub", Some(("111111111111", "hub"))), "passes");
    assert_eq!(judge_as(&[], "roleName: hub2", Some(("222222222222", "hub"))), "passes");
}

#[test]
fn a_boundary_is_the_objects_only_where_the_class_says_none() {
    check_all(&[
        ("None", (&[], "permissionsBoundary: mine"), "passes"),
        ("forced", (&[("Boundary: None", "Boundary: theirs")], ""), "passes"),
        (
            "forced, and another asked for",
            (&[("Boundary: None", "Boundary: theirs")], "permissionsBoundary: mine"),
            "BoundaryNotAllowed, spec.permissionsBoundary: AccountClass production sets the boundary of every role: leave this field out",
        ),
    ]);
}

#[test]
fn a_session_is_no_longer_than_the_class_allows() {
    check_all(&[
        ("as long", (&[], "maxSessionDuration: 4h"), "passes"),
        (
            "longer",
            (&[], "maxSessionDuration: 4h30m"),
            "SessionTooLong, spec.maxSessionDuration: 4h30m is longer than the 4h that AccountClass production allows",
        ),
        (
            "the default",
            (&[("\n  maxSessionDuration: 4h", "")], "maxSessionDuration: 2h"),
            "SessionTooLong, spec.maxSessionDuration: 2h is longer than the 1h that AccountClass production allows",
        ),
    ]);
}

#[test]
fn only_listed_managed_policies_are_attached() {
    check_all(&[
        (
            "AWS's by pattern",
            (
                &[("aws: ['*']", "aws: ['job-function/*']")],
                "permissions: {awsManaged: [job-function/ViewOnlyAccess]}",
            ),
            "passes",
        ),
        (
            "AWS's that is not listed",
            (
                &[("aws: ['*']", "aws: ['job-function/*']")],
                "permissions: {awsManaged: [job-function/X, SecurityAudit]}",
            ),
            "PolicyNotAllowed, spec.permissions.awsManaged[1]: SecurityAudit is not in guardrails.managedPolicies.aws of AccountClass production",
        ),
        (
            "the account's own that is not listed, by its place in the list",
            (
                &[("account: ['*']", "account: ['z*']")],
                "permissions: {customerManaged: [z1, team/read]}",
            ),
            "PolicyNotAllowed, spec.permissions.customerManaged[1]: team/read is not in guardrails.managedPolicies.account of AccountClass production",
        ),
        (
            "no list at all",
            (
                &[("  managedPolicies: {aws: ['*'], account: ['*']}\n", "")],
                "permissions: {awsManaged: [SecurityAudit]}",
            ),
            "PolicyNotAllowed, spec.permissions.awsManaged[0]: SecurityAudit is not in guardrails.managedPolicies.aws of AccountClass production",
        ),
        (
            "denied by its bare name behind a path",
            (
                &[("account: ['*']", "account: ['*'], deny: [ReadLogs]")],
                "permissions: {customerManaged: [team/readlogs]}",
            ),
            "PolicyNotAllowed, spec.permissions.customerManaged[0]: team/readlogs is denied by guardrails.managedPolicies.deny of AccountClass production",
        ),
        (
            "denied although written as an ARN",
            (
                &[("account: ['*']", "account: ['*'], deny: [AdministratorAccess]")],
                "permissions: {awsManaged: ['arn:aws:iam::aws:policy/AdministratorAccess']}",
            ),
            "PolicyNotAllowed, spec.permissions.awsManaged[0]: AdministratorAccess is denied by guardrails.managedPolicies.deny of AccountClass production",
        ),
        (
            "denied by pattern",
            (
                &[("account: ['*']", "account: ['*'], deny: ['*FullAccess']")],
                "permissions: {awsManaged: [AmazonS3ReadOnlyAccess, IAMFullAccess]}",
            ),
            "PolicyNotAllowed, spec.permissions.awsManaged[1]: IAMFullAccess is denied by guardrails.managedPolicies.deny of AccountClass production",
        ),
    ]);
}

#[test]
fn no_inline_allow_can_match_a_denied_action() {
    let judged = |denied: &str, statement: &str| {
        let spec = format!(
            "permissions: {{inline: [{{name: p, document: {{Version: '2012-10-17', Statement: [{{{statement}, Resource: '*'}}]}}}}]}}"
        );
        judge_as(&[("'iam:*'", denied)], &spec, None)
    };
    let refused = |action: &str, denied: &str| {
        format!(
            "InlinePolicyNotAllowed, spec.permissions.inline[0].document.Statement[0]: policy p allows {action}, which can match {denied} of guardrails.inlinePolicies.denyActions of AccountClass production"
        )
    };
    for (denied, statement, expected) in [
        ("'iam:*'", "Effect: Allow, Action: 's3:GetObject'", "passes".to_string()),
        ("'iam:*'", "Effect: Deny, Action: 'iam:*'", "passes".into()),
        (
            "'iam:*'",
            "Effect: Allow, Action: 'iam:GetRole'",
            refused("iam:GetRole", "iam:*"),
        ),
        (
            "'iam:*'",
            "Effect: Allow, Action: 'IAM:getrole'",
            refused("IAM:getrole", "iam:*"),
        ),
        ("'iam:*'", "Effect: Allow, Action: '*'", refused("*", "iam:*")),
        (
            "'iam:*'",
            "Effect: Allow, Action: ['s3:*', 'iam:*']",
            refused("iam:*", "iam:*"),
        ),
        (
            "'i?m:*'",
            "Effect: Allow, Action: 'iam:GetRole'",
            refused("iam:GetRole", "i?m:*"),
        ),
        (
            "'iam:GetRole'",
            "Effect: Allow, Action: 'iam:Get*'",
            refused("iam:Get*", "iam:GetRole"),
        ),
        (
            "'iam:Get*'",
            "Effect: Allow, Action: 'iam:GetRole'",
            refused("iam:GetRole", "iam:Get*"),
        ),
        (
            "'iam:*Role'",
            "Effect: Allow, Action: 'iam:Get*'",
            refused("iam:Get*", "iam:*Role"),
        ),
        ("'iam:Put*'", "Effect: Allow, Action: 'iam:Get*'", "passes".into()),
        (
            "'*'",
            "Effect: Allow, Action: 's3:GetObject'",
            refused("s3:GetObject", "*"),
        ),
        ("", "Effect: Allow, Action: '*'", "passes".into()),
        // A condition or a resource does not help.
        (
            "'iam:*'",
            "Effect: Allow, Action: 'iam:*', Condition: {Bool: {'aws:SecureTransport': 'true'}}",
            refused("iam:*", "iam:*"),
        ),
        (
            "'iam:*'",
            "Effect: Allow, NotAction: 's3:*'",
            refused("everything but s3:*", "iam:*"),
        ),
        (
            "'iam:*'",
            "Effect: Allow, NotAction: 'iam:Get*'",
            refused("everything but iam:Get*", "iam:*"),
        ),
        (
            "'iam:*'",
            "Effect: Allow, NotAction: ['s3:*', 'IAM:*']",
            "passes".into(),
        ),
        ("'iam:Get*'", "Effect: Allow, NotAction: 'iam:*'", "passes".into()),
    ] {
        assert_eq!(judged(denied, statement), expected, "{denied}: {statement}");
    }
}

#[test]
fn inline_policies_are_refused_by_their_place_in_the_list() {
    let good = "{Version: '2012-10-17', Statement: [{Effect: Allow, Action: 's3:GetObject', Resource: '*'}]}";
    let bad = "{Version: '2012-10-17', Statement: [{Effect: Deny, Action: '*', Resource: '*'}, {Effect: Allow, Action: 'iam:*', Resource: '*'}]}";
    let spec = format!("permissions: {{inline: [{{name: z, document: {good}}}, {{name: a, document: {bad}}}]}}");
    assert_eq!(
        judge_as(&[], &spec, None),
        "InlinePolicyNotAllowed, spec.permissions.inline[1].document.Statement[1]: policy a allows iam:*, which can match iam:* of guardrails.inlinePolicies.denyActions of AccountClass production"
    );
    assert_eq!(
        judge_as(&[("  inlinePolicies: {denyActions: ['iam:*']}\n", "")], &spec, None),
        "InlinePolicyNotAllowed, spec.permissions.inline[0]: AccountClass production allows no inline policies (it has no guardrails.inlinePolicies)"
    );
}

#[test]
fn only_listed_tag_keys() {
    check_all(&[
        (
            "listed",
            (
                &[("tagKeys: ['*']", "tagKeys: [team, 'cost-*']")],
                "tags: {Team: a, cost-center: b}",
            ),
            "passes",
        ),
        (
            "not listed",
            (
                &[("tagKeys: ['*']", "tagKeys: [team, 'cost-*']")],
                "tags: {team: a, stage: b}",
            ),
            "TagNotAllowed, spec.tags[stage]: stage is not in guardrails.tagKeys of AccountClass production",
        ),
        (
            "no list at all",
            (&[("  tagKeys: ['*']\n", "")], "tags: {team: a}"),
            "TagNotAllowed, spec.tags[team]: team is not in guardrails.tagKeys of AccountClass production",
        ),
    ]);
}
