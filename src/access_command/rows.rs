//! Objects → rows: the operator's own way to a trust policy, as `crossrole plan` goes it.

use crossrole_api::{AccountEntry, EntryState, Reason};
use crossrole_plan::access::{Place, Row, State, rows};
use crossrole_plan::observed::{Days, Observed};
use crossrole_plan::quota::Quotas;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::cli::ObjectFlags;
use crate::controller::task::{Hold, Target, Task};
use crate::controller::verdict::{Outcome, dates_of};
use crate::manifests::Manifests;
use crate::plan_command::report::Finding;
use crate::plan_command::survey::{Item, Survey, Wanted};

/// Stands where there is no account to name.
const NO_ACCOUNT: &str = "-";

/// What is asked of the rows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Question<'a> {
    /// Only what lets this principal in or keeps it out.
    pub principal: Option<&'a str>,
    /// Only roles that nobody used for so many days.
    pub unused: Option<Days>,
}

/// The rows that were asked for, sorted by account, object and principal.
pub fn asked(manifests: &Manifests, flags: &ObjectFlags, question: Question<'_>, now: Timestamp) -> Vec<Row> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let is_wanted = |row: &Row| {
        let place = &row.place;
        let mut accounts = flags.account.iter();
        let is_of_account = accounts.any(|one| *one == place.account || *one == place.account_id);
        (flags.account.is_empty() || is_of_account)
            && flags
                .namespace
                .as_ref()
                .is_none_or(|one| *one == place.object.namespace)
            && question.principal.is_none_or(|one| may_concern(row, one))
            && question.unused.is_none_or(|days| row.dates.is_unused_for(days, today))
    };
    let mut rows: Vec<Row> = of(manifests, flags.filename.is_empty(), now);
    rows.retain(is_wanted);
    rows
}

/// Whether a row may speak of a principal. Where nobody knows whom a role lets in, it may be this one.
fn may_concern(row: &Row, principal: &str) -> bool {
    match &row.who {
        Some(who) => who.may_be(principal),
        None => !row.is_nowhere(),
    }
}

/// All rows. Of a cluster's objects, status tells what has become true.
pub fn of(manifests: &Manifests, of_cluster: bool, now: Timestamp) -> Vec<Row> {
    // Which cluster it is goes into tags alone.
    let survey = Survey::of(manifests, None, "", now);
    let items = if of_cluster {
        // Status says who has no room.
        survey.items_without_limit()
    } else {
        survey.items()
    };
    let mut all: Vec<Row> = items.iter().flat_map(|item| of_item(item, of_cluster, now)).collect();
    all.sort_by(|left, right| {
        let key = |row: &Row| (row.place.clone(), row.effect, row.who.clone());
        key(left).cmp(&key(right))
    });
    all
}

fn of_item(item: &Item, of_cluster: bool, now: Timestamp) -> Vec<Row> {
    let Some(task) = item.task() else {
        let state = State::Refused {
            reason: Reason::NoAccounts,
            message: "spec.accounts selects no AWSAccount".into(),
        };
        return vec![Row::unknown(place(item, None, String::new()), state)];
    };
    let entry = task.entry.as_ref();
    let dates = entry.and_then(dates_of).unwrap_or_default();
    let mut rows = of_task(item, task, of_cluster, now);
    rows.iter_mut().for_each(|row| row.dates = dates);
    rows
}

fn of_task(item: &Item, task: &Task, of_cluster: bool, now: Timestamp) -> Vec<Row> {
    let entry = task.entry.as_ref();
    let state = state_of(item, task, of_cluster);
    let id = match &task.target {
        Target::Hold(hold) => Some(hold.entrance.account.to_string()),
        Target::End(end) => Some(end.entrance.account.to_string()),
        Target::Leave(leave) => Some(leave.entrance.account.to_string()),
        Target::Settled(id, _) => id.clone(),
    };
    let id = id.or_else(|| entry?.account_id.clone());
    let known_arn = entry.and_then(|entry| entry.role_arn.clone());
    let Some(desired) = item.declared() else {
        let place = place(item, Some((task, id)), known_arn.unwrap_or_default());
        return vec![Row::unknown(place, state)];
    };
    let place = place(item, Some((task, id)), desired.arn.to_string());
    let mut rows = rows(&place, desired, &state, now);
    let is_there = entry.is_some_and(|entry| entry.role_id.is_some());
    if is_there {
        rows.extend(beside(&state).map(|state| Row::unknown(place, state)));
    }
    rows
}

/// How those stand of whom the declaration says nothing: a role that is not as declared lets in whom it let in before. `None`
/// where it is as declared.
fn beside(state: &State) -> Option<State> {
    const NOTE: &str = "whoever got in before may still get in";
    let noted = |message: &String| match message.as_str() {
        "" => NOTE.to_string(),
        message => format!("{message}; {NOTE}"),
    };
    match state {
        State::Refused { reason, message } => Some(State::Refused {
            reason: *reason,
            message: noted(message),
        }),
        State::Unsettled { reason, message } => Some(State::Unsettled {
            reason: *reason,
            message: noted(message),
        }),
        _ => None,
    }
}

fn place(item: &Item, at: Option<(&Task, Option<String>)>, role_arn: String) -> Place {
    let (task, id) = at.unzip();
    Place {
        account: task.map_or_else(|| NO_ACCOUNT.to_string(), |task| task.account.clone()),
        account_id: id.flatten().unwrap_or_default(),
        object: item.object().clone(),
        role_arn,
    }
}

/// Whether a role is what is declared, as far as status tells; files have none.
fn state_of(item: &Item, task: &Task, of_cluster: bool) -> State {
    let entry = task.entry.as_ref();
    if item.is_suspended() {
        return State::Unsettled {
            reason: Some(Reason::Suspended),
            message: "spec.suspend is true: the object is left alone".into(),
        };
    }
    match &task.target {
        // The refusal is of the object as it is now, whatever status knows.
        Target::End(end) => State::Refused {
            reason: end.refusal.reason,
            message: end.refusal.to_string(),
        },
        Target::Settled(_, outcome) => settled(outcome),
        Target::Leave(leave) => match entry.filter(|entry| entry.state == EntryState::Removing) {
            Some(entry) => of_entry(entry),
            None => State::Unsettled {
                reason: Some(leave.reason),
                message: "the role is to be removed".into(),
            },
        },
        Target::Hold(hold) if of_cluster => of_status(item, entry, hold.observe),
        Target::Hold(hold) => of_files(item, hold),
    }
}

fn of_status(item: &Item, entry: Option<&AccountEntry>, observes: bool) -> State {
    let unsettled = |message: &str| State::Unsettled {
        reason: None,
        message: message.into(),
    };
    match entry {
        None if observes => unsettled(OBSERVES),
        None => unsettled("nobody has looked at the account yet"),
        Some(_) if !item.is_seen() => unsettled("the object was changed, and nobody has looked at it since"),
        Some(entry) if entry.state == EntryState::Ready => State::Open,
        Some(entry) => of_entry(entry),
    }
}

const OBSERVES: &str = "mode is Observe: nothing is written to AWS";

/// What `crossrole plan` says of a role that is not there yet.
fn of_files(item: &Item, hold: &Hold) -> State {
    if hold.observe {
        return State::Unsettled {
            reason: None,
            message: OBSERVES.into(),
        };
    }
    match item.decide(Wanted::Hold(hold), &Observed::Absent, &Quotas::default()) {
        Finding::Refused { reason, message, .. } => State::Refused { reason, message },
        _ => State::Open,
    }
}

fn settled(outcome: &Outcome) -> State {
    match outcome {
        Outcome::Gone | Outcome::UnderWay { .. } => State::Unsettled {
            reason: None,
            message: "the AWSAccount is Abandoned: its roles are forgotten as they are".into(),
        },
        Outcome::Stands {
            state, reason, message, ..
        } => stands(*state, *reason, message.clone()),
    }
}

fn of_entry(entry: &AccountEntry) -> State {
    stands(entry.state, entry.reason, entry.message.clone().unwrap_or_default())
}

fn stands(state: EntryState, reason: Reason, message: String) -> State {
    match state {
        EntryState::Refused => State::Refused { reason, message },
        _ => State::Unsettled {
            reason: Some(reason),
            message,
        },
    }
}
