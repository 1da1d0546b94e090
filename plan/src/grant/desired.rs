//! The policies that an account shall hold for a grant.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_api::names::GRANT_POLICY_PATH;
use crossrole_api::{AssumeRoleGrant, Reason};
use crossrole_iam::document::{ActionElement, Document, Effect, ResourceElement, Statement};
use crossrole_iam::{AccountId, Partition, quota};

use super::grantee::{Grantee, Holder};
use crate::declaration::ObjectName;
use crate::owner::Owner;
use crate::refusal::Refusal;

/// An AssumeRoleGrant, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The object's name.
    pub object: ObjectName,
    /// Who is given leave, each once.
    pub grantees: BTreeSet<Grantee>,
}

impl Grant {
    /// Reads an AssumeRoleGrant.
    ///
    /// # Errors
    /// A field that the schema should have refused.
    pub fn parse(object: &AssumeRoleGrant) -> Result<Self, Refusal> {
        let name = object.metadata.name.clone().unwrap_or_default();
        if name.len() > NAME_SIZE {
            return Err(Refusal::of_field(
                Reason::InvalidSpec,
                "metadata.name",
                format!("an AssumeRoleGrant's name has at most {NAME_SIZE} characters"),
            ));
        }
        Ok(Self {
            object: ObjectName {
                namespace: object.metadata.namespace.clone().unwrap_or_default(),
                name,
            },
            grantees: Grantee::of(&object.spec.to)?.into_iter().collect(),
        })
    }
}

/// With the namespace (63 characters) and a number this fits into the name of a policy (128).
const NAME_SIZE: usize = 60;

/// What else than to assume it may be asked of a role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Allows {
    /// Its trust lets tags be set on its sessions.
    pub session_tags: bool,
    /// Its trust lets a source identity be set on its sessions.
    pub source_identity: bool,
}

/// The actions that a grant can allow.
pub(super) const ASSUME: &str = "sts:AssumeRole";
const TAG: &str = "sts:TagSession";
const IDENTITY: &str = "sts:SetSourceIdentity";

/// The policies that an account shall hold for a grant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DesiredGrant {
    /// Whose they are.
    pub owner: Owner,
    /// The account's partition.
    pub partition: Partition,
    /// The account.
    pub account: AccountId,
    /// The ARNs of the roles that may be assumed, and what else each allows. Where there is none, there is no policy.
    pub roles: BTreeMap<String, Allows>,
    /// Who is given leave.
    pub holders: BTreeSet<Holder>,
    /// The paths at which roles that are given leave must be, by their names in lower case.
    pub role_paths: BTreeMap<String, String>,
}

/// One of the policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its number, from 1.
    pub number: u32,
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// What it allows.
    pub document: Document,
}

impl DesiredGrant {
    /// What a grant of these roles means in an account.
    pub fn of(
        grant: &Grant,
        owner: Owner,
        (partition, account): (Partition, &AccountId),
        roles: BTreeMap<String, Allows>,
    ) -> Self {
        let role_paths = grant.grantees.iter().filter_map(|grantee| match grantee {
            Grantee::Role(path, name) => Some((name.folded(), path.to_string())),
            Grantee::Group(..) => None,
        });
        Self {
            owner,
            partition,
            account: account.clone(),
            roles,
            holders: grant.grantees.iter().map(Grantee::holder).collect(),
            role_paths: role_paths.collect(),
        }
    }

    /// The policies, in order: as many roles in each as fit, in the order of their ARNs. What they are depends on the
    /// declaration alone, not on what was there before.
    pub fn parts(&self) -> Vec<Part> {
        let mut documents: Vec<BTreeMap<&str, Allows>> = Vec::new();
        for (arn, allows) in &self.roles {
            if let Some(last) = documents.last_mut() {
                last.insert(arn, *allows);
                if document(last.iter().map(|(arn, allows)| (*arn, *allows))).size() <= quota::MANAGED_POLICY_SIZE {
                    continue;
                }
                last.remove(arn.as_str());
            }
            documents.push(BTreeMap::from([(arn.as_str(), *allows)]));
        }
        let parts = (1..).zip(documents).map(|(number, roles)| Part {
            number,
            name: policy_name(&self.owner.object, number),
            arn: format!(
                "arn:{}:iam::{}:policy{GRANT_POLICY_PATH}{}",
                self.partition,
                self.account,
                policy_name(&self.owner.object, number)
            ),
            document: document(roles.into_iter()),
        });
        parts.collect()
    }

    /// Everything that is allowed: an action on an ARN.
    pub(super) fn pairs(&self) -> BTreeSet<(String, String)> {
        let roles = self.roles.iter();
        roles
            .flat_map(|(arn, allows)| actions(*allows).map(move |action| (folded(action), arn.clone())))
            .collect()
    }
}

/// Where the policies of grants are: an argument of `ListPolicies`.
pub fn policies_path() -> &'static str {
    GRANT_POLICY_PATH
}

// A namespace has no dots, so no two objects share a name.
fn policy_name(object: &ObjectName, number: u32) -> String {
    format!("{}.{}.{number}", object.namespace, object.name)
}

/// The number of a policy of this name, where the name is one of the object's.
pub fn number_of(object: &ObjectName, name: &str) -> Option<u32> {
    let number: u32 = name.rsplit_once('.')?.1.parse().ok()?;
    (policy_name(object, number) == name).then_some(number)
}

fn actions(allows: Allows) -> impl Iterator<Item = &'static str> {
    let tag = allows.session_tags.then_some(TAG);
    let identity = allows.source_identity.then_some(IDENTITY);
    std::iter::once(ASSUME).chain(tag).chain(identity)
}

fn folded(action: &str) -> String {
    action.to_ascii_lowercase()
}

/// A policy that allows each of these roles to be assumed, and what else it allows.
fn document<'a>(roles: impl Iterator<Item = (&'a str, Allows)>) -> Document {
    let roles: Vec<_> = roles.collect();
    let statement = |sid: &str, wanted: &str| {
        let resources = roles
            .iter()
            .filter(|(_, allows)| actions(*allows).any(|action| action == wanted));
        let resources: Vec<String> = resources.map(|(arn, _)| (*arn).to_string()).collect();
        (!resources.is_empty()).then(|| allow(sid, wanted, resources))
    };
    let statements = [
        statement("AssumeRoles", ASSUME),
        statement("TagSessions", TAG),
        statement("SetSourceIdentities", IDENTITY),
    ];
    Document::new(statements.into_iter().flatten().collect())
}

fn allow(sid: &str, action: &str, resources: Vec<String>) -> Statement {
    Statement {
        sid: Some(sid.to_string()),
        effect: Effect::Allow,
        principal: None,
        action: ActionElement::Action(vec![action.to_string()]),
        resource: Some(ResourceElement::Resource(resources)),
        conditions: Vec::new(),
    }
}

/// What a document allows, action by action and ARN by ARN; `None` where it says anything else.
pub(super) fn pairs_in(document: &Document) -> Option<BTreeSet<(String, String)>> {
    let mut pairs = BTreeSet::new();
    for statement in &document.statements {
        let (ActionElement::Action(actions), Some(ResourceElement::Resource(resources))) =
            (&statement.action, &statement.resource)
        else {
            return None;
        };
        if statement.effect != Effect::Allow || !statement.conditions.is_empty() {
            return None;
        }
        for action in actions {
            pairs.extend(resources.iter().map(|arn| (folded(action), arn.clone())));
        }
    }
    Some(pairs)
}

/// A document that allows these pairs, in which no action is a pattern; `None` where there are none, or others.
pub(super) fn document_of(pairs: &BTreeSet<(String, String)>) -> Option<Document> {
    let mut roles: BTreeMap<&str, Allows> = BTreeMap::new();
    for (action, arn) in pairs {
        let allows = roles.entry(arn).or_default();
        allows.session_tags |= *action == folded(TAG);
        allows.source_identity |= *action == folded(IDENTITY);
    }
    let is_whole = roles
        .keys()
        .all(|arn| pairs.contains(&(folded(ASSUME), (*arn).to_string())));
    (!roles.is_empty() && is_whole).then(|| document(roles.into_iter()))
}
