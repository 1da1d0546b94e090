//! Objects that this version cannot read: nothing is done about them, and they say so.

use std::fmt::Debug;

use crossrole_api::Reason;
use crossrole_api::status::condition::STALLED;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{ApiResource, Patch, PatchParams};
use kube::core::{DeserializeGuard, DynamicObject};
use kube::runtime::controller::Action;
use kube::{Api, Resource, ResourceExt};
use serde_json::{Value, json};

use super::client;
use super::context::{Context, key};
use super::report::{Overall, conditions};

/// Says in the status of an object, and by an Event, that this version cannot read it. What else the status says stays as it
/// is. It is looked at again in time.
///
/// # Errors
/// Only what Kubernetes answered to our own calls.
pub async fn tell<K>(context: &Context, cached: &DeserializeGuard<K>, problem: &str) -> kube::Result<Action>
where
    K: Resource<DynamicType = ()> + Debug,
{
    let key = key(cached);
    let generation = cached.meta().generation;
    let told = format!("{:?} {generation:?} {problem}", cached.meta().uid);
    if context.memory.is_news(&key, &told) {
        let resource = ApiResource::erase::<K>(&());
        let api: Api<DynamicObject> = match cached.namespace() {
            Some(namespace) => Api::namespaced_with(context.client.clone(), &namespace, &resource),
            None => Api::all_with(context.client.clone(), &resource),
        };
        let Some(object) = client::find(&api, &cached.name_any()).await? else {
            return Ok(Action::await_change());
        };
        if write(context, &api, &object, problem).await? {
            let reason = Reason::InvalidSpec.as_str();
            context.events.warn(&cached.object_ref(&()), reason, problem).await;
        }
        context.memory.told(&key, &told);
    }
    Ok(context.at_interval(&key))
}

/// Says whether that is news.
async fn write(
    context: &Context,
    api: &Api<DynamicObject>,
    object: &DynamicObject,
    problem: &str,
) -> kube::Result<bool> {
    let before = conditions_of(object);
    let message = format!("this version of crossrole cannot read the object, and does nothing about it: {problem}");
    let overall = Overall::Stalled(Reason::InvalidSpec, message);
    let now = conditions(&before, &overall, object.metadata.generation, context.now());
    // Whoever ran before this process may have said so.
    if now == before {
        return Ok(false);
    }
    let patch = json!({
        "metadata": {"resourceVersion": object.metadata.resource_version},
        "status": {"observedGeneration": object.metadata.generation, "conditions": now},
    });
    let patched = api
        .patch_status(&object.name_any(), &PatchParams::default(), &Patch::Merge(patch))
        .await;
    match patched {
        Ok(_) => {}
        // What cannot be read may be more than the schema lets through: then it cannot be written either.
        Err(kube::Error::Api(status)) if status.code == 422 => {
            tracing::warn!(object = %object.name_any(), error = %status, "the status of an object that cannot be read was refused");
        }
        Err(error) => return Err(error),
    }
    let stalled = |conditions: &[Condition]| {
        let stalled = conditions.iter().find(|condition| condition.type_ == STALLED);
        stalled.map(|condition| (condition.reason.clone(), condition.message.clone()))
    };
    Ok(stalled(&before) != stalled(&now))
}

/// The conditions of an object, as far as they can be read.
fn conditions_of(object: &DynamicObject) -> Vec<Condition> {
    let conditions = object.data.pointer("/status/conditions").and_then(Value::as_array);
    let conditions = conditions.into_iter().flatten();
    conditions
        .filter_map(|condition| serde_json::from_value(condition.clone()).ok())
        .collect()
}
