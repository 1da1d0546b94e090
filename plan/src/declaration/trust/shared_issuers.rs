//! OIDC providers that many customers share: their issuer does not say whose token it is.
//!
//! Source: IAM User Guide, "Identity-provider controls for shared OIDC providers". IAM itself refuses trust policies that
//! do not test the claim that tells the customers apart; here they are refused before IAM is asked.

/// What tells the customers of a shared provider apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tenant {
    /// The subject.
    Subject,
    /// The audience.
    Audience,
    /// The name of the session.
    SessionName,
}

const SHARED: [(&str, Tenant); 19] = [
    ("token.actions.githubusercontent.com", Tenant::Subject),
    ("vstoken.actions.githubusercontent.com", Tenant::Subject),
    ("oidc-configuration.audit-log.githubusercontent.com", Tenant::Subject),
    ("gitlab.com", Tenant::Subject),
    ("app.terraform.io", Tenant::Subject),
    ("app.eu.terraform.io", Tenant::Subject),
    ("agent.buildkite.com", Tenant::Subject),
    ("oidc.codefresh.io", Tenant::Subject),
    ("studio.datachain.ai/api", Tenant::Subject),
    ("scalr.io", Tenant::Subject),
    ("tokens.cloud.shisho.dev", Tenant::Subject),
    ("proidc.upbound.io", Tenant::Subject),
    (
        "oidc.op1.openshiftapps.com/2f785sojlpb85i7402pk3qogugim5nfb",
        Tenant::Subject,
    ),
    // Whoever has a Google account, or a workload on Google Cloud, gets a token for whatever audience.
    ("accounts.google.com", Tenant::Subject),
    ("oidc.vercel.com", Tenant::Audience),
    ("api.pulumi.com/oidc", Tenant::Audience),
    ("sandboxes.cloud", Tenant::Audience),
    ("cognito-identity.amazonaws.com", Tenant::Audience),
    (
        "sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d",
        Tenant::SessionName,
    ),
];

/// Issuers whose customers the subject alone tells apart.
pub(crate) fn told_apart_by_subject() -> impl Iterator<Item = &'static str> {
    SHARED
        .iter()
        .filter(|(_, tenant)| *tenant == Tenant::Subject)
        .map(|(issuer, _)| *issuer)
}

/// Whether the name of the session alone tells an issuer's customers apart.
pub(crate) fn told_apart_by_session_name(issuer: &str) -> bool {
    tenant(issuer) == Some(Tenant::SessionName)
}

/// Providers whose tokens carry `app_id` where others carry `aud`.
///
/// Source: IAM User Guide, "Available keys for AWS OIDC federation".
const WITH_APP_ID: [&str; 2] = ["www.amazon.com", "graph.facebook.com"];

/// Whether the tokens of a provider carry `app_id` where others carry `aud`.
pub(super) fn has_app_id(host: &str) -> bool {
    WITH_APP_ID.contains(&host)
}

/// The condition key that says whom a token of this issuer is made out to.
pub(crate) fn audience_key(issuer: &str) -> String {
    let claim = if has_app_id(issuer) { "app_id" } else { "aud" };
    format!("{issuer}:{claim}")
}

/// What tells the customers of a provider apart; `None` where the issuer itself does.
pub(super) fn tenant(issuer: &str) -> Option<Tenant> {
    SHARED
        .iter()
        .find(|(shared, _)| shared.eq_ignore_ascii_case(issuer))
        .map(|(_, tenant)| *tenant)
}

/// Whether every subject that the pattern matches belongs to one customer.
///
/// Subjects of these providers begin with a word and the customer (`repo:acme/app:…`, `organization:acme:…`,
/// `project_path:acme/app:…`), so both must stand before the first wildcard, together with what ends the customer's
/// name: `repo:acme*` would admit `repo:acme-evil/…`.
pub(crate) fn names_one_customer(subject: &str) -> bool {
    let wildcard = [subject.find(['*', '?']), subject.find("${")]
        .into_iter()
        .flatten()
        .min();
    let Some(literal) = wildcard.and_then(|at| subject.get(..at)) else {
        return true;
    };
    let Some((word, rest)) = literal.split_once(':') else {
        return false;
    };
    let ends_at = rest.find(['/', ':']);
    !word.is_empty() && ends_at.is_some_and(|at| at > 0)
}

#[cfg(test)]
mod tests {
    use super::names_one_customer;

    #[test]
    fn a_subject_names_one_customer_when_the_whole_name_is_literal() {
        for (subject, expected) in [
            ("repo:acme/app:ref:refs/heads/main", true),
            ("repo:acme/*", true),
            ("repo:acme/app:*", true),
            ("repo:acme@123/app@456:*", true),
            ("organization:acme:*", true),
            ("project_path:acme/*", true),
            ("104029292853099978293", true),
            ("https://github.com/acme", true),
            ("*", false),
            ("*:acme/app", false),
            ("repo:*", false),
            ("repo:acme*", false),
            ("repo:acm?/app", false),
            ("repo:/*", false),
            (":acme/*", false),
            ("repo:*/app", false),
            ("repo:${aws:username}/app", false),
            ("acme/*", false),
            ("", true),
        ] {
            assert_eq!(names_one_customer(subject), expected, "{subject}");
        }
    }
}
