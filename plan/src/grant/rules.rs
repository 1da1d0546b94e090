//! What a class lets grants do.

use std::collections::BTreeSet;

use crossrole_api::AccountClass;
use crossrole_api::class::Grants;
use crossrole_api::selector::NamesOrSelector;
use crossrole_iam::{AccountId, Arn, Partition, Path, RoleName, role_arn};

use super::grantee::Grantee;
use crate::bootstrap::{Bootstrap, path_and_name};
use crate::refusal::Refusal;
use crate::rules::{RolePath, invalid, protected_because};

/// The role by which grants are made. It is read apart from the other rules of a class, so that a fault in those never
/// stands in the way of taking a grant away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRole {
    /// Its path.
    pub path: Path,
    /// Its name.
    pub name: RoleName,
}

impl GrantRole {
    /// Reads `spec.grants.role` of an AccountClass; `None` where the class has no grants.
    ///
    /// # Errors
    /// A name that is none.
    pub fn parse(object: &AccountClass) -> Result<Option<Self>, Refusal> {
        object.spec.grants.as_ref().map(Self::of).transpose()
    }

    fn of(grants: &Grants) -> Result<Self, Refusal> {
        let (path, name) = path_and_name(&grants.role).map_err(|error| invalid("grants.role", &error.to_string()))?;
        Ok(Self { path, name })
    }

    /// Its ARN in one account.
    pub fn arn(&self, partition: Partition, account: &AccountId) -> Arn {
        role_arn(partition, account, &self.path, &self.name)
    }
}

/// What a class lets grants do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRules {
    /// The role by which they are made.
    pub role: GrantRole,
    /// The namespaces whose grants may name accounts of the class.
    pub namespaces: NamesOrSelector,
    /// The groups and roles that they may be given to.
    pub grantees: BTreeSet<Grantee>,
}

impl GrantRules {
    pub(crate) fn parse(grants: &Grants) -> Result<Self, Refusal> {
        let grantees = Grantee::all(&grants.groups, &grants.roles)
            .map_err(|(list, error)| invalid(&format!("grants.{list}"), &error.to_string()))?;
        Ok(Self {
            role: GrantRole::of(grants)?,
            namespaces: grants.allowed_namespaces.clone().unwrap_or_default(),
            grantees: grantees.into_iter().collect(),
        })
    }

    // Whoever could give a policy to the bootstrap or the grant role could climb through it, and a role that crossrole
    // makes has exactly the policies that its object declares.
    pub(crate) fn check(&self, bootstrap: &Bootstrap, role_path: &RolePath<'_>) -> Result<(), Refusal> {
        if self.role.name.folded() == bootstrap.name.folded() {
            return Err(invalid(
                "grants.role",
                "the grant role must be another than the bootstrap role",
            ));
        }
        if role_path.can_hold(&self.role.path) {
            return Err(invalid(
                "grants.role",
                &format!("the grant role must live outside {}, where roles are made", role_path.0),
            ));
        }
        match self
            .grantees
            .iter()
            .find_map(|grantee| self.problem(grantee, bootstrap, role_path))
        {
            Some(problem) => Err(invalid("grants.roles", &problem)),
            None => Ok(()),
        }
    }

    fn problem(&self, grantee: &Grantee, bootstrap: &Bootstrap, role_path: &RolePath<'_>) -> Option<String> {
        let Grantee::Role(path, name) = grantee else {
            return None;
        };
        let what = if name.folded() == bootstrap.name.folded() {
            "is the bootstrap role"
        } else if name.folded() == self.role.name.folded() {
            "is the grant role"
        } else if protected_because(path, name).is_some() {
            "is a role that crossrole never touches"
        } else if role_path.can_hold(path) {
            "is one of the roles that crossrole makes"
        } else {
            return None;
        };
        Some(format!("{grantee} {what}, and is given nothing: take it out"))
    }
}
