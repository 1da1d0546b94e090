//! What a role may do, and for how long.

use crossrole_api::Reason;
use crossrole_iam::document::{ActionElement, Effect};
use crossrole_iam::{PolicyPathName, pattern};

use super::Proposal;
use crate::duration;
use crate::refusal::Refusal;
use crate::rules::Rules;

pub(super) fn boundary_is_the_classes(proposal: &Proposal<'_>) -> Result<(), Refusal> {
    if proposal.rules.boundary.is_none() || proposal.declaration.boundary.is_none() {
        return Ok(());
    }
    Err(Refusal::of_field(
        Reason::BoundaryNotAllowed,
        "spec.permissionsBoundary",
        format!(
            "AccountClass {} sets the boundary of every role: leave this field out",
            proposal.rules.class
        ),
    ))
}

/// A boundary is a policy of the role's own account, or one of AWS's. Source: IAM API Reference,
/// `PutRolePermissionsBoundary`; IAM User Guide, "Permissions boundaries for IAM entities".
pub(super) fn boundary_is_of_this_account(proposal: &Proposal<'_>) -> Result<(), Refusal> {
    let account = proposal.account;
    let Some(boundary) = &proposal.desired.boundary else {
        return Ok(());
    };
    let is_here = boundary.account() == account.id.as_str() || boundary.account() == "aws";
    if is_here && boundary.partition() == account.partition.as_str() {
        return Ok(());
    }
    let (reason, field) = if proposal.rules.boundary.is_some() {
        (Reason::InvalidClass, "AccountClass spec.guardrails.permissionsBoundary")
    } else {
        (Reason::InvalidSpec, "spec.permissionsBoundary")
    };
    Err(Refusal::of_field(
        reason,
        field,
        format!(
            "{boundary} is not a policy of account {}: write the policy's name",
            account.id
        ),
    ))
}

pub(super) fn session_is_short_enough(proposal: &Proposal<'_>) -> Result<(), Refusal> {
    let (wanted, most) = (proposal.desired.max_session, proposal.rules.max_session);
    if wanted <= most {
        return Ok(());
    }
    Err(Refusal::of_field(
        Reason::SessionTooLong,
        "spec.maxSessionDuration",
        format!(
            "{} is longer than the {} that AccountClass {} allows",
            duration::written(wanted),
            duration::written(most),
            proposal.rules.class
        ),
    ))
}

pub(super) fn managed_policies_are_listed(proposal: &Proposal<'_>) -> Result<(), Refusal> {
    let rules = proposal.rules;
    let aws = proposal
        .declaration
        .aws_managed
        .iter()
        .map(|policy| &policy.name)
        .enumerate();
    for (index, name) in aws {
        check_policy(
            proposal,
            "awsManaged",
            index,
            name,
            &rules.aws_policies,
            "guardrails.managedPolicies.aws",
        )?;
    }
    for (index, name) in proposal.declaration.customer_managed.iter().enumerate() {
        check_policy(
            proposal,
            "customerManaged",
            index,
            name,
            &rules.account_policies,
            "guardrails.managedPolicies.account",
        )?;
    }
    Ok(())
}

fn check_policy(
    proposal: &Proposal<'_>,
    list: &str,
    index: usize,
    name: &PolicyPathName,
    allowed: &[String],
    guardrail: &str,
) -> Result<(), Refusal> {
    let rules = proposal.rules;
    let text = name.as_str();
    let refuse = |problem: String| {
        Err(Refusal::of_field(
            Reason::PolicyNotAllowed,
            format!("spec.permissions.{list}[{index}]"),
            problem,
        ))
    };
    if is_denied(rules, name) {
        return refuse(format!(
            "{text} is denied by guardrails.managedPolicies.deny of AccountClass {}",
            rules.class
        ));
    }
    if allowed.iter().any(|allowed| pattern::matches(allowed, text)) {
        return Ok(());
    }
    refuse(format!("{text} is not in {guardrail} of AccountClass {}", rules.class))
}

/// Whether `managedPolicies.deny` names a policy, with its path or without.
pub(super) fn is_denied(rules: &Rules, name: &PolicyPathName) -> bool {
    let text = name.as_str();
    let bare = text.rsplit('/').next().unwrap_or(text);
    let matches =
        |denied: &String| pattern::matches_ignoring_case(denied, text) || pattern::matches_ignoring_case(denied, bare);
    rules.denied_policies.iter().any(matches)
}

pub(super) fn inline_policies_are_allowed(proposal: &Proposal<'_>) -> Result<(), Refusal> {
    if proposal.declaration.inline.is_empty() || proposal.rules.denied_actions.is_some() {
        return Ok(());
    }
    Err(Refusal::of_field(
        Reason::InlinePolicyNotAllowed,
        "spec.permissions.inline[0]",
        format!(
            "AccountClass {} allows no inline policies (it has no guardrails.inlinePolicies)",
            proposal.rules.class
        ),
    ))
}

/// Documents are judged as they will stand in the account, after everything in them was resolved.
pub(super) fn inline_policies_hold_no_denied_action(proposal: &Proposal<'_>) -> Result<(), Refusal> {
    let denied_actions = proposal.rules.denied_actions.as_deref().unwrap_or_default();
    // In the order in which they are written, for whoever mends one after the other.
    let written = proposal.declaration.inline.iter().map(|(name, _)| name);
    let documents = written
        .enumerate()
        .filter_map(|(index, name)| Some((index, name, proposal.desired.inline.get(name)?)));
    for (index, name, document) in documents {
        for (number, statement) in document.statements.iter().enumerate() {
            if statement.effect != Effect::Allow {
                continue;
            }
            if let Some((action, denied)) = denied_action(&statement.action, denied_actions) {
                return Err(Refusal::of_field(
                    Reason::InlinePolicyNotAllowed,
                    format!("spec.permissions.inline[{index}].document.Statement[{number}]"),
                    format!(
                        "policy {name} allows {action}, which can match {denied} of guardrails.inlinePolicies.denyActions of AccountClass {}",
                        proposal.rules.class
                    ),
                ));
            }
        }
    }
    Ok(())
}

/// The first action that an Allow could match although it is denied. A Condition, a Resource or a Deny elsewhere does
/// not change that.
fn denied_action<'a>(element: &'a ActionElement, denied: &'a [String]) -> Option<(String, &'a str)> {
    let fold = |text: &str| text.to_ascii_lowercase();
    match element {
        ActionElement::Action(actions) => denied.iter().find_map(|denied| {
            actions
                .iter()
                .find(|action| pattern::intersects(&fold(action), &fold(denied)))
                .map(|action| (action.clone(), denied.as_str()))
        }),
        // Everything but the named actions is allowed: only an exclusion that covers the whole denied pattern helps.
        ActionElement::NotAction(excluded) => denied
            .iter()
            .find(|denied| {
                !excluded
                    .iter()
                    .any(|action| pattern::contains(&fold(action), &fold(denied)))
            })
            .map(|denied| (format!("everything but {}", excluded.join(", ")), denied.as_str())),
    }
}

pub(super) fn tag_keys_are_listed(proposal: &Proposal<'_>) -> Result<(), Refusal> {
    let listed = |key: &str| {
        proposal
            .rules
            .tag_keys
            .iter()
            .any(|pattern| pattern::matches_ignoring_case(pattern, key))
    };
    match proposal.declaration.tags.keys().find(|key| !listed(key)) {
        None => Ok(()),
        Some(key) => Err(Refusal::of_field(
            Reason::TagNotAllowed,
            format!("spec.tags[{key}]"),
            format!(
                "{key} is not in guardrails.tagKeys of AccountClass {}",
                proposal.rules.class
            ),
        )),
    }
}
