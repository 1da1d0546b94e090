//! Other forms of the same document, as IAM gives them back: keys and lists in another order, lists of one as plain texts
//! and plain texts as lists of one, other white space. What a document means is never changed.

use std::fmt::Write as _;

use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::chance::{mix, roll};
use crate::wire::xml::Xml;

/// The elements that hold documents.
const ELEMENTS: [&str; 3] = ["AssumeRolePolicyDocument", "PolicyDocument", "Document"];

/// An answer with each of its documents in another form. A document keeps its form for as long as its text does, as IAM
/// settles on a form when it stores one.
pub(crate) fn documents(answer: &str, seed: u64, account: &str) -> String {
    let mut rest = answer;
    let mut out = Xml::new();
    while let Some((before, name, inside, after)) = next(rest) {
        out.raw(before);
        let text = percent_decode_str(inside).decode_utf8_lossy();
        match serde_json::from_str(&text) {
            Ok(document) => {
                let mut form = Form(roll(seed, &[account, &text]));
                out.document(name, &form.document(&document));
            }
            Err(_) => drop(out.document(name, &text)),
        }
        rest = after;
    }
    out.raw(rest);
    out.finish()
}

/// What is before the next document, its element, its text, and what is after it.
fn next(text: &str) -> Option<(&str, &'static str, &str, &str)> {
    let found = ELEMENTS
        .iter()
        .filter_map(|name| Some((text.find(&format!("<{name}>"))?, *name)));
    let (at, name) = found.min()?;
    let inside = &text[at + name.len() + 2..];
    let (inside, after) = inside.split_once(&format!("</{name}>"))?;
    Some((&text[..at], name, inside, after))
}

/// Draws one form after the other.
struct Form(u64);

impl Form {
    fn next(&mut self) -> u64 {
        self.0 = mix(self.0);
        self.0
    }

    fn coin(&mut self) -> bool {
        self.next().is_multiple_of(2)
    }

    fn document(&mut self, document: &Value) -> String {
        let pretty = self.coin();
        let mut text = String::new();
        self.write(document, Place::Document, pretty, &mut text);
        text
    }

    fn shuffled<T>(&mut self, items: impl IntoIterator<Item = T>) -> Vec<T> {
        let mut items: Vec<_> = items.into_iter().collect();
        for last in (1..items.len()).rev() {
            let other = usize::try_from(self.next() % (last as u64 + 1)).unwrap_or(0);
            items.swap(last, other);
        }
        items
    }

    fn write(&mut self, value: &Value, place: Place, pretty: bool, text: &mut String) {
        match value {
            Value::Object(fields) => {
                // A statement alone may stand for a list of one.
                let wrapped = place == Place::Statements && self.coin();
                text.push_str(if wrapped { "[{" } else { "{" });
                for (index, (name, field)) in self.shuffled(fields).into_iter().enumerate() {
                    text.push_str(if index > 0 { "," } else { "" });
                    text.push_str(if pretty { "\n  " } else { "" });
                    let _ = write!(text, "{}:", Value::from(name.as_str()));
                    text.push_str(if pretty { " " } else { "" });
                    self.write(field, place.below(name), pretty, text);
                }
                text.push_str(if wrapped { "}]" } else { "}" });
            }
            Value::Array(list) => {
                if let [only] = list.as_slice()
                    && place.may_stand_alone()
                    && self.coin()
                {
                    return self.write(only, place.inside(), pretty, text);
                }
                text.push('[');
                for (index, item) in self.shuffled(list).into_iter().enumerate() {
                    text.push_str(if index > 0 { "," } else { "" });
                    self.write(item, place.inside(), pretty, text);
                }
                text.push(']');
            }
            one if place == Place::Values && self.coin() => {
                let _ = write!(text, "[{one}]");
            }
            one => {
                let _ = write!(text, "{one}");
            }
        }
    }
}

/// Where in a document a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Document,
    /// The list of statements, or the only one.
    Statements,
    Statement,
    /// The kinds of principals, or a condition's keys.
    Groups,
    /// The operators of a condition.
    Operators,
    /// Texts, of which one may stand alone.
    Values,
    /// A value that is what it is: an effect, a version, one text of a list.
    Fixed,
}

impl Place {
    fn below(self, name: &str) -> Self {
        match (self, name) {
            (Self::Document, "Statement") => Self::Statements,
            (Self::Statements | Self::Statement, "Principal" | "NotPrincipal") => Self::Groups,
            (Self::Statements | Self::Statement, "Condition") => Self::Operators,
            (Self::Statements | Self::Statement, "Action" | "NotAction" | "Resource" | "NotResource")
            | (Self::Groups, _) => Self::Values,
            (Self::Operators, _) => Self::Groups,
            _ => Self::Fixed,
        }
    }

    fn inside(self) -> Self {
        match self {
            Self::Statements => Self::Statement,
            _ => Self::Fixed,
        }
    }

    fn may_stand_alone(self) -> bool {
        matches!(self, Self::Statements | Self::Values)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::Form;

    /// The same for all forms: keys in order, texts as lists, lists in order.
    fn canonical(value: &Value, key: &str) -> Value {
        match value {
            Value::Object(fields) => fields
                .iter()
                .map(|(key, value)| (key.clone(), canonical(value, key)))
                .collect(),
            Value::Array(list) => {
                let mut list: Vec<_> = list.iter().map(|item| canonical(item, "item")).collect();
                list.sort_by_key(Value::to_string);
                Value::Array(list)
            }
            one if ["item", "Effect", "Version", "Sid"].contains(&key) => one.clone(),
            one => json!([one]),
        }
    }

    #[test]
    fn every_form_means_the_same_and_there_are_many() {
        let document = json!({"Version": "2012-10-17", "Statement": [
            {"Sid": "A", "Effect": "Allow", "Principal": {"AWS": ["a", "b", "c"], "Service": "d"}, "Action": ["x"],
             "Condition": {"StringEquals": {"k": "1", "l": ["2", "3"]}, "Bool": {"m": "true"}}},
            {"Effect": "Deny", "Principal": "*", "Action": ["y", "z"]},
        ]});
        let meaning = canonical(&document, "");
        let mut forms = BTreeSet::new();
        for seed in 0..200 {
            let text = Form(seed).document(&document);
            let read: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(canonical(&read, ""), meaning, "{text}");
            forms.insert(text);
        }
        assert!(forms.len() > 190, "{}", forms.len());
    }

    #[test]
    fn a_single_statement_is_given_alone_or_as_a_list() {
        let document = json!({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}});
        let kinds: BTreeSet<_> = (0..50)
            .map(|seed| serde_json::from_str::<Value>(&Form(seed).document(&document)).unwrap()["Statement"].is_array())
            .collect();
        assert_eq!(kinds.len(), 2);
    }
}
