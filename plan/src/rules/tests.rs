mod lists;

use super::*;
use crate::testing::{check_table, rules, verdict};

type Replaced = &'static [(&'static str, &'static str)];

#[test]
fn a_class_that_contradicts_itself_is_refused() {
    let rows: &[(&str, Replaced, &str)] = &[
        ("the class of these tests", &[], "passes"),
        (
            "a bootstrap role inside rolePath",
            &[("crossrole-bootstrap", "crossrole/bootstrap")],
            "InvalidClass, AccountClass spec.bootstrapRole.name: the bootstrap role must live outside guardrails.rolePath /crossrole/",
        ),
        (
            "a bootstrap role inside the rolePath of some namespace",
            &[
                ("crossrole-bootstrap", "crossrole/team/bootstrap"),
                ("guardrails:", "guardrails:\n  rolePath: '/crossrole/${namespace}/'"),
            ],
            "InvalidClass, AccountClass spec.bootstrapRole.name: the bootstrap role must live outside guardrails.rolePath /crossrole/${namespace}/",
        ),
        (
            "a bootstrap role beside rolePath",
            &[("crossrole-bootstrap", "crossrole-x/bootstrap")],
            "passes",
        ),
        (
            "a rolePath that is everywhere",
            &[("guardrails:", "guardrails:\n  rolePath: /")],
            "InvalidClass, AccountClass spec.bootstrapRole.name: the bootstrap role must live outside guardrails.rolePath /",
        ),
        (
            "a rolePath without its last slash",
            &[("guardrails:", "guardrails:\n  rolePath: /roles")],
            r#"InvalidClass, AccountClass spec.guardrails.rolePath: path "/roles" must begin and end with a slash, such as /team/"#,
        ),
        (
            "an unknown variable in rolePath is part of its name",
            &[("guardrails:", "guardrails:\n  rolePath: '/${team}/'")],
            "passes",
        ),
        (
            "an account that is ours and somebody else's",
            &[("'444444444444'", "'111111111111'")],
            "InvalidClass, AccountClass spec.guardrails.trust.thirdParties: 111111111111 is also in trust.accounts: an account is either ours or somebody else's",
        ),
        (
            "an account id that is none",
            &[("'444444444444'", "'4444'")],
            r#"InvalidClass, AccountClass spec.guardrails.trust.thirdParties: account id "4444" must be exactly 12 digits, without hyphens; in YAML, quote it"#,
        ),
        (
            "sessions of a day",
            &[("maxSessionDuration: 4h", "maxSessionDuration: 24h")],
            "InvalidClass, AccountClass spec.guardrails.maxSessionDuration: write a duration from 1h to 12h",
        ),
        (
            "bootstrap sessions that AWS cuts",
            &[("crossrole-bootstrap", "crossrole-bootstrap, sessionDuration: 2h")],
            "InvalidClass, AccountClass spec.bootstrapRole.sessionDuration: write a duration from 15m to 1h",
        ),
        (
            "a bootstrap role with a name that IAM does not take",
            &[("crossrole-bootstrap", "'a//b'")],
            r#"InvalidClass, AccountClass spec.bootstrapRole.name: path "/a//" has an empty segment; was a variable replaced by nothing?"#,
        ),
        (
            "a boundary by name",
            &[("Boundary: None", "Boundary: team/boundary")],
            "passes",
        ),
        (
            "a boundary that is no policy",
            &[("Boundary: None", "Boundary: 'arn:aws:iam::222222222222:role/x'")],
            "InvalidClass, AccountClass spec.guardrails.permissionsBoundary: arn:aws:iam::222222222222:role/x is not the ARN of a managed policy",
        ),
        (
            "denied actions without a service",
            &[("'iam:*'", "iam")],
            r#"InvalidClass, AccountClass spec.guardrails.inlinePolicies.denyActions: "iam" matches no action: write service:action, such as iam:*"#,
        ),
        ("every action denied", &[("'iam:*'", "'*'")], "passes"),
    ];
    check_table(rows, |replaced| verdict(rules(replaced)));
}

#[test]
fn roles_of_a_namespace_live_at_its_own_path() {
    let rules = rules(&[("guardrails:", "guardrails:\n  rolePath: '/crossrole/${namespace}/'")]).unwrap();
    assert_eq!(rules.role_path_of("security").unwrap().as_str(), "/crossrole/security/");
}

#[test]
fn a_policy_by_name_is_the_accounts_own() {
    let account = "222222222222".parse().unwrap();
    for (text, arn) in [
        ("team/boundary", "arn:aws-cn:iam::222222222222:policy/team/boundary"),
        (
            "arn:aws:iam::aws:policy/ReadOnlyAccess",
            "arn:aws:iam::aws:policy/ReadOnlyAccess",
        ),
    ] {
        assert_eq!(
            PolicyReference::parse(text)
                .unwrap()
                .resolve(Partition::AwsCn, &account)
                .to_string(),
            arn
        );
    }
}
