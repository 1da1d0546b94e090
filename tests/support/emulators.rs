//! The emulators of others, as processes on free ports of this machine.

#![allow(dead_code)]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use crossrole_testkit::Process;

const PATIENCE: Duration = Duration::from_secs(120);

/// What MiniStack takes as the secret of every root.
pub const SECRET: &str = "judges";

/// An emulator that runs. Dropping it ends it.
#[derive(Debug)]
pub struct Emulator {
    /// Where its calls go.
    pub endpoint: String,
    _process: Process,
}

impl Emulator {
    /// moto, which answers everybody and knows AWS's managed policies. Its log goes to the folder.
    pub async fn moto(python: &Path, folder: &Path) -> Self {
        // Port 0: the system chooses a free one, and the server says which.
        let mut command = command(python);
        command
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", "0"])
            .env("MOTO_IAM_LOAD_MANAGED_POLICIES", "true");
        Self::moto_as(command, folder).await
    }

    /// moto, as this command runs it.
    pub async fn moto_as(mut command: Command, folder: &Path) -> Self {
        command.current_dir(folder).env("PYTHONUNBUFFERED", "1");
        let process = Process::spawn("moto", &mut command, &folder.join("moto.log")).unwrap();
        let mut process = process.with_nothing_to_save();
        let line = process.wait_for_line("Running on http://", PATIENCE).await.unwrap();
        let mut words = line.split_whitespace();
        let endpoint = words.find(|word| word.starts_with("http://")).unwrap().to_owned();
        Self {
            endpoint,
            _process: process,
        }
    }

    /// MiniStack, with signatures and policies enforced: twelve digits are the access key of that account's root, with
    /// [`SECRET`]. Its log goes to the folder.
    pub async fn ministack(python: &Path, folder: &Path) -> Self {
        // It takes no port 0; between here and its start the port is free, and nobody else has been told of it.
        let free = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let state = folder.join("ministack");
        fs::create_dir_all(&state).unwrap();
        let mut command = command(python);
        command.current_dir(folder);
        command
            .args(["-m", "ministack"])
            .envs([("AUTH", "true"), ("BIND_HOST", "127.0.0.1"), ("PERSIST_STATE", "0")])
            .env("AWS_SECRET_ACCESS_KEY", SECRET)
            .env("GATEWAY_PORT", port.to_string())
            .env("STATE_DIR", &state);
        let process = Process::spawn("ministack", &mut command, &folder.join("ministack.log")).unwrap();
        let mut process = process.with_nothing_to_save();
        let connect = async || tokio::net::TcpStream::connect(("127.0.0.1", port)).await;
        process
            .wait_until(PATIENCE, "MiniStack listens", connect)
            .await
            .unwrap();
        Self {
            endpoint: format!("http://127.0.0.1:{port}"),
            _process: process,
        }
    }
}

/// Python without what the caller's shell knows of AWS.
pub fn command(python: &Path) -> Command {
    let mut command = Command::new(python);
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
        command.env_remove(name);
    }
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// A folder for the logs of emulators, which goes with the test.
#[derive(Debug)]
pub struct Folder(pub PathBuf);

impl Folder {
    /// A new one; `name` says what for.
    pub fn new(name: &str) -> Self {
        let folder = env::temp_dir().join(format!("crossrole-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
