//! Managed policies with their versions, groups, and the quotas of the account summary.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::{Answer, Aws, Keys, policy, trust};

const ACCOUNT: &str = "222222222222";
const POLICY: (&str, &str) = ("PolicyArn", "arn:aws:iam::222222222222:policy/p");

fn make(aws: &Aws, root: &Keys, name: &str, action: &str) -> Answer {
    let text = policy("Allow", &[action], "*").to_string();
    aws.iam(root, "CreatePolicy", &[("PolicyName", name), ("PolicyDocument", &text)])
}

fn add_version(aws: &Aws, root: &Keys, action: &str, in_force: &str) -> Answer {
    let text = policy("Allow", &[action], "*").to_string();
    let version = [POLICY, ("PolicyDocument", &text), ("SetAsDefault", in_force)];
    aws.iam(root, "CreatePolicyVersion", &version)
}

#[test]
fn only_the_default_version_of_a_policy_is_in_force() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    make(&aws, &root, "p", "iam:ListRoles").ok();
    let ada = aws.user(ACCOUNT, "ada", json!({}));
    aws.iam(&root, "AttachUserPolicy", &[("UserName", "ada"), POLICY]).ok();
    let may = || {
        [("ListRoles", &[][..]), ("GetAccountSummary", &[][..])]
            .map(|(action, parameters)| aws.iam(&ada, action, parameters).status == 200)
    };
    assert_eq!(may(), [true, false]);
    let made = add_version(&aws, &root, "iam:GetAccountSummary", "false").ok();
    assert_eq!(
        (made.text("VersionId"), made.text("IsDefaultVersion")),
        ("v2".into(), "false".into())
    );
    assert_eq!(may(), [true, false]);
    aws.iam(&root, "SetDefaultPolicyVersion", &[POLICY, ("VersionId", "v2")])
        .ok();
    assert_eq!(may(), [false, true]);
    let held = aws.iam(&root, "GetPolicy", &[POLICY]).ok();
    assert_eq!(held.text("DefaultVersionId"), "v2");
    let delete = |version: &str| aws.iam(&root, "DeletePolicyVersion", &[POLICY, ("VersionId", version)]);
    let refused = delete("v2").refused("DeleteConflict");
    assert_eq!(
        refused.text("Message"),
        "Cannot delete the default version of a policy."
    );
    delete("v1").ok();
    delete("v1").refused("NoSuchEntity");
}

#[test]
fn a_policy_has_five_versions_at_most_and_never_the_same_number_twice() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    make(&aws, &root, "p", "iam:ListRoles").ok();
    for number in 2..=5 {
        assert_eq!(
            add_version(&aws, &root, "s3:*", "false").ok().text("VersionId"),
            format!("v{number}")
        );
    }
    let refused = add_version(&aws, &root, "s3:*", "false").refused("LimitExceeded");
    assert!(
        refused
            .text("Message")
            .starts_with("A managed policy can have up to 5 versions.")
    );
    aws.iam(&root, "DeletePolicyVersion", &[POLICY, ("VersionId", "v5")])
        .ok();
    assert_eq!(add_version(&aws, &root, "s3:*", "true").ok().text("VersionId"), "v6");
    let refused = aws.iam(&root, "DeletePolicy", &[POLICY]).refused("DeleteConflict");
    assert!(
        refused
            .text("Message")
            .starts_with("This policy has more than one version.")
    );
    for version in ["v1", "v2", "v3", "v4"] {
        aws.iam(&root, "DeletePolicyVersion", &[POLICY, ("VersionId", version)])
            .ok();
    }
    aws.iam(&root, "DeletePolicy", &[POLICY]).ok();
}

#[test]
fn a_group_gives_its_policies_to_its_users() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    make(&aws, &root, "p", "iam:ListRoles").ok();
    let ada = aws.user(ACCOUNT, "ada", json!({}));
    let (group, user) = (("GroupName", "Auditors"), ("UserName", "ada"));
    aws.iam(&root, "CreateGroup", &[group]).ok();
    aws.iam(&root, "CreateGroup", &[("GroupName", "AUDITORS")])
        .refused("EntityAlreadyExists");
    aws.iam(&root, "AttachGroupPolicy", &[group, POLICY]).ok();
    aws.iam(&ada, "ListRoles", &[]).refused("AccessDenied");
    aws.iam(&root, "AddUserToGroup", &[("GroupName", "auditors"), user])
        .ok();
    aws.iam(&ada, "ListRoles", &[]).ok();
    assert_eq!(aws.iam(&root, "GetGroup", &[group]).ok().texts("UserName"), ["ada"]);
    let blocked = |what: &str| {
        let refused = aws.iam(&root, "DeleteGroup", &[group]).refused("DeleteConflict");
        assert_eq!(
            refused.text("Message"),
            format!("Cannot delete entity, must {what} first.")
        );
    };
    blocked("remove users from group");
    aws.iam(&root, "RemoveUserFromGroup", &[group, user]).ok();
    aws.iam(&ada, "ListRoles", &[]).refused("AccessDenied");
    blocked("detach all policies");
    let refused = aws.iam(&root, "DeletePolicy", &[POLICY]).refused("DeleteConflict");
    assert_eq!(refused.text("Message"), "Cannot delete a policy attached to entities.");
    aws.iam(&root, "DetachGroupPolicy", &[group, POLICY]).ok();
    aws.iam(&root, "DetachGroupPolicy", &[group, POLICY])
        .refused("NoSuchEntity");
    aws.iam(&root, "DeleteGroup", &[group]).ok();
    aws.iam(&root, "GetGroup", &[group]).refused("NoSuchEntity");
}

#[test]
fn the_quotas_of_the_account_summary_are_those_that_are_held() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    let quotas = json!({"roles": 2, "attachedPerRole": 1, "tagsPerRole": 2, "trustPolicySize": 200,
        "rolePolicySize": 220, "policies": 2, "policySize": 130});
    aws.post("/accounts/222222222222/quotas", &quotas);
    let summary = aws.iam(&root, "GetAccountSummary", &[]).ok();
    for (name, value) in [
        ("RolesQuota", 2),
        ("AttachedPoliciesPerRoleQuota", 1),
        ("AssumeRolePolicySizeQuota", 200),
        ("RolePolicySizeQuota", 220),
        ("PoliciesQuota", 2),
        ("PolicySizeQuota", 130),
    ] {
        let entry = format!("<key>{name}</key><value>{value}</value>");
        assert!(summary.body.contains(&entry), "{name}");
    }
    let says = |answer: Answer| answer.refused("LimitExceeded").text("Message");
    let text = trust(json!({"Service": "ec2.amazonaws.com"}), Value::Null).to_string();
    let create = |name: &str, text: &str| {
        aws.iam(
            &root,
            "CreateRole",
            &[("RoleName", name), ("AssumeRolePolicyDocument", text)],
        )
    };
    // White space does not count.
    create("a", &text.replace("\":", &format!("\": {}", " ".repeat(100)))).ok();
    let long = text.replace("ec2", &"e".repeat(100));
    assert_eq!(
        says(create("long", &long)),
        "Cannot exceed quota for ACLSizePerRole: 200"
    );
    create("b", &text).ok();
    assert_eq!(says(create("c", &text)), "Cannot exceed quota for RolesPerAccount: 2");

    let role = ("RoleName", "a");
    let attach = |name: &str| {
        let arn = format!("arn:aws:iam::aws:policy/{name}");
        aws.iam(&root, "AttachRolePolicy", &[role, ("PolicyArn", &arn)])
    };
    attach("SecurityAudit").ok();
    attach("SecurityAudit").ok();
    assert_eq!(
        says(attach("ReadOnlyAccess")),
        "Cannot exceed quota for PoliciesPerRole: 1"
    );

    let document = policy("Allow", &["s3:GetObject"], "*").to_string();
    let put = |name: &str| {
        aws.iam(
            &root,
            "PutRolePolicy",
            &[role, ("PolicyName", name), ("PolicyDocument", &document)],
        )
    };
    put("i").ok();
    put("j").ok();
    put("j").ok();
    assert_eq!(says(put("k")), "Maximum policy size of 220 bytes exceeded for role a");

    let tag = |key: &str| {
        aws.iam(
            &root,
            "TagRole",
            &[role, ("Tags.member.1.Key", key), ("Tags.member.1.Value", "v")],
        )
    };
    tag("one").ok();
    tag("two").ok();
    tag("TWO").ok();
    assert_eq!(says(tag("three")), "Cannot exceed quota for TagsPerRole: 2");

    make(&aws, &root, "p", "s3:Get*").ok();
    assert_eq!(
        says(make(&aws, &root, "q", &format!("s3:{}", "G".repeat(60)))),
        "Cannot exceed quota for PolicySize: 130"
    );
    make(&aws, &root, "q", "s3:Get*").ok();
    assert_eq!(
        says(make(&aws, &root, "r", "s3:Get*")),
        "Cannot exceed quota for PoliciesPerAccount: 2"
    );
}
