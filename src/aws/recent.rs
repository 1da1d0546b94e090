//! What was written lately. IAM shows its own writes everywhere only after some seconds, so until then a role is what
//! was written, not what a read says.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossrole_iam::RoleName;
use crossrole_plan::change::Plan;
use crossrole_plan::effect;
use crossrole_plan::observed::Observed;
use crossrole_plan::quota::Quotas;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::write::Applied;

/// What was written lately in one account.
#[derive(Debug)]
pub(super) struct Recent {
    shown_after: Duration,
    /// Room for roles as they were made, in all accounts.
    room: Arc<Semaphore>,
    writes: Mutex<Writes>,
}

#[derive(Debug, Default)]
struct Writes {
    /// By the role's name without regard to case.
    by_role: HashMap<String, Write>,
    /// Whether somebody lets go in time of what they hold.
    are_let_go: bool,
}

/// Writes are remembered for so long: no reading of a whole account takes longer.
const REMEMBERED: Duration = Duration::from_secs(600);

#[derive(Debug)]
struct Write {
    /// When it began, and when it has ended, when that was.
    at: Instant,
    /// Whether it still goes on.
    under_way: bool,
    /// What the account holds since; absent where that is not clear, or there is no room.
    holds: Option<Holds>,
}

#[derive(Debug)]
struct Holds {
    observed: Observed,
    _room: Option<OwnedSemaphorePermit>,
}

impl Recent {
    /// Nothing was written yet. `shown_after` is how long IAM may take to show it. There is `room` for so many roles as they
    /// were made, in all accounts; those of which something is still to be done always have room.
    pub(super) fn new(shown_after: Duration, room: Arc<Semaphore>) -> Self {
        Self {
            shown_after,
            room,
            writes: Mutex::default(),
        }
    }

    fn writes(&self) -> MutexGuard<'_, Writes> {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the account holds because we wrote it a moment ago.
    pub(super) fn written(&self, role: &RoleName, now: Instant) -> Option<Observed> {
        let writes = self.writes();
        let write = writes.by_role.get(&role.folded())?;
        let fresh = now.duration_since(write.at) < self.shown_after;
        let holds = write.holds.as_ref().filter(|_| fresh)?;
        Some(holds.observed.clone())
    }

    /// How long a read may still show what was before our last write.
    pub(super) fn doubtful_for(&self, role: &RoleName, now: Instant) -> Option<Duration> {
        let writes = self.writes();
        let write = writes.by_role.get(&role.folded())?;
        if write.under_way {
            return Some(self.shown_after);
        }
        (write.at + self.shown_after)
            .checked_duration_since(now)
            .filter(|left| !left.is_zero())
    }

    /// The roles of which a read that began then may show what was before our last write, by their names in lower case.
    pub(super) fn doubtful_since(&self, began: Instant) -> Vec<String> {
        let mut writes = self.writes();
        writes.forget_old(self.shown_after, began);
        let doubtful = writes
            .by_role
            .iter()
            .filter(|(_, write)| write.under_way || write.at + self.shown_after > began);
        doubtful.map(|(name, _)| name.clone()).collect()
    }

    /// Lets go of what roles hold since they were written once IAM shows it: it is the whole role, and an account in which
    /// nothing happens may not be asked for long.
    pub(super) fn let_go_in_time(self: &Arc<Self>) {
        if std::mem::replace(&mut self.writes().are_let_go, true) {
            return;
        }
        let (recent, shown_after) = (Arc::downgrade(self), self.shown_after);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(shown_after).await;
                match recent.upgrade() {
                    Some(recent) if recent.let_go(Instant::now()) => {}
                    _ => return,
                }
            }
        });
    }

    /// Says whether anything is held still: then somebody has to let go of that, too.
    fn let_go(&self, now: Instant) -> bool {
        let mut writes = self.writes();
        writes.forget_old(self.shown_after, now);
        writes.are_let_go = writes.by_role.values().any(|write| write.holds.is_some());
        writes.are_let_go
    }

    /// A plan is about to be carried out: until it is known what came of it, nothing is.
    pub(super) fn begin(&self, role: &RoleName, now: Instant) {
        let mut writes = self.writes();
        writes.forget_old(self.shown_after, now);
        let begun = Write {
            at: now,
            under_way: true,
            holds: None,
        };
        writes.by_role.insert(role.folded(), begun);
    }

    /// Somebody else changed a role: IAM may still show what was before.
    pub(super) fn is_changed(&self, role: &RoleName, now: Instant) {
        let mut writes = self.writes();
        writes.forget_old(self.shown_after, now);
        let write = writes.by_role.entry(role.folded()).or_insert(Write {
            at: now,
            under_way: false,
            holds: None,
        });
        write.at = now;
        write.holds = None;
    }

    /// What came of a plan that was made from `observed`.
    pub(super) fn wrote(&self, plan: &Plan, observed: &Observed, applied: &Applied, now: Instant) {
        let clear = !applied.guessed && applied.failure.as_ref().is_none_or(|failure| !failure.unclear);
        let done = plan.changes.iter().take(applied.done);
        // What was done whole is hardly asked for again so soon, and a role is some kilobytes: ten thousand may be made in a
        // few seconds.
        let is_whole = applied.failure.is_none() && applied.done == plan.changes.len();
        let room = self.room.clone().try_acquire_owned().ok();
        let has_room = !is_whole || room.is_some();
        let mut holds = effect::apply_all(done, &plan.role, observed, &Quotas::raised())
            .ok()
            .filter(|_| clear && has_room);
        if let (Some(Observed::Present(role)), Some(created)) = (&mut holds, &applied.created) {
            role.arn.clone_from(&created.arn);
            role.id.clone_from(&created.id);
            role.dates = created.dates;
        }
        let ended = Write {
            at: now,
            under_way: false,
            holds: holds.map(|observed| Holds { observed, _room: room }),
        };
        self.writes().by_role.insert(plan.role.folded(), ended);
    }
}

impl Writes {
    /// What a role holds since it was written is no longer asked for once IAM shows it.
    fn forget_old(&mut self, shown_after: Duration, now: Instant) {
        self.by_role.retain(|_, write| {
            let age = now.saturating_duration_since(write.at);
            if age >= shown_after {
                write.holds = None;
            }
            write.under_way || age < REMEMBERED
        });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crossrole_plan::change::Change;
    use crossrole_plan::outcome::Failure;

    use super::*;
    use crate::aws::{Action, CallError};

    const SHOWN_AFTER: Duration = Duration::from_secs(15);

    fn recent() -> Recent {
        Recent::new(SHOWN_AFTER, Arc::new(Semaphore::new(100)))
    }

    fn plan() -> Plan {
        Plan {
            role: "Audit".parse().unwrap(),
            changes: vec![Change::DeleteRole],
        }
    }

    fn present() -> Observed {
        Observed::Present(Box::new(crossrole_plan::observed::ObservedRole {
            arn: "arn:aws:iam::222222222222:role/Audit".into(),
            id: "AROA1".into(),
            dates: crossrole_plan::observed::Dates::default(),
            path: "/".into(),
            trust: crossrole_plan::observed::ObservedDocument::unreadable("", ""),
            description: String::new(),
            max_session: 3600,
            boundary: None,
            tags: std::collections::BTreeMap::new(),
            attached: BTreeSet::new(),
            inline: std::collections::BTreeMap::new(),
            instance_profiles: BTreeSet::new(),
        }))
    }

    fn applied(done: usize, failure: Option<Failure>) -> Applied {
        let failure = failure.map(|failure| CallError {
            unclear: failure == Failure::Unavailable,
            ..CallError::new(Action::DeleteRole, failure, "")
        });
        Applied {
            done,
            failure,
            ..Applied::default()
        }
    }

    #[test]
    fn what_was_written_holds_until_iam_shows_it() {
        let (recent, start, name) = (recent(), Instant::now(), "AUDIT".parse().unwrap());
        assert_eq!(recent.written(&name, start), None);
        recent.begin(&name, start);
        assert_eq!(
            recent.written(&name, start),
            None,
            "nothing is known while it is under way"
        );
        assert_eq!(recent.doubtful_for(&name, start), Some(SHOWN_AFTER));
        recent.wrote(&plan(), &present(), &applied(1, None), start);
        assert_eq!(recent.written(&name, start), Some(Observed::Absent));
        assert_eq!(recent.written(&name, start + SHOWN_AFTER), None);
        assert_eq!(recent.doubtful_for(&name, start + SHOWN_AFTER), None);
    }

    #[test]
    fn what_somebody_else_changed_is_no_longer_what_we_wrote_and_doubtful_as_long() {
        let (recent, start, name) = (recent(), Instant::now(), "Audit".parse().unwrap());
        recent.wrote(&plan(), &present(), &applied(1, None), start);
        let later = start + SHOWN_AFTER / 2;
        recent.is_changed(&name, later);
        assert_eq!(recent.written(&name, later), None);
        assert_eq!(recent.doubtful_for(&name, later), Some(SHOWN_AFTER));
        assert_eq!(recent.doubtful_since(later), ["audit"]);
        assert_eq!(recent.doubtful_for(&name, later + SHOWN_AFTER), None);
        recent.begin(&name, later);
        recent.is_changed(&name, later);
        assert_eq!(
            recent.doubtful_since(later + SHOWN_AFTER * 2),
            ["audit"],
            "our own write goes on all the same"
        );
    }

    #[test]
    fn what_a_role_holds_is_let_go_of_when_iam_shows_it_though_nobody_asks() {
        let (recent, start) = (recent(), Instant::now());
        recent.wrote(&plan(), &present(), &applied(1, None), start);
        assert!(recent.let_go(start + SHOWN_AFTER / 2));
        assert!(recent.writes().by_role["audit"].holds.is_some());
        assert!(!recent.let_go(start + SHOWN_AFTER));
        assert!(recent.writes().by_role["audit"].holds.is_none());
        assert_eq!(
            recent.doubtful_since(start),
            ["audit"],
            "that it was written to is still known"
        );
    }

    #[tokio::test]
    async fn somebody_lets_go_in_time_of_every_write() {
        let recent = Arc::new(Recent::new(Duration::from_millis(1), Arc::new(Semaphore::new(1))));
        let held = || {
            let writes = recent.writes();
            writes.by_role.values().any(|write| write.holds.is_some())
        };
        for _ in 0..2 {
            recent.wrote(&plan(), &present(), &applied(1, None), Instant::now());
            recent.let_go_in_time();
            assert!(held());
            while held() {
                tokio::task::yield_now().await;
            }
        }
    }

    #[test]
    fn a_reading_that_began_before_a_write_was_shown_is_doubtful_however_long_either_takes() {
        let (recent, start, name) = (recent(), Instant::now(), "Audit".parse().unwrap());
        let other = "Other".parse().unwrap();
        recent.begin(&name, start);
        let later = start + SHOWN_AFTER * 3;
        assert_eq!(recent.doubtful_since(later), ["audit"], "it still goes on");
        assert_eq!(recent.doubtful_for(&name, later), Some(SHOWN_AFTER));
        recent.wrote(&plan(), &present(), &applied(1, None), later);
        recent.begin(&other, later + SHOWN_AFTER * 2);
        let mut doubtful = recent.doubtful_since(later + SHOWN_AFTER / 2);
        doubtful.sort();
        assert_eq!(doubtful, ["audit", "other"]);
        assert_eq!(recent.doubtful_since(later + SHOWN_AFTER), ["other"]);
    }

    #[test]
    fn of_very_many_only_those_are_remembered_of_which_something_is_still_to_be_done() {
        let (room, start) = (Arc::new(Semaphore::new(1)), Instant::now());
        let accounts = [(); 2].map(|()| Recent::new(SHOWN_AFTER, room.clone()));
        let name = "Audit".parse().unwrap();
        for recent in &accounts {
            recent.wrote(&plan(), &present(), &applied(1, None), start);
        }
        let written = |recent: &Recent| recent.written(&name, start).is_some();
        assert_eq!(accounts.each_ref().map(written), [true, false]);
        assert_eq!(accounts[1].doubtful_for(&name, start), Some(SHOWN_AFTER));
        accounts[1].wrote(&plan(), &present(), &applied(0, Some(Failure::PermissionDenied)), start);
        assert!(written(&accounts[1]), "it is tried again soon");
        accounts[0].let_go(start + SHOWN_AFTER);
        accounts[1].wrote(&plan(), &present(), &applied(1, None), start);
        assert!(written(&accounts[1]), "there is room again");
    }

    #[test]
    fn a_refused_call_left_everything_as_it_was_and_one_without_answer_is_not_clear() {
        let (recent, start, name) = (recent(), Instant::now(), "Audit".parse().unwrap());
        recent.wrote(&plan(), &present(), &applied(0, Some(Failure::PermissionDenied)), start);
        assert_eq!(recent.written(&name, start), Some(present()));
        recent.wrote(&plan(), &present(), &applied(0, Some(Failure::Unavailable)), start);
        assert_eq!(recent.written(&name, start), None);
        assert_eq!(recent.doubtful_for(&name, start), Some(SHOWN_AFTER));
    }
}
