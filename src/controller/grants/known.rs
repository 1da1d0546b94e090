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
}

impl Known {
    fn inner(&self) -> MutexGuard<'_, HashMap<ObjectName, Grant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
    pub fn wrote(&self, object: &ObjectName, holds: Option<ObservedGrant>) {
        let mut inner = self.inner();
        let grant = inner.entry(object.clone()).or_default();
        grant.right = None;
        grant.written = holds.map(|holds| (holds, Instant::now()));
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
