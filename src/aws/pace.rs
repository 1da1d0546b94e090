//! How an account may be called: how fast, whether once more, whether at all. Pure: the time is passed in.
//!
//! Three answers to three kinds of trouble, each of this account alone:
//!
//! - **Throttled**: calls get slots in time, further apart ([`Rate`]).
//! - **A call that failed** is sent again at once only while the account's budget lasts: a tenth of its calls.
//! - **Nothing works** (no answer, no way in): after five seconds with failures alone no call is made for a while, then one alone
//!   tries. The while grows up to a minute, or to five where a person must act.

use std::time::{Duration, Instant};

use crossrole_plan::outcome::{self, Failure};

use super::Action;
use super::error::CallError;
use super::rate::Rate;

/// No call is made any more after so many failures in a row that speak of the account as a whole.
const FAILURES_UNTIL_CLOSED: u32 = 5;

/// How long no call is made at the longest, where it heals by itself.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The call that tries whether the account works again is given up for lost after so long.
const TRIAL_LASTS: Duration = Duration::from_secs(90);

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
    /// Failures in a row that speak of the account as a whole.
    failures: u32,
    /// When the last of them was counted.
    failed: Option<Instant>,
    closed: Option<Closed>,
}

/// No call is made.
#[derive(Debug)]
struct Closed {
    since: Instant,
    until: Instant,
    trial: Option<Instant>,
    because: CallError,
}

/// An account whose answers take longer on the average is slow.
const PROMPT: Duration = Duration::from_secs(1);

/// Failures within so long are one.
const ONE_FAILURE: Duration = Duration::from_secs(1);

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
    matches!(action, Action::AssumeRole | Action::GetCallerIdentity)
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
            failures: 0,
            failed: None,
            closed: None,
        }
    }

    /// Asks for a slot for a call.
    pub(super) fn admit(&mut self, action: Action, now: Instant) -> Admission {
        if let Some(closed) = &self.closed {
            let trying = closed.trial.is_some_and(|began| now < began + TRIAL_LASTS);
            if now < closed.until || trying || is_dispensable(action) {
                return Admission::Closed(closed.because.clone());
            }
        }
        let wait = self.rate.take_slot(now);
        if wait.is_zero()
            && let Some(closed) = &mut self.closed
        {
            closed.trial = Some(now);
        }
        Admission::After(wait)
    }

    /// Whether the account takes long for its answers, or asked for fewer calls.
    pub(super) fn is_slow(&mut self, now: Instant) -> bool {
        self.rate.is_limited(now) || self.took > PROMPT
    }

    /// Whether no call is made for now, but perhaps one that tries.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    /// The account answered a call that was sent then. Says whether it did not before.
    pub(super) fn answered(&mut self, action: Action, sent: Instant, now: Instant) -> bool {
        self.rate.answered(now);
        self.note_time(action, sent, now);
        self.budget = (self.budget + EARNED).min(BUDGET);
        match &mut self.closed {
            // Whose account a session is in, and whether it is accepted, say the next call and whoever compares the ids.
            Some(closed) if is_on_the_way_in(action) => {
                if sent >= closed.since {
                    closed.trial = None;
                    closed.until = now;
                }
                false
            }
            None if is_on_the_way_in(action) => false,
            _ => self.opens(sent),
        }
    }

    /// The right account answered a call that was sent then. Says whether it did not before.
    pub(super) fn entered(&mut self, sent: Instant) -> bool {
        self.opens(sent)
    }

    fn opens(&mut self, sent: Instant) -> bool {
        if self.is_older_news(sent) {
            return false;
        }
        self.failures = 0;
        self.closed.take().is_some()
    }

    // To read all roles of a large account takes long everywhere.
    fn note_time(&mut self, action: Action, sent: Instant, now: Instant) {
        if !reads_all(action) {
            self.took = (self.took * 3 + now.duration_since(sent)) / 4;
        }
    }

    /// A call told nothing of the account: if it was the one that tries, another one tries soon.
    fn has_said_nothing(&mut self, sent: Instant, now: Instant) -> bool {
        if !self.is_older_news(sent)
            && let Some(closed) = &mut self.closed
            && closed.trial.take().is_some()
        {
            closed.until = now + ONE_FAILURE;
        }
        false
    }

    /// For which reason no call is made, where that was decided since.
    pub(super) fn closed_since(&self, then: Instant) -> Option<CallError> {
        let closed = self.closed.as_ref().filter(|closed| closed.since > then);
        closed.map(|closed| closed.because.clone())
    }

    /// Whether a call was sent before it was decided to make none: what became of it is no news.
    fn is_older_news(&self, sent: Instant) -> bool {
        self.closed.as_ref().is_some_and(|closed| sent < closed.since)
    }

    /// A call failed that was sent then. `jitter` is a number from 0 to 1. Says whether the account answers again after it
    /// did not.
    pub(super) fn failed(&mut self, error: &CallError, sent: Instant, now: Instant, jitter: f64) -> bool {
        let for_good = match error.failure {
            // How often STS may be asked is counted where the asking identity is, not here.
            Failure::Throttled if error.action == Action::AssumeRole => return self.has_said_nothing(sent, now),
            // Slower is enough: where no call is made at all, all who wait come back at once.
            Failure::Throttled => {
                self.rate.throttled(now, jitter);
                if is_on_the_way_in(error.action) {
                    return self.has_said_nothing(sent, now);
                }
                return self.opens(sent);
            }
            // Another session is fetched.
            Failure::Unavailable if error.is_about_credentials() && error.action != Action::AssumeRole => {
                return self.has_said_nothing(sent, now);
            }
            Failure::Unavailable => {
                self.note_time(error.action, sent, now);
                false
            }
            Failure::BootstrapDenied | Failure::WrongAccount => true,
            // It was never sent.
            Failure::NotLeader => return self.has_said_nothing(sent, now),
            // The account answered, and what it said is about one role.
            _ => return self.answered(error.action, sent, now),
        };
        if self.is_older_news(sent) || is_dispensable(error.action) {
            return false;
        }
        let tried = self.closed.is_some();
        if reads_all(error.action) && !tried {
            return false;
        }
        // Calls that fail together are one failure.
        let lately = self.failed.is_some_and(|at| now.duration_since(at) < ONE_FAILURE);
        if lately && !for_good && !tried {
            return false;
        }
        self.failed = Some(now);
        self.failures = self.failures.saturating_add(1);
        if !for_good && !tried && self.failures < FAILURES_UNTIL_CLOSED {
            return false;
        }
        let round = if for_good {
            self.failures - 1
        } else {
            self.failures.saturating_sub(FAILURES_UNTIL_CLOSED)
        };
        let pause = outcome::backoff(round, jitter);
        self.closed = Some(Closed {
            since: now,
            until: now + if for_good { pause } else { pause.min(LONGEST_PAUSE) },
            trial: None,
            because: error.clone(),
        });
        false
    }

    /// Whether a call that failed may be sent again at once; takes it from the budget.
    pub(super) fn may_retry(&mut self, error: &CallError) -> bool {
        let passing = matches!(
            error.failure,
            Failure::Throttled | Failure::Unavailable | Failure::Conflict
        );
        if !passing || self.closed.is_some() || self.budget < 1.0 || error.is_about_credentials() {
            return false;
        }
        self.budget -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests;
