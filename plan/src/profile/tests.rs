use crossrole_iam::document::{Document, DocumentKind};

use super::*;
use crate::access::rows;
use crate::declaration::ObjectName;
use crate::desired::Desired;
use crate::testing::{check_table, desired};

mod unknown;

const ALICE: &str = "arn:aws:iam::111111111111:user/alice";
const CI: &str = "arn:aws:iam::111111111111:role/team/ci";

fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn of(desired: &Desired, caller: &str, given: &Given) -> Vec<Result<Profile, Box<LeftOut>>> {
    let place = Place {
        account: "prod".into(),
        account_id: "222222222222".into(),
        object: ObjectName {
            namespace: "security".into(),
            name: "audit".into(),
        },
        role_arn: desired.arn.to_string(),
    };
    let rows = rows(&place, desired, &State::Open, now());
    profiles(&rows, &caller.parse().unwrap(), given, now())
}

fn told(found: &[Result<Profile, Box<LeftOut>>]) -> String {
    let line = |one: &Result<Profile, Box<LeftOut>>| match one {
        Ok(profile) => {
            let mut text = format!("{} s", profile.duration);
            text.push_str(if profile.mfa { ", MFA" } else { "" });
            let named = [
                ("external id", &profile.external_id),
                ("session name", &profile.session_name),
            ];
            for (what, value) in named {
                text.push_str(
                    &value
                        .as_ref()
                        .map(|value| format!(", {what} {value}"))
                        .unwrap_or_default(),
                );
            }
            text
        }
        Err(left) => format!("left out, {}", left.why),
    };
    match found.is_empty() {
        true => "nothing".into(),
        false => found.iter().map(line).collect::<Vec<_>>().join(" | "),
    }
}

fn mfa() -> Given {
    Given {
        mfa: true,
        ..Given::default()
    }
}

#[test]
fn a_profile_holds_what_the_trust_policy_asks_for() {
    let everything = || Given {
        mfa: true,
        organization: Some("o-a1b2c3d4e5".parse().unwrap()),
    };
    check_table(
        &[
            (
                "users with MFA",
                (
                    "{from: {accounts: ['111111111111'], kind: Users}, require: {mfa: {maxAge: 1h}}}",
                    ALICE,
                    mfa(),
                ),
                "14400 s, MFA",
            ),
            (
                "users with MFA, and no device",
                (
                    "{from: {accounts: ['111111111111'], kind: Users}, require: {mfa: {maxAge: 1h}}}",
                    ALICE,
                    Given::default(),
                ),
                "left out, it hangs on more than a profile can hold: MFA, MFA less than 1h old; --mfa-serial names an MFA device",
            ),
            (
                "a role is no user",
                (
                    "{from: {accounts: ['111111111111'], kind: Users}, require: {mfa: {maxAge: 1h}}}",
                    CI,
                    mfa(),
                ),
                "nothing",
            ),
            (
                "a role's session lasts an hour",
                ("{from: {accounts: ['111111111111'], kind: Roles}}", CI, mfa()),
                "3600 s",
            ),
            (
                "a device is not named where nobody asks for it",
                ("{from: {accounts: ['111111111111']}}", ALICE, mfa()),
                "14400 s",
            ),
            (
                "an external id",
                (
                    "{from: {accounts: ['111111111111']}, require: {externalIds: [second-id, first-id]}}",
                    ALICE,
                    Given::default(),
                ),
                "14400 s, external id first-id",
            ),
            (
                "an organisation that is known",
                (
                    "{from: {organization: o-a1b2c3d4e5}, require: {mfa: {maxAge: 1h}}}",
                    ALICE,
                    everything(),
                ),
                "14400 s, MFA",
            ),
            (
                "another organisation",
                (
                    "{from: {accounts: ['111111111111']}, require: {organization: o-zzzzzzzzzz}}",
                    ALICE,
                    everything(),
                ),
                "left out, it hangs on more than a profile can hold: organisation o-zzzzzzzzzz",
            ),
            (
                "an organisation that is not known",
                (
                    "{from: {accounts: ['111111111111']}, require: {organization: o-zzzzzzzzzz}}",
                    ALICE,
                    mfa(),
                ),
                "left out, it hangs on more than a profile can hold: organisation o-zzzzzzzzzz; --organization says where the account belongs",
            ),
            (
                "the user's name as session name",
                (
                    "{from: {accounts: ['111111111111'], kind: Users}, require: {sessionName: ['${aws:username}']}}",
                    ALICE,
                    mfa(),
                ),
                "14400 s, session name alice",
            ),
            (
                "a pattern of session names",
                (
                    "{from: {accounts: ['111111111111']}, require: {sessionName: ['ops-*']}}",
                    ALICE,
                    mfa(),
                ),
                "left out, it hangs on more than a profile can hold: session name ops-*",
            ),
            (
                "a source identity",
                (
                    "{from: {accounts: ['111111111111']}, require: {sourceIdentity: ['alice']}, allow: {sourceIdentity: true}}",
                    ALICE,
                    mfa(),
                ),
                "left out, it hangs on more than a profile can hold: source identity alice; may set a source identity (source identity alice)",
            ),
            (
                "an address",
                (
                    "{from: {accounts: ['111111111111']}, require: {sourceCidrs: [203.0.113.0/24]}}",
                    ALICE,
                    mfa(),
                ),
                "left out, it hangs on more than a profile can hold: from 203.0.113.0/24",
            ),
            (
                "a pattern of principals",
                (
                    "{from: {principalPatterns: ['arn:aws:iam::111111111111:role/team/*']}}",
                    CI,
                    mfa(),
                ),
                "3600 s",
            ),
            (
                "somebody else",
                (
                    "{from: {accounts: ['444444444444']}, require: {externalIds: [first-id]}}",
                    ALICE,
                    mfa(),
                ),
                "nothing",
            ),
            (
                "a service",
                ("{from: {services: [ec2.amazonaws.com]}}", ALICE, mfa()),
                "nothing",
            ),
            (
                "an account has one profile for each of whom it trusts",
                (
                    "{from: {principals: ['arn:aws:iam::111111111111:user/alice', 'arn:aws:iam::111111111111:role/team/ci']}}",
                    "111111111111",
                    mfa(),
                ),
                "3600 s | 14400 s",
            ),
        ],
        |(trust, caller, given)| {
            let spec = format!("maxSessionDuration: 4h\ntrust: [{trust}]");
            told(&of(&desired(&spec), caller, given))
        },
    );
}

#[test]
fn a_deny_and_what_is_shut_count() {
    let statement = |effect: &str, principal: &str, condition: &str| {
        format!(
            r#"{{"Effect": "{effect}", "Principal": {{"AWS": "{principal}"}}, "Action": "sts:AssumeRole", "Condition": {{{condition}}}}}"#
        )
    };
    let allow = || statement("Allow", "111111111111", "");
    for (sentence, statements, caller, expected) in [
        (
            "who is kept out by name",
            vec![allow(), statement("Deny", ALICE, "")],
            ALICE,
            "left out, it hangs on more than a profile can hold: nothing more is required; unless a Deny below says otherwise",
        ),
        (
            "another is kept out",
            vec![allow(), statement("Deny", "arn:aws:iam::111111111111:user/bob", "")],
            ALICE,
            "3600 s",
        ),
        (
            "somebody of the account is kept out",
            vec![allow(), statement("Deny", ALICE, "")],
            "111111111111",
            "3600 s",
        ),
        (
            "whoever has no MFA is kept out",
            vec![
                allow(),
                statement(
                    "Deny",
                    "*",
                    r#""BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}"#,
                ),
            ],
            ALICE,
            "3600 s, MFA",
        ),
        (
            "whoever has another external id is kept out",
            vec![
                statement(
                    "Allow",
                    "111111111111",
                    r#""StringLike": {"sts:ExternalId": "first-id"}"#,
                ),
                statement("Deny", "*", r#""StringNotEquals": {"sts:ExternalId": "first-id"}"#),
            ],
            ALICE,
            "3600 s, external id first-id",
        ),
        (
            "it hangs on what nobody knows",
            vec![
                allow(),
                statement("Deny", "*", r#""StringEquals": {"aws:PrincipalTag/x": "y"}"#),
            ],
            ALICE,
            "left out, it hangs on more than a profile can hold: nothing more is required; unless a Deny below says otherwise",
        ),
        (
            "its time is over",
            vec![statement(
                "Allow",
                "111111111111",
                r#""DateLessThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}"#,
            )],
            ALICE,
            "left out, it is expired, since 2026-01-01T00:00:00Z",
        ),
    ] {
        let text = format!(
            r#"{{"Version": "2012-10-17", "Statement": [{}]}}"#,
            statements.join(", ")
        );
        let desired = Desired {
            trust: Document::parse(&text, DocumentKind::Trust).unwrap_or_else(|error| panic!("{text}: {error}")),
            ..desired("")
        };
        assert_eq!(told(&of(&desired, caller, &mfa())), expected, "{sentence}");
    }
}

#[test]
fn the_console_is_that_of_the_partition_and_is_not_offered_what_it_cannot_do() {
    let profile = |arn: &str| Profile {
        place: Place {
            account: "prod".into(),
            account_id: "222222222222".into(),
            object: ObjectName {
                namespace: "security".into(),
                name: "audit".into(),
            },
            role_arn: arn.into(),
        },
        who: Who::Anyone,
        mfa: false,
        external_id: None,
        session_name: None,
        duration: 3600,
    };
    for (partition, host) in [
        ("aws", "signin.aws.amazon.com"),
        ("aws-cn", "signin.amazonaws.cn"),
        ("aws-us-gov", "signin.amazonaws-us-gov.com"),
        ("aws-eusc", "signin.amazonaws-eusc.eu"),
    ] {
        let link = profile(&format!("arn:{partition}:iam::222222222222:role/crossrole/a+b")).console_link();
        let expected =
            format!("https://{host}/switchrole?account=222222222222&roleName=crossrole/a%2Bb&displayName=prod%20audit");
        assert_eq!(link, Some(expected));
    }
    let shut = Profile {
        external_id: Some("first-id".into()),
        ..profile("arn:aws:iam::222222222222:role/x")
    };
    assert_eq!(shut.console_link(), None);
}

#[test]
fn a_caller_is_a_user_a_role_or_an_account() {
    assert_eq!(ALICE.parse::<Caller>().unwrap().to_string(), ALICE);
    assert_eq!("111111111111".parse::<Caller>().unwrap().to_string(), "111111111111");
    for wrong in [
        "alice",
        "1111",
        "arn:aws:iam::111111111111:group/x",
        "ec2.amazonaws.com",
    ] {
        assert!(wrong.parse::<Caller>().is_err(), "{wrong}");
    }
}
