//! Values that a CRD's schema takes, made and changed by walking it; and values that it refuses.

use std::fs;
use std::path::Path;

use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::text;
use super::values::{self, Shape};

/// The schema of a kind's spec, as the CRD in `crds/` has it.
pub fn of_spec(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds").join(file);
    let crd: Value = serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let spec = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    assert_eq!(spec["type"], "object", "{file} has a schema");
    spec.clone()
}

/// Makes a value. `path` is where it stands, for the table of useful values.
pub fn make(schema: &Value, path: &str, rng: &mut Rng) -> Value {
    if let Some(useful) = values::useful(path, rng) {
        return useful;
    }
    if let Some(words) = schema["enum"].as_array() {
        return words[rng.usize(..words.len())].clone();
    }
    match schema["type"].as_str() {
        Some("object") if schema["properties"].is_object() => make_object(schema, path, rng),
        Some("object") => make_map(schema, path, rng),
        Some("array") => {
            let least = bound(schema, "minItems", 0);
            let most = bound(schema, "maxItems", 3).min(least + 2);
            let items = (0..rng.usize(least..=most)).map(|_| make(&schema["items"], &format!("{path}[]"), rng));
            unique(schema, items.collect())
        }
        Some("boolean") => json!(rng.bool()),
        Some("integer") => json!(rng.u8(..)),
        Some("string") => json!(text::make(schema, rng)),
        other => panic!("{path} is of type {other:?}"),
    }
}

fn make_object(schema: &Value, path: &str, rng: &mut Rng) -> Value {
    let properties = schema["properties"].as_object().unwrap();
    if let Shape::OneOf(beside) = values::shape(path) {
        let ways: Vec<&String> = properties.keys().filter(|name| *name != beside).collect();
        let way = ways[rng.usize(..ways.len())];
        return json!({way: make(&properties[way], &format!("{path}.{way}"), rng)});
    }
    let required: Vec<&str> = names(&schema["required"]);
    let least = bound(schema, "minProperties", 0);
    let mut made = Map::new();
    for (name, inner) in properties {
        if required.contains(&name.as_str()) || rng.u8(..5) == 0 {
            made.insert(name.clone(), make(inner, &format!("{path}.{name}"), rng));
        }
    }
    while made.len() < least {
        let (name, inner) = properties.iter().nth(rng.usize(..properties.len())).unwrap();
        made.insert(name.clone(), make(inner, &format!("{path}.{name}"), rng));
    }
    Value::Object(made)
}

fn make_map(schema: &Value, path: &str, rng: &mut Rng) -> Value {
    let most = bound(schema, "maxProperties", 2).min(2);
    let mut made = Map::new();
    if schema["additionalProperties"].is_object() {
        for _ in 0..rng.usize(..=most) {
            let key = values::key(path, rng);
            made.insert(key, make(&schema["additionalProperties"], &format!("{path}{{}}"), rng));
        }
    }
    Value::Object(made)
}

/// Changes one property of a value, and says which.
pub fn change(schema: &Value, path: &str, value: &mut Value, rng: &mut Rng) -> String {
    let before = value.clone();
    for _ in 0..20 {
        let site = change_once(schema, path, value, rng);
        if *value != before {
            return site;
        }
    }
    "nothing".into()
}

fn change_once(schema: &Value, path: &str, value: &mut Value, rng: &mut Rng) -> String {
    let walked = match schema["type"].as_str() {
        Some("object") if schema["properties"].is_object() => {
            matches!(values::shape(path), Shape::Any | Shape::Parts)
        }
        Some("array") => value.as_array().is_some_and(|items| !items.is_empty()) && rng.u8(..8) > 0,
        Some("object") => schema["additionalProperties"].is_object() && rng.u8(..8) > 0,
        _ => false,
    };
    if !walked {
        *value = make(schema, path, rng);
        return path.to_string();
    }
    match value {
        Value::Object(members) if schema["properties"].is_object() => change_member(schema, path, members, rng),
        Value::Object(members) => {
            let key = values::key(path, rng);
            if members.remove(&key).is_none() || rng.bool() {
                let item = make(&schema["additionalProperties"], &format!("{path}{{}}"), rng);
                members.insert(key.clone(), item);
            }
            format!("{path}{{{key}}}")
        }
        Value::Array(items) => {
            let at = format!("{path}[]");
            let index = rng.usize(..items.len());
            match rng.u8(..4) {
                0 => items.push(make(&schema["items"], &at, rng)),
                1 if items.len() > bound(schema, "minItems", 0) => drop(items.remove(index)),
                _ => return change_in(schema, value, &at, index, rng),
            }
            *value = unique(schema, std::mem::take(items));
            at
        }
        other => panic!("{path} is {other}"),
    }
}

fn change_in(schema: &Value, list: &mut Value, at: &str, index: usize, rng: &mut Rng) -> String {
    let site = change_once(&schema["items"], at, &mut list[index], rng);
    let Value::Array(items) = list.take() else { return site };
    *list = unique(schema, items);
    site
}

fn change_member(schema: &Value, path: &str, members: &mut Map<String, Value>, rng: &mut Rng) -> String {
    let properties = schema["properties"].as_object().unwrap();
    let mut chances: Vec<&String> = Vec::new();
    for name in properties.keys() {
        let weight = values::weight(&format!("{path}.{name}"));
        chances.extend((0..weight).map(|_| name));
    }
    let name = chances[rng.usize(..chances.len())];
    let (inner, at) = (&properties[name], format!("{path}.{name}"));
    let required = names(&schema["required"]).contains(&name.as_str());
    let dispensable = !required && members.len() > bound(schema, "minProperties", 0);
    match members.get_mut(name) {
        None => drop(members.insert(name.clone(), make(inner, &at, rng))),
        Some(_) if dispensable && rng.u8(..4) == 0 => drop(members.remove(name)),
        Some(known) if values::shape(&at) == Shape::Parts || rng.u8(..3) > 0 => {
            return change_once(inner, &at, known, rng);
        }
        Some(known) => *known = make(inner, &at, rng),
    }
    at
}

/// Breaks one bound of the schema, and says which. An API server refuses the value.
pub fn breach(schema: &Value, path: &str, value: &mut Value, rng: &mut Rng) -> String {
    let mut ways = Vec::new();
    breaches(schema, path, String::new(), value, &mut ways);
    let (site, pointer, broken) = ways.swap_remove(rng.usize(..ways.len()));
    *value.pointer_mut(&pointer).unwrap() = broken;
    site
}

/// Each way to break a bound: in words, where, and with which value instead.
fn breaches(schema: &Value, path: &str, pointer: String, value: &Value, ways: &mut Vec<(String, String, Value)>) {
    let mut way = |what: &str, broken: Value| ways.push((format!("{path}: {what}"), pointer.clone(), broken));
    match value {
        Value::String(_) => {
            way("a number", json!(7));
            if schema["enum"].is_array() {
                way("a word that nobody knows", json!("Perhaps"));
            }
            if let Some(most) = schema["maxLength"].as_u64() {
                way("too long", json!("x".repeat(most as usize + 1)));
            }
            if bound(schema, "minLength", 0) > 0 {
                way("empty", json!(""));
            }
            if schema["pattern"].is_string() {
                way("not as the pattern says", json!("\u{1F512} \u{2192}"));
            }
        }
        Value::Array(items) => {
            way("a text", json!("all"));
            if let (Some(most), Some(first)) = (schema["maxItems"].as_u64(), items.first()) {
                way("too many", json!(vec![first; most as usize + 1]));
                if schema["x-kubernetes-list-type"] == "set" {
                    way("one of them twice", json!([first, first]));
                }
            }
            if bound(schema, "minItems", 0) > 0 {
                way("none", json!([]));
            }
            for (index, item) in items.iter().enumerate() {
                breaches(
                    &schema["items"],
                    &format!("{path}[]"),
                    format!("{pointer}/{index}"),
                    item,
                    ways,
                );
            }
        }
        Value::Object(members) => {
            way("a list", json!([]));
            if bound(schema, "minProperties", 0) > 0 {
                way("nothing", json!({}));
            }
            for name in names(&schema["required"]) {
                let mut without = value.clone();
                without.as_object_mut().unwrap().remove(name);
                way(&format!("without {name}"), without);
            }
            for (name, inner) in members {
                let schema = &schema["properties"][name];
                if schema.is_object() {
                    breaches(
                        schema,
                        &format!("{path}.{name}"),
                        format!("{pointer}/{name}"),
                        inner,
                        ways,
                    );
                }
            }
        }
        Value::Bool(_) => way("a text", json!("yes")),
        _ => {}
    }
}

/// A list without what its kind of list may not hold twice.
fn unique(schema: &Value, items: Vec<Value>) -> Value {
    let mut kept: Vec<Value> = Vec::new();
    for item in items {
        let twice = match schema["x-kubernetes-list-type"].as_str() {
            Some("set") => kept.contains(&item),
            Some("map") => kept.iter().any(|other| other["name"] == item["name"]),
            _ => false,
        };
        if !twice {
            kept.push(item);
        }
    }
    kept.truncate(bound(schema, "maxItems", usize::MAX));
    Value::Array(kept)
}

fn bound(schema: &Value, name: &str, otherwise: usize) -> usize {
    schema[name].as_u64().map_or(otherwise, |bound| bound as usize)
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}
