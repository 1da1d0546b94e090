//! The moments at which the laws look at a role, and the dates that declarations name.
//!
//! Between any two dates lies a moment, and before the first and after the last, so that a date which is missing or moved
//! shows. Sessions are told apart by when they were issued and when they are used.

use jiff::{SignedDuration, Timestamp};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// When sessions were issued that are there already, in milliseconds from now.
const PAST: [i64; 3] = [-3 * DAY, -90 * MINUTE, -20 * SECOND];
/// When sessions are issued or used from now on, in milliseconds from now.
const NEXT: [i64; 5] = [0, 45 * SECOND, 10 * MINUTE, 3 * HOUR, 3 * DAY];

/// How many moments of issue lie in the past.
pub(super) const OLDER: usize = PAST.len();
/// How many moments lie ahead.
pub(super) const AHEAD: usize = NEXT.len();
/// How many moments of issue there are.
pub(super) const ISSUED: usize = OLDER + AHEAD;

/// The dates that declarations and policies name, in milliseconds from the beginning.
pub(super) const DATES: [i64; 8] = [
    -2 * DAY,
    -HOUR,
    0,
    30 * SECOND,
    4 * MINUTE + 500,
    HOUR,
    HOUR + 1,
    2 * DAY,
];
/// The dates among them that may be declared for a revocation.
pub(super) const REVOCABLE: usize = 5;
/// How much time passes between two declarations, in milliseconds.
pub(super) const PASSING: [i64; 6] = [0, SECOND, 40 * SECOND, 10 * MINUTE, 3 * HOUR, 3 * DAY];

/// When the first declaration is made.
pub(super) fn beginning() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

pub(super) fn later(time: Timestamp, milliseconds: i64) -> Timestamp {
    time.checked_add(SignedDuration::from_millis(milliseconds)).unwrap()
}

/// The moment of issue with this number.
pub(super) fn issued(number: usize, now: Timestamp) -> Timestamp {
    let all = PAST.into_iter().chain(NEXT);
    later(now, all.into_iter().nth(number).unwrap())
}

/// The moment of use with this number.
pub(super) fn used(number: usize, now: Timestamp) -> Timestamp {
    later(now, NEXT[number])
}

/// The first whole second that is not earlier.
pub(super) fn whole_second_up(time: Timestamp) -> Timestamp {
    if time.subsec_nanosecond() == 0 {
        time
    } else {
        later(whole_second_down(time), SECOND)
    }
}

/// The last whole second that is not later.
pub(super) fn whole_second_down(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap()
}
