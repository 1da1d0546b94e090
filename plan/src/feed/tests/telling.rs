//! What is told of records: two are one use, what is alike is one Event.

use std::time::Duration;

use crossrole_api::Mfa;
use serde_json::{Value, json};

use super::{change, changed, named, nameless, used, with};
use crate::feed::join::{Joined, Joiner, Taken, WAITS_FOR};
use crate::feed::mfa_by_trust;
use crate::feed::record::Use;
use crate::feed::series::{self, Mark, Told};

/// Takes a use, and gives what is told of it, by its principal and its messages.
fn take(joiner: &mut Joiner<u32>, known: Use, message: u32, now: Duration) -> Result<(String, Vec<u32>), Option<u32>> {
    match joiner.take(known, message, now) {
        Taken::Tell(joined) => Ok(told(*joined)),
        Taken::Known(message) => Err(Some(message)),
        Taken::Waits => Err(None),
    }
}

fn told(joined: Joined<u32>) -> (String, Vec<u32>) {
    (joined.known.principal.name, joined.messages)
}

const ANNA: &str = "arn:aws:iam::111111111111:user/anna";

#[test]
fn two_records_are_one_use_whichever_comes_first() {
    let now = Duration::from_secs(5_000);
    let mut joiner = Joiner::default();
    assert_eq!(take(&mut joiner, used(nameless("a")), 1, now), Err(None));
    assert_eq!(
        take(&mut joiner, used(named("a")), 2, now),
        Ok((ANNA.into(), vec![1, 2]))
    );
    assert_eq!(take(&mut joiner, used(named("b")), 3, now), Ok((ANNA.into(), vec![3])));
    assert_eq!(take(&mut joiner, used(nameless("b")), 4, now), Err(Some(4)));
    for (message, again) in [(5, named("a")), (6, nameless("a")), (7, named("b"))] {
        assert_eq!(take(&mut joiner, used(again), message, now), Err(Some(message)));
    }
    assert!(joiner.due(now + WAITS_FOR * 2).is_empty());
}

#[test]
fn a_record_without_a_name_is_told_as_it_is_when_the_other_does_not_come() {
    let now = Duration::from_secs(5_000);
    let mut joiner = Joiner::default();
    assert_eq!(joiner.next_due(now), None);
    assert_eq!(take(&mut joiner, used(nameless("a")), 1, now), Err(None));
    let later = now + Duration::from_secs(5);
    assert_eq!(
        take(&mut joiner, used(nameless("a")), 2, later),
        Err(None),
        "it was given again"
    );
    assert_eq!(take(&mut joiner, used(nameless("b")), 3, later), Err(None));
    assert_eq!(joiner.next_due(later), Some(WAITS_FOR - Duration::from_secs(5)));
    assert!(joiner.due(later).is_empty());
    let due: Vec<_> = joiner.due(now + WAITS_FOR).into_iter().map(told).collect();
    let name = "AIDAQRSTUVWXYZEXAMPLE of account 111111111111";
    assert_eq!(due, [(name.to_owned(), vec![1, 2])]);
    assert_eq!(
        take(&mut joiner, used(named("a")), 4, later),
        Err(Some(4)),
        "it comes too late"
    );
}

#[test]
fn what_waits_and_what_is_remembered_is_bounded() {
    let now = Duration::from_secs(5_000);
    let mut joiner = Joiner::default();
    let one = used(nameless("x"));
    for number in 0..1_200 {
        let known = Use {
            id: format!("id-{number}"),
            ..one.clone()
        };
        assert_eq!(take(&mut joiner, known, number, now), Err(None));
    }
    let due: Vec<u32> = joiner.due(now).into_iter().flat_map(|joined| joined.messages).collect();
    assert_eq!(
        due,
        (0..200).collect::<Vec<_>>(),
        "the oldest are told, so that a thousand wait"
    );
    assert_eq!(joiner.due(now + WAITS_FOR).len(), 1_000);
    for number in 0..60_000 {
        assert!(joiner.note(&format!("change-{number}"), now));
    }
    assert!(!joiner.note("change-59999", now));
    assert!(joiner.note("change-0", now), "that was too long ago");
    assert!(joiner.note("change-59999", now + Duration::from_secs(3601)));
}

#[test]
fn a_series_is_what_one_principal_did_to_one_role_within_ten_minutes() {
    let name = |record: Value| Told::of_use("uid-1", &used(record), Mfa::Yes).series;
    let first = name(named("a"));
    assert_eq!(
        (first.len(), &first),
        (16, &name(nameless("b"))),
        "whichever record tells it"
    );
    assert_eq!(
        first,
        name(with(named("c"), &[("/eventTime", json!("2026-11-27T05:49:59Z"))]))
    );
    for other in [
        with(named("a"), &[("/eventTime", json!("2026-11-27T05:50:00Z"))]),
        with(named("a"), &[("/errorCode", json!("AccessDenied"))]),
        with(named("a"), &[("/userIdentity/principalId", json!("AIDAOTHER"))]),
        with(
            named("a"),
            &[(
                "/requestParameters/roleArn",
                json!("arn:aws:iam::333333333333:role/crossrole/Audit"),
            )],
        ),
    ] {
        assert_ne!(first, name(other));
    }
    assert_ne!(first, Told::of_use("uid-2", &used(named("a")), Mfa::Yes).series);
    let of_change = |action| Told::of_change("uid-1", &changed(change(action)));
    assert_ne!(of_change("PutRolePolicy").series, of_change("DeleteRolePolicy").series);
    let by = |session: &str| {
        let id = json!(format!("AROAIN5ATK5U7KEXAMPLE:{session}"));
        Told::of_change(
            "uid-1",
            &changed(with(change("PutRolePolicy"), &[("/userIdentity/principalId", id)])),
        )
    };
    assert_ne!(
        by("alice").series,
        by("bob").series,
        "who changed a role is not confused"
    );
    assert!(first.chars().all(|character| character.is_ascii_hexdigit()));
}

#[test]
fn an_event_says_who_it_was_and_how() {
    let note = |record: Value, mfa| {
        let told = Told::of_use("uid-1", &used(record), mfa);
        (told.reason, told.is_warning, told.note)
    };
    let denied = with(named("a"), &[("/errorCode", json!("AccessDenied"))]);
    for (record, mfa, reason, warns, expected) in [
        (
            named("a"),
            Mfa::Yes,
            "Assumed",
            false,
            "assumed by arn:aws:iam::111111111111:user/anna, first at 2026-11-27T05:49:07Z with MFA, from 203.0.113.7, as session anna-audit",
        ),
        (
            nameless("a"),
            Mfa::Required,
            "Assumed",
            false,
            "assumed by AIDAQRSTUVWXYZEXAMPLE of account 111111111111, first at 2026-11-27T05:49:07Z with MFA, as the trust requires it, from 203.0.113.7, as session anna-audit",
        ),
        (
            nameless("a"),
            Mfa::Unknown,
            "Assumed",
            false,
            "assumed by AIDAQRSTUVWXYZEXAMPLE of account 111111111111, first at 2026-11-27T05:49:07Z (MFA unknown), from 203.0.113.7, as session anna-audit",
        ),
        (
            denied,
            Mfa::No,
            "AssumeDenied",
            true,
            "denied to arn:aws:iam::111111111111:user/anna, first at 2026-11-27T05:49:07Z without MFA, from 203.0.113.7: AccessDenied, as session anna-audit",
        ),
    ] {
        assert_eq!(note(record, mfa), (reason, warns, expected.to_owned()));
    }
    let told = Told::of_change("uid-1", &changed(change("PutRolePolicy")));
    assert_eq!(
        told.note,
        "arn:aws:sts::222222222222:assumed-role/Admin/mallory called PutRolePolicy, first at 2026-11-27T05:49:07Z, from 203.0.113.9"
    );
}

#[test]
fn all_that_a_notice_may_say_is_in_the_docs() {
    let page = include_str!("../../../../docs/events.md");
    let of_use = used(with(
        named("a"),
        &[
            ("/errorCode", json!("AccessDenied")),
            ("/requestParameters/sourceIdentity", json!("anna")),
        ],
    ));
    let data = of_use.details.data(&of_use.principal, Some(Mfa::Yes));
    assert_eq!(data.len(), 11, "{data:?}");
    for field in data.keys() {
        let rows = page.lines().filter(|line| line.starts_with("| `"));
        let first = |row: &str| {
            row.split('|')
                .nth(1)
                .unwrap_or_default()
                .contains(&format!("`{field}`"))
        };
        assert!(
            rows.filter(|row| first(row)).count() > 0,
            "{field} is not in docs/events.md"
        );
    }
}

#[test]
fn marks_are_read_back_as_they_were_written() {
    let marks = (0..1_000).map(|number| Mark::of(&format!("id-{number}"))).collect();
    let text = series::written(&marks);
    assert_eq!((text.len(), series::read(&text)), (8_000, marks));
    assert!(series::read("").is_empty() && series::read("short").is_empty());
}

#[test]
fn trust_requires_a_second_factor_where_every_way_in_for_principals_does() {
    let mfa = |trust: Value, raw: Value| {
        let object = json!({
            "apiVersion": "crossrole.dev/v1alpha1", "kind": "CrossAccountRole", "metadata": {"name": "a", "namespace": "b"},
            "spec": {"accounts": {"names": ["prod"]}, "trust": trust, "extraTrustStatements": raw},
        });
        mfa_by_trust(&serde_json::from_value(object).unwrap())
    };
    let users = json!({"from": {"accounts": ["111111111111"]}, "require": {"mfa": {"maxAge": "1h"}}});
    let roles = json!({"from": {"principals": ["arn:aws:iam::111111111111:role/ci"]}});
    let service = json!({"from": {"services": ["ec2.amazonaws.com"]}});
    let raw = json!([{"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "sts:AssumeRole"}]);
    assert_eq!(mfa(json!([users]), json!([])), Mfa::Required);
    assert_eq!(mfa(json!([users, service]), json!([])), Mfa::Required);
    assert_eq!(mfa(json!([users, roles]), json!([])), Mfa::Unknown);
    assert_eq!(mfa(json!([service]), json!([])), Mfa::Unknown);
    assert_eq!(mfa(json!([users]), raw), Mfa::Unknown);
}
