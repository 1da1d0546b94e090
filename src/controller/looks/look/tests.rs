use super::*;
use crate::aws::Judged;

const INTERVAL: Duration = Duration::from_secs(600);

fn look(now: Instant) -> Look {
    Look::new(1, 0, now)
}

fn finished(outcome: Outcome, at_latest: Option<Duration>) -> Finished {
    let verdict = Verdict {
        account: "prod".into(),
        account_id: None,
        named: true,
        role: None,
        outcome,
    };
    Finished {
        at_latest,
        ..Finished::of(verdict)
    }
}

fn retrying() -> Outcome {
    Outcome::waits(crossrole_api::EntryState::Retrying, Reason::Throttled, "")
}

#[test]
fn a_look_begins_once_and_again_for_another_task_or_when_somebody_asks() {
    let now = Instant::now();
    let mut look = look(now);
    assert!(look.begin(1, 0, now, Duration::ZERO));
    assert!(!look.begin(2, 0, now, Duration::ZERO), "it is under way");
    assert_eq!(look.wanted, 2);
    look.running = None;
    look.settle(2, finished(Outcome::ready(), None), INTERVAL, now);
    assert!(!look.begin(2, 0, now, Duration::ZERO), "nothing is due");
    assert!(look.begin(2, 7, now, Duration::ZERO), "somebody asks");
    look.running = None;
    assert!(look.begin(3, 0, now, Duration::ZERO), "another task");
}

#[test]
fn what_somebody_asked_for_is_asked_for_until_the_account_was_read() {
    let now = Instant::now();
    let mut look = look(now);
    let end = |look: &mut Look, print, outcome, unread| {
        look.running = None;
        let finished = Finished {
            unread,
            ..finished(outcome, None)
        };
        look.settle(print, finished, INTERVAL, now);
    };
    assert!(look.begin(1, 0, now, Duration::ZERO) && !look.is_anew());
    end(&mut look, 1, Outcome::ready(), false);
    assert!(look.begin(1, 7, now, Duration::ZERO) && look.is_anew());
    look.give_up(now);
    assert!(look.begin(1, 7, now, Duration::ZERO) && look.is_anew());
    look.give_up(now);
    assert!(look.begin(2, 7, now, Duration::ZERO) && look.is_anew());
    end(&mut look, 2, retrying(), true);
    assert!(
        !look.begin(2, 7, now, Duration::ZERO),
        "what failed is tried in its time"
    );
    assert!(look.begin(2, 7, look.due, Duration::ZERO) && look.is_anew());
    // It was read, and then something else failed.
    end(&mut look, 2, retrying(), false);
    assert!(look.begin(2, 7, look.due, Duration::ZERO) && !look.is_anew());
}

#[test]
fn what_somebody_changed_from_outside_is_read_anew_however_often_and_whenever() {
    let now = Instant::now();
    let mut look = look(now);
    let end = |look: &mut Look, unread| {
        look.running = None;
        let finished = Finished {
            unread,
            ..finished(Outcome::ready(), None)
        };
        look.settle(1, finished, INTERVAL, now);
    };
    assert!(look.begin(1, 0, now, Duration::ZERO) && !look.is_anew());
    end(&mut look, false);
    look.is_changed(now);
    assert!(!look.is_due_by_itself(now));
    assert!(look.begin(1, 0, now, Duration::ZERO) && look.is_anew());
    // Once more while it is read: what it reads may be what was before.
    look.is_changed(now);
    assert!(!look.begin(1, 0, now, Duration::ZERO), "it is under way");
    end(&mut look, false);
    assert!(look.begin(1, 0, now, Duration::ZERO) && look.is_anew());
    end(&mut look, true);
    assert!(!look.begin(1, 0, now, Duration::ZERO), "its time has not come");
    assert!(
        look.begin(1, 0, look.due, Duration::ZERO) && look.is_anew(),
        "it could not be read"
    );
    end(&mut look, false);
    assert!(look.begin(1, 0, look.due, Duration::ZERO) && !look.is_anew());
}

#[test]
fn what_was_found_before_a_look_that_was_given_up_counts_no_more() {
    let now = Instant::now();
    let mut look = look(now);
    assert!(look.begin(1, 0, now, Duration::ZERO));
    look.running = None;
    look.settle(1, finished(Outcome::ready(), None), INTERVAL, now);
    assert!(look.begin(2, 0, now, Duration::ZERO), "something else is declared");
    assert!(!look.begin(1, 0, now, Duration::ZERO), "and then what was before");
    look.give_up(now);
    assert!(look.begin(1, 0, now, Duration::ZERO));
}

#[test]
fn an_object_that_follows_another_is_looked_at_when_the_look_at_that_has_ended() {
    let now = Instant::now();
    let mut look = look(now);
    assert!(look.begin(1, 0, now, Duration::ZERO));
    look.forget();
    assert!(!look.begin(1, 0, now, Duration::ZERO));
    look.give_up(now);
    assert!(look.begin(1, 0, now, Duration::ZERO));
}

#[test]
fn what_failed_is_looked_at_later_and_later_and_what_is_true_at_the_interval() {
    let now = Instant::now();
    let mut look = look(now);
    for (round, longest) in [1, 2, 4, 8].into_iter().enumerate() {
        look.settle(1, finished(retrying(), None), INTERVAL, now);
        let wait = look.due - now;
        assert!(wait <= Duration::from_secs(longest), "{round}: {wait:?}");
        assert!(wait >= Duration::from_secs(longest) / 2, "{round}: {wait:?}");
        assert!(
            !look.begin(1, 0, now, Duration::from_secs(60)),
            "slack is for what is true"
        );
    }
    look.settle(1, finished(Outcome::ready(), None), INTERVAL, now);
    assert!(look.due - now >= outcome::regular(INTERVAL, 0.0));
    assert_eq!(look.failures, 0);
    assert!(
        look.begin(1, 0, now, INTERVAL * 2),
        "together with the others of its object"
    );
    look.running = None;
    look.settle(
        1,
        finished(Outcome::ready(), Some(Duration::from_secs(15))),
        INTERVAL,
        now,
    );
    assert_eq!(look.due, now + Duration::from_secs(15));
}

#[test]
fn what_may_pass_by_itself_is_looked_at_soon_again_and_rarer_each_time() {
    let now = Instant::now();
    let mut look = look(now);
    let denied = || Outcome::Stands {
        state: crossrole_api::EntryState::Refused,
        reason: Reason::PermissionDenied,
        message: String::new(),
        next: NextLook::Interval,
    };
    let settle = |may_pass, look: &mut Look| {
        let finished = Finished {
            may_pass,
            ..finished(denied(), None)
        };
        look.settle(1, finished, INTERVAL, now);
        look.due - now
    };
    assert_eq!(settle(true, &mut look), Duration::from_secs(5));
    assert_eq!(settle(true, &mut look), Duration::from_millis(7_500));
    assert!(settle(false, &mut look) > INTERVAL / 2);
    assert_eq!(settle(true, &mut look), Duration::from_secs(5));
    let last = (0..30).map(|_| settle(true, &mut look)).last();
    assert!(last > Some(INTERVAL / 2), "{last:?}");
}

#[test]
fn what_was_tried_in_vain_for_long_does_not_slow_down_another_task() {
    let now = Instant::now();
    let mut look = look(now);
    let failing = |print, look: &mut Look| {
        let finished = Finished {
            may_pass: true,
            ..finished(retrying(), None)
        };
        look.settle(print, finished, INTERVAL, now);
        look.due - now
    };
    let last = (0..12).map(|_| failing(1, &mut look)).last();
    assert!(last > Some(Duration::from_secs(60)), "{last:?}");
    assert!(failing(2, &mut look) <= Duration::from_secs(1));
}

#[test]
fn what_comes_to_pass_while_a_look_is_under_way_is_not_missed() {
    let now = Instant::now();
    let throttled = |verdict: &Verdict| has_reason(verdict, &[Reason::Throttled]);
    for (outcome, at_once) in [(retrying(), true), (Outcome::ready(), false)] {
        let mut look = look(now);
        assert!(look.begin(1, 0, now, Duration::ZERO));
        assert!(
            !expire(std::iter::once(&mut look), throttled),
            "nothing has come of it yet"
        );
        look.running = None;
        look.settle(1, finished(outcome, None), INTERVAL, now);
        assert_eq!(look.due == now, at_once);
        look.settle(1, finished(retrying(), None), INTERVAL, now);
        assert!(look.due > now, "once is enough");
    }
}

#[test]
fn only_looks_that_ended_with_the_reason_expire() {
    let later = Instant::now() + INTERVAL;
    let mut looks = [look(later), look(later), look(later)];
    looks[0].done = Some((1, finished(retrying(), None).verdict));
    looks[1].done = Some((1, finished(Outcome::ready(), None).verdict));
    let throttled = |verdict: &Verdict| has_reason(verdict, &[Reason::Throttled]);
    assert!(expire(looks.iter_mut(), throttled));
    let expired: Vec<bool> = looks.iter().map(|look| look.due < later).collect();
    assert_eq!(expired, [true, false, false]);
    assert!(!expire(looks[1..].iter_mut(), throttled));
}

#[test]
fn what_hangs_on_what_the_account_shows_expires_when_that_changes_and_nothing_else_does() {
    let later = Instant::now() + INTERVAL;
    let refused = || Outcome::Stands {
        state: crossrole_api::EntryState::Refused,
        reason: Reason::PolicyNotAllowed,
        message: String::new(),
        next: NextLook::Interval,
    };
    let judged = Some(Judged {
        print: 1,
        by: 1,
        until: None,
    });
    for (outcome, judged, expires) in [
        (refused(), judged, true),
        (refused(), None, false),
        (Outcome::ready(), None, true),
        (retrying(), None, false),
    ] {
        let mut look = look(later);
        let finished = Finished {
            judged,
            ..finished(outcome, None)
        };
        look.settle(1, finished, INTERVAL, later);
        assert_eq!(look.expire_where(Look::goes_by_what_is_shown), expires, "{look:?}");
        assert_eq!(look.due < later, expires);
        // It stays judged where the account shows it as it was, and only there.
        look.found_again(Duration::MAX, INTERVAL, later);
        assert_eq!(look.judged, judged.is_some());
    }
}

#[test]
fn after_a_write_a_look_comes_early_by_little() {
    let now = Instant::now();
    let mut look = look(now);
    for (wrote, is_due) in [(false, true), (true, false)] {
        let finished = Finished {
            wrote,
            ..finished(Outcome::ready(), Some(Duration::from_secs(100)))
        };
        look.settle(1, finished, INTERVAL, now);
        assert_eq!(look.is_due_within(Duration::from_secs(120), now), is_due);
        assert!(look.is_due_within(Duration::from_secs(480), now));
    }
}

#[test]
fn what_ends_access_is_urgent_until_it_has_done_so() {
    let now = Instant::now();
    let mut look = look(now);
    assert!(!look.has_ended_it(1), "nobody has looked");
    look.settle(1, finished(retrying(), None), INTERVAL, now);
    assert!(!look.has_ended_it(1), "it failed");
    look.settle(1, finished(Outcome::ready(), None), INTERVAL, now);
    assert!(look.has_ended_it(1) && !look.has_ended_it(2), "another task");
}
