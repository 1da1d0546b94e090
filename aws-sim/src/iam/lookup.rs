//! Finding what a call is about, and whether the caller may, in the order in which IAM does it: the form of the request,
//! then the permission, then whether the thing exists.

use std::sync::Arc;

use super::check;
use crate::call::Call;
use crate::policy::context::Context;
use crate::wire::error::AwsError;
use crate::world::account::Role;

/// Whether a call may touch roles that only AWS's services may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// The role that `RoleName` names, if the caller may do `action` on it. `add` puts further condition keys in.
///
/// IAM cannot know the path of a role that does not exist, so it asks for permission on the name alone: a caller whose
/// rights end at a path is told `AccessDenied`, not `NoSuchEntity`.
pub(crate) fn role(
    call: &Call<'_>,
    action: &str,
    access: Access,
    add: impl FnOnce(&mut Context, Option<&Role>),
) -> Result<Arc<Role>, AwsError> {
    let name = call.parameters.required("RoleName")?;
    check::name(name, "roleName", 64)?;
    let account = call.account()?;
    let role = account.role(name).cloned();
    let resource = role
        .as_ref()
        .map_or_else(|| account.arn("role", "/", name), |role| role.arn.clone());
    let mut context = call.context.clone();
    if let Some(role) = &role {
        set_resource_tags(&mut context, &role.tags);
    }
    add(&mut context, role.as_deref());
    call.authorize(action, &resource, &format!("role {name}"), &context)?;
    let role = role.ok_or_else(|| no_such_role(name))?;
    if access == Access::Write && is_reserved(&role.path) {
        return Err(AwsError::new(
            400,
            "UnmodifiableEntity",
            format!(
                "Cannot perform the operation on the protected role '{}' - this role is only modifiable by AWS",
                role.name
            ),
        ));
    }
    Ok(role)
}

/// True for the paths of roles that belong to AWS: service-linked ones, and those of IAM Identity Center.
pub(crate) fn is_reserved(path: &str) -> bool {
    path.starts_with("/aws-service-role/") || path.starts_with("/aws-reserved/")
}

/// Puts in the boundary that the role has now, as the actions that change its policies know it.
pub(crate) fn current_boundary(context: &mut Context, role: Option<&Role>) {
    context.set_optional(
        "iam:PermissionsBoundary",
        role.and_then(|role| role.boundary.as_deref()),
    );
}

/// Puts in the tags of what the call is about.
pub(crate) fn set_resource_tags(context: &mut Context, tags: &[(String, String)]) {
    let pairs = || tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    context.set_tags("aws:ResourceTag", pairs());
    context.set_tags("iam:ResourceTag", pairs());
}

/// Puts in the tags that come with the request.
pub(crate) fn set_request_tags(context: &mut Context, tags: &[(String, String)]) {
    if tags.is_empty() {
        return;
    }
    context.set_tags(
        "aws:RequestTag",
        tags.iter().map(|(key, value)| (key.as_str(), value.as_str())),
    );
    context.set_many("aws:TagKeys", tags.iter().map(|(key, _)| key.clone()).collect());
}

/// Changes a role in place.
pub(crate) fn change_role(call: &mut Call<'_>, name: &str, change: impl FnOnce(&mut Role)) -> Result<(), AwsError> {
    let role = call
        .account_mut()?
        .roles
        .get_mut(&name.to_lowercase())
        .ok_or_else(|| no_such_role(name))?;
    change(Arc::make_mut(role));
    Ok(())
}

pub(crate) fn no_such_role(name: &str) -> AwsError {
    AwsError::no_such_entity(format!("The role with name {name} cannot be found."))
}
