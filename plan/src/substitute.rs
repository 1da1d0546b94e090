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

use crossrole_iam::document::{Document, DocumentError, DocumentKind};
use serde_json::Value;

use crate::account::Account;
use variable::{Piece, Variable};

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
            Form::Varying(value) => read(value, &|_, variable, before| variable.value_in(account, before)),
        }
    }
}

/// Judges a document with specimens in place of what accounts say.
fn judge(value: &Value) -> Result<(), DocumentError> {
    // For each string, which specimen is tried.
    let mut tried: Vec<(String, usize)> = Vec::new();
    let mut first: Option<DocumentError> = None;
    loop {
        let specimen = |path: &str| {
            tried
                .iter()
                .find(|(other, _)| other == path)
                .map_or(0, |(_, index)| *index)
        };
        let read = read(value, &|path, variable, _| {
            Ok(match variable {
                Variable::Parameter(_) => SPECIMENS.get(specimen(path)).copied().unwrap_or_default().to_string(),
                Variable::AccountId => "111122223333".to_string(),
                Variable::Partition => "aws".to_string(),
                Variable::AccountName => "account".to_string(),
            })
        });
        let Err(error) = read else { return Ok(()) };
        if first.as_ref().is_none_or(|first| first.path != error.path) {
            first = Some(error.clone());
        }
        let next = specimen(&error.path) + 1;
        if next >= SPECIMENS.len() || !holds_parameter(value, &error.path) {
            return Err(first.unwrap_or(error));
        }
        tried.retain(|(path, _)| *path != error.path);
        tried.push((error.path, next));
    }
}

fn holds_parameter(value: &Value, path: &str) -> bool {
    let mut found = false;
    let _ = walk(&mut value.clone(), &mut Vec::new(), &mut |place, text| {
        let pieces = variable::pieces(text)?;
        let holds = pieces
            .iter()
            .any(|piece| matches!(piece, Piece::Ours(Variable::Parameter(_))));
        found |= holds && place.path() == path;
        Ok(())
    });
    found
}

/// Says what a variable stands for, given the path of its string, and what stands before it there.
type ValueOf<'a> = &'a dyn Fn(&str, &Variable, &str) -> Result<String, String>;

/// Puts in every value and reads the document.
fn read(value: &Value, value_of: ValueOf<'_>) -> Result<Document, DocumentError> {
    let mut value = value.clone();
    let mut filled: Vec<(String, Vec<String>)> = Vec::new();
    walk(&mut value, &mut Vec::new(), &mut |place, text| {
        let pieces = variable::pieces(text)?;
        let (mut whole, mut said) = (String::new(), Vec::new());
        for piece in &pieces {
            match piece {
                Piece::Text(part) => whole.push_str(part),
                Piece::Ours(variable) => {
                    let value = value_of(&place.path(), variable, &whole)?;
                    said.push(format!("{variable} = {value:?}"));
                    whole.push_str(&value);
                }
            }
        }
        if !said.is_empty() {
            filled.push((place.path(), said));
        }
        *text = whole;
        Ok(())
    })?;
    Document::parse(&value.to_string(), DocumentKind::Permission).map_err(|mut error| {
        // Whoever reads the refusal wrote the variable, not its value.
        if let Some((_, said)) = filled.iter().find(|(path, _)| *path == error.path) {
            error.problem = format!("{} (with {})", error.problem, said.join(", "));
        }
        error
    })
}

/// A step from the root of a document to a string.
#[derive(Clone, Debug)]
enum Step {
    Member(String),
    Item(usize),
}

/// Where a string stands.
struct Place<'a>(&'a [Step], bool);

impl Place<'_> {
    fn members(&self) -> Vec<&str> {
        let members = self.0.iter().filter_map(|step| match step {
            Step::Member(name) => Some(name.as_str()),
            Step::Item(_) => None,
        });
        members.collect()
    }

    /// Only where IAM takes free text.
    fn takes_variables(&self) -> bool {
        let is_key = self.1;
        !is_key
            && matches!(
                self.members().as_slice(),
                ["Statement", "Resource" | "NotResource"] | ["Statement", "Condition", _, _]
            )
    }

    fn refuses(&self) -> String {
        let what = match self.members().as_slice() {
            ["Statement", "Action" | "NotAction"] => "an action is the same in every account",
            ["Statement", "Condition", ..] => "a condition's operator and key are the same in every account",
            _ => "this is the same in every account",
        };
        format!("{what}: crossrole's variables may stand in resources and condition values only")
    }

    /// The path as [`DocumentError`] writes it.
    fn path(&self) -> String {
        let mut text = String::new();
        for step in self.0 {
            match step {
                Step::Item(index) => text.push_str(&format!("[{index}]")),
                Step::Member(name) => {
                    let plain = !name.is_empty()
                        && name
                            .chars()
                            .all(|character| character.is_ascii_alphanumeric() || ":_-/".contains(character));
                    match (plain, text.is_empty()) {
                        (false, _) => text.push_str(&format!("[{name:?}]")),
                        (true, true) => text.push_str(name),
                        (true, false) => text.push_str(&format!(".{name}")),
                    }
                }
            }
        }
        text
    }
}

type Visit<'a> = &'a mut dyn FnMut(&Place<'_>, &mut String) -> Result<(), String>;

/// Visits every string of a document: every key, and every value.
fn walk(value: &mut Value, steps: &mut Vec<Step>, visit: Visit<'_>) -> Result<(), DocumentError> {
    let refused = |steps: &[Step], problem| DocumentError {
        path: Place(steps, false).path(),
        problem,
    };
    match value {
        Value::String(text) => visit(&Place(steps, false), text).map_err(|problem| refused(steps, problem)),
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
                visit(&Place(steps, true), &mut name.clone()).map_err(|problem| refused(steps, problem))?;
                walk(member, steps, visit)?;
                steps.pop();
            }
            Ok(())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}
