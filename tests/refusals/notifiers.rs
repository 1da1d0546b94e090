//! Who is told what happens to roles: what nobody can ask for, and what is said of a name that a class does not know.

use crossrole_testkit::scene;
use crossrole_testkit::{Scene, eventually};
use serde_json::{Value, json};

use super::support::{PROD, account, class, namespace, role, with, yaml};

fn chat() -> Value {
    json!({"name": "chat", "url": "https://hooks.example.com/crossrole", "secretFile": "chat/secret"})
}

/// A class with one notifier.
fn telling(name: &str, field: &str, value: Value) -> Value {
    let mut chat = chat();
    chat[field] = value;
    with(class(name), "/spec/notifiers", json!([chat]))
}

fn asking(notify: Value) -> Value {
    with(role("refused"), "/spec/notify", notify)
}

/// What no class and no role can ask for.
pub fn impossible() -> Vec<(&'static str, Value)> {
    let of_url = |url: &str| telling("refused", "url", json!(url));
    let of_file = |file: &str| telling("refused", "secretFile", json!(file));
    vec![
        ("a notifier without TLS", of_url("http://hooks.example.com/")),
        ("a notifier at loopback without TLS", of_url("http://127.0.0.1:8080/")),
        ("a notifier that is a file", of_url("file:///etc/passwd")),
        ("a notifier without a host", of_url("https:///crossrole")),
        ("a notifier with a user", of_url("https://me:secret@hooks.example.com/")),
        ("a secret at an absolute path", of_file("/etc/shadow")),
        ("a secret that lies further up", of_file("../token")),
        (
            "a secret that lies further up, by a detour",
            of_file("chat/../../token"),
        ),
        (
            "two notifiers of one name",
            with(class("refused"), "/spec/notifiers", json!([chat(), chat()])),
        ),
        (
            "a class that tells nobody whom it knows",
            with(
                telling("refused", "name", json!("chat")),
                "/spec/notify",
                json!({"of": ["Denied"], "to": "pager"}),
            ),
        ),
        (
            "a class that tells somebody and knows nobody",
            with(
                class("refused"),
                "/spec/notify",
                json!({"of": ["Denied"], "to": "chat"}),
            ),
        ),
        (
            "a role that is to be told of nothing",
            asking(json!({"of": [], "to": "chat"})),
        ),
        (
            "a role that is to be told of what never happens",
            asking(json!({"of": ["Made"], "to": "chat"})),
        ),
        (
            "a role that names an address",
            asking(json!({"of": ["Assumed"], "to": "https://hooks.example.com/"})),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notifier_that_the_class_does_not_know_is_told_of_and_holds_up_nothing() {
    let scene = Scene::start(&[PROD]).await.unwrap();
    let notify = json!({"of": ["Assumed"], "to": "chat"});
    let manifests = [
        namespace("security"),
        class("standard"),
        account("prod", PROD),
        with(role("audit"), "/spec/notify", notify),
    ];
    scene.control_plane.apply(&yaml(&manifests)).await.unwrap();
    let _operator = scene.operator(&["--resync-interval=24h"]).await.unwrap();
    let missing = async |expected: Option<&str>| {
        eventually(scene::PATIENCE, "what is said of the notifier", async || {
            let role = scene
                .get("xar", "security", "audit")
                .await
                .map_err(|error| error.to_string())?;
            let ready = scene::condition(&role, "Ready")["status"] == "True";
            let missing = scene::condition(&role, "NotifierMissing");
            let said = missing["message"].as_str();
            let fits = match expected {
                None => missing.is_null(),
                Some(part) => missing["status"] == "True" && said.is_some_and(|said| said.contains(part)),
            };
            if ready && fits {
                Ok(())
            } else {
                Err(role["status"].to_string())
            }
        })
        .await
        .unwrap();
    };
    missing(Some("AccountClass standard has no notifier chat")).await;
    assert!(scene.simulator.role(PROD, "audit").await.unwrap().is_some());
    let events = ["get", "events.events.k8s.io", "-n", "security", "-o", "json"];
    eventually(scene::PATIENCE, "an Event", async || {
        let events = scene
            .control_plane
            .kubectl(events)
            .await
            .map_err(|error| error.to_string())?;
        if events.contains("\"NotifierNotFound\"") {
            Ok(())
        } else {
            Err(events)
        }
    })
    .await
    .unwrap();
    let known = telling("standard", "name", json!("chat"));
    scene.control_plane.apply(&yaml(&[known])).await.unwrap();
    missing(None).await;
}
