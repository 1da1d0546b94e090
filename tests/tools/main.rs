//! `crossrole access`, `profiles`, `import` and `completion`, and the program as a plugin of kubectl.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod hundred;
mod profiles;
mod unused;

#[path = "../support/emulators.rs"]
mod emulators;
#[path = "../support/python.rs"]
mod python;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::process::{Command, Output, Stdio};

use crossrole_testkit::scene::IDENTITY_ACCOUNT;
use crossrole_testkit::tools::workspace;
use crossrole_testkit::{Scene, simulator::Credentials};
use python::succeeded;
use serde_json::{Value, json};
use support::{PROD, account, class, namespace, role, yaml};

/// Runs the program with nothing of the caller's environment but these variables.
fn crossrole(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crossrole"));
    command.args(arguments).current_dir(workspace()).env_clear();
    command.envs(environment.iter().copied()).output().unwrap()
}

fn printed(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    String::from_utf8(succeeded(crossrole(arguments, environment))).unwrap()
}

/// Runs it with an identity in the simulator.
fn as_identity(scene: &Scene, identity: &Credentials, arguments: &[&str]) -> Output {
    let token = identity.session_token.clone().unwrap_or_default();
    let mut environment = vec![
        ("AWS_ENDPOINT_URL", scene.simulator.endpoint.as_str()),
        ("AWS_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_ACCESS_KEY_ID", identity.access_key_id.as_str()),
        ("AWS_SECRET_ACCESS_KEY", identity.secret_access_key.as_str()),
    ];
    environment.extend((!token.is_empty()).then_some(("AWS_SESSION_TOKEN", token.as_str())));
    crossrole(arguments, &environment)
}

/// Roles that somebody made by hand: of structured trust, of raw trust, and with everything that a role can have.
fn by_hand() -> [Value; 3] {
    let trust = |statements: Value| json!({"Version": "2012-10-17", "Statement": statements});
    let allow = |condition: Value| json!({"Effect": "Allow", "Principal": {"AWS": IDENTITY_ACCOUNT}, "Action": "sts:AssumeRole", "Condition": condition});
    let boundary = format!("arn:aws:iam::{PROD}:policy/crossrole-boundary");
    let mfa = allow(json!({
        "ArnLike": {"aws:PrincipalArn": format!("arn:aws:iam::{IDENTITY_ACCOUNT}:user/*")},
        "Bool": {"aws:MultiFactorAuthPresent": "true"},
        "NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}
    }));
    let raw = allow(json!({
        "ArnLike": {"aws:PrincipalArn": format!("arn:aws:iam::{IDENTITY_ACCOUNT}:user/*")},
        "Bool": {"aws:MultiFactorAuthPresent": "true"},
        "NumericLessThan": {"aws:MultiFactorAuthAge": ["3600", "1800"]}
    }));
    [
        json!({"name": "Legacy_Audit", "path": "/crossrole/old/", "trust": trust(json!([mfa])), "boundary": boundary}),
        json!({"name": "legacy-raw", "path": "/crossrole/old/", "trust": trust(json!([raw])), "boundary": boundary}),
        json!({
            "name": "legacy-full", "path": "/crossrole/old/", "trust": trust(json!([mfa])), "boundary": boundary,
            "description": "reads: logs # and \"more\"", "maxSessionDuration": 7200, "tags": {"team": "security"},
            "attached": ["arn:aws:iam::aws:policy/SecurityAudit"],
            "inline": {"read-logs": trust(json!([{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::logs/${aws:username}/*"}]))}
        }),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_imported_taken_over_told_and_opened() {
    let scene = Scene::start(&[PROD]).await.unwrap();
    let _operator = scene.operator(&["--resync-interval=24h"]).await.unwrap();
    let mut adopting = class("standard");
    adopting["spec"]["adoption"] = json!({"roles": ["/crossrole/old/*", format!("{}*", hundred::PATH)]});
    adopting["spec"]["guardrails"]["trust"] = hundred::trust_of_class();
    let objects = [namespace("security"), adopting, account("prod", PROD)];
    scene.control_plane.apply(&yaml(&objects)).await.unwrap();
    let files = scene.control_plane.folder().join("objects.yaml");
    std::fs::write(&files, yaml(&objects)).unwrap();
    let files = files.display().to_string();
    for role in by_hand() {
        scene.simulator.create_role(PROD, role).await.unwrap();
    }
    scene.simulator.reset_calls().await.unwrap();

    let asked = ["import", "--account", "prod", "--namespace", "security"];
    let through = [&asked[..], &["--path-prefix", "/crossrole/old/", "-f", &files]].concat();
    let output = as_identity(&scene, &scene.hub, &through);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let manifests = String::from_utf8(succeeded(output)).unwrap();
    assert!(
        manifests.contains("name: legacy-audit.prod\n") && manifests.contains("roleName: Legacy_Audit"),
        "{manifests}"
    );
    assert_eq!(manifests.matches("extraTrustStatements:").count(), 1, "{manifests}");
    // With the account's own identity the boundary is said too: nobody knows that a class forces it.
    let root = scene.simulator.root_keys(PROD).await.unwrap();
    let own = [&asked[..], &["--name", "LEGACY-*"]].concat();
    let own = String::from_utf8(succeeded(as_identity(&scene, &root, &own))).unwrap();
    assert_eq!(
        own.matches("permissionsBoundary: crossrole-boundary").count(),
        2,
        "{own}"
    );
    let bootstrap = format!("arn:aws:iam::{PROD}:role/crossrole-bootstrap");
    let one = [&asked[..], &["--arn", &bootstrap]].concat();
    let one = String::from_utf8(succeeded(as_identity(&scene, &root, &one))).unwrap();
    assert!(one.contains("roleName: crossrole-bootstrap"), "{one}");
    let none = [&asked[..], &["--name", "nobody"]].concat();
    assert_eq!(as_identity(&scene, &root, &none).status.code(), Some(1));
    assert_eq!(scene.simulator.counts().await.unwrap().total.writes, 0);

    scene.control_plane.apply(&manifests).await.unwrap();
    for name in ["legacy-audit.prod", "legacy-raw.prod", "legacy-full.prod"] {
        scene.wait_for_ready("security", name, "True").await.unwrap();
    }
    let counts = scene.simulator.counts().await.unwrap().total;
    assert_eq!(counts.actions.get("TagRole").copied(), Some(3), "{:?}", counts.actions);
    assert_eq!(counts.writes, 3, "{:?}", counts.actions);
    let again = as_identity(&scene, &scene.hub, &through);
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(
        again.status.code() == Some(1) && said.contains("a crossrole holds it already"),
        "{said}"
    );

    the_cluster_says_who_gets_in(&scene).await;

    hundred::make(&scene).await;
    let all = [&asked[..], &["--path-prefix", hundred::PATH, "-f", &files]].concat();
    let output = as_identity(&scene, &scene.hub, &all);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let manifests = String::from_utf8(succeeded(output)).unwrap();
    hundred::take_over(&scene, &manifests).await;
}

async fn the_cluster_says_who_gets_in(scene: &Scene) {
    let closed = support::with(role("closed"), "/spec/access", json!("Closed"));
    scene.control_plane.apply(&yaml(&[closed])).await.unwrap();
    scene.wait_for_ready("security", "closed", "True").await.unwrap();
    let kubeconfig = scene.control_plane.kubeconfig().display().to_string();
    let environment = [("KUBECONFIG", kubeconfig.as_str())];
    let table: Value = serde_json::from_str(&printed(&["access", "--output", "json"], &environment)).unwrap();
    let rows = table["rows"].as_array().unwrap().iter();
    let told: BTreeMap<String, String> = rows
        .map(|row| {
            let text = |member: &str| row[member].as_str().unwrap().to_string();
            (
                text("name"),
                format!("{}: {} [{}]", text("who"), text("how"), text("state")),
            )
        })
        .collect();
    let users = "users of account 111111111111: MFA, MFA less than 1h old";
    let raw = "users of account 111111111111: MFA, NumericLessThan aws:MultiFactorAuthAge [3600, 1800] [open]";
    let expected = [
        ("closed", format!("{users} [closed]")),
        ("legacy-audit.prod", format!("{users} [open]")),
        ("legacy-full.prod", format!("{users} [open]")),
        ("legacy-raw.prod", raw.to_string()),
    ];
    assert_eq!(
        told,
        BTreeMap::from(expected.map(|(name, said)| (name.to_string(), said)))
    );
    let page = printed(&["access", "--output", "html"], &environment);
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("<svg"), "{page}");
    let alice = format!("arn:aws:iam::{IDENTITY_ACCOUNT}:user/alice");
    let serial = format!("arn:aws:iam::{IDENTITY_ACCOUNT}:mfa/alice");
    let profiles = printed(&["profiles", &alice, "--mfa-serial", &serial], &environment);
    assert_eq!(
        profiles.matches("[profile prod/security/legacy-").count(),
        3,
        "{profiles}"
    );
    assert!(!profiles.contains("closed"), "{profiles}");
}

#[test]
fn whoever_reads_what_is_printed_may_stop_reading() {
    for arguments in [&["crd"][..], &["completion", "bash"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crossrole"));
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{arguments:?}: {said}");
    }
}

#[test]
fn kubectl_finds_it_as_a_plugin_and_shells_complete_it() {
    let folder = emulators::Folder::new("plugin");
    let plugin = folder.0.join("kubectl-crossrole");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_crossrole"), &plugin).unwrap();
    let said = Command::new(&plugin).args(["plan", "--help"]).output().unwrap();
    let said = String::from_utf8(succeeded(said)).unwrap();
    assert!(said.contains("Usage: kubectl crossrole plan"), "{said}");
    assert!(printed(&["plan", "--help"], &[]).contains("Usage: crossrole plan"));
    for (shell, part) in [
        ("bash", "complete -F _crossrole"),
        ("zsh", "#compdef crossrole"),
        ("fish", "complete -c crossrole"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let script = printed(&["completion", shell], &[]);
        assert!(script.contains(part) && script.contains("orphans"), "{shell}: {script}");
    }
}
