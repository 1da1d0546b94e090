//! Values that a kind of principal cannot have, with the words that a user sees.

use super::check_entries as check;

#[test]
fn a_shared_issuer_needs_the_name_of_its_customer() {
    check(&[
        (
            "GitHub without a subject",
            "from: {oidc: {issuer: token.actions.githubusercontent.com, audiences: [sts.amazonaws.com]}}",
            "from.oidc.subjects: token.actions.githubusercontent.com gives tokens to everybody, so the subject must say whose they are: name the subjects",
        ),
        (
            "GitLab without a subject",
            "from: {oidc: {issuer: gitlab.com, audiences: ['https://gitlab.com']}}",
            "from.oidc.subjects: gitlab.com gives tokens to everybody, so the subject must say whose they are: name the subjects",
        ),
        (
            "GitHub in capitals",
            "from: {oidc: {issuer: Token.Actions.GitHubUserContent.com, audiences: [sts.amazonaws.com]}}",
            "from.oidc.subjects: Token.Actions.GitHubUserContent.com gives tokens to everybody, so the subject must say whose they are: name the subjects",
        ),
        (
            "every repository",
            "from: {oidc: {issuer: token.actions.githubusercontent.com, audiences: [sts.amazonaws.com], subjects: ['repo:*']}}",
            r#"from.oidc.subjects: "repo:*" admits others too, for token.actions.githubusercontent.com gives tokens to everybody: write your own name in full, and what ends it, before the first wildcard, such as repo:acme/*"#,
        ),
        (
            "an owner that is not closed",
            "from: {oidc: {issuer: token.actions.githubusercontent.com, audiences: [sts.amazonaws.com], subjects: ['repo:acme/*', 'repo:acme*']}}",
            r#"from.oidc.subjects: "repo:acme*" admits others too, for token.actions.githubusercontent.com gives tokens to everybody: write your own name in full, and what ends it, before the first wildcard, such as repo:acme/*"#,
        ),
        (
            "every subject of GitHub",
            "from: {oidc: {issuer: token.actions.githubusercontent.com, audiences: [sts.amazonaws.com], subjects: ['*']}}",
            r#"from.oidc.subjects: "*" admits others too, for token.actions.githubusercontent.com gives tokens to everybody: write your own name in full, and what ends it, before the first wildcard, such as repo:acme/*"#,
        ),
        (
            "every subject of anybody",
            "from: {oidc: {issuer: idp.example.com, audiences: [a], subjects: ['*']}}",
            r#"from.oidc.subjects: "*" matches every subject, so it requires nothing: name the subjects, or leave the field out"#,
        ),
        (
            "one owner of GitHub",
            "from: {oidc: {issuer: token.actions.githubusercontent.com, audiences: [sts.amazonaws.com], subjects: ['repo:acme/*']}}",
            "passes",
        ),
        (
            "an issuer of one's own",
            "from: {oidc: {issuer: oidc.circleci.com/org/1f4c, audiences: [1f4c]}}",
            "passes",
        ),
        (
            "a pool of Cognito, which the audience names",
            "from: {oidc: {issuer: cognito-identity.amazonaws.com, audiences: ['eu-west-1:12345678-1234-1234-1234-123456789012']}}",
            "passes",
        ),
        (
            "Sentinel without a session name",
            "from: {oidc: {issuer: sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d, audiences: ['api://1462b192']}}",
            "require.sessionName: is missing: sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d gives tokens to everybody, and it is the session name that says whose they are",
        ),
    ]);
}

#[test]
fn a_provider_is_named_as_iam_knows_it() {
    check(&[
        (
            "a URL",
            "from: {oidc: {issuer: 'https://idp.example.com', audiences: [a]}}",
            r#"from.oidc.issuer: "https://idp.example.com" begins with a scheme: write it without https://"#,
        ),
        (
            "a slash at the end",
            "from: {oidc: {issuer: idp.example.com/, audiences: [a]}}",
            r#"from.oidc.issuer: "idp.example.com/" ends with a slash: write it without"#,
        ),
        (
            "a port",
            "from: {oidc: {issuer: 'idp.example.com:8443', audiences: [a]}}",
            r#"from.oidc.issuer: "idp.example.com:8443" has a port, and IAM takes none"#,
        ),
        (
            "a wildcard",
            "from: {oidc: {issuer: '*.example.com', audiences: [a]}}",
            r#"from.oidc.issuer: "*.example.com" is not the URL of a provider: write its host and path, such as token.actions.githubusercontent.com"#,
        ),
        (
            "a path that a templating tool ate",
            "from: {oidc: {issuer: oidc.eks.eu-west-1.amazonaws.com//a, audiences: [a]}}",
            r#"from.oidc.issuer: "oidc.eks.eu-west-1.amazonaws.com//a" is not the URL of a provider: write its host and path, such as token.actions.githubusercontent.com"#,
        ),
        (
            "Facebook",
            "from: {oidc: {issuer: graph.facebook.com, audiences: [a]}}",
            "from.oidc.issuer: the tokens of graph.facebook.com have no audience, but an app_id: write the statement into extraTrustStatements",
        ),
        (
            "no audience",
            "from: {oidc: {issuer: idp.example.com, audiences: []}}",
            "from.oidc.audiences: is empty: name the audience (aud) that the tokens carry, such as sts.amazonaws.com",
        ),
        (
            "any audience",
            "from: {oidc: {issuer: idp.example.com, audiences: ['*']}}",
            r#"from.oidc.audiences: audience "*" must be the whole audience: patterns are for subjects"#,
        ),
        (
            "a subject that a templating tool ate",
            "from: {oidc: {issuer: idp.example.com, audiences: [a], subjects: ['']}}",
            "from.oidc.subjects: a subject is empty; was a variable replaced by nothing?",
        ),
        (
            "a subject with a variable",
            "from: {oidc: {issuer: idp.example.com, audiences: [a], subjects: ['u-${aws:userid}']}}",
            "from.oidc.subjects: a subject takes the wildcards * and ?, and no policy variable",
        ),
        (
            "one subject twice",
            "from: {oidc: {issuer: idp.example.com, audiences: [a], subjects: [x, x]}}",
            r#"from.oidc.subjects: "x" is there twice"#,
        ),
        (
            "the ARN of a SAML provider",
            "from: {saml: {provider: 'arn:aws:iam::222222222222:saml-provider/okta'}}",
            r#"from.saml.provider: "arn:aws:iam::222222222222:saml-provider/okta" is not the name of a SAML provider, which has 1 to 128 letters, digits and ._-: the account is the one that holds the role"#,
        ),
    ]);
}

#[test]
fn services_and_machines_are_named_in_full() {
    check(&[
        (
            "any service",
            "from: {services: ['*.amazonaws.com']}",
            r#"from.services: "*.amazonaws.com" is not a service principal: write one such as ec2.amazonaws.com, without wildcards"#,
        ),
        (
            "a service without a domain",
            "from: {services: [ec2]}",
            r#"from.services: "ec2" is not a service principal: write one such as ec2.amazonaws.com, without wildcards"#,
        ),
        (
            "Pod Identity as a service",
            "from: {services: [pods.eks.amazonaws.com]}",
            "from.services: pods.eks.amazonaws.com needs more than one action: write from.podIdentity",
        ),
        (
            "Roles Anywhere as a service",
            "from: {services: [rolesanywhere.amazonaws.com]}",
            "from.services: rolesanywhere.amazonaws.com needs more than one action: write from.rolesAnywhere",
        ),
        (
            "no cluster",
            "from: {podIdentity: {clusters: []}}",
            "from.podIdentity.clusters: is empty: name the clusters, or every cluster of the account could hand the role to its pods",
        ),
        (
            "a cluster by name",
            "from: {podIdentity: {clusters: [prod]}}",
            r#"from.podIdentity.clusters: ARN "prod" must begin with arn:"#,
        ),
        (
            "any cluster",
            "from: {podIdentity: {clusters: ['arn:aws:eks:eu-west-1:222222222222:cluster/*']}}",
            r#"from.podIdentity.clusters: ARN "arn:aws:eks:eu-west-1:222222222222:cluster/*" has a wildcard where one thing must be named"#,
        ),
        (
            "a node group",
            "from: {podIdentity: {clusters: ['arn:aws:eks:eu-west-1:222222222222:nodegroup/c']}}",
            r#"from.podIdentity.clusters: "arn:aws:eks:eu-west-1:222222222222:nodegroup/c" is not the ARN of an EKS cluster, such as arn:aws:eks:eu-west-1:123456789012:cluster/name"#,
        ),
        (
            "any namespace",
            "from: {podIdentity: {clusters: ['arn:aws:eks:eu-west-1:222222222222:cluster/c'], namespace: '*'}}",
            r#"from.podIdentity.namespace: "*" is not a name that Kubernetes takes; patterns are not possible here"#,
        ),
        (
            "no trust anchor",
            "from: {rolesAnywhere: {trustAnchors: []}}",
            "from.rolesAnywhere.trustAnchors: is empty: name the trust anchors, or certificates of every anchor of the account would do",
        ),
        (
            "a profile",
            "from: {rolesAnywhere: {trustAnchors: ['arn:aws:rolesanywhere:eu-west-1:222222222222:profile/a']}}",
            r#"from.rolesAnywhere.trustAnchors: "arn:aws:rolesanywhere:eu-west-1:222222222222:profile/a" is not the ARN of a trust anchor, such as arn:aws:rolesanywhere:eu-west-1:123456789012:trust-anchor/a1b2c3d4-5678-90ab-cdef-EXAMPLE11111"#,
        ),
        (
            "any certificate",
            "from: {rolesAnywhere: {trustAnchors: ['arn:aws:rolesanywhere:eu-west-1:222222222222:trust-anchor/a'], commonNames: ['*']}}",
            r#"from.rolesAnywhere.commonNames: "*" matches every certificate, so it requires nothing: leave the field out"#,
        ),
        (
            "a permission set with a wildcard",
            "from: {identityCenter: {account: '111111111111', permissionSet: 'Audit*'}}",
            r#"from.identityCenter.permissionSet: "Audit*" is not the name of a permission set, which has 1 to 32 letters, digits and _+=,.@-"#,
        ),
        (
            "a permission set of no account",
            "from: {identityCenter: {account: acme, permissionSet: Audit}}",
            r#"from.identityCenter.account: account id "acme" must be exactly 12 digits, without hyphens; in YAML, quote it"#,
        ),
    ]);
}

#[test]
fn a_pattern_is_of_users_or_of_roles() {
    check(&[
        (
            "everybody",
            "from: {principalPatterns: ['*']}",
            r#"from.principalPatterns: ARN "*" must begin with arn:"#,
        ),
        (
            "an account's root",
            "from: {principalPatterns: ['arn:aws:iam::111111111111:root']}",
            r#"from.principalPatterns: pattern "arn:aws:iam::111111111111:root" must be a pattern of users or of roles, such as arn:aws:iam::123456789012:role/team/*"#,
        ),
        (
            "users and roles alike",
            "from: {principalPatterns: ['arn:aws:iam::111111111111:*']}",
            r#"from.principalPatterns: pattern "arn:aws:iam::111111111111:*" must be a pattern of users or of roles, such as arn:aws:iam::123456789012:role/team/*"#,
        ),
        (
            "sessions",
            "from: {principalPatterns: ['arn:aws:sts::111111111111:assumed-role/ci/*']}",
            r#"from.principalPatterns: pattern "arn:aws:sts::111111111111:assumed-role/ci/*" is of sessions, but aws:PrincipalArn of a session is the ARN of its role: write arn:aws:iam::123456789012:role/…"#,
        ),
        (
            "half an account",
            "from: {principalPatterns: ['arn:aws:iam::1111*:role/ci']}",
            r#"from.principalPatterns: pattern "arn:aws:iam::1111*:role/ci" must have an account id of 12 digits, or * with require.organization"#,
        ),
        (
            "any partition",
            "from: {principalPatterns: ['arn:*:iam::111111111111:role/ci']}",
            r#"from.principalPatterns: pattern "arn:*:iam::111111111111:role/ci" must name its partition: aws, aws-cn, aws-us-gov or aws-eusc"#,
        ),
        (
            "a variable",
            "from: {principalPatterns: ['arn:aws:iam::111111111111:user/${aws:username}']}",
            r#"from.principalPatterns: pattern "arn:aws:iam::111111111111:user/${aws:username}" has a policy variable: write what it stands for"#,
        ),
        (
            "one account twice",
            "from: {accounts: ['111111111111', '111111111111']}",
            r#"from.accounts: "111111111111" is there twice"#,
        ),
        (
            "a kind beside an organisation",
            "from: {organization: o-a1b2c3d4e5, kind: Users}",
            "from.kind: kind goes with accounts: principals say by their ARN whether they are users or roles",
        ),
    ]);
}
