//! The time in which a statement of a trust policy holds, told apart from whom it speaks of.
//!
//! `validity` puts dates into every Allow. Whether a change of trust takes somebody out must not hang on whether its
//! dates are spelt as before: a role whose time is extended lets in everybody whom it let in before.

use crossrole_iam::document::{Condition, Operator, OperatorName, Statement};
use jiff::{RoundMode, Timestamp, TimestampRound, Unit};

/// The key of the time at which a request is made.
pub(crate) const CURRENT_TIME: &str = "aws:CurrentTime";

/// From when until when. IAM's dates have whole seconds (IAM User Guide, "Condition operators: Date"); a window never
/// becomes wider by that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Window {
    /// Not before; always, where absent.
    from: Option<Timestamp>,
    /// Only before; for ever, where absent.
    until: Option<Timestamp>,
}

impl Window {
    pub(crate) fn new(from: Option<Timestamp>, until: Option<Timestamp>) -> Self {
        Self {
            from: from.map(rounded_up),
            until: until.map(rounded_down),
        }
    }

    /// From when it is open; always, where absent.
    pub(crate) fn from(self) -> Option<Timestamp> {
        self.from
    }

    /// Until when it is open; for ever, where absent.
    pub(crate) fn until(self) -> Option<Timestamp> {
        self.until
    }

    /// What lies in both, be it nothing.
    pub(crate) fn within(self, other: Self) -> Self {
        Self {
            from: self.from.max(other.from),
            until: [self.until, other.until].into_iter().flatten().min(),
        }
    }

    /// A statement without the dates that bound it, and its window. Dates in any form but ours stay in the statement.
    pub(crate) fn split(statement: &Statement) -> (Statement, Self) {
        let (mut rest, mut window) = (statement.clone(), Self::default());
        rest.conditions.retain(|condition| {
            let bound = match condition.operator.base {
                OperatorName::DateGreaterThanEquals => &mut window.from,
                OperatorName::DateLessThan => &mut window.until,
                _ => return true,
            };
            let plain = condition.operator == Operator::new(condition.operator.base);
            let date = match condition.values.as_slice() {
                [value] if plain && condition.is_about(CURRENT_TIME) => value.parse().ok(),
                _ => None,
            };
            // Keys that differ in case are one key: a second date of a kind stays in the statement.
            if bound.is_some() || date.is_none() {
                return true;
            }
            *bound = date;
            false
        });
        (rest, window)
    }

    /// Whether a moment lies in it.
    pub(crate) fn contains(self, time: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= time) && self.until.is_none_or(|until| time < until)
    }

    /// What lies in both; `None` where nothing does.
    pub(crate) fn shared_with(self, other: Self) -> Option<Self> {
        let shared = self.within(other);
        (!shared.is_empty()).then_some(shared)
    }

    /// Whether no moment lies in it.
    pub(crate) fn is_empty(self) -> bool {
        matches!((self.from, self.until), (Some(from), Some(until)) if until <= from)
    }

    /// The conditions that bound a statement so.
    pub(crate) fn conditions(self) -> Vec<Condition> {
        let bounds = [
            (OperatorName::DateGreaterThanEquals, self.from),
            (OperatorName::DateLessThan, self.until),
        ];
        bounds
            .into_iter()
            .filter_map(|(operator, date)| Some(Condition::new(operator, CURRENT_TIME, [date?.to_string()])))
            .collect()
    }
}

/// The first whole second that is not earlier.
pub(crate) fn rounded_up(time: Timestamp) -> Timestamp {
    rounded(time, RoundMode::Ceil)
}

/// The last whole second that is not later.
pub(crate) fn rounded_down(time: Timestamp) -> Timestamp {
    rounded(time, RoundMode::Floor)
}

fn rounded(time: Timestamp, mode: RoundMode) -> Timestamp {
    time.round(TimestampRound::new().smallest(Unit::Second).mode(mode))
        .unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use crossrole_iam::document::DocumentKind;

    use super::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + hour * 3_600).unwrap()
    }

    fn window(from: Option<i64>, until: Option<i64>) -> Window {
        Window::new(from.map(at), until.map(at))
    }

    #[test]
    fn a_window_holds_its_beginning_and_not_its_end() {
        for (hour, inside) in [(0, false), (1, true), (2, true), (3, false)] {
            assert_eq!(window(Some(1), Some(3)).contains(at(hour)), inside, "{hour}");
        }
        assert!(window(None, None).contains(at(0)));
    }

    #[test]
    fn two_windows_share_what_lies_in_both() {
        for (one, other, shared) in [
            ((Some(1), Some(4)), (Some(2), Some(5)), Some((Some(2), Some(4)))),
            ((None, Some(4)), (Some(2), None), Some((Some(2), Some(4)))),
            ((None, None), (None, None), Some((None, None))),
            ((Some(1), Some(2)), (Some(2), Some(3)), None),
        ] {
            let expected = shared.map(|(from, until)| window(from, until));
            assert_eq!(window(one.0, one.1).shared_with(window(other.0, other.1)), expected);
            assert_eq!(window(other.0, other.1).shared_with(window(one.0, one.1)), expected);
        }
    }

    #[test]
    fn parts_of_a_second_never_widen_a_window() {
        let moment: Timestamp = "2027-01-01T00:00:00.5Z".parse().unwrap();
        let written: Vec<String> = Window::new(Some(moment), Some(moment))
            .conditions()
            .into_iter()
            .flat_map(|condition| condition.values)
            .collect();
        assert_eq!(written, ["2027-01-01T00:00:01Z", "2027-01-01T00:00:00Z"]);
    }

    #[test]
    fn a_statement_is_split_from_our_dates_and_from_no_others() {
        let statement = |conditions: &str| {
            let text = format!(
                r#"{{"Effect": "Allow", "Principal": {{"AWS": "111111111111"}}, "Action": "sts:AssumeRole", "Condition": {{{conditions}}}}}"#
            );
            Statement::parse(&text, DocumentKind::Trust).unwrap()
        };
        let dated = statement(
            r#""DateLessThan": {"AWS:currenttime": "2027-01-01T00:00:00Z"}, "DateGreaterThanEquals": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}"#,
        );
        let (rest, window) = Window::split(&dated);
        assert_eq!(rest.conditions, []);
        assert_eq!(window.conditions().len(), 2);
        let mut twice = dated;
        let later = Condition::new(
            OperatorName::DateLessThan,
            CURRENT_TIME,
            ["2028-01-01T00:00:00Z".to_string()],
        );
        twice.conditions.push(later);
        let (rest, window) = Window::split(&twice);
        assert_eq!(
            (rest.conditions.len(), window.conditions().len()),
            (1, 2),
            "none is lost"
        );
        for other in [
            r#""DateLessThan": {"aws:CurrentTime": ["2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"]}"#,
            r#""DateLessThan": {"aws:TokenIssueTime": "2027-01-01T00:00:00Z"}"#,
            r#""DateLessThanIfExists": {"aws:CurrentTime": "2027-01-01T00:00:00Z"}"#,
            r#""DateLessThanEquals": {"aws:CurrentTime": "2027-01-01T00:00:00Z"}"#,
            r#""DateLessThan": {"aws:CurrentTime": "2027-01-01"}"#,
        ] {
            let statement = statement(other);
            assert_eq!(
                Window::split(&statement),
                (statement.clone(), Window::default()),
                "{other}"
            );
        }
    }
}
