//! What IAM means: account ids, ARNs, names, policy documents and quotas, as pure values.
//!
//! Nothing here reads a clock, a file or a network. A value that exists is valid: every type is made by
//! parsing, and every refusal says which text is wrong and what to write instead.
//!
//! | module | holds |
//! | --- | --- |
//! | [`partition`] | the AWS partitions and their DNS suffixes |
//! | [`account_id`] | the twelve digits of an AWS account |
//! | [`name`] | names of roles and policies, paths, external ids, tags |
//! | [`arn`] | ARNs, ARN patterns, and the ARNs of the things that crossrole names |
//! | [`principal_arn`] | the ARN of one IAM user or role |
//! | [`pattern`] | IAM's wildcards: what a pattern matches, whether two can meet, whether one holds another |
//! | [`quota`] | IAM's limits, each with its source |
//! | [`document`] | policy documents: read strictly, written plainly, compared by meaning |
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod account_id;
pub mod arn;
pub mod document;
mod json;
pub mod name;
pub mod partition;
pub mod pattern;
pub mod principal_arn;
pub mod quota;

pub use account_id::AccountId;
pub use arn::{Arn, ArnError, ArnPattern, account_policy_arn, aws_policy_arn, role_arn, root_arn};
pub use document::{
    ActionElement, CanonicalDocument, CanonicalStatement, Condition, Document, DocumentError, DocumentKind, Effect,
    Operator, OperatorName, PrincipalElement, Principals, Qualifier, ResourceElement, Statement,
};
pub use name::{
    ExternalId, GroupName, NameError, Path, PolicyName, PolicyPathName, RoleName, check_tag_key, check_tag_value,
};
pub use partition::Partition;
pub use principal_arn::{IamPrincipal, PrincipalArn};

/// How often a property is tried: as often as `PROPTEST_CASES` says, otherwise so many times.
#[cfg(test)]
pub(crate) fn property_cases(otherwise: u32) -> proptest::test_runner::Config {
    let mut config = proptest::test_runner::Config::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = otherwise;
    }
    config
}
