//! Whether the caches are as new as Kubernetes itself.
//!
//! A cache may begin with an old state: lists that fill it may be answered from an API server's own cache. And while
//! this process stood by, another wrote. What is decided from such a state would undo what was done since.

use std::collections::HashMap;
use std::fmt::Debug;
use std::time::Duration;

use crossrole_api::{AWSAccount, AccountClass, AssumeRoleGrant, CrossAccountRole};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::runtime::reflector::Store;
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};

use super::watch::Caches;

/// Watches are a moment behind; so often it is compared anew.
const COMPARE_EVERY: Duration = Duration::from_millis(50);

/// So many objects are listed in one page.
const PAGE: u32 = 500;

/// What was listed may be gone meanwhile: after so long it is listed anew.
const LIST_EVERY: Duration = Duration::from_secs(5);

/// A cache that is still behind after so long does not work.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why the caches are not as new as Kubernetes.
#[derive(Debug, thiserror::Error)]
pub enum Stale {
    /// Kubernetes could not be asked.
    #[error("could not list {0} to see whether the cache is up to date")]
    List(String, #[source] kube::Error),
    /// The watch does not keep up.
    #[error("the cache of {0} is still behind after {PATIENCE:?}: {1}")]
    Behind(String, String),
}

/// An object: its namespace and its name.
type Name = (Option<String>, String);

/// Waits until the caches hold what Kubernetes held when this was called, or something newer.
///
/// # Errors
/// When Kubernetes cannot be asked, or a cache does not get there.
pub async fn catch_up(client: &Client, caches: &Caches) -> Result<(), Stale> {
    tokio::try_join!(
        one::<CrossAccountRole, _>(client, &caches.roles),
        one::<AssumeRoleGrant, _>(client, &caches.grants),
        one::<AWSAccount, _>(client, &caches.accounts),
        one::<AccountClass, _>(client, &caches.classes),
        one::<Namespace, _>(client, &caches.namespaces),
    )?;
    Ok(())
}

async fn one<K, Cached>(client: &Client, store: &Store<Cached>) -> Result<(), Stale>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
    Cached: Resource<DynamicType = ()> + Clone,
{
    let kind = K::plural(&());
    let api: Api<K> = Api::all(client.clone());
    let began = Instant::now();
    loop {
        let listed = list(&api).await;
        let (listed, of_list) = listed.map_err(|error| Stale::List(kind.to_string(), error))?;
        let listed_at = Instant::now();
        loop {
            let cached = store.state().iter().map(|object| entry(object.as_ref())).collect();
            let Some(missing) = behind(&listed, of_list, &cached) else {
                return Ok(());
            };
            if began.elapsed() > PATIENCE {
                return Err(Stale::Behind(kind.to_string(), missing));
            }
            if listed_at.elapsed() > LIST_EVERY {
                break;
            }
            sleep(COMPARE_EVERY).await;
        }
    }
}

/// All objects with their versions, their metadata page by page, and the version of the list.
async fn list<K>(api: &Api<K>) -> kube::Result<(HashMap<Name, u64>, u64)>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let mut listed = HashMap::new();
    // Without a version, the newest state is asked for; all pages are of that state: Kubernetes API concepts, "Resource
    // versions" and "Retrieving large results sets in chunks".
    let mut page = ListParams::default().limit(PAGE);
    loop {
        let list = api.list_metadata(&page).await?;
        listed.extend(list.items.iter().map(entry));
        match list.metadata.continue_.filter(|more| !more.is_empty()) {
            Some(more) => page = page.continue_token(&more),
            None => return Ok((listed, number(list.metadata.resource_version.as_deref()))),
        }
    }
}

fn entry<K: Resource>(object: &K) -> (Name, u64) {
    let name = (object.namespace(), object.name_any());
    (name, number(object.meta().resource_version.as_deref()))
}

// Versions of one kind grow: Kubernetes API concepts, "Resource versions". One that is no number counts as the oldest.
fn number(version: Option<&str>) -> u64 {
    version.and_then(|version| version.parse().ok()).unwrap_or_default()
}

/// What a cache lacks that a list of that version has, if anything.
fn behind(listed: &HashMap<Name, u64>, of_list: u64, cached: &HashMap<Name, u64>) -> Option<String> {
    for (name, version) in listed {
        match cached.get(name) {
            None => return Some(format!("{name:?} is missing")),
            Some(older) if older < version => return Some(format!("{name:?} is {older}, and not yet {version}")),
            Some(_) => {}
        }
    }
    let gone = cached
        .iter()
        .find(|(name, version)| !listed.contains_key(*name) && **version <= of_list);
    gone.map(|(name, _)| format!("{name:?} is gone"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(objects: &[(&str, u64)]) -> HashMap<Name, u64> {
        let objects = objects.iter();
        objects
            .map(|(name, version)| ((Some("security".to_string()), (*name).to_string()), *version))
            .collect()
    }

    #[test]
    fn a_cache_is_behind_until_it_has_seen_every_change_that_the_list_has() {
        let listed = state(&[("a", 5), ("b", 9)]);
        for (cached, lacks) in [
            (vec![("a", 5)], Some("missing")),
            (vec![("a", 5), ("b", 7)], Some("not yet 9")),
            (vec![("a", 5), ("b", 9), ("c", 4)], Some("gone")),
            (vec![("a", 5), ("b", 9)], None),
            // Newer than the list.
            (vec![("a", 12), ("b", 9), ("c", 11)], None),
        ] {
            let found = behind(&listed, 10, &state(&cached));
            match lacks {
                None => assert_eq!(found, None, "{cached:?}"),
                Some(lacks) => assert!(found.clone().is_some_and(|found| found.contains(lacks)), "{found:?}"),
            }
        }
    }
}
