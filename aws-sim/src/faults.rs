//! Faults on demand: which calls they are for, and what happens to those.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::{oneshot, watch};

use crate::wire::error::AwsError;

/// Which calls a fault is for. What is left out matches everything.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Match {
    account: Option<String>,
    action: Option<String>,
    kind: Option<Kind>,
    role: Option<String>,
}

/// Which kind of call a fault is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Write,
    Read,
    Any,
}

/// What happens to a call that is hit.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) enum Effect {
    Hold(bool),
    Drop(DropWhen),
    Error {
        code: String,
        status: u16,
        message: Option<String>,
    },
    DelayMs(u64),
}

/// When a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum DropWhen {
    /// Without the call being carried out.
    Before,
    /// After it was carried out, without an answer.
    After,
    /// After it was carried out, in the middle of the answer's body.
    MidBody,
}

/// A fault as it is asked for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    #[serde(default, rename = "match")]
    matching: Match,
    #[serde(default = "one")]
    nth: u64,
    /// 0 means for ever.
    #[serde(default = "one")]
    times: u64,
    #[serde(rename = "do")]
    effect: Effect,
}

fn one() -> u64 {
    1
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
    /// Calls that were hit.
    pub(crate) fired: u64,
    pub(crate) state: State,
}

/// What becomes of a held call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Release {
    /// Whether the call is carried out.
    pub(crate) carry_out: bool,
    /// Whether it is answered; a call that is not carried out never is.
    #[serde(default = "yes")]
    pub(crate) answer: bool,
}

fn yes() -> bool {
    true
}

/// A call as faults see it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) account: &'a str,
    pub(crate) action: &'a str,
    pub(crate) role: Option<&'a str>,
    pub(crate) write: bool,
}

/// What the gateway is to do with a call.
#[derive(Debug)]
pub(crate) enum Decision {
    Proceed,
    Hold(oneshot::Receiver<Release>),
    Drop(DropWhen),
    Error(AwsError),
    DelayMs(u64),
}

#[derive(Debug)]
struct Fault {
    id: u64,
    order: Order,
    seen: u64,
    fired: u64,
    held: Vec<oneshot::Sender<Release>>,
}

impl Fault {
    fn exhausted(&self) -> bool {
        self.order.times > 0 && self.fired >= self.order.times
    }

    fn report(&self) -> Report {
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
            fired: self.fired,
            state,
        }
    }
}

/// All faults.
#[derive(Debug)]
pub(crate) struct Faults {
    inner: Mutex<Inner>,
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Inner {
    last: u64,
    faults: Vec<Fault>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            inner: Mutex::default(),
            changed: watch::Sender::new(0),
        }
    }
}

impl Faults {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a fault and gives its id.
    pub(crate) fn add(&self, order: Order) -> u64 {
        let mut inner = self.lock();
        inner.last += 1;
        let id = inner.last;
        inner.faults.push(Fault {
            id,
            order,
            seen: 0,
            fired: 0,
            held: Vec::new(),
        });
        id
    }

    /// Decides what happens to a call. Every fault that matches counts it; the oldest that hits decides.
    pub(crate) fn decide(&self, subject: Subject<'_>) -> Decision {
        let mut inner = self.lock();
        let mut decision = Decision::Proceed;
        let mut touched = false;
        for fault in inner
            .faults
            .iter_mut()
            .filter(|fault| fault.order.matching.fits(subject))
        {
            fault.seen += 1;
            touched = true;
            if matches!(decision, Decision::Proceed) && fault.seen >= fault.order.nth && !fault.exhausted() {
                fault.fired += 1;
                decision = fault.order.effect.decision(&mut fault.held);
            }
        }
        drop(inner);
        if touched {
            self.changed.send_modify(|count| *count += 1);
        }
        decision
    }

    /// Tells about one fault.
    pub(crate) fn report(&self, id: u64) -> Option<Report> {
        self.lock()
            .faults
            .iter()
            .find(|fault| fault.id == id)
            .map(Fault::report)
    }

    /// Tells about all faults.
    pub(crate) fn reports(&self) -> Vec<Report> {
        self.lock().faults.iter().map(Fault::report).collect()
    }

    /// Gives something to wait on until any fault changes.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Lets go of the calls that a fault holds. Gives how many there were, or `None` if there is no such fault.
    pub(crate) fn release(&self, id: u64, release: Release) -> Option<usize> {
        let held = {
            let mut inner = self.lock();
            let fault = inner.faults.iter_mut().find(|fault| fault.id == id)?;
            std::mem::take(&mut fault.held)
        };
        let count = held.len();
        for call in held {
            let _ = call.send(release);
        }
        self.changed.send_modify(|count| *count += 1);
        Some(count)
    }

    /// Forgets all faults. Calls that are held are carried out and answered.
    pub(crate) fn clear(&self) {
        let faults = std::mem::take(&mut self.lock().faults);
        for call in faults.into_iter().flat_map(|fault| fault.held) {
            let _ = call.send(Release {
                carry_out: true,
                answer: true,
            });
        }
        self.changed.send_modify(|count| *count += 1);
    }
}

impl Match {
    fn fits(&self, subject: Subject<'_>) -> bool {
        let same = |wanted: &Option<String>, actual: &str| wanted.as_deref().is_none_or(|wanted| wanted == actual);
        let kind = match self.kind {
            None | Some(Kind::Any) => true,
            Some(Kind::Write) => subject.write,
            Some(Kind::Read) => !subject.write,
        };
        kind && same(&self.account, subject.account)
            && same(&self.action, subject.action)
            && same(&self.role, subject.role.unwrap_or_default())
    }
}

impl Effect {
    fn decision(&self, held: &mut Vec<oneshot::Sender<Release>>) -> Decision {
        match self {
            Self::Hold(true) => {
                let (sender, receiver) = oneshot::channel();
                held.push(sender);
                Decision::Hold(receiver)
            }
            Self::Hold(false) => Decision::Proceed,
            Self::Drop(when) => Decision::Drop(*when),
            Self::Error { code, status, message } => {
                let message = message.clone().unwrap_or_else(|| format!("{code} (injected)"));
                Decision::Error(AwsError::new(*status, code, message))
            }
            Self::DelayMs(delay) => Decision::DelayMs(*delay),
        }
    }
}
