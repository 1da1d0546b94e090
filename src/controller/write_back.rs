//! Patches of status and finalizers.
//!
//! Every patch carries the `resourceVersion` that it was computed from: what somebody else wrote meanwhile is never
//! overwritten, and the object is looked at again.

use std::fmt::Debug;

use crossrole_api::names::RECONCILE_AT_ANNOTATION;
use http::HeaderValue;
use http::header::ACCEPT;
use kube::api::{Patch, PatchParams, PostParams};
use kube::core::{PartialObjectMeta, Request};
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::events::cut;

/// What the annotation says that asks for a look now, as status says that it was handled: a long one is cut.
pub fn asked(object: &impl ResourceExt) -> Option<String> {
    let asked = object.annotations().get(RECONCILE_AT_ANNOTATION);
    asked.map(|asked| cut(asked, 253))
}

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

/// Writes a status in place of the one before. Returns the object's new `resourceVersion`.
///
/// # Errors
/// What Kubernetes answered; 409 where somebody else wrote meanwhile.
pub async fn set_status<K, S>(
    api: &Api<K>,
    name: &str,
    resource_version: Option<&str>,
    before: &S,
    status: &S,
) -> kube::Result<Option<String>>
where
    K: Resource + Clone + DeserializeOwned + Debug,
    S: Serialize,
{
    // Of many objects that are written at the same time, only what is sent is kept meanwhile.
    let request = status_patch(api.resource_url(), name, resource_version, before, status)?;
    let patched: PartialObjectMeta<K> = api.clone().into_client().request(request).await?;
    Ok(patched.metadata.resource_version)
}

/// Makes an object. Returns its metadata: what became of the rest of it need not be readable.
///
/// # Errors
/// What Kubernetes answered; 409 where one of this name is there.
pub async fn create<K>(api: &Api<K>, object: &K) -> kube::Result<PartialObjectMeta<K>>
where
    K: Resource + Clone + Serialize + DeserializeOwned + Debug,
{
    let body = serde_json::to_vec(object).map_err(kube::Error::SerdeError)?;
    let request = Request::new(api.resource_url()).create(&PostParams::default(), body);
    let request = metadata_alone(request.map_err(kube::Error::BuildRequest)?);
    api.clone().into_client().request(request).await
}

fn status_patch<S: Serialize>(
    url: &str,
    name: &str,
    resource_version: Option<&str>,
    before: &S,
    status: &S,
) -> kube::Result<http::Request<Vec<u8>>> {
    let mut patch = json!({"metadata": {"resourceVersion": resource_version}});
    patch["status"] = instead_of(before, status).map_err(kube::Error::SerdeError)?;
    let patches = Request::new(url);
    let request = patches.patch_subresource("status", name, &PatchParams::default(), &Patch::Merge(patch));
    request.map(metadata_alone).map_err(kube::Error::BuildRequest)
}

/// Has the object's metadata alone come back. The rest need not be readable: a newer version may have given it another field
/// a moment ago. Source: Kubernetes API concepts, "Metadata-only fetches".
fn metadata_alone(mut request: http::Request<Vec<u8>>) -> http::Request<Vec<u8>> {
    const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static(METADATA));
    request
}

// A merge patch leaves alone what it does not name: what was there and is no more has to be named.
fn instead_of<S: Serialize>(before: &S, now: &S) -> serde_json::Result<Value> {
    let (before, mut now) = (serde_json::to_value(before)?, serde_json::to_value(now)?);
    if let (Value::Object(before), Value::Object(now)) = (before, &mut now) {
        for member in before.into_iter().map(|(member, _)| member) {
            now.entry(member).or_insert(Value::Null);
        }
    }
    Ok(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_more_is_named_in_a_patch() {
        let before = json!({"accounts": [1], "orphans": {"count": 1}, "kept": 1});
        let now = json!({"kept": 2, "new": 3});
        assert_eq!(
            instead_of(&before, &now).unwrap(),
            json!({"accounts": null, "orphans": null, "kept": 2, "new": 3})
        );
        assert_eq!(instead_of(&json!({}), &now).unwrap(), now);
    }
}
