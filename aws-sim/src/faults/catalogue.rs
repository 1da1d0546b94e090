//! Errors by short names, with the code, status and sentence that AWS gives them, and which action can give which.
//!
//! Codes and statuses are those of the API references of IAM and STS (the errors of each action, and the errors common
//! to all). The references describe errors without giving the sentences; these are as clients have reported them.

use super::matching::Subject;
use super::sentence::sentence;
use crate::wire::error::AwsError;

/// Short name, code and status. Most names are codes; three codes have more than one cause.
const ERRORS: [(&str, &str, u16); 27] = [
    ("Throttling", "Throttling", 400),
    ("ServiceFailure", "ServiceFailure", 500),
    ("ConcurrentModification", "ConcurrentModification", 409),
    ("EntityTemporarilyUnmodifiable", "EntityTemporarilyUnmodifiable", 409),
    ("AccessDenied", "AccessDenied", 403),
    ("ServiceControlPolicy", "AccessDenied", 403),
    ("PermissionsBoundary", "AccessDenied", 403),
    ("MalformedPolicyDocument", "MalformedPolicyDocument", 400),
    ("InvalidPrincipal", "MalformedPolicyDocument", 400),
    ("NoSuchEntity", "NoSuchEntity", 404),
    ("EntityAlreadyExists", "EntityAlreadyExists", 409),
    ("DeleteConflict", "DeleteConflict", 409),
    ("LimitExceeded", "LimitExceeded", 409),
    ("UnmodifiableEntity", "UnmodifiableEntity", 400),
    ("PolicyNotAttachable", "PolicyNotAttachable", 400),
    ("InvalidInput", "InvalidInput", 400),
    ("ValidationError", "ValidationError", 400),
    ("ExpiredToken", "ExpiredToken", 403),
    ("InvalidClientTokenId", "InvalidClientTokenId", 403),
    ("SignatureDoesNotMatch", "SignatureDoesNotMatch", 403),
    ("RequestExpired", "RequestExpired", 400),
    ("OptInRequired", "OptInRequired", 403),
    ("RegionDisabled", "RegionDisabledException", 403),
    ("PackedPolicyTooLarge", "PackedPolicyTooLarge", 400),
    ("ServiceUnavailable", "ServiceUnavailable", 503),
    ("InternalFailure", "InternalFailure", 500),
    ("RequestTimeout", "RequestTimeout", 400),
];

/// What every action can give.
const COMMON: [&str; 11] = [
    "Throttling",
    "AccessDenied",
    "ValidationError",
    "ExpiredToken",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "RequestExpired",
    "OptInRequired",
    "ServiceUnavailable",
    "InternalFailure",
    "RequestTimeout",
];

/// What each action can give besides.
const ACTIONS: [(&str, &[&str]); 42] = [
    (
        "CreateRole",
        &[
            "ConcurrentModification",
            "EntityAlreadyExists",
            "InvalidInput",
            "LimitExceeded",
            "MalformedPolicyDocument",
            "InvalidPrincipal",
        ],
    ),
    ("GetRole", &["NoSuchEntity"]),
    ("ListRoles", &[]),
    ("UpdateRole", &["NoSuchEntity", "UnmodifiableEntity"]),
    ("UpdateRoleDescription", &["NoSuchEntity", "UnmodifiableEntity"]),
    (
        "UpdateAssumeRolePolicy",
        &[
            "LimitExceeded",
            "MalformedPolicyDocument",
            "InvalidPrincipal",
            "NoSuchEntity",
            "UnmodifiableEntity",
        ],
    ),
    (
        "DeleteRole",
        &[
            "ConcurrentModification",
            "DeleteConflict",
            "LimitExceeded",
            "NoSuchEntity",
            "UnmodifiableEntity",
        ],
    ),
    (
        "TagRole",
        &[
            "ConcurrentModification",
            "InvalidInput",
            "LimitExceeded",
            "NoSuchEntity",
        ],
    ),
    ("UntagRole", &["ConcurrentModification", "NoSuchEntity"]),
    ("ListRoleTags", &["NoSuchEntity"]),
    (
        "PutRolePolicy",
        &[
            "LimitExceeded",
            "MalformedPolicyDocument",
            "NoSuchEntity",
            "UnmodifiableEntity",
        ],
    ),
    ("GetRolePolicy", &["NoSuchEntity"]),
    (
        "DeleteRolePolicy",
        &["LimitExceeded", "NoSuchEntity", "UnmodifiableEntity"],
    ),
    ("ListRolePolicies", &["NoSuchEntity"]),
    (
        "AttachRolePolicy",
        &[
            "InvalidInput",
            "LimitExceeded",
            "NoSuchEntity",
            "PolicyNotAttachable",
            "UnmodifiableEntity",
        ],
    ),
    (
        "DetachRolePolicy",
        &["InvalidInput", "LimitExceeded", "NoSuchEntity", "UnmodifiableEntity"],
    ),
    ("ListAttachedRolePolicies", &["InvalidInput", "NoSuchEntity"]),
    (
        "PutRolePermissionsBoundary",
        &[
            "InvalidInput",
            "NoSuchEntity",
            "PolicyNotAttachable",
            "UnmodifiableEntity",
        ],
    ),
    ("DeleteRolePermissionsBoundary", &["NoSuchEntity", "UnmodifiableEntity"]),
    (
        "CreateInstanceProfile",
        &[
            "ConcurrentModification",
            "EntityAlreadyExists",
            "InvalidInput",
            "LimitExceeded",
        ],
    ),
    ("GetInstanceProfile", &["NoSuchEntity"]),
    (
        "DeleteInstanceProfile",
        &["DeleteConflict", "LimitExceeded", "NoSuchEntity"],
    ),
    (
        "AddRoleToInstanceProfile",
        &[
            "EntityAlreadyExists",
            "LimitExceeded",
            "NoSuchEntity",
            "UnmodifiableEntity",
        ],
    ),
    (
        "RemoveRoleFromInstanceProfile",
        &["LimitExceeded", "NoSuchEntity", "UnmodifiableEntity"],
    ),
    ("ListInstanceProfilesForRole", &["NoSuchEntity"]),
    (
        "CreatePolicy",
        &[
            "ConcurrentModification",
            "EntityAlreadyExists",
            "InvalidInput",
            "LimitExceeded",
            "MalformedPolicyDocument",
        ],
    ),
    ("GetPolicy", &["InvalidInput", "NoSuchEntity"]),
    ("GetPolicyVersion", &["InvalidInput", "NoSuchEntity"]),
    (
        "CreatePolicyVersion",
        &[
            "InvalidInput",
            "LimitExceeded",
            "MalformedPolicyDocument",
            "NoSuchEntity",
        ],
    ),
    (
        "DeletePolicyVersion",
        &["DeleteConflict", "InvalidInput", "LimitExceeded", "NoSuchEntity"],
    ),
    (
        "SetDefaultPolicyVersion",
        &["InvalidInput", "LimitExceeded", "NoSuchEntity"],
    ),
    ("ListEntitiesForPolicy", &["InvalidInput", "NoSuchEntity"]),
    (
        "AttachGroupPolicy",
        &["InvalidInput", "LimitExceeded", "NoSuchEntity", "PolicyNotAttachable"],
    ),
    ("DetachGroupPolicy", &["InvalidInput", "LimitExceeded", "NoSuchEntity"]),
    (
        "TagPolicy",
        &[
            "ConcurrentModification",
            "InvalidInput",
            "LimitExceeded",
            "NoSuchEntity",
        ],
    ),
    ("ListPolicyVersions", &["InvalidInput", "NoSuchEntity"]),
    (
        "DeletePolicy",
        &["DeleteConflict", "InvalidInput", "LimitExceeded", "NoSuchEntity"],
    ),
    ("GetAccountSummary", &[]),
    ("GetAccountAuthorizationDetails", &[]),
    (
        "AssumeRole",
        &["MalformedPolicyDocument", "PackedPolicyTooLarge", "RegionDisabled"],
    ),
    ("GetCallerIdentity", &[]),
    ("GetSessionToken", &["RegionDisabled"]),
];

/// One error, as tests ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) code: &'static str,
    pub(crate) status: u16,
}

/// All errors that have a short name.
pub(crate) fn all() -> impl Iterator<Item = Known> {
    ERRORS.iter().map(|(name, code, status)| Known {
        name,
        code,
        status: *status,
    })
}

/// The short names of what an action can give, without those that a service control policy or a boundary gives it.
/// `None` if the action is not known. Only the actions of IAM fail with `ServiceFailure`.
pub(crate) fn of_action(action: &str) -> Option<Vec<&'static str>> {
    let (_, own) = ACTIONS.iter().find(|(known, _)| *known == action)?;
    let failure = (!is_sts(action)).then_some("ServiceFailure");
    Some(own.iter().copied().chain(failure).chain(COMMON).collect())
}

/// The actions that are known.
pub(crate) fn actions() -> impl Iterator<Item = &'static str> {
    ACTIONS.iter().map(|(action, _)| *action)
}

fn is_sts(action: &str) -> bool {
    matches!(action, "AssumeRole" | "GetCallerIdentity" | "GetSessionToken")
}

/// Says what is wrong with a short name, if anything is.
pub(super) fn check(name: &str) -> Result<(), String> {
    if all().any(|known| known.name == name) {
        return Ok(());
    }
    let names: Vec<_> = all().map(|known| known.name).collect();
    Err(format!("{name} is none of {}", names.join(", ")))
}

/// The error of a short name, in words that fit the call.
pub(super) fn error(name: &str, subject: &Subject<'_>) -> AwsError {
    let (code, status) = all()
        .find(|known| known.name == name)
        .map_or((name, 400), |known| (known.code, known.status));
    AwsError::new(status, code, sentence(name, subject))
}

#[cfg(test)]
mod tests {
    use super::{COMMON, actions, all, check, of_action};

    #[test]
    fn every_action_gives_only_errors_that_have_a_short_name() {
        for action in actions() {
            let codes = of_action(action).unwrap_or_default();
            assert!(codes.len() > COMMON.len() || action == "GetCallerIdentity", "{action}");
            for code in codes {
                assert_eq!(check(code), Ok(()), "{action}");
            }
        }
        assert_eq!(of_action("DeleteEverything"), None);
        assert!(check("Trottling").is_err());
    }

    #[test]
    fn no_name_stands_twice() {
        let mut names: Vec<_> = all().map(|known| known.name).chain(actions()).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
