//! What must hold of every cell's account in the end.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_testkit::Simulator;
use crossrole_testkit::simulator::Role;
use serde_json::{Value, json};

use super::cell::Calls;

/// What undisturbed work does.
#[derive(Clone, Debug)]
pub struct Reference {
    /// The calls that it makes.
    pub calls: Calls,
    /// The role that there is afterwards.
    pub role: Option<Value>,
}

/// The roles of an account that are not of the object, as they were before: nobody may touch them.
#[derive(Clone, Debug, PartialEq)]
pub struct Others(BTreeMap<String, Role>);

/// The object's role, in a form that does not depend on the account and on the object's name; and all other roles.
pub async fn roles(simulator: &Simulator, account: &str, name: &str) -> (Option<Value>, Others) {
    let mut roles: BTreeMap<String, Role> = BTreeMap::new();
    for role in simulator.roles(account).await.unwrap() {
        let twice = roles.insert(role.name.clone(), role);
        assert_eq!(twice, None, "two roles of one name");
    }
    let ours = roles.remove(name).map(|role| meaning(role, account));
    (ours, Others(roles))
}

impl Others {
    /// What differs from how it was, if anything does.
    pub fn difference(&self, before: &Self) -> Option<String> {
        (self != before).then(|| format!("roles that are not of the object changed: {before:?} became {self:?}"))
    }
}

fn meaning(mut role: Role, account: &str) -> Value {
    // Any time will do.
    if let Some(revocation) = role.inline.get_mut("AWSRevokeOlderSessions") {
        *revocation = json!("there");
    }
    role.tags
        .entry("crossrole.dev/cluster".into())
        .and_modify(|id| *id = "ours".into());
    let attached: BTreeSet<_> = role.attached.iter().collect();
    let meaning = json!({
        "path": role.path, "description": role.description, "session": role.max_session_duration, "trust": role.trust,
        "inline": role.inline, "attached": attached, "boundary": role.boundary, "tags": role.tags,
        "profiles": role.instance_profiles,
    });
    let text = meaning
        .to_string()
        .replace(account, "ACCOUNT")
        .replace(&role.name, "NAME");
    serde_json::from_str(&text).unwrap()
}
