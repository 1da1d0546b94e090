//! Services and identity providers.

use crossrole_api::Reason;
use crossrole_iam::document::Statement;
use crossrole_iam::{Arn, pattern};

use super::Fault;
use super::proof::{ARN, TEXT, is_literal, proofs, proves};
use crate::account::Account;
use crate::rules::{Federation, Rules, is_roles_anywhere};

fn refused<T>(message: String) -> Result<T, Fault> {
    Err((Reason::TrustNotAllowed, message))
}

/// A service must be listed; IAM Roles Anywhere must also be held to listed trust anchors, or any certificate of any
/// anchor in the account would do. Source: IAM Roles Anywhere User Guide, "The IAM Roles Anywhere trust model".
pub(super) fn judge_service(statement: &Statement, service: &str, rules: &Rules) -> Result<(), Fault> {
    if !rules.services.iter().any(|listed| listed.eq_ignore_ascii_case(service)) {
        return refused(format!(
            "service {service} is not in guardrails.trust.services of AccountClass {}",
            rules.class
        ));
    }
    let from_listed_anchor = || {
        proves(statement, "aws:SourceArn", ARN, |_, value| {
            rules.trust_anchors.contains(value)
        })
    };
    if is_roles_anywhere(&service.to_ascii_lowercase()) && !from_listed_anchor() {
        return refused(format!(
            "{service} must be held to trust anchors of guardrails.trust.trustAnchors of AccountClass {}, by aws:SourceArn with their ARNs",
            rules.class
        ));
    }
    Ok(())
}

/// An identity provider must be one of the account itself, or one that every account has, and the class must list what
/// the statement demands of its identities. Source: IAM User Guide, "Create a role for OpenID Connect federation" and
/// "Create a role for SAML 2.0 federation".
pub(super) fn judge_provider(
    statement: &Statement,
    provider: &str,
    account: &Account,
    rules: &Rules,
) -> Result<(), Fault> {
    if !provider.contains(':') {
        return judge_issuer(statement, provider, rules);
    }
    let Ok(arn) = provider.parse::<Arn>() else {
        return refused(format!(
            "{provider} is not an identity provider, so no guardrail can judge it"
        ));
    };
    if arn.account() != account.id.as_str() || arn.partition() != account.partition.as_str() {
        return refused(format!(
            "{provider} is a provider of another account than {}: a role can trust only its own account's",
            account.id
        ));
    }
    if let Some(issuer) = arn.resource().strip_prefix("oidc-provider/") {
        return judge_issuer(statement, issuer, rules);
    }
    let listed = |name: &str| {
        rules
            .federation
            .iter()
            .any(|federation| matches!(federation, Federation::Saml(providers) if providers.contains(name)))
    };
    match arn.resource().strip_prefix("saml-provider/") {
        Some(name) if listed(name) => Ok(()),
        Some(name) => refused(format!(
            "SAML provider {name} is in no samlProviders of guardrails.trust.federation of AccountClass {}",
            rules.class
        )),
        None => refused(format!(
            "{provider} is not an identity provider, so no guardrail can judge it"
        )),
    }
}

/// Every pair of an audience and a subject that the statement takes must lie in one entry of the class: two entries
/// together would else let in pairs that neither of them means.
fn judge_issuer(statement: &Statement, issuer: &str, rules: &Rules) -> Result<(), Fault> {
    let entries: Vec<_> = rules
        .federation
        .iter()
        .filter_map(|federation| match federation {
            Federation::Oidc {
                issuer: listed,
                audiences,
                subjects,
            } if listed == issuer => Some((audiences, subjects)),
            _ => None,
        })
        .collect();
    if entries.is_empty() {
        return refused(format!(
            "issuer {issuer} is not in guardrails.trust.federation of AccountClass {}",
            rules.class
        ));
    }
    let audience_key = format!("{issuer}:aud");
    let subject_key = format!("{issuer}:sub");
    let audiences: Vec<_> = proofs(statement, &audience_key, TEXT).collect();
    if audiences.is_empty() {
        return refused(format!(
            "this takes tokens of {issuer} for any audience: require {audience_key}"
        ));
    }
    // A statement without a subject takes every subject: a class may allow that, by the pattern `*`.
    let every = vec!["*".to_string()];
    let mut subjects: Vec<&Vec<String>> = proofs(statement, &subject_key, TEXT)
        .map(|condition| &condition.values)
        .collect();
    subjects.push(&every);
    let holds = |audience: &str, subject: &str| {
        entries.iter().any(|(audiences, patterns)| {
            audiences.contains(audience) && patterns.iter().any(|outer| pattern::contains(outer, subject))
        })
    };
    // All conditions must hold at once, so it is enough that one of the audience and one of the subject do.
    let mut first_fault = None;
    for condition in &audiences {
        for subjects in &subjects {
            let pairs = condition
                .values
                .iter()
                .flat_map(|audience| subjects.iter().map(move |subject| (audience, subject)));
            let outside = pairs
                .into_iter()
                .find(|(audience, subject)| !(is_literal(condition, audience) && holds(audience, subject)));
            match outside {
                None => return Ok(()),
                Some(pair) => first_fault = first_fault.or(Some(pair)),
            }
        }
    }
    let (audience, subject) = first_fault.map_or(("", ""), |(audience, subject)| (audience, subject));
    if !entries.iter().any(|(audiences, _)| audiences.contains(audience)) {
        return refused(format!(
            "audience {audience} of {issuer} is not in guardrails.trust.federation of AccountClass {}",
            rules.class
        ));
    }
    refused(format!(
        "subject {subject} of {issuer} with audience {audience} does not lie inside any of the subjects that guardrails.trust.federation of AccountClass {} allows",
        rules.class
    ))
}
