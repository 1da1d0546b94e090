//! One grant in its account: observe, decide, apply.

use std::time::Duration;

use crossrole_api::names::RECONCILE_AT_ANNOTATION;
use crossrole_api::{AssumeRoleGrant, AssumeRoleGrantStatus, EntryState, Reason};
use crossrole_iam::Arn;
use crossrole_plan::declaration::ObjectName;
use crossrole_plan::grant::{self, GrantChange, GrantPlan, HolderKind, ObservedGrant, Seen};
use crossrole_plan::outcome::Failure;
use crossrole_plan::owner::{Holder, Owner};
use crossrole_plan::refusal::Refusal;
use kube::runtime::reflector::ObjectRef;
use kube::{Api, Resource, ResourceExt};

use super::super::account;
use super::super::context::{Context, key, object_name};
use super::super::looks::print_of;
use super::super::telling::{self, Note};
use super::super::verdict::{Outcome, Verdict};
use super::super::work::Finished;
use super::super::write_back;
use super::known::{Due, Written};
use super::report;
use super::resolve::{Hold, Leave};
use crate::aws::{AccountHandle, Action, AppliedGrant, CallError, Entrance, Urgency};

/// Where a plan is carried out, and whose policies it is about.
struct InAccount<'a> {
    handle: &'a AccountHandle,
    grant_role: &'a Arn,
    owner: &'a Owner,
    seen: &'a Seen,
}

/// A look at one grant.
pub(super) struct Work<'a> {
    context: &'a Context,
    api: &'a Api<AssumeRoleGrant>,
    grant: &'a AssumeRoleGrant,
    pub(super) object: ObjectName,
    /// The status as it is now.
    pub(super) status: AssumeRoleGrantStatus,
    version: Option<String>,
    /// What is to be told when the turn is given back.
    notes: Vec<Note>,
}

impl<'a> Work<'a> {
    pub(super) fn new(context: &'a Context, api: &'a Api<AssumeRoleGrant>, grant: &'a AssumeRoleGrant) -> Self {
        Self {
            context,
            api,
            grant,
            object: object_name(grant),
            status: grant.status.clone().unwrap_or_default(),
            version: grant.resource_version(),
            notes: Vec::new(),
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

    /// Whether the object is still as it was read, and the operator goes on.
    fn is_wanted(&self) -> bool {
        let reference = ObjectRef::new(&self.object.name).within(&self.object.namespace);
        let cached = self.context.caches.grants.get(&reference);
        let looks = &self.context.looks;
        !looks.are_given_up()
            && cached.is_some_and(|cached| {
                let (now, then) = (cached.meta(), &self.grant.metadata);
                now.uid == then.uid
                    && now.generation == then.generation
                    && now.deletion_timestamp.is_some() == then.deletion_timestamp.is_some()
            })
    }

    /// `None`: it was given up on the way, for another look is asked for, or the operator stops.
    pub(super) async fn hold(&mut self, hold: &Hold) -> kube::Result<Option<Outcome>> {
        let print = hold.print();
        match self.begin(&hold.entrance, print) {
            Due::Later(outcome) => Ok(Some(outcome)),
            Due::Now { anew } => {
                let finished = self.make_true(hold, print, anew).await;
                self.tell().await;
                Ok(finished?.map(|finished| self.settle(print, self.until_it_changes(hold, finished))))
            }
        }
    }

    async fn make_true(&mut self, hold: &Hold, print: u64, anew: bool) -> kube::Result<Option<Finished>> {
        let context = self.context;
        let entrance = &hold.entrance;
        if let Some(refusal) = hold.refusal.as_ref().filter(|_| !anew && self.has_nothing()) {
            return Ok(Some(self.finished(entrance, Outcome::refused(refusal))));
        }
        let handle = context.aws.account(&hold.entrance);
        let _turn = context.aws.turn_to_grant(&handle, &hold.grant_role, Urgency::Few).await;
        if !self.is_wanted() {
            return Ok(None);
        }
        let observed = match self.observe(&handle, hold, anew).await {
            Ok(observed) => observed,
            Err(error) => {
                let failed = self.failed(entrance, &error);
                return Ok(Some(Finished { unread: true, ..failed }));
            }
        };
        let seen = self.saw(&hold.desired.owner, &observed);
        let planned = match &hold.refusal {
            Some(refusal) => Err(refusal.clone()),
            None => grant::converge(&hold.desired, &observed, &seen),
        };
        let there = grant::gives(&hold.desired.owner, &observed, &seen);
        let is_there = there.is_there;
        context.grants.found(&self.object, Some(there));
        let (plan, refusal) = match planned {
            Ok(plan) => (plan, grant::lacking(&hold.desired, &observed)),
            Err(refusal) => (grant::narrow(&hold.desired, &observed, &seen), Some(refusal)),
        };
        // Also of what others made, or what was made before the status was lost: whoever removes it must know where it is.
        if is_there || !plan.is_empty() {
            self.intend(hold).await?;
        }
        let outcome = refusal.as_ref().map_or_else(Outcome::ready, Outcome::refused);
        if plan.is_empty() {
            return Ok(Some(self.finished(entrance, outcome)));
        }
        let was_right = context.grants.was_right(&self.object, print);
        let account = InAccount {
            handle: &handle,
            grant_role: &hold.grant_role,
            owner: &hold.desired.owner,
            seen: &seen,
        };
        let applied = self.apply(&account, &plan, &observed, was_right).await;
        let is_clear = applied.holds.is_some();
        let shown_after = context.settings.shown_after();
        let mut doubtful_for = None;
        let finished = if let Some(error) = applied.failure {
            let mut stopped_by = error;
            // What failed in passing is looked at again soon enough, and ever more rarely.
            doubtful_for = applied.reached.is_none().then_some(shown_after);
            // What must go does not wait for what cannot come.
            if let Some(reached) = applied.reached.filter(|_| stopped_by.action.gives()) {
                let rest = grant::narrow(&hold.desired, &reached, &seen);
                let rest = self.apply(&account, &rest, &reached, was_right).await;
                if !is_clear {
                    context.grants.wrote(&self.object, Written::default());
                    context.grants.found(&self.object, None);
                }
                doubtful_for = rest.holds.is_none().then_some(shown_after);
                match rest.failure {
                    Some(error) => stopped_by = error,
                    None if !rest.is_whole => return Ok(None),
                    None => {}
                }
            }
            let foreign = self
                .foreign(&stopped_by)
                .map(|outcome| self.finished(entrance, outcome));
            foreign.unwrap_or_else(|| self.failed(entrance, &stopped_by))
        } else if !applied.is_whole {
            return Ok(None);
        } else if let Some(error) = &applied.lacking {
            self.failed(entrance, error)
        } else {
            doubtful_for = (!is_clear).then_some(shown_after);
            self.finished(entrance, outcome)
        };
        let at_latest = doubtful_for.filter(|_| !finished.verdict.outcome.is_tried_again());
        Ok(Some(Finished { at_latest, ..finished }))
    }

    /// What stands is over when the time of one of the roles begins or ends.
    fn until_it_changes(&self, hold: &Hold, finished: Finished) -> Finished {
        let changes_in = hold.changes_at.map(|at| self.context.until(at));
        Finished {
            at_latest: finished.at_latest.into_iter().chain(changes_in).min(),
            ..finished
        }
    }

    /// What the account holds: of what we wrote a moment ago IAM may still show what was before. Where roles are is read each
    /// time.
    async fn observe(&self, handle: &AccountHandle, hold: &Hold, anew: bool) -> Result<ObservedGrant, CallError> {
        let mut observed = self.policies(handle, &hold.grant_role, anew).await?;
        let roles = hold.desired.holders.iter();
        let roles = roles.filter(|holder| holder.kind == HolderKind::Role);
        let roles: Vec<&str> = roles.map(|holder| holder.name.as_str()).collect();
        observed.role_paths = handle.grantee_paths(&hold.grant_role, &roles).await?;
        Ok(observed)
    }

    async fn policies(&self, handle: &AccountHandle, grant_role: &Arn, anew: bool) -> Result<ObservedGrant, CallError> {
        let shown_after = self.context.settings.shown_after();
        let written = self.context.grants.written_within(&self.object, shown_after);
        match written.filter(|_| !anew) {
            Some(written) => Ok(written),
            None => handle.observe_grant(grant_role, &self.object).await,
        }
    }

    /// Carries out a plan, tells of it, and remembers what the account holds since.
    async fn apply(
        &mut self,
        account: &InAccount<'_>,
        plan: &GrantPlan,
        observed: &ObservedGrant,
        was_right: bool,
    ) -> AppliedGrant {
        if plan.is_empty() {
            return AppliedGrant::nothing(observed);
        }
        let applied = account
            .handle
            .apply_grant(account.grant_role, plan, observed, &|| self.is_wanted())
            .await;
        self.note_done(&applied, was_right);
        self.remember(&applied);
        let holds = applied.holds.as_ref();
        let gives = holds.map(|holds| grant::gives(account.owner, holds, account.seen));
        self.context.grants.found(&self.object, gives);
        applied
    }

    /// No two policies of an account have the same name, whatever their paths and their case. One that stands in the way for
    /// longer than IAM takes to show what we made is not ours.
    fn foreign(&self, error: &CallError) -> Option<Outcome> {
        let delay = self.context.settings.propagation_delay;
        let exists = error.failure == Failure::AlreadyExists;
        if !exists || self.context.grants.may_still_appear(&self.object, delay) {
            return None;
        }
        let message = "a policy of this name is in the account, at another path or written otherwise, and was not touched: choose another name for the AssumeRoleGrant, or remove that policy";
        let refusal = Refusal::new(Reason::ForeignPolicy, format!("{message}: {error}"));
        Some(Outcome::refused(&refusal))
    }

    /// `None`: as in [`Work::hold`].
    pub(super) async fn leave(&mut self, leave: &Leave) -> Option<Outcome> {
        let print = leave.print();
        match self.begin(&leave.entrance, print) {
            Due::Later(outcome) => Some(outcome),
            Due::Now { anew } => {
                let entrance = &leave.entrance;
                let removed = self.remove(leave, anew).await;
                self.tell().await;
                let finished = match removed {
                    Ok(outcome) => self.finished(entrance, outcome?),
                    Err(error) => Finished {
                        may_pass: error.failure.may_pass(),
                        ..self.finished(entrance, Outcome::failed_to_leave(&error, "the policies"))
                    },
                };
                Some(self.settle(print, finished))
            }
        }
    }

    async fn remove(&mut self, leave: &Leave, anew: bool) -> Result<Option<Outcome>, CallError> {
        let context = self.context;
        let handle = context.aws.account(&leave.entrance);
        let _turn = context
            .aws
            .turn_to_grant(&handle, &leave.grant_role, Urgency::Ending)
            .await;
        if !self.is_wanted() {
            return Ok(None);
        }
        let observed = self.policies(&handle, &leave.grant_role, anew).await?;
        let seen = self.saw(&leave.owner, &observed);
        let plan = grant::leave(&leave.owner, &observed, &seen);
        let account = InAccount {
            handle: &handle,
            grant_role: &leave.grant_role,
            owner: &leave.owner,
            seen: &seen,
        };
        let applied = self.apply(&account, &plan, &observed, false).await;
        if let Some(error) = applied.failure {
            return Err(error);
        }
        if !applied.is_whole {
            return Ok(None);
        }
        let delay = context.settings.propagation_delay;
        if context.grants.may_still_appear(&self.object, delay) {
            let message = "no policy is seen, but one may have been made a moment ago: it is looked for again";
            return Ok(Some(Outcome::waits(EntryState::Removing, Reason::Deleting, message)));
        }
        Ok(Some(Outcome::Gone))
    }

    /// Whether this process found no policy of the grant: a refusal needs no further call then.
    fn has_nothing(&self) -> bool {
        let known = &self.context.grants;
        let delay = self.context.settings.propagation_delay;
        self.status.account_id.is_none()
            && known.gives(&self.object).is_some_and(|gives| !gives.is_there)
            && !known.may_still_appear(&self.object, delay)
    }

    fn begin(&self, entrance: &Entrance, print: u64) -> Due {
        let asked = self.grant.annotations().get(RECONCILE_AT_ANNOTATION);
        let asked = print_of(asked.map(String::as_str));
        let may_be_there = self.status.account_id.is_some();
        let known = &self.context.grants;
        // The status was lost, and with it where the policies are.
        if !may_be_there && known.gives(&self.object).is_none_or(|gives| gives.is_there) {
            known.look_again(&self.object);
        }
        known.begin(&self.object, &entrance.account, (print, asked), may_be_there)
    }

    /// Remembers what a look came to.
    fn settle(&self, print: u64, finished: Finished) -> Outcome {
        let outcome = finished.verdict.outcome.clone();
        let interval = self.context.settings.resync_interval;
        self.context.grants.settle(&self.object, print, finished, interval);
        outcome
    }

    fn failed(&self, entrance: &Entrance, error: &CallError) -> Finished {
        Finished {
            may_pass: error.failure.may_pass(),
            ..self.finished(entrance, Outcome::failed(error, Duration::ZERO))
        }
    }

    fn finished(&self, entrance: &Entrance, outcome: Outcome) -> Finished {
        Finished::of(Verdict {
            account: self.grant.spec.account.clone(),
            account_id: Some(entrance.account.to_string()),
            named: true,
            role: None,
            outcome,
        })
    }

    fn remember(&self, applied: &AppliedGrant) {
        let made = applied.done.iter().filter_map(|change| match change {
            GrantChange::CreatePolicy { number, .. } => Some(*number),
            _ => None,
        });
        let lost = applied.failure.as_ref();
        let lost = lost.filter(|error| error.action == Action::CreatePolicy && error.unclear);
        let is_taken = lost.is_some_and(|error| error.failure == Failure::AlreadyExists);
        let written = Written {
            holds: applied.holds.clone(),
            made: made.collect(),
            unclear: lost.is_some() && !is_taken,
            is_taken,
        };
        self.context.grants.wrote(&self.object, written);
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

    /// Writes the Events of this look.
    async fn tell(&mut self) {
        let notes = std::mem::take(&mut self.notes);
        let account = &self.grant.spec.account;
        telling::tell(&self.context.events, &self.grant.object_ref(&()), account, notes).await;
    }

    fn note_done(&mut self, applied: &AppliedGrant, was_right: bool) {
        let done: Vec<String> = applied.done.iter().map(GrantChange::summary).collect();
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
        self.notes
            .push(Note::done(reason, format!("{prefix}{}", done.join(", "))));
    }
}
