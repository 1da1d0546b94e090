//! A judge: somewhere that speaks the protocol of IAM and STS. All of them are asked with the same calls.

use std::collections::BTreeMap;
use std::fmt::Debug;

use aws_sdk_iam::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_sdk_iam::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use crossrole_testkit::Simulator;
use crossrole_testkit::simulator::SignIn;
use serde_json::json;

use super::table::{Caller, Expected, HOME, Kind, OTHER, Request, Row, TARGET, Table, Then, document};

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

type Asked<T> = Result<T, Verdict>;

fn answer<T, E>(what: &str, result: Result<T, SdkError<E>>) -> Asked<T>
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
fn built<T, E: Debug>(result: Result<T, E>) -> T {
    result.unwrap()
}

/// One of the judges, with the callers in it.
pub struct Judge<'a> {
    endpoint: String,
    roots: BTreeMap<&'static str, Credentials>,
    callers: BTreeMap<String, Credentials>,
    table: &'a Table,
    /// Makes tokens for all judges.
    simulator: &'a Simulator,
    /// True if this judge is the simulator, which has ways in beside the protocol.
    is_simulator: bool,
}

impl<'a> Judge<'a> {
    /// The simulator.
    pub async fn simulator(simulator: &'a Simulator, table: &'a Table) -> Self {
        let mut roots = BTreeMap::new();
        for account in [HOME, TARGET, OTHER] {
            let keys = simulator.root_keys(account).await.unwrap();
            roots.insert(account, credentials(keys.access_key_id, keys.secret_access_key, None));
        }
        Self::with_callers(simulator.endpoint.clone(), roots, table, simulator, true).await
    }

    /// An emulator in which twelve digits are the access key of that account's root.
    pub async fn emulator(endpoint: String, secret: &str, simulator: &'a Simulator, table: &'a Table) -> Self {
        let keys = |account: &str| credentials(account.to_owned(), secret.to_owned(), None);
        let roots = [HOME, TARGET, OTHER].map(|account| (account, keys(account))).into();
        Self::with_callers(endpoint, roots, table, simulator, false).await
    }

    async fn with_callers(
        endpoint: String,
        roots: BTreeMap<&'static str, Credentials>,
        table: &'a Table,
        simulator: &'a Simulator,
        is_simulator: bool,
    ) -> Self {
        let mut judge = Self {
            endpoint,
            roots,
            callers: BTreeMap::new(),
            table,
            simulator,
            is_simulator,
        };
        for account in [HOME, TARGET, OTHER] {
            let usher = Caller {
                account: account.to_owned(),
                kind: Kind::User,
                may: vec![json!({"Action": "sts:*"})],
                boundary: Vec::new(),
                tags: BTreeMap::new(),
                session: Request::default(),
            };
            judge.create_caller(&usher_of(account), &usher).await.unwrap();
        }
        for (name, caller) in &table.callers {
            judge.create_caller(name, caller).await.unwrap();
        }
        judge
    }

    /// Puts one question.
    pub async fn ask(&self, number: usize, row: &Row) -> Verdict {
        self.try_ask(number, row).await.err().unwrap_or(Verdict::Allowed)
    }

    async fn try_ask(&self, number: usize, row: &Row) -> Asked<()> {
        let role = self.create_target(number, row).await?;
        let session = match &row.caller {
            Some(name) if row.reborn => {
                let caller = &self.table.callers[name];
                self.delete_role(name, caller).await?;
                let reborn = self.create_role_caller(name, caller).await?;
                self.assume(&reborn, &role, &row.request).await?
            }
            Some(name) if row.request.mfa => {
                let arn = format!("arn:aws:iam::{}:user/{name}", self.table.callers[name].account);
                let keys = self.simulator.mfa_session(&arn, 0).await.map_err(failed)?;
                let keys = credentials(keys.access_key_id, keys.secret_access_key, keys.session_token);
                self.assume(&keys, &role, &row.request).await?
            }
            Some(name) => self.assume(&self.callers[name], &role, &row.request).await?,
            None => self.sign_in(&role, &row.request).await?,
        };
        match row.then {
            None => Ok(()),
            Some(Then::ListRoles) => answer("ListRoles", self.iam(&session).list_roles().send().await).map(|_| ()),
        }
    }

    async fn assume(&self, keys: &Credentials, role: &str, request: &Request) -> Asked<Credentials> {
        let tag =
            |(key, value): (&String, &String)| built(aws_sdk_sts::types::Tag::builder().key(key).value(value).build());
        let call = self.sts(Some(keys)).assume_role();
        let call = call
            .role_arn(role)
            .role_session_name(request.session_name.as_deref().unwrap_or("asked"))
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
                .role_session_name("asked")
                .web_identity_token(made.await.map_err(failed)?);
            return session(answer("AssumeRoleWithWebIdentity", call.send().await)?.credentials);
        }
        if !self.is_simulator {
            return Err(failed("there is no way to put this question"));
        }
        if let Some(order) = &request.saml {
            let mut order = order.clone();
            order["roles"] = json!([role]);
            let provider = order["provider"].as_str().unwrap_or_default().to_owned();
            let assertion = self.simulator.saml_assertion(order).await.map_err(failed)?;
            let asked = self.simulator.assume_with_saml(role, &provider, &assertion).await;
            return signed_in(asked.map_err(failed)?);
        }
        let (route, order) = match (&request.service, &request.certificate) {
            (Some(order), None) => ("/sessions/service", order),
            (None, Some(order)) => ("/sessions/roles-anywhere", order),
            _ => return Err(failed("nobody asks")),
        };
        let mut order = order.clone();
        order["role"] = json!(role);
        signed_in(self.simulator.sign_in(route, &order).await.map_err(failed)?)
    }

    /// Makes the role that the row is about, and gives its ARN.
    async fn create_target(&self, number: usize, row: &Row) -> Asked<String> {
        let iam = self.iam(&self.roots[TARGET]);
        let name = format!("target-{number}");
        let boundary = self.create_boundary(TARGET, &name, &row.role.boundary).await?;
        let call = iam.create_role().role_name(&name);
        let call = call
            .set_path(row.role.path.clone())
            .assume_role_policy_document(document(&row.trust, "sts:AssumeRole", None))
            .set_permissions_boundary(boundary)
            .set_tags(some(iam_tags(&row.role.tags)));
        let made = not_refused(answer("CreateRole", call.send().await))?;
        if let Some(text) = some_document(&row.role.may) {
            let put = iam
                .put_role_policy()
                .role_name(&name)
                .policy_name("may")
                .policy_document(text);
            not_refused(answer("PutRolePolicy", put.send().await))?;
        }
        made.role
            .map(|role| role.arn)
            .ok_or_else(|| failed("CreateRole answered without a role"))
    }

    async fn create_boundary(
        &self,
        account: &str,
        name: &str,
        statements: &[serde_json::Value],
    ) -> Asked<Option<String>> {
        if statements.is_empty() {
            return Ok(None);
        }
        let call = self.iam(&self.roots[account]).create_policy();
        let call = call
            .policy_name(format!("boundary-of-{name}"))
            .policy_document(document(statements, "*", Some("*")));
        let made = not_refused(answer("CreatePolicy", call.send().await))?;
        Ok(made.policy.and_then(|policy| policy.arn))
    }

    async fn create_caller(&mut self, name: &str, caller: &Caller) -> Asked<()> {
        let keys = match caller.kind {
            Kind::User => self.create_user(name, caller).await?,
            Kind::Role => self.create_role_caller(name, caller).await?,
        };
        self.callers.insert(name.to_owned(), keys);
        Ok(())
    }

    async fn create_user(&self, name: &str, caller: &Caller) -> Asked<Credentials> {
        let iam = self.iam(&self.roots[caller.account.as_str()]);
        let boundary = self.create_boundary(&caller.account, name, &caller.boundary).await?;
        let call = iam.create_user().user_name(name).set_permissions_boundary(boundary);
        let call = call.set_tags(some(iam_tags(&caller.tags)));
        not_refused(answer("CreateUser", call.send().await))?;
        if let Some(text) = some_document(&caller.may) {
            let put = iam
                .put_user_policy()
                .user_name(name)
                .policy_name("may")
                .policy_document(text);
            not_refused(answer("PutUserPolicy", put.send().await))?;
        }
        let call = iam.create_access_key().user_name(name);
        let made = not_refused(answer("CreateAccessKey", call.send().await))?;
        let key = made.access_key.ok_or_else(|| failed("no access key"))?;
        Ok(credentials(key.access_key_id, key.secret_access_key, None))
    }

    /// Makes a role that calls, and a session of it.
    async fn create_role_caller(&self, name: &str, caller: &Caller) -> Asked<Credentials> {
        let iam = self.iam(&self.roots[caller.account.as_str()]);
        let boundary = self.create_boundary(&caller.account, name, &caller.boundary).await?;
        let trust = [json!({"Principal": {"AWS": caller.account}})];
        let call = iam.create_role().role_name(name).set_permissions_boundary(boundary);
        let call = call
            .assume_role_policy_document(document(&trust, "sts:*", None))
            .set_tags(some(iam_tags(&caller.tags)));
        let made = not_refused(answer("CreateRole", call.send().await))?;
        if let Some(text) = some_document(&caller.may) {
            let put = iam
                .put_role_policy()
                .role_name(name)
                .policy_name("may")
                .policy_document(text);
            not_refused(answer("PutRolePolicy", put.send().await))?;
        }
        let arn = made.role.map(|role| role.arn).unwrap_or_default();
        let usher = &self.callers[&usher_of(&caller.account)];
        not_refused(self.assume(usher, &arn, &caller.session).await)
    }

    async fn delete_role(&self, name: &str, caller: &Caller) -> Asked<()> {
        let iam = self.iam(&self.roots[caller.account.as_str()]);
        let call = iam.delete_role_policy().role_name(name).policy_name("may");
        not_refused(answer("DeleteRolePolicy", call.send().await))?;
        not_refused(answer("DeleteRole", iam.delete_role().role_name(name).send().await)).map(|_| ())
    }

    fn iam(&self, keys: &Credentials) -> aws_sdk_iam::Client {
        let config = aws_sdk_iam::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .endpoint_url(&self.endpoint)
            .credentials_provider(keys.clone());
        aws_sdk_iam::Client::from_conf(config.build())
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

/// Who makes the sessions of roles that call.
fn usher_of(account: &str) -> String {
    format!("usher-{account}")
}

fn credentials(id: String, secret: String, token: Option<String>) -> Credentials {
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

fn iam_tags(tags: &BTreeMap<String, String>) -> Vec<aws_sdk_iam::types::Tag> {
    let tag =
        |(key, value): (&String, &String)| built(aws_sdk_iam::types::Tag::builder().key(key).value(value).build());
    tags.iter().map(tag).collect()
}

fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

fn some_document(statements: &[serde_json::Value]) -> Option<String> {
    (!statements.is_empty()).then(|| document(statements, "*", Some("*")))
}

fn failed(why: impl std::fmt::Display) -> Verdict {
    Verdict::Failed(why.to_string())
}

/// While the question is prepared, a refusal is a fault too.
fn not_refused<T>(asked: Asked<T>) -> Asked<T> {
    asked.map_err(|verdict| match verdict {
        Verdict::Denied(message) => Verdict::Failed(message),
        other => other,
    })
}
