//! Of a cluster's objects status tells what has become true, and not more.

use serde_json::{Value, json};

use super::*;

const PARTNER: &str = "444444444444";

/// Objects of a cluster: this one with an entry for an account, looked at in its first generation.
fn cluster(object: &str, generation: i64, entry: Value) -> Manifests {
    let mut manifests = manifests();
    let mut roles = manifests.roles.iter_mut();
    let role = roles
        .find(|role| role.metadata.name.as_deref() == Some(object))
        .unwrap();
    let mut all = json!({
        "account": "prod", "accountId": "222222222222", "named": true, "roleId": "AROAPARTNERPARTNER01",
        "roleArn": format!("arn:aws:iam::222222222222:role/crossrole/{object}"),
        "state": "Ready", "reason": "InSync", "lastTransitionTime": "2026-11-01T00:00:00Z"
    });
    for (member, value) in entry.as_object().unwrap() {
        all[member] = value.clone();
    }
    let status = json!({"observedGeneration": 1, "conditions": [], "accounts": [all]});
    role.status = Some(serde_json::from_value(status).unwrap());
    role.metadata.generation = Some(generation);
    manifests
}

/// What is told of an object and an account: who, and how that stands.
fn told(manifests: &Manifests, object: &str, account: &str, principal: Option<&str>) -> Vec<String> {
    let flags = ObjectFlags {
        filename: Vec::new(),
        ..flags(&[account], None)
    };
    let question = Question {
        principal,
        unused: None,
    };
    let rows = rows::asked(manifests, &flags, question, now());
    let of_object = rows.iter().filter(|row| row.place.object.name == object);
    let line = |row: &Row| format!("{}: {} {}", table::who(row), row.state.word(), row.state.detail());
    of_object.map(line).collect()
}

#[test]
fn a_status_of_an_older_declaration_tells_nothing_of_the_new_one() {
    let seen = cluster("partner", 1, json!({}));
    assert_eq!(
        told(&seen, "partner", "prod", None),
        [format!("account {PARTNER}: open ")]
    );
    const CHANGED: &str = "the object was changed, and nobody has looked at it since";
    let expected = [
        format!("nobody knows: unsettled {CHANGED}; whoever got in before may still get in"),
        format!("account {PARTNER}: unsettled {CHANGED}"),
    ];
    let mut changed = cluster("partner", 2, json!({}));
    assert_eq!(told(&changed, "partner", "prod", None), expected);
    // Nor is it closed because it shall be.
    let mut roles = changed.roles.iter_mut();
    let role = roles
        .find(|role| role.metadata.name.as_deref() == Some("partner"))
        .unwrap();
    role.spec.access = crossrole_api::role::Access::Closed;
    assert_eq!(told(&changed, "partner", "prod", None), expected);
    // Somebody who was taken out meanwhile may still get in.
    let other = told(&changed, "partner", "prod", Some("arn:aws:iam::999999999999:user/gone"));
    assert_eq!(other, expected[..1]);
}

#[test]
fn a_role_that_may_stand_open_is_told_to_whoever_asks_for_a_principal() {
    let ann = "arn:aws:iam::111111111111:user/ann";
    let paused =
        json!({"account": "stage", "accountId": "333333333333", "state": "Pending", "reason": "AccountPaused"});
    let said = told(&cluster("audit", 1, paused), "audit", "stage", Some(ann));
    let why = "unsettled AccountPaused: AWSAccount stage is Paused: no call is made";
    assert_eq!(
        said,
        [
            format!("nobody knows: {why}; whoever got in before may still get in"),
            format!("users of account 111111111111: {why}")
        ]
    );
    // A namespace lost its permission: the role stays as it was.
    let mut frozen = cluster(
        "partner",
        1,
        json!({"state": "Refused", "reason": "NamespaceNotAllowed"}),
    );
    frozen.classes[0].spec.allowed_namespaces.as_mut().unwrap().names = vec!["other".into()];
    let said = told(&frozen, "partner", "prod", Some(PARTNER));
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(
        said.iter().all(|row| row.contains(": refused NamespaceNotAllowed")),
        "{said:?}"
    );
}

#[test]
fn a_removal_that_is_held_back_is_told_as_status_tells_it() {
    let held = json!({"state": "Removing", "reason": "TooManyRemovals", "message": "held back"});
    let mut manifests = cluster("partner", 1, held);
    let mut roles = manifests.roles.iter_mut();
    let role = roles
        .find(|role| role.metadata.name.as_deref() == Some("partner"))
        .unwrap();
    role.spec.accounts.names = vec!["stage".into()];
    assert_eq!(
        told(&manifests, "partner", "prod", Some(PARTNER)),
        [
            "nobody knows: unsettled TooManyRemovals: held back; whoever got in before may still get in".to_string(),
            format!("account {PARTNER}: unsettled TooManyRemovals: held back")
        ]
    );
}
