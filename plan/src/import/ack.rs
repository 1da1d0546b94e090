//! Roles as the AWS Controllers for Kubernetes declare them: `Role` of `iam.services.k8s.aws/v1alpha1`.
//!
//! Source: the kind's Go type, `apis/v1alpha1/role.go` of the controller for IAM.

use std::collections::BTreeMap;

use crossrole_iam::document::DocumentKind;
use crossrole_iam::{Path, RoleName, role_arn};
use serde_json::{Map, Value};

use super::NotDeclared;
use crate::account::Account;
use crate::observed::{ObservedDocument, ObservedRole};

/// The API version of the kind.
pub const API_VERSION: &str = "iam.services.k8s.aws/v1alpha1";

/// Fields of `spec` that name another object, whose ARN only the cluster knows.
const REFERENCES: [&str; 2] = ["permissionsBoundaryRef", "policyRefs"];

const FIELDS: [&str; 9] = [
    "assumeRolePolicyDocument",
    "description",
    "inlinePolicies",
    "maxSessionDuration",
    "name",
    "path",
    "permissionsBoundary",
    "policies",
    "tags",
];

/// The role that an object declares in an account.
///
/// # Errors
/// What of the object cannot be read, or is known to the cluster alone.
pub fn observed(object: &Value, account: &Account) -> Result<ObservedRole, NotDeclared> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let refused = |reasons| NotDeclared {
        role: format!("Role {name}"),
        reasons,
    };
    let Some(spec) = object["spec"].as_object() else {
        return Err(refused(vec!["it has no spec".into()]));
    };
    let mut reasons = Vec::new();
    for field in spec.keys().map(String::as_str) {
        if REFERENCES.contains(&field) {
            reasons.push(format!(
                "spec.{field} names another object, whose ARN only the cluster knows: write the ARN, or import from the account"
            ));
        } else if !FIELDS.contains(&field) {
            reasons.push(format!("spec.{field} is a field that is not known here"));
        }
    }
    let role = read(spec, account, &mut reasons);
    match role {
        Some(role) if reasons.is_empty() => Ok(role),
        _ => Err(refused(reasons)),
    }
}

fn read(spec: &Map<String, Value>, account: &Account, reasons: &mut Vec<String>) -> Option<ObservedRole> {
    let mut text = |field: &str| optional_text(spec.get(field), &format!("spec.{field}"), reasons);
    let (path, name) = (text("path").unwrap_or("/"), text("name").unwrap_or_default());
    let (trust, description) = (text("assumeRolePolicyDocument"), text("description"));
    let boundary = text("permissionsBoundary");
    let name = parsed::<RoleName>("spec.name", name, reasons);
    let parsed_path = parsed::<Path>("spec.path", path, reasons);
    let policies = list(spec.get("policies"), "spec.policies", reasons);
    let attached = policies.iter().filter_map(|policy| {
        let arn = required_text(Some(policy), "spec.policies", reasons)?;
        parsed("spec.policies", arn, reasons)
    });
    let attached = attached.collect();
    let boundary = boundary.and_then(|arn| parsed("spec.permissionsBoundary", arn, reasons));
    let max_session = match spec.get("maxSessionDuration") {
        None | Some(Value::Null) => Some(3600),
        Some(seconds) => seconds.as_u64().and_then(|seconds| u32::try_from(seconds).ok()),
    };
    if max_session.is_none() {
        reasons.push("spec.maxSessionDuration is no number of seconds".into());
    }
    let mut inline = BTreeMap::new();
    match spec.get("inlinePolicies") {
        None | Some(Value::Null) => {}
        Some(Value::Object(documents)) => {
            for (name, text) in documents {
                let text = required_text(Some(text), &format!("spec.inlinePolicies.{name}"), reasons);
                let document = document(text.unwrap_or_default(), DocumentKind::Permission);
                inline.extend(parsed("spec.inlinePolicies", name, reasons).map(|name| (name, document)));
            }
        }
        Some(_) => reasons.push("spec.inlinePolicies is no map".into()),
    }
    Some(ObservedRole {
        arn: role_arn(account.partition, &account.id, &parsed_path?, &name?).to_string(),
        id: String::new(),
        dates: Default::default(),
        path: path.to_string(),
        trust: document(trust.unwrap_or_default(), DocumentKind::Trust),
        description: description.unwrap_or_default().to_string(),
        max_session: max_session?,
        boundary,
        tags: tags(spec, reasons),
        attached,
        inline,
        instance_profiles: Default::default(),
    })
}

fn list<'a>(value: Option<&'a Value>, field: &str, reasons: &mut Vec<String>) -> &'a [Value] {
    match value {
        None | Some(Value::Null) => &[],
        Some(Value::Array(items)) => items,
        Some(_) => {
            reasons.push(format!("{field} is no list"));
            &[]
        }
    }
}

fn tags(spec: &Map<String, Value>, reasons: &mut Vec<String>) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::new();
    for (index, tag) in list(spec.get("tags"), "spec.tags", reasons).iter().enumerate() {
        let key = required_text(tag.get("key"), &format!("spec.tags[{index}].key"), reasons);
        let value = optional_text(tag.get("value"), &format!("spec.tags[{index}].value"), reasons);
        let Some(key) = key else { continue };
        if tags
            .insert(key.to_string(), value.unwrap_or_default().to_string())
            .is_some()
        {
            reasons.push(format!("spec.tags has {key} twice"));
        }
    }
    tags
}

/// A text that need not be there. What is there and no text was meant to say something.
fn optional_text<'a>(value: Option<&'a Value>, field: &str, reasons: &mut Vec<String>) -> Option<&'a str> {
    match value {
        None | Some(Value::Null) => None,
        value => required_text(value, field, reasons),
    }
}

fn required_text<'a>(value: Option<&'a Value>, field: &str, reasons: &mut Vec<String>) -> Option<&'a str> {
    let text = value.and_then(Value::as_str);
    if text.is_none() {
        reasons.push(format!("{field} is no string: quote it"));
    }
    text
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
    field: &str,
    text: &str,
    reasons: &mut Vec<String>,
) -> Option<T> {
    text.parse()
        .map_err(|error| reasons.push(format!("{field}: {error}")))
        .ok()
}

/// A document that IAM holds: read as its answers are, which are percent-encoded.
fn document(text: &str, kind: DocumentKind) -> ObservedDocument {
    let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    ObservedDocument::parse_encoded(&encoded, kind)
}
