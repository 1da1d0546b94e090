use crossrole_plan::grant::ObservedPolicy;
use crossrole_plan::observed::ObservedDocument;
use crossrole_plan::outcome::Failure;
use crossrole_plan::refusal::Refusal;

use super::*;
use crate::aws::{Action, CallError};
use crate::controller::verdict::Verdict;

const DELAY: Duration = Duration::from_secs(120);
const INTERVAL: Duration = Duration::from_secs(600);
const IDENTITY: &str = "111111111111";

fn object() -> ObjectName {
    ObjectName {
        namespace: "security".into(),
        name: "auditors".into(),
    }
}

fn identity() -> AccountId {
    IDENTITY.parse().unwrap()
}

fn finished(outcome: Outcome, may_pass: bool) -> Finished {
    let verdict = Verdict {
        account: "identity".into(),
        account_id: Some(IDENTITY.into()),
        named: true,
        role: None,
        outcome,
    };
    Finished {
        may_pass,
        ..Finished::of(verdict)
    }
}

fn holding(numbers: &[u32]) -> Option<ObservedGrant> {
    let policy = |number: &u32| {
        let policy = ObservedPolicy {
            arn: format!("arn:aws:iam::{IDENTITY}:policy/crossrole-grants/security.auditors.{number}"),
            id: "ANPA1".into(),
            tags: BTreeMap::new(),
            version: "v1".into(),
            document: ObservedDocument::of(crossrole_plan::trust::closed()),
            older: Vec::new(),
            holders: std::collections::BTreeSet::new(),
        };
        (*number, policy)
    };
    Some(ObservedGrant {
        policies: numbers.iter().map(policy).collect(),
        ..ObservedGrant::default()
    })
}

#[test]
fn whatever_a_look_came_to_is_remembered_until_its_time_or_another_task() {
    let known = Known::default();
    let failed = |failure| Outcome::failed(&CallError::new(Action::ListPolicies, failure, ""), Duration::ZERO);
    let foreign = Refusal::new(Reason::ForeignPolicy, "not ours");
    for (print, outcome) in [
        (1, Outcome::ready()),
        (2, Outcome::refused(&foreign)),
        (3, failed(Failure::PermissionDenied)),
        (4, failed(Failure::Throttled)),
    ] {
        assert_eq!(
            known.begin(&object(), &identity(), (print, 0), false),
            Due::Now { anew: false }
        );
        // Nobody was told: whoever was broken off looks again.
        assert_eq!(
            known.begin(&object(), &identity(), (print, 0), false),
            Due::Now { anew: false }
        );
        known.settle(&object(), print, finished(outcome.clone(), false), INTERVAL);
        assert_eq!(
            known.begin(&object(), &identity(), (print, 0), false),
            Due::Later(outcome.clone())
        );
        assert_eq!(known.was_right(&object(), print), outcome == Outcome::ready());
        assert!(!known.was_right(&object(), print + 1));
        let long = known.due_in(&object()).unwrap() > Duration::from_secs(2);
        assert_eq!(long, print < 4, "{outcome:?}");
    }
    assert_eq!(
        known.begin(&object(), &identity(), (4, 7), false),
        Due::Now { anew: true }
    );
}

#[test]
fn what_may_pass_by_itself_is_looked_at_soon() {
    let known = Known::default();
    known.begin(&object(), &identity(), (1, 0), false);
    let denied = CallError::new(Action::ListPolicies, Failure::PermissionDenied, "");
    let denied = Outcome::failed(&denied, Duration::ZERO);
    known.settle(&object(), 1, finished(denied, true), INTERVAL);
    assert!(known.due_in(&object()).unwrap() <= Duration::from_secs(5));
}

#[test]
fn an_account_that_answers_again_is_looked_at_where_it_did_not() {
    let known = Known::default();
    let fail = |failure| {
        let error = CallError::new(Action::AssumeGrantRole, failure, "");
        known.begin(&object(), &identity(), (1, 0), false);
        known.settle(
            &object(),
            1,
            finished(Outcome::failed(&error, Duration::ZERO), false),
            INTERVAL,
        );
    };
    fail(Failure::GrantRoleDenied);
    assert!(known.expire_failed_in("222222222222").is_empty());
    assert_eq!(known.expire_failed_in(IDENTITY).len(), 1);
    assert_eq!(
        known.begin(&object(), &identity(), (1, 0), false),
        Due::Now { anew: false }
    );
    fail(Failure::PermissionDenied);
    assert!(known.expire_failed_in(IDENTITY).is_empty());
}

#[test]
fn an_account_that_answers_again_while_a_look_is_under_way_is_looked_at_at_once() {
    let known = Known::default();
    let error = CallError::new(Action::AssumeGrantRole, Failure::GrantRoleDenied, "");
    let failed = || Outcome::failed(&error, Duration::ZERO);
    for (here, outcome, at_once) in [
        (true, failed(), true),
        (true, Outcome::ready(), false),
        (false, failed(), false),
    ] {
        known.forget(&object());
        known.begin(&object(), &identity(), (1, 0), false);
        let account = if here { IDENTITY } else { "222222222222" };
        assert!(known.expire_failed_in(account).is_empty(), "nothing has come of it yet");
        known.settle(&object(), 1, finished(outcome, false), INTERVAL);
        assert_eq!(known.due_in(&object()) == Some(Duration::ZERO), at_once);
    }
}

#[test]
fn an_absence_is_not_believed_while_somebody_may_have_made_a_policy() {
    let (anew, after_another) = (Known::default(), Known::default());
    assert!(!anew.may_still_appear(&object(), DELAY), "nothing was looked at");
    anew.begin(&object(), &identity(), (1, 0), false);
    after_another.begin(&object(), &identity(), (1, 0), true);
    // A second look is no other process.
    anew.begin(&object(), &identity(), (1, 0), true);
    assert!(!anew.may_still_appear(&object(), DELAY), "nobody wrote before");
    assert!(
        after_another.may_still_appear(&object(), DELAY),
        "whoever wrote before may have died a moment ago"
    );
    assert!(!after_another.may_still_appear(&object(), Duration::ZERO));

    anew.wrote(
        &object(),
        Written {
            unclear: true,
            ..Written::default()
        },
    );
    anew.wrote(
        &object(),
        Written {
            holds: holding(&[]),
            ..Written::default()
        },
    );
    assert!(anew.may_still_appear(&object(), DELAY), "the answer was lost");
    anew.forget(&object());
    assert!(!anew.may_still_appear(&object(), DELAY));
}

#[test]
fn a_policy_that_was_made_may_appear_until_that_very_one_was_removed() {
    let known = Known::default();
    let wrote = |holds: Option<ObservedGrant>, made: &[u32]| {
        let made = made.to_vec();
        known.wrote(
            &object(),
            Written {
                holds,
                made,
                ..Written::default()
            },
        );
        known.may_still_appear(&object(), DELAY)
    };
    assert!(wrote(holding(&[1, 2]), &[1, 2]));
    // The first was seen and removed; the second, by whatever read of ours, is not seen yet.
    assert!(wrote(holding(&[2]), &[]));
    // IAM did not find what was to go: it may be too new.
    assert!(wrote(None, &[]));
    assert!(!wrote(holding(&[]), &[]));
}

#[test]
fn a_policy_that_is_there_and_is_not_seen_is_ours_for_so_long_at_most() {
    let known = Known::default();
    let taken = || {
        let written = Written {
            is_taken: true,
            ..Written::default()
        };
        known.wrote(&object(), written);
        known.inner()[&object()].taken
    };
    let first = taken();
    assert!(known.may_still_appear(&object(), DELAY));
    assert_eq!(taken(), first, "asking again says nothing new");
    // What is done to others meanwhile says nothing of it.
    known.wrote(&object(), Written::default());
    assert_eq!(known.inner()[&object()].taken, first);
    known.settle(&object(), 1, finished(Outcome::ready(), false), INTERVAL);
    assert!(!known.may_still_appear(&object(), DELAY), "it was seen, and is ours");
}
