//! What holds for every text that is read as a policy document.

use crossrole_iam::quota::WRITTEN_POLICIES_SIZE;
use crossrole_iam::{Condition, Document, DocumentError, DocumentKind, Statement};
use crossrole_plan::substitute::Template;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::in_time;

const KINDS: [DocumentKind; 3] = [DocumentKind::Trust, DocumentKind::Permission, DocumentKind::Managed];

/// Reads a text in every way in which documents are read.
pub fn check(text: &str) {
    let encoded = utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    for kind in KINDS {
        let written = in_time("reading a document", || Document::parse(text, kind));
        let held = in_time("reading an answer", || Document::parse_encoded(&encoded, kind));
        // As it came, for what only looks percent-encoded.
        let _ = Document::parse_encoded(text, kind);
        if let Ok(document) = &written {
            let held = held.as_ref().expect("what a person may write, IAM may answer");
            assert!(held.means_the_same_as(document), "read in two ways: {text}");
            check_document(document, |json| Document::parse(json, kind));
            assert_eq!(document.check(kind), Ok(()));
        }
        if let Ok(document) = &held {
            check_document(document, |json| {
                Document::parse_encoded(&utf8_percent_encode(json, NON_ALPHANUMERIC).to_string(), kind)
            });
        }
        if let Ok(statement) = in_time("reading a statement", || Statement::parse(text, kind)) {
            check_document(&Document::new(vec![statement]), |json| Document::parse(json, kind));
        }
    }
    let _ = in_time("reading a condition", || Condition::parse_block(text));
    let _ = in_time("reading a template", || Template::parse(text));
}

fn check_document(document: &Document, read: impl Fn(&str) -> Result<Document, DocumentError>) {
    let size = in_time("measuring a document", || document.size());
    let meaning = in_time("finding a meaning", || document.canonical());
    in_time("comparing statements", || {
        for statement in &meaning.statements {
            assert!(statement.is_within([statement]), "not within itself: {statement:?}");
        }
        if meaning.statements.len() < 20 {
            let all = &meaning.statements;
            assert!(all.iter().all(|statement| statement.is_within(all)));
        }
    });
    let without = document.without_dead_principals();
    assert!(without.dead_principals().is_empty() || document.statements.iter().any(is_negated));
    if size > WRITTEN_POLICIES_SIZE {
        return;
    }
    for json in [document.to_json(), document.to_pretty_json()] {
        let again = read(&json).unwrap_or_else(|error| panic!("written, but not read: {error}\n{json}"));
        assert_eq!(again.canonical(), meaning, "{json}");
        assert_eq!(again.to_json(), document.to_json());
    }
}

fn is_negated(statement: &Statement) -> bool {
    statement.principal.as_ref().is_some_and(|element| element.is_not())
}
