//! Where Argo CD sees a difference between what is declared and what is there.

use std::collections::BTreeMap;

use crossrole_testkit::ControlPlane;
use serde_json::{Value, json};

use super::judge::Judge;
use super::support::yaml;

/// How Argo CD applies by default: in three ways, with what was applied last in an annotation.
pub const CLIENT_SIDE: &[&str] = &["apply", "--field-manager=argocd-controller", "-f", "-"];

/// How Argo CD applies with the option `ServerSideApply=true`.
pub const SERVER_SIDE: &[&str] = &[
    "apply",
    "--server-side",
    "--force-conflicts",
    "--field-manager=argocd-controller",
    "-f",
    "-",
];

const AS_IT_IS: &[&str] = &["--output=json", "--show-managed-fields"];

/// Argo CD's comparison, with the API server that it asks.
pub struct Comparison<'a> {
    judge: &'a Judge,
    control_plane: &'a ControlPlane,
    openapi: Value,
}

impl<'a> Comparison<'a> {
    pub async fn new(judge: &'a Judge, control_plane: &'a ControlPlane) -> Self {
        let text = control_plane.kubectl(["get", "--raw", "/openapi/v2"]).await.unwrap();
        let mut openapi: Value = serde_json::from_str(&text).unwrap();
        // Only the kinds are read, and this is the most of it.
        openapi["paths"] = json!({});
        Self {
            judge,
            control_plane,
            openapi,
        }
    }

    /// Of each of these objects: in which modes Argo CD sees a difference to what is there, and which.
    pub async fn of(&self, targets: &[Value]) -> Vec<BTreeMap<String, Value>> {
        let live = self.items(&["get", "-f", "-"], targets).await;
        let dry_run = [SERVER_SIDE, &["--dry-run=server"]].concat();
        let predicted = self.items(&dry_run, targets).await;
        let pair = |((target, live), predicted)| json!({"target": target, "live": live, "predicted": predicted});
        let pairs: Vec<Value> = targets.iter().zip(live).zip(predicted).map(pair).collect();
        let found = self.judge.differences(&self.openapi, &pairs);
        assert_eq!(found.len(), targets.len());
        found.into_iter().map(differing).collect()
    }

    /// What kubectl says of these objects, in their order.
    async fn items(&self, arguments: &[&str], objects: &[Value]) -> Vec<Value> {
        let arguments = [arguments, AS_IT_IS].concat();
        let output = self.control_plane.kubectl_with_input(arguments, &yaml(objects)).await;
        let list: Value = serde_json::from_str(&output.unwrap().ok().unwrap()).unwrap();
        let items = list["items"].as_array().unwrap().clone();
        let name = |object: &Value| (object["kind"].clone(), object["metadata"]["name"].clone());
        assert!(items.iter().map(name).eq(objects.iter().map(name)), "{list}");
        items
    }
}

/// The modes that see a difference, all three having been asked.
fn differing(mut modes: BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let asked: Vec<&str> = modes.keys().map(String::as_str).collect();
    assert_eq!(asked, ["legacy", "serverSide", "structuredMerge"]);
    modes.retain(|_, difference| !difference.is_null());
    modes
}
