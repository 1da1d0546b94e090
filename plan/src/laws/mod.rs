//! The laws that every plan keeps, over generated declarations and observed roles.

mod evaluator;
mod generator;
mod pools;

use std::collections::{BTreeMap, BTreeSet};

use crossrole_api::Reason;
use crossrole_api::names::{CLUSTER_TAG, OWNER_TAG, REVOKE_OLDER_SESSIONS_POLICY};
use crossrole_api::role::DeletionPolicy;
use crossrole_iam::document::{CanonicalStatement, Document, Effect, Statement};
use crossrole_iam::{PolicyName, quota};
use proptest::prelude::*;
use proptest::test_runner::Config;

use self::evaluator::Powers;
use crate::change::{Change, Plan, TrustStep};
use crate::claim::Claim;
use crate::decide::{self, Known};
use crate::desired::Desired;
use crate::effect::{apply, apply_all};
use crate::observed::{Observed, ObservedDocument, ObservedRole};

/// So many cases of one law, unless `PROPTEST_CASES` says otherwise.
fn cases(number: u32) -> Config {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    Config {
        cases: asked.unwrap_or(number),
        failure_persistence: None,
        ..Config::default()
    }
}

/// This process has seen both the role that was there and the one that it made.
fn known(observed: &Observed) -> Known<'_> {
    match observed {
        Observed::Absent => Known::default(),
        Observed::Present(role) => Known {
            seen_id: Some(&role.id),
            ..Known::default()
        },
    }
}

fn converge(desired: &Desired, observed: &Observed) -> Plan {
    let ours = Claim {
        created: 0,
        object: desired.owner.object.clone(),
    };
    decide::converge(desired, observed, &known(observed), &ours, &[]).unwrap()
}

fn leave(desired: &Desired, observed: &Observed, policy: DeletionPolicy) -> Plan {
    decide::leave(&desired.name, &desired.owner, observed, &known(observed), policy)
}

/// Values of our two tags on a role that is not ours: cluster and owner; empty where the tag is not there.
const FOREIGN: [(&str, &str); 8] = [
    ("c1", "other/audit"),
    ("c1", ""),
    ("c2", "security/audit"),
    ("c2", "other/audit"),
    ("c2", ""),
    ("", "security/audit"),
    ("", "other/audit"),
    ("", ""),
];

/// Every state from before the first change to after the last.
fn states(plan: &Plan, observed: &Observed) -> Result<Vec<Observed>, TestCaseError> {
    let mut states = vec![observed.clone()];
    for change in &plan.changes {
        let next = apply(change, &plan.role, states.last().unwrap())
            .map_err(|refused| TestCaseError::fail(format!("IAM refuses {change}: {refused:?}\n{plan}")))?;
        states.push(next);
    }
    Ok(states)
}

/// Whether an account holds what is declared. Written without the planner's own comparison.
fn holds(observed: &Observed, desired: &Desired) -> bool {
    let Observed::Present(role) = observed else {
        return false;
    };
    let folded = |tags: &BTreeMap<String, String>| -> BTreeMap<String, String> {
        let ours = |key: &String| key.eq_ignore_ascii_case(CLUSTER_TAG) || key.eq_ignore_ascii_case(OWNER_TAG);
        let others = |key: &String| !ours(key) && key.to_lowercase().starts_with("aws:");
        tags.iter()
            .filter(|(key, _)| !others(key))
            .map(|(key, value)| (key.to_lowercase(), value.clone()))
            .collect()
    };
    let inline: BTreeMap<_, _> = role
        .inline
        .iter()
        .filter(|(name, _)| name.as_str() != REVOKE_OLDER_SESSIONS_POLICY)
        .map(|(name, document)| (name, document.canonical()))
        .collect();
    role.path == desired.path.as_str()
        && role.trust.canonical() == Some(desired.trust.canonical())
        && role.description == desired.description
        && role.max_session == desired.max_session
        && role.boundary == desired.boundary
        && folded(&role.tags) == folded(&desired.all_tags())
        && role.attached == desired.attached
        && inline
            == desired
                .inline
                .iter()
                .map(|(name, document)| (name, Some(document.canonical())))
                .collect()
}

/// The first state that lets somebody do what neither end lets them do.
fn unsafe_prefix(states: &[Observed], old: &Powers, new: &Powers) -> Option<String> {
    states.iter().enumerate().find_map(|(done, state)| {
        Powers::of(state)
            .beyond(old, new)
            .map(|problem| format!("after {done} changes {problem}"))
    })
}

/// Whoever is taken out of the trust policy is out after the first change of trust.
fn late_exit(changes: &[&Change], states: &[Observed], new: &Powers) -> bool {
    changes
        .iter()
        .position(|change| matches!(change, Change::UpdateTrust { .. }))
        .is_some_and(|first| Powers::of(&states[first + 1]).admitted & !new.admitted != 0)
}

proptest! {
    #![proptest_config(cases(2500))]

    #[test]
    fn law_1_and_2_a_plan_converges_and_a_second_one_is_empty((desired, observed) in generator::desired_and_observed()) {
        let plan = converge(&desired, &observed);
        let states = states(&plan, &observed)?;
        let last = states.last().unwrap();
        prop_assert!(holds(last, &desired), "{plan}\n{last:#?}");
        let second = converge(&desired, last);
        prop_assert!(second.is_empty(), "{plan}\nand then\n{second}");
        prop_assert_eq!(plan.is_empty(), holds(&observed, &desired), "{}", plan);
        if let (Observed::Present(before), Observed::Present(after)) = (&observed, last) {
            let revoked = |role: &ObservedRole| role.inline.get(&REVOKE_OLDER_SESSIONS_POLICY.parse().unwrap()).cloned();
            prop_assert_eq!(revoked(before), revoked(after));
            prop_assert_eq!(&before.id, &after.id);
        }
    }
}

proptest! {
    #![proptest_config(cases(3000))]

    #[test]
    fn law_3_every_prefix_of_a_plan_is_safe((desired, observed) in generator::desired_and_observed()) {
        let plan = converge(&desired, &observed);
        let states = states(&plan, &observed)?;
        let (old, new) = (Powers::of(&observed), Powers::of(states.last().unwrap()));
        prop_assert_eq!(unsafe_prefix(&states, &old, &new), None, "{}", plan);
        let changes: Vec<&Change> = plan.changes.iter().collect();
        prop_assert!(!late_exit(&changes, &states, &new), "somebody is out too late\n{plan}");
    }
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn law_3_every_prefix_of_a_removal_is_safe((desired, role) in generator::desired_and_present()) {
        let observed = Observed::Present(Box::new(role));
        let plan = leave(&desired, &observed, DeletionPolicy::Delete);
        let states = states(&plan, &observed)?;
        prop_assert_eq!(states.last(), Some(&Observed::Absent));
        prop_assert_eq!(unsafe_prefix(&states, &Powers::of(&observed), &Powers::default()), None, "{}", plan);
        prop_assert!(leave(&desired, &Observed::Absent, DeletionPolicy::Delete).is_empty());
    }

    #[test]
    fn a_role_that_is_let_go_loses_our_tags_and_nothing_else((desired, role) in generator::desired_and_present()) {
        let observed = Observed::Present(Box::new(role.clone()));
        let plan = leave(&desired, &observed, DeletionPolicy::Retain);
        let last = apply_all(&plan.changes, &plan.role, &observed).unwrap();
        let mut expected = role;
        expected.tags.retain(|key, _| !key.to_lowercase().starts_with("crossrole.dev/"));
        prop_assert_eq!(&last, &Observed::Present(Box::new(expected)));
        prop_assert!(leave(&desired, &last, DeletionPolicy::Retain).is_empty());
    }
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn law_4_a_foreign_role_is_refused_and_never_changed(
        (desired, mut role) in generator::desired_and_present(),
        (cluster, object) in prop::sample::select(FOREIGN.to_vec()),
        seen in any::<bool>(),
    ) {
        role.tags.retain(|key, _| !key.to_lowercase().starts_with("crossrole.dev/"));
        let tags = [(CLUSTER_TAG, cluster), (OWNER_TAG, object)];
        role.tags.extend(tags.iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| (key.to_string(), value.to_string())));
        // An id that was seen makes a stripped role ours, but none that carries another's tags.
        let others = cluster == "c2" || (cluster == "c1" && object == "other/audit");
        let known = Known { seen_id: Some(if seen && others { generator::OLD_ID } else { "AROAANOTHERANOTHERANO" }), ..Known::default() };
        let ours = Claim { created: 0, object: desired.owner.object.clone() };
        let observed = Observed::Present(Box::new(role));
        let refusal = decide::converge(&desired, &observed, &known, &ours, &[]).unwrap_err();
        prop_assert!(matches!(refusal.reason, Reason::ForeignRole | Reason::HeldByAnother), "{refusal}");
        for policy in [DeletionPolicy::Delete, DeletionPolicy::Retain] {
            let plan = decide::leave(&desired.name, &desired.owner, &observed, &known, policy);
            prop_assert!(plan.is_empty(), "{plan}");
        }
    }

    #[test]
    fn a_plan_that_stopped_anywhere_is_finished_by_the_next((desired, observed) in generator::desired_and_observed()) {
        let plan = converge(&desired, &observed);
        for stopped in states(&plan, &observed)? {
            let rest = converge(&desired, &stopped);
            let last = states(&rest, &stopped)?.pop().unwrap();
            prop_assert!(holds(&last, &desired), "{plan}\nand then\n{rest}");
        }
    }

    #[test]
    fn law_6_an_account_ends_as_if_only_the_last_declaration_had_been_made(
        (first, observed) in generator::desired_and_observed(),
        last in generator::desired(),
        stopped_after in 0_usize..12,
    ) {
        let plan = converge(&first, &observed);
        let on_the_way = states(&plan, &observed)?;
        let stopped = &on_the_way[stopped_after.min(on_the_way.len() - 1)];
        let end = states(&converge(&last, stopped), stopped)?.pop().unwrap();
        prop_assert!(holds(&end, &last));
    }
}

proptest! {
    #![proptest_config(cases(1500))]

    /// A step of trust that only guards the order, and a policy that is away while the boundary is swapped, are judged
    /// by statement: a finer look may find that the statements at stake allow the same. For those it is enough that the
    /// plan's own criterion asked for them, which [`asked_for`] states anew.
    #[test]
    fn law_5_no_change_can_be_left_out((desired, observed) in generator::desired_and_observed()) {
        let plan = converge(&desired, &observed);
        let (old, new) = (Powers::of(&observed), Powers::of(states(&plan, &observed)?.last().unwrap()));
        for left_out in 0..plan.changes.len() {
            let mut rest = plan.changes.clone();
            let change = rest.remove(left_out);
            let rest = Plan { role: plan.role.clone(), changes: rest };
            let Ok(states) = states(&rest, &observed) else {
                continue;
            };
            let changes: Vec<&Change> = rest.changes.iter().collect();
            let needed = !holds(states.last().unwrap(), &desired)
                || unsafe_prefix(&states, &old, &new).is_some()
                || late_exit(&changes, &states, &new)
                || asked_for(&change, &plan, &desired, &observed);
            prop_assert!(needed, "{change} can be left out of\n{plan}");
        }
    }

    #[test]
    fn law_5_no_change_of_a_removal_can_be_left_out((desired, role) in generator::desired_and_present()) {
        let observed = Observed::Present(Box::new(role.clone()));
        let plan = leave(&desired, &observed, DeletionPolicy::Delete);
        let mixed = role.inline.values().filter(|document| document.may_allow() && document.may_deny()).count();
        for left_out in 0..plan.changes.len() {
            let mut rest = plan.changes.clone();
            let change = rest.remove(left_out);
            let end = apply_all(&rest, &plan.role, &observed);
            let guards = matches!(change, Change::UpdateTrust { .. }) && mixed > 1;
            prop_assert!(end != Ok(Observed::Absent) || guards, "{change} can be left out of\n{plan}");
        }
    }
}

fn asked_for(change: &Change, plan: &Plan, desired: &Desired, observed: &Observed) -> bool {
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
            narrows && widens && changes_what_a_session_can_do(plan, role)
        }
        Change::UpdateTrust {
            step: TrustStep::Closed,
            ..
        } => may_need_closing(desired, role),
        Change::DeleteInline(name) => {
            let swaps = swaps_boundary(desired, role);
            let loses = match (
                role.inline.get(name).map(ObservedDocument::document),
                desired.inline.get(name),
            ) {
                (Some(Some(before)), Some(after)) => {
                    let (before, after) = (of_effect(before, Effect::Allow), of_effect(after, Effect::Allow));
                    !before.is_subset(&after) && !after.is_subset(&before)
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

fn changes_what_a_session_can_do(plan: &Plan, role: &ObservedRole) -> bool {
    plan.changes.iter().any(|change| match change {
        Change::UpdateTrust { .. } => false,
        Change::UpdateRole { max_session, .. } => *max_session != role.max_session,
        Change::Tag(tags) => tags.keys().any(|key| !key.starts_with("crossrole.dev/")),
        _ => true,
    })
}

/// Whether trust may have to be closed at all: something cannot be read, a Deny comes or goes, one stays in a policy
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
    let names: BTreeSet<_> = role.inline.keys().chain(desired.inline.keys()).collect();
    let at_once = role.inline.values().map(ObservedDocument::size).sum::<usize>()
        + desired.inline.values().map(Document::size).sum::<usize>();
    names
        .iter()
        .filter(|name| name.as_str() != REVOKE_OLDER_SESSIONS_POLICY)
        .any(deny_is_at_stake)
        || at_once > quota::ROLE_INLINE_POLICIES_SIZE
        || of_effect(trust, Effect::Allow).is_disjoint(&of_effect(&desired.trust, Effect::Allow))
        || !trust.dead_principals().is_empty()
        || trust.size() + desired.trust.size() > quota::TRUST_POLICY_SIZE
}

fn swaps_boundary(desired: &Desired, role: &ObservedRole) -> bool {
    matches!((&role.boundary, &desired.boundary), (Some(old), Some(new)) if old != new)
}
