//! The `CustomResourceDefinition`s, as `crossrole crd` prints them and the chart installs them.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::{Map, Value, json};

use crate::{AWSAccount, AccountClass, AssumeRoleGrant, CrossAccountRole};

/// Every CRD with its file name, in the order in which they are best installed.
///
/// # Errors
/// When a generated schema cannot be turned into the Kubernetes type; a test shows that it can.
pub fn all() -> Result<Vec<(&'static str, CustomResourceDefinition)>, serde_json::Error> {
    Ok(vec![
        ("accountclasses.yaml", finish(&AccountClass::crd())?),
        ("awsaccounts.yaml", finish(&AWSAccount::crd())?),
        ("crossaccountroles.yaml", finish(&CrossAccountRole::crd())?),
        ("assumerolegrants.yaml", finish(&AssumeRoleGrant::crd())?),
    ])
}

/// Adds what the derive cannot say: the status default, so that an object that nobody has looked
/// at is InProgress for kstatus, and no default below a list, because server-side apply would never be in sync.
fn finish(crd: &CustomResourceDefinition) -> Result<CustomResourceDefinition, serde_json::Error> {
    let mut value = serde_json::to_value(crd)?;
    if let Some(schema) = value.pointer_mut("/spec/versions/0/schema/openAPIV3Schema") {
        drop_noise(schema, false);
        if let Some(status) = schema.pointer_mut("/properties/status").and_then(Value::as_object_mut) {
            status.remove("nullable");
            status.insert("default".into(), json!({"observedGeneration": -1}));
        }
    }
    serde_json::from_value(value)
}

fn drop_noise(schema: &mut Value, below_list: bool) {
    let Value::Object(map) = schema else { return };
    // An absent field and a null one are the same to us, and null is refused where it means nothing.
    map.remove("nullable");
    if below_list {
        map.remove("default");
    }
    drop_empty_default(map);
    if let Some(items) = map.get_mut("items") {
        drop_noise(items, true);
    }
    if let Some(Value::Object(properties)) = map.get_mut("properties") {
        for property in properties.values_mut() {
            drop_noise(property, below_list);
        }
    }
}

// `default: []` says nothing and keeps a field in every object that never had it.
fn drop_empty_default(map: &mut Map<String, Value>) {
    let empty = match map.get("default") {
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(members)) => members.is_empty(),
        Some(Value::Null) => true,
        _ => false,
    };
    if empty {
        map.remove("default");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(path: &str, schema: &Value, visit: &mut dyn FnMut(&str, &Map<String, Value>)) {
        let Value::Object(map) = schema else { return };
        visit(path, map);
        if let Some(items) = map.get("items") {
            walk(&format!("{path}[]"), items, visit);
        }
        if let Some(extra) = map.get("additionalProperties") {
            walk(&format!("{path}{{}}"), extra, visit);
        }
        if let Some(Value::Object(properties)) = map.get("properties") {
            for (name, property) in properties {
                walk(&format!("{path}.{name}"), property, visit);
            }
        }
    }

    fn each_schema(visit: &mut dyn FnMut(&str, &Map<String, Value>)) {
        for (file, crd) in all().unwrap() {
            let value = serde_json::to_value(&crd).unwrap();
            let schema = value.pointer("/spec/versions/0/schema/openAPIV3Schema").unwrap();
            for part in ["spec", "status"] {
                walk(
                    &format!("{file}:{part}"),
                    schema.pointer(&format!("/properties/{part}")).unwrap(),
                    visit,
                );
            }
        }
    }

    #[test]
    fn every_list_map_and_string_is_bounded() {
        let mut unbounded = Vec::new();
        each_schema(&mut |path, map| {
            // The schema of metav1.Condition is Kubernetes' own, and we alone write it.
            if path.contains(".conditions[]") || map.contains_key("x-kubernetes-preserve-unknown-fields") {
                return;
            }
            let bounded = match map.get("type").and_then(Value::as_str) {
                Some("string") => ["maxLength", "enum", "format"].iter().any(|key| map.contains_key(*key)),
                Some("array") => map.contains_key("maxItems"),
                Some("object") => map.contains_key("properties") || map.contains_key("maxProperties"),
                _ => true,
            };
            if !bounded && !path.ends_with(".reason") {
                unbounded.push(path.to_string());
            }
        });
        assert_eq!(unbounded, Vec::<String>::new());
    }

    #[test]
    fn every_field_is_documented_for_kubectl_explain() {
        let mut bare = Vec::new();
        each_schema(&mut |path, map| {
            let field = !path.ends_with("[]") && !path.ends_with("{}") && path.contains('.');
            if field && !map.contains_key("description") {
                bare.push(path.to_string());
            }
        });
        assert_eq!(bare, Vec::<String>::new());
    }

    #[test]
    fn no_default_stands_below_a_list() {
        let mut found = Vec::new();
        each_schema(&mut |path, map| {
            if path.contains("[]") && map.contains_key("default") {
                found.push(path.to_string());
            }
        });
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn a_role_that_nobody_looked_at_says_so_to_kstatus() {
        let crds = all().unwrap();
        let value = serde_json::to_value(&crds[2].1).unwrap();
        let status = value
            .pointer("/spec/versions/0/schema/openAPIV3Schema/properties/status/default")
            .unwrap();
        assert_eq!(status, &json!({"observedGeneration": -1}));
    }

    #[test]
    fn raw_pieces_of_policies_have_room_for_every_member_that_iam_knows() {
        let mut rooms = Vec::new();
        each_schema(&mut |path, map| {
            if map.contains_key("x-kubernetes-preserve-unknown-fields") {
                let field = path.rsplit('.').next().unwrap_or_default().to_string();
                rooms.push((field, map["maxProperties"].as_u64().unwrap()));
            }
        });
        rooms.sort();
        // Sid, Effect, Principal, Action and Condition of a statement, and one that is misplaced; an operator of each
        // kind and its opposite.
        assert_eq!(
            rooms,
            [
                ("conditions".to_string(), 20),
                ("document".to_string(), 3),
                ("extraTrustStatements[]".to_string(), 8)
            ]
        );
    }
}
