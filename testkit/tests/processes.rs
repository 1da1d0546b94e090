//! Child processes end with the test that started them, however it ends.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crossrole_testkit::{Process, eventually};
use rustix::process::{Pid, test_kill_process};

const ENOUGH: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_line_of_the_log_is_waited_for_and_an_early_end_is_reported_with_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = shell("sleep 0.1; echo ready now; exit 3", folder.path());
    assert_eq!(process.wait_for_line("ready", ENOUGH).await.unwrap(), "ready now");
    let error = process.wait_for_line("never written", ENOUGH).await.unwrap_err();
    let message = error.to_string();
    assert!(message.contains("exit status: 3"), "{message}");
    assert!(message.contains("ready now"), "{message}");
}

#[tokio::test]
async fn a_second_process_with_the_same_log_sees_only_its_own_lines() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = shell("echo first", folder.path());
    first.wait_for_exit(ENOUGH).await.unwrap();
    let mut second = shell("echo second", folder.path());
    second.wait_for_exit(ENOUGH).await.unwrap();
    assert_eq!(second.log(), "second\n");
}

#[tokio::test]
async fn stop_kills_what_ignores_the_polite_request() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = shell("trap '' TERM; echo ready; while :; do sleep 0.05; done", folder.path());
    process.wait_for_line("ready", ENOUGH).await.unwrap();
    let status = process.stop(Duration::from_millis(200)).await.unwrap();
    assert!(status.to_string().contains("signal: 9"), "{status}");
}

#[tokio::test]
async fn drop_leaves_nothing_running() {
    let folder = tempfile::tempdir().unwrap();
    let process = shell("exec sleep 600", folder.path());
    let id = process.id();
    assert!(is_running(id));
    drop(process);
    assert!(!is_running(id));
}

#[test]
fn a_panic_leaves_nothing_running() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let (sender, receiver) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        let process = shell("exec sleep 600", &path);
        sender.send(process.id()).unwrap();
        panic!("on purpose, with process {} running", process.id());
    });
    let id = receiver.recv().unwrap();
    assert!(thread.join().is_err());
    assert!(!is_running(id));
}

/// The test program starts itself again as the victim, which this variable tells it to be.
const VICTIM: &str = "CROSSROLE_TESTKIT_VICTIM";

#[tokio::test]
async fn a_killed_test_leaves_nothing_running() {
    let folder = tempfile::tempdir().unwrap();
    if let Some(file) = env::var_os(VICTIM) {
        let process = shell("exec sleep 600", folder.path());
        std::fs::write(&file, format!("{}\n", process.id())).unwrap();
        tokio::time::sleep(Duration::from_secs(600)).await;
    }
    let file = folder.path().join("id");
    let mut victim = Command::new(env::current_exe().unwrap())
        .args(["--exact", "a_killed_test_leaves_nothing_running"])
        .env(VICTIM, &file)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let id = eventually(ENOUGH, "the victim has a child", async || {
        std::fs::read_to_string(&file)
            .map_err(|error| error.to_string())?
            .strip_suffix('\n')
            .ok_or("half a line")?
            .parse::<u32>()
            .map_err(|error| error.to_string())
    })
    .await
    .unwrap();
    assert!(is_running(id));
    victim.kill().unwrap();
    victim.wait().unwrap();
    eventually(ENOUGH, "the child is gone", async || {
        if is_running(id) { Err("it is running") } else { Ok(()) }
    })
    .await
    .unwrap();
}

fn shell(script: &str, folder: &Path) -> Process {
    Process::spawn(
        "the script",
        Command::new("sh").args(["-c", script]),
        &folder.join("script.log"),
    )
    .unwrap()
}

/// A process that ended and is not yet collected by whoever adopted it (a zombie) is not running.
fn is_running(id: u32) -> bool {
    let pid = Pid::from_raw(i32::try_from(id).unwrap()).unwrap();
    let zombie = std::fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| stat.contains(") Z "));
    test_kill_process(pid).is_ok() && !zombie
}
