//! Ending access to the role of an object that is refused.

use std::time::Duration;

use crossrole_plan::change::Plan;
use crossrole_plan::decide::Known;
use crossrole_plan::desired::Desired;
use crossrole_plan::ending::Ending;
use crossrole_plan::observed::{Observed, RoleSeen};

use super::task::{End, Target};
use super::verdict::{Outcome, role_of};
use super::work::{Finished, Visit};
use crate::aws::{Depth, Seen};

/// A role that status does not know is looked for so often, while its account does not let us in.
const UNKNOWN_ROLE_IS_LOOKED_FOR_EVERY: Duration = Duration::from_secs(60);

impl Visit<'_> {
    /// Ends access where that is asked for although the object is refused.
    pub(super) async fn end(&self, end: &End) -> Option<Finished> {
        let ending = &end.ending;
        let before = role_of(self.task.entry.as_ref());
        self.handle.is_looked_at(&ending.role);
        let seen = match self
            .handle
            .observe(&ending.role, Depth::Declared, self.usual_age())
            .await
        {
            Ok(seen) => seen,
            // Of a role that nobody knows there is nothing to end: the refusal is what a person has to know. It is looked for
            // again, for status may have lost it.
            Err(_) if before.is_none() => {
                return Some(Finished {
                    at_latest: Some(UNKNOWN_ROLE_IS_LOOKED_FOR_EVERY),
                    unread: true,
                    ..Finished::of(self.verdict(None, Outcome::refused(&end.refusal)))
                });
            }
            Err(error) => return self.unread(before, &error),
        };
        let recognised = self.recognise(&ending.owner, &ending.role, Some(ending), &seen.observed);
        let seen_id = match recognised.await {
            Ok(seen_id) => seen_id,
            Err(outcome) => return self.ended(before, outcome),
        };
        let known = self.known(seen_id.as_deref());
        let outcome = Outcome::refused(&end.refusal);
        self.refused(Some(ending), end.declared.as_ref(), &seen, &known, outcome)
            .await
    }

    /// The role cannot be made what is declared, whoever refuses it: what ends access to it is done all the same. This is the
    /// only way out of a refusal.
    pub(super) async fn refused(
        &self,
        ending: Option<&Ending>,
        declared: Option<&Desired>,
        seen: &Seen,
        known: &Known<'_>,
        outcome: Outcome,
    ) -> Option<Finished> {
        let observed = &seen.observed;
        let role = self
            .role_seen(ending, declared, observed, known)
            .filter(|_| !outcome.is_of_another());
        // An account's quotas may be raised, and nobody tells.
        let stays = matches!(self.task.target, Target::End(_)) || outcome.stays_as_shown();
        let Some(ending) = ending else {
            return Some(Finished {
                at_latest: seen.doubtful_for,
                judged: self.judged(seen, None, known.now).filter(|_| stays),
                ..Finished::of(self.verdict(role, outcome))
            });
        };
        let plan = ending.plan(declared, observed, known);
        let outcome = noted(outcome, ending, declared, observed, known, &plan);
        let applied = self.apply(&plan, observed).await;
        self.tell_ended(&plan, &applied);
        match &applied.failure {
            Some(error) => self.failed(role, error),
            None if applied.done < plan.changes.len() => None,
            None => {
                // What is found right by an answer that may be old, or was not seen to be done, is looked at again.
                let guessed_for = applied.guessed.then(|| self.job.context.settings.shown_after());
                let doubtful_for = seen.doubtful_for.filter(|_| plan.is_empty()).or(guessed_for);
                let judged = self.judged(seen, Some(&ending.lifecycle), known.now);
                Some(Finished {
                    at_latest: self.at_latest(&ending.lifecycle, doubtful_for),
                    judged: judged.filter(|_| stays && plan.is_empty()),
                    wrote: !plan.is_empty(),
                    ..Finished::of(self.verdict(role, outcome))
                })
            }
        }
    }

    /// The role that a refused object has here: what was just seen of it, whatever status says.
    fn role_seen(
        &self,
        ending: Option<&Ending>,
        declared: Option<&Desired>,
        observed: &Observed,
        known: &Known<'_>,
    ) -> Option<RoleSeen> {
        let before = role_of(self.task.entry.as_ref());
        let owner = ending.map(|ending| &ending.owner);
        let Some(owner) = owner.or(declared.map(|desired| &desired.owner)) else {
            return before;
        };
        owner.own(observed, known.seen_id).map(RoleSeen::from)
    }
}

/// A refusal, and what it does not say of the role that is there.
fn noted(
    outcome: Outcome,
    ending: &Ending,
    declared: Option<&Desired>,
    observed: &Observed,
    known: &Known<'_>,
    plan: &Plan,
) -> Outcome {
    if !ending.is_refused {
        return outcome;
    }
    if ending.leaves_closed(plan, observed, known) {
        return outcome.led_by("the role is closed");
    }
    let kept = ending.unlisted(declared, observed, known);
    if kept.is_empty() {
        return outcome;
    }
    let kept: Vec<String> = kept.iter().map(ToString::to_string).collect();
    outcome.with(&format!(
        "the role has {} attached, which the class does not list",
        kept.join(", ")
    ))
}
