//! Whether the role that an account shows is the one that this process knows.

use std::time::Duration;

use crossrole_api::{EntryState, Reason};
use crossrole_iam::RoleName;
use crossrole_plan::ending::Ending;
use crossrole_plan::observed::{Observed, ObservedRole};
use crossrole_plan::owner::{Holder, Owner};

use super::task::Target;
use super::verdict::Outcome;
use super::work::Visit;

impl Visit<'_> {
    /// Whether what is seen is the role that this process knows, or none. Gives the unique id that it saw before.
    pub(super) async fn recognise(
        &self,
        owner: &Owner,
        name: &RoleName,
        ending: Option<&Ending>,
        observed: &Observed,
    ) -> Result<Option<String>, Outcome> {
        match observed {
            Observed::Absent if self.made_just_now(owner, name) => {
                let message = "IAM does not show the role everywhere yet: it is looked for again";
                return Err(Outcome::waits(EntryState::Retrying, Reason::Propagating, message));
            }
            Observed::Absent => {}
            Observed::Present(role) => {
                if let Some(outcome) = self.replacement(owner, name, ending, role, observed).await {
                    return Err(outcome);
                }
            }
        }
        let seen_id = self.seen_id(owner, name, observed);
        self.tell_of_other_id(owner, seen_id.as_deref(), observed);
        Ok(seen_id)
    }

    /// Another role with our tags stands where this process saw ours: nobody can know what it was used for. It is
    /// closed first; the next look ends its sessions and makes it as declared.
    async fn replacement(
        &self,
        owner: &Owner,
        name: &RoleName,
        ending: Option<&Ending>,
        role: &ObservedRole,
        observed: &Observed,
    ) -> Option<Outcome> {
        let memory = &self.job.context.memory;
        let (account, object) = (self.handle.account(), &owner.object);
        if memory.is_outdated_id(account, name, object, &role.id) {
            let message = "IAM still shows a role that was replaced: it is looked at again";
            return Some(Outcome::waits(EntryState::Retrying, Reason::Propagating, message));
        }
        let seen = memory.seen_id(account, name, object)?;
        let ours = owner.holder(&role.tags, &role.id, None) == Holder::Us;
        let ending = ending.filter(|_| ours && seen != role.id)?;
        let plan = ending.closing(observed, &self.known(None));
        let applied = self.apply(&plan, observed).await;
        if let Some(error) = &applied.failure {
            return Some(self.failure(error));
        }
        let next = match &self.task.target {
            Target::Hold(_) => "its sessions are ended, and it is made as declared",
            _ => "it stays closed while its object is refused",
        };
        let message = format!(
            "another role with our tags, {}, stands in the place of ours, {seen}: it was closed; {next}",
            role.id
        );
        if applied.done == plan.changes.len() {
            memory.saw_id(account, name, object, &role.id);
            self.warn(Reason::RoleReplaced, &message);
        }
        Some(Outcome::waits(EntryState::Retrying, Reason::RoleReplaced, message))
    }

    fn made_just_now(&self, owner: &Owner, name: &RoleName) -> bool {
        self.made_within(owner, name, self.job.context.settings.propagation_delay)
    }

    /// Whether this process made the role so lately.
    pub(super) fn made_within(&self, owner: &Owner, name: &RoleName, time: Duration) -> bool {
        let memory = &self.job.context.memory;
        memory.made_within(self.handle.account(), name, &owner.object, time)
    }

    /// The unique id that this process saw before with our tags; remembers the one that it sees now.
    pub(super) fn seen_id(&self, owner: &Owner, role: &RoleName, observed: &Observed) -> Option<String> {
        let account = self.handle.account();
        let memory = &self.job.context.memory;
        let seen = memory.seen_id(account, role, &owner.object);
        if let Observed::Present(found) = observed
            && owner.holder(&found.tags, &found.id, None) == Holder::Us
        {
            memory.saw_id(account, role, &owner.object, &found.id);
        }
        seen
    }
}
