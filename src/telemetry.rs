//! The log. `docs/logs.md` lists its fields, and a test compares.

use std::io::{self, ErrorKind, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::reload;

/// How often the file that holds the filter is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// A line for a person.
    Text,
    /// A JSON object in each line.
    Json,
}

/// Puts another filter in the place of the log's.
type Replace = Box<dyn Fn(EnvFilter) -> Result<(), reload::Error> + Send + Sync>;

/// The log's filter: what stands in a file, or else what the flag says.
pub struct Filter {
    replace: Replace,
    usual: String,
    applied: String,
    refused: String,
}

/// Starts the log on standard error.
///
/// # Errors
/// A filter that cannot be read.
pub fn start(filter: &str, format: LogFormat) -> Result<Filter, ParseError> {
    let log = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(filter)?)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    let replace: Replace = match format {
        LogFormat::Text => {
            let log = log.with_filter_reloading();
            let handle = log.reload_handle();
            log.init();
            Box::new(move |filter| handle.reload(filter))
        }
        LogFormat::Json => {
            let log = log.json().flatten_event(true).with_filter_reloading();
            let handle = log.reload_handle();
            log.init();
            Box::new(move |filter| handle.reload(filter))
        }
    };
    Ok(Filter {
        replace,
        usual: filter.into(),
        applied: filter.into(),
        refused: String::new(),
    })
}

impl Filter {
    /// Follows a file for as long as it is polled: whatever stands in it is the filter. An empty file, or none, means what
    /// the flag says; what cannot be read as a filter changes nothing.
    pub async fn follow(mut self, file: PathBuf) {
        loop {
            let path = file.clone();
            if let Ok(found) = tokio::task::spawn_blocking(move || read(&path)).await {
                self.found(found);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn found(&mut self, found: io::Result<String>) {
        let wanted = match found {
            Ok(text) if text.is_empty() => self.usual.clone(),
            Ok(text) => text,
            Err(error) => return self.refuse(error.to_string()),
        };
        if wanted == self.applied {
            self.refused.clear();
            return;
        }
        match EnvFilter::try_new(&wanted) {
            Ok(filter) => match (self.replace)(filter) {
                Ok(()) => {
                    self.refused.clear();
                    tracing::info!(filter = wanted, "the log has another filter");
                    self.applied = wanted;
                }
                Err(error) => self.refuse(error.to_string()),
            },
            Err(error) => self.refuse(error.to_string()),
        }
    }

    /// Says once that the filter stays what it was.
    fn refuse(&mut self, problem: String) {
        if self.refused != problem {
            tracing::warn!(error = problem, filter = self.applied, "the log keeps its filter");
            self.refused = problem;
        }
    }
}

/// The filter that stands in a file; empty where there is none.
fn read(file: &Path) -> io::Result<String> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(text.trim().to_string()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error),
    }
}

/// An error with its causes, each said once: some libraries repeat the cause in the text, others keep it to themselves.
pub fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    fn filter(usual: &str) -> (Filter, Arc<Mutex<Vec<String>>>) {
        let applied = Arc::new(Mutex::new(Vec::new()));
        let noted = applied.clone();
        let filter = Filter {
            replace: Box::new(move |filter| {
                noted.lock().unwrap().push(filter.to_string());
                Ok(())
            }),
            usual: usual.into(),
            applied: usual.into(),
            refused: String::new(),
        };
        (filter, applied)
    }

    #[test]
    fn the_file_counts_as_long_as_it_says_something_that_can_be_read() {
        let (mut filter, applied) = filter("info");
        for text in ["", "info", "debug", "debug", "crossrole=loud", "debug", "", ""] {
            filter.found(Ok(text.into()));
        }
        filter.found(Err(io::Error::other("the disk is gone")));
        assert_eq!(*applied.lock().unwrap(), ["debug", "info"]);
        assert_eq!(filter.refused, "the disk is gone");
        filter.found(Ok("info".into()));
        assert_eq!(filter.refused, "", "the next trouble is news again");
    }

    #[test]
    fn a_file_is_read_without_its_line_end_and_need_not_be_there() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("filter");
        assert_eq!(read(&file).unwrap(), "");
        std::fs::write(&file, "warn,crossrole=debug\n").unwrap();
        assert_eq!(read(&file).unwrap(), "warn,crossrole=debug");
        assert!(read(folder.path()).is_err(), "a folder is no file");
    }
}
