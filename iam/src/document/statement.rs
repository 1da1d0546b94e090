//! One statement of a policy document, and its elements.

use super::canonical::CanonicalStatement;
use super::principals::is_unique_id;
use super::{Condition, DocumentError, DocumentKind, Effect, Principals, read, resource};

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Statement {
    /// The `Sid`: letters and digits, or empty. It carries no meaning, but within a document no two are the same.
    pub sid: Option<String>,
    /// Whether it allows or denies.
    pub effect: Effect,
    /// Who it speaks of: in a trust policy always, in a permission policy never.
    pub principal: Option<PrincipalElement>,
    /// What it allows or denies.
    pub action: ActionElement,
    /// On which resources: in a permission policy always, in a trust policy never.
    pub resource: Option<ResourceElement>,
    /// All of these must be true. No two may have the same operator and key: IAM has no way to write that.
    pub conditions: Vec<Condition>,
}

impl Statement {
    /// Reads one statement alone, strictly. Paths in errors begin inside the statement: `Action[0]`.
    ///
    /// # Errors
    /// As [`Document::parse`](super::Document::parse).
    pub fn parse(text: &str, kind: DocumentKind) -> Result<Statement, DocumentError> {
        read::lone_statement(text, kind)
    }

    /// The form in which two statements of one meaning are equal.
    #[must_use]
    pub fn canonical(&self) -> CanonicalStatement {
        CanonicalStatement::of(self)
    }

    /// The unique ids of deleted users and roles among the AWS principals.
    #[must_use]
    pub fn dead_principals(&self) -> Vec<&str> {
        match &self.principal {
            Some(element) => element.principals().dead(),
            None => Vec::new(),
        }
    }

    pub(super) fn without_dead_principals(&self) -> Option<Statement> {
        let mut statement = self.clone();
        if let Some(PrincipalElement::Principal(principals)) = &mut statement.principal {
            let dead = principals.aws.len();
            principals.aws.retain(|principal| !is_unique_id(principal));
            if principals.aws.len() < dead && principals.is_empty() {
                return None;
            }
        }
        Some(statement)
    }
}

/// The `Principal` or `NotPrincipal` of a statement.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PrincipalElement {
    /// These principals.
    Principal(Principals),
    /// Everybody but these. AWS supports it with `Deny` only.
    NotPrincipal(Principals),
}

impl PrincipalElement {
    /// The principals that are written.
    #[must_use]
    pub fn principals(&self) -> &Principals {
        match self {
            PrincipalElement::Principal(principals) | PrincipalElement::NotPrincipal(principals) => principals,
        }
    }

    /// Whether everybody but these is meant.
    #[must_use]
    pub fn is_not(&self) -> bool {
        matches!(self, PrincipalElement::NotPrincipal(_))
    }
}

/// The `Action` or `NotAction` of a statement: patterns that are matched without regard to case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ActionElement {
    /// Actions that match one of these patterns.
    Action(Vec<String>),
    /// Actions that match none of these patterns.
    NotAction(Vec<String>),
}

impl ActionElement {
    /// The patterns as written.
    #[must_use]
    pub fn patterns(&self) -> &[String] {
        match self {
            ActionElement::Action(patterns) | ActionElement::NotAction(patterns) => patterns,
        }
    }

    /// Whether every other action is meant.
    #[must_use]
    pub fn is_not(&self) -> bool {
        matches!(self, ActionElement::NotAction(_))
    }
}

/// The `Resource` or `NotResource` of a statement: patterns of ARNs, or `*`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ResourceElement {
    /// Resources that match one of these patterns.
    Resource(Vec<String>),
    /// Resources that match none of these patterns.
    NotResource(Vec<String>),
}

impl ResourceElement {
    /// What is wrong with a pattern of resources, if anything.
    #[must_use]
    pub fn pattern_problem(pattern: &str) -> Option<String> {
        resource::problem(pattern)
    }

    /// The patterns as written.
    #[must_use]
    pub fn patterns(&self) -> &[String] {
        match self {
            ResourceElement::Resource(patterns) | ResourceElement::NotResource(patterns) => patterns,
        }
    }

    /// Whether every other resource is meant.
    #[must_use]
    pub fn is_not(&self) -> bool {
        matches!(self, ResourceElement::NotResource(_))
    }
}
