//! The judge: a program with the code of Argo CD's Lua engine, of kstatus and of Flux, and the types of the Prometheus
//! operator (`tools/gitops`).

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use crossrole_testkit::tools::{program, workspace};
use serde::Deserialize;
use serde_json::{Value, json};

/// The kinds that have a health script.
pub const SCRIPTS: [&str; 4] = ["AccountClass", "AWSAccount", "CrossAccountRole", "AssumeRoleGrant"];

/// A file of the workspace.
pub fn read(path: &str) -> String {
    fs::read_to_string(workspace().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[derive(Debug, Deserialize)]
pub struct Verdict {
    pub status: String,
    pub message: String,
}

/// What is said of one object.
#[derive(Debug, Deserialize)]
pub struct Verdicts {
    /// Absent of what is not ours.
    pub argocd: Option<Verdict>,
    pub kstatus: Verdict,
    /// What Flux would apply.
    pub flux: Value,
}

pub struct Judge(PathBuf);

impl Judge {
    pub async fn find() -> Self {
        Self(program("gitops-judge").await.unwrap())
    }

    /// What is said of these objects, in their order.
    pub fn verdicts(&self, objects: &[Value], variables: &Value) -> Vec<Verdicts> {
        let verdicts: Vec<Verdicts> = answer(&self.judge(objects, variables));
        assert_eq!(verdicts.len(), objects.len());
        verdicts
    }

    /// Why these objects cannot be judged.
    pub fn refusal(&self, objects: &[Value], variables: &Value) -> String {
        let output = self.judge(objects, variables);
        assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// What Argo CD compares in each mode, for each pair of what is declared and what is there; null where it sees no
    /// difference.
    pub fn differences(&self, openapi: &Value, pairs: &[Value]) -> Vec<BTreeMap<String, Value>> {
        answer(&self.ask(&["diff"], &json!({"openapi": openapi, "pairs": pairs})))
    }

    /// What is wrong with each of these objects of Flux or of the Prometheus operator; empty where nothing is.
    pub fn mistakes(&self, objects: &[Value]) -> Vec<String> {
        let mistakes: Vec<String> = answer(&self.ask(&["read"], &json!({"objects": objects})));
        assert_eq!(mistakes.len(), objects.len());
        mistakes
    }

    fn judge(&self, objects: &[Value], variables: &Value) -> Output {
        let script = |kind: &&str| {
            (
                kind.to_string(),
                json!(read(&format!("gitops/argocd/{kind}/health.lua"))),
            )
        };
        let scripts: serde_json::Map<String, Value> = SCRIPTS.iter().map(script).collect();
        self.ask(
            &[],
            &json!({"scripts": scripts, "objects": objects, "variables": variables}),
        )
    }

    fn ask(&self, arguments: &[&str], request: &Value) -> Output {
        let mut child = Command::new(&self.0)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It reads everything before it writes.
        child
            .stdin
            .take()
            .unwrap()
            .write_all(request.to_string().as_bytes())
            .unwrap();
        child.wait_with_output().unwrap()
    }
}

fn answer<T: for<'a> Deserialize<'a>>(output: &Output) -> T {
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    serde_json::from_slice(&output.stdout).unwrap()
}
