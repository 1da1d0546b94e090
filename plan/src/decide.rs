//! What to do about one role in one account.

use crossrole_api::Reason;
use crossrole_api::role::DeletionPolicy;
use crossrole_iam::RoleName;
use jiff::Timestamp;

use crate::change::Plan;
use crate::claim::{self, Claim};
use crate::desired::Desired;
use crate::diff;
use crate::lifecycle;
use crate::observed::{Observed, ObservedRole};
use crate::owner::{Holder, Owner};
use crate::refusal::Refusal;
use crate::teardown;

/// What this process knows beyond what the account and the object say.
#[derive(Clone, Debug, Default)]
pub struct Known<'a> {
    /// The unique id that this process last saw with our tags under this name.
    pub seen_id: Option<&'a str>,
    /// The time.
    pub now: Timestamp,
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
            if !desired.below_role_path {
                return Err(Refusal::of_field(
                    Reason::PathNotAllowed,
                    "spec.path",
                    format!(
                        "no role of that name is at {}, outside the class's rolePath: roles there are taken over, never made",
                        desired.path
                    ),
                ));
            }
            diff::create(&lifecycle::shaped(desired, None, known.now)?)
        }
        Observed::Present(role) => {
            check_holder(role, desired, known)?;
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
            diff::update(role, &lifecycle::shaped(desired, Some(role), known.now)?)
        }
    };
    Ok(Plan {
        role: desired.name.clone(),
        changes,
    })
}

/// The changes that remove a role, or let go of it. A role that is not ours is left alone: the plan is empty.
pub fn leave(role: &RoleName, owner: &Owner, observed: &Observed, known: &Known<'_>, policy: DeletionPolicy) -> Plan {
    let ours = owner.own(observed, known.seen_id);
    let changes = ours.map(|found| teardown::teardown(found, owner, policy));
    Plan {
        role: role.clone(),
        changes: changes.unwrap_or_default(),
    }
}

fn check_holder(role: &ObservedRole, desired: &Desired, known: &Known<'_>) -> Result<(), Refusal> {
    match desired.owner.holder(&role.tags, &role.id, known.seen_id) {
        Holder::Us | Holder::UsWithoutTags => Ok(()),
        Holder::Object(object) => Err(held_by(&desired.name, &object)),
        Holder::Cluster(cluster, object) => {
            let object = if object.is_empty() {
                object
            } else {
                format!("{object} of ")
            };
            Err(Refusal::new(
                Reason::ForeignRole,
                format!(
                    "{} belongs to {object}the cluster {cluster}; it was not touched: make an object with another roleName",
                    role.arn
                ),
            ))
        }
        Holder::Nobody if desired.adopts => Ok(()),
        Holder::Nobody => Err(Refusal::new(
            Reason::ForeignRole,
            format!(
                "{} was not made by crossrole and was not touched: take it over with spec.adoptionPolicy, or make an object with another roleName",
                role.arn
            ),
        )),
    }
}

fn held_by(name: &RoleName, object: &str) -> Refusal {
    Refusal::new(
        Reason::HeldByAnother,
        format!(
            "role {name} is held by CrossAccountRole {object} here: make an object with another roleName, or delete one of the two"
        ),
    )
}

#[cfg(test)]
mod tests;
