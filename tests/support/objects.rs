//! Many objects at once: reading them, and asking for looks at them.

use std::collections::BTreeMap;

use crossrole_testkit::{Scene, scene};
use serde_json::Value;

/// The annotation that asks for a look now.
pub const ASKING: &str = "crossrole.dev/reconcile-at";

/// All objects of a kind that a label selector selects (an empty one: all), by their names.
pub async fn list(scene: &Scene, kind: &str, selector: &str) -> BTreeMap<String, Value> {
    let arguments = [
        "get",
        kind,
        "--all-namespaces",
        "--selector",
        selector,
        "--output",
        "json",
    ];
    let text = scene.control_plane.kubectl(arguments).await.unwrap();
    let list: Value = serde_json::from_str(&text).unwrap();
    let items = list["items"].as_array().unwrap().iter();
    items
        .map(|item| (item["metadata"]["name"].as_str().unwrap().to_string(), item.clone()))
        .collect()
}

/// Asks for a look at each of some CrossAccountRoles of the namespace `security`. Those that are gone are passed over.
pub async fn ask<N: AsRef<str>>(scene: &Scene, names: &[N], value: &str) {
    if names.is_empty() {
        return;
    }
    let value = format!("{ASKING}={value}");
    let arguments = ["annotate", "--namespace", "security", "--overwrite", "xar"];
    let names = names.iter().map(AsRef::as_ref);
    let arguments = arguments.into_iter().chain(names).chain([value.as_str()]);
    if let Err(error) = scene.control_plane.kubectl(arguments).await {
        assert!(format!("{error:?}").contains("NotFound"), "{error:?}");
    }
}

/// Deletes some CrossAccountRoles of the namespace `security`, without waiting for their end.
pub async fn delete<N: AsRef<str>>(scene: &Scene, names: &[N]) {
    if names.is_empty() {
        return;
    }
    let arguments = ["delete", "xar", "--namespace", "security", "--wait=false"];
    let arguments = arguments.into_iter().chain(names.iter().map(AsRef::as_ref));
    scene.control_plane.kubectl(arguments).await.unwrap();
}

/// Whether the look that is asked for has ended.
pub fn is_handled(object: &Value) -> bool {
    let asked = &object["metadata"]["annotations"][ASKING];
    asked.is_null() || *asked == object["status"]["lastHandledReconcileAt"]
}

/// Whether status speaks of the object as it is now.
pub fn is_current(object: &Value) -> bool {
    object["status"]["observedGeneration"] == object["metadata"]["generation"]
}

/// Whether the object is Ready as it is now, and was when it was last asked for.
pub fn is_ready(object: &Value) -> bool {
    is_current(object) && is_handled(object) && scene::condition(object, "Ready")["status"] == "True"
}
