//! The changes that make a grant true, in an order of which every prefix is safe.
//!
//! First goes what nobody may hold any more, then what nobody may do any more, and only then does anything come: whoever
//! is new finds a policy in which all that is old is gone. A document names one role or more, and documents add up, so
//! whoever keeps the grant can do at every moment what old or new let them do, and what both let them do is
//! interrupted only where a role moves out of a policy that must lose another at the same time.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_api::Reason;
use crossrole_iam::quota;

use super::change::{GrantChange, GrantPlan};
use super::desired::{DesiredGrant, Part, document_of, pairs_in};
use super::grantee::{Holder, HolderKind};
use super::observed::{ObservedGrant, ObservedPolicy};
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
    let wanted = desired.pairs();
    let is_wanted = |policy: &ObservedPolicy| {
        let document = policy.document.document();
        let pairs = document.and_then(pairs_in);
        pairs.is_some_and(|pairs| pairs.is_subset(&wanted))
    };
    let by_number: BTreeMap<u32, &Part> = parts.iter().map(|part| (part.number, part)).collect();
    let (kept, surplus): (Vec<_>, Vec<_>) = ours
        .iter()
        .partition::<Vec<(&u32, &&ObservedPolicy)>, _>(|(number, _)| by_number.contains_key(*number));
    let (moved, unwanted): (Vec<_>, Vec<_>) = surplus.into_iter().partition(|(_, policy)| is_wanted(policy));

    let mut changes = Vec::new();
    for policy in ours.values() {
        changes.extend(detached(policy, |holder| !desired.holders.contains(holder)));
    }
    // Whom nobody wants any more was detached above.
    let rest = |policy: &ObservedPolicy| detached(policy, |holder| desired.holders.contains(holder));
    for (_, policy) in unwanted {
        changes.extend(rest(policy));
        changes.extend(deleted(policy));
    }
    let written = |takes_away: bool| {
        let differing = kept.iter().filter_map(|(number, policy)| {
            let part = by_number.get(*number)?;
            let differs = !policy.document.means(&part.document);
            (differs && takes_away != is_wanted(policy)).then_some((*policy, *part))
        });
        differing
            .flat_map(|(policy, part)| versioned(policy, part))
            .collect::<Vec<_>>()
    };
    changes.extend(written(true));
    changes.extend(written(false));
    let tags = desired.owner.tags();
    for part in parts.iter().filter(|part| !ours.contains_key(&part.number)) {
        changes.push(GrantChange::CreatePolicy {
            number: part.number,
            name: part.name.clone(),
            arn: part.arn.clone(),
            document: part.document.clone(),
            tags: tags.clone(),
        });
    }
    for (number, policy) in &kept {
        let lacks = tags.iter().any(|(key, value)| policy.tags.get(key) != Some(value));
        if lacks {
            changes.push(GrantChange::Tag {
                arn: policy.arn.clone(),
                tags: tags.clone(),
            });
        }
        let is_right = by_number
            .get(*number)
            .is_some_and(|part| policy.document.means(&part.document));
        if is_right {
            changes.extend(policy.older.iter().map(|version| without(policy, version)));
        }
    }
    for part in &parts {
        let held = ours.get(&part.number).map(|policy| &policy.holders);
        for holder in &desired.holders {
            if !held.is_some_and(|held| held.contains(holder)) {
                changes.push(GrantChange::Attach {
                    arn: part.arn.clone(),
                    holder: holder.clone(),
                });
            }
        }
    }
    // What they allow is allowed elsewhere by now.
    for (_, policy) in moved {
        changes.extend(rest(policy));
        changes.extend(deleted(policy));
    }
    Ok(GrantPlan { changes })
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
fn own<'a>(owner: &Owner, observed: &'a ObservedGrant, seen: &Seen) -> BTreeMap<u32, &'a ObservedPolicy> {
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

/// Whether it is a role of the name that was allowed, at another path: IAM attaches by the name alone.
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

fn versioned(policy: &ObservedPolicy, part: &Part) -> Vec<GrantChange> {
    rewritten(policy, &part.document)
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
