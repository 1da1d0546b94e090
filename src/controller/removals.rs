//! The brake, asked of all objects.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossrole_api::names::ALLOW_REMOVALS_ANNOTATION;
use crossrole_api::{AccountState, CrossAccountRole, EntryState, Reason};
use crossrole_plan::brake::{self, Load};
use crossrole_plan::select::Selection;
use kube::ResourceExt;

use super::context::{Context, object_name};
use super::memory::Removal;
use super::resolve::Request;
use super::task::{Target, Task};
use super::verdict::Outcome;
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

/// All objects are gone through for the brake at most so often: others' removals wait longer than that to begin.
const COUNTED_EVERY: Duration = Duration::from_secs(1);

/// What of the brake's load is about to happen, and when it was counted.
#[derive(Default)]
pub struct Counted(Mutex<Option<(Instant, BTreeSet<Removal>)>>);

impl Counted {
    /// The derived removals that are about to happen in any object.
    fn removals(&self, context: &Context, world: &World) -> BTreeSet<Removal> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, removals)) = counted.as_ref()
            && at.elapsed() < COUNTED_EVERY
        {
            return removals.clone();
        }
        let roles = context.caches.roles.state();
        let roles = roles.iter().filter_map(|role| role.0.as_ref().ok());
        let removals: BTreeSet<Removal> = roles.flat_map(|role| removals_of(role, world)).collect();
        *counted = Some((Instant::now(), removals.clone()));
        removals
    }
}

fn removals_of(role: &CrossAccountRole, world: &World) -> impl Iterator<Item = Removal> {
    let object = object_name(role);
    derived(role, world)
        .into_iter()
        .map(move |account| (object.clone(), account))
}

/// What the brake is judged by: what is about to go in this object and in all others, and what went lately, each once.
pub fn load(context: &Context, world: &World, role: &CrossAccountRole) -> Load {
    let mut removals = context.counted_removals.removals(context, world);
    removals.extend(context.memory.removed_lately());
    removals.extend(removals_of(role, world));
    Load {
        derived_removals: removals.len(),
        roles: context.caches.index.roles(),
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
                task.retarget(Target::Settled(
                    id,
                    Outcome::waits(EntryState::Removing, Reason::Deselected, message),
                ));
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
        task.retarget(Target::Settled(
            id,
            Outcome::cannot_leave(Reason::TooManyRemovals, message),
        ));
    }
}
