//! Which roles, which account, what the class allows: from the caches alone.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use crossrole_api::{
    AWSAccount, AccountEntry, AccountState, AssumeRoleGrant, CrossAccountRole, EntryState, GrantedRole, Reason,
};
use crossrole_iam::{Arn, RoleName};
use crossrole_plan::grant::{self, DesiredGrant, Grant, Holder};
use crossrole_plan::outcome::NextLook;
use crossrole_plan::owner::Owner;
use crossrole_plan::refusal::Refusal;
use crossrole_plan::select;
use jiff::Timestamp;
use kube::{Resource, ResourceExt};

use super::super::context::{Context, object_name};
use super::super::looks;
use super::super::resolve::entrance;
use super::super::verdict::Outcome;
use super::super::world::{Located, World};
use super::half_open;
use super::selected::Selected;
use crate::aws::Entrance;

/// What is to be done.
pub(super) enum Target {
    /// The grant shall be there.
    Hold(Box<Hold>),
    /// Nothing of it shall be there.
    Leave(Box<Leave>),
    /// Nothing can or need be done: this is what to say.
    Settled(Outcome),
}

/// A grant that shall be there.
pub(super) struct Hold {
    /// The AWSAccount's name.
    pub(super) account: String,
    /// How to get in.
    pub(super) entrance: Entrance,
    /// As which role.
    pub(super) grant_role: Arn,
    /// What shall be there.
    pub(super) desired: DesiredGrant,
    /// The same for status.
    pub(super) roles: Vec<GrantedRole>,
    /// Whether more of the selected roles may come although nobody does anything.
    pub(super) is_under_way: bool,
    /// When a selected role changes although nobody does anything: its time is over then, for one.
    pub(super) changes_at: Option<Timestamp>,
    /// Why nothing may come; what goes goes all the same.
    pub(super) refusal: Option<Refusal>,
    /// CrossAccountRoles of the namespace whose trust names the account, and which no other grant gives to anybody there.
    pub(super) trusting: Vec<String>,
}

/// A grant that shall be gone.
pub(super) struct Leave {
    /// How to get in.
    pub(super) entrance: Entrance,
    /// As which role.
    pub(super) grant_role: Arn,
    /// Whose it must be.
    pub(super) owner: Owner,
}

impl Hold {
    /// What is asked for, as a number.
    pub(super) fn print(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let refusal = self.refusal.as_ref().map(ToString::to_string);
        (&self.entrance, &self.grant_role, &self.desired, refusal).hash(&mut hasher);
        hasher.finish()
    }
}

impl Leave {
    /// What is asked for, as a number.
    pub(super) fn print(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        ("leave", &self.entrance, &self.grant_role, &self.owner).hash(&mut hasher);
        hasher.finish()
    }
}

pub(super) fn resolve(context: &Context, world: &World, object: &AssumeRoleGrant) -> Target {
    let owner = Owner {
        cluster: context.cluster_id.clone(),
        object: object_name(object),
        predecessor: context.settings.take_over_from.clone(),
    };
    if object.metadata.deletion_timestamp.is_some() {
        return leave(context, world, object, owner);
    }
    match hold(context, world, object, owner) {
        Ok(target) => target,
        Err(refusal) => Target::Settled(Outcome::refused(&refusal)),
    }
}

fn hold(context: &Context, world: &World, object: &AssumeRoleGrant, owner: Owner) -> Result<Target, Refusal> {
    let name = &object.spec.account;
    let account = world.account(name).map_err(|refusal| match refusal.reason {
        Reason::AccountNotFound => Refusal::of_field(
            Reason::AccountNotFound,
            "spec.account",
            format!("there is no AWSAccount {name}: make it"),
        ),
        _ => refusal,
    })?;
    let known = object.status.as_ref().and_then(|status| status.account_id.as_deref());
    if let Some(old) = known.filter(|old| *old != account.spec.account_id) {
        return Err(Refusal::of_field(
            Reason::AccountNotFound,
            "spec.account",
            format!(
                "the grant is in account {old}, but AWSAccount {name} is {} now: delete the grant, and make it again",
                account.spec.account_id
            ),
        ));
    }
    if account.spec.state != AccountState::Active {
        return Ok(Target::Settled(Outcome::Stands {
            state: EntryState::Pending,
            reason: Reason::AccountPaused,
            message: format!("AWSAccount {name} is {:?}: no call is made", account.spec.state),
            next: NextLook::Interval,
        }));
    }
    if account.metadata.deletion_timestamp.is_some() && known.is_none() {
        return Err(Refusal::new(
            Reason::AccountTerminating,
            format!("AWSAccount {name} is being deleted and takes no new grants"),
        ));
    }
    let declared = Grant::parse(object)?;
    let (parsed, bootstrap) = world.enterable(account, Some(&context.aws.hub.identity))?;
    let role = world
        .grant_role(&parsed)?
        .ok_or_else(|| grant::nobody_grants(&parsed.class))?;
    let before = object.status.iter().flat_map(|status| &status.roles);
    let mut selected = Selected::after(before);
    for cached in context.caches.roles.state() {
        let of_namespace = cached.namespace().unwrap_or_default() == owner.object.namespace;
        let is_chosen = select::chosen(&object.spec.roles, &cached.name_any(), cached.labels());
        if of_namespace && is_chosen && cached.meta().deletion_timestamp.is_none() {
            match &cached.0 {
                Ok(role) => selected.add(
                    role,
                    &|entry| is_declared(world, role, entry),
                    &declared,
                    &parsed,
                    context.now(),
                ),
                Err(unreadable) => selected.is_unreadable(&cached.name_any(), &unreadable.error),
            }
        }
    }
    selected.keep_unreadable();
    let roles = selected.roles;
    let mut desired = DesiredGrant::of(
        &declared,
        owner,
        (parsed.partition, &parsed.id),
        roles.iter().map(|(arn, (allows, _))| (arn.clone(), *allows)).collect(),
    );
    let refusal = match judge(context, world, account, &declared) {
        Ok(()) => selected.refusal,
        Err(violation) => {
            if let Some(keeping) = violation.keeping {
                desired.holders = keeping;
            }
            Some(violation.refusal)
        }
    };
    Ok(Target::Hold(Box::new(Hold {
        account: name.clone(),
        entrance: entrance(&parsed, &bootstrap),
        grant_role: role.arn(parsed.partition, &parsed.id),
        desired,
        roles: roles.into_values().map(|(_, role)| role).collect(),
        is_under_way: selected.is_under_way,
        changes_at: selected.changes_at,
        refusal,
        trusting: half_open::trusting(context, object, &declared, &parsed),
    })))
}

/// Whether an object asks for its role in the account of an entry.
fn is_declared(world: &World, role: &CrossAccountRole, entry: &AccountEntry) -> bool {
    world.account(&entry.account).is_ok_and(|account| {
        entry.account_id.as_ref() == Some(&account.spec.account_id)
            && select::chosen(&role.spec.accounts, &entry.account, account.labels())
    })
}

/// Why a grant is refused, and who keeps what they have; `None`: all of them.
struct Violation {
    refusal: Refusal,
    keeping: Option<BTreeSet<Holder>>,
}

fn judge(context: &Context, world: &World, object: &AWSAccount, declared: &Grant) -> Result<(), Violation> {
    let usable = world.usable(object, Some(&context.aws.hub.identity));
    let (account, rules) = usable.map_err(|refusal| Violation { refusal, keeping: None })?;
    let name = object.name_any();
    let is_made_here = |role: &RoleName| {
        let objects = context.caches.index.of_role_name(&role.folded()).into_iter();
        let mut roles = objects.filter_map(|object| context.caches.roles.get(&looks::reference(&object)));
        roles.any(|role| {
            let status = role.0.as_ref().ok().and_then(|role| role.status.as_ref());
            let mut entries = status.into_iter().flat_map(|status| &status.accounts);
            entries.any(|entry| entry.account == name && entry.role_arn.is_some())
        })
    };
    let request = grant::Request {
        grant: declared,
        account: &account,
        rules: &rules,
        namespace_labels: &world.labels(&declared.object.namespace),
        hub_role: context.aws.hub.identity.role(),
        is_made_here: &is_made_here,
        is_entered_as: &|role: &RoleName| world.is_entered_as(role),
    };
    grant::judge(&request).map_err(|refusal| Violation {
        refusal,
        keeping: Some(grant::keeping(&request)),
    })
}

fn leave(context: &Context, world: &World, object: &AssumeRoleGrant, owner: Owner) -> Target {
    let name = &object.spec.account;
    let stuck = |reason: Reason, message: String| Target::Settled(Outcome::cannot_leave(reason, message));
    let known = object.status.as_ref().and_then(|status| status.account_id.as_deref());
    let account = match known {
        Some(id) => match world.locate(name, id) {
            Located::At(account) => account,
            Located::Nowhere | Located::Elsewhere(_) => {
                let message = format!(
                    "there is no AWSAccount of {id} any more: make it again, so that the policies are removed, or with spec.state Abandoned, so that they are forgotten"
                );
                return stuck(Reason::AccountNotFound, message);
            }
        },
        // A status that was lost must not leave policies behind.
        None => match world.account(name) {
            Ok(account) => account,
            Err(_) => return Target::Settled(Outcome::Gone),
        },
    };
    match account.spec.state {
        AccountState::Abandoned => return Target::Settled(Outcome::Gone),
        AccountState::Paused => {
            return stuck(
                Reason::AccountPaused,
                format!("AWSAccount {name} is Paused: no call is made"),
            );
        }
        AccountState::Active => {}
    }
    let entered = world
        .enterable(account, Some(&context.aws.hub.identity))
        .and_then(|(parsed, bootstrap)| Ok((world.grant_role(&parsed)?, parsed, bootstrap)));
    match entered {
        Ok((Some(role), parsed, bootstrap)) => Target::Leave(Box::new(Leave {
            entrance: entrance(&parsed, &bootstrap),
            grant_role: role.arn(parsed.partition, &parsed.id),
            owner,
        })),
        // Nothing was ever written where nobody could.
        Ok((None, ..)) if known.is_none() => Target::Settled(Outcome::Gone),
        Ok((None, parsed, _)) => {
            let refusal = grant::nobody_grants(&parsed.class);
            stuck(
                refusal.reason,
                format!("cannot remove the policies: {}", refusal.message),
            )
        }
        Err(refusal) => stuck(refusal.reason, refusal.to_string()),
    }
}
