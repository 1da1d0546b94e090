//! Many cells side by side in one operator, each with an account and an object of its own.

use std::collections::BTreeMap;

use crossrole_testkit::{Operator, Scene, eventually};

use super::cell::{Cell, Often, Reference, WORK};
use super::claims::{Calls, Found};
use super::ending::{self, Failures};
use super::place::{self, PATIENCE, Place, classes};
use super::scenario::Scenario;
use super::support::objects;
use super::support::{namespace, yaml};
use super::trial::{State, Trial, waits_for_a_person};

/// Nothing is looked at but what is asked for; and what was written is read again soon.
const FLAGS: [&str; 2] = ["--resync-interval=24h", "--propagation-delay=1s"];

/// The operator, and what it works in.
pub struct Stage {
    scene: Scene,
    _operator: Operator,
    /// How many places there were so far.
    places: u64,
    /// How often it was asked for a look.
    asked: u64,
}

impl Stage {
    pub async fn start() -> Self {
        let scene = Scene::start(&[]).await.unwrap();
        let [standard, unbound] = classes();
        scene
            .control_plane
            .apply(&yaml(&[namespace("security"), standard, unbound]))
            .await
            .unwrap();
        let _operator = scene.operator(&FLAGS).await.unwrap();
        Self {
            scene,
            _operator,
            places: 0,
            asked: 0,
        }
    }

    /// The scene, for work of another kind.
    pub fn scene(&self) -> &Scene {
        &self.scene
    }

    /// Which errors each action can give.
    pub async fn errors(&self) -> BTreeMap<String, Vec<String>> {
        self.scene.simulator.errors().await.unwrap().actions
    }

    /// Does each piece of work without any trouble.
    pub async fn do_undisturbed(&mut self) -> BTreeMap<Scenario, Reference> {
        let mut trials = self.prepare(WORK.map(|scenario| (scenario, None))).await;
        self.scene.simulator.reset_calls().await.unwrap();
        self.begin(&trials).await;
        self.watch(&mut trials).await;
        let mut calls: BTreeMap<String, Calls> = BTreeMap::new();
        for call in self.scene.simulator.calls(0).await.unwrap() {
            *calls.entry(call.account).or_default().entry(call.action).or_default() += 1;
        }
        let mut references = BTreeMap::new();
        for trial in &trials {
            assert_eq!(trial.failure, None, "{trial:?}");
            let roles = Found::at(&self.scene.simulator, trial).await.roles;
            let mut calls = calls.remove(&trial.accounts()[0]).unwrap_or_default();
            if trial.scenario == Scenario::Delete {
                // What wakes the object meanwhile may let it ask once more whether the role is gone: no cell of its own.
                calls.insert("GetRole".into(), 1);
            }
            references.insert(trial.scenario, Reference { calls, roles });
        }
        references
    }

    /// Runs cells side by side. Gives a line for each that failed.
    pub async fn run(&mut self, cells: &[Cell], references: &BTreeMap<Scenario, Reference>) -> Vec<String> {
        let cells = cells.iter().map(|cell| (cell.scenario, Some(cell.clone())));
        let mut trials = self.prepare(cells).await;
        for trial in &mut trials {
            let fault = trial.cell.as_ref().map(|cell| cell.fault(&trial.accounts()[0]));
            if let Some(fault) = fault {
                trial.fault = Some(self.scene.simulator.fault(&fault).await.unwrap());
            }
        }
        self.begin(&trials).await;
        self.watch(&mut trials).await;
        for trial in &mut trials {
            let seldom = trial.cell.as_ref().is_some_and(|cell| cell.nth > 1);
            if let Some(fault) = trial.fault.take() {
                let report = self.scene.simulator.end_fault(fault).await.unwrap();
                if report.fired == 0 && !seldom {
                    trial.fail("the trouble never came");
                }
            }
        }
        let asked = self.next_ask();
        let restless = ending::look_again(&self.scene, &unharmed(&trials), &asked).await;
        note(&mut trials, &restless);
        for trial in &mut trials {
            let found = Found::at(&self.scene.simulator, trial).await;
            let reference = &references[&trial.scenario].roles;
            if found.roles != *reference {
                let [found, wanted] = [&found.roles, reference].map(|roles| format!("{roles:?}"));
                trial.fail(&format!("ended with {found} and not {wanted}"));
            }
            if let Some(difference) = found.difference(&trial.others) {
                trial.fail(&difference);
            }
        }
        let asked = self.next_ask();
        let restless = ending::is_steady(&self.scene, &unharmed(&trials), &asked).await;
        note(&mut trials, &restless);
        let left = ending::clear_up(&self.scene, &places(&trials)).await;
        note(&mut trials, &left);
        let failed = trials.iter().filter_map(|trial| {
            let (cell, failure) = (trial.cell.as_ref()?, trial.failure.as_ref()?);
            Some(format!("{cell} ({}): {failure}", trial.name))
        });
        failed.collect()
    }

    /// Makes the accounts, and what is there before the work begins.
    async fn prepare(&mut self, work: impl IntoIterator<Item = (Scenario, Option<Cell>)>) -> Vec<Trial> {
        let batch = format!("batch-{}", self.places);
        let mut trials = Vec::new();
        for (scenario, cell) in work {
            self.places += 1;
            let mut trial = Trial::new(Place::new(scenario, self.places, &batch), cell);
            trial.set_up(&self.scene.simulator).await;
            trials.push(trial);
        }
        place::declare_before(&self.scene, &places(&trials)).await;
        for trial in &trials {
            trial.edit_by_hand(&self.scene.simulator).await;
        }
        trials
    }

    /// Begins the work everywhere.
    async fn begin(&mut self, trials: &[Trial]) {
        let asked = self.next_ask();
        place::begin(&self.scene, &places(trials), &asked).await;
    }

    /// Follows the work until all of it has ended as declared: takes lasting trouble away once status names it, and asks
    /// for another look where a person would have to.
    async fn watch(&mut self, trials: &mut [Trial]) {
        for trial in &mut *trials {
            let lasting = trial.cell.as_ref().is_some_and(|cell| cell.often == Often::Lasting);
            trial.state = if lasting { State::Troubled } else { State::Healing };
        }
        let selector = format!("batch={}", trials[0].batch);
        let ended = eventually(PATIENCE, "the end of the work", async || {
            let objects = objects::list(&self.scene, "xar", &selector).await;
            let mut asking = Vec::new();
            for trial in &mut *trials {
                let object = objects.get(&trial.name);
                if trial.state == State::Troubled && trial.status_says_why(object) {
                    let report = self.scene.simulator.end_fault(trial.fault.take().unwrap()).await;
                    if report.unwrap().fired == 0 {
                        trial.fail("the trouble never came");
                    }
                    trial.state = State::Healing;
                }
                if trial.state == State::Healing {
                    if trial.has_ended(object) {
                        trial.state = State::Done;
                    } else if object.is_some_and(waits_for_a_person) {
                        asking.push(trial.name.clone());
                    }
                }
            }
            let asked = self.next_ask();
            objects::ask(&self.scene, &asking, &asked).await;
            let left: Vec<&Trial> = trials.iter().filter(|trial| trial.state != State::Done).collect();
            match left.first() {
                None => Ok(()),
                Some(first) => Err(format!("{} left, first {first:?}", left.len())),
            }
        })
        .await;
        if ended.is_err() {
            let objects = objects::list(&self.scene, "xar", &selector).await;
            for trial in trials.iter_mut().filter(|trial| trial.state != State::Done) {
                let status = objects.get(&trial.name).map(|object| object["status"].to_string());
                trial.fail(&format!("still {:?} in the end: {status:?}", trial.state));
            }
        }
    }

    fn next_ask(&mut self) -> String {
        self.asked += 1;
        self.asked.to_string()
    }
}

fn places(trials: &[Trial]) -> Vec<&Place> {
    trials.iter().map(|trial| -> &Place { trial }).collect()
}

/// The places of which nothing bad is known yet.
fn unharmed(trials: &[Trial]) -> Vec<&Place> {
    let unharmed = trials.iter().filter(|trial| trial.failure.is_none());
    unharmed.map(|trial| -> &Place { trial }).collect()
}

fn note(trials: &mut [Trial], failures: &Failures) {
    for trial in trials {
        if let Some(failure) = failures.get(&trial.name) {
            trial.fail(failure);
        }
    }
}
