//! How an account may be called: how fast, whether once more, whether at all. Pure: the time is passed in.
//!
//! Three answers to three kinds of trouble, each of this account alone:
//!
//! - **Throttled**: calls get slots in time. The rate falls by half with each second in which AWS asks for fewer calls,
//!   and grows slowly again after ten seconds in which it did not.
//! - **A call that failed** is sent again at once only while the account's budget lasts: a tenth of its calls.
//! - **Nothing works** (no answer, no way in): after some failures in a row no call is made for a while, then one alone
//!   tries. The while grows up to a minute, or to five where a person must act.

use std::time::{Duration, Instant};

use crossrole_plan::outcome::{self, Failure};

use super::Action;
use super::error::CallError;

/// No call is made any more after so many failures in a row that speak of the account as a whole.
const FAILURES_UNTIL_CLOSED: u32 = 5;

/// How long no call is made at the longest, where it heals by itself.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The call that tries whether the account works again is given up for lost after so long.
const TRIAL_LASTS: Duration = Duration::from_secs(90);

/// A retry costs 1; an answer earns [`EARNED`]. At most so many lie in the budget.
const BUDGET: f64 = 10.0;
const EARNED: f64 = 0.1;

/// The slowest rate, in calls per second.
const SLOWEST: f64 = 0.5;

/// The rate after the first throttling is no slower: one stray answer in a quiet account shall cost little.
const FIRST_RATE: f64 = 4.0;

/// From this rate on, the account's turns are limit enough.
const FAST_ENOUGH: f64 = 200.0;

/// The rate grows again after so long without throttling, by a twentieth each second.
const CALM: Duration = Duration::from_secs(10);
const GROWTH: f64 = 0.05;

/// How an account may be called.
#[derive(Debug)]
pub(super) struct Pace {
    /// In calls per second; absent: as fast as the account's turns allow.
    rate: Option<f64>,
    /// The first free slot.
    next: Instant,
    /// When AWS last asked for fewer calls.
    throttled: Option<Instant>,
    /// Answers in the second that began then, and in the one before.
    second: Instant,
    answers: (u32, u32),
    budget: f64,
    /// Failures in a row that speak of the account as a whole.
    failures: u32,
    closed: Option<Closed>,
}

/// No call is made.
#[derive(Debug)]
struct Closed {
    until: Instant,
    trial: Option<Instant>,
    because: CallError,
}

/// Whether work goes on without the answer to a call. It is not what tries an account that does not work, nor a reason to
/// leave one alone.
fn is_dispensable(action: Action) -> bool {
    action == Action::GetAccountSummary
}

/// Whether a call may be sent.
#[derive(Debug, PartialEq)]
pub(super) enum Admission {
    /// After so long; zero is at once. The slot is taken.
    After(Duration),
    /// Not for now, for this reason.
    Closed(CallError),
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            rate: None,
            next: now,
            throttled: None,
            second: now,
            answers: (0, 0),
            budget: BUDGET,
            failures: 0,
            closed: None,
        }
    }

    /// Asks for a slot for a call.
    pub(super) fn admit(&mut self, action: Action, now: Instant) -> Admission {
        if let Some(closed) = &mut self.closed {
            let trying = closed.trial.is_some_and(|began| now < began + TRIAL_LASTS);
            if now < closed.until || trying || is_dispensable(action) {
                return Admission::Closed(closed.because.clone());
            }
            closed.trial = Some(now);
        }
        let slot = self.next.max(now);
        if let Some(rate) = self.rate {
            self.next = slot + Duration::from_secs_f64(1.0 / rate);
        }
        Admission::After(slot.duration_since(now))
    }

    /// Whether no call is made for now, but perhaps one that tries.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    /// The account answered. Says whether it did not before.
    pub(super) fn answered(&mut self, now: Instant) -> bool {
        self.count(now);
        self.budget = (self.budget + EARNED).min(BUDGET);
        self.failures = 0;
        let calm = self.throttled.is_none_or(|at| now.duration_since(at) > CALM);
        self.rate = self
            .rate
            .map(|rate| if calm { rate + GROWTH } else { rate })
            .filter(|rate| *rate < FAST_ENOUGH);
        self.closed.take().is_some()
    }

    /// A call failed. `jitter` is a number from 0 to 1. Says whether the account answers again after it did not.
    pub(super) fn failed(&mut self, error: &CallError, now: Instant, jitter: f64) -> bool {
        let for_good = match error.failure {
            Failure::Throttled => {
                self.slow_down(now, jitter);
                false
            }
            Failure::Unavailable => false,
            Failure::BootstrapDenied | Failure::WrongAccount => true,
            // It was never sent: nothing was heard of the account.
            Failure::NotLeader => return false,
            // The account answered, and what it said is about one role.
            _ => return self.answered(now),
        };
        if is_dispensable(error.action) {
            return false;
        }
        self.failures = self.failures.saturating_add(1);
        let tried = self.closed.is_some();
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

    fn slow_down(&mut self, now: Instant, jitter: f64) {
        // The answers to one burst are one piece of news.
        if self
            .throttled
            .is_none_or(|at| now.duration_since(at) >= Duration::from_secs(1))
        {
            let got_through = f64::from(self.answers.0.max(self.answers.1));
            self.rate = Some(match self.rate {
                Some(rate) => (rate / 2.0).max(SLOWEST),
                None => (got_through / 2.0).max(FIRST_RATE),
            });
            self.throttled = Some(now);
        }
        self.next = self.next.max(now + Duration::from_secs_f64(0.5 + jitter / 2.0));
    }

    fn count(&mut self, now: Instant) {
        let past = now.duration_since(self.second).as_secs();
        if past > 0 {
            let before = if past == 1 { self.answers.0 } else { 0 };
            self.answers = (0, before);
            self.second = now;
        }
        self.answers.0 += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(failure: Failure) -> CallError {
        CallError::new(Action::GetRole, failure, "as tests have it")
    }

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn an_account_that_never_throttles_is_never_slowed_down() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        for call in 0..1000 {
            let now = start + seconds(f64::from(call) / 1000.0);
            assert_eq!(pace.admit(Action::GetRole, now), Admission::After(Duration::ZERO));
            pace.answered(now);
        }
    }

    #[test]
    fn throttling_halves_the_rate_once_a_second_and_calm_lets_it_grow() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        for _ in 0..20 {
            pace.answered(start);
        }
        for _ in 0..5 {
            pace.failed(&error(Failure::Throttled), start, 0.0);
            pace.failures = 0;
        }
        assert_eq!(pace.rate, Some(10.0));
        // The first slot lies half a second ahead, the next one a tenth of a second later.
        assert_eq!(pace.admit(Action::GetRole, start), Admission::After(seconds(0.5)));
        assert_eq!(pace.admit(Action::GetRole, start), Admission::After(seconds(0.6)));
        let later = start + seconds(1.5);
        pace.failed(&error(Failure::Throttled), later, 0.0);
        assert_eq!(pace.rate, Some(5.0));
        pace.answered(later + seconds(5.0));
        assert_eq!(pace.rate, Some(5.0));
        pace.answered(later + seconds(11.0));
        assert_eq!(pace.rate, Some(5.05));
        for _ in 0..10 {
            pace.failed(&error(Failure::Throttled), later + seconds(20.0), 0.0);
        }
        assert!(pace.rate.unwrap() >= SLOWEST);
    }

    #[test]
    fn five_failures_in_a_row_close_the_account_and_one_call_tries_it_later() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let trouble = error(Failure::Unavailable);
        for _ in 0..4 {
            pace.failed(&trouble, start, 1.0);
            assert_eq!(pace.admit(Action::GetRole, start), Admission::After(Duration::ZERO));
        }
        pace.failed(&trouble, start, 1.0);
        assert_eq!(pace.admit(Action::GetRole, start), Admission::Closed(trouble.clone()));
        let later = start + seconds(1.0);
        assert_eq!(pace.admit(Action::GetRole, later), Admission::After(Duration::ZERO));
        assert_eq!(
            pace.admit(Action::GetRole, later),
            Admission::Closed(trouble.clone()),
            "one call alone tries"
        );
        pace.failed(&trouble, later, 1.0);
        assert_eq!(
            pace.admit(Action::GetRole, later + seconds(1.9)),
            Admission::Closed(trouble.clone())
        );
        assert_eq!(
            pace.admit(Action::GetRole, later + seconds(2.0)),
            Admission::After(Duration::ZERO)
        );
        assert!(pace.answered(later + seconds(2.0)), "it did not answer before");
        assert!(!pace.answered(later + seconds(2.0)));
        assert_eq!(
            pace.admit(Action::GetRole, later + seconds(2.0)),
            Admission::After(Duration::ZERO)
        );
    }

    #[test]
    fn a_trial_that_never_ends_does_not_keep_the_account_closed() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        pace.failed(&error(Failure::BootstrapDenied), start, 1.0);
        let later = start + seconds(1.0);
        assert_eq!(pace.admit(Action::GetRole, later), Admission::After(Duration::ZERO));
        assert!(matches!(
            pace.admit(Action::GetRole, later + seconds(89.0)),
            Admission::Closed(_)
        ));
        assert_eq!(
            pace.admit(Action::GetRole, later + seconds(90.0)),
            Admission::After(Duration::ZERO)
        );
    }

    #[test]
    fn pauses_grow_to_a_minute_or_to_five_where_a_person_must_act() {
        for (failure, longest) in [(Failure::Unavailable, 60.0), (Failure::BootstrapDenied, 300.0)] {
            let mut now = Instant::now();
            let mut pace = Pace::new(now);
            for _ in 0..20 {
                pace.failed(&error(failure), now, 1.0);
                now += seconds(longest);
            }
            pace.failed(&error(failure), now, 1.0);
            assert!(matches!(
                pace.admit(Action::GetRole, now + seconds(longest - 0.1)),
                Admission::Closed(_)
            ));
            assert_eq!(
                pace.admit(Action::GetRole, now + seconds(longest)),
                Admission::After(Duration::ZERO)
            );
        }
    }

    #[test]
    fn a_call_that_work_goes_on_without_neither_closes_an_account_nor_tries_one() {
        let now = Instant::now();
        let mut pace = Pace::new(now);
        let dispensable = CallError::new(Action::GetAccountSummary, Failure::Unavailable, "as tests have it");
        for _ in 0..100 {
            assert!(!pace.failed(&dispensable, now, 1.0));
        }
        assert_eq!(pace.admit(Action::GetRole, now), Admission::After(Duration::ZERO));
        for _ in 0..5 {
            pace.failed(&error(Failure::Unavailable), now, 1.0);
        }
        let later = now + seconds(1.0);
        let refused = pace.admit(Action::GetAccountSummary, later);
        assert_eq!(refused, Admission::Closed(error(Failure::Unavailable)));
        assert_eq!(pace.admit(Action::GetRole, later), Admission::After(Duration::ZERO));
    }

    #[test]
    fn what_an_account_says_of_one_role_never_closes_it() {
        let now = Instant::now();
        let mut pace = Pace::new(now);
        for _ in 0..100 {
            pace.failed(&error(Failure::PermissionDenied), now, 0.0);
            pace.failed(&error(Failure::Conflict), now, 0.0);
        }
        assert_eq!(pace.admit(Action::GetRole, now), Admission::After(Duration::ZERO));
    }

    #[test]
    fn retries_end_with_the_budget_and_answers_earn_new_ones() {
        let now = Instant::now();
        let mut pace = Pace::new(now);
        let conflict = error(Failure::Conflict);
        assert_eq!((0..100).filter(|_| pace.may_retry(&conflict)).count(), 10);
        for _ in 0..20 {
            pace.answered(now);
        }
        // A tenth of twenty is not quite two, as floating point counts it.
        assert!(pace.may_retry(&conflict));
        assert!(!pace.may_retry(&error(Failure::PermissionDenied)));
    }
}
