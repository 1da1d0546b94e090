//! What can never work, with the words that a user sees.

use super::check_entries as check;
use crate::declaration::Declaration;
use crate::testing::{role, verdict};

#[test]
fn mfa_is_required_of_users_alone() {
    const ROLES: &str = "require.mfa: MFA cannot be required of roles: a role session never carries MFA. Put the roles into an entry of their own, without require.mfa";
    const NOT_USERS: &str = "require.mfa: MFA can be required of IAM users alone: services and federated principals never carry it. Remove require.mfa";
    check(&[
        (
            "roles of an account",
            "from: {accounts: ['111111111111'], kind: Roles}, require: {mfa: {maxAge: 1h}}",
            ROLES,
        ),
        (
            "a user and a role",
            "from: {principals: ['arn:aws:iam::111111111111:user/ann', 'arn:aws:iam::111111111111:role/ci']}, require: {mfa: {maxAge: 1h}}",
            ROLES,
        ),
        (
            "patterns of users and of roles",
            "from: {principalPatterns: ['arn:aws:iam::111111111111:user/*', 'arn:aws:iam::111111111111:role/*']}, require: {mfa: {maxAge: 1h}}",
            ROLES,
        ),
        (
            "patterns of users",
            "from: {principalPatterns: ['arn:aws:iam::111111111111:user/*']}, require: {mfa: {maxAge: 1h}}",
            "passes",
        ),
        (
            "an organisation",
            "from: {organization: o-a1b2c3d4e5}, require: {mfa: {maxAge: 1h}}",
            "passes",
        ),
        (
            "a permission set",
            "from: {identityCenter: {account: '111111111111', permissionSet: Audit}}, require: {mfa: {maxAge: 1h}}",
            "require.mfa: MFA can be required of IAM users alone, and a permission set is a role: let Identity Center ask for MFA at sign-in. Remove require.mfa",
        ),
        (
            "a service",
            "from: {services: [ec2.amazonaws.com]}, require: {mfa: {maxAge: 1h}}",
            NOT_USERS,
        ),
        (
            "an OIDC provider",
            "from: {oidc: {issuer: idp.example.com, audiences: [a]}}, require: {mfa: {maxAge: 1h}}",
            NOT_USERS,
        ),
        (
            "a SAML provider",
            "from: {saml: {provider: okta}}, require: {mfa: {maxAge: 1h}}",
            NOT_USERS,
        ),
        (
            "pods",
            "from: {podIdentity: {clusters: ['arn:aws:eks:eu-west-1:222222222222:cluster/c']}}, require: {mfa: {maxAge: 1h}}",
            NOT_USERS,
        ),
        (
            "machines",
            "from: {rolesAnywhere: {trustAnchors: ['arn:aws:rolesanywhere:eu-west-1:222222222222:trust-anchor/a']}}, require: {mfa: {maxAge: 1h}}",
            NOT_USERS,
        ),
    ]);
}

#[test]
fn an_external_id_is_presented_by_callers_of_assume_role() {
    check(&[
        (
            "a service",
            "from: {services: [ec2.amazonaws.com]}, require: {externalIds: [ab]}",
            "require.externalIds: a service presents no external id: against the confused deputy there are require.sourceAccounts and require.sourceArns. Remove require.externalIds",
        ),
        (
            "an OIDC provider",
            "from: {oidc: {issuer: idp.example.com, audiences: [a]}}, require: {externalIds: [ab]}",
            "require.externalIds: AssumeRoleWithWebIdentity carries no external id: audiences and subjects of the token do that work. Remove require.externalIds",
        ),
        (
            "a SAML provider",
            "from: {saml: {provider: okta}}, require: {externalIds: [ab]}",
            "require.externalIds: AssumeRoleWithSAML carries no external id: the provider vouches for its users. Remove require.externalIds",
        ),
        (
            "pods",
            "from: {podIdentity: {clusters: ['arn:aws:eks:eu-west-1:222222222222:cluster/c']}}, require: {externalIds: [ab]}",
            "require.externalIds: EKS Pod Identity presents no external id: the clusters do that work. Remove require.externalIds",
        ),
        (
            "machines",
            "from: {rolesAnywhere: {trustAnchors: ['arn:aws:rolesanywhere:eu-west-1:222222222222:trust-anchor/a']}}, require: {externalIds: [ab]}",
            "require.externalIds: Roles Anywhere presents no external id: the trust anchors do that work. Remove require.externalIds",
        ),
        (
            "one id twice",
            "from: {accounts: ['111111111111']}, require: {externalIds: [ab, ab]}",
            r#"require.externalIds: "ab" is there twice"#,
        ),
        (
            "a permission set",
            "from: {identityCenter: {account: '111111111111', permissionSet: Audit}}, require: {externalIds: [ab]}",
            "passes",
        ),
    ]);
}

#[test]
fn an_organisation_has_accounts_as_members() {
    const FEDERATED: &str = "require.organization: a federated principal belongs to no organisation: aws:PrincipalOrgID is in none of its requests. Remove require.organization";
    const SERVICE: &str = "require.organization: a service belongs to no organisation: aws:PrincipalOrgID is in none of its requests. Remove require.organization";
    check(&[
        (
            "a service",
            "from: {services: [ec2.amazonaws.com]}, require: {organization: o-a1b2c3d4e5}",
            SERVICE,
        ),
        (
            "pods",
            "from: {podIdentity: {clusters: ['arn:aws:eks:eu-west-1:222222222222:cluster/c']}}, require: {organization: o-a1b2c3d4e5}",
            SERVICE,
        ),
        (
            "machines",
            "from: {rolesAnywhere: {trustAnchors: ['arn:aws:rolesanywhere:eu-west-1:222222222222:trust-anchor/a']}}, require: {organization: o-a1b2c3d4e5}",
            SERVICE,
        ),
        (
            "an OIDC provider",
            "from: {oidc: {issuer: idp.example.com, audiences: [a]}}, require: {organization: o-a1b2c3d4e5}",
            FEDERATED,
        ),
        (
            "a SAML provider",
            "from: {saml: {provider: okta}}, require: {organization: o-a1b2c3d4e5}",
            FEDERATED,
        ),
        (
            "an organisation twice",
            "from: {organization: o-a1b2c3d4e5}, require: {organization: o-a1b2c3d4e5}",
            "require.organization: from.organization says it already: remove require.organization",
        ),
        (
            "no id of an organisation",
            "from: {organization: acme}",
            r#"from.organization: organisation id "acme" must be o- and 10 to 32 lower-case letters and digits, such as o-a1b2c3d4e5"#,
        ),
        (
            "a capital letter",
            "from: {accounts: ['111111111111']}, require: {organization: o-A1B2C3D4E5}",
            r#"require.organization: organisation id "o-A1B2C3D4E5" must be o- and 10 to 32 lower-case letters and digits, such as o-a1b2c3d4e5"#,
        ),
        (
            "all accounts there are",
            "from: {principalPatterns: ['arn:aws:iam::*:role/ci']}",
            r#"from.principalPatterns: pattern "arn:aws:iam::*:role/ci" is of every AWS account there is: write the account's id, or add require.organization"#,
        ),
        (
            "all accounts of an organisation",
            "from: {principalPatterns: ['arn:aws:iam::*:role/ci']}, require: {organization: o-a1b2c3d4e5}",
            "passes",
        ),
    ]);
}

#[test]
fn a_source_is_what_a_service_acts_for() {
    const NOT_A_SERVICE: &str = "only a service acts on behalf of a resource: aws:SourceAccount and aws:SourceArn are in no other request. Remove it";
    for (from, said) in [
        ("{accounts: ['111111111111']}", NOT_A_SERVICE),
        ("{principals: ['arn:aws:iam::111111111111:role/ci']}", NOT_A_SERVICE),
        ("{organization: o-a1b2c3d4e5}", NOT_A_SERVICE),
        ("{oidc: {issuer: idp.example.com, audiences: [a]}}", NOT_A_SERVICE),
        ("{saml: {provider: okta}}", NOT_A_SERVICE),
        (
            "{podIdentity: {clusters: ['arn:aws:eks:eu-west-1:222222222222:cluster/c']}}",
            "from.podIdentity.clusters says it already. Remove it",
        ),
        (
            "{rolesAnywhere: {trustAnchors: ['arn:aws:rolesanywhere:eu-west-1:222222222222:trust-anchor/a']}}",
            "from.rolesAnywhere.trustAnchors says it already. Remove it",
        ),
    ] {
        for (field, value) in [
            ("sourceAccounts", "222222222222"),
            ("sourceArns", "arn:aws:s3:::bucket"),
        ] {
            let spec = format!("trust: [{{from: {from}, require: {{{field}: ['{value}']}}}}]");
            assert_eq!(
                verdict(Declaration::parse(&role(&spec))),
                format!("InvalidSpec, spec.trust[0].require.{field}: {said}"),
                "{from}"
            );
        }
    }
    check(&[
        (
            "both, of a service",
            "from: {services: [s3.amazonaws.com]}, require: {sourceAccounts: ['222222222222'], sourceArns: ['arn:aws:s3:::bucket-*']}",
            "passes",
        ),
        (
            "a service's network",
            "from: {services: [s3.amazonaws.com]}, require: {sourceCidrs: [10.0.0.0/8]}",
            "require.sourceCidrs: the service itself assumes the role, from addresses of AWS: aws:SourceIp says nothing about whom it acts for. Remove require.sourceCidrs",
        ),
        (
            "a resource without an ARN",
            "from: {services: [s3.amazonaws.com]}, require: {sourceArns: [bucket]}",
            r#"require.sourceArns: ARN "bucket" must begin with arn:"#,
        ),
        (
            "any resource of any service",
            "from: {services: [s3.amazonaws.com]}, require: {sourceArns: ['arn:aws:*:*:222222222222:*']}",
            r#"require.sourceArns: ARN "arn:aws:*:*:222222222222:*" has a wildcard in the service, which IAM does not allow"#,
        ),
        (
            "every address",
            "from: {accounts: ['111111111111']}, require: {sourceCidrs: [0.0.0.0/0]}",
            r#"require.sourceCidrs: "0.0.0.0/0" is every address, so it requires nothing: remove it"#,
        ),
        (
            "no address",
            "from: {accounts: ['111111111111']}, require: {sourceCidrs: [10.0.0.0/33]}",
            r#"require.sourceCidrs: "10.0.0.0/33" is not an address range: write one such as 203.0.113.0/24 or 2001:db8::/32"#,
        ),
        (
            "one address twice",
            "from: {accounts: ['111111111111']}, require: {sourceCidrs: [10.0.0.1, 10.0.0.1/32]}",
            r#"require.sourceCidrs: "10.0.0.1/32" is there twice"#,
        ),
    ]);
}

#[test]
fn a_source_identity_is_set_where_it_may_be() {
    const NOBODY: &str = "require.sourceIdentity: services set no source identity, so nobody could meet this. Remove require.sourceIdentity";
    check(&[
        (
            "required, not allowed",
            "from: {accounts: ['111111111111']}, require: {sourceIdentity: ['*']}",
            "require.sourceIdentity: nobody could meet this: to set a source identity needs a permission of its own. Add allow: {sourceIdentity: true}",
        ),
        (
            "required and allowed",
            "from: {accounts: ['111111111111']}, require: {sourceIdentity: ['*']}, allow: {sourceIdentity: true}",
            "passes",
        ),
        (
            "of a service",
            "from: {services: [ec2.amazonaws.com]}, require: {sourceIdentity: [ann]}",
            NOBODY,
        ),
        (
            "of pods",
            "from: {podIdentity: {clusters: ['arn:aws:eks:eu-west-1:222222222222:cluster/c']}}, require: {sourceIdentity: [ann]}",
            NOBODY,
        ),
        (
            "allowed to a service",
            "from: {services: [ec2.amazonaws.com]}, allow: {sourceIdentity: true}",
            "allow.sourceIdentity: services set no source identity. Remove allow.sourceIdentity",
        ),
        (
            "allowed to machines",
            "from: {rolesAnywhere: {trustAnchors: ['arn:aws:rolesanywhere:eu-west-1:222222222222:trust-anchor/a']}}, allow: {sourceIdentity: true}",
            "allow.sourceIdentity: Roles Anywhere always sets the source identity, and crossrole always allows it. Remove allow.sourceIdentity",
        ),
        (
            "a character that AWS does not take",
            "from: {accounts: ['111111111111']}, require: {sourceIdentity: ['a b']}, allow: {sourceIdentity: true}",
            r#"require.sourceIdentity: source identity "a b" has the character ' '; AWS takes letters, digits and _+=,.@-, and * and ? stand for others"#,
        ),
        (
            "one character",
            "from: {accounts: ['111111111111']}, require: {sourceIdentity: [a]}, allow: {sourceIdentity: true}",
            r#"require.sourceIdentity: source identity "a" can never be: it has 2 to 64 characters"#,
        ),
        (
            "the user's name, of roles",
            "from: {accounts: ['111111111111'], kind: Roles}, require: {sourceIdentity: ['${aws:username}']}, allow: {sourceIdentity: true}",
            "require.sourceIdentity: ${aws:username} is in the requests of IAM users alone, and nobody here can be one: nothing could match. Remove it",
        ),
    ]);
}

#[test]
fn a_session_name_is_chosen_by_the_caller() {
    const SERVICE: &str = "require.sessionName: services choose the names of their sessions themselves, so none can be required. Remove require.sessionName";
    const NO_USER: &str = "require.sessionName: ${aws:username} is in the requests of IAM users alone, and nobody here can be one: nothing could match. Remove it";
    check(&[
        (
            "a service",
            "from: {services: [ec2.amazonaws.com]}, require: {sessionName: [ann]}",
            SERVICE,
        ),
        (
            "pods",
            "from: {podIdentity: {clusters: ['arn:aws:eks:eu-west-1:222222222222:cluster/c']}}, require: {sessionName: [ann]}",
            SERVICE,
        ),
        (
            "any name",
            "from: {accounts: ['111111111111']}, require: {sessionName: ['*']}",
            r#"require.sessionName: "*" matches every session name, so it requires nothing: remove it"#,
        ),
        (
            "the user's name, of users",
            "from: {accounts: ['111111111111'], kind: Users}, require: {sessionName: ['${aws:username}']}",
            "passes",
        ),
        (
            "the user's name, of users and roles",
            "from: {accounts: ['111111111111']}, require: {sessionName: ['${aws:username}-*']}",
            "passes",
        ),
        (
            "the user's name, of roles",
            "from: {principals: ['arn:aws:iam::111111111111:role/ci']}, require: {sessionName: ['${aws:username}']}",
            NO_USER,
        ),
        (
            "the user's name, of patterns of roles",
            "from: {principalPatterns: ['arn:aws:iam::111111111111:role/*']}, require: {sessionName: ['${aws:username}']}",
            NO_USER,
        ),
        (
            "the user's name, of a permission set",
            "from: {identityCenter: {account: '111111111111', permissionSet: Audit}}, require: {sessionName: ['${aws:username}']}",
            NO_USER,
        ),
        (
            "the user's name, of SAML",
            "from: {saml: {provider: okta}}, require: {sessionName: ['${AWS:UserName}']}",
            NO_USER,
        ),
        (
            "a name that SAML asserts",
            "from: {saml: {provider: okta}}, require: {sessionName: ['*@acme.example']}",
            "passes",
        ),
        (
            "a variable that is not closed",
            "from: {accounts: ['111111111111']}, require: {sessionName: ['${aws:username']}",
            r#"require.sessionName: the policy variable in "${aws:username" is not closed; add }"#,
        ),
    ]);
}

#[test]
fn session_tags_are_set_by_who_can_send_them() {
    const ALWAYS: &str = "allow.sessionTags: the service always sets tags of its own choice, and crossrole always allows it. Remove allow.sessionTags";
    check(&[
        (
            "a service",
            "from: {services: [ec2.amazonaws.com]}, allow: {sessionTags: [team]}",
            "allow.sessionTags: services set no session tags; those that do have a kind of their own (podIdentity, rolesAnywhere). Remove allow.sessionTags",
        ),
        (
            "pods",
            "from: {podIdentity: {clusters: ['arn:aws:eks:eu-west-1:222222222222:cluster/c']}}, allow: {sessionTags: [team]}",
            ALWAYS,
        ),
        (
            "machines",
            "from: {rolesAnywhere: {trustAnchors: ['arn:aws:rolesanywhere:eu-west-1:222222222222:trust-anchor/a']}}, allow: {sessionTags: [team]}",
            ALWAYS,
        ),
        (
            "any tag",
            "from: {accounts: ['111111111111']}, allow: {sessionTags: ['*']}",
            r#"allow.sessionTags: tag key "*" has the character '*'; allowed are letters, digits, spaces and _.:/=+-@"#,
        ),
        (
            "a key of AWS",
            "from: {accounts: ['111111111111']}, allow: {sessionTags: ['aws:team']}",
            r#"allow.sessionTags: tag key "aws:team" begins with aws:, which AWS keeps for itself"#,
        ),
        (
            "keys that differ by case",
            "from: {accounts: ['111111111111']}, allow: {sessionTags: [Team, team]}",
            r#"allow.sessionTags: "team" is there twice, for AWS does not tell tag keys apart by case"#,
        ),
        (
            "nothing",
            "from: {accounts: ['111111111111']}, allow: {}",
            "allow: is empty, so it allows nothing more: check the spelling of its fields, or leave it out",
        ),
        (
            "nothing but no",
            "from: {accounts: ['111111111111']}, allow: {sourceIdentity: false}",
            "allow: is empty, so it allows nothing more: check the spelling of its fields, or leave it out",
        ),
    ]);
}
