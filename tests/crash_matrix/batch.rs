//! Many points side by side in one operator, each with an account and an object of its own.

use std::collections::BTreeMap;

use crossrole_testkit::api_proxy::Held;
use crossrole_testkit::simulator::{Effect, Fault, Match};
use crossrole_testkit::{ApiProxy, Operator, Scene, eventually};

use super::claims::Found;
use super::ending::{self, Failures};
use super::place::{self, PATIENCE, Place, classes};
use super::point::{Point, Reference, Step};
use super::scenario::Scenario;
use super::support::{namespace, objects, yaml};
use super::verdict;

/// Nothing is looked at but what is asked for, or what a start looks at; what moves is not braked.
const FLAGS: [&str; 3] = [
    "--resync-interval=24h",
    "--max-removals=100000",
    "--propagation-delay=1s",
];

/// The operator, and what it works in.
pub struct Stage {
    scene: Scene,
    proxy: ApiProxy,
    operator: Operator,
    /// How many places there were so far.
    places: u64,
    /// How often it was asked for a look.
    asked: u64,
}

/// What came of many points.
pub struct Ended {
    /// Which of them the work came to.
    pub points: Vec<(Point, bool)>,
    /// A line for each that failed.
    pub failures: Vec<String>,
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
        let proxy = ApiProxy::start(&scene.control_plane).await.unwrap();
        let operator = scene.operator_through(&proxy, &FLAGS).await.unwrap();
        Self {
            scene,
            proxy,
            operator,
            places: 0,
            asked: 0,
        }
    }

    /// Does each piece of work without any trouble.
    pub async fn do_undisturbed(&mut self) -> BTreeMap<Scenario, Reference> {
        let mut places = self.prepare(Scenario::UNFORGETTABLE).await;
        self.scene.simulator.reset_calls().await.unwrap();
        self.proxy.forget_writes();
        self.begin(&places).await;
        self.wait_for_the_end(&places).await;
        let counts = self.scene.simulator.counts().await.unwrap().accounts;
        let writes = self.proxy.writes();
        place::change_meanwhile(&self.scene, &mut places).await;
        self.wait_for_the_end(&places).await;
        let mut references = BTreeMap::new();
        for place in &places {
            let mut steps = BTreeMap::new();
            for (index, account) in place.accounts().iter().enumerate() {
                let actions = counts.get(account).into_iter().flat_map(|counts| &counts.actions);
                steps.extend(actions.map(|(action, count)| (Step::Aws(index, action.clone()), *count)));
            }
            for (write, count) in &writes {
                if let Some(step) = Step::of_write(write, place) {
                    *steps.entry(step).or_default() += count;
                }
            }
            let roles = Found::at(&self.scene.simulator, place).await.roles;
            references.insert(place.scenario, Reference { steps, roles });
        }
        let left = ending::clear_up(&self.scene, &places.iter().collect::<Vec<_>>()).await;
        assert_eq!(left, Failures::new());
        references
    }

    /// Holds every piece of work at its point, kills the operator there, and starts it again.
    pub async fn run(&mut self, points: &[Point], references: &BTreeMap<Scenario, Reference>) -> Ended {
        let mut places = self.prepare(points.iter().map(|point| point.scenario)).await;
        self.scene.simulator.reset_calls().await.unwrap();
        let mut faults = Vec::new();
        for (place, point) in places.iter().zip(points) {
            faults.push(self.hold(place, point).await);
        }
        self.begin(&places).await;
        let reached = self.wait_until_held(&places, points, &faults).await;
        self.operator.kill().await.unwrap();
        for ((fault, point), reached) in faults.iter().zip(points).zip(&reached) {
            // A call that never came is counted as missed.
            if let (Some(fault), true) = (fault, *reached) {
                let released = self.scene.simulator.release_fault(*fault, point.carried_out, false);
                released.await.unwrap();
            }
        }
        self.scene.simulator.clear_faults().await.unwrap();
        self.proxy.clear_holds();
        place::change_meanwhile(&self.scene, &mut places).await;
        self.start_again().await;
        let mut failures = self.wait_for_the_end_of_most(&places).await;
        let calls = self.scene.simulator.calls(0).await.unwrap();
        let objects = objects::list(&self.scene, "xar", &batch_of(&places)).await;
        for place in &places {
            let found = Found::at(&self.scene.simulator, place).await;
            let wrong = verdict::wrong(place, objects.get(&place.name), &found, &references[&place.scenario]);
            if let Some(failure) = wrong.or_else(|| verdict::meddling(place, &calls)) {
                failures.entry(place.name.clone()).or_insert(failure);
            }
        }
        let asked = self.next_ask();
        let unharmed: Vec<&Place> = places
            .iter()
            .filter(|place| !failures.contains_key(&place.name))
            .collect();
        let restless = ending::is_steady(&self.scene, &unharmed, &asked).await;
        let left = ending::clear_up(&self.scene, &places.iter().collect::<Vec<_>>()).await;
        for (name, failure) in restless.into_iter().chain(left) {
            failures.entry(name).or_insert(failure);
        }
        let failures = places.iter().zip(points).filter_map(|(place, point)| {
            let failure = failures.get(&place.name)?;
            Some(format!("{point} ({}): {failure}", place.name))
        });
        Ended {
            failures: failures.collect(),
            points: points.iter().cloned().zip(reached).collect(),
        }
    }

    /// The scene, for work of another kind.
    pub fn scene(&self) -> &Scene {
        &self.scene
    }

    /// The proxy that holds writes to Kubernetes.
    pub fn proxy(&self) -> &ApiProxy {
        &self.proxy
    }

    /// Kills the operator.
    pub async fn kill(&mut self) {
        self.operator.kill().await.unwrap();
    }

    /// Deletes what is left, accounts and classes: no finalizer holds any of them.
    pub async fn end(&mut self) {
        // A process that put a finalizer on a moment ago keeps it on for a while.
        self.start_again().await;
        let kinds = "awsaccounts,accountclasses";
        let arguments = ["delete", kinds, "--all", "--wait=false"];
        self.scene.control_plane.kubectl(arguments).await.unwrap();
        eventually(PATIENCE, "no account and no class left", async || {
            let left = objects::list(&self.scene, kinds, "").await;
            if left.is_empty() {
                Ok(())
            } else {
                Err(format!("{left:?}"))
            }
        })
        .await
        .unwrap();
    }

    /// A new process, where the old one works or is dead.
    pub async fn start_again(&mut self) {
        self.operator.kill().await.unwrap();
        self.operator = self.scene.operator_through(&self.proxy, &FLAGS).await.unwrap();
    }

    /// Makes the accounts, and what is there before the work begins; and a process that has seen all of it and wrote none.
    async fn prepare(&mut self, work: impl IntoIterator<Item = Scenario>) -> Vec<Place> {
        let batch = format!("batch-{}", self.places);
        let mut places = Vec::new();
        for scenario in work {
            self.places += 1;
            let mut place = Place::new(scenario, self.places, &batch);
            place.set_up(&self.scene.simulator).await;
            places.push(place);
        }
        let all: Vec<&Place> = places.iter().collect();
        place::declare_before(&self.scene, &all).await;
        self.start_again().await;
        let asked = self.next_ask();
        let there: Vec<&Place> = all.iter().copied().filter(|place| place.is_there_before()).collect();
        let restless = ending::look_again(&self.scene, &there, &asked).await;
        assert_eq!(restless, Failures::new());
        for place in &places {
            place.edit_by_hand(&self.scene.simulator).await;
        }
        places
    }

    /// Begins the work everywhere.
    async fn begin(&mut self, places: &[Place]) {
        let asked = self.next_ask();
        place::begin(&self.scene, &places.iter().collect::<Vec<_>>(), &asked).await;
    }

    /// Has a point held, and every further call or write of its kind. Gives the fault's id for a call of AWS.
    async fn hold(&self, place: &Place, point: &Point) -> Option<u64> {
        if let Some(write) = point.step.write(place) {
            let held = if point.carried_out {
                Held::Unanswered
            } else {
                Held::Unsent
            };
            self.proxy.hold(write, point.nth, held);
            return None;
        }
        let Step::Aws(index, action) = &point.step else {
            unreachable!("{point} is a call or a write")
        };
        let matching = Match::action(action).in_account(&place.accounts()[*index]);
        let fault = Fault::new(matching, Effect::Hold).from_call(point.nth).for_ever();
        Some(self.scene.simulator.fault(&fault).await.unwrap())
    }

    /// Waits until every piece of work is held at its point, or has ended without coming there. Says which are held.
    async fn wait_until_held(&self, places: &[Place], points: &[Point], faults: &[Option<u64>]) -> Vec<bool> {
        let batch = batch_of(places);
        let mut held = vec![false; points.len()];
        let all = eventually(PATIENCE, "every piece of work is held", async || {
            let roles = objects::list(&self.scene, "xar", &batch).await;
            let accounts = objects::list(&self.scene, "awsaccounts", &batch).await;
            let mut waits = None;
            for (index, (place, point)) in places.iter().zip(points).enumerate() {
                held[index] = held[index]
                    || match (faults[index], point.step.write(place)) {
                        (Some(fault), _) => self.scene.simulator.fault_report(fault).await.unwrap().fired > 0,
                        (None, write) => write.is_some_and(|write| self.proxy.is_held(&write)),
                    };
                if !held[index]
                    && let Some(unrest) = verdict::unrest(place, &roles, &accounts)
                {
                    waits = Some(format!("{point} ({}): {unrest}", place.name));
                }
            }
            waits.map_or(Ok(()), Err)
        });
        if let Err(error) = all.await {
            panic!("{error}\n{}", self.operator.log());
        }
        held
    }

    async fn wait_for_the_end(&self, places: &[Place]) {
        let failures = self.wait_for_the_end_of_most(places).await;
        assert_eq!(failures, Failures::new(), "{}", self.operator.log());
    }

    /// Waits until everything has ended as declared. Says what has not.
    async fn wait_for_the_end_of_most(&self, places: &[Place]) -> Failures {
        let batch = batch_of(places);
        let mut failures = Failures::new();
        // What did not end is in the failures.
        let _ = eventually(PATIENCE, "everything ends as declared", async || {
            let roles = objects::list(&self.scene, "xar", &batch).await;
            let accounts = objects::list(&self.scene, "awsaccounts", &batch).await;
            let unrest = places
                .iter()
                .filter_map(|place| Some((place.name.clone(), verdict::unrest(place, &roles, &accounts)?)));
            failures = unrest.collect();
            if failures.is_empty() {
                Ok(())
            } else {
                Err(format!("{} left", failures.len()))
            }
        })
        .await;
        failures
    }

    fn next_ask(&mut self) -> String {
        self.asked += 1;
        self.asked.to_string()
    }
}

fn batch_of(places: &[Place]) -> String {
    format!("batch={}", places[0].batch)
}
