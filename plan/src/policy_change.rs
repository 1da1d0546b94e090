//! One inline policy that comes, goes or changes, and how that bears on the order of a plan.

use std::collections::BTreeSet;

use crossrole_api::names::REVOKE_OLDER_SESSIONS_POLICY;
use crossrole_iam::PolicyName;
use crossrole_iam::document::{CanonicalStatement, Document, Effect, Statement};

use crate::change::Change;
use crate::lifecycle::{self, CLOSED_POLICY, VALIDITY_POLICY};
use crate::observed::ObservedDocument;

/// An inline policy that comes, goes or changes.
#[derive(Debug)]
pub(crate) struct PolicyChange {
    pub(crate) name: PolicyName,
    /// What it becomes; `None` where it goes.
    pub(crate) after: Option<Document>,
    /// In characters without white space; 0 where it comes.
    pub(crate) size_before: usize,
    pub(crate) kind: Kind,
}

/// How a changed policy bears on the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Takes Allows away, and nothing else.
    Narrow {
        /// …beside a Deny that stays.
        with_deny: bool,
    },
    /// Puts Allows in, and nothing else.
    Widen,
    /// Takes Allows away and puts others in.
    Replace {
        /// …beside a Deny that stays.
        with_deny: bool,
    },
    /// Brings a Deny.
    DenyIn {
        /// …together with an Allow that was not there.
        with_new_allow: bool,
    },
    /// Takes a Deny away.
    DenyOut {
        /// …together with an Allow that will not be there.
        with_old_allow: bool,
    },
    /// Takes one Deny and brings another.
    Entangled,
}

impl PolicyChange {
    pub(crate) fn new(name: PolicyName, before: Option<&ObservedDocument>, after: Option<Document>) -> Self {
        Self {
            kind: kind(&name, before, after.as_ref()),
            name,
            size_before: before.map_or(0, ObservedDocument::size),
            after,
        }
    }

    /// Whether it ends sessions. Where what was there cannot be read, it may do more than that: it is [`Kind::Entangled`].
    pub(crate) fn ends_sessions(&self) -> bool {
        matches!(self.kind, Kind::DenyIn { with_new_allow: false } | Kind::Entangled)
            && [CLOSED_POLICY, REVOKE_OLDER_SESSIONS_POLICY].contains(&self.name.as_str())
    }

    /// Whether sessions that it ended may go on.
    pub(crate) fn lifts_an_end(&self) -> bool {
        matches!(self.kind, Kind::DenyOut { .. }) && [CLOSED_POLICY, VALIDITY_POLICY].contains(&self.name.as_str())
    }

    /// Whether a role that was closed opens. Room is kept for its policy.
    pub(crate) fn opens(&self) -> bool {
        self.lifts_an_end() && self.name.as_str() == CLOSED_POLICY
    }

    fn size_after(&self) -> usize {
        self.after.as_ref().map_or(0, Document::size)
    }

    pub(crate) fn growth(&self) -> isize {
        self.size_after().cast_signed() - self.size_before.cast_signed()
    }

    pub(crate) fn delete(&self) -> Change {
        Change::DeleteInline(self.name.clone())
    }

    pub(crate) fn put(&self) -> Option<Change> {
        self.after.as_ref().map(|document| Change::PutInline {
            name: self.name.clone(),
            document: document.clone(),
        })
    }

    pub(crate) fn change(&self) -> Change {
        self.put().unwrap_or_else(|| self.delete())
    }
}

fn statements(document: Option<&Document>, effect: Effect) -> BTreeSet<CanonicalStatement> {
    document
        .iter()
        .flat_map(|document| &document.statements)
        .filter(|statement| statement.effect == effect)
        .map(Statement::canonical)
        .collect()
}

fn kind(name: &PolicyName, before: Option<&ObservedDocument>, after: Option<&Document>) -> Kind {
    if name.as_str() == CLOSED_POLICY && after.is_some_and(|after| after.means_the_same_as(&lifecycle::closing())) {
        // Whatever was there, this denies more.
        return Kind::DenyIn { with_new_allow: false };
    }
    let readable = match before {
        Some(before) => match before.document() {
            Some(document) => Some(document),
            // It may deny anything, so it goes last; it may allow anything, so nothing else may go with it.
            None if after.is_none() => return Kind::DenyOut { with_old_allow: true },
            None => return Kind::Entangled,
        },
        None => None,
    };
    if let (Some(before), Some(after)) = (readable, after)
        && let Some(kind) = kind_of_ours(name, before, after)
    {
        return kind;
    }
    let (deny_before, deny_after) = (statements(readable, Effect::Deny), statements(after, Effect::Deny));
    let (allow_before, allow_after) = (statements(readable, Effect::Allow), statements(after, Effect::Allow));
    if name.as_str() == CLOSED_POLICY && after.is_none() {
        // Whatever somebody made of it: while it is there, the next look knows that sessions were ended.
        return Kind::DenyOut {
            with_old_allow: !allow_before.is_empty(),
        };
    }
    match (deny_before.is_subset(&deny_after), deny_after.is_subset(&deny_before)) {
        (true, true) if allow_after.is_subset(&allow_before) => Kind::Narrow {
            with_deny: !deny_after.is_empty(),
        },
        (true, true) if allow_before.is_subset(&allow_after) => Kind::Widen,
        (true, true) => Kind::Replace {
            with_deny: !deny_after.is_empty(),
        },
        (true, false) => Kind::DenyIn {
            with_new_allow: !allow_after.is_subset(&allow_before),
        },
        (false, true) => Kind::DenyOut {
            with_old_allow: !allow_before.is_subset(&allow_after),
        },
        (false, false) => Kind::Entangled,
    }
}

/// A policy of our own whose statement changes, and yet denies only more than before, or only less.
fn kind_of_ours(name: &PolicyName, before: &Document, after: &Document) -> Option<Kind> {
    match name.as_str() {
        // What it denied stays, and its time only moves forward.
        REVOKE_OLDER_SESSIONS_POLICY if after.has_deny() => Some(Kind::DenyIn { with_new_allow: false }),
        VALIDITY_POLICY => match (lifecycle::ends(before)?, lifecycle::ends(after)?) {
            (old, new) if new < old => Some(Kind::DenyIn { with_new_allow: false }),
            _ => Some(Kind::DenyOut { with_old_allow: false }),
        },
        _ => None,
    }
}
