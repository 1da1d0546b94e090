//! Objects → what is to be done, role by role and account by account: the operator's own way, without a cluster.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crossrole_api::role::Mode;
use crossrole_api::{CrossAccountRole, EntryState, Reason};
use crossrole_iam::RoleName;
use crossrole_plan::brake::Load;
use crossrole_plan::claim::Claim;
use crossrole_plan::decide::{self, Known};
use crossrole_plan::declaration::ObjectName;
use crossrole_plan::desired::Desired;
use crossrole_plan::ending::Ending;
use crossrole_plan::observed::Observed;
use crossrole_plan::quota::{self, Quotas, Source};
use crossrole_plan::refusal::Refusal;
use jiff::Timestamp;
use kube::core::DeserializeGuard;

use super::report::{Finding, Line, older_sessions};
use crate::aws::{Entrance, Identity};
use crate::controller::claims::{claim, other_claims};
use crate::controller::holding;
use crate::controller::resolve::{self, Place, Request};
use crate::controller::task::{End, Hold, Target, Task};
use crate::controller::verdict::Outcome;
use crate::controller::world::World;
use crate::manifests::Manifests;

/// Everything that is known: the files in place of a cluster.
pub struct Survey<'a> {
    manifests: &'a Manifests,
    world: World,
    identity: Option<&'a Identity>,
    cluster: &'a str,
    now: Timestamp,
}

/// Roles that are there and their object's own: the object, and the AWSAccount's name.
pub type Own = BTreeSet<(ObjectName, String)>;

/// One role in one account, or a role that selects none.
pub struct Item {
    claim: Claim,
    others: Vec<Claim>,
    task: Option<Task>,
    /// What the object means in the account, where the task does not hold it.
    declared: Option<Box<Desired>>,
    suspended: bool,
    is_seen: bool,
    now: Timestamp,
}

impl<'a> Survey<'a> {
    /// Takes what the files hold for all that there is. `cluster` goes into the owner tags; `now` is the time that roles are
    /// planned for.
    pub fn of(manifests: &'a Manifests, identity: Option<&'a Identity>, cluster: &'a str, now: Timestamp) -> Self {
        Self {
            world: World::of_objects(
                manifests
                    .accounts
                    .iter()
                    .map(|account| Arc::new(DeserializeGuard(Ok(account.clone())))),
                manifests
                    .classes
                    .iter()
                    .map(|class| Arc::new(DeserializeGuard(Ok(class.clone())))),
                manifests.namespaces.clone(),
            ),
            manifests,
            identity,
            cluster,
            now,
        }
    }

    /// What is to be done where nothing is there, in the order of the files, and for each object in that of the accounts'
    /// names.
    pub fn items(&self) -> Vec<Item> {
        self.items_beside(&Own::new())
    }

    /// What is to be done where these roles are there already: no limit takes them away, and they leave others less room.
    /// In the same order.
    pub fn items_beside(&self, there: &Own) -> Vec<Item> {
        // Roles that are there, or were let in, by namespace and class.
        let held = RefCell::new(BTreeMap::<(String, String), u32>::new());
        let one_more = |namespace: &str, class: &str| {
            let mut held = held.borrow_mut();
            *held.entry((namespace.to_string(), class.to_string())).or_default() += 1;
        };
        for (object, account) in there {
            if let Some(class) = self.world.class_of(account) {
                one_more(&object.namespace, class);
            }
        }
        self.items_where(&|ours, takes_room, place| {
            if there.contains(&(ours.object.clone(), place.account.to_string())) {
                return 0;
            }
            let (namespace, class) = (&ours.object.namespace, place.class);
            let count = held.borrow().get(&(namespace.clone(), class.to_string())).copied();
            let count = count.unwrap_or(0);
            if takes_room && count < place.most {
                one_more(namespace, class);
            }
            count
        })
    }

    /// What would be done if a namespace could have any number of roles. In the same order.
    pub fn items_without_limit(&self) -> Vec<Item> {
        self.items_where(&|_, _, _| 0)
    }

    /// `rooms` is told whose room it is, and whether it is to be taken.
    fn items_where(&self, rooms: &dyn Fn(&Claim, bool, &Place<'_>) -> u32) -> Vec<Item> {
        self.manifests
            .roles
            .iter()
            .flat_map(|role| self.items_of(role, rooms))
            .collect()
    }

    fn items_of(&self, role: &CrossAccountRole, rooms: &dyn Fn(&Claim, bool, &Place<'_>) -> u32) -> Vec<Item> {
        let ours = claim(role);
        // Whoever makes no role takes no room.
        let makes_roles = !role.spec.suspend && role.spec.mode != Mode::Observe;
        let rooms = |place: &Place<'_>| rooms(&ours, makes_roles, place);
        let request = self.request(role, &rooms);
        let seen = role.status.as_ref().and_then(|status| status.observed_generation);
        let item = |task: Option<Task>| Item {
            others: task.as_ref().map_or_else(Vec::new, |task| self.others(&ours, task)),
            declared: task.as_ref().and_then(|task| declared(&request, task)),
            claim: ours.clone(),
            task,
            suspended: role.spec.suspend,
            is_seen: seen == role.metadata.generation,
            now: self.now,
        };
        let tasks = resolve::resolve(&request);
        if tasks.is_empty() {
            return vec![item(None)];
        }
        tasks.into_iter().map(|task| item(Some(task))).collect()
    }

    /// The other objects that could have the role.
    fn others(&self, ours: &Claim, task: &Task) -> Vec<Claim> {
        let Target::Hold(hold) = &task.target else {
            return Vec::new();
        };
        other_claims(ours, &hold.desired.name, self.manifests.roles.iter(), |other| {
            self.world.selection(other).contains(&task.account)
                && holding::may_have(&self.request(other, &|_| 0), &task.account)
        })
    }

    // Files have no status, so no role was made yet that could be left, and no brake need hold.
    fn request<'b>(&'b self, role: &'b CrossAccountRole, rooms: &'b dyn Fn(&Place<'_>) -> u32) -> Request<'b> {
        Request {
            role,
            world: &self.world,
            hub: self.identity,
            cluster_id: self.cluster,
            predecessor: None,
            load: &|| Load {
                derived_removals: 0,
                roles: 0,
            },
            settled: &|_| true,
            rooms,
            statusless: true,
            max_removals: usize::MAX,
        }
    }
}

fn declared(request: &Request<'_>, task: &Task) -> Option<Box<Desired>> {
    match &task.target {
        Target::Hold(_) | Target::End(_) => None,
        Target::Leave(_) | Target::Settled(..) => holding::declared(request, &task.account).map(Box::new),
    }
}

/// A role that hangs on what the account holds.
#[derive(Clone, Copy)]
pub enum Wanted<'a> {
    /// It shall be there.
    Hold(&'a Hold),
    /// Its object is refused.
    End(&'a End),
}

impl<'a> Wanted<'a> {
    /// How to get into the account.
    pub fn entrance(self) -> &'a Entrance {
        match self {
            Self::Hold(hold) => &hold.entrance,
            Self::End(end) => &end.entrance,
        }
    }

    /// The role's name.
    pub fn role(self) -> &'a RoleName {
        match self {
            Self::Hold(hold) => &hold.desired.name,
            Self::End(end) => &end.ending.role,
        }
    }

    /// What the object means in the account, where it can be read.
    pub fn declared(self) -> Option<&'a Desired> {
        match self {
            Self::Hold(hold) => Some(&hold.desired),
            Self::End(end) => end.declared.as_ref(),
        }
    }
}

impl Item {
    /// The object.
    pub fn object(&self) -> &ObjectName {
        &self.claim.object
    }

    /// What is to be done in the account; absent where the object selects none.
    pub fn task(&self) -> Option<&Task> {
        self.task.as_ref()
    }

    /// What the object means in the account, where that can be told.
    pub fn declared(&self) -> Option<&Desired> {
        match &self.task.as_ref()?.target {
            Target::Hold(hold) => Some(&hold.desired),
            Target::End(end) => end.declared.as_ref(),
            Target::Leave(_) | Target::Settled(..) => self.declared.as_deref(),
        }
    }

    /// Whether status speaks of the object as it is now.
    pub fn is_seen(&self) -> bool {
        self.is_seen
    }

    /// Whether the object is left alone.
    pub fn is_suspended(&self) -> bool {
        self.suspended
    }

    /// The role that hangs on what the account holds.
    pub fn wanted(&self) -> Option<Wanted<'_>> {
        if self.suspended {
            return None;
        }
        match &self.task.as_ref()?.target {
            Target::Hold(hold) => Some(Wanted::Hold(hold)),
            Target::End(end) => Some(Wanted::End(end)),
            Target::Leave(_) | Target::Settled(..) => None,
        }
    }

    /// The AWSAccount's name, where the object selects any.
    pub fn account(&self) -> Option<&str> {
        self.task.as_ref().map(|task| task.account.as_str())
    }

    /// The role, where it is there and the object's own, or may be: `observed` is absent where the account could not be
    /// read.
    pub fn own(&self, observed: Option<&Observed>) -> Option<(ObjectName, String)> {
        let owner = match self.wanted()? {
            Wanted::Hold(hold) => &hold.desired.owner,
            Wanted::End(end) => &end.ending.owner,
        };
        if let Some(observed) = observed {
            owner.own(observed, None)?;
        }
        Some((self.claim.object.clone(), self.account()?.to_string()))
    }

    /// What becomes of a role, given what the account holds.
    pub fn decide(&self, wanted: Wanted<'_>, observed: &Observed, quotas: &Quotas) -> Finding {
        let known = Known {
            now: self.now,
            ..Known::default()
        };
        let refused = |refusal: &Refusal, ending: Option<&Ending>| Finding::Refused {
            reason: refusal.reason,
            message: refusal.to_string(),
            ends: ending.map(|ending| ending.plan(wanted.declared(), observed, &known)),
        };
        let hold = match wanted {
            Wanted::Hold(hold) => hold,
            Wanted::End(end) => return refused(&end.refusal, Some(&end.ending)),
        };
        let desired = &hold.desired;
        let plan = match decide::converge(desired, observed, &known, &self.claim, &self.others) {
            Ok(plan) => plan,
            Err(refusal) => return refused(&refusal, hold.ending.as_ref()),
        };
        let mut warning = None;
        if let Err(refusal) = quota::check(observed, &plan.changes, quotas) {
            // Nobody was asked: the account's own quota may be higher, unless none can be.
            let may_fit =
                quotas.source == Source::Defaults && quota::check(observed, &plan.changes, &Quotas::raised()).is_ok();
            if !may_fit {
                return refused(&refusal, hold.ending.as_ref());
            }
            warning = Some(refusal.to_string());
        }
        Finding::Plan {
            arn: desired.arn.to_string(),
            exists: matches!(observed, Observed::Present(_)),
            observe: hold.observe,
            older_sessions: older_sessions(desired, observed, &plan, self.now),
            plan,
            warning,
        }
    }

    /// The line of the report, where `decide` says what becomes of a role that hangs on what the account holds.
    pub fn line(&self, decide: impl FnOnce(&Self, Wanted<'_>) -> Finding) -> Line {
        let (account_id, finding) = match self.task.as_ref().map(|task| &task.target) {
            _ if self.suspended => (None, suspended()),
            None => (None, no_accounts()),
            Some(Target::Hold(hold)) => (
                Some(hold.entrance.account.to_string()),
                decide(self, Wanted::Hold(hold)),
            ),
            Some(Target::End(end)) => (Some(end.entrance.account.to_string()), decide(self, Wanted::End(end))),
            Some(Target::Settled(id, outcome)) => (id.clone(), settled(outcome)),
            Some(Target::Leave(leave)) => (Some(leave.entrance.account.to_string()), settled(&Outcome::Gone)),
        };
        Line {
            object: self.claim.object.clone(),
            account: self.account().map(str::to_string),
            account_id,
            finding,
        }
    }
}

// It beats everything else, as for the operator, which does not even read such an object.
fn suspended() -> Finding {
    Finding::LeftAlone {
        reason: Some(Reason::Suspended),
        message: "spec.suspend is true: nothing is looked at, and nothing is changed".to_string(),
    }
}

fn no_accounts() -> Finding {
    Finding::Refused {
        reason: Reason::NoAccounts,
        message: "spec.accounts selects no AWSAccount of these files".to_string(),
        ends: None,
    }
}

fn settled(outcome: &Outcome) -> Finding {
    match outcome {
        Outcome::Gone | Outcome::UnderWay { .. } => Finding::LeftAlone {
            reason: None,
            message: "the AWSAccount is Abandoned: nothing is done there".to_string(),
        },
        Outcome::Stands {
            state: EntryState::Refused,
            reason,
            message,
            ..
        } => Finding::Refused {
            reason: *reason,
            message: message.clone(),
            ends: None,
        },
        Outcome::Stands { reason, message, .. } => Finding::LeftAlone {
            reason: Some(*reason),
            message: message.clone(),
        },
    }
}

#[cfg(test)]
mod tests;
