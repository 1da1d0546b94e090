//! Who can get in where: a role's trust policy told principal by principal.
//!
//! It is told from the trust policy that the planner renders, so that a raw statement is told as well as a structured one.
//!
//! | file | holds |
//! | --- | --- |
//! | `access` | [`Row`]: one principal, one account, one role |
//! | `who` | [`Who`]: whom a statement speaks of |
//! | `state` | [`State`]: whether they get in now |
//! | `times` | when a statement holds, by dates of every spelling |
//! | `denied` | whether a Deny concerns those whom an Allow lets in |
//! | `words` | conditions in words |

mod denied;
mod state;
mod times;
mod who;
mod words;

use std::collections::BTreeMap;

use crossrole_iam::document::{ActionElement, Condition, Effect, Statement};
use crossrole_iam::pattern;
use jiff::Timestamp;

use crate::declaration::ObjectName;
use crate::desired::Desired;
use crate::observed::Dates;
use crate::window::Window;
use denied::Denial;

pub(crate) use denied::{Reach, reach};
pub use state::State;
pub use who::{Kind, Who};
pub(crate) use who::{account_of, is_session, matches_arn, permission_set};

/// The actions by which a role is assumed. Source: AWS STS API Reference.
pub const ASSUME: [&str; 3] = [
    "sts:AssumeRole",
    "sts:AssumeRoleWithSAML",
    "sts:AssumeRoleWithWebIdentity",
];

/// What whoever assumes a role may do beside it. Sources: IAM User Guide, "Pass session tags in AWS STS" and "Monitor and
/// control actions taken with assumed roles".
const BESIDE: [&str; 2] = ["sts:SetSourceIdentity", "sts:TagSession"];

/// A role in an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The AWSAccount's name.
    pub account: String,
    /// The account's id.
    pub account_id: String,
    /// The object.
    pub object: ObjectName,
    /// The role's ARN.
    pub role_arn: String,
}

/// One way to do something with a role: a statement, as far as it speaks of one principal.
#[derive(Clone, Debug, PartialEq)]
pub struct Way {
    /// The actions that the statement speaks of, of those that bear on assuming a role.
    pub actions: Vec<&'static str>,
    /// What must hold, but for the dates.
    pub conditions: Vec<Condition>,
    window: Window,
}

impl Way {
    /// Whether the role is assumed this way.
    pub fn assumes(&self) -> bool {
        self.actions.iter().any(|action| ASSUME.contains(action))
    }

    /// Whether it is open at this time, as far as dates go.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.window.contains(now)
    }

    /// Until when it is open; `None`: for ever.
    pub fn until(&self) -> Option<Timestamp> {
        self.window.until()
    }

    /// In words: what is required.
    pub fn words(&self) -> String {
        words::all(&self.conditions).unwrap_or_else(|| "nothing more is required".to_string())
    }
}

/// One principal, one account, one role.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Where.
    pub place: Place,
    /// Who; `None` where nobody knows: the object could not be read in this account, or the role may still let in others than
    /// those of the other rows.
    pub who: Option<Who>,
    /// Whether they are let in or kept out.
    pub effect: Effect,
    /// By which of these ways; any one will do.
    pub ways: Vec<Way>,
    /// Whether a Deny of the same trust policy may keep them out all the same.
    pub unless_denied: bool,
    /// Whether they can get in now.
    pub state: State,
    /// The role's longest session, in seconds; 0 where nobody knows.
    pub max_session: u32,
    /// When the role was made and last used, as far as status tells.
    pub dates: Dates,
}

/// Whether something is required.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// No.
    No,
    /// By some of the ways in.
    Sometimes,
    /// Always.
    Always,
}

impl Need {
    fn of(ways: &[&Way], asks: impl Fn(&Condition) -> bool) -> Self {
        let asking = ways.iter().filter(|way| way.conditions.iter().any(&asks)).count();
        match asking {
            0 => Self::No,
            all if all == ways.len() => Self::Always,
            _ => Self::Sometimes,
        }
    }
}

impl Row {
    /// The row of a role of which nobody knows whom it lets in, or whom else.
    pub fn unknown(place: Place, state: State) -> Self {
        Self {
            place,
            who: None,
            effect: Effect::Allow,
            ways: Vec::new(),
            unless_denied: false,
            state,
            max_session: 0,
            dates: Dates::default(),
        }
    }

    fn ways_in(&self) -> Vec<&Way> {
        self.ways.iter().filter(|way| way.assumes()).collect()
    }

    /// Whether MFA is required.
    pub fn mfa(&self) -> Need {
        Need::of(&self.ways_in(), words::asks_for_mfa)
    }

    /// The external ids of which one must be presented, where one is.
    pub fn external_ids(&self) -> Vec<&str> {
        self.values("sts:ExternalId")
    }

    /// The organisations to one of which they must belong, where that is required.
    pub fn organizations(&self) -> Vec<&str> {
        self.values("aws:PrincipalOrgID")
    }

    fn values(&self, key: &str) -> Vec<&str> {
        let ways = self.ways_in();
        let conditions = ways.iter().flat_map(|way| &way.conditions);
        let values = conditions
            .filter_map(|condition| words::asked(condition, key))
            .flatten();
        let mut values: Vec<&str> = values.map(String::as_str).collect();
        values.sort_unstable();
        values.dedup();
        values
    }

    /// Until when they can get in; `None`: for ever, or never.
    pub fn until(&self) -> Option<Timestamp> {
        let ways = self.ways_in();
        let live = ways.iter().filter(|way| !way.window.is_empty());
        let ends: Option<Vec<Timestamp>> = live.map(|way| way.until()).collect();
        ends.and_then(|ends| ends.into_iter().max())
    }

    /// Whether there is no account that anybody knows: no role can be there.
    pub fn is_nowhere(&self) -> bool {
        self.place.account_id.is_empty() && self.place.role_arn.is_empty()
    }

    /// How, in words: what is required of them, and what they may do beside assuming the role.
    pub fn how(&self) -> String {
        if self.who.is_none() {
            return String::new();
        }
        let ways = self.ways_in();
        let mut said: Vec<String> = Vec::new();
        match (self.effect, ways.is_empty()) {
            (Effect::Allow, true) => said.push("no way in".into()),
            _ => said.extend(ways.iter().map(|way| way.words())),
        }
        said.dedup();
        let mut text = said.join("; or ");
        if self.effect == Effect::Deny {
            text = match text.as_str() {
                "nothing more is required" => "kept out".to_string(),
                "" => String::new(),
                conditions => format!("kept out where: {conditions}"),
            };
        }
        for way in self.ways.iter().filter(|way| !way.assumes()) {
            let verb = if self.effect == Effect::Deny { "may not" } else { "may" };
            let what: Vec<&str> = way.actions.iter().map(|action| beside(action)).collect();
            let what = if what.is_empty() {
                "nothing that assumes a role".into()
            } else {
                what.join(" and ")
            };
            let conditions = words::all(&way.conditions).map(|words| format!(" ({words})"));
            let separator = if text.is_empty() { "" } else { "; " };
            text.push_str(&format!("{separator}{verb} {what}{}", conditions.unwrap_or_default()));
        }
        if self.unless_denied {
            text.push_str("; unless a Deny below says otherwise");
        }
        text
    }

    /// Whether they can get in at this moment, by some way.
    pub fn is_open(&self) -> bool {
        self.state == State::Open && self.effect == Effect::Allow && !self.ways_in().is_empty()
    }
}

fn beside(action: &str) -> &str {
    match action {
        "sts:SetSourceIdentity" => "set a source identity",
        "sts:TagSession" => "set session tags",
        other => other,
    }
}

/// The rows of one role: its trust policy as the planner renders it, told principal by principal. Whoever is kept out stands
/// behind whoever is let in. `state` is what is known of the object; what its dates and `access` say counts where it is open.
pub fn rows(place: &Place, desired: &Desired, state: &State, now: Timestamp) -> Vec<Row> {
    let (trust, lifecycle) = (&desired.trust, &desired.lifecycle);
    let own = Window::new(lifecycle.not_before, lifecycle.not_after);
    let mut found: BTreeMap<(bool, Who), Vec<Way>> = BTreeMap::new();
    for statement in &trust.statements {
        let (rest, window) = match statement.effect {
            Effect::Allow => Window::split(statement),
            Effect::Deny => (statement.clone(), Window::default()),
        };
        let window = match statement.effect {
            Effect::Allow => times::narrowed(window.within(own), &rest.conditions, now),
            Effect::Deny => window,
        };
        let actions = actions(statement);
        for (who, conditions) in who::of_statement(&rest) {
            let way = Way {
                actions: actions.clone(),
                conditions,
                window,
            };
            found
                .entry((statement.effect == Effect::Deny, who))
                .or_default()
                .push(way);
        }
    }
    let (denied, allowed): (Vec<_>, Vec<_>) = found.into_iter().partition(|((is_denied, _), _)| *is_denied);
    let denied: Vec<(Who, Vec<Way>)> = denied.into_iter().map(|((_, who), ways)| (who, ways)).collect();
    let row = |who: Who, ways: Vec<Way>, effect, unless_denied, told: State| Row {
        place: place.clone(),
        who: Some(who),
        effect,
        ways,
        unless_denied,
        state: if *state == State::Open { told } else { state.clone() },
        max_session: desired.max_session,
        dates: Dates::default(),
    };
    let mut rows: Vec<Row> = Vec::new();
    for ((_, who), ways) in allowed {
        let denial = Denial::of(&denied, &who);
        let told = state::of_allowed(&ways, &denial, lifecycle, now);
        let unless_denied = denial.is_possible();
        rows.push(row(who, ways, Effect::Allow, unless_denied, told));
    }
    for (who, ways) in denied {
        let told = state::of_denied(&ways, lifecycle);
        rows.push(row(who, ways, Effect::Deny, false, told));
    }
    rows
}

/// Of the actions that bear on assuming a role those that a statement speaks of.
fn actions(statement: &Statement) -> Vec<&'static str> {
    let matches = |action: &&&'static str| {
        let mut patterns = statement.action.patterns().iter();
        let is_there = patterns.any(|one| pattern::matches_ignoring_case(one, action));
        match &statement.action {
            ActionElement::Action(_) => is_there,
            ActionElement::NotAction(_) => !is_there,
        }
    };
    ASSUME.iter().chain(&BESIDE).filter(matches).copied().collect()
}

#[cfg(test)]
mod tests;
