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
use tower::limit::ConcurrencyLimitLayer;
use tower::retry::RetryLayer;

use super::deadline::DeadlineLayer;
use super::fenced::FencedLayer;
use crate::fence::Fence;
use crate::metrics::Metrics;

/// How long Kubernetes may take to begin an answer.
const LONGEST: Duration = Duration::from_secs(20);

/// Requests that wait for their answers: each has a connection of its own, some forty kilobytes, and an API server does not
/// get more done by being asked for more at once.
const AT_ONCE: usize = 64;

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
        .with_layer(&FencedLayer::new(fence, count))
        .with_layer(&ConcurrencyLimitLayer::new(AT_ONCE))
        .with_layer(&BufferLayer::new(WAITING))
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
    use std::sync::atomic::{AtomicUsize, Ordering};

    use k8s_openapi::api::core::v1::Namespace;
    use kube::Api;
    use kube::api::{Patch, PatchParams};
    use serde_json::json;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::fence::uptime;

    /// A Kubernetes that closes the fence with its first answer and asks for another attempt; later it answers.
    async fn busy(listener: TcpListener, fence: Fence, asked: Arc<AtomicUsize>) {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = connection.read(&mut request).await;
            let answer = if asked.fetch_add(1, Ordering::SeqCst) == 0 {
                fence.close();
                "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_string()
            } else {
                let body = json!({"metadata": {"name": "x"}}).to_string();
                let length = body.len();
                format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                )
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

    /// A Kubernetes that answers a connection's requests when it is told to, and counts those who wait for that.
    async fn patient(listener: TcpListener, waiting: Arc<Semaphore>, answering: Arc<Semaphore>) {
        while let Ok((mut connection, _)) = listener.accept().await {
            let (waiting, answering) = (waiting.clone(), answering.clone());
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = connection.read(&mut request).await;
                waiting.add_permits(1);
                answering.acquire().await.unwrap().forget();
                // Before the answer: with that, the next one may come.
                waiting.acquire().await.unwrap().forget();
                let body = json!({"metadata": {"name": "x"}}).to_string();
                let length = body.len();
                let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
                let _ = connection.write_all(answer.as_bytes()).await;
            });
        }
    }

    #[tokio::test]
    async fn no_more_is_asked_at_once_than_kubernetes_can_do() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (waiting, answering) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        tokio::spawn(patient(listener, waiting.clone(), answering.clone()));
        let client = fenced(Config::new(url.parse().unwrap()), Fence::closed(), Metrics::default()).unwrap();
        let asked = (0..3 * AT_ONCE).map(|_| {
            let api: Api<Namespace> = Api::all(client.clone());
            tokio::spawn(async move { api.get("x").await })
        });
        let asked: Vec<_> = asked.collect();
        let as_many = u32::try_from(AT_ONCE).unwrap();
        for _ in 0..2 * AT_ONCE {
            drop(waiting.acquire_many(as_many).await);
            assert!(waiting.available_permits() <= AT_ONCE);
            answering.add_permits(1);
        }
        answering.add_permits(AT_ONCE);
        for answer in asked {
            answer.await.unwrap().unwrap();
        }
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
