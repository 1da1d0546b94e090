//! Many requests for the same thing are one.

use std::collections::HashSet;
use std::hash::Hash;
use std::time::Duration;

use futures::{Stream, StreamExt as _, stream};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::time::DelayQueue;

struct Gathering<T> {
    requests: UnboundedReceiver<T>,
    /// What was asked for, and is passed on when its time is over.
    waiting: DelayQueue<T>,
    asked: HashSet<T>,
}

/// Passes each request on after `time`; those for the same thing that come meanwhile are one with it. However often something
/// is asked for, nothing is put off for longer: a debounce would do that.
pub(super) fn gather<T>(requests: UnboundedReceiver<T>, time: Duration) -> impl Stream<Item = T>
where
    T: Clone + Eq + Hash,
{
    let gathering = Gathering {
        requests,
        waiting: DelayQueue::new(),
        asked: HashSet::new(),
    };
    stream::unfold(gathering, move |mut gathering| async move {
        loop {
            tokio::select! {
                Some(request) = gathering.requests.recv() => {
                    if time.is_zero() {
                        return Some((request, gathering));
                    }
                    if gathering.asked.insert(request.clone()) {
                        gathering.waiting.insert(request, time);
                    }
                }
                Some(over) = gathering.waiting.next() => {
                    let request = over.into_inner();
                    gathering.asked.remove(&request);
                    return Some((request, gathering));
                }
                else => return None,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    #[tokio::test]
    async fn what_is_asked_for_all_the_time_is_not_put_off() {
        let (ask, requests) = unbounded_channel();
        let mut gathered = pin!(gather(requests, Duration::from_millis(20)));
        let asking = async {
            loop {
                ask.send("often").unwrap();
                tokio::task::yield_now().await;
            }
        };
        let passed = tokio::select! {
            passed = gathered.next() => passed,
            () = asking => None,
        };
        assert_eq!(passed, Some("often"));
    }

    #[tokio::test]
    async fn what_is_asked_for_several_times_is_passed_on_once() {
        let (ask, requests) = unbounded_channel();
        for request in ["often", "once", "often", "often"] {
            ask.send(request).unwrap();
        }
        let mut gathered = pin!(gather(requests, Duration::from_millis(20)));
        let mut passed = [gathered.next().await, gathered.next().await];
        passed.sort_unstable();
        assert_eq!(passed, [Some("often"), Some("once")]);
        drop(ask);
        assert_eq!(gathered.next().await, None);
    }

    #[tokio::test]
    async fn what_is_not_to_be_gathered_is_passed_on_as_it_comes() {
        let (ask, requests) = unbounded_channel();
        ask.send(1).unwrap();
        ask.send(1).unwrap();
        drop(ask);
        let passed: Vec<i32> = gather(requests, Duration::ZERO).collect().await;
        assert_eq!(passed, [1, 1]);
    }
}
