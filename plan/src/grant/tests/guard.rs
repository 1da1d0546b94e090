use crossrole_iam::RoleName;

use super::*;
use crate::rules::Rules;
use crate::select::Labels;
use crate::testing::{account, check_table, class, verdict};

const CLASS: &str = "
bootstrapRole: {name: crossrole-bootstrap}
guardrails: {permissionsBoundary: None}
grants: {role: crossrole-grants, allowedNamespaces: {names: [security]}, groups: [SecAuditors], roles: [ci/deployer]}
";

fn rules(replaced: &(&str, &str)) -> Result<Rules, crate::refusal::Refusal> {
    assert!(CLASS.contains(replaced.0), "{}", replaced.0);
    Rules::parse(&class(&CLASS.replace(replaced.0, replaced.1)))
}

#[test]
fn a_class_gives_nothing_to_the_roles_by_which_crossrole_works() {
    check_table(
        &[
            ("as it is", ("", ""), "passes"),
            (
                "the bootstrap role",
                ("[ci/deployer]", "[Crossrole-Bootstrap]"),
                "InvalidClass, AccountClass spec.grants.roles: role Crossrole-Bootstrap is the bootstrap role, and is given nothing: take it out",
            ),
            (
                "the grant role",
                ("[ci/deployer]", "[a/crossrole-grants]"),
                "InvalidClass, AccountClass spec.grants.roles: role a/crossrole-grants is the grant role, and is given nothing: take it out",
            ),
            (
                "a role below rolePath",
                ("[ci/deployer]", "[crossrole/audit]"),
                "InvalidClass, AccountClass spec.grants.roles: role crossrole/audit is one of the roles that crossrole makes, and is given nothing: take it out",
            ),
            (
                "a role of the organisation",
                ("[ci/deployer]", "[OrganizationAccountAccessRole]"),
                "InvalidClass, AccountClass spec.grants.roles: role OrganizationAccountAccessRole is a role that crossrole never touches, and is given nothing: take it out",
            ),
            (
                "one role for both",
                ("crossrole-grants", "crossrole-bootstrap"),
                "InvalidClass, AccountClass spec.grants.role: the grant role must be another than the bootstrap role",
            ),
            (
                "a grant role where roles are made",
                ("crossrole-grants", "crossrole/grants"),
                "InvalidClass, AccountClass spec.grants.role: the grant role must live outside /crossrole/, where roles are made",
            ),
            (
                "a grant role where roles of some namespaces are made",
                (
                    "permissionsBoundary: None}\ngrants: {role: crossrole-grants",
                    "permissionsBoundary: None, rolePath: '/of-${namespace}/'}\ngrants: {role: of-security/crossrole-grants",
                ),
                "InvalidClass, AccountClass spec.grants.role: the grant role must live outside /of-${namespace}/, where roles are made",
            ),
            (
                "a role where those of some namespaces are made",
                (
                    "permissionsBoundary: None}\ngrants: {role: crossrole-grants, allowedNamespaces: {names: [security]}, groups: [SecAuditors], roles: [ci/deployer]",
                    "permissionsBoundary: None, rolePath: '/of-${namespace}/'}\ngrants: {role: crossrole-grants, roles: [of-security/audit]",
                ),
                "InvalidClass, AccountClass spec.grants.roles: role of-security/audit is one of the roles that crossrole makes, and is given nothing: take it out",
            ),
            (
                "a boundary that the grant role can write",
                (
                    "permissionsBoundary: None",
                    "permissionsBoundary: crossrole-grants/boundary",
                ),
                "InvalidClass, AccountClass spec.guardrails.permissionsBoundary: the boundary must live outside /crossrole-grants/, where the grant role writes policies",
            ),
            (
                "such a boundary by its ARN",
                (
                    "permissionsBoundary: None",
                    "permissionsBoundary: 'arn:aws:iam::222222222222:policy/crossrole-grants/a/b'",
                ),
                "InvalidClass, AccountClass spec.guardrails.permissionsBoundary: the boundary must live outside /crossrole-grants/, where the grant role writes policies",
            ),
        ],
        |replaced| verdict(rules(replaced)),
    );
}

#[test]
fn the_grant_role_is_never_taken_over_whatever_a_class_lists() {
    let rules = rules(&("\ngrants:", "\nadoption: {roles: ['/*']}\ngrants:")).unwrap();
    let may_adopt = |name: &str| rules.may_adopt(&"/".parse().unwrap(), &name.parse().unwrap());
    assert!(may_adopt("audit"));
    assert!(!may_adopt("crossrole-Grants") && !may_adopt("crossrole-bootstrap"));
}

#[test]
fn a_grant_is_given_only_where_the_class_says_so() {
    let says = |(replaced, to, made): &((&str, &str), &str, bool)| {
        let rules = rules(replaced).unwrap();
        verdict(judge(&Request {
            grant: &grant(to),
            account: &account(),
            rules: &rules,
            namespace_labels: &Labels::new(),
            hub_role: Some(("222222222222", "deployer")),
            is_made_here: &|_: &RoleName| *made,
            is_entered_as: &|name: &RoleName| name.folded() == "staging-bootstrap",
        }))
    };
    let as_is = ("", "");
    check_table(
        &[
            ("a listed group", (as_is, "{groups: [SecAuditors]}", false), "passes"),
            (
                "another group",
                (as_is, "{groups: [SecAuditors, Admins]}", false),
                "GrantNotAllowed, spec.to.groups: AccountClass production does not allow anything to be given to group Admins: its owner can add it to spec.grants.groups",
            ),
            (
                "a listed group at another path",
                (as_is, "{groups: [x/SecAuditors]}", false),
                "GrantNotAllowed, spec.to.groups: AccountClass production does not allow anything to be given to group x/SecAuditors: its owner can add it to spec.grants.groups",
            ),
            (
                "the operator's own role",
                (as_is, "{roles: [ci/deployer]}", false),
                "ProtectedRole, spec.to.roles: deployer is the role that the operator itself runs as, and is given nothing: take it out",
            ),
            (
                "a role that an object holds",
                (("[ci/deployer]", "[ci/other]"), "{roles: [ci/other]}", true),
                "ProtectedRole, spec.to.roles: other is a role that crossrole makes, and is given nothing: take it out",
            ),
            (
                "another class's bootstrap role",
                (
                    ("[ci/deployer]", "[Staging-Bootstrap]"),
                    "{roles: [Staging-Bootstrap]}",
                    false,
                ),
                "ProtectedRole, spec.to.roles: Staging-Bootstrap is a bootstrap role or a grant role of an AccountClass, and is given nothing: take it out",
            ),
            (
                "another namespace",
                (("[security]", "[other]"), "{groups: [SecAuditors]}", false),
                "NamespaceNotAllowed, AccountClass production does not allow namespace security to grant: its owner can add it to spec.grants.allowedNamespaces",
            ),
            (
                "a class without grants",
                (
                    (
                        "grants: {role: crossrole-grants, allowedNamespaces: {names: [security]}, groups: [SecAuditors], roles: [ci/deployer]}",
                        "",
                    ),
                    "{groups: [SecAuditors]}",
                    false,
                ),
                "GrantNotAllowed, spec.account: AccountClass production has no spec.grants: nobody can grant in its accounts, nor take back what was granted there; put spec.grants back (empty lists of groups and roles will do) until no grant is left",
            ),
        ],
        says,
    );
}

#[test]
fn a_class_that_closes_what_it_no_longer_allows_leaves_to_each_what_it_still_allows() {
    let keep = |replaced: &(&str, &str), to: &str, on_violation: &str| {
        let guardrails = format!("permissionsBoundary: None, onViolation: {on_violation}");
        let text = CLASS.replace("permissionsBoundary: None", &guardrails);
        let rules = Rules::parse(&class(&text.replace(replaced.0, replaced.1))).unwrap();
        let kept = keeping(&Request {
            grant: &grant(to),
            account: &account(),
            rules: &rules,
            namespace_labels: &Labels::new(),
            hub_role: None,
            is_made_here: &|_: &RoleName| false,
            is_entered_as: &|_: &RoleName| false,
        });
        kept.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let (as_is, to) = (("", ""), "{groups: [SecAuditors, Admins], roles: [ci/other]}");
    assert_eq!(keep(&as_is, to, "Close"), ["group SecAuditors"]);
    assert_eq!(
        keep(&as_is, to, "Freeze"),
        ["group Admins", "group SecAuditors", "role other"]
    );
    let other_namespace = ("[security]", "[other]");
    assert!(keep(&other_namespace, to, "Close").is_empty());
    assert_eq!(keep(&other_namespace, to, "Freeze").len(), 3);
}
