//! One role in one account: observe, decide, apply.

use crossrole_api::role::DeletionPolicy;
use crossrole_api::{AccountEntry, AccountState, CrossAccountRole, EntryState, Reason};
use crossrole_iam::RoleName;
use crossrole_plan::change::{Change, Plan};
use crossrole_plan::claim::Claim;
use crossrole_plan::decide::{self, Known};
use crossrole_plan::declaration::ObjectName;
use crossrole_plan::desired::Desired;
use crossrole_plan::diff;
use crossrole_plan::observed::Observed;
use crossrole_plan::owner::{Holder, Owner};
use crossrole_plan::quota::{self, Quotas};
use crossrole_plan::refusal::Refusal;
use jiff::SignedDuration;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::ResourceExt;

use super::context::Context;
use super::removals;
use super::resolve::{self, Hold, Leave, Request, Target, Task};
use super::verdict::{Outcome, Verdict, role_of};
use super::world::World;
use crate::aws::{AccountHandle, Applied, CallError, Depth};

/// What one object's work needs.
pub struct Job<'a> {
    /// What every reconcile shares.
    pub context: &'a Context,
    /// Kubernetes at this moment.
    pub world: &'a World,
    /// What Events are written about.
    pub reference: &'a ObjectReference,
    /// The object's claim.
    pub claim: &'a Claim,
    /// Whether the object is the same as when its status was written: a change is then a repair.
    pub unchanged: bool,
    /// Whether the object is being deleted.
    pub deleting: bool,
}

impl Job<'_> {
    /// Makes one account true, and says what came of it.
    pub async fn carry_out(&self, task: &Task) -> Verdict {
        match &task.target {
            Target::Hold(hold) => self.hold(task, hold).await,
            Target::Close(hold, refusal) => self.close(task, hold, refusal).await,
            Target::Leave(leave) => self.leave(task, leave).await,
            Target::Settled(id, outcome) => {
                self.note_forgotten(task, outcome);
                task.settled(id.as_ref(), outcome)
            }
        }
    }

    /// An abandoned account's role is forgotten: for the brake, that is a removal.
    fn note_forgotten(&self, task: &Task, outcome: &Outcome) {
        let abandoned = self.world.account_state(&task.account) == Some(AccountState::Abandoned);
        if *outcome == Outcome::Gone && abandoned && task.entry.is_some() && !self.deleting {
            self.context.memory.removed(&self.claim.object, &task.account);
        }
    }

    async fn hold(&self, task: &Task, hold: &Hold) -> Verdict {
        let desired = &hold.desired;
        let id = Some(hold.entrance.account.to_string());
        let handle = self.context.aws.account(&hold.entrance);
        // One turn for looking and writing: what is decided from a look must not wait in a queue.
        let _turn = handle.turn().await;
        let before = role_of(task.entry.as_ref());
        let observed = match handle.observe(&desired.name, Depth::Declared).await {
            Ok(observed) => observed,
            Err(error) => return task.verdict(id, before, Outcome::failed(&error)),
        };
        let seen = self.seen(&handle, &desired.owner, &desired.name, &observed);
        let others = match observed {
            Observed::Absent => self.claims(&task.account, &desired.name),
            Observed::Present(_) => Vec::new(),
        };
        let known = self.known(seen.as_deref());
        let plan = match decide::converge(desired, &observed, &known, self.claim, &others) {
            Ok(plan) => plan,
            Err(refusal) => {
                // A role at another path is ours all the same; any other that is refused here is not.
                let role = before.filter(|_| refusal.reason == Reason::PathIsImmutable);
                return task.verdict(id, role, Outcome::refused(&refusal));
            }
        };
        let role_id = match &observed {
            Observed::Present(role) => Some(role.id.clone()),
            Observed::Absent => None,
        };
        let arn = desired.arn.to_string();
        if plan.is_empty() {
            return task.verdict(id, role_id.map(|role_id| (arn, role_id)), Outcome::ready());
        }
        let known_role = role_id.clone().map(|role_id| (arn.clone(), role_id));
        if quota::bears_on(&plan.changes) {
            let checked = match handle.quotas().await {
                Ok(quotas) => quota::check(desired, &plan.changes, &quotas),
                // What fits without a raised quota does not wait for the answer.
                Err(error) => match quota::check(desired, &plan.changes, &Quotas::default()) {
                    Ok(()) => Ok(()),
                    Err(_) => return task.verdict(id, known_role, Outcome::failed(&error)),
                },
            };
            if let Err(refusal) = checked {
                return task.verdict(id, known_role, Outcome::refused(&refusal));
            }
        }
        if hold.observe {
            let message = format!(
                "mode is Observe: it would take {} changes: {}",
                plan.changes.len(),
                summaries(&plan)
            );
            return task.verdict(id, known_role, Outcome::would_change(message));
        }
        tracing::debug!(account = %task.account, "plan for {}:\n{plan}", desired.arn);
        let applied = handle.apply(&plan).await;
        let role_id = applied.created_id.clone().or(role_id);
        if let Some(created) = &applied.created_id {
            self.context
                .memory
                .saw_id(&hold.entrance.account, &desired.name, &desired.owner.object, created);
        }
        self.tell(task, &plan, &applied, self.made(&plan, task.entry.as_ref(), &observed))
            .await;
        self.tell_of_older_sessions(task, desired, &observed).await;
        let outcome = applied.failure.as_ref().map_or_else(Outcome::ready, Outcome::failed);
        task.verdict(id, role_id.map(|role_id| (arn, role_id)), outcome)
    }

    /// Closes a role that the class no longer allows.
    async fn close(&self, task: &Task, hold: &Hold, refusal: &Refusal) -> Verdict {
        let desired = &hold.desired;
        let id = Some(hold.entrance.account.to_string());
        let handle = self.context.aws.account(&hold.entrance);
        let _turn = handle.turn().await;
        let before = role_of(task.entry.as_ref());
        let observed = match handle.observe(&desired.name, Depth::Declared).await {
            Ok(observed) => observed,
            Err(error) => return task.verdict(id, before, Outcome::failed(&error)),
        };
        let seen = self.seen(&handle, &desired.owner, &desired.name, &observed);
        let plan = decide::close(desired, &observed, &self.known(seen.as_deref()));
        if !plan.is_empty() {
            let applied = handle.apply(&plan).await;
            self.tell(task, &plan, &applied, "Closed").await;
            if let Some(error) = &applied.failure {
                return task.verdict(id, before, Outcome::failed(error));
            }
        }
        task.verdict(id, before, Outcome::refused(refusal))
    }

    fn known<'k>(&self, seen_id: Option<&'k str>) -> Known<'k> {
        Known {
            seen_id,
            now: self.context.now(),
        }
    }

    async fn leave(&self, task: &Task, leave: &Leave) -> Verdict {
        let id = Some(leave.entrance.account.to_string());
        let handle = self.context.aws.account(&leave.entrance);
        let _turn = handle.turn().await;
        let before = role_of(task.entry.as_ref());
        let left = self.teardown(task, leave, &handle).await;
        let waits = |message| Outcome::waits(EntryState::Removing, leave.reason, message);
        match left {
            Ok(Left::NothingFound) if self.may_still_appear(task) => {
                let message = "no role is seen, but one may have been made a moment ago: it is looked for again";
                task.verdict(id, before, waits(message))
            }
            Ok(Left::NothingFound | Left::Done) => {
                if leave.derived {
                    self.context.memory.removed(&self.claim.object, &task.account);
                }
                self.forget_id(leave);
                task.verdict(id, None, Outcome::Gone)
            }
            Ok(Left::StillSeen) => task.verdict(id, before, waits("the role is still seen although it was removed")),
            Err(error) => task.verdict(id, before, Outcome::failed_to_leave(&error)),
        }
    }

    /// Takes a role of ours away, and says what the account itself shows afterwards.
    async fn teardown(&self, task: &Task, leave: &Leave, handle: &AccountHandle) -> Result<Left, CallError> {
        let plan = self.plan_to_leave(leave, handle, Depth::Removal).await?;
        if plan.is_empty() {
            return Ok(Left::NothingFound);
        }
        let applied = handle.apply(&plan).await;
        let retained = leave.policy == DeletionPolicy::Retain;
        self.tell(task, &plan, &applied, if retained { "Released" } else { "Removed" })
            .await;
        if let Some(error) = applied.failure {
            return Err(error);
        }
        if retained {
            // From here on it is somebody else's, whatever this process remembers.
            self.forget_id(leave);
        }
        let gone = self.plan_to_leave(leave, handle, Depth::Declared).await?.is_empty();
        Ok(if gone { Left::Done } else { Left::StillSeen })
    }

    fn forget_id(&self, leave: &Leave) {
        self.context
            .memory
            .forget_id(&leave.entrance.account, &leave.role, &leave.owner.object);
    }

    /// Whether a role that is not seen may have been made so lately that IAM does not show it everywhere yet.
    fn may_still_appear(&self, task: &Task) -> bool {
        task.entry.as_ref().is_some_and(|entry| {
            let age = self.context.now().duration_since(entry.last_transition_time.0);
            entry.state != EntryState::Refused && age.unsigned_abs() < self.context.settings.propagation_delay
        })
    }

    async fn plan_to_leave(&self, leave: &Leave, handle: &AccountHandle, depth: Depth) -> Result<Plan, CallError> {
        let observed = handle.observe(&leave.role, depth).await?;
        let seen = self.seen(handle, &leave.owner, &leave.role, &observed);
        let known = self.known(seen.as_deref());
        Ok(decide::leave(
            &leave.role,
            &leave.owner,
            &observed,
            &known,
            leave.policy,
        ))
    }

    /// The unique id that this process saw before with our tags; remembers the one that it sees now.
    fn seen(&self, handle: &AccountHandle, owner: &Owner, role: &RoleName, observed: &Observed) -> Option<String> {
        let account = handle.account();
        let seen = self.context.memory.seen_id(account, role, &owner.object);
        if let Observed::Present(found) = observed
            && owner.holder(&found.tags, &found.id, None) == Holder::Us
        {
            self.context.memory.saw_id(account, role, &owner.object, &found.id);
        }
        seen
    }

    /// The other objects that could have a role of this name in this account.
    fn claims(&self, account: &str, role: &RoleName) -> Vec<Claim> {
        let roles = self.context.caches.roles.state();
        let roles = roles.iter().filter_map(|cached| cached.0.as_ref().ok());
        let hub = Some(&self.context.aws.hub.identity);
        other_claims(self.claim, role, roles, |other| {
            let request = Request {
                role: other,
                world: self.world,
                hub,
                cluster_id: &self.context.cluster_id,
                load: &|| removals::load(self.context, self.world),
                settled: &|_| true,
                roles_of: &|_, _| 0,
                max_removals: self.context.settings.max_removals,
            };
            self.world.selection(other).contains(account) && resolve::may_have(&request, account)
        })
    }

    /// What an Event calls a plan that makes a role true.
    fn made(&self, plan: &Plan, entry: Option<&AccountEntry>, observed: &Observed) -> &'static str {
        if let Observed::Present(role) = observed
            && role
                .trust
                .document()
                .is_some_and(|trust| !trust.dead_principals().is_empty())
        {
            // A principal that was deleted and made again is another one; the declaration names the new one.
            return "PrincipalReplaced";
        }
        let was_ready = entry.is_some_and(|entry| entry.state == EntryState::Ready && entry.reason == Reason::InSync);
        if was_ready && self.unchanged {
            "Repaired"
        } else if plan
            .changes
            .iter()
            .any(|change| matches!(change, Change::CreateRole(_)))
        {
            "Created"
        } else {
            "Updated"
        }
    }

    /// Sessions outlive the trust that they were issued under: says until when, where they are not revoked.
    async fn tell_of_older_sessions(&self, task: &Task, desired: &Desired, observed: &Observed) {
        let Observed::Present(role) = observed else { return };
        let now = self.context.now();
        let closed = desired.lifecycle.is_closed(now);
        if desired.lifecycle.revoke_on_tighten || closed || !diff::takes_somebody_out(&role.trust, &desired.trust) {
            return;
        }
        let longest = SignedDuration::from_secs(i64::from(role.max_session));
        let until = now.saturating_add(longest).unwrap_or(now);
        let note = format!(
            "account {}: trust was taken from somebody; sessions that were issued before last until {until:.0} at most: set sessions.revokeIssuedBefore to end them",
            task.account
        );
        self.context.events.done(self.reference, "OlderSessions", &note).await;
    }

    /// An Event on what was done.
    async fn tell(&self, task: &Task, plan: &Plan, applied: &Applied, reason: &str) {
        let done: Vec<String> = plan.changes.iter().take(applied.done).map(Change::summary).collect();
        if done.is_empty() {
            return;
        }
        let prefix = if reason == "Repaired" {
            "the role was not as declared; "
        } else {
            ""
        };
        let note = format!("account {}: {prefix}{}", task.account, done.join(", "));
        self.context.events.done(self.reference, reason, &note).await;
    }
}

/// What is left of a role in an account that is left.
enum Left {
    /// No role of ours was there.
    NothingFound,
    /// It was removed, or let go, and the account shows it.
    Done,
    /// It was removed, and the account still shows it.
    StillSeen,
}

fn summaries(plan: &Plan) -> String {
    plan.changes.iter().map(Change::summary).collect::<Vec<_>>().join(", ")
}

/// The claims of other objects on a role's name in an account, out of those that can have it there.
pub fn other_claims<'a>(
    ours: &Claim,
    role: &RoleName,
    all: impl Iterator<Item = &'a CrossAccountRole>,
    can_have_it: impl Fn(&CrossAccountRole) -> bool,
) -> Vec<Claim> {
    let claims = all
        .filter(|other| other.metadata.deletion_timestamp.is_none())
        .filter_map(|other| {
            let claim = claim(other);
            let name = other.spec.role_name.as_deref().unwrap_or(&claim.object.name);
            let same = name.eq_ignore_ascii_case(role.as_str()) && claim.object != ours.object;
            (same && can_have_it(other)).then_some(claim)
        });
    claims.collect()
}

/// An object's claim on the roles that it declares.
pub fn claim(role: &CrossAccountRole) -> Claim {
    Claim {
        created: role.creation_timestamp().map_or(i64::MAX, |time| time.0.as_second()),
        object: ObjectName {
            namespace: role.namespace().unwrap_or_default(),
            name: role.name_any(),
        },
    }
}
