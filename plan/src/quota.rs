//! IAM's quotas, before the first write: a role that cannot be made whole is not begun.
//!
//! Quotas judge what a plan adds, never what it takes away.

use std::collections::BTreeMap;

use crossrole_api::Reason;
use crossrole_api::names::REVOKE_OLDER_SESSIONS_POLICY;
use crossrole_iam::document::Document;
use crossrole_iam::quota::{ROLE_INLINE_POLICIES_SIZE, ROLE_TAGS, SUMMARY_KEYS};

use crate::change::Change;
use crate::desired::Desired;
use crate::refusal::Refusal;

/// Characters of the inline quota that stay free for `AWSRevokeOlderSessions`, which the console puts on a role when
/// somebody revokes its sessions, and for crossrole's own policies that close a role or end it.
pub const INLINE_RESERVE: usize = 300;

/// The quotas of an account that bear on a role. Source: IAM User Guide, "IAM and AWS STS quotas".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Characters of a trust policy, white space left out.
    pub trust_policy_size: usize,
    /// Characters of all inline policies of a role together, white space left out.
    pub inline_total: usize,
    /// Managed policies attached to a role.
    pub attached_policies: usize,
    /// Tags on a role.
    pub tags: usize,
    /// Roles in the account. How many there are is AWS's to count: a figure that is an hour old refuses nobody.
    pub roles: usize,
    /// Whose figures these are.
    pub source: Source,
}

/// Whose figures quotas are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The account's own.
    Account,
    /// IAM's defaults: the account was not asked, or did not say.
    Defaults,
    /// None: those that AWS raises on request are taken to be raised without end.
    Raised,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            source: Source::Defaults,
            ..Self::of_summary(&BTreeMap::new())
        }
    }
}

impl Quotas {
    /// An account's own quotas, from the map that `GetAccountSummary` answers. What is missing there is IAM's default.
    /// Source: IAM API Reference, `GetAccountSummary`.
    pub fn of_summary(summary: &BTreeMap<String, i64>) -> Self {
        let of = |key: &str| {
            let default = SUMMARY_KEYS
                .iter()
                .find(|(name, _)| *name == key)
                .map_or(0, |(_, value)| *value);
            summary
                .get(key)
                .and_then(|value| usize::try_from(*value).ok())
                .filter(|value| *value > 0)
                .unwrap_or(default)
        };
        Self {
            trust_policy_size: of("AssumeRolePolicySizeQuota"),
            inline_total: ROLE_INLINE_POLICIES_SIZE,
            attached_policies: of("AttachedPoliciesPerRoleQuota"),
            tags: ROLE_TAGS,
            roles: of("RolesQuota"),
            source: Source::Account,
        }
    }

    /// Only what no account can have raised. What is too much even for these is too much everywhere.
    pub fn raised() -> Self {
        Self {
            trust_policy_size: usize::MAX,
            attached_policies: usize::MAX,
            roles: usize::MAX,
            source: Source::Raised,
            ..Self::default()
        }
    }

    fn owner(&self) -> &'static str {
        match self.source {
            Source::Account => "the account's quota",
            Source::Defaults => "IAM's default quota (the account's own was not read)",
            Source::Raised => "IAM's quota, which cannot be raised",
        }
    }
}

/// Whether a quota bears on any of the changes: those that only take away need not be checked.
pub fn bears_on(changes: &[Change]) -> bool {
    changes.iter().any(|change| {
        matches!(
            change,
            Change::CreateRole(_)
                | Change::UpdateTrust { .. }
                | Change::PutInline { .. }
                | Change::Attach(_)
                | Change::Tag(_)
        )
    })
}

/// Checks what the changes would add to a role against an account's quotas.
///
/// # Errors
/// The first thing of which there would be too much, with by how much.
pub fn check(desired: &Desired, changes: &[Change], quotas: &Quotas) -> Result<(), Refusal> {
    let creates = changes.iter().any(|change| matches!(change, Change::CreateRole(_)));
    let adds = |what: fn(&Change) -> bool| creates || changes.iter().any(what);
    if adds(|change| matches!(change, Change::UpdateTrust { .. })) {
        trust(desired, quotas)?;
    }
    if adds(|change| matches!(change, Change::PutInline { .. })) {
        inline(desired, quotas)?;
    }
    if adds(|change| matches!(change, Change::Attach(_))) {
        attached(desired, quotas)?;
    }
    if adds(|change| matches!(change, Change::Tag(_))) {
        tags(desired, quotas)?;
    }
    Ok(())
}

fn exceeded(field: &str, message: String) -> Refusal {
    Refusal::of_field(Reason::QuotaExceeded, field, message)
}

fn trust(desired: &Desired, quotas: &Quotas) -> Result<(), Refusal> {
    let (size, most) = (desired.trust.size(), quotas.trust_policy_size);
    let Some(over) = size.checked_sub(most).filter(|over| *over > 0) else {
        return Ok(());
    };
    Err(exceeded(
        "spec.trust",
        format!(
            "the trust policy has {size} characters without white space, {over} more than {} of {most}: use principalPatterns or an organization, or split the role",
            quotas.owner()
        ),
    ))
}

/// Whether a policy is not the object's own, but one for which room is kept.
fn is_reserved(name: &str) -> bool {
    name == REVOKE_OLDER_SESSIONS_POLICY || name.starts_with("crossrole-")
}

fn inline(desired: &Desired, quotas: &Quotas) -> Result<(), Refusal> {
    let own = desired.inline.iter().filter(|(name, _)| !is_reserved(name.as_str()));
    let sizes: Vec<(usize, &str)> = own
        .map(|(name, document)| (Document::size(document), name.as_str()))
        .collect();
    let size: usize = sizes.iter().map(|(size, _)| size).sum();
    let most = quotas.inline_total.saturating_sub(INLINE_RESERVE);
    let Some(over) = size.checked_sub(most).filter(|over| *over > 0) else {
        return Ok(());
    };
    let largest = sizes.iter().max().map_or(String::new(), |(size, name)| {
        format!("; the largest is {name} with {size}")
    });
    Err(exceeded(
        "spec.permissions.inline",
        format!(
            "the inline policies have {size} characters without white space together, {over} more than {most} (IAM's {}, of which {INLINE_RESERVE} stay free for revoking sessions){largest}: move one into a customer managed policy",
            quotas.inline_total
        ),
    ))
}

fn attached(desired: &Desired, quotas: &Quotas) -> Result<(), Refusal> {
    let (count, most) = (desired.attached.len(), quotas.attached_policies);
    let Some(over) = count.checked_sub(most).filter(|over| *over > 0) else {
        return Ok(());
    };
    Err(exceeded(
        "spec.permissions",
        format!(
            "{count} managed policies are {over} more than {} of {most} attached to a role: join some, or have the quota raised",
            quotas.owner()
        ),
    ))
}

fn tags(desired: &Desired, quotas: &Quotas) -> Result<(), Refusal> {
    let (count, most) = (desired.all_tags().len(), quotas.tags);
    let Some(over) = count.checked_sub(most).filter(|over| *over > 0) else {
        return Ok(());
    };
    Err(exceeded(
        "spec.tags",
        format!("{count} tags, crossrole's own among them, are {over} more than the {most} that a role may have"),
    ))
}

#[cfg(test)]
mod tests;
