//! Service-linked roles: made and deleted on behalf of a service, and changed by nobody else.

use super::lookup::{no_such_role, set_resource_tags};
use super::roles::NewRole;
use super::shapes::{RoleView, write_role};
use super::{check, lookup};
use crate::call::Call;
use crate::policy::context::Context;
use crate::wire::error::{Answer, AwsError};
use crate::wire::xml::Xml;

/// Services and what their roles are called.
const NAMES: [(&str, &str); 8] = [
    ("autoscaling", "AutoScaling"),
    ("batch", "Batch"),
    ("ecs", "ECS"),
    ("elasticloadbalancing", "ElasticLoadBalancing"),
    ("guardduty", "AmazonGuardDuty"),
    ("organizations", "Organizations"),
    ("rds", "RDS"),
    ("wafv2", "WAFV2Logging"),
];

pub(crate) fn create_service_linked_role(call: &mut Call<'_>) -> Answer {
    let service = call.parameters.required("AWSServiceName")?;
    let suffix = call.parameters.get("CustomSuffix");
    let host = service.strip_suffix(".amazonaws.com").unwrap_or_default();
    let Some((_, title)) = NAMES.iter().find(|(known, _)| *known == host) else {
        return Err(AwsError::invalid_input(format!("Service name {service} is invalid.")));
    };
    let name = match suffix {
        Some(suffix) => format!("AWSServiceRoleFor{title}_{suffix}"),
        None => format!("AWSServiceRoleFor{title}"),
    };
    check::name(&name, "roleName", 64)?;
    let path = format!("/aws-service-role/{service}/");
    let arn = call.account()?.arn("role", &path, &name);
    let mut context = call.context.clone();
    context.set("iam:AWSServiceName", service);
    call.authorize("iam:CreateServiceLinkedRole", &arn, &arn, &context)?;
    if call.account()?.role(&name).is_some() {
        return Err(AwsError::invalid_input(format!(
            "Service role name {name} has been taken in this account, please try a different suffix."
        )));
    }
    let trust = serde_json::json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]})
    .to_string();
    let new = NewRole {
        name: &name,
        path: &path,
        description: call.parameters.get("Description"),
        max_session_duration: 3600,
        trust: &trust,
        boundary: None,
        tags: Vec::new(),
    };
    let account = call.caller.account.clone();
    let role = new.make(call.world, &account, call.now)?;
    let partition = call.caller.partition.clone();
    lookup::change_role(call, &name, |role| {
        role.attached.insert(format!(
            "arn:{partition}:iam::aws:policy/aws-service-role/{title}ServiceRolePolicy"
        ));
    })?;
    let mut xml = Xml::new();
    xml.element("Role", |xml| write_role(xml, &role, RoleView::Created { sent: &trust }));
    xml.answer()
}

/// The task is done at once: nothing uses the role here.
pub(crate) fn delete_service_linked_role(call: &mut Call<'_>) -> Answer {
    let name = call.parameters.required("RoleName")?;
    check::name(name, "roleName", 64)?;
    let account = call.account()?;
    let role = account.role(name).cloned();
    let arn = role
        .as_ref()
        .map_or_else(|| account.arn("role", "/", name), |role| role.arn.clone());
    let mut context: Context = call.context.clone();
    if let Some(role) = &role {
        set_resource_tags(&mut context, &role.tags);
    }
    call.authorize("iam:DeleteServiceLinkedRole", &arn, &format!("role {name}"), &context)?;
    let role = role
        .filter(|role| role.path.starts_with("/aws-service-role/"))
        .ok_or_else(|| no_such_role(name))?;
    call.account_mut()?.roles.remove(&role.name.to_lowercase());
    call.world.bury_principal(&role.arn, &role.id);
    let task = format!("task{}{}/{}", role.path, role.name, call.world.ids.uuid());
    let mut xml = Xml::new();
    xml.leaf("DeletionTaskId", &task);
    xml.answer()
}

pub(crate) fn get_service_linked_role_deletion_status(call: &mut Call<'_>) -> Answer {
    let task = call.parameters.required("DeletionTaskId")?;
    call.authorize("iam:GetServiceLinkedRoleDeletionStatus", "*", "*", &call.context)?;
    if !task.starts_with("task/aws-service-role/") {
        return Err(AwsError::no_such_entity(format!(
            "The deletion task {task} cannot be found."
        )));
    }
    let mut xml = Xml::new();
    xml.leaf("Status", "SUCCEEDED");
    xml.answer()
}
