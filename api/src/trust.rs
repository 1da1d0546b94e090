//! Who may assume a role, and what is required of them.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::selector::ConditionText;

/// One statement of the role's trust policy: from whom, requiring what, allowing what more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("!has(self.require) || !has(self.require.mfa) || has(self.from.accounts) || has(self.from.principals) || has(self.from.principalPatterns) || has(self.from.organization)")
        .message("MFA can be required of IAM users alone: services and federated principals never carry it. Remove require.mfa")
        .field_path(".require"),
    validation = Rule::new("!has(self.require) || !has(self.require.mfa) || !has(self.from.kind) || self.from.kind != 'Roles'")
        .message("MFA cannot be required of roles: a role session never carries MFA. Remove require.mfa, or write kind: Users")
        .field_path(".require"),
    validation = Rule::new("!has(self.require) || !has(self.require.mfa) || !has(self.from.principals) || self.from.principals.all(p, p.contains(':user/'))")
        .message("MFA cannot be required of roles: a role session never carries MFA. Put the roles into an entry of their own, without require.mfa")
        .field_path(".require")
)]
pub struct TrustEntry {
    /// From whom: exactly one way to say it.
    pub from: From,
    /// What is required of them. Everything named must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub require: Option<Require>,
    /// What they may do beyond assuming the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow: Option<Box<Allow>>,
}

/// From whom: exactly one of the fields, and `kind` beside `accounts` only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
#[x_kube(
    validation = Rule::new("[has(self.accounts), has(self.principals), has(self.principalPatterns), has(self.organization), has(self.identityCenter), has(self.services), has(self.oidc), has(self.saml), has(self.podIdentity), has(self.rolesAnywhere)].filter(there, there).size() == 1")
        .message("write exactly one of accounts, principals, principalPatterns, organization, identityCenter, services, oidc, saml, podIdentity and rolesAnywhere"),
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
    /// Patterns (`*` and `?`) of the ARNs of users and roles, for those that are many or do not exist yet. The account
    /// is twelve digits, or `*` where `require.organization` names an organisation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 20),
        inner(length(min = 20, max = 1000), regex(pattern = r"^arn:(aws|aws-cn|aws-us-gov|aws-eusc):iam::([0-9]{12}|\*):(user|role)(/[A-Za-z0-9_+=,.@*?-]+)+$")),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub principal_patterns: Vec<String>,
    /// Everybody in an organisation of AWS Organizations, by its id (`o-a1b2c3d4e5`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 12, max = 34), regex(pattern = r"^o-[a-z0-9]{10,32}$"))]
    pub organization: Option<String>,
    /// Whoever holds a permission set of IAM Identity Center in an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_center: Option<Box<IdentityCenter>>,
    /// AWS services, by their principal (`ec2.amazonaws.com`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 10),
        inner(length(min = 3, max = 128), regex(pattern = r"^[a-z0-9][a-z0-9-]*(\.[a-z0-9-]+)+$")),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub services: Vec<String>,
    /// Identities of an OpenID Connect provider that the account knows, such as a CI system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oidc: Option<Box<Oidc>>,
    /// Users of a SAML provider that the account knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saml: Option<Box<Saml>>,
    /// Pods of an EKS cluster, through EKS Pod Identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_identity: Option<Box<PodIdentity>>,
    /// Machines outside AWS with an X.509 certificate, through IAM Roles Anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles_anywhere: Option<Box<RolesAnywhere>>,
}

/// Which principals of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PrincipalKind {
    /// IAM users only.
    Users,
    /// IAM roles only: whoever has already assumed a role in that account.
    Roles,
}

/// A permission set of IAM Identity Center in one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IdentityCenter {
    /// The account in which people hold the permission set.
    #[schemars(length(min = 12, max = 12), regex(pattern = r"^[0-9]{12}$"))]
    pub account: String,
    /// The permission set's name: 1 to 32 characters.
    #[schemars(length(min = 1, max = 32), regex(pattern = r"^[A-Za-z0-9_+=,.@-]+$"))]
    pub permission_set: String,
}

/// Identities of an OpenID Connect provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Oidc {
    /// The provider's URL without `https://` (`token.actions.githubusercontent.com`), as the account's OIDC provider
    /// has it.
    #[schemars(
        length(min = 3, max = 255),
        regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]+)?(/[A-Za-z0-9._~-]+)*$")
    )]
    pub issuer: String,
    /// Audiences (`aud`), one of which the token must carry.
    #[schemars(length(min = 1, max = 10), inner(length(min = 1, max = 255)), extend("x-kubernetes-list-type" = "set"))]
    pub audiences: Vec<String>,
    /// Patterns (`*` and `?`) of subjects (`sub`), one of which the token must match. Providers that many customers
    /// share (GitHub, GitLab…) need it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 20), inner(length(min = 1, max = 512)), extend("x-kubernetes-list-type" = "set"))]
    pub subjects: Vec<String>,
}

/// Users of a SAML provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Saml {
    /// The provider's name in the account that holds the role: 1 to 128 characters.
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[A-Za-z0-9._-]+$"))]
    pub provider: String,
}

/// Pods of an EKS cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PodIdentity {
    /// The clusters' ARNs.
    #[schemars(
        length(min = 1, max = 10),
        inner(length(min = 20, max = 512), regex(pattern = r"^arn:(aws|aws-cn|aws-us-gov|aws-eusc):eks:[a-z0-9-]+:[0-9]{12}:cluster/[A-Za-z0-9_-]+$")),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub clusters: Vec<String>,
    /// The pods' namespace. Absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"))]
    pub namespace: Option<String>,
    /// The pods' ServiceAccount. Absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"))]
    pub service_account: Option<String>,
}

/// Machines with an X.509 certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RolesAnywhere {
    /// ARNs of the trust anchors whose certificates are taken.
    #[schemars(
        length(min = 1, max = 10),
        inner(length(min = 20, max = 512), regex(pattern = r"^arn:(aws|aws-cn|aws-us-gov|aws-eusc):rolesanywhere:[a-z0-9-]+:[0-9]{12}:trust-anchor/[A-Za-z0-9-]+$")),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub trust_anchors: Vec<String>,
    /// Patterns (`*` and `?`) of the certificate subject's common name, one of which must match. Absent: any certificate
    /// of the anchors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 20), inner(length(min = 1, max = 256)), extend("x-kubernetes-list-type" = "set"))]
    pub common_names: Vec<String>,
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
    /// The organisation that the principal's account must belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 12, max = 34), regex(pattern = r"^o-[a-z0-9]{10,32}$"))]
    pub organization: Option<String>,
    /// For services: the accounts of the resource on whose behalf the service acts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 50), inner(length(min = 12, max = 12), regex(pattern = r"^[0-9]{12}$")), extend("x-kubernetes-list-type" = "set"))]
    pub source_accounts: Vec<String>,
    /// For services: patterns of the ARN of the resource on whose behalf the service acts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 20), inner(length(min = 8, max = 1000), regex(pattern = r"^arn:")), extend("x-kubernetes-list-type" = "set"))]
    pub source_arns: Vec<String>,
    /// IP addresses, in CIDR notation, that the request must come from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 50), inner(length(min = 3, max = 49)), extend("x-kubernetes-list-type" = "set"))]
    pub source_cidrs: Vec<String>,
    /// Patterns (`*` and `?`) of the source identity that must be set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 20), inner(length(min = 1, max = 64)), extend("x-kubernetes-list-type" = "set"))]
    pub source_identity: Vec<String>,
    /// Patterns (`*` and `?`) of the session name. May hold `${aws:username}`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 20), inner(length(min = 1, max = 128)), extend("x-kubernetes-list-type" = "set"))]
    pub session_name: Vec<String>,
    /// A raw IAM condition block. It only adds keys: one that crossrole renders itself, or that a guardrail relies on,
    /// is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conditions: Option<ConditionText>,
}

/// What those who assume the role may do beyond that.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct Allow {
    /// Session tags that they may set (`sts:TagSession`), by key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 50), inner(length(min = 1, max = 128)), extend("x-kubernetes-list-type" = "set"))]
    pub session_tags: Vec<String>,
    /// Whether they may set a source identity (`sts:SetSourceIdentity`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub source_identity: bool,
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
