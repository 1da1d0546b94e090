//! What is a person's.

use super::*;

#[test]
fn an_object_that_a_person_made_is_never_touched_nor_made_twice() {
    let mut cluster = Cluster::usual();
    let made =
        json!({"metadata": {"name": "prod", "uid": "1"}, "spec": {"accountId": "222200000001", "class": "other"}});
    cluster.accounts.insert("prod".into(), made.clone());
    let all = listing(vec![listed(1, &[WORKLOADS])]);
    assert_eq!(cluster.follow(&all).applications, Vec::new());
    // Nor one of another organisation, one that somebody took over, or one that is being deleted.
    for (metadata, account) in [
        (
            json!({"labels": {"crossrole.dev/organization": "o-zzzzzzzzzz"}}),
            "222200000009",
        ),
        (
            json!({"labels": {"crossrole.dev/account-name": "team_1"}}),
            "222200000009",
        ),
        (
            json!({"labels": {"crossrole.dev/organization": "o-a1b2c3d4e5"}, "deletionTimestamp": "2026-11-22T10:00:00Z"}),
            "222200000009",
        ),
        (
            json!({"labels": {"crossrole.dev/organization": "o-a1b2c3d4e5"}}),
            "111111111111",
        ),
    ] {
        let mut object = made.clone();
        object["spec"]["accountId"] = json!(account);
        merge(&mut object, json!({"metadata": metadata}));
        cluster.accounts.insert("prod".into(), object);
        assert_eq!(cluster.decide(&listing(Vec::new())), Decision::default(), "{metadata}");
    }
    // A person gives one to discovery with the label.
    let label = json!({"metadata": {"labels": {"crossrole.dev/organization": "o-a1b2c3d4e5"}}});
    let mut object = made;
    merge(&mut object, label);
    cluster.accounts.insert("prod".into(), object);
    let decision = cluster.decide(&all);
    assert_eq!(names(&decision), ["prod"]);
    assert_eq!(
        decision.applications[0].seen.as_ref().unwrap().uid.as_deref(),
        Some("1")
    );
}

#[test]
fn a_name_that_is_taken_is_left_alone() {
    let mut cluster = Cluster::usual();
    let other = json!({"metadata": {"name": FIRST}, "spec": {"accountId": "999999999999", "class": "standard"}});
    cluster.accounts.insert(FIRST.into(), other);
    let decision = cluster.decide(&listing(vec![listed(1, &[WORKLOADS])]));
    assert_eq!(decision.applications, Vec::new());
    assert_eq!(
        decision.left_out,
        ["account 222200000001: AWSAccount account-222200000001 is there, and of another account"]
    );
}

#[test]
fn what_a_person_adds_stays_and_a_state_but_active_is_theirs() {
    let mut cluster = Cluster::usual();
    let mut all = listing(vec![listed(1, &[WORKLOADS])]);
    cluster.follow(&all);
    cluster.edit(FIRST, "externalId", json!("mine-1"));
    cluster.edit(FIRST, "state", json!("Paused"));
    assert_eq!(cluster.follow(&all).applications, Vec::new());
    all.accounts[0].standing = Standing::Suspended;
    cluster.follow(&all);
    all.accounts[0].standing = Standing::Active;
    cluster.follow(&all);
    assert_eq!(cluster.state(FIRST), AccountState::Paused, "the person's");
    assert_eq!(cluster.accounts[FIRST]["spec"]["externalId"], "mine-1");
    cluster.edit(FIRST, "state", json!("Abandoned"));
    all.accounts.clear();
    cluster.follow(&all);
    assert_eq!(cluster.state(FIRST), AccountState::Abandoned);
    // What discovery says is put back where somebody changes it.
    let mut cluster = Cluster::usual();
    let all = listing(vec![listed(1, &[WORKLOADS])]);
    cluster.follow(&all);
    cluster.edit(FIRST, "class", json!("other"));
    cluster.follow(&all);
    assert_eq!(cluster.accounts[FIRST]["spec"]["class"], "standard");
}

#[test]
fn a_pause_of_discovery_that_a_person_makes_theirs_is_theirs() {
    let mut cluster = Cluster::usual();
    let mut all = listing(vec![listed(1, &[WORKLOADS])]);
    cluster.follow(&all);
    all.accounts[0].standing = Standing::Closed;
    cluster.follow(&all);
    assert_eq!(cluster.state(FIRST), AccountState::Paused);
    let gone = listing(Vec::new());
    let state = |cluster: &Cluster, listing: &Listing| {
        let decision = cluster.decide(listing);
        decision.applications[0].fields.state
    };
    assert_eq!(state(&cluster, &gone), Some(AccountState::Abandoned));
    // `kubectl apply --server-side` of the same value: both own it.
    let entry = json!({"manager": "kubectl", "operation": "Apply", "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:state": {}}}});
    let object = cluster.accounts.get_mut(FIRST).unwrap();
    object["metadata"]["managedFields"].as_array_mut().unwrap().push(entry);
    assert_eq!(state(&cluster, &gone), None);
    all.accounts[0].standing = Standing::Active;
    assert_eq!(state(&cluster, &all), None, "nor is it started again");
}
