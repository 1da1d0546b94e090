//! `spec.permissions`, parsed.

use std::collections::BTreeSet;

use crossrole_api::permissions::InlinePolicy;
use crossrole_iam::{AccountId, Arn, Partition, PolicyName, PolicyPathName, account_policy_arn, quota};

use super::invalid;
use crate::refusal::Refusal;
use crate::substitute::Template;

/// An AWS managed policy, by name or by ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsManagedPolicy {
    /// The partition that the ARN names, where it was written as one.
    pub partition: Option<String>,
    /// The name with its path.
    pub name: PolicyPathName,
}

pub(super) fn parse_aws_managed(names: &[String]) -> Result<Vec<AwsManagedPolicy>, Refusal> {
    let mut parsed: Vec<AwsManagedPolicy> = Vec::new();
    for (index, text) in names.iter().enumerate() {
        let field = format!("permissions.awsManaged[{index}]");
        let policy = parse_one_aws_managed(text).map_err(|error| invalid(&field, error))?;
        let name = policy.name.as_str();
        if let Some(first) = parsed
            .iter()
            .position(|other| other.name.as_str().eq_ignore_ascii_case(name))
        {
            return Err(invalid(
                &field,
                format!("{text} is the policy of awsManaged[{first}] once more: remove one of the two"),
            ));
        }
        parsed.push(policy);
    }
    Ok(parsed)
}

/// Names of policies are unique within an account, whatever their path, and case does not tell them apart: IAM API
/// Reference, `CreatePolicy`.
pub(super) fn parse_customer_managed(names: &[String]) -> Result<Vec<PolicyPathName>, Refusal> {
    let mut parsed: Vec<PolicyPathName> = Vec::new();
    for (index, text) in names.iter().enumerate() {
        let field = format!("permissions.customerManaged[{index}]");
        let policy: PolicyPathName = text.parse().map_err(|error| invalid(&field, format!("{error}")))?;
        if let Some(first) = parsed
            .iter()
            .position(|other| bare(other).eq_ignore_ascii_case(bare(&policy)))
        {
            return Err(invalid(
                &field,
                format!(
                    "an account cannot hold both {text} and customerManaged[{first}]: names of policies are unique, whatever their path and case"
                ),
            ));
        }
        parsed.push(policy);
    }
    Ok(parsed)
}

/// The account's policies that a list names, where every entry of it can be read; whether they can stand together is not
/// asked.
pub fn listed_policies(names: &[String], partition: Partition, account: &AccountId) -> Option<BTreeSet<Arn>> {
    let arn = |text: &String| Some(account_policy_arn(partition, account, &text.parse().ok()?));
    names.iter().map(arn).collect()
}

fn bare(policy: &PolicyPathName) -> &str {
    let text = policy.as_str();
    text.rsplit('/').next().unwrap_or(text)
}

fn parse_one_aws_managed(text: &str) -> Result<AwsManagedPolicy, String> {
    if !text.starts_with("arn:") {
        let name = text.parse().map_err(|error| format!("{error}"))?;
        return Ok(AwsManagedPolicy { partition: None, name });
    }
    let arn: Arn = text.parse().map_err(|error| format!("{error}"))?;
    let name = arn
        .resource()
        .strip_prefix("policy/")
        .filter(|_| arn.account() == "aws" && arn.service() == "iam")
        .ok_or_else(|| {
            format!("{text} is not an AWS managed policy: a policy of an account goes into customerManaged, by name")
        })?;
    Ok(AwsManagedPolicy {
        partition: Some(arn.partition().to_string()),
        name: name.parse().map_err(|error| format!("{error}"))?,
    })
}

/// Whether a name is one of crossrole's own policies, or the console's, in whatever case: names of IAM are not told apart by
/// case. Source: IAM User Guide, "IAM and AWS STS quotas" (IAM name requirements).
fn is_ours(name: &str) -> bool {
    name.eq_ignore_ascii_case(crossrole_api::names::REVOKE_OLDER_SESSIONS_POLICY)
        || name.to_ascii_lowercase().starts_with("crossrole-")
}

pub(super) fn parse_inline(policies: &[InlinePolicy]) -> Result<Vec<(PolicyName, Template)>, Refusal> {
    // Before anything is read, and far beyond the quota, which is judged in each account.
    let written: usize = policies
        .iter()
        .map(|policy| quota::size(policy.document.as_str()))
        .sum();
    if written > quota::WRITTEN_POLICIES_SIZE {
        return Err(invalid(
            "permissions.inline",
            format!(
                "has {written} characters, and all inline policies of a role together have at most {}",
                quota::ROLE_INLINE_POLICIES_SIZE
            ),
        ));
    }
    let mut parsed: Vec<(PolicyName, Template)> = Vec::new();
    for (index, policy) in policies.iter().enumerate() {
        let field = format!("permissions.inline[{index}]");
        let name: PolicyName = policy
            .name
            .parse()
            .map_err(|error| invalid(&format!("{field}.name"), format!("{error}")))?;
        if is_ours(name.as_str()) {
            return Err(invalid(
                &format!("{field}.name"),
                format!("{name} is a name that crossrole keeps for its own policies: choose another"),
            ));
        }
        let document = Template::parse(policy.document.as_str())
            .map_err(|error| invalid(&format!("{field}.document"), format!("{error}")))?;
        let earlier = parsed
            .iter()
            .position(|(other, _)| other.as_str().eq_ignore_ascii_case(name.as_str()));
        if let Some(earlier) = earlier {
            return Err(invalid(
                &format!("{field}.name"),
                format!("is also that of inline[{earlier}], for IAM does not tell names apart by case: choose another"),
            ));
        }
        parsed.push((name, document));
    }
    Ok(parsed)
}
