//! A CrossAccountRole: resolve → (intent) → observe, decide, guard, apply → report.

use std::sync::Arc;
use std::time::Duration;

use crossrole_api::names::{RECONCILE_AT_ANNOTATION, ROLE_FINALIZER};
use crossrole_api::{CrossAccountRole, CrossAccountRoleStatus, EntryState, Reason};
use crossrole_plan::outcome::NextLook;
use futures::{FutureExt, StreamExt, stream};
use jiff::Timestamp;
use kube::runtime::controller::Action;
use kube::runtime::reflector::ObjectRef;
use kube::{Api, Resource, ResourceExt};

use super::context::{Context, key};
use super::events::cut;
use super::report::{self, Report};
use super::resolve::{self, Request, Target, Task};
use super::verdict::{Outcome, Verdict};
use super::watch::CachedRole;
use super::work::{self, Job};
use super::world::World;
use super::{account, removals, write_back};

/// Accounts of one object that are worked on at the same time.
const ACCOUNTS_AT_ONCE: usize = 32;

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
        Err(unreadable) => return report_unreadable(&context, &api, &cached, &unreadable.error).await,
    };
    let deleting = role.metadata.deletion_timestamp.is_some();
    if deleting && !write_back::has_finalizer(role, ROLE_FINALIZER) {
        return Ok(Action::await_change());
    }
    if role.spec.suspend {
        return report_suspended(&context, &api, role).await;
    }
    let mut written = Written {
        context: &context,
        key: key(role),
        version: role.resource_version(),
    };
    if !deleting && !write_back::has_finalizer(role, ROLE_FINALIZER) {
        written.note(write_back::set_finalizer(&api, role, ROLE_FINALIZER, true).await?);
    }
    let world = World::of(&context.caches);
    let claim = work::claim(role);
    let tasks = resolve::resolve(&Request {
        role,
        world: &world,
        hub: Some(&context.aws.hub.identity),
        cluster_id: &context.cluster_id,
        load: &|| removals::load(&context, &world),
        settled: &|accounts| context.memory.removals_settled(&claim.object, accounts),
        roles_of: &|class, namespace| world.roles_of(&context.caches, class, namespace),
        max_removals: context.settings.max_removals,
    });
    let before = role.status.clone().unwrap_or_default();
    let mut status = before.clone();
    let new = new_roles(&tasks);
    account::mark_in_use(&context, new.iter().map(|(account, _, _)| account.as_str())).await?;
    if let Some(intent) = report::intent(&status, role.metadata.generation, &new, context.now()) {
        written.note(write_back::set_status(&api, &role.name_any(), written.version.as_deref(), &intent).await?);
        status = intent;
    }
    let job = Job {
        context: &context,
        world: &world,
        reference: &role.object_ref(&()),
        claim: &claim,
        unchanged: before.observed_generation == role.metadata.generation,
        deleting,
    };
    let work: Vec<_> = tasks.iter().map(|task| job.carry_out(task).boxed()).collect();
    let mut verdicts: Vec<Verdict> = stream::iter(work).buffer_unordered(ACCOUNTS_AT_ONCE).collect().await;
    verdicts.sort_by(|left, right| left.account.cmp(&right.account));
    if deleting && verdicts.iter().all(|verdict| verdict.outcome == Outcome::Gone) {
        write_back::set_finalizer(&api, &written.with_version(role), ROLE_FINALIZER, false).await?;
        context.memory.forget(&written.key, &claim.object);
        look_at_accounts(&context, &verdicts);
        return Ok(Action::await_change());
    }
    let mut report = report::report(&status, role.metadata.generation, &verdicts, context.now());
    report.status.last_handled_reconcile_at = role.annotations().get(RECONCILE_AT_ANNOTATION).map(|at| cut(at, 253));
    if report.status != status {
        let name = role.name_any();
        written.note(write_back::set_status(&api, &name, written.version.as_deref(), &report.status).await?);
        look_at_accounts(&context, &verdicts);
        warn_of_new_trouble(&job, &before, &verdicts).await;
    }
    Ok(next_look(
        &context,
        &written.key,
        &report,
        end_of_time(&tasks, context.now()),
    ))
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

fn next_look(context: &Context, object: &str, report: &Report, at_latest: Option<Duration>) -> Action {
    match (report.next, at_latest) {
        (NextLook::Backoff, _) => context.after_backoff(object),
        (NextLook::Interval, Some(at_latest)) if at_latest < context.settings.resync_interval => {
            context.memory.succeeded(object);
            Action::requeue(at_latest)
        }
        (NextLook::Interval, _) => context.at_interval(object),
    }
}

/// How long until a role's time is over: then something has to be done although nothing changes.
fn end_of_time(tasks: &[Task], now: Timestamp) -> Option<Duration> {
    let ends = tasks.iter().filter_map(|task| match &task.target {
        Target::Hold(hold) => hold.desired.lifecycle.next_change(now),
        Target::Close(..) | Target::Leave(_) | Target::Settled(..) => None,
    });
    ends.min().map(|end| end.duration_since(now).unsigned_abs())
}

/// Says that the object is left alone. Its entries stay as they are.
async fn report_suspended(
    context: &Context,
    api: &Api<CrossAccountRole>,
    role: &CrossAccountRole,
) -> Result<Action, kube::Error> {
    let before = role.status.clone().unwrap_or_default();
    let status = report::suspended(&before, role.metadata.generation, context.now());
    if status != before {
        let version = role.resource_version();
        let version = write_back::set_status(api, &role.name_any(), version.as_deref(), &status).await?;
        context.memory.wrote(&key(role), version.as_deref());
    }
    Ok(Action::await_change())
}

// How many roles an account holds, and whether it is in use, stands in its own status.
fn look_at_accounts(context: &Context, verdicts: &[Verdict]) {
    for verdict in verdicts {
        let _ = context.queues.accounts.send(ObjectRef::new(&verdict.account));
    }
}

async fn warn_of_new_trouble(job: &Job<'_>, before: &CrossAccountRoleStatus, verdicts: &[Verdict]) {
    for verdict in verdicts {
        let Outcome::Stands {
            state, reason, message, ..
        } = &verdict.outcome
        else {
            continue;
        };
        let known = before
            .accounts
            .iter()
            .any(|entry| entry.account == verdict.account && entry.reason == *reason && entry.state == *state);
        if !matches!(state, EntryState::Ready | EntryState::Pending) && !known {
            let note = format!("account {}: {message}", verdict.account);
            job.context.events.warn(job.reference, reason.as_str(), &note).await;
        }
    }
}

async fn report_unreadable(
    context: &Context,
    api: &Api<CrossAccountRole>,
    cached: &CachedRole,
    problem: &str,
) -> Result<Action, kube::Error> {
    let key = key(cached);
    let told = format!("{:?} {problem}", cached.meta().generation);
    if context.memory.is_news(&key, &told) {
        let conditions = report::unreadable(cached.meta().generation, problem, context.now());
        let status = serde_json::json!({"observedGeneration": cached.meta().generation, "conditions": conditions});
        let patch = kube::api::Patch::Merge(serde_json::json!({"status": status}));
        match api
            .patch_status(&cached.name_any(), &kube::api::PatchParams::default(), &patch)
            .await
        {
            // The answer cannot be read either, but the patch has arrived.
            Ok(_) | Err(kube::Error::SerdeError(_)) => {}
            Err(error) => return Err(error),
        }
        context
            .events
            .warn(&cached.object_ref(&()), Reason::InvalidSpec.as_str(), problem)
            .await;
    }
    Ok(context.at_interval(&key))
}
