//! The pieces of work: what is there before, and what begins them.

use std::fmt;

use serde_json::{Value, json};

use super::super::support::{self, with};

/// The time up to which sessions are revoked by declaration.
pub const REVOKED_BEFORE: &str = "2026-01-01T00:00:00Z";

/// A piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scenario {
    /// Class, account and object are declared at once, and a role is made.
    Found,
    /// An account is entered for the first time, and a role made there.
    Enter,
    /// A role is made.
    Create,
    /// Trust, policies, session, description and tags change.
    Update,
    /// One is let in by the trust policy, and another has to do more for it.
    Trust,
    /// Description and longest session change.
    Session,
    /// One inline policy goes, one comes, one changes.
    Inline,
    /// One managed policy goes, one comes.
    Managed,
    /// One tag goes, one comes.
    Tags,
    /// The object asks for a boundary, where the class leaves that to it.
    Bind,
    /// The object asks for another boundary, where the class leaves that to it.
    Rebind,
    /// The object gives up its boundary, where the class leaves that to it.
    Unbind,
    /// The role's time becomes limited.
    Limit,
    /// Sessions up to a time are revoked.
    Revoke,
    /// Somebody is taken out of the trust policy, and sessions are revoked with that.
    Tighten,
    /// Boundary, tags and policies were edited by hand, ours among the tags, and are put back.
    Repair,
    /// Trust, policies and tags were edited by hand, and are put back.
    Drift,
    /// Another role with our tags was put in the place of ours.
    Replace,
    /// A role that somebody else made is taken over.
    Adopt,
    /// The object names another account.
    Move,
    /// Another account carries the label that the object selects.
    Relabel,
    /// Access is closed.
    Close,
    /// A closed role opens again.
    Reopen,
    /// The object is deleted, while an instance profile holds the role.
    Delete,
    /// The object is deleted, and leaves the role.
    Retain,
    /// A role is made; while nobody works, the label that the object selects goes to another account.
    Withdraw,
    /// A role is made; while nobody works, the object is deleted.
    Cancel,
    /// Everything changes; while nobody works, it is changed back.
    Revert,
}

impl Scenario {
    /// All but [`Scenario::Repair`]: a role without our tags is known by its id to the process alone that saw it with
    /// them, and a foreign one to the next.
    pub const UNFORGETTABLE: [Self; 27] = [
        Self::Found,
        Self::Enter,
        Self::Create,
        Self::Update,
        Self::Trust,
        Self::Session,
        Self::Inline,
        Self::Managed,
        Self::Tags,
        Self::Bind,
        Self::Rebind,
        Self::Unbind,
        Self::Limit,
        Self::Revoke,
        Self::Tighten,
        Self::Drift,
        Self::Replace,
        Self::Adopt,
        Self::Move,
        Self::Relabel,
        Self::Close,
        Self::Reopen,
        Self::Delete,
        Self::Retain,
        Self::Withdraw,
        Self::Cancel,
        Self::Revert,
    ];

    /// Whether the work ends with an object that is gone.
    pub fn deletes(self) -> bool {
        matches!(self, Self::Delete | Self::Retain)
    }

    /// Whether the account is known before the work begins.
    pub fn account_before(self) -> bool {
        !matches!(self, Self::Found | Self::Enter)
    }

    /// Whether the role goes from one account to another.
    pub fn moves(self) -> bool {
        matches!(self, Self::Move | Self::Relabel | Self::Withdraw)
    }

    /// Whether something else is declared while nobody works.
    pub fn changes_meanwhile(self) -> bool {
        matches!(self, Self::Withdraw | Self::Cancel | Self::Revert)
    }

    /// Whether a label chooses the account, and not its name.
    pub fn selects(self) -> bool {
        matches!(self, Self::Relabel | Self::Withdraw)
    }

    /// Whether the class of its account is one of its own.
    pub fn has_class(self) -> bool {
        self == Self::Found
    }

    /// The class of its account, where it has none of its own.
    pub fn class(self) -> &'static str {
        match self {
            Self::Bind | Self::Rebind | Self::Unbind => "unbound",
            _ => "standard",
        }
    }

    /// The object before the work begins.
    pub fn before(self, name: &str) -> Option<Value> {
        let role = role(name);
        let bound = |role| with(role, "/spec/permissionsBoundary", json!("crossrole-boundary"));
        match self {
            Self::Found | Self::Enter | Self::Create | Self::Adopt | Self::Withdraw | Self::Cancel => None,
            Self::Unbind | Self::Rebind => Some(bound(role)),
            Self::Reopen => Some(with(role, "/spec/access", json!("Closed"))),
            Self::Retain => Some(with(role, "/spec/deletionPolicy", json!("Retain"))),
            Self::Inline => Some(with(
                role,
                "/spec/permissions/inline",
                json!([
                    inline("read-logs", "s3:GetObject"),
                    inline("list-logs", "s3:ListBucket")
                ]),
            )),
            Self::Tighten => Some(with(role, "/spec/trust", json!([users("1h"), vendor()]))),
            _ => Some(role),
        }
    }

    /// The object that begins the work; what deletes has none.
    pub fn declared(self, name: &str) -> Option<Value> {
        let role = role(name);
        let declared = match self {
            Self::Delete | Self::Retain => return None,
            Self::Update | Self::Revert => changed(role),
            Self::Trust => with(role, "/spec/trust", json!([users("30m"), vendor()])),
            Self::Session => with(
                with(role, "/spec/description", json!("Reads queues")),
                "/spec/maxSessionDuration",
                json!("2h"),
            ),
            Self::Inline => with(
                role,
                "/spec/permissions/inline",
                json!([
                    inline("read-logs", "s3:GetObjectTagging"),
                    inline("read-queues", "sqs:ReceiveMessage")
                ]),
            ),
            Self::Managed => with(
                role,
                "/spec/permissions/awsManaged",
                json!(["job-function/ViewOnlyAccess", "job-function/SupportUser"]),
            ),
            Self::Tags => with(role, "/spec/tags", json!({"stage": "production"})),
            Self::Bind => with(role, "/spec/permissionsBoundary", json!("crossrole-boundary")),
            Self::Rebind => with(role, "/spec/permissionsBoundary", json!("other-boundary")),
            Self::Limit => with(
                role,
                "/spec/validity",
                json!({"notBefore": "2020-01-01T00:00:00Z", "notAfter": "2098-01-01T00:00:00Z"}),
            ),
            Self::Revoke => with(role, "/spec/sessions", json!({"revokeIssuedBefore": REVOKED_BEFORE})),
            Self::Tighten => with(role, "/spec/sessions", json!({"onTighten": "Revoke"})),
            Self::Adopt => with(role, "/spec/adoptionPolicy", json!("Adopt")),
            Self::Close => with(role, "/spec/access", json!("Closed")),
            _ => role,
        };
        Some(declared)
    }

    /// What somebody does to the role by hand before the work begins.
    pub fn edit_by_hand(self, account: &str) -> Option<Value> {
        match self {
            Self::Repair => Some(json!({
                "boundary": format!("arn:aws:iam::{account}:policy/other-boundary"),
                "tags": {"crossrole.dev/owner": null, "crossrole.dev/cluster": null},
                "attached": ["arn:aws:iam::aws:policy/SecurityAudit"],
                "inline": {"read-logs": null}
            })),
            Self::Drift => Some(json!({
                "boundary": format!("arn:aws:iam::{account}:policy/other-boundary"),
                "trust": open_trust(),
                "tags": {"team": "nobody"},
                "attached": ["arn:aws:iam::aws:policy/SecurityAudit", "arn:aws:iam::aws:policy/AdministratorAccess"],
                "inline": {"read-logs": null, "everything": everything()}
            })),
            _ => None,
        }
    }

    /// The role that somebody makes by hand before the work begins, with these tags where it replaces ours.
    pub fn made_by_hand(self, name: &str) -> Option<Value> {
        matches!(self, Self::Adopt | Self::Replace).then(|| {
            json!({
                "name": name, "path": "/crossrole/", "trust": open_trust(), "description": "Made by hand",
                "inline": {"everything": everything()}, "attached": ["arn:aws:iam::aws:policy/AdministratorAccess"]
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
    let permissions = json!({
        "awsManaged": ["job-function/ViewOnlyAccess", "job-function/SupportUser"],
        "inline": [inline("read-queues", "sqs:ReceiveMessage")]
    });
    let role = with(role, "/spec/trust", json!([users("30m"), vendor()]));
    let role = with(role, "/spec/permissions", permissions);
    let role = with(role, "/spec/description", json!("Reads queues"));
    let role = with(role, "/spec/maxSessionDuration", json!("2h"));
    with(role, "/spec/tags", json!({"stage": "production"}))
}

/// Users of the account that has them, with MFA of that age at most.
fn users(max_age: &str) -> Value {
    json!({"from": {"accounts": ["111111111111"]}, "require": {"mfa": {"maxAge": max_age}}})
}

fn vendor() -> Value {
    json!({"from": {"accounts": ["444444444444"], "kind": "Roles"}, "require": {"externalIds": ["vendor-1"]}})
}

fn inline(name: &str, action: &str) -> Value {
    json!({"name": name, "document": {
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]
    }})
}

fn everything() -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
}

fn open_trust() -> Value {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999999999999:root"}, "Action": "sts:AssumeRole"}
    ]})
}
