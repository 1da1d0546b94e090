//! A bootstrap role with the rights that the operator's documentation asks for can do all its work, and each right that is
//! taken away makes exactly the call fail that needs it.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::{Answer, Aws, Keys, policy, trust};

const ACCOUNT: &str = "222222222222";
const BOUNDARY: &str = "arn:aws:iam::222222222222:policy/crossrole-boundary";
const AUDIT: &str = "arn:aws:iam::aws:policy/SecurityAudit";
const READS: &[&str] = &[
    "iam:GetRole",
    "iam:ListRoleTags",
    "iam:ListRolePolicies",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:ListInstanceProfilesForRole",
];
const FREE: &[&str] = &[
    "iam:DetachRolePolicy",
    "iam:DeleteRolePolicy",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateRole",
    "iam:TagRole",
    "iam:UntagRole",
    "iam:DeleteRole",
];
const BOUNDED: &[&str] = &["iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"];
const ACCOUNT_WIDE: &[&str] = &[
    "iam:ListRoles",
    "iam:GetAccountSummary",
    "iam:GetAccountAuthorizationDetails",
];

/// The rights, without one of them.
fn rights(without: &str) -> Value {
    let kept = |actions: &[&str]| -> Vec<String> {
        actions
            .iter()
            .filter(|action| **action != without)
            .map(|action| (*action).to_owned())
            .collect()
    };
    let roles = "arn:aws:iam::222222222222:role/crossrole/*";
    let statements = [
        (
            kept(BOUNDED),
            roles,
            json!({"StringEquals": {"iam:PermissionsBoundary": BOUNDARY}}),
        ),
        (
            kept(&["iam:AttachRolePolicy"]),
            roles,
            json!({"StringEquals": {"iam:PermissionsBoundary": BOUNDARY},
            "ArnLike": {"iam:PolicyARN": [AUDIT, "arn:aws:iam::222222222222:policy/team/*"]}}),
        ),
        (kept(FREE), roles, json!({})),
        (kept(READS), roles, json!({})),
        (
            kept(&["iam:RemoveRoleFromInstanceProfile"]),
            "arn:aws:iam::222222222222:instance-profile/*",
            json!({}),
        ),
        (kept(ACCOUNT_WIDE), "*", json!({})),
    ];
    let mut allowed: Vec<_> = statements
        .into_iter()
        .filter(|(actions, ..)| !actions.is_empty())
        .map(|(actions, resource, condition)| {
            json!({"Effect": "Allow", "Action": actions, "Resource": resource, "Condition": condition})
        })
        .collect();
    allowed.push(
        json!({"Effect": "Deny", "Action": ["iam:DeleteRolePermissionsBoundary", "iam:PassRole"],
        "Resource": "*"}),
    );
    json!({"Version": "2012-10-17", "Statement": allowed})
}

/// An account with a boundary policy and a session of a bootstrap role that lacks one right.
fn bootstrap(without: &str) -> (Aws, Keys) {
    let aws = Aws::start();
    aws.account(ACCOUNT);
    aws.post(
        "/accounts/222222222222/policies",
        &json!({"name": "crossrole-boundary",
        "document": policy("Allow", &["*"], "*")}),
    );
    let role = json!({"name": "crossrole-bootstrap", "inline": {"rights": rights(without)},
        "trust": trust(json!({"AWS": "111111111111"}), Value::Null)});
    let role = aws.post("/accounts/222222222222/roles", &role);
    let keys = Keys::of(&aws.post("/sessions/role", &json!({"role": role["arn"]})));
    (aws, keys)
}

/// Every call of the life of a role, in an order in which each can work. An edit by hand puts in order what a refused
/// call left undone, so that only the call itself tells whether it may.
fn life(aws: &Aws, keys: &Keys) -> Vec<(String, Answer)> {
    let trust = trust(json!({"Service": "ec2.amazonaws.com"}), Value::Null);
    let (text, document) = (trust.to_string(), policy("Allow", &["s3:GetObject"], "*"));
    let inline = document.to_string();
    let mut answers = Vec::new();
    let mut call = |action: &str, parameters: &[(&str, &str)]| {
        answers.push((action.to_owned(), aws.iam(keys, action, parameters)));
    };
    let name = ("RoleName", "audit");
    call(
        "CreateRole",
        &[
            name,
            ("Path", "/crossrole/"),
            ("AssumeRolePolicyDocument", &text),
            ("PermissionsBoundary", BOUNDARY),
            ("Tags.member.1.Key", "a"),
            ("Tags.member.1.Value", "b"),
        ],
    );
    let (status, _) = aws.try_json("GET", "/accounts/222222222222/roles/audit", None);
    if status == 404 {
        aws.post(
            "/accounts/222222222222/roles",
            &json!({"name": "audit", "path": "/crossrole/", "trust": trust}),
        );
    }
    let put = |edits: Value| aws.json("PUT", "/accounts/222222222222/roles/audit", Some(&edits));
    call("PutRolePermissionsBoundary", &[name, ("PermissionsBoundary", BOUNDARY)]);
    put(json!({"boundary": BOUNDARY}));
    call(
        "PutRolePolicy",
        &[name, ("PolicyName", "i"), ("PolicyDocument", &inline)],
    );
    call("AttachRolePolicy", &[name, ("PolicyArn", AUDIT)]);
    call("UpdateAssumeRolePolicy", &[name, ("PolicyDocument", &text)]);
    call(
        "UpdateRole",
        &[name, ("Description", "d"), ("MaxSessionDuration", "3600")],
    );
    call(
        "TagRole",
        &[name, ("Tags.member.1.Key", "k"), ("Tags.member.1.Value", "v")],
    );
    call("UntagRole", &[name, ("TagKeys.member.1", "k")]);
    put(json!({"inline": {"i": document}, "attached": [AUDIT]}));
    aws.post(
        "/accounts/222222222222/instance-profiles",
        &json!({"name": "p", "roles": ["audit"]}),
    );
    call("GetRole", &[name]);
    call("ListRoleTags", &[name]);
    call("ListRolePolicies", &[name]);
    call("GetRolePolicy", &[name, ("PolicyName", "i")]);
    call("ListAttachedRolePolicies", &[name]);
    call("ListInstanceProfilesForRole", &[name]);
    call("ListRoles", &[("PathPrefix", "/crossrole/")]);
    call("GetAccountSummary", &[]);
    call("GetAccountAuthorizationDetails", &[("Filter.member.1", "Role")]);
    call("RemoveRoleFromInstanceProfile", &[name, ("InstanceProfileName", "p")]);
    aws.post(
        "/accounts/222222222222/instance-profiles",
        &json!({"name": "p", "roles": []}),
    );
    call("DetachRolePolicy", &[name, ("PolicyArn", AUDIT)]);
    call("DeleteRolePolicy", &[name, ("PolicyName", "i")]);
    put(json!({"inline": {"i": null}, "attached": []}));
    call("DeleteRole", &[name]);
    answers
}

#[test]
fn the_rights_of_the_table_are_enough_for_the_whole_life_of_a_role() {
    let (aws, keys) = bootstrap("");
    for (action, answer) in life(&aws, &keys) {
        assert_eq!(answer.code(), "OK", "{action}: {}", answer.body);
    }
}

#[test]
fn each_right_that_is_missing_makes_its_own_call_fail_and_no_other() {
    let all = [
        READS,
        FREE,
        BOUNDED,
        ACCOUNT_WIDE,
        &["iam:AttachRolePolicy", "iam:RemoveRoleFromInstanceProfile"],
    ];
    for right in all.concat() {
        let (aws, keys) = bootstrap(right);
        let refused: Vec<_> = life(&aws, &keys)
            .into_iter()
            .filter(|(_, answer)| answer.code() != "OK")
            .map(|(action, answer)| {
                let message = answer.clone().refused("AccessDenied").text("Message");
                assert!(message.starts_with("User: arn:aws:sts::222222222222:assumed-role/crossrole-bootstrap/admin "));
                assert!(message.ends_with(&format!("because no identity-based policy allows the {right} action")));
                action
            })
            .collect();
        // A role with tags is made only by who may tag it.
        let expected: &[&str] = match right {
            "iam:TagRole" => &["CreateRole", "TagRole"],
            other => &[other.trim_start_matches("iam:")],
        };
        assert_eq!(refused, expected, "without {right}");
    }
}

#[test]
fn without_the_right_boundary_nothing_can_be_made_wider() {
    let (aws, keys) = bootstrap("");
    let trust = trust(json!({"Service": "ec2.amazonaws.com"}), Value::Null);
    let text = trust.to_string();
    let create = |more: &[(&str, &str)]| {
        let mut parameters = vec![("RoleName", "r"), ("AssumeRolePolicyDocument", text.as_str())];
        parameters.extend_from_slice(more);
        aws.iam(&keys, "CreateRole", &parameters)
    };
    create(&[("Path", "/crossrole/")]).refused("AccessDenied");
    create(&[("Path", "/crossrole/"), ("PermissionsBoundary", AUDIT)]).refused("AccessDenied");
    create(&[("Path", "/other/"), ("PermissionsBoundary", BOUNDARY)]).refused("AccessDenied");
    create(&[("PermissionsBoundary", BOUNDARY)]).refused("AccessDenied");
    create(&[("Path", "/crossrole/"), ("PermissionsBoundary", BOUNDARY)]).ok();
    let name = ("RoleName", "r");
    let document = policy("Allow", &["s3:GetObject"], "*").to_string();
    let put = [name, ("PolicyName", "i"), ("PolicyDocument", document.as_str())];
    let admin = [name, ("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess")];
    aws.iam(&keys, "AttachRolePolicy", &admin).refused("AccessDenied");
    aws.iam(&keys, "DeleteRolePermissionsBoundary", &[name])
        .refused("AccessDenied");
    aws.json(
        "PUT",
        "/accounts/222222222222/roles/r",
        Some(&json!({"boundary": null})),
    );
    aws.iam(&keys, "PutRolePolicy", &put).refused("AccessDenied");
    aws.iam(&keys, "AttachRolePolicy", &[name, ("PolicyArn", AUDIT)])
        .refused("AccessDenied");
    aws.iam(&keys, "DetachRolePolicy", &[name, ("PolicyArn", AUDIT)])
        .refused("NoSuchEntity");
    aws.iam(
        &keys,
        "PutRolePermissionsBoundary",
        &[name, ("PermissionsBoundary", BOUNDARY)],
    )
    .ok();
    aws.iam(&keys, "PutRolePolicy", &put).ok();
}

#[test]
fn a_role_outside_the_path_or_that_is_not_there_is_out_of_reach() {
    let (aws, keys) = bootstrap("");
    let own = aws
        .iam(&keys, "GetRole", &[("RoleName", "crossrole-bootstrap")])
        .refused("AccessDenied");
    assert!(
        own.text("Message")
            .contains("on resource: role crossrole-bootstrap because")
    );
    // IAM does not know the path of what is not there, so the right to a path does not reach it.
    aws.iam(&keys, "GetRole", &[("RoleName", "missing")])
        .refused("AccessDenied");
}

#[test]
fn a_boundary_and_a_session_policy_are_ceilings() {
    let (aws, _) = bootstrap("");
    let document = policy("Allow", &["iam:ListRoles"], "*");
    aws.post(
        "/accounts/222222222222/policies",
        &json!({"name": "narrow", "document": document}),
    );
    let role = json!({"name": "bounded", "attached": ["arn:aws:iam::aws:policy/AdministratorAccess"],
        "boundary": "arn:aws:iam::222222222222:policy/narrow",
        "trust": trust(json!({"AWS": "222222222222"}), Value::Null)});
    let role = aws.post("/accounts/222222222222/roles", &role);
    let keys = Keys::of(&aws.post("/sessions/role", &json!({"role": role["arn"]})));
    aws.iam(&keys, "ListRoles", &[]).ok();
    let message = aws
        .iam(&keys, "GetAccountSummary", &[])
        .refused("AccessDenied")
        .text("Message");
    assert!(message.ends_with("because no permissions boundary allows the iam:GetAccountSummary action"));

    aws.json(
        "PUT",
        "/accounts/222222222222/roles/bounded",
        Some(&json!({"boundary": null})),
    );
    aws.iam(&keys, "GetAccountSummary", &[]).ok();
    let user = aws.user(ACCOUNT, "ada", json!({"a": policy("Allow", &["sts:AssumeRole"], "*")}));
    let session_policy = document.to_string();
    let session = aws
        .assume(&user, role["arn"].as_str().unwrap(), &[("Policy", &session_policy)])
        .ok()
        .keys();
    aws.iam(&session, "ListRoles", &[]).ok();
    let message = aws
        .iam(&session, "GetAccountSummary", &[])
        .refused("AccessDenied")
        .text("Message");
    assert!(message.ends_with("because no session policy allows the iam:GetAccountSummary action"));
}
