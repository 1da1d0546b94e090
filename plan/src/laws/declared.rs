//! What a declaration says that an account shall hold, in the laws' own words: without the planner's shaping and
//! without its comparison.

use std::collections::BTreeMap;

use crossrole_api::names::{CLUSTER_TAG, OWNER_TAG, REVOKE_OLDER_SESSIONS_POLICY};
use crossrole_iam::PolicyName;
use crossrole_iam::document::{CanonicalStatement, Document, DocumentKind, Effect, OperatorName, Statement};
use jiff::{SignedDuration, Timestamp};

use super::evaluator::Powers;
use super::moments::{whole_second_down, whole_second_up};
use super::pools::statement;
use super::requests::{Dates, Moment};
use crate::desired::Desired;
use crate::observed::{Observed, ObservedDocument, ObservedRole};

pub(super) const CLOSED: &str = "crossrole-closed";
pub(super) const VALIDITY: &str = "crossrole-validity";

pub(super) fn name(text: &str) -> PolicyName {
    text.parse().unwrap()
}

/// A document that denies everything under these conditions, as JSON.
pub(super) fn denial(conditions: &str) -> Document {
    let text = format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {{{conditions}}}}}]}}"#
    );
    Document::parse(&text, DocumentKind::Permission).unwrap()
}

pub(super) fn revoking(before: Timestamp) -> Document {
    denial(&format!(r#""DateLessThan": {{"aws:TokenIssueTime": "{before}"}}"#))
}

pub(super) fn is_closed(desired: &Desired, now: Timestamp) -> bool {
    desired.lifecycle.closed || desired.lifecycle.not_after.is_some_and(|end| now >= end)
}

/// Trust that lets nobody in.
pub(super) fn closed_trust() -> Document {
    let deny = statement(
        r#"{"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": ["sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"]}"#,
        DocumentKind::Trust,
    );
    Document::new(vec![deny])
}

pub(super) fn trust(desired: &Desired, now: Timestamp) -> Document {
    if is_closed(desired, now) {
        return closed_trust();
    }
    let lifecycle = &desired.lifecycle;
    let dates = [
        (
            OperatorName::DateGreaterThanEquals,
            lifecycle.not_before.map(whole_second_up),
        ),
        (OperatorName::DateLessThan, lifecycle.not_after.map(whole_second_down)),
    ];
    let mut document = desired.trust.clone();
    for statement in document.statements.iter_mut().filter(|one| one.effect == Effect::Allow) {
        for (operator, date) in dates {
            let condition = date
                .map(|date| crossrole_iam::document::Condition::new(operator, "aws:CurrentTime", [date.to_string()]));
            statement.conditions.extend(condition);
        }
    }
    document
}

/// The inline policies, but for `AWSRevokeOlderSessions`.
pub(super) fn inline(desired: &Desired, now: Timestamp) -> BTreeMap<PolicyName, Document> {
    let mut inline = desired.inline.clone();
    if is_closed(desired, now) {
        inline.insert(name(CLOSED), denial(""));
    } else if let Some(end) = desired.lifecycle.not_after.map(whole_second_down) {
        let over = format!(r#""DateGreaterThanEquals": {{"aws:CurrentTime": "{end}"}}"#);
        inline.insert(name(VALIDITY), denial(&over));
    }
    inline
}

/// Whether an account holds what is declared, given what it held before.
pub(super) fn holds(observed: &Observed, desired: &Desired, before: &Observed, now: Timestamp) -> bool {
    let Observed::Present(role) = observed else {
        return false;
    };
    let folded = |tags: &BTreeMap<String, String>| -> BTreeMap<String, String> {
        let ours = |key: &String| key.eq_ignore_ascii_case(CLUSTER_TAG) || key.eq_ignore_ascii_case(OWNER_TAG);
        let others = |key: &String| !ours(key) && key.to_lowercase().starts_with("aws:");
        tags.iter()
            .filter(|(key, _)| !others(key))
            .map(|(key, value)| (key.to_lowercase(), value.clone()))
            .collect()
    };
    let found: BTreeMap<_, _> = role
        .inline
        .iter()
        .filter(|(name, _)| name.as_str() != REVOKE_OLDER_SESSIONS_POLICY)
        .map(|(name, document)| (name.clone(), document.canonical()))
        .collect();
    let declared = inline(desired, now);
    role.path == desired.path.as_str()
        && role.trust.canonical() == Some(trust(desired, now).canonical())
        && role.description == desired.description
        && role.max_session == desired.max_session
        && role.boundary == desired.boundary
        && folded(&role.tags) == folded(&desired.all_tags())
        && role.attached == desired.attached
        && found
            == declared
                .into_iter()
                .map(|(name, document)| (name, Some(document.canonical())))
                .collect()
        && revokes_enough(role, desired, before, now)
}

/// The time before which a role's sessions are revoked.
pub(super) fn revoked_before(observed: &Observed) -> Option<Timestamp> {
    let Observed::Present(role) = observed else { return None };
    let document = role.inline.get(&name(REVOKE_OLDER_SESSIONS_POLICY))?.document()?;
    document.statements.iter().filter_map(revocation_of).max()
}

/// The time of a statement that revokes sessions and does nothing else.
fn revocation_of(found: &Statement) -> Option<Timestamp> {
    let times = found
        .conditions
        .first()?
        .values
        .iter()
        .filter_map(|value| value.parse().ok());
    times
        .filter(|time| revoking(*time).statements[0].canonical() == found.canonical())
        .max()
}

/// Since when no older session shall work, where the account does not see to that already: what is declared, reopening,
/// and trust taken from somebody where that is to revoke.
fn must_revoke_before(desired: &Desired, before: &Observed, now: Timestamp) -> Option<Timestamp> {
    let declared = desired.lifecycle.revoke_issued_before.map(whole_second_up);
    let Observed::Present(was) = before else {
        return declared;
    };
    if is_closed(desired, now) {
        return declared;
    }
    let reopens = looks_closed(was, now);
    // Whom somebody let in by hand can get a session until IAM has spread the change of trust.
    let is_open = || Powers::of(before, now).admits_now_beyond(&Powers::default());
    let reopened_from = || whole_second_up(if is_open() { spread(now) } else { now });
    let tightens = || {
        let mut after = was.clone();
        after.trust = ObservedDocument::of(trust(desired, now));
        after.tags = desired.all_tags();
        Powers::of(before, now).admits_now_beyond(&Powers::of(&Observed::Present(after), now))
    };
    let tightens = desired.lifecycle.revoke_on_tighten && tightens();
    [
        declared,
        reopens.then(reopened_from),
        tightens.then(|| whole_second_up(spread(now))),
    ]
    .into_iter()
    .flatten()
    .max()
}

/// Whether every session of a role was ended: it was closed, or its time ran out.
pub(super) fn looks_closed(was: &ObservedRole, now: Timestamp) -> bool {
    let end = was
        .inline
        .get(&name(VALIDITY))
        .and_then(ObservedDocument::document)
        .and_then(|document| {
            let value = document.statements.first()?.conditions.first()?.values.first()?;
            let end: Timestamp = value.parse().ok()?;
            let ours = denial(&format!(r#""DateGreaterThanEquals": {{"aws:CurrentTime": "{end}"}}"#));
            document.means_the_same_as(&ours).then_some(end)
        });
    was.inline.contains_key(&name(CLOSED)) || end.is_some_and(|end| end <= now)
}

/// Whether a role that looks closed may have let somebody in all the same, statement by statement: its trust cannot be read
/// or has an Allow, or a look that stopped closed it just now.
pub(super) fn reopens_to_a_hand(before: &Observed, now: Timestamp) -> bool {
    let Observed::Present(was) = before else { return false };
    let is_open = was.trust.document().is_none_or(|trust| {
        let mut allows = trust.statements.iter().filter(|one| one.effect == Effect::Allow);
        allows.any(|one| {
            let dates = Dates::of(one);
            let at = |time| Moment {
                issued: time,
                now: time,
            };
            dates.hold_at(at(now)) || dates.hold_at(at(spread(now)))
        })
    });
    let is_just_closed = was.trust.means(&closed_trust()) && !was.inline.contains_key(&name(CLOSED));
    looks_closed(was, now) && (is_open || is_just_closed)
}

fn spread(now: Timestamp) -> Timestamp {
    now + SignedDuration::from_mins(1)
}

fn revokes_enough(role: &ObservedRole, desired: &Desired, before: &Observed, now: Timestamp) -> bool {
    let policy = name(REVOKE_OLDER_SESSIONS_POLICY);
    let found = match before {
        Observed::Present(was) => was.inline.get(&policy),
        Observed::Absent => None,
    };
    let nothing = nothing();
    let Some(document) = role.inline.get(&policy).unwrap_or(&nothing).document() else {
        return false;
    };
    // What it denied otherwise, it denies still, and it allows nothing.
    let others = |document: &Document| -> Vec<CanonicalStatement> {
        let denies = document.statements.iter().filter(|one| one.effect == Effect::Deny);
        denies
            .filter(|one| revocation_of(one).is_none())
            .map(Statement::canonical)
            .collect()
    };
    let kept = match found.and_then(ObservedDocument::document) {
        Some(found) => others(found) == others(document),
        None => others(document).is_empty(),
    };
    let is_unreadable = found.is_some_and(|found| found.document().is_none());
    let unreadable = is_unreadable.then(|| whole_second_up(now));
    let least = [
        must_revoke_before(desired, before, now),
        revoked_before(before),
        unreadable,
    ];
    let least = least.into_iter().flatten().max();
    let most =
        (desired.lifecycle.revoke_on_tighten || reopens_to_a_hand(before, now)).then(|| whole_second_up(spread(now)));
    let revoked = revoked_before(&Observed::Present(Box::new(role.clone())));
    kept && !document.has_allow() && revoked >= least && revoked <= least.max(most)
}

fn nothing() -> ObservedDocument {
    ObservedDocument::of(Document::new(Vec::new()))
}
