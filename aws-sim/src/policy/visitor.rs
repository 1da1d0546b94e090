//! Who stands before a trust policy, and how a statement names them.

use super::document::{Principals, Statement};

/// Someone who wants a role, as its trust policy sees them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Visitor<'a> {
    /// A user or a role's session.
    Principal(Principal<'a>),
    /// Whoever an identity provider vouches for: the ARN of the provider, or the name of one that AWS knows by itself.
    Federated(&'a str),
    /// A service of AWS, such as `ec2.amazonaws.com`.
    Service(&'a str),
}

/// A user or a role's session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Principal<'a> {
    pub(crate) account: &'a str,
    pub(crate) partition: &'a str,
    /// The ARN of the user or of the session.
    pub(crate) arn: &'a str,
    /// For a session, the ARN of its role.
    pub(crate) role_arn: Option<&'a str>,
    /// The unique id of the user or of the session's role.
    pub(crate) unique_id: &'a str,
}

/// How a trust policy names someone it lets in, from the weakest to the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Named {
    /// Through the account: the account's own policies decide who of it may.
    ByAccount,
    /// By role ARN or role id.
    ByRole,
    /// By user ARN, session ARN, provider or service, or as everyone.
    Directly,
}

impl Visitor<'_> {
    /// How a statement names the visitor, or `None` if it is about others.
    pub(crate) fn named_in(&self, statement: &Statement) -> Option<Named> {
        let Principals { negated, listed } = statement.principals.as_ref()?;
        let strongest = listed
            .iter()
            .filter_map(|(kind, value)| self.named_by(kind, value))
            .max();
        match (negated, strongest) {
            (false, named) => named,
            (true, None) => Some(Named::Directly),
            (true, Some(_)) => None,
        }
    }

    fn named_by(&self, kind: &str, value: &str) -> Option<Named> {
        // `"*"` and `{"AWS": "*"}` are the same: everyone, however they come.
        if kind == "AWS" && value == "*" {
            return Some(Named::Directly);
        }
        match self {
            Self::Principal(principal) if kind == "AWS" => principal.named_by(value),
            Self::Federated(provider) => {
                (kind == "Federated" && (value == *provider || value == "*")).then_some(Named::Directly)
            }
            Self::Service(service) => (kind == "Service" && value == *service).then_some(Named::Directly),
            Self::Principal(_) => None,
        }
    }
}

impl Principal<'_> {
    fn named_by(&self, value: &str) -> Option<Named> {
        let root = format!("arn:{}:iam::{}:root", self.partition, self.account);
        if value == self.arn {
            return Some(Named::Directly);
        }
        if Some(value) == self.role_arn {
            return Some(Named::ByRole);
        }
        if value == self.unique_id {
            return Some(if self.role_arn.is_some() {
                Named::ByRole
            } else {
                Named::Directly
            });
        }
        (value == root || value == self.account).then_some(Named::ByAccount)
    }
}
