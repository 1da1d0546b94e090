//! The rights that calls need.

/// A call that crossrole makes, and what it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The action as it stands in IAM policies: `iam:CreateRole`.
    pub action: &'static str,
    /// What it needs.
    pub right: Right,
}

/// Where an action is allowed, and under which conditions. Source of resources and condition keys: Service Authorization
/// Reference, "Actions, resources, and condition keys for AWS Identity and Access Management".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    /// To get into an account: the operator's own identity has it, on bootstrap roles.
    Enter,
    /// Nobody needs a right for it.
    Free,
    /// To read one role, on every role: while a role does not exist, IAM knows no path for it.
    ReadRole,
    /// To read what belongs to no single role.
    ReadAccount,
    /// To make a role, below `rolePath`, with the boundary.
    Make,
    /// To let a role do more, on a role with the boundary.
    Widen,
    /// To let a role do what a managed policy allows, on a role with the boundary; listed policies alone.
    Attach,
    /// To let a role do less, to repair it, or to remove it: also on a role whose boundary somebody took off.
    Narrow,
    /// To take a boundary off: only where the class has none.
    TakeBoundaryOff,
    /// To take a role out of an instance profile, which stands in the way of removing it.
    LeaveInstanceProfile,
    /// To be the grant role: the operator's own identity has it, on grant roles.
    EnterToGrant,
    /// To see which policies there are: the grant role's, on all.
    ListGrants,
    /// To read a policy of grants: the grant role's.
    ReadGrants,
    /// To read a role that the class lists: the grant role's.
    ReadGrantee,
    /// To write and remove policies, at the path of grants alone: the grant role's.
    WriteGrants,
    /// To attach such a policy to a group that the class lists: the grant role's.
    GiveToGroup,
    /// To attach such a policy to a role that the class lists: the grant role's.
    GiveToRole,
    /// To detach such a policy from a group, a role or a user, whoever attached it: the grant role's.
    TakeFromGroup,
    /// From a role.
    TakeFromRole,
    /// From a user.
    TakeFromUser,
    /// To be the role that reads the organisation: the operator's own identity has it, where that is another.
    EnterToDiscover,
    /// To take events from the queue of the feed: the operator's own.
    ConsumeEvents,
    /// To read the organisation: its management account's, or a delegated administrator's.
    ReadOrganization,
}

impl Right {
    /// Whether it is how an account is entered.
    pub fn enters(self) -> bool {
        matches!(self, Self::Enter | Self::EnterToGrant | Self::EnterToDiscover)
    }

    /// Whether it is one to change something.
    pub fn writes(self) -> bool {
        !matches!(
            self,
            Self::Enter
                | Self::EnterToGrant
                | Self::Free
                | Self::ReadRole
                | Self::ReadAccount
                | Self::ListGrants
                | Self::ReadGrants
                | Self::ReadGrantee
                | Self::EnterToDiscover
                | Self::ReadOrganization
                | Self::ConsumeEvents
        )
    }
}
