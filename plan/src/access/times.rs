//! When a statement holds, by dates of every spelling.
//!
//! [`Window`] takes the dates that crossrole writes itself, and leaves all others in the statement, where they decide about the
//! same moments.

use crossrole_iam::document::{Condition, Moment, OperatorFamily, OperatorName, moment};
use jiff::Timestamp;

use crate::window::{CURRENT_TIME, Window};

/// The same time as a number. Source: IAM User Guide, "AWS global condition context keys" (`aws:EpochTime`), which takes the
/// operators of dates and of numbers.
const EPOCH_TIME: &str = "aws:EpochTime";

/// The part of a window in which conditions can hold, as far as they are about the time of the request. Of several parts it is
/// the one that now lies in, else the next one, else the last.
pub(super) fn narrowed(window: Window, conditions: &[Condition], now: Timestamp) -> Window {
    let times = conditions.iter().filter_map(|condition| time_of(condition, now));
    times.fold(window, Window::within)
}

/// `None` where a condition is not about the time of the request, or does not bound it.
fn time_of(condition: &Condition, now: Timestamp) -> Option<Window> {
    let is_date = condition.operator.base.family() == OperatorFamily::Date;
    let is_number = condition.operator.base.family() == OperatorFamily::Numeric;
    let is_about_time =
        (is_date && condition.is_about(CURRENT_TIME)) || ((is_date || is_number) && condition.is_about(EPOCH_TIME));
    // The key is in every request, so `IfExists` says nothing.
    if !is_about_time || condition.operator.qualifier.is_some() {
        return None;
    }
    let windows = condition.values.iter().map(|value| {
        let at = if is_date { moment(value) } else { second(value) };
        at.and_then(|at| holds(condition.operator.base, at))
    });
    // Values are alternatives: where one does not bound the time, nothing does.
    let windows: Vec<Window> = windows.collect::<Option<_>>()?;
    let begun = windows.iter().filter(|window| window.contains(now));
    let latest = |window: &&Window| (window.until().is_none(), window.until());
    let next = windows
        .iter()
        .filter(|window| window.from().is_some_and(|from| from > now));
    begun
        .max_by_key(latest)
        .or_else(|| next.min_by_key(|window| window.from()))
        .or_else(|| windows.iter().max_by_key(latest))
        .copied()
}

/// A number of seconds since 1970.
fn second(text: &str) -> Option<Moment> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().ok()?;
    let is_digits = fraction.bytes().all(|byte| byte.is_ascii_digit());
    let is_whole = fraction.bytes().all(|byte| byte == b'0');
    (is_digits && (is_whole || seconds >= 0)).then_some(Moment { seconds, is_whole })
}

/// When a request has to be made. Its time has whole seconds.
fn holds(operator: OperatorName, at: Moment) -> Option<Window> {
    use OperatorName as Name;
    let second = |seconds: i64| Timestamp::from_second(seconds).ok();
    let (floor, next) = (second(at.seconds)?, second(at.seconds.checked_add(1)?)?);
    let ceiling = if at.is_whole { floor } else { next };
    let (from, until) = match operator {
        Name::DateLessThan | Name::NumericLessThan => (None, Some(ceiling)),
        Name::DateLessThanEquals | Name::NumericLessThanEquals => (None, Some(next)),
        Name::DateGreaterThan | Name::NumericGreaterThan => (Some(next), None),
        Name::DateGreaterThanEquals | Name::NumericGreaterThanEquals => (Some(ceiling), None),
        Name::DateEquals | Name::NumericEquals if at.is_whole => (Some(floor), Some(next)),
        Name::DateEquals | Name::NumericEquals => (Some(next), Some(next)),
        _ => return None,
    };
    Some(Window::new(from, until))
}
