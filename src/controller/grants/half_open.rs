//! Where the other side says yes, and this one does not.

use std::collections::BTreeSet;

use crossrole_api::status::condition::STALLED;
use crossrole_api::{AssumeRoleGrant, CrossAccountRole};
use crossrole_plan::account::Account;
use crossrole_plan::declaration::Declaration;
use crossrole_plan::grant::{self, Grant};
use crossrole_plan::{select, trust};
use kube::ResourceExt;

use super::super::context::Context;
use super::super::report::is_true;
use super::selected::{Bearing, bearing};

/// CrossAccountRoles of a grant's namespace that are there, whose trust names its account, and which no other grant there
/// gives to anybody.
pub(super) fn trusting(context: &Context, object: &AssumeRoleGrant, declared: &Grant, own: &Account) -> Vec<String> {
    let grants = context.caches.grants.state();
    let others: Vec<&AssumeRoleGrant> = grants
        .iter()
        .filter_map(|grant| grant.0.as_ref().ok())
        .filter(|grant| grant.namespace() == object.namespace() && grant.spec.account == object.spec.account)
        .filter(|grant| grant.name_any() != object.name_any())
        .collect();
    let roles = context.caches.roles.state();
    let roles = roles.iter().filter_map(|cached| cached.0.as_ref().ok());
    let trusting = roles.filter(|role| {
        role.namespace() == object.namespace()
            && is_there(role)
            && !others.iter().any(|grant| gives(grant, role))
            && trusts(role, declared, own)
    });
    let mut names: Vec<String> = trusting.map(ResourceExt::name_any).collect();
    names.sort();
    names
}

fn is_there(role: &CrossAccountRole) -> bool {
    let mut entries = role.status.iter().flat_map(|status| &status.accounts);
    entries.any(|entry| entry.role_arn.is_some() && bearing(entry) == Bearing::Ready)
}

fn trusts(role: &CrossAccountRole, declared: &Grant, own: &Account) -> bool {
    let Ok(declaration) = Declaration::parse(role) else {
        return false;
    };
    // Whom a trust policy names is the same in every account.
    let Ok(trust) = trust::rendered(&declaration.trust, own.partition, &own.id) else {
        return false;
    };
    let mut grantees = declared.grantees.iter();
    grantees.any(|grantee| grant::names_account(&trust.document, grantee, own.partition, &own.id))
}

/// Whether a grant gives leave to assume a role, or is about to: not one that is being deleted, and of one that waits for a
/// person only what it gave before.
fn gives(grant: &AssumeRoleGrant, role: &CrossAccountRole) -> bool {
    let name = role.name_any();
    grant.metadata.deletion_timestamp.is_none()
        && select::chosen(&grant.spec.roles, &name, role.labels())
        && (!is_stalled(grant) || given(grant).contains(name.as_str()))
}

fn is_stalled(grant: &AssumeRoleGrant) -> bool {
    let status = grant.status.as_ref();
    status.is_some_and(|status| is_true(&status.conditions, STALLED))
}

fn given(grant: &AssumeRoleGrant) -> BTreeSet<&str> {
    let roles = grant.status.iter().flat_map(|status| &status.roles);
    roles.map(|role| role.role.as_str()).collect()
}

/// What of a grant's status bears on what others of its namespace say: what it gives, and whether more will come.
pub(super) fn bears_on_others(grant: &AssumeRoleGrant) -> (bool, BTreeSet<&str>) {
    (is_stalled(grant), given(grant))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use serde_json::json;

    use super::*;

    fn grant(stalled: &str, given: &[&str]) -> AssumeRoleGrant {
        let roles: Vec<_> = given
            .iter()
            .map(|role| json!({"roleArn": "arn:aws:iam::222222222222:role/audit", "role": role, "account": "prod", "trusted": "Yes"}))
            .collect();
        let condition = json!({
            "type": "Stalled", "status": stalled, "reason": "PermissionDenied", "message": "",
            "lastTransitionTime": "2026-11-26T10:00:00Z"
        });
        serde_json::from_value(json!({
            "apiVersion": "crossrole.dev/v1alpha1", "kind": "AssumeRoleGrant",
            "metadata": {"name": "auditors", "namespace": "security"},
            "spec": {"account": "identity", "roles": {"names": ["audit"]}, "to": {"groups": ["SecAuditors"]}},
            "status": {"roles": roles, "conditions": [condition]}
        }))
        .unwrap()
    }

    fn role(name: &str, state: &str) -> CrossAccountRole {
        let entry = json!({
            "account": "prod", "roleArn": "arn:aws:iam::222222222222:role/audit", "state": state, "reason": "InSync",
            "lastTransitionTime": "2026-11-26T10:00:00Z"
        });
        serde_json::from_value(json!({
            "apiVersion": "crossrole.dev/v1alpha1", "kind": "CrossAccountRole",
            "metadata": {"name": name, "namespace": "security"},
            "spec": {"accounts": {"names": ["prod"]}, "trust": [{"from": {"accounts": ["111111111111"]}}]},
            "status": {"accounts": [entry]}
        }))
        .unwrap()
    }

    #[test]
    fn a_grant_that_is_going_or_waits_for_a_person_gives_nothing_new() {
        let audit = role("audit", "Ready");
        let mut deleted = grant("False", &["audit"]);
        deleted.metadata.deletion_timestamp = Some(Time("2026-11-26T10:00:00Z".parse().unwrap()));
        for (name, grant, expected) in [
            ("it is about to", grant("False", &[]), true),
            ("it does", grant("False", &["audit"]), true),
            ("it waits for a person", grant("True", &[]), false),
            (
                "it waits for a person, and gave it before",
                grant("True", &["audit"]),
                true,
            ),
            ("it is being deleted", deleted, false),
        ] {
            assert_eq!(gives(&grant, &audit), expected, "{name}");
            assert!(!gives(&grant, &role("other", "Ready")), "{name}");
        }
        assert_ne!(
            bears_on_others(&grant("True", &[])),
            bears_on_others(&grant("False", &[]))
        );
        assert_ne!(
            bears_on_others(&grant("True", &["audit"])),
            bears_on_others(&grant("True", &[]))
        );
    }

    #[test]
    fn a_role_that_is_not_ready_may_be_somebody_elses() {
        assert!(is_there(&role("audit", "Ready")));
        assert!(!is_there(&role("audit", "Pending")));
    }
}
