//! Notices: somebody is told, over HTTPS, what happened to a role.
//!
//! ```text
//! tell ─► a queue for each notifier and kind ─► try, and try again ─► Delivered, or parked
//! ```
//!
//! Whoever tells never waits. A notice that nobody takes is *parked*: counted, logged by its id, and told of in an Event when
//! that begins and ends. CloudTrail still has what it was made of, under that id.
//!
//! | module | holds |
//! |---|---|
//! | [`address`] | which addresses nobody is told at |
//! | [`connection`] | a connection to an address that was looked at first |
//! | `delivery` | one try |
//! | [`envelope`] | a notice as a CloudEvent |
//! | [`schedule`] | when it is sent again |
//! | [`signature`] | signatures, as Standard Webhooks has them |

pub mod address;
pub mod connection;
mod delivery;
pub mod envelope;
pub mod schedule;
pub mod signature;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossrole_api::Notify;
use crossrole_plan::declaration::ObjectName;
use crossrole_plan::notify::{Notifier, Notifying};
use futures::{StreamExt, stream};
use jiff::Timestamp;
use tokio::sync::mpsc::{self, Receiver, Sender, UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::metrics::Metrics;
use crate::telemetry::told;
use connection::Connector;
use delivery::Courier;
use schedule::Schedule;

pub use crossrole_api::NoticeKind;

/// So many notices of one queue are sent at the same time: one that is not taken must not hold up the others.
const AT_ONCE: usize = 8;

/// It is told no more often that a notifier no longer takes notices, and no more often that it takes them again: one whose queue
/// is full turns with each notice.
const TOLD_EVERY: Duration = Duration::from_secs(300);

/// What happened to a role.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// CloudTrail's id of the event. A receiver that gets it twice was told of one thing.
    pub id: String,
    /// What happened.
    pub kind: NoticeKind,
    /// When.
    pub time: Timestamp,
    /// The CrossAccountRole.
    pub object: ObjectName,
    /// The account that holds the role.
    pub account_id: String,
    /// The role.
    pub role_arn: String,
    /// What else is known: who, from where.
    pub data: serde_json::Map<String, serde_json::Value>,
}

/// How notices are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The folder below which the files of secrets are; absent: nothing can be signed, and every notice is parked.
    pub secrets_dir: Option<PathBuf>,
    /// Whether loopback addresses may be spoken to, also without TLS: for tests.
    pub allow_loopback: bool,
    /// When a notice is sent again.
    pub schedule: Schedule,
    /// So many notices of one kind wait at most for one notifier.
    pub waiting: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            secrets_dir: None,
            allow_loopback: false,
            schedule: Schedule::default(),
            waiting: 1000,
        }
    }
}

/// What became of a notice. All but the first are parked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// The receiver took it.
    Delivered,
    /// The receiver answered that it does not take it: 4xx (but 429), or a redirection.
    Refused,
    /// No try was answered, or each with 5xx or 429.
    Unanswered,
    /// Too many were waiting already.
    QueueFull,
    /// It could not be signed.
    NoSecret,
    /// The address is one at which nobody is told.
    NotAllowed,
    /// The operator stopped before.
    GivenUp,
}

impl Outcome {
    /// The outcome as the metric has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "Delivered",
            Self::Refused => "Refused",
            Self::Unanswered => "Unanswered",
            Self::QueueFull => "QueueFull",
            Self::NoSecret => "NoSecret",
            Self::NotAllowed => "NotAllowed",
            Self::GivenUp => "GivenUp",
        }
    }
}

/// A notifier no longer takes notices, or takes them again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Its AccountClass.
    pub class: String,
    /// Its name.
    pub name: String,
    /// What became of the notice at which that was noticed.
    pub outcome: Outcome,
}

/// Sends notices. Every copy sends with the same queues.
#[derive(Clone, Debug)]
pub struct Notices(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// By notifier and kind: of a thousand uses none takes the place of a change.
    queues: Mutex<HashMap<(String, NoticeKind), Sender<Job>>>,
    waiting: usize,
    office: Arc<Office>,
}

/// What all queues share.
#[derive(Debug)]
struct Office {
    courier: Courier,
    schedule: Schedule,
    metrics: Metrics,
    turns: UnboundedSender<Turn>,
    /// How the notifiers stand.
    standing: Mutex<AllStanding>,
    /// How many notices wait, or are being sent.
    under_way: watch::Sender<usize>,
    /// Whether nothing more is tried.
    closing: watch::Sender<bool>,
}

/// How all notifiers stand.
#[derive(Debug, Default)]
struct AllStanding {
    by_notifier: HashMap<String, Standing>,
    /// The names of each class, where it was said which there are: of others that are still being sent to nothing is told.
    names: HashMap<String, BTreeSet<String>>,
}

/// What was told of a notifier.
#[derive(Debug, Default)]
struct Standing {
    /// Whether it was told last that it takes no notices.
    is_parked: bool,
    /// When it was told last that it takes them, and that it does not.
    told: [Option<Instant>; 2],
}

impl Standing {
    /// Whether it is to be told how the last notice ended.
    fn turns(&mut self, is_parked: bool, now: Instant) -> bool {
        let told = &mut self.told[usize::from(is_parked)];
        let lately = told.is_some_and(|told| now.saturating_duration_since(told) < TOLD_EVERY);
        if self.is_parked == is_parked || lately {
            return false;
        }
        *told = Some(now);
        self.is_parked = is_parked;
        true
    }
}

/// A notice for one notifier.
#[derive(Debug)]
struct Job {
    notifier: Arc<Notifier>,
    notice: Arc<Notice>,
}

/// What a notifier is called in figures and in the log.
fn label(notifier: &Notifier) -> String {
    format!("{}/{}", notifier.class, notifier.name)
}

impl Notices {
    /// Sends as these settings say. `source` names the operator in what is sent. What comes with it tells when a notifier no
    /// longer takes notices, and when it takes them again.
    pub fn new(settings: Settings, source: String, metrics: Metrics) -> (Self, UnboundedReceiver<Turn>) {
        let connector = Connector::new(settings.allow_loopback);
        Self::with(settings, source, metrics, connector)
    }

    fn with(
        settings: Settings,
        source: String,
        metrics: Metrics,
        connector: Connector,
    ) -> (Self, UnboundedReceiver<Turn>) {
        let (turns, told) = mpsc::unbounded_channel();
        let office = Office {
            courier: Courier {
                secrets_dir: settings.secrets_dir,
                allow_loopback: settings.allow_loopback,
                source,
                connector,
            },
            schedule: settings.schedule,
            metrics,
            turns,
            standing: Mutex::default(),
            under_way: watch::Sender::new(0),
            closing: watch::Sender::new(false),
        };
        let inner = Inner {
            queues: Mutex::default(),
            waiting: settings.waiting.max(1),
            office: Arc::new(office),
        };
        (Self(Arc::new(inner)), told)
    }

    /// Tells whoever the class, and the role's own `spec.notify`, name for such a notice. Never waits. It is called in a
    /// runtime of tokio, which sends in the background.
    pub fn tell(&self, class: &Notifying, role: Option<&Notify>, notice: Notice) {
        let told = class.told(role, notice.kind);
        let id = signature::safe_id(&notice.id);
        let notice = Arc::new(Notice { id, ..notice });
        for notifier in told {
            self.0.take(Job {
                notifier: notifier.clone(),
                notice: notice.clone(),
            });
        }
    }

    /// Forgets the notifiers of a class but for these: nothing more is told of how they stand.
    pub fn keep_only(&self, class: &str, names: &BTreeSet<&str>) {
        let is_gone = |notifier: &str| {
            let name = notifier.split_once('/').filter(|(of, _)| *of == class);
            name.is_some_and(|(_, name)| !names.contains(name))
        };
        // What waits in a queue is sent all the same.
        let mut queues = self.0.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.retain(|(notifier, _), _| !is_gone(notifier));
        drop(queues);
        let office = &self.0.office;
        let mut standing = office.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = names.iter().map(|name| (*name).to_string()).collect();
        standing.names.insert(class.to_string(), kept);
        standing.by_notifier.retain(|notifier, _| {
            let gone = is_gone(notifier);
            if gone {
                office.metrics.forget_notifier(notifier);
            }
            !gone
        });
    }

    /// How many notices wait, or are being sent.
    pub fn under_way(&self) -> usize {
        *self.0.office.under_way.borrow()
    }

    /// Waits until every notice was delivered or parked.
    pub async fn finish(&self) {
        let mut under_way = self.0.office.under_way.subscribe();
        // Its sender lives as long as this does.
        let _ = under_way.wait_for(|count| *count == 0).await;
    }

    /// Parks whatever was not delivered yet, and whatever comes from now on.
    pub async fn give_up(&self) {
        self.0.office.closing.send_replace(true);
        self.finish().await;
    }
}

impl Inner {
    fn take(&self, job: Job) {
        let queue = {
            let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
            let queue = queues
                .entry((label(&job.notifier), job.notice.kind))
                .or_insert_with(|| self.begin());
            queue.clone()
        };
        self.office.under_way.send_modify(|count| *count += 1);
        if let Err(error) = queue.try_send(job) {
            let (mpsc::error::TrySendError::Full(job) | mpsc::error::TrySendError::Closed(job)) = error;
            self.office.ended(&job, Outcome::QueueFull);
        }
    }

    /// A queue, and the task that empties it. It ends with the queue.
    fn begin(&self) -> Sender<Job> {
        let (queue, jobs) = mpsc::channel(self.waiting);
        tokio::spawn(send_all(jobs, self.office.clone()));
        queue
    }
}

async fn send_all(mut jobs: Receiver<Job>, office: Arc<Office>) {
    let jobs = stream::poll_fn(move |context| jobs.poll_recv(context));
    let send = |job| {
        let office = office.clone();
        async move {
            let outcome = office.deliver(&job).await;
            office.ended(&job, outcome);
        }
    };
    jobs.for_each_concurrent(AT_ONCE, send).await;
}

impl Office {
    /// Tries until a notice is taken, or will not be, or nothing more is tried.
    async fn deliver(&self, job: &Job) -> Outcome {
        let mut closing = self.closing.subscribe();
        tokio::select! {
            biased;
            // Its sender lives as long as this does.
            _ = closing.wait_for(|closing| *closing) => Outcome::GivenUp,
            outcome = self.try_all(job) => outcome,
        }
    }

    async fn try_all(&self, job: &Job) -> Outcome {
        let mut failures = 0;
        loop {
            let Err(trouble) = self.courier.attempt(job, self.schedule.longest).await else {
                return Outcome::Delivered;
            };
            failures += 1;
            let (notice, notifier) = (&job.notice.id, label(&job.notifier));
            tracing::debug!(notice, notifier, error = told(&trouble), "a notice was not taken");
            if let Some(outcome) = trouble.ends_as() {
                return outcome;
            }
            match self.schedule.wait(failures, fastrand::f64()) {
                Some(wait) => sleep(wait).await,
                None => return Outcome::Unanswered,
            }
        }
    }

    /// Counts what became of a notice, and says so where it is another thing than before.
    fn ended(&self, job: &Job, outcome: Outcome) {
        let (class, name) = (&job.notifier.class, &job.notifier.name);
        let notifier = label(&job.notifier);
        let delivered = outcome == Outcome::Delivered;
        self.metrics.sent_notice(&notifier, outcome.as_str());
        if !delivered {
            let (notice, outcome) = (&job.notice.id, outcome.as_str());
            tracing::warn!(notice, notifier, outcome, "a notice was parked");
        }
        let turned = {
            let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
            let names = standing.names.get(class);
            if names.is_none_or(|names| names.contains(name)) {
                self.metrics.notifier_stands(&notifier, delivered);
                let standing = standing.by_notifier.entry(notifier).or_default();
                standing.turns(!delivered, Instant::now())
            } else {
                false
            }
        };
        if turned {
            // Whoever listened may have ended already; then nobody is to be told.
            let _ = self.turns.send(Turn {
                class: class.clone(),
                name: name.clone(),
                outcome,
            });
        }
        self.under_way.send_modify(|count| *count = count.saturating_sub(1));
    }
}
