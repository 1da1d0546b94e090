//! A place: an account and an object of its own for one piece of work.

use std::time::Duration;

use crossrole_testkit::{Scene, Simulator, eventually, scene};
use serde_json::{Value, json};

use super::super::support::objects::{self, ASKING, is_ready};
use super::super::support::{self, with, yaml};
use super::claims::{Found, Others};
use super::scenario::Scenario;

/// A throttled account is called more slowly for a while, and everything shares few cores.
pub const PATIENCE: Duration = Duration::from_secs(240);

/// Where one piece of work is done.
#[derive(Clone, Debug)]
pub struct Place {
    pub scenario: Scenario,
    /// The name of the object, its role and its account.
    pub name: String,
    /// What is done at the same time has the same.
    pub batch: String,
    /// Makes names and account ids.
    number: u64,
    /// In each account, what was there before the work began.
    pub others: Vec<Others>,
    /// Whether what is declared while nobody works has been declared.
    changed: bool,
}

/// The classes of all places that have none of their own: one that forces a boundary, and one that leaves it open.
pub fn classes() -> [Value; 2] {
    let mut unbound = class("unbound");
    unbound["spec"]["guardrails"]["permissionsBoundary"] = json!("None");
    [class("standard"), unbound]
}

fn class(name: &str) -> Value {
    let class = with(support::class(name), "/spec/guardrails/tagKeys", json!(["*"]));
    with(class, "/spec/adoption", json!({"roles": ["/crossrole/place-*"]}))
}

impl Place {
    pub fn new(scenario: Scenario, number: u64, batch: &str) -> Self {
        Self {
            scenario,
            name: format!("place-{number:04}"),
            batch: batch.into(),
            number,
            others: Vec::new(),
            changed: false,
        }
    }

    /// The names of its AWSAccounts: the one that the work begins in, and, where the role moves, the one that it moves to.
    pub fn account_names(&self) -> Vec<String> {
        let mut names = vec![self.name.clone()];
        if self.scenario.moves() {
            names.push(format!("{}-to", self.name));
        }
        names
    }

    /// The ids of its accounts, in the same order.
    pub fn accounts(&self) -> Vec<String> {
        let ids = [500_000_000_000, 600_000_000_000].map(|start: u64| format!("{:012}", start + self.number));
        ids.into_iter().take(self.account_names().len()).collect()
    }

    /// Makes its accounts in AWS, with a role that is nobody's business.
    pub async fn set_up(&mut self, simulator: &Simulator) {
        for account in self.accounts() {
            scene::set_up_target_account(simulator, &account).await.unwrap();
            let boundary = scene::bootstrap_document("boundary.json").unwrap();
            simulator
                .create_policy(&account, "/", "other-boundary", boundary)
                .await
                .unwrap();
            let trust = scene::bootstrap_document("trust-prod.json").unwrap();
            let foreign = json!({"name": "foreign", "path": "/crossrole/", "trust": trust});
            simulator.create_role(&account, foreign).await.unwrap();
            if self.scenario.class() == "unbound" {
                let all = json!({"Version": "2012-10-17", "Statement": [
                    {"Effect": "Allow", "Action": "iam:*", "Resource": "*"}
                ]});
                let edits = json!({"inline": {"crossrole": all}});
                simulator
                    .edit_role(&account, "crossrole-bootstrap", edits)
                    .await
                    .unwrap();
            }
        }
        self.others = Found::at(simulator, self).await.others;
    }

    /// What is declared before the work begins.
    pub fn declared_before(&self) -> Vec<Value> {
        let accounts = self.account_objects(0);
        let accounts = accounts.into_iter().filter(|_| self.scenario.account_before());
        accounts.chain(self.before()).collect()
    }

    /// Whether its object is declared before the work begins.
    pub fn is_there_before(&self) -> bool {
        self.before().is_some()
    }

    fn before(&self) -> Option<Value> {
        let before = self.scenario.before(&self.name)?;
        Some(self.in_account(before, 0))
    }

    /// What is declared to begin the work, with an annotation that asks for a look.
    fn declared(&self, asked: &str) -> Vec<Value> {
        let mut declared = Vec::new();
        if self.scenario.has_class() {
            declared.push(class(&self.name));
        }
        let chosen = self.chosen();
        if !self.scenario.account_before() || self.scenario.selects() {
            declared.extend(self.account_objects(chosen));
        }
        if let Some(object) = self.scenario.declared(&self.name) {
            let object = with(object, "/metadata/annotations", json!({ASKING: asked}));
            declared.push(self.in_account(object, chosen));
        }
        declared
    }

    /// Which of the accounts the role is to be in, once the work has begun.
    fn chosen(&self) -> usize {
        let moved = self.scenario.moves() && (self.changed || self.scenario != Scenario::Withdraw);
        usize::from(moved)
    }

    /// Whether its object is to be gone.
    pub fn is_left(&self) -> bool {
        self.scenario.deletes() || (self.scenario == Scenario::Cancel && self.changed)
    }

    /// In each of its accounts, whether the object is to have an entry for it.
    pub fn entries(&self) -> Vec<bool> {
        let accounts = 0..self.account_names().len();
        accounts
            .map(|index| index == self.chosen() && !self.is_left())
            .collect()
    }

    fn in_account(&self, object: Value, index: usize) -> Value {
        let accounts = if self.scenario.selects() {
            json!({"selector": {"matchLabels": {"chosen": self.name}}})
        } else {
            json!({"names": [self.account_names()[index]]})
        };
        let object = with(object, "/metadata/labels", json!({"batch": self.batch}));
        with(object, "/spec/accounts", accounts)
    }

    fn account_objects(&self, chosen: usize) -> Vec<Value> {
        let class = if self.scenario.has_class() {
            &self.name
        } else {
            self.scenario.class()
        };
        let names = self.account_names();
        let accounts = names.iter().zip(self.accounts()).enumerate();
        accounts
            .map(|(index, (name, id))| {
                let mut labels = json!({"batch": self.batch});
                if index == chosen {
                    labels["chosen"] = json!(self.name);
                }
                let account = with(support::account(name, &id), "/spec/class", json!(class));
                with(account, "/metadata/labels", labels)
            })
            .collect()
    }

    /// Does by hand what is done to the role before the work begins.
    pub async fn edit_by_hand(&self, simulator: &Simulator) {
        let account = &self.accounts()[0];
        if let Some(edits) = self.scenario.edit_by_hand(account) {
            simulator.edit_role(account, &self.name, edits).await.unwrap();
        }
        if let Some(mut made) = self.scenario.made_by_hand(&self.name) {
            if let Some(role) = simulator.role(account, &self.name).await.unwrap() {
                made["tags"] = json!(role.tags);
                simulator.delete_role(account, &self.name).await.unwrap();
            }
            simulator.create_role(account, made).await.unwrap();
        }
        if self.scenario == Scenario::Delete {
            simulator
                .create_instance_profile(account, "profile", &[&self.name])
                .await
                .unwrap();
        }
    }

    /// Whether its object is as the work is to end.
    pub fn has_ended(&self, object: Option<&Value>) -> bool {
        match object {
            Some(object) => !self.is_left() && is_ready(object),
            None => self.is_left(),
        }
    }
}

/// Declares what is there before the work begins, and waits until it is.
pub async fn declare_before(scene: &Scene, places: &[&Place]) {
    declare(scene, places.iter().flat_map(|place| place.declared_before()).collect()).await;
    let selector = format!("batch={}", places[0].batch);
    eventually(PATIENCE, "accounts and roles that are there before", async || {
        let accounts = objects::list(scene, "awsaccounts", &selector).await;
        let roles = objects::list(scene, "xar", &selector).await;
        for place in places.iter().filter(|place| place.scenario.account_before()) {
            let mut names = place.account_names().into_iter();
            let account = names.all(|name| accounts.get(&name).is_some_and(is_ready));
            let role = !place.is_there_before() || roles.get(&place.name).is_some_and(is_ready);
            if !(account && role) {
                return Err(format!("{place:?}: {:?}", roles.get(&place.name)));
            }
        }
        Ok(())
    })
    .await
    .unwrap();
}

/// Begins the work everywhere.
pub async fn begin(scene: &Scene, places: &[&Place], asked: &str) {
    declare(scene, places.iter().flat_map(|place| place.declared(asked)).collect()).await;
    delete(scene, places.iter().copied().filter(|place| place.is_left())).await;
}

/// Declares what is declared while nobody works.
pub async fn change_meanwhile(scene: &Scene, places: &mut [Place]) {
    for place in places.iter_mut() {
        place.changed = place.scenario.changes_meanwhile();
    }
    let changed = places.iter().filter(|place| place.changed);
    let manifests = changed.clone().flat_map(|place| match place.scenario {
        Scenario::Withdraw => place.account_objects(place.chosen()),
        Scenario::Revert => place.before().into_iter().collect(),
        _ => Vec::new(),
    });
    declare(scene, manifests.collect()).await;
    delete(scene, changed.filter(|place| place.is_left())).await;
}

async fn declare(scene: &Scene, manifests: Vec<Value>) {
    if manifests.is_empty() {
        return;
    }
    // The annotation may be that of another who asked.
    let arguments = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
    let input = yaml(&manifests);
    let applied = scene.control_plane.kubectl_with_input(arguments, &input);
    applied.await.unwrap().ok().unwrap();
}

async fn delete(scene: &Scene, places: impl Iterator<Item = &Place>) {
    let names: Vec<String> = places.map(|place| place.name.clone()).collect();
    objects::delete(scene, &names).await;
}
