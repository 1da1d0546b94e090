//! The object whose role a record speaks of.

use crossrole_api::role::Mode;
use crossrole_api::{AccountEntry, CrossAccountRole, EntryState, Mfa};
use crossrole_iam::RoleName;
use crossrole_plan::declaration::ObjectName;
use crossrole_plan::feed::mfa_by_trust;
use crossrole_plan::feed::record::{Change, Use};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::{Resource, ResourceExt};

use crate::controller::context::{Context, object_name};
use crate::controller::looks;

/// A role of ours: the object that holds it, and where.
pub(super) struct Found {
    pub(super) object: ObjectName,
    pub(super) uid: String,
    /// What Events are written about.
    pub(super) reference: ObjectReference,
    /// The AWSAccount's name.
    pub(super) account: String,
    pub(super) account_id: String,
    pub(super) role_arn: String,
    /// The AccountClass, where the account has one.
    pub(super) class: Option<String>,
    /// What the trust says of a second factor, where the account is known to hold what is declared.
    pub(super) mfa_by_trust: Mfa,
}

/// The role that somebody assumed, or tried to.
pub(super) fn role(context: &Context, used: &Use) -> Option<Found> {
    let name: RoleName = used.role.resource().rsplit('/').next()?.parse().ok()?;
    let arn = used.role.to_string();
    let found = held(context, used.account.as_str(), &name)?;
    // A role of that name has one path.
    found.role_arn.eq_ignore_ascii_case(&arn).then_some(found)
}

/// The role that somebody changed.
pub(super) fn changed(context: &Context, change: &Change) -> Option<Found> {
    held(context, change.account.as_str(), &change.role)
}

/// The object that holds a role of this name in an account, as its status says.
fn held(context: &Context, account_id: &str, name: &RoleName) -> Option<Found> {
    let objects = context.caches.index.of_role_name(&name.folded()).into_iter();
    let mut found = objects.filter_map(|object| {
        let cached = context.caches.roles.get(&looks::reference(&object))?;
        let role = cached.0.as_ref().ok()?;
        let entry = entry(role, account_id)?;
        Some(Found {
            uid: role.uid().unwrap_or_default(),
            reference: role.object_ref(&()),
            object: object_name(role),
            account: entry.account.clone(),
            account_id: account_id.to_string(),
            role_arn: entry.role_arn.clone()?,
            class: context.world().class_of(&entry.account).map(str::to_string),
            mfa_by_trust: if is_as_declared(role, entry) {
                mfa_by_trust(role)
            } else {
                Mfa::Unknown
            },
        })
    });
    found.next()
}

/// Whether the account held what is declared when it was looked at last, and would be put right. What is declared says nothing
/// of who got in otherwise.
fn is_as_declared(role: &CrossAccountRole, entry: &AccountEntry) -> bool {
    let seen = role.status.as_ref().and_then(|status| status.observed_generation);
    entry.state == EntryState::Ready
        && role.spec.mode == Mode::Enforce
        && !role.spec.suspend
        && seen == role.metadata.generation
}

/// The entry for an account, where status says that the role is there.
fn entry<'a>(role: &'a CrossAccountRole, account_id: &str) -> Option<&'a AccountEntry> {
    let mut entries = role.status.iter().flat_map(|status| &status.accounts);
    entries.find(|entry| entry.role_arn.is_some() && entry.account_id.as_deref() == Some(account_id))
}
