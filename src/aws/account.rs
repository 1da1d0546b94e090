//! One account: its credentials, its pace, what was written there lately. What goes wrong in one account stays there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use aws_sdk_iam::config::timeout::TimeoutConfig;
use aws_sdk_iam::config::{Credentials, IdentityCache};
use crossrole_iam::{AccountId, Arn, Path, RoleName};
use crossrole_plan::change::Plan;
use crossrole_plan::observed::Observed;
use crossrole_plan::outcome::Failure;
use crossrole_plan::quota::Quotas;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};

use super::answer::RoleAnswer;
use super::error::CallError;
use super::fenced::Fenced;
use super::gate::Gate;
use super::read::Door;
use super::recent::Recent;
use super::snapshot::{Answer, Keep, Snapshot, Tagged};
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
    /// The roles that crossrole makes live at or below this path.
    pub roles_below: Path,
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
    /// Roles that are looked at, or wait for it.
    waiting: AtomicUsize,
    gate: Gate,
    recent: Recent,
    snapshot: Snapshot,
    /// Held while all roles are read.
    reading_all: Mutex<()>,
    /// How many accounts are read as a whole at the same time.
    read_at_once: Arc<Semaphore>,
}

/// What all accounts share.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) hub: Hub,
    pub(super) session_name: String,
    /// The clusters whose roles are ours.
    pub(super) clusters: Vec<String>,
    /// How long IAM may take until its reads show a write.
    pub(super) shown_after: Duration,
    pub(super) recovered: UnboundedSender<AccountId>,
    /// How many accounts are read as a whole at the same time.
    pub(super) read_at_once: Arc<Semaphore>,
}

/// What an account holds, as far as can be known now.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// What it holds.
    pub observed: Observed,
    /// So long IAM may still show what was before our own last write: what is concluded meanwhile is to be looked at
    /// again.
    pub doubtful_for: Option<Duration>,
    /// The answer as a number, for [`AccountHandle::is_right`]. Absent where nothing was read.
    pub print: Option<u64>,
}

/// What came of reading all roles of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Survey {
    /// They were read.
    Taken {
        /// Roles that are not as they were when somebody last found them right, by their names in lower case.
        changed: Vec<String>,
        /// Roles that carry our tags.
        tagged: Vec<Tagged>,
    },
    /// The bootstrap role lacks a right: each role is read alone.
    Denied(CallError),
}

/// A session of the bootstrap role that was checked to be in the right account.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) iam: aws_sdk_iam::Client,
    caller_arn: String,
    expires: SystemTime,
}

/// The right to work on one role of an account.
#[derive(Debug)]
pub(super) struct TurnOfAccount<'a> {
    waiting: &'a AtomicUsize,
    _permit: Option<SemaphorePermit<'a>>,
}

impl Drop for TurnOfAccount<'_> {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
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
    pub(super) fn new(shared: &Shared, entrance: Entrance) -> Self {
        let shared = shared.clone();
        Self {
            gate: Gate::new(entrance.account.clone(), shared.recovered),
            recent: Recent::new(shared.shown_after),
            snapshot: Snapshot::new(shared.clusters),
            hub: shared.hub,
            entrance,
            session_name: shared.session_name,
            session: Mutex::new(None),
            quotas: Mutex::new(None),
            at_once: Semaphore::new(ROLES_AT_ONCE),
            waiting: AtomicUsize::new(0),
            reading_all: Mutex::new(()),
            read_at_once: shared.read_at_once,
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
    /// by one: IAM may still show what was before. Where many roles wait, all of the account are read at once. `anew`
    /// reads this role, now.
    ///
    /// # Errors
    /// The first call that failed. A role that is not there is no error.
    pub async fn observe(&self, role: &RoleName, depth: Depth, anew: bool) -> Result<Seen, CallError> {
        let known = !anew && depth == Depth::Declared;
        if known && let Some(observed) = self.recent.written(role, Instant::now()) {
            return Ok(Seen {
                observed,
                doubtful_for: None,
                print: None,
            });
        }
        let doubtful_for = self.recent.doubtful_for(role, Instant::now());
        if known
            && doubtful_for.is_none()
            && let Some((observed, print)) = self.shown(role).await?
        {
            return Ok(Seen {
                observed,
                doubtful_for,
                print,
            });
        }
        let session = self.session().await?;
        let answer = self
            .noticing(read::role(self.door(&session), role, depth).await)
            .await?;
        let print = answer.as_ref().map(|answer| self.snapshot.print(answer));
        Ok(Seen {
            observed: answer.map_or(Ok(Observed::Absent), RoleAnswer::observed)?,
            doubtful_for,
            print,
        })
    }

    /// What the account shows of a role where all are read at once; `None` where this one is to be read alone.
    async fn shown(&self, role: &RoleName) -> Result<Option<Answer>, CallError> {
        let now = Instant::now();
        if let Some(shown) = self.snapshot.shows(role, now) {
            return shown.map(Some);
        }
        if !self.snapshot.is_worth_taking(self.waiting.load(Ordering::Relaxed), now) {
            return Ok(None);
        }
        let reading = self.reading_all.lock().await;
        // Those who waited find what the first one read.
        if self
            .snapshot
            .is_worth_taking(self.waiting.load(Ordering::Relaxed), Instant::now())
        {
            match self.read_all(Keep::All).await {
                Err(error) if error.failure != Failure::PermissionDenied => return Err(error),
                _ => {}
            }
        }
        drop(reading);
        self.snapshot.shows(role, Instant::now()).transpose()
    }

    /// Reads all roles of the account, unless that was done within `interval`, and says which are not as they were.
    /// `None`: it was done.
    ///
    /// # Errors
    /// A call that failed for another reason than a missing right.
    pub async fn survey(&self, interval: Duration) -> Result<Option<Survey>, CallError> {
        let _reading = self.reading_all.lock().await;
        if self.snapshot.was_tried_within(interval, Instant::now()) {
            return Ok(None);
        }
        match self.read_all(Keep::Changed).await {
            Ok(()) => Ok(Some(Survey::Taken {
                changed: self.snapshot.changed(),
                tagged: self.snapshot.tagged(),
            })),
            Err(error) if error.failure == Failure::PermissionDenied => Ok(Some(Survey::Denied(error))),
            Err(error) => Err(error),
        }
    }

    async fn read_all(&self, keep: Keep) -> Result<(), CallError> {
        let session = self.session().await?;
        // The semaphore is never closed, so waiting for it cannot fail.
        let _turn = self.read_at_once.acquire().await.ok();
        let began = Instant::now();
        let roles = read::all_roles(self.door(&session), &self.entrance.roles_below).await;
        match self.noticing(roles).await {
            Ok(roles) => {
                self.snapshot
                    .taken(roles, keep, self.recent.doubtful_since(began), began);
                Ok(())
            }
            Err(error) => {
                if error.failure == Failure::PermissionDenied {
                    self.snapshot.was_denied(Instant::now());
                }
                Err(error)
            }
        }
    }

    /// Somebody looked at a role, and found it as it shall be: as long as its answer is this one, nobody need look again.
    pub fn is_right(&self, role: &RoleName, print: u64) {
        self.snapshot.is_right(role, print);
    }

    /// Whether no call is made for now.
    pub fn is_closed(&self) -> bool {
        self.gate.is_closed()
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
                self.snapshot.is_written_to(&plan.role);
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
    pub(super) async fn turn(&self) -> TurnOfAccount<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let mut turn = TurnOfAccount {
            waiting: &self.waiting,
            _permit: None,
        };
        // The semaphore is never closed, so waiting for it cannot fail.
        turn._permit = self.at_once.acquire().await.ok();
        turn
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
