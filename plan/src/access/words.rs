//! Conditions in words. What cannot be put into words is shown as the condition itself.

use crossrole_iam::document::{Condition, OperatorFamily, OperatorName, Qualifier};

use crate::duration;

/// A condition in words.
pub(super) fn condition(condition: &Condition) -> String {
    said(condition).unwrap_or_else(|| raw(condition))
}

/// All conditions together; `None` where there is none.
pub(super) fn all(conditions: &[Condition]) -> Option<String> {
    let words: Vec<String> = conditions.iter().map(condition).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// Whether nobody without MFA meets a condition. Without MFA there is no age of it either: IAM User Guide, "AWS global condition
/// context keys" (`aws:MultiFactorAuthAge`).
pub(super) fn asks_for_mfa(condition: &Condition) -> bool {
    const AGE: &str = "aws:MultiFactorAuthAge";
    says_mfa(condition)
        || is_plain(condition, OperatorName::NumericLessThan, AGE)
        || is_plain(condition, OperatorName::NumericLessThanEquals, AGE)
}

fn says_mfa(condition: &Condition) -> bool {
    is_plain(condition, OperatorName::Bool, "aws:MultiFactorAuthPresent")
        && condition.values.iter().all(|value| value.eq_ignore_ascii_case("true"))
        && !condition.values.is_empty()
}

/// The values of a condition, where it asks for one of them under this key.
pub(super) fn asked<'a>(condition: &'a Condition, key: &str) -> Option<&'a [String]> {
    is_plain(condition, OperatorName::StringEquals, key).then_some(condition.values.as_slice())
}

fn is_plain(condition: &Condition, operator: OperatorName, key: &str) -> bool {
    condition.operator == operator.into() && condition.is_about(key)
}

fn said(condition: &Condition) -> Option<String> {
    if condition.values.is_empty() {
        return None;
    }
    let key = condition.key.to_ascii_lowercase();
    let one_of = condition.values.join(" or ");
    if condition.operator.qualifier == Some(Qualifier::ForAllValues) {
        let is_list = condition.operator.base == OperatorName::StringEquals && !condition.operator.if_exists;
        return (is_list && key == "aws:tagkeys").then(|| format!("no tags but {}", condition.values.join(", ")));
    }
    if condition.operator != condition.operator.base.into() {
        return None;
    }
    let text = match (condition.operator.base, key.as_str()) {
        (OperatorName::Bool, "aws:multifactorauthpresent") if says_mfa(condition) => "MFA".to_string(),
        (OperatorName::NumericLessThan, "aws:multifactorauthage") => {
            let [age] = condition.values.as_slice() else {
                return None;
            };
            format!("MFA less than {} old", duration::written(age.parse().ok()?))
        }
        (OperatorName::IpAddress, "aws:sourceip") => format!("from {one_of}"),
        (OperatorName::StringEquals, "sts:externalid") => format!("external id {one_of}"),
        (OperatorName::StringEquals, "aws:principalorgid") => format!("organisation {one_of}"),
        (OperatorName::StringEquals, "aws:sourceaccount") => format!("on behalf of account {one_of}"),
        (OperatorName::ArnLike | OperatorName::ArnEquals, "aws:sourcearn") => format!("on behalf of {one_of}"),
        (OperatorName::StringEquals, "aws:requesttag/kubernetes-namespace") => {
            format!("pods in namespace {one_of}")
        }
        (OperatorName::StringEquals, "aws:requesttag/kubernetes-service-account") => {
            format!("pods with ServiceAccount {one_of}")
        }
        (OperatorName::StringEquals | OperatorName::StringLike, key) => {
            let what = match key {
                "sts:rolesessionname" => "session name",
                "sts:sourceidentity" => "source identity",
                "aws:principaltag/x509subject/cn" => "certificate of",
                key if key.ends_with(":aud") => "audience",
                key if key.ends_with(":sub") && !key.starts_with("saml:") => "subject",
                _ => return None,
            };
            // Of these two operators only one knows wildcards.
            let has_stars = condition.values.iter().any(|value| value.contains(['*', '?']));
            if has_stars && condition.operator.base == OperatorName::StringEquals {
                return None;
            }
            format!("{what} {one_of}")
        }
        (OperatorName::Null, "aws:tagkeys") if one_of.eq_ignore_ascii_case("false") => "with tags".to_string(),
        _ => return None,
    };
    Some(text)
}

fn raw(condition: &Condition) -> String {
    let quoted = condition.operator.base.family() == OperatorFamily::String;
    let values = condition.values.iter().map(|value| match quoted {
        true => format!("{value:?}"),
        false => value.clone(),
    });
    let values: Vec<String> = values.collect();
    format!("{} {} [{}]", condition.operator, condition.key, values.join(", "))
}
