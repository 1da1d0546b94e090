//! Records of CloudTrail as EventBridge gives them: the fields that AWS documents, and no others. Source: IAM User Guide,
//! "Logging IAM and AWS STS API calls with AWS CloudTrail".

use serde_json::{Value, json};

/// Somebody who uses roles.
#[derive(Clone, Copy, Debug)]
pub enum By {
    /// A user of the role's own account: there is one record.
    Neighbour,
    /// A user of an account of ours: there are two records.
    User,
    /// A user of somebody else's account: there is one record, without a name.
    Stranger,
    /// A user who is denied.
    Denied,
    /// A CI system.
    WebIdentity,
}

/// What EventBridge puts around a record.
pub fn event(record: &Value) -> String {
    let source = record["eventSource"].as_str().unwrap().split('.').next().unwrap();
    let event = json!({
        "version": "0", "id": "7bf73129-1428-4cd3-a780-95db273d1602", "detail-type": "AWS API Call via CloudTrail",
        "source": format!("aws.{source}"), "account": record["recipientAccountId"], "time": record["eventTime"], "region": record["awsRegion"],
        "resources": [], "detail": record,
    });
    event.to_string()
}

fn record(source: &str, name: &str, id: &str, time: &str, account: &str) -> Value {
    json!({
        "eventVersion": "1.10", "eventTime": time, "eventSource": source, "eventName": name, "awsRegion": "eu-central-1",
        "sourceIPAddress": "203.0.113.7", "userAgent": "aws-cli/2.15", "requestID": id, "eventID": id,
        "eventType": "AwsApiCall", "managementEvent": true, "recipientAccountId": account, "eventCategory": "Management",
    })
}

/// The events of one use of a role: one, or two.
pub fn uses(by: By, number: usize, role_arn: &str, account: &str, time: &str) -> Vec<String> {
    let person = number % 5;
    let (name, identity) = match by {
        By::WebIdentity => (
            "AssumeRoleWithWebIdentity",
            json!({"type": "WebIdentityUser", "principalId": format!("token.example.com:sts.amazonaws.com:repo-{person}"),
                "userName": format!("repo-{person}"), "identityProvider": "token.example.com"}),
        ),
        _ => {
            let home = if matches!(by, By::Neighbour) {
                account
            } else {
                "111111111111"
            };
            let identity = json!({"type": "IAMUser", "principalId": format!("AIDAPERSON{person}"), "accountId": home,
                "arn": format!("arn:aws:iam::{home}:user/person-{person}"), "userName": format!("person-{person}")});
            ("AssumeRole", identity)
        }
    };
    let id = format!("id-{number}");
    let mut named = record("sts.amazonaws.com", name, &id, time, "111111111111");
    named["userIdentity"] = identity;
    named["requestParameters"] = json!({"roleArn": role_arn, "roleSessionName": format!("session-{number}")});
    named["resources"] = json!([{"ARN": role_arn, "accountId": account, "type": "AWS::IAM::Role"}]);
    let nameless = |mut record: Value| {
        record["userIdentity"] = json!({"type": "AWSAccount", "principalId": format!("AIDAPERSON{person}"),
            "accountId": "444444444444"});
        record["recipientAccountId"] = json!(account);
        record
    };
    match by {
        By::Neighbour | By::WebIdentity => {
            named["recipientAccountId"] = json!(account);
            vec![event(&named)]
        }
        By::Denied => {
            named["errorCode"] = json!("AccessDenied");
            named["errorMessage"] = json!(format!(
                "User: arn:aws:iam::111111111111:user/person-{person} is not authorized to perform: sts:AssumeRole on resource: {role_arn}"
            ));
            named["requestParameters"] = Value::Null;
            named["resources"] = Value::Null;
            vec![event(&named)]
        }
        By::User => {
            named["sharedEventID"] = json!(format!("shared-{number}"));
            let mut other = nameless(named.clone());
            other["userIdentity"]["accountId"] = json!("111111111111");
            other["eventID"] = json!(format!("other-{number}"));
            vec![event(&named), event(&other)]
        }
        By::Stranger => {
            named["sharedEventID"] = json!(format!("shared-{number}"));
            vec![event(&nameless(named))]
        }
    }
}

/// The event of a change of a role in a session of a role of the account.
pub fn change(action: &str, id: &str, role: &str, account: &str, by: (&str, &str), time: &str) -> String {
    let (issuer, session) = by;
    let mut changed = record("iam.amazonaws.com", action, id, time, account);
    changed["awsRegion"] = json!("us-east-1");
    changed["userIdentity"] = json!({
        "type": "AssumedRole", "principalId": format!("AROAISSUER:{session}"), "accountId": account,
        "arn": format!("arn:aws:sts::{account}:assumed-role/{issuer}/{session}"),
        "sessionContext": {
            "attributes": {"mfaAuthenticated": "false", "creationDate": time},
            "sessionIssuer": {"type": "Role", "principalId": "AROAISSUER", "accountId": account,
                "arn": format!("arn:aws:iam::{account}:role/{issuer}"), "userName": issuer},
        },
    });
    changed["requestParameters"] = json!({"roleName": role});
    event(&changed)
}
