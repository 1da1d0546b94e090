//! Which refusals say that the class no longer allows a role that is there.

use crossrole_api::Reason;

/// Whether a refusal for this reason says that the class's rules forbid the role. Input that is malformed, and roles that
/// crossrole never touches, are something else: those never close anything.
///
/// `TooManyRoles` is none: it refuses new roles, and existing ones stay.
pub fn is_violation(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::NamespaceNotAllowed
            | Reason::PathNotAllowed
            | Reason::BoundaryNotAllowed
            | Reason::TrustNotAllowed
            | Reason::MfaRequired
            | Reason::ExternalIdRequired
            | Reason::SessionTooLong
            | Reason::PolicyNotAllowed
            | Reason::InlinePolicyNotAllowed
            | Reason::TagNotAllowed
    )
}
