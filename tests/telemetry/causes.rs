//! Causes of alerts: each is made, seen in the figures, and mended.

use std::time::Instant;

use crossrole_testkit::figures::Scrape;
use crossrole_testkit::scene::{IDENTITY_ACCOUNT, PATIENCE, set_up_target_account};
use crossrole_testkit::simulator::{Effect, Fault, Match};
use crossrole_testkit::{Figures, Scene, eventually};
use serde_json::{Value, json};

use super::queue::Queue;
use super::recording::Recording;
use super::records::{By, uses};
use super::support::{PROD, account, class, grant, granting, objects, role, with, yaml};
use super::{BUSY, wait_for, wait_for_some};

/// Waits until the figures are as this function wants them.
async fn until(figures: &Figures, what: &str, mut as_wanted: impl FnMut(&Scrape) -> bool) {
    eventually(PATIENCE, what, async || {
        let scrape = figures.scrape().await.map_err(|error| error.to_string())?;
        if as_wanted(&scrape) {
            Ok(())
        } else {
            Err(format!("{scrape:#?}"))
        }
    })
    .await
    .unwrap();
}

/// How much all series of a counter have counted, those that these words are in.
fn counted(scrape: &Scrape, words: &[&str]) -> f64 {
    let of = scrape
        .iter()
        .filter(|(series, _)| words.iter().all(|word| series.contains(word)));
    of.map(|(_, value)| value).sum()
}

/// An object selects no account.
pub async fn objects_that_stand_still(scene: &Scene, figures: &Figures, recording: &mut Recording) {
    let from = recording.now().await;
    let nowhere = json!({"selector": {"matchLabels": {"wave": "nowhere"}}});
    let nowhere = with(role("nowhere"), "/spec/accounts", nowhere);
    scene.control_plane.apply(&yaml(&[nowhere])).await.unwrap();
    let stalled = "crossrole_objects_stalled{kind=\"CrossAccountRole\",reason=\"NoAccounts\"}";
    wait_for(figures, "an object that stands still", &[(stalled.to_owned(), 1.0)]).await;
    let expected = [("CrossroleObjectsStalled", "kind=\"CrossAccountRole\"")];
    recording.seen("objects stand still", from, &expected).await;
    objects::delete(scene, &["nowhere"]).await;
    until(figures, "no object stands still", |scrape| {
        !scrape.contains_key(stalled)
    })
    .await;
}

/// A role in two accounts loses both at once, because somebody changes a label, and one may go unasked.
pub async fn too_many_removals(scene: &Scene, figures: &Figures, recording: &mut Recording) {
    let relabel = async |label: &str| {
        let arguments = ["label", "awsaccount", "prod", "busy", "--overwrite", label];
        scene.control_plane.kubectl(arguments).await.unwrap();
    };
    let held = "crossrole_role_reasons{reason=\"TooManyRemovals\"}";
    let from = recording.now().await;
    relabel("wave=none").await;
    wait_for(figures, "removals that are held", &[(held.to_owned(), 2.0)]).await;
    let (prod, busy) = (of(PROD), of(BUSY));
    let expected = [
        ("CrossroleRemovalsHeld", ""),
        ("CrossroleRolesNotRemoved", prod.as_str()),
        ("CrossroleRolesNotRemoved", busy.as_str()),
    ];
    recording.seen("a label goes", from, &expected).await;
    relabel("wave=one").await;
    until(figures, "nothing is held", |scrape| !scrape.contains_key(held)).await;
}

/// A role in each account with a label.
pub fn wave() -> Value {
    let wave = json!({"selector": {"matchLabels": {"wave": "one"}}});
    with(role("wave"), "/spec/accounts", wave)
}

/// IAM fails, and somebody changes a role in two accounts.
pub async fn aws_in_trouble(scene: &Scene, figures: &Figures, recording: &mut Recording) {
    let from = recording.now().await;
    let failing = Effect::Named("ServiceFailure".into());
    let failing = Fault::new(Match::service("iam"), failing).for_ever();
    let failing = scene.simulator.fault(&failing).await.unwrap();
    let changed = with(wave(), "/spec/description", json!("in vain"));
    scene.control_plane.apply(&yaml(&[changed])).await.unwrap();
    let (prod, busy) = (of(PROD), of(BUSY));
    let retrying = [&prod, &busy].map(|account| format!("crossrole_roles{{{account},state=\"Retrying\"}}"));
    until(figures, "roles that are tried again", |scrape| {
        retrying.iter().all(|series| scrape.contains_key(series))
    })
    .await;
    let expected = [
        ("CrossroleAWSFails", ""),
        ("CrossroleRolesRetrying", prod.as_str()),
        ("CrossroleRolesRetrying", busy.as_str()),
    ];
    recording.seen("IAM fails", from, &expected).await;
    scene.simulator.end_fault(failing).await.unwrap();
    until(figures, "no role is tried again", |scrape| {
        !retrying.iter().any(|series| scrape.contains_key(series))
    })
    .await;
}

/// A grant goes, and its policy cannot be removed, until it can.
pub async fn leave_that_stays(scene: &Scene, figures: &Figures, recording: &mut Recording) {
    set_up_target_account(&scene.simulator, IDENTITY_ACCOUNT).await.unwrap();
    granting::make_grant_role(scene, IDENTITY_ACCOUNT, granting::document("grant-permissions.json")).await;
    granting::let_operator_grant(scene).await;
    granting::make_group(scene, IDENTITY_ACCOUNT, "SecAuditors").await;
    let objects = [
        granting::class("granting", &["security"]),
        with(account("identity", IDENTITY_ACCOUNT), "/spec/class", json!("granting")),
        with(
            grant("auditors", "identity"),
            "/spec/roles",
            json!({"names": ["audit"]}),
        ),
    ];
    scene.control_plane.apply(&yaml(&objects)).await.unwrap();
    let of_identity = of(IDENTITY_ACCOUNT);
    let granted = format!("crossrole_grants{{{of_identity},");
    let is_ready = [(format!("{granted}state=\"Ready\"}}"), 1.0)];
    wait_for(figures, "the grant is there", &is_ready).await;

    let from = recording.now().await;
    let denied = Effect::Named("AccessDenied".into());
    let denial = Fault::new(Match::action("DeletePolicy"), denied).for_ever();
    let denial = scene.simulator.fault(&denial).await.unwrap();
    let delete = ["delete", "arg", "auditors", "--namespace=security", "--wait=false"];
    scene.control_plane.kubectl(delete).await.unwrap();
    until(figures, "a policy that stays", |scrape| {
        let mut grants = scrape.keys().filter(|series| series.starts_with(&granted));
        grants.any(|series| !series.contains("\"Ready\""))
    })
    .await;
    let expected = [("CrossroleGrantsNotReady", of_identity.as_str())];
    recording.seen("leave cannot be taken back", from, &expected).await;
    scene.simulator.end_fault(denial).await.unwrap();
    until(figures, "the grant is gone", |scrape| {
        !scrape.keys().any(|series| series.starts_with("crossrole_grants"))
    })
    .await;
}

/// A class asks for the accounts of an organisation, which the account of the operator is not in.
pub async fn organization_unread(scene: &Scene, figures: &Figures, recording: &mut Recording) {
    let from = recording.now().await;
    let discovery = json!({"organizationalUnits": ["ou-a1b2-c3d4e5f6"]});
    let discovering = with(class("standard"), "/spec/discovery", discovery);
    scene.control_plane.apply(&yaml(&[discovering])).await.unwrap();
    let series = "crossrole_organization_unread";
    until(figures, "the organisation cannot be read", |scrape| {
        scrape.get(series) == Some(&1.0)
    })
    .await;
    let expected = [("CrossroleOrganizationUnread", "")];
    recording.seen("the organisation cannot be read", from, &expected).await;
    scene.control_plane.apply(&yaml(&[class("standard")])).await.unwrap();
    until(figures, "nobody asks for the organisation", |scrape| {
        !scrape.contains_key(series)
    })
    .await;
}

/// The operator loses the right to take messages from the event queue.
pub async fn event_queue_unread(queue: &Queue, figures: &Figures, recording: &mut Recording) {
    let series = "crossrole_event_queue_unread";
    let is = |value: f64| move |scrape: &Scrape| scrape.get(series) == Some(&value);
    until(figures, "the event queue is read", is(0.0)).await;
    let from = recording.now().await;
    queue.refuses(true);
    until(figures, "the event queue cannot be read", is(1.0)).await;
    let expected = [("CrossroleEventQueueUnread", "")];
    recording.seen("the event queue cannot be read", from, &expected).await;
    queue.refuses(false);
    until(figures, "the event queue is read again", is(0.0)).await;
}

/// Somebody is to be told of a use, and there is nothing to sign it with.
pub async fn notices_parked(scene: &Scene, queue: &Queue, figures: &Figures, recording: &mut Recording) {
    let from = recording.now().await;
    let notifiers = json!([{"name": "pager", "url": "https://pager.example.com", "secretFile": "pager/secret"}]);
    let telling = with(class("standard"), "/spec/notifiers", notifiers);
    let telling = with(telling, "/spec/notify", json!({"of": ["Assumed"], "to": "pager"}));
    scene.control_plane.apply(&yaml(&[telling])).await.unwrap();
    eventually(PATIENCE, "the class was looked at", async || {
        let get = ["get", "accountclass", "standard", "--output", "json"];
        let class: Value = serde_json::from_str(&scene.control_plane.kubectl(get).await.unwrap()).unwrap();
        let (seen, generation) = (&class["status"]["observedGeneration"], &class["metadata"]["generation"]);
        if seen == generation {
            Ok(())
        } else {
            Err(class["status"].to_string())
        }
    })
    .await
    .unwrap();
    let role = scene.get("crossaccountrole", "security", "audit").await.unwrap();
    let arn = role["status"]["accounts"][0]["roleArn"].as_str().unwrap();
    let now = jiff::Timestamp::now().to_string();
    uses(By::Neighbour, 0, arn, PROD, &now)
        .into_iter()
        .for_each(|used| queue.send(used));
    let series = "crossrole_notifier_parked{notifier=\"standard/pager\"}";
    until(figures, "the notice is parked", |scrape| {
        scrape.get(series) == Some(&1.0)
    })
    .await;
    let expected = [("CrossroleNoticesParked", "")];
    recording.seen("nobody takes a notice", from, &expected).await;
    scene.control_plane.apply(&yaml(&[class("standard")])).await.unwrap();
    until(figures, "the notifier has gone", |scrape| !scrape.contains_key(series)).await;
}

/// No call of IAM comes to an end.
pub async fn nothing_ends(scene: &Scene, figures: &Figures, recording: &mut Recording) {
    let hold = Fault::new(Match::service("iam"), Effect::Hold).for_ever();
    let hold = scene.simulator.fault(&hold).await.unwrap();
    let mut seen = (recording.now().await, Instant::now(), -1.0);
    until(figures, "looks that do not end", |scrape| {
        let ended = counted(scrape, &["crossrole_looks_total"]);
        if (seen.2 - ended).abs() > 0.5 || scrape["crossrole_looks_under_way"] < 1.0 {
            seen = (recording.elapsed(), Instant::now(), ended);
        }
        seen.1.elapsed().as_secs() >= 3
    })
    .await;
    recording
        .seen("calls are not answered", seen.0, &[("CrossroleStuck", "")])
        .await;
    scene.simulator.end_fault(hold).await.unwrap();
}

/// The operator loses the right to report.
pub async fn no_right_to_report(scene: &Scene, figures: &Figures, recording: &mut Recording) {
    let control_plane = &scene.control_plane;
    let rights = ["get", "clusterrole", "crossrole", "--output", "jsonpath={.rules}"];
    let rights = control_plane.kubectl(rights).await.unwrap();
    let fewer = rights.replace("\"crossaccountroles/status\",", "");
    assert_ne!(fewer, rights);
    let replace = async |rules: &str| {
        let patch = format!("[{{\"op\": \"replace\", \"path\": \"/rules\", \"value\": {rules}}}]");
        let patch = ["patch", "clusterrole", "crossrole", "--type=json", "--patch", &patch];
        control_plane.kubectl(patch).await.unwrap();
    };
    let from = recording.now().await;
    replace(&fewer).await;
    let asked = ["audit", "wave"];
    objects::ask(scene, &asked, "now").await;
    let refused = ["crossrole_kubernetes_failures_total", "\"CrossAccountRole\"", "\"403\""];
    until(figures, "reports that are refused again", |scrape| {
        counted(scrape, &refused) > 2.5
    })
    .await;
    let expected = [("CrossroleKubernetesFails", "kind=\"CrossAccountRole\", code=\"403\"")];
    recording.seen("a right is missing", from, &expected).await;
    replace(&rights).await;
}

/// AWS asks for fewer calls than the roles of an account need. It stays like that.
pub async fn throttling(scene: &Scene, figures: &Figures, recording: &mut Recording) {
    scene.simulator.throttle(BUSY, 0.5, 1.0).await.unwrap();
    let (from, begun) = (recording.now().await, Instant::now());
    let roles = ["one", "two", "three", "four"];
    let roles = roles.map(|name| with(role(name), "/spec/accounts/names/0", json!("busy")));
    scene.control_plane.apply(&yaml(&roles)).await.unwrap();
    // Which call it is that AWS refuses, is chance.
    let refused = |series: &str| series.starts_with("crossrole_aws_calls_total") && series.contains("\"Throttling\"");
    wait_for_some(figures, "what was refused is told", refused).await;
    let waiting = format!("crossrole_aws_wait_seconds_total{{account_id=\"{BUSY}\"}}");
    let before = figures.scrape().await.unwrap()[&waiting];
    until(figures, "calls that wait longer than time goes by", |scrape| {
        scrape[&waiting] - before > 1.5 * begun.elapsed().as_secs_f64()
    })
    .await;
    recording
        .seen("AWS throttles", from, &[("CrossroleThrottled", &of(BUSY))])
        .await;
}

/// The label that names an account.
pub fn of(account: &str) -> String {
    format!("account_id=\"{account}\"")
}
