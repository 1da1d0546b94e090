//! Kubernetes Events: what was done, and what went wrong, on transitions only.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

/// An Event's note holds at most so many bytes: Kubernetes API, `events.k8s.io/v1`.
const NOTE_SIZE: usize = 1024;

/// Writes Kubernetes Events.
#[derive(Clone)]
pub struct Events {
    recorder: Recorder,
}

impl Events {
    /// Writes as crossrole.
    pub fn new(client: kube::Client) -> Self {
        let reporter = Reporter {
            controller: crossrole_api::names::CONTROLLER.into(),
            instance: std::env::var("HOSTNAME").ok(),
        };
        Self {
            recorder: Recorder::new(client, reporter),
        }
    }

    /// Something was done.
    pub async fn done(&self, object: &ObjectReference, reason: &str, note: &str) {
        tracing::info!(reason, "{note}");
        self.publish(object, EventType::Normal, reason, note).await;
    }

    /// Something is wrong.
    pub async fn warn(&self, object: &ObjectReference, reason: &str, note: &str) {
        tracing::warn!(reason, "{note}");
        self.publish(object, EventType::Warning, reason, note).await;
    }

    // An Event that cannot be written must not hold up what it speaks of.
    async fn publish(&self, object: &ObjectReference, type_: EventType, reason: &str, note: &str) {
        let event = Event {
            type_,
            reason: reason.into(),
            note: Some(cut(note, NOTE_SIZE)),
            action: "Reconcile".into(),
            secondary: None,
        };
        if let Err(error) = self.recorder.publish(&event, object).await {
            tracing::warn!(%error, "an Event could not be written");
        }
    }
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
    fn a_cut_text_keeps_within_its_size_and_its_characters() {
        assert_eq!(cut("short", 10), "short");
        assert_eq!(cut("0123456789", 9), "012345…");
        assert_eq!(cut("ääääää", 8), "ää…");
    }
}
