//! What a role may do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::selector::DocumentText;

/// The permission policies of a role. They are exclusive: what others attach is removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Permissions {
    /// AWS managed policies, by name with its path (`SecurityAudit`, `job-function/ViewOnlyAccess`) or by ARN.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 20),
        inner(length(min = 1, max = 512), regex(pattern = r"^(arn:(aws|aws-cn|aws-us-gov|aws-eusc):iam::aws:policy/)?([A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]+$")),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub aws_managed: Vec<String>,
    /// Customer managed policies, by name with its path (`team/read-logs`). Each must exist in every account.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 20),
        inner(length(min = 1, max = 512), regex(pattern = r"^([A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]+$")),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub customer_managed: Vec<String>,
    /// Policies written into the role itself. Together at most 10,240 characters without white space.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub inline: Vec<InlinePolicy>,
}

/// A policy written into the role itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InlinePolicy {
    /// The policy's name, unique in the role: 1 to 128 characters.
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[A-Za-z0-9_+=,.@-]+$"))]
    pub name: String,
    /// An IAM policy document.
    pub document: DocumentText,
}
