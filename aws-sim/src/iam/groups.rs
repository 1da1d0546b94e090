//! Groups of users, and what is attached to them.

use std::collections::{BTreeMap, BTreeSet};

use super::check;
use super::role_policies::check_attachable;
use super::roles::size;
use super::shapes::{write_attached, write_group, write_user};
use crate::call::Call;
use crate::policy::context::Context;
use crate::policy::grammar::{Use, permission_document};
use crate::wire::error::{Answer, AwsError};
use crate::wire::xml::Xml;
use crate::world::account::{Group, policy_name};

/// The quota of a group's inline policies together, as `GetAccountSummary` tells it.
const INLINE_QUOTA: usize = 5120;

pub(crate) fn create_group(call: &mut Call<'_>) -> Answer {
    let name = call.parameters.required("GroupName")?;
    let path = call.parameters.get("Path").unwrap_or("/");
    check::name(name, "groupName", 128)?;
    check::path(path)?;
    let arn = call.account()?.arn("group", path, name);
    call.authorize("iam:CreateGroup", &arn, &arn, &call.context)?;
    if call.account()?.group(name).is_some() {
        return Err(AwsError::already_exists(format!(
            "Group with name {name} already exists."
        )));
    }
    let group = Group {
        name: name.to_owned(),
        path: path.to_owned(),
        id: call.world.ids.unique_id("AGPA"),
        arn,
        created: call.now,
        inline: BTreeMap::new(),
        attached: BTreeSet::new(),
    };
    let mut xml = Xml::new();
    xml.element("Group", |xml| write_group(xml, &group));
    call.account_mut()?.groups.insert(name.to_lowercase(), group);
    xml.answer()
}

/// The group that a call names, if the caller may do `action` on it.
fn group(call: &Call<'_>, action: &str, add: impl FnOnce(&mut Context)) -> Result<Group, AwsError> {
    let name = call.parameters.required("GroupName")?;
    check::name(name, "groupName", 128)?;
    let account = call.account()?;
    let group = account.group(name);
    let arn = group.map_or_else(|| account.arn("group", "/", name), |group| group.arn.clone());
    let mut context = call.context.clone();
    add(&mut context);
    call.authorize(action, &arn, &format!("group {name}"), &context)?;
    group
        .cloned()
        .ok_or_else(|| AwsError::no_such_entity(format!("The group with name {name} cannot be found.")))
}

fn change(call: &mut Call<'_>, name: &str, change: impl FnOnce(&mut Group)) -> Result<(), AwsError> {
    if let Some(group) = call.account_mut()?.groups.get_mut(&name.to_lowercase()) {
        change(group);
    }
    Ok(())
}

pub(crate) fn get_group(call: &mut Call<'_>) -> Answer {
    let page = call.page()?;
    let group = group(call, "iam:GetGroup", |_| {})?;
    let users = call.account()?.users.iter();
    let inside = users.filter(|(_, user)| user.groups.iter().any(|held| held.eq_ignore_ascii_case(&group.name)));
    let paged = page.cut(inside.map(|(key, user)| (key.clone(), user)));
    let mut xml = Xml::new();
    paged.write_end(&mut xml);
    xml.element("Group", |xml| write_group(xml, &group));
    xml.list("Users", &paged.items, |xml, user| write_user(xml, user));
    xml.answer()
}

pub(crate) fn delete_group(call: &mut Call<'_>) -> Answer {
    let group = group(call, "iam:DeleteGroup", |_| {})?;
    let blocked = |what: &str| {
        Err(AwsError::delete_conflict(format!(
            "Cannot delete entity, must {what} first."
        )))
    };
    let mut users = call.account()?.users.values();
    if users.any(|user| user.groups.iter().any(|held| held.eq_ignore_ascii_case(&group.name))) {
        return blocked("remove users from group");
    }
    if !group.attached.is_empty() {
        return blocked("detach all policies");
    }
    if !group.inline.is_empty() {
        return blocked("delete policies");
    }
    call.account_mut()?.groups.remove(&group.name.to_lowercase());
    Ok(String::new())
}

/// Puts a user into a group (`wanted`) or takes it out.
fn membership(call: &mut Call<'_>, action: &str, wanted: bool) -> Answer {
    let user = call.parameters.required("UserName")?;
    check::name(user, "userName", 128)?;
    let group = group(call, action, |_| {})?;
    let missing = || AwsError::no_such_entity(format!("The user with name {user} cannot be found."));
    let held = call
        .account_mut()?
        .users
        .get_mut(&user.to_lowercase())
        .ok_or_else(missing)?;
    held.groups.retain(|name| !name.eq_ignore_ascii_case(&group.name));
    if wanted {
        held.groups.insert(group.name);
    }
    Ok(String::new())
}

pub(crate) fn add_user_to_group(call: &mut Call<'_>) -> Answer {
    membership(call, "iam:AddUserToGroup", true)
}

pub(crate) fn remove_user_from_group(call: &mut Call<'_>) -> Answer {
    membership(call, "iam:RemoveUserFromGroup", false)
}

pub(crate) fn put_group_policy(call: &mut Call<'_>) -> Answer {
    let name = call.parameters.required("PolicyName")?;
    check::name(name, "policyName", 128)?;
    let text = call.parameters.required("PolicyDocument")?;
    let group = group(call, "iam:PutGroupPolicy", |_| {})?;
    let document = permission_document(text, Use::Inline)?;
    let others = group.inline.iter().filter(|(other, _)| *other != name);
    if others.map(|(_, held)| size(&held.text)).sum::<usize>() + size(text) > INLINE_QUOTA {
        return Err(AwsError::limit_exceeded(format!(
            "Maximum policy size of {INLINE_QUOTA} bytes exceeded for group {}",
            group.name
        )));
    }
    change(call, &group.name, |group| {
        group.inline.insert(name.to_owned(), document);
    })?;
    Ok(String::new())
}

pub(crate) fn delete_group_policy(call: &mut Call<'_>) -> Answer {
    let name = call.parameters.required("PolicyName")?;
    let group = group(call, "iam:DeleteGroupPolicy", |_| {})?;
    if !group.inline.contains_key(name) {
        return Err(AwsError::no_such_entity(format!(
            "The group policy with name {name} cannot be found."
        )));
    }
    change(call, &group.name, |group| {
        group.inline.remove(name);
    })?;
    Ok(String::new())
}

pub(crate) fn attach_group_policy(call: &mut Call<'_>) -> Answer {
    let arn = call.parameters.required("PolicyArn")?;
    check::policy_arn(arn)?;
    let group = group(call, "iam:AttachGroupPolicy", |context| {
        context.set("iam:PolicyARN", arn)
    })?;
    let account = call.account()?;
    check_attachable(account, arn)?;
    let quota = account.quotas.attached_per_group;
    if !group.attached.contains(arn) && group.attached.len() >= quota {
        return Err(AwsError::limit_exceeded(format!(
            "Cannot exceed quota for PoliciesPerGroup: {quota}"
        )));
    }
    change(call, &group.name, |group| {
        group.attached.insert(arn.to_owned());
    })?;
    Ok(String::new())
}

pub(crate) fn detach_group_policy(call: &mut Call<'_>) -> Answer {
    let arn = call.parameters.required("PolicyArn")?;
    check::policy_arn(arn)?;
    let group = group(call, "iam:DetachGroupPolicy", |context| {
        context.set("iam:PolicyARN", arn)
    })?;
    if !group.attached.contains(arn) {
        return Err(AwsError::no_such_entity(format!("Policy {arn} was not found.")));
    }
    change(call, &group.name, |group| {
        group.attached.remove(arn);
    })?;
    Ok(String::new())
}

pub(crate) fn list_attached_group_policies(call: &mut Call<'_>) -> Answer {
    let page = call.page()?;
    let group = group(call, "iam:ListAttachedGroupPolicies", |_| {})?;
    let mut named: Vec<_> = group
        .attached
        .iter()
        .map(|arn| (format!("{} {arn}", policy_name(arn)), arn))
        .collect();
    named.sort();
    let paged = page.cut(named);
    let mut xml = Xml::new();
    paged.write_end(&mut xml);
    write_attached(&mut xml, "AttachedPolicies", paged.items.iter().copied());
    xml.answer()
}
