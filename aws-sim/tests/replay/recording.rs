//! The recordings, and holding answers against them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

use super::support::{Answer, Aws, Keys};
use super::tree::tree;

pub const ACCOUNT: &str = "111111111111";

/// All recordings, and how far they have been played.
pub struct Replay {
    tests: Vec<Value>,
    played: BTreeSet<(String, String)>,
    left_out: usize,
    pub wrong: Vec<String>,
}

impl Replay {
    pub fn open() -> Option<Self> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/aws-recorded/wire-shapes.json");
        let Ok(text) = std::fs::read_to_string(&file) else {
            eprintln!("no recordings at {}: nothing compared", file.display());
            return None;
        };
        let value: Value = serde_json::from_str(&text).unwrap();
        Some(Self {
            tests: value.as_array().unwrap().clone(),
            played: BTreeSet::new(),
            left_out: 0,
            wrong: Vec::new(),
        })
    }

    /// Begins to play the recorded test whose name ends so, in an account of its own.
    pub fn test(&mut self, name: &str) -> Scene<'_> {
        let (aws, root) = Aws::with_account(ACCOUNT);
        let recorded = self.find(name);
        Scene {
            aws,
            root,
            recorded,
            bound: BTreeMap::new(),
            replay: self,
        }
    }

    fn find(&self, name: &str) -> Value {
        let found = self
            .tests
            .iter()
            .find(|entry| entry["test"].as_str().unwrap().ends_with(name));
        found.unwrap_or_else(|| panic!("no {name}")).clone()
    }

    fn steps(&self) -> impl Iterator<Item = (String, String)> + '_ {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        self.tests.iter().flat_map(move |entry| {
            let steps = entry["steps"].as_array().unwrap();
            steps
                .iter()
                .map(move |step| (text(&entry["test"]), text(&step["label"])))
        })
    }

    pub fn leave_out(&mut self, test: &str, label: &str) {
        let full = self.find(test)["test"].as_str().unwrap().to_owned();
        assert!(
            self.played.insert((full, label.to_owned())),
            "{test} {label} was played"
        );
        self.left_out += 1;
    }

    /// Recorded answers that were given again, and how many there are.
    pub fn agreed(&self) -> (usize, usize) {
        (
            self.played.len() - self.left_out - self.wrong.len(),
            self.steps().count(),
        )
    }

    pub fn unplayed(&self) -> Vec<String> {
        self.steps()
            .filter(|step| !self.played.contains(step))
            .map(|(test, label)| format!("{test} {label}"))
            .collect()
    }
}

/// One recorded test being played.
pub struct Scene<'a> {
    pub aws: Aws,
    pub root: Keys,
    recorded: Value,
    /// What the placeholders of the recording stand for here.
    bound: BTreeMap<String, String>,
    replay: &'a mut Replay,
}

impl Scene<'_> {
    /// A call that the recording made without keeping its answer.
    pub fn quiet(&self, action: &str, parameters: &[(&str, &str)]) -> Answer {
        self.aws.iam(&self.root, action, parameters).ok()
    }

    /// A call of IAM whose answer was recorded.
    pub fn iam(&mut self, label: &str, action: &str, parameters: &[(&str, &str)]) -> Answer {
        let answer = self.aws.iam(&self.root, action, parameters);
        self.compare(label, &answer);
        answer
    }

    /// Holds an answer against the recorded one.
    pub fn compare(&mut self, label: &str, answer: &Answer) {
        let body = tree(&answer.body);
        let fields = body.as_object().unwrap();
        let result = fields.iter().find(|(name, _)| name.ends_with("Result"));
        let ours = match (fields.get("Error"), result) {
            (Some(error), _) => {
                json!({"Error": error, "ResponseMetadata": {"HTTPStatusCode": answer.status.to_string()}})
            }
            (None, Some((_, result))) => result.clone(),
            (None, None) => json!(""),
        };
        self.compare_value(label, &ours);
    }

    /// Holds something that was made of answers against what the recording made of them.
    pub fn compare_value(&mut self, label: &str, ours: &Value) {
        let steps = self.recorded["steps"].as_array().unwrap();
        let step = steps.iter().find(|step| step["label"] == label);
        let mut expected = step.unwrap_or_else(|| panic!("no step {label}"))["response"].clone();
        if let Some(fields) = expected.as_object_mut() {
            if fields.contains_key("Error") {
                fields["ResponseMetadata"]
                    .as_object_mut()
                    .unwrap()
                    .remove("HTTPHeaders");
            } else {
                fields.remove("ResponseMetadata");
            }
        }
        let test = self.recorded["test"].as_str().unwrap().to_owned();
        if let Err(difference) = self.same(&expected, ours, label) {
            self.replay.wrong.push(format!("{test}: {difference}"));
        }
        let first = self.replay.played.insert((test, label.to_owned()));
        assert!(first, "{label} was played twice");
    }

    fn same(&mut self, recorded: &Value, ours: &Value, place: &str) -> Result<(), String> {
        let differs = || Err(format!("{place}: AWS has {recorded}, the simulator {ours}"));
        let field = place.rsplit('.').next().unwrap_or_default();
        match recorded {
            _ if field.ends_with("Document") => {
                let text = percent_encoding::percent_decode_str(ours.as_str().unwrap_or_default());
                let document: Value = serde_json::from_str(&text.decode_utf8_lossy()).unwrap_or_default();
                if *recorded == document { Ok(()) } else { differs() }
            }
            Value::Object(fields) if fields.is_empty() => {
                if ours == "" {
                    Ok(())
                } else {
                    differs()
                }
            }
            Value::Array(list) if list.is_empty() => {
                if ours == "" {
                    Ok(())
                } else {
                    differs()
                }
            }
            Value::Object(fields) => {
                let Some(held) = ours.as_object() else { return differs() };
                let names = |fields: &serde_json::Map<String, Value>| fields.keys().cloned().collect::<BTreeSet<_>>();
                if names(held) != names(fields) {
                    return differs();
                }
                fields
                    .iter()
                    .try_for_each(|(name, value)| self.same(value, &held[name], &format!("{place}.{name}")))
            }
            Value::Array(list) => match ours.as_array() {
                Some(held) if held.len() == list.len() => list
                    .iter()
                    .zip(held)
                    .try_for_each(|(value, held)| self.same(value, held, place)),
                _ => differs(),
            },
            // The recording has words for numbers that hang on the account.
            Value::String(_) if place.contains(".SummaryMap.") => match ours.as_str().map(str::parse::<u64>) {
                Some(Ok(_)) => Ok(()),
                _ => differs(),
            },
            Value::String(text) => match ours.as_str() {
                Some(held) if self.fits(text, held) => Ok(()),
                _ => differs(),
            },
            other => {
                if ours.as_str() == Some(&other.to_string()) {
                    Ok(())
                } else {
                    differs()
                }
            }
        }
    }

    /// Whether a text is what the recording has, once its placeholders are filled in. A placeholder that comes up first
    /// takes what stands in its place.
    fn fits(&mut self, recorded: &str, ours: &str) -> bool {
        let (mut recorded, mut ours) = (recorded, ours);
        while let Some((before, name, after)) = placeholder(recorded) {
            let Some(rest) = ours.strip_prefix(before) else {
                return false;
            };
            let fixed = match name {
                "partition" => Some("aws".to_owned()),
                _ => self.bound.get(name).cloned(),
            };
            let value = match fixed {
                Some(value) => value,
                None => {
                    let literal = after.split('<').next().unwrap_or_default();
                    let end = if literal.is_empty() && !after.is_empty() {
                        rest.rfind('/').map(|at| at + 1)
                    } else if literal.is_empty() {
                        Some(rest.len())
                    } else {
                        rest.find(literal)
                    };
                    rest[..end.unwrap_or(rest.len())].to_owned()
                }
            };
            let Some(rest) = rest.strip_prefix(value.as_str()) else {
                return false;
            };
            if !matches!(name, "datetime" | "uuid" | "partition") {
                self.bound.insert(name.to_owned(), value);
            }
            (recorded, ours) = (after, rest);
        }
        recorded == ours
    }
}

fn placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('<')?;
    let (name, after) = rest.split_once('>')?;
    Some((before, name, after))
}
