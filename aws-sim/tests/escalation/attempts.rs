//! What is tried, and who says no.

pub const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
const AUDIT: &str = "arn:aws:iam::aws:policy/SecurityAudit";
pub const BOUNDARY: &str = "arn:aws:iam::222222222222:policy/crossrole-boundary";
const EVERYTHING: &str = "arn:aws:iam::222222222222:policy/everything";
pub const BOOTSTRAP: &str = "arn:aws:iam::222222222222:role/crossrole-bootstrap";

/// Who says no.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Layer {
    /// Nothing allows it: the kit's Allow statements do not reach so far.
    Nothing,
    /// A Deny of the kit, which holds whatever else the role is given.
    Denied,
    /// The boundary of the role that was made.
    Boundary,
}
use Layer::{Boundary, Denied, Nothing};

impl Layer {
    pub fn said(self) -> &'static str {
        match self {
            Self::Nothing => "because no identity-based policy allows the",
            Self::Denied => "with an explicit deny in an identity-based policy",
            Self::Boundary => "because no permissions boundary allows the",
        }
    }

    /// As the documentation calls it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Nothing => "nothing allows it",
            Self::Denied => "denied",
            Self::Boundary => "boundary",
        }
    }
}

/// A name, an action of IAM with its parameters, and who says no. `{all}` is a policy that allows everything, `{itself}` a
/// trust policy that names the bootstrap role.
pub type Attempt = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
    Layer,
);

pub const ROLE: &str = "RoleName";
pub const DOCUMENT: &str = "PolicyDocument";
const TRUST: (&str, &str) = ("AssumeRolePolicyDocument", "{itself}");
const ITSELF: (&str, &str) = (ROLE, "crossrole-bootstrap");
const MANAGED: (&str, &str) = (ROLE, "managed");
const STRIPPED: (&str, &str) = (ROLE, "stripped");
const OUTSIDE: (&str, &str) = (ROLE, "admin");
pub const INLINE: (&str, &str) = ("PolicyName", "p");
const ALL: (&str, &str) = (DOCUMENT, "{all}");
const ADA: (&str, &str) = ("UserName", "ada");

pub const BY_THE_BOOTSTRAP_ROLE: &[Attempt] = &[
    (
        "give itself an inline policy",
        "PutRolePolicy",
        &[ITSELF, INLINE, ALL],
        Denied,
    ),
    (
        "rewrite its own rights",
        "PutRolePolicy",
        &[ITSELF, ("PolicyName", "crossrole"), ALL],
        Denied,
    ),
    (
        "take its own rights' Deny away",
        "DeleteRolePolicy",
        &[ITSELF, ("PolicyName", "crossrole")],
        Denied,
    ),
    (
        "attach a listed policy to itself",
        "AttachRolePolicy",
        &[ITSELF, ("PolicyArn", AUDIT)],
        Denied,
    ),
    (
        "attach AdministratorAccess to itself",
        "AttachRolePolicy",
        &[ITSELF, ("PolicyArn", ADMINISTRATOR)],
        Denied,
    ),
    (
        "let others assume it",
        "UpdateAssumeRolePolicy",
        &[ITSELF, (DOCUMENT, "{itself}")],
        Denied,
    ),
    (
        "lengthen its own sessions",
        "UpdateRole",
        &[ITSELF, ("MaxSessionDuration", "43200")],
        Denied,
    ),
    (
        "change its own boundary",
        "PutRolePermissionsBoundary",
        &[ITSELF, ("PermissionsBoundary", BOUNDARY)],
        Denied,
    ),
    (
        "take a boundary off itself",
        "DeleteRolePermissionsBoundary",
        &[ITSELF],
        Denied,
    ),
    (
        "tag itself",
        "TagRole",
        &[ITSELF, ("Tags.member.1.Key", "a"), ("Tags.member.1.Value", "b")],
        Denied,
    ),
    ("remove itself, to be made anew", "DeleteRole", &[ITSELF], Denied),
    (
        "change the boundary policy",
        "CreatePolicyVersion",
        &[("PolicyArn", BOUNDARY), ALL, ("SetAsDefault", "true")],
        Denied,
    ),
    (
        "go back to an older boundary policy",
        "SetDefaultPolicyVersion",
        &[("PolicyArn", BOUNDARY), ("VersionId", "v1")],
        Denied,
    ),
    (
        "remove the boundary policy",
        "DeletePolicy",
        &[("PolicyArn", BOUNDARY)],
        Denied,
    ),
    (
        "make a policy of its own",
        "CreatePolicy",
        &[("PolicyName", "p"), ALL],
        Nothing,
    ),
    (
        "take the boundary off a role",
        "DeleteRolePermissionsBoundary",
        &[MANAGED],
        Denied,
    ),
    (
        "give a role a wider boundary",
        "PutRolePermissionsBoundary",
        &[MANAGED, ("PermissionsBoundary", EVERYTHING)],
        Nothing,
    ),
    (
        "make a role without a boundary",
        "CreateRole",
        &[(ROLE, "n"), ("Path", "/crossrole/"), TRUST],
        Nothing,
    ),
    (
        "make a role with a wider boundary",
        "CreateRole",
        &[
            (ROLE, "n"),
            ("Path", "/crossrole/"),
            TRUST,
            ("PermissionsBoundary", EVERYTHING),
        ],
        Nothing,
    ),
    (
        "make a role outside the path",
        "CreateRole",
        &[(ROLE, "n"), TRUST, ("PermissionsBoundary", BOUNDARY)],
        Nothing,
    ),
    (
        "make a role at a path that only looks alike",
        "CreateRole",
        &[
            (ROLE, "n"),
            ("Path", "/crossrole-2/"),
            TRUST,
            ("PermissionsBoundary", BOUNDARY),
        ],
        Nothing,
    ),
    (
        "widen a role that lost its boundary",
        "PutRolePolicy",
        &[STRIPPED, INLINE, ALL],
        Nothing,
    ),
    (
        "attach to a role that lost its boundary",
        "AttachRolePolicy",
        &[STRIPPED, ("PolicyArn", AUDIT)],
        Nothing,
    ),
    (
        "attach AdministratorAccess",
        "AttachRolePolicy",
        &[MANAGED, ("PolicyArn", ADMINISTRATOR)],
        Denied,
    ),
    (
        "attach an AWS policy that is not listed",
        "AttachRolePolicy",
        &[MANAGED, ("PolicyArn", "arn:aws:iam::aws:policy/PowerUserAccess")],
        Nothing,
    ),
    (
        "attach a policy of the account that is not listed",
        "AttachRolePolicy",
        &[MANAGED, ("PolicyArn", EVERYTHING)],
        Nothing,
    ),
    (
        "let itself into another's role",
        "UpdateAssumeRolePolicy",
        &[OUTSIDE, (DOCUMENT, "{itself}")],
        Nothing,
    ),
    (
        "widen another's role",
        "PutRolePolicy",
        &[OUTSIDE, INLINE, ALL],
        Nothing,
    ),
    (
        "narrow another's role",
        "DetachRolePolicy",
        &[OUTSIDE, ("PolicyArn", ADMINISTRATOR)],
        Nothing,
    ),
    ("remove another's role", "DeleteRole", &[OUTSIDE], Nothing),
    (
        "let itself into the organisation's role",
        "UpdateAssumeRolePolicy",
        &[(ROLE, "OrganizationAccountAccessRole"), (DOCUMENT, "{itself}")],
        Denied,
    ),
    (
        "pass a role to an instance",
        "AddRoleToInstanceProfile",
        &[MANAGED, ("InstanceProfileName", "web")],
        Nothing,
    ),
    (
        "make an instance profile",
        "CreateInstanceProfile",
        &[("InstanceProfileName", "n")],
        Nothing,
    ),
    (
        "make a service-linked role",
        "CreateServiceLinkedRole",
        &[("AWSServiceName", "autoscaling.amazonaws.com")],
        Denied,
    ),
    ("make a user", "CreateUser", &[("UserName", "n")], Nothing),
    ("make keys of a user", "CreateAccessKey", &[ADA], Nothing),
    ("give a user rights", "PutUserPolicy", &[ADA, INLINE, ALL], Nothing),
    (
        "attach a policy to a user",
        "AttachUserPolicy",
        &[ADA, ("PolicyArn", ADMINISTRATOR)],
        Nothing,
    ),
    (
        "put a user into a group",
        "AddUserToGroup",
        &[ADA, ("GroupName", "admins")],
        Nothing,
    ),
    (
        "give a group rights",
        "PutGroupPolicy",
        &[("GroupName", "admins"), INLINE, ALL],
        Nothing,
    ),
];

/// By a session of a role that the bootstrap role made for itself, with an inline policy that allows everything.
pub const BY_A_ROLE_OF_ITS_OWN: &[Attempt] = &[
    (
        "make a user through a role that it made",
        "CreateUser",
        &[("UserName", "n")],
        Boundary,
    ),
    (
        "rewrite its rights through a role that it made",
        "PutRolePolicy",
        &[ITSELF, INLINE, ALL],
        Boundary,
    ),
    (
        "take a boundary off through a role that it made",
        "DeleteRolePermissionsBoundary",
        &[(ROLE, "own")],
        Boundary,
    ),
    (
        "change the boundary policy through a role that it made",
        "CreatePolicyVersion",
        &[("PolicyArn", BOUNDARY), ALL],
        Boundary,
    ),
    (
        "make a role without a boundary through a role that it made",
        "CreateRole",
        &[(ROLE, "n"), TRUST],
        Boundary,
    ),
];
