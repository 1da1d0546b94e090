//! The least that a task takes on this machine, at this moment: what a bare client takes that writes to Kubernetes what
//! has to be written and calls AWS as often as it has to be called, in the operator's order, as much at once as the operator
//! allows itself, and thinks nothing.
//!
//! It works in accounts that an operator entered before: to write to an object with a status takes the API server longer.
//!
//! One role takes a finalizer, the intent in status, its calls, an Event and the report in status; one AWSAccount a
//! finalizer, before the first role is made there.

use std::time::{Duration, Instant};

use axum::http::Method;
use crossrole_testkit::Error;
use futures::future::try_join_all;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use kube::Client;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tokio::sync::{OnceCell, Semaphore};

use crate::stage::{
    MADE_AT_ONCE, NAMESPACE, OUR_KINDS, Stage, account_id, account_name, client, role, role_name, write,
};

/// Roles that are made at the same time: of one account, and of all. The operator allows itself no more.
pub const OF_ONE_ACCOUNT: u32 = 10;
pub const OF_ALL: u32 = 192;

/// What is written at the same time, and how much of it may be Events. The operator allows itself no more.
const WRITTEN_AT_ONCE: usize = 64;
const EVENTS_AT_ONCE: usize = WRITTEN_AT_ONCE / 2;

/// A bare client.
struct Floor<'a> {
    stage: &'a Stage,
    /// As the operator's ServiceAccount: nobody else may write status.
    kubernetes: Client,
    aws: reqwest::Client,
    accounts: Vec<Account>,
    roles: Semaphore,
    objects: Semaphore,
    writes: Semaphore,
    events: Semaphore,
}

/// An account as the bare client knows it.
struct Account {
    authorization: String,
    places: Semaphore,
    is_marked: OnceCell<()>,
}

/// How long it takes until so many objects are ready, each of which has roles in the accounts that `selects` says. The
/// operator must not run.
///
/// # Errors
/// What Kubernetes or AWS refused.
pub async fn measure(
    stage: &Stage,
    objects: usize,
    selects: impl Fn(usize) -> (Value, Vec<usize>),
) -> Result<Duration, Error> {
    let floor = Floor::of(stage).await?;
    let began = Instant::now();
    let made = stream::iter(0..objects).map(|number| {
        let (selection, accounts) = selects(number);
        let path = format!("{OUR_KINDS}/namespaces/{NAMESPACE}/crossaccountroles");
        async move {
            stage.post(&path, &role(number, selection)).await?;
            Ok::<_, Error>((number, accounts))
        }
    });
    made.buffer_unordered(MADE_AT_ONCE)
        .try_for_each_concurrent(None, |(number, accounts)| floor.object(number, accounts))
        .await?;
    Ok(began.elapsed())
}

impl<'a> Floor<'a> {
    async fn of(stage: &'a Stage) -> Result<Self, Error> {
        let accounts = (0..stage.accounts).map(|number| async move {
            let keys = stage.scene.simulator.root_keys(&account_id(number)).await?;
            Ok::<_, Error>(Account {
                authorization: format!(
                    "AWS4-HMAC-SHA256 Credential={}/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0",
                    keys.access_key_id
                ),
                places: Semaphore::new(OF_ONE_ACCOUNT as usize),
                is_marked: OnceCell::new(),
            })
        });
        let scene = &stage.scene;
        let (namespace, account) = (&scene.container.namespace, &scene.container.service_account);
        let kubeconfig = scene.control_plane.service_account_kubeconfig(namespace, account);
        let floor = Self {
            stage,
            kubernetes: client(&kubeconfig.await?).await?,
            aws: reqwest::Client::new(),
            accounts: stream::iter(accounts).buffered(WRITTEN_AT_ONCE).try_collect().await?,
            roles: Semaphore::new(OF_ALL as usize),
            objects: Semaphore::new(WRITTEN_AT_ONCE),
            writes: Semaphore::new(WRITTEN_AT_ONCE),
            events: Semaphore::new(EVENTS_AT_ONCE),
        };
        floor.connect().await?;
        Ok(floor)
    }

    /// Opens as many connections to the API server as there will be: the operator has them.
    async fn connect(&self) -> Result<(), Error> {
        let asks = (0..WRITTEN_AT_ONCE).map(|_| self.write(Method::GET, "/version", &Value::Null));
        try_join_all(asks).await.map(drop)
    }

    async fn write(&self, method: Method, path: &str, body: &Value) -> Result<(), Error> {
        let _place = self.writes.acquire().await;
        write(&self.kubernetes, method, path, body).await
    }

    async fn object(&self, number: usize, accounts: Vec<usize>) -> Result<(), Error> {
        let path = format!(
            "{OUR_KINDS}/namespaces/{NAMESPACE}/crossaccountroles/{}",
            role_name(number)
        );
        let entries = |state: &str| -> Vec<Value> { accounts.iter().map(|at| entry(number, *at, state)).collect() };
        {
            let _place = self.objects.acquire().await;
            let finalizer = json!({"metadata": {"finalizers": ["crossrole.dev/roles"]}});
            self.write(Method::PATCH, &path, &finalizer).await?;
            try_join_all(accounts.iter().map(|account| self.mark(*account))).await?;
            self.status(&path, "False", entries("Pending")).await?;
        }
        try_join_all(accounts.iter().map(|account| self.role(number, *account))).await?;
        let _place = self.objects.acquire().await;
        self.status(&path, "True", entries("Ready")).await
    }

    async fn mark(&self, account: usize) -> Result<(), Error> {
        let path = format!("{OUR_KINDS}/awsaccounts/{}", account_name(account));
        let finalizer = json!({"metadata": {"finalizers": ["crossrole.dev/in-use"]}});
        let mark = || self.write(Method::PATCH, &path, &finalizer);
        self.accounts[account].is_marked.get_or_try_init(mark).await.copied()
    }

    async fn status(&self, path: &str, ready: &str, entries: Vec<Value>) -> Result<(), Error> {
        let status = json!({"status": {
            "observedGeneration": 1,
            "summary": format!("{0}/{0}", entries.len()),
            "accounts": entries,
            "conditions": [{
                "type": "Ready", "status": ready, "reason": "InSync", "message": "as declared in every account",
                "observedGeneration": 1, "lastTransitionTime": "2026-01-01T00:00:00Z"
            }]
        }});
        let path = format!("{path}/status");
        self.write(Method::PATCH, &path, &status).await
    }

    async fn role(&self, number: usize, at: usize) -> Result<(), Error> {
        let (account, id, name) = (&self.accounts[at], account_id(at), role_name(number));
        {
            let _places = (account.places.acquire().await, self.roles.acquire().await);
            let trust = json!({"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:root"}, "Action": "sts:AssumeRole"}
            ]});
            let document = json!({"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::logs/*"}
            ]});
            let boundary = format!("arn:aws:iam::{id}:policy/crossrole-boundary");
            let (trust, document) = (trust.to_string(), document.to_string());
            let create = [
                ("Path", "/crossrole/"),
                ("AssumeRolePolicyDocument", &trust),
                ("PermissionsBoundary", &boundary),
            ];
            self.call(account, "CreateRole", &name, &create).await?;
            let put = [("PolicyName", "read-logs"), ("PolicyDocument", document.as_str())];
            self.call(account, "PutRolePolicy", &name, &put).await?;
            for policy in ["SecurityAudit", "job-function/ViewOnlyAccess"] {
                let arn = format!("arn:aws:iam::aws:policy/{policy}");
                let attach = [("PolicyArn", arn.as_str())];
                self.call(account, "AttachRolePolicy", &name, &attach).await?;
            }
        }
        let _place = self.events.acquire().await;
        let event = json!({
            "apiVersion": "events.k8s.io/v1", "kind": "Event",
            "metadata": {"generateName": format!("{name}-"), "namespace": NAMESPACE},
            "type": "Normal", "reason": "Created", "action": "Reconcile",
            "note": format!("account {}: CreateRole, PutRolePolicy, AttachRolePolicy", account_name(at)),
            "regarding": {"apiVersion": "crossrole.dev/v1alpha1", "kind": "CrossAccountRole", "name": name, "namespace": NAMESPACE},
            "reportingController": "crossrole.dev/bench", "reportingInstance": "bench",
            "eventTime": "2026-01-01T00:00:00.000000Z"
        });
        let path = format!("/apis/events.k8s.io/v1/namespaces/{NAMESPACE}/events");
        self.write(Method::POST, &path, &event).await
    }

    async fn call(
        &self,
        account: &Account,
        action: &str,
        role: &str,
        parameters: &[(&str, &str)],
    ) -> Result<(), Error> {
        let mut body = format!("Action={action}&Version=2010-05-08&RoleName={role}");
        for (name, value) in parameters {
            body += &format!("&{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC));
        }
        let call = self.aws.post(&self.stage.scene.simulator.endpoint);
        let call = call
            .header("authorization", &account.authorization)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        let answer = call.send().await.map_err(|error| Error::because("a call", error))?;
        let is_success = answer.status().is_success();
        let text = answer
            .text()
            .await
            .map_err(|error| Error::because("an answer", error))?;
        if is_success { Ok(()) } else { Err(Error::new(text)) }
    }
}

fn entry(number: usize, at: usize, state: &str) -> Value {
    let (id, name) = (account_id(at), role_name(number));
    let mut entry = json!({
        "account": account_name(at), "accountId": id, "state": state, "reason": "InSync",
        "lastTransitionTime": "2026-01-01T00:00:00Z"
    });
    if state == "Ready" {
        entry["roleArn"] = json!(format!("arn:aws:iam::{id}:role/crossrole/{name}"));
        entry["roleId"] = json!("AROAEXAMPLEEXAMPLE123");
    }
    entry
}
