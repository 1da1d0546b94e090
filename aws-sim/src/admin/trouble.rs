//! Faults, latency, the clock, and forgetting everything.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Map, json};
use tokio::time::timeout;

use super::{Refused, Reply};
use crate::faults::catalogue;
use crate::faults::effect::Release;
use crate::faults::fault::{Order, Report, State as FaultState};
use crate::gateway::Shared;
use crate::world::time::iso;

type Shares = State<Arc<Shared>>;

pub(crate) async fn add_fault(State(shared): Shares, Json(order): Json<Order>) -> Reply {
    let id = shared.faults.add(order, &mut shared.world()).map_err(Refused::bad)?;
    Ok(Json(json!({"id": id})))
}

pub(crate) async fn list_faults(State(shared): Shares) -> Reply {
    Ok(Json(json!({"faults": shared.faults.reports()})))
}

pub(crate) async fn clear_faults(State(shared): Shares) -> Reply {
    shared.faults.remove(None, &mut shared.world());
    Ok(Json(json!({})))
}

/// Forgets one fault, and tells how far it came.
pub(crate) async fn remove_fault(State(shared): Shares, Path(id): Path<u64>) -> Reply {
    let report = shared.faults.remove(Some(id), &mut shared.world()).pop();
    Ok(Json(json!(
        report.ok_or_else(|| Refused::not_found(&format!("fault {id}")))?
    )))
}

/// Errors that have a short name, and which action can give which.
pub(crate) async fn list_errors() -> Reply {
    let errors: Vec<_> = catalogue::all()
        .map(|known| json!({"name": known.name, "code": known.code, "status": known.status}))
        .collect();
    let actions: Map<_, _> = catalogue::actions()
        .map(|action| (action.to_owned(), json!(catalogue::of_action(action))))
        .collect();
    Ok(Json(json!({"errors": errors, "actions": actions})))
}

fn report(shared: &Shared, id: u64) -> Result<Report, Refused> {
    shared
        .faults
        .report(id)
        .ok_or_else(|| Refused::not_found(&format!("fault {id}")))
}

pub(crate) async fn get_fault(State(shared): Shares, Path(id): Path<u64>) -> Reply {
    Ok(Json(json!(report(&shared, id)?)))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Patience {
    #[serde(default = "half_a_minute")]
    timeout_ms: u64,
}

fn half_a_minute() -> u64 {
    30_000
}

/// Answers as soon as the fault holds a call or has hit one; at the end of the time in any case. The state tells which.
pub(crate) async fn wait_for_fault(
    State(shared): Shares,
    Path(id): Path<u64>,
    Query(patience): Query<Patience>,
) -> Reply {
    let mut changes = shared.faults.changes();
    let hit = async {
        loop {
            changes.borrow_and_update();
            match shared.faults.report(id) {
                Some(report) if report.fired == 0 && report.state == FaultState::Waiting => {}
                _ => return,
            }
            if changes.changed().await.is_err() {
                return;
            }
        }
    };
    let _ = timeout(Duration::from_millis(patience.timeout_ms), hit).await;
    Ok(Json(json!(report(&shared, id)?)))
}

pub(crate) async fn release_fault(State(shared): Shares, Path(id): Path<u64>, Json(release): Json<Release>) -> Reply {
    match shared.faults.release(id, release) {
        None => Err(Refused::not_found(&format!("fault {id}"))),
        Some(0) => Err(Refused::conflict(format!("fault {id} holds no call"))),
        Some(count) => Ok(Json(json!({"released": count}))),
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Advance {
    advance_seconds: i64,
}

pub(crate) async fn advance_clock(State(shared): Shares, Json(order): Json<Advance>) -> Reply {
    let mut world = shared.world();
    world.advance(order.advance_seconds);
    Ok(Json(json!({"now": iso(world.now())})))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Latency {
    ms: u64,
}

pub(crate) async fn set_latency(State(shared): Shares, Json(order): Json<Latency>) -> Reply {
    shared.latency_ms.store(order.ms, Ordering::Relaxed);
    Ok(Json(json!({"ms": order.ms})))
}

/// Forgets accounts, credentials, calls, faults and the clock. Latency stays. Calls that are held are let go first.
pub(crate) async fn reset(State(shared): Shares) -> Reply {
    let mut world = shared.world();
    shared.faults.remove(None, &mut world);
    world.forget();
    drop(world);
    shared.calls().reset();
    Ok(Json(json!({})))
}
