//! What the proxies in front of the API server have in common: the API server behind them, and the port that they listen
//! on.
//!
//! The operator speaks plain HTTP to them, on the loopback interface only; what they pass on is as it was, the operator's
//! token with it.

use std::net::Ipv4Addr;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use kube::client::Client;
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::{ControlPlane, Error};

/// etcd takes no object that is nearly as large.
const LARGEST_BODY: usize = 16 << 20;

/// The API server behind a proxy.
pub(crate) struct Behind(Client);

/// A proxy that listens. Dropping it ends it, and all that goes through it.
#[derive(Debug)]
pub(crate) struct Listening {
    pub(crate) url: String,
    task: JoinHandle<()>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Listening {
    /// Listens on a free port.
    pub(crate) async fn start(router: Router) -> Result<Self, Error> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(no_proxy)?;
        let address = listener.local_addr().map_err(no_proxy)?;
        let task = tokio::spawn(async move {
            // It ends with the task only.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            url: format!("http://{address}"),
            task,
        })
    }
}

impl Behind {
    /// A control plane's API server.
    pub(crate) async fn of(control_plane: &ControlPlane) -> Result<Self, Error> {
        let kubeconfig = Kubeconfig::read_from(control_plane.kubeconfig()).map_err(no_proxy)?;
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
        let mut config = config.map_err(no_proxy)?;
        // Whoever asks says who it is; and what fails is for whoever asks to try again.
        config.auth_info = AuthInfo::default();
        config.default_retry = false;
        Ok(Self(Client::try_from(config).map_err(no_proxy)?))
    }

    /// The API server's answer.
    pub(crate) async fn send_on(&self, request: Request<kube::client::Body>) -> Response {
        let answer = match self.0.send(request).await {
            Ok(answer) => answer,
            Err(error) => return (StatusCode::BAD_GATEWAY, format!("{error:?}")).into_response(),
        };
        let (parts, body) = answer.into_parts();
        let mut answer = Response::new(Body::new(body));
        *answer.status_mut() = parts.status;
        *answer.headers_mut() = parts.headers;
        // How the body is framed is for this connection to say.
        for name in [header::TRANSFER_ENCODING, header::CONNECTION, header::CONTENT_LENGTH] {
            answer.headers_mut().remove(name);
        }
        answer
    }
}

/// A request with its whole body; the answer to it where the body cannot be read.
pub(crate) async fn whole(request: Request) -> Result<Request<axum::body::Bytes>, Response> {
    let (parts, body) = request.into_parts();
    match to_bytes(body, LARGEST_BODY).await {
        Ok(body) => Ok(Request::from_parts(parts, body)),
        Err(error) => Err((StatusCode::BAD_REQUEST, error.to_string()).into_response()),
    }
}

fn no_proxy(cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::because("no proxy in front of the API server", cause)
}
