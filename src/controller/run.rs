//! Runs the three controllers until told to stop.

use std::convert::Infallible;
use std::fmt::Debug;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossrole_iam::AccountId;

use futures::{StreamExt, TryFuture};
use k8s_openapi::api::core::v1::Namespace;
use kube::runtime::controller::{Action, Config, applier};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Api, Client, Resource, ResourceExt};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch::Receiver;

use super::context::Context;
use super::events::Events;
use super::looks::Looks;
use super::memory::Memory;
use super::settings::Settings;
use super::watch::{Caches, Queues, Requests};
use super::{account, class, reconcile, watch};
use crate::aws::{Accounts, Hub};

/// Objects that are looked at at the same time.
const OBJECTS_AT_ONCE: u16 = 64;

/// Why the operator could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The cluster's id could not be read.
    #[error("could not read the namespace kube-system, whose uid names this cluster (or set --cluster-id)")]
    ClusterId(#[source] kube::Error),
    /// The namespace had no uid.
    #[error("the namespace kube-system has no uid: set --cluster-id")]
    NoClusterId,
    /// The caches never became complete.
    #[error("the watches ended before the caches were complete")]
    Caches(#[source] kube::runtime::reflector::store::WriterDropped),
}

/// Runs until `stop` changes; what is under way then is finished.
///
/// # Errors
/// Only at the start; afterwards every trouble ends in a status.
pub async fn run(settings: Settings, client: Client, hub: Hub, stop: Receiver<bool>) -> Result<(), StartError> {
    let mut stopping = stop.clone();
    let started = tokio::select! {
        started = start(settings, client, hub) => started?,
        _ = stopping.wait_for(|stopping| *stopping) => return Ok(()),
    };
    let (context, requests) = started;
    let caches = context.caches.clone();
    tokio::join!(
        serve(
            requests.roles,
            caches.roles,
            context.clone(),
            reconcile::reconcile,
            Duration::ZERO,
            stop.clone()
        ),
        // Counts of roles are gathered: many objects that change at once are one look at their account.
        serve(
            requests.accounts,
            caches.accounts,
            context.clone(),
            account::reconcile,
            Duration::from_millis(500),
            stop.clone()
        ),
        serve(
            requests.classes,
            caches.classes,
            context.clone(),
            class::reconcile,
            Duration::from_millis(100),
            stop
        ),
    );
    context.looks.finish().await;
    Ok(())
}

async fn start(settings: Settings, client: Client, hub: Hub) -> Result<(Arc<Context>, Requests), StartError> {
    let cluster_id = match &settings.cluster_id {
        Some(id) => id.clone(),
        None => {
            let namespaces: Api<Namespace> = Api::all(client.clone());
            let namespace = namespaces.get("kube-system").await.map_err(StartError::ClusterId)?;
            namespace.uid().ok_or(StartError::NoClusterId)?
        }
    };
    let looks = Arc::default();
    let (caches, queues, requests) = watch::start(&client, &looks).await.map_err(StartError::Caches)?;
    let events = Events::new(client.clone());
    let (aws, recoveries) = Accounts::new(hub, &cluster_id, settings.shown_after());
    tracing::info!(
        cluster = cluster_id,
        identity = aws.hub.identity.arn,
        "crossrole is ready"
    );
    tokio::spawn(look_where_accounts_recover(
        recoveries,
        Arc::clone(&looks),
        caches.clone(),
        queues.clone(),
    ));
    let context = Context {
        settings,
        cluster_id,
        client,
        caches,
        queues,
        aws,
        events,
        memory: Memory::default(),
        looks,
        world: Mutex::default(),
        in_use: tokio::sync::Mutex::default(),
    };
    Ok((Arc::new(context), requests))
}

/// An account that answers again is looked at now, and so is everything that failed because it did not.
async fn look_where_accounts_recover(
    mut recoveries: UnboundedReceiver<AccountId>,
    looks: Arc<Looks>,
    caches: Caches,
    queues: Queues,
) {
    while let Some(id) = recoveries.recv().await {
        for object in looks.expire_failed_in(id.as_str()) {
            let _ = queues.roles.send(object);
        }
        let accounts = caches.accounts.state();
        let recovered = accounts.iter().filter(|account| {
            let spec = account.0.as_ref().map(|account| &account.spec);
            spec.is_ok_and(|spec| spec.account_id == id.as_str())
        });
        for account in recovered {
            let _ = queues.accounts.send(ObjectRef::from_obj(account.as_ref()));
        }
    }
}

/// Looks at whatever is asked for, one look at a time for each object.
async fn serve<K, Look>(
    requests: UnboundedReceiver<ObjectRef<K>>,
    store: Store<K>,
    context: Arc<Context>,
    look: impl Fn(Arc<K>, Arc<Context>) -> Look,
    gather: Duration,
    mut stop: Receiver<bool>,
) where
    K: Resource<DynamicType = ()> + Clone + Debug + Send + Sync + 'static,
    Look: Future<Output = Result<Action, kube::Error>> + Send + 'static,
    std::pin::Pin<Box<Look>>: TryFuture<Ok = Action, Error = kube::Error>,
{
    let queue = futures::stream::unfold(requests, |mut requests| async move {
        requests
            .recv()
            .await
            .map(|request| (Ok::<_, Infallible>(request), requests))
    })
    .take_until(Box::pin(async move {
        let _ = stop.wait_for(|stopping| *stopping).await;
    }));
    let config = Config::default().concurrency(OBJECTS_AT_ONCE).debounce(gather);
    let finished = applier(
        |object, context| Box::pin(look(object, context)),
        |object: Arc<K>, error: &kube::Error, context: Arc<Context>| {
            retry(&ObjectRef::from_obj(object.as_ref()).to_string(), error, &context)
        },
        context,
        store,
        queue,
        config,
    );
    finished
        .for_each(|result| async move {
            if let Err(error) = result {
                tracing::debug!(%error, "a look ended early");
            }
        })
        .await;
}

fn retry(object: &str, error: &kube::Error, context: &Context) -> Action {
    match error {
        // Somebody else wrote meanwhile: the cache holds it in a moment. Who never stops writing must not win.
        kube::Error::Api(status) if status.code == 409 => context.after_conflict(),
        // The object is gone.
        kube::Error::Api(status) if status.code == 404 => Action::await_change(),
        _ => {
            tracing::warn!(object, %error, "Kubernetes did not take a patch; it is tried again");
            context.after_backoff(object)
        }
    }
}
