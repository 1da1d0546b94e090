//! The same questions to the simulator and to an emulator that others wrote: who may assume which role, and what the
//! session may do then.
//!
//! `tests/judges/table.yaml` holds the questions. Where the two differ, the row says why; a difference that no row
//! explains fails the test, and so does an explanation that no longer fits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "judges/judge.rs"]
mod judge;
#[path = "support/python.rs"]
mod python;
#[path = "judges/table.rs"]
mod table;

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs};

use crossrole_testkit::tools::workspace;
use crossrole_testkit::{Process, Simulator};
use judge::{Judge, Verdict};
use python::{python_with, say};
use table::{Expected, HOME, ORGANIZATION, OTHER, Row, TARGET, Table};

/// What the emulator takes as the secret of every root.
const SECRET: &str = "judges";
const PATIENCE: Duration = Duration::from_secs(60);

/// MiniStack, with signatures and policies enforced.
struct MiniStack {
    endpoint: String,
    folder: PathBuf,
    process: Option<Process>,
}

impl MiniStack {
    async fn start(python: &Path) -> Self {
        let folder = env::temp_dir().join(format!("crossrole-judges-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        // It takes no port 0; between here and its start the port is free, and nobody else has been told of it.
        let port = TcpListener::bind(("127.0.0.1", 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mut command = Command::new(python);
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
            command.env_remove(name);
        }
        command
            .args(["-m", "ministack"])
            .envs([("AUTH", "true"), ("BIND_HOST", "127.0.0.1"), ("PERSIST_STATE", "0")])
            .envs([("AWS_SECRET_ACCESS_KEY", SECRET), ("PYTHONDONTWRITEBYTECODE", "1")])
            .env("GATEWAY_PORT", port.to_string())
            .env("STATE_DIR", &folder)
            .current_dir(&folder);
        let process = Process::spawn("ministack", &mut command, &folder.join("ministack.log")).unwrap();
        let mut process = process.with_nothing_to_save();
        let connect = async || tokio::net::TcpStream::connect(("127.0.0.1", port)).await;
        process
            .wait_until(PATIENCE, "MiniStack listens", connect)
            .await
            .unwrap();
        Self {
            endpoint: format!("http://127.0.0.1:{port}"),
            folder,
            process: Some(process),
        }
    }
}

impl Drop for MiniStack {
    fn drop(&mut self) {
        drop(self.process.take());
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// What became of a row.
struct Judged<'a> {
    row: &'a Row,
    simulator: Verdict,
    /// `None` if it was not asked.
    ministack: Option<Verdict>,
}

impl Judged<'_> {
    /// Why this row fails the test, if it does.
    fn fault(&self) -> Option<String> {
        let Row { name, expected, .. } = self.row;
        if !self.simulator.is(*expected) {
            return Some(format!("{name}: the simulator says {:?}", self.simulator));
        }
        let verdict = self.ministack.as_ref()?;
        let explained = self.row.ministack.differs.is_some();
        match verdict {
            Verdict::Failed(_) => Some(format!("{name}: MiniStack says {verdict:?}")),
            _ if verdict.is(*expected) && explained => {
                Some(format!("{name}: MiniStack agrees by now, so the explanation must go"))
            }
            _ if !verdict.is(*expected) && !explained => {
                Some(format!("{name}: MiniStack says {verdict:?}, and no row explains it"))
            }
            _ => None,
        }
    }

    fn line(&self) -> String {
        let expected = match self.row.expected {
            Expected::Allowed => "allowed",
            Expected::Denied => "denied",
        };
        let note = &self.row.ministack;
        let (word, why) = match (&self.ministack, &note.cannot_judge, &note.differs) {
            (_, Some(why), _) => ("cannot judge", format!(" [{why}]")),
            (None, None, _) => ("not asked", String::new()),
            (Some(verdict), None, Some(why)) => (verdict.word(), format!(" [{why}]")),
            (Some(verdict), None, None) => (verdict.word(), String::new()),
        };
        format!(
            "{expected:8} {:8} {word:13} {}{why}",
            self.simulator.word(),
            self.row.name
        )
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_simulator_and_an_emulator_of_others_agree_or_the_difference_is_explained() {
    let table = Table::read(&fs::read_to_string(workspace().join("tests/judges/table.yaml")).unwrap());
    let names: BTreeSet<_> = table.rows.iter().map(|row| &row.name).collect();
    assert_eq!(names.len(), table.rows.len(), "two rows have one name");
    assert!(table.rows.len() >= 25, "{} rows", table.rows.len());

    let simulator = Simulator::start().await.unwrap();
    for (account, organization) in [(HOME, Some(ORGANIZATION)), (TARGET, Some(ORGANIZATION)), (OTHER, None)] {
        simulator.create_account(account, organization).await.unwrap();
    }
    for issuer in &table.issuers {
        let made = simulator.create_oidc_provider(TARGET, issuer, &["sts.amazonaws.com"]);
        made.await.unwrap();
    }
    for (name, issuer) in &table.saml_providers {
        simulator.create_saml_provider(TARGET, name, issuer).await.unwrap();
    }
    let ours = Judge::simulator(&simulator, &table).await;
    let python = python_with("ministack", &workspace().join("tests/judges/requirements.txt"));
    let ministack = match &python {
        Some(python) => Some(MiniStack::start(python).await),
        None => None,
    };
    let theirs = match &ministack {
        Some(ministack) => Some(Judge::emulator(ministack.endpoint.clone(), SECRET, &simulator, &table).await),
        None => None,
    };

    let started = Instant::now();
    let mut judged = Vec::new();
    for (number, row) in table.rows.iter().enumerate() {
        judged.push(Judged {
            row,
            simulator: ours.ask(number, row).await,
            ministack: match &theirs {
                Some(judge) if row.ministack.cannot_judge.is_none() => Some(judge.ask(number, row).await),
                _ => None,
            },
        });
    }
    report(&judged, started.elapsed());
    let faults: Vec<_> = judged.iter().filter_map(Judged::fault).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn report(judged: &[Judged<'_>], elapsed: Duration) {
    let asked = judged.iter().filter(|row| row.ministack.is_some()).count();
    let explained = judged
        .iter()
        .filter(|row| row.ministack.is_some() && row.row.ministack.differs.is_some())
        .count();
    let lines: Vec<_> = judged.iter().map(Judged::line).collect();
    say(
        "judges",
        &format!(
            "{} rows, {asked} asked of MiniStack, {explained} explained differences, {:.1} s\n\
             expected aws-sim  MiniStack     row\n{}",
            judged.len(),
            elapsed.as_secs_f32(),
            lines.join("\n")
        ),
    );
}
