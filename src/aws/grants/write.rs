//! Carrying out the plan of a grant: one IAM call for each change, in order, up to the first failure.

use crossrole_plan::grant::{self, GrantChange, GrantPlan, HolderKind, Made, ObservedGrant, policies_path};
use crossrole_plan::outcome::Failure;

use super::{AppliedGrant, number_of_version};
use crate::aws::Action;
use crate::aws::error::CallError;
use crate::aws::read::Door;
use crate::aws::write::to_tags;

pub(super) async fn carry_out(
    door: Door<'_>,
    plan: &GrantPlan,
    observed: &ObservedGrant,
    go_on: &(dyn Fn() -> bool + Send + Sync),
) -> AppliedGrant {
    let mut applied = AppliedGrant::nothing(observed);
    for change in &plan.changes {
        if !go_on() {
            applied.is_whole = false;
            break;
        }
        match call(door, change).await {
            Ok(made) => {
                applied.done.push(change.clone());
                let holds = applied.holds.take();
                let holds = holds.filter(|holds| made.as_ref().is_none_or(|made| is_the_next(change, holds, made)));
                applied.holds = holds.and_then(|holds| grant::apply(change, &holds, &made?));
            }
            Err(error) if error.failure == Failure::GranteeNotFound => applied.lacking = Some(error),
            Err(error) => {
                applied.is_whole = false;
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
    let GrantChange::CreateVersion { arn, .. } = change else {
        return true;
    };
    let mut policies = holds.policies.values();
    policies.find(|policy| policy.arn == *arn).is_some_and(|policy| {
        let known = policy.older.iter().chain([&policy.version]);
        let newest = known.map(|version| number_of_version(version)).max();
        newest.unwrap_or_default() + 1 == number_of_version(&made.version)
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
                .set_tags(Some(to_tags(Action::TagPolicy, tags)?));
            let answer = door.gate.call(Action::CreatePolicy, || request.clone().send()).await?;
            let policy = answer
                .policy
                .ok_or_else(|| CallError::empty(Action::CreatePolicy, "policy"))?;
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
                .ok_or_else(|| CallError::empty(Action::CreatePolicyVersion, "version"))?;
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
                iam.tag_policy()
                    .policy_arn(arn)
                    .set_tags(Some(to_tags(Action::TagPolicy, tags)?))
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

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use crossrole_plan::grant::ObservedPolicy;
    use crossrole_plan::observed::ObservedDocument;

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
