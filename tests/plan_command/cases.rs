//! The golden plans.

use std::fs;
use std::path::PathBuf;

use crossrole::manifests::Manifests;
use crossrole::plan::quota::Quotas;
use crossrole::plan_command::report::Report;
use crossrole::plan_command::survey::Survey;
use crossrole_testkit::tools::workspace;
use jiff::Timestamp;

use crate::held::{self, Held};

/// The cluster of all cases, as it stands in the owner tags.
pub const CLUSTER: &str = "cluster-1";

/// The time of all cases.
pub fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn files() -> Vec<PathBuf> {
    let entries = fs::read_dir(workspace().join("tests/cases")).unwrap();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    files
}

/// The plan of a case as a person reads it.
fn plan(text: &str) -> String {
    let (manifests, held) = match held::split(text) {
        Ok(split) => split,
        Err(error) => return format!("error: {error}\n"),
    };
    report(&manifests, &held).to_string()
}

fn report(manifests: &Manifests, held: &[Held]) -> Report {
    let survey = Survey::of(manifests, None, CLUSTER, now());
    let lines = survey.items().into_iter().map(|item| {
        item.line(|item, wanted| {
            let observed = held::observed(held, item.account().unwrap_or_default(), wanted, manifests);
            item.decide(wanted, &observed, &Quotas::default())
        })
    });
    Report {
        lines: lines.collect(),
        notes: Vec::new(),
        live: !held.is_empty(),
    }
}

#[test]
fn every_case_has_the_plan_that_stands_beside_it() {
    let update = std::env::var_os("UPDATE_CASES").is_some();
    let mut wrong = Vec::new();
    for file in files() {
        let text = fs::read_to_string(&file).unwrap();
        let said = plan(&text);
        let golden = file.with_extension("plan.txt");
        if update {
            fs::write(&golden, &said).unwrap();
        } else if fs::read_to_string(&golden).unwrap_or_default() != said {
            wrong.push(format!("{}:\n{said}", golden.display()));
        }
    }
    assert!(
        wrong.is_empty(),
        "\n{}\nUPDATE_CASES=1 writes what is said now",
        wrong.join("\n")
    );
}

#[test]
fn there_are_cases_enough_and_no_plan_without_one() {
    let files = files();
    assert!(files.len() >= 40, "{}", files.len());
    let plans = fs::read_dir(workspace().join("tests/cases")).unwrap();
    for plan in plans.map(|entry| entry.unwrap().path()) {
        let name = plan.to_string_lossy().replace(".plan.txt", ".yaml");
        assert!(files.contains(&PathBuf::from(&name)), "{} has no case", plan.display());
    }
}
