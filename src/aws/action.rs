//! Every AWS action that crossrole calls. The documentation, the bootstrap role's rights and the fault tests are made
//! from this list.

use std::fmt;

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident => $text:literal, $writes:literal;)*) => {
        /// An AWS action that crossrole calls.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action {
            $($(#[$doc])* $name,)*
        }

        impl Action {
            /// Every action.
            pub const ALL: &'static [Action] = &[$(Action::$name,)*];

            /// The action as it stands in IAM policies: `iam:CreateRole`.
            pub fn as_str(self) -> &'static str {
                match self { $(Action::$name => $text,)* }
            }

            /// Whether the action changes something.
            pub fn writes(self) -> bool {
                match self { $(Action::$name => $writes,)* }
            }
        }
    };
}

actions! {
    /// Assumes the bootstrap role.
    AssumeRole => "sts:AssumeRole", false;
    /// Asks whose account answers.
    GetCallerIdentity => "sts:GetCallerIdentity", false;
    /// Reads descriptions and session durations of all roles.
    ListRoles => "iam:ListRoles", false;
    /// Reads everything else of all roles.
    GetAccountAuthorizationDetails => "iam:GetAccountAuthorizationDetails", false;
    /// Reads a role.
    GetRole => "iam:GetRole", false;
    /// Reads a role's attached policies.
    ListAttachedRolePolicies => "iam:ListAttachedRolePolicies", false;
    /// Reads the names of a role's inline policies.
    ListRolePolicies => "iam:ListRolePolicies", false;
    /// Reads an inline policy.
    GetRolePolicy => "iam:GetRolePolicy", false;
    /// Reads which instance profiles hold a role.
    ListInstanceProfilesForRole => "iam:ListInstanceProfilesForRole", false;
    /// Reads the account's own quotas.
    GetAccountSummary => "iam:GetAccountSummary", false;
    /// Makes a role, with trust, boundary and tags.
    CreateRole => "iam:CreateRole", true;
    /// Sets description and session duration.
    UpdateRole => "iam:UpdateRole", true;
    /// Sets the trust policy.
    UpdateAssumeRolePolicy => "iam:UpdateAssumeRolePolicy", true;
    /// Sets the boundary.
    PutRolePermissionsBoundary => "iam:PutRolePermissionsBoundary", true;
    /// Removes the boundary: only for classes without one.
    DeleteRolePermissionsBoundary => "iam:DeleteRolePermissionsBoundary", true;
    /// Attaches a managed policy.
    AttachRolePolicy => "iam:AttachRolePolicy", true;
    /// Detaches a managed policy.
    DetachRolePolicy => "iam:DetachRolePolicy", true;
    /// Puts an inline policy.
    PutRolePolicy => "iam:PutRolePolicy", true;
    /// Deletes an inline policy.
    DeleteRolePolicy => "iam:DeleteRolePolicy", true;
    /// Sets tags.
    TagRole => "iam:TagRole", true;
    /// Removes tags.
    UntagRole => "iam:UntagRole", true;
    /// Takes a role out of an instance profile.
    RemoveRoleFromInstanceProfile => "iam:RemoveRoleFromInstanceProfile", true;
    /// Deletes a role.
    DeleteRole => "iam:DeleteRole", true;
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
