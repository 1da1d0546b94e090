//! One cache, kept as its watch tells.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use crossrole_api::names::{DISCOVERY_MANAGER, PREFIX};
use futures::{Stream, StreamExt};
use kube::Resource;
use kube::runtime::WatchStreamExt;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::reflector::store::Writer;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, DefaultBackoff, Event};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

use crate::controller::queues::named;

/// What became of a watched object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It came, or somebody else changed it.
    Changed,
    /// It is gone.
    Gone,
}

/// Keeps a cache, and tells of every change that somebody else made; and of every object, whoever changed it, what it was
/// before and is now. `listing` is dropped when all that was there at first was told.
pub(super) async fn keep<K>(
    events: impl Stream<Item = watcher::Result<Event<K>>>,
    mut writer: Writer<K>,
    on_change: impl Fn(&K, Fate),
    on_any: impl Fn(Option<&K>, Option<&K>),
    listing: mpsc::Sender<Infallible>,
) where
    K: Resource<DynamicType = ()> + DeserializeOwned + Clone + Debug + Send + 'static,
{
    let store = writer.as_reader();
    let mut listing = Some(listing);
    let mut events = std::pin::pin!(events.backoff(Pauses::default()).modify(prune));
    while let Some(event) = events.next().await {
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                tracing::warn!(kind = %K::kind(&()), %error, "watch interrupted; it is taken up again");
                continue;
            }
        };
        match event {
            Event::Init | Event::InitApply(_) => writer.apply_watcher_event(&event),
            Event::InitDone => {
                let before: HashMap<_, _> = by_name(store.state());
                writer.apply_watcher_event(&event);
                let listed: HashMap<_, _> = by_name(store.state());
                // What is gone was deleted while nobody watched.
                for (_, object) in before.iter().filter(|(name, _)| !listed.contains_key(*name)) {
                    on_any(Some(object), None);
                    on_change(object, Fate::Gone);
                }
                for (name, object) in &listed {
                    let before = before.get(name);
                    on_any(before.map(Arc::as_ref), Some(object));
                    if before.is_none_or(|before| fingerprint(before.as_ref()) != fingerprint(object.as_ref())) {
                        on_change(object, Fate::Changed);
                    }
                }
                drop(listing.take());
            }
            Event::Apply(ref object) => {
                let before = store.get(&named(object));
                writer.apply_watcher_event(&event);
                on_any(before.as_deref(), Some(object));
                match before {
                    Some(before) if fingerprint(before.as_ref()) == fingerprint(object) => {}
                    before => {
                        // Both: what no longer selects an account still has to leave it.
                        if let Some(before) = before {
                            on_change(&before, Fate::Changed);
                        }
                        on_change(object, Fate::Changed);
                    }
                }
            }
            Event::Delete(ref object) => {
                let before = store.get(&named(object));
                writer.apply_watcher_event(&event);
                on_any(before.as_deref(), None);
                on_change(object, Fate::Gone);
            }
        }
    }
}

/// How long to wait before a watch is taken up again: kube's own pauses, but none of half a minute, in which an API
/// server that is back would go unnoticed.
#[derive(Default)]
struct Pauses(DefaultBackoff);

const LONGEST_PAUSE: Duration = Duration::from_secs(8);

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.0.next().map(|pause| pause.min(LONGEST_PAUSE))
    }
}

impl Backoff for Pauses {
    fn reset(&mut self) {
        self.0.reset();
    }
}

fn by_name<K: Resource<DynamicType = ()>>(objects: Vec<Arc<K>>) -> HashMap<ObjectRef<K>, Arc<K>> {
    let objects = objects.into_iter();
    objects.map(|object| (named(object.as_ref()), object)).collect()
}

fn prune<K: Resource>(object: &mut K) {
    let metadata = object.meta_mut();
    // Of all owners of fields only discovery asks what it owns.
    if let Some(owners) = &mut metadata.managed_fields {
        owners.retain(|owner| owner.manager.as_deref() == Some(DISCOVERY_MANAGER));
        if owners.is_empty() {
            metadata.managed_fields = None;
        }
    }
    if let Some(annotations) = &mut metadata.annotations {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
}

/// What of an object others write: a change of anything else is our own.
pub(super) fn fingerprint<K: Resource>(object: &K) -> u64 {
    let metadata = object.meta();
    let mut hasher = DefaultHasher::new();
    metadata.uid.hash(&mut hasher);
    metadata.generation.hash(&mut hasher);
    metadata.labels.hash(&mut hasher);
    // Of annotations only our own ask for anything; other tools write theirs as often as they like.
    for (name, value) in metadata
        .annotations
        .iter()
        .flatten()
        .filter(|(name, _)| name.starts_with(PREFIX))
    {
        (name, value).hash(&mut hasher);
    }
    metadata.deletion_timestamp.is_some().hash(&mut hasher);
    hasher.finish()
}
