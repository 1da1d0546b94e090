//! Users and roles of AWS accounts.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crossrole_api::trust::{IdentityCenter, PrincipalKind};
use crossrole_iam::{AccountId, ArnPattern, IamPrincipal, Partition, PrincipalArn};

use super::limits::AwsKind;
use super::values::{OrganizationId, list};
use super::{AccountKind, AwsTrust, Entry, Who, session};
use crate::refusal::Refusal;

/// A pattern of the ARNs of users or of roles: partition and kind are literal, the account is one or any.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PrincipalPattern {
    text: String,
    partition: Partition,
    account: Option<AccountId>,
    kind: IamPrincipal,
}

impl PrincipalPattern {
    /// The partition of the principals.
    #[must_use]
    pub fn partition(&self) -> Partition {
        self.partition
    }

    /// The account of the principals; `None` where any will do.
    #[must_use]
    pub fn account(&self) -> Option<&AccountId> {
        self.account.as_ref()
    }
}

impl fmt::Display for PrincipalPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl FromStr for PrincipalPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "must be a pattern of users or of roles, such as arn:aws:iam::123456789012:role/team/*";
        let refuse = |problem: &str| format!("pattern {text:?} {problem}");
        let arn: ArnPattern = text.parse().map_err(|error| format!("{error}"))?;
        let partition = arn
            .partition()
            .parse()
            .map_err(|_| refuse("must name its partition: aws, aws-cn, aws-us-gov or aws-eusc"))?;
        if arn.service() == "sts" {
            return Err(refuse(
                "is of sessions, but aws:PrincipalArn of a session is the ARN of its role: write arn:aws:iam::123456789012:role/…",
            ));
        }
        if arn.service() != "iam" || !arn.region().is_empty() {
            return Err(refuse(FORM));
        }
        let account = match arn.account() {
            "*" => None,
            account => Some(
                account
                    .parse()
                    .map_err(|_| refuse("must have an account id of 12 digits, or * with require.organization"))?,
            ),
        };
        let kind = match arn.resource().split_once('/') {
            Some(("user", _)) => IamPrincipal::User,
            Some(("role", _)) => IamPrincipal::Role,
            _ => return Err(refuse(FORM)),
        };
        if text.contains("${") {
            return Err(refuse("has a policy variable: write what it stands for"));
        }
        Ok(Self {
            text: text.to_string(),
            partition,
            account,
            kind,
        })
    }
}

const MFA_OF_A_ROLE: &str = "MFA cannot be required of roles: a role session never carries MFA. Put the roles into an entry of their own, without require.mfa";

pub(super) fn parse(entry: &Entry<'_>, kind: AwsKind<'_>) -> Result<AwsTrust, Refusal> {
    let organization = organization(entry, "require.organization", entry.require.organization.as_deref())?;
    let mfa_max_age = session::mfa_max_age(entry)?;
    let (who, users) = match kind {
        AwsKind::Accounts => accounts(entry, mfa_max_age)?,
        AwsKind::Principals => principals(entry, mfa_max_age)?,
        AwsKind::Patterns => patterns(entry, organization.clone(), mfa_max_age)?,
        AwsKind::Organization(id) => (
            Who::Organization {
                id: organization_id(entry, "from.organization", id)?,
                mfa_max_age,
            },
            true,
        ),
        AwsKind::IdentityCenter(center) => (identity_center(entry, center)?, false),
    };
    // Two external ids at most: one, or the old and the new one.
    if entry.require.external_ids.len() > 2 {
        return entry.refuse("require.externalIds", "write one value, or two while it is rotated");
    }
    let organization = match who {
        Who::PatternsInOrganization { .. } => None,
        _ => organization,
    };
    let session = session::parse(entry)?;
    if !users {
        session::refuse_user_names(entry)?;
    }
    Ok(AwsTrust {
        who,
        organization,
        external_ids: list(entry, "require.externalIds", &entry.require.external_ids, str::parse)?,
        session,
    })
}

fn organization(entry: &Entry<'_>, field: &str, text: Option<&str>) -> Result<Option<OrganizationId>, Refusal> {
    text.map(|text| organization_id(entry, field, text)).transpose()
}

fn organization_id(entry: &Entry<'_>, field: &str, text: &str) -> Result<OrganizationId, Refusal> {
    text.parse().or_else(|problem: String| entry.refuse(field, problem))
}

/// From whom, and whether IAM users can be among them.
type Found = (Who, bool);

fn accounts(entry: &Entry<'_>, mfa_max_age: Option<u32>) -> Result<Found, Refusal> {
    let ids = list(entry, "from.accounts", &entry.from.accounts, str::parse)?;
    let kind = match (entry.from.kind, mfa_max_age) {
        (Some(PrincipalKind::Roles), Some(_)) => return entry.refuse("require.mfa", MFA_OF_A_ROLE),
        (Some(PrincipalKind::Roles), None) => AccountKind::Roles,
        (None, None) => AccountKind::Any,
        // MFA shuts roles out: a session of a role never carries it.
        (Some(PrincipalKind::Users), mfa_max_age) | (None, mfa_max_age @ Some(_)) => AccountKind::Users { mfa_max_age },
    };
    Ok((Who::Accounts { ids, kind }, kind != AccountKind::Roles))
}

fn principals(entry: &Entry<'_>, mfa_max_age: Option<u32>) -> Result<Found, Refusal> {
    let arns: BTreeSet<PrincipalArn> = list(entry, "from.principals", &entry.from.principals, str::parse)?;
    if mfa_max_age.is_some() && arns.iter().any(|arn| arn.kind() == IamPrincipal::Role) {
        return entry.refuse("require.mfa", MFA_OF_A_ROLE);
    }
    let users = arns.iter().any(|arn| arn.kind() == IamPrincipal::User);
    Ok((Who::Principals { arns, mfa_max_age }, users))
}

fn patterns(
    entry: &Entry<'_>,
    organization: Option<OrganizationId>,
    mfa_max_age: Option<u32>,
) -> Result<Found, Refusal> {
    const FIELD: &str = "from.principalPatterns";
    let patterns: BTreeSet<PrincipalPattern> = list(entry, FIELD, &entry.from.principal_patterns, str::parse)?;
    if mfa_max_age.is_some() && patterns.iter().any(|pattern| pattern.kind == IamPrincipal::Role) {
        return entry.refuse("require.mfa", MFA_OF_A_ROLE);
    }
    let users = patterns.iter().any(|pattern| pattern.kind == IamPrincipal::User);
    let anywhere = patterns.iter().find(|pattern| pattern.account.is_none());
    let who = match (anywhere, organization) {
        (None, _) => Who::Patterns {
            accounts: patterns.iter().filter_map(|pattern| pattern.account.clone()).collect(),
            patterns,
            mfa_max_age,
        },
        (Some(_), Some(organization)) => Who::PatternsInOrganization {
            patterns,
            organization,
            mfa_max_age,
        },
        (Some(pattern), None) => {
            return entry.refuse(
                FIELD,
                format!("pattern {:?} is of every AWS account there is: write the account's id, or add require.organization", pattern.text),
            );
        }
    };
    Ok((who, users))
}

fn identity_center(entry: &Entry<'_>, center: &IdentityCenter) -> Result<Who, Refusal> {
    let account = center
        .account
        .parse()
        .or_else(|error| entry.refuse("from.identityCenter.account", format!("{error}")))?;
    // IAM Identity Center API Reference, `CreatePermissionSet` (`Name`).
    let name = &center.permission_set;
    let fits = |character: char| character.is_ascii_alphanumeric() || "_+=,.@-".contains(character);
    if !(1..=32).contains(&name.len()) || !name.chars().all(fits) {
        return entry.refuse(
            "from.identityCenter.permissionSet",
            format!("{name:?} is not the name of a permission set, which has 1 to 32 letters, digits and _+=,.@-"),
        );
    }
    Ok(Who::IdentityCenter {
        account,
        permission_set: name.clone(),
    })
}
