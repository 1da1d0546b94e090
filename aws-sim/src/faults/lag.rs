//! Reads that lag behind writes: which state of an account a call is shown.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::matching::Subject;
use crate::world::history::History;

/// How far behind calls are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Lag {
    /// Seconds of the simulated clock after which a change is seen.
    seconds: Option<u64>,
    /// Calls that do not see a change yet.
    reads: Option<u64>,
    /// With it, each call is answered by another replica, whose lag lies between nothing and the whole: what was seen
    /// once may be gone at the next look.
    seed: Option<u64>,
    /// Whether writes to a role that is still unknown are refused as well.
    #[serde(default)]
    writes: bool,
}

impl Lag {
    pub(super) fn check(self) -> Result<(), String> {
        match (self.seconds, self.reads) {
            (Some(_), None) | (None, Some(_)) => Ok(()),
            _ => Err("a lag has either seconds or reads".to_owned()),
        }
    }

    /// True for the calls that can be shown an old state.
    pub(super) fn concerns(self, subject: &Subject<'_>) -> bool {
        let request = subject.request;
        if request.is_write() {
            return self.writes && request.role().is_some() && request.action != "CreateRole";
        }
        request.is_iam() || request.action.starts_with("AssumeRole")
    }
}

/// What each account looked like when the fault was made, and how many calls have come since each change.
#[derive(Debug, Default)]
pub(super) struct Replicas {
    accounts: BTreeMap<String, Replica>,
}

#[derive(Debug, Default)]
struct Replica {
    /// The newest state that was there before the fault.
    first: u64,
    /// Calls so far.
    calls: u64,
    /// States that came later, each with the calls that there had been then.
    later: Vec<(u64, u64)>,
}

impl Replicas {
    pub(super) fn begin<'a>(histories: impl Iterator<Item = (&'a String, &'a History)>) -> Self {
        let replica = |history: &History| Replica {
            first: history.newest(),
            ..Replica::default()
        };
        Self {
            accounts: histories.map(|(id, history)| (id.clone(), replica(history))).collect(),
        }
    }

    /// The state that a call is shown, by its number. `rolled` is the call's own number for the seed.
    pub(super) fn shown(&mut self, lag: Lag, subject: &Subject<'_>, rolled: impl Fn(u64) -> u64) -> Option<u64> {
        let history = subject.history?;
        let whole = lag.seconds.map_or(0, |seconds| seconds.saturating_mul(1000));
        let part = |whole: u64| lag.seed.map_or(whole, |seed| rolled(seed) % whole.saturating_add(1));
        let shown = match lag.reads {
            Some(reads) => self.after_calls(subject.account, history, part(reads)),
            None => history.at(subject.now_ms - i64::try_from(part(whole)).unwrap_or(i64::MAX)),
        };
        (shown < history.newest()).then_some(shown)
    }

    fn after_calls(&mut self, account: &str, history: &History, lag: u64) -> u64 {
        let replica = self.accounts.entry(account.to_owned()).or_default();
        let known = replica.later.last().map_or(replica.first, |(number, _)| *number);
        let calls = replica.calls;
        replica
            .later
            .extend((known + 1..=history.newest()).map(|number| (number, calls)));
        replica.calls += 1;
        let visible = replica.later.iter().rev().find(|(_, born)| calls - born >= lag);
        let shown = visible.map_or(replica.first, |(number, _)| *number);
        // A long run must not grow: nobody is shown a change so late.
        if replica.later.len() > 1024 {
            replica.later.drain(..512);
        }
        shown
    }
}
