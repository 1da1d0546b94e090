use crossrole_api::{AWSAccount, AssumeRoleGrant};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;

const ARN: &str = "arn:aws:iam::222222222222:role/crossrole/audit";

fn object<T: DeserializeOwned>(kind: &str, name: &str, spec: &Value, status: &Value) -> T {
    serde_json::from_value(json!({
        "apiVersion": "crossrole.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "security"},
        "spec": spec,
        "status": status,
    }))
    .unwrap()
}

/// An object with one role in the account `prod`.
fn role(path: &str, state: &str, reason: &str) -> CrossAccountRole {
    let spec = json!({
        "accounts": {"names": ["prod"]},
        "path": path,
        "trust": [{"from": {"accounts": ["111111111111"]}}],
    });
    let entry = json!({
        "account": "prod",
        "accountId": "222222222222",
        "roleArn": ARN,
        "roleId": "AROA1",
        "state": state,
        "reason": reason,
        "lastTransitionTime": "2026-11-26T10:00:00Z",
    });
    object("CrossAccountRole", "audit", &spec, &json!({"accounts": [entry]}))
}

/// The ARNs that are selected, whether nothing may come, and whether the other side trusts them.
fn selected(role: &CrossAccountRole, is_declared: bool, granted: &[GrantedRole], to: &Value) -> (Vec<Trusted>, bool) {
    let spec = json!({"account": "identity", "roles": {"names": ["audit"]}, "to": to});
    let grant: AssumeRoleGrant = object("AssumeRoleGrant", "auditors", &spec, &Value::Null);
    let spec = json!({"accountId": "111111111111", "class": "identity"});
    let own: AWSAccount = object("AWSAccount", "identity", &spec, &Value::Null);
    let mut selected = Selected::after(granted.iter());
    selected.add(
        role,
        &|_| is_declared,
        &Grant::parse(&grant).unwrap(),
        &Account::parse(&own).unwrap(),
        Timestamp::UNIX_EPOCH,
    );
    selected.keep_unreadable();
    assert!(selected.roles.keys().all(|arn| arn == ARN), "{:?}", selected.roles);
    let trusted = selected.roles.values().map(|(_, role)| role.trusted).collect();
    (trusted, selected.refusal.is_some())
}

fn granted(role: &str) -> [GrantedRole; 1] {
    [GrantedRole {
        role_arn: ARN.into(),
        role: role.into(),
        account: "prod".into(),
        trusted: Trusted::Yes,
    }]
}

#[test]
fn what_comes_is_declared_and_what_was_granted_goes_with_its_role() {
    let group = json!({"groups": ["SecAuditors"]});
    let ready = role("/crossrole/", "Ready", "InSync");
    let held_back = role("/crossrole/", "Removing", "TooManyRemovals");
    let leaving = role("/crossrole/", "Removing", "Deselected");
    let would_adopt = role("/crossrole/", "Pending", "WouldChange");
    let half_adopted = role("/crossrole/", "Retrying", "AWSUnavailable");
    let (before, of_another) = (granted("audit"), granted("other"));
    for (name, role, is_declared, granted, is_selected) in [
        ("it is declared and there", &ready, true, &[][..], true),
        ("status alone is no authority", &ready, false, &[], false),
        ("no longer declared, and still there", &ready, false, &before, true),
        ("granted for another object", &ready, false, &of_another, false),
        ("somebody else's, to be taken over", &would_adopt, true, &[], false),
        ("somebody else's, taken over by half", &half_adopted, true, &[], false),
        ("in trouble, and granted before", &half_adopted, true, &before, true),
        ("the brake holds its removal", &held_back, false, &before, true),
        ("held, and never granted", &held_back, false, &[], false),
        ("it is being removed", &leaving, false, &before, false),
        (
            "it is being removed from where it is declared",
            &leaving,
            true,
            &before,
            false,
        ),
    ] {
        let (trusted, refused) = selected(role, is_declared, granted, &group);
        assert_eq!((!trusted.is_empty(), refused), (is_selected, false), "{name}");
    }
}

#[test]
fn a_role_at_another_path_than_is_declared_is_not_the_objects() {
    let elsewhere = role("/crossrole/security/", "Ready", "InSync");
    let (trusted, _) = selected(&elsewhere, true, &granted("audit"), &json!({"groups": ["SecAuditors"]}));
    assert_eq!(trusted, []);
}

#[test]
fn a_role_is_trusted_where_all_who_are_given_leave_are_admitted() {
    let mut users = role("/crossrole/", "Ready", "InSync");
    users.spec.trust[0].from.kind = Some(crossrole_api::trust::PrincipalKind::Users);
    let group = json!({"groups": ["SecAuditors"]});
    assert_eq!(selected(&users, true, &[], &group).0, [Trusted::Yes]);
    // What is declared is not yet what the account holds.
    let mut troubled = role("/crossrole/", "Retrying", "AWSUnavailable");
    troubled.spec.trust.clone_from(&users.spec.trust);
    assert_eq!(selected(&troubled, true, &granted("audit"), &group).0, [Trusted::No]);
    let both = json!({"groups": ["SecAuditors"], "roles": ["ci/deployer"]});
    assert_eq!(selected(&users, true, &[], &both).0, [Trusted::No]);
}

#[test]
fn what_nobody_can_read_keeps_what_it_has_and_nothing_comes() {
    let unreadable = role("no path", "Ready", "InSync");
    let group = json!({"groups": ["SecAuditors"]});
    assert_eq!(
        selected(&unreadable, true, &granted("audit"), &group),
        (vec![Trusted::Yes], true)
    );
    assert_eq!(selected(&unreadable, true, &[], &group), (vec![], true));
}
