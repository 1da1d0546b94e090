//! An AccountClass: which accounts are of it, and can it be used.

use std::sync::Arc;

use crossrole_api::names::IN_USE_FINALIZER;
use crossrole_api::status::condition::READY;
use crossrole_api::{AccountClass, AccountClassStatus, Reason};
use crossrole_plan::rules::Rules;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::runtime::controller::Action;
use kube::{Api, Resource, ResourceExt};

use super::context::{Context, key};
use super::watch::CachedClass;
use super::write_back;

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
        Err(unreadable) => {
            if context.memory.is_news(&key, &unreadable.error) {
                let reference = cached.object_ref(&());
                context
                    .events
                    .warn(&reference, Reason::InvalidSpec.as_str(), &unreadable.error)
                    .await;
            }
            return Ok(context.at_interval(&key));
        }
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
    let mut version = class.resource_version();
    if used != write_back::has_finalizer(class, IN_USE_FINALIZER) && (!used || !deleting) {
        version = write_back::set_finalizer(&api, class, IN_USE_FINALIZER, used).await?;
        context.memory.wrote(&key, version.as_deref());
        if deleting {
            return Ok(Action::await_change());
        }
    }
    let previous = class.status.clone().unwrap_or_default();
    let (status, reason, message) = match Rules::parse(class) {
        Ok(_) => ("True", Reason::InSync, "the class can be used".to_string()),
        Err(refusal) => ("False", refusal.reason, refusal.to_string()),
    };
    let before = previous
        .conditions
        .iter()
        .find(|before| before.type_ == READY && before.status == status);
    let condition = Condition {
        type_: READY.into(),
        status: status.into(),
        reason: reason.as_str().into(),
        message,
        observed_generation: class.metadata.generation,
        last_transition_time: before.map_or_else(|| Time(context.now()), |before| before.last_transition_time.clone()),
    };
    let status = AccountClassStatus {
        observed_generation: class.metadata.generation,
        accounts,
        conditions: vec![condition],
    };
    if status != previous {
        let version = write_back::set_status(&api, &name, version.as_deref(), &status).await?;
        context.memory.wrote(&key, version.as_deref());
    }
    Ok(Action::await_change())
}
