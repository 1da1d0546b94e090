//! What people use roles across accounts for, as the trust policy that it becomes.

use super::{closed, rendered_spec};

#[test]
fn a_security_auditor_with_mfa() {
    insta::assert_snapshot!(rendered_spec(
        "trust:
- from: {accounts: ['111111111111'], kind: Users}
  require: {mfa: {maxAge: 1h}, sessionName: ['${aws:username}']}
- from: {identityCenter: {account: '111111111111', permissionSet: SecurityAudit}}"
    ));
}

#[test]
fn a_managed_service_partner_with_an_external_id_that_is_being_rotated() {
    insta::assert_snapshot!(rendered_spec(
        "trust:
- from: {principals: ['arn:aws:iam::444444444444:role/msp/operator']}
  require: {externalIds: [acme-2025, acme-2026], sourceCidrs: [203.0.113.0/24]}
  allow: {sourceIdentity: true}"
    ));
}

#[test]
fn developers_who_switch_from_a_shared_identity_account() {
    insta::assert_snapshot!(rendered_spec(
        "trust:
- from: {principalPatterns: ['arn:aws:iam::111111111111:user/developers/*']}
  require: {mfa: {maxAge: 12h}, organization: o-a1b2c3d4e5}
  allow: {sessionTags: [team]}"
    ));
}

#[test]
fn a_ci_system_by_oidc() {
    insta::assert_snapshot!(rendered_spec(
        "trust:
- from: {oidc: {issuer: token.actions.githubusercontent.com, audiences: [sts.amazonaws.com], subjects: ['repo:acme/infrastructure:environment:production']}}
- from: {oidc: {issuer: gitlab.com, audiences: ['https://gitlab.com'], subjects: ['project_path:acme/*:ref_type:branch:ref:main']}}
  require: {sessionName: ['gitlab-*']}"
    ));
}

#[test]
fn a_saas_vendor() {
    insta::assert_snapshot!(rendered_spec(
        "trust:
- from: {accounts: ['444444444444'], kind: Roles}
  require: {externalIds: ['7f3c9a52-1d1e-4b53-a0e2-0b9c6d2f8e11']}"
    ));
}

#[test]
fn a_role_that_was_closed_in_an_emergency() {
    insta::assert_snapshot!(closed().to_pretty_json());
}
