//! Who may be trusted, and what must be required of them. The rendered statements are judged, so that it does not
//! matter how they were written.
//!
//! Each Allow is judged by itself: a Deny elsewhere never helps one, and a Deny is always allowed. Whatever a statement
//! proves, it proves by conditions of its own, so a further condition never turns a statement that passes into one that
//! is refused.

mod actors;
mod federated;
mod proof;
mod session_tags;

use crossrole_api::Reason;
use crossrole_api::class::{RequireExternalId, RequireMfa};
use crossrole_iam::document::{Effect, OperatorName, Statement};

use super::Proposal;
use crate::refusal::Refusal;
use crate::rules::Rules;
use actors::{
    account_of, assumes, bound_accounts, named, names_everybody, principals, requires_listed_organization,
    unlisted_organization,
};
use proof::proves;

pub(super) use actors::can_admit_a_user;

/// What is wrong with a statement.
pub(super) type Fault = (Reason, String);

pub(super) fn allows_only_judged_actions(proposal: &Proposal<'_>) -> Result<(), Refusal> {
    each_allow(proposal, |statement, _| {
        session_tags::allows_only_judged_actions(statement)
    })
}

pub(super) fn trusts_only_the_listed(proposal: &Proposal<'_>) -> Result<(), Refusal> {
    let rules = proposal.rules;
    each_allow(proposal, |statement, _| {
        let principals = principals(statement)?;
        for principal in named(principals) {
            match account_of(principal) {
                Some(account) => judge_account(statement, account, rules)?,
                None => {
                    return Err((
                        Reason::TrustNotAllowed,
                        format!("{principal} names no account, so no guardrail can list it"),
                    ));
                }
            }
        }
        if names_everybody(principals) {
            session_tags::anyone_may_only_assume(statement)?;
            judge_anyone(statement, rules)?;
        }
        for service in &principals.service {
            federated::judge_service(statement, service, rules)?;
        }
        for provider in &principals.federated {
            federated::judge_provider(statement, provider, proposal.account, rules)?;
        }
        Ok(())
    })
}

fn judge_account(statement: &Statement, account: &str, rules: &Rules) -> Result<(), Fault> {
    let listed = is_third_party(account, rules) || rules.trusted_accounts.iter().any(|id| id.as_str() == account);
    if listed || requires_listed_organization(statement, rules) {
        return Ok(());
    }
    Err((
        Reason::TrustNotAllowed,
        format!(
            "account {account} is in neither guardrails.trust.accounts nor guardrails.trust.thirdParties of AccountClass {}",
            rules.class
        ),
    ))
}

/// Everybody is narrowed by the organisation, by the account, or by a pattern with a literal account: then the accounts
/// count as if they stood there as principals.
fn judge_anyone(statement: &Statement, rules: &Rules) -> Result<(), Fault> {
    if requires_listed_organization(statement, rules) {
        return Ok(());
    }
    if let Some(accounts) = bound_accounts(statement) {
        return accounts
            .into_iter()
            .try_for_each(|account| judge_account(statement, account, rules));
    }
    Err((
        Reason::TrustNotAllowed,
        match unlisted_organization(statement, rules) {
            Some(organization) => format!(
                "organisation {organization} is not in guardrails.trust.organizations of AccountClass {}",
                rules.class
            ),
            None => "the principal is \"*\", which only a listed organisation, aws:PrincipalAccount with listed accounts, or aws:PrincipalArn with a listed account in every pattern narrows".into(),
        },
    ))
}

pub(super) fn session_tags_are_listed(proposal: &Proposal<'_>) -> Result<(), Refusal> {
    each_allow(proposal, |statement, _| session_tags::judge(statement, proposal.rules))
}

pub(super) fn users_need_mfa(proposal: &Proposal<'_>) -> Result<(), Refusal> {
    if proposal.rules.require_mfa == RequireMfa::Never {
        return Ok(());
    }
    each_allow(proposal, |statement, written| {
        if !assumes(statement) || !can_admit_a_user(statement)? || proves_mfa(statement) {
            return Ok(());
        }
        Err((
            Reason::MfaRequired,
            format!(
                "this admits IAM users without MFA, which AccountClass {} requires: add {}",
                proposal.rules.class,
                match written {
                    Written::Entry => "require.mfa, or admit roles only (from.kind: Roles)",
                    Written::Raw =>
                        "the condition Bool with aws:MultiFactorAuthPresent \"true\", or admit roles only (ArnLike on aws:PrincipalArn)",
                }
            ),
        ))
    })
}

/// Only `AssumeRole` takes an external id, and AWS services present none, so `Always` speaks of statements that admit AWS
/// principals. Source: AWS STS API Reference, `AssumeRole` (`ExternalId`).
pub(super) fn external_id_is_required(proposal: &Proposal<'_>) -> Result<(), Refusal> {
    let rules = proposal.rules;
    each_allow(proposal, |statement, written| {
        let principals = principals(statement)?;
        let third_party = third_party(statement, rules)?;
        let needed = match rules.require_external_id {
            RequireExternalId::Never => false,
            RequireExternalId::Always => principals.anyone || !principals.aws.is_empty(),
            RequireExternalId::ThirdParties => third_party.is_some(),
        };
        if !needed || !assumes(statement) || proves_external_id(statement) {
            return Ok(());
        }
        let who = third_party.map_or_else(String::new, |principal| format!("{principal} is a third party; "));
        Err((
            Reason::ExternalIdRequired,
            format!(
                "{who}AccountClass {} requires an external id here: add {}",
                rules.class,
                match written {
                    Written::Entry => "require.externalIds",
                    Written::Raw => "the condition StringEquals on sts:ExternalId",
                }
            ),
        ))
    })
}

/// A third party that the statement admits. An account of `thirdParties` stays one even where an organisation is
/// required too. An account that only its organisation lets in is not: the class has called that organisation ours.
fn third_party<'a>(statement: &'a Statement, rules: &Rules) -> Result<Option<&'a str>, Fault> {
    let principals = principals(statement)?;
    let by_name =
        named(principals).find(|principal| account_of(principal).is_none_or(|account| is_third_party(account, rules)));
    let bound = || {
        bound_accounts(statement)
            .into_iter()
            .flatten()
            .find(|account| is_third_party(account, rules))
    };
    Ok(by_name.or_else(|| if names_everybody(principals) { bound() } else { None }))
}

fn is_third_party(account: &str, rules: &Rules) -> bool {
    rules.third_parties.iter().any(|id| id.as_str() == account)
}

fn proves_mfa(statement: &Statement) -> bool {
    proves(
        statement,
        "aws:MultiFactorAuthPresent",
        &[OperatorName::Bool],
        |_, value| value.eq_ignore_ascii_case("true"),
    )
}

// A variable could be replaced by what the caller itself sent.
fn proves_external_id(statement: &Statement) -> bool {
    proves(
        statement,
        "sts:ExternalId",
        &[OperatorName::StringEquals],
        |_, value| !value.is_empty() && !value.contains("${"),
    )
}

/// How a statement was written, which decides what its owner can write instead.
#[derive(Clone, Copy)]
enum Written {
    /// As an entry of `spec.trust`.
    Entry,
    /// As it is, in `spec.extraTrustStatements`.
    Raw,
}

fn each_allow(
    proposal: &Proposal<'_>,
    judge: impl Fn(&Statement, Written) -> Result<(), Fault>,
) -> Result<(), Refusal> {
    let desired = proposal.desired;
    for (index, statement) in desired.trust.statements.iter().enumerate() {
        if statement.effect == Effect::Allow {
            let field = desired.trust_fields.get(index).map_or("spec.trust", String::as_str);
            let written = if field.starts_with("spec.extraTrustStatements") {
                Written::Raw
            } else {
                Written::Entry
            };
            judge(statement, written).map_err(|(reason, message)| Refusal::of_field(reason, field, message))?;
        }
    }
    Ok(())
}
