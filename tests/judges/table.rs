//! The questions and the answers that are expected, as the YAML files hold them.

use std::collections::BTreeMap;
use std::fs;

use crossrole_testkit::tools::workspace;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Where the operator and most callers live. It is in the organisation, as is the next.
pub const HOME: &str = "111111111111";
/// The account that holds the roles.
pub const TARGET: &str = "222222222222";
/// Somebody else's account, in no organisation.
pub const OTHER: &str = "444444444444";
/// An account of another organisation.
pub const MEMBER: &str = "555555555555";
pub const ACCOUNTS: [&str; 4] = [HOME, TARGET, OTHER, MEMBER];

/// The organisation as the files write it. A judge may have another id for it.
pub const ORGANIZATION: &str = "o-a1b2c3d4e5";
/// The organisation of [`MEMBER`], where nobody else chooses an id.
pub const OTHER_ORGANIZATION: &str = "o-f6g7h8i9j0";

/// Who asks, and what is known of MiniStack.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct World {
    /// The issuers that the target account has a provider for, each with its audiences.
    pub issuers: BTreeMap<String, Vec<String>>,
    /// The SAML providers of the target account, each with its issuer.
    pub saml_providers: BTreeMap<String, String>,
    pub callers: BTreeMap<String, Caller>,
    /// What MiniStack cannot be asked, each with the reason.
    pub cannot_judge: BTreeMap<String, String>,
    /// Why it says the opposite.
    pub differences: BTreeMap<String, String>,
}

/// A user, or a session of a role.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caller {
    pub account: String,
    pub kind: Kind,
    /// The name in IAM. Absent: what the caller is called in the table.
    pub name: Option<String>,
    pub path: Option<String>,
    /// A group that has no other member; only of users.
    pub group: Option<String>,
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

/// A trust policy as text.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentRow {
    /// The statements of the trust policy.
    pub trust: Vec<Value>,
    #[serde(default)]
    pub role: RoleOrder,
    /// A calling role that is deleted and made anew after the trust policy was written.
    pub reborn: Option<String>,
    #[serde(default)]
    pub can: Vec<Ask>,
    #[serde(default)]
    pub cannot: Vec<Ask>,
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

/// A role that the operator makes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleRow {
    /// The name of the object and of the role.
    pub role: String,
    /// The object's spec, but for its accounts.
    pub spec: Value,
    #[serde(default)]
    pub can: Vec<Ask>,
    #[serde(default)]
    pub cannot: Vec<Ask>,
    /// What the object is changed to after everybody has asked, and who can and cannot then.
    pub later: Option<Later>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Later {
    pub spec: Value,
    #[serde(default)]
    pub can: Vec<Ask>,
    #[serde(default)]
    pub cannot: Vec<Ask>,
}

/// One question to a role.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ask {
    pub name: String,
    /// One of the callers, or nobody for those who come from outside.
    pub caller: Option<String>,
    #[serde(default)]
    pub request: Request,
    /// A call of IAM that is made with the session: what is asked then is whether that is allowed.
    pub then: Option<Then>,
    /// Why MiniStack says the opposite: one of [`World::differences`]. Absent: it is to agree.
    pub differs: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Then {
    ListRoles,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    Allowed,
    Denied,
}

/// What goes with the request for a session, and where it comes from.
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
    /// How many seconds ago the caller used a second factor. Absent: never.
    pub mfa_age: Option<u64>,
    /// The address that the request comes from.
    pub address: Option<String>,
    /// When it is asked. Absent: now.
    pub at: Option<Timestamp>,
    /// A token of an OIDC provider.
    pub web_identity: Option<Token>,
    /// The order for an assertion of a SAML provider.
    pub saml: Option<Value>,
    /// The orders for sign-ins by a service, by a pod, by a certificate.
    pub service: Option<Value>,
    pub pod: Option<Value>,
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

impl World {
    pub fn read() -> Self {
        read("world.yaml", ORGANIZATION)
    }

    /// Why MiniStack cannot be asked this.
    pub fn cannot_judge(&self, ask: &Ask) -> Option<&str> {
        let needed = ask.request.needs().into_iter().find(|(_, is_needed)| *is_needed);
        needed.map(|(what, _)| self.cannot_judge[what].as_str())
    }
}

impl Request {
    fn needs(&self) -> [(&'static str, bool); 7] {
        [
            ("mfaAge", self.mfa_age.is_some()),
            ("address", self.address.is_some()),
            ("at", self.at.is_some()),
            ("saml", self.saml.is_some()),
            ("service", self.service.is_some()),
            ("pod", self.pod.is_some()),
            ("certificate", self.certificate.is_some()),
        ]
    }
}

/// Those who can, then those who cannot, with the answer that is expected.
pub fn expectations<'a>(can: &'a [Ask], cannot: &'a [Ask]) -> impl Iterator<Item = (Expected, &'a Ask)> {
    let allowed = can.iter().map(|ask| (Expected::Allowed, ask));
    allowed.chain(cannot.iter().map(|ask| (Expected::Denied, ask)))
}

/// One of the files in `tests/judges`, about an organisation.
pub fn read<T: DeserializeOwned>(file: &str, organization: &str) -> T {
    serde_saphyr::from_str(&text(file, organization)).unwrap_or_else(|error| panic!("tests/judges/{file}: {error}"))
}

/// The text of one of the files, about an organisation.
pub fn text(file: &str, organization: &str) -> String {
    let path = workspace().join("tests/judges").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.replace(ORGANIZATION, organization)
}

/// A document of these statements. What is left out of one is the commonest: Allow, and `action` on `resource`.
pub fn document(statements: &[Value], action: &str, resource: Option<&str>) -> String {
    let whole = |statement: &Value| {
        let mut statement = statement.clone();
        let mut default = |name: &str, value: Value| {
            if statement.get(name).is_none() && statement.get(format!("Not{name}")).is_none() {
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
