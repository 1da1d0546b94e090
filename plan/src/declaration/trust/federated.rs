//! OIDC and SAML providers.

use crossrole_api::trust::{Oidc, Saml};

use super::shared_issuers::{self, Tenant};
use super::values::{is_pattern, list};
use super::{Entry, OidcTrust, SamlTrust, session};
use crate::refusal::Refusal;

pub(super) fn parse_oidc(entry: &Entry<'_>, oidc: &Oidc) -> Result<OidcTrust, Refusal> {
    if let Some(problem) = issuer_problem(&oidc.issuer) {
        return entry.refuse("from.oidc.issuer", problem);
    }
    if oidc.audiences.is_empty() {
        return entry.refuse(
            "from.oidc.audiences",
            "is empty: name the audience (aud) that the tokens carry, such as sts.amazonaws.com",
        );
    }
    let audiences = list(entry, "from.oidc.audiences", &oidc.audiences, |text| {
        if text.is_empty() || is_pattern(text) {
            return Err(format!(
                "audience {text:?} must be the whole audience: patterns are for subjects"
            ));
        }
        Ok(text.to_string())
    })?;
    let subjects = list(entry, "from.oidc.subjects", &oidc.subjects, |text| match text {
        "" => Err("a subject is empty; was a variable replaced by nothing?"),
        text if text.contains("${") => Err("a subject takes the wildcards * and ?, and no policy variable"),
        text if session::is_anything(text) => {
            Err("\"*\" matches every subject, so it requires nothing: name the subjects, or leave the field out")
        }
        text => Ok(text.to_string()),
    });
    let tenant = shared_issuers::tenant(&oidc.issuer);
    check_tenant(entry, oidc, tenant)?;
    let trust = OidcTrust {
        issuer: oidc.issuer.clone(),
        audiences,
        subjects: subjects?,
        session: session::parse(entry)?,
    };
    session::refuse_user_names(entry)?;
    Ok(trust)
}

fn check_tenant(entry: &Entry<'_>, oidc: &Oidc, tenant: Option<Tenant>) -> Result<(), Refusal> {
    const SUBJECTS: &str = "from.oidc.subjects";
    let issuer = &oidc.issuer;
    match tenant {
        Some(Tenant::Subject) if oidc.subjects.is_empty() => entry.refuse(
            SUBJECTS,
            format!("{issuer} gives tokens to everybody, so the subject must say whose they are: name the subjects"),
        ),
        Some(Tenant::Subject) => {
            match oidc
                .subjects
                .iter()
                .find(|subject| !shared_issuers::names_one_customer(subject))
            {
                Some(subject) => entry.refuse(
                    SUBJECTS,
                    format!("{subject:?} admits others too, for {issuer} gives tokens to everybody: write your own name in full, and what ends it, before the first wildcard, such as repo:acme/*"),
                ),
                None => Ok(()),
            }
        }
        Some(Tenant::SessionName) if entry.require.session_name.is_empty() => entry.refuse(
            "require.sessionName",
            format!(
                "is missing: {issuer} gives tokens to everybody, and it is the session name that says whose they are"
            ),
        ),
        Some(Tenant::SessionName) if entry.require.session_name.iter().any(|name| name.contains("${")) => entry.refuse(
            "require.sessionName",
            format!(
                "{issuer} gives tokens to everybody, and it is the session name that says whose they are: write it without variables, which the caller could fill"
            ),
        ),
        _ => Ok(()),
    }
}

/// IAM API Reference, `CreateOpenIDConnectProvider` (`Url`): begins with `https://`, has no query and no port.
fn issuer_problem(issuer: &str) -> Option<String> {
    let host = issuer.split('/').next().unwrap_or_default();
    if shared_issuers::has_app_id(host) {
        return Some(format!(
            "the tokens of {host} have no audience, but an app_id: write the statement into extraTrustStatements"
        ));
    }
    if issuer.contains("://") {
        return Some(format!("{issuer:?} begins with a scheme: write it without https://"));
    }
    if issuer.ends_with('/') {
        return Some(format!("{issuer:?} ends with a slash: write it without"));
    }
    if host.contains(':') {
        return Some(format!("{issuer:?} has a port, and IAM takes none"));
    }
    let fits = |character: char| character.is_ascii_alphanumeric() || "._~/-".contains(character);
    let is_host = host.contains('.') && !host.split('.').any(str::is_empty);
    if !is_host || issuer.contains("//") || !issuer.chars().all(fits) {
        return Some(format!(
            "{issuer:?} is not the URL of a provider: write its host and path, such as token.actions.githubusercontent.com"
        ));
    }
    None
}

pub(super) fn parse_saml(entry: &Entry<'_>, saml: &Saml) -> Result<SamlTrust, Refusal> {
    // IAM API Reference, `CreateSAMLProvider` (`Name`).
    let name = &saml.provider;
    let fits = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    if !(1..=128).contains(&name.len()) || !name.chars().all(fits) {
        return entry.refuse(
            "from.saml.provider",
            format!("{name:?} is not the name of a SAML provider, which has 1 to 128 letters, digits and ._-: the account is the one that holds the role"),
        );
    }
    let trust = SamlTrust {
        provider: name.clone(),
        session: session::parse(entry)?,
    };
    session::refuse_user_names(entry)?;
    Ok(trust)
}
