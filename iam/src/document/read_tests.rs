use super::*;

const TRUST: DocumentKind = DocumentKind::Trust;
const PERMISSION: DocumentKind = DocumentKind::Permission;

fn trust(statement: &str) -> String {
    format!(r#"{{"Version": "2012-10-17", "Statement": [{statement}]}}"#)
}

fn refusal(text: &str, kind: DocumentKind) -> String {
    match Document::parse(text, kind) {
        Ok(document) => panic!("accepted: {document:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_trust_policy_reads_into_its_parts() {
    let document = Document::parse(
        r#"{
            "Version": "2012-10-17",
            "Id": "any text",
            "Statement": {
                "Sid": "People1",
                "Effect": "Allow",
                "Principal": {"AWS": ["111111111111", "*"], "Service": "ec2.amazonaws.com"},
                "Action": ["sts:AssumeRole", "sts:TagSession"],
                "Condition": {
                    "bool": {"aws:MultiFactorAuthPresent": true},
                    "NumericLessThan": {"aws:MultiFactorAuthAge": 3600},
                    "ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": ["o-a/*", "o-b/*"]}
                }
            }
        }"#,
        TRUST,
    )
    .unwrap();
    assert_eq!(document.id.as_deref(), Some("any text"));
    let [statement] = document.statements.as_slice() else {
        panic!("one statement");
    };
    assert_eq!(statement.sid.as_deref(), Some("People1"));
    let principals = statement.principal.as_ref().unwrap();
    assert!(!principals.is_not());
    assert!(principals.principals().anyone);
    assert_eq!(principals.principals().aws, ["111111111111"]);
    assert_eq!(principals.principals().service, ["ec2.amazonaws.com"]);
    assert_eq!(statement.action.patterns(), ["sts:AssumeRole", "sts:TagSession"]);
    assert_eq!(
        statement.conditions,
        [
            Condition::new(OperatorName::Bool, "aws:MultiFactorAuthPresent", ["true"]),
            Condition::new(OperatorName::NumericLessThan, "aws:MultiFactorAuthAge", ["3600"]),
            Condition::new(
                "ForAnyValue:StringLike".parse::<Operator>().unwrap(),
                "aws:PrincipalOrgPaths",
                ["o-a/*", "o-b/*"]
            ),
        ]
    );
}

#[test]
fn what_a_document_must_not_be_is_refused_with_its_path() {
    for (text, start) in [
        ("", "not valid JSON: it ends"),
        ("policy", "not valid JSON"),
        ("[]", "a policy document is an object"),
        ("{}", "Statement: is missing"),
        (r#"{"Version": "2012-10-17"}"#, "Statement: is missing"),
        (r#"{"Version": "2012-10-17", "Statement": []}"#, "Statement: is empty"),
        (
            r#"{"Version": "2012-10-17", "Statement": {}}"#,
            "Statement.Effect: is missing",
        ),
        (
            r#"{"Version": "2012-10-17", "Statement": "Allow"}"#,
            "Statement: a statement is an object",
        ),
        (
            r#"{"Version": "2012-10-17", "Statement": [[]]}"#,
            "Statement[0]: a statement is an object",
        ),
        (
            r#"{"Version": "2012-10-17", "statement": []}"#,
            "statement: is not a member of a policy document; write Statement",
        ),
        (
            r#"{"Version": "2012-10-17", "Statement": [], "Conditions": {}}"#,
            "Conditions: is not a member",
        ),
        (
            r#"{"Version": "2012-10-17", "Version": "2012-10-17"}"#,
            "Version: the key \"Version\" stands twice",
        ),
        (
            r#"{"Version": 20121017, "Statement": []}"#,
            "Version: must be a string; write \"20121017\"",
        ),
        (
            r#"{"Version": "2012-10-18", "Statement": []}"#,
            "Version: \"2012-10-18\" will not do",
        ),
        (r#"{"Version": "2008-10-17", "Statement": []}"#, "Statement: is empty"),
        (
            r#"{"Version": null, "Statement": []}"#,
            "Version: must be a string, not null",
        ),
        (
            r#"{"Version": "2012-10-17", "Id": 1, "Statement": []}"#,
            "Id: must be a string",
        ),
        (
            "{\"Version\": \"2012-10-17\", \"Id\": \"\u{416}\"}",
            "IAM takes no character 'Ж'",
        ),
    ] {
        let message = refusal(text, PERMISSION);
        assert!(message.starts_with(start), "{text}: {message}");
    }
}

#[test]
fn what_a_trust_statement_must_not_be_is_refused_with_its_path() {
    for (members, start) in [
        (
            r#""Effect": "Allow", "Action": "sts:AssumeRole""#,
            "Principal: is missing",
        ),
        (r#""Effect": "Allow", "Principal": "*""#, "Action: is missing"),
        (r#""Principal": "*", "Action": "sts:AssumeRole""#, "Effect: is missing"),
        (
            r#""Effect": "ALLOW", "Principal": "*", "Action": "sts:AssumeRole""#,
            "Effect: \"ALLOW\" has the wrong case; write \"Allow\"",
        ),
        (
            r#""Effect": "Permit", "Principal": "*", "Action": "sts:AssumeRole""#,
            "Effect: \"Permit\" is no effect",
        ),
        (
            r#""Effect": ["Allow"], "Principal": "*", "Action": "sts:AssumeRole""#,
            "Effect: must be a string, not an array",
        ),
        (
            r#""effect": "Allow""#,
            "effect: is not a member of a statement; write Effect",
        ),
        (
            r#""Effect": "Allow", "Principal": "*", "NotPrincipal": "*""#,
            "NotPrincipal: stands beside Principal",
        ),
        (
            r#""Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole", "Resource": "*""#,
            "Resource: may not stand in a trust policy",
        ),
        (
            r#""Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole", "NotResource": "*""#,
            "NotResource: may not stand in a trust policy",
        ),
        (
            r#""Effect": "Allow", "Principal": "*", "NotAction": "sts:AssumeRole""#,
            "NotAction: may not stand in a trust policy",
        ),
        (
            r#""Effect": "Allow", "Principal": "*", "Action": "s3:GetObject""#,
            "Action: \"s3:GetObject\" may not stand in a trust policy",
        ),
        (
            r#""Effect": "Allow", "Principal": "*", "Action": ["sts:AssumeRole", "*"]"#,
            "Action[1]: \"*\" may not stand in a trust policy",
        ),
        (
            r#""Effect": "Allow", "NotPrincipal": {"AWS": "111111111111"}, "Action": "sts:AssumeRole""#,
            "NotPrincipal: with Allow it would admit everybody else",
        ),
        (
            r#""Sid": "a b", "Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole""#,
            "Sid: \"a b\" may have only",
        ),
        (
            r#""Sid": 1, "Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole""#,
            "Sid: must be a string; write \"1\"",
        ),
        (
            r#""Sid": null, "Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole""#,
            "Sid: must be a string, not null",
        ),
    ] {
        let message = refusal(&trust(&format!("{{{members}}}")), TRUST);
        let start = format!("Statement[0].{start}");
        assert!(message.starts_with(&start), "{members}: {message}");
    }
}

#[test]
fn what_a_permission_statement_must_not_be_is_refused_with_its_path() {
    for (members, start) in [
        (r#""Effect": "Allow", "Action": "s3:GetObject""#, "Resource: is missing"),
        (r#""Effect": "Allow", "Resource": "*""#, "Action: is missing"),
        (
            r#""Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Principal": "*""#,
            "Principal: may not stand in a permission policy",
        ),
        (
            r#""Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "NotPrincipal": "*""#,
            "NotPrincipal: may not stand in a permission policy",
        ),
        (
            r#""Effect": "Allow", "Action": "s3:GetObject", "NotAction": "s3:*", "Resource": "*""#,
            "NotAction: stands beside Action",
        ),
        (
            r#""Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "NotResource": []"#,
            "NotResource: stands beside Resource",
        ),
        (
            r#""Effect": "Allow", "Action": [], "Resource": "*""#,
            "Action: is empty",
        ),
        (
            r#""Effect": "Allow", "NotAction": [], "Resource": "*""#,
            "NotAction: is empty",
        ),
        (
            r#""Effect": "Allow", "Action": ["s3:GetObject", 1], "Resource": "*""#,
            "Action[1]: must be a string; write \"1\"",
        ),
        (
            r#""Effect": "Allow", "Action": [["s3:GetObject"]], "Resource": "*""#,
            "Action[0]: must be a string, not an array",
        ),
        (
            r#""Effect": "Allow", "Action": null, "Resource": "*""#,
            "Action: must be a string or an array",
        ),
        (
            r#""Effect": "Allow", "Action": "s3:GetObject", "Resource": []"#,
            "Resource: is empty",
        ),
        (
            r#""Effect": "Allow", "Action": "s3:GetObject", "Resource": ["*", "bucket"]"#,
            "Resource[1]: \"bucket\" is neither",
        ),
        (
            r#""Effect": "Allow", "Action": "s3:GetObject", "NotResource": "bucket""#,
            "NotResource: \"bucket\" is neither",
        ),
        (
            r#""Effect": "Allow", "Action": "s3:GetObject", "Resource": true"#,
            "Resource: must be a string or an array",
        ),
        (
            r#""Effect": "Allow", "Effect": "Deny", "Action": "s3:GetObject", "Resource": "*""#,
            "Effect: the key \"Effect\" stands twice",
        ),
    ] {
        let message = refusal(&trust(&format!("{{{members}}}")), PERMISSION);
        let start = format!("Statement[0].{start}");
        assert!(message.starts_with(&start), "{members}: {message}");
    }
}

#[test]
fn what_a_condition_must_not_be_is_refused_with_its_path() {
    for (block, start) in [
        ("[]", "must be an object of operators"),
        ("null", "must be an object of operators"),
        (r#"{"StringEquals": "x"}"#, "StringEquals: must be an object of keys"),
        (
            r#"{"StringEqual": {"a": "b"}}"#,
            "StringEqual: \"StringEqual\" is not a condition operator",
        ),
        (
            r#"{"NullIfExists": {"a": "true"}}"#,
            "NullIfExists: Null cannot have IfExists",
        ),
        (
            r#"{"StringEquals": {"a": "b"}, "StringEquals": {"c": "d"}}"#,
            "StringEquals: the key \"StringEquals\" stands twice",
        ),
        (
            r#"{"StringEquals": {"a": "b"}, "stringequals": {"c": "d"}}"#,
            "stringequals: StringEquals stands twice",
        ),
        (
            r#"{"StringEquals": {"a": "b", "a": "c"}}"#,
            "StringEquals.a: the key \"a\" stands twice",
        ),
        (
            r#"{"StringEquals": {"aws:SourceIp": "b", "AWS:sourceip": "c"}}"#,
            "StringEquals.AWS:sourceip: stands twice",
        ),
        (
            r#"{"StringEquals": {"": "b"}}"#,
            "StringEquals[\"\"]: a condition key has no name",
        ),
        (
            r#"{"StringEquals": {"a": null}}"#,
            "StringEquals.a: a value is a string, a number or a Boolean, not null",
        ),
        (
            r#"{"StringEquals": {"a": ["b", ["c"]]}}"#,
            "StringEquals.a[1]: a value is a string",
        ),
        (
            r#"{"StringEquals": {"a.b:sub": {}}}"#,
            "StringEquals[\"a.b:sub\"]: a value is a string",
        ),
        (r#"{"Bool": {"a": 1}}"#, "Bool.a: Bool cannot compare with \"1\""),
        (
            r#"{"Bool": {"a": ["true", "maybe"]}}"#,
            "Bool.a[1]: Bool cannot compare with \"maybe\"",
        ),
        (
            r#"{"NumericLessThan": {"a": "1h"}}"#,
            "NumericLessThan.a: NumericLessThan cannot compare",
        ),
        (
            r#"{"DateLessThan": {"a": "2026-02-30"}}"#,
            "DateLessThan.a: DateLessThan cannot compare",
        ),
        (
            r#"{"IpAddress": {"a": "10.0.0.0/40"}}"#,
            "IpAddress.a: IpAddress cannot compare",
        ),
        (
            r#"{"StringLike": {"a": "${aws:username"}}"#,
            "StringLike.a: a policy variable",
        ),
    ] {
        let message = Condition::parse_block(block).unwrap_err().to_string();
        assert!(message.starts_with(start), "{block}: {message}");
    }
}

#[test]
fn a_condition_without_keys_or_values_is_taken_as_iam_takes_it() {
    assert_eq!(Condition::parse_block("{}"), Ok(vec![]));
    assert_eq!(Condition::parse_block(r#"{"Bool": {}}"#), Ok(vec![]));
    let nothing_matches = Condition::parse_block(r#"{"Bool": {"a": []}}"#).unwrap();
    assert_eq!(nothing_matches, [Condition::new(OperatorName::Bool, "a", [""; 0])]);
}

#[test]
fn sids_stand_once_unless_they_are_empty() {
    let statement =
        |sid: &str| format!(r#"{{"Sid": "{sid}", "Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}}"#);
    let two = |one: &str, other: &str| trust(&[statement(one), statement(other)].join(","));
    assert!(Document::parse(&two("a", "A"), TRUST).is_ok());
    assert!(Document::parse(&two("", ""), TRUST).is_ok());
    let message = refusal(&two("a", "a"), TRUST);
    assert!(
        message.starts_with("Statement[1].Sid: \"a\" is also the Sid of statement 0"),
        "{message}"
    );
}

#[test]
fn a_lone_statement_is_read_as_strictly_as_a_whole_document() {
    let text = r#"{"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "sts:AssumeRole"}"#;
    let statement = Statement::parse(text, TRUST).unwrap();
    assert_eq!(Document::parse(&trust(text), TRUST), Ok(Document::new(vec![statement])));
    let error = Statement::parse(text, PERMISSION).unwrap_err();
    assert_eq!(error.path, "Principal");
}
