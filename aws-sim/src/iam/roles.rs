//! Roles themselves: making, reading, changing and deleting them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::lookup::{Access, change_role, role, set_request_tags};
use super::shapes::{RoleView, write_role};
use super::{check, role_boundary};
use crate::call::Call;
use crate::policy::document::Document;
use crate::policy::trust::trust_document;
use crate::wire::error::{Answer, AwsError};
use crate::wire::xml::Xml;
use crate::world::World;
use crate::world::account::Role;
use crate::world::time::Seconds;

/// What a new role is made of.
#[derive(Debug)]
pub(crate) struct NewRole<'a> {
    pub(crate) name: &'a str,
    pub(crate) path: &'a str,
    pub(crate) description: Option<&'a str>,
    pub(crate) max_session_duration: u64,
    pub(crate) trust: &'a str,
    pub(crate) boundary: Option<&'a str>,
    pub(crate) tags: Vec<(String, String)>,
}

impl NewRole<'_> {
    /// Checks what the request alone can tell.
    pub(crate) fn check(&self) -> Result<(), AwsError> {
        check::name(self.name, "roleName", 64)?;
        check::path(self.path)?;
        check::session_duration(self.max_session_duration)?;
        self.description.map_or(Ok(()), check::description)?;
        check::tags(&self.tags, false)
    }

    /// Makes the role.
    pub(crate) fn make(self, world: &mut World, account_id: &str, now: Seconds) -> Result<Arc<Role>, AwsError> {
        let account = world.account(account_id)?;
        if account.role(self.name).is_some() {
            return Err(AwsError::already_exists(format!(
                "Role with name {} already exists.",
                self.name
            )));
        }
        if account.roles.len() >= account.quotas.roles {
            let quota = account.quotas.roles;
            return Err(AwsError::limit_exceeded(format!(
                "Cannot exceed quota for RolesPerAccount: {quota}"
            )));
        }
        if let Some(boundary) = self.boundary {
            role_boundary::check_exists(account, boundary)?;
        }
        let arn = account.arn("role", self.path, self.name);
        let trust = checked_trust(world, account_id, self.trust)?;
        let role = Arc::new(Role {
            name: self.name.to_owned(),
            path: self.path.to_owned(),
            id: world.ids.unique_id("AROA"),
            arn,
            created: now,
            last_used: None,
            description: self.description.filter(|text| !text.is_empty()).map(str::to_owned),
            max_session_duration: self.max_session_duration,
            trust,
            inline: BTreeMap::new(),
            attached: BTreeSet::new(),
            boundary: self.boundary.map(str::to_owned),
            tags: self.tags,
        });
        world
            .account_mut(account_id)?
            .roles
            .insert(role.name.to_lowercase(), Arc::clone(&role));
        Ok(role)
    }
}

/// A trust policy that IAM takes, within the account's quota. White space does not count.
pub(crate) fn checked_trust(world: &World, account_id: &str, text: &str) -> Result<Document, AwsError> {
    let trust = trust_document(text, world)?;
    let quota = world.account(account_id)?.quotas.trust_policy_size;
    if size(text) > quota {
        return Err(AwsError::limit_exceeded(format!(
            "Cannot exceed quota for ACLSizePerRole: {quota}"
        )));
    }
    Ok(trust)
}

/// The size of a document as quotas count it.
pub(crate) fn size(text: &str) -> usize {
    text.chars().filter(|character| !character.is_whitespace()).count()
}

pub(crate) fn create_role(call: &mut Call<'_>) -> Answer {
    let parameters = call.parameters;
    let sent = parameters.required("AssumeRolePolicyDocument")?;
    let new = NewRole {
        name: parameters.required("RoleName")?,
        path: parameters.get("Path").unwrap_or("/"),
        description: parameters.get("Description"),
        max_session_duration: parameters.number("MaxSessionDuration")?.unwrap_or(3600),
        trust: sent,
        boundary: parameters.get("PermissionsBoundary"),
        tags: parameters.pairs("Tags"),
    };
    new.check()?;
    let resource = call.account()?.arn("role", new.path, new.name);
    let mut context = call.context.clone();
    context.set_optional("iam:PermissionsBoundary", new.boundary);
    set_request_tags(&mut context, &new.tags);
    call.authorize("iam:CreateRole", &resource, &resource, &context)?;
    if !new.tags.is_empty() {
        call.authorize("iam:TagRole", &resource, &resource, &context)?;
    }
    if new.path.starts_with("/aws-service-role/") {
        return Err(AwsError::invalid_input(
            "Path prefix '/aws-service-role/' can only be used for AWS Service linked Roles",
        ));
    }
    if new.path.starts_with("/aws-reserved/") {
        return Err(AwsError::invalid_input(
            "Path prefix '/aws-reserved/' can only be used by AWS",
        ));
    }
    let account_id = call.caller.account.clone();
    let role = new.make(call.world, &account_id, call.now)?;
    let mut xml = Xml::new();
    xml.element("Role", |xml| write_role(xml, &role, RoleView::Created { sent }));
    xml.answer()
}

pub(crate) fn get_role(call: &mut Call<'_>) -> Answer {
    let role = role(call, "iam:GetRole", Access::Read, |_, _| {})?;
    let mut xml = Xml::new();
    xml.element("Role", |xml| write_role(xml, &role, RoleView::Whole));
    xml.answer()
}

pub(crate) fn list_roles(call: &mut Call<'_>) -> Answer {
    let page = call.page()?;
    let prefix = call.parameters.get("PathPrefix").unwrap_or("/");
    let account = call.account()?;
    // The action knows no single roles: only a permission on `*` covers it.
    call.authorize("iam:ListRoles", "*", &account.arn("role", prefix, ""), &call.context)?;
    let roles = account.roles.iter().filter(|(_, role)| role.path.starts_with(prefix));
    let paged = page.cut(roles.map(|(key, role)| (key.clone(), role)));
    let mut xml = Xml::new();
    paged.write_end(&mut xml);
    xml.list("Roles", &paged.items, |xml, role| {
        write_role(xml, role, RoleView::Listed)
    });
    xml.answer()
}

pub(crate) fn update_role(call: &mut Call<'_>) -> Answer {
    let description = call.parameters.get("Description");
    description.map_or(Ok(()), check::description)?;
    let duration = call.parameters.number("MaxSessionDuration")?;
    duration.map_or(Ok(()), check::session_duration)?;
    let role = role(call, "iam:UpdateRole", Access::Write, |_, _| {})?;
    // What is left out stays as it is.
    change_role(call, &role.name, |role| {
        if let Some(text) = description {
            role.description = Some(text).filter(|text| !text.is_empty()).map(str::to_owned);
        }
        role.max_session_duration = duration.unwrap_or(role.max_session_duration);
    })?;
    Ok(String::new())
}

pub(crate) fn update_role_description(call: &mut Call<'_>) -> Answer {
    let description = call.parameters.required("Description")?;
    check::description(description)?;
    let name = role(call, "iam:UpdateRoleDescription", Access::Write, |_, _| {})?
        .name
        .clone();
    change_role(call, &name, |role| role.description = Some(description.to_owned()))?;
    let role = super::lookup::role(call, "iam:UpdateRoleDescription", Access::Read, |_, _| {})?;
    let mut xml = Xml::new();
    xml.element("Role", |xml| write_role(xml, &role, RoleView::Described));
    xml.answer()
}

pub(crate) fn update_assume_role_policy(call: &mut Call<'_>) -> Answer {
    let text = call.parameters.required("PolicyDocument")?;
    let role = role(call, "iam:UpdateAssumeRolePolicy", Access::Write, |_, _| {})?;
    let trust = checked_trust(call.world, &call.caller.account, text)?;
    change_role(call, &role.name, |role| role.trust = trust)?;
    Ok(String::new())
}

pub(crate) fn delete_role(call: &mut Call<'_>) -> Answer {
    let role = role(call, "iam:DeleteRole", Access::Write, |_, _| {})?;
    let blocked = |what: &str| {
        Err(AwsError::delete_conflict(format!(
            "Cannot delete entity, must {what} first."
        )))
    };
    if call.account()?.profiles_of(&role.name).next().is_some() {
        return blocked("remove roles from instance profile");
    }
    if !role.attached.is_empty() {
        return blocked("detach all policies");
    }
    if !role.inline.is_empty() {
        return blocked("delete policies");
    }
    call.account_mut()?.roles.remove(&role.name.to_lowercase());
    call.world.bury_principal(&role.arn, &role.id);
    Ok(String::new())
}
