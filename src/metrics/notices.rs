//! Figures of notices.

use prometheus_client::metrics::counter::Counter;

use super::Metrics;
use super::family::{Catalogue, Series};

/// Registers the counter.
pub(super) fn counter(all: &mut Catalogue) -> Series<2, Counter> {
    all.counter(
        "notices",
        ["notifier", "outcome"],
        "Notices about roles that have ended, by the notifier (its AccountClass and its name) and by what became of them; all but `Delivered` are parked",
    )
}

impl Metrics {
    /// A notice was delivered, or parked.
    pub fn sent_notice(&self, notifier: &str, outcome: &str) {
        self.0.notices.add([notifier, outcome], 1);
    }
}
