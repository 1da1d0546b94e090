//! When a role can be used, and by which sessions: validity, closing, revocation.
//!
//! All of it is written into AWS itself, so that it holds even while the operator is down.

use crossrole_api::names::REVOKE_OLDER_SESSIONS_POLICY;
use crossrole_api::role::{Access, OnTighten};
use crossrole_api::{CrossAccountRoleSpec, Reason};
use crossrole_iam::PolicyName;
use crossrole_iam::document::{
    ActionElement, Condition, Document, Effect, Operator, OperatorName, ResourceElement, Statement,
};
use jiff::{SignedDuration, Timestamp};

use crate::desired::Desired;
use crate::diff;
use crate::observed::{ObservedDocument, ObservedRole};
use crate::refusal::Refusal;
use crate::trust;

/// The inline policy that ends every session while the role is closed.
pub const CLOSED_POLICY: &str = "crossrole-closed";

/// The inline policy that ends every session when the role's time is over.
pub const VALIDITY_POLICY: &str = "crossrole-validity";

/// A revocation may lie at most so far ahead.
const MOST_AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// IAM needs so long to spread a change of trust: sessions that slip in meanwhile are revoked too.
const SPREAD: SignedDuration = SignedDuration::from_mins(1);

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
        let validity = spec.validity.clone().unwrap_or_default();
        let sessions = spec.sessions.clone().unwrap_or_default();
        let lifecycle = Self {
            not_before: time("validity.notBefore", validity.not_before.as_deref())?,
            not_after: time("validity.notAfter", validity.not_after.as_deref())?,
            revoke_issued_before: time("sessions.revokeIssuedBefore", sessions.revoke_issued_before.as_deref())?,
            revoke_on_tighten: sessions.on_tighten == Some(OnTighten::Revoke),
            closed: spec.access == Access::Closed,
        };
        if let (Some(start), Some(end)) = (lifecycle.not_before, lifecycle.not_after)
            && start >= end
        {
            return Err(invalid("validity", "notBefore must be earlier than notAfter"));
        }
        Ok(lifecycle)
    }

    /// Whether nobody may use the role at this time.
    pub fn is_closed(&self, now: Timestamp) -> bool {
        self.closed || self.not_after.is_some_and(|end| end <= now)
    }

    /// When something has to be done although nothing else changes: the end of the role's time.
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        self.not_after.filter(|end| !self.closed && *end > now)
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
        put(&mut shaped, CLOSED_POLICY, deny_everything(Vec::new()))?;
    } else {
        date_trust(&mut shaped)?;
        if let Some(end) = lifecycle.not_after {
            put(
                &mut shaped,
                VALIDITY_POLICY,
                deny_everything(vec![current_time(OperatorName::DateGreaterThanEquals, end)]),
            )?;
        }
    }
    if let Some(before) = revocation(lifecycle, &shaped, observed, now)? {
        let issued = Condition {
            operator: Operator::new(OperatorName::DateLessThan),
            key: "aws:TokenIssueTime".into(),
            values: vec![written(before)],
        };
        put(&mut shaped, REVOKE_OLDER_SESSIONS_POLICY, deny_everything(vec![issued]))?;
    }
    Ok(shaped)
}

/// Whether a role is closed by us, as far as its inline policies tell.
pub fn looks_closed(observed: &ObservedRole) -> bool {
    observed.inline.keys().any(|name| name.as_str() == CLOSED_POLICY)
}

/// What closes a role and leaves everything else as it is, but for the boundary: without the declared one the bootstrap
/// role may not write the policy that denies everything.
pub fn closing(desired: &Desired, observed: &ObservedRole) -> Desired {
    let mut closed = desired.clone();
    closed.trust = trust::closed();
    closed.trust_fields = vec!["spec.access".into()];
    closed.description.clone_from(&observed.description);
    closed.max_session = observed.max_session;
    closed.boundary = desired.boundary.clone().or_else(|| observed.boundary.clone());
    closed.attached.clone_from(&observed.attached);
    let foreign = |key: &&String| !key.to_lowercase().starts_with(crossrole_api::names::PREFIX);
    closed.tags = observed
        .tags
        .iter()
        .filter(|(key, _)| foreign(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    closed.inline = observed
        .inline
        .iter()
        .filter_map(|(name, document)| Some((name.clone(), document.document()?.clone())))
        .collect();
    if let Ok(name) = CLOSED_POLICY.parse() {
        closed.inline.insert(name, deny_everything(Vec::new()));
    }
    closed
}

/// The time before which sessions shall be revoked, where what the account holds does not do so already. It only ever
/// moves forward, whoever moved it.
fn revocation(
    lifecycle: &Lifecycle,
    shaped: &Desired,
    observed: Option<&ObservedRole>,
    now: Timestamp,
) -> Result<Option<Timestamp>, Refusal> {
    if lifecycle
        .revoke_issued_before
        .is_some_and(|before| before.duration_since(now) > MOST_AHEAD)
    {
        return Err(invalid(
            "sessions.revokeIssuedBefore",
            "lies more than five minutes ahead",
        ));
    }
    let Some(observed) = observed else {
        // A role that is made now has no sessions; what is declared holds all the same.
        return Ok(lifecycle.revoke_issued_before);
    };
    let reopens = looks_closed(observed) && !lifecycle.is_closed(now);
    let tightens = lifecycle.revoke_on_tighten && diff::takes_somebody_out(&observed.trust, &shaped.trust);
    let wanted = [
        lifecycle.revoke_issued_before,
        reopens.then_some(now),
        tightens.then(|| now.saturating_add(SPREAD).unwrap_or(now)),
    ];
    let found = observed
        .inline
        .iter()
        .find(|(name, _)| name.as_str() == REVOKE_OLDER_SESSIONS_POLICY)
        .and_then(|(_, document)| revoked_before(document));
    let wanted = wanted.into_iter().flatten().max();
    Ok(wanted.filter(|wanted| found.is_none_or(|found| found < *wanted)))
}

/// The time before which a policy in the manner of the console revokes sessions.
fn revoked_before(document: &ObservedDocument) -> Option<Timestamp> {
    let statements = &document.document()?.statements;
    let times = statements
        .iter()
        .filter(|statement| statement.effect == Effect::Deny)
        .flat_map(|statement| &statement.conditions);
    times
        .filter(|condition| {
            condition.is_about("aws:TokenIssueTime") && condition.operator.base == OperatorName::DateLessThan
        })
        .flat_map(|condition| &condition.values)
        .filter_map(|value| value.parse().ok())
        .max()
}

/// Puts the role's time into every Allow of its trust policy.
fn date_trust(desired: &mut Desired) -> Result<(), Refusal> {
    let lifecycle = desired.lifecycle.clone();
    let dates = [
        (lifecycle.not_before, OperatorName::DateGreaterThanEquals),
        (lifecycle.not_after, OperatorName::DateLessThan),
    ];
    for (index, statement) in desired.trust.statements.iter_mut().enumerate() {
        for (date, operator) in dates.iter().filter(|_| statement.effect == Effect::Allow) {
            let Some(date) = date else { continue };
            let condition = current_time(*operator, *date);
            let taken = |other: &Condition| other.operator == condition.operator && other.is_about("aws:CurrentTime");
            if statement.conditions.iter().any(taken) {
                let field = desired.trust_fields.get(index).cloned().unwrap_or_default();
                return Err(Refusal::of_field(
                    Reason::InvalidSpec,
                    field,
                    format!(
                        "tests aws:CurrentTime with {} itself, and so does spec.validity: write it in one place",
                        operator.as_str()
                    ),
                ));
            }
            statement.conditions.push(condition);
        }
    }
    Ok(())
}

fn current_time(operator: OperatorName, time: Timestamp) -> Condition {
    Condition {
        operator: Operator::new(operator),
        key: "aws:CurrentTime".into(),
        values: vec![written(time)],
    }
}

fn deny_everything(conditions: Vec<Condition>) -> Document {
    Document {
        id: None,
        statements: vec![Statement {
            sid: None,
            effect: Effect::Deny,
            principal: None,
            action: ActionElement::Action(vec!["*".into()]),
            resource: Some(ResourceElement::Resource(vec!["*".into()])),
            conditions,
        }],
    }
}

fn put(desired: &mut Desired, name: &str, document: Document) -> Result<(), Refusal> {
    let name: PolicyName = name
        .parse()
        .map_err(|error| invalid("permissions.inline", &format!("{error}")))?;
    desired.inline.insert(name, document);
    Ok(())
}

/// IAM's dates have whole seconds: IAM User Guide, "Condition operators: Date".
fn written(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
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
