//! Runs the four controllers, discovery and the feed of events, until told to stop.

use std::convert::Infallible;
use std::fmt::Debug;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use k8s_openapi::api::core::v1::Namespace;
use kube::runtime::controller::{self, Action, Config, applier};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Api, Client, Resource, ResourceExt};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;
use tokio::sync::watch::Receiver;
use tokio::task::JoinError;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::context::{Context, TASKS_AT_ONCE, key};
use super::discovery::Discovered;
use super::events::Events;
use super::feed::Uses;
use super::gather::gather;
use super::intake::Intake;
use super::looks::rest;
use super::queues::{Queues, Requests, by_name, named};
use super::removals::Counted;
use super::settings::Settings;
use super::watch::{Caches, Remembered};
use super::{account, class, discovery, events, feed, freshness, grants, notifying, reconcile, standing, watch};
use crate::aws::{Accounts, Hub, Recovery, Side};
use crate::health::{Health, Phase};
use crate::lease::{Candidate, Lost};
use crate::metrics::Metrics;
use crate::notices::Notices;

/// Objects that are looked at at the same time. What AWS is asked about them goes on beside it.
const OBJECTS_AT_ONCE: u16 = 64;

/// AWSAccounts are looked at without such a limit (zero): each look waits for its account.
const ALL_ACCOUNTS: u16 = 0;

/// How late an AWSAccount may say how many roles it holds. While many are made there, the number changes all the time, and
/// each time would be a write. So late, too, may an account be looked at that is marked as used, where an object got an entry.
const COUNTED_WITHIN: Duration = Duration::from_secs(3);

/// What is under way when the operator is to stop may take so long. With the writes that were sent by then, and giving the
/// lease back, it is less than Kubernetes gives a Pod.
const STOPS_WITHIN: Duration = Duration::from_secs(10);

/// Of that, notices may take so long.
const NOTICES_END_WITHIN: Duration = Duration::from_secs(3);

/// Why the operator ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The cluster's id could not be read.
    #[error("could not read the namespace kube-system, whose uid names this cluster (or set --cluster-id)")]
    ClusterId(#[source] kube::Error),
    /// The namespace had no uid.
    #[error("the namespace kube-system has no uid: set --cluster-id")]
    NoClusterId,
    /// The caches never became complete.
    #[error("the watches ended before the caches were complete")]
    Caches(#[source] kube::runtime::reflector::store::WriterDropped),
    /// The caches never became current.
    #[error(transparent)]
    Stale(#[from] freshness::Stale),
    /// Another may work now.
    #[error(transparent)]
    Lost(#[from] Lost),
}

/// Runs until `stop` changes; what is under way then ends at its next step. With a candidate, stands by until it gets the lease.
///
/// # Errors
/// At the start, or when the lease is lost; every other trouble ends in a status.
pub async fn run(
    settings: Settings,
    client: Client,
    hub: Hub,
    candidate: Option<Candidate>,
    (health, metrics): (Health, Metrics),
    stop: Receiver<bool>,
) -> Result<(), RunError> {
    let mut stopping = stop.clone();
    let started = tokio::select! {
        started = start(settings, client, hub, health, metrics) => started?,
        () = until_stop(&mut stopping) => return Ok(()),
    };
    let (context, mut requests) = started;
    let Some(mut candidate) = candidate else {
        return work(context, requests, stop).await;
    };
    context.health.enters(Phase::StandingBy);
    tracing::info!("crossrole is standing by: the caches are complete, and it waits for the lease");
    tokio::select! {
        () = candidate.acquire() => {}
        () = requests.discard() => {}
        () = until_stop(&mut stopping) => {
            // An attempt whose answer nobody waits for may have succeeded.
            candidate.give_back().await;
            return Ok(());
        }
    }
    context.queues.look_at_everything(&context.caches);
    // A task of its own: no work, however much, keeps it from renewing.
    let (finished, until_finished) = oneshot::channel();
    let mut held = tokio::spawn(candidate.hold(until_finished));
    let notices = context.notices.clone();
    let worked = tokio::select! {
        worked = work(context, requests, stop) => worked,
        ended = &mut held => {
            notices.give_up().await;
            return Ok(ended.map_err(Lost::from)??);
        }
    };
    let _ = finished.send(());
    held.await.map_err(Lost::from)??;
    worked
}

/// Works until `stop` changes, and finishes what is under way then, where that does not take too long.
async fn work(context: Arc<Context>, requests: Requests, stop: Receiver<bool>) -> Result<(), RunError> {
    let mut stopping = stop.clone();
    context.health.enters(Phase::CatchingUp);
    tokio::select! {
        current = freshness::catch_up(&context.client, &context.caches) => current?,
        () = until_stop(&mut stopping) => return Ok(()),
    }
    context.health.enters(Phase::Working);
    tracing::info!(
        cluster = context.cluster_id,
        identity = context.aws.hub.identity.arn,
        "crossrole is ready"
    );
    let caches = context.caches.clone();
    let mut ending = stop.clone();
    let work = async {
        tokio::join!(
            async {
                until_stop(&mut ending).await;
                context.looks.give_up();
            },
            serve(
                gather(requests.roles, Duration::ZERO),
                caches.roles,
                context.clone(),
                reconcile::reconcile,
                OBJECTS_AT_ONCE,
                stop.clone()
            ),
            // Many roles that change at once are one look at a grant of them.
            serve(
                gather(requests.grants, Duration::from_millis(300)),
                caches.grants,
                context.clone(),
                grants::reconcile,
                ALL_ACCOUNTS,
                stop.clone()
            ),
            // Many objects that change at once are one look at their account, and nobody waits for a number of roles.
            serve(
                stream::select(
                    gather(requests.accounts, Duration::from_millis(500)),
                    gather(requests.counts, COUNTED_WITHIN),
                ),
                caches.accounts,
                context.clone(),
                account::reconcile,
                ALL_ACCOUNTS,
                stop.clone()
            ),
            serve(
                gather(requests.classes, Duration::from_millis(100)),
                caches.classes,
                context.clone(),
                class::reconcile,
                OBJECTS_AT_ONCE,
                stop.clone()
            ),
            rest::run(context.clone(), stop.clone()),
            discovery::run(context.clone(), stop.clone()),
            feed::run(context.clone(), stop.clone()),
            feed::keep_uses(context.clone(), stop.clone()),
        );
        context.looks.finish().await;
        finish_notices(&context.notices).await;
    };
    tokio::select! {
        () = work => {}
        () = too_late(&mut stopping) => {
            tracing::warn!(
                looks = context.looks.under_way(),
                "work that AWS keeps waiting is given up: whoever works next goes on with it"
            );
        }
    }
    context.notices.give_up().await;
    Ok(())
}

/// Lets notices that wait be delivered, but not for long: a receiver that is down must not hold up whoever works next.
async fn finish_notices(notices: &Notices) {
    // What is left then is given up, and counted.
    let _ = timeout(NOTICES_END_WITHIN, notices.finish()).await;
}

/// Waits until what is under way has had its time to end.
async fn too_late(stop: &mut Receiver<bool>) {
    until_stop(stop).await;
    tokio::time::sleep(STOPS_WITHIN).await;
}

/// Waits until somebody says that it is time to stop.
pub(super) async fn until_stop(stop: &mut Receiver<bool>) {
    let _ = stop.wait_for(|stopping| *stopping).await;
}

/// The cluster's own id: the uid of the namespace kube-system.
///
/// # Errors
/// When it cannot be read.
pub async fn cluster_id(client: &Client) -> Result<String, RunError> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let namespace = namespaces.get("kube-system").await.map_err(RunError::ClusterId)?;
    namespace.uid().ok_or(RunError::NoClusterId)
}

async fn start(
    settings: Settings,
    client: Client,
    hub: Hub,
    health: Health,
    metrics: Metrics,
) -> Result<(Arc<Context>, Requests), RunError> {
    let cluster_id = match &settings.cluster_id {
        Some(id) => id.clone(),
        None => cluster_id(&client).await?,
    };
    let remembered = Remembered::default();
    let watching = watch::start(&client, &remembered, &health).await;
    let (caches, queues, requests) = watching.map_err(RunError::Caches)?;
    let events = Events::new(client.clone());
    let source = format!("{}/{cluster_id}", crossrole_api::names::GROUP);
    let (notices, turns) = Notices::new(settings.notices.clone(), source, metrics.clone());
    tokio::spawn(notifying::tell_of_turns(turns, caches.clone(), events.clone()));
    let clusters = [Some(cluster_id.clone()), settings.take_over_from.clone()];
    let clusters = clusters.into_iter().flatten().collect();
    let (aws, recoveries) = Accounts::new(hub, clusters, settings.shown_after(), metrics.clone());
    let recovering = tokio::spawn(look_where_accounts_recover(
        recoveries,
        remembered.clone(),
        caches.clone(),
        queues.clone(),
    ));
    health.must_go_on("the task that notices accounts that answer again", &recovering);
    let context = Context {
        settings,
        cluster_id,
        client,
        caches,
        queues,
        aws,
        events,
        health,
        metrics,
        notices,
        memory: remembered.memory,
        grants: remembered.grants,
        discovered: Discovered::default(),
        uses: Uses::default(),
        looks: remembered.looks,
        counted_removals: Counted::default(),
        tasks_at_once: Semaphore::new(TASKS_AT_ONCE),
        world: Mutex::default(),
        in_use: Mutex::default(),
    };
    let context = Arc::new(context);
    // The metrics are part of what they are read from.
    let source = Arc::downgrade(&context);
    context.metrics.read_from(move || {
        source
            .upgrade()
            .map(|context| standing::of(&context))
            .unwrap_or_default()
    });
    Ok((context, requests))
}

/// An account that answers again is looked at now, and so is everything that failed because it did not.
async fn look_where_accounts_recover(
    mut recoveries: UnboundedReceiver<Recovery>,
    remembered: Remembered,
    caches: Caches,
    queues: Queues,
) {
    while let Some((id, side)) = recoveries.recv().await {
        for grant in remembered.grants.expire_failed_in(id.as_str()) {
            let _ = queues.grants.send(grant);
        }
        if side == Side::Grants {
            continue;
        }
        for object in remembered.looks.expire_failed_in(id.as_str()) {
            let _ = queues.roles.send(object);
        }
        let accounts = caches.accounts.state();
        let recovered = accounts.iter().filter(|account| {
            let spec = account.0.as_ref().map(|account| &account.spec);
            spec.is_ok_and(|spec| spec.account_id == id.as_str())
        });
        for account in recovered {
            let _ = queues.accounts.send(named(account.as_ref()));
        }
    }
}

/// A look as a task of its own, which ends with whoever waits for it. kube's queue polls everything that it has begun each
/// time that any of it can go on.
async fn apart<Look>(look: Look) -> Look::Output
where
    Look: Future<Output: Send> + Send + 'static,
{
    let task = AbortOnDropHandle::new(tokio::spawn(look.in_current_span()));
    match task.await.map_err(JoinError::try_into_panic) {
        Ok(ended) => ended,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        // The runtime ends, and with it whoever waits.
        Err(Err(_)) => std::future::pending().await,
    }
}

/// Looks at whatever is asked for, one look at a time for each object.
async fn serve<K, Look>(
    requests: impl Stream<Item = ObjectRef<K>>,
    store: Store<K>,
    context: Arc<Context>,
    look: impl Fn(Arc<K>, Arc<Context>) -> Look,
    at_once: u16,
    mut stop: Receiver<bool>,
) where
    K: Resource<DynamicType = ()> + Clone + Debug + Send + Sync + 'static,
    Look: Future<Output = Result<Action, kube::Error>> + Send + 'static,
{
    let intake = Arc::new(Intake::new(at_once));
    let queue = intake.clone().of(requests).map(Ok::<_, Infallible>);
    let queue = queue.take_until(Box::pin(async move {
        until_stop(&mut stop).await;
    }));
    let config = Config::default().concurrency(at_once);
    let finished = applier(
        |object: Arc<K>, context| {
            intake.begins(&named(object.as_ref()));
            Box::pin(apart(look(object, context)))
        },
        |object: Arc<K>, error: &kube::Error, context: Arc<Context>| retry(object.as_ref(), error, &context),
        context,
        store,
        queue,
        config,
    );
    finished
        .for_each(async |result| {
            let Err(error) = result else { return };
            if let controller::Error::ObjectNotFound(gone) = &error {
                intake.begins(&by_name(&gone.name, gone.namespace.as_deref()));
            }
            tracing::debug!(%error, "a look ended early");
        })
        .await;
}

fn retry<K: Resource<DynamicType = ()>>(object: &K, error: &kube::Error, context: &Context) -> Action {
    let code = match error {
        kube::Error::Api(status) => status.code.to_string(),
        _ => "NoAnswer".to_string(),
    };
    context.metrics.kubernetes_failed(&K::kind(&()), &code);
    match error {
        // Somebody else wrote meanwhile: the cache holds it in a moment. Who never stops writing must not win.
        kube::Error::Api(status) if status.code == 409 => context.after_conflict(),
        // The object is gone.
        kube::Error::Api(status) if status.code == 404 => Action::await_change(),
        _ => {
            let title = events::title(&object.object_ref(&()));
            tracing::warn!(object = title, %error, "Kubernetes did not take a patch; it is tried again");
            context.after_kubernetes_failed(&key(object))
        }
    }
}
