//! What the simulator holds and has seen, as its admin interface tells it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// Keys of a user, of an account's root or of a session.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// Value for `AWS_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// Value for `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: String,
    /// Value for `AWS_SESSION_TOKEN`; only of sessions.
    pub session_token: Option<String>,
}

/// A user with its first access key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// The user's ARN.
    pub arn: String,
    /// The unique id, `AIDA…`.
    pub id: String,
    /// Its access key.
    #[serde(flatten)]
    pub credentials: Credentials,
    /// The serial number of its MFA device, if it has one.
    pub mfa_serial: Option<String>,
}

/// A role as the account holds it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Role {
    /// The name, without the path.
    pub name: String,
    /// The path, with a slash at both ends.
    pub path: String,
    /// The ARN.
    pub arn: String,
    /// The unique id, `AROA…`.
    pub id: String,
    /// The description, if there is one.
    pub description: Option<String>,
    /// In seconds.
    pub max_session_duration: u64,
    /// The trust policy.
    pub trust: Value,
    /// Inline policies by name.
    pub inline: BTreeMap<String, Value>,
    /// ARNs of attached managed policies.
    pub attached: Vec<String>,
    /// The ARN of the permissions boundary.
    pub boundary: Option<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Names of the instance profiles that hold the role.
    pub instance_profiles: Vec<String>,
}

/// One AWS call that was made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Call {
    /// Counts up in the order of arrival.
    pub seq: u64,
    /// When it arrived, in the simulated time.
    pub time: String,
    /// The account acted in: the role's for `AssumeRole`, else the caller's.
    pub account: String,
    /// `iam` or `sts`.
    pub service: String,
    /// Such as `CreateRole`.
    pub action: String,
    /// The name of the role that the call is about.
    pub role: Option<String>,
    /// The caller's ARN.
    pub caller: String,
    /// The access key that signed it: each session has its own.
    pub key: String,
    /// `read` or `write`.
    pub kind: String,
    /// `OK`, an error's code, `Pending` or `Dropped`.
    pub code: String,
    /// The parameters.
    pub params: BTreeMap<String, String>,
}

/// How many calls there were.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Counts {
    /// Calls that change nothing; all of STS.
    pub reads: u64,
    /// Calls that change IAM, whether or not they succeeded.
    pub writes: u64,
    /// Calls that were answered with an error.
    pub errors: u64,
    /// By action.
    pub actions: BTreeMap<String, u64>,
}

/// Counts of all calls, and by account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct AllCounts {
    /// Everything together.
    pub total: Counts,
    /// By the account acted in.
    pub accounts: BTreeMap<String, Counts>,
}
