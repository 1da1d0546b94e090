//! Canonical forms: two documents that mean the same have equal ones.
//!
//! What carries no meaning is left out or ordered: `Id` and `Sid`, the order of statements, members and values,
//! whether a single value stands in an array, what stands twice. What IAM compares without regard to case is
//! folded: actions, condition keys, operators. What IAM rewrites is undone: `arn:<partition>:iam::<id>:root` is the
//! account id. Everything else stays distinct, even where some cleverness could find two forms to allow the same.
//!
//! Sources: IAM User Guide, "IAM JSON policy elements: Action" (case), "Condition" (keys), "Condition operators" (ARN,
//! date, IP address), "AWS JSON policy elements: Principal" (accounts).

use std::collections::BTreeSet;

use super::condition::canonical_value;
use super::principals::account_of_root_arn;
use super::{Effect, Operator, PrincipalElement, Principals, Statement};

/// The meaning of a document: the set of its statements' meanings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CanonicalDocument {
    /// The statements, each once.
    pub statements: BTreeSet<CanonicalStatement>,
}

/// The meaning of a statement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CanonicalStatement {
    /// Whether it allows or denies.
    pub effect: Effect,
    /// Whether `NotPrincipal` was written, and the principals; absent in a permission policy.
    pub principal: Option<(bool, CanonicalPrincipals)>,
    /// Whether `NotAction` was written, and the patterns in lower case.
    pub action: (bool, BTreeSet<String>),
    /// Whether `NotResource` was written, and the patterns; absent in a trust policy.
    pub resource: Option<(bool, BTreeSet<String>)>,
    /// The conditions.
    pub conditions: BTreeSet<CanonicalCondition>,
}

/// The meaning of a condition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CanonicalCondition {
    /// The operator that stands for all its spellings.
    pub operator: Operator,
    /// The key in lower case.
    pub key: String,
    /// The values, each in the spelling that stands for all.
    pub values: BTreeSet<String>,
}

/// The meaning of a statement's principals.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CanonicalPrincipals {
    /// Everybody.
    pub anyone: bool,
    /// AWS principals; an account is its bare id.
    pub aws: BTreeSet<String>,
    /// Services.
    pub service: BTreeSet<String>,
    /// Identity providers.
    pub federated: BTreeSet<String>,
    /// Canonical user ids.
    pub canonical_user: BTreeSet<String>,
}

impl CanonicalPrincipals {
    fn of(principals: &Principals) -> CanonicalPrincipals {
        CanonicalPrincipals {
            anyone: principals.anyone || principals.aws.iter().any(|principal| principal == "*"),
            aws: principals
                .aws
                .iter()
                .filter(|principal| *principal != "*")
                .map(|principal| account_of_root_arn(principal).unwrap_or(principal).to_owned())
                .collect(),
            service: set(&principals.service),
            federated: set(&principals.federated),
            canonical_user: set(&principals.canonical_user),
        }
    }
}

impl CanonicalStatement {
    pub(crate) fn of(statement: &Statement) -> CanonicalStatement {
        CanonicalStatement {
            effect: statement.effect,
            principal: statement.principal.as_ref().map(|element| {
                let is_not = matches!(element, PrincipalElement::NotPrincipal(_));
                (is_not, CanonicalPrincipals::of(element.principals()))
            }),
            action: (
                statement.action.is_not(),
                statement
                    .action
                    .patterns()
                    .iter()
                    .map(|pattern| canonical_action(pattern))
                    .collect(),
            ),
            resource: statement
                .resource
                .as_ref()
                .map(|element| (element.is_not(), set(element.patterns()))),
            conditions: statement
                .conditions
                .iter()
                .map(|condition| CanonicalCondition {
                    operator: condition.operator.canonical(),
                    key: condition.key.to_ascii_lowercase(),
                    values: condition
                        .values
                        .iter()
                        .map(|value| canonical_value(&condition.operator, value))
                        .collect(),
                })
                .collect(),
        }
    }
}

fn canonical_action(pattern: &str) -> String {
    if pattern == "*:*" {
        "*".to_owned()
    } else {
        pattern.to_ascii_lowercase()
    }
}

fn set(values: &[String]) -> BTreeSet<String> {
    values.iter().cloned().collect()
}
