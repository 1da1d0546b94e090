//! What to do about one role in one account.

use crossrole_api::Reason;
use crossrole_api::role::DeletionPolicy;
use crossrole_iam::RoleName;

use crate::change::Plan;
use crate::claim::{self, Claim};
use crate::desired::Desired;
use crate::diff;
use crate::observed::{Observed, ObservedRole};
use crate::owner::{Holder, Owner};
use crate::refusal::Refusal;
use crate::teardown;

/// What this process knows beyond what the account and the object say.
#[derive(Clone, Debug, Default)]
pub struct Known<'a> {
    /// The unique id that this process last saw with our tags under this name.
    pub seen_id: Option<&'a str>,
}

/// The changes that make a role true.
///
/// # Errors
/// A role that is not ours, a role that another object may have first, or a path that cannot be changed.
pub fn converge(
    desired: &Desired,
    observed: &Observed,
    known: &Known<'_>,
    ours: &Claim,
    others: &[Claim],
) -> Result<Plan, Refusal> {
    let changes = match observed {
        Observed::Absent => {
            claim::first_of(ours, others).map_err(|first| held_by(&desired.name, &first.to_string()))?;
            diff::create(desired)
        }
        Observed::Present(role) => {
            check_holder(role, &desired.owner, &desired.name, known)?;
            if role.path != desired.path.as_str() {
                return Err(Refusal::of_field(
                    Reason::PathIsImmutable,
                    "spec.path",
                    format!(
                        "the role is at {} and IAM cannot move it to {}: write the old path, or make another CrossAccountRole",
                        role.path, desired.path
                    ),
                ));
            }
            diff::update(role, desired)
        }
    };
    Ok(Plan {
        role: desired.name.clone(),
        changes,
    })
}

/// The changes that remove a role, or let go of it. A role that is not ours is left alone: the plan is empty.
pub fn leave(role: &RoleName, owner: &Owner, observed: &Observed, known: &Known<'_>, policy: DeletionPolicy) -> Plan {
    let changes = match observed {
        Observed::Absent => Vec::new(),
        Observed::Present(found) => match owner.holder(&found.tags, &found.id, known.seen_id) {
            Holder::Us | Holder::UsWithoutTags => teardown::teardown(found, owner, policy),
            Holder::Object(_) | Holder::Cluster(..) | Holder::Nobody => Vec::new(),
        },
    };
    Plan {
        role: role.clone(),
        changes,
    }
}

fn check_holder(role: &ObservedRole, owner: &Owner, name: &RoleName, known: &Known<'_>) -> Result<(), Refusal> {
    match owner.holder(&role.tags, &role.id, known.seen_id) {
        Holder::Us | Holder::UsWithoutTags => Ok(()),
        Holder::Object(object) => Err(held_by(name, &object)),
        Holder::Cluster(cluster, object) => {
            let object = if object.is_empty() {
                object
            } else {
                format!("{object} of ")
            };
            Err(Refusal::new(
                Reason::ForeignRole,
                format!(
                    "{} belongs to {object}the cluster {cluster}; it was not touched: choose another spec.roleName",
                    role.arn
                ),
            ))
        }
        Holder::Nobody => Err(Refusal::new(
            Reason::ForeignRole,
            format!(
                "{} was not made by crossrole and was not touched: choose another spec.roleName, or remove that role",
                role.arn
            ),
        )),
    }
}

fn held_by(name: &RoleName, object: &str) -> Refusal {
    Refusal::new(
        Reason::HeldByAnother,
        format!(
            "role {name} is held by CrossAccountRole {object} here: choose another spec.roleName, or remove one of the two"
        ),
    )
}

#[cfg(test)]
mod tests;
