//! What is asked of all CrossAccountRoles together, counted as they change: who claims a role's name, who uses an
//! account, how many roles there are, and how much room they take; and how all of them and all grants stand. Nobody need go
//! through all objects for it.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossrole_api::CrossAccountRole;
use crossrole_plan::declaration::ObjectName;
use kube::ResourceExt;

use super::context::object_name;
use super::resolve::Place;
use super::rooms::{Counts, takes_room};
use super::tally::Tally;
use super::watch::{CachedGrant, CachedRole};
use super::world::World;

/// What is asked of all CrossAccountRoles together.
#[derive(Debug, Default)]
pub struct Index(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Objects, by the name of their role in lower case. Nearly always there is one.
    by_role_name: HashMap<String, Vec<Arc<ObjectName>>>,
    /// Objects with an entry for an account, and what it says, by the AWSAccount's name.
    by_account: HashMap<String, Entries>,
    /// Rooms that the objects of each namespace take.
    rooms: Counts,
    /// Roles that all objects hold.
    roles: usize,
    /// How all of them stand, and all grants.
    tally: Tally,
    /// Objects that this version cannot read.
    unreadable: usize,
}

/// What the entries for an account say, by their objects.
type Entries = HashMap<Arc<ObjectName>, Entry>;

/// What an entry says.
#[derive(Clone, Copy, Debug)]
struct Entry {
    holds_role: bool,
    takes_room: bool,
}

/// Who uses an account.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The objects with an entry for it, in order.
    pub users: Vec<ObjectName>,
    /// How many of them hold a role there.
    pub roles: i64,
    /// Whether an object that cannot be read may use it too.
    pub unsure: bool,
}

impl Index {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An object came, went, or is another one now.
    pub fn change(&self, before: Option<&CachedRole>, after: Option<&CachedRole>) {
        let mut inner = self.inner();
        if let Some(before) = before {
            inner.remove(before);
        }
        match (before, after) {
            (_, Some(after)) => inner.add(after),
            (Some(before), None) => inner.keep_rooms(&object_name(before), &BTreeSet::new()),
            (None, None) => {}
        }
    }

    /// A grant came, went, or is another one now.
    pub fn change_grant(&self, before: Option<&CachedGrant>, after: Option<&CachedGrant>) {
        let tally = &mut self.inner().tally;
        match before.map(|grant| &grant.0) {
            Some(Ok(before)) => tally.remove_grant(before),
            Some(Err(_)) => tally.remove_unreadable("AssumeRoleGrant"),
            None => {}
        }
        match after.map(|grant| &grant.0) {
            Some(Ok(after)) => tally.add_grant(after),
            Some(Err(_)) => tally.add_unreadable("AssumeRoleGrant"),
            None => {}
        }
    }

    /// The objects whose role has this name, given in lower case.
    pub fn of_role_name(&self, name: &str) -> Vec<ObjectName> {
        let inner = self.inner();
        let objects = inner.by_role_name.get(name).into_iter().flatten();
        let mut objects: Vec<_> = objects.map(|object| object.as_ref().clone()).collect();
        objects.sort();
        objects
    }

    /// Whether any object is about roles of this name, given in lower case.
    pub fn has_role_name(&self, name: &str) -> bool {
        self.inner().by_role_name.contains_key(name)
    }

    /// Who uses an account.
    pub fn usage(&self, account: &str) -> Usage {
        let inner = self.inner();
        let users = inner.by_account.get(account);
        let mut usage = Usage {
            unsure: inner.unreadable > 0,
            ..Usage::default()
        };
        for (object, entry) in users.into_iter().flatten() {
            usage.users.push(object.as_ref().clone());
            usage.roles += i64::from(entry.holds_role);
        }
        usage.users.sort();
        usage
    }

    /// How many roles the objects of a namespace have, or are about to have, in accounts of the place's class besides the
    /// one of this object there. Takes the room for that one where they are fewer than the place allows.
    pub(super) fn take_room(&self, world: &World, role: &CrossAccountRole, place: &Place<'_>) -> u32 {
        let mut inner = self.inner();
        inner.rooms.learn(world.changes(), || world.classes_of_accounts());
        inner.take_room(role, place)
    }

    /// Gives back an object's rooms but for those accounts where it still is to get a new role.
    pub(super) fn keep_rooms(&self, object: &ObjectName, accounts: &BTreeSet<&str>) {
        self.inner().keep_rooms(object, accounts);
    }

    /// What is asked of the tally.
    pub fn tally<T>(&self, ask: impl FnOnce(&Tally) -> T) -> T {
        ask(&self.inner().tally)
    }

    /// How many roles all objects hold.
    pub fn roles(&self) -> usize {
        self.inner().roles
    }
}

impl Inner {
    fn add(&mut self, object: &CachedRole) {
        let Ok(role) = &object.0 else {
            self.unreadable += 1;
            self.tally.add_unreadable("CrossAccountRole");
            return;
        };
        self.tally.add(role);
        let name = Arc::new(object_name(role));
        let of_name = self.by_role_name.entry(role_name(role)).or_default();
        of_name.reserve_exact(1);
        of_name.push(name.clone());
        for entry in role.status.iter().flat_map(|status| &status.accounts) {
            let said = Entry {
                holds_role: entry.role_id.is_some(),
                takes_room: takes_room(entry),
            };
            let users = match self.by_account.get_mut(&entry.account) {
                Some(users) => users,
                None => self.by_account.entry(entry.account.clone()).or_default(),
            };
            users.insert(name.clone(), said);
            self.roles += usize::from(said.holds_role);
            if said.takes_room {
                self.rooms.is_shown(&name, &entry.account);
            }
        }
    }

    fn remove(&mut self, object: &CachedRole) {
        let Ok(role) = &object.0 else {
            self.unreadable = self.unreadable.saturating_sub(1);
            self.tally.remove_unreadable("CrossAccountRole");
            return;
        };
        self.tally.remove(role);
        let (name, role_name) = (object_name(role), role_name(role));
        if let Some(objects) = self.by_role_name.get_mut(&role_name) {
            objects.retain(|object| **object != name);
            if objects.is_empty() {
                self.by_role_name.remove(&role_name);
            }
        }
        for entry in role.status.iter().flat_map(|status| &status.accounts) {
            if let Some(users) = self.by_account.get_mut(&entry.account) {
                users.remove(&name);
                if users.is_empty() {
                    self.by_account.remove(&entry.account);
                }
            }
            self.roles = self.roles.saturating_sub(usize::from(entry.role_id.is_some()));
            if takes_room(entry) {
                self.rooms.is_shown_no_longer(&name, &entry.account);
            }
        }
    }

    fn take_room(&mut self, role: &CrossAccountRole, place: &Place<'_>) -> u32 {
        let object = object_name(role);
        let of_name = self.by_role_name.get(&role_name(role));
        // Nobody would give back the room of an object that is gone.
        let is_there = of_name.is_some_and(|objects| objects.iter().any(|known| **known == object));
        let most = if is_there { place.most } else { 0 };
        let is_shown = shows_room(&self.by_account, &object, place.account);
        self.rooms.take(&object, &Place { most, ..*place }, is_shown)
    }

    fn keep_rooms(&mut self, object: &ObjectName, accounts: &BTreeSet<&str>) {
        let Self { rooms, by_account, .. } = self;
        rooms.keep(object, accounts, |account| shows_room(by_account, object, account));
    }
}

/// Whether status shows that an object takes room in an account.
fn shows_room(by_account: &HashMap<String, Entries>, object: &ObjectName, account: &str) -> bool {
    let entry = by_account.get(account).and_then(|entries| entries.get(object));
    entry.is_some_and(|entry| entry.takes_room)
}

/// The name of an object's role, as IAM compares names.
pub fn role_name(role: &CrossAccountRole) -> String {
    let name = role.spec.role_name.clone();
    name.unwrap_or_else(|| role.name_any()).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use kube::core::DeserializeGuard;
    use serde_json::json;

    use super::*;

    fn object(name: &str, role_name: Option<&str>, entries: &[(&str, bool)]) -> CachedRole {
        let entries = entries.iter().map(|(account, holds)| {
            json!({"account": account, "accountId": "222222222222", "roleId": holds.then_some("AROA1"),
                "state": if *holds { "Ready" } else { "Refused" }, "reason": "InSync", "lastTransitionTime": "2026-01-01T00:00:00Z"})
        });
        let object = json!({
            "apiVersion": "crossrole.dev/v1alpha1", "kind": "CrossAccountRole",
            "metadata": {"name": name, "namespace": "security"},
            "spec": {"accounts": {"names": ["prod"]}, "roleName": role_name, "trust": []},
            "status": {"observedGeneration": 1, "accounts": entries.collect::<Vec<_>>()},
        });
        DeserializeGuard(Ok(serde_json::from_value(object).unwrap()))
    }

    fn names(index: &Index, role: &str) -> Vec<String> {
        let objects = index.of_role_name(role).into_iter();
        objects.map(|object| object.name).collect()
    }

    #[test]
    fn what_changes_is_counted_once_and_what_goes_no_longer() {
        let index = Index::default();
        let (first, second) = (
            object("a", Some("Audit"), &[("prod", true), ("stage", false)]),
            object("AUDIT", None, &[("prod", true)]),
        );
        index.change(None, Some(&first));
        index.change(None, Some(&second));
        assert_eq!(names(&index, "audit"), ["AUDIT", "a"]);
        let usage = index.usage("prod");
        assert_eq!((usage.users.len(), usage.roles, usage.unsure), (2, 2, false));
        assert_eq!((index.usage("stage").users.len(), index.usage("stage").roles), (1, 0));
        assert_eq!(index.roles(), 2);

        let later = object("a", Some("Other"), &[("stage", true)]);
        index.change(Some(&first), Some(&later));
        assert_eq!(names(&index, "audit"), ["AUDIT"]);
        assert_eq!(names(&index, "other"), ["a"]);
        assert_eq!(index.usage("prod").roles, 1);
        assert_eq!(index.usage("stage").roles, 1);

        assert_eq!(index.tally(Tally::reasons), [("InSync", 2)]);
        index.change(Some(&later), None);
        index.change(Some(&second), None);
        assert_eq!(index.tally(Tally::clone), Tally::default());
        assert_eq!(index.roles(), 0);
        assert_eq!(index.usage("prod"), Usage::default());
        assert!(names(&index, "audit").is_empty());
    }

    #[test]
    fn an_object_that_cannot_be_read_may_use_every_account_and_stands_still() {
        let index = Index::default();
        let unreadable: CachedRole =
            serde_json::from_value(json!({"metadata": {"name": "a", "namespace": "security"}, "spec": 5})).unwrap();
        assert!(unreadable.0.is_err());
        index.change(None, Some(&unreadable));
        assert!(index.usage("prod").unsure);
        let grant: CachedGrant =
            serde_json::from_value(json!({"metadata": {"name": "a", "namespace": "security"}, "spec": 5})).unwrap();
        index.change_grant(None, Some(&grant));
        let told = ["AssumeRoleGrant", "CrossAccountRole"].map(|kind| (kind, "InvalidSpec".to_string(), 1));
        assert_eq!(index.tally(Tally::stalled), told);
        index.change(Some(&unreadable), None);
        assert!(!index.usage("prod").unsure);
        index.change_grant(Some(&grant), None);
        assert_eq!(index.tally(Tally::clone), Tally::default());
    }
}
