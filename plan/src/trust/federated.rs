//! OIDC and SAML providers. They live in the account that holds the role.

use crossrole_iam::Partition;
use crossrole_iam::document::{OperatorName, Principals, Statement};

use super::way_in::WayIn;
use super::{Target, condition, matching};
use crate::declaration::{OidcTrust, SamlTrust};

/// Providers that every account knows without having made them, so that their domain is the principal.
///
/// Source: IAM User Guide, "AWS JSON policy elements: Principal" (OIDC federated principals); Amazon Cognito Developer
/// Guide, "Role trust and permissions" for the other partitions.
const BUILT_IN: [&str; 6] = [
    "accounts.google.com",
    "graph.facebook.com",
    "www.amazon.com",
    "cognito-identity.amazonaws.com",
    "cognito-identity-us-gov.amazonaws.com",
    "cognito-identity.cn-north-1.amazonaws.com.cn",
];

/// Whether every account knows this provider, by its domain alone.
pub(crate) fn is_known_everywhere(domain: &str) -> bool {
    BUILT_IN.contains(&domain)
}

/// Source of the keys: IAM User Guide, "Available keys for AWS OIDC federation".
pub(super) fn render_oidc(trust: &OidcTrust, target: Target<'_>) -> Vec<Statement> {
    let issuer = &trust.issuer;
    let provider = if is_known_everywhere(issuer) {
        issuer.clone()
    } else {
        format!(
            "arn:{}:iam::{}:oidc-provider/{issuer}",
            target.partition, target.account
        )
    };
    let mut who = vec![condition(
        OperatorName::StringEquals,
        format!("{issuer}:aud"),
        &trust.audiences,
    )];
    if !trust.subjects.is_empty() {
        who.push(matching(format!("{issuer}:sub"), &trust.subjects));
    }
    WayIn {
        principals: Principals::federated([provider]),
        action: "sts:AssumeRoleWithWebIdentity",
        who,
        external_ids: None,
        session: &trust.session,
    }
    .statements()
}

/// Source of the key: IAM User Guide, "Available keys for SAML-based AWS STS federation".
pub(super) fn render_saml(trust: &SamlTrust, target: Target<'_>) -> Vec<Statement> {
    let provider = format!(
        "arn:{}:iam::{}:saml-provider/{}",
        target.partition, target.account, trust.provider
    );
    WayIn {
        principals: Principals::federated([provider]),
        action: "sts:AssumeRoleWithSAML",
        who: vec![condition(
            OperatorName::StringEquals,
            "SAML:aud",
            saml_audiences(target.partition),
        )],
        external_ids: None,
        session: &trust.session,
    }
    .statements()
}

/// The sign-in addresses that a partition's SAML assertions are made out to.
///
/// Source: AWS General Reference, "AWS Sign-In endpoints and quotas"; AWS China and GovCloud (US) User Guides. The
/// European Sovereign Cloud has one Region and an address for it; the one without a Region stands beside it, as in every
/// other partition.
pub(crate) fn saml_audiences(partition: Partition) -> &'static [&'static str] {
    match partition {
        Partition::Aws => &["https://signin.aws.amazon.com/saml"],
        Partition::AwsCn => &["https://signin.amazonaws.cn/saml"],
        Partition::AwsUsGov => &["https://signin.amazonaws-us-gov.com/saml"],
        Partition::AwsEusc => &[
            "https://eusc-de-east-1.signin.amazonaws-eusc.eu/saml",
            "https://signin.amazonaws-eusc.eu/saml",
        ],
    }
}

/// Whether assertions that are made out to this address are made out to AWS: an address of the partition, or the same in
/// one Region, with or without the path that names a provider.
///
/// Source: IAM User Guide, "Configure SAML assertions for the authentication response" and "Create a SAML identity provider".
pub(crate) fn is_sign_in_address(partition: Partition, address: &str) -> bool {
    let parts = |address: &'static str| address.strip_prefix("https://")?.split_once('/');
    saml_audiences(partition)
        .iter()
        .filter_map(|known| parts(known))
        .any(|(known, path)| {
            let Some((host, found)) = address.strip_prefix("https://").and_then(|rest| rest.split_once('/')) else {
                return false;
            };
            let is_region = |label: &str| {
                !label.is_empty()
                    && label
                        .chars()
                        .all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '-')
            };
            let in_region = host.strip_suffix(known).and_then(|rest| rest.strip_suffix('.'));
            let below = found
                .strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            below && (host == known || in_region.is_some_and(is_region))
        })
}
