//! The policies that an account holds under a grant's names.

use std::collections::{BTreeMap, BTreeSet};

use super::grantee::Holder;
use crate::observed::ObservedDocument;

/// What an account holds under a grant's names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObservedGrant {
    /// The policies, by the number in their names.
    pub policies: BTreeMap<u32, ObservedPolicy>,
    /// The paths of roles that are to be given a policy, by their names in lower case; absent where there is no such
    /// role.
    pub role_paths: BTreeMap<String, String>,
}

/// A customer managed policy as IAM answered it.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedPolicy {
    /// The ARN.
    pub arn: String,
    /// The unique id (`ANPA…`).
    pub id: String,
    /// The tags. Unlike those of roles, their keys differ by case.
    pub tags: BTreeMap<String, String>,
    /// The version in force: `v3`.
    pub version: String,
    /// What that version says.
    pub document: ObservedDocument,
    /// The other versions, the oldest first.
    pub older: Vec<String>,
    /// Whom it is attached to.
    pub holders: BTreeSet<Holder>,
}
