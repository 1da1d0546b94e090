//! What a user of a namespace tries in order to get more than the class allows, and with which reason each attempt is refused:
//! roles before any call of AWS (`docs/bootstrap.md` lists them), and leave to assume roles without a write to AWS
//! (`docs/grants.md`). Those of the bootstrap role and the grant role are in `aws-sim/tests/escalation`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use crossrole_testkit::scene::{IDENTITY_ACCOUNT, PATIENCE, condition};
use crossrole_testkit::tools::workspace;
use crossrole_testkit::{Scene, eventually};
use serde_json::{Value, json};
use support::{PROD, account, class, grant, granting, namespace, role, with, yaml};

/// The rows of a page's table of attempts and reasons.
fn rows(page: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(workspace().join("docs").join(page)).unwrap();
    let (_, table) = text.split_once("| attempt | reason |\n|---|---|\n").unwrap();
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    rows.map(str::to_owned).collect()
}

fn row(name: &str, reason: &str) -> String {
    format!("| {name} | `{reason}` |")
}

/// A name, what the object's spec has besides the usual, and the reason of the refusal.
fn attempts() -> Vec<(&'static str, Value, &'static str)> {
    let inline = |statement: Value| {
        let document = json!({"Version": "2012-10-17", "Statement": [statement]});
        json!({"permissions": {"inline": [{"name": "p", "document": document}]}})
    };
    let allow = |action: &str| inline(json!({"Effect": "Allow", "Action": action, "Resource": "*"}));
    let managed = |list: &str, name: &str| json!({"permissions": {list: [name]}});
    let from = |from: Value, require: Value| json!({"trust": [{"from": from, "require": require}]});
    let mfa = json!({"mfa": {"maxAge": "1h"}});
    let raw = |principal: Value| json!({"extraTrustStatements": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]});
    vec![
        (
            "allow itself to change IAM",
            allow("iam:PutRolePolicy"),
            "InlinePolicyNotAllowed",
        ),
        ("allow everything inline", allow("*"), "InlinePolicyNotAllowed"),
        (
            "allow all but a harmless action",
            inline(json!({"Effect": "Allow", "NotAction": "s3:GetObject", "Resource": "*"})),
            "InlinePolicyNotAllowed",
        ),
        (
            "run commands on an instance, with its role's rights",
            allow("ssm:SendCommand"),
            "InlinePolicyNotAllowed",
        ),
        (
            "change a function's code, which runs with its role's rights",
            allow("lambda:UpdateFunctionCode"),
            "InlinePolicyNotAllowed",
        ),
        (
            "attach an AWS policy that changes functions and instances",
            managed("awsManaged", "job-function/SystemAdministrator"),
            "PolicyNotAllowed",
        ),
        (
            "attach AdministratorAccess",
            managed("awsManaged", "AdministratorAccess"),
            "PolicyNotAllowed",
        ),
        (
            "attach an AWS policy that is not listed",
            managed("awsManaged", "PowerUserAccess"),
            "PolicyNotAllowed",
        ),
        (
            "attach a policy of the account that is not listed",
            managed("customerManaged", "everything"),
            "PolicyNotAllowed",
        ),
        (
            "trust another's account",
            from(json!({"accounts": ["999999999999"]}), mfa.clone()),
            "TrustNotAllowed",
        ),
        (
            "trust users without MFA",
            json!({"trust": [{"from": {"accounts": ["111111111111"]}}]}),
            "MfaRequired",
        ),
        ("trust everybody, raw", raw(json!("*")), "TrustNotAllowed"),
        (
            "trust another's account, raw",
            raw(json!({"AWS": "arn:aws:iam::999999999999:root"})),
            "TrustNotAllowed",
        ),
        (
            "trust an AWS service",
            json!({"trust": [{"from": {"services": ["lambda.amazonaws.com"]}}]}),
            "TrustNotAllowed",
        ),
        (
            "trust an identity provider",
            json!({"trust": [{"from": {"oidc": {"issuer": "idp.example.com", "audiences": ["a"], "subjects": ["b"]}}}]}),
            "TrustNotAllowed",
        ),
        (
            "weaken MFA by a condition",
            from(
                json!({"accounts": ["111111111111"]}),
                json!({"mfa": {"maxAge": "1h"}, "conditions": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}}),
            ),
            "InvalidSpec",
        ),
        (
            "take the name of the bootstrap role",
            json!({"roleName": "crossrole-bootstrap"}),
            "ProtectedRole",
        ),
        (
            "take the name of the organisation's way in",
            json!({"roleName": "OrganizationAccountAccessRole", "path": "/", "adoptionPolicy": "Adopt"}),
            "ProtectedRole",
        ),
        (
            "make a role outside rolePath",
            json!({"path": "/admin/"}),
            "PathNotAllowed",
        ),
        (
            "choose another boundary",
            json!({"permissionsBoundary": "everything"}),
            "BoundaryNotAllowed",
        ),
        (
            "take over a role that is not listed",
            json!({"roleName": "admin", "path": "/", "adoptionPolicy": "Adopt"}),
            "PathNotAllowed",
        ),
        (
            "last longer than the class allows",
            json!({"maxSessionDuration": "12h"}),
            "SessionTooLong",
        ),
        (
            "set the tags that say whose a role is",
            json!({"tags": {"crossrole.dev/owner": "security/other"}}),
            "InvalidSpec",
        ),
    ]
}

/// What `crossrole plan` says of an object in a namespace.
fn plan(namespace: &str, more: &Value) -> Value {
    let mut object = json!({
        "apiVersion": "crossrole.dev/v1alpha1",
        "kind": "CrossAccountRole",
        "metadata": {"name": "climber", "namespace": namespace},
        "spec": {
            "accounts": {"names": ["prod"]},
            "trust": [{"from": {"accounts": ["111111111111"]}, "require": {"mfa": {"maxAge": "1h"}}}],
        },
    });
    let spec = object["spec"].as_object_mut().unwrap();
    spec.extend(more.as_object().unwrap().clone());
    let files = ["examples/quickstart/class.yaml", "examples/quickstart/accounts.yaml"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_crossrole"));
    command.args(["plan", "--output", "json", "-f", files[0], files[1], "-"]);
    command
        .current_dir(workspace())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(object.to_string().as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let mut printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    printed["plans"][0].take()
}

#[test]
fn a_user_of_a_namespace_gets_no_further_than_the_class() {
    let attempts = attempts();
    let mut tried = BTreeSet::new();
    let elsewhere = ("act from another namespace", json!({}), "NamespaceNotAllowed");
    for (name, more, reason) in attempts.iter().chain([&elsewhere]) {
        let namespace = if more == &elsewhere.1 { "default" } else { "security" };
        let said = plan(namespace, more);
        assert_eq!(said["outcome"], "refused", "{name}: {said}");
        assert_eq!(said["reason"], *reason, "{name}: {said}");
        // It is refused before anything is planned.
        assert_eq!(said["changes"], Value::Null, "{name}: {said}");
        tried.insert(row(name, reason));
    }
    assert_eq!(rows("bootstrap.md"), tried);
    assert_eq!(plan("security", &json!({}))["outcome"], "create");
}

/// A namespace that may grant, and has no roles.
const SALES: &str = "sales";

/// An attempt with an AssumeRoleGrant: what it is, its namespace, its AWSAccount, to whom, and the reason of the refusal. Each
/// selects the role `audit`.
type Attempt = (&'static str, &'static str, &'static str, Value, &'static str);

fn attempts_to_grant() -> Vec<Attempt> {
    let group = json!({"groups": ["SecAuditors"]});
    let to_role = |name: &str| json!({"roles": [name]});
    let mine = |name, to, reason| (name, "security", "identity", to, reason);
    vec![
        mine(
            "give the bootstrap role leave",
            to_role("crossrole-bootstrap"),
            "ProtectedRole",
        ),
        mine(
            "give the grant role leave",
            to_role("crossrole-grants"),
            "ProtectedRole",
        ),
        mine(
            "give the operator's own role leave",
            to_role("crossrole-operator"),
            "ProtectedRole",
        ),
        mine(
            "give a role that crossrole makes leave",
            to_role("crossrole/audit"),
            "ProtectedRole",
        ),
        mine(
            "give a role that is not listed leave",
            to_role("ci/other"),
            "GrantNotAllowed",
        ),
        mine(
            "give a group that is not listed leave",
            json!({"groups": ["SecAuditors", "Admins"]}),
            "GrantNotAllowed",
        ),
        (
            "grant in an account whose class has no grants",
            "security",
            "prod",
            group.clone(),
            "GrantNotAllowed",
        ),
        (
            "grant from a namespace that is not listed",
            "marketing",
            "identity",
            group.clone(),
            "NamespaceNotAllowed",
        ),
        (
            "select a role of another namespace",
            SALES,
            "identity",
            group,
            "NoRoles",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_of_a_namespace_gives_nobody_leave_whom_the_class_does_not_list_and_none_for_others_roles() {
    // The API server would turn some away already, where they are applied.
    let settings = ["leaderElection.enabled=false", "admissionPolicies.accountNames=false"];
    let scene = Scene::start_with(&[IDENTITY_ACCOUNT, PROD], &settings).await.unwrap();
    let permissions = granting::document("grant-permissions.json");
    granting::make_grant_role(&scene, IDENTITY_ACCOUNT, permissions).await;
    granting::let_operator_grant(&scene).await;
    granting::make_group(&scene, IDENTITY_ACCOUNT, "SecAuditors").await;
    let operator = scene.operator(&["--resync-interval=1s"]).await.unwrap();

    let identity = with(account("identity", IDENTITY_ACCOUNT), "/spec/class", json!("granting"));
    let audit = with(role("audit"), "/spec/accounts/names", json!(["identity", "prod"]));
    let objects = [
        namespace("security"),
        namespace(SALES),
        namespace("marketing"),
        class("standard"),
        granting::class("granting", &["security", SALES]),
        account("prod", PROD),
        identity,
        audit,
    ];
    scene.control_plane.apply(&yaml(&objects)).await.unwrap();
    scene.wait_for_ready("security", "audit", "True").await.unwrap();

    let since = scene.simulator.last_call().await.unwrap();
    let attempts = attempts_to_grant();
    let name = |index: usize| format!("climber-{index}");
    let of = |index: usize, (_, namespace, account, to, _): &Attempt| {
        let grant = with(grant(&name(index), account), "/metadata/namespace", json!(namespace));
        let grant = with(grant, "/spec/roles", json!({"names": ["audit"]}));
        with(grant, "/spec/to", to.clone())
    };
    let grants: Vec<Value> = attempts
        .iter()
        .enumerate()
        .map(|(index, attempt)| of(index, attempt))
        .collect();
    scene.control_plane.apply(&yaml(&grants)).await.unwrap();
    let mut tried = BTreeSet::new();
    for (index, (what, namespace, _, _, reason)) in attempts.iter().enumerate() {
        eventually(PATIENCE, what, async || {
            let grant = scene.get("assumerolegrant", namespace, &name(index)).await;
            let grant = grant.map_err(|error| error.to_string())?;
            if condition(&grant, "Stalled")["reason"] == *reason {
                assert_eq!(grant["status"]["roles"], Value::Null, "{what}");
                Ok(())
            } else {
                Err(grant["status"].to_string())
            }
        })
        .await
        .unwrap();
        tried.insert(row(what, reason));
    }
    let calls = scene.simulator.calls(since).await.unwrap();
    let reads = ["Get", "List", "AssumeRole"];
    let is_read = |action: &str| reads.iter().any(|read| action.starts_with(read));
    let writes = calls
        .iter()
        .map(|call| call.action.as_str())
        .filter(|action| !is_read(action));
    assert_eq!(writes.collect::<Vec<_>>(), Vec::<&str>::new(), "{}", operator.log());
    assert_eq!(rows("grants.md"), tried);

    // The same role, to the group that is listed, by who may.
    let allowed = with(grant("allowed", "identity"), "/spec/roles", json!({"names": ["audit"]}));
    scene.control_plane.apply(&yaml(&[allowed])).await.unwrap();
    eventually(PATIENCE, "what is allowed is given", async || {
        let grant = scene.get("assumerolegrant", "security", "allowed").await;
        let grant = grant.map_err(|error| error.to_string())?;
        match condition(&grant, "Ready")["status"] == "True" {
            true => Ok(()),
            false => Err(grant["status"].to_string()),
        }
    })
    .await
    .unwrap();
}
