//! Events on what was done in an account.

use std::sync::PoisonError;

use crossrole_api::names::REVOKE_OLDER_SESSIONS_POLICY;
use crossrole_api::{EntryState, Reason};
use crossrole_plan::change::{Change, Plan};
use crossrole_plan::desired::Desired;
use crossrole_plan::lifecycle::{self, CLOSED_POLICY};
use crossrole_plan::observed::{Observed, ObservedRole};
use crossrole_plan::owner::{Holder, Owner};
use k8s_openapi::api::core::v1::ObjectReference;

use super::events::{Events, Tone};
use super::work::Visit;
use crate::aws::Applied;

/// The reason of the Event on a role that was not as declared, although nothing declared had changed.
const REPAIRED: &str = "Repaired";

/// An Event on an account that is to be written when the turn is given back: Kubernetes may take its time, and others wait for the place.
#[derive(Debug)]
pub(super) struct Note {
    tone: Tone,
    reason: String,
    text: String,
}

impl Note {
    /// Something was done.
    pub(super) fn done(reason: &str, text: String) -> Self {
        Self {
            tone: Tone::Done,
            reason: reason.to_string(),
            text,
        }
    }

    /// Something is wrong.
    fn warns(reason: Reason, text: String) -> Self {
        Self {
            tone: Tone::Warns,
            reason: reason.as_str().to_string(),
            text,
        }
    }
}

/// Writes the Events of a visit to an account.
pub(super) async fn tell(events: &Events, object: &ObjectReference, account: &str, notes: Vec<Note>) {
    for Note { tone, reason, text } in notes {
        events.tell_of(object, account, (tone, &reason), text).await;
    }
}

impl Visit<'_> {
    fn note(&self, note: Note) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(note);
    }

    /// What was done of a plan.
    pub(super) fn tell(&self, plan: &Plan, applied: &Applied, reason: &str) {
        let done: Vec<String> = plan.changes.iter().take(applied.done).map(Change::summary).collect();
        if done.is_empty() {
            return;
        }
        let prefix = if reason == REPAIRED {
            "the role was not as declared; "
        } else {
            ""
        };
        self.note(Note::done(reason, format!("{prefix}{}", done.join(", "))));
    }

    /// What was done of a plan that makes a role true.
    pub(super) fn tell_made(&self, desired: &Desired, plan: &Plan, applied: &Applied, observed: &Observed) {
        let reason = self.made(desired, plan, observed);
        if reason == REPAIRED && applied.done > 0 {
            self.job.context.metrics.repaired(self.handle.account().as_str());
        }
        self.tell(plan, applied, reason);
    }

    /// What was done to end access to the role of a refused object.
    pub(super) fn tell_ended(&self, plan: &Plan, applied: &Applied) {
        let done = || plan.changes.iter().take(applied.done);
        let reason = if changes_trust(done()) || done().any(|change| puts(change, CLOSED_POLICY)) {
            "Closed"
        } else if done().any(|change| puts(change, REVOKE_OLDER_SESSIONS_POLICY)) {
            "Revoked"
        } else if done().any(narrows) {
            "Narrowed"
        } else {
            "Updated"
        };
        self.tell(plan, applied, reason);
    }

    /// Something that a person shall know, whatever comes of it.
    pub(super) fn warn(&self, reason: Reason, message: &str) {
        self.note(Note::warns(reason, message.to_string()));
    }

    fn made(&self, desired: &Desired, plan: &Plan, observed: &Observed) -> &'static str {
        let entry = self.task.entry.as_ref();
        let was_ready = entry.is_some_and(|entry| entry.state == EntryState::Ready && entry.reason == Reason::InSync);
        let creates = |change: &Change| matches!(change, Change::CreateRole(_));
        let names_the_dead = |role: &ObservedRole| {
            let trust = role.trust.document();
            trust.is_some_and(|trust| !trust.dead_principals().is_empty())
        };
        let found = match observed {
            Observed::Present(role) => Some(role),
            Observed::Absent => None,
        };
        if self.is_over(desired) && found.is_some() && changes_trust(plan.changes.iter()) {
            "Closed"
        } else if self.job.unchanged && found.is_some_and(|role| names_the_dead(role)) {
            // A principal that was deleted and made again is another one; the declaration, as it was, names the new one.
            "PrincipalReplaced"
        } else if was_ready && self.job.unchanged && self.is_again {
            REPAIRED
        } else if plan.changes.iter().any(creates) {
            "Created"
        } else {
            "Updated"
        }
    }

    /// Whether the role's time is over, though nobody closed it.
    fn is_over(&self, desired: &Desired) -> bool {
        let lifecycle = &desired.lifecycle;
        !lifecycle.closed && lifecycle.is_closed(self.job.context.now())
    }

    /// Status names another unique id than the account shows, and this process saw neither before: status was restored
    /// from a backup, or the role was replaced while nobody looked.
    pub(super) fn tell_of_other_id(&self, owner: &Owner, seen: Option<&str>, observed: &Observed) {
        let known = self.task.entry.as_ref().and_then(|entry| entry.role_id.as_deref());
        let (None, Some(known), Observed::Present(role)) = (seen, known, observed) else {
            return;
        };
        // One of somebody else is no replacement.
        if known != role.id && owner.holder(&role.tags, &role.id, None) == Holder::Us {
            let message = format!(
                "the role with our tags is {}, and status says {known}: the status or the role is another than it was",
                role.id
            );
            self.warn(Reason::RoleReplaced, &message);
        }
    }

    /// Sessions outlive the trust that they were issued under: says until when, where they are not revoked.
    pub(super) fn tell_of_older_sessions(
        &self,
        desired: &Desired,
        plan: &Plan,
        applied: &Applied,
        observed: &Observed,
    ) {
        let Observed::Present(role) = observed else { return };
        if !plan.changes.iter().take(applied.done).any(Change::bears_on_admission) {
            return;
        }
        let Some(until) = lifecycle::older_sessions_last_until(desired, role, self.job.context.now()) else {
            return;
        };
        let note = format!(
            "trust was taken from somebody; sessions that were issued before last until {until:.0} at most: set sessions.revokeIssuedBefore to end them"
        );
        self.note(Note::done("OlderSessions", note));
    }
}

fn changes_trust<'a>(mut changes: impl Iterator<Item = &'a Change>) -> bool {
    changes.any(|change| matches!(change, Change::UpdateTrust { .. }))
}

fn puts(change: &Change, policy: &str) -> bool {
    matches!(change, Change::PutInline { name, .. } if name.as_str() == policy)
}

/// Whether it takes something off a role, as what ends access does.
fn narrows(change: &Change) -> bool {
    matches!(
        change,
        Change::Detach(_) | Change::DeleteInline(_) | Change::UpdateRole { .. }
    )
}
