//! SIGKILL between any two AWS calls, and a new start.
//!
//! For every call that a piece of work makes there are two objects: of one, the process dies before that call is
//! carried out; of the other, after it was, but before the answer came. All of them are held at their call, then the
//! operator is killed once. It is started again, and everything must end as if nothing had happened.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::Duration;

use crossrole_testkit::simulator::{Effect, Match};
use crossrole_testkit::{Operator, Scene, eventually, scene};
use serde_json::{Value, json};
use support::{class, namespace, with, yaml};

/// An account works on ten roles at a time: more objects than that would wait for each other.
const OBJECTS_PER_ACCOUNT: usize = 8;
const PATIENCE: Duration = Duration::from_secs(60);
const FLAGS: [&str; 3] = ["--resync-interval=24h", "--max-removals=1000", "--propagation-delay=1s"];

/// One object that dies at one call.
#[derive(Clone, Debug)]
struct Point {
    name: String,
    account: usize,
    call: u64,
    carried_out: bool,
}

/// Every call twice: not carried out, and carried out without an answer.
fn points(what: &str, calls: u64) -> Vec<Point> {
    (0..calls * 2)
        .map(|index| Point {
            name: format!(
                "{what}-{:02}-{}",
                index / 2 + 1,
                if index % 2 == 1 { "after" } else { "before" }
            ),
            account: usize::try_from(index).unwrap() / OBJECTS_PER_ACCOUNT,
            call: index / 2 + 1,
            carried_out: index % 2 == 1,
        })
        .collect()
}

fn account_id(account: usize) -> String {
    format!("2222222222{account:02}")
}

fn account_name(account: usize) -> String {
    format!("account-{account}")
}

fn accounts(count: usize) -> Vec<Value> {
    (0..count)
        .map(|account| {
            let object = support::account(&account_name(account), &account_id(account));
            with(object, "/metadata/labels", json!({"walk": account_name(account)}))
        })
        .collect()
}

fn role(point: &Point) -> Value {
    with(
        support::role(&point.name),
        "/spec/accounts",
        json!({"selector": {"matchLabels": {"walk": account_name(point.account)}}}),
    )
}

/// Another trust, other policies, another session, other tags.
fn changed(role: Value) -> Value {
    let trust = json!([
        {"from": {"accounts": ["111111111111"]}, "require": {"mfa": {"maxAge": "30m"}}},
        {"from": {"accounts": ["444444444444"], "kind": "Roles"}, "require": {"externalIds": ["vendor-1"]}}
    ]);
    let permissions = json!({
        "awsManaged": ["job-function/ViewOnlyAccess", "job-function/SupportUser"],
        "inline": [{"name": "read-queues", "document": {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "sqs:ReceiveMessage", "Resource": "*"},
                {"Effect": "Deny", "Action": "sqs:ReceiveMessage", "Resource": "arn:aws:sqs:*:*:secret"}
            ]
        }}]
    });
    let role = with(with(role, "/spec/trust", trust), "/spec/permissions", permissions);
    with(
        with(role, "/spec/maxSessionDuration", json!("2h")),
        "/spec/tags",
        json!({"team": "platform"}),
    )
}

struct Walk {
    scene: Scene,
    operator: Operator,
}

impl Walk {
    async fn start(accounts_wanted: usize) -> Self {
        let ids: Vec<String> = (0..accounts_wanted).map(account_id).collect();
        let scene = Scene::start(&ids.iter().map(String::as_str).collect::<Vec<_>>())
            .await
            .unwrap();
        let mut manifests = vec![namespace("security"), class("standard")];
        manifests.extend(accounts(accounts_wanted));
        scene.control_plane.apply(&yaml(&manifests)).await.unwrap();
        let operator = scene.operator(&FLAGS).await.unwrap();
        let walk = Self { scene, operator };
        walk.wait_for_accounts(accounts_wanted).await;
        walk
    }

    /// Credentials are fetched before the walk, so that only the calls about roles are walked.
    async fn wait_for_accounts(&self, wanted: usize) {
        eventually(PATIENCE, "all accounts ready", async || {
            let list = self.list("awsaccounts").await;
            let ready = list
                .iter()
                .filter(|account| scene::condition(account, "Ready")["status"] == "True")
                .count();
            if ready == wanted {
                Ok(())
            } else {
                Err(format!("{ready} ready"))
            }
        })
        .await
        .unwrap();
    }

    async fn list(&self, kind: &str) -> Vec<Value> {
        let text = self
            .scene
            .control_plane
            .kubectl(["get", kind, "--all-namespaces", "--output", "json"])
            .await
            .unwrap();
        let list: Value = serde_json::from_str(&text).unwrap();
        list["items"].as_array().unwrap().clone()
    }

    async fn apply(&self, roles: impl Iterator<Item = Value>) {
        self.scene
            .control_plane
            .apply(&yaml(&roles.collect::<Vec<_>>()))
            .await
            .unwrap();
    }

    async fn delete_all(&self) {
        let arguments = ["delete", "xar", "--all", "--namespace", "security", "--wait=false"];
        self.scene.control_plane.kubectl(arguments).await.unwrap();
    }

    async fn wait_for_all_ready(&self, wanted: usize) {
        eventually(PATIENCE, "all roles ready", async || {
            let roles = self.list("xar").await;
            let current = roles.iter().filter(|role| {
                role["status"]["observedGeneration"] == role["metadata"]["generation"]
                    && scene::condition(role, "Ready")["status"] == "True"
            });
            let ready = current.count();
            if ready == wanted {
                Ok(())
            } else {
                Err(format!("{ready} of {wanted} ready: {}", states(&roles)))
            }
        })
        .await
        .unwrap();
    }

    async fn wait_for_none_left(&self) {
        eventually(PATIENCE, "no object left", async || {
            let roles = self.list("xar").await;
            if roles.is_empty() { Ok(()) } else { Err(states(&roles)) }
        })
        .await
        .unwrap();
    }

    /// How many calls about one role a piece of work takes.
    async fn calls_about(&self, role: &str, since: u64) -> u64 {
        let calls = self.scene.simulator.calls(since).await.unwrap();
        calls.iter().filter(|call| call.role.as_deref() == Some(role)).count() as u64
    }

    async fn now(&self) -> u64 {
        self.scene
            .simulator
            .calls(0)
            .await
            .unwrap()
            .last()
            .map_or(0, |call| call.seq)
    }

    /// Holds every object at its call, kills the operator there, and carries the held calls out, or not.
    async fn kill_at(&mut self, points: &[Point], trigger: impl AsyncFnOnce(&Self)) {
        let mut faults = Vec::new();
        for point in points {
            let matching = Match {
                role: Some(point.name.clone()),
                ..Match::default()
            };
            faults.push(
                self.scene
                    .simulator
                    .add_fault(matching, point.call, 1, Effect::Hold)
                    .await
                    .unwrap(),
            );
        }
        trigger(self).await;
        for (fault, point) in faults.iter().zip(points) {
            let report = self.scene.simulator.wait_for_fault(*fault, PATIENCE).await.unwrap();
            assert_eq!(report.state, "holding", "{point:?}: {}", self.operator.log());
        }
        self.operator.kill().await.unwrap();
        for (fault, point) in faults.iter().zip(points) {
            self.scene
                .simulator
                .release_fault(*fault, point.carried_out, false)
                .await
                .unwrap();
        }
        self.scene.simulator.clear_faults().await.unwrap();
    }

    async fn restart(&mut self) {
        self.operator = self.scene.operator(&FLAGS).await.unwrap();
    }

    /// Every role of ours in the accounts, as far as it does not differ from object to object.
    async fn roles(&self, accounts: usize) -> Vec<(String, Value)> {
        let mut found = Vec::new();
        for account in 0..accounts {
            for role in self.scene.simulator.roles(&account_id(account)).await.unwrap() {
                if role.name != "crossrole-bootstrap" {
                    let mut tags = role.tags.clone();
                    assert_eq!(
                        tags.remove("crossrole.dev/owner"),
                        Some(format!("security/{}", role.name))
                    );
                    tags.remove("crossrole.dev/cluster");
                    let attached: std::collections::BTreeSet<_> = role.attached.iter().collect();
                    let meaning = json!({
                        "trust": role.trust, "inline": role.inline, "attached": attached, "tags": tags,
                        "session": role.max_session_duration, "boundary": role.boundary.map(|_| true),
                    });
                    found.push((role.name, meaning));
                }
            }
        }
        found.sort_by(|left, right| left.0.cmp(&right.0));
        found
    }

    /// Each object has one role, and each role is what an undisturbed one is.
    async fn assert_roles_are(&self, accounts: usize, names: &[&str], expected: &Value) {
        let roles = self.roles(accounts).await;
        let mut names: Vec<String> = names.iter().map(ToString::to_string).collect();
        names.sort();
        assert_eq!(roles.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>(), names);
        for (name, meaning) in &roles {
            assert_eq!(meaning, expected, "{name}");
        }
    }
}

fn states(roles: &[Value]) -> String {
    roles
        .iter()
        .map(|role| format!("\n{}: {}", role["metadata"]["name"], role["status"]["accounts"]))
        .collect()
}

fn undisturbed() -> Point {
    Point {
        name: "undisturbed".into(),
        account: 0,
        call: 0,
        carried_out: false,
    }
}

fn names(points: &[Point]) -> Vec<&str> {
    points
        .iter()
        .map(|point| point.name.as_str())
        .chain(["undisturbed"])
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_any_two_calls_of_create_update_and_delete_changes_nothing_in_the_end() {
    const ACCOUNTS: usize = 7;
    let mut walk = Walk::start(ACCOUNTS).await;

    // Create. First undisturbed, to see how many calls it takes.
    let before = walk.now().await;
    walk.apply([role(&undisturbed())].into_iter()).await;
    walk.wait_for_all_ready(1).await;
    let calls = walk.calls_about("undisturbed", before).await;
    let created = points("create", calls);
    assert!(created.len() <= ACCOUNTS * OBJECTS_PER_ACCOUNT);
    walk.kill_at(&created, async |walk| walk.apply(created.iter().map(role)).await)
        .await;
    walk.restart().await;
    walk.wait_for_all_ready(created.len() + 1).await;
    let expected = walk
        .roles(1)
        .await
        .into_iter()
        .find(|(name, _)| name == "undisturbed")
        .unwrap()
        .1;
    walk.assert_roles_are(ACCOUNTS, &names(&created), &expected).await;
    println!(
        "create: killed at {calls} calls, before and after each: {} points",
        created.len()
    );
    walk.delete_all().await;
    walk.wait_for_none_left().await;

    // Update: everything that can change.
    walk.apply([role(&undisturbed())].into_iter()).await;
    walk.wait_for_all_ready(1).await;
    let before = walk.now().await;
    walk.apply([changed(role(&undisturbed()))].into_iter()).await;
    walk.wait_for_all_ready(1).await;
    let calls = walk.calls_about("undisturbed", before).await;
    let updated = points("update", calls);
    assert!(updated.len() <= ACCOUNTS * OBJECTS_PER_ACCOUNT, "{}", updated.len());
    walk.apply(updated.iter().map(role)).await;
    walk.wait_for_all_ready(updated.len() + 1).await;
    walk.kill_at(&updated, async |walk| {
        walk.apply(updated.iter().map(role).map(changed)).await
    })
    .await;
    walk.restart().await;
    walk.wait_for_all_ready(updated.len() + 1).await;
    let expected = walk
        .roles(1)
        .await
        .into_iter()
        .find(|(name, _)| name == "undisturbed")
        .unwrap()
        .1;
    walk.assert_roles_are(ACCOUNTS, &names(&updated), &expected).await;
    println!(
        "update: killed at {calls} calls, before and after each: {} points",
        updated.len()
    );

    // Delete.
    let before = walk.now().await;
    let arguments = ["delete", "xar", "undisturbed", "--namespace", "security"];
    walk.scene.control_plane.kubectl(arguments).await.unwrap();
    let calls = walk.calls_about("undisturbed", before).await;
    walk.delete_all().await;
    walk.wait_for_none_left().await;
    let deleted = points("delete", calls);
    assert!(deleted.len() <= ACCOUNTS * OBJECTS_PER_ACCOUNT, "{}", deleted.len());
    walk.apply(deleted.iter().map(role)).await;
    walk.wait_for_all_ready(deleted.len()).await;
    walk.kill_at(&deleted, async |walk| walk.delete_all().await).await;
    walk.restart().await;
    walk.wait_for_none_left().await;
    assert_eq!(walk.roles(ACCOUNTS).await, Vec::new());
    println!(
        "delete: killed at {calls} calls, before and after each: {} points",
        deleted.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_leaves_the_selector_while_the_operator_is_dead_keeps_no_role() {
    const ACCOUNTS: usize = 2;
    let mut walk = Walk::start(ACCOUNTS).await;
    let before = walk.now().await;
    walk.apply([role(&undisturbed())].into_iter()).await;
    walk.wait_for_all_ready(1).await;
    let calls = walk.calls_about("undisturbed", before).await;
    walk.delete_all().await;
    walk.wait_for_none_left().await;

    let created = points("leave", calls);
    walk.kill_at(&created, async |walk| walk.apply(created.iter().map(role)).await)
        .await;
    let made = walk.roles(ACCOUNTS).await.len();
    assert!(made >= created.len() / 2, "most points lie after CreateRole: {made}");
    for account in 0..ACCOUNTS {
        let arguments = ["label", "awsaccount", &account_name(account), "walk-"];
        walk.scene.control_plane.kubectl(arguments).await.unwrap();
    }
    walk.restart().await;
    eventually(PATIENCE, "no entry left", async || {
        let roles = walk.list("xar").await;
        let gone = roles
            .iter()
            .all(|role| role["status"]["accounts"].as_array().is_none_or(Vec::is_empty));
        if gone { Ok(()) } else { Err(states(&roles)) }
    })
    .await
    .unwrap();
    assert_eq!(walk.roles(ACCOUNTS).await, Vec::new());
    println!(
        "left the selector: {} points, {made} roles had been made",
        created.len()
    );
}
