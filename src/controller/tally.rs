//! How many roles and grants stand how, counted as status changes: no scrape goes through the objects.

use std::collections::{BTreeMap, HashMap};

use crossrole_api::status::condition::STALLED;
use crossrole_api::{AccountEntry, AssumeRoleGrant, CrossAccountRole, EntryState, Reason};
use jiff::Timestamp;
use jiff::civil::Date;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::standing::{outcome, reason};
use super::verdict::dates_of;

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

/// For so many days a role is told to be unused.
const UNUSED: [(i64, &str); 4] = [(30, "30"), (90, "90"), (180, "180"), (365, "365")];

/// How many stand how in each account, by its id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct States(HashMap<String, BTreeMap<&'static str, i64>>);

impl States {
    fn count(&mut self, id: &str, state: &'static str, by: i64) {
        let counts = match self.0.get_mut(id) {
            Some(counts) => counts,
            None => self.0.entry(id.to_string()).or_default(),
        };
        let count = counts.entry(state).or_default();
        *count += by;
        if *count == 0 {
            counts.remove(state);
        }
        if counts.is_empty() {
            self.0.remove(id);
        }
    }

    /// Only those that there are.
    fn all(&self) -> Vec<(String, &'static str, i64)> {
        let of_account = |(id, counts): (&String, &BTreeMap<&'static str, i64>)| {
            let counts = counts.iter().map(|(state, count)| (id.clone(), *state, *count));
            counts.collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of_account).collect()
    }
}

/// How many roles and grants stand how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Entries by account id and state.
    states: States,
    /// Grants by the id of the account that holds something of them and by what their conditions say.
    grants: States,
    /// Objects that wait for a person and that no account tells of, by kind and reason.
    stalled: BTreeMap<(&'static str, String), i64>,
    /// Entries by reason.
    reasons: HashMap<Reason, i64>,
    /// Roles by the day since which nobody used them.
    unused: BTreeMap<Date, i64>,
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

    /// Counts a grant.
    pub fn add_grant(&mut self, grant: &AssumeRoleGrant) {
        self.count_grant(grant, 1);
    }

    /// No longer counts a grant. It must be as it was when it was added.
    pub fn remove_grant(&mut self, grant: &AssumeRoleGrant) {
        self.count_grant(grant, -1);
    }

    /// Counts an object that cannot be read.
    pub fn add_unreadable(&mut self, kind: &'static str) {
        self.count_reason(kind, Reason::InvalidSpec.as_str(), 1);
    }

    /// No longer counts an object that cannot be read.
    pub fn remove_unreadable(&mut self, kind: &'static str) {
        self.count_reason(kind, Reason::InvalidSpec.as_str(), -1);
    }

    /// Counts an object that no account tells of, if it waits for a person.
    fn count_stalled(&mut self, kind: &'static str, conditions: &[Condition], by: i64) {
        if outcome(conditions) == STALLED {
            self.count_reason(kind, reason(conditions), by);
        }
    }

    fn count_reason(&mut self, kind: &'static str, reason: &str, by: i64) {
        let key = (kind, reason.to_string());
        let count = self.stalled.entry(key.clone()).or_default();
        *count += by;
        if *count == 0 {
            self.stalled.remove(&key);
        }
    }

    fn count_grant(&mut self, grant: &AssumeRoleGrant, by: i64) {
        let status = grant.status.as_ref();
        let id = status.and_then(|status| status.account_id.as_deref());
        let conditions = status.map_or(&[][..], |status| &status.conditions);
        self.grants.count(id.unwrap_or_default(), outcome(conditions), by);
        if id.is_none() {
            self.count_stalled("AssumeRoleGrant", conditions, by);
        }
    }

    fn count(&mut self, role: &CrossAccountRole, by: i64) {
        for entry in role.status.iter().flat_map(|status| &status.accounts) {
            self.count_entry(entry, by);
        }
        if let Some(status) = role.status.as_ref().filter(|status| status.accounts.is_empty()) {
            self.count_stalled("CrossAccountRole", &status.conditions, by);
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
        self.states.count(id, state_name(entry.state), by);
        let count = self.reasons.entry(entry.reason).or_default();
        *count += by;
        if *count == 0 {
            self.reasons.remove(&entry.reason);
        }
        let since = dates_of(entry).and_then(|dates| dates.unused_since());
        if let Some(since) = since {
            let count = self.unused.entry(since).or_default();
            *count += by;
            if *count == 0 {
                self.unused.remove(&since);
            }
        }
    }

    /// Entries by account id (empty: no AWSAccount says it) and state; only those that there are.
    pub fn states(&self) -> Vec<(String, &'static str, i64)> {
        self.states.all()
    }

    /// Grants by the id of the account that holds something of them, or may (empty: none does), and by what their conditions
    /// say; only those that there are.
    pub fn grants(&self) -> Vec<(String, &'static str, i64)> {
        self.grants.all()
    }

    /// Objects that wait for a person and that no account tells of, by kind and reason; only those that there are.
    pub fn stalled(&self) -> Vec<(&'static str, String, i64)> {
        let stalled = self.stalled.iter();
        stalled
            .map(|((kind, reason), count)| (*kind, reason.clone(), *count))
            .collect()
    }

    /// Entries by reason; only those that there are.
    pub fn reasons(&self) -> Vec<(&'static str, i64)> {
        let reasons = self.reasons.iter();
        reasons.map(|(reason, count)| (reason.as_str(), *count)).collect()
    }

    /// How many of the roles that are there nobody used for so many days, for each number of days that is told; those that were not used
    /// for longer count for the fewer days too.
    pub fn unused(&self, today: Date) -> Vec<(&'static str, i64)> {
        let of = |(days, name): (i64, &'static str)| {
            let until = today.saturating_sub(jiff::Span::new().days(days));
            (name, self.unused.range(..=until).map(|(_, count)| count).sum())
        };
        UNUSED.map(of).into()
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
    fn roles_are_counted_by_the_days_in_which_nobody_used_them() {
        let used = |created: Option<&str>, last_used: Option<&str>| -> CrossAccountRole {
            let mut object = role(None, &[(Some("2"), "Ready", "InSync")]);
            let entry = &mut object.status.as_mut().unwrap().accounts[0];
            entry.role_arn = Some("arn:aws:iam::222222222222:role/a".into());
            entry.role_id = Some("AROA1".into());
            entry.created = created.map(|day| day.parse().unwrap());
            entry.last_used = last_used.map(|day| day.parse().unwrap());
            object
        };
        let roles = [
            used(Some("2026-01-01"), None),
            used(Some("2020-01-01"), Some("2026-11-26")),
            used(Some("2020-01-01"), Some("2025-11-27")),
            used(None, None),
        ];
        let mut tally = Tally::default();
        roles.iter().for_each(|role| tally.add(role));
        let unused = |today: &str| tally.unused(today.parse().unwrap());
        assert_eq!(unused("2026-11-27"), [("30", 2), ("90", 2), ("180", 2), ("365", 1)]);
        assert_eq!(unused("2026-12-26"), [("30", 3), ("90", 2), ("180", 2), ("365", 1)]);
        assert_eq!(unused("2025-12-27"), [("30", 1), ("90", 0), ("180", 0), ("365", 0)]);
        roles.iter().for_each(|role| tally.remove(role));
        assert_eq!(tally, Tally::default());
    }

    #[test]
    fn grants_are_counted_by_the_account_that_holds_them_and_gone_when_they_are_gone() {
        let grant = |status: serde_json::Value| -> AssumeRoleGrant {
            serde_json::from_value(json!({
                "apiVersion": "crossrole.dev/v1alpha1", "kind": "AssumeRoleGrant",
                "metadata": {"name": "a", "namespace": "security"},
                "spec": {"account": "identity", "roles": {"names": ["audit"]}, "to": {"groups": ["g"]}},
                "status": status,
            }))
            .unwrap()
        };
        let conditions = |types: &[(&str, &str)]| {
            let conditions = types.iter().map(|(type_, status)| {
                json!({"type": type_, "status": status, "reason": "InSync", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"})
            });
            conditions.collect::<Vec<_>>()
        };
        let ready = conditions(&[("Ready", "True")]);
        let stalled = conditions(&[("Ready", "False"), ("Stalled", "True")]);
        let grants = [
            grant(json!({"accountId": "1", "conditions": ready})),
            grant(json!({"accountId": "1", "conditions": stalled})),
            grant(json!({"conditions": stalled})),
            grant(serde_json::Value::Null),
        ];
        let mut tally = Tally::default();
        grants.iter().for_each(|grant| tally.add_grant(grant));
        let mut counted = tally.grants();
        counted.sort();
        let expected = [("", "NotReady"), ("", "Stalled"), ("1", "Ready"), ("1", "Stalled")];
        assert_eq!(counted, expected.map(|(id, state)| (id.to_string(), state, 1)));
        assert!(tally.states().is_empty());
        grants.iter().for_each(|grant| tally.remove_grant(grant));
        assert_eq!(tally, Tally::default());
    }

    #[test]
    fn objects_that_stand_still_are_counted_where_no_account_tells_of_them() {
        let stalled = |reason: &str, entries: &[(Option<&str>, &str, &str)]| {
            let condition = |type_: &str, status: &str| json!({"type": type_, "status": status, "reason": reason, "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"});
            let conditions = json!([condition("Ready", "False"), condition("Stalled", "True")]);
            let mut object = role(None, entries);
            object.status.as_mut().unwrap().conditions = serde_json::from_value(conditions).unwrap();
            object
        };
        let roles = [
            stalled("NoAccounts", &[]),
            stalled("NoAccounts", &[]),
            stalled("MfaRequired", &[(Some("2"), "Refused", "MfaRequired")]),
            role(None, &[]),
        ];
        let mut tally = Tally::default();
        roles.iter().for_each(|role| tally.add(role));
        tally.add_unreadable("AssumeRoleGrant");
        let expected = [
            ("AssumeRoleGrant", "InvalidSpec", 1),
            ("CrossAccountRole", "NoAccounts", 2),
        ];
        let expected = expected.map(|(kind, reason, count)| (kind, reason.to_string(), count));
        assert_eq!(tally.stalled(), expected);
        tally.remove_unreadable("AssumeRoleGrant");
        roles.iter().for_each(|role| tally.remove(role));
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
