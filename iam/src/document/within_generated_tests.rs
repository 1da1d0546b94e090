//! Statements within others, judged by all requests of a small world.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;
use crate::pattern;

const ANN: &str = "arn:aws:iam::111111111111:user/ann";

/// What stands under some keys of a request; of a key that is not there, nothing.
type Request = BTreeMap<&'static str, Vec<&'static str>>;

const STRINGS: [&str; 4] = ["a", "ab", "b", "${aws:username}"];
const PATTERNS: [&str; 6] = ["a", "a*", "*", "?b", "b", "${aws:username}"];
const ARNS: [&str; 4] = [
    "arn:aws:iam::1:role/a",
    "arn:aws:iam::1*:role/*",
    "arn:aws:iam::*:user/*",
    "arn:aws:iam::1:x:role/a",
];
const NUMBERS: [&str; 4] = ["10000", "20000", "30000.5", "5000"];

/// Each operator of which containment is judged by more than equality, and some of which not, with the key that it tests
/// and its values.
const TESTS: [(&str, &str, &[&str]); 16] = [
    ("StringEquals", "text", &STRINGS),
    ("StringEqualsIfExists", "text", &STRINGS),
    ("StringNotEquals", "text", &STRINGS),
    ("StringLike", "text", &PATTERNS),
    ("StringNotLike", "text", &PATTERNS),
    ("ForAllValues:StringLike", "text", &PATTERNS),
    ("ForAllValues:StringEquals", "text", &STRINGS),
    ("ForAnyValue:StringLike", "text", &PATTERNS),
    ("ForAllValues:StringNotLike", "text", &PATTERNS),
    ("ArnLike", "arn", &ARNS),
    ("ArnNotLike", "arn", &ARNS),
    ("NumericLessThan", "number", &NUMBERS),
    ("NumericGreaterThanEquals", "number", &NUMBERS),
    ("DateLessThanEquals", "number", &NUMBERS),
    ("DateGreaterThan", "number", &NUMBERS),
    ("Null", "text", &["true", "false"]),
];

fn requests() -> Vec<Request> {
    let texts: [&[&str]; 7] = [&[], &["a"], &["ab"], &["b"], &["c"], &["a", "b"], &["b", "c"]];
    let arns: [&[&str]; 4] = [
        &[],
        &["arn:aws:iam::1:role/a"],
        &["arn:aws:iam::1:x:role/a"],
        &["arn:aws:iam::12:user/b"],
    ];
    let numbers: [&[&str]; 5] = [&[], &["5000"], &["10000"], &["15000"], &["30000"]];
    let names: [&[&str]; 2] = [&[], &["a"]];
    let mut requests = Vec::new();
    for (text, arn) in texts.iter().flat_map(|text| arns.iter().map(move |arn| (text, arn))) {
        for (number, name) in numbers
            .iter()
            .flat_map(|number| names.iter().map(move |name| (number, name)))
        {
            let keys = [("text", text), ("arn", arn), ("number", number), ("aws:username", name)];
            requests.push(keys.into_iter().map(|(key, found)| (key, found.to_vec())).collect());
        }
    }
    requests
}

fn matches_value(operator: OperatorName, value: &str, found: &str) -> bool {
    let number = |text: &str| text.parse::<f64>().unwrap();
    match operator {
        OperatorName::StringEquals | OperatorName::StringNotEquals => value == found,
        OperatorName::StringLike | OperatorName::StringNotLike => pattern::matches(value, found),
        OperatorName::ArnLike | OperatorName::ArnNotLike => {
            let (value, found): (Vec<_>, Vec<_>) = (value.splitn(6, ':').collect(), found.splitn(6, ':').collect());
            value
                .iter()
                .zip(found)
                .all(|(value, found)| pattern::matches(value, found))
        }
        OperatorName::NumericLessThan => number(found) < number(value),
        OperatorName::NumericGreaterThanEquals => number(found) >= number(value),
        OperatorName::DateLessThanEquals => number(found) <= number(value),
        OperatorName::DateGreaterThan => number(found) > number(value),
        other => panic!("{other:?}"),
    }
}

fn holds(condition: &Condition, request: &Request) -> bool {
    let (operator, found) = (condition.operator, &request[condition.key.as_str()]);
    if operator.base == OperatorName::Null {
        return condition.values.contains(&found.is_empty().to_string());
    }
    let mut values = Vec::new();
    for value in &condition.values {
        match (value == "${aws:username}").then(|| request["aws:username"].first()) {
            None => values.push(value.as_str()),
            Some(Some(name)) => values.push(name),
            // A statement is void where a variable is absent that would shut somebody out.
            Some(None) if operator.base.is_negated() => return false,
            Some(None) => {}
        }
    }
    let fits = |found: &&str| {
        let any = values.iter().any(|value| matches_value(operator.base, value, found));
        any != operator.base.is_negated()
    };
    match operator.qualifier {
        Some(Qualifier::ForAllValues) => found.iter().all(fits),
        _ if found.is_empty() => operator.if_exists || operator.base.is_negated(),
        Some(Qualifier::ForAnyValue) => found.iter().any(fits),
        // Of a key with several values it is not said what an operator without a qualifier does.
        None => found.iter().all(fits),
    }
}

fn speaks_of(statement: &Statement, principal: &str, action: &str, request: &Request) -> bool {
    let principals = statement.principal.as_ref().unwrap().principals();
    let named = |patterns: &[String]| patterns.iter().any(|one| pattern::matches_ignoring_case(one, action));
    let of_principal = principals.anyone || principals.aws.iter().any(|name| name == principal);
    of_principal && named(statement.action.patterns()) && statement.conditions.iter().all(|one| holds(one, request))
}

fn any_condition() -> BoxedStrategy<Condition> {
    select(TESTS.to_vec())
        .prop_flat_map(|(operator, key, values)| {
            subsequence(values.to_vec(), 1..=2)
                .prop_map(move |values| Condition::new(operator.parse::<Operator>().unwrap(), key, values))
        })
        .boxed()
}

fn any_statement() -> impl Strategy<Value = Statement> {
    let principals = subsequence(vec!["111111111111", "222222222222", ANN], 1..=3);
    let actions = subsequence(vec!["sts:AssumeRole", "sts:TagSession", "sts:Assume*"], 1..=2);
    (principals, actions, prop::collection::vec(any_condition(), 0..=2)).prop_map(
        |(principals, actions, mut conditions)| {
            conditions.dedup_by(|one, other| one.operator == other.operator && one.key == other.key);
            Statement {
                sid: None,
                effect: Effect::Allow,
                principal: Some(PrincipalElement::Principal(Principals::aws(principals))),
                action: ActionElement::Action(actions.into_iter().map(str::to_owned).collect()),
                resource: None,
                conditions,
            }
        },
    )
}

/// The same with something made narrower or wider, so that one often lies within the other.
fn varied(statement: Statement) -> impl Strategy<Value = Statement> {
    (any_statement(), any::<[bool; 4]>(), any_condition()).prop_map(
        move |(other, [who, what, which, more], condition)| {
            let mut varied = statement.clone();
            if who {
                varied.principal.clone_from(&other.principal);
            }
            if what {
                varied.action.clone_from(&other.action);
            }
            if which {
                for one in &mut varied.conditions {
                    if one.operator == condition.operator {
                        one.values.clone_from(&condition.values);
                    }
                }
            }
            if more && varied.conditions.iter().all(|one| one.operator != condition.operator) {
                varied.conditions.push(condition);
            }
            varied
        },
    )
}

proptest! {
    #![proptest_config(crate::property_cases(500))]

    #[test]
    fn what_is_within_others_speaks_of_no_request_of_which_none_of_them_speaks(
        (inner, others) in any_statement().prop_flat_map(|one| {
            let others = prop::collection::vec(varied(one.clone()), 1..=3);
            (Just(one), others)
        }),
    ) {
        let canonical: Vec<_> = others.iter().map(Statement::canonical).collect();
        let requests = if inner.canonical().is_within(&canonical) { requests() } else { Vec::new() };
        for request in requests {
            for principal in ["111111111111", "222222222222", ANN] {
                for action in ["sts:AssumeRole", "sts:TagSession", "sts:AssumeRoleWithSAML"] {
                    let spoken_of = |one: &Statement| speaks_of(one, principal, action, &request);
                    prop_assert!(!spoken_of(&inner) || others.iter().any(spoken_of), "{principal} {action} {request:?}");
                }
            }
        }
    }
}
