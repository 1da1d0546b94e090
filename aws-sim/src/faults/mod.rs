//! Faults on demand: which calls they are for, and what happens to those.

pub(crate) mod catalogue;
pub(crate) mod effect;
pub(crate) mod fault;
mod lag;
pub(crate) mod matching;
mod sentence;
mod throttle;

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::world::World;
use crate::world::history::Wanted;
use effect::{Decision, Effect, Release};
use fault::{Fault, Order, Report};
use lag::Replicas;
use matching::Subject;

/// All faults. Whoever holds the world and the faults took the world first.
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

impl Inner {
    /// Which accounts' past a lag needs.
    fn past(&self) -> Wanted {
        let mut wanted = Wanted::default();
        for fault in &self.faults {
            match (&fault.order.effect, &fault.order.matching.account) {
                (Effect::Lag(_), Some(account)) => drop(wanted.accounts.insert(account.clone())),
                (Effect::Lag(_), None) => wanted.all = true,
                _ => {}
            }
        }
        wanted
    }
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

    fn tell(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    /// Adds a fault and gives its id, or says what is wrong with it. What accounts are like now is what a lag shows
    /// until it has caught up.
    pub(crate) fn add(&self, order: Order, world: &mut World) -> Result<u64, String> {
        order.check()?;
        let mut inner = self.lock();
        inner.last += 1;
        let id = inner.last;
        inner.faults.push(Fault::new(id, order));
        world.keep_past(inner.past());
        if let Some(fault) = inner.faults.last_mut() {
            fault.replicas = Replicas::begin(world.past.histories());
        }
        Ok(id)
    }

    /// Decides what happens to a call. Every fault that matches counts it. Delays add up; of the rest the oldest fault
    /// that hits decides.
    pub(crate) fn decide(&self, subject: &Subject<'_>) -> Decision {
        let mut decision = Decision::default();
        let mut touched = false;
        for fault in &mut self.lock().faults {
            let counted = subject.as_counted();
            let subject = match &fault.order.effect {
                Effect::Throttle(_) => &counted,
                _ => subject,
            };
            if fault.order.matching.fits(subject) {
                touched = true;
                fault.meet(subject, &mut decision);
            }
        }
        if touched {
            self.tell();
        }
        decision
    }

    /// Tells about one fault.
    pub(crate) fn report(&self, id: u64) -> Option<Report> {
        let inner = self.lock();
        inner.faults.iter().find(|fault| fault.id == id).map(Fault::report)
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
            call.release(Some(release));
        }
        self.tell();
        Some(count)
    }

    /// Forgets one fault, or all. Calls that are held are carried out and answered, those that hang are not. Gives the
    /// last report of each.
    pub(crate) fn remove(&self, id: Option<u64>, world: &mut World) -> Vec<Report> {
        let gone = {
            let mut inner = self.lock();
            let (gone, kept) = std::mem::take(&mut inner.faults)
                .into_iter()
                .partition::<Vec<_>, _>(|fault| id.is_none_or(|id| id == fault.id));
            inner.faults = kept;
            world.keep_past(inner.past());
            gone
        };
        let reports = gone.iter().map(Fault::report).collect();
        for call in gone.into_iter().flat_map(|fault| fault.held) {
            call.release(None);
        }
        self.tell();
        reports
    }
}
