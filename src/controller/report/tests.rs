use crossrole_api::LastAssumed;
use crossrole_plan::observed::{Dates, RoleSeen};

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn verdict(account: &str, outcome: Outcome) -> Verdict {
    Verdict {
        account: account.into(),
        account_id: Some("222222222222".into()),
        named: true,
        role: None,
        outcome,
    }
}

fn stands(state: EntryState, reason: Reason, next: NextLook) -> Outcome {
    Outcome::Stands {
        state,
        reason,
        message: "why".into(),
        next,
    }
}

fn types(status: &CrossAccountRoleStatus) -> Vec<(&str, &str, &str)> {
    status
        .conditions
        .iter()
        .map(|condition| {
            (
                condition.type_.as_str(),
                condition.status.as_str(),
                condition.reason.as_str(),
            )
        })
        .collect()
}

#[test]
fn who_waits_for_a_person_goes_on_waiting_while_it_is_looked_at() {
    for (outcome, expected) in [
        (
            Outcome::would_change("it would change"),
            ("Stalled", "True", "WouldChange"),
        ),
        (
            Outcome::cannot_leave(Reason::PermissionDenied, "may not remove it"),
            ("Stalled", "True", "PermissionDenied"),
        ),
        (
            stands(EntryState::Removing, Reason::Throttled, NextLook::Backoff),
            ("Reconciling", "True", "Throttled"),
        ),
    ] {
        let found = [verdict("a", outcome)];
        let before = report(&CrossAccountRoleStatus::default(), Some(1), &found, at(1));
        let looked_at = [verdict("a", Outcome::UnderWay { anew: false })];
        let status = report(&before, Some(1), &looked_at, at(2));
        assert_eq!(types(&status), types(&before));
        assert_eq!(types(&status)[1], expected);
    }
}

#[test]
fn reconciling_and_stalled_are_never_both_true() {
    let retrying = || verdict("a", stands(EntryState::Retrying, Reason::Throttled, NextLook::Backoff));
    let refused = || {
        verdict(
            "b",
            stands(EntryState::Refused, Reason::ForeignRole, NextLook::Interval),
        )
    };
    let ready = || verdict("c", Outcome::ready());
    for (verdicts, expected, summary) in [
        (vec![ready()], vec![("Ready", "True", "InSync")], "1/1"),
        (
            vec![refused(), ready()],
            vec![("Ready", "False", "ForeignRole"), ("Stalled", "True", "ForeignRole")],
            "1/2",
        ),
        (
            vec![retrying(), refused(), ready()],
            vec![("Ready", "False", "Throttled"), ("Reconciling", "True", "Throttled")],
            "1/3",
        ),
        (
            vec![],
            vec![("Ready", "False", "NoAccounts"), ("Stalled", "True", "NoAccounts")],
            "0/0",
        ),
    ] {
        let status = report(&CrossAccountRoleStatus::default(), Some(3), &verdicts, at(1));
        assert_eq!(types(&status), expected);
        assert_eq!(status.summary.as_deref(), Some(summary));
    }
}

#[test]
fn times_move_only_when_the_state_does() {
    let ready = [verdict("a", Outcome::ready())];
    let first = report(&CrossAccountRoleStatus::default(), Some(1), &ready, at(1));
    let second = report(&first, Some(1), &ready, at(2));
    assert_eq!(first, second);
    let refused = [verdict(
        "a",
        stands(EntryState::Refused, Reason::ForeignRole, NextLook::Interval),
    )];
    let third = report(&second, Some(1), &refused, at(3));
    assert_eq!(third.accounts[0].last_transition_time, Time(at(3)));
    assert_eq!(third.conditions[0].last_transition_time, Time(at(3)));
}

#[test]
fn work_under_way_changes_nothing_of_what_was_found_before_unless_it_is_another_task() {
    let ready = report(
        &CrossAccountRoleStatus::default(),
        Some(1),
        &[verdict("a", Outcome::ready())],
        at(1),
    );
    let restarted = [verdict("a", Outcome::UnderWay { anew: false })];
    assert_eq!(report(&ready, Some(1), &restarted, at(2)), ready);
    let edited = report(&ready, Some(2), &restarted, at(2));
    assert_eq!(edited.accounts[0].state, EntryState::Pending);
    assert_eq!(
        types(&edited),
        vec![("Ready", "False", "Waiting"), ("Reconciling", "True", "Waiting")]
    );
    let other_rules = [verdict("a", Outcome::UnderWay { anew: true })];
    assert_eq!(
        report(&ready, Some(1), &other_rules, at(2)).summary.as_deref(),
        Some("0/1")
    );
}

#[test]
fn an_intent_is_written_once_and_keeps_what_is_there() {
    let accounts = [("a".to_string(), "111111111111".to_string(), true)];
    let first = intent(&CrossAccountRoleStatus::default(), Some(1), &accounts, at(1)).unwrap();
    assert_eq!(
        types(&first),
        vec![("Ready", "False", "Waiting"), ("Reconciling", "True", "Waiting")]
    );
    assert_eq!(first.accounts[0].state, EntryState::Pending);
    assert_eq!(intent(&first, Some(1), &accounts, at(2)), None);
}

#[test]
fn an_intent_of_another_generation_does_not_keep_what_was_found_of_the_one_before() {
    let ready = [verdict("a", Outcome::ready())];
    let before = report(&CrossAccountRoleStatus::default(), Some(1), &ready, at(1));
    let accounts = [("b".to_string(), "111111111111".to_string(), true)];
    let intended = intent(&before, Some(2), &accounts, at(2)).unwrap();
    let course = [
        verdict("a", Outcome::UnderWay { anew: false }),
        verdict("b", Outcome::ready()),
    ];
    let status = report(&intended, Some(2), &course, at(3));
    assert_eq!(status.summary.as_deref(), Some("1/2"));
    assert_eq!(status.accounts[0].role_arn, before.accounts[0].role_arn);
    assert_eq!(
        types(&status),
        vec![("Ready", "False", "Waiting"), ("Reconciling", "True", "Waiting")]
    );
}

#[test]
fn work_of_which_nothing_has_come_yet_is_reported_by_its_intent() {
    let id = "111111111111".to_string();
    let accounts = ["a", "b"].map(|name| (name.to_string(), id.clone(), true));
    let intended = intent(&CrossAccountRoleStatus::default(), Some(1), &accounts, at(1)).unwrap();
    let under_way = |name| Verdict {
        account_id: Some(id.clone()),
        named: true,
        ..verdict(name, Outcome::UnderWay { anew: false })
    };
    let course = [under_way("a"), under_way("b")];
    assert_eq!(report(&intended, Some(1), &course, at(3)), intended);
    let course = [under_way("a"), verdict("b", Outcome::ready())];
    let status = report(&intended, Some(1), &course, at(3));
    assert_eq!(status.summary.as_deref(), Some("1/2"));
    assert_eq!(status.conditions[0].message, "1 account is being worked on");
}

#[test]
fn an_entry_is_small_even_at_its_worst() {
    let outcome = Outcome::Stands {
        state: EntryState::Refused,
        reason: Reason::InlinePolicyNotAllowed,
        message: "ä".repeat(5000),
        next: NextLook::Interval,
    };
    let mut long = verdict("an-account-of-a-usual-name", outcome);
    long.role = Some(seen(
        "arn:aws:iam::222222222222:role/crossrole/CrossAccountSecurityAudit",
        "AROAABCDEFGHIJKLMNOPQ",
        Some("2026-11-27"),
    ));
    let status = report(&CrossAccountRoleStatus::default(), Some(1), &[long], at(1));
    assert!(serde_json::to_string(&status.accounts[0]).unwrap().len() < 570);
}

/// A role that was made in 2026, and last used then.
fn seen(arn: &str, id: &str, last_used: Option<&str>) -> RoleSeen {
    RoleSeen {
        arn: arn.into(),
        id: id.into(),
        dates: Dates {
            created: "2026-01-01".parse().ok(),
            last_used: last_used.map(|day| day.parse().unwrap()),
        },
    }
}

#[test]
fn the_last_use_goes_back_for_another_role_alone() {
    let mut status = CrossAccountRoleStatus::default();
    for (id, last_used, expected) in [
        ("AROA1", None, None),
        ("AROA1", Some("2026-11-27"), Some("2026-11-27")),
        // A part of IAM that lags behind.
        ("AROA1", Some("2026-11-26"), Some("2026-11-27")),
        ("AROA1", None, Some("2026-11-27")),
        ("AROA2", None, None),
    ] {
        let mut verdict = verdict("prod", Outcome::ready());
        verdict.role = Some(seen("arn:aws:iam::222222222222:role/Audit", id, last_used));
        status = report(&status, Some(1), &[verdict], at(1));
        let entry = serde_json::to_value(&status.accounts[0]).unwrap();
        assert_eq!(
            entry.get("lastUsed").and_then(serde_json::Value::as_str),
            expected,
            "{id} {last_used:?}"
        );
        assert_eq!(entry["created"], "2026-01-01");
    }
}

#[test]
fn a_status_of_as_many_accounts_as_can_be_fits_however_long_their_messages_are() {
    let failing = |length: usize| {
        let outcome = Outcome::Stands {
            state: EntryState::Retrying,
            reason: Reason::PermissionDenied,
            message: "x".repeat(4_000),
            next: NextLook::Backoff,
        };
        let arn = format!("arn:aws:iam::222222222222:role/{}", "y".repeat(length));
        let verdicts = (0..1_500).map(|number| Verdict {
            role: Some(seen(&arn, "AROA00000000000000000", Some("2026-11-27"))),
            ..verdict(&format!("{number:0>length$}"), outcome.clone())
        });
        report(
            &CrossAccountRoleStatus::default(),
            Some(1),
            &verdicts.collect::<Vec<_>>(),
            at(0),
        )
    };
    // As names are, and as long as they can be while the object is not refused.
    for (length, message) in [(30, 160), (140, 60), (205, 0)] {
        let status = failing(length);
        let size = serde_json::to_string(&status).unwrap().len();
        assert!(size < 1_100_000, "{length}: {size} bytes");
        let least = status
            .accounts
            .iter()
            .map(|entry| entry.message.as_ref().map_or(0, String::len))
            .min();
        assert!(least.unwrap() >= message, "{length}: {least:?}");
    }
}

#[test]
fn who_last_assumed_a_role_stays_in_status_as_long_as_there_is_room() {
    let last = |second: i64, principal: usize| LastAssumed {
        time: Time(at(second)),
        principal: "x".repeat(principal),
        mfa: crossrole_api::Mfa::Required,
    };
    let role = (
        "arn:aws:iam::222222222222:role/crossrole/Audit",
        "AROAABCDEFGHIJKLMNOPQ",
    );
    let ready = |account: &str| Verdict {
        role: Some(seen(role.0, role.1, None)),
        ..verdict(account, Outcome::ready())
    };
    let mut before = report(&CrossAccountRoleStatus::default(), Some(1), &[ready("a")], at(1));
    before.accounts[0].last_assumed = Some(last(7, 64).into());
    let after = report(&before, Some(2), &[ready("a")], at(9));
    assert_eq!(after.accounts[0].last_assumed, Some(last(7, 64).into()));
    let unseen = report(&before, Some(2), &[verdict("a", Outcome::ready())], at(9));
    assert_eq!(unseen.accounts[0].last_assumed, Some(last(7, 64).into()));
    let another = Verdict {
        role: Some(seen(role.0, "AROAANOTHERROLEOFNAME", None)),
        ..verdict("a", Outcome::ready())
    };
    let replaced = report(&before, Some(2), &[another], at(9));
    assert_eq!(replaced.accounts[0].last_assumed, None);
    assert!(serde_json::to_string(&after.accounts[0]).unwrap().len() < 400);

    // Of as many accounts as can be, as long as their names can be.
    let mut entries: Vec<AccountEntry> = (0..1_500)
        .map(|number| AccountEntry {
            account: format!("{number:0>150}"),
            role_arn: Some("y".repeat(150)),
            last_assumed: Some(last(i64::from(number), 64).into()),
            ..after.accounts[0].clone()
        })
        .collect();
    fit(&mut entries);
    let size = serde_json::to_string(&entries).unwrap().len();
    assert!(size < 1_100_000, "{size} bytes");
    let kept: Vec<bool> = entries.iter().map(|entry| entry.last_assumed.is_some()).collect();
    assert!(kept.is_sorted() && kept[1_499] && !kept[0], "the newest stay");
}
