//! Throttling: a bucket of tokens for each account, refilled at a steady rate.

use std::collections::HashMap;
use std::time::Instant;

use serde::Deserialize;

/// How many calls are let through.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Rate {
    /// Tokens that come back each second of real time.
    rate_per_second: f64,
    /// Tokens that there are at most, and at first.
    burst: f64,
}

impl Rate {
    /// Says what is wrong with it, if anything is.
    pub(super) fn check(self) -> Result<(), String> {
        let fine = |number: f64| number.is_finite() && number >= 0.0;
        if fine(self.rate_per_second) && fine(self.burst) {
            return Ok(());
        }
        Err("ratePerSecond and burst are numbers that are not negative".to_owned())
    }
}

/// The buckets of a fault, by account: AWS throttles each account by itself. Source: AWS re:Post, "Which account's API quota
/// is used when a role is assumed?".
#[derive(Debug, Default)]
pub(super) struct Buckets(HashMap<String, Bucket>);

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Buckets {
    /// Takes a token. False if there is none, which costs the caller nothing more.
    pub(super) fn take(&mut self, account: &str, rate: Rate, now: Instant) -> bool {
        let bucket = self.0.entry(account.to_owned()).or_insert(Bucket {
            tokens: rate.burst,
            filled: now,
        });
        let elapsed = now.saturating_duration_since(bucket.filled).as_secs_f64();
        bucket.tokens = (bucket.tokens + elapsed * rate.rate_per_second).min(rate.burst);
        bucket.filled = now;
        let enough = bucket.tokens >= 1.0;
        if enough {
            bucket.tokens -= 1.0;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Buckets, Rate};

    #[test]
    fn a_burst_is_let_through_and_then_the_rate() {
        let rate = Rate {
            rate_per_second: 2.0,
            burst: 3.0,
        };
        let (mut buckets, start) = (Buckets::default(), Instant::now());
        let mut taken = |account: &str, after_ms: u64| {
            let now = start + Duration::from_millis(after_ms);
            (0..10).filter(|_| buckets.take(account, rate, now)).count()
        };
        assert_eq!(
            [taken("1", 0), taken("1", 400), taken("1", 600), taken("1", 60_000)],
            [3, 0, 1, 3]
        );
        assert_eq!(taken("2", 0), 3);
    }

    #[test]
    fn a_rate_is_a_number_that_is_not_negative() {
        let check = |rate_per_second, burst| Rate { rate_per_second, burst }.check().is_ok();
        assert!(check(0.0, 0.0) && check(0.5, 10.0));
        assert!(!check(-1.0, 1.0) && !check(1.0, f64::NAN));
    }
}
