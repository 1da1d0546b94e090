//! Stands between the operator and the API server: notes every write, and holds those that a test asks for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::Response;
use serde_json::Value;

use crate::behind::{Behind, Listening, whole};
use crate::{ControlPlane, Error};

/// A write to the API server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Write {
    /// What is written: `crossaccountroles` (which is how finalizers are written), `crossaccountroles/status`, `events`.
    pub what: String,
    /// The name of the object that is written; of an Event: of the object that it is about.
    pub name: String,
}

/// What becomes of a write that is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// It is never sent on.
    Unsent,
    /// It is sent on at once, and its answer never comes back.
    Unanswered,
}

/// A proxy that runs. Dropping it ends it, and all that goes through it.
#[derive(Debug)]
pub struct ApiProxy {
    state: Arc<Shared>,
    listening: Listening,
}

struct Shared {
    behind: Behind,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    writes: HashMap<Write, u64>,
    holds: HashMap<Write, Hold>,
}

#[derive(Debug)]
struct Hold {
    nth: u64,
    held: Held,
    seen: u64,
    reached: bool,
}

impl ApiProxy {
    /// Starts one in front of a control plane's API server, on a free port.
    ///
    /// # Errors
    /// When no port can be opened, or the control plane's kubeconfig cannot be used.
    pub async fn start(control_plane: &ControlPlane) -> Result<Self, Error> {
        let state = Arc::new(Shared {
            behind: Behind::of(control_plane).await?,
            inner: Mutex::default(),
        });
        let router = Router::new().fallback(pass).with_state(state.clone());
        let listening = Listening::start(router).await?;
        Ok(Self { state, listening })
    }

    /// Its address, in place of the API server's.
    pub fn url(&self) -> &str {
        &self.listening.url
    }

    /// How often each thing was written since the last [`ApiProxy::forget_writes`]; what was held counts.
    pub fn writes(&self) -> HashMap<Write, u64> {
        self.state.inner().writes.clone()
    }

    /// Begins to count anew.
    pub fn forget_writes(&self) {
        self.state.inner().writes.clear();
    }

    /// Holds the `nth` such write from now (from 1), and every further one, which is never sent on.
    pub fn hold(&self, write: Write, nth: u64, held: Held) {
        let hold = Hold {
            nth,
            held,
            seen: 0,
            reached: false,
        };
        self.state.inner().holds.insert(write, hold);
    }

    /// Whether a write is held: unsent, or answered by the API server.
    pub fn is_held(&self, write: &Write) -> bool {
        self.state.inner().holds.get(write).is_some_and(|hold| hold.reached)
    }

    /// Holds nothing any more. What is held now stays so, until whoever wrote it is gone.
    pub fn clear_holds(&self) {
        self.state.inner().holds.clear();
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.fmt(formatter)
    }
}

impl Shared {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a write. Says what becomes of it, if it is held.
    fn count(&self, write: &Write) -> Option<Held> {
        let mut inner = self.inner();
        *inner.writes.entry(write.clone()).or_default() += 1;
        let hold = inner.holds.get_mut(write)?;
        hold.seen += 1;
        match hold.seen.cmp(&hold.nth) {
            std::cmp::Ordering::Less => None,
            std::cmp::Ordering::Equal => Some(hold.held),
            std::cmp::Ordering::Greater => Some(Held::Unsent),
        }
    }

    fn reached(&self, write: &Write) {
        if let Some(hold) = self.inner().holds.get_mut(write) {
            hold.reached = true;
        }
    }
}

async fn pass(State(state): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = match whole(request).await {
        Ok(request) => request.into_parts(),
        Err(answer) => return answer,
    };
    let write = (parts.method != Method::GET).then(|| Write::of(parts.uri.path(), &body));
    let held = write.as_ref().and_then(|write| state.count(write));
    let request = Request::from_parts(parts, body.into());
    match (write, held) {
        (Some(write), Some(held)) => {
            if held == Held::Unanswered {
                state.behind.send_on(request).await;
            }
            state.reached(&write);
            std::future::pending().await
        }
        _ => state.behind.send_on(request).await,
    }
}

impl Write {
    /// The write to a path below `/api/v1` or `/apis/<group>/<version>`.
    fn of(path: &str, body: &[u8]) -> Self {
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        let version = if parts.next() == Some("api") { 1 } else { 2 };
        let parts: Vec<&str> = parts.skip(version).collect();
        let parts = match parts.as_slice() {
            ["namespaces", _, rest @ ..] if !rest.is_empty() && *rest != ["status"] => rest,
            all => all,
        };
        let about = || {
            let body: Value = serde_json::from_slice(body).unwrap_or_default();
            let regarding = body["regarding"]["name"].as_str();
            regarding
                .or(body["metadata"]["name"].as_str())
                .unwrap_or_default()
                .to_owned()
        };
        match parts {
            [plural, name] => Self::new(plural, name),
            [plural, name, part @ ..] => Self::new(&format!("{plural}/{}", part.join("/")), name),
            [plural] => Self::new(plural, &about()),
            [] => Self::new("", ""),
        }
    }

    /// A write of this, of the object of this name.
    pub fn new(what: &str, name: &str) -> Self {
        Self {
            what: what.to_owned(),
            name: name.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_told_by_what_it_writes_and_of_which_object() {
        for (path, what, name) in [
            ("/apis/crossrole.dev/v1alpha1/awsaccounts/prod", "awsaccounts", "prod"),
            (
                "/apis/crossrole.dev/v1alpha1/awsaccounts/prod/status",
                "awsaccounts/status",
                "prod",
            ),
            (
                "/apis/crossrole.dev/v1alpha1/namespaces/security/crossaccountroles/audit/status",
                "crossaccountroles/status",
                "audit",
            ),
            ("/apis/events.k8s.io/v1/namespaces/security/events", "events", "audit"),
            ("/api/v1/namespaces/security", "namespaces", "security"),
            ("/api/v1/namespaces/security/status", "namespaces/status", "security"),
        ] {
            let body = br#"{"metadata": {"generateName": "audit-"}, "regarding": {"name": "audit"}}"#;
            assert_eq!(Write::of(path, body), Write::new(what, name), "{path}");
        }
    }
}
