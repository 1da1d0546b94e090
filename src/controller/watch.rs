//! The caches, and which change of theirs asks for a look at what.
//!
//! A cache is complete before the first reconcile: an empty one must never look like "nothing is desired". A change
//! that we wrote ourselves (status, finalizers) asks for no look, but at an account whose use it changes.

mod keep;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossrole_api::names::IN_USE_FINALIZER;
use crossrole_api::{AWSAccount, AccountClass, AssumeRoleGrant, CrossAccountRole};
use k8s_openapi::api::core::v1::Namespace;
use kube::core::{DeserializeGuard, PartialObjectMeta};
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::watcher;
use kube::{Api, Client, ResourceExt};
use tokio::sync::mpsc;

use self::keep::{Fate, fingerprint, keep};
use super::context::{key, object_name};
use super::grants::{self, bearing, bears_beside, is_under_way, look_after_account, look_beside};
use super::index::{Index, role_name};
use super::looks::Looks;
use super::memory::Memory;
use super::queues::{Queues, Requests, look_at_grants, look_at_roles, named, queues};
use super::write_back;
use crate::health::Health;

/// A CrossAccountRole as it is cached. One that this version cannot read does not hide the others.
pub type CachedRole = DeserializeGuard<CrossAccountRole>;

/// An AWSAccount as it is cached.
pub type CachedAccount = DeserializeGuard<AWSAccount>;

/// An AccountClass as it is cached.
pub type CachedClass = DeserializeGuard<AccountClass>;

/// An AssumeRoleGrant as it is cached.
pub type CachedGrant = DeserializeGuard<AssumeRoleGrant>;

/// Everything that is cached: our kinds, and the metadata of namespaces.
#[derive(Clone)]
pub struct Caches {
    /// CrossAccountRoles.
    pub roles: Store<CachedRole>,
    /// AssumeRoleGrants.
    pub grants: Store<CachedGrant>,
    /// AWSAccounts.
    pub accounts: Store<CachedAccount>,
    /// AccountClasses.
    pub classes: Store<CachedClass>,
    /// Namespaces, by their metadata.
    pub namespaces: Store<PartialObjectMeta<Namespace>>,
    /// Counts the changes of everything but CrossAccountRoles.
    changes: Arc<AtomicU64>,
    /// Counts those of them that can matter to objects that are there.
    bearing: Arc<AtomicU64>,
    /// What is asked of all CrossAccountRoles, and of all AssumeRoleGrants, together.
    pub index: Arc<Index>,
}

impl Caches {
    /// How often anything but CrossAccountRoles has changed.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// How often anything but CrossAccountRoles has changed that can matter to one that is there. In some clusters namespaces
    /// come and go all day: those that hold none do not count.
    pub fn bearing(&self) -> u64 {
        self.bearing.load(Ordering::Acquire)
    }

    /// Whether an AWSAccount is marked as used, so that it is not deleted.
    fn is_marked(&self, account: &ObjectRef<CachedAccount>) -> bool {
        let account = self.accounts.get(account);
        account.is_some_and(|account| write_back::has_finalizer(account.as_ref(), IN_USE_FINALIZER))
    }

    fn has_changed(&self, bears: bool) {
        // First this: who sees the other sees this, too.
        if bears {
            self.bearing.fetch_add(1, Ordering::Release);
        }
        self.changes.fetch_add(1, Ordering::Release);
    }
}

/// What this process remembers of objects. It is forgotten with them, whoever takes them away and however: what is declared
/// later under the same name is another object.
#[derive(Clone, Default)]
pub struct Remembered {
    /// What it saw.
    pub memory: Arc<Memory>,
    /// Which roles are being worked on, and what was found of them.
    pub looks: Arc<Looks>,
    /// What it knows of grants.
    pub grants: Arc<grants::Known>,
}

impl Remembered {
    fn forget_role(&self, role: &CachedRole) {
        let object = object_name(role);
        self.memory.forget(&key(role), &object);
        self.looks.forget(&object);
    }

    fn forget_grant(&self, grant: &CachedGrant) {
        self.memory.forget_object(&key(grant));
        self.grants.forget(&object_name(grant));
    }
}

/// The object that is there no more: deleted, or followed by another one of its name.
fn gone<'a, K: ResourceExt>(before: Option<&'a K>, now: Option<&K>) -> Option<&'a K> {
    let uid = now.and_then(ResourceExt::uid);
    before.filter(|before| before.uid() != uid)
}

/// Starts to watch. Returns when every cache is complete.
///
/// # Errors
/// When a watch ends before its cache is complete, which only a shutdown does.
pub async fn start(
    client: &Client,
    remembered: &Remembered,
    health: &Health,
) -> Result<(Caches, Queues, Requests), reflector::store::WriterDropped> {
    let (roles, roles_writer) = reflector::store();
    let (grants, grants_writer) = reflector::store();
    let (accounts, accounts_writer) = reflector::store();
    let (classes, classes_writer) = reflector::store();
    let (namespaces, namespaces_writer) = reflector::store();
    let caches = Caches {
        roles,
        grants,
        accounts,
        classes,
        namespaces,
        changes: Arc::default(),
        bearing: Arc::default(),
        index: Arc::default(),
    };
    let (queues, requests) = queues();

    let config = watcher::Config::default();
    let on_role = {
        let (queues, looks) = (queues.clone(), remembered.looks.clone());
        move |role: &CachedRole, fate| {
            if fate == Fate::Changed {
                let _ = queues.roles.send(named(role));
            }
            // Its role's name may be free for another object now.
            let name = role.0.as_ref().map_or_else(|_| role.name_any(), role_name);
            for other in looks.expire_contested(&name) {
                let _ = queues.roles.send(other);
            }
        }
    };
    let on_any_role = {
        let (queues, caches, remembered) = (queues.clone(), caches.clone(), remembered.clone());
        move |before: Option<&CachedRole>, now: Option<&CachedRole>| {
            caches.index.change(before, now);
            if let Some(gone) = gone(before, now) {
                remembered.forget_role(gone);
            }
            // Grants follow what we write of roles, too.
            if bears_on_grants(before) != bears_on_grants(now) {
                let namespace = now.or(before).and_then(ResourceExt::namespace);
                look_at_grants(&queues, &caches, |grant| grant.namespace() == namespace);
            }
            // Not when we write it: the look would find what is known as it was.
            for (account, is_still_used) in used_otherwise(before, now) {
                let account = ObjectRef::new(account);
                // What is listed first is looked at all the same.
                let queue = if before.is_some() && is_still_used && caches.is_marked(&account) {
                    &queues.counts
                } else {
                    &queues.accounts
                };
                let _ = queue.send(account);
            }
        }
    };
    let on_grant = {
        let (queues, caches) = (queues.clone(), caches.clone());
        move |grant: &CachedGrant, _| look_beside(&queues, &caches, grant, true)
    };
    let on_any_grant = {
        let (queues, caches, remembered) = (queues.clone(), caches.clone(), remembered.clone());
        move |before: Option<&CachedGrant>, now: Option<&CachedGrant>| {
            caches.index.change_grant(before, now);
            if let Some(gone) = gone(before, now) {
                remembered.forget_grant(gone);
            }
            if let Some(grant) = now.or(before).filter(|_| bears_beside(before, now)) {
                look_beside(&queues, &caches, grant, false);
            }
            let used = |grant: Option<&CachedGrant>| Some(account_used_by(grant?)?.to_string());
            let (before, now) = (used(before), used(now));
            if before != now {
                for account in before.iter().chain(&now) {
                    let _ = queues.accounts.send(ObjectRef::new(account));
                }
            }
        }
    };
    let on_account = {
        let (queues, caches) = (queues.clone(), caches.clone());
        move |account: &CachedAccount, _| {
            caches.has_changed(true);
            let _ = queues.accounts.send(named(account));
            if let Ok(account) = &account.0 {
                let _ = queues.classes.send(ObjectRef::new(&account.spec.class));
            }
            look_at_roles(&queues, &caches, |role| concerns(role, account));
            look_after_account(&queues, &caches, account, |role| concerns(role, account));
        }
    };
    let on_class = {
        let (queues, caches) = (queues.clone(), caches.clone());
        move |class: &CachedClass, _| {
            caches.has_changed(true);
            let _ = queues.classes.send(named(class));
            let name = class.name_any();
            let accounts = caches.accounts.state();
            let of_class: Vec<_> = accounts
                .iter()
                .filter(|account| account.0.as_ref().is_ok_and(|account| account.spec.class == name))
                .collect();
            for account in &of_class {
                let _ = queues.accounts.send(named(account.as_ref()));
            }
            look_at_roles(&queues, &caches, |role| {
                of_class.iter().any(|account| concerns(role, account))
            });
            look_at_grants(&queues, &caches, |_| true);
        }
    };
    let on_namespace = {
        let (queues, caches) = (queues.clone(), caches.clone());
        move |namespace: &PartialObjectMeta<Namespace>, _| {
            let name = namespace.name_any();
            let roles = caches.roles.state();
            let mut in_it = roles
                .iter()
                .filter(|role| role.namespace().as_deref() == Some(&name))
                .peekable();
            caches.has_changed(in_it.peek().is_some());
            for role in in_it {
                let _ = queues.roles.send(named(role.as_ref()));
            }
            look_at_grants(&queues, &caches, |grant| grant.namespace().as_deref() == Some(&name));
        }
    };
    let (listing, mut listed) = mpsc::channel(1);
    let roles_watch = tokio::spawn(keep(
        watcher::watcher(Api::all(client.clone()), config.clone()),
        roles_writer,
        on_role,
        on_any_role,
        listing.clone(),
    ));
    let grants_watch = tokio::spawn(keep(
        watcher::watcher(Api::all(client.clone()), config.clone()),
        grants_writer,
        on_grant,
        on_any_grant,
        listing.clone(),
    ));
    let accounts_watch = tokio::spawn(keep(
        watcher::watcher(Api::all(client.clone()), config.clone()),
        accounts_writer,
        on_account,
        |_, _| {},
        listing.clone(),
    ));
    let classes_watch = tokio::spawn(keep(
        watcher::watcher(Api::all(client.clone()), config.clone()),
        classes_writer,
        on_class,
        |_, _| {},
        listing.clone(),
    ));
    let namespaces_watch = tokio::spawn(keep(
        watcher::watcher(Api::<PartialObjectMeta<Namespace>>::all(client.clone()), config),
        namespaces_writer,
        on_namespace,
        |_, _| {},
        listing,
    ));
    for (name, watch) in [
        ("the watch of CrossAccountRoles", roles_watch),
        ("the watch of AssumeRoleGrants", grants_watch),
        ("the watch of AWSAccounts", accounts_watch),
        ("the watch of AccountClasses", classes_watch),
        ("the watch of namespaces", namespaces_watch),
    ] {
        health.must_go_on(name, &watch);
    }

    caches.accounts.wait_until_ready().await?;
    caches.classes.wait_until_ready().await?;
    caches.namespaces.wait_until_ready().await?;
    caches.roles.wait_until_ready().await?;
    caches.grants.wait_until_ready().await?;
    // What is counted of them is complete a little later than they are.
    let None = listed.recv().await;
    Ok((caches, queues, requests))
}

/// The AWSAccount that holds policies of a grant, or is about to.
pub(super) fn account_used_by(grant: &CachedGrant) -> Option<&str> {
    let grant = grant.0.as_ref().ok()?;
    grant.status.as_ref()?.account_id.as_ref()?;
    Some(&grant.spec.account)
}

/// What of a CrossAccountRole a grant follows, as a number.
fn bears_on_grants(role: Option<&CachedRole>) -> Option<u64> {
    let role = role?;
    let mut hasher = DefaultHasher::new();
    fingerprint(role).hash(&mut hasher);
    let readable = role.0.as_ref().ok();
    readable.map(is_under_way).hash(&mut hasher);
    let status = readable.and_then(|role| role.status.as_ref());
    for entry in status.into_iter().flat_map(|status| &status.accounts) {
        (&entry.account, &entry.role_arn, bearing(entry)).hash(&mut hasher);
    }
    Some(hasher.finish())
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

/// The accounts that an object has an entry for, or a role in, only before or only now; and whether it has an entry for it
/// now. Where it has none, the account may be given back, for which somebody may wait.
fn used_otherwise<'a>(before: Option<&'a CachedRole>, now: Option<&'a CachedRole>) -> BTreeMap<&'a str, bool> {
    let [before, now] = [before, now].map(|role| {
        let status = role.and_then(|role| role.0.as_ref().ok()?.status.as_ref());
        let entries = status.into_iter().flat_map(|status| &status.accounts);
        let used = entries.map(|entry| (entry.account.as_str(), entry.role_id.is_some()));
        used.collect::<BTreeMap<_, _>>()
    });
    let accounts = before.keys().chain(now.keys());
    let otherwise = accounts.filter(|account| before.get(*account) != now.get(*account));
    otherwise.map(|account| (*account, now.contains_key(account))).collect()
}

#[cfg(test)]
mod tests;
