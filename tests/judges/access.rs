//! What `crossrole access` says of many roles, row by row, and what MiniStack does when those of whom it speaks ask: 50
//! roles in `make test`, 200 with `CROSSROLE_ACCESS=all`, as in `make access`.

use std::collections::BTreeSet;
use std::env;
use std::process::Command;

use aws_sdk_iam::config::Credentials;
use crossrole_testkit::Scene;
use serde_json::{Value, json};

use super::judge::{Judge, Verdict};
use super::ministack::{MiniStack, let_the_operator_grant, let_the_operator_in};
use super::python::succeeded;
use super::roles::{object, operator_in, ready_roles};
use super::table::{HOME, MEMBER, OTHER, Request, TARGET, World, text};

/// A sample: every kind of trust, open and closed.
const ROLES: usize = 50;
const ALL_ROLES: usize = 200;

/// Those who ask: what the table calls them, their ARN, and their account.
fn askers() -> [(&'static str, String, &'static str); 9] {
    let of = |name, kind, path, account| (name, format!("arn:aws:iam::{account}:{kind}/{path}"), account);
    [
        of("ada", "user", "ada", HOME),
        of("red", "user", "red", HOME),
        of("deployUser", "user", "ci/deploy-3", HOME),
        of("hub", "role", "hub", HOME),
        of("builder", "role", "ci/builder", HOME),
        of("localAdmin", "user", "localAdmin", TARGET),
        of("stranger", "user", "stranger", OTHER),
        of("adaOfOthers", "user", "ada", OTHER),
        of("member", "user", "member", MEMBER),
    ]
}

/// What a role declares. What MiniStack is known to judge wrongly is not among it: `world.yaml` says what.
fn spec(number: usize, organization: &str) -> Value {
    let from = |from: Value| json!([{"from": from}]);
    let external_id = format!("id-of-role-{number}");
    let trust = match number % 10 {
        0 => from(json!({"principals": [format!("arn:aws:iam::{HOME}:user/ada")]})),
        1 => from(json!({"principals": [format!("arn:aws:iam::{HOME}:role/hub")]})),
        2 => from(json!({"accounts": [HOME]})),
        3 => from(json!({"accounts": [HOME], "kind": "Users"})),
        4 => json!([
            {"from": {"principals": [format!("arn:aws:iam::{HOME}:user/red")]}},
            {"from": {"accounts": [OTHER]}, "require": {"externalIds": [external_id]}}
        ]),
        5 => json!([{"from": {"accounts": [OTHER]}, "require": {"externalIds": [external_id]}}]),
        6 => from(json!({"principalPatterns": [format!("arn:aws:iam::{HOME}:user/ci/*")]})),
        7 => from(json!({"accounts": [TARGET]})),
        8 => from(json!({"organization": organization})),
        _ => from(json!({"principals": [
            format!("arn:aws:iam::{HOME}:role/ci/builder"), format!("arn:aws:iam::{HOME}:user/ci/deploy-3")
        ]})),
    };
    let mut spec = json!({"trust": trust});
    if number % 7 == 3 {
        spec["access"] = json!("Closed");
    }
    spec
}

fn access(scene: &Scene, arguments: &[&str]) -> Vec<Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crossrole"));
    command.args(["access", "--output", "json"]).args(arguments).env_clear();
    command.env("KUBECONFIG", scene.control_plane.kubeconfig());
    let table: Value = serde_json::from_slice(&succeeded(command.output().unwrap())).unwrap();
    table["rows"].as_array().cloned().unwrap()
}

/// What a row asks for: an external id, where it asks for one. A condition that the test does not understand fails it.
fn external_id(row: &Value) -> Option<String> {
    for condition in row["ways"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|way| way["conditions"].as_array().unwrap())
    {
        let key = condition["key"].as_str().unwrap();
        assert!(["sts:ExternalId", "aws:PrincipalOrgID"].contains(&key), "{row}");
    }
    assert_eq!(row["mfa"], "no", "{row}");
    row["externalIds"][0].as_str().map(str::to_owned)
}

/// Whether a row says that somebody of this account gets in, with the right external id. MiniStack has an organisation for
/// each account, and the roles name that of one.
fn lets_in(row: &Value, account: &str, organization: &str) -> bool {
    let organizations = row["organizations"].as_array().unwrap();
    let belongs = organizations.is_empty() || (account == HOME && organizations.contains(&json!(organization)));
    row["effect"] == "Allow" && row["state"] == "open" && belongs
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_is_right() {
    let count = if env::var_os("CROSSROLE_ACCESS").is_some_and(|wanted| wanted == "all") {
        ALL_ROLES
    } else {
        ROLES
    };
    let world = World::read();
    let (scene, ministack) = tokio::join!(Scene::start(&[TARGET]), MiniStack::start());
    let scene = scene.unwrap();
    let Some(ministack) = ministack else {
        eprintln!("SKIPPED: there is no Python 3 for MiniStack");
        return;
    };
    let organization = ministack.organization.clone();
    let mut judge = Judge::emulator(&ministack, &scene.simulator, &world).await;
    let keys: Credentials = let_the_operator_in(&mut judge).await;
    let_the_operator_grant(&judge).await;
    let _operator = operator_in(&scene, &ministack, &keys).await;
    let objects = (0..count).map(|number| object(&format!("role-{number}"), spec(number, &organization)));
    let objects: String = objects.map(|object| format!("---\n{object}\n")).collect();
    scene
        .control_plane
        .apply(&text("manifests.yaml", &organization))
        .await
        .unwrap();
    scene.control_plane.apply(&objects).await.unwrap();
    let roles = ready_roles(&scene, count).await;

    let all = access(&scene, &[]);
    let told: BTreeSet<_> = all.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(told, roles.keys().cloned().collect(), "every role has a row");
    let (mut asked, mut let_in, mut wrong) = (0, BTreeSet::new(), Vec::new());
    for (caller, arn, account) in askers() {
        let rows = access(&scene, &["--principal", &arn]);
        for (name, role) in &roles {
            let row = rows
                .iter()
                .find(|row| row["name"] == **name && lets_in(row, account, &organization));
            let id = row.and_then(external_id);
            // With what the row says, and without.
            for external_id in BTreeSet::from([id.clone(), None]) {
                let expected = row.is_some() && external_id == id;
                let request = Request {
                    external_id,
                    ..Request::default()
                };
                let verdict = judge.asks(caller, role, request).await;
                asked += 1;
                match (&verdict, expected) {
                    (Verdict::Allowed, true) => {
                        _ = let_in.insert((name.clone(), row.unwrap()["who"].clone().to_string()))
                    }
                    (Verdict::Denied(_), false) => {}
                    _ => wrong.push(format!("{arn} {name} {verdict:?}: {row:?}")),
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {asked}:\n{}", wrong.len(), wrong.join("\n"));
    let open = all.iter().filter(|row| row["state"] == "open");
    let open: BTreeSet<_> = open
        .map(|row| (row["name"].as_str().unwrap().to_owned(), row["who"].to_string()))
        .collect();
    let untried: Vec<_> = open.difference(&let_in).collect();
    assert!(untried.is_empty(), "nobody came in by {untried:?}");
    eprintln!(
        "crossrole access: {count} roles, {} rows, {} of them open and each used by somebody; {asked} attempts, all as told",
        all.len(),
        open.len()
    );
}
