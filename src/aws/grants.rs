//! Reading and writing the policies of grants, as the grant role: one IAM call for each change, in order, up to the first
//! failure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_iam::types::{PolicyScopeType, PolicyUsageType, Tag};
use crossrole_iam::document::DocumentKind;
use crossrole_iam::{Arn, RoleName};
use crossrole_plan::declaration::ObjectName;
use crossrole_plan::doctor::GrantFacts;
use crossrole_plan::grant::{
    self, GrantChange, GrantPlan, Holder, HolderKind, Made, ObservedGrant, ObservedPolicy, number_of, policies_path,
};
use crossrole_plan::observed::ObservedDocument;
use crossrole_plan::outcome::Failure;

use super::Action;
use super::account::AccountHandle;
use super::error::CallError;
use super::examination;
use super::read::{Door, each_page, pages};
use super::session::Sessions;

/// What became of the plan of a grant.
#[derive(Clone, Debug, Default)]
pub struct AppliedGrant {
    /// How many changes were carried out, from the first.
    pub done: usize,
    /// What the account holds since; absent where that is not clear.
    pub holds: Option<ObservedGrant>,
    /// What it held before the change that failed; absent where that is not clear.
    pub reached: Option<ObservedGrant>,
    /// What stopped it. The change may have taken effect all the same.
    pub failure: Option<CallError>,
}

impl AccountHandle {
    /// The policies that the account holds for a grant, read as the grant role. Where roles are is not read.
    ///
    /// # Errors
    /// When the grant role cannot be assumed, or the first call that failed.
    pub async fn observe_grant(&self, grant_role: &Arn, object: &ObjectName) -> Result<ObservedGrant, CallError> {
        let sessions = self.grant_sessions(grant_role).await;
        let session = sessions.get(&self.gate).await?;
        let answer = observe(self.door(&session), object).await;
        if let Err(error) = &answer {
            sessions.forget_if_stale(&session, error).await;
        }
        answer
    }

    /// The paths of these roles, read now as the grant role, by their names in lower case. They are asked for as they are
    /// written, as a policy is attached to them. One that is not there has none.
    ///
    /// # Errors
    /// As [`AccountHandle::observe_grant`].
    pub async fn grantee_paths(&self, grant_role: &Arn, roles: &[&str]) -> Result<BTreeMap<String, String>, CallError> {
        if roles.is_empty() {
            return Ok(BTreeMap::new());
        }
        let sessions = self.grant_sessions(grant_role).await;
        let session = sessions.get(&self.gate).await?;
        let answer = paths(self.door(&session), roles).await;
        if let Err(error) = &answer {
            sessions.forget_if_stale(&session, error).await;
        }
        answer
    }

    /// Carries out the plan of a grant as the grant role, in order, up to the first failure, or until `go_on` says no.
    pub async fn apply_grant(
        &self,
        grant_role: &Arn,
        plan: &GrantPlan,
        observed: &ObservedGrant,
        go_on: &(dyn Fn() -> bool + Send + Sync),
    ) -> AppliedGrant {
        let sessions = self.grant_sessions(grant_role).await;
        match sessions.get(&self.gate).await {
            Ok(session) => {
                let applied = carry_out(self.door(&session), plan, observed, go_on).await;
                if let Some(error) = &applied.failure {
                    sessions.forget_if_stale(&session, error).await;
                }
                applied
            }
            Err(error) => AppliedGrant {
                failure: Some(error),
                ..AppliedGrant::default()
            },
        }
    }

    /// Enters as the grant role, and reads what tells whether it is as it must be.
    ///
    /// # Errors
    /// When the grant role cannot be assumed, or another account answers. What fails later is in the facts.
    pub async fn examine_grants(&self, grant_role: &Arn, name: &RoleName) -> Result<GrantFacts, CallError> {
        let session = self.grant_sessions(grant_role).await.get(&self.gate).await?;
        Ok(examination::grant_facts(self.door(&session), name).await)
    }

    pub(super) async fn grant_sessions(&self, grant_role: &Arn) -> Arc<Sessions> {
        let mut cached = self.grant_sessions.lock().await;
        match cached.as_ref().filter(|sessions| sessions.role() == grant_role) {
            Some(sessions) => sessions.clone(),
            None => {
                let sessions = Arc::new(self.sessions.of_grant_role(grant_role));
                *cached = Some(sessions.clone());
                sessions
            }
        }
    }
}

/// Reads the policies of an object.
async fn observe(door: Door<'_>, object: &ObjectName) -> Result<ObservedGrant, CallError> {
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

async fn paths(door: Door<'_>, roles: &[&str]) -> Result<BTreeMap<String, String>, CallError> {
    let mut paths = BTreeMap::new();
    for role in roles {
        let request = door.iam.get_role().role_name(*role);
        match door.gate.call(Action::GetGrantee, || request.clone().send()).await {
            Ok(answer) => {
                let role = answer.role().ok_or_else(|| empty(Action::GetGrantee, "role"))?;
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
    let policy = policy.ok_or_else(|| empty(Action::GetPolicy, "policy"))?;
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
    // The newest comes first. Source: what IAM answers; a version's number only grows.
    older.sort_by_key(|id| id.trim_start_matches('v').parse::<u64>().unwrap_or_default());
    let tags = policy.tags().iter();
    Ok(Some(ObservedPolicy {
        arn: arn.to_string(),
        id: policy.policy_id().unwrap_or_default().to_string(),
        tags: tags
            .map(|tag| (tag.key().to_string(), tag.value().to_string()))
            .collect(),
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

async fn carry_out(
    door: Door<'_>,
    plan: &GrantPlan,
    observed: &ObservedGrant,
    go_on: &(dyn Fn() -> bool + Send + Sync),
) -> AppliedGrant {
    let mut applied = AppliedGrant {
        holds: Some(observed.clone()),
        ..AppliedGrant::default()
    };
    for change in &plan.changes {
        if !go_on() {
            break;
        }
        match call(door, change).await {
            Ok(made) => {
                applied.done += 1;
                let holds = applied.holds.take();
                let holds = holds.filter(|holds| made.as_ref().is_none_or(|made| is_the_next(change, holds, made)));
                applied.holds = holds.and_then(|holds| grant::apply(change, &holds, &made?));
            }
            Err(error) => {
                applied.reached.clone_from(&applied.holds);
                applied.holds = applied.holds.filter(|_| !error.unclear);
                applied.failure = Some(error);
                break;
            }
        }
    }
    applied
}

/// Whether a version that was made follows those that are known: their numbers only grow. Another number can mean that it was
/// made twice, by a call whose answer was lost.
fn is_the_next(change: &GrantChange, holds: &ObservedGrant, made: &Made) -> bool {
    let number = |version: &String| version.trim_start_matches('v').parse::<u64>().unwrap_or_default();
    let GrantChange::CreateVersion { arn, .. } = change else {
        return true;
    };
    let mut policies = holds.policies.values();
    policies.find(|policy| policy.arn == *arn).is_some_and(|policy| {
        let known = policy.older.iter().chain([&policy.version]).map(number);
        known.max().unwrap_or_default() + 1 == number(&made.version)
    })
}

/// Carries out one change. `None` where what was to go was gone already: what the account holds is not clear then.
async fn call(door: Door<'_>, change: &GrantChange) -> Result<Option<Made>, CallError> {
    let iam = door.iam;
    macro_rules! send {
        ($action:ident, $builder:expr) => {{
            let request = $builder;
            door.gate
                .call(Action::$action, || request.clone().send())
                .await
                .map(|_| Some(Made::default()))
        }};
    }
    match change {
        GrantChange::CreatePolicy {
            name, document, tags, ..
        } => {
            let request = iam
                .create_policy()
                .policy_name(name)
                .path(policies_path())
                .policy_document(document.to_json())
                .set_tags(Some(to_tags(tags)?));
            let answer = door.gate.call(Action::CreatePolicy, || request.clone().send()).await?;
            let policy = answer.policy.ok_or_else(|| empty(Action::CreatePolicy, "policy"))?;
            Ok(Some(Made {
                id: policy.policy_id().unwrap_or_default().to_string(),
                version: policy.default_version_id().unwrap_or_default().to_string(),
            }))
        }
        GrantChange::CreateVersion { arn, document } => {
            let request = iam
                .create_policy_version()
                .policy_arn(arn)
                .policy_document(document.to_json())
                .set_as_default(true);
            let answer = door
                .gate
                .call(Action::CreatePolicyVersion, || request.clone().send())
                .await?;
            let version = answer
                .policy_version
                .ok_or_else(|| empty(Action::CreatePolicyVersion, "version"))?;
            Ok(Some(Made {
                version: version.version_id().unwrap_or_default().to_string(),
                ..Made::default()
            }))
        }
        GrantChange::DeleteVersion { arn, version } => gone(send!(
            DeletePolicyVersion,
            iam.delete_policy_version().policy_arn(arn).version_id(version)
        )),
        GrantChange::Attach { arn, holder } => match holder.kind {
            HolderKind::Group => send!(
                AttachGroupPolicy,
                iam.attach_group_policy().policy_arn(arn).group_name(&holder.name)
            ),
            HolderKind::Role => send!(
                GiveToRole,
                iam.attach_role_policy().policy_arn(arn).role_name(&holder.name)
            ),
            // No plan says so.
            HolderKind::User => Err(CallError::new(
                Action::AttachGroupPolicy,
                Failure::Unexpected,
                "nothing is ever attached to a user",
            )),
        },
        GrantChange::Detach { arn, holder } => gone(match holder.kind {
            HolderKind::Group => send!(
                DetachGroupPolicy,
                iam.detach_group_policy().policy_arn(arn).group_name(&holder.name)
            ),
            HolderKind::Role => send!(
                TakeFromRole,
                iam.detach_role_policy().policy_arn(arn).role_name(&holder.name)
            ),
            HolderKind::User => send!(
                DetachUserPolicy,
                iam.detach_user_policy().policy_arn(arn).user_name(&holder.name)
            ),
        }),
        GrantChange::Tag { arn, tags } => {
            send!(
                TagPolicy,
                iam.tag_policy().policy_arn(arn).set_tags(Some(to_tags(tags)?))
            )
        }
        GrantChange::DeletePolicy { arn } => gone(send!(DeletePolicy, iam.delete_policy().policy_arn(arn))),
    }
}

// What was to go is gone already, most likely by an earlier try whose answer was lost.
fn gone(answer: Result<Option<Made>, CallError>) -> Result<Option<Made>, CallError> {
    match answer {
        Err(error) if error.failure == Failure::RoleNotFound => Ok(None),
        other => other,
    }
}

fn to_tags(tags: &BTreeMap<String, String>) -> Result<Vec<Tag>, CallError> {
    tags.iter()
        .map(|(key, value)| {
            let tag = Tag::builder().key(key).value(value).build();
            tag.map_err(|error| CallError::new(Action::TagPolicy, Failure::Unexpected, error.to_string()))
        })
        .collect()
}

fn empty(action: Action, what: &str) -> CallError {
    CallError::new(action, Failure::Unexpected, format!("the answer held no {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_was_made_twice_is_noticed() {
        let arn = "arn:aws:iam::111111111111:policy/crossrole-grants/security.auditors.1";
        let document = crossrole_plan::trust::closed();
        let policy = ObservedPolicy {
            arn: arn.into(),
            id: "ANPA1".into(),
            tags: BTreeMap::new(),
            version: "v10".into(),
            document: ObservedDocument::of(document.clone()),
            older: vec!["v9".into()],
            holders: BTreeSet::new(),
        };
        let holds = ObservedGrant {
            policies: BTreeMap::from([(1, policy)]),
            ..ObservedGrant::default()
        };
        let made = |version: &str| Made {
            version: version.into(),
            ..Made::default()
        };
        let arn = arn.to_string();
        let change = GrantChange::CreateVersion {
            arn: arn.clone(),
            document,
        };
        assert!(is_the_next(&change, &holds, &made("v11")));
        assert!(!is_the_next(&change, &holds, &made("v12")));
        assert!(is_the_next(&GrantChange::DeletePolicy { arn }, &holds, &made("")));
    }
}
