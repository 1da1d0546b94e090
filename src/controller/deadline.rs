//! A request to Kubernetes that nobody answers is given up.
//!
//! A connection whose other end has lost its power looks alive for minutes. Watches are meant to wait; everything else that
//! waited so long would hold up its object, and a new leader that lists would never begin.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Request;
use kube::client::Body;
use tower::{BoxError, Layer, Service};

/// Lays a [`Deadline`] of so long around a service.
#[derive(Clone, Copy, Debug)]
pub struct DeadlineLayer(pub Duration);

impl<S> Layer<S> for DeadlineLayer {
    type Service = Deadline<S>;

    fn layer(&self, inner: S) -> Deadline<S> {
        Deadline { inner, longest: self.0 }
    }
}

/// Waits for the beginning of an answer for so long, but for watches.
#[derive(Clone, Debug)]
pub struct Deadline<S> {
    inner: S,
    longest: Duration,
}

impl<S> Service<Request<Body>> for Deadline<S>
where
    S: Service<Request<Body>, Error = BoxError>,
    S::Future: Send + 'static,
    S::Response: 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let longest = self.longest;
        let watches = request.uri().query().is_some_and(|query| query.contains("watch="));
        let answer = self.inner.call(request);
        Box::pin(async move {
            if watches {
                return answer.await;
            }
            let answered = tokio::time::timeout(longest, answer).await;
            answered.unwrap_or_else(|_| Err(format!("Kubernetes did not answer within {longest:?}").into()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nobody answers.
    #[derive(Clone)]
    struct Silence;

    impl Service<Request<Body>> for Silence {
        type Response = ();
        type Error = BoxError;
        type Future = std::future::Pending<Result<(), BoxError>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<Body>) -> Self::Future {
            std::future::pending()
        }
    }

    async fn asked(uri: &str) -> Result<Result<(), String>, tokio::time::error::Elapsed> {
        let mut service = DeadlineLayer(Duration::from_millis(20)).layer(Silence);
        let request = Request::get(uri).body(Body::empty()).unwrap();
        let answer = tokio::time::timeout(Duration::from_millis(500), service.call(request)).await;
        answer.map(|answer| answer.map_err(|error| error.to_string()))
    }

    #[tokio::test]
    async fn everything_but_a_watch_is_given_up_in_time() {
        let given_up = asked("/api/v1/namespaces?limit=500").await.unwrap();
        assert_eq!(given_up, Err("Kubernetes did not answer within 20ms".to_string()));
        assert!(asked("/api/v1/namespaces?watch=true").await.is_err(), "a watch waits");
    }
}
