//! How much is done at the same time, and that those who are slow take no place from the others.
//!
//! Whoever has a place keeps it for as long as AWS takes. So accounts that are slow, or throttle, have places of their
//! own, and few; and as accounts that were prompt until a moment ago may have many, the first role of each of the others
//! has a place of its own, too. Where more than [`FIRST_ROLES`] accounts turn slow at the same moment, the others wait
//! until those are done with what they began.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

/// Roles of one account that are worked on at the same time; and of one that is slow, for whom many wait in vain.
const ROLES_OF_ONE_ACCOUNT: usize = 10;
const ROLES_OF_A_SLOW_ACCOUNT: usize = 4;

/// Roles of all accounts together, each of which can need a connection or three: the first of each prompt account, the
/// others of prompt accounts, and those of slow ones.
const FIRST_ROLES: usize = 128;
const FURTHER_ROLES: usize = 64;
const ROLES_OF_SLOW_ACCOUNTS: usize = 64;

/// Places for accounts that answer promptly, and others for those that do not.
#[derive(Debug)]
pub(super) struct Lanes {
    prompt: Semaphore,
    slow: Semaphore,
}

impl Lanes {
    pub(super) fn new(prompt: usize, slow: usize) -> Self {
        Self {
            prompt: Semaphore::new(prompt),
            slow: Semaphore::new(slow),
        }
    }

    /// Waits for a place.
    pub(super) async fn place(&self, is_slow: bool) -> Option<SemaphorePermit<'_>> {
        let lane = if is_slow { &self.slow } else { &self.prompt };
        // It is never closed, so waiting for it cannot fail.
        lane.acquire().await.ok()
    }
}

/// The places of all accounts together.
#[derive(Debug)]
pub(super) struct Places {
    first: Semaphore,
    further: Lanes,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            first: Semaphore::new(FIRST_ROLES),
            further: Lanes::new(FURTHER_ROLES, ROLES_OF_SLOW_ACCOUNTS),
        }
    }
}

/// The places of one account.
#[derive(Debug)]
pub(super) struct AccountPlaces {
    at_once: Semaphore,
    while_slow: Semaphore,
    first: Semaphore,
    /// Roles that are looked at, or wait for it.
    waiting: AtomicUsize,
}

impl Default for AccountPlaces {
    fn default() -> Self {
        Self {
            at_once: Semaphore::new(ROLES_OF_ONE_ACCOUNT),
            while_slow: Semaphore::new(ROLES_OF_A_SLOW_ACCOUNT),
            first: Semaphore::new(1),
            waiting: AtomicUsize::new(0),
        }
    }
}

/// The right to work on one role, for as long as it is kept.
#[derive(Debug)]
pub struct Turn<'a> {
    waiting: &'a AtomicUsize,
    _places: [Option<SemaphorePermit<'a>>; 3],
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl AccountPlaces {
    /// Waits until a role of this account may be worked on. The account's own limit comes first, so that those who wait
    /// for it take no place from others; there most of them wait, so that is all they need memory for.
    pub(super) async fn turn<'a>(&'a self, all: &'a Places, is_slow: impl Fn() -> bool) -> Turn<'a> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let mut turn = Turn {
            waiting: &self.waiting,
            _places: [None, None, None],
        };
        let of_account = self.at_once.acquire().await.ok();
        let (further, of_all) = Box::pin(self.place_among(all, is_slow())).await;
        turn._places = [of_account, further, of_all];
        turn
    }

    async fn place_among<'a>(
        &'a self,
        all: &'a Places,
        is_slow: bool,
    ) -> (Option<SemaphorePermit<'a>>, Option<SemaphorePermit<'a>>) {
        if is_slow {
            return (self.while_slow.acquire().await.ok(), all.further.place(true).await);
        }
        tokio::select! {
            biased;
            first = async { (self.first.acquire().await.ok(), all.first.acquire().await.ok()) } => first,
            further = all.further.place(false) => (None, further),
        }
    }

    /// How many roles are looked at, or wait for it.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    /// The places that are to be had now.
    fn take<'a>(account: &'a AccountPlaces, all: &'a Places, is_slow: bool) -> Vec<Turn<'a>> {
        std::iter::from_fn(|| account.turn(all, || is_slow).now_or_never()).collect()
    }

    #[test]
    fn slow_accounts_take_no_place_from_prompt_ones() {
        let all = Places::default();
        let slow: Vec<AccountPlaces> = (0..100).map(|_| AccountPlaces::default()).collect();
        let held: Vec<Turn<'_>> = slow.iter().flat_map(|account| take(account, &all, true)).collect();
        assert_eq!(held.len(), ROLES_OF_SLOW_ACCOUNTS);
        let (one, others) = (AccountPlaces::default(), Places::default());
        assert_eq!(take(&one, &others, true).len(), ROLES_OF_A_SLOW_ACCOUNT);
        let prompt = AccountPlaces::default();
        let turns = take(&prompt, &all, false);
        assert_eq!(
            (turns.len(), prompt.waiting()),
            (ROLES_OF_ONE_ACCOUNT, ROLES_OF_ONE_ACCOUNT)
        );
        drop(turns);
        assert_eq!(prompt.waiting(), 0);
    }

    #[test]
    fn whatever_others_hold_an_account_can_work_on_one_role() {
        let all = Places::default();
        let others: Vec<AccountPlaces> = (0..100).map(|_| AccountPlaces::default()).collect();
        let held: Vec<Vec<Turn<'_>>> = others.iter().map(|account| take(account, &all, false)).collect();
        let held_by = |turns: &Vec<Turn<'_>>| turns.len();
        assert_eq!(held.iter().map(held_by).sum::<usize>(), 100 + FURTHER_ROLES);
        assert!(held.iter().all(|turns| !turns.is_empty()));
        let another = AccountPlaces::default();
        assert_eq!(take(&another, &all, false).len(), 1);
        // Who waits for a further place takes the first when that comes free.
        let turns = take(&another, &all, false);
        assert_eq!(turns.len(), 1);
        let mut waiting = Box::pin(another.turn(&all, || false));
        assert!((&mut waiting).now_or_never().is_none());
        drop(turns);
        assert!(waiting.now_or_never().is_some());
    }

    #[test]
    fn an_answer_of_a_slow_account_does_not_keep_others_waiting() {
        let lanes = Lanes::new(1, 1);
        let slow = lanes.place(true).now_or_never();
        assert!(slow.is_some());
        assert!(lanes.place(true).now_or_never().is_none());
        assert!(lanes.place(false).now_or_never().is_some());
    }
}
