//! The status of an AssumeRoleGrant, computed once from what was seen.

use std::collections::BTreeSet;

use crossrole_api::status::condition::{HALF_OPEN, READY};
use crossrole_api::{AssumeRoleGrantStatus, GrantedRole, Reason, Trusted};
use crossrole_plan::outcome::NextLook;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::super::events::cut;
use super::super::report::{Overall, condition, conditions};
use super::super::verdict::Outcome;
use super::resolve::{Hold, Target};

/// A message of a condition holds at most so many bytes.
const MESSAGE_SIZE: usize = 320;

/// So many roles are named in a message.
const NAMED: usize = 3;

/// The status of a grant. `gives`: the ARNs that the account's policies give; `None` where that is not clear.
pub(super) fn report(
    previous: &AssumeRoleGrantStatus,
    generation: Option<i64>,
    target: &Target,
    outcome: &Outcome,
    gives: Option<&BTreeSet<String>>,
    now: Timestamp,
) -> AssumeRoleGrantStatus {
    let hold = match target {
        Target::Hold(hold) => Some(hold.as_ref()),
        Target::Leave(_) | Target::Settled(_) => None,
    };
    let is_ready = *outcome == Outcome::ready();
    let roles = match hold {
        Some(hold) if is_ready => hold.roles.clone(),
        Some(hold) => given(previous, hold, gives),
        None => previous.roles.clone(),
    };
    let overall = match (outcome, hold) {
        (
            Outcome::Stands {
                reason, message, next, ..
            },
            _,
        ) if !is_ready => match next {
            NextLook::Backoff => Overall::Reconciling(*reason, message.clone()),
            NextLook::Interval => Overall::Stalled(*reason, message.clone()),
        },
        (_, Some(hold)) if roles.is_empty() && hold.is_under_way => Overall::Reconciling(
            Reason::Waiting,
            "none of the CrossAccountRoles that spec.roles selects is there yet: nothing is granted so far".into(),
        ),
        (_, Some(_)) if roles.is_empty() => Overall::Stalled(
            Reason::NoRoles,
            "spec.roles selects no CrossAccountRole of this namespace that is there: nothing is granted".into(),
        ),
        _ => Overall::Ready(format!("{} roles may be assumed", roles.len())),
    };
    let mut told = conditions(&previous.conditions, &overall, generation, now);
    // Of a grant that nobody looks at, nobody knows.
    told.extend(hold.and_then(|hold| half_open(previous, generation, hold, &roles, now)));
    let trusted = roles.iter().filter(|role| role.trusted == Trusted::Yes).count();
    AssumeRoleGrantStatus {
        observed_generation: generation,
        summary: Some(format!("{trusted}/{}", roles.len())),
        last_handled_reconcile_at: previous.last_handled_reconcile_at.clone(),
        account_id: previous.account_id.clone(),
        roles,
        conditions: told,
    }
}

/// What a grant gives although it is not as declared: what is asked for and has come, and what was asked for and is not gone.
fn given(previous: &AssumeRoleGrantStatus, hold: &Hold, gives: Option<&BTreeSet<String>>) -> Vec<GrantedRole> {
    let is_in = |roles: &[GrantedRole], role: &GrantedRole| roles.iter().any(|other| other.role_arn == role.role_arn);
    let lingering = previous.roles.iter().filter(|role| !is_in(&hold.roles, role));
    let mut roles: Vec<GrantedRole> = hold
        .roles
        .iter()
        .chain(lingering)
        .filter(|role| match gives {
            Some(gives) => gives.contains(&role.role_arn),
            // What came is not known, nor what went.
            None => is_in(&previous.roles, role),
        })
        .cloned()
        .collect();
    roles.sort_by(|one, other| one.role_arn.cmp(&other.role_arn));
    roles
}

/// One side says yes and the other does not.
fn half_open(
    previous: &AssumeRoleGrantStatus,
    generation: Option<i64>,
    hold: &Hold,
    roles: &[GrantedRole],
    now: Timestamp,
) -> Option<Condition> {
    let untrusted: Vec<&str> = roles
        .iter()
        .filter(|role| role.trusted == Trusted::No)
        .map(|role| role.role_arn.as_str())
        .collect();
    let not_granted: Vec<&str> = hold
        .trusting
        .iter()
        .map(String::as_str)
        .filter(|name| !roles.iter().any(|given| given.role == *name))
        .collect();
    let mut sentences = Vec::new();
    if !untrusted.is_empty() {
        sentences.push(format!(
            "granted, but not known to admit all of spec.to: {}",
            named(&untrusted)
        ));
    }
    if !not_granted.is_empty() {
        sentences.push(format!(
            "CrossAccountRoles whose trust names account {}, and which no grant there gives: {}",
            hold.desired.account,
            named(&not_granted)
        ));
    }
    let reason = match (untrusted.is_empty(), not_granted.is_empty()) {
        (true, true) => return None,
        (false, _) => Reason::GrantedNotTrusted,
        (true, false) => Reason::TrustedNotGranted,
    };
    let message = cut(&sentences.join("; "), MESSAGE_SIZE);
    let told = condition(
        &previous.conditions,
        HALF_OPEN,
        "True",
        reason.as_str(),
        message,
        generation,
        now,
    );
    Some(told)
}

fn named(names: &[&str]) -> String {
    let first = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// The status before the first write in an account.
pub(super) fn intent(
    previous: &AssumeRoleGrantStatus,
    generation: Option<i64>,
    account_id: String,
    now: Timestamp,
) -> AssumeRoleGrantStatus {
    let waiting = Overall::Reconciling(
        Reason::Waiting,
        "the account is about to be made to hold the grant".into(),
    );
    AssumeRoleGrantStatus {
        observed_generation: generation,
        account_id: Some(account_id),
        conditions: conditions(&previous.conditions, &waiting, generation, now),
        ..previous.clone()
    }
}

/// The status of a grant whose account is abandoned: what is there is no longer ours to remove.
pub(super) fn forgotten(status: AssumeRoleGrantStatus) -> AssumeRoleGrantStatus {
    AssumeRoleGrantStatus {
        account_id: None,
        roles: Vec::new(),
        summary: Some("0/0".into()),
        conditions: status
            .conditions
            .into_iter()
            .filter(|known| known.type_ != HALF_OPEN)
            .collect(),
        ..status
    }
}

/// The reason of the condition `Ready`.
pub(super) fn reason(status: &AssumeRoleGrantStatus) -> Option<&str> {
    let ready = status.conditions.iter().find(|known| known.type_ == READY)?;
    Some(&ready.reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_three_and_counts_the_rest() {
        assert_eq!(named(&["a"]), "a");
        assert_eq!(named(&["a", "b", "c"]), "a, b, c");
        assert_eq!(named(&["a", "b", "c", "d", "e"]), "a, b, c and 2 more");
    }
}
