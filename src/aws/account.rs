//! One account: its credentials, its limits, its trouble. What goes wrong in one account stays there.

use std::time::{Duration, Instant, SystemTime};

use aws_sdk_iam::config::retry::{RetryConfig, RetryPartition};
use aws_sdk_iam::config::timeout::TimeoutConfig;
use aws_sdk_iam::config::{Credentials, IdentityCache};
use crossrole_iam::{AccountId, Arn, RoleName};
use crossrole_plan::change::Plan;
use crossrole_plan::observed::Observed;
use crossrole_plan::outcome::Failure;
use crossrole_plan::quota::Quotas;
use tokio::sync::{Mutex, Semaphore};

use super::error::CallError;
use super::write::Applied;
use super::{Action, Hub, read, write};

/// Roles of one account that are worked on at the same time.
const ROLES_AT_ONCE: usize = 10;

/// Credentials are fetched anew this long before they end: an account's share of it depends on its id, so that not all
/// accounts are asked for at once.
const REFRESH_BEFORE: Duration = Duration::from_secs(60);

/// So long an account's quotas are taken to be what they were. They change when somebody asks AWS to raise one.
const QUOTAS_LAST: Duration = Duration::from_secs(3600);

/// How crossrole gets into an account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entrance {
    /// The account that must answer.
    pub account: AccountId,
    /// The bootstrap role.
    pub bootstrap_role: Arn,
    /// The external id that is presented.
    pub external_id: Option<String>,
    /// How long a session lasts, in seconds: 900 to 3600.
    pub session_seconds: u32,
    /// Whether the session may only read, whatever the bootstrap role may do.
    pub read_only: bool,
}

/// How much of a role is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// What a declaration can hold.
    Declared,
    /// Also what stands in the way of removing it: instance profiles.
    Removal,
}

/// One account.
#[derive(Debug)]
pub struct AccountHandle {
    hub: Hub,
    entrance: Entrance,
    session_name: String,
    session: Mutex<Entry>,
    quotas: Mutex<Option<(Quotas, Instant)>>,
    at_once: Semaphore,
}

/// What the last attempt to get in came to.
#[derive(Debug)]
enum Entry {
    Nothing,
    Open(Session),
    /// Everybody who waited for the same attempt gets the same answer.
    Failed(CallError, Instant),
}

/// A failed attempt to get in is not repeated for so long.
const FAILED_FOR: Duration = Duration::from_secs(1);

/// A session of the bootstrap role that was checked to be in the right account.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) iam: aws_sdk_iam::Client,
    caller_arn: String,
    expires: SystemTime,
}

/// Timeouts of every call: an attempt, and all attempts together.
pub(super) fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(Duration::from_secs(15))
        .operation_timeout(Duration::from_secs(60))
        .build()
}

/// A session policy that leaves of the bootstrap role's rights only those to read. Source: IAM User Guide, "Policies and
/// permissions in AWS Identity and Access Management" (session policies).
fn reads_alone() -> String {
    let reads = Action::ALL
        .iter()
        .filter(|action| !action.writes())
        .map(|action| action.as_str());
    let reads = reads
        .filter(|action| action.starts_with("iam:"))
        .map(|action| format!("\"{action}\""));
    let reads: Vec<String> = reads.collect();
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":[{}],"Resource":"*"}}]}}"#,
        reads.join(",")
    )
}

impl AccountHandle {
    pub(super) fn new(hub: Hub, entrance: Entrance, session_name: String) -> Self {
        Self {
            hub,
            entrance,
            session_name,
            session: Mutex::new(Entry::Nothing),
            quotas: Mutex::new(None),
            at_once: Semaphore::new(ROLES_AT_ONCE),
        }
    }

    /// The account.
    pub fn account(&self) -> &AccountId {
        &self.entrance.account
    }

    /// Gets into the account and says as whom.
    ///
    /// # Errors
    /// When the bootstrap role cannot be assumed, or another account answers.
    pub async fn enter(&self) -> Result<String, CallError> {
        Ok(self.session().await?.caller_arn)
    }

    /// Reads what the account holds under a role's name.
    ///
    /// # Errors
    /// The first call that failed. A role that is not there is no error.
    pub async fn observe(&self, role: &RoleName, depth: Depth) -> Result<Observed, CallError> {
        let session = self.session().await?;
        self.noticing(read::role(&session.iam, role, depth).await).await
    }

    /// The account's quotas, read at most once an hour; IAM's defaults where the bootstrap role may not read them.
    ///
    /// # Errors
    /// A call that failed for another reason than a missing right.
    pub async fn quotas(&self) -> Result<Quotas, CallError> {
        let mut known = self.quotas.lock().await;
        if let Some((quotas, at)) = known.as_ref()
            && at.elapsed() < QUOTAS_LAST
        {
            return Ok(*quotas);
        }
        let session = self.session().await?;
        let quotas = match self.noticing(read::quotas(&session.iam).await).await {
            Err(error) if error.failure == Failure::PermissionDenied => Quotas::default(),
            answer => answer?,
        };
        *known = Some((quotas, Instant::now()));
        Ok(quotas)
    }

    /// Carries out a plan, in order, up to the first failure.
    pub async fn apply(&self, plan: &Plan) -> Applied {
        match self.session().await {
            Ok(session) => {
                let applied = write::carry_out(&session.iam, plan).await;
                if let Some(error) = &applied.failure {
                    self.forget_stale_session(error).await;
                }
                applied
            }
            Err(error) => Applied::nothing(error),
        }
    }

    /// Waits until a role of this account may be worked on; it may be until what is returned is dropped.
    pub async fn turn(&self) -> Option<tokio::sync::SemaphorePermit<'_>> {
        // The semaphore is never closed, so waiting for it cannot fail.
        self.at_once.acquire().await.ok()
    }

    async fn noticing<T>(&self, answer: Result<T, CallError>) -> Result<T, CallError> {
        if let Err(error) = &answer {
            self.forget_stale_session(error).await;
        }
        answer
    }

    async fn forget_stale_session(&self, error: &CallError) {
        if error.is_about_credentials() {
            *self.session.lock().await = Entry::Nothing;
        }
    }

    /// The cached session, or a new one. Only one caller fetches it.
    async fn session(&self) -> Result<Session, CallError> {
        let mut cached = self.session.lock().await;
        let spread = Duration::from_secs(self.entrance.account.as_str().bytes().map(u64::from).sum::<u64>() % 60);
        let soon = SystemTime::now() + REFRESH_BEFORE + spread;
        match &*cached {
            Entry::Open(session) if session.expires > soon => return Ok(session.clone()),
            Entry::Failed(error, at) if at.elapsed() < FAILED_FOR => return Err(error.clone()),
            _ => {}
        }
        let opened = self.open().await;
        *cached = match &opened {
            Ok(session) => Entry::Open(session.clone()),
            Err(error) => Entry::Failed(error.clone(), Instant::now()),
        };
        opened
    }

    async fn open(&self) -> Result<Session, CallError> {
        let credentials = self.assume_bootstrap_role().await?;
        let expires = credentials.expiry().unwrap_or_else(SystemTime::now);
        let id = self.entrance.account.to_string();
        // The SDK shares its retry budget between all clients of a Region, and its identity cache is small: each
        // account gets its own of both.
        let retry = RetryConfig::standard().with_max_attempts(3);
        let sts = aws_sdk_sts::Client::from_conf(
            aws_sdk_sts::config::Builder::from(&self.hub.config)
                .credentials_provider(credentials.clone())
                .identity_cache(IdentityCache::no_cache())
                .retry_config(retry.clone())
                .retry_partition(RetryPartition::new(id.clone()))
                .build(),
        );
        let identity = sts
            .get_caller_identity()
            .send()
            .await
            .map_err(|error| CallError::of(Action::GetCallerIdentity, &error))?;
        if identity.account() != Some(id.as_str()) {
            return Err(CallError::new(
                Action::GetCallerIdentity,
                Failure::WrongAccount,
                format!(
                    "account {} answered, but spec.accountId is {id}: nothing was written",
                    identity.account().unwrap_or("of unknown id")
                ),
            ));
        }
        let iam = aws_sdk_iam::Client::from_conf(
            aws_sdk_iam::config::Builder::from(&self.hub.config)
                .credentials_provider(credentials)
                .identity_cache(IdentityCache::no_cache())
                .retry_config(retry)
                .retry_partition(RetryPartition::new(id))
                .build(),
        );
        Ok(Session {
            iam,
            caller_arn: identity.arn().unwrap_or_default().to_string(),
            expires,
        })
    }

    async fn assume_bootstrap_role(&self) -> Result<Credentials, CallError> {
        let answer = self
            .hub
            .sts
            .assume_role()
            .role_arn(self.entrance.bootstrap_role.to_string())
            .role_session_name(&self.session_name)
            .set_external_id(self.entrance.external_id.clone())
            .set_policy(self.entrance.read_only.then(reads_alone))
            .duration_seconds(i32::try_from(self.entrance.session_seconds).unwrap_or(3600))
            .send()
            .await
            .map_err(|error| CallError::of(Action::AssumeRole, &error))?;
        let credentials = answer.credentials().ok_or_else(|| {
            CallError::new(
                Action::AssumeRole,
                Failure::Unexpected,
                "the answer held no credentials",
            )
        })?;
        let expires = SystemTime::try_from(*credentials.expiration()).map_err(|error| {
            CallError::new(
                Action::AssumeRole,
                Failure::Unexpected,
                format!("the answer's expiry: {error}"),
            )
        })?;
        Ok(Credentials::new(
            credentials.access_key_id(),
            credentials.secret_access_key(),
            Some(credentials.session_token().to_string()),
            Some(expires),
            "crossrole",
        ))
    }
}
