//! Texts that a schema takes: by its pattern, its bounds and its format.

use std::iter;

use fastrand::Rng;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::string::string_regex;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;

/// A text by its schema: mostly short, now and then as long as it may be.
pub fn make(schema: &Value, rng: &mut Rng) -> String {
    let least = schema["minLength"].as_u64().unwrap_or(0) as usize;
    let most = schema["maxLength"].as_u64().unwrap_or(64) as usize;
    if schema["format"] == "date-time" {
        return moment(rng);
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        return by_pattern(pattern, least, most, rng);
    }
    let length = match rng.u8(..12) {
        0 => most.min(1300),
        _ => rng.usize(least..=most.min(least + 16)),
    };
    iter::repeat_with(|| rng.alphanumeric()).take(length).collect()
}

/// A time of this century, in one of the forms that Kubernetes takes.
fn moment(rng: &mut Rng) -> String {
    let (year, month, day) = (rng.u16(2001..2100), rng.u8(1..=12), rng.u8(1..=28));
    let (hour, minute, second) = (rng.u8(..24), rng.u8(..60), rng.u8(..60));
    let form = ["Z", "+02:00", ".250Z"][rng.usize(..3)];
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{form}")
}

fn by_pattern(pattern: &str, least: usize, most: usize, rng: &mut Rng) -> String {
    // What proptest makes always matches as a whole, so it knows no anchors.
    let whole = pattern.trim_start_matches('^').trim_end_matches('$');
    let strategy = string_regex(whole).unwrap_or_else(|error| panic!("{pattern}: {error}"));
    let seed: Vec<u8> = iter::repeat_with(|| rng.u8(..)).take(32).collect();
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), random);
    let mut shortest: Option<String> = None;
    for _ in 0..40 {
        let made = strategy.new_tree(&mut runner).unwrap().current();
        let length = made.chars().count();
        if length >= least && length <= most && shortest.as_ref().is_none_or(|known| made.len() < known.len()) {
            shortest = Some(made);
        }
        // Long ones come often and say little.
        if shortest.is_some() && rng.u8(..4) == 0 {
            break;
        }
    }
    // A pattern that says only how a text begins.
    shortest.unwrap_or_else(|| format!("{whole}{}", "x".repeat(least)))
}
