//! What the fuzz targets share. `make fuzz` runs them; each is a program of `src/bin`.
//!
//! | target | is fed | must hold, besides that nothing panics |
//! |---|---|---|
//! | `documents` | a policy document, a statement or a condition block | what is read is written back with the same meaning |
//! | `texts` | two texts: ARNs, names, patterns, durations, dates | the same; patterns agree with each other |
//! | `long` | a text, a piece of which is repeated up to 64 KiB | no reader takes longer than [`LONGEST`] |
//! | `declarations` | a role, a class and an account as JSON | what passes the guard is what IAM takes; a second plan is empty |
//! | `simulator` | calls, tokens and assertions for the simulated AWS | answers are XML; assertions survive being written |

pub mod documents;
pub mod seeds;
pub mod texts;

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// No reader may take longer for a text of 64 KiB: processor time, in a build that counts what it does.
pub const LONGEST: Duration = Duration::from_secs(1);

/// Does something, and panics if it takes longer than [`LONGEST`]. The machine may be as busy as it likes.
pub fn in_time<T>(what: &str, act: impl FnOnce() -> T) -> T {
    let started = processor_time();
    let result = act();
    let taken = processor_time() - started;
    assert!(taken < LONGEST, "{what} took {taken:?}");
    result
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.try_into().unwrap_or(0),
        time.tv_nsec.try_into().unwrap_or(0),
    )
}
