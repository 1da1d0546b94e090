//! What must hold of the accounts of a piece of work in the end.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_testkit::Simulator;
use crossrole_testkit::simulator::Role;
use serde_json::{Value, json};

use super::place::Place;
use super::scenario::REVOKED_BEFORE;

/// How often each action is called in a piece of work.
pub type Calls = BTreeMap<String, u64>;

/// The roles of an account that are not of the object, as they were before: nobody may touch them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Others(BTreeMap<String, Role>);

/// What a place's accounts hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// In each account the object's role, in a form that does not depend on the account and on the object's name.
    pub roles: Vec<Option<Value>>,
    /// In each account its unique id.
    pub ids: Vec<Option<String>>,
    /// In each account all other roles.
    pub others: Vec<Others>,
}

impl Found {
    /// What the accounts of a place hold now.
    pub async fn at(simulator: &Simulator, place: &Place) -> Self {
        let mut found = Self::default();
        for account in place.accounts() {
            let mut roles: BTreeMap<String, Role> = BTreeMap::new();
            for role in simulator.roles(&account).await.unwrap() {
                let twice = roles.insert(role.name.clone(), role);
                assert_eq!(twice, None, "two roles of one name");
            }
            let ours = roles.remove(&place.name);
            found.ids.push(ours.as_ref().map(|role| role.id.clone()));
            found.roles.push(ours.map(|role| meaning(role, &account)));
            found.others.push(Others(roles));
        }
        found
    }

    /// What differs of the roles that are not of the object from how they were, if anything does.
    pub fn difference(&self, before: &[Others]) -> Option<String> {
        let differs = self.others != before;
        differs.then(|| {
            format!(
                "roles that are not of the object changed: {before:?} became {:?}",
                self.others
            )
        })
    }
}

fn meaning(mut role: Role, account: &str) -> Value {
    // Any time will do that was not declared.
    if let Some(revocation) = role.inline.get_mut("AWSRevokeOlderSessions")
        && !revocation.to_string().contains(REVOKED_BEFORE)
    {
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
