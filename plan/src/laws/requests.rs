//! What a statement speaks of: which callers, which actions, at which moments.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use crossrole_iam::document::{ActionElement, Condition, OperatorName, PrincipalElement, Principals, Statement};
use crossrole_iam::pattern;
use jiff::Timestamp;

/// Actions that inline policies speak of; after them comes one for each managed policy.
pub(super) const ACTIONS: [&str; 5] = [
    "s3:GetObject",
    "s3:PutObject",
    "ec2:RunInstances",
    "kms:Decrypt",
    "iam:CreateUser",
];
/// How many managed policies there are.
pub(super) const MANAGED: usize = 12;
/// Every action both ways.
pub(super) const EVERYTHING: u64 = (1 << (2 * (ACTIONS.len() + MANAGED))) - 1;

const PRINCIPALS: [&str; 6] = [
    "arn:aws:iam::111111111111:user/alice",
    "arn:aws:iam::111111111111:user/bob",
    "arn:aws:iam::111111111111:role/ci",
    "arn:aws:iam::444444444444:user/carol",
    "arn:aws:iam::444444444444:role/vendor",
    "arn:aws:iam::555555555555:role/stranger",
];
const MFA_AGES: [Option<u32>; 3] = [None, Some(600), Some(7200)];
const EXTERNAL_IDS: [Option<&str>; 3] = [None, Some("first-id"), Some("second-id")];

/// Who asks for a session, and what it brings along.
pub(super) struct Caller {
    pub(super) arn: &'static str,
    pub(super) mfa_age: Option<u32>,
    pub(super) external_id: Option<&'static str>,
}

/// Every caller, each a bit of those who are admitted.
pub(super) fn callers() -> impl Iterator<Item = Caller> {
    PRINCIPALS.into_iter().flat_map(|arn| {
        MFA_AGES.into_iter().flat_map(move |mfa_age| {
            EXTERNAL_IDS.into_iter().map(move |external_id| Caller {
                arn,
                mfa_age,
                external_id,
            })
        })
    })
}

/// The bits of one action: without TLS and with it.
pub(super) fn both_ways(action: usize) -> u64 {
    0b11 << (2 * action)
}

/// When a request is made, and when the session was issued in which it is made.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    pub(super) issued: Timestamp,
    pub(super) now: Timestamp,
}

pub(super) fn is_dated(condition: &Condition) -> bool {
    DATED.iter().any(|key| condition.key.eq_ignore_ascii_case(key))
}

const DATED: [&str; 2] = ["aws:CurrentTime", "aws:TokenIssueTime"];

/// The dates of a statement, read once.
pub(super) struct Dates(Vec<(bool, OperatorName, Vec<Timestamp>)>);

impl Dates {
    pub(super) fn of(statement: &Statement) -> Self {
        let dated = statement.conditions.iter().filter(|condition| is_dated(condition));
        let read = dated.map(|condition| {
            let is_about_issue = condition.key.eq_ignore_ascii_case(DATED[1]);
            let values = condition.values.iter().map(|value| value.parse().unwrap()).collect();
            (is_about_issue, condition.operator.base, values)
        });
        Self(read.collect())
    }

    /// Whether the statement hangs on no date.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all hold.
    pub(super) fn hold_at(&self, moment: Moment) -> bool {
        self.0.iter().all(|(is_about_issue, operator, values)| {
            let found = if *is_about_issue { moment.issued } else { moment.now };
            values.iter().any(|value| match operator {
                OperatorName::DateLessThan => found < *value,
                OperatorName::DateGreaterThanEquals => found >= *value,
                OperatorName::DateGreaterThan => found > *value,
                other => panic!("the evaluator does not know {other:?}"),
            })
        })
    }
}

thread_local! {
    /// What was worked out before. The same few statements come again and again.
    static WORKED_OUT: RefCell<HashMap<String, u64>> = RefCell::default();
}

fn once(key: String, work: impl FnOnce() -> u64) -> u64 {
    WORKED_OUT.with_borrow_mut(|known| *known.entry(key).or_insert_with(work))
}

/// The actions that a statement speaks of, whenever, for a session with these tags. Which resources it names does not
/// matter here: all name `*`.
pub(super) fn actions_of(statement: &Statement, tags: &BTreeMap<String, String>) -> u64 {
    let key = format!("{:?} {:?} {tags:?}", statement.action, statement.conditions);
    once(key, || work_out_actions(statement, tags))
}

fn work_out_actions(statement: &Statement, tags: &BTreeMap<String, String>) -> u64 {
    let managed: Vec<String> = (0..MANAGED).map(|number| format!("managed:Use{number}")).collect();
    let mut bits = 0;
    for (number, action) in ACTIONS
        .into_iter()
        .chain(managed.iter().map(String::as_str))
        .enumerate()
    {
        let named = |patterns: &[String]| patterns.iter().any(|one| pattern::matches_ignoring_case(one, action));
        let meant = match &statement.action {
            ActionElement::Action(patterns) => named(patterns),
            ActionElement::NotAction(patterns) => !named(patterns),
        };
        for (place, tls) in ["false", "true"].into_iter().enumerate() {
            let mut request = BTreeMap::from([("aws:securetransport", tls.to_string())]);
            for (tag, value) in tags {
                request.insert(tag, value.clone());
            }
            let undated = statement.conditions.iter().filter(|condition| !is_dated(condition));
            if meant && undated.clone().all(|condition| holds(condition, &request)) {
                bits |= 1 << (2 * number + place);
            }
        }
    }
    bits
}

/// The callers that a statement speaks of, whenever, where the role has these tags.
pub(super) fn callers_of(statement: &Statement, tags: &BTreeMap<String, String>) -> u64 {
    once(
        format!(
            "{:?} {:?} {:?} {tags:?}",
            statement.principal, statement.action, statement.conditions
        ),
        || {
            callers()
                .enumerate()
                .filter(|(_, caller)| speaks_of(statement, caller, tags))
                .fold(0, |bits, (number, _)| bits | 1 << number)
        },
    )
}

fn speaks_of(statement: &Statement, caller: &Caller, tags: &BTreeMap<String, String>) -> bool {
    let assumes = statement
        .action
        .patterns()
        .iter()
        .any(|action| pattern::matches_ignoring_case(action, "sts:AssumeRole"));
    let named = match &statement.principal {
        Some(PrincipalElement::Principal(principals)) => names(principals, caller),
        Some(PrincipalElement::NotPrincipal(principals)) => !names(principals, caller),
        None => false,
    };
    let mut request = BTreeMap::from([("aws:principalarn", caller.arn.to_string())]);
    // Only a user's session can carry a second factor.
    if let Some(age) = caller.mfa_age.filter(|_| caller.arn.contains(":user/")) {
        request.insert("aws:multifactorauthpresent", "true".into());
        request.insert("aws:multifactorauthage", age.to_string());
    }
    if let Some(id) = caller.external_id {
        request.insert("sts:externalid", id.into());
    }
    for (tag, value) in tags {
        request.insert(tag, value.clone());
    }
    let mut undated = statement.conditions.iter().filter(|condition| !is_dated(condition));
    assumes && named && undated.all(|condition| holds(condition, &request))
}

fn names(principals: &Principals, caller: &Caller) -> bool {
    let account = caller.arn.split(':').nth(4).unwrap();
    let root = format!("arn:aws:iam::{account}:root");
    principals.anyone
        || principals
            .aws
            .iter()
            .any(|name| name == "*" || name == account || *name == root || name == caller.arn)
}

fn holds(condition: &Condition, request: &BTreeMap<&str, String>) -> bool {
    let Some(found) = request.get(condition.key.to_lowercase().as_str()) else {
        return condition.operator.if_exists || condition.operator.base.is_negated();
    };
    let any = |matches: &dyn Fn(&String) -> bool| condition.values.iter().any(matches);
    match condition.operator.base {
        OperatorName::Bool | OperatorName::StringEquals => any(&|value| value == found),
        OperatorName::StringNotEquals => !any(&|value| value == found),
        OperatorName::ArnLike => any(&|value| pattern::matches(value, found)),
        OperatorName::NumericLessThan => any(&|value| found.parse::<u32>().unwrap() < value.parse().unwrap()),
        other => panic!("the evaluator does not know {other:?}"),
    }
}
