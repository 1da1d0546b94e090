//! The changes that make a grant true, in an order of which every prefix is safe.
//!
//! First it is taken from whom nobody wants to have it any more. Then the policies become what they shall be, one after
//! another ([`super::order`]): whoever keeps the grant can do at every moment what both old and new let them do, and never
//! more than one of them does. A policy is attached to whoever is new once it says nothing that is not wanted.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_api::Reason;
use crossrole_iam::quota;

use super::change::{GrantChange, GrantPlan};
use super::desired::{DesiredGrant, Part, document_of, pairs_in};
use super::grantee::{Holder, HolderKind};
use super::observed::{ObservedGrant, ObservedPolicy};
use super::order::{self, Given, Step};
use crate::owner::{Holder as Whose, Owner};
use crate::refusal::Refusal;

/// Unique ids of policies that this process saw with our tags: one whose tags somebody took off is ours all the same.
pub type Seen = BTreeSet<String>;

/// The changes that make a grant true.
///
/// # Errors
/// A policy of its name that is not its own, or more policies than anybody can hold.
pub fn converge(desired: &DesiredGrant, observed: &ObservedGrant, seen: &Seen) -> Result<GrantPlan, Refusal> {
    let parts = desired.parts();
    if parts.len() > quota::GROUP_MANAGED_POLICIES {
        return Err(Refusal::of_field(
            Reason::QuotaExceeded,
            "spec.roles",
            format!(
                "{} roles need {} policies, and a group holds at most {}: select fewer roles",
                desired.roles.len(),
                parts.len(),
                quota::GROUP_MANAGED_POLICIES
            ),
        ));
    }
    for part in &parts {
        if let Some(found) = observed.policies.get(&part.number) {
            check_holder(found, &desired.owner, seen)?;
        }
    }
    check_paths(desired, observed)?;
    let ours = own(&desired.owner, observed, seen);
    let mut changes = Vec::new();
    for policy in ours.values() {
        changes.extend(detached(policy, |holder| !desired.holders.contains(holder)));
    }
    let given = ours.iter().map(|(number, policy)| (*number, given_by(policy, desired)));
    let kept = parts.iter().map(|part| match ours.get(&part.number) {
        Some(policy) => kept(policy, part, desired, observed),
        None => made(part, desired, observed),
    });
    let is_part = |number: &u32| parts.iter().any(|part| part.number == *number);
    let surplus = ours.iter().filter(|(number, _)| !is_part(number));
    let surplus = surplus.map(|(number, policy)| removed(*number, policy, desired));
    let steps: Vec<Step> = kept.chain(surplus).collect();
    changes.extend(order::in_order(steps, given.collect(), &desired.pairs()));
    Ok(GrantPlan { changes })
}

/// Why a grant is not whole although nothing refuses it: a role that it is given to is not there. Nothing was attached to it.
pub fn lacking(desired: &DesiredGrant, observed: &ObservedGrant) -> Option<Refusal> {
    let mut holders = desired.holders.iter();
    let lacking = holders.find(|holder| !is_there(desired, observed, holder))?;
    Some(Refusal::of_field(
        Reason::GranteeNotFound,
        "spec.to.roles",
        format!("the {lacking} is not there: nothing is given to it; make it, or take it out"),
    ))
}

/// What a policy gives to those who shall have it, once it was taken from the others.
fn given_by(policy: &ObservedPolicy, desired: &DesiredGrant) -> Given {
    Given {
        pairs: policy.document.document().and_then(pairs_in),
        holders: policy.holders.intersection(&desired.holders).cloned().collect(),
    }
}

fn made(part: &Part, desired: &DesiredGrant, observed: &ObservedGrant) -> Step {
    let create = GrantChange::CreatePolicy {
        number: part.number,
        name: part.name.clone(),
        arn: part.arn.clone(),
        document: part.document.clone(),
        tags: desired.owner.tags(),
    };
    attached(part, desired, observed, vec![create], &BTreeSet::new())
}

fn kept(policy: &ObservedPolicy, part: &Part, desired: &DesiredGrant, observed: &ObservedGrant) -> Step {
    let mut changes = if policy.document.means(&part.document) {
        policy.older.iter().map(|version| without(policy, version)).collect()
    } else {
        rewritten(policy, &part.document)
    };
    let tags = desired.owner.tags();
    if tags.iter().any(|(key, value)| policy.tags.get(key) != Some(value)) {
        changes.push(GrantChange::Tag {
            arn: policy.arn.clone(),
            tags,
        });
    }
    attached(part, desired, observed, changes, &policy.holders)
}

/// These changes, and then whoever lacks the policy gets it.
fn attached(
    part: &Part,
    desired: &DesiredGrant,
    observed: &ObservedGrant,
    mut changes: Vec<GrantChange>,
    held: &BTreeSet<Holder>,
) -> Step {
    let holders = desired.holders.iter();
    let holders: BTreeSet<Holder> = holders
        .filter(|holder| held.contains(*holder) || is_there(desired, observed, holder))
        .cloned()
        .collect();
    let lacking = holders.iter().filter(|holder| !held.contains(*holder));
    changes.extend(lacking.map(|holder| GrantChange::Attach {
        arn: part.arn.clone(),
        holder: holder.clone(),
    }));
    let pairs = pairs_in(&part.document);
    Step {
        number: part.number,
        changes,
        after: Some(Given { pairs, holders }),
    }
}

fn removed(number: u32, policy: &ObservedPolicy, desired: &DesiredGrant) -> Step {
    // Whom nobody wants any more it was taken from already.
    let mut changes = detached(policy, |holder| desired.holders.contains(holder));
    changes.extend(deleted(policy));
    Step {
        number,
        changes,
        after: None,
    }
}

/// Of the changes that make a grant true those that only take away, for a grant that is refused: who is no longer named
/// is detached, and what is no longer selected goes. Nothing comes, not even what was taken away by hand.
pub fn narrow(desired: &DesiredGrant, observed: &ObservedGrant, seen: &Seen) -> GrantPlan {
    let wanted = desired.pairs();
    let stays = |holder: &Holder| desired.holders.contains(holder) && !is_elsewhere(desired, observed, holder);
    let mut changes = Vec::new();
    for policy in own(&desired.owner, observed, seen).values() {
        changes.extend(detached(policy, |holder| !stays(holder)));
        let held = policy.document.document().and_then(pairs_in);
        let kept = held
            .as_ref()
            .map(|held| held.intersection(&wanted).cloned().collect::<BTreeSet<_>>());
        if held == kept && held.is_some() {
            continue;
        }
        match kept.as_ref().and_then(document_of) {
            Some(document) => changes.extend(rewritten(policy, &document)),
            None => {
                changes.extend(detached(policy, stays));
                changes.extend(deleted(policy));
            }
        }
    }
    GrantPlan { changes }
}

/// The changes that remove a grant. A policy that is not its own is left alone.
pub fn leave(owner: &Owner, observed: &ObservedGrant, seen: &Seen) -> GrantPlan {
    let policies = own(owner, observed, seen);
    let detaching = policies.values().flat_map(|policy| detached(policy, |_| true));
    let deleting = policies.values().flat_map(|policy| deleted(policy));
    GrantPlan {
        changes: detaching.chain(deleting).collect(),
    }
}

/// The policies that are the grant's own.
pub(super) fn own<'a>(owner: &Owner, observed: &'a ObservedGrant, seen: &Seen) -> BTreeMap<u32, &'a ObservedPolicy> {
    let policies = observed.policies.iter();
    policies
        .filter(|(_, policy)| matches!(whose(policy, owner, seen), Whose::Us | Whose::UsWithoutTags))
        .map(|(number, policy)| (*number, policy))
        .collect()
}

fn whose(policy: &ObservedPolicy, owner: &Owner, seen: &Seen) -> Whose {
    owner.holder(&policy.tags, &policy.id, seen.get(&policy.id).map(String::as_str))
}

fn check_holder(policy: &ObservedPolicy, owner: &Owner, seen: &Seen) -> Result<(), Refusal> {
    let whose = match whose(policy, owner, seen) {
        Whose::Us | Whose::UsWithoutTags => return Ok(()),
        Whose::Object(object) => format!("belongs to {object}"),
        Whose::Cluster(cluster, object) => format!("belongs to {object} of the cluster {cluster}"),
        Whose::Nobody => "was not made by crossrole".to_string(),
    };
    Err(Refusal::new(
        Reason::ForeignPolicy,
        format!(
            "{} {whose} and was not touched: choose another name for the AssumeRoleGrant, or remove that policy",
            policy.arn
        ),
    ))
}

/// Whether a policy can be attached: a role must have been seen where it was allowed, for IAM attaches by the name alone.
fn is_there(desired: &DesiredGrant, observed: &ObservedGrant, holder: &Holder) -> bool {
    let name = holder.name.to_ascii_lowercase();
    let allowed = desired.role_paths.get(&name);
    holder.kind != HolderKind::Role || (allowed.is_some() && allowed == observed.role_paths.get(&name))
}

/// Whether it is a role of the name that was allowed, at another path.
fn is_elsewhere(desired: &DesiredGrant, observed: &ObservedGrant, holder: &Holder) -> bool {
    let name = holder.name.to_ascii_lowercase();
    let (allowed, found) = (desired.role_paths.get(&name), observed.role_paths.get(&name));
    holder.kind == HolderKind::Role && allowed.zip(found).is_some_and(|(allowed, found)| allowed != found)
}

// A role of that name can be one that crossrole makes.
fn check_paths(desired: &DesiredGrant, observed: &ObservedGrant) -> Result<(), Refusal> {
    for (name, path) in &desired.role_paths {
        if let Some(found) = observed.role_paths.get(name).filter(|found| *found != path) {
            return Err(Refusal::of_field(
                Reason::GrantNotAllowed,
                "spec.to.roles",
                format!("the role {name} is at {found}, and {path} was allowed: nothing is given to it"),
            ));
        }
    }
    Ok(())
}

fn detached(policy: &ObservedPolicy, leaves: impl Fn(&Holder) -> bool) -> Vec<GrantChange> {
    let leaving = policy.holders.iter().filter(|holder| leaves(holder));
    leaving
        .map(|holder| GrantChange::Detach {
            arn: policy.arn.clone(),
            holder: holder.clone(),
        })
        .collect()
}

/// Once nobody holds it.
fn deleted(policy: &ObservedPolicy) -> Vec<GrantChange> {
    let mut changes: Vec<GrantChange> = policy.older.iter().map(|version| without(policy, version)).collect();
    changes.push(GrantChange::DeletePolicy {
        arn: policy.arn.clone(),
    });
    changes
}

/// A new version, and none beside it: an older one could be put in force again by whoever may do no more than that.
fn rewritten(policy: &ObservedPolicy, document: &crossrole_iam::Document) -> Vec<GrantChange> {
    let is_full = policy.older.len() + 1 >= quota::MANAGED_POLICY_VERSIONS;
    let first = policy.older.first().filter(|_| is_full);
    let later = policy.older.iter().skip(usize::from(is_full));
    let mut changes: Vec<GrantChange> = first.map(|version| without(policy, version)).into_iter().collect();
    changes.push(GrantChange::CreateVersion {
        arn: policy.arn.clone(),
        document: document.clone(),
    });
    changes.extend(later.chain([&policy.version]).map(|version| without(policy, version)));
    changes
}

fn without(policy: &ObservedPolicy, version: &str) -> GrantChange {
    GrantChange::DeleteVersion {
        arn: policy.arn.clone(),
        version: version.to_string(),
    }
}
