//! What an account's policies of a grant give now.

use std::collections::BTreeSet;

use super::decide::{Seen, own};
use super::desired::{ASSUME, pairs_in};
use super::observed::ObservedGrant;
use crate::owner::Owner;

/// What an account's policies of a grant give now, whatever is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gives {
    /// Whether there is any policy of the grant.
    pub is_there: bool,
    /// The ARNs of the roles that somebody may assume by them; absent where one of them says something else than we ever write.
    pub roles: Option<BTreeSet<String>>,
}

/// What an account's policies of a grant give.
pub fn gives(owner: &Owner, observed: &ObservedGrant, seen: &Seen) -> Gives {
    let policies = own(owner, observed, seen);
    let held = policies.values().filter(|policy| !policy.holders.is_empty());
    let pairs = held.map(|policy| policy.document.document().and_then(pairs_in));
    let roles = pairs.map(|pairs| {
        let assumed = pairs?
            .into_iter()
            .filter(|(action, _)| action.eq_ignore_ascii_case(ASSUME));
        Some(assumed.map(|(_, arn)| arn).collect::<BTreeSet<_>>())
    });
    Gives {
        is_there: !policies.is_empty(),
        roles: roles
            .collect::<Option<Vec<_>>>()
            .map(|roles| roles.into_iter().flatten().collect()),
    }
}
