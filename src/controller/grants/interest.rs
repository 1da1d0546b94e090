//! Which grants a change of something else concerns. A look that finds nothing new makes no call of AWS, but goes through all
//! CrossAccountRoles.

use std::collections::BTreeSet;

use kube::ResourceExt;

use super::half_open::bears_on_others;
use crate::controller::queues::{Queues, look_at_grants};
use crate::controller::watch::{CachedAccount, CachedGrant, CachedRole, Caches};

/// Has the grants looked at whom a change of an AWSAccount concerns: those in it, or in another AWSAccount of its id, and those
/// that may select a role in it. `concerns` says whether an object may have one there.
pub fn look_after_account(
    queues: &Queues,
    caches: &Caches,
    account: &CachedAccount,
    concerns: impl Fn(&CachedRole) -> bool,
) {
    let id = |account: &CachedAccount| Some(account.0.as_ref().ok()?.spec.account_id.clone());
    let own = id(account);
    let accounts = caches.accounts.state();
    let same = accounts.iter().filter(|other| own.is_some() && id(other) == own);
    let mut names: BTreeSet<String> = same.map(|other| other.name_any()).collect();
    names.insert(account.name_any());
    let roles = caches.roles.state();
    let concerned = roles.iter().filter(|role| concerns(role));
    let namespaces: BTreeSet<Option<String>> = concerned.map(|role| role.namespace()).collect();
    look_at_grants(queues, caches, |grant| {
        let is_there = |grant: &CachedGrant| {
            let grant = grant.0.as_ref();
            grant.map_or(true, |grant| names.contains(&grant.spec.account))
        };
        is_there(grant) || namespaces.contains(&grant.namespace())
    });
}

/// Has the grants looked at that say something of the same roles as this one: whether any gives them.
pub fn look_beside(queues: &Queues, caches: &Caches, grant: &CachedGrant, itself: bool) {
    let account = |grant: &CachedGrant| grant.0.as_ref().ok().map(|grant| grant.spec.account.clone());
    let own = account(grant);
    look_at_grants(queues, caches, |other| {
        let is_itself = other.name_any() == grant.name_any();
        other.namespace() == grant.namespace() && if is_itself { itself } else { account(other) == own }
    });
}

/// Whether a change of a grant's status bears on what those beside it say.
pub fn bears_beside(before: Option<&CachedGrant>, now: Option<&CachedGrant>) -> bool {
    let [before, now] = [before, now].map(|grant| grant.and_then(|grant| grant.0.as_ref().ok()).map(bears_on_others));
    before != now
}
