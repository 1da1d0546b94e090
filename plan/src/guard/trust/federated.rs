//! Services and identity providers.

use crossrole_api::Reason;
use crossrole_iam::account_id::is_account_id;
use crossrole_iam::document::Statement;
use crossrole_iam::{Arn, pattern};

use super::Fault;
use super::actors::{account_in_pattern, allows, assumes};
use super::proof::{ARN, TEXT, is_literal, proofs, proves};
use crate::account::Account;
use crate::declaration::{audience_key, is_anything, told_apart_by_session_name};
use crate::rules::{Federation, Rules, is_roles_anywhere};
use crate::trust::{is_known_everywhere, is_sign_in_address, saml_audiences};

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
    let folded = service.to_ascii_lowercase();
    if folded.starts_with("pods.eks.amazonaws.") && assumes(statement) && !is_held_to_clusters(statement) {
        return refused(format!(
            "{service} must be held to clusters, or every cluster of the account could hand the role to its pods: require aws:SourceArn or aws:SourceAccount, with the account in full"
        ));
    }
    let from_listed_anchor = || {
        proves(statement, "aws:SourceArn", ARN, |_, value| {
            rules.trust_anchors.contains(value)
        })
    };
    if is_roles_anywhere(&folded) && !from_listed_anchor() {
        return refused(format!(
            "{service} must be held to trust anchors of guardrails.trust.trustAnchors of AccountClass {}, by aws:SourceArn with their ARNs",
            rules.class
        ));
    }
    Ok(())
}

/// As every entry with `from.podIdentity` is. Source of the keys: Amazon EKS User Guide, "Create IAM role with trust policy
/// required by EKS Pod Identity".
fn is_held_to_clusters(statement: &Statement) -> bool {
    let by_account = proves(statement, "aws:SourceAccount", TEXT, |_, value| is_account_id(value));
    by_account
        || proves(statement, "aws:SourceArn", ARN, |condition, value| {
            account_in_pattern(condition, value).is_some()
        })
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
        if !is_known_everywhere(provider) {
            return refused(format!(
                "{provider} is no provider that every account knows: write the ARN of the account's own, arn:{}:iam::{}:oidc-provider/{provider}",
                account.partition, account.id
            ));
        }
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
        Some(name) if listed(name) => judge_assertion(statement, name, account),
        Some(name) => refused(format!(
            "SAML provider {name} is in no samlProviders of guardrails.trust.federation of AccountClass {}",
            rules.class
        )),
        None => refused(format!(
            "{provider} is not an identity provider, so no guardrail can judge it"
        )),
    }
}

/// An assertion must be made out to AWS, as every entry with `from.saml` asks: one that was made out to another service could
/// be played back here. Source: IAM User Guide, "Available keys for SAML-based AWS STS federation".
fn judge_assertion(statement: &Statement, provider: &str, account: &Account) -> Result<(), Fault> {
    let is_for_aws = || {
        proves(statement, "SAML:aud", TEXT, |condition, value| {
            is_literal(condition, value) && is_sign_in_address(account.partition, value)
        })
    };
    if !allows(statement, &["sts:assumerolewithsaml"]) || is_for_aws() {
        return Ok(());
    }
    refused(format!(
        "this takes assertions of {provider} that are not made out to AWS: require SAML:aud to be {}, or the same in one Region",
        saml_audiences(account.partition).join(" or ")
    ))
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
    let audience_key = audience_key(issuer);
    let subject_key = format!("{issuer}:sub");
    let audiences: Vec<_> = proofs(statement, &audience_key, TEXT).collect();
    if audiences.is_empty() {
        return refused(format!(
            "this takes tokens of {issuer} for any audience: require {audience_key}"
        ));
    }
    // A variable could be replaced by what the caller itself sent.
    let names_its_session = || {
        proves(statement, "sts:RoleSessionName", TEXT, |_, value| {
            !is_anything(value) && !value.contains("${")
        })
    };
    if told_apart_by_session_name(issuer)
        && allows(statement, &["sts:assumerolewithwebidentity"])
        && !names_its_session()
    {
        return refused(format!(
            "{issuer} gives tokens to everybody, and it is the session name that says whose they are: require sts:RoleSessionName"
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
