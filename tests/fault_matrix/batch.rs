//! Many cells side by side in one operator, each with an account and an object of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use crossrole_testkit::simulator::Fault;
use crossrole_testkit::{Operator, Scene, eventually, scene};
use serde_json::{Value, json};

use super::cell::{Calls, Cell, Often};
use super::claims::{self, Others, Reference};
use super::expected;
use super::scenario::Scenario;
use super::support::objects::{self, ASKING, is_current, is_handled, is_ready};
use super::support::{self, class, namespace, with, yaml};

/// A throttled account is called more slowly for a while, and everything shares few cores.
const PATIENCE: Duration = Duration::from_secs(240);

/// Nothing is looked at but what is asked for; and what was written is read again soon.
const FLAGS: [&str; 2] = ["--resync-interval=24h", "--propagation-delay=1s"];

/// The operator, and what it works in.
pub struct Stage {
    scene: Scene,
    _operator: Operator,
    /// How many accounts there were so far.
    accounts: u64,
    /// How often it was asked for a look.
    asked: u64,
}

/// Where one piece of work is done, with the trouble that it meets, if any.
#[derive(Clone, Debug)]
struct Place {
    scenario: Scenario,
    cell: Option<Cell>,
    /// The name of the object, its role and its account.
    name: String,
    account: String,
    batch: String,
    /// What was in the account before the work began.
    others: Option<Others>,
    fault: Option<u64>,
    state: State,
    failure: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The trouble lasts, and status is to say so.
    Troubled,
    /// No more trouble than was ordered comes: the work is to end as declared.
    Healing,
    Done,
}

impl Stage {
    pub async fn start() -> Self {
        let scene = Scene::start(&[]).await.unwrap();
        let mut unbound = class("unbound");
        unbound["spec"]["guardrails"]["permissionsBoundary"] = json!("None");
        let classes = [class("standard"), unbound].map(|class| with(class, "/spec/guardrails/tagKeys", json!(["*"])));
        let [standard, unbound] = classes;
        scene
            .control_plane
            .apply(&yaml(&[namespace("security"), standard, unbound]))
            .await
            .unwrap();
        let _operator = scene.operator(&FLAGS).await.unwrap();
        Self {
            scene,
            _operator,
            accounts: 0,
            asked: 0,
        }
    }

    /// Which errors each action can give.
    pub async fn errors(&self) -> BTreeMap<String, Vec<String>> {
        self.scene.simulator.errors().await.unwrap().actions
    }

    /// Does each piece of work without any trouble.
    pub async fn do_undisturbed(&mut self) -> BTreeMap<Scenario, Reference> {
        let mut places: Vec<Place> = Scenario::ALL
            .iter()
            .map(|scenario| self.place(*scenario, None))
            .collect();
        self.prepare(&mut places).await;
        self.scene.simulator.reset_calls().await.unwrap();
        self.begin(&places).await;
        self.watch(&mut places).await;
        let mut calls: BTreeMap<String, Calls> = BTreeMap::new();
        for call in self.scene.simulator.calls(0).await.unwrap() {
            *calls.entry(call.account).or_default().entry(call.action).or_default() += 1;
        }
        let mut references = BTreeMap::new();
        for place in &places {
            assert_eq!(place.failure, None, "{place:?}");
            let (role, _) = claims::roles(&self.scene.simulator, &place.account, &place.name).await;
            let calls = calls.remove(&place.account).unwrap_or_default();
            references.insert(place.scenario, Reference { calls, role });
        }
        references
    }

    /// Runs cells side by side. Gives a line for each that failed.
    pub async fn run(&mut self, cells: &[Cell], references: &BTreeMap<Scenario, Reference>) -> Vec<String> {
        let mut places: Vec<Place> = cells
            .iter()
            .map(|cell| self.place(cell.scenario, Some(cell.clone())))
            .collect();
        self.prepare(&mut places).await;
        for place in &mut places {
            let fault: Option<Fault> = place.cell.as_ref().map(|cell| cell.fault(&place.account));
            if let Some(fault) = fault {
                place.fault = Some(self.scene.simulator.fault(&fault).await.unwrap());
            }
        }
        self.begin(&places).await;
        self.watch(&mut places).await;
        for place in &mut places {
            let seldom = place.cell.as_ref().is_some_and(|cell| cell.nth > 1);
            if let Some(fault) = place.fault.take() {
                let report = self.scene.simulator.end_fault(fault).await.unwrap();
                if report.fired == 0 && !seldom {
                    place.fail("the trouble never came");
                }
            }
        }
        self.settle(&mut places).await;
        for place in &mut places {
            let (role, others) = claims::roles(&self.scene.simulator, &place.account, &place.name).await;
            let reference = &references[&place.scenario].role;
            if role != *reference {
                let [found, wanted] = [&role, reference].map(|role| role.as_ref().map(Value::to_string));
                place.fail(&format!("ended with {found:?} and not {wanted:?}"));
            }
            if let Some(difference) = place.others.as_ref().and_then(|before| others.difference(before)) {
                place.fail(&difference);
            }
        }
        self.scene.simulator.reset_calls().await.unwrap();
        self.settle(&mut places).await;
        let counts = self.scene.simulator.counts().await.unwrap().accounts;
        for place in &mut places {
            if let Some(counts) = counts.get(&place.account).filter(|counts| counts.writes > 0) {
                place.fail(&format!("a steady state was written to: {:?}", counts.actions));
            }
        }
        self.clear_up(&mut places).await;
        let failed = places.iter().filter_map(|place| {
            let (cell, failure) = (place.cell.as_ref()?, place.failure.as_ref()?);
            Some(format!("{cell} ({}): {failure}", place.name))
        });
        failed.collect()
    }

    fn place(&mut self, scenario: Scenario, cell: Option<Cell>) -> Place {
        self.accounts += 1;
        Place {
            scenario,
            cell,
            name: format!("cell-{:04}", self.accounts),
            account: format!("{:012}", 500_000_000_000 + self.accounts),
            batch: String::new(),
            others: None,
            fault: None,
            state: State::Troubled,
            failure: None,
        }
    }

    /// Makes the accounts, and what is there before the work begins.
    async fn prepare(&mut self, places: &mut [Place]) {
        let batch = format!("batch-{}", self.accounts);
        let simulator = &self.scene.simulator;
        for place in &mut *places {
            place.batch.clone_from(&batch);
            scene::set_up_target_account(simulator, &place.account).await.unwrap();
            let boundary = scene::bootstrap_document("boundary.json").unwrap();
            simulator
                .create_policy(&place.account, "/", "other-boundary", boundary)
                .await
                .unwrap();
            let trust = scene::bootstrap_document("trust.json").unwrap();
            let foreign = json!({"name": "foreign", "path": "/crossrole/", "trust": trust});
            simulator.create_role(&place.account, foreign).await.unwrap();
            if place.scenario == Scenario::Unbind {
                let all = json!({"Version": "2012-10-17", "Statement": [
                    {"Effect": "Allow", "Action": "iam:*", "Resource": "*"}
                ]});
                let edits = json!({"inline": {"crossrole": all}});
                simulator
                    .edit_role(&place.account, "crossrole-bootstrap", edits)
                    .await
                    .unwrap();
            }
            place.others = Some(claims::roles(simulator, &place.account, &place.name).await.1);
        }
        let known = places.iter().filter(|place| place.scenario.account_before());
        let mut manifests: Vec<Value> = known.clone().map(Place::account_object).collect();
        manifests.extend(places.iter().filter_map(Place::before));
        self.apply(&manifests).await;
        let waits: Vec<&Place> = known.collect();
        eventually(PATIENCE, "accounts and roles that are there before", async || {
            let accounts = self.list("awsaccounts", &batch).await;
            let roles = self.list("xar", &batch).await;
            for place in &waits {
                let account = accounts.get(&place.name).is_some_and(is_ready);
                let role = place.before().is_none() || roles.get(&place.name).is_some_and(is_ready);
                if !(account && role) {
                    return Err(format!("{place:?}: {:?}", roles.get(&place.name)));
                }
            }
            Ok(())
        })
        .await
        .unwrap();
        for place in places {
            if let Some(edits) = place.scenario.edit_by_hand(&place.account) {
                let edit = simulator.edit_role(&place.account, &place.name, edits);
                edit.await.unwrap();
            }
            if place.scenario == Scenario::Delete {
                simulator
                    .create_instance_profile(&place.account, "profile", &[&place.name])
                    .await
                    .unwrap();
            }
        }
    }

    /// A batch of one kind of work can have nothing to apply.
    async fn apply(&self, manifests: &[Value]) {
        if !manifests.is_empty() {
            self.scene.control_plane.apply(&yaml(manifests)).await.unwrap();
        }
    }

    /// Begins the work everywhere.
    async fn begin(&mut self, places: &[Place]) {
        self.asked += 1;
        let unknown = places.iter().filter(|place| !place.scenario.account_before());
        let mut manifests: Vec<Value> = unknown.map(Place::account_object).collect();
        manifests.extend(places.iter().filter_map(|place| {
            let declared = place.scenario.declared(&place.name)?;
            let annotated = with(
                declared,
                "/metadata/annotations",
                json!({ASKING: self.asked.to_string()}),
            );
            Some(place.belonging(annotated))
        }));
        self.apply(&manifests).await;
        let deleted: Vec<&str> = places
            .iter()
            .filter(|place| place.scenario.deletes())
            .map(|place| place.name.as_str())
            .collect();
        objects::delete(&self.scene, &deleted).await;
    }

    /// Follows the work until all of it has ended as declared: takes lasting trouble away once status names it, and asks
    /// for another look where a person would have to.
    async fn watch(&mut self, places: &mut [Place]) {
        for place in &mut *places {
            let lasting = place.cell.as_ref().is_some_and(|cell| cell.often == Often::Lasting);
            place.state = if lasting { State::Troubled } else { State::Healing };
        }
        let batch = places[0].batch.clone();
        let ended = eventually(PATIENCE, "the end of the work", async || {
            let objects = self.list("xar", &batch).await;
            let mut asking = Vec::new();
            for place in &mut *places {
                let object = objects.get(&place.name);
                if place.state == State::Troubled && place.status_says_why(object) {
                    let report = self.scene.simulator.end_fault(place.fault.take().unwrap()).await;
                    if report.unwrap().fired == 0 {
                        place.fail("the trouble never came");
                    }
                    place.state = State::Healing;
                }
                if place.state == State::Healing {
                    if place.has_ended(object) {
                        place.state = State::Done;
                    } else if object.is_some_and(waits_for_a_person) {
                        asking.push(place.name.clone());
                    }
                }
            }
            self.ask(&asking).await;
            let left: Vec<&Place> = places.iter().filter(|place| place.state != State::Done).collect();
            match left.first() {
                None => Ok(()),
                Some(first) => Err(format!("{} left, first {first:?}", left.len())),
            }
        })
        .await;
        if ended.is_err() {
            let objects = self.list("xar", &batch).await;
            for place in places.iter_mut().filter(|place| place.state != State::Done) {
                let status = objects.get(&place.name).map(|object| object["status"].to_string());
                place.fail(&format!("still {:?} in the end: {status:?}", place.state));
            }
        }
    }

    /// Asks for a look at each object that is left, and waits until it has ended.
    async fn settle(&mut self, places: &mut [Place]) {
        let stays = |place: &&mut Place| !place.scenario.deletes() && place.failure.is_none();
        let names: Vec<String> = places
            .iter_mut()
            .filter(stays)
            .map(|place| place.name.clone())
            .collect();
        self.ask(&names).await;
        let asked = self.asked.to_string();
        let Some(batch) = places.first().map(|place| place.batch.clone()) else {
            return;
        };
        let mut objects = BTreeMap::new();
        let settled = |object: &Value| is_ready(object) && object["status"]["lastHandledReconcileAt"] == asked.as_str();
        let ended = eventually(PATIENCE, "a look at every object", async || {
            objects = self.list("xar", &batch).await;
            match names.iter().find(|name| !objects.get(*name).is_some_and(settled)) {
                None => Ok(()),
                Some(name) => Err(name.clone()),
            }
        })
        .await;
        if ended.is_err() {
            for place in places.iter_mut().filter(stays) {
                let object = objects.get(&place.name);
                if !object.is_some_and(settled) {
                    place.fail(&format!("never at rest: {:?}", object.map(|object| &object["status"])));
                }
            }
        }
    }

    /// Deletes all objects: nothing of theirs may be left.
    async fn clear_up(&mut self, places: &mut [Place]) {
        let names: Vec<&str> = places
            .iter()
            .filter(|place| !place.scenario.deletes())
            .map(|place| place.name.as_str())
            .collect();
        objects::delete(&self.scene, &names).await;
        let batch = places[0].batch.clone();
        let gone = eventually(PATIENCE, "no object left", async || {
            let left = self.list("xar", &batch).await;
            if left.is_empty() {
                Ok(())
            } else {
                Err(format!("{left:?}"))
            }
        });
        gone.await.unwrap();
        for place in places {
            let (role, others) = claims::roles(&self.scene.simulator, &place.account, &place.name).await;
            if role.is_some() && place.scenario != Scenario::Retain {
                place.fail(&format!("left an orphan: {role:?}"));
            }
            if let Some(difference) = place.others.as_ref().and_then(|before| others.difference(before)) {
                place.fail(&difference);
            }
        }
    }

    async fn ask<N: AsRef<str>>(&mut self, names: &[N]) {
        self.asked += 1;
        objects::ask(&self.scene, names, &self.asked.to_string()).await;
    }

    async fn list(&self, kind: &str, batch: &str) -> BTreeMap<String, Value> {
        objects::list(&self.scene, kind, &format!("batch={batch}")).await
    }
}

impl Place {
    fn belonging(&self, object: Value) -> Value {
        let object = with(object, "/metadata/labels", json!({"batch": self.batch}));
        match object["kind"].as_str() {
            Some("CrossAccountRole") => with(object, "/spec/accounts", json!({"names": [self.name]})),
            _ => object,
        }
    }

    fn account_object(&self) -> Value {
        let account = support::account(&self.name, &self.account);
        self.belonging(with(account, "/spec/class", json!(self.scenario.class())))
    }

    fn before(&self) -> Option<Value> {
        self.scenario.before(&self.name).map(|object| self.belonging(object))
    }

    fn fail(&mut self, why: &str) {
        self.failure.get_or_insert_with(|| why.to_string());
    }

    fn has_ended(&self, object: Option<&Value>) -> bool {
        match object {
            Some(object) => !self.scenario.deletes() && is_ready(object),
            None => self.scenario.deletes(),
        }
    }

    /// Whether status says of lasting trouble what it is to say. Something else that it says is a failure.
    fn status_says_why(&mut self, object: Option<&Value>) -> bool {
        let Some(cell) = &self.cell else { return true };
        let reasons: Vec<&str> = expected::reasons(cell).iter().map(|reason| reason.as_str()).collect();
        let Some(object) = object else {
            return reasons.contains(&"Deleting");
        };
        let deleting = object["metadata"]["deletionTimestamp"].is_string();
        let entry = &object["status"]["accounts"][0];
        let (state, reason) = (entry["state"].as_str(), entry["reason"].as_str().unwrap_or_default());
        let at_work = matches!(reason, "Waiting" | "Deleting" | "");
        let from_before = self.scenario.deletes() && (!deleting || state != Some("Removing"));
        if !is_current(object) || at_work || from_before || (reason == "InSync" && !is_handled(object)) {
            return false;
        }
        if !reasons.contains(&reason) {
            self.fail(&format!("status says {reason} and not one of {reasons:?}: {entry}"));
        }
        true
    }
}

/// Whether the last look that was asked for ended with something that a person has to mend.
fn waits_for_a_person(object: &Value) -> bool {
    is_handled(object) && expected::needs_a_person(&object["status"]["accounts"][0])
}
