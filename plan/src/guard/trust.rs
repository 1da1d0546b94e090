//! Who may be trusted, and what must be required of them. The rendered statements are judged, so that it does not
//! matter how they were written.

use crossrole_api::Reason;
use crossrole_api::class::{RequireExternalId, RequireMfa};
use crossrole_iam::document::{Condition, Effect, OperatorName, PrincipalElement, Statement};
use crossrole_iam::{Partition, pattern};

use super::Proposal;
use crate::refusal::Refusal;

/// Every IAM user's ARN in one of the partitions. `*` would also match the colons around an account's id, and so find a
/// user in a pattern of roles.
fn any_user(partition: Partition) -> String {
    format!("arn:{partition}:iam::????????????:user/*")
}

pub(super) fn trusts_only_listed_accounts(proposal: &Proposal<'_>) -> Result<(), Refusal> {
    let rules = proposal.rules;
    each_allow(proposal, |statement| {
        for principal in principals(statement)? {
            let listed = |account: &str| {
                rules
                    .trusted_accounts
                    .iter()
                    .chain(&rules.third_parties)
                    .any(|id| id.as_str() == account)
            };
            match account_of(principal) {
                Some(account) if listed(account) => {}
                Some(account) => {
                    return Err((
                        Reason::TrustNotAllowed,
                        format!(
                            "account {account} is in neither guardrails.trust.accounts nor guardrails.trust.thirdParties of AccountClass {}",
                            rules.class
                        ),
                    ));
                }
                None => {
                    return Err((
                        Reason::TrustNotAllowed,
                        format!("{principal} names no account, so no guardrail can list it"),
                    ));
                }
            }
        }
        Ok(())
    })
}

pub(super) fn users_need_mfa(proposal: &Proposal<'_>) -> Result<(), Refusal> {
    if proposal.rules.require_mfa == RequireMfa::Never {
        return Ok(());
    }
    each_allow(proposal, |statement| {
        if !can_admit_a_user(statement)? || proves_mfa(statement) {
            return Ok(());
        }
        Err((
            Reason::MfaRequired,
            format!(
                "this admits IAM users without MFA, which AccountClass {} requires: add require.mfa, or admit roles only (from.kind: Roles)",
                proposal.rules.class
            ),
        ))
    })
}

pub(super) fn external_id_is_required(proposal: &Proposal<'_>) -> Result<(), Refusal> {
    let rules = proposal.rules;
    each_allow(proposal, |statement| {
        let third_party = principals(statement)?.iter().find(|principal| {
            account_of(principal).is_none_or(|account| rules.third_parties.iter().any(|id| id.as_str() == account))
        });
        let needed = match rules.require_external_id {
            RequireExternalId::Never => false,
            RequireExternalId::Always => true,
            RequireExternalId::ThirdParties => third_party.is_some(),
        };
        if !needed || proves_external_id(statement) {
            return Ok(());
        }
        let who = third_party.map_or_else(String::new, |principal| format!("{principal} is a third party; "));
        Err((
            Reason::ExternalIdRequired,
            format!(
                "{who}AccountClass {} requires an external id here: add require.externalIds",
                rules.class
            ),
        ))
    })
}

/// What is wrong with a statement.
pub(super) type Fault = (Reason, String);

// A declaration's statements stand in the document in the order of its entries.
fn each_allow(proposal: &Proposal<'_>, judge: impl Fn(&Statement) -> Result<(), Fault>) -> Result<(), Refusal> {
    for (index, statement) in proposal.desired.trust.statements.iter().enumerate() {
        if statement.effect == Effect::Allow {
            judge(statement)
                .map_err(|(reason, message)| Refusal::of_field(reason, format!("spec.trust[{index}]"), message))?;
        }
    }
    Ok(())
}

/// The principals of a statement, where each can be judged.
fn principals(statement: &Statement) -> Result<&[String], Fault> {
    let undecided = |what: &str| {
        Err((
            Reason::TrustNotAllowed,
            format!("{what}, so no guardrail can judge whom it admits"),
        ))
    };
    match &statement.principal {
        Some(PrincipalElement::Principal(principals)) if principals.anyone => undecided("the principal is \"*\""),
        Some(PrincipalElement::Principal(principals))
            if principals.service.is_empty()
                && principals.federated.is_empty()
                && principals.canonical_user.is_empty() =>
        {
            Ok(&principals.aws)
        }
        Some(PrincipalElement::Principal(_)) => undecided("a principal is neither a user, a role nor an account"),
        Some(PrincipalElement::NotPrincipal(_)) => undecided("the statement says NotPrincipal"),
        None => undecided("the statement names no principal"),
    }
}

/// The account of a principal: a bare id, or the account in an ARN.
fn account_of(principal: &str) -> Option<&str> {
    let account = if principal.contains(':') {
        principal.split(':').nth(4)?
    } else {
        principal
    };
    (account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit())).then_some(account)
}

/// Whether an IAM user could satisfy the statement's principals, unless a condition shuts users out.
pub(super) fn can_admit_a_user(statement: &Statement) -> Result<bool, Fault> {
    let names_only_roles = principals(statement)?.iter().all(|principal| {
        principal
            .splitn(6, ':')
            .nth(5)
            .is_some_and(|resource| resource.starts_with("role/"))
    });
    let shut_out = statement.conditions.iter().any(|condition| {
        is_positive(
            condition,
            &[
                OperatorName::ArnLike,
                OperatorName::ArnEquals,
                OperatorName::StringLike,
                OperatorName::StringEquals,
            ],
        ) && condition.is_about("aws:PrincipalArn")
            && all(condition, |value| {
                !Partition::ALL
                    .into_iter()
                    .any(|partition| pattern::intersects(value, &any_user(partition)))
            })
    });
    Ok(!names_only_roles && !shut_out)
}

fn proves_mfa(statement: &Statement) -> bool {
    statement.conditions.iter().any(|condition| {
        is_positive(condition, &[OperatorName::Bool])
            && condition.is_about("aws:MultiFactorAuthPresent")
            && all(condition, |value| value.eq_ignore_ascii_case("true"))
    })
}

fn proves_external_id(statement: &Statement) -> bool {
    statement.conditions.iter().any(|condition| {
        is_positive(condition, &[OperatorName::StringEquals])
            && condition.is_about("sts:ExternalId")
            && all(condition, |value| !value.is_empty())
    })
}

/// Whether a condition proves anything: a positive operator, neither `…IfExists` nor `ForAllValues`, both of which a
/// request without the key satisfies.
fn is_positive(condition: &Condition, operators: &[OperatorName]) -> bool {
    operators.contains(&condition.operator.base) && condition.operator.proves()
}

// Values are alternatives: each of them must hold what is asked of the condition, and there must be one.
fn all(condition: &Condition, holds: impl Fn(&str) -> bool) -> bool {
    !condition.values.is_empty() && condition.values.iter().all(|value| holds(value))
}
