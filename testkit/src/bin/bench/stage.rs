//! A cluster, many simulated accounts, and an operator that is watched from outside.

use std::collections::HashSet;
use std::path::Path;
use std::pin::pin;
use std::time::{Duration, Instant};

use axum::http::{Method, Request};
use crossrole_testkit::scene::EXTERNAL_ID;
use crossrole_testkit::simulator::AllCounts;
use crossrole_testkit::{ControlPlaneOptions, Error, Operator, Scene};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::WatchEvent;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::figures::{Row, mib};
use crate::probe::{self, Patches, Usage};

/// What every AWS call takes at least.
pub const LATENCY: Duration = Duration::from_millis(10);

/// Objects that are made at the same time.
pub const MADE_AT_ONCE: usize = 32;

/// More than any scenario makes: each role that is made has to be counted.
const MOST_ROLES: usize = 1_000_000;

pub const NAMESPACE: &str = "security";
pub const OUR_KINDS: &str = "/apis/crossrole.dev/v1alpha1";

/// A cluster and many accounts.
pub struct Stage {
    pub scene: Scene,
    pub accounts: usize,
    client: Client,
}

/// What `kubectl get --watch` is told of objects.
#[derive(Clone, Debug, Deserialize)]
struct Table {
    rows: Vec<Cells>,
}

/// Of an object: Name, Ready, Accounts, Reason, Message.
#[derive(Clone, Debug, Deserialize)]
struct Cells {
    cells: Vec<Value>,
}

/// What was counted up to some moment.
pub struct Mark {
    began: Instant,
    usage: Usage,
    patches: Patches,
}

/// The id of an account.
pub fn account_id(number: usize) -> String {
    format!("{:012}", 300_000_000_000 + number)
}

/// The name of an AWSAccount.
pub fn account_name(number: usize) -> String {
    format!("account-{number:04}")
}

/// The name of an object, and of its roles.
pub fn role_name(number: usize) -> String {
    format!("role-{number:05}")
}

/// An object with roles in the accounts that it selects: one inline policy, and two of AWS.
pub fn role(number: usize, selection: Value) -> Value {
    json!({
        "apiVersion": "crossrole.dev/v1alpha1", "kind": "CrossAccountRole",
        "metadata": {"name": role_name(number), "namespace": NAMESPACE},
        "spec": {
            "accounts": selection,
            "trust": [{"from": {"accounts": ["111111111111"]}, "require": {"mfa": {"maxAge": "1h"}}}],
            "permissions": {
                "awsManaged": ["SecurityAudit", "job-function/ViewOnlyAccess"],
                "inline": [{"name": "read-logs", "document": {
                    "Version": "2012-10-17",
                    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::logs/*"}]
                }}]
            },
            "tags": {"team": "security"}
        }
    })
}

impl Stage {
    /// Starts everything but the operator, with so many accounts, and declares them.
    pub async fn start(accounts: usize) -> Result<Self, Error> {
        let ids: Vec<String> = (0..accounts).map(account_id).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let options = ControlPlaneOptions {
            etcd_arguments: vec!["--quota-backend-bytes=8589934592".into()],
            ..ControlPlaneOptions::default()
        };
        let scene = Scene::start_on(options, &ids, &["leaderElection.enabled=false"]).await?;
        let client = client(&scene.control_plane.kubeconfig()).await?;
        scene.simulator.set_latency(LATENCY.as_millis() as u64).await?;
        let stage = Self {
            scene,
            client,
            accounts,
        };
        stage.declare_accounts().await?;
        Ok(stage)
    }

    async fn declare_accounts(&self) -> Result<(), Error> {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
        self.post("/api/v1/namespaces", &namespace).await?;
        let class = json!({
            "apiVersion": "crossrole.dev/v1alpha1", "kind": "AccountClass", "metadata": {"name": "standard"},
            "spec": {
                "bootstrapRole": {"name": "crossrole-bootstrap"},
                "allowedNamespaces": {"names": [NAMESPACE]},
                "guardrails": {
                    "permissionsBoundary": "crossrole-boundary",
                    "trust": {"accounts": ["111111111111"]},
                    "managedPolicies": {"aws": ["SecurityAudit", "job-function/*"]},
                    "inlinePolicies": {"denyActions": ["iam:*"]},
                    "tagKeys": ["team"],
                    "maxRolesPerNamespace": MOST_ROLES
                }
            }
        });
        self.post(&format!("{OUR_KINDS}/accountclasses"), &class).await?;
        let accounts = (0..self.accounts).map(|number| {
            json!({
                "apiVersion": "crossrole.dev/v1alpha1", "kind": "AWSAccount",
                "metadata": {"name": account_name(number), "labels": {"env": "bench"}},
                "spec": {"accountId": account_id(number), "class": "standard", "externalId": EXTERNAL_ID}
            })
        });
        self.make(format!("{OUR_KINDS}/awsaccounts"), accounts.collect()).await
    }

    /// Declares roles, in the accounts that `selects` says for each.
    pub async fn declare(&self, objects: usize, selects: impl Fn(usize) -> Value) -> Result<(), Error> {
        let roles = (0..objects).map(|number| role(number, selects(number)));
        let path = format!("{OUR_KINDS}/namespaces/{NAMESPACE}/crossaccountroles");
        self.make(path, roles.collect()).await
    }

    /// Every object in one account: the accounts in turn.
    pub fn one_account(&self) -> impl Fn(usize) -> Value + use<> {
        let accounts = self.accounts;
        move |number| json!({"names": [account_name(number % accounts)]})
    }

    /// Every object in all accounts.
    pub fn all_accounts() -> Value {
        json!({"selector": {"matchLabels": {"env": "bench"}}})
    }

    async fn make(&self, path: String, objects: Vec<Value>) -> Result<(), Error> {
        let path = path.as_str();
        let posts = objects
            .iter()
            .map(|object| async move { self.post(path, object).await });
        stream::iter(posts)
            .buffer_unordered(MADE_AT_ONCE)
            .try_collect::<Vec<()>>()
            .await
            .map(drop)
    }

    /// Makes an object.
    pub async fn post(&self, path: &str, object: &Value) -> Result<(), Error> {
        write(&self.client, Method::POST, path, object).await
    }

    async fn ask(&self, request: axum::http::Result<Request<Vec<u8>>>) -> Result<String, Error> {
        let request = request.map_err(no_client)?;
        self.client.request_text(request).await.map_err(no_client)
    }

    /// Waits until so many objects say that they are ready. It is told of each change: the end is noticed at once, and asking
    /// again and again for a list would be work for the server.
    pub async fn wait_until_ready(&self, objects: usize, patience: Duration) -> Result<(), Error> {
        let mut ready = HashSet::new();
        let told = async {
            // The server ends a watch that does not keep up with it: then it begins anew, with all that is there.
            loop {
                ready.clear();
                if self.are_told_ready(objects, &mut ready).await? {
                    return Ok(());
                }
            }
        };
        match timeout(patience, told).await {
            Ok(ended) => ended,
            Err(_) => Err(Error::new(format!("{} of {objects} objects are ready", ready.len()))),
        }
    }

    /// One watch. Says whether so many objects were ready before it ended.
    async fn are_told_ready(&self, objects: usize, ready: &mut HashSet<String>) -> Result<bool, Error> {
        let path = format!("{OUR_KINDS}/namespaces/{NAMESPACE}/crossaccountroles?watch=true&includeObject=None");
        let request = Request::get(path).header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io");
        let request = request.body(Vec::new()).map_err(no_client)?;
        let changes = self.client.request_events::<Table>(request).await.map_err(no_client)?;
        let mut changes = pin!(changes);
        while let Some(change) = changes.try_next().await.map_err(no_client)? {
            let (WatchEvent::Added(table) | WatchEvent::Modified(table)) = change else {
                // A server that is behind with its own cache says so.
                sleep(Duration::from_secs(1)).await;
                return Ok(false);
            };
            for Cells { cells } in table.rows {
                let mut cells = cells.iter().map(|cell| cell.as_str().unwrap_or_default());
                let (Some(name), Some(state)) = (cells.next(), cells.next()) else {
                    continue;
                };
                if state == "True" {
                    ready.insert(name.to_owned());
                } else {
                    ready.remove(name);
                }
            }
            if ready.len() == objects {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// An object.
    pub async fn object(&self, number: usize) -> Result<Value, Error> {
        let name = role_name(number);
        let path = format!("{OUR_KINDS}/namespaces/{NAMESPACE}/crossaccountroles/{name}");
        let text = self.ask(Request::get(path).body(Vec::new())).await?;
        serde_json::from_str(&text).map_err(no_client)
    }

    /// The size of an object, in bytes.
    pub async fn size_of_one(&self, number: usize) -> Result<usize, Error> {
        self.object(number).await.map(|object| object.to_string().len())
    }

    async fn patches(&self) -> Result<Patches, Error> {
        let told = self.ask(Request::get("/metrics").body(Vec::new())).await?;
        Ok(Patches::of(&told))
    }

    /// How often each account was asked what.
    pub async fn counts(&self) -> Result<AllCounts, Error> {
        self.scene.simulator.counts().await
    }

    /// Begins to count.
    pub async fn mark(&self, operator: &Operator) -> Result<Mark, Error> {
        self.scene.simulator.reset_calls().await?;
        Ok(Mark {
            patches: self.patches().await?,
            usage: probe::usage(operator.id())?,
            began: Instant::now(),
        })
    }

    /// What was counted since.
    pub async fn since(&self, mark: &Mark, operator: &Operator, scenario: &str) -> Result<Row, Error> {
        let seconds = mark.began.elapsed().as_secs_f64();
        let usage = probe::usage(operator.id())?;
        let counts = self.counts().await?.total;
        let patches = self.patches().await?.since(mark.patches);
        Ok(Row {
            calls: Some(counts.reads + counts.writes),
            writes: Some(counts.writes),
            patches: Some(patches.roles),
            all_patches: Some(patches.all),
            seconds: Some(seconds),
            peak_mib: Some(mib(usage.peak)),
            steady_mib: Some(mib(usage.resident)),
            processor_seconds: Some((usage.processor - mark.usage.processor).as_secs_f64()),
            ..Row::new(scenario)
        })
    }

    /// Waits until no call has come and the operator has done nothing for so long.
    pub async fn wait_until_quiet(&self, operator: &Operator, quiet: Duration) -> Result<(), Error> {
        let mut last = (0, Duration::ZERO);
        let mut since = Instant::now();
        while since.elapsed() < quiet {
            sleep(Duration::from_millis(100)).await;
            let counts = self.counts().await?.total;
            let now = (counts.reads + counts.writes, probe::usage(operator.id())?.processor);
            // A standing process still wakes up now and then.
            if now.0 != last.0 || now.1.saturating_sub(last.1) > Duration::from_millis(20) {
                since = Instant::now();
            }
            last = now;
        }
        Ok(())
    }
}

/// A client of the API server.
pub async fn client(kubeconfig: &Path) -> Result<Client, Error> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).map_err(no_client)?;
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    Client::try_from(config.map_err(no_client)?).map_err(no_client)
}

/// Writes to Kubernetes: a new object, or a merge patch.
pub async fn write(client: &Client, method: Method, path: &str, body: &Value) -> Result<(), Error> {
    let (content, accept) = match method {
        // As the operator does: of what a patch makes of an object, its metadata alone comes back.
        Method::PATCH => (
            "application/merge-patch+json",
            "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
        ),
        _ => ("application/json", "application/json"),
    };
    let request = Request::builder().method(method).uri(path);
    let request = request.header("content-type", content).header("accept", accept);
    let request = request.body(body.to_string().into_bytes()).map_err(no_client)?;
    client.request_text(request).await.map(drop).map_err(no_client)
}

fn no_client(cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::because("the API server did not do what the benchmark asked", cause)
}
