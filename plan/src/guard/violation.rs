//! What becomes of an existing role when the class no longer allows it.

use crossrole_api::Reason;
use crossrole_api::class::OnViolation;

use crate::refusal::Refusal;
use crate::rules::Rules;

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

/// What a refusal means for a role that exists: `Close` only where the class says so and the refusal is a violation of
/// its rules.
pub fn consequence(refusal: &Refusal, rules: &Rules) -> OnViolation {
    if is_violation(refusal.reason) {
        rules.on_violation
    } else {
        OnViolation::Freeze
    }
}
