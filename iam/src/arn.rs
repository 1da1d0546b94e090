//! Amazon Resource Names, and the ARNs of the things that crossrole names.

use std::fmt;
use std::str::FromStr;

use crate::account_id::{AccountId, is_account_id};
use crate::name::{Path, PolicyPathName, RoleName};
use crate::partition::Partition;
pub use crate::principal_arn::{IamPrincipal, PrincipalArn};

/// A text that is not an ARN, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("ARN {value:?} {problem}")]
pub struct ArnError {
    /// The text as it was written.
    pub value: String,
    /// What is wrong and what to write instead, as the end of a sentence.
    pub problem: String,
}

impl ArnError {
    pub(crate) fn new(value: &str, problem: impl Into<String>) -> Self {
        ArnError {
            value: value.to_owned(),
            problem: problem.into(),
        }
    }
}

/// The ARN of one thing: `arn:partition:service:region:account:resource`, without wildcards.
///
/// Region and account may be empty, as in IAM and S3. No segment of the resource may be empty: that is what a
/// templating tool leaves of a variable that it did not know. The partition is any lower-case word.
/// Source: AWS General Reference, "Amazon Resource Names (ARNs)".
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arn(Parts);

/// A pattern of ARNs: as [`Arn`], but every part save the service may hold IAM's wildcards `*` and `?`.
///
/// Source: IAM User Guide, "IAM JSON policy elements: Resource" and "Condition operators" (ARN operators).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArnPattern(Parts);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Parts {
    partition: String,
    service: String,
    region: String,
    account: String,
    resource: String,
}

impl fmt::Display for Parts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "arn:{}:{}:{}:{}:{}",
            self.partition, self.service, self.region, self.account, self.resource
        )
    }
}

impl Parts {
    fn read(text: &str, wildcards: bool) -> Result<Parts, ArnError> {
        let refuse = |problem: &str| Err(ArnError::new(text, problem));
        let mut pieces = text.splitn(6, ':');
        if pieces.next() != Some("arn") {
            return refuse("must begin with arn:");
        }
        let (Some(partition), Some(service), Some(region), Some(account), Some(resource)) = (
            pieces.next(),
            pieces.next(),
            pieces.next(),
            pieces.next(),
            pieces.next(),
        ) else {
            return refuse("must have six parts: arn:partition:service:region:account:resource");
        };
        if partition.is_empty() {
            return refuse("has an empty partition; was a variable replaced by nothing?");
        }
        if service.is_empty() {
            return refuse("has an empty service");
        }
        if resource.is_empty() {
            return refuse("has an empty resource; was a variable replaced by nothing?");
        }
        if text
            .chars()
            .any(|character| character.is_whitespace() || character.is_control())
        {
            return refuse("has white space");
        }
        if !wildcards && text.contains(['*', '?']) {
            return refuse("has a wildcard where one thing must be named");
        }
        if service.contains(['*', '?']) {
            return refuse("has a wildcard in the service, which IAM does not allow");
        }
        if !partition.chars().all(is_lower_word) || !service.chars().all(is_lower_word) {
            return refuse("must have partition and service in lower-case letters");
        }
        if !account.is_empty() && account.bytes().all(|byte| byte.is_ascii_digit()) && !is_account_id(account) {
            return refuse("has an account id that is not 12 digits long");
        }
        check_segments(text, service, resource)?;
        Ok(Parts {
            partition: partition.to_owned(),
            service: service.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
            resource: resource.to_owned(),
        })
    }
}

fn is_lower_word(character: char) -> bool {
    character.is_ascii_lowercase() || character.is_ascii_digit() || "-.*?".contains(character)
}

/// Some services put a slash first (`/restapis`, `log-group:/aws/lambda/f`); IAM and STS never do.
fn check_segments(text: &str, service: &str, resource: &str) -> Result<(), ArnError> {
    let slash_first = resource.starts_with('/') || resource.contains(":/");
    let empty = ["//", "::", "/:"].iter().any(|pair| resource.contains(pair))
        || resource.starts_with(':')
        || resource.ends_with(['/', ':'])
        || (slash_first && (service == "iam" || service == "sts"));
    if empty {
        return Err(ArnError::new(
            text,
            "has an empty segment; was a variable replaced by nothing?",
        ));
    }
    Ok(())
}

macro_rules! arn_parts {
    ($name:ident, $wildcards:literal) => {
        impl $name {
            /// The partition, such as `aws`.
            #[must_use]
            pub fn partition(&self) -> &str {
                &self.0.partition
            }

            /// The service, such as `iam`.
            #[must_use]
            pub fn service(&self) -> &str {
                &self.0.service
            }

            /// The Region, or the empty text.
            #[must_use]
            pub fn region(&self) -> &str {
                &self.0.region
            }

            /// The account, usually twelve digits or the empty text; `aws` in the ARNs of AWS's own policies.
            #[must_use]
            pub fn account(&self) -> &str {
                &self.0.account
            }

            /// The account as an id, where it is twelve digits.
            #[must_use]
            pub fn account_id(&self) -> Option<AccountId> {
                self.0.account.parse().ok()
            }

            /// Everything after the fifth colon.
            #[must_use]
            pub fn resource(&self) -> &str {
                &self.0.resource
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }

        impl FromStr for $name {
            type Err = ArnError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Parts::read(text, $wildcards).map($name)
            }
        }
    };
}

arn_parts!(Arn, false);
arn_parts!(ArnPattern, true);

impl Arn {
    pub(crate) fn iam(partition: &str, account: &str, resource: String) -> Arn {
        Arn(Parts {
            partition: partition.to_owned(),
            service: "iam".to_owned(),
            region: String::new(),
            account: account.to_owned(),
            resource,
        })
    }
}

/// The ARN of a role: `arn:aws:iam::123456789012:role/path/name`.
///
/// Source: IAM User Guide, "IAM identifiers".
#[must_use]
pub fn role_arn(partition: Partition, account: &AccountId, path: &Path, name: &RoleName) -> Arn {
    Arn::iam(partition.as_str(), account.as_str(), format!("role{path}{name}"))
}

/// The ARN by which policies name an account: `arn:aws:iam::123456789012:root`.
///
/// Source: IAM User Guide, "AWS JSON policy elements: Principal".
#[must_use]
pub fn root_arn(partition: Partition, account: &AccountId) -> Arn {
    Arn::iam(partition.as_str(), account.as_str(), "root".to_owned())
}

/// The ARN of a customer managed policy: `arn:aws:iam::123456789012:policy/path/name`.
///
/// Source: IAM User Guide, "IAM identifiers".
#[must_use]
pub fn account_policy_arn(partition: Partition, account: &AccountId, policy: &PolicyPathName) -> Arn {
    Arn::iam(partition.as_str(), account.as_str(), format!("policy/{policy}"))
}

/// The ARN of a policy that AWS manages: `arn:aws:iam::aws:policy/path/name`. The account is the word `aws` in
/// every partition.
///
/// Source: IAM User Guide, "IAM identifiers".
#[must_use]
pub fn aws_policy_arn(partition: Partition, policy: &PolicyPathName) -> Arn {
    Arn::iam(partition.as_str(), "aws", format!("policy/{policy}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_reads_into_its_six_parts_and_back() {
        let text = "arn:aws-cn:iam::123456789012:role/a/b:c";
        let arn: Arn = text.parse().unwrap();
        assert_eq!(arn.partition(), "aws-cn");
        assert_eq!(arn.service(), "iam");
        assert_eq!(arn.region(), "");
        assert_eq!(arn.account(), "123456789012");
        assert_eq!(arn.resource(), "role/a/b:c");
        assert_eq!(arn.to_string(), text);
    }

    #[test]
    fn what_is_not_an_arn_is_refused_with_the_reason() {
        for (text, part) in [
            ("", "must begin with arn:"),
            ("ARN:aws:iam::123456789012:root", "must begin with arn:"),
            ("arn:aws:iam", "six parts"),
            ("arn::iam::123456789012:root", "empty partition"),
            ("arn:aws:::123456789012:root", "empty service"),
            ("arn:aws:iam::123456789012:", "empty resource"),
            ("arn:aws:iam::123456789012:role//x", "empty segment"),
            ("arn:aws:iam::123456789012:role/", "empty segment"),
            ("arn:aws:iam::123456789012:/role/x", "empty segment"),
            ("arn:aws:iam::12345678901:role/x", "not 12 digits"),
            ("arn:aws:iam::123456789012:role/*", "wildcard"),
            ("arn:aws:iam::123456789012:role/a b", "white space"),
            ("arn:aws:IAM::123456789012:role/a", "lower-case"),
            ("arn:aws:iAm::123456789012:role/a", "lower-case"),
            ("arn:aWs:iam::123456789012:role/a", "lower-case"),
        ] {
            let message = text.parse::<Arn>().unwrap_err().to_string();
            assert!(message.contains(part), "{text}: {message}");
        }
    }

    #[test]
    fn a_pattern_may_have_wildcards_everywhere_but_in_the_service() {
        let pattern: ArnPattern = "arn:*:iam::123456789012:role/a*".parse().unwrap();
        assert_eq!(pattern.account_id(), "123456789012".parse().ok());
        let pattern: ArnPattern = "arn:aws:iam::*:role/*".parse().unwrap();
        assert_eq!(pattern.account_id(), None);
        assert!("arn:aws:*::*:role/*".parse::<ArnPattern>().is_err());
    }

    #[test]
    fn some_services_put_a_slash_first() {
        for text in [
            "arn:aws:apigateway:us-east-1::/restapis/abc",
            "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/f",
            "arn:aws:sns:eu-west-1:team1:topic",
        ] {
            assert!(text.parse::<Arn>().is_ok(), "{text}");
        }
        for text in [
            "arn:aws:logs:eu-west-1:123456789012:log-group::x",
            "arn:aws:logs:eu-west-1:123456789012::x",
            "arn:aws:logs:eu-west-1:123456789012:log-group:",
            "arn:aws:iam::123456789012:role/a:/b",
            "arn:aws:sts::123456789012:assumed-role/a/:b",
        ] {
            assert!(text.parse::<Arn>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_arns_that_crossrole_makes_read_back() {
        let account: AccountId = "222222222222".parse().unwrap();
        let path: Path = "/crossrole/".parse().unwrap();
        let name: RoleName = "Audit".parse().unwrap();
        let policy: PolicyPathName = "job-function/ViewOnlyAccess".parse().unwrap();
        for (arn, text) in [
            (
                role_arn(Partition::Aws, &account, &path, &name),
                "arn:aws:iam::222222222222:role/crossrole/Audit",
            ),
            (
                role_arn(Partition::AwsEusc, &account, &Path::root(), &name),
                "arn:aws-eusc:iam::222222222222:role/Audit",
            ),
            (
                root_arn(Partition::AwsUsGov, &account),
                "arn:aws-us-gov:iam::222222222222:root",
            ),
            (
                account_policy_arn(Partition::Aws, &account, &policy),
                "arn:aws:iam::222222222222:policy/job-function/ViewOnlyAccess",
            ),
            (
                aws_policy_arn(Partition::AwsCn, &policy),
                "arn:aws-cn:iam::aws:policy/job-function/ViewOnlyAccess",
            ),
        ] {
            assert_eq!(arn.to_string(), text);
            assert_eq!(text.parse::<Arn>(), Ok(arn));
        }
    }
}
