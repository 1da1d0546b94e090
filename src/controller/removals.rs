//! The brake, asked of all objects.

use std::collections::BTreeSet;

use crossrole_api::{AccountState, CrossAccountRole};
use crossrole_plan::brake::Load;

use super::context::Context;
use super::resolve::World;

/// The accounts whose role an object would lose although nobody asked for that by name: no longer selected, or
/// abandoned.
pub fn derived(role: &CrossAccountRole, world: &World) -> BTreeSet<String> {
    if role.metadata.deletion_timestamp.is_some() {
        return BTreeSet::new();
    }
    let selection = world.selection(role);
    role.status
        .iter()
        .flat_map(|status| &status.accounts)
        .filter(|entry| {
            let abandoned = world.account_state(&entry.account) == Some(AccountState::Abandoned);
            let left = !selection.contains(&entry.account) && !entry.named;
            abandoned || left
        })
        .map(|entry| entry.account.clone())
        .collect()
}

/// What the brake is judged by.
pub fn load(context: &Context, world: &World) -> Load {
    let mut load = Load { derived_removals: context.removed_lately(), roles: 0 };
    for role in context.caches.roles.state() {
        let Ok(role) = &role.0 else { continue };
        load.derived_removals += derived(role, world).len();
        load.roles += role.status.iter().flat_map(|status| &status.accounts).filter(|entry| entry.role_id.is_some()).count();
    }
    load
}
