//! What CloudTrail tells by way of EventBridge and a queue: who used a role, and who changed one.
//!
//! | module | holds |
//! |---|---|
//! | [`record`] | a message → who did what to which role |
//! | [`principal`] | who it was |
//! | [`join`] | the two records of one use → one use |
//! | [`series`] | uses of one kind → one Event, in which each is counted once |
//!
//! A message says what somebody claims to have seen, and nothing is done to an account because of it but to look.

pub mod join;
pub mod principal;
pub mod record;
pub mod series;

#[cfg(test)]
mod tests;

use crossrole_api::trust::TrustEntry;
use crossrole_api::{CrossAccountRole, Mfa};

/// What an object's declared trust says of the second factor of an AWS principal that was let in.
///
/// `Required` where every statement that can admit an AWS principal demands MFA, so that whoever got in had it.
pub fn mfa_by_trust(role: &CrossAccountRole) -> Mfa {
    let admits_principals = |entry: &&TrustEntry| {
        let from = &entry.from;
        !from.accounts.is_empty()
            || !from.principals.is_empty()
            || !from.principal_patterns.is_empty()
            || from.organization.is_some()
            || from.identity_center.is_some()
    };
    let demands = |entry: &TrustEntry| entry.require.as_ref().is_some_and(|require| require.mfa.is_some());
    let mut entries = role.spec.trust.iter().filter(admits_principals).peekable();
    let any = entries.peek().is_some();
    // A raw statement may admit anybody.
    if any && role.spec.extra_trust_statements.is_empty() && entries.all(demands) {
        Mfa::Required
    } else {
        Mfa::Unknown
    }
}
