//! Installing, upgrading and uninstalling.

use std::sync::atomic::{AtomicBool, Ordering};

use crossrole_testkit::chart::{NAMESPACE, RELEASE};
use crossrole_testkit::scene::PATIENCE;
use crossrole_testkit::tools::workspace;
use crossrole_testkit::{Chart, ControlPlane, ControlPlaneOptions, eventually};
use serde_json::{Value, json};

use super::{CRDS, only, render};

// Kubernetes itself is the judge: a namespace that enforces the restricted profile takes the Pod.
#[tokio::test(flavor = "multi_thread")]
async fn it_installs_keeps_to_the_restricted_profile_and_leaves_the_crds_behind() {
    let control_plane = ControlPlane::start(ControlPlaneOptions::default()).await.unwrap();
    let everything = ["networkPolicy.enabled=true"];
    let chart = Chart::of_this_workspace();
    chart.install(&control_plane, &everything).await.unwrap();
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
    let create = ["create", "--dry-run=server", "-f", "-"];
    let mut pod = pod(&render(&[]).await);
    control_plane
        .kubectl_with_input(create, &pod.to_string())
        .await
        .unwrap()
        .ok()
        .unwrap();
    pod["spec"]["containers"][0]["securityContext"] = json!({});
    let refused = control_plane
        .kubectl_with_input(create, &pod.to_string())
        .await
        .unwrap();
    assert!(
        !refused.success && refused.stderr.contains("restricted"),
        "the profile was not enforced: {refused}"
    );
    let placed = [
        r#"podLabels={"team":"platform"}"#,
        r#"nodeSelector={"kubernetes.io/arch":"arm64"}"#,
        r#"tolerations=[{"key":"spot","operator":"Exists"}]"#,
        r#"affinity={"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"a","operator":"Exists"}]}]}}}"#,
        r#"priorityClassName="system-cluster-critical""#,
        r#"extraEnv=[{"name":"AWS_REGION","value":"eu-west-1"}]"#,
        r#"resources={"requests":{"cpu":"1","memory":"1Gi"},"limits":{"cpu":2,"memory":"1Gi"}}"#,
        r#"extraVolumes=[{"name":"aws","projected":{"sources":[{"serviceAccountToken":{"path":"token","audience":"sts.amazonaws.com"}}]}}]"#,
        r#"extraVolumeMounts=[{"name":"aws","mountPath":"/var/run/secrets/aws","readOnly":true}]"#,
        r#"podSecurityContext={"runAsUser":null,"runAsGroup":null,"fsGroup":null}"#,
    ];
    let placed = self::pod(chart.render_json(&placed).await.unwrap().all());
    control_plane
        .kubectl_with_input(create, &placed.to_string())
        .await
        .unwrap()
        .ok()
        .unwrap();

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
    let kinds = "clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings";
    let gone = control_plane.kubectl(["get", kinds, "--output", "name"]).await.unwrap();
    assert!(!gone.contains("/crossrole"), "{gone}");

    // Installed again, the release takes the CRDs that are there. Helm waits until the operator runs.
    let folder = workspace().join("charts/crossrole").display().to_string();
    let install = ["install", RELEASE, &folder, "--namespace", NAMESPACE];
    let install = install.into_iter().chain(["--wait", "--timeout=2m"]);
    let runs = AtomicBool::new(false);
    let installed = async {
        let installed = control_plane.helm(install).await;
        (installed, runs.load(Ordering::SeqCst))
    };
    let (installed, ()) = tokio::join!(installed, bring_up(&control_plane, &runs));
    let (installed, waited) = installed;
    installed.unwrap();
    assert!(waited, "Helm did not wait for the Pods");
    let upgrade = ["upgrade", RELEASE, &folder, "--namespace", NAMESPACE];
    let upgrade = upgrade.into_iter().chain(["--set", "operator.maxRemovals=20"]);
    control_plane.helm(upgrade).await.unwrap();
    the_lease_can_be_given_up_and_taken_again(&control_plane, &folder).await;
    what_needs_a_thought_is_told(&control_plane, &folder).await;
    another_release_takes_the_crds_only_where_it_is_told_to(&control_plane, &folder).await;
}

/// Their annotations name a release, and Helm takes nothing from one.
async fn another_release_takes_the_crds_only_where_it_is_told_to(control_plane: &ControlPlane, chart: &str) {
    control_plane
        .helm(["uninstall", RELEASE, "--namespace", NAMESPACE])
        .await
        .unwrap();
    let install = [
        "install",
        "another",
        chart,
        "--namespace=elsewhere",
        "--create-namespace",
    ];
    let refused = control_plane.helm(install).await.unwrap_err().to_string();
    assert!(refused.contains("invalid ownership metadata"), "{refused}");
    let install = ["upgrade", "--install", "another", chart, "--namespace=elsewhere"];
    let install = install.into_iter().chain(["--create-namespace", "--take-ownership"]);
    control_plane.helm(install).await.unwrap();
}

async fn what_needs_a_thought_is_told(control_plane: &ControlPlane, chart: &str) {
    const RUNBOOK: &str = "metrics.prometheusRule.runbook";
    for (settings, what, is_told) in [
        ("metrics.prometheusRule.enabled=true", RUNBOOK, true),
        (
            "metrics.prometheusRule.enabled=true,metrics.prometheusRule.runbook=https://wiki.example.com/runbook",
            RUNBOOK,
            false,
        ),
        ("metrics.prometheusRule.enabled=false", RUNBOOK, false),
        ("crds.keep=true", "crds.keep", false),
        ("crds.keep=false", "crds.keep", true),
        // There are none to keep.
        ("crds.keep=false,crds.install=false", "crds.keep", false),
    ] {
        let install = [
            "install",
            "another",
            chart,
            "--namespace=elsewhere",
            "--dry-run=client",
            "--set",
            settings,
        ];
        let told = control_plane.helm(install).await.unwrap();
        let (_, notes) = told.split_once("NOTES:").unwrap();
        assert_eq!(notes.contains(what), is_told, "{settings}: {notes}");
    }
}

/// Without a lease the old Pod ends before the new one starts: the Deployment has another strategy then, and nothing is left
/// of the one before, whichever way Helm applies.
async fn the_lease_can_be_given_up_and_taken_again(control_plane: &ControlPlane, chart: &str) {
    let get = ["get", "deployment", RELEASE, "--namespace", NAMESPACE, "--output=json"];
    for how in ["--server-side=true", "--server-side=false"] {
        for (elects, strategy) in [("false", "Recreate"), ("true", "RollingUpdate")] {
            let lease = format!("leaderElection.enabled={elects}");
            let upgrade = [
                "upgrade",
                RELEASE,
                chart,
                "--namespace",
                NAMESPACE,
                "--set",
                &lease,
                how,
            ];
            control_plane.helm(upgrade).await.unwrap();
            let deployment: Value = serde_json::from_str(&control_plane.kubectl(get).await.unwrap()).unwrap();
            let found = &deployment["spec"]["strategy"];
            assert_eq!(found["type"], strategy, "{how}");
            assert_eq!(
                found.get("rollingUpdate").is_some(),
                strategy == "RollingUpdate",
                "{how}: {found}"
            );
        }
    }
}

/// Writes what the controllers of Deployments and PodDisruptionBudgets would, in their order: nothing here runs Pods.
async fn bring_up(control_plane: &ControlPlane, runs: &AtomicBool) {
    eventually(PATIENCE, "the Deployment", async || {
        let kinds = [
            "get",
            "deployment,poddisruptionbudget",
            "--namespace",
            NAMESPACE,
            "--output=name",
        ];
        let found = control_plane.kubectl(kinds).await.unwrap();
        if found.lines().count() == 2 { Ok(()) } else { Err(found) }
    })
    .await
    .unwrap();
    let write = async |kind: &str, status: Value| {
        let patch = json!({"status": status}).to_string();
        let arguments = ["patch", kind, RELEASE, "--namespace", NAMESPACE];
        let arguments = arguments
            .into_iter()
            .chain(["--subresource=status", "--type=merge", "--patch", &patch]);
        control_plane.kubectl(arguments).await.unwrap();
    };
    let condition =
        |type_: &str, status: &str, reason: &str| json!({"type": type_, "status": status, "reason": reason});
    let starting = json!({
        "observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "unavailableReplicas": 2,
        "conditions": [
            condition("Available", "False", "MinimumReplicasUnavailable"),
            condition("Progressing", "True", "ReplicaSetUpdated"),
        ],
    });
    write("deployment", starting).await;
    let budget = json!({"observedGeneration": 1, "currentHealthy": 2, "desiredHealthy": 1, "expectedPods": 2, "disruptionsAllowed": 1});
    write("poddisruptionbudget", budget).await;
    // From here on Helm may return.
    runs.store(true, Ordering::SeqCst);
    let running = json!({
        "readyReplicas": 2, "availableReplicas": 2, "unavailableReplicas": null,
        "conditions": [
            condition("Available", "True", "MinimumReplicasAvailable"),
            condition("Progressing", "True", "NewReplicaSetAvailable"),
        ],
    });
    write("deployment", running).await;
}

/// The Pod that the Deployment would make.
fn pod(manifests: &[Value]) -> Value {
    let template = &only(manifests, "Deployment")["spec"]["template"];
    let metadata = json!({"name": "probe", "namespace": NAMESPACE, "labels": template["metadata"]["labels"]});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]})
}
