//! The lease: of several operators, one works.
//!
//! The rules are those of client-go's `tools/leaderelection`:
//!
//! - Only one can write the lease at a time: each write carries the `resourceVersion` that was read.
//! - Whether the holder's time is over is judged by how long *we* have seen no change, by our own clock. What the
//!   holder writes of its clock is for people to read.
//! - The holder stops earlier (`renew_deadline`) than anybody may take the lease from it (`duration`), counted from
//!   before its last renewal was sent. See [`Fence`].
//! - Whoever ends in order, gives the lease back.
//!
//! Beyond those: a lease that was deleted belongs to its last known holder until that one's time is over, and a holder
//! that lost it never works again: the process ends.

use std::pin::pin;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::watch_object;
use kube::{Api, Client};
use tokio::sync::oneshot;
use tokio::time::{error::Elapsed, sleep, timeout};

use crate::fence::{Fence, uptime};
use crate::health::Health;

/// How long things take; whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    duration: Duration,
    renew_deadline: Duration,
    retry_period: Duration,
}

impl Times {
    /// `duration`: so long after the holder's last renewal, others leave it the lease. `renew_deadline`: so long after
    /// that, it still works. `retry_period`: so often it renews, and others look.
    ///
    /// # Errors
    /// Times that do not leave room for each other, and what would.
    pub fn new(duration: Duration, renew_deadline: Duration, retry_period: Duration) -> Result<Self, String> {
        if duration <= renew_deadline {
            return Err(format!(
                "the lease duration ({duration:?}) must be longer than the renew deadline ({renew_deadline:?}): in between, \
                 what the old holder has under way ends"
            ));
        }
        if renew_deadline <= retry_period.mul_f64(1.2) {
            return Err(format!(
                "the renew deadline ({renew_deadline:?}) must be longer than 1.2 times the retry period \
                 ({retry_period:?}): a renewal that fails must be tried again in time"
            ));
        }
        Ok(Self {
            duration,
            renew_deadline,
            retry_period,
        })
    }
}

/// What is sent when the work ends has so long to be answered.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// Giving the lease back may take so long: a Pod that stops has no more.
const GIVEN_BACK_WITHIN: Duration = Duration::from_secs(5);

/// Which lease, and who we are.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Who we are: [`identity`].
    pub identity: String,
    /// How long things take.
    pub times: Times,
}

/// Who this process is, in this life: a Pod that is started again has the same name, and is not taken for its earlier
/// life.
pub fn identity(pod: &str) -> String {
    format!("{pod}_{:016x}", fastrand::u64(..))
}

/// Why a holder must stop.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// Another holds it.
    #[error("the lease was lost to {0}: nothing more is written, and this process ends")]
    Taken(String),
    /// It could not be renewed in time.
    #[error(
        "the lease was not renewed in time, and may soon belong to another: nothing more is written, and this process ends"
    )]
    NotRenewed(#[source] Option<AttemptError>),
    /// The task that renews it ended.
    #[error("the lease is no longer renewed: this process ends")]
    NotKept(#[from] tokio::task::JoinError),
}

/// Why an attempt to get or to keep the lease failed.
#[derive(Debug, thiserror::Error)]
pub enum AttemptError {
    /// Kubernetes refused, or could not be reached.
    #[error("the lease could not be read or written")]
    Kubernetes(#[from] kube::Error),
    /// No answer.
    #[error("Kubernetes did not answer in time")]
    NoAnswer(#[from] Elapsed),
}

/// What came of an attempt to get or to keep the lease.
#[derive(Debug, PartialEq, Eq)]
enum Attempt {
    Ours,
    /// It is ours, but the answer came after its time.
    TooLate,
    HeldBy(String),
}

/// Somebody who wants the lease, or has it.
pub struct Candidate {
    api: Api<Lease>,
    settings: Settings,
    fence: Fence,
    health: Health,
    seen: Seen,
}

impl Candidate {
    /// Wants the lease. `client` is for the lease alone: its requests pass no fence. `health` is told when the lease was
    /// read.
    pub fn new(client: Client, settings: Settings, fence: Fence, health: Health) -> Self {
        Self {
            api: Api::namespaced(client, &settings.namespace),
            settings,
            fence,
            health,
            seen: Seen::default(),
        }
    }

    /// Waits until the lease is ours. The fence is open then.
    pub async fn acquire(&mut self) {
        let mut changes = pin!(watch_object(self.api.clone(), &self.settings.name).default_backoff());
        let mut told = String::new();
        loop {
            let mut wait = self.settings.times.retry_period;
            match self.attempt().await {
                Ok(Attempt::Ours) => {
                    tracing::info!(identity = self.settings.identity, "the lease is ours");
                    return;
                }
                Ok(Attempt::TooLate) => {}
                Ok(Attempt::HeldBy(holder)) => {
                    if holder != told {
                        tracing::info!(holder, "another holds the lease");
                        told = holder;
                    }
                    wait = wait.min(self.seen.left(self.settings.times.duration, uptime()));
                }
                Err(error) => tracing::warn!(error = crate::telemetry::told(&error), "no lease; it is tried again"),
            }
            // A lease that is given back is noticed at once. Without the watch, it is at the next attempt.
            let given_back = async {
                while let Some(change) = changes.next().await {
                    if matches!(&change, Ok(lease) if lease.as_ref().is_none_or(is_given_back)) {
                        return;
                    }
                }
                std::future::pending().await
            };
            let _ = timeout(wait, given_back).await;
        }
    }

    /// Keeps the lease until `finished` is sent or dropped, and then gives it back.
    ///
    /// # Errors
    /// As soon as the lease is lost. The fence is closed then.
    pub async fn hold(mut self, finished: oneshot::Receiver<()>) -> Result<(), Lost> {
        tokio::select! {
            lost = self.renew() => {
                self.fence.close();
                Err(lost)
            }
            _ = finished => {
                self.give_back().await;
                Ok(())
            }
        }
    }

    async fn renew(&mut self) -> Lost {
        let mut last = None;
        loop {
            sleep(self.settings.times.retry_period.min(self.fence.left())).await;
            match timeout(self.fence.left(), self.attempt()).await {
                Ok(Ok(Attempt::Ours)) => last = None,
                Ok(Ok(Attempt::HeldBy(holder))) => return Lost::Taken(holder),
                Ok(Ok(Attempt::TooLate)) => {}
                Ok(Err(error)) => {
                    tracing::warn!(error = crate::telemetry::told(&error), "the lease was not renewed yet");
                    last = Some(error);
                }
                Err(elapsed) => last = last.or(Some(elapsed.into())),
            }
            if self.fence.check().is_err() {
                return Lost::NotRenewed(last);
            }
        }
    }

    /// Gives the lease back, if it is ours, so that another takes it at once. From the first moment on nothing is sent
    /// any more, and the writes that were sent are waited for: another must not work beside them. Where that takes too
    /// long, or giving back does not succeed, the lease runs out by itself.
    pub async fn give_back(&mut self) {
        self.fence.close();
        if timeout(ANSWERED_WITHIN, self.fence.quiet()).await.is_err() {
            tracing::warn!("calls that were sent are not answered: the lease is left to run out");
            return;
        }
        let attempts = async {
            // A renewal whose answer nobody waited for may get in between.
            while let Err(AttemptError::Kubernetes(kube::Error::Api(status))) = self.try_to_give_back().await {
                if status.code != 409 {
                    tracing::warn!(error = %status, "the lease was not given back");
                    return;
                }
            }
        };
        if timeout(GIVEN_BACK_WITHIN, attempts).await.is_err() {
            tracing::warn!("the lease was not given back in time");
        }
    }

    async fn try_to_give_back(&self) -> Result<(), AttemptError> {
        let Some(mut lease) = self.api.get_opt(&self.settings.name).await? else {
            return Ok(());
        };
        let spec = lease.spec.get_or_insert_default();
        if spec.holder_identity.as_deref() != Some(&self.settings.identity) {
            return Ok(());
        }
        spec.holder_identity = None;
        spec.renew_time = Some(MicroTime(Timestamp::now()));
        spec.lease_duration_seconds = Some(1);
        self.api
            .replace(&self.settings.name, &PostParams::default(), &lease)
            .await?;
        tracing::info!("the lease was given back");
        Ok(())
    }

    /// Reads the lease, and writes it if it is free or ours.
    async fn attempt(&mut self) -> Result<Attempt, AttemptError> {
        let Settings {
            name, identity, times, ..
        } = &self.settings;
        // A second one must fit into the deadline.
        let patience = times.renew_deadline / 2;
        let found = timeout(patience, self.api.get_opt(name)).await??;
        self.seen.note(found.as_ref(), uptime());
        self.health.saw_lease(times.duration);
        if let Some(holder) = self.seen.holder_other_than(identity, times.duration, uptime()) {
            return Ok(Attempt::HeldBy(holder.to_string()));
        }
        let spec = self.seen.claimed(identity, times.duration, Timestamp::now());
        let params = PostParams::default();
        let sent = uptime();
        let written = match found {
            Some(mut lease) => {
                lease.spec = Some(spec);
                timeout(patience, self.api.replace(name, &params, &lease)).await??
            }
            None => {
                let mut lease = Lease::default();
                lease.metadata.name = Some(name.clone());
                lease.spec = Some(spec);
                timeout(patience, self.api.create(&params, &lease)).await??
            }
        };
        self.seen.note(Some(&written), uptime());
        Ok(if self.fence.extend(sent + times.renew_deadline) {
            Attempt::Ours
        } else {
            Attempt::TooLate
        })
    }
}

fn is_given_back(lease: &Lease) -> bool {
    holder(lease.spec.as_ref()).is_none()
}

fn holder(spec: Option<&LeaseSpec>) -> Option<&str> {
    spec?.holder_identity.as_deref().filter(|holder| !holder.is_empty())
}

/// What this process has seen of the lease.
#[derive(Debug, Default)]
struct Seen {
    version: Option<String>,
    /// Where the lease is gone, what it was.
    spec: LeaseSpec,
    /// Since when nobody has changed it, as far as we know.
    since: Duration,
}

impl Seen {
    /// Takes note of the lease as it was read or written. Any change is a sign of life: the version is Kubernetes' own,
    /// while the times in it are of somebody's clock.
    fn note(&mut self, lease: Option<&Lease>, now: Duration) {
        let Some(lease) = lease else {
            self.version = None;
            return;
        };
        if self.version != lease.metadata.resource_version {
            self.version.clone_from(&lease.metadata.resource_version);
            self.spec = lease.spec.clone().unwrap_or_default();
            self.since = now;
        }
    }

    /// How long the lease still belongs to its holder. `duration` is for a holder that wrote none: each is judged by
    /// its own, for it may run with other settings.
    fn left(&self, duration: Duration, now: Duration) -> Duration {
        let written = self
            .spec
            .lease_duration_seconds
            .and_then(|seconds| seconds.try_into().ok());
        let duration = written.map_or(duration, Duration::from_secs);
        (self.since + duration).saturating_sub(now)
    }

    /// Who else holds the lease now.
    fn holder_other_than(&self, identity: &str, duration: Duration, now: Duration) -> Option<&str> {
        holder(Some(&self.spec)).filter(|holder| *holder != identity && !self.left(duration, now).is_zero())
    }

    /// The lease as its holder `identity` writes it.
    fn claimed(&self, identity: &str, duration: Duration, now: Timestamp) -> LeaseSpec {
        let kept = holder(Some(&self.spec)) == Some(identity);
        let transitions = self.spec.lease_transitions.unwrap_or_default();
        LeaseSpec {
            holder_identity: Some(identity.into()),
            lease_duration_seconds: Some(i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)),
            acquire_time: if kept {
                self.spec.acquire_time.clone()
            } else {
                Some(MicroTime(now))
            },
            renew_time: Some(MicroTime(now)),
            lease_transitions: Some(transitions.saturating_add(i32::from(!kept))),
            ..self.spec.clone()
        }
    }
}

#[cfg(test)]
mod tests;
