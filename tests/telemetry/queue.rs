//! A queue in which nothing ever is, and which refuses to say so when it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use serde_json::json;
use tokio::net::TcpListener;

/// A queue in which nothing ever is.
pub struct Queue {
    /// Where SQS is.
    pub endpoint: String,
    refuses: Arc<AtomicBool>,
}

impl Queue {
    /// Answers as SQS does, for as long as the test lasts. Source: Amazon SQS Developer Guide, "Making query API requests using
    /// AWS JSON protocol in Amazon SQS".
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let refuses = Arc::new(AtomicBool::new(false));
        let refused = refuses.clone();
        let answer = move || async move {
            let (status, body) = if refused.load(Ordering::SeqCst) {
                let error = json!({"__type": "com.amazonaws.sqs#AccessDeniedException", "message": "not authorized"});
                (StatusCode::FORBIDDEN, error)
            } else {
                (StatusCode::OK, json!({}))
            };
            (status, [(CONTENT_TYPE, "application/x-amz-json-1.0")], body.to_string())
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        Self { endpoint, refuses }
    }

    /// From now on it refuses, or no longer.
    pub fn refuses(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::SeqCst);
    }
}
