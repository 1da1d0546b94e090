//! One condition, and what its values may be.

use std::net::IpAddr;

use super::operator::{Operator, OperatorFamily, OperatorName};
use super::{DocumentError, date, read_condition, rules};

/// One condition of a statement: a key of the request is compared with values, any one of which will do (or, with
/// a negated operator, none of which may be it).
///
/// Source: IAM User Guide, "IAM JSON policy elements: Condition".
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Condition {
    /// How it compares.
    pub operator: Operator,
    /// Which key of the request. IAM compares keys without regard to case.
    pub key: String,
    /// The values, as text: a number or Boolean in a document is the text it was written with. IAM takes an empty
    /// list, which nothing matches.
    pub values: Vec<String>,
}

impl Condition {
    /// A condition of these parts.
    #[must_use]
    pub fn new(
        operator: impl Into<Operator>,
        key: impl Into<String>,
        values: impl IntoIterator<Item = impl Into<String>>,
    ) -> Condition {
        Condition {
            operator: operator.into(),
            key: key.into(),
            values: values.into_iter().map(Into::into).collect(),
        }
    }

    /// Reads a condition block alone: `{"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}`. Paths in errors
    /// begin inside the block.
    ///
    /// # Errors
    /// As [`Document::parse`](super::Document::parse).
    pub fn parse_block(text: &str) -> Result<Vec<Condition>, DocumentError> {
        read_condition::alone(text)
    }

    /// Whether the key is this one, without regard to the case of ASCII letters: keys have no others, and a letter that only
    /// Unicode folds to one of them makes another key.
    #[must_use]
    pub fn is_about(&self, key: &str) -> bool {
        self.key.eq_ignore_ascii_case(key)
    }
}

/// What is wrong with a value of this operator, if anything.
pub(crate) fn value_problem(operator: &Operator, value: &str) -> Option<String> {
    let family = operator.base.family();
    if matches!(family, OperatorFamily::String | OperatorFamily::Arn) {
        return rules::variable_problem(value);
    }
    if value.contains("${") {
        return Some(format!(
            "{operator} does not replace policy variables; only the String and Arn operators do"
        ));
    }
    let (fits, wanted) = match family {
        OperatorFamily::Bool | OperatorFamily::Null => (
            value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false"),
            "write \"true\" or \"false\"",
        ),
        OperatorFamily::Numeric => (is_number(value), "write a whole number or a decimal number"),
        OperatorFamily::Date => (
            date::canonical(value).is_some(),
            "write a date such as \"2026-11-22T10:00:00Z\"",
        ),
        OperatorFamily::IpAddress => (
            canonical_address(value).is_some(),
            "write an address or a range such as \"203.0.113.0/24\"",
        ),
        OperatorFamily::Binary => (is_base64(value), "write base64"),
        OperatorFamily::String | OperatorFamily::Arn => (true, ""),
    };
    (!fits).then(|| format!("{operator} cannot compare with {value:?}; {wanted}"))
}

/// What is wrong with a number that stands without quotes, if anything.
///
/// On its way here a document passes through readers that keep numbers as integers of 64 bits or as binary fractions:
/// kubectl and the API server among them. What they could have changed is refused.
pub(crate) fn number_problem(operator: &Operator, number: &str) -> Option<String> {
    match operator.base.family() {
        OperatorFamily::String | OperatorFamily::Arn | OperatorFamily::Binary => Some(format!(
            "{operator} compares text, and a number does not always keep its form (a 0 in front is lost): put {number} in quotes"
        )),
        _ if survives(number) => None,
        _ => Some(format!(
            "the number {number} may have been another when it was written: put it in quotes, with all its digits"
        )),
    }
}

/// Whether a number of JSON is one that such readers keep: an integer of 64 bits, or at most 15 digits, which every binary
/// fraction of 64 bits (IEEE 754) gives back. They write an exponent where digits may be lost.
fn survives(number: &str) -> bool {
    let digits = number
        .trim_start_matches(['-', '0', '.'])
        .bytes()
        .filter(u8::is_ascii_digit)
        .count();
    !number.contains(['e', 'E']) && (number.parse::<i64>().is_ok() || digits <= 15)
}

/// The text that stands for all spellings of one value under this operator.
pub(crate) fn canonical_value(operator: &Operator, value: &str) -> String {
    let canonical = match operator.base {
        OperatorName::StringEqualsIgnoreCase | OperatorName::StringNotEqualsIgnoreCase => {
            Some(value.to_ascii_lowercase())
        }
        _ => match operator.base.family() {
            OperatorFamily::Bool | OperatorFamily::Null => Some(value.to_ascii_lowercase()),
            OperatorFamily::Numeric => canonical_number(value),
            OperatorFamily::Date => date::canonical(value),
            OperatorFamily::IpAddress => canonical_address(value),
            OperatorFamily::String | OperatorFamily::Arn | OperatorFamily::Binary => None,
        },
    };
    canonical.unwrap_or_else(|| value.to_owned())
}

fn is_number(text: &str) -> bool {
    canonical_number(text).is_some()
        || text.parse::<f64>().is_ok_and(|_| {
            text.bytes()
                .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte))
        })
}

/// A decimal number without leading and trailing zeros; `None` for anything else, also for exponents.
fn canonical_number(text: &str) -> Option<String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let only_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty()
        || !only_digits(whole)
        || !only_digits(fraction)
        || (digits.contains('.') && fraction.is_empty())
    {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    Some(match (whole.is_empty(), fraction.is_empty()) {
        (true, true) => "0".to_owned(),
        (true, false) => format!("{sign}0.{fraction}"),
        (false, true) => format!("{sign}{whole}"),
        (false, false) => format!("{sign}{whole}.{fraction}"),
    })
}

fn canonical_address(text: &str) -> Option<String> {
    address_range(text).map(|(address, length)| format!("{address}/{length}"))
}

/// An IP address and the length of its prefix, as the `IpAddress` operators read them; IAM takes an address without one to
/// be a single address. `None` for anything else.
///
/// Source: IAM User Guide, "IAM JSON policy elements: Condition operators" (IP address condition operators).
#[must_use]
pub fn address_range(text: &str) -> Option<(IpAddr, u8)> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let longest: u8 = if address.is_ipv4() { 32 } else { 128 };
    let length = match length {
        None => longest,
        Some(length) if length.bytes().all(|byte| byte.is_ascii_digit()) => {
            length.parse().ok().filter(|length| *length <= longest)?
        }
        Some(_) => return None,
    };
    Some((address, length))
}

fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && text.len() - body.len() <= 2
        && body
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(operator: &str, value: &str) -> Option<String> {
        value_problem(&operator.parse().unwrap(), value)
    }

    #[test]
    fn each_operator_takes_the_values_that_it_can_compare() {
        for (operator, value) in [
            ("Bool", "true"),
            ("Bool", "False"),
            ("Null", "true"),
            ("NumericLessThan", "3600"),
            ("NumericEquals", "-1.5"),
            ("NumericEquals", "1e3"),
            ("DateLessThan", "2026-11-22T10:00:00Z"),
            ("IpAddress", "203.0.113.0/24"),
            ("NotIpAddress", "2001:db8::/32"),
            ("BinaryEquals", "QmluYXJ5"),
            ("BinaryEquals", "+/9="),
            ("StringEquals", ""),
            ("StringLike", "home/${aws:username}/*"),
            ("ArnLike", "arn:aws:iam::*:role/*"),
        ] {
            assert_eq!(problem(operator, value), None, "{operator} {value}");
        }
    }

    #[test]
    fn each_operator_refuses_the_values_that_it_can_never_match() {
        for (operator, value, part) in [
            (
                "Bool",
                "yes",
                r#"Bool cannot compare with "yes"; write "true" or "false""#,
            ),
            ("BoolIfExists", "1", "BoolIfExists cannot compare"),
            ("Null", "", "write \"true\""),
            ("NumericLessThan", "1h", "whole number"),
            ("NumericLessThan", "inf", "whole number"),
            ("NumericLessThan", "", "whole number"),
            ("NumericLessThan", ".", "whole number"),
            ("DateLessThan", "soon", "write a date"),
            ("IpAddress", "203.0.113.0/33", "write an address"),
            ("IpAddress", "203.0.113", "write an address"),
            ("IpAddress", "203.0.113.0/+8", "write an address"),
            ("IpAddress", "*", "write an address"),
            ("BinaryEquals", "no base64", "write base64"),
            ("BinaryEquals", "a!aa", "write base64"),
            ("BinaryEquals", "QQ", "write base64"),
            ("BinaryEquals", "Q===", "write base64"),
            ("Bool", "${aws:SecureTransport}", "does not replace policy variables"),
            (
                "DateLessThan",
                "${aws:CurrentTime}",
                "does not replace policy variables",
            ),
            ("StringLike", "home/${aws:username", "is not closed"),
        ] {
            let message = problem(operator, value).unwrap_or_default();
            assert!(message.contains(part), "{operator} {value}: {message}");
        }
    }

    #[test]
    fn numbers_and_addresses_have_one_canonical_spelling() {
        for (text, expected) in [
            ("10", "10"),
            ("+10", "10"),
            ("010.50", "10.5"),
            ("-0", "0"),
            ("0.0", "0"),
            ("-0.5", "-0.5"),
        ] {
            assert_eq!(canonical_number(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["", ".", "1.", ".5", "1e3", "a", "--1"] {
            assert_eq!(canonical_number(text), None, "{text}");
        }
        for (text, expected) in [
            ("10.0.0.1", "10.0.0.1/32"),
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("2001:DB8:0::1", "2001:db8::1/128"),
        ] {
            assert_eq!(canonical_address(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_key_is_folded_by_the_letters_of_ascii_alone() {
        let about = |key: &str| Condition::new(OperatorName::StringEquals, key, ["x"]).is_about("aws:TagKeys");
        assert!(about("AWS:tagkeys"));
        // The sign for kelvin is a k to Unicode.
        assert!(!about("aws:Tag\u{212a}eys"));
    }
}
