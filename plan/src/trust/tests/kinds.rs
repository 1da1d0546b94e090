//! Every kind of trust as the document that it becomes, in every partition.

use crossrole_iam::Partition;

use super::document;

/// A name, and an entry in which `PARTITION` stands for the account's partition.
const KINDS: [(&str, &str); 18] = [
    ("accounts", "{from: {accounts: ['111111111111']}}"),
    (
        "accounts_with_everything",
        "{from: {accounts: ['111111111111'], kind: Roles}, require: {externalIds: [ab], organization: o-a1b2c3d4e5, sourceCidrs: [203.0.113.0/24], sourceIdentity: ['*@acme.example'], sessionName: ['deploy-*'], conditions: {StringEquals: {'aws:PrincipalTag/team': security}, StringNotLike: {'sts:RoleSessionName': 'x*'}}}, allow: {sessionTags: [team, project], sourceIdentity: true}}",
    ),
    (
        "users_with_mfa_and_their_own_names",
        "{from: {accounts: ['111111111111']}, require: {mfa: {maxAge: 1h}, sessionName: ['${aws:username}']}, allow: {sessionTags: [team]}}",
    ),
    (
        "principals",
        "{from: {principals: ['arn:PARTITION:iam::111111111111:role/ci']}, allow: {sessionTags: [team], sourceIdentity: true}}",
    ),
    (
        "patterns_of_accounts",
        "{from: {principalPatterns: ['arn:PARTITION:iam::333333333333:role/team/*', 'arn:PARTITION:iam::111111111111:role/ci-?']}}",
    ),
    (
        "patterns_of_an_organization",
        "{from: {principalPatterns: ['arn:PARTITION:iam::*:role/deploy', 'arn:PARTITION:iam::111111111111:role/ci-?']}, require: {organization: o-a1b2c3d4e5}}",
    ),
    (
        "organization",
        "{from: {organization: o-a1b2c3d4e5}, allow: {sourceIdentity: true}}",
    ),
    (
        "users_of_an_organization_with_mfa",
        "{from: {organization: o-a1b2c3d4e5}, require: {mfa: {maxAge: 15m}}}",
    ),
    (
        "identity_center",
        "{from: {identityCenter: {account: '111111111111', permissionSet: Audit}}}",
    ),
    ("services", "{from: {services: [ec2.amazonaws.com, ssm.amazonaws.com]}}"),
    (
        "services_for_a_source",
        "{from: {services: [s3.amazonaws.com]}, require: {sourceAccounts: ['222222222222'], sourceArns: ['arn:PARTITION:s3:::logs-*'], conditions: {StringEquals: {'aws:SourceOrgID': o-a1b2c3d4e5}}}}",
    ),
    (
        "oidc",
        "{from: {oidc: {issuer: token.actions.githubusercontent.com, audiences: [sts.amazonaws.com], subjects: ['repo:acme/app:ref:refs/heads/main', 'repo:acme/web:*']}}}",
    ),
    (
        "oidc_with_exact_subjects_and_tags",
        "{from: {oidc: {issuer: oidc.eks.eu-west-1.amazonaws.com/id/AB12, audiences: [sts.amazonaws.com], subjects: ['system:serviceaccount:web:shop']}}, allow: {sessionTags: [team], sourceIdentity: true}}",
    ),
    (
        "oidc_that_every_account_knows",
        "{from: {oidc: {issuer: accounts.google.com, audiences: [123.apps.googleusercontent.com], subjects: ['104029292853099978293']}}}",
    ),
    (
        "saml",
        "{from: {saml: {provider: okta}}, require: {sourceCidrs: ['2001:db8::/32'], sessionName: ['*@acme.example']}, allow: {sessionTags: [team]}}",
    ),
    (
        "pod_identity",
        "{from: {podIdentity: {clusters: ['arn:PARTITION:eks:eu-west-1:222222222222:cluster/blue', 'arn:PARTITION:eks:eu-west-1:222222222222:cluster/green'], namespace: web, serviceAccount: shop}}}",
    ),
    (
        "roles_anywhere",
        "{from: {rolesAnywhere: {trustAnchors: ['arn:PARTITION:rolesanywhere:eu-west-1:222222222222:trust-anchor/a1'], commonNames: ['*.build.acme.example']}}, require: {sourceIdentity: ['CN=*']}}",
    ),
    (
        "roles_anywhere_with_a_session_name",
        "{from: {rolesAnywhere: {trustAnchors: ['arn:PARTITION:rolesanywhere:eu-west-1:222222222222:trust-anchor/a1'], commonNames: [host.acme.example]}}, require: {sessionName: ['host-*']}}",
    ),
];

#[test]
fn every_kind_in_every_partition() {
    for (name, entry) in KINDS {
        let mut text = String::new();
        for partition in Partition::ALL {
            let entry = entry.replace("PARTITION", partition.as_str());
            let said = document(&entry, partition);
            // The first in full; of the others a line, to show what the partition changes.
            let said = match partition {
                Partition::Aws => said.to_pretty_json(),
                _ => said.to_json(),
            };
            text.push_str(&format!("{partition}\n{said}\n"));
        }
        insta::assert_snapshot!(name, text, entry);
    }
}
