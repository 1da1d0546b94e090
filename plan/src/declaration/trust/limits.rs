//! What each kind of principal can carry, and why it cannot carry the rest.

use crossrole_api::trust::{IdentityCenter, Oidc, PodIdentity, RolesAnywhere, Saml};

use super::Entry;
use crate::refusal::Refusal;

/// The kind of an entry, by the one field of `from` that is there.
#[derive(Clone, Copy)]
pub(super) enum Kind<'spec> {
    Aws(AwsKind<'spec>),
    Oidc(&'spec Oidc),
    Saml(&'spec Saml),
    Services,
    PodIdentity(&'spec PodIdentity),
    RolesAnywhere(&'spec RolesAnywhere),
}

/// Kinds that call `AssumeRole` with credentials of an AWS account.
#[derive(Clone, Copy)]
pub(super) enum AwsKind<'spec> {
    Accounts,
    Principals,
    Patterns,
    Organization(&'spec str),
    IdentityCenter(&'spec IdentityCenter),
}

const EXACTLY_ONE: &str = "write exactly one of accounts, principals, principalPatterns, organization, identityCenter, services, oidc, saml, podIdentity and rolesAnywhere";

/// IAM User Guide, "Configuring MFA-protected API access".
const NO_MFA: &str =
    "MFA can be required of IAM users alone: services and federated principals never carry it. Remove require.mfa";

const NO_MFA_OF_PERMISSION_SETS: &str = "MFA can be required of IAM users alone, and a permission set is a role: let Identity Center ask for MFA at sign-in. Remove require.mfa";

impl<'spec> Kind<'spec> {
    pub(super) fn of(entry: &Entry<'spec>) -> Result<Self, Refusal> {
        let from = entry.from;
        let there = |list: &[String], kind: Kind<'spec>| (!list.is_empty()).then_some(kind);
        let kinds = [
            there(&from.accounts, Kind::Aws(AwsKind::Accounts)),
            there(&from.principals, Kind::Aws(AwsKind::Principals)),
            there(&from.principal_patterns, Kind::Aws(AwsKind::Patterns)),
            from.organization
                .as_deref()
                .map(|id| Kind::Aws(AwsKind::Organization(id))),
            from.identity_center
                .as_deref()
                .map(|center| Kind::Aws(AwsKind::IdentityCenter(center))),
            there(&from.services, Kind::Services),
            from.oidc.as_deref().map(Kind::Oidc),
            from.saml.as_deref().map(Kind::Saml),
            from.pod_identity.as_deref().map(Kind::PodIdentity),
            from.roles_anywhere.as_deref().map(Kind::RolesAnywhere),
        ];
        let mut kinds = kinds.into_iter().flatten();
        let (Some(kind), None) = (kinds.next(), kinds.next()) else {
            return entry.refuse("from", EXACTLY_ONE);
        };
        if from.kind.is_some() && !matches!(kind, Kind::Aws(AwsKind::Accounts)) {
            return entry.refuse(
                "from.kind",
                "kind goes with accounts: principals say by their ARN whether they are users or roles",
            );
        }
        Ok(kind)
    }

    /// Refuses what is asked of this kind and can never be.
    pub(super) fn check(self, entry: &Entry<'_>) -> Result<(), Refusal> {
        let (require, allow) = (&entry.require, &entry.allow);
        let asked = [
            ("require.mfa", require.mfa.is_some(), self.no_mfa()),
            (
                "require.externalIds",
                !require.external_ids.is_empty(),
                self.no_external_id(),
            ),
            (
                "require.organization",
                require.organization.is_some(),
                self.no_organization(),
            ),
            (
                "require.sourceAccounts",
                !require.source_accounts.is_empty(),
                self.no_source(),
            ),
            ("require.sourceArns", !require.source_arns.is_empty(), self.no_source()),
            (
                "require.sourceCidrs",
                !require.source_cidrs.is_empty(),
                self.no_address(),
            ),
            (
                "require.sourceIdentity",
                !require.source_identity.is_empty(),
                self.no_source_identity(),
            ),
            (
                "require.sessionName",
                !require.session_name.is_empty(),
                self.no_session_name(),
            ),
            ("allow.sessionTags", !allow.session_tags.is_empty(), self.no_tags()),
            (
                "allow.sourceIdentity",
                allow.source_identity,
                self.no_setting_of_source_identity(),
            ),
        ];
        for (field, is_asked, reason) in asked {
            if let (true, Some(reason)) = (is_asked, reason) {
                return entry.refuse(field, reason);
            }
        }
        Ok(())
    }

    fn no_mfa(self) -> Option<&'static str> {
        match self {
            Kind::Aws(AwsKind::IdentityCenter(_)) => Some(NO_MFA_OF_PERMISSION_SETS),
            Kind::Aws(_) => None,
            _ => Some(NO_MFA),
        }
    }

    /// AWS STS API Reference: of the three calls, only `AssumeRole` has `ExternalId`.
    fn no_external_id(self) -> Option<&'static str> {
        match self {
            Kind::Aws(_) => None,
            Kind::Oidc(_) => Some(
                "AssumeRoleWithWebIdentity carries no external id: audiences and subjects of the token do that work. Remove require.externalIds",
            ),
            Kind::Saml(_) => Some(
                "AssumeRoleWithSAML carries no external id: the provider vouches for its users. Remove require.externalIds",
            ),
            Kind::Services => Some(
                "a service presents no external id: against the confused deputy there are require.sourceAccounts and require.sourceArns. Remove require.externalIds",
            ),
            Kind::PodIdentity(_) => {
                Some("EKS Pod Identity presents no external id: the clusters do that work. Remove require.externalIds")
            }
            Kind::RolesAnywhere(_) => Some(
                "Roles Anywhere presents no external id: the trust anchors do that work. Remove require.externalIds",
            ),
        }
    }

    /// IAM User Guide, "AWS global condition context keys": `aws:PrincipalOrgID` is there for principals that are
    /// members of an organisation.
    fn no_organization(self) -> Option<&'static str> {
        match self {
            Kind::Aws(AwsKind::Organization(_)) => {
                Some("from.organization says it already: remove require.organization")
            }
            Kind::Aws(_) => None,
            Kind::Oidc(_) | Kind::Saml(_) => Some(
                "a federated principal belongs to no organisation: aws:PrincipalOrgID is in none of its requests. Remove require.organization",
            ),
            Kind::Services | Kind::PodIdentity(_) | Kind::RolesAnywhere(_) => Some(
                "a service belongs to no organisation: aws:PrincipalOrgID is in none of its requests. Remove require.organization",
            ),
        }
    }

    /// IAM User Guide, "The confused deputy problem": the `aws:Source…` keys are there when a service calls.
    fn no_source(self) -> Option<&'static str> {
        match self {
            Kind::Services => None,
            Kind::Aws(_) | Kind::Oidc(_) | Kind::Saml(_) => Some(
                "only a service acts on behalf of a resource: aws:SourceAccount and aws:SourceArn are in no other request. Remove it",
            ),
            Kind::PodIdentity(_) => Some("from.podIdentity.clusters says it already. Remove it"),
            Kind::RolesAnywhere(_) => Some("from.rolesAnywhere.trustAnchors says it already. Remove it"),
        }
    }

    fn no_address(self) -> Option<&'static str> {
        match self {
            Kind::Aws(_) | Kind::Oidc(_) | Kind::Saml(_) => None,
            Kind::Services | Kind::PodIdentity(_) | Kind::RolesAnywhere(_) => Some(
                "the service itself assumes the role, from addresses of AWS: aws:SourceIp says nothing about whom it acts for. Remove require.sourceCidrs",
            ),
        }
    }

    fn no_source_identity(self) -> Option<&'static str> {
        match self {
            Kind::Services | Kind::PodIdentity(_) => {
                Some("services set no source identity, so nobody could meet this. Remove require.sourceIdentity")
            }
            _ => None,
        }
    }

    fn no_session_name(self) -> Option<&'static str> {
        match self {
            Kind::Services | Kind::PodIdentity(_) => Some(
                "services choose the names of their sessions themselves, so none can be required. Remove require.sessionName",
            ),
            _ => None,
        }
    }

    fn no_tags(self) -> Option<&'static str> {
        match self {
            Kind::Services => Some(
                "services set no session tags; those that do have a kind of their own (podIdentity, rolesAnywhere). Remove allow.sessionTags",
            ),
            Kind::PodIdentity(_) | Kind::RolesAnywhere(_) => Some(
                "the service always sets tags of its own choice, and crossrole always allows it. Remove allow.sessionTags",
            ),
            _ => None,
        }
    }

    fn no_setting_of_source_identity(self) -> Option<&'static str> {
        match self {
            Kind::Services | Kind::PodIdentity(_) => {
                Some("services set no source identity. Remove allow.sourceIdentity")
            }
            Kind::RolesAnywhere(_) => Some(
                "Roles Anywhere always sets the source identity, and crossrole always allows it. Remove allow.sourceIdentity",
            ),
            _ => None,
        }
    }
}
