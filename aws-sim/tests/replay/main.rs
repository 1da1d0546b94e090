//! What others recorded of the real service, played again: the same calls in the same order, and every answer compared,
//! members and values. The recordings lie beside the project and are read in place; where they are missing, there is
//! nothing to compare.

#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod account;
mod policies;
mod recording;
mod roles;
mod sessions;
mod tree;

use recording::Replay;

/// Steps that are not played, and why.
const EXCEPTIONS: [(&str, &str, &str); 2] = [
    (
        "TestSTSIntegrations::test_assume_role",
        "role-session-name",
        "the name that the recording chose for its session, not an answer",
    ),
    (
        "TestSTSIntegrations::test_federation_token_policy_too_long",
        "policy-too-long-error",
        "GetFederationToken is not simulated",
    ),
];

#[test]
fn every_recorded_answer_is_given_again() {
    let Some(mut replay) = Replay::open() else { return };
    roles::play(&mut replay);
    account::play(&mut replay);
    policies::play(&mut replay);
    sessions::play(&mut replay);
    for (test, label, why) in EXCEPTIONS {
        replay.leave_out(test, label);
        println!("not played: {test} {label}: {why}");
    }
    let (agreed, all) = replay.agreed();
    println!(
        "{agreed} of {all} recorded answers given again, {} left out",
        EXCEPTIONS.len()
    );
    assert!(replay.wrong.is_empty(), "{}", replay.wrong.join("\n"));
    assert_eq!(replay.unplayed(), Vec::<String>::new());
    assert_eq!(agreed + EXCEPTIONS.len(), all);
}
