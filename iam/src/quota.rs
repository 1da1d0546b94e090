//! IAM's limits.
//!
//! Sizes are in characters; those of policy documents leave out white space, as
//! [`Document::size`](crate::Document::size) does. Unless said otherwise the source is the IAM User Guide, "IAM and
//! AWS STS quotas". Where a quota can be raised, the account's own figure stands in the answer to
//! `GetAccountSummary` under the key that is named here; the constant is the default.

use crate::name::NameError;

/// Characters of a role's trust policy, white space left out: the default. `AssumeRolePolicySizeQuota`.
pub const TRUST_POLICY_SIZE: usize = 2_048;

/// The most to which [`TRUST_POLICY_SIZE`] is raised on request without AWS looking into it.
pub const TRUST_POLICY_SIZE_RAISED: usize = 4_096;

/// Characters of all inline policies of one role together, white space left out. Cannot be raised.
pub const ROLE_INLINE_POLICIES_SIZE: usize = 10_240;

/// Characters of one managed policy, white space left out. Cannot be raised. `PolicySizeQuota`.
pub const MANAGED_POLICY_SIZE: usize = 6_144;

/// Characters of one policy document as it is sent, white space and all. Sources: IAM API Reference, `CreateRole`
/// (`AssumeRolePolicyDocument`), `PutRolePolicy` and `CreatePolicy` (`PolicyDocument`).
pub const DOCUMENT_TEXT_SIZE: usize = 131_072;

/// The most that somebody may write for all policies of one kind of a role, white space left out. It is far beyond what IAM
/// takes, for escapes and variables become shorter on the way, and it bounds the work that a document can ask for.
pub const WRITTEN_POLICIES_SIZE: usize = 4 * ROLE_INLINE_POLICIES_SIZE;

/// Managed policies attached to one role: the default. `AttachedPoliciesPerRoleQuota`.
pub const ROLE_MANAGED_POLICIES: usize = 10;

/// Managed policies attached to one group. Cannot be raised. `AttachedPoliciesPerGroupQuota`.
pub const GROUP_MANAGED_POLICIES: usize = 10;

/// Roles in one account: the default. `RolesQuota`.
pub const ROLES: usize = 1_000;

/// Tags on one role. Cannot be raised.
pub const ROLE_TAGS: usize = 50;

/// Versions that a managed policy keeps. Cannot be raised. `VersionsPerPolicyQuota`.
pub const MANAGED_POLICY_VERSIONS: usize = 5;

/// The shortest `MaxSessionDuration` of a role, in seconds. Source: IAM API Reference, `CreateRole`.
pub const MAX_SESSION_DURATION_LEAST: u32 = 3_600;

/// The longest `MaxSessionDuration` of a role, in seconds. Source: IAM API Reference, `CreateRole`.
pub const MAX_SESSION_DURATION_MOST: u32 = 43_200;

/// The shortest session that can be asked for, in seconds. Source: AWS STS API Reference, `AssumeRole`.
pub const SESSION_DURATION_LEAST: u32 = 900;

/// The longest session that a session of another role can ask for (role chaining), in seconds. Source: IAM User
/// Guide, "Roles terms and concepts".
pub const CHAINED_SESSION_DURATION_MOST: u32 = 3_600;

/// Characters of a role's description. Source: IAM API Reference, `CreateRole`.
pub const DESCRIPTION_SIZE: usize = 1_000;

/// Characters of a role session name. Source: AWS STS API Reference, `AssumeRole`.
pub const ROLE_SESSION_NAME_SIZE: usize = 64;

/// The keys under which `GetAccountSummary` tells an account's own quotas, with what crossrole assumes where one
/// is missing.
pub const SUMMARY_KEYS: [(&str, usize); 4] = [
    ("AssumeRolePolicySizeQuota", TRUST_POLICY_SIZE),
    ("AttachedPoliciesPerRoleQuota", ROLE_MANAGED_POLICIES),
    ("PolicySizeQuota", MANAGED_POLICY_SIZE),
    ("RolesQuota", ROLES),
];

/// The characters of a text that count against quotas: all but white space.
#[must_use]
pub fn size(text: &str) -> usize {
    text.chars()
        .filter(|character| !character.is_ascii_whitespace())
        .count()
}

/// Whether a session duration, in seconds, may be a role's maximum: 3,600 (one hour) to 43,200 (twelve).
#[must_use]
pub fn is_max_session_duration(seconds: u32) -> bool {
    (MAX_SESSION_DURATION_LEAST..=MAX_SESSION_DURATION_MOST).contains(&seconds)
}

/// Checks the description of a role: at most 1,000 characters out of tab, line feed, carriage return, printable
/// ASCII and U+00A1 to U+00FF.
///
/// Source: IAM API Reference, `CreateRole` (`Description`).
///
/// # Errors
/// A [`NameError`] that says which rule the description breaks.
pub fn check_description(text: &str) -> Result<(), NameError> {
    const WHAT: &str = "description";
    let length = text.chars().count();
    if length > DESCRIPTION_SIZE {
        return Err(NameError::new(
            WHAT,
            text,
            format!("has {length} characters; at most {DESCRIPTION_SIZE} are allowed"),
        ));
    }
    let allowed = |character: char| matches!(character, '\t' | '\n' | '\r' | ' '..='~' | '\u{a1}'..='\u{ff}');
    match text.chars().find(|character| !allowed(*character)) {
        Some(character) => Err(NameError::new(
            WHAT,
            text,
            format!("has the character {character:?}; IAM takes printable ASCII and U+00A1 to U+00FF"),
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_lasts_from_one_hour_to_twelve() {
        assert!(is_max_session_duration(3_600));
        assert!(is_max_session_duration(43_200));
        assert!(!is_max_session_duration(3_599));
        assert!(!is_max_session_duration(43_201));
    }

    #[test]
    fn a_description_has_at_most_1000_latin_characters() {
        assert_eq!(check_description(""), Ok(()));
        assert_eq!(check_description("Prüfung, read-only\n\tsecond line"), Ok(()));
        assert_eq!(check_description(&"a".repeat(1_000)), Ok(()));
        assert!(check_description(&"a".repeat(1_001)).is_err());
        for text in ["€", "\u{7f}", "\u{a0}", "\u{0}", "日"] {
            assert!(check_description(text).is_err(), "{text:?}");
        }
    }
}
