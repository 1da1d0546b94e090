//! Two objects for one role, and refusals that end by themselves.

use crossrole_testkit::scene::{self, set_up_target_account};
use crossrole_testkit::{Scene, eventually};
use serde_json::json;

use super::support::{PROD, account, class, namespace, role, with, yaml};

#[tokio::test(flavor = "multi_thread")]
async fn of_two_objects_for_one_role_the_tagged_owner_keeps_it_and_age_decides_where_there_is_no_tag() {
    let scene = Scene::start(&[PROD]).await.unwrap();
    scene
        .control_plane
        .apply(&yaml(&[
            namespace("security"),
            class("standard"),
            account("prod", PROD),
        ]))
        .await
        .unwrap();
    let named = |object: &str| with(role(object), "/spec/roleName", json!("Contested"));

    // Both are there before the operator is: the older has it, although its name comes last.
    scene.control_plane.apply(&yaml(&[named("z-older")])).await.unwrap();
    let created =
        async |name: &str| scene.get("xar", "security", name).await.unwrap()["metadata"]["creationTimestamp"].clone();
    eventually(scene::PATIENCE, "a younger object", async || {
        scene.control_plane.apply(&yaml(&[named("a-younger")])).await.unwrap();
        if created("a-younger").await != created("z-older").await {
            return Ok(());
        }
        scene
            .control_plane
            .kubectl(["delete", "xar", "a-younger", "--namespace", "security"])
            .await
            .unwrap();
        Err("of the same second")
    })
    .await
    .unwrap();
    let _operator = scene.operator(&["--resync-interval=24h"]).await.unwrap();
    scene.wait_for_ready("security", "z-older", "True").await.unwrap();
    let refused = async |name: &str, holder: &str| {
        eventually(scene::PATIENCE, "a refusal", async || {
            let role = scene.get("xar", "security", name).await.unwrap();
            let entry = role["status"]["accounts"][0].clone();
            let told = scene::condition(&role, "Stalled")["message"].to_string();
            if entry["reason"] == "HeldByAnother" && told.contains(holder) {
                Ok(())
            } else {
                Err(role["status"].to_string())
            }
        })
        .await
        .unwrap();
    };
    refused("a-younger", "security/z-older").await;

    // The older one goes: the younger gets the name without being touched.
    scene
        .control_plane
        .kubectl(["delete", "xar", "z-older", "--namespace", "security"])
        .await
        .unwrap();
    scene.wait_for_ready("security", "a-younger", "True").await.unwrap();
    // An object that is older in no way keeps what it is tagged for; the one that comes later is told who holds it.
    scene.control_plane.apply(&yaml(&[named("z-older")])).await.unwrap();
    refused("z-older", "security/a-younger").await;
    let tags = scene.simulator.role(PROD, "Contested").await.unwrap().unwrap().tags;
    assert_eq!(tags["crossrole.dev/owner"], "security/a-younger");
}

/// Accounts that hold nothing of ours answer as AWS does.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_becomes_enterable_heals_by_itself() {
    let scene = Scene::start(&[]).await.unwrap();
    scene.simulator.create_account(PROD, None).await.unwrap();
    scene
        .control_plane
        .apply(&yaml(&[
            namespace("security"),
            class("standard"),
            account("prod", PROD),
            role("patient"),
        ]))
        .await
        .unwrap();
    let _operator = scene.operator(&["--resync-interval=1s"]).await.unwrap();
    let role = scene.wait_for_ready("security", "patient", "False").await.unwrap();
    assert_eq!(role["metadata"]["finalizers"], json!(["crossrole.dev/roles"]));
    set_up_target_account(&scene.simulator, PROD).await.unwrap();
    scene.wait_for_ready("security", "patient", "True").await.unwrap();
}
