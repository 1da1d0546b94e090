//! Leaving an account: a role of ours is removed there, or let go.

use crossrole_api::EntryState;
use crossrole_api::role::DeletionPolicy;
use crossrole_plan::change::Plan;
use crossrole_plan::decide;
use crossrole_plan::observed::Observed;

use super::task::Leave;
use super::verdict::{Outcome, role_of};
use super::work::{Finished, Visit};
use crate::aws::{Age, CallError, Depth};

/// What is left of a role in an account that is left.
enum Left {
    /// No role of ours was there.
    NothingFound,
    /// It was removed, or let go, and the account shows it.
    Done,
    /// It was removed, and the account still shows it.
    StillSeen,
    /// It is no longer to be removed.
    GivenUp,
}

impl Visit<'_> {
    /// Leaves an account.
    pub(super) async fn leave(&self, leave: &Leave) -> Option<Finished> {
        let before = role_of(self.task.entry.as_ref());
        let waits = |message| Outcome::waits(EntryState::Removing, leave.reason, message);
        match self.teardown(leave).await {
            Ok(Left::NothingFound) if self.may_still_appear(leave) => {
                let message = "no role is seen, but one may have been made a moment ago: it is looked for again";
                self.ended(before, waits(message))
            }
            Ok(left @ (Left::NothingFound | Left::Done)) => {
                if leave.derived {
                    self.job
                        .context
                        .memory
                        .removed(&self.job.claim.object, &self.task.account);
                }
                match left {
                    Left::Done if leave.policy == DeletionPolicy::Delete => self.bury(leave),
                    _ => self.forget_id(leave),
                }
                self.ended(None, Outcome::Gone)
            }
            Ok(Left::StillSeen) => self.ended(before, waits("the role is still seen although it was removed")),
            Ok(Left::GivenUp) => None,
            Err(error) => Some(Finished {
                may_pass: error.failure.may_pass(),
                ..Finished::of(self.verdict(before, Outcome::failed_to_leave(&error, "the role")))
            }),
        }
    }

    /// Takes a role of ours away, and says what the account itself shows afterwards.
    async fn teardown(&self, leave: &Leave) -> Result<Left, CallError> {
        let (plan, observed) = self.plan_to_leave(leave, Depth::Removal).await?;
        if plan.is_empty() {
            return Ok(Left::NothingFound);
        }
        let applied = self.apply(&plan, &observed).await;
        let retained = leave.policy == DeletionPolicy::Retain;
        let reason = if retained { "Released" } else { "Removed" };
        self.tell(&plan, &applied, reason);
        if let Some(error) = applied.failure {
            return Err(error);
        }
        if applied.done < plan.changes.len() {
            return Ok(Left::GivenUp);
        }
        if retained {
            // From here on it is somebody else's, whatever this process remembers.
            self.forget_id(leave);
        }
        let (left, _) = self.plan_to_leave(leave, Depth::Declared).await?;
        Ok(if left.is_empty() { Left::Done } else { Left::StillSeen })
    }

    async fn plan_to_leave(&self, leave: &Leave, depth: Depth) -> Result<(Plan, Observed), CallError> {
        let observed = self.handle.observe(&leave.role, depth, Age::Usual).await?.observed;
        let seen_id = self.seen_id(&leave.owner, &leave.role, &observed);
        let known = self.known(seen_id.as_deref());
        let plan = decide::leave(&leave.role, &leave.owner, &observed, &known, leave.policy);
        Ok((plan, observed))
    }

    fn forget_id(&self, leave: &Leave) {
        let memory = &self.job.context.memory;
        memory.forget_id(&leave.entrance.account, &leave.role, &leave.owner.object);
    }

    fn bury(&self, leave: &Leave) {
        let memory = &self.job.context.memory;
        memory.bury(&leave.entrance.account, &leave.role, &leave.owner.object);
    }

    /// Whether a role that is not seen may have been made so lately that IAM does not show it everywhere yet.
    fn may_still_appear(&self, leave: &Leave) -> bool {
        let delay = self.job.context.settings.propagation_delay;
        let memory = &self.job.context.memory;
        let (account, role, object) = (&leave.entrance.account, &leave.role, &leave.owner.object);
        let is_ours = memory.made_within(account, role, object, delay)
            || memory.perhaps_made_within(account, role, object, delay);
        // Whoever wrote there before this process did may have died before it could say so.
        let entry = self.task.entry.as_ref();
        let is_of_another = entry.is_some_and(|entry| {
            let is_unknown = entry.role_id.is_none() && memory.is_younger_than(delay);
            entry.state != EntryState::Refused && (is_unknown || self.since(entry) < delay)
        });
        is_ours || is_of_another
    }
}
