//! Every AWS call that the work makes, with every answer that can go wrong: once, twice in a row, and for as long as it
//! takes until the object's status says so.
//!
//! | file | holds |
//! | --- | --- |
//! | `work` | the work: what is there before, what begins it, and what must hold in the end |
//! | `cell` | one call of one piece of work with one trouble, and its name |
//! | `expected` | what status says of which trouble |
//! | `batch` | many cells side by side in one operator, each with an account and an object of its own |
//! | `trial` | one cell in its account |
//! | `granting` | the same for grants |
//!
//! Which calls there are is found out by doing the work undisturbed first; which errors a call can give, the simulator
//! knows from the API references. `make test` runs a sample, `make matrix` all cells.
//!
//! | variable | says |
//! | --- | --- |
//! | `CROSSROLE_MATRIX` | `sample` (default), `all`, `3250..` (all from that one on), or names of cells with commas between them: each failure names its own |
//! | `CROSSROLE_MATRIX_SEED` | another sample |

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod batch;
mod cell;
mod expected;
mod granting;
#[path = "../support/mod.rs"]
mod support;
mod trial;
#[path = "../support/work/mod.rs"]
mod work;

use std::env;
use std::time::Instant;

use batch::Stage;
use cell::Cell;
use support::say;
use work::{claims, ending, place, scenario};

/// So many cells are a sample: they run side by side.
const SAMPLE: usize = 48;

/// Cells that run side by side.
const SIDE_BY_SIDE: usize = 250;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_with_a_call_the_account_ends_as_declared_and_status_says_why_meanwhile() {
    let started = Instant::now();
    let wanted = env::var("CROSSROLE_MATRIX").unwrap_or_else(|_| "sample".into());
    let seed = env::var("CROSSROLE_MATRIX_SEED").map_or(5, |seed| seed.parse().expect("a number"));
    let mut stage = Stage::start().await;
    let references = stage.do_undisturbed().await;
    let errors = stage.errors().await;
    let all = cell::all(&references, &errors);
    let cells = choose(&all, &wanted, seed);
    say(
        "fault matrix",
        &format!("{} cells of {}, seed {seed}", cells.len(), all.len()),
    );
    let mut failed = Vec::new();
    for batch in cells.chunks(SIDE_BY_SIDE) {
        let failures = stage.run(batch, &references).await;
        for failure in &failures {
            say("fault matrix", &format!("FAILED {failure}"));
        }
        failed.extend(failures);
        say(
            "fault matrix",
            &format!("{} s, {} failed", started.elapsed().as_secs(), failed.len()),
        );
    }
    if wanted == "sample" || wanted == "all" {
        let (grants, failures) = granting::run(stage.scene()).await;
        say(
            "fault matrix",
            &format!(
                "{} s, {grants} cells of grants, {} failed",
                started.elapsed().as_secs(),
                failures.len()
            ),
        );
        failed.extend(failures);
    }
    assert!(
        failed.is_empty(),
        "{} of {} cells failed; seed {seed}; run one alone with CROSSROLE_MATRIX=<its name>:\n{}",
        failed.len(),
        cells.len(),
        failed.join("\n")
    );
}

fn choose(all: &[Cell], wanted: &str, seed: u64) -> Vec<Cell> {
    match wanted {
        "all" => all.to_vec(),
        "sample" => {
            let mut cells = all.to_vec();
            fastrand::Rng::with_seed(seed).shuffle(&mut cells);
            cells.truncate(SAMPLE);
            cells
        }
        from if from.ends_with("..") => {
            let first: usize = from.trim_end_matches('.').parse().expect("a number before ..");
            all.get(first..).expect("so many cells are there").to_vec()
        }
        names => names
            .split(',')
            .map(|name| {
                let known = all.iter().find(|cell| cell.to_string() == name);
                known.unwrap_or_else(|| panic!("there is no cell {name}")).clone()
            })
            .collect(),
    }
}
