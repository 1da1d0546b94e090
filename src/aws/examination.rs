//! What can be told of the bootstrap role and the grant role from inside an account, without a write: their own policies, and
//! each read that crossrole ever makes, once.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_iam::types::{EntityType, PolicyScopeType, Role};
use crossrole_iam::document::{Document, DocumentKind};
use crossrole_iam::{Path, RoleName};
use crossrole_plan::doctor::{Facts, GrantFacts, OwnRights, Read};
use crossrole_plan::grant::policies_path;

use super::Action;
use super::error::CallError;
use super::read::{self, Door};

/// Reads what can be read. A call that fails is told by what it was to tell.
pub(super) async fn facts(door: Door<'_>, role: &RoleName, roles_below: &Path) -> Facts {
    let mut tried = Tried::default();
    let own = own(door, Action::GetRole, role, &mut tried).await;
    let rights = own_rights(door, role, &own, &mut tried).await;
    let profiles = read::instance_profiles(door, role).await;
    let _ = tried.noted(&[Action::ListInstanceProfilesForRole], profiles);
    let list = door.iam.list_roles().path_prefix(roles_below.as_str()).max_items(1);
    let listed = door.gate.call(Action::ListRoles, || list.clone().send()).await;
    let _ = tried.noted(&[Action::ListRoles], listed);
    let policies = tried.noted(&[Action::GetAccountAuthorizationDetails], policies(door).await);
    let _ = tried.noted(&[Action::GetAccountSummary], read::quotas(door).await);

    Facts {
        trust: own.and_then(|role| trust(&role)),
        rights,
        policies,
        tried: tried.0,
    }
}

/// Reads what a role may do, whichever it is, as the bootstrap role.
pub(super) async fn rights(door: Door<'_>, role: &RoleName) -> OwnRights {
    let mut tried = Tried::default();
    let own = own(door, Action::GetRole, role, &mut tried).await;
    own_rights(door, role, &own, &mut tried).await
}

async fn own_rights(door: Door<'_>, role: &RoleName, own: &Read<Role>, tried: &mut Tried) -> OwnRights {
    let inline = read::inline_policies(door, role).await;
    let calls = match &inline {
        Ok(policies) if policies.is_empty() => &[Action::ListRolePolicies] as &[Action],
        _ => &[Action::ListRolePolicies, Action::GetRolePolicy],
    };
    let inline = tried.noted(calls, inline);
    let attached = read::attached_policies(door, role).await.map(BTreeSet::from_iter);
    OwnRights {
        inline: inline.map(|policies| {
            let document = |(name, text): (String, String)| (name, parsed(&text, DocumentKind::Permission));
            policies.into_iter().map(document).collect()
        }),
        attached: tried.noted(&[Action::ListAttachedRolePolicies], attached),
        boundary: own.as_ref().map_err(String::clone).map(|role| {
            let boundary = role.permissions_boundary();
            boundary.and_then(|boundary| boundary.permissions_boundary_arn().map(str::to_string))
        }),
    }
}

/// Reads what the grant role can read of itself, and whether it sees which policies there are. The other reads need a policy of
/// a grant, which may not be there. `rights`: what it may do, which it may not read.
pub(super) async fn grant_facts(door: Door<'_>, role: &RoleName, rights: OwnRights) -> GrantFacts {
    let mut tried = Tried::default();
    let own = own(door, Action::GetGrantee, role, &mut tried).await;
    let list = door.iam.list_policies().scope(PolicyScopeType::Local);
    let list = list.path_prefix(policies_path()).max_items(1);
    let listed = door.gate.call(Action::ListPolicies, || list.clone().send()).await;
    let _ = tried.noted(&[Action::ListPolicies], listed);
    GrantFacts {
        trust: own.and_then(|role| trust(&role)),
        rights,
        tried: tried.0,
    }
}

/// Reads a role, which is the one that reads, by the action that is its own for it.
async fn own(door: Door<'_>, action: Action, role: &RoleName, tried: &mut Tried) -> Read<Role> {
    let get = door.iam.get_role().role_name(role.as_str());
    let answer = door.gate.call(action, || get.clone().send()).await;
    let answer = tried.noted(&[action], answer)?;
    answer.role.ok_or_else(|| "the answer held no role".to_string())
}

fn trust(role: &Role) -> Read<Document> {
    let text = role.assume_role_policy_document().unwrap_or_default();
    parsed(text, DocumentKind::Trust)
}

/// Which calls were made, and what was said of those that failed.
#[derive(Default)]
struct Tried(BTreeMap<&'static str, Option<String>>);

impl Tried {
    /// Notes calls that were made one after another, up to the first that failed.
    fn noted<T>(&mut self, calls: &[Action], result: Result<T, CallError>) -> Read<T> {
        let failed = result.as_ref().err().map(|error| error.action);
        for call in calls {
            if failed == Some(*call) {
                break;
            }
            self.0.insert(call.as_str(), None);
        }
        result.map_err(|error| {
            self.0.insert(error.action.as_str(), Some(error.to_string()));
            error.to_string()
        })
    }
}

fn parsed(text: &str, kind: DocumentKind) -> Read<Document> {
    Document::parse_encoded(text, kind).map_err(|error| error.to_string())
}

/// The ARNs of the account's own policies.
async fn policies(door: Door<'_>) -> Result<BTreeSet<String>, CallError> {
    let request = door.iam.get_account_authorization_details();
    let request = request.filter(EntityType::LocalManagedPolicy);
    let found = read::policy_details(door, &request).await?;
    Ok(found.iter().filter_map(|policy| policy.arn.clone()).collect())
}
