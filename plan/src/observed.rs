//! The role that an account holds.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use crossrole_iam::document::{CanonicalDocument, Document, DocumentKind};
use crossrole_iam::{Arn, PolicyName};
use jiff::civil::Date;

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
    /// When it was made and last used.
    pub dates: Dates,
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

/// When a role was made and last used, as far as IAM says: days in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Dates {
    /// When it was made.
    pub created: Option<Date>,
    /// When its credentials last signed a request. IAM knows of a use within some hours, and of none that is more than 400
    /// days old. Source: IAM API Reference, `RoleLastUsed`.
    pub last_used: Option<Date>,
}

/// A number of whole days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Days(pub u16);

impl FromStr for Days {
    type Err = String;

    /// Reads `90d`: one day to [`Days::REMEMBERED`], for of an earlier use IAM no longer tells.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let days = text.strip_suffix('d').and_then(|number| number.parse().ok());
        days.filter(|days| (1..=Self::REMEMBERED).contains(days))
            .map(Self)
            .ok_or_else(|| format!("days are written 90d, and are 1d to {}d", Self::REMEMBERED))
    }
}

impl Days {
    /// So far back IAM knows of a role's use. Source: IAM User Guide, "Refine permissions in AWS using last accessed
    /// information", tracking period.
    pub const REMEMBERED: u16 = 400;
}

impl Dates {
    /// Since when nobody used the role, as far as is known: since its last use, or since it was made.
    pub fn unused_since(&self) -> Option<Date> {
        self.last_used.or(self.created)
    }

    /// Whether it is there for so many days, and nobody used it in them.
    pub fn is_unused_for(&self, days: Days, today: Date) -> bool {
        let since = self.unused_since();
        since.is_some_and(|since| (today - since).get_days() >= i32::from(days.0))
    }
}

/// Which role was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleSeen {
    /// The ARN.
    pub arn: String,
    /// The unique id.
    pub id: String,
    /// When it was made and last used.
    pub dates: Dates,
}

impl From<&ObservedRole> for RoleSeen {
    fn from(role: &ObservedRole) -> Self {
        Self {
            arn: role.arn.clone(),
            id: role.id.clone(),
            dates: role.dates,
        }
    }
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
