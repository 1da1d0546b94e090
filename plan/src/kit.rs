//! The bootstrap kit: the documents by which an account lets crossrole in, and no further than its class says.
//!
//! | module | holds |
//! |---|---|
//! | `right` | the rights that crossrole's calls need |
//! | `permissions` | what the bootstrap role may do, made from those calls and a class |
//! | `grants` | what the grant role may do |
//! | `boundary` | the ceiling of every role, where nobody has a better one |
//! | [`feed`] | what sends CloudTrail's events about roles to one queue |

mod boundary;
pub mod feed;
mod grants;
mod permissions;
mod right;

use crossrole_iam::document::{
    ActionElement, Condition, Document, DocumentKind, Effect, OperatorName, PrincipalElement, Principals,
    ResourceElement, Statement,
};
use crossrole_iam::{Partition, PolicyPathName, PrincipalArn, quota};

use crate::bootstrap::Bootstrap;
use crate::declaration::OrganizationId;
use crate::grant::GrantRole;
use crate::rules::{PROTECTED_NAMES, PROTECTED_PATHS, PolicyReference, Rules};

pub use right::{Call, Right};

/// The name of the inline policy that holds the bootstrap role's rights, and of the one that lets the operator's own
/// identity in.
pub const POLICY_NAME: &str = "crossrole";

/// The account that a role of the kit is in. Source: IAM User Guide, "AWS global condition context keys".
const THIS_ACCOUNT: &str = "${aws:PrincipalAccount}";

/// Who gets in, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The operator's own identity: a role, or a user.
    pub operator: PrincipalArn,
    /// The organisation that it must belong to.
    pub organization: Option<OrganizationId>,
    /// Whether it runs with EKS Pod Identity, which puts tags on its session that go on into this one.
    pub pod_identity: bool,
    /// How it reads the organisation.
    pub discovery: Reader,
}

/// Who reads the organisation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reader {
    /// Nobody.
    #[default]
    Nobody,
    /// The operator itself.
    Operator,
    /// This role, which the operator assumes.
    Role(PrincipalArn),
}

/// What the accounts of one class need.
#[derive(Clone, Debug, PartialEq)]
pub struct Kit {
    /// The class's name.
    pub class: String,
    /// The bootstrap role.
    pub role: Bootstrap,
    /// The partition of all of it.
    pub partition: Partition,
    /// What the bootstrap role may do.
    pub permissions: Document,
    /// What the operator's own identity may do: enter.
    pub operator: Document,
    /// The boundary.
    pub boundary: Boundary,
    /// The grant role, and what it may do; `None` where the class has no grants.
    pub grants: Option<(GrantRole, Document)>,
    order: Order,
}

/// The boundary of every role of a class.
#[derive(Clone, Debug, PartialEq)]
pub enum Boundary {
    /// The class says `None`.
    None,
    /// A policy of the account's own, which the kit makes.
    Made {
        /// Its name, with its path.
        name: PolicyPathName,
        /// What it allows at most.
        document: Document,
    },
    /// A policy that is there already.
    Elsewhere,
}

/// Why there is no kit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KitError {
    /// The class allows so many managed policies that IAM takes no list of them.
    #[error(
        "the bootstrap role's policy has {size} characters, and IAM takes {}: list fewer policies in \
         guardrails.managedPolicies and adoption.roles, or use patterns",
        quota::ROLE_INLINE_POLICIES_SIZE
    )]
    TooLong {
        /// The characters that count.
        size: usize,
    },
    /// The class lists so many groups and roles that IAM takes no list of them.
    #[error(
        "the grant role's policy has {size} characters, and IAM takes {}: list fewer groups and roles in grants",
        quota::ROLE_INLINE_POLICIES_SIZE
    )]
    TooManyGrantees {
        /// The characters that count.
        size: usize,
    },
    /// So many accounts send events that EventBridge takes no list of them.
    #[error(
        "the central bus's policy has {size} bytes, and EventBridge takes 10,000: let the whole organisation send, with \
         --organization"
    )]
    TooManySenders {
        /// Its bytes.
        size: usize,
    },
    /// The classes speak of so many roles that EventBridge takes no pattern of them.
    #[error(
        "the pattern of the rule on uses has {size} characters, and EventBridge takes 2,048: use fewer rolePaths, and patterns in \
         place of names in adoption.roles"
    )]
    TooManyRoles {
        /// Its characters.
        size: usize,
    },
    /// A document that IAM would refuse.
    #[error("{what}: {problem}")]
    Refused {
        /// Which document.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

impl Kit {
    /// What the accounts of a class need for these calls. `boundary`: the ceiling of every role, where the class names a
    /// policy of the account's own; `None`: that policy is there already.
    ///
    /// # Errors
    /// Documents that IAM would not take.
    pub fn new(rules: &Rules, order: Order, calls: &[Call], boundary: Option<Document>) -> Result<Self, KitError> {
        let partition = order.operator.partition();
        let permissions = permissions::document(rules, &order.operator, calls);
        check("the bootstrap role's permissions", &permissions)?;
        if permissions.size() > quota::ROLE_INLINE_POLICIES_SIZE {
            return Err(KitError::TooLong {
                size: permissions.size(),
            });
        }
        let boundary = match (&rules.boundary, boundary) {
            (None, _) => Boundary::None,
            (Some(PolicyReference::Name(name)), Some(document)) => {
                check("the boundary", &document)?;
                Boundary::Made {
                    name: name.clone(),
                    document,
                }
            }
            (Some(_), _) => Boundary::Elsewhere,
        };
        let grants = grants::document(rules, &order.operator, calls);
        if let Some((_, document)) = &grants {
            check("the grant role's permissions", document)?;
            if document.size() > quota::ROLE_INLINE_POLICIES_SIZE {
                return Err(KitError::TooManyGrantees { size: document.size() });
            }
        }
        Ok(Self {
            grants,
            class: rules.class.clone(),
            operator: entering(rules, &order, calls),
            role: rules.bootstrap.clone(),
            partition,
            permissions,
            boundary,
            order,
        })
    }

    /// What whoever reads the organisation may do, where that is a role of its own: its trust and its rights.
    pub fn reader(&self, calls: &[Call]) -> Option<(Document, Document)> {
        if !matches!(self.order.discovery, Reader::Role(_)) {
            return None;
        }
        let trust = Document::new(self.order.trust(Vec::new()));
        let rights = reading_the_organization(calls).into_iter().collect();
        Some((trust, Document::new(rights)))
    }

    /// Whether the operator gets its role by EKS Pod Identity.
    pub fn is_for_pod_identity(&self) -> bool {
        self.order.pod_identity
    }

    /// A ceiling for roles, for whoever has none: everything but identities.
    pub fn usual_boundary() -> Document {
        boundary::document()
    }

    /// Who may assume the bootstrap role, with this external id.
    pub fn trust(&self, external_id: &str) -> Document {
        let external_id = Condition::new(OperatorName::StringEquals, "sts:ExternalId", [external_id]);
        Document::new(self.order.trust(vec![external_id]))
    }
}

impl Order {
    /// The statements that let the operator in.
    fn trust(&self, conditions: Vec<Condition>) -> Vec<Statement> {
        let of = |sid: &str, action: &str, conditions: Vec<Condition>| {
            let within = self.organization.as_ref().map(|organization| {
                Condition::new(
                    OperatorName::StringEquals,
                    "aws:PrincipalOrgID",
                    [organization.to_string()],
                )
            });
            Statement {
                sid: Some(sid.to_string()),
                effect: Effect::Allow,
                principal: Some(PrincipalElement::Principal(Principals::aws([self
                    .operator
                    .to_string()]))),
                action: ActionElement::Action(vec![action.to_string()]),
                resource: None,
                conditions: conditions.into_iter().chain(within).collect(),
            }
        };
        let mut statements = vec![of("Operator", "sts:AssumeRole", conditions)];
        // It carries no external id, so it stands by itself.
        if self.pod_identity {
            statements.push(of("PodIdentitySessionTags", "sts:TagSession", Vec::new()));
        }
        statements
    }
}

/// What the operator's own identity may do: enter, and read the organisation where it does that itself.
fn entering(rules: &Rules, order: &Order, calls: &[Call]) -> Document {
    let mut actions = vec!["sts:AssumeRole".to_string()];
    actions.extend(order.pod_identity.then(|| "sts:TagSession".to_string()));
    let mut entered = entered(rules, order.operator.partition());
    let mut reading = None;
    match &order.discovery {
        Reader::Nobody => {}
        Reader::Operator => reading = reading_the_organization(calls),
        Reader::Role(role) => entered.push(role.to_string()),
    }
    let action = ActionElement::Action(actions);
    let entering = statement("EnterTheAccounts", Effect::Allow, action, entered, Vec::new());
    Document::new(std::iter::once(entering).chain(reading).collect())
}

/// Service Authorization Reference, "Actions, resources, and condition keys for AWS Organizations": lists have no resource.
fn reading_the_organization(calls: &[Call]) -> Option<Statement> {
    let rights = [Right::ReadOrganization];
    allow(calls, "ReadTheOrganization", &rights, vec!["*".into()], Vec::new())
}

/// The roles that the operator enters as, in whichever account: the bootstrap role, and the grant role of a class that has
/// one.
fn entered(rules: &Rules, partition: Partition) -> Vec<String> {
    let bootstrap = (&rules.bootstrap.path, &rules.bootstrap.name);
    let grants = rules
        .grants
        .as_ref()
        .map(|grants| (&grants.role.path, &grants.role.name));
    let roles = std::iter::once(bootstrap).chain(grants);
    roles
        .map(|(path, name)| any_account(partition, &format!("role{path}{name}")))
        .collect()
}

/// What no role of the kit may touch, itself among it: the roles that the operator enters as and the one that it is, `more`,
/// and the roles that others depend on.
fn untouchable(rules: &Rules, operator: &PrincipalArn, more: impl IntoIterator<Item = String>) -> Vec<String> {
    let partition = operator.partition();
    let mut resources = entered(rules, partition);
    resources.push(operator.to_string());
    resources.extend(more);
    let protected = PROTECTED_PATHS.iter().map(|path| format!("role{path}*"));
    let protected = protected.chain(PROTECTED_NAMES.iter().map(|name| format!("role/{name}")));
    resources.extend(protected.map(|resource| any_account(partition, &resource)));
    resources
}

/// The actions of the calls that need one of some rights, in order.
fn actions(calls: &[Call], rights: &[Right]) -> Vec<String> {
    let calls = calls.iter().filter(|call| rights.contains(&call.right));
    let mut actions: Vec<_> = calls.map(|call| call.action.to_string()).collect();
    actions.sort();
    actions
}

fn statement(
    sid: &str,
    effect: Effect,
    action: ActionElement,
    resources: Vec<String>,
    conditions: Vec<Condition>,
) -> Statement {
    Statement {
        sid: Some(sid.to_string()),
        effect,
        principal: None,
        action,
        resource: Some(ResourceElement::Resource(resources)),
        conditions,
    }
}

/// Allows the calls that need one of some rights; nothing where no call needs it.
fn allow(
    calls: &[Call],
    sid: &str,
    rights: &[Right],
    resources: Vec<String>,
    conditions: Vec<Condition>,
) -> Option<Statement> {
    let actions = ActionElement::Action(actions(calls, rights));
    (!actions.patterns().is_empty()).then(|| statement(sid, Effect::Allow, actions, resources, conditions))
}

/// Denies everything but some actions.
fn never(sid: &str, but: &[&str], resources: Vec<String>) -> Statement {
    let but = but.iter().map(ToString::to_string).collect();
    statement(sid, Effect::Deny, ActionElement::NotAction(but), resources, Vec::new())
}

/// A resource of IAM in whichever account.
fn any_account(partition: Partition, resource: &str) -> String {
    format!("arn:{partition}:iam::*:{resource}")
}

fn check(what: &'static str, document: &Document) -> Result<(), KitError> {
    document
        .check(DocumentKind::Permission)
        .map_err(|error| KitError::Refused {
            what,
            problem: error.to_string(),
        })
}

#[cfg(test)]
mod tests;
