//! A policy document, taken apart for evaluation.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::condition::{Condition, Operator};
use super::context::Context;
use super::pattern::{matches, matches_tokens};

/// A document as text, together with what it means. Cloning is cheap.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub(crate) text: Arc<str>,
    pub(crate) policy: Arc<Policy>,
}

/// The statements of a document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(crate) statements: Vec<Statement>,
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) allow: bool,
    pub(crate) sid: Option<String>,
    /// `None` in policies of users and roles.
    pub(crate) principals: Option<Principals>,
    pub(crate) actions: Vec<String>,
    pub(crate) not_actions: bool,
    pub(crate) resources: Vec<String>,
    pub(crate) not_resources: bool,
    pub(crate) conditions: Vec<Condition>,
}

/// The `Principal` or `NotPrincipal` of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Principals {
    pub(crate) negated: bool,
    /// Kind (`AWS`, `Service`, `Federated`, `CanonicalUser`) and value; `Principal: "*"` is `AWS` with `*`.
    pub(crate) listed: Vec<(String, String)>,
}

/// Why a document cannot be read; the grammar module gives AWS's words for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unreadable;

impl Policy {
    /// Reads a document that has already been checked against the grammar.
    pub(crate) fn read(document: &Value) -> Result<Self, Unreadable> {
        let statements = match document.get("Statement") {
            Some(Value::Array(list)) => list.iter().map(Statement::read).collect::<Result<_, _>>()?,
            Some(one @ Value::Object(_)) => vec![Statement::read(one)?],
            _ => return Err(Unreadable),
        };
        Ok(Self { statements })
    }
}

impl Statement {
    fn read(statement: &Value) -> Result<Self, Unreadable> {
        let fields = statement.as_object().ok_or(Unreadable)?;
        let allow = match fields.get("Effect").and_then(Value::as_str) {
            Some("Allow") => true,
            Some("Deny") => false,
            _ => return Err(Unreadable),
        };
        let (actions, not_actions) = either(fields, "Action", "NotAction")?;
        let (resources, not_resources) = either(fields, "Resource", "NotResource")?;
        let principals = match (fields.get("Principal"), fields.get("NotPrincipal")) {
            (Some(value), _) => Some(Principals::read(value, false)?),
            (None, Some(value)) => Some(Principals::read(value, true)?),
            (None, None) => None,
        };
        Ok(Self {
            allow,
            sid: fields.get("Sid").and_then(Value::as_str).map(str::to_owned),
            principals,
            actions,
            not_actions,
            resources,
            not_resources,
            conditions: read_conditions(fields.get("Condition"))?,
        })
    }

    /// True if the statement speaks about this action, without regard to case.
    pub(crate) fn covers_action(&self, action: &str) -> bool {
        let action = action.to_ascii_lowercase();
        self.actions
            .iter()
            .any(|pattern| matches(&pattern.to_ascii_lowercase(), &action))
            != self.not_actions
    }

    /// True if the statement speaks about this resource. A trust policy has no resources: it is about its own role.
    pub(crate) fn covers_resource(&self, resource: &str, context: &Context) -> bool {
        if self.resources.is_empty() {
            return true;
        }
        let fits = |pattern: &String| {
            context
                .fill(pattern)
                .is_some_and(|pattern| matches_tokens(&pattern, resource))
        };
        self.resources.iter().any(fits) != self.not_resources
    }

    /// True if every condition holds.
    pub(crate) fn conditions_hold(&self, context: &Context) -> bool {
        self.conditions.iter().all(|condition| condition.holds(context))
    }
}

impl Principals {
    fn read(value: &Value, negated: bool) -> Result<Self, Unreadable> {
        let listed = match value {
            Value::String(text) if text == "*" => vec![("AWS".to_owned(), "*".to_owned())],
            Value::Object(kinds) => {
                let mut listed = Vec::new();
                for (kind, values) in kinds {
                    listed.extend(texts(values)?.into_iter().map(|value| (kind.clone(), value)));
                }
                listed
            }
            _ => return Err(Unreadable),
        };
        Ok(Self { negated, listed })
    }
}

/// A field or its negated twin.
fn either(fields: &Map<String, Value>, name: &str, negated: &str) -> Result<(Vec<String>, bool), Unreadable> {
    match (fields.get(name), fields.get(negated)) {
        (Some(value), _) => Ok((texts(value)?, false)),
        (None, Some(value)) => Ok((texts(value)?, true)),
        (None, None) => Ok((Vec::new(), false)),
    }
}

fn read_conditions(block: Option<&Value>) -> Result<Vec<Condition>, Unreadable> {
    let Some(block) = block else { return Ok(Vec::new()) };
    let mut conditions = Vec::new();
    for (operator, keys) in block.as_object().ok_or(Unreadable)? {
        let operator = Operator::read(operator).ok_or(Unreadable)?;
        for (key, values) in keys.as_object().ok_or(Unreadable)? {
            conditions.push(Condition::new(operator, key, texts(values)?));
        }
    }
    Ok(conditions)
}

/// One text or a list of texts; numbers and truth values count as their text.
pub(crate) fn texts(value: &Value) -> Result<Vec<String>, Unreadable> {
    match value {
        Value::Array(list) => list.iter().map(text).collect(),
        one => Ok(vec![text(one)?]),
    }
}

fn text(value: &Value) -> Result<String, Unreadable> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        _ => Err(Unreadable),
    }
}
