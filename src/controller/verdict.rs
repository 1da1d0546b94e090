//! What came of one role in one account.

use std::time::Duration;

use crossrole_api::{AccountEntry, EntryState, Reason};
use crossrole_plan::observed::{Dates, RoleSeen};
use crossrole_plan::outcome::NextLook;
use crossrole_plan::refusal::Refusal;
use jiff::tz::TimeZone;

use super::tally;
use crate::aws::CallError;

/// What came of one role in one account.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The AWSAccount's name.
    pub account: String,
    /// The account's id, where an AWSAccount says it.
    pub account_id: Option<String>,
    /// Whether the object asks for the account by name.
    pub named: bool,
    /// The role, where it is there.
    pub role: Option<RoleSeen>,
    /// What the entry in status will say.
    pub outcome: Outcome,
}

/// What the entry in status will say.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The entry leaves status: the role was seen absent, or was let go.
    Gone,
    /// Nothing has come of the look yet: the entry stays as it is, but for a task that has changed.
    UnderWay {
        /// Whether this process looked here before, for another task.
        anew: bool,
    },
    /// The entry stays.
    Stands {
        /// Where the role stands.
        state: EntryState,
        /// Why.
        reason: Reason,
        /// The whole message; empty when ready.
        message: String,
        /// When to look again.
        next: NextLook,
    },
}

impl Outcome {
    /// The account holds what is declared.
    pub fn ready() -> Self {
        Self::Stands {
            state: EntryState::Ready,
            reason: Reason::InSync,
            message: String::new(),
            next: NextLook::Interval,
        }
    }

    /// A person must act.
    pub fn refused(refusal: &Refusal) -> Self {
        Self::Stands {
            state: EntryState::Refused,
            reason: refusal.reason,
            message: refusal.to_string(),
            next: NextLook::Interval,
        }
    }

    /// Something would change, if it were allowed to.
    pub fn would_change(message: impl Into<String>) -> Self {
        Self::Stands {
            state: EntryState::Pending,
            reason: Reason::WouldChange,
            message: message.into(),
            next: NextLook::Interval,
        }
    }

    /// A call failed on the way to holding a role, as it has for so long.
    pub fn failed(error: &CallError, failing_for: Duration) -> Self {
        let meaning = error.failure.meaning(failing_for);
        Self::Stands {
            state: meaning.state,
            reason: meaning.reason,
            message: error.to_string(),
            next: meaning.next,
        }
    }

    /// Whether it failed in passing, and is tried again, ever more rarely.
    pub fn is_tried_again(&self) -> bool {
        matches!(
            self,
            Self::Stands {
                next: NextLook::Backoff,
                ..
            }
        )
    }

    /// The same, but it is tried again soon, and nobody need act.
    #[must_use]
    pub fn that_waits(self) -> Self {
        match self {
            Self::Stands { reason, message, .. } => Self::waits(EntryState::Retrying, reason, message),
            other => other,
        }
    }

    /// A call failed on the way to leaving an account. `what` is to be removed there: `the role`.
    pub fn failed_to_leave(error: &CallError, what: &str) -> Self {
        let meaning = error.failure.meaning(Duration::ZERO);
        let message = match meaning.next {
            NextLook::Interval => {
                format!("cannot remove {what} (AWSAccount spec.state: Abandoned lets go of what is there): {error}")
            }
            NextLook::Backoff => error.to_string(),
        };
        Self::Stands {
            state: EntryState::Removing,
            reason: meaning.reason,
            message,
            next: meaning.next,
        }
    }

    /// The account cannot be left before a person acts.
    pub fn cannot_leave(reason: Reason, message: impl Into<String>) -> Self {
        Self::Stands {
            state: EntryState::Removing,
            reason,
            message: message.into(),
            next: NextLook::Interval,
        }
    }

    /// The same, with more to say. What stands last is cut off first where status has no room for all.
    #[must_use]
    pub fn with(self, note: &str) -> Self {
        self.saying(|message| format!("{message}; {note}"))
    }

    /// The same, with something to say before anything else.
    #[must_use]
    pub fn led_by(self, note: &str) -> Self {
        self.saying(|message| format!("{note}: {message}"))
    }

    fn saying(self, say: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Stands {
                state,
                reason,
                message,
                next,
            } => Self::Stands {
                state,
                reason,
                message: say(message),
                next,
            },
            other => other,
        }
    }

    /// What it is called: the entry's state, or `Gone`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Gone => "Gone",
            Self::UnderWay { .. } => "UnderWay",
            Self::Stands { state, .. } => tally::state_name(*state),
        }
    }

    /// The reason, where there is one.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Gone | Self::UnderWay { .. } => "",
            Self::Stands { reason, .. } => reason.as_str(),
        }
    }

    /// Whether a role of this name is there, but is not the object's.
    pub fn is_of_another(&self) -> bool {
        let reasons = [Reason::ForeignRole, Reason::HeldByAnother];
        matches!(self, Self::Stands { reason, .. } if reasons.contains(reason))
    }

    /// Whether it follows from what is declared and what the account shows, and from nothing else: where both are the same
    /// later, so is it.
    pub fn stays_as_shown(&self) -> bool {
        match self {
            Self::Stands { state, reason, .. } => match reason {
                Reason::InSync | Reason::ForeignRole => true,
                Reason::WouldChange => *state == EntryState::Pending,
                _ => false,
            },
            Self::Gone | Self::UnderWay { .. } => false,
        }
    }

    /// Nothing is done for now; somebody wanted it so, or it goes on by itself.
    pub fn waits(state: EntryState, reason: Reason, message: impl Into<String>) -> Self {
        Self::Stands {
            state,
            reason,
            message: message.into(),
            next: NextLook::Backoff,
        }
    }
}

/// When the role of an entry was made and last used: of its use, what IAM says and what the feed has seen, whichever is later.
pub fn dates_of(entry: &AccountEntry) -> Option<Dates> {
    let mut dates = role_of(Some(entry))?.dates;
    let seen = entry.last_assumed.as_ref();
    let seen = seen.map(|last| last.time.0.to_zoned(TimeZone::UTC).date());
    dates.last_used = dates.last_used.max(seen);
    Some(dates)
}

/// The role that an entry in status speaks of.
pub fn role_of(entry: Option<&AccountEntry>) -> Option<RoleSeen> {
    let entry = entry?;
    Some(RoleSeen {
        arn: entry.role_arn.clone()?,
        id: entry.role_id.clone()?,
        dates: Dates {
            created: entry.created,
            last_used: entry.last_used,
        },
    })
}
