//! Users and roles of AWS accounts.

use std::collections::BTreeSet;

use crossrole_iam::document::{Condition, OperatorName, Principals, Statement};
use crossrole_iam::{AccountId, Partition, root_arn};

use super::way_in::WayIn;
use super::{Target, condition};
use crate::declaration::{AccountKind, AwsTrust, OrganizationId, PrincipalPattern, Who};
use crate::refusal::Refusal;

pub(super) fn render(trust: &AwsTrust, target: Target<'_>, field: &str) -> Result<Vec<Statement>, Refusal> {
    let (principals, mut who) = principals(&trust.who, target, field)?;
    who.extend(trust.organization.as_ref().map(in_organization));
    Ok(WayIn {
        principals,
        action: "sts:AssumeRole",
        who,
        external_ids: Some(&trust.external_ids),
        session: &trust.session,
    }
    .statements())
}

fn principals(who: &Who, target: Target<'_>, field: &str) -> Result<(Principals, Vec<Condition>), Refusal> {
    let partition = target.partition;
    Ok(match who {
        Who::Accounts { ids, kind } => {
            // An account's root as principal admits its users and its roles alike; the pattern tells them apart.
            let kinds = |kind: &str| {
                principal_arn(
                    ids.iter()
                        .map(|id| format!("arn:{partition}:iam::{id}:{kind}/*"))
                        .collect::<Vec<_>>(),
                )
            };
            let conditions = match kind {
                AccountKind::Any => Vec::new(),
                AccountKind::Roles => vec![kinds("role")],
                AccountKind::Users { mfa_max_age } => [vec![kinds("user")], mfa(*mfa_max_age)].concat(),
            };
            (roots(partition, ids), conditions)
        }
        Who::Principals { arns, mfa_max_age } => {
            for arn in arns {
                target.check_partition(arn, arn.partition().as_str(), format!("{field}.from.principals"))?;
            }
            (Principals::aws(arns.iter().map(ToString::to_string)), mfa(*mfa_max_age))
        }
        Who::Patterns {
            patterns,
            accounts,
            mfa_max_age,
        } => {
            check_patterns(patterns, target, field)?;
            let conditions = [vec![principal_arn(patterns)], mfa(*mfa_max_age)].concat();
            (roots(partition, accounts), conditions)
        }
        Who::PatternsInOrganization {
            patterns,
            organization,
            mfa_max_age,
        } => {
            check_patterns(patterns, target, field)?;
            let conditions = [
                vec![principal_arn(patterns)],
                mfa(*mfa_max_age),
                vec![in_organization(organization)],
            ]
            .concat();
            (anyone(), conditions)
        }
        Who::Organization { id, mfa_max_age } => {
            let users = mfa_max_age.map(|_| principal_arn([format!("arn:{partition}:iam::*:user/*")]));
            let conditions = [
                users.into_iter().collect(),
                mfa(*mfa_max_age),
                vec![in_organization(id)],
            ]
            .concat();
            (anyone(), conditions)
        }
        Who::IdentityCenter {
            account,
            permission_set,
        } => {
            let patterns = permission_set_patterns(partition, account, permission_set);
            (
                roots(partition, &BTreeSet::from([account.clone()])),
                vec![principal_arn(patterns)],
            )
        }
    })
}

fn check_patterns(patterns: &BTreeSet<PrincipalPattern>, target: Target<'_>, field: &str) -> Result<(), Refusal> {
    patterns.iter().try_for_each(|pattern| {
        target.check_partition(
            pattern,
            pattern.partition().as_str(),
            format!("{field}.from.principalPatterns"),
        )
    })
}

/// Everybody, as AWS's own examples write it. Always with a condition.
fn anyone() -> Principals {
    Principals::aws(["*"])
}

fn roots(partition: Partition, accounts: &BTreeSet<AccountId>) -> Principals {
    Principals::aws(accounts.iter().map(|id| root_arn(partition, id).to_string()))
}

// For a session, `aws:PrincipalArn` is the role's ARN with its path: IAM User Guide, "AWS global condition context
// keys".
fn principal_arn(patterns: impl IntoIterator<Item = impl ToString>) -> Condition {
    condition(OperatorName::ArnLike, "aws:PrincipalArn", patterns)
}

fn in_organization(id: &OrganizationId) -> Condition {
    condition(OperatorName::StringEquals, "aws:PrincipalOrgID", [id])
}

// Never `…IfExists`, which lets plain access keys in: IAM User Guide, "Configuring MFA-protected API access".
fn mfa(max_age: Option<u32>) -> Vec<Condition> {
    max_age.map_or_else(Vec::new, |age| {
        vec![
            condition(OperatorName::Bool, "aws:MultiFactorAuthPresent", ["true"]),
            condition(OperatorName::NumericLessThan, "aws:MultiFactorAuthAge", [age]),
        ]
    })
}

/// The roles of a permission set: their name ends in 16 characters that Identity Center chooses, and their path holds
/// Identity Center's Region unless that is us-east-1.
///
/// Source: IAM Identity Center User Guide, "Referencing permission sets in resource policies".
fn permission_set_patterns(partition: Partition, account: &AccountId, name: &str) -> [String; 2] {
    ["", "*/"].map(|region| {
        format!(
            "arn:{partition}:iam::{account}:role/aws-reserved/sso.amazonaws.com/{region}AWSReservedSSO_{name}_????????????????"
        )
    })
}
