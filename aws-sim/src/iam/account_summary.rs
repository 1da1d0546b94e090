//! `GetAccountSummary`: how much there is of everything, and the quotas.

use crate::call::Call;
use crate::wire::error::Answer;
use crate::wire::xml::Xml;

pub(crate) fn get_account_summary(call: &mut Call<'_>) -> Answer {
    call.authorize("iam:GetAccountSummary", "*", "*", &call.context)?;
    let account = call.account()?;
    let quotas = &account.quotas;
    let versions = account.policies.values().map(|policy| policy.versions.len()).sum();
    let entries = [
        ("AccessKeysPerUserQuota", 2),
        ("AccountAccessKeysPresent", 0),
        ("AccountMFAEnabled", 0),
        ("AccountPasswordPresent", 0),
        ("AccountSigningCertificatesPresent", 0),
        ("AssumeRolePolicySizeQuota", quotas.trust_policy_size),
        ("AttachedPoliciesPerGroupQuota", quotas.attached_per_group),
        ("AttachedPoliciesPerRoleQuota", quotas.attached_per_role),
        ("AttachedPoliciesPerUserQuota", quotas.attached_per_user),
        ("GlobalEndpointTokenVersion", 1),
        ("GroupPolicySizeQuota", 5120),
        ("Groups", account.groups.len()),
        ("GroupsPerUserQuota", 10),
        ("GroupsQuota", 300),
        ("InstanceProfiles", account.instance_profiles.len()),
        ("InstanceProfilesQuota", 1000),
        ("MFADevices", account.mfa_devices.len()),
        ("MFADevicesInUse", account.mfa_devices.len()),
        ("Policies", account.policies.len()),
        ("PoliciesQuota", quotas.policies),
        ("PolicySizeQuota", quotas.policy_size),
        ("PolicyVersionsInUse", versions),
        ("PolicyVersionsInUseQuota", 10_000),
        ("Providers", 0),
        ("RolePolicySizeQuota", quotas.role_policy_size),
        ("Roles", account.roles.len()),
        ("RolesQuota", quotas.roles),
        ("ServerCertificates", 0),
        ("ServerCertificatesQuota", 20),
        ("SigningCertificatesPerUserQuota", 2),
        ("UserPolicySizeQuota", quotas.user_policy_size),
        ("Users", account.users.len()),
        ("UsersQuota", 5000),
        ("VersionsPerPolicyQuota", quotas.versions_per_policy),
    ];
    let mut xml = Xml::new();
    xml.element("SummaryMap", |xml| {
        for (key, value) in entries {
            xml.element("entry", |xml| {
                xml.leaf("key", key).number("value", value as u64);
            });
        }
    });
    xml.answer()
}
