//! What a process uses, as Linux tells it, and what the API server was asked to write.

use std::fs;
use std::time::Duration;

use crossrole_testkit::Error;

/// What a process has used.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Processor time since its start.
    pub processor: Duration,
    /// Memory that it holds now, in bytes.
    pub resident: u64,
    /// The most memory that it ever held, in bytes.
    pub peak: u64,
}

/// What a process has used.
///
/// # Errors
/// When it does not run.
pub fn usage(process: u32) -> Result<Usage, Error> {
    let status = read(process, "status")?;
    let kibibytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok())
            .unwrap_or(0)
    };
    Ok(Usage {
        processor: processor_time(process)?,
        resident: kibibytes("VmRSS:") << 10,
        peak: kibibytes("VmHWM:") << 10,
    })
}

// Of all threads: their sum is finer than the ticks in /proc/PID/stat. No thread of the operator ends while it works.
fn processor_time(process: u32) -> Result<Duration, Error> {
    let folder = format!("/proc/{process}/task");
    let threads = fs::read_dir(&folder).map_err(|error| Error::because(folder, error))?;
    let nanoseconds = threads.flatten().filter_map(|thread| {
        let told = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        told.split_whitespace().next()?.parse::<u64>().ok()
    });
    Ok(Duration::from_nanos(nanoseconds.sum()))
}

fn read(process: u32, file: &str) -> Result<String, Error> {
    let path = format!("/proc/{process}/{file}");
    fs::read_to_string(&path).map_err(|error| Error::because(path, error))
}

/// How often the API server took a patch of one of our kinds, out of what it tells under `/metrics`.
pub fn patches(metrics: &str, kind: &str) -> u64 {
    let of_kind = [
        format!("resource=\"{kind}\""),
        "verb=\"PATCH\"".into(),
        "code=\"200\"".into(),
    ];
    let counted = metrics.lines().filter(|line| {
        line.starts_with("apiserver_request_total{") && of_kind.iter().all(|wanted| line.contains(wanted))
    });
    // Counters are written as floating point numbers.
    let figures = counted.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    figures.sum::<f64>() as u64
}
