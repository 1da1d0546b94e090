//! How much is done at the same time, and that those who are slow take no place from the others.
//!
//! Whoever has a place keeps it for as long as AWS takes. So accounts that are slow, or throttle, have places of their
//! own, and few; and as accounts that were prompt until a moment ago may have many, the first role of each of the others
//! has a place of its own, too. Where more than [`FIRST_ROLES`] accounts turn slow at the same moment, the others wait
//! until those are done with what they began.
//!
//! Who waits for a place waits behind those that came before: behind a thousand accounts of one object, for minutes. So
//! what ends access, and the roles of objects with few accounts, have some places more, which nobody else may take.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

/// Roles of one account that are worked on at the same time; and of one that is slow, for whom many wait in vain.
const ROLES_OF_ONE_ACCOUNT: usize = 8;
const ROLES_OF_A_SLOW_ACCOUNT: usize = 4;

/// Places more, in one account and in all together, slow ones or prompt: for objects with few accounts, and for what ends
/// access.
const RESERVED_OF_ONE_ACCOUNT: usize = 2;
const RESERVED: usize = 16;

/// Who waits behind whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// One of many roles of an object.
    Usual,
    /// One of few.
    Few,
    /// It ends access to a role.
    Ending,
}

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
    few: Lanes,
    ending: Lanes,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            first: Semaphore::new(FIRST_ROLES),
            further: Lanes::new(FURTHER_ROLES, ROLES_OF_SLOW_ACCOUNTS),
            few: Lanes::new(RESERVED, RESERVED),
            ending: Lanes::new(RESERVED, RESERVED),
        }
    }
}

/// The places of one account.
#[derive(Debug)]
pub(super) struct AccountPlaces {
    at_once: Semaphore,
    while_slow: Semaphore,
    first: Semaphore,
    few: Semaphore,
    ending: Semaphore,
    /// Roles that are looked at, or wait for it.
    waiting: AtomicUsize,
}

impl Default for AccountPlaces {
    fn default() -> Self {
        Self {
            at_once: Semaphore::new(ROLES_OF_ONE_ACCOUNT),
            while_slow: Semaphore::new(ROLES_OF_A_SLOW_ACCOUNT),
            first: Semaphore::new(1),
            few: Semaphore::new(RESERVED_OF_ONE_ACCOUNT),
            ending: Semaphore::new(RESERVED_OF_ONE_ACCOUNT),
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
    pub(super) async fn turn<'a>(&'a self, all: &'a Places, urgency: Urgency, is_slow: impl Fn() -> bool) -> Turn<'a> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let mut turn = Turn {
            waiting: &self.waiting,
            _places: [None, None, None],
        };
        let reserved = match urgency {
            Urgency::Usual => None,
            Urgency::Few => Some((&self.few, &all.few)),
            Urgency::Ending => Some((&self.ending, &all.ending)),
        };
        let (of_account, has_own) = match reserved {
            None => (self.at_once.acquire().await.ok(), false),
            Some((own, _)) => {
                let either = async {
                    tokio::select! {
                        biased;
                        place = own.acquire() => (place.ok(), true),
                        place = self.at_once.acquire() => (place.ok(), false),
                    }
                };
                Box::pin(either).await
            }
        };
        // Whoever has no place of its own here yet may get one while it waits for one among all.
        let reserved = reserved.map(|(own, lane)| (own, lane, has_own));
        let (further, of_all) = Box::pin(self.place_among(all, reserved, is_slow())).await;
        turn._places = [of_account, further, of_all];
        turn
    }

    async fn place_among<'a>(
        &'a self,
        all: &'a Places,
        reserved: Option<(&'a Semaphore, &'a Lanes, bool)>,
        is_slow: bool,
    ) -> (Option<SemaphorePermit<'a>>, Option<SemaphorePermit<'a>>) {
        let reserved = async {
            match reserved {
                Some((_, lane, true)) => (None, lane.place(is_slow).await),
                Some((own, lane, false)) => (own.acquire().await.ok(), lane.place(is_slow).await),
                None => std::future::pending().await,
            }
        };
        if is_slow {
            return tokio::select! {
                biased;
                reserved = reserved => reserved,
                usual = async { (self.while_slow.acquire().await.ok(), all.further.place(true).await) } => usual,
            };
        }
        tokio::select! {
            biased;
            first = async { (self.first.acquire().await.ok(), all.first.acquire().await.ok()) } => first,
            further = all.further.place(false) => (None, further),
            reserved = reserved => reserved,
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
        take_as(Urgency::Usual, account, all, is_slow)
    }

    fn take_as<'a>(urgency: Urgency, account: &'a AccountPlaces, all: &'a Places, is_slow: bool) -> Vec<Turn<'a>> {
        std::iter::from_fn(|| account.turn(all, urgency, || is_slow).now_or_never()).collect()
    }

    #[test]
    fn whoever_ends_access_or_has_few_accounts_waits_behind_no_crowd() {
        for is_slow in [false, true] {
            let all = Places::default();
            let crowd: Vec<AccountPlaces> = (0..200).map(|_| AccountPlaces::default()).collect();
            let mut held: Vec<Turn<'_>> = crowd.iter().flat_map(|account| take(account, &all, is_slow)).collect();
            let mut waiting: Vec<_> = crowd
                .iter()
                .map(|account| Box::pin(account.turn(&all, Urgency::Usual, || is_slow)))
                .collect();
            assert!(waiting.iter_mut().all(|turn| turn.now_or_never().is_none()));
            let account = &crowd[0];
            for urgency in [Urgency::Few, Urgency::Ending] {
                let turns = take_as(urgency, account, &all, is_slow);
                assert_eq!(turns.len(), RESERVED_OF_ONE_ACCOUNT, "{urgency:?}, slow: {is_slow}");
                held.extend(turns);
            }
            // Those of one kind leave the others' places alone, in all accounts.
            let few: Vec<Turn<'_>> = crowd
                .iter()
                .flat_map(|account| take_as(Urgency::Few, account, &all, is_slow))
                .collect();
            assert_eq!(few.len(), RESERVED - RESERVED_OF_ONE_ACCOUNT, "slow: {is_slow}");
            let ending = take_as(Urgency::Ending, &crowd[1], &all, is_slow);
            assert_eq!(ending.len(), RESERVED_OF_ONE_ACCOUNT, "slow: {is_slow}");
        }
    }

    #[test]
    fn whoever_began_to_wait_among_the_crowd_takes_a_place_of_its_own_when_one_comes_free() {
        let all = Places::default();
        let crowd: Vec<AccountPlaces> = (0..200).map(|_| AccountPlaces::default()).collect();
        let _held: Vec<Turn<'_>> = crowd.iter().flat_map(|account| take(account, &all, false)).collect();
        let account = AccountPlaces::default();
        let mut turns = take(&account, &all, false);
        assert!(turns.is_empty());
        turns.extend(take_as(Urgency::Ending, &account, &all, false));
        assert_eq!(turns.len(), RESERVED_OF_ONE_ACCOUNT);
        let mut waiting = Box::pin(account.turn(&all, Urgency::Ending, || false));
        assert!((&mut waiting).now_or_never().is_none());
        turns.pop();
        assert!(waiting.now_or_never().is_some());
    }

    #[test]
    fn where_nobody_is_in_the_way_all_places_are_for_everybody() {
        for (urgency, places) in [
            (Urgency::Usual, ROLES_OF_ONE_ACCOUNT),
            (Urgency::Few, ROLES_OF_ONE_ACCOUNT + RESERVED_OF_ONE_ACCOUNT),
            (Urgency::Ending, ROLES_OF_ONE_ACCOUNT + RESERVED_OF_ONE_ACCOUNT),
        ] {
            let (account, all) = (AccountPlaces::default(), Places::default());
            assert_eq!(take_as(urgency, &account, &all, false).len(), places, "{urgency:?}");
        }
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
        let mut waiting = Box::pin(another.turn(&all, Urgency::Usual, || false));
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
