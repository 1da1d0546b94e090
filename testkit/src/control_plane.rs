//! A real Kubernetes API server with its etcd, for one test: own ports, own folder, RBAC on.
//!
//! No controller-manager runs unless asked for, so nothing is garbage collected, a deleted namespace
//! stays `Terminating`, no Pod is made, and the aggregated ClusterRoles `view`, `edit` and `admin` are
//! empty. ServiceAccount tokens come from the TokenRequest API.

use std::ffi::{OsStr, OsString};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::Error;
use crate::certificates::{Certificates, write_private};
use crate::cli::{Cli, Output, inherited};
use crate::process::Process;
use crate::tools::program;

/// How long etcd and the API server each may take until they are ready.
const READY_WITHIN: Duration = Duration::from_secs(90);

/// How often other ports are tried when somebody else took one between choosing and using it.
const PORT_ATTEMPTS: usize = 5;

/// The administrator's token. The server listens on the loopback interface only.
const ADMIN_TOKEN: &str = "test-administrator";

/// How long the tokens of ServiceAccounts are valid.
const TOKEN_DURATION: &str = "24h";

/// What can be chosen about a control plane. The default is the newest Kubernetes and nothing more.
#[derive(Clone, Debug, Default)]
pub struct ControlPlaneOptions {
    /// Behave as this Kubernetes version, for example `1.33`.
    pub emulated_version: Option<String>,
    /// Run kube-controller-manager too: garbage collection, deletion of namespaces, Deployments.
    pub controller_manager: bool,
    /// More arguments for kube-apiserver.
    pub api_server_arguments: Vec<String>,
    /// More arguments for etcd.
    pub etcd_arguments: Vec<String>,
}

/// A running control plane. Dropping it ends its processes and removes its folder.
#[derive(Debug)]
pub struct ControlPlane {
    // Fields are dropped in this order: nothing loses what it depends on.
    controller_manager: Option<Process>,
    api_server: Process,
    etcd: Process,
    etcd_url: String,
    port: u16,
    options: ControlPlaneOptions,
    kubectl: PathBuf,
    url: String,
    certificates: Certificates,
    folder: TempDir,
}

/// kubectl is run so often at most.
const KUBECTL_TRIES: u32 = 3;

/// What kubectl says of a connection that it gave up.
const LOST: [&str; 2] = ["http2: client connection lost", "net/http: TLS handshake timeout"];

impl ControlPlane {
    /// Starts etcd and kube-apiserver and waits until the server is ready and the namespaces
    /// `default` and `kube-system` are there.
    ///
    /// # Errors
    /// When a program cannot be found or built, or is not ready within 90 seconds; with the end of its log.
    pub async fn start(options: ControlPlaneOptions) -> Result<Self, Error> {
        let mut attempt = 1;
        loop {
            match Self::start_once(&options).await {
                Err(error) if attempt < PORT_ATTEMPTS && a_port_was_taken(&error) => attempt += 1,
                result => return result,
            }
        }
    }

    async fn start_once(options: &ControlPlaneOptions) -> Result<Self, Error> {
        let folder = tempfile::Builder::new()
            .prefix("crossrole-control-plane-")
            .tempdir()
            .map_err(|error| Error::because("no temporary folder", error))?;
        let certificates = Certificates::generate(folder.path())?;
        let (etcd, etcd_url) = start_etcd(folder.path(), options).await?;
        let port = free_port()?;
        let url = format!("https://127.0.0.1:{port}");
        let api_server = start_api_server(folder.path(), &certificates, &etcd_url, port, options).await?;
        let mut control_plane = Self {
            controller_manager: None,
            api_server,
            etcd,
            etcd_url,
            port,
            options: options.clone(),
            kubectl: program("kubectl").await?,
            url,
            certificates,
            folder,
        };
        control_plane.write_kubeconfig("admin", &control_plane.url, ADMIN_TOKEN)?;
        control_plane.wait_until_ready().await?;
        if options.controller_manager {
            let process = control_plane.start_controller_manager().await?;
            control_plane.controller_manager = Some(process);
        }
        Ok(control_plane)
    }

    async fn wait_until_ready(&mut self) -> Result<(), Error> {
        let port = self.port;
        self.api_server
            .wait_until(READY_WITHIN, "kube-apiserver listens", async || {
                TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await
            })
            .await?;
        let kubectl = self.cli(&self.kubectl, &self.kubeconfig());
        self.api_server
            .wait_until(READY_WITHIN, "the API server is ready", async || {
                kubectl.run(["get", "--raw", "/readyz"], None).await?.ok()?;
                kubectl
                    .run(["get", "namespaces", "default", "kube-system"], None)
                    .await?
                    .ok()
            })
            .await?;
        Ok(())
    }

    /// Kills the API server: watches break off, and nobody can be asked. What it holds stays in etcd.
    ///
    /// # Errors
    /// When its end cannot be waited for.
    pub async fn kill_api_server(&mut self) -> Result<(), Error> {
        self.api_server.kill().await.map(drop)
    }

    /// Starts the API server again at the same address, and waits until it is ready.
    ///
    /// # Errors
    /// When it is not ready within 90 seconds, or somebody else took its port meanwhile; with the end of its log.
    pub async fn start_api_server_again(&mut self) -> Result<(), Error> {
        let folder = self.folder.path();
        self.api_server =
            start_api_server(folder, &self.certificates, &self.etcd_url, self.port, &self.options).await?;
        self.wait_until_ready().await
    }

    async fn start_controller_manager(&self) -> Result<Process, Error> {
        let mut command = daemon(&program("kube-controller-manager").await?, self.folder.path());
        command
            .arg(flag("--kubeconfig", self.kubeconfig()))
            .arg(flag("--service-account-private-key-file", &self.certificates.token_key))
            .arg(flag("--root-ca-file", &self.certificates.authority))
            .args(["--leader-elect=false", "--secure-port=0"]);
        spawn("kube-controller-manager", &mut command, self.folder.path())
    }

    /// The address of the API server.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The administrator's kubeconfig (group `system:masters`).
    pub fn kubeconfig(&self) -> PathBuf {
        self.kubeconfig_of("admin")
    }

    /// The folder of this control plane; what a test puts there is removed with it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The ids of the running processes.
    pub fn process_ids(&self) -> Vec<u32> {
        self.controller_manager
            .iter()
            .chain([&self.api_server, &self.etcd])
            .map(Process::id)
            .collect()
    }

    /// Stops kube-apiserver where it is, until [`ControlPlane::resume_api_server`]: connections stay, nothing answers.
    pub fn pause_api_server(&mut self) {
        self.api_server.pause();
    }

    /// Lets kube-apiserver go on.
    pub fn resume_api_server(&mut self) {
        self.api_server.resume();
    }

    /// What kube-apiserver has logged.
    pub fn api_server_log(&self) -> String {
        self.api_server.log()
    }

    /// Runs kubectl as the administrator and returns its standard output. On a machine that is very busy kubectl gives up a
    /// connection that only waits; it is run again then, so it must be a command that can be.
    ///
    /// # Errors
    /// When it cannot be run or fails; with what it wrote.
    pub async fn kubectl<I>(&self, arguments: I) -> Result<String, Error>
    where
        I: IntoIterator<Item: AsRef<OsStr>>,
    {
        let arguments: Vec<_> = arguments
            .into_iter()
            .map(|argument| argument.as_ref().to_owned())
            .collect();
        let mut tries = 1;
        loop {
            let output = self.kubectl_as(&self.kubeconfig(), &arguments).await?;
            let lost = LOST.iter().any(|lost| output.stderr.contains(lost));
            if output.success || !lost || tries == KUBECTL_TRIES {
                return output.ok();
            }
            tries += 1;
        }
    }

    /// Runs kubectl as the administrator with `input` as its standard input, as in `apply -f -`.
    /// A failure is for the caller to judge, so that tests can look at refusals.
    ///
    /// # Errors
    /// When it cannot be run.
    pub async fn kubectl_with_input<I>(&self, arguments: I, input: &str) -> Result<Output, Error>
    where
        I: IntoIterator<Item: AsRef<OsStr>>,
    {
        self.cli(&self.kubectl, &self.kubeconfig())
            .run(arguments, Some(input))
            .await
    }

    /// Runs kubectl with another kubeconfig. A failure is for the caller to judge.
    ///
    /// # Errors
    /// When it cannot be run.
    pub async fn kubectl_as<I>(&self, kubeconfig: &Path, arguments: I) -> Result<Output, Error>
    where
        I: IntoIterator<Item: AsRef<OsStr>>,
    {
        self.cli(&self.kubectl, kubeconfig).run(arguments, None).await
    }

    /// Runs helm as the administrator and returns its standard output.
    ///
    /// # Errors
    /// When it cannot be found, built or run, or fails; with what it wrote.
    pub async fn helm<I>(&self, arguments: I) -> Result<String, Error>
    where
        I: IntoIterator<Item: AsRef<OsStr>>,
    {
        let helm = program("helm").await?;
        self.cli(&helm, &self.kubeconfig()).run(arguments, None).await?.ok()
    }

    /// Applies manifests as the administrator, as `kubectl apply --server-side` does.
    ///
    /// # Errors
    /// When one is refused; with what kubectl wrote.
    pub async fn apply(&self, manifests: &str) -> Result<String, Error> {
        self.kubectl_with_input(["apply", "--server-side", "-f", "-"], manifests)
            .await?
            .ok()
    }

    /// Writes a kubeconfig for a ServiceAccount, with a token of the TokenRequest API that is valid
    /// for a day. The ServiceAccount must exist: no controller makes the `default` ones.
    ///
    /// # Errors
    /// When the token is refused or the file cannot be written.
    pub async fn service_account_kubeconfig(&self, namespace: &str, name: &str) -> Result<PathBuf, Error> {
        self.service_account_kubeconfig_at(&self.url, namespace, name).await
    }

    /// The same, for a server at this address that stands in front of the API server.
    ///
    /// # Errors
    /// When the token is refused or the file cannot be written.
    pub async fn service_account_kubeconfig_at(
        &self,
        url: &str,
        namespace: &str,
        name: &str,
    ) -> Result<PathBuf, Error> {
        let token = self
            .kubectl([
                "create",
                "token",
                name,
                "--namespace",
                namespace,
                "--duration",
                TOKEN_DURATION,
            ])
            .await?;
        self.write_kubeconfig(&format!("{namespace}.{name}"), url, token.trim())
    }

    fn kubeconfig_of(&self, user: &str) -> PathBuf {
        self.folder.path().join(format!("{user}.kubeconfig"))
    }

    fn write_kubeconfig(&self, user: &str, url: &str, token: &str) -> Result<PathBuf, Error> {
        let path = self.kubeconfig_of(user);
        // JSON is YAML.
        let content = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": {
                "server": url,
                "certificate-authority": self.certificates.authority,
            }}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
            "current-context": "test",
        });
        write_private(&path, &content.to_string())?;
        Ok(path)
    }

    fn cli(&self, program: &Path, kubeconfig: &Path) -> Cli {
        let home = self.folder.path().join("home");
        Cli::new(program.to_owned(), home, Some(kubeconfig))
    }
}

async fn start_etcd(folder: &Path, options: &ControlPlaneOptions) -> Result<(Process, String), Error> {
    let url = format!("http://127.0.0.1:{}", free_port()?);
    let mut command = daemon(&program("etcd").await?, folder);
    command
        .arg(flag("--data-dir", folder.join("etcd")))
        .arg(flag("--listen-client-urls", &url))
        .arg(flag("--advertise-client-urls", &url))
        // There are no peers; any port will do.
        .arg("--listen-peer-urls=http://127.0.0.1:0")
        .arg("--unsafe-no-fsync")
        .args(&options.etcd_arguments);
    let mut process = spawn("etcd", &mut command, folder)?;
    // Its own word, not a connection: on a port that was taken in between, another test's etcd would answer.
    process
        .wait_for_line("ready to serve client requests", READY_WITHIN)
        .await?;
    Ok((process, url))
}

async fn start_api_server(
    folder: &Path,
    certificates: &Certificates,
    etcd_url: &str,
    port: u16,
    options: &ControlPlaneOptions,
) -> Result<Process, Error> {
    let tokens = folder.join("tokens.csv");
    write_private(
        &tokens,
        &format!("{ADMIN_TOKEN},administrator,administrator,\"system:masters\"\n"),
    )?;
    let mut command = daemon(&program("kube-apiserver").await?, folder);
    command
        .arg(flag("--etcd-servers", etcd_url))
        .args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1"])
        .arg(flag("--secure-port", port.to_string()))
        .arg(flag("--tls-cert-file", &certificates.serving))
        .arg(flag("--tls-private-key-file", &certificates.serving_key))
        .arg(flag("--token-auth-file", tokens))
        .arg("--authorization-mode=RBAC")
        .arg("--service-account-issuer=https://kubernetes.default.svc")
        .arg(flag("--service-account-key-file", &certificates.token_public_key))
        .arg(flag("--service-account-signing-key-file", &certificates.token_key))
        // This plugin wants a controller to have made each namespace's `default` ServiceAccount.
        .arg("--disable-admission-plugins=ServiceAccount")
        .arg("--service-cluster-ip-range=10.0.0.0/24")
        // The loopback address is no legal endpoint of the Service `kubernetes`.
        .arg("--endpoint-reconciler-type=none")
        .args(
            options
                .emulated_version
                .iter()
                .map(|version| flag("--emulated-version", version)),
        )
        .args(&options.api_server_arguments);
    spawn("kube-apiserver", &mut command, folder)
}

fn daemon(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .env_clear()
        .envs(inherited())
        .env("HOME", folder)
        // Many of them start beside each other: memory is there, processor time is not.
        .env("GOGC", "200");
    command
}

/// The folder goes with the processes, so none of them has anything to save at its end.
fn spawn(name: &str, command: &mut Command, folder: &Path) -> Result<Process, Error> {
    Process::spawn(name, command, &folder.join(format!("{name}.log"))).map(Process::with_nothing_to_save)
}

fn flag(name: &str, value: impl AsRef<OsStr>) -> OsString {
    let mut flag = OsString::from(name);
    flag.push("=");
    flag.push(value);
    flag
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> Result<u16, Error> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| Error::because("the system has no free port", error))
}

fn a_port_was_taken(error: &Error) -> bool {
    error.to_string().contains("address already in use")
}
