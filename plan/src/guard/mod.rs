//! The class's guardrails: a chain of small functions, each of which refuses or lets pass.
//!
//! They judge what a plan adds, before any AWS call, and never stand in the way of taking something away. Where a rule
//! cannot be decided, it refuses.

mod held;
mod permissions;
mod place;
#[cfg(test)]
mod tests;
mod trust;
mod violation;

use crate::account::Account;
use crate::declaration::Declaration;
use crate::desired::Desired;
use crate::refusal::Refusal;
use crate::rules::Rules;
use crate::select::Labels;

pub use held::{Judge, Judgement};
pub(crate) use violation::is_violation;

/// What the guardrails judge.
pub struct Proposal<'a> {
    /// What is declared.
    pub declaration: &'a Declaration,
    /// What that means in the account. Documents are judged here, after they were resolved.
    pub desired: &'a Desired,
    /// The account.
    pub account: &'a Account,
    /// The rules of its class.
    pub rules: &'a Rules,
    /// The labels of the object's namespace.
    pub namespace_labels: &'a Labels,
    /// The role that the operator itself runs as: its account id and its name.
    pub hub_role: Option<(&'a str, &'a str)>,
    /// Where the role would be a new one: how many roles the namespace's objects have, or are about to have, in accounts of
    /// this class without it. It is given the limit, and asked once all else is allowed: whoever answers takes the room
    /// where there is some. `None` for a role that is already theirs, which no limit takes away.
    pub namespace_roles: Option<&'a dyn Fn(u32) -> u32>,
}

/// One rule.
type Guardrail = fn(&Proposal<'_>) -> Result<(), Refusal>;

/// Every rule, in the order in which a reader of the refusal is helped most.
const GUARDRAILS: &[Guardrail] = &[
    // First, because it is no violation of the class: a role that crossrole never touches is never closed either.
    place::role_is_not_protected,
    place::namespace_is_allowed,
    place::path_is_below_role_path,
    permissions::boundary_is_the_classes,
    permissions::boundary_is_of_this_account,
    trust::allows_only_judged_actions,
    trust::trusts_only_the_listed,
    trust::users_need_mfa,
    trust::external_id_is_required,
    trust::session_tags_are_listed,
    permissions::session_is_short_enough,
    permissions::managed_policies_are_listed,
    permissions::inline_policies_are_allowed,
    permissions::inline_policies_hold_no_denied_action,
    permissions::tag_keys_are_listed,
    // Last, so that it never hides what no waiting mends.
    place::namespace_has_room,
];

/// Judges a proposal.
///
/// # Errors
/// The first guardrail that refuses.
pub fn check(proposal: &Proposal<'_>) -> Result<(), Refusal> {
    GUARDRAILS.iter().try_for_each(|guardrail| guardrail(proposal))
}
