//! What a person writes, before anything is made of it: its size, its characters, its numbers.

use super::*;

const TRUST: DocumentKind = DocumentKind::Trust;
const PERMISSION: DocumentKind = DocumentKind::Permission;

fn refusal(text: &str, kind: DocumentKind) -> String {
    Document::parse(text, kind).unwrap_err().to_string()
}

#[test]
fn what_is_far_longer_than_any_policy_is_refused_unread() {
    // The closing brackets are missing, but nobody gets that far.
    let words = "1234567890".repeat(4_097);
    for text in [
        refusal(&words, PERMISSION),
        refusal(&words, TRUST),
        Statement::parse(&words, TRUST).unwrap_err().to_string(),
        Condition::parse_block(&words).unwrap_err().to_string(),
    ] {
        assert_eq!(
            text,
            "has 40970 characters without white space, and no policy of a role has more than 10240"
        );
    }
    let spaces = " ".repeat(131_073);
    let message = "has 131073 characters, and IAM takes at most 131072, white space counted";
    assert_eq!(refusal(&spaces, TRUST), message);
    // IAM never holds more than it takes.
    assert_eq!(
        Document::parse_encoded(&spaces, TRUST).unwrap_err().to_string(),
        message
    );
}

#[test]
fn a_long_document_with_much_white_space_is_read() {
    let actions = vec!["\"s3:GetObject\""; 1_500].join(",\n            ");
    let text = format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Action": [{actions}], "Resource": "*"}}]}}"#
    );
    assert!(text.len() > 40_960);
    let document = Document::parse(&text, PERMISSION).unwrap();
    assert_eq!(document.statements[0].action.patterns().len(), 1_500);
    let held = " ".repeat(60_000) + &text;
    assert_eq!(Document::parse_encoded(&held, PERMISSION), Ok(document));
}

#[test]
fn an_escape_hides_neither_a_variable_nor_a_control_character() {
    let text = |version: &str, resource: &str| {
        format!(
            r#"{{"Version": "{version}", "Statement": {{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/{resource}"}}}}"#
        )
    };
    for resource in [r"\u0024{aws:username}", r"$\u007baws:username}", "${aws:username}"] {
        // In the old version this is plain text, and so means something else than in the new one.
        let held = Document::parse_encoded(&text("2008-10-17", resource), PERMISSION).unwrap_err();
        assert!(held.problem.contains("is plain text"), "{resource}: {held}");
        assert!(Document::parse_encoded(&text("2012-10-17", resource), PERMISSION).is_ok());
    }
    assert_eq!(
        refusal(&text("2012-10-17", r"a\u0000"), PERMISSION),
        r"Statement.Resource: holds the control character '\0'; take it out"
    );
    let action =
        r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:Get\u001b"], "Resource": "*"}]}"#;
    assert_eq!(
        refusal(action, PERMISSION),
        r"Statement[0].Action[0]: holds the control character '\u{1b}'; take it out"
    );
}

fn with_condition(operator: &str, number: &str) -> Result<Document, DocumentError> {
    let text = format!(
        r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": {{"{operator}": {{"a:b": [{number}]}}}}}}}}"#
    );
    Document::parse(&text, PERMISSION)
}

#[test]
fn numbers_stand_without_quotes_only_where_they_are_compared_as_numbers() {
    for operator in [
        "StringEquals",
        "StringLikeIfExists",
        "ForAllValues:StringNotEquals",
        "ArnLike",
        "BinaryEquals",
    ] {
        let message = with_condition(operator, "111122223333").unwrap_err().to_string();
        assert_eq!(
            message,
            format!(
                "Statement.Condition.{operator}.a:b[0]: {operator} compares text, and a number does not always keep its form (a 0 in front is lost): put 111122223333 in quotes"
            )
        );
        assert!(with_condition(operator, "\"111122223333\"").is_ok(), "{operator}");
    }
    // What an account holds is compared as it is.
    let held = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": {"StringEquals": {"a:b": 1.10}}}}"#;
    let document = Document::parse_encoded(held, PERMISSION).unwrap();
    assert_eq!(document.statements[0].conditions[0].values, ["1.10"]);
}

#[test]
fn numbers_that_are_not_sure_to_be_what_was_written_are_refused() {
    for number in [
        "0",
        "-5",
        "3600",
        "9223372036854775807",
        "1.5",
        "3600.0",
        "-0.001",
        "123456789012.345",
    ] {
        assert!(with_condition("NumericLessThan", number).is_ok(), "{number}");
    }
    assert!(with_condition("DateLessThan", "1795341600").is_ok());
    for number in [
        "123456789012345678901234",
        "9223372036854775808",
        "1.2345678901234568e23",
        "1e3",
        "0.1000000000000000055",
        "9007199254740993.0",
    ] {
        assert_eq!(
            with_condition("NumericLessThan", number).unwrap_err().problem,
            format!(
                "the number {number} may have been another when it was written: put it in quotes, with all its digits"
            )
        );
        assert!(
            with_condition("NumericLessThan", &format!("\"{number}\"")).is_ok(),
            "{number}"
        );
    }
}
