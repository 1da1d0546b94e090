//! `crossrole plan --live`, against simulated accounts.

use crossrole_testkit::{Scene, tools};
use serde_json::json;

use crate::command::{Said, plan};

const PROD: &str = "222222222222";
const STAGE: &str = "333333333333";
const ROLE: &str = "CrossAccountSecurityAudit";
const CLUSTER: &str = "--cluster-id=cluster-1";

async fn live(scene: &Scene) -> Said {
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
    let said = plan(&["-f", "examples/quickstart", "--live", CLUSTER], &environment, "");
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

    let open = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "999999999999"}, "Action": "sts:AssumeRole"}]});
    scene
        .simulator
        .edit_role(PROD, ROLE, json!({"trust": open}))
        .await
        .unwrap();
    let said = live(&scene).await;
    assert_eq!(said.code, Some(2), "{}{}", said.stdout, said.stderr);
    let change = format!(
        "security/security-audit in prod ({PROD}): change arn:aws:iam::{PROD}:role/crossrole/{ROLE}\n  1. set the trust policy\n"
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
