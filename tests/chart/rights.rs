//! What the operator may do in Kubernetes is what it does.

use std::collections::BTreeSet;
use std::path::Path;

use crossrole_testkit::chart::{NAMESPACE, RELEASE};
use crossrole_testkit::scene::{PATIENCE, condition};
use crossrole_testkit::{ControlPlaneOptions, Scene, eventually};
use serde_json::{Value, json};

use super::support::{PROD, account, class, grant, namespace, role, yaml};
use super::{named, only, render};

/// A call to the API server, or the right to make it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Call {
    verb: String,
    /// With its subresource and its group: `crossaccountroles/status.crossrole.dev`.
    resource: String,
    /// Absent: of a call, that it names no object; of a right, any object.
    name: Option<String>,
}

impl Call {
    fn new(verb: &str, group: &str, resource: &str, name: Option<&str>) -> Self {
        Self {
            verb: verb.to_owned(),
            resource: format!("{resource}.{group}").trim_end_matches('.').to_owned(),
            name: name.map(str::to_owned),
        }
    }

    /// Whether a right is there for this call.
    fn covers(&self, call: &Self) -> bool {
        self.verb == call.verb && self.resource == call.resource && (self.name.is_none() || self.name == call.name)
    }
}

fn texts(value: &Value) -> Vec<&str> {
    let texts = value.as_array().into_iter().flatten();
    texts.map(|text| text.as_str().unwrap()).collect()
}

/// The rights that a ClusterRole or a Role gives.
fn granted(role: &Value) -> BTreeSet<Call> {
    let mut granted = BTreeSet::new();
    for rule in role["rules"].as_array().unwrap() {
        let names: Vec<Option<&str>> = match texts(&rule["resourceNames"]) {
            names if names.is_empty() => vec![None],
            names => names.into_iter().map(Some).collect(),
        };
        for group in texts(&rule["apiGroups"]) {
            for resource in texts(&rule["resources"]) {
                for verb in texts(&rule["verbs"]) {
                    let calls = names.iter().map(|name| Call::new(verb, group, resource, *name));
                    granted.extend(calls);
                }
            }
        }
    }
    granted
}

#[tokio::test]
async fn the_operator_may_do_what_it_needs_in_kubernetes_and_nothing_else() {
    let manifests = render(&[]).await;
    let mut expected: BTreeSet<Call> = [
        Call::new("list", "", "namespaces", None),
        Call::new("watch", "", "namespaces", None),
        Call::new("get", "", "namespaces", Some("kube-system")),
        Call::new("create", "events.k8s.io", "events", None),
    ]
    .into();
    for kind in ["crossaccountroles", "assumerolegrants", "awsaccounts", "accountclasses"] {
        expected.extend(["list", "watch", "patch"].map(|verb| Call::new(verb, "crossrole.dev", kind, None)));
        expected.insert(Call::new("patch", "crossrole.dev", &format!("{kind}/status"), None));
    }
    assert_eq!(granted(named(&manifests, "ClusterRole", RELEASE)), expected);
    // AWSAccounts are made by people, unless discovery makes them.
    let discovering = render(&["operator.discoverOrganization=true"]).await;
    expected.insert(Call::new("create", "crossrole.dev", "awsaccounts", None));
    assert_eq!(granted(named(&discovering, "ClusterRole", RELEASE)), expected);
    // What an Event has counted is read where there is something to count.
    let url = "https://sqs.eu-central-1.amazonaws.com/111111111111/crossrole-events";
    let fed = [
        "operator.discoverOrganization=true",
        &format!("operator.eventQueueUrl={url}"),
    ];
    let fed = render(&fed).await;
    expected.extend(["get", "patch"].map(|verb| Call::new(verb, "events.k8s.io", "events", None)));
    assert_eq!(granted(named(&fed, "ClusterRole", RELEASE)), expected);
    let group = "coordination.k8s.io";
    let lease = ["get", "update", "list", "watch"].map(|verb| Call::new(verb, group, "leases", Some("crossrole")));
    let create = Call::new("create", group, "leases", None);
    let lease: BTreeSet<Call> = lease.into_iter().chain([create]).collect();
    assert_eq!(granted(only(&manifests, "Role")), lease);
    assert_eq!(only(&manifests, "Role")["metadata"]["namespace"], NAMESPACE);
    assert!(manifests.iter().all(|manifest| manifest["kind"] != "Secret"));
    // The operator's ServiceAccount is bound to nothing else.
    for kind in ["ClusterRoleBinding", "RoleBinding"] {
        assert_eq!(only(&manifests, kind)["roleRef"]["name"], RELEASE);
    }
}

#[tokio::test]
async fn users_get_the_kinds_of_their_namespace_and_only_the_platform_team_the_rules() {
    let labels = |manifests: &[Value], name: &str| -> Vec<String> {
        let labels = named(manifests, "ClusterRole", name)["metadata"]["labels"]
            .as_object()
            .unwrap()
            .clone();
        let labels = labels.keys().filter_map(|label| label.split_once("/aggregate-to-"));
        labels.map(|(_, role)| role.to_owned()).collect()
    };
    let manifests = render(&[]).await;
    assert_eq!(labels(&manifests, "crossrole-view"), ["admin", "edit", "view"]);
    assert_eq!(labels(&manifests, "crossrole-edit"), ["admin", "edit"]);
    assert_eq!(labels(&manifests, "crossrole-admin"), Vec::<String>::new());
    let written = |name: &str| -> BTreeSet<String> {
        let calls = granted(named(&manifests, "ClusterRole", name)).into_iter();
        let writes = calls.filter(|call| !["get", "list", "watch"].contains(&call.verb.as_str()));
        writes.map(|call| call.resource).collect()
    };
    let all = ["crossaccountroles", "assumerolegrants", "awsaccounts", "accountclasses"];
    let all = all.map(|kind| format!("{kind}.crossrole.dev"));
    assert_eq!(written("crossrole-view"), BTreeSet::new());
    assert_eq!(written("crossrole-edit"), all[..2].iter().cloned().collect());
    assert_eq!(written("crossrole-admin"), all.into());

    let apart = render(&["rbac.aggregate=false"]).await;
    for name in ["crossrole-view", "crossrole-edit", "crossrole-admin"] {
        assert_eq!(labels(&apart, name), Vec::<String>::new(), "{name}");
    }
}

/// What a ServiceAccount asked of the API server, and what of that it was refused.
fn audited(log: &Path) -> (BTreeSet<Call>, BTreeSet<Call>) {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let (mut asked, mut refused) = (BTreeSet::new(), BTreeSet::new());
    // The last line may not be whole yet.
    for event in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let object = &event["objectRef"];
        let field = |name: &str| object[name].as_str().unwrap_or_default();
        let resource = match field("subresource") {
            "" => field("resource").to_owned(),
            subresource => format!("{}/{subresource}", field("resource")),
        };
        let verb = event["verb"].as_str().unwrap();
        let call = Call::new(verb, field("apiGroup"), &resource, object["name"].as_str());
        if event["annotations"]["authorization.k8s.io/decision"] == "forbid" {
            refused.insert(call);
        } else {
            asked.insert(call);
        }
    }
    (asked, refused)
}

/// A control plane that notes what the operator asks of it.
fn auditing(folder: &Path) -> (ControlPlaneOptions, std::path::PathBuf) {
    let (policy, log) = (folder.join("policy.yaml"), folder.join("audit.log"));
    let user = format!("system:serviceaccount:{NAMESPACE}:{RELEASE}");
    let rules = json!({
        "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
        "rules": [{"level": "Metadata", "users": [user]}, {"level": "None"}]
    });
    std::fs::write(&policy, rules.to_string()).unwrap();
    let options = ControlPlaneOptions {
        api_server_arguments: vec![
            format!("--audit-policy-file={}", policy.display()),
            format!("--audit-log-path={}", log.display()),
        ],
        ..ControlPlaneOptions::default()
    };
    (options, log)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_right_is_used_and_none_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let (options, log) = auditing(folder.path());
    let settings = [
        "leaderElection.leaseDuration=10s,leaderElection.renewDeadline=6s,leaderElection.retryPeriod=1s",
        "operator.propagationDelay=1s",
    ];
    let scene = Scene::start_on(options, &[PROD], &settings).await.unwrap();
    let objects = [namespace("security"), class("standard"), account("prod", PROD)];
    scene.control_plane.apply(&yaml(&objects)).await.unwrap();

    // A role comes, and goes with its account and its class; meanwhile another operator takes over.
    let mut first = scene.operator(&[]).await.unwrap();
    let mut second = scene.standby(&[]).await.unwrap();
    // Whether a grant may be there is judged where it is applied, and of an account that nobody knows it is not.
    let wanted = [role("audit"), grant("auditors", "nowhere")];
    scene.control_plane.apply(&yaml(&wanted)).await.unwrap();
    scene.wait_for_ready("security", "audit", "True").await.unwrap();
    eventually(PATIENCE, "the grant is judged", async || {
        let grant = scene.get("assumerolegrant", "security", "auditors").await;
        let grant = grant.map_err(|error| error.to_string())?;
        match condition(&grant, "Stalled")["reason"] == "AccountNotFound" {
            true => Ok(()),
            false => Err(grant["status"].to_string()),
        }
    })
    .await
    .unwrap();
    first.stop().await.unwrap();
    second.wait_for_line("crossrole is ready", PATIENCE).await.unwrap();
    let delete = "delete --wait=false --ignore-not-found";
    for (kind, namespace, name) in [
        ("assumerolegrant", "security", "auditors"),
        ("crossaccountrole", "security", "audit"),
        ("awsaccount", "", "prod"),
        ("accountclass", "", "standard"),
    ] {
        let arguments = delete.split(' ').chain([kind, name, "--namespace", namespace]);
        scene.control_plane.kubectl(arguments).await.unwrap();
        scene.wait_for_gone(kind, namespace, name).await.unwrap();
    }

    let manifests = render(&[]).await;
    let mut rights = granted(named(&manifests, "ClusterRole", RELEASE));
    rights.extend(granted(only(&manifests, "Role")));
    eventually(PATIENCE, "every right is used", async || {
        let (asked, _) = audited(&log);
        let used = |right: &&Call| {
            // A Kubernetes that cannot stream lists is listed before it is watched.
            let watch = Call {
                verb: "watch".to_owned(),
                ..(*right).clone()
            };
            asked
                .iter()
                .any(|call| right.covers(call) || (right.verb == "list" && watch.covers(call)))
        };
        let unused: Vec<&Call> = rights.iter().filter(|right| !used(right)).collect();
        if unused.is_empty() {
            Ok(())
        } else {
            Err(format!("never used: {unused:?}"))
        }
    })
    .await
    .unwrap();
    let (asked, refused) = audited(&log);
    assert_eq!(
        refused,
        BTreeSet::new(),
        "the chart does not grant what the operator does"
    );
    // What everybody may ask, such as the version, names no resource.
    let others: Vec<&Call> = asked
        .iter()
        .filter(|call| !call.resource.is_empty() && !rights.iter().any(|right| right.covers(call)))
        .collect();
    assert!(others.is_empty(), "granted by somebody else than the chart: {others:?}");
    second.stop().await.unwrap();
}
