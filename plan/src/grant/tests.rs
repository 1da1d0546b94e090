mod guard;
mod trusted;

use std::collections::{BTreeMap, BTreeSet};

use crossrole_api::{AssumeRoleGrant, Reason};
use crossrole_iam::document::DocumentKind;
use crossrole_iam::{AccountId, Partition};

use super::*;
use crate::declaration::ObjectName;
use crate::observed::ObservedDocument;
use crate::owner::Owner;

pub(super) fn owner() -> Owner {
    Owner {
        cluster: "c1".into(),
        object: ObjectName {
            namespace: "security".into(),
            name: "auditors".into(),
        },
        predecessor: None,
    }
}

fn grant(to: &str) -> Grant {
    let text = format!(
        "{{apiVersion: crossrole.dev/v1alpha1, kind: AssumeRoleGrant, metadata: {{name: auditors, namespace: security}}, spec: {{account: identity, roles: {{names: [audit]}}, to: {to}}}}}"
    );
    let value: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
    let object: AssumeRoleGrant = serde_json::from_value(value).unwrap();
    Grant::parse(&object).unwrap()
}

fn identity() -> AccountId {
    "111111111111".parse().unwrap()
}

fn arn(account: usize) -> String {
    format!("arn:aws:iam::{account:012}:role/crossrole/CrossAccountSecurityAudit")
}

fn desired(accounts: impl IntoIterator<Item = usize>) -> DesiredGrant {
    let roles = accounts.into_iter().map(|account| (arn(account), Allows::default()));
    let roles: BTreeMap<String, Allows> = roles.collect();
    DesiredGrant::of(
        &grant("{groups: [SecAuditors]}"),
        owner(),
        (Partition::Aws, &identity()),
        roles,
    )
}

/// An account after all changes of a plan. Versions count on.
fn after(plan: &GrantPlan, mut observed: ObservedGrant) -> ObservedGrant {
    for (index, change) in plan.changes.iter().enumerate() {
        let made = Made {
            id: format!("ANPA{}", change.arn()),
            version: match change {
                GrantChange::CreatePolicy { .. } => "v1".into(),
                _ => format!("v{}", 100 + index),
            },
        };
        observed = apply(change, &observed, &made).unwrap_or_else(|| panic!("IAM refuses {change}\n{plan}"));
    }
    observed
}

fn made(desired: &DesiredGrant) -> ObservedGrant {
    let nothing = ObservedGrant::default();
    after(&converge(desired, &nothing, &Seen::new()).unwrap(), nothing)
}

fn summaries(plan: &GrantPlan) -> Vec<String> {
    plan.changes.iter().map(GrantChange::summary).collect()
}

#[test]
fn a_grant_is_one_policy_of_our_name_at_our_path_attached_once_it_is_right() {
    let plan = converge(
        &desired([222_222_222_222, 333_333_333_333]),
        &ObservedGrant::default(),
        &Seen::new(),
    )
    .unwrap();
    assert_eq!(
        plan.to_string(),
        "  1. created the policy security.auditors.1
       {
         \"Version\": \"2012-10-17\",
         \"Statement\": [
           {
             \"Sid\": \"AssumeRoles\",
             \"Effect\": \"Allow\",
             \"Action\": \"sts:AssumeRole\",
             \"Resource\": [
               \"arn:aws:iam::222222222222:role/crossrole/CrossAccountSecurityAudit\",
               \"arn:aws:iam::333333333333:role/crossrole/CrossAccountSecurityAudit\"
             ]
           }
         ]
       }
  2. attached the policy security.auditors.1 to group SecAuditors
"
    );
    let GrantChange::CreatePolicy { arn, tags, .. } = &plan.changes[0] else {
        panic!("{plan}")
    };
    assert_eq!(
        arn,
        "arn:aws:iam::111111111111:policy/crossrole-grants/security.auditors.1"
    );
    assert_eq!(*tags, owner().tags());
}

#[test]
fn what_an_account_gives_is_what_somebody_holds() {
    let desired = desired([1, 2]);
    let owner = &desired.owner;
    let nothing = ObservedGrant::default();
    let whole = made(&desired);
    let given = gives(owner, &whole, &Seen::new());
    assert!(given.is_there);
    assert_eq!(given.roles, Some(desired.roles.keys().cloned().collect()));
    assert!(!gives(owner, &nothing, &Seen::new()).is_there);

    // Made, and attached to nobody yet.
    let mut alone = whole.clone();
    alone.policies.get_mut(&1).unwrap().holders.clear();
    let given = gives(owner, &alone, &Seen::new());
    assert_eq!((given.is_there, given.roles), (true, Some(Default::default())));

    // Somebody made it say more.
    let mut edited = whole.clone();
    edited.policies.get_mut(&1).unwrap().document = ObservedDocument::of(crate::trust::closed());
    assert_eq!(gives(owner, &edited, &Seen::new()).roles, None);

    // Not ours.
    let mut foreign = whole;
    foreign.policies.get_mut(&1).unwrap().tags.clear();
    assert_eq!(
        gives(owner, &foreign, &Seen::new()),
        gives(owner, &nothing, &Seen::new())
    );
}

#[test]
fn what_is_taken_away_goes_first_and_older_versions_do_not_stay() {
    let before = made(&desired([2, 3]));
    let mut wanted = desired([3, 4]);
    wanted.holders = BTreeSet::from([Holder::new(HolderKind::Group, "Others")]);
    let plan = converge(&wanted, &before, &Seen::new()).unwrap();
    assert_eq!(
        summaries(&plan),
        [
            "detached the policy security.auditors.1 from group SecAuditors",
            "set what the policy security.auditors.1 allows",
            "deleted version v1 of the policy security.auditors.1",
            "attached the policy security.auditors.1 to group Others",
        ]
    );
    let nothing = converge(&wanted, &after(&plan, before), &Seen::new()).unwrap();
    assert!(nothing.is_empty(), "{nothing}");
}

#[test]
fn a_policy_that_has_all_versions_that_it_can_have_loses_its_oldest_first() {
    let mut before = made(&desired([2]));
    before.policies.get_mut(&1).unwrap().older = ["v7", "v8", "v9", "v10"].map(String::from).to_vec();
    let plan = converge(&desired([3]), &before, &Seen::new()).unwrap();
    assert_eq!(
        summaries(&plan)[0],
        "deleted version v7 of the policy security.auditors.1"
    );
    assert!(after(&plan, before).policies[&1].older.is_empty());
}

#[test]
fn names_of_groups_are_compared_as_iam_compares_them() {
    let mut before = made(&desired([2]));
    before.policies.get_mut(&1).unwrap().holders = BTreeSet::from([Holder::new(HolderKind::Group, "secauditors")]);
    assert!(converge(&desired([2]), &before, &Seen::new()).unwrap().is_empty());
}

#[test]
fn many_roles_are_split_over_several_policies_and_too_many_are_refused() {
    let many = desired(1..=300);
    let parts = many.parts();
    assert!((2..=10).contains(&parts.len()), "{}", parts.len());
    let sizes: Vec<usize> = parts.iter().map(|part| part.document.size()).collect();
    assert!(sizes.iter().all(|size| *size <= 6144), "{sizes:?}");
    // Each but the last is as full as can be.
    assert!(sizes.iter().rev().skip(1).all(|size| *size > 6000), "{sizes:?}");
    for part in &parts {
        part.document.check(DocumentKind::Managed).unwrap();
        assert!(part.name.len() <= 128);
    }
    let refusal = converge(&desired(1..=1500), &ObservedGrant::default(), &Seen::new()).unwrap_err();
    assert_eq!(refusal.reason, Reason::QuotaExceeded);
}

#[test]
fn a_role_that_moves_into_a_new_policy_is_in_that_one_first() {
    let full = (2..).find(|last| desired(1..=*last).parts().len() > 1).unwrap() - 1;
    let before = made(&desired(2..=full + 1));
    let plan = converge(&desired(1..=full + 1), &before, &Seen::new()).unwrap();
    assert_eq!(
        summaries(&plan),
        [
            "created the policy security.auditors.2",
            "attached the policy security.auditors.2 to group SecAuditors",
            "set what the policy security.auditors.1 allows",
            "deleted version v1 of the policy security.auditors.1",
        ]
    );
}

#[test]
fn what_nobody_may_do_any_more_goes_before_anything_comes_where_that_shuts_nobody_out() {
    let before = made(&desired([2, 3]));
    let plan = converge(&desired([3].into_iter().chain(5..=150)), &before, &Seen::new()).unwrap();
    assert_eq!(
        summaries(&plan)[..2],
        [
            "set what the policy security.auditors.1 allows",
            "deleted version v1 of the policy security.auditors.1",
        ]
    );
}

#[test]
fn a_foreign_policy_of_our_name_is_never_touched() {
    let mut before = made(&desired([2]));
    before.policies.get_mut(&1).unwrap().tags.clear();
    let seen = Seen::from([before.policies[&1].id.clone()]);
    let refusal = converge(&desired([3]), &before, &Seen::new()).unwrap_err();
    assert_eq!(refusal.reason, Reason::ForeignPolicy);
    assert!(narrow(&desired([3]), &before, &Seen::new()).is_empty());
    assert!(leave(&owner(), &before, &Seen::new()).is_empty());
    // Unless this process saw it with our tags.
    let repaired = converge(&desired([2]), &before, &seen).unwrap();
    assert_eq!(summaries(&repaired), ["tagged the policy security.auditors.1"]);
}

#[test]
fn a_refused_grant_loses_what_is_no_longer_asked_for_and_gets_nothing() {
    let mut before = made(&desired([2, 3]));
    let stranger = Holder::new(HolderKind::User, "ada");
    before.policies.get_mut(&1).unwrap().holders.insert(stranger);
    let plan = narrow(&desired([3, 4]), &before, &Seen::new());
    assert_eq!(
        summaries(&plan),
        [
            "detached the policy security.auditors.1 from user ada",
            "set what the policy security.auditors.1 allows",
            "deleted version v1 of the policy security.auditors.1",
        ]
    );
    let left = after(&plan, before);
    assert_eq!(
        left.policies[&1].document,
        ObservedDocument::of(desired([3]).parts()[0].document.clone())
    );
    assert!(narrow(&desired([3, 4]), &left, &Seen::new()).is_empty());
    let nothing_selected = narrow(&desired([]), &left, &Seen::new());
    assert!(after(&nothing_selected, left).policies.is_empty());
}

#[test]
fn a_role_at_another_path_than_the_class_lists_is_given_nothing() {
    let roles = BTreeMap::from([(arn(2), Allows::default())]);
    let wanted = DesiredGrant::of(
        &grant("{roles: [ci/deployer]}"),
        owner(),
        (Partition::Aws, &identity()),
        roles,
    );
    let unseen = converge(&wanted, &ObservedGrant::default(), &Seen::new()).unwrap();
    assert_eq!(summaries(&unseen), ["created the policy security.auditors.1"]);
    let lacking = lacking(&wanted, &ObservedGrant::default()).unwrap();
    assert_eq!(lacking.reason, Reason::GranteeNotFound);
    let at = |path: &str| ObservedGrant {
        role_paths: BTreeMap::from([("deployer".to_string(), path.to_string())]),
        ..ObservedGrant::default()
    };
    let seen = converge(&wanted, &at("/ci/"), &Seen::new()).unwrap();
    assert_eq!(
        summaries(&seen)[1..],
        ["attached the policy security.auditors.1 to role deployer"]
    );
    assert_eq!(super::lacking(&wanted, &at("/ci/")), None);
    let mut elsewhere = at("/crossrole/");
    let refusal = converge(&wanted, &elsewhere, &Seen::new()).unwrap_err();
    assert_eq!(refusal.reason, Reason::GrantNotAllowed);
    // Nor does it keep what somebody else gave to it.
    elsewhere.policies = made(&desired([2])).policies;
    let policy = elsewhere.policies.get_mut(&1).unwrap();
    policy.holders = BTreeSet::from([Holder::new(HolderKind::Role, "Deployer")]);
    assert_eq!(
        summaries(&narrow(&wanted, &elsewhere, &Seen::new())),
        ["detached the policy security.auditors.1 from role Deployer"]
    );
    elsewhere.role_paths.insert("deployer".into(), "/ci/".into());
    assert!(narrow(&wanted, &elsewhere, &Seen::new()).is_empty());
}
