//! What accounts were like before: kept only for those of which a fault wants to show an old state.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::account::Account;

/// How many states of an account are kept. What needs an older one is shown the oldest.
const KEPT: usize = 512;

/// The past of the accounts that are wanted.
#[derive(Debug, Default)]
pub(crate) struct Past {
    wanted: Wanted,
    histories: BTreeMap<String, History>,
}

/// Which accounts' past is kept.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) all: bool,
    pub(crate) accounts: BTreeSet<String>,
}

/// The states of one account, the oldest first.
#[derive(Debug)]
pub(crate) struct History {
    states: VecDeque<State>,
}

#[derive(Debug)]
struct State {
    number: u64,
    changes: u64,
    since_ms: i64,
    account: Arc<Account>,
}

impl Past {
    /// Begins to keep what is wanted from now on, and forgets the rest.
    pub(crate) fn keep(&mut self, wanted: Wanted, accounts: &BTreeMap<String, Account>) {
        self.histories
            .retain(|id, _| wanted.all || wanted.accounts.contains(id));
        self.wanted = wanted;
        self.remember(accounts);
    }

    /// Writes down each account that has changed since it was last written down.
    pub(crate) fn remember(&mut self, accounts: &BTreeMap<String, Account>) {
        if !self.wanted.all && self.wanted.accounts.is_empty() {
            return;
        }
        for (id, account) in accounts {
            if self.wanted.all || self.wanted.accounts.contains(id) {
                match self.histories.get_mut(id) {
                    Some(history) => history.add(account),
                    None => drop(self.histories.insert(id.clone(), History::of(account))),
                }
            }
        }
    }

    pub(crate) fn history(&self, account: &str) -> Option<&History> {
        self.histories.get(account)
    }

    pub(crate) fn histories(&self) -> impl Iterator<Item = (&String, &History)> {
        self.histories.iter()
    }
}

impl History {
    fn of(account: &Account) -> Self {
        let mut history = Self {
            states: VecDeque::new(),
        };
        // Nothing is known from before, so this is how it always was.
        history.push(account, i64::MIN);
        history
    }

    fn add(&mut self, account: &Account) {
        if self.states.back().is_some_and(|state| state.changes == account.changes) {
            return;
        }
        self.push(account, account.changed_ms);
        if self.states.len() > KEPT {
            self.states.pop_front();
        }
    }

    fn push(&mut self, account: &Account, since_ms: i64) {
        self.states.push_back(State {
            number: self.states.back().map_or(0, |state| state.number + 1),
            changes: account.changes,
            since_ms,
            account: Arc::new(account.clone()),
        });
    }

    /// The number of the present state.
    pub(crate) fn newest(&self) -> u64 {
        self.states.back().map_or(0, |state| state.number)
    }

    /// The number of the state at a time, in milliseconds since 1970.
    pub(crate) fn at(&self, ms: i64) -> u64 {
        let then = self.states.iter().rev().find(|state| state.since_ms <= ms);
        then.or(self.states.front()).map_or(0, |state| state.number)
    }

    /// The account in that state, or in the oldest that is still known.
    pub(crate) fn account(&self, number: u64) -> Option<Arc<Account>> {
        let found = self.states.iter().find(|state| state.number >= number);
        found.map(|state| Arc::clone(&state.account))
    }
}
