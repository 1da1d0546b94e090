//! Figures of notices.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

use super::Metrics;
use super::family::{Catalogue, Series};

/// Figures of notices, by the notifier.
pub(super) struct Notices {
    ended: Series<2, Counter>,
    parked: Series<1, Gauge>,
}

impl Notices {
    pub(super) fn new(all: &mut Catalogue) -> Self {
        Self {
            ended: all.counter(
                "notices",
                ["notifier", "outcome"],
                "Notices about roles that have ended, by the notifier (its AccountClass and its name) and by what became of them; all but `Delivered` are parked",
            ),
            parked: all.gauge(
                "notifier_parked",
                ["notifier"],
                "1 while the last notice of a notifier was parked; 0 where it was delivered; absent before the first",
            ),
        }
    }
}

impl Metrics {
    /// A notifier is no longer there.
    pub fn forget_notifier(&self, notifier: &str) {
        self.0.notices.parked.remove([notifier]);
    }

    /// A notice was delivered, or parked.
    pub fn sent_notice(&self, notifier: &str, outcome: &str) {
        self.0.notices.ended.add([notifier, outcome], 1);
    }

    /// Whether a notifier took the last notice.
    pub fn notifier_stands(&self, notifier: &str, delivered: bool) {
        self.0.notices.parked.set([notifier], i64::from(!delivered));
    }
}
