//! What must hold of an object, of its twin and of their accounts.

use std::collections::BTreeMap;

use crossrole::api::Reason;
use crossrole_testkit::Simulator;
use crossrole_testkit::scene::condition;
use crossrole_testkit::simulator::Role;
use serde_json::{Value, json};

use super::chain::{Chain, Declaration, Place, SIDES};
use super::support::objects::{is_current, is_handled as has_answered};

/// The object's role in one account.
pub type Held = Option<Role>;

/// State and reason of the entries of an object, by side (`a`, `b`) or, of accounts that nobody knows, by name.
pub type Entries = BTreeMap<String, (String, String)>;

/// What a fresh account makes of a declaration.
#[derive(Clone, Debug)]
pub struct Expected {
    pub declaration: Declaration,
    pub entries: Entries,
    meanings: [Option<Value>; 2],
    revocations: [Option<String>; 2],
}

/// Reasons that come from what AWS said in the middle of the work: what was done before depends on what was there.
const SAID_BY_AWS: [&str; 6] = [
    "PolicyNotFound",
    "RefusedByAWS",
    "QuotaExceeded",
    "PermissionDenied",
    "PrincipalNotFound",
    "PathIsImmutable",
];

/// What a place's accounts hold of its object.
pub async fn held(simulator: &Simulator, place: &Place, declaration: &Declaration) -> [Held; 2] {
    let name = place.role_name(declaration);
    let [a, b] = [0, 1].map(|side| simulator.role(&place.ids[side], &name));
    let (a, b) = tokio::join!(a, b);
    [a.unwrap(), b.unwrap()]
}

/// Whether the look that was last asked for has ended, and speaks of the newest generation.
pub fn is_handled(object: &Value) -> bool {
    is_current(object) && has_answered(object)
}

/// Whether nothing is expected to happen any more.
pub fn is_at_rest(object: &Value) -> bool {
    let entries = entries_of(object);
    let busy = |(state, reason): &(String, String)| {
        (state != "Ready" && state != "Refused" && reason != "WouldChange") && reason != "PrincipalNotFound"
    };
    is_handled(object) && !entries.values().any(busy)
}

pub fn entries_of(object: &Value) -> Entries {
    let name = object["metadata"]["name"].as_str().unwrap();
    let entries = object["status"]["accounts"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    entries
        .map(|entry| {
            let account = text(&entry["account"]);
            let side = account.strip_prefix(&format!("{name}-")).map(str::to_string);
            (side.unwrap_or(account), (text(&entry["state"]), text(&entry["reason"])))
        })
        .collect()
}

impl Expected {
    pub fn new(declaration: &Declaration, object: &Value, place: &Place, held: &[Held; 2]) -> Self {
        let name = place.role_name(declaration);
        let each = |side: usize| held[side].as_ref();
        Self {
            declaration: declaration.clone(),
            entries: entries_of(object),
            meanings: [0, 1].map(|side| each(side).map(|role| meaning(role, place, &name))),
            revocations: [0, 1].map(|side| each(side).and_then(revocation)),
        }
    }

    /// Whether everything that is declared was carried out.
    pub fn accepted(&self) -> bool {
        let good = |(state, reason): &(String, String)| state == "Ready" || reason == "WouldChange";
        !self.entries.is_empty() && self.entries.values().all(good)
    }

    fn observes(&self) -> bool {
        self.declaration.role["mode"] == "Observe"
    }

    /// Whether an object's entries are those of its twin. Who observes sees what is there.
    pub fn is_met_by(&self, object: &Value) -> Result<(), String> {
        if !is_handled(object) {
            return Err(format!("the look has not ended: {}", object["status"]));
        }
        let entries = entries_of(object);
        if self.observes() {
            return is_at_rest(object).then_some(()).ok_or_else(|| format!("{entries:?}"));
        }
        if entries == self.entries {
            Ok(())
        } else {
            Err(format!("{entries:?} and not {:?}: {}", self.entries, object["status"]))
        }
    }

    /// Law 6: what an account holds after all that happened in it, or nothing happened there at all.
    pub fn differences(&self, chain: &Chain, before: &[Held; 2], after: &[Held; 2]) -> Vec<String> {
        let mut found = Vec::new();
        for side in 0..SIDES.len() {
            if let Err(difference) = self.difference(side, chain, &before[side], &after[side]) {
                found.push(format!("account {}: {difference}", SIDES[side]));
            }
        }
        found
    }

    fn difference(&self, side: usize, chain: &Chain, before: &Held, after: &Held) -> Result<(), String> {
        let name = chain.place.role_name(&self.declaration);
        let role = &self.declaration.role;
        let unchanged = || match before == after {
            true => Ok(()),
            false => Err(format!("{before:?} became {after:?}")),
        };
        if self.observes() {
            return unchanged();
        }
        match self.entries.get(SIDES[side]) {
            Some((_, reason)) if SAID_BY_AWS.contains(&reason.as_str()) => Ok(()),
            // What ends access is carried out although the rest is refused.
            Some((state, _)) if state == "Refused" => match (before, after) {
                _ if before == after => Ok(()),
                (Some(before), Some(after)) if ends_access(role, &self.declaration.class) => {
                    let closes = self.declaration.class["guardrails"]["onViolation"] == "Close";
                    only_ended(before, after, closes.then_some(role))
                }
                _ => unchanged(),
            },
            Some(_) => {
                let found = after.as_ref().map(|role| meaning(role, &chain.place, &name));
                if found != self.meanings[side] {
                    let [found, wanted] = [&found, &self.meanings[side]].map(|it| it.as_ref().map(Value::to_string));
                    return Err(format!("holds {found:?} and not {wanted:?}"));
                }
                self.revocation_fits(side, chain, before, after)
            }
            // A role that the object leaves is left without our tags where it is to stay.
            None => match after {
                None => Ok(()),
                Some(left) if role["deletionPolicy"] == "Retain" && !has_our_tags(left) => Ok(()),
                // Nothing is known of accounts at all.
                Some(_) if self.entries.is_empty() => unchanged(),
                Some(left) => Err(format!("a role was left: {left:?}")),
            },
        }
    }

    fn revocation_fits(&self, side: usize, chain: &Chain, before: &Held, after: &Held) -> Result<(), String> {
        let Some(role) = after else { return Ok(()) };
        let now = revocation(role);
        if now < self.revocations[side] {
            return Err(format!("revokes up to {now:?} and not {:?}", self.revocations[side]));
        }
        let stayed = before.as_ref().filter(|before| before.id == role.id);
        let then = stayed.and_then(revocation);
        if now < then {
            return Err(format!("revoked up to {then:?} and then up to {now:?}"));
        }
        if now > self.revocations[side] && !chain.revocable {
            return Err(format!("revokes up to {now:?} and nobody asked for it"));
        }
        Ok(())
    }
}

/// Whether a declaration ends access, whatever else it says.
pub fn ends_access(role: &Value, class: &Value) -> bool {
    role["access"] == "Closed"
        || role["validity"]["notAfter"].is_string()
        || role["sessions"].is_object()
        || class["guardrails"]["onViolation"] == "Close"
}

/// Nothing but trust and our own policies that deny may differ; and where the class closes what it forbids, what others put
/// on the role may be gone.
fn only_ended(before: &Role, after: &Role, closes: Option<&Value>) -> Result<(), String> {
    let mut kept = before.clone();
    if let Some(declared) = closes {
        let declares = |text: &str| declared["permissions"].to_string().contains(&format!("{text}\""));
        kept.inline
            .retain(|name, _| after.inline.contains_key(name) || declares(name));
        kept.attached.retain(|arn| {
            let name = arn.split_once(":policy/").map_or(arn.as_str(), |(_, name)| name);
            after.attached.contains(arn) || declares(name)
        });
        kept.max_session_duration = kept.max_session_duration.min(after.max_session_duration);
    }
    let rest = |role: &Role| {
        let mut role = role.clone();
        role.trust = Value::Null;
        role.boundary = None;
        for ours in ["crossrole-closed", "crossrole-validity", "AWSRevokeOlderSessions"] {
            role.inline.remove(ours);
        }
        role
    };
    if rest(&kept) != rest(after) {
        return Err(format!("refused, and yet {before:?} became {after:?}"));
    }
    let closed = after.trust.to_string().contains("CrossroleClosed");
    if before.trust == after.trust || closed {
        Ok(())
    } else {
        Err(format!("refused, and yet its trust became {}", after.trust))
    }
}

fn has_our_tags(role: &Role) -> bool {
    role.tags.keys().any(|key| key.starts_with("crossrole.dev/"))
}

/// Up to when `AWSRevokeOlderSessions` revokes, as text that sorts as time does.
fn revocation(role: &Role) -> Option<String> {
    let policy = role.inline.get("AWSRevokeOlderSessions")?;
    let mut statements = match &policy["Statement"] {
        Value::Array(statements) => statements.clone(),
        one => vec![one.clone()],
    };
    let times = statements.drain(..).filter_map(|statement| {
        let condition = &statement["Condition"]["DateLessThan"]["aws:TokenIssueTime"];
        let text = condition.as_str().or_else(|| condition[0].as_str())?;
        let time: jiff::Timestamp = text.parse().unwrap();
        Some(format!("{time:.3}"))
    });
    times.max()
}

/// A role without what differs from account to account.
fn meaning(role: &Role, place: &Place, name: &str) -> Value {
    let mut inline = role.inline.clone();
    inline.remove("AWSRevokeOlderSessions");
    let whole = json!({
        "path": role.path, "description": role.description.as_deref().unwrap_or_default(),
        "session": role.max_session_duration, "trust": role.trust, "inline": inline, "attached": role.attached,
        "boundary": role.boundary, "tags": role.tags,
    });
    let mut text = canonical(whole).to_string();
    for id in &place.ids {
        text = text.replace(id, "ACCOUNT");
    }
    let text = text
        .replace(&place.name, "NAME")
        .replace(&format!("\"{name}\""), "\"NAME\"");
    serde_json::from_str(&text).unwrap()
}

/// Lists in order, each item once; a list of one as that one.
fn canonical(value: Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.into_iter().map(canonical).collect();
            items.sort_by_key(Value::to_string);
            items.dedup();
            match items.len() {
                1 => items.remove(0),
                _ => Value::Array(items),
            }
        }
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| (name, canonical(value)))
            .collect(),
        other => other,
    }
}

/// What status says that is not so.
pub fn untruths(object: &Value, place: &Place, held: &[Held; 2]) -> Vec<String> {
    let mut found = Vec::new();
    let mut claim = |holds: bool, what: &str| {
        if !holds {
            found.push(format!("{what}: {}", object["status"]));
        }
    };
    let status = &object["status"];
    let entries = status["accounts"].as_array().cloned().unwrap_or_default();
    let ready = condition(object, "Ready");
    let [reconciling, stalled] = ["Reconciling", "Stalled"].map(|name| condition(object, name)["status"] == "True");
    let all_ready = !entries.is_empty() && entries.iter().all(|entry| entry["state"] == "Ready");
    claim(
        (ready["status"] == "True") == all_ready,
        "Ready is not what the entries say",
    );
    claim(!(reconciling && stalled), "Reconciling and Stalled");
    claim(
        ready["status"] == "True" || reconciling || stalled,
        "neither Ready nor Reconciling nor Stalled",
    );
    let count = entries.iter().filter(|entry| entry["state"] == "Ready").count();
    claim(
        status["summary"] == format!("{count}/{}", entries.len()),
        "the summary is wrong",
    );
    let known = |reason: &Value| Reason::ALL.iter().any(|known| *reason == known.as_str());
    claim(known(&ready["reason"]), "an unknown reason");
    for entry in &entries {
        claim(known(&entry["reason"]), "an unknown reason");
        let told = entry["message"].as_str().unwrap_or_default();
        claim(told.chars().count() <= 160, "a message of more than 160 characters");
        claim(entry["state"] == "Ready" || entry["message"].is_string(), "no message");
        let Some(side) = (0..2).find(|side| entry["account"] == place.account(*side)) else {
            continue;
        };
        let role = held[side].as_ref();
        claim(
            entry["accountId"] == place.ids[side] || entry["state"] == "Refused",
            "another account's id",
        );
        if entry["state"] == "Ready" && entry["reason"] == "InSync" {
            claim(
                role.is_some_and(|role| entry["roleArn"] == role.arn),
                "not the role's ARN",
            );
            claim(role.is_some_and(|role| entry["roleId"] == role.id), "not the role's id");
        }
    }
    for (side, role) in held.iter().enumerate() {
        let ours = role.as_ref().is_some_and(has_our_tags);
        let known = entries.iter().any(|entry| entry["account"] == place.account(side));
        let observes = object["spec"]["mode"] == "Observe";
        claim(
            !ours || known || observes || entries.is_empty(),
            "a role of ours that no entry names",
        );
    }
    found
}
