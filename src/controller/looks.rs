//! Looks: which role in which account is being worked on, what came of it, and when it is looked at again.
//!
//! Every account of every object is a look of its own. One that is slow, or fails, holds up no other: not those of the
//! same object, and not the object's own next edit. What came of a look counts until the task is another one, its time
//! comes, or somebody lets it expire.

mod expiry;
pub(super) mod look;
pub(super) mod rest;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossrole_api::Reason;
use crossrole_plan::declaration::ObjectName;
use kube::runtime::reflector::ObjectRef;
use litemap::LiteMap;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use super::queues::by_name;
use super::task::{Target, Task};
use super::verdict::{Outcome, Verdict, role_of};
use super::waiting::Waiting;
use super::watch::CachedRole;
use super::work::{Finished, Job};
use crate::aws::Urgency;
use look::Look;
use rest::{Rest, Resting};

/// Work that is over within so long is reported once, at its end.
const FIRST_REPORT: Duration = Duration::from_secs(2);

/// Reports of work that goes on come further and further apart, up to this, or to a longer pause.
const RAREST_REPORT: Duration = Duration::from_secs(30);

/// A report goes through all accounts of its object. While very much is under way, reports would take most of the
/// processor's time: the pause before one is so long for each look that is under way, of whatever object.
const PAUSE_FOR_EACH_LOOK: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// An object with so many accounts at most has few.
const FEW: usize = 8;

/// What is kept of all objects.
type AllLooked = HashMap<Arc<ObjectName>, Box<Looked>>;

/// The looks of all objects.
#[derive(Default)]
pub struct Looks {
    objects: Mutex<AllLooked>,
    resting: Resting,
    /// Objects that wait for a role's name that another holds somewhere: the name, without regard to case.
    contested: Mutex<HashMap<ObjectName, String>>,
    under_way: TaskTracker,
}

/// The looks of one object, by the AWSAccount's name. Boxed, as each look is: a map has room for some more than are in it.
/// Most objects have few looks, for which a table would take more room than a list.
#[derive(Default)]
struct Looked {
    looks: LiteMap<String, Box<Look>>,
    /// Accounts where nothing was to be done when the object was last gone through, or has come of the first look since: what
    /// status says of them is no longer so.
    settled: BTreeSet<String>,
    /// When the object is gone through next, if nothing happens.
    next: Option<Instant>,
    /// Tells the looks that wait for their turn when something else may be asked for; absent while nothing is under way.
    changed: Option<Arc<Notify>>,
    /// When to report next although work goes on; absent while none does.
    report: Option<(Instant, Duration)>,
    /// Present where every role was found right, and status says so.
    rest: Option<Rest>,
}

/// What is known of an object's tasks.
pub struct Course {
    /// A verdict on each task, in their order.
    pub verdicts: Vec<Verdict>,
    /// Whether to report: nothing is under way any more, or it takes long.
    pub report: bool,
    /// Whether any look is under way.
    pub under_way: bool,
    /// When the next look is due, or the next report.
    pub next: Option<Duration>,
}

impl Looks {
    fn objects(&self) -> MutexGuard<'_, AllLooked> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn contested(&self) -> MutexGuard<'_, HashMap<ObjectName, String>> {
        self.contested.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins every look that is due, and says what is known of each task. `asked` is what the annotation says that asks
    /// for a look now, and `handled` what it said when that was last done.
    pub fn take_up(&self, job: &Arc<Job>, tasks: &[Arc<Task>], asked: Option<&str>, handled: Option<&str>) -> Course {
        let now = Instant::now();
        let asked = print_of(asked);
        // Not while everybody else waits for what is known of their objects.
        for task in tasks {
            task.print();
        }
        let mut objects = self.objects();
        let looked = objects.entry(Arc::new(job.claim.object.clone())).or_default();
        looked.rest = None;
        // Where nothing can be done, what was found before counts no more, and nothing is due.
        let wanted: HashSet<&str> = tasks
            .iter()
            .filter(|task| !matches!(task.target, Target::Settled(..)))
            .map(|task| task.account.as_str())
            .collect();
        let mut any_changed = looked.let_be(|account| !wanted.contains(account));
        looked
            .looks
            .retain(|account, look| look.running.is_some() || wanted.contains(account.as_str()));
        if looked.looks.is_empty() {
            looked.looks = LiteMap::with_capacity(wanted.len());
        }
        let slack = looked.slack(job.context.settings.resync_interval, now);
        let are_few = wanted.len() <= FEW;
        let changed = looked.changed.get_or_insert_default().clone();
        for task in tasks.iter().filter(|task| !matches!(task.target, Target::Settled(..))) {
            let print = task.print();
            let look = looked.looks.entry(task.account.clone());
            let look = look.or_insert_with(|| {
                // It was handled where somebody found a role since.
                let handled_here = role_of(task.entry.as_ref()).and(handled);
                Box::new(Look::new(print, print_of(handled_here), now))
            });
            let begins = look.begin(print, asked, now, slack);
            any_changed |= look.running.is_some_and(|running| running != print);
            if begins {
                let urgency = match are_few {
                    _ if task.ends_access(job.context.now()) && !look.has_ended_it(print) => Urgency::Ending,
                    true => Urgency::Few,
                    false => Urgency::Usual,
                };
                let Some(waiting) = Waiting::of(job, task, look.is_anew(), urgency, &changed) else {
                    look.running = None;
                    continue;
                };
                look.account_id = Some(waiting.handle.account().clone());
                let job = job.clone();
                self.under_way.spawn(async move {
                    let finished = job.carry_out(&waiting).await;
                    job.context.looks.ended(&job, &waiting, finished);
                });
            }
        }
        if any_changed {
            looked.tell_waiting();
        }
        looked.course(tasks, self.pause(), now)
    }

    /// Work that goes on is not reported sooner than after so long.
    fn pause(&self) -> Duration {
        let under_way = u32::try_from(self.under_way.len()).unwrap_or(u32::MAX);
        (PAUSE_FOR_EACH_LOOK * under_way).clamp(FIRST_REPORT, LONGEST_PAUSE)
    }

    /// Whether a look's task is still the one that is asked for.
    pub fn wants(&self, object: &ObjectName, account: &str, print: u64) -> bool {
        let objects = self.objects();
        let look = objects.get(object).and_then(|looked| looked.looks.get(account));
        !self.are_given_up() && look.is_some_and(|look| look.wants(print))
    }

    /// Whether the last look that has ended was at the same task.
    pub fn looked_at(&self, object: &ObjectName, account: &str, print: u64) -> bool {
        self.last(object, account, print, |_, _| ()).is_some()
    }

    /// What the last look that has ended came to, where it was at the same task, and that stays while the account shows the
    /// same.
    pub fn judged(&self, object: &ObjectName, account: &str, print: u64) -> Option<Verdict> {
        let judged = |look: &Look, verdict: &Verdict| look.judged.then(|| verdict.clone());
        self.last(object, account, print, judged).flatten()
    }

    /// What the last look that has ended came to, where it was at the same task.
    pub fn last_verdict(&self, object: &ObjectName, account: &str, print: u64) -> Option<Verdict> {
        self.last(object, account, print, |_, verdict| verdict.clone())
    }

    fn last<T>(
        &self,
        object: &ObjectName,
        account: &str,
        print: u64,
        tell: impl FnOnce(&Look, &Verdict) -> T,
    ) -> Option<T> {
        let objects = self.objects();
        let look = objects.get(object).and_then(|looked| looked.looks.get(account))?;
        let (done, verdict) = look.done.as_ref()?;
        (*done == print).then(|| tell(look, verdict))
    }

    /// A look has ended; `None`: it was given up on the way, for another one is asked for, or the operator stops.
    fn ended(&self, job: &Job, waiting: &Waiting, finished: Option<Finished>) {
        let object = &job.claim.object;
        let outcome = finished.as_ref().map(|finished| finished.verdict.outcome.clone());
        let again = self.note(object, waiting, finished, job.context.settings.resync_interval);
        let roles = &job.context.queues.roles;
        if again {
            let _ = roles.send(reference(object));
        }
        let Some(outcome) = outcome else { return };
        job.context.metrics.looked(outcome.name(), outcome.reason());
        let name = &waiting.role;
        if matches!(
            outcome,
            Outcome::Stands {
                reason: Reason::HeldByAnother,
                ..
            }
        ) {
            self.contested().insert(object.clone(), name.folded());
        } else if outcome == Outcome::Gone {
            for waiting in self.expire_contested(&name.folded()) {
                let _ = roles.send(waiting);
            }
        }
    }

    /// Notes what came of a look. Says whether its object is to be looked at at once.
    fn note(&self, object: &ObjectName, waiting: &Waiting, finished: Option<Finished>, interval: Duration) -> bool {
        let (account, print) = (&waiting.account, waiting.print);
        let mut objects = self.objects();
        let Some(looked) = objects.get_mut(object) else {
            return false;
        };
        let Some(look) = looked.looks.get_mut(account) else {
            return false;
        };
        if look.is_forgotten {
            looked.looks.remove(account);
            if looked.looks.is_empty() {
                objects.remove(object);
            }
            return false;
        }
        look.running = None;
        match finished {
            Some(finished) => {
                // Only with what came of the look: others may have thrown it away.
                if let Some(judged) = finished.judged {
                    waiting.handle.is_judged(&waiting.role, judged);
                }
                look.settle(print, finished, interval, Instant::now());
            }
            None => look.give_up(Instant::now()),
        }
        let outdated = !look.wants(print) || look.is_due_at_once();
        // Others of the object may be under way for minutes.
        let due_before_next = looked.next.is_some_and(|next| look.due < next);
        outdated || due_before_next || looked.looks.values().all(|look| look.running.is_none())
    }

    /// Work that goes on was reported: the next report comes later.
    pub fn reported(&self, object: &ObjectName) {
        if let Some(looked) = self.objects().get_mut(object)
            && let Some((at, step)) = looked.report
        {
            let step = step.mul_f64(1.5).min(RAREST_REPORT).max(self.pause());
            looked.report = Some((at + step, step));
        }
    }

    /// Forgets an object that is gone.
    pub fn forget(&self, object: &ObjectName) {
        let mut objects = self.objects();
        if let Some(looked) = objects.get_mut(object) {
            looked.rest = None;
            looked.looks.iter_mut().for_each(|(_, look)| look.forget());
            looked.tell_waiting();
            looked.looks.retain(|_, look| look.running.is_some());
            if looked.looks.is_empty() {
                objects.remove(object);
            }
        }
        drop(objects);
        self.contested().remove(object);
    }

    /// Nothing is to be done about an object for now: what waits for its turn is given up, and what is under way ends at its
    /// next step.
    pub fn let_be(&self, object: &ObjectName) {
        if let Some(looked) = self.objects().get_mut(object) {
            looked.rest = None;
            if looked.let_be(|_| true) {
                looked.tell_waiting();
            }
        }
    }

    /// Somebody changed the role of an object in an account from outside: it is looked at now, and read anew.
    pub fn is_changed(&self, object: &ObjectName, account: &str) {
        if let Some(looked) = self.objects().get_mut(object) {
            looked.rest = None;
            if let Some(look) = looked.looks.get_mut(account) {
                look.is_changed(Instant::now());
            }
        }
    }

    /// How many looks are under way, or wait for their turn.
    pub fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// The operator stops: whatever waits for its turn is given up, and what is under way ends at its next step.
    pub fn give_up(&self) {
        self.under_way.close();
        for looked in self.objects().values() {
            looked.tell_waiting();
        }
    }

    /// Whether the operator stops.
    pub fn are_given_up(&self) -> bool {
        self.under_way.is_closed()
    }

    /// Waits until every look that is under way has ended. None may be begun any more.
    pub async fn finish(&self) {
        self.under_way.close();
        self.under_way.wait().await;
    }
}

/// The annotation that asks for a look now, as a number.
pub(super) fn print_of(asked: Option<&str>) -> u64 {
    let mut hasher = DefaultHasher::new();
    asked.hash(&mut hasher);
    hasher.finish()
}

/// An object, as the queue names it.
pub fn reference(object: &ObjectName) -> ObjectRef<CachedRole> {
    by_name(&object.name, Some(&object.namespace))
}

impl Looked {
    /// How much too early a look may come: the accounts of one object are looked at together.
    fn slack(&self, interval: Duration, now: Instant) -> Duration {
        let any_due = self.looks.values().any(|look| look.is_due_by_itself(now));
        if any_due { interval / 5 } else { Duration::ZERO }
    }

    /// In these accounts nothing is to be done any more. Says whether anything is under way there.
    fn let_be(&mut self, which: impl Fn(&str) -> bool) -> bool {
        let mut any = false;
        for (account, look) in self.looks.iter_mut() {
            if look.running.is_some() && which(account.as_str()) {
                look.is_let_be = true;
                any = true;
            }
        }
        any
    }

    /// Something else may be asked for than what waits for its turn.
    fn tell_waiting(&self) {
        if let Some(changed) = &self.changed {
            changed.notify_waiters();
        }
    }

    /// Remembers where nothing is to be done, until a look there has ended.
    fn note_settled(&mut self, tasks: &[Arc<Task>]) {
        let settled = tasks.iter().filter(|task| match &task.target {
            Target::Settled(..) => true,
            _ => {
                let look = self.looks.get(&task.account);
                self.settled.contains(&task.account) && look.is_none_or(|look| look.done.is_none())
            }
        });
        self.settled = settled.map(|task| task.account.clone()).collect();
    }

    fn course(&mut self, tasks: &[Arc<Task>], pause: Duration, now: Instant) -> Course {
        self.note_settled(tasks);
        let verdicts = tasks.iter().map(|task| self.verdict(task)).collect();
        let under_way = self.looks.values().any(|look| look.running.is_some());
        let report_at = if under_way {
            self.report.get_or_insert((now + pause, pause)).0
        } else {
            self.report = None;
            self.changed = None;
            now
        };
        let due = self
            .looks
            .values()
            .filter(|look| look.running.is_none())
            .map(|look| look.due);
        let next = due.chain(under_way.then_some(report_at)).min();
        self.next = next;
        Course {
            verdicts,
            report: report_at <= now,
            under_way,
            next: next.map(|next| next.saturating_duration_since(now)),
        }
    }

    fn verdict(&self, task: &Task) -> Verdict {
        if let Target::Settled(id, outcome) = &task.target {
            return task.settled(id.as_ref(), outcome);
        }
        let done = self.looks.get(&task.account).and_then(|look| look.done.as_ref());
        match done {
            Some((print, verdict)) if *print == task.print() => Verdict {
                named: task.named,
                ..verdict.clone()
            },
            _ => {
                let anew = done.is_some() || self.settled.contains(&task.account);
                task.settled(None, &Outcome::UnderWay { anew })
            }
        }
    }
}

#[cfg(test)]
mod tests;
