//! The accounts' own quotas, checked before the first write.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use crossrole_testkit::Scene;
use crossrole_testkit::scene::{bootstrap_document, condition};
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
