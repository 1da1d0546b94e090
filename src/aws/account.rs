//! One account: its credentials, its pace, what was written there lately. What goes wrong in one account stays there.

use std::time::{Duration, Instant, SystemTime};

use aws_sdk_iam::config::timeout::TimeoutConfig;
use aws_sdk_iam::config::{Credentials, IdentityCache};
use crossrole_iam::{AccountId, Arn, RoleName};
use crossrole_plan::change::Plan;
use crossrole_plan::observed::Observed;
use crossrole_plan::outcome::Failure;
use crossrole_plan::quota::Quotas;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Mutex, Semaphore};

use super::error::CallError;
use super::fenced::Fenced;
use super::gate::Gate;
use super::read::Door;
use super::recent::Recent;
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
    session: Mutex<Option<Session>>,
    quotas: Mutex<Option<(Quotas, Instant)>>,
    at_once: Semaphore,
    gate: Gate,
    recent: Recent,
}

/// What an account holds, as far as can be known now.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// What it holds.
    pub observed: Observed,
    /// So long IAM may still show what was before our own last write: what is concluded meanwhile is to be looked at
    /// again.
    pub doubtful_for: Option<Duration>,
}

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
    pub(super) fn new(
        hub: Hub,
        entrance: Entrance,
        session_name: String,
        shown_after: Duration,
        recovered: UnboundedSender<AccountId>,
    ) -> Self {
        Self {
            gate: Gate::new(entrance.account.clone(), recovered),
            recent: Recent::new(shown_after),
            hub,
            entrance,
            session_name,
            session: Mutex::new(None),
            quotas: Mutex::new(None),
            at_once: Semaphore::new(ROLES_AT_ONCE),
        }
    }

    /// The account.
    pub fn account(&self) -> &AccountId {
        &self.entrance.account
    }

    /// Whether the account is entered this way.
    pub(super) fn is_of(&self, entrance: &Entrance) -> bool {
        self.entrance == *entrance
    }

    /// Gets into the account and says as whom.
    ///
    /// # Errors
    /// When the bootstrap role cannot be assumed, or another account answers.
    pub async fn enter(&self) -> Result<String, CallError> {
        Ok(self.session().await?.caller_arn)
    }

    /// What the account holds under a role's name. What we wrote a moment ago is known without a read, and better than
    /// by one: IAM may still show what was before. `anew` reads all the same.
    ///
    /// # Errors
    /// The first call that failed. A role that is not there is no error.
    pub async fn observe(&self, role: &RoleName, depth: Depth, anew: bool) -> Result<Seen, CallError> {
        let now = Instant::now();
        if !anew
            && depth == Depth::Declared
            && let Some(observed) = self.recent.written(role, now)
        {
            return Ok(Seen {
                observed,
                doubtful_for: None,
            });
        }
        let doubtful_for = self.recent.doubtful_for(role, now);
        let session = self.session().await?;
        let door = self.door(&session);
        let observed = self.noticing(read::role(door, role, depth).await).await?;
        Ok(Seen { observed, doubtful_for })
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
        let quotas = match self.noticing(read::quotas(self.door(&session)).await).await {
            Err(error) if error.failure == Failure::PermissionDenied => Quotas::default(),
            answer => answer?,
        };
        *known = Some((quotas, Instant::now()));
        Ok(quotas)
    }

    /// Carries out a plan, in order, up to the first failure, or until `go_on` says no. `observed` is what the plan was
    /// made from.
    pub async fn apply(&self, plan: &Plan, observed: &Observed, go_on: &(dyn Fn() -> bool + Send + Sync)) -> Applied {
        if plan.is_empty() {
            return Applied::default();
        }
        match self.session().await {
            Ok(session) => {
                // A plan that was made from a doubtful read leaves the role as doubtful as it was.
                let certain = self.recent.doubtful_for(&plan.role, Instant::now()).is_none()
                    || self.recent.written(&plan.role, Instant::now()).as_ref() == Some(observed);
                self.recent.begin(&plan.role, Instant::now());
                let mut applied = write::carry_out(self.door(&session), plan, go_on).await;
                applied.guessed |= !certain;
                self.recent.wrote(plan, observed, &applied, Instant::now());
                if let Some(error) = &applied.failure {
                    self.forget_stale_session(error).await;
                }
                applied
            }
            Err(error) => Applied {
                failure: Some(error),
                ..Applied::default()
            },
        }
    }

    fn door<'a>(&'a self, session: &'a Session) -> Door<'a> {
        Door {
            iam: &session.iam,
            gate: &self.gate,
        }
    }

    /// Waits until a role of this account may be worked on, as far as the account goes.
    pub(super) async fn turn(&self) -> Option<tokio::sync::SemaphorePermit<'_>> {
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
            *self.session.lock().await = None;
        }
    }

    /// The cached session, or a new one. Only one caller fetches it.
    async fn session(&self) -> Result<Session, CallError> {
        let mut cached = self.session.lock().await;
        let spread = Duration::from_secs(self.entrance.account.as_str().bytes().map(u64::from).sum::<u64>() % 60);
        let soon = SystemTime::now() + REFRESH_BEFORE + spread;
        if let Some(session) = cached.as_ref().filter(|session| session.expires > soon) {
            return Ok(session.clone());
        }
        // Those who wait meanwhile do not all try: a failure closes the gate.
        *cached = None;
        let opened = self.open().await?;
        *cached = Some(opened.clone());
        Ok(opened)
    }

    async fn open(&self) -> Result<Session, CallError> {
        let credentials = self.assume_bootstrap_role().await?;
        let expires = credentials.expiry().unwrap_or_else(SystemTime::now);
        let id = self.entrance.account.to_string();
        // The SDK's identity cache is small and shared: each account has its own session. Its retries know no account:
        // the gate has them.
        let sts = aws_sdk_sts::Client::from_conf(
            aws_sdk_sts::config::Builder::from(&self.hub.config)
                .credentials_provider(credentials.clone())
                .identity_cache(IdentityCache::no_cache())
                .interceptor(Fenced(self.hub.fence.clone()))
                .build(),
        );
        let ask = || sts.get_caller_identity().send();
        let identity = self.gate.call(Action::GetCallerIdentity, ask).await?;
        if identity.account() != Some(id.as_str()) {
            let wrong = CallError::new(
                Action::GetCallerIdentity,
                Failure::WrongAccount,
                format!(
                    "account {} answered, but spec.accountId is {id}: nothing was written",
                    identity.account().unwrap_or("of unknown id")
                ),
            );
            self.gate.failed(&wrong);
            return Err(wrong);
        }
        let iam = aws_sdk_iam::Client::from_conf(
            aws_sdk_iam::config::Builder::from(&self.hub.config)
                .credentials_provider(credentials)
                .identity_cache(IdentityCache::no_cache())
                .interceptor(Fenced(self.hub.fence.clone()))
                .build(),
        );
        Ok(Session {
            iam,
            caller_arn: identity.arn().unwrap_or_default().to_string(),
            expires,
        })
    }

    async fn assume_bootstrap_role(&self) -> Result<Credentials, CallError> {
        let request = self
            .hub
            .sts
            .assume_role()
            .role_arn(self.entrance.bootstrap_role.to_string())
            .role_session_name(&self.session_name)
            .set_external_id(self.entrance.external_id.clone())
            .set_policy(self.entrance.read_only.then(reads_alone))
            .duration_seconds(i32::try_from(self.entrance.session_seconds).unwrap_or(3600));
        let answer = self.gate.call(Action::AssumeRole, || request.clone().send()).await?;
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
