//! What the account as a whole looks like.

use serde_json::Value;

use super::policies::result;
use super::recording::{Replay, Scene};
use super::roles::{ROLE, ec2};
use crate::support::policy;

const USER: (&str, &str) = ("UserName", "u");
const GROUP: (&str, &str) = ("GroupName", "g");

pub fn play(replay: &mut Replay) {
    let (trust, text) = (ec2(), policy("Allow", &["s3:ListBucket"], "*").to_string());
    // The recording has single actions as plain texts.
    let text = text.replace("[\"s3:ListBucket\"]", "\"s3:ListBucket\"");
    let create_role = [ROLE, ("AssumeRolePolicyDocument", trust.as_str())];
    let create_policy = [("PolicyName", "p"), ("PolicyDocument", text.as_str())];
    let inline = |name: &'static str| [("PolicyName", name), ("PolicyDocument", text.as_str())];

    let mut scene = replay.test("test_get_account_authorization_details_filter_role");
    let arn = scene.iam("create-policy", "CreatePolicy", &create_policy).text("Arn");
    let tagged = [create_role[0], create_role[1], ("Path", "/my-path/")];
    scene.iam("create-role", "CreateRole", &tagged);
    let profile = ("InstanceProfileName", "profile");
    scene.iam("create-instance-profile", "CreateInstanceProfile", &[profile]);
    scene.quiet("AddRoleToInstanceProfile", &[profile, ROLE]);
    scene.quiet("AttachRolePolicy", &[ROLE, ("PolicyArn", &arn)]);
    scene.quiet("PutRolePolicy", &[&[ROLE][..], &inline("i")].concat());
    let tags = [
        ROLE,
        ("Tags.member.1.Key", "somekey"),
        ("Tags.member.1.Value", "somevalue"),
        ("Tags.member.2.Key", "someotherkey"),
        ("Tags.member.2.Value", "someothervalue"),
    ];
    scene.quiet("TagRole", &tags);
    details(&mut scene, "role-filter-result", &["Role"]);

    let mut scene = replay.test("test_get_account_authorization_details_filter_group");
    scene.iam("create-group", "CreateGroup", &[GROUP]);
    let arn = scene.iam("create-policy", "CreatePolicy", &create_policy).text("Arn");
    scene.quiet("AttachGroupPolicy", &[GROUP, ("PolicyArn", &arn)]);
    scene.quiet("PutGroupPolicy", &[&[GROUP][..], &inline("i")].concat());
    details(&mut scene, "group-filter-result", &["Group"]);

    let mut scene = replay.test("test_get_account_authorization_details_no_filter");
    scene.iam("create-user", "CreateUser", &[USER]);
    scene.iam("create-group", "CreateGroup", &[GROUP]);
    scene.iam("create-role", "CreateRole", &create_role);
    scene.iam("create-policy", "CreatePolicy", &create_policy);
    details(&mut scene, "no-filter-result", &[]);

    let mut scene = replay.test("test_get_account_authorization_details_with_inline_policies");
    scene.iam("create-user", "CreateUser", &[USER]);
    scene.iam("create-group", "CreateGroup", &[GROUP]);
    scene.iam("create-role", "CreateRole", &create_role);
    scene.quiet("PutUserPolicy", &[&[USER][..], &inline("of-user")].concat());
    scene.quiet("PutGroupPolicy", &[&[GROUP][..], &inline("of-group")].concat());
    scene.quiet("PutRolePolicy", &[&[ROLE][..], &inline("of-role")].concat());
    details(&mut scene, "inline-policies-result", &[]);

    let mut scene = replay.test("test_get_account_summary_format");
    scene.iam("transformed-summary", "GetAccountSummary", &[]);
}

/// The recording joins all pages and leaves out what is not its own; here is one page, and nothing else in the account.
fn details(scene: &mut Scene<'_>, label: &str, filter: &[&str]) {
    let filter: Vec<_> = filter.iter().map(|kind| ("Filter.member.1", *kind)).collect();
    let answer = scene.quiet("GetAccountAuthorizationDetails", &filter);
    let mut ours = result(&answer.body, "GetAccountAuthorizationDetails");
    assert_eq!(ours["IsTruncated"], "false");
    ours.as_object_mut().unwrap().retain(|name, _| name != "IsTruncated");
    assert_ne!(ours, Value::Null);
    scene.compare_value(label, &ours);
}
