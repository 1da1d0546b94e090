//! Errors by short names, with the code, status and sentence that AWS gives them, and which action can give which.
//!
//! Codes and statuses are those of the API references of IAM and STS (the errors of each action, and the errors common
//! to all). The references describe errors without giving the sentences; these are as clients have reported them.

use serde_json::Value;

use super::matching::Subject;
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
const ACTIONS: [(&str, &[&str]); 37] = [
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

fn sentence(name: &str, subject: &Subject<'_>) -> String {
    let parameter = |name: &str| subject.request.parameters.get(name).unwrap_or_default();
    let role = subject.request.role().unwrap_or_default();
    let fixed = match name {
        "Throttling" => "Rate exceeded",
        "ServiceFailure" | "InternalFailure" => {
            "The request processing has failed because of an unknown error, exception or failure."
        }
        // Clients have seen this code without any sentence.
        "ConcurrentModification" => "",
        "EntityTemporarilyUnmodifiable" => "Entity is temporarily unmodifiable. Please try again later.",
        "MalformedPolicyDocument" => "Syntax errors in policy.",
        "DeleteConflict" => match subject.request.action.as_str() {
            "DeletePolicy" => "Cannot delete a policy attached to entities.",
            "DeletePolicyVersion" => "Cannot delete the default version of a policy.",
            "DeleteInstanceProfile" => "Cannot delete entity, must remove roles from instance profile first.",
            _ => "Cannot delete entity, must detach all policies first.",
        },
        "LimitExceeded" => match subject.request.action.as_str() {
            "CreateRole" => "Cannot exceed quota for RolesPerAccount: 1000",
            "UpdateAssumeRolePolicy" => "Cannot exceed quota for ACLSizePerRole: 2048",
            "AttachRolePolicy" => "Cannot exceed quota for PoliciesPerRole: 10",
            "TagRole" => "Cannot exceed quota for TagsPerRole: 50",
            "PutRolePolicy" => return format!("Maximum policy size of 10240 bytes exceeded for role {role}"),
            _ => "Request limit exceeded.",
        },
        "PolicyNotAttachable" => "Cannot attach a Service Role Policy to a Customer Role.",
        "InvalidInput" => "The request was rejected because an invalid or out-of-range value was supplied.",
        "ValidationError" => "The input fails to satisfy the constraints specified by an AWS service.",
        "ExpiredToken" => "The security token included in the request is expired",
        "InvalidClientTokenId" => "The security token included in the request is invalid.",
        "SignatureDoesNotMatch" => {
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
             Access Key and signing method. Consult the service documentation for details."
        }
        "RequestExpired" => "Request has expired.",
        "OptInRequired" => "The AWS Access Key Id needs a subscription for the service",
        "PackedPolicyTooLarge" => "Packed size of session policy and session tags consumes 105% of the allotted space.",
        "ServiceUnavailable" => "The request has failed due to a temporary failure of the server.",
        "RequestTimeout" => {
            "Your socket connection to the server was not read from or written to within the timeout \
                             period. Idle connections will be closed."
        }
        "RegionDisabled" => {
            return format!(
                "STS is not activated in this region for account:{}. Your account administrator can activate STS in \
                 this region using the IAM Console.",
                subject.account
            );
        }
        "NoSuchEntity" => match subject.request.action.as_str() {
            "GetRolePolicy" | "DeleteRolePolicy" => {
                return format!("The role policy with name {} cannot be found.", parameter("PolicyName"));
            }
            "DetachRolePolicy" | "GetPolicy" | "DeletePolicy" => {
                return format!("Policy {} was not found.", parameter("PolicyArn"));
            }
            "AttachRolePolicy" => {
                return format!("Policy {} does not exist or is not attachable.", parameter("PolicyArn"));
            }
            _ => return format!("The role with name {role} cannot be found."),
        },
        "EntityAlreadyExists" => return format!("Role with name {role} already exists."),
        "UnmodifiableEntity" => {
            return format!(
                "Cannot perform the operation on the protected role '{role}' - this role is only modifiable by AWS"
            );
        }
        "InvalidPrincipal" => return format!("Invalid principal in policy: \"AWS\":\"{}\"", principal(subject)),
        "AccessDenied" => return denied(subject),
        "ServiceControlPolicy" => return with_explicit_deny(subject, "service control policy"),
        "PermissionsBoundary" => return with_explicit_deny(subject, "permissions boundary"),
        _ => "",
    };
    fixed.to_owned()
}

/// STS says less than IAM: a trust policy that is silent is not told from a caller without rights.
fn denied(subject: &Subject<'_>) -> String {
    let refused = refusal(subject);
    if subject.request.is_iam() {
        format!(
            "{refused} because no identity-based policy allows the iam:{} action",
            subject.request.action
        )
    } else {
        refused
    }
}

fn with_explicit_deny(subject: &Subject<'_>, layer: &str) -> String {
    format!("{} with an explicit deny in a {layer}", refusal(subject))
}

fn refusal(subject: &Subject<'_>) -> String {
    let Subject { request, caller, .. } = subject;
    let service = request.signer.service.name();
    let parameter = |name: &str| request.parameters.get(name);
    let resource = match (request.action.as_str(), parameter("RoleName")) {
        ("CreateRole", Some(role)) => {
            let path = parameter("Path").unwrap_or("/");
            format!("arn:aws:iam::{}:role{path}{role}", subject.account)
        }
        (_, Some(role)) => format!("role {role}"),
        (_, None) => parameter("RoleArn")
            .or_else(|| parameter("PolicyArn"))
            .unwrap_or("*")
            .to_owned(),
    };
    format!(
        "User: {caller} is not authorized to perform: {service}:{} on resource: {resource}",
        request.action
    )
}

/// The first `AWS` principal of the document that came with the call.
fn principal(subject: &Subject<'_>) -> String {
    let parameters = &subject.request.parameters;
    let text = parameters
        .get("PolicyDocument")
        .or_else(|| parameters.get("AssumeRolePolicyDocument"));
    let document: Value = text
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let statements = match &document["Statement"] {
        Value::Array(list) => list.iter().collect(),
        one => vec![one],
    };
    let first = statements
        .into_iter()
        .find_map(|statement| match &statement["Principal"]["AWS"] {
            Value::Array(list) => list.first()?.as_str(),
            one => one.as_str(),
        });
    first.unwrap_or_default().to_owned()
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
