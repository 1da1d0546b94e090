//! MFA and external ids: what proves them, and of whom they are asked.

use super::super::judge_as;
use super::{ANYONE, ASSUME, LISTS, MFA, OURS, ROLES_ONLY, ROOT, STRANGER, judge, spec};
use crate::testing::check_table;

const THIRD: &str = "{AWS: 'arn:aws:iam::444444444444:role/ci'}";
const THIRD_NEEDS_ID: &str = "ExternalIdRequired | arn:aws:iam::444444444444:role/ci is a third party; AccountClass production requires an external id here: add the condition StringEquals on sts:ExternalId";

#[test]
fn what_can_admit_a_user_proves_a_second_factor() {
    let present = "Bool: {'aws:MultiFactorAuthPresent': 'true'}";
    check_table(
        &[
            ("an account", (ROOT, ASSUME, ""), MFA),
            ("an account with MFA", (ROOT, ASSUME, present), "passes"),
            ("an account's roles", (ROOT, ASSUME, ROLES_ONLY), "passes"),
            (
                "MFA only if the key exists",
                (ROOT, ASSUME, "BoolIfExists: {'aws:MultiFactorAuthPresent': 'true'}"),
                MFA,
            ),
            (
                "MFA or not",
                (ROOT, ASSUME, "Bool: {'aws:MultiFactorAuthPresent': ['true', 'false']}"),
                MFA,
            ),
            (
                "no MFA",
                (ROOT, ASSUME, "Bool: {'aws:MultiFactorAuthPresent': 'false'}"),
                MFA,
            ),
            (
                "MFA by ForAllValues",
                (
                    ROOT,
                    ASSUME,
                    "'ForAllValues:Bool': {'aws:MultiFactorAuthPresent': 'true'}",
                ),
                MFA,
            ),
            (
                "the key must merely exist",
                (ROOT, ASSUME, "'Null': {'aws:MultiFactorAuthPresent': 'false'}"),
                MFA,
            ),
            (
                "an age alone",
                (ROOT, ASSUME, "NumericLessThan: {'aws:MultiFactorAuthAge': '3600'}"),
                MFA,
            ),
            (
                "a user beside a role",
                (
                    "{AWS: ['arn:aws:iam::111111111111:role/ci', 'arn:aws:iam::111111111111:user/ann']}",
                    ASSUME,
                    "",
                ),
                MFA,
            ),
            (
                "a federated user",
                ("{AWS: 'arn:aws:sts::111111111111:federated-user/ann'}", ASSUME, ""),
                MFA,
            ),
            (
                "an organisation",
                (ANYONE, ASSUME, "StringEquals: {'aws:PrincipalOrgID': o-a1b2c3d4e5}"),
                MFA,
            ),
            (
                "an organisation's roles as text, which a user's path can satisfy",
                (
                    ANYONE,
                    ASSUME,
                    "StringEquals: {'aws:PrincipalOrgID': o-a1b2c3d4e5}, StringLike: {'aws:PrincipalArn': 'arn:aws:iam::*:role/*'}",
                ),
                MFA,
            ),
            (
                "an organisation's users behind a variable",
                (
                    ANYONE,
                    ASSUME,
                    "StringEquals: {'aws:PrincipalOrgID': o-a1b2c3d4e5}, ArnLike: {'aws:PrincipalArn': 'arn:aws:iam::${aws:PrincipalAccount}:user/*'}",
                ),
                MFA,
            ),
            (
                "a list of no answer",
                (ROOT, ASSUME, "Bool: {'aws:MultiFactorAuthPresent': []}"),
                MFA,
            ),
            (
                "users by pattern",
                (
                    ANYONE,
                    ASSUME,
                    "ArnLike: {'aws:PrincipalArn': 'arn:aws:iam::111111111111:user/*'}",
                ),
                MFA,
            ),
            (
                "roles or users by pattern",
                (
                    ROOT,
                    ASSUME,
                    "ArnLike: {'aws:PrincipalArn': ['arn:aws:iam::111111111111:role/*', 'arn:aws:iam::111111111111:user/ann']}",
                ),
                MFA,
            ),
            (
                "roles only if the key exists",
                (
                    ROOT,
                    ASSUME,
                    "ArnLikeIfExists: {'aws:PrincipalArn': 'arn:aws:iam::111111111111:role/*'}",
                ),
                MFA,
            ),
            (
                "everybody but one user",
                (
                    ROOT,
                    ASSUME,
                    "ArnNotLike: {'aws:PrincipalArn': 'arn:aws:iam::111111111111:user/ann'}",
                ),
                MFA,
            ),
            ("a wildcard among the actions", (ROOT, "'sts:A*'", ""), MFA),
            (
                "tagging alone",
                (
                    ROOT,
                    "'sts:TagSession'",
                    "'ForAllValues:StringEquals': {'aws:TagKeys': team}",
                ),
                "passes",
            ),
            (
                "naming a source identity alone",
                (ROOT, "'sts:SetSourceIdentity'", ""),
                "passes",
            ),
            (
                "tagging and assuming at once",
                (
                    ROOT,
                    "['sts:TagSession', 'sts:AssumeRole']",
                    "'ForAllValues:StringEquals': {'aws:TagKeys': team}",
                ),
                MFA,
            ),
            ("a service", ("{Service: ec2.amazonaws.com}", ASSUME, ""), "passes"),
            (
                "a SAML provider",
                (
                    "{Federated: 'arn:aws:iam::222222222222:saml-provider/okta'}",
                    "'sts:AssumeRoleWithSAML'",
                    "StringEquals: {'SAML:aud': 'https://signin.aws.amazon.com/saml'}",
                ),
                "passes",
            ),
        ],
        judge,
    );
}

#[test]
fn a_third_party_proves_an_external_id() {
    let id = "StringEquals: {'sts:ExternalId': ab12}";
    check_table(
        &[
            ("without", (THIRD, ASSUME, ""), THIRD_NEEDS_ID),
            ("with", (THIRD, ASSUME, id), "passes"),
            (
                "with any",
                (THIRD, ASSUME, "StringLike: {'sts:ExternalId': '*'}"),
                THIRD_NEEDS_ID,
            ),
            (
                "with one that it must not be",
                (THIRD, ASSUME, "StringNotEquals: {'sts:ExternalId': ab12}"),
                THIRD_NEEDS_ID,
            ),
            (
                "with one if it comes at all",
                (THIRD, ASSUME, "StringEqualsIfExists: {'sts:ExternalId': ab12}"),
                THIRD_NEEDS_ID,
            ),
            (
                "with whatever the caller sends",
                (THIRD, ASSUME, "StringEquals: {'sts:ExternalId': '${sts:ExternalId}'}"),
                THIRD_NEEDS_ID,
            ),
            (
                "with an empty one",
                (THIRD, ASSUME, "StringEquals: {'sts:ExternalId': [ab12, '']}"),
                THIRD_NEEDS_ID,
            ),
            (
                "although its organisation is required",
                (THIRD, ASSUME, "StringEquals: {'aws:PrincipalOrgID': o-a1b2c3d4e5}"),
                THIRD_NEEDS_ID,
            ),
            (
                "as an account behind everybody",
                (
                    ANYONE,
                    ASSUME,
                    "ArnLike: {'aws:PrincipalArn': 'arn:aws:iam::444444444444:role/*'}",
                ),
                "ExternalIdRequired | 444444444444 is a third party; AccountClass production requires an external id here: add the condition StringEquals on sts:ExternalId",
            ),
            (
                "as an account behind everybody, with one",
                (
                    ANYONE,
                    ASSUME,
                    "ArnLike: {'aws:PrincipalArn': 'arn:aws:iam::444444444444:role/*'}, StringEquals: {'sts:ExternalId': ab12}",
                ),
                "passes",
            ),
            (
                "to set tags alone",
                (
                    THIRD,
                    "'sts:TagSession'",
                    "'ForAllValues:StringLike': {'aws:TagKeys': [Team, 'cost-*']}",
                ),
                "passes",
            ),
            (
                "an account that only its organisation lets in is ours",
                (STRANGER, ASSUME, "StringEquals: {'aws:PrincipalOrgID': o-a1b2c3d4e5}"),
                "passes",
            ),
        ],
        judge,
    );
}

#[test]
fn always_means_whatever_can_carry_an_external_id() {
    let always = [
        LISTS,
        (
            "    organizations:",
            "    requireExternalId: Always\n    organizations:",
        ),
    ];
    for (principal, action, condition, expected) in [
        (
            OURS,
            ASSUME,
            "",
            "ExternalIdRequired, spec.extraTrustStatements[0]: AccountClass production requires an external id here: add the condition StringEquals on sts:ExternalId",
        ),
        (OURS, ASSUME, "StringEquals: {'sts:ExternalId': ab12}", "passes"),
        (OURS, "'sts:SetSourceIdentity'", "", "passes"),
        ("{Service: ec2.amazonaws.com}", ASSUME, "", "passes"),
        (
            "{Federated: 'arn:aws:iam::222222222222:saml-provider/okta'}",
            "'sts:AssumeRoleWithSAML'",
            "StringEquals: {'SAML:aud': 'https://signin.aws.amazon.com/saml'}",
            "passes",
        ),
    ] {
        let trust = "trust: [{from: {accounts: ['111111111111'], kind: Roles}, require: {externalIds: [ab]}}]\n";
        let spec = format!("{trust}{}", spec(principal, action, condition));
        assert_eq!(judge_as(&always, &spec, None), expected, "{spec}");
    }
}
