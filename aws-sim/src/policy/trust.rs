//! Trust policies: what IAM takes, what it makes of it, and whether one lets a caller in.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::context::Context;
use super::document::{Document, Policy, texts};
use super::grammar::{listed, structure, unique_sids};
use super::visitor::{Named, Visitor};
use crate::wire::error::AwsError;

const SYNTAX: &str = "Syntax errors in policy.";

/// How a role looks to a principal that a trust policy names.
pub(crate) trait KnownPrincipals {
    /// The form in which IAM keeps an `AWS` principal, or `None` if there is no such principal.
    fn stored_form(&self, principal: &str) -> Option<String>;
}

/// Checks a trust policy and gives it in the form in which IAM keeps it: bare account ids become `root` ARNs, `"*"` becomes
/// `{"AWS": "*"}`, lists of one become plain texts.
pub(crate) fn trust_document(text: &str, known: &dyn KnownPrincipals) -> Result<Document, AwsError> {
    let mut value: Value =
        serde_json::from_str(text).map_err(|_| AwsError::malformed("This policy contains invalid Json"))?;
    check(&value).map_err(AwsError::malformed)?;
    rewrite(&mut value, known).map_err(AwsError::malformed)?;
    document(&value)
}

fn document(value: &Value) -> Result<Document, AwsError> {
    let policy = Policy::read(value).map_err(|_| AwsError::malformed(SYNTAX))?;
    Ok(Document {
        text: Arc::from(value.to_string()),
        policy: Arc::new(policy),
    })
}

/// What IAM says about a trust policy that it does not take. It has other words for the same faults than for permission
/// policies; they are as recorded, and where nothing was recorded as other programs have met them.
fn check(document: &Value) -> Result<(), String> {
    let fields = document.as_object().ok_or(SYNTAX)?;
    let version = fields.get("Version").map(Value::as_str);
    if !matches!(version, None | Some(Some("2012-10-17" | "2008-10-17"))) {
        return Err("The policy must contain a valid version string".to_owned());
    }
    let listed_statements = match fields.get("Statement") {
        Some(Value::Array(list)) => list.iter().collect(),
        None => Vec::new(),
        Some(one) => vec![one],
    };
    if listed_statements.is_empty() {
        return Err("Could not parse the policy: Statement is empty!".to_owned());
    }
    for statement in listed_statements.into_iter().filter_map(Value::as_object) {
        check_effect(statement)?;
        check_principal(statement)?;
    }
    let statements = structure(fields, true)?;
    for statement in &statements {
        if statement.contains_key("NotAction") {
            return Err("Has prohibited field NotAction".to_owned());
        }
        let actions = listed(statement, "Action", "NotAction");
        if actions.is_empty() {
            return Err("Missing required field Action".to_owned());
        }
        if !actions.iter().all(|action| is_sts_action(action)) {
            return Err("AssumeRole policy may only specify STS AssumeRole actions.".to_owned());
        }
        if statement.contains_key("Resource") {
            return Err("Has prohibited field Resource".to_owned());
        }
        if statement.contains_key("NotResource") {
            return Err("AssumeRole policy must not contain resources.".to_owned());
        }
        check_cognito(statement)?;
    }
    unique_sids(&statements, "The Statement Ids in the policy are not unique")
}

fn check_effect(statement: &Map<String, Value>) -> Result<(), String> {
    match statement.get("Effect").map(Value::as_str) {
        Some(Some("Allow" | "Deny")) => Ok(()),
        Some(Some("")) | None => Err("Missing required field Effect".to_owned()),
        Some(Some(other)) => Err(format!("Invalid effect: {other}")),
        Some(None) => Err(SYNTAX.to_owned()),
    }
}

fn check_principal(statement: &Map<String, Value>) -> Result<(), String> {
    let refused = |text: &str| Err(text.to_owned());
    if statement.contains_key("NotPrincipal") {
        // The user guide lets trust policies deny everybody but some.
        return match statement.get("Effect").and_then(Value::as_str) {
            Some("Allow") => refused("Allow with NotPrincipal is not allowed."),
            _ => Ok(()),
        };
    }
    match statement.get("Principal") {
        None if statement.contains_key("Resource") => refused("Has prohibited field Resource"),
        None => refused("Missing required field Principal"),
        Some(Value::Object(kinds)) if kinds.is_empty() => refused("Missing required field Principal cannot be empty!"),
        Some(Value::String(text)) if text != "*" => refused("Principal must be a JSON object."),
        Some(_) => Ok(()),
    }
}

/// Everybody has a Cognito pool, so trust in all of them must say which.
fn check_cognito(statement: &Map<String, Value>) -> Result<(), String> {
    const COGNITO: &str = "cognito-identity.amazonaws.com";
    let federated = statement.get("Principal").and_then(|kinds| kinds.get("Federated"));
    let trusted = federated
        .and_then(|values| texts(values).ok())
        .is_some_and(|values| values.iter().any(|value| value == COGNITO));
    let keys = statement.get("Condition").and_then(Value::as_object);
    let mut keys = keys
        .into_iter()
        .flat_map(Map::values)
        .filter_map(Value::as_object)
        .flat_map(Map::keys);
    if trusted && !keys.any(|key| key.eq_ignore_ascii_case("cognito-identity.amazonaws.com:aud")) {
        return Err("A condition block must be present for the Cognito provider".to_owned());
    }
    Ok(())
}

fn is_sts_action(action: &str) -> bool {
    const KNOWN: [&str; 6] = [
        "sts:assumerole",
        "sts:assumerolewithsaml",
        "sts:assumerolewithwebidentity",
        "sts:tagsession",
        "sts:setsourceidentity",
        "sts:setcontext",
    ];
    let action = action.to_ascii_lowercase();
    KNOWN.iter().any(|known| super::pattern::matches(&action, known)) && action.starts_with("sts:")
}

fn rewrite(document: &mut Value, known: &dyn KnownPrincipals) -> Result<(), String> {
    let statements = match document.get_mut("Statement") {
        Some(Value::Array(list)) => list.iter_mut().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    };
    for statement in statements.into_iter().filter_map(Value::as_object_mut) {
        if statement.get("Principal").and_then(Value::as_str) == Some("*") {
            statement.insert("Principal".to_owned(), json!({"AWS": "*"}));
        }
        for field in ["Principal", "NotPrincipal"] {
            if let Some(kinds) = statement.get_mut(field).and_then(Value::as_object_mut) {
                rewrite_principals(kinds, known)?;
            }
        }
        if let Some(actions) = statement.get_mut("Action") {
            collapse(actions);
        }
        if let Some(operators) = statement.get_mut("Condition").and_then(Value::as_object_mut) {
            for keys in operators.values_mut().filter_map(Value::as_object_mut) {
                keys.values_mut().for_each(collapse);
            }
        }
    }
    Ok(())
}

fn rewrite_principals(kinds: &mut Map<String, Value>, known: &dyn KnownPrincipals) -> Result<(), String> {
    for (kind, values) in kinds {
        let list = match &mut *values {
            Value::Array(list) => list.iter_mut().collect(),
            one => vec![one],
        };
        if list.is_empty() {
            return Err("Missing required field Principal cannot be empty!".to_owned());
        }
        for value in list {
            let Some(text) = value.as_str() else { continue };
            let stored = match kind.as_str() {
                "AWS" => known.stored_form(text),
                "Service" => is_service(text).then(|| text.to_owned()),
                _ => (!text.is_empty()).then(|| text.to_owned()),
            };
            let Some(stored) = stored else {
                let kind = if kind == "AWS" {
                    kind.clone()
                } else {
                    kind.to_uppercase()
                };
                return Err(format!("Invalid principal in policy: \"{kind}\":\"{text}\""));
            };
            *value = Value::String(stored);
        }
        collapse(values);
    }
    Ok(())
}

fn is_service(name: &str) -> bool {
    let suffixes = [".amazonaws.com", ".amazonaws.com.cn", ".amazon.com", ".internal"];
    suffixes.iter().any(|suffix| name.ends_with(suffix)) && !name.contains(['*', '/', ' '])
}

fn collapse(value: &mut Value) {
    if let Value::Array(list) = value
        && list.len() == 1
        && let Some(only) = list.pop()
    {
        *value = only;
    }
}

/// The document with one principal replaced by its unique id, or `None` if it does not name it. This is what IAM does
/// when a user or role that a trust policy names is deleted.
pub(crate) fn without_principal(trust: &Document, arn: &str, unique_id: &str) -> Option<Document> {
    let mut named = trust
        .policy
        .statements
        .iter()
        .filter_map(|statement| statement.principals.as_ref());
    if !named.any(|principals| {
        principals
            .listed
            .iter()
            .any(|(kind, value)| kind == "AWS" && value == arn)
    }) {
        return None;
    }
    struct Replace<'a>(&'a str, &'a str);
    impl KnownPrincipals for Replace<'_> {
        fn stored_form(&self, principal: &str) -> Option<String> {
            Some(if principal == self.0 { self.1 } else { principal }.to_owned())
        }
    }
    let mut value: Value = serde_json::from_str(&trust.text).ok()?;
    rewrite(&mut value, &Replace(arn, unique_id)).ok()?;
    document(&value).ok()
}

/// What a trust policy says to one caller and action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Welcome {
    Denied,
    Silent,
    Allowed(Named),
}

/// Evaluates a trust policy.
pub(crate) fn evaluate_trust(trust: &Policy, action: &str, visitor: &Visitor<'_>, context: &Context) -> Welcome {
    let mut strongest = None;
    for statement in &trust.statements {
        let Some(named) = visitor.named_in(statement) else {
            continue;
        };
        if !statement.covers_action(action) || !statement.conditions_hold(context) {
            continue;
        }
        if !statement.allow {
            return Welcome::Denied;
        }
        strongest = strongest.max(Some(named));
    }
    strongest.map_or(Welcome::Silent, Welcome::Allowed)
}
