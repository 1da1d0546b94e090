//! How things stand, as `/metrics` tells it: read off from counts and caches, without a look at any role.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossrole_api::status::condition::{READY, RECONCILING, STALLED};
use crossrole_api::{AWSAccount, AccountState, Reason};
use jiff::tz::TimeZone;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::core::DeserializeGuard;

use super::context::Context;
use super::report::is_true;
use crate::metrics::{AccountStanding, Metrics, Standing};

/// How things stand now.
pub fn of(context: &Context) -> Standing {
    if !context.health.is_leader() {
        return Standing::default();
    }
    let index = &context.caches.index;
    let (accounts, all_accounts) = accounts(context);
    Standing {
        leader: true,
        roles: index.tally(|tally| tally.states()),
        reasons: index.tally(|tally| tally.reasons()),
        unused: index.tally(|tally| tally.unused(context.now().to_zoned(TimeZone::UTC).date())),
        grants: index.tally(|tally| tally.grants()),
        stalled: stalled(context),
        looks_under_way: context.looks.under_way(),
        next_validity_end: index
            .tally(|tally| tally.next_end(context.now()))
            .map(jiff::Timestamp::as_second),
        accounts,
        all_accounts,
    }
}

fn stalled(context: &Context) -> Vec<(&'static str, String, i64)> {
    let caches = &context.caches;
    let mut stalled = caches.index.tally(|tally| tally.stalled());
    stalled.extend(unreadable("AWSAccount", &caches.accounts.state()));
    stalled.extend(unreadable("AccountClass", &caches.classes.state()));
    stalled
}

/// How many objects of a kind cannot be read, where there are any.
fn unreadable<K>(kind: &'static str, cached: &[Arc<DeserializeGuard<K>>]) -> Option<(&'static str, String, i64)> {
    let count = cached.iter().filter(|object| object.0.is_err()).count();
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    (count > 0).then(|| (kind, Reason::InvalidSpec.as_str().to_string(), count))
}

fn accounts(context: &Context) -> (Vec<AccountStanding>, bool) {
    let cached = context.caches.accounts.state();
    let readable = cached.iter().filter_map(|account| account.0.as_ref().ok());
    let all = cached.iter().all(|account| account.0.is_ok());
    let mut accounts: BTreeMap<String, AccountStanding> = BTreeMap::new();
    for account in readable {
        let id = &account.spec.account_id;
        let standing = accounts.entry(id.clone()).or_insert_with(|| AccountStanding {
            id: id.clone(),
            ..AccountStanding::default()
        });
        // Of two AWSAccounts of one id, the younger is never ready.
        standing.ready = standing.ready.max(ready(account));
        standing.orphans = standing.orphans.max(orphans(account));
    }
    for known in context.aws.known() {
        if let Some(standing) = accounts.get_mut(known.account.as_str()) {
            standing.breaker_open = Some(known.is_closed);
            standing.credentials_expiry = known.session_ends;
        }
    }
    (accounts.into_values().collect(), all)
}

fn ready(account: &AWSAccount) -> Option<bool> {
    let conditions = &account.status.as_ref()?.conditions;
    let ready = conditions.iter().find(|condition| condition.type_ == READY)?;
    (account.spec.state == AccountState::Active).then_some(ready.status == "True")
}

fn orphans(account: &AWSAccount) -> Option<i64> {
    let status = account.status.as_ref()?;
    Some(status.orphans.as_ref().map_or(0, |orphans| orphans.count))
}

/// Counts that an object was gone through, with these conditions in the end.
pub fn count(metrics: &Metrics, kind: &str, conditions: &[Condition]) {
    metrics.reconciled(kind, outcome(conditions), reason(conditions));
}

/// What the conditions of an object say, in a word.
pub fn outcome(conditions: &[Condition]) -> &'static str {
    let has = |type_: &str| is_true(conditions, type_);
    if has(STALLED) {
        STALLED
    } else if has(RECONCILING) {
        RECONCILING
    } else if has(READY) {
        READY
    } else if reason(conditions) == Reason::Suspended.as_str() {
        Reason::Suspended.as_str()
    } else {
        "NotReady"
    }
}

/// The reason that an object gives for being Ready or not.
pub fn reason(conditions: &[Condition]) -> &str {
    let ready = conditions.iter().find(|condition| condition.type_ == READY);
    ready.map_or(Reason::Unknown.as_str(), |ready| ready.reason.as_str())
}
