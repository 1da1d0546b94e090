//! Objects at rest: every role was found right, or as nothing is to be done about, and status says so.
//!
//! What an object asks for follows from the object itself and from what the [`World`] holds, and from nothing else. While
//! both are the same, it asks for the same; so all that a look has to find out is whether the accounts still show the
//! roles as they were, and whether something is due by now. The last reading of each account tells both. Whatever else is
//! the case, the object is gone through.
//!
//! Most objects are at rest most of the time, so no queue holds them: that would take more memory than is kept of them here.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossrole_api::CrossAccountRole;
use crossrole_iam::RoleName;
use crossrole_plan::declaration::ObjectName;
use kube::ResourceExt;
use tokio::sync::Notify;
use tokio::sync::watch::Receiver;

use super::look::Look;
use super::{AllLooked, Course, Looked, Looks, reference};
use crate::controller::context::{Context, object_name};
use crate::controller::index;
use crate::controller::run::until_stop;
use crate::controller::standing;
use crate::controller::verdict::Verdict;
use crate::controller::world::World;

/// What is due within so long is looked at together.
const TOGETHER: Duration = Duration::from_millis(50);

/// When something is due of an object.
type Due = (Instant, Arc<ObjectName>);

/// When something is due of the objects at rest, the earliest first. What has changed meanwhile is still in it.
#[derive(Default)]
pub(super) struct Resting {
    by_time: Mutex<BinaryHeap<Reverse<Due>>>,
    is_earlier: Notify,
}

impl Resting {
    fn by_time(&self) -> MutexGuard<'_, BinaryHeap<Reverse<Due>>> {
        self.by_time.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something of an object is due then.
    fn is_due(&self, at: Instant, object: Arc<ObjectName>) {
        let mut by_time = self.by_time();
        let is_earlier = by_time.peek().is_none_or(|Reverse((earliest, _))| at < *earliest);
        by_time.push(Reverse((at, object)));
        if is_earlier {
            self.is_earlier.notify_one();
        }
    }

    /// Waits until anything is due.
    async fn until_any_is_due(&self) {
        loop {
            let earliest = self.by_time().peek().map(|Reverse((at, _))| *at);
            let is_due = async {
                match earliest {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = is_due => return,
                () = self.is_earlier.notified() => {}
            }
        }
    }

    /// Takes what is due by now.
    fn take_due(&self, now: Instant) -> Vec<Due> {
        let (mut by_time, mut due) = (self.by_time(), Vec::new());
        while let Some(earliest) = by_time.peek_mut().filter(|earliest| earliest.0.0 <= now) {
            due.push(PeekMut::pop(earliest).0);
        }
        due
    }
}

/// Looks at objects at rest when something of them is due, and asks for a look at those that are no longer as they were.
pub(in crate::controller) async fn run(context: Arc<Context>, mut stop: Receiver<bool>) {
    loop {
        tokio::select! {
            () = context.looks.resting.until_any_is_due() => {}
            () = until_stop(&mut stop) => return,
        }
        tokio::time::sleep(TOGETHER).await;
        for (at, object) in context.looks.resting.take_due(Instant::now()) {
            if !context.looks.rests_until(&object, at) {
                continue;
            }
            let reference = reference(&object);
            let cached = context.caches.roles.get(&reference);
            let role = cached.as_ref().and_then(|cached| cached.0.as_ref().ok());
            if !role.is_some_and(|role| context.looks.pass(&context, role)) {
                let _ = context.queues.roles.send(reference);
            }
        }
    }
}

/// An account was read so lately, in intervals, where what it shows of a role still counts.
pub(in crate::controller) const LATELY: f64 = 1.5;

/// What an object, and everything else that what it asks for follows from, were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rest {
    /// The object's `resourceVersion`.
    version: u64,
    /// How many changes the world had seen that can matter to an object.
    world: u64,
}

impl Rest {
    /// `None` where versions are no numbers.
    fn of(version: Option<&str>, world: u64) -> Option<Self> {
        let version = version?.parse().ok()?;
        Some(Self { version, world })
    }
}

impl Looks {
    /// This came of an object in this world, and its status says so in this version. Says whether it is at rest: then it is
    /// looked at when something of it is due.
    pub fn rests(&self, role: &CrossAccountRole, version: Option<&str>, world: &World, course: &Course) -> bool {
        let stays = |verdict: &Verdict| verdict.outcome.stays_as_shown();
        let Some(rest) = Rest::of(version, world.bearing()) else {
            return false;
        };
        if course.under_way || !course.verdicts.iter().all(stays) {
            return false;
        }
        let mut objects = self.objects();
        let Some((object, looked)) = kept(&mut objects, &object_name(role)) else {
            return false;
        };
        let Some(next) = looked.next else { return false };
        looked.rest = Some(rest);
        self.resting.is_due(next, object);
        true
    }

    /// Looks at an object, where it is at rest. Says whether it still is: then it is looked at when something of it is due.
    /// Where not, it has to be gone through.
    pub fn pass(&self, context: &Context, role: &CrossAccountRole) -> bool {
        let Some(looks) = self.looks_passed(context, role) else {
            return false;
        };
        for (name, reason) in looks {
            context.metrics.looked(name, reason);
        }
        let conditions = role.status.as_ref().map_or(&[][..], |status| &status.conditions);
        standing::count(&context.metrics, "CrossAccountRole", conditions);
        true
    }

    /// What came of the roles of an object at rest that were due.
    fn looks_passed(&self, context: &Context, role: &CrossAccountRole) -> Option<Vec<CameTo>> {
        let rest = Rest::of(role.resource_version().as_deref(), context.caches.bearing())?;
        let name: RoleName = index::role_name(role).parse().ok()?;
        let (interval, moment) = (context.settings.resync_interval, context.now());
        let stays_for = |look: &Look| {
            let handle = context.aws.known_account(look.account_id.as_ref()?)?;
            let (by, _) = look.done.as_ref().filter(|_| look.judged)?;
            handle.stays_for(&name, *by, interval.mul_f64(LATELY), moment)
        };
        let mut objects = self.objects();
        let (object, looked) = kept(&mut objects, &object_name(role))?;
        let before = looked.next;
        let passed = looked.pass(rest, interval, Instant::now(), stays_for)?;
        if before != Some(passed.next) || !passed.looks.is_empty() {
            self.resting.is_due(passed.next, object);
        }
        Some(passed.looks)
    }

    /// Whether an object is at rest, and something of it is due at this time and not before.
    fn rests_until(&self, object: &ObjectName, at: Instant) -> bool {
        let objects = self.objects();
        let looked = objects.get(object);
        looked.is_some_and(|looked| looked.rest.is_some() && looked.next == Some(at))
    }
}

/// An object as its looks are kept by, and what is kept.
fn kept<'a>(objects: &'a mut AllLooked, object: &ObjectName) -> Option<(Arc<ObjectName>, &'a mut Looked)> {
    let kept = objects.get_key_value(object)?.0.clone();
    Some((kept, objects.get_mut(object)?))
}

/// What a look came to: the entry's state and reason.
type CameTo = (&'static str, &'static str);

/// What came of a look at an object that is at rest.
#[derive(Debug, PartialEq, Eq)]
struct Passed {
    /// What the roles came to that were looked at.
    looks: Vec<CameTo>,
    /// When to look again.
    next: Instant,
}

impl Looked {
    /// Looks at the roles that are due, where `stays_for` says of each how long it will be as it was found.
    fn pass(
        &mut self,
        rest: Rest,
        interval: Duration,
        now: Instant,
        stays_for: impl Fn(&Look) -> Option<Duration>,
    ) -> Option<Passed> {
        if self.rest != Some(rest) || self.looks.values().any(|look| look.running.is_some()) {
            return None;
        }
        let slack = self.slack(interval, now);
        let mut due: Vec<(&mut Look, Duration)> = Vec::with_capacity(1);
        for (_, look) in self.looks.iter_mut() {
            if look.is_due_within(slack, now) {
                let stays_for = stays_for(look)?;
                due.push((look, stays_for));
            }
        }
        let mut looks = Vec::with_capacity(due.len());
        for (look, stays_for) in due {
            let done = look.done.iter();
            looks.extend(done.map(|(_, verdict)| (verdict.outcome.name(), verdict.outcome.reason())));
            look.found_again(stays_for, interval, now);
        }
        let next = self.looks.values().map(|look| look.due).min()?;
        self.next = Some(next);
        Some(Passed { looks, next })
    }
}

#[cfg(test)]
mod tests {
    use crossrole_plan::outcome;

    use super::*;
    use crate::controller::verdict::Outcome;

    const INTERVAL: Duration = Duration::from_secs(600);
    const REST: Rest = Rest { version: 7, world: 2 };

    /// An object at rest in two accounts, one of which is due.
    fn looked(now: Instant) -> Looked {
        let look = |account: &str, due| {
            let verdict = Verdict {
                account: account.into(),
                account_id: None,
                named: true,
                role: None,
                outcome: Outcome::ready(),
            };
            let mut look = Look::new(1, 0, due);
            look.done = Some((1, verdict));
            (account.into(), Box::new(look))
        };
        Looked {
            looks: [look("prod", now), look("stage", now + INTERVAL)].into_iter().collect(),
            rest: Some(REST),
            ..Looked::default()
        }
    }

    #[test]
    fn a_role_that_is_right_for_some_time_is_looked_at_again_at_the_interval_or_before_that_ends() {
        let now = Instant::now();
        let mut passed = looked(now);
        let found = passed.pass(REST, INTERVAL, now, |_| Some(Duration::MAX));
        let found = found.unwrap();
        assert_eq!(found.looks, [("Ready", "InSync")], "the other is not due");
        assert!(found.next >= now + outcome::regular(INTERVAL, 0.0), "{:?}", found.next);
        let soon = Duration::from_secs(20);
        let found = looked(now).pass(REST, INTERVAL, now, |_| Some(soon));
        let next = now + soon;
        let looks = vec![("Ready", "InSync")];
        assert_eq!(found, Some(Passed { looks, next }));
    }

    #[test]
    fn nothing_is_passed_over_where_anything_is_not_as_it_was() {
        let now = Instant::now();
        let right = |_: &Look| Some(Duration::MAX);
        for other in [Rest { version: 8, ..REST }, Rest { world: 3, ..REST }] {
            assert_eq!(looked(now).pass(other, INTERVAL, now, right), None);
        }
        let mut never = looked(now);
        never.rest = None;
        assert_eq!(never.pass(REST, INTERVAL, now, right), None);
        let mut changed = looked(now);
        assert_eq!(changed.pass(REST, INTERVAL, now, |_| None), None);
        assert!(
            changed.looks.first().unwrap().1.due <= now,
            "it is still to be looked at"
        );
        let mut under_way = looked(now);
        under_way.looks.iter_mut().for_each(|(_, look)| look.running = Some(1));
        assert_eq!(under_way.pass(REST, INTERVAL, now, right), None);
    }

    #[test]
    fn an_object_without_roles_is_gone_through() {
        let mut none = Looked {
            rest: Some(REST),
            ..Looked::default()
        };
        assert_eq!(none.pass(REST, INTERVAL, Instant::now(), |_| None), None);
    }
}
