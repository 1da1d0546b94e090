//! Services and identity providers.

use super::super::judge_as;
use super::{ASSUME, LISTS, judge, spec};
use crate::testing::check_table;

#[test]
fn services_are_listed_and_roles_anywhere_is_held_to_anchors() {
    const NO_ANCHOR: &str = "TrustNotAllowed | rolesanywhere.amazonaws.com must be held to trust anchors of guardrails.trust.trustAnchors of AccountClass production, by aws:SourceArn with their ARNs";
    let anywhere = "{Service: rolesanywhere.amazonaws.com}";
    let three = "['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity']";
    check_table(
        &[
            ("listed", ("{Service: ec2.amazonaws.com}", ASSUME, ""), "passes"),
            (
                "not listed",
                ("{Service: [ec2.amazonaws.com, lambda.amazonaws.com]}", ASSUME, ""),
                "TrustNotAllowed | service lambda.amazonaws.com is not in guardrails.trust.services of AccountClass production",
            ),
            (
                "another partition's name of a listed one",
                ("{Service: ec2.amazonaws.com.cn}", ASSUME, ""),
                "TrustNotAllowed | service ec2.amazonaws.com.cn is not in guardrails.trust.services of AccountClass production",
            ),
            (
                "pod identity, with the tags that it sets",
                (
                    "{Service: pods.eks.amazonaws.com}",
                    "['sts:AssumeRole', 'sts:TagSession']",
                    "",
                ),
                "passes",
            ),
            (
                "pod identity beside a role that could set any tag",
                (
                    "{Service: pods.eks.amazonaws.com, AWS: 'arn:aws:iam::111111111111:role/ci'}",
                    "['sts:AssumeRole', 'sts:TagSession']",
                    "",
                ),
                "TagNotAllowed | this lets any session tag be set: name the keys by ForAllValues:StringEquals on aws:TagKeys, each in guardrails.sessionTagKeys of AccountClass production",
            ),
            (
                "Roles Anywhere with a listed anchor",
                (
                    anywhere,
                    three,
                    "ArnEquals: {'aws:SourceArn': 'arn:aws:rolesanywhere:eu-west-1:111111111111:trust-anchor/1a2b'}",
                ),
                "passes",
            ),
            ("Roles Anywhere without an anchor", (anywhere, three, ""), NO_ANCHOR),
            (
                "with another anchor",
                (
                    anywhere,
                    three,
                    "ArnEquals: {'aws:SourceArn': 'arn:aws:rolesanywhere:eu-west-1:111111111111:trust-anchor/9z'}",
                ),
                NO_ANCHOR,
            ),
            (
                "with a listed anchor or another",
                (
                    anywhere,
                    three,
                    "ArnEquals: {'aws:SourceArn': ['arn:aws:rolesanywhere:eu-west-1:111111111111:trust-anchor/1a2b', 'arn:aws:rolesanywhere:eu-west-1:111111111111:trust-anchor/9z']}",
                ),
                NO_ANCHOR,
            ),
            (
                "with a pattern of anchors",
                (
                    anywhere,
                    three,
                    "ArnLike: {'aws:SourceArn': 'arn:aws:rolesanywhere:eu-west-1:111111111111:trust-anchor/*'}",
                ),
                NO_ANCHOR,
            ),
            (
                "with the anchor's account alone",
                (anywhere, three, "StringEquals: {'aws:SourceAccount': '111111111111'}"),
                NO_ANCHOR,
            ),
        ],
        judge,
    );
}

#[test]
fn an_identity_provider_is_held_to_audiences_and_subjects() {
    const NO_AUDIENCE: &str = "TrustNotAllowed | this takes tokens of token.actions.githubusercontent.com for any audience: require token.actions.githubusercontent.com:aud";
    fn outside(subject: &str) -> String {
        format!(
            "TrustNotAllowed | subject {subject} of token.actions.githubusercontent.com with audience sts.amazonaws.com does not lie inside any of the subjects that guardrails.trust.federation of AccountClass production allows"
        )
    }
    let github = |condition: &str| {
        judge_as(
            &[LISTS],
            &spec(
                "{Federated: 'arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com'}",
                "'sts:AssumeRoleWithWebIdentity'",
                &condition
                    .replace("aud:", "'token.actions.githubusercontent.com:aud':")
                    .replace("sub:", "'token.actions.githubusercontent.com:sub':"),
            ),
            None,
        )
        .replace(", spec.extraTrustStatements[0]: ", " | ")
    };
    for (condition, expected) in [
        ("StringEquals: {aud: sts.amazonaws.com, sub: 'repo:acme/app:ref:refs/heads/main'}", "passes".to_string()),
        ("StringEquals: {aud: sts.amazonaws.com}, StringLike: {sub: 'repo:acme/app:*'}", "passes".into()),
        ("StringEquals: {aud: sts.amazonaws.com}, StringLike: {sub: ['repo:acme/a:*', 'repo:acme/b:*']}", "passes".into()),
        ("StringEquals: {aud: sts.amazonaws.com}, StringLike: {sub: 'repo:acme/*'}", "passes".into()),
        ("StringEquals: {aud: sts.amazonaws.com}, StringLike: {sub: 'repo:acme*'}", outside("repo:acme*")),
        ("StringEquals: {aud: sts.amazonaws.com}, StringLike: {sub: ['repo:acme/a:*', 'repo:evil/*']}", outside("repo:evil/*")),
        ("StringEquals: {aud: sts.amazonaws.com}, StringLike: {sub: '*'}", outside("*")),
        ("StringEquals: {aud: sts.amazonaws.com}, StringLike: {sub: 'repo:${aws:PrincipalTag/x}/*'}", outside("repo:${aws:PrincipalTag/x}/*")),
        ("StringEquals: {aud: sts.amazonaws.com}", outside("*")),
        ("StringEquals: {aud: sts.amazonaws.com}, StringLikeIfExists: {sub: 'repo:acme/*'}", outside("*")),
        ("StringEquals: {aud: sts.amazonaws.com}, StringNotLike: {sub: 'repo:evil/*'}", outside("*")),
        ("StringLike: {sub: 'repo:acme/*'}", NO_AUDIENCE.into()),
        ("StringLike: {sub: 'repo:acme/*'}, StringEqualsIfExists: {aud: sts.amazonaws.com}", NO_AUDIENCE.into()),
        ("StringEquals: {aud: other}, StringLike: {sub: 'repo:acme/*'}", "TrustNotAllowed | audience other of token.actions.githubusercontent.com is not in guardrails.trust.federation of AccountClass production".into()),
        ("StringEquals: {aud: [sts.amazonaws.com, other]}, StringLike: {sub: 'repo:acme/*'}", "TrustNotAllowed | audience other of token.actions.githubusercontent.com is not in guardrails.trust.federation of AccountClass production".into()),
        ("StringLike: {aud: 'sts.*', sub: 'repo:acme/*'}", "TrustNotAllowed | audience sts.* of token.actions.githubusercontent.com is not in guardrails.trust.federation of AccountClass production".into()),
    ] {
        assert_eq!(github(condition), expected, "{condition}");
    }
}

#[test]
fn a_provider_is_the_accounts_own_and_listed() {
    const WEB: &str = "'sts:AssumeRoleWithWebIdentity'";
    const SAML: &str = "'sts:AssumeRoleWithSAML'";
    const MAIN: &str = "{Federated: 'arn:aws:iam::222222222222:oidc-provider/id.acme.example/main'}";
    check_table(
        &[
            (
                "an issuer whose class entry takes every subject",
                (MAIN, WEB, "StringEquals: {'id.acme.example/main:aud': one}"),
                "passes",
            ),
            (
                "an audience whose entry takes fewer",
                (MAIN, WEB, "StringEquals: {'id.acme.example/main:aud': two}"),
                "TrustNotAllowed | subject * of id.acme.example/main with audience two does not lie inside any of the subjects that guardrails.trust.federation of AccountClass production allows",
            ),
            (
                "both audiences with subjects that both entries take",
                (
                    MAIN,
                    WEB,
                    "StringEquals: {'id.acme.example/main:aud': [one, two]}, StringLike: {'id.acme.example/main:sub': ['ci:a*', 'x:1']}",
                ),
                "passes",
            ),
            (
                "both audiences with a subject that one entry takes",
                (
                    MAIN,
                    WEB,
                    "StringEquals: {'id.acme.example/main:aud': [one, two]}, StringLike: {'id.acme.example/main:sub': ['ci:a*', 'x:2']}",
                ),
                "TrustNotAllowed | subject x:2 of id.acme.example/main with audience two does not lie inside any of the subjects that guardrails.trust.federation of AccountClass production allows",
            ),
            (
                "an issuer that is not listed",
                (
                    "{Federated: 'arn:aws:iam::222222222222:oidc-provider/id.acme.example'}",
                    WEB,
                    "",
                ),
                "TrustNotAllowed | issuer id.acme.example is not in guardrails.trust.federation of AccountClass production",
            ),
            (
                "a provider that every account has, not listed",
                (
                    "{Federated: accounts.google.com}",
                    WEB,
                    "StringEquals: {'accounts.google.com:aud': x}",
                ),
                "TrustNotAllowed | issuer accounts.google.com is not in guardrails.trust.federation of AccountClass production",
            ),
            (
                "another account's provider",
                ("{Federated: 'arn:aws:iam::111111111111:saml-provider/okta'}", SAML, ""),
                "TrustNotAllowed | arn:aws:iam::111111111111:saml-provider/okta is a provider of another account than 222222222222: a role can trust only its own account's",
            ),
            (
                "another partition's provider",
                (
                    "{Federated: 'arn:aws-cn:iam::222222222222:saml-provider/okta'}",
                    SAML,
                    "",
                ),
                "TrustNotAllowed | arn:aws-cn:iam::222222222222:saml-provider/okta is a provider of another account than 222222222222: a role can trust only its own account's",
            ),
            (
                "a listed SAML provider",
                ("{Federated: 'arn:aws:iam::222222222222:saml-provider/okta'}", SAML, ""),
                "passes",
            ),
            (
                "a SAML provider that is not listed",
                ("{Federated: 'arn:aws:iam::222222222222:saml-provider/okta2'}", SAML, ""),
                "TrustNotAllowed | SAML provider okta2 is in no samlProviders of guardrails.trust.federation of AccountClass production",
            ),
        ],
        judge,
    );
}

#[test]
fn an_audience_is_a_value_and_no_pattern() {
    let class = [LISTS, ("audiences: [one]", "audiences: ['https://a?b']")];
    let judged = |operator: &str| {
        let condition = format!("{operator}: {{'id.acme.example/main:aud': 'https://a?b'}}");
        let provider = "{Federated: 'arn:aws:iam::222222222222:oidc-provider/id.acme.example/main'}";
        judge_as(
            &class,
            &spec(provider, "'sts:AssumeRoleWithWebIdentity'", &condition),
            None,
        )
    };
    assert_eq!(judged("StringEquals"), "passes");
    assert!(judged("StringLike").starts_with("TrustNotAllowed"));
}
