//! Names that crossrole puts on objects and roles.

/// The API group of every kind here.
pub const GROUP: &str = "crossrole.dev";

/// Prefix of every tag, annotation and finalizer of ours.
pub const PREFIX: &str = "crossrole.dev/";

/// IAM tag that names the cluster whose operator made the role.
pub const CLUSTER_TAG: &str = "crossrole.dev/cluster";

/// IAM tag that names the object, as `namespace/name`, that the role was made for.
pub const OWNER_TAG: &str = "crossrole.dev/owner";

/// Finalizer on a `CrossAccountRole`: its roles are removed (or let go) before the object is.
pub const ROLE_FINALIZER: &str = "crossrole.dev/roles";

/// Finalizer on an `AssumeRoleGrant`: its policies are removed before the object is.
pub const GRANT_FINALIZER: &str = "crossrole.dev/policies";

/// The path of every policy of an `AssumeRoleGrant`. No other policy lives there, and the grant role may write no other.
pub const GRANT_POLICY_PATH: &str = "/crossrole-grants/";

/// Finalizer on an `AWSAccount` or an `AccountClass` that something still uses.
pub const IN_USE_FINALIZER: &str = "crossrole.dev/in-use";

/// Annotation that releases the brake on derived removal. Its value is the digest that the condition prints.
pub const ALLOW_REMOVALS_ANNOTATION: &str = "crossrole.dev/allow-removals";

/// Annotation that asks for a look now. Its value is echoed in status.
pub const RECONCILE_AT_ANNOTATION: &str = "crossrole.dev/reconcile-at";

/// Label on an AWSAccount that discovery keeps: the id of the organisation. Whoever takes it off takes the object over.
pub const ORGANIZATION_LABEL: &str = "crossrole.dev/organization";

/// Label on an AWSAccount that discovery keeps: the account's name, as far as a label can hold it.
pub const ACCOUNT_NAME_LABEL: &str = "crossrole.dev/account-name";

/// Label on an AWSAccount that discovery keeps: the id of the organisational unit, or of the root, that the account is
/// directly in.
pub const UNIT_LABEL: &str = "crossrole.dev/organizational-unit";

/// Prefix of a label for each organisational unit that an account is in, at whatever depth: its id. The value is its name.
pub const UNIT_LABEL_PREFIX: &str = "ou.crossrole.dev/";

/// Prefix of a label for each of an account's tags in the organisation.
pub const TAG_LABEL_PREFIX: &str = "tag.crossrole.dev/";

/// Annotation on an AWSAccount that discovery keeps and that is not simply active: how the account stands.
pub const ORGANIZATION_STATE_ANNOTATION: &str = "crossrole.dev/organization-state";

/// Annotation on an Event on what was done with a role: which doings it has counted, eight characters for each.
pub const COUNTED_ANNOTATION: &str = "crossrole.dev/counted";

/// Who owns the fields that discovery keeps, in server-side apply.
pub const DISCOVERY_MANAGER: &str = "crossrole-discovery";

/// Inline policy that the AWS console puts on a role when somebody revokes its sessions there. It is not drift.
/// Source: IAM User Guide, "Revoking IAM role temporary security credentials".
pub const REVOKE_OLDER_SESSIONS_POLICY: &str = "AWSRevokeOlderSessions";

/// Sid of the one statement of a closed trust policy.
pub const CLOSED_SID: &str = "CrossroleClosed";

/// The controller name in Events and in server-side apply.
pub const CONTROLLER: &str = "crossrole";
