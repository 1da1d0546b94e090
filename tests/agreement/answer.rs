//! What an answer means: its code, or its result without what must differ from one judge to the other.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// An answer, read.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    /// `OK` or the error's code.
    pub code: String,
    /// The whole result, as a tree of texts.
    pub result: Value,
}

/// Names of elements that say the same in other words with each judge, and at each time.
const NO_MATTER: [&str; 12] = [
    "AccessKeyId",
    "CreateDate",
    "Expiration",
    "Marker",
    "PackedPolicySize",
    "ResponseMetadata",
    "RoleLastUsed",
    "SecretAccessKey",
    "SessionToken",
    "UpdateDate",
    "AssumedRoleId",
    "UserId",
];

impl Answer {
    pub fn read(status: u16, body: &str) -> Self {
        let tree = tree(body);
        let find = |name: &str| find(&tree, name).cloned();
        let code = match find("Code").as_ref().and_then(Value::as_str) {
            Some(code) if status != 200 => code.to_owned(),
            _ if status == 200 => "OK".to_owned(),
            _ => "no code".to_owned(),
        };
        let result = tree.as_object().into_iter().flatten();
        let mut result = result
            .filter(|(name, _)| name.ends_with("Result"))
            .map(|(_, result)| result.clone());
        Self {
            status,
            code,
            result: result.next().unwrap_or_default(),
        }
    }

    /// The first text under an element of that name.
    pub fn text(&self, name: &str) -> Option<&str> {
        find(&self.result, name)?.as_str()
    }

    /// Where another answer means something else. Only the parts about the things of `scenario` count: other things may be
    /// there as well.
    pub fn differences(&self, other: &Self, scenario: &str) -> Vec<String> {
        if (self.status, &self.code) != (other.status, &other.code) {
            let word = |answer: &Self| format!("{} {}", answer.status, answer.code);
            return vec![format!("{}, not {}", word(other), word(self))];
        }
        let mut found = Vec::new();
        if self.code == "OK" {
            let (ours, theirs) = (
                meaning(&self.result, "", scenario),
                meaning(&other.result, "", scenario),
            );
            places(&ours, &theirs, "", &mut found);
        }
        found.dedup();
        found
    }
}

/// The places in which two results differ.
fn places(ours: &Value, theirs: &Value, at: &str, found: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            let names: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
            for name in names {
                let below = if at.is_empty() {
                    name.clone()
                } else {
                    format!("{at}.{name}")
                };
                match (ours.get(name), theirs.get(name)) {
                    (Some(ours), Some(theirs)) if name.ends_with("Document") => {
                        found.extend((ours != theirs).then_some(below));
                    }
                    (Some(ours), Some(theirs)) => places(ours, theirs, &below, found),
                    (Some(_), None) => found.push(format!("{below} is missing")),
                    (None, _) => found.push(format!("{below} is too much")),
                }
            }
        }
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
            for (ours, theirs) in ours.iter().zip(theirs) {
                places(ours, theirs, at, found);
            }
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            let word = if theirs.len() < ours.len() { "shorter" } else { "longer" };
            found.push(format!("{at} is {word}"));
        }
        _ => found.extend((ours != theirs).then(|| at.to_owned())),
    }
}

/// The meaning of a result: without ids, times and empty elements, lists in order, documents in one form.
fn meaning(value: &Value, name: &str, scenario: &str) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(name, _)| !NO_MATTER.contains(&name.as_str()));
            let fields =
                fields.filter(|(name, _)| !name.ends_with("Id") || *name == "VersionId" || *name == "DefaultVersionId");
            let fields = fields.map(|(name, value)| (name.clone(), meaning(value, name, scenario)));
            let whole = |value: &Value| *value != json!("") && *value != json!([]) && *value != json!({});
            Value::Object(fields.filter(|(_, value)| whole(value)).collect())
        }
        Value::Array(list) => {
            let own =
                |item: &&Value| !item.is_object() || item.get("Key").is_some() || item.to_string().contains(scenario);
            // Versions and attached policies of AWS name no scenario.
            let all = matches!(
                name,
                "Versions" | "PolicyVersionList" | "AttachedPolicies" | "AttachedManagedPolicies"
            );
            let kept = list.iter().filter(|item| all || own(item));
            let mut list: Vec<_> = kept.map(|item| meaning(item, "", scenario)).collect();
            list.sort_by_key(identity);
            Value::Array(list)
        }
        Value::String(text) if name.ends_with("Document") => document(text),
        other => other.clone(),
    }
}

/// What tells the items of a list apart, whatever else they hold.
fn identity(item: &Value) -> String {
    let names = ["VersionId", "RoleName", "PolicyName", "InstanceProfileName", "Key"];
    let named = names.iter().find_map(|name| item.get(name)?.as_str());
    named.map_or_else(|| item.to_string(), str::to_owned)
}

fn document(text: &str) -> Value {
    let decoded = percent_decoded(text);
    match serde_json::from_str::<Value>(&decoded) {
        Ok(document) => canonical(&document, ""),
        Err(_) => Value::String(decoded),
    }
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after
            .get(..2)
            .and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match (first, hex) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// One form for all that mean the same: texts as lists, lists in order, account ids as `root` ARNs.
fn canonical(value: &Value, key: &str) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| {
                let value = canonical(value, key);
                let alone = key == "Statement" && value.is_object();
                (key.clone(), if alone { json!([value]) } else { value })
            })
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(list) => {
            let mut list: Vec<_> = list.iter().map(|item| canonical(item, "item")).collect();
            list.sort_by_key(Value::to_string);
            Value::Array(list)
        }
        Value::String(text) if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            let root = json!(format!("arn:aws:iam::{text}:root"));
            if key == "item" { root } else { json!([root]) }
        }
        one if ["item", "Effect", "Version", "Sid"].contains(&key) => one.clone(),
        one => json!([one]),
    }
}

fn find<'a>(tree: &'a Value, name: &str) -> Option<&'a Value> {
    match tree {
        Value::Object(fields) => fields
            .get(name)
            .or_else(|| fields.values().find_map(|value| find(value, name))),
        Value::Array(list) => list.iter().find_map(|value| find(value, name)),
        _ => None,
    }
}

/// The inside of the outermost element: objects for elements with children, lists for members, texts for the rest.
fn tree(xml: &str) -> Value {
    let mut rest = xml;
    // Declarations and comments come before it.
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if !rest.starts_with(['?', '!']) {
            break;
        }
    }
    match rest.split_once('>') {
        Some((head, _)) if head.ends_with('/') => json!(""),
        Some((_, inside_of)) => inside(&mut &*inside_of),
        None => json!(""),
    }
}

fn inside(rest: &mut &str) -> Value {
    let (mut fields, mut members, mut text) = (Map::new(), Vec::new(), String::new());
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(before);
        let Some((tag, after)) = after.split_once('>') else {
            break;
        };
        *rest = after;
        if tag.starts_with('/') {
            break;
        }
        let name = tag.split([' ', '/']).next().unwrap_or_default();
        let child = if tag.ends_with('/') { json!("") } else { inside(rest) };
        match name {
            "member" => members.push(child),
            _ => drop(fields.insert(name.to_owned(), child)),
        }
    }
    match (fields.is_empty(), members.is_empty()) {
        (false, _) => Value::Object(fields),
        (_, false) => Value::Array(members),
        _ => {
            let text = text.trim();
            let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
            Value::String(
                text.replace("&#34;", "\"")
                    .replace("&#39;", "'")
                    .replace("&apos;", "'")
                    .replace("&amp;", "&"),
            )
        }
    }
}
