//! Carrying out a plan: one IAM call for each change, in order, up to the first failure.

use aws_sdk_iam::types::Tag;
use crossrole_plan::change::{Change, NewRole, Plan};
use crossrole_plan::observed::RoleSeen;
use crossrole_plan::outcome::Failure;
use std::collections::BTreeMap;

use super::Action;
use super::error::CallError;
use super::read::{Door, dates};

/// What became of a plan.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    /// How many changes were carried out, from the first.
    pub done: usize,
    /// The role that was created.
    pub created: Option<RoleSeen>,
    /// What stopped it. The change may have taken effect all the same.
    pub failure: Option<CallError>,
    /// Whether something that was to go was said to be absent already. A part of IAM that lags behind says so too.
    pub guessed: bool,
}

pub(super) async fn carry_out(door: Door<'_>, plan: &Plan, go_on: &(dyn Fn() -> bool + Send + Sync)) -> Applied {
    let mut applied = Applied::default();
    for change in &plan.changes {
        if !go_on() {
            break;
        }
        match call(door, plan.role.as_str(), change).await {
            Ok(Carried::Out) => applied.done += 1,
            Ok(Carried::Created(role)) => {
                applied.done += 1;
                applied.created = Some(role);
            }
            Ok(Carried::Absent) => {
                applied.done += 1;
                applied.guessed = true;
            }
            Err(error) => {
                applied.failure = Some(error);
                break;
            }
        }
    }
    applied
}

/// What became of a change.
enum Carried {
    Out,
    /// A role was made.
    Created(RoleSeen),
    /// What was to go is not there.
    Absent,
}

async fn call(door: Door<'_>, role: &str, change: &Change) -> Result<Carried, CallError> {
    let iam = door.iam;
    macro_rules! send {
        ($action:ident, $builder:expr) => {{
            let request = $builder;
            door.gate
                .call(Action::$action, || request.clone().send())
                .await
                .map(|_| Carried::Out)
        }};
    }
    match change {
        Change::CreateRole(new) => create(door, role, new).await,
        Change::UpdateTrust { document, .. } => send!(
            UpdateAssumeRolePolicy,
            iam.update_assume_role_policy()
                .role_name(role)
                .policy_document(document.to_json())
        ),
        Change::UpdateRole {
            description,
            max_session,
        } => send!(
            UpdateRole,
            iam.update_role()
                .role_name(role)
                .description(description)
                .max_session_duration(seconds(*max_session))
        ),
        Change::PutBoundary(arn) => send!(
            PutRolePermissionsBoundary,
            iam.put_role_permissions_boundary()
                .role_name(role)
                .permissions_boundary(arn.to_string())
        ),
        Change::DeleteBoundary => {
            send!(
                DeleteRolePermissionsBoundary,
                iam.delete_role_permissions_boundary().role_name(role)
            )
        }
        Change::Attach(arn) => {
            send!(
                AttachRolePolicy,
                iam.attach_role_policy().role_name(role).policy_arn(arn.to_string())
            )
        }
        Change::Detach(arn) => absent_is_fine(send!(
            DetachRolePolicy,
            iam.detach_role_policy().role_name(role).policy_arn(arn.to_string())
        )),
        Change::PutInline { name, document } => send!(
            PutRolePolicy,
            iam.put_role_policy()
                .role_name(role)
                .policy_name(name.as_str())
                .policy_document(document.to_json())
        ),
        Change::DeleteInline(name) => absent_is_fine(send!(
            DeleteRolePolicy,
            iam.delete_role_policy().role_name(role).policy_name(name.as_str())
        )),
        Change::Tag(tags) => send!(
            TagRole,
            iam.tag_role()
                .role_name(role)
                .set_tags(Some(to_tags(Action::TagRole, tags)?))
        ),
        Change::Untag(keys) => send!(
            UntagRole,
            iam.untag_role()
                .role_name(role)
                .set_tag_keys(Some(keys.iter().cloned().collect()))
        ),
        Change::LeaveInstanceProfile(name) => absent_is_fine(send!(
            RemoveRoleFromInstanceProfile,
            iam.remove_role_from_instance_profile()
                .role_name(role)
                .instance_profile_name(name)
        )),
        // A role that was made a moment ago is not known everywhere: only after a try whose answer was lost does this say
        // that it is gone.
        Change::DeleteRole => match send!(DeleteRole, iam.delete_role().role_name(role)) {
            Err(error) if error.failure == Failure::RoleNotFound && error.unclear => Ok(Carried::Out),
            answer => answer,
        },
    }
}

// What was to go is gone already, most likely by an earlier try whose answer was lost.
fn absent_is_fine(answer: Result<Carried, CallError>) -> Result<Carried, CallError> {
    match answer {
        Err(error) if matches!(error.failure, Failure::RoleNotFound | Failure::PolicyNotFound) => Ok(Carried::Absent),
        other => other,
    }
}

async fn create(door: Door<'_>, role: &str, new: &NewRole) -> Result<Carried, CallError> {
    let request = door
        .iam
        .create_role()
        .role_name(role)
        .path(new.path.as_str())
        .assume_role_policy_document(new.trust.to_json())
        .max_session_duration(seconds(new.max_session))
        .set_description((!new.description.is_empty()).then(|| new.description.clone()))
        .set_permissions_boundary(new.boundary.as_ref().map(ToString::to_string))
        .set_tags(Some(to_tags(Action::TagRole, &new.tags)?));
    let answer = door.gate.call(Action::CreateRole, || request.clone().send()).await?;
    let role = answer.role().map(|role| RoleSeen {
        arn: role.arn().to_string(),
        id: role.role_id().to_string(),
        dates: dates(Some(role.create_date()), None),
    });
    role.map(Carried::Created)
        .ok_or_else(|| CallError::empty(Action::CreateRole, "role"))
}

/// Tags as a call takes them. `action` is what is refused where IAM takes none like these.
pub(super) fn to_tags(action: Action, tags: &BTreeMap<String, String>) -> Result<Vec<Tag>, CallError> {
    tags.iter()
        .map(|(key, value)| {
            Tag::builder()
                .key(key)
                .value(value)
                .build()
                .map_err(|error| CallError::new(action, Failure::Unexpected, error.to_string()))
        })
        .collect()
}

fn seconds(seconds: u32) -> i32 {
    i32::try_from(seconds).unwrap_or(i32::MAX)
}
