//! Setting up accounts: users, groups, policies, instance profiles.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::sessions::credential_json;
use super::{Refused, Reply, document_json, document_text, known_account};
use crate::gateway::Shared;
use crate::iam::managed_policies::make_policy;
use crate::iam::users::{make_user, remove_user};
use crate::policy::grammar::{Use, permission_document};
use crate::world::account::{Account, Group, InstanceProfile, MfaDevice, Organization};
use crate::world::credential::Identity;
use crate::world::principals::is_account_id;

type Shares = State<Arc<Shared>>;

fn root() -> String {
    "/".to_owned()
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewAccount {
    id: String,
    partition: Option<String>,
    organization: Option<String>,
    organization_path: Option<String>,
}

fn account_json(account: &Account) -> Value {
    let organization = account.organization.as_ref();
    json!({
        "id": account.id,
        "partition": account.partition,
        "organization": organization.map(|held| &held.id),
        "organizationPath": organization.map(|held| &held.path),
        "roles": account.roles.len(),
    })
}

/// Makes an account, or changes the organisation of one that is there.
pub(crate) async fn create_account(State(shared): Shares, Json(new): Json<NewAccount>) -> Reply {
    if !is_account_id(&new.id) {
        return Err(Refused::bad(format!(
            "{} is not an account id: twelve digits, as text",
            new.id
        )));
    }
    let organization = match (&new.organization, new.organization_path) {
        (Some(id), None) => Some(Organization::at_root(id)),
        (Some(id), Some(path)) if path.starts_with(&format!("{id}/r-")) && path.ends_with('/') => {
            Some(Organization { id: id.clone(), path })
        }
        (None, None) => None,
        (_, Some(path)) => {
            return Err(Refused::bad(format!(
                "{path} does not begin with the organisation and its root, or does not end with a slash"
            )));
        }
    };
    let mut world = shared.world();
    let now_ms = world.now_ms();
    let partition = new.partition.as_deref().unwrap_or("aws");
    let account = world
        .accounts
        .entry(new.id.clone())
        .or_insert_with(|| Account::new(&new.id, partition));
    account.touch(now_ms);
    account.organization = organization.or_else(|| account.organization.take());
    Ok(Json(account_json(account)))
}

pub(crate) async fn list_accounts(State(shared): Shares) -> Reply {
    let world = shared.world();
    let accounts: Vec<_> = world.accounts.values().map(account_json).collect();
    Ok(Json(json!({"accounts": accounts})))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewQuotas {
    roles: Option<usize>,
    trust_policy_size: Option<usize>,
    role_policy_size: Option<usize>,
    attached_per_role: Option<usize>,
    tags_per_role: Option<usize>,
    policies: Option<usize>,
    policy_size: Option<usize>,
    versions_per_policy: Option<usize>,
}

pub(crate) async fn set_quotas(
    State(shared): Shares,
    Path(account): Path<String>,
    Json(new): Json<NewQuotas>,
) -> Reply {
    known_account(&shared, &account)?;
    let mut world = shared.world();
    let quotas = &mut world.account_mut(&account)?.quotas;
    for (quota, wanted) in [
        (&mut quotas.roles, new.roles),
        (&mut quotas.trust_policy_size, new.trust_policy_size),
        (&mut quotas.role_policy_size, new.role_policy_size),
        (&mut quotas.attached_per_role, new.attached_per_role),
        (&mut quotas.tags_per_role, new.tags_per_role),
        (&mut quotas.policies, new.policies),
        (&mut quotas.policy_size, new.policy_size),
        (&mut quotas.versions_per_policy, new.versions_per_policy),
    ] {
        *quota = wanted.unwrap_or(*quota);
    }
    Ok(Json(json!({})))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUser {
    name: String,
    #[serde(default = "root")]
    path: String,
    #[serde(default)]
    policies: BTreeMap<String, Value>,
    #[serde(default)]
    attached: BTreeSet<String>,
    #[serde(default)]
    groups: BTreeSet<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    boundary: Option<String>,
    #[serde(default)]
    mfa: bool,
}

/// Makes a user with one access key and, if wanted, an MFA device.
pub(crate) async fn create_user(State(shared): Shares, Path(account): Path<String>, Json(new): Json<NewUser>) -> Reply {
    known_account(&shared, &account)?;
    let mut world = shared.world();
    let now = world.now();
    let inline = new
        .policies
        .iter()
        .map(|(name, document)| {
            Ok((
                name.clone(),
                permission_document(&document_text(document), Use::Inline)?,
            ))
        })
        .collect::<Result<_, Refused>>()?;
    let user = make_user(&mut world, &account, &new.path, &new.name, now)?;
    let key = world.issue_access_key(&account, Identity::User { id: user.id.clone() });
    let held = world.account_mut(&account)?;
    let serial = new.mfa.then(|| held.arn("mfa", "/", &new.name));
    if let Some(serial) = &serial {
        let device = MfaDevice {
            user_id: user.id.clone(),
            codes: BTreeSet::new(),
        };
        held.mfa_devices.insert(serial.clone(), device);
    }
    if let Some(stored) = held.users.get_mut(&new.name.to_lowercase()) {
        stored.inline = inline;
        stored.attached = new.attached;
        stored.groups = new.groups;
        stored.boundary = new.boundary;
        stored.tags = new.tags.into_iter().collect();
    }
    let mut reply = credential_json(&key);
    reply["arn"] = json!(user.arn);
    reply["id"] = json!(user.id);
    reply["mfaSerial"] = json!(serial);
    Ok(Json(reply))
}

pub(crate) async fn delete_user(State(shared): Shares, Path((account, name)): Path<(String, String)>) -> Reply {
    known_account(&shared, &account)?;
    let mut world = shared.world();
    let user = world.account(&account)?.user(&name).cloned();
    let user = user.ok_or_else(|| Refused::not_found(&format!("user {name}")))?;
    remove_user(&mut world, &account, &user)?;
    Ok(Json(json!({})))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewGroup {
    name: String,
    #[serde(default = "root")]
    path: String,
    #[serde(default)]
    policies: BTreeMap<String, Value>,
    #[serde(default)]
    attached: BTreeSet<String>,
}

pub(crate) async fn create_group(
    State(shared): Shares,
    Path(account): Path<String>,
    Json(new): Json<NewGroup>,
) -> Reply {
    known_account(&shared, &account)?;
    let mut world = shared.world();
    let inline = new
        .policies
        .iter()
        .map(|(name, document)| {
            Ok((
                name.clone(),
                permission_document(&document_text(document), Use::Inline)?,
            ))
        })
        .collect::<Result<_, Refused>>()?;
    let (created, id) = (world.now(), world.ids.unique_id("AGPA"));
    let held = world.account_mut(&account)?;
    let arn = held.arn("group", &new.path, &new.name);
    let key = new.name.to_lowercase();
    let group = Group {
        name: new.name,
        path: new.path,
        id,
        arn,
        created,
        inline,
        attached: new.attached,
    };
    let reply = json!({"arn": group.arn, "id": group.id});
    held.groups.insert(key, group);
    Ok(Json(reply))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPolicy {
    name: String,
    #[serde(default = "root")]
    path: String,
    document: Value,
    description: Option<String>,
}

pub(crate) async fn create_policy(
    State(shared): Shares,
    Path(account): Path<String>,
    Json(new): Json<NewPolicy>,
) -> Reply {
    known_account(&shared, &account)?;
    let mut world = shared.world();
    let now = world.now();
    let text = document_text(&new.document);
    let place = (new.path.as_str(), new.name.as_str());
    let policy = make_policy(
        &mut world,
        &account,
        place,
        new.description.as_deref(),
        &text,
        Vec::new(),
        now,
    )?;
    Ok(Json(json!({"arn": policy.arn, "id": policy.id})))
}

pub(crate) async fn list_policies(State(shared): Shares, Path(account): Path<String>) -> Reply {
    known_account(&shared, &account)?;
    let world = shared.world();
    let policies = world.account(&account)?.policies.values();
    let policies: Vec<_> = policies
        .map(|policy| json!({"name": policy.name, "path": policy.path, "arn": policy.arn, "document": policy.document().map(|held| document_json(&held.text))}))
        .collect();
    Ok(Json(json!({"policies": policies})))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewProfile {
    name: String,
    #[serde(default = "root")]
    path: String,
    #[serde(default)]
    roles: Vec<String>,
}

/// Makes an instance profile, or puts other roles into one that is there.
pub(crate) async fn create_instance_profile(
    State(shared): Shares,
    Path(account): Path<String>,
    Json(new): Json<NewProfile>,
) -> Reply {
    known_account(&shared, &account)?;
    let mut world = shared.world();
    let (created, id) = (world.now(), world.ids.unique_id("AIPA"));
    let held = world.account_mut(&account)?;
    if let Some(missing) = new.roles.iter().find(|name| held.role(name).is_none()) {
        return Err(Refused::not_found(&format!("role {missing}")));
    }
    let arn = held.arn("instance-profile", &new.path, &new.name);
    let profile = InstanceProfile {
        name: new.name.clone(),
        path: new.path,
        id,
        arn,
        created,
        roles: new.roles,
    };
    let reply = json!({"arn": profile.arn, "id": profile.id});
    held.instance_profiles.insert(new.name.to_lowercase(), profile);
    Ok(Json(reply))
}
