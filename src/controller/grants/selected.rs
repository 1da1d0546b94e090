//! The roles that a grant selects.

use std::collections::BTreeMap;

use crossrole_api::status::condition::{READY, STALLED};
use crossrole_api::{AccountEntry, CrossAccountRole, EntryState, GrantedRole, Reason, Trusted};
use crossrole_iam::Arn;
use crossrole_plan::account::Account;
use crossrole_plan::declaration::Declaration;
use crossrole_plan::grant::{self, Allows, Grant};
use crossrole_plan::refusal::Refusal;
use crossrole_plan::trust;
use jiff::Timestamp;
use kube::ResourceExt;

use super::super::report::is_true;

/// The roles that a grant selects, by ARN.
#[derive(Default)]
pub(super) struct Selected<'a> {
    /// What else than to assume it may be asked of each, and the same for status.
    pub(super) roles: BTreeMap<String, (Allows, GrantedRole)>,
    /// Why nothing may come.
    pub(super) refusal: Option<Refusal>,
    /// Whether one of the CrossAccountRoles is still being made.
    pub(super) is_under_way: bool,
    /// When one of them changes although nobody does anything.
    pub(super) changes_at: Option<Timestamp>,
    /// Those that were granted before.
    granted: BTreeMap<&'a str, &'a GrantedRole>,
    /// CrossAccountRoles of which nobody knows what they mean.
    unreadable: Vec<String>,
}

impl<'a> Selected<'a> {
    /// None yet, after these were granted.
    pub(super) fn after(granted: impl Iterator<Item = &'a GrantedRole>) -> Self {
        Self {
            granted: granted.map(|role| (role.role_arn.as_str(), role)).collect(),
            ..Self::default()
        }
    }

    /// Nobody knows what a CrossAccountRole means.
    pub(super) fn is_unreadable(&mut self, name: &str, problem: &str) {
        self.unreadable.push(name.to_string());
        let message = format!("CrossAccountRole {name} cannot be read, so nothing is given anew: {problem}");
        self.refusal = Some(Refusal::of_field(Reason::InvalidSpec, "spec.roles", message));
    }

    /// Adds the roles of a CrossAccountRole. Status says where they are, and only narrows: what comes is declared as well, and
    /// ready, for the ARN of an entry that is not can be somebody else's role, which the object is to take over. What was
    /// granted before stays as long as its role does: trouble takes nothing away, nor does a removal that the brake holds.
    pub(super) fn add(
        &mut self,
        role: &CrossAccountRole,
        is_declared: &dyn Fn(&AccountEntry) -> bool,
        declared: &Grant,
        own: &Account,
        now: Timestamp,
    ) {
        let declaration = match Declaration::parse(role) {
            Ok(declaration) => declaration,
            Err(refusal) => return self.is_unreadable(&role.name_any(), &refusal.to_string()),
        };
        self.is_under_way |= is_under_way(role);
        let next = declaration.lifecycle.next_change(now);
        self.changes_at = self.changes_at.into_iter().chain(next).min();
        for entry in role.status.iter().flat_map(|status| &status.accounts) {
            let (Some(arn), Some(id)) = (&entry.role_arn, &entry.account_id) else {
                continue;
            };
            let before = self.granted.get(arn.as_str());
            let was_granted = before.is_some_and(|granted| granted.role == role.name_any());
            let comes_or_stays = match bearing(entry) {
                Bearing::Ready => is_declared(entry) || was_granted,
                Bearing::Troubled => was_granted,
                Bearing::Leaving => false,
            };
            if !comes_or_stays || !is_of(arn, &declaration, id) {
                continue;
            }
            let Ok(id) = id.parse() else {
                continue;
            };
            let trust = trust::rendered(&declaration.trust, own.partition, &id);
            let trust = trust.map_or_else(|_| trust::closed(), |rendered| rendered.document);
            let mut grantees = declared.grantees.iter();
            let is_trusted = bearing(entry) == Bearing::Ready
                && !declaration.lifecycle.is_closed(now)
                && grantees.all(|grantee| grant::admits(&trust, grantee, own.partition, &own.id));
            let granted = GrantedRole {
                role_arn: arn.clone(),
                role: role.name_any(),
                account: entry.account.clone(),
                trusted: if is_trusted { Trusted::Yes } else { Trusted::No },
            };
            self.roles.insert(arn.clone(), (grant::allows(&trust), granted));
        }
    }

    /// What nobody knows of is not taken away.
    pub(super) fn keep_unreadable(&mut self) {
        let before = self.granted.values();
        for role in before.filter(|role| self.unreadable.contains(&role.role)) {
            let all = Allows {
                session_tags: true,
                source_identity: true,
            };
            self.roles.insert(role.role_arn.clone(), (all, (*role).clone()));
        }
    }
}

/// What an entry in status means for grants of its role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bearing {
    /// The role is there, is ours, and is as declared.
    Ready,
    /// It may be there, or another in its place.
    Troubled,
    /// It is about to go.
    Leaving,
}

/// What an entry in status means for grants of its role.
pub fn bearing(entry: &AccountEntry) -> Bearing {
    match entry.state {
        EntryState::Ready => Bearing::Ready,
        EntryState::Removing if entry.reason != Reason::TooManyRemovals => Bearing::Leaving,
        EntryState::Removing | EntryState::Pending | EntryState::Retrying | EntryState::Refused => Bearing::Troubled,
    }
}

/// Whether more of a CrossAccountRole's roles may come although nobody does anything.
pub fn is_under_way(role: &CrossAccountRole) -> bool {
    let conditions = role.status.as_ref().map(|status| &status.conditions);
    !conditions.is_some_and(|conditions| is_true(conditions, READY) || is_true(conditions, STALLED))
}

/// Whether an ARN is that of a declared role in an account.
fn is_of(arn: &str, declaration: &Declaration, account: &str) -> bool {
    let Ok(parsed) = arn.parse::<Arn>() else { return false };
    let Some(rest) = parsed.resource().strip_prefix("role") else {
        return false;
    };
    let Some((path, name)) = rest.rfind('/').map(|slash| rest.split_at(slash + 1)) else {
        return false;
    };
    parsed.account() == account
        && name.eq_ignore_ascii_case(declaration.role_name.as_str())
        && declaration
            .path
            .as_ref()
            .is_none_or(|declared| declared.as_str() == path)
}

#[cfg(test)]
mod tests;
