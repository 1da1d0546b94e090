//! The operator's process and the chart that describes it, shown with stand-ins for both.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::time::Duration;

use crossrole_testkit::{Chart, ControlPlane, ControlPlaneOptions, Operator};

const ENOUGH: Duration = Duration::from_secs(20);

#[tokio::test]
async fn the_operator_sees_what_it_is_given_and_little_else() {
    let mut operator = Operator::start_program(
        Path::new("/bin/sh"),
        Path::new("/some/kubeconfig"),
        ["-c", "env; echo ready; exec sleep 600"],
        [("AWS_ENDPOINT_URL", "http://127.0.0.1:1")],
    )
    .unwrap();
    operator.wait_for_line("ready", ENOUGH).await.unwrap();
    let log = operator.log();
    assert!(log.contains("KUBECONFIG=/some/kubeconfig\n"), "{log}");
    assert!(log.contains("AWS_ENDPOINT_URL=http://127.0.0.1:1\n"), "{log}");
    assert!(!log.contains("CARGO"), "the test's own environment: {log}");
    assert!(operator.exit_status().unwrap().is_none());
    let status = operator.kill().await.unwrap();
    assert!(status.to_string().contains("signal: 9"), "{status}");
}

const TEMPLATE: &str = r#"
apiVersion: v1
kind: ServiceAccount
metadata: {name: {{ .Release.Name }}, namespace: {{ .Release.Namespace }}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}, namespace: {{ .Release.Namespace }}}
spec:
  selector: {matchLabels: {app: crossrole}}
  template:
    metadata: {labels: {app: crossrole}}
    spec:
      serviceAccountName: {{ .Release.Name }}
      containers:
      - name: crossrole
        image: crossrole
        args: [run, "--resync-interval={{ .Values.resync }}"]
        env:
        - {name: POD_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
"#;

#[tokio::test]
async fn what_is_installed_is_what_was_rendered_and_says_how_the_operator_runs() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("templates")).unwrap();
    for (file, content) in [
        ("Chart.yaml", "{apiVersion: v2, name: crossrole, version: 0.0.1}"),
        ("values.yaml", "resync: 10m"),
        ("templates/all.yaml", TEMPLATE),
    ] {
        fs::write(folder.path().join(file), content).unwrap();
    }
    let chart = Chart::at(folder.path());
    let rendered = chart.render(&["resync=5s"]).await.unwrap();

    let control_plane = ControlPlane::start(ControlPlaneOptions::default()).await.unwrap();
    let installed = chart.install(&control_plane, &["resync=5s"]).await.unwrap();
    assert_eq!(rendered.all(), installed.all());

    let container = installed.operator().unwrap();
    assert_eq!(container.args, ["run", "--resync-interval=5s"]);
    assert_eq!(
        container.env,
        [("POD_NAMESPACE".to_owned(), "crossrole-system".to_owned())]
    );
    let kubeconfig = control_plane
        .service_account_kubeconfig(&container.namespace, &container.service_account)
        .await
        .unwrap();
    let who = control_plane
        .kubectl_as(&kubeconfig, ["auth", "whoami"])
        .await
        .unwrap()
        .ok()
        .unwrap();
    assert!(
        who.contains("system:serviceaccount:crossrole-system:crossrole"),
        "{who}"
    );
}
