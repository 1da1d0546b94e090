//! An operator that discovers, and the cluster that it works in.

use std::collections::BTreeMap;

use crossrole_testkit::chart::OperatorContainer;
use crossrole_testkit::{ControlPlane, Figures, Operator, eventually};
use serde_json::Value;

use super::{PATIENCE, text};

/// An operator that discovers, and the cluster that it works in.
pub struct Stage {
    pub control_plane: ControlPlane,
    container: OperatorContainer,
    pub operator: Operator,
    figures: Figures,
    looks: u32,
}

/// Counts what is written of AWSAccounts, but for their status.
const WRITES: &str = "crossrole_kubernetes_writes_total{verb=\"patch\",resource=\"awsaccounts\"}";

impl Stage {
    pub async fn start(
        control_plane: ControlPlane,
        container: OperatorContainer,
        endpoint: &str,
        flags: &[&str],
    ) -> Self {
        let (operator, figures) = Self::operator(&control_plane, &container, endpoint, flags).await;
        Self {
            control_plane,
            container,
            operator,
            figures,
            looks: 0,
        }
    }

    async fn operator(
        control_plane: &ControlPlane,
        container: &OperatorContainer,
        endpoint: &str,
        flags: &[&str],
    ) -> (Operator, Figures) {
        let environment = [
            ("AWS_ENDPOINT_URL", endpoint),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ];
        let operator = Operator::start_as_installed(control_plane, container, flags, &environment).await;
        let mut operator = operator.unwrap();
        let figures = Figures::of(&mut operator, PATIENCE).await.unwrap();
        (operator, figures)
    }

    pub async fn start_again(&mut self, endpoint: &str, flags: &[&str]) {
        assert!(self.operator.stop().await.unwrap().success());
        (self.operator, self.figures) = Self::operator(&self.control_plane, &self.container, endpoint, flags).await;
        self.read_since(0.0).await;
    }

    /// When the organisation was last read.
    pub async fn read(&self) -> f64 {
        let scrape = self.figures.scrape().await.unwrap();
        let read = scrape.get("crossrole_organization_read_timestamp_seconds");
        read.copied().unwrap_or_default()
    }

    pub async fn read_since(&self, before: f64) {
        let waited = eventually(PATIENCE, "the organisation is read", async || {
            let now = self.read().await;
            if now > before { Ok(()) } else { Err(now) }
        });
        waited
            .await
            .unwrap_or_else(|error| panic!("{error}\n{}", self.operator.log()));
    }

    pub async fn written(&self) -> f64 {
        let scrape = self.figures.scrape().await.unwrap();
        scrape.get(WRITES).copied().unwrap_or_default()
    }

    pub async fn annotate(&self, class: &str, annotation: &str) {
        let annotate = ["annotate", "accountclass", class, "--overwrite", annotation];
        self.control_plane.kubectl(annotate).await.unwrap();
    }

    /// Has the organisation looked at once more, and waits until that is done.
    pub async fn look(&mut self) {
        self.looks += 1;
        let before = self.read().await;
        let digest = format!("crossrole.dev/allow-removals=look-{}", self.looks);
        self.annotate("standard", &digest).await;
        self.read_since(before).await;
    }

    pub async fn list(&self, kind: &str) -> Vec<Value> {
        let list = self
            .control_plane
            .kubectl(["get", kind, "--output", "json"])
            .await
            .unwrap();
        let mut list: Value = serde_json::from_str(&list).unwrap();
        serde_json::from_value(list["items"].take()).unwrap()
    }

    /// AWSAccounts, by account id.
    pub async fn accounts(&self) -> BTreeMap<String, Value> {
        let accounts = self.list("awsaccounts").await.into_iter();
        accounts
            .map(|account| (text(&account["spec"]["accountId"]), account))
            .collect()
    }

    /// Waits until each AWSAccount has its status: whoever writes that makes another version of the object, and discovery
    /// writes none but that which it looked at.
    pub async fn settle(&self) {
        let waited = eventually(PATIENCE, "each AWSAccount has its status", async || {
            let accounts = self.list("awsaccounts").await;
            let without = accounts
                .iter()
                .filter(|account| account["status"]["conditions"].is_null());
            let without = without.count();
            if without == 0 { Ok(()) } else { Err(without) }
        });
        waited.await.unwrap();
    }

    /// The reason and the message of the class's `DiscoveryFailing`.
    pub async fn failing(&self, class: &str) -> Option<(String, String)> {
        let classes = self.list("accountclasses").await;
        let class = classes
            .iter()
            .find(|object| object["metadata"]["name"] == class)
            .unwrap();
        let conditions = class["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let failing = conditions
            .iter()
            .find(|condition| condition["type"] == "DiscoveryFailing")?;
        Some((text(&failing["reason"]), text(&failing["message"])))
    }

    pub async fn events(&self, reason: &str) -> usize {
        let events = self.list("events.events.k8s.io").await;
        events
            .iter()
            .filter(|event| event["reason"] == reason && event["type"] == "Warning")
            .count()
    }
}
