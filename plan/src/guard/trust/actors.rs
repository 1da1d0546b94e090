//! Whom a statement admits: its principals, narrowed by its conditions.

use std::collections::BTreeSet;

use crossrole_api::Reason;
use crossrole_iam::account_id::is_account_id;
use crossrole_iam::document::{ActionElement, Condition, OperatorName, PrincipalElement, Principals, Statement};
use crossrole_iam::{Partition, pattern};

use super::Fault;
use super::proof::{ARN, TEXT, proofs, proves};
use crate::rules::Rules;

/// The actions that assume a role. Source: AWS STS API Reference.
const ASSUME: [&str; 3] = [
    "sts:assumerole",
    "sts:assumerolewithsaml",
    "sts:assumerolewithwebidentity",
];

/// The principals of a statement, where each can be judged.
pub(super) fn principals(statement: &Statement) -> Result<&Principals, Fault> {
    let undecided = |what: &str| {
        Err((
            Reason::TrustNotAllowed,
            format!("{what}, so no guardrail can judge whom it admits"),
        ))
    };
    match &statement.principal {
        Some(PrincipalElement::Principal(principals)) if !principals.canonical_user.is_empty() => {
            undecided("a principal is a canonical user")
        }
        Some(PrincipalElement::Principal(principals)) if !principals.is_empty() => Ok(principals),
        Some(PrincipalElement::NotPrincipal(_)) => undecided("the statement says NotPrincipal"),
        Some(PrincipalElement::Principal(_)) | None => undecided("the statement names no principal"),
    }
}

/// Whether everybody is named, alone or among others. A document that was read has it as `anyone`; one that was put
/// together may have it among the AWS principals.
pub(super) fn names_everybody(principals: &Principals) -> bool {
    principals.anyone || principals.aws.iter().any(|principal| principal == EVERYBODY)
}

/// The AWS principals but everybody.
pub(super) fn named(principals: &Principals) -> impl Iterator<Item = &str> {
    principals
        .aws
        .iter()
        .map(String::as_str)
        .filter(|principal| *principal != EVERYBODY)
}

const EVERYBODY: &str = "*";

/// The account of a principal: a bare id, or the account in an ARN. The unique id of a user or role names none.
pub(super) fn account_of(principal: &str) -> Option<&str> {
    let account = if principal.contains(':') {
        principal.split(':').nth(4)?
    } else {
        principal
    };
    is_account_id(account).then_some(account)
}

/// The accounts that a statement's conditions hold everybody to, `None` where they hold nobody to any.
///
/// Only `aws:PrincipalAccount` with ids and `aws:PrincipalArn` with a literal account do. Both keys are there in every
/// signed request, and in none by a service or a federated identity. Source: IAM User Guide, "AWS global condition
/// context keys".
pub(super) fn bound_accounts(statement: &Statement) -> Option<BTreeSet<&str>> {
    let by_id = proofs(statement, "aws:PrincipalAccount", TEXT)
        .filter_map(|condition| accounts(condition, |value| is_account_id(value).then_some(value)));
    let by_arn = proofs(statement, "aws:PrincipalArn", ARN)
        .filter_map(|condition| accounts(condition, |value| account_in_pattern(condition, value)));
    by_id
        .chain(by_arn)
        .reduce(|bound, further| bound.intersection(&further).copied().collect())
}

// One value without an account lets anybody in.
fn accounts<'a>(condition: &'a Condition, account: impl Fn(&'a str) -> Option<&'a str>) -> Option<BTreeSet<&'a str>> {
    condition.values.iter().map(|value| account(value)).collect()
}

/// The account in a pattern of `aws:PrincipalArn`, where it is literal.
///
/// The Arn operators compare the six parts of an ARN each for itself. To the String operators a `*` in front could stand
/// for a whole ARN of another account, whose user's path holds the rest: a path may hold colons.
/// Source: IAM User Guide, "IAM JSON policy elements: Condition operators" and "IAM identifiers".
pub(super) fn account_in_pattern<'a>(condition: &Condition, value: &'a str) -> Option<&'a str> {
    let parts: Vec<&str> = value.splitn(6, ':').collect();
    let [arn, partition, service, region, account, _] = parts.as_slice() else {
        return None;
    };
    let front = [*arn, *partition, *service, *region];
    let is_arn_operator = matches!(condition.operator.base, OperatorName::ArnLike | OperatorName::ArnEquals);
    let is_plain = front
        .iter()
        .all(|part| !part.contains("${") && (is_arn_operator || !part.contains(['*', '?'])));
    (*arn == "arn" && is_plain && is_account_id(account)).then_some(*account)
}

/// Whether the statement itself requires one of the class's organisations.
pub(super) fn requires_listed_organization(statement: &Statement, rules: &Rules) -> bool {
    proves(statement, "aws:PrincipalOrgID", TEXT, |_, value| {
        rules.organizations.contains(value)
    })
}

/// An organisation that the statement requires and the class does not list: for the refusal's message.
pub(super) fn unlisted_organization<'a>(statement: &'a Statement, rules: &Rules) -> Option<&'a str> {
    proofs(statement, "aws:PrincipalOrgID", TEXT)
        .flat_map(|condition| &condition.values)
        .map(String::as_str)
        .find(|value| !rules.organizations.contains(*value))
}

/// Whether a statement lets a role be assumed, and not merely tagged or named.
pub(super) fn assumes(statement: &Statement) -> bool {
    allows(statement, &ASSUME)
}

/// Whether a statement's actions can match one of these, which are in lower case.
pub(super) fn allows(statement: &Statement, actions: &[&str]) -> bool {
    match &statement.action {
        ActionElement::Action(patterns) => patterns.iter().any(|pattern| {
            let pattern = pattern.to_ascii_lowercase();
            actions.iter().any(|action| pattern::intersects(&pattern, action))
        }),
        ActionElement::NotAction(_) => true,
    }
}

/// Whether an IAM user could satisfy the statement. Services and federated identities never are IAM users; the sessions
/// of `GetFederationToken` cannot assume roles, but are taken for the users that made them.
pub(in crate::guard) fn can_admit_a_user(statement: &Statement) -> Result<bool, Fault> {
    let principals = principals(statement)?;
    let is_role = |principal: &str| {
        principal
            .splitn(6, ':')
            .nth(5)
            .is_some_and(|resource| resource.starts_with("role/") || resource.starts_with("assumed-role/"))
    };
    let names_only_others = !names_everybody(principals) && named(principals).all(is_role);
    let shut_out = proves(statement, "aws:PrincipalArn", ARN, |condition, value| {
        !matches_a_user(condition, value)
    });
    Ok(!names_only_others && !shut_out)
}

/// Whether a value of `aws:PrincipalArn` can match the ARN of an IAM user in some partition.
fn matches_a_user(condition: &Condition, value: &str) -> bool {
    // To the Arn operators no wildcard reaches beyond its part. A variable's name holds colons of its own.
    let is_arn_operator = matches!(condition.operator.base, OperatorName::ArnLike | OperatorName::ArnEquals);
    let parts: Vec<&str> = value.splitn(6, ':').collect();
    if let [_, _, service, region, account, resource] = parts.as_slice()
        && is_arn_operator
        && !value.contains("${")
    {
        return pattern::intersects(service, "iam")
            && pattern::intersects(region, "")
            && pattern::intersects(account, "????????????")
            && pattern::intersects(resource, "user/*");
    }
    // `*` for the account would also match the colons around it, and so find a user in a pattern of roles.
    Partition::ALL
        .into_iter()
        .any(|partition| pattern::intersects(value, &format!("arn:{partition}:iam::????????????:user/*")))
}
