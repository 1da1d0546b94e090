//! A role's tags: which change, and what hangs on them.
//!
//! A session carries the role's tags as `aws:PrincipalTag`; for whoever asks to assume the role they are
//! `aws:ResourceTag` and `iam:ResourceTag` (IAM user guide, "Controlling access to IAM resources using tags").

use std::collections::{BTreeMap, BTreeSet};

use crossrole_iam::document::Document;
use crossrole_iam::quota::ROLE_TAGS;

use crate::desired::Desired;
use crate::observed::{ObservedDocument, ObservedRole};

/// The wanted tags that are not there, or have another value. IAM does not tell tag keys apart by case.
pub(crate) fn missing(
    observed: &BTreeMap<String, String>,
    wanted: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let there: BTreeMap<String, &String> = observed
        .iter()
        .map(|(key, value)| (key.to_lowercase(), value))
        .collect();
    wanted
        .iter()
        .filter(|(key, value)| there.get(&key.to_lowercase()) != Some(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// Whether a role can carry these tags too.
pub(crate) fn have_room_for(observed: &BTreeMap<String, String>, more: &BTreeMap<String, String>) -> bool {
    let keys = observed.keys().chain(more.keys()).map(|key| key.to_lowercase());
    // Tags that AWS itself puts on do not count.
    keys.filter(|key| !key.starts_with("aws:"))
        .collect::<BTreeSet<_>>()
        .len()
        <= ROLE_TAGS
}

/// The keys of tags that are there and not wanted, apart from our own and those of AWS.
pub(crate) fn surplus(observed: &BTreeMap<String, String>, wanted: &BTreeMap<String, String>) -> BTreeSet<String> {
    let wanted: BTreeSet<String> = wanted.keys().map(|key| key.to_lowercase()).collect();
    observed
        .keys()
        .filter(|key| {
            let folded = key.to_lowercase();
            !folded.starts_with("aws:")
                && !folded.starts_with(crossrole_api::names::PREFIX)
                && !wanted.contains(&folded)
        })
        .cloned()
        .collect()
}

/// Whether an inline policy, old or new, hangs on the tags that a session carries. One that cannot be read may.
pub(crate) fn are_read_by_policies(observed: &ObservedRole, desired: &Desired) -> bool {
    let reads = |document: &Document| speaks_of(document, "aws:principaltag/");
    observed.inline.values().any(|found| may(found, reads)) || desired.inline.values().any(reads)
}

/// Whether trust, old or new, hangs on the role's tags. One that cannot be read may.
pub(crate) fn are_read_by_trust(observed: &ObservedRole, desired: &Desired) -> bool {
    let reads = |document: &Document| speaks_of(document, ":resourcetag/");
    may(&observed.trust, reads) || reads(&desired.trust)
}

/// Whether other tags, by themselves, may take somebody out of the trust policy.
pub(crate) fn take_somebody_out(observed: &ObservedRole, desired: &Desired) -> bool {
    let change =
        !missing(&observed.tags, &desired.tags).is_empty() || !surplus(&observed.tags, &desired.tags).is_empty();
    change && are_read_by_trust(observed, desired)
}

fn may(found: &ObservedDocument, reads: impl Fn(&Document) -> bool) -> bool {
    found.document().is_none_or(reads)
}

/// Whether a document holds a text, as a condition key or in a policy variable.
fn speaks_of(document: &Document, text: &str) -> bool {
    document.to_json().to_ascii_lowercase().contains(text)
}
