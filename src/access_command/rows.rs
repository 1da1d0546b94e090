//! Objects → rows: the operator's own way to a trust policy, as `crossrole plan` goes it.

use crossrole_api::{AccountEntry, EntryState, Reason};
use crossrole_plan::access::{Place, Row, State, rows};
use crossrole_plan::desired::Desired;
use crossrole_plan::observed::Days;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::cli::ObjectFlags;
use crate::controller::task::{Hold, Target, Task};
use crate::controller::verdict::{Outcome, role_of};
use crate::manifests::Manifests;
use crate::plan_command::survey::{Item, Survey};

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
            && question
                .principal
                .is_none_or(|one| row.who.as_ref().is_some_and(|who| who.may_be(one)))
            && question.unused.is_none_or(|days| row.dates.is_unused_for(days, today))
    };
    let mut rows: Vec<Row> = of(manifests, flags.filename.is_empty(), now);
    rows.retain(is_wanted);
    rows
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
    let dates = role_of(task.entry.as_ref()).map(|role| role.dates).unwrap_or_default();
    let mut rows = of_task(item, task, of_cluster, now);
    rows.iter_mut().for_each(|row| row.dates = dates);
    rows
}

fn of_task(item: &Item, task: &Task, of_cluster: bool, now: Timestamp) -> Vec<Row> {
    let suspended = item.is_suspended().then(|| State::Unsettled {
        reason: Some(Reason::Suspended),
        message: "spec.suspend is true: the object is left alone".into(),
    });
    let of = |desired: &Desired, id: &str, state: State| {
        let place = place(item, Some((task, Some(id))), desired.arn.to_string());
        rows(&place, desired, &state, now)
    };
    let unknown = |id: Option<&str>, state: State| {
        let arn = task.entry.as_ref().and_then(|entry| entry.role_arn.clone());
        vec![Row::unknown(
            place(item, Some((task, id)), arn.unwrap_or_default()),
            state,
        )]
    };
    match &task.target {
        Target::Hold(hold) => {
            let state = suspended.unwrap_or_else(|| state_of(hold, task.entry.as_ref(), of_cluster));
            of(&hold.desired, hold.entrance.account.as_str(), state)
        }
        Target::End(end) => {
            let state = suspended.unwrap_or_else(|| State::Refused {
                reason: end.refusal.reason,
                message: end.refusal.to_string(),
            });
            match &end.declared {
                Some(desired) => of(desired, end.entrance.account.as_str(), state),
                None => unknown(Some(end.entrance.account.as_str()), state),
            }
        }
        Target::Leave(leave) => {
            let state = State::Unsettled {
                reason: Some(leave.reason),
                message: "the role is being removed".into(),
            };
            unknown(Some(leave.entrance.account.as_str()), state)
        }
        Target::Settled(id, outcome) => unknown(id.as_deref(), suspended.unwrap_or_else(|| settled(outcome))),
    }
}

fn place(item: &Item, at: Option<(&Task, Option<&str>)>, role_arn: String) -> Place {
    let (task, id) = at.unzip();
    Place {
        account: task.map_or_else(|| NO_ACCOUNT.to_string(), |task| task.account.clone()),
        account_id: id.flatten().unwrap_or_default().to_string(),
        object: item.object().clone(),
        role_arn,
    }
}

/// Whether a role is what is declared, as far as status tells; files have none.
fn state_of(hold: &Hold, entry: Option<&AccountEntry>, of_cluster: bool) -> State {
    match entry {
        Some(entry) if entry.state == EntryState::Ready => State::Open,
        Some(entry) => of_entry(entry.state, entry.reason, entry.message.clone().unwrap_or_default()),
        None if hold.observe => State::Unsettled {
            reason: None,
            message: "mode is Observe: nothing is written to AWS".into(),
        },
        None if of_cluster => State::Unsettled {
            reason: None,
            message: "nobody has looked at the account yet".into(),
        },
        None => State::Open,
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
        } => of_entry(*state, *reason, message.clone()),
    }
}

fn of_entry(state: EntryState, reason: Reason, message: String) -> State {
    match state {
        EntryState::Refused => State::Refused { reason, message },
        _ => State::Unsettled {
            reason: Some(reason),
            message,
        },
    }
}
