//! What this process saw. None of it is needed to be right in the end; it is gone with the process.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossrole_iam::{AccountId, RoleName};
use crossrole_plan::declaration::ObjectName;

/// Removals count for the brake for so long after they happened.
const REMOVALS_COUNT_FOR: Duration = Duration::from_secs(600);

/// Derived removals begin when no new one was noticed for so long: a change of many labels arrives one by one, and the
/// brake must see all of it before the first role goes.
const REMOVALS_SETTLE: Duration = Duration::from_secs(5);

/// So many unique ids are remembered of one role.
const IDS_REMEMBERED: usize = 4;

/// A cache that is older than what we wrote longer ago is taken as it is.
const WRITTEN_COUNTS: Duration = Duration::from_secs(60);

/// Nobody asks of a role that was made or removed longer ago.
const MAKING_COUNTS_FOR: Duration = Duration::from_secs(3600);

/// What is too old to be asked for is looked for so often: to go through everything takes time while others wait.
const PRUNED_EVERY: Duration = Duration::from_secs(60);

/// What this process saw.
pub struct Memory {
    began: Instant,
    inner: Mutex<Inner>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            inner: Mutex::default(),
        }
    }
}

/// A role in an account, as one object means it: the account, the role's name in lower case, the object's namespace and
/// name. One string: there is one for each role that was seen.
#[derive(Debug, PartialEq, Eq, Hash)]
struct RoleKey(Box<str>);

impl RoleKey {
    fn is_of(&self, object: &ObjectName) -> bool {
        let owner = self.0.rsplit_once(' ').and_then(|(_, owner)| owner.split_once('/'));
        owner == Some((&object.namespace, &object.name))
    }
}

/// A removal: the object, and the AWSAccount that it leaves.
pub type Removal = (ObjectName, String);

fn role_key(account: &AccountId, role: &RoleName, object: &ObjectName) -> RoleKey {
    let ObjectName { namespace, name } = object;
    RoleKey(format!("{account} {} {namespace}/{name}", role.folded()).into())
}

#[derive(Default)]
struct Inner {
    /// Failures in a row, by object.
    failures: HashMap<String, u32>,
    /// The newest `resourceVersion` that we wrote, by object.
    written: HashMap<String, (u64, Instant)>,
    /// What was last said of an object that cannot be read, by object.
    unreadable: HashMap<String, String>,
    /// Unique ids that were seen with our tags, the newest last.
    seen: HashMap<RoleKey, Vec<Box<str>>>,
    /// When we last made a role.
    made: Lately<()>,
    /// When the answer to our making a role was last lost.
    perhaps_made: Lately<()>,
    /// Unique ids of roles that we removed. IAM gives no id twice.
    buried: Lately<Vec<Box<str>>>,
    /// Derived removals that happened.
    removed: HashMap<Removal, Instant>,
    /// Derived removals that are about to happen.
    pending: HashMap<ObjectName, BTreeSet<String>>,
    /// When the newest of them was noticed.
    newest: Option<Instant>,
}

/// What is remembered of roles for [`MAKING_COUNTS_FOR`], and not much longer.
#[derive(Default)]
struct Lately<T> {
    /// What is remembered, and since when.
    by_role: HashMap<RoleKey, (T, Instant)>,
    pruned: Option<Instant>,
}

impl<T: Default> Lately<T> {
    /// Remembers a role from now on, and gives what is remembered of it.
    fn remember(&mut self, role: RoleKey, now: Instant) -> &mut T {
        if self
            .pruned
            .is_none_or(|pruned| now.duration_since(pruned) >= PRUNED_EVERY)
        {
            self.by_role
                .retain(|_, (_, at)| now.duration_since(*at) < MAKING_COUNTS_FOR);
            self.pruned = Some(now);
        }
        let (known, at) = self.by_role.entry(role).or_insert_with(|| (T::default(), now));
        *at = now;
        known
    }

    /// Whether a role was remembered so lately.
    fn is_within(&self, role: &RoleKey, time: Duration) -> bool {
        self.by_role.get(role).is_some_and(|(_, at)| at.elapsed() < time)
    }
}

impl Memory {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often in a row an object failed before; counts one more.
    pub fn failed(&self, object: &str) -> u32 {
        let mut inner = self.inner();
        let failures = inner.failures.entry(object.to_string()).or_default();
        let before = *failures;
        *failures = before.saturating_add(1);
        before
    }

    /// An object did not fail.
    pub fn succeeded(&self, object: &str) {
        self.inner().failures.remove(object);
    }

    /// Forgets an object of whatever kind that is gone.
    pub fn forget_object(&self, object: &str) {
        let mut inner = self.inner();
        inner.failures.remove(object);
        inner.written.remove(object);
        inner.unreadable.remove(object);
    }

    /// Forgets a CrossAccountRole that is gone.
    pub fn forget(&self, object: &str, name: &ObjectName) {
        self.forget_object(object);
        let mut inner = self.inner();
        inner.seen.retain(|role, _| !role.is_of(name));
        inner.made.by_role.retain(|role, _| !role.is_of(name));
        inner.perhaps_made.by_role.retain(|role, _| !role.is_of(name));
        inner.pending.remove(name);
    }

    /// Remembers the `resourceVersion` that a patch of ours resulted in.
    pub fn wrote(&self, object: &str, version: Option<&str>) {
        if let Some(version) = version.and_then(|version| version.parse().ok()) {
            self.inner()
                .written
                .insert(object.to_string(), (version, Instant::now()));
        }
    }

    /// Whether a cached object is older than what we wrote. Versions of one kind grow: Kubernetes API concepts,
    /// "Resource versions"; but not where etcd was restored from a backup. So what we wrote counts for a while only: a patch
    /// that is made of an old state is refused anyway.
    pub fn is_stale(&self, object: &str, version: Option<&str>) -> bool {
        let cached: Option<u64> = version.and_then(|version| version.parse().ok());
        let mut inner = self.inner();
        let Some((written, at)) = inner.written.get(object).copied() else {
            return false;
        };
        if at.elapsed() >= WRITTEN_COUNTS {
            inner.written.remove(object);
            return false;
        }
        cached.is_some_and(|cached| cached < written)
    }

    /// Whether this was not yet [told](Self::told) of an object that cannot be read.
    pub fn is_news(&self, object: &str, problem: &str) -> bool {
        self.inner().unreadable.get(object).map(String::as_str) != Some(problem)
    }

    /// This was said of an object that cannot be read.
    pub fn told(&self, object: &str, problem: &str) {
        self.inner().unreadable.insert(object.to_string(), problem.to_string());
    }

    /// The unique id that this process last saw with the object's tags.
    pub fn seen_id(&self, account: &AccountId, role: &RoleName, object: &ObjectName) -> Option<String> {
        let inner = self.inner();
        inner
            .seen
            .get(&role_key(account, role, object))?
            .last()
            .map(ToString::to_string)
    }

    /// Whether a unique id is one that another has followed, or that we removed: whoever shows it shows what was.
    pub fn is_outdated_id(&self, account: &AccountId, role: &RoleName, object: &ObjectName, id: &str) -> bool {
        let inner = self.inner();
        let key = role_key(account, role, object);
        if inner
            .buried
            .by_role
            .get(&key)
            .is_some_and(|(ids, _)| ids.iter().any(|buried| **buried == *id))
        {
            return true;
        }
        let seen = inner.seen.get(&key);
        seen.and_then(|ids| ids.split_last())
            .is_some_and(|(newest, older)| **newest != *id && older.iter().any(|older| **older == *id))
    }

    /// Remembers a unique id that was seen with the object's tags.
    pub fn saw_id(&self, account: &AccountId, role: &RoleName, object: &ObjectName, id: &str) {
        let mut inner = self.inner();
        let ids = inner.seen.entry(role_key(account, role, object)).or_default();
        ids.retain(|known| **known != *id);
        ids.push(id.into());
        // What is older than that is shown by nobody any more.
        let forgotten = ids.len().saturating_sub(IDS_REMEMBERED);
        ids.drain(..forgotten);
        // Most roles have one, and keep it.
        ids.shrink_to_fit();
    }

    /// Remembers that we made a role just now.
    pub fn made(&self, account: &AccountId, role: &RoleName, object: &ObjectName, id: &str) {
        self.saw_id(account, role, object, id);
        let mut inner = self.inner();
        inner.made.remember(role_key(account, role, object), Instant::now());
    }

    /// Whether we made a role so lately: that it is not seen does not mean that it is gone.
    pub fn made_within(&self, account: &AccountId, role: &RoleName, object: &ObjectName, time: Duration) -> bool {
        self.inner().made.is_within(&role_key(account, role, object), time)
    }

    /// Remembers that we may have made a role just now: the answer was lost.
    pub fn perhaps_made(&self, account: &AccountId, role: &RoleName, object: &ObjectName) {
        let mut inner = self.inner();
        let key = role_key(account, role, object);
        inner.perhaps_made.remember(key, Instant::now());
    }

    /// Whether we may have made a role so lately, although no answer told of its unique id.
    pub fn perhaps_made_within(
        &self,
        account: &AccountId,
        role: &RoleName,
        object: &ObjectName,
        time: Duration,
    ) -> bool {
        let key = role_key(account, role, object);
        self.inner().perhaps_made.is_within(&key, time)
    }

    /// Whether this process began so lately: of what another one wrote until then it knows nothing.
    pub fn is_younger_than(&self, time: Duration) -> bool {
        self.began.elapsed() < time
    }

    /// Forgets the unique ids of a role that we let go of, or removed: from now on only its tags can say that it is ours.
    pub fn forget_id(&self, account: &AccountId, role: &RoleName, object: &ObjectName) {
        let mut inner = self.inner();
        let key = role_key(account, role, object);
        inner.seen.remove(&key);
        inner.made.by_role.remove(&key);
        inner.perhaps_made.by_role.remove(&key);
    }

    /// Remembers that we removed a role: reads that lag behind may still show it, when another is there already.
    pub fn bury(&self, account: &AccountId, role: &RoleName, object: &ObjectName) {
        let mut inner = self.inner();
        let key = role_key(account, role, object);
        inner.made.by_role.remove(&key);
        inner.perhaps_made.by_role.remove(&key);
        if let Some(ids) = inner.seen.remove(&key) {
            inner.buried.remember(key, Instant::now()).extend(ids);
        }
    }

    /// Notices the derived removals of an object, and says whether no new one came up lately in any object.
    pub fn removals_settled(&self, object: &ObjectName, accounts: &BTreeSet<String>) -> bool {
        let mut inner = self.inner();
        let known = if accounts.is_empty() {
            inner.pending.remove(object)
        } else {
            inner.pending.insert(object.clone(), accounts.clone())
        };
        if !accounts.is_subset(&known.unwrap_or_default()) {
            inner.newest = Some(Instant::now());
        }
        inner.newest.is_none_or(|noticed| noticed.elapsed() >= REMOVALS_SETTLE)
    }

    /// Remembers a derived removal.
    pub fn removed(&self, object: &ObjectName, account: &str) {
        self.inner()
            .removed
            .insert((object.clone(), account.to_string()), Instant::now());
    }

    /// The derived removals that happened lately.
    pub fn removed_lately(&self) -> Vec<Removal> {
        let mut inner = self.inner();
        inner.removed.retain(|_, at| at.elapsed() <= REMOVALS_COUNT_FOR);
        inner.removed.keys().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str) -> ObjectName {
        ObjectName {
            namespace: "security".into(),
            name: name.into(),
        }
    }

    #[test]
    fn a_removal_counts_once_however_often_it_is_reported() {
        let memory = Memory::default();
        memory.removed(&object("a"), "prod");
        memory.removed(&object("a"), "prod");
        memory.removed(&object("b"), "prod");
        assert_eq!(memory.removed_lately().len(), 2);
    }

    #[test]
    fn a_cached_object_is_stale_until_it_is_what_we_wrote() {
        let memory = Memory::default();
        assert!(!memory.is_stale("a", Some("5")));
        memory.wrote("a", Some("7"));
        assert!(memory.is_stale("a", Some("5")));
        assert!(!memory.is_stale("a", Some("7")));
        assert!(!memory.is_stale("a", Some("8")));
        assert!(!memory.is_stale("b", Some("1")));
    }

    #[test]
    fn a_role_that_was_let_go_of_is_no_longer_known_by_its_id() {
        let memory = Memory::default();
        let (account, role): (AccountId, RoleName) = ("222222222222".parse().unwrap(), "Audit".parse().unwrap());
        memory.saw_id(&account, &role, &object("a"), "AROA1");
        assert_eq!(
            memory
                .seen_id(&account, &"AUDIT".parse().unwrap(), &object("a"))
                .as_deref(),
            Some("AROA1")
        );
        memory.forget_id(&account, &role, &object("a"));
        assert_eq!(memory.seen_id(&account, &role, &object("a")), None);
    }

    #[test]
    fn an_object_that_is_gone_is_forgotten_and_no_other() {
        let memory = Memory::default();
        let (account, role): (AccountId, RoleName) = ("222222222222".parse().unwrap(), "Audit".parse().unwrap());
        let objects = [object("a"), object("b"), object("aa")];
        for object in &objects {
            memory.saw_id(&account, &role, object, "AROA1");
        }
        memory.forget("a", &objects[0]);
        let seen = objects.map(|object| memory.seen_id(&account, &role, &object).is_some());
        assert_eq!(seen, [false, true, true]);
    }

    #[test]
    fn an_id_that_another_followed_is_outdated() {
        let memory = Memory::default();
        let (account, role): (AccountId, RoleName) = ("222222222222".parse().unwrap(), "Audit".parse().unwrap());
        let outdated = |id| memory.is_outdated_id(&account, &role, &object("a"), id);
        memory.saw_id(&account, &role, &object("a"), "AROA1");
        assert!(!outdated("AROA1"));
        memory.made(&account, &role, &object("a"), "AROA2");
        assert!(outdated("AROA1"));
        assert!(!outdated("AROA2"));
        assert!(!outdated("AROA3"));
        let object = object("a");
        assert!(memory.made_within(&account, &role, &object, Duration::from_secs(60)));
        assert!(!memory.made_within(&account, &role, &object, Duration::ZERO));
    }

    #[test]
    fn an_id_that_was_removed_is_outdated_also_when_the_role_is_made_again() {
        let memory = Memory::default();
        let (account, role): (AccountId, RoleName) = ("222222222222".parse().unwrap(), "Audit".parse().unwrap());
        let outdated = |id| memory.is_outdated_id(&account, &role, &object("a"), id);
        memory.made(&account, &role, &object("a"), "AROA1");
        memory.bury(&account, &role, &object("a"));
        memory.forget("a", &object("a"));
        assert!(outdated("AROA1"), "it is shown by a replica that lags behind");
        memory.made(&account, &role, &object("a"), "AROA2");
        assert!(outdated("AROA1"));
        assert!(!outdated("AROA2"));
    }

    #[test]
    fn what_is_too_old_is_not_looked_for_at_every_role() {
        let mut lately = Lately::<()>::default();
        let account: AccountId = "222222222222".parse().unwrap();
        let began = Instant::now();
        for (seconds, role, held) in [
            (0, "A", 1),
            (3590, "B", 2),
            (3601, "C", 3),
            (3649, "D", 4),
            (3650, "E", 4),
        ] {
            let key = role_key(&account, &role.parse().unwrap(), &object("a"));
            lately.remember(key, began + Duration::from_secs(seconds));
            assert_eq!(lately.by_role.len(), held, "{role}");
        }
    }

    #[test]
    fn new_derived_removals_wait_for_others() {
        let memory = Memory::default();
        let none = BTreeSet::new();
        assert!(memory.removals_settled(&object("a"), &none));
        assert!(!memory.removals_settled(&object("a"), &BTreeSet::from(["prod".to_string()])));
        assert!(!memory.removals_settled(&object("a"), &BTreeSet::from(["prod".to_string()])));
    }
}
