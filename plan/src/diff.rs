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
use crossrole_iam::document::{Document, Effect, Statement};

use crate::change::{Change, NewRole, TrustStep};
use crate::desired::Desired;
use crate::observed::{ObservedDocument, ObservedRole};
use crate::order::{self, PolicyChange};
use crate::trust;

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
    let trust = if entangled { trust::closed() } else { desired.trust.clone() };
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
        changes.push(Change::UpdateTrust { document: desired.trust.clone(), step: TrustStep::Declared });
    }
    changes
}

/// The changes that make a role true that is there already.
pub fn update(observed: &ObservedRole, desired: &Desired) -> Vec<Change> {
    let permissions = permission_changes(observed, desired);
    let mut changes = Vec::new();
    let missing = missing_tags(&observed.tags, &desired.owner.tags());
    if !missing.is_empty() {
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
    names.retain(|name| name.as_str() != REVOKE_OLDER_SESSIONS_POLICY);
    let policies = names
        .into_iter()
        .filter_map(|name| match (observed.inline.get(name), desired.inline.get(name)) {
            (Some(before), Some(after)) if before.means(after) => None,
            (before, after) => Some(PolicyChange::new(name.clone(), before, after.cloned())),
        })
        .collect();
    let session = (observed.max_session != desired.max_session || observed.description != desired.description)
        .then(|| order::SessionChange {
            description: desired.description.clone(),
            before: observed.max_session,
            after: desired.max_session,
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
    let there: BTreeMap<String, &String> = observed.iter().map(|(key, value)| (key.to_lowercase(), value)).collect();
    wanted
        .iter()
        .filter(|(key, value)| there.get(&key.to_lowercase()) != Some(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

fn surplus_tags(observed: &BTreeMap<String, String>, wanted: &BTreeMap<String, String>) -> BTreeSet<String> {
    let wanted: BTreeSet<String> = wanted.keys().map(|key| key.to_lowercase()).collect();
    observed
        .keys()
        .filter(|key| {
            let folded = key.to_lowercase();
            !folded.starts_with("aws:") && !folded.starts_with(crossrole_api::names::PREFIX) && !wanted.contains(&folded)
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
    let declared = Change::UpdateTrust { document: after.clone(), step: TrustStep::Declared };
    let same = before.means(after);
    if permissions.needs_closed_trust() {
        let close = (!before.means(&trust::closed()))
            .then(|| Change::UpdateTrust { document: trust::closed(), step: TrustStep::Closed });
        let open = (close.is_some() || !same).then_some(declared);
        return (close, open);
    }
    if same {
        return (None, None);
    }
    if !permissions.change_what_a_session_can_do() {
        return (Some(declared), None);
    }
    let Some(before) = before.document() else {
        let close = Change::UpdateTrust { document: trust::closed(), step: TrustStep::Closed };
        return (Some(close), Some(declared));
    };
    let shared = shared_trust(before, after);
    if shared.means_the_same_as(after) {
        return (Some(declared), None);
    }
    if shared.means_the_same_as(before) {
        return (None, Some(declared));
    }
    (Some(Change::UpdateTrust { document: shared, step: TrustStep::Shared }), Some(declared))
}

/// What two trust policies share: the Allow statements of both, and every Deny of either.
fn shared_trust(before: &Document, after: &Document) -> Document {
    let allowed_before: BTreeSet<_> = of_effect(before, Effect::Allow).map(Statement::canonical).collect();
    let mut seen = BTreeSet::new();
    let mut statements: Vec<Statement> = of_effect(after, Effect::Allow)
        .filter(|statement| allowed_before.contains(&statement.canonical()))
        .cloned()
        .collect();
    if statements.is_empty() {
        return trust::closed();
    }
    let denies = of_effect(before, Effect::Deny).chain(of_effect(after, Effect::Deny));
    statements.extend(denies.filter(|statement| seen.insert(statement.canonical())).cloned());
    for statement in &mut statements {
        // Sids carry no meaning, and two documents may use the same one for different statements.
        statement.sid = None;
    }
    Document { id: None, statements }
}

fn of_effect(document: &Document, effect: Effect) -> impl Iterator<Item = &Statement> {
    document.statements.iter().filter(move |statement| statement.effect == effect)
}
