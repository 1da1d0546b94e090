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

/// Reads what the account holds under a role's name.
pub(super) async fn role(iam: &Client, name: &RoleName, depth: Depth) -> Result<Observed, CallError> {
    let role = match iam.get_role().role_name(name.as_str()).send().await {
        Ok(answer) => answer.role,
        Err(error) => {
            let error = CallError::of(Action::GetRole, &error);
            return if error.failure == Failure::RoleNotFound {
                Ok(Observed::Absent)
            } else {
                Err(error)
            };
        }
    };
    let role = role.ok_or_else(|| CallError::new(Action::GetRole, Failure::Unexpected, "the answer held no role"))?;
    let (attached, inline, instance_profiles) =
        futures::try_join!(attached_policies(iam, name), inline_policies(iam, name), async {
            match depth {
                Depth::Declared => Ok(BTreeSet::new()),
                Depth::Removal => instance_profiles(iam, name).await,
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
pub(super) async fn quotas(iam: &Client) -> Result<Quotas, CallError> {
    let answer = iam
        .get_account_summary()
        .send()
        .await
        .map_err(|error| CallError::of(Action::GetAccountSummary, &error))?;
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

async fn attached_policies(iam: &Client, name: &RoleName) -> Result<BTreeSet<crossrole_iam::Arn>, CallError> {
    let action = Action::ListAttachedRolePolicies;
    let mut pages = iam
        .list_attached_role_policies()
        .role_name(name.as_str())
        .into_paginator()
        .items()
        .send();
    let mut found = BTreeSet::new();
    while let Some(policy) = pages.next().await {
        let policy = policy.map_err(|error| CallError::of(action, &error))?;
        found.insert(parse(
            action,
            "an attached policy",
            policy.policy_arn().unwrap_or_default(),
        )?);
    }
    Ok(found)
}

async fn inline_policies(iam: &Client, name: &RoleName) -> Result<BTreeMap<PolicyName, ObservedDocument>, CallError> {
    let mut pages = iam
        .list_role_policies()
        .role_name(name.as_str())
        .into_paginator()
        .items()
        .send();
    let mut found = BTreeMap::new();
    while let Some(policy) = pages.next().await {
        let policy = policy.map_err(|error| CallError::of(Action::ListRolePolicies, &error))?;
        let answer = iam
            .get_role_policy()
            .role_name(name.as_str())
            .policy_name(&policy)
            .send()
            .await
            .map_err(|error| CallError::of(Action::GetRolePolicy, &error))?;
        let document = ObservedDocument::parse_encoded(answer.policy_document(), DocumentKind::Permission);
        found.insert(
            parse(Action::ListRolePolicies, "an inline policy's name", &policy)?,
            document,
        );
    }
    Ok(found)
}

async fn instance_profiles(iam: &Client, name: &RoleName) -> Result<BTreeSet<String>, CallError> {
    let mut pages = iam
        .list_instance_profiles_for_role()
        .role_name(name.as_str())
        .into_paginator()
        .items()
        .send();
    let mut found = BTreeSet::new();
    while let Some(profile) = pages.next().await {
        let profile = profile.map_err(|error| CallError::of(Action::ListInstanceProfilesForRole, &error))?;
        found.insert(profile.instance_profile_name().to_string());
    }
    Ok(found)
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
