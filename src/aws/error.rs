//! What an answer of AWS means. The one place where error codes are read.

use std::fmt;

use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use crossrole_plan::outcome::Failure;

use super::Action;
use super::action::Side;
use crate::fence::NotLeader;
use crate::telemetry::told;

/// A call that did not do what it was to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallError {
    /// The call.
    pub action: Action,
    /// What it means.
    pub failure: Failure,
    /// The error's code as AWS gave it; empty where there was no answer.
    pub code: String,
    /// The error's text, or what went wrong on the way.
    pub message: String,
    /// Whether the call may have taken effect all the same: AWS did not say that it did not.
    pub unclear: bool,
}

impl CallError {
    /// Reads the error of an SDK call.
    pub fn of<E, R>(action: Action, error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: fmt::Debug,
    {
        match error {
            SdkError::ServiceError(service) => {
                let code = service.err().code().unwrap_or_default().to_string();
                let mut message = service.err().message().unwrap_or_default().to_string();
                if code.is_empty() && message.is_empty() {
                    message = "the answer is none of AWS's: it has no error code".into();
                }
                let failure = classify(action, &code, &message);
                Self {
                    failure,
                    action,
                    unclear: !CREDENTIALS.contains(&code.as_str()) && may_have_worked(failure),
                    code,
                    message,
                }
            }
            other if is_not_leader(std::error::Error::source(other)) => Self {
                unclear: false,
                ..Self::new(action, Failure::NotLeader, told(other))
            },
            other => Self {
                action,
                failure: Failure::Unavailable,
                code: String::new(),
                // The SDK's own Display says "dispatch failure" and keeps the cause to itself.
                message: told(other),
                unclear: true,
            },
        }
    }

    /// The code, as far as crossrole knows it: `NoAnswer` and `Other` stand for all others. `None`: the call was not sent.
    pub fn known_code(&self) -> Option<&str> {
        match self.failure {
            Failure::NotLeader => None,
            _ if self.code.is_empty() => Some("NoAnswer"),
            Failure::Unexpected => Some("Other"),
            _ => Some(&self.code),
        }
    }

    /// Whether a role may have been created, although no answer says so.
    pub fn may_have_created(&self) -> bool {
        self.action == Action::CreateRole && self.unclear
    }

    /// Whether the credentials of the call are not, or no longer, accepted.
    pub fn is_about_credentials(&self) -> bool {
        CREDENTIALS.contains(&self.code.as_str())
    }

    /// An answer that lacks what it must hold.
    pub(super) fn empty(action: Action, what: &str) -> Self {
        Self::new(action, Failure::Unexpected, format!("the answer held no {what}"))
    }

    /// An error that no answer of AWS stands behind.
    pub fn new(action: Action, failure: Failure, message: impl Into<String>) -> Self {
        Self {
            action,
            failure,
            code: String::new(),
            message: message.into(),
            unclear: true,
        }
    }
}

// A role that is there already may be the one of an earlier try whose answer was lost.
fn may_have_worked(failure: Failure) -> bool {
    matches!(
        failure,
        Failure::Unavailable | Failure::Unexpected | Failure::AlreadyExists
    )
}

/// Whether the call was never sent, because the lease is not ours.
fn is_not_leader(cause: Option<&(dyn std::error::Error + 'static)>) -> bool {
    let mut causes = std::iter::successors(cause, |error| error.source());
    causes.any(|cause| cause.is::<NotLeader>())
}

/// Codes that say that the credentials of the call are not, or no longer, accepted.
const CREDENTIALS: [&str; 8] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
    "RequestExpired",
    "MissingAuthenticationToken",
    "IncompleteSignature",
];

/// Codes that ask for fewer calls. Source: the AWS SDK for Rust, `aws_runtime::retries::classifiers::THROTTLING_ERRORS`; without
/// `LimitExceededException`, by which IAM means a quota.
const THROTTLED: [&str; 13] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "TransactionInProgressException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "RequestThrottled",
    "SlowDown",
    "PriorRequestNotComplete",
    "EC2ThrottledException",
];

/// What an error code means. Sources: IAM API Reference, "Common errors" and each action's errors; STS API Reference; AWS
/// Organizations API Reference.
fn classify(action: Action, code: &str, message: &str) -> Failure {
    let sts = action.as_str().starts_with("sts:");
    match code {
        code if THROTTLED.contains(&code) => Failure::Throttled,
        "ServiceFailure"
        | "ServiceException"
        | "ServiceUnavailable"
        | "InternalFailure"
        | "InternalError"
        | "RequestTimeout"
        | "RequestTimeoutException" => Failure::Unavailable,
        // AWS's errors have a code. This one came from something on the way, such as a proxy.
        "" => Failure::Unavailable,
        "ConcurrentModification" | "EntityTemporarilyUnmodifiable" => Failure::Conflict,
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" | "RegionDisabledException" if sts => {
            match action.side() {
                Side::Bootstrap => Failure::BootstrapDenied,
                Side::Grants => Failure::GrantRoleDenied,
                Side::Organization => Failure::OrganizationRoleDenied,
                // It calls no STS.
                Side::Events => Failure::PermissionDenied,
            }
        }
        // "The group with name … cannot be found." Every policy of a grant was seen or made before it is attached.
        "NoSuchEntity" | "NoSuchEntityException"
            if matches!(action, Action::AttachGroupPolicy | Action::GiveToRole)
                && (message.starts_with("The group ") || message.starts_with("The role ")) =>
        {
            Failure::GranteeNotFound
        }
        "NoSuchEntity" | "NoSuchEntityException" if action.side() == Side::Grants => Failure::RoleNotFound,
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => Failure::PermissionDenied,
        // Our own credentials, or those of the session: both are fetched anew, and it heals by itself.
        code if CREDENTIALS.contains(&code) => Failure::Unavailable,
        "MalformedPolicyDocument" | "MalformedPolicyDocumentException" if message.contains("Invalid principal") => {
            Failure::InvalidPrincipal
        }
        "MalformedPolicyDocument"
        | "MalformedPolicyDocumentException"
        | "ValidationError"
        | "InvalidInput"
        | "PolicyNotAttachable"
        | "PackedPolicyTooLarge" => Failure::Malformed,
        // A policy that is not there, and a boundary that is not there: "… does not exist or is not attachable".
        "NoSuchEntity" | "NoSuchEntityException"
            if message.contains("attachable") || message.starts_with("Policy ") =>
        {
            Failure::PolicyNotFound
        }
        "NoSuchEntity" | "NoSuchEntityException" => Failure::RoleNotFound,
        "EntityAlreadyExists" | "EntityAlreadyExistsException" => Failure::AlreadyExists,
        "DeleteConflict" | "DeleteConflictException" => Failure::StillInUse,
        "LimitExceeded" | "LimitExceededException" if uses_up_a_quota(action) => Failure::Quota,
        "UnmodifiableEntity" | "UnmodifiableEntityException" => Failure::Unmodifiable,
        _ => Failure::Unexpected,
    }
}

/// Whether an action can be refused for a quota that is used up. IAM documents `LimitExceeded` for some that take away, too:
/// there a person can do nothing about it, so they are tried again like any answer that nobody can explain.
fn uses_up_a_quota(action: Action) -> bool {
    use Action::{
        AttachGroupPolicy, AttachRolePolicy, CreatePolicy, CreatePolicyVersion, CreateRole, GiveToRole, PutRolePolicy,
        TagPolicy, TagRole, UpdateAssumeRolePolicy,
    };
    matches!(
        action,
        CreateRole
            | PutRolePolicy
            | AttachRolePolicy
            | TagRole
            | UpdateAssumeRolePolicy
            | CreatePolicy
            | CreatePolicyVersion
            | TagPolicy
            | AttachGroupPolicy
            | GiveToRole
    )
}

impl fmt::Display for CallError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", self.action)?;
        if !self.code.is_empty() {
            write!(formatter, "{}: ", self.code)?;
        }
        formatter.write_str(&self.message)?;
        let role = self.action.side().role();
        match self.failure {
            Failure::BootstrapDenied | Failure::GrantRoleDenied if self.action != Action::GetCallerIdentity => write!(
                formatter,
                " (check that the {role} role exists, that its trust policy admits the operator's identity with this externalId, and that the operator's identity may call sts:AssumeRole on it)",
            ),
            Failure::Unavailable if self.is_about_credentials() && self.action.enters() => {
                formatter.write_str(" (AWS does not accept the operator's own credentials)")
            }
            Failure::OrganizationRoleDenied if self.action != Action::GetOrganizationIdentity => formatter.write_str(
                " (check that the role of --organization-role exists, that its trust policy admits the operator's identity, and that the operator's identity may call sts:AssumeRole on it)",
            ),
            Failure::PermissionDenied if self.action.side() == Side::Organization => formatter.write_str(
                " (whoever reads the organisation needs this right, in its management account or as a delegated administrator)",
            ),
            Failure::PermissionDenied if self.action.side() == Side::Events => formatter.write_str(
                " (the operator's own identity needs this right on the queue, and where the queue is another account's, its policy must say so too)",
            ),
            Failure::PermissionDenied => write!(formatter, " (the {role} role lacks this right in the account)"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for CallError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_code_means_another_thing_from_another_service() {
        for (action, code, message, expected) in [
            (Action::AssumeRole, "AccessDenied", "", Failure::BootstrapDenied),
            (Action::AssumeGrantRole, "AccessDenied", "", Failure::GrantRoleDenied),
            (Action::CreateRole, "AccessDenied", "", Failure::PermissionDenied),
            (
                Action::AssumeOrganizationRole,
                "AccessDenied",
                "",
                Failure::OrganizationRoleDenied,
            ),
            (
                Action::ListRoots,
                "AccessDeniedException",
                "",
                Failure::PermissionDenied,
            ),
            (Action::ListRoots, "TooManyRequestsException", "", Failure::Throttled),
            (Action::ListRoots, "ServiceException", "", Failure::Unavailable),
            (
                Action::AttachGroupPolicy,
                "NoSuchEntity",
                "The group with name SecAuditors cannot be found.",
                Failure::GranteeNotFound,
            ),
            (
                Action::AttachGroupPolicy,
                "NoSuchEntity",
                "Policy arn:aws:iam::1:policy/crossrole-grants/a.b.1 does not exist or is not attachable.",
                Failure::RoleNotFound,
            ),
            (Action::CreatePolicyVersion, "LimitExceeded", "", Failure::Quota),
            (Action::AttachGroupPolicy, "LimitExceeded", "", Failure::Quota),
            (Action::GetRole, "ExpiredToken", "", Failure::Unavailable),
            (Action::AssumeRole, "ExpiredToken", "", Failure::Unavailable),
            (
                Action::CreateRole,
                "MalformedPolicyDocument",
                "Invalid principal in policy: \"AWS\":\"x\"",
                Failure::InvalidPrincipal,
            ),
            (
                Action::CreateRole,
                "MalformedPolicyDocument",
                "Syntax error",
                Failure::Malformed,
            ),
            (
                Action::AttachRolePolicy,
                "NoSuchEntity",
                "Policy arn:aws:iam::aws:policy/X does not exist or is not attachable.",
                Failure::PolicyNotFound,
            ),
            (
                Action::CreateRole,
                "NoSuchEntity",
                "Scope ARN: arn:aws:iam::1:policy/b does not exist or is not attachable.",
                Failure::PolicyNotFound,
            ),
            (
                Action::PutRolePolicy,
                "NoSuchEntity",
                "The role with name x cannot be found.",
                Failure::RoleNotFound,
            ),
            (
                Action::DeleteRole,
                "DeleteConflict",
                "Cannot delete entity, must detach all policies first.",
                Failure::StillInUse,
            ),
            (Action::PutRolePolicy, "Nonsense", "", Failure::Unexpected),
            (Action::PutRolePolicy, "", "", Failure::Unavailable),
        ] {
            assert_eq!(classify(action, code, message), expected, "{action} {code} {message}");
        }
    }

    #[test]
    fn of_codes_only_those_that_are_known_are_told_apart() {
        for (failure, code, known) in [
            (Failure::Throttled, "Throttling", Some("Throttling")),
            (Failure::Unexpected, "SomethingOfTheProxy", Some("Other")),
            (Failure::Unavailable, "", Some("NoAnswer")),
            (Failure::NotLeader, "", None),
        ] {
            let mut error = CallError::new(Action::GetRole, failure, "");
            error.code = code.into();
            assert_eq!(error.known_code(), known, "{code}");
        }
    }
}
