//! The same manifests against an emulator that others wrote: moto, with four accounts, read back with boto3.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/emulators.rs"]
mod emulators;
#[path = "support/python.rs"]
mod python;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crossrole_testkit::tools::workspace;
use crossrole_testkit::{Chart, ControlPlane, ControlPlaneOptions, Error, Operator, eventually};
use emulators::Emulator;
use python::{python_with, succeeded};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(120);

/// prod and stage are those of the quickstart; the other two are stages as well.
const ACCOUNTS: [(&str, &str); 4] = [
    ("prod", "222222222222"),
    ("stage", "333333333333"),
    ("stage-2", "555555555555"),
    ("stage-3", "666666666666"),
];

/// A moto server, and the Python that it runs with.
struct Moto {
    python: PathBuf,
    server: Emulator,
    folder: PathBuf,
}

impl Moto {
    async fn start(python: PathBuf, folder: &Path) -> Self {
        Self {
            server: Emulator::moto(&python, folder).await,
            python,
            folder: folder.to_owned(),
        }
    }

    /// Runs the boto3 script for all four accounts.
    fn boto3(&self, verb: &str) -> String {
        let mut command = Command::new(&self.python);
        command
            .arg(workspace().join("tests/moto_accounts.py"))
            .args([verb, &self.server.endpoint]);
        command.args(ACCOUNTS.map(|(_, id)| id)).current_dir(&self.folder);
        for name in [
            "AWS_PROFILE",
            "AWS_CONFIG_FILE",
            "AWS_ENDPOINT_URL",
            "HTTP_PROXY",
            "http_proxy",
        ] {
            command.env_remove(name);
        }
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        String::from_utf8(succeeded(command.output().unwrap())).unwrap()
    }

    fn roles(&self) -> Value {
        serde_json::from_str(&self.boto3("roles")).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quickstart_makes_the_same_roles_in_an_emulator_of_others() {
    let requirements = workspace().join("tests/moto-requirements.txt");
    let Some(python) = python_with("moto", &requirements) else {
        return;
    };
    let control_plane = ControlPlane::start(ControlPlaneOptions::default()).await.unwrap();
    let container = Chart::of_this_workspace()
        .install(&control_plane, &[])
        .await
        .unwrap()
        .operator()
        .unwrap();
    let moto = Moto::start(python, control_plane.folder()).await;
    moto.boto3("prepare");

    let environment = [
        ("AWS_ENDPOINT_URL", moto.server.endpoint.as_str()),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ];
    let mut operator = Operator::start_as_installed(&control_plane, &container, &[], &environment)
        .await
        .unwrap();
    operator.wait_for_line("crossrole is ready", PATIENCE).await.unwrap();
    control_plane.apply(&more_accounts()).await.unwrap();
    let quickstart = workspace().join("examples/quickstart").display().to_string();
    control_plane.kubectl(["apply", "-f", &quickstart]).await.unwrap();

    let object = ready(&control_plane, &operator).await;
    assert_eq!(object["status"]["summary"], "4/4");
    let cluster = control_plane
        .kubectl(["get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}"])
        .await
        .unwrap();
    let found = moto.roles();
    for (index, (account, id)) in ACCOUNTS.into_iter().enumerate() {
        let mut role = found[id]["CrossAccountSecurityAudit"].clone();
        let role_id = role
            .as_object_mut()
            .and_then(|role| role.remove("id"))
            .unwrap_or_default();
        assert_eq!(role, expected(id, cluster.trim()), "in account {account}");
        let entry = &object["status"]["accounts"][index];
        assert_eq!((&entry["account"], &entry["accountId"]), (&json!(account), &json!(id)));
        assert_eq!((&entry["roleArn"], &entry["roleId"]), (&role["arn"], &role_id));
        assert_eq!(
            found[id].as_object().unwrap().len(),
            1,
            "account {account} holds other roles: {}",
            found[id]
        );
    }

    let delete = [
        "delete",
        "xar",
        "security-audit",
        "--namespace",
        "security",
        "--timeout=120s",
    ];
    control_plane
        .kubectl(delete)
        .await
        .unwrap_or_else(|error| panic!("{error:?}\n{}", operator.log()));
    let left = moto.roles();
    for (account, id) in ACCOUNTS {
        assert_eq!(left[id], json!({}), "in account {account}");
    }
    assert!(operator.stop().await.unwrap().success());
}

/// The role of the quickstart, as boto3 shows it.
fn expected(account: &str, cluster: &str) -> Value {
    json!({
        "arn": format!("arn:aws:iam::{account}:role/crossrole/CrossAccountSecurityAudit"),
        "description": "Read-only audit access",
        "maxSessionDuration": 14_400,
        "trust": {"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::111111111111:root"},
            "Action": "sts:AssumeRole",
            "Condition": {
                "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111111111111:user/*"},
                "Bool": {"aws:MultiFactorAuthPresent": "true"},
                "NumericLessThan": {"aws:MultiFactorAuthAge": "3600"},
            },
        }]},
        "boundary": format!("arn:aws:iam::{account}:policy/crossrole-boundary"),
        "tags": {"team": "security", "crossrole.dev/cluster": cluster, "crossrole.dev/owner": "security/security-audit"},
        "inline": {"read-audit-logs": {"Version": "2012-10-17", "Statement": [{
            "Sid": "ReadAuditLogs",
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:ListBucket"],
            "Resource": ["arn:aws:s3:::acme-audit-logs", "arn:aws:s3:::acme-audit-logs/*"],
        }]}},
        "attached": ["arn:aws:iam::aws:policy/SecurityAudit"],
    })
}

/// The two accounts that the quickstart does not have.
fn more_accounts() -> String {
    ACCOUNTS[2..]
        .iter()
        .map(|(name, id)| {
            let account = json!({
                "apiVersion": "crossrole.dev/v1alpha1",
                "kind": "AWSAccount",
                "metadata": {"name": name, "labels": {"env": "stage"}},
                "spec": {"accountId": id, "class": "standard", "externalId": "example-7f3c9a52"},
            });
            format!("---\n{account}\n")
        })
        .collect()
}

async fn ready(control_plane: &ControlPlane, operator: &Operator) -> Value {
    let waited = eventually(PATIENCE, "Ready in four accounts", async || {
        let get = [
            "get",
            "xar",
            "security-audit",
            "--namespace",
            "security",
            "--output",
            "json",
        ];
        let object: Value = serde_json::from_str(&control_plane.kubectl(get).await?).unwrap();
        let status = &object["status"];
        let conditions = status["conditions"].as_array().into_iter().flatten();
        let ready = conditions
            .filter(|one| one["type"] == "Ready" && one["status"] == "True")
            .count()
            == 1;
        if ready && status["summary"] == "4/4" {
            Ok(object)
        } else {
            Err(Error::new(status.to_string()))
        }
    });
    waited
        .await
        .unwrap_or_else(|error| panic!("{error:?}\n{}", operator.log()))
}
