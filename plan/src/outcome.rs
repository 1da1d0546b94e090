//! What a failure means: for the entry in status, and for the next look.

use std::time::Duration;

use crossrole_api::{EntryState, Reason};

/// Why a call to AWS did not do what it was to do, as far as the answer tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// STS does not let us into the account.
    BootstrapDenied,
    /// STS does not let us be the grant role.
    GrantRoleDenied,
    /// STS does not let us be the role that reads the organisation.
    OrganizationRoleDenied,
    /// The group or role that a grant is given to is not there.
    GranteeNotFound,
    /// The account that answered is another one.
    WrongAccount,
    /// IAM says that the bootstrap role lacks a right.
    PermissionDenied,
    /// Fewer calls are asked for.
    Throttled,
    /// No answer, or one that says that AWS itself is in trouble.
    Unavailable,
    /// Somebody else changes the same thing at the same time.
    Conflict,
    /// A principal in the trust policy does not exist, or not yet everywhere.
    InvalidPrincipal,
    /// AWS refused a document or a value.
    Malformed,
    /// A policy or a boundary that is not there.
    PolicyNotFound,
    /// The role is not there, or not yet everywhere.
    RoleNotFound,
    /// A role of that name is there, although it was not a moment ago.
    AlreadyExists,
    /// Something is still attached to the role.
    StillInUse,
    /// A quota is used up.
    Quota,
    /// A role that AWS does not let us change.
    Unmodifiable,
    /// An answer that we do not know.
    Unexpected,
    /// The call was not sent, because another operator may work now. No status says so: who may not call AWS may not
    /// write to Kubernetes either.
    NotLeader,
}

/// When to look again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NextLook {
    /// Soon, and later with every further failure: 1 s doubled up to 5 min.
    Backoff,
    /// At the usual interval: a person must act, and nobody tells us when.
    Interval,
}

/// What a failure means for an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// Where the entry stands.
    pub state: EntryState,
    /// Why.
    pub reason: Reason,
    /// When to look again.
    pub next: NextLook,
}

/// A principal that was made a moment ago is not known everywhere for so long.
const PRINCIPAL_SPREADS: Duration = Duration::from_secs(120);

impl Failure {
    /// What the failure means for an entry that has failed in this way for so long.
    pub fn meaning(self, failing_for: Duration) -> Meaning {
        let retrying = |reason| Meaning {
            state: EntryState::Retrying,
            reason,
            next: NextLook::Backoff,
        };
        let refused = |reason| Meaning {
            state: EntryState::Refused,
            reason,
            next: NextLook::Interval,
        };
        match self {
            Self::BootstrapDenied => refused(Reason::BootstrapDenied),
            Self::GrantRoleDenied => refused(Reason::GrantRoleDenied),
            Self::OrganizationRoleDenied => refused(Reason::OrganizationRoleDenied),
            Self::GranteeNotFound => refused(Reason::GranteeNotFound),
            Self::WrongAccount => refused(Reason::WrongAccount),
            Self::PermissionDenied => refused(Reason::PermissionDenied),
            Self::Throttled => retrying(Reason::Throttled),
            Self::Unavailable | Self::NotLeader => retrying(Reason::AWSUnavailable),
            Self::Conflict | Self::AlreadyExists | Self::StillInUse => retrying(Reason::ConcurrentChange),
            // Every plan is made from a role that was seen, or begins with making it.
            Self::RoleNotFound => retrying(Reason::Propagating),
            Self::InvalidPrincipal if failing_for < PRINCIPAL_SPREADS => retrying(Reason::PrincipalNotFound),
            Self::InvalidPrincipal => refused(Reason::PrincipalNotFound),
            Self::Malformed => refused(Reason::RefusedByAWS),
            Self::PolicyNotFound => refused(Reason::PolicyNotFound),
            Self::Quota => refused(Reason::QuotaExceeded),
            Self::Unmodifiable => refused(Reason::Unmodifiable),
            Self::Unexpected => retrying(Reason::UnexpectedAnswer),
        }
    }
}

impl Failure {
    /// Whether what looks as if a person must act may pass by itself. Where IAM does not know everywhere yet a role that
    /// was just made, it knows no path and no tag of it either, and asks for the right on its name alone: what is denied
    /// then is allowed a moment later. So it is with a policy that was just made.
    pub fn may_pass(self) -> bool {
        matches!(self, Self::PermissionDenied | Self::PolicyNotFound)
    }
}

/// When to try again what may pass by itself, after so many tries: 5 s, and half as long again each time.
pub fn patience(tries: u32) -> Duration {
    Duration::from_secs_f64(5.0 * 1.5_f64.powi(i32::try_from(tries).unwrap_or(i32::MAX).min(20)))
}

/// The delay before the next try, after so many failures in a row. `jitter` is a number from 0 to 1.
pub fn backoff(failures: u32, jitter: f64) -> Duration {
    let whole = Duration::from_secs(1 << failures.min(9)).min(Duration::from_secs(300));
    whole.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}

/// The time until the next regular look, 85 to 95 % of the interval: less than it, so that what changed right after a look is
/// repaired within it; and not always the same, so that not everything is looked at at once. `jitter` is a number from 0 to 1.
pub fn regular(interval: Duration, jitter: f64) -> Duration {
    interval.mul_f64(0.85 + jitter.clamp(0.0, 1.0) / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regular_look_leaves_time_to_repair_within_the_interval() {
        let interval = Duration::from_secs(600);
        for (jitter, seconds) in [(0.0, 510), (1.0, 570), (7.0, 570)] {
            assert_eq!(regular(interval, jitter).as_secs(), seconds, "{jitter}");
        }
    }

    #[test]
    fn a_principal_that_does_not_come_within_two_minutes_needs_a_person() {
        let state = |seconds| Failure::InvalidPrincipal.meaning(Duration::from_secs(seconds)).state;
        assert_eq!(state(0), EntryState::Retrying);
        assert_eq!(state(119), EntryState::Retrying);
        assert_eq!(state(120), EntryState::Refused);
    }

    #[test]
    fn what_may_pass_by_itself_is_tried_again_soon_and_rarer_the_longer_it_fails() {
        assert!(Failure::PermissionDenied.may_pass() && Failure::PolicyNotFound.may_pass());
        assert!(!Failure::Malformed.may_pass());
        assert_eq!(patience(0), Duration::from_secs(5));
        assert_eq!(patience(2), Duration::from_millis(11_250));
        assert!(patience(u32::MAX) > Duration::from_secs(3600));
    }

    #[test]
    fn delays_grow_to_five_minutes_and_differ() {
        assert_eq!(backoff(0, 1.0), Duration::from_secs(1));
        assert_eq!(backoff(0, 0.0), Duration::from_millis(500));
        assert_eq!(backoff(3, 1.0), Duration::from_secs(8));
        assert_eq!(backoff(9, 1.0), Duration::from_secs(300));
        assert_eq!(backoff(u32::MAX, 1.0), Duration::from_secs(300));
    }
}
