//! A CrossAccountRole: resolve → (intent) → observe, decide, guard, apply → report.

use std::sync::Arc;

use crossrole_api::names::ROLE_FINALIZER;
use crossrole_api::{CrossAccountRole, CrossAccountRoleStatus, EntryState};
use crossrole_plan::outcome::NextLook;
use futures::{FutureExt, StreamExt, stream};
use kube::runtime::controller::Action;
use kube::runtime::reflector::ObjectRef;
use kube::{Api, Resource, ResourceExt};

use super::context::Context;
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
    let role = match &cached.0 {
        Ok(role) => role,
        Err(unreadable) => return report_unreadable(&context, &cached, &unreadable.error).await,
    };
    let deleting = role.metadata.deletion_timestamp.is_some();
    if deleting && !write_back::has_finalizer(role, ROLE_FINALIZER) {
        return Ok(Action::await_change());
    }
    let mut version = role.resource_version();
    if !deleting && !write_back::has_finalizer(role, ROLE_FINALIZER) {
        version = write_back::set_finalizer(&api, role, ROLE_FINALIZER, true).await?;
    }
    let world = World::of(&context.caches);
    let claim = work::claim(role);
    let tasks = resolve::resolve(&Request {
        role,
        world: &world,
        hub: &context.aws.hub,
        cluster_id: &context.cluster_id,
        load: &|| removals::load(&context, &world),
        settled: &|accounts| context.removals_settled(&claim.object, accounts),
        max_removals: context.settings.max_removals,
    });
    let mut status = role.status.clone().unwrap_or_default();
    account::mark_in_use(
        &context,
        tasks
            .iter()
            .filter(|task| task.is_new())
            .map(|task| task.account.as_str()),
    )
    .await?;
    if let Some(intent) = report::intent(&status, role.metadata.generation, &new_accounts(&tasks), context.now()) {
        version = write_back::set_status(&api, &role.name_any(), version.as_deref(), &intent).await?;
        status = intent;
    }
    let job = Job {
        context: &context,
        world: &world,
        reference: &role.object_ref(&()),
        claim: &claim,
        unchanged: status.observed_generation == role.metadata.generation,
    };
    let work: Vec<_> = tasks.iter().map(|task| job.carry_out(task).boxed()).collect();
    let verdicts: Vec<Verdict> = stream::iter(work).buffered(ACCOUNTS_AT_ONCE).collect().await;
    if deleting && verdicts.iter().all(|verdict| verdict.outcome == Outcome::Gone) {
        write_back::set_finalizer(&api, role, ROLE_FINALIZER, false).await?;
        context.forget(&job.claim.object);
        look_at_accounts(&context, &verdicts);
        return Ok(Action::await_change());
    }
    let report = report::report(&status, role.metadata.generation, &verdicts, context.now());
    warn_of_new_trouble(&job, &status, &verdicts).await;
    if report.status != status {
        write_back::set_status(&api, &role.name_any(), version.as_deref(), &report.status).await?;
        look_at_accounts(&context, &verdicts);
    }
    Ok(next_look(&context, role, &report))
}

/// The accounts that will be written to for the first time.
fn new_accounts(tasks: &[Task]) -> Vec<(String, Option<String>, bool)> {
    let holds = tasks
        .iter()
        .filter(|task| task.is_new())
        .filter_map(|task| match &task.target {
            Target::Hold(hold) => Some((
                task.account.clone(),
                Some(hold.entrance.account.to_string()),
                task.named,
            )),
            Target::Leave(_) | Target::Settled(..) => None,
        });
    holds.collect()
}

fn next_look(context: &Context, role: &CrossAccountRole, report: &Report) -> Action {
    let name = ObjectRef::from_obj(role).to_string();
    match report.next {
        NextLook::Interval => context.at_interval(&name),
        NextLook::Backoff => context.after_backoff(&name),
    }
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
            .any(|entry| entry.account == verdict.account && entry.reason == *reason);
        if !matches!(state, EntryState::Ready | EntryState::Pending) && !known {
            let note = format!("account {}: {message}", verdict.account);
            job.context.events.warn(job.reference, reason.as_str(), &note).await;
        }
    }
}

async fn report_unreadable(context: &Context, cached: &CachedRole, problem: &str) -> Result<Action, kube::Error> {
    let api: Api<CrossAccountRole> = Api::namespaced(context.client.clone(), &cached.namespace().unwrap_or_default());
    let conditions = report::unreadable(&[], cached.meta().generation, problem, context.now());
    let status = serde_json::json!({"observedGeneration": cached.meta().generation, "conditions": conditions});
    let patch = kube::api::Patch::Merge(serde_json::json!({"status": status}));
    api.patch_status(&cached.name_any(), &kube::api::PatchParams::default(), &patch)
        .await
        .map(drop)
        .or_else(
            // The answer cannot be read either, but the patch has arrived.
            |error| {
                if matches!(error, kube::Error::SerdeError(_)) {
                    Ok(())
                } else {
                    Err(error)
                }
            },
        )?;
    Ok(context.at_interval(&cached.name_any()))
}
