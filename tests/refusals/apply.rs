//! What the API server refuses, by schema and CEL.

use crossrole_testkit::{ControlPlane, ControlPlaneOptions, tools};
use serde_json::{Value, json};

use super::notifiers;
use super::said::{Said, compare};
use super::support::{PROD, STAGE, account, class, grant, namespace, role, with, yaml};

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

/// What no object can be, each row with what it is.
fn impossible() -> Vec<(&'static str, Value)> {
    let users = json!({"accounts": ["111111111111"]});
    vec![
        (
            "a short account id",
            with(account("refused", PROD), "/spec/accountId", json!("2222")),
        ),
        (
            "an account id that is not quoted",
            with(account("refused", PROD), "/spec/accountId", json!(222222222222_u64)),
        ),
        (
            "an unknown partition",
            with(account("refused", PROD), "/spec/partition", json!("aws-mars")),
        ),
        (
            "a bad role name",
            with(role("refused"), "/spec/roleName", json!("audit role")),
        ),
        ("an object's name that is no role name", role(&"a".repeat(65))),
        (
            "an object's name that is too long for a tag",
            with(role(&"a".repeat(193)), "/spec/roleName", json!("audit")),
        ),
        (
            "a session of 13 hours",
            with(role("refused"), "/spec/maxSessionDuration", json!("13h")),
        ),
        (
            "a session of half an hour",
            with(role("refused"), "/spec/maxSessionDuration", json!("30m")),
        ),
        (
            "a duration that is none",
            with(role("refused"), "/spec/maxSessionDuration", json!("a while")),
        ),
        (
            "MFA of roles",
            trust(
                json!({"from": {"accounts": ["111111111111"], "kind": "Roles"}, "require": {"mfa": {"maxAge": "1h"}}}),
            ),
        ),
        (
            "MFA of a role principal",
            trust(
                json!({"from": {"principals": ["arn:aws:iam::111111111111:role/ci"]}, "require": {"mfa": {"maxAge": "1h"}}}),
            ),
        ),
        (
            "MFA without an age",
            trust(json!({"from": users, "require": {"mfa": {}}})),
        ),
        (
            "MFA of two days",
            trust(json!({"from": users, "require": {"mfa": {"maxAge": "48h"}}})),
        ),
        (
            "accounts and principals in one entry",
            trust(
                json!({"from": {"accounts": ["111111111111"], "principals": ["arn:aws:iam::111111111111:user/alice"]}}),
            ),
        ),
        ("from nobody", trust(json!({"from": {}}))),
        (
            "a kind beside principals",
            trust(json!({"from": {"principals": ["arn:aws:iam::111111111111:user/alice"], "kind": "Users"}})),
        ),
        (
            "a principal with a wildcard",
            trust(json!({"from": {"principals": ["arn:aws:iam::111111111111:user/*"]}})),
        ),
        (
            "a principal with an empty segment",
            trust(json!({"from": {"principals": ["arn:aws:iam::111111111111:role//ci"]}})),
        ),
        (
            "three external ids",
            trust(json!({"from": users, "require": {"externalIds": ["one", "two", "three"]}})),
        ),
        (
            "an empty external id",
            trust(json!({"from": users, "require": {"externalIds": [""]}})),
        ),
        (
            "a require that requires nothing",
            trust(json!({"from": users, "require": {}})),
        ),
        ("no trust at all", with(role("refused"), "/spec/trust", json!([]))),
        ("no accounts at all", with(role("refused"), "/spec/accounts", json!({}))),
        (
            "a path with an empty segment",
            with(role("refused"), "/spec/path", json!("/crossrole//x/")),
        ),
        (
            "a document that is a text",
            with(role("refused"), "/spec/permissions/inline/0/document", json!("{}")),
        ),
        (
            "two inline policies of one name",
            with(role("refused"), "/spec/permissions/inline", {
                let policy = role("refused")["spec"]["permissions"]["inline"][0].clone();
                json!([policy, policy])
            }),
        ),
        (
            "a description that IAM does not take",
            with(role("refused"), "/spec/description", json!("日本")),
        ),
        ("a class without a word on the boundary", {
            let mut class = class("refused");
            class["spec"]["guardrails"]
                .as_object_mut()
                .unwrap()
                .remove("permissionsBoundary");
            class
        }),
        (
            "a class with too long a session of the bootstrap role",
            with(class("refused"), "/spec/bootstrapRole/sessionDuration", json!("2h")),
        ),
        (
            "MFA of a service",
            trust(json!({"from": {"services": ["ec2.amazonaws.com"]}, "require": {"mfa": {"maxAge": "1h"}}})),
        ),
        (
            "MFA of whoever a SAML provider signs in",
            trust(json!({"from": {"saml": {"provider": "okta"}}, "require": {"mfa": {"maxAge": "1h"}}})),
        ),
        (
            "a kind that is none",
            trust(json!({"from": {"accounts": ["111111111111"], "kind": "Groups"}})),
        ),
        (
            "an organisation that is none",
            trust(json!({"from": {"organization": "acme"}})),
        ),
        (
            "a permission set without its account",
            trust(json!({"from": {"identityCenter": {"permissionSet": "Auditor"}}})),
        ),
        (
            "a time that is over before it begins",
            with(
                role("refused"),
                "/spec/validity",
                json!({"notBefore": "2026-12-01T00:00:00Z", "notAfter": "2026-11-01T00:00:00Z"}),
            ),
        ),
        (
            "access that is neither open nor closed",
            with(role("refused"), "/spec/access", json!("Shut")),
        ),
        (
            "an unknown deletion policy",
            with(role("refused"), "/spec/deletionPolicy", json!("Keep")),
        ),
        (
            "more than 100 accounts by name",
            with(role("refused"), "/spec/accounts/names", {
                let names: Vec<String> = (0..101).map(|number| format!("a{number}")).collect();
                json!(names)
            }),
        ),
        ("an account without a class", {
            let mut account = account("refused", PROD);
            account["spec"].as_object_mut().unwrap().remove("class");
            account
        }),
        (
            "a class that allows a session of 13 hours",
            with(class("refused"), "/spec/guardrails/maxSessionDuration", json!("13h")),
        ),
        (
            "an issuer that may sign in anybody",
            with(
                class("refused"),
                "/spec/guardrails/trust/federation",
                json!([{"issuer": "token.actions.githubusercontent.com", "audiences": ["sts.amazonaws.com"]}]),
            ),
        ),
        (
            "an issuer and a SAML provider in one rule",
            with(
                class("refused"),
                "/spec/guardrails/trust/federation",
                json!([{"issuer": "i.example.com", "audiences": ["a"], "subjects": ["s"], "samlProviders": ["okta"]}]),
            ),
        ),
        (
            "no role at all for a namespace",
            with(class("refused"), "/spec/guardrails/maxRolesPerNamespace", json!(0)),
        ),
        (
            "a class that names no account of the organisation",
            with(class("refused"), "/spec/discovery", json!({"externalId": "shared-1"})),
        ),
        (
            "a class of a unit that is none",
            with(
                class("refused"),
                "/spec/discovery",
                json!({"organizationalUnits": ["Production"]}),
            ),
        ),
        (
            "a grant to nobody",
            with(grant("refused", "prod"), "/spec/to", json!({"groups": []})),
        ),
        (
            "a grant's name that is too long for a policy's",
            grant(&"a".repeat(61), "prod"),
        ),
    ]
}

/// A requirement that is misspelt, from clients that validate and that do not.
fn misspelt() -> Vec<(&'static str, &'static str, Value)> {
    let misspelt = trust(json!({"from": {"accounts": ["111111111111"]}, "require": {"mfaa": {"maxAge": "1h"}}}));
    vec![
        (
            "a misspelt requirement, from a client that validates",
            "--validate=strict",
            misspelt.clone(),
        ),
        (
            "a misspelt requirement, from a client that does not",
            "--validate=ignore",
            misspelt,
        ),
    ]
}

fn named() -> Value {
    with(role("named"), "/spec/roleName", json!("Audit"))
}

/// Changes of what cannot be changed.
fn immutable() -> Vec<(&'static str, Value)> {
    vec![
        (
            "another id of an account",
            with(account("prod", PROD), "/spec/accountId", json!(STAGE)),
        ),
        (
            "another partition of an account",
            with(account("prod", PROD), "/spec/partition", json!("aws-cn")),
        ),
        (
            "another name of a role",
            with(named(), "/spec/roleName", json!("Other")),
        ),
        (
            "another name of a role that had its object's",
            with(role("unnamed"), "/spec/roleName", json!("Other")),
        ),
        (
            "another path of a class",
            with(class("standard"), "/spec/guardrails/rolePath", json!("/other/")),
        ),
        ("another account of a grant", grant("auditors", "stage")),
    ]
}

/// What the API server says to kubectl of an object that it does not take.
async fn refusal(control_plane: &ControlPlane, what: &'static str, arguments: &[&str], manifest: &Value) -> Said {
    let arguments = arguments.iter().copied().chain(["--filename", "-"]);
    let output = control_plane
        .kubectl_with_input(arguments, &manifest.to_string())
        .await
        .unwrap();
    assert!(!output.success, "{what} was taken: {}", output.stdout);
    // Of several problems the API server does not always name the same first.
    let mut lines: Vec<&str> = output.stderr.trim().lines().collect();
    lines.sort_unstable_by_key(|line| (line.starts_with('*'), *line));
    let message = lines.join("\n");
    let place = if rules().iter().any(|rule| message.contains(rule)) {
        "CEL"
    } else {
        "schema"
    };
    Said {
        what: what.into(),
        place,
        message,
    }
}

/// What the CEL rules of our kinds say.
fn rules() -> Vec<String> {
    let files = ["accountclasses", "assumerolegrants", "awsaccounts", "crossaccountroles"];
    let read = |file| std::fs::read_to_string(tools::workspace().join(format!("crds/{file}.yaml"))).unwrap();
    let mut rules = Vec::new();
    for file in files {
        let crd: Value = serde_saphyr::from_str(&read(file)).unwrap();
        collect_rules(&crd, &mut rules);
    }
    rules
}

fn collect_rules(value: &Value, rules: &mut Vec<String>) {
    let validations = value.get("x-kubernetes-validations").and_then(Value::as_array);
    let messages = validations
        .into_iter()
        .flatten()
        .filter_map(|rule| rule["message"].as_str());
    rules.extend(messages.map(str::to_string));
    match value {
        Value::Object(members) => members.values().for_each(|member| collect_rules(member, rules)),
        Value::Array(items) => items.iter().for_each(|item| collect_rules(item, rules)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_schema_can_know_is_refused_at_apply() {
    let control_plane = with_our_kinds().await;
    control_plane
        .apply(&yaml(&[
            class("standard"),
            account("prod", PROD),
            role("unnamed"),
            named(),
            grant("auditors", "prod"),
        ]))
        .await
        .unwrap();
    let mut said = Vec::new();
    for (what, manifest) in impossible().iter().chain(&notifiers::impossible()).chain(&immutable()) {
        let apply = ["apply", "--server-side", "--force-conflicts"];
        said.push(refusal(&control_plane, what, &apply, manifest).await);
    }
    for (what, validate, manifest) in misspelt() {
        said.push(refusal(&control_plane, what, &["create", validate], &manifest).await);
    }
    compare("apply.txt", &said);
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
