//! The changes from what is observed to what is desired, in an order of which every prefix is safe.
//!
//! *Safe* means: a principal that assumes the role after any prefix can do nothing that neither the old nor the new
//! declaration let that same principal do. The order is
//!
//! 1. our own tags, where somebody took them off: without them nobody knows later whose the role is (where trust is closed
//!    for good, that comes first);
//! 2. trust shrinks, to the statements that old and new share, or to nobody;
//! 3. permissions, boundary, tags and session duration change (`order` says how);
//! 4. trust widens to what is declared.
//!
//! Whoever is taken out of the trust policy is out after the first change of trust, whatever fails later.
//!
//! Our own policies that end sessions only take away, so they do not wait for the rest. `AWSRevokeOlderSessions` goes
//! before trust: once trust has changed, nobody could tell any more that somebody was taken out. `crossrole-closed` goes
//! right after trust is closed.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crossrole_iam::document::Document;
use crossrole_iam::quota::ROLE_INLINE_POLICIES_SIZE;
use crossrole_iam::{Arn, PolicyName};

use crate::admission;
use crate::change::{Change, NewRole, TrustStep};
use crate::desired::Desired;
use crate::lifecycle::{self, CLOSED_POLICY};
use crate::observed::{ObservedDocument, ObservedRole};
use crate::order;
use crate::owner::Owner;
use crate::policy_change::PolicyChange;
use crate::tags;
use crate::trust;

/// The changes that make a role where there is none.
pub fn create(desired: &Desired) -> Vec<Change> {
    let policies = desired
        .inline
        .iter()
        .map(|(name, document)| PolicyChange::new(name.clone(), None, Some(document.clone())))
        .collect();
    let permissions = order::Permissions {
        attach: desired.attached.clone(),
        ..order::Permissions::of_policies(policies)
    };
    let is_closed = desired.trust.means_the_same_as(&trust::closed());
    let opens_last = permissions.needs_closed_trust() && !is_closed;
    let trust = if opens_last {
        trust::closed()
    } else {
        desired.trust.clone()
    };
    let mut changes = vec![Change::CreateRole(Box::new(NewRole {
        path: desired.path.clone(),
        trust,
        description: desired.description.clone(),
        max_session: desired.max_session,
        boundary: desired.boundary.clone(),
        tags: desired.all_tags(),
    }))];
    let made = changes.len();
    changes.extend(permissions.ordered());
    permissions.end_sessions(&mut changes, made);
    if opens_last {
        changes.push(Change::UpdateTrust {
            document: desired.trust.clone(),
            step: TrustStep::Declared,
        });
    }
    changes
}

/// The changes that make a role true that is there already.
pub fn update(observed: &ObservedRole, desired: &Desired) -> Vec<Change> {
    let mut permissions = permission_changes(observed, desired);
    let mut changes = Vec::new();
    let mut missing = tags::missing(&observed.tags, &desired.owner.tags());
    if !tags::have_room_for(&observed.tags, &missing) {
        // Others have used up the quota. Ours go on when theirs are off.
        permissions.tag.append(&mut missing);
    }
    let tags = (!missing.is_empty()).then_some(Change::Tag(missing));
    let (first, last) = trust_changes(observed, desired, &permissions);
    let closes = desired.trust.means_the_same_as(&trust::closed());
    // Nothing that can fail stands before the end of access.
    let (tags_first, tags_last) = if closes { (None, tags) } else { (tags, None) };
    changes.extend(tags_first);
    let before_trust = changes.len();
    changes.extend(first);
    let earliest = if closes || permissions.end_more_than_sessions() {
        changes.len()
    } else {
        before_trust
    };
    changes.extend(permissions.ordered());
    // While a role is closed nobody gets a session. What revokes those from before comes right before the denial goes, or
    // each look would revoke anew as long as something else fails.
    let reopens = |change: &Change| matches!(change, Change::DeleteInline(name) if name.as_str() == CLOSED_POLICY);
    let lifted = changes.iter().position(reopens);
    let stays_closed = lifecycle::is_closed_for_good(observed);
    let earliest = lifted.filter(|_| stays_closed).map_or(earliest, |at| earliest.max(at));
    permissions.end_sessions(&mut changes, earliest);
    changes.extend(last);
    changes.extend(tags_last);
    changes
}

/// The changes that close a role and leave the rest of it as it is. What it may do is not what is declared, for the class
/// no longer allows that; but the boundary is the class's, and without it the denial could not be written.
pub fn close(observed: &ObservedRole, owner: &Owner, boundary: Option<&Arn>) -> Vec<Change> {
    let mut changes = Vec::new();
    if !observed.trust.means(&trust::closed()) {
        changes.push(Change::UpdateTrust {
            document: trust::closed(),
            step: TrustStep::Declared,
        });
    }
    if let Ok(name) = CLOSED_POLICY.parse() {
        changes.extend(deny(observed, name, lifecycle::closing(), boundary, true));
    }
    // Nothing that can fail stands before the end of access, but whose the role is must be known to whoever comes later.
    let missing = tags::missing(&observed.tags, &owner.tags());
    if !missing.is_empty() && tags::have_room_for(&observed.tags, &missing) {
        changes.push(Change::Tag(missing));
    }
    changes
}

/// The changes that put a policy which only denies on a role, and provide what it needs: the class's boundary, without which
/// the bootstrap role may write no policy, and room. A role that is closed may lose denials for it, too. Another one must
/// not have its boundary swapped: whoever plans that closes it first.
pub(crate) fn deny(
    observed: &ObservedRole,
    name: PolicyName,
    document: Document,
    boundary: Option<&Arn>,
    is_closed: bool,
) -> Vec<Change> {
    let found = observed.inline.get(&name);
    if found.is_some_and(|found| found.means(&document)) {
        return Vec::new();
    }
    let mut changes = Vec::new();
    if let Some(boundary) = boundary
        && observed.boundary.as_ref() != Some(boundary)
    {
        changes.push(Change::PutBoundary(boundary.clone()));
    }
    let found_size = found.map_or(0, ObservedDocument::size);
    changes.extend(room_for(document.size(), found_size, observed, &name, is_closed));
    changes.push(Change::PutInline { name, document });
    changes
}

/// What must go so that a denial of this size has room in place of the one that is found: policies that allow before those
/// that deny, large ones first. While the role can be assumed, no denial goes, so that there may be no room all the same.
fn room_for(size: usize, found: usize, observed: &ObservedRole, denial: &PolicyName, is_closed: bool) -> Vec<Change> {
    let all: usize = observed.inline.values().map(ObservedDocument::size).sum();
    let mut total = size + all - found;
    let mut others: Vec<_> = observed
        .inline
        .iter()
        .filter(|(name, document)| *name != denial && (is_closed || !document.may_deny()))
        .collect();
    others.sort_by_key(|(_, document)| (document.may_deny(), Reverse(document.size())));
    let mut changes = Vec::new();
    for (name, document) in others {
        if total <= ROLE_INLINE_POLICIES_SIZE {
            break;
        }
        total -= document.size();
        changes.push(Change::DeleteInline(name.clone()));
    }
    changes
}

fn permission_changes(observed: &ObservedRole, desired: &Desired) -> order::Permissions {
    let names: BTreeSet<_> = observed.inline.keys().chain(desired.inline.keys()).collect();
    let policies = names
        .into_iter()
        .filter_map(|name| match (observed.inline.get(name), desired.inline.get(name)) {
            (Some(before), Some(after)) if before.means(after) => None,
            (before, after) => Some(PolicyChange::new(name.clone(), before, after.cloned())),
        })
        .collect();
    let session =
        (observed.max_session != desired.max_session || observed.description != desired.description).then(|| {
            order::SessionChange {
                description: desired.description.clone(),
                before: observed.max_session,
                after: desired.max_session,
            }
        });
    order::Permissions {
        inline_total: observed.inline.values().map(ObservedDocument::size).sum(),
        attach: desired.attached.difference(&observed.attached).cloned().collect(),
        detach: observed.attached.difference(&desired.attached).cloned().collect(),
        boundary: boundary_change(observed.boundary.as_ref(), desired.boundary.as_ref()),
        tag: tags::missing(&observed.tags, &desired.tags),
        untag: tags::surplus(&observed.tags, &desired.tags),
        tags_are_read: tags::are_read_by_policies(observed, desired) || tags::are_read_by_trust(observed, desired),
        tags_admit: tags::take_somebody_out(observed, desired),
        session,
        ..order::Permissions::of_policies(policies)
    }
}

fn boundary_change(before: Option<&Arn>, after: Option<&Arn>) -> Option<order::BoundaryChange> {
    match (before, after) {
        (None, Some(after)) => Some(order::BoundaryChange::First(after.clone())),
        (Some(before), Some(after)) if before != after => Some(order::BoundaryChange::Swap(after.clone())),
        (Some(_), None) => Some(order::BoundaryChange::Gone),
        _ => None,
    }
}

/// The change of trust that goes first, and the one that goes last.
fn trust_changes(
    observed: &ObservedRole,
    desired: &Desired,
    permissions: &order::Permissions,
) -> (Option<Change>, Option<Change>) {
    let (before, after) = (&observed.trust, &desired.trust);
    let change = |document: &Document, step| {
        Some(Change::UpdateTrust {
            document: document.clone(),
            step,
        })
    };
    let declared = || change(after, TrustStep::Declared);
    let is_closed = before.means(&trust::closed());
    let closed_meanwhile = || {
        if is_closed {
            (None, declared())
        } else {
            (change(&trust::closed(), TrustStep::Closed), declared())
        }
    };
    if before.means(after) {
        // Were trust not closed until then, the next look could not tell that other tags took somebody out.
        let remembers =
            permissions.tags_admit && desired.lifecycle.revoke_on_tighten && permissions.end_sessions_late();
        let closes = (permissions.needs_closed_trust() || remembers) && !is_closed;
        return if closes { closed_meanwhile() } else { (None, None) };
    }
    if after.means_the_same_as(&trust::closed()) {
        return (declared(), None);
    }
    // Whom other tags take out is out with the first change of trust, as everybody else is.
    if permissions.needs_closed_trust() || permissions.tags_admit {
        return closed_meanwhile();
    }
    // Whom nobody can be any more is let in by no trust policy, and stands in the way of none.
    let alive = before.document().map(Document::without_dead_principals);
    let widens = alive
        .as_ref()
        .is_some_and(|before| admission::admits_no_more(before, after));
    if (is_closed || !widens) && desired.lifecycle.revoke_on_tighten && permissions.end_sessions_late() {
        // Were trust not closed until then, the next look could not tell that somebody was taken out, should this one fail.
        return closed_meanwhile();
    }
    let Some(before) = &alive else {
        return if permissions.change_what_a_session_can_do() {
            closed_meanwhile()
        } else {
            (declared(), None)
        };
    };
    if widens {
        return (None, declared());
    }
    if admission::admits_no_more(after, before) {
        return (declared(), None);
    }
    // Whoever is taken out is out by a change of its own: AWS may refuse those whom the other one lets in.
    match admission::shared(before, after) {
        Some(shared) if observed.trust.means(&shared) => (None, declared()),
        None if !permissions.change_what_a_session_can_do() && !desired.lifecycle.revoke_on_tighten => {
            (declared(), None)
        }
        Some(shared) => (change(&shared, TrustStep::Shared), declared()),
        None => closed_meanwhile(),
    }
}
