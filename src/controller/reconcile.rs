//! A CrossAccountRole: resolve → (intent) → observe, decide, guard, apply → report.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossrole_api::names::ROLE_FINALIZER;
use crossrole_api::{CrossAccountRole, CrossAccountRoleStatus, EntryState};
use crossrole_plan::outcome::NextLook;
use kube::runtime::controller::Action;
use kube::{Api, Resource, ResourceExt};

use super::claims;
use super::context::{Context, key, object_name};
use super::looks::Course;
use super::report;
use super::resolve::{self, Request};
use super::standing;
use super::task::{Target, Task};
use super::verdict::{Outcome, Verdict};
use super::watch::CachedRole;
use super::work::Job;
use super::{account, notifying, removals, unreadable, write_back};

/// Makes one object true, and says so in its status.
///
/// # Errors
/// Only what Kubernetes answered to our own patches. Everything that AWS says ends in the status.
pub async fn reconcile(cached: Arc<CachedRole>, context: Arc<Context>) -> Result<Action, kube::Error> {
    let api: Api<CrossAccountRole> = Api::namespaced(context.client.clone(), &cached.namespace().unwrap_or_default());
    if let Some(later) = context.until_cached(cached.as_ref()) {
        return Ok(later);
    }
    let role = match &cached.0 {
        Ok(role) => role,
        Err(error) => return unreadable::tell(&context, cached.as_ref(), &error.error).await,
    };
    let deleting = role.metadata.deletion_timestamp.is_some();
    if deleting && !write_back::has_finalizer(role, ROLE_FINALIZER) {
        return Ok(Action::await_change());
    }
    if role.spec.suspend {
        return report_suspended(&context, &api, role).await;
    }
    if context.looks.pass(&context, role) {
        return Ok(Action::await_change());
    }
    let mut written = Written {
        context: &context,
        key: key(role),
        version: role.resource_version(),
    };
    if !deleting && !write_back::has_finalizer(role, ROLE_FINALIZER) {
        written.note(write_back::set_finalizer(&api, role, ROLE_FINALIZER, true).await?);
    }
    let world = context.world();
    let claim = claims::claim(role);
    // What many objects mean in many accounts at once would take much memory.
    let known = role.status.as_ref().map_or(0, |status| status.accounts.len());
    let room = context
        .room_for_tasks(world.selection(role).all().len().max(known))
        .await;
    let tasks = resolve::resolve(&Request {
        role,
        world: &world,
        hub: Some(&context.aws.hub.identity),
        cluster_id: &context.cluster_id,
        predecessor: context.settings.take_over_from.as_deref(),
        load: &|| removals::load(&context, &world, role),
        settled: &|accounts| context.memory.removals_settled(&claim.object, accounts),
        rooms: &|place| context.caches.index.take_room(&world, role, place),
        statusless: false,
        max_removals: context.settings.max_removals,
    });
    let before = role.status.clone().unwrap_or_default();
    let mut status = before.clone();
    let new = new_roles(&tasks);
    let names: Vec<&str> = new.iter().map(|(account, _, _)| account.as_str()).collect();
    let rooms = names.iter().copied().collect();
    context.caches.index.keep_rooms(&claim.object, &rooms);
    account::mark_in_use(&context, &names).await?;
    if let Some(intent) = report::intent(&status, role.metadata.generation, &new, context.now()) {
        let (name, version) = (role.name_any(), written.version.as_deref());
        written.note(write_back::set_status(&api, &name, version, &status, &intent).await?);
        status = intent;
    }
    let job = Arc::new(Job {
        context: context.clone(),
        reference: role.object_ref(&()),
        claim,
        unchanged: before.observed_generation == role.metadata.generation,
        deleting,
    });
    tasks.iter().for_each(|task| job.note_forgotten(&world, task));
    let tasks: Vec<Arc<Task>> = tasks.into_iter().map(Arc::new).collect();
    let asked = write_back::asked(role);
    // What was handled stays in status when the annotation is gone.
    let handled = before.last_handled_reconcile_at.as_deref().filter(|_| asked.is_some());
    let course = context.looks.take_up(&job, &tasks, asked.as_deref(), handled);
    let waits = tasks.iter().any(|task| waits(task));
    drop((tasks, room));
    if deleting && course.verdicts.iter().all(|verdict| verdict.outcome == Outcome::Gone) {
        write_back::set_finalizer(&api, &written.with_version(role), ROLE_FINALIZER, false).await?;
        return Ok(Action::await_change());
    }
    if course.report {
        let (generation, now) = (role.metadata.generation, context.now());
        let mut report = report::report(&status, generation, &course.verdicts, now);
        let missing = notifying::missing(&world, role, &before.conditions, generation, now);
        report.conditions.extend(missing.filter(|_| !deleting));
        // Handled is what has ended: a report in between says nothing of it.
        if let Some(asked) = asked.filter(|_| !course.under_way) {
            report.last_handled_reconcile_at = Some(asked);
        }
        if report != status {
            let (name, version) = (role.name_any(), written.version.as_deref());
            written.note(write_back::set_status(&api, &name, version, &status, &report).await?);
            warn_of_new_trouble(&job, &before, &course.verdicts).await;
            notifying::warn_if_new(&context.events, &job.reference, &before.conditions, &report.conditions).await;
        }
        standing::count(&context.metrics, "CrossAccountRole", &report.conditions);
        context.looks.reported(&job.claim.object);
        if context.looks.rests(role, written.version.as_deref(), &world, &course) {
            context.memory.succeeded(&written.key);
            return Ok(Action::await_change());
        }
    }
    Ok(next_look(&context, &written.key, waits, &course))
}

/// What we wrote of an object.
struct Written<'a> {
    context: &'a Context,
    key: String,
    version: Option<String>,
}

impl Written<'_> {
    fn note(&mut self, version: Option<String>) {
        self.context.memory.wrote(&self.key, version.as_deref());
        self.version = version;
    }

    fn with_version(&self, role: &CrossAccountRole) -> CrossAccountRole {
        let mut role = role.clone();
        role.metadata.resource_version.clone_from(&self.version);
        role
    }
}

/// The accounts where a role will be made that status does not know to be there.
fn new_roles(tasks: &[Task]) -> Vec<(String, String, bool)> {
    let new = tasks
        .iter()
        .filter_map(|task| Some((task.account.clone(), task.makes_role_in()?, task.named)));
    new.collect()
}

/// Whether a task waits for something that comes by itself.
fn waits(task: &Task) -> bool {
    let settled = match &task.target {
        Target::Settled(_, outcome) => Some(outcome),
        Target::Hold(_) | Target::End(_) | Target::Leave(_) => None,
    };
    matches!(
        settled,
        Some(Outcome::Stands {
            next: NextLook::Backoff,
            ..
        })
    )
}

/// The next time that something is to be done although nothing changes.
fn next_look(context: &Context, object: &str, waits: bool, course: &Course) -> Action {
    if waits {
        return context.after_backoff(object);
    }
    match course.next {
        Some(next) => {
            context.memory.succeeded(object);
            Action::requeue(next)
        }
        None => context.at_interval(object),
    }
}

/// Says that the object is left alone. Its entries stay as they are.
async fn report_suspended(
    context: &Context,
    api: &Api<CrossAccountRole>,
    role: &CrossAccountRole,
) -> Result<Action, kube::Error> {
    context.looks.let_be(&object_name(role));
    let before = role.status.clone().unwrap_or_default();
    let status = report::suspended(&before, role.metadata.generation, context.now());
    standing::count(&context.metrics, "CrossAccountRole", &status.conditions);
    if status != before {
        let version = role.resource_version();
        let version = write_back::set_status(api, &role.name_any(), version.as_deref(), &before, &status).await?;
        context.memory.wrote(&key(role), version.as_deref());
    }
    Ok(Action::await_change())
}

/// Where many accounts have the same new trouble, one Event speaks of all.
const TOLD_ONE_BY_ONE: usize = 3;

async fn warn_of_new_trouble(job: &Job, before: &CrossAccountRoleStatus, verdicts: &[Verdict]) {
    let before = report::by_account(before);
    let mut new: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for verdict in verdicts {
        let Outcome::Stands {
            state, reason, message, ..
        } = &verdict.outcome
        else {
            continue;
        };
        let known = before.get(verdict.account.as_str());
        let known = known.is_some_and(|entry| entry.reason == *reason && entry.state == *state);
        if !matches!(state, EntryState::Ready | EntryState::Pending) && !known {
            let note = format!("account {}: {message}", verdict.account);
            new.entry(reason.as_str()).or_default().push(note);
        }
    }
    for (reason, notes) in new {
        let told = if notes.len() > TOLD_ONE_BY_ONE {
            vec![format!("{} accounts, the first of them: {}", notes.len(), notes[0])]
        } else {
            notes
        };
        for note in told {
            job.context.events.warn(&job.reference, reason, &note).await;
        }
    }
}
