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
const PARTNER_ACCOUNT: &str = "444444444444";
const VENDOR: &str = "arn:aws:iam::444444444444:role/vendor";

/// Roles, and who gets in through a profile.
fn roles() -> Vec<(Value, Option<&'static str>)> {
    let trust = |name: &str, entry: Value| {
        let role = with(role(name), "/spec/maxSessionDuration", json!("4h"));
        with(role, "/spec/trust", json!([entry]))
    };
    let mfa = json!({"mfa": {"maxAge": "1h"}});
    let users = json!({"accounts": [IDENTITY_ACCOUNT], "kind": "Users"});
    vec![
        (trust("with-mfa", json!({"from": users, "require": mfa})), Some(ALICE)),
        (
            trust(
                "with-both",
                json!({"from": users, "require": {"mfa": {"maxAge": "1h"}, "externalIds": ["first-id"]}}),
            ),
            Some(ALICE),
        ),
        (
            trust(
                "by-name",
                json!({"from": {"principals": [ALICE]}, "require": {"mfa": {"maxAge": "30m"}, "sessionName": ["${aws:username}"]}}),
            ),
            Some(ALICE),
        ),
        (
            with(
                trust("punctuation", json!({"from": users, "require": mfa})),
                "/spec/roleName",
                json!("audit+=,.@x"),
            ),
            Some(ALICE),
        ),
        // Its session lasts an hour at most, for it comes with that of a role.
        (
            trust(
                "for-a-partner",
                json!({"from": {"accounts": [PARTNER_ACCOUNT], "kind": "Roles"}, "require": {"externalIds": ["partner-id"]}}),
            ),
            Some(VENDOR),
        ),
        (
            trust(
                "for-roles",
                json!({"from": {"accounts": [IDENTITY_ACCOUNT], "kind": "Roles"}}),
            ),
            None,
        ),
        (
            trust(
                "from-an-office",
                json!({"from": users, "require": {"mfa": {"maxAge": "1h"}, "sourceCidrs": ["203.0.113.0/24"]}}),
            ),
            None,
        ),
    ]
}

/// The name of the role that an object is about.
fn role_name(object: &Value) -> &str {
    let named = object["spec"]["roleName"].as_str();
    named.or(object["metadata"]["name"].as_str()).unwrap()
}

/// Writes objects into a file, and gives its name.
fn written(folder: &Folder, name: &str, objects: &[Value]) -> String {
    let file = folder.0.join(name);
    fs::write(&file, yaml(objects)).unwrap();
    file.display().to_string()
}

/// Makes the roles in the simulator as they are planned.
async fn make_roles(simulator: &Simulator, file: &str) {
    let planned: Value = serde_json::from_str(&printed(&["plan", "-f", file, "-o", "json"], &[])).unwrap();
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
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "installs botocore: make kit"]
async fn botocore_assumes_roles_through_the_printed_profiles() {
    let requirements = workspace().join("tests/bootstrap-kit-requirements.txt");
    let Some(python) = python_with("bootstrap_kit", &requirements) else {
        return;
    };
    let folder = Folder::new("profiles");
    let mut objects = vec![namespace("security"), class("standard"), account("prod", PROD)];
    objects.extend(roles().into_iter().map(|(role, _)| role));
    let file = written(&folder, "objects.yaml", &objects);

    let simulator = Simulator::start().await.unwrap();
    for id in [IDENTITY_ACCOUNT, PARTNER_ACCOUNT, PROD] {
        simulator.create_account(id, None).await.unwrap();
    }
    let statement = json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"});
    let assume = json!({"assume": {"Version": "2012-10-17", "Statement": [statement]}});
    let alice = simulator.create_user(IDENTITY_ACCOUNT, "alice", assume.clone(), true);
    let alice = alice.await.unwrap();
    let robot = simulator.create_user(PARTNER_ACCOUNT, "robot", assume.clone(), false);
    let robot = robot.await.unwrap();
    let its_own = json!({"Effect": "Allow", "Principal": {"AWS": PARTNER_ACCOUNT}, "Action": "sts:AssumeRole"});
    let vendor =
        json!({"name": "vendor", "inline": assume, "trust": {"Version": "2012-10-17", "Statement": [its_own]}});
    simulator.create_role(PARTNER_ACCOUNT, vendor).await.unwrap();
    make_roles(&simulator, &file).await;

    let serial = alice.mfa_serial.clone().unwrap();
    let of_alice = printed(&["profiles", ALICE, "-f", &file, "--mfa-serial", &serial], &[]);
    let of_vendor = printed(&["profiles", VENDOR, "-f", &file, "--source-profile", "vendor"], &[]);
    assert!(of_vendor.contains("duration_seconds = 3600"), "{of_vendor}");
    assert!(!of_vendor.contains("mfa_serial"), "{of_vendor}");
    let chained = format!("[profile vendor]\nrole_arn = {VENDOR}\nsource_profile = robot\n");
    fs::write(folder.0.join("config"), format!("{of_alice}\n{of_vendor}\n{chained}")).unwrap();
    let keys = [("default", &alice), ("robot", &robot)].map(|(name, user)| {
        let keys = &user.credentials;
        format!(
            "[{name}]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
            keys.access_key_id, keys.secret_access_key
        )
    });
    fs::write(folder.0.join("credentials"), keys.concat()).unwrap();

    let mut opened = 0;
    for (object, who) in roles() {
        let name = object["metadata"]["name"].as_str().unwrap();
        let profile = format!("prod/security/{name}");
        for (caller, profiles) in [(ALICE, &of_alice), (VENDOR, &of_vendor)] {
            assert_eq!(
                profiles.contains(&format!("[profile {profile}]")),
                who == Some(caller),
                "{name}\n{profiles}"
            );
        }
        if who.is_some() {
            let code = simulator.mfa_code(&serial).await.unwrap();
            let environment = [
                ("AWS_ENDPOINT_URL", simulator.endpoint.as_str()),
                ("AWS_DEFAULT_REGION", "us-east-1"),
            ];
            let caller = assumed(&python, &folder.0, &[&profile, &code], &environment).await;
            assert!(
                caller.contains(&format!(":assumed-role/{}/", role_name(&object))),
                "{caller}"
            );
            opened += 1;
        }
    }
    assert_eq!(opened, 5);
    say(
        "profiles",
        &format!("botocore assumed {opened} roles through {opened} profiles"),
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "installs botocore: make kit"]
async fn botocore_asks_the_sts_of_the_roles_partition() {
    let requirements = workspace().join("tests/bootstrap-kit-requirements.txt");
    let Some(python) = python_with("bootstrap_kit", &requirements) else {
        return;
    };
    for (partition, host) in [
        ("aws-cn", "sts.cn-north-1.amazonaws.com.cn"),
        ("aws-us-gov", "sts.us-gov-west-1.amazonaws.com"),
        ("aws-eusc", "sts.eusc-de-east-1.amazonaws.eu"),
    ] {
        let folder = Folder::new(&format!("profiles-{partition}"));
        let alice = ALICE.replacen("arn:aws:", &format!("arn:{partition}:"), 1);
        let entry = json!({"from": {"principals": [alice]}, "require": {"mfa": {"maxAge": "1h"}}});
        let objects = [
            namespace("security"),
            class("standard"),
            with(account("prod", PROD), "/spec/partition", json!(partition)),
            with(role("audit"), "/spec/trust", json!([entry])),
        ];
        let file = written(&folder, "objects.yaml", &objects);
        let serial = alice.replacen(":user/", ":mfa/", 1);
        let profiles = printed(&["profiles", &alice, "-f", &file, "--mfa-serial", &serial], &[]);
        // Nothing but the profile says where: that of the source does not count.
        let source = "[default]\nregion = us-east-1\n";
        fs::write(folder.0.join("config"), format!("{source}\n{profiles}")).unwrap();
        let keys = "[default]\naws_access_key_id = AKIAEXAMPLEEXAMPLE00\naws_secret_access_key = none\n";
        fs::write(folder.0.join("credentials"), keys).unwrap();
        let arguments = ["--host", "prod/security/audit", "123456"];
        assert_eq!(assumed(&python, &folder.0, &arguments, &[]).await.trim(), host);
    }
}

/// What botocore says that assumes the role of a profile.
async fn assumed(python: &Path, folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let mut command = command(python);
    command.arg(workspace().join("tests/tools/profiles.py"));
    command
        .args(arguments)
        .envs(environment.iter().copied())
        .env("AWS_CONFIG_FILE", folder.join("config"))
        .env("AWS_SHARED_CREDENTIALS_FILE", folder.join("credentials"));
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    String::from_utf8(succeeded(output)).unwrap()
}
