//! Which accounts, which class, is this namespace allowed: from the caches alone.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_api::role::Mode;
use crossrole_api::{AccountEntry, AccountState, CrossAccountRole, Reason};
use crossrole_iam::RoleName;
use crossrole_plan::account::Account;
use crossrole_plan::bootstrap::Bootstrap;
use crossrole_plan::brake;
use crossrole_plan::declaration::{Declaration, ObjectName};
use crossrole_plan::owner::Owner;
use crossrole_plan::refusal::Refusal;
use crossrole_plan::select::{self, Selection};
use kube::ResourceExt;

use super::context::object_name;
use super::holding::hold;
use super::removals;
use super::report;
use super::task::{Leave, Target, Task};
use super::verdict::Outcome;
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
        let named = selection.named.contains(account);
        tasks.push(Task::new(account.into(), named, entry.cloned(), target));
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
        tasks.push(Task::new(account, named, entry.cloned(), target));
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
    let named = role.spec.accounts.names.iter().any(|named| named == name);
    let target = hold(request, &Declaration::parse(role), name, entry);
    Some(Task::new(name.into(), named, entry.cloned(), target))
}

fn account_id_of(task: &Task) -> Option<String> {
    match &task.target {
        Target::Hold(hold) => Some(hold.entrance.account.to_string()),
        Target::Settled(Some(id), Outcome::Stands { .. }) => Some(id.clone()),
        Target::End(end) => Some(end.entrance.account.to_string()),
        Target::Settled(..) | Target::Leave(_) => None,
    }
}

pub(super) fn owner(request: &Request<'_>, object: ObjectName) -> Owner {
    Owner {
        cluster: request.cluster_id.to_string(),
        object,
        predecessor: request.predecessor.map(str::to_string),
    }
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
    let object = object_name(request.role);
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
