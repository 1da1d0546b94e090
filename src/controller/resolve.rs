//! Which accounts, which class, is this namespace allowed: from the caches alone.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_api::class::OnViolation;
use crossrole_api::role::Mode;
use crossrole_api::{AWSAccount, AccountEntry, AccountState, CrossAccountRole, EntryState, Reason};
use crossrole_iam::RoleName;
use crossrole_plan::account::Account;
use crossrole_plan::bootstrap::Bootstrap;
use crossrole_plan::brake;
use crossrole_plan::declaration::{Declaration, ObjectName};
use crossrole_plan::desired::Desired;
use crossrole_plan::ending::Ending;
use crossrole_plan::guard::{self, Judge, Proposal};
use crossrole_plan::lifecycle::Lifecycle;
use crossrole_plan::outcome::NextLook;
use crossrole_plan::owner::Owner;
use crossrole_plan::refusal::Refusal;
use crossrole_plan::rules::Rules;
use crossrole_plan::select::{self, Selection};
use kube::ResourceExt;

use super::removals;
use super::report;
use super::task::{End, Hold, Leave, Target, Task};
use super::verdict::Outcome;
use super::work;
use super::world::{Located, World};
use crate::aws::{Entrance, Identity};

/// An object selects at most so many accounts: more would not fit into its status.
const MOST_ACCOUNTS: usize = 1_500;

/// How crossrole gets into an account.
pub fn entrance(account: &Account, bootstrap: &Bootstrap) -> Entrance {
    Entrance {
        account: account.id.clone(),
        bootstrap_role: bootstrap.arn(account.partition, &account.id),
        external_id: account.external_id.as_ref().map(ToString::to_string),
        session_seconds: bootstrap.session,
        read_only: false,
        roles_below: bootstrap.roles_below.clone(),
    }
}

/// Everything that one object asks for.
pub struct Request<'a> {
    /// The object.
    pub role: &'a CrossAccountRole,
    /// Kubernetes.
    pub world: &'a World,
    /// The identity that the operator itself runs with; `None` where nobody knows it.
    pub hub: Option<&'a Identity>,
    /// What the tag `crossrole.dev/cluster` says.
    pub cluster_id: &'a str,
    /// The id of a cluster that was rebuilt as this one.
    pub predecessor: Option<&'a str>,
    /// What the brake is judged by: all objects' derived removals. Asked for only when there is one.
    pub load: &'a dyn Fn() -> brake::Load,
    /// Whether the object's derived removals, noticed now, can begin: no new ones came up lately anywhere.
    pub settled: &'a dyn Fn(&BTreeSet<String>) -> bool,
    /// How many roles the objects of the namespace have, or are about to have, in accounts of the place's class besides the
    /// one of this object there. Takes the room where there is some.
    pub rooms: &'a dyn Fn(&Place<'_>) -> u32,
    /// Whether objects come from files, without status: any role may be there then.
    pub statusless: bool,
    /// The flag `--max-removals`.
    pub max_removals: usize,
}

/// Where a new role would be.
pub struct Place<'a> {
    /// The AWSAccount's name.
    pub account: &'a str,
    /// The AccountClass's name.
    pub class: &'a str,
    /// How many roles a namespace may have there.
    pub most: u32,
}

/// What is to be done, account by account, in the order of their names.
pub fn resolve(request: &Request<'_>) -> Vec<Task> {
    let role = request.role;
    let deleting = role.metadata.deletion_timestamp.is_some();
    let selection = if deleting {
        Selection::default()
    } else {
        request.world.selection(role)
    };
    let declaration = Declaration::parse(role).and_then(|declaration| match selection.all().len() {
        selected if selected > MOST_ACCOUNTS => Err(Refusal::of_field(
            Reason::InvalidSpec,
            "spec.accounts",
            format!("selects {selected} accounts, and an object holds at most {MOST_ACCOUNTS}: split it"),
        )),
        _ if report::least_size(selection.all().into_iter(), longest_arn(&declaration)) > report::ENTRIES_SIZE => {
            Err(Refusal::of_field(
                Reason::InvalidSpec,
                "spec.accounts",
                "selects so many accounts of so long names that the status would not fit into etcd: split it",
            ))
        }
        _ => Ok(declaration),
    });
    let entries: BTreeMap<&str, &AccountEntry> = role
        .status
        .iter()
        .flat_map(|status| &status.accounts)
        .map(|entry| (entry.account.as_str(), entry))
        .collect();

    let mut tasks = Vec::new();
    for account in selection.all().into_iter().take(2 * MOST_ACCOUNTS) {
        let entry = entries.get(account).copied();
        let target = hold(request, &declaration, account, entry);
        tasks.push(Task {
            account: account.into(),
            named: selection.named.contains(account),
            entry: entry.cloned(),
            target,
        });
    }
    let held: BTreeSet<String> = tasks.iter().filter_map(account_id_of).collect();
    let mut leaving: Vec<(String, Option<&AccountEntry>)> = entries
        .iter()
        .filter(|(account, _)| !selection.contains(account))
        .map(|(account, entry)| (account.to_string(), Some(*entry)))
        .collect();
    if deleting {
        // A status that was lost must not leave roles behind: whatever the object selects is looked at too.
        let selected = request.world.selection(role);
        leaving.extend(
            selected
                .all()
                .into_iter()
                .filter(|name| !entries.contains_key(name))
                .map(|name| (name.to_string(), None)),
        );
    }
    for (account, entry) in leaving {
        let derived = !deleting && entry.is_some_and(|entry| !entry.named);
        let target = leave(request, &account, entry, derived, deleting, &held);
        let named = entry.is_some_and(|entry| entry.named);
        tasks.push(Task {
            account,
            named,
            entry: entry.cloned(),
            target,
        });
    }
    removals::hold_back(request, &selection, &mut tasks);
    tasks.sort_by(|left, right| left.account.cmp(&right.account));
    tasks
}

/// The length of the ARN of an object's role, where its class has a path as long as the object's own.
fn longest_arn(declaration: &Declaration) -> usize {
    let path = declaration.path.as_ref().map_or(1, |path| path.as_str().len());
    "arn:aws-us-gov:iam::123456789012:role".len() + path + declaration.role_name.as_str().len()
}

/// What is to be done in one account that the object selects; `None` where it no longer does, or the object goes or is
/// suspended.
pub fn hold_in(request: &Request<'_>, name: &str) -> Option<Task> {
    let role = request.role;
    let account = request.world.account(name).ok()?;
    let selected = select::chosen(&role.spec.accounts, name, account.labels());
    if !selected || role.metadata.deletion_timestamp.is_some() || role.spec.suspend {
        return None;
    }
    let mut entries = role.status.iter().flat_map(|status| &status.accounts);
    let entry = entries.find(|entry| entry.account == name);
    Some(Task {
        account: name.into(),
        named: role.spec.accounts.names.iter().any(|named| named == name),
        entry: entry.cloned(),
        target: hold(request, &Declaration::parse(role), name, entry),
    })
}

fn account_id_of(task: &Task) -> Option<String> {
    match &task.target {
        Target::Hold(hold) => Some(hold.entrance.account.to_string()),
        Target::Settled(Some(id), Outcome::Stands { .. }) => Some(id.clone()),
        Target::End(end) => Some(end.entrance.account.to_string()),
        Target::Settled(..) | Target::Leave(_) => None,
    }
}

fn hold(
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
    let ending = ending(request, account);
    let refused = match desired(request, declaration, account) {
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
fn ending(request: &Request<'_>, account: &AWSAccount) -> Option<(Entrance, Ending)> {
    let role = request.role;
    if role.spec.mode == Mode::Observe {
        return None;
    }
    let lifecycle = Lifecycle::of_ending(&role.spec);
    let object = work::claim(role).object;
    let (parsed, bootstrap) = request.world.enterable(account, request.hub).ok()?;
    let rules = request.world.usable(account, request.hub).ok().map(|(_, rules)| rules);
    let boundary = rules.as_ref().and_then(|rules| rules.boundary.as_ref());
    let boundary = boundary.map(|boundary| boundary.resolve(parsed.partition, &parsed.id));
    let judge = rules.filter(|rules| rules.on_violation == OnViolation::Close);
    let name: RoleName = role.spec.role_name.as_deref().unwrap_or(&object.name).parse().ok()?;
    let hub_role = request.hub.and_then(Identity::role);
    let entrance = entrance(&parsed, &bootstrap);
    let ending = Ending {
        judge: judge.map(|rules| Judge {
            rules,
            namespace_labels: request.world.labels(&object.namespace),
            hub_role: hub_role.map(|(account, name)| (account.to_string(), name.to_string())),
            account: parsed,
        }),
        role: name,
        owner: owner(request, object),
        boundary,
        lifecycle,
    };
    Some((entrance, ending))
}

fn owner(request: &Request<'_>, object: ObjectName) -> Owner {
    Owner {
        cluster: request.cluster_id.to_string(),
        object,
        predecessor: request.predecessor.map(str::to_string),
    }
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
    account: &AWSAccount,
) -> Result<(Entrance, Desired, (Account, Rules)), Refusal> {
    let (account, rules) = request.world.usable(account, request.hub)?;
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
    (account, rules): &(Account, Rules),
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

/// Whether an object may have its role in an account, as far as Kubernetes tells.
pub fn may_have(request: &Request<'_>, account: &str) -> bool {
    let declaration = Declaration::parse(request.role);
    let Ok(account) = request.world.account(account) else {
        return false;
    };
    desired(request, &declaration, account)
        .is_ok_and(|(_, desired, rules)| allowed(request, &declaration, &desired, &rules, None).is_ok())
}

fn leave(
    request: &Request<'_>,
    name: &str,
    entry: Option<&AccountEntry>,
    derived: bool,
    deleting: bool,
    held: &BTreeSet<String>,
) -> Target {
    let account = match entry.map(|entry| &entry.account_id) {
        // An entry without an id is of a name that never was an account: it holds nothing.
        Some(None) => return Target::Settled(None, Outcome::Gone),
        Some(Some(id)) => match request.world.locate(name, id) {
            Located::At(account) => account,
            Located::Nowhere => {
                let message = format!(
                    "there is no AWSAccount of {id} any more: make it again, so that the role is removed, or with spec.state Abandoned, so that it is forgotten"
                );
                return Target::Settled(
                    Some(id.clone()),
                    Outcome::cannot_leave(Reason::AccountNotFound, message),
                );
            }
            Located::Elsewhere(account) => {
                let message = format!(
                    "the role is in account {id}, but AWSAccount {name} is {} now: make an AWSAccount of another name for {id}, so that the role is removed, or with spec.state Abandoned, so that it is forgotten",
                    account.spec.account_id
                );
                return Target::Settled(
                    Some(id.clone()),
                    Outcome::cannot_leave(Reason::AccountNotFound, message),
                );
            }
        },
        None => match request.world.account(name) {
            Ok(account) => account,
            Err(_) => return Target::Settled(None, Outcome::Gone),
        },
    };
    let id = Some(account.spec.account_id.clone());
    // The same account under another AWSAccount's name: the role stays, and only the entry moves.
    if id.as_ref().is_some_and(|id| held.contains(id)) {
        return Target::Settled(id, Outcome::Gone);
    }
    match account.spec.state {
        AccountState::Abandoned => return Target::Settled(id, Outcome::Gone),
        AccountState::Paused => {
            let message = format!("AWSAccount {name} is Paused: no call is made");
            return Target::Settled(id, Outcome::cannot_leave(Reason::AccountPaused, message));
        }
        AccountState::Active => {}
    }
    if request.role.spec.mode == Mode::Observe {
        // Nothing is written to AWS; an object that goes lets go.
        return match deleting {
            true => Target::Settled(id, Outcome::Gone),
            false => Target::Settled(
                id,
                Outcome::cannot_leave(Reason::WouldChange, "mode is Observe: the role would be removed"),
            ),
        };
    }
    let object = ObjectName {
        namespace: request.role.namespace().unwrap_or_default(),
        name: request.role.name_any(),
    };
    let role = request
        .role
        .spec
        .role_name
        .as_deref()
        .unwrap_or(&object.name)
        .parse::<RoleName>();
    match (request.world.enterable(account, request.hub), role) {
        (Ok((account, bootstrap)), Ok(role)) => Target::Leave(Box::new(Leave {
            entrance: entrance(&account, &bootstrap),
            role,
            owner: owner(request, object),
            policy: request.role.spec.deletion_policy,
            derived,
            reason: if deleting { Reason::Deleting } else { Reason::Deselected },
        })),
        // No role of such a name was ever made.
        (_, Err(_)) => Target::Settled(id, Outcome::Gone),
        (Err(refusal), _) => Target::Settled(id, Outcome::cannot_leave(refusal.reason, refusal.to_string())),
    }
}
