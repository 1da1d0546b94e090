//! The port of the probes and of Prometheus: `/healthz`, `/readyz`, `/metrics`.
//!
//! Nobody has to say who they are here, so everything is read and nothing can be changed.

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;

use crate::health::Health;
use crate::metrics::Metrics;

/// Source: OpenMetrics 1.0, "Content type".
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Answers for as long as the process lives.
///
/// # Errors
/// When the listener fails.
pub async fn serve(listener: TcpListener, health: Health, metrics: Metrics) -> std::io::Result<()> {
    let alive = health.clone();
    let router = Router::new()
        .route(
            "/healthz",
            get(move || async move { told(alive.alive().map(|()| "alive".into())) }),
        )
        .route(
            "/readyz",
            get(move || async move { told(health.ready().map(str::to_string).map_err(str::to_string)) }),
        )
        .route("/metrics", get(move || async move { figures(&metrics) }));
    axum::serve(listener, router).await
}

fn told(answer: Result<String, String>) -> Response {
    match answer {
        Ok(text) => text.into_response(),
        Err(text) => (StatusCode::SERVICE_UNAVAILABLE, text).into_response(),
    }
}

fn figures(metrics: &Metrics) -> Response {
    match metrics.tell() {
        Ok(text) => ([(CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
