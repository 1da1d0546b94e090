//! The brake, asked of all objects.

use std::collections::BTreeSet;

use crossrole_api::names::ALLOW_REMOVALS_ANNOTATION;
use crossrole_api::{AccountState, CrossAccountRole, EntryState, Reason};
use crossrole_plan::brake::{self, Load};
use crossrole_plan::select::Selection;
use kube::ResourceExt;

use super::context::Context;
use super::memory::Removal;
use super::resolve::Request;
use super::task::{Target, Task};
use super::verdict::Outcome;
use super::work;
use super::world::World;

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

/// What the brake is judged by: what is about to go in all objects, and what went lately, each once.
pub fn load(context: &Context, world: &World) -> Load {
    let mut removals: BTreeSet<Removal> = context.memory.removed_lately().into_iter().collect();
    let mut roles = 0;
    for role in context.caches.roles.state() {
        let Ok(role) = &role.0 else { continue };
        let name = work::claim(role).object;
        removals.extend(derived(role, world).into_iter().map(|account| (name.clone(), account)));
        let entries = role.status.iter().flat_map(|status| &status.accounts);
        roles += entries.filter(|entry| entry.role_id.is_some()).count();
    }
    Load {
        derived_removals: removals.len(),
        roles,
    }
}

/// Holds every removal that nobody asked for by name, where there are too many of them at once.
pub(super) fn hold_back(request: &Request<'_>, selection: &Selection, tasks: &mut [Task]) {
    let here = derived(request.role, request.world);
    let settled = (request.settled)(&here);
    if here.is_empty() {
        return;
    }
    let load = (request.load)();
    if brake::lets_through(request.max_removals, load) {
        if !settled {
            for task in tasks.iter_mut().filter(|task| here.contains(&task.account)) {
                let id = task.entry.as_ref().and_then(|entry| entry.account_id.clone());
                let message =
                    "nobody asked for this removal by name: it begins when no others come up for some seconds";
                task.target = Target::Settled(id, Outcome::waits(EntryState::Removing, Reason::Deselected, message));
            }
        }
        return;
    }
    let staying = selection.all().into_iter().filter(|name| !here.contains(*name));
    let digest = brake::digest(&request.role.uid().unwrap_or_default(), staying);
    if request.role.annotations().get(ALLOW_REMOVALS_ANNOTATION) == Some(&digest) {
        // Now somebody has asked for it.
        for task in tasks.iter_mut() {
            if let Target::Leave(leave) = &mut task.target {
                leave.derived = false;
            }
        }
        return;
    }
    for task in tasks.iter_mut().filter(|task| here.contains(&task.account)) {
        let id = task.entry.as_ref().and_then(|entry| entry.account_id.clone());
        let message = format!(
            "{} removals at once that nobody asked for by name, more than {}: undo the change, or release them: annotate {ALLOW_REMOVALS_ANNOTATION}={digest}",
            load.derived_removals,
            brake::limit(request.max_removals, load),
        );
        task.target = Target::Settled(id, Outcome::cannot_leave(Reason::TooManyRemovals, message));
    }
}
