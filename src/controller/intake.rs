//! What is to be looked at waits here, and few of it in kube's queue, where only so many looks go on at the same time: that
//! queue never gives back the memory of what once waited in it, and takes it several times for each object. At a start every
//! object waits.

use std::collections::{HashSet, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::{Stream, StreamExt as _, stream};
use tokio::sync::Notify;

/// For each look that may go on at the same time, so many objects are in kube's queue. More than one: one whose look goes
/// on stays in it, and must not hold up the others.
const AHEAD: usize = 4;

/// The objects that are in kube's queue now.
#[derive(Debug)]
pub(super) struct Intake<T> {
    ahead: Mutex<HashSet<T>>,
    begun: Notify,
    at_most: usize,
}

/// What waits, in the order that it was asked for.
struct Waiting<T> {
    order: VecDeque<T>,
    asked: HashSet<T>,
}

impl<T: Clone + Eq + Hash> Intake<T> {
    /// For a queue that looks at so many objects at once; zero: at all of them.
    pub(super) fn new(at_once: u16) -> Self {
        let at_most = match at_once {
            0 => usize::MAX,
            at_once => usize::from(at_once) * AHEAD,
        };
        Self {
            ahead: Mutex::default(),
            begun: Notify::new(),
            at_most,
        }
    }

    fn ahead(&self) -> MutexGuard<'_, HashSet<T>> {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A look at an object begins, or there is none to look at: what is asked for from now on is another look.
    pub(super) fn begins(&self, object: &T) {
        let mut ahead = self.ahead();
        ahead.remove(object);
        if ahead.is_empty() {
            *ahead = HashSet::new();
        }
        drop(ahead);
        self.begun.notify_one();
    }

    /// Passes requests on, as many as are to be in kube's queue. What is in it already takes no more room there, and is asked
    /// for again: kube may just have found that it was gone.
    pub(super) fn of(self: Arc<Self>, requests: impl Stream<Item = T>) -> impl Stream<Item = T> {
        let waiting = Waiting::<T>::default();
        let requests = Box::pin(requests.fuse());
        stream::unfold(
            (self, requests, waiting),
            |(intake, mut requests, mut waiting)| async move {
                loop {
                    let has_room = intake.ahead().len() < intake.at_most;
                    if has_room && let Some(next) = waiting.next() {
                        intake.ahead().insert(next.clone());
                        return Some((next, (intake, requests, waiting)));
                    }
                    let any_waits = !waiting.order.is_empty();
                    tokio::select! {
                        Some(request) = requests.next() => {
                            if intake.ahead().contains(&request) {
                                return Some((request, (intake, requests, waiting)));
                            }
                            waiting.add(request);
                        }
                        () = intake.begun.notified(), if any_waits => {}
                        else => return None,
                    }
                }
            },
        )
    }
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self {
            order: VecDeque::new(),
            asked: HashSet::new(),
        }
    }
}

impl<T: Clone + Eq + Hash> Waiting<T> {
    fn add(&mut self, request: T) {
        if self.asked.insert(request.clone()) {
            self.order.push_back(request);
        }
    }

    fn next(&mut self) -> Option<T> {
        let next = self.order.pop_front()?;
        self.asked.remove(&next);
        if self.order.is_empty() {
            *self = Self::default();
        }
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures::FutureExt as _;
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    use super::*;

    fn stream_of<T>(mut requests: UnboundedReceiver<T>) -> impl Stream<Item = T> {
        stream::poll_fn(move |task| requests.poll_recv(task))
    }

    #[test]
    fn as_many_are_passed_on_as_there_is_room_for_and_in_their_order() {
        let (ask, requests) = unbounded_channel();
        let intake = Arc::new(Intake::new(1));
        let mut passed = pin!(intake.clone().of(stream_of(requests)));
        let mut next = || passed.next().now_or_never().flatten();
        (0..6).chain(4..6).for_each(|request| ask.send(request).unwrap());
        assert_eq!([next(), next(), next(), next()], [0, 1, 2, 3].map(Some));
        assert_eq!(next(), None, "four are in kube's queue");
        intake.begins(&2);
        assert_eq!(next(), Some(4));
        assert_eq!(next(), None);
        intake.begins(&0);
        assert_eq!((next(), next()), (Some(5), None), "however often it was asked for");
        ask.send(2).unwrap();
        assert_eq!(next(), None);
        intake.begins(&1);
        assert_eq!(next(), Some(2), "its look has begun: this is another");
    }

    #[test]
    fn what_comes_back_while_kube_finds_that_it_was_gone_is_looked_at() {
        let (ask, requests) = unbounded_channel();
        let intake = Arc::new(Intake::new(1));
        let mut passed = pin!(intake.clone().of(stream_of(requests)));
        let mut next = || passed.next().now_or_never().flatten();
        ask.send("role").unwrap();
        assert_eq!(next(), Some("role"));
        // kube has not said yet that there is no such object; there is one again.
        ask.send("role").unwrap();
        assert_eq!(next(), Some("role"));
        intake.begins(&"role");
        assert_eq!(next(), None);
    }

    #[test]
    fn what_waits_when_nobody_asks_any_more_is_still_passed_on() {
        let (ask, requests) = unbounded_channel();
        (0..6).for_each(|request| ask.send(request).unwrap());
        drop(ask);
        let intake = Arc::new(Intake::new(1));
        let begun = intake.clone();
        let passed = intake
            .of(stream_of(requests))
            .inspect(move |request| begun.begins(request));
        assert_eq!(passed.collect::<Vec<_>>().now_or_never(), Some((0..6).collect()));
    }

    #[test]
    fn no_memory_is_kept_of_what_waited() {
        let mut waiting = Waiting::default();
        (0..1000).for_each(|request| waiting.add(request));
        while waiting.next().is_some() {}
        assert_eq!((waiting.order.capacity(), waiting.asked.capacity()), (0, 0));
    }

    #[test]
    fn a_queue_without_a_limit_takes_everything() {
        let (ask, requests) = unbounded_channel();
        (0..1000).for_each(|request| ask.send(request).unwrap());
        drop(ask);
        let passed = Arc::new(Intake::new(0)).of(stream_of(requests)).count();
        assert_eq!(passed.now_or_never(), Some(1000));
    }
}
