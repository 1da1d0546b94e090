//! Raw conditions and raw statements, with the words that a user sees.

use crate::declaration::Declaration;
use crate::testing::{check_table, role, verdict};

type Row = (&'static str, &'static str, &'static str);

#[test]
fn raw_conditions_test_no_key_that_a_guardrail_relies_on() {
    for (key, instead) in [
        ("aws:MultiFactorAuthPresent", "write require.mfa"),
        ("AWS:multifactorauthpresent", "write require.mfa"),
        ("aws:MultiFactorAuthAge", "write require.mfa"),
        ("sts:ExternalId", "write require.externalIds"),
        ("aws:PrincipalArn", "write from.principalPatterns"),
        ("aws:PrincipalOrgID", "write require.organization"),
        ("aws:PrincipalAccount", "write from.accounts"),
        ("aws:SourceArn", "write require.sourceArns, for services"),
        ("aws:SourceAccount", "write require.sourceAccounts, for services"),
        ("SAML:aud", "write from.saml"),
        ("idp.example.com:aud", "write from.oidc.audiences"),
        ("idp.example.com:sub", "write from.oidc.subjects"),
        ("aws:RequestTag/kubernetes-namespace", "write from.podIdentity"),
        ("aws:RequestTag/eks-cluster-arn", "write from.podIdentity"),
        ("aws:TagKeys", "write allow.sessionTags"),
        ("aws:CurrentTime", "write spec.validity"),
    ] {
        let spec = format!(
            "trust: [{{from: {{accounts: ['111111111111']}}, require: {{conditions: {{StringNotLikeIfExists: {{'{key}': 'x'}}}}}}}}]"
        );
        assert_eq!(
            verdict(Declaration::parse(&role(&spec))),
            format!(
                "InvalidSpec, spec.trust[0].require.conditions: {key} is a key that guardrails rely on, so conditions may not test it: {instead}"
            )
        );
    }
}

#[test]
fn raw_conditions_add_to_what_is_rendered() {
    let rows: &[Row] = &[
        (
            "another key",
            "conditions: {StringEquals: {'aws:RequestedRegion': eu-west-1}}",
            "passes",
        ),
        (
            "the user of SAML",
            "conditions: {StringEquals: {'SAML:sub': ann}}",
            "passes",
        ),
        (
            "a tag of the principal",
            "conditions: {StringEquals: {'aws:PrincipalTag/team': security}}",
            "passes",
        ),
        (
            "the same operator and key",
            "sessionName: ['a*'], conditions: {StringLike: {'STS:rolesessionname': b}}",
            "require.conditions: StringLike on STS:rolesessionname is what require.sessionName already says, and values under one key are alternatives: say it there",
        ),
        (
            "another operator on that key",
            "sessionName: ['a*'], conditions: {StringNotLike: {'sts:RoleSessionName': b}}",
            "passes",
        ),
        (
            "the addresses",
            "sourceCidrs: [10.0.0.0/8], conditions: {IpAddress: {'aws:SourceIp': 10.0.0.0/16}}",
            "require.conditions: IpAddress on aws:SourceIp is what require.sourceCidrs already says, and values under one key are alternatives: say it there",
        ),
        (
            "nothing",
            "conditions: {}",
            "require.conditions: is empty, so it requires nothing: write a condition, or leave it out",
        ),
        (
            "an operator that is none",
            "conditions: {StringIs: {'aws:RequestedRegion': x}}",
            r#"require.conditions: StringIs: "StringIs" is not a condition operator; write one such as StringEquals, StringLike, ArnLike, Bool or IpAddress"#,
        ),
        (
            "a value that is none",
            "conditions: {Bool: {'aws:SecureTransport': 'yes'}}",
            r#"require.conditions: Bool.aws:SecureTransport: Bool cannot compare with "yes"; write "true" or "false""#,
        ),
    ];
    check_table(rows, |require| {
        let spec = format!("trust: [{{from: {{accounts: ['111111111111']}}, require: {{{require}}}}}]");
        let said = verdict(Declaration::parse(&role(&spec)));
        let said = said.strip_prefix("InvalidSpec, spec.trust[0].").unwrap_or(&said);
        said.to_string()
    });
}

#[test]
fn conditions_do_not_widen_the_names_of_certificates() {
    let anchor = "trustAnchors: ['arn:aws:rolesanywhere:eu-west-1:222222222222:trust-anchor/a']";
    let said = |names: &str, operator: &str| {
        let from = format!("from: {{rolesAnywhere: {{{anchor}{names}}}}}");
        let condition = format!("{{{operator}: {{'aws:PrincipalTag/x509Subject/CN': other}}}}");
        let spec = format!("trust: [{{{from}, require: {{conditions: {condition}}}}}]");
        verdict(Declaration::parse(&role(&spec)))
    };
    for operator in ["StringEquals", "StringLike"] {
        assert_eq!(said("", operator), "passes", "no names are there to be widened");
        assert_eq!(
            said(", commonNames: [machine]", operator),
            format!(
                "InvalidSpec, spec.trust[0].require.conditions: {operator} on aws:PrincipalTag/x509Subject/CN is what from.rolesAnywhere.commonNames already says, and values under one key are alternatives: say it there"
            )
        );
    }
}

#[test]
fn raw_statements_are_read_strictly() {
    let rows: &[Row] = &[
        (
            "a statement",
            "{Effect: Allow, Principal: {AWS: '111111111111'}, Action: 'sts:AssumeRole'}",
            "passes",
        ),
        (
            "a denial",
            "{Sid: NoRoot, Effect: Deny, Principal: {AWS: '*'}, Action: 'sts:AssumeRole', Condition: {StringLike: {'aws:PrincipalArn': '*:root'}}}",
            "passes",
        ),
        (
            "an unknown member",
            "{Effect: Allow, Principals: {AWS: '111111111111'}, Action: 'sts:AssumeRole'}",
            "[0]: Principals: is not a member of a statement, which has Sid, Effect, Principal, NotPrincipal, Action, NotAction, Resource, NotResource, Condition",
        ),
        (
            "an action of another service",
            "{Effect: Allow, Principal: {AWS: '111111111111'}, Action: 's3:GetObject'}",
            r#"[0]: Action: "s3:GetObject" may not stand in a trust policy; it takes only sts:AssumeRole, sts:AssumeRoleWithSAML, sts:AssumeRoleWithWebIdentity, sts:TagSession, sts:SetSourceIdentity, sts:SetContext"#,
        ),
        (
            "a line break in an ARN",
            r#"{Effect: Allow, Principal: {AWS: '111111111111'}, Action: 'sts:AssumeRole', Condition: {ArnLike: {'AWS:principalarn': ["arn:aws:iam::111111111111:role/x*\n[default]"]}}}"#,
            r#"[0]: Condition.ArnLike.AWS:principalarn: "arn:aws:iam::111111111111:role/x*\n[default]" has white space in it, and no ARN has any: take it out"#,
        ),
        (
            "a space in an ARN",
            r#"{Effect: Deny, Principal: '*', Action: 'sts:AssumeRole', Condition: {StringNotLike: {'aws:PrincipalArn': '* '}}}"#,
            r#"[0]: Condition.StringNotLike.aws:PrincipalArn: "* " has white space in it, and no ARN has any: take it out"#,
        ),
        (
            "a variable in an ARN",
            r#"{Effect: Deny, Principal: '*', Action: 'sts:AssumeRole', Condition: {StringNotLike: {'aws:PrincipalArn': "arn:aws:iam::*:role/${aws:PrincipalTag/team, 'x'}"}}}"#,
            "passes",
        ),
        (
            "crossrole's own Sid",
            "{Sid: CrossroleClosed, Effect: Allow, Principal: {AWS: '111111111111'}, Action: 'sts:AssumeRole'}",
            "[0]: Sid: CrossroleClosed is crossrole's own: choose another",
        ),
        (
            "a Sid twice",
            "{Sid: A, Effect: Allow, Principal: {AWS: '111111111111'}, Action: 'sts:AssumeRole'}, {Sid: A, Effect: Allow, Principal: {AWS: '333333333333'}, Action: 'sts:AssumeRole'}",
            "[1]: Sid: extraTrustStatements[0] has the same: every Sid stands once in a policy",
        ),
        (
            "the same twice",
            "{Effect: Allow, Principal: {AWS: '111111111111'}, Action: 'sts:AssumeRole'}, {Sid: A, Effect: Allow, Principal: {AWS: 'arn:aws:iam::111111111111:root'}, Action: 'STS:AssumeRole'}",
            "[1]: says the same as extraTrustStatements[0]: remove one of them",
        ),
    ];
    check_table(rows, |statements| {
        let said = verdict(Declaration::parse(&role(&format!(
            "extraTrustStatements: [{statements}]"
        ))));
        said.strip_prefix("InvalidSpec, spec.extraTrustStatements")
            .unwrap_or(&said)
            .to_string()
    });
}

#[test]
fn no_two_entries_are_the_same() {
    let spec = "trust: [{from: {accounts: ['111111111111', '333333333333']}}, {from: {accounts: ['333333333333', '111111111111']}}]";
    assert_eq!(
        verdict(Declaration::parse(&role(spec))),
        "InvalidSpec, spec.trust[1]: says the same as trust[0]: remove one of them"
    );
}

#[test]
fn trust_takes_the_variables_of_iam_and_no_others() {
    const OURS: &str = "may stand in inline policies only, and IAM would read it as its own: write what it stands for";
    let entry = |require: &str| {
        format!(
            "trust: [{{from: {{accounts: ['111111111111'], kind: Users}}, require: {{{require}}}, allow: {{sourceIdentity: true}}}}]"
        )
    };
    let raw = |condition: &str| {
        format!(
            "extraTrustStatements: [{{Effect: Deny, Principal: '*', Action: 'sts:AssumeRole', Condition: {{{condition}}}}}]"
        )
    };
    let unknown = |text: &str| {
        format!("\"{text}\" has a variable that IAM does not know: its own have a colon, as ${{aws:username}}")
    };
    for (spec, expected) in [
        (entry("sessionName: ['${aws:username}']"), "passes".to_string()),
        (entry("sessionName: ['${parameter.team}']"), format!("trust[0].require.sessionName: ${{parameter.team}} {OURS}")),
        (entry("sessionName: ['x-${foo}']"), format!("trust[0].require.sessionName: {}", unknown("x-${foo}"))),
        (entry("sourceIdentity: ['${account.name}']"), format!("trust[0].require.sourceIdentity: ${{account.name}} {OURS}")),
        (
            entry("conditions: {StringEquals: {'aws:PrincipalTag/team': '${AWS::AccountId}'}}"),
            format!("trust[0].require.conditions: StringEquals.aws:PrincipalTag/team: ${{AWS::AccountId}} {OURS}"),
        ),
        (
            entry("conditions: {StringEquals: {'aws:PrincipalTag/${foo}': 'x'}}"),
            format!("trust[0].require.conditions: StringEquals.aws:PrincipalTag/${{foo}}: {}", unknown("aws:PrincipalTag/${foo}")),
        ),
        (
            raw("StringEquals: {'aws:PrincipalTag/team': ['a', '${parameter.x}']}"),
            format!("extraTrustStatements[0]: Condition.StringEquals.aws:PrincipalTag/team: ${{parameter.x}} {OURS}"),
        ),
        (
            raw("StringEquals: {'aws:PrincipalTag/team': '${foo}'}"),
            format!("extraTrustStatements[0]: Condition.StringEquals.aws:PrincipalTag/team: {}", unknown("${foo}")),
        ),
        (raw("StringEquals: {'aws:PrincipalTag/team': '${aws:PrincipalTag/unit, ''x''}'}"), "passes".into()),
        (
            "trust: [{from: {services: [ec2.amazonaws.com]}, require: {sourceArns: ['arn:aws:s3:::${parameter.bucket}']}}]".into(),
            format!("trust[0].require.sourceArns: ${{parameter.bucket}} {OURS}"),
        ),
    ] {
        let said = verdict(Declaration::parse(&role(&spec)));
        let said = said.strip_prefix("InvalidSpec, spec.").unwrap_or(&said);
        assert_eq!(said, expected, "{spec}");
    }
}

#[test]
fn addresses_and_patterns_that_name_nothing_are_no_requirement() {
    for (require, expected) in [
        (
            "sourceCidrs: [0.0.0.0/1, 128.0.0.0/1]",
            r#"sourceCidrs: "0.0.0.0/1" is wider than any network: write a /8 or narrower"#,
        ),
        (
            "sourceCidrs: ['2000::/3']",
            r#"sourceCidrs: "2000::/3" is wider than any network: write a /16 or narrower"#,
        ),
        ("sourceCidrs: [10.0.0.0/8, '2001:db8::/32']", "passes"),
        (
            "sessionName: ['?*']",
            r#"sessionName: "?*" matches every session name, so it requires nothing: remove it"#,
        ),
        (
            "sessionName: ['*??*']",
            r#"sessionName: "*??*" matches every session name, so it requires nothing: remove it"#,
        ),
        // It must be set, which says something of its own.
        ("sourceIdentity: ['*']", "passes"),
    ] {
        let spec = format!(
            "trust: [{{from: {{accounts: ['111111111111']}}, require: {{{require}}}, allow: {{sourceIdentity: true}}}}]"
        );
        let said = verdict(Declaration::parse(&role(&spec)));
        let said = said
            .strip_prefix("InvalidSpec, spec.trust[0].require.")
            .unwrap_or(&said);
        assert_eq!(said, expected, "{require}");
    }
}
