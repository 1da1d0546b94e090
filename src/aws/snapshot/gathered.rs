//! What is kept of a reading, page by page, and how long.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossrole_api::names::{CLUSTER_TAG, OWNER_TAG};
use crossrole_iam::Path;
use litemap::LiteMap;

use super::{Keep, Shown, Snapshot, Tagged};
use crate::aws::read::Found;

/// What is kept of the pages of a reading.
#[derive(Debug)]
pub(in crate::aws) struct Gathered {
    pub(super) keep: Keep,
    /// Roles of ours, by name in lower case.
    pub(super) ours: HashMap<Box<str>, Shown>,
    /// The names of all other roles, each as a number.
    pub(super) others: HashSet<u64>,
    /// Those of them that carry our tags though `ListRoles` did not show them.
    pub(super) elsewhere: Vec<Tagged>,
    /// The path where crossrole makes roles.
    own: Path,
    /// Whether somebody asks about a role elsewhere.
    pub(super) asked_elsewhere: bool,
}

impl Gathered {
    /// Of no page yet.
    pub(in crate::aws) fn new(keep: Keep, own: Path) -> Self {
        Self {
            keep,
            own,
            asked_elsewhere: false,
            ours: HashMap::new(),
            others: HashSet::new(),
            elsewhere: Vec::new(),
        }
    }
}

impl Snapshot {
    /// Takes a role of a reading, by its name in lower case.
    pub(in crate::aws) fn gather(&self, gathered: &mut Gathered, name: String, role: Found) {
        let name = name.into_boxed_str();
        let number = self.number(&name);
        let state = self.state();
        let judged = state.judged.get(&name).map(|judged| judged.print);
        let is_awaited = state.awaited.contains(&name);
        let is_asked_about = judged.is_some() || is_awaited;
        let answer = match role {
            Found::Whole(answer) => answer,
            Found::Elsewhere(arn, tags) => {
                gathered.elsewhere.extend(self.owner(&tags).map(|owner| Tagged {
                    name: name.to_string(),
                    arn,
                    owner: owner.to_string(),
                }));
                gathered.asked_elsewhere |= is_asked_about;
                gathered.others.insert(number);
                return;
            }
            Found::Listed(_) => {
                gathered.others.insert(number);
                return;
            }
        };
        gathered.asked_elsewhere |= is_asked_about && !answer.path.starts_with(gathered.own.as_str());
        let owner = self.owner(&answer.tags);
        // One that was ours, or that somebody observes, is looked at, whatever it is now.
        if owner.is_none() && !is_asked_about {
            gathered.others.insert(number);
            return;
        }
        let print = self.print(&answer);
        // What stays wrong, and was there to be looked at before, would only lie here.
        let before = state.taken.as_ref().and_then(|before| before.ours.get(&name));
        let is_news = judged != Some(print) && before.is_none_or(|before| before.print != print);
        let is_kept = gathered.keep == Keep::All || is_news || is_awaited;
        let shown = Shown {
            print,
            arn: answer.arn.as_str().into(),
            owner: owner.unwrap_or_default().into(),
            answer: is_kept.then(|| Box::new(answer)),
        };
        gathered.ours.insert(name, shown);
    }

    /// Lets go of the answers that nobody has asked for by the time when they are no longer acted on: they are all that is
    /// large of a reading, and the next one may be an interval away.
    pub(in crate::aws) fn let_go_in_time(self: &Arc<Self>) {
        let Some(rest) = self.answers_are_acted_on_for(Instant::now()) else {
            return;
        };
        let snapshot = Arc::downgrade(self);
        tokio::spawn(async move {
            tokio::time::sleep(rest).await;
            if let Some(snapshot) = snapshot.upgrade() {
                snapshot.let_go_of_old_answers(Instant::now());
            }
        });
    }

    /// How long the answers that are still held are acted on; `None` where there are none.
    fn answers_are_acted_on_for(&self, now: Instant) -> Option<Duration> {
        let state = self.state();
        let taken = state.taken.as_ref()?;
        let is_held = taken.ours.values().any(|shown| shown.answer.is_some());
        let age = now.duration_since(taken.began);
        is_held.then(|| taken.acted_on_for().saturating_sub(age))
    }

    /// A reading that followed meanwhile has a time of its own.
    pub(super) fn let_go_of_old_answers(&self, now: Instant) {
        let mut state = self.state();
        let old = state.taken.as_mut().filter(|taken| taken.is_old(now));
        for shown in old.into_iter().flat_map(|taken| taken.ours.values_mut()) {
            shown.answer = None;
        }
    }

    /// The object that tags name, where they are ours; empty where they name none.
    fn owner<'a>(&self, tags: &'a LiteMap<String, String>) -> Option<&'a str> {
        let tag = |wanted: &str| {
            let mut tags = tags.iter();
            tags.find_map(|(key, value)| key.eq_ignore_ascii_case(wanted).then_some(value.as_str()))
        };
        let ours = tag(CLUSTER_TAG).is_some_and(|cluster| self.clusters.iter().any(|ours| ours == cluster));
        ours.then(|| tag(OWNER_TAG).unwrap_or_default())
    }
}
