//! `spec.trust` and `spec.extraTrustStatements`, parsed.
//!
//! | file | holds |
//! | --- | --- |
//! | `trust` | what is parsed: [`Trust`], and one [`TrustStatement`] for each entry |
//! | `limits` | what each kind of principal can carry, and why it cannot carry the rest |
//! | `aws` | accounts, principals, patterns, organisations, permission sets |
//! | `federated` | OIDC and SAML providers |
//! | `shared_issuers` | OIDC providers that many customers share |
//! | `services` | services, EKS Pod Identity, Roles Anywhere |
//! | `session` | what is required of a session, and what it may set |
//! | `conditions` | raw condition blocks |
//! | `extra` | raw statements |
//! | `values` | lists and the texts in them |

mod aws;
mod conditions;
mod extra;
mod federated;
mod limits;
mod services;
mod session;
mod shared_issuers;
mod values;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crossrole_api::CrossAccountRoleSpec;
use crossrole_api::trust::TrustEntry;
use crossrole_iam::document::{Condition, Statement};
use crossrole_iam::{AccountId, Arn, ArnPattern, ExternalId, PrincipalArn, quota};

use super::invalid;
use crate::refusal::Refusal;

pub use aws::PrincipalPattern;
pub(crate) use session::is_anything;
pub(crate) use shared_issuers::{audience_key, names_one_customer, told_apart_by_session_name, told_apart_by_subject};
pub use values::OrganizationId;

/// Who may assume the role: the entries, and the raw statements beside them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// `spec.trust`, in its order. No two are the same.
    pub entries: Vec<TrustStatement>,
    /// `spec.extraTrustStatements`, in its order.
    pub extra: Vec<Statement>,
}

/// One entry of `spec.trust`. Each kind holds only what requests of its kind can carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustStatement {
    /// Users and roles of AWS accounts.
    Aws(AwsTrust),
    /// Identities of an OpenID Connect provider.
    Oidc(OidcTrust),
    /// Users of a SAML provider.
    Saml(SamlTrust),
    /// AWS services.
    Services(ServicesTrust),
    /// Pods, through EKS Pod Identity.
    PodIdentity(PodIdentityTrust),
    /// Machines with a certificate, through IAM Roles Anywhere.
    RolesAnywhere(RolesAnywhereTrust),
}

/// Users and roles of AWS accounts, which call `AssumeRole`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsTrust {
    /// Which ones.
    pub who: Who,
    /// The organisation that their account must belong to; `None` where [`Who`] says it itself.
    pub organization: Option<OrganizationId>,
    /// External ids, one of which must be presented; empty where none is required.
    pub external_ids: BTreeSet<ExternalId>,
    /// What is required of the session, and what it may set.
    pub session: Session,
}

/// Which users and roles. `mfa_max_age` is the greatest age of the second factor in seconds, where MFA is required;
/// it is there only where every principal is, or can be, an IAM user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Whomever these accounts allow.
    Accounts {
        /// The trusted accounts.
        ids: BTreeSet<AccountId>,
        /// Which of their principals.
        kind: AccountKind,
    },
    /// These users and roles; with MFA these users.
    Principals {
        /// Their ARNs.
        arns: BTreeSet<PrincipalArn>,
        /// Seconds.
        mfa_max_age: Option<u32>,
    },
    /// Users and roles of named accounts whose ARNs match.
    Patterns {
        /// Patterns, each of which names its account.
        patterns: BTreeSet<PrincipalPattern>,
        /// The accounts that the patterns name.
        accounts: BTreeSet<AccountId>,
        /// Seconds.
        mfa_max_age: Option<u32>,
    },
    /// Users and roles of any account of an organisation whose ARNs match.
    PatternsInOrganization {
        /// Patterns, at least one of which names no account.
        patterns: BTreeSet<PrincipalPattern>,
        /// The organisation.
        organization: OrganizationId,
        /// Seconds.
        mfa_max_age: Option<u32>,
    },
    /// Everybody in an organisation.
    Organization {
        /// The organisation.
        id: OrganizationId,
        /// Seconds.
        mfa_max_age: Option<u32>,
    },
    /// Whoever holds a permission set of IAM Identity Center.
    IdentityCenter {
        /// The account in which it is held.
        account: AccountId,
        /// The permission set's name: 1 to 32 characters.
        permission_set: String,
    },
}

/// Which principals of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountKind {
    /// Users and roles.
    Any,
    /// Roles only.
    Roles,
    /// Users only.
    Users {
        /// The greatest age of the second factor in seconds, where MFA is required.
        mfa_max_age: Option<u32>,
    },
}

/// What is required of a session, and what it may set beyond its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    /// Address ranges that the request must come from; empty where any will do.
    pub source_cidrs: BTreeSet<String>,
    /// Patterns of the session name, one of which must match; empty where any will do.
    pub names: BTreeSet<String>,
    /// Whether a source identity may or must be set.
    pub source_identity: SourceIdentity,
    /// Keys of the session tags that may be set.
    pub tags: BTreeSet<String>,
    /// Conditions as they were written.
    pub conditions: Vec<Condition>,
}

/// Whether a session may have a source identity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SourceIdentity {
    /// It may not.
    #[default]
    NotAllowed,
    /// It may.
    Allowed,
    /// It must have one that matches one of these patterns.
    Required(BTreeSet<String>),
}

/// Identities of an OpenID Connect provider, which call `AssumeRoleWithWebIdentity`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcTrust {
    /// The provider's URL without `https://`.
    pub issuer: String,
    /// Audiences, one of which the token must carry. Never empty.
    pub audiences: BTreeSet<String>,
    /// Patterns of subjects, one of which must match; empty where any will do.
    pub subjects: BTreeSet<String>,
    /// What is required of the session, and what it may set.
    pub session: Session,
}

/// Users of a SAML provider, which call `AssumeRoleWithSAML`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SamlTrust {
    /// The provider's name in the account that holds the role.
    pub provider: String,
    /// What is required of the session, and what it may set.
    pub session: Session,
}

/// AWS services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicesTrust {
    /// Their principals. Never empty.
    pub services: BTreeSet<String>,
    /// Accounts of the resource on whose behalf the service acts; empty where any will do.
    pub source_accounts: BTreeSet<AccountId>,
    /// Patterns of that resource's ARN; empty where any will do.
    pub source_arns: BTreeSet<ArnPattern>,
    /// Conditions as they were written.
    pub conditions: Vec<Condition>,
}

/// Pods of EKS clusters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodIdentityTrust {
    /// The clusters. Never empty.
    pub clusters: BTreeSet<Arn>,
    /// The accounts of the clusters.
    pub accounts: BTreeSet<AccountId>,
    /// The pods' namespace; `None` where any will do.
    pub namespace: Option<String>,
    /// The pods' ServiceAccount; `None` where any will do.
    pub service_account: Option<String>,
    /// Conditions as they were written.
    pub conditions: Vec<Condition>,
}

/// Machines with an X.509 certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolesAnywhereTrust {
    /// The trust anchors whose certificates are taken. Never empty.
    pub trust_anchors: BTreeSet<Arn>,
    /// Patterns of the certificate subject's common name; empty where any will do.
    pub common_names: BTreeSet<String>,
    /// Patterns of the source identity, which Roles Anywhere sets to the common name; empty where any will do.
    pub source_identities: BTreeSet<String>,
    /// Patterns of the session name; empty where any will do.
    pub session_names: BTreeSet<String>,
    /// Conditions as they were written.
    pub conditions: Vec<Condition>,
}

/// One entry as it was written, and where it stands.
struct Entry<'spec> {
    index: usize,
    from: &'spec crossrole_api::trust::From,
    require: crossrole_api::trust::Require,
    allow: crossrole_api::trust::Allow,
}

impl Entry<'_> {
    /// The path of a field of this entry, below `spec`.
    fn at(&self, field: &str) -> String {
        format!("trust[{}].{field}", self.index)
    }

    fn refuse<Anything>(&self, field: &str, problem: impl Into<String>) -> Result<Anything, Refusal> {
        Err(invalid(&self.at(field), problem))
    }
}

/// Reads who may assume the role.
pub(super) fn parse(spec: &CrossAccountRoleSpec) -> Result<Trust, Refusal> {
    if spec.trust.is_empty() && spec.extra_trust_statements.is_empty() {
        return Err(invalid(
            "trust",
            "a role that nobody may assume is of no use: write at least one entry here or in extraTrustStatements",
        ));
    }
    check_size(spec)?;
    let mut entries: Vec<TrustStatement> = Vec::new();
    for (index, entry) in spec.trust.iter().enumerate() {
        let entry = parse_entry(index, entry)?;
        if let Some(earlier) = entries.iter().position(|other| *other == entry) {
            return Err(invalid(
                &format!("trust[{index}]"),
                format!("says the same as trust[{earlier}]: remove one of them"),
            ));
        }
        entries.push(entry);
    }
    Ok(Trust {
        entries,
        extra: extra::parse(&spec.extra_trust_statements)?,
    })
}

/// Refuses what no trust policy comes from before it is read, and before it is rendered for every account. The quota
/// itself is judged in each account.
fn check_size(spec: &CrossAccountRoleSpec) -> Result<(), Refusal> {
    for (field, text) in [
        ("trust", serde_json::to_string(&spec.trust)),
        (
            "extraTrustStatements",
            serde_json::to_string(&spec.extra_trust_statements),
        ),
    ] {
        let text = text.map_err(|error| invalid(field, error.to_string()))?;
        let written = quota::size(&text);
        if written > quota::WRITTEN_POLICIES_SIZE {
            return Err(invalid(
                field,
                format!(
                    "has {written} characters, and a trust policy has at most {}",
                    quota::TRUST_POLICY_SIZE_RAISED
                ),
            ));
        }
    }
    Ok(())
}

fn parse_entry(index: usize, written: &TrustEntry) -> Result<TrustStatement, Refusal> {
    let entry = Entry {
        index,
        from: &written.from,
        require: written.require.clone().unwrap_or_default(),
        allow: written.allow.as_deref().cloned().unwrap_or_default(),
    };
    let kind = limits::Kind::of(&entry)?;
    // What the API server leaves of a misspelt field.
    if written.require.as_ref() == Some(&crossrole_api::trust::Require::default()) {
        return entry.refuse(
            "require",
            "is empty, so it requires nothing: check the spelling of its fields, or leave it out",
        );
    }
    if written.allow.as_deref() == Some(&crossrole_api::trust::Allow::default()) {
        return entry.refuse(
            "allow",
            "is empty, so it allows nothing more: check the spelling of its fields, or leave it out",
        );
    }
    kind.check(&entry)?;
    match kind {
        limits::Kind::Aws(kind) => aws::parse(&entry, kind).map(TrustStatement::Aws),
        limits::Kind::Oidc(oidc) => federated::parse_oidc(&entry, oidc).map(TrustStatement::Oidc),
        limits::Kind::Saml(saml) => federated::parse_saml(&entry, saml).map(TrustStatement::Saml),
        limits::Kind::Services => services::parse_services(&entry).map(TrustStatement::Services),
        limits::Kind::PodIdentity(pods) => services::parse_pods(&entry, pods).map(TrustStatement::PodIdentity),
        limits::Kind::RolesAnywhere(machines) => {
            services::parse_machines(&entry, machines).map(TrustStatement::RolesAnywhere)
        }
    }
}
