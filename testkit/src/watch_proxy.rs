//! Stands between the operator and the API server, and keeps back, swallows or cuts what watches tell; lists that may be
//! old are old where a test wants it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures::{StreamExt as _, stream};
use serde_json::Value;
use tokio::sync::{mpsc, watch};

use crate::behind::{Behind, Listening, whole};
use crate::{ControlPlane, Error};

/// A proxy that runs. Dropping it ends it, and all that goes through it.
#[derive(Debug)]
pub struct WatchProxy {
    state: Arc<Shared>,
    listening: Listening,
}

struct Shared {
    behind: Behind,
    rules: Mutex<Rules>,
    /// Counts up whenever the rules change.
    changed: watch::Sender<u64>,
}

/// What becomes of events; kinds by their plural.
#[derive(Debug, Default)]
struct Rules {
    kept_back: HashSet<String>,
    swallowed: HashSet<String>,
    /// Of one object of a kind, so many more events are passed on, and the others kept back.
    budgets: HashMap<(String, String), u64>,
    /// Lists as they were, which are given to whoever takes any version.
    frozen: HashMap<String, Bytes>,
    /// Kinds whose next watch is told that it begins too long ago.
    expired: HashSet<String>,
    /// How often the watches of a kind were cut.
    cuts: HashMap<String, u64>,
    /// How often the newest list of a kind was asked for.
    newest: HashMap<String, u64>,
}

#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Passed,
    Kept,
    Swallowed,
}

impl WatchProxy {
    /// Starts one in front of a control plane's API server, on a free port.
    ///
    /// # Errors
    /// When no port can be opened, or the control plane's kubeconfig cannot be used.
    pub async fn start(control_plane: &ControlPlane) -> Result<Self, Error> {
        let state = Arc::new(Shared {
            behind: Behind::of(control_plane).await?,
            rules: Mutex::default(),
            changed: watch::Sender::new(0),
        });
        let router = Router::new().fallback(pass).with_state(state.clone());
        let listening = Listening::start(router).await?;
        Ok(Self { state, listening })
    }

    /// Its address, in place of the API server's.
    pub fn url(&self) -> &str {
        &self.listening.url
    }

    /// Keeps back every event of a kind (`crossaccountroles`), until [`WatchProxy::let_go`].
    pub fn keep_back(&self, plural: &str) {
        self.change(|rules| rules.kept_back.extend([plural.to_owned()]));
    }

    /// Of one object, passes on so many more events and keeps back the others, until [`WatchProxy::let_go`].
    pub fn keep_back_after(&self, plural: &str, name: &str, events: u64) {
        self.change(|rules| rules.budgets.extend([((plural.to_owned(), name.to_owned()), events)]));
    }

    /// Whether an object has had all the events that it may have.
    pub fn is_used_up(&self, plural: &str, name: &str) -> bool {
        let key = (plural.to_owned(), name.to_owned());
        self.state.rules().budgets.get(&key) == Some(&0)
    }

    /// From now on, whoever fills a cache with a kind gets the list of now, and no watch tells of anything later, until
    /// [`WatchProxy::let_go`]: so does an API server whose cache does not keep up.
    ///
    /// # Errors
    /// When the API server does not give the list to the administrator.
    pub async fn freeze(&self, control_plane: &ControlPlane, path: &str) -> Result<(), Error> {
        let list = control_plane.kubectl(["get", "--raw", path]).await?;
        let plural = plural_of(path);
        self.change(|rules| {
            rules.frozen.insert(plural.clone(), list.into());
            rules.kept_back.insert(plural);
        });
        Ok(())
    }

    /// Swallows every event of a kind, until [`WatchProxy::let_go`]. The watches are cut then, and whoever takes one up
    /// again is told to list anew.
    pub fn swallow(&self, plural: &str) {
        self.change(|rules| rules.swallowed.extend([plural.to_owned()]));
    }

    /// Cuts the watches of a kind.
    pub fn cut(&self, plural: &str) {
        self.change(|rules| *rules.cuts.entry(plural.to_owned()).or_default() += 1);
    }

    /// Lets everything go on. What was kept back comes now, in its order.
    pub fn let_go(&self) {
        self.change(|rules| {
            rules.kept_back.clear();
            rules.budgets.clear();
            rules.frozen.clear();
            for plural in std::mem::take(&mut rules.swallowed) {
                *rules.cuts.entry(plural.clone()).or_default() += 1;
                rules.expired.insert(plural);
            }
        });
    }

    /// How often a kind was listed otherwise than to fill a cache.
    pub fn newest_lists(&self, plural: &str) -> u64 {
        self.state.rules().newest.get(plural).copied().unwrap_or_default()
    }

    fn change(&self, change: impl FnOnce(&mut Rules)) {
        change(&mut self.state.rules());
        self.state.changed.send_modify(|count| *count += 1);
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.rules.fmt(formatter)
    }
}

impl Shared {
    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes on the events of a watch, as the rules say, until it ends or is cut.
    async fn relay(self: Arc<Self>, plural: String, events: Body, out: mpsc::UnboundedSender<Bytes>) {
        let mut changed = self.changed.subscribe();
        let cuts = self.cuts(&plural);
        let mut events = events.into_data_stream();
        let mut begun = Vec::new();
        let mut kept: Vec<Bytes> = Vec::new();
        loop {
            let lines = tokio::select! {
                chunk = events.next() => match chunk {
                    Some(Ok(chunk)) => {
                        begun.extend_from_slice(&chunk);
                        lines(&mut begun)
                    }
                    _ => return,
                },
                _ = changed.changed() => Vec::new(),
                // Nobody listens any more.
                () = out.closed() => return,
            };
            if self.cuts(&plural) != cuts {
                return;
            }
            kept.extend(lines);
            for line in std::mem::take(&mut kept) {
                match self.rules().fate(&plural, &line) {
                    Fate::Passed => drop(out.send(line)),
                    Fate::Kept => kept.push(line),
                    Fate::Swallowed => {}
                }
            }
        }
    }

    fn cuts(&self, plural: &str) -> u64 {
        self.rules().cuts.get(plural).copied().unwrap_or_default()
    }
}

impl Rules {
    fn fate(&mut self, plural: &str, line: &[u8]) -> Fate {
        if self.swallowed.contains(plural) {
            return Fate::Swallowed;
        }
        if self.kept_back.contains(plural) {
            return Fate::Kept;
        }
        if self.budgets.is_empty() {
            return Fate::Passed;
        }
        let event: Value = serde_json::from_slice(line).unwrap_or_default();
        let name = event["object"]["metadata"]["name"].as_str().unwrap_or_default();
        match self.budgets.get_mut(&(plural.to_owned(), name.to_owned())) {
            Some(0) => Fate::Kept,
            Some(left) => {
                *left -= 1;
                Fate::Passed
            }
            None => Fate::Passed,
        }
    }
}

/// Takes the whole lines out of what has come so far.
fn lines(begun: &mut Vec<u8>) -> Vec<Bytes> {
    let Some(end) = begun.iter().rposition(|byte| *byte == b'\n') else {
        return Vec::new();
    };
    let rest = begun.split_off(end + 1);
    let whole = std::mem::replace(begun, rest);
    let lines = whole.split_inclusive(|byte| *byte == b'\n');
    lines.map(Bytes::copy_from_slice).collect()
}

/// The last part of a path to a whole kind.
fn plural_of(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

async fn pass(State(state): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = match whole(request).await {
        Ok(request) => request.into_parts(),
        Err(answer) => return answer,
    };
    let plural = plural_of(parts.uri.path());
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let asks = |parameter: &str| query.split('&').any(|given| given == parameter);
    let reads = parts.method == Method::GET;
    let watches = reads && (asks("watch=true") || asks("watch=1"));
    if watches && state.rules().expired.remove(&plural) {
        let status = r#"{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","code":410,"message":"too old resource version"}"#;
        return (StatusCode::GONE, [(header::CONTENT_TYPE, "application/json")], status).into_response();
    }
    if reads && !watches {
        let mut rules = state.rules();
        // Lists that fill a cache are of whole objects.
        let accepted = parts
            .headers
            .get(header::ACCEPT)
            .map(|value| String::from_utf8_lossy(value.as_bytes()));
        let fills_cache = !accepted.is_some_and(|accepted| accepted.contains("PartialObjectMetadataList"));
        if let Some(list) = rules.frozen.get(&plural).filter(|_| fills_cache) {
            let list = list.clone();
            return ([(header::CONTENT_TYPE, "application/json")], list).into_response();
        }
        if !fills_cache {
            *rules.newest.entry(plural.clone()).or_default() += 1;
        }
    }
    let answer = state.behind.send_on(Request::from_parts(parts, body.into())).await;
    if !watches || !answer.status().is_success() {
        return answer;
    }
    let (parts, events) = answer.into_parts();
    let (out, passed) = mpsc::unbounded_channel();
    tokio::spawn(state.relay(plural, events, out));
    let passed = stream::unfold(passed, async |mut passed| {
        let line: Bytes = passed.recv().await?;
        Some((Ok::<_, std::io::Error>(line), passed))
    });
    Response::from_parts(parts, Body::from_stream(passed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_passed_on_when_it_is_whole() {
        let mut begun = b"one\ntwo\nthr".to_vec();
        assert_eq!(lines(&mut begun), ["one\n", "two\n"]);
        begun.extend_from_slice(b"ee\n");
        assert_eq!(lines(&mut begun), ["three\n"]);
        assert!(begun.is_empty());
    }

    #[test]
    fn an_object_gets_as_many_events_as_it_may_and_others_get_all() {
        let mut rules = Rules::default();
        let key = ("crossaccountroles".to_owned(), "audit".to_owned());
        rules.budgets.insert(key, 1);
        let audit = br#"{"type": "MODIFIED", "object": {"metadata": {"name": "audit"}}}"#;
        let other = br#"{"type": "MODIFIED", "object": {"metadata": {"name": "other"}}}"#;
        assert_eq!(rules.fate("crossaccountroles", audit), Fate::Passed);
        assert_eq!(rules.fate("crossaccountroles", audit), Fate::Kept);
        assert_eq!(rules.fate("crossaccountroles", other), Fate::Passed);
        rules.swallowed.insert("crossaccountroles".to_owned());
        assert_eq!(rules.fate("crossaccountroles", other), Fate::Swallowed);
    }
}
