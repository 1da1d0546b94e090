//! A role as IAM answered it, before anything of it is understood: small to keep, and quick to compare.

use std::fmt;
use std::hash::BuildHasher;
use std::str::FromStr;

use crossrole_iam::document::DocumentKind;
use crossrole_plan::observed::{Dates, Observed, ObservedDocument, ObservedRole};
use crossrole_plan::outcome::Failure;
use litemap::LiteMap;

use super::Action;
use super::error::CallError;

/// The longest session of a role for which none was set, in seconds. Source: IAM API Reference, `Role`.
const DEFAULT_MAX_SESSION: u32 = 3600;

/// A role as IAM answered it. Documents are percent-encoded text. After a start the answers of all roles of an account are
/// kept until somebody has looked at each, and a tree has room for eleven where most roles have one or two: so lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct RoleAnswer {
    pub(super) arn: String,
    pub(super) id: String,
    pub(super) dates: Dates,
    pub(super) path: String,
    pub(super) trust: String,
    pub(super) description: String,
    pub(super) max_session: Option<i32>,
    pub(super) boundary: Option<String>,
    pub(super) tags: LiteMap<String, String>,
    /// In order.
    pub(super) attached: Vec<String>,
    pub(super) inline: LiteMap<String, String>,
    /// In order.
    pub(super) instance_profiles: Vec<String>,
}

impl RoleAnswer {
    /// The answer as a number: the same answer gives the same one, within one process.
    pub(super) fn print(&self, hasher: &impl BuildHasher) -> u64 {
        hasher.hash_one(self)
    }

    /// What the answer means.
    ///
    /// # Errors
    /// An ARN or a name that is none. A document that cannot be read is drift, and no error.
    pub(super) fn observed(self) -> Result<Observed, CallError> {
        let inline = self.inline.into_iter().map(|(name, text)| {
            let document = ObservedDocument::parse_encoded(&text, DocumentKind::Permission);
            Ok((
                parse(Action::ListRolePolicies, "an inline policy's name", &name)?,
                document,
            ))
        });
        let attached = self.attached.iter();
        Ok(Observed::Present(Box::new(ObservedRole {
            trust: ObservedDocument::parse_encoded(&self.trust, DocumentKind::Trust),
            max_session: self
                .max_session
                .and_then(|seconds| u32::try_from(seconds).ok())
                .unwrap_or(DEFAULT_MAX_SESSION),
            boundary: self
                .boundary
                .as_deref()
                .map(|arn| parse(Action::GetRole, "the boundary", arn))
                .transpose()?,
            attached: attached
                .map(|arn| parse(Action::ListAttachedRolePolicies, "an attached policy", arn))
                .collect::<Result<_, _>>()?,
            inline: inline.collect::<Result<_, CallError>>()?,
            arn: self.arn,
            id: self.id,
            dates: self.dates,
            path: self.path,
            description: self.description,
            tags: self.tags.into_iter().collect(),
            instance_profiles: self.instance_profiles.into_iter().collect(),
        })))
    }
}

fn parse<T: FromStr<Err: fmt::Display>>(action: Action, what: &str, text: &str) -> Result<T, CallError> {
    text.parse().map_err(|error| {
        CallError::new(
            action,
            Failure::Unexpected,
            format!("{what} in the answer, {text:?}: {error}"),
        )
    })
}
