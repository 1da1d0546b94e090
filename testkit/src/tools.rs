//! Where the programs of the control plane are: kube-apiserver, etcd, kubectl, helm.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::Error;

/// The root of the workspace that this crate was compiled in.
pub fn workspace() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// Finds a program by its name.
///
/// Looks into the folder `CROSSROLE_TOOLS_DIR` alone when that is set, otherwise into
/// `KUBEBUILDER_ASSETS`, and last asks `tools/build`, which builds what is missing (minutes, once
/// for each machine, with its progress on standard error).
///
/// # Errors
/// When `CROSSROLE_TOOLS_DIR` does not hold the program, or it cannot be built.
pub async fn program(name: &str) -> Result<PathBuf, Error> {
    if let Some(folder) = env::var_os("CROSSROLE_TOOLS_DIR") {
        let path = PathBuf::from(folder).join(name);
        return if path.is_file() {
            Ok(path)
        } else {
            Err(Error::new(format!(
                "CROSSROLE_TOOLS_DIR is set and {} is not there",
                path.display()
            )))
        };
    }
    if let Some(folder) = env::var_os("KUBEBUILDER_ASSETS") {
        let path = PathBuf::from(folder).join(name);
        if path.is_file() {
            return Ok(path);
        }
    }
    build(name).await
}

async fn build(name: &str) -> Result<PathBuf, Error> {
    let script = workspace().join("tools/build");
    let output = Command::new(&script)
        .arg(name)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| Error::because(format!("{} cannot be started", script.display()), error))?;
    if !output.status.success() {
        return Err(Error::new(format!(
            "{} {name} failed ({}); it says why on standard error",
            script.display(),
            output.status
        )));
    }
    let printed = String::from_utf8_lossy(&output.stdout);
    let path = Path::new(printed.trim()).join(name);
    if path.is_file() {
        Ok(path)
    } else {
        Err(Error::new(format!("tools/build did not make {}", path.display())))
    }
}
