//! One grant in its account: observe, decide, apply.

use std::collections::BTreeSet;
use std::time::Duration;

use crossrole_api::names::RECONCILE_AT_ANNOTATION;
use crossrole_api::{AssumeRoleGrant, AssumeRoleGrantStatus, EntryState, Reason};
use crossrole_plan::declaration::ObjectName;
use crossrole_plan::grant::{self, GrantChange, GrantPlan, ObservedGrant, Seen};
use crossrole_plan::outcome::Failure;
use crossrole_plan::owner::{Holder, Owner};
use crossrole_plan::refusal::Refusal;
use kube::runtime::reflector::ObjectRef;
use kube::{Api, Resource, ResourceExt};

use super::super::account;
use super::super::context::{Context, key};
use super::super::verdict::Outcome;
use super::super::write_back;
use super::known::Made;
use super::name_of;
use super::report;
use super::resolve::{Hold, Leave};
use crate::aws::{Action, AppliedGrant, CallError};

/// A look at one grant.
pub(super) struct Work<'a> {
    context: &'a Context,
    api: &'a Api<AssumeRoleGrant>,
    grant: &'a AssumeRoleGrant,
    pub(super) object: ObjectName,
    /// The status as it is now.
    pub(super) status: AssumeRoleGrantStatus,
    version: Option<String>,
}

impl<'a> Work<'a> {
    pub(super) fn new(context: &'a Context, api: &'a Api<AssumeRoleGrant>, grant: &'a AssumeRoleGrant) -> Self {
        Self {
            context,
            api,
            grant,
            object: name_of(grant),
            status: grant.status.clone().unwrap_or_default(),
            version: grant.resource_version(),
        }
    }

    /// Remembers what a patch of ours resulted in.
    pub(super) fn note(&mut self, version: Option<String>) {
        self.context.memory.wrote(&key(self.grant), version.as_deref());
        self.version = version;
    }

    /// The object with the version that our last patch gave it.
    pub(super) fn newest(&self) -> AssumeRoleGrant {
        let mut grant = self.grant.clone();
        grant.metadata.resource_version.clone_from(&self.version);
        grant
    }

    /// Writes a status.
    pub(super) async fn write(&mut self, status: &AssumeRoleGrantStatus) -> kube::Result<()> {
        let (name, version) = (self.grant.name_any(), self.version.as_deref());
        let version = write_back::set_status(self.api, &name, version, &self.status, status).await?;
        self.note(version);
        self.status = status.clone();
        Ok(())
    }

    /// Whether somebody asked for a look now: nothing that we remember counts.
    fn is_anew(&self) -> bool {
        let asked = self.grant.annotations().get(RECONCILE_AT_ANNOTATION);
        asked.is_some() && asked != self.status.last_handled_reconcile_at.as_ref()
    }

    /// Whether the object is still as it was read.
    fn is_wanted(&self) -> bool {
        let reference = ObjectRef::new(&self.object.name).within(&self.object.namespace);
        let cached = self.context.caches.grants.get(&reference);
        cached.is_some_and(|cached| {
            let (now, then) = (cached.meta(), &self.grant.metadata);
            now.uid == then.uid
                && now.generation == then.generation
                && now.deletion_timestamp.is_some() == then.deletion_timestamp.is_some()
        })
    }

    pub(super) async fn hold(&mut self, hold: &Hold) -> kube::Result<Outcome> {
        let (context, print) = (self.context, hold.print());
        let stands = || match &hold.refusal {
            Some(refusal) => Outcome::refused(refusal),
            None => Outcome::ready(),
        };
        // A look that comes a little early is the interval's all the same.
        let lately = context.settings.resync_interval.mul_f64(0.8);
        let is_known = context.grants.is_right_for(&self.object, print, lately).is_some();
        if is_known && !self.is_anew() {
            return Ok(stands());
        }
        context.grants.looks(&self.object, self.status.account_id.is_some());
        let handle = context.aws.account(&hold.entrance);
        let _turn = context.aws.turn(&handle).await;
        let written = context
            .grants
            .written_within(&self.object, context.settings.shown_after());
        let observed = match written.filter(|_| !self.is_anew()) {
            Some(written) => written,
            None => {
                let roles = hold.desired.role_paths.keys().cloned().collect();
                match handle.observe_grant(&hold.grant_role, &self.object, &roles).await {
                    Ok(observed) => observed,
                    Err(error) => return Ok(Outcome::failed(&error, Duration::ZERO)),
                }
            }
        };
        let seen = self.saw(&hold.desired.owner, &observed);
        let planned = match &hold.refusal {
            Some(refusal) => Err(refusal.clone()),
            None => grant::converge(&hold.desired, &observed, &seen),
        };
        let (plan, outcome) = match planned {
            Ok(plan) => (plan, Outcome::ready()),
            Err(refusal) => (
                grant::narrow(&hold.desired, &observed, &seen),
                Outcome::refused(&refusal),
            ),
        };
        if !plan.is_empty() {
            self.intend(hold).await?;
            let was_right = context.grants.was_right(&self.object, print);
            let applied = handle
                .apply_grant(&hold.grant_role, &plan, &observed, &|| self.is_wanted())
                .await;
            self.tell(&plan, &applied, was_right).await;
            self.remember(&plan, &applied);
            if let Some(error) = &applied.failure {
                return Ok(self.failed(error));
            }
            if applied.done < plan.changes.len() {
                let message = "the object has changed meanwhile";
                return Ok(Outcome::waits(EntryState::Pending, Reason::Waiting, message));
            }
        }
        if outcome == stands() {
            context.grants.is_right(&self.object, print);
        }
        Ok(outcome)
    }

    fn failed(&self, error: &CallError) -> Outcome {
        let delay = self.context.settings.propagation_delay;
        let exists = error.failure == Failure::AlreadyExists;
        // No two policies of an account have the same name, whatever their paths and their case.
        if exists && !self.context.grants.may_still_appear(&self.object, false, delay) {
            let message = "a policy of this name is in the account, at another path or written otherwise, and was not touched: choose another name for the AssumeRoleGrant, or remove that policy";
            let refusal = Refusal::new(Reason::ForeignPolicy, format!("{message}: {error}"));
            return Outcome::refused(&refusal);
        }
        Outcome::failed(error, Duration::ZERO)
    }

    pub(super) async fn leave(&mut self, leave: &Leave) -> kube::Result<Outcome> {
        let context = self.context;
        context.grants.looks(&self.object, self.status.account_id.is_some());
        let handle = context.aws.account(&leave.entrance);
        let _turn = context.aws.turn(&handle).await;
        let written = context
            .grants
            .written_within(&self.object, context.settings.shown_after());
        let observed = match written {
            Some(written) => written,
            None => {
                let no_roles = BTreeSet::new();
                match handle.observe_grant(&leave.grant_role, &self.object, &no_roles).await {
                    Ok(observed) => observed,
                    Err(error) => return Ok(cannot_leave(&error)),
                }
            }
        };
        let seen = self.saw(&leave.owner, &observed);
        let plan = grant::leave(&leave.owner, &observed, &seen);
        if plan.is_empty() {
            return Ok(self.gone(false));
        }
        let applied = handle
            .apply_grant(&leave.grant_role, &plan, &observed, &|| self.is_wanted())
            .await;
        self.tell(&plan, &applied, false).await;
        self.remember(&plan, &applied);
        Ok(match &applied.failure {
            Some(error) => cannot_leave(error),
            None if applied.done < plan.changes.len() => {
                Outcome::waits(EntryState::Removing, Reason::Deleting, "being removed")
            }
            None => self.gone(true),
        })
    }

    /// Nothing is there any more, unless IAM does not show it yet.
    fn gone(&self, removed: bool) -> Outcome {
        let delay = self.context.settings.propagation_delay;
        if self.context.grants.may_still_appear(&self.object, removed, delay) {
            let message = "no policy is seen, but one may have been made a moment ago: it is looked for again";
            return Outcome::waits(EntryState::Removing, Reason::Deleting, message);
        }
        Outcome::Gone
    }

    fn remember(&self, plan: &GrantPlan, applied: &AppliedGrant) {
        let mut done = plan.changes.iter().take(applied.done);
        let lost = applied.failure.as_ref();
        let lost = lost.filter(|error| error.action == Action::CreatePolicy && error.unclear);
        let made = match lost {
            Some(error) if error.failure == Failure::AlreadyExists => Made::WasThere,
            Some(_) => Made::Unknown,
            None if done.any(|change| matches!(change, GrantChange::CreatePolicy { .. })) => Made::Policy,
            None => Made::Nothing,
        };
        self.context.grants.wrote(&self.object, applied.holds.clone(), made);
    }

    /// The unique ids of policies that are known to be ours.
    fn saw(&self, owner: &Owner, observed: &ObservedGrant) -> Seen {
        let policies = observed.policies.values();
        let ours = policies.filter(|policy| owner.holder(&policy.tags, &policy.id, None) == Holder::Us);
        let ids = ours.map(|policy| policy.id.clone()).filter(|id| !id.is_empty());
        self.context.grants.saw(&self.object, ids)
    }

    /// Says where something will be, before anything is: whoever comes after us knows where to look.
    async fn intend(&mut self, hold: &Hold) -> kube::Result<()> {
        let id = hold.entrance.account.to_string();
        if self.status.account_id.as_ref() == Some(&id) {
            return Ok(());
        }
        account::mark_in_use(self.context, &[hold.account.as_str()]).await?;
        let intent = report::intent(&self.status, self.grant.metadata.generation, id, self.context.now());
        self.write(&intent).await
    }

    async fn tell(&self, plan: &GrantPlan, applied: &AppliedGrant, was_right: bool) {
        let done: Vec<String> = plan
            .changes
            .iter()
            .take(applied.done)
            .map(GrantChange::summary)
            .collect();
        if done.is_empty() {
            return;
        }
        let (reason, prefix) = if was_right {
            ("Repaired", "the policies were not as declared; ")
        } else {
            ("Granted", "")
        };
        let reason = if self.grant.metadata.deletion_timestamp.is_some() {
            "Removed"
        } else {
            reason
        };
        let note = format!("account {}: {prefix}{}", self.grant.spec.account, done.join(", "));
        let reference = self.grant.object_ref(&());
        self.context.events.done(&reference, reason, &note).await;
    }
}

fn cannot_leave(error: &CallError) -> Outcome {
    let meaning = error.failure.meaning(Duration::ZERO);
    Outcome::Stands {
        state: EntryState::Removing,
        reason: meaning.reason,
        message: format!("cannot remove the policies (AWSAccount spec.state: Abandoned lets go of them): {error}"),
        next: meaning.next,
    }
}
