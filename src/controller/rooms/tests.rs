use std::cell::Cell;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::core::DeserializeGuard;
use serde_json::{Value, json};

use super::*;
use crate::controller::index::Index;
use crate::controller::watch::{CachedAccount, CachedRole};
use crate::controller::world::World;

fn named(namespace: &str, name: &str) -> ObjectName {
    ObjectName {
        namespace: namespace.into(),
        name: name.into(),
    }
}

fn object(name: &str) -> ObjectName {
    named("security", name)
}

/// An object whose status shows a role in each of these accounts, or that it is refused there.
fn role(object: &ObjectName, entries: &[(&str, bool)]) -> CachedRole {
    let entries = entries.iter().map(|(account, holds)| {
        json!({"account": account, "roleId": holds.then_some("AROA1"), "state": "Refused", "reason": "TrustNotAllowed",
            "lastTransitionTime": "2026-01-01T00:00:00Z"})
    });
    let role = json!({
        "apiVersion": "crossrole.dev/v1alpha1", "kind": "CrossAccountRole",
        "metadata": {"name": object.name, "namespace": object.namespace},
        "spec": {"accounts": {"names": ["prod"]}},
        "status": {"observedGeneration": 1, "accounts": entries.collect::<Vec<Value>>()}
    });
    DeserializeGuard(Ok(serde_json::from_value(role).unwrap()))
}

fn unreadable(object: &ObjectName) -> CachedRole {
    let role = json!({"metadata": {"name": object.name, "namespace": object.namespace}, "spec": 5});
    serde_json::from_value(role).unwrap()
}

fn world(classes: &[(&str, &str)]) -> World {
    let accounts = classes.iter().map(|(account, class)| {
        let account = json!({
            "apiVersion": "crossrole.dev/v1alpha1", "kind": "AWSAccount",
            "metadata": {"name": account}, "spec": {"accountId": "222222222222", "class": class}
        });
        Arc::new(serde_json::from_value::<CachedAccount>(account).unwrap())
    });
    World::of_objects(accounts, [], [])
}

/// Rooms where these objects are.
struct Rig {
    index: Index,
    world: World,
}

impl Rig {
    fn with(objects: &[&ObjectName]) -> Self {
        let rig = Self {
            index: Index::default(),
            world: world(&[("prod", "c"), ("stage", "c"), ("test", "c"), ("lab", "d")]),
        };
        for object in objects {
            rig.change(None, Some(&role(object, &[])));
        }
        rig
    }

    fn change(&self, before: Option<&CachedRole>, after: Option<&CachedRole>) {
        self.index.change(before, after);
    }

    fn take(&self, object: &ObjectName, account: &str, most: u32) -> u32 {
        let role = role(object, &[]);
        let class = self.world.class_of(account).unwrap();
        let place = Place { account, class, most };
        self.index.take_room(&self.world, role.0.as_ref().unwrap(), &place)
    }

    /// How many rooms count for an object that has none.
    fn count(&self, class: &str) -> u32 {
        let inquirer = role(&object("inquirer"), &[]);
        let place = Place {
            account: "nowhere",
            class,
            most: 0,
        };
        self.index.take_room(&self.world, inquirer.0.as_ref().unwrap(), &place)
    }
}

#[test]
fn room_that_was_taken_counts_at_once_and_for_every_object() {
    let (a, b, elsewhere) = (object("a"), object("b"), named("elsewhere", "a"));
    let rig = Rig::with(&[&a, &b, &elsewhere]);
    let held = role(&object("held"), &[("prod", true)]);
    rig.change(None, Some(&held));
    assert_eq!(rig.take(&a, "prod", 3), 1);
    assert_eq!(rig.take(&a, "prod", 3), 1, "its own does not count against it");
    assert_eq!(rig.take(&a, "stage", 3), 2);
    assert_eq!(rig.take(&a, "test", 3), 3, "full");
    assert_eq!(rig.take(&b, "prod", 3), 3, "for others as well");
    assert_eq!(rig.take(&a, "lab", 3), 0, "another class");
    assert_eq!(rig.take(&elsewhere, "prod", 3), 0, "another namespace");
    rig.index.keep_rooms(&a, &BTreeSet::from(["stage"]));
    assert_eq!(rig.take(&b, "prod", 3), 2);
    rig.index.keep_rooms(&b, &BTreeSet::new());
    rig.change(Some(&held), None);
    assert_eq!(rig.count("c"), 1);
}

#[test]
fn a_room_that_was_taken_counts_once_until_status_shows_it_or_its_object_is_gone() {
    let a = object("a");
    let rig = Rig::with(&[&a]);
    let (none, refused) = (role(&a, &[]), role(&a, &[("prod", false), ("stage", true)]));
    let made = role(&a, &[("prod", true), ("stage", true)]);
    assert_eq!(
        (rig.take(&a, "prod", 9), rig.count("c")),
        (0, 1),
        "nothing of it is in status"
    );
    rig.change(Some(&none), Some(&refused));
    assert_eq!(rig.count("c"), 2, "status shows that there is no role");
    rig.change(Some(&refused), Some(&made));
    assert_eq!(rig.count("c"), 2, "no room is counted twice");
    assert_eq!(rig.take(&a, "prod", 9), 1, "nor against its own object");
    rig.index.keep_rooms(&a, &BTreeSet::new());
    assert_eq!(rig.count("c"), 2, "status shows it");
    rig.take(&a, "test", 9);
    let lost = unreadable(&a);
    rig.change(Some(&made), Some(&lost));
    assert_eq!(rig.count("c"), 1, "nobody knows what it has");
    rig.change(Some(&lost), None);
    assert_eq!(rig.count("c"), 0, "it is gone");
    rig.take(&a, "test", 9);
    assert_eq!(rig.count("c"), 0, "and takes no room any more");
}

#[test]
fn rooms_are_counted_anew_only_when_an_account_may_be_of_another_class() {
    let mut counts = Counts::default();
    let accounts: Vec<String> = (0..1_500).map(|number| format!("account-{number}")).collect();
    let asked = Cell::new(0);
    let place = |account, class| Place {
        account,
        class,
        most: 5_000,
    };
    let take = |counts: &mut Counts, changes, class, place: &Place<'_>| {
        counts.learn(changes, || {
            asked.set(asked.get() + 1);
            accounts.iter().map(move |account| (account.as_str(), class))
        });
        counts.take(&object("a"), place, false)
    };
    for (number, account) in accounts.iter().enumerate() {
        let held = take(&mut counts, 7, "c", &place(account, "c"));
        assert_eq!(held as usize, number);
    }
    assert_eq!(asked.get(), 1);
    assert_eq!(take(&mut counts, 8, "d", &place("nowhere", "d")), 1_500);
    assert_eq!(take(&mut counts, 8, "d", &place("nowhere", "c")), 0);
    assert_eq!(asked.get(), 2);
}

#[test]
fn an_entry_takes_room_when_its_role_is_there_or_about_to_be() {
    let entry = |role: bool, state, reason| AccountEntry {
        account: "prod".into(),
        account_id: None,
        role_arn: None,
        created: None,
        last_used: None,
        role_id: role.then(|| "AROA1".into()),
        named: true,
        state,
        reason,
        message: None,
        last_assumed: None,
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
