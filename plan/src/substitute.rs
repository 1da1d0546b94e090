//! What an account says of itself, put into inline policy documents.
//!
//! | variable | stands for |
//! |---|---|
//! | `${AWS::AccountId}` | the account's id |
//! | `${AWS::Partition}` | its partition |
//! | `${account.name}` | the AWSAccount's name |
//! | `${parameter.NAME}` | the AWSAccount's `spec.parameters[NAME]` |
//!
//! They may stand in resources and in condition values, where IAM takes free text; in actions, condition keys and
//! everything else they are refused, so that whoever reads a document knows what it speaks of. IAM's own variables
//! (`${aws:username}`, `${s3:prefix}`, `${*}`) are left as they are.
//!
//! A value is put into a string that was read already, never into JSON text, and the document is read again after that.
//! A parameter means itself and nothing more: it may hold no wildcard and no variable, it is never empty, and inside an
//! ARN it begins no other part of it. Wildcards are for whoever writes the document.

mod variable;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crossrole_iam::document::{Document, DocumentError, DocumentKind, Operator, ResourceElement, Step, path_text};
use serde_json::Value;

use crate::account::Account;
use variable::{Piece, Variable};

pub(crate) use variable::problem_without_ours;

/// Values with which a document is judged before any account is known: the first that fits its place is taken.
const SPECIMENS: [&str; 13] = [
    "x",
    "1",
    "aws",
    "true",
    "2026-01-01T00:00:00Z",
    "203.0.113.0/24",
    "203.0.113.0",
    "2001:db8",
    "2026",
    "2026-01-01",
    "role/x",
    "arn:aws:s3:::x",
    "eA==",
];

/// An inline policy document as it is declared, for any account.
#[derive(Clone, Debug, PartialEq)]
pub struct Template(Form);

#[derive(Clone, Debug, PartialEq)]
enum Form {
    /// The same in every account.
    Plain(Document),
    /// Another in every account.
    Varying(Value),
}

impl Template {
    /// Reads a permission document that may hold our variables.
    ///
    /// # Errors
    /// What no account could make right, with its JSON path.
    pub fn parse(text: &str) -> Result<Self, DocumentError> {
        let plain = || Document::parse(text, DocumentKind::Permission).map(|document| Self(Form::Plain(document)));
        let Ok(mut value) = serde_json::from_str::<Value>(text) else {
            return plain();
        };
        let mut varies = false;
        walk(&mut value, &mut Vec::new(), &mut |place, text| {
            let ours = variable::pieces(text)?
                .iter()
                .any(|piece| matches!(piece, Piece::Ours(_)));
            match place.takes_variables() {
                true => varies |= ours,
                false if ours => return Err(place.refuses()),
                false => {}
            }
            Ok(())
        })?;
        if !varies {
            return plain();
        }
        // A key that stands twice is no more in the value.
        Document::check_json(text)?;
        judge(&value)?;
        Ok(Self(Form::Varying(value)))
    }

    /// The document in one account.
    ///
    /// # Errors
    /// A parameter that the account does not have or that may not stand where it does, or what IAM would refuse once
    /// every value is in, with its JSON path.
    pub fn in_account(&self, account: &Account) -> Result<Document, DocumentError> {
        match &self.0 {
            Form::Plain(document) => Ok(document.clone()),
            Form::Varying(value) => read(value, &|_, pieces| {
                fill(pieces, &|variable, before| variable.value_in(account, before))
            }),
        }
    }
}

/// Judges a document with specimens in place of what accounts say. Each string is judged alone and the document read once,
/// so that the work grows with the document's size.
fn judge(value: &Value) -> Result<(), DocumentError> {
    read(value, &|place, pieces| {
        let mut first = None;
        for specimen in SPECIMENS {
            let filled = fill(pieces, &|variable, _| {
                Ok(match variable {
                    Variable::Parameter(_) => specimen.to_string(),
                    Variable::AccountId => "111122223333".to_string(),
                    Variable::Partition => "aws".to_string(),
                    Variable::AccountName => "account".to_string(),
                })
            })?;
            if place.problem(&filled.text).is_none() {
                return Ok(filled);
            }
            first.get_or_insert(filled);
        }
        first.ok_or_else(|| "no specimen fits".to_string())
    })
    .map(|_| ())
}

/// A string with values in place of its variables.
#[derive(Default)]
struct Filled {
    text: String,
    /// What each variable stands for here.
    said: Vec<String>,
}

/// Puts values into one string. `value_of` is told the variable, and what stands before it.
fn fill(pieces: &[Piece<'_>], value_of: &dyn Fn(&Variable, &str) -> Result<String, String>) -> Result<Filled, String> {
    let mut filled = Filled::default();
    for piece in pieces {
        match piece {
            Piece::Text(part) => filled.text.push_str(part),
            Piece::Ours(variable) => {
                let value = value_of(variable, &filled.text)?;
                filled.said.push(format!("{variable} = {value:?}"));
                filled.text.push_str(&value);
            }
        }
    }
    Ok(filled)
}

/// Says what a string becomes.
type Fill<'a> = &'a dyn Fn(&Place<'_>, &[Piece<'_>]) -> Result<Filled, String>;

/// Puts in every value and reads the document.
fn read(value: &Value, fill: Fill<'_>) -> Result<Document, DocumentError> {
    let mut value = value.clone();
    let mut said: BTreeMap<String, Vec<String>> = BTreeMap::new();
    walk(&mut value, &mut Vec::new(), &mut |place, text| {
        let pieces = variable::pieces(text)?;
        if pieces.iter().any(|piece| matches!(piece, Piece::Ours(_))) {
            let filled = fill(place, &pieces)?;
            *text = filled.text;
            said.insert(path_text(place.steps), filled.said);
        }
        Ok(())
    })?;
    let text = value.to_string();
    #[cfg(test)]
    work::add(text.len());
    Document::parse(&text, DocumentKind::Permission).map_err(|mut error| {
        // Whoever reads the refusal wrote the variable, not its value.
        if let Some(said) = said.get(&error.path) {
            error.problem = format!("{} (with {})", error.problem, said.join(", "));
        }
        error
    })
}

/// Where a string stands: its steps from the root of the document, and whether it is a key.
struct Place<'a> {
    steps: &'a [Step],
    is_key: bool,
}

impl Place<'_> {
    fn members(&self) -> Vec<&str> {
        let members = self.steps.iter().filter_map(|step| match step {
            Step::Member(name) => Some(name.as_str()),
            Step::Item(_) => None,
        });
        members.collect()
    }

    /// Only where IAM takes free text.
    fn takes_variables(&self) -> bool {
        !self.is_key
            && matches!(
                self.members().as_slice(),
                ["Statement", "Resource" | "NotResource"] | ["Statement", "Condition", _, _]
            )
    }

    /// What is wrong with a string here, where variables may stand.
    fn problem(&self, text: &str) -> Option<String> {
        #[cfg(test)]
        work::add(text.len());
        match self.members().as_slice() {
            ["Statement", "Resource" | "NotResource"] => ResourceElement::pattern_problem(text),
            ["Statement", "Condition", operator, _] => operator.parse::<Operator>().ok()?.value_problem(text),
            _ => None,
        }
    }

    fn refuses(&self) -> String {
        let what = match self.members().as_slice() {
            ["Statement", "Action" | "NotAction"] => "an action is the same in every account",
            ["Statement", "Condition", ..] => "a condition's operator and key are the same in every account",
            _ => "this is the same in every account",
        };
        format!("{what}: crossrole's variables may stand in resources and condition values only")
    }
}

type Visit<'a> = &'a mut dyn FnMut(&Place<'_>, &mut String) -> Result<(), String>;

/// Visits every string of a document: every key, and every value.
fn walk(value: &mut Value, steps: &mut Vec<Step>, visit: Visit<'_>) -> Result<(), DocumentError> {
    let refused = |steps: &[Step], problem| DocumentError {
        path: path_text(steps),
        problem,
    };
    match value {
        Value::String(text) => visit(&Place { steps, is_key: false }, text).map_err(|problem| refused(steps, problem)),
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                steps.push(Step::Item(index));
                walk(item, steps, visit)?;
                steps.pop();
            }
            Ok(())
        }
        Value::Object(members) => {
            for (name, member) in members {
                steps.push(Step::Member(name.clone()));
                visit(&Place { steps, is_key: true }, &mut name.clone()).map_err(|problem| refused(steps, problem))?;
                walk(member, steps, visit)?;
                steps.pop();
            }
            Ok(())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// Characters that were judged and read: the work that tests measure.
#[cfg(test)]
mod work {
    use std::cell::Cell;

    thread_local! {
        static DONE: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn add(characters: usize) {
        DONE.set(DONE.get() + characters);
    }

    /// What was done since the last time.
    pub(super) fn take() -> usize {
        DONE.take()
    }
}
