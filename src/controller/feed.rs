//! The feed: who used a role and who changed one, as CloudTrail tells by way of a queue. By the leader alone.
//!
//! ```text
//! receive ─► read ─► find ─► join ─► look (a change) ─► count ─► notice, figures ─► delete
//! ```
//!
//! | module | holds |
//! |---|---|
//! | `find` | the object whose role a record speaks of |
//! | `doing` | what is to be told, until it is: counted, a notice, figures |
//! | `count` | the Event that counts: each use once, also after a restart |
//! | `last` | who last assumed which role, until status says so |
//!
//! A message is deleted when what it says is kept: when an Event has counted it. Whoever dies before leaves it in the queue, and
//! whoever is told again finds in the Event that it was counted. What Kubernetes does not take is held and tried again; where
//! Kubernetes does not answer at all, nothing more is taken from the queue meanwhile. What it answers otherwise again and again
//! is told without an Event: the trouble of one namespace keeps no other waiting. What cannot be read is left alone: the queue
//! moves it to the dead letters when it was received often enough.

mod count;
mod doing;
mod find;
mod last;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossrole_api::Mfa;
use crossrole_plan::feed::join::{Joined, Joiner, Taken};
use crossrole_plan::feed::record::{self, Change, Happening, Outcome, Use};
use crossrole_plan::feed::series::Told;
use crossrole_plan::outcome::backoff;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch::Receiver;

use self::count::Counts;
use self::doing::{Doing, What};
use self::find::Found;
use super::context::Context;
use super::looks;
use super::run::until_stop;
use crate::aws::{CallError, EventQueue, Message};

pub use last::{Uses, keep_uses};

/// A round takes so long at least, unless many messages wait: so an Event is written at most once a second.
const ROUND: Duration = Duration::from_secs(1);

/// A round takes so many messages at most.
const AT_ONCE: usize = 100;

/// How long SQS waits for a message.
const PATIENCE: Duration = Duration::from_secs(20);

/// The queue is tried again after so long at the latest.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Where so much waits to be counted, nothing more is taken from the queue.
const HELD: usize = 1_000;

/// Whoever changed a role by hand may have let in people without a second factor; that may matter for so long.
const CHANGE_MATTERS_FOR: SignedDuration = SignedDuration::from_hours(1);

/// What the declaration says now may not have been so longer ago.
const DECLARED_FOR: SignedDuration = SignedDuration::from_mins(5);

/// Takes events from the queue until told to stop.
pub async fn run(context: Arc<Context>, mut stop: Receiver<bool>) {
    let Some(url) = &context.settings.event_queue else {
        return;
    };
    let mut feed = Feed {
        context: &context,
        queue: context.aws.event_queue(url),
        joiner: Joiner::default(),
        counts: Counts::default(),
        held: Vec::new(),
        changed: HashMap::new(),
        is_stuck: false,
        deletes: true,
        began: Instant::now(),
    };
    let mut failures = 0;
    loop {
        let began = Instant::now();
        if feed.is_stuck || feed.held.len() > HELD {
            failures += 1;
            context.metrics.read_event_queue(false);
            let pause = backoff(failures, fastrand::f64()).min(LONGEST_PAUSE);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = until_stop(&mut stop) => return,
            }
            feed.handle(Vec::new()).await;
            continue;
        }
        let received = tokio::select! {
            received = feed.receive() => received,
            () = until_stop(&mut stop) => return,
        };
        let pause = match received {
            Ok(messages) => {
                failures = 0;
                let many_wait = messages.len() >= AT_ONCE;
                feed.handle(messages).await;
                context.metrics.read_event_queue(feed.deletes);
                if many_wait {
                    Duration::ZERO
                } else {
                    ROUND.saturating_sub(began.elapsed())
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the event queue could not be read; what is in it stays there");
                context.metrics.read_event_queue(false);
                failures += 1;
                backoff(failures, fastrand::f64()).min(LONGEST_PAUSE)
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = until_stop(&mut stop) => return,
        }
    }
}

struct Feed<'a> {
    context: &'a Context,
    queue: EventQueue,
    /// What stands for a message is what it is deleted by.
    joiner: Joiner<String>,
    counts: Counts,
    /// What Kubernetes has not taken yet. Its messages are in the queue still, where nobody else takes them.
    held: Vec<Doing>,
    /// When somebody changed a role from outside of late, as AWS says: by the role's ARN.
    changed: HashMap<String, Timestamp>,
    /// Whether Kubernetes did not answer at all when something was to be counted last.
    is_stuck: bool,
    /// Whether what was handled could be deleted at the last try.
    deletes: bool,
    /// Since when times are counted.
    began: Instant,
}

/// What a round comes to.
#[derive(Default)]
struct Round {
    /// What is to be told.
    doings: Vec<Doing>,
    /// The messages that are to be deleted.
    done: Vec<String>,
}

impl Feed<'_> {
    /// What waits in the queue, as far as a round takes it; or what comes while somebody waits for it.
    async fn receive(&self) -> Result<Vec<Message>, CallError> {
        // What waits for its other record is told in time, and what Kubernetes did not take is tried again.
        let joined = self.joiner.next_due(self.began.elapsed());
        let held = self
            .held
            .iter()
            .map(|doing| doing.due.saturating_duration_since(Instant::now()));
        let due = held.chain(joined).min().unwrap_or(PATIENCE);
        let mut messages = self.queue.receive(due.max(ROUND).min(PATIENCE)).await?;
        let mut all = messages.len();
        // SQS gives fewer than it is asked for although more wait: only an empty answer ends a round.
        while !messages.is_empty() && all < AT_ONCE {
            match self.queue.receive(Duration::ZERO).await {
                Ok(more) if !more.is_empty() => messages.extend(more),
                // What is wrong with the queue is told by the next round.
                _ => break,
            }
            all = messages.len();
        }
        Ok(messages)
    }

    async fn handle(&mut self, messages: Vec<Message>) {
        let (now, mut round) = (self.began.elapsed(), Round::default());
        for message in messages {
            match record::read(&message.body) {
                Ok(Happening::Use(used)) => self.take_use(*used, message.receipt, now, &mut round),
                Ok(Happening::Change(change)) => self.take_change(change, message.receipt, now, &mut round),
                Ok(Happening::Other) => self.done(message.receipt, "Other", &mut round),
                Err(error) => {
                    tracing::warn!(%error, "a message of the event queue cannot be read, and stays there");
                    self.context.metrics.took_message("Unreadable");
                }
            }
        }
        for joined in self.joiner.due(now) {
            self.found(joined, &mut round);
        }
        self.tell(&mut round).await;
        if round.done.is_empty() {
            return;
        }
        let deleted = self.queue.delete(&round.done).await;
        self.deletes = deleted.is_ok();
        if let Err(error) = deleted {
            tracing::warn!(%error, "messages of the event queue could not be deleted; they come again, and count once");
        }
    }

    fn done(&self, message: String, outcome: &str, round: &mut Round) {
        self.context.metrics.took_message(outcome);
        round.done.push(message);
    }

    /// What this message says was taken before. As long as that is not counted, nothing but the queue keeps it.
    fn known(&mut self, id: &str, message: String, round: &mut Round) {
        let mut waiting = self.held.iter_mut().chain(&mut round.doings);
        match waiting.find(|doing| doing.told.id == id) {
            Some(doing) => {
                self.context.metrics.took_message("Known");
                doing.again.push(message);
            }
            None => self.done(message, "Known", round),
        }
    }

    fn take_use(&mut self, used: Use, message: String, now: Duration, round: &mut Round) {
        // What is not ours need not wait for anything.
        if find::role(self.context, &used).is_none() {
            return self.done(message, "Other", round);
        }
        let id = used.id.clone();
        match self.joiner.take(used, message, now) {
            Taken::Waits => {}
            Taken::Known(message) => self.known(&id, message, round),
            Taken::Tell(joined) => self.found(*joined, round),
        }
    }

    /// A use is to be told.
    fn found(&self, joined: Joined<String>, round: &mut Round) {
        let Joined { known, messages } = joined;
        let Some(found) = find::role(self.context, &known) else {
            // Its object has gone while it waited.
            return messages
                .into_iter()
                .for_each(|message| self.done(message, "Other", round));
        };
        let mfa = match (known.mfa, known.outcome) {
            (Mfa::Unknown, Outcome::Granted) if known.is_nameless && self.was_declared_at(known.time, &found) => {
                found.mfa_by_trust
            }
            (mfa, _) => mfa,
        };
        let told = Told::of_use(&found.uid, &known, mfa);
        let what = What::Use(Box::new(known), mfa);
        round.doings.push(Doing::new(found, told, what, messages));
    }

    fn was_declared_at(&self, time: Timestamp, found: &Found) -> bool {
        let changed = self.changed.get(&found.role_arn).copied();
        was_declared_at(time, changed, self.context.now())
    }

    fn take_change(&mut self, change: Box<Change>, message: String, now: Duration, round: &mut Round) {
        let context = self.context;
        let Some(found) = find::changed(context, &change) else {
            return self.done(message, "Other", round);
        };
        let world = context.world();
        if change.is_own(context.aws.session_name(), |role| world.is_entered_as(role)) {
            return self.done(message, "Own", round);
        }
        if !self.joiner.note(&change.id, now) {
            return self.known(&change.id, message, round);
        }
        // Before anything is told: it may have to be put back.
        if let Some(handle) = context.aws.known_account(&change.account) {
            handle.is_changed(&change.role);
        }
        context.looks.is_changed(&found.object, &found.account);
        let _ = context.queues.roles.send(looks::reference(&found.object));
        let moment = context.now();
        self.changed
            .retain(|_, at| moment.duration_since(*at) < CHANGE_MATTERS_FOR);
        let newest = self.changed.entry(found.role_arn.clone()).or_insert(change.time);
        *newest = change.time.max(*newest);
        let told = Told::of_change(&found.uid, &change);
        round
            .doings
            .push(Doing::new(found, told, What::Change(change), vec![message]));
    }
}

/// Whether what is declared now was so when somebody assumed the role, as far as can be told: whoever changed it by hand may
/// have let them in, also where it was put back since.
fn was_declared_at(time: Timestamp, changed: Option<Timestamp>, now: Timestamp) -> bool {
    let is_changed = changed.is_some_and(|at| time.duration_since(at).abs() < CHANGE_MATTERS_FOR);
    !is_changed && now.duration_since(time) < DECLARED_FOR
}

/// How long ago something was; nothing where a clock of AWS is ahead.
fn ago(then: Timestamp, now: Timestamp) -> Duration {
    now.duration_since(then).try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_declared_says_nothing_of_who_got_in_long_ago_or_around_a_change_by_hand() {
        let now: Timestamp = "2026-11-27T12:00:00Z".parse().unwrap();
        let ago = |minutes| now - SignedDuration::from_mins(minutes);
        for (used, changed, was_declared) in [
            (1, None, true),
            (6, None, false),
            (1, Some(0), false),
            (1, Some(2), false),
            (1, Some(60), false),
            (1, Some(62), true),
        ] {
            let found = was_declared_at(ago(used), changed.map(ago), now);
            assert_eq!(found, was_declared, "used {used} min ago, changed {changed:?}");
        }
    }
}
