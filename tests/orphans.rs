//! Roles that no object wants any more: told in status and by an Event, listed, and removed only by name.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use crossrole_testkit::simulator::{Effect, Match};
use crossrole_testkit::{Scene, eventually, scene};
use serde_json::{Value, json};
use support::{PROD, account, class, namespace, role, yaml};
use tokio::process::Command;

const LOST: &str = "arn:aws:iam::222222222222:role/crossrole/lost";
const KEPT: &str = "arn:aws:iam::222222222222:role/crossrole/kept";

/// Runs `crossrole orphans` as the operator would: its exit code and what it printed.
async fn orphans(scene: &Scene, arguments: &[&str]) -> (i32, String, String) {
    let (namespace, user) = (&scene.container.namespace, &scene.container.service_account);
    let kubeconfig = scene
        .control_plane
        .service_account_kubeconfig(namespace, user)
        .await
        .unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_crossrole"))
        .arg("orphans")
        .args(arguments)
        .env_clear()
        .env("KUBECONFIG", kubeconfig)
        .env("AWS_ENDPOINT_URL", &scene.simulator.endpoint)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_ACCESS_KEY_ID", &scene.hub.access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", &scene.hub.secret_access_key)
        .env("AWS_SESSION_TOKEN", scene.hub.session_token.clone().unwrap_or_default())
        .output()
        .await
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

async fn wait_for_orphans(scene: &Scene, expected: &Value) {
    eventually(scene::PATIENCE, "the orphans in status", async || {
        let account = scene.get("awsaccount", "", "prod").await.unwrap();
        let told = account["status"]["orphans"].clone();
        if told == *expected {
            Ok(())
        } else {
            Err(told.to_string())
        }
    })
    .await
    .unwrap();
}

/// Waits until the account says for this reason that each role is read alone, or does not say so.
async fn wait_for_roles_read_alone(scene: &Scene, reason: Option<&str>) {
    eventually(scene::PATIENCE, "the condition RolesReadAlone", async || {
        let account = scene.get("awsaccount", "", "prod").await.unwrap();
        let found = scene::condition(&account, "RolesReadAlone")["reason"].as_str();
        if found == reason {
            Ok(())
        } else {
            Err(format!("{found:?}"))
        }
    })
    .await
    .unwrap();
}

/// Makes a role that carries tags as ours do.
async fn make_tagged(scene: &Scene, name: &str, path: &str, cluster: &str, owner: &str) {
    let role = json!({
        "name": name, "path": path, "tags": {"crossrole.dev/cluster": cluster, "crossrole.dev/owner": owner},
        "trust": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "sts:AssumeRole"}]}
    });
    scene.simulator.create_role(PROD, role).await.unwrap();
}

async fn is_there(scene: &Scene, name: &str) -> bool {
    scene.simulator.role(PROD, name).await.unwrap().is_some()
}

/// While somebody removes an orphan, an object comes that wants it.
async fn a_role_that_an_object_wants_by_now_stays(scene: &Scene, cluster: &str) {
    const LATE: &str = "arn:aws:iam::222222222222:role/crossrole/late";
    make_tagged(scene, "late", "/crossrole/", cluster, "security/late").await;
    wait_for_orphans(scene, &json!({"count": 1, "roles": [LATE]})).await;
    let reading = Match::action("GetRole").in_account(PROD).of_role("late");
    let held = scene.simulator.add_fault(reading, 1, 1, Effect::Hold).await.unwrap();
    let object_comes = async {
        let report = scene.simulator.wait_for_fault(held, scene::PATIENCE).await.unwrap();
        assert_eq!(report.fired, 1, "the role is read before it is removed");
        scene.control_plane.apply(&yaml(&[role("late")])).await.unwrap();
        scene.wait_for_ready("security", "late", "True").await.unwrap();
        scene.simulator.release_fault(held, true, true).await.unwrap();
    };
    let (removal, ()) = tokio::join!(orphans(scene, &["--remove", LATE]), object_comes);
    let (code, _, problem) = removal;
    assert_eq!(code, 1);
    assert!(
        problem.contains(&format!("{LATE}: an object wants it by now")),
        "{problem}"
    );
    assert!(is_there(scene, "late").await);
    wait_for_orphans(scene, &Value::Null).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_whose_object_is_lost_is_told_and_removed_only_by_name() {
    let scene = Scene::start(&[PROD]).await.unwrap();
    let mut operator = scene.operator(&["--resync-interval=1s"]).await.unwrap();
    let manifests = [
        namespace("security"),
        class("standard"),
        account("prod", PROD),
        role("kept"),
        role("lost"),
    ];
    scene.control_plane.apply(&yaml(&manifests)).await.unwrap();
    for object in ["kept", "lost"] {
        scene.wait_for_ready("security", object, "True").await.unwrap();
    }
    make_tagged(&scene, "foreign", "/crossrole/", "another", "security/lost").await;
    let (code, printed, _) = orphans(&scene, &[]).await;
    assert_eq!((code, printed.as_str()), (0, "no orphans\n"));

    // The object is lost as a cluster that is restored from an old backup loses it.
    operator.stop().await.unwrap();
    let patch = [
        "patch",
        "xar",
        "lost",
        "-n",
        "security",
        "--type=merge",
        "-p",
        r#"{"metadata": {"finalizers": null}}"#,
    ];
    scene.control_plane.kubectl(patch).await.unwrap();
    scene
        .control_plane
        .kubectl(["delete", "xar", "lost", "-n", "security"])
        .await
        .unwrap();
    let _operator = scene.operator(&["--resync-interval=1s"]).await.unwrap();
    wait_for_orphans(&scene, &json!({"count": 1, "roles": [LOST]})).await;
    let events = [
        "get",
        "events",
        "-A",
        "--field-selector=reason=RolesOrphaned",
        "-o",
        "jsonpath={.items[*].message}",
    ];
    let told = scene.control_plane.kubectl(events).await.unwrap();
    assert!(told.contains(LOST), "{told}");

    let (code, printed, _) = orphans(&scene, &[]).await;
    let expected = format!("{LOST}\n  account prod, made for security/lost: the object is gone\n");
    assert_eq!((code, printed), (2, expected));
    let (_, printed, _) = orphans(&scene, &["--output=json", "--account", "prod"]).await;
    let printed: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(printed["orphans"][0]["roleArn"], LOST);

    let foreign = "arn:aws:iam::222222222222:role/crossrole/foreign";
    for refused in [KEPT, foreign, "arn:aws:iam::999999999999:role/crossrole/lost"] {
        let (code, _, problem) = orphans(&scene, &["--remove", refused]).await;
        assert_eq!(code, 1);
        assert!(problem.contains(&format!("{refused}: is no orphan")), "{problem}");
    }
    assert!(is_there(&scene, "kept").await && is_there(&scene, "foreign").await && is_there(&scene, "lost").await);

    let (code, printed, problem) = orphans(&scene, &["--remove", LOST]).await;
    assert_eq!((code, printed), (0, format!("{LOST}\n  removed\n")), "{problem}");
    assert!(!is_there(&scene, "lost").await);
    assert!(is_there(&scene, "kept").await && is_there(&scene, "foreign").await);
    wait_for_orphans(&scene, &Value::Null).await;

    let cluster = ["get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}"];
    let cluster = scene.control_plane.kubectl(cluster).await.unwrap();
    a_role_that_an_object_wants_by_now_stays(&scene, cluster.trim()).await;

    // Those of the cluster that was rebuilt as this one count, and those that lie where roles lay before.
    let (code, printed, _) = orphans(&scene, &["--take-over-from=another"]).await;
    assert_eq!(code, 2);
    assert!(printed.starts_with(foreign), "{printed}");
    make_tagged(&scene, "moved", "/before/", cluster.trim(), "security/moved").await;
    let moved = json!({"count": 1, "roles": ["arn:aws:iam::222222222222:role/before/moved"]});
    wait_for_orphans(&scene, &moved).await;

    // Where the account does not let all roles be read at once, it says so, and each is read alone.
    let reading = Match::action("GetAccountAuthorizationDetails").in_account(PROD);
    let denied = Effect::Named("AccessDenied".into());
    let denial = scene.simulator.add_fault(reading, 1, 1_000_000, denied).await.unwrap();
    wait_for_roles_read_alone(&scene, Some("PermissionDenied")).await;
    let edited = scene
        .simulator
        .edit_role(PROD, "kept", json!({"description": "by hand"}));
    edited.await.unwrap();
    eventually(scene::PATIENCE, "the repair", async || {
        let role = scene.simulator.role(PROD, "kept").await.unwrap().unwrap();
        if role.description.as_deref() == Some("by hand") {
            Err("not yet")
        } else {
            Ok(())
        }
    })
    .await
    .unwrap();
    scene.simulator.end_fault(denial).await.unwrap();
    wait_for_roles_read_alone(&scene, None).await;
    let (code, _, problem) = orphans(&scene, &["--account", "nowhere"]).await;
    assert_eq!(code, 1);
    assert!(problem.contains("AWSAccount nowhere"), "{problem}");
}
