//! What is declared, and the trouble.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crossrole_testkit::simulator::{Effect, Fault, Match, Role};
use crossrole_testkit::{Operator, Scene, eventually};
use fastrand::Rng;
use serde_json::{Value, json};

use super::kinds::Kinds;
use super::support::objects::{is_handled, is_ready};
use super::support::{account, class, namespace, role, with, yaml};

const ACCOUNTS: usize = 20;
const ROLES: usize = 500;

/// Variants of a role that edits choose from.
const VARIANTS: usize = 5;

/// What takes ten minutes elsewhere takes one here.
const FLAGS: [&str; 3] = [
    "--resync-interval=1m",
    "--propagation-delay=1s",
    "--max-removals=100000",
];

/// Five hundred objects on few cores, some of whose accounts were throttled a moment ago.
const PATIENCE: Duration = Duration::from_secs(900);

fn account_id(number: usize) -> String {
    format!("{:012}", 800_000_000_000 + number)
}

fn account_name(number: usize) -> String {
    format!("soak-{number:02}")
}

/// An object is in one account, and every tenth in another one as well.
fn places(number: usize) -> Vec<usize> {
    let first = number % ACCOUNTS;
    match number % 10 {
        0 => vec![first, (first + 7) % ACCOUNTS],
        _ => vec![first],
    }
}

fn name(number: usize) -> String {
    format!("role-{number:03}")
}

fn declared(name: &str, accounts: &[usize], variant: usize) -> Value {
    let names: Vec<String> = accounts.iter().map(|number| account_name(*number)).collect();
    let object = with(role(name), "/spec/accounts", json!({"names": names}));
    match variant {
        0 => object,
        1 => with(object, "/spec/description", json!("Another text")),
        2 => with(
            object,
            "/spec/permissions",
            json!({"awsManaged": ["job-function/SupportUser"]}),
        ),
        3 => with(
            object,
            "/spec/trust",
            json!([{"from": {"accounts": ["444444444444"], "kind": "Roles"}, "require": {"externalIds": ["vendor-1"]}}]),
        ),
        _ => with(
            with(object, "/spec/maxSessionDuration", json!("4h")),
            "/spec/tags",
            json!({"team": "others"}),
        ),
    }
}

/// Everything that is at work.
pub struct Soak {
    scene: Scene,
    operator: Operator,
    kinds: Kinds,
    rng: Rng,
    /// The variant of each object.
    variants: Vec<usize>,
    /// Objects that are deleted, until they are made again.
    absent: BTreeSet<usize>,
    /// Faults, and when they end.
    faults: Vec<(u64, Instant)>,
    /// The operator's process.
    pub process: Arc<AtomicU32>,
    /// How much of what there was.
    pub done: BTreeMap<&'static str, usize>,
}

impl Soak {
    pub async fn start(seed: u64) -> Self {
        // The last account sees one declaration of each variant only.
        let ids: Vec<String> = (0..=ACCOUNTS).map(account_id).collect();
        let scene = Scene::start(&ids.iter().map(String::as_str).collect::<Vec<_>>())
            .await
            .unwrap();
        let kinds = Kinds::new(&scene.control_plane).await;
        let mut all = vec![namespace("security"), class("standard")];
        all.extend((0..=ACCOUNTS).map(|number| account(&account_name(number), &account_id(number))));
        scene.control_plane.apply(&yaml(&all)).await.unwrap();
        let operator = scene.operator(&FLAGS).await.unwrap();
        let process = Arc::new(AtomicU32::new(operator.id()));
        let soak = Self {
            scene,
            operator,
            kinds,
            rng: Rng::with_seed(seed),
            variants: vec![0; ROLES],
            absent: BTreeSet::new(),
            faults: Vec::new(),
            process,
            done: BTreeMap::new(),
        };
        let models = (0..VARIANTS).map(|variant| declared(&format!("model-{variant}"), &[ACCOUNTS], variant));
        let objects = (0..ROLES).map(|number| declared(&name(number), &places(number), 0));
        soak.kinds.roles.apply_all(objects.chain(models).collect()).await;
        soak
    }

    fn count(&mut self, what: &'static str) {
        *self.done.entry(what).or_default() += 1;
    }

    /// Something of everything.
    pub async fn trouble(&mut self) {
        for _ in 0..3 {
            self.edit_an_object().await;
            self.edit_a_role().await;
        }
        if self.rng.u8(..10) == 0 {
            self.delete_or_make_an_object().await;
        }
        if self.rng.u8(..5) == 0 {
            self.break_an_account().await;
        }
        let (over, lasting): (Vec<_>, Vec<_>) = self.faults.iter().partition(|(_, end)| *end <= Instant::now());
        self.faults = lasting;
        for (fault, _) in over {
            self.scene.simulator.end_fault(fault).await.unwrap();
        }
    }

    async fn edit_an_object(&mut self) {
        let number = self.rng.usize(..ROLES);
        self.variants[number] = self.rng.usize(..VARIANTS);
        if !self.absent.contains(&number) {
            let object = declared(&name(number), &places(number), self.variants[number]);
            self.kinds.roles.apply(&object).await.unwrap();
            self.count("edits");
        }
    }

    async fn edit_a_role(&mut self) {
        let number = self.rng.usize(..ROLES);
        let account = account_id(places(number)[0]);
        let edits = match self.rng.u8(..6) {
            0 => json!({"attached": []}),
            1 => json!({"attached": ["arn:aws:iam::aws:policy/AdministratorAccess"]}),
            2 => json!({"boundary": null, "tags": {"stray": "1"}}),
            3 => json!({"description": "edited by hand", "maxSessionDuration": 43200}),
            4 => {
                json!({"inline": {"stray": {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}}})
            }
            _ => Value::Null,
        };
        let simulator = &self.scene.simulator;
        // It may be gone just now.
        if edits.is_null() {
            let _ = simulator.delete_role(&account, &name(number)).await;
        } else {
            let _ = simulator.edit_role(&account, &name(number), edits).await;
        }
        self.count("edits by hand");
    }

    async fn delete_or_make_an_object(&mut self) {
        let objects = self.kinds.roles.list().await;
        let back: Vec<usize> = self
            .absent
            .iter()
            .copied()
            .filter(|number| !objects.contains_key(&name(*number)))
            .collect();
        let again = back
            .iter()
            .map(|number| declared(&name(*number), &places(*number), self.variants[*number]));
        self.kinds.roles.apply_all(again.collect()).await;
        self.absent.retain(|number| !back.contains(number));
        let number = self.rng.usize(..ROLES);
        if self.absent.insert(number) && objects.contains_key(&name(number)) {
            self.kinds.roles.delete(vec![name(number)]).await;
            self.count("deletions");
        }
    }

    async fn break_an_account(&mut self) {
        let account = account_id(self.rng.usize(..ACCOUNTS));
        let all = Match::account(&account);
        let seed = self.rng.u64(..);
        let throttle = Effect::Throttle {
            rate_per_second: 3.0,
            burst: 5.0,
        };
        let failure = Effect::Named("ServiceFailure".into());
        let fault = match self.rng.u8(..6) {
            0 => Fault::new(all, throttle),
            1 => Fault::new(all, failure).with_probability(0.3, seed),
            2 => Fault::new(all, Effect::DelayMs(400)).for_ever(),
            3 => Fault::new(all, Effect::DropAfter).with_probability(0.2, seed),
            4 => Fault::new(Match::service("sts").in_account(&account), Effect::DropBefore).for_ever(),
            _ => {
                self.scene.simulator.expire_sessions(&account, None).await.unwrap();
                self.count("expired sessions");
                return;
            }
        };
        let id = self.scene.simulator.fault(&fault).await.unwrap();
        let end = Instant::now() + Duration::from_secs(self.rng.u64(5..25));
        self.faults.push((id, end));
        self.count("faults");
    }

    pub async fn crash(&mut self) {
        self.operator.kill().await.unwrap();
        self.operator = self.scene.operator(&FLAGS).await.unwrap();
        self.process.store(self.operator.id(), Ordering::Relaxed);
        self.count("restarts of the operator");
    }

    pub async fn outage(&mut self) {
        self.scene.control_plane.kill_api_server().await.unwrap();
        self.scene.control_plane.start_api_server_again().await.unwrap();
        self.count("restarts of the API server");
    }

    /// Waits until a look at every object has ended with it Ready.
    pub async fn settle(&self, asked: &'static str) {
        let objects = self.kinds.roles.list().await;
        let asking = objects.keys().map(|name| (name.clone(), asked));
        self.kinds.roles.ask(asking.collect()).await;
        let looked = eventually(PATIENCE, "a look at every object", async || {
            let objects = self.kinds.roles.list().await;
            let waits = objects
                .values()
                .find(|object| !(is_ready(object) && is_handled(object)));
            waits.map_or(Ok(()), |object| {
                Err(format!("{}: {}", object["metadata"]["name"], object["status"]))
            })
        });
        looked.await.unwrap();
    }

    /// No more trouble: everything is to be as declared, and then nothing is to be left.
    pub async fn end(&mut self) {
        let simulator = &self.scene.simulator;
        simulator.clear_faults().await.unwrap();
        while !self.absent.is_empty() {
            let again = self.absent.pop_first().unwrap();
            self.scene.wait_for_gone("xar", "security", &name(again)).await.unwrap();
            let object = declared(&name(again), &places(again), self.variants[again]);
            self.kinds.roles.apply(&object).await.unwrap();
        }
        self.settle("mended").await;
        // What was written a moment ago is read again only when IAM shows it everywhere.
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        self.settle("looked at").await;
        let mut found = self.roles().await;
        let models: Vec<String> = (0..VARIANTS)
            .map(|variant| found.remove(&(ACCOUNTS, format!("model-{variant}"))).unwrap())
            .collect();
        for number in 0..ROLES {
            for place in places(number) {
                let held = found.remove(&(place, name(number)));
                assert_eq!(
                    held.as_ref(),
                    Some(&models[self.variants[number]]),
                    "{} in {place}",
                    name(number)
                );
            }
        }
        assert_eq!(found, BTreeMap::new(), "roles that nobody declared");

        tokio::time::sleep(Duration::from_millis(1_200)).await;
        simulator.reset_calls().await.unwrap();
        self.settle("at rest").await;
        assert_eq!(
            simulator.counts().await.unwrap().total.writes,
            0,
            "at rest nothing is written"
        );

        let all = self.kinds.roles.list().await.into_keys().collect();
        self.kinds.roles.delete(all).await;
        let gone = eventually(PATIENCE, "no object left", async || {
            match self.kinds.roles.list().await.len() {
                0 => Ok(()),
                left => Err(left),
            }
        });
        gone.await.unwrap();
        assert_eq!(self.roles().await, BTreeMap::new(), "nothing is left");
    }

    /// What every account holds but its bootstrap role, by account and name.
    async fn roles(&self) -> BTreeMap<(usize, String), String> {
        let mut found = BTreeMap::new();
        for number in 0..=ACCOUNTS {
            for role in self.scene.simulator.roles(&account_id(number)).await.unwrap() {
                if role.name != "crossrole-bootstrap" {
                    found.insert((number, role.name.clone()), described(role, &account_id(number)));
                }
            }
        }
        found
    }
}

/// A role without what differs from account to account.
fn described(mut role: Role, account: &str) -> String {
    role.id.clear();
    role.attached.sort();
    // Whoever takes over in the middle of a change that closed the role meanwhile ends the sessions of before.
    role.inline.remove("AWSRevokeOlderSessions");
    let name = std::mem::take(&mut role.name);
    format!("{role:?}").replace(&name, "NAME").replace(account, "ACCOUNT")
}
