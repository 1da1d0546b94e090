use super::*;
use crate::kit::Right;
use crate::testing::rules;

const CALLS: &[Call] = &[
    Call {
        action: "sqs:ReceiveMessage",
        right: Right::ConsumeEvents,
    },
    Call {
        action: "sqs:DeleteMessage",
        right: Right::ConsumeEvents,
    },
];

fn feed(organization: Option<&str>, account: &str) -> Feed {
    let center = Center {
        account: account.parse().unwrap(),
        region: "eu-central-1".into(),
        operator: "arn:aws:iam::111111111111:role/crossrole-operator".parse().unwrap(),
        organization: organization.map(|id| id.parse().unwrap()),
        calls: CALLS,
    };
    let targets = BTreeMap::from([("222222222222".parse().unwrap(), "prod".to_string())]);
    Feed::new(center, &[rules(&[]).unwrap()], targets).unwrap()
}

fn json(document: &Document) -> Value {
    serde_json::from_str(&document.to_json()).unwrap()
}

#[test]
fn only_the_sending_roles_of_our_accounts_put_events_onto_the_bus() {
    let bus = "arn:aws:events:eu-central-1:111111111111:event-bus/crossrole";
    let expected = |principal: Value, more: Value| {
        let mut condition = json!({
            "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/crossrole-events"},
            "ForAllValues:StringEquals": {
                "events:source": ["aws.sts", "aws.iam"],
                "events:detail-type": "AWS API Call via CloudTrail",
            },
        });
        condition
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!({"Version": "2012-10-17", "Statement": [{
            "Sid": "SendersOfOurAccounts", "Effect": "Allow", "Principal": {"AWS": principal},
            "Action": "events:PutEvents", "Resource": bus, "Condition": condition,
        }]})
    };
    assert_eq!(
        json(&feed(Some("o-a1b2c3d4e5"), "111111111111").bus_policy()),
        expected(
            json!("*"),
            json!({"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}})
        )
    );
    // The class trusts 111111111111, which holds no roles.
    assert_eq!(
        json(&feed(None, "111111111111").bus_policy()),
        expected(json!(["111111111111", "222222222222"]), json!({}))
    );
}

#[test]
fn only_the_central_rule_sends_to_the_queue_and_only_the_operator_reads_it() {
    let rule = |account: &str| {
        json!({
            "Sid": "TheCentralRule", "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage", "Resource": format!("arn:aws:sqs:eu-central-1:{account}:crossrole-events"),
            "Condition": {"ArnEquals": {
                "aws:SourceArn": format!("arn:aws:events:eu-central-1:{account}:rule/crossrole/crossrole")}},
        })
    };
    let statements = |account: &str| json(&feed(None, account).queue_policy())["Statement"].clone();
    // What the operator's own account allows is enough in its own account.
    assert_eq!(statements("111111111111"), json!([rule("111111111111")]));
    let operator = json!({
        "Sid": "Operator", "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111111111111:role/crossrole-operator"},
        "Action": ["sqs:DeleteMessage", "sqs:ReceiveMessage"],
        "Resource": "arn:aws:sqs:eu-central-1:999999999999:crossrole-events",
    });
    assert_eq!(statements("999999999999"), json!([rule("999999999999"), operator]));
    let reader = json(&feed(None, "999999999999").reader());
    assert_eq!(reader["Statement"][0]["Action"], operator["Action"]);
    assert_eq!(reader["Statement"][0]["Resource"], operator["Resource"]);
}

#[test]
fn the_sending_role_is_of_the_rules_of_its_own_account_and_sends_to_one_bus() {
    let feed = feed(None, "111111111111");
    let trust = json(&feed.sender_trust("222222222222"));
    let condition = json!({
        "StringEquals": {"aws:SourceAccount": "222222222222"},
        "ArnLike": {"aws:SourceArn": [
            "arn:aws:events:*:222222222222:rule/crossrole-use", "arn:aws:events:*:222222222222:rule/crossrole-change"]},
    });
    assert_eq!(trust["Statement"][0]["Condition"], condition);
    assert_eq!(
        trust["Statement"][0]["Principal"],
        json!({"Service": "events.amazonaws.com"})
    );
    let sender = json(&feed.sender());
    assert_eq!(sender["Statement"][0]["Resource"], json!(feed.bus()));
    assert_eq!(sender["Statement"][0]["Action"], json!("events:PutEvents"));
}

#[test]
fn a_denied_call_is_matched_by_what_its_message_says() {
    let uses = feed(None, "111111111111").uses();
    let role = json!([{"wildcard": "arn:aws:iam::*:role/crossrole/*"}]);
    let message = json!([{"wildcard": "*arn:aws:iam::*:role/crossrole/*"}]);
    let either = json!([{"requestParameters": {"roleArn": role}}, {"errorMessage": message}]);
    assert_eq!(uses["detail"]["$or"], either);
}

#[test]
fn more_accounts_than_a_bus_lists_need_their_organisation() {
    let center = |organization: Option<&str>| Center {
        account: "111111111111".parse().unwrap(),
        region: "us-east-1".into(),
        operator: "arn:aws:iam::111111111111:role/o".parse().unwrap(),
        organization: organization.map(|id| id.parse().unwrap()),
        calls: CALLS,
    };
    let many = || {
        let ids = (0..1000_u64).map(|number| (200_000_000_000 + number).to_string());
        ids.map(|id| (id.parse().unwrap(), "a".to_string())).collect()
    };
    let rules = [rules(&[]).unwrap()];
    let error = Feed::new(center(None), &rules, many()).unwrap_err();
    assert!(error.to_string().contains("--organization"), "{error}");
    assert!(Feed::new(center(Some("o-a1b2c3d4e5")), &rules, many()).is_ok());
}

#[test]
fn more_roles_than_a_pattern_holds_are_refused() {
    let of = |count: usize| {
        let names: Vec<String> = (0..count)
            .map(|number| format!("/team-{number}/deployer-of-things"))
            .collect();
        let adoption = format!("\nadoption: {{roles: [{}]}}\n", names.join(", "));
        let rules = rules(&[("\nguardrails:", &format!("{adoption}guardrails:"))]).unwrap();
        Feed::new(feed(None, "111111111111").center, &[rules], BTreeMap::new())
    };
    assert!(of(2).is_ok());
    let error = of(40).unwrap_err().to_string();
    assert!(error.contains("2,048") && error.contains("adoption.roles"), "{error}");
}

#[test]
fn event_bridge_knows_one_wildcard_and_not_two_in_a_row() {
    for (pattern, expected) in [("a*b", "a*b"), ("a?b", "a*b"), ("a?*?b**", "a*b*"), ("", "")] {
        assert_eq!(one_wildcard(pattern), expected, "{pattern}");
    }
}
