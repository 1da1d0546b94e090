//! The queue of the feed, in a moto server.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use std::sync::Mutex;

use crossrole_testkit::tools::workspace;
use serde_json::{Value, json};

use super::emulators::{Emulator, command};

/// Whoever puts messages into the queue.
struct Caller {
    process: Child,
    answers: BufReader<ChildStdout>,
}

impl Caller {
    fn answer(&mut self) -> Value {
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        assert!(!answer.is_empty(), "the call failed; why stands above");
        serde_json::from_str(&answer).unwrap()
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The queue of the feed, in a moto server.
pub struct Queue {
    caller: Mutex<Caller>,
    /// Where moto is.
    pub endpoint: String,
    /// The queue's URL.
    pub url: String,
    _server: Emulator,
}

impl Queue {
    pub async fn start(python: &Path, folder: &Path) -> Self {
        let script = workspace().join("tests/moto_queue.py");
        let mut serve = command(python);
        serve.arg(&script).arg("serve");
        let server = Emulator::moto_as(serve, folder).await;
        let mut call = command(python);
        call.arg(&script).args(["call", &server.endpoint]);
        let mut process = call.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        let mut caller = Caller { process, answers };
        let url = caller.answer().as_str().unwrap().to_owned();
        Self {
            caller: Mutex::new(caller),
            endpoint: server.endpoint.clone(),
            url,
            _server: server,
        }
    }

    fn ask(&self, address: &str, given: &Value) -> BTreeMap<String, usize> {
        let mut caller = self.caller.lock().unwrap();
        let mut line = json!([address, given]).to_string().into_bytes();
        line.push(b'\n');
        caller.process.stdin.as_mut().unwrap().write_all(&line).unwrap();
        serde_json::from_value(caller.answer()).unwrap()
    }

    /// Puts messages into the queue, in this order.
    pub fn send(&self, bodies: &[String]) {
        self.ask("/queue/send", &json!(bodies));
    }

    /// How many messages are in the queue, and how many among the dead letters.
    pub fn left(&self) -> (usize, usize) {
        let left = self.ask("/queue/left", &json!(null));
        (left["events"], left["dead"])
    }

    /// How often somebody has asked for messages.
    pub fn received(&self) -> usize {
        self.ask("/queue/left", &json!(null))["received"]
    }

    /// What was received and not deleted can be received again now, as if time had gone by.
    pub fn show(&self) {
        self.ask("/queue/show", &json!(null));
    }
}
