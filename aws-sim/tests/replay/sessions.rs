//! STS.

use serde_json::{Value, json};

use super::recording::{ACCOUNT, Replay};
use crate::support::{policy, trust};

pub fn play(replay: &mut Replay) {
    let admin = json!({"a": policy("Allow", &["*"], "*")});
    let open = trust(json!({"AWS": ACCOUNT}), Value::Null).to_string();
    let create = [("RoleName", "r"), ("AssumeRolePolicyDocument", open.as_str())];
    let arn = "arn:aws:iam::111111111111:role/r";

    let mut scene = replay.test("TestSTSIntegrations::test_assume_role");
    let ada = scene.aws.user(ACCOUNT, "ada", admin.clone());
    scene.iam("create-role", "CreateRole", &create);
    let session = scene.aws.assume(&ada, arn, &[]);
    scene.compare("assume-role", &session);

    let mut scene = replay.test("test_get_caller_identity_with_assumed_role_credentials");
    let ada = scene.aws.user(ACCOUNT, "ada", admin.clone());
    scene.quiet("CreateRole", &create);
    let session = scene.aws.assume(&ada, arn, &[]).ok().keys();
    let identity = scene.aws.sts(&session, "GetCallerIdentity", &[]);
    scene.compare("caller-identity-assumed-role", &identity);

    let mut scene = replay.test("test_sts_invalid_parameters");
    let ada = scene.aws.user(ACCOUNT, "ada", admin.clone());
    let aws = scene.aws;
    let assume = |arn: &str, name: &str| aws.sts(&ada, "AssumeRole", &[("RoleArn", arn), ("RoleSessionName", name)]);
    for (label, arn) in [
        ("malformed-arn", "nothing-valid-in-here"),
        ("no-partition", "arn::b:::something/test-role"),
        ("no-service", "arn:a::::something/test-role"),
        ("not-enough-colons", "arn:a:::something/test-role"),
        ("no-resource", "arn:a:a::aaaaaaaaaa:"),
    ] {
        scene.compare(label, &assume(arn, "Session1"));
    }
    scene.compare("invalid-session-name", &assume(arn, "Session1:2"));

    let mut scene = replay.test("test_assume_role_session_name_too_long");
    let ada = scene.aws.user(ACCOUNT, "ada", admin.clone());
    let name = "s".repeat(65);
    // The recording shows 64 letters of the 65 or more that it sent.
    let answer = scene
        .aws
        .sts(&ada, "AssumeRole", &[("RoleArn", arn), ("RoleSessionName", &name)]);
    scene.compare("session-name-too-long-error", &answer);

    let mut scene = replay.test("test_get_session_token");
    let ada = scene.aws.user(ACCOUNT, "ada", admin);
    let token = scene.aws.sts(&ada, "GetSessionToken", &[]);
    scene.compare("get-session-token", &token);
}
