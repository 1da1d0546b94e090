//! Folding: what is alike is one Event of Kubernetes, which counts, and remembers what it has counted.
//!
//! Alike is what the same principal did to the same role within the same ten minutes by the time of AWS. Of changes each session
//! is a principal of its own; of uses, which may be many, sessions of one role are one unless they are called as people are. The Event's name is
//! made of that, so whoever is told of a use again, also after a restart, finds the same Event and in it whether the use was
//! counted. So each is counted once, without anything else to be kept.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crossrole_api::Mfa;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::record::{Change, Details, Outcome, Use};

/// What happens within so many seconds, counted from 1970, is one series.
const WINDOW: i64 = 600;

/// What a series remembers of each use, in bytes: 48 bits, so that among some thousands two are alike once in a hundred
/// million series.
const MARK_SIZE: usize = 8;

/// An Event counts so many uses at most; then another one goes on. Its marks take 32 kB; annotations have room for 256 kB
/// (Kubernetes documentation, "Annotations").
pub const MOST: usize = 4_000;

/// What an Event remembers of a use that it has counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark([u8; MARK_SIZE]);

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// So many digits, six bits each, of a number that nobody can guess backwards.
fn digits<const N: usize>(hash: &[u8]) -> [u8; N] {
    let mut digits = [b'A'; N];
    for (digit, byte) in digits.iter_mut().zip(hash) {
        *digit = DIGITS[usize::from(byte % 64)];
    }
    digits
}

impl Mark {
    /// Of the use with this id.
    pub fn of(id: &str) -> Self {
        Self(digits(&Sha256::digest(id)))
    }

    fn text(&self) -> &str {
        // Nothing but digits.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Marks as an annotation holds them.
pub fn written(marks: &BTreeSet<Mark>) -> String {
    marks.iter().map(Mark::text).collect()
}

/// The marks that an annotation holds.
pub fn read(annotation: &str) -> BTreeSet<Mark> {
    let marks = annotation.as_bytes().chunks_exact(MARK_SIZE);
    marks.filter_map(|mark| Some(Mark(mark.try_into().ok()?))).collect()
}

/// What is told of a role: uses and changes alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Names the call.
    pub id: String,
    /// When.
    pub time: Timestamp,
    /// The series that it belongs to: letters and digits that can stand in an object's name.
    pub series: String,
    /// The reason of the Event.
    pub reason: &'static str,
    /// Whether a person should look.
    pub is_warning: bool,
    /// What the Event says, without the account's name. It speaks of the first of the series.
    pub note: String,
}

/// The reason of the Event on a use.
pub const ASSUMED: &str = "Assumed";

/// The reason of the Event on a use that was denied.
pub const DENIED: &str = "AssumeDenied";

/// The reason of the Event on a change from outside.
pub const CHANGED_OUTSIDE: &str = "ChangedOutside";

impl Told {
    /// What is told of a use of the role of an object, named by its uid. `mfa` is what is known in the end.
    pub fn of_use(object: &str, used: &Use, mfa: Mfa) -> Self {
        let (reason, verb) = match used.outcome {
            Outcome::Granted => (ASSUMED, "assumed by"),
            Outcome::Denied => (DENIED, "denied to"),
        };
        let many = if used.principal.is_one_of_many() {
            "sessions of a role, the first of them "
        } else {
            ""
        };
        let mut note = format!(
            "{verb} {many}{}, first at {:.0} {}",
            used.principal.name,
            used.time,
            with(mfa, used.outcome)
        );
        add(&mut note, &used.details);
        if let Some(session) = &used.details.session_name {
            let _ = write!(note, ", as session {session}");
        }
        Self {
            id: used.id.clone(),
            time: used.time,
            series: series(&[object, used.account.as_str(), reason, &used.principal.key], used.time),
            reason,
            is_warning: used.outcome == Outcome::Denied,
            note,
        }
    }

    /// What is told of a change of the role of an object, named by its uid.
    pub fn of_change(object: &str, change: &Change) -> Self {
        let mut note = format!(
            "{} called {}, first at {:.0}",
            change.principal.name, change.action, change.time
        );
        add(&mut note, &change.details);
        let parts = [
            object,
            change.account.as_str(),
            CHANGED_OUTSIDE,
            change.action,
            &change.principal.key,
            change.principal.session.as_deref().unwrap_or_default(),
        ];
        Self {
            id: change.id.clone(),
            time: change.time,
            series: series(&parts, change.time),
            reason: CHANGED_OUTSIDE,
            is_warning: true,
            note,
        }
    }
}

fn with(mfa: Mfa, outcome: Outcome) -> &'static str {
    match (outcome, mfa) {
        (_, Mfa::Yes) => "with MFA",
        (_, Mfa::No) => "without MFA",
        (Outcome::Granted, Mfa::Required) => "with MFA, as the trust requires it",
        _ => "(MFA unknown)",
    }
}

fn add(note: &mut String, details: &Details) {
    if let Some(source) = &details.source_ip {
        let _ = write!(note, ", from {source}");
    }
    if let Some(code) = &details.error_code {
        let _ = write!(note, ": {code}");
    }
}

/// The name of a series: 16 characters of a-z and 0-9.
fn series(parts: &[&str], time: Timestamp) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.update(time.as_second().div_euclid(WINDOW).to_be_bytes());
    let name = hash.finalize();
    name.iter().take(8).fold(String::new(), |mut name, byte| {
        let _ = write!(name, "{byte:02x}");
        name
    })
}
