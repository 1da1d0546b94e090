//! The inline quota, where our own policies need room.

use crossrole_iam::quota::ROLE_INLINE_POLICIES_SIZE;

use super::steps;
use crate::lifecycle::closing;
use crate::observed::{Observed, ObservedDocument};
use crate::testing::{held, plan_from, policy_of_size};

#[test]
fn what_ends_sessions_waits_for_room_and_not_a_call_longer() {
    let most = ROLE_INLINE_POLICIES_SIZE - closing().size();
    for (sentence, size, expected) in [
        (
            "there is just room for it",
            most,
            ["put inline policy crossrole-closed", "delete inline policy a"],
        ),
        (
            "one character is missing",
            most + 1,
            ["delete inline policy a", "put inline policy crossrole-closed"],
        ),
    ] {
        let mut role = held("");
        let found = ObservedDocument::of(policy_of_size(size));
        role.inline.insert("a".parse().unwrap(), found);
        let plan = plan_from(&Observed::Present(Box::new(role)), "access: Closed");
        let [first, second] = expected;
        assert_eq!(
            steps(&plan),
            format!("  1. set the trust policy\n  2. {first}\n  3. {second}"),
            "{sentence}"
        );
    }
}
