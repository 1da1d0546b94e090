//! Command-line programs that are run to their end: kubectl and helm.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use crate::Error;

/// The longest that a command may run.
const LIMIT: Duration = Duration::from_secs(300);

/// What a command did.
#[derive(Clone, Debug)]
pub struct Output {
    /// The command as it would be typed, for messages.
    pub command: String,
    /// Whether it ended with exit code 0.
    pub success: bool,
    /// All that it wrote to standard output.
    pub stdout: String,
    /// All that it wrote to standard error.
    pub stderr: String,
}

impl Output {
    /// Standard output, if the command succeeded.
    ///
    /// # Errors
    /// When it failed; with everything it wrote.
    pub fn ok(self) -> Result<String, Error> {
        if self.success {
            Ok(self.stdout)
        } else {
            Err(Error::new(format!("failed: {self}")))
        }
    }
}

impl fmt::Display for Output {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.command)?;
        for text in [&self.stdout, &self.stderr] {
            if !text.trim().is_empty() {
                write!(formatter, "\n{}", text.trim_end())?;
            }
        }
        Ok(())
    }
}

/// A program with a fixed, small environment: nothing of the caller's own kubectl or helm leaks in.
#[derive(Clone, Debug)]
pub(crate) struct Cli {
    program: PathBuf,
    home: PathBuf,
    kubeconfig: Option<PathBuf>,
}

impl Cli {
    /// `home` is where the program may keep caches.
    pub(crate) fn new(program: PathBuf, home: PathBuf, kubeconfig: Option<&Path>) -> Self {
        Self {
            program,
            home,
            kubeconfig: kubeconfig.map(Path::to_owned),
        }
    }

    /// Runs the program with these arguments and, if given, this standard input.
    pub(crate) async fn run<I>(&self, arguments: I, input: Option<&str>) -> Result<Output, Error>
    where
        I: IntoIterator<Item: AsRef<OsStr>>,
    {
        let arguments: Vec<OsString> = arguments
            .into_iter()
            .map(|argument| argument.as_ref().to_owned())
            .collect();
        let typed = self.typed(&arguments);
        let mut command = Command::new(&self.program);
        command
            .args(&arguments)
            .env_clear()
            .envs(inherited())
            .env("HOME", &self.home)
            // kubectl and helm have ended before garbage matters.
            .envs([("GOGC", "off"), ("GOMEMLIMIT", "1GiB")])
            .envs(self.kubeconfig.as_ref().map(|path| ("KUBECONFIG", path)))
            .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let failed = |error| Error::because(format!("cannot run {typed}"), error);
        let mut child = command.spawn().map_err(failed)?;
        let pipe = child.stdin.take();
        let write = async move {
            if let (Some(mut pipe), Some(input)) = (pipe, input) {
                // A program that does not read everything says in its exit code whether that was right.
                let _ = pipe.write_all(input.as_bytes()).await;
            }
        };
        let both = async { tokio::join!(write, child.wait_with_output()).1 };
        let output = timeout(LIMIT, both)
            .await
            .map_err(|_| Error::new(format!("{typed} took longer than {} s", LIMIT.as_secs())))?
            .map_err(failed)?;
        Ok(Output {
            command: typed,
            success: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    fn typed(&self, arguments: &[OsString]) -> String {
        let mut typed = self
            .program
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        for argument in arguments {
            typed.push(' ');
            typed.push_str(&argument.to_string_lossy());
        }
        typed
    }
}

/// The part of the caller's environment that every child may see: no credentials, no proxies, no settings.
pub(crate) fn inherited() -> impl Iterator<Item = (OsString, OsString)> {
    ["PATH", "TMPDIR", "LANG"]
        .into_iter()
        .filter_map(|name| Some((OsString::from(name), std::env::var_os(name)?)))
}
