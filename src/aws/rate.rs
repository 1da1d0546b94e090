//! How fast calls may be sent. Pure: the time is passed in.
//!
//! Calls get slots in time. The rate falls by half with each second in which AWS asks for fewer calls, and grows slowly
//! again after ten seconds in which it did not. Whoever never throttles is never slowed down.

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

/// How fast calls may be sent.
#[derive(Debug)]
pub(super) struct Rate {
    /// In calls per second; absent: as fast as anybody likes.
    rate: Option<f64>,
    /// The first free slot.
    next: Instant,
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
            next: now,
            throttled: None,
            second: now,
            answers: (0, 0),
        }
    }

    /// Takes a slot for a call. Says how long it is until then; zero is now.
    pub(super) fn slot(&mut self, now: Instant) -> Duration {
        let slot = self.next.max(now);
        if let Some(rate) = self.rate {
            self.next = slot + Duration::from_secs_f64(1.0 / rate);
        }
        slot.duration_since(now)
    }

    /// Whether calls are slowed down.
    pub(super) fn is_limited(&self) -> bool {
        self.rate.is_some()
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

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn who_never_throttles_is_never_slowed_down() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        for call in 0..1000 {
            let now = start + seconds(f64::from(call) / 1000.0);
            assert_eq!(rate.slot(now), Duration::ZERO);
            rate.answered(now);
        }
        assert!(!rate.is_limited());
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
        assert_eq!(rate.slot(start), seconds(0.5));
        assert_eq!(rate.slot(start), seconds(0.6));
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
    }
}
