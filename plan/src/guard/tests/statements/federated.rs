//! Services and identity providers.

use super::super::judge_as;
use super::{ASSUME, LISTS, judge, spec};
use crate::testing::check_table;

#[test]
fn services_are_listed_and_roles_anywhere_is_held_to_anchors() {
    const NO_ANCHOR: &str = "TrustNotAllowed | rolesanywhere.amazonaws.com must be held to trust anchors of guardrails.trust.trustAnchors of AccountClass production, by aws:SourceArn with their ARNs";
    const NO_CLUSTER: &str = "TrustNotAllowed | pods.eks.amazonaws.com must be held to clusters, or every cluster of the account could hand the role to its pods: require aws:SourceArn or aws:SourceAccount, with the account in full";
    let pods = "{Service: pods.eks.amazonaws.com}";
    let tagged = "['sts:AssumeRole', 'sts:TagSession']";
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
                (pods, tagged, "StringEquals: {'aws:SourceAccount': '222222222222'}"),
                "passes",
            ),
            (
                "pod identity for the clusters of an account",
                (
                    pods,
                    tagged,
                    "ArnLike: {'aws:SourceArn': 'arn:aws:eks:*:222222222222:cluster/*'}",
                ),
                "passes",
            ),
            ("pod identity for any cluster", (pods, tagged, ""), NO_CLUSTER),
            (
                "pod identity for the clusters of any account",
                (
                    pods,
                    tagged,
                    "ArnLike: {'aws:SourceArn': 'arn:aws:eks:*:*:cluster/main'}",
                ),
                NO_CLUSTER,
            ),
            (
                "pod identity for a cluster, if one is named",
                (
                    pods,
                    tagged,
                    "StringEqualsIfExists: {'aws:SourceAccount': '222222222222'}",
                ),
                NO_CLUSTER,
            ),
            (
                "pod identity beside a role that could set any tag",
                (
                    "{Service: pods.eks.amazonaws.com, AWS: 'arn:aws:iam::111111111111:role/ci'}",
                    tagged,
                    "StringEquals: {'aws:SourceAccount': '222222222222'}",
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
    const OKTA: &str = "{Federated: 'arn:aws:iam::222222222222:saml-provider/okta'}";
    const NO_AUDIENCE: &str = "TrustNotAllowed | this takes assertions of okta that are not made out to AWS: require SAML:aud to be https://signin.aws.amazon.com/saml, or the same in one Region";
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
                "InvalidSpec | arn:aws-cn:iam::222222222222:saml-provider/okta is of partition aws-cn, but account 222222222222 is in aws, and no partition knows another's identities",
            ),
            (
                "a listed SAML provider",
                (
                    OKTA,
                    SAML,
                    "StringEquals: {'SAML:aud': 'https://signin.aws.amazon.com/saml'}",
                ),
                "passes",
            ),
            ("a listed SAML provider for any audience", (OKTA, SAML, ""), NO_AUDIENCE),
            (
                "a listed SAML provider for a pattern of audiences",
                (OKTA, SAML, "StringLike: {'SAML:aud': 'https://*'}"),
                NO_AUDIENCE,
            ),
            (
                "a listed SAML provider by a pattern of actions",
                (OKTA, "'sts:AssumeRole*'", ""),
                NO_AUDIENCE,
            ),
            (
                "an account's own provider by its domain",
                (
                    "{Federated: token.actions.githubusercontent.com}",
                    WEB,
                    "StringEquals: {'token.actions.githubusercontent.com:aud': sts.amazonaws.com}, StringLike: {'token.actions.githubusercontent.com:sub': 'repo:acme/*'}",
                ),
                "TrustNotAllowed | token.actions.githubusercontent.com is no provider that every account knows: write the ARN of the account's own, arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com",
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
fn tokens_that_everybody_gets_are_told_apart_by_the_session_name() {
    const AZURE: &str = "sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d";
    let class = [
        LISTS,
        (
            "issuer: id.acme.example/main, audiences: [one]",
            "issuer: sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d, audiences: [one]",
        ),
    ];
    let judged = |action: &str, session: &str| {
        let condition = format!("StringEquals: {{'{AZURE}:aud': one}}{session}");
        let provider = format!("{{Federated: 'arn:aws:iam::222222222222:oidc-provider/{AZURE}'}}");
        judge_as(&class, &spec(&provider, action, &condition), None)
    };
    let web = "'sts:AssumeRoleWithWebIdentity'";
    let refused = format!(
        "TrustNotAllowed, spec.extraTrustStatements[0]: {AZURE} gives tokens to everybody, and it is the session name that says whose they are: require sts:RoleSessionName"
    );
    assert_eq!(judged(web, ""), refused);
    assert_eq!(judged(web, ", StringLike: {'sts:RoleSessionName': '?*'}"), refused);
    assert_eq!(judged(web, ", StringLike: {'sts:RoleSessionName': 'acme-*'}"), "passes");
    let itself = ", StringLike: {'sts:RoleSessionName': '${sts:RoleSessionName}'}";
    assert_eq!(judged(web, itself), refused, "the caller's own value");
    assert_eq!(judged("'sts:SetSourceIdentity'", ""), "passes");
}

#[test]
fn tokens_that_carry_an_app_id_are_held_to_it() {
    let class = [
        LISTS,
        (
            "issuer: id.acme.example/main, audiences: [one]",
            "issuer: www.amazon.com, audiences: [app]",
        ),
    ];
    let judged = |key: &str| {
        let condition = format!("StringEquals: {{'www.amazon.com:{key}': app}}");
        judge_as(
            &class,
            &spec(
                "{Federated: www.amazon.com}",
                "'sts:AssumeRoleWithWebIdentity'",
                &condition,
            ),
            None,
        )
    };
    assert_eq!(judged("app_id"), "passes");
    assert_eq!(
        judged("aud"),
        "TrustNotAllowed, spec.extraTrustStatements[0]: this takes tokens of www.amazon.com for any audience: require www.amazon.com:app_id"
    );
}

#[test]
fn what_is_of_another_partition_is_refused_where_it_is_written() {
    let foreign = |arn: &str| {
        format!(
            "InvalidSpec | {arn} is of partition aws-cn, but account 222222222222 is in aws, and no partition knows another's identities"
        )
    };
    for (principal, condition, arn) in [
        (
            "{AWS: 'arn:aws-cn:iam::111111111111:role/x'}",
            "",
            "arn:aws-cn:iam::111111111111:role/x",
        ),
        (
            "{AWS: 'arn:aws-cn:iam::111111111111:root'}",
            "",
            "arn:aws-cn:iam::111111111111:root",
        ),
        (
            "'*'",
            "ArnLike: {'aws:PrincipalArn': ['arn:aws:iam::111111111111:role/x', 'arn:aws-cn:iam::111111111111:role/*']}",
            "arn:aws-cn:iam::111111111111:role/*",
        ),
    ] {
        assert_eq!(judge(&(principal, ASSUME, condition)), foreign(arn));
    }
    assert_eq!(
        judge(&(
            "'*'",
            ASSUME,
            "ArnLike: {'aws:PrincipalArn': 'arn:*:iam::111111111111:role/*'}"
        )),
        "passes"
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
