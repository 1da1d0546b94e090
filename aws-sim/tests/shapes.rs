//! The members of each answer, and the texts of refusals, against recordings of the real service. The recordings lie
//! beside the project and are read in place; where they are missing, there is nothing to compare.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use serde_json::{Value, json};
use support::recordings::{Recordings, compare, tree};
use support::{Aws, policy, trust};

const ACCOUNT: &str = "111111111111";

type Parameters = Vec<(String, String)>;

#[test]
fn answers_have_the_members_of_the_real_ones() {
    let Some(mut recorded) = Recordings::open() else { return };
    let (aws, root) = Aws::with_account(ACCOUNT);
    let iam = |action: &str, parameters: &[(&str, &str)]| aws.iam(&root, action, parameters).ok();
    let ec2 = trust(json!({"Service": "ec2.amazonaws.com"}), Value::Null).to_string();
    let document = policy("Allow", &["s3:ListBucket"], "*").to_string();
    let role = ("RoleName", "r");
    let mine = ("PolicyArn", "arn:aws:iam::111111111111:policy/p");

    let created = iam("CreateRole", &[role, ("AssumeRolePolicyDocument", &ec2)]);
    recorded.same_members("test_create_role_defaults", "create-role-response", &created);
    recorded.same_members(
        "test_create_role_defaults",
        "get-role-response",
        &iam("GetRole", &[role]),
    );
    iam("UpdateRole", &[role, ("Description", "x")]);
    recorded.same_members("test_update_role", "get-role-after-update", &iam("GetRole", &[role]));
    let described = iam("UpdateRoleDescription", &[role, ("Description", "x")]);
    recorded.same_members("test_update_role", "update-role-description-response", &described);
    iam("UpdateRole", &[role, ("Description", "")]);
    let listed = iam("ListRoles", &[]);
    recorded.same_members("test_create_describe_role", "list-roles-result", &listed);
    recorded.same_members(
        "test_role_tag_operations",
        "list-role-tags-empty",
        &iam("ListRoleTags", &[role]),
    );
    let tags = [
        role,
        ("Tags.member.1.Key", "somekey"),
        ("Tags.member.1.Value", "somevalue"),
        ("Tags.member.2.Key", "someotherkey"),
        ("Tags.member.2.Value", "someothervalue"),
    ];
    iam("TagRole", &tags);
    recorded.same_members(
        "test_role_tag_operations",
        "get-role-with-tags",
        &iam("GetRole", &[role]),
    );
    recorded.same_members(
        "test_role_tag_operations",
        "list-role-tags",
        &iam("ListRoleTags", &[role]),
    );

    let made = iam("CreatePolicy", &[("PolicyName", "p"), ("PolicyDocument", &document)]);
    recorded.same_members(
        "test_get_account_authorization_details_filter_role",
        "create-policy",
        &made,
    );
    recorded.same_members(
        "test_policy_lifecycle[/]",
        "get-policy-response",
        &iam("GetPolicy", &[mine]),
    );
    let version = [
        (
            "PolicyArn",
            "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
        ),
        ("VersionId", "v1"),
    ];
    let version = iam("GetPolicyVersion", &version);
    recorded.same_members("test_get_aws_managed_policy_version", "get-version-v1", &version);
    iam("AttachRolePolicy", &[role, mine]);
    let attached = iam("ListAttachedRolePolicies", &[role]);
    recorded.same_members(
        "test_attach_detach_aws_managed_policy_role",
        "list-attached-after-detach",
        &attached,
    );
    iam(
        "PutRolePolicy",
        &[role, ("PolicyName", "i"), ("PolicyDocument", &document)],
    );
    let profile = ("InstanceProfileName", "p");
    let made = iam("CreateInstanceProfile", &[profile]);
    recorded.same_members(
        "test_delete_role_with_instance_profile",
        "create-instance-profile",
        &made,
    );
    iam("AddRoleToInstanceProfile", &[profile, role]);
    let details = iam("GetAccountAuthorizationDetails", &[("Filter.member.1", "Role")]);
    let mut expected = recorded.step(
        "test_get_account_authorization_details_filter_role",
        "role-filter-result",
    );
    let whole = tree(&details.body)["GetAccountAuthorizationDetailsResult"].clone();
    compare(
        &expected["RoleDetailList"].take(),
        &whole["RoleDetailList"],
        "role-filter-result",
        &mut recorded.wrong,
    );

    let user = json!({"name": "u", "policies": {"i": policy("Allow", &["s3:ListBucket"], "*")}});
    aws.post("/accounts/111111111111/users", &user);
    let group = json!({"name": "g", "policies": {"i": policy("Allow", &["s3:ListBucket"], "*")}});
    aws.post("/accounts/111111111111/groups", &group);
    let whole = tree(&iam("GetAccountAuthorizationDetails", &[]).body)["GetAccountAuthorizationDetailsResult"].clone();
    let mut expected = recorded.step(
        "test_get_account_authorization_details_with_inline_policies",
        "inline-policies-result",
    );
    for list in ["UserDetailList", "GroupDetailList"] {
        compare(&expected[list].take(), &whole[list], list, &mut recorded.wrong);
    }
    let mut expected = recorded.step("test_get_account_authorization_details_no_filter", "no-filter-result");
    compare(
        &expected["Policies"].take(),
        &whole["Policies"],
        "Policies",
        &mut recorded.wrong,
    );
    let summary = iam("GetAccountSummary", &[]);
    recorded.same_members("test_get_account_summary_format", "transformed-summary", &summary);

    let ada = aws.user(ACCOUNT, "ada", json!({"a": policy("Allow", &["sts:AssumeRole"], "*")}));
    let open = trust(json!({"AWS": ACCOUNT}), Value::Null).to_string();
    iam(
        "CreateRole",
        &[("RoleName", "open"), ("AssumeRolePolicyDocument", &open)],
    );
    let session = aws.assume(&ada, "arn:aws:iam::111111111111:role/open", &[]).ok();
    recorded.same_members("TestSTSIntegrations::test_assume_role", "assume-role", &session);
    let identity = aws.sts(&session.keys(), "GetCallerIdentity", &[]).ok();
    let test = "test_get_caller_identity_with_assumed_role_credentials";
    recorded.same_members(test, "caller-identity-assumed-role", &identity);
    let token = aws.sts(&ada, "GetSessionToken", &[]).ok();
    recorded.same_members("test_get_session_token", "get-session-token", &token);

    println!("{} recorded answers compared", recorded.compared);
    assert!(recorded.wrong.is_empty(), "{}", recorded.wrong.join("\n"));
}

#[test]
fn refusals_have_the_words_of_the_real_ones() {
    let Some(mut recorded) = Recordings::open() else { return };
    let (aws, root) = Aws::with_account(ACCOUNT);
    let ec2 = trust(json!({"Service": "ec2.amazonaws.com"}), Value::Null).to_string();
    let missing = ("RoleName", "test-nonexistent-role");
    let long = ["k".repeat(129), "v".repeat(257)];
    let owned = |parameters: &[(&str, &str)]| -> Parameters {
        parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    };
    let many = |name: &str| {
        (1..=51)
            .map(|at| (name.replace('N', &at.to_string()), format!("k{at}")))
            .collect()
    };
    let create = owned(&[("RoleName", "r"), ("AssumeRolePolicyDocument", &ec2)]);
    let tag = owned(&[("RoleName", "r")]);
    aws.iam(
        &root,
        "CreateRole",
        &[("RoleName", "r"), ("AssumeRolePolicyDocument", &ec2)],
    )
    .ok();

    let mut cases: Vec<(&str, &str, &str, Parameters)> = vec![
        ("test_role_errors", "get-role-error", "GetRole", owned(&[missing])),
        ("test_role_errors", "update-role-error", "UpdateRole", owned(&[missing])),
        ("test_role_errors", "delete-role-error", "DeleteRole", owned(&[missing])),
        (
            "test_role_tag_errors",
            "list-tags-nonexistent-role-error",
            "ListRoleTags",
            owned(&[missing]),
        ),
        (
            "test_role_tag_errors",
            "tag-nonexistent-role-error",
            "TagRole",
            owned(&[missing, ("Tags.member.1.Key", "k")]),
        ),
        (
            "test_role_tag_errors",
            "untag-nonexistent-role-error",
            "UntagRole",
            owned(&[missing, ("TagKeys.member.1", "k")]),
        ),
        (
            "test_attach_detach_aws_managed_policy_role",
            "detach-nonexistent-policy-error",
            "DetachRolePolicy",
            owned(&[("RoleName", "r"), ("PolicyArn", "arn:aws:iam::aws:policy/Nonexistent")]),
        ),
        (
            "test_aws_managed_policy_errors",
            "delete-managed-policy-error",
            "DeletePolicy",
            owned(&[("PolicyArn", "arn:aws:iam::aws:policy/SecurityAudit")]),
        ),
    ];
    for (end, extra) in [
        ("too-many-tags", many("Tags.member.N.Key")),
        (
            "duplicate-tags",
            owned(&[("Tags.member.1.Key", "a"), ("Tags.member.2.Key", "a")]),
        ),
        (
            "duplicate-tags-different-case",
            owned(&[("Tags.member.1.Key", "a"), ("Tags.member.2.Key", "A")]),
        ),
        ("tag-key-too-long", owned(&[("Tags.member.1.Key", &long[0])])),
        (
            "tag-value-too-long",
            owned(&[("Tags.member.1.Key", "k"), ("Tags.member.1.Value", &long[1])]),
        ),
        ("tag-invalid-char", owned(&[("Tags.member.1.Key", "k!")])),
    ] {
        for (prefix, action, first) in [("create-role", "CreateRole", &create), ("tag-role", "TagRole", &tag)] {
            let label: &str = format!("{prefix}-{end}").leak();
            cases.push((
                "test_role_tag_errors",
                label,
                action,
                [first.clone(), extra.clone()].concat(),
            ));
        }
    }
    for (label, extra) in [
        ("untag-role-too-many-keys", many("TagKeys.member.N")),
        ("untag-role-key-too-long", owned(&[("TagKeys.member.1", &long[0])])),
        ("untag-role-invalid-char", owned(&[("TagKeys.member.1", "k!")])),
    ] {
        cases.push((
            "test_role_tag_errors",
            label,
            "UntagRole",
            [tag.clone(), extra].concat(),
        ));
    }
    for (test, label, action, parameters) in &cases {
        let parameters: Vec<_> = parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        recorded.same_refusal(test, label, &aws.iam(&root, action, &parameters));
    }

    let ada = aws.user(ACCOUNT, "ada", json!({}));
    let assume =
        |arn: &str, session: &str| aws.sts(&ada, "AssumeRole", &[("RoleArn", arn), ("RoleSessionName", session)]);
    for (label, arn) in [
        ("malformed-arn", "nothing-valid-in-here"),
        ("no-partition", "arn::b:::something/test-role"),
        ("no-service", "arn:a::::something/test-role"),
        ("not-enough-colons", "arn:a:::something/test-role"),
        ("no-resource", "arn:a:a::aaaaaaaaaa:"),
    ] {
        recorded.same_refusal("test_sts_invalid_parameters", label, &assume(arn, "Session1"));
    }
    let arn = "arn:aws:iam::111111111111:role/r";
    recorded.same_refusal(
        "test_sts_invalid_parameters",
        "invalid-session-name",
        &assume(arn, "Session1:2"),
    );
    let long = assume(arn, &"s".repeat(65));
    recorded.same_refusal(
        "test_assume_role_session_name_too_long",
        "session-name-too-long-error",
        &long,
    );
    println!("{} recorded refusals compared", recorded.compared);
    assert!(recorded.wrong.is_empty(), "{}", recorded.wrong.join("\n"));
}
