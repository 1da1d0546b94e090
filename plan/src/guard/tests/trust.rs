//! Whom a class lets roles trust, and what must be required of them.

use super::super::trust::can_admit_a_user;
use super::{check_all, judge_as};

#[test]
fn only_listed_accounts_are_trusted() {
    check_all(&[
        (
            "ours",
            (
                &[],
                "trust: [{from: {principals: ['arn:aws:iam::111111111111:role/ci']}}]",
            ),
            "passes",
        ),
        (
            "a third party",
            (
                &[],
                "trust: [{from: {principals: ['arn:aws:iam::444444444444:role/ci']}, require: {externalIds: [ab]}}]",
            ),
            "passes",
        ),
        (
            "another's role",
            (
                &[],
                "trust: [{from: {principals: ['arn:aws:iam::111111111111:role/ci', 'arn:aws:iam::999999999999:role/ci']}}]",
            ),
            "TrustNotAllowed, spec.trust[0]: account 999999999999 is in neither guardrails.trust.accounts nor guardrails.trust.thirdParties of AccountClass production",
        ),
        (
            "another account, in the second entry",
            (
                &[],
                "trust: [{from: {accounts: ['111111111111'], kind: Roles}}, {from: {accounts: ['999999999999'], kind: Roles}}]",
            ),
            "TrustNotAllowed, spec.trust[1]: account 999999999999 is in neither guardrails.trust.accounts nor guardrails.trust.thirdParties of AccountClass production",
        ),
        (
            "no list at all",
            (
                &[
                    (
                        "trust: {accounts: ['111111111111'], thirdParties: ['444444444444']}",
                        "tagKeys: []",
                    ),
                    ("\n  tagKeys: ['*']", ""),
                ],
                "",
            ),
            "TrustNotAllowed, spec.trust[0]: account 111111111111 is in neither guardrails.trust.accounts nor guardrails.trust.thirdParties of AccountClass production",
        ),
    ]);
}

#[test]
fn users_need_a_second_factor_and_roles_do_not() {
    const REFUSED: &str = "MfaRequired, spec.trust[0]: this admits IAM users without MFA, which AccountClass production requires: add require.mfa, or admit roles only (from.kind: Roles)";
    let mfa = ", require: {mfa: {maxAge: 1h}}";
    for (from, required, expected) in [
        ("accounts: ['111111111111']", "", REFUSED),
        ("accounts: ['111111111111']", mfa, "passes"),
        ("accounts: ['111111111111'], kind: Users", "", REFUSED),
        ("accounts: ['111111111111'], kind: Users", mfa, "passes"),
        ("accounts: ['111111111111'], kind: Roles", "", "passes"),
        ("principals: ['arn:aws:iam::111111111111:user/ann']", "", REFUSED),
        ("principals: ['arn:aws:iam::111111111111:user/ann']", mfa, "passes"),
        ("principals: ['arn:aws:iam::111111111111:role/ci']", "", "passes"),
        (
            "principals: ['arn:aws:iam::111111111111:role/ci', 'arn:aws:iam::111111111111:user/ann']",
            "",
            REFUSED,
        ),
        ("accounts: ['111111111111']", ", require: {externalIds: [ab]}", REFUSED),
    ] {
        let spec = format!("trust: [{{from: {{{from}}}{required}}}]");
        assert_eq!(judge_as(&[], &spec, None), expected, "{spec}");
        let never = [("thirdParties:", "requireMfa: Never, thirdParties:")];
        assert_eq!(judge_as(&never, &spec, None), "passes", "{spec}");
    }
}

#[test]
fn a_pattern_that_a_user_can_match_needs_a_second_factor() {
    for (pattern, admits) in [
        ("arn:aws:iam::111111111111:role/*", false),
        ("arn:*:iam::111111111111:role/*", true),
        ("arn:aws:iam::111111111111:r*", false),
        ("arn:aws:iam::111111111111:user/*", true),
        ("arn:aws:iam::111111111111:user/ann", true),
        ("arn:aws:iam::111111111111:*", true),
        ("arn:aws-cn:iam::111111111111:use?/x", true),
        ("*", true),
        ("*role/*", true),
    ] {
        let text = format!(
            r#"{{"Effect": "Allow", "Principal": {{"AWS": "111111111111"}}, "Action": "sts:AssumeRole", "Condition": {{"StringLike": {{"aws:PrincipalArn": "{pattern}"}}}}}}"#
        );
        let statement = crossrole_iam::Statement::parse(&text, crossrole_iam::DocumentKind::Trust).unwrap();
        assert_eq!(can_admit_a_user(&statement).ok(), Some(admits), "{pattern}");
    }
}

#[test]
fn an_external_id_is_required_where_the_class_says() {
    const THIRD: &str = "ExternalIdRequired, spec.trust[0]: arn:aws:iam::444444444444:root is a third party; AccountClass production requires an external id here: add require.externalIds";
    const ALWAYS: &str = "ExternalIdRequired, spec.trust[0]: AccountClass production requires an external id here: add require.externalIds";
    let third = "accounts: ['444444444444'], kind: Roles";
    let ours = "accounts: ['111111111111'], kind: Roles";
    for (rule, from, required, expected) in [
        ("ThirdParties", third, "", THIRD),
        ("ThirdParties", third, ", require: {externalIds: [ab]}", "passes"),
        ("ThirdParties", ours, "", "passes"),
        (
            "ThirdParties",
            "accounts: ['111111111111', '444444444444'], kind: Roles",
            "",
            THIRD,
        ),
        ("Always", third, "", THIRD),
        ("Always", ours, "", ALWAYS),
        ("Always", ours, ", require: {externalIds: [ab, cd]}", "passes"),
        ("Never", third, "", "passes"),
        ("Never", ours, "", "passes"),
    ] {
        let class = format!("requireExternalId: {rule}, thirdParties:");
        let spec = format!("trust: [{{from: {{{from}}}{required}}}]");
        assert_eq!(
            judge_as(&[("thirdParties:", &class)], &spec, None),
            expected,
            "{rule} {spec}"
        );
    }
}
