//! Law 5: no change can be left out.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_api::names::REVOKE_OLDER_SESSIONS_POLICY;
use crossrole_api::role::DeletionPolicy;
use crossrole_iam::document::{CanonicalStatement, Document, Effect, Statement};
use crossrole_iam::{PolicyName, quota};
use proptest::prelude::*;

use super::declared::{self, holds};
use super::evaluator::Powers;
use super::moments::beginning;
use super::{cases, converge, generator, late_exit, leave, states, unsafe_prefix};
use crate::change::{Change, Plan, TrustStep};
use crate::desired::Desired;
use crate::effect::apply_all;
use crate::observed::{Observed, ObservedDocument, ObservedRole};
use crate::quota::Quotas;

proptest! {
    #![proptest_config(cases(1000))]

    /// A step of trust that only guards the order, and a policy that is away while the boundary is swapped, are judged
    /// by statement: a finer look may find that the statements at stake allow the same. For those it is enough that the
    /// plan's own criterion asked for them, which [`asked_for`] states anew.
    #[test]
    fn law_5_no_change_can_be_left_out((desired, observed) in generator::desired_and_observed()) {
        let now = beginning();
        let plan = converge(&desired, &observed, now);
        let end = states(&plan, &desired, &observed)?.pop().unwrap();
        let (old, new) = (Powers::of(&observed, now), Powers::of(&end, now));
        for left_out in 0..plan.changes.len() {
            let mut rest = plan.changes.clone();
            let change = rest.remove(left_out);
            let rest = Plan { role: plan.role.clone(), changes: rest };
            let Ok(states) = states(&rest, &desired, &observed) else {
                continue;
            };
            let needed = !holds(states.last().unwrap(), &desired, &observed, now)
                || asked_for(&change, &plan, &desired, &observed)
                || unsafe_prefix(&rest.changes, &states, &old, &new, now).is_some()
                || late_exit(&rest.changes, &states, &new, now);
            prop_assert!(needed, "{change} can be left out of\n{plan}");
        }
    }
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn law_5_no_change_of_a_removal_can_be_left_out((desired, role) in generator::desired_and_present()) {
        let observed = Observed::Present(Box::new(role.clone()));
        let plan = leave(&desired, &observed, DeletionPolicy::Delete);
        let mixed = role.inline.values().filter(|document| document.may_allow() && document.may_deny()).count();
        for left_out in 0..plan.changes.len() {
            let mut rest = plan.changes.clone();
            let change = rest.remove(left_out);
            let end = apply_all(&rest, &plan.role, &observed, &Quotas::default());
            let guards = matches!(change, Change::UpdateTrust { .. }) && mixed > 1;
            prop_assert!(end != Ok(Observed::Absent) || guards, "{change} can be left out of\n{plan}");
        }
    }
}

/// Whether the plan's own criterion asks for a change.
fn asked_for(change: &Change, plan: &Plan, desired: &Desired, observed: &Observed) -> bool {
    // What is declared at this time.
    let desired = &Desired {
        trust: declared::trust(desired, beginning()),
        inline: declared::inline(desired, beginning()),
        ..desired.clone()
    };
    let Observed::Present(role) = observed else {
        // A role that is made with closed trust: more than one document both allows and denies.
        return matches!(change, Change::UpdateTrust { .. });
    };
    match change {
        Change::UpdateTrust {
            step: TrustStep::Shared,
            ..
        } => {
            let Some(before) = role.trust.document() else {
                return false;
            };
            let (was, shall) = (
                of_effect(before, Effect::Allow),
                of_effect(&desired.trust, Effect::Allow),
            );
            let (denied, denies) = (of_effect(before, Effect::Deny), of_effect(&desired.trust, Effect::Deny));
            let narrows = !was.is_subset(&shall) || !denies.is_subset(&denied);
            let widens = !shall.is_subset(&was) || !denied.is_subset(&denies);
            narrows && widens
        }
        Change::UpdateTrust {
            step: TrustStep::Closed,
            ..
        } => may_need_closing(desired, role) || revokes_late(plan, desired, role),
        // Whom a change of trust takes out, and whether the trust of a closed role lets anybody in, is judged by statement.
        Change::PutInline { name, .. } => {
            let judged = desired.lifecycle.revoke_on_tighten || declared::reopens_to_a_hand(observed, beginning());
            name.as_str() == REVOKE_OLDER_SESSIONS_POLICY && judged
        }
        Change::DeleteInline(name) => {
            let swaps = swaps_boundary(desired, role);
            let loses = match (
                role.inline.get(name).map(ObservedDocument::document),
                desired.inline.get(name),
            ) {
                (Some(Some(before)), Some(after)) => {
                    let (before, after) = (of_effect(before, Effect::Allow), of_effect(after, Effect::Allow));
                    !before.is_subset(&after)
                }
                (Some(None), Some(_)) => true,
                _ => false,
            };
            swaps && loses
        }
        _ => false,
    }
}

fn of_effect(document: &Document, effect: Effect) -> BTreeSet<CanonicalStatement> {
    document
        .statements
        .iter()
        .filter(|one| one.effect == effect)
        .map(Statement::canonical)
        .collect()
}

/// Whether a policy or trust hangs on the role's tags, and these change.
fn tags_are_at_stake(desired: &Desired, role: &ObservedRole) -> bool {
    let found = role
        .inline
        .values()
        .map(|found| found.document().map(Document::to_json));
    let wanted = desired.inline.values().map(|document| Some(document.to_json()));
    let reads = |text: Option<String>| text.is_none_or(|text| text.contains("aws:PrincipalTag"));
    let counts = |key: &str| !key.starts_with("aws:") && !key.starts_with("crossrole.dev/");
    let folded = |tags: &BTreeMap<String, String>| -> BTreeMap<String, String> {
        let folded = tags.iter().map(|(key, value)| (key.to_lowercase(), value.clone()));
        folded.filter(|(key, _)| counts(key)).collect()
    };
    let trusts = [
        role.trust.document().map(Document::to_json),
        Some(desired.trust.to_json()),
    ];
    let read_by_trust = trusts.into_iter().flatten().any(|text| text.contains(":ResourceTag/"));
    (read_by_trust || found.chain(wanted).any(reads)) && folded(&role.tags) != folded(&desired.tags)
}

/// Whether trust may have to be closed at all: something cannot be read, tags change on which a policy or trust hangs, a Deny comes or goes, one stays in a policy
/// that changes while the boundary is swapped, old and new trust share nothing or nothing that can be written, or a
/// quota does not hold old and new at once.
fn may_need_closing(desired: &Desired, role: &ObservedRole) -> bool {
    let Some(trust) = role.trust.document() else {
        return true;
    };
    let swaps = swaps_boundary(desired, role);
    let deny_is_at_stake = |name: &&PolicyName| {
        let (before, after) = (role.inline.get(*name), desired.inline.get(*name));
        let readable = before.is_none_or(|document| document.document().is_some());
        let was = before
            .and_then(ObservedDocument::document)
            .map(|document| of_effect(document, Effect::Deny));
        let shall = after.map(|document| of_effect(document, Effect::Deny));
        let (was, shall) = (was.unwrap_or_default(), shall.unwrap_or_default());
        !readable || was != shall || (swaps && !shall.is_empty())
    };
    let is_unreadable = |name: &PolicyName| role.inline.get(name).is_some_and(|found| found.document().is_none());
    let names: BTreeSet<_> = role.inline.keys().chain(desired.inline.keys()).collect();
    let at_once = role.inline.values().map(ObservedDocument::size).sum::<usize>()
        + desired.inline.values().map(Document::size).sum::<usize>();
    names
        .iter()
        .filter(|name| name.as_str() != REVOKE_OLDER_SESSIONS_POLICY || is_unreadable(name))
        .any(deny_is_at_stake)
        || tags_are_at_stake(desired, role)
        || at_once > quota::ROLE_INLINE_POLICIES_SIZE
        || of_effect(trust, Effect::Allow).is_disjoint(&of_effect(&desired.trust, Effect::Allow))
        || !trust.dead_principals().is_empty()
        || trust.size() + desired.trust.size() > quota::TRUST_POLICY_SIZE
}

/// Whether sessions are revoked only once the boundary is there. Trust is closed meanwhile: where the boundary is swapped,
/// and where that keeps in mind that sessions are to be revoked.
fn revokes_late(plan: &Plan, desired: &Desired, role: &ObservedRole) -> bool {
    let revokes = |change: &Change| matches!(change, Change::PutInline { name, .. } if name.as_str() == REVOKE_OLDER_SESSIONS_POLICY);
    let waits = desired.lifecycle.revoke_on_tighten || swaps_boundary(desired, role);
    waits && desired.boundary != role.boundary && plan.changes.iter().any(revokes)
}

fn swaps_boundary(desired: &Desired, role: &ObservedRole) -> bool {
    matches!((&role.boundary, &desired.boundary), (Some(old), Some(new)) if old != new)
}
