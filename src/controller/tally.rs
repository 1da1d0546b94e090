//! How many roles stand how, counted as status changes: no scrape goes through the objects.

use std::collections::{BTreeMap, HashMap};

use crossrole_api::{AccountEntry, CrossAccountRole, EntryState, Reason};
use jiff::Timestamp;

/// The states of an entry, in the order in which they are counted.
const STATES: [EntryState; 5] = [
    EntryState::Pending,
    EntryState::Ready,
    EntryState::Retrying,
    EntryState::Refused,
    EntryState::Removing,
];

/// The name of a state, as it stands in status.
pub fn state_name(state: EntryState) -> &'static str {
    match state {
        EntryState::Pending => "Pending",
        EntryState::Ready => "Ready",
        EntryState::Retrying => "Retrying",
        EntryState::Refused => "Refused",
        EntryState::Removing => "Removing",
    }
}

/// How many roles stand how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Entries by account id and state, as [`STATES`] has them.
    states: HashMap<String, [i64; STATES.len()]>,
    /// Entries by reason.
    reasons: HashMap<Reason, i64>,
    /// How many objects' time is over then.
    ends: BTreeMap<Timestamp, i64>,
}

impl Tally {
    /// Counts an object.
    pub fn add(&mut self, role: &CrossAccountRole) {
        self.count(role, 1);
    }

    /// No longer counts an object. It must be as it was when it was added.
    pub fn remove(&mut self, role: &CrossAccountRole) {
        self.count(role, -1);
    }

    fn count(&mut self, role: &CrossAccountRole, by: i64) {
        for entry in role.status.iter().flat_map(|status| &status.accounts) {
            self.count_entry(entry, by);
        }
        let end = role
            .spec
            .validity
            .as_ref()
            .and_then(|validity| validity.not_after.as_ref());
        if let Some(end) = end.and_then(|end| end.parse().ok()) {
            let count = self.ends.entry(end).or_default();
            *count += by;
            if *count == 0 {
                self.ends.remove(&end);
            }
        }
    }

    fn count_entry(&mut self, entry: &AccountEntry, by: i64) {
        let id = entry.account_id.as_deref().unwrap_or_default();
        let counts = match self.states.get_mut(id) {
            Some(counts) => counts,
            None => self.states.entry(id.to_string()).or_default(),
        };
        for (count, _) in counts.iter_mut().zip(STATES).filter(|(_, state)| *state == entry.state) {
            *count += by;
        }
        if counts.iter().all(|count| *count == 0) {
            self.states.remove(id);
        }
        let count = self.reasons.entry(entry.reason).or_default();
        *count += by;
        if *count == 0 {
            self.reasons.remove(&entry.reason);
        }
    }

    /// Entries by account id (empty: no AWSAccount says it) and state; only those that there are.
    pub fn states(&self) -> Vec<(String, &'static str, i64)> {
        let of_account = |(id, counts): (&String, &[i64; STATES.len()])| {
            let counts = STATES.into_iter().zip(*counts).filter(|(_, count)| *count != 0);
            let counts = counts.map(|(state, count)| (id.clone(), state_name(state), count));
            counts.collect::<Vec<_>>()
        };
        self.states.iter().flat_map(of_account).collect()
    }

    /// Entries by reason; only those that there are.
    pub fn reasons(&self) -> Vec<(&'static str, i64)> {
        let reasons = self.reasons.iter();
        reasons.map(|(reason, count)| (reason.as_str(), *count)).collect()
    }

    /// When the time of an object is over next.
    pub fn next_end(&self, now: Timestamp) -> Option<Timestamp> {
        self.ends.range(now..).next().map(|(end, _)| *end)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn role(end: Option<&str>, entries: &[(Option<&str>, &str, &str)]) -> CrossAccountRole {
        let entries = entries.iter().map(|(id, state, reason)| {
            json!({"account": "prod", "accountId": id, "state": state, "reason": reason, "lastTransitionTime": "2026-01-01T00:00:00Z"})
        });
        serde_json::from_value(json!({
            "apiVersion": "crossrole.dev/v1alpha1", "kind": "CrossAccountRole",
            "metadata": {"name": "a", "namespace": "security"},
            "spec": {"accounts": {"names": ["prod"]}, "trust": [], "validity": end.map(|end| json!({"notAfter": end}))},
            "status": {"observedGeneration": 1, "accounts": entries.collect::<Vec<_>>()},
        }))
        .unwrap()
    }

    #[test]
    fn entries_are_counted_by_account_and_state_and_gone_when_they_are_gone() {
        let mut tally = Tally::default();
        let first = role(
            None,
            &[(Some("2"), "Ready", "InSync"), (Some("3"), "Refused", "MfaRequired")],
        );
        let second = role(
            None,
            &[(Some("2"), "Ready", "InSync"), (None, "Refused", "AccountNotFound")],
        );
        tally.add(&first);
        tally.add(&second);
        let mut states = tally.states();
        states.sort();
        let expected = [("", "Refused", 1), ("2", "Ready", 2), ("3", "Refused", 1)];
        assert_eq!(
            states,
            expected.map(|(id, state, count)| (id.to_string(), state, count))
        );
        let mut reasons = tally.reasons();
        reasons.sort_unstable();
        assert_eq!(reasons, [("AccountNotFound", 1), ("InSync", 2), ("MfaRequired", 1)]);
        tally.remove(&second);
        assert_eq!(tally.reasons().len(), 2);
        tally.remove(&first);
        assert_eq!(tally, Tally::default());
    }

    #[test]
    fn the_next_end_is_the_first_that_is_not_over() {
        let mut tally = Tally::default();
        let ends = ["2026-03-01T00:00:00Z", "2026-05-01T00:00:00Z", "2026-03-01T00:00:00Z"];
        let roles = ends.map(|end| role(Some(end), &[]));
        roles.iter().for_each(|role| tally.add(role));
        tally.add(&role(Some("soon"), &[]));
        let next = |tally: &Tally, now: &str| tally.next_end(now.parse().unwrap()).map(|end| end.to_string());
        assert_eq!(next(&tally, "2026-02-01T00:00:00Z").as_deref(), Some(ends[0]));
        assert_eq!(next(&tally, "2026-04-01T00:00:00Z").as_deref(), Some(ends[1]));
        assert_eq!(next(&tally, "2026-06-01T00:00:00Z"), None);
        tally.remove(&roles[0]);
        assert_eq!(
            next(&tally, "2026-02-01T00:00:00Z").as_deref(),
            Some(ends[0]),
            "another ends then"
        );
        tally.remove(&roles[2]);
        assert_eq!(next(&tally, "2026-02-01T00:00:00Z").as_deref(), Some(ends[1]));
    }
}
