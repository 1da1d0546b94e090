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
    /// Nothing is to be done there any more; what is under way ends as soon as it can.
    pub(in crate::controller) is_let_be: bool,
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
    /// Whether what came of the last one stays while the account shows the same.
    pub(in crate::controller) judged: bool,
    /// Whether the last one wrote: what the account showed before counts no more.
    pub(in crate::controller) wrote: bool,
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
            is_let_be: false,
            done: None,
            due: now,
            failures: 0,
            patient: 0,
            woken: false,
            changed_since: false,
            changed_unread: false,
            judged: false,
            wrote: false,
            account_id: None,
        }
    }

    /// Whether a task is the one that is asked for.
    pub(in crate::controller) fn wants(&self, print: u64) -> bool {
        self.wanted == print && !self.is_forgotten && !self.is_let_be
    }

    /// Whether the last one did what this task says, if that is to end access.
    pub(in crate::controller) fn has_ended_it(&self, print: u64) -> bool {
        let done = self.done.as_ref();
        done.is_some_and(|(done, verdict)| *done == print && !verdict.outcome.is_tried_again()) && !self.woken
    }

    /// Whether the last one came to something that hangs on what the account shows.
    pub(in crate::controller) fn goes_by_what_is_shown(&self) -> bool {
        let found = self.done.as_ref().map(|(_, verdict)| verdict);
        self.judged || found.is_some_and(|found| found.outcome.stays_as_shown())
    }

    /// Lets it expire where this is so; one that is under way is woken. Says whether it expired.
    pub(in crate::controller) fn expire_where(&mut self, which: impl Fn(&Self) -> bool) -> bool {
        self.woken |= self.running.is_some();
        let expires = self.done.is_some() && which(self);
        if expires {
            self.due = Instant::now();
            self.failures = 0;
        }
        expires
    }

    /// Whether to begin now; it counts as begun then.
    pub(in crate::controller) fn begin(&mut self, print: u64, asked: u64, now: Instant, slack: Duration) -> bool {
        self.wanted = print;
        self.is_forgotten = false;
        self.is_let_be = false;
        let same = self.done.as_ref().is_some_and(|(done, _)| *done == print);
        let waits = same && self.asked == asked && !self.is_due_within(slack, now);
        if self.running.is_some() || waits {
            return false;
        }
        self.running = Some(print);
        self.asked = asked;
        self.woken = false;
        self.changed_unread |= std::mem::take(&mut self.changed_since);
        true
    }

    /// Whether it is due, or may come a little too early, which `slack` is for. After a write not by much: the account's next
    /// reading is to come before it, or with it.
    pub(in crate::controller) fn is_due_within(&self, slack: Duration, now: Instant) -> bool {
        let slack = match (self.failures, self.wrote) {
            (0, false) => slack,
            (0, true) => slack / 4,
            _ => Duration::ZERO,
        };
        self.due <= now + slack
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
                as_it_was: self.judged,
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
        self.judged = finished.judged.is_some() || finished.as_it_was;
        self.wrote = finished.wrote;
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
        any |= look.expire_where(|look| look.done.as_ref().is_some_and(|(_, verdict)| which(verdict)));
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
mod tests;
