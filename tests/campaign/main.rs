//! Declarations made from the CRDs' own schemas follow one another, while others edit the accounts by hand and AWS fails:
//! after each, an account is as a fresh one would be that has only ever seen the last declaration, status is true, and
//! another look writes nothing.
//!
//! | file | holds |
//! | --- | --- |
//! | `schema`, `text` | values that a schema takes, changes of one property, and values that it refuses |
//! | `values` | useful values: what exists in the simulated AWS |
//! | `chain` | one object and its accounts, and their twins |
//! | `transition` | what happens to a chain next |
//! | `stage` | the operator and what it works in; a round: one transition of many chains, side by side |
//! | `work`, `judgement` | the two halves of a round |
//! | `claims` | what must hold after each transition |
//! | `tally` | the counts |
//!
//! `make test` runs a short campaign, `make campaign` a long one. The seed says what happens in which chain, whatever the
//! others do: a chain that failed can be run again alone.
//!
//! | variable | says |
//! | --- | --- |
//! | `CROSSROLE_CAMPAIGN_SEED` | another campaign |
//! | `CROSSROLE_CAMPAIGN_TRANSITIONS` | how many transitions there are in all |
//! | `CROSSROLE_CAMPAIGN_CHAINS` | numbers of chains, with commas between them: only those are run |

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod chain;
mod claims;
mod judgement;
#[path = "../support/kinds.rs"]
mod kinds;
mod schema;
mod stage;
#[path = "../support/mod.rs"]
mod support;
mod tally;
mod text;
mod transition;
mod values;
mod work;

use std::env;
use std::str::FromStr;
use std::time::Instant;

use chain::Chain;
use stage::Stage;
use support::say;
use tally::Tally;
use transition::Schemas;

/// So many transitions are a short campaign.
const SHORT: usize = 80;

/// A chain goes through at most so many transitions.
const LONGEST: usize = 40;

/// In one round of so many the operator is killed in the middle.
const ROUNDS_PER_RESTART: usize = 6;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_was_declared_edited_and_broken_before_only_the_last_declaration_counts() {
    let started = Instant::now();
    let transitions = variable("CROSSROLE_CAMPAIGN_TRANSITIONS").unwrap_or(SHORT);
    let seed = variable("CROSSROLE_CAMPAIGN_SEED").unwrap_or(11);
    // Few chains that are long, or many: a short campaign has sixteen.
    let count = transitions.div_ceil(LONGEST).max(16);
    let rounds = transitions.div_ceil(count);
    let wanted = env::var("CROSSROLE_CAMPAIGN_CHAINS").unwrap_or_default();
    let wanted: Vec<usize> = wanted.split(',').filter_map(|number| number.parse().ok()).collect();
    let numbers = (0..count).filter(|number| wanted.is_empty() || wanted.contains(number));
    let mut chains: Vec<Chain> = numbers.map(|number| Chain::new(number, seed)).collect();
    assert!(!chains.is_empty(), "there are {count} chains");
    let schemas = Schemas::read();
    let mut stage = Stage::start().await;
    stage.begin(&chains).await;
    let mut tally = Tally::default();
    for round in 0..rounds {
        let restart = round % ROUNDS_PER_RESTART == ROUNDS_PER_RESTART / 2;
        tally.restarts += usize::from(restart);
        stage.round(&mut chains, &schemas, restart, &mut tally).await;
        let failed = chains.iter().filter(|chain| chain.failure.is_some()).count();
        let seconds = started.elapsed().as_secs();
        say(
            "campaign",
            &format!("round {} of {rounds}, {seconds} s, {failed} chains failed", round + 1),
        );
    }
    let end = stage.end().await;
    say(
        "campaign",
        &format!("seed {seed}, {} s, {tally}", started.elapsed().as_secs()),
    );
    let failed: Vec<String> = chains
        .iter()
        .filter_map(|chain| told(chain, seed, count * rounds))
        .collect();
    assert!(
        failed.is_empty(),
        "{} chains failed\n{}",
        failed.len(),
        failed.join("\n\n")
    );
    assert_eq!(end, Ok(()));
}

fn variable<T: FromStr>(name: &str) -> Option<T> {
    let value = env::var(name).ok().filter(|value| !value.is_empty())?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

fn told(chain: &Chain, seed: u64, transitions: usize) -> Option<String> {
    let failure = chain.failure.as_ref()?;
    Some(format!(
        "CROSSROLE_CAMPAIGN_SEED={seed} CROSSROLE_CAMPAIGN_TRANSITIONS={transitions} CROSSROLE_CAMPAIGN_CHAINS={} failed \
         after {} transitions: {failure}\ndeclared: {}\n- {}",
        chain.number,
        chain.history.len(),
        chain.declared.role,
        chain.history.join("\n- ")
    ))
}
