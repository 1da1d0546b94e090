//! What happens in one transition of a chain: another declaration, edits by others, and faults, in any mixture.

use crossrole_testkit::simulator::{Effect, Fault, Lag, Match};
use fastrand::Rng;
use serde_json::{Value, json};

use super::chain::{Chain, Declaration};
use super::schema;

/// The schemas of what is declared.
pub struct Schemas {
    role: Value,
    account: Value,
    class: Value,
}

/// What is declared in a transition.
#[derive(Clone, Debug)]
pub enum Step {
    /// The same as before.
    Same,
    /// Something else that the schema takes.
    Declare(Box<Declaration>),
    /// A spec of the role that the schema does not take.
    Breach(Value),
    /// The object is deleted. What follows makes another of that name.
    Remove,
}

/// What somebody does by hand in an account, where a role is.
#[derive(Clone, Debug)]
pub enum Edit {
    /// Edits the role.
    Role(Value),
    /// Changes the role's trust to one of the same meaning.
    Rewrite,
    /// Deletes the role.
    Delete,
    /// Puts the role into an instance profile.
    Profile,
    /// Deletes the chain's principal and makes it again: it is another.
    Person,
}

/// One transition.
#[derive(Clone, Debug)]
pub struct Transition {
    pub step: Step,
    pub edits: Vec<(usize, Edit)>,
    pub faults: Vec<Fault>,
    /// Whether reads may be behind: then status may say what was.
    pub lags: bool,
    /// In words.
    pub told: String,
}

impl Schemas {
    pub fn read() -> Self {
        Self {
            role: schema::of_spec("crossaccountroles.yaml"),
            account: schema::of_spec("awsaccounts.yaml"),
            class: schema::of_spec("accountclasses.yaml"),
        }
    }
}

impl Transition {
    /// The next transition of a chain. `restart` says that the operator is killed meanwhile: it then knows only from tags
    /// which roles are its own.
    pub fn next(chain: &mut Chain, schemas: &Schemas, restart: bool) -> Self {
        let (mut step, mut told) = next_step(chain, schemas);
        if let Step::Declare(next) = &mut step
            && chain.exists
            && (next.class != chain.declared.class || next.accounts != chain.declared.accounts)
        {
            // Rules are seen before the role is: of both at once, something between the two would be carried out.
            next.role = chain.declared.role.clone();
            told += " (the rules alone)";
        }
        // Tags that were stripped are put back at once, or a later process would hold the role for somebody else's.
        let put_back = matches!(step, Step::Same) && chain.declared == chain.accepted;
        let may_strip = !restart && put_back && chain.declared.role["mode"] != "Observe";
        let edited = chain.exists && (matches!(step, Step::Same) || chain.rng.u8(..5) < 2);
        let mut edits = Vec::new();
        if edited {
            for _ in 0..chain.rng.usize(1..=2) {
                let side = chain.rng.usize(..2);
                edits.push((side, edit(&mut chain.rng, may_strip, &chain.place.ids[side])));
            }
        }
        for (side, edit) in &edits {
            told += &format!("; by hand in {}: {edit:?}", ["a", "b"][*side]);
        }
        let mut faults = Vec::new();
        let mut lags = false;
        if chain.rng.u8(..3) == 0 {
            for id in chain.place.ids.clone() {
                let (fault, what) = fault(&mut chain.rng, &id);
                told += &format!("; in {id}: {what}");
                lags |= what.contains("Lag");
                faults.push(fault);
            }
        }
        Self {
            step,
            edits,
            faults,
            lags,
            told,
        }
    }

    /// Which kinds of trouble are in it, for the count.
    pub fn is_faulty(&self) -> bool {
        !self.faults.is_empty()
    }
}

fn next_step(chain: &mut Chain, schemas: &Schemas) -> (Step, String) {
    let rng = &mut chain.rng;
    if !chain.exists {
        return (Step::Declare(Box::new(chain.accepted.clone())), "made".into());
    }
    // A declaration that was refused is mostly mended first.
    let mut next = if rng.u8(..4) > 0 {
        chain.accepted.clone()
    } else {
        chain.declared.clone()
    };
    let enforced = chain.declared.role["mode"] != "Observe";
    match rng.u8(..100) {
        0..15 => (Step::Same, "the same".into()),
        15..22 => {
            let mut role = chain.declared.role.clone();
            let site = schema::breach(&schemas.role, "role", &mut role, rng);
            (Step::Breach(role), format!("against the schema, {site}"))
        }
        22..26 if enforced => (Step::Remove, "removed".into()),
        26..34 => {
            let side = rng.usize(..2);
            let site = schema::change(&schemas.account, "account", &mut next.accounts[side], rng);
            (Step::Declare(Box::new(next)), format!("{site} of {}", ["a", "b"][side]))
        }
        34..41 => {
            let site = schema::change(&schemas.class, "class", &mut next.class, rng);
            (Step::Declare(Box::new(next)), site)
        }
        number => {
            let changes = if number >= 85 { rng.usize(2..=4) } else { 1 };
            let mut sites = Vec::new();
            for way in ["mode", "access"] {
                // What holds everything up, or shuts everybody out, does not last long.
                if next
                    .role
                    .get(way)
                    .is_some_and(|value| value != "Enforce" && value != "Open")
                    && rng.u8(..3) > 0
                {
                    next.role.as_object_mut().unwrap().remove(way);
                    sites.push(format!("role.{way} taken back"));
                }
            }
            for _ in 0..changes {
                sites.push(schema::change(&schemas.role, "role", &mut next.role, rng));
            }
            (Step::Declare(Box::new(next)), sites.join(", "))
        }
    }
}

fn edit(rng: &mut Rng, may_strip: bool, account: &str) -> Edit {
    let open = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999999999999:root"}, "Action": "sts:AssumeRole"}
    ]});
    let wide = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}});
    let revoking = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": ["*"], "Resource": ["*"],
        "Condition": {"DateLessThan": {"aws:TokenIssueTime": "2026-01-01T00:00:00.000Z"}}}]});
    match rng.u8(..16) {
        0 => Edit::Role(json!({"trust": open})),
        1 => Edit::Rewrite,
        2 => Edit::Role(json!({"inline": {"stray": wide}})),
        3 => Edit::Role(json!({"inline": {"read-logs": null, "read-queues": null}})),
        4 => Edit::Role(json!({"inline": {"read-logs": wide}})),
        5 => Edit::Role(json!({"attached": ["arn:aws:iam::aws:policy/AdministratorAccess"]})),
        6 => Edit::Role(json!({"attached": []})),
        7 => Edit::Role(json!({"boundary": null})),
        8 => Edit::Role(json!({"boundary": format!("arn:aws:iam::{account}:policy/other-boundary")})),
        9 => Edit::Role(json!({"tags": {"team": "others", "stray": "1"}})),
        10 if may_strip => {
            Edit::Role(json!({"tags": {"crossrole.dev/owner": null, "crossrole.dev/cluster": null, "team": null}}))
        }
        11 => Edit::Role(json!({"description": "edited", "maxSessionDuration": 43200})),
        12 => Edit::Role(json!({"inline": {"AWSRevokeOlderSessions": revoking}})),
        13 => Edit::Profile,
        14 => Edit::Person,
        _ => Edit::Delete,
    }
}

/// A fault in an account that ends by itself or is lifted, and its name.
fn fault(rng: &mut Rng, account: &str) -> (Fault, String) {
    let all = || Match::account(account);
    let iam = || Match::service("iam").in_account(account);
    let names = [
        "Throttling",
        "ServiceFailure",
        "ServiceUnavailable",
        "InternalFailure",
        "ConcurrentModification",
        "ExpiredToken",
        "AccessDenied",
        "LimitExceeded",
    ];
    let nth = rng.u64(1..=8);
    let seed = rng.u64(..);
    let (fault, what) = match rng.u8(..15) {
        0..=3 => {
            let name = names[rng.usize(..names.len())];
            let effect = Effect::Named(name.into());
            (
                Fault::new(iam(), effect).from_call(nth).times(rng.u64(1..=3)),
                name.to_string(),
            )
        }
        4 => (
            Fault::new(all(), Effect::DropBefore).from_call(nth).times(2),
            "DropBefore".into(),
        ),
        5 => (
            Fault::new(all(), Effect::DropAfter).from_call(nth).times(2),
            "DropAfter".into(),
        ),
        6 => (
            Fault::new(all(), Effect::DropMidBody).from_call(nth),
            "DropMidBody".into(),
        ),
        7 => (
            Fault::new(all(), Effect::Body(502, "<html>".into()))
                .from_call(nth)
                .times(2),
            "Body".into(),
        ),
        8 => {
            let effect = Effect::Throttle {
                rate_per_second: 5.0,
                burst: 3.0,
            };
            (Fault::new(all(), effect), "Throttle".into())
        }
        9 => (
            Fault::new(all(), Effect::Lag(Lag::reads(4).back_and_forth(seed))),
            "Lag back and forth".into(),
        ),
        10 => (
            Fault::new(all(), Effect::Lag(Lag::reads(5).for_writes())),
            "Lag for writes".into(),
        ),
        11 => (
            Fault::new(iam(), Effect::ExpireSessions).from_call(nth),
            "ExpireSessions".into(),
        ),
        12 => (Fault::new(iam(), Effect::Reshape(seed)), "Reshape".into()),
        13 => (Fault::new(iam(), Effect::ShortPages(seed)), "ShortPages".into()),
        _ => {
            let effect = Effect::Named("ServiceFailure".into());
            (
                Fault::new(all(), effect).with_probability(0.3, seed),
                "ServiceFailure of a third".into(),
            )
        }
    };
    (fault, format!("{what} from call {nth}"))
}
