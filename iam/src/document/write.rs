//! Documents to JSON.

use super::{ActionElement, Condition, Document, PrincipalElement, Principals, ResourceElement, Statement, VERSION};
use crate::json::Json;

/// The document as a JSON value, members in the order in which IAM's own pages write them.
pub(crate) fn document(document: &Document) -> Json {
    let mut members = vec![member("Version", string(VERSION))];
    if let Some(id) = &document.id {
        members.push(member("Id", string(id)));
    }
    members.push(member(
        "Statement",
        Json::Array(document.statements.iter().map(statement).collect()),
    ));
    Json::Object(members)
}

fn statement(statement: &Statement) -> Json {
    let mut members = Vec::new();
    if let Some(sid) = &statement.sid {
        members.push(member("Sid", string(sid)));
    }
    members.push(member("Effect", string(statement.effect.as_str())));
    match &statement.principal {
        Some(PrincipalElement::Principal(those)) => {
            members.push(member("Principal", principals(those)));
        }
        Some(PrincipalElement::NotPrincipal(those)) => {
            members.push(member("NotPrincipal", principals(those)));
        }
        None => {}
    }
    members.push(match &statement.action {
        ActionElement::Action(patterns) => member("Action", values(patterns)),
        ActionElement::NotAction(patterns) => member("NotAction", values(patterns)),
    });
    match &statement.resource {
        Some(ResourceElement::Resource(patterns)) => {
            members.push(member("Resource", values(patterns)));
        }
        Some(ResourceElement::NotResource(patterns)) => {
            members.push(member("NotResource", values(patterns)));
        }
        None => {}
    }
    if !statement.conditions.is_empty() {
        members.push(member("Condition", conditions(&statement.conditions)));
    }
    Json::Object(members)
}

/// Everybody is written under `AWS`: in a trust policy IAM refuses the bare `"*"`.
fn principals(principals: &Principals) -> Json {
    let mut aws = Vec::new();
    if principals.anyone {
        aws.push("*".to_owned());
    }
    aws.extend(principals.aws.iter().cloned());
    let kinds = [
        ("AWS", &aws),
        ("Service", &principals.service),
        ("Federated", &principals.federated),
        ("CanonicalUser", &principals.canonical_user),
    ];
    Json::Object(
        kinds
            .into_iter()
            .filter(|(_, list)| !list.is_empty())
            .map(|(kind, list)| member(kind, values(list)))
            .collect(),
    )
}

fn conditions(conditions: &[Condition]) -> Json {
    let mut operators: Vec<(String, Vec<(String, Json)>)> = Vec::new();
    for condition in conditions {
        let operator = condition.operator.to_string();
        let entry = member(&condition.key, values(&condition.values));
        match operators.iter_mut().find(|(other, _)| *other == operator) {
            Some((_, keys)) => keys.push(entry),
            None => operators.push((operator, vec![entry])),
        }
    }
    Json::Object(
        operators
            .into_iter()
            .map(|(operator, keys)| (operator, Json::Object(keys)))
            .collect(),
    )
}

fn member(key: &str, value: Json) -> (String, Json) {
    (key.to_owned(), value)
}

fn string(text: &str) -> Json {
    Json::String(text.to_owned())
}

fn values(values: &[String]) -> Json {
    match values {
        [only] => string(only),
        _ => Json::Array(values.iter().map(|value| string(value)).collect()),
    }
}

/// JSON without white space between its parts.
pub(crate) fn compact(json: &Json) -> String {
    let mut text = String::new();
    write(json, None, &mut text);
    text
}

/// JSON over several lines, indented by two spaces.
pub(crate) fn pretty(json: &Json) -> String {
    let mut text = String::new();
    write(json, Some(0), &mut text);
    text
}

fn write(json: &Json, depth: Option<usize>, text: &mut String) {
    match json {
        Json::Null => text.push_str("null"),
        Json::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Json::Number(number) => text.push_str(number),
        Json::String(value) => write_string(value, text),
        Json::Array(items) => {
            write_list('[', ']', items.len(), depth, text, |at, depth, text| {
                if let Some(item) = items.get(at) {
                    write(item, depth, text);
                }
            });
        }
        Json::Object(members) => {
            write_list('{', '}', members.len(), depth, text, |at, depth, text| {
                if let Some((key, value)) = members.get(at) {
                    write_string(key, text);
                    text.push_str(if depth.is_some() { ": " } else { ":" });
                    write(value, depth, text);
                }
            });
        }
    }
}

fn write_list(
    open: char,
    close: char,
    length: usize,
    depth: Option<usize>,
    text: &mut String,
    item: impl Fn(usize, Option<usize>, &mut String),
) {
    text.push(open);
    let inner = depth.map(|depth| depth + 1);
    for at in 0..length {
        if at > 0 {
            text.push(',');
        }
        break_line(inner, text);
        item(at, inner, text);
    }
    if length > 0 {
        break_line(depth, text);
    }
    text.push(close);
}

fn break_line(depth: Option<usize>, text: &mut String) {
    if let Some(depth) = depth {
        text.push('\n');
        text.push_str(&"  ".repeat(depth));
    }
}

fn write_string(value: &str, text: &mut String) {
    text.push('"');
    for character in value.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            // Beside what IAM does not take as it is, what a reader's terminal might obey or not show.
            '\u{7f}'..='\u{a0}' | '\u{ad}' => text.push_str(&format!("\\u{:04x}", u32::from(character))),
            ' '..='\u{ff}' => text.push(character),
            _ => {
                let mut units = [0; 2];
                for unit in character.encode_utf16(&mut units) {
                    text.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    text.push('"');
}
