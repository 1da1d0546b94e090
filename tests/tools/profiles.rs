//! The profiles work: botocore, which knows nothing of crossrole, assumes roles through them in the simulator.

use std::fs;
use std::path::Path;

use crossrole_testkit::Simulator;
use crossrole_testkit::scene::IDENTITY_ACCOUNT;
use crossrole_testkit::tools::workspace;
use serde_json::{Value, json};

use crate::emulators::{Folder, command};
use crate::printed;
use crate::python::{python_with, say, succeeded};
use crate::support::{PROD, account, class, namespace, role, with, yaml};

const ALICE: &str = "arn:aws:iam::111111111111:user/alice";

/// Roles and whether alice gets in through a profile.
fn roles() -> Vec<(Value, bool)> {
    let trust = |name: &str, entry: Value| with(role(name), "/spec/trust", json!([entry]));
    let mfa = json!({"mfa": {"maxAge": "1h"}});
    let users = json!({"accounts": [IDENTITY_ACCOUNT], "kind": "Users"});
    vec![
        (trust("with-mfa", json!({"from": users, "require": mfa})), true),
        (
            trust(
                "with-both",
                json!({"from": users, "require": {"mfa": {"maxAge": "1h"}, "externalIds": ["first-id"]}}),
            ),
            true,
        ),
        (
            trust(
                "by-name",
                json!({"from": {"principals": [ALICE]}, "require": {"mfa": {"maxAge": "30m"}, "sessionName": ["${aws:username}"]}}),
            ),
            true,
        ),
        (
            trust(
                "for-roles",
                json!({"from": {"accounts": [IDENTITY_ACCOUNT], "kind": "Roles"}}),
            ),
            false,
        ),
        (
            trust(
                "from-an-office",
                json!({"from": users, "require": {"mfa": {"maxAge": "1h"}, "sourceCidrs": ["203.0.113.0/24"]}}),
            ),
            false,
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "installs botocore: make kit"]
async fn botocore_assumes_roles_through_the_printed_profiles() {
    let requirements = workspace().join("tests/bootstrap-kit-requirements.txt");
    let Some(python) = python_with("bootstrap_kit", &requirements) else {
        return;
    };
    let folder = Folder::new("profiles");
    let file = folder.0.join("objects.yaml");
    let objects: Vec<Value> = [namespace("security"), class("standard"), account("prod", PROD)]
        .into_iter()
        .chain(roles().into_iter().map(|(role, _)| role))
        .collect();
    fs::write(&file, yaml(&objects)).unwrap();
    let file = file.display().to_string();

    let simulator = Simulator::start().await.unwrap();
    for id in [IDENTITY_ACCOUNT, PROD] {
        simulator.create_account(id, None).await.unwrap();
    }
    let assume = json!({"assume": {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]}});
    let alice = simulator
        .create_user(IDENTITY_ACCOUNT, "alice", assume, true)
        .await
        .unwrap();
    let serial = alice.mfa_serial.clone().unwrap();
    let planned: Value = serde_json::from_str(&printed(&["plan", "-f", &file, "-o", "json"], &[])).unwrap();
    for plan in planned["plans"].as_array().unwrap() {
        let arn = plan["roleArn"].as_str().unwrap();
        let changes = plan["changes"].as_array().unwrap();
        // A role may be made closed, and opened last.
        let trust = changes.iter().rev().find_map(|change| change.get("trust")).unwrap();
        let role = json!({
            "name": arn.rsplit('/').next().unwrap(), "path": changes[0]["path"], "trust": trust,
            "maxSessionDuration": changes[0]["maxSessionDuration"]
        });
        simulator.create_role(PROD, role).await.unwrap();
    }
    let profiles = printed(&["profiles", ALICE, "-f", &file, "--mfa-serial", &serial], &[]);
    fs::write(folder.0.join("config"), &profiles).unwrap();
    let keys = format!(
        "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        alice.credentials.access_key_id, alice.credentials.secret_access_key
    );
    fs::write(folder.0.join("credentials"), keys).unwrap();

    let mut opened = 0;
    for (role, gets_in) in roles() {
        let name = role["metadata"]["name"].as_str().unwrap();
        let profile = format!("prod/security/{name}");
        assert_eq!(
            profiles.contains(&format!("[profile {profile}]")),
            gets_in,
            "{name}\n{profiles}"
        );
        if gets_in {
            let code = simulator.mfa_code(&serial).await.unwrap();
            let caller = assumed(&python, &folder.0, &simulator.endpoint, &profile, &code).await;
            assert!(caller.contains(&format!(":assumed-role/{name}/")), "{caller}");
            opened += 1;
        }
    }
    say(
        "profiles",
        &format!("botocore assumed {opened} roles through {opened} profiles"),
    );
}

/// Who that is for whom botocore assumes the role of a profile.
async fn assumed(python: &Path, folder: &Path, endpoint: &str, profile: &str, code: &str) -> String {
    let mut command = command(python);
    command.arg(workspace().join("tests/tools/profiles.py"));
    command
        .args([profile, code])
        .env("AWS_CONFIG_FILE", folder.join("config"))
        .env("AWS_SHARED_CREDENTIALS_FILE", folder.join("credentials"))
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_DEFAULT_REGION", "us-east-1");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    String::from_utf8(succeeded(output)).unwrap()
}
