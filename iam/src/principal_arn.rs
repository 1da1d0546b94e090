//! The ARN of one IAM user or role.

use std::fmt;
use std::str::FromStr;

use crate::account_id::AccountId;
use crate::arn::{Arn, ArnError};
use crate::name::Path;
use crate::partition::Partition;

/// What kind of principal an ARN names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IamPrincipal {
    /// An IAM user: it may have an MFA device.
    User,
    /// An IAM role: its sessions carry no MFA into another `AssumeRole`.
    Role,
}

/// The ARN of one IAM user or role: `arn:aws:iam::123456789012:user/path/name` or `…:role/path/name`.
///
/// No wildcard, no empty segment; the partition is one of [`Partition`]; names follow IAM's characters and
/// length (64). Sessions, groups and `:root` are not users or roles.
/// Source: IAM User Guide, "IAM identifiers" and "AWS JSON policy elements: Principal".
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PrincipalArn {
    partition: Partition,
    account: AccountId,
    kind: IamPrincipal,
    path: Path,
    name: String,
}

impl PrincipalArn {
    /// Whether it is a user or a role.
    #[must_use]
    pub fn kind(&self) -> IamPrincipal {
        self.kind
    }

    /// The account that the principal lives in.
    #[must_use]
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// The partition of that account.
    #[must_use]
    pub fn partition(&self) -> Partition {
        self.partition
    }

    /// The path, `/` where there is none.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name without the path.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same ARN as a plain one.
    #[must_use]
    pub fn to_arn(&self) -> Arn {
        let kind = match self.kind {
            IamPrincipal::User => "user",
            IamPrincipal::Role => "role",
        };
        Arn::iam(
            self.partition.as_str(),
            self.account.as_str(),
            format!("{kind}{}{}", self.path, self.name),
        )
    }
}

impl fmt::Display for PrincipalArn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_arn().fmt(formatter)
    }
}

impl FromStr for PrincipalArn {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "must name one IAM user or role, such as \
            arn:aws:iam::123456789012:user/name or arn:aws:iam::123456789012:role/path/name";
        let refuse = |problem: String| ArnError::new(text, problem);
        let arn: Arn = text.parse()?;
        let partition: Partition = arn.partition().parse().map_err(|_| {
            refuse("has a partition that is not known: write aws, aws-cn, aws-us-gov or aws-eusc".to_owned())
        })?;
        if arn.service() == "sts" && arn.resource().starts_with("assumed-role/") {
            return Err(refuse(
                "names a session; name the role itself, such as arn:aws:iam::123456789012:role/name".to_owned(),
            ));
        }
        if arn.service() != "iam" || !arn.region().is_empty() {
            return Err(refuse(FORM.to_owned()));
        }
        let account: AccountId = arn
            .account_id()
            .ok_or_else(|| refuse("must have an account id of 12 digits".to_owned()))?;
        let (kind, rest) = if let Some(rest) = arn.resource().strip_prefix("user/") {
            (IamPrincipal::User, rest)
        } else if let Some(rest) = arn.resource().strip_prefix("role/") {
            (IamPrincipal::Role, rest)
        } else if arn.resource().starts_with("group/") {
            return Err(refuse(
                "names a group, and a group is never a principal; name its users".to_owned(),
            ));
        } else {
            return Err(refuse(FORM.to_owned()));
        };
        let (path, name) = match rest.rsplit_once('/') {
            Some((path, name)) => (format!("/{path}/"), name),
            None => ("/".to_owned(), rest),
        };
        let path: Path = path
            .parse()
            .map_err(|error| refuse(format!("has a path that IAM does not allow: {error}")))?;
        name.parse::<crate::name::RoleName>()
            .map_err(|error| refuse(format!("has a name that IAM does not allow: {}", error.problem)))?;
        Ok(PrincipalArn {
            partition,
            account,
            kind,
            path,
            name: name.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_roles_are_told_apart() {
        let user: PrincipalArn = "arn:aws:iam::123456789012:user/ann".parse().unwrap();
        assert_eq!(user.kind(), IamPrincipal::User);
        assert_eq!(user.account().as_str(), "123456789012");
        assert_eq!(user.path().as_str(), "/");
        let text = "arn:aws-us-gov:iam::123456789012:role/team/ci/runner";
        let role: PrincipalArn = text.parse().unwrap();
        assert_eq!(role.kind(), IamPrincipal::Role);
        assert_eq!(role.partition(), Partition::AwsUsGov);
        assert_eq!(role.path().as_str(), "/team/ci/");
        assert_eq!(role.name(), "runner");
        assert_eq!(role.to_string(), text);
    }

    #[test]
    fn what_is_no_user_or_role_is_refused_with_the_reason() {
        for (text, part) in [
            ("arn:aws:iam::123456789012:root", "must name one IAM user or role"),
            ("arn:aws:iam::123456789012:group/admins", "never a principal"),
            ("arn:aws:sts::123456789012:assumed-role/ci/x", "names a session"),
            ("arn:aws:iam::123456789012:role/*", "wildcard"),
            ("arn:aws:iam::123456789012:role/", "empty segment"),
            ("arn:aws:iam::123456789012:role//x", "empty segment"),
            ("arn:aws:iam:::role/x", "account id of 12 digits"),
            ("arn:aws:iam::aws:role/x", "account id of 12 digits"),
            ("arn:aws-mars:iam::123456789012:role/x", "partition"),
            ("arn:aws:s3:::bucket", "must name one IAM user or role"),
            ("arn:aws:iam:us-east-1:123456789012:role/x", "must name one"),
            ("arn:aws:iam::123456789012:role/a:b", "name that IAM does not allow"),
        ] {
            let message = text.parse::<PrincipalArn>().unwrap_err().to_string();
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
