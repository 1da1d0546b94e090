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
#[derive(Clone, Debug)]
pub struct ObservedDocument {
    read: Result<Document, Unreadable>,
    size: usize,
}

/// A document that cannot be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Unreadable {
    /// The text as IAM answered it.
    pub text: String,
    /// Why it could not be read.
    pub problem: String,
}

/// How the same document is written, and how long it is so, makes no difference.
impl PartialEq for ObservedDocument {
    fn eq(&self, other: &Self) -> bool {
        self.read == other.read
    }
}

impl ObservedDocument {
    /// A document as crossrole writes it.
    pub fn of(document: Document) -> Self {
        Self {
            size: document.size(),
            read: Ok(document),
        }
    }

    /// A document that cannot be read: its text as IAM answered it, and why.
    pub fn unreadable(text: impl Into<String>, problem: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            size: Document::stored_size(&text),
            read: Err(Unreadable {
                text,
                problem: problem.into(),
            }),
        }
    }

    /// Reads a document as IAM answers it: percent-encoded, once.
    pub fn parse_encoded(text: &str, kind: DocumentKind) -> Self {
        match Document::parse_encoded(text, kind) {
            Ok(document) => Self {
                read: Ok(document),
                size: Document::stored_size(text),
            },
            Err(error) => Self::unreadable(text, error.to_string()),
        }
    }

    /// The document, where it could be read.
    pub fn document(&self) -> Option<&Document> {
        self.read.as_ref().ok()
    }

    /// What could not be read, and why.
    pub fn problem(&self) -> Option<&Unreadable> {
        self.read.as_ref().err()
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

    /// The size in characters without white space, as IAM counts the text that it stores against the quota.
    pub fn size(&self) -> usize {
        self.size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_as_long_as_the_text_that_iam_stores_whether_or_not_it_can_be_read() {
        let size = |text: &str| ObservedDocument::parse_encoded(text, DocumentKind::Permission).size();
        let written =
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["*"]}]}"#;
        assert_eq!(size(written), written.len());
        assert_eq!(size(&written.replace('"', "%22").replace(':', ": ")), written.len());
        assert_eq!(size("%7B %22 nonsense"), "{\"nonsense".len());
    }
}
