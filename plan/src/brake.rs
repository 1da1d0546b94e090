//! The limit on removals that nobody asked for by name.
//!
//! A change of a selector, a label, a class or an AWSAccount can take many roles away at once, and may be a slip. Above
//! the limit nothing is removed until a person says so. Removals that were asked for by name are never held.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

/// What the limit is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Removals that nobody asked for by name: those about to happen in all objects, and those that happened lately.
    pub derived_removals: usize,
    /// All roles that objects of this cluster hold; of accounts, all that discovery keeps.
    pub roles: usize,
}

/// The greatest number of derived removals that is let through: `at_least`, or a tenth of all roles if that is more.
pub fn limit(at_least: usize, load: Load) -> usize {
    at_least.max(load.roles / 10)
}

/// Whether derived removals may go on.
pub fn lets_through(at_least: usize, load: Load) -> bool {
    load.derived_removals <= limit(at_least, load)
}

/// Names a removal, so that releasing the brake releases this removal and no later one: a digest of the object and of
/// accounts: those that stay selected, or of a class all that leave. It does not change while the removal is carried out.
pub fn digest<'a>(object_uid: &str, accounts: impl IntoIterator<Item = &'a str>) -> String {
    let accounts: BTreeSet<&str> = accounts.into_iter().collect();
    let mut hasher = Sha256::new();
    hasher.update(object_uid.as_bytes());
    for account in accounts {
        hasher.update([0]);
        hasher.update(account.as_bytes());
    }
    hasher
        .finalize()
        .iter()
        .take(5)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_or_a_tenth_of_all_is_let_through_whichever_is_more() {
        for (derived_removals, roles, through) in [
            (10, 10, true),
            (11, 10, false),
            (11, 110, true),
            (12, 119, false),
            (100, 1000, true),
            (101, 1000, false),
            (0, 0, true),
        ] {
            assert_eq!(
                lets_through(
                    10,
                    Load {
                        derived_removals,
                        roles
                    }
                ),
                through,
                "{derived_removals} of {roles}"
            );
        }
    }

    #[test]
    fn a_digest_names_the_object_and_what_stays() {
        let first = digest("uid", ["a", "b"]);
        assert_eq!(first, digest("uid", ["b", "a"]));
        assert_ne!(first, digest("uid", ["a"]));
        assert_ne!(first, digest("other", ["a", "b"]));
        assert_ne!(digest("uid", ["ab"]), digest("uid", ["a", "b"]));
    }
}
