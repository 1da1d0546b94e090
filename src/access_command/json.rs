//! The rows as JSON.

use crossrole_plan::access::{Row, Way};
use serde_json::{Value, json};

use super::table::need;

/// `rows`, one for each principal, account and role.
pub(super) fn rows(rows: &[Row]) -> Value {
    json!({"rows": rows.iter().map(row).collect::<Vec<_>>()})
}

fn row(row: &Row) -> Value {
    json!({
        "account": row.place.account,
        "accountId": row.place.account_id,
        "namespace": row.place.object.namespace,
        "name": row.place.object.name,
        "roleArn": row.place.role_arn,
        "who": row.who.as_ref().map(ToString::to_string),
        "effect": row.effect.as_str(),
        "how": row.how(),
        "mfa": need(row.mfa()),
        "externalIds": row.external_ids(),
        "organizations": row.organizations(),
        "until": row.until().map(|end| end.to_string()),
        "created": row.dates.created.map(|day| day.to_string()),
        "lastUsed": row.dates.last_used.map(|day| day.to_string()),
        "state": row.state.word(),
        "detail": row.state.detail(),
        "maxSessionSeconds": row.max_session,
        "unlessDenied": row.unless_denied,
        "ways": row.ways.iter().map(way).collect::<Vec<_>>(),
    })
}

fn way(way: &Way) -> Value {
    let conditions = way.conditions.iter().map(|condition| {
        json!({"operator": condition.operator.to_string(), "key": condition.key, "values": condition.values})
    });
    json!({
        "actions": way.actions,
        "conditions": conditions.collect::<Vec<_>>(),
        "until": way.until().map(|end| end.to_string()),
    })
}
