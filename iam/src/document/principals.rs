//! Who a trust policy speaks of.

use crate::account_id::is_account_id;
use crate::arn::Arn;
use crate::partition;

/// The principals of one statement, by kind. A statement speaks of each of them.
///
/// Source: IAM User Guide, "AWS JSON policy elements: Principal".
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Principals {
    /// `"*"`, alone or under `AWS`: everybody, in every account.
    pub anyone: bool,
    /// Under `AWS`: account ids, ARNs of accounts, users, roles and sessions, and the unique ids of deleted ones.
    pub aws: Vec<String>,
    /// Under `Service`: service principals such as `ec2.amazonaws.com`.
    pub service: Vec<String>,
    /// Under `Federated`: identity providers, by ARN or by domain.
    pub federated: Vec<String>,
    /// Under `CanonicalUser`: S3's 64 hexadecimal digits for an account.
    pub canonical_user: Vec<String>,
}

impl Principals {
    /// Everybody.
    #[must_use]
    pub fn anyone() -> Principals {
        Principals {
            anyone: true,
            ..Principals::default()
        }
    }

    /// These AWS principals.
    #[must_use]
    pub fn aws(principals: impl IntoIterator<Item = impl Into<String>>) -> Principals {
        Principals {
            aws: principals.into_iter().map(Into::into).collect(),
            ..Principals::default()
        }
    }

    /// These AWS services.
    #[must_use]
    pub fn services(principals: impl IntoIterator<Item = impl Into<String>>) -> Principals {
        Principals {
            service: principals.into_iter().map(Into::into).collect(),
            ..Principals::default()
        }
    }

    /// These identity providers.
    #[must_use]
    pub fn federated(principals: impl IntoIterator<Item = impl Into<String>>) -> Principals {
        Principals {
            federated: principals.into_iter().map(Into::into).collect(),
            ..Principals::default()
        }
    }

    /// Whether nobody is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.anyone
            && self.aws.is_empty()
            && self.service.is_empty()
            && self.federated.is_empty()
            && self.canonical_user.is_empty()
    }

    /// The unique ids of deleted users and roles among the AWS principals.
    pub(crate) fn dead(&self) -> Vec<&str> {
        self.aws
            .iter()
            .map(String::as_str)
            .filter(|principal| is_unique_id(principal))
            .collect()
    }
}

/// Whether the text is the unique id of a user (`AIDA…`) or a role (`AROA…`).
///
/// Source: IAM User Guide, "IAM identifiers" (unique identifiers; at most 128 characters).
pub(super) fn is_unique_id(text: &str) -> bool {
    (text.starts_with("AIDA") || text.starts_with("AROA"))
        && (16..=128).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// The account of `arn:<partition>:iam::<account>:root`.
pub(crate) fn account_of_root_arn(text: &str) -> Option<&str> {
    let mut parts = text.split(':');
    let (arn, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
    let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    let is_root = arn == "arn"
        && !partition.is_empty()
        && service == "iam"
        && region.is_empty()
        && resource == "root"
        && parts.next().is_none()
        && is_account_id(account);
    is_root.then_some(account)
}

/// What is wrong with a principal under `AWS`, if anything.
pub(crate) fn aws_problem(text: &str) -> Option<String> {
    const FORM: &str = "write a 12-digit account id, or the ARN of an account (:root), a user, a role or one session";
    if is_account_id(text) || is_unique_id(text) {
        return None;
    }
    if text.trim() != text {
        return Some(format!("{text:?} begins or ends with white space"));
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(format!("{text:?} has {} digits; an account id has 12", text.len()));
    }
    if text.contains(['*', '?']) {
        return Some(format!(
            "{text:?} has a wildcard, and a principal must name one; write the account and a condition ArnLike on aws:PrincipalArn"
        ));
    }
    if text.contains("${") {
        return Some(format!(
            "{text:?} has a policy variable, which IAM replaces in resources and conditions only; {FORM}"
        ));
    }
    if !text.starts_with("arn:") {
        return Some(format!("{text:?} is not an AWS principal; {FORM}"));
    }
    let arn: Arn = match text.parse() {
        Ok(arn) => arn,
        // CloudFront's old identities are the only ones with spaces; they are of S3's bucket policies.
        Err(error) => return Some(error.to_string()),
    };
    if !partition::NAMED_IN_DOCUMENTS.contains(&arn.partition()) {
        return Some(format!(
            "{text:?} has the partition {:?}, which AWS does not have",
            arn.partition()
        ));
    }
    if !is_account_id(arn.account()) || !arn.region().is_empty() {
        return Some(format!("{text:?} is not an AWS principal; {FORM}"));
    }
    let segments: Vec<&str> = arn.resource().split('/').collect();
    let well_formed = match (arn.service(), segments.as_slice()) {
        ("iam", ["root"]) | ("sts", ["assumed-role", _, _] | ["federated-user", _]) => true,
        ("iam", ["user" | "role", _, ..]) => true,
        ("iam", ["group", ..]) => {
            return Some(format!("{text:?} is a group, and a group is never a principal"));
        }
        ("sts", ["assumed-role", ..]) => {
            return Some(format!(
                "{text:?} must name the role and the session: assumed-role/role/session"
            ));
        }
        _ => false,
    };
    (!well_formed).then(|| format!("{text:?} is not an AWS principal; {FORM}"))
}

/// What is wrong with a principal under `Service`, if anything.
pub(crate) fn service_problem(text: &str) -> Option<String> {
    if is_domain(text) {
        return None;
    }
    Some(format!(
        "{text:?} is not a service principal; write one such as ec2.amazonaws.com, without wildcards"
    ))
}

/// What is wrong with a principal under `Federated`, if anything.
pub(crate) fn federated_problem(text: &str) -> Option<String> {
    const FORM: &str = "write the ARN of an identity provider (arn:aws:iam::123456789012:oidc-provider/domain or …:saml-provider/name) or a domain such as cognito-identity.amazonaws.com";
    if is_domain(text) {
        return None;
    }
    let well_formed = text.parse::<Arn>().is_ok_and(|arn| {
        partition::NAMED_IN_DOCUMENTS.contains(&arn.partition())
            && arn.service() == "iam"
            && arn.region().is_empty()
            && is_account_id(arn.account())
            && ["oidc-provider/", "saml-provider/"]
                .iter()
                .any(|start| arn.resource().starts_with(start))
    });
    (!well_formed).then(|| format!("{text:?} is not an identity provider; {FORM}"))
}

/// What is wrong with a principal under `CanonicalUser`, if anything.
pub(crate) fn canonical_user_problem(text: &str) -> Option<String> {
    let well_formed = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    (!well_formed).then(|| format!("{text:?} is not a canonical user id, which has 64 hexadecimal digits"))
}

/// Whether the text is a domain name of at least two labels.
fn is_domain(text: &str) -> bool {
    text.contains('.')
        && text.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
}
