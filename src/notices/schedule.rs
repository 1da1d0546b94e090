//! When a notice that was not taken is sent again.

use std::time::Duration;

/// How often a notice is tried, and how long it waits in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// So often at most.
    pub tries: u32,
    /// So long each try may take.
    pub longest: Duration,
    /// The wait after the first try; each later one is twice as long as the one before it.
    pub first_wait: Duration,
    /// No wait is longer.
    pub longest_wait: Duration,
}

impl Default for Schedule {
    /// Eight tries of ten seconds, within five minutes.
    fn default() -> Self {
        Self {
            tries: 8,
            longest: Duration::from_secs(10),
            first_wait: Duration::from_secs(2),
            longest_wait: Duration::from_secs(60),
        }
    }
}

impl Schedule {
    /// The wait after so many tries that failed; `None` where there is no further one. `chance` is from 0 to 1: many notices
    /// that failed at once are not sent again at once.
    pub fn wait(&self, failures: u32, chance: f64) -> Option<Duration> {
        if failures >= self.tries {
            return None;
        }
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        let wait = self.first_wait.saturating_mul(doubled).min(self.longest_wait);
        Some(wait.mul_f64(0.5 + 0.5 * chance))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_minute_and_end_after_eight_tries() {
        let schedule = Schedule::default();
        let waits = |chance: f64| -> Vec<Option<u64>> {
            (1..=9)
                .map(|failures| Some(schedule.wait(failures, chance)?.as_millis() as u64))
                .collect()
        };
        let longest = [2, 4, 8, 16, 32, 60, 60].map(|seconds| Some(seconds * 1000));
        assert_eq!(waits(1.0), [&longest[..], &[None, None]].concat());
        let shortest = longest.map(|wait| wait.map(|wait| wait / 2));
        assert_eq!(waits(0.0), [&shortest[..], &[None, None]].concat());
        let total: u64 = longest.iter().flatten().sum::<u64>() + 8 * 10_000;
        assert!(total < 300_000, "{total} ms");
        assert_eq!(schedule.wait(u32::MAX, 1.0), None);
        let endless = Schedule {
            tries: u32::MAX,
            ..schedule
        };
        assert_eq!(endless.wait(1_000, 1.0), Some(Duration::from_secs(60)));
    }
}
