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

/// Patches of objects of our kinds that the API server was asked for, whatever became of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Patches {
    /// Of CrossAccountRoles.
    pub roles: u64,
    /// Of all our kinds.
    pub all: u64,
}

impl Patches {
    /// Out of what the API server tells under `/metrics`.
    pub fn of(metrics: &str) -> Self {
        Self {
            roles: requests(metrics, &["resource=\"crossaccountroles\""]),
            all: requests(metrics, &[]),
        }
    }

    /// Those that came since.
    pub fn since(self, before: Self) -> Self {
        Self {
            roles: self.roles.saturating_sub(before.roles),
            all: self.all.saturating_sub(before.all),
        }
    }
}

fn requests(metrics: &str, labels: &[&str]) -> u64 {
    let ours = ["group=\"crossrole.dev\"", "verb=\"PATCH\""];
    let wanted = ours.iter().chain(labels);
    let counted = metrics.lines().filter(|line| {
        line.starts_with("apiserver_request_total{") && wanted.clone().all(|label| line.contains(label))
    });
    // Counters are written as floating point numbers.
    let figures = counted.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    figures.sum::<f64>() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_of_all_our_kinds_are_counted_whatever_became_of_them() {
        let line = |group: &str, resource: &str, verb: &str, code: u16| {
            format!(
                "apiserver_request_total{{code=\"{code}\",component=\"apiserver\",group=\"{group}\",resource=\"{resource}\",subresource=\"status\",verb=\"{verb}\"}} 2\n"
            )
        };
        let told = [
            line("crossrole.dev", "crossaccountroles", "PATCH", 200),
            line("crossrole.dev", "crossaccountroles", "PATCH", 409),
            line("crossrole.dev", "awsaccounts", "PATCH", 200),
            line("crossrole.dev", "crossaccountroles", "GET", 200),
            line("coordination.k8s.io", "leases", "PATCH", 200),
        ];
        let patches = Patches::of(&told.concat());
        assert_eq!((patches.roles, patches.all), (4, 6));
    }
}
