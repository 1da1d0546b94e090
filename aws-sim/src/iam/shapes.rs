//! Entities as XML. The same role looks different in different answers, as with AWS.

use crate::wire::xml::Xml;
use crate::world::account::{Account, Group, InstanceProfile, ManagedPolicy, PolicyVersion, Role, User, policy_name};

/// Which answer a role is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RoleView<'a> {
    /// `CreateRole`: the request's own document, no description, no session duration.
    Created { sent: &'a str },
    /// `GetRole`: everything.
    Whole,
    /// `ListRoles`: no tags and no boundary.
    Listed,
    /// `UpdateRoleDescription`: with the description, without the session duration.
    Described,
    /// Inside an instance profile.
    Inner,
}

pub(crate) fn write_role(xml: &mut Xml, role: &Role, view: RoleView<'_>) {
    xml.leaf("Path", &role.path)
        .leaf("RoleName", &role.name)
        .leaf("RoleId", &role.id)
        .leaf("Arn", &role.arn);
    xml.time("CreateDate", role.created);
    let document = match view {
        RoleView::Created { sent } => sent,
        _ => &role.trust.text,
    };
    xml.document("AssumeRolePolicyDocument", document);
    if matches!(view, RoleView::Whole | RoleView::Listed | RoleView::Described) {
        xml.optional("Description", role.description.as_deref());
    }
    if matches!(view, RoleView::Whole | RoleView::Listed) {
        xml.number("MaxSessionDuration", role.max_session_duration);
    }
    if matches!(view, RoleView::Whole | RoleView::Created { .. }) {
        write_boundary(xml, role.boundary.as_deref());
        if !role.tags.is_empty() {
            match view {
                RoleView::Created { .. } => write_tags_as_sent(xml, &role.tags),
                _ => write_tags(xml, &role.tags),
            }
        }
    }
    if view == RoleView::Whole {
        write_last_used(xml, role);
    }
}

/// Empty for a role that nobody has used.
pub(crate) fn write_last_used(xml: &mut Xml, role: &Role) {
    xml.element("RoleLastUsed", |xml| {
        if let Some((at, region)) = &role.last_used {
            xml.time("LastUsedDate", *at).leaf("Region", region);
        }
    });
}

/// AWS's documentation calls the type `PermissionsBoundaryPolicy`; what it answers is `Policy`.
pub(crate) fn write_boundary(xml: &mut Xml, boundary: Option<&str>) {
    if let Some(arn) = boundary {
        xml.element("PermissionsBoundary", |xml| {
            xml.leaf("PermissionsBoundaryType", "Policy")
                .leaf("PermissionsBoundaryArn", arn);
        });
    }
}

/// Tags in AWS's order, which is not the one in which they were set: the shorter key first, then by letter.
pub(crate) fn sorted_tags(tags: &[(String, String)]) -> Vec<&(String, String)> {
    let mut sorted: Vec<_> = tags.iter().collect();
    sorted.sort_by(|(one, _), (other, _)| one.len().cmp(&other.len()).then_with(|| one.cmp(other)));
    sorted
}

/// Tags as the answers of calls that make something repeat them.
pub(crate) fn write_tags_as_sent(xml: &mut Xml, tags: &[(String, String)]) {
    xml.list("Tags", tags, |xml, (key, value)| {
        xml.leaf("Key", key).leaf("Value", value);
    });
}

pub(crate) fn write_tags(xml: &mut Xml, tags: &[(String, String)]) {
    xml.list("Tags", sorted_tags(tags), |xml, (key, value)| {
        xml.leaf("Key", key).leaf("Value", value);
    });
}

pub(crate) fn write_attached<'a>(xml: &mut Xml, name: &str, arns: impl IntoIterator<Item = &'a String>) {
    xml.list(name, arns, |xml, arn| {
        xml.leaf("PolicyName", policy_name(arn)).leaf("PolicyArn", arn);
    });
}

pub(crate) fn write_profile(xml: &mut Xml, profile: &InstanceProfile, account: &Account) {
    xml.leaf("Path", &profile.path)
        .leaf("InstanceProfileName", &profile.name);
    xml.leaf("InstanceProfileId", &profile.id)
        .leaf("Arn", &profile.arn)
        .time("CreateDate", profile.created);
    let roles = profile.roles.iter().filter_map(|name| account.role(name));
    xml.list("Roles", roles, |xml, role| write_role(xml, role, RoleView::Inner));
}

pub(crate) fn write_user(xml: &mut Xml, user: &User) {
    xml.leaf("Path", &user.path)
        .leaf("UserName", &user.name)
        .leaf("UserId", &user.id)
        .leaf("Arn", &user.arn);
    xml.time("CreateDate", user.created);
}

/// A customer managed policy without its tags.
pub(crate) fn write_policy(xml: &mut Xml, policy: &ManagedPolicy, account: &Account, with_description: bool) {
    let (attached, bounding) = account.policy_uses(&policy.arn);
    xml.leaf("PolicyName", &policy.name)
        .leaf("PolicyId", &policy.id)
        .leaf("Arn", &policy.arn);
    xml.leaf("Path", &policy.path)
        .leaf("DefaultVersionId", &format!("v{}", policy.default_version));
    xml.number("AttachmentCount", attached as u64)
        .number("PermissionsBoundaryUsageCount", bounding as u64);
    xml.flag("IsAttachable", true);
    if with_description {
        xml.optional("Description", policy.description.as_deref());
    }
    xml.time("CreateDate", policy.created)
        .time("UpdateDate", policy.updated);
}

/// One version of a policy; without its document as lists and `CreatePolicyVersion` have it.
pub(crate) fn write_version(xml: &mut Xml, version: &PolicyVersion, in_force: bool, with_document: bool) {
    if with_document {
        xml.document("Document", &version.document.text);
    }
    xml.leaf("VersionId", &format!("v{}", version.number))
        .flag("IsDefaultVersion", in_force)
        .time("CreateDate", version.created);
}

pub(crate) fn write_group(xml: &mut Xml, group: &Group) {
    xml.leaf("Path", &group.path)
        .leaf("GroupName", &group.name)
        .leaf("GroupId", &group.id);
    xml.leaf("Arn", &group.arn).time("CreateDate", group.created);
}
