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
//!   Deny of either. And where the class forces a boundary, the bootstrap role may write inline policies of a role only
//!   once it has that boundary: so policies go before the swap, and come after it.
//!
//! - **Tags**: what a policy lets a session do can hang on the role's tags (`aws:PrincipalTag`), and so can who may assume
//!   the role (`aws:ResourceTag`). They change at one point,
//!   when of the Allows only those that both declarations share are there, and every Deny of either.
//!
//! Where no such order exists, or the inline quota has no room for it ([`Permissions::needs_closed_trust`]), the role
//! is closed to everybody meanwhile. The judgement is by statement, so it may close where a finer one would see that
//! it need not.
//!
//! Our own policies that end sessions ([`Permissions::end_sessions`]) deny and do nothing else, so they wait for nothing
//! but room, and for the boundary.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_iam::Arn;
use crossrole_iam::quota::ROLE_INLINE_POLICIES_SIZE;

use crate::change::Change;
use crate::policy_change::{Kind, PolicyChange};

/// What changes of a role, apart from its trust.
#[derive(Debug, Default)]
pub(crate) struct Permissions {
    /// Our own policies that end sessions, where they come or deny more.
    pub(crate) endings: Vec<PolicyChange>,
    /// Other inline policies that come, go or change.
    pub(crate) policies: Vec<PolicyChange>,
    /// The size of all inline policies that are there now, in characters without white space.
    pub(crate) inline_total: usize,
    pub(crate) attach: BTreeSet<Arn>,
    pub(crate) detach: BTreeSet<Arn>,
    pub(crate) boundary: Option<BoundaryChange>,
    pub(crate) tag: BTreeMap<String, String>,
    pub(crate) untag: BTreeSet<String>,
    /// Whether an inline policy or the trust policy, old or new, hangs on the role's tags.
    pub(crate) tags_are_read: bool,
    /// Whether trust, old or new, hangs on tags of the role that change.
    pub(crate) tags_admit: bool,
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

impl Permissions {
    /// Changes of these inline policies, and no others.
    pub(crate) fn of_policies(policies: Vec<PolicyChange>) -> Self {
        let (endings, policies) = policies.into_iter().partition(PolicyChange::ends_sessions);
        Self {
            endings,
            policies,
            ..Self::default()
        }
    }

    fn swaps_boundary(&self) -> bool {
        matches!(self.boundary, Some(BoundaryChange::Swap(_)))
    }

    fn count(&self, wanted: impl Fn(Kind) -> bool) -> usize {
        self.policies.iter().filter(|policy| wanted(policy.kind)).count()
    }

    /// Whether anything here bears on what somebody who assumes the role can do, and does more than end sessions:
    /// everything but the description.
    pub(crate) fn change_what_a_session_can_do(&self) -> bool {
        !self.policies.is_empty()
            || self.end_more_than_sessions()
            || !self.attach.is_empty()
            || !self.detach.is_empty()
            || self.boundary.is_some()
            || self.changes_what_a_session_carries()
    }

    /// Whether sessions get another length or other tags.
    fn changes_what_a_session_carries(&self) -> bool {
        let session = self.session.as_ref();
        let another_length = session.is_some_and(|session| session.before != session.after);
        another_length || !self.tag.is_empty() || !self.untag.is_empty()
    }

    /// Whether no order of these changes is safe, and within the inline quota, while the role can be assumed.
    pub(crate) fn needs_closed_trust(&self) -> bool {
        let in_with_allow = self.count(|kind| kind == Kind::DenyIn { with_new_allow: true });
        let out_with_allow = self.count(|kind| kind == Kind::DenyOut { with_old_allow: true });
        let ends_more = self.end_more_than_sessions();
        let entangled = self.count(|kind| kind == Kind::Entangled) + usize::from(ends_more);
        let changed = self.policies.len() + usize::from(ends_more);
        let others_change = !self.attach.is_empty() || !self.detach.is_empty() || self.boundary.is_some();
        let alone = changed == 1 && !others_change && !(ends_more && self.changes_what_a_session_carries());
        let too_many = in_with_allow > 1 || out_with_allow > 1 || (entangled > 0 && !alone);
        // A Deny that could be there at the moment of the swap only if it were written before.
        let written_across = self.count(|kind| {
            matches!(
                kind,
                Kind::DenyIn { .. }
                    | Kind::DenyOut { with_old_allow: true }
                    | Kind::Entangled
                    | Kind::Narrow { with_deny: true }
                    | Kind::Replace { with_deny: true }
            )
        });
        let across_swap = self.swaps_boundary() && written_across + self.endings.len() > 0;
        too_many || across_swap || self.tags_change_in_between() || !self.fits(&self.careful_order())
    }

    /// Whether policies or trust that hang on the role's tags would meet, on the way, tags or a boundary or Allows that belong to the
    /// other declaration.
    fn tags_change_in_between(&self) -> bool {
        let in_two_calls = !self.tag.is_empty() && !self.untag.is_empty();
        let changes = !self.tag.is_empty() || !self.untag.is_empty();
        let held_across = self.count(|kind| {
            matches!(
                kind,
                Kind::DenyIn { with_new_allow: true }
                    | Kind::DenyOut { with_old_allow: true }
                    | Kind::Entangled
                    | Kind::Replace { .. }
            )
        });
        changes && self.tags_are_read && (in_two_calls || held_across > 0 || self.swaps_boundary())
    }

    // Documents that bring a Deny go in before others go out, and those that take one away go out last: in between, the
    // inline quota may not hold both.
    fn fits(&self, changes: &[Change]) -> bool {
        let mut totals = self.totals(changes).into_iter().skip(1).zip(changes);
        let coming: isize = self.endings.iter().map(PolicyChange::growth).sum();
        totals.all(|(total, change)| {
            !matches!(change, Change::PutInline { .. })
                || total.saturating_add_signed(coming) <= ROLE_INLINE_POLICIES_SIZE
        })
    }

    /// The size of all inline policies before the first of these changes, and after each.
    fn totals(&self, changes: &[Change]) -> Vec<usize> {
        let known = self.policies.iter().chain(&self.endings);
        let mut sizes: BTreeMap<_, _> = known.map(|policy| (&policy.name, policy.size_before)).collect();
        let untouched = self.inline_total.saturating_sub(sizes.values().sum());
        let mut totals = vec![self.inline_total];
        for change in changes {
            match change {
                Change::PutInline { name, document } => sizes.insert(name, document.size()),
                Change::DeleteInline(name) => sizes.remove(name),
                _ => None,
            };
            totals.push(untouched + sizes.values().sum::<usize>());
        }
        totals
    }

    /// Whether one of our own policies takes the place of one that cannot be read.
    pub(crate) fn end_more_than_sessions(&self) -> bool {
        self.endings.iter().any(|ending| ending.kind == Kind::Entangled)
    }

    /// Whether our own policies that end sessions have to wait for others.
    pub(crate) fn end_sessions_late(&self) -> bool {
        let coming: isize = self.endings.iter().map(PolicyChange::growth).sum();
        let waits_for_boundary = matches!(self.boundary, Some(BoundaryChange::First(_) | BoundaryChange::Swap(_)));
        let waits_for_room = self.inline_total.saturating_add_signed(coming) > ROLE_INLINE_POLICIES_SIZE;
        !self.endings.is_empty() && (waits_for_boundary || waits_for_room)
    }

    /// Puts our own policies that end sessions among the other changes, each as soon as the boundary is there and the
    /// inline quota has room for it, but not before this place.
    pub(crate) fn end_sessions(&self, changes: &mut Vec<Change>, earliest: usize) {
        let boundary = changes
            .iter()
            .position(|change| matches!(change, Change::PutBoundary(_)));
        let earliest = earliest.max(boundary.map_or(0, |at| at + 1));
        // By name, so that the one which ends every session comes to stand first.
        for ending in &self.endings {
            let totals = self.totals(changes);
            let last_without_room = totals
                .iter()
                .rposition(|total| total.saturating_add_signed(ending.growth()) > ROLE_INLINE_POLICIES_SIZE);
            let place = last_without_room.map_or(earliest, |at| earliest.max(at + 1));
            changes.insert(place.min(changes.len()), ending.change());
        }
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
        if let Some(BoundaryChange::Swap(arn)) = &self.boundary {
            self.take_away(&mut changes);
            // Neither the old Allows nor the new ones may be there at that moment.
            let loses = |kind| {
                matches!(
                    kind,
                    Kind::Narrow { with_deny: false } | Kind::Replace { with_deny: false }
                )
            };
            changes.extend(self.of(loses).map(PolicyChange::delete));
            changes.push(Change::PutBoundary(arn.clone()));
            self.deny(&mut changes);
            changes.extend(
                self.of(|kind| matches!(kind, Kind::Narrow { .. }))
                    .filter_map(PolicyChange::put),
            );
        } else {
            self.deny(&mut changes);
            self.take_away(&mut changes);
            changes.extend(
                self.of(|kind| matches!(kind, Kind::Narrow { .. }))
                    .map(PolicyChange::change),
            );
        }
        self.tag(&mut changes);
        let widening = |kind| matches!(kind, Kind::Widen | Kind::Replace { .. } | Kind::Entangled);
        changes.extend(self.of(widening).map(PolicyChange::change));
        changes.extend(self.attach.iter().cloned().map(Change::Attach));
        // One that still holds an old Allow goes out while every other Deny is still there.
        for with_old_allow in [true, false] {
            changes.extend(
                self.of(move |kind| kind == Kind::DenyOut { with_old_allow })
                    .map(PolicyChange::change),
            );
        }
        changes
    }

    /// What brings a Deny. A document that brings an Allow along goes in when every other Deny is there.
    fn deny(&self, changes: &mut Vec<Change>) {
        for with_new_allow in [false, true] {
            changes.extend(
                self.of(move |kind| kind == Kind::DenyIn { with_new_allow })
                    .map(PolicyChange::change),
            );
        }
    }

    // First what goes, then what comes, so that no quota stands in the way. Nobody can assume the role meanwhile, but
    // sessions from before are still there: what ended them is lifted last, if there is room for it until then.
    fn frugal_order(&self) -> Vec<Change> {
        let patient = self.lifting_last(PolicyChange::lifts_an_end);
        if self.fits(&patient) {
            patient
        } else {
            self.lifting_last(PolicyChange::opens)
        }
    }

    fn lifting_last(&self, lifts: fn(&PolicyChange) -> bool) -> Vec<Change> {
        let (lifted, others): (Vec<_>, Vec<_>) = self.of(|_| true).partition(|policy| lifts(policy));
        let (coming, going): (Vec<_>, Vec<_>) = others.into_iter().partition(|policy| policy.after.is_some());
        let mut changes = Vec::new();
        self.take_away(&mut changes);
        changes.extend(going.into_iter().map(PolicyChange::change));
        if let Some(BoundaryChange::Swap(arn)) = &self.boundary {
            changes.push(Change::PutBoundary(arn.clone()));
        }
        self.tag(&mut changes);
        changes.extend(coming.into_iter().map(PolicyChange::change));
        changes.extend(self.attach.iter().cloned().map(Change::Attach));
        changes.extend(lifted.into_iter().map(PolicyChange::change));
        changes
    }

    /// Policies of one kind. What shrinks comes first, so that their sum never exceeds both the old and the new one.
    fn of(&self, wanted: impl Fn(Kind) -> bool) -> impl Iterator<Item = &PolicyChange> {
        let mut policies: Vec<_> = self.policies.iter().filter(|policy| wanted(policy.kind)).collect();
        policies.sort_by_key(|policy| policy.growth());
        policies.into_iter()
    }

    fn take_away(&self, changes: &mut Vec<Change>) {
        changes.extend(self.detach.iter().cloned().map(Change::Detach));
    }

    // What goes first, so that the quota has room for what comes.
    fn tag(&self, changes: &mut Vec<Change>) {
        if !self.untag.is_empty() {
            changes.push(Change::Untag(self.untag.clone()));
        }
        if !self.tag.is_empty() {
            changes.push(Change::Tag(self.tag.clone()));
        }
    }
}

#[cfg(test)]
mod tests;
