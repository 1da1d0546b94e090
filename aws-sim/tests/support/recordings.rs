//! Recordings of the real service, and comparing answers with them.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value};

use super::Answer;

/// The recordings, and what was found wrong so far.
pub struct Recordings {
    tests: Vec<Value>,
    pub compared: usize,
    pub wrong: Vec<String>,
}

impl Recordings {
    pub fn open() -> Option<Self> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/aws-recorded/wire-shapes.json");
        let text = std::fs::read_to_string(file).ok()?;
        let value: Value = serde_json::from_str(&text).unwrap();
        let tests = value
            .as_array()
            .or_else(|| value["entries"].as_array())
            .unwrap()
            .clone();
        Some(Self {
            tests,
            compared: 0,
            wrong: Vec::new(),
        })
    }

    pub fn step(&mut self, test: &str, label: &str) -> Value {
        self.compared += 1;
        let found = self
            .tests
            .iter()
            .find(|entry| entry["test"].as_str().unwrap().ends_with(test));
        let steps = found.unwrap_or_else(|| panic!("no {test}"))["steps"]
            .as_array()
            .unwrap();
        let step = steps
            .iter()
            .find(|step| step["label"] == label)
            .unwrap_or_else(|| panic!("no {label} in {test}"));
        step["response"].clone()
    }

    pub fn same_members(&mut self, test: &str, label: &str, answer: &Answer) {
        let mut recorded = self.step(test, label);
        recorded.as_object_mut().unwrap().remove("ResponseMetadata");
        let body = tree(&answer.body);
        let (_, ours) = body
            .as_object()
            .unwrap()
            .iter()
            .find(|(name, _)| name.ends_with("Result"))
            .unwrap();
        compare(&recorded, ours, label, &mut self.wrong);
    }

    pub fn same_refusal(&mut self, test: &str, label: &str, answer: &Answer) {
        let recorded = self.step(test, label);
        let expected = (
            recorded["ResponseMetadata"]["HTTPStatusCode"].as_u64().unwrap(),
            recorded["Error"]["Code"].as_str().unwrap().to_owned(),
            recorded["Error"]["Message"]
                .as_str()
                .unwrap()
                .replace("<partition>", "aws"),
        );
        let actual = (
            u64::from(answer.status),
            answer.code(),
            answer.texts("Message").concat(),
        );
        if expected != actual {
            self.wrong
                .push(format!("{label}: AWS said {expected:?}, the simulator {actual:?}"));
        }
    }
}

/// The inside of the outermost element: objects for elements with children, lists for members, texts for the rest.
pub fn tree(xml: &str) -> Value {
    let (_, rest) = xml.split_once('>').unwrap();
    inside(&mut &*rest)
}

fn inside(rest: &mut &str) -> Value {
    let (mut fields, mut members, mut text) = (Map::new(), Vec::new(), String::new());
    loop {
        let (before, after) = rest.split_once('<').unwrap();
        text.push_str(before);
        let (name, after) = after.split_once('>').unwrap();
        *rest = after;
        if name.starts_with('/') {
            break;
        }
        let child = inside(rest);
        match name {
            "member" => members.push(child),
            "entry" => {
                fields.insert(child["key"].as_str().unwrap().to_owned(), child["value"].clone());
            }
            _ => {
                fields.insert(name.to_owned(), child);
            }
        }
    }
    match (fields.is_empty(), members.is_empty()) {
        (false, _) => Value::Object(fields),
        (_, false) => Value::Array(members),
        _ => Value::String(text),
    }
}

/// Notes where ours has other members than the recording.
pub fn compare(recorded: &Value, ours: &Value, place: &str, wrong: &mut Vec<String>) {
    match recorded {
        _ if place.ends_with("Document") => {}
        Value::Object(fields) if !fields.is_empty() => {
            let names = |value: &Value| {
                value
                    .as_object()
                    .map(|fields| fields.keys().cloned().collect::<BTreeSet<_>>())
            };
            if names(ours) != names(recorded) {
                wrong.push(format!(
                    "{place}: AWS has {:?}, the simulator {:?}",
                    names(recorded),
                    names(ours)
                ));
            }
            for (name, value) in fields {
                compare(value, &ours[name], &format!("{place}.{name}"), wrong);
            }
        }
        Value::Array(list) if !list.is_empty() => compare(&list[0], &ours[0], &format!("{place}[]"), wrong),
        Value::Object(_) | Value::Array(_) if ours != "" => wrong.push(format!("{place}: AWS has nothing, not {ours}")),
        _ => {}
    }
}
