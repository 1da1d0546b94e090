//! Five hundred roles in twenty accounts for half an hour, in compressed time: people edit objects and accounts, AWS
//! fails, the operator and the API server are killed. In the end everything is as declared, nothing is left, and the
//! operator's memory has not grown.
//!
//! It runs by `make soak`; `CROSSROLE_SOAK_MINUTES` says how long, `CROSSROLE_SOAK_SEED` makes another one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/kinds.rs"]
mod kinds;
mod soak;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use soak::Soak;
use support::say;

/// How often memory is looked at.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// Memory may grow by so much, or by a tenth if that is more.
const GROWTH: u64 = 8 << 20;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes half an hour: make soak"]
async fn half_an_hour_of_trouble_leaves_everything_as_declared_and_memory_flat() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().expect("a number"));
    let minutes: u64 = number("CROSSROLE_SOAK_MINUTES").unwrap_or(30);
    let seed = number("CROSSROLE_SOAK_SEED").unwrap_or(3);
    let mut soak = Soak::start(seed).await;
    soak.settle("begin").await;
    let begun = Instant::now();
    let whole = Duration::from_secs(60 * minutes);
    let samples = Arc::new(Mutex::new(Vec::new()));
    let sampling = tokio::spawn(sample(soak.process.clone(), samples.clone()));
    let mut crashes = [0.05, 0.1, 0.15, 0.2].into_iter().peekable();
    // One before memory is compared: to list everything at once takes room that stays taken.
    let mut outages = [0.12, 0.22, 0.4, 0.7].into_iter().peekable();
    let mut told = 0;
    while begun.elapsed() < whole {
        let share = begun.elapsed().as_secs_f64() / whole.as_secs_f64();
        // In the first quarter only: memory is that of one process from then on.
        if crashes.next_if(|at| *at <= share).is_some() {
            soak.crash().await;
        }
        if outages.next_if(|at| *at <= share).is_some() {
            soak.outage().await;
        }
        soak.trouble().await;
        // One round of trouble in a second: a rate, not a wait for anything.
        tokio::time::sleep(Duration::from_secs(1)).await;
        if begun.elapsed().as_secs() / 60 > told {
            told = begun.elapsed().as_secs() / 60;
            let memory = samples.lock().unwrap().last().copied().unwrap_or_default();
            say("soak", &format!("{told} min, {} MiB, {:?}", memory >> 20, soak.done));
        }
    }
    sampling.abort();
    soak.end().await;
    let samples = samples.lock().unwrap().clone();
    let quarter = samples.len() / 4;
    let (second, last) = (median(&samples[quarter..2 * quarter]), median(&samples[3 * quarter..]));
    let most = samples.iter().max().unwrap();
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    say(
        "soak",
        &format!(
            "seed {seed}, {minutes} min, {:?}; memory: second quarter {:.1} MiB, last {:.1} MiB, most {:.1} MiB",
            soak.done,
            mib(second),
            mib(last),
            mib(*most)
        ),
    );
    assert!(
        last <= second + GROWTH.max(second / 10),
        "memory grew from {second} to {last} bytes"
    );
}

/// The resident memory of the operator, again and again.
async fn sample(process: Arc<AtomicU32>, samples: Arc<Mutex<Vec<u64>>>) {
    loop {
        tokio::time::sleep(SAMPLE_EVERY).await;
        let status = fs::read_to_string(format!("/proc/{}/status", process.load(Ordering::Relaxed)));
        let line = status.unwrap_or_default();
        let kib = line.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        if let Some(kib) = kib.and_then(|kib| kib.split_whitespace().next()?.parse::<u64>().ok()) {
            samples.lock().unwrap().push(kib << 10);
        }
    }
}

fn median(samples: &[u64]) -> u64 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    sorted[sorted.len() / 2]
}
