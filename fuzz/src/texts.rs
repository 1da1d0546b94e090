//! What holds for single texts, and for two patterns.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use crossrole_iam::document::{ActionElement, CanonicalStatement, address_range};
use crossrole_iam::{
    AccountId, Arn, ArnPattern, Condition, Effect, ExternalId, Operator, OperatorName, Partition, Path, PolicyName,
    PolicyPathName, PrincipalArn, RoleName, Statement, check_tag_key, check_tag_value, pattern,
};
use crossrole_plan::declaration::{OrganizationId, PrincipalPattern};
use crossrole_plan::duration;
use crossrole_plan::rules::PolicyReference;
use jiff::Timestamp;

use crate::in_time;

/// Two patterns of which one is the class's or ours, and so is short, or both are.
const LARGEST_PAIR: usize = 64 * 1024 * 256;

/// Reads a text as each of the things that have a form of their own.
pub fn check(text: &str) {
    survives::<AccountId>(text);
    survives::<Arn>(text);
    survives::<ArnPattern>(text);
    survives::<ExternalId>(text);
    survives::<Operator>(text);
    survives::<Partition>(text);
    survives::<Path>(text);
    survives::<PolicyName>(text);
    survives::<PolicyPathName>(text);
    survives::<PrincipalArn>(text);
    survives::<RoleName>(text);
    survives::<OrganizationId>(text);
    let _ = text.parse::<PrincipalPattern>();
    let _ = PolicyReference::parse(text);
    let _ = (check_tag_key(text), check_tag_value(text));
    if let Some(seconds) = duration::seconds(text) {
        assert_eq!(
            duration::seconds(&duration::written(seconds)),
            Some(seconds),
            "{text:?}"
        );
    }
    if let Some((address, length)) = address_range(text) {
        assert_eq!(address_range(&format!("{address}/{length}")), Some((address, length)));
    }
    dates_agree(text);
}

fn survives<T: FromStr<Err: Debug> + Display + PartialEq + Debug>(text: &str) {
    if let Ok(value) = in_time("reading a name", || text.parse::<T>()) {
        assert_eq!(value.to_string().parse::<T>().ok(), Some(value), "{text:?}");
    }
}

fn canonical(condition: Condition) -> CanonicalStatement {
    Statement {
        sid: None,
        effect: Effect::Allow,
        principal: None,
        action: ActionElement::Action(vec!["*".to_owned()]),
        resource: None,
        conditions: vec![condition],
    }
    .canonical()
}

/// A date means the instant that another reader of dates takes it for. jiff shortens a leap second.
fn dates_agree(text: &str) {
    let of = |text: &str| canonical(Condition::new(OperatorName::DateEquals, "aws:CurrentTime", [text]));
    let statement = of(text);
    let Some(value) = statement
        .conditions
        .iter()
        .flat_map(|condition| &condition.values)
        .next()
    else {
        return;
    };
    if value.starts_with('@')
        && value != text
        && !text.contains(":60")
        && let Ok(instant) = text.parse::<Timestamp>()
    {
        let whole = value.trim_start_matches('@').split('.').next().unwrap_or_default();
        let floor = instant.as_second() - i64::from(instant.subsec_nanosecond() < 0);
        assert_eq!(whole.parse(), Ok(floor), "{text:?}");
    }
}

/// Compares two patterns in every way.
pub fn check_patterns(a: &str, b: &str) {
    let matches = in_time("matching", || pattern::matches(a, b));
    let contains = in_time("containing", || pattern::contains(a, b));
    if a.len() * b.len() > LARGEST_PAIR {
        return;
    }
    let intersects = in_time("intersecting", || pattern::intersects(a, b));
    assert!(in_time("containing", || pattern::contains(a, a)));
    assert_eq!(pattern::intersects(b, a), intersects, "{a:?} {b:?}");
    assert!(!contains || intersects, "held, but apart: {a:?} {b:?}");
    let is_plain = |text: &str| !text.contains(['*', '?']) && !text.contains("${");
    if is_plain(b) && !a.contains("${") {
        assert_eq!(contains, matches, "{a:?} {b:?}");
        assert_eq!(intersects, matches, "{a:?} {b:?}");
    }
}
