//! Whether a call may be sent now.
//!
//! IAM has no fencing: a call that is sent late takes effect all the same. So the lease is asked last, immediately
//! before each call is sent, and by a clock that goes on while the machine is suspended. After a pause, of a process or
//! of a whole machine, at most the calls that were already past this check arrive.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// How long the machine has been up, the time in which it was suspended included. Never goes back, whatever is done to
/// the time of day. Source: clock_gettime(2), CLOCK_BOOTTIME.
pub fn uptime() -> Duration {
    #[cfg(target_os = "linux")]
    const CLOCK: ClockId = ClockId::Boottime;
    // Elsewhere this one comes nearest; there, crossrole is only developed.
    #[cfg(not(target_os = "linux"))]
    const CLOCK: ClockId = ClockId::Monotonic;
    // Neither clock is ever before the start of the machine.
    Duration::try_from(clock_gettime(CLOCK)).unwrap_or_default()
}

/// Whether calls may be sent now. Every copy says the same.
///
/// A fence that was found closed after it was open stays closed for good: whoever was refused a call can then write
/// nothing else either, so that no status ever speaks of it.
#[derive(Clone, Debug)]
pub struct Fence {
    /// Until when it is open, in nanoseconds of [`uptime`]. Absent: always.
    until: Option<Arc<AtomicU64>>,
    /// The calls that have passed and are not over.
    passed: TaskTracker,
}

/// A call has passed the fence. Held until it is answered, or nobody waits for its answer any more.
#[derive(Clone, Debug)]
pub struct Passed {
    _token: TaskTrackerToken,
}

/// The call was not sent: this process does not hold the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the call was not sent: another process may hold the lease by now")]
pub struct NotLeader;

/// It was never open yet.
const NOT_YET: u64 = 0;

/// It never opens again. Like the other, a moment long gone.
const FOR_GOOD: u64 = 1;

impl Fence {
    /// Always open: there is no lease.
    pub fn open() -> Self {
        Self {
            until: None,
            passed: TaskTracker::new(),
        }
    }

    /// Closed until it is first extended.
    pub fn closed() -> Self {
        Self {
            until: Some(Arc::new(AtomicU64::new(NOT_YET))),
            passed: TaskTracker::new(),
        }
    }

    /// Asked immediately before a call is sent.
    ///
    /// # Errors
    /// When the call must not be sent.
    pub fn pass(&self) -> Result<Passed, NotLeader> {
        // Counted before the fence is asked: whoever closes it and counts then, misses none.
        let passed = Passed {
            _token: self.passed.token(),
        };
        fence(Ordering::SeqCst);
        self.check()?;
        Ok(passed)
    }

    /// Waits until every call that has passed is over. Of a fence that is closed for good: nothing is under way then, and
    /// nothing will be.
    pub async fn quiet(&self) {
        fence(Ordering::SeqCst);
        self.passed.close();
        self.passed.wait().await;
    }

    /// Whether calls may be sent now.
    ///
    /// # Errors
    /// When they must not.
    pub fn check(&self) -> Result<(), NotLeader> {
        self.check_at(uptime())
    }

    /// Opens it until then, in time of [`uptime`], or keeps it open. False where that has passed already, or where it was
    /// open before and its time has run out meanwhile.
    #[must_use]
    pub fn extend(&self, until: Duration) -> bool {
        self.extend_at(until, uptime())
    }

    /// Closes it for good.
    pub fn close(&self) {
        if let Some(limit) = &self.until {
            limit.store(FOR_GOOD, Ordering::SeqCst);
        }
    }

    /// How long it is still open.
    pub fn left(&self) -> Duration {
        match &self.until {
            None => Duration::MAX,
            Some(limit) => Duration::from_nanos(limit.load(Ordering::SeqCst)).saturating_sub(uptime()),
        }
    }

    // The time is passed in: from here on nothing reads a clock.
    pub(crate) fn check_at(&self, now: Duration) -> Result<(), NotLeader> {
        let Some(limit) = &self.until else { return Ok(()) };
        let now = nanoseconds(now);
        let run_out = |until| (until != NOT_YET && until <= now).then_some(FOR_GOOD);
        match limit.fetch_update(Ordering::SeqCst, Ordering::SeqCst, run_out) {
            Err(until) if until > now => Ok(()),
            _ => Err(NotLeader),
        }
    }

    pub(crate) fn extend_at(&self, until: Duration, now: Duration) -> bool {
        let Some(limit) = &self.until else { return true };
        let (until, now) = (nanoseconds(until), nanoseconds(now));
        let extended = |current| (until > now && (current == NOT_YET || current > now)).then_some(until);
        limit.fetch_update(Ordering::SeqCst, Ordering::SeqCst, extended).is_ok()
    }
}

// Enough for 584 years.
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn without_a_lease_every_call_is_sent() {
        let fence = Fence::open();
        assert_eq!(fence.check_at(at(1_000_000)), Ok(()));
        assert!(fence.extend_at(at(1), at(2)));
        fence.close();
        assert_eq!(fence.check(), Ok(()));
    }

    #[test]
    fn a_call_is_sent_only_while_the_lease_is_surely_ours() {
        let fence = Fence::closed();
        let copy = fence.clone();
        assert_eq!(copy.check_at(at(100)), Err(NotLeader));
        assert!(fence.extend_at(at(110), at(100)));
        assert_eq!(copy.check_at(at(109)), Ok(()));
        assert!(fence.extend_at(at(115), at(105)));
        assert_eq!(copy.check_at(at(114)), Ok(()));
        assert_eq!(copy.check_at(at(115)), Err(NotLeader));
    }

    #[test]
    fn what_was_once_found_closed_never_opens_again() {
        let fence = Fence::closed();
        assert!(fence.extend_at(at(110), at(100)));
        assert_eq!(fence.check_at(at(110)), Err(NotLeader));
        assert!(!fence.extend_at(at(200), at(111)));
        assert_eq!(fence.check_at(at(111)), Err(NotLeader));
    }

    #[test]
    fn a_renewal_that_arrives_after_the_time_ran_out_comes_too_late() {
        let fence = Fence::closed();
        assert!(fence.extend_at(at(110), at(100)));
        assert!(!fence.extend_at(at(120), at(110)), "nobody asked meanwhile, and yet");
        assert_eq!(fence.check_at(at(111)), Err(NotLeader));
    }

    #[test]
    fn an_answer_that_took_longer_than_the_deadline_opens_nothing_and_spoils_nothing() {
        let fence = Fence::closed();
        assert!(!fence.extend_at(at(110), at(130)));
        assert_eq!(fence.check_at(at(131)), Err(NotLeader));
        assert!(fence.extend_at(at(150), at(140)));
        assert_eq!(fence.check_at(at(141)), Ok(()));
    }

    #[test]
    fn closed_is_closed() {
        let fence = Fence::closed();
        assert!(fence.extend(uptime() + at(3600)));
        assert_eq!(fence.check(), Ok(()));
        assert!(fence.left() > at(3000));
        fence.close();
        assert_eq!((fence.check(), fence.left()), (Err(NotLeader), Duration::ZERO));
        assert!(!fence.extend(uptime() + at(3600)));
    }

    #[tokio::test]
    async fn it_is_quiet_when_all_that_passed_is_over() {
        let fence = Fence::closed();
        assert!(fence.pass().is_err());
        assert!(fence.extend(uptime() + at(3600)));
        let passed = fence.clone().pass().unwrap();
        fence.close();
        assert!(fence.pass().is_err());
        let mut quiet = std::pin::pin!(fence.quiet());
        assert!(tokio::time::timeout(Duration::ZERO, &mut quiet).await.is_err());
        drop(passed);
        quiet.await;
    }

    #[test]
    fn the_clock_goes_on() {
        let before = uptime();
        assert!(before > Duration::ZERO && uptime() >= before);
    }
}
