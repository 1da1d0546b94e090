//! When a role was last used: in status, in the figures, and who asks for roles that nobody uses.

use crossrole_testkit::scene::{IDENTITY_ACCOUNT, PATIENCE};
use crossrole_testkit::{Figures, Scene, eventually, person};
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde_json::{Value, json};

use super::support::{PROD, STAGE, account, class, namespace, role, with, yaml};
use super::{crossrole, printed};

/// The object's entry for an account, once `is_so` holds of it.
async fn entry(scene: &Scene, account: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    eventually(PATIENCE, what, async || {
        let object = scene.get("crossaccountrole", "security", "audit").await.unwrap();
        let entries = object["status"]["accounts"].as_array().cloned().unwrap_or_default();
        let entry = entries.into_iter().find(|entry| entry["account"] == account);
        entry.filter(&is_so).ok_or_else(|| object["status"].to_string())
    })
    .await
    .unwrap()
}

async fn looks(scene: &Scene) -> u64 {
    let counts = scene.simulator.counts().await.unwrap();
    let lists = counts.total.actions.get("GetAccountAuthorizationDetails");
    lists.copied().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_nobody_uses_is_found_and_one_that_is_used_is_not() {
    let scene = Scene::start(&[PROD, STAGE]).await.unwrap();
    let mut operator = scene.operator(&["--resync-interval=3s"]).await.unwrap();
    let figures = Figures::of(&mut operator, PATIENCE).await.unwrap();
    let audit = with(role("audit"), "/spec/accounts", json!({"names": ["prod", "stage"]}));
    let objects = [
        namespace("security"),
        class("standard"),
        account("prod", PROD),
        account("stage", STAGE),
        audit,
    ];
    scene.control_plane.apply(&yaml(&objects)).await.unwrap();
    scene.wait_for_ready("security", "audit", "True").await.unwrap();
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let day = |ago: i64| (today - ago.days()).to_string();
    let new = entry(&scene, "prod", "the day on which the role was made", |entry| {
        entry["created"].is_string()
    })
    .await;
    assert!(new["created"] == day(0) || new["created"] == day(1), "{new}");
    assert_eq!(new["lastUsed"], Value::Null, "{new}");

    // The years go by.
    for (account, last_used) in [(PROD, json!(day(35))), (STAGE, Value::Null)] {
        let edit = json!({"created": day(100), "lastUsed": last_used});
        scene.simulator.edit_role(account, "audit", edit).await.unwrap();
    }
    entry(&scene, "prod", "the last use", |entry| entry["lastUsed"] == day(35)).await;
    entry(&scene, "stage", "the day", |entry| {
        entry["created"] == day(100) && entry["lastUsed"].is_null()
    })
    .await;
    let kubeconfig = scene.control_plane.kubeconfig().display().to_string();
    let environment = [("KUBECONFIG", kubeconfig.as_str())];
    let unused = |days: &str| {
        let text = printed(&["access", "--unused", days, "--output", "json"], &environment);
        let table: Value = serde_json::from_str(&text).unwrap();
        let rows = table["rows"].as_array().unwrap().iter();
        let told = rows.map(|row| (row["account"].as_str().unwrap().to_string(), row["lastUsed"].clone()));
        told.collect::<Vec<_>>()
    };
    let (prod, stage) = (("prod".to_string(), json!(day(35))), ("stage".to_string(), Value::Null));
    assert_eq!(unused("30d"), [prod, stage.clone()]);
    assert_eq!(unused("90d"), [stage]);
    assert_eq!(unused("101d"), []);
    let figures = figures.scrape().await.unwrap();
    for (days, roles) in [("30", 2.0), ("90", 1.0), ("180", 0.0)] {
        let series = format!("crossrole_roles_unused{{days=\"{days}\"}}");
        assert_eq!(figures.get(&series), Some(&roles), "{days}");
    }
    let wrong = crossrole(&["access", "--unused", "401d"], &environment);
    assert!(
        String::from_utf8_lossy(&wrong.stderr).contains("1d to 400d"),
        "{wrong:?}"
    );

    // Somebody comes in, and what they do there is a use.
    let may = json!({"in": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]}});
    let user = scene
        .simulator
        .create_user(IDENTITY_ACCOUNT, "eve", may, true)
        .await
        .unwrap();
    let arn = new["roleArn"].as_str().unwrap();
    let answer = person::assume(&scene.simulator, &user, arn, true, None).await.unwrap();
    assert!(matches!(answer, person::Answer::Allowed(_)), "{answer:?}");
    let used = entry(&scene, "prod", "today's use", |entry| {
        entry["lastUsed"].as_str() >= Some(&day(1))
    })
    .await;
    assert_eq!(used["state"], "Ready", "{used}");

    // Used or not: what has not changed is not written again.
    let version = async || {
        let object = scene.get("crossaccountrole", "security", "audit").await.unwrap();
        object["metadata"]["resourceVersion"].clone()
    };
    let (before, looked) = (version().await, looks(&scene).await);
    eventually(PATIENCE, "two more looks at both accounts", async || {
        let now = looks(&scene).await;
        if now >= looked + 6 { Ok(()) } else { Err(now - looked) }
    })
    .await
    .unwrap();
    assert_eq!(version().await, before);
}
