//! The record of AWS calls, and how many there were of each.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

/// How many calls are remembered one by one. The counts know all of them.
const REMEMBERED: usize = 200_000;

/// One AWS call.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CallRecord {
    /// Counts from 1 in the order in which calls arrived.
    pub(crate) seq: u64,
    /// When it arrived, in the simulated time.
    pub(crate) time: String,
    /// The account that the call acts in.
    pub(crate) account: String,
    pub(crate) service: &'static str,
    pub(crate) action: String,
    /// The role that the call is about.
    pub(crate) role: Option<String>,
    /// The caller's ARN, or its access key if it is not known.
    pub(crate) caller: String,
    /// The access key that signed it: each session has its own. Empty where the call is not signed.
    pub(crate) key: String,
    /// `read` or `write`.
    pub(crate) kind: &'static str,
    /// `OK`, the error's code, `Pending` until it is decided, or `Dropped` if it was never carried out.
    pub(crate) code: String,
    pub(crate) params: BTreeMap<String, String>,
}

/// Counts of one account, or of all.
#[derive(Debug, Default, Clone, Serialize)]
pub(crate) struct Counts {
    pub(crate) reads: u64,
    pub(crate) writes: u64,
    /// Calls that were answered with an error.
    pub(crate) errors: u64,
    pub(crate) actions: BTreeMap<String, u64>,
}

impl Counts {
    fn add(&mut self, record: &CallRecord) {
        if record.kind == "write" {
            self.writes += 1;
        } else {
            self.reads += 1;
        }
        *self.actions.entry(record.action.clone()).or_default() += 1;
    }
}

/// All calls since the last reset.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    last: u64,
    records: VecDeque<CallRecord>,
    total: Counts,
    accounts: BTreeMap<String, Counts>,
}

impl Calls {
    /// Writes down a call that has arrived. Gives its number.
    pub(crate) fn arrived(&mut self, mut record: CallRecord) -> u64 {
        self.last += 1;
        record.seq = self.last;
        self.total.add(&record);
        self.accounts.entry(record.account.clone()).or_default().add(&record);
        if self.records.len() == REMEMBERED {
            self.records.pop_front();
        }
        self.records.push_back(record);
        self.last
    }

    /// Writes down how a call ended.
    pub(crate) fn ended(&mut self, seq: u64, code: &str) {
        let Some(first) = self.records.front().map(|record| record.seq) else {
            return;
        };
        let index = seq.checked_sub(first).and_then(|index| usize::try_from(index).ok());
        let Some(record) = index.and_then(|index| self.records.get_mut(index)) else {
            return;
        };
        code.clone_into(&mut record.code);
        if code != "OK" && code != "Dropped" {
            self.total.errors += 1;
            self.accounts.entry(record.account.clone()).or_default().errors += 1;
        }
    }

    /// The calls after a number, in order.
    pub(crate) fn since(&self, seq: u64) -> Vec<CallRecord> {
        self.records
            .iter()
            .skip_while(|record| record.seq <= seq)
            .cloned()
            .collect()
    }

    /// The number of the last call.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// Counts of everything, and by account.
    pub(crate) fn counts(&self) -> (Counts, BTreeMap<String, Counts>) {
        (self.total.clone(), self.accounts.clone())
    }

    /// Forgets counts and records. Numbers go on, so that a call under way does not end as another.
    pub(crate) fn reset(&mut self) {
        self.records.clear();
        self.total = Counts::default();
        self.accounts.clear();
    }
}
