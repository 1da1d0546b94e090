//! An AccountClass, parsed.

mod federation;
mod protected;
mod values;

use std::collections::BTreeSet;

use crossrole_api::AccountClass;
use crossrole_api::class::{OnViolation, RequireExternalId, RequireMfa, TrustRules};
use crossrole_api::names::GRANT_POLICY_PATH;
use crossrole_api::selector::NamesOrSelector;
use crossrole_iam::{AccountId, Arn, Partition, Path, PolicyPathName, RoleName, account_policy_arn, pattern};

use crate::bootstrap::Bootstrap;
use crate::discovery;
use crate::grant::GrantRules;
use crate::notify::Notifying;
use crate::refusal::Refusal;
use values::{accounts, actions, patterns, policy_patterns};

pub(crate) use values::{invalid, seconds};

pub use federation::{Federation, is_shared_issuer};
pub(crate) use protected::{PROTECTED_NAMES, PROTECTED_PATHS, Protected, protected_because};
pub(crate) use values::is_roles_anywhere;

/// An AccountClass, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The class's name.
    pub class: String,
    /// The bootstrap role.
    pub bootstrap: Bootstrap,
    /// The namespaces that may have roles here.
    pub namespaces: NamesOrSelector,
    /// Where every role lives; may hold `${namespace}`.
    role_path: String,
    /// The boundary forced on every role; `None` where the class says `None`.
    pub boundary: Option<PolicyReference>,
    /// Accounts of our own that may be trusted.
    pub trusted_accounts: BTreeSet<AccountId>,
    /// Accounts of others that may be trusted.
    pub third_parties: BTreeSet<AccountId>,
    /// Organisations that a statement may require instead of naming listed accounts.
    pub organizations: BTreeSet<String>,
    /// Services that may be trusted.
    pub services: BTreeSet<String>,
    /// Identity providers that may be trusted.
    pub federation: Vec<Federation>,
    /// ARNs of the trust anchors of IAM Roles Anywhere that may be trusted.
    pub trust_anchors: BTreeSet<String>,
    /// Where MFA must be required.
    pub require_mfa: RequireMfa,
    /// Where an external id must be required.
    pub require_external_id: RequireExternalId,
    /// The longest session a role may allow, in seconds.
    pub max_session: u32,
    /// Patterns of the AWS managed policies that may be attached.
    pub aws_policies: Vec<String>,
    /// Patterns of the customer managed policies that may be attached.
    pub account_policies: Vec<String>,
    /// Patterns of policies that may never be attached.
    pub denied_policies: Vec<String>,
    /// Actions that no inline Allow may match; `None`: no inline policies at all.
    pub denied_actions: Option<Vec<String>>,
    /// Patterns of the tag keys that roles may have.
    pub tag_keys: Vec<String>,
    /// Patterns of the session tag keys that trust may allow to be set.
    pub session_tag_keys: Vec<String>,
    /// How many roles the objects of one namespace may have; `None`: no such limit.
    pub max_roles: Option<u32>,
    /// What becomes of existing roles that a changed rule forbids.
    pub on_violation: OnViolation,
    /// Patterns of the path and name of existing roles that may be taken over.
    adoption: Vec<String>,
    /// What grants may do here; `None`: nothing.
    pub grants: Option<GrantRules>,
    /// Who is told of what happens to roles here.
    pub notifying: Notifying,
}

/// A managed policy, by its name in the account or by its full ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyReference {
    /// A customer managed policy of whichever account it is resolved in.
    Name(PolicyPathName),
    /// Exactly this policy.
    Arn(Arn),
}

impl PolicyReference {
    /// Reads a name with its path, or an ARN.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.starts_with("arn:") {
            let arn: Arn = text.parse().map_err(|error| format!("{error}"))?;
            let is_policy = arn.service() == "iam" && arn.resource().starts_with("policy/");
            if is_policy {
                Ok(Self::Arn(arn))
            } else {
                Err(format!("{text} is not the ARN of a managed policy"))
            }
        } else {
            text.parse().map(Self::Name).map_err(|error| format!("{error}"))
        }
    }

    /// The policy's ARN in one account.
    pub fn resolve(&self, partition: Partition, account: &AccountId) -> Arn {
        match self {
            Self::Name(name) => account_policy_arn(partition, account, name),
            Self::Arn(arn) => arn.clone(),
        }
    }
}

impl Rules {
    /// Reads an AccountClass.
    ///
    /// # Errors
    /// A field that cannot be what it is, or two that contradict each other.
    pub fn parse(object: &AccountClass) -> Result<Self, Refusal> {
        let spec = &object.spec;
        let guardrails = &spec.guardrails;
        let trust = guardrails.trust.clone().unwrap_or_default();
        let managed = guardrails.managed_policies.clone().unwrap_or_default();
        let bootstrap = Bootstrap::parse(object)?;
        discovery::Rule::parse(object)?;
        let rules = Self {
            class: object.metadata.name.clone().unwrap_or_default(),
            bootstrap,
            namespaces: spec.allowed_namespaces.clone().unwrap_or_default(),
            role_path: guardrails.role_path.clone(),
            boundary: match guardrails.permissions_boundary.as_str() {
                "None" => None,
                text => Some(
                    PolicyReference::parse(text).map_err(|error| invalid("guardrails.permissionsBoundary", &error))?,
                ),
            },
            trusted_accounts: accounts("guardrails.trust.accounts", &trust.accounts)?,
            third_parties: accounts("guardrails.trust.thirdParties", &trust.third_parties)?,
            organizations: values::organizations(&trust.organizations)?,
            services: values::services(&trust.services)?,
            federation: federation::parse(&trust.federation)?,
            trust_anchors: values::trust_anchors(&trust.trust_anchors)?,
            require_mfa: trust.require_mfa,
            require_external_id: trust.require_external_id,
            max_session: seconds(
                "guardrails.maxSessionDuration",
                &guardrails.max_session_duration,
                3600,
                43_200,
            )?,
            aws_policies: policy_patterns("guardrails.managedPolicies.aws", managed.aws)?,
            account_policies: policy_patterns("guardrails.managedPolicies.account", managed.account)?,
            denied_policies: policy_patterns("guardrails.managedPolicies.deny", managed.deny)?,
            denied_actions: guardrails
                .inline_policies
                .clone()
                .map(|inline| actions(inline.deny_actions))
                .transpose()?,
            tag_keys: patterns("guardrails.tagKeys", guardrails.tag_keys.clone())?,
            session_tag_keys: patterns("guardrails.sessionTagKeys", guardrails.session_tag_keys.clone())?,
            max_roles: guardrails.max_roles_per_namespace,
            on_violation: guardrails.on_violation,
            adoption: values::adoption(spec.adoption.clone().unwrap_or_default().roles)?,
            grants: spec.grants.as_ref().map(GrantRules::parse).transpose()?,
            notifying: Notifying::parse(object)?,
        };
        rules.role_path_of("namespace")?;
        rules.check_bootstrap_outside_role_path()?;
        rules.check_trust(&trust)?;
        rules.check_boundary_outside_grants()?;
        if let Some(grants) = &rules.grants {
            grants.check(&rules.bootstrap, &RolePath(&rules.role_path))?;
        }
        Ok(rules)
    }

    // What no single entry of the lists shows.
    fn check_trust(&self, trust: &TrustRules) -> Result<(), Refusal> {
        if let Some(both) = self.trusted_accounts.intersection(&self.third_parties).next() {
            return Err(invalid(
                "guardrails.trust.thirdParties",
                &format!("{both} is also in trust.accounts: an account is either ours or somebody else's"),
            ));
        }
        if !trust.trust_anchors.is_empty() && !self.services.iter().any(|service| is_roles_anywhere(service)) {
            return Err(invalid(
                "guardrails.trust.trustAnchors",
                "trust anchors are of no use unless trust.services lists rolesanywhere.amazonaws.com",
            ));
        }
        if self.max_roles == Some(0) {
            return Err(invalid(
                "guardrails.maxRolesPerNamespace",
                "write at least 1, or leave the field out for no limit",
            ));
        }
        Ok(())
    }

    /// Whether `adoptionPolicy: Adopt` may take over an existing role at this path, of this name. Case counts. Roles that
    /// crossrole never touches are never adopted, whatever the class lists.
    pub fn may_adopt(&self, path: &Path, name: &RoleName) -> bool {
        let text = format!("{path}{name}");
        !self.is_entered_as(name)
            && protected_because(path, name).is_none()
            && self.adoption.iter().any(|adopted| pattern::matches(adopted, &text))
    }

    /// Whether crossrole enters accounts of the class as a role of this name: the bootstrap role, or the grant role.
    pub fn is_entered_as(&self, name: &RoleName) -> bool {
        let grant_role = self.grants.as_ref().map(|grants| grants.role.name.folded());
        self.bootstrap.name.folded() == name.folded() || grant_role == Some(name.folded())
    }

    /// Patterns of the path and name of existing roles that may be taken over.
    pub fn adoptable(&self) -> &[String] {
        &self.adoption
    }

    /// A pattern of the path and name of every role that may be made here, whatever its namespace.
    pub fn roles_pattern(&self) -> String {
        format!("{}*", self.role_path.replace("${namespace}", "*"))
    }

    /// Where the roles of one namespace live.
    ///
    /// # Errors
    /// A `rolePath` that is no path once the namespace is put in.
    pub fn role_path_of(&self, namespace: &str) -> Result<Path, Refusal> {
        self.role_path
            .replace("${namespace}", namespace)
            .parse()
            .map_err(|error| invalid("guardrails.rolePath", &format!("{error}")))
    }

    // A bootstrap role below rolePath could be rewritten through its own rights.
    fn check_bootstrap_outside_role_path(&self) -> Result<(), Refusal> {
        if RolePath(&self.role_path).can_hold(&self.bootstrap.path) {
            return Err(invalid(
                "bootstrapRole.name",
                &format!(
                    "the bootstrap role must live outside guardrails.rolePath {}",
                    self.role_path
                ),
            ));
        }
        Ok(())
    }

    // Whoever makes grants may write every policy at their path.
    fn check_boundary_outside_grants(&self) -> Result<(), Refusal> {
        let path = match &self.boundary {
            None => return Ok(()),
            Some(PolicyReference::Name(name)) => format!("/{name}"),
            Some(PolicyReference::Arn(arn)) => arn.resource().strip_prefix("policy").unwrap_or_default().to_string(),
        };
        if path.starts_with(GRANT_POLICY_PATH) {
            return Err(invalid(
                "guardrails.permissionsBoundary",
                &format!("the boundary must live outside {GRANT_POLICY_PATH}, where the grant role writes policies"),
            ));
        }
        Ok(())
    }
}

/// Where roles are made, as a class writes it: may hold `${namespace}`.
pub(crate) struct RolePath<'a>(pub(crate) &'a str);

impl RolePath<'_> {
    /// Whether roles of some namespace can be made at a path.
    pub(crate) fn can_hold(&self, path: &Path) -> bool {
        let fixed = self.0.split("${namespace}").next().unwrap_or_default();
        path.as_str().starts_with(fixed)
    }
}

#[cfg(test)]
mod tests;
