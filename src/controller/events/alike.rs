//! Events that say the same of several accounts of one object: while one is written, those that come are the next one.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::{CancellationToken, DropGuard};

use super::NOTE_SIZE;

/// What an Event says of accounts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Saying {
    /// Which object: its kind, its name and its uid.
    pub(super) object: (String, Option<String>),
    /// `Normal` or `Warning`.
    pub(super) type_: &'static str,
    /// The Event's reason.
    pub(super) reason: String,
    /// What is said, without the account.
    pub(super) text: String,
}

/// Accounts of which one Event speaks.
pub(super) struct Accounts {
    names: Vec<String>,
    told: DropGuard,
}

impl Accounts {
    fn of(account: &str) -> Self {
        Self {
            names: vec![account.to_string()],
            told: CancellationToken::new().drop_guard(),
        }
    }

    /// The Event's note: every account is named.
    pub(super) fn note(&self, text: &str) -> String {
        let accounts = if self.names.len() > 1 { "accounts" } else { "account" };
        format!("{accounts} {}: {text}", self.names.join(", "))
    }

    fn takes(&self, account: &str, text: &str) -> bool {
        let names: usize = self.names.iter().map(|name| name.len() + 2).sum();
        "accounts : ".len() + names + account.len() + text.len() <= NOTE_SIZE
    }
}

/// What is to be said of accounts, and is not being written yet. What has a place here, though an empty one, has somebody who
/// writes it.
#[derive(Clone, Default)]
pub(super) struct Alike(Arc<Mutex<HashMap<Saying, VecDeque<Accounts>>>>);

impl Alike {
    /// One account more of which something is to be said. Returns what ends when it was said, and whether nobody writes what
    /// is said like that: then the caller begins to.
    pub(super) fn join(&self, saying: &Saying, account: &str) -> (CancellationToken, bool) {
        let mut all = self.all();
        let (waiting, begins) = match all.entry(saying.clone()) {
            Entry::Occupied(waiting) => (waiting.into_mut(), false),
            Entry::Vacant(place) => (place.insert(VecDeque::new()), true),
        };
        let told = match waiting.back_mut().filter(|last| last.takes(account, &saying.text)) {
            Some(last) => {
                last.names.push(account.to_string());
                last.told.token().clone()
            }
            None => {
                let next = Accounts::of(account);
                let told = next.told.token().clone();
                waiting.push_back(next);
                told
            }
        };
        (told, begins)
    }

    /// The accounts that are to be told of next; `None`, where there are no more: whoever comes then begins anew.
    pub(super) fn next(&self, saying: &Saying) -> Option<Accounts> {
        let mut all = self.all();
        let next = all.get_mut(saying)?.pop_front();
        if next.is_none() {
            all.remove(saying);
        }
        next
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Saying, VecDeque<Accounts>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saying(text: &str) -> Saying {
        Saying {
            object: ("CrossAccountRole security/audit".into(), Some("1".into())),
            type_: "Normal",
            reason: "Created".into(),
            text: text.into(),
        }
    }

    #[test]
    fn what_comes_while_one_is_written_is_the_next_one() {
        let (alike, created, other) = (
            Alike::default(),
            saying("created the role"),
            saying("set the trust policy"),
        );
        let (first, begins) = alike.join(&created, "prod");
        assert!(begins);
        let written = alike.next(&created).unwrap();
        assert_eq!(written.note(&created.text), "account prod: created the role");
        let (second, begins) = alike.join(&created, "stage");
        assert!(!begins);
        let (third, _) = alike.join(&created, "test");
        assert!(
            alike.join(&other, "prod").1,
            "what says something else is told by itself"
        );
        drop(written);
        assert!(first.is_cancelled() && !second.is_cancelled());

        let written = alike.next(&created).unwrap();
        assert_eq!(written.note(&created.text), "accounts stage, test: created the role");
        drop(written);
        assert!(second.is_cancelled() && third.is_cancelled());
        assert!(alike.next(&created).is_none());
        assert!(alike.join(&created, "prod").1);
    }

    #[test]
    fn no_account_goes_unnamed() {
        let (alike, created) = (Alike::default(), saying(&"x".repeat(500)));
        let names: Vec<String> = (0..200).map(|number| format!("account-{number}")).collect();
        for name in &names {
            alike.join(&created, name);
        }
        let mut told = Vec::new();
        while let Some(accounts) = alike.next(&created) {
            let note = accounts.note(&created.text);
            assert!(note.len() <= NOTE_SIZE, "{}", note.len());
            assert!(note.len() > NOTE_SIZE - 30 || told.len() + accounts.names.len() == names.len());
            told.extend(accounts.names);
        }
        assert_eq!(told, names);
    }
}
