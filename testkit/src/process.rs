//! A child process of a test: its log in a file, waiting for it, and ending it by its id.
//!
//! Nothing is left running, however the test ends:
//! - *returns or panics*: [`Drop`] sends SIGTERM, after five seconds SIGKILL, and waits for the end
//!   (SIGKILL at once where there is nothing to save);
//! - *is killed (SIGKILL, Ctrl-C, a CI time limit)*: no destructor runs. Each process has a watcher,
//!   a shell that reads a pipe whose other end only the test holds. The kernel closes that end with
//!   the test, the watcher wakes up and kills the process. Temporary folders stay behind then.

use std::fmt::Display;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::timeout_at;

use crate::Error;
use crate::wait::{NO_ATTEMPT_ENDED, Patience};

/// How long a process may take to end after SIGTERM before it is killed.
pub const GRACE: Duration = Duration::from_secs(5);

/// How long the system may take to end a killed process: a busy machine took more than five seconds to free the memory of an
/// API server.
const KILLED_WITHIN: Duration = Duration::from_secs(30);

/// Ends the process in `$1` when the pipe closes without a line having come through it.
const WATCHER: &str = r#"read -r line || kill -KILL "$1""#;

/// A running (or ended) child process. Dropping it ends it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    watcher: Child,
    status: Option<ExitStatus>,
    log: PathBuf,
    log_start: u64,
    grace: Duration,
}

impl Process {
    /// Starts `command` with both outputs appended to the file `log` and nothing on its input.
    ///
    /// It runs in a process group of its own, so that Ctrl-C in a terminal reaches the test alone
    /// and not a half of what belongs together. `name` is for messages.
    ///
    /// # Errors
    /// When the log cannot be opened or the program cannot be started.
    pub fn spawn(name: &str, command: &mut Command, log: &Path) -> Result<Self, Error> {
        let open = || OpenOptions::new().create(true).append(true).open(log);
        let output =
            open().map_err(|error| Error::because(format!("the log {} cannot be opened", log.display()), error))?;
        let log_start = length(&output);
        let errors = output
            .try_clone()
            .map_err(|error| Error::because("a file cannot be shared", error))?;
        let program = command.get_program().to_owned();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .map_err(|error| Error::because(format!("{name} ({}) cannot be started", program.display()), error))?;
        let watcher = Command::new("sh")
            .args(["-c", WATCHER, "sh", &child.id().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        let watcher = match watcher {
            Ok(watcher) => watcher,
            Err(error) => {
                // Never reaped by anyone else, so the ids are still this child's.
                let _ = child.kill();
                let _ = child.wait();
                return Err(Error::because(
                    format!("the watcher of {name} cannot be started"),
                    error,
                ));
            }
        };
        Ok(Self {
            name: name.to_owned(),
            child,
            watcher,
            status: None,
            log: log.to_owned(),
            log_start,
            grace: GRACE,
        })
    }

    /// Makes [`Drop`] kill the process at once, for one that has nothing to save.
    #[must_use]
    pub fn with_nothing_to_save(mut self) -> Self {
        self.grace = Duration::ZERO;
        self
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The name given at the start.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file that both outputs go to.
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// What this process has written since it started; empty when the file cannot be read.
    pub fn log(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        let start = usize::try_from(self.log_start).unwrap_or(usize::MAX);
        String::from_utf8_lossy(bytes.get(start..).unwrap_or_default()).into_owned()
    }

    /// The last `lines` lines of [`Self::log`].
    pub fn log_tail(&self, lines: usize) -> String {
        let log = self.log();
        let skipped = log.lines().count().saturating_sub(lines);
        log.lines().skip(skipped).collect::<Vec<_>>().join("\n")
    }

    /// How the process ended, or `None` while it runs.
    ///
    /// # Errors
    /// When the system cannot be asked.
    pub fn exit_status(&mut self) -> Result<Option<ExitStatus>, Error> {
        if self.status.is_none() {
            self.status = self
                .child
                .try_wait()
                .map_err(|error| Error::because(format!("{} cannot be asked about", self.name), error))?;
        }
        Ok(self.status)
    }

    /// Waits until a line that contains `text` is in the log, and returns that line.
    ///
    /// # Errors
    /// When the process ends first or `timeout` passes; with the end of the log.
    pub async fn wait_for_line(&mut self, text: &str, timeout: Duration) -> Result<String, Error> {
        let what = format!("{} writes a line with {text:?}", self.name);
        let mut patience = Patience::new(timeout, &what);
        loop {
            let ended = self.exit_status()?;
            if let Some(line) = self.log().lines().find(|line| line.contains(text)) {
                return Ok(line.to_owned());
            }
            if let Some(status) = ended {
                return Err(self.ended_before(&what, status));
            }
            patience.pause(|| self.described_log()).await?;
        }
    }

    /// Waits until `attempt` succeeds.
    ///
    /// # Errors
    /// When the process ends first or `timeout` passes; with what was last seen and the end of the log.
    pub async fn wait_until<T, E, F, A>(&mut self, timeout: Duration, what: &str, mut attempt: F) -> Result<T, Error>
    where
        F: FnMut() -> A,
        A: Future<Output = Result<T, E>>,
        E: Display,
    {
        let mut patience = Patience::new(timeout, what);
        let mut last_seen = String::from(NO_ATTEMPT_ENDED);
        loop {
            let ended = self.exit_status()?;
            match timeout_at(patience.deadline, attempt()).await {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(seen)) => last_seen = seen.to_string(),
                Err(_) => {
                    let seen = format!("{last_seen}\n{}", self.described_log());
                    return Err(patience.over(&seen));
                }
            }
            if let Some(status) = ended {
                return Err(self.ended_before(what, status));
            }
            patience
                .pause(|| format!("{last_seen}\n{}", self.described_log()))
                .await?;
        }
    }

    /// Waits until the process ends by itself or from a signal sent before.
    ///
    /// # Errors
    /// When `timeout` passes; with the end of the log.
    pub async fn wait_for_exit(&mut self, timeout: Duration) -> Result<ExitStatus, Error> {
        let what = format!("{} ends", self.name);
        let mut patience = Patience::new(timeout, &what);
        loop {
            if let Some(status) = self.exit_status()? {
                return Ok(status);
            }
            patience.pause(|| self.described_log()).await?;
        }
    }

    /// Asks the process to end (SIGTERM), kills it when it has not after `grace`, and waits for the end.
    ///
    /// # Errors
    /// When the process can neither be ended nor waited for.
    pub async fn stop(&mut self, grace: Duration) -> Result<ExitStatus, Error> {
        self.signal(Signal::TERM);
        match self.wait_for_exit(grace).await {
            Ok(status) => Ok(status),
            Err(_) => self.kill().await,
        }
    }

    /// Kills the process (SIGKILL), as a crash would, and waits for the end.
    ///
    /// # Errors
    /// When the process cannot be waited for.
    pub async fn kill(&mut self) -> Result<ExitStatus, Error> {
        self.signal(Signal::KILL);
        self.wait_for_exit(KILLED_WITHIN).await
    }

    /// Stops the process where it is (SIGSTOP), until [`Process::resume`]. It can still be killed.
    pub fn pause(&mut self) {
        self.signal(Signal::STOP);
    }

    /// Lets the process go on (SIGCONT).
    pub fn resume(&mut self) {
        self.signal(Signal::CONT);
    }

    /// Asks the process to end (SIGTERM) and does not wait.
    pub fn terminate(&mut self) {
        self.signal(Signal::TERM);
    }

    /// Signals the process unless it was already seen to have ended: only until then is the id its own.
    fn signal(&mut self, signal: Signal) {
        if let Ok(None) = self.exit_status()
            && let Some(id) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
        {
            // It can only fail because the process has just ended, which is what was wanted.
            let _ = kill_process(id, signal);
        }
    }

    fn ended_before(&self, what: &str, status: ExitStatus) -> Error {
        Error::new(format!(
            "{} ended ({status}) before this happened: {what}\n{}",
            self.name,
            self.described_log()
        ))
    }

    fn described_log(&self) -> String {
        format!("the end of the log of {}:\n{}", self.name, self.log_tail(25))
    }

    /// Ends the process without an async runtime; destructors cannot wait otherwise.
    fn end(&mut self) {
        if !self.grace.is_zero() {
            self.terminate();
        }
        let deadline = Instant::now() + self.grace;
        while let Ok(None) = self.exit_status() {
            if Instant::now() >= deadline {
                self.signal(Signal::KILL);
                self.status = self.child.wait().ok();
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
        if let Some(mut pipe) = self.watcher.stdin.take() {
            let _ = pipe.write_all(b"ended\n");
        }
        let _ = self.watcher.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

fn length(file: &File) -> u64 {
    file.metadata().map_or(0, |metadata| metadata.len())
}
