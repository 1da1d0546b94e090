use std::sync::Mutex;

use futures::stream;
use kube::runtime::watcher::Event;
use serde_json::{Value, json};

use super::*;

fn role(accounts: Value) -> CachedRole {
    let role = json!({
        "apiVersion": "crossrole.dev/v1alpha1", "kind": "CrossAccountRole",
        "metadata": {"name": "audit", "namespace": "security", "uid": "1", "generation": 1},
        "spec": {"accounts": {"names": ["prod"]}, "trust": [{"from": {"accounts": ["111111111111"]}}]},
        "status": {"accounts": accounts}
    });
    serde_json::from_value(role).unwrap()
}

fn entry(role_id: Option<&str>) -> Value {
    json!([{
        "account": "prod", "named": true, "state": "Pending", "reason": "Waiting", "roleId": role_id,
        "lastTransitionTime": "2026-11-26T00:00:00Z"
    }])
}

#[tokio::test]
async fn an_account_is_looked_at_when_the_cache_shows_that_it_is_used_otherwise() {
    let events = [
        Event::Init,
        Event::InitApply(role(json!([]))),
        Event::InitDone,
        Event::Apply(role(entry(None))),
        Event::Apply(role(entry(None))),
        Event::Apply(role(entry(Some("AROA1")))),
        Event::Apply(role(entry(Some("AROA2")))),
        Event::Delete(role(entry(Some("AROA2")))),
    ];
    let (store, writer) = reflector::store::<CachedRole>();
    // What is cached then, of each look that is asked for.
    let asked: Mutex<Vec<(Option<CachedRole>, bool)>> = Mutex::default();
    let note = |before: Option<&CachedRole>, now: Option<&CachedRole>| {
        for (account, is_still_used) in used_otherwise(before, now) {
            assert_eq!(account, "prod");
            let cached = store.state().first().map(|role| role.as_ref().clone());
            asked.lock().unwrap().push((cached, is_still_used));
        }
    };
    let (listing, _) = tokio::sync::mpsc::channel(1);
    keep(stream::iter(events.map(Ok)), writer, |_, _| {}, note, listing).await;
    let asked = asked.into_inner().unwrap().into_iter();
    let ids = asked.map(|(cached, is_still_used)| {
        let entry = cached.map(|cached| cached.0.unwrap().status.unwrap().accounts.remove(0));
        (entry.map(|entry| entry.role_id), is_still_used)
    });
    let expected = [
        (Some(None), true),
        (Some(Some("AROA1".to_string())), true),
        (None, false),
    ];
    assert_eq!(ids.collect::<Vec<_>>(), expected);
}

#[test]
fn a_grant_follows_where_a_role_is_and_whether_it_is_as_declared() {
    let with = |state: &str, reason: &str, message: Option<&str>| {
        let entry = json!([{
            "account": "prod", "state": state, "reason": reason, "message": message,
            "roleArn": "arn:aws:iam::222222222222:role/crossrole/audit", "lastTransitionTime": "2026-11-26T00:00:00Z"
        }]);
        bears_on_grants(Some(&role(entry)))
    };
    let ready = with("Ready", "InSync", None);
    let throttled = with("Retrying", "Throttled", Some("slower"));
    assert_ne!(ready, throttled);
    assert_eq!(throttled, with("Retrying", "AWSUnavailable", Some("no answer")));
    assert_ne!(throttled, with("Removing", "Deselected", None));
    assert_ne!(ready, bears_on_grants(Some(&role(json!([])))));
    assert_ne!(ready, bears_on_grants(None));
}
