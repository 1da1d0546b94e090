//! A judge: somewhere that speaks the protocol of IAM and STS. All of them are asked with the same calls.

use std::collections::BTreeMap;
use std::fmt::{Debug, Display};

use aws_sdk_iam::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_sdk_iam::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use crossrole_testkit::Simulator;
use crossrole_testkit::simulator::SignIn;
use serde_json::{Value, json};

use super::callers::{some, some_document};
use super::emulators::SECRET;
use super::ministack::MiniStack;
use super::table::{ACCOUNTS, Ask, DocumentRow, Expected, Request, TARGET, Then, World, document};

/// The codes that mean no. Every other error is a fault of the question.
const REFUSALS: [&str; 5] = [
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredTokenException",
    "IDPRejectedClaim",
    "InvalidIdentityToken",
];

/// What a judge says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Allowed,
    Denied(String),
    /// The question could not be put.
    Failed(String),
}

impl Verdict {
    pub fn is(&self, expected: Expected) -> bool {
        match self {
            Self::Allowed => expected == Expected::Allowed,
            Self::Denied(_) => expected == Expected::Denied,
            Self::Failed(_) => false,
        }
    }

    pub fn word(&self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied(_) => "denied",
            Self::Failed(_) => "FAILED",
        }
    }
}

pub type Asked<T> = Result<T, Verdict>;

pub(super) fn answer<T, E>(what: &str, result: Result<T, SdkError<E>>) -> Asked<T>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    result.map_err(|error| {
        let code = error.code().unwrap_or_default().to_owned();
        let message = error.message().unwrap_or_default().to_owned();
        if REFUSALS.contains(&code.as_str()) {
            Verdict::Denied(format!("{code}: {message}"))
        } else {
            Verdict::Failed(format!("{what}: {}", DisplayErrorContext(error)))
        }
    })
}

/// A piece of the SDK's input that must be whole.
pub(super) fn built<T, E: Debug>(result: Result<T, E>) -> T {
    result.unwrap()
}

/// One of the judges, with the callers in it.
pub struct Judge<'a> {
    endpoint: String,
    roots: BTreeMap<&'static str, aws_sdk_iam::Client>,
    pub(super) callers: BTreeMap<String, Credentials>,
    pub(super) world: &'a World,
    /// Makes tokens for all judges.
    pub(super) simulator: &'a Simulator,
    /// True if this judge is the simulator, which has ways in beside the protocol.
    pub(super) is_simulator: bool,
}

impl<'a> Judge<'a> {
    /// The simulator.
    pub async fn simulator(simulator: &'a Simulator, world: &'a World) -> Self {
        let mut roots = BTreeMap::new();
        for account in ACCOUNTS {
            let keys = simulator.root_keys(account).await.unwrap();
            roots.insert(account, credentials(keys.access_key_id, keys.secret_access_key, None));
        }
        Self::with_callers(simulator.endpoint.clone(), roots, world, simulator, true).await
    }

    /// An emulator in which twelve digits are the access key of that account's root.
    pub async fn emulator(ministack: &MiniStack, simulator: &'a Simulator, world: &'a World) -> Self {
        let keys = |account: &str| credentials(account.to_owned(), SECRET.to_owned(), None);
        let roots = ACCOUNTS.map(|account| (account, keys(account))).into();
        Self::with_callers(ministack.endpoint.clone(), roots, world, simulator, false).await
    }

    async fn with_callers(
        endpoint: String,
        roots: BTreeMap<&'static str, Credentials>,
        world: &'a World,
        simulator: &'a Simulator,
        is_simulator: bool,
    ) -> Self {
        let roots = roots
            .into_iter()
            .map(|(account, keys)| (account, iam(&endpoint, &keys)));
        let mut judge = Self {
            roots: roots.collect(),
            endpoint,
            callers: BTreeMap::new(),
            world,
            simulator,
            is_simulator,
        };
        judge.create_callers().await.unwrap();
        judge
    }

    /// Makes the role of a row, and gives its ARN.
    pub async fn make(&mut self, number: usize, row: &DocumentRow) -> String {
        let name = format!("target-{number}");
        let trust = document(&row.trust, "sts:AssumeRole", None);
        let role = self.create_role(TARGET, &name, &trust, &row.role).await.unwrap();
        if let Some(caller) = &row.reborn {
            self.make_anew(caller).await.unwrap();
        }
        role
    }

    /// Puts one question to a role.
    pub async fn ask(&self, role: &str, ask: &Ask) -> Verdict {
        self.try_ask(role, ask).await.err().unwrap_or(Verdict::Allowed)
    }

    /// Puts the question whether a caller may assume a role.
    pub async fn asks(&self, caller: &str, role: &str, request: Request) -> Verdict {
        self.assume_as(caller, role, &request)
            .await
            .err()
            .unwrap_or(Verdict::Allowed)
    }

    async fn try_ask(&self, role: &str, ask: &Ask) -> Asked<()> {
        let session = match &ask.caller {
            Some(name) => self.assume_as(name, role, &ask.request).await?,
            None => self.sign_in(role, &ask.request).await?,
        };
        match ask.then {
            None => Ok(()),
            Some(Then::ListRoles) => {
                let call = iam(&self.endpoint, &session).list_roles();
                answer("ListRoles", call.send().await).map(|_| ())
            }
        }
    }

    async fn assume_as(&self, name: &str, role: &str, request: &Request) -> Asked<Credentials> {
        let mut keys = self.callers[name].clone();
        if let Some(age) = request.mfa_age {
            let user = self.world.callers[name].arn(name);
            let held = self.simulator.mfa_session(&user, age).await.map_err(failed)?;
            keys = credentials(held.access_key_id, held.secret_access_key, held.session_token);
        }
        if request.address.is_none() {
            return self.assume(&keys, role, request).await;
        }
        let move_to = |address| self.simulator.set_source_ip(keys.access_key_id(), address);
        move_to(request.address.as_deref()).await.map_err(failed)?;
        let asked = self.assume(&keys, role, request).await;
        move_to(None).await.map_err(failed)?;
        asked
    }

    pub(super) async fn assume(&self, keys: &Credentials, role: &str, request: &Request) -> Asked<Credentials> {
        let tag =
            |(key, value): (&String, &String)| built(aws_sdk_sts::types::Tag::builder().key(key).value(value).build());
        let call = self.sts(Some(keys)).assume_role();
        let call = call
            .role_arn(role)
            .role_session_name(request.session_name())
            .set_external_id(request.external_id.clone())
            .set_source_identity(request.source_identity.clone())
            .set_tags(some(request.tags.iter().map(tag).collect()))
            .set_transitive_tag_keys(some(request.transitive.clone()))
            .set_policy(some_document(&request.policy));
        session(answer("AssumeRole", call.send().await)?.credentials)
    }

    async fn sign_in(&self, role: &str, request: &Request) -> Asked<Credentials> {
        if let Some(token) = &request.web_identity {
            let claims = json!(token.claims);
            let simulator = self.simulator;
            let made = simulator.web_identity_token(&token.issuer, "sts.amazonaws.com", &token.subject, claims);
            let call = self.sts(None).assume_role_with_web_identity();
            let call = call
                .role_arn(role)
                .role_session_name(request.session_name())
                .web_identity_token(made.await.map_err(failed)?);
            return session(answer("AssumeRoleWithWebIdentity", call.send().await)?.credentials);
        }
        if !self.is_simulator {
            return Err(failed("there is no way to put this question"));
        }
        if let Some(order) = &request.saml {
            let user = json!({"sessionName": "ada", "subject": "ada@example.com", "roles": [role]});
            let order = merged(user, order);
            let provider = order["provider"].as_str().unwrap_or_default().to_owned();
            let assertion = self.simulator.saml_assertion(order).await.map_err(failed)?;
            let asked = self.simulator.assume_with_saml(role, &provider, &assertion).await;
            return signed_in(asked.map_err(failed)?);
        }
        let (route, order) = match (&request.service, &request.pod, &request.certificate) {
            (Some(order), None, None) => ("/sessions/service", order.clone()),
            (None, Some(pod), None) => {
                let pod = merged(json!({"name": "crossrole-0", "uid": "2f6b"}), pod);
                ("/sessions/service", json!({"pod": pod}))
            }
            (None, None, Some(order)) => ("/sessions/roles-anywhere", order.clone()),
            _ => return Err(failed("nobody asks")),
        };
        let order = merged(json!({"role": role}), &order);
        signed_in(self.simulator.sign_in(route, &order).await.map_err(failed)?)
    }

    /// IAM as an account's root.
    pub(super) fn root(&self, account: &str) -> &aws_sdk_iam::Client {
        &self.roots[account]
    }

    fn sts(&self, keys: Option<&Credentials>) -> aws_sdk_sts::Client {
        let mut config = aws_sdk_sts::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .endpoint_url(&self.endpoint);
        config.set_credentials_provider(keys.cloned().map(SharedCredentialsProvider::new));
        aws_sdk_sts::Client::from_conf(config.build())
    }
}

impl Request {
    fn session_name(&self) -> &str {
        self.session_name.as_deref().unwrap_or("asked")
    }
}

fn iam(endpoint: &str, keys: &Credentials) -> aws_sdk_iam::Client {
    let config = aws_sdk_iam::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .endpoint_url(endpoint)
        .credentials_provider(keys.clone());
    aws_sdk_iam::Client::from_conf(config.build())
}

/// An object with the members of another added, which replace those of the same name.
fn merged(mut object: Value, other: &Value) -> Value {
    for (name, value) in other.as_object().into_iter().flatten() {
        object[name] = value.clone();
    }
    object
}

pub(super) fn credentials(id: String, secret: String, token: Option<String>) -> Credentials {
    Credentials::new(id, secret, token, None, "judges")
}

fn session(held: Option<aws_sdk_sts::types::Credentials>) -> Asked<Credentials> {
    let held = held.ok_or_else(|| failed("STS answered without credentials"))?;
    Ok(credentials(
        held.access_key_id,
        held.secret_access_key,
        Some(held.session_token),
    ))
}

fn signed_in(answer: SignIn) -> Asked<Credentials> {
    match answer {
        SignIn::Allowed(keys) => Ok(credentials(
            keys.access_key_id,
            keys.secret_access_key,
            keys.session_token,
        )),
        SignIn::Denied(code, message) => Err(Verdict::Denied(format!("{code}: {message}"))),
    }
}

pub(super) fn failed(why: impl Display) -> Verdict {
    Verdict::Failed(why.to_string())
}

/// While the question is prepared, a refusal is a fault too.
pub(super) fn not_refused<T>(asked: Asked<T>) -> Asked<T> {
    asked.map_err(|verdict| match verdict {
        Verdict::Denied(message) => Verdict::Failed(message),
        other => other,
    })
}
