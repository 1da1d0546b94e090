//! The arrows between the parts point one way.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// Lines of code below a folder that name something, comments left out.
fn naming(folder: &str, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for path in sources(&root().join(folder)) {
        for (number, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if words.iter().any(|word| code.contains(word)) {
                found.push(format!(
                    "{}:{}: {}",
                    path.strip_prefix(root()).unwrap().display(),
                    number + 1,
                    line.trim()
                ));
            }
        }
    }
    found
}

#[test]
fn what_is_pure_names_no_client_clock_or_runtime() {
    let words = [
        "kube::Client",
        "aws_sdk",
        "aws_config",
        "tokio",
        "SystemTime::now",
        "Instant::now",
        "Timestamp::now",
        "fastrand",
    ];
    for folder in ["api/src", "iam/src", "plan/src"] {
        assert_eq!(naming(folder, &words), Vec::<String>::new());
    }
}

#[test]
fn aws_never_sees_kubernetes_and_alone_names_the_sdk() {
    assert_eq!(
        naming("src/aws", &["kube::", "k8s_openapi", "crossrole_api::AWSAccount"]),
        Vec::<String>::new()
    );
    let elsewhere: Vec<String> = naming("src", &["aws_sdk", "aws_config"])
        .into_iter()
        .filter(|place| !place.starts_with("src/aws/"))
        .collect();
    assert_eq!(elsewhere, Vec::<String>::new());
}

#[test]
fn the_simulator_shares_no_code_with_what_it_judges() {
    let manifest = fs::read_to_string(root().join("aws-sim/Cargo.toml")).unwrap();
    assert!(!manifest.contains("crossrole"), "{manifest}");
    let shipped = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let dependencies = shipped
        .split("[dependencies]")
        .nth(1)
        .unwrap()
        .split("[dev-dependencies]")
        .next()
        .unwrap();
    assert!(
        !dependencies.contains("aws-sim") && !dependencies.contains("testkit"),
        "{dependencies}"
    );
}

#[test]
fn no_file_outgrows_its_noun() {
    let mut long = Vec::new();
    for folder in ["api", "iam", "plan", "aws-sim", "testkit", "src", "tests"] {
        for path in sources(&root().join(folder)) {
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            if lines > 450 {
                long.push(format!("{}: {lines}", path.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert_eq!(long, Vec::<String>::new());
}
