//! What the operator refuses, in a condition.

use crossrole_testkit::{Scene, eventually, scene};
use serde_json::{Value, json};

use super::said::{Said, compare};
use super::support::{PROD, STAGE, account, class, namespace, role, with, yaml};

/// A row of the second table: an object, and the reason in its account's entry.
struct Row {
    manifest: Value,
    account: &'static str,
    reason: &'static str,
}

fn row(name: &str, change: impl FnOnce(Value) -> Value, reason: &'static str) -> Row {
    Row {
        manifest: change(role(name)),
        account: "prod",
        reason,
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
        )
        .at("nowhere"),
        row(
            "namespace",
            set("/metadata/namespace", json!("strangers")),
            "NamespaceNotAllowed",
        ),
        row("trust", set("/spec/trust", from("999999999999")), "TrustNotAllowed"),
        row(
            "no-mfa",
            set("/spec/trust", json!([{"from": {"accounts": ["111111111111"]}}])),
            "MfaRequired",
        ),
        row(
            "no-external-id",
            set("/spec/trust", from("444444444444")),
            "ExternalIdRequired",
        ),
        row(
            "denied-policy",
            set("/spec/permissions/awsManaged", json!(["AdministratorAccess"])),
            "PolicyNotAllowed",
        ),
        row(
            "unlisted-policy",
            set("/spec/permissions/awsManaged", json!(["ReadOnlyAccess"])),
            "PolicyNotAllowed",
        ),
        row(
            "unlisted-customer-policy",
            set("/spec/permissions/customerManaged", json!(["team/x"])),
            "PolicyNotAllowed",
        ),
        row(
            "denied-action",
            set(
                "/spec/permissions/inline/0/document/Statement/0/Action",
                json!(["s3:*", "IAM:create*"]),
            ),
            "InlinePolicyNotAllowed",
        ),
        row(
            "malformed",
            set("/spec/permissions/inline/0/document/Statement/0/Effect", json!("allow")),
            "InvalidSpec",
        ),
        row(
            "long-session",
            set("/spec/maxSessionDuration", json!("8h")),
            "SessionTooLong",
        ),
        row("tag", set("/spec/tags", json!({"owner": "x"})), "TagNotAllowed"),
        row("path", set("/spec/path", json!("/elsewhere/")), "PathNotAllowed"),
        row(
            "boundary",
            set("/spec/permissionsBoundary", json!("mine")),
            "BoundaryNotAllowed",
        ),
        row(
            "bootstrap",
            set("/spec/roleName", json!("Crossrole-Bootstrap")),
            "ProtectedRole",
        ),
        row(
            "organisation",
            set("/spec/roleName", json!("OrganizationAccountAccessRole")),
            "ProtectedRole",
        ),
        row(
            "duplicate",
            set("/spec/accounts", json!({"names": ["prod-again"]})),
            "DuplicateAccount",
        )
        .at("prod-again"),
        row(
            "partition",
            set("/spec/accounts", json!({"names": ["china"]})),
            "PartitionMismatch",
        )
        .at("china"),
        row(
            "no-class",
            set("/spec/accounts", json!({"names": ["classless"]})),
            "ClassNotFound",
        )
        .at("classless"),
        row(
            "bad-class",
            set("/spec/accounts", json!({"names": ["contradiction"]})),
            "InvalidClass",
        )
        .at("contradiction"),
        row(
            "no-way-in",
            set("/spec/accounts", json!({"names": ["locked"]})),
            "BootstrapDenied",
        )
        .at("locked"),
        row(
            "wrong-external-id",
            set("/spec/accounts", json!({"names": ["wrong-id"]})),
            "BootstrapDenied",
        )
        .at("wrong-id"),
        row("foreign", |role| role, "ForeignRole"),
        row(
            "no-such-policy",
            set("/spec/permissions", json!({"customerManaged": ["team/nothing"]})),
            "PolicyNotFound",
        ),
        row(
            "service",
            set("/spec/trust", json!([{"from": {"services": ["ec2.amazonaws.com"]}}])),
            "TrustNotAllowed",
        ),
        row(
            "external-id-of-a-service",
            set(
                "/spec/trust",
                json!([{"from": {"services": ["ec2.amazonaws.com"]}, "require": {"externalIds": ["abc123"]}}]),
            ),
            "InvalidSpec",
        ),
        row(
            "whole-organisation",
            set("/spec/trust", json!([{"from": {"organization": "o-a1b2c3d4e5"}}])),
            "TrustNotAllowed",
        ),
        row(
            "permission-set",
            set(
                "/spec/trust",
                json!([{"from": {"identityCenter": {"account": "999999999999", "permissionSet": "Auditor"}}}]),
            ),
            "TrustNotAllowed",
        ),
        row(
            "ci-of-anybody",
            set(
                "/spec/trust",
                json!([{"from": {"oidc": {"issuer": "token.actions.githubusercontent.com", "audiences": ["sts.amazonaws.com"]}}}]),
            ),
            "InvalidSpec",
        ),
        row(
            "unlisted-issuer",
            set(
                "/spec/trust",
                json!([{"from": {"oidc": {"issuer": "token.actions.githubusercontent.com", "audiences": ["sts.amazonaws.com"], "subjects": ["repo:acme/shop:*"]}}}]),
            ),
            "TrustNotAllowed",
        ),
        row(
            "unlisted-saml-provider",
            set("/spec/trust", json!([{"from": {"saml": {"provider": "okta"}}}])),
            "TrustNotAllowed",
        ),
        row(
            "unlisted-pods",
            set(
                "/spec/trust",
                json!([{"from": {"podIdentity": {"clusters": ["arn:aws:eks:eu-central-1:222222222222:cluster/main"]}}}]),
            ),
            "TrustNotAllowed",
        ),
        row(
            "unlisted-trust-anchor",
            set(
                "/spec/trust",
                json!([{"from": {"rolesAnywhere": {"trustAnchors": ["arn:aws:rolesanywhere:eu-central-1:222222222222:trust-anchor/0a1b2c3d"]}}}]),
            ),
            "TrustNotAllowed",
        ),
        row(
            "condition-that-is-rendered",
            set(
                "/spec/trust/0/require/conditions",
                json!({"Bool": {"aws:MultiFactorAuthPresent": "false"}}),
            ),
            "InvalidSpec",
        ),
        row(
            "unknown-operator",
            set(
                "/spec/trust/0/require/conditions",
                json!({"StringIs": {"aws:PrincipalTag/team": "audit"}}),
            ),
            "InvalidSpec",
        ),
        row(
            "session-tags",
            set(
                "/spec/trust",
                json!([{"from": {"accounts": ["111111111111"], "kind": "Roles"}, "allow": {"sessionTags": ["team"]}}]),
            ),
            "TagNotAllowed",
        ),
        row(
            "everybody",
            set(
                "/spec/extraTrustStatements",
                json!([{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]),
            ),
            "TrustNotAllowed",
        ),
        row(
            "raw-statement-of-another-service",
            set(
                "/spec/extraTrustStatements",
                json!([{"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "s3:GetObject"}]),
            ),
            "InvalidSpec",
        ),
        row(
            "unknown-variable",
            set(
                "/spec/permissions/inline/0/document/Statement/0/Resource",
                json!("arn:aws:s3:::${bucket}/*"),
            ),
            "InvalidSpec",
        ),
        row(
            "unknown-parameter",
            set(
                "/spec/permissions/inline/0/document/Statement/0/Resource",
                json!("arn:aws:s3:::${parameter.logBucket}/*"),
            ),
            "InvalidSpec",
        ),
        row(
            "name-of-ours",
            set("/spec/permissions/inline/0/name", json!("crossrole-closed")),
            "InvalidSpec",
        ),
        row(
            "policy-twice",
            set(
                "/spec/permissions/awsManaged",
                json!(["SecurityAudit", "securityaudit"]),
            ),
            "InvalidSpec",
        ),
        row(
            "tag-of-ours",
            set("/spec/tags", json!({"crossrole.dev/owner": "me"})),
            "InvalidSpec",
        ),
        row(
            "revoked-tomorrow",
            set("/spec/sessions", json!({"revokeIssuedBefore": "2999-01-01T00:00:00Z"})),
            "InvalidSpec",
        ),
        row(
            "too-many-policies",
            set("/spec/permissions/awsManaged", {
                let many: Vec<String> = (0..11).map(|number| format!("job-function/P{number}")).collect();
                json!(many)
            }),
            "QuotaExceeded",
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
    let teams = with(
        class("standard"),
        "/spec/guardrails/managedPolicies/account",
        json!(["team/nothing"]),
    );
    let contradiction = with(
        class("contradiction"),
        "/spec/bootstrapRole/name",
        json!("crossrole/bootstrap"),
    );
    // The duplicate is younger, or of the same second and later by name.
    scene
        .control_plane
        .apply(&yaml(&[teams, contradiction, account("prod", PROD)]))
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
    let mut said = Vec::new();
    for row in &rows {
        let namespace = row.manifest["metadata"]["namespace"].as_str().unwrap();
        let role = scene.wait_for_ready(namespace, row.name(), "False").await.unwrap();
        let role = eventually(scene::PATIENCE, row.name(), async || {
            let role = scene
                .get("xar", namespace, row.name())
                .await
                .map_err(|error| error.to_string())?;
            let entry = &role["status"]["accounts"][0];
            // Of a role that was just made, what is denied is tried again before a person is told.
            if entry["state"] == "Pending" || entry["state"] == "Retrying" {
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
        said.push(Said {
            what: row.name().replace('-', " "),
            place: "condition",
            message: format!("{}: {}", row.reason, stalled["message"].as_str().unwrap()),
        });
    }
    compare("condition.txt", &said);
    // Guardrails refuse before any call about the role is made.
    let asked = ["foreign", "no-such-policy", "revoked-tomorrow", "too-many-policies"];
    for call in scene.simulator.calls(0).await.unwrap() {
        let name = call.role.unwrap_or_default();
        let is_refused_before = rows.iter().any(|row| row.name() == name) && !asked.contains(&name.as_str());
        assert!(!is_refused_before, "{} about {name}", call.action);
    }
    assert_eq!(
        scene.simulator.role(PROD, "foreign").await.unwrap().unwrap(),
        foreign,
        "the foreign role is untouched"
    );
}
