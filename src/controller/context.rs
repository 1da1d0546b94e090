//! What every reconcile shares.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossrole_iam::{AccountId, RoleName};
use crossrole_plan::declaration::ObjectName;
use crossrole_plan::outcome;
use jiff::Timestamp;
use kube::runtime::controller::Action;

use super::events::Events;
use super::settings::Settings;
use super::watch::{Caches, Queues};
use crate::aws::Accounts;

/// Removals count for the brake for so long after they happened.
const REMOVALS_COUNT_FOR: Duration = Duration::from_secs(600);

/// Derived removals begin when no new one was noticed for so long: a change of many labels arrives one by one, and the
/// brake must see all of it before the first role goes.
const REMOVALS_SETTLE: Duration = Duration::from_secs(5);

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
    memory: Mutex<Memory>,
    /// AWSAccounts, by uid, that this process put its finalizer on.
    pub(super) in_use: tokio::sync::Mutex<HashSet<String>>,
}

/// What this process saw. None of it is needed to be right; it is gone with the process.
#[derive(Default)]
struct Memory {
    /// Failures in a row, by object.
    failures: HashMap<String, u32>,
    /// Unique ids that were seen with our tags.
    seen: HashMap<(AccountId, String, ObjectName), String>,
    /// When derived removals happened.
    removals: VecDeque<Instant>,
    /// Derived removals that are about to happen.
    pending_removals: HashMap<ObjectName, BTreeSet<String>>,
    /// When the newest of them was noticed.
    newest_removal: Option<Instant>,
}

impl Context {
    /// Nothing seen yet.
    pub fn new(
        settings: Settings,
        cluster_id: String,
        client: kube::Client,
        caches: Caches,
        queues: Queues,
        aws: Accounts,
        events: Events,
    ) -> Self {
        Self {
            settings,
            cluster_id,
            client,
            caches,
            queues,
            aws,
            events,
            memory: Mutex::default(),
            in_use: tokio::sync::Mutex::default(),
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time. Read here, at the edge, and passed in from then on.
    pub fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// Look again at the usual interval, a little earlier or later, so that not all objects are looked at at once.
    pub fn at_interval(&self, object: &str) -> Action {
        self.memory().failures.remove(object);
        Action::requeue(self.settings.resync_interval.mul_f64(0.9 + 0.2 * fastrand::f64()))
    }

    /// Look again soon, and later with every failure in a row.
    pub fn after_backoff(&self, object: &str) -> Action {
        let mut memory = self.memory();
        let failures = memory.failures.entry(object.to_string()).or_default();
        let delay = outcome::backoff(*failures, fastrand::f64());
        *failures = failures.saturating_add(1);
        Action::requeue(delay)
    }

    /// Forgets an object that is gone.
    pub fn forget(&self, object: &ObjectName) {
        let mut memory = self.memory();
        memory.failures.remove(&object.to_string());
        memory.seen.retain(|(_, _, owner), _| owner != object);
        memory.pending_removals.remove(object);
    }

    /// The unique id that this process last saw with the object's tags.
    pub fn seen_id(&self, account: &AccountId, role: &RoleName, object: &ObjectName) -> Option<String> {
        self.memory()
            .seen
            .get(&(account.clone(), role.folded(), object.clone()))
            .cloned()
    }

    /// Remembers a unique id that was seen with the object's tags.
    pub fn saw_id(&self, account: &AccountId, role: &RoleName, object: &ObjectName, id: &str) {
        self.memory()
            .seen
            .insert((account.clone(), role.folded(), object.clone()), id.to_string());
    }

    /// Notices the derived removals of an object, and says whether no new one came up lately in any object.
    pub fn removals_settled(&self, object: &ObjectName, accounts: &BTreeSet<String>) -> bool {
        let mut memory = self.memory();
        let known = memory
            .pending_removals
            .insert(object.clone(), accounts.clone())
            .unwrap_or_default();
        if !accounts.is_subset(&known) {
            memory.newest_removal = Some(Instant::now());
        }
        memory
            .newest_removal
            .is_none_or(|noticed| noticed.elapsed() >= REMOVALS_SETTLE)
    }

    /// Remembers derived removals.
    pub fn removed(&self, count: usize) {
        self.memory()
            .removals
            .extend(std::iter::repeat_n(Instant::now(), count));
    }

    /// How many derived removals happened lately.
    pub fn removed_lately(&self) -> usize {
        let mut memory = self.memory();
        while memory
            .removals
            .front()
            .is_some_and(|at| at.elapsed() > REMOVALS_COUNT_FOR)
        {
            memory.removals.pop_front();
        }
        memory.removals.len()
    }
}
