//! The gate that every call to an account passes: it keeps the account's pace, and sends a call again where that helps.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use crossrole_iam::AccountId;
use tokio::sync::mpsc::UnboundedSender;

use super::Action;
use super::action::Side;
use super::error::CallError;
use super::pace::{Admission, Pace};
use crate::metrics::Metrics;

/// A call is sent at most so often before its failure counts.
const ATTEMPTS: u32 = 3;

/// The pause before a call is sent again, doubled for each further time; half of it is left to chance.
const PAUSE: Duration = Duration::from_millis(200);

/// What takes no longer is no wait.
const NO_WAIT: Duration = Duration::from_millis(5);

/// An account that answers again after it did not for long, and as which role.
pub type Recovery = (AccountId, Side);

/// The gate of one account.
#[derive(Debug)]
pub(super) struct Gate {
    account: AccountId,
    pace: Mutex<Pace>,
    /// Held by the one call that waits for the next slot; the others queue behind it.
    next: tokio::sync::Mutex<()>,
    recovered: UnboundedSender<Recovery>,
    metrics: Metrics,
}

impl Gate {
    /// `recovered` is told when the account answers again after it did not for long.
    pub(super) fn new(account: AccountId, recovered: UnboundedSender<Recovery>, metrics: Metrics) -> Self {
        Self {
            account,
            pace: Mutex::new(Pace::new(Instant::now())),
            next: tokio::sync::Mutex::default(),
            recovered,
            metrics,
        }
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a call when it may be sent, and again where its failure passes by itself. Every call can be repeated: what
    /// a lost answer left done is found done.
    ///
    /// # Errors
    /// The last failure; or, without any call, the one for which the account is left alone for now.
    pub(super) async fn call<T, E, R, F>(&self, action: Action, send: impl Fn() -> F) -> Result<T, CallError>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug,
        F: Future<Output = Result<T, SdkError<E, R>>>,
    {
        let answer = self.call_in(action, || std::future::ready(()), send).await;
        answer.map(|(answer, ())| answer)
    }

    /// As [`Gate::call`], in a place that is waited for each time before the call is sent. It comes with the answer.
    ///
    /// # Errors
    /// As there.
    pub(super) async fn call_in<T, E, R, F, P>(
        &self,
        action: Action,
        place: impl Fn() -> P,
        send: impl Fn() -> F,
    ) -> Result<(T, P::Output), CallError>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug,
        F: Future<Output = Result<T, SdkError<E, R>>>,
        P: Future,
    {
        let mut attempt = 1;
        let mut unclear = false;
        loop {
            // A call that is not sent leaves open what became of the one before.
            let refused = |because: CallError| CallError { unclear, ..because };
            let admitted = self.admission(action).await.map_err(refused)?;
            let place = place().await;
            if let Some(because) = self.pace().closed_since(action.side(), admitted) {
                return Err(refused(because));
            }
            let sent = Instant::now();
            let answer = send().await;
            let took = sent.elapsed();
            let mut error = match answer {
                Ok(answer) => {
                    self.count(action, "OK", took);
                    let recovered = self.pace().answered(action, sent, Instant::now());
                    self.tell_if(recovered, action);
                    return Ok((answer, place));
                }
                Err(error) => CallError::of(action, &error),
            };
            if let Some(code) = error.known_code() {
                self.count(action, code, took);
            }
            // What AWS says of the second try says nothing about the first.
            error.unclear |= unclear;
            unclear = error.unclear;
            let again = self.failed(&error, sent) && attempt < ATTEMPTS;
            if !again {
                return Err(error);
            }
            drop(place);
            tracing::debug!(account_id = %self.account, %error, "the call is sent again");
            tokio::time::sleep((PAUSE * 2_u32.pow(attempt - 1)).mul_f64(0.5 + fastrand::f64() / 2.0)).await;
            attempt += 1;
        }
    }

    /// Waits until a call may be sent. Says since when.
    async fn admission(&self, action: Action) -> Result<Instant, CallError> {
        let asked = Instant::now();
        let _next = self.next.lock().await;
        loop {
            let now = Instant::now();
            let admission = self.pace().admit(action, now);
            match admission {
                Admission::After(wait) if wait.is_zero() => {
                    self.waited(&self.account, now.duration_since(asked));
                    return Ok(now);
                }
                Admission::After(wait) => tokio::time::sleep(wait).await,
                Admission::Closed(because) => return Err(because),
            }
        }
    }

    /// Counts how long calls waited because an account asks for fewer.
    pub(super) fn waited(&self, account: &AccountId, wait: Duration) {
        if wait > NO_WAIT {
            self.metrics.waited_for_aws(account.as_str(), wait);
        }
    }

    /// Counts the failure of a call that was sent then. Says whether it may be sent again.
    pub(super) fn failed(&self, error: &CallError, sent: Instant) -> bool {
        let mut pace = self.pace();
        let recovered = pace.failed(error, sent, Instant::now(), fastrand::f64());
        self.tell_if(recovered, error.action);
        pace.may_retry(error)
    }

    /// The right account answered a call that was sent then.
    pub(super) fn entered(&self, action: Action, sent: Instant) {
        let recovered = self.pace().entered(action, sent);
        self.tell_if(recovered, action);
    }

    /// Whether the account takes long for its answers, or asked for fewer calls.
    pub(super) fn is_slow(&self) -> bool {
        self.pace().is_slow(Instant::now())
    }

    /// Whether no call is made for now as the bootstrap role.
    pub(super) fn is_closed(&self) -> bool {
        self.pace().is_closed()
    }

    fn count(&self, action: Action, code: &str, took: Duration) {
        self.metrics
            .called_aws(self.account.as_str(), action.as_str(), code, took);
    }

    fn tell_if(&self, recovered: bool, action: Action) {
        if recovered {
            let _ = self.recovered.send((self.account.clone(), action.side()));
        }
    }
}
