//! Our objects in Kubernetes, read and written without a process for each request: for tests that write many.

#![allow(dead_code)]

use std::collections::BTreeMap;

use crossrole_testkit::ControlPlane;
use futures::StreamExt as _;
use futures::stream;
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};

use super::support::objects::ASKING;

/// So many requests are under way at once.
const AT_ONCE: usize = 16;

/// One kind of objects.
#[derive(Clone)]
pub struct Objects(Api<DynamicObject>);

/// The kinds that are declared.
#[derive(Clone)]
pub struct Kinds {
    pub roles: Objects,
    pub accounts: Objects,
    pub classes: Objects,
}

impl Kinds {
    /// As the administrator.
    pub async fn new(control_plane: &ControlPlane) -> Self {
        let kubeconfig = Kubeconfig::read_from(control_plane.kubeconfig()).unwrap();
        let options = KubeConfigOptions::default();
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await;
        let client = kube::Client::try_from(config.unwrap()).unwrap();
        let resource = |kind: &str| ApiResource::from_gvk(&GroupVersionKind::gvk("crossrole.dev", "v1alpha1", kind));
        let of_cluster = |kind: &str| Objects(Api::all_with(client.clone(), &resource(kind)));
        Self {
            roles: Objects(Api::namespaced_with(
                client.clone(),
                "security",
                &resource("CrossAccountRole"),
            )),
            accounts: of_cluster("AWSAccount"),
            classes: of_cluster("AccountClass"),
        }
    }
}

impl Objects {
    /// Applies an object, and gives it as it is then, or what the API server said against it.
    pub async fn apply(&self, object: &Value) -> Result<Value, String> {
        let name = object["metadata"]["name"].as_str().unwrap();
        let mut parameters = PatchParams::apply("tests").force();
        parameters.field_validation = Some(kube::api::ValidationDirective::Strict);
        match self.0.patch(name, &parameters, &Patch::Apply(object)).await {
            Ok(applied) => Ok(serde_json::to_value(applied).unwrap()),
            Err(kube::Error::Api(refusal)) if matches!(refusal.code, 400 | 422 | 500) => Err(refusal.message.clone()),
            Err(error) => panic!("{name}: {error}"),
        }
    }

    /// Applies objects side by side; each must be taken.
    pub async fn apply_all(&self, objects: Vec<Value>) -> Vec<Value> {
        let applied = stream::iter(objects).map(async |object| self.apply(&object).await.unwrap());
        applied.buffered(AT_ONCE).collect().await
    }

    /// All of the kind, by name.
    pub async fn list(&self) -> BTreeMap<String, Value> {
        let list = self.0.list(&ListParams::default()).await.unwrap();
        let named = list.items.into_iter().map(|object| {
            let name = object.metadata.name.clone().unwrap();
            (name, serde_json::to_value(object).unwrap())
        });
        named.collect()
    }

    /// Asks for a look at each: name and what the annotation says.
    pub async fn ask(&self, asking: Vec<(String, impl ToString)>) {
        let patched = stream::iter(asking).map(async |(name, number)| {
            let patch = json!({"metadata": {"annotations": {ASKING: number.to_string()}}});
            self.0
                .patch(&name, &PatchParams::default(), &Patch::Merge(patch))
                .await
                .unwrap();
        });
        patched.buffer_unordered(AT_ONCE).collect::<()>().await;
    }

    /// Deletes objects, and does not wait for their end.
    pub async fn delete(&self, names: Vec<String>) {
        let deleted = stream::iter(names).map(async |name| {
            self.0.delete(&name, &DeleteParams::default()).await.unwrap();
        });
        deleted.buffer_unordered(AT_ONCE).collect::<()>().await;
    }
}
