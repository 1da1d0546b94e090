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
//!   When one is swapped for another, only what both declarations share may be there at that moment.
//!
//! Where no such order exists ([`Permissions::needs_closed_trust`]) the role is closed to everybody meanwhile. The
//! judgement is by statement, so it may close where a finer one would see that it need not.

use std::collections::{BTreeMap, BTreeSet};

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
    there_before: bool,
    size_before: usize,
    kind: Kind,
}

/// How a changed policy bears on the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Takes Allows away, and nothing else.
    Narrow,
    /// Puts Allows in, or replaces Allows by Allows.
    Widen,
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
            kind: kind(before, after.as_ref()),
            name,
            there_before: before.is_some(),
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

    fn is_replaced(&self) -> bool {
        self.there_before && self.after.is_some()
    }

    fn delete(&self) -> Change {
        Change::DeleteInline(self.name.clone())
    }

    fn change(&self) -> Change {
        match &self.after {
            Some(document) => Change::PutInline { name: self.name.clone(), document: document.clone() },
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
        (true, true) if allow_after.is_empty() => Kind::Narrow,
        (true, true) => Kind::Widen,
        (true, false) => Kind::DenyIn { with_new_allow: !allow_after.is_subset(&allow_before) },
        (false, true) => Kind::DenyOut { with_old_allow: !allow_before.is_subset(&allow_after) },
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
            || self.session.as_ref().is_some_and(|session| session.before != session.after)
    }

    /// Whether no order of these changes is safe while the role can be assumed.
    pub(crate) fn needs_closed_trust(&self) -> bool {
        let in_with_allow = self.count(Kind::DenyIn { with_new_allow: true });
        let out_with_allow = self.count(Kind::DenyOut { with_old_allow: true });
        let entangled = self.count(Kind::Entangled);
        let alone = self.policies.len() == 1 && self.attach.is_empty() && self.detach.is_empty() && self.boundary.is_none();
        let too_many = in_with_allow > 1 || out_with_allow > 1 || (entangled > 0 && !alone);
        let across_swap = self.swaps_boundary() && in_with_allow + out_with_allow + entangled > 0;
        too_many || across_swap || self.overflows()
    }

    // Documents that bring a Deny go in before others go out, and those that take one away go out last: in between, the
    // inline quota may not hold both.
    fn overflows(&self) -> bool {
        let limit = ROLE_INLINE_POLICIES_SIZE.cast_signed();
        let growth = |wanted: fn(Kind) -> bool| -> isize {
            self.policies.iter().filter(|policy| wanted(policy.kind)).map(PolicyChange::growth).sum()
        };
        let start = self.inline_total.cast_signed();
        let denies = growth(|kind| matches!(kind, Kind::DenyIn { .. }));
        let rest = growth(|kind| matches!(kind, Kind::Narrow | Kind::Widen | Kind::Entangled));
        let has_in = self.policies.iter().any(|policy| matches!(policy.kind, Kind::DenyIn { .. }));
        let has_out = self.policies.iter().any(|policy| matches!(policy.kind, Kind::DenyOut { .. }));
        (has_in && start + denies > limit) || (has_out && start + denies + rest > limit)
    }

    /// The changes in order. Where [`Self::needs_closed_trust`] the caller closes the trust around them.
    pub(crate) fn ordered(&self) -> Vec<Change> {
        let closed = self.needs_closed_trust();
        let mut changes = Vec::new();
        if let Some(BoundaryChange::First(arn)) = &self.boundary {
            changes.push(Change::PutBoundary(arn.clone()));
        }
        changes.extend(self.session_change(|session| session.after < session.before));
        if closed {
            self.order_closed(&mut changes);
        } else {
            self.order_open(&mut changes);
        }
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
            .map(|session| Change::UpdateRole { description: session.description.clone(), max_session: session.after })
    }

    fn order_open(&self, changes: &mut Vec<Change>) {
        // A document that brings an Allow along goes in when every other Deny is there…
        changes.extend(self.of(|kind| matches!(kind, Kind::DenyIn { with_new_allow: false })).map(PolicyChange::change));
        changes.extend(self.of(|kind| matches!(kind, Kind::DenyIn { with_new_allow: true })).map(PolicyChange::change));
        self.take_away(changes, |kind| kind == Kind::Narrow);
        // Across a swap of boundaries an Allow that changes is neither the old one nor the new one.
        let swapped = |policy: &&PolicyChange| self.swaps_boundary() && policy.is_replaced();
        changes.extend(self.of(|kind| kind == Kind::Widen).filter(swapped).map(PolicyChange::delete));
        self.swap_boundary(changes);
        self.put_in(changes, |kind| matches!(kind, Kind::Widen | Kind::Entangled));
        // …and one that still holds an old Allow goes out while every other Deny is still there.
        changes.extend(self.of(|kind| matches!(kind, Kind::DenyOut { with_old_allow: true })).map(PolicyChange::change));
        changes.extend(self.of(|kind| matches!(kind, Kind::DenyOut { with_old_allow: false })).map(PolicyChange::change));
    }

    // Nobody can assume the role meanwhile: first what goes, then what comes, so that no quota stands in the way.
    fn order_closed(&self, changes: &mut Vec<Change>) {
        self.take_away(changes, |_| true);
        self.swap_boundary(changes);
        self.put_in(changes, |_| true);
    }

    fn of(&self, wanted: fn(Kind) -> bool) -> impl Iterator<Item = &PolicyChange> {
        self.policies.iter().filter(move |policy| wanted(policy.kind))
    }

    fn take_away(&self, changes: &mut Vec<Change>, wanted: fn(Kind) -> bool) {
        if !self.untag.is_empty() {
            changes.push(Change::Untag(self.untag.clone()));
        }
        changes.extend(self.detach.iter().cloned().map(Change::Detach));
        changes.extend(self.of(wanted).filter(|policy| policy.after.is_none()).map(PolicyChange::change));
        // A policy of the same name that only loses statements.
        changes.extend(self.of(|kind| kind == Kind::Narrow).filter(|policy| policy.after.is_some()).map(PolicyChange::change));
    }

    fn swap_boundary(&self, changes: &mut Vec<Change>) {
        if let Some(BoundaryChange::Swap(arn)) = &self.boundary {
            changes.push(Change::PutBoundary(arn.clone()));
        }
    }

    fn put_in(&self, changes: &mut Vec<Change>, wanted: fn(Kind) -> bool) {
        if !self.tag.is_empty() {
            changes.push(Change::Tag(self.tag.clone()));
        }
        let mut puts: Vec<&PolicyChange> =
            self.of(wanted).filter(|policy| policy.after.is_some() && policy.kind != Kind::Narrow).collect();
        // What shrinks goes first, so that the sum never exceeds both the old and the new one.
        puts.sort_by_key(|policy| policy.growth());
        changes.extend(puts.into_iter().map(PolicyChange::change));
        changes.extend(self.attach.iter().cloned().map(Change::Attach));
    }
}
