//! The same generated requests to the simulator and to two emulators that others wrote, moto and MiniStack: status, error
//! code and the meaning of the answer.
//!
//! `tests/agreement/differences.yaml` holds every kind of difference with who is right and why. A difference that it does
//! not explain fails the test, and so does an explanation of something that no longer happens. Where a judge did
//! something else, it is not asked about the rest of that scenario: its answers would be about other things.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "agreement/answer.rs"]
mod answer;
#[path = "agreement/asker.rs"]
mod asker;
#[path = "agreement/differences.rs"]
mod differences;
#[path = "support/emulators.rs"]
mod emulators;
#[path = "support/python.rs"]
mod python;
#[path = "agreement/requests.rs"]
mod requests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Instant;

use answer::Answer;
use asker::{Asker, Keys, Service};
use crossrole_testkit::Simulator;
use crossrole_testkit::tools::workspace;
use differences::Known;
use emulators::{Emulator, Folder, SECRET};
use python::{python_with, say};
use requests::{ACCOUNT, Caller, HOME, Kinds, Request, Scenario};

const SEED: u64 = 20_261_122;
const SCENARIOS: usize = 100;
const LENGTH: usize = 9;

/// A judge with the keys of those who ask it.
struct Judge {
    asker: Asker,
    root: Keys,
    ada: Keys,
    /// The session that the scenario got last.
    session: Option<Keys>,
    /// False once it did something else than the simulator in this scenario.
    in_step: bool,
    asked: usize,
    /// Answers without any difference.
    agreed: usize,
    /// How often each difference came up, by the kind of request and what differs.
    differences: BTreeMap<(String, String), usize>,
}

impl Judge {
    /// Makes what all scenarios share: a boundary, and a user of another account who may assume every role.
    async fn new(name: &'static str, endpoint: &str, root: Keys, home: &Keys) -> Self {
        let mut asker = Asker::new(name, endpoint);
        let allow = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
        let parameters = |list: &[(&str, &str)]| -> Vec<_> {
            list.iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };
        for (keys, action, list) in [
            (
                &root,
                "CreatePolicy",
                &[("PolicyName", "boundary"), ("PolicyDocument", allow)][..],
            ),
            (home, "CreateUser", &[("UserName", "ada")]),
            (
                home,
                "PutUserPolicy",
                &[("UserName", "ada"), ("PolicyName", "all"), ("PolicyDocument", allow)],
            ),
        ] {
            let answer = asker.ask(keys, Service::Iam, action, &parameters(list)).await;
            assert_eq!(answer.code, "OK", "{name}: {action}: {answer:?}");
        }
        let made = asker
            .ask(
                home,
                Service::Iam,
                "CreateAccessKey",
                &parameters(&[("UserName", "ada")]),
            )
            .await;
        let text = |field: &str| {
            made.text(field)
                .unwrap_or_else(|| panic!("{name}: {made:?}"))
                .to_owned()
        };
        let ada = Keys::new(HOME, &text("AccessKeyId"), &text("SecretAccessKey"), None);
        Self {
            asker,
            root,
            ada,
            session: None,
            in_step: true,
            asked: 0,
            agreed: 0,
            differences: BTreeMap::new(),
        }
    }

    /// Asks, or gives nothing if it is out of step, or if there is nobody to ask in whose name.
    async fn ask(&mut self, request: &Request) -> Option<Answer> {
        if !self.in_step {
            return None;
        }
        let keys = match request.kind.caller {
            Caller::Root => &self.root,
            Caller::Ada => &self.ada,
            Caller::Session => self.session.as_ref()?,
        };
        let (service, action) = (request.kind.service(), &request.kind.action);
        let answer = self.asker.ask(keys, service, action, &request.parameters).await;
        if action == "AssumeRole" && answer.code == "OK" {
            let text = |field: &str| answer.text(field).unwrap_or_default().to_owned();
            let token = Some(text("SessionToken"));
            self.session = Some(Keys::new(
                ACCOUNT,
                &text("AccessKeyId"),
                &text("SecretAccessKey"),
                token,
            ));
        }
        self.asked += 1;
        Some(answer)
    }

    /// How many answers a row of the table explains.
    fn explained_by(&self, row: &Known) -> usize {
        let explained = self.differences.iter();
        let explained =
            explained.filter(|((request, difference), _)| row.explains(self.asker.name, request, difference));
        explained.map(|(_, count)| count).sum()
    }

    /// What no row of the table explains.
    fn unexplained(&self, known: &[Known]) -> Vec<String> {
        let name = self.asker.name;
        let explained =
            |request: &str, difference: &str| known.iter().any(|row| row.explains(name, request, difference));
        let differences = self.differences.iter();
        let open = differences.filter(|((request, difference), _)| !explained(request, difference));
        open.map(|((request, difference), count)| format!("{name} ({count}): {request}: {difference}"))
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_simulator_and_two_emulators_of_others_agree_or_the_difference_is_explained() {
    let read = |name: &str| fs::read_to_string(workspace().join("tests/agreement").join(name)).unwrap();
    let known: Vec<Known> = serde_saphyr::from_str(&read("differences.yaml")).unwrap();
    let kinds: Kinds = serde_saphyr::from_str(&read("requests.yaml")).unwrap();
    let folder = Folder::new("agreement");
    let moto = python_with("moto", &workspace().join("tests/moto-requirements.txt"));
    let ministack = python_with("ministack", &workspace().join("tests/judges/requirements.txt"));
    let (Some(moto), Some(ministack)) = (moto, ministack) else {
        return;
    };

    let simulator = Simulator::start().await.unwrap();
    for account in [HOME, ACCOUNT] {
        simulator.create_account(account, None).await.unwrap();
    }
    let (moto, ministack) = tokio::join!(
        Emulator::moto(&moto, &folder.0),
        Emulator::ministack(&ministack, &folder.0)
    );
    let own = |account: &'static str, keys: crossrole_testkit::simulator::Credentials| {
        Keys::new(account, &keys.access_key_id, &keys.secret_access_key, None)
    };
    let root = own(ACCOUNT, simulator.root_keys(ACCOUNT).await.unwrap());
    let home = own(HOME, simulator.root_keys(HOME).await.unwrap());
    let theirs = |account: &str| Keys::new(account, account, SECRET, None);
    let mut ours = Judge::new("aws-sim", &simulator.endpoint, root, &home).await;
    let mut judges = [
        Judge::new("moto", &moto.endpoint, theirs(ACCOUNT), &theirs(HOME)).await,
        Judge::new("ministack", &ministack.endpoint, theirs(ACCOUNT), &theirs(HOME)).await,
    ];

    let started = Instant::now();
    let scenarios = kinds.scenarios(SEED, SCENARIOS, LENGTH);
    for scenario in &scenarios {
        play(scenario, &mut ours, &mut judges).await;
    }
    for row in &known {
        assert!(
            ["aws-sim", "nobody knows"].contains(&row.right.as_str()),
            "where {} is right, the simulator is to be mended",
            row.right
        );
    }
    report(&scenarios, &ours, &judges, &known, started);
    let mut faults: Vec<_> = judges.iter().flat_map(|judge| judge.unexplained(&known)).collect();
    for row in &known {
        if judges.iter().map(|judge| judge.explained_by(row)).sum::<usize>() == 0 {
            faults.push(format!(
                "{}: {:?}: {} no longer happens",
                row.judge, row.requests, row.differs
            ));
        }
    }
    for judge in &judges {
        assert!(judge.asked >= 500, "{}: {} requests", judge.asker.name, judge.asked);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

async fn play(scenario: &Scenario, ours: &mut Judge, judges: &mut [Judge; 2]) {
    ours.session = None;
    for judge in judges.iter_mut() {
        judge.session = None;
        judge.in_step = true;
    }
    let [first, second] = judges;
    for request in &scenario.requests {
        let asked = tokio::join!(ours.ask(request), first.ask(request), second.ask(request));
        let Some(expected) = asked.0 else { continue };
        for (judge, answer) in [(&mut *first, asked.1), (&mut *second, asked.2)] {
            let Some(answer) = answer else { continue };
            let differences = expected.differences(&answer, &scenario.prefix);
            judge.agreed += usize::from(differences.is_empty());
            for difference in differences {
                let key = (request.kind.name.clone(), difference);
                *judge.differences.entry(key).or_default() += 1;
            }
            // Where only one of them did it, what comes next would be about other things.
            let reads = ["Get", "List"]
                .iter()
                .any(|prefix| request.kind.action.starts_with(prefix));
            judge.in_step = reads || request.apart || (expected.code == "OK") == (answer.code == "OK");
        }
    }
}

fn report(scenarios: &[Scenario], ours: &Judge, judges: &[Judge], known: &[Known], started: Instant) {
    let kinds: BTreeSet<_> = scenarios
        .iter()
        .flat_map(|one| &one.requests)
        .map(|request| &request.kind.name)
        .collect();
    let mut lines = vec![format!(
        "seed {SEED}: {} requests of {} kinds in {} scenarios, {:.1} s",
        ours.asked,
        kinds.len(),
        scenarios.len(),
        started.elapsed().as_secs_f32()
    )];
    for judge in judges {
        let rows = known.iter().filter(|row| row.judge == judge.asker.name).count();
        lines.push(format!(
            "{}: asked {}, agreed on {}, differed in {} ways, which {rows} rows explain",
            judge.asker.name,
            judge.asked,
            judge.agreed,
            judge.differences.len()
        ));
    }
    for row in known {
        let count: usize = judges.iter().map(|judge| judge.explained_by(row)).sum();
        let requests = row.requests.join(" | ");
        lines.push(format!(
            "{count:4} {}: {requests}: {} [right: {}; {}]",
            row.judge, row.differs, row.right, row.why
        ));
    }
    say("agreement", &lines.join("\n"));
}
