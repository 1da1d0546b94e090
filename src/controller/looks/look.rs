//! The look at one account: what was asked for, what came of it, when it is due again.

use std::time::{Duration, Instant};

use crossrole_api::Reason;
use crossrole_iam::AccountId;
use crossrole_plan::outcome::{self, NextLook};

use crate::controller::verdict::{Outcome, Verdict};
use crate::controller::work::Finished;

/// The look at one account.
#[derive(Debug)]
pub(in crate::controller) struct Look {
    /// The task that was last asked for.
    pub(in crate::controller) wanted: u64,
    /// The value of the annotation that asks for a look now, when one was last begun.
    pub(in crate::controller) asked: u64,
    /// The same, when the account was last read since: that look is asked for no more.
    pub(in crate::controller) answered: u64,
    /// The task that is being worked on.
    pub(in crate::controller) running: Option<u64>,
    /// Its object is gone; what is under way ends as soon as it can.
    pub(in crate::controller) is_forgotten: bool,
    /// What came of the last one.
    pub(in crate::controller) done: Option<(u64, Verdict)>,
    /// When to look again although the task is the same.
    pub(in crate::controller) due: Instant,
    /// Failures in a row.
    pub(in crate::controller) failures: u32,
    /// How often in a row it found what may pass by itself.
    pub(in crate::controller) patient: u32,
    /// While it is under way, something came to pass that may change what comes of it.
    pub(in crate::controller) woken: bool,
    /// Somebody changed the role from outside since a look was last begun.
    pub(in crate::controller) changed_since: bool,
    /// Somebody changed the role from outside, and no look has read it since.
    pub(in crate::controller) changed_unread: bool,
    /// The account's id, once it was looked at.
    pub(in crate::controller) account_id: Option<AccountId>,
}

impl Look {
    /// Nobody has looked yet: it is due.
    pub(in crate::controller) fn new(print: u64, answered: u64, now: Instant) -> Self {
        Self {
            wanted: print,
            asked: answered,
            answered,
            running: None,
            is_forgotten: false,
            done: None,
            due: now,
            failures: 0,
            patient: 0,
            woken: false,
            changed_since: false,
            changed_unread: false,
            account_id: None,
        }
    }

    /// Whether to begin now; it counts as begun then.
    pub(in crate::controller) fn begin(&mut self, print: u64, asked: u64, now: Instant, slack: Duration) -> bool {
        self.wanted = print;
        self.is_forgotten = false;
        let same = self.done.as_ref().is_some_and(|(done, _)| *done == print);
        let slack = if self.failures == 0 { slack } else { Duration::ZERO };
        let waits = same && self.asked == asked && self.due > now + slack;
        if self.running.is_some() || waits {
            return false;
        }
        self.running = Some(print);
        self.asked = asked;
        self.woken = false;
        self.changed_unread |= std::mem::take(&mut self.changed_since);
        true
    }

    /// Somebody changed the role from outside: it is due, and nothing that we remember counts.
    pub(in crate::controller) fn is_changed(&mut self, now: Instant) {
        self.changed_since = true;
        self.due = now;
        self.failures = 0;
    }

    /// Whether somebody changed the role while it was looked at.
    pub(in crate::controller) fn is_due_at_once(&self) -> bool {
        self.changed_since && self.running.is_none()
    }

    /// Whether it is due by itself: not for a change from outside, which says nothing of the object's other accounts.
    pub(in crate::controller) fn is_due_by_itself(&self, now: Instant) -> bool {
        self.due <= now && !self.changed_since
    }

    /// Whether somebody asked for the look that was begun: nothing that we remember counts. One that is given up, or could
    /// not read the account, leaves it asked for.
    pub(in crate::controller) fn is_anew(&self) -> bool {
        self.asked != self.answered || self.changed_unread
    }

    /// What the last look found is so still, and will be for so long.
    pub(in crate::controller) fn found_again(&mut self, stays_for: Duration, interval: Duration, now: Instant) {
        if let Some((print, verdict)) = self.done.take() {
            let finished = Finished {
                at_latest: Some(stays_for),
                ..Finished::of(verdict)
            };
            self.settle(print, finished, interval, now);
        }
    }

    /// Its object is gone. A look that is under way ends first: of an object that follows, there is one at a time, too.
    pub(in crate::controller) fn forget(&mut self) {
        self.is_forgotten = true;
        self.done = None;
    }

    /// It was given up on the way: what the account holds now is not what the last one found.
    pub(in crate::controller) fn give_up(&mut self, now: Instant) {
        self.running = None;
        self.due = now;
    }

    pub(in crate::controller) fn settle(&mut self, print: u64, finished: Finished, interval: Duration, now: Instant) {
        // What was tried before was something else.
        if self.done.as_ref().is_none_or(|(done, _)| *done != print) {
            self.failures = 0;
            self.patient = 0;
        }
        let next = match &finished.verdict.outcome {
            Outcome::Stands { next, .. } => *next,
            Outcome::Gone | Outcome::UnderWay { .. } => NextLook::Interval,
        };
        let jitter = fastrand::f64();
        let wait = match next {
            NextLook::Backoff => outcome::backoff(self.failures, jitter),
            NextLook::Interval => outcome::regular(interval, jitter),
        };
        self.failures = match next {
            NextLook::Backoff => self.failures.saturating_add(1),
            NextLook::Interval => 0,
        };
        if !finished.unread {
            self.answered = self.asked;
            self.changed_unread = false;
        }
        let patience = finished.may_pass.then(|| outcome::patience(self.patient));
        self.patient = if finished.may_pass {
            self.patient.saturating_add(1)
        } else {
            0
        };
        let soonest = [finished.at_latest, patience].into_iter().flatten().min();
        self.due = now + soonest.map_or(wait, |soonest| soonest.min(wait));
        let is_woken = std::mem::take(&mut self.woken) && !has_reason(&finished.verdict, &[Reason::InSync]);
        if is_woken || self.changed_since {
            self.due = now;
        }
        self.done = Some((print, finished.verdict));
    }
}

/// Lets looks expire that found something; those that are under way are woken. Says whether any expired.
pub(in crate::controller) fn expire<'a>(
    looks: impl Iterator<Item = &'a mut Look>,
    which: impl Fn(&Verdict) -> bool,
) -> bool {
    let mut any = false;
    for look in looks {
        look.woken |= look.running.is_some();
        if look.done.as_ref().is_some_and(|(_, verdict)| which(verdict)) {
            look.due = Instant::now();
            look.failures = 0;
            any = true;
        }
    }
    any
}

/// Lets the looks at an account expire that failed because the account as a whole did. Says whether any expired.
pub(in crate::controller) fn expire_failed_in<'a>(looks: impl Iterator<Item = &'a mut Look>, account_id: &str) -> bool {
    let here = |look: &&mut Look| look.account_id.as_ref().is_none_or(|id| id.as_str() == account_id);
    expire(looks.filter(here), |verdict| failed_in(verdict, account_id))
}

/// Whether a look at an account failed because the account as a whole did.
fn failed_in(verdict: &Verdict, account_id: &str) -> bool {
    const REASONS: [Reason; 5] = [
        Reason::Throttled,
        Reason::AWSUnavailable,
        Reason::BootstrapDenied,
        Reason::GrantRoleDenied,
        Reason::WrongAccount,
    ];
    verdict.account_id.as_deref() == Some(account_id) && has_reason(verdict, &REASONS)
}

/// Whether a verdict gives one of these reasons.
pub(in crate::controller) fn has_reason(verdict: &Verdict, reasons: &[Reason]) -> bool {
    matches!(&verdict.outcome, Outcome::Stands { reason, .. } if reasons.contains(reason))
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
