//! Pieces of statements, from which many are put together.

use crossrole_iam::document::{DocumentKind, Statement};

use super::request::GITHUB;

/// Pairs of kind and name.
pub(super) const PRINCIPALS: &[(&str, &str)] = &[
    ("AWS", "*"),
    ("AWS", "111111111111"),
    ("AWS", "arn:aws:iam::111111111111:role/ci"),
    ("AWS", "arn:aws:iam::111111111111:user/ann"),
    ("AWS", "arn:aws:iam::444444444444:root"),
    ("AWS", "arn:aws:iam::444444444444:role/ci"),
    ("AWS", "555555555555"),
    ("AWS", "999999999999"),
    ("Service", "ec2.amazonaws.com"),
    ("Service", "lambda.amazonaws.com"),
    ("Service", "pods.eks.amazonaws.com"),
    ("Service", "rolesanywhere.amazonaws.com"),
    ("Federated", GITHUB),
    ("Federated", "arn:aws:iam::222222222222:saml-provider/okta"),
    ("Federated", "arn:aws:iam::222222222222:saml-provider/other"),
];

pub(super) const ACTIONS: &[&str] = &[
    "sts:AssumeRole",
    "sts:AssumeRoleWithWebIdentity",
    "sts:AssumeRoleWithSAML",
    "sts:AssumeRole*",
    "sts:TagSession",
    "sts:T*",
    "sts:SetSourceIdentity",
    "sts:SetContext",
    "sts:*",
];

/// Triples of operator, key and values, half of which prove something.
pub(super) const CONDITIONS: &[(&str, &str, &str)] = &[
    ("StringEquals", "aws:PrincipalOrgID", r#""o-a1b2c3d4e5""#),
    ("StringEqualsIfExists", "aws:PrincipalOrgID", r#""o-a1b2c3d4e5""#),
    ("StringLike", "aws:PrincipalOrgID", r#""o-*""#),
    ("StringNotEquals", "aws:PrincipalOrgID", r#""o-vendorvendor""#),
    ("StringEquals", "aws:PrincipalAccount", r#""111111111111""#),
    (
        "StringEquals",
        "aws:principalaccount",
        r#"["111111111111", "444444444444"]"#,
    ),
    ("StringLike", "aws:PrincipalAccount", r#"["111111111111", "9*"]"#),
    ("ForAllValues:StringEquals", "aws:PrincipalAccount", r#""111111111111""#),
    ("ArnLike", "aws:PrincipalArn", r#""arn:aws:iam::111111111111:role/*""#),
    ("ArnLike", "aws:principalARN", r#""arn:aws:iam::*:role/*""#),
    ("ArnEquals", "aws:PrincipalArn", r#""arn:*:iam::444444444444:*""#),
    ("StringLike", "aws:PrincipalArn", r#""arn:aws:iam::*:role/*""#),
    ("StringLike", "aws:PrincipalArn", r#""*:iam::111111111111:role/ci""#),
    ("StringLike", "aws:PrincipalArn", r#""arn:aws:iam::111111111111:r*""#),
    (
        "ArnLike",
        "aws:PrincipalArn",
        r#""arn:aws:iam::${aws:PrincipalAccount}:role/*""#,
    ),
    ("ArnNotLike", "aws:PrincipalArn", r#""arn:aws:iam::*:user/*""#),
    ("Bool", "aws:MultiFactorAuthPresent", r#""true""#),
    ("Bool", "aws:MultiFactorAuthPresent", r#"["true", "false"]"#),
    ("BoolIfExists", "aws:MultiFactorAuthPresent", r#""true""#),
    ("StringEquals", "sts:ExternalId", r#"["ab12", "cd34"]"#),
    ("StringLike", "sts:ExternalId", r#""*""#),
    ("StringEquals", "sts:ExternalId", r#""${sts:ExternalId}""#),
    ("StringNotEquals", "sts:ExternalId", r#""zz99""#),
    (
        "ArnEquals",
        "aws:SourceArn",
        r#""arn:aws:rolesanywhere:eu-west-1:111111111111:trust-anchor/1a2b""#,
    ),
    (
        "ArnLike",
        "aws:SourceArn",
        r#""arn:aws:rolesanywhere:eu-west-1:*:trust-anchor/1a2b""#,
    ),
    (
        "StringEquals",
        "token.actions.githubusercontent.com:aud",
        r#""sts.amazonaws.com""#,
    ),
    (
        "StringLike",
        "token.actions.githubusercontent.com:aud",
        r#"["sts.amazonaws.com", "o*"]"#,
    ),
    (
        "StringLike",
        "token.actions.githubusercontent.com:sub",
        r#""repo:acme/*""#,
    ),
    (
        "StringLike",
        "token.actions.githubusercontent.com:sub",
        r#""repo:acme*""#,
    ),
    (
        "StringEquals",
        "token.actions.githubusercontent.com:sub",
        r#""repo:acme/app:x""#,
    ),
    (
        "StringNotLike",
        "token.actions.githubusercontent.com:sub",
        r#""repo:evil/*""#,
    ),
    ("ForAllValues:StringEquals", "aws:TagKeys", r#"["team", "cost-center"]"#),
    ("ForAllValues:StringLike", "aws:TagKeys", r#""*""#),
    ("ForAnyValue:StringEquals", "aws:TagKeys", r#""team""#),
    ("Null", "sts:ExternalId", r#""false""#),
    ("StringEquals", "SAML:aud", r#""https://signin.aws.amazon.com/saml""#),
    ("StringLike", "SAML:aud", r#""https://*""#),
    ("StringEquals", "aws:SourceAccount", r#""222222222222""#),
    ("StringEqualsIfExists", "aws:SourceAccount", r#""222222222222""#),
];

/// The Allow of these parts.
pub(super) fn statement(
    principals: &[(&str, &str)],
    actions: &[&str],
    conditions: &[(&str, &str, &str)],
) -> Result<Statement, crossrole_iam::DocumentError> {
    let quoted = |texts: Vec<&str>| {
        texts
            .iter()
            .map(|text| format!("{text:?}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let kinds: Vec<String> = ["AWS", "Service", "Federated"]
        .iter()
        .map(|kind| {
            (
                kind,
                principals
                    .iter()
                    .filter(|(other, _)| other == kind)
                    .map(|(_, name)| *name)
                    .collect(),
            )
        })
        .filter(|(_, names): &(_, Vec<&str>)| !names.is_empty())
        .map(|(kind, names)| format!("{kind:?}: [{}]", quoted(names)))
        .collect();
    let operators: std::collections::BTreeSet<&str> = conditions.iter().map(|(operator, _, _)| *operator).collect();
    let conditions: Vec<String> = operators
        .iter()
        .map(|operator| {
            let keys: Vec<String> = conditions
                .iter()
                .filter(|(other, _, _)| other == operator)
                .map(|(_, key, values)| format!("{key:?}: {values}"))
                .collect();
            format!("{operator:?}: {{{}}}", keys.join(", "))
        })
        .collect();
    Statement::parse(
        &format!(
            r#"{{"Effect": "Allow", "Principal": {{{}}}, "Action": [{}], "Condition": {{{}}}}}"#,
            kinds.join(", "),
            quoted(actions.to_vec()),
            conditions.join(", ")
        ),
        DocumentKind::Trust,
    )
}
