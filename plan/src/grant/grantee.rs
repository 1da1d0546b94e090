//! A group or a role that is given leave.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use crossrole_api::Reason;
use crossrole_api::grant::Grantees;
use crossrole_iam::{AccountId, GroupName, NameError, Partition, Path, RoleName};

use crate::bootstrap::path_and_name;
use crate::refusal::Refusal;

/// A group or a role, as a grant and a class name it: with its path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grantee {
    /// A group of users.
    Group(Path, GroupName),
    /// A role.
    Role(Path, RoleName),
}

impl Grantee {
    /// Reads groups and roles as a grant or a class writes them.
    ///
    /// # Errors
    /// The first that is no name: `groups` or `roles`, and what is wrong.
    pub fn all(groups: &[String], roles: &[String]) -> Result<Vec<Self>, (&'static str, NameError)> {
        let groups = groups.iter().map(|text| {
            let (path, name) = path_and_name(text).map_err(|error| ("groups", error))?;
            Ok(Self::Group(path, name))
        });
        let roles = roles.iter().map(|text| {
            let (path, name) = path_and_name(text).map_err(|error| ("roles", error))?;
            Ok(Self::Role(path, name))
        });
        groups.chain(roles).collect()
    }

    /// Reads `spec.to`.
    ///
    /// # Errors
    /// A name that is none, or nobody at all.
    pub fn of(to: &Grantees) -> Result<Vec<Self>, Refusal> {
        let all = Self::all(&to.groups, &to.roles).map_err(|(list, error)| {
            Refusal::of_field(Reason::InvalidSpec, format!("spec.to.{list}"), error.to_string())
        })?;
        if all.is_empty() {
            return Err(Refusal::of_field(
                Reason::InvalidSpec,
                "spec.to",
                "write at least one group or role",
            ));
        }
        Ok(all)
    }

    /// The same as IAM speaks of it where a policy is attached: without the path.
    pub fn holder(&self) -> Holder {
        match self {
            Self::Group(_, name) => Holder::new(HolderKind::Group, name.as_str()),
            Self::Role(_, name) => Holder::new(HolderKind::Role, name.as_str()),
        }
    }

    /// Its ARN. `account` may be a pattern.
    pub fn arn_text(&self, partition: Partition, account: &str) -> String {
        match self {
            Self::Group(path, name) => format!("arn:{partition}:iam::{account}:group{path}{name}"),
            Self::Role(path, name) => format!("arn:{partition}:iam::{account}:role{path}{name}"),
        }
    }

    /// A pattern of the principals who get leave by it: the users of a group are known to IAM alone.
    pub(super) fn principals(&self, partition: Partition, account: &AccountId) -> String {
        match self {
            Self::Group(..) => format!("arn:{partition}:iam::{account}:user/*"),
            Self::Role(..) => self.arn_text(partition, account.as_str()),
        }
    }
}

impl fmt::Display for Grantee {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let written = |path: &Path| path.as_str().trim_start_matches('/').to_string();
        match self {
            Self::Group(path, name) => write!(formatter, "group {}{name}", written(path)),
            Self::Role(path, name) => write!(formatter, "role {}{name}", written(path)),
        }
    }
}

/// What a policy can be attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HolderKind {
    /// A group of users.
    Group,
    /// A role.
    Role,
    /// A user: never by us.
    User,
}

/// Who holds a policy. IAM tells no two names apart by case, and answers them as they were first written.
#[derive(Clone, Debug)]
pub struct Holder {
    /// What it is.
    pub kind: HolderKind,
    /// Its name.
    pub name: String,
}

impl Holder {
    /// One of this kind and name.
    pub fn new(kind: HolderKind, name: &str) -> Self {
        Self {
            kind,
            name: name.to_string(),
        }
    }

    fn key(&self) -> (HolderKind, String) {
        (self.kind, self.name.to_ascii_lowercase())
    }
}

impl PartialEq for Holder {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Holder {}

impl PartialOrd for Holder {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Holder {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl Hash for Holder {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            HolderKind::Group => "group",
            HolderKind::Role => "role",
            HolderKind::User => "user",
        };
        write!(formatter, "{kind} {}", self.name)
    }
}
