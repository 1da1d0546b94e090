//! Who last assumed which role, until status says so: at most once in ten minutes for each object.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossrole_api::{CrossAccountRole, CrossAccountRoleStatus, LastAssumed};
use crossrole_plan::declaration::ObjectName;
use kube::{Api, Resource, ResourceExt};
use tokio::sync::Notify;
use tokio::sync::watch::Receiver;

use crate::controller::context::{Context, key};
use crate::controller::events::title;
use crate::controller::report::fit;
use crate::controller::run::until_stop;
use crate::controller::{looks, write_back};

/// An object's status is written at most so often for this.
const WRITTEN_EVERY: Duration = Duration::from_secs(600);

/// How soon it is tried again where somebody else wrote meanwhile, and where Kubernetes takes nothing.
const AGAIN: Duration = Duration::from_secs(1);
const AFTER_FAILURE: Duration = Duration::from_secs(15);

/// What is not in status yet.
#[derive(Default)]
pub struct Uses {
    noted: Notify,
    objects: Mutex<HashMap<ObjectName, Pending>>,
}

/// What is not in the status of one object yet.
#[derive(Debug, Default)]
struct Pending {
    /// The newest use, by the AWSAccount's name.
    by_account: BTreeMap<String, LastAssumed>,
    /// When it may be written; absent where nobody has asked status yet.
    due: Option<Instant>,
}

impl Uses {
    fn objects(&self) -> MutexGuard<'_, HashMap<ObjectName, Pending>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody assumed the role of an object in an account.
    pub fn note(&self, object: &ObjectName, account: &str, last: LastAssumed) {
        let mut objects = self.objects();
        let pending = objects.entry(object.clone()).or_default();
        let known = pending.by_account.get(account);
        if known.is_none_or(|known| known.time.0 < last.time.0) {
            pending.by_account.insert(account.to_string(), last);
        }
        drop(objects);
        self.noted.notify_one();
    }

    /// The objects whose time has come, and when the next one's comes. Those of which nothing is to be written are forgotten
    /// when they may be written again.
    fn due(&self, now: Instant) -> (Vec<ObjectName>, Option<Instant>) {
        let mut objects = self.objects();
        objects.retain(|_, pending| !pending.by_account.is_empty() || pending.due.is_some_and(|due| due > now));
        let waiting = || objects.iter().filter(|(_, pending)| !pending.by_account.is_empty());
        let due = waiting().filter(|(_, pending)| pending.due.is_none_or(|due| due <= now));
        let due: Vec<ObjectName> = due.map(|(object, _)| object.clone()).collect();
        let next = waiting()
            .filter_map(|(_, pending)| pending.due.filter(|due| *due > now))
            .min();
        (due, next)
    }

    fn put_off(&self, object: &ObjectName, until: Instant) {
        if let Some(pending) = self.objects().get_mut(object) {
            pending.due = Some(until);
        }
    }

    /// What is not in status yet, and whether status was asked whether it may be written.
    fn of(&self, object: &ObjectName) -> Option<(BTreeMap<String, LastAssumed>, bool)> {
        let objects = self.objects();
        let pending = objects.get(object)?;
        Some((pending.by_account.clone(), pending.due.is_some()))
    }

    /// These are in status, or never will be.
    fn settled(&self, object: &ObjectName, written: &BTreeMap<String, LastAssumed>, due: Instant) {
        if let Some(pending) = self.objects().get_mut(object) {
            pending
                .by_account
                .retain(|account, last| written.get(account) != Some(last));
            pending.due = Some(due);
        }
    }
}

/// Writes who last assumed roles into status, in time, until told to stop.
pub async fn keep_uses(context: Arc<Context>, mut stop: Receiver<bool>) {
    loop {
        let (due, next) = context.uses.due(Instant::now());
        for object in &due {
            if *stop.borrow() {
                return;
            }
            write(&context, object).await;
        }
        if !due.is_empty() {
            continue;
        }
        let wait = async {
            match next {
                Some(next) => tokio::time::sleep_until(next.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = context.uses.noted.notified() => {}
            () = wait => {}
            () = until_stop(&mut stop) => return,
        }
    }
}

async fn write(context: &Context, object: &ObjectName) {
    let now = Instant::now();
    let (uses, next) = (&context.uses, now + WRITTEN_EVERY);
    let Some((pending, is_asked)) = uses.of(object) else {
        return;
    };
    let cached = context.caches.roles.get(&looks::reference(object));
    let Some(cached) = cached else {
        return uses.settled(object, &pending, next);
    };
    let Some((role, status)) = cached
        .0
        .as_ref()
        .ok()
        .and_then(|role| Some((role, role.status.as_ref()?)))
    else {
        return uses.settled(object, &pending, next);
    };
    // Another process may have written it a moment ago.
    if !is_asked && let Some(wait) = waits(status, context) {
        return uses.put_off(object, now + wait);
    }
    if context.until_cached(cached.as_ref()).is_some() {
        return uses.put_off(object, now + AGAIN);
    }
    let mut after = status.clone();
    for entry in after.accounts.iter_mut().filter(|entry| entry.role_arn.is_some()) {
        let newer = pending.get(&entry.account);
        let known = entry.last_assumed.as_ref().map(|known| known.time.0);
        if let Some(newer) = newer.filter(|newer| known.is_none_or(|known| known < newer.time.0)) {
            entry.last_assumed = Some(Box::new(newer.clone()));
        }
    }
    fit(&mut after.accounts);
    if after == *status {
        return uses.settled(object, &pending, now);
    }
    let api: Api<CrossAccountRole> = Api::namespaced(context.client.clone(), &object.namespace);
    let version = role.resource_version();
    match write_back::set_status(&api, &object.name, version.as_deref(), status, &after).await {
        Ok(version) => {
            context.memory.wrote(&key(role), version.as_deref());
            uses.settled(object, &pending, next);
        }
        Err(kube::Error::Api(status)) if status.code == 409 => uses.put_off(object, now + AGAIN),
        Err(kube::Error::Api(status)) if status.code == 404 => uses.settled(object, &pending, next),
        Err(error) => {
            let code = super::count::code(&error);
            context.metrics.kubernetes_failed("CrossAccountRole", &code);
            tracing::warn!(object = title(&role.object_ref(&())), %error, "Kubernetes did not take who last assumed a role; it is tried again");
            uses.put_off(object, Instant::now() + AFTER_FAILURE);
        }
    }
}

/// How long an object must still wait, where its status was written for this less than ten minutes ago.
fn waits(status: &CrossAccountRoleStatus, context: &Context) -> Option<Duration> {
    let times = status
        .accounts
        .iter()
        .filter_map(|entry| Some(entry.last_assumed.as_ref()?.time.0));
    let since = super::ago(times.max()?, context.now());
    WRITTEN_EVERY.checked_sub(since).filter(|wait| !wait.is_zero())
}

#[cfg(test)]
mod tests {
    use crossrole_api::Mfa;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;

    fn object() -> ObjectName {
        ObjectName {
            namespace: "security".into(),
            name: "audit".into(),
        }
    }

    fn used(second: i64) -> LastAssumed {
        LastAssumed {
            time: Time(jiff::Timestamp::from_second(second).unwrap()),
            principal: "111111111111:user/anna".into(),
            mfa: Mfa::Yes,
        }
    }

    #[test]
    fn the_newest_use_of_each_account_waits_for_the_time_of_its_object() {
        let (uses, now) = (Uses::default(), Instant::now());
        assert_eq!(uses.due(now), (vec![], None));
        for (account, second) in [("prod", 5), ("prod", 9), ("prod", 7), ("stage", 1)] {
            uses.note(&object(), account, used(second));
        }
        assert_eq!(uses.due(now), (vec![object()], None));
        let (pending, is_asked) = uses.of(&object()).unwrap();
        assert_eq!(
            (pending["prod"].clone(), pending["stage"].clone(), is_asked),
            (used(9), used(1), false)
        );
        // One more comes while it is written.
        uses.note(&object(), "prod", used(11));
        let later = now + WRITTEN_EVERY;
        uses.settled(&object(), &pending, later);
        assert_eq!(uses.due(now), (vec![], Some(later)));
        let (pending, is_asked) = uses.of(&object()).unwrap();
        assert_eq!((pending.len(), pending["prod"].clone(), is_asked), (1, used(11), true));
        assert_eq!(uses.due(later), (vec![object()], None));
        uses.settled(&object(), &pending, later + WRITTEN_EVERY);
        assert_eq!(uses.due(later), (vec![], None), "nothing is left to be written");
        assert!(uses.of(&object()).is_some(), "and yet it must wait");
        assert_eq!(uses.due(later + WRITTEN_EVERY), (vec![], None));
        assert!(uses.of(&object()).is_none());
    }
}
