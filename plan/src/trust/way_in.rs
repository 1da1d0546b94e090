//! What every kind of caller has in common: the statement that assumes the role, and those beside it.

use std::collections::BTreeSet;

use crossrole_iam::ExternalId;
use crossrole_iam::document::{Condition, Operator, OperatorName, Principals, Qualifier, Statement};

use super::{allow, condition};
use crate::declaration::{Session, SourceIdentity};

/// How some principals come to assume the role.
pub(super) struct WayIn<'entry> {
    /// Who they are.
    pub(super) principals: Principals,
    /// By which action: `sts:AssumeRole…`.
    pub(super) action: &'static str,
    /// What narrows them, whatever they ask for.
    pub(super) who: Vec<Condition>,
    /// External ids, one of which must be presented; empty where none is required.
    pub(super) external_ids: Option<&'entry BTreeSet<ExternalId>>,
    /// What is required of the session, and what it may set.
    pub(super) session: &'entry Session,
}

impl WayIn<'_> {
    /// The statement that assumes the role, then that for session tags, then that for the source identity.
    ///
    /// Session tags and source identities are actions of their own, to which the same principals must be let, but in
    /// whose requests neither an external id nor a session name is: IAM User Guide, "Pass session tags in AWS STS" and
    /// "Monitor and control actions taken with assumed roles".
    pub(super) fn statements(self) -> Vec<Statement> {
        let mut narrowed = self.who.clone();
        if !self.session.source_cidrs.is_empty() {
            narrowed.push(condition(
                OperatorName::IpAddress,
                "aws:SourceIp",
                &self.session.source_cidrs,
            ));
        }
        let mut statements = vec![allow(
            self.principals.clone(),
            &[self.action],
            self.assume(narrowed.clone()),
        )];
        if !self.session.tags.is_empty() {
            statements.push(allow(
                self.principals.clone(),
                &["sts:TagSession"],
                self.tag(narrowed.clone()),
            ));
        }
        if self.session.source_identity != SourceIdentity::NotAllowed {
            statements.push(allow(
                self.principals.clone(),
                &["sts:SetSourceIdentity"],
                self.set_source_identity(narrowed),
            ));
        }
        statements
    }

    fn assume(&self, mut conditions: Vec<Condition>) -> Vec<Condition> {
        if let Some(external_ids) = self.external_ids.filter(|ids| !ids.is_empty()) {
            conditions.push(condition(OperatorName::StringEquals, "sts:ExternalId", external_ids));
        }
        conditions.extend(self.required_source_identity());
        if !self.session.names.is_empty() {
            conditions.push(condition(
                OperatorName::StringLike,
                "sts:RoleSessionName",
                &self.session.names,
            ));
        }
        conditions.extend(self.session.conditions.iter().cloned());
        conditions
    }

    // `ForAllValues` is also true where no tag is in the request. Without the `Null` test the statement would say "these
    // tags, or none that can be seen": IAM User Guide, "Set operators for multivalued context keys".
    fn tag(&self, mut conditions: Vec<Condition>) -> Vec<Condition> {
        conditions.push(Condition::new(
            Operator {
                qualifier: Some(Qualifier::ForAllValues),
                base: OperatorName::StringEquals,
                if_exists: false,
            },
            "aws:TagKeys",
            &self.session.tags,
        ));
        conditions.push(condition(OperatorName::Null, "aws:TagKeys", ["false"]));
        conditions.extend(self.raw(|key| !key.starts_with("sts:") || key == "sts:transitivetagkeys"));
        conditions
    }

    fn set_source_identity(&self, mut conditions: Vec<Condition>) -> Vec<Condition> {
        conditions.extend(self.required_source_identity());
        conditions.extend(self.raw(|key| {
            let of_another_action = key.starts_with("sts:") && key != "sts:sourceidentity";
            !of_another_action && !key.starts_with("aws:requesttag/")
        }));
        conditions
    }

    fn required_source_identity(&self) -> Option<Condition> {
        match &self.session.source_identity {
            SourceIdentity::Required(patterns) => {
                Some(condition(OperatorName::StringLike, "sts:SourceIdentity", patterns))
            }
            SourceIdentity::NotAllowed | SourceIdentity::Allowed => None,
        }
    }

    /// The raw conditions whose key, in lower case, is in the requests of an action.
    fn raw(&self, is_there: impl Fn(&str) -> bool) -> impl Iterator<Item = Condition> {
        self.session
            .conditions
            .iter()
            .filter(move |condition| is_there(&condition.key.to_ascii_lowercase()))
            .cloned()
    }
}
