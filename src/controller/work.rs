//! One role in one account: observe, decide, apply.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossrole_api::{AccountEntry, AccountState, EntryState};
use crossrole_plan::change::{Change, Plan};
use crossrole_plan::claim::Claim;
use crossrole_plan::decide::{self, Known};
use crossrole_plan::desired::Desired;
use crossrole_plan::effect;
use crossrole_plan::ending::Ending;
use crossrole_plan::lifecycle::{self, Lifecycle};
use crossrole_plan::observed::{Observed, RoleSeen};
use crossrole_plan::quota::{self, Quotas};
use crossrole_plan::refusal::Refusal;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;

use super::context::Context;
use super::looks;
use super::task::{Hold, Target, Task};
use super::telling::Note;
use super::verdict::{Outcome, Verdict, role_of};
use super::world::World;
use crate::aws::{AccountHandle, Age, Applied, CallError, Depth, Judged, Seen};

/// A role is new for so long at most: somebody whose policy has a wrong name is to hear of it soon.
const IS_NEW_FOR: Duration = Duration::from_secs(20);

/// What one object's work needs.
pub struct Job {
    /// What every reconcile shares.
    pub context: Arc<Context>,
    /// What Events are written about.
    pub reference: ObjectReference,
    /// The object's claim.
    pub claim: Claim,
    /// Whether the object is the same as when its status was written: a change is then a repair.
    pub unchanged: bool,
    /// Whether the object is being deleted.
    pub deleting: bool,
}

/// What came of a look.
#[derive(Debug)]
pub struct Finished {
    /// What came of it.
    pub verdict: Verdict,
    /// Look again within so long, whatever the verdict.
    pub at_latest: Option<Duration>,
    /// Whether what the verdict says may pass by itself although it looks as if a person must act.
    pub may_pass: bool,
    /// Whether the account did not even let itself be read: whoever asked for the look has no answer.
    pub unread: bool,
    /// Present where nothing was written, and the same comes of it as long as the account shows the same.
    pub judged: Option<Judged>,
    /// Whether that was so of the look before, and the account still shows the same.
    pub as_it_was: bool,
    /// Whether anything was written.
    pub wrote: bool,
}

impl Finished {
    /// A look that came to this, and is due again in its usual time.
    pub fn of(verdict: Verdict) -> Self {
        Self {
            verdict,
            at_latest: None,
            may_pass: false,
            unread: false,
            judged: None,
            as_it_was: false,
            wrote: false,
        }
    }
}

/// A visit to an account: one look at its role, and what has to be done there.
pub(super) struct Visit<'a> {
    pub(super) job: &'a Job,
    pub(super) task: &'a Task,
    print: u64,
    pub(super) handle: &'a AccountHandle,
    /// Whether somebody asked for it just now: nothing that we remember counts.
    pub(super) anew: bool,
    /// Whether the last look was at the same task: nothing of the object, its class or its account has changed since.
    pub(super) is_again: bool,
    /// What is to be told when it is over.
    pub(super) notes: Mutex<Vec<Note>>,
}

/// Why there is no plan that makes a role true.
enum Stopped {
    /// It is refused, by what the account holds.
    Refused(Refusal),
    /// The account did not say what it has room for.
    Failed(CallError),
}

impl Job {
    /// Whether a look is still what is asked for.
    pub(super) fn wants(&self, account: &str, print: u64) -> bool {
        self.context.looks.wants(&self.claim.object, account, print)
    }

    /// Looks at a role, and does what has to be done. Says what came of it, and what is to be told.
    pub(super) async fn visit(
        &self,
        task: &Task,
        print: u64,
        anew: bool,
        handle: &AccountHandle,
    ) -> (Option<Finished>, Vec<Note>) {
        let visit = Visit {
            job: self,
            task,
            print,
            handle,
            anew,
            is_again: self.context.looks.looked_at(&self.claim.object, &task.account, print),
            notes: Mutex::default(),
        };
        let finished = match &task.target {
            Target::Hold(hold) => visit.hold(hold).await,
            Target::End(end) => visit.end(end).await,
            Target::Leave(leave) => visit.leave(leave).await,
            Target::Settled(..) => None,
        };
        let finished = finished.filter(|_| visit.is_wanted());
        let notes = visit.notes.into_inner().unwrap_or_else(PoisonError::into_inner);
        (finished, notes)
    }

    /// An abandoned account's role is forgotten: for the brake, that is a removal.
    pub fn note_forgotten(&self, world: &World, task: &Task) {
        let abandoned = world.account_state(&task.account) == Some(AccountState::Abandoned);
        let gone = matches!(task.target, Target::Settled(_, Outcome::Gone));
        if gone && abandoned && task.entry.is_some() && !self.deleting {
            self.context.memory.removed(&self.claim.object, &task.account);
        }
    }
}

impl Visit<'_> {
    fn is_wanted(&self) -> bool {
        self.job.wants(&self.task.account, self.print)
    }

    pub(super) fn verdict(&self, role: Option<RoleSeen>, outcome: Outcome) -> Verdict {
        self.task
            .verdict(Some(self.handle.account().to_string()), role, outcome)
    }

    pub(super) fn ended(&self, role: Option<RoleSeen>, outcome: Outcome) -> Option<Finished> {
        Some(Finished::of(self.verdict(role, outcome)))
    }

    /// A call failed on the way to holding a role.
    pub(super) fn failed(&self, role: Option<RoleSeen>, error: &CallError) -> Option<Finished> {
        Some(Finished {
            may_pass: error.failure.may_pass(),
            ..Finished::of(self.verdict(role, self.failure(error)))
        })
    }

    /// The account did not let itself be read.
    pub(super) fn unread(&self, role: Option<RoleSeen>, error: &CallError) -> Option<Finished> {
        let failed = self.failed(role, error)?;
        Some(Finished { unread: true, ..failed })
    }

    /// What a call that failed means. Of a role that was made a moment ago, and that IAM may not know everywhere yet, nobody
    /// is told that a person must act.
    pub(super) fn failure(&self, error: &CallError) -> Outcome {
        let outcome = Outcome::failed(error, self.failing_for(error));
        match &self.task.target {
            Target::Hold(hold) if error.failure.may_pass() => {
                let Desired { owner, name, .. } = &hold.desired;
                let is_new_for = self.job.context.settings.propagation_delay.min(IS_NEW_FOR);
                if self.made_within(owner, name, is_new_for) {
                    outcome.that_waits()
                } else {
                    outcome
                }
            }
            _ => outcome,
        }
    }

    pub(super) fn usual_age(&self) -> Age {
        if self.anew { Age::New } else { Age::Usual }
    }

    /// How old an answer may be. What makes a role is told by AWS itself when it was wrong about its absence, and whoever only
    /// observes reads that the role is absent once: the account's next readings tell when it is there. Where status knows a
    /// role, its absence is news.
    fn age(&self, hold: &Hold) -> Age {
        let is_known = role_of(self.task.entry.as_ref()).is_some();
        let makes_it = !hold.observe && !hold.desired.adopts && hold.desired.below_role_path;
        let job = self.job;
        let observed_before = || {
            let verdict = job
                .context
                .looks
                .last_verdict(&job.claim.object, &self.task.account, self.print);
            hold.observe && verdict.is_some_and(|verdict| verdict.outcome.stays_as_shown())
        };
        match self.usual_age() {
            Age::Usual if !is_known && makes_it => Age::OldAbsence(Duration::MAX),
            Age::Usual if !is_known && observed_before() => {
                Age::OldAbsence(job.context.settings.resync_interval.mul_f64(looks::rest::LATELY))
            }
            age => age,
        }
    }

    async fn hold(&self, hold: &Hold) -> Option<Finished> {
        let desired = &hold.desired;
        let before = role_of(self.task.entry.as_ref());
        self.handle.is_looked_at(&desired.name);
        let seen = match self
            .handle
            .observe(&desired.name, Depth::Declared, self.age(hold))
            .await
        {
            Ok(seen) => seen,
            Err(error) => return self.unread(before, &error),
        };
        let observed = &seen.observed;
        let ending = hold.ending.as_ref();
        let seen_id = match self.recognise(&desired.owner, &desired.name, ending, observed).await {
            Ok(seen_id) => seen_id,
            Err(outcome) => return self.ended(before, outcome),
        };
        let known = self.known(seen_id.as_deref());
        let plan = match self.plan(desired, observed, &known).await {
            Ok(plan) => plan,
            Err(Stopped::Refused(refusal)) => {
                let outcome = Outcome::refused(&refusal);
                return self.refused(ending, Some(desired), &seen, &known, outcome).await;
            }
            Err(Stopped::Failed(error)) => {
                // Nobody refuses the role: only what the object itself ends is ended.
                let ending = ending.map(Ending::unrefused);
                let outcome = self.failure(&error);
                return self
                    .refused(ending.as_ref(), Some(desired), &seen, &known, outcome)
                    .await;
            }
        };
        let known_role = role_in(observed);
        if plan.is_empty() {
            return Some(Finished {
                at_latest: self.at_latest(&desired.lifecycle, seen.doubtful_for),
                judged: self.judged(&seen, Some(&desired.lifecycle), known.now),
                ..Finished::of(self.verdict(known_role, Outcome::ready()))
            });
        }
        if hold.observe {
            let message = format!(
                "mode is Observe: it would take {} changes: {}",
                plan.changes.len(),
                summaries(&plan)
            );
            return Some(Finished {
                judged: self.judged(&seen, Some(&desired.lifecycle), known.now),
                at_latest: self.at_latest(&desired.lifecycle, seen.doubtful_for),
                ..Finished::of(self.verdict(known_role, Outcome::would_change(message)))
            });
        }
        tracing::debug!(account = %self.task.account, account_id = %self.handle.account(), "plan for {}:\n{plan}", desired.arn);
        let applied = self.apply_in_time(&plan, observed, known.now).await;
        let (memory, account) = (&self.job.context.memory, self.handle.account());
        if let Some(role) = &applied.created {
            memory.made(account, &desired.name, &desired.owner.object, &role.id);
        } else if applied.failure.as_ref().is_some_and(CallError::may_have_created) {
            memory.perhaps_made(account, &desired.name, &desired.owner.object);
        }
        let role = applied.created.clone().or(known_role);
        self.tell_made(desired, &plan, &applied, observed);
        self.tell_of_older_sessions(desired, &plan, &applied, observed);
        let outcome = match &applied.failure {
            Some(error) => self.failure(error),
            None if applied.done < plan.changes.len() => return None,
            None => Outcome::ready(),
        };
        let doubtful_for = applied.guessed.then(|| self.job.context.settings.shown_after());
        Some(Finished {
            at_latest: self.at_latest(&desired.lifecycle, doubtful_for),
            may_pass: applied.failure.is_some_and(|error| error.failure.may_pass()),
            wrote: true,
            ..Finished::of(self.verdict(role, outcome))
        })
    }

    /// The plan that makes the role true, where nothing stands against it.
    async fn plan(&self, desired: &Desired, observed: &Observed, known: &Known<'_>) -> Result<Plan, Stopped> {
        let others = match observed {
            Observed::Absent => self.claims(&desired.name),
            Observed::Present(_) => Vec::new(),
        };
        let plan = decide::converge(desired, observed, known, &self.job.claim, &others).map_err(Stopped::Refused)?;
        self.check_quotas(observed, &plan).await?;
        Ok(plan)
    }

    /// Carries out a plan as long as it is what is asked for: stopping between two changes is always safe.
    pub(super) async fn apply(&self, plan: &Plan, observed: &Observed) -> Applied {
        self.handle.apply(plan, observed, &|| self.is_wanted()).await
    }

    /// Carries out a plan, and where its change of trust came so late that the plan revokes too little, revokes once more.
    async fn apply_in_time(&self, plan: &Plan, observed: &Observed, made_at: Timestamp) -> Applied {
        let applied = self.apply(plan, observed).await;
        let done = plan.changes.iter().take(applied.done);
        let Some(change) = lifecycle::revoked_too_little(done, made_at, self.job.context.now()) else {
            return applied;
        };
        let again = Plan {
            role: plan.role.clone(),
            changes: vec![change],
        };
        let after = effect::apply_all(
            plan.changes.get(..applied.done).unwrap_or_default(),
            &plan.role,
            observed,
            &Quotas::raised(),
        );
        let observed = after.unwrap_or_else(|_| observed.clone());
        // Whatever is asked for now: nobody else would know of it.
        let revoked = self.handle.apply(&again, &observed, &|| true).await;
        Applied {
            failure: applied.failure.or(revoked.failure),
            ..applied
        }
    }

    /// Whether the account's quotas have room for what a plan adds. What fits without a raised quota waits for no answer.
    async fn check_quotas(&self, observed: &Observed, plan: &Plan) -> Result<(), Stopped> {
        if quota::check(observed, &plan.changes, &Quotas::default()).is_ok() {
            return Ok(());
        }
        let quotas = self.handle.quotas().await.map_err(Stopped::Failed)?;
        quota::check(observed, &plan.changes, &quotas).map_err(Stopped::Refused)
    }

    /// What the account showed came to what this look ends with, and nothing was written: as long as it shows the same, it
    /// comes to the same, until something is due by this lifecycle, or by what the role holds. `None` where that is doubtful.
    pub(super) fn judged(&self, seen: &Seen, lifecycle: Option<&Lifecycle>, now: Timestamp) -> Option<Judged> {
        let print = seen.print.filter(|_| seen.doubtful_for.is_none())?;
        let declared = lifecycle.and_then(|lifecycle| lifecycle.next_change(now));
        let found = match &seen.observed {
            Observed::Present(role) => lifecycle::found_end(role).filter(|end| *end > now),
            Observed::Absent => None,
        };
        let until = declared.into_iter().chain(found).min();
        let by = self.print;
        Some(Judged { print, by, until })
    }

    pub(super) fn known<'k>(&self, seen_id: Option<&'k str>) -> Known<'k> {
        Known {
            seen_id,
            now: self.job.context.now(),
        }
    }

    /// How long the object, as it is, has failed in this way, for what that means: what once needed a person needs one.
    pub(super) fn failing_for(&self, error: &CallError) -> Duration {
        match self.failing(error) {
            Some(entry) if entry.state == EntryState::Refused => Duration::MAX,
            Some(entry) => self.since(entry),
            None => Duration::ZERO,
        }
    }

    /// The entry in status, where it says that the object, as it is, failed in this way already.
    fn failing(&self, error: &CallError) -> Option<&AccountEntry> {
        let reason = error.failure.meaning(Duration::ZERO).reason;
        let entry = self.task.entry.as_ref();
        entry.filter(|entry| entry.reason == reason && self.job.unchanged)
    }

    /// How long an entry has been what it is. Another machine, whose clock was ahead, may have written it.
    pub(super) fn since(&self, entry: &AccountEntry) -> Duration {
        let since = self.job.context.now().duration_since(entry.last_transition_time.0);
        since.try_into().unwrap_or_default()
    }

    /// When to look again although the role is as declared: when its time is over, and when IAM shows what we wrote.
    pub(super) fn at_latest(&self, lifecycle: &Lifecycle, doubtful_for: Option<Duration>) -> Option<Duration> {
        self.until_end(lifecycle).into_iter().chain(doubtful_for).min()
    }

    fn until_end(&self, lifecycle: &Lifecycle) -> Option<Duration> {
        let context = &self.job.context;
        let end = lifecycle.next_change(context.now());
        end.map(|end| context.until(end))
    }
}

fn role_in(observed: &Observed) -> Option<RoleSeen> {
    match observed {
        Observed::Present(role) => Some(role.as_ref().into()),
        Observed::Absent => None,
    }
}

fn summaries(plan: &Plan) -> String {
    plan.changes.iter().map(Change::summary).collect::<Vec<_>>().join(", ")
}
