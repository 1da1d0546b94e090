//! The bootstrap role, as `docs/bootstrap.md` and `examples/bootstrap` show it.

use std::collections::BTreeSet;

use crossrole::api::{AWSAccount, AccountClass};
use crossrole::aws::Action;
use crossrole::iam::document::{Document, DocumentKind};
use serde_json::Value;

use super::page::read;

fn bootstrap(file: &str) -> Value {
    serde_json::from_str(&read(&format!("examples/bootstrap/{file}"))).unwrap()
}

/// The actions of all statements of one effect.
fn actions(policy: &Value, effect: &str) -> BTreeSet<String> {
    let statements = policy["Statement"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|statement| statement["Effect"] == effect);
    statements
        .flat_map(|statement| match &statement["Action"] {
            Value::String(action) => vec![action.clone()],
            Value::Array(actions) => actions
                .iter()
                .map(|action| action.as_str().unwrap().to_owned())
                .collect(),
            _ => Vec::new(),
        })
        .collect()
}

#[test]
fn the_bootstrap_role_has_exactly_the_rights_that_are_used() {
    let permissions = bootstrap("permissions.json");
    let mut used: BTreeSet<String> = Action::ALL.iter().map(|action| action.as_str().to_owned()).collect();
    // Nobody needs a right for the one; the operator's own identity has the other.
    assert!(used.remove("sts:GetCallerIdentity") && used.remove("sts:AssumeRole"));
    // Only for classes without a boundary; everybody else is better off without it.
    assert!(used.remove("iam:DeleteRolePermissionsBoundary"));
    assert_eq!(actions(&permissions, "Allow"), used);
    assert!(actions(&permissions, "Deny").contains("iam:DeleteRolePermissionsBoundary"));
    assert!(actions(&permissions, "Deny").contains("iam:PassRole"));
    assert!(actions(&bootstrap("operator-permissions.json"), "Allow").contains("sts:AssumeRole"));
}

#[test]
fn what_can_widen_a_role_needs_the_boundary_and_writes_stay_below_the_role_path() {
    let permissions = bootstrap("permissions.json");
    for statement in permissions["Statement"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["Effect"] == "Allow")
    {
        let policy = serde_json::json!({"Statement": [statement]});
        for action in actions(&policy, "Allow") {
            let bounded = !statement["Condition"]["StringEquals"]["iam:PermissionsBoundary"].is_null();
            let widens = [
                "CreateRole",
                "PutRolePermissionsBoundary",
                "PutRolePolicy",
                "AttachRolePolicy",
            ]
            .iter()
            .any(|name| action == format!("iam:{name}"));
            assert_eq!(bounded, widens, "{action}");
            let resource = statement["Resource"].as_str().unwrap();
            let writes = Action::ALL.iter().any(|one| one.as_str() == action && one.writes());
            let below =
                resource == "arn:aws:iam::*:role/crossrole/*" || resource == "arn:aws:iam::*:instance-profile/*";
            assert_eq!(writes, below, "{action} on {resource}");
        }
    }
}

#[test]
fn the_example_policies_are_policies() {
    for (file, kind) in [
        ("boundary.json", DocumentKind::Permission),
        ("operator-permissions.json", DocumentKind::Permission),
        ("permissions.json", DocumentKind::Permission),
        ("trust-prod.json", DocumentKind::Trust),
        ("trust-stage.json", DocumentKind::Trust),
    ] {
        let text = read(&format!("examples/bootstrap/{file}"));
        if let Err(error) = Document::parse(&text, kind) {
            panic!("{file}: {error}");
        }
    }
}

#[test]
fn the_examples_fit_together() {
    let class: AccountClass = serde_saphyr::from_str(&read("examples/quickstart/class.yaml")).unwrap();
    let accounts: Vec<AWSAccount> = serde_saphyr::from_multiple(&read("examples/quickstart/accounts.yaml")).unwrap();
    let expected = bootstrap("trust-prod.json")["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"].clone();
    for account in accounts {
        assert_eq!(account.spec.class, class.metadata.name.clone().unwrap());
        assert_eq!(account.spec.external_id.as_deref(), expected.as_str());
    }
    let permissions = read("examples/bootstrap/permissions.json");
    assert!(permissions.contains(&format!("role{}*", class.spec.guardrails.role_path)));
    assert!(permissions.contains(&format!(":policy/{}\"", class.spec.guardrails.permissions_boundary)));
    assert!(permissions.contains(&format!(":role/{}\"", class.spec.bootstrap_role.name)));
    let rules = class.spec.guardrails.managed_policies.unwrap();
    for policy in rules.aws {
        assert!(
            permissions.contains(&format!("arn:aws:iam::aws:policy/{policy}\"")),
            "{policy} may not be attached"
        );
    }
    for policy in rules.account {
        assert!(
            permissions.contains(&format!(":policy/{policy}\"")),
            "{policy} may not be attached"
        );
    }
}

#[test]
fn the_tight_boundary_is_the_usual_one_without_what_the_example_class_denies_besides_identities() {
    let usual = bootstrap("boundary.json");
    let tight: Value = serde_json::from_str(&read("examples/tight-boundary.json")).unwrap();
    Document::parse(&tight.to_string(), DocumentKind::Managed).unwrap();
    assert_eq!(actions(&tight, "Allow"), actions(&usual, "Allow"));
    assert_eq!(tight["Statement"][0], usual["Statement"][0]);
    for class in ["examples/quickstart/class.yaml", "examples/gitops/rules/class.yaml"] {
        let class: AccountClass = serde_saphyr::from_str(&read(class)).unwrap();
        let inline = class.spec.guardrails.inline_policies.unwrap();
        let mut denied: BTreeSet<String> = inline.deny_actions.into_iter().collect();
        for identities in ["iam:*", "organizations:*", "sts:*"] {
            assert!(denied.remove(identities), "{identities}");
        }
        assert_eq!(actions(&tight, "Deny"), denied);
    }
}

#[test]
fn the_documentation_shows_the_example_files_as_they_are() {
    let page = read("docs/bootstrap.md");
    for file in ["trust-prod.json", "permissions.json"] {
        let shown = format!("```json\n{}```", read(&format!("examples/bootstrap/{file}")));
        assert!(
            page.contains(&shown),
            "docs/bootstrap.md does not show examples/bootstrap/{file} as it is"
        );
    }
}
