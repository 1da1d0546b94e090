//! Condition operators.

use std::fmt;
use std::str::FromStr;

use super::condition;

/// How an operator treats a key that has several values in a request.
///
/// Source: IAM User Guide, "Set operators for multivalued context keys".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Qualifier {
    /// `ForAllValues:` — also true when the key is not in the request at all.
    ForAllValues,
    /// `ForAnyValue:` — true when one value of the request matches.
    ForAnyValue,
}

/// What kind of values an operator compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OperatorFamily {
    /// Text; policy variables are allowed.
    String,
    /// ARNs and their patterns; policy variables are allowed.
    Arn,
    /// Decimal numbers.
    Numeric,
    /// Dates, or seconds since 1970.
    Date,
    /// `true` and `false`.
    Bool,
    /// Base64.
    Binary,
    /// IP addresses and ranges.
    IpAddress,
    /// Whether a key is absent: `true` and `false`.
    Null,
}

macro_rules! operators {
    ($($name:ident $family:ident $negated:literal;)*) => {
        /// The operators that IAM knows, without qualifier and `IfExists`.
        ///
        /// Source: IAM User Guide, "IAM JSON policy elements: Condition operators".
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum OperatorName {
            $(
                #[doc = concat!("`", stringify!($name), "`.")]
                $name,
            )*
        }

        impl OperatorName {
            /// Every operator.
            pub const ALL: &'static [OperatorName] = &[$(OperatorName::$name),*];

            /// The operator in AWS's spelling.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(OperatorName::$name => stringify!($name),)*
                }
            }

            /// What kind of values it compares.
            #[must_use]
            pub fn family(self) -> OperatorFamily {
                match self {
                    $(OperatorName::$name => OperatorFamily::$family,)*
                }
            }

            /// Whether it is true when nothing matches, and so also when the key is not in the request.
            #[must_use]
            pub fn is_negated(self) -> bool {
                match self {
                    $(OperatorName::$name => $negated,)*
                }
            }
        }
    };
}

operators! {
    StringEquals String false;
    StringNotEquals String true;
    StringEqualsIgnoreCase String false;
    StringNotEqualsIgnoreCase String true;
    StringLike String false;
    StringNotLike String true;
    NumericEquals Numeric false;
    NumericNotEquals Numeric true;
    NumericLessThan Numeric false;
    NumericLessThanEquals Numeric false;
    NumericGreaterThan Numeric false;
    NumericGreaterThanEquals Numeric false;
    DateEquals Date false;
    DateNotEquals Date true;
    DateLessThan Date false;
    DateLessThanEquals Date false;
    DateGreaterThan Date false;
    DateGreaterThanEquals Date false;
    Bool Bool false;
    BinaryEquals Binary false;
    IpAddress IpAddress false;
    NotIpAddress IpAddress true;
    ArnEquals Arn false;
    ArnLike Arn false;
    ArnNotEquals Arn true;
    ArnNotLike Arn true;
    Null Null false;
}

impl OperatorName {
    /// The operator of the same meaning that stands for both: IAM treats `ArnEquals` as `ArnLike` and
    /// `ArnNotEquals` as `ArnNotLike`.
    ///
    /// Source: IAM User Guide, "IAM JSON policy elements: Condition operators" (ARN condition operators).
    #[must_use]
    pub fn canonical(self) -> OperatorName {
        match self {
            OperatorName::ArnEquals => OperatorName::ArnLike,
            OperatorName::ArnNotEquals => OperatorName::ArnNotLike,
            other => other,
        }
    }
}

/// A condition operator with everything that can stand before and after its name.
///
/// It is read without regard to case and shown in AWS's spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Operator {
    /// `ForAllValues:` or `ForAnyValue:`, if one stands before it.
    pub qualifier: Option<Qualifier>,
    /// The operator itself.
    pub base: OperatorName,
    /// Whether `IfExists` stands after it: then it is also true when the key is not in the request. Never with
    /// [`OperatorName::Null`].
    pub if_exists: bool,
}

impl Operator {
    /// The operator with neither qualifier nor `IfExists`.
    #[must_use]
    pub fn new(name: OperatorName) -> Operator {
        Operator {
            qualifier: None,
            base: name,
            if_exists: false,
        }
    }

    /// Whether a true answer proves that the key was in the request and matched a value: the operator is not
    /// negated and has neither `IfExists` nor `ForAllValues`. `Null` proves nothing about a value.
    #[must_use]
    pub fn proves(&self) -> bool {
        !self.base.is_negated()
            && !self.if_exists
            && self.qualifier != Some(Qualifier::ForAllValues)
            && self.base != OperatorName::Null
    }

    /// What is wrong with a value of this operator, if anything.
    #[must_use]
    pub fn value_problem(&self, value: &str) -> Option<String> {
        condition::value_problem(self, value)
    }

    /// The operator of the same meaning that stands for all its spellings.
    #[must_use]
    pub fn canonical(&self) -> Operator {
        Operator {
            base: self.base.canonical(),
            ..*self
        }
    }
}

impl From<OperatorName> for Operator {
    fn from(name: OperatorName) -> Self {
        Operator::new(name)
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let qualifier = match self.qualifier {
            Some(Qualifier::ForAllValues) => "ForAllValues:",
            Some(Qualifier::ForAnyValue) => "ForAnyValue:",
            None => "",
        };
        let suffix = if self.if_exists { "IfExists" } else { "" };
        write!(formatter, "{qualifier}{}{suffix}", self.base.as_str())
    }
}

/// A text that is no condition operator, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct UnknownOperator {
    /// What is wrong and what to write instead.
    pub problem: String,
}

impl FromStr for Operator {
    type Err = UnknownOperator;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |problem: String| Err(UnknownOperator { problem });
        let (qualifier, rest) = match text.split_once(':') {
            None => (None, text),
            Some((before, rest)) if before.eq_ignore_ascii_case("ForAllValues") => {
                (Some(Qualifier::ForAllValues), rest)
            }
            Some((before, rest)) if before.eq_ignore_ascii_case("ForAnyValue") => (Some(Qualifier::ForAnyValue), rest),
            Some((before, _)) => {
                return refuse(format!(
                    "{before:?} may not stand before an operator; write ForAllValues: or ForAnyValue:"
                ));
            }
        };
        if rest.starts_with(':') {
            return refuse(format!("{text:?} has two colons; write one"));
        }
        let folded = rest.to_ascii_lowercase();
        let find = |folded: &str| {
            OperatorName::ALL
                .iter()
                .copied()
                .find(|name| name.as_str().eq_ignore_ascii_case(folded))
        };
        if let Some(name) = find(&folded) {
            return Ok(Operator {
                qualifier,
                base: name,
                if_exists: false,
            });
        }
        match folded.strip_suffix("ifexists").and_then(find) {
            Some(OperatorName::Null) => refuse("Null cannot have IfExists: it asks whether the key exists".to_owned()),
            Some(name) => Ok(Operator {
                qualifier,
                base: name,
                if_exists: true,
            }),
            None => refuse(format!(
                "{rest:?} is not a condition operator; write one such as StringEquals, StringLike, ArnLike, Bool or IpAddress"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operator_reads_back_with_every_qualifier_and_suffix_in_any_case() {
        for name in OperatorName::ALL {
            for qualifier in [None, Some(Qualifier::ForAllValues), Some(Qualifier::ForAnyValue)] {
                for if_exists in [false, true] {
                    let operator = Operator {
                        qualifier,
                        base: *name,
                        if_exists,
                    };
                    let text = operator.to_string();
                    if if_exists && *name == OperatorName::Null {
                        assert!(text.parse::<Operator>().is_err());
                        continue;
                    }
                    for spelling in [text.clone(), text.to_lowercase(), text.to_uppercase()] {
                        assert_eq!(spelling.parse(), Ok(operator), "{spelling}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_no_operator_is_refused_with_what_to_write() {
        for (text, part) in [
            ("", "not a condition operator"),
            ("StringEqual", "not a condition operator"),
            ("StringEqualsIfExist", "not a condition operator"),
            ("StringEqualsIfExistsIfExists", "not a condition operator"),
            ("ForAnyValue::StringEquals", "two colons"),
            ("ForSomeValues:StringEquals", "ForAllValues: or ForAnyValue:"),
            ("ForAllValues:", "not a condition operator"),
            ("ForAllValues:ForAnyValue:StringEquals", "not a condition operator"),
            (" StringEquals", "not a condition operator"),
            ("NullIfExists", "Null cannot have IfExists"),
            ("BoolNotEquals", "not a condition operator"),
        ] {
            let message = text.parse::<Operator>().unwrap_err().to_string();
            assert!(message.contains(part), "{text:?}: {message}");
        }
    }

    #[test]
    fn the_negated_operators_are_those_that_say_not() {
        for name in OperatorName::ALL {
            assert_eq!(name.is_negated(), name.as_str().contains("Not"), "{}", name.as_str());
        }
    }

    #[test]
    fn only_a_positive_operator_that_needs_the_key_proves_something() {
        for (text, expected) in [
            ("Bool", true),
            ("StringEquals", true),
            ("ForAnyValue:StringLike", true),
            ("NumericLessThan", true),
            ("BoolIfExists", false),
            ("ForAllValues:StringEquals", false),
            ("StringNotEquals", false),
            ("NotIpAddress", false),
            ("Null", false),
        ] {
            let operator: Operator = text.parse().unwrap();
            assert_eq!(operator.proves(), expected, "{text}");
        }
    }
}
