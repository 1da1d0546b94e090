//! What crossrole writes back to a `CrossAccountRole`.

use jiff::civil::Date;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::reason::Reason;

/// The condition types. They follow kstatus: `Ready` is always there, the other two only when true, never both.
pub mod condition {
    /// Everything declared is true in every account.
    pub const READY: &str = "Ready";
    /// Work is under way, or will be tried again by itself.
    pub const RECONCILING: &str = "Reconciling";
    /// Nothing is progressing until a person acts.
    pub const STALLED: &str = "Stalled";
    /// Of an AWSAccount, only when true: the bootstrap role may not read all roles at once.
    pub const ROLES_READ_ALONE: &str = "RolesReadAlone";
    /// Of an AssumeRoleGrant, only when true: one side says yes and the other does not.
    pub const HALF_OPEN: &str = "HalfOpen";
    /// Of an AccountClass, only when true: the organisation's accounts of the class are not all as they shall be.
    pub const DISCOVERY_FAILING: &str = "DiscoveryFailing";
    /// Of a CrossAccountRole, only when true: a class of its accounts has no notifier of the name that it asks for.
    pub const NOTIFIER_MISSING: &str = "NotifierMissing";
}

/// The state of a role in all its accounts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CrossAccountRoleStatus {
    /// The generation that this status speaks of; -1 until somebody has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// How many accounts are ready, of how many: `2/2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub summary: Option<String>,
    /// The annotation `crossrole.dev/reconcile-at` as it was when the object was last looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub last_handled_reconcile_at: Option<String>,
    /// One entry for each account that holds the role, will hold it, or has still to be left.
    // Atomic: one writer writes it whole, and managed fields for each entry would take as much room as the entry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 3000), extend("x-kubernetes-list-type" = "atomic"))]
    pub accounts: Vec<AccountEntry>,
    /// `Ready`, `Reconciling`, `Stalled`. `NotifierMissing`, only while true: `spec.notify.to` names nobody in a class.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// The state of a role in one account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountEntry {
    /// The AWSAccount's name.
    #[schemars(length(max = 253))]
    pub account: String,
    /// The account's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 12))]
    pub account_id: Option<String>,
    /// The role's ARN, once the role is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub role_arn: Option<String>,
    /// The role's unique id (`AROA…`), once the role is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub role_id: Option<String>,
    /// The day, in UTC, on which the role was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "day")]
    pub created: Option<Date>,
    /// The last day, in UTC, on which somebody used the role, as IAM says: it knows of a use within some hours, and forgets
    /// those that are more than 400 days old. Absent: IAM knows of none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "day")]
    pub last_used: Option<Date>,
    /// Whether `spec.accounts.names` asks for this account. Leaving it out there is a removal by name, which no
    /// brake holds; absent: the account came by its labels.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub named: bool,
    /// Where the role stands.
    pub state: EntryState,
    /// Why.
    pub reason: Reason,
    /// What to know or do about it; absent when ready. At most 160 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 160))]
    pub message: Option<String>,
    /// When `state` last changed.
    pub last_transition_time: Time,
    /// The last time that somebody assumed the role, as far as the feed of events tells: absent where there is none, or
    /// nobody has assumed it since. Written at most once in ten minutes for each object, so it may be older by that much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_assumed: Option<Box<LastAssumed>>,
}

/// The last time that somebody assumed a role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastAssumed {
    /// When, by AWS's clock.
    pub time: Time,
    /// Who: a principal's ARN from its account on, or what else AWS tells. At most 64 bytes; the Event has more.
    #[schemars(length(max = 64))]
    pub principal: String,
    /// Whether with MFA.
    pub mfa: Mfa,
}

/// Whether somebody who assumed a role came with a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Mfa {
    /// AWS says so.
    Yes,
    /// AWS says that it was not so.
    No,
    /// AWS did not say, and every way in that the declared trust has for users and roles demands it.
    Required,
    /// AWS did not say; of federated users it never does.
    Unknown,
}

impl Mfa {
    /// Every value.
    pub const ALL: [Self; 4] = [Self::Yes, Self::No, Self::Required, Self::Unknown];

    /// As it stands in status.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "Yes",
            Self::No => "No",
            Self::Required => "Required",
            Self::Unknown => "Unknown",
        }
    }
}

/// A day that is no day is refused by the API server: one that stood in an object would make all of it unreadable.
fn day(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "format": "date", "maxLength": 10, "nullable": true})
}

/// Where a role stands in one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum EntryState {
    /// Nothing was written yet.
    Pending,
    /// The account holds what the object declares.
    Ready,
    /// Something failed that heals by itself; it is tried again.
    Retrying,
    /// A person must act.
    Refused,
    /// The account is being left.
    Removing,
}
