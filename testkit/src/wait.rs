//! Waiting for something to become true, with a limit and a useful complaint.

use std::fmt::Display;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::Error;

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// Tries `attempt` until it succeeds, with pauses of 20 ms growing to 250 ms.
///
/// `what` completes the sentence "… did not happen within 30 s", for example `"the role is Ready"`.
/// An attempt says in its error what it saw.
///
/// # Errors
/// After `timeout`, an error with `what` and what the last attempt saw.
pub async fn eventually<T, E, F>(timeout: Duration, what: &str, mut attempt: F) -> Result<T, Error>
where
    F: AsyncFnMut() -> Result<T, E>,
    E: Display,
{
    let mut patience = Patience::new(timeout, what);
    let mut last_seen = String::from(NO_ATTEMPT_ENDED);
    loop {
        match timeout_at(patience.deadline, attempt()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(seen)) => last_seen = seen.to_string(),
            Err(_) => return Err(patience.over(&last_seen)),
        }
        patience.pause(|| last_seen.clone()).await?;
    }
}

/// What was last seen when nothing was.
pub(crate) const NO_ATTEMPT_ENDED: &str = "nothing, the first attempt did not end";

/// How long to go on trying, and how long to pause in between.
///
/// [`eventually`] is nicer to use, but a future that holds its kind of closure is not `Send`.
pub(crate) struct Patience<'a> {
    what: &'a str,
    timeout: Duration,
    pause: Duration,
    /// When to give up.
    pub(crate) deadline: Instant,
}

impl<'a> Patience<'a> {
    pub(crate) fn new(timeout: Duration, what: &'a str) -> Self {
        Self {
            what,
            timeout,
            pause: FIRST_PAUSE,
            deadline: Instant::now() + timeout,
        }
    }

    /// Sleeps until the next attempt is due.
    pub(crate) async fn pause(&mut self, seen: impl FnOnce() -> String) -> Result<(), Error> {
        if Instant::now() + self.pause > self.deadline {
            return Err(self.over(&seen()));
        }
        sleep(self.pause).await;
        self.pause = LONGEST_PAUSE.min(self.pause * 2);
        Ok(())
    }

    /// The error of having waited too long.
    pub(crate) fn over(&self, seen: &str) -> Error {
        Error::new(format!(
            "{}: did not happen within {} s; last seen: {seen}",
            self.what,
            self.timeout.as_secs_f32()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_becomes_true_is_returned() {
        let mut attempts = 0;
        let value = eventually(Duration::from_secs(5), "three attempts", async || {
            attempts += 1;
            if attempts == 3 { Ok(attempts) } else { Err(attempts) }
        })
        .await
        .unwrap();
        assert_eq!(value, 3);
    }

    #[tokio::test]
    async fn what_stays_false_fails_with_what_was_last_seen() {
        let error = eventually(Duration::from_millis(100), "the role is Ready", async || {
            Err::<(), _>("Pending")
        })
        .await
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "the role is Ready: did not happen within 0.1 s; last seen: Pending"
        );
    }

    #[tokio::test]
    async fn an_attempt_that_hangs_is_cut_off() {
        let error = eventually(Duration::from_millis(50), "an answer", async || {
            std::future::pending::<Result<(), &str>>().await
        })
        .await
        .unwrap_err();
        assert!(error.to_string().contains("the first attempt did not end"), "{error}");
    }
}
