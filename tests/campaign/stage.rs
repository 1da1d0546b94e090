//! The operator and what it works in; one transition of every chain, side by side.

use std::collections::BTreeMap;
use std::time::Duration;

use crossrole_testkit::{Operator, Scene, eventually, scene};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::chain::{Chain, Declaration, Place};
use super::claims::Expected;
use super::kinds::{Kinds, Objects};
use super::tally::Tally;
use super::transition::{Schemas, Transition};
use super::work::Work;

/// A throttled account is called more slowly for a while, and everything shares few cores.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// So long after a write, IAM's answers are not believed: what the flag below says, and a little more.
const SHOWN_AFTER: Duration = Duration::from_millis(1_200);

/// Nothing is looked at but what is asked for.
const FLAGS: [&str; 3] = [
    "--resync-interval=24h",
    "--propagation-delay=1s",
    "--max-removals=100000",
];

/// The operator, and what it works in.
pub struct Stage {
    pub scene: Scene,
    pub(super) operator: Operator,
    pub(super) kinds: Kinds,
    pub(super) twins: usize,
    pub(super) expected: BTreeMap<usize, Expected>,
}

impl Stage {
    pub async fn start() -> Self {
        let scene = Scene::start(&[]).await.unwrap();
        let kinds = Kinds::new(&scene.control_plane).await;
        let namespace = super::support::yaml(&[super::support::namespace("security")]);
        scene.control_plane.apply(&namespace).await.unwrap();
        for name in ["ada", "bob"] {
            let user = scene
                .simulator
                .create_user(scene::IDENTITY_ACCOUNT, name, json!({}), false);
            user.await.unwrap();
        }
        let operator = scene.operator(&FLAGS).await.unwrap();
        let stage = Self {
            scene,
            operator,
            kinds,
            twins: 0,
            expected: BTreeMap::new(),
        };
        stage.make_person("ci").await;
        stage
    }

    pub(super) async fn make_person(&self, name: &str) {
        let trust = scene::bootstrap_document("trust-prod.json").unwrap();
        let role = json!({"name": name, "trust": trust});
        let made = self.scene.simulator.create_role(scene::IDENTITY_ACCOUNT, role);
        made.await.unwrap();
    }

    /// Makes what a chain needs in AWS, and declares its class and its accounts.
    pub async fn begin(&self, chains: &[Chain]) {
        for chain in chains {
            self.make_person(&chain.place.person()).await;
            self.make_accounts(&chain.place, chain.is_free()).await;
        }
        let classes = chains.iter().map(|chain| chain.place.class_object(&chain.declared));
        let accounts = chains.iter().flat_map(|chain| accounts(&chain.place, &chain.declared));
        self.declare_rules(classes.collect(), accounts.collect()).await;
    }

    pub(super) async fn make_accounts(&self, place: &Place, free: bool) {
        let simulator = &self.scene.simulator;
        let boundary = scene::bootstrap_document("boundary.json").unwrap();
        for id in &place.ids {
            scene::set_up_target_account(simulator, id).await.unwrap();
            for (path, name) in [
                ("/", "other-boundary"),
                ("/team/", "read-logs"),
                ("/team/", "read-queues"),
            ] {
                simulator.create_policy(id, path, name, boundary.clone()).await.unwrap();
            }
            if free {
                let all = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:*", "Resource": "*"}]});
                let edits = json!({"inline": {"crossrole": all}});
                simulator.edit_role(id, "crossrole-bootstrap", edits).await.unwrap();
            }
        }
    }

    /// Declares classes and accounts, and waits until the operator has seen them.
    pub(super) async fn declare_rules(&self, classes: Vec<Value>, accounts: Vec<Value>) {
        let classes = self.kinds.classes.apply_all(classes).await;
        let accounts = self.kinds.accounts.apply_all(accounts).await;
        for (kind, applied) in [(&self.kinds.classes, classes), (&self.kinds.accounts, accounts)] {
            self.wait_until_seen(kind, &applied).await;
        }
    }

    pub(super) async fn wait_until_seen(&self, kind: &Objects, applied: &[Value]) {
        if applied.is_empty() {
            return;
        }
        let seen = eventually(PATIENCE, "rules that the operator has seen", async || {
            let objects = kind.list().await;
            let seen = |object: &&Value| {
                let now = objects.get(object["metadata"]["name"].as_str().unwrap());
                now.is_some_and(|now| now["status"]["observedGeneration"] == now["metadata"]["generation"])
            };
            match applied.iter().find(|object| !seen(object)) {
                None => Ok(()),
                Some(object) => Err(object["metadata"]["name"].to_string()),
            }
        });
        seen.await.unwrap();
    }

    /// One transition of every chain that has not failed yet. With `restart` the operator is killed in the middle.
    pub async fn round(&mut self, chains: &mut [Chain], schemas: &Schemas, restart: bool, tally: &mut Tally) {
        let mut chains: Vec<&mut Chain> = chains.iter_mut().filter(|chain| chain.failure.is_none()).collect();
        let quiet = Instant::now() + SHOWN_AFTER;
        self.nobody_wrote(&mut chains).await;
        sleep_until(quiet).await;
        let mut works = Vec::new();
        for chain in &mut chains {
            let transition = Transition::next(chain, schemas, restart);
            chain.history.push(transition.told.clone());
            works.push(self.edit(chain, transition, tally).await);
        }
        let mut round: Vec<(&mut Chain, Work)> = chains.into_iter().zip(works).collect();
        self.declare(&mut round, tally).await;
        if restart {
            self.operator.kill().await.unwrap();
            self.operator = self.scene.operator(&FLAGS).await.unwrap();
        }
        self.bear(&mut round).await;
        self.settle(&mut round).await;
        for (chain, work) in &mut round {
            self.judge(chain, work, tally).await;
        }
        // What was written is read again only then; until then a look would show what the operator remembers.
        sleep_until(Instant::now() + SHOWN_AFTER).await;
        self.rest(&mut round).await;
        self.clear_up(&round).await;
    }

    /// Waits until no twin is left; says which is.
    pub async fn end(&self) -> Result<(), String> {
        let gone = eventually(PATIENCE, "no twin left", async || {
            let mut objects = self.kinds.roles.list().await.into_iter();
            let left = objects.find(|(name, _)| name.starts_with("twin-"));
            left.map_or(Ok(()), |(_, object)| Err(object.to_string()))
        });
        gone.await.map_err(|error| error.to_string())
    }
}

/// The AWSAccounts of a place.
pub fn accounts(place: &Place, declaration: &Declaration) -> Vec<Value> {
    [0, 1].map(|side| place.account_object(side, declaration)).into()
}
