//! `ListEntitiesForPolicy`: whom a managed policy is attached to, or for whom it is the boundary.

use super::managed_policies::{policy, policy_arn};
use crate::call::Call;
use crate::wire::error::{Answer, AwsError};
use crate::wire::xml::Xml;

/// Groups, roles and users, in the order of the answer's lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Group,
    Role,
    User,
}

pub(crate) fn list_entities_for_policy(call: &mut Call<'_>) -> Answer {
    let page = call.page()?;
    let filter = call.parameters.get("EntityFilter");
    let known = ["Role", "LocalManagedPolicy", "AWSManagedPolicy", "Group", "User"];
    if filter.is_some_and(|kind| !known.contains(&kind)) {
        return Err(AwsError::constraint(
            None,
            "entityFilter",
            "Member must satisfy enum value set: [Role, LocalManagedPolicy, AWSManagedPolicy, Group, User]",
        ));
    }
    let prefix = call.parameters.get("PathPrefix").unwrap_or("/");
    let usage = call.parameters.get("PolicyUsageFilter");
    let arn = policy_arn(call, "iam:ListEntitiesForPolicy", |_| {})?;
    let account = call.account()?;
    policy(account, arn)?;
    let used = |attached: bool, boundary: Option<&str>| {
        let bounds = boundary == Some(arn);
        match usage {
            Some("PermissionsPolicy") => attached,
            Some("PermissionsBoundary") => bounds,
            _ => attached || bounds,
        }
    };
    let groups = account
        .groups
        .values()
        .filter(|group| used(group.attached.contains(arn), None));
    let groups = groups.map(|group| (Kind::Group, &group.path, &group.name, &group.id));
    let roles = account.roles.values();
    let roles = roles.filter(|role| used(role.attached.contains(arn), role.boundary.as_deref()));
    let roles = roles.map(|role| (Kind::Role, &role.path, &role.name, &role.id));
    let users = account.users.values();
    let users = users.filter(|user| used(user.attached.contains(arn), user.boundary.as_deref()));
    let users = users.map(|user| (Kind::User, &user.path, &user.name, &user.id));
    let wanted = |kind: Kind| filter.is_none_or(|wanted| wanted == format!("{kind:?}"));
    let entities = groups
        .chain(roles)
        .chain(users)
        .filter(|(kind, path, ..)| wanted(*kind) && path.starts_with(prefix))
        .map(|entity| (format!("{}{}", entity.0 as u8, entity.2.to_lowercase()), entity));
    let paged = page.cut(entities);
    let mut xml = Xml::new();
    paged.write_end(&mut xml);
    for (kind, name) in [(Kind::Group, "Group"), (Kind::Role, "Role"), (Kind::User, "User")] {
        let of_kind = paged.items.iter().filter(|entity| entity.0 == kind);
        xml.list(&format!("Policy{name}s"), of_kind, |xml, (_, _, held, id)| {
            xml.leaf(&format!("{name}Name"), held).leaf(&format!("{name}Id"), id);
        });
    }
    xml.answer()
}
