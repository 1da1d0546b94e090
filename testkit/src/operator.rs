//! The operator as a process of its own, as users run it.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use tempfile::TempDir;

use crate::Error;
use crate::chart::OperatorContainer;
use crate::cli::inherited;
use crate::control_plane::ControlPlane;
use crate::process::Process;

/// Operators of many tests run side by side, and every Pod of a chart has the same port. Which one it is stands in the log.
const A_PORT_OF_ITS_OWN: &str = "--metrics-address=127.0.0.1:0";

/// How long a Pod may take to end before it is killed. Source: Kubernetes, `terminationGracePeriodSeconds`, whose default it is.
const GRACE_OF_A_POD: Duration = Duration::from_secs(30);

/// A running `crossrole` process. Dropping it ends it.
#[derive(Debug)]
pub struct Operator {
    process: Process,
    _folder: TempDir,
}

impl Operator {
    /// Starts the operator with this kubeconfig, these arguments and these environment variables.
    ///
    /// Of the caller's environment it sees `PATH` and little more: never AWS credentials or settings
    /// of the person who runs the tests. The instance metadata service is switched off.
    ///
    /// # Errors
    /// When the program is not built or cannot be started.
    pub fn start<A, E, K, V>(kubeconfig: &Path, arguments: A, environment: E) -> Result<Self, Error>
    where
        A: IntoIterator<Item: AsRef<OsStr>>,
        E: IntoIterator<Item = (K, V)>,
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        Self::start_program(&binary()?, kubeconfig, arguments, environment)
    }

    /// [`Operator::start`] with another program than the one beside the running test, for example
    /// that of an older version.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start_program<A, E, K, V>(
        program: &Path,
        kubeconfig: &Path,
        arguments: A,
        environment: E,
    ) -> Result<Self, Error>
    where
        A: IntoIterator<Item: AsRef<OsStr>>,
        E: IntoIterator<Item = (K, V)>,
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        let folder = tempfile::Builder::new()
            .prefix("crossrole-operator-")
            .tempdir()
            .map_err(|error| Error::because("no temporary folder", error))?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(folder.path())
            .env_clear()
            .envs(inherited())
            .env("HOME", folder.path())
            .env("KUBECONFIG", kubeconfig)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("RUST_BACKTRACE", "1")
            .env("CROSSROLE_METRICS_ADDRESS", "127.0.0.1:0")
            .envs(environment);
        let log = folder.path().join("operator.log");
        Ok(Self {
            process: Process::spawn("the operator", &mut command, &log)?,
            _folder: folder,
        })
    }

    /// Starts the operator as its chart would run it: with the ServiceAccount's token, the arguments
    /// and the environment of the installed Deployment. `arguments` and `environment` are added,
    /// and a variable of the same name replaces the chart's.
    ///
    /// # Errors
    /// When the ServiceAccount gets no token, or as [`Operator::start`].
    pub async fn start_as_installed(
        control_plane: &ControlPlane,
        container: &OperatorContainer,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<Self, Error> {
        let kubeconfig = control_plane
            .service_account_kubeconfig(&container.namespace, &container.service_account)
            .await?;
        Self::start_as_installed_with(&kubeconfig, container, arguments, environment)
    }

    /// [`Operator::start_as_installed`] with a kubeconfig that is there already.
    ///
    /// # Errors
    /// As [`Operator::start`].
    pub fn start_as_installed_with(
        kubeconfig: &Path,
        container: &OperatorContainer,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<Self, Error> {
        let arguments = container
            .args
            .iter()
            .map(String::as_str)
            .chain([A_PORT_OF_ITS_OWN])
            .chain(arguments.iter().copied());
        let environment = container
            .env
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .chain(environment.iter().copied());
        Self::start(kubeconfig, arguments, environment)
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// All that the operator has logged.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// How it ended, or `None` while it runs.
    ///
    /// # Errors
    /// When the system cannot be asked.
    pub fn exit_status(&mut self) -> Result<Option<ExitStatus>, Error> {
        self.process.exit_status()
    }

    /// Waits for a line of the log that contains `text`, and returns it.
    ///
    /// # Errors
    /// When the operator ends first or `timeout` passes; with the end of its log.
    pub async fn wait_for_line(&mut self, text: &str, timeout: Duration) -> Result<String, Error> {
        self.process.wait_for_line(text, timeout).await
    }

    /// Stops it in the middle of whatever it does (SIGSTOP), until [`Operator::resume`].
    pub fn pause(&mut self) {
        self.process.pause();
    }

    /// Lets it go on (SIGCONT).
    pub fn resume(&mut self) {
        self.process.resume();
    }

    /// Waits until it has ended by itself.
    ///
    /// # Errors
    /// When it still runs after `timeout`; with the end of its log.
    pub async fn wait_for_exit(&mut self, timeout: Duration) -> Result<ExitStatus, Error> {
        self.process.wait_for_exit(timeout).await
    }

    /// Kills it (SIGKILL), as a crash would, and waits until it is gone.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub async fn kill(&mut self) -> Result<ExitStatus, Error> {
        self.process.kill().await
    }

    /// Asks it to end (SIGTERM), kills it when a Pod would be killed, and waits until it is gone.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub async fn stop(&mut self) -> Result<ExitStatus, Error> {
        self.process.stop(GRACE_OF_A_POD).await
    }
}

/// The operator's program: `CROSSROLE_BIN`, or `crossrole` in the target folder of the running test.
///
/// # Errors
/// When it is not built.
pub fn binary() -> Result<PathBuf, Error> {
    if let Some(path) = env::var_os("CROSSROLE_BIN") {
        return Ok(PathBuf::from(path));
    }
    sibling_binary("crossrole")
        .ok_or_else(|| Error::new("the operator's program is not built; run `cargo build` or set CROSSROLE_BIN"))
}

/// A program of this workspace, beside the running one: tests are in `deps`, examples in `examples`
/// of the folder that programs are in.
pub(crate) fn sibling_binary(name: &str) -> Option<PathBuf> {
    let current = env::current_exe().ok()?;
    let file = format!("{name}{}", env::consts::EXE_SUFFIX);
    current
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(&file))
        .find(|path| path.is_file())
}
