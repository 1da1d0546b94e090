//! What was called, and how often.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::json;

use super::Reply;
use crate::gateway::Shared;

type Shares = State<Arc<Shared>>;

#[derive(Debug, Deserialize)]
pub(crate) struct Since {
    #[serde(default)]
    since: u64,
}

pub(crate) async fn calls(State(shared): Shares, Query(query): Query<Since>) -> Reply {
    let calls = shared.calls();
    Ok(Json(json!({"calls": calls.since(query.since), "last": calls.last()})))
}

pub(crate) async fn counts(State(shared): Shares) -> Reply {
    let (total, accounts) = shared.calls().counts();
    Ok(Json(json!({"total": total, "accounts": accounts})))
}

pub(crate) async fn reset_calls(State(shared): Shares) -> Reply {
    let mut calls = shared.calls();
    calls.reset();
    Ok(Json(json!({"last": calls.last()})))
}
