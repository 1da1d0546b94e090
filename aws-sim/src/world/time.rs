//! Instants as AWS writes them: whole seconds since 1970, and the ISO 8601 text of them.

use std::time::{SystemTime, UNIX_EPOCH};

/// Whole seconds since the beginning of 1970, UTC.
pub(crate) type Seconds = i64;

/// What the machine's clock says.
pub(crate) fn system_now() -> Seconds {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX))
}

/// The same in milliseconds.
pub(crate) fn system_now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
}

/// `2026-11-22T10:00:00Z`.
pub(crate) fn iso(at: Seconds) -> String {
    let (days, rest) = (at.div_euclid(86_400), at.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
        rest / 3600,
        rest % 3600 / 60,
        rest % 60
    )
}

/// The same to the millisecond: `2026-11-22T10:00:00.042Z`.
pub(crate) fn iso_ms(at_ms: i64) -> String {
    let seconds = iso(at_ms.div_euclid(1000));
    let seconds = seconds.trim_end_matches('Z');
    format!("{seconds}.{:03}Z", at_ms.rem_euclid(1000))
}

/// Reads what IAM takes as a date in a condition: a number of seconds, a date, or a date with a time, with an optional
/// fraction (ignored) and an optional offset. `None` for everything else.
pub(crate) fn parse(text: &str) -> Option<Seconds> {
    if let Ok(seconds) = text.parse::<i64>() {
        return Some(seconds);
    }
    let (date, time) = match text.split_once(['T', 't']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let year: i64 = digits(parts.next()?, 4)?;
    let month: i64 = digits(parts.next()?, 2)?;
    let day: i64 = digits(parts.next()?, 2)?;
    if parts.next().is_some() || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let midnight = days_from_civil(year, month, day) * 86_400;
    let Some(time) = time else { return Some(midnight) };
    let (clock, offset) = split_offset(time)?;
    let clock = clock.split_once('.').map_or(clock, |(whole, _)| whole);
    let mut parts = clock.split(':');
    let hour: i64 = digits(parts.next()?, 2)?;
    let minute: i64 = digits(parts.next()?, 2)?;
    let second: i64 = parts.next().map_or(Some(0), |text| digits(text, 2))?;
    if parts.next().is_some() || hour > 24 || minute > 59 || second > 60 {
        return None;
    }
    Some(midnight + hour * 3600 + minute * 60 + second - offset)
}

fn digits(text: &str, width: usize) -> Option<i64> {
    (text.len() == width && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// Cuts a zone off a clock time and gives it in seconds east of Greenwich. No zone means UTC.
fn split_offset(time: &str) -> Option<(&str, i64)> {
    if let Some(clock) = time.strip_suffix(['Z', 'z']) {
        return Some((clock, 0));
    }
    let Some(at) = time.rfind(['+', '-']) else {
        return Some((time, 0));
    };
    let (clock, zone) = time.split_at(at);
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let zone = zone[1..].replace(':', "");
    if zone.len() != 4 || !zone.is_ascii() {
        return None;
    }
    let hours = digits(&zone[..2], 2)?;
    let minutes = digits(&zone[2..], 2)?;
    Some((clock, sign * (hours * 3600 + minutes * 60)))
}

/// Days since 1970 to a date of the proleptic Gregorian calendar; eras of 400 years that begin in March.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::{iso, iso_ms, parse};

    #[test]
    fn an_instant_survives_being_written_and_read() {
        for at in [0, 951_782_400, 1_709_164_800, 1_795_000_123, 4_102_444_799] {
            assert_eq!(parse(&iso(at)), Some(at), "{}", iso(at));
        }
        assert_eq!(iso(1_709_164_800), "2024-02-29T00:00:00Z");
        assert_eq!(iso_ms(1_709_164_800_042), "2024-02-29T00:00:00.042Z");
    }

    #[test]
    fn offsets_fractions_and_bare_dates_are_read() {
        assert_eq!(parse("2016-12-13T21:20:37.593194+01:00"), parse("2016-12-13T20:20:37Z"));
        assert_eq!(parse("2017-07-01"), parse("2017-07-01T00:00:00Z"));
        assert_eq!(parse("1500000000"), Some(1_500_000_000));
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "b",
            "sdfdsf",
            "2016-12-13t2:00:00.593194+1",
            "2016-13-01",
            "12:00",
            "2016-12-13T21:20+1é1",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
