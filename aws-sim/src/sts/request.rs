//! What the calls that give sessions have in common: their parameters, and the condition keys made of them.

use crate::iam::check;
use crate::policy::context::Context;
use crate::policy::document::Document;
use crate::policy::grammar::{Use, permission_document};
use crate::wire::error::AwsError;
use crate::wire::request::Parameters;
use crate::world::World;
use crate::world::account::{Account, Role};
use crate::world::credential::Attributes;
use crate::world::principals::is_account_id;

/// The account of a role ARN; what is no role ARN is invalid.
pub(crate) fn account_of(arn: &str) -> Result<String, AwsError> {
    if arn.len() < 20 {
        return Err(AwsError::constraint(
            Some(arn),
            "roleArn",
            "Member must have length greater than or equal to 20",
        ));
    }
    let parts: Vec<_> = arn.splitn(6, ':').collect();
    match parts[..] {
        ["arn", partition, "iam", "", account, resource]
            if partition.starts_with("aws") && is_account_id(account) && resource.starts_with("role/") =>
        {
            Ok(account.to_owned())
        }
        _ => Err(AwsError::validation(format!("{arn} is invalid"))),
    }
}

pub(crate) fn session_name(name: &str) -> Result<(), AwsError> {
    let refused = |constraint: &str| AwsError::constraint(Some(name), "roleSessionName", constraint);
    if name.len() < 2 {
        return Err(refused("Member must have length greater than or equal to 2"));
    }
    if name.len() > 64 {
        return Err(refused("Member must have length less than or equal to 64"));
    }
    if !name
        .chars()
        .all(|character| character.is_ascii_alphanumeric() || "_+=,.@-".contains(character))
    {
        return Err(refused("Member must satisfy regular expression pattern: [\\w+=,.@-]*"));
    }
    Ok(())
}

/// `Policy` and `PolicyArns`: what limits the session further.
pub(crate) fn session_policies(
    parameters: &Parameters,
    world: &World,
    account_id: &str,
) -> Result<Vec<Document>, AwsError> {
    let mut policies = Vec::new();
    if let Some(text) = parameters.get("Policy") {
        if text.len() > 2048 {
            return Err(AwsError::constraint(
                Some(text),
                "policy",
                "Member must have length less than or equal to 2048",
            ));
        }
        policies.push(permission_document(text, Use::Inline)?);
    }
    for arn in (1..).map_while(|index| parameters.get(&format!("PolicyArns.member.{index}.arn"))) {
        let document = world.account(account_id)?.managed_document(arn).cloned();
        policies.push(document.ok_or_else(|| AwsError::malformed(format!("The policy {arn} does not exist")))?);
    }
    Ok(policies)
}

/// `DurationSeconds` within AWS's outer limits.
pub(crate) fn duration(parameters: &Parameters, default: u64, longest: u64) -> Result<i64, AwsError> {
    let seconds = parameters.number("DurationSeconds")?.unwrap_or(default);
    let limit = |word: &str, bound: u64| {
        AwsError::constraint(
            Some(&seconds.to_string()),
            "durationSeconds",
            &format!("Member must have value {word} than or equal to {bound}"),
        )
    };
    if seconds < 900 {
        return Err(limit("greater", 900));
    }
    if seconds > longest {
        return Err(limit("less", longest));
    }
    Ok(i64::try_from(seconds).unwrap_or(3600))
}

/// A duration within what the role allows.
pub(crate) fn within_role(seconds: i64, role: &Role) -> Result<(), AwsError> {
    if seconds > i64::try_from(role.max_session_duration).unwrap_or(3600) {
        return Err(AwsError::validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    Ok(())
}

/// Session tags, and which of them go on into further sessions.
pub(crate) fn session_tags(tags: &[(String, String)], transitive: &[String]) -> Result<(), AwsError> {
    let refused = |text: &str| Err(AwsError::new(400, "InvalidParameterValue", text));
    check::tags(tags, false).map_err(|error| match error.code.as_str() {
        "InvalidInput" => AwsError::new(400, "InvalidParameterValue", error.message),
        _ => error,
    })?;
    let sent = |wanted: &String| tags.iter().any(|(key, _)| key.eq_ignore_ascii_case(wanted));
    if !transitive.iter().all(sent) {
        return refused("The specified transitive tag key must be included in the requested tags.");
    }
    Ok(())
}

/// A source identity.
pub(crate) fn source_identity(text: &str) -> Result<(), AwsError> {
    let plain = |character: char| character.is_ascii_alphanumeric() || "_+=,.@-".contains(character);
    if !(2..=64).contains(&text.len()) || !text.chars().all(plain) || text.to_ascii_lowercase().starts_with("aws:") {
        return Err(AwsError::constraint(
            Some(text),
            "sourceIdentity",
            "Member must satisfy regular expression pattern: [\\w+=,.@-]*",
        ));
    }
    Ok(())
}

/// What the request itself says about the session that it wants, as condition keys.
pub(crate) fn set_session_keys(context: &mut Context, session_name: Option<&str>, asked: &Attributes) {
    context.set_optional("sts:RoleSessionName", session_name);
    context.set_optional("sts:SourceIdentity", asked.source_identity.as_deref());
    if asked.tags.is_empty() {
        return;
    }
    let pairs = asked.tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    context.set_tags("aws:RequestTag", pairs);
    context.set_many("aws:TagKeys", asked.tags.iter().map(|(key, _)| key.clone()).collect());
    if !asked.transitive.is_empty() {
        context.set_many("sts:TransitiveTagKeys", asked.transitive.clone());
    }
}

/// What is known about the role that is wanted, as condition keys.
pub(crate) fn set_role_keys(context: &mut Context, account: &Account, role: &Role) {
    let pairs = || role.tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    context.set_tags("aws:ResourceTag", pairs());
    context.set_tags("iam:ResourceTag", pairs());
    context.set("aws:ResourceAccount", account.id.as_str());
    if let Some(organization) = &account.organization {
        context.set("aws:ResourceOrgID", organization.id.as_str());
        context.set_many("aws:ResourceOrgPaths", vec![organization.path.clone()]);
    }
}
