//! ARNs, names, patterns, durations and dates. A line break ends the first of two patterns.
#![no_main]

use crossrole_fuzz::{seeds, texts};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: seeds::plant(seeds::texts), |data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let (first, second) = text.split_once('\n').unwrap_or((&text, &text));
    texts::check(first);
    texts::check_patterns(first, second);
});
