//! A message of the queue: what EventBridge put around a record of CloudTrail, and what the record says.
//!
//! Sources: Amazon EventBridge User Guide, "AWS service events delivered via AWS CloudTrail"; AWS CloudTrail User Guide,
//! "CloudTrail record contents for management, data, and network activity events"; IAM User Guide, "Logging IAM and AWS STS
//! API calls with AWS CloudTrail" (examples of each call).

use crossrole_api::Mfa;
use crossrole_iam::{AccountId, Arn, RoleName};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::principal::{Principal, PrincipalKind, clean};

/// Calls of IAM that change a role, with `requestParameters.roleName`. Source: IAM API Reference.
const CHANGES: [&str; 13] = [
    "AttachRolePolicy",
    "CreateRole",
    "DeleteRole",
    "DeleteRolePermissionsBoundary",
    "DeleteRolePolicy",
    "DetachRolePolicy",
    "PutRolePermissionsBoundary",
    "PutRolePolicy",
    "TagRole",
    "UntagRole",
    "UpdateAssumeRolePolicy",
    "UpdateRole",
    "UpdateRoleDescription",
];

/// Calls of STS that use a role. Source: STS API Reference.
const USES: [&str; 3] = ["AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"];

/// The event's type, whatever the partition calls its maker.
const API_CALL: &str = " API Call via CloudTrail";

/// Why a message cannot be read. It says nothing of what stands in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The text is no JSON.
    #[error("it is no JSON")]
    NotJson,
    /// It is JSON of another kind.
    #[error("it is no event of EventBridge")]
    NotAnEvent,
    /// A record of a version whose fields mean something else: the first number of `eventVersion` is not 1.
    #[error("its record is of a version that is not known")]
    Version,
    /// A field that every record has.
    #[error("its record has no {0}")]
    Lacks(&'static str),
}

/// What a message tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// Somebody assumed a role, or tried to.
    Use(Box<Use>),
    /// Somebody changed a role.
    Change(Box<Change>),
    /// Nothing that concerns a role.
    Other,
}

/// Whether somebody who asked for a role got it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// STS gave a session.
    Granted,
    /// STS gave none.
    Denied,
}

impl Outcome {
    /// As the label of a metric says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Granted => "Granted",
            Self::Denied => "Denied",
        }
    }
}

/// Somebody assumed a role, or tried to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// Names the call: the same in both copies of a cross-account call.
    pub id: String,
    /// When.
    pub time: Timestamp,
    /// Which role.
    pub role: Arn,
    /// The role's account.
    pub account: AccountId,
    /// Whether it was given.
    pub outcome: Outcome,
    /// Who asked.
    pub principal: Principal,
    /// Whether with a second factor.
    pub mfa: Mfa,
    /// Whether the record is one of two, and the one that does not name who asked.
    pub is_nameless: bool,
    /// What else is told, for a notice.
    pub details: Details,
}

/// Somebody changed a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Names the call.
    pub id: String,
    /// When.
    pub time: Timestamp,
    /// The role's account.
    pub account: AccountId,
    /// The role's name.
    pub role: RoleName,
    /// The call, such as `PutRolePolicy`.
    pub action: &'static str,
    /// Who did it.
    pub principal: Principal,
    /// What else is told, for a notice.
    pub details: Details,
}

/// What else a record tells. Each is at most 256 bytes, without control characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// From which address, or which service in its name.
    pub source_ip: Option<String>,
    /// In which Region.
    pub region: Option<String>,
    /// By which program.
    pub user_agent: Option<String>,
    /// What the session that was asked for is called.
    pub session_name: Option<String>,
    /// The source identity that was set.
    pub source_identity: Option<String>,
    /// AWS's error code.
    pub error_code: Option<String>,
    /// The call.
    pub event_name: Option<String>,
}

impl Change {
    /// Whether this operator made the change: in a session of this name, of a role of the account by which it enters, as
    /// `is_entrance` says of a role's name.
    pub fn is_own(&self, session: &str, is_entrance: impl Fn(&RoleName) -> bool) -> bool {
        let issuer: Option<Arn> = self.principal.issuer.as_deref().and_then(|issuer| issuer.parse().ok());
        let is_entered = issuer.is_some_and(|issuer| {
            let name = issuer.resource().rsplit('/').next().and_then(|name| name.parse().ok());
            issuer.account() == self.account.as_str() && name.is_some_and(|name| is_entrance(&name))
        });
        is_entered && self.principal.session.as_deref() == Some(session)
    }
}

/// Reads a message.
///
/// # Errors
/// Why it cannot be read.
pub fn read(message: &str) -> Result<Happening, Unreadable> {
    let event: Value = serde_json::from_str(message).map_err(|_| Unreadable::NotJson)?;
    let kind = event.get("detail-type").and_then(Value::as_str);
    let (Some(kind), Some(record)) = (kind, event.get("detail").filter(|detail| detail.is_object())) else {
        return Err(Unreadable::NotAnEvent);
    };
    if !kind.ends_with(API_CALL) {
        return Ok(Happening::Other);
    }
    let record = Record(record);
    let name = record.text("/eventName").ok_or(Unreadable::Lacks("eventName"))?;
    let source = record.text("/eventSource").ok_or(Unreadable::Lacks("eventSource"))?;
    let version = record.text("/eventVersion").ok_or(Unreadable::Lacks("eventVersion"))?;
    if version.split('.').next() != Some("1") {
        return Err(Unreadable::Version);
    }
    match service(source) {
        "sts" if USES.contains(&name) => record.used(),
        "iam" => match CHANGES.into_iter().find(|change| *change == name) {
            Some(action) => record.changed(action),
            None => Ok(Happening::Other),
        },
        _ => Ok(Happening::Other),
    }
}

/// Whether an error says that a call could not be made or came to nothing, rather than that somebody may not make it. What is
/// not known counts as a refusal: rather one notice too many. Sources: AWS STS API Reference, `AssumeRole`,
/// `AssumeRoleWithWebIdentity` and "Common Errors"; CloudTrail leaves `Exception` off or on.
fn is_no_refusal(code: &str) -> bool {
    const NONE: [&str; 13] = [
        "IDPCommunicationError",
        "IncompleteSignature",
        "InternalFailure",
        "MalformedPolicyDocument",
        "MalformedQueryString",
        "MissingParameter",
        "PackedPolicyTooLarge",
        "RegionDisabled",
        "RequestExpired",
        "ServiceFailure",
        "ServiceUnavailable",
        "Throttling",
        "ValidationError",
    ];
    let code = code.rsplit('.').next().unwrap_or(code);
    NONE.contains(&code.strip_suffix("Exception").unwrap_or(code))
}

/// `sts` of `sts.amazonaws.com`.
fn service(source: &str) -> &str {
    source.split('.').next().unwrap_or_default()
}

struct Record<'a>(&'a Value);

impl Record<'_> {
    fn text(&self, pointer: &str) -> Option<&str> {
        let text = self.0.pointer(pointer).and_then(Value::as_str);
        text.filter(|text| !text.is_empty())
    }

    fn time(&self) -> Result<Timestamp, Unreadable> {
        let time = self.text("/eventTime").and_then(|time| time.parse().ok());
        time.ok_or(Unreadable::Lacks("eventTime"))
    }

    fn principal(&self) -> Result<Principal, Unreadable> {
        let identity = self.0.get("userIdentity").filter(|identity| identity.is_object());
        identity.map(Principal::of).ok_or(Unreadable::Lacks("userIdentity"))
    }

    fn details(&self) -> Details {
        let told = |pointer| self.text(pointer).map(clean);
        Details {
            source_ip: told("/sourceIPAddress"),
            region: told("/awsRegion"),
            user_agent: told("/userAgent"),
            session_name: told("/requestParameters/roleSessionName"),
            source_identity: told("/requestParameters/sourceIdentity"),
            error_code: told("/errorCode"),
            event_name: told("/eventName"),
        }
    }

    fn used(&self) -> Result<Happening, Unreadable> {
        let shared = self.text("/sharedEventID");
        let id = shared
            .or_else(|| self.text("/eventID"))
            .ok_or(Unreadable::Lacks("eventID"))?;
        let (time, principal) = (self.time()?, self.principal()?);
        let Some((role, account)) = self.role() else {
            return Ok(Happening::Other);
        };
        let code = self.text("/errorCode");
        if code.is_some_and(is_no_refusal) {
            return Ok(Happening::Other);
        }
        let is_denied = code.is_some() || self.text("/errorMessage").is_some();
        let with_device = !is_denied && self.text("/requestParameters/serialNumber").is_some();
        Ok(Happening::Use(Box::new(Use {
            id: clean(id),
            time,
            role,
            account,
            outcome: if is_denied { Outcome::Denied } else { Outcome::Granted },
            mfa: principal.mfa(with_device),
            is_nameless: shared.is_some() && principal.kind == PrincipalKind::AWSAccount,
            principal,
            details: self.details(),
        })))
    }

    /// Which role was asked for. What was denied may be told in the error's text alone: "User: … is not authorized to perform:
    /// sts:AssumeRole on resource: …". Source: IAM User Guide, "Troubleshoot access denied error messages".
    fn role(&self) -> Option<(Arn, AccountId)> {
        let resources = self.0.get("resources").and_then(Value::as_array).into_iter().flatten();
        let mut resources = resources.filter(|resource| resource["type"] == "AWS::IAM::Role");
        let by_message = || {
            let (_, rest) = self.text("/errorMessage")?.split_once("on resource: ")?;
            rest.split_whitespace().next().map(|arn| arn.trim_matches('"'))
        };
        let arn = self
            .text("/requestParameters/roleArn")
            .or_else(|| resources.next()?["ARN"].as_str())
            .or_else(by_message)?;
        let arn: Arn = arn.parse().ok()?;
        let account = arn.account_id()?;
        (arn.service() == "iam" && arn.resource().starts_with("role/")).then_some((arn, account))
    }

    fn changed(&self, action: &'static str) -> Result<Happening, Unreadable> {
        let id = self.text("/eventID").ok_or(Unreadable::Lacks("eventID"))?;
        let (time, principal) = (self.time()?, self.principal()?);
        // What IAM refused has changed nothing.
        if self.text("/errorCode").is_some() {
            return Ok(Happening::Other);
        }
        let account = self
            .text("/recipientAccountId")
            .or(principal.account.as_deref())
            .and_then(|account| account.parse().ok());
        let role = self
            .text("/requestParameters/roleName")
            .and_then(|role| role.parse().ok());
        let (Some(account), Some(role)) = (account, role) else {
            return Err(Unreadable::Lacks("role"));
        };
        Ok(Happening::Change(Box::new(Change {
            id: clean(id),
            time,
            account,
            role,
            action,
            principal,
            details: self.details(),
        })))
    }
}

impl Details {
    /// All that is told of somebody's doing, for whoever gets a notice. What is not told is left out.
    pub fn data(&self, principal: &Principal, mfa: Option<Mfa>) -> Map<String, Value> {
        let told = [
            ("eventName", self.event_name.as_deref()),
            ("principal", Some(principal.name.as_str())),
            ("principalType", Some(principal.kind.as_str())),
            ("principalAccount", principal.account.as_deref()),
            ("mfa", mfa.map(Mfa::as_str)),
            ("sourceIp", self.source_ip.as_deref()),
            ("region", self.region.as_deref()),
            ("userAgent", self.user_agent.as_deref()),
            ("sessionName", self.session_name.as_deref()),
            ("sourceIdentity", self.source_identity.as_deref()),
            ("errorCode", self.error_code.as_deref()),
        ];
        let told = told.into_iter();
        told.filter_map(|(name, value)| Some((name.to_string(), json!(value?))))
            .collect()
    }
}
