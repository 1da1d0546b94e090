//! Credentials without asking AWS for them: access keys, one-time codes, sessions.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Refused, Reply, known_account};
use crate::gateway::Shared;
use crate::world::credential::{Attributes, Credential, Identity, RoleSession};
use crate::world::time::iso;

type Shares = State<Arc<Shared>>;

/// Keys in the form in which every route answers them.
pub(crate) fn credential_json(credential: &Credential) -> Value {
    json!({
        "accessKeyId": credential.access_key,
        "secretAccessKey": credential.secret,
        "sessionToken": credential.token,
        "expiration": credential.expires.map(iso),
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyOrder {
    user: Option<String>,
    #[serde(default)]
    root: bool,
}

/// Long-term keys of a user or of the account's root.
pub(crate) async fn create_access_key(
    State(shared): Shares,
    Path(account): Path<String>,
    Json(order): Json<KeyOrder>,
) -> Reply {
    known_account(&shared, &account)?;
    let mut world = shared.world();
    let identity = match (order.user, order.root) {
        (Some(name), false) => {
            let id = world.account(&account)?.user(&name).map(|user| user.id.clone());
            Identity::User {
                id: id.ok_or_else(|| Refused::not_found(&format!("user {name}")))?,
            }
        }
        (None, true) => Identity::Root,
        _ => return Err(Refused::bad("give either \"user\" or \"root\": true")),
    };
    let credential = world.issue_access_key(&account, identity);
    Ok(Json(credential_json(&credential)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CodeOrder {
    serial: String,
}

/// A code of an MFA device. It is accepted once.
pub(crate) async fn mfa_code(State(shared): Shares, Json(order): Json<CodeOrder>) -> Reply {
    let mut world = shared.world();
    let code = world.ids.mfa_code();
    let mut accounts = world.accounts.values_mut();
    let device = accounts.find_map(|account| account.mfa_devices.get_mut(&order.serial));
    let device = device.ok_or_else(|| Refused::not_found(&format!("MFA device {}", order.serial)))?;
    device.codes.insert(code.clone());
    Ok(Json(json!({"code": code})))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct MfaOrder {
    user: String,
    #[serde(default)]
    age_seconds: i64,
    #[serde(default = "half_a_day")]
    duration_seconds: i64,
}

fn half_a_day() -> i64 {
    43_200
}

/// A session of a user whose MFA is as old as wanted.
pub(crate) async fn mfa_session(State(shared): Shares, Json(order): Json<MfaOrder>) -> Reply {
    let mut world = shared.world();
    let found = world.accounts.values().find_map(|account| {
        let user = account.users.values().find(|user| user.arn == order.user)?;
        Some((account.id.clone(), user.id.clone()))
    });
    let (account, id) = found.ok_or_else(|| Refused::not_found(&format!("user {}", order.user)))?;
    let at = world.now() - order.age_seconds;
    let credential = world.issue_session(&account, Identity::User { id }, order.duration_seconds, Some(at));
    Ok(Json(credential_json(&credential)))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SessionOrder {
    role: String,
    #[serde(default = "session_name")]
    session_name: String,
    #[serde(default = "an_hour")]
    duration_seconds: i64,
}

fn session_name() -> String {
    "admin".to_owned()
}

fn an_hour() -> i64 {
    3600
}

/// A session of a role, whatever its trust policy says: as if a node or a pod had it.
pub(crate) async fn role_session(State(shared): Shares, Json(order): Json<SessionOrder>) -> Reply {
    let mut world = shared.world();
    let found = world.accounts.values().find_map(|account| {
        let role = account.roles.values().find(|role| role.arn == order.role)?;
        Some((account.id.clone(), Arc::clone(role)))
    });
    let (account, role) = found.ok_or_else(|| Refused::not_found(&format!("role {}", order.role)))?;
    let session = RoleSession {
        role_id: role.id.clone(),
        role_name: role.name.clone(),
        session_name: order.session_name,
        policies: Vec::new(),
        attributes: Attributes::default(),
    };
    let credential = world.issue_session(&account, Identity::Session(session), order.duration_seconds, None);
    Ok(Json(credential_json(&credential)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expiry {
    account: String,
    role: Option<String>,
}

/// Ends the sessions of a role at this moment, or all of the account.
pub(crate) async fn expire(State(shared): Shares, Json(order): Json<Expiry>) -> Reply {
    known_account(&shared, &order.account)?;
    let count = shared.world().expire_sessions(&order.account, order.role.as_deref());
    Ok(Json(json!({"expired": count})))
}
