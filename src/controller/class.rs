//! An AccountClass: which accounts are of it, and can it be used.

use std::sync::Arc;

use crossrole_api::names::IN_USE_FINALIZER;
use crossrole_api::status::condition::{DISCOVERY_FAILING, READY, STALLED};
use crossrole_api::{AccountClass, AccountClassStatus, Reason};
use crossrole_plan::rules::Rules;
use kube::runtime::controller::Action;
use kube::{Api, ResourceExt};

use super::context::{Context, key};
use super::discovery;
use super::events::{MESSAGE_SIZE, cut};
use super::report;
use super::watch::CachedClass;
use super::{standing, unreadable, write_back};

/// Looks at one AccountClass.
///
/// # Errors
/// Only what Kubernetes answered to our own patches.
pub async fn reconcile(cached: Arc<CachedClass>, context: Arc<Context>) -> Result<Action, kube::Error> {
    let api: Api<AccountClass> = Api::all(context.client.clone());
    if let Some(later) = context.until_cached(cached.as_ref()) {
        return Ok(later);
    }
    let key = key(cached.as_ref());
    let class = match &cached.0 {
        Ok(class) => class,
        Err(error) => return unreadable::tell(&context, cached.as_ref(), &error.error).await,
    };
    let name = class.name_any();
    let mut accounts: Vec<String> = context
        .caches
        .accounts
        .state()
        .iter()
        .filter(|account| account.0.as_ref().is_ok_and(|account| account.spec.class == name))
        .map(|account| account.name_any())
        .collect();
    accounts.sort();
    let unsure = context.caches.accounts.state().iter().any(|account| account.0.is_err());
    let used = !accounts.is_empty() || unsure;
    let deleting = class.metadata.deletion_timestamp.is_some();
    let notifiers = class.spec.notifiers.iter().filter(|_| used && !deleting);
    context
        .notices
        .keep_only(&name, &notifiers.map(|notifier| notifier.name.as_str()).collect());
    let mut version = class.resource_version();
    if used != write_back::has_finalizer(class, IN_USE_FINALIZER) && (!used || !deleting) {
        version = write_back::set_finalizer(&api, class, IN_USE_FINALIZER, used).await?;
        context.memory.wrote(&key, version.as_deref());
        if deleting {
            return Ok(Action::await_change());
        }
    }
    let previous = class.status.clone().unwrap_or_default();
    let (standing, reason, message) = match Rules::parse(class) {
        Ok(_) => (
            &[(READY, "True")][..],
            Reason::InSync,
            "the class can be used".to_string(),
        ),
        Err(refusal) => {
            let standing = &[(READY, "False"), (STALLED, "True")][..];
            (standing, refusal.reason, refusal.to_string())
        }
    };
    let generation = class.metadata.generation;
    let condition = |(type_, status): &(&str, &str)| {
        report::condition(
            &previous.conditions,
            type_,
            status,
            reason.as_str(),
            message.clone(),
            generation,
            context.now(),
        )
    };
    context.discovered.class_was_looked_at();
    let failing = discovery::problem(&context, class).map(|(reason, message)| {
        let message = cut(&message, MESSAGE_SIZE);
        let before = &previous.conditions;
        report::condition(
            before,
            DISCOVERY_FAILING,
            "True",
            reason.as_str(),
            message,
            generation,
            context.now(),
        )
    });
    let status = AccountClassStatus {
        observed_generation: generation,
        accounts,
        conditions: standing.iter().map(condition).chain(failing).collect(),
    };
    if status != previous {
        let version = write_back::set_status(&api, &name, version.as_deref(), &previous, &status).await?;
        context.memory.wrote(&key, version.as_deref());
    }
    standing::count(&context.metrics, "AccountClass", &status.conditions);
    Ok(Action::await_change())
}
