//! Patches of status and finalizers.
//!
//! Every patch carries the `resourceVersion` that it was computed from: what somebody else wrote meanwhile is never
//! overwritten, and the object is looked at again.

use std::fmt::Debug;

use kube::api::{Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Whether an object carries a finalizer.
pub fn has_finalizer(object: &impl ResourceExt, finalizer: &str) -> bool {
    object.finalizers().iter().any(|name| name == finalizer)
}

/// Puts a finalizer on an object, or takes it off. Returns the object's new `resourceVersion`.
///
/// # Errors
/// What Kubernetes answered; 409 where somebody else wrote meanwhile.
pub async fn set_finalizer<K>(
    api: &Api<K>,
    object: &impl ResourceExt,
    finalizer: &str,
    wanted: bool,
) -> kube::Result<Option<String>>
where
    K: Resource + Clone + DeserializeOwned + Debug,
{
    let mut finalizers: Vec<String> = object
        .finalizers()
        .iter()
        .filter(|name| *name != finalizer)
        .cloned()
        .collect();
    if wanted {
        finalizers.push(finalizer.to_string());
    }
    let patch = json!({"metadata": {"resourceVersion": object.resource_version(), "finalizers": finalizers}});
    let patched = api
        .patch_metadata(&object.name_any(), &PatchParams::default(), &Patch::Merge(patch))
        .await?;
    Ok(patched.metadata.resource_version)
}

/// Writes a status. Returns the object's new `resourceVersion`.
///
/// # Errors
/// What Kubernetes answered; 409 where somebody else wrote meanwhile.
pub async fn set_status<K>(
    api: &Api<K>,
    name: &str,
    resource_version: Option<&str>,
    status: &impl Serialize,
) -> kube::Result<Option<String>>
where
    K: Resource + Clone + DeserializeOwned + Debug,
{
    let status = serde_json::to_value(status).map_err(kube::Error::SerdeError)?;
    let patch = json!({"metadata": {"resourceVersion": resource_version}, "status": explicit(status)});
    let patched = api
        .patch_status(name, &PatchParams::default(), &Patch::Merge(patch))
        .await?;
    Ok(patched.resource_version())
}

// A merge patch leaves alone what it does not name: an empty list is not written, but must empty the list.
fn explicit(status: Value) -> Value {
    let Value::Object(mut members) = status else {
        return status;
    };
    for list in ["accounts", "conditions"] {
        members.entry(list).or_insert(Value::Null);
    }
    Value::Object(members)
}
