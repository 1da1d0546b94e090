//! Policy documents.
#![no_main]

use crossrole_fuzz::{documents, seeds};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: seeds::plant(seeds::documents), |data: &[u8]| {
    documents::check(&String::from_utf8_lossy(data));
});
