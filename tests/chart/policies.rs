//! The admission policies and the users' ClusterRoles, judged by the API server.

use crossrole_testkit::scene::PATIENCE;
use crossrole_testkit::{Chart, ControlPlane, ControlPlaneOptions, Output, Scene, eventually};
use serde_json::{Value, json};

use super::support::{PROD, STAGE, account, class, grant, namespace, role, with, yaml};

/// How kubectl acts as a user of the namespaces.
const ANN: [&str; 2] = ["--as=ann", "--as-group=system:authenticated"];

async fn kubectl(control_plane: &ControlPlane, who: &[&str], arguments: &[&str], input: &Value) -> Output {
    let arguments = arguments.iter().chain(who);
    control_plane
        .kubectl_with_input(arguments, &input.to_string())
        .await
        .unwrap()
}

/// What Ann hears when she applies an object: nothing where it is taken.
async fn refusal(control_plane: &ControlPlane, manifest: &Value) -> Option<String> {
    let apply = ["apply", "--server-side", "-f", "-"];
    let output = kubectl(control_plane, &ANN, &apply, manifest).await;
    (!output.success).then_some(output.stderr)
}

/// Lets Ann edit in some namespaces, by the chart's own ClusterRole alone.
fn bindings(namespaces: &[&str]) -> Vec<Value> {
    let role = "crossrole-edit";
    let bind = |namespace: &&str| {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": {"name": role, "namespace": namespace},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "ann"}]
        })
    };
    namespaces.iter().map(bind).collect()
}

fn labelled(name: &str, labels: Value) -> Value {
    with(namespace(name), "/metadata/labels", labels)
}

/// A role of a namespace in accounts that are named, with a name in IAM that no other namespace takes.
fn role_in(namespace: &str, accounts: &[&str]) -> Value {
    let role = with(role("audit"), "/metadata/namespace", json!(namespace));
    let role = with(role, "/spec/roleName", json!(format!("{namespace}-audit")));
    with(role, "/spec/accounts/names", json!(accounts))
}

/// Waits until the API server has taken the policies into use.
async fn wait_until_refused(control_plane: &ControlPlane, manifest: &Value, text: &str) {
    let create = ["create", "--dry-run=server", "-f", "-"];
    eventually(PATIENCE, "the policy is in use", async || {
        let output = kubectl(control_plane, &ANN, &create, manifest).await;
        if !output.success && output.stderr.contains(text) {
            Ok(())
        } else {
            Err(output.to_string())
        }
    })
    .await
    .unwrap();
}

/// Gives the class other namespaces.
async fn allow(scene: &Scene, namespaces: Value) {
    let class = with(class("standard"), "/spec/allowedNamespaces", namespaces);
    scene.control_plane.apply(&yaml(&[class])).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_a_namespace_may_not_use_is_refused_where_it_is_applied() {
    let scene = Scene::start(&[PROD, STAGE]).await.unwrap();
    let control_plane = &scene.control_plane;
    let other = with(
        class("other"),
        "/spec/allowedNamespaces",
        json!({"names": ["strangers"]}),
    );
    let granting = json!({
        "role": "crossrole-grants",
        "allowedNamespaces": {"names": ["strangers"], "selector": {
            "matchLabels": {"tier": "platform"},
            "matchExpressions": [
                {"key": "stage", "operator": "NotIn", "values": ["retired"]},
                {"key": "sold", "operator": "DoesNotExist"}
            ]
        }}
    });
    let other = with(other, "/spec/grants", granting);
    let elsewhere = with(account("stage", STAGE), "/spec/class", json!("other"));
    let namespaces = [
        namespace("security"),
        namespace("strangers"),
        labelled("platform", json!({"tier": "platform", "stage": "live"})),
        labelled("retired", json!({"tier": "platform", "stage": "retired"})),
        labelled("nameless", json!({"tier": "platform"})),
        labelled("guests", json!({"tier": "guest", "stage": "live"})),
        labelled("sold", json!({"tier": "platform", "stage": "live", "sold": ""})),
    ];
    control_plane.apply(&yaml(&namespaces)).await.unwrap();
    let users = [
        "security",
        "strangers",
        "platform",
        "retired",
        "nameless",
        "guests",
        "sold",
    ];
    let users = bindings(&users);
    control_plane.apply(&yaml(&users)).await.unwrap();
    let rules = [class("standard"), other, account("prod", PROD), elsewhere];
    control_plane.apply(&yaml(&rules)).await.unwrap();
    let selector = json!({
        "matchLabels": {"tier": "platform"},
        "matchExpressions": [
            {"key": "stage", "operator": "NotIn", "values": ["retired"]},
            {"key": "stage", "operator": "In", "values": ["live", "retired"]},
            {"key": "stage", "operator": "Exists"},
            {"key": "sold", "operator": "DoesNotExist"}
        ]
    });
    allow(&scene, json!({"names": ["security"], "selector": selector})).await;
    // The operator writes which accounts are of the class, under the policy that lets nobody else.
    let _operator = scene.operator(&["--resync-interval=24h"]).await.unwrap();
    let refused_text = "does not allow namespace strangers to have roles in prod: take that out";
    wait_until_refused(control_plane, &role_in("strangers", &["prod"]), refused_text).await;

    for (namespace, accounts, refused) in [
        ("security", &["prod"][..], None),
        ("platform", &["prod"], None),
        ("strangers", &["stage"], None),
        // Nobody knows it yet; the operator judges it.
        ("strangers", &["nowhere"], None),
        ("strangers", &["prod"], Some("in prod")),
        ("strangers", &["stage", "prod"], Some("AccountClass standard")),
        ("retired", &["prod"], Some("namespace retired")),
        ("nameless", &["prod"], Some("namespace nameless")),
        ("guests", &["prod"], Some("namespace guests")),
        ("sold", &["prod"], Some("namespace sold")),
        (
            "security",
            &["prod", "stage"],
            Some("AccountClass other does not allow"),
        ),
    ] {
        let heard = refusal(control_plane, &role_in(namespace, accounts)).await;
        match (refused, &heard) {
            (None, None) => {}
            (Some(text), Some(heard)) if heard.contains(text) && heard.contains("ask who keeps the class") => {}
            _ => panic!("{namespace} in {accounts:?}: {heard:?}"),
        }
    }
    scene.wait_for_ready("security", "audit", "True").await.unwrap();

    // Who may grant in an account is another list, which the first class does not have.
    let grant_in = |namespace: &str, account| with(grant("g", account), "/metadata/namespace", json!(namespace));
    let refused_text = "does not allow this namespace to grant";
    wait_until_refused(control_plane, &grant_in("guests", "stage"), refused_text).await;
    for (namespace, account, refused) in [
        ("strangers", "stage", false),
        ("platform", "stage", false),
        ("nameless", "stage", false),
        // Nobody knows it yet; the operator judges it.
        ("security", "nowhere", false),
        ("security", "stage", true),
        ("retired", "stage", true),
        ("sold", "stage", true),
        ("security", "prod", true),
    ] {
        let create = ["create", "--dry-run=server", "-f", "-"];
        let output = kubectl(control_plane, &ANN, &create, &grant_in(namespace, account)).await;
        let told = output.stderr.contains(refused_text);
        assert_eq!(
            (!output.success, told),
            (refused, refused),
            "{namespace} in {account}: {output}"
        );
    }

    // The namespace loses the account: nothing is added any more, and everything can be taken away.
    allow(&scene, json!({"names": ["nobody"]})).await;
    scene.wait_for_ready("security", "audit", "False").await.unwrap();
    let held = role_in("security", &["prod"]);
    let more = with(held.clone(), "/spec/accounts/names", json!(["prod", "stage"]));
    let again = refusal(control_plane, &more).await.unwrap();
    assert!(again.contains("AccountClass other"), "{again}");
    for manifest in [
        with(held.clone(), "/spec/description", json!("other words")),
        with(held.clone(), "/spec/access", json!("Closed")),
        with(held.clone(), "/metadata/labels", json!({"team": "security"})),
        with(held.clone(), "/spec/accounts", json!({"names": ["nowhere"]})),
    ] {
        assert_eq!(refusal(control_plane, &manifest).await, None, "{manifest}");
    }
    let back = refusal(control_plane, &held).await.unwrap();
    assert!(back.contains("AccountClass standard"), "{back}");

    // What is being deleted is held up by nothing, not even by a spec that would be refused.
    let hold = json!({"metadata": {"finalizers": ["example.com/hold", "crossrole.dev/roles"]}}).to_string();
    let patch = [
        "patch",
        "xar",
        "audit",
        "--namespace=security",
        "--type=merge",
        "--patch",
    ];
    let patch = |document: &str| {
        let document = document.to_owned();
        async move {
            let arguments: Vec<&str> = patch.into_iter().chain([document.as_str()]).collect();
            kubectl(control_plane, &ANN, &arguments, &Value::Null)
                .await
                .ok()
                .unwrap();
        }
    };
    patch(&hold).await;
    let delete = ["delete", "xar", "audit", "--namespace=security", "--wait=false"];
    kubectl(control_plane, &ANN, &delete, &Value::Null).await.ok().unwrap();
    patch(&json!({"spec": {"accounts": {"names": ["prod", "stage"]}}}).to_string()).await;
    eventually(PATIENCE, "the operator lets go", async || {
        let object = scene.get("xar", "security", "audit").await.unwrap();
        let finalizers = &object["metadata"]["finalizers"];
        if *finalizers == json!(["example.com/hold"]) {
            Ok(())
        } else {
            Err(object.to_string())
        }
    })
    .await
    .unwrap();
    patch(&json!({"metadata": {"finalizers": null}}).to_string()).await;
    scene.wait_for_gone("xar", "security", "audit").await.unwrap();
    assert!(scene.simulator.role(PROD, "security-audit").await.unwrap().is_none());
}

// On the oldest Kubernetes that is supported: it takes the policies too.
#[tokio::test(flavor = "multi_thread")]
async fn users_declare_roles_the_platform_team_makes_rules_and_only_the_operator_writes_status() {
    let options = ControlPlaneOptions {
        emulated_version: Some("1.33".to_owned()),
        ..ControlPlaneOptions::default()
    };
    let control_plane = ControlPlane::start(options).await.unwrap();
    Chart::of_this_workspace().install(&control_plane, &[]).await.unwrap();
    let platform = [
        "create",
        "clusterrolebinding",
        "platform",
        "--clusterrole=crossrole-admin",
        "--user=pam",
    ];
    control_plane.kubectl(platform).await.unwrap();
    let objects = [
        namespace("security"),
        namespace("strangers"),
        class("standard"),
        account("prod", PROD),
        role("audit"),
        grant("auditors", "prod"),
    ];
    control_plane.apply(&yaml(&objects)).await.unwrap();
    control_plane.apply(&yaml(&bindings(&["security"]))).await.unwrap();

    for (who, namespace, verbs, kind, expected) in [
        (
            "ann",
            "security",
            "get list watch create update patch delete",
            "crossaccountroles",
            "yes",
        ),
        ("ann", "security", "update patch", "crossaccountroles/status", "no"),
        (
            "ann",
            "security",
            "get list watch create update patch delete",
            "assumerolegrants",
            "yes",
        ),
        ("ann", "security", "update patch", "assumerolegrants/status", "no"),
        ("ann", "strangers", "get create delete", "assumerolegrants", "no"),
        ("ann", "strangers", "get create delete", "crossaccountroles", "no"),
        ("ann", "", "create update patch delete", "awsaccounts", "no"),
        ("ann", "", "create update patch delete", "accountclasses", "no"),
        (
            "pam",
            "",
            "get list watch create update patch delete",
            "awsaccounts",
            "yes",
        ),
        (
            "pam",
            "",
            "get list watch create update patch delete",
            "accountclasses",
            "yes",
        ),
        (
            "pam",
            "security",
            "get create update delete",
            "crossaccountroles",
            "yes",
        ),
        ("pam", "", "update patch", "accountclasses/status", "no"),
    ] {
        for verb in verbs.split(' ') {
            let who = format!("--as={who}");
            let (kind, part) = kind.split_once('/').unwrap_or((kind, ""));
            let part = format!("--subresource={part}");
            let arguments = ["auth", "can-i", verb, kind, &part, "--namespace", namespace];
            let output = kubectl(&control_plane, &[&who], &arguments, &Value::Null).await;
            assert_eq!(output.stdout.trim(), expected, "{output}");
        }
    }

    // Not even an administrator of the whole cluster.
    for (kind, namespace, name) in [
        ("crossaccountrole", "security", "audit"),
        ("assumerolegrant", "security", "auditors"),
        ("awsaccount", "", "prod"),
        ("accountclass", "", "standard"),
    ] {
        let patch = r#"{"status": {"observedGeneration": 7}}"#;
        let arguments = [
            "patch",
            kind,
            name,
            "--namespace",
            namespace,
            "--subresource=status",
            "--type=merge",
            "--patch",
            patch,
        ];
        eventually(PATIENCE, "the policy is in use", async || {
            let output = kubectl(&control_plane, &[], &arguments, &Value::Null).await;
            let told = output.stderr.contains("status is written by crossrole alone");
            if !output.success && told {
                Ok(())
            } else {
                Err(output.to_string())
            }
        })
        .await
        .unwrap();
        // What is not status stays theirs.
        let label = ["label", kind, name, "--namespace", namespace, "team=security"];
        kubectl(&control_plane, &[], &label, &Value::Null).await.ok().unwrap();
    }
}

// A policy that takes too long to judge would let everything pass: Kubernetes limits what one may cost.
#[tokio::test(flavor = "multi_thread")]
async fn the_largest_class_and_the_longest_list_are_still_judged() {
    let control_plane = ControlPlane::start(ControlPlaneOptions::default()).await.unwrap();
    let settings = ["admissionPolicies.status=false"];
    Chart::of_this_workspace()
        .install(&control_plane, &settings)
        .await
        .unwrap();
    let objects = [
        namespace("security"),
        namespace("strangers"),
        class("standard"),
        class("second"),
    ];
    control_plane.apply(&yaml(&objects)).await.unwrap();
    control_plane.apply(&yaml(&bindings(&["strangers"]))).await.unwrap();
    for class in ["standard", "second"] {
        let accounts: Vec<String> = (0..5000).map(|number| format!("{class}-{number:0230}")).collect();
        let patch = control_plane.folder().join(class);
        std::fs::write(&patch, json!({"status": {"accounts": accounts}}).to_string()).unwrap();
        let patch = format!("--patch-file={}", patch.display());
        let arguments = [
            "patch",
            "accountclass",
            class,
            "--subresource=status",
            "--type=merge",
            &patch,
        ];
        kubectl(&control_plane, &[], &arguments, &Value::Null)
            .await
            .ok()
            .unwrap();
    }
    let mut names: Vec<String> = (0..99).map(|number| format!("second-{number:0230}x")).collect();
    names.push(format!("second-{:0230}", 4999));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    wait_until_refused(
        &control_plane,
        &role_in("strangers", &names),
        "AccountClass second does not allow",
    )
    .await;
}
