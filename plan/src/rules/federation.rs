//! Identity providers that a class lets roles trust.

use std::collections::BTreeSet;

use crossrole_api::class::FederationRule;

use super::values::{invalid, pattern_problem};
use crate::declaration::{names_one_customer, told_apart_by_subject};
use crate::refusal::Refusal;

/// An identity provider that may be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Federation {
    /// An OpenID Connect issuer.
    Oidc {
        /// Its URL without `https://`.
        issuer: String,
        /// Audiences that a role may name: values, not patterns.
        audiences: BTreeSet<String>,
        /// Patterns of subjects.
        subjects: Vec<String>,
    },
    /// SAML providers of the account that holds the role, by name.
    Saml(BTreeSet<String>),
}

/// Whether many customers share an issuer, so that a token's subject alone tells whose it is. Shared providers that tell
/// their customers apart by `aud` are not among them: a class always lists audiences.
pub fn is_shared_issuer(issuer: &str) -> bool {
    told_apart_by_subject().any(|shared| {
        issuer.eq_ignore_ascii_case(shared)
            // An enterprise's own issuer at GitHub has its name behind a slash and is still GitHub's.
            || issuer
                .to_ascii_lowercase()
                .strip_prefix(shared)
                .is_some_and(|rest| rest.starts_with('/'))
    })
}

/// Reads `guardrails.trust.federation`.
///
/// # Errors
/// An entry that is neither an issuer nor a list of SAML providers, or that would let in more than anybody means.
pub(super) fn parse(entries: &[FederationRule]) -> Result<Vec<Federation>, Refusal> {
    entries
        .iter()
        .enumerate()
        .map(|(index, entry)| {
            parse_entry(entry)
                .map_err(|(field, problem)| invalid(&format!("guardrails.trust.federation[{index}]{field}"), &problem))
        })
        .collect()
}

type Problem = (&'static str, String);

fn parse_entry(entry: &FederationRule) -> Result<Federation, Problem> {
    let oidc_fields = !entry.audiences.is_empty() || !entry.subjects.is_empty();
    match (&entry.issuer, entry.saml_providers.is_empty()) {
        (Some(issuer), true) => parse_issuer(issuer, entry),
        (None, false) if !oidc_fields => parse_saml(entry),
        _ => Err((
            "",
            "write either an issuer with its audiences and subjects, or samlProviders".into(),
        )),
    }
}

fn parse_issuer(issuer: &str, entry: &FederationRule) -> Result<Federation, Problem> {
    let malformed = issuer.contains("://")
        || issuer.ends_with('/')
        || issuer.contains(['*', '?', '$'])
        || issuer.contains(char::is_whitespace);
    if malformed || issuer.is_empty() {
        return Err((
            ".issuer",
            format!("{issuer:?} is not an issuer: write its URL without https:// and without a slash at the end"),
        ));
    }
    if entry.audiences.is_empty() {
        return Err((
            ".audiences",
            "is empty, so no role could trust this issuer: name at least one".into(),
        ));
    }
    if entry.subjects.is_empty() {
        return Err((
            ".subjects",
            "is empty, so no role could trust this issuer: name at least one".into(),
        ));
    }
    let not_a_value = |audience: &&String| audience.contains('*') || pattern_problem(audience).is_some();
    if let Some(audience) = entry.audiences.iter().find(not_a_value) {
        return Err((
            ".audiences",
            format!("{audience:?} is not an audience: write each one in full, such as sts.amazonaws.com"),
        ));
    }
    if let Some(problem) = entry.subjects.iter().find_map(|subject| pattern_problem(subject)) {
        return Err((".subjects", problem));
    }
    if let Some(subject) = entry.subjects.iter().find(|subject| !names_one_customer(subject))
        && is_shared_issuer(issuer)
    {
        return Err((
            ".subjects",
            format!(
                "{subject:?} lets in other customers of {issuer}: name yours before the first wildcard, with the / or : that ends its name, such as repo:acme/*"
            ),
        ));
    }
    Ok(Federation::Oidc {
        issuer: issuer.to_string(),
        audiences: entry.audiences.iter().cloned().collect(),
        subjects: entry.subjects.clone(),
    })
}

fn parse_saml(entry: &FederationRule) -> Result<Federation, Problem> {
    let is_name = |name: &str| {
        (1..=128).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    match entry.saml_providers.iter().find(|name| !is_name(name)) {
        None => Ok(Federation::Saml(entry.saml_providers.iter().cloned().collect())),
        Some(name) => Err((
            ".samlProviders",
            format!("{name:?} is not the name of a SAML provider: write letters, digits and ._- without wildcards"),
        )),
    }
}
