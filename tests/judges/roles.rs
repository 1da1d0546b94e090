//! Roles that the operator made, and who can assume them: one role for each kind of trust.
//!
//! The operator works on a real control plane, first with MiniStack as its AWS, then with the simulator. The same callers
//! ask in both places.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_iam::config::Credentials;
use crossrole_testkit::tools::workspace;
use crossrole_testkit::{Operator, Scene, eventually, scene};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::judge::{Judge, Verdict};
use super::ministack::{MiniStack, let_the_operator_grant, let_the_operator_in, set_up_accounts};
use super::report::{Judged, report};
use super::table::{Ask, Expected, ORGANIZATION, RoleRow, TARGET, World, expectations, read, text};

const NAMESPACE: &str = "security";

fn rows(organization: &str) -> Vec<RoleRow> {
    let files = ["roles/aws.yaml", "roles/outside.yaml", "roles/requirements.yaml"];
    let rows = files.map(|file| read::<Vec<RoleRow>>(file, organization)).into_iter();
    rows.flatten().collect()
}

struct Question<'a> {
    role: &'a str,
    expected: Expected,
    ask: &'a Ask,
    /// Whether it is asked after the object was changed.
    later: bool,
}

fn questions<'a>(rows: &'a [RoleRow]) -> Vec<Question<'a>> {
    let mut questions = Vec::new();
    for row in rows {
        let mut add = |can: &'a [Ask], cannot: &'a [Ask], later: bool| {
            questions.extend(expectations(can, cannot).map(|(expected, ask)| Question {
                role: &row.role,
                expected,
                ask,
                later,
            }));
        };
        add(&row.can, &row.cannot, false);
        if let Some(changed) = &row.later {
            add(&changed.can, &changed.cannot, true);
        }
    }
    questions
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_the_operator_made_lets_in_whom_it_should_and_nobody_else() {
    let world = World::read();
    let (scene, ministack) = tokio::join!(Scene::start(&[TARGET]), MiniStack::start());
    let scene = scene.unwrap();
    let organization = ministack.as_ref().map_or(ORGANIZATION, |held| &held.organization);
    set_up_accounts(&scene.simulator, &world, organization).await;
    let rows = rows(organization);
    let questions = questions(&rows);
    let manifests = text("manifests.yaml", organization);
    scene.control_plane.apply(&manifests).await.unwrap();

    let mut theirs: Vec<_> = questions.iter().map(|_| None).collect();
    if let Some(ministack) = &ministack {
        let mut judge = Judge::emulator(ministack, &scene.simulator, &world).await;
        let keys = let_the_operator_in(&mut judge).await;
        let_the_operator_grant(&judge).await;
        let mut operator = operator_in(&scene, ministack, &keys).await;
        let can_judge = |ask: &Ask| world.cannot_judge(ask).is_none();
        theirs = ask_all(&scene, &judge, &rows, &questions, can_judge).await;
        delete_all(&scene).await;
        operator.stop().await.unwrap();
    }

    let judge = Judge::simulator(&scene.simulator, &world).await;
    let_the_operator_grant(&judge).await;
    let mut operator = scene.operator(&["--resync-interval=24h"]).await.unwrap();
    let mut ours = ask_all(&scene, &judge, &rows, &questions, |ask| ask.request.at.is_none()).await;
    // What is written into AWS holds while nobody watches over it.
    operator.stop().await.unwrap();
    ask_in_the_future(&scene, &judge, &questions, &mut ours).await;

    let mut judged = Vec::new();
    for (question, (simulator, ministack)) in questions.iter().zip(ours.into_iter().zip(theirs)) {
        judged.push(Judged {
            role: Some(question.role),
            expected: question.expected,
            ask: question.ask,
            simulator: simulator.unwrap(),
            ministack,
        });
    }
    report(&format!("{} roles that the operator made", rows.len()), &world, &judged);
}

/// The operator as its chart runs it, with MiniStack as its AWS.
pub(super) async fn operator_in(scene: &Scene, ministack: &MiniStack, keys: &Credentials) -> Operator {
    let environment = [
        ("AWS_ENDPOINT_URL", ministack.endpoint.as_str()),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", keys.access_key_id()),
        ("AWS_SECRET_ACCESS_KEY", keys.secret_access_key()),
        ("AWS_SESSION_TOKEN", keys.session_token().unwrap_or_default()),
    ];
    let arguments = ["--resync-interval=24h"];
    let started = Operator::start_as_installed(&scene.control_plane, &scene.container, &arguments, &environment);
    let mut operator = started.await.unwrap();
    let line = operator.wait_for_line("crossrole is ready", scene::PATIENCE);
    line.await.unwrap();
    operator
}

/// Applies all objects, lets everybody ask, and again after the objects were changed. `None` for what was not asked.
async fn ask_all(
    scene: &Scene,
    judge: &Judge<'_>,
    rows: &[RoleRow],
    questions: &[Question<'_>],
    is_asked: impl Fn(&Ask) -> bool,
) -> Vec<Option<Verdict>> {
    let mut verdicts: Vec<_> = questions.iter().map(|_| None).collect();
    for later in [false, true] {
        let spec = |row: &RoleRow| match (&row.later, later) {
            (_, false) => Some(row.spec.clone()),
            (Some(changed), true) => Some(changed.spec.clone()),
            (None, true) => None,
        };
        let objects = rows.iter().filter_map(|row| Some(object(&row.role, spec(row)?)));
        let objects = objects.chain([grant()]);
        let objects: String = objects.map(|object| format!("---\n{object}\n")).collect();
        scene.control_plane.apply(&objects).await.unwrap();
        let roles = ready_roles(scene, rows.len()).await;
        for (question, verdict) in questions.iter().zip(&mut verdicts) {
            if question.later == later && is_asked(question.ask) {
                *verdict = Some(judge.ask(&roles[question.role], question.ask).await);
            }
        }
    }
    verdicts
}

/// The questions that are about a time to come, in the order of time.
async fn ask_in_the_future(
    scene: &Scene,
    judge: &Judge<'_>,
    questions: &[Question<'_>],
    verdicts: &mut [Option<Verdict>],
) {
    let roles = ready_roles(scene, 0).await;
    let mut to_come: Vec<_> = questions.iter().zip(verdicts).collect();
    to_come.retain(|(question, _)| question.ask.request.at.is_some());
    to_come.sort_by_key(|(question, _)| question.ask.request.at);
    let mut now = Timestamp::now();
    for (question, verdict) in to_come {
        let at = question.ask.request.at.unwrap_or(now);
        let ahead = at.as_second() - now.as_second();
        scene.simulator.advance_clock(ahead).await.unwrap();
        now = at;
        *verdict = Some(judge.ask(&roles[question.role], question.ask).await);
    }
}

pub(super) fn object(name: &str, mut spec: Value) -> Value {
    spec["accounts"] = json!({"names": ["prod"]});
    json!({
        "apiVersion": "crossrole.dev/v1alpha1", "kind": "CrossAccountRole",
        "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec
    })
}

/// Leave for a group to assume the role `accounts`, and no other.
fn grant() -> Value {
    json!({
        "apiVersion": "crossrole.dev/v1alpha1", "kind": "AssumeRoleGrant",
        "metadata": {"name": "auditors", "namespace": NAMESPACE},
        "spec": {"account": "identity", "roles": {"names": ["accounts"]}, "to": {"groups": ["SecAuditors"]}}
    })
}

/// The roles and the grant.
async fn objects(scene: &Scene) -> Result<Vec<Value>, String> {
    let listed = ["get", "xar,arg", "--namespace", NAMESPACE, "--output", "json"];
    let text = scene.control_plane.kubectl(listed).await;
    let list: Value = serde_json::from_str(&text.map_err(|error| error.to_string())?).unwrap();
    Ok(list["items"].as_array().cloned().unwrap_or_default())
}

/// The ARN that each role's status gives, when at least so many are Ready, and nothing is not: the grant too.
pub(super) async fn ready_roles(scene: &Scene, count: usize) -> BTreeMap<String, String> {
    let is_ready = |object: &Value| {
        object["status"]["observedGeneration"] == object["metadata"]["generation"]
            && scene::condition(object, "Ready")["status"] == "True"
    };
    let arn = |object: &Value| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (
            text(&object["metadata"]["name"]),
            text(&object["status"]["accounts"][0]["roleArn"]),
        )
    };
    eventually(scene::PATIENCE, "all objects are Ready", async || {
        let objects = objects(scene).await?;
        let others: Vec<_> = objects.iter().filter(|object| !is_ready(object)).collect();
        let roles: Vec<_> = objects
            .iter()
            .filter(|object| object["kind"] == "CrossAccountRole")
            .collect();
        if others.is_empty() && roles.len() >= count {
            return Ok(roles.into_iter().map(arn).collect());
        }
        let status = |object: &&Value| format!("{}: {}", object["metadata"]["name"], object["status"]);
        Err(others.iter().map(status).collect::<Vec<_>>().join("\n"))
    })
    .await
    .unwrap()
}

async fn delete_all(scene: &Scene) {
    let delete = ["delete", "xar,arg", "--all", "--namespace", NAMESPACE, "--wait=false"];
    scene.control_plane.kubectl(delete).await.unwrap();
    eventually(scene::PATIENCE, "all objects are gone", async || {
        match objects(scene).await?.as_slice() {
            [] => Ok(()),
            left => Err(left
                .iter()
                .map(|object| object["status"].to_string())
                .collect::<String>()),
        }
    })
    .await
    .unwrap();
}

/// What a declaration of trust can say, from the schema that users get: `from`, `require` and `allow` with their members.
fn sayable() -> BTreeSet<String> {
    let path = workspace().join("crds/crossaccountroles.yaml");
    let crd: Value = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let entry = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/trust/items/properties";
    let entry = crd.pointer(entry).unwrap().as_object().unwrap();
    let members = entry.iter().flat_map(|(part, schema)| {
        let members = schema["properties"].as_object().unwrap().keys();
        members.map(move |member| format!("{part}.{member}"))
    });
    members.collect()
}

#[test]
fn every_kind_of_trust_has_a_role_and_every_role_somebody_who_can_and_somebody_who_cannot() {
    let rows = rows(ORGANIZATION);
    let mut said = BTreeSet::new();
    let mut names = BTreeSet::new();
    for row in &rows {
        let RoleRow { role, can, cannot, .. } = row;
        assert!(names.insert(role), "two roles are called {role}");
        assert!(!can.is_empty() && !cannot.is_empty(), "{role}: somebody is missing");
        for entry in row.spec["trust"].as_array().unwrap() {
            for (part, members) in entry.as_object().unwrap() {
                said.extend(
                    members
                        .as_object()
                        .unwrap()
                        .keys()
                        .map(|member| format!("{part}.{member}")),
                );
            }
        }
    }
    let sayable = sayable();
    assert!(sayable.len() >= 22, "{sayable:?}");
    let missing: Vec<_> = sayable.difference(&said).collect();
    assert!(missing.is_empty(), "no role shows {missing:?}");
}
