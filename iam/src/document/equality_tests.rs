use super::*;

/// A trust policy of one statement: principal, action and condition, each as JSON.
fn trust(principal: &str, action: &str, condition: &str) -> Document {
    let text = format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Principal": {principal}, "Action": {action}, "Condition": {condition}}}]}}"#
    );
    Document::parse(&text, DocumentKind::Trust).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// A permission policy of these statements, each the members of a JSON object.
fn permission(statements: &str) -> Document {
    let text = format!(r#"{{"Version": "2012-10-17", "Statement": {statements}}}"#);
    Document::parse(&text, DocumentKind::Permission).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn judge(what: &str, a: &str, b: &str, one: &Document, other: &Document, equal: bool) {
    assert_eq!(one.means_the_same_as(other), equal, "{what}: {a} and {b}");
    assert_eq!(other.means_the_same_as(one), equal, "{what}: {b} and {a}");
    assert!(one.means_the_same_as(one) && other.means_the_same_as(other));
}

#[test]
fn principals_are_compared_by_whom_they_name() {
    for (a, b, equal) in [
        (r#""*""#, r#"{"AWS": "*"}"#, true),
        (r#""*""#, r#"{"AWS": ["*"]}"#, true),
        (r#"{"AWS": "111111111111"}"#, r#"{"AWS": ["111111111111"]}"#, true),
        (
            r#"{"AWS": "111111111111"}"#,
            r#"{"AWS": "arn:aws:iam::111111111111:root"}"#,
            true,
        ),
        (
            r#"{"AWS": "111111111111"}"#,
            r#"{"AWS": "arn:aws-cn:iam::111111111111:root"}"#,
            true,
        ),
        (
            r#"{"AWS": ["111111111111", "arn:aws:iam::111111111111:root"]}"#,
            r#"{"AWS": "111111111111"}"#,
            true,
        ),
        (
            r#"{"AWS": ["111111111111", "222222222222"]}"#,
            r#"{"AWS": ["222222222222", "111111111111"]}"#,
            true,
        ),
        (
            r#"{"AWS": "111111111111", "Service": "ec2.amazonaws.com"}"#,
            r#"{"Service": ["ec2.amazonaws.com"], "AWS": "111111111111"}"#,
            true,
        ),
        (r#"{"AWS": "111111111111"}"#, r#"{"AWS": "222222222222"}"#, false),
        (
            r#"{"AWS": "111111111111"}"#,
            r#"{"AWS": ["111111111111", "222222222222"]}"#,
            false,
        ),
        (r#"{"AWS": "111111111111"}"#, r#""*""#, false),
        (r#"{"AWS": ["*", "111111111111"]}"#, r#"{"AWS": "111111111111"}"#, false),
        (
            r#"{"AWS": "111111111111"}"#,
            r#"{"AWS": "arn:aws:iam::111111111111:role/ci"}"#,
            false,
        ),
        (
            r#"{"AWS": "arn:aws:iam::111111111111:role/ci"}"#,
            r#"{"AWS": "arn:aws:iam::111111111111:user/ci"}"#,
            false,
        ),
        (
            r#"{"AWS": "arn:aws:iam::111111111111:role/ci"}"#,
            r#"{"AWS": "arn:aws:iam::111111111111:role/CI"}"#,
            false,
        ),
        (
            r#"{"AWS": "arn:aws:iam::111111111111:role/ci"}"#,
            r#"{"AWS": "arn:aws:iam::111111111111:role/team/ci"}"#,
            false,
        ),
        (
            r#"{"AWS": "arn:aws:iam::111111111111:role/ci"}"#,
            r#"{"AWS": "AROADBQP57FF2AEXAMPLE"}"#,
            false,
        ),
        (
            r#"{"AWS": "arn:aws:iam::111111111111:role/ci"}"#,
            r#"{"AWS": "arn:aws-cn:iam::111111111111:role/ci"}"#,
            false,
        ),
        (
            r#"{"Service": "ec2.amazonaws.com"}"#,
            r#"{"Service": "lambda.amazonaws.com"}"#,
            false,
        ),
        (
            r#"{"Service": "cognito-identity.amazonaws.com"}"#,
            r#"{"Federated": "cognito-identity.amazonaws.com"}"#,
            false,
        ),
        (
            r#"{"Federated": "arn:aws:iam::111111111111:saml-provider/a"}"#,
            r#"{"Federated": "arn:aws:iam::111111111111:saml-provider/b"}"#,
            false,
        ),
    ] {
        let document = |principal| trust(principal, r#""sts:AssumeRole""#, "{}");
        judge("principal", a, b, &document(a), &document(b), equal);
    }
}

#[test]
fn a_principal_is_not_the_same_principal_left_out() {
    let written = |name: &str| {
        let text = format!(
            r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Deny", "{name}": {{"AWS": "111111111111"}}, "Action": "sts:AssumeRole"}}}}"#
        );
        Document::parse(&text, DocumentKind::Trust).unwrap()
    };
    assert!(!written("Principal").means_the_same_as(&written("NotPrincipal")));
}

#[test]
fn actions_are_compared_without_case_and_order() {
    for (a, b, equal) in [
        (r#""sts:AssumeRole""#, r#"["sts:AssumeRole"]"#, true),
        (r#""sts:AssumeRole""#, r#""STS:assumerole""#, true),
        (
            r#"["sts:AssumeRole", "sts:TagSession"]"#,
            r#"["sts:tagsession", "sts:AssumeRole"]"#,
            true,
        ),
        (r#"["sts:AssumeRole", "sts:ASSUMEROLE"]"#, r#""sts:AssumeRole""#, true),
        (r#""sts:AssumeRole""#, r#""sts:AssumeRole*""#, false),
        (r#""sts:AssumeRole""#, r#""sts:TagSession""#, false),
        (r#""sts:AssumeRole""#, r#"["sts:AssumeRole", "sts:TagSession"]"#, false),
        (r#""sts:AssumeRole""#, r#""sts:AssumeRoleWithSAML""#, false),
    ] {
        let document = |action| trust(r#"{"AWS": "111111111111"}"#, action, "{}");
        judge("action", a, b, &document(a), &document(b), equal);
    }
}

#[test]
fn conditions_are_compared_by_what_they_test() {
    for (a, b, equal) in [
        (
            r#"{"StringEquals": {"a": "x"}}"#,
            r#"{"StringEquals": {"a": ["x"]}}"#,
            true,
        ),
        (
            r#"{"StringEquals": {"a": "x"}}"#,
            r#"{"stringEQUALS": {"A": "x"}}"#,
            true,
        ),
        (
            r#"{"StringEquals": {"a": ["x", "y"]}}"#,
            r#"{"StringEquals": {"a": ["y", "x", "y"]}}"#,
            true,
        ),
        (
            r#"{"StringEquals": {"a": "x", "b": "y"}}"#,
            r#"{"StringEquals": {"b": "y", "a": "x"}}"#,
            true,
        ),
        (
            r#"{"Bool": {"a": "true"}, "Null": {"b": "false"}}"#,
            r#"{"Null": {"b": false}, "Bool": {"a": true}}"#,
            true,
        ),
        (r#"{"Bool": {"a": "TRUE"}}"#, r#"{"Bool": {"a": "true"}}"#, true),
        (
            r#"{"NumericLessThan": {"a": 3600}}"#,
            r#"{"NumericLessThan": {"a": "3600"}}"#,
            true,
        ),
        (
            r#"{"NumericLessThan": {"a": 3600.0}}"#,
            r#"{"NumericLessThan": {"a": "03600"}}"#,
            true,
        ),
        (
            r#"{"DateLessThan": {"a": "2026-11-22T10:00:00Z"}}"#,
            r#"{"DateLessThan": {"a": "2026-11-22T11:00:00.0+01:00"}}"#,
            true,
        ),
        (
            r#"{"DateLessThan": {"a": "2026-11-22T10:00:00Z"}}"#,
            r#"{"DateLessThan": {"a": 1795341600}}"#,
            true,
        ),
        (
            r#"{"IpAddress": {"a": "203.0.113.9"}}"#,
            r#"{"IpAddress": {"a": "203.0.113.9/32"}}"#,
            true,
        ),
        (
            r#"{"ArnEquals": {"a": "arn:aws:iam::1:x"}}"#,
            r#"{"ArnLike": {"a": "arn:aws:iam::1:x"}}"#,
            true,
        ),
        (
            r#"{"ArnNotEquals": {"a": "arn:aws:iam::1:x"}}"#,
            r#"{"ArnNotLike": {"a": "arn:aws:iam::1:x"}}"#,
            true,
        ),
        (
            r#"{"StringEqualsIgnoreCase": {"a": "Team"}}"#,
            r#"{"StringEqualsIgnoreCase": {"a": "tEAM"}}"#,
            true,
        ),
        ("{}", r#"{"Bool": {}}"#, true),
        ("{}", r#"{"Bool": {"a": "true"}}"#, false),
        ("{}", r#"{"StringEquals": {"a": []}}"#, false),
        (
            r#"{"StringEquals": {"a": "x"}}"#,
            r#"{"StringEquals": {"a": "X"}}"#,
            false,
        ),
        (
            r#"{"StringEquals": {"a": "x"}}"#,
            r#"{"StringEquals": {"a": "x "}}"#,
            false,
        ),
        (
            r#"{"StringEquals": {"a": "x"}}"#,
            r#"{"StringEquals": {"b": "x"}}"#,
            false,
        ),
        (
            r#"{"StringEquals": {"a": "x"}}"#,
            r#"{"StringLike": {"a": "x"}}"#,
            false,
        ),
        (
            r#"{"StringEquals": {"a": "x"}}"#,
            r#"{"StringNotEquals": {"a": "x"}}"#,
            false,
        ),
        (
            r#"{"StringEquals": {"a": "x"}}"#,
            r#"{"StringEqualsIgnoreCase": {"a": "x"}}"#,
            false,
        ),
        (
            r#"{"StringEquals": {"a": "x"}}"#,
            r#"{"StringEqualsIfExists": {"a": "x"}}"#,
            false,
        ),
        (
            r#"{"StringEquals": {"a": "x"}}"#,
            r#"{"ForAllValues:StringEquals": {"a": "x"}}"#,
            false,
        ),
        (
            r#"{"ForAnyValue:StringEquals": {"a": "x"}}"#,
            r#"{"ForAllValues:StringEquals": {"a": "x"}}"#,
            false,
        ),
        (r#"{"StringEquals": {"a": "x"}}"#, r#"{"ArnEquals": {"a": "x"}}"#, false),
        (
            r#"{"StringEquals": {"a": "true"}}"#,
            r#"{"StringEquals": {"a": "TRUE"}}"#,
            false,
        ),
        (
            r#"{"StringEquals": {"a": "1"}}"#,
            r#"{"StringEquals": {"a": "1.0"}}"#,
            false,
        ),
        (
            r#"{"StringEquals": {"a": ["x", "y"]}}"#,
            r#"{"StringEquals": {"a": "x"}}"#,
            false,
        ),
        (
            r#"{"StringEquals": {"a": ["x", "y"]}}"#,
            r#"{"StringEquals": {"a": "x", "b": "y"}}"#,
            false,
        ),
        (
            r#"{"ArnLike": {"a": ["arn:x", "arn:y"]}}"#,
            r#"{"ArnLike": {"a": "arn:x"}, "ArnEquals": {"a": "arn:y"}}"#,
            false,
        ),
        (r#"{"Bool": {"a": "true"}}"#, r#"{"Bool": {"a": "false"}}"#, false),
        (
            r#"{"Bool": {"a": "true"}}"#,
            r#"{"BoolIfExists": {"a": "true"}}"#,
            false,
        ),
        (
            r#"{"NumericLessThan": {"a": 3600}}"#,
            r#"{"NumericLessThanEquals": {"a": 3600}}"#,
            false,
        ),
        (
            r#"{"NumericLessThan": {"a": 3600}}"#,
            r#"{"NumericLessThan": {"a": 3601}}"#,
            false,
        ),
        (
            r#"{"DateLessThan": {"a": "2026-11-22T10:00:00Z"}}"#,
            r#"{"DateLessThan": {"a": "2026-11-22T10:00:01Z"}}"#,
            false,
        ),
        (
            r#"{"IpAddress": {"a": "203.0.113.9"}}"#,
            r#"{"IpAddress": {"a": "203.0.113.9/24"}}"#,
            false,
        ),
    ] {
        let document = |condition| trust(r#"{"AWS": "111111111111"}"#, r#""sts:AssumeRole""#, condition);
        judge("condition", a, b, &document(a), &document(b), equal);
    }
}

#[test]
fn statements_are_compared_as_a_set() {
    const READ: &str = r#"{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}"#;
    const WRITE: &str = r#"{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}"#;
    let several = |statements: &[&str]| format!("[{}]", statements.join(","));
    for (a, b, equal) in [
        (READ.to_owned(), several(&[READ]), true),
        (several(&[READ, WRITE]), several(&[WRITE, READ]), true),
        (several(&[READ, READ]), several(&[READ]), true),
        (
            r#"{"Sid": "One", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}"#.to_owned(),
            READ.to_owned(),
            true,
        ),
        (
            r#"{"Resource": ["*"], "Condition": {}, "Action": ["S3:getobject"], "Effect": "Allow"}"#.to_owned(),
            READ.to_owned(),
            true,
        ),
        (
            r#"{"Effect": "Allow", "Action": "*:*", "Resource": "*"}"#.to_owned(),
            r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#.to_owned(),
            true,
        ),
        (several(&[READ, WRITE]), several(&[READ]), false),
        (READ.to_owned(), WRITE.to_owned(), false),
        (READ.to_owned(), READ.replace("Allow", "Deny"), false),
        (READ.to_owned(), READ.replace("Action", "NotAction"), false),
        (READ.to_owned(), READ.replace("Resource", "NotResource"), false),
        (
            READ.to_owned(),
            r#"{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}"#.to_owned(),
            false,
        ),
        (
            READ.replace('*', "arn:aws:s3:::b/k"),
            READ.replace('*', "arn:aws:s3:::b/K"),
            false,
        ),
        // Both allow the same, but one statement of two actions is not two statements of one.
        (
            several(&[READ, WRITE]),
            r#"{"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "*"}"#.to_owned(),
            false,
        ),
    ] {
        judge("statements", &a, &b, &permission(&a), &permission(&b), equal);
    }
}

#[test]
fn the_id_and_the_version_carry_no_meaning() {
    let with = |members: &str| {
        let text =
            format!(r#"{{{members} "Statement": {{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}}}}"#);
        Document::parse_encoded(&text, DocumentKind::Permission).unwrap()
    };
    let plain = with(r#""Version": "2012-10-17","#);
    for members in [
        r#""Version": "2012-10-17", "Id": "x","#,
        r#""Version": "2008-10-17","#,
        "",
    ] {
        assert!(with(members).means_the_same_as(&plain), "{members}");
    }
}
