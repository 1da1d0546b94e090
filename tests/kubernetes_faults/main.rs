//! A Kubernetes that forgets, disagrees or is away, and people who put their hands on roles and tags.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod memory;
mod namespaces;
mod ownership;
#[path = "../support/mod.rs"]
mod support;
mod unreadable;

use crossrole_testkit::simulator::{Call, Role};
use crossrole_testkit::{Scene, eventually, scene};
use kube::api::{Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use support::objects::{ask, delete, is_ready};
use support::{PROD, account, class, namespace, role, with, yaml};

/// Nothing is looked at but what is asked for, or what a start looks at.
const ASKED: [&str; 3] = [
    "--resync-interval=24h",
    "--propagation-delay=1s",
    "--cluster-id=this-cluster",
];

async fn start() -> Scene {
    // A status is lost here by the hand of a test.
    let settings = ["leaderElection.enabled=false", "admissionPolicies.status=false"];
    let scene = Scene::start_with(&[PROD], &settings).await.unwrap();
    apply(
        &scene,
        &[namespace("security"), class("standard"), account("prod", PROD)],
    )
    .await;
    scene
}

async fn apply(scene: &Scene, objects: &[Value]) {
    scene.control_plane.apply(&yaml(objects)).await.unwrap();
}

async fn kubectl(scene: &Scene, arguments: &[&str]) -> String {
    scene.control_plane.kubectl(arguments).await.unwrap()
}

async fn found(scene: &Scene, name: &str) -> Option<Role> {
    scene.simulator.role(PROD, name).await.unwrap()
}

/// Waits until an object of the namespace `security` is as wanted.
async fn wait_for(scene: &Scene, name: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    eventually(scene::PATIENCE, &format!("{name}: {what}"), async || {
        let object = scene.get("xar", "security", name).await;
        let object = object.map_err(|error| error.to_string())?;
        if holds(&object) {
            Ok(object)
        } else {
            Err(object["status"].to_string())
        }
    })
    .await
    .unwrap()
}

async fn wait_for_reason(scene: &Scene, name: &str, reason: &str) -> Value {
    let gives = |object: &Value| object["status"]["accounts"][0]["reason"] == reason;
    wait_for(scene, name, reason, gives).await
}

/// Asks for a look, and waits until it has ended with the object Ready.
async fn look(scene: &Scene, name: &str, asked: &str) -> Value {
    ask(scene, &[name], asked).await;
    wait_for(scene, name, "a look", is_ready).await
}

async fn patch_status(scene: &Scene, name: &str, status: Value) {
    let patch = json!({"status": status}).to_string();
    let arguments = ["patch", "xar", name, "--namespace", "security", "--subresource=status"];
    let arguments = arguments.into_iter().chain(["--type=merge", "--patch", &patch]);
    scene.control_plane.kubectl(arguments).await.unwrap();
}

fn lost() -> Value {
    json!({"accounts": null, "conditions": null, "summary": null, "observedGeneration": -1})
}

/// Writes about a role, by action, in order, but those that IAM refused: that a role which was just found absent is not
/// is said by the refusal to make it.
async fn writes(scene: &Scene, name: &str) -> Vec<String> {
    let calls = scene.simulator.calls(0).await.unwrap();
    let about = |call: &Call| call.kind == "write" && call.role.as_deref() == Some(name) && call.code == "OK";
    calls.into_iter().filter(about).map(|call| call.action).collect()
}

/// Takes an object away as a backup tool does that clears a cluster: nobody is asked.
async fn vanish(scene: &Scene, names: &[&str]) {
    for name in names {
        let arguments = ["patch", "xar", name, "--namespace", "security", "--type=merge"];
        let arguments = arguments
            .into_iter()
            .chain(["--patch", r#"{"metadata":{"finalizers":null}}"#]);
        scene.control_plane.kubectl(arguments).await.unwrap();
    }
    delete(scene, names).await;
    for name in names {
        scene.wait_for_gone("xar", "security", name).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_is_lost_or_old_is_written_again_from_the_tags_and_aws_is_not_written_to() {
    let scene = start().await;
    let mut operator = scene.operator(&ASKED).await.unwrap();
    apply(&scene, &[role("lost"), role("old")]).await;
    let lost_before = scene.wait_for_ready("security", "lost", "True").await.unwrap();
    let old_before = scene.wait_for_ready("security", "old", "True").await.unwrap();
    scene.simulator.reset_calls().await.unwrap();
    let entry = |object: &Value| {
        let mut entry = object["status"]["accounts"][0].clone();
        entry["lastTransitionTime"] = Value::Null;
        entry
    };

    // While it runs.
    patch_status(&scene, "lost", lost()).await;
    let again = look(&scene, "lost", "1").await;
    assert_eq!(entry(&again), entry(&lost_before));

    // While it does not.
    operator.kill().await.unwrap();
    patch_status(&scene, "lost", lost()).await;
    let mut older = old_before["status"].clone();
    older["accounts"][0]["roleId"] = json!("AROAFROMABACKUP000000");
    patch_status(&scene, "old", older).await;
    let _operator = scene.operator(&ASKED).await.unwrap();
    let again = wait_for(&scene, "lost", "an entry", is_ready).await;
    assert_eq!(entry(&again), entry(&lost_before));
    let id = &old_before["status"]["accounts"][0]["roleId"];
    wait_for(&scene, "old", "its id", |object| {
        object["status"]["accounts"][0]["roleId"] == *id
    })
    .await;
    assert_eq!(scene.simulator.counts().await.unwrap().total.writes, 0);
    let events = kubectl(&scene, &["get", "events", "--all-namespaces", "--output", "json"]).await;
    assert!(
        events.contains("AROAFROMABACKUP000000"),
        "the other id is told: {events}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_that_are_deleted_while_the_operator_is_down_lose_their_roles_even_without_a_status() {
    let scene = start().await;
    let mut operator = scene.operator(&ASKED).await.unwrap();
    apply(&scene, &[role("known"), role("forgotten"), role("kept")]).await;
    for name in ["known", "forgotten", "kept"] {
        scene.wait_for_ready("security", name, "True").await.unwrap();
    }
    operator.kill().await.unwrap();
    patch_status(&scene, "forgotten", lost()).await;
    delete(&scene, &["known", "forgotten"]).await;
    let kept = found(&scene, "kept").await;
    let _operator = scene.operator(&ASKED).await.unwrap();
    for name in ["known", "forgotten"] {
        scene.wait_for_gone("xar", "security", name).await.unwrap();
        assert_eq!(found(&scene, name).await, None);
    }
    assert_eq!(found(&scene, "kept").await, kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_never_stops_writing_to_an_object_does_not_keep_it_from_being_made_true() {
    let scene = start().await;
    let _operator = scene.operator(&ASKED).await.unwrap();
    let kubeconfig = Kubeconfig::read_from(scene.control_plane.kubeconfig()).unwrap();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .unwrap();
    let kind = kube::core::GroupVersionKind::gvk("crossrole.dev", "v1alpha1", "CrossAccountRole");
    let client = kube::Client::try_from(config).unwrap();
    let resource = kube::core::ApiResource::from_gvk(&kind);
    let api: kube::Api<kube::core::DynamicObject> = kube::Api::namespaced_with(client, "security", &resource);
    let scribbler = tokio::spawn(async move {
        let mut strokes = 0_u64;
        loop {
            let noise = json!({"metadata": {"annotations": {"example.com/noise": strokes.to_string()}}});
            // The object is not there before its time and after it.
            let _ = api.patch("noisy", &PatchParams::default(), &Patch::Merge(noise)).await;
            strokes += 1;
        }
    });
    apply(&scene, &[role("noisy")]).await;
    scene.wait_for_ready("security", "noisy", "True").await.unwrap();
    apply(&scene, &[with(role("noisy"), "/spec/maxSessionDuration", json!("2h"))]).await;
    scene.wait_for_ready("security", "noisy", "True").await.unwrap();
    let made = writes(&scene, "noisy").await;
    let expected = [
        "CreateRole",
        "PutRolePolicy",
        "AttachRolePolicy",
        "AttachRolePolicy",
        "UpdateRole",
    ];
    let sorted = |mut actions: Vec<String>| {
        actions.sort();
        actions
    };
    assert_eq!(sorted(made), sorted(expected.map(String::from).to_vec()));
    delete(&scene, &["noisy"]).await;
    scene.wait_for_gone("xar", "security", "noisy").await.unwrap();
    assert_eq!(found(&scene, "noisy").await, None);
    scribbler.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_is_away_for_a_while_costs_nothing_and_work_goes_on_afterwards() {
    let mut scene = start().await;
    let flags = ["--resync-interval=1s", "--propagation-delay=1s"];
    let mut operator = scene.operator(&flags).await.unwrap();
    apply(&scene, &[role("steady"), role("leaving")]).await;
    scene.wait_for_ready("security", "steady", "True").await.unwrap();
    scene.wait_for_ready("security", "leaving", "True").await.unwrap();
    let (steady, leaving) = (found(&scene, "steady").await, found(&scene, "leaving").await);
    // What is still to be written would be tried again and again, in place of looks.
    support::wait_for_roles_in_prod(&scene, 2).await;
    scene.control_plane.kill_api_server().await.unwrap();
    scene.simulator.reset_calls().await.unwrap();

    // Looks go on from what is cached; absence is counted in them.
    eventually(scene::PATIENCE, "more looks", async || {
        let looks = scene.simulator.counts().await.unwrap().total.actions;
        let looks = looks.get("GetAccountAuthorizationDetails").copied().unwrap_or_default();
        if looks >= 10 {
            Ok(())
        } else {
            Err(format!("{looks} looks"))
        }
    })
    .await
    .unwrap();
    assert_eq!(scene.simulator.counts().await.unwrap().total.writes, 0);
    assert_eq!(
        (found(&scene, "steady").await, found(&scene, "leaving").await),
        (steady, leaving)
    );
    assert_eq!(operator.exit_status().unwrap(), None);

    scene.control_plane.start_api_server_again().await.unwrap();
    apply(&scene, &[with(role("steady"), "/spec/maxSessionDuration", json!("2h"))]).await;
    delete(&scene, &["leaving"]).await;
    scene.wait_for_ready("security", "steady", "True").await.unwrap();
    scene.wait_for_gone("xar", "security", "leaving").await.unwrap();
    assert_eq!(found(&scene, "steady").await.unwrap().max_session_duration, 7200);
    assert_eq!(found(&scene, "leaving").await, None);
    assert_eq!(operator.exit_status().unwrap(), None, "it is the same process");
}
