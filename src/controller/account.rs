//! An AWSAccount: can it be entered, and is it in use.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossrole_api::names::IN_USE_FINALIZER;
use crossrole_api::status::condition::READY;
use crossrole_api::{AWSAccount, AWSAccountStatus, AccountQuotas, AccountState, Reason};
use crossrole_plan::outcome::NextLook;
use crossrole_plan::quota::{Quotas, Source};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::runtime::controller::Action;
use kube::runtime::reflector::ObjectRef;
use kube::{Api, Resource, ResourceExt};

use super::context::{Context, key};
use super::report;
use super::resolve;
use super::watch::CachedAccount;
use super::work;
use super::write_back;
use crate::aws::CallError;

/// Looks at one AWSAccount.
///
/// # Errors
/// Only what Kubernetes answered to our own patches.
pub async fn reconcile(cached: Arc<CachedAccount>, context: Arc<Context>) -> Result<Action, kube::Error> {
    let api: Api<AWSAccount> = Api::all(context.client.clone());
    if let Some(later) = context.until_cached(cached.as_ref()) {
        return Ok(later);
    }
    let key = key(cached.as_ref());
    let account = match &cached.0 {
        Ok(account) => account,
        Err(unreadable) => return Ok(context.tell_unreadable(cached.as_ref(), &unreadable.error).await),
    };
    let name = account.name_any();
    let deleting = account.metadata.deletion_timestamp.is_some();
    let mark = context.mark_of(&key);
    let mut marked = mark.lock().await;
    let Usage { users, roles, unsure } = usage(&context, &name);
    let mark_holds = marked.and_then(|at| MARK_HOLDS.checked_sub(at.elapsed()));
    let used = !users.is_empty() || unsure || mark_holds.is_some();
    let mut version = account.resource_version();
    if used != write_back::has_finalizer(account, IN_USE_FINALIZER) && (!used || !deleting) {
        *marked = None;
        version = write_back::set_finalizer(&api, account, IN_USE_FINALIZER, used).await?;
        context.memory.wrote(&key, version.as_deref());
        if !used && deleting {
            return Ok(Action::await_change());
        }
    }
    drop(marked);
    let mut found = look(&context, account).await;
    if deleting && let Some(first) = users.first() {
        found.message = format!(
            "being deleted; waits for {} objects that have entries here, first {first}: take the account out of them, or delete them",
            users.len()
        );
    }
    let previous = account.status.clone().unwrap_or_default();
    let status = AWSAccountStatus {
        observed_generation: account.metadata.generation,
        caller_arn: found.caller_arn.or(previous.caller_arn.clone()),
        roles: Some(roles),
        quotas: found.quotas.or(previous.quotas),
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
        let version = write_back::set_status(&api, &name, version.as_deref(), &status).await?;
        context.memory.wrote(&key, version.as_deref());
    }
    Ok(match (found.next, mark_holds) {
        (NextLook::Backoff, _) => context.after_backoff(&key),
        // If no entry comes, the finalizer goes; nobody else would ask for that look.
        (NextLook::Interval, Some(rest)) if users.is_empty() => Action::requeue(rest),
        (NextLook::Interval, _) => context.at_interval(&key),
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
        let Some(cached) = context.caches.accounts.get(&ObjectRef::new(name)) else {
            continue;
        };
        let Ok(account) = &cached.0 else { continue };
        if write_back::has_finalizer(account, IN_USE_FINALIZER) {
            continue;
        }
        let key = key(cached.as_ref());
        let mark = context.mark_of(&key);
        let mut marked = mark.lock().await;
        if marked.is_some() {
            continue;
        }
        let version = write_back::set_finalizer(&api, account, IN_USE_FINALIZER, true).await?;
        context.memory.wrote(&key, version.as_deref());
        *marked = Some(Instant::now());
    }
    Ok(())
}

/// A finalizer that was just put on stays for so long, whatever the cache says of entries: they are about to be written.
const MARK_HOLDS: Duration = Duration::from_secs(60);

/// Who uses an account.
struct Usage {
    /// Objects with an entry for it.
    users: Vec<String>,
    /// How many of them hold a role there.
    roles: i64,
    /// Whether an object that cannot be read may use it too.
    unsure: bool,
}

fn usage(context: &Context, account: &str) -> Usage {
    let mut usage = Usage {
        users: Vec::new(),
        roles: 0,
        unsure: false,
    };
    for role in context.caches.roles.state() {
        let Ok(role) = &role.0 else {
            usage.unsure = true;
            continue;
        };
        let mut entries = role.status.iter().flat_map(|status| &status.accounts);
        if let Some(entry) = entries.find(|entry| entry.account == account) {
            usage.users.push(work::claim(role).object.to_string());
            usage.roles += i64::from(entry.role_id.is_some());
        }
    }
    usage
}

struct Found {
    caller_arn: Option<String>,
    quotas: Option<AccountQuotas>,
    reason: String,
    message: String,
    error: Option<CallError>,
    next: NextLook,
}

async fn look(context: &Context, account: &AWSAccount) -> Found {
    let found = |reason: Reason, message: String| Found {
        caller_arn: None,
        quotas: None,
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
    let world = context.world();
    let (parsed, rules) = match world.usable(account, Some(&context.aws.hub.identity)) {
        Ok(usable) => usable,
        Err(refusal) => return found(refusal.reason, refusal.to_string()),
    };
    let handle = context.aws.account(&resolve::entrance(&parsed, &rules.bootstrap));
    match handle.enter().await {
        Ok(caller_arn) => Found {
            caller_arn: Some(caller_arn),
            quotas: handle.quotas().await.ok().and_then(told),
            ..found(
                Reason::InSync,
                "the bootstrap role was assumed, and the account answered with its id".into(),
            )
        },
        Err(error) => {
            let meaning = error.failure.meaning(Duration::ZERO);
            Found {
                // Whoever mends the way in tells nobody, and one try costs little.
                next: NextLook::Backoff,
                ..found(meaning.reason, error.to_string())
            }
            .because(error)
        }
    }
}

/// An account's own quotas, as its status tells them.
fn told(quotas: Quotas) -> Option<AccountQuotas> {
    let figure = |figure| i64::try_from(figure).unwrap_or(i64::MAX);
    (quotas.source == Source::Account).then(|| AccountQuotas {
        roles: figure(quotas.roles),
        attached_policies_per_role: figure(quotas.attached_policies),
        trust_policy_size: figure(quotas.trust_policy_size),
    })
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
    report::condition(
        previous,
        READY,
        status,
        reason,
        super::events::cut(message, 1024),
        generation,
        context.now(),
    )
}
