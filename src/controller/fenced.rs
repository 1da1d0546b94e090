//! Nothing is written to Kubernetes while the fence is closed, and no more at once than is good for it.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Method, Request};
use kube::client::Body;
use tokio::sync::Semaphore;
use tower::{BoxError, Layer, Service};

use crate::fence::Fence;

/// What is told of each write that is sent.
type OnWrite = Arc<dyn Fn(&Request<Body>) + Send + Sync>;

/// Lays a [`Fenced`] around a service.
#[derive(Clone)]
pub struct FencedLayer {
    fence: Fence,
    places: Arc<Semaphore>,
    on_write: OnWrite,
}

impl FencedLayer {
    /// Behind this fence, so many writes at once. `on_write` is told of each write that passes it.
    pub fn new(fence: Fence, at_once: usize, on_write: impl Fn(&Request<Body>) + Send + Sync + 'static) -> Self {
        Self {
            fence,
            places: Arc::new(Semaphore::new(at_once)),
            on_write: Arc::new(on_write),
        }
    }
}

impl<S> Layer<S> for FencedLayer {
    type Service = Fenced<S>;

    fn layer(&self, inner: S) -> Fenced<S> {
        Fenced {
            inner,
            layer: self.clone(),
        }
    }
}

/// Sends reads always and at once, and writes while the fence is open, each in its turn.
#[derive(Clone)]
pub struct Fenced<S> {
    inner: S,
    layer: FencedLayer,
}

impl<S> Service<Request<Body>> for Fenced<S>
where
    S: Service<Request<Body>, Error = BoxError> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Response: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        // Whoever waits for a turn keeps nobody else from theirs.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Self { mut inner, layer } = self.clone();
        Box::pin(async move {
            if *request.method() == Method::GET {
                poll_fn(|context| inner.poll_ready(context)).await?;
                return inner.call(request).await;
            }
            // It is never closed, so waiting for it cannot fail.
            let _place = layer.places.acquire().await.ok();
            poll_fn(|context| inner.poll_ready(context)).await?;
            // After all that waits: the fence may have been closed meanwhile.
            let _passed = layer.fence.pass()?;
            (layer.on_write)(&request);
            inner.call(request).await
        })
    }
}
