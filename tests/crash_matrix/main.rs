//! SIGKILL at every AWS call and every write to Kubernetes that the work makes: before it is carried out, and after, but
//! before its answer came. Then a new start, after which everything must end as if nothing had happened; also where
//! something else was declared meanwhile.
//!
//! | file | holds |
//! | --- | --- |
//! | `work` | the work: what is there before, what begins it, and what must hold in the end |
//! | `point` | one call or write of one piece of work, and its name |
//! | `batch` | many points side by side: all are held, the operator is killed once, and started again |
//! | `granting` | the same for grants |
//! | `verdict` | what must hold of each place in the end |
//!
//! Which calls and writes there are is found out by doing the work undisturbed first. Every write to Kubernetes counts:
//! finalizers, status and Events, of objects, accounts and classes. `make test` runs a sample, `make crash` all points.
//!
//! | variable | says |
//! | --- | --- |
//! | `CROSSROLE_CRASH` | `sample` (default), `all`, `500..` (all from that one on), or names of points with commas between them: each failure names its own |
//! | `CROSSROLE_CRASH_SEED` | another sample |

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod batch;
mod granting;
mod point;
#[path = "../support/mod.rs"]
mod support;
mod verdict;
#[path = "../support/work/mod.rs"]
mod work;

use std::collections::BTreeMap;
use std::env;
use std::time::Instant;

use batch::Stage;
use point::{Point, Tally};
use support::say;
use work::scenario::Scenario;
use work::{claims, ending, place, scenario};

/// So many points are a sample: they run side by side.
const SAMPLE: usize = 28;

/// Points that run side by side. The operator works on 64 objects of a kind at a time; more writes that are held at once
/// would keep others from theirs.
const SIDE_BY_SIDE: usize = 120;

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_call_or_write_changes_nothing_in_the_end() {
    let started = Instant::now();
    let tell = |text: &str| say("crash matrix", &format!("{} s: {text}", started.elapsed().as_secs()));
    let wanted = env::var("CROSSROLE_CRASH").unwrap_or_else(|_| "sample".into());
    let seed = env::var("CROSSROLE_CRASH_SEED").map_or(5, |seed| seed.parse().expect("a number"));
    let mut stage = Stage::start().await;
    let references = stage.do_undisturbed().await;
    let all = point::all(&references);
    let points = choose(&all, &wanted, seed);
    tell(&format!("{} points of {}, seed {seed}", points.len(), all.len()));
    let mut tallies: BTreeMap<Scenario, Tally> = BTreeMap::new();
    let mut failed = Vec::new();
    for batch in points.chunks(SIDE_BY_SIDE) {
        let ended = stage.run(batch, &references).await;
        for failure in &ended.failures {
            say("crash matrix", &format!("FAILED {failure}"));
        }
        failed.extend(ended.failures);
        for (point, reached) in &ended.points {
            tallies.entry(point.scenario).or_default().count(point, *reached);
        }
        tell(&format!("{} failed", failed.len()));
    }
    if wanted == "sample" || wanted == "all" {
        let (grants, failures) = granting::run(&mut stage).await;
        tell(&format!("grants: killed at {grants} points, {} failed", failures.len()));
        failed.extend(failures);
    }
    stage.end().await;
    let mut total = Tally::default();
    for (scenario, tally) in &tallies {
        total.add(tally);
        tell(&format!("{scenario}: {tally}"));
    }
    tell(&format!("all: {total}"));
    assert!(
        failed.is_empty(),
        "{} of {} points failed; seed {seed}; run one alone with CROSSROLE_CRASH=<its name>:\n{}",
        failed.len(),
        points.len(),
        failed.join("\n")
    );
    // A status that was written once less than undisturbed is no failure; a matrix that kills nobody is.
    assert!(total.missed * 10 <= points.len(), "{total}");
}

fn choose(all: &[Point], wanted: &str, seed: u64) -> Vec<Point> {
    let mut points = all.to_vec();
    // Mixed also where all run: each batch then has a little of everything.
    fastrand::Rng::with_seed(seed).shuffle(&mut points);
    match wanted {
        "all" => {}
        "sample" => points.truncate(SAMPLE),
        from if from.ends_with("..") => {
            let first: usize = from.trim_end_matches('.').parse().expect("a number before ..");
            points = points.split_off(first);
        }
        names => {
            let names: Vec<&str> = names.split(',').collect();
            points.retain(|point| names.contains(&point.to_string().as_str()));
            assert_eq!(points.len(), names.len(), "a point of {names:?} is not there");
        }
    }
    points
}
