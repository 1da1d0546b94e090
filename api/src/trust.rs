//! Who may assume a role, and what is required of them.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One statement of the role's trust policy: from whom, requiring what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("!has(self.require) || !has(self.require.mfa) || !has(self.from.kind) || self.from.kind != 'Roles'")
        .message("MFA cannot be required of roles: a role session never carries MFA. Remove require.mfa, or write kind: Users")
        .field_path(".require"),
    validation = Rule::new("!has(self.require) || !has(self.require.mfa) || !has(self.from.principals) || self.from.principals.all(p, p.contains(':user/'))")
        .message("MFA cannot be required of roles: a role session never carries MFA. Put the roles into an entry of their own, without require.mfa")
        .field_path(".require")
)]
pub struct TrustEntry {
    /// From whom: exactly one of `accounts` and `principals`.
    pub from: From,
    /// What is required of them. Everything named must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub require: Option<Require>,
}

/// From whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
#[x_kube(
    validation = Rule::new("has(self.accounts) != has(self.principals)")
        .message("write exactly one of accounts and principals"),
    validation = Rule::new("!has(self.kind) || has(self.accounts)")
        .message("kind goes with accounts: principals say by their ARN whether they are users or roles")
        .field_path(".kind")
)]
pub struct From {
    /// Trusted accounts, by id (quoted: twelve digits). Whoever these accounts allow may assume the role.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 50), inner(length(min = 12, max = 12), regex(pattern = r"^[0-9]{12}$")), extend("x-kubernetes-list-type" = "set"))]
    pub accounts: Vec<String>,
    /// Which principals of the accounts: `Users` or `Roles`. Absent: both, or `Users` where MFA is required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<PrincipalKind>,
    /// Trusted users and roles, by ARN. They must exist when the role is made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 50),
        inner(length(min = 20, max = 1000), regex(pattern = r"^arn:(aws|aws-cn|aws-us-gov|aws-eusc):iam::[0-9]{12}:(user|role)(/[A-Za-z0-9_+=,.@-]+)+$")),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub principals: Vec<String>,
}

/// Which principals of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PrincipalKind {
    /// IAM users only.
    Users,
    /// IAM roles only: whoever has already assumed a role in that account.
    Roles,
}

/// What is required of those who assume the role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct Require {
    /// Multi-factor authentication. Only IAM users can satisfy it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mfa: Option<Mfa>,
    /// External ids, one of which must be presented: one, or two while it is rotated. 2 to 1224 characters each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 2),
        inner(length(min = 2, max = 1224), regex(pattern = r"^[A-Za-z0-9_+=,.@:/-]+$")),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub external_ids: Vec<String>,
}

/// Multi-factor authentication.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct Mfa {
    /// How long ago the second factor may have been used: 1m to 36h.
    #[x_kube(validation = Rule::new("duration(self) >= duration('1m') && duration(self) <= duration('36h')")
        .message("write a duration from 1m to 36h"))]
    #[schemars(length(min = 2, max = 12), regex(pattern = r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?$"))]
    pub max_age: String,
}
