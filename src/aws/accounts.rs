//! All accounts: one handle each, made on first use.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossrole_iam::{AccountId, Arn};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::Hub;
use super::account::{AccountHandle, Entrance, Shared};
use super::gate::Recovery;
use super::organization::{Organization, OrganizationRole};
use super::places::{Lanes, Places, Turn, Urgency};
use super::queue::{EventQueue, QueueUrl};
use crate::metrics::Metrics;

/// All accounts that this process works in.
#[derive(Debug)]
pub struct Accounts {
    /// The identity that the operator itself runs with.
    pub hub: Hub,
    shared: Shared,
    handles: Mutex<HashMap<AccountId, Arc<AccountHandle>>>,
    places: Places,
    /// AWSAccounts that are looked at at the same time.
    surveys: Lanes,
}

/// Long answers that are held at the same time, of prompt accounts and of slow ones: a thousand roles in one answer are
/// some megabytes.
const LONG_ANSWERS: usize = 8;

/// AWSAccounts that are looked at at the same time, of prompt accounts and of slow ones.
const SURVEYS: usize = 64;

/// Roles that are remembered as they were made a moment ago, in all accounts: each takes some kilobytes.
const REMEMBERED_WHOLE: usize = 2000;

/// What is known of an account without a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The account.
    pub account: AccountId,
    /// Whether no call is made for now.
    pub is_closed: bool,
    /// When the session of its bootstrap role ends, in seconds since 1970; `None` where there is none.
    pub session_ends: Option<i64>,
}

impl Accounts {
    /// No account yet. The roles of `clusters` are ours; the first is this one, and goes into the session name, so that
    /// CloudTrail says which operator it was. `shown_after` is how long IAM may take until its reads show a write. The
    /// receiver gets each account that answers again after it did not for long, and as which role.
    pub fn new(
        hub: Hub,
        clusters: Vec<String>,
        shown_after: Duration,
        metrics: Metrics,
    ) -> (Self, UnboundedReceiver<Recovery>) {
        let (recovered, recoveries) = unbounded_channel();
        let shared = Shared {
            hub: hub.clone(),
            session_name: session_name(clusters.first().map(String::as_str).unwrap_or_default()),
            clusters,
            shown_after,
            room: Arc::new(Semaphore::new(REMEMBERED_WHOLE)),
            recovered,
            metrics,
            long_answers: Arc::new(Lanes::new(LONG_ANSWERS, LONG_ANSWERS)),
        };
        let accounts = Self {
            hub,
            shared,
            handles: Mutex::default(),
            places: Places::default(),
            surveys: Lanes::new(SURVEYS, SURVEYS),
        };
        (accounts, recoveries)
    }

    /// The organisation, read with the operator's own identity, or as this role.
    pub fn organization(&self, role: Option<&OrganizationRole>) -> Organization {
        let Shared {
            hub,
            session_name,
            metrics,
            ..
        } = self.shared.clone();
        Organization::new(hub, role, session_name, metrics)
    }

    /// The queue of the feed, as the operator itself.
    pub fn event_queue(&self, url: &QueueUrl) -> EventQueue {
        EventQueue::new(&self.hub, url, self.shared.metrics.clone())
    }

    /// What the operator's sessions are called: so CloudTrail names whoever made its calls.
    pub fn session_name(&self) -> &str {
        &self.shared.session_name
    }

    /// Waits until a role of this account may be worked on.
    pub async fn turn<'a>(&'a self, handle: &'a AccountHandle, urgency: Urgency) -> Turn<'a> {
        handle.turn(&self.places, urgency).await
    }

    /// Waits until a grant in this account may be worked on, as this grant role.
    pub async fn turn_to_grant<'a>(
        &'a self,
        handle: &'a AccountHandle,
        grant_role: &Arn,
        urgency: Urgency,
    ) -> Turn<'a> {
        handle.turn_to_grant(grant_role, &self.places, urgency).await
    }

    /// Waits until an account as a whole may be looked at.
    pub async fn survey_turn(&self, handle: &AccountHandle) -> Option<SemaphorePermit<'_>> {
        self.surveys.place(handle.is_slow()).await
    }

    /// What is known of the accounts that this process works in, without a call.
    pub fn known(&self) -> Vec<Known> {
        let handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        let known = handles.values().map(|handle| Known {
            account: handle.account().clone(),
            is_closed: handle.is_closed(),
            session_ends: handle.session_ends(),
        });
        known.collect()
    }

    /// Forgets the accounts of which this is not true. What is under way there ends as it would.
    pub fn retain(&self, wanted: impl Fn(&AccountId) -> bool) {
        let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        handles.retain(|account, _| wanted(account));
    }

    /// The handle of an account. Another bootstrap role, external id or session duration makes another handle, so that
    /// nothing that was fetched the old way is used.
    pub fn account(&self, entrance: &Entrance) -> Arc<AccountHandle> {
        let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        let before = handles.get(&entrance.account);
        if let Some(handle) = before.filter(|handle| handle.is_of(entrance)) {
            return handle.clone();
        }
        let handle = AccountHandle::new(&self.shared, entrance.clone(), before.map(Arc::as_ref));
        let handle = Arc::new(handle);
        handles.insert(entrance.account.clone(), handle.clone());
        handle
    }

    /// The handle of an account, whichever way it was last entered; `None` where nobody has entered it.
    pub fn known_account(&self, account: &AccountId) -> Option<Arc<AccountHandle>> {
        let handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        handles.get(account).cloned()
    }
}

// Session names hold 2 to 64 of [\w+=,.@-]: STS API Reference, AssumeRole.
fn session_name(cluster: &str) -> String {
    let kept: String = cluster
        .chars()
        .map(|character| {
            if character.is_ascii_alphanumeric() || "+=,.@-_".contains(character) {
                character
            } else {
                '-'
            }
        })
        .collect();
    format!("crossrole-{kept}").chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn whoever_needs_no_new_session_does_not_wait_among_those_who_do() {
        let hub = Hub::of_nobody();
        hub.is_throttled();
        let (accounts, _recoveries) = Accounts::new(hub, vec!["c1".into()], Duration::ZERO, Metrics::default());
        let handle = accounts.account(&Entrance {
            account: "222222222222".parse().unwrap(),
            bootstrap_role: "arn:aws:iam::222222222222:role/crossrole-bootstrap".parse().unwrap(),
            external_id: None,
            session_seconds: 900,
            read_only: false,
            roles_below: "/crossrole/".parse().unwrap(),
        });
        let grant_role: Arn = "arn:aws:iam::222222222222:role/crossrole-grants".parse().unwrap();
        let turns = || {
            let roles = std::iter::from_fn(|| accounts.turn(&handle, Urgency::Few).now_or_never())
                .collect::<Vec<_>>()
                .len();
            let grants = std::iter::from_fn(|| {
                accounts
                    .turn_to_grant(&handle, &grant_role, Urgency::Few)
                    .now_or_never()
            });
            (roles, grants.collect::<Vec<_>>().len())
        };
        let (few, _) = turns();
        assert_eq!(turns(), (few, few));
        handle.sessions.pretend();
        let (many, still_few) = turns();
        assert!(many > few && still_few == few, "{many} {still_few}");
        handle.grant_sessions(&grant_role).now_or_never().unwrap().pretend();
        assert_eq!(turns(), (many, many));
    }

    #[test]
    fn a_session_name_is_one_that_sts_takes() {
        assert_eq!(session_name("5d1f-22"), "crossrole-5d1f-22");
        assert_eq!(session_name("a b/c"), "crossrole-a-b-c");
        assert_eq!(session_name(&"x".repeat(200)).len(), 64);
    }
}
