//! What was judged stays so while the account shows the same.

use jiff::Timestamp;

use super::*;

#[test]
fn a_role_is_as_it_was_only_where_the_account_was_read_lately_and_shows_what_was_found_right() {
    let (snapshot, now) = (snapshot(), Instant::now());
    let before = answer("us", "");
    let take = |answer: &RoleAnswer| {
        read_all(
            &snapshot,
            roles(&[("audit", answer.clone())], &[]),
            Keep::Changed,
            [],
            (now, now),
        )
    };
    let moment = Timestamp::UNIX_EPOCH;
    let is_as_it_was = |at| snapshot.stays_for(&audit(), BY, PAUSE, moment, at).is_some();
    take(&before);
    assert!(!is_as_it_was(now), "nobody found it right");
    snapshot.is_judged(&audit(), right(snapshot.print(&before)));
    assert!(is_as_it_was(now));
    assert!(!is_as_it_was(now + PAUSE), "that was long ago");
    take(&answer("us", "edited"));
    assert!(!is_as_it_was(now));
    take(&before);
    assert!(is_as_it_was(now));
    snapshot.is_looked_at(&audit());
    assert!(!is_as_it_was(now), "somebody looks at it");
    for (seconds, expected) in [(0, None), (1, Some(Duration::from_secs(1)))] {
        let until = Some(moment + jiff::SignedDuration::from_secs(seconds));
        let print = snapshot.print(&before);
        snapshot.is_judged(&audit(), Judged { print, by: BY, until });
        let stays_for = snapshot.stays_for(&audit(), BY, PAUSE, moment, now);
        assert_eq!(stays_for, expected, "something is due");
    }
    snapshot.is_written_to(&audit());
    assert!(!is_as_it_was(now));
}

#[test]
fn only_who_judged_a_role_goes_by_that() {
    let (snapshot, now) = (snapshot(), Instant::now());
    let ours = answer("us", "");
    snapshot.is_judged(&audit(), right(snapshot.print(&ours)));
    read_all(&snapshot, roles(&[("audit", ours)], &[]), Keep::Changed, [], (now, now));
    let stays = |by| {
        snapshot
            .stays_for(&audit(), by, PAUSE, Timestamp::UNIX_EPOCH, now)
            .is_some()
    };
    assert_eq!([BY, BY + 1].map(stays), [true, false]);
    snapshot.is_looked_at(&audit());
    assert!(!stays(BY), "whoever looks may come to something else");
}

#[test]
fn of_a_role_that_is_not_ours_the_answer_is_kept_where_somebody_asks_about_it() {
    let (snapshot, now) = (snapshot(), Instant::now());
    let foreign = answer("", "");
    let take = |keep| {
        read_all(
            &snapshot,
            roles(&[("audit", foreign.clone())], &[]),
            keep,
            [],
            (now, now),
        )
    };
    take(Keep::All);
    assert!(snapshot.shows(&audit(), Age::Usual, now).is_none(), "nobody asks");
    snapshot.is_looked_at(&audit());
    take(Keep::Changed);
    assert_eq!(print_of(&snapshot, now), Some(snapshot.print(&foreign)));
    snapshot.is_judged(&audit(), right(snapshot.print(&foreign)));
    take(Keep::Changed);
    assert!(snapshot.state().changed(Keep::Changed).is_empty());
    assert!(
        snapshot
            .stays_for(&audit(), BY, PAUSE, Timestamp::UNIX_EPOCH, now)
            .is_some()
    );
    assert!(snapshot.news().is_some_and(|(survey, _)| match survey {
        Survey::Taken { tagged, .. } => tagged.is_empty(),
        Survey::Denied(_) => false,
    }));
}

#[test]
fn all_roles_are_listed_while_somebody_asks_about_one_elsewhere_and_listing_them_is_not_denied() {
    let (snapshot, now) = (snapshot(), Instant::now());
    let take = |answer: Found| read_all(&snapshot, vec![("audit".into(), answer)], Keep::Changed, [], (now, now));
    let elsewhere = || Found::Elsewhere(String::new(), [].into_iter().collect());
    let listed_below = |at| snapshot.listed_below(&own(), at);
    take(elsewhere());
    assert_eq!(listed_below(now), own(), "nobody asks");
    snapshot.is_looked_at(&audit());
    take(elsewhere());
    assert_eq!(listed_below(now), Path::root());
    let at = |path: &str| {
        Found::Whole(RoleAnswer {
            path: path.into(),
            ..answer("", "")
        })
    };
    take(at("/legacy/"));
    assert_eq!(listed_below(now), Path::root(), "it is still there");
    snapshot.is_kept_below(now);
    assert_eq!(listed_below(now), own());
    assert_eq!(
        listed_below(now + KEPT_BELOW_FOR),
        Path::root(),
        "somebody may have mended it"
    );
    take(at("/crossrole/"));
    assert_eq!(listed_below(now + KEPT_BELOW_FOR), own());
}

#[test]
fn what_nobody_asks_about_any_more_is_forgotten() {
    let (snapshot, other) = (snapshot(), "Other".parse().unwrap());
    for role in [audit(), other] {
        snapshot.is_judged(&role, right(1));
        snapshot.is_looked_at(&role);
        snapshot.is_judged(&role, right(1));
    }
    snapshot.keep_only(|name| name == "audit");
    let state = snapshot.state();
    assert_eq!((state.judged.len(), state.awaited.len()), (1, 1));
    assert!(state.judged.contains_key("audit") && state.awaited.contains("audit"));
}

#[test]
fn an_absence_is_believed_for_as_long_as_whoever_asks_can_bear() {
    let (snapshot, now) = (snapshot(), Instant::now());
    read_all(&snapshot, Vec::new(), Keep::Changed, [], (now, now));
    let absent = |at| snapshot.shows(&audit(), Age::OldAbsence(PAUSE), at).is_some();
    assert!(absent(now) && !absent(now + PAUSE));
    assert!(snapshot.shows(&audit(), Age::Usual, now).is_none());
}
