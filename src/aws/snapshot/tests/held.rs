//! What is held in memory of what was read.

use super::*;

#[test]
fn of_a_page_nothing_is_kept_but_what_somebody_must_look_at() {
    let (snapshot, now) = (snapshot(), Instant::now());
    let ours = answer("us", "");
    read_all(
        &snapshot,
        roles(&[("audit", ours.clone())], &[]),
        Keep::Changed,
        [],
        (now, now),
    );
    snapshot.is_judged(&audit(), right(snapshot.print(&ours)));
    let mut gathered = Gathered::new(Keep::Changed, own());
    snapshot.gather(&mut gathered, "foreign".into(), Found::Whole(answer("", "")));
    snapshot.gather(&mut gathered, "audit".into(), Found::Whole(ours));
    snapshot.gather(&mut gathered, "changed".into(), Found::Whole(answer("us", "by hand")));
    let kept: Vec<&str> = gathered
        .ours
        .iter()
        .filter(|(_, shown)| shown.answer.is_some())
        .map(|(name, _)| name.as_ref())
        .collect();
    assert_eq!(kept, ["changed"]);
    assert_eq!((gathered.ours.len(), gathered.others.len()), (2, 1));
}

fn held(snapshot: &Snapshot) -> usize {
    let state = snapshot.state();
    let ours = state.taken.iter().flat_map(|taken| taken.ours.values());
    ours.filter(|shown| shown.answer.is_some()).count()
}

#[tokio::test]
async fn what_nobody_asked_for_is_not_held_until_the_next_reading() {
    let snapshot = Arc::new(snapshot());
    let read = |keep, began| {
        let known = roles(&[("audit", answer("us", "")), ("other", answer("us", ""))], &[]);
        read_all(&snapshot, known, keep, [], (began, began));
        snapshot.let_go_in_time();
    };
    let now = Instant::now();
    let long_ago = now.checked_sub(ACTED_ON_FOR).unwrap();
    for keep in [Keep::All, Keep::Changed] {
        snapshot.state().taken = None;
        read(keep, long_ago);
        assert_eq!(held(&snapshot), 2);
        while held(&snapshot) > 0 {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(snapshot.state().tagged().len(), 2, "what is small stays");
    // One that can be acted on, whichever reading's time is over.
    read(Keep::All, now);
    snapshot.let_go_of_old_answers(now);
    assert_eq!(held(&snapshot), 2);
    snapshot.let_go_of_old_answers(now + ACTED_ON_FOR);
    assert_eq!(held(&snapshot), 0);
}
