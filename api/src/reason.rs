//! The closed list of reasons that a condition or an account's entry can give.
//!
//! Each has its section in `docs/conditions.md`: what it means, and what to do. A test compares the two.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Why a condition or an entry is as it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[schemars(with = "String")]
        pub enum Reason {
            $($(#[$doc])* $name,)*
            /// A reason written by another version of crossrole; it is replaced at the next look.
            #[serde(other)]
            Unknown,
        }

        impl Reason {
            /// Every reason that this version gives.
            pub const ALL: &'static [Reason] = &[$(Reason::$name,)*];

            /// The reason as it stands in conditions, Events and documentation.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Reason::$name => stringify!($name),)*
                    Reason::Unknown => "Unknown",
                }
            }
        }
    };
}

reasons! {
    // Ready.
    /// The account holds what the object declares.
    InSync,
    // Pending and progressing.
    /// The account is about to be looked at, or written to.
    Waiting,
    /// The account is `Paused`; no call is made.
    AccountPaused,
    /// The object says `mode: Observe`, and the account does not hold what is declared.
    WouldChange,
    /// The object says `suspend: true`.
    Suspended,
    // Retrying: heals by itself.
    /// AWS asks for fewer calls.
    Throttled,
    /// AWS did not answer, or answered that it is broken.
    AWSUnavailable,
    /// Somebody else is changing the same role at the same time.
    ConcurrentChange,
    /// IAM does not show a change of ours everywhere yet.
    Propagating,
    /// Somebody put another role in the place of ours; it is closed, its sessions are ended, and it is made as declared.
    RoleReplaced,
    /// A principal that the trust policy names does not exist, or not yet everywhere.
    PrincipalNotFound,
    /// AWS gave an answer that crossrole does not know.
    UnexpectedAnswer,
    // Refused: a person must act. Kubernetes side.
    /// The object selects no account.
    NoAccounts,
    /// There is no AWSAccount of that name.
    AccountNotFound,
    /// Another, older AWSAccount has the same account id.
    DuplicateAccount,
    /// The AWSAccount is being deleted and takes no new roles.
    AccountTerminating,
    /// The AWSAccount names a class that does not exist.
    ClassNotFound,
    /// The AccountClass contradicts itself.
    InvalidClass,
    /// The account is of another partition than the operator's identity.
    PartitionMismatch,
    /// The class does not allow this namespace.
    NamespaceNotAllowed,
    /// A field of the object cannot be what it is.
    InvalidSpec,
    /// The AssumeRoleGrant selects no CrossAccountRole that is there.
    NoRoles,
    /// The class has `discovery`, and the operator runs without `--discover-organization`.
    DiscoveryOff,
    /// Two classes name the same account of the organisation equally well.
    AmbiguousClass,
    /// Kubernetes did not take an AWSAccount of the organisation.
    NotWritten,
    // Refused: guardrails.
    /// The class lets nobody grant in its accounts, or not to that group or role.
    GrantNotAllowed,
    /// The role's path is not at or below the class's `rolePath`.
    PathNotAllowed,
    /// The name or path is one that crossrole never touches.
    ProtectedRole,
    /// A permissions boundary that the class does not leave to the object.
    BoundaryNotAllowed,
    /// The trust policy would admit somebody whom the class does not list.
    TrustNotAllowed,
    /// IAM users would get in without MFA.
    MfaRequired,
    /// A statement lacks the external id that the class requires.
    ExternalIdRequired,
    /// Sessions would last longer than the class allows.
    SessionTooLong,
    /// A managed policy that the class does not allow.
    PolicyNotAllowed,
    /// An inline policy that the class does not allow.
    InlinePolicyNotAllowed,
    /// A tag key that the class does not allow.
    TagNotAllowed,
    /// The namespace has as many roles as the class allows.
    TooManyRoles,
    // Refused: what the account holds.
    /// A role of that name is there, and crossrole did not make it.
    ForeignRole,
    /// A policy of that name is there, and it is not the grant's.
    ForeignPolicy,
    /// Another object holds the role of that name, or claimed it first.
    HeldByAnother,
    /// The role is there with another path, and IAM cannot change a path.
    PathIsImmutable,
    // Refused: what AWS says.
    /// The bootstrap role could not be assumed.
    BootstrapDenied,
    /// The grant role could not be assumed.
    GrantRoleDenied,
    /// The role that reads the organisation could not be assumed.
    OrganizationRoleDenied,
    /// The group or role that a grant is given to is not there.
    GranteeNotFound,
    /// The bootstrap role belongs to another account than the AWSAccount says.
    WrongAccount,
    /// The bootstrap role lacks a right in the account.
    PermissionDenied,
    /// A managed policy or a boundary does not exist in the account.
    PolicyNotFound,
    /// A quota of the account is used up.
    QuotaExceeded,
    /// AWS refused a policy document or a value.
    RefusedByAWS,
    /// AWS does not let this role be changed.
    Unmodifiable,
    // Half open.
    /// The grant lets its groups and roles ask for a role whose trust does not admit them.
    GrantedNotTrusted,
    /// A role's trust admits the account, and no grant lets anybody there ask for it.
    TrustedNotGranted,
    // Nobody to tell.
    /// The class has no notifier of the name that the object asks for.
    NotifierNotFound,
    // Removing.
    /// The role is being removed, because the object no longer selects the account.
    Deselected,
    /// The role is being removed, because the object is being deleted.
    Deleting,
    /// More roles would be removed at once than the brake lets through.
    TooManyRemovals,
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
