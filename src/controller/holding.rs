//! What is to be done in an account that an object selects: hold the role there, or end access to it.

use std::sync::Arc;

use crossrole_api::class::OnViolation;
use crossrole_api::role::Mode;
use crossrole_api::{AWSAccount, AccountEntry, AccountState, EntryState, Reason};
use crossrole_iam::RoleName;
use crossrole_plan::account::Account;
use crossrole_plan::declaration::{Declaration, listed_policies};
use crossrole_plan::desired::Desired;
use crossrole_plan::ending::Ending;
use crossrole_plan::guard::{self, Judge, Proposal};
use crossrole_plan::lifecycle::Lifecycle;
use crossrole_plan::outcome::NextLook;
use crossrole_plan::refusal::Refusal;
use crossrole_plan::rules::Rules;

use super::context::object_name;
use super::resolve::{Place, Request, entrance, owner};
use super::task::{End, Hold, Target};
use super::verdict::Outcome;
use crate::aws::{Entrance, Identity};

/// An account that roles can be held in, and the rules of its class.
type Usable = (Account, Arc<Rules>);

/// What is to be done in an account that an object selects.
pub(super) fn hold(
    request: &Request<'_>,
    declaration: &Result<Declaration, Refusal>,
    name: &str,
    entry: Option<&AccountEntry>,
) -> Target {
    let account = match request.world.account(name) {
        Ok(account) => account,
        Err(refusal) => return Target::Settled(None, Outcome::refused(&refusal)),
    };
    if let Some((old, refusal)) = moved(account, entry) {
        return Target::Settled(Some(old), Outcome::refused(&refusal));
    }
    let id = Some(account.spec.account_id.clone());
    match account.spec.state {
        AccountState::Abandoned => return Target::Settled(id, Outcome::Gone),
        AccountState::Paused => {
            let outcome = Outcome::Stands {
                state: EntryState::Pending,
                reason: Reason::AccountPaused,
                message: format!("AWSAccount {name} is Paused: no call is made"),
                next: NextLook::Interval,
            };
            return Target::Settled(id, outcome);
        }
        AccountState::Active => {}
    }
    if account.metadata.deletion_timestamp.is_some() && entry.is_none_or(|entry| entry.role_id.is_none()) {
        let refusal = Refusal::new(
            Reason::AccountTerminating,
            format!("AWSAccount {name} is being deleted and takes no new roles"),
        );
        return Target::Settled(id, Outcome::refused(&refusal));
    }
    let observe = request.role.spec.mode == Mode::Observe;
    let usable = request.world.usable(account, request.hub);
    let ending = ending(request, account, usable.as_ref().ok());
    let refused = match desired(request, declaration, usable) {
        Ok((entrance, desired, rules)) => match allowed(request, declaration, &desired, &rules, entry) {
            Ok(()) => {
                return Target::Hold(Box::new(Hold {
                    entrance,
                    desired,
                    ending: ending.map(|(_, ending)| ending),
                    observe,
                }));
            }
            Err(refusal) => (refusal, Some(desired)),
        },
        Err(refusal) => (refusal, None),
    };
    let (refusal, declared) = refused;
    // Status may not know the role's id: the process that made the role died before it said so, status was restored from a
    // backup, or the role's tags were another's for a while.
    let may_be_there = request.statusless || entry.is_some();
    match ending {
        // A role that crossrole never touches is not touched to close it either.
        Some((entrance, mut ending)) if refusal.reason != Reason::ProtectedRole => {
            ending.judge = ending.judge.filter(|_| may_be_there);
            if ending.judge.is_none() && ending.lifecycle == Lifecycle::default() {
                return Target::Settled(id, Outcome::refused(&refusal));
            }
            Target::End(Box::new(End {
                entrance,
                ending,
                declared,
                refusal,
            }))
        }
        _ => Target::Settled(id, Outcome::refused(&refusal)),
    }
}

/// What may have to be ended of an object's role when it is refused: closing and revoking run even when everything else is
/// refused, and a class can want roles closed that it no longer allows. `None` where nothing may be written, or nothing can
/// be done.
fn ending(request: &Request<'_>, account: &AWSAccount, usable: Option<&Usable>) -> Option<(Entrance, Ending)> {
    let role = request.role;
    if role.spec.mode == Mode::Observe {
        return None;
    }
    let lifecycle = Lifecycle::of_ending(&role.spec);
    let object = object_name(role);
    let (parsed, bootstrap) = request.world.enterable(account, request.hub).ok()?;
    let rules = usable.map(|(_, rules)| rules);
    let boundary = rules.and_then(|rules| rules.boundary.as_ref());
    let boundary = boundary.map(|boundary| boundary.resolve(parsed.partition, &parsed.id));
    let judge = rules.filter(|rules| rules.on_violation == OnViolation::Close);
    let name: RoleName = role.spec.role_name.as_deref().unwrap_or(&object.name).parse().ok()?;
    let hub_role = request.hub.and_then(Identity::role);
    let hub_role = hub_role.filter(|(id, _)| *id == parsed.id.as_str());
    let hub_role = hub_role.and_then(|(_, name)| name.parse().ok());
    let grant_role = request.world.grant_role(&parsed).ok().flatten();
    let entered_as = [Some(bootstrap.name.clone()), grant_role.map(|role| role.name)];
    let never_closed = entered_as.into_iter().flatten().chain(hub_role).collect();
    let entrance = entrance(&parsed, &bootstrap);
    let listed = role.spec.permissions.as_ref();
    let listed = listed.map_or(&[][..], |permissions| &permissions.customer_managed);
    let ending = Ending {
        judge: judge.map(|rules| Judge {
            rules: rules.clone(),
            namespace_labels: request.world.labels(&object.namespace),
            declared_policies: listed_policies(listed, parsed.partition, &parsed.id),
            account: parsed,
        }),
        role: name,
        owner: owner(request, object),
        boundary,
        lifecycle,
        never_closed,
        is_refused: true,
    };
    Some((entrance, ending))
}

/// An AWSAccount that was made again with another id: the role of the entry is where it was.
fn moved(account: &AWSAccount, entry: Option<&AccountEntry>) -> Option<(String, Refusal)> {
    let entry = entry.filter(|entry| entry.role_id.is_some() || entry.state == EntryState::Pending)?;
    let old = entry.account_id.clone().filter(|old| *old != account.spec.account_id)?;
    let name = &entry.account;
    let refusal = Refusal::new(
        Reason::AccountNotFound,
        format!(
            "the role is in account {old}, but AWSAccount {name} is {} now: make an AWSAccount of another name for {old}",
            account.spec.account_id
        ),
    );
    Some((old, refusal))
}

/// What a declaration means in an account, and the rules there.
fn desired(
    request: &Request<'_>,
    declaration: &Result<Declaration, Refusal>,
    usable: Result<Usable, Refusal>,
) -> Result<(Entrance, Desired, Usable), Refusal> {
    let (account, rules) = usable?;
    let declaration = declaration.as_ref().map_err(Clone::clone)?;
    let mut desired = Desired::of(declaration, &account, &rules, request.cluster_id)?;
    desired.owner.predecessor = request.predecessor.map(str::to_string);
    Ok((entrance(&account, &rules.bootstrap), desired, (account, rules)))
}

/// Whether every guardrail lets a role pass.
fn allowed(
    request: &Request<'_>,
    declaration: &Result<Declaration, Refusal>,
    desired: &Desired,
    (account, rules): &Usable,
    entry: Option<&AccountEntry>,
) -> Result<(), Refusal> {
    let declaration = declaration.as_ref().map_err(Clone::clone)?;
    let is_new = entry.is_none_or(|entry| entry.role_id.is_none());
    let others = |most| {
        (request.rooms)(&Place {
            account: &account.name,
            class: &rules.class,
            most,
        })
    };
    guard::check(&Proposal {
        declaration,
        desired,
        account,
        rules,
        namespace_labels: &request.world.labels(&declaration.object.namespace),
        namespace_roles: is_new.then_some(&others as &dyn Fn(u32) -> u32),
        hub_role: request.hub.and_then(Identity::role),
    })
}

/// What an object means in an account, where that can be told: whether anything comes of it is another question.
pub fn declared(request: &Request<'_>, account: &str) -> Option<Desired> {
    let account = request.world.account(account).ok()?;
    let usable = request.world.usable(account, request.hub);
    let (_, desired, _) = desired(request, &Declaration::parse(request.role), usable).ok()?;
    Some(desired)
}

/// Whether an object may have its role in an account, as far as Kubernetes tells.
pub fn may_have(request: &Request<'_>, account: &str) -> bool {
    let declaration = Declaration::parse(request.role);
    let Ok(account) = request.world.account(account) else {
        return false;
    };
    let usable = request.world.usable(account, request.hub);
    desired(request, &declaration, usable)
        .is_ok_and(|(_, desired, rules)| allowed(request, &declaration, &desired, &rules, None).is_ok())
}
