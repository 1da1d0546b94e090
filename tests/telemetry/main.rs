//! What the operator tells of itself: health, figures, the log. One scene, in which one cause after another is made, and
//! the chart's alerts are asked what they make of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod causes;
#[path = "../support/promtool.rs"]
mod promtool;
mod queue;
mod recording;
#[path = "../feed/records.rs"]
#[allow(dead_code)]
mod records;
#[path = "../support/mod.rs"]
mod support;

use std::time::{SystemTime, UNIX_EPOCH};

use causes::of;
use crossrole_testkit::figures::Scrape;
use crossrole_testkit::scene::PATIENCE;
use crossrole_testkit::simulator::{Effect, Match};
use crossrole_testkit::{Figures, Scene, eventually};
use jiff::Timestamp;
use queue::Queue;
use recording::Recording;
use serde_json::json;
use support::{PROD, STAGE, account, class, namespace, objects, role, with, yaml};

/// An account of which AWS wants fewer calls.
const BUSY: &str = "555555555555";

/// A series of `prod`.
fn of_prod(name: &str) -> String {
    format!("crossrole_{name}{{account_id=\"{PROD}\"}}")
}

/// A series of `stage`.
fn of_stage(name: &str) -> String {
    format!("crossrole_{name}{{account_id=\"{STAGE}\"}}")
}

/// How many entries in `prod` have this state.
fn in_state(state: &str) -> String {
    format!("crossrole_roles{{account_id=\"{PROD}\",state=\"{state}\"}}")
}

/// Waits until these series have these values. Gives all of them.
async fn wait_for(figures: &Figures, what: &str, expected: &[(String, f64)]) -> Scrape {
    eventually(PATIENCE, what, async || {
        let scrape = figures.scrape().await.map_err(|error| error.to_string())?;
        for (series, value) in expected {
            if scrape.get(series) != Some(value) {
                return Err(format!("{series}: {:?} instead of {value}", scrape.get(series)));
            }
        }
        Ok(scrape)
    })
    .await
    .unwrap()
}

/// Waits until one of these series is above zero.
async fn wait_for_some(figures: &Figures, what: &str, is_one: impl Fn(&str) -> bool) {
    eventually(PATIENCE, what, async || {
        let scrape = figures.scrape().await.map_err(|error| error.to_string())?;
        let mut found = scrape.iter().filter(|(series, _)| is_one(series));
        match found.clone().any(|(_, value)| *value > 0.0) {
            true => Ok(()),
            false => Err(format!("{:?}", found.next())),
        }
    })
    .await
    .unwrap();
}

/// Waits until the operator is ready, and says for what.
async fn wait_until_ready(figures: &Figures, what_for: &str) {
    eventually(PATIENCE, what_for, async || match figures.get("/readyz").await {
        Ok((200, text)) if text == what_for => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_cause_moves_its_figure_and_the_standby_takes_over_the_telling() {
    let settings = [
        "operator.clusterId=east",
        "operator.propagationDelay=1s,operator.maxRemovals=1",
        // Nobody waits for the end of the lease here: the first gives it back.
        "leaderElection.leaseDuration=60s,leaderElection.renewDeadline=40s,leaderElection.retryPeriod=1s",
    ];
    let mut scene = Scene::start_with(&[PROD, BUSY], &settings).await.unwrap();
    let queue = Queue::start().await;
    let endpoint = ("AWS_ENDPOINT_URL_SQS".to_owned(), queue.endpoint.clone());
    scene.container.env.push(endpoint);
    let takes_events = format!("--event-queue-url={}/111111111111/events", queue.endpoint);
    let folder = tempfile::tempdir().unwrap();
    let filter = folder.path().join("filter");
    let follows = format!("--log-filter-file={}", filter.display());
    let arguments = [
        "--resync-interval=1s",
        "--log-format=json",
        "--discover-organization",
        &takes_events,
        &follows,
    ];
    let mut first = scene.operator(&arguments).await.unwrap();
    let figures = Figures::of(&mut first, PATIENCE).await.unwrap();

    let mut recording = Recording::start();
    recording.scrape("first", &figures);

    // A role that is as declared, and one in all accounts with a label.
    let labelled = |name, id| with(account(name, id), "/metadata/labels", json!({"wave": "one"}));
    let objects = [
        namespace("security"),
        class("standard"),
        labelled("prod", PROD),
        labelled("busy", BUSY),
        role("audit"),
        causes::wave(),
    ];
    scene.control_plane.apply(&yaml(&objects)).await.unwrap();
    wait_for(&figures, "all is well", &[(in_state("Ready"), 2.0)]).await;
    recording.seen("all is well", 0.0, &[]).await;

    // One whose time ends, one that is refused, and an account without a way in.
    let from = recording.now().await;
    let end = Timestamp::from_second(Timestamp::now().as_second() + 12 * 3600).unwrap();
    let ends = with(role("ends"), "/spec/validity", json!({"notAfter": end.to_string()}));
    let refused = with(role("refused"), "/spec/trust/0/from/accounts/0", json!("999999999999"));
    let objects = [account("stage", STAGE), ends, refused];
    scene.control_plane.apply(&yaml(&objects)).await.unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let all = wait_for(
        &figures,
        "everything is told",
        &[
            (format!("crossrole_build_info{{version=\"{version}\"}}"), 1.0),
            ("crossrole_leader".into(), 1.0),
            (in_state("Ready"), 3.0),
            (in_state("Refused"), 1.0),
            ("crossrole_role_reasons{reason=\"TrustNotAllowed\"}".into(), 1.0),
            (
                "crossrole_next_validity_end_timestamp_seconds".into(),
                f64::from(u32::try_from(end.as_second()).unwrap()),
            ),
            (of_prod("account_ready"), 1.0),
            (of_stage("account_ready"), 0.0),
            (of_prod("aws_breaker_open"), 0.0),
            (of_stage("aws_breaker_open"), 1.0),
            (of_prod("orphans"), 0.0),
            (of_prod("drift_repaired_total"), 0.0),
            (
                "crossrole_aws_calls_total{action=\"iam:CreateRole\",code=\"OK\"}".into(),
                4.0,
            ),
        ],
    )
    .await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let expiry = all[&of_prod("credentials_expiry_timestamp_seconds")] - now;
    assert!((0.0..=3700.0).contains(&expiry), "{expiry}");
    let counted = [
        "crossrole_aws_calls_total{action=\"sts:AssumeRole\",code=\"AccessDenied\"}",
        "crossrole_aws_call_duration_seconds_count{action=\"iam:CreateRole\"}",
        "crossrole_kubernetes_writes_total{verb=\"patch\",resource=\"crossaccountroles/status\"}",
        "crossrole_reconciles_total{kind=\"CrossAccountRole\",outcome=\"Stalled\",reason=\"TrustNotAllowed\"}",
        "crossrole_reconciles_total{kind=\"AWSAccount\",outcome=\"Stalled\",reason=\"BootstrapDenied\"}",
        "crossrole_reconciles_total{kind=\"AccountClass\",outcome=\"Ready\",reason=\"InSync\"}",
        "crossrole_looks_total{outcome=\"Ready\",reason=\"InSync\"}",
    ];
    let counted: Vec<String> = counted
        .map(str::to_owned)
        .into_iter()
        .chain([of_prod("aws_account_calls_total")])
        .collect();
    for counter in counted {
        wait_for_some(&figures, "what happened is counted", |series| series == counter).await;
    }
    wait_until_ready(&figures, "working").await;
    let (prod, stage) = (of(PROD), of(STAGE));
    let expected = [
        ("CrossroleAccountNotReady", stage.as_str()),
        ("CrossroleRolesRefused", prod.as_str()),
        ("CrossroleValidityEnds", ""),
    ];
    recording.seen("what is declared", from, &expected).await;

    // Somebody edits a role, and leaves another with our tags behind.
    let from = recording.now().await;
    let edit = json!({"description": "by hand"});
    scene.simulator.edit_role(PROD, "audit", edit).await.unwrap();
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "sts:AssumeRole"}]});
    let tags = json!({"crossrole.dev/cluster": "east", "crossrole.dev/owner": "security/lost"});
    let lost = json!({"name": "lost", "path": "/crossrole/", "tags": tags, "trust": trust});
    scene.simulator.create_role(PROD, lost).await.unwrap();
    // The look that repaired it counts when it has ended.
    let ended = ("crossrole_looks_under_way".to_owned(), 0.0);
    let found = [(of_prod("drift_repaired_total"), 1.0), (of_prod("orphans"), 1.0), ended];
    wait_for(&figures, "drift and orphan are told", &found).await;
    let expected = [("CrossroleDrift", prod.as_str()), ("CrossroleOrphans", prod.as_str())];
    recording.seen("edits by hand", from, &expected).await;

    objects::delete(&scene, &["refused"]).await;
    causes::objects_that_stand_still(&scene, &figures, &mut recording).await;
    causes::too_many_removals(&scene, &figures, &mut recording).await;
    causes::aws_in_trouble(&scene, &figures, &mut recording).await;
    causes::leave_that_stays(&scene, &figures, &mut recording).await;
    causes::organization_unread(&scene, &figures, &mut recording).await;
    causes::event_queue_unread(&queue, &figures, &mut recording).await;
    causes::notices_parked(&scene, &queue, &figures, &mut recording).await;
    causes::nothing_ends(&scene, &figures, &mut recording).await;
    causes::no_right_to_report(&scene, &figures, &mut recording).await;
    causes::throttling(&scene, &figures, &mut recording).await;

    // A role that cannot be removed, until it can.
    let from = recording.now().await;
    let denied = Effect::Named("AccessDenied".into());
    let deletions = Match::action("DeleteRole").in_account(PROD);
    let denial = scene.simulator.add_fault(deletions, 1, 1000, denied).await.unwrap();
    objects::delete(&scene, &["ends"]).await;
    wait_for(&figures, "a removal that is denied", &[(in_state("Removing"), 1.0)]).await;
    let expected = [("CrossroleRolesNotRemoved", prod.as_str())];
    recording.seen("a removal is denied", from, &expected).await;
    scene.simulator.end_fault(denial).await.unwrap();

    // The log says more when its file says so, without a restart.
    assert!(!first.log().contains("\"DEBUG\""), "{}", first.log());
    std::fs::write(&filter, "crossrole=debug\n").unwrap();
    first
        .wait_for_line("the log has another filter", PATIENCE)
        .await
        .unwrap();
    let changed = with(role("audit"), "/spec/description", json!("changed"));
    scene.control_plane.apply(&yaml(&[changed])).await.unwrap();
    first.wait_for_line("\"level\":\"DEBUG\"", PATIENCE).await.unwrap();

    // The series of an account go with it.
    let delete = ["delete", "awsaccount", "stage", "--wait=false"];
    scene.control_plane.kubectl(delete).await.unwrap();
    eventually(PATIENCE, "the account is no longer told", async || {
        let (_, text) = figures.get("/metrics").await.map_err(|error| error.to_string())?;
        if text.contains(STAGE) { Err(text) } else { Ok(()) }
    })
    .await
    .unwrap();

    // A standby is ready and tells nothing of the accounts. It takes over the telling with the work.
    let mut second = scene.standby(&["--resync-interval=1s"]).await.unwrap();
    let others = Figures::of(&mut second, PATIENCE).await.unwrap();
    recording.scrape("second", &others);
    wait_until_ready(&others, "standing by").await;
    let (_, told) = others.get("/metrics").await.unwrap();
    assert!(
        told.contains("\ncrossrole_leader 0\n") && !told.contains(PROD),
        "{told}"
    );
    for operator in [&figures, &others] {
        assert_eq!(operator.get("/healthz").await.unwrap(), (200, "alive".to_owned()));
    }
    // Though one account lets it wait for most of its calls.
    let ended = first.stop().await.unwrap();
    assert!(ended.success(), "{ended}: {}", first.log());
    assert!(first.log().contains("the lease was given back"), "{}", first.log());
    let taken_over = [("crossrole_leader".to_owned(), 1.0), (of_prod("account_ready"), 1.0)];
    wait_for(&others, "the standby works", &taken_over).await;
    wait_until_ready(&others, "working").await;

    // One works without asking for the lease.
    let from = recording.now().await;
    let mut rival = scene.operator(&["--leader-elect=false"]).await.unwrap();
    let figures = Figures::of(&mut rival, PATIENCE).await.unwrap();
    recording.scrape("rival", &figures);
    wait_for(&figures, "two work", &[("crossrole_leader".to_owned(), 1.0)]).await;
    recording.seen("two work", from, &[("CrossroleTwoLeaders", "")]).await;
    rival.kill().await.unwrap();

    // The one that works is gone, without giving the lease back.
    let mut third = scene.standby(&[]).await.unwrap();
    let figures = Figures::of(&mut third, PATIENCE).await.unwrap();
    recording.scrape("third", &figures);
    let from = recording.now().await;
    second.kill().await.unwrap();
    recording
        .seen("the holder of the lease is gone", from, &[("CrossroleNoLeader", "")])
        .await;
    let from = recording.now().await;
    third.kill().await.unwrap();
    recording.seen("all are gone", from, &[("CrossroleDown", "")]).await;
    recording.judge();
}
