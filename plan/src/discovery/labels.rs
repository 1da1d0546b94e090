//! What an account's labels say: its organisation, its name, the units that it is in, its tags.
//!
//! Labels hold less than names and tags do. Source: Kubernetes documentation, "Labels and Selectors" (syntax and character
//! set).

use std::collections::BTreeMap;

use crossrole_api::names::{ACCOUNT_NAME_LABEL, ORGANIZATION_LABEL, TAG_LABEL_PREFIX, UNIT_LABEL, UNIT_LABEL_PREFIX};

use super::listing::{Listed, Listing};
use crate::select::Labels;

/// A label's name without its prefix, and its value, hold at most so many characters.
const LONGEST: usize = 63;

/// The labels of an account.
pub(super) fn of(listing: &Listing, listed: &Listed) -> Labels {
    let parent = listed.units.last().map_or(&listing.root, |unit| &unit.id);
    let mut labels = BTreeMap::from([
        (ORGANIZATION_LABEL.to_string(), listing.organization.to_string()),
        (ACCOUNT_NAME_LABEL.to_string(), fitting(&listed.name)),
        (UNIT_LABEL.to_string(), fitting(parent)),
    ]);
    for unit in &listed.units {
        labels.insert(format!("{UNIT_LABEL_PREFIX}{}", fitting(&unit.id)), fitting(&unit.name));
    }
    for (key, value) in &listed.tags {
        let name = fitting(key);
        if !name.is_empty() {
            // Of two tags that make the same label, the first counts.
            labels
                .entry(format!("{TAG_LABEL_PREFIX}{name}"))
                .or_insert_with(|| fitting(value));
        }
    }
    labels
}

/// The labels that discovery gives, of all that an object has.
pub(super) fn kept(labels: &Labels) -> Labels {
    let is_ours = |key: &str| {
        [ORGANIZATION_LABEL, ACCOUNT_NAME_LABEL, UNIT_LABEL].contains(&key)
            || key.starts_with(UNIT_LABEL_PREFIX)
            || key.starts_with(TAG_LABEL_PREFIX)
    };
    let ours = labels.iter().filter(|(key, _)| is_ours(key));
    ours.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// A text as a label can hold it: `_` for each character that it cannot, nothing but letters and digits at both ends.
fn fitting(text: &str) -> String {
    let fits = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    let text: String = text
        .chars()
        .map(|character| if fits(character) { character } else { '_' })
        .collect();
    let ends = |character: char| !character.is_ascii_alphanumeric();
    let start: String = text.trim_start_matches(ends).chars().take(LONGEST).collect();
    start.trim_end_matches(ends).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_label_cannot_hold_is_replaced_or_cut_off() {
        for (text, label) in [
            ("Prod", "Prod"),
            ("Payments (EU)", "Payments__EU"),
            ("cost:center", "cost_center"),
            ("team@example.com", "team_example.com"),
            ("  ", ""),
            ("größe", "gr__e"),
            (&"a".repeat(70), &"a".repeat(63)),
            (&format!("{} b", "a".repeat(62)), &"a".repeat(62)),
        ] {
            assert_eq!(fitting(text), label, "{text}");
        }
    }
}
