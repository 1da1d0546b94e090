//! Customer managed policies, and reading those of AWS. Each has one version, `v1`.

use super::check;
use super::lookup::{set_request_tags, set_resource_tags};
use super::roles::size;
use super::shapes::{write_policy, write_tags};
use crate::call::Call;
use crate::policy::grammar::{Use, permission_document};
use crate::wire::error::{Answer, AwsError};
use crate::wire::xml::Xml;
use crate::world::World;
use crate::world::account::{ManagedPolicy, policy_name};
use crate::world::aws_managed;
use crate::world::time::Seconds;

/// Makes a policy.
pub(crate) fn make_policy(
    world: &mut World,
    account_id: &str,
    (path, name): (&str, &str),
    description: Option<&str>,
    text: &str,
    tags: Vec<(String, String)>,
    now: Seconds,
) -> Result<ManagedPolicy, AwsError> {
    let account = world.account(account_id)?;
    let arn = account.arn("policy", path, name);
    let document = permission_document(text, Use::Managed)?;
    let quota = account.quotas.policy_size;
    if size(text) > quota {
        return Err(AwsError::limit_exceeded(format!(
            "Cannot exceed quota for PolicySize: {quota}"
        )));
    }
    if account
        .policies
        .values()
        .any(|policy| policy.name.eq_ignore_ascii_case(name))
    {
        return Err(AwsError::already_exists(format!(
            "A policy called {name} already exists. Duplicate names are not allowed."
        )));
    }
    let quota = account.quotas.policies;
    if account.policies.len() >= quota {
        return Err(AwsError::limit_exceeded(format!(
            "Cannot exceed quota for PoliciesPerAccount: {quota}"
        )));
    }
    let policy = ManagedPolicy {
        name: name.to_owned(),
        path: path.to_owned(),
        id: world.ids.unique_id("ANPA"),
        arn: arn.clone(),
        created: now,
        description: description.filter(|text| !text.is_empty()).map(str::to_owned),
        document,
        tags,
    };
    world.account_mut(account_id)?.policies.insert(arn, policy.clone());
    Ok(policy)
}

pub(crate) fn create_policy(call: &mut Call<'_>) -> Answer {
    let parameters = call.parameters;
    let name = parameters.required("PolicyName")?;
    let text = parameters.required("PolicyDocument")?;
    let path = parameters.get("Path").unwrap_or("/");
    let tags = parameters.pairs("Tags");
    check::name(name, "policyName", 128)?;
    check::path(path)?;
    check::tags(&tags, true)?;
    let account_id = call.caller.account.clone();
    let arn = call.account()?.arn("policy", path, name);
    let mut context = call.context.clone();
    set_request_tags(&mut context, &tags);
    call.authorize("iam:CreatePolicy", &arn, &format!("policy {name}"), &context)?;
    if !tags.is_empty() {
        call.authorize("iam:TagPolicy", &arn, &format!("policy {name}"), &context)?;
    }
    let description = parameters.get("Description");
    let policy = make_policy(call.world, &account_id, (path, name), description, text, tags, call.now)?;
    let account = call.account()?;
    let mut xml = Xml::new();
    xml.element("Policy", |xml| {
        write_policy(xml, &policy, account, false);
        if !policy.tags.is_empty() {
            write_tags(xml, &policy.tags);
        }
    });
    xml.answer()
}

/// The policy ARN that a call names, if the caller may do `action` on it.
fn policy_arn<'a>(call: &Call<'a>, action: &str) -> Result<&'a str, AwsError> {
    let arn = call.parameters.required("PolicyArn")?;
    check::policy_arn(arn)?;
    let mut context = call.context.clone();
    if let Some(policy) = call.account()?.policies.get(arn) {
        set_resource_tags(&mut context, &policy.tags);
    }
    call.authorize(action, arn, &format!("policy {arn}"), &context)?;
    Ok(arn)
}

fn not_found(arn: &str) -> AwsError {
    AwsError::no_such_entity(format!("Policy {arn} was not found."))
}

pub(crate) fn get_policy(call: &mut Call<'_>) -> Answer {
    let arn = policy_arn(call, "iam:GetPolicy")?;
    let account = call.account()?;
    let aws_managed = || {
        let document = aws_managed::document(arn)?.clone();
        let path = arn.split_once(":policy").map_or("/", |(_, path)| path);
        let path = &path[..=path.rfind('/').unwrap_or(0)];
        let name = policy_name(arn).to_owned();
        Some(ManagedPolicy {
            id: format!(
                "ANPAI{:A<16.16}",
                name.to_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "A")
            ),
            name,
            path: path.to_owned(),
            arn: arn.to_owned(),
            created: 1_423_000_000,
            description: None,
            document,
            tags: Vec::new(),
        })
    };
    let policy = account
        .policies
        .get(arn)
        .cloned()
        .or_else(aws_managed)
        .ok_or_else(|| not_found(arn))?;
    let mut xml = Xml::new();
    xml.element("Policy", |xml| {
        write_policy(xml, &policy, account, true);
        write_tags(xml, &policy.tags);
    });
    xml.answer()
}

pub(crate) fn get_policy_version(call: &mut Call<'_>) -> Answer {
    let arn = policy_arn(call, "iam:GetPolicyVersion")?;
    let version = call.parameters.required("VersionId")?;
    let account = call.account()?;
    let document = account.managed_document(arn).ok_or_else(|| not_found(arn))?;
    if version != "v1" {
        return Err(AwsError::no_such_entity(format!(
            "Policy {arn} version {version} does not exist."
        )));
    }
    let created = account.policies.get(arn).map_or(1_423_000_000, |policy| policy.created);
    let mut xml = Xml::new();
    xml.element("PolicyVersion", |xml| {
        xml.document("Document", &document.text)
            .leaf("VersionId", version)
            .flag("IsDefaultVersion", true);
        xml.time("CreateDate", created);
    });
    xml.answer()
}

pub(crate) fn delete_policy(call: &mut Call<'_>) -> Answer {
    let arn = policy_arn(call, "iam:DeletePolicy")?;
    if arn.contains("::aws:policy/") {
        return Err(AwsError::access_denied(
            "Cannot delete policies outside your own account.",
        ));
    }
    let account = call.account_mut()?;
    if !account.policies.contains_key(arn) {
        return Err(not_found(arn));
    }
    if account.policy_uses(arn) != (0, 0) {
        return Err(AwsError::delete_conflict(
            "Cannot delete a policy attached to entities.",
        ));
    }
    account.policies.remove(arn);
    Ok(String::new())
}
