//! What the operator refuses, in a condition.

use crossrole_testkit::{Scene, eventually, scene};
use serde_json::{Value, json};

use super::support::{PROD, STAGE, account, class, namespace, role, with, yaml};

/// A row of the second table: an object, the reason in its account's entry, and a part of the message.
struct Row {
    manifest: Value,
    account: &'static str,
    reason: &'static str,
    message: &'static str,
}

fn row(name: &str, change: impl FnOnce(Value) -> Value, reason: &'static str, message: &'static str) -> Row {
    Row {
        manifest: change(role(name)),
        account: "prod",
        reason,
        message,
    }
}

fn rows() -> Vec<Row> {
    let set = |pointer: &'static str, value: Value| move |role| with(role, pointer, value);
    let from = |account: &str| json!([{"from": {"accounts": [account], "kind": "Roles"}}]);
    vec![
        row(
            "no-account",
            set("/spec/accounts", json!({"names": ["nowhere"]})),
            "AccountNotFound",
            "there is no AWSAccount nowhere",
        )
        .at("nowhere"),
        row(
            "namespace",
            set("/metadata/namespace", json!("strangers")),
            "NamespaceNotAllowed",
            "does not allow namespace strangers",
        ),
        row(
            "trust",
            set("/spec/trust", from("999999999999")),
            "TrustNotAllowed",
            "spec.trust[0]: account 999999999999 is in neither",
        ),
        row(
            "no-mfa",
            set("/spec/trust", json!([{"from": {"accounts": ["111111111111"]}}])),
            "MfaRequired",
            "admits IAM users without MFA",
        ),
        row(
            "no-external-id",
            set("/spec/trust", from("444444444444")),
            "ExternalIdRequired",
            "add require.externalIds",
        ),
        row(
            "denied-policy",
            set("/spec/permissions/awsManaged", json!(["AdministratorAccess"])),
            "PolicyNotAllowed",
            "spec.permissions.awsManaged[0]: AdministratorAccess is denied by",
        ),
        row(
            "unlisted-policy",
            set("/spec/permissions/awsManaged", json!(["ReadOnlyAccess"])),
            "PolicyNotAllowed",
            "ReadOnlyAccess is not in guardrails.managedPolicies.aws",
        ),
        row(
            "unlisted-customer-policy",
            set("/spec/permissions/customerManaged", json!(["team/x"])),
            "PolicyNotAllowed",
            "spec.permissions.customerManaged[0]: team/x is not in",
        ),
        row(
            "denied-action",
            set(
                "/spec/permissions/inline/0/document/Statement/0/Action",
                json!(["s3:*", "IAM:create*"]),
            ),
            "InlinePolicyNotAllowed",
            "IAM:create*, which can match iam:*",
        ),
        row(
            "malformed",
            set("/spec/permissions/inline/0/document/Statement/0/Effect", json!("allow")),
            "InvalidSpec",
            "spec.permissions.inline[0].document: Statement[0].Effect",
        ),
        row(
            "long-session",
            set("/spec/maxSessionDuration", json!("8h")),
            "SessionTooLong",
            "8h is longer than the 4h",
        ),
        row(
            "tag",
            set("/spec/tags", json!({"owner": "x"})),
            "TagNotAllowed",
            "owner is not in guardrails.tagKeys",
        ),
        row(
            "path",
            set("/spec/path", json!("/elsewhere/")),
            "PathNotAllowed",
            "/elsewhere/ is not at or below /crossrole/",
        ),
        row(
            "boundary",
            set("/spec/permissionsBoundary", json!("mine")),
            "BoundaryNotAllowed",
            "leave this field out",
        ),
        row(
            "bootstrap",
            set("/spec/roleName", json!("Crossrole-Bootstrap")),
            "ProtectedRole",
            "is the bootstrap role",
        ),
        row(
            "organisation",
            set("/spec/roleName", json!("OrganizationAccountAccessRole")),
            "ProtectedRole",
            "the organisation itself",
        ),
        row(
            "duplicate",
            set("/spec/accounts", json!({"names": ["prod-again"]})),
            "DuplicateAccount",
            "the older AWSAccount prod has the same id",
        )
        .at("prod-again"),
        row(
            "partition",
            set("/spec/accounts", json!({"names": ["china"]})),
            "PartitionMismatch",
            "this operator serves aws alone",
        )
        .at("china"),
        row(
            "no-class",
            set("/spec/accounts", json!({"names": ["classless"]})),
            "ClassNotFound",
            "there is no AccountClass nothing",
        )
        .at("classless"),
        row(
            "bad-class",
            set("/spec/accounts", json!({"names": ["contradiction"]})),
            "InvalidClass",
            "must live outside guardrails.rolePath",
        )
        .at("contradiction"),
        row(
            "no-way-in",
            set("/spec/accounts", json!({"names": ["locked"]})),
            "BootstrapDenied",
            "sts:AssumeRole: AccessDenied",
        )
        .at("locked"),
        row(
            "wrong-external-id",
            set("/spec/accounts", json!({"names": ["wrong-id"]})),
            "BootstrapDenied",
            "sts:AssumeRole: AccessDenied",
        )
        .at("wrong-id"),
        row(
            "foreign",
            |role| role,
            "ForeignRole",
            "was not made by crossrole and was not touched",
        ),
        row(
            "no-such-policy",
            set("/spec/permissions/awsManaged", json!(["job-function/Nothing"])),
            "PolicyNotFound",
            "iam:AttachRolePolicy: NoSuchEntity",
        ),
    ]
}

impl Row {
    fn at(mut self, account: &'static str) -> Self {
        self.account = account;
        self
    }

    fn name(&self) -> &str {
        self.manifest["metadata"]["name"].as_str().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_operator_can_know_is_said_in_a_condition() {
    let scene = Scene::start(&[PROD, STAGE]).await.unwrap();
    scene.simulator.create_account("555555555555", None).await.unwrap();
    let hand_made = json!({
        "name": "foreign", "path": "/crossrole/",
        "trust": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
    });
    let foreign = scene.simulator.create_role(PROD, hand_made).await.unwrap();
    let contradiction = with(
        class("contradiction"),
        "/spec/bootstrapRole/name",
        json!("crossrole/bootstrap"),
    );
    // The duplicate is younger, or of the same second and later by name.
    scene
        .control_plane
        .apply(&yaml(&[class("standard"), contradiction, account("prod", PROD)]))
        .await
        .unwrap();
    let of_class = |name: &str, id: &str, class: &str| with(account(name, id), "/spec/class", json!(class));
    let manifests = [
        namespace("security"),
        namespace("strangers"),
        account("prod-again", PROD),
        with(account("china", "666666666666"), "/spec/partition", json!("aws-cn")),
        of_class("classless", "777777777777", "nothing"),
        of_class("contradiction", "888888888888", "contradiction"),
        account("locked", "555555555555"),
        with(account("wrong-id", STAGE), "/spec/externalId", json!("guessed")),
    ];
    scene.control_plane.apply(&yaml(&manifests)).await.unwrap();
    let rows = rows();
    scene
        .control_plane
        .apply(&yaml(&rows.iter().map(|row| row.manifest.clone()).collect::<Vec<_>>()))
        .await
        .unwrap();
    let _operator = scene.operator(&["--resync-interval=24h"]).await.unwrap();
    for row in &rows {
        let namespace = row.manifest["metadata"]["namespace"].as_str().unwrap();
        let role = scene.wait_for_ready(namespace, row.name(), "False").await.unwrap();
        let role = eventually(scene::PATIENCE, row.name(), async || {
            let role = scene
                .get("xar", namespace, row.name())
                .await
                .map_err(|error| error.to_string())?;
            let entry = &role["status"]["accounts"][0];
            if entry["state"] == "Pending" {
                Err(role["status"].to_string())
            } else {
                Ok(role)
            }
        })
        .await
        .unwrap_or(role);
        let entry = &role["status"]["accounts"][0];
        assert_eq!(entry["account"], row.account, "{}", row.name());
        assert_eq!(
            (entry["state"].as_str(), entry["reason"].as_str()),
            (Some("Refused"), Some(row.reason)),
            "{}: {entry}",
            row.name()
        );
        let stalled = scene::condition(&role, "Stalled");
        assert_eq!(stalled["status"], "True", "{}", row.name());
        let told = stalled["message"].as_str().unwrap();
        assert!(
            told.contains(row.message),
            "{}: {:?} is not in {told:?}",
            row.name(),
            row.message
        );
    }
    // Guardrails refuse before any call about the role is made.
    let asked = ["ForeignRole", "PolicyNotFound"];
    for call in scene.simulator.calls(0).await.unwrap() {
        let name = call.role.unwrap_or_default();
        let row = rows.iter().find(|row| row.name() == name);
        assert!(
            row.is_none_or(|row| asked.contains(&row.reason)),
            "{} about {name}",
            call.action
        );
    }
    assert_eq!(
        scene.simulator.role(PROD, "foreign").await.unwrap().unwrap(),
        foreign,
        "the foreign role is untouched"
    );
    println!("{} rows refused in a condition", rows.len());
}
