//! What a campaign was made of.

use std::collections::BTreeMap;
use std::fmt;

use super::claims::Expected;
use super::transition::{Step, Transition};

/// Counts of a campaign.
#[derive(Debug, Default)]
pub struct Tally {
    transitions: usize,
    /// Transitions with faults.
    faulty: usize,
    /// Edits by hand that found something to edit.
    pub edits: usize,
    accepted: usize,
    refused: BTreeMap<String, usize>,
    by_schema: usize,
    by_rule: usize,
    pub removed: usize,
    pub restarts: usize,
}

impl Tally {
    pub fn begun(&mut self, transition: &Transition) {
        self.transitions += 1;
        self.faulty += usize::from(transition.is_faulty());
    }

    /// `against` is what the API server said against it.
    pub fn ended(&mut self, transition: &Transition, against: Option<&str>, expected: &Expected) {
        if matches!(transition.step, Step::Breach(_)) {
            self.by_schema += 1;
        } else if against.is_some() {
            self.by_rule += 1;
        } else if expected.accepted() {
            self.accepted += 1;
        } else {
            let reason = expected.entries.values().map(|(_, reason)| reason.as_str());
            let reason = reason.filter(|reason| *reason != "InSync").min();
            *self
                .refused
                .entry(reason.unwrap_or("NoAccounts").to_string())
                .or_default() += 1;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refused: usize = self.refused.values().sum();
        write!(
            formatter,
            "{} transitions: {} accepted, {refused} refused by the operator, {} by the schema, {} by the schema's rules, \
             {} removals; {} with faults, {} edits by hand, {} restarts; reasons {:?}",
            self.transitions,
            self.accepted,
            self.by_schema,
            self.by_rule,
            self.removed,
            self.faulty,
            self.edits,
            self.restarts,
            self.refused
        )
    }
}
