//! IAM policy documents: read strictly, written plainly, compared by meaning.
//!
//! | file | holds |
//! | --- | --- |
//! | `mod` | [`Document`] and its error |
//! | `statement` | [`Statement`] and its elements |
//! | `principals` | [`Principals`]: who a trust policy speaks of |
//! | `operator`, `condition` | [`Operator`], [`Condition`] and what their values may be |
//! | `read`, `read_condition`, `place` | JSON to documents, refusing whatever IAM would refuse or silently ignore |
//! | `rules` | what actions and policy variables may look like |
//! | `resource` | what a resource ARN may look like |
//! | `date` | the dates of the `Date…` operators |
//! | `write` | documents to JSON |
//! | `canonical` | the canonical forms in which equal means equal |
//! | `within` | whether a statement says nothing that others do not say |
//!
//! The language is the one of the IAM User Guide, "Grammar of the IAM JSON policy language" and "IAM JSON policy
//! elements reference", with the errors of "Access Analyzer policy check reference" where they can be told without
//! knowing every service's actions.

mod canonical;
mod condition;
mod date;
mod operator;
mod place;
mod principals;
mod read;
mod read_condition;
mod resource;
mod rules;
mod statement;
mod within;
mod write;

#[cfg(test)]
mod document_tests;
#[cfg(test)]
mod equality_tests;
#[cfg(test)]
mod generated;
#[cfg(test)]
mod generated_tests;
#[cfg(test)]
mod principals_tests;
#[cfg(test)]
mod read_tests;
#[cfg(test)]
mod within_generated_tests;
#[cfg(test)]
mod within_tests;
#[cfg(test)]
mod written_tests;

use std::collections::BTreeSet;

use crate::quota;

pub use crate::json::{Step, path_text};
pub use canonical::{CanonicalCondition, CanonicalDocument, CanonicalPrincipals, CanonicalStatement};
pub use condition::{Condition, address_range};
pub use date::{Moment, moment};
pub use operator::{Operator, OperatorFamily, OperatorName, Qualifier, UnknownOperator};
pub use principals::Principals;
pub use statement::{ActionElement, PrincipalElement, ResourceElement, Statement};

/// The version that every document is written with.
///
/// Source: IAM User Guide, "IAM JSON policy elements: Version".
pub const VERSION: &str = "2012-10-17";

/// The version before; in it, policy variables are plain text.
pub(crate) const OLD_VERSION: &str = "2008-10-17";

/// A document that IAM would refuse, where in it, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{problem}", .path, if .path.is_empty() { "" } else { ": " })]
pub struct DocumentError {
    /// Where: a JSON path such as `Statement[0].Action`; empty for the document as a whole.
    pub path: String,
    /// What is wrong and what to write instead.
    pub problem: String,
}

/// What a document is for, which decides what it must and must not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocumentKind {
    /// A role's trust policy: every statement has a principal and none a resource, and the actions are those by
    /// which a role is assumed.
    Trust,
    /// An inline policy: every statement has a resource and none a principal.
    Permission,
    /// A customer managed policy: as an inline one, but its version must be written, and be the new one.
    ///
    /// Source: IAM API Reference, `CreatePolicy`, and what it answers: "Policy document must be version 2012-10-17 or
    /// greater."
    Managed,
}

/// Whether a statement allows or denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// `Allow`.
    Allow,
    /// `Deny`: it wins over every `Allow`.
    Deny,
}

impl Effect {
    /// The word as IAM writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Effect::Allow => "Allow",
            Effect::Deny => "Deny",
        }
    }
}

/// A policy document.
///
/// One that was parsed is one that IAM takes, as far as that can be told without asking it. One that was put
/// together from parts can be wrong: [`Document::check`] tells.
///
/// ```
/// use crossrole_iam::{Document, DocumentKind};
///
/// let read = |principal: &str| {
///     let text = format!(
///         r#"{{"Version": "2012-10-17", "Statement": [
///             {{"Effect": "Allow", "Principal": {{"AWS": {principal}}}, "Action": "sts:AssumeRole"}}]}}"#
///     );
///     Document::parse(&text, DocumentKind::Trust)
/// };
/// let (short, long) = (read(r#""111111111111""#)?, read(r#"["arn:aws:iam::111111111111:root"]"#)?);
/// assert!(short.means_the_same_as(&long));
///
/// let error = read("111111111111").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     r#"Statement[0].Principal.AWS: must be a string; write "111111111111", in quotes"#
/// );
/// # Ok::<(), crossrole_iam::DocumentError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Document {
    /// The `Id`. It carries no meaning.
    pub id: Option<String>,
    /// The statements in the order in which they stand. The order carries no meaning.
    pub statements: Vec<Statement>,
}

impl Document {
    /// A document of these statements, without an `Id`.
    #[must_use]
    pub fn new(statements: Vec<Statement>) -> Document {
        Document { id: None, statements }
    }

    /// Reads a document as a person writes it, strictly.
    ///
    /// The version must be `2012-10-17`; in a trust policy, where IAM still takes it, `2008-10-17` will do as long
    /// as no policy variable stands in the document, for then both versions mean the same.
    ///
    /// # Errors
    /// The first thing that IAM would refuse, that it would silently ignore, or that can never work, with its JSON
    /// path. A text far longer than any policy ([`quota::WRITTEN_POLICIES_SIZE`]) is refused unread.
    pub fn parse(text: &str, kind: DocumentKind) -> Result<Document, DocumentError> {
        read::document(text, kind, read::Origin::Written)
    }

    /// Whether a text is JSON that a person may write: each key once, and no character that IAM does not take.
    ///
    /// # Errors
    /// The first thing that is wrong, with its JSON path.
    pub fn check_json(text: &str) -> Result<(), DocumentError> {
        place::read_written(text).map(|_| ())
    }

    /// Reads a document as IAM answers it: percent-encoded, in which `+` is a plus sign. It is decoded exactly
    /// once.
    ///
    /// What IAM holds it has once accepted, so values are not judged again, and an older or missing version is
    /// taken where it means the same. The shape is read as strictly as by [`Document::parse`]: nothing is dropped.
    ///
    /// Source: IAM API Reference, `GetRole` and `GetRolePolicy` (documents are encoded as RFC 3986 says).
    ///
    /// # Errors
    /// The first thing that is not a policy document, with its JSON path.
    pub fn parse_encoded(text: &str, kind: DocumentKind) -> Result<Document, DocumentError> {
        let decoded = percent_encoding::percent_decode_str(text)
            .decode_utf8()
            .map_err(|_| DocumentError {
                path: String::new(),
                problem: "is not UTF-8 after percent-decoding".to_owned(),
            })?;
        read::document(&decoded, kind, read::Origin::Held)
    }

    /// Whether IAM would take this document, as far as that can be told without asking it. For documents that were
    /// put together from parts.
    ///
    /// # Errors
    /// As [`Document::parse`].
    pub fn check(&self, kind: DocumentKind) -> Result<(), DocumentError> {
        Document::parse(&self.to_json(), kind).map(|_| ())
    }

    /// The document as compact JSON: version 2012-10-17, statements as an array, a single value as a string.
    ///
    /// The same document always gives the same text. Characters that IAM does not take as they are (beyond U+00FF)
    /// are escaped.
    #[must_use]
    pub fn to_json(&self) -> String {
        write::compact(&write::document(self))
    }

    /// As [`Document::to_json`], over several lines, indented by two spaces.
    #[must_use]
    pub fn to_pretty_json(&self) -> String {
        write::pretty(&write::document(self))
    }

    /// The form in which two documents of one meaning are equal.
    #[must_use]
    pub fn canonical(&self) -> CanonicalDocument {
        CanonicalDocument {
            statements: self.statements.iter().map(Statement::canonical).collect(),
        }
    }

    /// Whether both documents mean the same.
    #[must_use]
    pub fn means_the_same_as(&self, other: &Document) -> bool {
        self.canonical() == other.canonical()
    }

    /// The size that counts against IAM's quotas: the characters of [`Document::to_json`] without white space.
    ///
    /// Source: IAM User Guide, "IAM and AWS STS quotas".
    #[must_use]
    pub fn size(&self) -> usize {
        quota::size(&self.to_json())
    }

    /// The size of a document as IAM stores it, from the text of its answer: that is percent-encoded, what IAM counts is not.
    #[must_use]
    pub fn stored_size(encoded: &str) -> usize {
        quota::size(&percent_encoding::percent_decode_str(encoded).decode_utf8_lossy())
    }

    /// Whether any statement denies.
    #[must_use]
    pub fn has_deny(&self) -> bool {
        self.statements.iter().any(|statement| statement.effect == Effect::Deny)
    }

    /// Whether any statement allows.
    #[must_use]
    pub fn has_allow(&self) -> bool {
        self.statements
            .iter()
            .any(|statement| statement.effect == Effect::Allow)
    }

    /// The unique ids of deleted users and roles that IAM shows in place of their ARNs, each once.
    ///
    /// Source: IAM User Guide, "AWS JSON policy elements: Principal".
    #[must_use]
    pub fn dead_principals(&self) -> Vec<&str> {
        let mut seen = BTreeSet::new();
        self.statements
            .iter()
            .flat_map(Statement::dead_principals)
            .filter(|id| seen.insert(*id))
            .collect()
    }

    /// The document without the unique ids of deleted users and roles among those whom its statements speak of, and without
    /// the statements that then speak of nobody.
    #[must_use]
    pub fn without_dead_principals(&self) -> Document {
        Document {
            statements: self
                .statements
                .iter()
                .filter_map(Statement::without_dead_principals)
                .collect(),
            ..self.clone()
        }
    }
}
