//! The caches, and which change of theirs asks for a look at what.
//!
//! A cache is complete before the first reconcile: an empty one must never look like "nothing is desired". A change
//! that we wrote ourselves (status, finalizers) asks for no look, but at an account whose use it changes.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossrole_api::names::PREFIX;
use crossrole_api::{AWSAccount, AccountClass, CrossAccountRole};
use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::Namespace;
use kube::core::{DeserializeGuard, PartialObjectMeta};
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, reflector};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::looks::Looks;

/// A CrossAccountRole as it is cached. One that this version cannot read does not hide the others.
pub type CachedRole = DeserializeGuard<CrossAccountRole>;

/// An AWSAccount as it is cached.
pub type CachedAccount = DeserializeGuard<AWSAccount>;

/// An AccountClass as it is cached.
pub type CachedClass = DeserializeGuard<AccountClass>;

/// Everything that is cached: our kinds, and the metadata of namespaces.
#[derive(Clone)]
pub struct Caches {
    /// CrossAccountRoles.
    pub roles: Store<CachedRole>,
    /// AWSAccounts.
    pub accounts: Store<CachedAccount>,
    /// AccountClasses.
    pub classes: Store<CachedClass>,
    /// Namespaces, by their metadata.
    pub namespaces: Store<PartialObjectMeta<Namespace>>,
    /// Counts the changes of everything but CrossAccountRoles.
    pub changes: Arc<AtomicU64>,
}

/// Where to ask for a look at something.
#[derive(Clone)]
pub struct Queues {
    /// Looks at CrossAccountRoles.
    pub roles: UnboundedSender<ObjectRef<CachedRole>>,
    /// Looks at AWSAccounts.
    pub accounts: UnboundedSender<ObjectRef<CachedAccount>>,
    /// Looks at AccountClasses.
    pub classes: UnboundedSender<ObjectRef<CachedClass>>,
}

/// The other ends of [`Queues`].
pub struct Requests {
    /// Looks at CrossAccountRoles.
    pub roles: UnboundedReceiver<ObjectRef<CachedRole>>,
    /// Looks at AWSAccounts.
    pub accounts: UnboundedReceiver<ObjectRef<CachedAccount>>,
    /// Looks at AccountClasses.
    pub classes: UnboundedReceiver<ObjectRef<CachedClass>>,
}

impl Queues {
    /// Asks for a look at everything that is cached.
    pub fn look_at_everything(&self, caches: &Caches) {
        look_at_roles(self, caches, |_| true);
        for account in caches.accounts.state() {
            let _ = self.accounts.send(ObjectRef::from_obj(account.as_ref()));
        }
        for class in caches.classes.state() {
            let _ = self.classes.send(ObjectRef::from_obj(class.as_ref()));
        }
    }
}

impl Requests {
    /// Discards every request, for as long as it is polled: nothing is looked at meanwhile, and they must not pile up.
    pub async fn discard(&mut self) {
        loop {
            tokio::select! {
                Some(_) = self.roles.recv() => {}
                Some(_) = self.accounts.recv() => {}
                Some(_) = self.classes.recv() => {}
                else => std::future::pending().await,
            }
        }
    }
}

/// What became of a watched object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It came, or somebody else changed it.
    Changed,
    /// It is gone.
    Gone,
}

/// Starts to watch. Returns when every cache is complete.
///
/// # Errors
/// When a watch ends before its cache is complete, which only a shutdown does.
pub async fn start(
    client: &Client,
    looks: &Arc<Looks>,
) -> Result<(Caches, Queues, Requests), reflector::store::WriterDropped> {
    let (roles, roles_writer) = reflector::store();
    let (accounts, accounts_writer) = reflector::store();
    let (classes, classes_writer) = reflector::store();
    let (namespaces, namespaces_writer) = reflector::store();
    let caches = Caches {
        roles,
        accounts,
        classes,
        namespaces,
        changes: Arc::default(),
    };
    let (queues, requests) = queues();

    let config = watcher::Config::default().any_semantic();
    let on_role = {
        let (queues, looks) = (queues.clone(), looks.clone());
        move |role: &CachedRole, fate| {
            if fate == Fate::Changed {
                let _ = queues.roles.send(ObjectRef::from_obj(role));
            }
            // Its role's name may be free for another object now.
            for other in looks.expire_contested(&role_name(role)) {
                let _ = queues.roles.send(other);
            }
        }
    };
    // Not when we write it: the look would find the cache as it was.
    let on_use = {
        let queues = queues.clone();
        move |before: Option<&CachedRole>, after: Option<&CachedRole>| {
            for account in used_otherwise(before, after) {
                let _ = queues.accounts.send(ObjectRef::new(account));
            }
        }
    };
    let on_account = {
        let (queues, caches) = (queues.clone(), caches.clone());
        move |account: &CachedAccount, _| {
            caches.changes.fetch_add(1, Ordering::Release);
            let _ = queues.accounts.send(ObjectRef::from_obj(account));
            if let Ok(account) = &account.0 {
                let _ = queues.classes.send(ObjectRef::new(&account.spec.class));
            }
            look_at_roles(&queues, &caches, |role| concerns(role, account));
        }
    };
    let on_class = {
        let (queues, caches) = (queues.clone(), caches.clone());
        move |class: &CachedClass, _| {
            caches.changes.fetch_add(1, Ordering::Release);
            let _ = queues.classes.send(ObjectRef::from_obj(class));
            let name = class.name_any();
            let accounts = caches.accounts.state();
            let of_class: Vec<_> = accounts
                .iter()
                .filter(|account| account.0.as_ref().is_ok_and(|account| account.spec.class == name))
                .collect();
            for account in &of_class {
                let _ = queues.accounts.send(ObjectRef::from_obj(account.as_ref()));
            }
            look_at_roles(&queues, &caches, |role| {
                of_class.iter().any(|account| concerns(role, account))
            });
        }
    };
    let on_namespace = {
        let (queues, caches) = (queues.clone(), caches.clone());
        move |namespace: &PartialObjectMeta<Namespace>, _| {
            caches.changes.fetch_add(1, Ordering::Release);
            let name = namespace.name_any();
            look_at_roles(&queues, &caches, |role| role.namespace().as_deref() == Some(&name));
        }
    };
    tokio::spawn(keep(
        watcher::watcher(Api::all(client.clone()), config.clone()),
        roles_writer,
        on_role,
        on_use,
    ));
    tokio::spawn(keep(
        watcher::watcher(Api::all(client.clone()), config.clone()),
        accounts_writer,
        on_account,
        |_, _| {},
    ));
    tokio::spawn(keep(
        watcher::watcher(Api::all(client.clone()), config.clone()),
        classes_writer,
        on_class,
        |_, _| {},
    ));
    tokio::spawn(keep(
        watcher::watcher(Api::<PartialObjectMeta<Namespace>>::all(client.clone()), config),
        namespaces_writer,
        on_namespace,
        |_, _| {},
    ));

    caches.accounts.wait_until_ready().await?;
    caches.classes.wait_until_ready().await?;
    caches.namespaces.wait_until_ready().await?;
    caches.roles.wait_until_ready().await?;
    Ok((caches, queues, requests))
}

fn queues() -> (Queues, Requests) {
    let (roles, role_requests) = unbounded_channel();
    let (accounts, account_requests) = unbounded_channel();
    let (classes, class_requests) = unbounded_channel();
    (
        Queues {
            roles,
            accounts,
            classes,
        },
        Requests {
            roles: role_requests,
            accounts: account_requests,
            classes: class_requests,
        },
    )
}

/// Asks for a look at each of some CrossAccountRoles.
fn look_at_roles(queues: &Queues, caches: &Caches, wanted: impl Fn(&CachedRole) -> bool) {
    for role in caches.roles.state().iter().filter(|role| wanted(role)) {
        let _ = queues.roles.send(ObjectRef::from_obj(role.as_ref()));
    }
}

/// Whether a change of an account can matter to an object: it holds a role there, or it may select the account.
fn concerns(role: &CachedRole, account: &CachedAccount) -> bool {
    let Ok(role) = &role.0 else { return false };
    let name = account.name_any();
    let holds = role
        .status
        .as_ref()
        .is_some_and(|status| status.accounts.iter().any(|entry| entry.account == name));
    holds || crossrole_plan::select::chosen(&role.spec.accounts, &name, account.labels())
}

/// The accounts that an object has an entry for, or a role in, only before or only now.
fn used_otherwise<'a>(before: Option<&'a CachedRole>, now: Option<&'a CachedRole>) -> BTreeSet<&'a str> {
    let [before, now] = [before, now].map(|role| {
        let status = role.and_then(|role| role.0.as_ref().ok()?.status.as_ref());
        let entries = status.into_iter().flat_map(|status| &status.accounts);
        let used = entries.map(|entry| (entry.account.as_str(), entry.role_id.is_some()));
        used.collect::<BTreeSet<_>>()
    });
    before.symmetric_difference(&now).map(|(account, _)| *account).collect()
}

/// The name of an object's role, as IAM compares names.
fn role_name(role: &CachedRole) -> String {
    let name = role.0.as_ref().ok().and_then(|role| role.spec.role_name.clone());
    name.unwrap_or_else(|| role.name_any()).to_lowercase()
}

/// Keeps a cache, and tells of every change that somebody else made; and of every object, whoever changed it, what it was
/// before and is now.
async fn keep<K>(
    events: impl Stream<Item = watcher::Result<Event<K>>>,
    mut writer: Writer<K>,
    on_change: impl Fn(&K, Fate),
    on_any: impl Fn(Option<&K>, Option<&K>),
) where
    K: Resource<DynamicType = ()> + DeserializeOwned + Clone + Debug + Send + 'static,
{
    let mut known: HashMap<ObjectRef<K>, (u64, Arc<K>)> = HashMap::new();
    let mut listed: HashMap<ObjectRef<K>, (u64, Arc<K>)> = HashMap::new();
    let mut events = std::pin::pin!(events.default_backoff().modify(prune));
    while let Some(event) = events.next().await {
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                tracing::warn!(kind = %K::kind(&()), %error, "watch interrupted; it is taken up again");
                continue;
            }
        };
        writer.apply_watcher_event(&event);
        match event {
            Event::Init => listed.clear(),
            Event::InitApply(object) => {
                listed.insert(ObjectRef::from_obj(&object), (fingerprint(&object), Arc::new(object)));
            }
            Event::InitDone => {
                // What is gone was deleted while nobody watched.
                for (name, (_, object)) in &known {
                    if !listed.contains_key(name) {
                        on_change(object, Fate::Gone);
                        on_any(Some(object), None);
                    }
                }
                for (name, (print, object)) in &listed {
                    let before = known.get(name);
                    if before.is_none_or(|(before, _)| before != print) {
                        on_change(object, Fate::Changed);
                    }
                    on_any(before.map(|(_, before)| before.as_ref()), Some(object));
                }
                known = std::mem::take(&mut listed);
            }
            Event::Apply(object) => {
                let print = fingerprint(&object);
                let object = Arc::new(object);
                let before = known.insert(ObjectRef::from_obj(object.as_ref()), (print, object.clone()));
                on_any(before.as_ref().map(|(_, before)| before.as_ref()), Some(&object));
                match before {
                    Some((before_print, _)) if before_print == print => {}
                    Some((_, before)) => {
                        // Both: what no longer selects an account still has to leave it.
                        on_change(&before, Fate::Changed);
                        on_change(&object, Fate::Changed);
                    }
                    None => on_change(&object, Fate::Changed),
                }
            }
            Event::Delete(object) => {
                known.remove(&ObjectRef::from_obj(&object));
                on_change(&object, Fate::Gone);
                on_any(Some(&object), None);
            }
        }
    }
}

fn prune<K: Resource>(object: &mut K) {
    let metadata = object.meta_mut();
    metadata.managed_fields = None;
    if let Some(annotations) = &mut metadata.annotations {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
}

/// What of an object others write: a change of anything else is our own.
fn fingerprint<K: Resource>(object: &K) -> u64 {
    let metadata = object.meta();
    let mut hasher = DefaultHasher::new();
    metadata.uid.hash(&mut hasher);
    metadata.generation.hash(&mut hasher);
    metadata.labels.hash(&mut hasher);
    // Of annotations only our own ask for anything; other tools write theirs as often as they like.
    for (name, value) in metadata
        .annotations
        .iter()
        .flatten()
        .filter(|(name, _)| name.starts_with(PREFIX))
    {
        (name, value).hash(&mut hasher);
    }
    metadata.deletion_timestamp.is_some().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
