//! The status of a CrossAccountRole, computed once from all verdicts.

use std::collections::{BTreeMap, HashMap};

use crossrole_api::status::condition::{READY, RECONCILING, STALLED};
use crossrole_api::{AccountEntry, CrossAccountRoleStatus, EntryState, Reason};
use crossrole_plan::outcome::NextLook;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::events::cut;
use super::verdict::{Outcome, Verdict};

/// A message in status holds at most so many bytes; the Event and the log hold the whole.
const MESSAGE_SIZE: usize = 160;

/// The entries of a status hold at most so many bytes. etcd takes 1.5 MiB for a whole object (etcd documentation, "System
/// limits"), and the object has a spec.
pub const ENTRIES_SIZE: usize = 1_000_000;

/// What an entry takes beside the account's name, the role's ARN and the message.
const ENTRY_SIZE: usize = 290;

/// The bytes of entries for accounts of these names and roles with an ARN of that length, without messages.
pub fn least_size<'a>(accounts: impl Iterator<Item = &'a str>, arn: usize) -> usize {
    accounts.map(|account| entry_size(account, arn)).sum()
}

fn entry_size(account: &str, arn: usize) -> usize {
    ENTRY_SIZE + account.len() + arn
}

/// What an entry takes for who last assumed the role, beside the principal.
const LAST_ASSUMED_SIZE: usize = 80;

fn last_assumed_size(entry: &AccountEntry) -> usize {
    let last = entry.last_assumed.as_ref();
    last.map_or(0, |last| LAST_ASSUMED_SIZE + last.principal.len())
}

/// Cuts short what all together would not fit: first who last assumed roles, the longest ago first, then messages. The Events
/// and the log hold the whole.
pub(super) fn fit(entries: &mut [AccountEntry]) {
    let sizes = entries.iter().map(|entry| {
        let arn = entry.role_arn.as_ref().map_or(0, String::len);
        entry_size(&entry.account, arn) + entry.message.as_ref().map_or(0, String::len) + last_assumed_size(entry)
    });
    let mut over = sizes.sum::<usize>().saturating_sub(ENTRIES_SIZE);
    if over > 0 {
        let mut oldest_first: Vec<&mut AccountEntry> = entries.iter_mut().collect();
        oldest_first.sort_by_key(|entry| entry.last_assumed.as_ref().map(|last| last.time.0));
        for entry in oldest_first {
            if over == 0 {
                break;
            }
            over = over.saturating_sub(last_assumed_size(entry));
            entry.last_assumed = None;
        }
    }
    fit_messages(entries);
}

fn fit_messages(entries: &mut [AccountEntry]) {
    let least: usize = entries
        .iter()
        .map(|entry| entry_size(&entry.account, entry.role_arn.as_ref().map_or(0, String::len)))
        .sum();
    let messages = || entries.iter().filter_map(|entry| entry.message.as_ref());
    let (count, size) = (messages().count(), messages().map(String::len).sum::<usize>());
    let room = ENTRIES_SIZE.saturating_sub(least);
    if count == 0 || size <= room {
        return;
    }
    for entry in entries {
        entry.message = entry.message.take().map(|message| cut(&message, room / count));
        entry.message = entry.message.take().filter(|message| message.len() > '…'.len_utf8());
    }
}

/// The status of an object, from what was seen of it.
pub fn report(
    previous: &CrossAccountRoleStatus,
    generation: Option<i64>,
    verdicts: &[Verdict],
    now: Timestamp,
) -> CrossAccountRoleStatus {
    let mut entries = Vec::new();
    let mut progressing: Option<(Reason, String)> = None;
    let mut waiting = 0;
    let mut stuck: Option<(Reason, String)> = None;
    let known = by_account(previous);
    for verdict in verdicts {
        let before = known.get(verdict.account.as_str()).copied();
        let Some((state, reason, message, look)) = standing(previous, before, generation, verdict) else {
            continue;
        };
        let told = (reason, format!("account {}: {message}", verdict.account));
        match (state, look) {
            (EntryState::Ready, _) => {}
            (EntryState::Pending, _) if reason == Reason::Waiting => waiting += 1,
            (_, NextLook::Backoff) => progressing = progressing.or(Some(told)),
            (_, NextLook::Interval) => stuck = stuck.or(Some(told)),
        }
        entries.push(entry(before, verdict, state, reason, &message, now));
    }
    fit(&mut entries);
    let ready = entries.iter().filter(|entry| entry.state == EntryState::Ready).count();
    let summary = format!("{ready}/{}", entries.len());
    if entries.is_empty() {
        stuck = Some((
            Reason::NoAccounts,
            "spec.accounts selects no AWSAccount: check its names and labels".into(),
        ));
    }
    let progressing = progressing
        .map(|(reason, message)| Overall::Reconciling(reason, message))
        .or_else(|| (waiting > 0).then(|| being_worked_on(waiting)));
    let overall = match (progressing, stuck) {
        (Some(overall), _) => overall,
        (None, Some((reason, message))) => Overall::Stalled(reason, message),
        (None, None) => Overall::Ready(format!(
            "{ready} of {} accounts hold the role as declared",
            entries.len()
        )),
    };
    CrossAccountRoleStatus {
        observed_generation: generation,
        last_handled_reconcile_at: previous.last_handled_reconcile_at.clone(),
        summary: Some(summary),
        conditions: conditions(&previous.conditions, &overall, generation, now),
        accounts: entries,
    }
}

/// Where a role stands in an account, and when to look again; `None` where its entry leaves status.
fn standing(
    previous: &CrossAccountRoleStatus,
    known: Option<&AccountEntry>,
    generation: Option<i64>,
    verdict: &Verdict,
) -> Option<(EntryState, Reason, String, NextLook)> {
    match &verdict.outcome {
        Outcome::Gone => None,
        Outcome::Stands {
            state,
            reason,
            message,
            next,
        } => Some((*state, *reason, message.clone(), *next)),
        Outcome::UnderWay { anew } => {
            match known.filter(|_| !anew && previous.observed_generation == generation) {
                // Whoever looked last found it so, and nothing has changed since.
                Some(entry) => {
                    let next = match entry.state {
                        EntryState::Ready | EntryState::Refused => NextLook::Interval,
                        // A person had to act, and still has.
                        EntryState::Pending if entry.reason == Reason::WouldChange => NextLook::Interval,
                        EntryState::Removing if is_true(&previous.conditions, STALLED) => NextLook::Interval,
                        EntryState::Pending | EntryState::Retrying | EntryState::Removing => NextLook::Backoff,
                    };
                    let message = entry.message.clone().unwrap_or_default();
                    Some((entry.state, entry.reason, message, next))
                }
                None => Some((EntryState::Pending, Reason::Waiting, String::new(), NextLook::Backoff)),
            }
        }
    }
}

/// Whether a condition is there and true.
pub(super) fn is_true(conditions: &[Condition], type_: &str) -> bool {
    let mut conditions = conditions.iter();
    conditions.any(|condition| condition.type_ == type_ && condition.status == "True")
}

/// The status before the first write in accounts that have no entry yet: so that whoever comes after us knows where to
/// look. `None` where every account has its entry already.
pub fn intent(
    previous: &CrossAccountRoleStatus,
    generation: Option<i64>,
    accounts: &[(String, String, bool)],
    now: Timestamp,
) -> Option<CrossAccountRoleStatus> {
    let known = by_account(previous);
    let intended: BTreeMap<&str, AccountEntry> = accounts
        .iter()
        // What is there says already where to look.
        .filter(|(account, id, _)| {
            let before = known.get(account.as_str());
            before.is_none_or(|before| before.account_id.as_ref() != Some(id))
        })
        .map(|(account, id, named)| {
            let entry = AccountEntry {
                account: account.clone(),
                account_id: Some(id.clone()),
                role_arn: None,
                role_id: None,
                created: None,
                last_used: None,
                named: *named,
                state: EntryState::Pending,
                reason: Reason::Waiting,
                message: None,
                last_transition_time: Time(now),
                last_assumed: None,
            };
            (account.as_str(), entry)
        })
        .collect();
    if intended.is_empty() {
        return None;
    }
    let others = previous.accounts.iter();
    let others = others
        .filter(|entry| !intended.contains_key(entry.account.as_str()))
        .map(|entry| match previous.observed_generation == generation {
            true => entry.clone(),
            // What is known is of another declaration.
            false => AccountEntry {
                state: EntryState::Pending,
                reason: Reason::Waiting,
                message: None,
                last_transition_time: match entry.state {
                    EntryState::Pending => entry.last_transition_time.clone(),
                    _ => Time(now),
                },
                ..entry.clone()
            },
        });
    let mut entries: Vec<AccountEntry> = others.collect();
    entries.extend(intended.into_values());
    entries.sort_by(|left, right| left.account.cmp(&right.account));
    let ready = entries.iter().filter(|entry| entry.state == EntryState::Ready).count();
    let waiting = entries
        .iter()
        .filter(|entry| entry.state == EntryState::Pending && entry.reason == Reason::Waiting);
    let waiting = being_worked_on(waiting.count());
    Some(CrossAccountRoleStatus {
        observed_generation: generation,
        last_handled_reconcile_at: previous.last_handled_reconcile_at.clone(),
        summary: Some(format!("{ready}/{}", entries.len())),
        conditions: conditions(&previous.conditions, &waiting, generation, now),
        accounts: entries,
    })
}

/// The status of an object that is left alone. What is known of its accounts stays as it is.
pub fn suspended(previous: &CrossAccountRoleStatus, generation: Option<i64>, now: Timestamp) -> CrossAccountRoleStatus {
    let overall = Overall::Suspended("spec.suspend is true: nothing is looked at, and nothing is changed".into());
    CrossAccountRoleStatus {
        observed_generation: generation,
        conditions: conditions(&previous.conditions, &overall, generation, now),
        ..previous.clone()
    }
}

// An intent, and a report of the same work before anything has come of it, say the same: no second patch.
fn being_worked_on(accounts: usize) -> Overall {
    let message = match accounts {
        1 => "1 account is being worked on".into(),
        _ => format!("{accounts} accounts are being worked on"),
    };
    Overall::Reconciling(Reason::Waiting, message)
}

/// How all of an object stands.
pub(super) enum Overall {
    Ready(String),
    Suspended(String),
    Reconciling(Reason, String),
    Stalled(Reason, String),
}

/// The entries of a status, by the AWSAccount's name.
pub(super) fn by_account(status: &CrossAccountRoleStatus) -> HashMap<&str, &AccountEntry> {
    let entries = status.accounts.iter();
    entries.map(|entry| (entry.account.as_str(), entry)).collect()
}

fn entry(
    before: Option<&AccountEntry>,
    verdict: &Verdict,
    state: EntryState,
    reason: Reason,
    message: &str,
    now: Timestamp,
) -> AccountEntry {
    let role = verdict.role.as_ref();
    // Whoever answers late shows an older use.
    let same = before.filter(|before| before.role_id.as_ref() == role.map(|role| &role.id));
    let known = same.and_then(|before| before.last_used);
    // A look that did not see the role says nothing of who used it; another role of the same name does.
    let is_another = |before: &&AccountEntry| {
        let ids = before.role_id.as_ref().zip(role.map(|role| &role.id));
        before.account_id != verdict.account_id || ids.is_some_and(|(before, now)| before != now)
    };
    AccountEntry {
        account: verdict.account.clone(),
        account_id: verdict.account_id.clone(),
        role_arn: role.map(|role| role.arn.clone()),
        role_id: role.map(|role| role.id.clone()),
        created: role.and_then(|role| role.dates.created),
        last_used: role.and_then(|role| role.dates.last_used).max(known),
        named: verdict.named,
        state,
        reason,
        message: (!message.is_empty()).then(|| cut(message, MESSAGE_SIZE)),
        last_transition_time: match before {
            // Another machine, whose clock was ahead, may have written it.
            Some(before) if before.state == state && before.last_transition_time.0 <= now => {
                before.last_transition_time.clone()
            }
            _ => Time(now),
        },
        last_assumed: before
            .filter(|before| !is_another(before))
            .and_then(|before| before.last_assumed.clone()),
    }
}

/// A condition, whose time moves only when its status does.
pub fn condition(
    previous: &[Condition],
    type_: &str,
    status: &str,
    reason: &str,
    message: String,
    generation: Option<i64>,
    now: Timestamp,
) -> Condition {
    let before = previous
        .iter()
        .find(|before| before.type_ == type_ && before.status == status);
    Condition {
        type_: type_.into(),
        status: status.into(),
        reason: reason.into(),
        message,
        observed_generation: generation,
        last_transition_time: before.map_or(Time(now), |before| before.last_transition_time.clone()),
    }
}

// `Ready` is always there; the others only when true, and never both.
pub(super) fn conditions(
    previous: &[Condition],
    overall: &Overall,
    generation: Option<i64>,
    now: Timestamp,
) -> Vec<Condition> {
    let (ready, other, reason, message) = match overall {
        Overall::Ready(message) => ("True", None, Reason::InSync, message),
        Overall::Suspended(message) => ("Unknown", None, Reason::Suspended, message),
        Overall::Reconciling(reason, message) => ("False", Some(RECONCILING), *reason, message),
        Overall::Stalled(reason, message) => ("False", Some(STALLED), *reason, message),
    };
    let message = cut(message, MESSAGE_SIZE * 2);
    let condition = |type_, status| {
        condition(
            previous,
            type_,
            status,
            reason.as_str(),
            message.clone(),
            generation,
            now,
        )
    };
    let mut conditions = vec![condition(READY, ready)];
    conditions.extend(other.map(|type_| condition(type_, "True")));
    conditions
}

#[cfg(test)]
mod tests;
