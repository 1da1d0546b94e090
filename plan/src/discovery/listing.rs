//! The organisation as it was read.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_iam::{AccountId, Partition};

use crate::declaration::OrganizationId;

/// All accounts of an organisation, as it lists them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The organisation's id.
    pub organization: OrganizationId,
    /// Its management account. Discovery leaves it alone: no policy of the organisation limits what is done there.
    /// Source: AWS Organizations User Guide, "Service control policies (SCPs)".
    pub management_account: AccountId,
    /// Its partition.
    pub partition: Partition,
    /// The id of its root.
    pub root: String,
    /// Its accounts, each once, without the management account.
    pub accounts: Vec<Listed>,
    /// Accounts that were moved or removed while the organisation was read: nothing is concluded from what was read of them.
    pub unsettled: BTreeSet<AccountId>,
}

impl Listing {
    /// Concludes nothing from what was read of these accounts.
    pub fn set_aside(&mut self, is_to_be: impl Fn(&Listed) -> bool) {
        let (aside, rest) = std::mem::take(&mut self.accounts).into_iter().partition(is_to_be);
        self.accounts = rest;
        let aside: Vec<Listed> = aside;
        self.unsettled.extend(aside.into_iter().map(|listed| listed.id));
    }
}

/// An account as its organisation lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub id: AccountId,
    /// Its name.
    pub name: String,
    /// How it stands.
    pub standing: Standing,
    /// The organisational units that it is in, the uppermost first; none where it is directly in the root.
    pub units: Vec<Unit>,
    /// Its tags in the organisation; empty where no class can be interested in it.
    pub tags: BTreeMap<String, String>,
}

/// An organisational unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Its id: `ou-a1b2-c3d4e5f6`.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// How an account stands in its organisation. Source: AWS Organizations API Reference, `Account` (`State`), and User Guide,
/// "Monitor the state of your AWS accounts".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// It can be used.
    Active,
    /// It was made, and cannot be used yet.
    PendingActivation,
    /// AWS lets nobody use it. What says so with `Status`, as AWS did, says it of closed accounts too.
    Suspended,
    /// It is being closed.
    PendingClosure,
    /// Somebody closed it: for 90 days it can be opened again. After that the organisation no longer lists it.
    Closed,
    /// A state that this version does not know.
    Unknown,
}

impl Standing {
    /// Reads the state as AWS writes it.
    pub fn of(text: &str) -> Self {
        match text {
            "ACTIVE" => Self::Active,
            "PENDING_ACTIVATION" => Self::PendingActivation,
            "SUSPENDED" => Self::Suspended,
            "PENDING_CLOSURE" => Self::PendingClosure,
            "CLOSED" => Self::Closed,
            _ => Self::Unknown,
        }
    }

    /// As AWS writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::PendingActivation => "PENDING_ACTIVATION",
            Self::Suspended => "SUSPENDED",
            Self::PendingClosure => "PENDING_CLOSURE",
            Self::Closed => "CLOSED",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// Every state that AWS names.
    pub(super) const SAID: [Self; 5] = [
        Self::Active,
        Self::PendingActivation,
        Self::Suspended,
        Self::PendingClosure,
        Self::Closed,
    ];
}
