//! Long texts: two bytes say which piece of the rest is repeated until there are 64 KiB, or as much as a person may write.
#![no_main]

use crossrole_fuzz::{documents, seeds, texts};
use crossrole_iam::quota::WRITTEN_POLICIES_SIZE;
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: seeds::plant(seeds::long), |data: &[u8]| {
    let [from, to, rest @ ..] = data else { return };
    let at = |share: u8| rest.len() * usize::from(share) / 255;
    let (start, end) = (at(*from).min(at(*to)), at(*from).max(at(*to)));
    let size = if from < to { 64 * 1024 } else { WRITTEN_POLICIES_SIZE };
    let times = size.saturating_sub(rest.len()) / (end - start).max(1);
    let long = [&rest[..start], &rest[start..end].repeat(times), &rest[end..]].concat();
    let text = String::from_utf8_lossy(&long);
    documents::check(&text);
    let (first, second) = text.split_once('\n').unwrap_or((&text, &text));
    texts::check(first);
    texts::check_patterns(first, second);
});
