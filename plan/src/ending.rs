//! What ends access to a role although its object is refused.
//!
//! Guardrails, quotas and validation judge what a plan adds. Closing and revoking take away, so they run even where the
//! object, as it is, can mean no role at all; and a class can want roles closed that it no longer allows.

use crossrole_api::names::REVOKE_OLDER_SESSIONS_POLICY;
use crossrole_iam::{Arn, Path, RoleName};

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
use crate::rules::protected_because;
use crate::trust;

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
    /// The roles that crossrole itself works with in the account: the bootstrap role, the grant role, and the one that the
    /// operator runs as. Of an object that cannot be read no guardrail has said yet that it names one of them.
    pub never_closed: Vec<RoleName>,
    /// Whether somebody refuses the object. Otherwise the role is closed only where the object says so: what else would
    /// close it meanwhile waits for the plan that makes it true.
    pub is_refused: bool,
    /// Who judges whether the class would still allow the role that is there; absent where it is to stay either way.
    pub judge: Option<Judge>,
}

impl Ending {
    /// The changes that end what is to be ended, and nothing else. A role that is not ours, or that crossrole itself
    /// works with, is left alone. `declared` is what
    /// the object means in this account, where it can be read.
    pub fn plan(&self, declared: Option<&Desired>, observed: &Observed, known: &Known<'_>) -> Plan {
        self.plan_of(observed, known, |role| self.changes(declared, role, known))
    }

    /// The changes that close the role, whether that is asked for or not. A role that is not ours is left alone.
    pub fn closing(&self, observed: &Observed, known: &Known<'_>) -> Plan {
        self.plan_of(observed, known, |role| self.close(role))
    }

    /// Only what the object itself asks for, where nobody refuses it.
    #[must_use]
    pub fn unrefused(&self) -> Self {
        Self {
            judge: None,
            is_refused: false,
            ..self.clone()
        }
    }

    /// Policies of the account that the class does not list and the object does not declare, on a role that is ours and
    /// stays: nobody here knows whether they give or take away, so a person must look.
    pub fn unlisted(&self, declared: Option<&Desired>, observed: &Observed, known: &Known<'_>) -> Vec<Arn> {
        let stays = |role: &&ObservedRole| {
            !self.spares(role) && !has_closed_trust(role) && !lifecycle::looks_closed(role, known.now)
        };
        let ours = self.owner.own(observed, known.seen_id).filter(stays);
        let judged = ours.zip(self.judge.as_ref());
        judged.map_or_else(Vec::new, |(role, judge)| {
            judge.unlisted(&self.role, &self.owner, role, declared)
        })
    }

    /// Whether a role of ours is closed once these changes of a plan are made.
    pub fn leaves_closed(&self, plan: &Plan, observed: &Observed, known: &Known<'_>) -> bool {
        let ours = self.owner.own(observed, known.seen_id);
        ours.is_some_and(|role| has_closed_trust(&self.after(&plan.changes, role)))
    }

    fn plan_of(
        &self,
        observed: &Observed,
        known: &Known<'_>,
        changes: impl FnOnce(&ObservedRole) -> Vec<Change>,
    ) -> Plan {
        let ours = self
            .owner
            .own(observed, known.seen_id)
            .filter(|role| !self.spares(role));
        Plan {
            role: self.role.clone(),
            changes: ours.map(changes).unwrap_or_default(),
        }
    }

    /// Whether it is a role that crossrole never touches, whatever else is said of it.
    fn spares(&self, role: &ObservedRole) -> bool {
        let never = |path: Path| protected_because(&path, &self.role).is_some();
        let works_with = |name: &RoleName| name.folded() == self.role.folded();
        self.never_closed.iter().any(works_with) || role.path.parse().is_ok_and(never)
    }

    fn close(&self, role: &ObservedRole) -> Vec<Change> {
        diff::close(role, &self.owner, self.boundary.as_ref())
    }

    fn changes(&self, declared: Option<&Desired>, role: &ObservedRole, known: &Known<'_>) -> Vec<Change> {
        let judgement = || match &self.judge {
            None => Judgement::Stays(Vec::new()),
            // One that was closed for what the class forbids stays closed; and where trust alone was, nothing is left of
            // what the class forbids there, but the sessions of before.
            Some(_) if lifecycle::looks_closed(role, known.now) || has_closed_trust(role) => Judgement::Forbidden,
            Some(judge) => judge.judge(&self.role, &self.owner, role, declared),
        };
        let (closes, mut changes) = match self.lifecycle.is_closed(known.now) {
            true => (true, self.close(role)),
            false => match judgement() {
                Judgement::Forbidden => (true, self.close(role)),
                Judgement::Stays(surplus) => (false, surplus),
            },
        };
        // A revocation comes first where it needs neither room nor a boundary: then nothing that can fail stands before it.
        let first = self.revoke(role, closes, known);
        let may_fail = |change: &Change| matches!(change, Change::DeleteInline(_) | Change::PutBoundary(_));
        if !closes && !first.iter().any(may_fail) && !self.needs_closing(&first, role) {
            return first.into_iter().chain(changes).collect();
        }
        let judged = self.after(&changes, role);
        let mut revocation = self.revoke(&judged, closes, known);
        if !closes && self.needs_closing(&revocation, &judged) {
            if !self.is_refused {
                return changes;
            }
            changes = self.close(role);
            revocation = self.revoke(&self.after(&changes, role), true, known);
        }
        changes.extend(revocation);
        changes
    }

    /// Whether a revocation cannot come while the role can be assumed. Under another boundary, or without what nobody can
    /// read, the policies that are there could do what neither declaration ever allowed; and where denials alone leave no
    /// room, one of them has to go. Trust that is closed already was closed for one of these, by a look that stopped.
    fn needs_closing(&self, revocation: &[Change], role: &ObservedRole) -> bool {
        let found = lifecycle::inline(role, REVOKE_OLDER_SESSIONS_POLICY);
        let swaps = || role.boundary.is_some() && revocation.iter().any(sets_boundary);
        let replaces_unknown = || found.is_some_and(|found| found.document().is_none());
        let has_no_room = || self.applied(revocation, role).is_none();
        !revocation.is_empty() && (swaps() || replaces_unknown() || has_no_room() || has_closed_trust(role))
    }

    fn after(&self, changes: &[Change], role: &ObservedRole) -> ObservedRole {
        self.applied(changes, role).unwrap_or_else(|| role.clone())
    }

    /// The role, once these changes are made; `None` where IAM would refuse one of them.
    fn applied(&self, changes: &[Change], role: &ObservedRole) -> Option<ObservedRole> {
        let before = Observed::Present(Box::new(role.clone()));
        match effect::apply_all(changes, &self.role, &before, &Quotas::raised()) {
            Ok(Observed::Present(after)) => Some(*after),
            _ => None,
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

fn has_closed_trust(role: &ObservedRole) -> bool {
    role.trust.means(&trust::closed())
}

fn sets_boundary(change: &Change) -> bool {
    matches!(change, Change::PutBoundary(_))
}

#[cfg(test)]
mod tests;
