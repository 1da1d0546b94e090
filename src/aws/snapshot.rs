//! What an account showed when all of its roles were last read at once.
//!
//! Of a role that is as it was when somebody last judged it, only a number is kept. Of the others that are ours, or that
//! somebody asks about, the whole answer is kept until somebody has looked at it, or it is too old to be acted on. Of all other
//! roles a number is kept that stands for the name, and whose it says it is where it carries our tags.

mod gathered;
mod judged;

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossrole_iam::{Path, RoleName};
use crossrole_plan::observed::Observed;
use crossrole_plan::outcome::Failure;

use super::account::{Age, Survey};
use super::answer::RoleAnswer;
use super::error::CallError;
pub(super) use gathered::Gathered;
pub use judged::Judged;

/// So long after the account was read, what it said of a role is acted on; or twice as long as the reading took, for it is
/// worth that much, but no longer than [`ACTED_ON_AT_MOST`].
const ACTED_ON_FOR: Duration = Duration::from_secs(30);
const ACTED_ON_AT_MOST: Duration = Duration::from_secs(120);

/// Where all roles could not be read, each is read alone for so long.
const ALONE_FOR: Duration = Duration::from_secs(60);

/// Where reading all roles was throttled so often in a row, each role is read alone as after any other failure: something
/// else in the account may use up what AWS allows of that one call.
const THROTTLED_AT_MOST: u32 = 3;

/// All roles are read anew for those who wait no sooner than so long after the last time.
const PAUSE: Duration = Duration::from_secs(10);

/// Where roles may be listed below the path where crossrole makes them, and not elsewhere, that is tried again so rarely.
const KEPT_BELOW_FOR: Duration = Duration::from_secs(3600);

/// From so many roles on that wait to be looked at, reading all at once takes fewer calls than reading each alone.
const TOGETHER: usize = 3;

/// What an account showed.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// The clusters whose roles are ours: this one, and the one that was rebuilt as this one.
    clusters: Vec<String>,
    hasher: RandomState,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    taken: Option<Taken>,
    /// Roles that somebody judged, by their names in lower case.
    judged: HashMap<Box<str>, Judged>,
    /// Roles at which somebody looks who has not got their answer yet.
    awaited: HashSet<Box<str>>,
    /// Since when the account does not let itself be read as a whole, and how it said so.
    denied: Option<(Instant, CallError)>,
    /// When reading all roles last failed, and how.
    failed: Option<(Instant, CallError)>,
    /// How often in a row it was throttled, each time [`PAUSE`] after the one before, and when that was last counted.
    throttled: (u32, Option<Instant>),
    /// What came of the last reading, until it was told.
    news: Option<News>,
    /// How often all roles were read, or that was denied.
    readings: u64,
    /// All roles are read anyway when the last reading is so old.
    read_each: Option<Duration>,
    /// Whether somebody asks about a role that is not below the path where crossrole makes roles.
    asked_elsewhere: bool,
    /// Since when roles elsewhere may not be listed.
    kept_below: Option<Instant>,
}

/// One reading of all roles of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading(u64);

/// What nobody has been told yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    /// All roles were read, and of some the answers were kept.
    Taken(Keep),
    /// They could not be read.
    Denied,
}

#[derive(Debug)]
struct Taken {
    began: Instant,
    ended: Instant,
    /// Roles of ours, by name in lower case.
    ours: HashMap<Box<str>, Shown>,
    /// The names of all other roles, each as a number: an account may hold thousands. Where two share one, a role is read
    /// alone that need not be.
    others: HashSet<u64>,
    /// Those of them that carry our tags though `ListRoles` did not show them: most are where roles of ours were before.
    elsewhere: Vec<Tagged>,
    /// Roles that were written to since, or so shortly before that it may show what was there before.
    outdated: HashSet<Box<str>>,
}

/// A role of ours.
#[derive(Debug)]
struct Shown {
    print: u64,
    arn: Box<str>,
    /// The object that the tags name.
    owner: Box<str>,
    /// Absent where it is as it was judged, or was looked at since.
    answer: Option<Box<RoleAnswer>>,
}

/// A role that carries our tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagged {
    /// Its name in lower case.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The object that its tags name, as `namespace/name`.
    pub owner: String,
}

/// Which answers are kept of roles of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// All: somebody wants to act on them.
    All,
    /// Those of roles that are not as they were when somebody judged them.
    Changed,
}

/// What the account showed of one role.
pub(super) type Answer = (Observed, Option<u64>);

impl Snapshot {
    pub(super) fn new(clusters: Vec<String>) -> Self {
        Self {
            clusters,
            hasher: RandomState::new(),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A name in lower case, as a number.
    fn number(&self, name: &str) -> u64 {
        self.hasher.hash_one(name)
    }

    /// A role's answer as a number.
    pub(super) fn print(&self, answer: &RoleAnswer) -> u64 {
        answer.print(&self.hasher)
    }

    /// What the account showed of a role, where that can be acted on. What is told of a role that is there is told once.
    pub(super) fn shows(&self, role: &RoleName, age: Age, now: Instant) -> Option<Result<Answer, CallError>> {
        let name = role.folded();
        let mut state = self.state();
        let State { taken, awaited, .. } = &mut *state;
        let taken = taken.as_mut()?;
        if taken.outdated.contains(name.as_str()) || taken.others.contains(&self.number(&name)) {
            return None;
        }
        let old = taken.is_old(now);
        match taken.ours.get_mut(name.as_str()) {
            None => taken.absence_counts(age, now).then(|| {
                awaited.remove(name.as_str());
                Ok((Observed::Absent, None))
            }),
            Some(shown) => {
                let print = shown.print;
                let answer = shown.answer.take().filter(|_| !old)?;
                awaited.remove(name.as_str());
                Some(answer.observed().map(|observed| (observed, Some(print))))
            }
        }
    }

    /// Whether all roles are better read at once, when so many roles wait to be looked at; and whose answers are kept then.
    pub(super) fn worth_taking(&self, waiting: usize, now: Instant) -> Option<Keep> {
        let state = self.state();
        let pause = if state.is_held_up() { PAUSE } else { ALONE_FOR };
        if let Some((at, _)) = &state.failed
            && now.duration_since(*at) < pause
        {
            return None;
        }
        match (&state.denied, &state.taken) {
            (Some(_), _) => None,
            (None, None) => Some(Keep::All),
            (None, Some(taken)) => {
                let is_acted_on = taken.ended.duration_since(taken.began) < ACTED_ON_AT_MOST;
                if !is_acted_on || now.duration_since(taken.ended) <= PAUSE {
                    None
                } else if waiting >= TOGETHER {
                    Some(Keep::All)
                } else {
                    // It is about to be done anyway, and to read this role alone would come on top.
                    let is_due = |each| now.duration_since(taken.began) >= each;
                    state.read_each.is_some_and(is_due).then_some(Keep::Changed)
                }
            }
        }
    }

    /// All roles are read anyway when the last reading is so old.
    pub(super) fn is_read_each(&self, time: Duration) {
        self.state().read_each = Some(time);
    }

    /// Below which path roles are to be listed: below `own`, unless somebody asks about one elsewhere.
    pub(super) fn listed_below(&self, own: &Path, now: Instant) -> Path {
        let state = self.state();
        let may_not = state
            .kept_below
            .is_some_and(|at| now.duration_since(at) < KEPT_BELOW_FOR);
        if state.asked_elsewhere && !may_not {
            Path::root()
        } else {
            own.clone()
        }
    }

    /// Roles elsewhere may not be listed.
    pub(super) fn is_kept_below(&self, now: Instant) {
        self.state().kept_below = Some(now);
    }

    /// How long ago all roles were read at once, or that was denied; `None` where neither was.
    pub(super) fn age(&self, now: Instant) -> Option<Duration> {
        let state = self.state();
        let denied = state.denied.as_ref().map(|(at, _)| *at);
        let last = denied.max(state.taken.as_ref().map(|taken| taken.began));
        last.map(|last| now.duration_since(last))
    }

    /// All roles were read, from `began` until `ended`. `doubtful` are the names of those to which we wrote meanwhile or
    /// shortly before.
    pub(super) fn taken(
        &self,
        gathered: Gathered,
        doubtful: impl IntoIterator<Item = String>,
        (began, ended): (Instant, Instant),
    ) {
        let mut state = self.state();
        let keep = gathered.keep;
        let taken = Taken {
            began,
            ended,
            ours: gathered.ours,
            others: gathered.others,
            elsewhere: gathered.elsewhere,
            outdated: doubtful.into_iter().map(String::into_boxed_str).collect(),
        };
        state.denied = None;
        state.failed = None;
        state.throttled = (0, None);
        state.taken = Some(taken);
        state.asked_elsewhere = gathered.asked_elsewhere;
        state.news = Some(News::Taken(keep));
        state.readings += 1;
    }

    /// Reading all roles failed.
    pub(super) fn has_failed(&self, error: &CallError, now: Instant) {
        let mut state = self.state();
        state.failed = Some((now, error.clone()));
        state.throttled = match (error.failure, state.throttled) {
            (Failure::Throttled, (_, Some(at))) if now.duration_since(at) < PAUSE => state.throttled,
            (Failure::Throttled, (times, _)) => (times.saturating_add(1), Some(now)),
            _ => (0, None),
        };
    }

    /// How the account said a moment ago that it wants fewer calls than it takes to read all roles.
    pub(super) fn was_throttled_lately(&self, now: Instant) -> Option<CallError> {
        let state = self.state();
        let (at, error) = state.failed.as_ref()?;
        (state.is_held_up() && now.duration_since(*at) < PAUSE).then(|| error.clone())
    }

    /// The account does not let itself be read as a whole.
    pub(super) fn was_denied(&self, error: &CallError, now: Instant) {
        let mut state = self.state();
        state.taken = None;
        state.denied = Some((now, error.clone()));
        state.news = Some(News::Denied);
        state.readings += 1;
    }

    /// What came of the last reading, where it was not told yet.
    pub(super) fn news(&self) -> Option<(Survey, Reading)> {
        let state = self.state();
        let survey = match (state.news?, &state.denied) {
            (News::Denied, Some((_, error))) => Survey::Denied(error.clone()),
            (News::Denied, None) => return None,
            (News::Taken(keep), _) => Survey::Taken {
                changed: state.changed(keep),
                tagged: state.tagged(),
            },
        };
        Some((survey, Reading(state.readings)))
    }

    /// What a reading showed was told.
    pub(super) fn is_told(&self, reading: Reading) {
        let mut state = self.state();
        if reading == Reading(state.readings) {
            state.news = None;
        }
    }

    /// Somebody writes to a role: what was shown of it no longer counts.
    pub(super) fn is_written_to(&self, role: &RoleName) {
        let name = role.folded();
        let mut state = self.state();
        state.judged.remove(name.as_str());
        if let Some(taken) = &mut state.taken {
            if let Some(shown) = taken.ours.get_mut(name.as_str()) {
                shown.answer = None;
            }
            taken.outdated.insert(name.into_boxed_str());
        }
    }
}

impl Taken {
    /// Whether it is believed that a role is absent which it did not show.
    fn absence_counts(&self, age: Age, now: Instant) -> bool {
        matches!(age, Age::OldAbsence(most) if now.duration_since(self.began) < most)
    }

    /// How long after it began what it said is acted on.
    fn acted_on_for(&self) -> Duration {
        let took = self.ended.duration_since(self.began);
        ACTED_ON_FOR.max(took * 2).min(ACTED_ON_AT_MOST)
    }

    /// Whether what it said is no longer acted on.
    fn is_old(&self, now: Instant) -> bool {
        now.duration_since(self.began) >= self.acted_on_for()
    }
}

impl State {
    /// Whether reading all roles was throttled, and not so often yet that it must be done without.
    fn is_held_up(&self) -> bool {
        (1..THROTTLED_AT_MOST).contains(&self.throttled.0)
    }

    /// The roles that are not as they were when somebody last judged them, by their names in lower case. That of roles to
    /// which we wrote lately is not known. Where all were read for those who look at some of them, only what was judged
    /// before is told: nobody else looks at that.
    fn changed(&self, keep: Keep) -> Vec<String> {
        let Some(taken) = &self.taken else { return Vec::new() };
        let shown = |name: &str| taken.ours.get(name).map(|shown| shown.print);
        let known = self
            .judged
            .iter()
            .filter(|(name, judged)| shown(name) != Some(judged.print));
        let new = taken.ours.keys().filter(|name| !self.judged.contains_key(*name));
        let new = new.filter(|_| keep == Keep::Changed);
        let names = known.map(|(name, _)| name).chain(new);
        names
            .filter(|name| !taken.outdated.contains(*name))
            .map(|name| name.to_string())
            .collect()
    }

    /// The roles that carry our tags, but those to which we wrote lately.
    fn tagged(&self) -> Vec<Tagged> {
        let roles = self.taken.iter().flat_map(|taken| {
            let told = |name: &str| !taken.outdated.contains(name);
            taken.ours.iter().filter(move |(name, _)| told(name.as_ref()))
        });
        let ours = roles.filter(|(_, shown)| !shown.owner.is_empty());
        let ours = ours.map(|(name, shown)| Tagged {
            name: name.to_string(),
            arn: shown.arn.to_string(),
            owner: shown.owner.to_string(),
        });
        let elsewhere = self.taken.iter().flat_map(|taken| {
            let told = |role: &&Tagged| !role.owner.is_empty() && !taken.outdated.contains(role.name.as_str());
            taken.elsewhere.iter().filter(told)
        });
        ours.chain(elsewhere.cloned()).collect()
    }
}

#[cfg(test)]
mod tests;
