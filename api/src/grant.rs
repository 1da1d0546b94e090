//! `AssumeRoleGrant`: the trusted side. IAM needs both sides to say yes.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::selector::NamesOrSelector;

/// Leave to assume roles: in one account, for groups and roles there, one customer managed policy that names the selected
/// roles in all of their accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "crossrole.dev",
    version = "v1alpha1",
    kind = "AssumeRoleGrant",
    plural = "assumerolegrants",
    shortname = "arg",
    namespaced,
    status = "AssumeRoleGrantStatus",
    derive = "PartialEq",
    doc = "Leave to assume roles, on the trusted side: a policy in one account that lets groups and roles there assume the \
           selected CrossAccountRoles, in all of their accounts.",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Account", type_ = "string", json_path = ".spec.account"),
    printcolumn(name = "Trusted", type_ = "string", json_path = ".status.summary"),
    printcolumn(name = "Half-open", type_ = "string", json_path = ".status.conditions[?(@.type==\"HalfOpen\")].reason"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].message", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    // IAM's policy names have 128 characters, and ours hold the namespace and a number too.
    validation = Rule::new("size(self.metadata.name) <= 60")
        .message("an AssumeRoleGrant's name has at most 60 characters")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AssumeRoleGrantSpec {
    /// The AWSAccount whose groups and roles are given leave: the trusted account. Its class must allow grants from this
    /// namespace. Immutable.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("account is immutable: make another AssumeRoleGrant"))]
    pub account: String,
    /// The CrossAccountRoles of this namespace that may be assumed, in all accounts that they select.
    pub roles: NamesOrSelector,
    /// Who is given leave.
    pub to: Grantees,
}

/// Who is given leave: groups, roles, or both. The class lists them as they are written here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
#[x_kube(validation = Rule::new("(has(self.groups) && size(self.groups) > 0) || (has(self.roles) && size(self.roles) > 0)")
    .message("write at least one group or role"))]
pub struct Grantees {
    /// IAM groups, each with its path if it has one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(min = 1, max = 640), regex(pattern = r"^([A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]+$")), extend("x-kubernetes-list-type" = "set"))]
    pub groups: Vec<String>,
    /// IAM roles, each with its path if it has one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(min = 1, max = 576), regex(pattern = r"^([A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]+$")), extend("x-kubernetes-list-type" = "set"))]
    pub roles: Vec<String>,
}

/// The state of a grant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AssumeRoleGrantStatus {
    /// The generation that this status speaks of; -1 until somebody has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Of how many granted roles the other side trusts this account: `5/5`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub summary: Option<String>,
    /// The annotation `crossrole.dev/reconcile-at` as it was when the object was last looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub last_handled_reconcile_at: Option<String>,
    /// The id of the account that holds the grant's policies, or is about to. It is here before anything is written there,
    /// and stays until the grant is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 12))]
    pub account_id: Option<String>,
    /// The ARNs that may be assumed.
    // Atomic: one writer writes it whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 3000), extend("x-kubernetes-list-type" = "atomic"))]
    pub roles: Vec<GrantedRole>,
    /// `Ready`, `Reconciling`, `Stalled`; `HalfOpen` only while one side says yes and the other does not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// One role that may be assumed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GrantedRole {
    /// The role's ARN.
    #[schemars(length(max = 2048))]
    pub role_arn: String,
    /// The CrossAccountRole.
    #[schemars(length(max = 253))]
    pub role: String,
    /// The AWSAccount that holds the role.
    #[schemars(length(max = 253))]
    pub account: String,
    /// Whether the role is as it is declared, and its trust admits the groups and roles of this grant.
    pub trusted: Trusted,
}

/// Whether the other side trusts this account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Trusted {
    /// It does.
    Yes,
    /// It does not, or nobody knows: whoever asks may be turned away.
    No,
}
