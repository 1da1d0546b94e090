//! The bootstrap role: how crossrole gets into an account. It is read apart from the other rules of a class, so that a
//! fault in those never stands in the way of taking a role away.

use crossrole_api::AccountClass;
use crossrole_iam::{AccountId, Arn, Partition, Path, RoleName, role_arn};

use crate::refusal::Refusal;
use crate::rules::{invalid, seconds};

/// The bootstrap role of a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bootstrap {
    /// Its path.
    pub path: Path,
    /// Its name.
    pub name: RoleName,
    /// How long a session of it lasts, in seconds: 900 to 3600.
    pub session: u32,
}

impl Bootstrap {
    /// Reads `spec.bootstrapRole` of an AccountClass.
    ///
    /// # Errors
    /// A name or a duration that is none.
    pub fn parse(object: &AccountClass) -> Result<Self, Refusal> {
        let spec = &object.spec.bootstrap_role;
        let (path, name) = match spec.name.rsplit_once('/') {
            Some((path, name)) => (format!("/{path}/"), name),
            None => ("/".to_string(), spec.name.as_str()),
        };
        let problem = |error: crossrole_iam::NameError| invalid("bootstrapRole.name", &error.to_string());
        Ok(Self {
            path: path.parse().map_err(problem)?,
            name: name.parse().map_err(problem)?,
            session: seconds("bootstrapRole.sessionDuration", &spec.session_duration, 900, 3600)?,
        })
    }

    /// Its ARN in one account.
    pub fn arn(&self, partition: Partition, account: &AccountId) -> Arn {
        role_arn(partition, account, &self.path, &self.name)
    }
}
