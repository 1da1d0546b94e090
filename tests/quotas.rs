//! The accounts' own quotas, checked before the first write.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use crossrole_testkit::scene::{bootstrap_document, condition};
use crossrole_testkit::{Scene, eventually, scene};
use serde_json::{Value, json};
use support::{PROD, STAGE, account, class, namespace, role, with};

/// A role in both accounts with this many managed policies.
fn attaching(name: &str, policies: usize) -> Value {
    let names: Vec<String> = (0..policies).map(|number| format!("team/p{number}")).collect();
    let manifest = with(role(name), "/spec/accounts/names", json!(["prod", "stage"]));
    with(manifest, "/spec/permissions", json!({"customerManaged": names}))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_account_has_no_room_for_is_not_begun_there() {
    let scene = Scene::start(&[PROD, STAGE]).await.unwrap();
    let simulator = &scene.simulator;
    for number in 0..11 {
        let document = bootstrap_document("boundary.json").unwrap();
        for account in [PROD, STAGE] {
            let name = format!("p{number}");
            let policy = simulator.create_policy(account, "/team/", &name, document.clone());
            policy.await.unwrap();
        }
    }
    // One of the two had its quota raised.
    let raised = json!({"attachedPerRole": 20});
    let path = format!("/accounts/{STAGE}/quotas");
    let _: Value = simulator
        .ask("POST".parse().unwrap(), &path, Some(&raised))
        .await
        .unwrap();
    let _operator = scene.operator(&["--resync-interval=1s"]).await.unwrap();
    let class = with(
        class("standard"),
        "/spec/guardrails/managedPolicies",
        json!({"account": ["team/*"]}),
    );
    let manifests = [
        namespace("security"),
        class,
        account("prod", PROD),
        account("stage", STAGE),
        attaching("many", 11),
        attaching("few", 2),
    ];
    scene.control_plane.apply(&support::yaml(&manifests)).await.unwrap();

    scene.wait_for_ready("security", "few", "True").await.unwrap();
    let many = scene.wait_for_ready("security", "many", "False").await.unwrap();
    assert_eq!(many["status"]["summary"], "1/2");
    assert_eq!(condition(&many, "Ready")["reason"], "QuotaExceeded");
    let said = many["status"]["accounts"][0]["message"].as_str().unwrap();
    assert!(
        said.contains("11 managed policies are 1 more than the account's quota of 10"),
        "{said}"
    );
    assert!(
        simulator.role(PROD, "many").await.unwrap().is_none(),
        "nothing was begun"
    );
    assert_eq!(simulator.role(STAGE, "many").await.unwrap().unwrap().attached.len(), 11);

    // Asked once, though there was something to write twice and the refused role is looked at every second.
    let counts = simulator.counts().await.unwrap();
    for account in [PROD, STAGE] {
        assert_eq!(
            counts.accounts[account].actions.get("GetAccountSummary"),
            Some(&1),
            "{account}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_has_no_more_roles_than_its_class_allows() {
    const IDS: [&str; 5] = [PROD, STAGE, "444444444444", "555555555555", "666666666666"];
    let scene = Scene::start(&IDS).await.unwrap();
    let _operator = scene.operator(&["--resync-interval=24h"]).await.unwrap();
    let class = with(class("standard"), "/spec/guardrails/maxRolesPerNamespace", json!(2));
    let names: Vec<String> = (0..IDS.len()).map(|number| format!("account-{number}")).collect();
    let mut manifests = vec![namespace("security"), class];
    manifests.extend(names.iter().zip(IDS).map(|(name, id)| account(name, id)));
    // One object for all accounts, and one for each, at once.
    let objects: Vec<String> = (0..IDS.len())
        .map(|number| format!("one-{number}"))
        .chain(["all".into()])
        .collect();
    manifests.push(with(role("all"), "/spec/accounts/names", json!(names)));
    manifests.extend(
        objects
            .iter()
            .zip(&names)
            .map(|(object, account)| with(role(object), "/spec/accounts/names", json!([account]))),
    );
    scene.control_plane.apply(&support::yaml(&manifests)).await.unwrap();

    // Nothing is under way any more when every object is Ready or waits for a person.
    for object in &objects {
        eventually(scene::PATIENCE, object, async || {
            let object = scene
                .get("xar", "security", object)
                .await
                .map_err(|error| error.to_string())?;
            let settled = ["Ready", "Stalled"]
                .iter()
                .any(|name| condition(&object, name)["status"] == "True");
            if settled {
                Ok(())
            } else {
                Err(object["status"].to_string())
            }
        })
        .await
        .unwrap();
    }
    let mut made = 0;
    let mut refused = 0;
    for object in &objects {
        for id in IDS {
            made += u32::from(scene.simulator.role(id, object).await.unwrap().is_some());
        }
        let status = scene.get("xar", "security", object).await.unwrap()["status"].clone();
        let entries = status["accounts"].as_array().unwrap().iter();
        refused += entries.filter(|entry| entry["reason"] == "TooManyRoles").count();
    }
    assert_eq!((made, refused), (2, 2 * IDS.len() - 2));
}
