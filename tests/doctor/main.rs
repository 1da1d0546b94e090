//! `crossrole doctor` against simulated accounts, each broken in another way: one run finds them all, writes nothing, and
//! says what mends each.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cases;

use std::process::Stdio;

use cases::{Case, case};
use crossrole_testkit::Simulator;
use crossrole_testkit::scene::{EXTERNAL_ID, IDENTITY_ACCOUNT, bootstrap_document};
use crossrole_testkit::simulator::Credentials;
use crossrole_testkit::tools::workspace;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

const OPERATOR: &str = "crossrole-operator";

async fn set_up(simulator: &Simulator, account: &str, case: &Case) {
    simulator.create_account(account, None).await.unwrap();
    if case.boundary {
        let document = bootstrap_document("boundary.json").unwrap();
        let made = simulator.create_policy(account, "/", "crossrole-boundary", document);
        made.await.unwrap();
    }
    let mut order = json!({
        "name": "crossrole-bootstrap",
        "trust": bootstrap_document("trust-prod.json").unwrap(),
        "inline": {"crossrole": bootstrap_document("permissions.json").unwrap()},
    });
    let Some(changes) = case.role.as_object() else { return };
    order.as_object_mut().unwrap().extend(changes.clone());
    simulator.create_role(account, order).await.unwrap();
}

fn manifest(account: &str, name: &str, spec: &Value) -> String {
    let mut manifest = json!({
        "apiVersion": "crossrole.dev/v1alpha1", "kind": "AWSAccount", "metadata": {"name": name},
        "spec": {"accountId": account, "class": "standard", "externalId": EXTERNAL_ID},
    });
    manifest["spec"]
        .as_object_mut()
        .unwrap()
        .extend(spec.as_object().unwrap().clone());
    format!("---\n{manifest}\n")
}

/// A session of the operator's own role, which may do this.
async fn operator(simulator: &Simulator, permissions: Value) -> Credentials {
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    simulator.create_account(IDENTITY_ACCOUNT, None).await.unwrap();
    let other = json!({"name": "other", "trust": trust});
    simulator.create_role(IDENTITY_ACCOUNT, other).await.unwrap();
    let order = json!({"name": OPERATOR, "trust": trust, "inline": {"crossrole": permissions}});
    let role = simulator.create_role(IDENTITY_ACCOUNT, order).await.unwrap();
    simulator.role_session(&role.arn).await.unwrap()
}

struct Said {
    code: Option<i32>,
    text: String,
}

async fn doctor(endpoint: &str, keys: Option<&Credentials>, manifests: &str, output: &str) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crossrole"));
    let class = "examples/quickstart/class.yaml";
    command.args(["doctor", "--pod-identity", "--output", output, "-f", class, "-"]);
    command.current_dir(workspace()).env_clear();
    command.envs([
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ]);
    if let Some(keys) = keys {
        command
            .env("AWS_ACCESS_KEY_ID", &keys.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &keys.secret_access_key)
            .env("AWS_SESSION_TOKEN", keys.session_token.clone().unwrap_or_default());
    }
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(manifests.as_bytes())
        .await
        .unwrap();
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    Said {
        code: output.status.code(),
        text: String::from_utf8(output.stdout).unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_broken_account_is_found_in_one_look_that_writes_nothing() {
    let simulator = Simulator::start().await.unwrap();
    let keys = operator(&simulator, bootstrap_document("operator-permissions.json").unwrap()).await;
    let mut cases = cases::cases();
    assert!(cases.len() >= 20);
    // The last is as it shall be.
    cases.push(case("healthy", json!({}), [""; 4]));
    let mut manifests = String::new();
    for (index, case) in cases.iter().enumerate() {
        let account = format!("{}", 200_000_000_001_u64 + index as u64);
        set_up(&simulator, &account, case).await;
        manifests += &manifest(&account, case.name, &case.spec);
    }
    let since = simulator.last_call().await.unwrap();
    let said = doctor(&simulator.endpoint, Some(&keys), &manifests, "json").await;
    assert_eq!(said.code, Some(1), "{}", said.text);
    let found: Value = serde_json::from_str(&said.text).unwrap();
    for (index, case) in cases.iter().enumerate() {
        let account = &found["accounts"][index];
        assert_eq!(account["name"], case.name);
        let findings = account["findings"].as_array().unwrap();
        if case.what.is_empty() {
            assert_eq!(findings, &Vec::<Value>::new(), "{}", case.name);
            continue;
        }
        let says = |one: &Value, member: &str, part: &str| one[member].as_str().unwrap().contains(part);
        let is_it = |one: &&Value| {
            one["level"] == case.level
                && one["side"] == case.side
                && says(one, "what", case.what)
                && says(one, "fix", case.fix)
        };
        assert!(findings.iter().any(|one| is_it(&one)), "{}: {findings:#?}", case.name);
    }
    let calls = simulator.calls(since).await.unwrap();
    assert!(calls.len() > 100, "{}", calls.len());
    let reads = ["Get", "List", "AssumeRole"];
    let writes: Vec<&str> = calls.iter().map(|call| call.action.as_str()).collect();
    let writes: Vec<&str> = writes
        .into_iter()
        .filter(|action| !reads.iter().any(|read| action.starts_with(read)))
        .collect();
    assert_eq!(writes, Vec::<&str>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_grant_role_is_looked_at_too() {
    let example = |file: &str| std::fs::read_to_string(workspace().join("examples/grants").join(file)).unwrap();
    let document = |file: &str| serde_json::from_str::<Value>(&example(&format!("bootstrap/{file}"))).unwrap();
    let simulator = Simulator::start().await.unwrap();
    let keys = operator(&simulator, document("operator-permissions.json")).await;
    let boundary = simulator.create_policy(IDENTITY_ACCOUNT, "/", "crossrole-boundary", document("boundary.json"));
    boundary.await.unwrap();
    let make = async |name: &str, permissions: Value| {
        let trust = document("trust-identity.json");
        let order = json!({"name": name, "trust": trust, "inline": {"crossrole": permissions}});
        simulator.create_role(IDENTITY_ACCOUNT, order).await.unwrap();
    };
    make("crossrole-bootstrap", document("permissions.json")).await;
    let manifests = example("account.yaml");
    let look = async || doctor(&simulator.endpoint, Some(&keys), &manifests, "text").await;

    let said = look().await;
    assert_eq!(said.code, Some(1), "{}", said.text);
    let missing = "role/crossrole-grants cannot be assumed";
    assert!(said.text.contains(missing), "{}", said.text);
    assert!(
        said.text.contains("1 problem, 0 warnings, 0 not known."),
        "{}",
        said.text
    );

    make("crossrole-grants", document("grant-permissions.json")).await;
    let said = look().await;
    assert_eq!(said.code, Some(0), "{}", said.text);
    assert!(
        said.text.contains("identity (111111111111): nothing is wrong"),
        "{}",
        said.text
    );

    let (mut trust, mut permissions) = (document("trust-identity.json"), document("grant-permissions.json"));
    trust["Statement"].as_array_mut().unwrap().truncate(1);
    let lost = ["ListPolicies", "WriteGrantPolicies", "NeverTouchTheseRoles"];
    let statements = permissions["Statement"].as_array_mut().unwrap();
    statements.retain(|one| !lost.contains(&one["Sid"].as_str().unwrap()));
    let edits = json!({"trust": trust, "inline": {"crossrole": permissions}});
    simulator
        .edit_role(IDENTITY_ACCOUNT, "crossrole-grants", edits)
        .await
        .unwrap();
    let said = look().await;
    for found in [
        "the trust policy of the grant role does not allow sts:TagSession",
        "iam:ListPolicies does not work as the grant role, so nothing can be granted",
        "the grant role may not iam:CreatePolicy on arn:aws:iam::111111111111:policy/crossrole-grants/*",
        "the grant role lacks denials of the kit: NeverTouchTheseRoles",
    ] {
        assert!(said.text.contains(found), "{found}\n{}", said.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_the_operator_itself_is_told_apart() {
    let simulator = Simulator::start().await.unwrap();
    let healthy = case("prod", json!({}), [""; 4]);
    let accounts = [("222222222222", "prod"), ("333333333333", "stage")];
    let mut manifests = String::new();
    for (account, name) in accounts {
        set_up(&simulator, account, &healthy).await;
        manifests += &manifest(account, name, &json!({}));
    }
    let none = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}]});
    let keys = operator(&simulator, none).await;
    let said = doctor(&simulator.endpoint, Some(&keys), &manifests, "text").await;
    assert_eq!(said.code, Some(1), "{}", said.text);
    assert!(
        said.text
            .contains("no account lets the operator in: most likely its own role lacks the right"),
        "{}",
        said.text
    );
    assert!(
        said.text.contains("2 problems, 1 warning, 0 not known."),
        "{}",
        said.text
    );

    let entering = bootstrap_document("operator-permissions.json").unwrap();
    let edits = json!({"inline": {"crossrole": entering}});
    simulator.edit_role(IDENTITY_ACCOUNT, OPERATOR, edits).await.unwrap();
    let said = doctor(&simulator.endpoint, Some(&keys), &manifests, "text").await;
    assert_eq!(said.code, Some(0), "{}", said.text);
    assert!(
        said.text.contains("prod (222222222222): nothing is wrong"),
        "{}",
        said.text
    );

    let denied =
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "sts:*", "Resource": "*"}]});
    let edits = json!({"inline": {"no": denied}});
    simulator.edit_role(IDENTITY_ACCOUNT, OPERATOR, edits).await.unwrap();
    let said = doctor(&simulator.endpoint, Some(&keys), &manifests, "text").await;
    assert!(
        said.text
            .contains("problem, in the operator's own account: the operator's own role may not assume"),
        "{}",
        said.text
    );

    let unknown = Credentials {
        access_key_id: "ASIAUNKNOWNUNKNOWN00".to_owned(),
        ..keys.clone()
    };
    let said = doctor(&simulator.endpoint, Some(&unknown), &manifests, "text").await;
    assert_eq!(said.code, Some(1), "{}", said.text);
    assert!(
        said.text.contains("the operator's own identity is not known"),
        "{}",
        said.text
    );
}
