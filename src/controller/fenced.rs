//! Nothing is written to Kubernetes while the fence is closed.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Method, Request};
use kube::client::Body;
use tower::{BoxError, Layer, Service};

use crate::fence::Fence;

/// What is told of each write that is sent.
type OnWrite = Arc<dyn Fn(&Request<Body>) + Send + Sync>;

/// Lays a [`Fenced`] around a service.
#[derive(Clone)]
pub struct FencedLayer {
    fence: Fence,
    on_write: OnWrite,
}

impl FencedLayer {
    /// Behind this fence. `on_write` is told of each write that passes it.
    pub fn new(fence: Fence, on_write: impl Fn(&Request<Body>) + Send + Sync + 'static) -> Self {
        Self {
            fence,
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

/// Sends reads always, and writes while the fence is open.
#[derive(Clone)]
pub struct Fenced<S> {
    inner: S,
    layer: FencedLayer,
}

impl<S> Service<Request<Body>> for Fenced<S>
where
    S: Service<Request<Body>, Error = BoxError>,
    S::Future: Send + 'static,
    S::Response: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if *request.method() == Method::GET {
            return Box::pin(self.inner.call(request));
        }
        match self.layer.fence.pass() {
            Ok(passed) => {
                (self.layer.on_write)(&request);
                let answer = self.inner.call(request);
                Box::pin(async move {
                    let answer = answer.await;
                    drop(passed);
                    answer
                })
            }
            Err(closed) => Box::pin(std::future::ready(Err(closed.into()))),
        }
    }
}
