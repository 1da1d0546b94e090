//! Looks that wait for their turn. Those are many, so what a look at a role that shall be there needs is made anew when its
//! turn comes, and not at all where the account shows the role as it was.

use std::sync::Arc;

use crossrole_iam::RoleName;
use tokio::sync::Notify;

use super::looks::{self, rest::LATELY};
use super::removals;
use super::resolve::{self, Request};
use super::task::{Target, Task};
use super::telling::{self, Note};
use super::work::{Finished, Job};
use crate::aws::{AccountHandle, Turn, Urgency};

/// A look that waits for its turn.
pub struct Waiting {
    /// The AWSAccount's name.
    pub account: String,
    /// The task's print.
    pub print: u64,
    /// Whether somebody asked for it just now: nothing that we remember counts.
    pub anew: bool,
    /// The role that is looked at.
    pub role: RoleName,
    /// The way into the account.
    pub handle: Arc<AccountHandle>,
    what: What,
    urgency: Urgency,
    /// Tells when something else may be asked for of the object.
    changed: Arc<Notify>,
}

enum What {
    /// A role that shall be there.
    Hold,
    /// Anything else.
    Task(Arc<Task>),
}

/// What a turn came to.
struct Done {
    finished: Option<Finished>,
    /// What is to be told of it.
    notes: Vec<Note>,
}

impl Done {
    fn of(finished: Option<Finished>, notes: Vec<Note>) -> Box<Self> {
        Box::new(Self { finished, notes })
    }
}

impl Waiting {
    /// A look at a task; `None` where nothing need be looked at. `changed` tells when something else may be asked for of the
    /// object.
    pub fn of(job: &Job, task: &Arc<Task>, anew: bool, urgency: Urgency, changed: &Arc<Notify>) -> Option<Self> {
        let (entrance, what) = match &task.target {
            Target::Hold(hold) => (&hold.entrance, What::Hold),
            Target::End(end) => (&end.entrance, What::Task(task.clone())),
            Target::Leave(leave) => (&leave.entrance, What::Task(task.clone())),
            Target::Settled(..) => return None,
        };
        Some(Self {
            account: task.account.clone(),
            print: task.print(),
            anew,
            urgency,
            changed: changed.clone(),
            role: task.role_name()?.clone(),
            handle: job.context.aws.account(entrance),
            what,
        })
    }
}

impl Job {
    /// Makes one account true, and says what came of it; `None` where it was given up on the way, for it is no longer
    /// what is asked for. While it waits for its turn, it takes little memory.
    pub async fn carry_out(&self, waiting: &Waiting) -> Option<Finished> {
        // One turn for looking and writing: what is decided from a look must not wait in a queue.
        let turn = tokio::select! {
            biased;
            turn = self.context.aws.turn(&waiting.handle, waiting.urgency) => turn,
            // What is asked for instead may have a shorter way.
            () = self.until_unwanted(waiting) => return None,
        };
        if !self.wants(&waiting.account, waiting.print) {
            return None;
        }
        let done = Box::pin(self.take_turn(waiting, turn)).await?;
        // What the look needed is not kept while somebody is told of it.
        if !done.notes.is_empty() {
            let Done { finished, notes } = *done;
            let finished = finished.map(Box::new);
            Box::pin(telling::tell(
                &self.context.events,
                &self.reference,
                &waiting.account,
                notes,
            ))
            .await;
            return finished.map(|finished| *finished);
        }
        done.finished
    }

    async fn until_unwanted(&self, waiting: &Waiting) {
        loop {
            let changed = waiting.changed.notified();
            if !self.wants(&waiting.account, waiting.print) {
                return;
            }
            changed.await;
        }
    }

    async fn take_turn(&self, waiting: &Waiting, turn: Turn<'_>) -> Option<Box<Done>> {
        let task = match &waiting.what {
            What::Task(task) if matches!(task.target, Target::Leave(_)) => task.clone(),
            what => match (self.as_it_was(waiting), what) {
                (Some(finished), _) => return Some(Done::of(Some(finished), Vec::new())),
                (None, What::Task(task)) => task.clone(),
                (None, What::Hold) => Arc::new(self.task_of(waiting)?),
            },
        };
        let (finished, notes) = self.visit(&task, waiting.print, waiting.anew, &waiting.handle).await;
        drop(turn);
        Some(Done::of(finished, notes))
    }

    /// What the last look came to, where it wrote nothing and the account shows the role as it was then.
    fn as_it_was(&self, waiting: &Waiting) -> Option<Finished> {
        let context = &self.context;
        let (account, print) = (&waiting.account, waiting.print);
        let verdict = context.looks.judged(&self.claim.object, account, print)?;
        let lately = context.settings.resync_interval.mul_f64(LATELY);
        let stays_for = waiting.handle.stays_for(&waiting.role, print, lately, context.now())?;
        (!waiting.anew).then_some(Finished {
            at_latest: Some(stays_for),
            as_it_was: true,
            ..Finished::of(verdict)
        })
    }

    /// The task, as Kubernetes is now; `None` where it is another one: then the object is about to be looked at.
    fn task_of(&self, waiting: &Waiting) -> Option<Task> {
        let context = &self.context;
        let cached = context.caches.roles.get(&looks::reference(&self.claim.object))?;
        let role = cached.0.as_ref().ok()?;
        let world = context.world();
        let task = resolve::hold_in(
            &Request {
                role,
                world: &world,
                hub: Some(&context.aws.hub.identity),
                cluster_id: &context.cluster_id,
                predecessor: context.settings.take_over_from.as_deref(),
                load: &|| removals::load(context, &world, role),
                settled: &|_| true,
                // It was taken when the object was looked at.
                rooms: &|_| 0,
                statusless: false,
                max_removals: context.settings.max_removals,
            },
            &waiting.account,
        )?;
        (task.print() == waiting.print).then_some(task)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a call of this function keeps until it has ended, in bytes.
    fn size<A, B, F>(_: impl FnOnce(A, B) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_look_that_waits_for_its_turn_takes_little_memory() {
        let waits = size(|job: &'static Job, waiting: &'static Waiting| job.carry_out(waiting));
        assert!(waits + size_of::<Waiting>() < 600, "{waits} + {}", size_of::<Waiting>());
    }
}
