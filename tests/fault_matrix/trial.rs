//! A piece of work with the trouble that it meets, if any.

use std::ops::Deref;

use serde_json::Value;

use super::cell::Cell;
use super::expected;
use super::place::Place;
use super::support::objects::{is_current, is_handled};

/// One piece of work with the trouble that it meets, if any.
#[derive(Clone, Debug)]
pub struct Trial {
    place: Place,
    pub cell: Option<Cell>,
    /// The fault's id, while there is one.
    pub fault: Option<u64>,
    pub state: State,
    pub failure: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The trouble lasts, and status is to say so.
    Troubled,
    /// No more trouble than was ordered comes: the work is to end as declared.
    Healing,
    Done,
}

impl Deref for Trial {
    type Target = Place;

    fn deref(&self) -> &Place {
        &self.place
    }
}

impl Trial {
    pub fn new(place: Place, cell: Option<Cell>) -> Self {
        Self {
            place,
            cell,
            fault: None,
            state: State::Troubled,
            failure: None,
        }
    }

    /// Makes its account in AWS.
    pub async fn set_up(&mut self, simulator: &crossrole_testkit::Simulator) {
        self.place.set_up(simulator).await;
    }

    pub fn fail(&mut self, why: &str) {
        self.failure.get_or_insert_with(|| why.to_string());
    }

    /// Whether status says of lasting trouble what it is to say. Something else that it says is a failure.
    pub fn status_says_why(&mut self, object: Option<&Value>) -> bool {
        let Some(cell) = &self.cell else { return true };
        let reasons: Vec<&str> = expected::reasons(cell).iter().map(|reason| reason.as_str()).collect();
        let Some(object) = object else {
            return reasons.contains(&"Deleting");
        };
        let deleting = object["metadata"]["deletionTimestamp"].is_string();
        let entry = &object["status"]["accounts"][0];
        let (state, reason) = (entry["state"].as_str(), entry["reason"].as_str().unwrap_or_default());
        let at_work = matches!(reason, "Waiting" | "Deleting" | "");
        let from_before = self.scenario.deletes() && (!deleting || state != Some("Removing"));
        if !is_current(object) || at_work || from_before || (reason == "InSync" && !is_handled(object)) {
            return false;
        }
        if !reasons.contains(&reason) {
            self.fail(&format!("status says {reason} and not one of {reasons:?}: {entry}"));
        }
        if let Some(contradiction) = expected::contradiction(object) {
            self.fail(&contradiction);
        }
        true
    }
}

/// Whether the last look that was asked for ended with something that a person has to mend.
pub fn waits_for_a_person(object: &Value) -> bool {
    is_handled(object) && expected::needs_a_person(&object["status"]["accounts"][0])
}
