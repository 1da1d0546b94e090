//! `crossrole bootstrap`: what it prints is what the tests run with, what others take for right, and what they make the
//! same bootstrap role of.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/emulators.rs"]
mod emulators;
#[path = "support/python.rs"]
mod python;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use crossrole_testkit::Simulator;
use crossrole_testkit::scene::{EXTERNAL_ID, bootstrap_document};
use crossrole_testkit::tools::workspace;
use emulators::{Emulator, Folder};
use python::{python_with, say, succeeded};
use serde_json::{Value, json};

const OPERATOR: &str = "arn:aws:iam::111111111111:role/crossrole-operator";
const PROD: &str = "222222222222";

/// Runs the command with the flags that examples/bootstrap was printed with, and these.
fn bootstrap(format: &str, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crossrole"));
    command.args([
        "bootstrap",
        "--format",
        format,
        "--operator-role",
        OPERATOR,
        "--pod-identity",
    ]);
    command.args(more).current_dir(workspace()).env_clear();
    command.output().unwrap()
}

const QUICKSTART: [&str; 4] = ["--class", "standard", "-f", "examples/quickstart"];

fn printed(format: &str, more: &[&str]) -> String {
    let more: Vec<&str> = QUICKSTART.iter().chain(more).copied().collect();
    String::from_utf8(succeeded(bootstrap(format, &more))).unwrap()
}

/// The files of a folder.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let read = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read_to_string(entry.path()).unwrap())
    };
    entries.map(read).collect()
}

/// Installed once, for all tests of this process.
fn python() -> Option<PathBuf> {
    static PYTHON: OnceLock<Option<PathBuf>> = OnceLock::new();
    let requirements = workspace().join("tests/bootstrap-kit-requirements.txt");
    PYTHON
        .get_or_init(|| python_with("bootstrap_kit", &requirements))
        .clone()
}

/// Runs tests/bootstrap_kit.py.
fn asked(python: &Path, folder: &Path, arguments: &[&str]) -> String {
    let mut command = emulators::command(python);
    command.arg(workspace().join("tests/bootstrap_kit.py"));
    command.args(arguments).current_dir(folder);
    String::from_utf8(succeeded(command.output().unwrap())).unwrap()
}

#[test]
fn the_example_files_are_what_it_prints() {
    for (class, manifests, examples) in [
        ("standard", "examples/quickstart", "examples/bootstrap"),
        ("identity", "examples/grants", "examples/grants/bootstrap"),
    ] {
        let folder = Folder::new(&format!("kit-files-{class}"));
        let place = folder.0.display().to_string();
        let output = bootstrap("files", &["--class", class, "-f", manifests, "--output-dir", &place]);
        succeeded(output);
        let expected = files(&workspace().join(examples));
        assert_eq!(files(&folder.0), expected, "run make generate");
    }
}

#[test]
fn every_format_has_the_grant_role_of_a_class_with_grants() {
    let groups = "arn:aws:iam::*:group/SecAuditors";
    for format in ["cloudformation", "stackset", "terraform", "cli"] {
        let printed = |class: &str, manifests: &str| {
            let output = bootstrap(format, &["--class", class, "-f", manifests]);
            String::from_utf8(succeeded(output)).unwrap()
        };
        let with = printed("identity", "examples/grants");
        assert!(
            with.contains("crossrole-grants") && with.contains(groups),
            "{format}: {with}"
        );
        let without = printed("standard", "examples/quickstart");
        assert!(!without.contains("crossrole-grants"), "{format}: {without}");
    }
}

#[test]
fn an_account_without_an_external_id_gets_a_new_one_in_both_places() {
    let manifests = fs::read_to_string(workspace().join("examples/quickstart/accounts.yaml")).unwrap();
    let folder = Folder::new("kit-ids");
    let path = folder.0.join("accounts.yaml");
    fs::write(&path, manifests.replace(&format!("externalId: {EXTERNAL_ID}"), "")).unwrap();
    let path = path.display().to_string();
    let ids = || -> Vec<String> {
        let class = "examples/quickstart/class.yaml";
        let output = bootstrap("cli", &["--class", "standard", "-f", class, &path]);
        let text = String::from_utf8(succeeded(output)).unwrap();
        let after = |mark: &str, end: char| -> Vec<String> {
            let found = text.split(mark).skip(1);
            found.map(|rest| rest.split(end).next().unwrap().to_owned()).collect()
        };
        let ids = after(") external_id='", '\'');
        assert_eq!(after("\"externalId\": \"", '"'), ids, "{text}");
        ids
    };
    let (first, second) = (ids(), ids());
    let mut all = [first, second].concat();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 4, "two accounts, twice: {all:?}");
    for id in all {
        assert!(
            id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{id}"
        );
    }
}

#[test]
fn what_cannot_be_printed_says_why_and_ends_with_one() {
    let other = "arn:aws-cn:iam::111111111111:role/o";
    let quickstart = |more: &[&'static str]| -> Vec<&'static str> { QUICKSTART.iter().chain(more).copied().collect() };
    for (arguments, expected) in [
        (
            vec!["--class", "gold", "-f", "examples/quickstart"],
            "there is no AccountClass gold",
        ),
        (
            quickstart(&["--account", "nobody"]),
            "AWSAccount nobody is not in these files",
        ),
        (
            quickstart(&["--boundary-document", "examples/bootstrap/trust-prod.json"]),
            "trust-prod.json: Statement[0]",
        ),
    ] {
        let output = bootstrap("cli", &arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(expected), "{said}");
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_crossrole"));
    command
        .args(["bootstrap", "--format", "cli", "--operator-role", other])
        .args(QUICKSTART);
    let said = String::from_utf8(command.current_dir(workspace()).output().unwrap().stderr).unwrap();
    assert!(said.contains("one operator serves one partition"), "{said}");
}

#[test]
#[ignore = "installs cfn-lint, moto and the AWS CLI: make kit"]
fn cfn_lint_has_nothing_to_say() {
    let Some(python) = python() else { return };
    let folder = Folder::new("kit-lint");
    let mut names = Vec::new();
    for (name, format, more) in [
        ("one.yaml", "cloudformation", vec!["--account", "prod"]),
        ("all.yaml", "cloudformation", vec!["--organization", "o-a1b2c3d4e5"]),
        ("set.yaml", "stackset", Vec::new()),
        ("no-boundary.yaml", "cloudformation", vec!["--boundary-exists"]),
    ] {
        fs::write(folder.0.join(name), printed(format, &more)).unwrap();
        names.push(name);
    }
    let arguments: Vec<&str> = std::iter::once("lint").chain(names).collect();
    assert_eq!(asked(&python, &folder.0, &arguments), "");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "installs cfn-lint, moto and the AWS CLI: make kit"]
async fn a_stack_of_the_template_is_the_role_that_the_tests_run_with() {
    let Some(python) = python() else { return };
    let folder = Folder::new("kit-stack");
    fs::write(
        folder.0.join("one.yaml"),
        printed("cloudformation", &["--account", "prod"]),
    )
    .unwrap();
    fs::write(folder.0.join("all.yaml"), printed("cloudformation", &[])).unwrap();
    let moto = Emulator::moto(&python, &folder.0).await;
    let made = |file: &str, more: &[&str]| -> Value {
        let arguments: Vec<&str> = ["stack", file, &moto.endpoint].iter().chain(more).copied().collect();
        serde_json::from_str(&asked(&python, &folder.0, &arguments)).unwrap()
    };
    let expected = json!({
        "path": "/",
        "trust": bootstrap_document("trust-prod.json").unwrap(),
        "inline": {"crossrole": bootstrap_document("permissions.json").unwrap()},
    });
    let boundary = bootstrap_document("boundary.json").unwrap();
    let one = made("one.yaml", &[PROD]);
    assert_eq!(one["roles"], json!({"crossrole-bootstrap": expected}));
    assert_eq!(
        one["policies"],
        json!({format!("arn:aws:iam::{PROD}:policy/crossrole-boundary"): boundary})
    );
    // Of several accounts, each must say which external id is its own.
    let other = made("all.yaml", &["333333333333", EXTERNAL_ID]);
    assert_eq!(other["roles"], json!({"crossrole-bootstrap": expected}));
    assert_eq!(made("all.yaml", &["555555555555"])["roles"], json!({}));
}

#[test]
#[ignore = "installs cfn-lint, moto and the AWS CLI: make kit"]
fn the_terraform_module_holds_the_same_documents() {
    let Some(python) = python() else { return };
    let folder = Folder::new("kit-module");
    let file = folder.0.join("main.tf");
    fs::write(&file, printed("terraform", &[])).unwrap();
    let parsed: Value = serde_json::from_str(&asked(&python, &folder.0, &["module", "main.tf"])).unwrap();
    assert_eq!(
        parsed["external_ids"],
        json!({PROD: EXTERNAL_ID, "333333333333": EXTERNAL_ID})
    );
    let mut trust = bootstrap_document("trust-prod.json").unwrap();
    trust["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"] =
        json!("${local.external_ids[data.aws_caller_identity.current.account_id]}");
    assert_eq!(parsed["aws_iam_role"]["assume_role_policy"], trust);
    let of = |file: &str| bootstrap_document(file).unwrap();
    assert_eq!(parsed["aws_iam_role_policy"]["policy"], of("permissions.json"));
    assert_eq!(parsed["aws_iam_policy"]["policy"], of("boundary.json"));
    match Command::new("terraform")
        .args(["fmt", "-check", "-diff"])
        .arg(&file)
        .output()
    {
        Ok(output) => drop(succeeded(output)),
        Err(_) => say(
            "bootstrap_kit",
            "SKIPPED: terraform is missing, so it was not asked about the module's form",
        ),
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "installs cfn-lint, moto and the AWS CLI: make kit"]
async fn the_script_makes_the_role_and_repairs_it_when_it_is_run_again() {
    let Some(python) = python() else { return };
    let folder = Folder::new("kit-script");
    fs::write(folder.0.join("bootstrap.sh"), printed("cli", &[])).unwrap();
    let aws = folder.0.join("aws");
    fs::write(
        &aws,
        format!("#!/bin/sh\nexec '{}' -m awscli \"$@\"\n", python.display()),
    )
    .unwrap();
    fs::set_permissions(&aws, fs::Permissions::from_mode(0o755)).unwrap();
    let simulator = Simulator::start().await.unwrap();
    for account in ["111111111111", PROD, "999999999999"] {
        simulator.create_account(account, None).await.unwrap();
    }
    // Its trust policy names the operator's role.
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    let operator = json!({"name": "crossrole-operator", "trust": trust});
    simulator.create_role("111111111111", operator).await.unwrap();
    let run = async |account: &str| -> Output {
        let keys = simulator.root_keys(account).await.unwrap();
        let mut command = emulators::command(Path::new("/bin/sh"));
        let path = format!("{}:{}", folder.0.display(), std::env::var("PATH").unwrap());
        command.arg("bootstrap.sh").current_dir(&folder.0).env("PATH", path);
        command
            .env("AWS_ENDPOINT_URL", &simulator.endpoint)
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_ACCESS_KEY_ID", &keys.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &keys.secret_access_key);
        tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap()
    };
    let expect = async || {
        let role = simulator.role(PROD, "crossrole-bootstrap").await.unwrap().unwrap();
        assert_eq!(role.trust, bootstrap_document("trust-prod.json").unwrap());
        let inline = BTreeMap::from([("crossrole".to_owned(), bootstrap_document("permissions.json").unwrap())]);
        assert_eq!(role.inline, inline);
    };
    let said = String::from_utf8(succeeded(run(PROD).await)).unwrap();
    assert!(said.contains("made the policy crossrole-boundary"), "{said}");
    expect().await;
    let edits = json!({"trust": trust, "inline": {"crossrole": null}});
    simulator.edit_role(PROD, "crossrole-bootstrap", edits).await.unwrap();
    let said = String::from_utf8(succeeded(run(PROD).await)).unwrap();
    assert!(said.contains("is there, and stays as it is"), "{said}");
    expect().await;
    // An account of which it knows no external id, and one that says no.
    let other = run("999999999999").await;
    assert_eq!(other.status.code(), Some(1));
    assert!(
        String::from_utf8(other.stderr)
            .unwrap()
            .contains("is none of AccountClass standard")
    );
    assert_eq!(simulator.roles("999999999999").await.unwrap().len(), 0);
    simulator.deny_account(PROD).await.unwrap();
    let denied = run(PROD).await;
    let said = String::from_utf8(denied.stderr).unwrap();
    assert!(!denied.status.success() && said.contains("AccessDenied"), "{said}");
}
