//! Numbers, boundaries, adoption, and which refusals say that the class forbids a role.

use crossrole_api::Reason;

use super::super::is_violation;
use super::{check_all, judge_among};
use crate::testing::rules;

#[test]
fn new_roles_stop_at_the_limit_and_old_ones_stay() {
    let limit: &[(&str, &str)] = &[("tagKeys: ['*']", "tagKeys: ['*']\n  maxRolesPerNamespace: 2")];
    const FULL: &str = "TooManyRoles, namespace security has 2 roles in accounts of AccountClass production, and guardrails.maxRolesPerNamespace allows 2";
    for (class, held, expected) in [
        (limit, Some(0), "passes"),
        (limit, Some(1), "passes"),
        (limit, Some(2), FULL),
        (limit, None, "passes"),
        (&[], Some(1_000_000), "passes"),
    ] {
        let said = judge_among(class, "", None, held);
        assert_eq!(said, expected, "{held:?}");
    }
}

#[test]
fn a_boundary_is_a_policy_of_the_account_or_of_aws() {
    check_all(&[
        (
            "the account's",
            (&[], "permissionsBoundary: 'arn:aws:iam::222222222222:policy/mine'"),
            "passes",
        ),
        (
            "AWS's",
            (&[], "permissionsBoundary: 'arn:aws:iam::aws:policy/PowerUserAccess'"),
            "passes",
        ),
        (
            "another account's",
            (&[], "permissionsBoundary: 'arn:aws:iam::111111111111:policy/mine'"),
            "InvalidSpec, spec.permissionsBoundary: arn:aws:iam::111111111111:policy/mine is not a policy of account 222222222222: write the policy's name",
        ),
        (
            "another account's, by the class",
            (
                &[("Boundary: None", "Boundary: 'arn:aws:iam::111111111111:policy/theirs'")],
                "",
            ),
            "InvalidClass, AccountClass spec.guardrails.permissionsBoundary: arn:aws:iam::111111111111:policy/theirs is not a policy of account 222222222222: write the policy's name",
        ),
        (
            "another partition's",
            (
                &[(
                    "Boundary: None",
                    "Boundary: 'arn:aws-cn:iam::aws:policy/PowerUserAccess'",
                )],
                "",
            ),
            "InvalidClass, AccountClass spec.guardrails.permissionsBoundary: arn:aws-cn:iam::aws:policy/PowerUserAccess is not a policy of account 222222222222: write the policy's name",
        ),
    ]);
}

#[test]
fn only_roles_that_the_class_names_are_taken_over() {
    let rules = rules(&[(
        "allowedNamespaces:",
        "adoption: {roles: ['/legacy/audit-*', '/aws-reserved/*', '/*Role', '/*crossrole-bootstrap']}\nallowedNamespaces:",
    )])
    .unwrap();
    for (path, name, expected) in [
        ("/legacy/", "audit-logs", true),
        ("/legacy/", "Audit-logs", false),
        ("/legacy/deep/", "audit-logs", false),
        ("/", "audit-logs", false),
        ("/", "SomeRole", true),
        ("/", "OrganizationAccountAccessRole", false),
        (
            "/aws-reserved/sso.amazonaws.com/",
            "AWSReservedSSO_X_0123456789abcdef",
            false,
        ),
        ("/", "crossrole-bootstrap", false),
    ] {
        let adopts = rules.may_adopt(&path.parse().unwrap(), &name.parse().unwrap());
        assert_eq!(adopts, expected, "{path}{name}");
    }
    let none = crate::testing::rules(&[]).unwrap();
    assert!(!none.may_adopt(&"/legacy/".parse().unwrap(), &"audit-logs".parse().unwrap()));
}

#[test]
fn only_a_rule_that_forbids_a_role_can_close_it() {
    let violations: Vec<&str> = Reason::ALL
        .iter()
        .filter(|reason| is_violation(**reason))
        .map(|reason| reason.as_str())
        .collect();
    assert_eq!(
        violations,
        [
            "NamespaceNotAllowed",
            "PathNotAllowed",
            "BoundaryNotAllowed",
            "TrustNotAllowed",
            "MfaRequired",
            "ExternalIdRequired",
            "SessionTooLong",
            "PolicyNotAllowed",
            "InlinePolicyNotAllowed",
            "TagNotAllowed",
        ]
    );
    assert!(!is_violation(Reason::Unknown));
}

#[test]
fn a_role_that_is_never_touched_is_not_closed_by_another_violation() {
    check_all(&[(
        "the bootstrap role of a class that no longer allows the namespace",
        (
            &[("names: [security]", "names: [other]")],
            "roleName: crossrole-bootstrap",
        ),
        "ProtectedRole, spec.roleName: crossrole-bootstrap is the bootstrap role, which crossrole never touches: make an object with another roleName",
    )]);
}
