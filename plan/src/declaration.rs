//! A CrossAccountRole, parsed. What cannot be, whatever the class says, is refused here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crossrole_api::permissions::InlinePolicy;
use crossrole_api::role::DeletionPolicy;
use crossrole_api::trust::{PrincipalKind, TrustEntry};
use crossrole_api::{CrossAccountRole, Reason};
use crossrole_iam::document::{Document, DocumentKind};
use crossrole_iam::quota::{ROLE_TAGS, check_description};
use crossrole_iam::{
    AccountId, Arn, ExternalId, IamPrincipal, Path, PolicyName, PolicyPathName, PrincipalArn, RoleName, check_tag_key,
    check_tag_value,
};

use crate::duration;
use crate::refusal::Refusal;
use crate::rules::PolicyReference;

/// A namespaced object's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    /// The namespace.
    pub namespace: String,
    /// The name in the namespace.
    pub name: String,
}

impl fmt::Display for ObjectName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.namespace, self.name)
    }
}

/// A CrossAccountRole, parsed: nothing here can be malformed any more.
#[derive(Clone, Debug, PartialEq)]
pub struct Declaration {
    /// The object's name.
    pub object: ObjectName,
    /// The role's name in IAM.
    pub role_name: RoleName,
    /// The role's path; the class's `rolePath` where absent.
    pub path: Option<Path>,
    /// The role's description.
    pub description: String,
    /// Who may assume the role.
    pub trust: Vec<TrustStatement>,
    /// The longest session, in seconds: 3600 to 43200.
    pub max_session: u32,
    /// AWS managed policies.
    pub aws_managed: Vec<AwsManagedPolicy>,
    /// Customer managed policies.
    pub customer_managed: Vec<PolicyPathName>,
    /// Inline policies, each name once, in the order in which they are written.
    pub inline: Vec<(PolicyName, Document)>,
    /// Tags, without ours.
    pub tags: BTreeMap<String, String>,
    /// The boundary that the object asks for.
    pub boundary: Option<PolicyReference>,
    /// What becomes of roles that are no longer wanted.
    pub deletion_policy: DeletionPolicy,
}

/// An AWS managed policy, by name or by ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsManagedPolicy {
    /// The partition that the ARN names, where it was written as one.
    pub partition: Option<String>,
    /// The name with its path.
    pub name: PolicyPathName,
}

/// One statement of trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustStatement {
    /// From whom.
    pub from: TrustFrom,
    /// The greatest age of the second factor, in seconds, where MFA is required.
    pub mfa_max_age: Option<u32>,
    /// External ids, one of which must be presented.
    pub external_ids: BTreeSet<ExternalId>,
}

/// From whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustFrom {
    /// Whomever these accounts allow.
    Accounts {
        /// The trusted accounts.
        ids: BTreeSet<AccountId>,
        /// Narrowed to users or to roles.
        kind: Option<PrincipalKind>,
    },
    /// These users and roles.
    Principals(BTreeSet<PrincipalArn>),
}

const MFA_OF_A_ROLE: &str = "MFA cannot be required of roles: a role session never carries MFA. Put the roles into an entry of their own, without require.mfa";

impl Declaration {
    /// Reads a CrossAccountRole.
    ///
    /// # Errors
    /// The first field that cannot be what it is, with the way out.
    pub fn parse(object: &CrossAccountRole) -> Result<Self, Refusal> {
        let spec = &object.spec;
        let name = ObjectName {
            namespace: object.metadata.namespace.clone().unwrap_or_default(),
            name: object.metadata.name.clone().unwrap_or_default(),
        };
        let permissions = spec.permissions.clone().unwrap_or_default();
        if spec.trust.is_empty() {
            return Err(invalid(
                "trust",
                "a role that nobody may assume is of no use: write at least one entry",
            ));
        }
        let trust = spec
            .trust
            .iter()
            .enumerate()
            .map(|(index, entry)| parse_trust(index, entry))
            .collect::<Result<_, _>>()?;
        let max_session = duration::seconds(&spec.max_session_duration)
            .filter(|seconds| (3600..=43_200).contains(seconds))
            .ok_or_else(|| invalid("maxSessionDuration", "write a duration from 1h to 12h"))?;
        Ok(Self {
            role_name: spec
                .role_name
                .as_deref()
                .unwrap_or(&name.name)
                .parse()
                .map_err(|error| invalid("roleName", format!("{error}")))?,
            object: name,
            path: spec
                .path
                .as_deref()
                .map(str::parse)
                .transpose()
                .map_err(|error| invalid("path", format!("{error}")))?,
            description: parse_description(spec.description.as_deref().unwrap_or_default())?,
            trust,
            max_session,
            aws_managed: permissions
                .aws_managed
                .iter()
                .enumerate()
                .map(|(index, text)| {
                    parse_aws_managed(text).map_err(|error| invalid(&format!("permissions.awsManaged[{index}]"), error))
                })
                .collect::<Result<_, _>>()?,
            customer_managed: permissions
                .customer_managed
                .iter()
                .enumerate()
                .map(|(index, text)| {
                    text.parse()
                        .map_err(|error| invalid(&format!("permissions.customerManaged[{index}]"), format!("{error}")))
                })
                .collect::<Result<_, _>>()?,
            inline: parse_inline(&permissions.inline)?,
            tags: parse_tags(&spec.tags)?,
            boundary: spec
                .permissions_boundary
                .as_deref()
                .map(PolicyReference::parse)
                .transpose()
                .map_err(|error| invalid("permissionsBoundary", error))?,
            deletion_policy: spec.deletion_policy,
        })
    }
}

fn invalid(field: &str, problem: impl Into<String>) -> Refusal {
    Refusal::of_field(Reason::InvalidSpec, format!("spec.{field}"), problem)
}

fn parse_trust(index: usize, entry: &TrustEntry) -> Result<TrustStatement, Refusal> {
    let at = |field: &str| format!("trust[{index}].{field}");
    let from = parse_from(index, entry)?;
    let require = entry.require.clone();
    if require
        .as_ref()
        .is_some_and(|require| require.mfa.is_none() && require.external_ids.is_empty())
    {
        return Err(invalid(
            &at("require"),
            "is empty, so it requires nothing: check the spelling of its fields, or leave it out",
        ));
    }
    let require = require.unwrap_or_default();
    let mfa_max_age = require
        .mfa
        .as_ref()
        .map(|mfa| {
            duration::seconds(&mfa.max_age)
                .filter(|seconds| (60..=129_600).contains(seconds))
                .ok_or_else(|| invalid(&at("require.mfa.maxAge"), "write a duration from 1m to 36h"))
        })
        .transpose()?;
    if mfa_max_age.is_some() {
        match &from {
            TrustFrom::Accounts {
                kind: Some(PrincipalKind::Roles),
                ..
            } => {
                return Err(invalid(&at("require.mfa"), MFA_OF_A_ROLE));
            }
            TrustFrom::Principals(principals) if principals.iter().any(|arn| arn.kind() == IamPrincipal::Role) => {
                return Err(invalid(&at("require.mfa"), MFA_OF_A_ROLE));
            }
            _ => {}
        }
    }
    if require.external_ids.len() > 2 {
        return Err(invalid(
            &at("require.externalIds"),
            "write one value, or two while it is rotated",
        ));
    }
    let external_ids = require
        .external_ids
        .iter()
        .map(|text| {
            text.parse()
                .map_err(|error| invalid(&at("require.externalIds"), format!("{error}")))
        })
        .collect::<Result<_, _>>()?;
    Ok(TrustStatement {
        from,
        mfa_max_age,
        external_ids,
    })
}

fn parse_from(index: usize, entry: &TrustEntry) -> Result<TrustFrom, Refusal> {
    let at = |field: &str| format!("trust[{index}].from{field}");
    let from = &entry.from;
    match (from.accounts.is_empty(), from.principals.is_empty()) {
        (false, true) => Ok(TrustFrom::Accounts {
            ids: from
                .accounts
                .iter()
                .map(|id| {
                    id.parse()
                        .map_err(|error| invalid(&at(".accounts"), format!("{error}")))
                })
                .collect::<Result<_, _>>()?,
            kind: from.kind,
        }),
        (true, false) if from.kind.is_some() => Err(invalid(
            &at(".kind"),
            "kind goes with accounts: principals say by their ARN whether they are users or roles",
        )),
        (true, false) => Ok(TrustFrom::Principals(
            from.principals
                .iter()
                .map(|arn| {
                    arn.parse()
                        .map_err(|error| invalid(&at(".principals"), format!("{error}")))
                })
                .collect::<Result<_, _>>()?,
        )),
        _ => Err(invalid(&at(""), "write exactly one of accounts and principals")),
    }
}

fn parse_aws_managed(text: &str) -> Result<AwsManagedPolicy, String> {
    if !text.starts_with("arn:") {
        let name = text.parse().map_err(|error| format!("{error}"))?;
        return Ok(AwsManagedPolicy { partition: None, name });
    }
    let arn: Arn = text.parse().map_err(|error| format!("{error}"))?;
    let name = arn
        .resource()
        .strip_prefix("policy/")
        .filter(|_| arn.account() == "aws" && arn.service() == "iam")
        .ok_or_else(|| {
            format!("{text} is not an AWS managed policy: a policy of an account goes into customerManaged, by name")
        })?;
    Ok(AwsManagedPolicy {
        partition: Some(arn.partition().to_string()),
        name: name.parse().map_err(|error| format!("{error}"))?,
    })
}

fn parse_inline(policies: &[InlinePolicy]) -> Result<Vec<(PolicyName, Document)>, Refusal> {
    let mut parsed: Vec<(PolicyName, Document)> = Vec::new();
    for (index, policy) in policies.iter().enumerate() {
        let field = format!("permissions.inline[{index}]");
        let name: PolicyName = policy
            .name
            .parse()
            .map_err(|error| invalid(&format!("{field}.name"), format!("{error}")))?;
        if name.as_str() == crossrole_api::names::REVOKE_OLDER_SESSIONS_POLICY
            || name.as_str().starts_with("crossrole-")
        {
            return Err(invalid(
                &format!("{field}.name"),
                format!("{name} is a name that crossrole keeps for its own policies: choose another"),
            ));
        }
        let document = Document::parse(policy.document.as_str(), DocumentKind::Permission)
            .map_err(|error| invalid(&format!("{field}.document"), format!("{error}")))?;
        if parsed.iter().any(|(other, _)| *other == name) {
            return Err(invalid(&format!("{field}.name"), "is there twice"));
        }
        parsed.push((name, document));
    }
    Ok(parsed)
}

fn parse_description(text: &str) -> Result<String, Refusal> {
    check_description(text).map_err(|error| invalid("description", error.to_string()))?;
    Ok(text.to_string())
}

fn parse_tags(tags: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Refusal> {
    let ours = 2;
    if tags.len() + ours > ROLE_TAGS {
        return Err(invalid(
            "tags",
            format!("a role has at most {ROLE_TAGS} tags, and {ours} of them are crossrole's own"),
        ));
    }
    let mut folded = BTreeSet::new();
    for (key, value) in tags {
        let field = format!("tags[{key}]");
        check_tag_key(key).map_err(|error| invalid(&field, format!("{error}")))?;
        check_tag_value(value).map_err(|error| invalid(&field, format!("{error}")))?;
        if key.to_lowercase().starts_with(crossrole_api::names::PREFIX) {
            return Err(invalid(
                &field,
                "keys that begin with crossrole.dev/ are crossrole's own: choose another",
            ));
        }
        if !folded.insert(key.to_lowercase()) {
            return Err(invalid(
                &field,
                "IAM does not tell keys apart by case: another key is the same but for its case",
            ));
        }
    }
    Ok(tags.clone())
}

#[cfg(test)]
mod tests;
