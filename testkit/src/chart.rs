//! The Helm chart `charts/crossrole`: rendering, installing, and what it makes of the operator.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use serde_json::Value;

use crate::Error;
use crate::cli::Cli;
use crate::control_plane::ControlPlane;
use crate::tools::{program, workspace};

/// The namespace that the operator is installed into.
pub const NAMESPACE: &str = "crossrole-system";

/// The name of the release, and of the operator's container.
pub const RELEASE: &str = "crossrole";

/// The manifests of a chart, in the order that helm gives them.
#[derive(Clone, Debug)]
pub struct Manifests(Vec<Value>);

/// How the chart runs the operator.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OperatorContainer {
    /// The container's arguments, with `$(VARIABLE)` replaced as the kubelet does.
    pub args: Vec<String>,
    /// The container's environment, in order.
    pub env: Vec<(String, String)>,
    /// The namespace of the Deployment.
    pub namespace: String,
    /// The ServiceAccount of the Pods.
    pub service_account: String,
}

/// A chart that runs the operator.
#[derive(Clone, Debug)]
pub struct Chart {
    folder: PathBuf,
}

impl Chart {
    /// The chart of this workspace, `charts/crossrole`.
    pub fn of_this_workspace() -> Self {
        Self::at(workspace().join("charts/crossrole"))
    }

    /// The chart in another folder, such as that of an older version.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Renders the chart with `helm template`; `settings` are those of `--set`, as `name=value`.
    ///
    /// # Errors
    /// When helm refuses, or its output is not YAML.
    pub async fn render(&self, settings: &[&str]) -> Result<Manifests, Error> {
        self.render_with("--set", settings).await
    }

    /// Renders the chart with `helm template`; `settings` are those of `--set-json`, as `name=JSON`.
    ///
    /// # Errors
    /// When helm refuses, or its output is not YAML.
    pub async fn render_json(&self, settings: &[&str]) -> Result<Manifests, Error> {
        self.render_with("--set-json", settings).await
    }

    async fn render_with(&self, flag: &str, settings: &[&str]) -> Result<Manifests, Error> {
        let home = tempfile::tempdir().map_err(|error| Error::because("no temporary folder", error))?;
        let helm = Cli::new(program("helm").await?, home.path().to_owned(), None);
        let arguments = self.arguments("template", flag, settings);
        let output = helm.run(arguments, None).await?.ok()?;
        Manifests::parse(&output)
    }

    /// Installs the chart with `helm install` into [`NAMESPACE`] and returns what was installed.
    ///
    /// It does not wait for Pods: there is no kubelet.
    ///
    /// # Errors
    /// When helm or the API server refuses.
    pub async fn install(&self, control_plane: &ControlPlane, settings: &[&str]) -> Result<Manifests, Error> {
        let mut arguments = self.arguments("install", "--set", settings);
        arguments.push("--create-namespace".into());
        control_plane.helm(arguments).await?;
        Manifests::installed(control_plane).await
    }

    fn arguments(&self, verb: &str, flag: &str, settings: &[&str]) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = vec![
            verb.into(),
            RELEASE.into(),
            self.folder.clone().into(),
            "--namespace".into(),
            NAMESPACE.into(),
        ];
        for setting in settings {
            arguments.extend([flag.into(), setting.into()]);
        }
        arguments
    }
}

impl Manifests {
    /// What was installed into [`NAMESPACE`].
    ///
    /// # Errors
    /// When there is no such release.
    pub async fn installed(control_plane: &ControlPlane) -> Result<Self, Error> {
        let manifest = control_plane
            .helm(["get", "manifest", RELEASE, "--namespace", NAMESPACE])
            .await?;
        Self::parse(&manifest)
    }

    fn parse(yaml: &str) -> Result<Self, Error> {
        serde_saphyr::from_multiple::<Option<Value>>(yaml)
            .map(|documents| Self(documents.into_iter().flatten().collect()))
            .map_err(|error| Error::because("helm did not print YAML", error))
    }

    /// All manifests.
    pub fn all(&self) -> &[Value] {
        &self.0
    }

    /// Those of one kind, for example `ClusterRole`.
    pub fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.0.iter().filter(move |manifest| manifest["kind"] == kind)
    }

    /// How the Deployment runs the operator.
    ///
    /// # Errors
    /// When there is no Deployment with a container `crossrole`, or it takes its environment from
    /// somewhere that only a real Pod has.
    pub fn operator(&self) -> Result<OperatorContainer, Error> {
        let (deployment, container) = self
            .of_kind("Deployment")
            .flat_map(|deployment| {
                list(&deployment["spec"]["template"]["spec"]["containers"])
                    .map(move |container| (deployment, container))
            })
            .find(|(_, container)| container["name"] == RELEASE)
            .ok_or_else(|| Error::new("the chart has no Deployment with a container crossrole"))?;
        let namespace = text(&deployment["metadata"]["namespace"]).unwrap_or(NAMESPACE.to_owned());
        let service_account =
            text(&deployment["spec"]["template"]["spec"]["serviceAccountName"]).unwrap_or("default".to_owned());
        let env = list(&container["env"])
            .map(|entry| variable(entry, &namespace, &service_account))
            .collect::<Result<Vec<_>, _>>()?;
        let values: BTreeMap<&str, &str> = env
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let args = list(&container["args"])
            .filter_map(text)
            .map(|argument| expand(&argument, &values))
            .collect();
        Ok(OperatorContainer {
            args,
            env,
            namespace,
            service_account,
        })
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// One entry of `env`, with the fields of a Pod that make sense outside of one.
fn variable(entry: &Value, namespace: &str, service_account: &str) -> Result<(String, String), Error> {
    let name = text(&entry["name"]).unwrap_or_default();
    if entry["valueFrom"].is_null() {
        return Ok((name, text(&entry["value"]).unwrap_or_default()));
    }
    let value = match entry["valueFrom"]["fieldRef"]["fieldPath"].as_str() {
        Some("metadata.namespace") => namespace.to_owned(),
        Some("metadata.name") => format!("{RELEASE}-0"),
        Some("spec.serviceAccountName") => service_account.to_owned(),
        _ => {
            return Err(Error::new(format!(
                "the variable {name} has a value only in a real Pod: {}",
                entry["valueFrom"]
            )));
        }
    };
    Ok((name, value))
}

/// Replaces `$(NAME)` by the variable's value; an unknown one stays, and `$$(NAME)` means `$(NAME)`.
fn expand(argument: &str, variables: &BTreeMap<&str, &str>) -> String {
    let mut expanded = String::new();
    let mut rest = argument;
    while let Some(start) = rest.find("$(") {
        let Some(length) = rest[start..].find(')') else {
            break;
        };
        let end = start + length + 1;
        let reference = &rest[start..end];
        let escaped = rest[..start].ends_with('$');
        match variables.get(&rest[start + 2..end - 1]) {
            _ if escaped => {
                expanded.push_str(&rest[..start - 1]);
                expanded.push_str(reference);
            }
            Some(value) => {
                expanded.push_str(&rest[..start]);
                expanded.push_str(value);
            }
            None => expanded.push_str(&rest[..end]),
        }
        rest = &rest[end..];
    }
    expanded.push_str(rest);
    expanded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operators_arguments_and_environment_are_read_from_the_deployment() {
        let manifests = Manifests::parse(
            r#"
---
# Source: crossrole/templates/service-account.yaml
apiVersion: v1
kind: ServiceAccount
metadata: {name: crossrole}
---
# only a comment
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: crossrole, namespace: elsewhere}
spec:
  template:
    spec:
      serviceAccountName: robot
      containers:
      - name: sidecar
      - name: crossrole
        args: [run, "--namespace=$(POD_NAMESPACE)", "$$(POD_NAMESPACE) $(UNKNOWN)"]
        env:
        - {name: RUST_LOG, value: info}
        - {name: POD_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
"#,
        )
        .unwrap();
        assert_eq!(manifests.all().len(), 2);
        assert_eq!(
            manifests.operator().unwrap(),
            OperatorContainer {
                args: vec![
                    "run".to_owned(),
                    "--namespace=elsewhere".to_owned(),
                    "$(POD_NAMESPACE) $(UNKNOWN)".to_owned(),
                ],
                env: vec![
                    ("RUST_LOG".to_owned(), "info".to_owned()),
                    ("POD_NAMESPACE".to_owned(), "elsewhere".to_owned()),
                ],
                namespace: "elsewhere".to_owned(),
                service_account: "robot".to_owned(),
            }
        );
    }

    #[test]
    fn a_variable_that_only_a_real_pod_has_is_an_error() {
        let manifests = Manifests::parse(
            r#"
kind: Deployment
spec:
  template:
    spec:
      containers:
      - name: crossrole
        env: [{name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]
"#,
        )
        .unwrap();
        let error = manifests.operator().unwrap_err();
        assert!(error.to_string().contains("NODE"), "{error}");
    }
}
