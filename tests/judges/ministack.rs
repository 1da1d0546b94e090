//! MiniStack as a process, and what has to be in either judge before anybody asks.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_iam::config::Credentials;
use crossrole_testkit::Simulator;
use crossrole_testkit::scene::bootstrap_document;
use crossrole_testkit::tools::workspace;
use serde_json::{Value, json};

use super::emulators::{self, Emulator, Folder, SECRET};
use super::judge::Judge;
use super::python::{python_with, succeeded};
use super::table::{
    Caller, HOME, Kind, MEMBER, OTHER, OTHER_ORGANIZATION, Request, RoleOrder, TARGET, World, document,
};

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
    // Dropped in this order: the process, then what it writes to.
    _emulator: Emulator,
    _folder: Folder,
}

impl MiniStack {
    /// `None` where there is no Python 3.
    pub async fn start() -> Option<Self> {
        let python = python_with("ministack", &workspace().join("tests/judges/requirements.txt"))?;
        // Two of the tests run at once, in one process.
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let folder = Folder::new(&format!("judges-{number}"));
        let emulator = Emulator::ministack(&python, &folder.0).await;
        let endpoint = emulator.endpoint.clone();
        let organization = organization_of(&python, &endpoint, HOME);
        organization_of(&python, &endpoint, MEMBER);
        Some(Self {
            endpoint,
            organization,
            _emulator: emulator,
            _folder: folder,
        })
    }
}

fn organization_of(python: &Path, endpoint: &str, account: &str) -> String {
    let mut command = emulators::command(python);
    command.args(["-c", ORGANIZATION_OF, endpoint, account, SECRET]);
    let printed = succeeded(command.output().unwrap());
    String::from_utf8(printed).unwrap().trim().to_owned()
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
        group: None,
        may: statements(bootstrap_document("operator-permissions.json").unwrap()),
        boundary: Vec::new(),
        tags: Default::default(),
        session: Request::default(),
    };
    let keys = judge.create_caller("crossrole-operator", &operator).await.unwrap();
    let boundary = bootstrap_document("boundary.json").unwrap().to_string();
    let made = judge.create_policy(TARGET, "crossrole-boundary", &boundary).await;
    made.unwrap();
    let trust = bootstrap_document("trust-prod.json").unwrap().to_string();
    let order = RoleOrder {
        may: vec![json!({"Action": "iam:*"})],
        ..RoleOrder::default()
    };
    let made = judge.create_role(TARGET, "crossrole-bootstrap", &trust, &order).await;
    made.unwrap();
    keys
}

/// Makes the grant role of the account that most callers live in, and lets the operator be it. Its rights are wider than the
/// kit's, for the same reason as the bootstrap role's.
pub async fn let_the_operator_grant(judge: &Judge<'_>) {
    let trust = bootstrap_document("trust-prod.json").unwrap().to_string();
    let order = RoleOrder {
        may: vec![json!({"Action": "iam:*"})],
        ..RoleOrder::default()
    };
    let made = judge.create_role(HOME, "crossrole-grants", &trust, &order).await;
    let enter = document(&[json!({})], "sts:AssumeRole", Some(&made.unwrap()));
    let call = judge.root(HOME).put_role_policy();
    let call = call.role_name("crossrole-operator").policy_name("grants");
    call.policy_document(enter).send().await.unwrap();
}
