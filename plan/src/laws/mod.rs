//! The laws that every plan keeps, over generated declarations and observed roles.

mod admission;
mod declared;
mod ending;
mod evaluator;
mod found;
mod generator;
mod history;
mod import;
mod minimal;
mod moments;
mod pools;
mod requests;

use crossrole_api::Reason;
use crossrole_api::names::{CLUSTER_TAG, OWNER_TAG};
use crossrole_api::role::DeletionPolicy;
use jiff::Timestamp;
use proptest::prelude::*;

use self::declared::{closed_trust, denial, holds, is_closed, name, revoked_before};
use self::evaluator::{Order, Powers};
use self::moments::{beginning, later};
use crate::change::{Change, Plan, TrustStep};
use crate::claim::Claim;
use crate::decide::{self, Known};
use crate::desired::Desired;
use crate::effect::{apply, apply_all};
use crate::ending::Ending;
use crate::lifecycle::Lifecycle;
use crate::observed::{Observed, ObservedRole};
use crate::quota::Quotas;
use crate::testing::{self, cases};

/// This process has seen both the role that was there and the one that it made.
fn known(observed: &Observed, now: Timestamp) -> Known<'_> {
    let seen_id = match observed {
        Observed::Absent => None,
        Observed::Present(role) => Some(role.id.as_str()),
    };
    Known { seen_id, now }
}

fn converge_knowing(desired: &Desired, observed: &Observed, known: &Known<'_>) -> Plan {
    let ours = Claim {
        created: 0,
        object: desired.owner.object.clone(),
    };
    decide::converge(desired, observed, known, &ours, &[]).unwrap()
}

fn converge(desired: &Desired, observed: &Observed, now: Timestamp) -> Plan {
    converge_knowing(desired, observed, &known(observed, now))
}

fn close(desired: &Desired, observed: &Observed, now: Timestamp) -> Plan {
    testing::close(desired, observed, &known(observed, now))
}

fn leave(desired: &Desired, observed: &Observed, policy: DeletionPolicy) -> Plan {
    let known = known(observed, beginning());
    decide::leave(&desired.name, &desired.owner, observed, &known, policy)
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
fn states(plan: &Plan, desired: &Desired, observed: &Observed) -> Result<Vec<Observed>, TestCaseError> {
    let mut states = vec![observed.clone()];
    for change in &plan.changes {
        let before = states.last().unwrap();
        prop_assert!(
            may(change, desired, before),
            "the bootstrap role may not {change}\n{plan}"
        );
        let next = apply(change, &plan.role, before, &Quotas::default())
            .map_err(|refused| TestCaseError::fail(format!("IAM refuses {change}: {refused:?}\n{plan}")))?;
        states.push(next);
    }
    Ok(states)
}

/// Whether the bootstrap role has the right to make a change. Where the class forces a boundary, it may add to a role only
/// once the role has that boundary: the condition on `iam:PermissionsBoundary` in `docs/bootstrap.md`.
fn may(change: &Change, desired: &Desired, observed: &Observed) -> bool {
    let adds = matches!(change, Change::PutInline { .. } | Change::Attach(_));
    match observed {
        Observed::Present(role) if adds && desired.boundary.is_some() => role.boundary == desired.boundary,
        _ => true,
    }
}

/// The first state that lets somebody do what neither end lets them do.
fn unsafe_prefix(
    changes: &[Change],
    states: &[Observed],
    old: &Powers,
    new: &Powers,
    now: Timestamp,
) -> Option<String> {
    let shut = |state: &Observed| match state {
        Observed::Present(role) => role.trust.means(&closed_trust()),
        Observed::Absent => true,
    };
    let boundary = |state: &Observed| match state {
        Observed::Present(role) => role.boundary.clone(),
        Observed::Absent => None,
    };
    let closes = |change: &Change| {
        matches!(
            change,
            Change::UpdateTrust {
                step: TrustStep::Closed,
                ..
            }
        )
    };
    let (first, last) = (&states[0], &states[states.len() - 1]);
    let order = Order {
        closes: shut(first) || shut(last) || changes.iter().any(closes),
        swaps: boundary(first).is_some() && boundary(first) != boundary(last),
    };
    states.iter().enumerate().find_map(|(done, state)| {
        let powers = Powers::of(state, now);
        let problem = powers.beyond(old, new).or_else(|| powers.revived(old, new, order));
        problem.map(|problem| format!("after {done} changes {problem}"))
    })
}

/// Whether trust hangs on a tag that is another one than before. One that cannot be read may.
fn reads_what_differs(role: &ObservedRole, before: &ObservedRole) -> bool {
    let keys = role.tags.keys().chain(before.tags.keys());
    let mut differ = keys.filter(|key| role.tags.get(*key) != before.tags.get(*key));
    let text = role.trust.document().map(|trust| trust.to_json().to_lowercase());
    let reads = |key: &String| {
        let key = format!(":resourcetag/{}", key.to_lowercase());
        text.as_ref().is_none_or(|text| text.contains(&key))
    };
    differ.any(reads)
}

/// Whoever is taken out of the trust policy is out after the first change of trust.
fn late_exit(changes: &[Change], states: &[Observed], new: &Powers, now: Timestamp) -> bool {
    changes
        .iter()
        .position(|change| matches!(change, Change::UpdateTrust { .. }))
        .is_some_and(|first| Powers::of(&states[first + 1], now).admits_beyond(new))
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn law_1_and_2_a_plan_converges_and_a_second_one_is_empty((desired, observed) in generator::desired_and_observed()) {
        let now = beginning();
        let plan = converge(&desired, &observed, now);
        let states = states(&plan, &desired, &observed)?;
        let last = states.last().unwrap();
        prop_assert!(holds(last, &desired, &observed, now), "{plan}\n{last:#?}");
        // Also a little later, while no date passes.
        for then in [now, later(now, 20_000)] {
            let second = converge(&desired, last, then);
            prop_assert!(second.is_empty(), "{plan}\nand at {then}\n{second}");
        }
        prop_assert_eq!(plan.is_empty(), holds(&observed, &desired, &observed, now), "{}", plan);
        if let (Observed::Present(before), Observed::Present(after)) = (&observed, last) {
            prop_assert_eq!(&before.id, &after.id);
        }
    }
}

proptest! {
    #![proptest_config(cases(2500))]

    #[test]
    fn law_3_every_prefix_of_a_plan_is_safe((desired, observed) in generator::desired_and_observed()) {
        let now = beginning();
        let plan = converge(&desired, &observed, now);
        let states = states(&plan, &desired, &observed)?;
        let (old, new) = (Powers::of(&observed, now), Powers::of(states.last().unwrap(), now));
        prop_assert_eq!(unsafe_prefix(&plan.changes, &states, &old, &new, now), None, "{}", plan);
        prop_assert!(!late_exit(&plan.changes, &states, &new, now), "somebody is out too late\n{plan}");
        let revoked: Vec<_> = states.iter().map(revoked_before).collect();
        prop_assert!(observed == Observed::Absent || revoked.is_sorted(), "sessions come back\n{plan}");
    }
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn law_3_every_prefix_of_a_removal_is_safe((desired, role) in generator::desired_and_present()) {
        let now = beginning();
        let observed = Observed::Present(Box::new(role));
        let plan = leave(&desired, &observed, DeletionPolicy::Delete);
        let states = states(&plan, &desired, &observed)?;
        prop_assert_eq!(states.last(), Some(&Observed::Absent));
        let (old, new) = (Powers::of(&observed, now), Powers::default());
        prop_assert_eq!(unsafe_prefix(&plan.changes, &states, &old, &new, now), None, "{}", plan);
        prop_assert!(leave(&desired, &Observed::Absent, DeletionPolicy::Delete).is_empty());
    }

    #[test]
    fn law_3_every_prefix_of_a_closing_by_the_class_is_safe((desired, role) in generator::desired_and_present()) {
        let now = beginning();
        let observed = Observed::Present(Box::new(role.clone()));
        let plan = close(&desired, &observed, now);
        let states = states(&plan, &desired, &observed)?;
        let Some(Observed::Present(last)) = states.last() else {
            return Err(TestCaseError::fail("the role is gone"));
        };
        let (old, new) = (Powers::of(&observed, now), Powers::of(&states[states.len() - 1], now));
        prop_assert_eq!(unsafe_prefix(&plan.changes, &states, &old, &new, now), None, "{}", plan);
        prop_assert!(!late_exit(&plan.changes, &states, &new, now), "{plan}");
        prop_assert!(last.trust.means(&closed_trust()) && last.inline[&name(declared::CLOSED)].means(&denial("")));
        prop_assert!(close(&desired, &Observed::Present(last.clone()), now).is_empty());
        // The rest is as it was, but for our own tags, the boundary, and what had to make room.
        let mut rest = last.clone();
        rest.trust.clone_from(&role.trust);
        rest.boundary.clone_from(&role.boundary);
        rest.tags.clone_from(&role.tags);
        rest.inline.clone_from(&role.inline);
        prop_assert_eq!(*rest, role);
        // Once it is allowed again, it is as declared, and whatever was ended stays so.
        let again = Observed::Present(last.clone());
        let opened = self::states(&converge(&desired, &again, now), &desired, &again)?.pop().unwrap();
        prop_assert!(holds(&opened, &desired, &again, now));
        prop_assert!(is_closed(&desired, now) || revoked_before(&opened) >= Some(now));
    }

    #[test]
    fn law_3_no_prefix_of_a_revocation_alone_lets_anybody_do_more((desired, role) in generator::desired_and_present()) {
        let now = beginning();
        let observed = Observed::Present(Box::new(role));
        let ending = Ending {
            role: desired.name.clone(),
            owner: desired.owner.clone(),
            boundary: desired.boundary.clone(),
            lifecycle: Lifecycle { revoke_issued_before: Some(now), ..Lifecycle::default() },
            never_closed: Vec::new(),
            is_refused: true,
            judge: None,
        };
        let plan = ending.plan(None, &observed, &known(&observed, now));
        let old = Powers::of(&observed, now);
        let mut state = observed;
        for change in &plan.changes {
            prop_assert!(may(change, &desired, &state), "the bootstrap role may not {change}\n{plan}");
            let next = apply(change, &plan.role, &state, &Quotas::default())
                .map_err(|refused| TestCaseError::fail(format!("IAM refuses {change}: {refused:?}\n{plan}")))?;
            prop_assert_eq!(Powers::of(&next, now).beyond(&old, &old), None, "after {}\n{}", change, plan);
            state = next;
        }
        prop_assert!(revoked_before(&state) >= Some(now), "{plan}");
        prop_assert!(ending.plan(None, &state, &known(&state, now)).is_empty(), "{plan}");
    }

    #[test]
    fn a_role_that_is_let_go_loses_our_tags_and_nothing_else((desired, role) in generator::desired_and_present()) {
        let observed = Observed::Present(Box::new(role.clone()));
        let plan = leave(&desired, &observed, DeletionPolicy::Retain);
        let last = apply_all(&plan.changes, &plan.role, &observed, &Quotas::default()).unwrap();
        let mut expected = role;
        expected.tags.retain(|key, _| !key.to_lowercase().starts_with("crossrole.dev/"));
        prop_assert_eq!(&last, &Observed::Present(Box::new(expected)));
        prop_assert!(leave(&desired, &last, DeletionPolicy::Retain).is_empty());
    }
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn law_4_a_foreign_role_is_refused_and_never_changed(
        (desired, mut role) in generator::desired_and_present(),
        (cluster, object) in prop::sample::select(FOREIGN.to_vec()),
        (seen, adopts) in any::<(bool, bool)>(),
    ) {
        role.tags.retain(|key, _| !key.to_lowercase().starts_with("crossrole.dev/"));
        let tags = [(CLUSTER_TAG, cluster), (OWNER_TAG, object)];
        role.tags.extend(tags.iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| (key.to_string(), value.to_string())));
        // An id that was seen makes a stripped role ours, and adoption one that nobody holds, but none that carries
        // another's tags.
        let others = cluster == "c2" || (cluster == "c1" && object == "other/audit");
        let seen_id = Some(if seen && others { found::OLD_ID } else { "AROAANOTHERANOTHERANO" });
        let known = Known { seen_id, now: beginning() };
        let ours = Claim { created: 0, object: desired.owner.object.clone() };
        let observed = Observed::Present(Box::new(role));
        let wish = Desired { adopts: adopts && others, ..desired.clone() };
        let refusal = decide::converge(&wish, &observed, &known, &ours, &[]).unwrap_err();
        prop_assert!(matches!(refusal.reason, Reason::ForeignRole | Reason::HeldByAnother), "{refusal}");
        for policy in [DeletionPolicy::Delete, DeletionPolicy::Retain] {
            let plan = decide::leave(&desired.name, &desired.owner, &observed, &known, policy);
            prop_assert!(plan.is_empty(), "{plan}");
        }
        let plan = testing::close(&Desired { adopts, ..desired }, &observed, &known);
        prop_assert!(plan.is_empty(), "{plan}");
    }
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn a_role_that_nobody_holds_is_taken_over_where_it_may_be((mut desired, mut role) in generator::desired_and_present()) {
        let now = beginning();
        (desired.adopts, desired.below_role_path) = (true, false);
        role.tags.retain(|key, _| !key.to_lowercase().starts_with("crossrole.dev/"));
        let observed = Observed::Present(Box::new(role));
        let plan = converge_knowing(&desired, &observed, &Known { seen_id: None, now });
        let states = states(&plan, &desired, &observed)?;
        let last = states.last().unwrap();
        prop_assert!(holds(last, &desired, &observed, now), "{plan}");
        let (old, new) = (Powers::of(&observed, now), Powers::of(last, now));
        prop_assert_eq!(unsafe_prefix(&plan.changes, &states, &old, &new, now), None, "{}", plan);
        prop_assert!(leave(&desired, last, DeletionPolicy::Retain).changes.len() == 1);
    }
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn a_plan_that_stopped_anywhere_is_finished_by_the_next(
        (desired, observed) in generator::desired_and_observed(),
        passed in prop::sample::select(moments::PASSING.to_vec()),
    ) {
        let (now, then) = (beginning(), later(beginning(), passed));
        let plan = converge(&desired, &observed, now);
        let states = states(&plan, &desired, &observed)?;
        let whole = revoked_before(states.last().unwrap());
        for stopped in states {
            let rest = converge(&desired, &stopped, then);
            let last = self::states(&rest, &desired, &stopped)?.pop().unwrap();
            prop_assert!(holds(&last, &desired, &stopped, then), "{plan}\nand then\n{rest}");
            // Nor is it forgotten, once trust has changed, that sessions were to be revoked. Of a role that is closed all
            // ended anyway.
            let (Observed::Present(role), Observed::Present(was)) = (&stopped, &observed) else { continue };
            let least = if role.inline.contains_key(&name(declared::CLOSED)) {
                Some(then)
            } else {
                whole.filter(|_| role.trust != was.trust || reads_what_differs(role, was))
            };
            prop_assert!(is_closed(&desired, then) || revoked_before(&last) >= least, "{plan}\nand then\n{rest}");
        }
    }
}
