//! Whether the other side admits who is given leave, as far as its trust policy says.
//!
//! What only a request can show (an external id, an address, an organisation) is taken to be as it must. What the trusted
//! account itself decides is not: whether it is a user or a role that asks, which one, and whether it can have MFA.

use crossrole_iam::document::{Condition, Document, Effect, OperatorName, PrincipalElement, Statement};
use crossrole_iam::{AccountId, Partition, pattern, root_arn};

use super::desired::{ASSUME, Allows};
use super::grantee::Grantee;

/// Whether a trust policy admits a group's users or a role.
pub fn admits(trust: &Document, grantee: &Grantee, partition: Partition, account: &AccountId) -> bool {
    statements(trust, ASSUME).any(|statement| {
        is_named(statement, grantee, partition, account, true)
            && statement
                .conditions
                .iter()
                .all(|condition| may_hold(condition, grantee, partition, account))
    })
}

/// Whether a trust policy admits a group's users or a role, and speaks of their account by its id: not of everybody, or of
/// whoever is in an organisation.
pub fn names_account(trust: &Document, grantee: &Grantee, partition: Partition, account: &AccountId) -> bool {
    admits(trust, grantee, partition, account)
        && statements(trust, ASSUME).any(|statement| is_named(statement, grantee, partition, account, false))
}

/// What else than to assume the role a trust policy lets anybody ask for.
pub fn allows(trust: &Document) -> Allows {
    Allows {
        session_tags: statements(trust, "sts:TagSession").next().is_some(),
        source_identity: statements(trust, "sts:SetSourceIdentity").next().is_some(),
    }
}

fn statements<'a>(trust: &'a Document, action: &'a str) -> impl Iterator<Item = &'a Statement> {
    trust.statements.iter().filter(move |statement| {
        let mut patterns = statement.action.patterns().iter();
        let speaks_of_it = patterns.any(|written| pattern::matches_ignoring_case(written, action));
        statement.effect == Effect::Allow && speaks_of_it != statement.action.is_not()
    })
}

fn is_named(
    statement: &Statement,
    grantee: &Grantee,
    partition: Partition,
    account: &AccountId,
    anybody: bool,
) -> bool {
    let Some(PrincipalElement::Principal(principals)) = &statement.principal else {
        return false;
    };
    let root = root_arn(partition, account).to_string();
    let ours = grantee.principals(partition, account);
    let everybody = principals.anyone || principals.aws.iter().any(|principal| principal == "*");
    if everybody && anybody {
        return true;
    }
    let by_pattern = statement.conditions.iter().any(|condition| {
        is_about_principals(condition) && condition.values.iter().any(|value| value.contains(account.as_str()))
    });
    if everybody && by_pattern {
        return true;
    }
    principals
        .aws
        .iter()
        .any(|principal| principal == account.as_str() || *principal == root || pattern::matches(&ours, principal))
}

/// Whether a condition says which principals are meant.
fn is_about_principals(condition: &Condition) -> bool {
    let is_positive = matches!(
        condition.operator.base,
        OperatorName::ArnLike | OperatorName::ArnEquals | OperatorName::StringLike | OperatorName::StringEquals
    );
    condition.is_about("aws:PrincipalArn") && is_positive
}

/// Whether a condition can hold for a group's users or a role.
fn may_hold(condition: &Condition, grantee: &Grantee, partition: Partition, account: &AccountId) -> bool {
    let values = || condition.values.iter();
    if is_about_principals(condition) {
        let ours = grantee.principals(partition, account);
        return values().any(|value| pattern::intersects(value, &ours));
    }
    if condition.is_about("aws:PrincipalAccount") && condition.operator.base == OperatorName::StringEquals {
        return values().any(|value| value == account.as_str());
    }
    // Sessions of roles carry no MFA into AssumeRole. Source: IAM User Guide, "Secure API access with MFA".
    let about_mfa = condition.is_about("aws:MultiFactorAuthPresent") || condition.is_about("aws:MultiFactorAuthAge");
    let is_role = matches!(grantee, Grantee::Role(..));
    let asks_for_it = match condition.operator.base {
        OperatorName::Bool => values().any(|value| value == "true"),
        OperatorName::NumericLessThan | OperatorName::NumericLessThanEquals => true,
        _ => false,
    };
    !(about_mfa && is_role && asks_for_it && !condition.operator.if_exists)
}
