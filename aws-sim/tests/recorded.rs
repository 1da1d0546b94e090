//! The simulator against what the real service answered. The recordings lie beside the project and are read in place;
//! where they are missing, there is nothing to compare, which continuous integration does not forgive.

#![allow(clippy::unwrap_used)]

#[path = "../../tests/support/recorded.rs"]
mod recordings;
mod support;

use std::path::Path;

use recordings::folder;
use serde_json::Value;
use support::{Aws, trust};

fn read(file: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

#[test]
fn documents_are_taken_and_refused_as_the_real_service_did() {
    let Some(folder) = folder() else { return };
    let recorded = read(&folder.join("policy-documents.json"));
    let entries = recorded.as_array().or_else(|| recorded["entries"].as_array()).unwrap();
    let (aws, root) = Aws::with_account("111111111111");
    let ec2 = trust(serde_json::json!({"Service": "ec2.amazonaws.com"}), Value::Null).to_string();
    let mut wrong = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let document = entry["document"].as_str().unwrap();
        let name = format!("d{index}");
        let role = ("RoleName", name.as_str());
        let create = |text: &str| aws.iam(&root, "CreateRole", &[role, ("AssumeRolePolicyDocument", text)]);
        let answer = match entry["operation"].as_str().unwrap() {
            "CreateRole" => create(document),
            "UpdateAssumeRolePolicy" => {
                create(&ec2).ok();
                aws.iam(&root, "UpdateAssumeRolePolicy", &[role, ("PolicyDocument", document)])
            }
            "PutRolePolicy" => {
                create(&ec2).ok();
                aws.iam(
                    &root,
                    "PutRolePolicy",
                    &[role, ("PolicyName", "p"), ("PolicyDocument", document)],
                )
            }
            // A version is checked as a policy is.
            _ => aws.iam(
                &root,
                "CreatePolicy",
                &[("PolicyName", &name), ("PolicyDocument", document)],
            ),
        };
        let expected = entry["message"].as_str().unwrap_or("OK");
        let actual = if answer.status == 200 {
            "OK".to_owned()
        } else {
            answer.text("Message")
        };
        if actual != expected {
            wrong.push(format!(
                "{}: AWS said {expected:?}, the simulator {actual:?}: {document}",
                entry["id"]
            ));
        }
        if answer.status == 200 && entry["read_back"]["operation"] == "GetRole" {
            let read = aws
                .iam(&root, "GetRole", &[role])
                .ok()
                .document("AssumeRolePolicyDocument");
            assert_eq!(read, entry["read_back"]["document"], "{}", entry["id"]);
        }
        if answer.status == 200 && entry["read_back"]["operation"] == "CreateRole" {
            assert_eq!(
                answer.document("AssumeRolePolicyDocument"),
                entry["read_back"]["document"],
                "{}",
                entry["id"]
            );
        }
    }
    println!(
        "{} of {} recorded verdicts given again",
        entries.len() - wrong.len(),
        entries.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_trust_policies_of_the_user_guide_are_taken() {
    let Some(folder) = folder() else { return };
    let examples = read(&folder.join("trust-examples.json"));
    let examples = examples.as_array().or_else(|| examples["entries"].as_array()).unwrap();
    // The principals of the examples are in accounts that nobody knows here.
    let (aws, root) = Aws::with_account("999999999999");
    let mut refused = Vec::new();
    for (index, example) in examples.iter().enumerate() {
        let mut document = example["document"].as_str().unwrap().to_owned();
        // Where an example has words for an account id, or a space too many, AWS would refuse it as it stands.
        for value in example["placeholder_values"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            let filled = match value.trim().replace("account-id", "888888888888") {
                arn if arn.starts_with("arn:") => arn,
                _ => "888888888888".to_owned(),
            };
            document = document.replace(value, &filled);
        }
        let name = format!("e{index}");
        let create = [
            ("RoleName", name.as_str()),
            ("AssumeRolePolicyDocument", document.as_str()),
        ];
        let answer = aws.iam(&root, "CreateRole", &create);
        if answer.status != 200 {
            refused.push(format!("{}: {}: {document}", example["id"], answer.text("Message")));
        }
    }
    println!(
        "{} of {} trust policies of the user guide taken",
        examples.len() - refused.len(),
        examples.len()
    );
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}
