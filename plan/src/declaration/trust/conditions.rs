//! Raw condition blocks. They only add to what crossrole renders.

use crossrole_iam::document::{Condition, OperatorName};

use super::Entry;
use crate::refusal::Refusal;
use crate::substitute::problem_without_ours;

/// Keys that a guardrail relies on, and the field that says it instead. A second test of such a key could make the
/// first look like what it is not.
const KEPT: [(&str, &str); 12] = [
    ("aws:MultiFactorAuthPresent", "write require.mfa"),
    ("aws:MultiFactorAuthAge", "write require.mfa"),
    ("sts:ExternalId", "write require.externalIds"),
    ("aws:PrincipalArn", "write from.principalPatterns"),
    ("aws:PrincipalOrgID", "write require.organization"),
    ("aws:PrincipalAccount", "write from.accounts"),
    ("aws:SourceArn", "write require.sourceArns, for services"),
    ("aws:SourceAccount", "write require.sourceAccounts, for services"),
    ("SAML:aud", "write from.saml"),
    ("aws:TagKeys", "write allow.sessionTags"),
    ("aws:CurrentTime", "write spec.validity"),
    ("aws:EpochTime", "write spec.validity"),
];

pub(super) fn parse(entry: &Entry<'_>) -> Result<Vec<Condition>, Refusal> {
    const FIELD: &str = "require.conditions";
    let Some(text) = &entry.require.conditions else {
        return Ok(Vec::new());
    };
    let conditions = match Condition::parse_block(text.as_str()) {
        Ok(conditions) => conditions,
        Err(error) => return entry.refuse(FIELD, error.to_string()),
    };
    if conditions.is_empty() {
        return entry.refuse(
            FIELD,
            "is empty, so it requires nothing: write a condition, or leave it out",
        );
    }
    if let Some(problem) = variable_problem(&conditions) {
        return entry.refuse(FIELD, problem);
    }
    for condition in &conditions {
        let (operator, key) = (condition.operator, &condition.key);
        if let Some(instead) = kept_for(key) {
            return entry.refuse(
                FIELD,
                format!("{key} is a key that guardrails rely on, so conditions may not test it: {instead}"),
            );
        }
        if let Some(field) = rendered_by(entry, condition) {
            return entry.refuse(
                FIELD,
                format!("{operator} on {key} is what {field} already says, and values under one key are alternatives: say it there"),
            );
        }
    }
    Ok(conditions)
}

/// What is wrong with the policy variables in the keys and values of conditions, if anything.
pub(super) fn variable_problem(conditions: &[Condition]) -> Option<String> {
    conditions.iter().find_map(|condition| {
        let mut texts = std::iter::once(&condition.key).chain(&condition.values);
        let problem = texts.find_map(|text| problem_without_ours(text))?;
        Some(format!("{}.{}: {problem}", condition.operator, condition.key))
    })
}

/// What is wrong with the ARNs of principals in conditions, if anything: no ARN has white space in it, and whatever shows the
/// condition would show another. Source: IAM API Reference, `CreateUser` and `CreateRole` (names and paths).
pub(super) fn arn_problem(conditions: &[Condition]) -> Option<String> {
    let of_arns = conditions.iter().filter(|one| one.is_about("aws:PrincipalArn"));
    let mut texts = of_arns.flat_map(|one| one.values.iter().map(move |value| (one, value)));
    texts.find_map(|(condition, value)| {
        // A variable may have a space before what stands for it where it is absent.
        let is_wrong = |character: char| {
            character.is_control() || (character.is_whitespace() && !(character == ' ' && value.contains("${")))
        };
        value.contains(is_wrong).then(|| {
            format!(
                "{}.{}: {value:?} has white space in it, and no ARN has any: take it out",
                condition.operator, condition.key
            )
        })
    })
}

fn kept_for(key: &str) -> Option<&'static str> {
    let folded = key.to_ascii_lowercase();
    let listed = KEPT.iter().find(|(kept, _)| kept.eq_ignore_ascii_case(key));
    if let Some((_, instead)) = listed {
        return Some(instead);
    }
    if folded.ends_with(":aud") {
        return Some("write from.oidc.audiences");
    }
    if folded.ends_with(":sub") && !folded.starts_with("saml:") {
        return Some("write from.oidc.subjects");
    }
    let tag = folded.strip_prefix("aws:requesttag/")?;
    (tag.starts_with("kubernetes-") || tag.starts_with("eks-")).then_some("write from.podIdentity")
}

/// The field of this entry that renders the same operator and key.
fn rendered_by(entry: &Entry<'_>, condition: &Condition) -> Option<&'static str> {
    use OperatorName::{IpAddress, StringEquals, StringLike};
    let require = &entry.require;
    let names_certificates = entry
        .from
        .roles_anywhere
        .as_ref()
        .is_some_and(|machines| !machines.common_names.is_empty());
    let certificate = "aws:PrincipalTag/x509Subject/CN";
    let rendered = [
        (
            "require.sourceCidrs",
            !require.source_cidrs.is_empty(),
            IpAddress,
            "aws:SourceIp",
        ),
        (
            "require.sourceIdentity",
            !require.source_identity.is_empty(),
            StringLike,
            "sts:SourceIdentity",
        ),
        (
            "require.sessionName",
            !require.session_name.is_empty(),
            StringLike,
            "sts:RoleSessionName",
        ),
        (
            "from.rolesAnywhere.commonNames",
            names_certificates,
            StringLike,
            certificate,
        ),
        (
            "from.rolesAnywhere.commonNames",
            names_certificates,
            StringEquals,
            certificate,
        ),
    ];
    rendered
        .into_iter()
        .find(|(_, is_there, operator, key)| {
            *is_there && condition.operator == (*operator).into() && condition.is_about(key)
        })
        .map(|(field, ..)| field)
}
