//! What an account holds after a change of a grant, as IAM documents it.

use std::collections::BTreeSet;

use crossrole_iam::quota;

use super::change::GrantChange;
use super::observed::{ObservedGrant, ObservedPolicy};
use crate::observed::ObservedDocument;

/// What IAM gives to what it makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// The unique id of a policy.
    pub id: String,
    /// The version in force.
    pub version: String,
}

/// What the account holds then; `None` where IAM would refuse the change.
pub fn apply(change: &GrantChange, observed: &ObservedGrant, made: &Made) -> Option<ObservedGrant> {
    let mut after = observed.clone();
    if let GrantChange::CreatePolicy {
        number,
        arn,
        document,
        tags,
        ..
    } = change
    {
        let policy = ObservedPolicy {
            arn: arn.clone(),
            id: made.id.clone(),
            tags: tags.clone(),
            version: made.version.clone(),
            document: ObservedDocument::of(document.clone()),
            older: Vec::new(),
            holders: BTreeSet::new(),
        };
        let fits = document.size() <= quota::MANAGED_POLICY_SIZE;
        return (fits && after.policies.insert(*number, policy).is_none()).then_some(after);
    }
    let (number, policy) = after
        .policies
        .iter_mut()
        .find(|(_, policy)| policy.arn == change.arn())?;
    let number = *number;
    let is_done = match change {
        GrantChange::CreatePolicy { .. } => false,
        GrantChange::CreateVersion { document, .. } => {
            policy
                .older
                .push(std::mem::replace(&mut policy.version, made.version.clone()));
            policy.document = ObservedDocument::of(document.clone());
            policy.older.len() < quota::MANAGED_POLICY_VERSIONS && document.size() <= quota::MANAGED_POLICY_SIZE
        }
        GrantChange::DeleteVersion { version, .. } => {
            let before = policy.older.len();
            policy.older.retain(|held| held != version);
            policy.older.len() < before
        }
        GrantChange::Attach { holder, .. } => policy.holders.insert(holder.clone()),
        GrantChange::Detach { holder, .. } => policy.holders.remove(holder),
        GrantChange::Tag { tags, .. } => {
            policy.tags.extend(tags.clone());
            true
        }
        GrantChange::DeletePolicy { .. } => {
            let is_free = policy.holders.is_empty() && policy.older.is_empty();
            after.policies.remove(&number);
            is_free
        }
    };
    is_done.then_some(after)
}
