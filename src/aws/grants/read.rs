//! Reading the policies of a grant.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_iam::types::{PolicyScopeType, PolicyUsageType};
use crossrole_iam::document::DocumentKind;
use crossrole_plan::declaration::ObjectName;
use crossrole_plan::grant::{Holder, HolderKind, ObservedGrant, ObservedPolicy, number_of, policies_path};
use crossrole_plan::observed::ObservedDocument;
use crossrole_plan::outcome::Failure;

use super::number_of_version;
use crate::aws::Action;
use crate::aws::error::CallError;
use crate::aws::read::{Door, each_page, pages, tags};

/// Reads the policies of an object.
pub(super) async fn observe(door: Door<'_>, object: &ObjectName) -> Result<ObservedGrant, CallError> {
    let request = door
        .iam
        .list_policies()
        .scope(PolicyScopeType::Local)
        .path_prefix(policies_path());
    let listed = pages!(door, ListPolicies, request.clone(), policies)?;
    let mut observed = ObservedGrant::default();
    for policy in listed {
        let number = policy.policy_name().and_then(|name| number_of(object, name));
        let (Some(number), Some(arn)) = (number, policy.arn()) else {
            continue;
        };
        if let Some(policy) = policy_at(door, arn).await? {
            observed.policies.insert(number, policy);
        }
    }
    Ok(observed)
}

pub(super) async fn paths(door: Door<'_>, roles: &[&str]) -> Result<BTreeMap<String, String>, CallError> {
    let mut paths = BTreeMap::new();
    for role in roles {
        let request = door.iam.get_role().role_name(*role);
        match door.gate.call(Action::GetGrantee, || request.clone().send()).await {
            Ok(answer) => {
                let role = answer
                    .role()
                    .ok_or_else(|| CallError::empty(Action::GetGrantee, "role"))?;
                paths.insert(role.role_name().to_ascii_lowercase(), role.path().to_string());
            }
            Err(error) if error.failure == Failure::RoleNotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(paths)
}

/// `None` where it is gone since it was listed.
async fn policy_at(door: Door<'_>, arn: &str) -> Result<Option<ObservedPolicy>, CallError> {
    let get = door.iam.get_policy().policy_arn(arn);
    let policy = match door.gate.call(Action::GetPolicy, || get.clone().send()).await {
        Ok(answer) => answer.policy,
        Err(error) if error.failure == Failure::RoleNotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let policy = policy.ok_or_else(|| CallError::empty(Action::GetPolicy, "policy"))?;
    let in_force = policy.default_version_id().unwrap_or_default().to_string();
    let get = door.iam.get_policy_version().policy_arn(arn).version_id(&in_force);
    let version = door.gate.call(Action::GetPolicyVersion, || get.clone().send()).await?;
    let text = version
        .policy_version()
        .and_then(|version| version.document())
        .unwrap_or_default();
    let list = door.iam.list_policy_versions().policy_arn(arn);
    let versions = pages!(door, ListPolicyVersions, list.clone(), versions)?;
    let mut older: Vec<String> = versions
        .iter()
        .filter_map(|version| version.version_id())
        .filter(|id| *id != in_force)
        .map(str::to_string)
        .collect();
    // The newest comes first.
    older.sort_by_key(|id| number_of_version(id));
    Ok(Some(ObservedPolicy {
        arn: arn.to_string(),
        id: policy.policy_id().unwrap_or_default().to_string(),
        tags: tags(policy.tags()).into_iter().collect(),
        version: in_force,
        document: ObservedDocument::parse_encoded(text, DocumentKind::Managed),
        older,
        holders: holders(door, arn).await?,
    }))
}

async fn holders(door: Door<'_>, arn: &str) -> Result<BTreeSet<Holder>, CallError> {
    let request = door
        .iam
        .list_entities_for_policy()
        .policy_arn(arn)
        .policy_usage_filter(PolicyUsageType::PermissionsPolicy);
    let mut holders = BTreeSet::new();
    each_page!(
        door,
        ListEntitiesForPolicy,
        request.clone(),
        std::future::ready(()),
        |page| {
            let groups = page.policy_groups().iter().filter_map(|group| group.group_name());
            holders.extend(groups.map(|name| Holder::new(HolderKind::Group, name)));
            let roles = page.policy_roles().iter().filter_map(|role| role.role_name());
            holders.extend(roles.map(|name| Holder::new(HolderKind::Role, name)));
            let users = page.policy_users().iter().filter_map(|user| user.user_name());
            holders.extend(users.map(|name| Holder::new(HolderKind::User, name)));
        }
    )?;
    Ok(holders)
}
