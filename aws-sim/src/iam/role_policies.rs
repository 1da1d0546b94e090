//! Inline policies of roles, and managed policies attached to them.

use super::check;
use super::lookup::{Access, change_role, current_boundary, role};
use super::roles::size;
use super::shapes::write_attached;
use crate::call::Call;
use crate::policy::grammar::{Use, permission_document};
use crate::wire::error::{Answer, AwsError};
use crate::wire::xml::Xml;
use crate::world::account::{Account, policy_name};

pub(crate) fn put_role_policy(call: &mut Call<'_>) -> Answer {
    let name = call.parameters.required("PolicyName")?;
    check::name(name, "policyName", 128)?;
    let text = call.parameters.required("PolicyDocument")?;
    let role = role(call, "iam:PutRolePolicy", Access::Write, current_boundary)?;
    let document = permission_document(text, Use::Inline)?;
    let others = role.inline.iter().filter(|(other, _)| *other != name);
    let total = others.map(|(_, held)| size(&held.text)).sum::<usize>() + size(text);
    let quota = call.account()?.quotas.role_policy_size;
    if total > quota {
        return Err(AwsError::limit_exceeded(format!(
            "Maximum policy size of {quota} bytes exceeded for role {}",
            role.name
        )));
    }
    change_role(call, &role.name, |role| {
        role.inline.insert(name.to_owned(), document);
    })?;
    Ok(String::new())
}

pub(crate) fn get_role_policy(call: &mut Call<'_>) -> Answer {
    let name = call.parameters.required("PolicyName")?;
    let role = role(call, "iam:GetRolePolicy", Access::Read, |_, _| {})?;
    let document = role.inline.get(name).ok_or_else(|| no_such_role_policy(name))?;
    let mut xml = Xml::new();
    xml.leaf("RoleName", &role.name)
        .leaf("PolicyName", name)
        .document("PolicyDocument", &document.text);
    xml.answer()
}

pub(crate) fn delete_role_policy(call: &mut Call<'_>) -> Answer {
    let name = call.parameters.required("PolicyName")?;
    let role = role(call, "iam:DeleteRolePolicy", Access::Write, current_boundary)?;
    if !role.inline.contains_key(name) {
        return Err(no_such_role_policy(name));
    }
    change_role(call, &role.name, |role| {
        role.inline.remove(name);
    })?;
    Ok(String::new())
}

fn no_such_role_policy(name: &str) -> AwsError {
    AwsError::no_such_entity(format!("The role policy with name {name} cannot be found."))
}

pub(crate) fn list_role_policies(call: &mut Call<'_>) -> Answer {
    let page = call.page()?;
    let role = role(call, "iam:ListRolePolicies", Access::Read, |_, _| {})?;
    let paged = page.cut(role.inline.keys().map(|name| (name.clone(), name.as_str())));
    let mut xml = Xml::new();
    paged.write_end(&mut xml);
    xml.texts("PolicyNames", paged.items.iter().copied());
    xml.answer()
}

pub(crate) fn attach_role_policy(call: &mut Call<'_>) -> Answer {
    let arn = call.parameters.required("PolicyArn")?;
    check::policy_arn(arn)?;
    let role = role(call, "iam:AttachRolePolicy", Access::Write, |context, role| {
        current_boundary(context, role);
        context.set("iam:PolicyARN", arn);
    })?;
    let account = call.account()?;
    check_attachable(account, arn)?;
    let quota = account.quotas.attached_per_role;
    if !role.attached.contains(arn) && role.attached.len() >= quota {
        return Err(AwsError::limit_exceeded(format!(
            "Cannot exceed quota for PoliciesPerRole: {quota}"
        )));
    }
    change_role(call, &role.name, |role| {
        role.attached.insert(arn.to_owned());
    })?;
    Ok(String::new())
}

/// Fails unless there is such a policy, of this account or of AWS.
pub(crate) fn check_attachable(account: &Account, arn: &str) -> Result<(), AwsError> {
    match account.managed_document(arn) {
        Some(_) => Ok(()),
        None => Err(AwsError::no_such_entity(format!(
            "Policy {arn} does not exist or is not attachable."
        ))),
    }
}

pub(crate) fn detach_role_policy(call: &mut Call<'_>) -> Answer {
    let arn = call.parameters.required("PolicyArn")?;
    check::policy_arn(arn)?;
    let role = role(call, "iam:DetachRolePolicy", Access::Write, |context, role| {
        current_boundary(context, role);
        context.set("iam:PolicyARN", arn);
    })?;
    if !role.attached.contains(arn) {
        return Err(AwsError::no_such_entity(format!("Policy {arn} was not found.")));
    }
    change_role(call, &role.name, |role| {
        role.attached.remove(arn);
    })?;
    Ok(String::new())
}

pub(crate) fn list_attached_role_policies(call: &mut Call<'_>) -> Answer {
    let page = call.page()?;
    let prefix = call.parameters.get("PathPrefix").unwrap_or("/");
    let role = role(call, "iam:ListAttachedRolePolicies", Access::Read, |_, _| {})?;
    let below = |arn: &&String| {
        let path = arn.split_once(":policy").map_or("/", |(_, path)| path);
        path.starts_with(prefix)
    };
    let named = role
        .attached
        .iter()
        .filter(below)
        .map(|arn| (format!("{} {arn}", policy_name(arn)), arn));
    let mut named: Vec<_> = named.collect();
    named.sort();
    let paged = page.cut(named);
    let mut xml = Xml::new();
    paged.write_end(&mut xml);
    write_attached(&mut xml, "AttachedPolicies", paged.items.iter().copied());
    xml.answer()
}
