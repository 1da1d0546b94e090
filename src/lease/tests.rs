use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::*;

const LEASE: Duration = Duration::from_secs(15);

const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A lease as it is read; the times in it are those of the holder's clock.
fn lease(version: &str, holder: Option<&str>, seconds: Option<i32>, renewed: &str) -> Lease {
    Lease {
        metadata: ObjectMeta {
            resource_version: Some(version.into()),
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec {
            holder_identity: holder.map(str::to_string),
            lease_duration_seconds: seconds,
            renew_time: Some(MicroTime(renewed.parse().unwrap())),
            ..LeaseSpec::default()
        }),
    }
}

const RENEWED: &str = "2026-03-01T10:00:00Z";

#[test]
fn a_lease_that_nobody_ever_held_is_free() {
    let seen = Seen::default();
    assert_eq!(seen.holder_other_than("b", LEASE, at(1)), None);
}

#[test]
fn a_lease_belongs_to_its_holder_until_no_change_was_seen_for_its_duration() {
    let mut seen = Seen::default();
    seen.note(Some(&lease("7", Some("a"), Some(15), RENEWED)), at(100));
    seen.note(Some(&lease("7", Some("a"), Some(15), RENEWED)), at(114));
    assert_eq!(seen.holder_other_than("b", LEASE, at(114)), Some("a"));
    assert_eq!(seen.left(LEASE, at(114)), at(1));
    assert_eq!(seen.holder_other_than("b", LEASE, at(115)), None);
}

#[test]
fn a_renewal_is_seen_even_when_the_holders_clock_stands_still_or_goes_back() {
    for renewed in [RENEWED, "1999-01-01T00:00:00Z", "2099-01-01T00:00:00Z"] {
        let mut seen = Seen::default();
        seen.note(Some(&lease("7", Some("a"), Some(15), RENEWED)), at(100));
        seen.note(Some(&lease("8", Some("a"), Some(15), renewed)), at(110));
        assert_eq!(seen.holder_other_than("b", LEASE, at(124)), Some("a"), "{renewed}");
        assert_eq!(seen.holder_other_than("b", LEASE, at(125)), None, "{renewed}");
    }
}

#[test]
fn a_holder_is_judged_by_the_duration_that_it_wrote() {
    let mut seen = Seen::default();
    seen.note(Some(&lease("7", Some("a"), Some(60), RENEWED)), at(100));
    assert_eq!(seen.holder_other_than("b", LEASE, at(159)), Some("a"));
    seen.note(Some(&lease("8", Some("a"), None, RENEWED)), at(160));
    assert_eq!(seen.left(LEASE, at(160)), LEASE);
}

#[test]
fn a_lease_that_was_given_back_is_free_at_once() {
    for nobody in [None, Some("")] {
        let mut seen = Seen::default();
        seen.note(Some(&lease("7", Some("a"), Some(15), RENEWED)), at(100));
        seen.note(Some(&lease("8", nobody, Some(1), RENEWED)), at(101));
        assert_eq!(seen.holder_other_than("b", LEASE, at(101)), None);
    }
}

#[test]
fn a_lease_that_was_deleted_belongs_to_its_holder_until_its_time_is_over() {
    let mut seen = Seen::default();
    seen.note(Some(&lease("7", Some("a"), Some(15), RENEWED)), at(100));
    seen.note(None, at(101));
    assert_eq!(seen.holder_other_than("b", LEASE, at(114)), Some("a"));
    assert_eq!(seen.holder_other_than("b", LEASE, at(115)), None);
    // Its holder may make it anew.
    assert_eq!(seen.holder_other_than("a", LEASE, at(101)), None);
}

#[test]
fn an_earlier_life_of_the_same_pod_is_another_holder() {
    let (before, now) = (identity("crossrole-0"), identity("crossrole-0"));
    assert_ne!(before, now);
    assert!(before.starts_with("crossrole-0_"), "{before}");
    let mut seen = Seen::default();
    seen.note(Some(&lease("7", Some(&before), Some(15), RENEWED)), at(100));
    assert_eq!(seen.holder_other_than(&now, LEASE, at(101)), Some(before.as_str()));
}

#[test]
fn taking_the_lease_counts_as_a_transition_and_keeping_it_does_not() {
    let (first, second): (Timestamp, Timestamp) = (RENEWED.parse().unwrap(), "2026-03-01T10:00:02Z".parse().unwrap());
    let mut seen = Seen::default();
    seen.note(Some(&lease("7", Some("a"), Some(60), RENEWED)), at(100));
    let taken = seen.claimed("b", LEASE, first);
    assert_eq!(taken.holder_identity.as_deref(), Some("b"));
    assert_eq!(
        (taken.lease_duration_seconds, taken.lease_transitions),
        (Some(15), Some(1))
    );
    assert_eq!(taken.acquire_time, Some(MicroTime(first)));

    let mut written = lease("8", None, None, RENEWED);
    written.spec = Some(taken);
    seen.note(Some(&written), at(200));
    let kept = seen.claimed("b", LEASE, second);
    assert_eq!(kept.lease_transitions, Some(1));
    assert_eq!(
        (kept.acquire_time, kept.renew_time),
        (Some(MicroTime(first)), Some(MicroTime(second)))
    );
}

/// Two machines whose clocks were started at other times, run at other speeds, and have another time of day.
#[test]
fn the_old_holder_has_stopped_before_another_may_begin_whatever_their_clocks_say() {
    let times = Times::new(at(15), at(10), at(2)).unwrap();
    let mut compared = 0;
    for (holders_start, holders_speed) in [(0, 1.0), (9_000_000, 0.85), (40, 1.2)] {
        for (others_start, others_speed) in [(7, 1.0), (1_000_000, 1.2), (0, 0.85)] {
            for (on_the_way, until_seen) in [(0, 0), (0, 3), (4, 0), (4, 3)] {
                let holders = |true_time: f64| at(holders_start) + Duration::from_secs_f64(true_time * holders_speed);
                let others = |true_time: f64| at(others_start) + Duration::from_secs_f64(true_time * others_speed);
                // Sent at 100, and answered when it had arrived.
                let fence = Fence::closed();
                let arrived = 100.0 + f64::from(on_the_way);
                assert!(fence.extend_at(holders(100.0) + times.renew_deadline, holders(arrived)));
                let mut seen = Seen::default();
                let renewed = lease("7", Some("a"), Some(15), "1970-01-01T00:00:00Z");
                seen.note(Some(&renewed), others(arrived + f64::from(until_seen)));
                for tenth in 0..400 {
                    let now = arrived + f64::from(until_seen) + f64::from(tenth) / 10.0;
                    let sends = fence.check_at(holders(now)).is_ok();
                    let taken = seen.holder_other_than("b", times.duration, others(now)).is_none();
                    assert!(
                        !(sends && taken),
                        "{holders_speed} {others_speed} {on_the_way} {until_seen} {now}"
                    );
                    compared += 1;
                }
            }
        }
    }
    assert_eq!(compared, 3 * 3 * 4 * 400);
}

#[test]
fn times_leave_room_for_each_other() {
    assert!(Times::new(at(15), at(10), at(2)).is_ok());
    for (duration, deadline, retry, named) in [
        (10, 10, 2, "lease duration (10s)"),
        (5, 10, 2, "lease duration (5s)"),
        (15, 6, 5, "renew deadline (6s)"),
        (15, 1, 1, "renew deadline (1s)"),
    ] {
        let refused = Times::new(at(duration), at(deadline), at(retry)).unwrap_err();
        assert!(refused.contains(named), "{refused}");
    }
}
