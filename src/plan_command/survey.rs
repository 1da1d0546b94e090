//! Objects → what is to be done, role by role and account by account: the operator's own way, without a cluster.

use std::sync::Arc;

use crossrole_api::{CrossAccountRole, EntryState, Reason};
use crossrole_plan::brake::Load;
use crossrole_plan::claim::Claim;
use crossrole_plan::decide::{self, Known};
use crossrole_plan::observed::Observed;
use crossrole_plan::quota::{self, Quotas, Source};
use jiff::Timestamp;
use kube::core::DeserializeGuard;

use super::manifests::Manifests;
use super::report::{Finding, Line};
use crate::aws::Identity;
use crate::controller::resolve::{self, Request};
use crate::controller::task::{Hold, Target, Task};
use crate::controller::verdict::Outcome;
use crate::controller::work::{claim, other_claims};
use crate::controller::world::World;

/// Everything that is known: the files in place of a cluster.
pub struct Survey<'a> {
    manifests: &'a Manifests,
    world: World,
    identity: Option<&'a Identity>,
    cluster: &'a str,
    now: Timestamp,
}

/// One role in one account, or a role that selects none.
pub struct Item {
    claim: Claim,
    others: Vec<Claim>,
    task: Option<Task>,
    suspended: bool,
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

    /// What is to be done, in the order of the files, and for each object in that of the accounts' names.
    pub fn items(&self) -> Vec<Item> {
        self.manifests
            .roles
            .iter()
            .flat_map(|role| self.items_of(role))
            .collect()
    }

    fn items_of(&self, role: &CrossAccountRole) -> Vec<Item> {
        let ours = claim(role);
        let tasks = resolve::resolve(&self.request(role));
        if tasks.is_empty() {
            return vec![Item {
                claim: ours,
                others: Vec::new(),
                task: None,
                suspended: role.spec.suspend,
                now: self.now,
            }];
        }
        let item = |task: Task| Item {
            others: self.others(&ours, &task),
            claim: ours.clone(),
            task: Some(task),
            suspended: role.spec.suspend,
            now: self.now,
        };
        tasks.into_iter().map(item).collect()
    }

    /// The other objects that could have the role.
    fn others(&self, ours: &Claim, task: &Task) -> Vec<Claim> {
        let Target::Hold(hold) = &task.target else {
            return Vec::new();
        };
        other_claims(ours, &hold.desired.name, self.manifests.roles.iter(), |other| {
            self.world.selection(other).contains(&task.account)
                && resolve::may_have(&self.request(other), &task.account)
        })
    }

    // Files have no status, so no role was made yet that could be left, and no brake need hold.
    fn request<'b>(&'b self, role: &'b CrossAccountRole) -> Request<'b> {
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
            roles_of: &|_, _| 0,
            max_removals: usize::MAX,
        }
    }
}

impl Item {
    /// The role that shall be in the account, where nothing stands against it.
    pub fn hold(&self) -> Option<&Hold> {
        if self.suspended {
            return None;
        }
        match &self.task.as_ref()?.target {
            Target::Hold(hold) => Some(hold),
            Target::End(_) | Target::Leave(_) | Target::Settled(..) => None,
        }
    }

    /// The AWSAccount's name, where the object selects any.
    pub fn account(&self) -> Option<&str> {
        self.task.as_ref().map(|task| task.account.as_str())
    }

    /// What becomes of a role that shall be there, given what is.
    pub fn decide(&self, hold: &Hold, observed: &Observed, quotas: &Quotas) -> Finding {
        let desired = &hold.desired;
        let known = Known {
            now: self.now,
            ..Known::default()
        };
        let plan = match decide::converge(desired, observed, &known, &self.claim, &self.others) {
            Ok(plan) => plan,
            Err(refusal) => return Finding::refused(&refusal),
        };
        let mut warning = None;
        if let Err(refusal) = quota::check(observed, &plan.changes, quotas) {
            // Nobody was asked: the account's own quota may be higher, unless none can be.
            let may_fit =
                quotas.source == Source::Defaults && quota::check(observed, &plan.changes, &Quotas::raised()).is_ok();
            if !may_fit {
                return Finding::refused(&refusal);
            }
            warning = Some(refusal.to_string());
        }
        Finding::Plan {
            arn: desired.arn.to_string(),
            exists: matches!(observed, Observed::Present(_)),
            observe: hold.observe,
            plan,
            warning,
        }
    }

    /// The line of the report, where `hold` says what becomes of a role that shall be there.
    pub fn line(&self, hold: impl FnOnce(&Self, &Hold) -> Finding) -> Line {
        let (account_id, finding) = match self.task.as_ref().map(|task| &task.target) {
            _ if self.suspended => (None, suspended()),
            None => (None, no_accounts()),
            Some(Target::Hold(held)) => (Some(held.entrance.account.to_string()), hold(self, held)),
            Some(Target::Settled(id, outcome)) => (id.clone(), settled(outcome)),
            Some(Target::End(end)) => (
                Some(end.entrance.account.to_string()),
                settled(&Outcome::refused(&end.refusal)),
            ),
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
        },
        Outcome::Stands { reason, message, .. } => Finding::LeftAlone {
            reason: Some(*reason),
            message: message.clone(),
        },
    }
}
