//! Every AWS action that crossrole calls, and the right that each needs in an account. The bootstrap kit, the
//! documentation and the fault tests are made from this list, and no other call leaves this process: `fenced`
//! sees to it.

use std::fmt;

use crossrole_plan::kit::{Call, Right};

macro_rules! actions {
    (
        bootstrap: {$($(#[$doc:meta])* $name:ident => $text:literal, $right:ident;)*}
        grants: {$($(#[$grant_doc:meta])* $grant:ident => $grant_text:literal, $grant_right:ident;)*}
        organization: {$($(#[$reader_doc:meta])* $reader:ident => $reader_text:literal, $reader_right:ident;)*}
        events: {$($(#[$event_doc:meta])* $event:ident => $event_text:literal, $event_right:ident;)*}
    ) => {
        /// An AWS action that crossrole calls. One that several of the roles call is here once for each: they have different
        /// rights to it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action {
            $($(#[$doc])* $name,)*
            $($(#[$grant_doc])* $grant,)*
            $($(#[$reader_doc])* $reader,)*
            $($(#[$event_doc])* $event,)*
        }

        impl Action {
            /// Every action of the bootstrap role, and those by which an account is entered.
            pub const ALL: &'static [Action] = &[$(Action::$name,)*];

            /// Every action of the grant role, and the one by which it is entered.
            pub const OF_GRANTS: &'static [Action] = &[$(Action::$grant,)*];

            /// Every action by which the organisation is read, and the ones by which its reader is entered.
            pub const OF_ORGANIZATION: &'static [Action] = &[$(Action::$reader,)*];

            /// Every action by which events are taken from the queue of the feed, as the operator itself.
            pub const OF_EVENTS: &'static [Action] = &[$(Action::$event,)*];

            /// The action as it stands in IAM policies: `iam:CreateRole`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Action::$name => $text,)*
                    $(Action::$grant => $grant_text,)*
                    $(Action::$reader => $reader_text,)*
                    $(Action::$event => $event_text,)*
                }
            }

            /// The right that the action needs in an account.
            pub fn right(self) -> Right {
                match self {
                    $(Action::$name => Right::$right,)*
                    $(Action::$grant => Right::$grant_right,)*
                    $(Action::$reader => Right::$reader_right,)*
                    $(Action::$event => Right::$event_right,)*
                }
            }

            /// The list as the bootstrap kit takes it.
            pub const CALLS: &'static [Call] = &[$(Call { action: $text, right: Right::$right },)*];

            /// The calls of the grant role, as the kit takes them.
            pub const GRANT_CALLS: &'static [Call] = &[
                $(Call { action: $grant_text, right: Right::$grant_right },)*
            ];

            /// The calls by which the organisation is read, as the kit takes them.
            pub const ORGANIZATION_CALLS: &'static [Call] = &[
                $(Call { action: $reader_text, right: Right::$reader_right },)*
            ];

            /// The calls by which events are taken from the queue of the feed, as the kit takes them.
            pub const EVENT_CALLS: &'static [Call] = &[
                $(Call { action: $event_text, right: Right::$event_right },)*
            ];
        }
    };
}

/// Whose call it is: the roles by which an account is entered have different rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The bootstrap role's, or the operator's own.
    Bootstrap,
    /// The grant role's.
    Grants,
    /// Of whoever reads the organisation: the operator itself, or a role of its own.
    Organization,
    /// Of the operator itself, at the queue of the feed.
    Events,
}

impl Side {
    /// The role whose calls they are, in a word: `bootstrap`.
    pub(super) fn role(self) -> &'static str {
        match self {
            Self::Bootstrap => "bootstrap",
            Self::Grants => "grant",
            Self::Organization => "organization",
            Self::Events => "operator's own",
        }
    }
}

actions! {
    bootstrap: {
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
    grants: {
        /// Assumes the grant role.
        AssumeGrantRole => "sts:AssumeRole", EnterToGrant;
        /// Asks whose account answers.
        GetGrantIdentity => "sts:GetCallerIdentity", Free;
        /// Reads which policies there are at the path of grants.
        ListPolicies => "iam:ListPolicies", ListGrants;
        /// Reads a policy and its tags.
        GetPolicy => "iam:GetPolicy", ReadGrants;
        /// Reads what a version of a policy says.
        GetPolicyVersion => "iam:GetPolicyVersion", ReadGrants;
        /// Reads which versions a policy has.
        ListPolicyVersions => "iam:ListPolicyVersions", ReadGrants;
        /// Reads whom a policy is attached to.
        ListEntitiesForPolicy => "iam:ListEntitiesForPolicy", ReadGrants;
        /// Reads where a role is that a policy shall be attached to.
        GetGrantee => "iam:GetRole", ReadGrantee;
        /// Makes a policy, with its tags.
        CreatePolicy => "iam:CreatePolicy", WriteGrants;
        /// Makes a version of a policy, in force at once.
        CreatePolicyVersion => "iam:CreatePolicyVersion", WriteGrants;
        /// Deletes a version that is not in force.
        DeletePolicyVersion => "iam:DeletePolicyVersion", WriteGrants;
        /// Sets the tags of a policy; `CreatePolicy` with tags needs it too.
        TagPolicy => "iam:TagPolicy", WriteGrants;
        /// Deletes a policy.
        DeletePolicy => "iam:DeletePolicy", WriteGrants;
        /// Attaches a policy to a group.
        AttachGroupPolicy => "iam:AttachGroupPolicy", GiveToGroup;
        /// Attaches a policy to a role.
        GiveToRole => "iam:AttachRolePolicy", GiveToRole;
        /// Detaches a policy from a group.
        DetachGroupPolicy => "iam:DetachGroupPolicy", TakeFromGroup;
        /// Detaches a policy from a role.
        TakeFromRole => "iam:DetachRolePolicy", TakeFromRole;
        /// Detaches a policy from a user, to whom somebody else attached it.
        DetachUserPolicy => "iam:DetachUserPolicy", TakeFromUser;
    }
    organization: {
        /// Assumes the role that reads the organisation.
        AssumeOrganizationRole => "sts:AssumeRole", EnterToDiscover;
        /// Asks whose account answers.
        GetOrganizationIdentity => "sts:GetCallerIdentity", Free;
        /// Reads the organisation's root.
        ListRoots => "organizations:ListRoots", ReadOrganization;
        /// Reads the units directly in the root or in a unit.
        ListOrganizationalUnitsForParent => "organizations:ListOrganizationalUnitsForParent", ReadOrganization;
        /// Reads the accounts directly in the root or in a unit.
        ListAccountsForParent => "organizations:ListAccountsForParent", ReadOrganization;
        /// Reads an account's tags.
        ListTagsForResource => "organizations:ListTagsForResource", ReadOrganization;
        /// Reads whether an account that no unit lists is in the organisation.
        DescribeAccount => "organizations:DescribeAccount", ReadOrganization;
    }
    events: {
        /// Takes up to ten messages from the queue.
        ReceiveMessage => "sqs:ReceiveMessage", ConsumeEvents;
        /// Deletes messages that were handled, up to ten at once.
        DeleteMessage => "sqs:DeleteMessage", ConsumeEvents;
    }
}

impl Action {
    /// Whether the action changes something.
    pub fn writes(self) -> bool {
        self.right().writes()
    }

    /// Whether it gives somebody leave, or makes what can: its failure is no reason to take nothing away.
    pub fn gives(self) -> bool {
        matches!(self, Self::CreatePolicy | Self::AttachGroupPolicy | Self::GiveToRole)
    }

    /// Whether it is how an account is entered, as the operator itself.
    pub fn enters(self) -> bool {
        self.right().enters()
    }

    /// Every action of a side.
    pub fn of(side: Side) -> &'static [Self] {
        match side {
            Side::Bootstrap => Self::ALL,
            Side::Grants => Self::OF_GRANTS,
            Side::Organization => Self::OF_ORGANIZATION,
            Side::Events => Self::OF_EVENTS,
        }
    }

    /// Whose call it is.
    pub fn side(self) -> Side {
        if Self::OF_GRANTS.contains(&self) {
            Side::Grants
        } else if Self::OF_ORGANIZATION.contains(&self) {
            Side::Organization
        } else if Self::OF_EVENTS.contains(&self) {
            Side::Events
        } else {
            Side::Bootstrap
        }
    }

    /// The action that an operation of a service is, as the SDK names both (`IAM`, `GetRole`). `None`: crossrole makes no
    /// such call as this role.
    pub fn of_operation(side: Side, service: &str, operation: &str) -> Option<Self> {
        // An operation on several things at once needs the right of the one on each. Source: Service Authorization Reference,
        // "Actions, resources, and condition keys for Amazon SQS".
        let operation = operation.strip_suffix("Batch").unwrap_or(operation);
        let is_it = |action: &&Action| {
            let name = action.as_str().split_once(':');
            name.is_some_and(|(prefix, name)| prefix.eq_ignore_ascii_case(service) && name == operation)
        };
        Self::of(side).iter().find(is_it).copied()
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
