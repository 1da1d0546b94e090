//! The lists of a class, entry by entry.

use super::super::{Federation, is_shared_issuer};
use crate::testing::{check_table, rules, verdict};

/// What is said of a class with this in `guardrails.trust`, or with these guardrails.
fn judge((place, text): &(&str, &str)) -> String {
    let said = match *place {
        "trust" => rules(&[("trust: {", &format!("trust: {{{text}, "))]),
        "guardrails" => rules(&[("  tagKeys: ['*']", &format!("  {text}"))]),
        _ => rules(&[("allowedNamespaces:", &format!("{text}\nallowedNamespaces:"))]),
    };
    verdict(said)
        .replace("InvalidClass, AccountClass spec.guardrails.", "")
        .replace("InvalidClass, AccountClass spec.", "")
}

#[test]
fn lists_of_trust_hold_what_can_be_trusted() {
    check_table(
        &[
            ("an organisation", ("trust", "organizations: [o-a1b2c3d4e5]"), "passes"),
            (
                "an organisational unit",
                ("trust", "organizations: [ou-a1b2-c3d4e5f6]"),
                r#"trust.organizations: organisation id "ou-a1b2-c3d4e5f6" must be o- and 10 to 32 lower-case letters and digits, such as o-a1b2c3d4e5"#,
            ),
            (
                "an organisation in capitals",
                ("trust", "organizations: [o-A1B2C3D4E5]"),
                r#"trust.organizations: organisation id "o-A1B2C3D4E5" must be o- and 10 to 32 lower-case letters and digits, such as o-a1b2c3d4e5"#,
            ),
            (
                "any organisation",
                ("trust", "organizations: ['o-*']"),
                r#"trust.organizations: organisation id "o-*" must be o- and 10 to 32 lower-case letters and digits, such as o-a1b2c3d4e5"#,
            ),
            (
                "a service",
                ("trust", "services: [states.eu-west-1.amazonaws.com]"),
                "passes",
            ),
            (
                "any service",
                ("trust", "services: ['*.amazonaws.com']"),
                r#"trust.services: "*.amazonaws.com" is not a service principal: write one such as ec2.amazonaws.com, in full"#,
            ),
            (
                "a service by its short name",
                ("trust", "services: [ec2]"),
                r#"trust.services: "ec2" is not a service principal: write one such as ec2.amazonaws.com, in full"#,
            ),
            (
                "a trust anchor and its service",
                (
                    "trust",
                    "services: [rolesanywhere.amazonaws.com], trustAnchors: ['arn:aws:rolesanywhere:eu-west-1:111111111111:trust-anchor/1a2b']",
                ),
                "passes",
            ),
            (
                "a trust anchor without its service",
                (
                    "trust",
                    "services: [ec2.amazonaws.com], trustAnchors: ['arn:aws:rolesanywhere:eu-west-1:111111111111:trust-anchor/1a2b']",
                ),
                "trust.trustAnchors: trust anchors are of no use unless trust.services lists rolesanywhere.amazonaws.com",
            ),
            (
                "any trust anchor",
                (
                    "trust",
                    "services: [rolesanywhere.amazonaws.com], trustAnchors: ['arn:aws:rolesanywhere:eu-west-1:111111111111:trust-anchor/*']",
                ),
                r#"trust.trustAnchors: "arn:aws:rolesanywhere:eu-west-1:111111111111:trust-anchor/*" is not the ARN of a trust anchor, such as arn:aws:rolesanywhere:eu-west-1:123456789012:trust-anchor/1a2b"#,
            ),
            (
                "a trust anchor behind a variable",
                (
                    "trust",
                    "services: [rolesanywhere.amazonaws.com], trustAnchors: ['arn:aws:rolesanywhere:eu-west-1:111111111111:trust-anchor/${x}']",
                ),
                r#"trust.trustAnchors: "arn:aws:rolesanywhere:eu-west-1:111111111111:trust-anchor/${x}" is not the ARN of a trust anchor, such as arn:aws:rolesanywhere:eu-west-1:123456789012:trust-anchor/1a2b"#,
            ),
            (
                "a profile where an anchor belongs",
                (
                    "trust",
                    "services: [rolesanywhere.amazonaws.com], trustAnchors: ['arn:aws:rolesanywhere:eu-west-1:111111111111:profile/1a2b']",
                ),
                r#"trust.trustAnchors: "arn:aws:rolesanywhere:eu-west-1:111111111111:profile/1a2b" is not the ARN of a trust anchor, such as arn:aws:rolesanywhere:eu-west-1:123456789012:trust-anchor/1a2b"#,
            ),
        ],
        judge,
    );
}

#[test]
fn an_identity_provider_says_what_may_be_trusted_of_it() {
    let federation =
        |entry: &str| judge(&("trust", &format!("federation: [{{{entry}}}]"))).replace("trust.federation[0]", "…");
    const EITHER: &str = "…: write either an issuer with its audiences and subjects, or samlProviders";
    fn others(subject: &str) -> String {
        format!(
            "….subjects: {subject:?} lets in other customers of token.actions.githubusercontent.com: name yours before the first wildcard, with the / or : that ends its name, such as repo:acme/*"
        )
    }
    let github = "issuer: token.actions.githubusercontent.com, audiences: [sts.amazonaws.com], subjects";
    for (entry, expected) in [
        (format!("{github}: ['repo:acme/*']"), "passes".to_string()),
        (format!("{github}: ['repo:acme/app:ref:refs/heads/main']"), "passes".into()),
        (format!("{github}: ['repo:acme/*', 'repository_owner:acme:*']"), "passes".into()),
        (format!("{github}: ['*']"), others("*")),
        (format!("{github}: ['repo:acme/*', '?*']"), others("?*")),
        (format!("{github}: ['repo:*']"), others("repo:*")),
        (format!("{github}: ['repo:acme*']"), others("repo:acme*")),
        (format!("{github}: ['repo:*/app:*']"), others("repo:*/app:*")),
        (format!("{github}: ['repo:/*']"), others("repo:/*")),
        (format!("{github}: [':acme/*']"), others(":acme/*")),
        (format!("{github}: []"), "….subjects: is empty, so no role could trust this issuer: name at least one".into()),
        (
            format!("{github}: ['']"),
            "….subjects: an empty pattern matches nothing: was a variable replaced by nothing?".into(),
        ),
        (
            format!("{github}: ['repo:${{org}}/*']"),
            r#"….subjects: "repo:${org}/*" has a variable, and a pattern knows only * and ?"#.into(),
        ),
        ("issuer: oidc.eks.eu-west-1.amazonaws.com/id/AB, audiences: [sts.amazonaws.com], subjects: ['*']".into(), "passes".into()),
        (
            "issuer: id.example, audiences: [], subjects: ['*']".into(),
            "….audiences: is empty, so no role could trust this issuer: name at least one".into(),
        ),
        (
            "issuer: id.example, audiences: ['*'], subjects: ['*']".into(),
            r#"….audiences: "*" is not an audience: write each one in full, such as sts.amazonaws.com"#.into(),
        ),
        (
            "issuer: 'https://id.example', audiences: [a], subjects: ['*']".into(),
            r#"….issuer: "https://id.example" is not an issuer: write its URL without https:// and without a slash at the end"#.into(),
        ),
        (
            "issuer: id.example/, audiences: [a], subjects: ['*']".into(),
            r#"….issuer: "id.example/" is not an issuer: write its URL without https:// and without a slash at the end"#.into(),
        ),
        ("samlProviders: [okta]".into(), "passes".into()),
        (
            "samlProviders: ['*']".into(),
            r#"….samlProviders: "*" is not the name of a SAML provider: write letters, digits and ._- without wildcards"#.into(),
        ),
        ("samlProviders: [okta], subjects: ['*']".into(), EITHER.into()),
        ("issuer: id.example, audiences: [a], subjects: ['*'], samlProviders: [okta]".into(), EITHER.into()),
        ("audiences: [a]".into(), EITHER.into()),
    ] {
        assert_eq!(federation(&entry), expected, "{entry}");
    }
}

#[test]
fn shared_issuers_are_known_with_their_paths_and_in_any_case() {
    for (issuer, shared) in [
        ("token.actions.githubusercontent.com", true),
        ("Token.Actions.GithubUserContent.com", true),
        ("token.actions.githubusercontent.com/acme", true),
        ("gitlab.com", true),
        ("gitlab.com.example", false),
        ("gitlab.example", false),
        ("oidc.eks.eu-west-1.amazonaws.com/id/AB", false),
    ] {
        assert_eq!(is_shared_issuer(issuer), shared, "{issuer}");
    }
}

#[test]
fn patterns_can_match_something() {
    check_table(
        &[
            (
                "session tag keys",
                ("guardrails", "sessionTagKeys: [team, 'cost-*']"),
                "passes",
            ),
            (
                "an empty session tag key",
                ("guardrails", "sessionTagKeys: ['']"),
                "sessionTagKeys: an empty pattern matches nothing: was a variable replaced by nothing?",
            ),
            (
                "an empty tag key",
                ("guardrails", "tagKeys: ['']"),
                "tagKeys: an empty pattern matches nothing: was a variable replaced by nothing?",
            ),
            (
                "a tag key with a space behind it",
                ("guardrails", "tagKeys: ['team ']"),
                r#"tagKeys: "team " begins or ends with white space, and so matches nothing"#,
            ),
            (
                "a tag key with a variable",
                ("guardrails", "tagKeys: ['${namespace}']"),
                r#"tagKeys: "${namespace}" has a variable, and a pattern knows only * and ?"#,
            ),
            ("a limit of roles", ("guardrails", "maxRolesPerNamespace: 50"), "passes"),
            (
                "a limit of none",
                ("guardrails", "maxRolesPerNamespace: 0"),
                "maxRolesPerNamespace: write at least 1, or leave the field out for no limit",
            ),
            (
                "roles to adopt",
                ("spec", "adoption: {roles: ['/legacy/audit-*']}"),
                "passes",
            ),
            (
                "roles to adopt by name alone",
                ("spec", "adoption: {roles: ['audit-*']}"),
                r#"adoption.roles: "audit-*" matches no role: write path and name together, such as /legacy/audit-*"#,
            ),
            (
                "nothing to adopt",
                ("spec", "adoption: {roles: ['']}"),
                "adoption.roles: an empty pattern matches nothing: was a variable replaced by nothing?",
            ),
        ],
        judge,
    );
    // One that was meant to deny would deny nothing.
    for list in ["aws: ['*']", "account: ['*']"] {
        let (kind, _) = list.split_once(':').unwrap();
        let said = verdict(rules(&[(
            list,
            &format!("{kind}: ['arn:aws:iam::aws:policy/SecurityAudit']"),
        )]));
        assert_eq!(
            said,
            format!(
                "InvalidClass, AccountClass spec.guardrails.managedPolicies.{kind}: \"arn:aws:iam::aws:policy/SecurityAudit\" matches no policy: write the name with its path, such as job-function/ViewOnlyAccess"
            )
        );
    }
    let denied = verdict(rules(&[(
        "account: ['*']",
        "account: ['*'], deny: [/AdministratorAccess]",
    )]));
    assert_eq!(
        denied,
        "InvalidClass, AccountClass spec.guardrails.managedPolicies.deny: \"/AdministratorAccess\" matches no policy: write the name with its path, such as job-function/ViewOnlyAccess"
    );
}

#[test]
fn what_a_class_leaves_out_allows_nothing() {
    let rules = rules(&[("trust: {", "trust: {federation: [{samlProviders: [okta]}], ")]).unwrap();
    assert!(matches!(rules.federation.as_slice(), [Federation::Saml(names)] if names.contains("okta")));
    assert!(rules.organizations.is_empty() && rules.services.is_empty() && rules.trust_anchors.is_empty());
    assert!(rules.session_tag_keys.is_empty());
    assert_eq!(rules.max_roles, None);
}
