//! An AWSAccount: can it be entered, and is it in use.

use std::sync::Arc;

use crossrole_api::names::IN_USE_FINALIZER;
use crossrole_api::status::condition::READY;
use crossrole_api::{AWSAccount, AWSAccountStatus, AccountState, Reason};
use crossrole_plan::outcome::NextLook;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::runtime::controller::Action;
use kube::runtime::reflector::ObjectRef;
use kube::{Api, Resource, ResourceExt};

use super::context::Context;
use super::resolve;
use super::world::World;
use super::write_back;
use crate::aws::CallError;

/// Looks at one AWSAccount.
///
/// # Errors
/// Only what Kubernetes answered to our own patches.
pub async fn reconcile(account: Arc<AWSAccount>, context: Arc<Context>) -> Result<Action, kube::Error> {
    let api: Api<AWSAccount> = Api::all(context.client.clone());
    let name = account.name_any();
    let (used, roles) = usage(&context, &name);
    let mut version = account.resource_version();
    if used != write_back::has_finalizer(account.as_ref(), IN_USE_FINALIZER)
        && (!used || account.metadata.deletion_timestamp.is_none())
    {
        let mut marked = context.in_use.lock().await;
        marked.remove(&account.uid().unwrap_or_default());
        version = write_back::set_finalizer(&api, account.as_ref(), IN_USE_FINALIZER, used).await?;
        drop(marked);
        if !used && account.metadata.deletion_timestamp.is_some() {
            return Ok(Action::await_change());
        }
    }
    let found = look(&context, &account).await;
    let previous = account.status.clone().unwrap_or_default();
    let status = AWSAccountStatus {
        observed_generation: account.metadata.generation,
        caller_arn: found.caller_arn.or(previous.caller_arn.clone()),
        roles: Some(roles),
        conditions: vec![ready(
            &previous.conditions,
            &found.reason,
            &found.message,
            account.metadata.generation,
            &context,
        )],
    };
    if status != previous {
        if let Some(error) = &found.error
            && previous
                .conditions
                .first()
                .is_none_or(|before| before.reason != found.reason)
        {
            let reference = account.object_ref(&());
            context.events.warn(&reference, &found.reason, &error.to_string()).await;
        }
        write_back::set_status(&api, &name, version.as_deref(), &status).await?;
    }
    let object = format!("AWSAccount/{name}");
    Ok(match found.next {
        NextLook::Interval => context.at_interval(&object),
        NextLook::Backoff => context.after_backoff(&object),
    })
}

/// Puts the finalizer on AWSAccounts before the first role is made there, so that none is deleted while a role of ours
/// can be in it.
///
/// # Errors
/// What Kubernetes answered.
pub async fn mark_in_use(context: &Context, names: impl Iterator<Item = &str>) -> Result<(), kube::Error> {
    let api: Api<AWSAccount> = Api::all(context.client.clone());
    for name in names {
        let Some(account) = context.caches.accounts.get(&ObjectRef::new(name)) else {
            continue;
        };
        if write_back::has_finalizer(account.as_ref(), IN_USE_FINALIZER) {
            continue;
        }
        let mut marked = context.in_use.lock().await;
        let uid = account.uid().unwrap_or_default();
        if !marked.contains(&uid) {
            write_back::set_finalizer(&api, account.as_ref(), IN_USE_FINALIZER, true).await?;
            marked.insert(uid);
        }
    }
    Ok(())
}

/// Whether objects have entries for the account, and how many of them hold a role there.
fn usage(context: &Context, account: &str) -> (bool, i64) {
    let mut entries = 0;
    let mut roles = 0;
    for role in context.caches.roles.state() {
        let Ok(role) = &role.0 else { continue };
        for entry in role
            .status
            .iter()
            .flat_map(|status| &status.accounts)
            .filter(|entry| entry.account == account)
        {
            entries += 1;
            roles += i64::from(entry.role_id.is_some());
        }
    }
    (entries > 0, roles)
}

struct Found {
    caller_arn: Option<String>,
    reason: String,
    message: String,
    error: Option<CallError>,
    next: NextLook,
}

async fn look(context: &Context, account: &AWSAccount) -> Found {
    let found = |reason: Reason, message: String| Found {
        caller_arn: None,
        reason: reason.as_str().into(),
        message,
        error: None,
        next: NextLook::Interval,
    };
    if account.spec.state != AccountState::Active {
        return found(
            Reason::AccountPaused,
            format!("spec.state is {:?}: no call is made", account.spec.state),
        );
    }
    let world = World::of(&context.caches);
    let (parsed, rules) = match world.usable(account, &context.aws.hub) {
        Ok(usable) => usable,
        Err(refusal) => return found(refusal.reason, refusal.to_string()),
    };
    match context.aws.account(&resolve::entrance(&parsed, &rules)).enter().await {
        Ok(caller_arn) => Found {
            caller_arn: Some(caller_arn),
            ..found(
                Reason::InSync,
                "the bootstrap role was assumed, and the account answered with its id".into(),
            )
        },
        Err(error) => {
            let meaning = error.failure.meaning();
            Found {
                next: meaning.next,
                ..found(meaning.reason, error.to_string())
            }
            .because(error)
        }
    }
}

impl Found {
    fn because(mut self, error: CallError) -> Self {
        self.error = Some(error);
        self
    }
}

fn ready(previous: &[Condition], reason: &str, message: &str, generation: Option<i64>, context: &Context) -> Condition {
    let status = if reason == Reason::InSync.as_str() {
        "True"
    } else {
        "False"
    };
    let before = previous
        .iter()
        .find(|before| before.type_ == READY && before.status == status);
    Condition {
        type_: READY.into(),
        status: status.into(),
        reason: reason.into(),
        message: super::events::cut(message, 1024),
        observed_generation: generation,
        last_transition_time: before.map_or_else(|| Time(context.now()), |before| before.last_transition_time.clone()),
    }
}
