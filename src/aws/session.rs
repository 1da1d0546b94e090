//! Getting into an account: sessions of its bootstrap role, or of its grant role, each checked to be in the right account.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use aws_sdk_iam::config::timeout::TimeoutConfig;
use aws_sdk_iam::config::{Credentials, IdentityCache};
use crossrole_iam::{AccountId, Arn, Path};
use crossrole_plan::outcome::Failure;
use tokio::sync::Mutex;

use super::account::Entrance;
use super::action::Side;
use super::error::CallError;
use super::fenced::Fenced;
use super::gate::Gate;
use super::{Action, Hub};

/// Credentials are fetched anew this long before they end: an account's share of it depends on its id, so that not all
/// accounts are asked for at once.
const REFRESH_BEFORE: Duration = Duration::from_secs(60);

/// A session that is denied something is used no longer than that.
const DENIED_SESSION_LASTS: Duration = Duration::from_secs(300);

/// A session that was checked to be in the right account.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) iam: aws_sdk_iam::Client,
    pub(super) credentials: Credentials,
    pub(super) caller_arn: String,
    opened: Instant,
    expires: SystemTime,
}

/// What the last try to get in came to.
#[derive(Debug, Default)]
struct Cached {
    session: Option<Session>,
    failed: Option<(Instant, CallError)>,
}

/// The sessions in one account, one at a time.
#[derive(Debug)]
pub(super) struct Sessions {
    hub: Hub,
    pub(super) entrance: Entrance,
    /// The role that is assumed.
    role: Arn,
    side: Side,
    /// What each session is called.
    name: String,
    cached: Mutex<Cached>,
    /// When it ends, in seconds since 1970; [`NONE`] where there is none. Read without waiting for a session to be made.
    ends: AtomicI64,
}

const NONE: i64 = i64::MIN;

/// A session that reads the organisation lasts so many seconds: AWS limits chained sessions to one hour.
const ORGANIZATION_SESSION: u32 = 3600;

/// A time in seconds since 1970.
fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// Timeouts of every call: an attempt, and all attempts together.
pub(super) fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(Duration::from_secs(15))
        .operation_timeout(Duration::from_secs(60))
        .build()
}

/// A session policy that leaves of a role's rights only those to read. Source: IAM User Guide, "Policies and
/// permissions in AWS Identity and Access Management" (session policies).
fn reads_alone(side: Side) -> String {
    let reads = Action::of(side)
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

impl Sessions {
    /// Sessions of the bootstrap role.
    pub(super) fn new(hub: Hub, entrance: Entrance, name: String) -> Self {
        Self {
            hub,
            role: entrance.bootstrap_role.clone(),
            side: Side::Bootstrap,
            entrance,
            name,
            cached: Mutex::default(),
            ends: AtomicI64::new(NONE),
        }
    }

    /// Sessions of the grant role of the same account, entered in the same way.
    pub(super) fn of_grant_role(&self, role: &Arn) -> Self {
        Self {
            hub: self.hub.clone(),
            entrance: self.entrance.clone(),
            role: role.clone(),
            side: Side::Grants,
            name: self.name.clone(),
            cached: Mutex::default(),
            ends: AtomicI64::new(NONE),
        }
    }

    /// Sessions of the role that reads the organisation. It is the operator's own flag that names it, and no object, so nobody
    /// else can have it assumed: it needs no external id.
    pub(super) fn of_organization_role(hub: Hub, role: Arn, account: AccountId, name: String) -> Self {
        let entrance = Entrance {
            account,
            bootstrap_role: role,
            external_id: None,
            session_seconds: ORGANIZATION_SESSION,
            read_only: false,
            roles_below: Path::root(),
        };
        Self {
            side: Side::Organization,
            ..Self::new(hub, entrance, name)
        }
    }

    /// The role that is assumed.
    pub(super) fn role(&self) -> &Arn {
        &self.role
    }

    /// The same two calls, as whichever role makes them.
    fn actions(&self) -> (Action, Action) {
        match self.side {
            // The queue is asked without a session.
            Side::Bootstrap | Side::Events => (Action::AssumeRole, Action::GetCallerIdentity),
            Side::Grants => (Action::AssumeGrantRole, Action::GetGrantIdentity),
            Side::Organization => (Action::AssumeOrganizationRole, Action::GetOrganizationIdentity),
        }
    }

    /// When the cached session ends, in seconds since 1970; `None` where there is none.
    pub(super) fn ends(&self) -> Option<i64> {
        Some(self.ends.load(Ordering::Relaxed)).filter(|ends| *ends != NONE)
    }

    /// As if there were a session that lasts for an hour.
    #[cfg(test)]
    pub(super) fn pretend(&self) {
        let ends = SystemTime::now() + Duration::from_secs(3600);
        self.ends.store(seconds(ends), Ordering::Relaxed);
    }

    /// Whether a new session would have to wait, for STS asked for fewer calls.
    pub(super) fn waits_for_sts(&self) -> bool {
        let soon = seconds(self.soon());
        self.ends().is_none_or(|ends| ends <= soon) && self.hub.is_limited()
    }

    /// A session that ends until then is renewed; not those of all accounts in the same second.
    fn soon(&self) -> SystemTime {
        let spread = Duration::from_secs(self.entrance.account.as_str().bytes().map(u64::from).sum::<u64>() % 60);
        SystemTime::now() + REFRESH_BEFORE + spread
    }

    fn keep(&self, cached: &mut Cached, session: Option<Session>) {
        let ends = session.as_ref().map_or(NONE, |session| seconds(session.expires));
        self.ends.store(ends, Ordering::Relaxed);
        cached.session = session;
    }

    /// Notices where a call says that its session is no longer accepted.
    pub(super) async fn noticing<T>(&self, session: &Session, answer: Result<T, CallError>) -> Result<T, CallError> {
        if let Err(error) = &answer {
            self.forget_if_stale(session, error).await;
        }
        answer
    }

    /// Forgets a session where an error of one of its calls says that its credentials are not, or no longer, accepted; and
    /// an older one that is denied something: somebody may have revoked the bootstrap role's sessions, which looks the same.
    pub(super) async fn forget_if_stale(&self, session: &Session, error: &CallError) {
        let denied = error.failure == Failure::PermissionDenied && session.opened.elapsed() >= DENIED_SESSION_LASTS;
        if !denied && !error.is_about_credentials() {
            return;
        }
        let mut cached = self.cached.lock().await;
        // Others whose calls failed with it may have fetched another one meanwhile.
        let is_newest = cached
            .session
            .as_ref()
            .is_some_and(|newest| newest.opened == session.opened);
        if is_newest {
            self.keep(&mut cached, None);
        }
    }

    /// The cached session, or a new one. Only one caller fetches it: where that fails, it fails for all who wait.
    ///
    /// # Errors
    /// When the role cannot be assumed, or another account answers.
    pub(super) async fn get(&self, gate: &Gate) -> Result<Session, CallError> {
        let asked = Instant::now();
        let mut cached = self.cached.lock().await;
        let soon = self.soon();
        if let Some(session) = cached.session.as_ref().filter(|session| session.expires > soon) {
            return Ok(session.clone());
        }
        if let Some((at, error)) = &cached.failed
            && *at > asked
        {
            return Err(error.clone());
        }
        self.keep(&mut cached, None);
        match self.open(gate).await {
            Ok(opened) => {
                cached.failed = None;
                self.keep(&mut cached, Some(opened.clone()));
                Ok(opened)
            }
            Err(error) => {
                cached.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    async fn open(&self, gate: &Gate) -> Result<Session, CallError> {
        let (_, asking) = self.actions();
        let credentials = self.assume_role(gate).await?;
        let expires = credentials.expiry().unwrap_or_else(SystemTime::now);
        let id = self.entrance.account.to_string();
        // The SDK's identity cache is small and shared: each account has its own session. Its retries know no account:
        // the gate has them.
        let sts = aws_sdk_sts::Client::from_conf(
            aws_sdk_sts::config::Builder::from(&self.hub.config)
                .credentials_provider(credentials.clone())
                .identity_cache(IdentityCache::no_cache())
                .interceptor(Fenced(self.hub.fence.clone(), self.side))
                .build(),
        );
        let ask = || sts.get_caller_identity().send();
        let asked = Instant::now();
        let identity = gate.call(asking, ask).await?;
        if identity.account() != Some(id.as_str()) {
            let wrong = CallError::new(
                asking,
                Failure::WrongAccount,
                format!(
                    "account {} answered, but spec.accountId is {id}: nothing was written",
                    identity.account().unwrap_or("of unknown id")
                ),
            );
            gate.failed(&wrong, Instant::now());
            return Err(wrong);
        }
        gate.entered(asking, asked);
        let iam = aws_sdk_iam::Client::from_conf(
            aws_sdk_iam::config::Builder::from(&self.hub.config)
                .credentials_provider(credentials.clone())
                .identity_cache(IdentityCache::no_cache())
                .interceptor(Fenced(self.hub.fence.clone(), self.side))
                .build(),
        );
        Ok(Session {
            iam,
            credentials,
            caller_arn: identity.arn().unwrap_or_default().to_string(),
            opened: Instant::now(),
            expires,
        })
    }

    async fn assume_role(&self, gate: &Gate) -> Result<Credentials, CallError> {
        let (assuming, _) = self.actions();
        let request = self
            .hub
            .sts
            .assume_role()
            .role_arn(self.role.to_string())
            .role_session_name(&self.name)
            .set_external_id(self.entrance.external_id.clone())
            .set_policy(self.entrance.read_only.then(|| reads_alone(self.side)))
            .duration_seconds(i32::try_from(self.entrance.session_seconds).unwrap_or(3600));
        let send = || self.hub.assume_role(request.clone());
        let slot = || async { gate.waited(&self.hub.identity.account, self.hub.slot().await) };
        let (answer, ()) = gate.call_in(assuming, slot, send).await?;
        let credentials = answer
            .credentials()
            .ok_or_else(|| CallError::empty(assuming, "credentials"))?;
        let expires = SystemTime::try_from(*credentials.expiration())
            .map_err(|error| CallError::new(assuming, Failure::Unexpected, format!("the answer's expiry: {error}")))?;
        Ok(Credentials::new(
            credentials.access_key_id(),
            credentials.secret_access_key(),
            Some(credentials.session_token().to_string()),
            Some(expires),
            "crossrole",
        ))
    }
}
