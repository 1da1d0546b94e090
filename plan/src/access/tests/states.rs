//! Nobody is said to be let in whom a Deny or a date keeps out.

use super::*;

fn statement(effect: &str, principal: &str, rest: &str) -> String {
    format!(r#"{{"Effect": "{effect}", {principal}, "Action": "sts:AssumeRole"{rest}}}"#)
}

fn aws(principal: &str) -> String {
    format!(r#""Principal": {{"AWS": "{principal}"}}"#)
}

fn matching(pattern: &str) -> String {
    format!(r#", "Condition": {{"ArnLike": {{"aws:PrincipalArn": "{pattern}"}}}}"#)
}

const CI: &str = "arn:aws:iam::111111111111:role/team/ci";
const ALICE: &str = "arn:aws:iam::111111111111:user/alice";

#[test]
fn who_is_denied_for_certain_is_kept_out_and_who_may_be_is_told_so() {
    let account = aws("111111111111");
    let users = matching("arn:aws:iam::111111111111:user/*");
    let roles = matching("arn:aws:iam::111111111111:role/*");
    let deny = |principal: &str, rest: &str| statement("Deny", principal, rest);
    for (sentence, allowed, denied, expected) in [
        ("itself", aws(CI), deny(&aws(CI), ""), "kept out"),
        ("everybody", aws(CI), deny(r#""Principal": "*""#, ""), "kept out"),
        ("its account", aws(CI), deny(&account, ""), "kept out"),
        (
            "the account whose it is",
            account.clone(),
            deny(&account, ""),
            "kept out",
        ),
        (
            "all users, of which it is one",
            aws(ALICE),
            deny(&account, &users),
            "kept out",
        ),
        (
            "all users, of which it is none",
            aws(CI),
            deny(&account, &users),
            "open",
        ),
        (
            "all roles, of which it is one",
            aws(CI),
            deny(&account, &roles),
            "kept out",
        ),
        (
            "a pattern that it matches",
            aws(CI),
            deny(r#""Principal": "*""#, &matching("arn:aws:iam::*:role/team/*")),
            "kept out",
        ),
        (
            "a pattern that it does not match",
            aws(CI),
            deny(r#""Principal": "*""#, &matching("arn:aws:iam::*:role/other/*")),
            "open",
        ),
        ("another account", aws(CI), deny(&aws("333333333333"), ""), "open"),
        ("somebody else", aws(CI), deny(&aws(ALICE), ""), "open"),
        (
            "somebody of the account",
            account.clone(),
            deny(&aws(CI), ""),
            "open, unless",
        ),
        (
            "users of the account",
            account.clone(),
            deny(&account, &users),
            "open, unless",
        ),
        (
            "its session",
            aws(CI),
            deny(&aws("arn:aws:sts::111111111111:assumed-role/ci/x"), ""),
            "open, unless",
        ),
        (
            "under a condition",
            aws(CI),
            deny(&aws(CI), r#", "Condition": {"Bool": {"aws:SecureTransport": "false"}}"#),
            "open, unless",
        ),
        (
            "everybody but another account",
            aws(CI),
            deny(r#""NotPrincipal": {"AWS": "333333333333"}"#, ""),
            "kept out",
        ),
        (
            "everybody but its account",
            aws(CI),
            deny(r#""NotPrincipal": {"AWS": "111111111111"}"#, ""),
            "open, unless",
        ),
        (
            "to set tags",
            aws(CI),
            r#"{"Effect": "Deny", "Principal": "*", "Action": "sts:TagSession"}"#.to_string(),
            "open, unless",
        ),
        (
            "a service, by everybody",
            r#""Principal": {"Service": "ec2.amazonaws.com"}"#.to_string(),
            deny(r#""Principal": "*""#, ""),
            "open, unless",
        ),
    ] {
        let rows = of_statements(&format!("{}, {denied}", statement("Allow", &allowed, "")));
        let row = &rows[0];
        assert_eq!(row.effect, Effect::Allow);
        let unless = if row.how().contains("unless") { ", unless" } else { "" };
        let unless = if row.state == State::Open { unless } else { "" };
        assert_eq!(format!("{}{unless}", row.state.word()), expected, "{sentence}");
        assert_eq!(row.is_open(), row.state == State::Open, "{sentence}");
        assert!(
            rows[1..].iter().all(|row| row.state != State::Open),
            "{sentence}: a Deny lets nobody in"
        );
    }
}

#[test]
fn one_way_that_no_deny_speaks_of_is_enough() {
    let allow = |actions: &str| {
        format!(
            r#"{{"Effect": "Allow", "Principal": {{"Federated": "arn:aws:iam::222222222222:saml-provider/okta"}}, "Action": {actions}}}"#
        )
    };
    let deny = |actions: &str| allow(actions).replace("Allow", "Deny");
    for (allowed, denied, expected) in [
        (r#""sts:AssumeRoleWithSAML""#, r#""sts:AssumeRole*""#, "kept out"),
        (r#""sts:AssumeRoleWithSAML""#, r#""sts:AssumeRole""#, "open"),
        (
            r#"["sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"]"#,
            r#""sts:AssumeRoleWithSAML""#,
            "open",
        ),
    ] {
        let rows = of_statements(&format!("{}, {}", allow(allowed), deny(denied)));
        assert_eq!(rows[0].state.word(), expected, "{allowed} {denied}");
    }
}

#[test]
fn a_way_that_is_denied_does_not_stand_in_for_one_that_is_over() {
    let over = r#", "Condition": {"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}"#;
    let provider = r#""Principal": {"Federated": "arn:aws:iam::222222222222:saml-provider/okta"}"#;
    let of = |effect: &str, action: &str, rest: &str| {
        statement(effect, provider, rest).replace("sts:AssumeRole", &format!("sts:AssumeRole{action}"))
    };
    let statements = [
        of("Allow", "WithSAML", ""),
        of("Allow", "WithWebIdentity", over),
        of("Deny", "WithSAML", ""),
    ];
    let rows = of_statements(&statements.join(", "));
    assert_eq!(rows[0].state, State::Expired("2020-01-01T00:00:00Z".parse().unwrap()));
}

fn dated(conditions: &str) -> State {
    let rest = format!(r#", "Condition": {{{conditions}}}"#);
    let mut rows = of_statements(&statement("Allow", &aws("111111111111"), &rest));
    rows.remove(0).state
}

#[test]
fn dates_of_every_spelling_end_what_they_end() {
    for (conditions, expected) in [
        (
            r#""DateLessThan": {"aws:CurrentTime": "2020-12-01"}"#,
            "expired since 2020-12-01T00:00:00Z",
        ),
        (
            r#""DateLessThanEquals": {"aws:currenttime": "2020-12-01T00:00:00Z"}"#,
            "expired since 2020-12-01T00:00:01Z",
        ),
        (
            r#""NumericLessThan": {"aws:EpochTime": "100"}"#,
            "expired since 1970-01-01T00:01:40Z",
        ),
        (
            r#""NumericLessThanEquals": {"aws:EpochTime": "100.5"}"#,
            "expired since 1970-01-01T00:01:41Z",
        ),
        (
            r#""DateLessThanIfExists": {"aws:EpochTime": "1000000000"}"#,
            "expired since 2001-09-09T01:46:40Z",
        ),
        (
            r#""DateLessThan": {"aws:CurrentTime": "2026-11-23T12:30:00+01:00"}"#,
            "expired since 2026-11-23T11:30:00Z",
        ),
        (
            r#""DateGreaterThan": {"aws:CurrentTime": "2026-11-23T12:00:00Z"}"#,
            "not yet from 2026-11-23T12:00:01Z",
        ),
        (
            r#""DateEquals": {"aws:CurrentTime": ["2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z"]}"#,
            "not yet from 2030-01-01T00:00:00Z",
        ),
        (
            r#""DateLessThan": {"aws:CurrentTime": ["2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z"]}"#,
            "open ",
        ),
        (
            r#""DateGreaterThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}, "DateLessThanEquals": {"aws:CurrentTime": "2029-01-01T00:00:00Z"}"#,
            "never its dates leave no time",
        ),
        (
            r#""DateNotEquals": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}"#,
            "open ",
        ),
        (
            r#""DateLessThan": {"aws:TokenIssueTime": "2020-01-01T00:00:00Z"}"#,
            "open ",
        ),
    ] {
        let state = dated(conditions);
        assert_eq!(format!("{} {}", state.word(), state.detail()), expected, "{conditions}");
    }
    let rest = r#", "Condition": {"DateLessThanEquals": {"aws:CurrentTime": "2027-01-01"}}"#;
    let rows = of_statements(&statement("Allow", &aws("111111111111"), rest));
    assert_eq!(rows[0].until(), "2027-01-01T00:00:01Z".parse().ok());
}

#[test]
fn what_begins_when_the_role_is_over_never_opens() {
    let rows = of_spec(
        "validity: {notAfter: '2026-12-01T00:00:00Z'}\nextraTrustStatements: [{Effect: Allow, Principal: {AWS: '333333333333'}, Action: 'sts:AssumeRole', Condition: {DateGreaterThanEquals: {'aws:CurrentTime': '2027-06-01T00:00:00Z'}}}]",
    );
    let late = rows
        .iter()
        .find(|row| row.who.as_ref().and_then(Who::account) == Some("333333333333"));
    let late = late.unwrap();
    assert_eq!((&late.state, late.until()), (&State::Never, None));
}

#[test]
fn an_age_of_mfa_is_mfa() {
    let need = |conditions: &str| {
        let rest = format!(r#", "Condition": {{{conditions}}}"#);
        of_statements(&statement("Allow", &aws("111111111111"), &rest))[0].mfa()
    };
    for (conditions, expected) in [
        (r#""NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}"#, Need::Always),
        (
            r#""NumericLessThanEquals": {"aws:MultiFactorAuthAge": ["60", "3600"]}"#,
            Need::Always,
        ),
        (
            r#""NumericLessThanIfExists": {"aws:MultiFactorAuthAge": "3600"}"#,
            Need::No,
        ),
        (r#""NumericGreaterThan": {"aws:EpochTime": "3600"}"#, Need::No),
    ] {
        assert_eq!(need(conditions), expected, "{conditions}");
    }
}
