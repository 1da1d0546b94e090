//! The questions and the answers that are expected, as `table.yaml` holds them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

/// The accounts that take part. The first two are of one organisation, the last belongs to somebody else.
pub const HOME: &str = "111111111111";
pub const TARGET: &str = "222222222222";
pub const OTHER: &str = "444444444444";
/// The organisation of the first two.
pub const ORGANIZATION: &str = "o-a1b2c3d4e5";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// The issuers that the target account has a provider for, with the audience `sts.amazonaws.com`.
    pub issuers: Vec<String>,
    /// The SAML providers of the target account, each with its issuer.
    #[serde(rename = "samlProviders")]
    pub saml_providers: BTreeMap<String, String>,
    pub callers: BTreeMap<String, Caller>,
    pub rows: Vec<Row>,
}

/// A user, or a session of a role.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caller {
    pub account: String,
    pub kind: Kind,
    /// The statements of its own policy.
    #[serde(default)]
    pub may: Vec<Value>,
    /// The statements of its permissions boundary.
    #[serde(default)]
    pub boundary: Vec<Value>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// How the session is made; only of roles.
    #[serde(default)]
    pub session: Request,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    User,
    Role,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Row {
    pub name: String,
    /// The statements of the trust policy.
    pub trust: Vec<Value>,
    /// One of the callers, or nobody for those who come from outside.
    pub caller: Option<String>,
    #[serde(default)]
    pub request: Request,
    #[serde(default)]
    pub role: RoleOrder,
    /// A call of IAM that is made with the session: what is asked then is whether that is allowed.
    pub then: Option<Then>,
    /// The calling role is deleted and made anew after the trust policy was written.
    #[serde(default)]
    pub reborn: bool,
    pub expected: Expected,
    #[serde(default)]
    pub ministack: Ministack,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Then {
    ListRoles,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Expected {
    Allowed,
    Denied,
}

/// The role that is wanted, but for its trust.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleOrder {
    pub path: Option<String>,
    #[serde(default)]
    pub may: Vec<Value>,
    #[serde(default)]
    pub boundary: Vec<Value>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// What goes with the request for a session.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Request {
    pub external_id: Option<String>,
    pub session_name: Option<String>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    #[serde(default)]
    pub transitive: Vec<String>,
    pub source_identity: Option<String>,
    /// The statements of a session policy.
    #[serde(default)]
    pub policy: Vec<Value>,
    /// A code of the caller's MFA device.
    #[serde(default)]
    pub mfa: bool,
    /// A token of an OIDC provider: issuer, subject, claims.
    pub web_identity: Option<Token>,
    /// What only the simulator knows: the order for an assertion of the provider in it, and those for its sign-ins of
    /// a service or a pod and of a certificate.
    pub saml: Option<Value>,
    pub service: Option<Value>,
    pub certificate: Option<Value>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    pub issuer: String,
    pub subject: String,
    #[serde(default)]
    pub claims: BTreeMap<String, Value>,
}

/// What is known about the other judge. Nothing: it is to agree.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ministack {
    /// It is not asked, for this reason.
    pub cannot_judge: Option<String>,
    /// It says the opposite, for this reason.
    pub differs: Option<String>,
}

impl Table {
    pub fn read(text: &str) -> Self {
        let table: Self =
            serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("tests/judges/table.yaml: {error}"));
        for row in &table.rows {
            let caller = row.caller.as_ref();
            assert!(
                caller.is_none_or(|name| table.callers.contains_key(name)),
                "{}: there is no caller {caller:?}",
                row.name
            );
        }
        table
    }
}

/// A document of these statements. What is left out of one is the commonest: Allow, and `action` on `resource`.
pub fn document(statements: &[Value], action: &str, resource: Option<&str>) -> String {
    let whole = |statement: &Value| {
        let mut statement = statement.clone();
        let mut default = |name: &str, value: Value| {
            if statement.get(name).is_none() {
                statement[name] = value;
            }
        };
        default("Effect", json!("Allow"));
        default("Action", json!(action));
        if let Some(resource) = resource {
            default("Resource", json!(resource));
        }
        statement
    };
    json!({"Version": "2012-10-17", "Statement": statements.iter().map(whole).collect::<Vec<_>>()}).to_string()
}
