use crossrole_api::EntryState;
use crossrole_plan::owner::Owner;

use super::*;
use crate::aws::Entrance;

fn task(target: Target) -> Vec<Arc<Task>> {
    vec![Arc::new(Task::new("prod".into(), true, None, target))]
}

fn leaving() -> Target {
    let object = ObjectName {
        namespace: "security".into(),
        name: "audit".into(),
    };
    Target::Leave(Box::new(crate::controller::task::Leave {
        entrance: Entrance {
            account: "222222222222".parse().unwrap(),
            bootstrap_role: "arn:aws:iam::222222222222:role/crossrole-bootstrap".parse().unwrap(),
            external_id: None,
            session_seconds: 900,
            read_only: false,
            roles_below: "/crossrole/".parse().unwrap(),
        },
        role: "audit".parse().unwrap(),
        owner: Owner {
            cluster: "c1".into(),
            object,
            predecessor: None,
        },
        policy: crossrole_api::role::DeletionPolicy::Delete,
        derived: true,
        reason: Reason::Deselected,
    }))
}

#[test]
fn where_nothing_was_to_be_done_a_look_is_news_until_it_has_ended() {
    let mut looked = Looked::default();
    let outcome = |looked: &mut Looked, tasks: &[Arc<Task>]| {
        let course = looked.course(tasks, FIRST_REPORT, Instant::now());
        course.verdicts[0].outcome.clone()
    };
    let (held_back, released) = (
        task(Target::Settled(
            None,
            Outcome::cannot_leave(Reason::TooManyRemovals, "too many"),
        )),
        task(leaving()),
    );
    // A process that begins knows nothing, and status is what somebody found.
    assert_eq!(outcome(&mut looked, &released), Outcome::UnderWay { anew: false });
    assert!(matches!(outcome(&mut looked, &held_back), Outcome::Stands { .. }));
    for _ in 0..2 {
        assert_eq!(outcome(&mut looked, &released), Outcome::UnderWay { anew: true });
    }
    let print = released[0].print();
    let failed = Outcome::waits(EntryState::Removing, Reason::Throttled, "");
    let done = released[0].verdict(None, None, failed.clone());
    looked.looks.insert(
        "prod".into(),
        Box::new(Look {
            wanted: print,
            asked: 0,
            answered: 0,
            running: None,
            is_forgotten: false,
            is_let_be: false,
            done: Some((print, done)),
            due: Instant::now(),
            failures: 0,
            patient: 0,
            woken: false,
            changed_since: false,
            changed_unread: false,
            judged: false,
            wrote: false,
            account_id: None,
        }),
    );
    assert_eq!(outcome(&mut looked, &released), failed);
    assert!(looked.settled.is_empty());
}

#[test]
fn the_more_is_under_way_the_less_often_it_is_reported() {
    let audit = ObjectName {
        namespace: "security".into(),
        name: "audit".into(),
    };
    for (under_way, first, next) in [(0, 2, 3), (1_500, 2, 3), (10_000, 10, 15), (500_000, 60, 60)] {
        let looks = Looks::default();
        let _tokens: Vec<_> = (0..under_way).map(|_| looks.under_way.token()).collect();
        let now = Instant::now();
        let mut looked = Box::new(Looked::default());
        let mut look = Look::new(1, 0, now);
        look.running = Some(1);
        looked.looks.insert("prod".into(), Box::new(look));
        let course = looked.course(&task(leaving()), looks.pause(), now);
        assert_eq!((course.report, course.next), (false, Some(Duration::from_secs(first))));
        looks.objects().insert(Arc::new(audit.clone()), looked);
        looks.reported(&audit);
        let report = looks.objects()[&audit].report;
        let later = now + Duration::from_secs(first + next);
        assert_eq!(report, Some((later, Duration::from_secs(next))), "{under_way}");
    }
}

#[test]
fn what_is_under_way_where_nothing_is_to_be_done_any_more_is_not_wanted() {
    let audit = ObjectName {
        namespace: "security".into(),
        name: "audit".into(),
    };
    let (looks, now) = (Looks::default(), Instant::now());
    let mut looked = Looked::default();
    for account in ["prod", "stage"] {
        let mut look = Look::new(1, 0, now);
        assert!(look.begin(1, 0, now, Duration::ZERO));
        looked.looks.insert(account.into(), Box::new(look));
    }
    let changed = looked.changed.get_or_insert_default().clone();
    assert!(looked.let_be(|account| account == "stage"));
    looks.objects().insert(Arc::new(audit.clone()), Box::new(looked));
    let wants = || ["prod", "stage"].map(|account| looks.wants(&audit, account, 1));
    assert_eq!(wants(), [true, false]);
    // The whole object is suspended: whatever waits is told.
    let told = changed.notified();
    looks.let_be(&audit);
    assert_eq!(wants(), [false, false]);
    assert!(futures::FutureExt::now_or_never(told).is_some());
    // It is asked for again.
    let mut objects = looks.objects();
    let look = objects.get_mut(&audit).unwrap().looks.get_mut("prod").unwrap();
    look.give_up(now);
    assert!(look.begin(1, 0, now, Duration::ZERO));
    drop(objects);
    assert_eq!(wants(), [true, false]);
}
