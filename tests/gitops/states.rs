//! The states that objects can be in: `states.yaml`, which leaves out what does not matter.

use serde::Deserialize;
use serde_json::{Value, json};

use super::judge::read;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    state: String,
    kind: String,
    #[serde(default = "first")]
    generation: i64,
    #[serde(default)]
    deleting: bool,
    #[serde(default)]
    spec: Option<Value>,
    /// The whole status, where it is not made from the following.
    #[serde(default)]
    status: Option<Value>,
    /// The condition `Ready`, of generation 1.
    #[serde(default)]
    ready: Option<Value>,
    /// The type of another condition that is true.
    #[serde(default)]
    other: Option<String>,
    #[serde(default)]
    accounts: Vec<Value>,
}

fn first() -> i64 {
    1
}

/// Each state with an object that is in it.
pub fn all() -> Vec<(String, Value)> {
    let states: Vec<State> = serde_saphyr::from_str(&read("tests/gitops/states.yaml")).unwrap();
    states
        .into_iter()
        .map(|state| (state.state.clone(), object(state)))
        .collect()
}

fn object(state: State) -> Value {
    let mut object = json!({
        "apiVersion": "crossrole.dev/v1alpha1",
        "kind": state.kind,
        "metadata": {"name": "example", "generation": state.generation},
        "spec": state.spec.unwrap_or(json!({})),
    });
    if state.deleting {
        object["metadata"]["deletionTimestamp"] = json!("2026-11-22T10:00:00Z");
    }
    let made = state
        .ready
        .map(|ready| status(&ready, state.other.as_deref(), state.accounts));
    if let Some(status) = state.status.or(made) {
        object["status"] = status;
    }
    object
}

fn status(ready: &Value, other: Option<&str>, accounts: Vec<Value>) -> Value {
    let condition = |kind: &str, status: &Value, reason: &Value, message: &Value| {
        json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "observedGeneration": 1, "lastTransitionTime": "2026-11-22T09:00:00Z"
        })
    };
    let (reason, message) = (&ready["reason"], &ready["message"]);
    let mut conditions = vec![condition("Ready", &ready["status"], reason, message)];
    if let Some(other) = other {
        let of_its_own = match other {
            "RolesReadAlone" => Some((
                "PermissionDenied",
                "each role is read alone, with some calls for each look",
            )),
            "HalfOpen" => Some((
                "TrustedNotGranted",
                "CrossAccountRoles whose trust names account 111111111111, and which no grant there gives: audit",
            )),
            _ => None,
        };
        let of_its_own = of_its_own.map(|(reason, message)| (json!(reason), json!(message)));
        let (reason, message) = of_its_own
            .as_ref()
            .map_or((reason, message), |(reason, message)| (reason, message));
        conditions.push(condition(other, &json!("True"), reason, message));
    }
    json!({"observedGeneration": 1, "conditions": conditions, "accounts": accounts})
}
