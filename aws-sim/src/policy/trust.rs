//! Trust policies: what IAM takes, what it makes of it, and whether one lets a caller in.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::context::Context;
use super::document::{Document, Policy};
use super::grammar::{listed, structure, unique_sids};
use super::visitor::{Named, Visitor};
use crate::wire::error::AwsError;

/// How a role looks to a principal that a trust policy names.
pub(crate) trait KnownPrincipals {
    /// The form in which IAM keeps an `AWS` principal, or `None` if there is no such principal.
    fn stored_form(&self, principal: &str) -> Option<String>;
}

/// Checks a trust policy and gives it in the form in which IAM keeps it: bare account ids become `root` ARNs, lists of
/// one become plain texts.
pub(crate) fn trust_document(text: &str, known: &dyn KnownPrincipals) -> Result<Document, AwsError> {
    let mut value: Value =
        serde_json::from_str(text).map_err(|_| AwsError::malformed("This policy contains invalid Json"))?;
    check(&value).map_err(AwsError::malformed)?;
    rewrite(&mut value, known).map_err(AwsError::malformed)?;
    document(&value)
}

fn document(value: &Value) -> Result<Document, AwsError> {
    let policy = Policy::read(value).map_err(|_| AwsError::malformed("Syntax errors in policy."))?;
    Ok(Document {
        text: Arc::from(value.to_string()),
        policy: Arc::new(policy),
    })
}

fn check(document: &Value) -> Result<(), String> {
    let fields = document.as_object().ok_or("Syntax errors in policy.")?;
    let statements = structure(fields, true)?;
    unique_sids(&statements)?;
    for statement in statements {
        for field in ["Resource", "NotResource"] {
            if statement.contains_key(field) {
                return Err(format!("Has prohibited field {field}"));
            }
        }
        let allow = statement.get("Effect").and_then(Value::as_str) == Some("Allow");
        if allow && statement.contains_key("NotPrincipal") {
            return Err("Allow with NotPrincipal is not allowed.".to_owned());
        }
        if !statement.contains_key("Principal") && !statement.contains_key("NotPrincipal") {
            return Err("Missing required field Principal".to_owned());
        }
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
    if kinds.is_empty() {
        return Err("Syntax errors in policy.".to_owned());
    }
    for (kind, values) in kinds {
        let list = match &mut *values {
            Value::Array(list) => list.iter_mut().collect(),
            one => vec![one],
        };
        if list.is_empty() {
            return Err("Syntax errors in policy.".to_owned());
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
