//! MiniStack as a process, and what has to be in either judge before anybody asks.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use aws_sdk_iam::config::Credentials;
use crossrole_testkit::scene::bootstrap_document;
use crossrole_testkit::tools::workspace;
use crossrole_testkit::{Process, Simulator};
use serde_json::{Value, json};

use super::judge::Judge;
use super::python::{python_with, succeeded};
use super::table::{Caller, HOME, Kind, MEMBER, OTHER, OTHER_ORGANIZATION, Request, RoleOrder, TARGET, World};

/// What it takes as the secret of every root.
pub const SECRET: &str = "judges";
const PATIENCE: Duration = Duration::from_secs(60);

/// Prints the id of an account's organisation, which it makes on the first question about it.
const ORGANIZATION_OF: &str = "
import sys
from botocore.session import get_session
endpoint, account, secret = sys.argv[1:]
client = get_session().create_client('organizations', endpoint_url=endpoint, region_name='us-east-1',
    aws_access_key_id=account, aws_secret_access_key=secret)
print(client.describe_organization()['Organization']['Id'])
";

/// MiniStack, with signatures and policies enforced.
pub struct MiniStack {
    pub endpoint: String,
    /// The organisation of [`HOME`]: its id is MiniStack's choice.
    pub organization: String,
    folder: PathBuf,
    process: Option<Process>,
}

impl MiniStack {
    /// `None` where there is no Python 3.
    pub async fn start() -> Option<Self> {
        let python = python_with("ministack", &workspace().join("tests/judges/requirements.txt"))?;
        // It takes no port 0; between here and its start the port is free, and nobody else has been told of it.
        let port = TcpListener::bind(("127.0.0.1", 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let folder = env::temp_dir().join(format!("crossrole-judges-{}-{port}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let mut command = without_settings(&python);
        command
            .args(["-m", "ministack"])
            .envs([("AUTH", "true"), ("BIND_HOST", "127.0.0.1"), ("PERSIST_STATE", "0")])
            .envs([("AWS_SECRET_ACCESS_KEY", SECRET), ("PYTHONDONTWRITEBYTECODE", "1")])
            .env("GATEWAY_PORT", port.to_string())
            .env("STATE_DIR", &folder)
            .current_dir(&folder);
        let process = Process::spawn("ministack", &mut command, &folder.join("ministack.log")).unwrap();
        let mut process = process.with_nothing_to_save();
        let connect = async || tokio::net::TcpStream::connect(("127.0.0.1", port)).await;
        process
            .wait_until(PATIENCE, "MiniStack listens", connect)
            .await
            .unwrap();
        let endpoint = format!("http://127.0.0.1:{port}");
        let organization = organization_of(&python, &endpoint, HOME);
        organization_of(&python, &endpoint, MEMBER);
        Some(Self {
            endpoint,
            organization,
            folder,
            process: Some(process),
        })
    }
}

impl Drop for MiniStack {
    fn drop(&mut self) {
        drop(self.process.take());
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn organization_of(python: &Path, endpoint: &str, account: &str) -> String {
    let mut command = without_settings(python);
    command.args(["-c", ORGANIZATION_OF, endpoint, account, SECRET]);
    let printed = succeeded(command.output().unwrap());
    String::from_utf8(printed).unwrap().trim().to_owned()
}

/// A Python that knows nothing of the AWS settings of whoever runs the tests.
fn without_settings(python: &Path) -> Command {
    let mut command = Command::new(python);
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
        command.env_remove(name);
    }
    command
}

/// Makes in the simulator what MiniStack has by itself (accounts, organisations) or does not ask for (providers).
pub async fn set_up_accounts(simulator: &Simulator, world: &World, organization: &str) {
    let organizations = [
        (HOME, Some(organization)),
        (TARGET, Some(organization)),
        (OTHER, None),
        (MEMBER, Some(OTHER_ORGANIZATION)),
    ];
    for (account, organization) in organizations {
        simulator.create_account(account, organization).await.unwrap();
    }
    for (issuer, audiences) in &world.issuers {
        let audiences: Vec<_> = audiences.iter().map(String::as_str).collect();
        let made = simulator.create_oidc_provider(TARGET, issuer, &audiences);
        made.await.unwrap();
    }
    for (name, issuer) in &world.saml_providers {
        simulator.create_saml_provider(TARGET, name, issuer).await.unwrap();
    }
}

/// Makes in MiniStack what the operator needs there, and gives a session of the operator's own role.
///
/// All is as `examples/bootstrap` shows it, but for the rights of the bootstrap role: MiniStack leaves the path out of a
/// role's ARN and knows no `iam:PermissionsBoundary`, so that none of them would match.
pub async fn let_the_operator_in(judge: &mut Judge<'_>) -> Credentials {
    let statements = |document: Value| document["Statement"].as_array().cloned().unwrap();
    let operator = Caller {
        account: HOME.to_owned(),
        kind: Kind::Role,
        name: None,
        path: None,
        may: statements(bootstrap_document("operator-permissions.json").unwrap()),
        boundary: Vec::new(),
        tags: Default::default(),
        session: Request::default(),
    };
    let keys = judge.create_caller("crossrole-operator", &operator).await.unwrap();
    let boundary = bootstrap_document("boundary.json").unwrap().to_string();
    let made = judge.create_policy(TARGET, "crossrole-boundary", &boundary).await;
    made.unwrap();
    let trust = bootstrap_document("trust.json").unwrap().to_string();
    let order = RoleOrder {
        may: vec![json!({"Action": "iam:*"})],
        ..RoleOrder::default()
    };
    let made = judge.create_role(TARGET, "crossrole-bootstrap", &trust, &order).await;
    made.unwrap();
    keys
}
