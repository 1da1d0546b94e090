//! Roles as the admin interface makes, shows and edits them: without permission checks and without being counted, like
//! edits by somebody else in the account.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Refused, Reply, document_json, document_text, known_account};
use crate::gateway::Shared;
use crate::iam::check;
use crate::iam::role_tags::merge;
use crate::iam::roles::{NewRole, checked_trust};
use crate::policy::grammar::{Use, permission_document};
use crate::world::World;
use crate::world::account::{Account, Role};
use crate::world::time::{self, Seconds, iso};

type Shares = State<Arc<Shared>>;

fn role_json(account: &Account, role: &Role) -> Value {
    let inline: Map<_, _> = role
        .inline
        .iter()
        .map(|(name, document)| (name.clone(), document_json(&document.text)))
        .collect();
    let profiles: Vec<_> = account
        .profiles_of(&role.name)
        .map(|profile| profile.name.as_str())
        .collect();
    json!({
        "name": role.name,
        "path": role.path,
        "arn": role.arn,
        "id": role.id,
        "created": iso(role.created),
        "lastUsed": role.last_used.as_ref().map(|(at, _)| iso(*at)),
        "description": role.description,
        "maxSessionDuration": role.max_session_duration,
        "trust": document_json(&role.trust.text),
        "inline": inline,
        "attached": role.attached,
        "boundary": role.boundary,
        "tags": role.tags.iter().cloned().collect::<BTreeMap<_, _>>(),
        "instanceProfiles": profiles,
    })
}

pub(crate) async fn list_roles(State(shared): Shares, Path(account): Path<String>) -> Reply {
    known_account(&shared, &account)?;
    let world = shared.world();
    let account = world.account(&account)?;
    let roles: Vec<_> = account.roles.values().map(|role| role_json(account, role)).collect();
    Ok(Json(json!({"roles": roles})))
}

fn shown(world: &World, account: &str, name: &str) -> Reply {
    let account = world.account(account)?;
    let role = account
        .role(name)
        .ok_or_else(|| Refused::not_found(&format!("role {name}")))?;
    Ok(Json(role_json(account, role)))
}

pub(crate) async fn get_role(State(shared): Shares, Path((account, name)): Path<(String, String)>) -> Reply {
    known_account(&shared, &account)?;
    shown(&shared.world(), &account, &name)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RoleOrder {
    name: String,
    path: Option<String>,
    description: Option<String>,
    trust: Value,
    #[serde(default)]
    inline: BTreeMap<String, Value>,
    #[serde(default)]
    attached: BTreeSet<String>,
    boundary: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    max_session_duration: Option<u64>,
}

pub(crate) async fn create_role(
    State(shared): Shares,
    Path(account): Path<String>,
    Json(order): Json<RoleOrder>,
) -> Reply {
    known_account(&shared, &account)?;
    let mut world = shared.world();
    let now = world.now();
    let trust = document_text(&order.trust);
    let new = NewRole {
        name: &order.name,
        path: order.path.as_deref().unwrap_or("/"),
        description: order.description.as_deref(),
        max_session_duration: order.max_session_duration.unwrap_or(3600),
        trust: &trust,
        boundary: None,
        tags: order.tags.into_iter().collect(),
    };
    check::name(new.name, "roleName", 64)?;
    check::path(new.path)?;
    let inline = Value::Object(order.inline.into_iter().collect());
    let edits = json!({"inline": inline, "attached": order.attached, "boundary": order.boundary});
    // Both must work, or neither happens.
    let edit = Edit::read(&edits, &world, &account)?;
    new.make(&mut world, &account, now)?;
    edit.apply(&mut world, &account, &order.name)?;
    shown(&world, &account, &order.name)
}

pub(crate) async fn edit_role(
    State(shared): Shares,
    Path((account, name)): Path<(String, String)>,
    Json(edits): Json<Value>,
) -> Reply {
    known_account(&shared, &account)?;
    let mut world = shared.world();
    Edit::read(&edits, &world, &account)?.apply(&mut world, &account, &name)?;
    shown(&world, &account, &name)
}

/// Deletes a role with all that hangs on it.
pub(crate) async fn delete_role(State(shared): Shares, Path((account, name)): Path<(String, String)>) -> Reply {
    known_account(&shared, &account)?;
    let mut world = shared.world();
    let held = world.account_mut(&account)?;
    let role = held.roles.remove(&name.to_lowercase());
    let role = role.ok_or_else(|| Refused::not_found(&format!("role {name}")))?;
    for profile in held.instance_profiles.values_mut() {
        profile.roles.retain(|held| !held.eq_ignore_ascii_case(&name));
    }
    world.bury_principal(&role.arn, &role.id);
    Ok(Json(json!({"id": role.id})))
}

type Change = Box<dyn FnOnce(&mut Role) + Send>;

/// Changes to a role, read and checked, but not yet made.
struct Edit(Vec<Change>);

impl Edit {
    fn read(edits: &Value, world: &World, account: &str) -> Result<Self, Refused> {
        let fields = edits.as_object().ok_or_else(|| Refused::bad("an edit is an object"))?;
        let mut changes: Vec<Change> = Vec::new();
        for (field, value) in fields {
            changes.push(match field.as_str() {
                "trust" => {
                    let trust = checked_trust(world, account, &document_text(value))?;
                    Box::new(move |role| role.trust = trust)
                }
                "description" => {
                    let text = value.as_str().map(str::to_owned);
                    Box::new(move |role| role.description = text)
                }
                "maxSessionDuration" => {
                    let seconds = value
                        .as_u64()
                        .ok_or_else(|| Refused::bad("maxSessionDuration is a number"))?;
                    Box::new(move |role| role.max_session_duration = seconds)
                }
                "created" => {
                    let at = moment(value)?.ok_or_else(|| Refused::bad("created is a time"))?;
                    Box::new(move |role| role.created = at)
                }
                "lastUsed" => {
                    let at = moment(value)?;
                    Box::new(move |role| role.last_used = at.map(|at| (at, "us-east-1".to_owned())))
                }
                "boundary" => {
                    let arn = value.as_str().map(str::to_owned);
                    Box::new(move |role| role.boundary = arn)
                }
                "attached" => {
                    let list: BTreeSet<String> = serde_json::from_value(value.clone())
                        .map_err(|_| Refused::bad("attached is a list of ARNs"))?;
                    Box::new(move |role| role.attached = list)
                }
                "inline" => inline_change(value)?,
                "tags" => tags_change(value)?,
                other => return Err(Refused::bad(format!("a role has no field {other} to edit"))),
            });
        }
        Ok(Self(changes))
    }

    fn apply(self, world: &mut World, account: &str, name: &str) -> Result<(), Refused> {
        let role = world.account_mut(account)?.roles.get_mut(&name.to_lowercase());
        let role = Arc::make_mut(role.ok_or_else(|| Refused::not_found(&format!("role {name}")))?);
        for change in self.0 {
            change(role);
        }
        Ok(())
    }
}

/// A time; null is none.
fn moment(value: &Value) -> Result<Option<Seconds>, Refused> {
    let Some(text) = value.as_str() else {
        return match value {
            Value::Null => Ok(None),
            _ => Err(Refused::bad("a time is a text, or null")),
        };
    };
    let at = time::parse(text).ok_or_else(|| Refused::bad(format!("{text} is no time")))?;
    Ok(Some(at))
}

fn inline_change(value: &Value) -> Result<Change, Refused> {
    let fields = value
        .as_object()
        .ok_or_else(|| Refused::bad("inline is an object of documents"))?;
    let mut documents = Vec::new();
    for (name, document) in fields {
        let document = match document {
            Value::Null => None,
            other => Some(permission_document(&document_text(other), Use::Inline)?),
        };
        documents.push((name.clone(), document));
    }
    Ok(Box::new(move |role| {
        for (name, document) in documents {
            match document {
                Some(document) => role.inline.insert(name, document),
                None => role.inline.remove(&name),
            };
        }
    }))
}

fn tags_change(value: &Value) -> Result<Change, Refused> {
    let tags: BTreeMap<String, Option<String>> =
        serde_json::from_value(value.clone()).map_err(|_| Refused::bad("tags is an object of texts"))?;
    Ok(Box::new(move |role| {
        role.tags.retain(|(key, _)| {
            !tags
                .iter()
                .any(|(gone, value)| value.is_none() && gone.eq_ignore_ascii_case(key))
        });
        let set = tags
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)))
            .collect();
        role.tags = merge(&role.tags, set);
    }))
}
