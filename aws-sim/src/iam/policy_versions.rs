//! Versions of managed policies.

use super::managed_policies::{checked_document, own_policy, policy, policy_arn};
use super::shapes::write_version;
use crate::call::Call;
use crate::wire::error::{Answer, AwsError};
use crate::wire::xml::Xml;
use crate::world::account::PolicyVersion;

/// The version that a call names: `v1` and so on.
fn version_number(call: &Call<'_>) -> Result<u64, AwsError> {
    let text = call.parameters.required("VersionId")?;
    let digits = text.strip_prefix('v').unwrap_or_default();
    let digits = digits.split('.').next().unwrap_or_default();
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    digits.parse().ok().filter(|_| plain).ok_or_else(|| {
        AwsError::constraint(
            None,
            "versionId",
            "Member must satisfy regular expression pattern: v[1-9][0-9]*(\\.[A-Za-z0-9-]*)?",
        )
    })
}

fn no_such_version(arn: &str, number: u64) -> AwsError {
    AwsError::no_such_entity(format!("Policy {arn} version v{number} does not exist."))
}

pub(crate) fn get_policy_version(call: &mut Call<'_>) -> Answer {
    let number = version_number(call)?;
    let arn = policy_arn(call, "iam:GetPolicyVersion", |_| {})?;
    let policy = policy(call.account()?, arn)?;
    let version = policy.version(number).ok_or_else(|| no_such_version(arn, number))?;
    let mut xml = Xml::new();
    xml.element("PolicyVersion", |xml| {
        write_version(xml, version, number == policy.default_version, true);
    });
    xml.answer()
}

pub(crate) fn list_policy_versions(call: &mut Call<'_>) -> Answer {
    let page = call.page()?;
    let arn = policy_arn(call, "iam:ListPolicyVersions", |_| {})?;
    let policy = policy(call.account()?, arn)?;
    // The newest comes first, so the keys run backwards.
    let newest_first = policy.versions.iter().rev();
    let paged = page.cut(newest_first.map(|version| (format!("{:020}", u64::MAX - version.number), version)));
    let mut xml = Xml::new();
    paged.write_end(&mut xml);
    xml.list("Versions", &paged.items, |xml, version| {
        write_version(xml, version, version.number == policy.default_version, false);
    });
    xml.answer()
}

pub(crate) fn create_policy_version(call: &mut Call<'_>) -> Answer {
    let text = call.parameters.required("PolicyDocument")?;
    let in_force = call.parameters.get("SetAsDefault") == Some("true");
    let arn = policy_arn(call, "iam:CreatePolicyVersion", |_| {})?;
    let now = call.now;
    let account = call.account()?;
    let quota = account.quotas.versions_per_policy;
    let document = checked_document(account, text)?;
    let policy = own_policy(call, arn, "Cannot update policies outside your own account.")?;
    if policy.versions.len() >= quota {
        return Err(AwsError::limit_exceeded(format!(
            "A managed policy can have up to {quota} versions. Before you create a new version, you must delete an \
             existing version."
        )));
    }
    policy.newest_version += 1;
    let version = PolicyVersion {
        number: policy.newest_version,
        document,
        created: now,
    };
    policy.versions.push(version.clone());
    policy.updated = now;
    if in_force {
        policy.default_version = version.number;
    }
    let mut xml = Xml::new();
    xml.element("PolicyVersion", |xml| write_version(xml, &version, in_force, false));
    xml.answer()
}

pub(crate) fn set_default_policy_version(call: &mut Call<'_>) -> Answer {
    let number = version_number(call)?;
    let arn = policy_arn(call, "iam:SetDefaultPolicyVersion", |_| {})?;
    let now = call.now;
    let policy = own_policy(call, arn, "Cannot update policies outside your own account.")?;
    policy.version(number).ok_or_else(|| no_such_version(arn, number))?;
    policy.default_version = number;
    policy.updated = now;
    Ok(String::new())
}

pub(crate) fn delete_policy_version(call: &mut Call<'_>) -> Answer {
    let number = version_number(call)?;
    let arn = policy_arn(call, "iam:DeletePolicyVersion", |_| {})?;
    let refused = "Cannot delete policy versions for policies outside your own account.";
    let policy = own_policy(call, arn, refused)?;
    policy.version(number).ok_or_else(|| no_such_version(arn, number))?;
    if policy.default_version == number {
        return Err(AwsError::delete_conflict(
            "Cannot delete the default version of a policy.",
        ));
    }
    policy.versions.retain(|version| version.number != number);
    Ok(String::new())
}
