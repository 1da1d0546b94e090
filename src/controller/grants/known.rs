//! What this process knows of grants. None of it is needed to be right in the end; it is gone with the process.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossrole_api::Reason;
use crossrole_iam::AccountId;
use crossrole_plan::declaration::ObjectName;
use crossrole_plan::grant::{Gives, ObservedGrant, Seen};
use kube::runtime::reflector::ObjectRef;

use crate::controller::looks::look::{self, Look, has_reason};
use crate::controller::verdict::Outcome;
use crate::controller::watch::CachedGrant;
use crate::controller::work::Finished;

/// What this process knows of grants.
#[derive(Debug, Default)]
pub struct Known(Mutex<HashMap<ObjectName, Grant>>);

#[derive(Debug, Default)]
struct Grant {
    /// What the last look came to, and when the next one is due.
    look: Option<Look>,
    /// What we wrote, and when.
    written: Option<(ObservedGrant, Instant)>,
    /// What its policies gave when it was last clear.
    gives: Option<Gives>,
    /// Unique ids of policies that were seen with its tags.
    seen: Seen,
    /// Policies that this process made and did not remove, by their numbers, and when.
    made: BTreeMap<u32, Instant>,
    /// When a policy may last have been made of which this process does not know.
    doubtful: Option<Instant>,
    /// Since when the name of a policy that is not seen is said to be taken.
    taken: Option<Instant>,
}

/// Whether a look is due.
#[derive(Debug, PartialEq)]
pub enum Due {
    /// It is.
    Now {
        /// Whether somebody asked for it: nothing that we remember counts.
        anew: bool,
    },
    /// It is not: this is what the last one came to.
    Later(Outcome),
}

/// What the account holds since we wrote there, and what was made on the way.
#[derive(Debug, Default)]
pub struct Written {
    /// What the account holds; `None` where that is not clear.
    pub holds: Option<ObservedGrant>,
    /// The numbers of policies that were made.
    pub made: Vec<u32>,
    /// Whether one more may have been made: the answer was lost.
    pub unclear: bool,
    /// Whether one of a policy's name is there, although it was not seen: perhaps ours, made a moment ago.
    pub is_taken: bool,
}

impl Known {
    fn inner(&self) -> MutexGuard<'_, HashMap<ObjectName, Grant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a look is due at this task in an account, which counts as begun then; `asked` is the annotation that asks for
    /// one, as a number. `may_be_there`: whoever wrote in the account before this process did may have died a moment ago.
    pub fn begin(
        &self,
        object: &ObjectName,
        account: &AccountId,
        (print, asked): (u64, u64),
        may_be_there: bool,
    ) -> Due {
        let now = Instant::now();
        let mut inner = self.inner();
        let grant = inner.entry(object.clone()).or_insert_with(|| Grant {
            doubtful: may_be_there.then_some(now),
            ..Grant::default()
        });
        let look = grant.look.get_or_insert_with(|| Look::new(print, asked, now));
        // Looks at one grant follow each other; one that was broken off is due again.
        look.running = None;
        let begins = look.begin(print, asked, now, Duration::ZERO);
        look.account_id = Some(account.clone());
        match &look.done {
            Some((_, verdict)) if !begins => Due::Later(verdict.outcome.clone()),
            _ => {
                look.due = now;
                let anew = look.is_anew();
                Due::Now { anew }
            }
        }
    }

    /// What a look at this task came to.
    pub fn settle(&self, object: &ObjectName, print: u64, finished: Finished, interval: Duration) {
        let now = Instant::now();
        let mut inner = self.inner();
        let grant = inner.entry(object.clone()).or_default();
        if has_reason(&finished.verdict, &[Reason::InSync]) {
            grant.taken = None;
        }
        let look = grant.look.get_or_insert_with(|| Look::new(print, 0, now));
        look.running = None;
        look.settle(print, finished, interval, now);
    }

    /// How long it is until the next look is due.
    pub fn due_in(&self, object: &ObjectName) -> Option<Duration> {
        let inner = self.inner();
        let due = inner.get(object)?.look.as_ref()?.due;
        Some(due.saturating_duration_since(Instant::now()))
    }

    /// Lets the looks expire that failed because the account as a whole did. Gives their objects.
    pub fn expire_failed_in(&self, account_id: &str) -> Vec<ObjectRef<CachedGrant>> {
        let mut inner = self.inner();
        let expired = inner.iter_mut().filter_map(|(object, grant)| {
            let any = look::expire_failed_in(grant.look.iter_mut(), account_id);
            any.then(|| ObjectRef::new(&object.name).within(&object.namespace))
        });
        expired.collect()
    }

    /// Whether the last look was at this task, and found the account to hold what is asked for.
    pub fn was_right(&self, object: &ObjectName, print: u64) -> bool {
        let inner = self.inner();
        let look = inner.get(object).and_then(|grant| grant.look.as_ref());
        let done = look.and_then(|look| look.done.as_ref());
        done.is_some_and(|(done, verdict)| *done == print && has_reason(verdict, &[Reason::InSync]))
    }

    /// Whether a policy may be there that IAM does not show everywhere yet, which takes so long at most.
    pub fn may_still_appear(&self, object: &ObjectName, delay: Duration) -> bool {
        let inner = self.inner();
        let Some(grant) = inner.get(object) else { return false };
        let mut times = grant.made.values().chain(&grant.doubtful).chain(&grant.taken);
        times.any(|at| at.elapsed() < delay)
    }

    /// What the account holds because we wrote it a moment ago: IAM may still show what was before.
    pub fn written_within(&self, object: &ObjectName, time: Duration) -> Option<ObservedGrant> {
        let inner = self.inner();
        let (holds, at) = inner.get(object)?.written.as_ref()?;
        (at.elapsed() < time).then(|| holds.clone())
    }

    /// We wrote in the account.
    pub fn wrote(&self, object: &ObjectName, written: Written) {
        let mut inner = self.inner();
        let grant = inner.entry(object.clone()).or_default();
        let now = Instant::now();
        grant.made.extend(written.made.iter().map(|number| (*number, now)));
        if written.unclear {
            grant.doubtful = Some(now);
        }
        // It does not become ours by being asked for again.
        grant.taken = if written.is_taken {
            grant.taken.or(Some(now))
        } else {
            grant.taken.filter(|_| written.made.is_empty())
        };
        // Of one that IAM did not find when it was to go, nobody knows that it is gone.
        if let Some(holds) = &written.holds {
            grant.made.retain(|number, _| holds.policies.contains_key(number));
        }
        grant.written = written.holds.map(|holds| (holds, now));
    }

    /// What the grant's policies give now; `None` where that is not clear.
    pub fn found(&self, object: &ObjectName, gives: Option<Gives>) {
        self.inner().entry(object.clone()).or_default().gives = gives;
    }

    /// What the grant's policies gave when this process last looked; `None` where that is not clear.
    pub fn gives(&self, object: &ObjectName) -> Option<Gives> {
        self.inner().get(object)?.gives.clone()
    }

    /// Lets the last look expire, whatever it found.
    pub fn look_again(&self, object: &ObjectName) {
        if let Some(look) = self.inner().get_mut(object).and_then(|grant| grant.look.as_mut()) {
            look.due = Instant::now();
        }
    }

    /// Remembers the unique ids of policies that carry the grant's tags, and says all that are known.
    pub fn saw(&self, object: &ObjectName, ids: impl Iterator<Item = String>) -> Seen {
        let mut inner = self.inner();
        let grant = inner.entry(object.clone()).or_default();
        grant.seen.extend(ids);
        grant.seen.clone()
    }

    /// The grant is gone.
    pub fn forget(&self, object: &ObjectName) {
        self.inner().remove(object);
    }
}

#[cfg(test)]
mod tests;
