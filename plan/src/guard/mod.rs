//! The class's guardrails: a chain of small functions, each of which refuses or lets pass.
//!
//! They judge what a plan adds, before any AWS call, and never stand in the way of taking something away. Where a rule
//! cannot be decided, it refuses.

mod permissions;
mod place;
#[cfg(test)]
mod tests;
mod trust;

use crate::account::Account;
use crate::declaration::Declaration;
use crate::desired::Desired;
use crate::refusal::Refusal;
use crate::rules::Rules;
use crate::select::Labels;

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
}

/// One rule.
type Guardrail = fn(&Proposal<'_>) -> Result<(), Refusal>;

/// Every rule, in the order in which a reader of the refusal is helped most.
const GUARDRAILS: &[Guardrail] = &[
    place::namespace_is_allowed,
    place::path_is_below_role_path,
    place::role_is_not_protected,
    permissions::boundary_is_the_classes,
    trust::trusts_only_listed_accounts,
    trust::users_need_mfa,
    trust::external_id_is_required,
    permissions::session_is_short_enough,
    permissions::managed_policies_are_listed,
    permissions::inline_policies_hold_no_denied_action,
    permissions::tag_keys_are_listed,
];

/// Judges a proposal.
///
/// # Errors
/// The first guardrail that refuses.
pub fn check(proposal: &Proposal<'_>) -> Result<(), Refusal> {
    GUARDRAILS.iter().try_for_each(|guardrail| guardrail(proposal))
}
