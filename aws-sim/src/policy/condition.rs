//! Condition operators: every one that IAM documents, with `…IfExists` and the two set qualifiers.

use std::net::IpAddr;

use super::context::Context;
use super::pattern::matches_tokens;
use crate::world::time;

/// One operator and key with the values to compare with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    operator: Operator,
    /// In lower case.
    pub(crate) key: String,
    values: Vec<String>,
}

/// What stands before the colon of an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Qualifier {
    None,
    ForAllValues,
    ForAnyValue,
}

/// The comparison itself, without negation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Test {
    Equals,
    EqualsIgnoreCase,
    Like,
    Numeric(Order),
    Date(Order),
    Bool,
    Binary,
    Ip,
    Arn,
    Null,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// An operator as written, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Operator {
    qualifier: Qualifier,
    test: Test,
    negated: bool,
    if_exists: bool,
}

impl Operator {
    /// Reads an operator's name, without regard to case. `None` if there is no such operator.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        let (qualifier, name) = match lower.split_once(':') {
            Some(("forallvalues", name)) => (Qualifier::ForAllValues, name),
            Some(("foranyvalue", name)) => (Qualifier::ForAnyValue, name),
            Some(_) => return None,
            None => (Qualifier::None, lower.as_str()),
        };
        let (name, if_exists) = match name.strip_suffix("ifexists") {
            Some(name) => (name, true),
            None => (name, false),
        };
        let (test, negated) = match name {
            "stringequals" => (Test::Equals, false),
            "stringnotequals" => (Test::Equals, true),
            "stringequalsignorecase" => (Test::EqualsIgnoreCase, false),
            "stringnotequalsignorecase" => (Test::EqualsIgnoreCase, true),
            "stringlike" => (Test::Like, false),
            "stringnotlike" => (Test::Like, true),
            "numericequals" => (Test::Numeric(Order::Equal), false),
            "numericnotequals" => (Test::Numeric(Order::Equal), true),
            "numericlessthan" => (Test::Numeric(Order::Less), false),
            "numericlessthanequals" => (Test::Numeric(Order::LessOrEqual), false),
            "numericgreaterthan" => (Test::Numeric(Order::Greater), false),
            "numericgreaterthanequals" => (Test::Numeric(Order::GreaterOrEqual), false),
            "dateequals" => (Test::Date(Order::Equal), false),
            "datenotequals" => (Test::Date(Order::Equal), true),
            "datelessthan" => (Test::Date(Order::Less), false),
            "datelessthanequals" => (Test::Date(Order::LessOrEqual), false),
            "dategreaterthan" => (Test::Date(Order::Greater), false),
            "dategreaterthanequals" => (Test::Date(Order::GreaterOrEqual), false),
            "bool" => (Test::Bool, false),
            "binaryequals" => (Test::Binary, false),
            "ipaddress" => (Test::Ip, false),
            "notipaddress" => (Test::Ip, true),
            // IAM treats the two spellings of an ARN test alike: both know wildcards.
            "arnequals" | "arnlike" => (Test::Arn, false),
            "arnnotequals" | "arnnotlike" => (Test::Arn, true),
            "null" if !if_exists => (Test::Null, false),
            _ => return None,
        };
        Some(Self {
            qualifier,
            test,
            negated,
            if_exists,
        })
    }

    /// True if a value can be compared by this operator at all.
    pub(crate) fn takes(self, value: &str) -> bool {
        match self.test {
            Test::Date(_) => value.contains("${") || time::parse(value).is_some(),
            _ => true,
        }
    }
}

impl Condition {
    pub(crate) fn new(operator: Operator, key: &str, values: Vec<String>) -> Self {
        Self {
            operator,
            key: key.to_ascii_lowercase(),
            values,
        }
    }

    /// Whether the condition holds for a request.
    pub(crate) fn holds(&self, context: &Context) -> bool {
        let present = context.get(&self.key);
        let Operator {
            qualifier,
            test,
            negated,
            if_exists,
        } = self.operator;
        if test == Test::Null {
            let absent = present.is_none();
            return self
                .values
                .iter()
                .any(|value| value.eq_ignore_ascii_case("true") == absent);
        }
        let Some(actual) = present.filter(|values| !values.is_empty()) else {
            // An absent key fits what says "not", what says "if it exists", and "all of none".
            return match qualifier {
                Qualifier::ForAllValues => true,
                Qualifier::ForAnyValue => if_exists,
                Qualifier::None => negated || if_exists,
            };
        };
        let fits = |value: &String| self.values.iter().any(|wanted| test.compare(wanted, value, context)) != negated;
        match qualifier {
            Qualifier::ForAllValues => actual.iter().all(fits),
            Qualifier::ForAnyValue => actual.iter().any(fits),
            // Without a qualifier a key has one value; where it has more, a negated operator must hold for all.
            Qualifier::None if negated => actual.iter().all(fits),
            Qualifier::None => actual.iter().any(fits),
        }
    }
}

impl Test {
    fn compare(self, wanted: &str, actual: &str, context: &Context) -> bool {
        match self {
            Self::Like => context
                .fill(wanted)
                .is_some_and(|pattern| matches_tokens(&pattern, actual)),
            Self::Arn => arn_like(wanted, actual, context),
            _ => context
                .fill_text(wanted)
                .is_some_and(|wanted| self.compare_text(&wanted, actual)),
        }
    }

    fn compare_text(self, wanted: &str, actual: &str) -> bool {
        match self {
            Self::Equals | Self::Binary => wanted == actual,
            Self::EqualsIgnoreCase => wanted.to_lowercase() == actual.to_lowercase(),
            Self::Bool => wanted.eq_ignore_ascii_case(actual),
            Self::Numeric(order) => match (wanted.trim().parse::<f64>(), actual.parse::<f64>()) {
                (Ok(wanted), Ok(actual)) => order.holds(actual.partial_cmp(&wanted)),
                _ => false,
            },
            Self::Date(order) => match (time::parse(wanted), time::parse(actual)) {
                (Some(wanted), Some(actual)) => order.holds(Some(actual.cmp(&wanted))),
                _ => false,
            },
            Self::Ip => in_network(wanted, actual),
            Self::Like | Self::Arn | Self::Null => false,
        }
    }
}

impl Order {
    fn holds(self, compared: Option<std::cmp::Ordering>) -> bool {
        use std::cmp::Ordering::{Equal, Greater, Less};
        match (self, compared) {
            (_, None) => false,
            (Self::Equal, Some(order)) => order == Equal,
            (Self::Less, Some(order)) => order == Less,
            (Self::LessOrEqual, Some(order)) => order != Greater,
            (Self::Greater, Some(order)) => order == Greater,
            (Self::GreaterOrEqual, Some(order)) => order != Less,
        }
    }
}

/// ARNs are compared part by part: a star never reaches over one of the first five colons.
fn arn_like(wanted: &str, actual: &str, context: &Context) -> bool {
    if wanted == "*" {
        return true;
    }
    let Some(wanted) = context.fill(wanted) else {
        return false;
    };
    let mut patterns = Vec::new();
    let mut rest = wanted.as_slice();
    for _ in 0..5 {
        let Some(at) = rest.iter().position(|token| *token == super::pattern::Token::Only(':')) else {
            return false;
        };
        patterns.push(&rest[..at]);
        rest = &rest[at + 1..];
    }
    patterns.push(rest);
    let actual: Vec<_> = actual.splitn(6, ':').collect();
    actual.len() == 6
        && patterns
            .iter()
            .zip(actual)
            .all(|(pattern, part)| matches_tokens(pattern, part))
}

fn in_network(network: &str, address: &str) -> bool {
    let Ok(address) = address.parse::<IpAddr>() else {
        return false;
    };
    let (base, bits) = match network.split_once('/') {
        Some((base, bits)) => (base, bits.parse::<u32>().ok()),
        None => (network, Some(128)),
    };
    let (Ok(base), Some(bits)) = (base.parse::<IpAddr>(), bits) else {
        return false;
    };
    match (base, address) {
        (IpAddr::V4(base), IpAddr::V4(address)) => {
            let mask = u32::MAX.checked_shl(32 - bits.min(32)).unwrap_or(0);
            u32::from(base) & mask == u32::from(address) & mask
        }
        (IpAddr::V6(base), IpAddr::V6(address)) => {
            let mask = u128::MAX.checked_shl(128 - bits.min(128)).unwrap_or(0);
            u128::from(base) & mask == u128::from(address) & mask
        }
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Condition, Context, Operator};

    fn holds(operator: &str, key: &str, wanted: &[&str], actual: Option<&[&str]>) -> bool {
        let mut context = Context::default();
        context.set("aws:username", "ada");
        if let Some(actual) = actual {
            context.set_many(key, actual.iter().map(|text| (*text).to_owned()).collect());
        }
        let operator = Operator::read(operator).unwrap();
        Condition::new(operator, key, wanted.iter().map(|text| (*text).to_owned()).collect()).holds(&context)
    }

    #[test]
    fn each_operator_compares_as_documented() {
        for (operator, wanted, actual, expected) in [
            ("StringEquals", "a", "a", true),
            ("stringequals", "a", "A", false),
            ("StringEqualsIgnoreCase", "a", "A", true),
            ("StringNotEquals", "a", "b", true),
            ("StringNotEqualsIgnoreCase", "a", "A", false),
            ("StringLike", "a*", "abc", true),
            ("StringEquals", "a*", "abc", false),
            ("StringNotLike", "a*", "abc", false),
            ("StringEquals", "${aws:username}", "ada", true),
            ("StringLike", "${aws:username}-*", "ada-1", true),
            ("StringEquals", "${aws:missing}", "", false),
            ("StringEquals", "${aws:missing, 'none'}", "none", true),
            ("StringLike", "a${*}", "a*", true),
            ("StringLike", "a${*}", "ab", false),
            ("NumericLessThan", "3600", "3599", true),
            ("NumericLessThan", "3600", "3600", false),
            ("NumericLessThanEquals", "3600", "3600", true),
            ("NumericGreaterThan", "1", "1.5", true),
            ("NumericGreaterThanEquals", "2", "1", false),
            ("NumericEquals", "1.0", "1", true),
            ("NumericNotEquals", "1", "2", true),
            ("DateLessThan", "2030-01-01T00:00:00Z", "2029-12-31T23:59:59Z", true),
            ("DateGreaterThan", "2030-01-01T00:00:00Z", "2029-12-31T23:59:59Z", false),
            ("DateGreaterThanEquals", "1893456000", "2030-01-01T00:00:00Z", true),
            ("DateLessThanEquals", "2030-01-01", "2030-01-01T00:00:00Z", true),
            ("DateEquals", "2030-01-01T01:00:00+01:00", "2030-01-01T00:00:00Z", true),
            ("DateNotEquals", "2030-01-01", "2030-01-01T00:00:00Z", false),
            ("Bool", "true", "True", true),
            ("Bool", "true", "false", false),
            ("BinaryEquals", "QmluYXJ5", "QmluYXJ5", true),
            ("IpAddress", "203.0.113.0/24", "203.0.113.9", true),
            ("IpAddress", "203.0.113.7", "203.0.113.9", false),
            ("NotIpAddress", "203.0.113.0/24", "203.0.114.9", true),
            ("IpAddress", "2001:db8::/32", "2001:db8::1", true),
            ("IpAddress", "0.0.0.0/0", "1.2.3.4", true),
            ("ArnLike", "arn:aws:iam::*:user/*", "arn:aws:iam::1:user/a/b", true),
            ("ArnEquals", "arn:aws:iam::1:user/*", "arn:aws:iam::1:user/a", true),
            ("ArnLike", "arn:*:user/*", "arn:aws:iam::1:user/a", false),
            ("ArnNotLike", "arn:aws:iam::1:user/*", "arn:aws:iam::1:role/a", true),
            ("ArnNotEquals", "arn:aws:iam::1:user/a", "arn:aws:iam::1:user/a", false),
        ] {
            assert_eq!(
                holds(operator, "a:k", &[wanted], Some(&[actual])),
                expected,
                "{operator} {wanted} {actual}"
            );
        }
    }

    #[test]
    fn an_absent_key_fits_only_what_allows_for_it() {
        for (operator, expected) in [
            ("StringEquals", false),
            ("StringEqualsIfExists", true),
            ("StringNotEquals", true),
            ("NumericLessThan", false),
            ("NumericLessThanIfExists", true),
            ("Bool", false),
            ("BoolIfExists", true),
            ("ForAllValues:StringEquals", true),
            ("ForAnyValue:StringEquals", false),
            ("ForAnyValue:StringEqualsIfExists", true),
            ("ForAnyValue:StringNotEquals", false),
        ] {
            assert_eq!(holds(operator, "a:k", &["true"], None), expected, "{operator}");
        }
        assert!(holds("Null", "a:k", &["true"], None));
        assert!(!holds("Null", "a:k", &["false"], None));
        assert!(holds("Null", "a:k", &["false"], Some(&["x"])));
    }

    #[test]
    fn set_qualifiers_look_at_every_value() {
        for (operator, actual, expected) in [
            ("ForAllValues:StringEquals", &["a", "b"][..], true),
            ("ForAllValues:StringEquals", &["a", "c"][..], false),
            ("ForAnyValue:StringEquals", &["a", "c"][..], true),
            ("ForAnyValue:StringEquals", &["c"][..], false),
            ("ForAllValues:StringNotEquals", &["c", "d"][..], true),
            ("ForAllValues:StringNotEquals", &["c", "a"][..], false),
            ("ForAnyValue:StringNotEquals", &["c", "a"][..], true),
            ("StringNotEquals", &["a"][..], false),
            ("StringNotEquals", &["c"][..], true),
        ] {
            assert_eq!(
                holds(operator, "a:k", &["a", "b"], Some(actual)),
                expected,
                "{operator} {actual:?}"
            );
        }
    }

    #[test]
    fn what_is_no_operator_is_not_read() {
        for name in [
            "StringMatches",
            "ForAnyValue::StringEqualsIfExists",
            "NullIfExists",
            "ForSome:Bool",
            "",
        ] {
            assert_eq!(Operator::read(name), None, "{name}");
        }
    }
}
