use super::breaker::{FAILURES_UNTIL_CLOSED, ONE_FAILURE};
use super::*;

fn error(failure: Failure) -> CallError {
    CallError::new(Action::GetRole, failure, "as tests have it")
}

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

const AT_ONCE: Admission = Admission::After(Duration::ZERO);

/// A call fails as soon as it is sent.
fn fails(pace: &mut Pace, failure: Failure, now: Instant) {
    assert!(!pace.failed(&error(failure), now, now, 1.0), "{failure:?}");
}

/// Closed since then for want of an answer.
fn closed(now: Instant) -> Pace {
    let mut pace = Pace::new(now - ONE_FAILURE * 4);
    for second in (0..FAILURES_UNTIL_CLOSED).rev() {
        assert!(!pace.is_closed());
        fails(&mut pace, Failure::Unavailable, now - ONE_FAILURE * second);
    }
    assert!(pace.is_closed());
    pace
}

#[test]
fn failures_in_five_seconds_in_a_row_close_the_account_and_one_call_tries_it_later() {
    let start = Instant::now() + seconds(10.0);
    let mut pace = closed(start);
    let trouble = error(Failure::Unavailable);
    assert_eq!(pace.admit(Action::GetRole, start), Admission::Closed(trouble.clone()));
    let later = start + seconds(1.0);
    assert_eq!(pace.admit(Action::GetRole, later), AT_ONCE);
    let another = pace.admit(Action::GetRole, later);
    assert_eq!(another, Admission::Closed(trouble.clone()), "one call alone tries");
    fails(&mut pace, Failure::Unavailable, later);
    let refused = pace.admit(Action::GetRole, later + seconds(1.9));
    assert_eq!(refused, Admission::Closed(trouble.clone()));
    let later = later + seconds(2.0);
    assert_eq!(pace.admit(Action::GetRole, later), AT_ONCE);
    assert!(pace.answered(Action::GetRole, later, later), "it did not answer before");
    assert!(!pace.answered(Action::GetRole, later, later));
    assert_eq!(pace.admit(Action::GetRole, later), AT_ONCE);
}

#[test]
fn calls_that_fail_together_are_one_failure() {
    let start = Instant::now();
    let mut pace = Pace::new(start);
    for call in 0..100 {
        fails(&mut pace, Failure::Unavailable, start + Duration::from_millis(call * 9));
    }
    assert_eq!(pace.admit(Action::GetRole, start), AT_ONCE);
}

#[test]
fn what_becomes_of_calls_that_were_sent_before_it_closed_is_no_news() {
    let now = Instant::now() + seconds(10.0);
    let mut pace = closed(now);
    let (sent, later) = (now - seconds(1.0), now + seconds(0.5));
    for _ in 0..20 {
        pace.failed(&error(Failure::Unavailable), sent, later, 1.0);
    }
    assert!(!pace.answered(Action::GetRole, sent, later));
    assert!(pace.is_closed());
    assert_eq!(
        pace.closed_since(Side::Bootstrap, sent),
        Some(error(Failure::Unavailable))
    );
    assert_eq!(pace.closed_since(Side::Bootstrap, now), None);
    assert_eq!(
        pace.admit(Action::GetRole, now + seconds(1.0)),
        AT_ONCE,
        "the pause has not grown"
    );
}

#[test]
fn throttling_makes_slower_and_closes_nothing() {
    let start = Instant::now() + seconds(10.0);
    let mut pace = Pace::new(start);
    assert!(!pace.is_slow(start));
    for second in 0..20 {
        fails(&mut pace, Failure::Throttled, start + seconds(f64::from(second)));
    }
    assert!(pace.is_slow(start) && !pace.is_closed());
    // Who throttles answers.
    let mut pace = closed(start);
    let later = start + seconds(1.0);
    assert_eq!(pace.admit(Action::GetRole, later), AT_ONCE);
    assert!(pace.failed(&error(Failure::Throttled), later, later, 1.0));
    assert!(!pace.is_closed());
}

#[test]
fn how_often_sts_may_be_asked_is_not_counted_in_the_account() {
    let now = Instant::now() + seconds(10.0);
    let throttled = CallError::new(Action::AssumeRole, Failure::Throttled, "as tests have it");
    let mut pace = Pace::new(now);
    assert!(!pace.failed(&throttled, now, now, 1.0));
    assert!(!pace.is_slow(now));
    assert_eq!(pace.admit(Action::GetRole, now), AT_ONCE);
    // As the one that tries it says nothing of the account, and another one tries soon.
    let mut pace = closed(now);
    let later = now + seconds(1.0);
    assert_eq!(pace.admit(Action::AssumeRole, later), AT_ONCE);
    assert!(!pace.failed(&throttled, later, later, 1.0));
    assert!(matches!(pace.admit(Action::AssumeRole, later), Admission::Closed(_)));
    assert_eq!(pace.admit(Action::AssumeRole, later + ONE_FAILURE), AT_ONCE);
}

#[test]
fn a_session_that_is_no_longer_accepted_says_nothing_of_the_account() {
    let start = Instant::now();
    let mut pace = Pace::new(start);
    let mut expired = error(Failure::Unavailable);
    expired.code = "ExpiredToken".into();
    for second in 0..20 {
        let now = start + seconds(f64::from(second));
        pace.failed(&expired, now, now, 1.0);
    }
    assert!(!pace.is_closed());
}

#[test]
fn an_account_is_slow_while_its_answers_take_more_than_a_second() {
    let start = Instant::now();
    let mut pace = Pace::new(start);
    let answers = |pace: &mut Pace, action, took| pace.answered(action, start, start + seconds(took));
    answers(&mut pace, Action::GetAccountAuthorizationDetails, 60.0);
    assert!(!pace.is_slow(start), "that takes long everywhere");
    answers(&mut pace, Action::GetRole, 5.0);
    assert!(pace.is_slow(start));
    answers(&mut pace, Action::GetRole, 0.1);
    assert!(!pace.is_slow(start), "{:?}", pace.took);
}

#[test]
fn where_all_roles_cannot_be_read_at_once_each_can_be_read_alone() {
    let start = Instant::now() + seconds(10.0);
    for action in [Action::ListRoles, Action::GetAccountAuthorizationDetails] {
        let trouble = CallError::new(action, Failure::Unavailable, "it took too long");
        let mut pace = Pace::new(start);
        for second in 0..20 {
            let now = start + seconds(f64::from(second));
            pace.failed(&trouble, now, now, 1.0);
        }
        assert!(!pace.is_closed(), "{action}");
        // But it tries as well as any other.
        let mut pace = closed(start);
        let later = start + seconds(1.0);
        assert_eq!(pace.admit(action, later), AT_ONCE);
        pace.failed(&trouble, later, later, 1.0);
        assert!(matches!(
            pace.admit(Action::GetRole, later + seconds(1.9)),
            Admission::Closed(_)
        ));
        assert_eq!(pace.admit(Action::GetRole, later + seconds(2.0)), AT_ONCE);
    }
}

#[test]
fn a_trial_that_never_ends_does_not_keep_the_account_closed() {
    let start = Instant::now();
    let mut pace = Pace::new(start);
    fails(&mut pace, Failure::BootstrapDenied, start);
    let later = start + seconds(1.0);
    assert_eq!(pace.admit(Action::GetRole, later), AT_ONCE);
    let still = pace.admit(Action::GetRole, later + seconds(89.0));
    assert!(matches!(still, Admission::Closed(_)));
    assert_eq!(pace.admit(Action::GetRole, later + seconds(90.0)), AT_ONCE);
}

#[test]
fn pauses_grow_to_a_minute_or_to_five_where_a_person_must_act() {
    for (failure, longest) in [(Failure::Unavailable, 60.0), (Failure::BootstrapDenied, 300.0)] {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        for _ in 0..20 {
            fails(&mut pace, failure, now);
            now += seconds(longest);
        }
        fails(&mut pace, failure, now);
        let still = pace.admit(Action::GetRole, now + seconds(longest - 0.1));
        assert!(matches!(still, Admission::Closed(_)));
        assert_eq!(pace.admit(Action::GetRole, now + seconds(longest)), AT_ONCE);
    }
}

#[test]
fn a_call_that_work_goes_on_without_neither_closes_an_account_nor_tries_one() {
    let start = Instant::now() + seconds(10.0);
    let mut pace = Pace::new(start);
    let dispensable = CallError::new(Action::GetAccountSummary, Failure::Unavailable, "as tests have it");
    for second in 0..100 {
        let now = start + seconds(f64::from(second));
        assert!(!pace.failed(&dispensable, now, now, 1.0));
    }
    assert_eq!(pace.admit(Action::GetRole, start), AT_ONCE);
    let mut pace = closed(start);
    let later = start + seconds(1.0);
    let refused = pace.admit(Action::GetAccountSummary, later);
    assert_eq!(refused, Admission::Closed(error(Failure::Unavailable)));
    assert_eq!(pace.admit(Action::GetRole, later), AT_ONCE);
}

#[test]
fn what_an_account_says_of_one_role_never_closes_it() {
    let start = Instant::now();
    let mut pace = Pace::new(start);
    for second in 0..100 {
        let now = start + seconds(f64::from(second));
        fails(&mut pace, Failure::PermissionDenied, now);
        fails(&mut pace, Failure::Conflict, now);
    }
    assert_eq!(pace.admit(Action::GetRole, start), AT_ONCE);
}

#[test]
fn retries_end_with_the_budget_and_answers_earn_new_ones() {
    let now = Instant::now();
    let mut pace = Pace::new(now);
    let conflict = error(Failure::Conflict);
    assert_eq!((0..100).filter(|_| pace.may_retry(&conflict)).count(), 10);
    for _ in 0..20 {
        pace.answered(Action::GetRole, now, now);
    }
    // A tenth of twenty is not quite two, as floating point counts it.
    assert!(pace.may_retry(&conflict));
    assert!(!pace.may_retry(&error(Failure::PermissionDenied)));
}

#[test]
fn a_session_alone_opens_nothing_but_lets_the_next_call_try_it() {
    let start = Instant::now();
    let wrong = CallError::new(Action::GetCallerIdentity, Failure::WrongAccount, "as tests have it");
    let mut pace = Pace::new(start);
    let mut now = start;
    for pause in [1.0, 2.0, 4.0, 8.0] {
        assert_eq!(pace.admit(Action::AssumeRole, now), AT_ONCE);
        assert!(!pace.answered(Action::AssumeRole, now, now));
        assert_eq!(pace.admit(Action::GetCallerIdentity, now), AT_ONCE);
        assert!(
            !pace.answered(Action::GetCallerIdentity, now, now),
            "it may be another's"
        );
        pace.failed(&wrong, now, now, 1.0);
        let still = pace.admit(Action::AssumeRole, now + seconds(pause - 0.1));
        assert!(matches!(still, Admission::Closed(_)), "{pause}");
        now += seconds(pause);
    }
    assert_eq!(pace.admit(Action::AssumeRole, now), AT_ONCE);
    assert!(!pace.answered(Action::AssumeRole, now, now));
    assert_eq!(pace.admit(Action::GetCallerIdentity, now), AT_ONCE);
    assert!(!pace.answered(Action::GetCallerIdentity, now, now));
    assert!(pace.entered(Action::GetCallerIdentity, now), "it is the right one now");
}

#[test]
fn what_one_role_can_and_cannot_do_says_nothing_of_the_other() {
    let start = Instant::now() + seconds(10.0);
    let denied = |action, failure| CallError::new(action, failure, "as tests have it");
    let is_refused = |admission| matches!(admission, Admission::Closed(_));
    let bootstrap = denied(Action::AssumeRole, Failure::BootstrapDenied);
    let grants = denied(Action::AssumeGrantRole, Failure::GrantRoleDenied);
    for (shut, trouble, open, others) in [
        (Action::GetRole, bootstrap, Action::GetPolicy, Action::GetGrantIdentity),
        (Action::GetPolicy, grants, Action::GetRole, Action::GetCallerIdentity),
    ] {
        let mut pace = Pace::new(start);
        pace.failed(&trouble, start, start, 1.0);
        assert!(is_refused(pace.admit(shut, start)), "{shut}");
        assert_eq!(pace.admit(open, start), AT_ONCE);
        assert_eq!(pace.is_closed(), shut == Action::GetRole);
        // Nor does the other's success let this one in.
        let later = start + seconds(0.5);
        assert!(!pace.answered(others, later, later));
        assert!(!pace.answered(open, later, later));
        assert!(is_refused(pace.admit(shut, later)), "{shut}");
        // Its own does.
        let later = start + seconds(1.0);
        assert_eq!(pace.admit(shut, later), AT_ONCE);
        assert!(pace.answered(shut, later, later));
        // The account counts the calls of both.
        pace.failed(&denied(open, Failure::Throttled), later, later, 1.0);
        assert_ne!(pace.admit(shut, later), AT_ONCE);
    }
}

#[test]
fn a_grant_role_in_another_account_closes_its_own_side_alone() {
    let start = Instant::now();
    let mut pace = Pace::new(start);
    let wrong = CallError::new(Action::GetGrantIdentity, Failure::WrongAccount, "as tests have it");
    pace.failed(&wrong, start, start, 1.0);
    assert!(matches!(pace.admit(Action::ListPolicies, start), Admission::Closed(_)));
    assert_eq!(pace.admit(Action::GetRole, start), AT_ONCE);
    let later = start + seconds(1.0);
    for action in [Action::AssumeGrantRole, Action::GetGrantIdentity] {
        assert_eq!(pace.admit(action, later), AT_ONCE);
        assert!(!pace.answered(action, later, later), "{action}");
    }
    assert!(
        !pace.entered(Action::GetCallerIdentity, later),
        "that is the other role"
    );
    assert!(pace.entered(Action::GetGrantIdentity, later));
    assert_eq!(pace.admit(Action::ListPolicies, later), AT_ONCE);
}

#[test]
fn whoever_is_asked_for_fewer_calls_on_the_way_in_is_not_in_yet() {
    let now = Instant::now();
    for (identity, action) in [
        (Action::GetCallerIdentity, Action::GetRole),
        (Action::GetGrantIdentity, Action::ListPolicies),
    ] {
        let of = |failure| CallError::new(identity, failure, "as tests have it");
        let mut pace = Pace::new(now);
        pace.failed(&of(Failure::WrongAccount), now, now, 1.0);
        assert!(!pace.failed(&of(Failure::Throttled), now, now, 1.0), "{identity}");
        assert!(matches!(pace.admit(action, now), Admission::Closed(_)), "{identity}");
    }
}
