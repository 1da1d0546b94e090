//! What an account showed when all of its roles were last read at once.
//!
//! Of a role that is as it was when somebody last found it right, only a number is kept. Of the others of ours the whole
//! answer is kept until somebody has looked at it. Of a role that is not ours only its name is kept.

use std::collections::{HashMap, HashSet};
use std::hash::RandomState;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossrole_api::names::{CLUSTER_TAG, OWNER_TAG};
use crossrole_iam::RoleName;
use crossrole_plan::observed::Observed;

use super::account::Age;
use super::answer::RoleAnswer;
use super::error::CallError;
use super::read::Roles;

/// So long after the account was read, what it said of a role is acted on.
const ACTED_ON_FOR: Duration = Duration::from_secs(30);

/// All roles are read anew for those who wait no sooner than so long after the last time.
const PAUSE: Duration = Duration::from_secs(10);

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
    /// Roles that somebody found right: the answer's print, by the role's name in lower case.
    right: HashMap<Box<str>, u64>,
    /// Since when the account does not let itself be read as a whole.
    denied: Option<Instant>,
}

#[derive(Debug)]
struct Taken {
    began: Instant,
    /// Roles of ours, by name in lower case.
    ours: HashMap<Box<str>, Shown>,
    /// The names of all other roles.
    others: HashSet<Box<str>>,
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
    /// Absent where it is right, or was looked at since.
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
    /// Those of roles that are not as they were when somebody found them right.
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

    /// A role's answer as a number.
    pub(super) fn print(&self, answer: &RoleAnswer) -> u64 {
        answer.print(&self.hasher)
    }

    /// What the account showed of a role, where that can be acted on. What is told of a role that is there is told once.
    pub(super) fn shows(&self, role: &RoleName, age: Age, now: Instant) -> Option<Result<Answer, CallError>> {
        let name = role.folded();
        let mut state = self.state();
        let taken = state.taken.as_mut()?;
        if taken.outdated.contains(name.as_str()) || taken.others.contains(name.as_str()) {
            return None;
        }
        let old = now.duration_since(taken.began) >= ACTED_ON_FOR;
        match taken.ours.get_mut(name.as_str()) {
            None => (!old || age == Age::OldAbsence).then_some(Ok((Observed::Absent, None))),
            Some(shown) => {
                let print = shown.print;
                let answer = shown.answer.take().filter(|_| !old)?;
                Some(answer.observed().map(|observed| (observed, Some(print))))
            }
        }
    }

    /// Whether all roles are better read at once, when so many roles wait to be looked at.
    pub(super) fn is_worth_taking(&self, waiting: usize, now: Instant) -> bool {
        let state = self.state();
        match (&state.denied, &state.taken) {
            (Some(_), _) => false,
            (None, None) => true,
            (None, Some(taken)) => waiting >= TOGETHER && now.duration_since(taken.began) > PAUSE,
        }
    }

    /// Whether all roles were read at once, or that was denied, so lately.
    pub(super) fn was_tried_within(&self, time: Duration, now: Instant) -> bool {
        let state = self.state();
        let last = state.denied.max(state.taken.as_ref().map(|taken| taken.began));
        last.is_some_and(|last| now.duration_since(last) < time)
    }

    /// All roles were read, from `began` on. `doubtful` are the names of those to which we wrote meanwhile or shortly
    /// before.
    pub(super) fn taken(&self, roles: Roles, keep: Keep, doubtful: impl IntoIterator<Item = String>, began: Instant) {
        let mut state = self.state();
        let mut taken = Taken {
            began,
            ours: HashMap::new(),
            others: roles.others.into_iter().map(String::into_boxed_str).collect(),
            outdated: doubtful.into_iter().map(String::into_boxed_str).collect(),
        };
        for (name, answer) in roles.known {
            let name = name.into_boxed_str();
            let right = state.right.get(&name).copied();
            let tag = |wanted: &str| {
                let mut tags = answer.tags.iter();
                tags.find_map(|(key, value)| key.eq_ignore_ascii_case(wanted).then_some(value))
            };
            let ours = tag(CLUSTER_TAG).is_some_and(|cluster| self.clusters.contains(cluster));
            // One that was ours is looked at, whatever it is now.
            if !ours && right.is_none() {
                taken.others.insert(name);
                continue;
            }
            let print = self.print(&answer);
            let shown = Shown {
                print,
                arn: answer.arn.as_str().into(),
                owner: tag(OWNER_TAG)
                    .filter(|_| ours)
                    .map(String::as_str)
                    .unwrap_or_default()
                    .into(),
                answer: (keep == Keep::All || right != Some(print)).then(|| Box::new(answer)),
            };
            taken.ours.insert(name, shown);
        }
        state.denied = None;
        state.taken = Some(taken);
    }

    /// The account does not let itself be read as a whole.
    pub(super) fn was_denied(&self, now: Instant) {
        let mut state = self.state();
        state.taken = None;
        state.denied = Some(now);
    }

    /// Somebody looked at a role's answer, and found the role right.
    pub(super) fn is_right(&self, role: &RoleName, print: u64) {
        self.state().right.insert(role.folded().into_boxed_str(), print);
    }

    /// Somebody writes to a role: what was shown of it no longer counts.
    pub(super) fn is_written_to(&self, role: &RoleName) {
        let name = role.folded();
        let mut state = self.state();
        state.right.remove(name.as_str());
        if let Some(taken) = &mut state.taken {
            if let Some(shown) = taken.ours.get_mut(name.as_str()) {
                shown.answer = None;
            }
            taken.outdated.insert(name.into_boxed_str());
        }
    }

    /// The roles that are not as they were when somebody last found them right, by their names in lower case. That of
    /// roles to which we wrote lately is not known.
    pub(super) fn changed(&self) -> Vec<String> {
        let state = self.state();
        let Some(taken) = &state.taken else { return Vec::new() };
        let shown = |name: &str| taken.ours.get(name).map(|shown| shown.print);
        let known = state.right.iter().filter(|(name, print)| shown(name) != Some(**print));
        let new = taken.ours.keys().filter(|name| !state.right.contains_key(*name));
        let names = known.map(|(name, _)| name).chain(new);
        names
            .filter(|name| !taken.outdated.contains(*name))
            .map(|name| name.to_string())
            .collect()
    }

    /// The roles that carry our tags, but those to which we wrote lately.
    pub(super) fn tagged(&self) -> Vec<Tagged> {
        let state = self.state();
        let roles = state.taken.iter().flat_map(|taken| {
            let told = |name: &Box<str>| !taken.outdated.contains(name);
            taken.ours.iter().filter(move |(name, _)| told(name))
        });
        let ours = roles.filter(|(_, shown)| !shown.owner.is_empty());
        ours.map(|(name, shown)| Tagged {
            name: name.to_string(),
            arn: shown.arn.to_string(),
            owner: shown.owner.to_string(),
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot() -> Snapshot {
        Snapshot::new(vec!["us".into(), "before-us".into()])
    }

    fn answer(cluster: &str, description: &str) -> RoleAnswer {
        let tags = [(CLUSTER_TAG, cluster), (OWNER_TAG, "security/audit")];
        let tags = tags.iter().filter(|_| !cluster.is_empty());
        RoleAnswer {
            arn: "arn:aws:iam::222222222222:role/crossrole/Audit".into(),
            id: "AROA1".into(),
            description: description.into(),
            tags: tags.map(|(key, value)| (key.to_string(), value.to_string())).collect(),
            ..RoleAnswer::default()
        }
    }

    fn roles(known: &[(&str, RoleAnswer)], others: &[&str]) -> Roles {
        let known = known.iter();
        Roles {
            known: known.map(|(name, answer)| (name.to_string(), answer.clone())).collect(),
            others: others.iter().map(ToString::to_string).collect(),
        }
    }

    fn audit() -> RoleName {
        "Audit".parse().unwrap()
    }

    fn print_of(snapshot: &Snapshot, now: Instant) -> Option<u64> {
        snapshot.shows(&audit(), Age::Usual, now)?.unwrap().1
    }

    #[test]
    fn a_role_of_ours_is_told_once_and_an_absent_one_as_often_as_asked() {
        let (snapshot, now) = (snapshot(), Instant::now());
        assert!(snapshot.shows(&audit(), Age::Usual, now).is_none(), "nothing was read");
        let ours = answer("us", "");
        snapshot.taken(roles(&[("audit", ours.clone())], &["other"]), Keep::Changed, [], now);
        assert_eq!(print_of(&snapshot, now), Some(snapshot.print(&ours)));
        assert!(snapshot.shows(&audit(), Age::Usual, now).is_none());
        for _ in 0..2 {
            let absent = snapshot
                .shows(&"Absent".parse().unwrap(), Age::Usual, now)
                .unwrap()
                .unwrap();
            assert_eq!(absent, (Observed::Absent, None));
        }
        assert!(
            snapshot.shows(&"OTHER".parse().unwrap(), Age::Usual, now).is_none(),
            "it is read alone"
        );
    }

    #[test]
    fn what_is_right_is_not_kept_until_it_changes_and_is_looked_at_then() {
        let (snapshot, now) = (snapshot(), Instant::now());
        let before = answer("us", "");
        let take = |answer: &RoleAnswer, keep| snapshot.taken(roles(&[("audit", answer.clone())], &[]), keep, [], now);
        take(&before, Keep::Changed);
        assert_eq!(snapshot.changed(), ["audit"], "nobody has looked at it yet");
        snapshot.is_right(&audit(), snapshot.print(&before));
        take(&before, Keep::Changed);
        assert!(snapshot.changed().is_empty());
        assert!(snapshot.shows(&audit(), Age::Usual, now).is_none());
        take(&before, Keep::All);
        assert!(snapshot.shows(&audit(), Age::Usual, now).is_some());
        for after in [
            answer("us", "edited"),
            RoleAnswer {
                trust: "edited".into(),
                ..before.clone()
            },
            // Somebody stripped the tags.
            answer("", ""),
        ] {
            take(&after, Keep::Changed);
            assert_eq!(snapshot.changed(), ["audit"]);
            assert_eq!(print_of(&snapshot, now), Some(snapshot.print(&after)));
        }
        snapshot.taken(roles(&[], &[]), Keep::Changed, [], now);
        assert_eq!(snapshot.changed(), ["audit"], "it is gone");
        assert_eq!(
            snapshot.shows(&audit(), Age::Usual, now).unwrap().unwrap().0,
            Observed::Absent
        );
    }

    #[test]
    fn what_was_shown_before_our_own_write_does_not_count() {
        let (snapshot, now) = (snapshot(), Instant::now());
        let ours = answer("us", "");
        snapshot.is_right(&audit(), snapshot.print(&ours));
        snapshot.taken(roles(&[("audit", ours.clone())], &[]), Keep::All, [], now);
        snapshot.is_written_to(&audit());
        assert!(snapshot.shows(&audit(), Age::Usual, now).is_none());
        assert!(snapshot.changed().is_empty());
        assert!(snapshot.tagged().is_empty());
        // A read that began too soon after the write.
        snapshot.taken(roles(&[], &[]), Keep::All, ["audit".to_string()], now);
        assert!(snapshot.shows(&audit(), Age::Usual, now).is_none());
        assert!(snapshot.changed().is_empty());
        // One that did not: whoever wrote has not looked at what became of it.
        snapshot.taken(roles(&[("audit", ours)], &[]), Keep::All, [], now);
        assert_eq!(snapshot.changed(), ["audit"]);
    }

    #[test]
    fn what_was_shown_long_ago_is_not_acted_on_but_to_make_what_was_absent() {
        let (snapshot, began) = (snapshot(), Instant::now());
        let later = began + ACTED_ON_FOR;
        snapshot.taken(roles(&[("audit", answer("us", ""))], &[]), Keep::All, [], began);
        assert!(snapshot.shows(&audit(), Age::OldAbsence, later).is_none());
        let absent = "Absent".parse().unwrap();
        assert!(snapshot.shows(&absent, Age::Usual, later).is_none());
        let shown = snapshot.shows(&absent, Age::OldAbsence, later);
        assert_eq!(shown.unwrap().unwrap(), (Observed::Absent, None));
    }

    #[test]
    fn all_roles_are_read_first_of_all_and_then_when_many_wait() {
        let (snapshot, now) = (snapshot(), Instant::now());
        assert!(snapshot.is_worth_taking(1, now));
        snapshot.taken(roles(&[], &[]), Keep::All, [], now);
        assert!(!snapshot.is_worth_taking(1, now + PAUSE * 2));
        assert!(!snapshot.is_worth_taking(TOGETHER, now + PAUSE));
        assert!(snapshot.is_worth_taking(TOGETHER, now + PAUSE * 2));
        snapshot.was_denied(now);
        assert!(!snapshot.is_worth_taking(TOGETHER, now + PAUSE * 2));
        assert!(snapshot.was_tried_within(PAUSE, now));
        assert!(!snapshot.was_tried_within(PAUSE, now + PAUSE));
    }

    #[test]
    fn only_roles_with_the_tags_of_our_clusters_are_told_as_ours() {
        let (snapshot, now) = (snapshot(), Instant::now());
        let known = [
            ("a", answer("us", "")),
            ("b", answer("before-us", "")),
            ("c", answer("elsewhere", "")),
            ("d", answer("", "")),
        ];
        snapshot.taken(roles(&known, &["e"]), Keep::Changed, [], now);
        let mut tagged: Vec<String> = snapshot.tagged().into_iter().map(|role| role.name).collect();
        tagged.sort();
        assert_eq!(tagged, ["a", "b"]);
        assert!(
            snapshot.shows(&"C".parse().unwrap(), Age::Usual, now).is_none(),
            "it is read alone"
        );
    }
}
