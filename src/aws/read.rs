//! Observing a role.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_iam::Client;
use aws_sdk_iam::types::Role;
use crossrole_iam::document::DocumentKind;
use crossrole_iam::{PolicyName, RoleName};
use crossrole_plan::observed::{Observed, ObservedDocument, ObservedRole};
use crossrole_plan::outcome::Failure;
use crossrole_plan::quota::Quotas;

use super::Action;
use super::account::Depth;
use super::error::CallError;
use super::gate::Gate;

/// Where calls go: an account's client, behind its gate.
#[derive(Clone, Copy)]
pub(super) struct Door<'a> {
    pub(super) iam: &'a Client,
    pub(super) gate: &'a Gate,
}

/// Gathers all pages of a list. A page ends the list when `IsTruncated` is false, not when it is short or empty.
macro_rules! pages {
    ($door:ident, $action:ident, $request:expr, $items:ident) => {{
        let mut found = Vec::new();
        let mut marker: Option<String> = None;
        loop {
            let page = $door
                .gate
                .call(Action::$action, || $request.set_marker(marker.clone()).send())
                .await?;
            let more = page.is_truncated();
            marker = page.marker().map(str::to_string);
            found.extend_from_slice(page.$items());
            // A page that promises more and names no place to go on from would be asked for for ever.
            match (more, &marker) {
                (true, Some(_)) => {}
                (true, None) => {
                    let problem = "the list is cut off, and the answer does not say where it goes on";
                    break Err(CallError::new(Action::$action, Failure::Unexpected, problem));
                }
                (false, _) => break Ok(found),
            }
        }
    }};
}

/// Reads what the account holds under a role's name.
pub(super) async fn role(door: Door<'_>, name: &RoleName, depth: Depth) -> Result<Observed, CallError> {
    let request = door.iam.get_role().role_name(name.as_str());
    let role = match door.gate.call(Action::GetRole, || request.clone().send()).await {
        Ok(answer) => answer.role,
        Err(error) if error.failure == Failure::RoleNotFound => return Ok(Observed::Absent),
        Err(error) => return Err(error),
    };
    let role = role.ok_or_else(|| CallError::new(Action::GetRole, Failure::Unexpected, "the answer held no role"))?;
    let (attached, inline, instance_profiles) =
        futures::try_join!(attached_policies(door, name), inline_policies(door, name), async {
            match depth {
                Depth::Declared => Ok(BTreeSet::new()),
                Depth::Removal => instance_profiles(door, name).await,
            }
        })?;
    Ok(Observed::Present(Box::new(ObservedRole {
        arn: role.arn().to_string(),
        id: role.role_id().to_string(),
        path: role.path().to_string(),
        trust: ObservedDocument::parse_encoded(
            role.assume_role_policy_document().unwrap_or_default(),
            DocumentKind::Trust,
        ),
        description: role.description().unwrap_or_default().to_string(),
        // IAM leaves it out where it was never set; the default is one hour.
        max_session: role
            .max_session_duration()
            .and_then(|seconds| u32::try_from(seconds).ok())
            .unwrap_or(3600),
        boundary: boundary(&role)?,
        tags: role
            .tags()
            .iter()
            .map(|tag| (tag.key().to_string(), tag.value().to_string()))
            .collect(),
        attached,
        inline,
        instance_profiles,
    })))
}

/// Reads an account's own quotas.
pub(super) async fn quotas(door: Door<'_>) -> Result<Quotas, CallError> {
    let answer = door
        .gate
        .call(Action::GetAccountSummary, || door.iam.get_account_summary().send())
        .await?;
    let summary = answer
        .summary_map()
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.as_str().to_string(), i64::from(*value)))
        .collect();
    Ok(Quotas::of_summary(&summary))
}

fn boundary(role: &Role) -> Result<Option<crossrole_iam::Arn>, CallError> {
    role.permissions_boundary()
        .and_then(|boundary| boundary.permissions_boundary_arn())
        .map(|arn| parse(Action::GetRole, "the boundary", arn))
        .transpose()
}

async fn attached_policies(door: Door<'_>, name: &RoleName) -> Result<BTreeSet<crossrole_iam::Arn>, CallError> {
    let request = door.iam.list_attached_role_policies().role_name(name.as_str());
    let policies = pages!(door, ListAttachedRolePolicies, request.clone(), attached_policies)?;
    let arns = policies.iter().map(|policy| policy.policy_arn().unwrap_or_default());
    arns.map(|arn| parse(Action::ListAttachedRolePolicies, "an attached policy", arn))
        .collect()
}

async fn inline_policies(door: Door<'_>, name: &RoleName) -> Result<BTreeMap<PolicyName, ObservedDocument>, CallError> {
    let request = door.iam.list_role_policies().role_name(name.as_str());
    let names = pages!(door, ListRolePolicies, request.clone(), policy_names)?;
    let mut found = BTreeMap::new();
    for policy in names {
        let request = door.iam.get_role_policy().role_name(name.as_str()).policy_name(&policy);
        let answer = match door.gate.call(Action::GetRolePolicy, || request.clone().send()).await {
            Ok(answer) => answer,
            // It was taken away since its name was read.
            Err(error) if matches!(error.failure, Failure::RoleNotFound | Failure::PolicyNotFound) => continue,
            Err(error) => return Err(error),
        };
        let document = ObservedDocument::parse_encoded(answer.policy_document(), DocumentKind::Permission);
        found.insert(
            parse(Action::ListRolePolicies, "an inline policy's name", &policy)?,
            document,
        );
    }
    Ok(found)
}

async fn instance_profiles(door: Door<'_>, name: &RoleName) -> Result<BTreeSet<String>, CallError> {
    let request = door.iam.list_instance_profiles_for_role().role_name(name.as_str());
    let profiles = pages!(door, ListInstanceProfilesForRole, request.clone(), instance_profiles)?;
    let names = profiles
        .iter()
        .map(|profile| profile.instance_profile_name().to_string());
    Ok(names.collect())
}

fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(action: Action, what: &str, text: &str) -> Result<T, CallError> {
    text.parse().map_err(|error| {
        CallError::new(
            action,
            Failure::Unexpected,
            format!("{what} in the answer, {text:?}: {error}"),
        )
    })
}
