//! Looks that expire: what came of them counts no more, for something came to pass.

use crossrole_api::Reason;
use crossrole_plan::declaration::ObjectName;
use kube::runtime::reflector::ObjectRef;

use super::look::{self, Look, expire, has_reason};
use super::{Looks, reference};
use crate::controller::watch::CachedRole;

impl Looks {
    /// Lets the looks expire that wait for a role's name, given without regard to case. Gives their objects.
    pub fn expire_contested(&self, role_name: &str) -> Vec<ObjectRef<CachedRole>> {
        let mut contested = self.contested();
        if contested.is_empty() {
            return Vec::new();
        }
        let waiting: Vec<ObjectName> = contested
            .iter()
            .filter(|(_, name)| *name == role_name)
            .map(|(object, _)| object.clone())
            .collect();
        contested.retain(|_, name| name != role_name);
        drop(contested);
        let mut objects = self.objects();
        let looked = waiting.into_iter().filter(|object| {
            let looked = objects.get_mut(object).into_iter();
            let looks = looked.flat_map(|looked| looked.looks.iter_mut().map(|(_, look)| look.as_mut()));
            expire(looks, |verdict| has_reason(verdict, &[Reason::HeldByAnother]))
        });
        looked.map(|object| reference(&object)).collect()
    }

    /// Lets every look at an account expire that failed because the account as a whole did. Gives their objects.
    pub fn expire_failed_in(&self, account_id: &str) -> Vec<ObjectRef<CachedRole>> {
        let mut objects = self.objects();
        let expired = objects.iter_mut().filter_map(|(object, looked)| {
            let any = look::expire_failed_in(looked.looks.iter_mut().map(|(_, look)| look.as_mut()), account_id);
            any.then(|| reference(object))
        });
        expired.collect()
    }

    /// Lets the looks of these objects at an account expire that go by what it shows: it shows something else. Gives those
    /// that had one.
    pub fn expire_found(&self, account: &str, objects: impl IntoIterator<Item = ObjectName>) -> Vec<ObjectName> {
        let mut all = self.objects();
        let expired = objects.into_iter().filter(|object| {
            let look = all.get_mut(object).and_then(|looked| looked.looks.get_mut(account));
            look.is_some_and(|look| look.expire_where(Look::goes_by_what_is_shown))
        });
        expired.collect()
    }
}
