//! Where to ask for a look at something.

use kube::runtime::reflector::ObjectRef;
use kube::{Resource, ResourceExt};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::watch::{CachedAccount, CachedClass, CachedGrant, CachedRole, Caches};

/// An object as a queue names it: queues hold every object, so no more is said than which one it is.
pub(super) fn named<K: Resource<DynamicType = ()>>(object: &K) -> ObjectRef<K> {
    by_name(&object.name_any(), object.namespace().as_deref())
}

/// An object by its name, as a queue names it.
pub(super) fn by_name<K: Resource<DynamicType = ()>>(name: &str, namespace: Option<&str>) -> ObjectRef<K> {
    let named = ObjectRef::new(name);
    match namespace {
        Some(namespace) => named.within(namespace),
        None => named,
    }
}

/// Where to ask for a look at something.
#[derive(Clone)]
pub struct Queues {
    /// Looks at CrossAccountRoles.
    pub roles: UnboundedSender<ObjectRef<CachedRole>>,
    /// Looks at AssumeRoleGrants.
    pub grants: UnboundedSender<ObjectRef<CachedGrant>>,
    /// Looks at AWSAccounts.
    pub accounts: UnboundedSender<ObjectRef<CachedAccount>>,
    /// Looks at AWSAccounts that are marked as used, and that an object uses otherwise, and uses still.
    pub counts: UnboundedSender<ObjectRef<CachedAccount>>,
    /// Looks at AccountClasses.
    pub classes: UnboundedSender<ObjectRef<CachedClass>>,
}

/// The other ends of [`Queues`].
pub struct Requests {
    /// Looks at CrossAccountRoles.
    pub roles: UnboundedReceiver<ObjectRef<CachedRole>>,
    /// Looks at AssumeRoleGrants.
    pub grants: UnboundedReceiver<ObjectRef<CachedGrant>>,
    /// Looks at AWSAccounts.
    pub accounts: UnboundedReceiver<ObjectRef<CachedAccount>>,
    /// Looks at AWSAccounts that are marked as used, and that an object uses otherwise, and uses still.
    pub counts: UnboundedReceiver<ObjectRef<CachedAccount>>,
    /// Looks at AccountClasses.
    pub classes: UnboundedReceiver<ObjectRef<CachedClass>>,
}

impl Queues {
    /// Asks for a look at everything that is cached.
    pub fn look_at_everything(&self, caches: &Caches) {
        look_at_roles(self, caches, |_| true);
        look_at_grants(self, caches, |_| true);
        for account in caches.accounts.state() {
            let _ = self.accounts.send(named(account.as_ref()));
        }
        for class in caches.classes.state() {
            let _ = self.classes.send(named(class.as_ref()));
        }
    }
}

impl Requests {
    /// Discards every request, for as long as it is polled: nothing is looked at meanwhile, and they must not pile up.
    pub async fn discard(&mut self) {
        loop {
            tokio::select! {
                Some(_) = self.roles.recv() => {}
                Some(_) = self.grants.recv() => {}
                Some(_) = self.accounts.recv() => {}
                Some(_) = self.counts.recv() => {}
                Some(_) = self.classes.recv() => {}
                else => std::future::pending().await,
            }
        }
    }
}

/// Both ends of all queues.
pub(super) fn queues() -> (Queues, Requests) {
    let (roles, role_requests) = unbounded_channel();
    let (grants, grant_requests) = unbounded_channel();
    let (accounts, account_requests) = unbounded_channel();
    let (counts, count_requests) = unbounded_channel();
    let (classes, class_requests) = unbounded_channel();
    (
        Queues {
            roles,
            grants,
            accounts,
            counts,
            classes,
        },
        Requests {
            roles: role_requests,
            grants: grant_requests,
            accounts: account_requests,
            counts: count_requests,
            classes: class_requests,
        },
    )
}

/// Asks for a look at each of some CrossAccountRoles.
pub(super) fn look_at_roles(queues: &Queues, caches: &Caches, wanted: impl Fn(&CachedRole) -> bool) {
    for role in caches.roles.state().iter().filter(|role| wanted(role)) {
        let _ = queues.roles.send(named(role.as_ref()));
    }
}

/// Asks for a look at each of some AssumeRoleGrants. A look that finds nothing new makes no call of AWS.
pub(super) fn look_at_grants(queues: &Queues, caches: &Caches, wanted: impl Fn(&CachedGrant) -> bool) {
    for grant in caches.grants.state().iter().filter(|grant| wanted(grant)) {
        let _ = queues.grants.send(named(grant.as_ref()));
    }
}
