//! What the API server refuses, by schema and CEL.

use crossrole_testkit::{ControlPlane, ControlPlaneOptions, tools};
use serde_json::{Value, json};

use super::support::{PROD, STAGE, account, class, namespace, role, with, yaml};

async fn with_our_kinds() -> ControlPlane {
    let control_plane = ControlPlane::start(ControlPlaneOptions::default()).await.unwrap();
    let folder = tools::workspace().join("crds");
    control_plane
        .kubectl(["apply", "--filename", folder.to_str().unwrap()])
        .await
        .unwrap();
    control_plane
        .kubectl(["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"])
        .await
        .unwrap();
    control_plane.apply(&yaml(&[namespace("security")])).await.unwrap();
    control_plane
}

fn trust(entry: Value) -> Value {
    with(role("refused"), "/spec/trust/0", entry)
}

/// What kubectl says of an object that the API server does not take.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_schema_can_know_is_refused_at_apply() {
    let control_plane = with_our_kinds().await;
    let users = json!({"accounts": ["111111111111"]});
    let rows: Vec<(&str, Value, &str)> = vec![
        (
            "a short account id",
            with(account("prod", PROD), "/spec/accountId", json!("2222")),
            "spec.accountId",
        ),
        (
            "an account id that is not quoted",
            with(account("prod", PROD), "/spec/accountId", json!(222222222222_u64)),
            "spec.accountId: expected string",
        ),
        (
            "an unknown partition",
            with(account("prod", PROD), "/spec/partition", json!("aws-mars")),
            "spec.partition",
        ),
        (
            "a bad role name",
            with(role("refused"), "/spec/roleName", json!("audit role")),
            "spec.roleName",
        ),
        (
            "an object's name that is no role name",
            role(&"a".repeat(65)),
            "IAM role names have at most 64 characters: write spec.roleName, or a shorter metadata.name",
        ),
        (
            "an object's name that is too long for a tag",
            with(role(&"a".repeat(193)), "/spec/roleName", json!("audit")),
            "a CrossAccountRole's name has at most 192 characters",
        ),
        (
            "a session of 13 hours",
            with(role("refused"), "/spec/maxSessionDuration", json!("13h")),
            "write a duration from 1h to 12h",
        ),
        (
            "a session of half an hour",
            with(role("refused"), "/spec/maxSessionDuration", json!("30m")),
            "write a duration from 1h to 12h",
        ),
        (
            "a duration that is none",
            with(role("refused"), "/spec/maxSessionDuration", json!("a while")),
            "spec.maxSessionDuration",
        ),
        (
            "MFA of roles",
            trust(
                json!({"from": {"accounts": ["111111111111"], "kind": "Roles"}, "require": {"mfa": {"maxAge": "1h"}}}),
            ),
            "MFA cannot be required of roles",
        ),
        (
            "MFA of a role principal",
            trust(
                json!({"from": {"principals": ["arn:aws:iam::111111111111:role/ci"]}, "require": {"mfa": {"maxAge": "1h"}}}),
            ),
            "MFA cannot be required of roles",
        ),
        (
            "MFA without an age",
            trust(json!({"from": users, "require": {"mfa": {}}})),
            "spec.trust[0].require.mfa",
        ),
        (
            "MFA of two days",
            trust(json!({"from": users, "require": {"mfa": {"maxAge": "48h"}}})),
            "write a duration from 1m to 36h",
        ),
        (
            "accounts and principals in one entry",
            trust(
                json!({"from": {"accounts": ["111111111111"], "principals": ["arn:aws:iam::111111111111:user/alice"]}}),
            ),
            "write exactly one of accounts, principals, principalPatterns",
        ),
        ("from nobody", trust(json!({"from": {}})), "spec.trust[0].from"),
        (
            "a kind beside principals",
            trust(json!({"from": {"principals": ["arn:aws:iam::111111111111:user/alice"], "kind": "Users"}})),
            "kind goes with accounts",
        ),
        (
            "a principal with a wildcard",
            trust(json!({"from": {"principals": ["arn:aws:iam::111111111111:user/*"]}})),
            "spec.trust[0].from.principals[0]",
        ),
        (
            "a principal with an empty segment",
            trust(json!({"from": {"principals": ["arn:aws:iam::111111111111:role//ci"]}})),
            "spec.trust[0].from.principals[0]",
        ),
        (
            "three external ids",
            trust(json!({"from": users, "require": {"externalIds": ["one", "two", "three"]}})),
            "spec.trust[0].require.externalIds",
        ),
        (
            "an empty external id",
            trust(json!({"from": users, "require": {"externalIds": [""]}})),
            "externalIds[0]",
        ),
        (
            "a require that requires nothing",
            trust(json!({"from": users, "require": {}})),
            "spec.trust[0].require",
        ),
        (
            "no trust at all",
            with(role("refused"), "/spec/trust", json!([])),
            "spec.trust",
        ),
        (
            "no accounts at all",
            with(role("refused"), "/spec/accounts", json!({})),
            "spec.accounts",
        ),
        (
            "a path with an empty segment",
            with(role("refused"), "/spec/path", json!("/crossrole//x/")),
            "spec.path",
        ),
        (
            "a document that is a text",
            with(role("refused"), "/spec/permissions/inline/0/document", json!("{}")),
            "document: expected map",
        ),
        (
            "two inline policies of one name",
            with(role("refused"), "/spec/permissions/inline", {
                let policy = role("refused")["spec"]["permissions"]["inline"][0].clone();
                json!([policy, policy])
            }),
            "duplicate entries for key",
        ),
        (
            "a description that IAM does not take",
            with(role("refused"), "/spec/description", json!("日本")),
            "spec.description",
        ),
        (
            "a class without a word on the boundary",
            {
                let mut class = class("standard");
                class["spec"]["guardrails"]
                    .as_object_mut()
                    .unwrap()
                    .remove("permissionsBoundary");
                class
            },
            "spec.guardrails.permissionsBoundary: Required value",
        ),
        (
            "a class with too long a session of the bootstrap role",
            with(class("standard"), "/spec/bootstrapRole/sessionDuration", json!("2h")),
            "write a duration from 15m to 1h",
        ),
    ];
    for (what, manifest, expected) in &rows {
        let manifest = manifest.to_string();
        let output = control_plane
            .kubectl_with_input(["apply", "--server-side", "--filename", "-"], &manifest)
            .await
            .unwrap();
        assert!(!output.success, "{what} was taken: {}", output.stdout);
        assert!(
            output.stderr.contains(expected),
            "{what}: {expected:?} is not in: {}",
            output.stderr
        );
    }
    println!("{} rows refused at apply", rows.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misspelt_requirement_is_refused_even_from_a_client_that_does_not_validate() {
    let control_plane = with_our_kinds().await;
    let misspelt = trust(json!({"from": {"accounts": ["111111111111"]}, "require": {"mfaa": {"maxAge": "1h"}}}));
    for (validate, expected) in [
        ("--validate=strict", "unknown field"),
        ("--validate=ignore", "spec.trust[0].require"),
    ] {
        let output = control_plane
            .kubectl_with_input(["create", validate, "--filename", "-"], &misspelt.to_string())
            .await
            .unwrap();
        assert!(!output.success, "{validate}: it was taken");
        assert!(output.stderr.contains(expected), "{validate}: {}", output.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_immutable_stays_as_it_is() {
    let control_plane = with_our_kinds().await;
    let named = with(role("named"), "/spec/roleName", json!("Audit"));
    control_plane
        .apply(&yaml(&[
            class("standard"),
            account("prod", PROD),
            role("unnamed"),
            named.clone(),
        ]))
        .await
        .unwrap();
    for (what, manifest, expected) in [
        (
            "an account's id",
            with(account("prod", PROD), "/spec/accountId", json!(STAGE)),
            "accountId is immutable",
        ),
        (
            "an account's partition",
            with(account("prod", PROD), "/spec/partition", json!("aws-cn")),
            "partition is immutable",
        ),
        (
            "a role's name",
            with(named.clone(), "/spec/roleName", json!("Other")),
            "roleName is immutable",
        ),
        (
            "a role's default name",
            with(role("unnamed"), "/spec/roleName", json!("Other")),
            "roleName is immutable",
        ),
        (
            "a class's path",
            with(class("standard"), "/spec/guardrails/rolePath", json!("/other/")),
            "rolePath is immutable",
        ),
    ] {
        let arguments = ["apply", "--server-side", "--force-conflicts", "--filename", "-"];
        let output = control_plane
            .kubectl_with_input(arguments, &manifest.to_string())
            .await
            .unwrap();
        assert!(!output.success, "{what} was changed");
        assert!(output.stderr.contains(expected), "{what}: {}", output.stderr);
    }
    // Writing the default out is no change.
    control_plane
        .apply(&yaml(&[with(role("unnamed"), "/spec/roleName", json!("unnamed"))]))
        .await
        .unwrap();
}

/// The schema bounds what is kept as raw JSON. It must leave room for what IAM takes.
#[tokio::test(flavor = "multi_thread")]
async fn raw_documents_statements_and_conditions_are_taken_with_all_their_members() {
    let control_plane = with_our_kinds().await;
    let conditions = json!({
        "StringEquals": {"aws:PrincipalTag/team": "audit"}, "StringNotEquals": {"aws:PrincipalTag/state": "left"},
        "StringLike": {"aws:PrincipalTag/unit": "a*"}, "StringNotLike": {"aws:PrincipalTag/unit": "ab*"},
        "ArnNotLike": {"aws:PrincipalTag/arn": "arn:aws:iam::*:role/x"}, "Bool": {"aws:SecureTransport": true},
        "Null": {"aws:PrincipalTag/team": false}, "NumericLessThan": {"aws:PrincipalTag/level": 3},
        "IpAddress": {"aws:SourceIp": "203.0.113.0/24"}, "NotIpAddress": {"aws:VpcSourceIp": "10.0.0.0/8"}
    });
    let statement = json!({
        "Sid": "Break", "Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "sts:AssumeRole",
        "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    });
    let document = json!({
        "Version": "2012-10-17", "Id": "logs",
        "Statement": [{
            "Sid": "Read", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::logs/*"],
            "Condition": conditions.clone()
        }]
    });
    for (field, pointer, value) in [
        (
            "extraTrustStatements",
            "/spec/extraTrustStatements",
            json!([statement.clone()]),
        ),
        (
            "require.conditions",
            "/spec/trust/0/require",
            json!({"mfa": {"maxAge": "1h"}, "conditions": conditions}),
        ),
        ("document", "/spec/permissions/inline/0/document", document),
    ] {
        control_plane
            .apply(&yaml(&[with(role("raw"), pointer, value.clone())]))
            .await
            .unwrap_or_else(|error| panic!("{field}: {error}"));
        let held = control_plane
            .kubectl(["get", "xar", "raw", "--namespace=security", "--output=json"])
            .await
            .unwrap();
        let held: Value = serde_json::from_str(&held).unwrap();
        assert_eq!(held.pointer(pointer), Some(&value), "{field}");
    }
    let alone = with(
        with(role("alone"), "/spec/extraTrustStatements", json!([statement])),
        "/spec/trust",
        json!([]),
    );
    let applied = control_plane.apply(&yaml(&[alone])).await;
    applied.expect("a raw statement says from whom as well");
}
