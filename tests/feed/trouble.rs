//! Kubernetes that does not take what counts: because somebody spoiled the Event, because a namespace takes none, or because
//! nobody answers.

use crossrole_testkit::scene::PATIENCE;
use crossrole_testkit::{Figures, Scene, eventually};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::queue::Queue;
use super::records::{By, uses};
use super::support::{PROD, yaml};
use super::{events, wait_for};

/// The annotations of an object have so many bytes at most: Kubernetes documentation, "Annotations".
const ANNOTATIONS: usize = 256 * 1024;

/// Person 1, who has a name, was counted this often.
fn counted() -> String {
    format!(
        "crossrole_role_uses_total{{account_id=\"{PROD}\",principal_type=\"IAMUser\",mfa=\"No\",outcome=\"Granted\"}}"
    )
}

/// Whoever may write Events spoils the one that has counted person 1's uses, by filling it and by making of it what cannot be
/// read: the next use is counted all the same.
pub async fn an_event_that_somebody_else_spoiled(
    scene: &Scene,
    queue: &Queue,
    figures: &Figures,
    arn: &str,
    uses_before: f64,
) {
    let of_person = |event: &Value| event["note"].as_str().unwrap().contains("user/person-1");
    let of_person_1 = async || {
        let mut told = events(scene, &["Assumed"]).await;
        told.retain(of_person);
        told
    };
    for mut event in of_person_1().await {
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
    queue.send(&uses(By::User, 1_006, arn, PROD, &now()));
    wait_for(figures, &counted(), uses_before + 1.0).await;
    let told = of_person_1().await;
    let full = told
        .iter()
        .filter(|event| event["metadata"]["annotations"].get("junk").is_none())
        .count();
    assert_eq!(full, 1, "another Event counts it");

    // The older version of the API takes a series without a time, which the newer one has no reading for.
    let series = json!({"series": {"count": 2, "lastObservedTime": null}}).to_string();
    for event in told {
        let name = event["metadata"]["name"].as_str().unwrap();
        let patch = [
            "patch",
            "events.v1.",
            name,
            "--namespace",
            "security",
            "--type=merge",
            "--patch",
            &series,
        ];
        scene.control_plane.kubectl(patch).await.unwrap();
    }
    queue.send(&uses(By::User, 1_011, arn, PROD, &now()));
    wait_for(figures, &counted(), uses_before + 2.0).await;
}

/// The namespace where no Event can be written.
pub const SHUT: &str = "shut";

/// Forbids Events in the namespace [`SHUT`].
pub async fn shut(scene: &Scene) {
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": "shut"},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": SHUT}},
                "resourceRules": [{"apiGroups": ["events.k8s.io", ""], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"], "resources": ["events"]}]
            },
            "validations": [{"expression": "false", "reason": "Forbidden", "message": "no Events here"}]
        }
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": "shut"},
        "spec": {"policyName": "shut", "validationActions": ["Deny"]}
    });
    scene.control_plane.apply(&yaml(&[policy, binding])).await.unwrap();
    eventually(PATIENCE, "Events are forbidden", async || {
        let event = json!({
            "apiVersion": "v1", "kind": "Event", "metadata": {"generateName": "try-", "namespace": SHUT},
            "involvedObject": {"kind": "Namespace", "name": SHUT, "namespace": SHUT}
        });
        let create = ["create", "-f", "-"];
        let tried = scene.control_plane.kubectl_with_input(create, &event.to_string()).await;
        match tried.unwrap().ok() {
            Ok(_) => Err("not yet"),
            Err(_) => Ok(()),
        }
    })
    .await
    .unwrap();
}

/// Somebody uses a role where no Event can be written. That keeps nobody else waiting, and it is told in the end.
pub struct UseWhereShut {
    queue_before: usize,
}

impl UseWhereShut {
    pub async fn begin(queue: &Queue, figures: &Figures, arn: &str) -> Self {
        let (queue_before, _) = queue.left();
        queue.send(&uses(By::WebIdentity, 1_013, arn, PROD, &now()));
        until_failures(figures, "403", 1.0).await;
        // The queue gives it again, although it is known: nobody else keeps it.
        queue.show();
        let received = queue.received();
        eventually(PATIENCE, "messages are asked for", async || match queue.received() {
            now if now >= received + 2 => Ok(()),
            now => Err(now),
        })
        .await
        .unwrap();
        assert_eq!(queue.left().0, queue_before + 1, "it is not deleted before it is told");
        Self { queue_before }
    }

    pub async fn end(self, queue: &Queue) {
        eventually(PATIENCE * 3, "it is told without an Event", async || {
            match queue.left() {
                (left, 0) if left <= self.queue_before => Ok(()),
                left => Err(format!("{left:?}")),
            }
        })
        .await
        .unwrap();
    }
}

/// Kubernetes does not answer for a while. Nothing is taken from the queue meanwhile, and all is told in the end.
pub async fn no_answer(scene: &mut Scene, queue: &Queue, figures: &Figures, arn: &str, uses_before: f64) {
    scene.control_plane.pause_api_server();
    queue.send(&uses(By::Neighbour, 1_012, arn, PROD, &now()));
    wait_for(figures, "crossrole_event_queue_unread", 1.0).await;
    let received = queue.received();
    queue.send(&uses(By::Neighbour, 1_017, arn, PROD, &now()));
    let before = figures.scrape().await.unwrap()[&failures("NoAnswer")];
    until_failures(figures, "NoAnswer", before + 1.0).await;
    assert_eq!(queue.received(), received, "nothing is taken from the queue");
    assert_eq!(queue.left(), (2, 0), "nothing is deleted");
    scene.control_plane.resume_api_server();
    wait_for(figures, &counted(), uses_before + 2.0).await;
    wait_for(figures, "crossrole_event_queue_unread", 0.0).await;
    eventually(PATIENCE, "the queue is empty", async || match queue.left() {
        (0, 0) => Ok(()),
        left => Err(format!("{left:?}")),
    })
    .await
    .unwrap();
}

fn now() -> String {
    Timestamp::now().to_string()
}

fn failures(code: &str) -> String {
    format!("crossrole_kubernetes_failures_total{{kind=\"Event\",code=\"{code}\"}}")
}

async fn until_failures(figures: &Figures, code: &str, count: f64) {
    eventually(PATIENCE, "what could not be counted", async || {
        let scrape = figures.scrape().await.map_err(|error| error.to_string())?;
        match scrape.get(&failures(code)) {
            Some(found) if *found >= count => Ok(()),
            found => Err(format!("{found:?}")),
        }
    })
    .await
    .unwrap();
}
