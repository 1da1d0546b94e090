mod sessions;
mod states;

use crossrole_iam::document::{Document, DocumentKind};

use super::*;
use crate::testing::{check_table, desired};

fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn place() -> Place {
    Place {
        account: "prod".into(),
        account_id: "222222222222".into(),
        object: ObjectName {
            namespace: "security".into(),
            name: "audit".into(),
        },
        role_arn: "arn:aws:iam::222222222222:role/crossrole/audit".into(),
    }
}

fn of_spec(spec: &str) -> Vec<Row> {
    rows(&place(), &desired(spec), &State::Open, now())
}

fn of_statements(statements: &str) -> Vec<Row> {
    let text = format!(r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#);
    let document = Document::parse(&text, DocumentKind::Trust).unwrap_or_else(|error| panic!("{text}: {error}"));
    let desired = Desired {
        trust: document,
        ..desired("")
    };
    rows(&place(), &desired, &State::Open, now())
}

/// One line for each row: who, how, and whether that is open.
fn told(rows: &[Row]) -> String {
    let line = |row: &Row| {
        let who = row.who.as_ref().map(ToString::to_string).unwrap_or_default();
        let state = match row.state.detail() {
            detail if detail.is_empty() => row.state.word().to_string(),
            detail => format!("{} {detail}", row.state.word()),
        };
        format!("{who}: {} [{state}]", row.how())
    };
    rows.iter().map(line).collect::<Vec<_>>().join(" | ")
}

#[test]
fn every_kind_of_trust_is_told_principal_by_principal() {
    check_table(
        &[
            (
                "users with MFA",
                "trust: [{from: {accounts: ['111111111111'], kind: Users}, require: {mfa: {maxAge: 1h}}}]",
                "users of account 111111111111: MFA, MFA less than 1h old [open]",
            ),
            (
                "two accounts",
                "trust: [{from: {accounts: ['111111111111', '333333333333']}}]",
                "account 111111111111: nothing more is required [open] | account 333333333333: nothing more is required [open]",
            ),
            (
                "roles of two accounts",
                "trust: [{from: {accounts: ['111111111111', '333333333333'], kind: Roles}}]",
                "roles of account 111111111111: nothing more is required [open] | roles of account 333333333333: nothing more is required [open]",
            ),
            (
                "a partner with external ids, of an organisation",
                "trust: [{from: {accounts: ['444444444444']}, require: {externalIds: [new-id, old-id], organization: o-a1b2c3d4e5}}]",
                "account 444444444444: organisation o-a1b2c3d4e5, external id new-id or old-id [open]",
            ),
            (
                "a role that may set tags and a source identity",
                "trust: [{from: {principals: ['arn:aws:iam::111111111111:role/ci']}, allow: {sessionTags: [team], sourceIdentity: true}}]",
                "arn:aws:iam::111111111111:role/ci: nothing more is required; may set session tags (no tags but team, with tags); may set a source identity [open]",
            ),
            (
                "patterns",
                "trust: [{from: {principalPatterns: ['arn:aws:iam::111111111111:role/team/*', 'arn:aws:iam::333333333333:role/*']}}]",
                "roles of account 333333333333: nothing more is required [open] | whoever matches arn:aws:iam::111111111111:role/team/*: nothing more is required [open]",
            ),
            (
                "an organisation",
                "trust: [{from: {organization: o-a1b2c3d4e5}}]",
                "everybody in AWS: organisation o-a1b2c3d4e5 [open]",
            ),
            (
                "a permission set",
                "trust: [{from: {identityCenter: {account: '111111111111', permissionSet: Admin}}}]",
                "permission set Admin in account 111111111111: nothing more is required [open]",
            ),
            (
                "a service",
                "trust: [{from: {services: [ec2.amazonaws.com]}, require: {sourceAccounts: ['111111111111']}}]",
                "service ec2.amazonaws.com: on behalf of account 111111111111 [open]",
            ),
            (
                "continuous integration",
                "trust: [{from: {oidc: {issuer: token.actions.githubusercontent.com, audiences: [sts.amazonaws.com], subjects: ['repo:acme/*']}}}]",
                "identity provider arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com: audience sts.amazonaws.com, subject repo:acme/* [open]",
            ),
            (
                "SAML",
                "trust: [{from: {saml: {provider: okta}}}]",
                "identity provider arn:aws:iam::222222222222:saml-provider/okta: audience https://signin.aws.amazon.com/saml [open]",
            ),
            (
                "pods",
                "trust: [{from: {podIdentity: {clusters: ['arn:aws:eks:eu-west-1:222222222222:cluster/main'], namespace: apps}}}]",
                "service pods.eks.amazonaws.com: on behalf of account 222222222222, on behalf of arn:aws:eks:eu-west-1:222222222222:cluster/main, pods in namespace apps [open]",
            ),
            (
                "two ways in for one principal",
                "trust: [{from: {accounts: ['111111111111']}, require: {externalIds: [first]}}, {from: {accounts: ['111111111111']}, require: {sourceCidrs: [203.0.113.0/24]}}]",
                "account 111111111111: external id first; or from 203.0.113.0/24 [open]",
            ),
            (
                "a raw condition",
                "trust: [{from: {accounts: ['111111111111']}, require: {conditions: {StringNotLike: {'aws:PrincipalTag/team': ['a*', b]}}}}]",
                "account 111111111111: StringNotLike aws:PrincipalTag/team [\"a*\", \"b\"] [open]",
            ),
            (
                "closed",
                "access: Closed",
                "roles of account 111111111111: nothing more is required [closed]",
            ),
            (
                "over",
                "validity: {notAfter: '2026-11-01T00:00:00Z'}",
                "roles of account 111111111111: nothing more is required [expired since 2026-11-01T00:00:00Z]",
            ),
            (
                "not yet",
                "validity: {notBefore: '2027-01-01T00:00:00Z'}",
                "roles of account 111111111111: nothing more is required [not yet from 2027-01-01T00:00:00Z]",
            ),
        ],
        |spec| told(&of_spec(spec)),
    );
}

#[test]
fn nothing_of_a_raw_statement_is_dropped() {
    let allow = |principal: &str, rest: &str| {
        format!(r#"{{"Effect": "Allow", "Principal": {principal}, "Action": "sts:AssumeRole"{rest}}}"#)
    };
    for (sentence, statements, expected) in [
        (
            "a pattern that says no account",
            allow(
                r#"{"AWS": "111111111111"}"#,
                r#", "Condition": {"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/x"}}"#,
            ),
            r#"account 111111111111: StringLike aws:PrincipalArn ["arn:aws:iam::*:role/x"] [open]"#,
        ),
        (
            "a pattern of another account",
            allow(
                r#"{"AWS": "111111111111"}"#,
                r#", "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::333333333333:role/*"}}"#,
            ),
            "account 111111111111: ArnLike aws:PrincipalArn [arn:aws:iam::333333333333:role/*] [open]",
        ),
        (
            "MFA where it is known",
            allow(
                r#"{"AWS": "arn:aws:iam::111111111111:root"}"#,
                r#", "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}"#,
            ),
            "account 111111111111: BoolIfExists aws:MultiFactorAuthPresent [true] [open]",
        ),
        (
            "a principal that was deleted",
            allow(r#"{"AWS": "AROADEADDEADDEADDEADD"}"#, ""),
            "AROADEADDEADDEADDEADD, which was deleted: nothing more is required [open]",
        ),
        (
            "everybody, of two kinds",
            allow(
                r#"{"AWS": "*"}"#,
                r#", "Condition": {"ArnLike": {"aws:PrincipalArn": ["arn:aws:iam::*:user/a*", "arn:aws:iam::111111111111:role/*"]}}"#,
            ),
            "roles of account 111111111111: nothing more is required [open] | whoever matches arn:aws:iam::*:user/a*: nothing more is required [open]",
        ),
        (
            "tags alone",
            r#"{"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "sts:TagSession"}"#.to_string(),
            "account 111111111111: no way in; may set session tags [no way in]",
        ),
        (
            "a Deny beside an Allow",
            format!(
                r#"{}, {{"Effect": "Deny", "Principal": {{"AWS": "arn:aws:iam::111111111111:user/bob"}}, "Action": "sts:*"}}, {{"Effect": "Deny", "NotPrincipal": {{"AWS": "111111111111"}}, "Action": "sts:AssumeRole", "Condition": {{"Bool": {{"aws:SecureTransport": "false"}}}}}}"#,
                allow(r#"{"AWS": "111111111111"}"#, "")
            ),
            "account 111111111111: nothing more is required; unless a Deny below says otherwise [open] | arn:aws:iam::111111111111:user/bob: kept out [kept out] | everybody but 111111111111: kept out where: Bool aws:SecureTransport [false] [kept out]",
        ),
        (
            "dates",
            allow(
                r#"{"AWS": "111111111111"}"#,
                r#", "Condition": {"DateLessThan": {"aws:CurrentTime": "2026-11-20T00:00:00Z"}, "DateGreaterThan": {"aws:CurrentTime": "2026-11-10T00:00:00Z"}}"#,
            ),
            "account 111111111111: DateGreaterThan aws:CurrentTime [2026-11-10T00:00:00Z] [expired since 2026-11-20T00:00:00Z]",
        ),
    ] {
        assert_eq!(told(&of_statements(&statements)), expected, "{sentence}");
    }
}

#[test]
fn what_is_required_by_some_ways_alone_is_said_so() {
    let rows = of_spec(
        "trust: [{from: {accounts: ['444444444444']}, require: {externalIds: [first]}}, {from: {accounts: ['444444444444'], kind: Users}, require: {mfa: {maxAge: 1h}}}]",
    );
    let needs: Vec<(String, Need, Vec<&str>)> = rows
        .iter()
        .map(|row| (row.who.as_ref().unwrap().to_string(), row.mfa(), row.external_ids()))
        .collect();
    assert_eq!(
        needs,
        [
            ("account 444444444444".to_string(), Need::No, vec!["first"]),
            ("users of account 444444444444".to_string(), Need::Always, vec![]),
        ]
    );
    let limited = of_spec("validity: {notAfter: '2027-01-01T00:00:00Z'}");
    assert_eq!(limited[0].until(), "2027-01-01T00:00:00Z".parse().ok());
    assert!(limited[0].is_open());
}

#[test]
fn a_principal_is_found_wherever_it_may_be_meant() {
    let account = |id: &str, kind| Who::Account { id: id.into(), kind };
    let (alice, ci) = (
        "arn:aws:iam::111111111111:user/alice",
        "arn:aws:iam::111111111111:role/team/ci",
    );
    let admin =
        "arn:aws:iam::111111111111:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Admin_0123456789abcdef";
    let set = Who::PermissionSet {
        account: "111111111111".into(),
        name: "Admin".into(),
    };
    for (who, asked, expected) in [
        (Who::Anyone, alice, true),
        (Who::Anyone, "ec2.amazonaws.com", false),
        (account("111111111111", Kind::Any), "111111111111", true),
        (account("111111111111", Kind::Any), ci, true),
        (account("111111111111", Kind::Users), ci, false),
        (account("111111111111", Kind::Users), alice, true),
        (account("111111111111", Kind::Roles), "333333333333", false),
        (Who::Principal(ci.into()), ci, true),
        (Who::Principal(ci.into()), "111111111111", true),
        (Who::Principal(ci.into()), alice, false),
        (Who::Pattern("arn:aws:iam::*:role/team/*".into()), ci, true),
        (Who::Pattern("arn:aws:iam::*:role/team/*".into()), alice, false),
        (Who::Pattern("arn:aws:iam::*:role/team/*".into()), "111111111111", true),
        (set.clone(), admin, true),
        (set, ci, false),
        (Who::Service("ec2.amazonaws.com".into()), "ec2.amazonaws.com", true),
        (Who::AllBut(vec![alice.into()]), alice, false),
        (Who::AllBut(vec![alice.into()]), ci, true),
    ] {
        assert_eq!(who.may_be(asked), expected, "{who} {asked}");
    }
}
