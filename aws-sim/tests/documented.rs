//! The README's examples of the admin interface work as they stand.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use serde_json::{Value, json};
use support::Aws;

/// Method, path and body of each `curl` line; a body may go over several lines.
fn examples(text: &str) -> Vec<(String, String, Option<String>)> {
    let commands = text.split("\ncurl -s ").skip(1);
    commands
        .map(|command| {
            let head = command.lines().next().unwrap();
            let method = head.strip_prefix("-X ").map(|rest| rest.split(' ').next().unwrap());
            let path = head.split("$ADMIN").nth(1).unwrap().split([' ', '"']).next().unwrap();
            let body = command
                .split_once("--json '")
                .map(|(_, rest)| rest.split('\'').next().unwrap().to_owned());
            let method = method.unwrap_or(if body.is_some() { "POST" } else { "GET" });
            (method.to_owned(), path.to_owned(), body)
        })
        .collect()
}

#[test]
fn every_example_of_the_readme_is_answered() {
    let aws = Aws::start();
    for account in ["111111111111", "222222222222"] {
        aws.account(account);
    }
    let services = ["ec2", "pods.eks", "rolesanywhere"].map(|name| format!("{name}.amazonaws.com"));
    let trust = support::trust_for(
        &["sts:*"],
        json!({"AWS": "111111111111", "Service": services}),
        Value::Null,
    );
    let key = aws.root("111111111111").id;
    let examples = examples(include_str!("../README.md"));
    assert!(examples.len() >= 40, "{}", examples.len());
    for (method, path, body) in examples {
        // What an example relies on is put there first, and what it makes is taken away.
        aws.try_json(
            "POST",
            "/accounts/111111111111/roles",
            Some(&json!({"name": "hub", "trust": trust})),
        );
        aws.try_json(
            "POST",
            "/accounts/222222222222/roles",
            Some(&json!({"name": "audit", "trust": trust})),
        );
        aws.try_json(
            "POST",
            "/accounts/111111111111/users",
            Some(&json!({"name": "ada", "mfa": true})),
        );
        if body.as_ref().is_some_and(|body| body.contains("\"name\": \"ada\"")) {
            aws.json("DELETE", "/accounts/111111111111/users/ada", None);
        }
        if body.as_ref().is_some_and(|body| body.contains("\"name\": \"audit\"")) {
            aws.json("DELETE", "/accounts/222222222222/roles/audit", None);
        }
        let body = body.map(|text| serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}")));
        let (status, text) = aws.try_json(
            &method,
            &path.replace("timeoutMs=5000", "timeoutMs=5").replace("$KEY", &key),
            body.as_ref(),
        );
        // Nothing is held here, which is what the answer to the release says.
        let expected = if path.ends_with("/release") { 409 } else { 200 };
        assert_eq!(status, expected, "{method} {path}: {text}");
    }
}
