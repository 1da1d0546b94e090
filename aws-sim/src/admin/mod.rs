//! The admin interface: JSON over HTTP, on a port of its own. Nothing here is counted or checked for permissions.

mod accounts;
mod observe;
mod providers;
mod roles;
mod sessions;
mod sign_ins;
mod trouble;

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use serde_json::{Value, json};

use crate::gateway::Shared;
use crate::wire::error::AwsError;

/// All routes.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/health", get(|| async { Json(json!({"status": "ok"})) }))
        .route("/accounts", post(accounts::create_account).get(accounts::list_accounts))
        .route("/accounts/{account}/quotas", post(accounts::set_quotas))
        .route("/accounts/{account}/users", post(accounts::create_user))
        .route("/accounts/{account}/users/{user}", delete(accounts::delete_user))
        .route("/accounts/{account}/groups", post(accounts::create_group))
        .route(
            "/accounts/{account}/policies",
            post(accounts::create_policy).get(accounts::list_policies),
        )
        .route(
            "/accounts/{account}/instance-profiles",
            post(accounts::create_instance_profile),
        )
        .route("/accounts/{account}/access-keys", post(sessions::create_access_key))
        .route(
            "/accounts/{account}/roles",
            post(roles::create_role).get(roles::list_roles),
        )
        .route(
            "/accounts/{account}/roles/{role}",
            get(roles::get_role).put(roles::edit_role).delete(roles::delete_role),
        )
        .route("/accounts/{account}/oidc-providers", post(providers::create_oidc))
        .route(
            "/accounts/{account}/oidc-providers/{*host}",
            delete(providers::delete_oidc),
        )
        .route("/accounts/{account}/saml-providers", post(providers::create_saml))
        .route(
            "/accounts/{account}/saml-providers/{name}",
            delete(providers::delete_saml),
        )
        .route("/credentials/{key}", put(sign_ins::move_credential))
        .route("/mfa-code", post(sessions::mfa_code))
        .route("/sessions/mfa", post(sessions::mfa_session))
        .route("/sessions/role", post(sessions::role_session))
        .route("/sessions/expire", post(sessions::expire))
        .route("/sessions/web-identity-token", post(providers::web_identity_token))
        .route("/sessions/saml-assertion", post(providers::saml_assertion))
        .route("/sessions/service", post(sign_ins::service))
        .route("/sessions/roles-anywhere", post(sign_ins::roles_anywhere))
        .route("/calls", get(observe::calls))
        .route("/calls/counts", get(observe::counts))
        .route("/calls/reset", post(observe::reset_calls))
        .route(
            "/faults",
            post(trouble::add_fault)
                .get(trouble::list_faults)
                .delete(trouble::clear_faults),
        )
        .route("/faults/errors", get(trouble::list_errors))
        .route("/faults/{fault}", get(trouble::get_fault).delete(trouble::remove_fault))
        .route("/faults/{fault}/wait", get(trouble::wait_for_fault))
        .route("/faults/{fault}/release", post(trouble::release_fault))
        .route("/clock", post(trouble::advance_clock))
        .route("/latency", post(trouble::set_latency))
        .route("/reset", post(trouble::reset))
        .with_state(shared)
}

/// What an admin request answers.
pub(crate) type Reply = Result<Json<Value>, Refused>;

/// Why an admin request was refused.
#[derive(Debug)]
pub(crate) struct Refused {
    status: StatusCode,
    code: String,
    message: String,
}

impl Refused {
    fn not_found(what: &str) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            code: "NotFound".to_owned(),
            message: format!("There is no {what}."),
        }
    }

    fn bad(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: "BadRequest".to_owned(),
            message: message.into(),
        }
    }

    fn conflict(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::CONFLICT,
            code: "Conflict".to_owned(),
            message: message.into(),
        }
    }
}

impl From<AwsError> for Refused {
    fn from(error: AwsError) -> Self {
        let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
        Self {
            status,
            code: error.code,
            message: error.message,
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.status, Json(json!({"code": self.code, "error": self.message}))).into_response()
    }
}

/// A document given as JSON, or as text to be taken as it is.
fn document_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A stored document as JSON.
fn document_json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

fn known_account(shared: &Shared, account: &str) -> Result<(), Refused> {
    if shared.world().accounts.contains_key(account) {
        Ok(())
    } else {
        Err(Refused::not_found(&format!("account {account}")))
    }
}
