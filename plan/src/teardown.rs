//! The changes that remove a role, or let go of it.

use std::collections::BTreeSet;

use crossrole_api::role::DeletionPolicy;

use crate::change::{Change, TrustStep};
use crate::observed::{ObservedDocument, ObservedRole};
use crate::owner::Owner;
use crate::trust;

/// The changes that remove a role of ours, or let go of it.
///
/// IAM refuses to delete a role that still has instance profiles, attached or inline policies. Policies that only allow
/// go first and those that only deny go last, so that no half-removed role can do more than the whole one could; where
/// more than one both allows and denies, no order is safe and trust is closed first.
pub fn teardown(observed: &ObservedRole, owner: &Owner, policy: DeletionPolicy) -> Vec<Change> {
    match policy {
        DeletionPolicy::Retain => let_go(observed, owner),
        DeletionPolicy::Delete => remove(observed),
    }
}

fn let_go(observed: &ObservedRole, owner: &Owner) -> Vec<Change> {
    let ours = owner.tags();
    let keys: BTreeSet<String> = observed
        .tags
        .keys()
        .filter(|key| ours.keys().any(|our| our.eq_ignore_ascii_case(key)))
        .cloned()
        .collect();
    if keys.is_empty() {
        Vec::new()
    } else {
        vec![Change::Untag(keys)]
    }
}

fn remove(observed: &ObservedRole) -> Vec<Change> {
    let of = |wanted: fn(&ObservedDocument) -> bool| {
        observed
            .inline
            .iter()
            .filter(move |(_, document)| wanted(document))
            .map(|(name, _)| Change::DeleteInline(name.clone()))
    };
    let both: Vec<Change> = of(|document| document.may_deny() && document.may_allow()).collect();
    let mut changes = Vec::new();
    if both.len() > 1 && !observed.trust.means(&trust::closed()) {
        changes.push(Change::UpdateTrust {
            document: trust::closed(),
            step: TrustStep::Closed,
        });
    }
    changes.extend(
        observed
            .instance_profiles
            .iter()
            .cloned()
            .map(Change::LeaveInstanceProfile),
    );
    changes.extend(observed.attached.iter().cloned().map(Change::Detach));
    changes.extend(of(|document| !document.may_deny()));
    changes.extend(both);
    changes.extend(of(|document| document.may_deny() && !document.may_allow()));
    changes.push(Change::DeleteRole);
    changes
}

#[cfg(test)]
mod tests;
