//! `GetAccountAuthorizationDetails`: users, groups, roles and managed policies in one paged list. It tells neither the
//! description nor the session duration of a role.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::managed_policies::aws_policy;
use super::shapes::{
    write_attached, write_boundary, write_group, write_last_used, write_policy, write_profile, write_tags, write_user,
    write_version,
};
use crate::call::Call;
use crate::policy::document::Document;
use crate::wire::error::{Answer, AwsError};
use crate::wire::paging::Paged;
use crate::wire::xml::Xml;
use crate::world::account::{Account, Group, ManagedPolicy, Role, User};

const KINDS: [&str; 5] = ["User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"];

enum Entry<'a> {
    User(&'a User),
    Group(&'a Group),
    Role(&'a Arc<Role>),
    Policy(&'a ManagedPolicy),
    AwsPolicy(&'a str),
}

pub(crate) fn get_account_authorization_details(call: &mut Call<'_>) -> Answer {
    let page = call.page()?;
    let filter = call.parameters.members("Filter");
    if let Some(unknown) = filter.iter().find(|kind| !KINDS.contains(kind)) {
        return Err(AwsError::constraint(
            Some(unknown),
            "filter",
            "Member must satisfy enum value set: [Role, LocalManagedPolicy, AWSManagedPolicy, Group, User]",
        ));
    }
    call.authorize("iam:GetAccountAuthorizationDetails", "*", "*", &call.context)?;
    let account = call.account()?;
    let paged = page.cut(entries(account, |kind| filter.is_empty() || filter.contains(&kind)));
    let mut xml = Xml::new();
    paged.write_end(&mut xml);
    write_entries(&mut xml, &paged, account);
    xml.answer()
}

/// Everything that is asked for, with keys in the order of the list.
fn entries<'a>(account: &'a Account, wanted: impl Fn(&str) -> bool) -> Vec<(String, Entry<'a>)> {
    let mut all = Vec::new();
    if wanted("User") {
        all.extend(
            account
                .users
                .iter()
                .map(|(key, user)| (format!("1{key}"), Entry::User(user))),
        );
    }
    if wanted("Group") {
        all.extend(
            account
                .groups
                .iter()
                .map(|(key, group)| (format!("2{key}"), Entry::Group(group))),
        );
    }
    if wanted("Role") {
        all.extend(
            account
                .roles
                .iter()
                .map(|(key, role)| (format!("3{key}"), Entry::Role(role))),
        );
    }
    if wanted("LocalManagedPolicy") {
        all.extend(
            account
                .policies
                .iter()
                .map(|(key, policy)| (format!("4{key}"), Entry::Policy(policy))),
        );
    }
    if wanted("AWSManagedPolicy") {
        // Of AWS's own policies only those that are in use are told.
        let of_roles = account.roles.values().flat_map(|role| &role.attached);
        let of_users = account.users.values().flat_map(|user| &user.attached);
        let used: BTreeSet<_> = of_roles
            .chain(of_users)
            .filter(|arn| !account.policies.contains_key(*arn))
            .collect();
        all.extend(used.into_iter().map(|arn| (format!("5{arn}"), Entry::AwsPolicy(arn))));
    }
    all
}

fn write_entries(xml: &mut Xml, paged: &Paged<Entry<'_>>, account: &Account) {
    let items = || paged.items.iter();
    let users = items().filter_map(|entry| {
        if let Entry::User(user) = entry {
            Some(user)
        } else {
            None
        }
    });
    xml.list("UserDetailList", users, |xml, user| {
        write_user(xml, user);
        if !user.inline.is_empty() {
            write_inline(xml, "UserPolicyList", &user.inline);
        }
        xml.texts("GroupList", user.groups.iter().map(String::as_str));
        write_attached(xml, "AttachedManagedPolicies", &user.attached);
        write_boundary(xml, user.boundary.as_deref());
        write_tags(xml, &user.tags);
    });
    let groups = items().filter_map(|entry| {
        if let Entry::Group(group) = entry {
            Some(group)
        } else {
            None
        }
    });
    xml.list("GroupDetailList", groups, |xml, group| {
        write_group(xml, group);
        write_inline(xml, "GroupPolicyList", &group.inline);
        write_attached(xml, "AttachedManagedPolicies", &group.attached);
    });
    let profiles = profiles_by_role(account);
    let roles = items().filter_map(|entry| {
        if let Entry::Role(role) = entry {
            Some(role)
        } else {
            None
        }
    });
    xml.list("RoleDetailList", roles, |xml, role| {
        xml.leaf("Path", &role.path)
            .leaf("RoleName", &role.name)
            .leaf("RoleId", &role.id)
            .leaf("Arn", &role.arn);
        xml.time("CreateDate", role.created)
            .document("AssumeRolePolicyDocument", &role.trust.text);
        let held = profiles
            .get(&role.name.to_lowercase())
            .map(Vec::as_slice)
            .unwrap_or_default();
        xml.list("InstanceProfileList", held, |xml, profile| {
            write_profile(xml, profile, account)
        });
        write_inline(xml, "RolePolicyList", &role.inline);
        write_attached(xml, "AttachedManagedPolicies", &role.attached);
        write_boundary(xml, role.boundary.as_deref());
        write_tags(xml, &role.tags);
        write_last_used(xml, role);
    });
    let policies = items().filter(|entry| matches!(entry, Entry::Policy(_) | Entry::AwsPolicy(_)));
    xml.list("Policies", policies, |xml, entry| match entry {
        Entry::Policy(policy) => {
            write_policy(xml, policy, account, true);
            xml.list("PolicyVersionList", policy.versions.iter().rev(), |xml, version| {
                write_version(xml, version, version.number == policy.default_version, true);
            });
        }
        Entry::AwsPolicy(arn) => write_aws_policy(xml, arn, account),
        _ => {}
    });
}

fn profiles_by_role(account: &Account) -> BTreeMap<String, Vec<&crate::world::account::InstanceProfile>> {
    let mut by_role: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for profile in account.instance_profiles.values() {
        for role in &profile.roles {
            by_role.entry(role.to_lowercase()).or_default().push(profile);
        }
    }
    by_role
}

fn write_inline(xml: &mut Xml, name: &str, inline: &BTreeMap<String, Document>) {
    xml.list(name, inline, |xml, (name, document)| {
        xml.leaf("PolicyName", name).document("PolicyDocument", &document.text);
    });
}

fn write_aws_policy(xml: &mut Xml, arn: &str, account: &Account) {
    if let Some(policy) = aws_policy(arn) {
        write_policy(xml, &policy, account, false);
        xml.list("PolicyVersionList", &policy.versions, |xml, version| {
            write_version(xml, version, true, true)
        });
    }
}
