//! Customer managed policies, and reading those of AWS.

use super::check;
use super::lookup::{set_request_tags, set_resource_tags};
use super::roles::size;
use super::shapes::{write_policy, write_tags, write_tags_as_sent};
use crate::call::Call;
use crate::policy::context::Context;
use crate::policy::document::Document;
use crate::policy::grammar::{Use, permission_document};
use crate::wire::error::{Answer, AwsError};
use crate::wire::xml::Xml;
use crate::world::World;
use crate::world::account::{Account, ManagedPolicy, PolicyVersion, policy_name};
use crate::world::aws_managed;
use crate::world::time::Seconds;

/// When AWS is said to have made its own policies.
const LONG_AGO: Seconds = 1_423_000_000;

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
    let document = checked_document(account, text)?;
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
        updated: now,
        description: description.filter(|text| !text.is_empty()).map(str::to_owned),
        versions: vec![PolicyVersion {
            number: 1,
            document,
            created: now,
        }],
        default_version: 1,
        newest_version: 1,
        tags,
    };
    world.account_mut(account_id)?.policies.insert(arn, policy.clone());
    Ok(policy)
}

/// A document that a managed policy may have, within the account's quota. White space does not count.
pub(super) fn checked_document(account: &Account, text: &str) -> Result<Document, AwsError> {
    let document = permission_document(text, Use::Managed)?;
    let quota = account.quotas.policy_size;
    if size(text) > quota {
        return Err(AwsError::limit_exceeded(format!(
            "Cannot exceed quota for PolicySize: {quota}"
        )));
    }
    Ok(document)
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
            write_tags_as_sent(xml, &policy.tags);
        }
    });
    xml.answer()
}

/// The policy ARN that a call names, if the caller may do `action` on it.
pub(super) fn policy_arn<'a>(
    call: &Call<'a>,
    action: &str,
    add: impl FnOnce(&mut Context),
) -> Result<&'a str, AwsError> {
    let arn = call.parameters.required("PolicyArn")?;
    check::policy_arn(arn)?;
    let mut context = call.context.clone();
    if let Some(policy) = call.account()?.policies.get(arn) {
        set_resource_tags(&mut context, &policy.tags);
    }
    add(&mut context);
    call.authorize(action, arn, &format!("policy {arn}"), &context)?;
    Ok(arn)
}

pub(super) fn not_found(arn: &str) -> AwsError {
    AwsError::no_such_entity(format!("Policy {arn} was not found."))
}

/// A policy of the account or of AWS.
pub(super) fn policy(account: &Account, arn: &str) -> Result<ManagedPolicy, AwsError> {
    let own = account.policies.get(arn).cloned();
    own.or_else(|| aws_policy(arn)).ok_or_else(|| not_found(arn))
}

/// A policy of the account, to be changed. `refused` is said where it is one of AWS.
pub(super) fn own_policy<'a>(
    call: &'a mut Call<'_>,
    arn: &str,
    refused: &str,
) -> Result<&'a mut ManagedPolicy, AwsError> {
    if arn.contains("::aws:policy/") {
        return Err(AwsError::access_denied(refused));
    }
    let policy = call.account_mut()?.policies.get_mut(arn);
    policy.ok_or_else(|| not_found(arn))
}

/// A policy of AWS, as the simulator knows it.
pub(super) fn aws_policy(arn: &str) -> Option<ManagedPolicy> {
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
        created: LONG_AGO,
        updated: LONG_AGO,
        description: None,
        versions: vec![PolicyVersion {
            number: 1,
            document,
            created: LONG_AGO,
        }],
        default_version: 1,
        newest_version: 1,
        tags: Vec::new(),
    })
}

pub(crate) fn get_policy(call: &mut Call<'_>) -> Answer {
    let arn = policy_arn(call, "iam:GetPolicy", |_| {})?;
    let account = call.account()?;
    let policy = policy(account, arn)?;
    let mut xml = Xml::new();
    xml.element("Policy", |xml| {
        write_policy(xml, &policy, account, true);
        write_tags(xml, &policy.tags);
    });
    xml.answer()
}

/// `Scope` is `All`, `AWS` or `Local`. Of AWS's policies the simulator knows a few only.
pub(crate) fn list_policies(call: &mut Call<'_>) -> Answer {
    let page = call.page()?;
    let scope = call.parameters.get("Scope").unwrap_or("All");
    let prefix = call.parameters.get("PathPrefix").unwrap_or("/");
    let attached_only = call.parameters.get("OnlyAttached") == Some("true");
    if !matches!(scope, "All" | "AWS" | "Local") {
        return Err(AwsError::constraint(
            None,
            "scope",
            "Member must satisfy enum value set: [All, AWS, Local]",
        ));
    }
    call.authorize("iam:ListPolicies", "*", "*", &call.context)?;
    let account = call.account()?;
    let own = account.policies.values().filter(|_| scope != "AWS").cloned();
    let of_aws = aws_managed::arns(&account.partition).filter(|_| scope != "Local");
    let mut policies: Vec<_> = own
        .chain(of_aws.filter_map(|arn| aws_policy(&arn)))
        .filter(|policy| policy.path.starts_with(prefix))
        .filter(|policy| !attached_only || account.policy_uses(&policy.arn).0 > 0)
        .map(|policy| (format!("{} {}", policy.name.to_lowercase(), policy.arn), policy))
        .collect();
    policies.sort_by(|one, other| one.0.cmp(&other.0));
    let paged = page.cut(policies);
    let mut xml = Xml::new();
    paged.write_end(&mut xml);
    xml.list("Policies", &paged.items, |xml, policy| {
        write_policy(xml, policy, account, false)
    });
    xml.answer()
}

pub(crate) fn delete_policy(call: &mut Call<'_>) -> Answer {
    let arn = policy_arn(call, "iam:DeletePolicy", |_| {})?;
    let versions = own_policy(call, arn, "Cannot delete policies outside your own account.")?
        .versions
        .len();
    let account = call.account_mut()?;
    if account.policy_uses(arn) != (0, 0) {
        return Err(AwsError::delete_conflict(
            "Cannot delete a policy attached to entities.",
        ));
    }
    if versions > 1 {
        return Err(AwsError::delete_conflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. \
             The default version is deleted with the policy.",
        ));
    }
    account.policies.remove(arn);
    Ok(String::new())
}
