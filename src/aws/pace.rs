//! How an account may be called: how fast, whether once more, whether at all. Pure: the time is passed in.
//!
//! Three answers to three kinds of trouble, each of this account alone:
//!
//! - **Throttled**: calls get slots in time, further apart ([`Rate`]).
//! - **A call that failed** is sent again at once only while the account's budget lasts: a tenth of its calls.
//! - **Nothing works** (no answer, no way in): after five seconds with failures alone no call is made for a while, then one alone
//!   tries ([`Breaker`]). The while grows up to a minute, or to five where a person must act.
//!
//! IAM counts the account's calls, whoever makes them: pace and budget are one. But what the bootstrap role can and cannot do
//! says nothing of the grant role, nor the other way round: each side has a breaker of its own.

mod breaker;

use std::time::{Duration, Instant};

use crossrole_plan::outcome::Failure;

use super::Action;
use super::action::Side;
use super::error::CallError;
use super::rate::Rate;
use breaker::Breaker;

/// A retry costs 1; an answer earns [`EARNED`]. At most so many lie in the budget.
const BUDGET: f64 = 10.0;
const EARNED: f64 = 0.1;

/// How an account may be called.
#[derive(Debug)]
pub(super) struct Pace {
    rate: Rate,
    /// How long an answer took of late, on the average.
    took: Duration,
    budget: f64,
    bootstrap: Breaker,
    grants: Breaker,
    organization: Breaker,
    events: Breaker,
}

/// An account whose answers take longer on the average is slow.
const PROMPT: Duration = Duration::from_secs(1);

/// Whether a call reads all roles of an account. Where that takes too long, each role can still be read alone: it is no
/// reason to make no call.
fn reads_all(action: Action) -> bool {
    matches!(action, Action::ListRoles | Action::GetAccountAuthorizationDetails)
}

/// Whether work goes on without the answer to a call. It is not what tries an account that does not work, nor a reason to
/// leave one alone.
fn is_dispensable(action: Action) -> bool {
    action == Action::GetAccountSummary
}

/// Whether a call is part of getting in: that it is answered does not say yet that this is the right account.
fn is_on_the_way_in(action: Action) -> bool {
    action.enters()
        || matches!(
            action,
            Action::GetCallerIdentity | Action::GetGrantIdentity | Action::GetOrganizationIdentity
        )
}

/// Whether a call may be sent.
#[derive(Debug, PartialEq)]
pub(super) enum Admission {
    /// After so long it is to be asked for again; zero is now: the slot is taken.
    After(Duration),
    /// Not for now, for this reason.
    Closed(CallError),
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            rate: Rate::new(now),
            took: Duration::ZERO,
            budget: BUDGET,
            bootstrap: Breaker::default(),
            grants: Breaker::default(),
            organization: Breaker::default(),
            events: Breaker::default(),
        }
    }

    fn breaker(&mut self, side: Side) -> &mut Breaker {
        match side {
            Side::Bootstrap => &mut self.bootstrap,
            Side::Grants => &mut self.grants,
            Side::Organization => &mut self.organization,
            Side::Events => &mut self.events,
        }
    }

    /// Asks for a slot for a call.
    pub(super) fn admit(&mut self, action: Action, now: Instant) -> Admission {
        if let Some(because) = self.breaker(action.side()).refuses(action, now) {
            return Admission::Closed(because);
        }
        let wait = self.rate.take_slot(now);
        if wait.is_zero() {
            self.breaker(action.side()).is_tried(now);
        }
        Admission::After(wait)
    }

    /// Whether the account takes long for its answers, or asked for fewer calls.
    pub(super) fn is_slow(&mut self, now: Instant) -> bool {
        self.rate.is_limited(now) || self.took > PROMPT
    }

    /// Whether no call is made for now as the bootstrap role, but perhaps one that tries.
    pub(super) fn is_closed(&self) -> bool {
        self.bootstrap.is_closed()
    }

    /// The account answered a call that was sent then. Says whether it did not before.
    pub(super) fn answered(&mut self, action: Action, sent: Instant, now: Instant) -> bool {
        self.rate.answered(now);
        self.note_time(action, sent, now);
        self.budget = (self.budget + EARNED).min(BUDGET);
        self.breaker(action.side()).answered(action, sent, now)
    }

    /// The right account answered a call that was sent then, as whoever makes such calls. Says whether it did not before.
    pub(super) fn entered(&mut self, action: Action, sent: Instant) -> bool {
        self.breaker(action.side()).opens(sent)
    }

    // To read all roles of a large account takes long everywhere.
    fn note_time(&mut self, action: Action, sent: Instant, now: Instant) {
        if !reads_all(action) {
            self.took = (self.took * 3 + now.duration_since(sent)) / 4;
        }
    }

    /// For which reason no call of a side is made, where that was decided since.
    pub(super) fn closed_since(&mut self, side: Side, then: Instant) -> Option<CallError> {
        self.breaker(side).closed_since(then)
    }

    /// A call failed that was sent then. `jitter` is a number from 0 to 1. Says whether the account answers again after it
    /// did not.
    pub(super) fn failed(&mut self, error: &CallError, sent: Instant, now: Instant, jitter: f64) -> bool {
        let side = error.action.side();
        let for_good = match error.failure {
            // How often STS may be asked is counted where the asking identity is, not here.
            Failure::Throttled if error.action.enters() => return self.breaker(side).has_said_nothing(sent, now),
            // Slower is enough: where no call is made at all, all who wait come back at once.
            Failure::Throttled => {
                self.rate.throttled(now, jitter);
                if is_on_the_way_in(error.action) {
                    return self.breaker(side).has_said_nothing(sent, now);
                }
                return self.breaker(side).opens(sent);
            }
            // Another session is fetched.
            Failure::Unavailable if error.is_about_credentials() && !error.action.enters() => {
                return self.breaker(side).has_said_nothing(sent, now);
            }
            Failure::Unavailable => {
                self.note_time(error.action, sent, now);
                false
            }
            Failure::BootstrapDenied
            | Failure::GrantRoleDenied
            | Failure::OrganizationRoleDenied
            | Failure::WrongAccount => true,
            // It was never sent.
            Failure::NotLeader => return self.breaker(side).has_said_nothing(sent, now),
            // The account answered, and what it said is about one role.
            _ => return self.answered(error.action, sent, now),
        };
        self.breaker(side).failed(error, for_good, (sent, now), jitter);
        false
    }

    /// Whether a call that failed may be sent again at once; takes it from the budget.
    pub(super) fn may_retry(&mut self, error: &CallError) -> bool {
        let passing = matches!(
            error.failure,
            Failure::Throttled | Failure::Unavailable | Failure::Conflict
        );
        let is_closed = self.breaker(error.action.side()).is_closed();
        if !passing || is_closed || self.budget < 1.0 || error.is_about_credentials() {
            return false;
        }
        self.budget -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests;
