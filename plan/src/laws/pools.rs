//! The statements that generated roles are made of. The pools are small, so that two roles often share some.

use crossrole_iam::document::{DocumentKind, Effect, PrincipalElement, Principals, Statement};

pub(super) fn statement(text: &str, kind: DocumentKind) -> Statement {
    Statement::parse(text, kind).unwrap()
}

pub(super) fn trust_pool(effect: Effect) -> Vec<Statement> {
    let allows: &[(&str, &str)] = &[
        ("111111111111", "{}"),
        (
            "111111111111",
            r#"{"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111111111111:role/*"}}"#,
        ),
        (
            "111111111111",
            r#"{"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111111111111:user/*"}, "Bool": {"aws:MultiFactorAuthPresent": "true"},
                "NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}"#,
        ),
        ("arn:aws:iam::111111111111:user/alice", "{}"),
        ("arn:aws:iam::111111111111:role/ci", "{}"),
        ("444444444444", r#"{"StringEquals": {"sts:ExternalId": "first-id"}}"#),
        (
            "444444444444",
            r#"{"StringEquals": {"sts:ExternalId": ["first-id", "second-id"]}}"#,
        ),
        (
            "arn:aws:iam::444444444444:role/vendor",
            r#"{"StringEquals": {"sts:ExternalId": "second-id"}}"#,
        ),
        ("555555555555", "{}"),
        // Wider than some of the others.
        (
            r#"111111111111", "555555555555"#,
            r#"{"ArnLike": {"aws:PrincipalArn": ["arn:aws:iam::111111111111:role/*", "arn:aws:iam::555555555555:role/*"]}}"#,
        ),
        (
            "111111111111",
            r#"{"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111111111111:user/*"}, "Bool": {"aws:MultiFactorAuthPresent": "true"},
                "NumericLessThan": {"aws:MultiFactorAuthAge": "10800"}}"#,
        ),
        // Hangs on the role's own tags.
        ("555555555555", r#"{"StringEquals": {"aws:ResourceTag/team": "1"}}"#),
        (
            "111111111111",
            r#"{"StringNotEquals": {"iam:ResourceTag/Env": "2"}, "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111111111111:role/*"}}"#,
        ),
        (
            "555555555555",
            r#"{"DateGreaterThan": {"aws:CurrentTime": "2026-11-23T13:00:00Z"}}"#,
        ),
    ];
    let denies: &[(&str, &str)] = &[
        (
            "111111111111",
            r#"{"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}"#,
        ),
        ("arn:aws:iam::111111111111:user/bob", "{}"),
        ("444444444444", r#"{"StringNotEquals": {"sts:ExternalId": "first-id"}}"#),
        ("555555555555", r#"{"StringEquals": {"aws:ResourceTag/team": "2"}}"#),
        (
            r#"111111111111", "444444444444"#,
            r#"{"StringNotEquals": {"sts:ExternalId": ["first-id", "second-id"]}}"#,
        ),
    ];
    let render = |(principals, conditions): &(&str, &str)| {
        let text = format!(
            r#"{{"Effect": "{}", "Principal": {{"AWS": ["{principals}"]}}, "Action": "sts:AssumeRole", "Condition": {conditions}}}"#,
            effect.as_str()
        );
        statement(&text, DocumentKind::Trust)
    };
    match effect {
        Effect::Allow => allows.iter().map(render).collect(),
        // Two that are so long that a trust policy has room for one of them.
        Effect::Deny => denies
            .iter()
            .map(render)
            .chain([long_deny('x'), long_deny('y')])
            .collect(),
    }
}

fn long_deny(letter: char) -> Statement {
    let name = letter.to_string().repeat(60);
    let principals = (0..13).map(|number| format!("arn:aws:iam::555555555555:user/{name}{number}"));
    let mut deny = statement(
        r#"{"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}"#,
        DocumentKind::Trust,
    );
    deny.principal = Some(PrincipalElement::Principal(Principals::aws(principals)));
    deny
}

pub(super) fn permission_pool() -> Vec<Statement> {
    let long = |letter: &str, length: usize| format!("arn:aws:s3:::{}", letter.repeat(length));
    [
        r#""Effect": "Allow", "Action": "s3:GetObject", "Resource": "*""#.to_string(),
        r#""Effect": "Allow", "Action": "s3:*", "Resource": "*""#.into(),
        r#""Effect": "Allow", "Action": ["ec2:RunInstances", "kms:Decrypt"], "Resource": "*""#.into(),
        r#""Effect": "Allow", "NotAction": "iam:*", "Resource": "*""#.into(),
        r#""Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}"#.into(),
        r#""Effect": "Deny", "Action": "s3:PutObject", "Resource": "*""#.into(),
        r#""Effect": "Deny", "Action": "managed:*", "Resource": "*""#.into(),
        r#""Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}"#.into(),
        r#""Effect": "Deny", "NotAction": ["s3:*", "managed:Use1"], "Resource": "*""#.into(),
        r#""Effect": "Allow", "Action": "s3:PutObject", "Resource": "*", "Condition": {"StringEquals": {"aws:PrincipalTag/team": "1"}}"#.into(),
        r#""Effect": "Allow", "Action": "ec2:*", "Resource": "*", "Condition": {"StringNotEquals": {"aws:PrincipalTag/env": "2"}}"#.into(),
        r#""Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": {"StringEquals": {"aws:PrincipalTag/team": "2"}}"#.into(),
        format!(r#""Effect": "Allow", "Action": "s3:PutObject", "Resource": ["*", "{}"]"#, long("w", 2400)),
        format!(r#""Effect": "Allow", "Action": "iam:CreateUser", "Resource": ["*", "{}"]"#, long("x", 4800)),
        format!(r#""Effect": "Deny", "Action": "kms:Decrypt", "Resource": ["*", "{}"]"#, long("y", 2400)),
        format!(r#""Effect": "Deny", "Action": "s3:GetObject", "Resource": ["*", "{}"]"#, long("z", 4800)),
    ]
    .iter()
    .map(|text| statement(&format!("{{{text}}}"), DocumentKind::Permission))
    .collect()
}
