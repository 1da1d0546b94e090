use super::*;

const ANN: &str = "arn:aws:iam::111111111111:user/ann";

fn statement(members: &str) -> CanonicalStatement {
    let text = format!(r#"{{{members}}}"#);
    let read = Statement::parse(&text, DocumentKind::Trust);
    read.unwrap_or_else(|error| panic!("{text}: {error}")).canonical()
}

fn allow(principal: &str, action: &str, condition: &str) -> CanonicalStatement {
    statement(&format!(
        r#""Effect": "Allow", "Principal": {principal}, "Action": {action}, "Condition": {condition}"#
    ))
}

/// A statement of one account, which assumes the role under this condition.
fn under(condition: &str) -> CanonicalStatement {
    allow(r#"{"AWS": "111111111111"}"#, r#""sts:AssumeRole""#, condition)
}

#[test]
fn principals_and_actions_are_covered_each_by_itself() {
    let of = |principals: &str, actions: &str| allow(principals, actions, "{}");
    let (one, two) = (r#"{"AWS": "111111111111"}"#, r#"{"AWS": "222222222222"}"#);
    let both = r#"{"AWS": ["111111111111", "222222222222"]}"#;
    let ann = &format!(r#"{{"AWS": "{ANN}"}}"#);
    let ec2 = r#"{"Service": "ec2.amazonaws.com"}"#;
    let (assume, tag) = (r#""sts:AssumeRole""#, r#""sts:TagSession""#);
    for (sentence, inner, others, expected) in [
        ("itself", of(one, assume), vec![of(one, assume)], true),
        ("nothing", of(one, assume), vec![], false),
        ("an account is added", of(one, assume), vec![of(both, assume)], true),
        (
            "an account is taken out",
            of(both, assume),
            vec![of(one, assume)],
            false,
        ),
        (
            "a statement for each account",
            of(both, assume),
            vec![of(one, assume), of(two, assume)],
            true,
        ),
        (
            "one of two accounts twice",
            of(both, assume),
            vec![of(one, assume), of(one, assume)],
            false,
        ),
        (
            "a service is added",
            of(one, assume),
            vec![of(r#"{"AWS": "111111111111", "Service": "ec2.amazonaws.com"}"#, assume)],
            true,
        ),
        ("a service is no account", of(ec2, assume), vec![of(one, assume)], false),
        (
            "everybody is everybody",
            of(r#""*""#, assume),
            vec![of(r#"{"AWS": "*"}"#, assume)],
            true,
        ),
        (
            "everybody is more than one",
            of(r#""*""#, assume),
            vec![of(one, assume)],
            false,
        ),
        // Not decided.
        (
            "one is one of everybody",
            of(one, assume),
            vec![of(r#""*""#, assume)],
            false,
        ),
        (
            "a user is of its account",
            of(ann, assume),
            vec![of(one, assume)],
            false,
        ),
        (
            "an action is added",
            of(one, assume),
            vec![of(one, r#"["sts:AssumeRole", "sts:TagSession"]"#)],
            true,
        ),
        (
            "an action is taken out",
            of(one, r#"["sts:AssumeRole", "sts:TagSession"]"#),
            vec![of(one, tag)],
            false,
        ),
        (
            "a statement for each action",
            of(one, r#"["sts:AssumeRole", "sts:TagSession"]"#),
            vec![of(one, tag), of(both, assume)],
            true,
        ),
        (
            "a pattern of actions",
            of(one, assume),
            vec![of(one, r#""sts:assume*""#)],
            true,
        ),
        (
            "less than a pattern of actions",
            of(one, r#""sts:assume*""#),
            vec![of(one, assume)],
            false,
        ),
        (
            "each account another action",
            of(both, r#"["sts:AssumeRole", "sts:TagSession"]"#),
            vec![of(one, r#"["sts:AssumeRole", "sts:TagSession"]"#), of(two, assume)],
            false,
        ),
    ] {
        assert_eq!(inner.is_within(&others), expected, "{sentence}");
    }
}

#[test]
fn what_is_meant_by_exclusion_is_covered_by_the_same_words_alone() {
    let deny = |principal: &str, action: &str| statement(&format!(r#""Effect": "Deny", {principal}, {action}"#));
    let all_but = |names: &str| format!(r#""NotPrincipal": {{"AWS": [{names}]}}"#);
    let (one, two) = (
        all_but(r#""111111111111""#),
        all_but(r#""111111111111", "222222222222""#),
    );
    let assume = r#""Action": "sts:AssumeRole""#;
    assert!(deny(&one, assume).is_within(&[deny(&one, assume)]));
    assert!(!deny(&two, assume).is_within(&[deny(&one, assume)]));
    let named = r#""Principal": {"AWS": "111111111111"}"#;
    assert!(!deny(named, assume).is_within(&[deny(&one, assume)]));
    assert!(!deny(&one, assume).is_within(&[deny(named, assume)]));
}

#[test]
fn an_allow_is_not_within_a_deny_nor_one_resource_within_another() {
    let trust = |effect: &str| {
        statement(&format!(
            r#""Effect": "{effect}", "Principal": {{"AWS": "111111111111"}}, "Action": "sts:AssumeRole""#
        ))
    };
    assert!(trust("Deny").is_within(&[trust("Deny")]));
    assert!(!trust("Allow").is_within(&[trust("Deny")]));
    let permission = |resource: &str| {
        let text = format!(r#"{{"Effect": "Allow", "NotAction": "s3:GetObject", "Resource": "{resource}"}}"#);
        Statement::parse(&text, DocumentKind::Permission).unwrap().canonical()
    };
    let (one, other) = (permission("arn:aws:s3:::one"), permission("arn:aws:s3:::other"));
    assert!(one.is_within([&one]) && !one.is_within(&[other]));
}

#[test]
fn a_statement_lies_within_one_that_has_fewer_conditions() {
    for (inner, outer, expected) in [
        (r#"{"StringEquals": {"k": "a"}}"#, "{}", true),
        ("{}", r#"{"StringEquals": {"k": "a"}}"#, false),
        (
            r#"{"StringEquals": {"k": "a"}}"#,
            r#"{"StringEquals": {"K": "a"}}"#,
            true,
        ),
        (
            r#"{"StringEquals": {"k": "a"}}"#,
            r#"{"StringEquals": {"other": "a"}}"#,
            false,
        ),
        (
            r#"{"StringEquals": {"k": "a"}, "Bool": {"b": "true"}}"#,
            r#"{"StringEquals": {"k": ["a", "b"]}}"#,
            true,
        ),
        (
            r#"{"StringEquals": {"k": "a"}}"#,
            r#"{"StringEquals": {"k": "a"}, "Bool": {"b": "true"}}"#,
            false,
        ),
    ] {
        assert_eq!(
            under(inner).is_within(&[under(outer)]),
            expected,
            "{inner} within {outer}"
        );
    }
}

#[test]
fn a_condition_is_met_where_a_narrower_one_is() {
    let of = |operator: &str, values: &str| {
        let values: Vec<String> = values.split(' ').map(|value| format!("{value:?}")).collect();
        under(&format!(r#"{{"{operator}": {{"k": [{}]}}}}"#, values.join(", ")))
    };
    for (operator, inner, other, outer, expected) in [
        ("StringEquals", "a", "StringEquals", "b a", true),
        ("StringEquals", "b a", "StringEquals", "a", false),
        // With a negated operator it is the other way round.
        ("StringNotEquals", "b a", "StringNotEquals", "a", true),
        ("StringNotEquals", "a", "StringNotEquals", "a b", false),
        ("StringNotLike", "a*", "StringNotLike", "ab ac*", true),
        ("StringNotLike", "ab", "StringNotLike", "a*", false),
        (
            "ArnNotLike",
            "arn:aws:iam::*:user/*",
            "ArnNotEquals",
            "arn:aws:iam::1:user/*",
            true,
        ),
        // Patterns.
        ("StringLike", "repo:a/b repo:a/c*", "StringLike", "repo:a/*", true),
        ("StringLike", "repo:*", "StringLike", "repo:a/* repo:b/*", false),
        ("StringEquals", "repo:a/b", "StringLike", "x repo:a/*", true),
        ("StringEquals", "repo:b/b", "StringLike", "repo:a/*", false),
        ("StringNotEquals", "a b", "StringNotLike", "a", false),
        ("StringEqualsIgnoreCase", "A", "StringEqualsIgnoreCase", "a b", true),
        ("StringEquals", "a*", "StringEquals", "*", false),
        (
            "ArnLike",
            "arn:aws:iam::1:role/ci-*",
            "ArnLike",
            "arn:aws:iam::*:role/*",
            true,
        ),
        (
            "ArnLike",
            "arn:aws:iam::1:role/*",
            "ArnLike",
            "arn:aws:iam::1:role/ci-*",
            false,
        ),
        // A star reaches no further than its part of an ARN.
        (
            "ArnLike",
            "arn:aws:iam::1:x:role/ci",
            "ArnLike",
            "arn:aws:iam::1*:role/ci",
            false,
        ),
        ("ArnLike", "arn:aws:iam::1:role/ci", "ArnLike", "*", false),
        ("ArnLike", "a*", "ArnLike", "*", false),
        // Bounds.
        ("NumericLessThan", "3600", "NumericLessThan", "7200", true),
        ("NumericLessThan", "7200", "NumericLessThan", "3600", false),
        ("NumericLessThan", "900", "NumericLessThan", "1800", true),
        ("NumericLessThanEquals", "1 5", "NumericLessThanEquals", "9 2", true),
        ("NumericGreaterThan", "9", "NumericGreaterThan", "5", true),
        ("NumericGreaterThanEquals", "5", "NumericGreaterThanEquals", "9", false),
        ("NumericGreaterThanEquals", "9", "NumericGreaterThanEquals", "5", true),
        ("NumericEquals", "5", "NumericEquals", "9", false),
        ("NumericLessThan", "5", "NumericLessThanEquals", "5", false),
        ("NumericLessThan", "2.5", "NumericLessThan", "3", false),
        (
            "DateLessThan",
            "2026-01-01T00:00:00Z",
            "DateLessThan",
            "2027-01-01T00:00:00+01:00",
            true,
        ),
        (
            "DateLessThanEquals",
            "2027-01-01T00:00:00Z",
            "DateLessThanEquals",
            "2026-01-01T00:00:00Z",
            false,
        ),
        (
            "DateLessThanEquals",
            "2026-01-01T00:00:00Z",
            "DateLessThanEquals",
            "2027-01-01T00:00:00Z",
            true,
        ),
        (
            "DateGreaterThan",
            "2027-01-01T00:00:00Z",
            "DateGreaterThan",
            "2026-01-01T00:00:00Z",
            true,
        ),
        (
            "DateGreaterThanEquals",
            "2026-01-01T00:00:00Z",
            "DateGreaterThanEquals",
            "2027-01-01T00:00:00Z",
            false,
        ),
        (
            "DateGreaterThanEquals",
            "2027-01-01T00:00:00Z",
            "DateGreaterThanEquals",
            "2026-01-01T00:00:00Z",
            true,
        ),
        // Which instant a date without a zone is, nobody says.
        ("DateLessThan", "2026", "DateLessThan", "2027", false),
        ("IpAddress", "10.0.0.0/24", "IpAddress", "10.0.0.0/24 10.1.0.0/24", true),
        ("IpAddress", "10.0.0.0/24", "IpAddress", "10.0.0.0/8", false),
        // Qualifiers and `IfExists` must be the same.
        ("Bool", "true", "BoolIfExists", "true", false),
        ("BoolIfExists", "true", "Bool", "true", false),
        ("BoolIfExists", "true", "BoolIfExists", "true false", true),
        (
            "ForAllValues:StringEquals",
            "a",
            "ForAllValues:StringEquals",
            "a b",
            true,
        ),
        ("ForAllValues:StringEquals", "a", "StringEquals", "a b", false),
        ("ForAnyValue:StringEquals", "a", "ForAnyValue:StringLike", "*", true),
        ("ForAnyValue:StringEquals", "a", "ForAllValues:StringLike", "*", false),
        ("StringEqualsIfExists", "a", "StringLike", "*", false),
        (
            "ForAnyValue:StringNotEquals",
            "a b",
            "ForAnyValue:StringNotEquals",
            "a",
            false,
        ),
        (
            "ForAnyValue:StringNotEquals",
            "a b",
            "ForAnyValue:StringNotEquals",
            "b a",
            true,
        ),
        ("Null", "true", "Null", "false", false),
        // A policy variable may be absent.
        ("StringLike", "${aws:username}", "StringLike", "*", false),
        ("StringLike", "${aws:username}", "StringLike", "a ${aws:username}", true),
        (
            "ArnLike",
            "arn:aws:iam::${aws:PrincipalAccount}:role/a",
            "ArnLike",
            "arn:aws:iam::${aws:PrincipalAccount}:role/*",
            false,
        ),
    ] {
        let is_within = of(operator, inner).is_within(&[of(other, outer)]);
        assert_eq!(is_within, expected, "{operator} {inner} within {other} {outer}");
    }
}

#[test]
fn many_principals_with_many_actions_are_compared() {
    let list = |texts: &mut dyn Iterator<Item = String>| format!("[{}]", texts.collect::<Vec<_>>().join(","));
    let accounts = list(&mut (0..1_200).map(|number| format!("\"{number:012}\"")));
    let marks = |number: usize| (0..10).map(move |bit| if number >> bit & 1 == 0 { '?' } else { '*' });
    let actions =
        |end: char| list(&mut (0..800).map(|number| format!("\"sts:A{}*{end}\"", marks(number).collect::<String>())));
    let of = |actions: &str| allow(&format!(r#"{{"AWS": {accounts}}}"#), actions, "{}");
    let (statement, other) = (of(&actions('*')), of(&actions('y')));
    assert!(statement.is_within([&statement]));
    // None of them is covered, so each is compared with all.
    assert!(!statement.is_within([&other]));
}
