//! Who can do what: the pairs of principal and capability that a role's trust, permissions and boundary give.
//!
//! A principal here is whoever asks for a session, together with what it brings along: its ARN, how old its second
//! factor is, which external id it presents. That is finer than the ARN alone, so what holds here holds there.
//!
//! A capability is *to do one action, over TLS or not, in a session of some length*, or *to carry a tag*. To assume
//! the role at all is an action too. Attached managed policies are opaque: each allows one action of its own. A
//! boundary is an opaque set of actions, from a table here. Our own two tags are no capability: they say whose the
//! role is, and the first thing that a plan does is to put them back.
//!
//! A document that the planner cannot read ([`ObservedDocument::Unreadable`]) still has a meaning to IAM. The
//! generator writes that meaning into the text, behind a mark that makes it unreadable, and it is evaluated here. So
//! the laws are checked for whatever such a document may mean, which is what the planner must assume.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use crossrole_iam::document::{
    ActionElement, Condition, Document, DocumentKind, Effect, OperatorName, PrincipalElement, Principals, Statement,
};
use crossrole_iam::{Arn, pattern};

use crate::observed::{Observed, ObservedDocument, ObservedRole};

/// What makes a document unreadable to the planner.
pub(super) const UNREADABLE_MARK: &str = "unreadable ";

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
/// How many boundaries there are.
pub(super) const BOUNDARIES: usize = 4;
/// The tag keys that are looked at, in lower case.
const TAG_KEYS: [&str; 3] = ["team", "env", "stage"];

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
struct Caller {
    arn: &'static str,
    mfa_age: Option<u32>,
    external_id: Option<&'static str>,
}

/// Every caller, each a bit in [`Powers::admitted`].
fn callers() -> impl Iterator<Item = Caller> {
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

/// What a role lets whom do.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Powers {
    /// One bit for each caller.
    pub(super) admitted: u64,
    /// One bit for each action with TLS and each without, and the last for assuming the role at all.
    can: u64,
    /// The longest session, in seconds.
    session: u32,
    /// What a session carries under each key that is looked at. That a tag is not there is a capability too: some
    /// other policy may deny where it is.
    tags: [Option<String>; TAG_KEYS.len()],
}

const ASSUME: u64 = 1 << 63;

pub(super) fn managed_policy(number: usize) -> Arn {
    format!("arn:aws:iam::aws:policy/Managed{number}").parse().unwrap()
}

pub(super) fn boundary(number: usize) -> Arn {
    format!("arn:aws:iam::222222222222:policy/boundary{number}")
        .parse()
        .unwrap()
}

fn number_of(arn: &Arn) -> usize {
    arn.resource()
        .trim_start_matches(|character: char| !character.is_ascii_digit())
        .parse()
        .unwrap()
}

/// The actions that a boundary lets through: all, two sets that overlap, and none.
fn within(boundary: Option<&Arn>) -> u64 {
    let managed = |from: usize, to: usize| (from..to).map(|number| number + ACTIONS.len());
    match boundary.map(number_of) {
        None | Some(0) => u64::MAX,
        Some(1) => (0..3)
            .chain(managed(0, 7))
            .fold(0, |bits, action| bits | both_ways(action)),
        Some(2) => (1..4)
            .chain(managed(4, MANAGED))
            .fold(0, |bits, action| bits | both_ways(action)),
        Some(_) => 0,
    }
}

/// The bits of one action: without TLS and with it.
fn both_ways(action: usize) -> u64 {
    0b11 << (2 * action)
}

impl Powers {
    pub(super) fn of(observed: &Observed) -> Self {
        match observed {
            Observed::Absent => Self::default(),
            Observed::Present(role) => Self {
                admitted: admitted(&meaning(&role.trust, DocumentKind::Trust)),
                can: ASSUME | (allowed(role) & within(role.boundary.as_ref())),
                session: role.max_session,
                tags: TAG_KEYS.map(|key| tag(role, key)),
            },
        }
    }

    /// What somebody can do here that neither of two others lets that same caller do.
    pub(super) fn beyond(&self, old: &Self, new: &Self) -> Option<String> {
        for (number, caller) in callers().enumerate() {
            let bit = 1 << number;
            if self.admitted & bit == 0 {
                continue;
            }
            let sides: Vec<&Self> = [old, new].into_iter().filter(|side| side.admitted & bit != 0).collect();
            let who = || {
                format!(
                    "{} (MFA {:?}, external id {:?})",
                    caller.arn, caller.mfa_age, caller.external_id
                )
            };
            // An action counts together with the session in which it can be done.
            let can = sides
                .iter()
                .filter(|side| side.session >= self.session)
                .fold(0, |can, side| can | side.can);
            let surplus = self.can & !can;
            if surplus != 0 {
                return Some(format!(
                    "{} can do {surplus:#b} in sessions of {} s",
                    who(),
                    self.session
                ));
            }
            for (at, value) in self.tags.iter().enumerate() {
                if !sides.iter().any(|side| side.tags.get(at) == Some(value)) {
                    return Some(format!("{} carries {value:?} as {:?}", who(), TAG_KEYS.get(at)));
                }
            }
        }
        None
    }
}

fn tag(role: &ObservedRole, wanted: &str) -> Option<String> {
    role.tags
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(wanted))
        .map(|(_, value)| value.clone())
}

/// What IAM takes a document to mean, whether or not the planner can read it.
fn meaning(document: &ObservedDocument, kind: DocumentKind) -> Document {
    match document {
        ObservedDocument::Parsed(document) => document.clone(),
        ObservedDocument::Unreadable { text, .. } => {
            Document::parse_encoded(text.strip_prefix(UNREADABLE_MARK).unwrap(), kind).unwrap()
        }
    }
}

fn allowed(role: &ObservedRole) -> u64 {
    let (mut allow, mut deny) = (0, 0);
    for document in role.inline.values() {
        for statement in &meaning(document, DocumentKind::Permission).statements {
            match statement.effect {
                Effect::Allow => allow |= actions_of(statement),
                Effect::Deny => deny |= actions_of(statement),
            }
        }
    }
    for arn in &role.attached {
        allow |= both_ways(ACTIONS.len() + number_of(arn));
    }
    allow & !deny
}

thread_local! {
    /// What was worked out before. The same few statements come again and again.
    static WORKED_OUT: RefCell<HashMap<String, u64>> = RefCell::default();
}

fn once(key: String, work: impl FnOnce() -> u64) -> u64 {
    WORKED_OUT.with_borrow_mut(|known| *known.entry(key).or_insert_with(work))
}

/// The actions that a statement speaks of. Which resources it names does not matter here: all name `*`.
fn actions_of(statement: &Statement) -> u64 {
    let key = format!("{:?} {:?}", statement.action, statement.conditions);
    once(key, || work_out_actions(statement))
}

fn work_out_actions(statement: &Statement) -> u64 {
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
            let request = BTreeMap::from([("aws:securetransport", tls.to_string())]);
            if meant && statement.conditions.iter().all(|condition| holds(condition, &request)) {
                bits |= 1 << (2 * number + place);
            }
        }
    }
    bits
}

fn admitted(trust: &Document) -> u64 {
    let of = |effect: Effect| {
        trust
            .statements
            .iter()
            .filter(|one| one.effect == effect)
            .fold(0, |bits, one| bits | callers_of(one))
    };
    of(Effect::Allow) & !of(Effect::Deny)
}

/// The callers that a statement speaks of.
fn callers_of(statement: &Statement) -> u64 {
    once(
        format!(
            "{:?} {:?} {:?}",
            statement.principal, statement.action, statement.conditions
        ),
        || {
            callers()
                .enumerate()
                .filter(|(_, caller)| speaks_of(statement, caller))
                .fold(0, |bits, (number, _)| bits | 1 << number)
        },
    )
}

fn speaks_of(statement: &Statement, caller: &Caller) -> bool {
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
    assumes && named && statement.conditions.iter().all(|condition| holds(condition, &request))
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
