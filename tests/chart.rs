//! The chart: what it renders, and what it does on a real control plane.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use crossrole_testkit::chart::{NAMESPACE, RELEASE};
use crossrole_testkit::{Chart, ControlPlane, ControlPlaneOptions};
use serde_json::{Value, json};

const CRDS: [&str; 3] = [
    "accountclasses.crossrole.dev",
    "awsaccounts.crossrole.dev",
    "crossaccountroles.crossrole.dev",
];

async fn render(settings: &[&str]) -> Vec<Value> {
    Chart::of_this_workspace()
        .render(settings)
        .await
        .unwrap()
        .all()
        .to_vec()
}

fn only<'a>(manifests: &'a [Value], kind: &str) -> &'a Value {
    let mut found = manifests.iter().filter(|manifest| manifest["kind"] == kind);
    let first = found.next().unwrap_or_else(|| panic!("the chart has no {kind}"));
    assert!(found.next().is_none(), "the chart has more than one {kind}");
    first
}

fn pod_spec(manifests: &[Value]) -> &Value {
    &only(manifests, "Deployment")["spec"]["template"]["spec"]
}

#[tokio::test]
async fn values_become_arguments() {
    let default = Chart::of_this_workspace()
        .render(&[])
        .await
        .unwrap()
        .operator()
        .unwrap();
    assert_eq!(
        default.args,
        [
            "run",
            "--resync-interval=10m",
            "--propagation-delay=2m",
            "--max-removals=10",
            "--log=info",
            "--log-format=text",
            "--leader-elect",
            "--leader-elect-lease-duration=15s",
            "--leader-elect-renew-deadline=10s",
            "--leader-elect-retry-period=2s",
        ]
    );
    let own = [("POD_NAME", "crossrole-0"), ("POD_NAMESPACE", NAMESPACE)].map(owned);
    assert_eq!(default.env, own);
    assert_eq!(
        (default.namespace.as_str(), default.service_account.as_str()),
        (NAMESPACE, RELEASE)
    );

    let settings = [
        "operator.resyncInterval=30s",
        "operator.propagationDelay=5m",
        "operator.maxRemovals=2000000",
        "operator.clusterId=east",
        "operator.log=warn\\,crossrole=debug",
        "operator.logFormat=json",
        "extraEnv[0].name=AWS_REGION,extraEnv[0].value=eu-west-1",
        "serviceAccount.name=robot",
        "leaderElection.leaseDuration=1m,leaderElection.renewDeadline=40s,leaderElection.retryPeriod=5s",
    ];
    let set = Chart::of_this_workspace()
        .render(&settings)
        .await
        .unwrap()
        .operator()
        .unwrap();
    assert_eq!(
        set.args,
        [
            "run",
            "--resync-interval=30s",
            "--propagation-delay=5m",
            "--max-removals=2000000",
            "--cluster-id=east",
            "--log=warn,crossrole=debug",
            "--log-format=json",
            "--leader-elect",
            "--leader-elect-lease-duration=1m",
            "--leader-elect-renew-deadline=40s",
            "--leader-elect-retry-period=5s",
        ]
    );
    let [name, namespace] = own;
    assert_eq!(set.env, [name, namespace, owned(("AWS_REGION", "eu-west-1"))]);
    assert_eq!(set.service_account, "robot");
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[tokio::test]
async fn without_a_lease_no_two_pods_ever_run() {
    let with = render(&["replicas=3"]).await;
    let deployment = &only(&with, "Deployment")["spec"];
    assert_eq!(deployment["replicas"], 3);
    assert_eq!(deployment["strategy"]["type"], "RollingUpdate");

    for (replicas, expected) in [("replicas=3", 1), ("replicas=0", 0)] {
        let without = render(&["leaderElection.enabled=false", replicas]).await;
        let deployment = &only(&without, "Deployment")["spec"];
        assert_eq!(deployment["replicas"], expected);
        assert_eq!(deployment["strategy"]["type"], "Recreate");
        let arguments = pod_spec(&without)["containers"][0]["args"].to_string();
        assert!(!arguments.contains("--leader-elect"), "{arguments}");
        assert!(without.iter().all(|manifest| manifest["kind"] != "Role"));
    }
}

#[tokio::test]
async fn an_image_is_named_by_tag_or_by_digest() {
    let digest = format!("sha256:{}", "a".repeat(64));
    for (setting, expected) in [
        (
            "image.repository=registry.example.com/crossrole",
            format!("registry.example.com/crossrole:{}", env!("CARGO_PKG_VERSION")),
        ),
        ("image.tag=edge", "crossrole:edge".to_owned()),
        (&format!("image.digest={digest}"), format!("crossrole@{digest}")),
    ] {
        assert_eq!(
            pod_spec(&render(&[setting]).await)["containers"][0]["image"],
            expected,
            "{setting}"
        );
    }
}

#[tokio::test]
async fn a_value_that_does_not_exist_or_fit_is_refused() {
    for (setting, named) in [
        ("operator.resyncIntervall=5m", "resyncIntervall"),
        ("operator.resyncInterval=soon", "/operator/resyncInterval"),
        ("operator.logFormat=xml", "/operator/logFormat"),
        ("image.repository=", "/image/repository"),
        ("crds.instal=false", "instal"),
        ("replica=2", "replica"),
        ("replicas=two", "/replicas"),
        ("leaderElection.retryPeriod=often", "/leaderElection/retryPeriod"),
    ] {
        let refused = Chart::of_this_workspace()
            .render(&[setting])
            .await
            .unwrap_err()
            .to_string();
        assert!(refused.contains(named), "{setting}: {refused}");
    }
}

#[tokio::test]
async fn the_crds_can_be_left_out_and_need_not_be_kept() {
    let without = render(&["crds.install=false"]).await;
    assert!(
        without
            .iter()
            .all(|manifest| manifest["kind"] != "CustomResourceDefinition")
    );
    let loose = render(&["crds.keep=false"]).await;
    let crds: Vec<&Value> = loose
        .iter()
        .filter(|manifest| manifest["kind"] == "CustomResourceDefinition")
        .collect();
    assert_eq!(crds.len(), 3);
    assert!(crds.iter().all(|crd| crd["metadata"]["annotations"].is_null()));
}

#[tokio::test]
async fn the_operator_may_do_what_it_needs_in_kubernetes_and_nothing_else() {
    let manifests = render(&[]).await;
    let texts = |value: &Value| -> Vec<String> {
        value
            .as_array()
            .into_iter()
            .flatten()
            .map(|text| text.as_str().unwrap().to_owned())
            .collect()
    };
    let granted = |kind: &str| -> BTreeSet<String> {
        let mut granted = BTreeSet::new();
        for rule in only(&manifests, kind)["rules"].as_array().unwrap() {
            let names = match texts(&rule["resourceNames"]).as_slice() {
                [] => String::new(),
                names => format!(" {}", names.join(",")),
            };
            for resource in texts(&rule["resources"]) {
                for verb in texts(&rule["verbs"]) {
                    granted.insert(format!("{verb} {resource}{names}"));
                }
            }
        }
        granted
    };
    let mut expected: BTreeSet<String> = [
        "list namespaces",
        "watch namespaces",
        "get namespaces kube-system",
        "create events",
    ]
    .map(String::from)
    .into();
    for kind in ["crossaccountroles", "awsaccounts", "accountclasses"] {
        expected.extend(["list", "watch", "patch"].map(|verb| format!("{verb} {kind}")));
        expected.insert(format!("patch {kind}/status"));
    }
    assert_eq!(granted("ClusterRole"), expected);
    let lease = ["get", "update", "list", "watch"].map(|verb| format!("{verb} leases crossrole"));
    let lease: BTreeSet<String> = lease.into_iter().chain(["create leases".to_owned()]).collect();
    assert_eq!(granted("Role"), lease);
    assert_eq!(only(&manifests, "Role")["metadata"]["namespace"], NAMESPACE);
    assert!(manifests.iter().all(|manifest| manifest["kind"] != "Secret"));
}

// Kubernetes itself is the judge: a namespace that enforces the restricted profile takes the Pod.
#[tokio::test(flavor = "multi_thread")]
async fn it_installs_keeps_to_the_restricted_profile_and_leaves_the_crds_behind() {
    let control_plane = ControlPlane::start(ControlPlaneOptions::default()).await.unwrap();
    Chart::of_this_workspace().install(&control_plane, &[]).await.unwrap();
    for crd in CRDS {
        let wait = ["wait", "--for=condition=Established", "--timeout=30s", "crd", crd];
        control_plane.kubectl(wait).await.unwrap();
    }

    let label = [
        "label",
        "namespace",
        NAMESPACE,
        "pod-security.kubernetes.io/enforce=restricted",
    ];
    control_plane.kubectl(label).await.unwrap();
    let mut spec = pod_spec(&render(&[]).await).clone();
    let pod = |spec: &Value| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe", "namespace": NAMESPACE}, "spec": spec})
            .to_string()
    };
    let create = ["create", "--dry-run=server", "-f", "-"];
    control_plane
        .kubectl_with_input(create, &pod(&spec))
        .await
        .unwrap()
        .ok()
        .unwrap();
    spec["containers"][0]["securityContext"] = json!({});
    let refused = control_plane.kubectl_with_input(create, &pod(&spec)).await.unwrap();
    assert!(
        !refused.success && refused.stderr.contains("restricted"),
        "the profile was not enforced: {refused}"
    );

    control_plane
        .helm(["uninstall", RELEASE, "--namespace", NAMESPACE])
        .await
        .unwrap();
    let left = control_plane
        .kubectl(["get", "crds", "--output", "name"])
        .await
        .unwrap();
    for crd in CRDS {
        assert!(left.contains(crd), "{crd} went with the release");
    }
    let gone = control_plane
        .kubectl(["get", "clusterroles", "--output", "name"])
        .await
        .unwrap();
    assert!(
        !gone
            .lines()
            .any(|line| line == "clusterrole.rbac.authorization.k8s.io/crossrole"),
        "{gone}"
    );

    // Installed again, the release takes the CRDs that are there.
    Chart::of_this_workspace().install(&control_plane, &[]).await.unwrap();
    let upgrade = [
        "upgrade",
        RELEASE,
        "charts/crossrole",
        "--namespace",
        NAMESPACE,
        "--set",
        "operator.maxRemovals=20",
    ];
    let chart = crossrole_testkit::tools::workspace()
        .join("charts/crossrole")
        .display()
        .to_string();
    control_plane
        .helm(upgrade.map(|word| {
            if word == "charts/crossrole" {
                chart.clone()
            } else {
                word.to_owned()
            }
        }))
        .await
        .unwrap();
}
