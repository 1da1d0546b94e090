//! Raw statements, each judged by itself: whom the class lists, and what must be proven.

mod actions;
mod federated;
mod requirements;

use super::judge_as;
use crate::testing::check_table;

/// A class with something in every list of `guardrails.trust`.
pub(super) const LISTS: (&str, &str) = (
    "trust: {accounts: ['111111111111'], thirdParties: ['444444444444']}",
    "sessionTagKeys: [team, 'cost-*']
  trust:
    accounts: ['111111111111']
    thirdParties: ['444444444444']
    organizations: [o-a1b2c3d4e5]
    services: [ec2.amazonaws.com, pods.eks.amazonaws.com, rolesanywhere.amazonaws.com]
    trustAnchors: ['arn:aws:rolesanywhere:eu-west-1:111111111111:trust-anchor/1a2b']
    federation:
    - {issuer: token.actions.githubusercontent.com, audiences: [sts.amazonaws.com], subjects: ['repo:acme/*']}
    - {issuer: id.acme.example/main, audiences: [one], subjects: ['*']}
    - {issuer: id.acme.example/main, audiences: [two], subjects: ['ci:*', 'x:1']}
    - {samlProviders: [okta]}",
);

/// Principal, action and condition of an Allow.
type Input = (&'static str, &'static str, &'static str);

pub(super) fn spec(principal: &str, action: &str, condition: &str) -> String {
    format!(
        "extraTrustStatements: [{{Effect: Allow, Principal: {principal}, Action: {action}, Condition: {{{condition}}}}}]"
    )
}

fn judge((principal, action, condition): &Input) -> String {
    let said = judge_as(&[LISTS], &spec(principal, action, condition), None);
    said.replace(", spec.extraTrustStatements[0]: ", " | ")
}

const ASSUME: &str = "'sts:AssumeRole'";
const ANYONE: &str = "'*'";
const OURS: &str = "{AWS: 'arn:aws:iam::111111111111:role/ci'}";
const STRANGER: &str = "{AWS: 'arn:aws:iam::999999999999:role/ci'}";
const ROOT: &str = "{AWS: '111111111111'}";
const ROLES_ONLY: &str = "ArnLike: {'aws:PrincipalArn': 'arn:aws:iam::111111111111:role/*'}";

const UNLISTED: &str = "TrustNotAllowed | account 999999999999 is in neither guardrails.trust.accounts nor guardrails.trust.thirdParties of AccountClass production";
const NOT_NARROWED: &str = "TrustNotAllowed | the principal is \"*\", which only a listed organisation, aws:PrincipalAccount with listed accounts, or aws:PrincipalArn with a listed account in every pattern narrows";
const MFA: &str = "MfaRequired | this admits IAM users without MFA, which AccountClass production requires: add the condition Bool with aws:MultiFactorAuthPresent \"true\", or admit roles only (ArnLike on aws:PrincipalArn)";

#[test]
fn a_principal_is_named_by_its_list() {
    check_table(
        &[
            ("our role", (OURS, ASSUME, ""), "passes"),
            (
                "one session of our role",
                ("{AWS: 'arn:aws:sts::111111111111:assumed-role/ci/build'}", ASSUME, ""),
                "passes",
            ),
            ("a role of nobody that is listed", (STRANGER, ASSUME, ""), UNLISTED),
            (
                "a session of such a role",
                ("{AWS: 'arn:aws:sts::999999999999:assumed-role/ci/build'}", ASSUME, ""),
                UNLISTED,
            ),
            ("a bare account id", ("{AWS: '999999999999'}", ASSUME, ""), UNLISTED),
            (
                "a federated user of GetFederationToken",
                ("{AWS: 'arn:aws:sts::999999999999:federated-user/ann'}", ASSUME, ""),
                UNLISTED,
            ),
            (
                "the second of two",
                ("{AWS: ['111111111111', '999999999999']}", ASSUME, ROLES_ONLY),
                UNLISTED,
            ),
            (
                "an unlisted account whose organisation is required",
                (STRANGER, ASSUME, "StringEquals: {'aws:PrincipalOrgID': o-a1b2c3d4e5}"),
                "passes",
            ),
            (
                "an organisation that is not listed",
                (STRANGER, ASSUME, "StringEquals: {'aws:PrincipalOrgID': o-zzzzzzzzzz}"),
                UNLISTED,
            ),
            (
                "an organisation only if the key exists",
                (
                    STRANGER,
                    ASSUME,
                    "StringEqualsIfExists: {'aws:PrincipalOrgID': o-a1b2c3d4e5}",
                ),
                UNLISTED,
            ),
            (
                "a unique id",
                ("{AWS: AROAEXAMPLEEXAMPLEEX}", ASSUME, ""),
                "TrustNotAllowed | AROAEXAMPLEEXAMPLEEX names no account, so no guardrail can list it",
            ),
            (
                "a canonical user",
                (
                    "{CanonicalUser: 79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be}",
                    ASSUME,
                    "",
                ),
                "TrustNotAllowed | a principal is a canonical user, so no guardrail can judge whom it admits",
            ),
        ],
        judge,
    );
}

#[test]
fn everybody_is_narrowed_by_organisation_account_or_arn_alone() {
    check_table(
        &[
            ("by nothing", (ANYONE, ASSUME, ""), NOT_NARROWED),
            (
                "written as a list under AWS",
                ("{AWS: ['*', '111111111111']}", ASSUME, ""),
                NOT_NARROWED,
            ),
            (
                "by a listed organisation, roles only",
                (
                    ANYONE,
                    ASSUME,
                    "StringEquals: {'aws:PrincipalOrgID': o-a1b2c3d4e5}, ArnLike: {'aws:PrincipalArn': 'arn:aws:iam::*:role/*'}",
                ),
                "passes",
            ),
            (
                "by another organisation",
                (ANYONE, ASSUME, "StringEquals: {'aws:PrincipalOrgID': o-zzzzzzzzzz}"),
                "TrustNotAllowed | organisation o-zzzzzzzzzz is not in guardrails.trust.organizations of AccountClass production",
            ),
            (
                "by a listed organisation or another",
                (
                    ANYONE,
                    ASSUME,
                    "StringEquals: {'aws:PrincipalOrgID': [o-a1b2c3d4e5, o-zzzzzzzzzz]}",
                ),
                "TrustNotAllowed | organisation o-zzzzzzzzzz is not in guardrails.trust.organizations of AccountClass production",
            ),
            (
                "by any organisation",
                (ANYONE, ASSUME, "StringLike: {'aws:PrincipalOrgID': 'o-*'}"),
                "TrustNotAllowed | organisation o-* is not in guardrails.trust.organizations of AccountClass production",
            ),
            (
                "by an organisation with ForAllValues",
                (
                    ANYONE,
                    ASSUME,
                    "'ForAllValues:StringEquals': {'aws:PrincipalOrgID': o-a1b2c3d4e5}",
                ),
                NOT_NARROWED,
            ),
            (
                "by the caller's own organisation",
                (
                    ANYONE,
                    ASSUME,
                    "StringEquals: {'aws:PrincipalOrgID': '${aws:PrincipalOrgID}'}",
                ),
                "TrustNotAllowed | organisation ${aws:PrincipalOrgID} is not in guardrails.trust.organizations of AccountClass production",
            ),
            (
                "by an organisation that it must not be",
                (ANYONE, ASSUME, "StringNotEquals: {'aws:PrincipalOrgID': o-a1b2c3d4e5}"),
                NOT_NARROWED,
            ),
            (
                "by an organisation of a resource",
                (ANYONE, ASSUME, "StringEquals: {'aws:ResourceOrgID': o-a1b2c3d4e5}"),
                NOT_NARROWED,
            ),
            (
                "by our account, with MFA",
                (
                    ANYONE,
                    ASSUME,
                    "StringEquals: {'aws:PrincipalAccount': '111111111111'}, Bool: {'aws:MultiFactorAuthPresent': 'true'}",
                ),
                "passes",
            ),
            (
                "by our account, without MFA",
                (ANYONE, ASSUME, "StringEquals: {'aws:PrincipalAccount': '111111111111'}"),
                MFA,
            ),
            (
                "by our account or another",
                (
                    ANYONE,
                    ASSUME,
                    "StringEquals: {'aws:PrincipalAccount': ['111111111111', '999999999999']}",
                ),
                UNLISTED,
            ),
            (
                "by an account with a wildcard",
                (ANYONE, ASSUME, "StringLike: {'aws:PrincipalAccount': '11111111111?'}"),
                NOT_NARROWED,
            ),
            (
                "by the caller's own account",
                (
                    ANYONE,
                    ASSUME,
                    "StringEquals: {'aws:PrincipalAccount': '${aws:PrincipalAccount}'}",
                ),
                NOT_NARROWED,
            ),
            (
                "by the account of a source",
                (ANYONE, ASSUME, "StringEquals: {'aws:SourceAccount': '111111111111'}"),
                NOT_NARROWED,
            ),
            ("by roles of our account", (ANYONE, ASSUME, ROLES_ONLY), "passes"),
            (
                "by roles of our account, through a variable in the name",
                (
                    ANYONE,
                    ASSUME,
                    "ArnLike: {'aws:PrincipalArn': 'arn:aws:iam::111111111111:role/${aws:PrincipalTag/team}'}",
                ),
                "passes",
            ),
            (
                "by a variable where the account stands",
                (
                    ANYONE,
                    ASSUME,
                    "ArnLike: {'aws:PrincipalArn': 'arn:aws:iam::${aws:PrincipalAccount}:role/ci'}",
                ),
                NOT_NARROWED,
            ),
            (
                "by roles of two accounts, one of which is listed",
                (
                    ANYONE,
                    ASSUME,
                    "ArnLike: {'aws:PrincipalArn': ['arn:aws:iam::111111111111:role/*', 'arn:aws:iam::999999999999:role/*']}",
                ),
                UNLISTED,
            ),
            (
                "by roles of any account",
                (
                    ANYONE,
                    ASSUME,
                    "ArnLike: {'aws:PrincipalArn': 'arn:aws:iam::*:role/ci'}",
                ),
                NOT_NARROWED,
            ),
            (
                "by an account with one wildcard digit",
                (
                    ANYONE,
                    ASSUME,
                    "ArnLike: {'aws:PrincipalArn': 'arn:aws:iam::11111111111?:role/ci'}",
                ),
                NOT_NARROWED,
            ),
            (
                "by any partition, part for part",
                (
                    ANYONE,
                    ASSUME,
                    "ArnLike: {'aws:PrincipalArn': 'arn:*:iam::111111111111:role/ci'}",
                ),
                "passes",
            ),
            (
                "by any partition, as text, which a user's path can satisfy",
                (
                    ANYONE,
                    ASSUME,
                    "StringLike: {'aws:PrincipalArn': 'arn:*:iam::111111111111:role/ci'}",
                ),
                NOT_NARROWED,
            ),
            (
                "by a pattern that begins anywhere",
                (
                    ANYONE,
                    ASSUME,
                    "StringLike: {'aws:PrincipalArn': '*:iam::111111111111:role/ci'}",
                ),
                NOT_NARROWED,
            ),
            (
                "by what is no ARN, part for part",
                (
                    ANYONE,
                    ASSUME,
                    "ArnLike: {'aws:PrincipalArn': '*:aws:iam::111111111111:role/ci'}",
                ),
                NOT_NARROWED,
            ),
            (
                "by a list of no account",
                (ANYONE, ASSUME, "StringEquals: {'aws:PrincipalAccount': []}"),
                NOT_NARROWED,
            ),
            (
                "by two conditions that leave one account",
                (
                    ANYONE,
                    ASSUME,
                    "StringEquals: {'aws:PrincipalAccount': ['111111111111', '999999999999']}, ArnLike: {'aws:PrincipalArn': 'arn:aws:iam::111111111111:role/*'}",
                ),
                "passes",
            ),
            (
                "while the actions reach callers that do not sign",
                (ANYONE, "'sts:AssumeRole*'", ROLES_ONLY),
                "TrustNotAllowed | the principal is \"*\", so the actions must not match AssumeRoleWithSAML or AssumeRoleWithWebIdentity: name the provider",
            ),
        ],
        judge,
    );
}
