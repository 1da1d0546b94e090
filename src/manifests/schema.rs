//! What the CRDs' schemas say of a `spec`, checked as the API server checks it.
//!
//! Types, bounds, patterns, enumerations, required members, and lists that are sets or maps. Three things are left to
//! others: unknown members and formats to the types that an object is read into, and the CEL rules to `crossrole_plan`, in
//! which every one of them also stands.
//!
//! The schemas are our own and speak a small language, which [`KEYWORDS`] lists; a general validator of JSON Schema would
//! bring some twenty crates, and know nothing of Kubernetes' lists.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

/// The schema of each kind's `spec`.
static SCHEMAS: LazyLock<Result<BTreeMap<String, Value>, String>> = LazyLock::new(|| {
    let mut schemas = BTreeMap::new();
    for (_, crd) in crossrole_api::crd::all().map_err(|error| error.to_string())? {
        let kind = crd.spec.names.kind.clone();
        let value = serde_json::to_value(&crd).map_err(|error| error.to_string())?;
        let spec = value.pointer("/spec/versions/0/schema/openAPIV3Schema/properties/spec");
        schemas.insert(kind, spec.cloned().unwrap_or_default());
    }
    Ok(schemas)
});

/// Checks a `spec` against the schema of its kind. A kind that is not ours is not looked at.
///
/// # Errors
/// The first thing that the API server would refuse, with its path.
pub(super) fn check(kind: &str, spec: &Value) -> Result<(), String> {
    let schemas = SCHEMAS.as_ref().map_err(Clone::clone)?;
    match schemas.get(kind) {
        Some(schema) => check_value(schema, spec, "spec"),
        None => Ok(()),
    }
}

fn check_value(schema: &Value, value: &Value, path: &str) -> Result<(), String> {
    let refused = |problem: Option<String>| match problem {
        Some(problem) => Err(format!("{path}: {problem}")),
        None => Ok(()),
    };
    refused(type_problem(schema, value))?;
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array) {
        let words: Vec<String> = allowed.iter().map(ToString::to_string).collect();
        refused((!allowed.contains(value)).then(|| format!("{value} is none of {}", words.join(", "))))?;
    }
    match value {
        Value::String(text) => refused(text_problem(schema, text)),
        Value::Number(number) => refused(number_problem(schema, number.as_f64().unwrap_or_default())),
        Value::Array(items) => {
            refused(bounds_problem(schema, "Items", items.len(), "items"))?;
            refused(list_problem(schema, items))?;
            let Some(of_items) = schema.get("items") else {
                return Ok(());
            };
            items
                .iter()
                .enumerate()
                .try_for_each(|(index, item)| check_value(of_items, item, &format!("{path}[{index}]")))
        }
        Value::Object(members) => {
            refused(bounds_problem(schema, "Properties", members.len(), "members"))?;
            let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
            let missing = required
                .filter_map(Value::as_str)
                .find(|name| !members.contains_key(*name));
            refused(missing.map(|name| format!("{name} is missing")))?;
            let of_member = |name: &str| {
                let named = schema.get("properties").and_then(|properties| properties.get(name));
                named.or_else(|| schema.get("additionalProperties").filter(|schema| schema.is_object()))
            };
            members.iter().try_for_each(|(name, member)| match of_member(name) {
                Some(schema) => check_value(schema, member, &format!("{path}.{name}")),
                None => Ok(()),
            })
        }
        Value::Null | Value::Bool(_) => Ok(()),
    }
}

fn type_problem(schema: &Value, value: &Value) -> Option<String> {
    let wanted = schema.get("type").and_then(Value::as_str)?;
    let (fits, found) = match value {
        Value::Null => (false, "null"),
        Value::Bool(_) => (wanted == "boolean", "a Boolean"),
        Value::Number(number) => {
            let is_whole = number.is_i64() || number.is_u64();
            (wanted == "number" || (wanted == "integer" && is_whole), "a number")
        }
        Value::String(_) => (wanted == "string", "a string"),
        Value::Array(_) => (wanted == "array", "a list"),
        Value::Object(_) => (wanted == "object", "an object"),
    };
    (!fits).then(|| format!("must be of type {wanted}, and is {found}"))
}

fn text_problem(schema: &Value, text: &str) -> Option<String> {
    let bounds = || bounds_problem(schema, "Length", text.chars().count(), "characters");
    let pattern = || {
        let pattern = schema.get("pattern").and_then(Value::as_str)?;
        match Regex::new(pattern) {
            Ok(expression) => (!expression.is_match(text)).then(|| format!("{text:?} does not match {pattern}")),
            Err(error) => Some(format!("the schema's pattern {pattern} cannot be read: {error}")),
        }
    };
    bounds().or_else(pattern)
}

fn number_problem(schema: &Value, number: f64) -> Option<String> {
    let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
    let least = bound("minimum").filter(|least| number < *least);
    let most = bound("maximum").filter(|most| number > *most);
    least
        .map(|least| format!("{number} is less than {least}"))
        .or_else(|| most.map(|most| format!("{number} is more than {most}")))
}

fn bounds_problem(schema: &Value, what: &str, count: usize, unit: &str) -> Option<String> {
    let bound = |name: String| schema.get(name).and_then(Value::as_u64);
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    let least = bound(format!("min{what}")).filter(|least| count < *least);
    let most = bound(format!("max{what}")).filter(|most| count > *most);
    least
        .map(|least| format!("has {count} {unit}; at least {least} must be there"))
        .or_else(|| most.map(|most| format!("has {count} {unit}; at most {most} are allowed")))
}

/// What stands twice in a list that is a set, or has a key twice in one that is a map.
///
/// Source: Kubernetes documentation, "Server-Side Apply" (merge strategy).
fn list_problem(schema: &Value, items: &[Value]) -> Option<String> {
    let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
    let mut seen = BTreeSet::new();
    let identity = |item: &Value| match schema.get("x-kubernetes-list-type").and_then(Value::as_str)? {
        "set" => Some(item.to_string()),
        "map" => {
            let values = keys
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(|key| item.get(key).cloned().unwrap_or_default().to_string());
            Some(values.collect::<Vec<_>>().join(", "))
        }
        _ => None,
    };
    items
        .iter()
        .filter_map(identity)
        .find(|identity| !seen.insert(identity.clone()))
        .map(|identity| format!("{identity} is there twice"))
}

/// Keywords that are checked here, and those that say nothing to check or are left to others.
#[cfg(test)]
const KEYWORDS: [&str; 23] = [
    "additionalProperties",
    "default",
    "description",
    "enum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "pattern",
    "properties",
    "required",
    "type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-validations",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn role(pointer: &str, value: Value) -> Result<(), String> {
        let mut spec = json!({
            "accounts": {"names": ["prod"]},
            "trust": [{"from": {"accounts": ["111111111111"]}}],
            "permissions": {"inline": [{"name": "a", "document": {}}]}
        });
        let (parent, member) = pointer.rsplit_once('/').unwrap();
        spec.pointer_mut(parent).unwrap()[member] = value;
        check("CrossAccountRole", &spec)
    }

    #[test]
    fn what_the_schema_refuses_is_refused_with_its_path() {
        for (pointer, value, problem) in [
            (
                "/roleName",
                json!("a role"),
                r#"spec.roleName: "a role" does not match ^[A-Za-z0-9_+=,.@-]+$"#,
            ),
            (
                "/roleName",
                json!("a".repeat(65)),
                "spec.roleName: has 65 characters; at most 64 are allowed",
            ),
            (
                "/roleName",
                json!(null),
                "spec.roleName: must be of type string, and is null",
            ),
            (
                "/suspend",
                json!("yes"),
                "spec.suspend: must be of type boolean, and is a string",
            ),
            (
                "/trust",
                json!([{"from": {"accounts": []}}]),
                "spec.trust[0].from.accounts: has 0 items; at least 1 must be there",
            ),
            ("/trust", json!([{}]), "spec.trust[0]: from is missing"),
            (
                "/trust",
                json!([{"from": {}}]),
                "spec.trust[0].from: has 0 members; at least 1 must be there",
            ),
            (
                "/extraTrustStatements",
                json!([{"a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6, "g": 7, "h": 8, "i": 9}]),
                "spec.extraTrustStatements[0]: has 9 members; at most 8 are allowed",
            ),
            (
                "/tags",
                json!({"team": "a".repeat(257)}),
                "spec.tags.team: has 257 characters; at most 256 are allowed",
            ),
            (
                "/mode",
                json!("Watch"),
                r#"spec.mode: "Watch" is none of "Enforce", "Observe""#,
            ),
            (
                "/accounts",
                json!({"names": ["b", "a", "b"]}),
                r#"spec.accounts.names: "b" is there twice"#,
            ),
            (
                "/permissions",
                json!({"inline": [{"name": "a", "document": {}}, {"name": "a", "document": {"Id": ""}}]}),
                r#"spec.permissions.inline: "a" is there twice"#,
            ),
        ] {
            assert_eq!(role(pointer, value), Err(problem.to_string()), "{pointer}");
        }
        assert_eq!(role("/roleName", json!("a".repeat(64))), Ok(()));
    }

    #[test]
    fn no_keyword_of_the_schemas_goes_unchecked() {
        fn unknown(schema: &Value, found: &mut BTreeSet<String>) {
            let Value::Object(members) = schema else { return };
            found.extend(members.keys().filter(|key| !KEYWORDS.contains(&key.as_str())).cloned());
            for key in ["items", "additionalProperties"] {
                unknown(members.get(key).unwrap_or(&Value::Null), found);
            }
            let properties = members.get("properties").and_then(Value::as_object);
            properties
                .into_iter()
                .flatten()
                .for_each(|(_, schema)| unknown(schema, found));
        }
        let schemas = SCHEMAS.as_ref().unwrap();
        assert_eq!(schemas.len(), 4);
        for (kind, schema) in schemas {
            let mut found = BTreeSet::new();
            unknown(schema, &mut found);
            assert_eq!(found, BTreeSet::new(), "{kind}");
        }
    }

    #[test]
    fn every_pattern_of_the_schemas_can_be_read() {
        fn each(schema: &Value, visit: &mut dyn FnMut(&str)) {
            match schema {
                Value::Object(members) => {
                    if let Some(Value::String(pattern)) = members.get("pattern") {
                        visit(pattern);
                    }
                    members.values().for_each(|member| each(member, visit));
                }
                Value::Array(items) => items.iter().for_each(|item| each(item, visit)),
                _ => {}
            }
        }
        let mut patterns = 0;
        for schema in SCHEMAS.as_ref().unwrap().values() {
            each(schema, &mut |pattern| {
                patterns += 1;
                assert!(Regex::new(pattern).is_ok(), "{pattern}");
            });
        }
        assert!(patterns > 20);
    }
}
