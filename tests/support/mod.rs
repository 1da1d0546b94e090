//! Objects that tests apply.

#![allow(dead_code)]

pub mod granting;
pub mod objects;

use std::io::{self, Write as _};

use crossrole_testkit::scene::{EXTERNAL_ID, PATIENCE};
use crossrole_testkit::{Scene, eventually};
use serde_json::{Value, json};

/// The account that most tests use.
pub const PROD: &str = "222222222222";
/// A second account.
pub const STAGE: &str = "333333333333";

/// Says something past the test harness, which keeps the output of tests that pass to itself.
pub fn say(what: &str, text: &str) {
    let _ = writeln!(io::stderr(), "{what}: {text}");
}

/// Manifests as one text that kubectl reads.
pub fn yaml(manifests: &[Value]) -> String {
    manifests.iter().map(|manifest| format!("---\n{manifest}\n")).collect()
}

pub fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

/// Waits until the status of the account `prod` says that it holds so many roles: nothing is left to be written then.
pub async fn wait_for_roles_in_prod(scene: &Scene, roles: i64) {
    eventually(PATIENCE, "the number of roles in the account's status", async || {
        let account = scene.get("awsaccount", "", "prod").await.unwrap();
        let told = account["status"]["roles"].as_i64();
        if told == Some(roles) {
            Ok(())
        } else {
            Err(format!("{told:?}"))
        }
    })
    .await
    .unwrap();
}

/// A class that allows what [`role`] asks for, to the namespace `security`.
pub fn class(name: &str) -> Value {
    json!({
        "apiVersion": "crossrole.dev/v1alpha1", "kind": "AccountClass", "metadata": {"name": name},
        "spec": {
            "bootstrapRole": {"name": "crossrole-bootstrap"},
            "allowedNamespaces": {"names": ["security"]},
            "guardrails": {
                "permissionsBoundary": "crossrole-boundary",
                "trust": {"accounts": ["111111111111"], "thirdParties": ["444444444444"]},
                "maxSessionDuration": "4h",
                "managedPolicies": {"aws": ["SecurityAudit", "job-function/*"], "deny": ["AdministratorAccess"]},
                "inlinePolicies": {"denyActions": ["iam:*"]},
                "tagKeys": ["team"]
            }
        }
    })
}

pub fn account(name: &str, id: &str) -> Value {
    json!({
        "apiVersion": "crossrole.dev/v1alpha1", "kind": "AWSAccount", "metadata": {"name": name, "labels": {"env": name}},
        "spec": {"accountId": id, "class": "standard", "externalId": EXTERNAL_ID}
    })
}

/// A role in `prod`, with one inline and two managed policies.
pub fn role(name: &str) -> Value {
    json!({
        "apiVersion": "crossrole.dev/v1alpha1", "kind": "CrossAccountRole",
        "metadata": {"name": name, "namespace": "security"},
        "spec": {
            "accounts": {"names": ["prod"]},
            "trust": [{"from": {"accounts": ["111111111111"]}, "require": {"mfa": {"maxAge": "1h"}}}],
            "permissions": {
                "awsManaged": ["SecurityAudit", "job-function/ViewOnlyAccess"],
                "inline": [{"name": "read-logs", "document": {
                    "Version": "2012-10-17",
                    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::logs/*"}]
                }}]
            },
            "tags": {"team": "security"}
        }
    })
}

/// Leave for the group `SecAuditors` of an account to assume the roles that are for audits.
pub fn grant(name: &str, account: &str) -> Value {
    json!({
        "apiVersion": "crossrole.dev/v1alpha1", "kind": "AssumeRoleGrant",
        "metadata": {"name": name, "namespace": "security"},
        "spec": {
            "account": account,
            "roles": {"selector": {"matchLabels": {"purpose": "audit"}}},
            "to": {"groups": ["SecAuditors"]}
        }
    })
}

/// A manifest with one member replaced, named by a JSON pointer.
pub fn with(mut manifest: Value, pointer: &str, value: Value) -> Value {
    let (parent, member) = pointer.rsplit_once('/').expect("a JSON pointer");
    let parent = manifest.pointer_mut(parent).expect("the parent is there");
    match parent {
        Value::Object(members) => {
            members.insert(member.to_string(), value);
        }
        other => other[member.parse::<usize>().expect("an index")] = value,
    }
    manifest
}
