//! Every kind of `from`, as it is declared: its list lets it pass, and without the list it is refused.

use super::judge_as;
use super::statements::LISTS;

const ANCHOR: &str = "arn:aws:rolesanywhere:eu-west-1:111111111111:trust-anchor/1a2b";

#[test]
fn every_kind_of_trust_passes_by_its_list_alone() {
    let anywhere = format!("{{from: {{rolesAnywhere: {{trustAnchors: ['{ANCHOR}']}}}}}}");
    for (entry, refused) in [
        (
            "{from: {accounts: ['111111111111'], kind: Users}, require: {mfa: {maxAge: 1h}}}",
            "account 111111111111 is in neither",
        ),
        (
            "{from: {principals: ['arn:aws:iam::111111111111:role/ci']}, allow: {sourceIdentity: true}}",
            "account 111111111111 is in neither",
        ),
        (
            "{from: {principalPatterns: ['arn:aws:iam::111111111111:role/ci-*']}}",
            "account 111111111111 is in neither",
        ),
        (
            "{from: {principalPatterns: ['arn:aws:iam::*:role/ci-*']}, require: {organization: o-a1b2c3d4e5}}",
            "organisation o-a1b2c3d4e5 is not in guardrails.trust.organizations",
        ),
        (
            "{from: {accounts: ['999999999999'], kind: Roles}, require: {organization: o-a1b2c3d4e5}}",
            "account 999999999999 is in neither",
        ),
        (
            "{from: {organization: o-a1b2c3d4e5}, require: {mfa: {maxAge: 1h}}}",
            "organisation o-a1b2c3d4e5 is not in guardrails.trust.organizations",
        ),
        (
            "{from: {identityCenter: {account: '111111111111', permissionSet: Audit}}}",
            "account 111111111111 is in neither",
        ),
        (
            "{from: {services: [ec2.amazonaws.com]}}",
            "service ec2.amazonaws.com is not in guardrails.trust.services",
        ),
        (
            "{from: {podIdentity: {clusters: ['arn:aws:eks:eu-west-1:222222222222:cluster/main'], namespace: team}}}",
            "service pods.eks.amazonaws.com is not in guardrails.trust.services",
        ),
        (
            &anywhere,
            "service rolesanywhere.amazonaws.com is not in guardrails.trust.services",
        ),
        (
            "{from: {oidc: {issuer: token.actions.githubusercontent.com, audiences: [sts.amazonaws.com], subjects: ['repo:acme/app:*']}}}",
            "issuer token.actions.githubusercontent.com is not in guardrails.trust.federation",
        ),
        (
            "{from: {saml: {provider: okta}}}",
            "SAML provider okta is in no samlProviders of guardrails.trust.federation",
        ),
    ] {
        let spec = format!("trust: [{entry}]");
        assert_eq!(judge_as(&[LISTS], &spec, None), "passes", "{spec}");
        let said = judge_as(&[("accounts: ['111111111111'], ", "")], &spec, None);
        let expected = format!("TrustNotAllowed, spec.trust[0]: {refused}");
        assert!(said.starts_with(&expected), "{spec}\n{said}");
    }
}

#[test]
fn declared_session_tags_are_listed() {
    let spec = |key: &str| {
        format!(
            "trust: [{{from: {{principals: ['arn:aws:iam::111111111111:role/ci']}}, allow: {{sessionTags: [{key}]}}}}]"
        )
    };
    assert_eq!(judge_as(&[LISTS], &spec("cost-center"), None), "passes");
    assert_eq!(
        judge_as(&[LISTS], &spec("stage"), None),
        "TagNotAllowed, spec.trust[0]: session tag stage is not in guardrails.sessionTagKeys of AccountClass production"
    );
}
