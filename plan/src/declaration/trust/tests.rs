use crate::declaration::Declaration;
use crate::testing::{check_table, role, verdict};

mod impossible;
mod kinds;
mod raw;

type Row = (&'static str, &'static str, &'static str);

fn check(rows: &[Row]) {
    check_table(rows, |spec| verdict(Declaration::parse(&role(spec))));
}

/// As [`check`], for one entry of `spec.trust`, and what is said about it after `InvalidSpec, spec.trust[0].`.
fn check_entries(rows: &[Row]) {
    check_table(rows, |entry| {
        let said = verdict(Declaration::parse(&role(&format!("trust: [{{{entry}}}]"))));
        let said = said.strip_prefix("InvalidSpec, spec.trust[0].").unwrap_or(&said);
        said.to_string()
    });
}

#[test]
fn every_entry_of_trust_says_from_whom() {
    check(&[
        ("accounts", "trust: [{from: {accounts: ['111111111111']}}]", "passes"),
        (
            "users and roles",
            "trust: [{from: {principals: ['arn:aws:iam::111111111111:user/ann', 'arn:aws:iam::111111111111:role/ci']}}]",
            "passes",
        ),
        (
            "a raw statement alone",
            "trust: []\nextraTrustStatements: [{Effect: Allow, Principal: {Federated: graph.facebook.com}, Action: 'sts:AssumeRoleWithWebIdentity', Condition: {StringEquals: {'graph.facebook.com:app_id': '1'}}}]",
            "passes",
        ),
        (
            "no entry",
            "trust: []",
            "InvalidSpec, spec.trust: a role that nobody may assume is of no use: write at least one entry here or in extraTrustStatements",
        ),
        (
            "nobody",
            "trust: [{from: {}}]",
            "InvalidSpec, spec.trust[0].from: write exactly one of accounts, principals, principalPatterns, organization, identityCenter, services, oidc, saml, podIdentity and rolesAnywhere",
        ),
        (
            "only a kind",
            "trust: [{from: {kind: Users}}]",
            "InvalidSpec, spec.trust[0].from: write exactly one of accounts, principals, principalPatterns, organization, identityCenter, services, oidc, saml, podIdentity and rolesAnywhere",
        ),
        (
            "both, in the second entry",
            "trust: [{from: {accounts: ['111111111111']}}, {from: {accounts: ['111111111111'], principals: ['arn:aws:iam::111111111111:role/ci']}}]",
            "InvalidSpec, spec.trust[1].from: write exactly one of accounts, principals, principalPatterns, organization, identityCenter, services, oidc, saml, podIdentity and rolesAnywhere",
        ),
        (
            "principals with a kind",
            "trust: [{from: {principals: ['arn:aws:iam::111111111111:role/ci'], kind: Roles}}]",
            "InvalidSpec, spec.trust[0].from.kind: kind goes with accounts: principals say by their ARN whether they are users or roles",
        ),
        (
            "an account id that lost its leading zero as a number",
            "trust: [{from: {accounts: ['11111111111']}}]",
            r#"InvalidSpec, spec.trust[0].from.accounts: account id "11111111111" must be exactly 12 digits, without hyphens; in YAML, quote it"#,
        ),
        (
            "an account id with hyphens",
            "trust: [{from: {accounts: ['1111-1111-1111']}}]",
            r#"InvalidSpec, spec.trust[0].from.accounts: account id "1111-1111-1111" must be exactly 12 digits, without hyphens; in YAML, quote it"#,
        ),
        (
            "everybody",
            "trust: [{from: {principals: ['*']}}]",
            r#"InvalidSpec, spec.trust[0].from.principals: ARN "*" must begin with arn:"#,
        ),
        (
            "a pattern of roles",
            "trust: [{from: {principals: ['arn:aws:iam::111111111111:role/*']}}]",
            r#"InvalidSpec, spec.trust[0].from.principals: ARN "arn:aws:iam::111111111111:role/*" has a wildcard where one thing must be named"#,
        ),
        (
            "a group",
            "trust: [{from: {principals: ['arn:aws:iam::111111111111:group/admins']}}]",
            r#"InvalidSpec, spec.trust[0].from.principals: ARN "arn:aws:iam::111111111111:group/admins" names a group, and a group is never a principal; name its users"#,
        ),
        (
            "a session",
            "trust: [{from: {principals: ['arn:aws:sts::111111111111:assumed-role/ci/run']}}]",
            r#"InvalidSpec, spec.trust[0].from.principals: ARN "arn:aws:sts::111111111111:assumed-role/ci/run" names a session; name the role itself, such as arn:aws:iam::123456789012:role/name"#,
        ),
        (
            "a name that a templating tool ate",
            "trust: [{from: {principals: ['arn:aws:iam::111111111111:role/']}}]",
            r#"InvalidSpec, spec.trust[0].from.principals: ARN "arn:aws:iam::111111111111:role/" has an empty segment; was a variable replaced by nothing?"#,
        ),
    ]);
}

#[test]
fn what_is_required_can_be_met() {
    const MFA: &str = "MFA cannot be required of roles: a role session never carries MFA. Put the roles into an entry of their own, without require.mfa";
    let said = |spec: &str| verdict(Declaration::parse(&role(spec)));
    for roles in [
        "accounts: ['111111111111'], kind: Roles",
        "principals: ['arn:aws:iam::111111111111:user/ann', 'arn:aws:iam::111111111111:role/ci']",
    ] {
        let spec = format!("trust: [{{from: {{{roles}}}, require: {{mfa: {{maxAge: 1h}}}}}}]");
        assert_eq!(said(&spec), format!("InvalidSpec, spec.trust[0].require.mfa: {MFA}"));
    }
    check(&[
        (
            "MFA of users",
            "trust: [{from: {accounts: ['111111111111'], kind: Users}, require: {mfa: {maxAge: 1h}}}]",
            "passes",
        ),
        (
            "MFA of an account",
            "trust: [{from: {accounts: ['111111111111']}, require: {mfa: {maxAge: 1m}}}]",
            "passes",
        ),
        (
            "MFA of one user",
            "trust: [{from: {principals: ['arn:aws:iam::111111111111:user/ann']}, require: {mfa: {maxAge: 36h}}}]",
            "passes",
        ),
        (
            "a second factor of last week",
            "trust: [{from: {accounts: ['111111111111']}, require: {mfa: {maxAge: 37h}}}]",
            "InvalidSpec, spec.trust[0].require.mfa.maxAge: write a duration from 1m to 36h",
        ),
        (
            "a second factor of this moment",
            "trust: [{from: {accounts: ['111111111111']}, require: {mfa: {maxAge: 59s}}}]",
            "InvalidSpec, spec.trust[0].require.mfa.maxAge: write a duration from 1m to 36h",
        ),
        (
            "what is left of require when the server pruned a misspelt field",
            "trust: [{from: {accounts: ['111111111111']}, require: {}}]",
            "InvalidSpec, spec.trust[0].require: is empty, so it requires nothing: check the spelling of its fields, or leave it out",
        ),
        (
            "two external ids",
            "trust: [{from: {accounts: ['111111111111']}, require: {externalIds: [ab, cd]}}]",
            "passes",
        ),
        (
            "three external ids",
            "trust: [{from: {accounts: ['111111111111']}, require: {externalIds: [ab, cd, ef]}}]",
            "InvalidSpec, spec.trust[0].require.externalIds: write one value, or two while it is rotated",
        ),
        (
            "an external id of one character",
            "trust: [{from: {accounts: ['111111111111']}, require: {externalIds: [a]}}]",
            r#"InvalidSpec, spec.trust[0].require.externalIds: external id "a" is shorter than 2 characters"#,
        ),
        (
            "an external id with a space",
            "trust: [{from: {accounts: ['111111111111']}, require: {externalIds: [a b]}}]",
            r#"InvalidSpec, spec.trust[0].require.externalIds: external id "a b" has the character ' '; allowed are letters, digits and _+=,.@:/-"#,
        ),
    ]);
}
