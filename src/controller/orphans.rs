//! Roles that carry this cluster's tags and that no object wants: told, and never removed by themselves.

use crossrole_api::{AWSAccount, Orphans};
use crossrole_plan::declaration::ObjectName;
use kube::{Resource, ResourceExt};

use super::context::Context;
use super::index::role_name;
use super::looks;
use super::watch::CachedRole;
use super::world::World;
use crate::aws::Tagged;

/// So many are named in status.
const NAMED: usize = 10;

/// The reason of the Event.
const REASON: &str = "RolesOrphaned";

/// The orphans among the roles of an account that carry our tags; `None` where there are none.
pub fn of(context: &Context, world: &World, account: &AWSAccount, tagged: Vec<Tagged>) -> Option<Orphans> {
    let orphans = tagged.into_iter().filter(|role| {
        let reference = owner(role).map(|owner| looks::reference(&owner));
        let cached = reference.and_then(|reference| context.caches.roles.get(&reference));
        !is_wanted(cached.as_deref(), world, account, role)
    });
    let mut roles: Vec<String> = orphans.map(|role| role.arn).collect();
    roles.sort();
    let count = i64::try_from(roles.len()).unwrap_or(i64::MAX);
    roles.truncate(NAMED);
    (count > 0).then_some(Orphans { count, roles })
}

/// The object that a role's tags name; `None` where they name none.
pub fn owner(tagged: &Tagged) -> Option<ObjectName> {
    let (namespace, name) = tagged.owner.split_once('/')?;
    Some(ObjectName {
        namespace: namespace.into(),
        name: name.into(),
    })
}

/// Whether the object that a role's tags name, if it is there, speaks of the role in whatever way. One that cannot be read
/// may.
pub fn is_wanted(object: Option<&CachedRole>, world: &World, account: &AWSAccount, tagged: &Tagged) -> bool {
    let Some(object) = object else { return false };
    let Ok(role) = &object.0 else { return true };
    let mut entries = role.status.iter().flat_map(|status| &status.accounts);
    // The AWSAccount may have another name now.
    let (name, id) = (account.name_any(), Some(&account.spec.account_id));
    let known = entries.any(|entry| entry.account == name || entry.account_id.as_ref() == id);
    role_name(role) == tagged.name && (known || world.selection(role).contains(&name))
}

/// Says what is new.
pub async fn tell(context: &Context, account: &AWSAccount, before: Option<&Orphans>, now: Option<&Orphans>) {
    if before == now {
        return;
    }
    let reference = account.object_ref(&());
    match now {
        Some(orphans) => {
            let note = format!(
                "{} roles carry the tags of this cluster, and no object wants them: {}; crossrole leaves them as they are: delete those that nobody needs, or declare them again",
                orphans.count,
                orphans.roles.join(", ")
            );
            context.events.warn(&reference, REASON, &note).await;
        }
        None => {
            let note = "no role of the account is an orphan any more";
            context.events.done(&reference, REASON, note).await;
        }
    }
}
