//! All of it together: a control plane with our kinds, simulated accounts with bootstrap roles, and the operator.
//!
//! The bootstrap role of every account has exactly the rights and the trust that `examples/bootstrap` shows.

use std::time::Duration;

use serde_json::{Value, json};

use crate::chart::OperatorContainer;
use crate::simulator::Credentials;
use crate::tools::workspace;
use crate::{ApiProxy, Chart, ControlPlane, ControlPlaneOptions, Error, Operator, Simulator, eventually};

/// The account that the operator's own identity and the users of tests live in.
pub const IDENTITY_ACCOUNT: &str = "111111111111";

/// The external id that the operator presents in every account.
pub const EXTERNAL_ID: &str = "example-7f3c9a52";

/// How long tests wait for anything.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A control plane, simulated AWS, and what the operator needs in both.
pub struct Scene {
    /// Kubernetes, with the chart installed.
    pub control_plane: ControlPlane,
    /// AWS.
    pub simulator: Simulator,
    /// How the chart runs the operator.
    pub container: OperatorContainer,
    /// The session that the operator's process runs with.
    pub hub: Credentials,
}

impl Scene {
    /// Starts everything but the operator, with a bootstrap role in each of the accounts. There is no leader election,
    /// so that an operator that was killed can be started again at once.
    ///
    /// # Errors
    /// When anything does not start.
    pub async fn start(accounts: &[&str]) -> Result<Self, Error> {
        Self::start_with(accounts, &["leaderElection.enabled=false"]).await
    }

    /// Starts everything but the operator, with these settings of the chart, as `name=value`.
    ///
    /// # Errors
    /// When anything does not start.
    pub async fn start_with(accounts: &[&str], settings: &[&str]) -> Result<Self, Error> {
        Self::start_on(ControlPlaneOptions::default(), accounts, settings).await
    }

    /// The same, on a control plane of one's own choice.
    ///
    /// # Errors
    /// When anything does not start.
    pub async fn start_on(
        control_plane: ControlPlaneOptions,
        accounts: &[&str],
        settings: &[&str],
    ) -> Result<Self, Error> {
        Self::set_up(control_plane, &Chart::of_this_workspace(), accounts, settings).await
    }

    /// The same as [`Scene::start`], with another chart, such as that of an older version.
    ///
    /// # Errors
    /// When anything does not start.
    pub async fn start_from(chart: &Chart, accounts: &[&str]) -> Result<Self, Error> {
        let settings = ["leaderElection.enabled=false"];
        Self::set_up(ControlPlaneOptions::default(), chart, accounts, &settings).await
    }

    async fn set_up(
        control_plane: ControlPlaneOptions,
        chart: &Chart,
        accounts: &[&str],
        settings: &[&str],
    ) -> Result<Self, Error> {
        let (control_plane, simulator) = tokio::join!(ControlPlane::start(control_plane), Simulator::start());
        let (control_plane, simulator) = (control_plane?, simulator?);
        let manifests = chart.install(&control_plane, settings).await?;
        let container = manifests.operator()?;
        let hub = set_up_identity_account(&simulator).await?;
        for account in accounts {
            set_up_target_account(&simulator, account).await?;
        }
        Ok(Self {
            control_plane,
            simulator,
            container,
            hub,
        })
    }

    /// Starts the operator as the chart does, against the simulator, and waits until it is ready.
    ///
    /// # Errors
    /// When it does not get ready.
    pub async fn operator(&self, arguments: &[&str]) -> Result<Operator, Error> {
        self.operator_that_says("crossrole is ready", arguments, self.control_plane.url())
            .await
    }

    /// The same, with everything that it asks of Kubernetes going through a proxy.
    ///
    /// # Errors
    /// When it does not get ready.
    pub async fn operator_through(&self, proxy: &ApiProxy, arguments: &[&str]) -> Result<Operator, Error> {
        self.operator_that_says("crossrole is ready", arguments, proxy.url())
            .await
    }

    /// Starts the operator as the chart does, and waits until it stands by for another that holds the lease.
    ///
    /// # Errors
    /// When it does not get there.
    pub async fn standby(&self, arguments: &[&str]) -> Result<Operator, Error> {
        self.operator_that_says("another holds the lease", arguments, self.control_plane.url())
            .await
    }

    async fn operator_that_says(&self, line: &str, arguments: &[&str], api_server: &str) -> Result<Operator, Error> {
        let token = self.hub.session_token.clone().unwrap_or_default();
        let environment = [
            ("AWS_ENDPOINT_URL", self.simulator.endpoint.as_str()),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", self.hub.access_key_id.as_str()),
            ("AWS_SECRET_ACCESS_KEY", self.hub.secret_access_key.as_str()),
            ("AWS_SESSION_TOKEN", token.as_str()),
        ];
        let (namespace, account) = (&self.container.namespace, &self.container.service_account);
        let kubeconfig = self
            .control_plane
            .service_account_kubeconfig_at(api_server, namespace, account)
            .await?;
        let mut operator = Operator::start_as_installed_with(&kubeconfig, &self.container, arguments, &environment)?;
        operator.wait_for_line(line, PATIENCE).await?;
        Ok(operator)
    }

    /// Reads one object as JSON.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn get(&self, kind: &str, namespace: &str, name: &str) -> Result<Value, Error> {
        let text = self
            .control_plane
            .kubectl(["get", kind, name, "--namespace", namespace, "--output", "json"])
            .await?;
        serde_json::from_str(&text).map_err(|error| Error::because("kubectl did not print JSON", error))
    }

    /// Waits until the `Ready` condition of a CrossAccountRole is `status` for its newest generation, and returns the
    /// object.
    ///
    /// # Errors
    /// When that does not come about; with what was last seen.
    pub async fn wait_for_ready(&self, namespace: &str, name: &str, status: &str) -> Result<Value, Error> {
        let what = format!("Ready={status} of {namespace}/{name}");
        eventually(PATIENCE, &what, async || {
            let role = self
                .get("crossaccountrole", namespace, name)
                .await
                .map_err(|error| error.to_string())?;
            let current = role["status"]["observedGeneration"] == role["metadata"]["generation"];
            if current && condition(&role, "Ready")["status"] == status {
                Ok(role)
            } else {
                Err(role["status"].to_string())
            }
        })
        .await
    }

    /// Waits until an object is gone.
    ///
    /// # Errors
    /// When it stays.
    pub async fn wait_for_gone(&self, kind: &str, namespace: &str, name: &str) -> Result<(), Error> {
        eventually(
            PATIENCE,
            &format!("the end of {kind} {namespace}/{name}"),
            async || match self.get(kind, namespace, name).await {
                Ok(object) => Err(object["status"].to_string()),
                Err(error) if format!("{error:?}").contains("NotFound") => Ok(()),
                Err(error) => Err(format!("{error:?}")),
            },
        )
        .await
    }
}

/// A condition of an object; null where it is not there.
pub fn condition<'a>(object: &'a Value, type_: &str) -> &'a Value {
    let conditions = object["status"]["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == type_)
        .unwrap_or(&Value::Null)
}

/// A document of `examples/bootstrap`.
///
/// # Errors
/// When the file cannot be read.
pub fn bootstrap_document(file: &str) -> Result<Value, Error> {
    let path = workspace().join("examples/bootstrap").join(file);
    let text = std::fs::read_to_string(&path).map_err(|error| Error::because(format!("{}", path.display()), error))?;
    serde_json::from_str(&text).map_err(|error| Error::because(format!("{}", path.display()), error))
}

/// Makes the account of the operator's own identity, and a session of it as EKS Pod Identity gives one.
///
/// # Errors
/// When the simulator refuses.
pub async fn set_up_identity_account(simulator: &Simulator) -> Result<Credentials, Error> {
    simulator.create_account(IDENTITY_ACCOUNT, None).await?;
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": ["sts:AssumeRole", "sts:TagSession"]}]
    });
    let role = simulator
        .create_role(IDENTITY_ACCOUNT, json!({"name": "crossrole-operator", "trust": trust, "inline": {"crossrole": bootstrap_document("operator-permissions.json")?}}))
        .await?;
    simulator.role_session(&role.arn).await
}

/// Makes an account with a bootstrap role and a boundary, as `examples/bootstrap` shows them.
///
/// # Errors
/// When the simulator refuses.
pub async fn set_up_target_account(simulator: &Simulator, account: &str) -> Result<(), Error> {
    simulator.create_account(account, None).await?;
    simulator
        .create_policy(account, "/", "crossrole-boundary", bootstrap_document("boundary.json")?)
        .await?;
    let role = json!({
        "name": "crossrole-bootstrap",
        "trust": bootstrap_document("trust-prod.json")?,
        "inline": {"crossrole": bootstrap_document("permissions.json")?},
    });
    simulator.create_role(account, role).await.map(drop)
}
