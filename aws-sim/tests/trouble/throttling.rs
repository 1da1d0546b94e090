use serde_json::{Value, json};

use super::{ACCOUNT, OTHER, ada, create, end, fault};
use crate::support::{Aws, trust};

#[test]
fn an_account_is_throttled_by_itself_and_every_refused_call_is_counted() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    aws.account(OTHER);
    let others = aws.root(OTHER);
    let id = fault(
        &aws,
        json!({"match": {"account": ACCOUNT}, "do": {"throttle": {"ratePerSecond": 0, "burst": 2}}}),
    );
    let codes: Vec<_> = (0..5).map(|_| aws.iam(&root, "ListRoles", &[]).code()).collect();
    assert_eq!(codes, ["OK", "OK", "Throttling", "Throttling", "Throttling"]);
    let refused = aws.iam(&root, "ListRoles", &[]).refused("Throttling");
    assert_eq!(
        (refused.status, refused.text("Message").as_str()),
        (400, "Rate exceeded")
    );
    aws.iam(&others, "ListRoles", &[]).ok();
    let report = end(&aws, &id);
    assert_eq!(
        (&report["seen"], &report["fired"], &report["accounts"]),
        (&json!(6), &json!(4), &json!({ACCOUNT: 4}))
    );
    aws.iam(&root, "ListRoles", &[]).ok();
}

#[test]
fn one_action_can_be_throttled_and_each_account_has_its_own_bucket() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    aws.account(OTHER);
    let others = aws.root(OTHER);
    let order = json!({"match": {"action": "CreateRole"}, "do": {"throttle": {"ratePerSecond": 0, "burst": 1}}});
    let id = fault(&aws, order);
    for keys in [&root, &others] {
        create(&aws, keys, "a").ok();
        create(&aws, keys, "b").refused("Throttling");
        aws.iam(keys, "ListRoles", &[]).ok();
    }
    assert_eq!(aws.get(&id)["accounts"], json!({ACCOUNT: 1, OTHER: 1}));
    let wrong = json!({"do": {"throttle": {"ratePerSecond": -1, "burst": 1}}});
    assert_eq!(aws.try_json("POST", "/faults", Some(&wrong)).0, 400);
}

#[test]
fn tokens_come_back_with_time() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    fault(&aws, json!({"do": {"throttle": {"ratePerSecond": 50, "burst": 1}}}));
    let mut refused = 0;
    for _ in 0..3 {
        while aws.iam(&root, "ListRoles", &[]).code() != "OK" {
            refused += 1;
        }
    }
    println!("{refused} calls were refused between three that were not");
}

#[test]
fn who_assumes_a_role_is_counted_where_they_come_from() {
    let (aws, _) = Aws::with_account(ACCOUNT);
    aws.account(OTHER);
    let ada = ada(&aws);
    let open = trust(json!({"AWS": ACCOUNT}), Value::Null);
    aws.post("/accounts/333333333333/roles", &json!({"name": "r", "trust": open}));
    let throttle = |account: &str| {
        let order = json!({"match": {"account": account}, "do": {"throttle": {"ratePerSecond": 0, "burst": 0}}});
        fault(&aws, order)
    };
    let arn = "arn:aws:iam::333333333333:role/r";
    let id = throttle(OTHER);
    aws.assume(&ada, arn, &[]).ok();
    end(&aws, &id);
    let id = throttle(ACCOUNT);
    aws.assume(&ada, arn, &[]).refused("Throttling");
    assert_eq!(end(&aws, &id)["accounts"], json!({ACCOUNT: 1}));
}
