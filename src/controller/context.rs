//! What every reconcile shares.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossrole_plan::declaration::ObjectName;
use crossrole_plan::outcome;
use jiff::Timestamp;
use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::discovery::Discovered;
use super::events::Events;
use super::feed::Uses;
use super::grants;
use super::looks::Looks;
use super::memory::Memory;
use super::queues::{Queues, named};
use super::removals::Counted;
use super::settings::Settings;
use super::watch::Caches;
use super::world::World;
use crate::aws::Accounts;
use crate::health::Health;
use crate::metrics::Metrics;
use crate::notices::Notices;

/// How soon an object is looked at again whose cached state is older than what we wrote.
const CACHE_CATCHES_UP: Duration = Duration::from_millis(200);

/// How long an object waits at the longest after Kubernetes did not take a patch.
const KUBERNETES_IS_ASKED_EVERY: Duration = Duration::from_secs(15);

/// Tasks of all objects that are held at the same time: each is some kilobytes.
pub(super) const TASKS_AT_ONCE: usize = 4_000;

/// What every reconcile shares.
pub struct Context {
    /// How the operator behaves.
    pub settings: Settings,
    /// What the tag `crossrole.dev/cluster` says.
    pub cluster_id: String,
    /// Kubernetes.
    pub client: kube::Client,
    /// The caches.
    pub caches: Caches,
    /// Where to ask for a look at something.
    pub queues: Queues,
    /// AWS.
    pub aws: Accounts,
    /// Kubernetes Events.
    pub events: Events,
    /// Whether this process is alive and ready.
    pub health: Health,
    /// Figures.
    pub metrics: Metrics,
    /// Where people are told what happened to a role.
    pub notices: Notices,
    /// What this process saw.
    pub memory: Arc<Memory>,
    /// What this process knows of grants.
    pub grants: Arc<grants::Known>,
    /// What discovery came to.
    pub discovered: Discovered,
    /// Who last assumed which role, until status says so.
    pub uses: Uses,
    /// Which roles are being worked on, and when each is looked at again.
    pub looks: Arc<Looks>,
    /// The removals that the brake counts.
    pub counted_removals: Counted,
    /// So many tasks of all objects are held at the same time.
    pub(super) tasks_at_once: Semaphore,
    pub(super) world: Mutex<Option<Arc<World>>>,
    pub(super) in_use: Mutex<HashMap<String, Arc<Mark>>>,
}

/// Held while the finalizer of one AWSAccount is put on or taken off.
pub(super) type Mark = tokio::sync::Mutex<Marked>;

/// What this process last did to the finalizer of an AWSAccount, which the cache may not show yet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Marked {
    /// Nothing that counts still.
    #[default]
    AsCached,
    /// Put it on for a role that is about to be made.
    PutOn(Instant),
    /// Took it off.
    TakenOff,
}

/// The name of an object of a namespace.
pub fn object_name(object: &impl ResourceExt) -> ObjectName {
    ObjectName {
        namespace: object.namespace().unwrap_or_default(),
        name: object.name_any(),
    }
}

/// What an object is called in memory: kind, namespace and name.
pub fn key<K: Resource<DynamicType = ()>>(object: &K) -> String {
    named(object).to_string()
}

impl Context {
    /// The time. Read here, at the edge, and passed in from then on.
    pub fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// How long it is until a moment; nothing where it is over.
    pub fn until(&self, moment: Timestamp) -> Duration {
        moment.duration_since(self.now()).try_into().unwrap_or_default()
    }

    /// What is known of Kubernetes now. Made anew only when something of it has changed.
    pub fn world(&self) -> Arc<World> {
        let changes = self.caches.changes();
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = world.as_ref().filter(|known| known.changes() == changes) {
            return known.clone();
        }
        let made = Arc::new(World::of(&self.caches));
        if let Some(ids) = made.account_ids() {
            self.aws.retain(|account| ids.contains(account.as_str()));
        }
        *world = Some(made.clone());
        made
    }

    /// Waits until there is room for so many tasks, and keeps it as long as what it returns is kept.
    pub async fn room_for_tasks(&self, tasks: usize) -> Option<SemaphorePermit<'_>> {
        let tasks = u32::try_from(tasks.clamp(1, TASKS_AT_ONCE)).unwrap_or(1);
        // The semaphore is never closed, so waiting for it cannot fail.
        self.tasks_at_once.acquire_many(tasks).await.ok()
    }

    /// What is known of the finalizer of the AWSAccount of this name in memory. Each account has its own: a write that
    /// hangs holds up no other.
    pub(super) fn mark_of(&self, account: &str) -> Arc<Mark> {
        let mut in_use = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        in_use.entry(account.to_string()).or_default().clone()
    }

    /// Look again at the usual interval.
    pub fn at_interval(&self, object: &str) -> Action {
        self.at_interval_since(object, Duration::ZERO)
    }

    /// As [`Context::at_interval`], where what a look would see was seen so long ago already.
    pub fn at_interval_since(&self, object: &str, age: Duration) -> Action {
        self.memory.succeeded(object);
        Action::requeue(rest_of(self.settings.resync_interval, age, fastrand::f64()))
    }

    /// Look again soon, and later with every failure in a row.
    pub fn after_backoff(&self, object: &str) -> Action {
        Action::requeue(self.backoff(object))
    }

    /// Look again when Kubernetes may take a patch. Nobody else tells when it is back.
    pub fn after_kubernetes_failed(&self, object: &str) -> Action {
        Action::requeue(self.backoff(object).min(KUBERNETES_IS_ASKED_EVERY))
    }

    fn backoff(&self, object: &str) -> Duration {
        outcome::backoff(self.memory.failed(object), fastrand::f64())
    }

    /// Look again when the cache holds what somebody else wrote meanwhile. It is no failure of ours that grows by waiting.
    pub fn after_conflict(&self) -> Action {
        Action::requeue(CACHE_CATCHES_UP.mul_f64(0.5 + fastrand::f64()))
    }

    /// Look again when the cache holds what we wrote: nothing that an older state says is acted on. `None` where it does.
    pub fn until_cached<K: Resource<DynamicType = ()>>(&self, object: &K) -> Option<Action> {
        let stale = self
            .memory
            .is_stale(&key(object), object.meta().resource_version.as_deref());
        stale.then(|| Action::requeue(CACHE_CATCHES_UP))
    }
}

/// What is left of the time until the next regular look, of which so much is over. `chance` is from 0 to 1.
fn rest_of(interval: Duration, age: Duration, chance: f64) -> Duration {
    outcome::regular(interval, chance).saturating_sub(age)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_a_while_ago_is_looked_at_within_an_interval_of_that() {
        let seconds = Duration::from_secs;
        for (age, earliest, latest) in [(0, 510, 570), (300, 210, 270), (700, 0, 0)] {
            let rest = |chance| rest_of(seconds(600), seconds(age), chance);
            assert_eq!((rest(0.0), rest(1.0)), (seconds(earliest), seconds(latest)), "{age}");
        }
    }
}
