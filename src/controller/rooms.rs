//! Room under `maxRolesPerNamespace`. Status shows a new role only after a while, so whoever is let in takes the room at
//! once: objects that are looked at side by side, and the accounts of one object, must not all see the last free place.
//!
//! Rooms are counted as they are taken and given back, and as status changes: an object in a thousand accounts asks for a
//! thousand rooms, and nobody goes through those of the others for each.

use std::collections::{BTreeSet, HashMap};

use crossrole_api::{AccountEntry, EntryState, Reason};
use crossrole_plan::declaration::ObjectName;

use super::resolve::Place;

/// Rooms in all namespaces. The index counts them: it learns first what status shows.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// By the AWSAccount's name.
    by_account: Count,
    /// By the AccountClass's name.
    by_class: Count,
    /// The classes of accounts, by the AWSAccount's name.
    classes: HashMap<String, String>,
    /// How often Kubernetes had changed when that was so; `None` where nobody asked yet.
    learned: Option<u64>,
    /// The accounts where an object was let in, and may not have its role yet.
    taken: HashMap<ObjectName, BTreeSet<String>>,
}

impl Counts {
    /// Learns of which class each account is, unless that is known as of so many changes, or of more.
    pub(super) fn learn<'a, C: Iterator<Item = (&'a str, &'a str)>>(
        &mut self,
        changes: u64,
        classes: impl FnOnce() -> C,
    ) {
        if self.learned.is_some_and(|learned| learned >= changes) {
            return;
        }
        self.learned = Some(changes);
        let classes = classes().map(|(account, class)| (account.to_string(), class.to_string()));
        self.classes = classes.collect();
        self.by_class = Count::default();
        for (namespace, account, count) in self.by_account.all() {
            if let Some(class) = self.classes.get(account) {
                self.by_class.add(namespace, class, count);
            }
        }
    }

    /// Status shows an object's room in an account now.
    pub(super) fn is_shown(&mut self, object: &ObjectName, account: &str) {
        if !self.has_taken(object, account) {
            self.one_more(&object.namespace, account);
        }
    }

    /// Status shows an object's room in an account no longer.
    pub(super) fn is_shown_no_longer(&mut self, object: &ObjectName, account: &str) {
        if !self.has_taken(object, account) {
            self.one_less(&object.namespace, account);
        }
    }

    /// As [`Index::take_room`](super::index::Index::take_room). `is_shown` says whether status shows the object's room
    /// there.
    pub(super) fn take(&mut self, object: &ObjectName, place: &Place<'_>, is_shown: bool) -> u32 {
        let is_counted = is_shown || self.has_taken(object, place.account);
        let is_of_class = self
            .classes
            .get(place.account)
            .is_some_and(|class| class == place.class);
        let all = self.by_class.of(&object.namespace, place.class);
        let others = all.saturating_sub(u32::from(is_counted && is_of_class));
        if others < place.most {
            let rooms = self.taken.entry(object.clone()).or_default();
            rooms.insert(place.account.to_string());
            if !is_counted {
                self.one_more(&object.namespace, place.account);
            }
        }
        others
    }

    /// As [`Index::keep_rooms`](super::index::Index::keep_rooms). `is_shown` says of an account whether status shows the
    /// object's room there.
    pub(super) fn keep(&mut self, object: &ObjectName, accounts: &BTreeSet<&str>, is_shown: impl Fn(&str) -> bool) {
        let Some(rooms) = self.taken.remove(object) else {
            return;
        };
        let (kept, given_back): (BTreeSet<_>, BTreeSet<_>) = rooms
            .into_iter()
            .partition(|account| accounts.contains(account.as_str()));
        for account in given_back.iter().filter(|account| !is_shown(account)) {
            self.one_less(&object.namespace, account);
        }
        if !kept.is_empty() {
            self.taken.insert(object.clone(), kept);
        }
    }

    fn has_taken(&self, object: &ObjectName, account: &str) -> bool {
        self.taken.get(object).is_some_and(|rooms| rooms.contains(account))
    }

    fn one_more(&mut self, namespace: &str, account: &str) {
        self.by_account.add(namespace, account, 1);
        if let Some(class) = self.classes.get(account) {
            self.by_class.add(namespace, class, 1);
        }
    }

    fn one_less(&mut self, namespace: &str, account: &str) {
        self.by_account.take_one(namespace, account);
        if let Some(class) = self.classes.get(account) {
            self.by_class.take_one(namespace, class);
        }
    }
}

/// How many there are, by namespace and something else.
#[derive(Debug, Default)]
struct Count(HashMap<String, HashMap<String, u32>>);

impl Count {
    fn of(&self, namespace: &str, key: &str) -> u32 {
        let count = self.0.get(namespace).and_then(|counts| counts.get(key));
        count.copied().unwrap_or(0)
    }

    fn all(&self) -> impl Iterator<Item = (&str, &str, u32)> {
        self.0.iter().flat_map(|(namespace, counts)| {
            let counts = counts.iter();
            counts.map(|(key, count)| (namespace.as_str(), key.as_str(), *count))
        })
    }

    // Most are there already, and are found without a copy of their names.
    fn add(&mut self, namespace: &str, key: &str, more: u32) {
        let count = self.0.get_mut(namespace).and_then(|counts| counts.get_mut(key));
        match count {
            Some(count) => *count = count.saturating_add(more),
            None => {
                let counts = self.0.entry(namespace.to_string()).or_default();
                counts.insert(key.to_string(), more);
            }
        }
    }

    fn take_one(&mut self, namespace: &str, key: &str) {
        if let Some(counts) = self.0.get_mut(namespace)
            && let Some(count) = counts.get_mut(key)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(key);
            }
        }
    }
}

/// Whether an entry takes room: the role is there, or is about to be made.
pub fn takes_room(entry: &AccountEntry) -> bool {
    let is_underway = matches!(entry.state, EntryState::Pending | EntryState::Retrying);
    let waits_for_somebody = matches!(entry.reason, Reason::WouldChange | Reason::AccountPaused);
    entry.role_id.is_some() || (is_underway && !waits_for_somebody)
}

#[cfg(test)]
mod tests;
