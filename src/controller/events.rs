//! Kubernetes Events: what was done, and what went wrong, on transitions only.
//!
//! Each is an object of its own. kube's recorder folds Events that differ in their note alone, and keeps the first note:
//! of two accounts only one would be named. Here what is said of several accounts at the same time names them all.

mod alike;

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::Api;
use kube::api::{ObjectMeta, PostParams};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;
use tracing::Instrument as _;

use self::alike::{Alike, Saying};
use super::client::WRITES_AT_ONCE;

/// An Event's note holds at most so many bytes: Kubernetes API, `events.k8s.io/v1`.
const NOTE_SIZE: usize = 1024;

/// A condition's message holds at most so many bytes.
pub const MESSAGE_SIZE: usize = 1024;

/// So many Events are written at the same time, that they leave room for what matters more.
const AT_ONCE: usize = WRITES_AT_ONCE / 2;

/// Nobody waits longer for an Event to be written.
const LONGEST: Duration = Duration::from_secs(10);

/// Writes Kubernetes Events.
#[derive(Clone)]
pub struct Events {
    client: kube::Client,
    places: Arc<Semaphore>,
    alike: Alike,
    instance: String,
}

/// How an Event is meant.
#[derive(Clone, Copy, Debug)]
pub enum Tone {
    /// Something was done.
    Done,
    /// Something is wrong.
    Warns,
}

impl Tone {
    /// The Event's type.
    fn type_(self) -> &'static str {
        match self {
            Self::Done => "Normal",
            Self::Warns => "Warning",
        }
    }
}

impl Events {
    /// Writes as crossrole.
    pub fn new(client: kube::Client) -> Self {
        let instance = std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty());
        Self {
            client,
            places: Arc::new(Semaphore::new(AT_ONCE)),
            alike: Alike::default(),
            instance: instance.unwrap_or_else(|| crossrole_api::names::CONTROLLER.into()),
        }
    }

    /// Something was done.
    pub async fn done(&self, object: &ObjectReference, reason: &str, note: &str) {
        log(object, Tone::Done, reason, note);
        self.publish(object, Tone::Done.type_(), reason, note).await;
    }

    /// Something is wrong.
    pub async fn warn(&self, object: &ObjectReference, reason: &str, note: &str) {
        log(object, Tone::Warns, reason, note);
        self.publish(object, Tone::Warns.type_(), reason, note).await;
    }

    /// Something is to be said of an account. One Event speaks of all of which the same is said while another one is written:
    /// an object in a thousand accounts would be a thousand Events.
    pub async fn tell_of(&self, object: &ObjectReference, account: &str, (tone, reason): (Tone, &str), text: String) {
        log(object, tone, reason, &format!("account {account}: {text}"));
        let saying = Saying {
            object: (title(object), object.uid.clone()),
            type_: tone.type_(),
            reason: reason.to_string(),
            text,
        };
        let (told, begins) = self.alike.join(&saying, account);
        if begins {
            // A task of its own: whoever comes later waits for it, and whoever came first need not wait for them.
            tokio::spawn(self.clone().tell_alike(object.clone(), saying).in_current_span());
        }
        let _ = timeout(LONGEST, told.cancelled()).await;
    }

    async fn tell_alike(self, object: ObjectReference, saying: Saying) {
        while let Some(accounts) = self.alike.next(&saying) {
            let note = accounts.note(&saying.text);
            self.publish(&object, saying.type_, &saying.reason, &note).await;
        }
    }

    /// A place to write an Event.
    pub(super) async fn place(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed, so waiting for it cannot fail.
        self.places.acquire().await.ok()
    }

    /// Where Events about an object are written.
    pub(super) fn api(&self, object: &ObjectReference) -> Api<Event> {
        Api::namespaced(self.client.clone(), namespace(object))
    }

    /// An Event, but for its name.
    pub(super) fn event(&self, object: &ObjectReference, type_: &str, reason: &str, note: &str) -> Event {
        Event {
            metadata: ObjectMeta {
                namespace: Some(namespace(object).into()),
                ..ObjectMeta::default()
            },
            type_: Some(type_.into()),
            reason: Some(reason.into()),
            note: Some(cut(note, NOTE_SIZE)),
            action: Some("Reconcile".into()),
            regarding: Some(object.clone()),
            reporting_controller: Some(format!(
                "{}/{}",
                crossrole_api::names::GROUP,
                crossrole_api::names::CONTROLLER
            )),
            reporting_instance: Some(self.instance.clone()),
            event_time: Some(MicroTime(jiff::Timestamp::now())),
            ..Event::default()
        }
    }

    // An Event that cannot be written must not hold up for long what it speaks of.
    async fn publish(&self, object: &ObjectReference, type_: &str, reason: &str, note: &str) {
        let time = MicroTime(jiff::Timestamp::now());
        let write = async {
            let _place = self.place().await;
            // Made and boxed here: many wait for a place.
            Box::pin(async {
                let mut event = self.event(object, type_, reason, note);
                event.metadata.generate_name = Some(generate_name(object));
                event.event_time = Some(time);
                self.api(object).create(&PostParams::default(), &event).await
            })
            .await
        };
        match timeout(LONGEST, write).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(object = title(object), %error, "an Event could not be written"),
            Err(_) => tracing::warn!(object = title(object), "an Event could not be written in time"),
        }
    }
}

fn log(object: &ObjectReference, tone: Tone, reason: &str, note: &str) {
    match tone {
        Tone::Done => tracing::info!(object = title(object), reason, "{note}"),
        Tone::Warns => tracing::warn!(object = title(object), reason, "{note}"),
    }
}

/// What the log calls an object: `CrossAccountRole security/audit`, `AWSAccount prod`.
pub fn title(object: &ObjectReference) -> String {
    let kind = object.kind.as_deref().unwrap_or_default();
    let name = object.name.as_deref().unwrap_or_default();
    match &object.namespace {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    }
}

// Events about cluster-scoped objects live in `default`, as those of other controllers do.
fn namespace(object: &ObjectReference) -> &str {
    object.namespace.as_deref().unwrap_or("default")
}

// An Event's name is a DNS subdomain of at most 253 characters; the API server adds five.
pub(super) fn generate_name(object: &ObjectReference) -> String {
    let name = object.name.as_deref().unwrap_or(crossrole_api::names::CONTROLLER);
    let start: String = name.chars().take(200).collect();
    format!("{}-", start.trim_end_matches(['.', '-']))
}

/// A text of at most so many bytes, with an ellipsis where it was cut.
pub fn cut(text: &str, size: usize) -> String {
    if text.len() <= size {
        return text.to_string();
    }
    let mut end = size.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_called_by_its_kind_and_its_name() {
        let mut object = ObjectReference {
            kind: Some("AWSAccount".into()),
            name: Some("prod".into()),
            ..ObjectReference::default()
        };
        assert_eq!(title(&object), "AWSAccount prod");
        object.namespace = Some("security".into());
        assert_eq!(title(&object), "AWSAccount security/prod");
    }

    #[test]
    fn a_cut_text_keeps_within_its_size_and_its_characters() {
        assert_eq!(cut("short", 10), "short");
        assert_eq!(cut("0123456789", 9), "012345…");
        assert_eq!(cut("ääääää", 8), "ää…");
    }
}
