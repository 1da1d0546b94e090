//! Figures: what `/metrics` tells. `docs/metrics.md` lists them, and a test compares.
//!
//! What happens is counted when it happens. How things stand is read off at each scrape ([`Standing`]), from counts that
//! are kept as things change, and by the leader alone: so a sum over all replicas is right, and the series of an account
//! that is gone are gone with the next scrape.
//!
//! Every label takes few values: kinds, actions, AWS's own error codes as far as crossrole knows them, reasons, and the ids
//! of the AWSAccounts that there are. No label is a role, an object or a namespace.

mod family;
mod feed;
mod notices;
mod standing;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

pub use family::Description;
use family::{Catalogue, Series};
use feed::Feed;
use notices::Notices;
pub use standing::{AccountStanding, Standing};

/// Figures. Every copy counts into the same ones.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

/// Tells how things stand.
type Source = Box<dyn Fn() -> Standing + Send + Sync>;

struct Inner {
    registry: Registry,
    described: Vec<Description>,
    reconciles: Series<3, Counter>,
    looks: Series<2, Counter>,
    drift_repaired: Series<1, Counter>,
    feed: Feed,
    aws_calls: Series<2, Counter>,
    aws_call_duration: Series<1, Histogram>,
    aws_account_calls: Series<1, Counter>,
    aws_wait: Series<1, Counter<f64, AtomicU64>>,
    kubernetes_writes: Series<2, Counter>,
    kubernetes_failures: Series<2, Counter>,
    notices: Notices,
    leader: Series<0, Gauge>,
    roles: Series<2, Gauge>,
    role_reasons: Series<1, Gauge>,
    roles_unused: Series<1, Gauge>,
    grants: Series<2, Gauge>,
    objects_stalled: Series<2, Gauge>,
    looks_under_way: Series<0, Gauge>,
    orphans: Series<1, Gauge>,
    account_ready: Series<1, Gauge>,
    aws_breaker_open: Series<1, Gauge>,
    credentials_expiry: Series<1, Gauge>,
    organization_accounts: Series<0, Gauge>,
    organization_read: Series<0, Gauge>,
    organization_unread: Series<0, Gauge>,
    next_validity_end: Series<0, Gauge>,
    /// The accounts that have counters.
    counted: Mutex<BTreeSet<String>>,
    source: OnceLock<Source>,
    /// Held while the standing is read off and told: two scrapes at once would mix theirs.
    scraped: Mutex<()>,
}

/// A call of AWS takes from some milliseconds up to the SDK's own limit of 15 seconds.
fn call_durations() -> Histogram {
    Histogram::new([0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0])
}

impl Default for Metrics {
    fn default() -> Self {
        let mut all = Catalogue::new();
        let build_info = all.gauge(
            "build_info",
            ["version"],
            "Always 1; the label is the operator's version",
        );
        build_info.set([env!("CARGO_PKG_VERSION")], 1);
        let leader = all.gauge(
            "leader",
            [],
            "1 while this process may write: it holds the lease, or needs none",
        );
        // Also of a process that never gets through its start: who waits for a leader must not wait for a series.
        leader.set([], 0);
        let reconciles = all.counter(
            "reconciles",
            ["kind", "outcome", "reason"],
            "Times that an object was gone through and its status reported, by what its conditions say then",
        );
        let looks = all.counter(
            "looks",
            ["outcome", "reason"],
            "Looks at one role in one account that have ended, by the state of its entry (or `Gone`)",
        );
        let looks_under_way = all.gauge(
            "looks_under_way",
            [],
            "Looks at one role in one account that are under way, or wait for their turn",
        );
        let drift_repaired = all.counter(
            "drift_repaired",
            ["account_id"],
            "Roles that were not as declared, although nothing declared had changed, and were repaired",
        );
        let roles = all.gauge(
            "roles",
            ["account_id", "state"],
            "Entries in the status of CrossAccountRoles, by their state; an empty account_id: there is no such AWSAccount",
        );
        let roles_unused = all.gauge(
            "roles_unused",
            ["days"],
            "Roles that are there for at least so many days and that nobody used in them, as far as IAM tells",
        );
        let role_reasons = all.gauge(
            "role_reasons",
            ["reason"],
            "Entries in the status of CrossAccountRoles, by their reason",
        );
        let grants = all.gauge(
            "grants",
            ["account_id", "state"],
            "AssumeRoleGrants, by the account that holds policies of theirs or may, and by what their conditions say; an empty account_id: none does",
        );
        let objects_stalled = all.gauge(
            "objects_stalled",
            ["kind", "reason"],
            "Objects that wait for a person and that no account's figures tell of: CrossAccountRoles without an entry, AssumeRoleGrants of which no account holds anything, and what this version cannot read (`InvalidSpec`)",
        );
        let next_validity_end = all.seconds_gauge(
            "next_validity_end_timestamp",
            [],
            "When the validity of a CrossAccountRole ends next; absent where none ends",
        );
        let account_ready = all.gauge(
            "account_ready",
            ["account_id"],
            "1 where the AWSAccount is Ready, 0 where it is not; absent where it is not Active",
        );
        let orphans = all.gauge(
            "orphans",
            ["account_id"],
            "Roles that carry this cluster's tags and that no object wants",
        );
        let aws_calls = all.counter(
            "aws_calls",
            ["action", "code"],
            "Calls of AWS that were sent, by AWS's error code; `OK`, `NoAnswer`, and `Other` for a code that crossrole does not know",
        );
        let aws_call_duration = all.seconds_histogram(
            "aws_call_duration",
            ["action"],
            "How long a call of AWS took, from being sent to its answer",
            call_durations,
        );
        let aws_account_calls = all.counter(
            "aws_account_calls",
            ["account_id"],
            "Calls of AWS that were sent for an account",
        );
        let aws_wait = all.seconds_counter(
            "aws_wait",
            ["account_id"],
            "How long calls waited because AWS had asked for fewer",
        );
        let aws_breaker_open = all.gauge(
            "aws_breaker_open",
            ["account_id"],
            "1 while no call is made to the account, because the last ones failed; absent before the first call",
        );
        let credentials_expiry = all.seconds_gauge(
            "credentials_expiry_timestamp",
            ["account_id"],
            "When the session of the account's bootstrap role ends; it is renewed a minute or two earlier, when it is next needed",
        );
        let organization_accounts = all.gauge(
            "organization_accounts",
            [],
            "Accounts that the organisation lists, without its management account; absent where it is not read",
        );
        let organization_read = all.seconds_gauge(
            "organization_read_timestamp",
            [],
            "When the organisation was last read as a whole; absent where it is not read",
        );
        let organization_unread = all.gauge(
            "organization_unread",
            [],
            "1 while the organisation cannot be read; 0 where it was at the last look; absent where it is not to be read",
        );
        let feed = Feed::new(&mut all);
        let kubernetes_writes = all.counter(
            "kubernetes_writes",
            ["verb", "resource"],
            "Writes to Kubernetes that were sent; the lease has a client of its own and does not count",
        );
        let kubernetes_failures = all.counter(
            "kubernetes_failures",
            ["kind", "code"],
            "Times that an object was not gone through to the end because Kubernetes did not take a write, by HTTP status or `NoAnswer`",
        );
        let notices = Notices::new(&mut all);
        Self(Arc::new(Inner {
            registry: all.registry,
            described: all.described,
            reconciles,
            looks,
            drift_repaired,
            feed,
            aws_calls,
            aws_call_duration,
            aws_account_calls,
            aws_wait,
            kubernetes_writes,
            kubernetes_failures,
            notices,
            leader,
            roles,
            role_reasons,
            roles_unused,
            grants,
            objects_stalled,
            looks_under_way,
            orphans,
            account_ready,
            aws_breaker_open,
            credentials_expiry,
            organization_accounts,
            organization_read,
            organization_unread,
            next_validity_end,
            counted: Mutex::default(),
            source: OnceLock::new(),
            scraped: Mutex::default(),
        }))
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Metrics")
    }
}

impl Metrics {
    /// Every metric that there is.
    pub fn described(&self) -> &[Description] {
        &self.0.described
    }

    /// From now on, this is asked at each scrape how things stand. The first one counts.
    pub fn read_from(&self, source: impl Fn() -> Standing + Send + Sync + 'static) {
        let _ = self.0.source.set(Box::new(source));
    }

    /// An object was gone through.
    pub fn reconciled(&self, kind: &str, outcome: &str, reason: &str) {
        self.0.reconciles.add([kind, outcome, reason], 1);
    }

    /// A look at one role in one account has ended.
    pub fn looked(&self, outcome: &str, reason: &str) {
        self.0.looks.add([outcome, reason], 1);
    }

    /// A role was not as declared, and was repaired.
    pub fn repaired(&self, account_id: &str) {
        self.0.drift_repaired.add([account_id], 1);
        self.note(account_id);
    }

    /// A call of AWS was sent and answered, or not answered.
    pub fn called_aws(&self, account_id: &str, action: &str, code: &str, took: Duration) {
        self.0.aws_calls.add([action, code], 1);
        self.0.aws_call_duration.observe([action], took.as_secs_f64());
        self.0.aws_account_calls.add([account_id], 1);
        self.note(account_id);
    }

    /// A call waited for its slot.
    pub fn waited_for_aws(&self, account_id: &str, time: Duration) {
        self.0.aws_wait.add([account_id], time.as_secs_f64());
        self.note(account_id);
    }

    /// The organisation was read as a whole, then, in seconds since 1970.
    pub fn read_organization(&self, at: i64, accounts: usize) {
        self.0.organization_read.set([], at);
        let accounts = i64::try_from(accounts).unwrap_or(i64::MAX);
        self.0.organization_accounts.set([], accounts);
        self.0.organization_unread.set([], 0);
    }

    /// The organisation could not be read.
    pub fn could_not_read_organization(&self) {
        self.0.organization_unread.set([], 1);
    }

    /// Nobody asks for accounts of the organisation.
    pub fn reads_no_organization(&self) {
        let inner = &self.0;
        for series in [
            &inner.organization_accounts,
            &inner.organization_read,
            &inner.organization_unread,
        ] {
            series.clear();
        }
    }

    /// A write was sent to Kubernetes.
    pub fn wrote_to_kubernetes(&self, verb: &str, resource: &str) {
        self.0.kubernetes_writes.add([verb, resource], 1);
    }

    /// Kubernetes did not take a write.
    pub fn kubernetes_failed(&self, kind: &str, code: &str) {
        self.0.kubernetes_failures.add([kind, code], 1);
    }

    /// All figures as text. Source: OpenMetrics 1.0.
    ///
    /// # Errors
    /// What the encoder says; nothing known makes it fail.
    pub fn tell(&self) -> Result<String, fmt::Error> {
        let _alone = self.0.scraped.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(source) = self.0.source.get() {
            self.stand(&source());
        }
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.0.registry)?;
        Ok(text)
    }

    /// Comes after the count: a scrape in between would forget the account, and its series would stay for ever.
    fn note(&self, account_id: &str) {
        let mut counted = self.0.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if !counted.contains(account_id) {
            counted.insert(account_id.to_string());
        }
    }

    fn stand(&self, standing: &Standing) {
        let inner = &self.0;
        inner.leader.set([], i64::from(standing.leader));
        inner.roles.clear();
        inner.role_reasons.clear();
        inner.roles_unused.clear();
        inner.grants.clear();
        inner.objects_stalled.clear();
        inner.looks_under_way.clear();
        inner.next_validity_end.clear();
        for series in [
            &inner.orphans,
            &inner.account_ready,
            &inner.aws_breaker_open,
            &inner.credentials_expiry,
        ] {
            series.clear();
        }
        if !standing.leader {
            self.reads_no_organization();
            inner.feed.reads_nothing();
            return;
        }
        for (series, counted) in [(&inner.roles, &standing.roles), (&inner.grants, &standing.grants)] {
            for (account, state, count) in counted {
                series.set([account, state], *count);
            }
        }
        for (reason, count) in &standing.reasons {
            inner.role_reasons.set([reason], *count);
        }
        for (kind, reason, count) in &standing.stalled {
            inner.objects_stalled.set([kind, reason], *count);
        }
        for (days, count) in &standing.unused {
            inner.roles_unused.set([days], *count);
        }
        let under_way = i64::try_from(standing.looks_under_way).unwrap_or(i64::MAX);
        inner.looks_under_way.set([], under_way);
        if let Some(end) = standing.next_validity_end {
            inner.next_validity_end.set([], end);
        }
        for account in &standing.accounts {
            self.note(&account.id);
            // A series that begins with its first count has no increase to be seen.
            inner.drift_repaired.add([&account.id], 0);
            inner.feed.begin(&account.id);
            inner.aws_account_calls.add([&account.id], 0);
            inner.aws_wait.add([&account.id], 0.0);
            let figures = [
                (&inner.account_ready, account.ready.map(i64::from)),
                (&inner.orphans, account.orphans),
                (&inner.aws_breaker_open, account.breaker_open.map(i64::from)),
                (&inner.credentials_expiry, account.credentials_expiry),
            ];
            for (series, value) in figures {
                if let Some(value) = value {
                    series.set([&account.id], value);
                }
            }
        }
        if standing.all_accounts {
            self.forget_all_but(standing.accounts.iter().map(|account| account.id.as_str()).collect());
        }
    }

    fn forget_all_but(&self, known: BTreeSet<&str>) {
        let mut counted = self.0.counted.lock().unwrap_or_else(PoisonError::into_inner);
        counted.retain(|account| {
            let stays = known.contains(account.as_str());
            if !stays {
                self.0.drift_repaired.remove([account]);
                self.0.feed.forget(account);
                self.0.aws_account_calls.remove([account]);
                self.0.aws_wait.remove([account]);
            }
            stays
        });
        self.0.feed.forget_all_but(&known);
    }
}
