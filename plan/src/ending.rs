//! What ends access to a role although its object is refused.
//!
//! Guardrails, quotas and validation judge what a plan adds. Closing and revoking take away, so they run even where the
//! object, as it is, can mean no role at all; and a class can want roles closed that it no longer allows.

use crossrole_api::names::REVOKE_OLDER_SESSIONS_POLICY;
use crossrole_iam::{Arn, RoleName};

use crate::change::{Change, Plan};
use crate::decide::Known;
use crate::desired::Desired;
use crate::diff;
use crate::effect;
use crate::guard::{Judge, Judgement};
use crate::lifecycle::{self, Lifecycle};
use crate::observed::{Observed, ObservedRole};
use crate::owner::Owner;
use crate::quota::Quotas;
use crate::revocation;

/// What may have to be ended of one role.
#[derive(Clone, Debug)]
pub struct Ending {
    /// The role.
    pub role: RoleName,
    /// Whose it must be.
    pub owner: Owner,
    /// The boundary that the class forces: without it the bootstrap role may write no denial.
    pub boundary: Option<Arn>,
    /// What the object says of closing and revoking, as far as it can be read.
    pub lifecycle: Lifecycle,
    /// Who judges whether the class would still allow the role that is there; absent where it is to stay either way.
    pub judge: Option<Judge>,
}

impl Ending {
    /// The changes that end what is to be ended, and nothing else. A role that is not ours is left alone. `declared` is what
    /// the object means in this account, where it can be read.
    pub fn plan(&self, declared: Option<&Desired>, observed: &Observed, known: &Known<'_>) -> Plan {
        self.plan_of(observed, known, |role| self.changes(declared, role, known))
    }

    /// The changes that close the role, whether that is asked for or not. A role that is not ours is left alone.
    pub fn closing(&self, observed: &Observed, known: &Known<'_>) -> Plan {
        self.plan_of(observed, known, |role| self.close(role))
    }

    /// Only what the object itself asks for.
    #[must_use]
    pub fn without_judge(&self) -> Self {
        Self {
            judge: None,
            ..self.clone()
        }
    }

    fn plan_of(
        &self,
        observed: &Observed,
        known: &Known<'_>,
        changes: impl FnOnce(&ObservedRole) -> Vec<Change>,
    ) -> Plan {
        let ours = self.owner.own(observed, known.seen_id);
        Plan {
            role: self.role.clone(),
            changes: ours.map(changes).unwrap_or_default(),
        }
    }

    fn close(&self, role: &ObservedRole) -> Vec<Change> {
        diff::close(role, &self.owner, self.boundary.as_ref())
    }

    fn changes(&self, declared: Option<&Desired>, role: &ObservedRole, known: &Known<'_>) -> Vec<Change> {
        let judgement = || match &self.judge {
            None => Judgement::Stays(Vec::new()),
            // One that was closed for what the class forbids stays closed.
            Some(_) if lifecycle::looks_closed(role, known.now) => Judgement::Forbidden,
            Some(judge) => judge.judge(&self.role, &self.owner, role, declared),
        };
        let (closes, mut changes) = match self.lifecycle.is_closed(known.now) {
            true => (true, self.close(role)),
            false => match judgement() {
                Judgement::Forbidden => (true, self.close(role)),
                Judgement::Stays(surplus) => (false, surplus),
            },
        };
        let mut revocation = self.revoke(&self.after(&changes, role), closes, known);
        let found = lifecycle::inline(role, REVOKE_OLDER_SESSIONS_POLICY);
        let swaps = role.boundary.is_some() && revocation.iter().any(sets_boundary);
        let replaces_unknown = !revocation.is_empty() && found.is_some_and(|found| found.document().is_none());
        if !closes && (swaps || replaces_unknown) {
            // Under another boundary, or without what nobody can read, the policies that are there could do what neither
            // declaration ever allowed.
            changes = self.close(role);
            revocation = self.revoke(&self.after(&changes, role), true, known);
        }
        changes.extend(revocation);
        changes
    }

    /// The role, once these changes are made.
    fn after(&self, changes: &[Change], role: &ObservedRole) -> ObservedRole {
        let before = Observed::Present(Box::new(role.clone()));
        match effect::apply_all(changes, &self.role, &before, &Quotas::raised()) {
            Ok(Observed::Present(after)) => *after,
            _ => role.clone(),
        }
    }

    fn revoke(&self, role: &ObservedRole, closes: bool, known: &Known<'_>) -> Vec<Change> {
        let wanted = self.lifecycle.revocation_due(known.now);
        let found = lifecycle::inline(role, REVOKE_OLDER_SESSIONS_POLICY);
        let document = wanted.and_then(|wanted| revocation::policy(found, Some(wanted), known.now));
        match (document, REVOKE_OLDER_SESSIONS_POLICY.parse()) {
            (Some(document), Ok(name)) => diff::deny(role, name, document, self.boundary.as_ref(), closes),
            _ => Vec::new(),
        }
    }
}

fn sets_boundary(change: &Change) -> bool {
    matches!(change, Change::PutBoundary(_))
}

#[cfg(test)]
mod tests;
