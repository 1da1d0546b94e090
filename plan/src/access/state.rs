//! Whether a principal gets in now.

use crossrole_api::Reason;
use jiff::Timestamp;

use super::Way;
use super::denied::Denial;
use crate::lifecycle::Lifecycle;

/// Whether a principal can get in now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Yes.
    Open,
    /// From this time on.
    NotYet(Timestamp),
    /// Its time is over since then.
    Expired(Timestamp),
    /// At no time: its dates leave none.
    Never,
    /// `access: Closed`.
    Closed,
    /// A Deny keeps them out.
    KeptOut,
    /// Nothing that is said of them has to do with getting in.
    NoWayIn,
    /// The object is refused: the role is not made, or is as it was.
    Refused {
        /// Why.
        reason: Reason,
        /// What is wrong.
        message: String,
    },
    /// The role is not, or not known to be, what is declared.
    Unsettled {
        /// Why, where status would say it.
        reason: Option<Reason>,
        /// What status says of it.
        message: String,
    },
}

impl State {
    /// The state in a word or two.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::NotYet(_) => "not yet",
            Self::Expired(_) => "expired",
            Self::Never => "never",
            Self::Closed => "closed",
            Self::KeptOut => "kept out",
            Self::NoWayIn => "no way in",
            Self::Refused { .. } => "refused",
            Self::Unsettled { .. } => "unsettled",
        }
    }

    /// What is to be said beside the word; empty where nothing is.
    pub fn detail(&self) -> String {
        match self {
            Self::Open | Self::Closed | Self::KeptOut | Self::NoWayIn => String::new(),
            Self::Never => "its dates leave no time".to_string(),
            Self::NotYet(from) => format!("from {from}"),
            Self::Expired(end) => format!("since {end}"),
            Self::Refused { reason, message } => told(Some(*reason), message),
            Self::Unsettled { reason, message } => told(*reason, message),
        }
    }
}

/// Whether those whom ways of an Allow speak of get in, as far as the declaration tells.
pub(super) fn of_allowed(ways: &[Way], denial: &Denial<'_>, lifecycle: &Lifecycle, now: Timestamp) -> State {
    let ways: Vec<&Way> = ways.iter().filter(|way| way.assumes()).collect();
    if ways.is_empty() {
        return State::NoWayIn;
    }
    if lifecycle.closed {
        return State::Closed;
    }
    let free: Vec<&Way> = ways.into_iter().filter(|way| !denial.shuts(way)).collect();
    if free.is_empty() {
        return State::KeptOut;
    }
    let live: Vec<&Way> = free.into_iter().filter(|way| !way.window.is_empty()).collect();
    if live.iter().any(|way| way.is_open(now)) {
        return State::Open;
    }
    let begins = live.iter().filter_map(|way| way.window.from());
    let later = begins.filter(|from| *from > now).min();
    let ended = live.iter().filter_map(|way| way.until()).max();
    match (later, ended) {
        (Some(from), _) => State::NotYet(from),
        (None, Some(end)) => State::Expired(end),
        (None, None) => State::Never,
    }
}

/// What a Deny does to those of whom its ways speak.
pub(super) fn of_denied(ways: &[Way], lifecycle: &Lifecycle) -> State {
    match ways.iter().any(Way::assumes) {
        _ if lifecycle.closed => State::Closed,
        true => State::KeptOut,
        false => State::NoWayIn,
    }
}

fn told(reason: Option<Reason>, message: &str) -> String {
    match reason {
        Some(reason) if message.is_empty() => reason.to_string(),
        Some(reason) => format!("{reason}: {message}"),
        None => message.to_string(),
    }
}
