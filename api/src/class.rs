//! `AccountClass`: the platform team's rules about accounts.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::notify::{Notifier, Notify};
use crate::selector::NamesOrSelector;

/// Rules for accounts. Everything is refused unless a class allows it; an absent list allows nothing of its kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "crossrole.dev",
    version = "v1alpha1",
    kind = "AccountClass",
    plural = "accountclasses",
    status = "AccountClassStatus",
    derive = "PartialEq",
    doc = "Rules for accounts: how crossrole gets in, which namespaces may have roles there, and which roles. \
           Everything is refused unless a class allows it.",
    printcolumn(
        name = "Boundary",
        type_ = "string",
        json_path = ".spec.guardrails.permissionsBoundary"
    ),
    printcolumn(name = "Path", type_ = "string", json_path = ".spec.guardrails.rolePath"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new(
        "!has(self.spec.notify) || (has(self.spec.notifiers) && self.spec.notifiers.exists(notifier, notifier.name == self.spec.notify.to))")
        .message("write the name of one of spec.notifiers")
        .field_path(".spec.notify.to")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccountClassSpec {
    /// The role in each account that crossrole assumes to do its work there.
    pub bootstrap_role: BootstrapRole,
    /// The namespaces whose objects may have roles in accounts of this class. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_namespaces: Option<NamesOrSelector>,
    /// What roles may be.
    pub guardrails: Guardrails,
    /// Which existing roles `adoptionPolicy: Adopt` may take over. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adoption: Option<Adoption>,
    /// What AssumeRoleGrants may do in accounts of this class. Absent: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grants: Option<Grants>,
    /// Which accounts of the organisation are of this class: an operator that runs with `--discover-organization` keeps an
    /// AWSAccount for each. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discovery: Option<Discovery>,
    /// Those who can be told of what happens to roles in accounts of this class. Only here are addresses and secrets named.
    /// Absent: nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub notifiers: Vec<Notifier>,
    /// Who is told of what happens to any role in accounts of this class, whatever the roles themselves say. Absent: nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<Notify>,
}

/// Which accounts of the organisation are of a class. Where both are written, an account must meet both. Of several classes,
/// the one that names the unit nearest to the account counts, then the one that names more tags.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
#[x_kube(validation = Rule::new("has(self.organizationalUnits) || has(self.tags)")
    .message("write organizationalUnits, tags or both"))]
pub struct Discovery {
    /// Ids of organisational units, or of the root: accounts in them, at whatever depth. Absent: in the whole organisation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 100), inner(length(min = 6, max = 68), regex(pattern = r"^(r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[0-9a-z]{8,32})$")), extend("x-kubernetes-list-type" = "set"))]
    pub organizational_units: Vec<String>,
    /// Tags that the account must have in the organisation, with exactly these values: at most 50. Absent: whatever it has.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "tag_map")]
    pub tags: BTreeMap<String, String>,
    /// What each of these AWSAccounts presents when the bootstrap role is assumed: 2 to 1224 characters. Absent: whatever
    /// its `externalId` says, which is yours to write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 1224), regex(pattern = r"^[A-Za-z0-9_+=,.@:/-]+$"))]
    pub external_id: Option<String>,
}

fn tag_map(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "minProperties": 1, "maxProperties": 50, "additionalProperties": {"type": "string", "maxLength": 256}})
}

/// The role that crossrole assumes in each account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BootstrapRole {
    /// Its name, with its path if it has one (`platform/crossrole-bootstrap`). It must lie outside `rolePath`.
    #[schemars(
        length(min = 1, max = 512),
        regex(pattern = r"^([A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]+$")
    )]
    pub name: String,
    /// How long a session of it lasts: 15m to 1h (the operator's identity is usually itself an assumed role, and
    /// AWS limits chained sessions to one hour). Default 1h.
    #[serde(default = "one_hour")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('15m') && duration(self) <= duration('1h')")
        .message("write a duration from 15m to 1h"))]
    #[schemars(length(min = 2, max = 12), regex(pattern = r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?$"))]
    pub session_duration: String,
}

fn one_hour() -> String {
    "1h".into()
}

fn default_role_path() -> String {
    "/crossrole/".into()
}

/// What roles may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct Guardrails {
    /// Every role lives at or below this path. May contain `${namespace}`. Default `/crossrole/`. Immutable.
    #[serde(default = "default_role_path")]
    #[schemars(
        length(min = 3, max = 512),
        regex(pattern = r"^/(([A-Za-z0-9_+=,.@-]|\$\{namespace\})+/)+$")
    )]
    #[x_kube(validation = Rule::new("self == oldSelf").message("rolePath is immutable: make another AccountClass"))]
    pub role_path: String,
    /// The permissions boundary forced on every role: the name (with its path) of a customer managed policy that
    /// exists in every account, or an ARN. `None` means that there is none, and must be written out.
    #[schemars(
        length(min = 1, max = 512),
        regex(
            pattern = r"^(arn:(aws|aws-cn|aws-us-gov|aws-eusc):iam::([0-9]{12}|aws):policy/)?([A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]+$"
        )
    )]
    pub permissions_boundary: String,
    /// Who may be trusted. Absent: nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust: Option<TrustRules>,
    /// The longest session a role may allow: 1h to 12h. Default 1h.
    #[serde(default = "one_hour")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1h') && duration(self) <= duration('12h')")
        .message("write a duration from 1h to 12h"))]
    #[schemars(length(min = 2, max = 12), regex(pattern = r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?$"))]
    pub max_session_duration: String,
    /// The managed policies that roles may have. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_policies: Option<ManagedPolicyRules>,
    /// What inline policies may hold. Absent: no inline policies at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inline_policies: Option<InlinePolicyRules>,
    /// Patterns of the tag keys that roles may have (`*` and `?`). Tags of a role are `aws:PrincipalTag` wherever
    /// its sessions go. Absent: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(min = 1, max = 128)), extend("x-kubernetes-list-type" = "set"))]
    pub tag_keys: Vec<String>,
    /// Patterns of the session tag keys that trust may allow to be set. Absent: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(min = 1, max = 128)), extend("x-kubernetes-list-type" = "set"))]
    pub session_tag_keys: Vec<String>,
    /// How many roles the objects of one namespace may have in accounts of this class, all accounts together. Absent: no
    /// such limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_roles_per_namespace: Option<u32>,
    /// What becomes of existing roles that a changed rule forbids: `Freeze` (default) leaves them as they are, `Close`
    /// closes them.
    #[serde(default)]
    pub on_violation: OnViolation,
}

/// What becomes of existing roles that a changed rule forbids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnViolation {
    /// They stay as they are.
    #[default]
    Freeze,
    /// They are closed, as `access: Closed` closes them.
    Close,
}

/// Which existing roles may be taken over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct Adoption {
    /// Patterns (`*` and `?`) of path and name together (`/legacy/audit-*`). A `*` stands for slashes too.
    #[schemars(length(max = 100), inner(length(min = 2, max = 576), regex(pattern = r"^/")), extend("x-kubernetes-list-type" = "set"))]
    pub roles: Vec<String>,
}

/// What AssumeRoleGrants may do: by which role, from which namespaces, and to whom. Whoever may write a policy and attach
/// it to a group is as powerful as that group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Grants {
    /// The grant role's name, with its path if it has one. It is never the bootstrap role, and lies outside `rolePath`.
    #[schemars(
        length(min = 1, max = 512),
        regex(pattern = r"^([A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]+$")
    )]
    pub role: String,
    /// The namespaces whose AssumeRoleGrants may name accounts of this class. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_namespaces: Option<NamesOrSelector>,
    /// The groups that grants may be attached to, each with its path if it has one (`teams/SecAuditors`). Absent: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 640), regex(pattern = r"^([A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]+$")), extend("x-kubernetes-list-type" = "set"))]
    pub groups: Vec<String>,
    /// The roles that grants may be attached to, each with its path if it has one (`ci/deployer`). Never the bootstrap
    /// role, the grant role, or a role at or below `rolePath`. Absent: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 576), regex(pattern = r"^([A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]+$")), extend("x-kubernetes-list-type" = "set"))]
    pub roles: Vec<String>,
}

/// Who may be trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrustRules {
    /// Accounts of our own that may be trusted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2000), inner(length(min = 12, max = 12), regex(pattern = r"^[0-9]{12}$")), extend("x-kubernetes-list-type" = "set"))]
    pub accounts: Vec<String>,
    /// Accounts of others that may be trusted: vendors, partners.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2000), inner(length(min = 12, max = 12), regex(pattern = r"^[0-9]{12}$")), extend("x-kubernetes-list-type" = "set"))]
    pub third_parties: Vec<String>,
    /// Organisations of AWS Organizations that a statement may require instead of naming listed accounts: your own, for an
    /// account that only its organisation lets in is no third party.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), inner(length(min = 12, max = 34), regex(pattern = r"^o-[a-z0-9]{10,32}$")), extend("x-kubernetes-list-type" = "set"))]
    pub organizations: Vec<String>,
    /// AWS services that may be trusted (`ec2.amazonaws.com`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(min = 3, max = 128)), extend("x-kubernetes-list-type" = "set"))]
    pub services: Vec<String>,
    /// Identity providers that may be trusted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), extend("x-kubernetes-list-type" = "atomic"))]
    pub federation: Vec<FederationRule>,
    /// ARNs of the trust anchors of IAM Roles Anywhere that may be trusted; its service must be listed too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(min = 20, max = 512)), extend("x-kubernetes-list-type" = "set"))]
    pub trust_anchors: Vec<String>,
    /// `Users` (default): whatever can admit an IAM user must require MFA. `Never`: no such rule.
    #[serde(default)]
    pub require_mfa: RequireMfa,
    /// `ThirdParties` (default): whoever trusts a third party must require an external id. `Always`, `Never`.
    #[serde(default)]
    pub require_external_id: RequireExternalId,
}

/// An identity provider that may be trusted: an OpenID Connect issuer, or SAML providers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
#[x_kube(
    validation = Rule::new("has(self.issuer) != has(self.samlProviders)")
        .message("write either an issuer with its audiences and subjects, or samlProviders"),
    validation = Rule::new("!has(self.issuer) || (has(self.audiences) && has(self.subjects))")
        .message("an issuer needs audiences and subjects: write what may be trusted")
)]
pub struct FederationRule {
    /// The issuer's URL without `https://`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 255))]
    pub issuer: Option<String>,
    /// Audiences that a role may name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 20), inner(length(min = 1, max = 255)), extend("x-kubernetes-list-type" = "set"))]
    pub audiences: Vec<String>,
    /// Patterns of subjects. Each subject pattern of a role must lie inside one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 50), inner(length(min = 1, max = 512)), extend("x-kubernetes-list-type" = "set"))]
    pub subjects: Vec<String>,
    /// Names of SAML providers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 50), inner(length(min = 1, max = 128)), extend("x-kubernetes-list-type" = "set"))]
    pub saml_providers: Vec<String>,
}

/// Where MFA must be required.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RequireMfa {
    /// Whatever can admit an IAM user must require MFA.
    #[default]
    Users,
    /// No such rule.
    Never,
}

/// Where an external id must be required.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RequireExternalId {
    /// In every statement that trusts a third party.
    #[default]
    ThirdParties,
    /// In every statement that can carry one: AWS accounts, users and roles. Services and identity providers cannot.
    Always,
    /// No such rule.
    Never,
}

/// The managed policies that roles may have, by pattern of their name with its path (`*` and `?`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct ManagedPolicyRules {
    /// AWS managed policies that may be attached (`SecurityAudit`, `job-function/*`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200), inner(length(min = 1, max = 512)), extend("x-kubernetes-list-type" = "set"))]
    pub aws: Vec<String>,
    /// Customer managed policies that may be attached (`team/*`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200), inner(length(min = 1, max = 512)), extend("x-kubernetes-list-type" = "set"))]
    pub account: Vec<String>,
    /// Policies of either kind that may never be attached, whatever the other two lists say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200), inner(length(min = 1, max = 512)), extend("x-kubernetes-list-type" = "set"))]
    pub deny: Vec<String>,
}

/// What inline policies may hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct InlinePolicyRules {
    /// Actions that no Allow may be able to match (`iam:*`). An empty list denies none, and must be written out.
    #[schemars(length(max = 200), inner(length(min = 1, max = 128)), extend("x-kubernetes-list-type" = "set"))]
    pub deny_actions: Vec<String>,
}

/// What crossrole knows of a class.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountClassStatus {
    /// The generation that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The names of the AWSAccounts of this class.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5000), inner(length(max = 253)), extend("x-kubernetes-list-type" = "set"))]
    pub accounts: Vec<String>,
    /// `Ready`: the class can be used. Where it cannot, `Stalled` is there too: a person must act. `DiscoveryFailing`, only
    /// while true: the organisation's accounts of the class are not all as they shall be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}
