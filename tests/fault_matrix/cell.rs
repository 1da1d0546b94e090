//! One call of one piece of work, with one trouble.

use std::collections::BTreeMap;
use std::fmt;

use crossrole_testkit::simulator::{Effect, Fault, Match};

use serde_json::Value;

use super::claims::Calls;
use super::expected;
use super::scenario::Scenario;

/// The pieces of work of which every call is disturbed.
pub const WORK: [Scenario; 9] = [
    Scenario::Enter,
    Scenario::Create,
    Scenario::Update,
    Scenario::Repair,
    Scenario::Unbind,
    Scenario::Close,
    Scenario::Reopen,
    Scenario::Delete,
    Scenario::Retain,
];

/// What undisturbed work does.
#[derive(Clone, Debug)]
pub struct Reference {
    /// The calls that it makes.
    pub calls: Calls,
    /// The role that there is afterwards.
    pub roles: Vec<Option<Value>>,
}

/// What happens to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// AWS answers with an error, here by the simulator's short name for it.
    Error(String),
    /// The connection is closed before the call arrives.
    Unreached,
    /// The call is carried out, and its answer never comes.
    Lost,
    /// The call is carried out, and its answer is cut off in the middle.
    Cut,
    /// Something on the way answers in AWS's place.
    Proxy,
}

/// How often it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Often {
    Once,
    Twice,
    /// Until status says so.
    Lasting,
}

/// One call of one piece of work, with one trouble.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    pub scenario: Scenario,
    pub action: String,
    /// Which of the calls of this action, from 1.
    pub nth: u64,
    pub trouble: Trouble,
    pub often: Often,
}

/// Every cell: each call of the undisturbed work, each error that it can give, and each way to lose its answer.
pub fn all(references: &BTreeMap<Scenario, Reference>, errors: &BTreeMap<String, Vec<String>>) -> Vec<Cell> {
    let mut cells = Vec::new();
    for (scenario, reference) in references {
        for (action, count) in &reference.calls {
            let known = errors.get(action).unwrap_or_else(|| panic!("{action} is not known"));
            let troubles = known.iter().cloned().map(Trouble::Error);
            let troubles = troubles.chain([Trouble::Unreached, Trouble::Lost, Trouble::Cut, Trouble::Proxy]);
            for trouble in troubles {
                for nth in 1..=*count {
                    for often in [Often::Once, Often::Twice, Often::Lasting] {
                        cells.push(Cell {
                            scenario: *scenario,
                            action: action.clone(),
                            nth,
                            trouble: trouble.clone(),
                            often,
                        });
                    }
                }
            }
        }
    }
    cells.retain(expected::can_happen);
    cells
}

impl Cell {
    /// The fault that makes the trouble, in an account of the cell's own.
    pub fn fault(&self, account: &str) -> Fault {
        let effect = match &self.trouble {
            Trouble::Error(name) => Effect::Named(name.clone()),
            Trouble::Unreached => Effect::DropBefore,
            Trouble::Lost => Effect::DropAfter,
            Trouble::Cut => Effect::DropMidBody,
            Trouble::Proxy => Effect::Body(502, "<html>Bad Gateway</html>".into()),
        };
        let matching = Match {
            action: Some(self.action.clone()),
            ..Match::account(account)
        };
        let fault = Fault::new(matching, effect).from_call(self.nth);
        match self.often {
            Often::Once => fault.times(1),
            Often::Twice => fault.times(2),
            Often::Lasting => fault.for_ever(),
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            scenario, action, nth, ..
        } = self;
        let trouble = match &self.trouble {
            Trouble::Error(name) => name.clone(),
            other => format!("{other:?}").to_lowercase(),
        };
        let often = format!("{:?}", self.often).to_lowercase();
        write!(formatter, "{scenario}/{action}-{nth}/{trouble}/{often}")
    }
}
