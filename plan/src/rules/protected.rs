//! Roles that others depend on: never named, never adopted.

use crossrole_iam::{Path, RoleName};

/// Names that others made, and that whole organisations depend on. Sources: AWS Organizations User Guide, "Accessing
/// member accounts"; AWS Control Tower User Guide, "How AWS Control Tower works with roles".
pub(crate) const PROTECTED_NAMES: [&str; 2] = ["OrganizationAccountAccessRole", "AWSControlTowerExecution"];

/// Paths that belong to AWS. Source: IAM User Guide, "Service-linked roles" and "IAM identifiers".
pub(crate) const PROTECTED_PATHS: [&str; 2] = ["/aws-service-role/", "/aws-reserved/"];

/// Why a role is never touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protected {
    /// Its path belongs to AWS.
    Path,
    /// Its name is one that an organisation depends on. IAM compares names without regard to case.
    Name,
}

/// Whether a role is one that crossrole never touches, and why.
pub(crate) fn protected_because(path: &Path, name: &RoleName) -> Option<Protected> {
    let folded = |text: &str| text.to_ascii_lowercase();
    if PROTECTED_PATHS
        .iter()
        .any(|protected| folded(path.as_str()).starts_with(protected))
    {
        return Some(Protected::Path);
    }
    PROTECTED_NAMES
        .iter()
        .any(|protected| protected.eq_ignore_ascii_case(name.as_str()))
        .then_some(Protected::Name)
}
