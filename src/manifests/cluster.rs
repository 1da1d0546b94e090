//! The objects of a cluster, in place of files.

use crossrole_api::{AWSAccount, AccountClass, CrossAccountRole};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::core::DeserializeGuard;
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;

use super::Manifests;

impl Manifests {
    /// Reads the objects of a cluster, with their status. One that this version cannot read is left out, with a note.
    ///
    /// # Errors
    /// What the API server says.
    pub async fn of_cluster(client: &Client) -> Result<Self, kube::Error> {
        let mut all = Self::default();
        all.roles = readable::<CrossAccountRole>(client, &mut all.notes).await?;
        all.accounts = readable::<AWSAccount>(client, &mut all.notes).await?;
        all.classes = readable::<AccountClass>(client, &mut all.notes).await?;
        let namespaces = Api::<Namespace>::all(client.clone())
            .list(&ListParams::default())
            .await?;
        let namespaces = namespaces.items.into_iter();
        all.namespaces = namespaces
            .map(|namespace| (namespace.name_any(), namespace.labels().clone()))
            .collect();
        Ok(all)
    }
}

async fn readable<K>(client: &Client, notes: &mut Vec<String>) -> Result<Vec<K>, kube::Error>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
{
    let list = Api::<DeserializeGuard<K>>::all(client.clone())
        .list(&ListParams::default())
        .await?;
    let mut found = Vec::new();
    for object in list.items {
        let name = match object.namespace() {
            Some(namespace) => format!("{namespace}/{}", object.name_any()),
            None => object.name_any(),
        };
        match object.0 {
            Ok(object) => found.push(object),
            Err(unreadable) => {
                let kind = K::kind(&());
                notes.push(format!("this version cannot read {kind} {name}: {}", unreadable.error));
            }
        }
    }
    Ok(found)
}
