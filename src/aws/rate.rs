//! How fast calls may be sent. Pure: the time is passed in.
//!
//! Calls get slots in time, one after another, as the rate is when it is their turn. It falls by half with each second in
//! which AWS asks for fewer calls, grows slowly again after ten seconds in which it did not, and is forgotten after ten
//! minutes. Whoever never throttles is never slowed down.

use std::time::{Duration, Instant};

/// The slowest rate, in calls per second: even in an account that takes nothing, no more than a trickle.
const SLOWEST: f64 = 0.25;

/// The rate after the first throttling is no slower: one stray answer in a quiet account shall cost little.
const FIRST_RATE: f64 = 4.0;

/// From this rate on, other limits are limit enough.
const FAST_ENOUGH: f64 = 200.0;

/// After so long without throttling each answer makes the rate a twentieth of a call per second faster.
const CALM: Duration = Duration::from_secs(10);
const GROWTH: f64 = 0.05;

/// After so long without throttling calls are as fast as anybody likes: where few are made, few answers come.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(600);

/// How fast calls may be sent.
#[derive(Debug)]
pub(super) struct Rate {
    /// In calls per second; absent: as fast as anybody likes.
    rate: Option<f64>,
    /// When the last slot was taken.
    last: Option<Instant>,
    /// No call is sent before.
    not_before: Instant,
    /// When AWS last asked for fewer calls.
    throttled: Option<Instant>,
    /// Answers in the second that began then, and in the one before.
    second: Instant,
    answers: (u32, u32),
}

impl Rate {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            rate: None,
            last: None,
            not_before: now,
            throttled: None,
            second: now,
            answers: (0, 0),
        }
    }

    /// How long it is until the next slot. It is taken where that is now: zero.
    pub(super) fn take_slot(&mut self, now: Instant) -> Duration {
        self.forget_in_time(now);
        let after_last = self.rate.zip(self.last);
        let after_last = after_last.map(|(rate, last)| last + Duration::from_secs_f64(1.0 / rate));
        let slot = after_last.map_or(self.not_before, |slot| slot.max(self.not_before));
        let wait = slot.saturating_duration_since(now);
        if wait.is_zero() {
            self.last = Some(now);
        }
        wait
    }

    /// Whether calls are slowed down.
    pub(super) fn is_limited(&mut self, now: Instant) -> bool {
        self.forget_in_time(now);
        self.rate.is_some()
    }

    fn forget_in_time(&mut self, now: Instant) {
        if self
            .throttled
            .is_some_and(|at| now.duration_since(at) > FORGOTTEN_AFTER)
        {
            self.rate = None;
        }
    }

    /// A call was answered.
    pub(super) fn answered(&mut self, now: Instant) {
        self.count(now);
        let calm = self.throttled.is_none_or(|at| now.duration_since(at) > CALM);
        self.rate = self
            .rate
            .map(|rate| if calm { rate + GROWTH } else { rate })
            .filter(|rate| *rate < FAST_ENOUGH);
    }

    /// AWS asked for fewer calls. `jitter` is a number from 0 to 1.
    pub(super) fn throttled(&mut self, now: Instant, jitter: f64) {
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
        self.not_before = self.not_before.max(now + Duration::from_secs_f64(0.5 + jitter / 2.0));
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

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn who_never_throttles_is_never_slowed_down() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        for call in 0..1000 {
            let now = start + seconds(f64::from(call) / 1000.0);
            assert_eq!(rate.take_slot(now), Duration::ZERO);
            rate.answered(now);
        }
        assert!(!rate.is_limited(start));
    }

    #[test]
    fn throttling_halves_the_rate_once_a_second_and_calm_lets_it_grow() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        for _ in 0..20 {
            rate.answered(start);
        }
        for _ in 0..5 {
            rate.throttled(start, 0.0);
        }
        assert_eq!(rate.rate, Some(10.0));
        // The first slot lies half a second ahead, the next one a tenth of a second later.
        assert_eq!(rate.take_slot(start), seconds(0.5));
        let first = start + seconds(0.5);
        assert_eq!(rate.take_slot(first), Duration::ZERO);
        assert_eq!(rate.take_slot(first), seconds(0.1));
        let later = start + seconds(1.5);
        rate.throttled(later, 0.0);
        assert_eq!(rate.rate, Some(5.0));
        rate.answered(later + seconds(5.0));
        assert_eq!(rate.rate, Some(5.0));
        rate.answered(later + seconds(11.0));
        assert_eq!(rate.rate, Some(5.05));
        for round in 0..10 {
            rate.throttled(later + seconds(20.0 + f64::from(round)), 0.0);
        }
        assert_eq!(rate.rate, Some(SLOWEST));
        let last = later + seconds(29.0);
        assert!(rate.is_limited(last + FORGOTTEN_AFTER));
        assert!(!rate.is_limited(last + FORGOTTEN_AFTER + seconds(1.0)));
    }

    #[test]
    fn whoever_waits_for_a_slot_comes_forward_when_calls_may_be_faster_again() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        rate.throttled(start, 0.0);
        let first = start + seconds(0.5);
        assert_eq!(rate.take_slot(first), Duration::ZERO);
        assert_eq!(rate.take_slot(first), seconds(1.0 / FIRST_RATE));
        rate.rate = Some(100.0);
        assert_eq!(rate.take_slot(first), seconds(0.01));
    }
}
