//! A notice as it is sent: a CloudEvent in structured mode.
//!
//! In structured mode all attributes stand in the body, and the signature covers them; in binary mode they are headers, which
//! it would not. Sources: CloudEvents 1.0.2, "Context Attributes"; HTTP Protocol Binding for CloudEvents 1.0.2, "Structured
//! Content Mode".

use hyper::body::Bytes;
use serde_json::{Map, Value, json};

use super::{Notice, NoticeKind};

/// What the body is.
pub const CONTENT_TYPE: &str = "application/cloudevents+json; charset=utf-8";

/// A body has at most so many bytes. Source: CloudEvents 1.0.2, "Size Limits": whoever passes events on must pass 64 KiB.
const MOST: usize = 64 * 1024;

/// `type`: the API group, the other way round.
fn type_of(kind: NoticeKind) -> &'static str {
    match kind {
        NoticeKind::Assumed => "dev.crossrole.role.assumed",
        NoticeKind::Denied => "dev.crossrole.role.denied",
        NoticeKind::ChangedOutside => "dev.crossrole.role.changedoutside",
    }
}

/// The body. `source`: which operator says it. What is too large goes without the details.
pub fn body(notice: &Notice, source: &str) -> Bytes {
    let whole = event(notice, source, notice.data.clone()).to_string();
    if whole.len() <= MOST {
        return whole.into();
    }
    let cut = Map::from_iter([("truncated".to_string(), Value::Bool(true))]);
    event(notice, source, cut).to_string().into()
}

fn event(notice: &Notice, source: &str, mut data: Map<String, Value>) -> Value {
    // What everybody relies on is not replaced by what came along.
    data.insert(
        "object".into(),
        json!({"namespace": notice.object.namespace, "name": notice.object.name}),
    );
    data.insert("accountId".into(), json!(notice.account_id));
    data.insert("roleArn".into(), json!(notice.role_arn));
    json!({
        "specversion": "1.0",
        "id": notice.id,
        "source": source,
        "type": type_of(notice.kind),
        "subject": notice.role_arn,
        "time": notice.time.to_string(),
        "datacontenttype": "application/json",
        "data": data,
    })
}

#[cfg(test)]
mod tests {
    use crossrole_plan::declaration::ObjectName;

    use super::*;

    fn notice(data: Value) -> Notice {
        Notice {
            id: "6f2d1c5e-0f4a-4b52-9a3c-1d2e3f405162".into(),
            kind: NoticeKind::ChangedOutside,
            time: "2026-11-22T10:00:00Z".parse().unwrap(),
            object: ObjectName {
                namespace: "security".into(),
                name: "audit".into(),
            },
            account_id: "222222222222".into(),
            role_arn: "arn:aws:iam::222222222222:role/crossrole/audit".into(),
            data: serde_json::from_value(data).unwrap(),
        }
    }

    #[test]
    fn a_notice_is_a_cloud_event() {
        let body = body(
            &notice(json!({"actor": "arn:aws:iam::222222222222:user/eve", "accountId": "0"})),
            "crossrole.dev/c1",
        );
        let sent: Value = serde_json::from_slice(&body).unwrap();
        let expected = json!({
            "specversion": "1.0",
            "id": "6f2d1c5e-0f4a-4b52-9a3c-1d2e3f405162",
            "source": "crossrole.dev/c1",
            "type": "dev.crossrole.role.changedoutside",
            "subject": "arn:aws:iam::222222222222:role/crossrole/audit",
            "time": "2026-11-22T10:00:00Z",
            "datacontenttype": "application/json",
            "data": {
                "object": {"namespace": "security", "name": "audit"},
                "accountId": "222222222222",
                "roleArn": "arn:aws:iam::222222222222:role/crossrole/audit",
                "actor": "arn:aws:iam::222222222222:user/eve",
            },
        });
        assert_eq!(sent, expected);
    }

    #[test]
    fn what_is_too_large_goes_without_its_details() {
        let body = body(&notice(json!({"actor": "x".repeat(MOST)})), "s");
        assert!(body.len() < 1024);
        let sent: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(sent["data"]["truncated"], json!(true));
        assert_eq!(sent["data"]["actor"], Value::Null);
        assert_eq!(sent["data"]["object"]["name"], json!("audit"));
    }
}
