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
}

impl Right {
    /// Whether it is one to change something.
    pub fn writes(self) -> bool {
        !matches!(self, Self::Enter | Self::Free | Self::ReadRole | Self::ReadAccount)
    }
}
