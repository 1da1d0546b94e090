//! What follows when work has ended: it must be at rest, and leave nothing behind.

use std::collections::BTreeMap;

use crossrole_testkit::{Scene, eventually};
use serde_json::Value;

use super::super::support::objects::{self, is_ready};
use super::claims::Found;
use super::place::{PATIENCE, Place};
use super::scenario::Scenario;

/// What failed, by the name of the place.
pub type Failures = BTreeMap<String, String>;

/// Asks for a look at each object that is left, and waits until it has ended.
pub async fn look_again(scene: &Scene, places: &[&Place], asked: &str) -> Failures {
    let places = places.iter().filter(|place| !place.is_left());
    let names: Vec<&str> = places.clone().map(|place| place.name.as_str()).collect();
    objects::ask(scene, &names, asked).await;
    let Some(selector) = places.clone().next().map(|place| format!("batch={}", place.batch)) else {
        return Failures::new();
    };
    let settled = |object: &Value| is_ready(object) && object["status"]["lastHandledReconcileAt"] == asked;
    let mut objects = BTreeMap::new();
    let ended = eventually(PATIENCE, "a look at every object", async || {
        objects = objects::list(scene, "xar", &selector).await;
        match names.iter().find(|name| !objects.get(**name).is_some_and(settled)) {
            None => Ok(()),
            Some(name) => Err((*name).to_owned()),
        }
    })
    .await;
    if ended.is_ok() {
        return Failures::new();
    }
    let restless = names.into_iter().filter_map(|name| {
        let object = objects.get(name);
        let status = object.map(|object| &object["status"]);
        (!object.is_some_and(settled)).then(|| (name.to_owned(), format!("never at rest: {status:?}")))
    });
    restless.collect()
}

/// Looks again, which must write nothing to AWS.
pub async fn is_steady(scene: &Scene, places: &[&Place], asked: &str) -> Failures {
    scene.simulator.reset_calls().await.unwrap();
    let mut failures = look_again(scene, places, asked).await;
    let counts = scene.simulator.counts().await.unwrap().accounts;
    for place in places {
        for account in place.accounts() {
            if let Some(counts) = counts.get(&account).filter(|counts| counts.writes > 0) {
                let failure = format!("a steady state was written to: {:?}", counts.actions);
                failures.entry(place.name.clone()).or_insert(failure);
            }
        }
    }
    failures
}

/// Deletes all objects: nothing of theirs may be left.
pub async fn clear_up(scene: &Scene, places: &[&Place]) -> Failures {
    let kept = places.iter().filter(|place| !place.is_left());
    let names: Vec<&str> = kept.map(|place| place.name.as_str()).collect();
    objects::delete(scene, &names).await;
    let selector = format!("batch={}", places[0].batch);
    let gone = eventually(PATIENCE, "no object left", async || {
        let left = objects::list(scene, "xar", &selector).await;
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("{left:?}"))
        }
    });
    gone.await.unwrap();
    let mut failures = Failures::new();
    for place in places {
        let found = Found::at(&scene.simulator, place).await;
        let mut fail = |failure| {
            failures.entry(place.name.clone()).or_insert(failure);
        };
        if found.roles.iter().any(Option::is_some) && place.scenario != Scenario::Retain {
            fail(format!("left an orphan: {:?}", found.roles));
        }
        if let Some(difference) = found.difference(&place.others) {
            fail(difference);
        }
    }
    failures
}
