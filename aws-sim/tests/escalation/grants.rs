//! What the grant role tries, and what the bootstrap role tries with the grant role: with exactly the rights that
//! `crossrole bootstrap` prints (`examples/grants/bootstrap`). `docs/grants.md` lists the attempts.

use serde_json::{Value, json};

use super::attempts::Layer::{Denied, Nothing};
use super::attempts::{ADMINISTRATOR, Attempt, BOOTSTRAP, BOUNDARY, DOCUMENT, INLINE, ROLE};
use super::support::{Aws, Keys, policy, trust};
use super::{account, documentation_lists, example_at, try_all};

const ACCOUNT: &str = "222222222222";
const OURS: (&str, &str) = (
    "PolicyArn",
    "arn:aws:iam::222222222222:policy/crossrole-grants/security.auditors.1",
);
const EVERYTHING: (&str, &str) = ("PolicyArn", "arn:aws:iam::222222222222:policy/everything");
const ALL: (&str, &str) = (DOCUMENT, "{all}");
const GRANT_ROLE: (&str, &str) = (ROLE, "crossrole-grants");
const LISTED_ROLE: (&str, &str) = (ROLE, "deployer");
const LISTED_GROUP: (&str, &str) = ("GroupName", "SecAuditors");
const ADMINS: (&str, &str) = ("GroupName", "admins");
const ADA: (&str, &str) = ("UserName", "ada");

const BY_THE_GRANT_ROLE: &[Attempt] = &[
    (
        "give itself an inline policy",
        "PutRolePolicy",
        &[GRANT_ROLE, INLINE, ALL],
        Denied,
    ),
    (
        "attach a policy of grants to itself",
        "AttachRolePolicy",
        &[GRANT_ROLE, OURS],
        Denied,
    ),
    (
        "attach a policy of grants to the bootstrap role",
        "AttachRolePolicy",
        &[(ROLE, "crossrole-bootstrap"), OURS],
        Denied,
    ),
    (
        "attach a policy of grants to a role that crossrole makes",
        "AttachRolePolicy",
        &[(ROLE, "managed"), OURS],
        Denied,
    ),
    (
        "attach a policy of grants to a role that is not listed",
        "AttachRolePolicy",
        &[(ROLE, "admin"), OURS],
        Nothing,
    ),
    (
        "attach a policy of grants to a group that is not listed",
        "AttachGroupPolicy",
        &[ADMINS, OURS],
        Nothing,
    ),
    (
        "attach a policy of grants to a user",
        "AttachUserPolicy",
        &[ADA, OURS],
        Nothing,
    ),
    (
        "attach AdministratorAccess to a listed group",
        "AttachGroupPolicy",
        &[LISTED_GROUP, ("PolicyArn", ADMINISTRATOR)],
        Nothing,
    ),
    (
        "attach another policy of the account to a listed group",
        "AttachGroupPolicy",
        &[LISTED_GROUP, EVERYTHING],
        Nothing,
    ),
    (
        "attach another policy of the account to a listed role",
        "AttachRolePolicy",
        &[LISTED_ROLE, EVERYTHING],
        Nothing,
    ),
    (
        "give a listed group an inline policy",
        "PutGroupPolicy",
        &[LISTED_GROUP, INLINE, ALL],
        Nothing,
    ),
    (
        "give a listed role an inline policy",
        "PutRolePolicy",
        &[LISTED_ROLE, INLINE, ALL],
        Nothing,
    ),
    (
        "let itself into a listed role",
        "UpdateAssumeRolePolicy",
        &[LISTED_ROLE, (DOCUMENT, "{itself}")],
        Nothing,
    ),
    (
        "put a user into a listed group",
        "AddUserToGroup",
        &[LISTED_GROUP, ADA],
        Nothing,
    ),
    (
        "take another policy from a group",
        "DetachGroupPolicy",
        &[ADMINS, ("PolicyArn", ADMINISTRATOR)],
        Nothing,
    ),
    (
        "make a policy at another path",
        "CreatePolicy",
        &[("PolicyName", "p"), ALL],
        Nothing,
    ),
    (
        "change another policy",
        "CreatePolicyVersion",
        &[EVERYTHING, ALL],
        Nothing,
    ),
    (
        "change the boundary policy",
        "CreatePolicyVersion",
        &[("PolicyArn", BOUNDARY), ALL],
        Nothing,
    ),
    (
        "go back to an older version of a policy of grants",
        "SetDefaultPolicyVersion",
        &[OURS, ("VersionId", "v1")],
        Nothing,
    ),
    (
        "make a role",
        "CreateRole",
        &[(ROLE, "n"), ("AssumeRolePolicyDocument", "{itself}")],
        Nothing,
    ),
    (
        "remove a role that crossrole makes",
        "DeleteRole",
        &[(ROLE, "managed")],
        Denied,
    ),
    (
        "let itself into the organisation's role",
        "UpdateAssumeRolePolicy",
        &[(ROLE, "OrganizationAccountAccessRole"), (DOCUMENT, "{itself}")],
        Denied,
    ),
    ("make keys of a user", "CreateAccessKey", &[ADA], Nothing),
];

/// Even where the class may take over every role.
const BY_THE_BOOTSTRAP_ROLE: &[Attempt] = &[
    (
        "let itself into the grant role",
        "UpdateAssumeRolePolicy",
        &[GRANT_ROLE, (DOCUMENT, "{itself}")],
        Denied,
    ),
    (
        "take the grant role's rights' Deny away",
        "DeleteRolePolicy",
        &[GRANT_ROLE, ("PolicyName", "crossrole")],
        Denied,
    ),
    (
        "rewrite the grant role's rights",
        "PutRolePolicy",
        &[GRANT_ROLE, ("PolicyName", "crossrole"), ALL],
        Denied,
    ),
    (
        "put the boundary on the grant role, to widen it then",
        "PutRolePermissionsBoundary",
        &[GRANT_ROLE, ("PermissionsBoundary", BOUNDARY)],
        Denied,
    ),
    (
        "remove the grant role, to make it anew",
        "DeleteRole",
        &[GRANT_ROLE],
        Denied,
    ),
];

/// The same account, with groups and roles that the class lists, and a policy of a grant; with a session of the grant role.
fn with_grants() -> (Aws, Keys) {
    let (aws, _) = account();
    let make = |kind: &str, order: Value| aws.post(&format!("/accounts/{ACCOUNT}/{kind}"), &order);
    let root = aws.root(ACCOUNT);
    aws.iam(&root, "CreateGroup", &[LISTED_GROUP]).ok();
    make(
        "policies",
        json!({"name": "security.auditors.1", "path": "/crossrole-grants/", "document": policy("Allow", &["sts:AssumeRole"], "*")}),
    );
    let whole_account = trust(json!({"AWS": ACCOUNT}), Value::Null);
    make(
        "roles",
        json!({"name": "deployer", "path": "/ci/", "trust": whole_account}),
    );
    let role = json!({
        "name": "crossrole-grants",
        "inline": {"crossrole": example_at("grants/bootstrap", "grant-permissions.json")},
        "trust": example_at("grants/bootstrap", "trust-identity.json"),
    });
    make("roles", role);
    let session = aws.post(
        "/sessions/role",
        &json!({"role": "arn:aws:iam::222222222222:role/crossrole-grants"}),
    );
    let keys = Keys::of(&session);
    (aws, keys)
}

#[test]
fn the_grant_role_reaches_nobody_but_the_listed_groups_and_roles() {
    let (aws, keys) = with_grants();
    try_all(&aws, &keys, BY_THE_GRANT_ROLE);
    for role in ["admin", "crossrole-bootstrap", "crossrole-grants"] {
        let arn = format!("arn:aws:iam::{ACCOUNT}:role/{role}");
        aws.assume(&keys, &arn, &[]).refused("AccessDenied");
    }
}

#[test]
fn whoever_is_the_grant_role_can_give_a_listed_group_anything() {
    let (aws, keys) = with_grants();
    let all = policy("Allow", &["*"], "*").to_string();
    let wider = [OURS, (DOCUMENT, all.as_str()), ("SetAsDefault", "true")];
    aws.iam(&keys, "CreatePolicyVersion", &wider).ok();
    aws.iam(&keys, "AttachGroupPolicy", &[LISTED_GROUP, OURS]).ok();
    aws.iam(&keys, "AttachRolePolicy", &[LISTED_ROLE, OURS]).ok();
    // And take away what somebody else attached.
    let root = aws.root(ACCOUNT);
    aws.iam(&root, "AttachGroupPolicy", &[ADMINS, OURS]).ok();
    aws.iam(&root, "AttachUserPolicy", &[ADA, OURS]).ok();
    aws.iam(&keys, "DetachGroupPolicy", &[ADMINS, OURS]).ok();
    aws.iam(&keys, "DetachUserPolicy", &[ADA, OURS]).ok();
}

#[test]
fn the_bootstrap_role_does_not_reach_the_grant_role_even_where_it_may_take_over_every_role() {
    let (aws, _) = with_grants();
    let mut rights = example_at("grants/bootstrap", "permissions.json");
    // What `adoption.roles: ["/*"]` adds.
    let everywhere = json!(["arn:aws:iam::*:role/crossrole/*", "arn:aws:iam::*:role/*"]);
    for statement in rights["Statement"].as_array_mut().unwrap() {
        let sid = statement["Sid"].as_str().unwrap();
        if ["WidenOnlyWithinTheBoundary", "NarrowRepairAndRemove"].contains(&sid) {
            statement["Resource"] = everywhere.clone();
        }
    }
    let edit = json!({"inline": {"crossrole": rights}});
    aws.json("PUT", "/accounts/222222222222/roles/crossrole-bootstrap", Some(&edit));
    let keys = Keys::of(&aws.post("/sessions/role", &json!({"role": BOOTSTRAP})));
    try_all(&aws, &keys, BY_THE_BOOTSTRAP_ROLE);
    let grant_role = format!("arn:aws:iam::{ACCOUNT}:role/crossrole-grants");
    aws.assume(&keys, &grant_role, &[]).refused("AccessDenied");
    // Any other role is taken over.
    let itself = trust(json!({"AWS": BOOTSTRAP}), Value::Null).to_string();
    let enter = [(ROLE, "admin"), (DOCUMENT, itself.as_str())];
    aws.iam(&keys, "UpdateAssumeRolePolicy", &enter).ok();
}

#[test]
fn the_documentation_lists_every_attempt_of_and_on_the_grant_role() {
    documentation_lists(
        "docs/grants.md",
        BY_THE_GRANT_ROLE.iter().chain(BY_THE_BOOTSTRAP_ROLE),
        &[],
    );
}
