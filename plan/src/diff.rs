//! The changes from what is observed to what is desired, in an order of which every prefix is safe.
//!
//! *Safe* means: a principal that assumes the role after any prefix can do nothing that neither the old nor the new
//! declaration let that same principal do. The order is
//!
//! 1. our own tags, where somebody took them off: without them nobody knows later whose the role is;
//! 2. trust shrinks, to the statements that old and new share, or to nobody;
//! 3. permissions, boundary, tags and session duration change (`order` says how);
//! 4. trust widens to what is declared.
//!
//! Whoever is taken out of the trust policy is out after the first change of trust, whatever fails later.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_api::names::REVOKE_OLDER_SESSIONS_POLICY;
use crossrole_iam::Arn;
use crossrole_iam::document::{CanonicalStatement, Document, Effect, Statement};
use crossrole_iam::quota::{ROLE_TAGS, TRUST_POLICY_SIZE};

use crate::change::{Change, NewRole, TrustStep};
use crate::desired::Desired;
use crate::observed::{ObservedDocument, ObservedRole};
use crate::order::{self, PolicyChange};
use crate::trust;

/// Whether a change of trust takes somebody out, or requires more of somebody.
pub fn takes_somebody_out(before: &ObservedDocument, after: &Document) -> bool {
    let Some(before) = before.document() else { return true };
    let statements = |document: &Document, effect| -> BTreeSet<CanonicalStatement> {
        of_effect(document, effect).map(Statement::canonical).collect()
    };
    let allowed_after = statements(after, Effect::Allow);
    let denied_before = statements(before, Effect::Deny);
    !statements(before, Effect::Allow).is_subset(&allowed_after)
        || !statements(after, Effect::Deny).is_subset(&denied_before)
}

/// The changes that make a role where there is none.
pub fn create(desired: &Desired) -> Vec<Change> {
    let policies = desired
        .inline
        .iter()
        .map(|(name, document)| PolicyChange::new(name.clone(), None, Some(document.clone())))
        .collect();
    let permissions = order::Permissions {
        policies,
        attach: desired.attached.clone(),
        ..order::Permissions::default()
    };
    let entangled = permissions.needs_closed_trust();
    let trust = if entangled {
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
    changes.extend(permissions.ordered());
    if entangled {
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
    let missing = missing_tags(&observed.tags, &desired.owner.tags());
    if !has_room_for(&observed.tags, &missing) {
        // Others have used up the quota. Ours go on when theirs are off.
        permissions.tag.extend(missing);
    } else if !missing.is_empty() {
        changes.push(Change::Tag(missing));
    }
    let (first, last) = trust_changes(&observed.trust, &desired.trust, &permissions);
    changes.extend(first);
    changes.extend(permissions.ordered());
    changes.extend(last);
    changes
}

fn permission_changes(observed: &ObservedRole, desired: &Desired) -> order::Permissions {
    let mut names: BTreeSet<_> = observed.inline.keys().chain(desired.inline.keys()).collect();
    // The console puts this one there when somebody revokes sessions. It only denies, and it is not drift.
    names.retain(|name| name.as_str() != REVOKE_OLDER_SESSIONS_POLICY || desired.inline.contains_key(*name));
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
        policies,
        inline_total: observed.inline.values().map(ObservedDocument::size).sum(),
        attach: desired.attached.difference(&observed.attached).cloned().collect(),
        detach: observed.attached.difference(&desired.attached).cloned().collect(),
        boundary: boundary_change(observed.boundary.as_ref(), desired.boundary.as_ref()),
        tag: missing_tags(&observed.tags, &desired.tags),
        untag: surplus_tags(&observed.tags, &desired.tags),
        session,
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

// IAM does not tell tag keys apart by case.
fn missing_tags(observed: &BTreeMap<String, String>, wanted: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let there: BTreeMap<String, &String> = observed
        .iter()
        .map(|(key, value)| (key.to_lowercase(), value))
        .collect();
    wanted
        .iter()
        .filter(|(key, value)| there.get(&key.to_lowercase()) != Some(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

fn has_room_for(observed: &BTreeMap<String, String>, more: &BTreeMap<String, String>) -> bool {
    let keys = observed.keys().chain(more.keys()).map(|key| key.to_lowercase());
    // Tags that AWS itself puts on do not count.
    keys.filter(|key| !key.starts_with("aws:"))
        .collect::<BTreeSet<_>>()
        .len()
        <= ROLE_TAGS
}

fn surplus_tags(observed: &BTreeMap<String, String>, wanted: &BTreeMap<String, String>) -> BTreeSet<String> {
    let wanted: BTreeSet<String> = wanted.keys().map(|key| key.to_lowercase()).collect();
    observed
        .keys()
        .filter(|key| {
            let folded = key.to_lowercase();
            !folded.starts_with("aws:")
                && !folded.starts_with(crossrole_api::names::PREFIX)
                && !wanted.contains(&folded)
        })
        .cloned()
        .collect()
}

/// The change of trust that goes first, and the one that goes last.
fn trust_changes(
    before: &ObservedDocument,
    after: &Document,
    permissions: &order::Permissions,
) -> (Option<Change>, Option<Change>) {
    let change = |document: &Document, step| {
        Some(Change::UpdateTrust {
            document: document.clone(),
            step,
        })
    };
    let declared = || change(after, TrustStep::Declared);
    let close = || {
        if before.means(&trust::closed()) {
            None
        } else {
            change(&trust::closed(), TrustStep::Closed)
        }
    };
    if permissions.needs_closed_trust() {
        let first = close();
        let last = if first.is_some() || !before.means(after) {
            declared()
        } else {
            None
        };
        return (first, last);
    }
    if before.means(after) {
        return (None, None);
    }
    if !permissions.change_what_a_session_can_do() {
        return (declared(), None);
    }
    let Some(before) = before.document() else {
        return (close(), declared());
    };
    if is_within(after, before) {
        return (declared(), None);
    }
    if is_within(before, after) {
        return (None, declared());
    }
    match shared_trust(before, after) {
        Some(shared) => (change(&shared, TrustStep::Shared), declared()),
        None => (close(), declared()),
    }
}

/// Whether a trust policy admits nobody whom another does not, as far as their statements tell.
fn is_within(inner: &Document, outer: &Document) -> bool {
    meanings(inner, Effect::Allow).is_subset(&meanings(outer, Effect::Allow))
        && meanings(outer, Effect::Deny).is_subset(&meanings(inner, Effect::Deny))
}

/// What two trust policies share: the Allow statements of both, and every Deny of either. `None` where they share
/// nothing, or where IAM would not take it.
fn shared_trust(before: &Document, after: &Document) -> Option<Document> {
    let allowed_before = meanings(before, Effect::Allow);
    let mut seen = BTreeSet::new();
    let mut statements: Vec<Statement> = of_effect(after, Effect::Allow)
        .filter(|statement| allowed_before.contains(&statement.canonical()))
        .cloned()
        .collect();
    if statements.is_empty() {
        return None;
    }
    let denies = of_effect(before, Effect::Deny).chain(of_effect(after, Effect::Deny));
    statements.extend(denies.filter(|statement| seen.insert(statement.canonical())).cloned());
    for statement in &mut statements {
        // Sids carry no meaning, and two documents may use the same one for different statements.
        statement.sid = None;
    }
    let shared = Document::new(statements);
    // IAM takes no principal that was deleted, and an account's quota may be higher than usual, but holds old and new.
    let most = TRUST_POLICY_SIZE.max(before.size()).max(after.size());
    let writable = shared.dead_principals().is_empty() && shared.size() <= most;
    writable.then_some(shared)
}

fn meanings(document: &Document, effect: Effect) -> BTreeSet<CanonicalStatement> {
    of_effect(document, effect).map(Statement::canonical).collect()
}

fn of_effect(document: &Document, effect: Effect) -> impl Iterator<Item = &Statement> {
    document
        .statements
        .iter()
        .filter(move |statement| statement.effect == effect)
}
