//! `make bench`: what crossrole's work takes, against a real API server and simulated AWS that takes 10 ms for a call.
//!
//! Calls and writes are counted by the simulator and the API server, memory and processor time are what Linux tells of the
//! operator's process. Times are of this machine in this run: only their ratio to the least possible time is worth
//! comparing, and even that not on a machine that does something else.

mod ceiling;
mod crowd;
mod figures;
mod floor;
mod plot;
mod probe;
mod scenarios;
mod stage;
mod throttled;

use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use crossrole_testkit::Error;

use figures::{Row, table};

/// What can be asked for.
const SCENARIOS: [&str; 11] = [
    "program",
    "ceiling",
    "create",
    "look",
    "throttled",
    "wide",
    "fair",
    "failing",
    "many-10000",
    "many-100",
    "growth",
];

#[tokio::main]
async fn main() -> ExitCode {
    match bench().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:?}");
            ExitCode::FAILURE
        }
    }
}

/// `bench [SCENARIO…] [--json FILE] [--plot FILE]`
async fn bench() -> Result<(), Error> {
    let mut asked: Vec<String> = env::args().skip(1).collect();
    let json = file(&mut asked, "--json")?;
    let picture = file(&mut asked, "--plot")?;
    if let Some(unknown) = asked.iter().find(|name| !SCENARIOS.contains(&name.as_str())) {
        return Err(Error::new(format!(
            "there is no scenario {unknown}; there are {}",
            SCENARIOS.join(", ")
        )));
    }
    if asked.is_empty() {
        asked = SCENARIOS.map(str::to_owned).to_vec();
    }
    let mut rows = Vec::new();
    let mut failed = Vec::new();
    for name in &asked {
        say(&format!("bench: {name} …"));
        let began = Instant::now();
        // What was measured is not lost by what could not be.
        let measured = match scenario(name).await {
            Ok(measured) => measured,
            Err(error) => {
                say(&format!("bench: {name} failed: {error:?}"));
                failed.push(name.as_str());
                continue;
            }
        };
        say(&format!(
            "bench: {name} took {:.0} s with its set-up\n{}",
            began.elapsed().as_secs_f64(),
            table(&measured)
        ));
        rows.extend(measured);
        if let Some(file) = &json {
            let text = serde_json::to_string_pretty(&rows).map_err(|error| Error::because("the figures", error))?;
            write(file, &(text + "\n"))?;
        }
    }
    say(&format!("\n{}", table(&rows)));
    if let (Some(file), Some(svg)) = (picture, plot::plot(&rows)) {
        write(&file, &svg)?;
    }
    let missed = figures::missed(&rows);
    match (failed.is_empty(), missed.is_empty()) {
        (true, true) => Ok(()),
        (false, _) => Err(Error::new(format!("not measured: {}", failed.join(", ")))),
        (true, false) => Err(Error::new(format!("not met: {}", missed.join("; ")))),
    }
}

/// Takes a flag and the file that it names out of the arguments.
fn file(arguments: &mut Vec<String>, flag: &str) -> Result<Option<PathBuf>, Error> {
    match arguments.iter().position(|argument| argument == flag) {
        Some(at) if at + 1 < arguments.len() => {
            let file = arguments.remove(at + 1);
            arguments.remove(at);
            Ok(Some(PathBuf::from(file)))
        }
        Some(_) => Err(Error::new(format!("{flag} needs a file"))),
        None => Ok(None),
    }
}

fn write(file: &Path, text: &str) -> Result<(), Error> {
    fs::write(file, text).map_err(|error| Error::because(file.display().to_string(), error))
}

async fn scenario(name: &str) -> Result<Vec<Row>, Error> {
    match name {
        "program" => scenarios::program().await,
        "ceiling" => ceiling::measure().await.map(|row| vec![row]),
        "create" => scenarios::create().await,
        "look" => scenarios::look().await,
        "throttled" => throttled::throttled().await,
        "wide" => scenarios::wide().await,
        "fair" => crowd::fair().await,
        "failing" => crowd::failing().await,
        "many-10000" => scenarios::many(10_000).await,
        "many-100" => scenarios::many(100).await,
        _ => scenarios::growth().await,
    }
}

// Whoever reads may have gone away; the figures are still written to the file.
fn say(text: &str) {
    let mut output = io::stdout().lock();
    let _ = writeln!(output, "{text}").and_then(|()| output.flush());
}
