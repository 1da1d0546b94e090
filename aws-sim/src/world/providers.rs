//! Identity providers that an account trusts.

use std::collections::BTreeSet;

use super::account::Account;

/// Issuers that a trust policy names by themselves, without a provider in the account.
const KNOWN_TO_AWS: [&str; 4] = [
    "accounts.google.com",
    "cognito-identity.amazonaws.com",
    "graph.facebook.com",
    "www.amazon.com",
];

/// An OIDC provider.
#[derive(Debug, Clone, Default)]
pub(crate) struct OidcProvider {
    /// Whom its tokens may be for, which IAM calls client ids.
    pub(crate) audiences: BTreeSet<String>,
    /// Subjects whose tokens the issuer no longer stands by.
    pub(crate) rejected_subjects: BTreeSet<String>,
}

/// A SAML provider.
#[derive(Debug, Clone)]
pub(crate) struct SamlProvider {
    /// The issuer of its assertions, as its metadata tell it.
    pub(crate) issuer: String,
}

impl Account {
    /// How trust policies of this account name an issuer, with what is known about its tokens. `None` if the account
    /// does not know it.
    pub(crate) fn oidc_principal(&self, issuer: &str) -> Option<(String, Option<&OidcProvider>)> {
        let host = without_scheme(issuer);
        if KNOWN_TO_AWS.contains(&host) {
            return Some((host.to_owned(), None));
        }
        let provider = self.oidc_providers.get(host)?;
        Some((self.arn("oidc-provider", "/", host), Some(provider)))
    }
}

/// An issuer as ARNs and condition keys write it.
pub(crate) fn without_scheme(issuer: &str) -> &str {
    issuer.strip_prefix("https://").unwrap_or(issuer)
}
