//! What a user of a namespace tries in order to get more than the class allows: each attempt is refused before any call of
//! AWS, and with which reason. `docs/bootstrap.md` lists them, beside those of the bootstrap role
//! (`aws-sim/tests/escalation`).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write as _;
use std::process::{Command, Stdio};

use crossrole_testkit::tools::workspace;
use serde_json::{Value, json};

/// A name, what the object's spec has besides the usual, and the reason of the refusal.
fn attempts() -> Vec<(&'static str, Value, &'static str)> {
    let inline = |statement: Value| {
        let document = json!({"Version": "2012-10-17", "Statement": [statement]});
        json!({"permissions": {"inline": [{"name": "p", "document": document}]}})
    };
    let allow = |action: &str| inline(json!({"Effect": "Allow", "Action": action, "Resource": "*"}));
    let managed = |list: &str, name: &str| json!({"permissions": {list: [name]}});
    let from = |from: Value, require: Value| json!({"trust": [{"from": from, "require": require}]});
    let mfa = json!({"mfa": {"maxAge": "1h"}});
    let raw = |principal: Value| json!({"extraTrustStatements": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]});
    vec![
        (
            "allow itself to change IAM",
            allow("iam:PutRolePolicy"),
            "InlinePolicyNotAllowed",
        ),
        ("allow everything inline", allow("*"), "InlinePolicyNotAllowed"),
        (
            "allow all but a harmless action",
            inline(json!({"Effect": "Allow", "NotAction": "s3:GetObject", "Resource": "*"})),
            "InlinePolicyNotAllowed",
        ),
        (
            "run commands on an instance, with its role's rights",
            allow("ssm:SendCommand"),
            "InlinePolicyNotAllowed",
        ),
        (
            "change a function's code, which runs with its role's rights",
            allow("lambda:UpdateFunctionCode"),
            "InlinePolicyNotAllowed",
        ),
        (
            "attach an AWS policy that changes functions and instances",
            managed("awsManaged", "job-function/SystemAdministrator"),
            "PolicyNotAllowed",
        ),
        (
            "attach AdministratorAccess",
            managed("awsManaged", "AdministratorAccess"),
            "PolicyNotAllowed",
        ),
        (
            "attach an AWS policy that is not listed",
            managed("awsManaged", "PowerUserAccess"),
            "PolicyNotAllowed",
        ),
        (
            "attach a policy of the account that is not listed",
            managed("customerManaged", "everything"),
            "PolicyNotAllowed",
        ),
        (
            "trust another's account",
            from(json!({"accounts": ["999999999999"]}), mfa.clone()),
            "TrustNotAllowed",
        ),
        (
            "trust users without MFA",
            json!({"trust": [{"from": {"accounts": ["111111111111"]}}]}),
            "MfaRequired",
        ),
        ("trust everybody, raw", raw(json!("*")), "TrustNotAllowed"),
        (
            "trust another's account, raw",
            raw(json!({"AWS": "arn:aws:iam::999999999999:root"})),
            "TrustNotAllowed",
        ),
        (
            "trust an AWS service",
            json!({"trust": [{"from": {"services": ["lambda.amazonaws.com"]}}]}),
            "TrustNotAllowed",
        ),
        (
            "trust an identity provider",
            json!({"trust": [{"from": {"oidc": {"issuer": "idp.example.com", "audiences": ["a"], "subjects": ["b"]}}}]}),
            "TrustNotAllowed",
        ),
        (
            "weaken MFA by a condition",
            from(
                json!({"accounts": ["111111111111"]}),
                json!({"mfa": {"maxAge": "1h"}, "conditions": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}}),
            ),
            "InvalidSpec",
        ),
        (
            "take the name of the bootstrap role",
            json!({"roleName": "crossrole-bootstrap"}),
            "ProtectedRole",
        ),
        (
            "take the name of the organisation's way in",
            json!({"roleName": "OrganizationAccountAccessRole", "path": "/", "adoptionPolicy": "Adopt"}),
            "ProtectedRole",
        ),
        (
            "make a role outside rolePath",
            json!({"path": "/admin/"}),
            "PathNotAllowed",
        ),
        (
            "choose another boundary",
            json!({"permissionsBoundary": "everything"}),
            "BoundaryNotAllowed",
        ),
        (
            "take over a role that is not listed",
            json!({"roleName": "admin", "path": "/", "adoptionPolicy": "Adopt"}),
            "PathNotAllowed",
        ),
        (
            "last longer than the class allows",
            json!({"maxSessionDuration": "12h"}),
            "SessionTooLong",
        ),
        (
            "set the tags that say whose a role is",
            json!({"tags": {"crossrole.dev/owner": "security/other"}}),
            "InvalidSpec",
        ),
    ]
}

/// What `crossrole plan` says of an object in a namespace.
fn plan(namespace: &str, more: &Value) -> Value {
    let mut object = json!({
        "apiVersion": "crossrole.dev/v1alpha1",
        "kind": "CrossAccountRole",
        "metadata": {"name": "climber", "namespace": namespace},
        "spec": {
            "accounts": {"names": ["prod"]},
            "trust": [{"from": {"accounts": ["111111111111"]}, "require": {"mfa": {"maxAge": "1h"}}}],
        },
    });
    let spec = object["spec"].as_object_mut().unwrap();
    spec.extend(more.as_object().unwrap().clone());
    let files = ["examples/quickstart/class.yaml", "examples/quickstart/accounts.yaml"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_crossrole"));
    command.args(["plan", "--output", "json", "-f", files[0], files[1], "-"]);
    command
        .current_dir(workspace())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(object.to_string().as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let mut printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    printed["plans"][0].take()
}

#[test]
fn a_user_of_a_namespace_gets_no_further_than_the_class() {
    let page = std::fs::read_to_string(workspace().join("docs/bootstrap.md")).unwrap();
    let attempts = attempts();
    let elsewhere = ("act from another namespace", json!({}), "NamespaceNotAllowed");
    for (name, more, reason) in attempts.iter().chain([&elsewhere]) {
        let namespace = if more == &elsewhere.1 { "default" } else { "security" };
        let said = plan(namespace, more);
        assert_eq!(said["outcome"], "refused", "{name}: {said}");
        assert_eq!(said["reason"], *reason, "{name}: {said}");
        // It is refused before anything is planned.
        assert_eq!(said["changes"], Value::Null, "{name}: {said}");
        let line = format!("| {name} | `{reason}` |");
        assert!(page.contains(&line), "docs/bootstrap.md lacks\n{line}");
    }
    assert_eq!(plan("security", &json!({}))["outcome"], "create");
}
