//! What an account holds, as a case says it.
//!
//! ```yaml
//! apiVersion: cases.crossrole.dev/v1
//! kind: Held
//! account: prod              # the AWSAccount's name
//! role: CrossAccountAudit    # the role's name
//! before: {…}                # the role is as this spec of its CrossAccountRole made it; absent: nobody of us made it
//! trust: {…}                 # and what somebody changed since: documents,
//! inline: {name: {…}}        # (null: taken away)
//! attached: [arn:…]
//! boundary: arn:…            # (null: taken away)
//! tags: {key: value}         # (null: taken away)
//! path: /x/
//! description: text
//! maxSession: 3600
//! ```

use std::collections::BTreeMap;

use crossrole::api::CrossAccountRoleSpec;
use crossrole::iam::document::DocumentKind;
use crossrole::manifests::{ManifestError, Manifests};
use crossrole::plan::desired::Desired;
use crossrole::plan::observed::{Observed, ObservedDocument, ObservedRole};
use crossrole::plan_command::survey::{Survey, Wanted};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::cases::CLUSTER;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code)]
pub struct Held {
    api_version: String,
    kind: String,
    account: String,
    role: String,
    before: Option<CrossAccountRoleSpec>,
    trust: Option<Value>,
    #[serde(default)]
    inline: BTreeMap<String, Option<Value>>,
    attached: Option<Vec<String>>,
    #[serde(default, deserialize_with = "some")]
    boundary: Option<Option<String>>,
    #[serde(default)]
    tags: BTreeMap<String, Option<String>>,
    path: Option<String>,
    description: Option<String>,
    max_session: Option<u32>,
}

// A null that is written differs from nothing written.
fn some<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// The manifests of a case, and what its accounts hold.
pub fn split(text: &str) -> Result<(Manifests, Vec<Held>), ManifestError> {
    let (mut manifests, mut held) = (Manifests::default(), Vec::new());
    for part in text.split("\n---\n") {
        if part.contains("kind: Held") {
            held.push(serde_saphyr::from_str(part).unwrap_or_else(|error| panic!("{error}\n{part}")));
        } else {
            manifests.add(part, "case", "default")?;
        }
    }
    Ok((manifests, held))
}

fn document(value: &Value, kind: DocumentKind) -> ObservedDocument {
    // As IAM answers it: percent-encoded.
    let encoded: String = value.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect();
    ObservedDocument::parse_encoded(&encoded, kind)
}

/// What the account holds under the role's name.
pub fn observed(all: &[Held], account: &str, wanted: Wanted<'_>, manifests: &Manifests) -> Observed {
    let Some(desired) = wanted.declared() else {
        return Observed::Absent;
    };
    let found = all
        .iter()
        .find(|held| held.account == account && held.role.eq_ignore_ascii_case(desired.name.as_str()));
    let Some(held) = found else {
        return Observed::Absent;
    };
    let mut role = match &held.before {
        Some(spec) => made(&before(spec, account, desired, manifests)),
        None => untouched(desired),
    };
    if let Some(trust) = &held.trust {
        role.trust = document(trust, DocumentKind::Trust);
    }
    for (name, policy) in &held.inline {
        match policy {
            Some(policy) => role
                .inline
                .insert(name.parse().unwrap(), document(policy, DocumentKind::Permission)),
            None => role.inline.remove(&name.parse().unwrap()),
        };
    }
    for (key, value) in &held.tags {
        match value {
            Some(value) => role.tags.insert(key.clone(), value.clone()),
            None => role.tags.remove(key),
        };
    }
    if let Some(attached) = &held.attached {
        role.attached = attached.iter().map(|arn| arn.parse().unwrap()).collect();
    }
    if let Some(boundary) = &held.boundary {
        role.boundary = boundary.as_ref().map(|arn| arn.parse().unwrap());
    }
    role.path = held.path.clone().unwrap_or(role.path);
    role.description = held.description.clone().unwrap_or(role.description);
    role.max_session = held.max_session.unwrap_or(role.max_session);
    Observed::Present(Box::new(role))
}

/// What an earlier spec of the same object meant in the account.
fn before(spec: &CrossAccountRoleSpec, account: &str, now: &Desired, manifests: &Manifests) -> Desired {
    let object = &now.owner.object;
    let now = manifests.roles.iter().find(|role| {
        role.metadata.name.as_ref() == Some(&object.name) && role.metadata.namespace.as_ref() == Some(&object.namespace)
    });
    let mut role = now.expect("the object is in the case").clone();
    role.spec = spec.clone();
    let mut then = manifests.clone();
    then.roles = vec![role];
    let items = Survey::of(&then, None, CLUSTER, crate::cases::now()).items();
    let item = items.iter().find(|item| item.account() == Some(account));
    let desired = item
        .and_then(|item| item.wanted())
        .and_then(|wanted| wanted.declared())
        .expect("the earlier spec can be read in the account");
    desired.clone()
}

fn made(desired: &Desired) -> ObservedRole {
    let inline = desired.inline.iter();
    ObservedRole {
        trust: ObservedDocument::of(desired.trust.clone()),
        description: desired.description.clone(),
        max_session: desired.max_session,
        boundary: desired.boundary.clone(),
        tags: desired.all_tags(),
        attached: desired.attached.clone(),
        inline: inline
            .map(|(name, document)| (name.clone(), ObservedDocument::of(document.clone())))
            .collect(),
        ..untouched(desired)
    }
}

/// A role of that name and path, with nothing in it.
fn untouched(desired: &Desired) -> ObservedRole {
    ObservedRole {
        arn: desired.arn.to_string(),
        id: "AROAEXAMPLEEXAMPLE234".into(),
        dates: Default::default(),
        path: desired.path.to_string(),
        trust: ObservedDocument::of(crossrole::plan::trust::closed()),
        description: String::new(),
        max_session: 3600,
        boundary: None,
        tags: BTreeMap::new(),
        attached: Default::default(),
        inline: BTreeMap::new(),
        instance_profiles: Default::default(),
    }
}
