//! The command itself, without a cluster and without AWS.

use std::io::Write;
use std::process::{Command, Stdio};

use crossrole_testkit::tools::workspace;
use serde_json::Value;

/// What the command wrote and how it ended.
pub struct Said {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs `crossrole plan` with nothing of the caller's environment but these variables.
pub fn plan(arguments: &[&str], environment: &[(&str, &str)], input: &str) -> Said {
    let mut child = Command::new(env!("CARGO_BIN_EXE_crossrole"))
        .arg("plan")
        .args(arguments)
        .current_dir(workspace())
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    Said {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

const QUICKSTART: &str = "examples/quickstart";

#[test]
fn the_quickstart_is_printed_without_a_cluster_or_aws() {
    let said = plan(&["-f", QUICKSTART], &[], "");
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    for part in [
        "security/security-audit in prod (222222222222): create arn:aws:iam::222222222222:role/crossrole/CrossAccountSecurityAudit",
        "  1. create the role",
        "crossrole.dev/owner = security/security-audit",
        "Plan: 2 to create, 0 refused.",
    ] {
        assert!(said.stdout.contains(part), "{part} is not in\n{}", said.stdout);
    }
}

#[test]
fn files_and_standard_input_are_read_together() {
    let role = std::fs::read_to_string(workspace().join(QUICKSTART).join("role.yaml")).unwrap();
    let files = ["examples/quickstart/class.yaml", "examples/quickstart/accounts.yaml"];
    let said = plan(&["-f", files[0], files[1], "-f", "-"], &[], &role);
    assert_eq!(said.code, Some(0), "{}{}", said.stdout, said.stderr);
}

#[test]
fn json_holds_every_document() {
    let said = plan(&["-f", QUICKSTART, "--output", "json"], &[], "");
    let json: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(json["summary"]["create"], 2);
    let create = &json["plans"][0]["changes"][0];
    assert_eq!(create["call"], "CreateRole");
    assert_eq!(create["trust"]["Statement"][0]["Effect"], "Allow");
    assert_eq!(create["tags"]["crossrole.dev/owner"], "security/security-audit");
}

#[test]
fn what_is_refused_makes_the_exit_code_one_and_so_does_every_error() {
    let class = std::fs::read_to_string(workspace().join(QUICKSTART).join("class.yaml")).unwrap();
    let strict = class.replace("maxSessionDuration: 4h", "maxSessionDuration: 1h");
    let files = ["examples/quickstart/role.yaml", "examples/quickstart/accounts.yaml"];
    let said = plan(&["-f", "-", files[0], files[1]], &[], &strict);
    assert_eq!(said.code, Some(1), "{}{}", said.stdout, said.stderr);
    assert!(said.stdout.contains("refused, SessionTooLong"), "{}", said.stdout);

    for (arguments, part) in [
        (&["-f", "no-such-file"][..], "no-such-file: No such file"),
        (
            &["-f", "examples/quickstart/class.yaml"],
            "there is no CrossAccountRole",
        ),
        (&["-f", QUICKSTART, "--live"], "--cluster-id"),
        (&[], "--filename"),
        (&["--nonsense"], "--nonsense"),
    ] {
        let said = plan(arguments, &[], "");
        assert_eq!(said.code, Some(1), "{arguments:?} {}", said.stderr);
        assert!(said.stderr.contains(part), "{arguments:?}: {}", said.stderr);
    }
    let said = plan(
        &["-f", "-"],
        &[],
        "apiVersion: crossrole.dev/v1alpha1\nkind: CrossAccountRole\nkind: x\n",
    );
    assert_eq!(said.code, Some(1));
    assert!(
        said.stderr.contains("standard input") && said.stderr.contains("duplicate"),
        "{}",
        said.stderr
    );
    assert_eq!(plan(&["--help"], &[], "").code, Some(0));
}
