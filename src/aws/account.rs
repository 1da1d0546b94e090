//! One account: what it holds, its pace, what was written there lately. What goes wrong in one account stays there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossrole_iam::{AccountId, Arn, Path, RoleName};
use crossrole_plan::change::Plan;
use crossrole_plan::doctor::Facts;
use crossrole_plan::observed::Observed;
use crossrole_plan::outcome::Failure;
use crossrole_plan::quota::Quotas;
use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Mutex, Semaphore};

use super::answer::RoleAnswer;
use super::error::CallError;
use super::gate::{Gate, Recovery};
use super::places::{AccountPlaces, Lanes, Places, Turn, Urgency};
use super::read::Door;
use super::recent::Recent;
use super::session::{Session, Sessions};
use super::snapshot::{Answer, Gathered, Judged, Keep, Reading, Snapshot, Tagged};
use super::write::Applied;
use super::{Action, Existing, Hub, examination, own, read, write};
use crate::metrics::Metrics;

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

/// How old an answer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// It is read now, for this role alone.
    New,
    /// A role may have been read with all others of the account a moment ago. That it is absent is read now.
    Usual,
    /// As [`Age::Usual`]; but that it is absent may have been read so long ago: whoever makes it is told by `CreateRole` if it
    /// is not.
    OldAbsence(Duration),
}

/// One account.
#[derive(Debug)]
pub struct AccountHandle {
    pub(super) sessions: Sessions,
    quotas: Mutex<Option<(Quotas, Instant)>>,
    places: AccountPlaces,
    pub(super) gate: Gate,
    recent: Arc<Recent>,
    snapshot: Arc<Snapshot>,
    /// Held while all roles are read.
    reading_all: Mutex<()>,
    /// How many long answers, of all accounts, are held at the same time.
    long_answers: Arc<Lanes>,
    /// The sessions of the grant role, once somebody needs one.
    pub(super) grant_sessions: Mutex<Option<Arc<Sessions>>>,
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
    /// Room for roles as they were made a moment ago, in all accounts.
    pub(super) room: Arc<Semaphore>,
    pub(super) recovered: UnboundedSender<Recovery>,
    pub(super) metrics: Metrics,
    /// How many long answers, of all accounts, are held at the same time.
    pub(super) long_answers: Arc<Lanes>,
}

/// What an account holds, as far as can be known now.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// What it holds.
    pub observed: Observed,
    /// So long IAM may still show what was before our own last write: what is concluded meanwhile is to be looked at
    /// again.
    pub doubtful_for: Option<Duration>,
    /// The answer as a number, for [`AccountHandle::is_judged`]. Absent where nothing was read.
    pub print: Option<u64>,
}

/// What came of reading all roles of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Survey {
    /// They were read.
    Taken {
        /// Roles that are not as they were when somebody last judged them, by their names in lower case.
        changed: Vec<String>,
        /// Roles that carry our tags.
        tagged: Vec<Tagged>,
    },
    /// The bootstrap role lacks a right: each role is read alone.
    Denied(CallError),
}

impl AccountHandle {
    /// `before` is how the account was entered until now: what was written there a moment ago is still not to be read.
    pub(super) fn new(shared: &Shared, entrance: Entrance, before: Option<&Self>) -> Self {
        let shared = shared.clone();
        let recent = before.map(|before| before.recent.clone());
        Self {
            gate: Gate::new(entrance.account.clone(), shared.recovered, shared.metrics),
            recent: recent.unwrap_or_else(|| Arc::new(Recent::new(shared.shown_after, shared.room))),
            snapshot: Arc::new(Snapshot::new(shared.clusters)),
            sessions: Sessions::new(shared.hub, entrance, shared.session_name),
            quotas: Mutex::new(None),
            places: AccountPlaces::default(),
            reading_all: Mutex::new(()),
            long_answers: shared.long_answers,
            grant_sessions: Mutex::new(None),
        }
    }

    /// The account.
    pub fn account(&self) -> &AccountId {
        &self.sessions.entrance.account
    }

    /// Whether the account is entered this way.
    pub(super) fn is_of(&self, entrance: &Entrance) -> bool {
        self.sessions.entrance == *entrance
    }

    /// Gets into the account and says as whom.
    ///
    /// # Errors
    /// When the bootstrap role cannot be assumed, or another account answers.
    pub async fn enter(&self) -> Result<String, CallError> {
        Ok(self.sessions.get(&self.gate).await?.caller_arn)
    }

    /// Reads what tells whether the bootstrap role is as it must be.
    ///
    /// # Errors
    /// When the bootstrap role cannot be assumed, or another account answers. What fails later is in the facts.
    pub async fn examine(&self, bootstrap: &RoleName) -> Result<Facts, CallError> {
        let session = self.sessions.get(&self.gate).await?;
        let below = &self.sessions.entrance.roles_below;
        Ok(examination::facts(self.door(&session), bootstrap, below).await)
    }

    /// What the account holds under a role's name. What we wrote a moment ago is known without a read, and better than
    /// by one: IAM may still show what was before. Where many roles wait, all of the account are read at once.
    ///
    /// # Errors
    /// The first call that failed. A role that is not there is no error.
    pub async fn observe(&self, role: &RoleName, depth: Depth, age: Age) -> Result<Seen, CallError> {
        let known = age != Age::New && depth == Depth::Declared;
        if known && let Some(observed) = self.recent.written(role, Instant::now()) {
            self.snapshot.was_told(role);
            return Ok(Seen {
                observed,
                doubtful_for: None,
                print: None,
            });
        }
        let doubtful_for = self.recent.doubtful_for(role, Instant::now());
        if known
            && doubtful_for.is_none()
            && let Some((observed, print)) = self.shown(role, age).await?
        {
            return Ok(Seen {
                observed,
                doubtful_for,
                print,
            });
        }
        let session = self.sessions.get(&self.gate).await?;
        let answer = read::role(self.door(&session), role, depth).await;
        let answer = self.sessions.noticing(&session, answer).await?;
        self.snapshot.was_told(role);
        let print = answer.as_ref().map(|answer| self.snapshot.print(answer));
        Ok(Seen {
            observed: answer.map_or(Ok(Observed::Absent), RoleAnswer::observed)?,
            doubtful_for,
            print,
        })
    }

    /// What the account shows of a role where all are read at once; `None` where this one is to be read alone.
    async fn shown(&self, role: &RoleName, age: Age) -> Result<Option<Answer>, CallError> {
        let shows = || self.snapshot.shows(role, age, Instant::now()).transpose();
        let worth_taking = || self.snapshot.worth_taking(self.places.waiting(), Instant::now());
        if let Some(shown) = shows()? {
            return Ok(Some(shown));
        }
        if let Some(error) = self.snapshot.was_throttled_lately(Instant::now()) {
            return Err(error);
        }
        if worth_taking().is_none() {
            return Ok(None);
        }
        // Who cannot get in reads nothing, in neither way.
        self.sessions.get(&self.gate).await?;
        let _reading = self.reading_all.lock().await;
        // Those who waited find what the first one read.
        if let Some(shown) = shows()? {
            return Ok(Some(shown));
        }
        if let Some(keep) = worth_taking()
            && self.read_all(keep).await.is_ok()
        {
            return shows();
        }
        // To read each alone takes more calls.
        match self.snapshot.was_throttled_lately(Instant::now()) {
            Some(error) => Err(error),
            None => Ok(None),
        }
    }

    /// Reads all roles of the account, unless that was done within `interval`, and says what came of it, until somebody
    /// says with [`AccountHandle::is_told`] that it was told; `None` from then on.
    ///
    /// # Errors
    /// A call that failed for another reason than a missing right.
    pub async fn survey(&self, interval: Duration) -> Result<Option<(Survey, Reading)>, CallError> {
        self.snapshot.is_read_each(interval);
        let _reading = self.reading_all.lock().await;
        if self.survey_age().is_none_or(|age| age >= interval)
            && let Err(error) = self.read_all(Keep::Changed).await
            && error.failure != Failure::PermissionDenied
        {
            return Err(error);
        }
        Ok(self.snapshot.news())
    }

    /// How long ago all roles were read, by whomever, or that was denied; `None` where neither was.
    pub fn survey_age(&self) -> Option<Duration> {
        self.snapshot.age(Instant::now())
    }

    async fn read_all(&self, keep: Keep) -> Result<(), CallError> {
        let session = self.sessions.get(&self.gate).await?;
        let began = Instant::now();
        let own = &self.sessions.entrance.roles_below;
        let below = self.snapshot.listed_below(own, began);
        let mut read = self.gather(&session, &below, keep).await;
        if let Err(error) = &read
            && error.action == Action::ListRoles
            && below != *own
        {
            self.snapshot.is_kept_below(Instant::now());
            if error.failure == Failure::PermissionDenied {
                read = self.gather(&session, own, keep).await;
            }
        }
        match read {
            Ok(gathered) => {
                let time = (began, Instant::now());
                self.snapshot.taken(gathered, self.recent.doubtful_since(began), time);
                self.snapshot.let_go_in_time();
                Ok(())
            }
            Err(error) => {
                if error.failure == Failure::PermissionDenied {
                    self.snapshot.was_denied(&error, Instant::now());
                } else {
                    self.snapshot.has_failed(&error, Instant::now());
                }
                Err(error)
            }
        }
    }

    /// Reads all roles of the account; with everything that a declaration can hold those that are listed below this path.
    async fn gather(&self, session: &Session, below: &Path, keep: Keep) -> Result<Gathered, CallError> {
        let mut gathered = Gathered::new(keep, self.sessions.entrance.roles_below.clone());
        let read = read::all_roles(self.door(session), below, |name, answer| {
            self.snapshot.gather(&mut gathered, name, answer);
        });
        self.noticing_but_denial(session, read.await).await?;
        Ok(gathered)
    }

    /// All roles at or below a path, whoever made them, with everything that a declaration can hold: read now.
    ///
    /// # Errors
    /// The first call that failed.
    pub async fn roles_below(&self, path: &Path) -> Result<Vec<Existing>, CallError> {
        let session = self.sessions.get(&self.gate).await?;
        let roles = own::existing(self.door(&session), path).await;
        self.sessions.noticing(&session, roles).await
    }

    /// What a reading showed was told to everybody whom it concerns.
    pub fn is_told(&self, reading: Reading) {
        self.snapshot.is_told(reading);
    }

    /// Somebody looked at a role, and judged that it is as it shall be, or that nothing is to be done about it: as long as
    /// its answer is this one, a look needs no call, until something is due although nothing changes.
    pub fn is_judged(&self, role: &RoleName, judged: Judged) {
        self.snapshot.is_judged(role, judged);
    }

    /// Forgets what is remembered of roles that nobody asks about any more.
    pub fn keep_only(&self, is_asked_about: impl Fn(&str) -> bool) {
        self.snapshot.keep_only(is_asked_about);
    }

    /// Somebody looks at a role: what it was judged before counts no more.
    pub fn is_looked_at(&self, role: &RoleName) {
        self.snapshot.is_looked_at(role);
    }

    /// How long from `now` a role will be as it was judged which the account, read within `time`, shows as it was when `by`
    /// judged it: [`Duration::MAX`] where nothing comes due. `None` where it is not so, or something is due already, or no
    /// call is made for now: what nobody can look at is not said to be as it was.
    pub fn stays_for(&self, role: &RoleName, by: u64, time: Duration, now: Timestamp) -> Option<Duration> {
        let stays_for = self.snapshot.stays_for(role, by, time, now, Instant::now());
        stays_for.filter(|_| !self.gate.is_closed())
    }

    /// Somebody else changed a role: nothing that is remembered of it counts, and what IAM shows is doubtful for a while.
    pub fn is_changed(&self, role: &RoleName) {
        self.recent.is_changed(role, Instant::now());
        self.snapshot.is_written_to(role);
    }

    /// Whether no call is made for now as the bootstrap role.
    pub fn is_closed(&self) -> bool {
        self.gate.is_closed()
    }

    /// When the session of the bootstrap role ends, in seconds since 1970; `None` where there is none.
    pub fn session_ends(&self) -> Option<i64> {
        self.sessions.ends()
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
        let session = self.sessions.get(&self.gate).await?;
        let quotas = read::quotas(self.door(&session)).await;
        let quotas = match self.noticing_but_denial(&session, quotas).await {
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
        match self.sessions.get(&self.gate).await {
            Ok(session) => {
                // A plan that was made from a doubtful read leaves the role as doubtful as it was.
                let certain = self.recent.doubtful_for(&plan.role, Instant::now()).is_none()
                    || self.recent.written(&plan.role, Instant::now()).as_ref() == Some(observed);
                self.recent.begin(&plan.role, Instant::now());
                self.snapshot.is_written_to(&plan.role);
                let mut applied = write::carry_out(self.door(&session), plan, go_on).await;
                applied.guessed |= !certain;
                self.recent.wrote(plan, observed, &applied, Instant::now());
                self.recent.let_go_in_time();
                // Somebody may have read the account meanwhile.
                self.snapshot.is_written_to(&plan.role);
                if let Some(error) = &applied.failure {
                    self.sessions.forget_if_stale(&session, error).await;
                }
                applied
            }
            Err(error) => Applied {
                failure: Some(error),
                ..Applied::default()
            },
        }
    }

    pub(super) fn door<'a>(&'a self, session: &'a Session) -> Door<'a> {
        Door {
            iam: &session.iam,
            gate: &self.gate,
            long_answers: &self.long_answers,
        }
    }

    /// Whether whoever asks the account something is likely to wait.
    pub(super) fn is_slow(&self) -> bool {
        self.gate.is_slow() || self.sessions.waits_for_sts()
    }

    /// Waits until a grant in this account may be worked on: it is the grant role's session that it needs.
    pub(super) async fn turn_to_grant<'a>(&'a self, role: &Arn, all: &'a Places, urgency: Urgency) -> Turn<'a> {
        let sessions = self.grant_sessions(role).await;
        let is_slow = || self.gate.is_slow() || sessions.waits_for_sts();
        self.places.turn(all, urgency, is_slow).await
    }

    /// Waits until a role of this account may be worked on.
    pub(super) async fn turn<'a>(&'a self, all: &'a Places, urgency: Urgency) -> Turn<'a> {
        self.places.turn(all, urgency, || self.is_slow()).await
    }

    /// Notices where a call says that its session is no longer accepted. The bootstrap role need not have the right to it.
    async fn noticing_but_denial<T>(&self, session: &Session, answer: Result<T, CallError>) -> Result<T, CallError> {
        match answer {
            Err(error) if error.failure == Failure::PermissionDenied => Err(error),
            answer => self.sessions.noticing(session, answer).await,
        }
    }
}
