//! IAM's quotas, before the first write: a role that cannot be made whole is not begun.
//!
//! Quotas judge what a plan adds, never what it takes away. What is judged is what is really written: the dates in the
//! trust policy count, and so does the policy that ends a role.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_api::Reason;
use crossrole_api::names::REVOKE_OLDER_SESSIONS_POLICY;
use crossrole_iam::quota::{ROLE_INLINE_POLICIES_SIZE, ROLE_TAGS, SUMMARY_KEYS};
use crossrole_iam::{Arn, PolicyName};

use crate::change::Change;
use crate::lifecycle::{CLOSED_POLICY, VALIDITY_POLICY};
use crate::observed::Observed;
use crate::refusal::Refusal;

/// Characters of the inline quota that stay free for `AWSRevokeOlderSessions`, which the console puts on a role when
/// somebody revokes its sessions, and for crossrole's own policy that closes a role.
pub const INLINE_RESERVE: usize = 300;

/// The policies for which [`INLINE_RESERVE`] is kept. They are never refused: they take away.
const ENDS_SESSIONS: [&str; 2] = [REVOKE_OLDER_SESSIONS_POLICY, CLOSED_POLICY];

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

/// Checks what the changes would make of a role against an account's quotas. Whatever does not grow is not judged.
///
/// # Errors
/// The first thing of which there would be too much, with by how much.
pub fn check(observed: &Observed, changes: &[Change], quotas: &Quotas) -> Result<(), Refusal> {
    let before = Held::of(observed);
    let after = changes.iter().fold(before.clone(), Held::with);
    if after.trust > before.trust {
        trust(after.trust, quotas)?;
    }
    if after.inline_of_the_object() > before.inline_of_the_object() {
        inline(&after, quotas)?;
    }
    if after.attached.len() > before.attached.len() {
        attached(after.attached.len(), quotas)?;
    }
    if after.tags.len() > before.tags.len() {
        tags(after.tags.len(), quotas)?;
    }
    Ok(())
}

/// What of a role counts against quotas. Sizes are in characters without white space.
#[derive(Clone, Debug, Default)]
struct Held {
    trust: usize,
    inline: BTreeMap<PolicyName, usize>,
    attached: BTreeSet<Arn>,
    /// The keys, in lower case; those of AWS's own tags do not count.
    tags: BTreeSet<String>,
}

impl Held {
    fn of(observed: &Observed) -> Self {
        let Observed::Present(role) = observed else {
            return Self::default();
        };
        let sizes = role
            .inline
            .iter()
            .map(|(name, document)| (name.clone(), document.size()));
        let mut held = Self {
            trust: role.trust.size(),
            inline: sizes.collect(),
            attached: role.attached.clone(),
            tags: BTreeSet::new(),
        };
        held.tag(role.tags.keys());
        held
    }

    fn with(mut self, change: &Change) -> Self {
        match change {
            Change::CreateRole(new) => {
                self.trust = new.trust.size();
                self.tag(new.tags.keys());
            }
            Change::UpdateTrust { document, .. } => self.trust = document.size(),
            Change::PutInline { name, document } => {
                self.inline.insert(name.clone(), document.size());
            }
            Change::DeleteInline(name) => {
                self.inline.remove(name);
            }
            Change::Attach(arn) => {
                self.attached.insert(arn.clone());
            }
            Change::Detach(arn) => {
                self.attached.remove(arn);
            }
            Change::Tag(tags) => self.tag(tags.keys()),
            Change::Untag(keys) => self
                .tags
                .retain(|tag| !keys.iter().any(|key| key.eq_ignore_ascii_case(tag))),
            Change::DeleteRole => self = Self::default(),
            Change::UpdateRole { .. }
            | Change::PutBoundary(_)
            | Change::DeleteBoundary
            | Change::LeaveInstanceProfile(_) => {}
        }
        self
    }

    fn tag<'key>(&mut self, keys: impl Iterator<Item = &'key String>) {
        let counted = keys
            .map(|key| key.to_lowercase())
            .filter(|key| !key.starts_with("aws:"));
        self.tags.extend(counted);
    }

    /// The policies for which no room is kept: the object's own, and the one that ends the role when its time is over.
    fn inline_of_the_object(&self) -> usize {
        self.counted().map(|(_, size)| size).sum()
    }

    fn counted(&self) -> impl Iterator<Item = (&PolicyName, usize)> {
        let all = self.inline.iter().map(|(name, size)| (name, *size));
        all.filter(|(name, _)| !ENDS_SESSIONS.contains(&name.as_str()))
    }
}

fn exceeded(field: &str, message: String) -> Refusal {
    Refusal::of_field(Reason::QuotaExceeded, field, message)
}

fn too_many(count: usize, most: usize) -> Option<usize> {
    count.checked_sub(most).filter(|over| *over > 0)
}

fn trust(size: usize, quotas: &Quotas) -> Result<(), Refusal> {
    let most = quotas.trust_policy_size;
    let Some(over) = too_many(size, most) else {
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

fn inline(held: &Held, quotas: &Quotas) -> Result<(), Refusal> {
    let size = held.inline_of_the_object();
    // What the console wrote there may need more room than is kept.
    let ends: usize = held.inline.values().sum::<usize>() - size;
    let most = quotas.inline_total.saturating_sub(INLINE_RESERVE.max(ends));
    let Some(over) = too_many(size, most) else {
        return Ok(());
    };
    let largest = held
        .counted()
        .max_by_key(|(_, size)| *size)
        .map_or(String::new(), |(name, size)| {
            format!("; the largest is {name} with {size}")
        });
    let dates = held
        .counted()
        .find(|(name, _)| name.as_str() == VALIDITY_POLICY)
        .map_or(String::new(), |(name, size)| {
            format!("; {name}, which ends the role when its time is over, needs {size} of them")
        });
    Err(exceeded(
        "spec.permissions.inline",
        format!(
            "the inline policies have {size} characters without white space together, {over} more than {most} (IAM's {}, of which {} stay free for revoking sessions){largest}{dates}: move one into a customer managed policy",
            quotas.inline_total,
            quotas.inline_total.saturating_sub(most),
        ),
    ))
}

fn attached(count: usize, quotas: &Quotas) -> Result<(), Refusal> {
    let most = quotas.attached_policies;
    let Some(over) = too_many(count, most) else {
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

fn tags(count: usize, quotas: &Quotas) -> Result<(), Refusal> {
    let most = quotas.tags;
    let Some(over) = too_many(count, most) else {
        return Ok(());
    };
    Err(exceeded(
        "spec.tags",
        format!("{count} tags, crossrole's own among them, are {over} more than the {most} that a role may have"),
    ))
}

#[cfg(test)]
mod tests;
