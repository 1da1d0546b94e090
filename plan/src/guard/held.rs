//! Would the class allow what an account holds now?
//!
//! Whether a changed rule forbids an existing role cannot be read from the object: its owner may have edited it since,
//! well or badly. So the role itself is judged, by the same guardrails.

use crossrole_api::Reason;
use crossrole_api::names::PREFIX;
use crossrole_iam::{Arn, PolicyPathName, RoleName};

use super::{Proposal, check};
use crate::account::Account;
use crate::declaration::{AwsManagedPolicy, Declaration, ObjectName, Trust};
use crate::desired::Desired;
use crate::lifecycle::Lifecycle;
use crate::observed::{ObservedDocument, ObservedRole};
use crate::owner::Owner;
use crate::refusal::Refusal;
use crate::rules::Rules;
use crate::select::Labels;
use crate::substitute::Template;

/// What a role that is there is judged by.
#[derive(Clone, Debug)]
pub struct Judge {
    /// The account.
    pub account: Account,
    /// The rules of its class.
    pub rules: Rules,
    /// The labels of the object's namespace.
    pub namespace_labels: Labels,
    /// The role that the operator itself runs as: its account id and its name.
    pub hub_role: Option<(String, String)>,
}

impl Judge {
    /// Judges a role of an object. The boundary is not judged: the class sets it, not the object. A document that only
    /// denies adds nothing.
    ///
    /// # Errors
    /// The first guardrail that the role would not pass. What cannot be read may be anything.
    pub fn allows(&self, name: &RoleName, owner: &Owner, role: &ObservedRole) -> Result<(), Refusal> {
        let desired = self.as_desired(name, owner, role)?;
        let declaration = as_declaration(&desired, role)?;
        check(&Proposal {
            declaration: &declaration,
            desired: &desired,
            account: &self.account,
            rules: &self.rules,
            namespace_labels: &self.namespace_labels,
            hub_role: self
                .hub_role
                .as_ref()
                .map(|(account, name)| (account.as_str(), name.as_str())),
            namespace_roles: None,
        })
    }

    /// The role, as if just that were wanted.
    fn as_desired(&self, name: &RoleName, owner: &Owner, role: &ObservedRole) -> Result<Desired, Refusal> {
        let path: crossrole_iam::Path = role.path.parse().map_err(|_| unreadable("path"))?;
        let trust = readable(&role.trust, "trust policy")?.clone();
        let inline = role.inline.iter().filter(|(_, document)| document.may_allow());
        let inline = inline.map(|(name, document)| Ok((name.clone(), readable(document, "inline policy")?.clone())));
        let is_ours = |key: &str| key.to_lowercase().starts_with(PREFIX) || key.to_lowercase().starts_with("aws:");
        let tags = role.tags.iter().filter(|(key, _)| !is_ours(key));
        let boundary = self.rules.boundary.as_ref();
        Ok(Desired {
            name: name.clone(),
            arn: role.arn.parse().map_err(|_| unreadable("ARN"))?,
            trust_fields: vec!["the role's trust policy".into(); trust.statements.len()],
            trust,
            description: role.description.clone(),
            max_session: role.max_session,
            boundary: boundary.map(|boundary| boundary.resolve(self.account.partition, &self.account.id)),
            tags: tags.map(|(key, value)| (key.clone(), value.clone())).collect(),
            owner: owner.clone(),
            attached: role.attached.clone(),
            inline: inline.collect::<Result<_, Refusal>>()?,
            lifecycle: Lifecycle::default(),
            adopts: self.rules.may_adopt(&path, name),
            below_role_path: path.is_at_or_below(&self.rules.role_path_of(&owner.object.namespace)?),
            path,
        })
    }
}

fn as_declaration(desired: &Desired, role: &ObservedRole) -> Result<Declaration, Refusal> {
    let object: ObjectName = desired.owner.object.clone();
    let (aws, customer): (Vec<&Arn>, Vec<&Arn>) = role.attached.iter().partition(|arn| arn.account() == "aws");
    let aws = aws.into_iter().map(|arn| {
        Ok(AwsManagedPolicy {
            partition: None,
            name: policy_name(arn)?,
        })
    });
    let inline = desired.inline.iter().map(|(name, document)| {
        let template = Template::parse(&document.to_json()).map_err(|_| unreadable("inline policy"))?;
        Ok((name.clone(), template))
    });
    Ok(Declaration {
        object,
        role_name: desired.name.clone(),
        path: Some(desired.path.clone()),
        description: String::new(),
        trust: Trust {
            entries: Vec::new(),
            extra: Vec::new(),
        },
        max_session: desired.max_session,
        aws_managed: aws.collect::<Result<_, Refusal>>()?,
        customer_managed: customer.into_iter().map(policy_name).collect::<Result<_, _>>()?,
        inline: inline.collect::<Result<_, Refusal>>()?,
        tags: desired.tags.clone(),
        boundary: None,
        lifecycle: Lifecycle::default(),
        adopt: false,
    })
}

fn policy_name(arn: &Arn) -> Result<PolicyPathName, Refusal> {
    let name = arn.resource().strip_prefix("policy/").unwrap_or(arn.resource());
    name.parse().map_err(|_| unreadable("attached policy"))
}

fn readable<'a>(document: &'a ObservedDocument, what: &str) -> Result<&'a crossrole_iam::document::Document, Refusal> {
    document.document().ok_or_else(|| unreadable(what))
}

fn unreadable(what: &str) -> Refusal {
    Refusal::new(
        Reason::TrustNotAllowed,
        format!("the role's {what} cannot be read, so no guardrail can judge it"),
    )
}
