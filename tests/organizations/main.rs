//! AWSAccounts for the accounts of an organisation in moto, which others wrote: of 120 accounts, or of 300 where
//! `CROSSROLE_ORGANIZATION` is `all`, as `make organization` sets it.
//!
//! | module | holds |
//! |---|---|
//! | `organization` | the organisation, in a moto server |
//! | `stage` | an operator that discovers, and the cluster that it works in |

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/emulators.rs"]
mod emulators;
mod organization;
#[path = "../support/python.rs"]
mod python;
mod stage;

use std::collections::BTreeMap;
use std::time::Duration;

use crossrole_testkit::tools::workspace;
use crossrole_testkit::{Chart, ControlPlane, ControlPlaneOptions, eventually};
use organization::Organization;
use python::{python_with, say};
use serde_json::{Value, json};
use stage::Stage;

const PATIENCE: Duration = Duration::from_secs(300);

const ROLE: &str = "--organization-role=arn:aws:iam::123456789012:role/organization-reader";

fn text(value: &Value) -> String {
    let text = value.as_str();
    text.unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

fn class(name: &str, discovery: Value) -> String {
    let class = json!({
        "apiVersion": "crossrole.dev/v1alpha1",
        "kind": "AccountClass",
        "metadata": {"name": name},
        "spec": {
            "bootstrapRole": {"name": "crossrole-bootstrap"},
            "guardrails": {"permissionsBoundary": "crossrole-boundary"},
            "discovery": discovery,
        },
    });
    format!("---\n{class}\n")
}

fn by_class(accounts: &BTreeMap<String, Value>) -> BTreeMap<&str, usize> {
    let mut by_class = BTreeMap::new();
    for account in accounts.values() {
        *by_class.entry(account["spec"]["class"].as_str().unwrap()).or_default() += 1;
    }
    by_class
}

fn label<'a>(account: &'a Value, label: &str) -> &'a Value {
    &account["metadata"]["labels"][label]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_accounts_of_an_organization_come_move_and_go_and_a_second_look_costs_next_to_nothing() {
    let in_unit: usize = match std::env::var("CROSSROLE_ORGANIZATION") {
        Ok(all) if all == "all" => 100,
        _ => 40,
    };
    let total = 3 * in_unit;
    let requirements = workspace().join("tests/moto-requirements.txt");
    let Some(python) = python_with("moto", &requirements) else {
        return;
    };
    let control_plane = ControlPlane::start(ControlPlaneOptions::default()).await.unwrap();
    let organization = Organization::start(python, control_plane.folder()).await;
    let prod = organization.make("Prod", in_unit, &json!([]));
    let stage = organization.make("Stage", in_unit, &json!([{"Key": "cost:center", "Value": "c 1"}]));
    let sandbox = organization.make("Sandbox", in_unit - 10, &json!([{"Key": "env", "Value": "sandbox"}]));
    organization.make("", 10, &json!([]));

    let settings = ["operator.discoverOrganization=true", "operator.resyncInterval=24h"];
    let manifests = Chart::of_this_workspace()
        .install(&control_plane, &settings)
        .await
        .unwrap();
    let units = |names: &[&str]| names.iter().map(|name| organization.unit(name)).collect::<Vec<_>>();
    let classes = [
        class("production", json!({"organizationalUnits": units(&["Prod"])})),
        class(
            "standard",
            json!({"organizationalUnits": units(&["Workloads"]), "externalId": "shared-1"}),
        ),
        class("sandbox", json!({"tags": {"env": "sandbox"}})),
    ];
    // A person's own, which is nobody else's.
    let by_hand = json!({
        "apiVersion": "crossrole.dev/v1alpha1", "kind": "AWSAccount", "metadata": {"name": "by-hand"},
        "spec": {"accountId": stage[in_unit - 1], "class": "production"},
    });
    control_plane
        .apply(&format!("{}---\n{by_hand}\n", classes.concat()))
        .await
        .unwrap();

    // Found.
    let endpoint = organization.server.endpoint.clone();
    let container = manifests.operator().unwrap();
    let mut scene = Stage::start(control_plane, container, &endpoint, &[]).await;
    scene.read_since(0.0).await;
    let first = organization.calls();
    scene.settle().await;
    let accounts = scene.accounts().await;
    assert_eq!(
        by_class(&accounts),
        BTreeMap::from([
            ("production", in_unit + 1),
            ("sandbox", in_unit - 10),
            ("standard", in_unit - 1)
        ])
    );
    let one = &accounts[&stage[0]];
    assert_eq!(one["metadata"]["name"], format!("account-{}", stage[0]));
    assert_eq!(label(one, "crossrole.dev/account-name"), "stage_0");
    assert_eq!(
        label(one, "crossrole.dev/organizational-unit"),
        organization.unit("Stage")
    );
    assert_eq!(
        label(one, &format!("ou.crossrole.dev/{}", organization.unit("Workloads"))),
        "Workloads"
    );
    assert_eq!(
        label(one, &format!("ou.crossrole.dev/{}", organization.unit("Stage"))),
        "Stage"
    );
    assert_eq!(label(one, "tag.crossrole.dev/cost_center"), "c_1");
    assert_eq!(
        (&one["spec"]["externalId"], &one["spec"]["state"]),
        (&json!("shared-1"), &json!("Active"))
    );
    assert_eq!(accounts[&stage[in_unit - 1]]["metadata"]["labels"], Value::Null);

    // Nothing has changed: the units and the accounts are listed, and that is all.
    let written = scene.written().await;
    scene.look().await;
    let second = organization.calls_since(&first);
    say("organizations", &format!("first look: {first:?}; second: {second:?}"));
    // The root's, the outer unit's, which holds none, and those of the three units, twenty on a page.
    let pages = 2 + [in_unit, in_unit, in_unit - 10]
        .map(|accounts| accounts.div_ceil(20) as u64)
        .iter()
        .sum::<u64>();
    let listed = [
        ("ListAccountsForParent", pages),
        ("ListOrganizationalUnitsForParent", 5),
        ("ListRoots", 1),
    ];
    let listed: BTreeMap<String, u64> = listed.map(|(name, count)| (name.to_owned(), count)).into();
    assert_eq!(second, listed);
    assert_eq!(first["ListTagsForResource"], total as u64);
    assert_eq!(
        scene.written().await,
        written,
        "nothing is written where nothing has changed"
    );

    // Everything that can happen.
    organization.shift(&stage[..3], "Stage", "Prod");
    organization.shift(&stage[3..4], "Stage", "");
    organization.each("close_account", &stage[4..6]);
    organization.each("remove_account_from_organization", &stage[6..8]);
    organization.set(json!({"id": stage[8], "name": "payments"}));
    organization.set(json!({"id": stage[9], "state": "CLOSED"}));
    let newcomer = organization.make("Stage", 1, &json!([]));
    // A person's own fields stay.
    let pause = [
        "patch",
        "awsaccount",
        &format!("account-{}", stage[10]),
        "--type=merge",
        "--patch",
        r#"{"spec":{"state":"Paused","parameters":{"a":"b"}}}"#,
    ];
    scene.control_plane.kubectl(pause).await.unwrap();
    let (before, written) = (organization.calls(), scene.written().await);
    scene.look().await;
    let accounts = scene.accounts().await;
    let is = |id: &String, class: &str, state: &str, said: Value| {
        let account = &accounts[id];
        let annotation = &account["metadata"]["annotations"]["crossrole.dev/organization-state"];
        let found = (&account["spec"]["class"], &account["spec"]["state"], annotation);
        assert_eq!(found, (&json!(class), &json!(state), &said), "{account:#}");
    };
    for id in &stage[..3] {
        is(id, "production", "Active", Value::Null);
        assert_eq!(
            label(&accounts[id], "crossrole.dev/organizational-unit"),
            organization.unit("Prod")
        );
        assert_eq!(
            label(
                &accounts[id],
                &format!("ou.crossrole.dev/{}", organization.unit("Stage"))
            ),
            &Value::Null
        );
        assert_eq!(
            accounts[id]["spec"]["externalId"],
            Value::Null,
            "what the class says no more goes"
        );
    }
    is(&stage[3], "standard", "Paused", json!("NoClass"));
    for (id, said) in stage[4..8]
        .iter()
        .zip(["SUSPENDED", "SUSPENDED", "NotInOrganization", "NotInOrganization"])
    {
        is(id, "standard", "Paused", json!(said));
    }
    is(&stage[8], "standard", "Active", Value::Null);
    assert_eq!(label(&accounts[&stage[8]], "crossrole.dev/account-name"), "payments");
    is(&stage[9], "standard", "Paused", json!("CLOSED"));
    is(&stage[10], "standard", "Paused", Value::Null);
    assert_eq!(accounts[&stage[10]]["spec"]["parameters"], json!({"a": "b"}));
    is(&newcomer[0], "standard", "Active", Value::Null);
    let third = organization.calls_since(&before);
    say(
        "organizations",
        &format!("a look that finds 11 accounts changed: {third:?}"),
    );
    assert_eq!(
        (third["DescribeAccount"], third["ListTagsForResource"]),
        (2, 9),
        "{third:?}"
    );
    assert_eq!(scene.written().await, written + 11.0);
    assert_eq!(scene.events("OrganizationState").await, 6);

    // Tags count when somebody asks for them.
    let tags = json!({"ResourceId": sandbox[0], "Tags": [{"Key": "env", "Value": "other"}]});
    organization.call(&[("tag_resource", tags)]);
    scene.look().await;
    assert_eq!(scene.accounts().await[&sandbox[0]]["spec"]["state"], "Active");
    let before = scene.read().await;
    scene.annotate("sandbox", "crossrole.dev/reconcile-at=now").await;
    scene.read_since(before).await;
    assert_eq!(scene.accounts().await[&sandbox[0]]["spec"]["state"], "Paused");

    // The brake.
    let missing = in_unit * 2 / 5;
    organization.each("remove_account_from_organization", &prod[..missing]);
    scene.look().await;
    let accounts = scene.accounts().await;
    assert!(prod.iter().all(|id| accounts[id]["spec"]["state"] == "Active"));
    let failing = eventually(PATIENCE, "the class says so", async || {
        scene.failing("production").await.ok_or("nothing")
    });
    let (reason, message) = failing.await.unwrap();
    assert_eq!(reason, "TooManyRemovals");
    assert!(
        message.starts_with(&format!("{missing} accounts of the class would be paused or forgotten")),
        "{message}"
    );
    assert_eq!(scene.failing("standard").await, None);
    let before = scene.read().await;
    let digest = message.rsplit_once("annotate the AccountClass ").unwrap().1;
    scene.annotate("production", digest).await;
    scene.read_since(before).await;
    let accounts = scene.accounts().await;
    let paused = prod
        .iter()
        .filter(|id| accounts[*id]["spec"]["state"] == "Paused")
        .count();
    assert_eq!(paused, missing);
    let released = eventually(PATIENCE, "the class says nothing more", async || {
        scene
            .failing("production")
            .await
            .map_or(Ok(()), |(_, message)| Err(message))
    });
    released.await.unwrap();

    // Another process, which reads as a role of its own: it finds everything as it shall be.
    let before = organization.calls();
    scene.start_again(&endpoint, &[ROLE]).await;
    assert_eq!(scene.written().await, 0.0, "{}", scene.operator.log());
    let again = organization.calls_since(&before);
    assert_eq!(
        again.get("DescribeAccount"),
        None,
        "what is known to be gone is not asked for again: {again:?}"
    );
    assert!(scene.operator.stop().await.unwrap().success());
}
