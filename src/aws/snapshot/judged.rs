//! Roles that somebody judged, and how long that stays so.

use std::time::{Duration, Instant};

use crossrole_iam::RoleName;
use jiff::Timestamp;

use super::Snapshot;

/// A role that somebody judged: it is as declared, or nothing is to be done about how it is.
#[derive(Clone, Copy, Debug)]
pub struct Judged {
    /// The answer's print.
    pub print: u64,
    /// Who judged it, as a number: nobody else has come to that.
    pub by: u64,
    /// From then on something is due although nothing changes.
    pub until: Option<Timestamp>,
}

impl Snapshot {
    /// Somebody looked at a role's answer, and judged it.
    pub(in crate::aws) fn is_judged(&self, role: &RoleName, judged: Judged) {
        self.state().judged.insert(role.folded().into_boxed_str(), judged);
    }

    /// Forgets the roles, by their names in lower case, that nobody asks about any more.
    pub(in crate::aws) fn keep_only(&self, is_asked_about: impl Fn(&str) -> bool) {
        let mut state = self.state();
        state.judged.retain(|name, _| is_asked_about(name));
        state.awaited.retain(|name| is_asked_about(name));
    }

    /// Somebody looks at a role: what it was judged before counts no more.
    pub(in crate::aws) fn is_looked_at(&self, role: &RoleName) {
        let name = role.folded();
        let mut state = self.state();
        state.judged.remove(name.as_str());
        state.awaited.insert(name.into_boxed_str());
    }

    /// Whoever looks at a role knows otherwise what it is.
    pub(in crate::aws) fn was_told(&self, role: &RoleName) {
        self.state().awaited.remove(role.folded().as_str());
    }

    /// How long from this moment a role will be as it was judged which the account, read within `time`, shows as it was when
    /// `by` judged it: [`Duration::MAX`] where nothing comes due. `None` where it is not so, or something is due already.
    pub(in crate::aws) fn stays_for(
        &self,
        role: &RoleName,
        by: u64,
        time: Duration,
        moment: Timestamp,
        now: Instant,
    ) -> Option<Duration> {
        let name = role.folded();
        let state = self.state();
        let judged = state.judged.get(name.as_str()).filter(|judged| judged.by == by)?;
        let taken = state.taken.as_ref()?;
        if now.duration_since(taken.began) >= time || taken.outdated.contains(name.as_str()) {
            return None;
        }
        let shown = taken.ours.get(name.as_str())?;
        match judged.until {
            _ if judged.print != shown.print => None,
            None => Some(Duration::MAX),
            Some(until) => (moment < until).then(|| until.duration_since(moment).unsigned_abs()),
        }
    }
}
