//! Fifty accounts, of which five are throttled, five deny everything, and five are slow: the others do not notice.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use crossrole_testkit::simulator::{Call, Effect, Fault, Match};
use crossrole_testkit::{Figures, Operator, Scene, eventually};
use jiff::Timestamp;
use serde_json::{Value, json};
use support::{account, class, namespace, objects, role, say, with, yaml};

const ACCOUNTS: usize = 50;

/// Of ten accounts, seven are healthy.
const HEALTHY: usize = 35;

/// A slow account takes eight calls of five seconds each; everything shares few cores.
const PATIENCE: Duration = Duration::from_secs(180);

/// The calls that a role in an account that was never entered takes.
const CALLS: [(&str, u64); 8] = [
    ("AssumeRole", 1),
    ("GetCallerIdentity", 1),
    ("GetAccountSummary", 1),
    ("ListRoles", 1),
    ("GetAccountAuthorizationDetails", 1),
    ("CreateRole", 1),
    ("PutRolePolicy", 1),
    ("AttachRolePolicy", 2),
];

/// More calls than that in a minute, beyond those that the work takes, are not a trickle.
const RETRIES_PER_MINUTE: usize = 20;

/// Calls to a healthy account wait no longer for each other in all, in seconds. Those to a throttled one wait two for each
/// call.
const LONGEST_WAIT: f64 = 1.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Healthy,
    /// One call in two seconds.
    Throttled,
    /// By a service control policy, or already by the bootstrap role's trust policy.
    Denied,
    /// Five seconds for each call.
    Slow,
}

fn kind(number: usize) -> Kind {
    match number % 10 {
        2 => Kind::Throttled,
        5 => Kind::Denied,
        8 => Kind::Slow,
        _ => Kind::Healthy,
    }
}

fn id(number: usize) -> String {
    format!("6666666666{number:02}")
}

fn name(number: usize) -> String {
    format!("isolated-{number:02}")
}

/// The numbers of the healthy accounts.
fn healthy_ones() -> impl Iterator<Item = usize> + Clone {
    (0..ACCOUNTS).filter(|number| kind(*number) == Kind::Healthy)
}

fn names(wanted: impl Fn(Kind) -> bool) -> Vec<String> {
    (0..ACCOUNTS).filter(|number| wanted(kind(*number))).map(name).collect()
}

/// The objects over these accounts.
type Objects = fn(&[String]) -> Vec<Value>;

/// What is there beside the healthy accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Others {
    None,
    /// The others are there, and are healthy too.
    Healthy,
    Troubled,
}

struct Stage {
    scene: Scene,
    operator: Operator,
}

/// Starts everything: accounts and objects are there before the operator is, so that all of them begin at once.
async fn start(others: Others, objects: Objects) -> Stage {
    let ids: Vec<String> = (0..ACCOUNTS).map(id).collect();
    let scene = Scene::start(&ids.iter().map(String::as_str).collect::<Vec<_>>())
        .await
        .unwrap();
    if others == Others::Troubled {
        for number in 0..ACCOUNTS {
            trouble(&scene, number).await;
        }
    }
    let mut manifests = vec![namespace("security"), class("standard")];
    let declared: Vec<usize> = (0..ACCOUNTS)
        .filter(|number| others != Others::None || kind(*number) == Kind::Healthy)
        .collect();
    manifests.extend(declared.iter().map(|number| account(&name(*number), &id(*number))));
    manifests.extend(objects(&declared.into_iter().map(name).collect::<Vec<_>>()));
    scene.control_plane.apply(&yaml(&manifests)).await.unwrap();
    scene.simulator.reset_calls().await.unwrap();
    let operator = scene.operator(&["--resync-interval=24h"]).await.unwrap();
    Stage { scene, operator }
}

async fn trouble(scene: &Scene, number: usize) {
    let account = id(number);
    match kind(number) {
        Kind::Healthy => {}
        Kind::Throttled => drop(scene.simulator.throttle(&account, 0.5, 1.0).await.unwrap()),
        Kind::Denied if number % 20 == 5 => drop(scene.simulator.deny_account(&account).await.unwrap()),
        Kind::Denied => {
            let matching = Match {
                action: Some("AssumeRole".into()),
                ..Match::account(&account)
            };
            let fault = Fault::new(matching, Effect::Named("AccessDenied".into())).for_ever();
            scene.simulator.fault(&fault).await.unwrap();
        }
        Kind::Slow => drop(scene.simulator.slow_account(&account, 5_000).await.unwrap()),
    }
}

/// One object over all accounts.
fn wide(accounts: &[String]) -> Vec<Value> {
    vec![with(role("wide"), "/spec/accounts", json!({"names": accounts}))]
}

/// One object for each account.
fn narrow(accounts: &[String]) -> Vec<Value> {
    let objects = accounts
        .iter()
        .map(|name| with(role(name), "/spec/accounts", json!({"names": [name]})));
    objects.collect()
}

impl Stage {
    /// The states of all entries by account, as status tells them.
    async fn states(&self) -> BTreeMap<String, (String, String)> {
        let objects = objects::list(&self.scene, "xar", "").await;
        let entries = objects
            .values()
            .flat_map(|object| object["status"]["accounts"].as_array());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
        entries
            .flatten()
            .map(|entry| (text(&entry["account"]), (text(&entry["state"]), text(&entry["reason"]))))
            .collect()
    }

    /// Waits until these accounts are Ready. Gives the states of all.
    async fn wait_for(&self, wanted: &[String]) -> BTreeMap<String, (String, String)> {
        eventually(PATIENCE, "the accounts are Ready", async || {
            let states = self.states().await;
            let ready = |name: &&String| states.get(*name).is_some_and(|(state, _)| state == "Ready");
            match wanted.iter().find(|name| !ready(name)) {
                None => Ok(states),
                Some(name) => Err(format!("{name}: {:?}", states.get(name))),
            }
        })
        .await
        .unwrap()
    }

    async fn calls(&self) -> BTreeMap<String, Vec<Call>> {
        let mut calls: BTreeMap<String, Vec<Call>> = BTreeMap::new();
        for call in self.scene.simulator.calls(0).await.unwrap() {
            calls.entry(call.account.clone()).or_default().push(call);
        }
        calls
    }

    /// From the first call to the last write of a healthy account.
    async fn time_until_healthy(&self) -> Duration {
        self.wait_for(&names(|kind| kind == Kind::Healthy)).await;
        let calls = self.calls().await;
        let healthy = healthy_ones();
        let times = healthy.flat_map(|number| calls[&id(number)].iter().map(time));
        let times: Vec<Timestamp> = times.collect();
        let (first, last) = (times.iter().min().unwrap(), times.iter().max().unwrap());
        last.duration_since(*first).unsigned_abs()
    }
}

fn time(call: &Call) -> Timestamp {
    call.time.parse().unwrap()
}

/// The most calls in any minute.
fn busiest_minute(calls: &[Call]) -> usize {
    let times: Vec<Timestamp> = calls.iter().map(time).collect();
    let minute = jiff::SignedDuration::from_secs(60);
    let within = |from: &Timestamp| {
        times
            .iter()
            .filter(|at| *at >= from && at.duration_since(*from) < minute)
            .count()
    };
    times.iter().map(within).max().unwrap_or_default()
}

async fn the_others_do_not_notice(objects: Objects) {
    let mut stage = start(Others::Troubled, objects).await;
    let figures = Figures::of(&mut stage.operator, PATIENCE).await.unwrap();
    let states = stage.wait_for(&names(|kind| kind == Kind::Healthy)).await;
    let troubled = names(|kind| matches!(kind, Kind::Denied | Kind::Slow));
    for name in &troubled {
        let state = states.get(name).map(|(state, _)| state.as_str());
        assert_ne!(state, Some("Ready"), "{name} was Ready before a healthy one");
    }
    let calls = stage.calls().await;
    let healthy = healthy_ones();
    assert_eq!(healthy.clone().count(), HEALTHY);
    for number in healthy {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for call in &calls[&id(number)] {
            *counts.entry(call.action.as_str()).or_default() += 1;
        }
        assert_eq!(counts, BTreeMap::from(CALLS), "{}", name(number));
    }

    let scrape = figures.scrape().await.unwrap();
    for number in healthy_ones() {
        let waited = format!("crossrole_aws_wait_seconds_total{{account_id=\"{}\"}}", id(number));
        let waited = scrape.get(&waited).copied().unwrap_or_default();
        assert!(waited < LONGEST_WAIT, "calls to {} waited for {waited} s", name(number));
    }

    // The slow and the throttled ones get there, too; those that are denied say so.
    let states = stage
        .wait_for(&names(|kind| matches!(kind, Kind::Throttled | Kind::Slow)))
        .await;
    for name in names(|kind| kind == Kind::Denied) {
        let (state, reason) = &states[&name];
        assert_eq!(state, "Refused", "{name}");
        assert!(
            matches!(reason.as_str(), "PermissionDenied" | "BootstrapDenied"),
            "{name}: {reason}"
        );
    }
    let calls = stage.calls().await;
    // Status is read now and then only; the calls tell the order of what is over quickly.
    let last_write = |number: usize| {
        calls[&id(number)]
            .iter()
            .filter(|call| call.kind == "write")
            .map(|call| call.seq)
            .max()
    };
    let healthy = healthy_ones();
    let all_healthy = healthy.filter_map(last_write).max();
    for number in (0..ACCOUNTS).filter(|number| matches!(kind(*number), Kind::Throttled | Kind::Slow)) {
        assert!(
            last_write(number) > all_healthy,
            "{} was done before a healthy one",
            name(number)
        );
    }
    let needed = CALLS.iter().map(|(_, count)| count).sum::<u64>() as usize;
    for number in (0..ACCOUNTS).filter(|number| kind(*number) != Kind::Healthy) {
        let most = busiest_minute(&calls[&id(number)]);
        let allowed = needed + RETRIES_PER_MINUTE;
        assert!(
            most <= allowed,
            "{:?} {}: {most} calls in a minute",
            kind(number),
            name(number)
        );
        say(
            "isolation",
            &format!("{:?} {}: at most {most} calls in a minute", kind(number), name(number)),
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_in_a_healthy_account_does_not_wait_for_those_in_troubled_ones() {
    the_others_do_not_notice(narrow).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_healthy_accounts_of_one_object_do_not_wait_for_its_troubled_ones() {
    the_others_do_not_notice(wide).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: make isolation"]
async fn how_much_longer_the_healthy_accounts_take_beside_troubled_ones() {
    let shapes: [(&str, Objects); 2] = [("one object for each account", narrow), ("one object over all", wide)];
    for (what, objects) in shapes {
        let mut ratios = [Vec::new(), Vec::new()];
        for _ in 0..5 {
            let mut seconds = [0.0; 3];
            for (others, taken) in [Others::None, Others::Healthy, Others::Troubled]
                .into_iter()
                .zip(&mut seconds)
            {
                let stage = start(others, objects).await;
                *taken = stage.time_until_healthy().await.as_secs_f64();
            }
            let [alone, healthy, troubled] = seconds;
            say(
                "isolation",
                &format!(
                    "{what}: {alone:.2} s alone, {healthy:.2} s beside healthy ones, {troubled:.2} s beside troubled ones"
                ),
            );
            ratios[0].push(troubled / healthy);
            ratios[1].push(troubled / alone);
        }
        // Beside healthy ones there is as much to write to Kubernetes; alone there is less.
        let against = ["beside healthy ones (goal 1.1)", "alone"];
        for (ratios, against) in ratios.iter_mut().zip(against) {
            ratios.sort_by(f64::total_cmp);
            let text = format!(
                "{what}: beside troubled ones ÷ {against}: median of five {:.2}, all {ratios:.2?}",
                ratios[2]
            );
            say("isolation", &text);
        }
    }
}
