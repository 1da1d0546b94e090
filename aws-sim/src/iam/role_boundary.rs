//! The permissions boundary of a role.

use super::lookup::{Access, change_role, current_boundary, role};
use crate::call::Call;
use crate::wire::error::{Answer, AwsError};
use crate::world::account::Account;

pub(crate) fn put_role_permissions_boundary(call: &mut Call<'_>) -> Answer {
    let arn = call.parameters.required("PermissionsBoundary")?;
    // The condition key is the boundary that is asked for, not the one that the role has.
    let role = role(call, "iam:PutRolePermissionsBoundary", Access::Write, |context, _| {
        context.set("iam:PermissionsBoundary", arn);
    })?;
    check_exists(call.account()?, arn)?;
    change_role(call, &role.name, |role| role.boundary = Some(arn.to_owned()))?;
    Ok(String::new())
}

pub(crate) fn delete_role_permissions_boundary(call: &mut Call<'_>) -> Answer {
    let role = role(
        call,
        "iam:DeleteRolePermissionsBoundary",
        Access::Write,
        current_boundary,
    )?;
    if role.boundary.is_none() {
        return Err(AwsError::no_such_entity(format!(
            "The role with name {} does not have a permissions boundary.",
            role.name
        )));
    }
    change_role(call, &role.name, |role| role.boundary = None)?;
    Ok(String::new())
}

/// Fails unless the policy exists.
pub(crate) fn check_exists(account: &Account, arn: &str) -> Result<(), AwsError> {
    if !arn.starts_with("arn:") || !arn.contains(":policy/") {
        return Err(AwsError::invalid_input(format!("ARN {arn} is not valid.")));
    }
    match account.managed_document(arn) {
        Some(_) => Ok(()),
        None => Err(AwsError::no_such_entity(format!(
            "Scope ARN: {arn} does not exist or is not attachable."
        ))),
    }
}
