//! What is not known is said, and nothing is printed for it.

use crossrole_api::Reason;

use super::*;

fn of_statements(statements: &str) -> Desired {
    let text = format!(r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#);
    Desired {
        trust: Document::parse(&text, DocumentKind::Trust).unwrap(),
        ..desired("maxSessionDuration: 4h")
    }
}

fn allow(principal: &str) -> String {
    format!(r#"{{"Effect": "Allow", "Principal": {{"AWS": "{principal}"}}, "Action": "sts:AssumeRole"}}"#)
}

#[test]
fn a_role_of_which_nobody_knows_whom_it_lets_in_is_named() {
    let desired = desired("trust: [{from: {principals: ['arn:aws:iam::111111111111:role/other']}}]");
    let place = Place {
        account: "prod".into(),
        account_id: "222222222222".into(),
        object: ObjectName {
            namespace: "security".into(),
            name: "audit".into(),
        },
        role_arn: desired.arn.to_string(),
    };
    let paused = State::Unsettled {
        reason: Some(Reason::AccountPaused),
        message: "AWSAccount prod is Paused".into(),
    };
    let mut all = rows(&place, &desired, &paused, now());
    all.push(Row::unknown(place, paused));
    for caller in [CI, "111111111111"] {
        let found = profiles(&all, &caller.parse().unwrap(), &Given::default(), now());
        let left = found.iter().filter_map(|one| one.as_ref().err());
        let unknown: Vec<&str> = left
            .filter(|left| left.who.is_none())
            .map(|left| left.why.as_str())
            .collect();
        assert_eq!(
            unknown,
            ["nobody knows whom it lets in: it is unsettled, AccountPaused: AWSAccount prod is Paused"],
            "{caller}"
        );
        assert!(found.iter().all(Result::is_err), "{caller}");
    }
    // Where there is no account there is no role.
    let mut nowhere = all.pop().unwrap();
    (nowhere.place.account_id, nowhere.place.role_arn) = (String::new(), String::new());
    assert_eq!(profiles(&[nowhere], &CI.parse().unwrap(), &Given::default(), now()), []);
}

#[test]
fn a_session_that_is_named_is_not_known_to_be_the_one_that_comes() {
    let session = "arn:aws:sts::111111111111:assumed-role/ci/x";
    let of = |statements: &str, caller: &str| told(&of(&of_statements(statements), caller, &Given::default()));
    assert!(
        of(&allow(session), CI).starts_with("left out"),
        "{}",
        of(&allow(session), CI)
    );
    let denied = format!("{}, {}", allow(CI), allow(session).replace("Allow", "Deny"));
    assert!(of(&denied, CI).starts_with("left out"), "{}", of(&denied, CI));
    // Of an account's principals each has its own profile, and this one is the session's.
    assert_eq!(of(&allow(session), "111111111111"), "3600 s");
}

#[test]
fn who_is_trusted_by_name_is_left_out_where_all_of_its_kind_are_denied() {
    let users = allow("111111111111").replace("Allow", "Deny").replace(
        r#""Action""#,
        r#""Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111111111111:user/*"}}, "Action""#,
    );
    let statements = format!("{}, {users}", allow(ALICE));
    let said = told(&of(&of_statements(&statements), "111111111111", &Given::default()));
    assert_eq!(said, "left out, it is kept out");
}

#[test]
fn an_age_of_mfa_hangs_on_the_device() {
    let statement = allow(ALICE).replace(
        r#""Action""#,
        r#""Condition": {"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}, "Action""#,
    );
    let desired = of_statements(&statement);
    let said = told(&of(&desired, ALICE, &Given::default()));
    assert!(said.ends_with("--mfa-serial names an MFA device"), "{said}");
    assert_eq!(told(&of(&desired, ALICE, &mfa())), "14400 s, MFA");
}

#[test]
fn dates_of_every_spelling_are_met() {
    let statement = allow(ALICE).replace(
        r#""Action""#,
        r#""Condition": {"DateLessThan": {"aws:CurrentTime": "2030-12-01"}, "DateGreaterThan": {"aws:CurrentTime": "2020-12-01T00:00:00+01:00"}}, "Action""#,
    );
    assert_eq!(
        told(&of(&of_statements(&statement), ALICE, &Given::default())),
        "14400 s"
    );
}

#[test]
fn the_console_has_no_link_for_what_it_does_not_take() {
    let profile = |path: &str, name: &str| Profile {
        place: Place {
            account: "prod".into(),
            account_id: "222222222222".into(),
            object: ObjectName {
                namespace: "security".into(),
                name: name.into(),
            },
            role_arn: format!("arn:aws:iam::222222222222:role{path}{name}"),
        },
        who: Who::Anyone,
        mfa: false,
        external_id: None,
        session_name: None,
        duration: 3600,
    };
    for (length, is_there) in [(54, true), (55, false)] {
        let link = profile("/platform/", &"a".repeat(length)).console_link();
        assert_eq!(link.is_some(), is_there, "{length} beside ten of the path");
    }
    let link = profile("/", &"a".repeat(63)).console_link().unwrap();
    assert!(
        link.ends_with(&format!("displayName=prod%20{}", "a".repeat(59))),
        "{link}"
    );
}
