//! The differences that are known, each with who is right and why.

use serde::Deserialize;

/// A kind of difference between the simulator and a judge.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// `moto` or `ministack`.
    pub judge: String,
    /// The kinds of requests; `*` stands for any text.
    pub requests: Vec<String>,
    /// What differs; `*` stands for any text.
    pub differs: String,
    /// Who is right: `aws-sim` or `nobody knows`. Where a judge is right, the simulator is mended instead.
    pub right: String,
    /// The reason, from AWS's documentation or from what was recorded.
    pub why: String,
}

impl Known {
    pub fn explains(&self, judge: &str, request: &str, difference: &str) -> bool {
        let fits = |pattern: &String| matches(pattern, request);
        self.judge == judge && matches(&self.differs, difference) && self.requests.iter().any(fits)
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            let mut ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
            ends.any(|at| matches(after, &rest[at..]))
        }),
    }
}
