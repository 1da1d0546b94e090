//! `CrossAccountRole`: a role in many accounts.

use kube::{CustomResource, KubeSchema};
use litemap::LiteMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::notify::Notify;
use crate::permissions::Permissions;
use crate::selector::{NamesOrSelector, StatementText};
use crate::status::CrossAccountRoleStatus;
use crate::trust::TrustEntry;

/// A role in many AWS accounts: which accounts hold it, who may assume it and how, and what it may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "crossrole.dev",
    version = "v1alpha1",
    kind = "CrossAccountRole",
    plural = "crossaccountroles",
    shortname = "xar",
    namespaced,
    status = "CrossAccountRoleStatus",
    derive = "PartialEq",
    doc = "An IAM role in many AWS accounts: which accounts hold it, who may assume it and how, and what it may do.",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Accounts", type_ = "string", json_path = ".status.summary"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].message", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("size(self.metadata.name) <= 192")
        .message("a CrossAccountRole's name has at most 192 characters"),
    validation = Rule::new("has(self.spec.roleName) || size(self.metadata.name) <= 64")
        .message("IAM role names have at most 64 characters: write spec.roleName, or a shorter metadata.name")
        .field_path(".spec.roleName"),
    validation = Rule::new(
        "(has(self.spec.roleName) ? self.spec.roleName : self.metadata.name) == (has(oldSelf.spec.roleName) ? oldSelf.spec.roleName : oldSelf.metadata.name)")
        .message("roleName is immutable: make another CrossAccountRole")
        .field_path(".spec.roleName"),
    validation = Rule::new(
        "(has(self.spec.trust) && size(self.spec.trust) > 0) || (has(self.spec.extraTrustStatements) && size(self.spec.extraTrustStatements) > 0)")
        .message("a role that nobody may assume is of no use: write at least one entry here or in extraTrustStatements")
        .field_path(".spec.trust")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CrossAccountRoleSpec {
    /// The accounts that hold the role: AWSAccounts by name, by label, or both.
    pub accounts: NamesOrSelector,
    /// The role's name in IAM: 1 to 64 characters. Default: `metadata.name`. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z0-9_+=,.@-]+$"))]
    pub role_name: Option<String>,
    /// The role's path, at or below the class's `rolePath`, which is the default. It cannot be changed once the
    /// role is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512), regex(pattern = r"^/([A-Za-z0-9_+=,.@-]+/)*$"))]
    pub path: Option<String>,
    /// What the role is for, shown in the AWS console: at most 1000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000), regex(pattern = r"^[\t\n\r -~¡-ÿ]*$"))]
    pub description: Option<String>,
    /// Who may assume the role. Each entry becomes one or more statements of the trust policy. It or
    /// `extraTrustStatements` has at least one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), extend("x-kubernetes-list-type" = "atomic"))]
    pub trust: Vec<TrustEntry>,
    /// Raw statements added to the trust policy, held to the same guardrails.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), extend("x-kubernetes-list-type" = "atomic"))]
    pub extra_trust_statements: Vec<StatementText>,
    /// The longest session that may be asked for: 1h to 12h. Default 1h.
    #[serde(default = "one_hour")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1h') && duration(self) <= duration('12h')")
        .message("write a duration from 1h to 12h"))]
    #[schemars(length(min = 2, max = 12), regex(pattern = r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?$"))]
    pub max_session_duration: String,
    /// What the role may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Permissions>,
    /// The role's tags. They are exclusive, except for keys that begin with `aws:` or `crossrole.dev/`.
    // Ten thousand objects are kept in memory: a `BTreeMap` takes half a kilobyte for one tag.
    #[serde(default, skip_serializing_if = "LiteMap::is_empty")]
    #[schemars(schema_with = "tag_map")]
    pub tags: LiteMap<String, String>,
    /// The role's permissions boundary, by name (with its path) or ARN. Only where the class says `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 512),
        regex(
            pattern = r"^(arn:(aws|aws-cn|aws-us-gov|aws-eusc):iam::([0-9]{12}|aws):policy/)?([A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]+$"
        )
    )]
    pub permissions_boundary: Option<String>,
    /// When the role can be used. It is written into AWS itself, so that it ends even if the operator is down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validity: Option<Box<Validity>>,
    /// What becomes of sessions that were issued before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions: Option<Box<Sessions>>,
    /// `Open` (default), or `Closed`: trust and every session end; the role and its unique id stay.
    #[serde(default)]
    pub access: Access,
    /// `Enforce` (default), or `Observe`: nothing is written to AWS, and status shows what would change.
    #[serde(default)]
    pub mode: Mode,
    /// Whether this object is left alone: no look, no call. Its deletion waits too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspend: bool,
    /// `Never` (default), or `Adopt`: take over an existing role that the class's adoption list names.
    #[serde(default)]
    pub adoption_policy: AdoptionPolicy,
    /// What becomes of the roles when this object is deleted or no longer selects an account: `Delete` (default),
    /// or `Retain`: they stay, without our tags.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// Who is told of what happens to the roles, besides those whom the class tells of every role. Absent: nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<Box<Notify>>,
}

fn one_hour() -> String {
    "1h".into()
}

// 50 tags are IAM's quota; two of them are ours.
fn tag_map(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "maxProperties": 48, "additionalProperties": {"type": "string", "maxLength": 256}})
}

/// What becomes of a role that nobody wants any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// The role is removed.
    #[default]
    Delete,
    /// The role stays as it is, without our tags.
    Retain,
}

/// When a role can be used, in whole seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
#[x_kube(validation = Rule::new("!has(self.notBefore) || !has(self.notAfter) || timestamp(self.notBefore) < timestamp(self.notAfter)")
    .message("notBefore must be earlier than notAfter"))]
pub struct Validity {
    /// Nobody may assume the role before this time (`2026-11-22T10:00:00Z`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), extend("format" = "date-time"))]
    pub not_before: Option<String>,
    /// Nobody may assume the role, and no session of it may do anything, from this time on. Then it is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), extend("format" = "date-time"))]
    pub not_after: Option<String>,
}

/// What becomes of sessions that were issued before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct Sessions {
    /// Sessions that were issued before this time may do nothing any more. It only moves forward, and may lie at most
    /// five minutes ahead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), extend("format" = "date-time"))]
    pub revoke_issued_before: Option<String>,
    /// When trust is taken from somebody: `Report` (default) until when their sessions last, or `Revoke` them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_tighten: Option<OnTighten>,
}

/// What becomes of sessions of those who lose trust.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnTighten {
    /// An Event says until when they last.
    #[default]
    Report,
    /// They are revoked.
    Revoke,
}

/// Whether a role can be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Access {
    /// As declared.
    #[default]
    Open,
    /// By nobody.
    Closed,
}

/// Whether an object is enforced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Mode {
    /// Roles are made and kept true.
    #[default]
    Enforce,
    /// Nothing is written to AWS.
    Observe,
}

/// What is done about an existing role that crossrole did not make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AdoptionPolicy {
    /// It is left alone.
    #[default]
    Never,
    /// It is taken over, where the class's adoption list names it.
    Adopt,
}
