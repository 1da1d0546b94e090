//! What this process knows of grants. None of it is needed to be right in the end; it is gone with the process.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossrole_plan::declaration::ObjectName;
use crossrole_plan::grant::{ObservedGrant, Seen};

/// What this process knows of grants.
#[derive(Debug, Default)]
pub struct Known(Mutex<HashMap<ObjectName, Grant>>);

#[derive(Debug, Default)]
struct Grant {
    /// What was asked for when the account was last found to hold it, as a number; and when that was.
    right: Option<(u64, Instant)>,
    /// What we wrote, and when.
    written: Option<(ObservedGrant, Instant)>,
    /// Unique ids of policies that were seen with its tags.
    seen: Seen,
    /// When this process last made a policy, and knew that it had.
    made: Option<Instant>,
    /// When a policy may last have been made of which this process does not know.
    doubtful: Option<Instant>,
}

/// Whether a policy was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// None was.
    Nothing,
    /// One was.
    Policy,
    /// The answer was lost.
    Unknown,
    /// One of its name was there, although it was not seen: perhaps ours, made a moment ago.
    WasThere,
}

impl Known {
    fn inner(&self) -> MutexGuard<'_, HashMap<ObjectName, Grant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The grant is looked at. Whoever wrote in the account before this process did may have died a moment ago.
    pub fn looks(&self, object: &ObjectName, may_be_there: bool) {
        let mut inner = self.inner();
        inner.entry(object.clone()).or_insert_with(|| Grant {
            doubtful: may_be_there.then(Instant::now),
            ..Grant::default()
        });
    }

    /// Whether a policy may be there that IAM does not show everywhere yet, which takes so long at most. `removed`: those that
    /// this process made are gone.
    pub fn may_still_appear(&self, object: &ObjectName, removed: bool, delay: Duration) -> bool {
        let inner = self.inner();
        let Some(grant) = inner.get(object) else { return false };
        let made = grant.made.filter(|_| !removed);
        made.into_iter().chain(grant.doubtful).any(|at| at.elapsed() < delay)
    }

    /// For how long still the account need not be asked, since it was found to hold what is asked for.
    pub fn is_right_for(&self, object: &ObjectName, print: u64, time: Duration) -> Option<Duration> {
        let inner = self.inner();
        let (known, at) = inner.get(object)?.right?;
        time.checked_sub(at.elapsed()).filter(|_| known == print)
    }

    /// Whether the account was found to hold what is asked for, whenever that was.
    pub fn was_right(&self, object: &ObjectName, print: u64) -> bool {
        let inner = self.inner();
        let right = inner.get(object).and_then(|grant| grant.right);
        right.is_some_and(|(known, _)| known == print)
    }

    /// The account holds what is asked for.
    pub fn is_right(&self, object: &ObjectName, print: u64) {
        self.inner().entry(object.clone()).or_default().right = Some((print, Instant::now()));
    }

    /// What the account holds because we wrote it a moment ago: IAM may still show what was before.
    pub fn written_within(&self, object: &ObjectName, time: Duration) -> Option<ObservedGrant> {
        let inner = self.inner();
        let (holds, at) = inner.get(object)?.written.as_ref()?;
        (at.elapsed() < time).then(|| holds.clone())
    }

    /// What the account holds since we wrote there; `None` where that is not clear.
    pub fn wrote(&self, object: &ObjectName, holds: Option<ObservedGrant>, made: Made) {
        let mut inner = self.inner();
        let grant = inner.entry(object.clone()).or_default();
        let now = Instant::now();
        grant.right = None;
        match made {
            Made::Nothing => {}
            Made::Policy => grant.made = Some(now),
            Made::Unknown => grant.doubtful = Some(now),
            // It does not become ours by being asked for again.
            Made::WasThere => grant.doubtful = grant.doubtful.or(Some(now)),
        }
        grant.written = holds.map(|holds| (holds, now));
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
mod tests {
    use super::*;

    const DELAY: Duration = Duration::from_secs(120);

    fn object() -> ObjectName {
        ObjectName {
            namespace: "security".into(),
            name: "auditors".into(),
        }
    }

    #[test]
    fn an_absence_is_not_believed_while_somebody_may_have_made_a_policy() {
        let (unknown, anew, after_another) = (Known::default(), Known::default(), Known::default());
        anew.looks(&object(), false);
        after_another.looks(&object(), true);
        // A second look is no other process.
        anew.looks(&object(), true);
        for (name, known, expected) in [
            ("nothing was looked at", &unknown, false),
            ("nobody wrote before", &anew, false),
            ("whoever wrote before may have died a moment ago", &after_another, true),
        ] {
            assert_eq!(known.may_still_appear(&object(), true, DELAY), expected, "{name}");
            assert_eq!(known.may_still_appear(&object(), false, DELAY), expected, "{name}");
        }
        assert!(!after_another.may_still_appear(&object(), true, Duration::ZERO));

        let nothing = Some(ObservedGrant::default());
        anew.wrote(&object(), nothing.clone(), Made::Nothing);
        assert!(!anew.may_still_appear(&object(), false, DELAY));
        anew.wrote(&object(), nothing.clone(), Made::Policy);
        assert!(
            anew.may_still_appear(&object(), false, DELAY),
            "it was made and is not seen"
        );
        assert!(
            !anew.may_still_appear(&object(), true, DELAY),
            "it was made and removed"
        );
        anew.wrote(&object(), None, Made::Unknown);
        anew.wrote(&object(), nothing, Made::Nothing);
        assert!(anew.may_still_appear(&object(), true, DELAY), "the answer was lost");
        anew.forget(&object());
        assert!(!anew.may_still_appear(&object(), false, DELAY));
    }

    #[test]
    fn a_policy_that_is_there_and_is_not_seen_is_ours_for_so_long_at_most() {
        let known = Known::default();
        known.looks(&object(), false);
        known.wrote(&object(), None, Made::WasThere);
        let first = known.inner()[&object()].doubtful;
        assert!(known.may_still_appear(&object(), true, DELAY));
        known.wrote(&object(), None, Made::WasThere);
        assert_eq!(
            known.inner()[&object()].doubtful,
            first,
            "asking again says nothing new"
        );
    }
}
