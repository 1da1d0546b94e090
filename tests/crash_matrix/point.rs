//! One call of AWS or one write to Kubernetes of one piece of work, at which the operator dies.

use std::collections::BTreeMap;
use std::fmt;

use crossrole_testkit::api_proxy::Write;
use serde_json::Value;

use super::scenario::Scenario;
use super::work::place::Place;

/// What undisturbed work does, and what it ends with.
#[derive(Clone, Debug)]
pub struct Reference {
    /// The calls of AWS and the writes to Kubernetes.
    pub steps: BTreeMap<Step, u64>,
    /// In each account the role that there is afterwards.
    pub roles: Vec<Option<Value>>,
}

/// A kind of call or write. The number is that of the account among the place's own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Such as `CreateRole`.
    Aws(usize, String),
    /// A write of an AWSAccount, such as `awsaccounts/status`, or an Event about it.
    Account(usize, String),
    /// A write of the object or of the class, or an Event about them.
    Object(String),
}

/// One call or write at which the operator dies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    pub scenario: Scenario,
    pub step: Step,
    /// Which of the calls or writes of this kind, from 1.
    pub nth: u64,
    /// Whether it is carried out; its answer never comes.
    pub carried_out: bool,
}

/// Every point: each call and each write of the undisturbed work, not carried out, and carried out without an answer.
pub fn all(references: &BTreeMap<Scenario, Reference>) -> Vec<Point> {
    let mut points = Vec::new();
    for (scenario, reference) in references {
        for (step, count) in &reference.steps {
            for nth in 1..=*count {
                points.extend([false, true].map(|carried_out| Point {
                    scenario: *scenario,
                    step: step.clone(),
                    nth,
                    carried_out,
                }));
            }
        }
    }
    points
}

impl Step {
    /// The write that it is at a place; `None`: it is a call of AWS.
    pub fn write(&self, place: &Place) -> Option<Write> {
        match self {
            Self::Aws(..) => None,
            Self::Account(index, what) => Some(Write::new(what, &place.account_names()[*index])),
            Self::Object(what) => Some(Write::new(what, &place.name)),
        }
    }

    /// What a write is at a place; `None`: it is of another.
    pub fn of_write(write: &Write, place: &Place) -> Option<Self> {
        let index = place.account_names().iter().position(|name| *name == write.name)?;
        // The object has the name of the first account, and so have the Events about both.
        let of_account = index > 0 || write.what.starts_with("awsaccounts");
        Some(if of_account {
            Self::Account(index, write.what.clone())
        } else {
            Self::Object(write.what.clone())
        })
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aws(0, what) | Self::Account(0, what) | Self::Object(what) => formatter.write_str(what),
            Self::Aws(_, what) | Self::Account(_, what) => write!(formatter, "to:{what}"),
        }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            scenario, step, nth, ..
        } = self;
        let when = if self.carried_out { "after" } else { "before" };
        write!(formatter, "{scenario}/{step}-{nth}/{when}")
    }
}

/// How many points were tried.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    calls: usize,
    writes: usize,
    /// The work ended without coming there: a status was written once less.
    pub missed: usize,
}

impl Tally {
    pub fn count(&mut self, point: &Point, reached: bool) {
        let which = match (&point.step, reached) {
            (_, false) => &mut self.missed,
            (Step::Aws(..), true) => &mut self.calls,
            (_, true) => &mut self.writes,
        };
        *which += 1;
    }

    pub fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.writes += other.writes;
        self.missed += other.missed;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "killed at {} points: {} of AWS, {} of Kubernetes; {} never came",
            self.calls + self.writes,
            self.calls,
            self.writes,
            self.missed
        )
    }
}
