//! When a role can be used, and by which sessions: validity, closing, revocation.
//!
//! All of it is written into AWS itself, so that it holds even while the operator is down.

use crossrole_api::names::REVOKE_OLDER_SESSIONS_POLICY;
use crossrole_api::role::{Access, OnTighten};
use crossrole_api::{CrossAccountRoleSpec, Reason};
use crossrole_iam::PolicyName;
use crossrole_iam::document::{ActionElement, Condition, Document, Effect, OperatorName, ResourceElement, Statement};
use jiff::{SignedDuration, Timestamp};

use crate::admission;
use crate::change::Change;
use crate::desired::Desired;
use crate::observed::{ObservedDocument, ObservedRole};
use crate::refusal::Refusal;
use crate::revocation;
use crate::tags;
use crate::trust;
use crate::window::{CURRENT_TIME, Window, rounded_down};

/// The inline policy that ends every session while the role is closed.
pub const CLOSED_POLICY: &str = "crossrole-closed";

/// The inline policy that ends every session when the role's time is over.
pub const VALIDITY_POLICY: &str = "crossrole-validity";

/// A revocation may lie at most so far ahead.
const MOST_AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// IAM needs so long to spread a change of trust: sessions that slip in meanwhile are revoked too.
const SPREAD: SignedDuration = SignedDuration::from_mins(1);

/// When a change of trust comes later than that after its plan, the rest of [`SPREAD`] is too short.
const LATE: SignedDuration = SignedDuration::from_secs(20);

/// When a role can be used, and by which sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Lifecycle {
    /// Nobody may assume the role before.
    pub not_before: Option<Timestamp>,
    /// Nobody may use the role from then on.
    pub not_after: Option<Timestamp>,
    /// Sessions that were issued before may do nothing any more.
    pub revoke_issued_before: Option<Timestamp>,
    /// Whether sessions are revoked when trust is taken from somebody.
    pub revoke_on_tighten: bool,
    /// Whether the role is closed by declaration.
    pub closed: bool,
}

impl Lifecycle {
    /// Reads `validity`, `sessions` and `access`.
    ///
    /// # Errors
    /// A time that is none, or two that contradict each other.
    pub fn parse(spec: &CrossAccountRoleSpec) -> Result<Self, Refusal> {
        let validity = spec.validity.as_deref().cloned().unwrap_or_default();
        let sessions = spec.sessions.as_deref().cloned().unwrap_or_default();
        let lifecycle = Self {
            not_before: time("validity.notBefore", validity.not_before.as_deref())?,
            not_after: time("validity.notAfter", validity.not_after.as_deref())?,
            revoke_issued_before: time("sessions.revokeIssuedBefore", sessions.revoke_issued_before.as_deref())?,
            revoke_on_tighten: sessions.on_tighten == Some(OnTighten::Revoke),
            closed: spec.access == Access::Closed,
        };
        if Window::new(lifecycle.not_before, lifecycle.not_after).is_empty() {
            return Err(invalid(
                "validity",
                "notBefore must be earlier than notAfter, by a second at least: IAM's dates have whole seconds",
            ));
        }
        Ok(lifecycle)
    }

    /// Reads what ends access to a role, and leaves out what cannot be read: one wrong field must not keep another from
    /// closing the role.
    pub fn of_ending(spec: &CrossAccountRoleSpec) -> Self {
        let (validity, sessions) = (spec.validity.as_deref(), spec.sessions.as_deref());
        let not_after = validity.and_then(|validity| validity.not_after.as_deref());
        let revoke = sessions.and_then(|sessions| sessions.revoke_issued_before.as_deref());
        Self {
            not_after: not_after.and_then(|text| text.parse().ok()),
            revoke_issued_before: revoke.and_then(|text| text.parse().ok()),
            closed: spec.access == Access::Closed,
            ..Self::default()
        }
    }

    /// The time before which sessions shall be revoked by declaration; one that lies too far ahead is a slip.
    pub fn revocation_due(&self, now: Timestamp) -> Option<Timestamp> {
        self.revoke_issued_before
            .filter(|before| before.duration_since(now) <= MOST_AHEAD)
    }

    /// Whether nobody may use the role at this time.
    pub fn is_closed(&self, now: Timestamp) -> bool {
        self.closed || self.not_after.is_some_and(|end| end <= now)
    }

    /// When something has to be done although nothing else changes: the end of the role's time, and when a revocation no
    /// longer lies too far ahead.
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let end = self.not_after.filter(|_| !self.closed);
        let revocation = self
            .revoke_issued_before
            .and_then(|before| before.checked_sub(MOST_AHEAD).ok());
        [end, revocation].into_iter().flatten().filter(|time| *time > now).min()
    }
}

/// What an account shall hold at this time, over what it holds now.
///
/// # Errors
/// A revocation that lies too far ahead, or dates that a raw statement already holds.
pub fn shaped(desired: &Desired, observed: Option<&ObservedRole>, now: Timestamp) -> Result<Desired, Refusal> {
    let lifecycle = &desired.lifecycle;
    let mut shaped = desired.clone();
    if lifecycle.is_closed(now) {
        shaped.trust = trust::closed();
        shaped.trust_fields = vec!["spec.access".into()];
        put(&mut shaped, CLOSED_POLICY, closing())?;
    } else {
        date_trust(&mut shaped)?;
        if let Some(end) = lifecycle.not_after {
            put(&mut shaped, VALIDITY_POLICY, validity_until(end))?;
        }
    }
    let wanted = revocation(lifecycle, &shaped, observed, now)?;
    let found = observed.and_then(|role| inline(role, REVOKE_OLDER_SESSIONS_POLICY));
    if let Some(document) = revocation::policy(found, wanted, now) {
        put(&mut shaped, REVOKE_OLDER_SESSIONS_POLICY, document)?;
    }
    Ok(shaped)
}

/// The document of `crossrole-closed`.
pub(crate) fn closing() -> Document {
    Document::new(vec![deny_everything(Vec::new())])
}

/// The document of `crossrole-validity`.
fn validity_until(end: Timestamp) -> Document {
    let over = Condition::new(
        OperatorName::DateGreaterThanEquals,
        CURRENT_TIME,
        [rounded_down(end).to_string()],
    );
    Document::new(vec![deny_everything(vec![over])])
}

/// When a document of `crossrole-validity` ends the role; `None` where it does anything else.
pub(crate) fn ends(document: &Document) -> Option<Timestamp> {
    let [statement] = document.statements.as_slice() else {
        return None;
    };
    let [condition] = statement.conditions.as_slice() else {
        return None;
    };
    let [value] = condition.values.as_slice() else {
        return None;
    };
    let is_end = condition.operator == OperatorName::DateGreaterThanEquals.into() && condition.is_about(CURRENT_TIME);
    let end = value.parse().ok()?;
    (is_end && denies_everything(statement)).then_some(end)
}

/// Until when sessions last, at most, of somebody whom the declaration takes out of the trust policy: where it does,
/// and nothing ends them sooner.
pub fn older_sessions_last_until(desired: &Desired, observed: &ObservedRole, now: Timestamp) -> Option<Timestamp> {
    let shaped = shaped(desired, Some(observed), now).ok()?;
    let revoked = shaped
        .inline
        .iter()
        .filter(|(name, _)| name.as_str() == REVOKE_OLDER_SESSIONS_POLICY)
        .find_map(|(_, document)| revocation::revoked_before(document));
    let ended = desired.lifecycle.is_closed(now) || revoked >= Some(now);
    if ended || !takes_somebody_out(observed, &shaped, now) {
        return None;
    }
    let longest = SignedDuration::from_secs(i64::from(observed.max_session));
    Some(now.saturating_add(longest).unwrap_or(now))
}

/// What is still to be revoked after these changes were made: sessions are revoked up to a minute after the plan, for IAM
/// needs that long to spread a change of trust; but when AWS asks for fewer calls, that change can come much later.
pub fn revoked_too_little<'a>(
    done: impl Iterator<Item = &'a Change> + Clone,
    planned: Timestamp,
    ended: Timestamp,
) -> Option<Change> {
    let is_late = ended.duration_since(planned) > LATE;
    if !is_late || !done.clone().any(Change::bears_on_admission) {
        return None;
    }
    done.into_iter().find_map(|change| match change {
        Change::PutInline { name, document } if name.as_str() == REVOKE_OLDER_SESSIONS_POLICY => {
            // One that reaches no further than its plan has nothing to do with a change of trust.
            revocation::revoked_before(document).filter(|before| before.duration_since(planned) > LATE)?;
            let spread = ended.saturating_add(SPREAD).unwrap_or(ended);
            let document = revocation::policy(Some(&ObservedDocument::of(document.clone())), Some(spread), ended)?;
            Some(Change::PutInline {
                name: name.clone(),
                document,
            })
        }
        _ => None,
    })
}

/// Whether we have ended every session of a role, as far as its inline policies tell: it was closed, or its time ran out
/// while nobody was there to close it.
pub(crate) fn looks_closed(observed: &ObservedRole, now: Timestamp) -> bool {
    inline(observed, CLOSED_POLICY).is_some() || found_end(observed).is_some_and(|end| end <= now)
}

/// When a role's time runs out by the policy of ours that it holds, whatever is declared.
pub fn found_end(observed: &ObservedRole) -> Option<Timestamp> {
    let found = inline(observed, VALIDITY_POLICY);
    found.and_then(ObservedDocument::document).and_then(ends)
}

/// Whether nobody can assume a role, and every session of it is denied everything.
pub(crate) fn is_closed_for_good(observed: &ObservedRole) -> bool {
    let denial = inline(observed, CLOSED_POLICY);
    observed.trust.means(&trust::closed()) && denial.is_some_and(|found| found.means(&closing()))
}

pub(crate) fn inline<'a>(observed: &'a ObservedRole, wanted: &str) -> Option<&'a ObservedDocument> {
    observed
        .inline
        .iter()
        .find(|(name, _)| name.as_str() == wanted)
        .map(|(_, document)| document)
}

/// The time before which sessions shall be revoked, beyond what the account holds.
fn revocation(
    lifecycle: &Lifecycle,
    shaped: &Desired,
    observed: Option<&ObservedRole>,
    now: Timestamp,
) -> Result<Option<Timestamp>, Refusal> {
    let declared = lifecycle.revoke_issued_before;
    let is_far_ahead = declared.is_some_and(|before| before.duration_since(now) > MOST_AHEAD);
    if lifecycle.is_closed(now) {
        // That ends every session. What is declared holds all the same, but nothing wrong with it stands in the way.
        return Ok(declared.filter(|_| !is_far_ahead));
    }
    if is_far_ahead {
        return Err(invalid(
            "sessions.revokeIssuedBefore",
            "lies more than five minutes ahead",
        ));
    }
    // A role that is made now has no sessions.
    let Some(observed) = observed else { return Ok(declared) };
    let reopens = looks_closed(observed, now);
    // Trust that was closed while a plan was carried out no longer says whom it let in before; that of a role which was
    // closed for good came with `crossrole-closed`. Nor does trust that changed before an older revocation which cannot
    // be read made way.
    let closed_meanwhile = inline(observed, CLOSED_POLICY).is_none() && observed.trust.means(&trust::closed());
    let forgotten = closed_meanwhile
        || inline(observed, REVOKE_OLDER_SESSIONS_POLICY).is_some_and(|found| found.document().is_none());
    let tightens = lifecycle.revoke_on_tighten && (forgotten || takes_somebody_out(observed, shaped, now));
    let spread = now.saturating_add(SPREAD).unwrap_or(now);
    // Whom somebody let in by hand while the role was closed can still get a session until IAM has spread its trust.
    let is_open = admission::may_admit(&observed.trust, now, spread);
    let reopened_from = if is_open || closed_meanwhile { spread } else { now };
    let wanted = [declared, reopens.then_some(reopened_from), tightens.then_some(spread)];
    Ok(wanted.into_iter().flatten().max())
}

fn takes_somebody_out(observed: &ObservedRole, shaped: &Desired, now: Timestamp) -> bool {
    admission::takes_somebody_out(&observed.trust, &shaped.trust, now) || tags::take_somebody_out(observed, shaped)
}

/// Puts the role's time into every Allow of its trust policy.
fn date_trust(desired: &mut Desired) -> Result<(), Refusal> {
    let dates = Window::new(desired.lifecycle.not_before, desired.lifecycle.not_after).conditions();
    for (index, statement) in desired.trust.statements.iter_mut().enumerate() {
        for date in dates.iter().filter(|_| statement.effect == Effect::Allow) {
            let taken = |other: &Condition| other.operator == date.operator && other.is_about(&date.key);
            if statement.conditions.iter().any(taken) {
                let field = desired.trust_fields.get(index).cloned().unwrap_or_default();
                return Err(Refusal::of_field(
                    Reason::InvalidSpec,
                    field,
                    format!(
                        "tests aws:CurrentTime with {} itself, and so does spec.validity: write it in one place",
                        date.operator
                    ),
                ));
            }
            statement.conditions.push(date.clone());
        }
    }
    Ok(())
}

/// A statement that denies everything, where its conditions hold.
pub(crate) fn deny_everything(conditions: Vec<Condition>) -> Statement {
    Statement {
        sid: None,
        effect: Effect::Deny,
        principal: None,
        action: ActionElement::Action(vec!["*".into()]),
        resource: Some(ResourceElement::Resource(vec!["*".into()])),
        conditions,
    }
}

/// Whether a statement denies everything, where its conditions hold.
pub(crate) fn denies_everything(statement: &Statement) -> bool {
    let has_star = |patterns: &[String]| patterns.iter().any(|pattern| pattern == "*");
    statement.effect == Effect::Deny
        && matches!(&statement.action, ActionElement::Action(patterns) if has_star(patterns))
        && matches!(&statement.resource, Some(ResourceElement::Resource(patterns)) if has_star(patterns))
}

fn put(desired: &mut Desired, name: &str, document: Document) -> Result<(), Refusal> {
    let name: PolicyName = name
        .parse()
        .map_err(|error| invalid("permissions.inline", &format!("{error}")))?;
    desired.inline.insert(name, document);
    Ok(())
}

fn time(field: &str, text: Option<&str>) -> Result<Option<Timestamp>, Refusal> {
    text.map(|text| {
        text.parse().map_err(|_| {
            invalid(
                field,
                &format!("{text} is not a time: write it as 2026-11-22T10:00:00Z"),
            )
        })
    })
    .transpose()
}

fn invalid(field: &str, problem: &str) -> Refusal {
    Refusal::of_field(Reason::InvalidSpec, format!("spec.{field}"), problem)
}

#[cfg(test)]
mod tests;
