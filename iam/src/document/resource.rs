//! What a resource in a policy document may look like.
//!
//! Source: IAM User Guide, "IAM JSON policy elements: Resource", "IAM identifiers" and "IAM policy elements:
//! Variables and tags"; IAM's own error messages.

use super::rules;
use crate::account_id::is_account_id;
use crate::partition;
use crate::pattern;

/// What the resource part of an ARN of IAM itself begins with, unless it is `*` or `root`.
const IAM_RESOURCES: [&str; 13] = [
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
];

/// What is wrong with a resource, if anything.
pub(crate) fn problem(text: &str) -> Option<String> {
    if text == "*" {
        return None;
    }
    if !text.starts_with("arn:") {
        return Some(format!(
            "{text:?} is neither \"*\" nor an ARN, which begins with arn:; write arn:partition:service:region:account:resource"
        ));
    }
    let (fields, resource) = fields(text);
    if fields.iter().any(|field| field.contains("${")) {
        return Some(format!(
            "{text:?} has a policy variable before its fifth colon, where IAM does not replace it"
        ));
    }
    if let Some(problem) = rules::variable_problem(text) {
        return Some(problem);
    }
    let field = |index: usize| fields.get(index).copied().unwrap_or_default();
    let (named, service) = (field(1), field(2));
    if !partition::NAMED_IN_DOCUMENTS
        .iter()
        .any(|known| pattern::matches(named, known))
    {
        return Some(format!(
            "{text:?} has the partition {named:?}, which AWS does not have; write aws, aws-cn, aws-us-gov or aws-eusc"
        ));
    }
    if service.is_empty() {
        return Some(format!("{text:?} names no service after its partition"));
    }
    if service.contains(['*', '?']) {
        return Some(format!("{text:?} has a wildcard in its service; name the service"));
    }
    if service.chars().any(|character| character.is_ascii_uppercase()) {
        return Some(format!("{text:?} must have its service in lower case"));
    }
    let is_service = |character: char| character.is_ascii_alphanumeric() || "-.".contains(character);
    if !service.chars().all(is_service) {
        return Some(format!("{text:?} has the service {service:?}, which is not a name"));
    }
    if resource.is_none() && fields.iter().any(|field| field.is_empty()) {
        return Some(format!(
            "{text:?} has fewer than six parts; write arn:partition:service:region:account:resource"
        ));
    }
    field_problem(text, service, field(3), field(4), resource)
}

/// Regions, accounts and resource types: whatever can be told without knowing every service.
fn field_problem(text: &str, service: &str, region: &str, account: &str, resource: Option<&str>) -> Option<String> {
    if resource == Some("") {
        return Some(format!("{text:?} names no resource after its fifth colon"));
    }
    if !account.is_empty() && account.bytes().all(|byte| byte.is_ascii_digit()) && !is_account_id(account) {
        return Some(format!(
            "{text:?} has an account id of {} digits; it has 12",
            account.len()
        ));
    }
    match service {
        "iam" if !region.is_empty() => Some(format!(
            "{text:?} has a Region; IAM has none, so leave that part empty: arn:aws:iam::account:…"
        )),
        // Access points have both a Region and an account; buckets and objects have neither.
        "s3" if !region.is_empty() && account.is_empty() && resource.is_some() => Some(format!(
            "{text:?} has a Region, but buckets and objects have none; write arn:aws:s3:::bucket/key"
        )),
        "iam" => {
            let resource = resource?;
            let known =
                resource == "*" || resource == "root" || IAM_RESOURCES.iter().any(|start| resource.starts_with(start));
            (!known).then(|| {
                format!(
                    "{text:?} is no resource of IAM; after the account write *, root, or one of {}",
                    IAM_RESOURCES.join(", ")
                )
            })
        }
        _ => None,
    }
}

/// The first five fields (fewer in a short ARN), and everything after the fifth colon. A colon inside a policy
/// variable parts nothing.
fn fields(text: &str) -> (Vec<&str>, Option<&str>) {
    let mut fields = Vec::new();
    let mut start = 0;
    let mut inside = false;
    let mut before = ' ';
    for (at, character) in text.char_indices() {
        match character {
            '{' if before == '$' => inside = true,
            '}' => inside = false,
            ':' if !inside => {
                fields.push(text.get(start..at).unwrap_or_default());
                start = at + 1;
                if fields.len() == 5 {
                    return (fields, text.get(start..));
                }
            }
            _ => {}
        }
        before = character;
    }
    fields.push(text.get(start..).unwrap_or_default());
    (fields, None)
}

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn legal_resources_are_taken() {
        for text in [
            "*",
            "arn:aws:s3:::bucket",
            "arn:aws:s3:::bucket/${aws:username}/*",
            "arn:aws:s3:::*",
            "arn:aws:s3:eu-west-1:123456789012:accesspoint/ap",
            "arn:aws:s3::123456789012:accesspoint/x.mrap",
            "arn:*:ec2:*:*:instance/*",
            "arn:aws*:ec2:eu-*:*:instance/*",
            "arn:aws-iso-b:ec2:*:*:instance/*",
            "arn:aws:iam::aws:policy/SecurityAudit",
            "arn:aws:iam::123456789012:role/team/*",
            "arn:aws:iam::*:root",
            "arn:aws:iam::123456789012:*",
            "arn:aws:iam::123456789012:user/${aws:username}",
            "arn:aws:apigateway:us-east-1::/restapis",
            "arn:aws:lambda:eu-west-1:123456789012:function:f:1",
            "arn:aws:sqs:us-east-2:*:${aws:username}-queue",
            "arn:aws:execute-api",
            "arn:aws:sns:us-east-1",
            "arn:aws:rds:region:*:*",
            "arn:aws:sqs:us-east-1:account1:queue",
        ] {
            assert_eq!(problem(text), None, "{text}");
        }
    }

    #[test]
    fn illegal_resources_are_refused_with_the_reason() {
        for (text, part) in [
            ("", "neither"),
            ("bucket", "neither"),
            ("**", "neither"),
            ("ARN:aws:s3:::bucket", "neither"),
            ("aws:s3:::bucket", "neither"),
            (" arn:aws:s3:::bucket", "neither"),
            ("arn:azure:s3:::bucket", "partition \"azure\""),
            ("arn::s3:::bucket", "partition \"\""),
            ("arn:aws", "names no service"),
            ("arn:aws::::bucket", "names no service"),
            ("arn:aws:*:*:*:*", "wildcard in its service"),
            ("arn:aws:S3:::bucket", "lower case"),
            ("arn:aws:s 3:::bucket", "not a name"),
            ("arn:aws:s3::bucket", "fewer than six parts"),
            ("arn:aws:s3:::", "names no resource"),
            ("arn:aws:s3:us-east-1::bucket", "buckets and objects have none"),
            ("arn:aws:iam:us-east-1:123456789012:role/x", "IAM has none"),
            ("arn:aws:iam:::bucket", "no resource of IAM"),
            ("arn:aws:iam::123456789012:roles/x", "no resource of IAM"),
            ("arn:aws:iam::123456789012:assumed-role/x", "no resource of IAM"),
            ("arn:aws:sqs:us-east-1:12345:queue", "5 digits"),
            ("arn:aws:iam::${aws:PrincipalAccount}:role/x", "before its fifth colon"),
            ("arn:aws:s3:::bucket/${aws:username", "not closed"),
        ] {
            let message = problem(text).unwrap_or_default();
            assert!(message.contains(part), "{text:?}: {message}");
        }
    }
}
