//! The bootstrap role: how crossrole gets into an account. It is read apart from the other rules of a class, so that a
//! fault in those never stands in the way of taking a role away.

use std::str::FromStr;

use crossrole_api::AccountClass;
use crossrole_iam::{AccountId, Arn, NameError, Partition, Path, RoleName, role_arn};

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
    /// Every role that it makes lives at or below this path.
    pub roles_below: Path,
}

impl Bootstrap {
    /// Reads `spec.bootstrapRole` of an AccountClass.
    ///
    /// # Errors
    /// A name or a duration that is none.
    pub fn parse(object: &AccountClass) -> Result<Self, Refusal> {
        let spec = &object.spec.bootstrap_role;
        let problem = |error: NameError| invalid("bootstrapRole.name", &error.to_string());
        let (path, name) = path_and_name(&spec.name).map_err(problem)?;
        Ok(Self {
            path,
            name,
            session: seconds("bootstrapRole.sessionDuration", &spec.session_duration, 900, 3600)?,
            roles_below: fixed_part(&object.spec.guardrails.role_path),
        })
    }

    /// Its ARN in one account.
    pub fn arn(&self, partition: Partition, account: &AccountId) -> Arn {
        role_arn(partition, account, &self.path, &self.name)
    }
}

/// The path and the name of what is written as a name with its path: `platform/crossrole-bootstrap`.
///
/// # Errors
/// A path or a name that is none.
pub(crate) fn path_and_name<Name: FromStr<Err = NameError>>(text: &str) -> Result<(Path, Name), NameError> {
    match text.rsplit_once('/') {
        Some((path, name)) => Ok((format!("/{path}/").parse()?, name.parse()?)),
        None => Ok((Path::root(), text.parse()?)),
    }
}

/// The path above every path that a class's `rolePath` can become. A faulty one stands in nobody's way here.
fn fixed_part(role_path: &str) -> Path {
    let before_variable = role_path.split("${").next().unwrap_or_default();
    let end = before_variable.rfind('/').map_or(0, |slash| slash + 1);
    before_variable[..end].parse().unwrap_or_else(|_| Path::root())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_live_below_the_part_of_their_path_that_every_namespace_shares() {
        for (role_path, expected) in [
            ("/crossrole/", "/crossrole/"),
            ("/", "/"),
            ("/crossrole/${namespace}/", "/crossrole/"),
            ("/of-${namespace}/", "/"),
            ("no path", "/"),
            ("", "/"),
        ] {
            assert_eq!(fixed_part(role_path).as_str(), expected, "{role_path}");
        }
    }
}
