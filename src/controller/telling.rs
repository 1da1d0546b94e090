//! Events on what was done in an account.

use crossrole_api::{EntryState, Reason};
use crossrole_plan::change::{Change, Plan};
use crossrole_plan::desired::Desired;
use crossrole_plan::lifecycle;
use crossrole_plan::observed::Observed;

use super::work::Visit;
use crate::aws::Applied;

impl Visit<'_> {
    /// What was done of a plan.
    pub(super) async fn tell(&self, plan: &Plan, applied: &Applied, reason: &str) {
        let done: Vec<String> = plan.changes.iter().take(applied.done).map(Change::summary).collect();
        if done.is_empty() {
            return;
        }
        let prefix = if reason == "Repaired" {
            "the role was not as declared; "
        } else {
            ""
        };
        let note = format!("account {}: {prefix}{}", self.task.account, done.join(", "));
        self.job.context.events.done(&self.job.reference, reason, &note).await;
    }

    /// What was done of a plan that makes a role true.
    pub(super) async fn tell_made(&self, plan: &Plan, applied: &Applied, observed: &Observed) {
        self.tell(plan, applied, self.made(plan, observed)).await;
    }

    /// Something that a person shall know, whatever comes of it.
    pub(super) async fn warn(&self, reason: Reason, message: &str) {
        let note = format!("account {}: {message}", self.task.account);
        self.job
            .context
            .events
            .warn(&self.job.reference, reason.as_str(), &note)
            .await;
    }

    fn made(&self, plan: &Plan, observed: &Observed) -> &'static str {
        if let Observed::Present(role) = observed
            && role
                .trust
                .document()
                .is_some_and(|trust| !trust.dead_principals().is_empty())
        {
            // A principal that was deleted and made again is another one; the declaration names the new one.
            return "PrincipalReplaced";
        }
        let entry = self.task.entry.as_ref();
        let was_ready = entry.is_some_and(|entry| entry.state == EntryState::Ready && entry.reason == Reason::InSync);
        let creates = |change: &Change| matches!(change, Change::CreateRole(_));
        if was_ready && self.job.unchanged {
            "Repaired"
        } else if plan.changes.iter().any(creates) {
            "Created"
        } else {
            "Updated"
        }
    }

    /// Status names another unique id than the account shows, and this process saw neither before: status was restored
    /// from a backup, or the role was replaced while nobody looked.
    pub(super) async fn tell_of_other_id(&self, seen: Option<&str>, observed: &Observed) {
        let known = self.task.entry.as_ref().and_then(|entry| entry.role_id.as_deref());
        let (None, Some(known), Observed::Present(role)) = (seen, known, observed) else {
            return;
        };
        if known != role.id {
            let message = format!(
                "the role with our tags is {}, and status says {known}: the status or the role is another than it was",
                role.id
            );
            self.warn(Reason::RoleReplaced, &message).await;
        }
    }

    /// Sessions outlive the trust that they were issued under: says until when, where they are not revoked.
    pub(super) async fn tell_of_older_sessions(&self, desired: &Desired, observed: &Observed) {
        let Observed::Present(role) = observed else { return };
        let Some(until) = lifecycle::older_sessions_last_until(desired, role, self.job.context.now()) else {
            return;
        };
        let note = format!(
            "account {}: trust was taken from somebody; sessions that were issued before last until {until:.0} at most: set sessions.revokeIssuedBefore to end them",
            self.task.account
        );
        self.job
            .context
            .events
            .done(&self.job.reference, "OlderSessions", &note)
            .await;
    }
}
