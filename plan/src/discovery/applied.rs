//! The fields of an AWSAccount that discovery owns, as it applies them. Everything else of the object is a person's.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_api::names::{DISCOVERY_MANAGER, ORGANIZATION_STATE_ANNOTATION};
use crossrole_api::{AWSAccount, AccountState, PartitionName};
use serde_json::{Map, Value, json};

use super::listing::{Listed, Listing, Standing};
use super::rule::{Choice, Rule};
use super::{NO_CLASS, NOT_IN_ORGANIZATION, labels};
use crate::account::partition_name;
use crate::select::Labels;

/// The fields that are applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Labels.
    pub labels: Labels,
    /// What the annotation says of how the account stands; absent where it is simply active.
    pub organization_state: Option<String>,
    /// `spec.accountId`.
    pub account_id: String,
    /// `spec.partition`.
    pub partition: PartitionName,
    /// `spec.class`.
    pub class: String,
    /// `spec.externalId`; absent where it is a person's.
    pub external_id: Option<String>,
    /// `spec.state`; absent where it is a person's: `Active`, unless they say otherwise.
    pub state: Option<AccountState>,
}

/// The fields of an object that discovery owns, each as its path. Source: Kubernetes documentation, "Server-Side Apply"
/// (field management).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owned {
    paths: BTreeSet<Vec<String>>,
    /// Whether somebody else owns `spec.state`, be it together with discovery.
    state_is_anothers: bool,
}

impl Owned {
    /// As the object's metadata says.
    pub fn of(account: &AWSAccount) -> Self {
        let mut owned = Self::default();
        for entry in account.metadata.managed_fields.iter().flatten() {
            let Some(fields) = &entry.fields_v1 else { continue };
            if entry.manager.as_deref() != Some(DISCOVERY_MANAGER) {
                owned.state_is_anothers |= fields.0.pointer("/f:spec/f:state").is_some();
            } else if entry.operation.as_deref() == Some("Apply") {
                leaves(&fields.0, &mut Vec::new(), &mut owned.paths);
            }
        }
        owned
    }

    fn has(&self, path: &[&str]) -> bool {
        self.paths.iter().any(|owned| owned == path)
    }
}

fn leaves(fields: &Value, path: &mut Vec<String>, found: &mut BTreeSet<Vec<String>>) {
    let members = fields.as_object().into_iter().flatten();
    // `.` is the field itself, beside those below it.
    for (name, below) in members.filter_map(|(name, below)| Some((name.strip_prefix("f:")?, below))) {
        path.push(name.to_string());
        if below.as_object().is_none_or(Map::is_empty) {
            found.insert(path.clone());
        } else {
            leaves(below, path, found);
        }
        path.pop();
    }
}

/// An object as it was looked at. It is written only where it is still that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Its uid.
    pub uid: Option<String>,
    /// Its `resourceVersion`.
    pub version: Option<String>,
}

impl Seen {
    pub(super) fn of(account: &AWSAccount) -> Self {
        Self {
            uid: account.metadata.uid.clone(),
            version: account.metadata.resource_version.clone(),
        }
    }
}

impl Applied {
    /// Of an account that has no object yet.
    pub(super) fn to_new(listing: &Listing, listed: &Listed, rule: &Rule) -> Self {
        Self {
            labels: labels::of(listing, listed),
            organization_state: None,
            account_id: listed.id.to_string(),
            partition: partition_name(listing.partition),
            class: rule.class.clone(),
            external_id: rule.external_id.as_ref().map(ToString::to_string),
            state: None,
        }
    }

    /// Of an account that is listed, and has this object.
    pub(super) fn to_listed(
        listing: &Listing,
        listed: &Listed,
        choice: &Choice<'_>,
        account: &AWSAccount,
        owned: &Owned,
    ) -> Self {
        let standing = match listed.standing {
            Standing::Active => None,
            // One that is closed can be opened again as long as it is listed.
            Standing::PendingActivation | Standing::Suspended | Standing::PendingClosure | Standing::Closed => {
                Some(AccountState::Paused)
            }
            // Nobody knows what it means: what was said last stays.
            Standing::Unknown => owned.state(account),
        };
        let has_no_class = match choice {
            Choice::Class(_) => false,
            Choice::None => true,
            // It keeps the class that it has, and that may not be one that names it.
            Choice::Ambiguous(_) | Choice::Unsure => owned.organization_state(account) == Some(NO_CLASS),
        };
        let (state, organization_state) = match listed.standing {
            Standing::Active | Standing::Unknown if has_no_class => (Some(AccountState::Paused), Some(NO_CLASS)),
            Standing::Active => (standing, None),
            other => (standing, Some(other.as_str())),
        };
        let (class, external_id) = match choice {
            Choice::Class(rule) => (rule.class.clone(), rule.external_id.as_ref().map(ToString::to_string)),
            Choice::Ambiguous(_) | Choice::Unsure | Choice::None => {
                (account.spec.class.clone(), owned.external_id(account))
            }
        };
        Self {
            labels: labels::of(listing, listed),
            organization_state: organization_state.map(str::to_string),
            account_id: account.spec.account_id.clone(),
            partition: account.spec.partition,
            class,
            external_id,
            state: owned.state_where_it_is_not_a_persons(account, state),
        }
    }

    /// Of an account that is no longer listed: as it was, and paused. One that was closed is abandoned: it leaves the
    /// organisation when nobody can open it again.
    pub(super) fn to_gone(account: &AWSAccount, owned: &Owned) -> Self {
        let was_closed = owned.organization_state(account) == Some(Standing::Closed.as_str());
        let state = match owned.state(account) {
            Some(AccountState::Abandoned) => AccountState::Abandoned,
            _ if was_closed => AccountState::Abandoned,
            _ => AccountState::Paused,
        };
        let labels = account.metadata.labels.clone().unwrap_or_default();
        Self {
            labels: labels::kept(&labels),
            organization_state: Some(NOT_IN_ORGANIZATION.to_string()),
            account_id: account.spec.account_id.clone(),
            partition: account.spec.partition,
            class: account.spec.class.clone(),
            external_id: owned.external_id(account),
            state: owned.state_where_it_is_not_a_persons(account, Some(state)),
        }
    }

    /// Whether AWS itself says so of an account that it lists.
    pub(super) fn is_said_by_aws(&self) -> bool {
        let said = self.organization_state.as_deref();
        Standing::SAID.iter().any(|standing| Some(standing.as_str()) == said)
    }

    /// Whether the account is not to be worked in any more, for a reason that can be a slip.
    pub(super) fn leaves(&self) -> bool {
        let leaves = [NOT_IN_ORGANIZATION, NO_CLASS];
        self.organization_state
            .as_deref()
            .is_some_and(|state| leaves.contains(&state))
    }

    /// Whether an object has these fields, and discovery owns them and no others.
    pub(super) fn stands(&self, account: &AWSAccount, owned: &Owned) -> bool {
        let labels = account.metadata.labels.as_ref();
        let annotations = account.metadata.annotations.as_ref();
        let has_label = |(key, value): (&String, &String)| labels.is_some_and(|labels| labels.get(key) == Some(value));
        let spec = &account.spec;
        let annotation = annotations.and_then(|annotations| annotations.get(ORGANIZATION_STATE_ANNOTATION));
        owned.paths == self.paths()
            && self.labels.iter().all(has_label)
            && (self.organization_state.is_none() || annotation == self.organization_state.as_ref())
            && spec.account_id == self.account_id
            && spec.partition == self.partition
            && spec.class == self.class
            && (self.external_id.is_none() || spec.external_id == self.external_id)
            && self.state.is_none_or(|state| spec.state == state)
    }

    fn paths(&self) -> BTreeSet<Vec<String>> {
        let path = |parts: &[&str]| parts.iter().map(|part| (*part).to_string()).collect::<Vec<_>>();
        let mut paths: BTreeSet<Vec<String>> = self
            .labels
            .keys()
            .map(|key| path(&["metadata", "labels", key]))
            .collect();
        if self.organization_state.is_some() {
            paths.insert(path(&["metadata", "annotations", ORGANIZATION_STATE_ANNOTATION]));
        }
        let mut fields = vec!["accountId", "partition", "class"];
        fields.extend(self.external_id.as_ref().map(|_| "externalId"));
        fields.extend(self.state.map(|_| "state"));
        paths.extend(fields.into_iter().map(|field| path(&["spec", field])));
        paths
    }

    /// The object as it is applied. `seen`: the object that is meant; `None` where it is made.
    pub fn manifest(&self, name: &str, seen: Option<&Seen>) -> Value {
        let mut metadata = Map::from_iter([
            ("name".to_string(), json!(name)),
            ("labels".to_string(), json!(self.labels)),
        ]);
        if let Some(uid) = seen.and_then(|seen| seen.uid.as_ref()) {
            metadata.insert("uid".into(), json!(uid));
        }
        if let Some(version) = seen.and_then(|seen| seen.version.as_ref()) {
            metadata.insert("resourceVersion".into(), json!(version));
        }
        if let Some(state) = &self.organization_state {
            let annotations = BTreeMap::from([(ORGANIZATION_STATE_ANNOTATION, state)]);
            metadata.insert("annotations".into(), json!(annotations));
        }
        let mut spec = Map::from_iter([
            ("accountId".to_string(), json!(self.account_id)),
            ("partition".to_string(), json!(self.partition)),
            ("class".to_string(), json!(self.class)),
        ]);
        if let Some(external_id) = &self.external_id {
            spec.insert("externalId".into(), json!(external_id));
        }
        if let Some(state) = self.state {
            spec.insert("state".into(), json!(state));
        }
        json!({"apiVersion": "crossrole.dev/v1alpha1", "kind": "AWSAccount", "metadata": metadata, "spec": spec})
    }
}

impl Owned {
    /// The state that discovery said last.
    fn state(&self, account: &AWSAccount) -> Option<AccountState> {
        self.has(&["spec", "state"]).then_some(account.spec.state)
    }

    /// What discovery said last of how the account stands.
    fn organization_state<'a>(&self, account: &'a AWSAccount) -> Option<&'a str> {
        let is_ours = self.has(&["metadata", "annotations", ORGANIZATION_STATE_ANNOTATION]);
        let annotations = account.metadata.annotations.as_ref().filter(|_| is_ours);
        annotations?.get(ORGANIZATION_STATE_ANNOTATION).map(String::as_str)
    }

    fn external_id(&self, account: &AWSAccount) -> Option<String> {
        let is_ours = self.has(&["spec", "externalId"]);
        account.spec.external_id.clone().filter(|_| is_ours)
    }

    /// A state that a person wrote stays theirs, but for `Active`, even where they wrote what discovery says too. A pause of theirs is not even made stricter: who writes over
    /// it cannot put it back.
    fn state_where_it_is_not_a_persons(
        &self,
        account: &AWSAccount,
        wanted: Option<AccountState>,
    ) -> Option<AccountState> {
        let is_a_persons = self.state_is_anothers || self.state(account).is_none();
        wanted.filter(|_| !is_a_persons || account.spec.state == AccountState::Active)
    }
}
