//! A control plane, simulated AWS, and an operator that sees Kubernetes through a proxy.

use crossrole_testkit::simulator::Role;
use crossrole_testkit::{Operator, Scene, WatchProxy, eventually, scene};
use serde_json::{Value, json};

use super::support::objects::{delete, list};
use super::support::{PROD, account, class, namespace, yaml};

pub const ROLES: &str = "crossaccountroles";
pub const ACCOUNTS: &str = "awsaccounts";
pub const CLASSES: &str = "accountclasses";

pub struct Stage {
    pub scene: Scene,
    pub proxy: WatchProxy,
}

impl Stage {
    pub async fn start() -> Self {
        let scene = Scene::start(&[PROD]).await.unwrap();
        let proxy = WatchProxy::start(&scene.control_plane).await.unwrap();
        let stage = Self { scene, proxy };
        stage
            .apply(&[namespace("security"), class("standard"), account("prod", PROD)])
            .await;
        stage
    }

    pub async fn apply(&self, objects: &[Value]) {
        self.scene.control_plane.apply(&yaml(objects)).await.unwrap();
    }

    /// Starts the operator, and waits until it is ready.
    pub async fn operator(&self, arguments: &[&str]) -> Operator {
        let mut operator = self.operator_that_begins(arguments).await;
        operator
            .wait_for_line("crossrole is ready", scene::PATIENCE)
            .await
            .unwrap();
        operator
    }

    /// Starts the operator as the chart does, with the proxy in the API server's place.
    pub async fn operator_that_begins(&self, arguments: &[&str]) -> Operator {
        let (plane, container) = (&self.scene.control_plane, &self.scene.container);
        let direct = plane
            .service_account_kubeconfig(&container.namespace, &container.service_account)
            .await
            .unwrap();
        let mut config: Value = serde_json::from_str(&std::fs::read_to_string(direct).unwrap()).unwrap();
        config["clusters"][0]["cluster"] = json!({"server": self.proxy.url()});
        let through_proxy = plane.folder().join("through-proxy.kubeconfig");
        std::fs::write(&through_proxy, config.to_string()).unwrap();
        let hub = &self.scene.hub;
        let token = hub.session_token.clone().unwrap();
        let ours = [
            ("AWS_ENDPOINT_URL", self.scene.simulator.endpoint.as_str()),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", hub.access_key_id.as_str()),
            ("AWS_SECRET_ACCESS_KEY", hub.secret_access_key.as_str()),
            ("AWS_SESSION_TOKEN", token.as_str()),
        ];
        let arguments = [&["--propagation-delay=1s"][..], arguments].concat();
        Operator::start_as_installed_with(&through_proxy, container, &arguments, &ours).unwrap()
    }

    /// An API server whose cache of a kind stays as it is now.
    pub async fn freeze(&self, plural: &str) {
        let path = format!("/apis/crossrole.dev/v1alpha1/{plural}");
        self.proxy.freeze(&self.scene.control_plane, &path).await.unwrap();
    }

    pub async fn wait_for_all(&self, names: &[&str]) {
        for name in names {
            self.scene.wait_for_ready("security", name, "True").await.unwrap();
        }
    }

    pub async fn role(&self, name: &str) -> Option<Role> {
        self.scene.simulator.role(PROD, name).await.unwrap()
    }

    /// How many roles were read so far: each look reads some.
    pub async fn looks(&self) -> u64 {
        let counts = self.scene.simulator.counts().await.unwrap().total;
        let of = |action: &str| counts.actions.get(action).copied().unwrap_or_default();
        of("GetRole") + of("GetAccountAuthorizationDetails")
    }

    /// Takes an object away, finalizer and all: nobody is asked.
    pub async fn take_away(&self, name: &str) {
        let patch = r#"{"metadata":{"finalizers":null}}"#;
        delete(&self.scene, &[name]).await;
        let gone = eventually(scene::PATIENCE, "an object that is taken away", async || {
            let arguments = [
                "patch",
                "xar",
                name,
                "--namespace",
                "security",
                "--type=merge",
                "--patch",
                patch,
            ];
            let _ = self.scene.control_plane.kubectl(arguments).await;
            match list(&self.scene, "xar", "").await.get(name) {
                None => Ok(()),
                Some(object) => Err(object["metadata"].to_string()),
            }
        });
        gone.await.unwrap();
    }
}

pub fn is_closed(role: &Role) -> bool {
    role.trust.to_string().contains("CrossroleClosed")
}

/// A role without what differs from role to role.
pub fn described(role: &Role) -> String {
    let mut role = role.clone();
    let name = std::mem::take(&mut role.name);
    role.id.clear();
    if let Some(revocation) = role.inline.get_mut("AWSRevokeOlderSessions") {
        *revocation = Value::Null;
    }
    role.attached.sort();
    format!("{role:?}").replace(&name, "NAME")
}
