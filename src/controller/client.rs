//! The client of Kubernetes.

use std::fmt::Debug;
use std::time::Duration;

use http::{Method, Request};
use kube::api::ListParams;
use kube::client::retry::RetryPolicy;
use kube::client::{Body, ClientBuilder};
use kube::{Api, Client, Config};
use serde::de::DeserializeOwned;
use tower::buffer::BufferLayer;
use tower::retry::RetryLayer;

use super::deadline::DeadlineLayer;
use super::fenced::FencedLayer;
use crate::fence::Fence;
use crate::metrics::Metrics;

/// How long Kubernetes may take to begin an answer.
const LONGEST: Duration = Duration::from_secs(20);

/// Writes that wait for their answers: each has a connection of its own, some forty kilobytes, and an API server does not
/// get more done by being asked for more at once.
pub(super) const WRITES_AT_ONCE: usize = 64;

/// Requests that wait to be sent.
const WAITING: usize = 1024;

/// The object of a name, if there is one. It is listed: that is a right which the operator has.
///
/// # Errors
/// What Kubernetes answered.
pub async fn find<K>(api: &Api<K>, name: &str) -> kube::Result<Option<K>>
where
    K: Clone + DeserializeOwned + Debug,
{
    let of_name = ListParams::default().fields(&format!("metadata.name={name}"));
    Ok(api.list(&of_name).await?.items.pop())
}

/// A client that writes nothing while the fence is closed; reads are always sent. Counts the writes.
///
/// # Errors
/// A configuration that kube does not take.
pub fn fenced(mut config: Config, fence: Fence, metrics: Metrics) -> kube::Result<Client> {
    // kube would try again below the fence, for minutes. Here each attempt passes it.
    config.default_retry = false;
    let count = move |request: &Request<Body>| {
        let (verb, resource) = write(request.method(), request.uri().path());
        metrics.wrote_to_kubernetes(verb, &resource);
    };
    Ok(ClientBuilder::try_from(config)?
        .with_layer(&DeadlineLayer(LONGEST))
        .with_layer(&BufferLayer::new(WAITING))
        .with_layer(&FencedLayer::new(fence, WRITES_AT_ONCE, count))
        .with_layer(&RetryLayer::new(RetryPolicy::server_retry()))
        .build())
}

/// A write as Kubernetes' own rights name it: the verb, and the resource with its subresource. Source: Kubernetes API
/// concepts, "Resource URIs".
fn write(method: &Method, path: &str) -> (&'static str, String) {
    let verb = match *method {
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "other",
    };
    let mut parts = path.trim_start_matches('/').split('/');
    // A group and its version, or the version of the core group alone.
    let before = if parts.next() == Some("apis") { 2 } else { 1 };
    let parts: Vec<&str> = parts.skip(before).collect();
    let parts = match parts.as_slice() {
        ["namespaces", _, rest @ ..] if !rest.is_empty() => rest,
        all => all,
    };
    let resource = match parts {
        [resource, _, subresource, ..] => format!("{resource}/{subresource}"),
        [resource, ..] => (*resource).to_string(),
        [] => String::new(),
    };
    (verb, resource)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use k8s_openapi::api::core::v1::Namespace;
    use kube::Api;
    use kube::api::{Patch, PatchParams};
    use serde_json::json;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::sync::Notify;

    use super::*;
    use crate::fence::uptime;

    /// The answer that there is a namespace `x`.
    fn found() -> String {
        let body = json!({"metadata": {"name": "x"}}).to_string();
        let length = body.len();
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        )
    }

    /// A Kubernetes that closes the fence with its first answer and asks for another attempt; later it answers.
    async fn busy(listener: TcpListener, fence: Fence, asked: Arc<AtomicUsize>) {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = connection.read(&mut request).await;
            let answer = if asked.fetch_add(1, Ordering::SeqCst) == 0 {
                fence.close();
                "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_string()
            } else {
                found()
            };
            let _ = connection.write_all(answer.as_bytes()).await;
        }
    }

    #[tokio::test]
    async fn every_attempt_of_a_write_passes_the_fence_and_reads_need_not() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (fence, asked) = (Fence::closed(), Arc::new(AtomicUsize::new(0)));
        assert!(fence.extend(uptime() + std::time::Duration::from_secs(3600)));
        tokio::spawn(busy(listener, fence.clone(), asked.clone()));
        let metrics = Metrics::default();
        let client = fenced(Config::new(url.parse().unwrap()), fence, metrics.clone()).unwrap();
        let api: Api<Namespace> = Api::all(client);
        let patch = Patch::Merge(json!({}));
        for expected in [1, 1] {
            let error = api.patch("x", &PatchParams::default(), &patch).await.unwrap_err();
            let told = crate::telemetry::told(&error);
            assert!(told.contains("was not sent"), "{told}");
            assert_eq!(asked.load(Ordering::SeqCst), expected);
        }
        api.get("x").await.unwrap();
        assert_eq!(asked.load(Ordering::SeqCst), 2);
        let figures = metrics.tell().unwrap();
        let sent = "crossrole_kubernetes_writes_total{verb=\"patch\",resource=\"namespaces\"} 1\n";
        assert!(figures.contains(sent), "only what was sent counts: {figures}");
    }

    /// A Kubernetes that answers when it is told to, and counts those who wait for that.
    #[derive(Default)]
    struct Patient {
        waiting: AtomicUsize,
        most: AtomicUsize,
        arrived: Notify,
        answering: Notify,
        is_answering: AtomicBool,
    }

    impl Patient {
        async fn serve(self: Arc<Self>, listener: TcpListener) {
            while let Ok((mut connection, _)) = listener.accept().await {
                let patient = self.clone();
                tokio::spawn(async move {
                    let mut request = [0; 4096];
                    let _ = connection.read(&mut request).await;
                    let waiting = patient.waiting.fetch_add(1, Ordering::SeqCst) + 1;
                    patient.most.fetch_max(waiting, Ordering::SeqCst);
                    patient.arrived.notify_one();
                    let answering = patient.answering.notified();
                    if !patient.is_answering.load(Ordering::SeqCst) {
                        answering.await;
                    }
                    patient.waiting.fetch_sub(1, Ordering::SeqCst);
                    let _ = connection.write_all(found().as_bytes()).await;
                });
            }
        }

        async fn until_so_many_wait(&self, count: usize) {
            while self.waiting.load(Ordering::SeqCst) < count {
                self.arrived.notified().await;
            }
        }

        fn answer(&self) {
            self.is_answering.store(true, Ordering::SeqCst);
            self.answering.notify_waiters();
        }
    }

    #[tokio::test]
    async fn writes_wait_for_their_turn_and_pass_the_fence_after_that_and_reads_wait_for_nobody() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (patient, fence) = (Arc::new(Patient::default()), Fence::closed());
        assert!(fence.extend(uptime() + Duration::from_secs(3600)));
        tokio::spawn(patient.clone().serve(listener));
        let metrics = Metrics::default();
        let client = fenced(Config::new(url.parse().unwrap()), fence.clone(), metrics.clone()).unwrap();
        let api: Api<Namespace> = Api::all(client);
        let write = || {
            let api = api.clone();
            let patch = Patch::Merge(json!({}));
            tokio::spawn(async move { api.patch("x", &PatchParams::default(), &patch).await })
        };
        let writes: Vec<_> = (0..3 * WRITES_AT_ONCE).map(|_| write()).collect();
        patient.until_so_many_wait(WRITES_AT_ONCE).await;
        let read = {
            let api = api.clone();
            tokio::spawn(async move { api.get("x").await })
        };
        patient.until_so_many_wait(WRITES_AT_ONCE + 1).await;
        fence.close();
        patient.answer();
        read.await.unwrap().unwrap();
        let mut sent = 0;
        for write in writes {
            match write.await.unwrap() {
                Ok(_) => sent += 1,
                Err(error) => assert!(crate::telemetry::told(&error).contains("was not sent"), "{error}"),
            }
        }
        assert_eq!(
            (sent, patient.most.load(Ordering::SeqCst)),
            (WRITES_AT_ONCE, WRITES_AT_ONCE + 1)
        );
        let figures = metrics.tell().unwrap();
        let counted = format!("crossrole_kubernetes_writes_total{{verb=\"patch\",resource=\"namespaces\"}} {sent}\n");
        assert!(figures.contains(&counted), "only what was sent counts: {figures}");
    }

    #[test]
    fn a_write_is_named_as_rights_name_it() {
        for (method, path, verb, resource) in [
            (
                Method::PATCH,
                "/apis/crossrole.dev/v1alpha1/namespaces/security/crossaccountroles/audit/status",
                "patch",
                "crossaccountroles/status",
            ),
            (
                Method::PATCH,
                "/apis/crossrole.dev/v1alpha1/awsaccounts/prod",
                "patch",
                "awsaccounts",
            ),
            (
                Method::POST,
                "/apis/events.k8s.io/v1/namespaces/default/events",
                "create",
                "events",
            ),
            (Method::DELETE, "/api/v1/namespaces/security", "delete", "namespaces"),
            (Method::PUT, "/", "update", ""),
        ] {
            assert_eq!(write(&method, path), (verb, resource.to_string()), "{path}");
        }
    }
}
