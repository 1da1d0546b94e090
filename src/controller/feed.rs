//! The feed: who used a role and who changed one, as CloudTrail tells by way of a queue. By the leader alone.
//!
//! ```text
//! receive ─► read ─► find ─► join ─► look (a change) ─► count ─► notice, figures ─► delete
//! ```
//!
//! | module | holds |
//! |---|---|
//! | `find` | the object whose role a record speaks of |
//! | `count` | the Event that counts: each use once, also after a restart |
//! | `last` | who last assumed which role, until status says so |
//!
//! A message is deleted when what it says is kept: when an Event has counted it. Whoever dies before leaves it in the queue, and
//! whoever is told again finds in the Event that it was counted. What Kubernetes does not take is held until it does; where it
//! takes nothing at all, nothing more is taken from the queue meanwhile. What it refuses again and again is told without an
//! Event. What cannot be read is left alone: the queue moves it to the dead letters when it was
//! received often enough.

mod count;
mod find;
mod last;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossrole_api::{LastAssumed, Mfa};
use crossrole_plan::feed::join::{Joined, Joiner, Taken};
use crossrole_plan::feed::record::{self, Change, Happening, Outcome, Use};
use crossrole_plan::feed::series::Told;
use crossrole_plan::outcome::backoff;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use tokio::sync::watch::Receiver;

use self::count::{Counted, Counts, Series};
use self::find::Found;
use super::context::Context;
use super::events::cut;
use super::looks;
use super::notifying;
use super::run::until_stop;
use crate::aws::{CallError, EventQueue, Message};
use crate::notices::{Notice, NoticeKind};

pub use last::{Uses, keep_uses};

/// A round takes so long at least, unless many messages wait: so an Event is written at most once a second.
const ROUND: Duration = Duration::from_secs(1);

/// A round takes so many messages at most.
const AT_ONCE: usize = 100;

/// How long SQS waits for a message.
const PATIENCE: Duration = Duration::from_secs(20);

/// The queue is tried again after so long at the latest.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Events that are written at the same time.
const WRITTEN_AT_ONCE: usize = 8;

/// What Kubernetes refuses so often to count is told without an Event: the trouble of one namespace must not keep others waiting.
const REFUSALS: u32 = 6;

/// Where so much waits to be counted, nothing more is taken from the queue.
const HELD: usize = 1_000;

/// Who assumed a role stands in status in so many bytes at most.
const PRINCIPAL_SIZE: usize = 64;

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
        is_stuck: false,
        deletes: true,
        began: Instant::now(),
    };
    let mut failures = 0;
    loop {
        let began = Instant::now();
        if feed.is_stuck || feed.held.len() > HELD {
            failures += 1;
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
    /// Whether nothing at all could be counted in the last round that had something to count.
    is_stuck: bool,
    /// Whether what was handled could be deleted at the last try.
    deletes: bool,
    /// Since when times are counted.
    began: Instant,
}

/// What was done with a role of ours, and what is to be told of it.
struct Doing {
    found: Found,
    told: Told,
    what: What,
    /// The messages that spoke of it.
    messages: Vec<String>,
    /// How often Kubernetes has refused to count it.
    refusals: u32,
}

enum What {
    Use(Box<Use>, Mfa),
    Change(Box<Change>),
}

impl Feed<'_> {
    /// What waits in the queue, as far as a round takes it; or what comes while somebody waits for it.
    async fn receive(&self) -> Result<Vec<Message>, CallError> {
        // What waits for its other record is told in time, and what Kubernetes did not take is tried again.
        let due = match self.held.is_empty() {
            true => self.joiner.next_due(self.began.elapsed()).unwrap_or(PATIENCE),
            false => ROUND,
        };
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
        let now = self.began.elapsed();
        let (mut doings, mut done) = (std::mem::take(&mut self.held), Vec::new());
        for message in messages {
            match record::read(&message.body) {
                Ok(Happening::Use(used)) => self.take_use(*used, message.receipt, now, &mut doings, &mut done),
                Ok(Happening::Change(change)) => self.take_change(change, message.receipt, now, &mut doings, &mut done),
                Ok(Happening::Other) => self.done(message.receipt, "Other", &mut done),
                Err(error) => {
                    tracing::warn!(%error, "a message of the event queue cannot be read, and stays there");
                    self.context.metrics.took_message("Unreadable");
                }
            }
        }
        for joined in self.joiner.due(now) {
            self.found(joined, &mut doings, &mut done);
        }
        self.tell(doings, &mut done).await;
        if done.is_empty() {
            return;
        }
        let deleted = self.queue.delete(&done).await;
        self.deletes = deleted.is_ok();
        if let Err(error) = deleted {
            tracing::warn!(%error, "messages of the event queue could not be deleted; they come again, and count once");
        }
    }

    fn done(&self, message: String, outcome: &str, done: &mut Vec<String>) {
        self.context.metrics.took_message(outcome);
        done.push(message);
    }

    fn take_use(&mut self, used: Use, message: String, now: Duration, doings: &mut Vec<Doing>, done: &mut Vec<String>) {
        // What is not ours need not wait for anything.
        if find::role(self.context, &used).is_none() {
            return self.done(message, "Other", done);
        }
        match self.joiner.take(used, message, now) {
            Taken::Waits => {}
            Taken::Known(message) => self.done(message, "Known", done),
            Taken::Tell(joined) => self.found(*joined, doings, done),
        }
    }

    /// A use is to be told.
    fn found(&self, joined: Joined<String>, doings: &mut Vec<Doing>, done: &mut Vec<String>) {
        let Joined { known, messages } = joined;
        let Some(found) = find::role(self.context, &known) else {
            // Its object has gone while it waited.
            return messages
                .into_iter()
                .for_each(|message| self.done(message, "Other", done));
        };
        let mfa = match (known.mfa, known.outcome) {
            (Mfa::Unknown, Outcome::Granted) if known.is_nameless => found.mfa_by_trust,
            (mfa, _) => mfa,
        };
        doings.push(Doing {
            told: Told::of_use(&found.uid, &known, mfa),
            found,
            what: What::Use(Box::new(known), mfa),
            messages,
            refusals: 0,
        });
    }

    fn take_change(
        &mut self,
        change: Box<Change>,
        message: String,
        now: Duration,
        doings: &mut Vec<Doing>,
        done: &mut Vec<String>,
    ) {
        let context = self.context;
        let Some(found) = find::changed(context, &change) else {
            return self.done(message, "Other", done);
        };
        let world = context.world();
        if change.is_own(context.aws.session_name(), |role| world.is_entered_as(role)) {
            return self.done(message, "Own", done);
        }
        if !self.joiner.note(&change.id, now) {
            return self.done(message, "Known", done);
        }
        // Before anything is told: it may have to be put back.
        if let Some(handle) = context.aws.known_account(&change.account) {
            handle.is_changed(&change.role);
        }
        context.looks.is_changed(&found.object, &found.account);
        let _ = context.queues.roles.send(looks::reference(&found.object));
        doings.push(Doing {
            told: Told::of_change(&found.uid, &change),
            found,
            what: What::Change(change),
            messages: vec![message],
            refusals: 0,
        });
    }

    /// Counts what was done, series by series, and tells what was new.
    async fn tell(&mut self, doings: Vec<Doing>, done: &mut Vec<String>) {
        let mut by_series: BTreeMap<String, Vec<Doing>> = BTreeMap::new();
        for doing in doings {
            by_series.entry(doing.told.series.clone()).or_default().push(doing);
        }
        let context = self.context;
        let series: Vec<_> = by_series
            .into_iter()
            .map(|(name, doings)| (self.counts.take(&name), name, doings))
            .collect();
        let counted = stream::iter(series).map(|(known, name, doings)| count_all(context, known, name, doings));
        let mut counted = counted.buffer_unordered(WRITTEN_AT_ONCE);
        let (mut any, mut none) = (false, true);
        while let Some((name, doings, counted)) = counted.next().await {
            match counted {
                Ok((known, is_new)) => {
                    none = false;
                    self.counts.keep(name, known);
                    for (doing, is_new) in doings.into_iter().zip(is_new) {
                        self.counted(doing, is_new, done);
                    }
                }
                Err(error) => {
                    any = true;
                    tracing::warn!(%error, "what was done with a role could not be counted; it is tried again");
                    context.metrics.kubernetes_failed("Event", &count::code(&error));
                    let refused = u32::from(count::is_refusal(&error));
                    for mut doing in doings {
                        doing.refusals += refused;
                        if doing.refusals < REFUSALS {
                            self.held.push(doing);
                        } else {
                            self.counted(doing, true, done);
                        }
                    }
                }
            }
        }
        self.is_stuck = any && none && !self.held.is_empty();
    }

    /// A doing was counted, now or by somebody before, who may not have told anybody.
    fn counted(&self, doing: Doing, is_new: bool, done: &mut Vec<String>) {
        let Doing {
            found,
            told,
            what,
            messages,
            ..
        } = doing;
        let (kind, outcome) = match &what {
            What::Use(used, _) if used.outcome == Outcome::Denied => (NoticeKind::Denied, "Use"),
            What::Use(..) => (NoticeKind::Assumed, "Use"),
            What::Change(_) => (NoticeKind::ChangedOutside, "Change"),
        };
        let outcome = if is_new { outcome } else { "Known" };
        messages
            .into_iter()
            .for_each(|message| self.done(message, outcome, done));
        let data = match &what {
            What::Use(used, mfa) => used.details.data(&used.principal, Some(*mfa)),
            What::Change(change) => change.details.data(&change.principal, None),
        };
        let notice = Notice {
            id: told.id.clone(),
            kind,
            time: told.time,
            object: found.object.clone(),
            account_id: found.account_id.clone(),
            role_arn: found.role_arn.clone(),
            data,
        };
        if let Some(class) = &found.class {
            notifying::tell(self.context, class, notice);
        }
        if let What::Use(used, mfa) = &what
            && used.outcome == Outcome::Granted
        {
            let last = LastAssumed {
                time: Time(used.time),
                principal: cut(used.principal.short(), PRINCIPAL_SIZE),
                mfa: *mfa,
            };
            self.context.uses.note(&found.object, &found.account, last);
        }
        if is_new {
            self.count(&found, &told, &what);
        }
    }

    fn count(&self, found: &Found, told: &Told, what: &What) {
        let metrics = &self.context.metrics;
        let ago = ago(told.time, self.context.now());
        match what {
            What::Use(used, mfa) => {
                let labels = [used.principal.kind.as_str(), mfa.as_str(), used.outcome.as_str()];
                metrics.used_role(&found.account_id, labels, ago);
            }
            What::Change(_) => metrics.changed_outside(&found.account_id, ago),
        }
    }
}

/// Counts what is of one series. Says of each whether it was not counted before.
async fn count_all(
    context: &Context,
    known: Counted,
    name: String,
    doings: Vec<Doing>,
) -> (String, Vec<Doing>, kube::Result<(Counted, Vec<bool>)>) {
    let counted = match doings.first() {
        None => Ok((known, Vec::new())),
        Some(first) => {
            let told: Vec<&Told> = doings.iter().map(|doing| &doing.told).collect();
            let series = Series::of(&name, &first.found, &told);
            count::count(&context.events, &series, known).await
        }
    };
    (name, doings, counted)
}

/// How long ago something was; nothing where a clock of AWS is ahead.
fn ago(then: Timestamp, now: Timestamp) -> Duration {
    now.duration_since(then).try_into().unwrap_or_default()
}
