//! What AWS says with each error, about the call that it refuses.

use serde_json::Value;

use super::matching::Subject;

/// The sentence for the short name of an error.
pub(super) fn sentence(name: &str, subject: &Subject<'_>) -> String {
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
