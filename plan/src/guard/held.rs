//! Would the class allow what an account holds now?
//!
//! Whether a changed rule forbids an existing role cannot be read from the object: its owner may have edited it since,
//! well or badly. So the role itself is judged, by the same guardrails.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crossrole_api::Reason;
use crossrole_api::names::PREFIX;
use crossrole_iam::document::Document;
use crossrole_iam::{Arn, PolicyPathName, RoleName};

use super::{GUARDRAILS, Guardrail, Proposal, is_violation, permissions};
use crate::account::Account;
use crate::change::Change;
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
    pub rules: Arc<Rules>,
    /// The labels of the object's namespace.
    pub namespace_labels: Labels,
    /// The account's policies that the object declares, where every entry of that list can be read: also of an object that
    /// cannot be read otherwise.
    pub declared_policies: Option<BTreeSet<Arn>>,
}

/// What a class makes of a role that an account holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Judgement {
    /// It may stay, once these changes have taken off what the class forbids and nobody declared; each only takes away.
    Stays(Vec<Change>),
    /// The class forbids it.
    Forbidden,
}

/// The guardrails on what can be taken off a role while the rest of it stays.
const SEPARABLE: &[Guardrail] = &[
    permissions::session_is_short_enough,
    permissions::managed_policies_are_listed,
    permissions::inline_policies_are_allowed,
    permissions::inline_policies_hold_no_denied_action,
    permissions::tag_keys_are_listed,
];

impl Judge {
    /// Judges a role of an object. The boundary is not judged: the class sets it, not the object. A document that only
    /// denies adds nothing, and a principal that was deleted admits nobody.
    ///
    /// `declared` is what the object means here, where it can be read. What the class forbids and the object declares, or
    /// what cannot be taken off safely, makes the role a forbidden one. Policies that somebody else put on do not: they go,
    /// as they would if the object were not refused. Those of which nobody here knows whether they give or take away stay,
    /// and so do tags; but what `managedPolicies.deny` names is forbidden whoever put it on.
    ///
    /// Of an object that cannot be read, the list of the account's policies is read by itself. Where not even that can be
    /// read, it may have named any of them.
    pub fn judge(&self, name: &RoleName, owner: &Owner, role: &ObservedRole, declared: Option<&Desired>) -> Judgement {
        let mut surplus = Vec::new();
        for part in self.forbidden_parts(name, owner, role) {
            match (self.declares(declared, &part, role), part) {
                (false, Separable::Known(change)) => surplus.push(change),
                (false, Separable::Policy(arn)) if self.denies(&arn) => return Judgement::Forbidden,
                (false, Separable::Policy(_) | Separable::Tag(_)) => {}
                (true, _) | (false, Separable::Mixed) => return Judgement::Forbidden,
            }
        }
        let rest = ObservedRole {
            trust: without_dead_principals(&role.trust),
            ..bare(role)
        };
        if self.refuses(name, owner, &rest, GUARDRAILS) {
            Judgement::Forbidden
        } else {
            Judgement::Stays(surplus)
        }
    }

    /// Policies of the account on a role that stays, which the class does not list and the object does not declare.
    pub(crate) fn unlisted(
        &self,
        name: &RoleName,
        owner: &Owner,
        role: &ObservedRole,
        declared: Option<&Desired>,
    ) -> Vec<Arn> {
        if self.judge(name, owner, role, declared) == Judgement::Forbidden {
            return Vec::new();
        }
        let parts = self.forbidden_parts(name, owner, role).into_iter();
        parts
            .filter_map(|part| match part {
                Separable::Policy(arn) => Some(arn),
                _ => None,
            })
            .collect()
    }

    /// What of a role's separable parts the class forbids.
    fn forbidden_parts(&self, name: &RoleName, owner: &Owner, role: &ObservedRole) -> Vec<Separable> {
        let parts = parts(role, self.rules.max_session).into_iter();
        parts
            .filter(|part| self.refuses(name, owner, &part.alone, SEPARABLE))
            .map(|part| part.what)
            .collect()
    }

    /// Whether the class denies a policy by name.
    fn denies(&self, policy: &Arn) -> bool {
        policy_name(policy).is_ok_and(|name| permissions::is_denied(&self.rules, &name))
    }

    /// Whether the object itself asks for what is there: not only for something of that name. Of an object that cannot be
    /// read only the account's policies count, which nothing else would take off: it asks for nothing else that this knows.
    fn declares(&self, declared: Option<&Desired>, what: &Separable, role: &ObservedRole) -> bool {
        let Some(desired) = declared else {
            let listed = |arn: &Arn| self.declared_policies.as_ref().is_none_or(|list| list.contains(arn));
            return matches!(what, Separable::Policy(arn) if listed(arn));
        };
        match what {
            Separable::Policy(arn) | Separable::Known(Change::Detach(arn)) => desired.attached.contains(arn),
            Separable::Known(Change::DeleteInline(name)) => {
                let (found, wanted) = (role.inline.get(name), desired.inline.get(name));
                found.zip(wanted).is_some_and(|(found, wanted)| found.means(wanted))
            }
            Separable::Known(Change::UpdateRole { max_session, .. }) => desired.max_session > *max_session,
            // By its key alone: the guardrail lists keys, not values.
            Separable::Tag(key) => desired.tags.keys().any(|tag| tag.eq_ignore_ascii_case(key)),
            Separable::Known(_) | Separable::Mixed => true,
        }
    }

    /// Whether any of these guardrails says that the class forbids a role. What cannot be read may be anything. A refusal
    /// that is no violation, such as a mistake in the class, hides none that is.
    fn refuses(&self, name: &RoleName, owner: &Owner, role: &ObservedRole, guardrails: &[Guardrail]) -> bool {
        let refusals = self.refusals(name, owner, role, guardrails);
        refusals.into_iter().any(is_violation)
    }

    /// Why each of these guardrails that refuses a role does so.
    fn refusals(&self, name: &RoleName, owner: &Owner, role: &ObservedRole, guardrails: &[Guardrail]) -> Vec<Reason> {
        let asked = || -> Result<Vec<Reason>, Refusal> {
            let desired = self.as_desired(name, owner, role)?;
            let declaration = as_declaration(&desired, role)?;
            let proposal = Proposal {
                declaration: &declaration,
                desired: &desired,
                account: &self.account,
                rules: &self.rules,
                namespace_labels: &self.namespace_labels,
                hub_role: None,
                namespace_roles: None,
            };
            let refusals = guardrails.iter().filter_map(|guardrail| guardrail(&proposal).err());
            Ok(refusals.map(|refusal| refusal.reason).collect())
        };
        asked().unwrap_or_else(|refusal| vec![refusal.reason])
    }

    /// The role, as if just that were wanted.
    fn as_desired(&self, name: &RoleName, owner: &Owner, role: &ObservedRole) -> Result<Desired, Refusal> {
        let path: crossrole_iam::Path = role
            .path
            .parse()
            .map_err(|_| unreadable(Reason::PathNotAllowed, "path"))?;
        let trust = readable(&role.trust, Reason::TrustNotAllowed, "trust policy")?.clone();
        let inline = role.inline.iter().filter(|(_, document)| document.may_allow());
        let inline = inline.map(|(name, document)| {
            let document = readable(document, Reason::InlinePolicyNotAllowed, "inline policy")?;
            Ok((name.clone(), document.clone()))
        });
        let is_ours = |key: &str| key.to_lowercase().starts_with(PREFIX) || key.to_lowercase().starts_with("aws:");
        let tags = role.tags.iter().filter(|(key, _)| !is_ours(key));
        let boundary = self.rules.boundary.as_ref();
        Ok(Desired {
            name: name.clone(),
            arn: role
                .arn
                .parse()
                .map_err(|_| unreadable(Reason::PathNotAllowed, "ARN"))?,
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
        let template = Template::parse(&document.to_json())
            .map_err(|_| unreadable(Reason::InlinePolicyNotAllowed, "inline policy"))?;
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
    name.parse()
        .map_err(|_| unreadable(Reason::PolicyNotAllowed, "attached policy"))
}

fn readable<'a>(document: &'a ObservedDocument, reason: Reason, what: &str) -> Result<&'a Document, Refusal> {
    document.document().ok_or_else(|| unreadable(reason, what))
}

fn unreadable(reason: Reason, what: &str) -> Refusal {
    Refusal::new(
        reason,
        format!("the role's {what} cannot be read, so no guardrail can judge it"),
    )
}

/// A role with one of the things that are judged alone.
struct Part {
    alone: ObservedRole,
    what: Separable,
}

/// What is judged alone, and what becomes of it where the class forbids it and the object does not declare it.
enum Separable {
    /// This change takes it off, and only takes away.
    Known(Change),
    /// A policy of the account, of which only the name is known: without it the role could do less, or more.
    Policy(Arn),
    /// A tag. Where nothing reads it, it does nothing; where something does, be it a policy of the organisation, the role
    /// could do less without it, or more.
    Tag(String),
    /// A document that also denies: without it the rest of the role could do more.
    Mixed,
}

/// A role without any of them.
fn bare(role: &ObservedRole) -> ObservedRole {
    ObservedRole {
        max_session: 0,
        tags: BTreeMap::new(),
        attached: BTreeSet::new(),
        inline: BTreeMap::new(),
        trust: ObservedDocument::of(Document::new(Vec::new())),
        ..role.clone()
    }
}

fn parts(role: &ObservedRole, longest: u32) -> Vec<Part> {
    let bare = bare(role);
    let part = |what: Separable, add: &dyn Fn(&mut ObservedRole)| {
        let mut alone = bare.clone();
        add(&mut alone);
        Part { alone, what }
    };
    let attached = role.attached.iter().filter(|arn| !only_denies(arn)).map(|arn| {
        // AWS makes its policies to grant something.
        let what = match arn.account() {
            "aws" => Separable::Known(Change::Detach(arn.clone())),
            _ => Separable::Policy(arn.clone()),
        };
        part(what, &|alone| {
            alone.attached.insert(arn.clone());
        })
    });
    let inline = role.inline.iter().map(|(name, document)| {
        let what = match document.may_deny() {
            true => Separable::Mixed,
            false => Separable::Known(Change::DeleteInline(name.clone())),
        };
        part(what, &|alone| {
            alone.inline.insert(name.clone(), document.clone());
        })
    });
    let tags = role.tags.iter().map(|(key, value)| {
        part(Separable::Tag(key.clone()), &|alone| {
            alone.tags.insert(key.clone(), value.clone());
        })
    });
    let shorter = Separable::Known(Change::UpdateRole {
        description: role.description.clone(),
        max_session: longest,
    });
    let session = part(shorter, &|alone| alone.max_session = role.max_session);
    attached.chain(inline).chain(tags).chain([session]).collect()
}

/// Whether it is one of AWS's policies that only deny: somebody has shut the role in. Source: AWS Managed Policy Reference
/// Guide, "AWSDenyAll", "AWSCompromisedKeyQuarantine" and its later versions.
fn only_denies(arn: &Arn) -> bool {
    let name = arn.resource().strip_prefix("policy/").unwrap_or_default();
    arn.account() == "aws" && (name == "AWSDenyAll" || name.starts_with("AWSCompromisedKeyQuarantine"))
}

/// A trust policy without those whom nobody can be any more. Source: IAM User Guide, "AWS JSON policy elements: Principal".
fn without_dead_principals(trust: &ObservedDocument) -> ObservedDocument {
    let read = trust.document();
    read.map_or_else(
        || trust.clone(),
        |document| ObservedDocument::of(document.without_dead_principals()),
    )
}
