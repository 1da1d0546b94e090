//! What must hold of each place in the end.

use std::collections::BTreeMap;

use crossrole_testkit::scene;
use crossrole_testkit::simulator::Call;
use serde_json::{Value, json};

use super::claims::Found;
use super::point::Reference;
use super::scenario::Scenario;
use super::support::objects::is_current;
use super::work::place::Place;

const REVOCATION: &str = "AWSRevokeOlderSessions";

/// What is not yet as it is to be in Kubernetes, if anything is: the object, and the accounts' finalizers and status.
pub fn unrest(place: &Place, roles: &BTreeMap<String, Value>, accounts: &BTreeMap<String, Value>) -> Option<String> {
    let object = roles.get(&place.name);
    if !place.has_ended(object) {
        return Some(format!("{:?}", object.map(|object| &object["status"])));
    }
    for (name, used) in place.account_names().iter().zip(place.entries()) {
        let Some(account) = accounts.get(name) else {
            return Some(format!("{name} is not there"));
        };
        let ready = is_current(account) && scene::condition(account, "Ready")["status"] == "True";
        let marked = account["metadata"]["finalizers"]
            .as_array()
            .is_some_and(|finalizers| !finalizers.is_empty());
        if !ready || marked != used || account["status"]["roles"] != json!(u8::from(used)) {
            let (finalizers, status) = (&account["metadata"]["finalizers"], &account["status"]);
            return Some(format!("{name}: {finalizers} {status}"));
        }
    }
    None
}

/// What is wrong with what a place's accounts hold, and with what status says of it.
pub fn wrong(place: &Place, object: Option<&Value>, found: &Found, reference: &Reference) -> Option<String> {
    let mut roles = found.roles.clone();
    for (role, wanted) in roles.iter_mut().zip(&reference.roles) {
        if let (Some(role), Some(wanted)) = (role, wanted) {
            pass_over_revocation(place.scenario, role, wanted);
        }
    }
    let mut wanted = reference.roles.clone();
    if place.scenario == Scenario::Replace {
        // Whether it is the role that was there before, only the process knew that is dead.
        wanted
            .iter_mut()
            .chain(&mut roles)
            .flatten()
            .for_each(without_revocation);
    }
    if roles != wanted {
        let [found, wanted] = [&roles, &wanted].map(|roles| json!(roles).to_string());
        return Some(format!("ended with {found} and not {wanted}"));
    }
    if let Some(difference) = found.difference(&place.others) {
        return Some(difference);
    }
    let told: Vec<(&Value, &Value)> = object
        .and_then(|object| object["status"]["accounts"].as_array())
        .into_iter()
        .flatten()
        .map(|entry| (&entry["account"], &entry["roleId"]))
        .collect();
    let names = place.account_names();
    let held: Vec<(Value, Value)> = names
        .iter()
        .zip(&found.ids)
        .filter(|(_, id)| id.is_some() && object.is_some())
        .map(|(name, id)| (json!(name), json!(id)))
        .collect();
    let same = told.len() == held.len()
        && told
            .iter()
            .zip(&held)
            .all(|(told, held)| (told.0, told.1) == (&held.0, &held.1));
    (!same).then(|| format!("status says {told:?} of {held:?}"))
}

/// A role that somebody found closed in the middle of a change is told to end its older sessions: nobody knows any more
/// whether that was due. More of it than undisturbed is right, less is not.
fn pass_over_revocation(scenario: Scenario, role: &mut Value, wanted: &Value) {
    let closes = matches!(
        scenario,
        Scenario::Rebind | Scenario::Drift | Scenario::Update | Scenario::Revert
    );
    if closes && wanted["inline"][REVOCATION].is_null() {
        without_revocation(role);
    }
}

fn without_revocation(role: &mut Value) {
    if let Some(inline) = role["inline"].as_object_mut() {
        inline.remove(REVOCATION);
    }
}

/// Writes to roles of a place's accounts that are not of its object.
pub fn meddling(place: &Place, calls: &[Call]) -> Option<String> {
    let accounts = place.accounts();
    let meddles = calls.iter().find(|call| {
        call.kind == "write" && accounts.contains(&call.account) && call.role.as_deref() != Some(&place.name)
    });
    meddles.map(|call| format!("wrote to what is not its own: {call:?}"))
}
