//! One fault: what was asked for, and how far it has come.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::catalogue;
use super::effect::{Decision, Effect, Outcome, Release};
use super::lag::Replicas;
use super::matching::{Match, Subject};
use super::throttle::Buckets;
use crate::chance::{roll, within};

/// A fault as it is asked for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    #[serde(default, rename = "match")]
    pub(super) matching: Match,
    /// The first call that can be hit, counted from 1.
    #[serde(default = "one")]
    nth: u64,
    /// How many are hit at most; 0 means for ever.
    times: Option<u64>,
    /// The share of calls that are hit, from 0 to 1; without it, all.
    probability: Option<f64>,
    /// What the share is drawn with.
    #[serde(default)]
    seed: u64,
    #[serde(rename = "do")]
    pub(super) effect: Effect,
}

fn one() -> u64 {
    1
}

impl Order {
    /// Says what is wrong with it, if anything is.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.probability.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
            return Err("a probability lies between 0 and 1".to_owned());
        }
        self.effect.check()
    }

    /// `None` means for ever.
    fn times(&self) -> Option<u64> {
        let lasts = self.effect.lasts() || self.probability.is_some();
        let times = self.times.unwrap_or(u64::from(!lasts));
        (times > 0).then_some(times)
    }
}

/// How far a fault has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// It can still hit a call.
    Waiting,
    /// At least one call is being held.
    Holding,
    /// It has hit all the calls it was for, and holds none.
    Done,
}

/// What is told about a fault.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    pub(crate) id: u64,
    /// Calls that matched since it was made.
    pub(crate) seen: u64,
    /// Calls that were hit: refused by a throttle, shown an old state by a lag.
    pub(crate) fired: u64,
    /// The same by account.
    pub(crate) accounts: BTreeMap<String, u64>,
    pub(crate) state: State,
}

#[derive(Debug)]
pub(super) struct Fault {
    pub(super) id: u64,
    pub(super) order: Order,
    seen: u64,
    fired: BTreeMap<String, u64>,
    pub(super) held: Vec<Held>,
    buckets: Buckets,
    pub(super) replicas: Replicas,
    /// How often each kind of call on each role came by, so that its fate does not hang on what others do meanwhile.
    occurrences: HashMap<[String; 3], u64>,
}

/// A call that waits.
#[derive(Debug)]
pub(super) struct Held {
    sender: oneshot::Sender<Release>,
    /// What becomes of it when the fault is taken away.
    otherwise: Release,
}

impl Held {
    /// Lets it go on as asked for, or as it does by itself.
    pub(super) fn release(self, release: Option<Release>) {
        let _ = self.sender.send(release.unwrap_or(self.otherwise));
    }
}

impl Fault {
    pub(super) fn new(id: u64, order: Order) -> Self {
        Self {
            id,
            order,
            seen: 0,
            fired: BTreeMap::new(),
            held: Vec::new(),
            buckets: Buckets::default(),
            replicas: Replicas::default(),
            occurrences: HashMap::new(),
        }
    }

    fn total(&self) -> u64 {
        self.fired.values().sum()
    }

    fn exhausted(&self) -> bool {
        self.order.times().is_some_and(|times| self.total() >= times)
    }

    pub(super) fn report(&self) -> Report {
        let state = if !self.held.is_empty() {
            State::Holding
        } else if self.exhausted() {
            State::Done
        } else {
            State::Waiting
        };
        Report {
            id: self.id,
            seen: self.seen,
            fired: self.total(),
            accounts: self.fired.clone(),
            state,
        }
    }

    /// Counts a call that matches, and adds to what is to happen to it.
    pub(super) fn meet(&mut self, subject: &Subject<'_>, decision: &mut Decision) {
        self.seen += 1;
        let decided = !matches!(decision.outcome, Outcome::Proceed);
        if decided || self.seen < self.order.nth || self.exhausted() {
            return;
        }
        let rolled = self.draw(subject);
        let hit = self
            .order
            .probability
            .is_none_or(|share| within(rolled(self.order.seed), share));
        if hit && self.apply(subject, decision, rolled) {
            *self.fired.entry(subject.account.to_owned()).or_default() += 1;
        }
    }

    /// The number of this call for a seed: of its account, action and role, and how often that came by.
    fn draw(&mut self, subject: &Subject<'_>) -> impl Fn(u64) -> u64 + use<> {
        let names = [
            subject.account,
            subject.request.action.as_str(),
            subject.request.role().unwrap_or_default(),
        ]
        .map(str::to_owned);
        let count = self.occurrences.entry(names.clone()).or_default();
        *count += 1;
        let count = count.to_string();
        move |seed| roll(seed, &[&names[0], &names[1], &names[2], &count])
    }

    /// True if it makes a difference to the call.
    fn apply(&mut self, subject: &Subject<'_>, decision: &mut Decision, rolled: impl Fn(u64) -> u64) -> bool {
        match &self.order.effect {
            Effect::Hold(false) | Effect::Hang(false) | Effect::ExpireSessions(false) => return false,
            Effect::Hold(true) => decision.outcome = Self::hold(&mut self.held, true),
            Effect::Hang(true) => decision.outcome = Self::hold(&mut self.held, false),
            Effect::Drop(when) => decision.outcome = Outcome::Drop(*when),
            Effect::Error(error) => decision.outcome = Outcome::Error(error.error(subject)),
            Effect::Body { status, text } => {
                decision.outcome = Outcome::Body {
                    status: *status,
                    text: text.clone(),
                }
            }
            Effect::DelayMs(delay) => decision.delay_ms += delay,
            Effect::ExpireSessions(true) => decision.expire_sessions = true,
            Effect::Throttle(rate) => {
                if self.buckets.take(subject.account, *rate, Instant::now()) {
                    return false;
                }
                decision.outcome = Outcome::Error(catalogue::error("Throttling", subject));
            }
            Effect::Lag(lag) => {
                if !lag.concerns(subject) {
                    return false;
                }
                let shown = self.replicas.shown(*lag, subject, rolled);
                decision.sight.state = decision.sight.state.or(shown);
                return shown.is_some();
            }
            Effect::Reshape { seed } if !subject.request.is_write() => decision.sight.reshape = Some(*seed),
            Effect::Pages { seed } if !subject.request.is_write() => {
                decision.sight.short_pages = Some(rolled(*seed));
            }
            Effect::Reshape { .. } | Effect::Pages { .. } => return false,
        }
        true
    }

    fn hold(held: &mut Vec<Held>, carry_out: bool) -> Outcome {
        let (sender, receiver) = oneshot::channel();
        let otherwise = Release {
            carry_out,
            answer: carry_out,
        };
        held.push(Held { sender, otherwise });
        Outcome::Hold(receiver)
    }
}
