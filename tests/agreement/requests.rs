//! The requests: scenarios of a few calls each, drawn by a seed from the kinds of requests in `requests.yaml`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::asker::Service;

/// The account in which everything happens, and the one that the caller of `AssumeRole` is in.
pub const ACCOUNT: &str = "222222222222";
pub const HOME: &str = "111111111111";

/// Who sends a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Caller {
    /// The root of the account.
    #[default]
    Root,
    /// A user of another account who may assume every role.
    Ada,
    /// The session that the scenario got last, if there is one.
    Session,
}

/// A kind of request.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    pub name: String,
    #[serde(default)]
    pub caller: Caller,
    pub action: String,
    #[serde(default)]
    with: BTreeMap<String, String>,
}

impl Kind {
    pub fn service(&self) -> Service {
        match self.caller {
            Caller::Root => Service::Iam,
            Caller::Ada | Caller::Session => Service::Sts,
        }
    }
}

/// All kinds, and where in a scenario they stand.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kinds {
    documents: BTreeMap<String, Value>,
    first: Vec<Kind>,
    sometimes: Vec<Kind>,
    then: Vec<Kind>,
    last: Vec<Kind>,
}

/// A request as it is sent.
#[derive(Debug)]
pub struct Request {
    pub kind: Kind,
    /// True if it is about something that no other request is about.
    pub apart: bool,
    pub parameters: Vec<(String, String)>,
}

/// A few requests about things that no other scenario has.
#[derive(Debug)]
pub struct Scenario {
    /// What all its names begin with.
    pub prefix: String,
    pub requests: Vec<Request>,
}

impl Kinds {
    /// All scenarios of a seed, each with so many requests before it looks at everything.
    pub fn scenarios(&self, seed: u64, count: usize, length: usize) -> Vec<Scenario> {
        let mut random = Random(seed);
        // Each kind comes up in turn before any comes up again, so that none is left out.
        let mut deck: Vec<&Kind> = Vec::new();
        let mut scenarios = Vec::new();
        for number in 0..count {
            let mut kinds = vec![&self.first[random.below(self.first.len())]];
            kinds.extend(self.sometimes.iter().filter(|_| random.below(2) == 0));
            while kinds.len() < length {
                if deck.is_empty() {
                    deck = self.then.iter().collect();
                    for last in (1..deck.len()).rev() {
                        deck.swap(last, random.below(last + 1));
                    }
                }
                kinds.extend(deck.pop());
            }
            kinds.extend(&self.last);
            let prefix = format!("agree-{number:03}-");
            let requests = kinds.into_iter().enumerate();
            let requests = requests.map(|(at, kind)| self.request(kind, &prefix, &format!("apart-{number}-{at}-")));
            scenarios.push(Scenario {
                requests: requests.collect(),
                prefix,
            });
        }
        scenarios
    }

    fn request(&self, kind: &Kind, prefix: &str, apart: &str) -> Request {
        let text = |value: &String| match value.strip_prefix('@') {
            Some(name) => self.documents[name].to_string(),
            None => value.clone(),
        };
        let filled = |value: &String| text(value).replace('#', apart).replace('%', prefix);
        Request {
            kind: kind.clone(),
            apart: kind.with.values().any(|value| value.contains('#')),
            parameters: kind
                .with
                .iter()
                .map(|(name, value)| (name.clone(), filled(value)))
                .collect(),
        }
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((value ^ (value >> 31)) % bound as u64).unwrap()
    }
}
