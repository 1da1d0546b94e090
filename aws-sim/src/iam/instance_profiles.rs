//! Instance profiles: what keeps a role from being deleted without anybody attaching a policy.

use super::check;
use super::lookup::{Access, no_such_role, role};
use super::shapes::write_profile;
use crate::call::Call;
use crate::wire::error::{Answer, AwsError};
use crate::wire::xml::Xml;
use crate::world::account::InstanceProfile;

pub(crate) fn create_instance_profile(call: &mut Call<'_>) -> Answer {
    let name = call.parameters.required("InstanceProfileName")?;
    let path = call.parameters.get("Path").unwrap_or("/");
    check::name(name, "instanceProfileName", 128)?;
    check::path(path)?;
    let arn = call.account()?.arn("instance-profile", path, name);
    call.authorize("iam:CreateInstanceProfile", &arn, &arn, &call.context)?;
    if call.account()?.instance_profiles.contains_key(&name.to_lowercase()) {
        return Err(AwsError::already_exists(format!(
            "Instance Profile {name} already exists."
        )));
    }
    let profile = InstanceProfile {
        name: name.to_owned(),
        path: path.to_owned(),
        id: call.world.ids.unique_id("AIPA"),
        arn,
        created: call.now,
        roles: Vec::new(),
    };
    let account = call.account_mut()?;
    let mut xml = Xml::new();
    xml.element("InstanceProfile", |xml| write_profile(xml, &profile, account));
    account.instance_profiles.insert(name.to_lowercase(), profile);
    xml.answer()
}

/// The instance profile that a call names, if the caller may do `action` on it.
fn profile(call: &Call<'_>, action: &str) -> Result<InstanceProfile, AwsError> {
    let name = call.parameters.required("InstanceProfileName")?;
    check::name(name, "instanceProfileName", 128)?;
    let account = call.account()?;
    let profile = account.instance_profiles.get(&name.to_lowercase());
    let arn = profile.map_or_else(
        || account.arn("instance-profile", "/", name),
        |profile| profile.arn.clone(),
    );
    call.authorize(action, &arn, &format!("instance profile {name}"), &call.context)?;
    profile
        .cloned()
        .ok_or_else(|| AwsError::no_such_entity(format!("Instance Profile {name} cannot be found.")))
}

fn change(call: &mut Call<'_>, name: &str, roles: Vec<String>) -> Result<(), AwsError> {
    if let Some(profile) = call.account_mut()?.instance_profiles.get_mut(&name.to_lowercase()) {
        profile.roles = roles;
    }
    Ok(())
}

pub(crate) fn get_instance_profile(call: &mut Call<'_>) -> Answer {
    let profile = profile(call, "iam:GetInstanceProfile")?;
    let account = call.account()?;
    let mut xml = Xml::new();
    xml.element("InstanceProfile", |xml| write_profile(xml, &profile, account));
    xml.answer()
}

pub(crate) fn delete_instance_profile(call: &mut Call<'_>) -> Answer {
    let profile = profile(call, "iam:DeleteInstanceProfile")?;
    if !profile.roles.is_empty() {
        return Err(AwsError::delete_conflict(
            "Cannot delete entity, must remove roles from instance profile first.",
        ));
    }
    call.account_mut()?
        .instance_profiles
        .remove(&profile.name.to_lowercase());
    Ok(String::new())
}

pub(crate) fn add_role_to_instance_profile(call: &mut Call<'_>) -> Answer {
    let role_name = call.parameters.required("RoleName")?;
    let profile = profile(call, "iam:AddRoleToInstanceProfile")?;
    let role = call
        .account()?
        .role(role_name)
        .cloned()
        .ok_or_else(|| no_such_role(role_name))?;
    let mut context = call.context.clone();
    context.set("iam:PassedToService", "ec2.amazonaws.com");
    call.authorize("iam:PassRole", &role.arn, &role.arn, &context)?;
    if !profile.roles.is_empty() {
        return Err(AwsError::limit_exceeded(
            "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1",
        ));
    }
    change(call, &profile.name, vec![role.name.clone()])?;
    Ok(String::new())
}

pub(crate) fn remove_role_from_instance_profile(call: &mut Call<'_>) -> Answer {
    let role_name = call.parameters.required("RoleName")?;
    let profile = profile(call, "iam:RemoveRoleFromInstanceProfile")?;
    let (gone, kept): (Vec<_>, Vec<_>) = profile
        .roles
        .into_iter()
        .partition(|held| held.eq_ignore_ascii_case(role_name));
    if gone.is_empty() {
        return Err(AwsError::no_such_entity(format!(
            "The role with name {role_name} is not in the instance profile {}.",
            profile.name
        )));
    }
    change(call, &profile.name, kept)?;
    Ok(String::new())
}

pub(crate) fn list_instance_profiles(call: &mut Call<'_>) -> Answer {
    let page = call.page()?;
    let prefix = call.parameters.get("PathPrefix").unwrap_or("/");
    call.authorize("iam:ListInstanceProfiles", "*", "*", &call.context)?;
    let account = call.account()?;
    let profiles = account
        .instance_profiles
        .iter()
        .filter(|(_, profile)| profile.path.starts_with(prefix));
    let paged = page.cut(profiles.map(|(key, profile)| (key.clone(), profile)));
    let mut xml = Xml::new();
    paged.write_end(&mut xml);
    xml.list("InstanceProfiles", &paged.items, |xml, profile| {
        write_profile(xml, profile, account)
    });
    xml.answer()
}

pub(crate) fn list_instance_profiles_for_role(call: &mut Call<'_>) -> Answer {
    let page = call.page()?;
    let role = role(call, "iam:ListInstanceProfilesForRole", Access::Read, |_, _| {})?;
    let account = call.account()?;
    let paged = page.cut(
        account
            .profiles_of(&role.name)
            .map(|profile| (profile.name.to_lowercase(), profile)),
    );
    let mut xml = Xml::new();
    paged.write_end(&mut xml);
    xml.list("InstanceProfiles", &paged.items, |xml, profile| {
        write_profile(xml, profile, account)
    });
    xml.answer()
}
