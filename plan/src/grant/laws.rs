//! The laws that every plan of a grant keeps, over generated declarations and accounts.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_iam::Partition;
use crossrole_iam::document::{CanonicalDocument, Document, DocumentKind};
use proptest::prelude::*;

use super::desired::pairs_in;
use super::tests::owner;
use super::*;
use crate::observed::ObservedDocument;
use crate::testing::cases;

/// A role whose ARN is as long as one can be: a dozen fill a policy.
fn arn(index: usize) -> String {
    format!("arn:aws:iam::222222222222:role/{}/role{index}", "p".repeat(480))
}

fn holder(index: usize) -> Holder {
    let kind = if index.is_multiple_of(2) {
        HolderKind::Group
    } else {
        HolderKind::Role
    };
    Holder::new(kind, &format!("grantee{}", index / 2))
}

fn desired() -> impl Strategy<Value = DesiredGrant> {
    let allows = (any::<bool>(), any::<bool>()).prop_map(|(session_tags, source_identity)| Allows {
        session_tags,
        source_identity,
    });
    let roles = prop_oneof![
        3 => proptest::collection::btree_map((0_usize..6).prop_map(arn), allows.clone(), 0..5),
        1 => proptest::collection::btree_map((0_usize..40).prop_map(arn), allows, 10..30),
    ];
    let holders = proptest::collection::btree_set((0_usize..6).prop_map(holder), 1..4);
    (roles, holders).prop_map(|(roles, holders)| DesiredGrant {
        owner: owner(),
        partition: Partition::Aws,
        account: "111111111111".parse().unwrap(),
        roles,
        role_paths: role_paths(&holders),
        holders,
    })
}

/// Where these roles are allowed, and are.
fn role_paths<'a>(holders: impl IntoIterator<Item = &'a Holder>) -> BTreeMap<String, String> {
    let roles = holders.into_iter().filter(|holder| holder.kind == HolderKind::Role);
    roles
        .map(|role| (role.name.to_ascii_lowercase(), "/ci/".to_string()))
        .collect()
}

/// An account that holds nothing of a grant; every role is there.
fn nothing() -> ObservedGrant {
    ObservedGrant {
        role_paths: role_paths(&(0..6).map(holder).collect::<Vec<_>>()),
        ..ObservedGrant::default()
    }
}

/// What somebody does by hand to a policy of ours.
#[derive(Clone, Debug)]
enum Edit {
    Document(usize, usize),
    Everything(usize),
    Deny(usize),
    Hold(usize, usize),
    Release(usize, usize),
    Versions(usize, usize),
    Remove(usize),
    OtherTags(usize),
}

impl Edit {
    /// Whether it changes what a policy allows.
    fn writes(&self) -> bool {
        matches!(self, Self::Document(..) | Self::Everything(_) | Self::Deny(_))
    }
}

fn edit() -> impl Strategy<Value = Edit> {
    let policy = || 0_usize..4;
    prop_oneof![
        (policy(), 0_usize..8).prop_map(|(policy, role)| Edit::Document(policy, role)),
        policy().prop_map(Edit::Everything),
        policy().prop_map(Edit::Deny),
        (policy(), 0_usize..8).prop_map(|(policy, index)| Edit::Hold(policy, index)),
        (policy(), 0_usize..8).prop_map(|(policy, index)| Edit::Release(policy, index)),
        (policy(), 1_usize..5).prop_map(|(policy, number)| Edit::Versions(policy, number)),
        policy().prop_map(Edit::Remove),
        policy().prop_map(Edit::OtherTags),
    ]
}

fn parsed(text: &str) -> ObservedDocument {
    ObservedDocument::of(Document::parse(text, DocumentKind::Managed).unwrap())
}

fn edited(observed: &mut ObservedGrant, edit: &Edit) {
    let number = |policy: &usize| u32::try_from(*policy).unwrap() + 1;
    let (Edit::Document(policy, _)
    | Edit::Everything(policy)
    | Edit::Deny(policy)
    | Edit::Hold(policy, _)
    | Edit::Release(policy, _)
    | Edit::Versions(policy, _)
    | Edit::Remove(policy)
    | Edit::OtherTags(policy)) = edit;
    let Some(held) = observed.policies.get_mut(&number(policy)) else {
        return;
    };
    let says = |effect: &str, action: &str, resource: &str| {
        parsed(&format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Action":"{action}","Resource":"{resource}"}}]}}"#
        ))
    };
    match edit {
        Edit::Document(_, role) => held.document = says("Allow", "sts:AssumeRole", &arn(*role)),
        Edit::Everything(_) => held.document = says("Allow", "*", "*"),
        Edit::Deny(_) => held.document = says("Deny", "sts:AssumeRole", "*"),
        Edit::Hold(_, index) => {
            held.holders.insert(match index {
                6 | 7 => Holder::new(HolderKind::User, "ada"),
                _ => holder(*index),
            });
        }
        Edit::Release(_, index) => {
            held.holders.remove(&holder(*index));
        }
        Edit::Versions(_, versions) => held.older = (1..*versions).map(|number| format!("v{number}")).collect(),
        Edit::Remove(_) => {
            observed.policies.remove(&number(policy));
        }
        Edit::OtherTags(_) => held.tags.extend([("team".to_string(), "security".to_string())]),
    }
}

/// Every state from before the first change to after the last.
fn states(plan: &GrantPlan, observed: &ObservedGrant) -> Result<Vec<ObservedGrant>, TestCaseError> {
    let mut states = vec![observed.clone()];
    for (index, change) in plan.changes.iter().enumerate() {
        let made = Made {
            id: format!("ANPA{index}"),
            version: format!("v{}", 100 + index),
        };
        let next = apply(change, states.last().unwrap(), &made)
            .ok_or_else(|| TestCaseError::fail(format!("IAM refuses {change}\n{plan}")))?;
        states.push(next);
    }
    Ok(states)
}

fn last(states: &[ObservedGrant]) -> &ObservedGrant {
    states.last().unwrap()
}

fn planned(desired: &DesiredGrant, observed: &ObservedGrant) -> GrantPlan {
    converge(desired, observed, &Seen::new()).unwrap()
}

/// What a holder can do.
type Power = (Holder, String, String);

/// What each holder can do by our policies: an action on an ARN; `*` on `*` where a document says more than we ever write.
fn powers(observed: &ObservedGrant) -> BTreeSet<Power> {
    let mut powers = BTreeSet::new();
    for policy in observed.policies.values() {
        let document = policy.document.document().unwrap();
        let pairs = pairs_in(document).unwrap_or_else(|| BTreeSet::from([("*".into(), "*".into())]));
        for holder in &policy.holders {
            powers.extend(
                pairs
                    .iter()
                    .map(|(action, arn)| (holder.clone(), action.clone(), arn.clone())),
            );
        }
    }
    powers
}

/// Of some powers those that go beyond others.
fn beyond(powers: &BTreeSet<Power>, others: &BTreeSet<Power>) -> Vec<Power> {
    let can_do_all = |holder: &Holder| others.contains(&(holder.clone(), "*".into(), "*".into()));
    let beyond = powers.difference(others).filter(|(holder, ..)| !can_do_all(holder));
    beyond.cloned().collect()
}

/// The same, each with the ids and versions that IAM gave left out.
fn meaning(observed: &ObservedGrant) -> Vec<(u32, CanonicalDocument, BTreeSet<Holder>, usize)> {
    let policies = observed.policies.iter();
    policies
        .map(|(number, policy)| {
            let document = policy.document.canonical().unwrap();
            (*number, document, policy.holders.clone(), policy.older.len())
        })
        .collect()
}

fn account() -> impl Strategy<Value = ObservedGrant> {
    account_after(edit())
}

/// What a grant left, and these edits after it.
fn account_after(edit: impl Strategy<Value = Edit>) -> impl Strategy<Value = ObservedGrant> {
    (desired(), proptest::collection::vec(edit, 0..4)).prop_map(|(before, edits)| {
        let plan = planned(&before, &nothing());
        let mut observed = last(&states(&plan, &nothing()).unwrap()).clone();
        for edit in &edits {
            edited(&mut observed, edit);
        }
        observed
    })
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn it_converges_to_what_is_declared_and_history_does_not_matter(observed in account(), desired in desired()) {
        let after = states(&planned(&desired, &observed), &observed)?;
        let fresh = states(&planned(&desired, &nothing()), &nothing())?;
        prop_assert_eq!(meaning(last(&after)), meaning(last(&fresh)));
    }

    #[test]
    fn a_second_plan_is_empty(observed in account(), desired in desired()) {
        let after = states(&planned(&desired, &observed), &observed)?;
        let again = planned(&desired, last(&after));
        prop_assert!(again.is_empty(), "{again}");
    }

    #[test]
    fn every_prefix_is_safe(observed in account(), desired in desired()) {
        let plan = planned(&desired, &observed);
        let states = states(&plan, &observed)?;
        let may: BTreeSet<_> = powers(&states[0]).union(&powers(last(&states))).cloned().collect();
        for (done, state) in states.iter().enumerate() {
            let beyond = beyond(&powers(state), &may);
            prop_assert!(beyond.is_empty(), "after {done} changes {beyond:?}\n{plan}");
        }
    }

    // Documents that somebody wrote by hand can each lack what another has: there it cannot always be held.
    #[test]
    fn who_has_leave_before_and_after_has_it_all_the_time(
        observed in account_after(edit().prop_filter("documents stay", |edit| !edit.writes())),
        desired in desired()
    ) {
        let plan = planned(&desired, &observed);
        let states = states(&plan, &observed)?;
        let both: BTreeSet<_> = powers(&states[0]).intersection(&powers(last(&states))).cloned().collect();
        for (done, state) in states.iter().enumerate() {
            let lost: Vec<_> = both.difference(&powers(state)).cloned().collect();
            prop_assert!(lost.is_empty(), "after {done} changes {lost:?}\n{plan}");
        }
    }

    #[test]
    fn nothing_is_given_to_a_role_that_was_not_seen_where_it_is_allowed(
        observed in account(), desired in desired()
    ) {
        let mut unseen = observed;
        unseen.role_paths.clear();
        let is_group = |change: &GrantChange| !matches!(
            change, GrantChange::Attach { holder, .. } if holder.kind != HolderKind::Group
        );
        let plan = planned(&desired, &unseen);
        prop_assert!(plan.changes.iter().all(is_group), "{plan}");
        unseen.role_paths = role_paths(&desired.holders).into_keys().map(|name| (name, "/crossrole/".into())).collect();
        let elsewhere = converge(&desired, &unseen, &Seen::new());
        let any = !unseen.role_paths.is_empty();
        prop_assert_eq!(elsewhere.is_err(), any);
    }

    #[test]
    fn a_plan_goes_on_from_wherever_it_stopped(observed in account(), desired in desired(), at in any::<prop::sample::Index>()) {
        let states_of_it = states(&planned(&desired, &observed), &observed)?;
        let stopped = at.get(&states_of_it);
        let after = states(&planned(&desired, stopped), stopped)?;
        prop_assert_eq!(meaning(last(&after)), meaning(last(&states_of_it)));
    }

    #[test]
    fn no_change_can_be_left_out(observed in account(), desired in desired(), at in any::<prop::sample::Index>()) {
        let plan = planned(&desired, &observed);
        prop_assume!(!plan.is_empty());
        let whole = states(&plan, &observed)?;
        let left_out = at.index(plan.changes.len());
        let mut shorter = plan.clone();
        shorter.changes.remove(left_out);
        if let Ok(short) = states(&shorter, &observed) {
            let is_same = meaning(last(&short)) == meaning(last(&whole));
            prop_assert!(!is_same, "{} is not needed\n{plan}", plan.changes[left_out]);
        }
    }

    #[test]
    fn what_a_refused_grant_gets_is_nothing(observed in account(), desired in desired()) {
        let plan = narrow(&desired, &observed, &Seen::new());
        let states = states(&plan, &observed)?;
        let (before, after) = (powers(&states[0]), powers(last(&states)));
        for (done, state) in states.iter().enumerate() {
            let beyond = beyond(&powers(state), &before);
            prop_assert!(beyond.is_empty(), "after {done} changes {beyond:?}\n{plan}");
        }
        let wanted = desired.pairs();
        for (holder, action, arn) in after {
            prop_assert!(desired.holders.contains(&holder) && wanted.contains(&(action, arn)), "{plan}");
        }
        let again = narrow(&desired, last(&states), &Seen::new());
        prop_assert!(again.is_empty(), "{again}");
    }

    #[test]
    fn leaving_leaves_nothing_and_gives_nothing(observed in account()) {
        let plan = leave(&owner(), &observed, &Seen::new());
        let states = states(&plan, &observed)?;
        prop_assert!(last(&states).policies.is_empty());
        for state in &states {
            prop_assert!(beyond(&powers(state), &powers(&states[0])).is_empty());
        }
    }

    #[test]
    fn what_is_foreign_is_never_touched(observed in account(), desired in desired(), cluster in 0..3_usize) {
        let mut foreign = observed;
        let (cluster, object) = [("c2", "security/auditors"), ("c1", "other/auditors"), ("", "")][cluster];
        for policy in foreign.policies.values_mut() {
            policy.tags = BTreeMap::from([
                ("crossrole.dev/cluster".to_string(), cluster.to_string()),
                ("crossrole.dev/owner".to_string(), object.to_string()),
            ]);
            if cluster.is_empty() {
                policy.tags.clear();
            }
        }
        prop_assert!(narrow(&desired, &foreign, &Seen::new()).is_empty());
        prop_assert!(leave(&owner(), &foreign, &Seen::new()).is_empty());
        let theirs: BTreeSet<String> = foreign.policies.values().map(|policy| policy.arn.clone()).collect();
        if let Ok(plan) = converge(&desired, &foreign, &Seen::new()) {
            prop_assert!(plan.changes.iter().all(|change| !theirs.contains(change.arn())), "{plan}");
        }
    }
}
