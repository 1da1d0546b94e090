//! Everything that can go wrong in the simulated AWS, on demand and the same for the same seed.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Simulator;
use crate::Error;

/// Which calls a fault is for; what is `None` matches everything.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Match {
    /// The account acted in.
    pub account: Option<String>,
    /// `iam` or `sts`.
    pub service: Option<String>,
    /// Such as `CreateRole`.
    pub action: Option<String>,
    /// `read`, `write` or `any`.
    pub kind: Option<String>,
    /// The name of the role that the call is about.
    pub role: Option<String>,
}

impl Match {
    /// All calls of an account; narrow it further with the others.
    pub fn account(id: &str) -> Self {
        Self::default().in_account(id)
    }

    /// All calls of an action.
    pub fn action(action: &str) -> Self {
        Self {
            action: Some(action.to_owned()),
            ..Self::default()
        }
    }

    /// All calls of a service: `iam` or `sts`.
    pub fn service(service: &str) -> Self {
        Self {
            service: Some(service.to_owned()),
            ..Self::default()
        }
    }

    /// The same, in one account.
    pub fn in_account(self, id: &str) -> Self {
        Self {
            account: Some(id.to_owned()),
            ..self
        }
    }

    /// The same, about one role.
    pub fn of_role(self, name: &str) -> Self {
        Self {
            role: Some(name.to_owned()),
            ..self
        }
    }

    /// The same, of one kind: `read` or `write`.
    pub fn of_kind(self, kind: &str) -> Self {
        Self {
            kind: Some(kind.to_owned()),
            ..self
        }
    }
}

/// What happens to a call that a fault hits.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// It waits, before it is carried out, until it is released.
    Hold,
    /// It is never carried out and never answered; the connection is closed when the fault ends.
    Hang,
    /// The connection is closed and the call is not carried out.
    DropBefore,
    /// The call is carried out and the connection closed without an answer.
    DropAfter,
    /// The call is carried out and the connection closed in the middle of the answer.
    DropMidBody,
    /// It is answered with the error of this short name (see [`Simulator::errors`]) in AWS's words, and not carried out.
    Named(String),
    /// It is answered with this error code and HTTP status, and not carried out.
    Error(String, u16),
    /// This status and text come back, which are not AWS's, and the call is not carried out.
    Body(u16, String),
    /// It is carried out that many milliseconds later.
    DelayMs(u64),
    /// It costs a token of its account's bucket; without one it is refused with `Throttling`. Until it is taken back.
    Throttle {
        /// Tokens that come back each second of real time.
        rate_per_second: f64,
        /// Tokens that there are at most, and at first.
        burst: f64,
    },
    /// It is shown an earlier state of its account. Until it is taken back.
    Lag(Lag),
    /// Documents come back in another form with the same meaning: keys and lists in another order, lists of one as plain
    /// texts and the other way round. A document keeps its form until it changes. Until it is taken back.
    Reshape(u64),
    /// Pages of lists are shorter than asked for, one of four is empty, with more to come. Until it is taken back.
    ShortPages(u64),
    /// All sessions of the caller's role end at this moment; the call itself goes on, and fails with `ExpiredToken`.
    ExpireSessions,
}

/// How far reads are behind writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Lag {
    /// Seconds of the simulated clock after which a change is seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<u64>,
    /// Calls that do not see a change yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    reads: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    writes: bool,
}

impl Lag {
    /// A change is seen after so many seconds of the simulated clock.
    pub fn seconds(seconds: u64) -> Self {
        Self {
            seconds: Some(seconds),
            reads: None,
            seed: None,
            writes: false,
        }
    }

    /// A change is not seen by the next so many calls that match.
    pub fn reads(reads: u64) -> Self {
        Self {
            seconds: None,
            reads: Some(reads),
            seed: None,
            writes: false,
        }
    }

    /// Each call is answered by another replica, between not behind at all and as far as said: what was seen once may be
    /// gone at the next look.
    pub fn back_and_forth(self, seed: u64) -> Self {
        Self {
            seed: Some(seed),
            ..self
        }
    }

    /// Writes to a role that is not known there yet are refused with `NoSuchEntity` as well.
    pub fn for_writes(self) -> Self {
        Self { writes: true, ..self }
    }
}

/// A fault: which calls, how many of them, and what happens.
#[derive(Debug, Clone)]
pub struct Fault {
    matching: Match,
    nth: u64,
    times: Option<u64>,
    probability: Option<(f64, u64)>,
    effect: Effect,
}

impl Fault {
    /// The next call that matches; a throttle or a lag: all of them, until it is taken back.
    pub fn new(matching: Match, effect: Effect) -> Self {
        Self {
            matching,
            nth: 1,
            times: None,
            probability: None,
            effect,
        }
    }

    /// Begins with the nth matching call, counted from 1.
    pub fn from_call(self, nth: u64) -> Self {
        Self { nth, ..self }
    }

    /// Hits so many calls at most.
    pub fn times(self, times: u64) -> Self {
        Self {
            times: Some(times),
            ..self
        }
    }

    /// Goes on until it is taken back.
    pub fn for_ever(self) -> Self {
        self.times(0)
    }

    /// Hits that share of the calls, from 0 to 1. Which ones, the seed says: the same call of the same role is hit in each
    /// run, whatever others do meanwhile. Goes on until it is taken back, unless `times` is given.
    pub fn with_probability(self, share: f64, seed: u64) -> Self {
        Self {
            probability: Some((share, seed)),
            ..self
        }
    }

    fn order(&self) -> Value {
        let effect = match &self.effect {
            Effect::Hold => json!({"hold": true}),
            Effect::Hang => json!({"hang": true}),
            Effect::DropBefore => json!({"drop": "before"}),
            Effect::DropAfter => json!({"drop": "after"}),
            Effect::DropMidBody => json!({"drop": "midBody"}),
            Effect::Named(name) => json!({"error": name}),
            Effect::Error(code, status) => json!({"error": {"code": code, "status": status}}),
            Effect::Body(status, text) => json!({"body": {"status": status, "text": text}}),
            Effect::DelayMs(delay) => json!({"delayMs": delay}),
            Effect::Throttle { rate_per_second, burst } => {
                json!({"throttle": {"ratePerSecond": rate_per_second, "burst": burst}})
            }
            Effect::Lag(lag) => json!({"lag": lag}),
            Effect::Reshape(seed) => json!({"reshape": {"seed": seed}}),
            Effect::ShortPages(seed) => json!({"pages": {"seed": seed}}),
            Effect::ExpireSessions => json!({"expireSessions": true}),
        };
        let mut order = json!({"match": self.matching, "nth": self.nth, "do": effect});
        if let Some(times) = self.times {
            order["times"] = json!(times);
        }
        if let Some((share, seed)) = self.probability {
            order["probability"] = json!(share);
            order["seed"] = json!(seed);
        }
        order
    }
}

/// How far a fault has come.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FaultReport {
    /// The fault's id.
    pub id: u64,
    /// Calls that matched since it was made.
    pub seen: u64,
    /// Calls that were hit: those that a throttle refused, those that a lag showed an old state.
    pub fired: u64,
    /// The same by account.
    pub accounts: BTreeMap<String, u64>,
    /// `waiting`, `holding` or `done`.
    pub state: String,
}

/// An error that has a short name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct KnownError {
    /// The short name, for [`Effect::Named`].
    pub name: String,
    /// AWS's code, which several names may share.
    pub code: String,
    /// The HTTP status.
    pub status: u16,
}

/// The errors that have short names, and which action can give which.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct KnownErrors {
    /// All of them.
    pub errors: Vec<KnownError>,
    /// Short names by action, from the API references: the action's own, then those that every action can give.
    pub actions: BTreeMap<String, Vec<String>>,
}

/// How the security token service fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// Each call is answered with 503.
    Unavailable,
    /// Each connection is closed without an answer.
    Refused,
    /// No call is ever answered.
    Hanging,
}

impl Simulator {
    /// Adds a fault and gives its id.
    pub async fn fault(&self, fault: &Fault) -> Result<u64, Error> {
        let made: Value = self.post("/faults", &fault.order()).await?;
        made["id"].as_u64().ok_or_else(|| Error::new("a fault got no id"))
    }

    /// Adds a fault for the `nth` matching call from now (from 1) and the `times - 1` after it; 0 times is for ever.
    pub async fn add_fault(&self, matching: Match, nth: u64, times: u64, effect: Effect) -> Result<u64, Error> {
        self.fault(&Fault::new(matching, effect).from_call(nth).times(times))
            .await
    }

    /// How far a fault has come.
    pub async fn fault_report(&self, id: u64) -> Result<FaultReport, Error> {
        self.ask(Method::GET, &format!("/faults/{id}"), None).await
    }

    /// Waits until a fault holds a call or has hit one, or the time is over (at once if it is zero); the report tells.
    pub async fn wait_for_fault(&self, id: u64, patience: Duration) -> Result<FaultReport, Error> {
        let path = format!("/faults/{id}/wait?timeoutMs={}", patience.as_millis());
        self.ask(Method::GET, &path, None).await
    }

    /// Lets go of the calls that a fault holds: carried out or not, answered or not.
    pub async fn release_fault(&self, id: u64, carry_out: bool, answer: bool) -> Result<(), Error> {
        let order = json!({"carryOut": carry_out, "answer": answer});
        self.tell(&format!("/faults/{id}/release"), &order).await
    }

    /// Takes one fault back and gives its last report. Calls that it holds are carried out, those that hang are dropped.
    pub async fn end_fault(&self, id: u64) -> Result<FaultReport, Error> {
        self.ask(Method::DELETE, &format!("/faults/{id}"), None).await
    }

    /// Forgets all faults; held calls are carried out.
    pub async fn clear_faults(&self) -> Result<(), Error> {
        self.remove("/faults").await
    }

    /// The errors that have short names, and which action can give which.
    pub async fn errors(&self) -> Result<KnownErrors, Error> {
        self.ask(Method::GET, "/faults/errors", None).await
    }

    /// Throttles all calls of an account, as one bucket. Gives the fault's id; `fired` counts what was refused.
    pub async fn throttle(&self, account: &str, rate_per_second: f64, burst: f64) -> Result<u64, Error> {
        let effect = Effect::Throttle { rate_per_second, burst };
        self.fault(&Fault::new(Match::account(account), effect)).await
    }

    /// Makes all calls of an account take so much longer.
    pub async fn slow_account(&self, account: &str, milliseconds: u64) -> Result<u64, Error> {
        let effect = Effect::DelayMs(milliseconds);
        self.fault(&Fault::new(Match::account(account), effect).for_ever())
            .await
    }

    /// Denies every call of IAM in an account, as a service control policy does.
    pub async fn deny_account(&self, account: &str) -> Result<u64, Error> {
        let effect = Effect::Named("ServiceControlPolicy".to_owned());
        let matching = Match::service("iam").in_account(account);
        self.fault(&Fault::new(matching, effect).for_ever()).await
    }

    /// Makes all of STS fail, for the roles of one account or for everybody.
    pub async fn stop_sts(&self, account: Option<&str>, outage: Outage) -> Result<u64, Error> {
        let effect = match outage {
            Outage::Unavailable => Effect::Named("ServiceUnavailable".to_owned()),
            Outage::Refused => Effect::DropBefore,
            Outage::Hanging => Effect::Hang,
        };
        let matching = Match::service("sts");
        let matching = match account {
            Some(id) => matching.in_account(id),
            None => matching,
        };
        self.fault(&Fault::new(matching, effect).for_ever()).await
    }

    /// Makes reads of an account lag behind its writes.
    pub async fn lag(&self, account: &str, lag: Lag) -> Result<u64, Error> {
        self.fault(&Fault::new(Match::account(account), Effect::Lag(lag))).await
    }

    /// Ends the sessions of a role at this moment, or all of the account. Gives how many there were.
    pub async fn expire_sessions(&self, account: &str, role: Option<&str>) -> Result<u64, Error> {
        let order = json!({"account": account, "role": role});
        let made: Value = self.post("/sessions/expire", &order).await?;
        Ok(made["expired"].as_u64().unwrap_or_default())
    }
}
