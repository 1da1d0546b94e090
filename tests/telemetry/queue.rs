//! A queue that gives what it is given, once, and which refuses to do so when it is told to.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A queue.
pub struct Queue {
    /// Where SQS is.
    pub endpoint: String,
    refuses: Arc<AtomicBool>,
    waiting: Arc<Mutex<VecDeque<String>>>,
}

/// What a call gives: a message that waits, or that all was deleted.
fn answered(headers: &HeaderMap, body: &str, waiting: &Mutex<VecDeque<String>>) -> Value {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    match target.and_then(|target| target.rsplit('.').next()) {
        Some("ReceiveMessage") => {
            let message = waiting.lock().unwrap().pop_front();
            let message = message.map(|body| json!({"MessageId": "m-1", "ReceiptHandle": "r-1", "Body": body}));
            json!({"Messages": message.into_iter().collect::<Vec<_>>()})
        }
        Some("DeleteMessageBatch") => {
            let asked: Value = serde_json::from_str(body).unwrap();
            let ids = asked["Entries"].as_array().unwrap().iter();
            let deleted: Vec<Value> = ids.map(|entry| json!({"Id": entry["Id"]})).collect();
            json!({"Successful": deleted, "Failed": []})
        }
        _ => json!({}),
    }
}

impl Queue {
    /// Answers as SQS does, for as long as the test lasts. Source: Amazon SQS Developer Guide, "Making query API requests using
    /// AWS JSON protocol in Amazon SQS".
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let refuses = Arc::new(AtomicBool::new(false));
        let waiting = Arc::new(Mutex::new(VecDeque::new()));
        let (refused, given) = (refuses.clone(), waiting.clone());
        let answer = move |headers: HeaderMap, body: String| async move {
            let (status, body) = if refused.load(Ordering::SeqCst) {
                let error = json!({"__type": "com.amazonaws.sqs#AccessDeniedException", "message": "not authorized"});
                (StatusCode::FORBIDDEN, error)
            } else {
                (StatusCode::OK, answered(&headers, &body, &given))
            };
            (status, [(CONTENT_TYPE, "application/x-amz-json-1.0")], body.to_string())
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        Self {
            endpoint,
            refuses,
            waiting,
        }
    }

    /// Puts a message into it.
    pub fn send(&self, message: String) {
        self.waiting.lock().unwrap().push_back(message);
    }

    /// From now on it refuses, or no longer.
    pub fn refuses(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::SeqCst);
    }
}
