//! An AssumeRoleGrant: resolve → observe → decide, guard → (intent) → apply → report, in the one account that it names.
//!
//! | module | holds |
//! |---|---|
//! | `half_open` | where one side of the door says yes, and the other does not |
//! | `interest` | which grants a change of something else concerns |
//! | `known` | what this process knows of grants |
//! | `resolve` | which roles, which account, what the class allows: from the caches alone |
//! | `selected` | the roles that it selects |
//! | `work` | observe, decide, apply |
//! | `report` | the status, computed once from what was seen |

mod half_open;
mod interest;
mod known;
mod report;
mod resolve;
mod selected;
mod work;

use std::sync::Arc;

use crossrole_api::names::GRANT_FINALIZER;
use crossrole_api::{AccountState, AssumeRoleGrant};
use crossrole_plan::declaration::ObjectName;
use crossrole_plan::outcome::NextLook;
use kube::runtime::controller::Action;
use kube::{Api, Resource, ResourceExt};

use super::context::{Context, key, object_name};
use super::verdict::Outcome;
use super::watch::{CachedGrant, Caches, account_used_by};
use super::{standing, unreadable, write_back};
use resolve::Target;
use work::Work;

pub use interest::{bears_beside, look_after_account, look_beside};
pub use known::Known;
pub use selected::{bearing, is_under_way};

/// Makes one grant true, and says so in its status.
///
/// # Errors
/// Only what Kubernetes answered to our own patches. Everything that AWS says ends in the status.
pub async fn reconcile(cached: Arc<CachedGrant>, context: Arc<Context>) -> Result<Action, kube::Error> {
    let api: Api<AssumeRoleGrant> = Api::namespaced(context.client.clone(), &cached.namespace().unwrap_or_default());
    if let Some(later) = context.until_cached(cached.as_ref()) {
        return Ok(later);
    }
    let grant = match &cached.0 {
        Ok(grant) => grant,
        Err(error) => return unreadable::tell(&context, cached.as_ref(), &error.error).await,
    };
    let deleting = grant.metadata.deletion_timestamp.is_some();
    if deleting && !write_back::has_finalizer(grant, GRANT_FINALIZER) {
        return Ok(Action::await_change());
    }
    let mut work = Work::new(&context, &api, grant);
    if !deleting && !write_back::has_finalizer(grant, GRANT_FINALIZER) {
        work.note(write_back::set_finalizer(&api, grant, GRANT_FINALIZER, true).await?);
    }
    let world = context.world();
    let target = resolve::resolve(&context, &world, grant);
    let outcome = match &target {
        Target::Hold(hold) => work.hold(hold).await?,
        Target::Leave(leave) => work.leave(leave).await,
        Target::Settled(outcome) => Some(outcome.clone()),
    };
    let Some(outcome) = outcome else {
        // Whatever changed the object asked for another look.
        return Ok(Action::await_change());
    };
    let key = key(grant);
    if outcome == Outcome::Gone {
        write_back::set_finalizer(&api, &work.newest(), GRANT_FINALIZER, false).await?;
        return Ok(Action::await_change());
    }
    let mut status = report::report(
        &work.status,
        grant.metadata.generation,
        &target,
        &outcome,
        context
            .grants
            .gives(&work.object)
            .and_then(|gives| gives.roles)
            .as_ref(),
        context.now(),
    );
    if world.account_state(&grant.spec.account) == Some(AccountState::Abandoned) {
        status = report::forgotten(status);
        context.grants.forget(&work.object);
    }
    if let Some(asked) = write_back::asked(grant) {
        status.last_handled_reconcile_at = Some(asked);
    }
    if status != work.status {
        let reason_before = report::reason(&work.status).map(str::to_string);
        work.write(&status).await?;
        if let Outcome::Stands { reason, message, .. } = &outcome
            && !message.is_empty()
            && reason_before.as_deref() != Some(reason.as_str())
        {
            context
                .events
                .warn(&grant.object_ref(&()), reason.as_str(), message)
                .await;
        }
    }
    standing::count(&context.metrics, "AssumeRoleGrant", &status.conditions);
    if let (Target::Hold(_) | Target::Leave(_), Some(due)) = (&target, context.grants.due_in(&work.object)) {
        context.memory.succeeded(&key);
        return Ok(Action::requeue(due));
    }
    Ok(match outcome {
        Outcome::Stands {
            next: NextLook::Backoff,
            ..
        } => context.after_backoff(&key),
        _ => context.at_interval(&key),
    })
}

/// The grants that hold policies in an account, in order; and whether one that cannot be read may, too.
pub fn users_of(caches: &Caches, account: &str) -> (Vec<ObjectName>, bool) {
    let grants = caches.grants.state();
    let mut users: Vec<ObjectName> = grants
        .iter()
        .filter(|grant| account_used_by(grant) == Some(account))
        .map(|grant| object_name(grant.as_ref()))
        .collect();
    users.sort();
    (users, grants.iter().any(|grant| grant.0.is_err()))
}
