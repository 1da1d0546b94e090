//! Objects that this version cannot read.

use crossrole_testkit::{Scene, eventually, scene};
use serde_json::{Value, json};

use super::support::objects::delete;
use super::support::{account, role, with};
use super::{ASKED, apply, found, kubectl, start, wait_for};

/// Lets a kind hold anything, as another version of its schema would have.
async fn loosen(scene: &Scene, crd: &str) {
    let loose = json!([{"op": "replace", "path": "/spec/versions/0/schema/openAPIV3Schema", "value": {
        "type": "object", "x-kubernetes-preserve-unknown-fields": true
    }}]);
    let loose = loose.to_string();
    kubectl(scene, &["patch", "crd", crd, "--type=json", "--patch", &loose]).await;
}

/// Changes an object, as soon as the schema lets it in.
async fn patch(scene: &Scene, object: [&str; 2], patch: &Value) {
    let patch = patch.to_string();
    eventually(scene::PATIENCE, "a schema that lets it in", async || {
        let arguments = ["patch", object[0], object[1], "--namespace", "security"];
        let arguments = arguments.into_iter().chain(["--type=merge", "--patch", &patch]);
        let patched = scene.control_plane.kubectl(arguments).await;
        patched.map_err(|error| error.to_string())
    })
    .await
    .unwrap();
}

fn is_stalled(object: &Value) -> bool {
    let stalled = scene::condition(object, "Stalled");
    stalled["reason"] == "InvalidSpec" && stalled["observedGeneration"] == object["metadata"]["generation"]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_no_longer_fits_the_schema_says_so_and_stands_in_nobodys_way() {
    let scene = start().await;
    let mut operator = scene.operator(&ASKED).await.unwrap();
    apply(&scene, &[role("healthy"), role("spoilt")]).await;
    scene.wait_for_ready("security", "healthy", "True").await.unwrap();
    scene.wait_for_ready("security", "spoilt", "True").await.unwrap();
    let before = found(&scene, "spoilt").await;

    loosen(&scene, "crossaccountroles.crossrole.dev").await;
    patch(&scene, ["xar", "spoilt"], &json!({"spec": {"trust": "everybody"}})).await;
    let stalled = wait_for(&scene, "spoilt", "a condition", is_stalled).await;
    let others = [
        with(role("healthy"), "/spec/maxSessionDuration", json!("2h")),
        role("new"),
    ];
    apply(&scene, &others).await;
    scene.wait_for_ready("security", "healthy", "True").await.unwrap();
    scene.wait_for_ready("security", "new", "True").await.unwrap();
    delete(&scene, &["new"]).await;
    scene.wait_for_gone("xar", "security", "new").await.unwrap();
    assert_eq!(found(&scene, "healthy").await.unwrap().max_session_duration, 7200);
    assert_eq!(found(&scene, "spoilt").await, before);

    // Another process says since when it is so.
    operator.kill().await.unwrap();
    let _operator = scene.operator(&ASKED).await.unwrap();
    patch(&scene, ["xar", "spoilt"], &json!({"spec": {"trust": "nobody"}})).await;
    let still = wait_for(&scene, "spoilt", "a condition", is_stalled).await;
    for condition in ["Ready", "Stalled"] {
        let since = |object: &Value| scene::condition(object, condition)["lastTransitionTime"].clone();
        assert_eq!(since(&still), since(&stalled), "{condition}");
    }

    let mend = json!({"spec": {"trust": role("spoilt")["spec"]["trust"]}});
    patch(&scene, ["xar", "spoilt"], &mend).await;
    scene.wait_for_ready("security", "spoilt", "True").await.unwrap();
    assert_eq!(found(&scene, "spoilt").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_cannot_be_read_is_not_ready() {
    let scene = start().await;
    apply(&scene, &[account("spare", "999999999999")]).await;
    let _operator = scene.operator(&ASKED).await.unwrap();
    loosen(&scene, "awsaccounts.crossrole.dev").await;
    patch(
        &scene,
        ["awsaccount", "spare"],
        &json!({"spec": {"class": ["several"]}}),
    )
    .await;
    eventually(scene::PATIENCE, "a condition", async || {
        let spare = scene.get("awsaccount", "security", "spare").await;
        let spare = spare.map_err(|error| error.to_string())?;
        let is_ready = scene::condition(&spare, "Ready")["status"] == "True";
        if is_stalled(&spare) && !is_ready {
            Ok(())
        } else {
            Err(spare["status"].to_string())
        }
    })
    .await
    .unwrap();
}
