//! `crossrole bootstrap --events`: what it prints is what others take for right, and what they make the feed of.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/emulators.rs"]
mod emulators;
#[path = "support/python.rs"]
mod python;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crossrole_testkit::tools::workspace;
use emulators::{Emulator, Folder};
use python::{python_with, say, succeeded};
use serde_json::{Value, json};

const OPERATOR: &str = "arn:aws:iam::111111111111:role/crossrole-operator";
const CENTRAL: &str = "111111111111";
const PROD: &str = "222222222222";
const BUS: &str = "arn:aws:events:us-east-1:111111111111:event-bus/crossrole";

/// Prints the feed of the examples into a folder.
fn print(format: &str, more: &[&str], folder: &Path) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crossrole"));
    command.args(["bootstrap", "--events", "--format", format, "--operator-role", OPERATOR]);
    command.args(["-f", "examples/quickstart", "--region", "us-east-1", "eu-central-1"]);
    command.args(more).arg("--output-dir").arg(folder);
    command.current_dir(workspace()).env_clear();
    succeeded(command.output().unwrap());
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// As in tests/bootstrap_kit.rs, whose environment it is.
fn python() -> Option<PathBuf> {
    static PYTHON: OnceLock<Option<PathBuf>> = OnceLock::new();
    let requirements = workspace().join("tests/bootstrap-kit-requirements.txt");
    PYTHON
        .get_or_init(|| python_with("bootstrap_kit", &requirements))
        .clone()
}

fn asked(python: &Path, folder: &Path, arguments: &[&str]) -> String {
    let mut command = emulators::command(python);
    command.arg(workspace().join("tests/bootstrap_kit.py"));
    command.args(arguments).current_dir(folder);
    String::from_utf8(succeeded(command.output().unwrap())).unwrap()
}

#[test]
fn it_is_printed_into_a_folder_with_the_operators_rights_beside_it() {
    for (format, files) in [
        ("cloudformation", ["events-central.yaml", "events-account.yaml"]),
        ("stackset", ["events-central.yaml", "events-stackset.yaml"]),
        ("terraform", ["events-central/main.tf", "events-account/main.tf"]),
    ] {
        let folder = Folder::new(&format!("events-{format}"));
        print(format, &[], &folder.0);
        for file in files {
            assert!(
                read(&folder.0.join(file)).contains("crossrole bootstrap --events"),
                "{file}"
            );
        }
        let rights: Value = serde_json::from_str(&read(&folder.0.join("events-operator-permissions.json"))).unwrap();
        let expected = json!([{
            "Sid": "ReadTheEvents", "Effect": "Allow", "Action": ["sqs:DeleteMessage", "sqs:ReceiveMessage"],
            "Resource": "arn:aws:sqs:us-east-1:111111111111:crossrole-events",
        }]);
        assert_eq!(rights["Statement"], expected);
    }
    let mut script = Command::new(env!("CARGO_BIN_EXE_crossrole"));
    script.args(["bootstrap", "--events", "--format", "cli", "--operator-role", OPERATOR]);
    script.args([
        "-f",
        "examples/quickstart",
        "--region",
        "us-east-1",
        "--output-dir",
        "/nowhere",
    ]);
    let output = script.current_dir(workspace()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.code() == Some(1) && said.contains("cloudformation, stackset or terraform"),
        "{said}"
    );
}

#[test]
#[ignore = "installs cfn-lint, moto and an HCL parser: make kit"]
fn cfn_lint_has_nothing_to_say() {
    let Some(python) = python() else { return };
    let folder = Folder::new("events-lint");
    let organization = ["--organization", "o-a1b2c3d4e5"];
    let elsewhere = ["--events-account", "999999999999", "--events-region", "eu-central-1"];
    let mut names = Vec::new();
    for (number, (format, more)) in [
        ("cloudformation", &[][..]),
        ("cloudformation", &organization[..]),
        ("stackset", &elsewhere[..]),
    ]
    .into_iter()
    .enumerate()
    {
        let inner = folder.0.join(number.to_string());
        print(format, more, &inner);
        let files = fs::read_dir(&inner)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap());
        for file in files.filter(|file| file.ends_with(".yaml")) {
            let name = format!("{number}-{file}");
            fs::rename(inner.join(&file), folder.0.join(&name)).unwrap();
            names.push(name);
        }
    }
    assert_eq!(names.len(), 6);
    let arguments: Vec<&str> = std::iter::once("lint")
        .chain(names.iter().map(String::as_str))
        .collect();
    assert_eq!(asked(&python, &folder.0, &arguments), "");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "installs cfn-lint, moto and an HCL parser: make kit"]
async fn stacks_of_the_templates_are_a_queue_and_rules_that_lead_to_it() {
    let Some(python) = python() else { return };
    let folder = Folder::new("events-stack");
    print("cloudformation", &[], &folder.0);
    let moto = Emulator::moto(&python, &folder.0).await;
    let made = |file: &str, more: &[&str]| -> Value {
        let arguments: Vec<&str> = ["feed", file, &moto.endpoint].iter().chain(more).copied().collect();
        serde_json::from_str(&asked(&python, &folder.0, &arguments)).unwrap()
    };
    let queue = "arn:aws:sqs:us-east-1:111111111111:crossrole-events";
    let dead = "arn:aws:sqs:us-east-1:111111111111:crossrole-events-dead-letters";
    let with_reads = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS";
    let central = made("events-central.yaml", &[CENTRAL, "us-east-1"]);
    let rule = &central["rules"]["crossrole"];
    assert_eq!(
        (&rule["bus"], &rule["state"]),
        (&json!("crossrole"), &json!(with_reads))
    );
    assert_eq!(rule["targets"], json!([[queue, null]]));
    let queues = &central["queues"];
    for (name, arn) in [("crossrole-events", queue), ("crossrole-events-dead-letters", dead)] {
        assert_eq!(queues[name]["QueueArn"], json!(arn));
        assert_eq!(queues[name]["MessageRetentionPeriod"], json!("1209600"));
    }
    let redrive: Value = serde_json::from_str(queues["crossrole-events"]["RedrivePolicy"].as_str().unwrap()).unwrap();
    assert_eq!(redrive["deadLetterTargetArn"], json!(dead));
    assert_eq!(redrive["maxReceiveCount"].to_string().trim_matches('"'), "5");

    let sender = format!("arn:aws:iam::{PROD}:role/crossrole-events");
    let target = json!([[BUS, sender]]);
    let names = |made: &Value| -> Vec<String> { made["rules"].as_object().unwrap().keys().cloned().collect() };
    let account = made("events-account.yaml", &[PROD, "us-east-1"]);
    assert_eq!(names(&account), ["crossrole-change", "crossrole-use"]);
    for (name, state) in [("crossrole-use", with_reads), ("crossrole-change", "ENABLED")] {
        let rule = &account["rules"][name];
        assert_eq!((&rule["state"], &rule["targets"]), (&json!(state), &target), "{name}");
    }
    let role = &account["roles"]["crossrole-events"];
    let condition = &role["trust"]["Statement"][0]["Condition"];
    assert_eq!(condition["StringEquals"], json!({"aws:SourceAccount": PROD}));
    assert_eq!(role["inline"]["crossrole"]["Statement"][0]["Resource"], json!(BUS));
    // Elsewhere only the use is seen, and the role is there already.
    let region = made("events-account.yaml", &[PROD, "eu-central-1"]);
    assert_eq!(names(&region), ["crossrole-use"]);
    assert_eq!(region["rules"]["crossrole-use"]["targets"], target);
    // Where only people are, changes of roles are of no interest.
    let people = made("events-account.yaml", &["333333333333", "us-east-1", "false"]);
    assert_eq!(names(&people), ["crossrole-use"]);
    let uses = &people["rules"]["crossrole-use"]["pattern"];
    assert_eq!(uses, &account["rules"]["crossrole-use"]["pattern"]);
    assert_eq!(
        uses["detail"]["$or"][0]["requestParameters"]["roleArn"],
        json!([{"wildcard": "arn:aws:iam::*:role/crossrole/*"}])
    );
}

#[test]
#[ignore = "installs cfn-lint, moto and an HCL parser: make kit"]
fn the_terraform_modules_hold_the_same_documents() {
    let Some(python) = python() else { return };
    let folder = Folder::new("events-modules");
    print("terraform", &["--organization", "o-a1b2c3d4e5"], &folder.0);
    let parsed = |module: &str| -> Value {
        serde_json::from_str(&asked(&python, &folder.0.join(module), &["module", "main.tf"])).unwrap()
    };
    let central = parsed("events-central");
    let policy = &central["aws_cloudwatch_event_bus_policy.central"]["policy"]["Statement"][0];
    assert_eq!(policy["Resource"], json!(BUS));
    assert_eq!(
        policy["Condition"]["StringEquals"],
        json!({"aws:PrincipalOrgID": "o-a1b2c3d4e5"})
    );
    let queue = &central["aws_sqs_queue_policy.events"]["policy"]["Statement"][0];
    let rule = "arn:aws:events:us-east-1:111111111111:rule/crossrole/crossrole";
    assert_eq!(queue["Condition"], json!({"ArnEquals": {"aws:SourceArn": rule}}));
    let account = parsed("events-account");
    let trust = &account["aws_iam_role.sender"]["assume_role_policy"]["Statement"][0];
    let here = "${data.aws_caller_identity.current.account_id}";
    assert_eq!(trust["Condition"]["StringEquals"], json!({"aws:SourceAccount": here}));
    assert_eq!(
        account["aws_cloudwatch_event_rule.use"]["event_pattern"]["source"],
        json!(["aws.sts"])
    );
    for module in ["events-central", "events-account"] {
        let module = folder.0.join(module);
        match Command::new("terraform")
            .args(["fmt", "-check", "-diff"])
            .arg(&module)
            .output()
        {
            Ok(output) => {
                drop(succeeded(output));
                terraform_takes(&module);
            }
            Err(_) => say(
                "events_kit",
                "SKIPPED: terraform is missing, so it was not asked about the modules",
            ),
        }
    }
}

/// Has terraform validate a module, with the provider's own schema and without any network.
fn terraform_takes(module: &Path) {
    let Some(plugins) = std::env::var_os("CROSSROLE_TERRAFORM_PLUGINS") else {
        say(
            "events_kit",
            "SKIPPED: CROSSROLE_TERRAFORM_PLUGINS names no folder with hashicorp/aws (terraform providers mirror makes one), \
             so terraform did not validate the modules",
        );
        return;
    };
    let mut plugin_dir = OsString::from("-plugin-dir=");
    plugin_dir.push(plugins);
    for arguments in [
        vec!["init".into(), "-input=false".into(), plugin_dir],
        vec!["validate".into()],
    ] {
        let mut command = Command::new("terraform");
        succeeded(command.args(arguments).current_dir(module).output().unwrap());
    }
}
