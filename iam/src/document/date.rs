//! The dates of the `Date…` operators.
//!
//! IAM takes the profiles of ISO 8601 that the W3C names, or seconds since 1970. Source: IAM User Guide, "IAM JSON
//! policy elements: Condition operators" (date condition operators), and W3C, "Date and Time Formats".

/// When a date is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Seconds since 1970-01-01T00:00:00Z, rounded down.
    pub seconds: i64,
    /// Whether it is exactly then, and no part of a second later.
    pub is_whole: bool,
}

/// When a date is; `None` if it is no date. A date without a time is its beginning, and a time without a zone is UTC's: which
/// instant IAM takes those for is not documented.
#[must_use]
pub fn moment(text: &str) -> Option<Moment> {
    let read = read(text)?;
    Some(Moment {
        seconds: read.seconds,
        is_whole: read.fraction.is_empty(),
    })
}

/// Reads a date and answers a text that is the same for all spellings of one instant; `None` if it is no date.
///
/// A date without a time, or a time without a zone, keeps its own spelling: which instant IAM takes it for is not
/// documented.
pub(crate) fn canonical(text: &str) -> Option<String> {
    let read = read(text)?;
    Some(match (read.has_zone, read.fraction) {
        (false, _) => text.to_owned(),
        (true, "") => format!("@{}", read.seconds),
        (true, fraction) => format!("@{}.{fraction}", read.seconds),
    })
}

struct Read<'text> {
    seconds: i64,
    /// Digits after the point, without zeros at their end.
    fraction: &'text str,
    has_zone: bool,
}

fn read(text: &str) -> Option<Read<'_>> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    if unsigned.len() > 4 && is_digits(unsigned) {
        return Some(Read {
            seconds: text.parse().ok()?,
            fraction: "",
            has_zone: true,
        });
    }
    let (date, time) = match text.split_once(['T', 't']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let midnight = days_of(date)? * 86_400;
    let Some(time) = time else {
        return Some(Read {
            seconds: midnight,
            fraction: "",
            has_zone: false,
        });
    };
    let (clock, zone) = split_zone(time);
    let (seconds, fraction) = seconds_of(clock)?;
    Some(Read {
        seconds: midnight + seconds - zone.map_or(Some(0), zone_seconds)?,
        fraction: fraction.trim_end_matches('0'),
        has_zone: zone.is_some(),
    })
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A number of exactly so many digits, within bounds.
fn number(text: &str, digits: usize, least: i64, most: i64) -> Option<i64> {
    if text.len() != digits || !is_digits(text) {
        return None;
    }
    let number: i64 = text.parse().ok()?;
    (least..=most).contains(&number).then_some(number)
}

/// Days since 1970-01-01 of `YYYY`, `YYYY-MM` or `YYYY-MM-DD`.
fn days_of(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let year = number(parts.next()?, 4, 0, 9_999)?;
    let month = match parts.next() {
        Some(month) => number(month, 2, 1, 12)?,
        None => 1,
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let most = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let day = match parts.next() {
        Some(day) => number(day, 2, 1, most)?,
        None => 1,
    };
    if parts.next().is_some() {
        return None;
    }
    // Years are counted from March, so that the leap day is a year's last.
    let (year, month) = if month <= 2 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    let days_before_year = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let days_before_month = (153 * month + 2) / 5;
    Some(days_before_year + days_before_month + day - 1 - 719_468)
}

/// Splits a time into its clock and its zone (`Z`, `+01:00`, `+0100`, `+01`).
fn split_zone(text: &str) -> (&str, Option<&str>) {
    if let Some(clock) = text.strip_suffix(['Z', 'z']) {
        return (clock, Some("Z"));
    }
    match text.rfind(['+', '-']) {
        Some(at) => {
            let (clock, zone) = text.split_at(at);
            (clock, Some(zone))
        }
        None => (text, None),
    }
}

/// Seconds since midnight of `hh:mm`, `hh:mm:ss` or `hh:mm:ss.f…`, and the digits of the fraction.
fn seconds_of(text: &str) -> Option<(i64, &str)> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) if is_digits(fraction) => (whole, fraction),
        Some(_) => return None,
        None => (text, ""),
    };
    let mut parts = whole.split(':');
    let hours = number(parts.next()?, 2, 0, 23)?;
    let minutes = number(parts.next()?, 2, 0, 59)?;
    let seconds = match parts.next() {
        Some(seconds) => number(seconds, 2, 0, 60)?,
        None if fraction.is_empty() => 0,
        None => return None,
    };
    if parts.next().is_some() {
        return None;
    }
    Some((hours * 3_600 + minutes * 60 + seconds, fraction))
}

fn zone_seconds(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let (sign, rest) = match (zone.strip_prefix('+'), zone.strip_prefix('-')) {
        (Some(rest), _) => (1, rest),
        (_, Some(rest)) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match rest.split_once(':') {
        Some((hours, minutes)) => (hours, minutes),
        None if rest.len() == 4 && rest.is_ascii() => rest.split_at(2),
        None => (rest, "00"),
    };
    Some(sign * (number(hours, 2, 0, 23)? * 3_600 + number(minutes, 2, 0, 59)? * 60))
}

#[cfg(test)]
mod tests {
    use super::{Moment, canonical, moment};

    #[test]
    fn all_spellings_of_one_instant_are_the_same() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", "@0"),
            ("2026-11-22T10:00:00Z", "@1795341600"),
            ("2026-11-22T11:00:00+01:00", "@1795341600"),
            ("2026-11-22T11:00+0100", "@1795341600"),
            ("2026-11-22T05:00:00.000-05", "@1795341600"),
            ("2026-11-22t10:00:00z", "@1795341600"),
            ("1795341600", "@1795341600"),
            ("2000-02-29T00:00:00.250Z", "@951782400.25"),
            ("1969-12-31T23:59:59Z", "@-1"),
            ("-10000", "@-10000"),
        ] {
            assert_eq!(canonical(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_date_whose_instant_is_not_documented_keeps_its_spelling() {
        for text in ["2026", "2026-11", "2026-11-22", "2026-11-22T10:00:00"] {
            assert_eq!(canonical(text).as_deref(), Some(text));
        }
    }

    #[test]
    fn every_date_is_a_moment() {
        for (text, seconds, is_whole) in [
            ("2026-11-22T11:00:00+01:00", 1_795_341_600, true),
            ("1795341600", 1_795_341_600, true),
            ("2000-02-29T00:00:00.250Z", 951_782_400, false),
            ("2000-02-29T00:00:00.000Z", 951_782_400, true),
            ("1970-01-02", 86_400, true),
            ("1970", 0, true),
            ("1970-01-01T00:01", 60, true),
        ] {
            assert_eq!(moment(text), Some(Moment { seconds, is_whole }), "{text}");
        }
        assert_eq!(moment("tomorrow"), None);
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "tomorrow",
            "202",
            "2026-13-01",
            "2026-02-29",
            "2026-04-31",
            "2026-1-1",
            "2026-11-22-01",
            "2026-11-22T",
            "2026-11-22T1:00:00Z",
            "2026-11-22T24:00:00Z",
            "2026-11-22T10:00:00+1",
            "2026-11-22T10:00.5Z",
            "2026-11-22T10:00:00.Z",
            "2026-11-22 10:00:00Z",
            "${aws:CurrentTime}",
            "99999999999999999999",
        ] {
            assert_eq!(canonical(text), None, "{text}");
        }
    }
}
