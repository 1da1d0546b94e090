//! Calls of the simulated AWS, one on each line, all on the same account.
#![no_main]

use aws_sim::fuzzing::{self, Simulator};
use crossrole_fuzz::{in_time, seeds};
use libfuzzer_sys::fuzz_target;
use roxmltree::Document;

fuzz_target!(init: seeds::plant(seeds::simulator), |data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    fuzzing::check_readers(&text);
    let mut simulator = Simulator::new();
    for line in text.lines() {
        let answer = in_time("answering a call", || simulator.answer(line));
        let read = Document::parse(&answer).unwrap_or_else(|error| panic!("no XML: {error}\n{answer}"));
        assert!(read.descendants().any(|node| node.has_tag_name("RequestId") || node.tag_name().name() == "RequestId"));
    }
});
