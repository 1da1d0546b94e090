//! Against a Kubernetes that answers as each case says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::header::ACCEPT;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::Value;

use super::*;

/// What Kubernetes answers, in order, and what it was asked.
#[derive(Clone, Default)]
struct Kubernetes {
    answers: Arc<Mutex<VecDeque<(u16, Value)>>>,
    /// The method, and the Event's name: `*`, where the server is to choose it.
    asked: Arc<Mutex<Vec<String>>>,
}

impl tower::Service<Request<Body>> for Kubernetes {
    type Response = Response<Body>;
    type Error = std::convert::Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (head, body) = request.into_parts();
        let accepted = head.headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
        assert!(
            accepted.unwrap_or_default().contains("as=PartialObjectMetadata"),
            "what others wrote need not be readable: {accepted:?}"
        );
        let kubernetes = self.clone();
        async move {
            let body = body.collect().await.unwrap().to_bytes();
            let (code, body) = kubernetes.answer(head.method.as_str(), head.uri.path(), &body);
            let body = Body::from(body.to_string().into_bytes());
            Ok(Response::builder().status(code).body(body).unwrap())
        }
        .boxed()
    }
}

impl Kubernetes {
    fn answer(&self, method: &str, path: &str, body: &[u8]) -> (u16, Value) {
        let name = match path.rsplit_once("/events").unwrap().1.strip_prefix('/') {
            Some(name) => name.to_string(),
            None => {
                let event: Value = serde_json::from_slice(body).unwrap();
                event["metadata"]["name"].as_str().unwrap_or("*").to_string()
            }
        };
        self.asked.lock().unwrap().push(format!("{method} {name}"));
        let answer = self.answers.lock().unwrap().pop_front();
        answer.unwrap_or_else(|| panic!("asked once too often: {:?}", self.asked.lock().unwrap()))
    }

    fn answers(&self, answers: impl IntoIterator<Item = (u16, Value)>) {
        self.answers.lock().unwrap().extend(answers);
    }

    /// What it was asked since, in short.
    fn asked(&self) -> Vec<String> {
        assert!(self.answers.lock().unwrap().is_empty(), "it is asked less often");
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    /// Counts these, in their order.
    async fn count(&self, counted: &mut Counted, ids: &[&str]) -> Result<Vec<bool>, Trouble> {
        let events = Events::new(kube::Client::new(self.clone(), "default"));
        let told: Vec<Told> = ids.iter().map(|id| told(id)).collect();
        let told: Vec<&Told> = told.iter().collect();
        let object = ObjectReference {
            kind: Some("CrossAccountRole".into()),
            name: Some("audit".into()),
            namespace: Some("security".into()),
            ..ObjectReference::default()
        };
        let series = Series {
            name: "series",
            object: &object,
            account: "prod",
            told: &told,
        };
        count(&events, &series, counted).await
    }
}

fn told(id: &str) -> Told {
    Told {
        id: id.into(),
        time: "2026-11-27T10:00:00Z".parse().unwrap(),
        series: "series".into(),
        reason: series::ASSUMED,
        is_warning: false,
        note: "assumed by somebody".into(),
    }
}

/// An Event's metadata, with marks of these.
fn event(name: &str, version: &str, marks: &BTreeSet<Mark>) -> (u16, Value) {
    let metadata = json!({
        "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata",
        "metadata": {"name": name, "namespace": "security", "resourceVersion": version,
            "annotations": {COUNTED_ANNOTATION: series::written(marks)}}
    });
    (200, metadata)
}

fn of(ids: &[&str]) -> BTreeSet<Mark> {
    ids.iter().map(|id| Mark::of(id)).collect()
}

fn refused(code: u16, message: &str) -> (u16, Value) {
    let status = json!({
        "apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": "", "code": code, "message": message
    });
    (code, status)
}

#[tokio::test]
async fn what_another_process_has_counted_is_not_new_and_the_rest_is() {
    let (kubernetes, mut counted) = (Kubernetes::default(), Counted::default());
    kubernetes.answers([
        refused(409, "exists"),
        event("audit-series", "7", &of(&["one"])),
        event("audit-series", "8", &of(&["one", "two"])),
    ]);
    let new = kubernetes.count(&mut counted, &["one", "two"]).await.unwrap();
    assert_eq!(new, [false, true]);
    assert_eq!(
        kubernetes.asked(),
        ["POST audit-series", "GET audit-series", "PATCH audit-series"]
    );
    assert_eq!(kubernetes.count(&mut counted, &["two"]).await.unwrap(), [false]);
}

#[tokio::test]
async fn what_was_written_without_an_answer_is_counted_once() {
    let (kubernetes, mut counted) = (Kubernetes::default(), Counted::default());
    kubernetes.answers([refused(504, "timeout")]);
    assert!(kubernetes.count(&mut counted, &["one"]).await.unwrap_err().is_answer());
    kubernetes.answers([refused(409, "exists"), event("audit-series", "7", &of(&["one"]))]);
    assert_eq!(kubernetes.count(&mut counted, &["one"]).await.unwrap(), [true]);
    assert_eq!(kubernetes.count(&mut counted, &["one"]).await.unwrap(), [false]);
    kubernetes.asked();
}

#[tokio::test]
async fn an_event_that_takes_no_more_is_passed_over() {
    let full: Vec<String> = (0..MOST).map(|number| number.to_string()).collect();
    let full = of(&full.iter().map(String::as_str).collect::<Vec<_>>());
    for trouble in [
        refused(413, "limit"),
        refused(422, "invalid"),
        refused(500, "etcdserver: request is too large"),
    ] {
        let (kubernetes, mut counted) = (Kubernetes::default(), Counted::default());
        kubernetes.answers([
            refused(409, "exists"),
            event("audit-series", "7", &full),
            trouble,
            event("audit-series-2", "9", &of(&["one"])),
        ]);
        assert_eq!(kubernetes.count(&mut counted, &["one"]).await.unwrap(), [true]);
        let asked = kubernetes.asked();
        assert_eq!(
            asked,
            [
                "POST audit-series",
                "GET audit-series",
                "POST audit-series-1",
                "POST audit-series-2"
            ]
        );
    }
}

#[tokio::test]
async fn in_the_end_the_server_chooses_a_name_and_then_it_is_told_without() {
    let (kubernetes, mut counted) = (Kubernetes::default(), Counted::default());
    let invalid = || refused(422, "invalid");
    kubernetes.answers(std::iter::repeat_with(invalid).take(ATTEMPTS));
    kubernetes.answers([event("audit-series-x7k2p", "9", &of(&["one"]))]);
    assert_eq!(kubernetes.count(&mut counted, &["one"]).await.unwrap(), [true]);
    let asked = kubernetes.asked();
    assert_eq!(asked.len(), ATTEMPTS + 1);
    assert_eq!(asked.last().unwrap(), "POST *");
    kubernetes.answers([event("audit-series-x7k2p", "10", &of(&["one", "two"]))]);
    assert_eq!(kubernetes.count(&mut counted, &["two"]).await.unwrap(), [true]);
    assert_eq!(kubernetes.asked(), ["PATCH audit-series-x7k2p"]);

    let mut counted = Counted::default();
    kubernetes.answers(std::iter::repeat_with(invalid).take(2 * ATTEMPTS));
    assert_eq!(kubernetes.count(&mut counted, &["one"]).await.unwrap(), [true]);
    assert_eq!(kubernetes.asked().len(), 2 * ATTEMPTS);
    assert_eq!(kubernetes.count(&mut counted, &["one"]).await.unwrap(), [false]);
}

#[tokio::test]
async fn a_refusal_is_an_answer_and_says_nothing_was_counted() {
    for code in [403, 429, 500] {
        let (kubernetes, mut counted) = (Kubernetes::default(), Counted::default());
        kubernetes.answers([refused(code, "no")]);
        let trouble = kubernetes.count(&mut counted, &["one"]).await.unwrap_err();
        assert!(trouble.is_answer(), "{trouble}");
        assert_eq!(trouble.code(), code.to_string());
    }
    assert!(!Trouble::NoAnswer.is_answer());
    // Of a namespace that goes none can be kept, whoever asks.
    let (kubernetes, mut counted) = (Kubernetes::default(), Counted::default());
    kubernetes.answers([refused(403, "namespace security is being terminated")]);
    assert_eq!(kubernetes.count(&mut counted, &["one"]).await.unwrap(), [true]);
}
