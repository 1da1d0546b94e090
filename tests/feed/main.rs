//! The feed of events, end to end: an operator that takes CloudTrail's events from a queue in moto, which others wrote, and works
//! in simulated accounts. `CROSSROLE_FEED=all`, as `make feed` sets it, means 10,000 events and ten kills; otherwise 200 and one.
//!
//! That the same manifests work without a feed is what every other test shows: none of them has one.
//!
//! | module | holds |
//! |---|---|
//! | `queue` | the queue, in a moto server |
//! | `records` | records of CloudTrail |
//! | `told` | whoever is told by notices |
//! | `trouble` | Kubernetes that does not take what counts |

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/emulators.rs"]
mod emulators;
#[path = "../support/python.rs"]
mod python;
mod queue;
#[path = "../../src/notices/tests/receiver.rs"]
#[allow(dead_code)]
mod receiver;
mod records;
#[path = "../support/mod.rs"]
mod support;
mod told;
mod trouble;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crossrole_testkit::scene::{IDENTITY_ACCOUNT, PATIENCE};
use crossrole_testkit::tools::workspace;
use crossrole_testkit::{Figures, Operator, Scene, eventually};
use jiff::Timestamp;
use python::{python_with, say};
use queue::Queue;
use records::{By, change, uses};
use serde_json::{Value, json};
use support::{PROD, account, class, namespace, objects, role, with, yaml};
use told::Told;

/// What the operator's sessions are called.
const SESSION: &str = "crossrole-east";

/// A queue, and a scene whose operator takes events from it.
async fn stage() -> Option<(Queue, Scene, emulators::Folder)> {
    let python = python_with("moto", &workspace().join("tests/moto-requirements.txt"))?;
    let folder = emulators::Folder::new(&format!("feed-{:?}", std::thread::current().id()));
    let queue = Queue::start(&python, &folder.0).await;
    let settings = [
        "leaderElection.enabled=false,operator.resyncInterval=24h,operator.clusterId=east",
        &format!("operator.eventQueueUrl={}", queue.url),
    ];
    let mut scene = Scene::start_with(&[PROD], &settings).await.unwrap();
    let endpoint = ("AWS_ENDPOINT_URL_SQS".to_owned(), queue.endpoint.clone());
    scene.container.env.push(endpoint);
    Some((queue, scene, folder))
}

/// The ARNs of the objects' roles in `prod`, by name, once so many are there.
async fn role_arns(scene: &Scene, count: usize) -> BTreeMap<String, String> {
    let arns = eventually(PATIENCE * 5, "the roles are there", async || {
        let roles = objects::list(scene, "xar", "").await;
        let ready = roles.iter().filter(|(_, role)| objects::is_ready(role));
        let ready: Vec<_> = ready.collect();
        if ready.len() < count {
            return Err(ready.len());
        }
        let arn = |role: &Value| role["status"]["accounts"][0]["roleArn"].as_str().unwrap().to_owned();
        Ok(ready
            .into_iter()
            .map(|(name, role)| (name.clone(), arn(role)))
            .collect())
    });
    arns.await.unwrap()
}

/// All Events of the namespace with one of these reasons.
async fn events(scene: &Scene, reasons: &[&str]) -> Vec<Value> {
    let get = [
        "get",
        "events.events.k8s.io",
        "--namespace",
        "security",
        "--output",
        "json",
    ];
    let list: Value = serde_json::from_str(&scene.control_plane.kubectl(get).await.unwrap()).unwrap();
    let events = list["items"].as_array().unwrap().iter();
    let wanted = events.filter(|event| reasons.iter().any(|reason| event["reason"] == *reason));
    wanted.cloned().collect()
}

/// How many uses Events have counted, by object and reason.
async fn counted(scene: &Scene) -> BTreeMap<(String, String), u64> {
    let mut counted = BTreeMap::new();
    for event in events(scene, &["Assumed", "AssumeDenied"]).await {
        let text = |pointer: &str| event.pointer(pointer).unwrap().as_str().unwrap().to_owned();
        let count = event["series"]["count"].as_u64().unwrap_or(1);
        let marks = event["metadata"]["annotations"]["crossrole.dev/counted"]
            .as_str()
            .unwrap();
        assert_eq!(marks.len() as u64, count * 8, "{event:#}");
        *counted.entry((text("/regarding/name"), text("/reason"))).or_default() += count;
    }
    counted
}

/// An order that is always the same and looks like none.
fn shuffle(messages: &mut [String]) {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for index in (1..messages.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        messages.swap(index, usize::try_from(state % (index as u64 + 1)).unwrap());
    }
}

const GARBAGE: [&str; 5] = [
    "not json, hunter2",
    "\"hunter2\"",
    "{\"detail-type\": \"hunter2\"}",
    "{\"detail-type\": \"AWS API Call via CloudTrail\", \"detail\": {\"eventName\": \"hunter2\"}}",
    "[[[[[[[[[[ hunter2",
];

#[tokio::test(flavor = "multi_thread")]
async fn no_use_is_lost_and_none_counts_twice_whatever_the_queue_holds_and_however_often_the_operator_dies() {
    let (number, kills) = match std::env::var("CROSSROLE_FEED") {
        Ok(all) if all == "all" => (10_000, 10),
        _ => (200, 1),
    };
    let Some((queue, scene, _folder)) = stage().await else {
        return;
    };
    let names: Vec<String> = (0..10).map(|number| format!("role-{number}")).collect();
    let mut objects = vec![namespace("security"), class("standard"), account("prod", PROD)];
    objects.extend(names.iter().map(|name| role(name)));
    scene.control_plane.apply(&yaml(&objects)).await.unwrap();
    let mut operator = scene.operator(&[]).await.unwrap();
    let arns = role_arns(&scene, names.len()).await;

    // Uses of half an hour, with duplicates, of roles that are ours and some that are not, in no order.
    let now = Timestamp::now().as_second();
    let mut messages = Vec::new();
    let mut expected = BTreeMap::new();
    for use_number in 0..number {
        let by = [By::Neighbour, By::User, By::Stranger, By::Denied, By::WebIdentity][use_number % 5];
        let which = use_number / 5 % names.len();
        let ago = i64::try_from(use_number % 1_800).unwrap();
        let time = Timestamp::from_second(now - ago).unwrap().to_string();
        let told = uses(by, use_number, &arns[&names[which]], PROD, &time);
        if use_number % 7 == 0 {
            messages.extend(told.iter().cloned());
        }
        messages.extend(told);
        let reason = if matches!(by, By::Denied) {
            "AssumeDenied"
        } else {
            "Assumed"
        };
        *expected.entry((names[which].clone(), reason.to_owned())).or_insert(0) += 1;
        if use_number % 50 == 0 {
            messages.extend(uses(
                by,
                use_number,
                "arn:aws:iam::222222222222:role/Other",
                PROD,
                &time,
            ));
        }
    }
    let garbage = number / 100;
    messages
        .extend((0..garbage).map(|number| format!("{}{}", GARBAGE[number % GARBAGE.len()], " ".repeat(number / 5))));
    shuffle(&mut messages);
    let total = messages.len();
    queue.send(&messages);

    let began = Instant::now();
    for kill in 1..=kills {
        let until = total - total * kill / (kills + 1);
        eventually(PATIENCE * 5, "messages are handled", async || {
            let (left, _) = queue.left();
            if left <= until { Ok(()) } else { Err(left) }
        })
        .await
        .unwrap_or_else(|error| panic!("{error}\n{}", operator.log()));
        operator.kill().await.unwrap();
        operator = scene.operator(&[]).await.unwrap();
        say(
            "feed",
            &format!("kill {kill} after {:.1} s", began.elapsed().as_secs_f32()),
        );
    }
    eventually(PATIENCE * 5, "every use is counted", async || {
        // What nobody can read is in the queue, or among the dead letters already.
        let (left, dead) = queue.left();
        if left + dead <= garbage {
            Ok(())
        } else {
            Err(left + dead)
        }
    })
    .await
    .unwrap_or_else(|error| panic!("{error}\n{}", operator.log()));
    let took = began.elapsed();
    // What nobody can read is received again and again, until it is among the dead letters.
    eventually(PATIENCE * 5, "what cannot be read is set aside", async || {
        queue.show();
        match queue.left() {
            (0, dead) => Ok(dead),
            left => Err(format!("{left:?}")),
        }
    })
    .await
    .map(|dead| assert_eq!(dead, garbage, "{}", operator.log()))
    .unwrap();
    assert_eq!(counted(&scene).await, expected);

    let events = events(&scene, &["Assumed", "AssumeDenied"]).await;
    say(
        "feed",
        &format!(
            "{number} uses in {total} messages, {kills} kills: {:.1} s, in {} Events; {garbage} messages that nobody can read",
            took.as_secs_f32(),
            events.len()
        ),
    );
    eventually(PATIENCE, "status says who last assumed each role", async || {
        let roles = objects::list(&scene, "xar", "").await;
        let mut without = roles.values().filter(|role| {
            let last = &role["status"]["accounts"][0]["lastAssumed"];
            !last["principal"].is_string() || !last["mfa"].is_string()
        });
        without.next().map_or(Ok(()), |role| Err(role["status"].to_string()))
    })
    .await
    .unwrap();
    let log = operator.log();
    assert!(log.contains("cannot be read") && !log.contains("hunter2"), "{log}");
    assert!(operator.stop().await.unwrap().success());
}

/// Waits until a role's trust is this again. Says how long that took.
async fn repaired(scene: &Scene, declared: &Value, operator: &Operator) -> Duration {
    let began = Instant::now();
    eventually(Duration::from_secs(5), "the repair", async || {
        let trust = scene.simulator.role(PROD, "audit").await.unwrap().unwrap().trust;
        if trust == *declared {
            Ok(())
        } else {
            Err(trust.to_string())
        }
    })
    .await
    .unwrap_or_else(|error| panic!("{error}\n{}", operator.log()));
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hand_edit_is_put_back_when_its_event_comes_and_nothing_else_is_asked() {
    let Some((queue, mut scene, folder)) = stage().await else {
        return;
    };
    let (receivers, arguments) = Told::start(&mut scene, &folder.0).await;
    let shut = with(role("shut"), "/metadata/namespace", json!(trouble::SHUT));
    let others = (0..2).map(|number| role(&format!("other-{number}"))).chain([shut]);
    let objects = [
        namespace("security"),
        namespace(trouble::SHUT),
        with(
            receivers.class(),
            "/spec/allowedNamespaces/names",
            json!(["security", trouble::SHUT]),
        ),
        account("prod", PROD),
        with(role("audit"), "/spec/notify", Told::of_everything("hung")),
    ];
    let objects: Vec<Value> = objects.into_iter().chain(others).collect();
    scene.control_plane.apply(&yaml(&objects)).await.unwrap();
    let arguments = [&arguments[0], &arguments[1], "--propagation-delay=1s"];
    let mut operator = scene.operator(&arguments).await.unwrap();
    let figures = Figures::of(&mut operator, PATIENCE).await.unwrap();
    let arn = role_arns(&scene, 3).await["audit"].clone();
    support::wait_for_roles_in_prod(&scene, 4).await;
    let declared = scene.simulator.role(PROD, "audit").await.unwrap().unwrap().trust;
    let time = || Timestamp::now().to_string();

    // Our own calls, as CloudTrail tells them, ask for nothing.
    let before = scene.simulator.last_call().await.unwrap();
    let own = ("crossrole-bootstrap", SESSION);
    queue.send(&[change("UpdateAssumeRolePolicy", "own-1", "audit", PROD, own, &time())]);
    let handled = |outcome: &str| format!("crossrole_event_queue_messages_total{{outcome=\"{outcome}\"}}");
    wait_for(&figures, &handled("Own"), 1.0).await;

    // While a use waits that cannot be counted, somebody edits the trust policy of another role by hand.
    trouble::shut(&scene).await;
    let where_shut = trouble::UseWhereShut::begin(&queue, &figures, &arn.replace("/audit", "/shut")).await;
    let open = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "999999999999"}, "Action": "sts:AssumeRole"}]});
    scene
        .simulator
        .edit_role(PROD, "audit", json!({"trust": open}))
        .await
        .unwrap();
    assert_eq!(scene.simulator.last_call().await.unwrap(), before, "nobody has looked");
    let event = change(
        "UpdateAssumeRolePolicy",
        "hand-1",
        "audit",
        PROD,
        ("Admin", "mallory"),
        &time(),
    );
    queue.send(&[event.clone(), event]);
    let took = repaired(&scene, &declared, &operator).await;
    wait_for(&figures, &handled("Change"), 1.0).await;
    wait_for(
        &figures,
        &format!("crossrole_role_changes_outside_total{{account_id=\"{PROD}\"}}"),
        1.0,
    )
    .await;
    wait_for(
        &figures,
        &format!("crossrole_drift_repaired_total{{account_id=\"{PROD}\"}}"),
        1.0,
    )
    .await;
    assert_eq!(queue.left(), (1, 0), "the duplicate is deleted too");
    let calls = scene.simulator.calls(before).await.unwrap();
    let of_others: Vec<_> = calls
        .iter()
        .filter(|call| call.role.as_deref() != Some("audit"))
        .collect();
    assert!(of_others.is_empty(), "{of_others:#?}");
    let writes = calls.iter().filter(|call| call.kind == "write").count();
    say(
        "feed",
        &format!(
            "a hand edit is put back {took:?} after its event was sent: {} calls, {writes} of them writes",
            calls.len()
        ),
    );
    assert_eq!(writes, 1, "{calls:#?}");
    let told = events(&scene, &["ChangedOutside"]).await;
    assert_eq!(told.len(), 1, "{told:#?}");
    let note = told[0]["note"].as_str().unwrap();
    let expected =
        "account prod: arn:aws:sts::222222222222:assumed-role/Admin/mallory called UpdateAssumeRolePolicy, first at ";
    assert!(note.starts_with(expected), "{note}");

    // Somebody assumes it.
    let used = uses(By::User, 1, &arn, PROD, &time());
    queue.send(&used[1..]);
    queue.send(&used[..1]);
    let counted = format!(
        "crossrole_role_uses_total{{account_id=\"{PROD}\",principal_type=\"IAMUser\",mfa=\"No\",outcome=\"Granted\"}}"
    );
    wait_for(&figures, &counted, 1.0).await;
    let status = eventually(PATIENCE, "status says who assumed it", async || {
        let role = scene
            .get("crossaccountrole", "security", "audit")
            .await
            .map_err(|error| error.to_string())?;
        let last = role["status"]["accounts"][0]["lastAssumed"].clone();
        if last.is_object() {
            Ok(last)
        } else {
            Err(role["status"].to_string())
        }
    });
    let status = status.await.unwrap();
    assert_eq!(status["principal"], format!("{IDENTITY_ACCOUNT}:user/person-1"));
    assert_eq!(status["mfa"], "No");
    // It stays when the object is looked at again, and is not written again so soon.
    let second = with(role("audit"), "/spec/description", json!("changed"));
    let second = with(second, "/spec/notify", Told::of_everything("hung"));
    scene.control_plane.apply(&yaml(&[second])).await.unwrap();
    let role = scene.wait_for_ready("security", "audit", "True").await.unwrap();
    queue.send(&uses(By::Neighbour, 7, &arn, PROD, &time()));
    wait_for(&figures, &counted, 2.0).await;
    let again = scene.get("crossaccountrole", "security", "audit").await.unwrap();
    assert_eq!(role["status"]["accounts"][0]["lastAssumed"], status);
    assert_eq!(
        again["metadata"]["resourceVersion"],
        role["metadata"]["resourceVersion"]
    );
    queue.send(&uses(By::Denied, 3, &arn, PROD, &time()));
    let (user, mallory) = (
        format!("arn:aws:iam::{IDENTITY_ACCOUNT}:user/person-1"),
        "arn:aws:sts::222222222222:assumed-role/Admin/mallory",
    );
    where_shut.end(&queue).await;
    let expected = [
        (
            "hand-1",
            "dev.crossrole.role.changedoutside",
            json!({"principal": mallory, "eventName": "UpdateAssumeRolePolicy"}),
        ),
        (
            "id-1013",
            "dev.crossrole.role.assumed",
            json!({"principalType": "WebIdentityUser"}),
        ),
        (
            "id-3",
            "dev.crossrole.role.denied",
            json!({"errorCode": "AccessDenied"}),
        ),
        (
            "id-7",
            "dev.crossrole.role.assumed",
            json!({"roleArn": arn, "mfa": "No"}),
        ),
        (
            "shared-1",
            "dev.crossrole.role.assumed",
            json!({"principal": user, "sourceIp": "203.0.113.7"}),
        ),
    ];
    receivers.told(&figures, &expected).await;
    trouble::an_event_that_somebody_else_spoiled(&scene, &queue, &figures, &arn, 2.0).await;
    trouble::no_answer(&mut scene, &queue, &figures, &arn, 4.0).await;
    assert!(operator.stop().await.unwrap().success());
    let log = operator.log();
    assert!(log.contains("GivenUp"), "what nobody took is counted: {log}");
    let told = |line: &&str| line.contains("assumed by token.example.com:repo-3");
    assert!(
        log.lines().any(|line| told(&line)),
        "what has no Event is in the log: {log}"
    );
}

async fn wait_for(figures: &Figures, series: &str, value: f64) {
    eventually(PATIENCE, series, async || {
        let scrape = figures.scrape().await.map_err(|error| error.to_string())?;
        match scrape.get(series) {
            Some(found) if (found - value).abs() < f64::EPSILON => Ok(()),
            found => Err(format!("{found:?}")),
        }
    })
    .await
    .unwrap();
}
