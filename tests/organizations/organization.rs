//! The organisation, in a moto server.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::Mutex;

use crossrole_testkit::tools::workspace;
use serde_json::{Value, json};

use super::emulators::{Emulator, command};
use super::text;

/// Whoever makes calls: one process for all of them, as boto3 takes seconds to begin.
struct Caller {
    process: Child,
    answers: BufReader<ChildStdout>,
}

impl Caller {
    fn start(python: &Path, endpoint: &str) -> Self {
        let mut script = command(python);
        script
            .arg(workspace().join("tests/moto_organization.py"))
            .args(["call", endpoint])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = script.spawn().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        Self { process, answers }
    }

    fn call(&mut self, calls: &[(&str, Value)]) -> Vec<Value> {
        let mut line = serde_json::to_vec(calls).unwrap();
        line.push(b'\n');
        self.process.stdin.as_mut().unwrap().write_all(&line).unwrap();
        let mut answers = String::new();
        self.answers.read_line(&mut answers).unwrap();
        assert!(!answers.is_empty(), "the calls failed; why stands above");
        serde_json::from_str(&answers).unwrap()
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The organisation, in a moto server.
pub struct Organization {
    caller: Mutex<Caller>,
    pub server: Emulator,
    root: String,
    /// The ids of its units, by name.
    units: BTreeMap<String, String>,
}

impl Organization {
    pub async fn start(python: PathBuf, folder: &Path) -> Self {
        let mut serve = command(&python);
        serve.arg(workspace().join("tests/moto_organization.py")).arg("serve");
        let server = Emulator::moto_as(serve, folder).await;
        let mut organization = Self {
            caller: Mutex::new(Caller::start(&python, &server.endpoint)),
            server,
            root: String::new(),
            units: BTreeMap::new(),
        };
        let answers = organization.call(&[
            ("create_organization", json!({"FeatureSet": "ALL"})),
            ("list_roots", json!({})),
        ]);
        organization.root = text(&answers[1]["Roots"][0]["Id"]);
        for (name, parent) in [
            ("Workloads", ""),
            ("Prod", "Workloads"),
            ("Stage", "Workloads"),
            ("Sandbox", ""),
        ] {
            let parent = organization.unit(parent);
            let make = json!({"ParentId": parent, "Name": name});
            let answers = organization.call(&[("create_organizational_unit", make)]);
            let id = text(&answers[0]["OrganizationalUnit"]["Id"]);
            organization.units.insert(name.into(), id);
        }
        organization
    }

    /// Makes calls of AWS Organizations as its administrator does.
    pub fn call(&self, calls: &[(&str, Value)]) -> Vec<Value> {
        let mut caller = self.caller.lock().unwrap();
        caller.call(calls)
    }

    /// The id of a unit; the root's for no name.
    pub fn unit(&self, name: &str) -> &str {
        self.units.get(name).unwrap_or(&self.root)
    }

    /// Makes accounts in a unit. Their ids, in order.
    pub fn make(&self, unit: &str, count: usize, tags: &Value) -> Vec<String> {
        let make = |number| {
            let name = format!("{} {number}", unit.to_lowercase());
            let make = json!({"AccountName": name, "Email": format!("{number}@{unit}.example"), "Tags": tags});
            ("create_account", make)
        };
        let calls: Vec<(&str, Value)> = (0..count).map(make).collect();
        let made = self.call(&calls);
        let ids: Vec<String> = made
            .iter()
            .map(|made| text(&made["CreateAccountStatus"]["AccountId"]))
            .collect();
        self.shift(&ids, "", unit);
        ids
    }

    pub fn shift(&self, ids: &[String], from: &str, to: &str) {
        let shift = |id: &String| {
            let place =
                json!({"AccountId": id, "SourceParentId": self.unit(from), "DestinationParentId": self.unit(to)});
            ("move_account", place)
        };
        if self.unit(from) != self.unit(to) {
            self.call(&ids.iter().map(shift).collect::<Vec<_>>());
        }
    }

    pub fn each(&self, operation: &str, ids: &[String]) {
        let calls = ids.iter().map(|id| (operation, json!({"AccountId": id})));
        self.call(&calls.collect::<Vec<_>>());
    }

    /// What the account itself does, or AWS.
    pub fn set(&self, wanted: Value) {
        self.call(&[("/organization/set", wanted)]);
    }

    /// How often each operation was called.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        let mut answers = self.call(&[("/organization/calls", json!({}))]);
        serde_json::from_value(answers.remove(0)).unwrap()
    }

    /// How often each operation was called since.
    pub fn calls_since(&self, before: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
        let mut calls = self.calls();
        for (operation, count) in &mut calls {
            *count -= before.get(operation).copied().unwrap_or_default();
        }
        calls.retain(|_, count| *count > 0);
        calls
    }
}
