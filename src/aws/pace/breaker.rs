//! Whether an account may be called at all, as one of the roles by which it is entered.

use std::time::{Duration, Instant};

use crossrole_plan::outcome;

use super::{is_dispensable, is_on_the_way_in, reads_all};
use crate::aws::{Action, CallError};

/// No call is made any more after so many failures in a row that speak of the account as a whole.
pub(super) const FAILURES_UNTIL_CLOSED: u32 = 5;

/// How long no call is made at the longest, where it heals by itself.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The call that tries whether the account works again is given up for lost after so long.
const TRIAL_LASTS: Duration = Duration::from_secs(90);

/// Failures within so long are one.
pub(super) const ONE_FAILURE: Duration = Duration::from_secs(1);

/// Whether an account may be called.
#[derive(Debug, Default)]
pub(super) struct Breaker {
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

impl Breaker {
    /// Whether no call is made for now, but perhaps one that tries.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    /// Why a call may not be sent.
    pub(super) fn refuses(&self, action: Action, now: Instant) -> Option<CallError> {
        let closed = self.closed.as_ref()?;
        let trying = closed.trial.is_some_and(|began| now < began + TRIAL_LASTS);
        (now < closed.until || trying || is_dispensable(action)).then(|| closed.because.clone())
    }

    /// A call is sent. Where none is made, it is the one that tries.
    pub(super) fn is_tried(&mut self, now: Instant) {
        if let Some(closed) = &mut self.closed {
            closed.trial = Some(now);
        }
    }

    /// The account answered a call that was sent then. Says whether it did not before.
    pub(super) fn answered(&mut self, action: Action, sent: Instant, now: Instant) -> bool {
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

    /// The account works, as a call says that was sent then. Says whether it did not before.
    pub(super) fn opens(&mut self, sent: Instant) -> bool {
        if self.is_older_news(sent) {
            return false;
        }
        self.failures = 0;
        self.closed.take().is_some()
    }

    /// A call told nothing of the account: if it was the one that tries, another one tries soon.
    pub(super) fn has_said_nothing(&mut self, sent: Instant, now: Instant) -> bool {
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

    /// A call failed that was sent then, which speaks of the account as a whole; `for_good`: until a person acts. `jitter` is
    /// a number from 0 to 1.
    pub(super) fn failed(&mut self, error: &CallError, for_good: bool, (sent, now): (Instant, Instant), jitter: f64) {
        if self.is_older_news(sent) || is_dispensable(error.action) {
            return;
        }
        let tried = self.closed.is_some();
        if reads_all(error.action) && !tried {
            return;
        }
        // Calls that fail together are one failure.
        let lately = self.failed.is_some_and(|at| now.duration_since(at) < ONE_FAILURE);
        if lately && !for_good && !tried {
            return;
        }
        self.failed = Some(now);
        self.failures = self.failures.saturating_add(1);
        if !for_good && !tried && self.failures < FAILURES_UNTIL_CLOSED {
            return;
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
    }
}
