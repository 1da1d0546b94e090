//! The values of a class's fields, each refused with what to write instead.

use std::collections::BTreeSet;

use crossrole_api::Reason;
use crossrole_iam::{AccountId, Arn};

use crate::declaration::OrganizationId;
use crate::duration;
use crate::refusal::Refusal;

/// A field of an AccountClass that cannot be what it is.
pub(crate) fn invalid(field: &str, problem: &str) -> Refusal {
    Refusal::of_field(Reason::InvalidClass, format!("AccountClass spec.{field}"), problem)
}

/// A duration within bounds, in seconds.
pub(crate) fn seconds(field: &str, text: &str, least: u32, most: u32) -> Result<u32, Refusal> {
    duration::seconds(text)
        .filter(|seconds| (least..=most).contains(seconds))
        .ok_or_else(|| {
            invalid(
                field,
                &format!(
                    "write a duration from {} to {}",
                    duration::written(least),
                    duration::written(most)
                ),
            )
        })
}

pub(super) fn accounts(field: &str, ids: &[String]) -> Result<BTreeSet<AccountId>, Refusal> {
    ids.iter()
        .map(|id| id.parse().map_err(|error| invalid(field, &format!("{error}"))))
        .collect()
}

// A pattern that no action can match would deny nothing, and nobody would know.
pub(super) fn actions(patterns: Vec<String>) -> Result<Vec<String>, Refusal> {
    let can_match = |pattern: &String| {
        let parts = pattern
            .split_once(':')
            .filter(|(service, action)| !service.is_empty() && !action.is_empty());
        pattern == "*" || (parts.is_some() && !pattern.contains(char::is_whitespace))
    };
    match patterns.iter().find(|pattern| !can_match(pattern)) {
        None => Ok(patterns),
        Some(pattern) => Err(invalid(
            "guardrails.inlinePolicies.denyActions",
            &format!("{pattern:?} matches no action: write service:action, such as iam:*"),
        )),
    }
}

/// Patterns of `*` and `?`. One that nothing can match would allow or deny nothing, and nobody would know.
pub(super) fn patterns(field: &str, patterns: Vec<String>) -> Result<Vec<String>, Refusal> {
    match patterns.iter().find_map(|pattern| pattern_problem(pattern)) {
        None => Ok(patterns),
        Some(problem) => Err(invalid(field, &problem)),
    }
}

/// What is wrong with a pattern, if anything. A policy variable would be read as its own characters here, and as
/// something else by IAM.
pub(super) fn pattern_problem(pattern: &str) -> Option<String> {
    if pattern.is_empty() {
        return Some("an empty pattern matches nothing: was a variable replaced by nothing?".into());
    }
    if pattern.trim() != pattern {
        return Some(format!(
            "{pattern:?} begins or ends with white space, and so matches nothing"
        ));
    }
    pattern
        .contains("${")
        .then(|| format!("{pattern:?} has a variable, and a pattern knows only * and ?"))
}

/// Patterns of managed policies are of their names: one of ARNs would match nothing.
pub(super) fn policy_patterns(field: &str, texts: Vec<String>) -> Result<Vec<String>, Refusal> {
    match texts
        .iter()
        .find(|text| text.starts_with("arn:") || text.starts_with('/'))
    {
        None => patterns(field, texts),
        Some(text) => Err(invalid(
            field,
            &format!("{text:?} matches no policy: write the name with its path, such as job-function/ViewOnlyAccess"),
        )),
    }
}

/// Patterns of a role's path and name together.
pub(super) fn adoption(texts: Vec<String>) -> Result<Vec<String>, Refusal> {
    match texts.iter().find(|text| !text.is_empty() && !text.starts_with('/')) {
        None => patterns("adoption.roles", texts),
        Some(text) => Err(invalid(
            "adoption.roles",
            &format!("{text:?} matches no role: write path and name together, such as /legacy/audit-*"),
        )),
    }
}

/// Ids of organisations.
pub(super) fn organizations(ids: &[String]) -> Result<BTreeSet<String>, Refusal> {
    ids.iter()
        .map(|id| {
            let parsed: Result<OrganizationId, _> = id.parse();
            parsed
                .map(|id| id.to_string())
                .map_err(|problem| invalid("guardrails.trust.organizations", &problem))
        })
        .collect()
}

/// Service principals, without wildcards. Source: IAM User Guide, "AWS JSON policy elements: Principal".
pub(super) fn services(names: &[String]) -> Result<BTreeSet<String>, Refusal> {
    let is_label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let is_name = |name: &str| name.contains('.') && name.split('.').all(is_label);
    match names.iter().find(|name| !is_name(name)) {
        None => Ok(names.iter().cloned().collect()),
        Some(name) => Err(invalid(
            "guardrails.trust.services",
            &format!("{name:?} is not a service principal: write one such as ec2.amazonaws.com, in full"),
        )),
    }
}

/// Whether a service principal is IAM Roles Anywhere's, whatever the partition's suffix. Source: IAM Roles Anywhere User
/// Guide, "The IAM Roles Anywhere trust model".
pub(crate) fn is_roles_anywhere(service: &str) -> bool {
    service.split('.').next() == Some("rolesanywhere")
}

/// ARNs of trust anchors, without wildcards. Source: Service Authorization Reference, "IAM Roles Anywhere" (resource types).
pub(super) fn trust_anchors(arns: &[String]) -> Result<BTreeSet<String>, Refusal> {
    let is_anchor = |text: &String| {
        !text.contains('$')
            && text.parse::<Arn>().is_ok_and(|arn| {
                arn.service() == "rolesanywhere"
                    && arn.account_id().is_some()
                    && arn.resource().starts_with("trust-anchor/")
            })
    };
    match arns.iter().find(|text| !is_anchor(text)) {
        None => Ok(arns.iter().cloned().collect()),
        Some(text) => Err(invalid(
            "guardrails.trust.trustAnchors",
            &format!(
                "{text:?} is not the ARN of a trust anchor, such as arn:aws:rolesanywhere:eu-west-1:123456789012:trust-anchor/1a2b"
            ),
        )),
    }
}
