//! The simulated AWS as a process, and its admin interface, whose routes the README of `aws-sim` describes.

mod records;
mod sign_ins;
mod trouble;

use std::env;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use reqwest::{Client, Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::Error;

pub use records::{AllCounts, Call, Counts, Credentials, Role, User};
pub use sign_ins::{Pod, SignIn};
pub use trouble::{Effect, Fault, FaultReport, KnownError, KnownErrors, Lag, Match, Outage};

/// Names the binary to start; without it, `aws-sim` in the target folder of the running test is taken.
pub const BINARY: &str = "CROSSROLE_AWS_SIM";

/// A simulated AWS. Dropping it ends it; it also ends when the process that started it dies.
#[derive(Debug)]
pub struct Simulator {
    /// Where AWS calls go: the value for `AWS_ENDPOINT_URL`.
    pub endpoint: String,
    /// Where the admin interface is.
    pub admin: String,
    client: Client,
    _child: Child,
}

impl Simulator {
    /// Starts the simulator on free ports. Fails when the binary is missing or not ready within 20 seconds.
    pub async fn start() -> Result<Self, Error> {
        let binary = binary()?;
        let mut child = Command::new(&binary)
            .arg("--exit-with-parent")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| Error::because(format!("{} cannot be started", binary.display()), error))?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            let _ = timeout(Duration::from_secs(20), BufReader::new(output).read_line(&mut line)).await;
        }
        let word = |name: &str| line.split_whitespace().find_map(|word| word.strip_prefix(name));
        let (Some(endpoint), Some(admin)) = (word("endpoint="), word("admin=")) else {
            return Err(Error::new(format!("aws-sim did not get ready; it said {line:?}")));
        };
        let (endpoint, admin) = (endpoint.to_owned(), admin.to_owned());
        let client = Client::new();
        let _child = child;
        Ok(Self {
            endpoint,
            admin,
            client,
            _child,
        })
    }

    /// Makes an account; `organization` is such as `o-a1b2c3d4e5`.
    pub async fn create_account(&self, id: &str, organization: Option<&str>) -> Result<(), Error> {
        let order = json!({"id": id, "organization": organization});
        self.tell("/accounts", &order).await
    }

    /// Makes a user with inline policies by name and, if wanted, an MFA device.
    pub async fn create_user(&self, account: &str, name: &str, policies: Value, mfa: bool) -> Result<User, Error> {
        let order = json!({"name": name, "policies": policies, "mfa": mfa});
        self.post(&format!("/accounts/{account}/users"), &order).await
    }

    /// Deletes a user. One of the same name that is made later is another one.
    pub async fn delete_user(&self, account: &str, name: &str) -> Result<(), Error> {
        self.remove(&format!("/accounts/{account}/users/{name}")).await
    }

    /// Keys of an account's root, which may do everything but assume roles.
    pub async fn root_keys(&self, account: &str) -> Result<Credentials, Error> {
        self.post(&format!("/accounts/{account}/access-keys"), &json!({"root": true}))
            .await
    }

    /// Makes a role from `{name, path, trust, inline, attached, boundary, tags, maxSessionDuration, description}`.
    pub async fn create_role(&self, account: &str, role: Value) -> Result<Role, Error> {
        self.post(&format!("/accounts/{account}/roles"), &role).await
    }

    /// Edits a role by hand; `null` takes an inline policy, a tag or the boundary away.
    pub async fn edit_role(&self, account: &str, name: &str, edits: Value) -> Result<Role, Error> {
        self.ask(Method::PUT, &format!("/accounts/{account}/roles/{name}"), Some(&edits))
            .await
    }

    /// All roles of an account.
    pub async fn roles(&self, account: &str) -> Result<Vec<Role>, Error> {
        self.list(&format!("/accounts/{account}/roles"), "roles").await
    }

    /// One role, or `None` if there is none of that name.
    pub async fn role(&self, account: &str, name: &str) -> Result<Option<Role>, Error> {
        let mut roles = self.roles(account).await?.into_iter();
        Ok(roles.find(|role| role.name.eq_ignore_ascii_case(name)))
    }

    /// Deletes a role with all that hangs on it.
    pub async fn delete_role(&self, account: &str, name: &str) -> Result<(), Error> {
        self.remove(&format!("/accounts/{account}/roles/{name}")).await
    }

    /// Makes a customer managed policy and gives its ARN.
    pub async fn create_policy(&self, account: &str, path: &str, name: &str, document: Value) -> Result<String, Error> {
        let order = json!({"name": name, "path": path, "document": document});
        let made: Value = self.post(&format!("/accounts/{account}/policies"), &order).await?;
        Ok(made["arn"].as_str().unwrap_or_default().to_owned())
    }

    /// Makes an instance profile that holds these roles.
    pub async fn create_instance_profile(&self, account: &str, name: &str, roles: &[&str]) -> Result<(), Error> {
        let order = json!({"name": name, "roles": roles});
        self.tell(&format!("/accounts/{account}/instance-profiles"), &order)
            .await
    }

    /// A code of an MFA device, accepted once.
    pub async fn mfa_code(&self, serial: &str) -> Result<String, Error> {
        let made: Value = self.post("/mfa-code", &json!({"serial": serial})).await?;
        Ok(made["code"].as_str().unwrap_or_default().to_owned())
    }

    /// A session of a user whose MFA is that many seconds old.
    pub async fn mfa_session(&self, user_arn: &str, age_seconds: u64) -> Result<Credentials, Error> {
        let order = json!({"user": user_arn, "ageSeconds": age_seconds});
        self.post("/sessions/mfa", &order).await
    }

    /// A session of a role, whatever its trust policy says, that lasts longer than any test.
    pub async fn role_session(&self, role_arn: &str) -> Result<Credentials, Error> {
        let order = json!({"role": role_arn, "durationSeconds": 12 * 60 * 60});
        self.post("/sessions/role", &order).await
    }

    /// The calls after a number, in order.
    pub async fn calls(&self, since: u64) -> Result<Vec<Call>, Error> {
        self.list(&format!("/calls?since={since}"), "calls").await
    }

    /// The number of the newest call; 0 where there was none.
    pub async fn last_call(&self) -> Result<u64, Error> {
        Ok(self.calls(0).await?.last().map_or(0, |call| call.seq))
    }

    /// How many calls there were since the last reset.
    pub async fn counts(&self) -> Result<AllCounts, Error> {
        self.ask(Method::GET, "/calls/counts", None).await
    }

    /// Begins to count anew.
    pub async fn reset_calls(&self) -> Result<(), Error> {
        self.tell("/calls/reset", &json!({})).await
    }

    /// Moves the simulated clock.
    pub async fn advance_clock(&self, seconds: i64) -> Result<(), Error> {
        self.tell("/clock", &json!({"advanceSeconds": seconds})).await
    }

    /// Makes every AWS call take at least that many milliseconds.
    pub async fn set_latency(&self, milliseconds: u64) -> Result<(), Error> {
        self.tell("/latency", &json!({"ms": milliseconds})).await
    }

    /// Forgets everything but the latency.
    pub async fn reset(&self) -> Result<(), Error> {
        self.tell("/reset", &json!({})).await
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, Error> {
        self.ask(Method::POST, path, Some(body)).await
    }

    /// A request whose answer says no more than that it worked.
    async fn tell(&self, path: &str, body: &Value) -> Result<(), Error> {
        self.post::<Value>(path, body).await.map(|_| ())
    }

    async fn remove(&self, path: &str) -> Result<(), Error> {
        self.ask::<Value>(Method::DELETE, path, None).await.map(|_| ())
    }

    async fn list<T: DeserializeOwned>(&self, path: &str, name: &str) -> Result<Vec<T>, Error> {
        let mut answer: Value = self.ask(Method::GET, path, None).await?;
        serde_json::from_value(answer[name].take()).map_err(|error| Error::because(format!("{path} on aws-sim"), error))
    }

    /// One request to the admin interface, for routes that have no method here. An error says what was answered.
    pub async fn ask<T: DeserializeOwned>(&self, method: Method, path: &str, body: Option<&Value>) -> Result<T, Error> {
        let what = || format!("{method} {path} on aws-sim");
        let (status, text) = self.exchange(method.clone(), path, body).await?;
        if !status.is_success() {
            return Err(Error::new(format!("{} was refused with {status}: {text}", what())));
        }
        serde_json::from_str(&text).map_err(|error| Error::because(format!("{} answered {text}", what()), error))
    }

    /// One request and its answer, whatever that says.
    async fn exchange(&self, method: Method, path: &str, body: Option<&Value>) -> Result<(StatusCode, String), Error> {
        let what = || format!("{method} {path} on aws-sim");
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.admin));
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.map_err(|error| Error::because(what(), error))?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| Error::because(what(), error))?;
        Ok((status, text))
    }
}

/// The binary to start: the named one, or the one beside the running test (`target/<profile>/deps/…` or its parent).
fn binary() -> Result<PathBuf, Error> {
    if let Some(named) = env::var_os(BINARY) {
        return Ok(PathBuf::from(named));
    }
    let own = env::current_exe().map_err(|error| Error::because("the running program has no path", error))?;
    let mut folders = own.ancestors().skip(1).take(3).map(|folder| folder.join("aws-sim"));
    let hint = || {
        format!(
            "no aws-sim beside {}: run `cargo build -p aws-sim`, or set {BINARY}",
            own.display()
        )
    };
    folders.find(|path| path.is_file()).ok_or_else(|| Error::new(hint()))
}
