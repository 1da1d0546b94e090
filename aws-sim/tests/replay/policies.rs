//! Managed policies: versions, tags, and whom they are attached to.

use serde_json::Value;

use super::recording::{Replay, Scene};
use super::roles::{ROLE, borrowed, ec2, refused_keys, refused_tags};
use super::tree::tree;
use crate::support::policy;

const BASIC: (&str, &str) = (
    "PolicyArn",
    "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
);

fn document() -> String {
    policy("Allow", &["s3:ListBucket"], "*").to_string()
}

pub fn play(replay: &mut Replay) {
    life(replay);
    versions(replay);
    of_aws(replay);
    tags(replay);
    tag_errors(replay);
    entities(replay);
}

/// Makes a policy, quietly, and gives its ARN.
fn make(scene: &Scene<'_>, name: &str) -> String {
    let text = document();
    scene
        .quiet("CreatePolicy", &[("PolicyName", name), ("PolicyDocument", &text)])
        .text("Arn")
}

fn life(replay: &mut Replay) {
    let text = document();
    for (kind, path) in [("/test/path/", Some("/test/path/")), ("/", Some("/")), ("None", None)] {
        let mut scene = replay.test(&format!("test_policy_lifecycle[{kind}]"));
        let mut create = vec![("PolicyName", "p"), ("PolicyDocument", text.as_str())];
        create.extend(path.map(|path| ("Path", path)));
        let arn = scene.iam("create-policy-response", "CreatePolicy", &create).text("Arn");
        let arn = ("PolicyArn", arn.as_str());
        scene.iam("get-policy-response", "GetPolicy", &[arn]);
        let listed = scene.quiet("ListPolicies", &[("Scope", "Local")]);
        let list = tree(&listed.body)["ListPoliciesResult"]["Policies"].clone();
        scene.compare_value("filtered-policy-list", &list);
        scene.iam("delete-policy-response", "DeletePolicy", &[arn]);
    }
}

fn versions(replay: &mut Replay) {
    let text = document();
    let mut scene = replay.test("test_policy_version_set_default");
    let arn = make(&scene, "p");
    let arn = ("PolicyArn", arn.as_str());
    for _ in 0..2 {
        scene.quiet(
            "CreatePolicyVersion",
            &[arn, ("PolicyDocument", &text), ("SetAsDefault", "true")],
        );
    }
    scene.iam("list-after-create", "ListPolicyVersions", &[arn]);
    scene.iam("set-default-v1", "SetDefaultPolicyVersion", &[arn, ("VersionId", "v1")]);
    scene.iam("list-after-set-default", "ListPolicyVersions", &[arn]);
}

fn of_aws(replay: &mut Replay) {
    let mut scene = replay.test("test_get_aws_managed_policy_version");
    scene.iam("get-version-error", "GetPolicyVersion", &[BASIC, ("VersionId", "one")]);
    scene.iam("get-version-v1", "GetPolicyVersion", &[BASIC, ("VersionId", "v1")]);

    let mut scene = replay.test("test_aws_managed_policy_errors");
    let first = ("VersionId", "v1");
    scene.iam("delete-managed-policy-error", "DeletePolicy", &[BASIC]);
    scene.iam(
        "delete-managed-policy-version-error",
        "DeletePolicyVersion",
        &[BASIC, first],
    );
    scene.iam(
        "set-default-managed-policy-version-error",
        "SetDefaultPolicyVersion",
        &[BASIC, first],
    );
    scene.iam("get-version-error", "GetPolicyVersion", &[BASIC, ("VersionId", "one")]);
}

/// Makes a policy with tags, as a recorded step.
fn create_tagged(
    scene: &mut Scene<'_>,
    label: &str,
    name: &str,
    description: Option<&str>,
    tags: &[(&str, &str)],
) -> String {
    let text = document();
    let names: Vec<_> = (1..=tags.len())
        .map(|at| (format!("Tags.member.{at}.Key"), format!("Tags.member.{at}.Value")))
        .collect();
    let mut parameters = vec![("PolicyName", name), ("PolicyDocument", text.as_str())];
    parameters.extend(description.map(|text| ("Description", text)));
    for ((key, value), (key_name, value_name)) in tags.iter().zip(&names) {
        parameters.extend([(key_name.as_str(), *key), (value_name.as_str(), *value)]);
    }
    scene.iam(label, "CreatePolicy", &parameters).text("Arn")
}

fn tags(replay: &mut Replay) {
    let mut scene = replay.test("test_policy_tag_lifecycle");
    let two = [("somekey", "somevalue"), ("someotherkey", "someothervalue")];
    let arn = create_tagged(&mut scene, "create-with-tags", "one", Some("testing"), &two);
    scene.iam("get-with-tags", "GetPolicy", &[("PolicyArn", &arn)]);
    scene.iam("list-created-tags", "ListPolicyTags", &[("PolicyArn", &arn)]);
    let arn = create_tagged(
        &mut scene,
        "create-with-empty-tag-value",
        "two",
        None,
        &[("somekey", "")],
    );
    scene.iam("list-empty-tag-value", "ListPolicyTags", &[("PolicyArn", &arn)]);
    let arn = make(&scene, "three");
    scene.iam("get-without-tags", "GetPolicy", &[("PolicyArn", &arn)]);
    let cases = [("a", "lowercase"), ("A", "uppercase")];
    let arn = create_tagged(&mut scene, "create-with-case-sensitive-tags", "four", None, &cases);
    scene.iam("list-case-sensitive-tags", "ListPolicyTags", &[("PolicyArn", &arn)]);

    let mut scene = replay.test("test_policy_tag_order");
    let sent = [("abc", "first"), ("b", "second"), ("z", "third"), ("a", "fourth")];
    let arn = create_tagged(&mut scene, "create-with-case-sensitive-tags", "p", None, &sent);
    scene.iam("list-tags", "ListPolicyTags", &[("PolicyArn", &arn)]);
}

fn tag_errors(replay: &mut Replay) {
    let text = document();
    let label = |kind: &str| match kind {
        "too-many" => Some("too-many"),
        "duplicate" => Some("duplicate-keys"),
        "long-key" => Some("large-key"),
        "long-value" => Some("large-value"),
        "character" => Some("invalid-character"),
        // Keys of policies differ by case.
        _ => None,
    };
    let mut scene = replay.test("test_policy_tag_create_errors");
    let create = [("PolicyName", "p"), ("PolicyDocument", text.as_str())];
    for (kind, tags) in refused_tags() {
        if let Some(end) = label(kind) {
            let end = if kind == "too-many" { "too-many-tags" } else { end };
            scene.iam(&format!("err-{end}"), "CreatePolicy", &borrowed(&create, &tags));
        }
    }

    let mut scene = replay.test("test_policy_tag_update_errors");
    let arn = make(&scene, "p");
    let own = [("PolicyArn", arn.as_str())];
    for (kind, tags) in refused_tags() {
        if let Some(end) = label(kind) {
            scene.iam(&format!("err-tag-{end}"), "TagPolicy", &borrowed(&own, &tags));
        }
    }
    let nobody = ("PolicyArn", "arn:aws:iam::111111111111:policy/NotAPolicy");
    let pair = [("Tags.member.1.Key", "k"), ("Tags.member.1.Value", "v")];
    scene.iam("err-tag-nonexistent-policy", "TagPolicy", &[nobody, pair[0], pair[1]]);
    for (kind, keys) in refused_keys() {
        let end = match kind {
            "too-many" => "too-many-keys",
            "long-key" => "large-key",
            _ => "invalid-character",
        };
        scene.iam(&format!("err-untag-{end}"), "UntagPolicy", &borrowed(&own, &keys));
    }
    scene.iam(
        "err-untag-nonexistent-policy",
        "UntagPolicy",
        &[nobody, ("TagKeys.member.1", "k")],
    );
}

fn entities(replay: &mut Replay) {
    let (text, trust) = (document(), ec2());
    let mut scene = replay.test("test_list_entities_for_policy");
    let create = [("PolicyName", "p"), ("PolicyDocument", text.as_str())];
    let arn = scene.iam("create-policy", "CreatePolicy", &create).text("Arn");
    let arn = ("PolicyArn", arn.as_str());
    scene.iam("empty-entities", "ListEntitiesForPolicy", &[arn]);
    let (user, group) = (("UserName", "u"), ("GroupName", "g"));
    scene.iam("create-user", "CreateUser", &[user]);
    scene.iam("create-group", "CreateGroup", &[group]);
    scene.iam(
        "create-role",
        "CreateRole",
        &[ROLE, ("AssumeRolePolicyDocument", &trust)],
    );
    scene.quiet("AttachUserPolicy", &[user, arn]);
    scene.quiet("AttachGroupPolicy", &[group, arn]);
    scene.quiet("AttachRolePolicy", &[ROLE, arn]);
    for (label, kind) in [
        ("filter-role", "Role"),
        ("filter-user", "User"),
        ("filter-group", "Group"),
        ("filter-local-managed-policy", "LocalManagedPolicy"),
    ] {
        scene.iam(label, "ListEntitiesForPolicy", &[arn, ("EntityFilter", kind)]);
    }
    scene.iam("no-filter", "ListEntitiesForPolicy", &[arn]);
}

/// What an answer has under its result.
pub fn result(body: &str, action: &str) -> Value {
    tree(body)[format!("{action}Result")].clone()
}
