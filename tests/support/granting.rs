//! The trusted side: accounts in which leave can be granted, with the kit that `examples/grants` shows.

use crossrole_testkit::scene::IDENTITY_ACCOUNT;
use crossrole_testkit::{Scene, tools};
use http::Method;
use serde_json::{Value, json};

use super::with;

/// A document of that kit.
pub fn document(file: &str) -> Value {
    let path = tools::workspace().join("examples/grants/bootstrap").join(file);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Lets the operator be grant roles, in whichever account.
pub async fn let_operator_grant(scene: &Scene) {
    let enter = json!({"inline": {"grants": document("operator-permissions.json")}});
    let edited = scene.simulator.edit_role(IDENTITY_ACCOUNT, "crossrole-operator", enter);
    edited.await.unwrap();
}

/// Makes a grant role that may do this.
pub async fn make_grant_role(scene: &Scene, account: &str, permissions: Value) {
    let order = json!({
        "name": "crossrole-grants",
        "trust": document("trust-identity.json"),
        "inline": {"crossrole": permissions},
    });
    scene.simulator.create_role(account, order).await.unwrap();
}

/// Makes a group.
pub async fn make_group(scene: &Scene, account: &str, name: &str) {
    let path = format!("/accounts/{account}/groups");
    let made: Value = scene
        .simulator
        .ask(Method::POST, &path, Some(&json!({"name": name})))
        .await
        .unwrap();
    assert!(made["arn"].is_string(), "{made}");
}

/// A class that lets these namespaces grant to whom the kit lists.
pub fn class(name: &str, namespaces: &[&str]) -> Value {
    let grants = json!({
        "role": "crossrole-grants", "allowedNamespaces": {"names": namespaces},
        "groups": ["SecAuditors"], "roles": ["ci/deployer"]
    });
    with(super::class(name), "/spec/grants", grants)
}
