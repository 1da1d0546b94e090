//! What status says of which trouble, while it lasts.

use crossrole::api::Reason;
use crossrole_testkit::scene;
use serde_json::Value;

use super::cell::{Cell, Trouble};
use super::scenario::Scenario;

/// Whether AWS can do this to us. When it says that a role is not there although it is, that is a replica that lags
/// behind: the tests of lag have that, with reads that come right by themselves. For an object that is being deleted such
/// an answer, where nothing was written lately, is the one proof there can be.
pub fn can_happen(cell: &Cell) -> bool {
    let says_gone = cell.scenario.deletes() && cell.trouble == Trouble::Error("NoSuchEntity".into());
    !(says_gone && matches!(cell.action.as_str(), "GetRole" | "DeleteRole"))
}

/// The reasons that the account's entry may give while the trouble lasts. More than one where the work gets past the
/// trouble, or where it shows in another way.
pub fn reasons(cell: &Cell) -> Vec<Reason> {
    let write = !(cell.action.starts_with("Get") || cell.action.starts_with("List") || cell.action == "AssumeRole");
    let done = if cell.scenario.deletes() {
        Reason::Deleting
    } else {
        Reason::InSync
    };
    // What fits without a raised quota does not wait for the account's figures.
    if cell.action == "GetAccountSummary" {
        return vec![Reason::InSync];
    }
    let mut reasons = of_trouble(cell, write, done);
    // Where not all roles can be read at once, each is read alone.
    if matches!(cell.action.as_str(), "ListRoles" | "GetAccountAuthorizationDetails") {
        reasons.push(done);
    }
    reasons
}

fn of_trouble(cell: &Cell, write: bool, done: Reason) -> Vec<Reason> {
    match &cell.trouble {
        // The call was carried out: the next look finds that nothing is left to do.
        Trouble::Lost | Trouble::Cut if write => vec![Reason::AWSUnavailable, done],
        Trouble::Unreached | Trouble::Lost | Trouble::Cut | Trouble::Proxy => vec![Reason::AWSUnavailable],
        Trouble::Error(name) => of_error(cell, name, done),
    }
}

fn of_error(cell: &Cell, name: &str, done: Reason) -> Vec<Reason> {
    let sts = matches!(cell.action.as_str(), "AssumeRole" | "GetCallerIdentity");
    let reason = match name {
        "Throttling" => Reason::Throttled,
        "ServiceFailure" | "ServiceUnavailable" | "InternalFailure" | "RequestTimeout" => Reason::AWSUnavailable,
        "ExpiredToken" | "InvalidClientTokenId" | "SignatureDoesNotMatch" | "RequestExpired" => Reason::AWSUnavailable,
        "AccessDenied" | "RegionDisabled" if sts => Reason::BootstrapDenied,
        "AccessDenied" => Reason::PermissionDenied,
        "ConcurrentModification" | "EntityAlreadyExists" | "DeleteConflict" => Reason::ConcurrentChange,
        "InvalidPrincipal" => Reason::PrincipalNotFound,
        "MalformedPolicyDocument" | "InvalidInput" | "ValidationError" => Reason::RefusedByAWS,
        "PolicyNotAttachable" | "PackedPolicyTooLarge" => Reason::RefusedByAWS,
        // What takes away uses up no quota.
        "LimitExceeded" if takes_away(&cell.action) => Reason::UnexpectedAnswer,
        "LimitExceeded" => Reason::QuotaExceeded,
        "UnmodifiableEntity" => Reason::Unmodifiable,
        "OptInRequired" => Reason::UnexpectedAnswer,
        "NoSuchEntity" => return of_absence(cell, done),
        other => panic!("{other} has no reason"),
    };
    vec![reason]
}

fn of_absence(cell: &Cell, done: Reason) -> Vec<Reason> {
    match cell.action.as_str() {
        // A role that is not seen is made.
        "GetRole" if matches!(cell.scenario, Scenario::Create | Scenario::Enter) => vec![done],
        // It cannot be made a second time.
        "GetRole" => vec![Reason::Propagating, Reason::ConcurrentChange],
        "AttachRolePolicy" => vec![Reason::PolicyNotFound],
        // What is not there need not be read, and need not be taken away. Where it is there all the same, the role cannot
        // be deleted yet.
        "GetRolePolicy" | "DetachRolePolicy" | "DeleteRolePolicy" | "RemoveRoleFromInstanceProfile" => {
            vec![if cell.scenario == Scenario::Delete {
                Reason::ConcurrentChange
            } else {
                done
            }]
        }
        _ => vec![Reason::Propagating],
    }
}

/// Whether somebody has to ask for the next look, once what was wrong is mended: a person must act, and nobody tells the
/// operator when that has happened.
pub fn needs_a_person(entry: &Value) -> bool {
    let refused = entry["state"] == "Refused";
    let cannot_leave = entry["message"]
        .as_str()
        .is_some_and(|told| told.contains("cannot remove the role"));
    refused || cannot_leave
}

/// What the conditions of an object with one account say other than its entry, if anything.
pub fn contradiction(object: &Value) -> Option<String> {
    let entry = &object["status"]["accounts"][0];
    let is_right = entry["reason"] == "InSync";
    let is_stuck = needs_a_person(entry);
    let expected = [
        ("Ready", is_right),
        ("Stalled", is_stuck),
        ("Reconciling", !is_right && !is_stuck),
    ];
    let wrong = expected.iter().find(|(type_, holds)| {
        let condition = scene::condition(object, type_);
        let speaks_of_it = condition["reason"] == entry["reason"]
            && condition["message"].as_str().is_some_and(|told| !told.is_empty())
            && condition["observedGeneration"] == object["metadata"]["generation"];
        match (condition["status"].as_str(), holds) {
            (Some("True"), true) => !speaks_of_it,
            (Some("False"), false) => *type_ != "Ready" || !speaks_of_it,
            (None, false) => *type_ == "Ready",
            _ => true,
        }
    });
    wrong.map(|(type_, _)| format!("{type_} does not go with {entry}: {}", object["status"]["conditions"]))
}

fn takes_away(action: &str) -> bool {
    ["Delete", "Detach", "Remove", "Untag"]
        .iter()
        .any(|verb| action.starts_with(verb))
}
