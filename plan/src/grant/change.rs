//! One IAM call of a grant, and an ordered list of them.

use std::collections::BTreeMap;
use std::fmt;

use crossrole_iam::document::Document;

use super::grantee::Holder;

/// One IAM call that changes a policy of a grant, or whom it is attached to.
#[derive(Clone, Debug, PartialEq)]
pub enum GrantChange {
    /// `CreatePolicy`, with its tags in the one call.
    CreatePolicy {
        /// The number in its name.
        number: u32,
        /// Its name.
        name: String,
        /// Its ARN, as it will be.
        arn: String,
        /// What it allows.
        document: Document,
        /// Our tags.
        tags: BTreeMap<String, String>,
    },
    /// `CreatePolicyVersion`, in force at once.
    CreateVersion {
        /// The policy.
        arn: String,
        /// What it allows.
        document: Document,
    },
    /// `DeletePolicyVersion`: never of the one in force.
    DeleteVersion {
        /// The policy.
        arn: String,
        /// The version: `v1`.
        version: String,
    },
    /// `AttachGroupPolicy` or `AttachRolePolicy`.
    Attach {
        /// The policy.
        arn: String,
        /// To whom.
        holder: Holder,
    },
    /// `DetachGroupPolicy`, `DetachRolePolicy` or `DetachUserPolicy`.
    Detach {
        /// The policy.
        arn: String,
        /// From whom.
        holder: Holder,
    },
    /// `TagPolicy`.
    Tag {
        /// The policy.
        arn: String,
        /// Our tags.
        tags: BTreeMap<String, String>,
    },
    /// `DeletePolicy`: once nobody holds it, and it has one version.
    DeletePolicy {
        /// The policy.
        arn: String,
    },
}

/// The ordered changes that make a grant true. It leaves no choices to whoever carries it out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GrantPlan {
    /// One IAM call each, in order.
    pub changes: Vec<GrantChange>,
}

impl GrantPlan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

impl fmt::Display for GrantPlan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, change) in self.changes.iter().enumerate() {
            writeln!(formatter, "{:>3}. {change}", index + 1)?;
        }
        Ok(())
    }
}

impl GrantChange {
    /// The policy.
    pub fn arn(&self) -> &str {
        match self {
            Self::CreatePolicy { arn, .. }
            | Self::CreateVersion { arn, .. }
            | Self::DeleteVersion { arn, .. }
            | Self::Attach { arn, .. }
            | Self::Detach { arn, .. }
            | Self::Tag { arn, .. }
            | Self::DeletePolicy { arn } => arn,
        }
    }

    /// What was done, in a few words, for an Event.
    pub fn summary(&self) -> String {
        let name = self.arn().rsplit('/').next().unwrap_or_default();
        match self {
            Self::CreatePolicy { .. } => format!("created the policy {name}"),
            Self::CreateVersion { .. } => format!("set what the policy {name} allows"),
            Self::DeleteVersion { version, .. } => format!("deleted version {version} of the policy {name}"),
            Self::Attach { holder, .. } => format!("attached the policy {name} to {holder}"),
            Self::Detach { holder, .. } => format!("detached the policy {name} from {holder}"),
            Self::Tag { .. } => format!("tagged the policy {name}"),
            Self::DeletePolicy { .. } => format!("deleted the policy {name}"),
        }
    }
}

impl fmt::Display for GrantChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.summary())?;
        match self {
            Self::CreatePolicy { document, .. } | Self::CreateVersion { document, .. } => {
                for line in document.to_pretty_json().lines() {
                    write!(formatter, "\n       {line}")?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
