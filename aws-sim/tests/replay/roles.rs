//! Roles, their tags, and the policies attached to them.

use serde_json::{Value, json};

use super::recording::{ACCOUNT, Replay, Scene};
use crate::support::trust;

pub fn ec2() -> String {
    trust(json!({"Service": "ec2.amazonaws.com"}), Value::Null).to_string()
}

pub const ROLE: (&str, &str) = ("RoleName", "r");

pub fn play(replay: &mut Replay) {
    life(replay);
    update(replay);
    paths(replay);
    pages(replay);
    tags(replay);
    tag_errors(replay);
    attached(replay);
    service_linked(replay);
}

fn life(replay: &mut Replay) {
    let text = ec2();
    let create = [ROLE, ("AssumeRolePolicyDocument", text.as_str())];
    let missing = ("RoleName", "test-nonexistent-role");
    let mut scene = replay.test("test_role_errors");
    scene.iam("get-role-error", "GetRole", &[missing]);
    scene.iam("update-role-error", "UpdateRole", &[missing]);
    scene.iam("delete-role-error", "DeleteRole", &[missing]);
    scene.iam("create-role-for-duplicate-test", "CreateRole", &create);
    scene.iam("create-role-already-exists-error", "CreateRole", &create);

    let mut scene = replay.test("test_create_role_defaults");
    scene.iam("create-role-response", "CreateRole", &create);
    scene.iam("get-role-response", "GetRole", &[ROLE]);

    let mut scene = replay.test("TestRoleLifecycle::test_update_assume_role_policy");
    let listed = json!({"Version": "2012-10-17", "Statement": [{"Action": ["sts:AssumeRole"], "Effect": "Allow",
        "Principal": {"Service": ["ec2.amazonaws.com"]}}]})
    .to_string();
    scene.iam(
        "created_role",
        "CreateRole",
        &[ROLE, ("AssumeRolePolicyDocument", &listed)],
    );
    scene.iam(
        "updated_policy",
        "UpdateAssumeRolePolicy",
        &[ROLE, ("PolicyDocument", &listed)],
    );

    let mut scene = replay.test("test_delete_role_with_instance_profile");
    let profile = ("InstanceProfileName", "p");
    scene.iam("create-role", "CreateRole", &create);
    scene.iam("create-instance-profile", "CreateInstanceProfile", &[profile]);
    scene.quiet("AddRoleToInstanceProfile", &[profile, ROLE]);
    scene.iam("delete-role-with-instance-profile-error", "DeleteRole", &[ROLE]);
    scene.quiet("RemoveRoleFromInstanceProfile", &[profile, ROLE]);
    scene.quiet("DeleteRole", &[ROLE]);
    scene.iam("get-role-after-deletion-error", "GetRole", &[ROLE]);

    let lambda = trust(json!({"Service": "lambda.amazonaws.com"}), Value::Null).to_string();
    let mut scene = replay.test("test_role_with_path_lifecycle");
    let create = [
        ROLE,
        ("Path", "/some/path/"),
        ("AssumeRolePolicyDocument", lambda.as_str()),
    ];
    scene.iam("create-role-response", "CreateRole", &create);
    scene.iam("get-role-response", "GetRole", &[ROLE]);
    scene.iam("delete-role-response", "DeleteRole", &[ROLE]);
}

fn update(replay: &mut Replay) {
    let text = ec2();
    let mut scene = replay.test("TestRoleLifecycle::test_update_role");
    let described = [
        ROLE,
        ("AssumeRolePolicyDocument", &text),
        ("Description", "initial description"),
    ];
    scene.quiet("CreateRole", &described);
    scene.iam("get-role-initial", "GetRole", &[ROLE]);
    let changes = [
        ROLE,
        ("Description", "updated description"),
        ("MaxSessionDuration", "7200"),
    ];
    scene.iam("update-role-response", "UpdateRole", &changes);
    scene.iam("get-role-after-update", "GetRole", &[ROLE]);
    let described = [ROLE, ("Description", "description via update_role_description")];
    scene.iam("update-role-description-response", "UpdateRoleDescription", &described);
    scene.iam("get-role-after-desc-update", "GetRole", &[ROLE]);
    scene.iam("update-role-defaults-response", "UpdateRole", &[ROLE]);
    scene.iam("get-role-after-defaults", "GetRole", &[ROLE]);
}

fn paths(replay: &mut Replay) {
    let text = ec2();
    let create = [ROLE, ("AssumeRolePolicyDocument", text.as_str())];
    let mut scene = replay.test("test_create_describe_role");
    scene.iam(
        "create-role-result",
        "CreateRole",
        &[create[0], create[1], ("Path", "/prefix/")],
    );
    scene.iam("get-role-result", "GetRole", &[ROLE]);
    scene.iam("list-roles-result", "ListRoles", &[("PathPrefix", "/prefix/")]);

    let mut scene = replay.test("test_list_roles_path_prefix");
    scene.iam("create-role-without-path", "CreateRole", &create);
    let below = [("RoleName", "below"), create[1], ("Path", "/prefix/")];
    scene.iam("create-role-with-path", "CreateRole", &below);
    scene.iam(
        "list-roles-with-path-prefix",
        "ListRoles",
        &[("PathPrefix", "/prefix/")],
    );
    scene.iam(
        "list-roles-empty-path-prefix",
        "ListRoles",
        &[("PathPrefix", "/elsewhere/")],
    );
}

fn pages(replay: &mut Replay) {
    let text = ec2();
    let mut scene = replay.test("test_list_roles_pagination");
    let path = ("PathPrefix", "/pages/");
    for index in 0..5 {
        let (name, description) = (format!("role-{index}"), format!("Role {index}"));
        let mut create = vec![
            ("RoleName", name.as_str()),
            ("Path", "/pages/"),
            ("AssumeRolePolicyDocument", &text),
        ];
        // Every second role was described.
        if index % 2 == 0 {
            create.push(("Description", &description));
        }
        scene.iam(&format!("create-role-{index}"), "CreateRole", &create);
    }
    scene.iam("list-roles-with-path", "ListRoles", &[path]);
    let first = scene.iam("list-roles-max-items", "ListRoles", &[path, ("MaxItems", "2")]);
    scene.iam(
        "list-roles-with-marker",
        "ListRoles",
        &[path, ("Marker", &first.text("Marker"))],
    );
    scene.iam("list-roles-empty", "ListRoles", &[("PathPrefix", "/elsewhere/")]);
}

fn tag(scene: &Scene<'_>, tags: &[(&str, &str)]) {
    let names: Vec<_> = (1..=tags.len())
        .map(|at| (format!("Tags.member.{at}.Key"), format!("Tags.member.{at}.Value")))
        .collect();
    let mut parameters = vec![ROLE];
    for ((key, value), (key_name, value_name)) in tags.iter().zip(&names) {
        parameters.extend([(key_name.as_str(), *key), (value_name.as_str(), *value)]);
    }
    scene.quiet("TagRole", &parameters);
}

fn tags(replay: &mut Replay) {
    let text = ec2();
    let mut scene = replay.test("test_role_tag_operations");
    scene.quiet("CreateRole", &[ROLE, ("AssumeRolePolicyDocument", &text)]);
    scene.iam("get-role-no-tags", "GetRole", &[ROLE]);
    tag(&scene, &[("somekey", "somevalue"), ("someotherkey", "someothervalue")]);
    scene.iam("get-role-with-tags", "GetRole", &[ROLE]);
    scene.iam("list-role-tags", "ListRoleTags", &[ROLE]);
    tag(&scene, &[("somekey", "updatedvalue")]);
    scene.iam("list-role-tags-after-update", "ListRoleTags", &[ROLE]);
    tag(&scene, &[("somekey", "")]);
    scene.iam("list-role-tags-empty-value", "ListRoleTags", &[ROLE]);
    scene.quiet("UntagRole", &[ROLE, ("TagKeys.member.1", "somekey")]);
    scene.iam("list-role-tags-after-untag", "ListRoleTags", &[ROLE]);
    scene.quiet("UntagRole", &[ROLE, ("TagKeys.member.1", "someotherkey")]);
    scene.iam("list-role-tags-empty", "ListRoleTags", &[ROLE]);
    tag(&scene, &[("somekey", "somevalue")]);
    scene.iam("list-role-tags-before-casing-update", "ListRoleTags", &[ROLE]);
    tag(&scene, &[("Somekey", "updatedvalue")]);
    scene.iam("list-role-tags-after-casing-update", "ListRoleTags", &[ROLE]);
}

/// Parameters of a call with tags that are refused, by the end of the step's label.
pub fn refused_tags() -> Vec<(&'static str, Vec<(String, String)>)> {
    let one = |key: &str, value: &str| {
        vec![
            ("Tags.member.1.Key".to_owned(), key.to_owned()),
            ("Tags.member.1.Value".to_owned(), value.to_owned()),
        ]
    };
    let two = |first: &str, second: &str| {
        let mut tags = one(first, "1");
        tags.push(("Tags.member.2.Key".to_owned(), second.to_owned()));
        tags.push(("Tags.member.2.Value".to_owned(), "2".to_owned()));
        tags
    };
    let many = (1..=51).flat_map(|at| {
        [
            (format!("Tags.member.{at}.Key"), format!("k{at}")),
            (format!("Tags.member.{at}.Value"), format!("v{at}")),
        ]
    });
    vec![
        ("too-many", many.collect()),
        ("duplicate", two("a", "a")),
        ("duplicate-case", two("a", "A")),
        ("long-key", one(&"k".repeat(129), "v")),
        ("long-value", one("k", &"v".repeat(257))),
        ("character", one("k!", "v")),
    ]
}

/// The same for keys of tags.
pub fn refused_keys() -> Vec<(&'static str, Vec<(String, String)>)> {
    let one = |key: &str| vec![("TagKeys.member.1".to_owned(), key.to_owned())];
    let many = (1..=51).map(|at| (format!("TagKeys.member.{at}"), format!("k{at}")));
    vec![
        ("too-many", many.collect()),
        ("long-key", one(&"k".repeat(129))),
        ("character", one("k!")),
    ]
}

pub fn borrowed<'a>(first: &[(&'a str, &'a str)], rest: &'a [(String, String)]) -> Vec<(&'a str, &'a str)> {
    let rest = rest.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    first.iter().copied().chain(rest).collect()
}

fn tag_errors(replay: &mut Replay) {
    let text = ec2();
    let mut scene = replay.test("test_role_tag_errors");
    let missing = ("RoleName", "test-nonexistent-role");
    let pair = [("Tags.member.1.Key", "k"), ("Tags.member.1.Value", "v")];
    scene.iam("tag-nonexistent-role-error", "TagRole", &[missing, pair[0], pair[1]]);
    scene.iam(
        "untag-nonexistent-role-error",
        "UntagRole",
        &[missing, ("TagKeys.member.1", "k")],
    );
    scene.iam("list-tags-nonexistent-role-error", "ListRoleTags", &[missing]);
    let create = [ROLE, ("AssumeRolePolicyDocument", text.as_str())];
    let label = |call: &str, kind: &str| {
        let end = match kind {
            "too-many" => "too-many-tags",
            "duplicate" => "duplicate-tags",
            "duplicate-case" => "duplicate-tags-different-case",
            "long-key" => "tag-key-too-long",
            "long-value" => "tag-value-too-long",
            _ => "tag-invalid-char",
        };
        format!("{call}-{end}")
    };
    for (kind, tags) in refused_tags() {
        scene.iam(&label("create-role", kind), "CreateRole", &borrowed(&create, &tags));
    }
    scene.iam("create-role", "CreateRole", &create);
    for (kind, tags) in refused_tags() {
        scene.iam(&label("tag-role", kind), "TagRole", &borrowed(&[ROLE], &tags));
    }
    for (kind, keys) in refused_keys() {
        let end = match kind {
            "too-many" => "too-many-keys",
            "long-key" => "key-too-long",
            _ => "invalid-char",
        };
        scene.iam(&format!("untag-role-{end}"), "UntagRole", &borrowed(&[ROLE], &keys));
    }
}

fn attached(replay: &mut Replay) {
    let text = ec2();
    let basic = (
        "PolicyArn",
        "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
    );
    let tasks = (
        "PolicyArn",
        "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy",
    );
    let mut scene = replay.test("test_attach_detach_aws_managed_policy_role");
    scene.quiet("CreateRole", &[ROLE, ("AssumeRolePolicyDocument", &text)]);
    scene.quiet("AttachRolePolicy", &[ROLE, basic]);
    scene.quiet("AttachRolePolicy", &[ROLE, tasks]);
    scene.iam("list-attached-2", "ListAttachedRolePolicies", &[ROLE]);
    scene.quiet("DetachRolePolicy", &[ROLE, basic]);
    scene.iam("list-attached-after-detach", "ListAttachedRolePolicies", &[ROLE]);
    scene.iam("detach-already-detached-error", "DetachRolePolicy", &[ROLE, basic]);
    let unknown = ("PolicyArn", "arn:aws:iam::aws:policy/Nonexistent");
    scene.iam("detach-nonexistent-policy-error", "DetachRolePolicy", &[ROLE, unknown]);

    let mut scene = replay.test("test_list_policies_only_attached");
    scene.quiet("CreateRole", &[ROLE, ("AssumeRolePolicyDocument", &text)]);
    scene.quiet("AttachRolePolicy", &[ROLE, basic]);
    scene.quiet("AttachRolePolicy", &[ROLE, tasks]);
    scene.iam("list-attached-role-policies", "ListAttachedRolePolicies", &[ROLE]);
    scene.quiet("DetachRolePolicy", &[ROLE, tasks]);
    scene.iam(
        "list-attached-role-policies-after-detach",
        "ListAttachedRolePolicies",
        &[ROLE],
    );
}

fn service_linked(replay: &mut Replay) {
    let mut scene = replay.test("test_service_role_lifecycle[wafv2.amazonaws.com]");
    let role = ("RoleName", "AWSServiceRoleForWAFV2Logging");
    scene.quiet("CreateServiceLinkedRole", &[("AWSServiceName", "wafv2.amazonaws.com")]);
    scene.iam("describe-response", "GetRole", &[role]);
    scene.iam("inline-role-policies", "ListRolePolicies", &[role]);
    scene.iam("attached-role-policies", "ListAttachedRolePolicies", &[role]);
    let (aws, root) = (scene.aws, scene.root.clone());
    aws.iam(&root, "DeleteRole", &[role]).refused("UnmodifiableEntity");

    let mut scene = replay.test("test_service_role_deletion");
    scene.quiet("CreateServiceLinkedRole", &[("AWSServiceName", "batch.amazonaws.com")]);
    let delete = [("RoleName", "AWSServiceRoleForBatch")];
    let task = scene.iam(
        "service-linked-role-deletion-response",
        "DeleteServiceLinkedRole",
        &delete,
    );
    let task = task.text("DeletionTaskId");
    let status = [("DeletionTaskId", task.as_str())];
    scene.iam(
        "service-linked-role-deletion-status-response",
        "GetServiceLinkedRoleDeletionStatus",
        &status,
    );
    assert_eq!(scene.aws.get(&format!("/accounts/{ACCOUNT}/roles"))["roles"], json!([]));
}
