//! Figures of the feed of events: who used roles, who changed them, and whether the queue is read.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use super::Metrics;
use super::family::{Catalogue, Series};

/// The labels of a use beside the account: kind of principal, MFA, outcome.
type Labels = [&'static str; 3];

/// Figures of the feed.
pub(super) struct Feed {
    role_uses: Series<4, Counter>,
    role_changes_outside: Series<1, Counter>,
    messages: Series<1, Counter>,
    delay: Series<0, Histogram>,
    unread: Series<0, Gauge>,
    /// The series of uses that there are.
    used: Mutex<BTreeSet<(String, Labels)>>,
}

/// An event is told within seconds, or after an outage within days.
fn delays() -> Histogram {
    Histogram::new([1.0, 5.0, 15.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 86_400.0])
}

impl Feed {
    pub(super) fn new(all: &mut Catalogue) -> Self {
        Self {
            role_uses: all.counter(
                "role_uses",
                ["account_id", "principal_type", "mfa", "outcome"],
                "Times that a role of crossrole was assumed, or was to be and was denied, as the event queue tells",
            ),
            role_changes_outside: all.counter(
                "role_changes_outside",
                ["account_id"],
                "Changes of roles of crossrole that somebody else made, as the event queue tells",
            ),
            messages: all.counter(
                "event_queue_messages",
                ["outcome"],
                "Messages that were taken from the event queue, by what became of them",
            ),
            delay: all.seconds_histogram(
                "event_delay",
                [],
                "How long after it happened a use or a change of a role was counted",
                delays,
            ),
            unread: all.gauge(
                "event_queue_unread",
                [],
                "1 while the event queue cannot be read, is not read because Kubernetes does not answer, or what was handled cannot be deleted; 0 where it was at the last try; absent where there is none",
            ),
            used: Mutex::default(),
        }
    }

    /// This process reads no queue.
    pub(super) fn reads_nothing(&self) {
        self.unread.clear();
    }

    /// A series that begins with its first count has no increase to be seen.
    pub(super) fn begin(&self, account_id: &str) {
        self.role_changes_outside.add([account_id], 0);
    }

    /// Forgets the accounts that are none of these.
    pub(super) fn forget_all_but(&self, known: &BTreeSet<&str>) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.retain(|(account, [principal, mfa, outcome])| {
            let stays = known.contains(account.as_str());
            if !stays {
                self.role_uses.remove([account, principal, mfa, outcome]);
            }
            stays
        });
    }

    pub(super) fn forget(&self, account_id: &str) {
        self.role_changes_outside.remove([account_id]);
    }
}

impl Metrics {
    /// A role was assumed, or was to be, so long ago. The labels: kind of principal, MFA, outcome.
    pub fn used_role(&self, account_id: &str, labels: [&'static str; 3], ago: Duration) {
        let [principal, mfa, outcome] = labels;
        let feed = &self.0.feed;
        feed.role_uses.add([account_id, principal, mfa, outcome], 1);
        feed.delay.observe([], ago.as_secs_f64());
        let mut used = feed.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.insert((account_id.to_string(), labels));
    }

    /// Somebody else changed a role, so long ago.
    pub fn changed_outside(&self, account_id: &str, ago: Duration) {
        self.0.feed.role_changes_outside.add([account_id], 1);
        self.0.feed.delay.observe([], ago.as_secs_f64());
        self.note(account_id);
    }

    /// Something became of a message of the event queue.
    pub fn took_message(&self, outcome: &str) {
        self.0.feed.messages.add([outcome], 1);
    }

    /// Whether the event queue could be read.
    pub fn read_event_queue(&self, is_read: bool) {
        self.0.feed.unread.set([], i64::from(!is_read));
    }
}
