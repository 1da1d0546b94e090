//! Room under `maxRolesPerNamespace`. Status shows a new role only after a while, so whoever is let in takes the room at
//! once: objects that are looked at side by side, and the accounts of one object, must not all see the last free place.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crossrole_api::{AccountEntry, CrossAccountRole, EntryState, Reason};
use crossrole_plan::declaration::ObjectName;

/// The accounts where an object is about to have a role, by its name.
type Taken = BTreeMap<ObjectName, BTreeSet<String>>;

/// Rooms that were taken in this process's life, by objects whose role is not made yet or was not when they were last
/// looked at.
#[derive(Debug, Default)]
pub struct Rooms(Mutex<Taken>);

impl Rooms {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many roles the objects of a namespace have, or are about to have, besides the one of this object in this account.
    /// Takes the room for that one where they are fewer than `most`.
    ///
    /// `in_status` says how many of them status shows; `is_one_more` whether a room that was taken counts beside those.
    pub fn take(
        &self,
        object: &ObjectName,
        account: &str,
        most: u32,
        in_status: impl FnOnce() -> u32,
        is_one_more: impl Fn(&ObjectName, &str) -> bool,
    ) -> u32 {
        let mut taken = self.taken();
        let others = taken
            .iter()
            .filter(|(other, _)| other.namespace == object.namespace)
            .flat_map(|(other, accounts)| accounts.iter().map(move |account| (other, account.as_str())))
            .filter(|room| *room != (object, account) && is_one_more(room.0, room.1))
            .count();
        let count = in_status().saturating_add(u32::try_from(others).unwrap_or(u32::MAX));
        if count < most {
            taken.entry(object.clone()).or_default().insert(account.to_string());
        }
        count
    }

    /// Gives back an object's rooms but for those accounts where it still is to get a new role.
    pub fn keep(&self, object: &ObjectName, accounts: &BTreeSet<&str>) {
        let mut taken = self.taken();
        if let Some(rooms) = taken.get_mut(object) {
            rooms.retain(|room| accounts.contains(room.as_str()));
            if rooms.is_empty() {
                taken.remove(object);
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

/// Whether an object's role takes room in an account, as far as its status shows.
pub fn shows_room(role: &CrossAccountRole, account: &str) -> bool {
    let mut entries = role.status.iter().flat_map(|status| &status.accounts);
    entries.any(|entry| entry.account == account && takes_room(entry))
}

/// Whether a room that an object took counts beside those that status shows. `holder` is the object as it is now, readable
/// or not: the room of one that is gone is free.
pub fn is_beside_status<E>(holder: Option<Result<&CrossAccountRole, E>>, account: &str) -> bool {
    holder.is_some_and(|holder| holder.map_or(true, |holder| !shows_room(holder, account)))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;

    fn object(name: &str) -> ObjectName {
        ObjectName {
            namespace: "security".into(),
            name: name.into(),
        }
    }

    #[test]
    fn room_that_was_taken_counts_at_once_and_for_every_object() {
        let rooms = Rooms::default();
        let take = |name: &str, account: &str| rooms.take(&object(name), account, 3, || 1, |_, _| true);
        assert_eq!(take("a", "prod"), 1);
        assert_eq!(take("a", "prod"), 1, "its own does not count against it");
        assert_eq!(take("a", "stage"), 2);
        assert_eq!(take("a", "test"), 3, "full");
        assert_eq!(take("b", "prod"), 3, "for others as well");
        let elsewhere = ObjectName {
            namespace: "elsewhere".into(),
            name: "a".into(),
        };
        assert_eq!(rooms.take(&elsewhere, "prod", 3, || 0, |_, _| true), 0);
        let in_status = |other: &ObjectName, account: &str| (other, account) != (&object("a"), "prod");
        assert_eq!(
            rooms.take(&object("b"), "prod", 1, || 1, in_status),
            2,
            "no room is counted twice"
        );
        rooms.keep(&object("a"), &BTreeSet::from(["stage"]));
        assert_eq!(take("b", "prod"), 2);
    }

    #[test]
    fn an_entry_takes_room_when_its_role_is_there_or_about_to_be() {
        let entry = |role: bool, state, reason| AccountEntry {
            account: "prod".into(),
            account_id: None,
            role_arn: None,
            role_id: role.then(|| "AROA1".into()),
            named: true,
            state,
            reason,
            message: None,
            last_transition_time: Time(jiff::Timestamp::UNIX_EPOCH),
        };
        for (role, state, reason, takes) in [
            (true, EntryState::Refused, Reason::InvalidSpec, true),
            (false, EntryState::Pending, Reason::Waiting, true),
            (false, EntryState::Retrying, Reason::Throttled, true),
            (false, EntryState::Pending, Reason::WouldChange, false),
            (false, EntryState::Refused, Reason::TooManyRoles, false),
            (false, EntryState::Removing, Reason::Deselected, false),
        ] {
            assert_eq!(takes_room(&entry(role, state, reason)), takes, "{state:?} {reason}");
        }
    }
    #[test]
    fn a_room_that_was_taken_counts_until_status_shows_it_or_its_object_is_gone() {
        let mut role = serde_json::from_value::<CrossAccountRole>(serde_json::json!({
            "apiVersion": "crossrole.dev/v1alpha1", "kind": "CrossAccountRole",
            "metadata": {"name": "a", "namespace": "security"},
            "spec": {"accounts": {"names": ["prod"]}}
        }))
        .unwrap();
        let unreadable: Option<Result<&CrossAccountRole, &str>> = Some(Err("a newer version"));
        let counts = |role: &CrossAccountRole| is_beside_status(Some(Ok::<_, &str>(role)), "prod");
        assert!(counts(&role), "nothing of it is in status yet");
        let entry = |account: &str, role_id: Option<&str>| AccountEntry {
            account: account.into(),
            account_id: None,
            role_arn: None,
            role_id: role_id.map(str::to_string),
            named: true,
            state: EntryState::Refused,
            reason: Reason::TrustNotAllowed,
            message: None,
            last_transition_time: Time(jiff::Timestamp::UNIX_EPOCH),
        };
        role.status = Some(crossrole_api::CrossAccountRoleStatus {
            accounts: vec![entry("prod", None), entry("stage", Some("AROA1"))],
            ..Default::default()
        });
        assert!(counts(&role), "status shows that there is no role");
        role.status.as_mut().unwrap().accounts[0].role_id = Some("AROA2".into());
        assert!(!counts(&role), "it counts there");
        assert!(is_beside_status(unreadable, "prod"), "nobody knows what it has");
        assert!(!is_beside_status::<&str>(None, "prod"), "it is gone");
    }
}
