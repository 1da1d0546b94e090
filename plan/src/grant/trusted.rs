//! Whether the other side admits who is given leave, as far as its trust policy says.
//!
//! What only a request can show (an external id, an address, an organisation) is taken to be as it must. What the trusted
//! account itself decides is not: whether it is a user or a role that asks, which one, and whether it can have MFA. A Deny
//! counts where it shuts out all of a group's users, whatever they ask; which of them are in the group, IAM alone knows.

use crossrole_iam::document::{Condition, Document, Effect, OperatorFamily, OperatorName, PrincipalElement, Statement};
use crossrole_iam::{AccountId, Partition, pattern, root_arn};

use super::desired::{ASSUME, Allows};
use super::grantee::Grantee;

/// Whether a trust policy admits a group's users or a role.
pub fn admits(trust: &Document, grantee: &Grantee, partition: Partition, account: &AccountId) -> bool {
    let holds = |condition: &Condition| holds(condition, grantee, partition, account);
    let lets_in = |statement: &Statement| {
        let mut conditions = statement.conditions.iter();
        is_named(statement, grantee, partition, account, true) && conditions.all(|one| holds(one) != Holds::Never)
    };
    let shuts_out = |statement: &Statement| {
        let mut conditions = statement.conditions.iter();
        is_all_of(statement, grantee, partition, account) && conditions.all(|one| holds(one) == Holds::Always)
    };
    statements(trust, Effect::Allow, ASSUME).any(lets_in) && !statements(trust, Effect::Deny, ASSUME).any(shuts_out)
}

/// Whether a trust policy admits a group's users or a role, and speaks of their account by its id: not of everybody, or of
/// whoever is in an organisation.
pub fn names_account(trust: &Document, grantee: &Grantee, partition: Partition, account: &AccountId) -> bool {
    admits(trust, grantee, partition, account)
        && statements(trust, Effect::Allow, ASSUME)
            .any(|statement| is_named(statement, grantee, partition, account, false))
}

/// What else than to assume the role a trust policy lets anybody ask for.
pub fn allows(trust: &Document) -> Allows {
    Allows {
        session_tags: statements(trust, Effect::Allow, "sts:TagSession").next().is_some(),
        source_identity: statements(trust, Effect::Allow, "sts:SetSourceIdentity")
            .next()
            .is_some(),
    }
}

fn statements<'a>(trust: &'a Document, effect: Effect, action: &'a str) -> impl Iterator<Item = &'a Statement> {
    trust.statements.iter().filter(move |statement| {
        let mut patterns = statement.action.patterns().iter();
        let speaks_of_it = patterns.any(|written| pattern::matches_ignoring_case(written, action));
        statement.effect == effect && speaks_of_it != statement.action.is_not()
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

/// Whether a statement speaks of all of a group's users, or of a role: of those that only a Deny names by whom it leaves out,
/// too.
fn is_all_of(statement: &Statement, grantee: &Grantee, partition: Partition, account: &AccountId) -> bool {
    let ours = grantee.principals(partition, account);
    match &statement.principal {
        Some(PrincipalElement::Principal(principals)) => {
            let root = root_arn(partition, account).to_string();
            let is_all =
                |named: &String| *named == root || named == account.as_str() || pattern::contains(named, &ours);
            principals.anyone || principals.aws.iter().any(is_all)
        }
        Some(PrincipalElement::NotPrincipal(principals)) => {
            !principals.anyone && !principals.aws.iter().any(|named| pattern::matches(&ours, named))
        }
        None => false,
    }
}

/// Whether a condition says which principals are meant.
fn is_about_principals(condition: &Condition) -> bool {
    condition.is_about("aws:PrincipalArn") && compares_text(condition) && !condition.operator.base.is_negated()
}

fn compares_text(condition: &Condition) -> bool {
    matches!(
        condition.operator.base,
        OperatorName::ArnLike
            | OperatorName::ArnEquals
            | OperatorName::ArnNotLike
            | OperatorName::ArnNotEquals
            | OperatorName::StringLike
            | OperatorName::StringEquals
            | OperatorName::StringNotLike
            | OperatorName::StringNotEquals
    )
}

/// Whether a condition holds for a group's users or a role.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// For all of them.
    Always,
    /// For none of them.
    Never,
    /// For some of them, or for some requests.
    Perhaps,
}

fn holds(condition: &Condition, grantee: &Grantee, partition: Partition, account: &AccountId) -> Holds {
    if condition.is_about("aws:PrincipalArn") && compares_text(condition) {
        return compared(condition, &grantee.principals(partition, account));
    }
    if condition.is_about("aws:PrincipalAccount") && compares_text(condition) {
        return compared(condition, account.as_str());
    }
    let about_mfa = condition.is_about("aws:MultiFactorAuthPresent") || condition.is_about("aws:MultiFactorAuthAge");
    match grantee {
        Grantee::Role(..) if about_mfa => holds_without_mfa(condition),
        _ => Holds::Perhaps,
    }
}

/// Whether what `ours` matches is as a condition says.
fn compared(condition: &Condition, ours: &str) -> Holds {
    let is_text = matches!(
        condition.operator.base,
        OperatorName::StringEquals | OperatorName::StringNotEquals
    );
    let covers = |value: &String| match is_text {
        true => value == ours && !ours.contains('*'),
        false => pattern::contains(value, ours),
    };
    let meets = |value: &String| match is_text {
        true => pattern::matches(ours, value),
        false => pattern::intersects(value, ours),
    };
    let values = &condition.values;
    match (values.iter().any(covers), values.iter().any(meets)) {
        (true, _) if condition.operator.base.is_negated() => Holds::Never,
        (true, _) => Holds::Always,
        (false, true) => Holds::Perhaps,
        (false, false) if condition.operator.base.is_negated() => Holds::Always,
        (false, false) => Holds::Never,
    }
}

/// Sessions of roles carry no MFA into AssumeRole: its age is not in the request, and in doubt nor is that there is none.
/// Source: IAM User Guide, "Secure API access with MFA".
fn holds_without_mfa(condition: &Condition) -> Holds {
    let (operator, mut values) = (condition.operator, condition.values.iter());
    match operator.base.family() {
        OperatorFamily::Bool if values.any(|value| value.eq_ignore_ascii_case("false")) => Holds::Always,
        OperatorFamily::Bool if operator.if_exists => Holds::Perhaps,
        OperatorFamily::Bool => Holds::Never,
        OperatorFamily::Numeric if operator.if_exists || operator.base.is_negated() => Holds::Always,
        OperatorFamily::Numeric => Holds::Never,
        _ => Holds::Perhaps,
    }
}
