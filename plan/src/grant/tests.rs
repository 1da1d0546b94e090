use std::collections::{BTreeMap, BTreeSet};

use crossrole_api::{AssumeRoleGrant, Reason};
use crossrole_iam::document::DocumentKind;
use crossrole_iam::{AccountId, Document, Partition, RoleName};

use super::*;
use crate::declaration::ObjectName;
use crate::observed::ObservedDocument;
use crate::owner::Owner;
use crate::rules::Rules;
use crate::select::Labels;
use crate::testing::{account, check_table, class, verdict};
use crate::trust;

fn owner() -> Owner {
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
fn what_is_taken_away_goes_first_and_older_versions_do_not_stay() {
    let before = made(&desired([2, 3]));
    let mut wanted = desired([3, 4]);
    wanted.holders = BTreeSet::from([Holder::new(HolderKind::Role, "ci")]);
    let plan = converge(&wanted, &before, &Seen::new()).unwrap();
    assert_eq!(
        summaries(&plan),
        [
            "detached the policy security.auditors.1 from group SecAuditors",
            "set what the policy security.auditors.1 allows",
            "deleted version v1 of the policy security.auditors.1",
            "attached the policy security.auditors.1 to role ci",
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
    let at = |path: &str| ObservedGrant {
        role_paths: BTreeMap::from([("deployer".to_string(), path.to_string())]),
        ..ObservedGrant::default()
    };
    assert!(converge(&wanted, &at("/ci/"), &Seen::new()).is_ok());
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

const CLASS: &str = "
bootstrapRole: {name: crossrole-bootstrap}
guardrails: {permissionsBoundary: None}
grants: {role: crossrole-grants, allowedNamespaces: {names: [security]}, groups: [SecAuditors], roles: [ci/deployer]}
";

fn rules(replaced: &(&str, &str)) -> Result<Rules, crate::refusal::Refusal> {
    assert!(CLASS.contains(replaced.0), "{}", replaced.0);
    Rules::parse(&class(&CLASS.replace(replaced.0, replaced.1)))
}

#[test]
fn a_class_gives_nothing_to_the_roles_by_which_crossrole_works() {
    check_table(
        &[
            ("as it is", ("", ""), "passes"),
            (
                "the bootstrap role",
                ("[ci/deployer]", "[Crossrole-Bootstrap]"),
                "InvalidClass, AccountClass spec.grants.roles: role Crossrole-Bootstrap is the bootstrap role, and is given nothing: take it out",
            ),
            (
                "the grant role",
                ("[ci/deployer]", "[a/crossrole-grants]"),
                "InvalidClass, AccountClass spec.grants.roles: role a/crossrole-grants is the grant role, and is given nothing: take it out",
            ),
            (
                "a role below rolePath",
                ("[ci/deployer]", "[crossrole/audit]"),
                "InvalidClass, AccountClass spec.grants.roles: role crossrole/audit is one of the roles that crossrole makes, and is given nothing: take it out",
            ),
            (
                "a role of the organisation",
                ("[ci/deployer]", "[OrganizationAccountAccessRole]"),
                "InvalidClass, AccountClass spec.grants.roles: role OrganizationAccountAccessRole is a role that crossrole never touches, and is given nothing: take it out",
            ),
            (
                "one role for both",
                ("crossrole-grants", "crossrole-bootstrap"),
                "InvalidClass, AccountClass spec.grants.role: the grant role must be another than the bootstrap role",
            ),
            (
                "a grant role where roles are made",
                ("crossrole-grants", "crossrole/grants"),
                "InvalidClass, AccountClass spec.grants.role: the grant role must live outside /crossrole/, where roles are made",
            ),
        ],
        |replaced| verdict(rules(replaced)),
    );
}

#[test]
fn a_grant_is_given_only_where_the_class_says_so() {
    let says = |(replaced, to, made): &((&str, &str), &str, bool)| {
        let rules = rules(replaced).unwrap();
        verdict(judge(&Request {
            grant: &grant(to),
            account: &account(),
            rules: &rules,
            namespace_labels: &Labels::new(),
            hub_role: Some(("222222222222", "deployer")),
            is_made_here: &|_: &RoleName| *made,
        }))
    };
    let as_is = ("", "");
    check_table(
        &[
            ("a listed group", (as_is, "{groups: [SecAuditors]}", false), "passes"),
            (
                "another group",
                (as_is, "{groups: [SecAuditors, Admins]}", false),
                "GrantNotAllowed, spec.to.groups: AccountClass production does not allow anything to be given to group Admins: its owner can add it to spec.grants.groups",
            ),
            (
                "a listed group at another path",
                (as_is, "{groups: [x/SecAuditors]}", false),
                "GrantNotAllowed, spec.to.groups: AccountClass production does not allow anything to be given to group x/SecAuditors: its owner can add it to spec.grants.groups",
            ),
            (
                "the operator's own role",
                (as_is, "{roles: [ci/deployer]}", false),
                "ProtectedRole, spec.to.roles: deployer is the role that the operator itself runs as, and is given nothing: take it out",
            ),
            (
                "a role that an object holds",
                (("[ci/deployer]", "[ci/other]"), "{roles: [ci/other]}", true),
                "ProtectedRole, spec.to.roles: other is a role that crossrole makes, and is given nothing: take it out",
            ),
            (
                "another namespace",
                (("[security]", "[other]"), "{groups: [SecAuditors]}", false),
                "NamespaceNotAllowed, AccountClass production does not allow namespace security to grant: its owner can add it to spec.grants.allowedNamespaces",
            ),
            (
                "a class without grants",
                (
                    (
                        "grants: {role: crossrole-grants, allowedNamespaces: {names: [security]}, groups: [SecAuditors], roles: [ci/deployer]}",
                        "",
                    ),
                    "{groups: [SecAuditors]}",
                    false,
                ),
                "GrantNotAllowed, spec.account: AccountClass production has no spec.grants: nobody can grant in its accounts",
            ),
        ],
        says,
    );
}

#[test]
fn a_class_that_closes_what_it_no_longer_allows_leaves_to_each_what_it_still_allows() {
    let keep = |replaced: &(&str, &str), to: &str, on_violation: &str| {
        let guardrails = format!("permissionsBoundary: None, onViolation: {on_violation}");
        let text = CLASS.replace("permissionsBoundary: None", &guardrails);
        let rules = Rules::parse(&class(&text.replace(replaced.0, replaced.1))).unwrap();
        let kept = keeping(&Request {
            grant: &grant(to),
            account: &account(),
            rules: &rules,
            namespace_labels: &Labels::new(),
            hub_role: None,
            is_made_here: &|_: &RoleName| false,
        });
        kept.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let (as_is, to) = (("", ""), "{groups: [SecAuditors, Admins], roles: [ci/other]}");
    assert_eq!(keep(&as_is, to, "Close"), ["group SecAuditors"]);
    assert_eq!(
        keep(&as_is, to, "Freeze"),
        ["group Admins", "group SecAuditors", "role other"]
    );
    let other_namespace = ("[security]", "[other]");
    assert!(keep(&other_namespace, to, "Close").is_empty());
    assert_eq!(keep(&other_namespace, to, "Freeze").len(), 3);
}

fn statement(principal: &str, conditions: &str) -> Document {
    let text = format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Principal": {principal}, "Action": "sts:AssumeRole", "Condition": {{{conditions}}}}}]}}"#
    );
    Document::parse(&text, DocumentKind::Trust).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Whether a trust policy admits the users of a group, a role, and names their account.
fn said(trust: &Document) -> String {
    let (partition, identity) = (Partition::Aws, identity());
    let all = |to: &str| grant(to).grantees.into_iter().next().unwrap();
    let (group, role) = (all("{groups: [SecAuditors]}"), all("{roles: [ci/deployer]}"));
    let word = |yes: bool, word: &'static str| if yes { word } else { "-" };
    [
        word(admits(trust, &group, partition, &identity), "users"),
        word(admits(trust, &role, partition, &identity), "role"),
        word(names_account(trust, &group, partition, &identity), "named"),
    ]
    .join(" ")
}

#[test]
fn the_other_side_admits_whom_its_trust_policy_speaks_of() {
    let account = r#"{"AWS": "111111111111"}"#;
    let users = r#""ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111111111111:user/*"}"#;
    let mfa = r#""Bool": {"aws:MultiFactorAuthPresent": "true"}"#;
    let organization = r#""StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}"#;
    check_table(
        &[
            ("the account", statement(account, ""), "users role named"),
            (
                "its root",
                statement(r#"{"AWS": "arn:aws:iam::111111111111:root"}"#, ""),
                "users role named",
            ),
            ("its users", statement(account, users), "users - named"),
            (
                "with MFA, which a role has not",
                statement(account, mfa),
                "users - named",
            ),
            ("another account", statement(r#"{"AWS": "999999999999"}"#, ""), "- - -"),
            (
                "an external id is theirs to bring",
                statement(account, r#""StringEquals": {"sts:ExternalId": "abc"}"#),
                "users role named",
            ),
            (
                "the organisation",
                statement(r#"{"AWS": "*"}"#, organization),
                "users role -",
            ),
            (
                "a role",
                statement(r#"{"AWS": "arn:aws:iam::111111111111:role/ci/deployer"}"#, ""),
                "- role -",
            ),
            (
                "another role",
                statement(r#"{"AWS": "arn:aws:iam::111111111111:role/deployer"}"#, ""),
                "- - -",
            ),
            (
                "a user, who may be in the group",
                statement(r#"{"AWS": "arn:aws:iam::111111111111:user/ada"}"#, ""),
                "users - named",
            ),
            ("nobody", trust::closed(), "- - -"),
        ],
        said,
    );
}
