//! An AccountClass, parsed.

use std::collections::BTreeSet;

use crossrole_api::class::{RequireExternalId, RequireMfa};
use crossrole_api::selector::NamesOrSelector;
use crossrole_api::{AccountClass, Reason};
use crossrole_iam::{AccountId, Arn, Partition, Path, PolicyPathName, account_policy_arn};

use crate::bootstrap::Bootstrap;
use crate::duration;
use crate::refusal::Refusal;

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
            require_mfa: trust.require_mfa,
            require_external_id: trust.require_external_id,
            max_session: seconds(
                "guardrails.maxSessionDuration",
                &guardrails.max_session_duration,
                3600,
                43_200,
            )?,
            aws_policies: managed.aws,
            account_policies: managed.account,
            denied_policies: managed.deny,
            denied_actions: guardrails
                .inline_policies
                .clone()
                .map(|inline| actions(inline.deny_actions))
                .transpose()?,
            tag_keys: guardrails.tag_keys.clone(),
        };
        rules.role_path_of("namespace")?;
        rules.check_bootstrap_outside_role_path()?;
        if let Some(both) = rules.trusted_accounts.intersection(&rules.third_parties).next() {
            return Err(invalid(
                "guardrails.trust.thirdParties",
                &format!("{both} is also in trust.accounts: an account is either ours or somebody else's"),
            ));
        }
        Ok(rules)
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
        let fixed = self.role_path.split("${namespace}").next().unwrap_or_default();
        if self.bootstrap.path.as_str().starts_with(fixed) {
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
}

/// A field of an AccountClass that cannot be what it is.
pub(crate) fn invalid(field: &str, problem: &str) -> Refusal {
    Refusal::of_field(Reason::InvalidClass, format!("AccountClass spec.{field}"), problem)
}

pub(crate) fn seconds(field: &str, text: &str, least: u32, most: u32) -> Result<u32, Refusal> {
    duration::seconds(text)
        .filter(|seconds| (least..=most).contains(seconds))
        .ok_or_else(|| {
            invalid(
                field,
                &format!(
                    "write a duration from {} to {}",
                    duration::written(least),
                    duration::written(most)
                ),
            )
        })
}

fn accounts(field: &str, ids: &[String]) -> Result<BTreeSet<AccountId>, Refusal> {
    ids.iter()
        .map(|id| id.parse().map_err(|error| invalid(field, &format!("{error}"))))
        .collect()
}

// A pattern that no action can match would deny nothing, and nobody would know.
fn actions(patterns: Vec<String>) -> Result<Vec<String>, Refusal> {
    let can_match = |pattern: &String| {
        let parts = pattern
            .split_once(':')
            .filter(|(service, action)| !service.is_empty() && !action.is_empty());
        pattern == "*" || (parts.is_some() && !pattern.contains(char::is_whitespace))
    };
    match patterns.iter().find(|pattern| !can_match(pattern)) {
        None => Ok(patterns),
        Some(pattern) => Err(invalid(
            "guardrails.inlinePolicies.denyActions",
            &format!("{pattern:?} matches no action: write service:action, such as iam:*"),
        )),
    }
}

#[cfg(test)]
mod tests;
