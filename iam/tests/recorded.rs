//! What AWS itself accepted and refused, read in place: the recordings are not part of this project.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../tests/support/recorded.rs"]
mod recordings;

use std::path::Path;

use crossrole_iam::{Document, DocumentKind};
use recordings::folder;
use serde_json::Value;

fn entries(folder: &Path, file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    match serde_json::from_str(&text).unwrap() {
        Value::Array(entries) => entries,
        Value::Object(members) => members
            .into_iter()
            .find_map(|(_, value)| match value {
                Value::Array(entries) => Some(entries),
                _ => None,
            })
            .unwrap(),
        other => panic!("{file} holds {other}"),
    }
}

fn text<'entry>(entry: &'entry Value, member: &str) -> &'entry str {
    entry[member].as_str().unwrap()
}

fn kind(entry: &Value) -> DocumentKind {
    match text(entry, "kind") {
        "trust" => DocumentKind::Trust,
        "managed" => DocumentKind::Managed,
        _ => DocumentKind::Permission,
    }
}

/// Where each refused document is wrong, as AWS's own remark or message has it, in our words.
const REFUSED: [(&str, &str); 40] = [
    ("create-policy-invalid-01", "Version: is missing"),
    ("create-policy-invalid-03", "Version: \"2013-10-17\" will not do"),
    ("create-policy-invalid-05", "Statement[0]: a statement is an object"),
    (
        "create-policy-invalid-07",
        "Statement[\"Extra field\"]: is not a member",
    ),
    ("create-policy-invalid-09", "Id: must be a string, not an object"),
    (
        "create-policy-invalid-11",
        "Statement.Action: \"invalid\" has no service",
    ),
    (
        "create-policy-invalid-14",
        "Statement.Action: \"s3:List:Bucket\" has more than one colon",
    ),
    (
        "create-policy-invalid-18",
        "Statement.Action: \"s:3:ListBucket\" has more than one colon",
    ),
    ("create-policy-invalid-19", "Statement.Resource[0]: \"adf\" is neither"),
    ("create-policy-invalid-20", "Statement.Resource: \"\" is neither"),
    (
        "create-policy-invalid-22",
        "Statement.Resource: \"a:b:cadfsdf\" is neither",
    ),
    (
        "create-policy-invalid-24",
        "Statement.Resource: \"aws:s3:::example_bucket\" is neither",
    ),
    ("create-policy-invalid-27", "Statement.Resource: is missing"),
    ("create-policy-invalid-28", "Statement.Resource: is empty"),
    ("create-policy-invalid-32", "Statement.Action: is missing"),
    ("create-policy-invalid-33", "Statement.Action: is empty"),
    (
        "create-policy-invalid-35",
        "Statement.Resource: \"arn:aws:iam:::example_bucket\" is no resource of IAM",
    ),
    ("create-policy-invalid-37", "Statement.Action: is missing"),
    (
        "create-policy-invalid-38",
        "Statement.Resource: \"arn:aws\" names no service",
    ),
    (
        "create-policy-invalid-39",
        "Statement.Resource: must be a string or an array of strings",
    ),
    (
        "create-policy-invalid-40",
        "Statement.Resource[1]: must be a string, not an object",
    ),
    (
        "create-policy-invalid-41",
        "Statement.NotResource: stands beside Resource",
    ),
    (
        "create-policy-invalid-44",
        "Statement.Action: must be a string or an array of strings",
    ),
    (
        "create-policy-invalid-45",
        "Statement.Condition: must be an object of operators",
    ),
    (
        "create-policy-invalid-48",
        "Statement.Condition.DateGreaterThan: must be an object of keys",
    ),
    (
        "create-policy-invalid-49",
        "Statement.Condition.DateGreaterThan: must be an object of keys",
    ),
    (
        "create-policy-invalid-50",
        "Statement.Condition.DateGreaterThan.a: a value is",
    ),
    ("create-policy-invalid-51", "Statement.Action: is missing"),
    (
        "create-policy-invalid-53",
        "Statement.Condition.ForAnyValue::StringEqualsIfExists: ",
    ),
    (
        "create-policy-invalid-56",
        "Statement.Resource: \"arn:aws:s3:us-east-1::example_bucket\" has a Region",
    ),
    (
        "create-policy-invalid-62",
        "Statement.NotResource: stands beside Resource",
    ),
    (
        "create-policy-invalid-63",
        "Statement.Effect: \"denY\" has the wrong case; write \"Deny\"",
    ),
    ("create-policy-invalid-65", "Version: is missing"),
    ("create-policy-invalid-67", "Statement.Action: is missing"),
    (
        "create-policy-invalid-68",
        "Statement.Resource: \"arn:aws::::example_bucket\" names no service",
    ),
    (
        "create-policy-invalid-69",
        "Statement.Effect: \"allow\" has the wrong case",
    ),
    (
        "create-policy-invalid-70",
        "Statement[0].Effect: \"aLLow\" has the wrong case",
    ),
    (
        "create-policy-invalid-73",
        "Statement.Condition.DateLessThanEquals.a: DateLessThanEquals cannot compare",
    ),
    (
        "update-assume-role-policy-resource",
        "Statement[0].Resource: may not stand in a trust policy",
    ),
    (
        "create-role-trailing-comma",
        "Statement[0]: not valid JSON: a comma stands before the closing }",
    ),
];

#[test]
fn every_recorded_document_is_judged_as_aws_judged_it() {
    let Some(folder) = folder() else { return };
    let (mut accepted, mut refused) = (0, 0);
    for entry in entries(&folder, "policy-documents.json") {
        let (id, kind) = (text(&entry, "id"), kind(&entry));
        let result = Document::parse(text(&entry, "document"), kind);
        if entry["accepted"] == true {
            accepted += 1;
            let document = result.unwrap_or_else(|error| panic!("{id}: {error}"));
            let again = Document::parse(&document.to_json(), kind).unwrap();
            assert_eq!(again, document, "{id} does not read back");
            assert!(again.means_the_same_as(&document), "{id}");
            let pretty = Document::parse(&document.to_pretty_json(), kind).unwrap();
            assert_eq!(pretty, document, "{id} does not read back when pretty");
            let encoded =
                percent_encoding::utf8_percent_encode(&document.to_json(), percent_encoding::NON_ALPHANUMERIC)
                    .to_string();
            let held = Document::parse_encoded(&encoded, kind).unwrap();
            assert_eq!(held, document, "{id} does not read back as IAM answers it");
            if let Some(answer) = entry["read_back"]["document"].as_object() {
                let answer = Value::Object(answer.clone()).to_string();
                let answer = Document::parse_encoded(&answer.replace('%', "%25"), kind).unwrap();
                assert!(
                    answer.means_the_same_as(&document),
                    "{id} differs from its own read-back"
                );
            }
        } else {
            refused += 1;
            let error = result.err().unwrap_or_else(|| panic!("{id} was accepted"));
            let message = error.to_string();
            assert!(!error.path.is_empty(), "{id}: {message} does not say where");
            if let Some((_, start)) = REFUSED.iter().find(|(other, _)| *other == id) {
                assert!(message.starts_with(start), "{id}: {message}");
            }
        }
    }
    println!("recorded documents: {accepted} accepted by AWS and read, {refused} refused by AWS and here");
    assert!(accepted > 0 && refused > 0);
}

#[test]
fn documents_that_aws_accepted_differ_from_each_other_unless_they_say_the_same() {
    let Some(folder) = folder() else { return };
    let documents: Vec<(String, Document)> = entries(&folder, "policy-documents.json")
        .iter()
        .filter(|entry| entry["accepted"] == true)
        .map(|entry| {
            let document = Document::parse(text(entry, "document"), kind(entry)).unwrap();
            (text(entry, "id").to_owned(), document)
        })
        .collect();
    let mut same = Vec::new();
    for (index, (id, document)) in documents.iter().enumerate() {
        for (other_id, other) in documents.iter().skip(index + 1) {
            if document.means_the_same_as(other) {
                same.push((id.as_str(), other_id.as_str()));
            }
        }
    }
    // Strings against one-element arrays, an array against itself, and a Sid more or less.
    assert_eq!(
        same,
        [
            ("create-policy-valid-00", "create-policy-valid-20"),
            ("create-role-service", "create-role-arrays"),
            ("create-role-service", "update-assume-role-policy-arrays"),
            ("create-role-arrays", "update-assume-role-policy-arrays"),
        ]
    );
}

/// The example's text with what stands for an account in it filled in, as a reader of the page would.
fn filled(entry: &Value) -> String {
    let mut document = text(entry, "document").to_owned();
    for value in entry["placeholder_values"].as_array().into_iter().flatten() {
        let value = value.as_str().unwrap();
        let real = if value.contains("account-id") {
            value.replace("account-id", "111122223333")
        } else if value.trim() != value {
            value.trim().to_owned()
        } else {
            "111122223333".to_owned()
        };
        let quoted = |text: &str| format!("\"{text}\"");
        assert!(document.contains(&quoted(value)), "{value}");
        document = document.replace(&quoted(value), &quoted(&real));
    }
    document
}

#[test]
fn every_trust_policy_of_the_user_guide_is_read_and_unlike_the_others() {
    let Some(folder) = folder() else { return };
    let (mut as_printed, mut filled_in) = (0, 0);
    let mut documents: Vec<(String, Document)> = Vec::new();
    for entry in entries(&folder, "trust-examples.json") {
        let id = text(&entry, "id");
        if entry["placeholder"] == true {
            filled_in += 1;
            // As printed, AWS would refuse it, and so does this: the error points at the principal.
            let error = Document::parse(text(&entry, "document"), DocumentKind::Trust).unwrap_err();
            assert!(error.path.contains(".Principal."), "{id}: {error}");
        } else {
            as_printed += 1;
        }
        let document =
            Document::parse(&filled(&entry), DocumentKind::Trust).unwrap_or_else(|error| panic!("{id}: {error}"));
        let again = Document::parse(&document.to_json(), DocumentKind::Trust).unwrap();
        assert_eq!(again.canonical(), document.canonical(), "{id} is not stable");
        documents.push((id.to_owned(), document));
    }
    let mut same = Vec::new();
    for (index, (id, document)) in documents.iter().enumerate() {
        for (other_id, other) in documents.iter().skip(index + 1) {
            assert_ne!(document, other, "{id} and {other_id}");
            if document.means_the_same_as(other) {
                same.push((id.as_str(), other_id.as_str()));
            }
        }
    }
    // Two pages print the trust of EC2: one with a Sid, which means nothing, the other with arrays of one.
    assert_eq!(same, [("id-roles-use-passrole-33", "troubleshoot-iam-ec2-91")]);
    println!("trust examples: {as_printed} read as printed, {filled_in} with their placeholder filled in");
}
