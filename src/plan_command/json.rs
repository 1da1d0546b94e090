//! The outcome as JSON.

use crossrole_iam::document::Document;
use crossrole_plan::change::{Change, TrustStep};
use serde_json::{Map, Value, json};

use super::report::{Finding, Line, Report};

impl Report {
    /// The outcome as JSON: `plans`, one for each role in each account, with its `changes` in order; `summary`; `notes`.
    pub fn to_json(&self) -> Value {
        let summary: Map<String, Value> = self
            .summary()
            .into_iter()
            .map(|(word, count)| (word.replace("left alone", "leftAlone"), json!(count)))
            .collect();
        json!({
            "live": self.live,
            "plans": self.lines.iter().map(line).collect::<Vec<_>>(),
            "summary": summary,
            "notes": self.notes,
        })
    }
}

fn line(line: &Line) -> Value {
    let mut members = Map::new();
    members.insert("namespace".into(), json!(line.object.namespace));
    members.insert("name".into(), json!(line.object.name));
    members.insert("account".into(), json!(line.account));
    members.insert("accountId".into(), json!(line.account_id));
    members.insert(
        "outcome".into(),
        json!(line.finding.word().replace("left alone", "leftAlone")),
    );
    match &line.finding {
        Finding::Plan {
            arn,
            plan,
            warning,
            older_sessions,
            ..
        } => {
            members.insert("roleArn".into(), json!(arn));
            members.insert("changes".into(), plan.changes.iter().map(change).collect());
            if let Some(warning) = warning {
                members.insert("warning".into(), json!(warning));
            }
            if let Some(longest) = older_sessions {
                members.insert("olderSessionsLast".into(), json!(longest));
            }
        }
        Finding::Refused { reason, message, ends } => {
            members.insert("reason".into(), json!(reason.as_str()));
            members.insert("message".into(), json!(message));
            if let Some(plan) = ends.as_ref().filter(|plan| !plan.is_empty()) {
                members.insert("changes".into(), plan.changes.iter().map(change).collect());
            }
        }
        Finding::LeftAlone { reason, message } => {
            members.insert("reason".into(), json!(reason.map(|reason| reason.as_str())));
            members.insert("message".into(), json!(message));
        }
        Finding::Failed { message } => {
            members.insert("message".into(), json!(message));
        }
    }
    Value::Object(members)
}

fn document(document: &Document) -> Value {
    serde_json::from_str(&document.to_json()).unwrap_or_default()
}

/// One IAM call: its name, and what it would carry.
fn change(change: &Change) -> Value {
    match change {
        Change::CreateRole(new) => json!({
            "call": "CreateRole",
            "path": new.path.as_str(),
            "trust": document(&new.trust),
            "description": new.description,
            "maxSessionDuration": new.max_session,
            "permissionsBoundary": new.boundary.as_ref().map(ToString::to_string),
            "tags": new.tags,
        }),
        Change::UpdateTrust { document: trust, step } => json!({
            "call": "UpdateAssumeRolePolicy",
            "trust": document(trust),
            "step": match step {
                TrustStep::Declared => "declared",
                TrustStep::Shared => "shared",
                TrustStep::Closed => "closed",
            },
        }),
        Change::UpdateRole {
            description,
            max_session,
        } => json!({"call": "UpdateRole", "description": description, "maxSessionDuration": max_session}),
        Change::PutBoundary(arn) => {
            json!({"call": "PutRolePermissionsBoundary", "permissionsBoundary": arn.to_string()})
        }
        Change::DeleteBoundary => json!({"call": "DeleteRolePermissionsBoundary"}),
        Change::Attach(arn) => json!({"call": "AttachRolePolicy", "policy": arn.to_string()}),
        Change::Detach(arn) => json!({"call": "DetachRolePolicy", "policy": arn.to_string()}),
        Change::PutInline { name, document: policy } => {
            json!({"call": "PutRolePolicy", "name": name.as_str(), "document": document(policy)})
        }
        Change::DeleteInline(name) => json!({"call": "DeleteRolePolicy", "name": name.as_str()}),
        Change::Tag(tags) => json!({"call": "TagRole", "tags": tags}),
        Change::Untag(keys) => json!({"call": "UntagRole", "keys": keys}),
        Change::LeaveInstanceProfile(name) => json!({"call": "RemoveRoleFromInstanceProfile", "instanceProfile": name}),
        Change::DeleteRole => json!({"call": "DeleteRole"}),
    }
}
