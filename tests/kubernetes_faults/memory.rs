//! What a process remembers stands in nobody's way.

use std::time::{Duration, Instant};

use crossrole_testkit::simulator::{Effect, Fault, Lag, Match};
use crossrole_testkit::{eventually, scene};
use serde_json::json;

use super::support::objects::{delete, is_current};
use super::support::{PROD, role, with};
use super::{ASKED, apply, found, patch_status, start, vanish, wait_for, wait_for_reason};

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_is_taken_back_while_it_is_carried_out_is_taken_back_in_the_account_too() {
    let scene = start().await;
    let _operator = scene.operator(&ASKED).await.unwrap();
    apply(&scene, &[role("undone")]).await;
    scene.wait_for_ready("security", "undone", "True").await.unwrap();
    let before = found(&scene, "undone").await.unwrap();

    let held = Match::action("UpdateRole").of_role("undone");
    let held = scene.simulator.fault(&Fault::new(held, Effect::Hold)).await.unwrap();
    apply(&scene, &[with(role("undone"), "/spec/maxSessionDuration", json!("2h"))]).await;
    scene.simulator.wait_for_fault(held, scene::PATIENCE).await.unwrap();
    apply(&scene, &[role("undone")]).await;
    // The operator knows of it: work that goes on is reported.
    wait_for(&scene, "undone", "a report", is_current).await;
    scene.simulator.release_fault(held, true, true).await.unwrap();
    eventually(scene::PATIENCE, "what is declared", async || {
        let role = found(&scene, "undone").await.unwrap();
        if role.max_session_duration == before.max_session_duration {
            Ok(())
        } else {
            Err(format!("{role:?}"))
        }
    })
    .await
    .unwrap();
    scene.wait_for_ready("security", "undone", "True").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_follows_one_that_was_taken_away_is_another_object() {
    let scene = start().await;
    let _operator = scene.operator(&ASKED).await.unwrap();
    apply(&scene, &[role("vanished")]).await;
    scene.wait_for_ready("security", "vanished", "True").await.unwrap();
    let written = Instant::now();
    vanish(&scene, &["vanished"]).await;
    scene.simulator.delete_role(PROD, "vanished").await.unwrap();
    eventually(
        scene::PATIENCE,
        "what was written a moment ago is read again",
        async || {
            let left = Duration::from_secs(1).saturating_sub(written.elapsed());
            if left.is_zero() {
                Ok(())
            } else {
                Err(format!("{left:?}"))
            }
        },
    )
    .await
    .unwrap();

    apply(&scene, &[role("vanished")]).await;
    let object = scene.wait_for_ready("security", "vanished", "True").await.unwrap();
    let made = found(&scene, "vanished").await.expect("a role");
    assert_eq!(object["status"]["accounts"][0]["roleId"], made.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_whose_making_was_not_answered_does_not_outlive_its_object_where_iam_does_not_show_it_yet() {
    let scene = start().await;
    let flags = ["--resync-interval=24h", "--propagation-delay=20s"];
    let _operator = scene.operator(&flags).await.unwrap();
    let making = || Match::action("CreateRole").of_role("late");
    let fails = Fault::new(making(), Effect::Named("ServiceFailure".into())).for_ever();
    let fails = scene.simulator.fault(&fails).await.unwrap();
    apply(&scene, &[role("late")]).await;
    let object = wait_for_reason(&scene, "late", "AWSUnavailable").await;
    let mut entry = object["status"]["accounts"][0].clone();
    entry["lastTransitionTime"] = json!("2020-01-01T00:00:00Z");
    patch_status(&scene, "late", json!({"accounts": [entry]})).await;

    let lag = Match::action("GetRole").of_role("late");
    let lag = Fault::new(lag, Effect::Lag(Lag::seconds(6))).for_ever();
    scene.simulator.fault(&lag).await.unwrap();
    let lost = Fault::new(making(), Effect::DropAfter);
    scene.simulator.fault(&lost).await.unwrap();
    let later = Fault::new(making(), Effect::Named("ServiceFailure".into()));
    scene.simulator.fault(&later.from_call(2).for_ever()).await.unwrap();
    scene.simulator.end_fault(fails).await.unwrap();
    eventually(scene::PATIENCE, "a role of which nobody is told", async || {
        found(&scene, "late").await.map(|_| ()).ok_or("not yet")
    })
    .await
    .unwrap();
    delete(&scene, &["late"]).await;
    scene.wait_for_gone("xar", "security", "late").await.unwrap();
    assert_eq!(found(&scene, "late").await, None);
}
