//! What is to be done in one account.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::OnceLock;

use crossrole_api::role::DeletionPolicy;
use crossrole_api::{AccountEntry, Reason};
use crossrole_iam::RoleName;
use crossrole_plan::desired::Desired;
use crossrole_plan::ending::Ending;
use crossrole_plan::observed::RoleSeen;
use crossrole_plan::owner::Owner;
use crossrole_plan::refusal::Refusal;
use jiff::Timestamp;

use super::verdict::{Outcome, Verdict, role_of};
use crate::aws::Entrance;

/// What is to be done in one account.
#[derive(Debug)]
pub struct Task {
    /// The AWSAccount's name.
    pub account: String,
    /// Whether the object asks for the account by name.
    pub named: bool,
    /// What status says of the account now.
    pub entry: Option<AccountEntry>,
    /// What is to be done.
    pub target: Target,
    /// [`Task::print`], once somebody has asked for it.
    print: OnceLock<u64>,
}

/// What is to be done in one account.
#[derive(Debug)]
pub enum Target {
    /// The role shall be there.
    Hold(Box<Hold>),
    /// The object is refused. Whatever ends access to a role that is there is done all the same.
    End(Box<End>),
    /// The role shall be gone.
    Leave(Box<Leave>),
    /// Nothing can or need be done: this is what to say.
    Settled(Option<String>, Outcome),
}

/// A role that shall be there.
#[derive(Debug)]
pub struct Hold {
    /// How to get in.
    pub entrance: Entrance,
    /// The role.
    pub desired: Desired,
    /// What may have to be ended should the role be refused once it is known what the account holds; `None` where nothing
    /// may be written.
    pub ending: Option<Ending>,
    /// Whether nothing may be written.
    pub observe: bool,
}

/// A role of an object that is refused.
#[derive(Debug)]
pub struct End {
    /// How to get in.
    pub entrance: Entrance,
    /// What may have to be ended.
    pub ending: Ending,
    /// What the object means in this account, where it can be read.
    pub declared: Option<Desired>,
    /// Why the object is refused.
    pub refusal: Refusal,
}

/// A role that shall be gone.
#[derive(Debug)]
pub struct Leave {
    /// How to get in.
    pub entrance: Entrance,
    /// The role's name.
    pub role: RoleName,
    /// Whose it must be.
    pub owner: Owner,
    /// Removed, or let go.
    pub policy: DeletionPolicy,
    /// Whether nobody asked for it by name.
    pub derived: bool,
    /// Why.
    pub reason: Reason,
}

impl Task {
    /// What is to be done in an account, of which status says this now.
    pub fn new(account: String, named: bool, entry: Option<AccountEntry>, target: Target) -> Self {
        Self {
            account,
            named,
            entry,
            target,
            print: OnceLock::new(),
        }
    }

    /// Something else is to be done.
    pub fn retarget(&mut self, target: Target) {
        self.target = target;
        self.print = OnceLock::new();
    }

    /// The name of the role that is worked on.
    pub fn role_name(&self) -> Option<&RoleName> {
        match &self.target {
            Target::Hold(hold) => Some(&hold.desired.name),
            Target::End(end) => Some(&end.ending.role),
            Target::Leave(leave) => Some(&leave.role),
            Target::Settled(..) => None,
        }
    }

    /// The id of the account, where a role shall be made that status does not know to be there.
    pub fn makes_role_in(&self) -> Option<String> {
        match &self.target {
            Target::Hold(hold) if !hold.observe && self.entry.as_ref().is_none_or(|entry| entry.role_id.is_none()) => {
                Some(hold.entrance.account.to_string())
            }
            _ => None,
        }
    }

    /// Whether it ends access to the role, at this time.
    pub fn ends_access(&self, now: Timestamp) -> bool {
        match &self.target {
            Target::Hold(hold) => {
                let lifecycle = &hold.desired.lifecycle;
                lifecycle.is_closed(now) || lifecycle.revocation_due(now).is_some()
            }
            Target::End(end) => {
                let Ending { lifecycle, judge, .. } = &end.ending;
                judge.is_some() || lifecycle.is_closed(now) || lifecycle.revocation_due(now).is_some()
            }
            Target::Leave(_) => true,
            Target::Settled(..) => false,
        }
    }

    /// What the task is, as a number: whatever may make a look at it come out otherwise makes another one.
    pub fn print(&self) -> u64 {
        *self.print.get_or_init(|| self.target.print())
    }

    /// A verdict on this task.
    pub fn verdict(&self, account_id: Option<String>, role: Option<RoleSeen>, outcome: Outcome) -> Verdict {
        Verdict {
            account: self.account.clone(),
            account_id,
            named: self.named,
            role,
            outcome,
        }
    }

    /// The verdict where nothing need be asked of AWS.
    pub fn settled(&self, account_id: Option<&String>, outcome: &Outcome) -> Verdict {
        let entry = self.entry.as_ref();
        let id = account_id
            .cloned()
            .or_else(|| entry.and_then(|entry| entry.account_id.clone()));
        self.verdict(id, role_of(entry), outcome.clone())
    }
}

impl Target {
    fn print(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        match self {
            Target::Hold(hold) => {
                (0, &hold.entrance, &hold.desired, hold.observe).hash(&mut hasher);
                let judge = hold.ending.as_ref().and_then(|ending| ending.judge.as_ref());
                judge.map(|judge| format!("{judge:?}")).hash(&mut hasher);
            }
            Target::End(end) => format!("{end:?}").hash(&mut hasher),
            Target::Leave(leave) => {
                let policy = leave.policy == DeletionPolicy::Retain;
                (2, &leave.entrance, &leave.role, &leave.owner, policy).hash(&mut hasher);
            }
            Target::Settled(..) => {}
        }
        hasher.finish()
    }
}
