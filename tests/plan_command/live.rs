//! `crossrole plan --live`, against simulated accounts.

use crossrole_testkit::{Scene, tools};
use serde_json::{Value, json};

use crate::command::{Said, plan};

const PROD: &str = "222222222222";
const STAGE: &str = "333333333333";
const ROLE: &str = "CrossAccountSecurityAudit";
const CLUSTER: &str = "--cluster-id=cluster-1";

async fn live(scene: &Scene) -> Said {
    live_with(scene, &["-f", "examples/quickstart"], "").await
}

async fn live_with(scene: &Scene, files: &[&str], input: &str) -> Said {
    scene.simulator.reset_calls().await.unwrap();
    let token = scene.hub.session_token.clone().unwrap_or_default();
    let environment = [
        ("AWS_ENDPOINT_URL", scene.simulator.endpoint.as_str()),
        ("AWS_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_ACCESS_KEY_ID", scene.hub.access_key_id.as_str()),
        ("AWS_SECRET_ACCESS_KEY", scene.hub.secret_access_key.as_str()),
        ("AWS_SESSION_TOKEN", token.as_str()),
    ];
    let arguments: Vec<&str> = files.iter().copied().chain(["--live", CLUSTER]).collect();
    let said = plan(&arguments, &environment, input);
    let counts = scene.simulator.counts().await.unwrap();
    for (account, counts) in &counts.accounts {
        assert_eq!(counts.writes, 0, "{account}: {:?}", counts.actions);
    }
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_says_what_would_change_and_changes_nothing() {
    let scene = Scene::start(&[PROD, STAGE]).await.unwrap();

    let said = live(&scene).await;
    assert_eq!(said.code, Some(2), "{}{}", said.stdout, said.stderr);
    assert!(
        said.stdout
            .ends_with("Plan: 2 to create, 0 to change, 0 unchanged, 0 refused.\n"),
        "{}",
        said.stdout
    );

    let operator = scene.operator(&["--resync-interval=1s", CLUSTER]).await.unwrap();
    for file in ["namespace.yaml", "class.yaml", "accounts.yaml", "role.yaml"] {
        let path = tools::workspace().join("examples/quickstart").join(file);
        scene
            .control_plane
            .apply(&std::fs::read_to_string(path).unwrap())
            .await
            .unwrap();
    }
    scene
        .wait_for_ready("security", "security-audit", "True")
        .await
        .unwrap();
    drop(operator);

    let said = live(&scene).await;
    assert_eq!(said.code, Some(0), "{}{}", said.stdout, said.stderr);
    assert!(
        said.stdout
            .ends_with("Plan: 0 to create, 0 to change, 2 unchanged, 0 refused.\n"),
        "{}",
        said.stdout
    );

    what_is_refused_is_said_with_what_ends_access_all_the_same(&scene).await;

    let open = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "999999999999"}, "Action": "sts:AssumeRole"}]});
    scene
        .simulator
        .edit_role(PROD, ROLE, json!({"trust": open}))
        .await
        .unwrap();
    let said = live(&scene).await;
    assert_eq!(said.code, Some(2), "{}{}", said.stdout, said.stderr);
    let change = format!(
        "security/security-audit in prod ({PROD}): change arn:aws:iam::{PROD}:role/crossrole/{ROLE}\n     whoever this takes out of the trust policy keeps sessions from before for 4h at most: sessions.onTighten Revoke would end them\n  1. set the trust policy\n"
    );
    assert!(said.stdout.contains(&change), "{}", said.stdout);
    assert!(
        said.stdout
            .ends_with("Plan: 0 to create, 1 to change, 1 unchanged, 0 refused.\n"),
        "{}",
        said.stdout
    );

    // An account that cannot be entered is a failure, whatever the others say.
    scene.simulator.delete_role(STAGE, "crossrole-bootstrap").await.unwrap();
    let said = live(&scene).await;
    assert_eq!(said.code, Some(1), "{}{}", said.stdout, said.stderr);
    assert!(
        said.stdout.contains("in stage (333333333333): failed"),
        "{}",
        said.stdout
    );
}

fn quickstart(file: &str) -> String {
    std::fs::read_to_string(tools::workspace().join("examples/quickstart").join(file)).unwrap()
}

/// With both roles of the quickstart there, and room for one alone.
async fn what_is_refused_is_said_with_what_ends_access_all_the_same(scene: &Scene) {
    const ACCOUNTS: &str = "examples/quickstart/accounts.yaml";
    let class = quickstart("class.yaml").replace("  guardrails:\n", "  guardrails:\n    maxRolesPerNamespace: 1\n");
    let held = quickstart("role.yaml");
    let another = held.replace("security-audit", "another").replace(ROLE, "Another");
    // The new one stands first in the files, and has no room beside those that are there.
    let files = format!("{class}---\n{another}---\n{held}");
    let said = live_with(scene, &["-f", ACCOUNTS, "-f", "-", "--output", "json"], &files).await;
    assert_eq!(said.code, Some(1), "{}{}", said.stdout, said.stderr);
    let report: Value = serde_json::from_str(&said.stdout).unwrap();
    let plans = report["plans"].as_array().unwrap().iter();
    let told: Vec<String> = plans
        .map(|plan| {
            let reason = plan["reason"].as_str().unwrap_or_default();
            format!("{} in {}: {} {reason}", plan["name"], plan["account"], plan["outcome"]).replace('"', "")
        })
        .collect();
    assert_eq!(
        told,
        [
            "another in prod: refused TooManyRoles",
            "another in stage: refused TooManyRoles",
            "security-audit in prod: unchanged ",
            "security-audit in stage: unchanged "
        ]
    );
    assert_eq!(
        report["plans"][0]["message"],
        "namespace security has 2 roles in accounts of AccountClass standard, and guardrails.maxRolesPerNamespace allows 1"
    );
    assert_eq!(report["summary"]["refused"], 2);
    assert_eq!(report["live"], true);

    let closed = held.replace("maxSessionDuration: 4h", "maxSessionDuration: 12h\n  access: Closed");
    assert_ne!(closed, held);
    let said = live_with(scene, &["-f", ACCOUNTS, "-f", "-"], &format!("{class}---\n{closed}")).await;
    assert_eq!(said.code, Some(1), "{}{}", said.stdout, said.stderr);
    for account in ["prod (222222222222)", "stage (333333333333)"] {
        let refused = format!(
            "security/security-audit in {account}: refused, SessionTooLong\n     spec.maxSessionDuration: 12h is longer than the 4h that AccountClass standard allows\n     access ends all the same:\n  1. set the trust policy\n"
        );
        assert!(said.stdout.contains(&refused), "{}", said.stdout);
    }
    assert!(
        said.stdout.contains("put inline policy crossrole-closed"),
        "{}",
        said.stdout
    );
}
