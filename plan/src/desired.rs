//! The role that an account shall hold.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_api::Reason;
use crossrole_iam::document::Document;
use crossrole_iam::{Arn, Partition, Path, PolicyName, RoleName, account_policy_arn, aws_policy_arn, role_arn};

use crate::account::Account;
use crate::declaration::Declaration;
use crate::lifecycle::Lifecycle;
use crate::owner::Owner;
use crate::refusal::Refusal;
use crate::rules::Rules;
use crate::substitute::Template;
use crate::trust;

/// The role that an account shall hold: everything that IAM can hold of it.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct Desired {
    /// The role's name.
    pub name: RoleName,
    /// The role's path.
    pub path: Path,
    /// The role's ARN.
    pub arn: Arn,
    /// The trust policy.
    pub trust: Document,
    /// For each statement of the trust policy the field that it comes from: `spec.trust[0]`,
    /// `spec.extraTrustStatements[1]`.
    pub trust_fields: Vec<String>,
    /// The description; empty where there is none.
    pub description: String,
    /// The longest session, in seconds.
    pub max_session: u32,
    /// The permissions boundary.
    pub boundary: Option<Arn>,
    /// The declared tags, without ours.
    pub tags: BTreeMap<String, String>,
    /// Whose the role is: its tags go onto the role too.
    pub owner: Owner,
    /// The attached managed policies.
    pub attached: BTreeSet<Arn>,
    /// The inline policies.
    pub inline: BTreeMap<PolicyName, Document>,
    /// When the role can be used; [`crate::lifecycle::shaped`] writes it into the rest.
    pub lifecycle: Lifecycle,
    /// Whether a role of this path and name that nobody holds may be taken over.
    pub adopts: bool,
    /// Whether the path is at or below the class's `rolePath`. Elsewhere roles are only taken over, never made.
    pub below_role_path: bool,
}

impl Desired {
    /// What a declaration means in one account, under the rules of its class.
    ///
    /// # Errors
    /// What cannot be resolved in this account.
    pub fn of(declaration: &Declaration, account: &Account, rules: &Rules, cluster: &str) -> Result<Self, Refusal> {
        let path = match &declaration.path {
            Some(path) => path.clone(),
            None => rules.role_path_of(&declaration.object.namespace)?,
        };
        // A boundary that the class forces wins; `guard` refuses an object that asks for another.
        let boundary = rules.boundary.as_ref().or(declaration.boundary.as_ref());
        let mut attached: BTreeSet<Arn> = declaration
            .customer_managed
            .iter()
            .map(|name| account_policy_arn(account.partition, &account.id, name))
            .collect();
        for (index, policy) in declaration.aws_managed.iter().enumerate() {
            check_partition(index, policy.partition.as_deref(), account.partition)?;
            attached.insert(aws_policy_arn(account.partition, &policy.name));
        }
        let adopts = declaration.adopt && rules.may_adopt(&path, &declaration.role_name);
        let below_role_path = path.is_at_or_below(&rules.role_path_of(&declaration.object.namespace)?);
        let trust = trust::rendered(&declaration.trust, account.partition, &account.id)?;
        Ok(Self {
            arn: role_arn(account.partition, &account.id, &path, &declaration.role_name),
            name: declaration.role_name.clone(),
            path,
            trust: trust.document,
            trust_fields: trust.fields,
            description: declaration.description.clone(),
            max_session: declaration.max_session,
            boundary: boundary.map(|boundary| boundary.resolve(account.partition, &account.id)),
            tags: declaration.tags.clone(),
            owner: Owner {
                cluster: cluster.to_string(),
                object: declaration.object.clone(),
                predecessor: None,
            },
            attached,
            inline: inline(declaration, account)?,
            lifecycle: declaration.lifecycle.clone(),
            adopts,
            below_role_path,
        })
    }

    /// Every tag of the role: the declared ones and ours.
    pub fn all_tags(&self) -> BTreeMap<String, String> {
        let mut tags = self.tags.clone();
        tags.extend(self.owner.tags());
        tags
    }
}

fn inline(declaration: &Declaration, account: &Account) -> Result<BTreeMap<PolicyName, Document>, Refusal> {
    let in_account = |(index, (name, template)): (usize, &(PolicyName, Template))| {
        let document = template.in_account(account).map_err(|error| {
            Refusal::of_field(
                Reason::InvalidSpec,
                format!("spec.permissions.inline[{index}].document"),
                error.to_string(),
            )
        })?;
        Ok((name.clone(), document))
    };
    declaration.inline.iter().enumerate().map(in_account).collect()
}

fn check_partition(index: usize, written: Option<&str>, partition: Partition) -> Result<(), Refusal> {
    match written {
        Some(other) if other != partition.as_str() => Err(Refusal::of_field(
            Reason::InvalidSpec,
            format!("spec.permissions.awsManaged[{index}]"),
            format!("is an ARN of partition {other}, but the account is in {partition}: write the policy's name"),
        )),
        _ => Ok(()),
    }
}
