//! The figures: one row for each scenario, and what was wanted of it.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

/// What one scenario took. What was not measured is absent.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The scenario.
    pub scenario: String,
    /// How many roles it was about, where their number is what differs.
    pub roles: Option<u64>,
    /// AWS calls.
    pub calls: Option<u64>,
    /// AWS calls that change something.
    pub writes: Option<u64>,
    /// Patches of CrossAccountRoles: finalizers and status.
    pub patches: Option<u64>,
    /// Patches of all our kinds: those of AWSAccounts, AccountClasses and AssumeRoleGrants too.
    pub all_patches: Option<u64>,
    /// From the first to the last, in seconds.
    pub seconds: Option<f64>,
    /// The least that AWS alone takes: calls × latency ÷ concurrency, in seconds.
    pub least_seconds: Option<f64>,
    /// The least that all of it takes on this machine: what a bare client took that made the same writes to Kubernetes and
    /// the same calls in the same run, in seconds.
    pub floor_seconds: Option<f64>,
    /// The most memory that the operator held, in MiB.
    pub peak_mib: Option<f64>,
    /// The memory that it held at the end, in MiB.
    pub steady_mib: Option<f64>,
    /// The operator's processor time, in seconds.
    pub processor_seconds: Option<f64>,
    /// Further figures, and what was wanted.
    pub wanted: Vec<Wanted>,
}

/// A figure, with its bound where it has one.
#[derive(Clone, Debug, Serialize)]
pub struct Wanted {
    /// What is bounded.
    pub what: String,
    /// What was found.
    pub found: f64,
    /// What it may be at most.
    pub most: Option<f64>,
}

impl Wanted {
    /// Whether it has no bound, or is within it. What could not be measured is not.
    fn is_met(&self) -> bool {
        self.most.is_none_or(|most| self.found <= most)
    }
}

impl Row {
    /// A row of a scenario.
    pub fn new(scenario: impl Into<String>) -> Self {
        Self {
            scenario: scenario.into(),
            ..Self::default()
        }
    }

    /// Says what is wanted at most.
    pub fn wants(&mut self, what: &str, found: f64, most: f64) {
        self.wanted.push(Wanted {
            what: what.into(),
            found,
            most: Some(most),
        });
    }

    /// Tells a figure that has no bound.
    pub fn tells(&mut self, what: &str, found: f64) {
        self.wanted.push(Wanted {
            what: what.into(),
            found,
            most: None,
        });
    }

    /// How many times as long it took as AWS alone.
    pub fn times_the_least(&self) -> Option<f64> {
        Some(self.seconds? / self.least_seconds?)
    }

    /// How many times as long it took as a bare client.
    pub fn times_the_floor(&self) -> Option<f64> {
        Some(self.seconds? / self.floor_seconds?)
    }
}

/// Bytes in MiB.
pub fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// The least time that so many calls of so long each can take.
pub fn least(calls: u64, latency: Duration, at_once: u32) -> f64 {
    calls as f64 * latency.as_secs_f64() / f64::from(at_once)
}

/// What two columns of the table mean.
const LEAST: &str = "÷ AWS: the time divided by what the AWS calls alone take, calls × latency ÷ concurrency. ÷ floor: divided by the least\n\
    possible of the whole, which is what a bare client took in the same run that wrote to Kubernetes what has to be written\n\
    (objects, finalizers, intent, an Event for each role, report) and made the same calls, in the same order and as many at once,\n\
    without a thought. The operator says of several accounts in one Event what is the same: it writes fewer of them.\n";

/// All rows as a table in Markdown, and below it what was wanted.
pub fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| scenario | AWS calls | writes | patches | seconds | ÷ AWS | ÷ floor | peak MiB | steady MiB | processor s |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    let whole = |figure: Option<u64>| figure.map_or(String::new(), |figure| figure.to_string());
    let part = |figure: Option<f64>| figure.map_or(String::new(), |figure| format!("{figure:.2}"));
    for row in rows {
        let cells = [
            row.scenario.clone(),
            whole(row.calls),
            whole(row.writes),
            whole(row.patches),
            part(row.seconds),
            part(row.times_the_least()),
            part(row.times_the_floor()),
            part(row.peak_mib),
            part(row.steady_mib),
            part(row.processor_seconds),
        ];
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    if rows.iter().any(|row| row.floor_seconds.is_some()) {
        text.push('\n');
        text.push_str(LEAST);
    }
    text.push_str("\n| scenario | what | found | at most | |\n|---|---|---:|---:|---|\n");
    for row in rows {
        for wanted in &row.wanted {
            let (most, verdict) = match wanted.most {
                None => (String::new(), ""),
                Some(most) if wanted.is_met() => (most.to_string(), "met"),
                Some(most) => (most.to_string(), "**not met**"),
            };
            let _ = writeln!(
                text,
                "| {} | {} | {:.2} | {most} | {verdict} |",
                row.scenario, wanted.what, wanted.found
            );
        }
    }
    text
}

/// What is more than it may be, or is no number.
pub fn missed(rows: &[Row]) -> Vec<String> {
    let wanted = rows
        .iter()
        .flat_map(|row| row.wanted.iter().map(move |wanted| (row, wanted)));
    let missed = wanted.filter(|(_, wanted)| !wanted.is_met());
    let told = missed.map(|(row, wanted)| format!("{}: {} is {:.2}", row.scenario, wanted.what, wanted.found));
    told.collect()
}
