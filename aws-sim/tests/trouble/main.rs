//! What goes wrong on demand: errors in AWS's words, throttling, reads that lag behind writes, outages of a service or an
//! account, sessions that end too early.

#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod errors;
mod lag;
mod outages;
mod reading;
mod throttling;

use serde_json::{Value, json};
use support::{Answer, Aws, Keys, trust};

const ACCOUNT: &str = "222222222222";
const OTHER: &str = "333333333333";

fn create(aws: &Aws, keys: &Keys, name: &str) -> Answer {
    let text = trust(json!({"Service": "ec2.amazonaws.com"}), Value::Null).to_string();
    aws.iam(
        keys,
        "CreateRole",
        &[("RoleName", name), ("AssumeRolePolicyDocument", &text)],
    )
}

fn fault(aws: &Aws, order: Value) -> String {
    format!("/faults/{}", aws.post("/faults", &order)["id"])
}

fn end(aws: &Aws, fault: &str) -> Value {
    aws.json("DELETE", fault, None)
}

/// The user `ada` of the account, who may do everything.
fn ada(aws: &Aws) -> Keys {
    aws.user(ACCOUNT, "ada", json!({"all": support::policy("Allow", &["*"], "*")}))
}
