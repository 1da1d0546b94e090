//! What the bootstrap role tries in order to get more than it was given: with exactly the rights that `crossrole bootstrap`
//! prints (`examples/bootstrap`), each attempt is refused, and by which layer. `docs/bootstrap.md` lists them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod attempts;
mod grants;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use attempts::{
    ADMINISTRATOR, Attempt, BOOTSTRAP, BOUNDARY, BY_A_ROLE_OF_ITS_OWN, BY_THE_BOOTSTRAP_ROLE, DOCUMENT, INLINE, Layer,
    ROLE,
};
use serde_json::{Value, json};
use support::{Aws, Keys, policy, trust};

/// Trusts the whole account.
const ADMIN: &str = "arn:aws:iam::222222222222:role/admin";

fn example(file: &str) -> Value {
    example_at("bootstrap", file)
}

fn example_at(folder: &str, file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../examples")
        .join(folder)
        .join(file);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn everything() -> Value {
    policy("Allow", &["*"], "*")
}

/// An account with the kit, and what somebody who climbs would look for; with a session of the bootstrap role.
fn account() -> (Aws, Keys) {
    let aws = Aws::start();
    aws.account("222222222222");
    let make = |kind: &str, order: Value| aws.post(&format!("/accounts/222222222222/{kind}"), &order);
    make(
        "policies",
        json!({"name": "crossrole-boundary", "document": example("boundary.json")}),
    );
    make("policies", json!({"name": "everything", "document": everything()}));
    let whole_account = trust(json!({"AWS": "222222222222"}), Value::Null);
    for (name, path, boundary) in [
        ("managed", "/crossrole/", Some(BOUNDARY)),
        ("stripped", "/crossrole/", None),
        ("admin", "/", None),
        ("OrganizationAccountAccessRole", "/", None),
    ] {
        let attached = if path == "/" { vec![ADMINISTRATOR] } else { Vec::new() };
        make(
            "roles",
            json!({"name": name, "path": path, "boundary": boundary, "attached": attached, "trust": whole_account}),
        );
    }
    make("instance-profiles", json!({"name": "web", "roles": []}));
    aws.user("222222222222", "ada", json!({}));
    let root = aws.root("222222222222");
    aws.iam(&root, "CreateGroup", &[("GroupName", "admins")]).ok();
    let role = json!({"name": "crossrole-bootstrap", "inline": {"crossrole": example("permissions.json")},
        "trust": example("trust-prod.json")});
    make("roles", role);
    let session = aws.post("/sessions/role", &json!({"role": BOOTSTRAP}));
    (aws, Keys::of(&session))
}

/// Everything that the account holds.
fn held(aws: &Aws) -> String {
    let root = aws.root("222222222222");
    let details = aws.iam(&root, "GetAccountAuthorizationDetails", &[]).ok().body;
    // The request's own id is another each time, and who tries uses a role.
    let held = details.split("<ResponseMetadata>").next().unwrap();
    let parts = held.split("<RoleLastUsed>");
    let rest = parts.map(|part| part.split_once("</RoleLastUsed>").map_or(part, |(_, rest)| rest));
    rest.collect()
}

fn try_all(aws: &Aws, keys: &Keys, attempts: &[Attempt]) {
    let (all, itself) = (
        everything().to_string(),
        trust(json!({"AWS": BOOTSTRAP}), Value::Null).to_string(),
    );
    let before = held(aws);
    for (name, action, parameters, layer) in attempts {
        let parameters: Vec<(&str, &str)> = parameters
            .iter()
            .map(|(key, value)| match *value {
                "{all}" => (*key, all.as_str()),
                "{itself}" => (*key, itself.as_str()),
                value => (*key, value),
            })
            .collect();
        let answer = aws.iam(keys, action, &parameters);
        assert_eq!(answer.code(), "AccessDenied", "{name}: {}", answer.body);
        let message = answer.text("Message");
        assert!(message.contains(layer.said()), "{name}: {message}");
    }
    assert_eq!(held(aws), before);
}

#[test]
fn the_bootstrap_role_can_raise_nobodys_rights() {
    let (aws, keys) = account();
    try_all(&aws, &keys, BY_THE_BOOTSTRAP_ROLE);
    // Its own session is the only one that it can get.
    for role in [
        ADMIN,
        "arn:aws:iam::222222222222:role/OrganizationAccountAccessRole",
        BOOTSTRAP,
    ] {
        aws.assume(&keys, role, &[]).refused("AccessDenied");
    }
}

#[test]
fn a_role_that_it_makes_for_itself_cannot_leave_the_boundary() {
    let (aws, keys) = account();
    let itself = trust(json!({"AWS": BOOTSTRAP}), Value::Null).to_string();
    let all = everything().to_string();
    let made = [
        (ROLE, "own"),
        ("Path", "/crossrole/"),
        ("AssumeRolePolicyDocument", itself.as_str()),
        ("PermissionsBoundary", BOUNDARY),
    ];
    aws.iam(&keys, "CreateRole", &made).ok();
    let put = [(ROLE, "own"), INLINE, (DOCUMENT, all.as_str())];
    aws.iam(&keys, "PutRolePolicy", &put).ok();
    let own = aws
        .assume(&keys, "arn:aws:iam::222222222222:role/crossrole/own", &[])
        .ok()
        .keys();
    // It can look at identities, as the boundary allows, and that is all.
    aws.iam(&own, "ListRoles", &[]).ok();
    try_all(&aws, &own, BY_A_ROLE_OF_ITS_OWN);
    aws.assume(&own, ADMIN, &[]).refused("AccessDenied");
}

#[test]
fn the_denials_hold_whatever_else_the_role_is_given() {
    let (aws, keys) = account();
    let wider = json!({"attached": [ADMINISTRATOR]});
    aws.json("PUT", "/accounts/222222222222/roles/crossrole-bootstrap", Some(&wider));
    let denied: Vec<Attempt> = BY_THE_BOOTSTRAP_ROLE
        .iter()
        .filter(|(.., layer)| *layer == Layer::Denied)
        .copied()
        .collect();
    assert!(denied.len() >= 15, "{}", denied.len());
    try_all(&aws, &keys, &denied);
}

#[test]
fn the_documentation_lists_every_attempt_and_no_other() {
    documentation_lists(
        "docs/bootstrap.md",
        BY_THE_BOOTSTRAP_ROLE.iter().chain(BY_A_ROLE_OF_ITS_OWN),
        &["| assume another role of the account, or itself | `sts:AssumeRole` | nothing allows it |"],
    );
}

/// Whether a page's tables of attempts have these rows and `more`, and no others.
fn documentation_lists(page: &str, attempts: impl Iterator<Item = &'static Attempt>, more: &[&str]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(page);
    let text = fs::read_to_string(path).unwrap();
    let tables = text.split("| attempt | call | why not |\n|---|---|---|\n").skip(1);
    let listed: BTreeSet<&str> = tables
        .flat_map(|table| table.lines().take_while(|line| line.starts_with('|')))
        .collect();
    let row = |(name, action, _, layer): &Attempt| format!("| {name} | `iam:{action}` | {} |", layer.word());
    let rows: BTreeSet<String> = attempts.map(row).collect();
    let tried: BTreeSet<&str> = rows.iter().map(String::as_str).chain(more.iter().copied()).collect();
    assert_eq!(listed, tried, "{page}");
}
