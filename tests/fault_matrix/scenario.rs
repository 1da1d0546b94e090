//! The pieces of work: what is there before, and what begins them.

use std::fmt;

use serde_json::{Value, json};

use super::support::{self, with};

/// A piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scenario {
    /// An account is entered for the first time, and a role made there.
    Enter,
    /// A role is made.
    Create,
    /// Trust, policies, session, description and tags change.
    Update,
    /// Boundary, tags and policies were edited by hand, and are put back.
    Repair,
    /// The object gives up its boundary, where the class leaves that to it.
    Unbind,
    /// Access is closed.
    Close,
    /// A closed role opens again.
    Reopen,
    /// The object is deleted, while an instance profile holds the role.
    Delete,
    /// The object is deleted, and leaves the role.
    Retain,
}

impl Scenario {
    pub const ALL: [Self; 9] = [
        Self::Enter,
        Self::Create,
        Self::Update,
        Self::Repair,
        Self::Unbind,
        Self::Close,
        Self::Reopen,
        Self::Delete,
        Self::Retain,
    ];

    /// Whether the work ends with an object that is gone.
    pub fn deletes(self) -> bool {
        matches!(self, Self::Delete | Self::Retain)
    }

    /// Whether the account is known before the work begins.
    pub fn account_before(self) -> bool {
        self != Self::Enter
    }

    /// The class of its account.
    pub fn class(self) -> &'static str {
        match self {
            Self::Unbind => "unbound",
            _ => "standard",
        }
    }

    /// The object before the work begins.
    pub fn before(self, name: &str) -> Option<Value> {
        let role = role(name);
        match self {
            Self::Enter | Self::Create => None,
            Self::Update | Self::Repair | Self::Close | Self::Delete => Some(role),
            Self::Unbind => Some(with(role, "/spec/permissionsBoundary", json!("crossrole-boundary"))),
            Self::Reopen => Some(with(role, "/spec/access", json!("Closed"))),
            Self::Retain => Some(with(role, "/spec/deletionPolicy", json!("Retain"))),
        }
    }

    /// The object that begins the work; what deletes has none.
    pub fn declared(self, name: &str) -> Option<Value> {
        let role = role(name);
        match self {
            Self::Enter | Self::Create | Self::Repair | Self::Unbind | Self::Reopen => Some(role),
            Self::Update => Some(changed(role)),
            Self::Close => Some(with(role, "/spec/access", json!("Closed"))),
            Self::Delete | Self::Retain => None,
        }
    }

    /// What somebody does to the role by hand before the work begins.
    pub fn edit_by_hand(self, account: &str) -> Option<Value> {
        (self == Self::Repair).then(|| {
            json!({
                "boundary": format!("arn:aws:iam::{account}:policy/other-boundary"),
                "tags": {"crossrole.dev/owner": null, "crossrole.dev/cluster": null},
                "attached": ["arn:aws:iam::aws:policy/SecurityAudit"],
                "inline": {"read-logs": null}
            })
        })
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&format!("{self:?}").to_lowercase())
    }
}

fn role(name: &str) -> Value {
    with(support::role(name), "/spec/description", json!("Reads logs"))
}

/// Another trust, other policies, another session and description, other tags.
fn changed(role: Value) -> Value {
    let trust = json!([
        {"from": {"accounts": ["111111111111"]}, "require": {"mfa": {"maxAge": "30m"}}},
        {"from": {"accounts": ["444444444444"], "kind": "Roles"}, "require": {"externalIds": ["vendor-1"]}}
    ]);
    let permissions = json!({
        "awsManaged": ["job-function/ViewOnlyAccess", "job-function/SupportUser"],
        "inline": [{"name": "read-queues", "document": {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "sqs:ReceiveMessage", "Resource": "*"}]
        }}]
    });
    let role = with(with(role, "/spec/trust", trust), "/spec/permissions", permissions);
    let role = with(role, "/spec/description", json!("Reads queues"));
    let role = with(role, "/spec/maxSessionDuration", json!("2h"));
    with(role, "/spec/tags", json!({"stage": "production"}))
}
