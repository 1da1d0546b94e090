//! One IAM call, and an ordered list of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crossrole_iam::document::Document;
use crossrole_iam::{Arn, Path, PolicyName, RoleName};

use crate::duration;

/// One IAM call that changes a role. The role's name stands in the [`Plan`].
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// `CreateRole`, with trust, boundary and tags in the one call.
    CreateRole(Box<NewRole>),
    /// `UpdateAssumeRolePolicy`.
    UpdateTrust {
        /// The document.
        document: Document,
        /// What the step is for.
        step: TrustStep,
    },
    /// `UpdateRole`. Always both: IAM resets what is left out.
    UpdateRole {
        /// The description.
        description: String,
        /// The longest session, in seconds.
        max_session: u32,
    },
    /// `PutRolePermissionsBoundary`.
    PutBoundary(Arn),
    /// `DeleteRolePermissionsBoundary`: only where the class says `None`.
    DeleteBoundary,
    /// `AttachRolePolicy`.
    Attach(Arn),
    /// `DetachRolePolicy`.
    Detach(Arn),
    /// `PutRolePolicy`.
    PutInline {
        /// The policy's name.
        name: PolicyName,
        /// The document.
        document: Document,
    },
    /// `DeleteRolePolicy`.
    DeleteInline(PolicyName),
    /// `TagRole`.
    Tag(BTreeMap<String, String>),
    /// `UntagRole`.
    Untag(BTreeSet<String>),
    /// `RemoveRoleFromInstanceProfile`.
    LeaveInstanceProfile(String),
    /// `DeleteRole`.
    DeleteRole,
}

/// What `CreateRole` carries.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRole {
    /// The path.
    pub path: Path,
    /// The trust policy.
    pub trust: Document,
    /// The description.
    pub description: String,
    /// The longest session, in seconds.
    pub max_session: u32,
    /// The boundary.
    pub boundary: Option<Arn>,
    /// The tags, ours among them.
    pub tags: BTreeMap<String, String>,
}

/// What a change of trust is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustStep {
    /// To what is declared.
    Declared,
    /// To what the old and the new trust share, while the rest changes.
    Shared,
    /// To nobody, while the rest changes.
    Closed,
}

/// The ordered changes that make one role in one account true. It leaves no choices to whoever carries it out.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The role's name.
    pub role: RoleName,
    /// One IAM call each, in order.
    pub changes: Vec<Change>,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, change) in self.changes.iter().enumerate() {
            writeln!(formatter, "{:>3}. {change}", index + 1)?;
        }
        Ok(())
    }
}

impl Change {
    /// Whether it can change who may assume the role: trust can hang on the role's tags.
    pub fn bears_on_admission(&self) -> bool {
        matches!(self, Self::UpdateTrust { .. } | Self::Tag(_) | Self::Untag(_))
    }

    /// What was done, in a few words, for an Event.
    pub fn summary(&self) -> String {
        match self {
            Self::CreateRole(_) => "created the role".into(),
            Self::UpdateTrust {
                step: TrustStep::Declared,
                ..
            } => "set the trust policy".into(),
            Self::UpdateTrust {
                step: TrustStep::Shared,
                ..
            } => "narrowed the trust policy".into(),
            Self::UpdateTrust {
                step: TrustStep::Closed,
                ..
            } => "closed the trust policy".into(),
            Self::UpdateRole { .. } => "set description and session duration".into(),
            Self::PutBoundary(arn) => format!("set the permissions boundary {}", short(arn)),
            Self::DeleteBoundary => "removed the permissions boundary".into(),
            Self::Attach(arn) => format!("attached {}", short(arn)),
            Self::Detach(arn) => format!("detached {}", short(arn)),
            Self::PutInline { name, .. } => format!("put inline policy {name}"),
            Self::DeleteInline(name) => format!("deleted inline policy {name}"),
            Self::Tag(tags) => format!("set tags {}", joined(tags.keys())),
            Self::Untag(keys) => format!("removed tags {}", joined(keys)),
            Self::LeaveInstanceProfile(name) => format!("took the role out of instance profile {name}"),
            Self::DeleteRole => "deleted the role".into(),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateRole(new) => {
                writeln!(formatter, "create the role")?;
                writeln!(formatter, "       path      {}", new.path)?;
                writeln!(
                    formatter,
                    "       sessions  up to {}",
                    duration::written(new.max_session)
                )?;
                if !new.description.is_empty() {
                    writeln!(formatter, "       about     {:?}", new.description)?;
                }
                match &new.boundary {
                    Some(boundary) => writeln!(formatter, "       boundary  {boundary}")?,
                    None => writeln!(formatter, "       boundary  none")?,
                }
                for (key, value) in &new.tags {
                    writeln!(formatter, "       tag       {}", tag(key, value))?;
                }
                write!(formatter, "       trust\n{}", indented(&new.trust))
            }
            Self::UpdateTrust { document, step } => {
                let what = match step {
                    TrustStep::Declared => "set the trust policy",
                    TrustStep::Shared => "narrow the trust policy to what old and new share",
                    TrustStep::Closed => "close the trust policy while the rest changes",
                };
                write!(formatter, "{what}\n{}", indented(document))
            }
            Self::UpdateRole {
                description,
                max_session,
            } => write!(
                formatter,
                "set session duration to {} and description to {description:?}",
                duration::written(*max_session)
            ),
            Self::PutBoundary(arn) => write!(formatter, "set the permissions boundary {arn}"),
            Self::DeleteBoundary => formatter.write_str("remove the permissions boundary"),
            Self::Attach(arn) => write!(formatter, "attach {arn}"),
            Self::Detach(arn) => write!(formatter, "detach {arn}"),
            Self::PutInline { name, document } => write!(formatter, "put inline policy {name}\n{}", indented(document)),
            Self::DeleteInline(name) => write!(formatter, "delete inline policy {name}"),
            Self::Tag(tags) => {
                let pairs: Vec<String> = tags.iter().map(|(key, value)| tag(key, value)).collect();
                write!(formatter, "set tags {}", pairs.join(", "))
            }
            Self::Untag(keys) => write!(formatter, "remove tags {}", joined(keys)),
            Self::LeaveInstanceProfile(name) => write!(formatter, "take the role out of instance profile {name}"),
            Self::DeleteRole => formatter.write_str("delete the role"),
        }
    }
}

// IAM takes every space that Unicode knows in a tag, line separators among them.
fn tag(key: &str, value: &str) -> String {
    format!("{} = {}", key.escape_debug(), value.escape_debug())
}

fn short(arn: &Arn) -> &str {
    arn.resource().strip_prefix("policy/").unwrap_or(arn.resource())
}

fn joined<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    names.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn indented(document: &Document) -> String {
    document
        .to_pretty_json()
        .lines()
        .map(|line| format!("       {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}
