//! Who can do what and when: the pairs of principal and capability that a role's trust, permissions and boundary give.
//!
//! A principal here is whoever asks for a session, together with what it brings along: its ARN, how old its second
//! factor is, which external id it presents. That is finer than the ARN alone, so what holds here holds there.
//!
//! A capability is *to do one action, over TLS or not, in a session of some length*, or *to carry a tag*. To assume
//! the role at all is an action too. Attached managed policies are opaque: each allows one action of its own. A
//! boundary is an opaque set of actions, from a table here. Our own two tags are no capability: they say whose the
//! role is, and the first thing that a plan does is to put them back.
//!
//! All of it hangs on time: trust on when somebody asks, permissions on when the session was issued and when it is used.
//! So powers are worked out for every pair of [`moments`], those of sessions included that are there already.
//!
//! A document that the planner cannot read ([`Unreadable`](crate::observed::Unreadable)) still has a meaning to IAM. The
//! generator writes that meaning into the text, behind a mark that makes it unreadable, and it is evaluated here. So
//! the laws are checked for whatever such a document may mean, which is what the planner must assume.

use std::array;
use std::borrow::Cow;
use std::collections::BTreeMap;

use crossrole_iam::Arn;
use crossrole_iam::document::{Document, DocumentKind, Effect, Statement};
use jiff::Timestamp;

use super::moments::{self, AHEAD, ISSUED, OLDER};
use super::requests::{ACTIONS, Dates, EVERYTHING, MANAGED, Moment, actions_of, both_ways, callers, callers_of};
use crate::observed::{Observed, ObservedDocument, ObservedRole};

/// What makes a document unreadable to the planner.
pub(super) const UNREADABLE_MARK: &str = "unreadable ";

/// How many boundaries there are.
pub(super) const BOUNDARIES: usize = 4;
/// The tag keys that are looked at, in lower case.
const TAG_KEYS: [&str; 3] = ["team", "env", "stage"];

/// What of a plan bears on sessions that are there already.
#[derive(Clone, Copy)]
pub(super) struct Order {
    /// While trust is closed, the order may let them do more than before and after.
    pub(super) closes: bool,
    /// Before another boundary is there, the bootstrap role may not write what would end them.
    pub(super) swaps: bool,
}

/// What a role lets whom do, and when.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Powers {
    /// One bit for each caller, at every moment ahead.
    admitted: [u64; AHEAD],
    /// One bit for each action with TLS and each without, and the last for assuming the role at all: by when the session
    /// was issued, and by when it is used.
    can: [[u64; AHEAD]; ISSUED],
    /// Whether one of our own policies ends the session, or the console's.
    ended: [[bool; AHEAD]; ISSUED],
    /// The longest session, in seconds.
    session: u32,
    /// What a session carries under each key that is looked at. That a tag is not there is a capability too: some
    /// other policy may deny where it is.
    tags: [Option<String>; TAG_KEYS.len()],
}

const ASSUME: u64 = 1 << 63;

/// The inline policies that end sessions.
const ENDS_SESSIONS: [&str; 3] = ["crossrole-closed", "crossrole-validity", "AWSRevokeOlderSessions"];

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

impl Powers {
    pub(super) fn of(observed: &Observed, now: Timestamp) -> Self {
        let Observed::Present(role) = observed else {
            return Self::default();
        };
        let trust = meaning(&role.trust, DocumentKind::Trust);
        let permissions = Permissions::of(role);
        let within = within(role.boundary.as_ref());
        let of_sessions = |look: &dyn Fn(Moment) -> u64| {
            array::from_fn(|issue| {
                array::from_fn(|used| {
                    look(Moment {
                        issued: moments::issued(issue, now),
                        now: moments::used(used, now),
                    })
                })
            })
        };
        let ends: [[u64; AHEAD]; ISSUED] = of_sessions(&|moment| permissions.denied_by_us(moment));
        Self {
            admitted: admitted(&trust, &keyed(role, &["aws:resourcetag", "iam:resourcetag"]), now),
            can: of_sessions(&|moment| ASSUME | (permissions.allowed(moment) & within)),
            ended: ends.map(|row| row.map(|denied| denied == EVERYTHING)),
            session: role.max_session,
            tags: TAG_KEYS.map(|key| tag(role, key)),
        }
    }

    /// Whether somebody is admitted at some moment whom another does not admit then.
    pub(super) fn admits_beyond(&self, other: &Self) -> bool {
        self.admitted
            .iter()
            .zip(other.admitted)
            .any(|(one, other)| one & !other != 0)
    }

    /// Whether somebody is admitted now whom another does not admit.
    pub(super) fn admits_now_beyond(&self, other: &Self) -> bool {
        self.admitted[0] & !other.admitted[0] != 0
    }

    /// What somebody who assumes the role from now on can do that neither of two others lets that same caller do.
    pub(super) fn beyond(&self, old: &Self, new: &Self) -> Option<String> {
        (0..AHEAD).find_map(|at| self.beyond_from(at, old, new))
    }

    fn beyond_from(&self, at: usize, old: &Self, new: &Self) -> Option<String> {
        for (number, caller) in callers().enumerate() {
            let bit = 1 << number;
            if self.admitted[at] & bit == 0 {
                continue;
            }
            let sides: Vec<&Self> = [old, new]
                .into_iter()
                .filter(|side| side.admitted[at] & bit != 0)
                .collect();
            let who = || {
                format!(
                    "{} (MFA {:?}, external id {:?}), who comes at moment {at},",
                    caller.arn, caller.mfa_age, caller.external_id
                )
            };
            for used in at..AHEAD {
                // An action counts together with the session in which it can be done.
                let can = sides
                    .iter()
                    .filter(|side| side.session >= self.session)
                    .fold(0, |can, side| can | side.can[OLDER + at][used]);
                let surplus = self.can[OLDER + at][used] & !can;
                if surplus != 0 {
                    return Some(format!(
                        "{} can at moment {used} do {surplus:#b} in sessions of {} s",
                        who(),
                        self.session
                    ));
                }
            }
            for (key, value) in self.tags.iter().enumerate() {
                if !sides.iter().any(|side| side.tags.get(key) == Some(value)) {
                    return Some(format!("{} carries {value:?} as {:?}", who(), TAG_KEYS.get(key)));
                }
            }
        }
        None
    }

    /// What a session that is there already can do although neither of two others lets it. [`Order`] says what no order
    /// can help; but a session that one of our policies ends in both never revives.
    pub(super) fn revived(&self, old: &Self, new: &Self, order: Order) -> Option<String> {
        for (issue, used) in (0..OLDER).flat_map(|issue| (0..AHEAD).map(move |used| (issue, used))) {
            let can = |side: &Self| side.can[issue][used] & !ASSUME;
            let ends = |side: &Self| side.ended[issue][used];
            let may = match (ends(old), ends(new)) {
                (true, true) => 0,
                // Ended at once, and not only when the role's time is over.
                (false, true) if new.ended[issue][0] && !order.swaps => can(old),
                _ if order.closes || order.swaps => u64::MAX,
                _ => can(old) | can(new),
            };
            let surplus = can(self) & !may;
            if surplus != 0 {
                return Some(format!(
                    "a session from moment {issue} of the past can at moment {used} do {surplus:#b}"
                ));
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
fn meaning(document: &ObservedDocument, kind: DocumentKind) -> Cow<'_, Document> {
    if let Some(document) = document.document() {
        return Cow::Borrowed(document);
    }
    let text = &document.problem().unwrap().text;
    Cow::Owned(Document::parse_encoded(text.strip_prefix(UNREADABLE_MARK).unwrap(), kind).unwrap())
}

/// What a role's policies allow and deny, those apart that hang on time.
struct Permissions {
    allow: u64,
    deny: u64,
    dated: Vec<Dated>,
}

struct Dated {
    effect: Effect,
    dates: Dates,
    actions: u64,
    is_ours: bool,
}

impl Permissions {
    fn of(role: &ObservedRole) -> Self {
        let attached = role
            .attached
            .iter()
            .map(|arn| both_ways(ACTIONS.len() + number_of(arn)));
        let mut permissions = Self {
            allow: attached.fold(0, |bits, action| bits | action),
            deny: 0,
            dated: Vec::new(),
        };
        let tags = keyed(role, &["aws:principaltag"]);
        for (name, document) in &role.inline {
            let is_ours = ENDS_SESSIONS.contains(&name.as_str());
            for statement in &meaning(document, DocumentKind::Permission).statements {
                let (effect, dates, actions) = (statement.effect, Dates::of(statement), actions_of(statement, &tags));
                match effect {
                    _ if is_ours || !dates.is_empty() => permissions.dated.push(Dated {
                        effect,
                        dates,
                        actions,
                        is_ours,
                    }),
                    Effect::Allow => permissions.allow |= actions,
                    Effect::Deny => permissions.deny |= actions,
                }
            }
        }
        permissions
    }

    fn dated(&self, effect: Effect, moment: Moment, wanted: fn(&Dated) -> bool) -> u64 {
        let these = self.dated.iter().filter(|one| one.effect == effect && wanted(one));
        these
            .filter(|one| one.dates.hold_at(moment))
            .fold(0, |bits, one| bits | one.actions)
    }

    fn allowed(&self, moment: Moment) -> u64 {
        let (allow, deny) = (
            self.allow | self.dated(Effect::Allow, moment, |_| true),
            self.deny | self.dated(Effect::Deny, moment, |_| true),
        );
        allow & !deny
    }

    fn denied_by_us(&self, moment: Moment) -> u64 {
        self.dated(Effect::Deny, moment, |one| one.is_ours)
    }
}

/// A role's tags, as these condition keys say them.
fn keyed(role: &ObservedRole, prefixes: &[&str]) -> BTreeMap<String, String> {
    let tags = role.tags.iter();
    tags.flat_map(|(tag, value)| {
        let keys = prefixes.iter();
        keys.map(move |prefix| (format!("{prefix}/{}", tag.to_lowercase()), value.clone()))
    })
    .collect()
}

fn admitted(trust: &Document, tags: &BTreeMap<String, String>, now: Timestamp) -> [u64; AHEAD] {
    let read = |one: &Statement| (one.effect, Dates::of(one), callers_of(one, tags));
    let mut named: Vec<_> = trust.statements.iter().map(read).collect();
    named.sort_by_key(|(effect, ..)| *effect == Effect::Deny);
    array::from_fn(|number| {
        let time = moments::used(number, now);
        let moment = Moment {
            issued: time,
            now: time,
        };
        let holding = named.iter().filter(|(_, dates, _)| dates.hold_at(moment));
        holding.fold(0, |admitted, (effect, _, callers)| match effect {
            Effect::Allow => admitted | callers,
            Effect::Deny => admitted & !callers,
        })
    })
}
