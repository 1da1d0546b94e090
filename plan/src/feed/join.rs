//! The two records of one use, joined.
//!
//! When somebody of one account assumes a role of another, CloudTrail writes a record in each, with the same `sharedEventID`.
//! The one in the trusted account names who it was; the one in the role's account only says the account and an id. Which comes
//! first is chance, and where the trusted account is not ours there is only one. So a record without a name waits a little for
//! the other. Source: AWS CloudTrail User Guide, "CloudTrail record contents" (`sharedEventID`).
//!
//! Pure: the time is passed in, as what has gone by since any moment that stays the same.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::record::Use;

/// A record without a name waits so long for the other one.
pub const WAITS_FOR: Duration = Duration::from_secs(20);

/// So many records wait at the same time. Of more, the oldest are told as they are.
const WAITING: usize = 1_000;

/// What was told is remembered for so long, and so many at most.
const REMEMBERED_FOR: Duration = Duration::from_secs(3600);
const REMEMBERED: usize = 50_000;

/// Uses that wait for their other record, and those that were told. `T` is what stands for a message: whoever gets it back is
/// done with the message when the use is.
#[derive(Debug)]
pub struct Joiner<T> {
    waiting: HashMap<String, Waiting<T>>,
    /// The ids of those that wait, the oldest first. Some may wait no longer.
    order: VecDeque<(Duration, String)>,
    told: Told,
}

#[derive(Debug)]
struct Waiting<T> {
    known: Use,
    messages: Vec<T>,
}

/// A use that is to be told now, and all messages that spoke of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Joined<T> {
    /// The use.
    pub known: Use,
    /// The messages.
    pub messages: Vec<T>,
}

/// What becomes of a use.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken<T> {
    /// It waits for its other record.
    Waits,
    /// It is to be told now.
    Tell(Box<Joined<T>>),
    /// It was told before: nothing is left to be done for this message.
    Known(T),
}

impl<T> Default for Joiner<T> {
    fn default() -> Self {
        Self {
            waiting: HashMap::new(),
            order: VecDeque::new(),
            told: Told::default(),
        }
    }
}

impl<T> Joiner<T> {
    /// Takes a use. What is to be told now counts as told.
    pub fn take(&mut self, known: Use, message: T, now: Duration) -> Taken<T> {
        if self.told.contains(&known.id, now) {
            return Taken::Known(message);
        }
        if let Some(waiting) = self.waiting.get_mut(&known.id) {
            waiting.messages.push(message);
            if known.is_nameless {
                return Taken::Waits;
            }
            waiting.known = known;
            let id = waiting.known.id.clone();
            return self
                .tell(&id, now)
                .map_or(Taken::Waits, |joined| Taken::Tell(Box::new(joined)));
        }
        if known.is_nameless {
            self.order.push_back((now, known.id.clone()));
            let waiting = Waiting {
                messages: vec![message],
                known,
            };
            self.waiting.insert(waiting.known.id.clone(), waiting);
            return Taken::Waits;
        }
        self.told.insert(&known.id, now);
        Taken::Tell(Box::new(Joined {
            messages: vec![message],
            known,
        }))
    }

    /// Notes that something without another record is told now; false where it was told before.
    pub fn note(&mut self, id: &str, now: Duration) -> bool {
        let is_new = !self.told.contains(id, now);
        if is_new {
            self.told.insert(id, now);
        }
        is_new
    }

    /// The uses that have waited long enough, as they are known.
    pub fn due(&mut self, now: Duration) -> Vec<Joined<T>> {
        let mut due = Vec::new();
        while let Some((since, id)) = self.order.front() {
            let waits = now.saturating_sub(*since) < WAITS_FOR;
            if waits && self.waiting.len() <= WAITING && self.waiting.contains_key(id) {
                break;
            }
            let Some((_, id)) = self.order.pop_front() else { break };
            due.extend(self.tell(&id, now));
        }
        due
    }

    /// How long it is until [`Joiner::due`] has something; `None` where nothing waits.
    pub fn next_due(&self, now: Duration) -> Option<Duration> {
        if self.waiting.is_empty() {
            return None;
        }
        let (since, _) = self.order.front()?;
        Some(WAITS_FOR.saturating_sub(now.saturating_sub(*since)))
    }

    fn tell(&mut self, id: &str, now: Duration) -> Option<Joined<T>> {
        let Waiting { known, messages } = self.waiting.remove(id)?;
        self.told.insert(id, now);
        Some(Joined { known, messages })
    }
}

/// What was told lately, by numbers made of the ids.
#[derive(Debug, Default)]
struct Told {
    ids: HashSet<u64>,
    /// In the order in which they came. Some may be forgotten.
    order: VecDeque<(Duration, u64)>,
}

fn number(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

impl Told {
    fn contains(&mut self, id: &str, now: Duration) -> bool {
        while let Some((since, oldest)) = self.order.front() {
            if now.saturating_sub(*since) < REMEMBERED_FOR && self.order.len() < REMEMBERED {
                break;
            }
            self.ids.remove(oldest);
            self.order.pop_front();
        }
        self.ids.contains(&number(id))
    }

    fn insert(&mut self, id: &str, now: Duration) {
        self.ids.insert(number(id));
        self.order.push_back((now, number(id)));
    }
}
