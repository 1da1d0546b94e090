//! Every AWS action that crossrole calls, and the right that each needs in an account. The bootstrap kit, the
//! documentation and the fault tests are made from this list, and no other call leaves this process: `fenced`
//! sees to it.

use std::fmt;

use crossrole_plan::kit::{Call, Right};

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident => $text:literal, $right:ident;)*) => {
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

            /// The right that the action needs in an account.
            pub fn right(self) -> Right {
                match self { $(Action::$name => Right::$right,)* }
            }

            /// The list as the bootstrap kit takes it.
            pub const CALLS: &'static [Call] = &[$(Call { action: $text, right: Right::$right },)*];
        }
    };
}

actions! {
    /// Assumes the bootstrap role.
    AssumeRole => "sts:AssumeRole", Enter;
    /// Asks whose account answers.
    GetCallerIdentity => "sts:GetCallerIdentity", Free;
    /// Reads descriptions and session durations of all roles.
    ListRoles => "iam:ListRoles", ReadAccount;
    /// Reads everything else of all roles.
    GetAccountAuthorizationDetails => "iam:GetAccountAuthorizationDetails", ReadAccount;
    /// Reads a role.
    GetRole => "iam:GetRole", ReadRole;
    /// Reads a role's attached policies.
    ListAttachedRolePolicies => "iam:ListAttachedRolePolicies", ReadRole;
    /// Reads the names of a role's inline policies.
    ListRolePolicies => "iam:ListRolePolicies", ReadRole;
    /// Reads an inline policy.
    GetRolePolicy => "iam:GetRolePolicy", ReadRole;
    /// Reads which instance profiles hold a role.
    ListInstanceProfilesForRole => "iam:ListInstanceProfilesForRole", ReadRole;
    /// Reads the account's own quotas.
    GetAccountSummary => "iam:GetAccountSummary", ReadAccount;
    /// Makes a role, with trust, boundary and tags.
    CreateRole => "iam:CreateRole", Make;
    /// Sets description and session duration.
    UpdateRole => "iam:UpdateRole", Narrow;
    /// Sets the trust policy.
    UpdateAssumeRolePolicy => "iam:UpdateAssumeRolePolicy", Narrow;
    /// Sets the boundary.
    PutRolePermissionsBoundary => "iam:PutRolePermissionsBoundary", Widen;
    /// Removes the boundary: only for classes without one.
    DeleteRolePermissionsBoundary => "iam:DeleteRolePermissionsBoundary", TakeBoundaryOff;
    /// Attaches a managed policy.
    AttachRolePolicy => "iam:AttachRolePolicy", Attach;
    /// Detaches a managed policy.
    DetachRolePolicy => "iam:DetachRolePolicy", Narrow;
    /// Puts an inline policy.
    PutRolePolicy => "iam:PutRolePolicy", Widen;
    /// Deletes an inline policy.
    DeleteRolePolicy => "iam:DeleteRolePolicy", Narrow;
    /// Sets tags.
    TagRole => "iam:TagRole", Narrow;
    /// Removes tags.
    UntagRole => "iam:UntagRole", Narrow;
    /// Takes a role out of an instance profile.
    RemoveRoleFromInstanceProfile => "iam:RemoveRoleFromInstanceProfile", LeaveInstanceProfile;
    /// Deletes a role.
    DeleteRole => "iam:DeleteRole", Narrow;
}

impl Action {
    /// Whether the action changes something.
    pub fn writes(self) -> bool {
        self.right().writes()
    }

    /// The action that an operation of a service is, as the SDK names both (`IAM`, `GetRole`). `None`: crossrole makes no
    /// such call.
    pub fn of_operation(service: &str, operation: &str) -> Option<Self> {
        let is_it = |action: &&Action| {
            let name = action.as_str().split_once(':');
            name.is_some_and(|(prefix, name)| prefix.eq_ignore_ascii_case(service) && name == operation)
        };
        Self::ALL.iter().find(is_it).copied()
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
