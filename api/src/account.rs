//! `AWSAccount`: one AWS account.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// One AWS account that can hold roles. Deleting this object removes no role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "crossrole.dev",
    version = "v1alpha1",
    kind = "AWSAccount",
    plural = "awsaccounts",
    singular = "awsaccount",
    status = "AWSAccountStatus",
    derive = "PartialEq",
    doc = "One AWS account that can hold roles. Deleting this object removes no role by itself.",
    printcolumn(name = "Account", type_ = "string", json_path = ".spec.accountId"),
    printcolumn(name = "Class", type_ = "string", json_path = ".spec.class"),
    printcolumn(name = "State", type_ = "string", json_path = ".spec.state"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason"
    ),
    printcolumn(name = "Roles", type_ = "integer", json_path = ".status.roles"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AWSAccountSpec {
    /// The account's id: twelve digits, quoted. Immutable, and unique per partition: of two objects with the same
    /// id the younger is unused.
    #[schemars(length(min = 12, max = 12), regex(pattern = r"^[0-9]{12}$"))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("accountId is immutable: make another AWSAccount"))]
    pub account_id: String,
    /// The AWS partition. Immutable.
    #[serde(default)]
    #[x_kube(validation = Rule::new("self == oldSelf").message("partition is immutable: make another AWSAccount"))]
    pub partition: PartitionName,
    /// The AccountClass whose rules hold for this account.
    #[schemars(length(min = 1, max = 253))]
    pub class: String,
    /// Presented when the bootstrap role is assumed: 2 to 1224 characters. AWS does not treat it as a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 1224), regex(pattern = r"^[A-Za-z0-9_+=,.@:/-]+$"))]
    pub external_id: Option<String>,
    /// Values for `${parameter.NAME}` in permission documents: at most 50, of at most 512 characters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "parameter_map")]
    pub parameters: BTreeMap<String, String>,
    /// `Active`; `Paused`: no calls are made, and finalizers wait; `Abandoned`: the roles there are forgotten as
    /// they are.
    #[serde(default)]
    pub state: AccountState,
}

fn parameter_map(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "maxProperties": 50, "additionalProperties": {"type": "string", "maxLength": 512}})
}

/// An AWS partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PartitionName {
    /// The commercial Regions.
    #[default]
    Aws,
    /// China.
    AwsCn,
    /// AWS GovCloud (US).
    AwsUsGov,
    /// AWS European Sovereign Cloud.
    AwsEusc,
}

/// Whether crossrole works in an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AccountState {
    /// Roles are made and kept true.
    #[default]
    Active,
    /// No call is made; objects that would remove a role wait.
    Paused,
    /// Roles there are forgotten as they are: this lets go of an account that can no longer be reached.
    Abandoned,
}

/// What crossrole knows of an account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AWSAccountStatus {
    /// The generation that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The identity that crossrole has in the account, as `GetCallerIdentity` answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub caller_arn: Option<String>,
    /// How many roles of this account objects of this cluster hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<i64>,
    /// The account's own IAM quotas, as `GetAccountSummary` answered; absent where the bootstrap role may not read them,
    /// and IAM's defaults are taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quotas: Option<AccountQuotas>,
    /// Roles that carry this cluster's tags and that no object wants. crossrole never removes them by itself. Absent where
    /// there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orphans: Option<Orphans>,
    /// `Ready`: the bootstrap role was assumed, and the account answered with its id. Only while they are true:
    /// `Reconciling` (it did not answer, and is tried again), `Stalled` (a person must act), and `RolesReadAlone` (the
    /// bootstrap role may not read all roles at once, and each look costs some calls for each role).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// Roles that carry this cluster's tags and that no object wants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Orphans {
    /// How many there are.
    pub count: i64,
    /// The ARNs of the first of them, in order.
    #[schemars(length(max = 10), inner(length(max = 2048)))]
    pub roles: Vec<String>,
}

/// The IAM quotas of an account that bear on roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountQuotas {
    /// Roles in the account (`RolesQuota`).
    pub roles: i64,
    /// Managed policies attached to one role (`AttachedPoliciesPerRoleQuota`).
    pub attached_policies_per_role: i64,
    /// Characters of a trust policy, white space left out (`AssumeRolePolicySizeQuota`).
    pub trust_policy_size: i64,
}
