mod held;
mod judged;

use std::sync::Arc;

use crossrole_api::names::{CLUSTER_TAG, OWNER_TAG};

use super::*;
use crate::aws::read::Found;

fn snapshot() -> Snapshot {
    Snapshot::new(vec!["us".into(), "before-us".into()])
}

fn answer(cluster: &str, description: &str) -> RoleAnswer {
    let tags = [(CLUSTER_TAG, cluster), (OWNER_TAG, "security/audit")];
    let tags = tags.iter().filter(|_| !cluster.is_empty());
    RoleAnswer {
        arn: "arn:aws:iam::222222222222:role/crossrole/Audit".into(),
        id: "AROA1".into(),
        description: description.into(),
        tags: tags.map(|(key, value)| (key.to_string(), value.to_string())).collect(),
        ..RoleAnswer::default()
    }
}

type Roles = Vec<(String, Found)>;

fn roles(known: &[(&str, RoleAnswer)], others: &[&str]) -> Roles {
    let known = known
        .iter()
        .map(|(name, answer)| (name.to_string(), Found::Whole(answer.clone())));
    known
        .chain(
            others
                .iter()
                .map(|name| (name.to_string(), Found::Listed(String::new()))),
        )
        .collect()
}

/// All roles are read.
fn read_all(
    snapshot: &Snapshot,
    roles: Roles,
    keep: Keep,
    doubtful: impl IntoIterator<Item = String>,
    time: (Instant, Instant),
) {
    let mut gathered = Gathered::new(keep, own());
    for (name, answer) in roles {
        snapshot.gather(&mut gathered, name, answer);
    }
    snapshot.taken(gathered, doubtful, time);
}

fn right(print: u64) -> Judged {
    Judged {
        print,
        by: BY,
        until: None,
    }
}

/// Who judges.
const BY: u64 = 7;

fn own() -> Path {
    "/crossrole/".parse().unwrap()
}

fn audit() -> RoleName {
    "Audit".parse().unwrap()
}

fn print_of(snapshot: &Snapshot, now: Instant) -> Option<u64> {
    snapshot.shows(&audit(), Age::Usual, now)?.unwrap().1
}

#[test]
fn a_role_of_ours_is_told_once_and_an_absent_one_as_often_as_asked() {
    let (snapshot, now) = (snapshot(), Instant::now());
    assert!(snapshot.shows(&audit(), Age::Usual, now).is_none(), "nothing was read");
    let ours = answer("us", "");
    read_all(
        &snapshot,
        roles(&[("audit", ours.clone())], &["other"]),
        Keep::Changed,
        [],
        (now, now),
    );
    assert_eq!(print_of(&snapshot, now), Some(snapshot.print(&ours)));
    assert!(snapshot.shows(&audit(), Age::Usual, now).is_none());
    for _ in 0..2 {
        let absent = snapshot
            .shows(&"Absent".parse().unwrap(), Age::OldAbsence(Duration::MAX), now)
            .unwrap()
            .unwrap();
        assert_eq!(absent, (Observed::Absent, None));
    }
    assert!(
        snapshot.shows(&"OTHER".parse().unwrap(), Age::Usual, now).is_none(),
        "it is read alone"
    );
}

#[test]
fn what_is_right_is_not_kept_until_it_changes_and_is_looked_at_then() {
    let (snapshot, now) = (snapshot(), Instant::now());
    let before = answer("us", "");
    let take = |answer: &RoleAnswer, keep| {
        read_all(
            &snapshot,
            roles(&[("audit", answer.clone())], &[]),
            keep,
            [],
            (now, now),
        )
    };
    take(&before, Keep::Changed);
    assert_eq!(
        snapshot.state().changed(Keep::Changed),
        ["audit"],
        "nobody has looked at it yet"
    );
    snapshot.is_judged(&audit(), right(snapshot.print(&before)));
    take(&before, Keep::Changed);
    assert!(snapshot.state().changed(Keep::Changed).is_empty());
    assert!(snapshot.shows(&audit(), Age::Usual, now).is_none());
    take(&before, Keep::All);
    assert!(snapshot.shows(&audit(), Age::Usual, now).is_some());
    for after in [
        answer("us", "edited"),
        RoleAnswer {
            trust: "edited".into(),
            ..before.clone()
        },
        // Somebody stripped the tags.
        answer("", ""),
    ] {
        take(&after, Keep::Changed);
        assert_eq!(snapshot.state().changed(Keep::Changed), ["audit"]);
        assert_eq!(print_of(&snapshot, now), Some(snapshot.print(&after)));
    }
    read_all(&snapshot, roles(&[], &[]), Keep::Changed, [], (now, now));
    assert_eq!(snapshot.state().changed(Keep::Changed), ["audit"], "it is gone");
    let shown = snapshot.shows(&audit(), Age::OldAbsence(Duration::MAX), now);
    assert_eq!(shown.unwrap().unwrap().0, Observed::Absent);
}

#[test]
fn what_was_shown_before_our_own_write_does_not_count() {
    let (snapshot, now) = (snapshot(), Instant::now());
    let ours = answer("us", "");
    snapshot.is_judged(&audit(), right(snapshot.print(&ours)));
    read_all(
        &snapshot,
        roles(&[("audit", ours.clone())], &[]),
        Keep::All,
        [],
        (now, now),
    );
    snapshot.is_written_to(&audit());
    assert!(snapshot.shows(&audit(), Age::Usual, now).is_none());
    assert!(snapshot.state().changed(Keep::Changed).is_empty());
    assert!(snapshot.state().tagged().is_empty());
    // A read that began too soon after the write.
    read_all(&snapshot, roles(&[], &[]), Keep::All, ["audit".to_string()], (now, now));
    assert!(snapshot.shows(&audit(), Age::Usual, now).is_none());
    assert!(snapshot.state().changed(Keep::Changed).is_empty());
    // One that did not: whoever wrote has not looked at what became of it.
    read_all(&snapshot, roles(&[("audit", ours)], &[]), Keep::All, [], (now, now));
    assert_eq!(snapshot.state().changed(Keep::Changed), ["audit"]);
}

#[test]
fn what_was_shown_long_ago_is_not_acted_on_but_to_make_what_was_absent() {
    let (snapshot, began) = (snapshot(), Instant::now());
    let later = began + ACTED_ON_FOR;
    read_all(
        &snapshot,
        roles(&[("audit", answer("us", ""))], &[]),
        Keep::All,
        [],
        (began, began),
    );
    assert!(
        snapshot
            .shows(&audit(), Age::OldAbsence(Duration::MAX), later)
            .is_none()
    );
    let absent = "Absent".parse().unwrap();
    assert!(
        snapshot.shows(&absent, Age::Usual, began).is_none(),
        "only whoever makes it is told otherwise"
    );
    let shown = snapshot.shows(&absent, Age::OldAbsence(Duration::MAX), later);
    assert_eq!(shown.unwrap().unwrap(), (Observed::Absent, None));
}

#[test]
fn what_took_long_to_read_is_acted_on_for_longer_but_not_for_ever() {
    let began = Instant::now();
    for (took, acted_on_for) in [(0, 30), (14, 30), (25, 50), (60, 120), (600, 120)] {
        let snapshot = snapshot();
        let ended = began + Duration::from_secs(took);
        let acted_on_for = began + Duration::from_secs(acted_on_for);
        for (seconds, expected) in [(0, false), (1, true)] {
            let known = roles(&[("audit", answer("us", ""))], &[]);
            read_all(&snapshot, known, Keep::All, [], (began, ended));
            let now = acted_on_for - Duration::from_secs(seconds);
            assert_eq!(print_of(&snapshot, now).is_some(), expected, "{took}");
        }
    }
}

#[test]
fn all_roles_are_read_first_of_all_and_then_when_many_wait() {
    let (snapshot, now) = (snapshot(), Instant::now());
    assert!(snapshot.worth_taking(1, now).is_some());
    read_all(&snapshot, roles(&[], &[]), Keep::All, [], (now, now));
    assert!(snapshot.worth_taking(1, now + PAUSE * 2).is_none());
    assert!(snapshot.worth_taking(TOGETHER, now + PAUSE).is_none());
    assert!(snapshot.worth_taking(TOGETHER, now + PAUSE * 2).is_some());
    let ended = now + PAUSE * 2;
    read_all(&snapshot, roles(&[], &[]), Keep::All, [], (now, ended));
    assert!(snapshot.worth_taking(TOGETHER, ended + PAUSE).is_none(), "it took long");
    let ended = now + ACTED_ON_AT_MOST;
    read_all(&snapshot, roles(&[], &[]), Keep::All, [], (now, ended));
    assert!(
        snapshot.worth_taking(TOGETHER, ended + PAUSE * 2).is_none(),
        "it would be too old"
    );
    snapshot.was_denied(&denied(), now);
    assert!(snapshot.worth_taking(TOGETHER, now + PAUSE * 2).is_none());
    assert_eq!(snapshot.age(now + PAUSE), Some(PAUSE));
}

#[test]
fn who_looks_at_one_role_when_all_are_about_to_be_read_reads_all() {
    let (snapshot, now) = (snapshot(), Instant::now());
    read_all(&snapshot, roles(&[], &[]), Keep::Changed, [], (now, now));
    let each = Duration::from_secs(240);
    assert_eq!(snapshot.worth_taking(1, now + each), None, "nobody said how often");
    snapshot.is_read_each(each);
    assert_eq!(snapshot.worth_taking(1, now + each - Duration::from_secs(1)), None);
    assert_eq!(snapshot.worth_taking(1, now + each), Some(Keep::Changed));
    assert_eq!(snapshot.worth_taking(TOGETHER, now + each), Some(Keep::All));
}

fn denied() -> CallError {
    let failure = crossrole_plan::outcome::Failure::PermissionDenied;
    CallError::new(crate::aws::Action::ListRoles, failure, "as tests have it")
}

#[test]
fn what_came_of_a_reading_is_told_until_somebody_says_that_it_was() {
    let (snapshot, now) = (snapshot(), Instant::now());
    assert_eq!(snapshot.news(), None);
    let tell = || {
        let (survey, reading) = snapshot.news().unwrap();
        assert!(snapshot.news().is_some(), "nobody said that it was told");
        snapshot.is_told(reading);
        assert_eq!(snapshot.news(), None);
        survey
    };
    let read = |keep| {
        read_all(
            &snapshot,
            roles(&[("audit", answer("us", ""))], &[]),
            keep,
            [],
            (now, now),
        )
    };
    let count = |keep| {
        read(keep);
        let Survey::Taken { changed, tagged } = tell() else {
            unreachable!("it was read");
        };
        assert_eq!(tagged.len(), 1);
        changed.len()
    };
    assert_eq!(count(Keep::All), 0, "those for whom it was read are looking at it");
    assert_eq!(count(Keep::Changed), 1);
    // Nobody looks at what was found right.
    snapshot.is_judged(&audit(), right(snapshot.print(&answer("us", ""))));
    assert_eq!(count(Keep::All), 0);
    snapshot.is_judged(&audit(), right(snapshot.print(&answer("us", "before"))));
    assert_eq!(count(Keep::All), 1);
    snapshot.was_denied(&denied(), now);
    let (_, old) = snapshot.news().unwrap();
    assert_eq!(tell(), Survey::Denied(denied()));
    read(Keep::Changed);
    snapshot.is_told(old);
    assert!(
        matches!(tell(), Survey::Taken { .. }),
        "what is told late is not the newest"
    );
}

#[test]
fn what_stays_wrong_is_kept_only_when_it_is_news() {
    let (snapshot, now) = (snapshot(), Instant::now());
    let read = |description: &str| {
        let known = roles(&[("audit", answer("us", description))], &[]);
        read_all(&snapshot, known, Keep::Changed, [], (now, now));
        print_of(&snapshot, now).is_some()
    };
    assert!(read("wrong"));
    assert!(!read("wrong"));
    assert!(read("wrong otherwise"));
    snapshot.is_judged(&audit(), right(snapshot.print(&answer("us", ""))));
    assert!(!read(""));
}

#[test]
fn only_roles_with_the_tags_of_our_clusters_are_told_as_ours() {
    let (snapshot, now) = (snapshot(), Instant::now());
    let known = [
        ("a", answer("us", "")),
        ("b", answer("before-us", "")),
        ("c", answer("elsewhere", "")),
        ("d", answer("", "")),
    ];
    read_all(&snapshot, roles(&known, &["e"]), Keep::Changed, [], (now, now));
    let mut tagged: Vec<String> = snapshot.state().tagged().into_iter().map(|role| role.name).collect();
    tagged.sort();
    assert_eq!(tagged, ["a", "b"]);
    assert!(
        snapshot.shows(&"C".parse().unwrap(), Age::Usual, now).is_none(),
        "it is read alone"
    );
}

#[test]
fn after_a_reading_that_failed_each_role_is_read_alone_for_a_while() {
    let (snapshot, now) = (snapshot(), Instant::now());
    snapshot.has_failed(&denied(), now);
    assert!(snapshot.worth_taking(TOGETHER, now).is_none());
    assert!(snapshot.worth_taking(TOGETHER, now + ALONE_FOR).is_some());
}

#[test]
fn who_is_told_to_make_fewer_calls_does_not_read_each_role_alone() {
    let (snapshot, now) = (snapshot(), Instant::now());
    assert_eq!(snapshot.was_throttled_lately(now), None);
    let throttled = CallError::new(crate::aws::Action::ListRoles, Failure::Throttled, "as tests have it");
    snapshot.has_failed(&throttled, now);
    assert_eq!(snapshot.was_throttled_lately(now), Some(throttled.clone()));
    assert_eq!(snapshot.was_throttled_lately(now + PAUSE), None);
    // Who is never let in must do without.
    for _ in 0..5 {
        snapshot.has_failed(&throttled, now);
        assert!(snapshot.was_throttled_lately(now).is_some(), "a moment is one time");
    }
    let now = now + PAUSE * 2;
    snapshot.has_failed(&throttled, now - PAUSE);
    assert!(snapshot.was_throttled_lately(now - PAUSE).is_some());
    snapshot.has_failed(&throttled, now);
    assert_eq!(snapshot.was_throttled_lately(now), None);
    assert!(snapshot.worth_taking(TOGETHER, now + PAUSE).is_none());
    assert!(snapshot.worth_taking(TOGETHER, now + ALONE_FOR).is_some());
    snapshot.has_failed(&denied(), now);
    snapshot.has_failed(&throttled, now);
    assert!(snapshot.was_throttled_lately(now).is_some(), "it is counted anew");
    snapshot.has_failed(&denied(), now);
    assert_eq!(snapshot.was_throttled_lately(now), None);
}

#[test]
fn whoever_waits_while_all_roles_are_read_gets_the_answer_even_if_it_is_no_news() {
    let (snapshot, now) = (snapshot(), Instant::now());
    let read = || {
        read_all(
            &snapshot,
            roles(&[("audit", answer("us", ""))], &[]),
            Keep::Changed,
            [],
            (now, now),
        )
    };
    read();
    assert!(print_of(&snapshot, now).is_some());
    read();
    assert_eq!(print_of(&snapshot, now), None, "it is no news");
    snapshot.is_looked_at(&audit());
    read();
    assert!(print_of(&snapshot, now).is_some());
    read();
    assert_eq!(print_of(&snapshot, now), None, "it was told");
    snapshot.is_looked_at(&audit());
    snapshot.was_told(&audit());
    read();
    assert_eq!(print_of(&snapshot, now), None, "it was read otherwise");
}

#[test]
fn a_role_with_our_tags_is_told_wherever_it_is() {
    let (snapshot, now) = (snapshot(), Instant::now());
    let moved = |cluster: &str| {
        let RoleAnswer { arn, tags, .. } = answer(cluster, "");
        vec![("moved".to_string(), Found::Elsewhere(arn, tags))]
    };
    for (cluster, told) in [("us", 1), ("before-us", 1), ("another", 0), ("", 0)] {
        read_all(&snapshot, moved(cluster), Keep::Changed, [], (now, now));
        let Some((Survey::Taken { tagged, changed }, _)) = snapshot.news() else {
            panic!("nothing was read");
        };
        assert_eq!((tagged.len(), changed.len()), (told, 0), "{cluster}");
        assert!(tagged.iter().all(|role| role.owner == "security/audit"));
    }
    // One that we removed a moment ago, which one call still shows; and one whose tags name no object.
    take_and_tell_nothing(&snapshot, moved("us"), ["moved".to_string()], now);
    let mut nobodys = moved("us");
    for (_, role) in &mut nobodys {
        if let Found::Elsewhere(_, tags) = role {
            tags.remove(OWNER_TAG);
        }
    }
    take_and_tell_nothing(&snapshot, nobodys, [], now);
}

fn take_and_tell_nothing(snapshot: &Snapshot, roles: Roles, doubtful: impl IntoIterator<Item = String>, now: Instant) {
    read_all(snapshot, roles, Keep::Changed, doubtful, (now, now));
    assert!(snapshot.state().tagged().is_empty());
}
