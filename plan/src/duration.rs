//! Durations as they are written in objects: `1h`, `90m`, `1h30m`.

/// The seconds that a written duration means, or `None` where it is none.
///
/// Hours, minutes and seconds, in this order, each at most once, whole numbers.
pub fn seconds(text: &str) -> Option<u32> {
    let mut rest = text;
    let mut total: u32 = 0;
    let mut units = [('h', 3600), ('m', 60), ('s', 1)].into_iter();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit())?;
        let number: u32 = rest.get(..digits)?.parse().ok()?;
        let unit = rest.get(digits..)?.chars().next()?;
        let (_, factor) = units.by_ref().find(|(name, _)| *name == unit)?;
        total = total.checked_add(number.checked_mul(factor)?)?;
        rest = rest.get(digits + unit.len_utf8()..)?;
    }
    Some(total)
}

/// A duration as a person writes it: `3600` is `1h`.
pub fn written(seconds: u32) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds % 3600 / 60, seconds % 60);
    let part = |number: u32, unit: &str| {
        if number == 0 {
            String::new()
        } else {
            format!("{number}{unit}")
        }
    };
    let text = part(hours, "h") + &part(minutes, "m") + &part(rest, "s");
    if text.is_empty() { "0s".into() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_duration_means_its_seconds() {
        for (text, expected) in [
            ("1h", Some(3600)),
            ("90m", Some(5400)),
            ("1h30m", Some(5400)),
            ("1h1m1s", Some(3661)),
            ("0s", Some(0)),
            ("", None),
            ("h", None),
            ("1", None),
            ("1m1h", None),
            ("1h1h", None),
            ("1d", None),
            ("-1h", None),
            ("99999999999h", None),
            ("4294967295h", None),
        ] {
            assert_eq!(seconds(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_duration_is_written_as_a_person_would() {
        for (number, text) in [(3600, "1h"), (5400, "1h30m"), (61, "1m1s"), (0, "0s"), (43200, "12h")] {
            assert_eq!(written(number), text);
            assert_eq!(seconds(text), Some(number));
        }
    }
}
