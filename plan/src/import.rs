//! An existing role as a CrossAccountRole that declares exactly it.
//!
//! Whatever is written is read back and planned against the role: it is right where taking the role over sets our tags and
//! changes nothing else. What cannot be declared so is refused with the reason; nothing is lost in silence.
//!
//! | file | holds |
//! | --- | --- |
//! | `import` | the object, and its proof |
//! | `trust` | statements of a trust policy as entries of `spec.trust`, where those mean the same |
//! | `ack` | roles as the AWS Controllers for Kubernetes declare them |

pub mod ack;
mod trust;

use std::collections::{BTreeMap, BTreeSet};

use crossrole_api::names::{PREFIX, REVOKE_OLDER_SESSIONS_POLICY};
use crossrole_api::permissions::{InlinePolicy, Permissions};
use crossrole_api::role::{Access, AdoptionPolicy, DeletionPolicy, Mode};
use crossrole_api::selector::{DocumentText, NamesOrSelector};
use crossrole_api::{AccountClass, CrossAccountRole, CrossAccountRoleSpec, Reason};
use crossrole_iam::document::Document;
use crossrole_iam::{Arn, Path, RoleName};

use crate::account::Account;
use crate::change::Change;
use crate::claim::Claim;
use crate::decide::{self, Known};
use crate::declaration::{Declaration, ObjectName};
use crate::desired::Desired;
use crate::duration;
use crate::guard::{self, Proposal};
use crate::observed::{Observed, ObservedDocument, ObservedRole};
use crate::refusal::Refusal;
use crate::rules::{PROTECTED_NAMES, Rules, protected_because};
use crate::select::Labels;

/// Where roles are imported from.
#[derive(Clone, Debug)]
pub struct Source {
    /// The account.
    pub account: Account,
    /// The rules of its class, where they are known; otherwise the class is taken to force no boundary.
    pub rules: Option<Rules>,
    /// The namespace of the objects.
    pub namespace: String,
}

/// A role that no object declares exactly: why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotDeclared {
    /// The role's ARN, or what stands for it.
    pub role: String,
    /// Each thing that stands in the way.
    pub reasons: Vec<String>,
}

/// A CrossAccountRole's name has at most so many characters.
const OBJECT_NAME_MOST: usize = 192;

/// A name for the object of a role that no other object of `taken` has, nor one that is imported from another account: it ends
/// in the AWSAccount's name, and what stands before has no dot. It is put there.
pub fn object_name(role: &str, account: &Account, taken: &mut BTreeSet<String>) -> String {
    let fit = |character: char| match character.to_ascii_lowercase() {
        letter if letter.is_ascii_alphanumeric() => letter,
        _ => '-',
    };
    let folded: String = role.chars().map(fit).collect();
    let words: Vec<&str> = folded.split('-').filter(|word| !word.is_empty()).collect();
    let base = if words.is_empty() {
        "role".to_string()
    } else {
        words.join("-")
    };
    let of_account = |base: String| match format!("{base}.{}", account.name) {
        long if long.len() > OBJECT_NAME_MOST => format!("{base}.{}", account.id),
        name => name,
    };
    let numbered = (2..).map(|number| format!("{base}-{number}"));
    let mut names = std::iter::once(base.clone()).chain(numbered).map(of_account);
    let name = names.find(|name| !taken.contains(name)).unwrap_or_default();
    taken.insert(name.clone());
    name
}

/// The object that declares a role, with `adoptionPolicy: Adopt`, and `deletionPolicy: Retain`, so that nobody loses a role
/// by trying.
///
/// # Errors
/// What cannot be declared.
pub fn import(role: &ObservedRole, name: &str, source: &Source) -> Result<CrossAccountRole, NotDeclared> {
    let refused = |reasons: Vec<String>| NotDeclared {
        role: role.arn.clone(),
        reasons,
    };
    let mut reasons = Vec::new();
    let spec = spec(role, source, &mut reasons);
    if !reasons.is_empty() {
        return Err(refused(reasons));
    }
    let mut object = CrossAccountRole::new(name, spec);
    object.metadata.namespace = Some(source.namespace.clone());
    prove(&object, role, source).map_err(refused)?;
    Ok(object)
}

fn spec(role: &ObservedRole, source: &Source, reasons: &mut Vec<String>) -> CrossAccountRoleSpec {
    let account = &source.account;
    let role_name = role.arn.rsplit('/').next().unwrap_or_default().to_string();
    check_protected(role, &role_name, reasons);
    let (trust, extra) = match readable(&role.trust) {
        Ok(document) => {
            for id in document.dead_principals() {
                reasons.push(format!(
                    "its trust policy names {id}, a user or role that was deleted: take it out first"
                ));
            }
            trust::entries(document, account)
        }
        Err(problem) => {
            reasons.push(format!("its trust policy cannot be read: {problem}"));
            Default::default()
        }
    };
    CrossAccountRoleSpec {
        accounts: NamesOrSelector {
            names: vec![account.name.clone()],
            selector: None,
        },
        role_name: Some(role_name),
        path: Some(role.path.clone()),
        description: Some(role.description.clone()).filter(|text| !text.is_empty()),
        trust,
        extra_trust_statements: extra,
        max_session_duration: duration::written(role.max_session),
        permissions: permissions(role, account, reasons),
        tags: tags(role, reasons).into_iter().collect(),
        permissions_boundary: boundary(role, source, reasons),
        validity: None,
        sessions: None,
        access: Access::Open,
        mode: Mode::Enforce,
        suspend: false,
        adoption_policy: AdoptionPolicy::Adopt,
        deletion_policy: DeletionPolicy::Retain,
        notify: None,
    }
}

fn check_protected(role: &ObservedRole, name: &str, reasons: &mut Vec<String>) {
    let (Ok(path), Ok(name)) = (role.path.parse::<Path>(), name.parse::<RoleName>()) else {
        reasons.push("its path or its name is none that crossrole can declare".to_string());
        return;
    };
    if protected_because(&path, &name).is_some() {
        let names = PROTECTED_NAMES.join(" and ");
        reasons.push(format!(
            "crossrole never touches it: roles of AWS's own paths, {names} are left alone"
        ));
    }
}

fn tags(role: &ObservedRole, reasons: &mut Vec<String>) -> BTreeMap<String, String> {
    let starts_with = |key: &str, prefix: &str| key.to_lowercase().starts_with(prefix);
    let ours: Vec<String> = role
        .tags
        .iter()
        .filter(|(key, _)| starts_with(key, PREFIX))
        .map(|(key, value)| format!("{key} = {value}"))
        .collect();
    if !ours.is_empty() {
        reasons.push(format!("a crossrole holds it already: {}", ours.join(", ")));
    }
    let declared = role
        .tags
        .iter()
        .filter(|(key, _)| !starts_with(key, "aws:") && !starts_with(key, PREFIX));
    declared.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn permissions(role: &ObservedRole, account: &Account, reasons: &mut Vec<String>) -> Option<Permissions> {
    let mut permissions = Permissions::default();
    for arn in &role.attached {
        match policy_name(arn, account) {
            Some(Named::OfAws(name)) => permissions.aws_managed.push(name),
            Some(Named::OfAccount(name)) => permissions.customer_managed.push(name),
            None => reasons.push(format!(
                "the managed policy {arn} is neither AWS's nor of account {}",
                account.id
            )),
        }
    }
    for (name, document) in &role.inline {
        // It is not drift, and no declaration's: it stays as it is.
        if name.as_str() == REVOKE_OLDER_SESSIONS_POLICY {
            continue;
        }
        match readable(document) {
            Ok(document) => permissions.inline.push(InlinePolicy {
                name: name.to_string(),
                document: DocumentText::new(as_api_server_keeps(&document.to_json())),
            }),
            Err(problem) => reasons.push(format!("its inline policy {name} cannot be read: {problem}")),
        }
    }
    (permissions != Permissions::default()).then_some(permissions)
}

/// A document, or why it cannot be read.
fn readable(document: &ObservedDocument) -> Result<&Document, String> {
    let problem = || document.problem().map(|unreadable| unreadable.problem.clone());
    document.document().ok_or_else(|| problem().unwrap_or_default())
}

/// JSON with its members in the order in which it comes back from the API server.
fn as_api_server_keeps(json: &str) -> String {
    let value = serde_json::from_str::<serde_json::Value>(json);
    value.map_or_else(|_| json.to_string(), |value| value.to_string())
}

fn boundary(role: &ObservedRole, source: &Source, reasons: &mut Vec<String>) -> Option<String> {
    let account = &source.account;
    let forced = source
        .rules
        .as_ref()
        .and_then(|rules| Some((&rules.class, rules.boundary.as_ref()?)));
    if let Some((class, forced)) = forced {
        let forced = forced.resolve(account.partition, &account.id);
        if role.boundary.as_ref() != Some(&forced) {
            let own = role
                .boundary
                .as_ref()
                .map_or_else(|| "none".to_string(), ToString::to_string);
            reasons.push(format!(
                "AccountClass {class} forces the permissions boundary {forced}, and the role has {own}: give the role that boundary first"
            ));
        }
        return None;
    }
    let arn = role.boundary.as_ref()?;
    Some(match policy_name(arn, account) {
        Some(Named::OfAccount(name)) => name,
        _ => arn.to_string(),
    })
}

/// A managed policy, by name with its path.
enum Named {
    OfAws(String),
    OfAccount(String),
}

fn policy_name(arn: &Arn, account: &Account) -> Option<Named> {
    let name = arn.resource().strip_prefix("policy/")?.to_string();
    let is_here = arn.service() == "iam" && arn.partition() == account.partition.as_str();
    match arn.account() {
        "aws" if is_here => Some(Named::OfAws(name)),
        id if is_here && id == account.id.as_str() => Some(Named::OfAccount(name)),
        _ => None,
    }
}

/// Whether taking the role over sets our tags and changes nothing else.
fn prove(object: &CrossAccountRole, role: &ObservedRole, source: &Source) -> Result<(), Vec<String>> {
    let one = |refusal: Refusal| vec![refusal.to_string()];
    let declaration = Declaration::parse(object).map_err(one)?;
    let rules = match &source.rules {
        Some(rules) => rules.clone(),
        None => no_rules().map_err(one)?,
    };
    let desired = Desired {
        adopts: true,
        ..Desired::of(&declaration, &source.account, &rules, "import").map_err(one)?
    };
    let claim = Claim {
        created: 0,
        object: ObjectName {
            namespace: source.namespace.clone(),
            name: object.metadata.name.clone().unwrap_or_default(),
        },
    };
    let observed = Observed::Present(Box::new(role.clone()));
    let plan = decide::converge(&desired, &observed, &Known::default(), &claim, &[]).map_err(one)?;
    let others: Vec<String> = plan
        .changes
        .iter()
        .filter(|change| !matches!(change, Change::Tag(tags) if *tags == desired.owner.tags()))
        .map(|change| format!("to take it over would {change}"))
        .collect();
    if others.is_empty() { Ok(()) } else { Err(others) }
}

/// Whether the class lets an imported object have its role.
///
/// # Errors
/// What stands in the way.
pub fn allowed(object: &CrossAccountRole, source: &Source, rules: &Rules, labels: &Labels) -> Result<(), Refusal> {
    let declaration = Declaration::parse(object)?;
    let desired = Desired::of(&declaration, &source.account, rules, "import")?;
    if !desired.adopts {
        return Err(Refusal::of_field(
            Reason::ForeignRole,
            "adoption.roles",
            format!("does not list {}{}", desired.path, desired.name),
        ));
    }
    guard::check(&Proposal {
        declaration: &declaration,
        desired: &desired,
        account: &source.account,
        rules,
        namespace_labels: labels,
        namespace_roles: None,
        hub_role: None,
    })
}

/// The rules of a class that forces no boundary.
fn no_rules() -> Result<Rules, Refusal> {
    let spec = serde_json::json!({
        "bootstrapRole": {"name": "crossrole-bootstrap"},
        "guardrails": {"permissionsBoundary": "None"},
    });
    let spec = serde_json::from_value(spec).map_err(|error| Refusal::new(Reason::InvalidClass, error.to_string()))?;
    Rules::parse(&AccountClass::new("any", spec))
}

#[cfg(test)]
mod tests;
