//! Users: as many of their actions as tests of trust need.

use std::collections::{BTreeMap, BTreeSet};

use super::check;
use super::lookup::{set_request_tags, set_resource_tags};
use super::role_boundary::check_exists;
use super::role_policies::check_attachable;
use super::roles::size;
use super::shapes::{write_tags, write_user};
use crate::call::Call;
use crate::policy::context::Context;
use crate::policy::grammar::{Use, permission_document};
use crate::wire::error::{Answer, AwsError};
use crate::wire::xml::Xml;
use crate::world::World;
use crate::world::account::User;
use crate::world::credential::{CallerKind, Identity};
use crate::world::time::Seconds;

/// Makes a user without any policy.
pub(crate) fn make_user(
    world: &mut World,
    account_id: &str,
    path: &str,
    name: &str,
    now: Seconds,
) -> Result<User, AwsError> {
    let account = world.account(account_id)?;
    if account.user(name).is_some() {
        return Err(AwsError::already_exists(format!(
            "User with name {name} already exists."
        )));
    }
    let arn = account.arn("user", path, name);
    let user = User {
        name: name.to_owned(),
        path: path.to_owned(),
        id: world.ids.unique_id("AIDA"),
        arn,
        created: now,
        inline: BTreeMap::new(),
        attached: BTreeSet::new(),
        boundary: None,
        tags: Vec::new(),
        groups: BTreeSet::new(),
    };
    world
        .account_mut(account_id)?
        .users
        .insert(name.to_lowercase(), user.clone());
    Ok(user)
}

pub(crate) fn create_user(call: &mut Call<'_>) -> Answer {
    let name = call.parameters.required("UserName")?;
    let path = call.parameters.get("Path").unwrap_or("/");
    check::name(name, "userName", 64)?;
    check::path(path)?;
    let tags = call.parameters.pairs("Tags");
    check::tags(&tags, false)?;
    let boundary = call.parameters.get("PermissionsBoundary");
    let arn = call.account()?.arn("user", path, name);
    let mut context = call.context.clone();
    context.set_optional("iam:PermissionsBoundary", boundary);
    set_request_tags(&mut context, &tags);
    call.authorize("iam:CreateUser", &arn, &arn, &context)?;
    if !tags.is_empty() {
        call.authorize("iam:TagUser", &arn, &arn, &context)?;
    }
    if let Some(boundary) = boundary {
        check_exists(call.account()?, boundary)?;
    }
    let account_id = call.caller.account.clone();
    let mut user = make_user(call.world, &account_id, path, name, call.now)?;
    user.boundary = boundary.map(str::to_owned);
    user.tags = tags;
    change(call, name, |held| held.clone_from(&user))?;
    let mut xml = Xml::new();
    xml.element("User", |xml| {
        write_user(xml, &user);
        if !user.tags.is_empty() {
            write_tags(xml, &user.tags);
        }
    });
    xml.answer()
}

/// The user that a call names, if the caller may do `action` on it. Without a name it is the caller itself.
fn user(call: &Call<'_>, action: &str, add: impl FnOnce(&mut Context)) -> Result<User, AwsError> {
    let name = match (call.parameters.get("UserName"), &call.caller.kind) {
        (Some(name), _) => name.to_owned(),
        (None, CallerKind::User(name)) => name.clone(),
        (None, _) => {
            return Err(AwsError::validation(
                "Must specify userName when calling with non-User credentials",
            ));
        }
    };
    check::name(&name, "userName", 128)?;
    let account = call.account()?;
    let user = account.user(&name);
    let arn = user.map_or_else(|| account.arn("user", "/", &name), |user| user.arn.clone());
    let mut context = call.context.clone();
    if let Some(user) = user {
        set_resource_tags(&mut context, &user.tags);
        context.set_optional("iam:PermissionsBoundary", user.boundary.as_deref());
    }
    add(&mut context);
    call.authorize(action, &arn, &format!("user {name}"), &context)?;
    user.cloned()
        .ok_or_else(|| AwsError::no_such_entity(format!("The user with name {name} cannot be found.")))
}

fn change(call: &mut Call<'_>, name: &str, change: impl FnOnce(&mut User)) -> Result<(), AwsError> {
    if let Some(user) = call.account_mut()?.users.get_mut(&name.to_lowercase()) {
        change(user);
    }
    Ok(())
}

pub(crate) fn get_user(call: &mut Call<'_>) -> Answer {
    let user = user(call, "iam:GetUser", |_| {})?;
    let mut xml = Xml::new();
    xml.element("User", |xml| {
        write_user(xml, &user);
        if !user.tags.is_empty() {
            write_tags(xml, &user.tags);
        }
    });
    xml.answer()
}

pub(crate) fn delete_user(call: &mut Call<'_>) -> Answer {
    let user = user(call, "iam:DeleteUser", |_| {})?;
    let blocked = |what: &str| {
        Err(AwsError::delete_conflict(format!(
            "Cannot delete entity, must {what} first."
        )))
    };
    if call.world.user_keys(&call.caller.account, &user.id) > 0 {
        return blocked("delete access keys");
    }
    if !user.attached.is_empty() {
        return blocked("detach all policies");
    }
    if !user.inline.is_empty() {
        return blocked("delete policies");
    }
    let account_id = call.caller.account.clone();
    remove_user(call.world, &account_id, &user)
}

/// Takes a user away with all that hangs on it.
pub(crate) fn remove_user(world: &mut World, account_id: &str, user: &User) -> Answer {
    let account = world.account_mut(account_id)?;
    account.users.remove(&user.name.to_lowercase());
    account.mfa_devices.retain(|_, device| device.user_id != user.id);
    world.revoke_user_keys(account_id, &user.id);
    world.bury_principal(&user.arn, &user.id);
    Ok(String::new())
}

pub(crate) fn create_access_key(call: &mut Call<'_>) -> Answer {
    let user = user(call, "iam:CreateAccessKey", |_| {})?;
    let account_id = call.caller.account.clone();
    if call.world.user_keys(&account_id, &user.id) >= 2 {
        return Err(AwsError::limit_exceeded("Cannot exceed quota for AccessKeysPerUser: 2"));
    }
    let credential = call.world.issue_access_key(&account_id, Identity::User { id: user.id });
    let mut xml = Xml::new();
    xml.element("AccessKey", |xml| {
        xml.leaf("UserName", &user.name)
            .leaf("AccessKeyId", &credential.access_key)
            .leaf("Status", "Active");
        xml.leaf("SecretAccessKey", &credential.secret)
            .time("CreateDate", credential.issued);
    });
    xml.answer()
}

pub(crate) fn put_user_policy(call: &mut Call<'_>) -> Answer {
    let name = call.parameters.required("PolicyName")?;
    check::name(name, "policyName", 128)?;
    let text = call.parameters.required("PolicyDocument")?;
    let user = user(call, "iam:PutUserPolicy", |_| {})?;
    let document = permission_document(text, Use::Inline)?;
    let others = user.inline.iter().filter(|(other, _)| *other != name);
    let total = others.map(|(_, held)| size(&held.text)).sum::<usize>() + size(text);
    let quota = call.account()?.quotas.user_policy_size;
    if total > quota {
        return Err(AwsError::limit_exceeded(format!(
            "Maximum policy size of {quota} bytes exceeded for user {}",
            user.name
        )));
    }
    change(call, &user.name, |user| {
        user.inline.insert(name.to_owned(), document);
    })?;
    Ok(String::new())
}

pub(crate) fn delete_user_policy(call: &mut Call<'_>) -> Answer {
    let name = call.parameters.required("PolicyName")?;
    let user = user(call, "iam:DeleteUserPolicy", |_| {})?;
    if !user.inline.contains_key(name) {
        return Err(AwsError::no_such_entity(format!(
            "The user policy with name {name} cannot be found."
        )));
    }
    change(call, &user.name, |user| {
        user.inline.remove(name);
    })?;
    Ok(String::new())
}

pub(crate) fn attach_user_policy(call: &mut Call<'_>) -> Answer {
    let arn = call.parameters.required("PolicyArn")?;
    check::policy_arn(arn)?;
    let user = user(call, "iam:AttachUserPolicy", |context| {
        context.set("iam:PolicyARN", arn)
    })?;
    let account = call.account()?;
    check_attachable(account, arn)?;
    let quota = account.quotas.attached_per_user;
    if !user.attached.contains(arn) && user.attached.len() >= quota {
        return Err(AwsError::limit_exceeded(format!(
            "Cannot exceed quota for PoliciesPerUser: {quota}"
        )));
    }
    change(call, &user.name, |user| {
        user.attached.insert(arn.to_owned());
    })?;
    Ok(String::new())
}

pub(crate) fn detach_user_policy(call: &mut Call<'_>) -> Answer {
    let arn = call.parameters.required("PolicyArn")?;
    check::policy_arn(arn)?;
    let user = user(call, "iam:DetachUserPolicy", |context| {
        context.set("iam:PolicyARN", arn)
    })?;
    if !user.attached.contains(arn) {
        return Err(AwsError::no_such_entity(format!("Policy {arn} was not found.")));
    }
    change(call, &user.name, |user| {
        user.attached.remove(arn);
    })?;
    Ok(String::new())
}
