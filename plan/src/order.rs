//! In which order permissions, boundary, tags and session duration change, so that every prefix is safe.
//!
//! While this happens, trust admits only principals whom both the old and the new declaration admit. For those, what
//! they can do must stay within what the old or the new declaration lets them do. With only Allow statements any mix
//! of old and new is. Two things need care:
//!
//! - **Deny**: while every Deny of old and new is in force, any mix of Allows is safe. So documents that bring a Deny
//!   go in before any Allow is added, and documents that take one away go out after every old Allow is gone. Of
//!   several such documents at most one may bring a new Allow along (or still hold an old one).
//! - **Boundary**: a first boundary goes on before everything else, and the last one comes off after everything else.
//!   When one is swapped for another, only Allows that both declarations share may be there at that moment, and every
//!   Deny of either.
//!
//! Where no such order exists, or the inline quota has no room for it ([`Permissions::needs_closed_trust`]), the role
//! is closed to everybody meanwhile. The judgement is by statement, so it may close where a finer one would see that
//! it need not.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_api::names::REVOKE_OLDER_SESSIONS_POLICY;
use crossrole_iam::document::{CanonicalStatement, Document, Effect};
use crossrole_iam::quota::ROLE_INLINE_POLICIES_SIZE;
use crossrole_iam::{Arn, PolicyName};

use crate::change::Change;
use crate::observed::ObservedDocument;

/// What changes of a role, apart from its trust.
#[derive(Debug, Default)]
pub(crate) struct Permissions {
    /// Inline policies that come, go or change.
    pub(crate) policies: Vec<PolicyChange>,
    /// The size of all inline policies that are there now, in characters without white space.
    pub(crate) inline_total: usize,
    pub(crate) attach: BTreeSet<Arn>,
    pub(crate) detach: BTreeSet<Arn>,
    pub(crate) boundary: Option<BoundaryChange>,
    pub(crate) tag: BTreeMap<String, String>,
    pub(crate) untag: BTreeSet<String>,
    pub(crate) session: Option<SessionChange>,
}

#[derive(Debug)]
pub(crate) enum BoundaryChange {
    /// There was none.
    First(Arn),
    /// There was another.
    Swap(Arn),
    /// There shall be none.
    Gone,
}

#[derive(Debug)]
pub(crate) struct SessionChange {
    pub(crate) description: String,
    pub(crate) before: u32,
    pub(crate) after: u32,
}

/// An inline policy that comes, goes or changes.
#[derive(Debug)]
pub(crate) struct PolicyChange {
    name: PolicyName,
    after: Option<Document>,
    size_before: usize,
    kind: Kind,
}

/// How a changed policy bears on the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Takes Allows away, and nothing else.
    Narrow,
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
            kind: match &after {
                // Its time only moves forward, so it only ever denies more.
                Some(_) if name.as_str() == REVOKE_OLDER_SESSIONS_POLICY => Kind::DenyIn { with_new_allow: false },
                _ => kind(before, after.as_ref()),
            },
            name,
            size_before: before.map_or(0, ObservedDocument::size),
            after,
        }
    }

    fn size_after(&self) -> usize {
        self.after.as_ref().map_or(0, Document::size)
    }

    fn growth(&self) -> isize {
        self.size_after().cast_signed() - self.size_before.cast_signed()
    }

    fn delete(&self) -> Change {
        Change::DeleteInline(self.name.clone())
    }

    fn change(&self) -> Change {
        match &self.after {
            Some(document) => Change::PutInline {
                name: self.name.clone(),
                document: document.clone(),
            },
            None => self.delete(),
        }
    }
}

fn statements(document: Option<&Document>, effect: Effect) -> BTreeSet<CanonicalStatement> {
    document
        .iter()
        .flat_map(|document| &document.statements)
        .filter(|statement| statement.effect == effect)
        .map(crossrole_iam::document::Statement::canonical)
        .collect()
}

fn kind(before: Option<&ObservedDocument>, after: Option<&Document>) -> Kind {
    let readable = match before {
        Some(before) => match before.document() {
            Some(document) => Some(document),
            // It may deny anything, so it goes last; it may allow anything, so nothing else may go with it.
            None if after.is_none() => return Kind::DenyOut { with_old_allow: true },
            None => return Kind::Entangled,
        },
        None => None,
    };
    let (deny_before, deny_after) = (statements(readable, Effect::Deny), statements(after, Effect::Deny));
    let (allow_before, allow_after) = (statements(readable, Effect::Allow), statements(after, Effect::Allow));
    match (deny_before.is_subset(&deny_after), deny_after.is_subset(&deny_before)) {
        (true, true) if allow_after.is_subset(&allow_before) => Kind::Narrow,
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

impl Permissions {
    fn swaps_boundary(&self) -> bool {
        matches!(self.boundary, Some(BoundaryChange::Swap(_)))
    }

    fn count(&self, kind: Kind) -> usize {
        self.policies.iter().filter(|policy| policy.kind == kind).count()
    }

    /// Whether anything here bears on what somebody who assumes the role can do: everything but the description.
    pub(crate) fn change_what_a_session_can_do(&self) -> bool {
        !self.policies.is_empty()
            || !self.attach.is_empty()
            || !self.detach.is_empty()
            || self.boundary.is_some()
            || !self.tag.is_empty()
            || !self.untag.is_empty()
            || self
                .session
                .as_ref()
                .is_some_and(|session| session.before != session.after)
    }

    /// Whether no order of these changes is safe, and within the inline quota, while the role can be assumed.
    pub(crate) fn needs_closed_trust(&self) -> bool {
        let in_with_allow = self.count(Kind::DenyIn { with_new_allow: true });
        let out_with_allow = self.count(Kind::DenyOut { with_old_allow: true });
        let entangled = self.count(Kind::Entangled);
        let alone =
            self.policies.len() == 1 && self.attach.is_empty() && self.detach.is_empty() && self.boundary.is_none();
        let too_many = in_with_allow > 1 || out_with_allow > 1 || (entangled > 0 && !alone);
        let replaced_with_deny = self.count(Kind::Replace { with_deny: true });
        let across_swap = self.swaps_boundary() && in_with_allow + out_with_allow + entangled + replaced_with_deny > 0;
        too_many || across_swap || !self.fits(&self.careful_order())
    }

    // Documents that bring a Deny go in before others go out, and those that take one away go out last: in between, the
    // inline quota may not hold both.
    fn fits(&self, changes: &[Change]) -> bool {
        let mut sizes: BTreeMap<_, _> = self
            .policies
            .iter()
            .map(|policy| (&policy.name, policy.size_before))
            .collect();
        let untouched = self.inline_total.saturating_sub(sizes.values().sum());
        changes.iter().all(|change| match change {
            Change::PutInline { name, document } => {
                sizes.insert(name, document.size());
                untouched + sizes.values().sum::<usize>() <= ROLE_INLINE_POLICIES_SIZE
            }
            Change::DeleteInline(name) => {
                sizes.remove(name);
                true
            }
            _ => true,
        })
    }

    /// The changes in order. Where [`Self::needs_closed_trust`] the caller closes the trust around them.
    pub(crate) fn ordered(&self) -> Vec<Change> {
        let mut changes = Vec::new();
        if let Some(BoundaryChange::First(arn)) = &self.boundary {
            changes.push(Change::PutBoundary(arn.clone()));
        }
        changes.extend(self.session_change(|session| session.after < session.before));
        // Where trust is closed the same order is kept if it can be: sessions from before are still there.
        let careful = self.careful_order();
        changes.extend(if self.fits(&careful) {
            careful
        } else {
            self.frugal_order()
        });
        if matches!(self.boundary, Some(BoundaryChange::Gone)) {
            changes.push(Change::DeleteBoundary);
        }
        changes.extend(self.session_change(|session| session.after >= session.before));
        changes
    }

    fn session_change(&self, wanted: fn(&SessionChange) -> bool) -> Option<Change> {
        self.session
            .as_ref()
            .filter(|session| wanted(session))
            .map(|session| Change::UpdateRole {
                description: session.description.clone(),
                max_session: session.after,
            })
    }

    fn careful_order(&self) -> Vec<Change> {
        let mut changes = Vec::new();
        // A document that brings an Allow along goes in when every other Deny is there…
        changes.extend(
            self.of(|kind| kind == Kind::DenyIn { with_new_allow: false })
                .map(PolicyChange::change),
        );
        changes.extend(
            self.of(|kind| kind == Kind::DenyIn { with_new_allow: true })
                .map(PolicyChange::change),
        );
        self.take_away(&mut changes);
        changes.extend(self.of(|kind| kind == Kind::Narrow).map(PolicyChange::change));
        if self.swaps_boundary() {
            // Neither the old Allows nor the new ones may be there at that moment.
            changes.extend(
                self.of(|kind| kind == Kind::Replace { with_deny: false })
                    .map(PolicyChange::delete),
            );
        }
        self.swap_boundary(&mut changes);
        self.tag(&mut changes);
        let widening = |kind| matches!(kind, Kind::Widen | Kind::Replace { .. } | Kind::Entangled);
        changes.extend(self.of(widening).map(PolicyChange::change));
        changes.extend(self.attach.iter().cloned().map(Change::Attach));
        // …and one that still holds an old Allow goes out while every other Deny is still there.
        changes.extend(
            self.of(|kind| kind == Kind::DenyOut { with_old_allow: true })
                .map(PolicyChange::change),
        );
        changes.extend(
            self.of(|kind| kind == Kind::DenyOut { with_old_allow: false })
                .map(PolicyChange::change),
        );
        changes
    }

    // First what goes, then what comes, so that no quota stands in the way. Nobody can assume the role meanwhile.
    fn frugal_order(&self) -> Vec<Change> {
        let (coming, going): (Vec<_>, Vec<_>) = self.of(|_| true).partition(|policy| policy.after.is_some());
        let mut changes = Vec::new();
        self.take_away(&mut changes);
        changes.extend(going.into_iter().map(PolicyChange::change));
        self.swap_boundary(&mut changes);
        self.tag(&mut changes);
        changes.extend(coming.into_iter().map(PolicyChange::change));
        changes.extend(self.attach.iter().cloned().map(Change::Attach));
        changes
    }

    /// Policies of one kind. What shrinks comes first, so that their sum never exceeds both the old and the new one.
    fn of(&self, wanted: fn(Kind) -> bool) -> impl Iterator<Item = &PolicyChange> {
        let mut policies: Vec<_> = self.policies.iter().filter(|policy| wanted(policy.kind)).collect();
        policies.sort_by_key(|policy| policy.growth());
        policies.into_iter()
    }

    fn take_away(&self, changes: &mut Vec<Change>) {
        if !self.untag.is_empty() {
            changes.push(Change::Untag(self.untag.clone()));
        }
        changes.extend(self.detach.iter().cloned().map(Change::Detach));
    }

    fn swap_boundary(&self, changes: &mut Vec<Change>) {
        if let Some(BoundaryChange::Swap(arn)) = &self.boundary {
            changes.push(Change::PutBoundary(arn.clone()));
        }
    }

    fn tag(&self, changes: &mut Vec<Change>) {
        if !self.tag.is_empty() {
            changes.push(Change::Tag(self.tag.clone()));
        }
    }
}

#[cfg(test)]
mod tests;
