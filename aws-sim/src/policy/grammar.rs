//! Which permission documents IAM takes, and the words it refuses the others with.
//!
//! IAM reports what it finds first: broken structure, then the version, then an old parser's complaints, then what is
//! missing, then what is misspelt. The order here follows its recorded answers.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::condition::Operator;
use super::document::{Document, Policy, texts};
use crate::wire::error::AwsError;

const SYNTAX: &str = "Syntax errors in policy.";
const LEGACY: &str = "The policy failed legacy parsing";

/// Where a document is used. Managed policies must say the current version; inline policies need not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Managed,
    Inline,
}

/// Checks a permission document and takes it apart.
pub(crate) fn permission_document(text: &str, used: Use) -> Result<Document, AwsError> {
    let value: Value = serde_json::from_str(text).map_err(|_| AwsError::malformed(SYNTAX))?;
    check(&value, used).map_err(AwsError::malformed)?;
    let policy = Policy::read(&value).map_err(|_| AwsError::malformed(SYNTAX))?;
    Ok(Document {
        text: Arc::from(text),
        policy: Arc::new(policy),
    })
}

fn check(document: &Value, used: Use) -> Result<(), String> {
    let fields = document.as_object().ok_or(SYNTAX)?;
    let statements = structure(fields, false)?;
    if used == Use::Managed && fields.get("Version").and_then(Value::as_str) != Some("2012-10-17") {
        return Err("Policy document must be version 2012-10-17 or greater.".to_owned());
    }
    for statement in &statements {
        legacy(statement)?;
    }
    unique_sids(&statements, "Statement IDs (SID) in a single policy must be unique.")?;
    for statement in &statements {
        if statement.contains_key("Principal") || statement.contains_key("NotPrincipal") {
            return Err("Policy document should not specify a principal.".to_owned());
        }
        let actions = listed(statement, "Action", "NotAction");
        if actions.is_empty() {
            return Err("Policy statement must contain actions.".to_owned());
        }
        let resources = listed(statement, "Resource", "NotResource");
        if resources.is_empty() {
            return Err("Policy statement must contain resources.".to_owned());
        }
        resources.iter().try_for_each(|resource| resource_form(resource))?;
        actions.iter().try_for_each(|action| action_form(action))?;
    }
    Ok(())
}

/// The shape that every kind of policy shares. Gives the statements.
pub(crate) fn structure(fields: &Map<String, Value>, trust: bool) -> Result<Vec<&Map<String, Value>>, String> {
    for (name, value) in fields {
        let known = match name.as_str() {
            "Version" => matches!(value.as_str(), Some("2012-10-17" | "2008-10-17")),
            "Id" => value.is_string(),
            "Statement" => true,
            _ => false,
        };
        if !known {
            return Err(SYNTAX.to_owned());
        }
    }
    let statements: Vec<_> = match fields.get("Statement") {
        Some(Value::Array(list)) => list.iter().map(Value::as_object).collect::<Option<_>>().ok_or(SYNTAX)?,
        Some(Value::Object(one)) => vec![one],
        _ => return Err(SYNTAX.to_owned()),
    };
    if statements.is_empty() {
        return Err(SYNTAX.to_owned());
    }
    for statement in &statements {
        statement_structure(statement, trust)?;
    }
    Ok(statements)
}

fn statement_structure(statement: &Map<String, Value>, trust: bool) -> Result<(), String> {
    for pair in [
        ["Action", "NotAction"],
        ["Resource", "NotResource"],
        ["Principal", "NotPrincipal"],
    ] {
        if pair.iter().all(|name| statement.contains_key(*name)) {
            return Err(SYNTAX.to_owned());
        }
    }
    for (name, value) in statement {
        let fine = match name.as_str() {
            "Sid" | "Effect" => value.is_string(),
            "Action" | "NotAction" | "Resource" | "NotResource" => match value {
                Value::String(_) => true,
                Value::Array(list) => list.iter().all(Value::is_string),
                _ => false,
            },
            "Principal" | "NotPrincipal" => principal_structure(value),
            "Condition" => condition_structure(value),
            _ => false,
        };
        if !fine {
            return Err(SYNTAX.to_owned());
        }
    }
    match statement.get("Effect").and_then(Value::as_str) {
        Some("Allow" | "Deny") => Ok(()),
        Some(_) if !trust => Err(LEGACY.to_owned()),
        _ => Err(SYNTAX.to_owned()),
    }
}

fn principal_structure(value: &Value) -> bool {
    match value {
        Value::String(text) => text == "*",
        Value::Object(kinds) => kinds.iter().all(|(kind, values)| {
            matches!(kind.as_str(), "AWS" | "Service" | "Federated" | "CanonicalUser")
                && match values {
                    Value::String(_) => true,
                    Value::Array(list) => list.iter().all(Value::is_string),
                    _ => false,
                }
        }),
        _ => false,
    }
}

fn condition_structure(value: &Value) -> bool {
    let Some(operators) = value.as_object() else {
        return false;
    };
    operators.iter().all(|(operator, keys)| {
        Operator::read(operator).is_some()
            && keys
                .as_object()
                .is_some_and(|keys| keys.values().all(|values| texts(values).is_ok()))
    })
}

/// What IAM's older parser refuses without saying why.
fn legacy(statement: &Map<String, Value>) -> Result<(), String> {
    for resource in listed(statement, "Resource", "NotResource") {
        let parts: Vec<_> = resource.splitn(6, ':').collect();
        let short = parts.len() == 5 && parts[0] == "arn" && parts[2] == "s3" && parts[4] != "*";
        let nameless = parts.len() == 6 && parts[0] == "arn" && parts[2].is_empty();
        if short || nameless {
            return Err(LEGACY.to_owned());
        }
    }
    let Some(operators) = statement.get("Condition").and_then(Value::as_object) else {
        return Ok(());
    };
    for (name, keys) in operators {
        let Some(operator) = Operator::read(name) else { continue };
        let values = keys
            .as_object()
            .into_iter()
            .flat_map(Map::values)
            .filter_map(|values| texts(values).ok());
        if values.flatten().any(|value| !operator.takes(&value)) {
            return Err(LEGACY.to_owned());
        }
    }
    Ok(())
}

/// Statement ids must be unique and alphanumeric. `repeated` is what is said of those that are not unique.
pub(crate) fn unique_sids(statements: &[&Map<String, Value>], repeated: &str) -> Result<(), String> {
    let mut seen = Vec::new();
    for sid in statements
        .iter()
        .filter_map(|statement| statement.get("Sid"))
        .filter_map(Value::as_str)
    {
        if !sid.chars().all(|character| character.is_ascii_alphanumeric()) {
            return Err(
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular \
                        expression [0-9A-Za-z]*"
                    .to_owned(),
            );
        }
        if !sid.is_empty() && seen.contains(&sid) {
            return Err(repeated.to_owned());
        }
        seen.push(sid);
    }
    Ok(())
}

/// The texts of a field or of its negated twin.
pub(crate) fn listed(statement: &Map<String, Value>, name: &str, negated: &str) -> Vec<String> {
    statement
        .get(name)
        .or_else(|| statement.get(negated))
        .and_then(|value| texts(value).ok())
        .unwrap_or_default()
}

fn action_form(action: &str) -> Result<(), String> {
    if action == "*" {
        return Ok(());
    }
    match action.matches(':').count() {
        0 => Err("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.".to_owned()),
        1 => Ok(()),
        _ => Err("Actions/Condition can contain only one colon.".to_owned()),
    }
}

fn resource_form(resource: &str) -> Result<(), String> {
    if resource == "*" {
        return Ok(());
    }
    if !resource.contains(':') {
        return Err(format!("Resource {resource} must be in ARN format or \"*\"."));
    }
    let parts: Vec<_> = resource.splitn(6, ':').collect();
    let wild = |at: usize| parts.get(at).copied().unwrap_or("*");
    if parts[0] != "arn" {
        // IAM reads what does not begin with `arn` as if that word had been left out.
        let shown = format!("arn:{}:{}:{}:{}:{}", wild(1), wild(2), wild(3), wild(4), wild(5));
        return Err(format!(
            "Partition \"{}\" is not valid for resource \"{shown}\".",
            wild(1)
        ));
    }
    if !matches!(parts[1], "aws" | "aws-cn" | "aws-us-gov" | "aws-eusc" | "*") && !parts[1].starts_with("${") {
        let shown = format!("arn:{}:{}:{}:{}:{}", wild(1), wild(2), wild(3), wild(4), wild(5));
        return Err(format!(
            "Partition \"{}\" is not valid for resource \"{shown}\".",
            parts[1]
        ));
    }
    if parts.len() < 3 {
        return Err("Resource vendor must be fully qualified and cannot contain regexes.".to_owned());
    }
    if parts[2] == "s3" && !wild(3).is_empty() && wild(3) != "*" {
        return Err(format!("Resource {resource} can not contain region information."));
    }
    if parts[2] == "iam" && parts.len() == 6 {
        iam_path(parts[5])?;
    }
    Ok(())
}

fn iam_path(path: &str) -> Result<(), String> {
    const KINDS: [&str; 13] = [
        "user/",
        "federated-user/",
        "role/",
        "group/",
        "instance-profile/",
        "mfa/",
        "server-certificate/",
        "policy/",
        "sms-mfa/",
        "saml-provider/",
        "oidc-provider/",
        "report/",
        "access-report/",
    ];
    let known = path == "root" || path.starts_with(['*', '$', '?']);
    let before_star = path.split_once('*').map(|(before, _)| before);
    let fits = |kind: &&str| path.starts_with(*kind) || before_star.is_some_and(|before| kind.starts_with(before));
    if known || KINDS.iter().any(fits) {
        return Ok(());
    }
    Err(format!(
        "IAM resource path must either be \"*\", root, or start with {}.",
        KINDS.join(", ")
    ))
}
