//! Whether this process is alive, and whether it is ready: what the probes of its Pod ask.
//!
//! *Alive* is what starting again can mend: the task that starts, stands by and runs the controllers was run within
//! [`PATIENCE`], and none of the tasks has ended that must go on as long as the process, such as a watch. It does not say
//! that Kubernetes or AWS answer, nor that any one role gets on: a new process would find that as it is, and would have
//! lost what this one knows.
//!
//! *Ready* is that the caches are complete, and that the process works or stands by within sight of the lease.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::{AbortHandle, JoinHandle};

use crate::fence::Fence;

/// How often the task that does everything shows that it is run.
const BEAT: Duration = Duration::from_secs(1);

/// So long it may not be run before the process counts as dead.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What the process is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// The identity is looked up, the caches are filled.
    #[default]
    Starting,
    /// The caches are complete; another holds the lease.
    StandingBy,
    /// The caches are compared with Kubernetes once more.
    CatchingUp,
    /// It works.
    Working,
    /// It was told to stop, and ends what is under way.
    Stopping,
}

/// Whether this process is alive and ready. Every copy says the same.
#[derive(Clone)]
pub struct Health {
    fence: Fence,
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    phase: Phase,
    /// When the task that does everything was last run; absent before it begins.
    beat: Option<Instant>,
    /// Tasks that must not end.
    tasks: Vec<(&'static str, AbortHandle)>,
    /// When the lease was last read, and for how long that counts.
    lease: Option<(Instant, Duration)>,
}

impl Health {
    /// Of a process that writes as long as this fence is open.
    pub fn new(fence: Fence) -> Self {
        Self {
            fence,
            known: Arc::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this process may write: it holds the lease, or needs none.
    pub fn is_leader(&self) -> bool {
        !self.fence.left().is_zero()
    }

    /// The process does this now.
    pub fn enters(&self, phase: Phase) {
        self.known().phase = phase;
    }

    /// The lease was read: for so long, that counts as being within sight of it.
    pub fn saw_lease(&self, counts_for: Duration) {
        self.known().lease = Some((Instant::now(), counts_for));
    }

    /// A task that must go on as long as the process.
    pub fn must_go_on<T>(&self, name: &'static str, task: &JoinHandle<T>) {
        self.known().tasks.push((name, task.abort_handle()));
    }

    /// Runs the work of the whole process, and shows that the task that it is in is run.
    pub async fn beating<Work: Future>(&self, work: Work) -> Work::Output {
        let mut work = pin!(work);
        let mut beats = tokio::time::interval(BEAT);
        loop {
            tokio::select! {
                output = &mut work => return output,
                _ = beats.tick() => self.known().beat = Some(Instant::now()),
            }
        }
    }

    /// Whether the process is alive.
    ///
    /// # Errors
    /// What is dead.
    pub fn alive(&self) -> Result<(), String> {
        self.alive_at(Instant::now())
    }

    fn alive_at(&self, now: Instant) -> Result<(), String> {
        let known = self.known();
        let silence = known.beat.map(|beat| now.saturating_duration_since(beat));
        if let Some(silence) = silence.filter(|silence| *silence > PATIENCE) {
            return Err(format!("the controllers were not run for {} s", silence.as_secs()));
        }
        match known.tasks.iter().find(|(_, task)| task.is_finished()) {
            Some((name, _)) if known.phase != Phase::Stopping => Err(format!("{name} has ended")),
            _ => Ok(()),
        }
    }

    /// Whether the process is ready, and what for.
    ///
    /// # Errors
    /// What it waits for.
    pub fn ready(&self) -> Result<&'static str, &'static str> {
        self.ready_at(Instant::now())
    }

    fn ready_at(&self, now: Instant) -> Result<&'static str, &'static str> {
        let known = self.known();
        match known.phase {
            Phase::Starting => Err("starting: the caches are not complete yet"),
            Phase::CatchingUp => Err("catching up: the caches are compared with Kubernetes"),
            Phase::Stopping => Err("stopping"),
            Phase::Working if self.is_leader() => Ok("working"),
            Phase::Working => Err("the lease is lost"),
            Phase::StandingBy => {
                let in_sight = known.lease.is_some_and(|(at, counts_for)| now < at + counts_for);
                if in_sight {
                    Ok("standing by")
                } else {
                    Err("standing by, but the lease cannot be read")
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fence::uptime;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn it_is_alive_as_long_as_its_task_is_run() {
        let health = Health::new(Fence::open());
        assert_eq!(health.alive(), Ok(()), "it has not begun yet");
        let answer = health.beating(async { 7 }).await;
        assert_eq!(answer, 7);
        health.known().beat = Some(Instant::now());
        let now = Instant::now();
        assert_eq!(health.alive_at(now + PATIENCE - SECOND), Ok(()));
        let dead = health.alive_at(now + PATIENCE + SECOND).unwrap_err();
        assert!(dead.contains("not run"), "{dead}");
    }

    #[tokio::test]
    async fn the_task_that_work_is_in_shows_by_itself_that_it_is_run() {
        let health = Health::new(Fence::open());
        let until_shown = async {
            while health.known().beat.is_none() {
                tokio::task::yield_now().await;
            }
        };
        health.beating(until_shown).await;
        assert_eq!(health.alive(), Ok(()));
    }

    #[tokio::test]
    async fn a_task_that_must_go_on_and_ended_is_death_but_at_the_end() {
        let health = Health::new(Fence::open());
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let watch = tokio::spawn(async {
            let _ = ended.await;
        });
        health.must_go_on("the watch of everything", &watch);
        assert_eq!(health.alive(), Ok(()));
        end.send(()).unwrap();
        watch.await.unwrap();
        assert_eq!(health.alive(), Err("the watch of everything has ended".to_string()));
        health.enters(Phase::Stopping);
        assert_eq!(health.alive(), Ok(()));
    }

    #[test]
    fn a_standby_is_ready_while_it_sees_the_lease_and_a_holder_while_it_holds_it() {
        let fence = Fence::closed();
        let health = Health::new(fence.clone());
        assert!(health.ready().is_err() && !health.is_leader());
        health.enters(Phase::StandingBy);
        assert!(health.ready().is_err(), "it has not seen the lease yet");
        health.saw_lease(SECOND * 15);
        assert_eq!(health.ready(), Ok("standing by"));
        assert!(health.ready_at(Instant::now() + SECOND * 16).is_err());

        assert!(fence.extend(uptime() + SECOND * 3600));
        health.enters(Phase::CatchingUp);
        assert!(health.ready().is_err() && health.is_leader());
        health.enters(Phase::Working);
        assert_eq!(health.ready_at(Instant::now() + SECOND * 16), Ok("working"));
        fence.close();
        assert!(health.ready().is_err() && !health.is_leader());
    }

    #[test]
    fn without_a_lease_it_leads_from_the_start_and_is_ready_when_it_works() {
        let health = Health::new(Fence::open());
        assert!(health.is_leader() && health.ready().is_err());
        health.enters(Phase::Working);
        assert!(health.ready().is_ok());
        health.enters(Phase::Stopping);
        assert!(health.ready().is_err());
    }
}
