//! Kubernetes that does not take what counts: because somebody made the Event before, or because it takes none.

use crossrole_testkit::scene::PATIENCE;
use crossrole_testkit::{Figures, Scene, eventually};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::queue::Queue;
use super::records::{By, uses};
use super::support::PROD;
use super::{events, wait_for};

/// The annotations of an object have so many bytes at most: Kubernetes documentation, "Annotations".
const ANNOTATIONS: usize = 256 * 1024;

/// Person 1, who has a name, was counted this often.
fn counted() -> String {
    format!(
        "crossrole_role_uses_total{{account_id=\"{PROD}\",principal_type=\"IAMUser\",mfa=\"No\",outcome=\"Granted\"}}"
    )
}

/// Whoever may write Events fills the one that has counted person 1's uses: the next use is counted all the same.
pub async fn an_event_that_somebody_else_filled(
    scene: &Scene,
    queue: &Queue,
    figures: &Figures,
    arn: &str,
    uses_before: f64,
) {
    let of_person = |event: &Value| event["note"].as_str().unwrap().contains("user/person-1");
    let mut told = events(scene, &["Assumed"]).await;
    told.retain(of_person);
    for mut event in told {
        let annotations = event["metadata"]["annotations"].as_object_mut().unwrap();
        let used: usize = annotations
            .iter()
            .map(|(key, value)| key.len() + value.as_str().unwrap().len())
            .sum();
        annotations.insert("junk".into(), json!("x".repeat(ANNOTATIONS - used - "junk".len())));
        event["metadata"].as_object_mut().unwrap().remove("resourceVersion");
        let replace = ["replace", "-f", "-"];
        let replaced = scene
            .control_plane
            .kubectl_with_input(replace, &event.to_string())
            .await;
        replaced.unwrap().ok().unwrap();
    }
    queue.send(&uses(By::User, 1_006, arn, PROD, &Timestamp::now().to_string()));
    wait_for(figures, &counted(), uses_before + 1.0).await;
    let told = events(scene, &["Assumed"]).await;
    let told = told.iter().filter(|event| of_person(event));
    let full = told
        .filter(|event| event["metadata"]["annotations"].get("junk").is_none())
        .count();
    assert_eq!(full, 1, "another Event counts it");
}

/// Kubernetes takes no Events for a while. Nothing is taken from the queue meanwhile, and all is told in the end.
pub async fn no_right_to_write_events(scene: &Scene, queue: &Queue, figures: &Figures, arn: &str, uses_before: f64) {
    let control_plane = &scene.control_plane;
    let rights = ["get", "clusterrole", "crossrole", "--output", "jsonpath={.rules}"];
    let rights = control_plane.kubectl(rights).await.unwrap();
    let mut fewer: Value = serde_json::from_str(&rights).unwrap();
    fewer
        .as_array_mut()
        .unwrap()
        .retain(|rule| rule["resources"] != json!(["events"]));
    let replace = async |rules: &str| {
        let patch = format!("[{{\"op\": \"replace\", \"path\": \"/rules\", \"value\": {rules}}}]");
        let patch = ["patch", "clusterrole", "crossrole", "--type=json", "--patch", &patch];
        control_plane.kubectl(patch).await.unwrap();
    };
    replace(&fewer.to_string()).await;
    let now = || Timestamp::now().to_string();
    queue.send(&uses(By::Neighbour, 1_012, arn, PROD, &now()));
    let failures = "crossrole_kubernetes_failures_total{kind=\"Event\",code=\"403\"}";
    eventually(PATIENCE, "Events are refused", async || {
        let scrape = figures.scrape().await.map_err(|error| error.to_string())?;
        scrape
            .get(failures)
            .filter(|count| **count >= 1.0)
            .map(|_| ())
            .ok_or("none yet".to_string())
    })
    .await
    .unwrap();
    queue.send(&uses(By::Neighbour, 1_017, arn, PROD, &now()));
    let before = figures.scrape().await.unwrap()[failures];
    eventually(PATIENCE, "it is tried again", async || {
        let scrape = figures.scrape().await.map_err(|error| error.to_string())?;
        let found = scrape[failures];
        if found >= before + 2.0 {
            Ok(())
        } else {
            Err(found.to_string())
        }
    })
    .await
    .unwrap();
    assert_eq!(queue.left(), (2, 0), "nothing is deleted");
    // What is refused again and again is told without an Event; that takes a minute.
    if std::env::var_os("CROSSROLE_FEED").is_some_and(|wanted| wanted == "all") {
        eventually(PATIENCE * 5, "it is told without an Event", async || {
            match queue.left() {
                (left, 0) if left < 2 => Ok(()),
                left => Err(format!("{left:?}")),
            }
        })
        .await
        .unwrap();
    }
    replace(&rights).await;
    wait_for(figures, &counted(), uses_before + 2.0).await;
    eventually(PATIENCE, "the queue is empty", async || match queue.left() {
        (0, 0) => Ok(()),
        left => Err(format!("{left:?}")),
    })
    .await
    .unwrap();
}
