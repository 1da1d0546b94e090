//! Bad input gets a clear answer, at the earliest place that can know.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use crossrole_testkit::scene::{self, set_up_target_account};
use crossrole_testkit::{ControlPlane, ControlPlaneOptions, Scene, eventually, tools};
use serde_json::{Value, json};
use support::{PROD, STAGE, account, class, namespace, role, with, yaml};

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
            "write exactly one of accounts and principals",
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
            "Duplicate value",
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

#[tokio::test(flavor = "multi_thread")]
async fn of_two_objects_for_one_role_the_tagged_owner_keeps_it_and_age_decides_where_there_is_no_tag() {
    let scene = Scene::start(&[PROD]).await.unwrap();
    scene
        .control_plane
        .apply(&yaml(&[
            namespace("security"),
            class("standard"),
            account("prod", PROD),
        ]))
        .await
        .unwrap();
    let named = |object: &str| with(role(object), "/spec/roleName", json!("Contested"));

    // Both are there before the operator is: the older has it, although its name comes last.
    scene.control_plane.apply(&yaml(&[named("z-older")])).await.unwrap();
    let created =
        async |name: &str| scene.get("xar", "security", name).await.unwrap()["metadata"]["creationTimestamp"].clone();
    eventually(scene::PATIENCE, "a younger object", async || {
        scene.control_plane.apply(&yaml(&[named("a-younger")])).await.unwrap();
        if created("a-younger").await != created("z-older").await {
            return Ok(());
        }
        scene
            .control_plane
            .kubectl(["delete", "xar", "a-younger", "--namespace", "security"])
            .await
            .unwrap();
        Err("of the same second")
    })
    .await
    .unwrap();
    let _operator = scene.operator(&["--resync-interval=24h"]).await.unwrap();
    scene.wait_for_ready("security", "z-older", "True").await.unwrap();
    let refused = async |name: &str, holder: &str| {
        eventually(scene::PATIENCE, "a refusal", async || {
            let role = scene.get("xar", "security", name).await.unwrap();
            let entry = role["status"]["accounts"][0].clone();
            let told = scene::condition(&role, "Stalled")["message"].to_string();
            if entry["reason"] == "HeldByAnother" && told.contains(holder) {
                Ok(())
            } else {
                Err(role["status"].to_string())
            }
        })
        .await
        .unwrap();
    };
    refused("a-younger", "security/z-older").await;

    // The older one goes: the younger gets the name without being touched.
    scene
        .control_plane
        .kubectl(["delete", "xar", "z-older", "--namespace", "security"])
        .await
        .unwrap();
    scene.wait_for_ready("security", "a-younger", "True").await.unwrap();
    // An object that is older in no way keeps what it is tagged for; the one that comes later is told who holds it.
    scene.control_plane.apply(&yaml(&[named("z-older")])).await.unwrap();
    refused("z-older", "security/a-younger").await;
    let tags = scene.simulator.role(PROD, "Contested").await.unwrap().unwrap().tags;
    assert_eq!(tags["crossrole.dev/owner"], "security/a-younger");
}

/// Accounts that hold nothing of ours answer as AWS does.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_becomes_enterable_heals_by_itself() {
    let scene = Scene::start(&[]).await.unwrap();
    scene.simulator.create_account(PROD, None).await.unwrap();
    scene
        .control_plane
        .apply(&yaml(&[
            namespace("security"),
            class("standard"),
            account("prod", PROD),
            role("patient"),
        ]))
        .await
        .unwrap();
    let _operator = scene.operator(&["--resync-interval=1s"]).await.unwrap();
    let role = scene.wait_for_ready("security", "patient", "False").await.unwrap();
    assert_eq!(role["metadata"]["finalizers"], json!(["crossrole.dev/roles"]));
    set_up_target_account(&scene.simulator, PROD).await.unwrap();
    scene.wait_for_ready("security", "patient", "True").await.unwrap();
}
