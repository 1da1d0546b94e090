//! The role that an account holds.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_iam::document::{CanonicalDocument, Document, DocumentKind};
use crossrole_iam::{Arn, PolicyName};

/// What an account holds under a role's name.
#[derive(Clone, Debug, PartialEq)]
pub enum Observed {
    /// No role of that name.
    Absent,
    /// A role of that name.
    Present(Box<ObservedRole>),
}

/// A role as IAM answered it.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedRole {
    /// The ARN.
    pub arn: String,
    /// The unique id (`AROA…`): another role of the same name has another.
    pub id: String,
    /// The path.
    pub path: String,
    /// The trust policy.
    pub trust: ObservedDocument,
    /// The description; IAM leaves an empty one out of its answers.
    pub description: String,
    /// The longest session, in seconds.
    pub max_session: u32,
    /// The permissions boundary. Only its ARN is compared: IAM's type field beside it is unreliable.
    pub boundary: Option<Arn>,
    /// The tags, ours among them.
    pub tags: BTreeMap<String, String>,
    /// The attached managed policies.
    pub attached: BTreeSet<Arn>,
    /// The inline policies.
    pub inline: BTreeMap<PolicyName, ObservedDocument>,
    /// The instance profiles that hold the role. Read only where the role is to be removed.
    pub instance_profiles: BTreeSet<String>,
}

/// A policy document that IAM answered, by its meaning. One that cannot be read is drift.
#[derive(Clone, Debug, PartialEq)]
pub enum ObservedDocument {
    /// A document that could be read.
    Parsed(Document),
    /// A document that could not: the text, and why.
    Unreadable {
        /// The text as IAM answered it.
        text: String,
        /// Why it could not be read.
        problem: String,
    },
}

impl ObservedDocument {
    /// Reads a document as IAM answers it: percent-encoded, once.
    pub fn parse_encoded(text: &str, kind: DocumentKind) -> Self {
        match Document::parse_encoded(text, kind) {
            Ok(document) => Self::Parsed(document),
            Err(error) => Self::Unreadable {
                text: text.to_string(),
                problem: error.to_string(),
            },
        }
    }

    /// The document, where it could be read.
    pub fn document(&self) -> Option<&Document> {
        match self {
            Self::Parsed(document) => Some(document),
            Self::Unreadable { .. } => None,
        }
    }

    /// The meaning, where the document could be read.
    pub fn canonical(&self) -> Option<CanonicalDocument> {
        self.document().map(Document::canonical)
    }

    /// Whether the document means what another does.
    pub fn means(&self, other: &Document) -> bool {
        self.document()
            .is_some_and(|document| document.means_the_same_as(other))
    }

    /// Whether a statement here may deny. One that cannot be read may.
    pub fn may_deny(&self) -> bool {
        self.document().is_none_or(Document::has_deny)
    }

    /// Whether a statement here may allow. One that cannot be read may.
    pub fn may_allow(&self) -> bool {
        self.document().is_none_or(Document::has_allow)
    }

    /// The size in characters without white space, as IAM counts it against the quota.
    pub fn size(&self) -> usize {
        match self {
            Self::Parsed(document) => document.size(),
            Self::Unreadable { text, .. } => text.chars().filter(|character| !character.is_whitespace()).count(),
        }
    }
}
