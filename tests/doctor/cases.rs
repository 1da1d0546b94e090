//! Accounts that are broken, each in another way.

use crossrole_testkit::scene::bootstrap_document;
use serde_json::{Value, json};

/// One account: what its objects say, what it holds, and what is to be found.
pub struct Case {
    pub name: &'static str,
    /// Changes to the AWSAccount's spec.
    pub spec: Value,
    /// Changes to the bootstrap role's order; null: there is no such role.
    pub role: Value,
    /// Whether the boundary policy is there.
    pub boundary: bool,
    pub level: &'static str,
    pub side: &'static str,
    pub what: &'static str,
    pub fix: &'static str,
}

pub fn case(name: &'static str, role: Value, found: [&'static str; 4]) -> Case {
    let [level, side, what, fix] = found;
    Case {
        name,
        spec: json!({}),
        role,
        boundary: true,
        level,
        side,
        what,
        fix,
    }
}

/// The kit's permissions, changed.
fn permissions(change: impl FnOnce(&mut Vec<Value>)) -> Value {
    let mut document = bootstrap_document("permissions.json").unwrap();
    change(document["Statement"].as_array_mut().unwrap());
    json!({"inline": {"crossrole": document}})
}

fn without(sid: &'static str) -> Value {
    permissions(|statements| statements.retain(|one| one["Sid"] != sid))
}

fn with(statement: Value) -> Value {
    permissions(|statements| statements.push(statement))
}

fn changed(sid: &'static str, member: &'static str, value: Value) -> Value {
    permissions(|statements| {
        let statement = statements.iter_mut().find(|one| one["Sid"] == sid).unwrap();
        statement[member] = value;
    })
}

/// The kit's trust, changed.
fn trust(change: impl FnOnce(&mut Vec<Value>)) -> Value {
    let mut document = bootstrap_document("trust-prod.json").unwrap();
    change(document["Statement"].as_array_mut().unwrap());
    json!({"trust": document})
}

pub fn cases() -> Vec<Case> {
    let account = "the account";
    let problem = |what, fix| ["problem", account, what, fix];
    let warning = |what, fix| ["warning", account, what, fix];
    let unknown = |what, fix| ["unknown", account, what, fix];
    let denied = |action: &'static str| with(json!({"Effect": "Deny", "Action": action, "Resource": "*"}));
    let mut cases = vec![
        case(
            "no-role",
            Value::Null,
            problem("cannot be assumed", "check that the role is there"),
        ),
        case(
            "other-trusted",
            trust(|all| all[0]["Principal"] = json!({"AWS": "arn:aws:iam::111111111111:role/other"})),
            problem("cannot be assumed", "names the operator's role"),
        ),
        case(
            "other-external-id",
            trust(|all| all[0]["Condition"]["StringEquals"]["sts:ExternalId"] = json!("another")),
            problem("cannot be assumed", "requires the externalId of this AWSAccount"),
        ),
        case(
            "trust-denies",
            trust(|all| all.push(json!({"Sid": "No", "Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}))),
            problem("denies the operator", "take that Deny out"),
        ),
        case(
            "no-tag-session",
            trust(|all| all.truncate(1)),
            problem("does not allow sts:TagSession", "--pod-identity"),
        ),
        case(
            "trusts-others",
            trust(|all| {
                all[0]["Principal"] =
                    json!({"AWS": ["arn:aws:iam::111111111111:role/crossrole-operator", "444444444444"]})
            }),
            warning("others than the operator's role", "name the operator's role alone"),
        ),
        case(
            "no-id-required",
            trust(|all| {
                all[0].as_object_mut().unwrap().remove("Condition");
            }),
            warning("requires no external id", "StringEquals on sts:ExternalId"),
        ),
        case(
            "no-making",
            without("MakeOnlyWithinTheBoundary"),
            problem("may not iam:CreateRole", "allow iam:CreateRole"),
        ),
        case(
            "no-widening",
            without("WidenOnlyWithinTheBoundary"),
            problem("may not iam:PutRolePolicy", "allow iam:PutRolePolicy"),
        ),
        case(
            "no-attaching",
            without("AttachOnlyWithinTheBoundary"),
            problem("may not iam:AttachRolePolicy", "allow iam:AttachRolePolicy"),
        ),
        case(
            "no-removing",
            without("NarrowRepairAndRemove"),
            problem("may not iam:DeleteRole ", "allow iam:DeleteRole "),
        ),
        case(
            "no-leaving",
            without("LeaveInstanceProfiles"),
            problem(
                "may not iam:RemoveRoleFromInstanceProfile",
                "allow iam:RemoveRoleFromInstanceProfile",
            ),
        ),
        case(
            "other-path",
            changed(
                "NarrowRepairAndRemove",
                "Resource",
                json!("arn:aws:iam::*:role/other/*"),
            ),
            problem("allowed elsewhere only", "allow iam:TagRole"),
        ),
        case(
            "old-boundary",
            changed(
                "MakeOnlyWithinTheBoundary",
                "Condition",
                json!({"StringEquals": {"iam:PermissionsBoundary": "arn:aws:iam::aws:policy/ReadOnlyAccess"}}),
            ),
            problem(
                "it is allowed only where iam:PermissionsBoundary",
                "allow iam:CreateRole",
            ),
        ),
        case(
            "no-reads",
            without("ReadRoles"),
            problem("iam:GetRole does not work", "allow iam:GetRole"),
        ),
        case(
            "no-list",
            denied("iam:ListRoles"),
            warning("iam:ListRoles does not work", "allow iam:ListRoles"),
        ),
        case(
            "no-details",
            denied("iam:GetAccountAuthorizationDetails"),
            unknown("whether the boundary policy", "iam:GetAccountAuthorizationDetails"),
        ),
        case(
            "no-summary",
            denied("iam:GetAccountSummary"),
            warning("default quotas are assumed", "allow iam:GetAccountSummary"),
        ),
        case(
            "no-profiles",
            denied("iam:ListInstanceProfilesForRole"),
            problem(
                "iam:ListInstanceProfilesForRole does not work",
                "allow iam:ListInstanceProfilesForRole",
            ),
        ),
        case(
            "frozen",
            denied("iam:TagRole"),
            problem("speaks of iam:TagRole", "take that statement out"),
        ),
        case(
            "unbounded",
            changed("WidenOnlyWithinTheBoundary", "Condition", json!({})),
            problem(
                "may iam:PutRolePermissionsBoundary, iam:PutRolePolicy beyond what the class allows: a condition is missing",
                "with the kit's conditions alone",
            ),
        ),
        case(
            "any-role",
            changed("NarrowRepairAndRemove", "Resource", json!("*")),
            problem(
                "iam:UpdateAssumeRolePolicy, iam:DetachRolePolicy, iam:DeleteRolePolicy, iam:TagRole, iam:UntagRole, \
                 iam:DeleteRole beyond what the class allows: it is allowed on *",
                "on the kit's resources",
            ),
        ),
        case(
            "too-much",
            with(json!({"Effect": "Allow", "Action": "iam:CreateUser", "Resource": "*"})),
            warning("more than it ever needs: iam:CreateUser", "what crossrole needs alone"),
        ),
        case(
            "unprotected",
            without("NeverTouchItselfOrTheBoundary"),
            warning("lacks denials of the kit", "put them back"),
        ),
        case(
            "administrator",
            json!({"attached": ["arn:aws:iam::aws:policy/AdministratorAccess"]}),
            warning("AdministratorAccess is attached", "detach it"),
        ),
        case(
            "attached",
            json!({"attached": ["arn:aws:iam::aws:policy/SecurityAudit"]}),
            unknown("what the policies allow that are attached", "detach them"),
        ),
    ];
    let objects = |name, spec, what, fix| Case {
        spec,
        ..case(name, json!({}), ["problem", "the objects", what, fix])
    };
    cases.push(objects(
        "no-class",
        json!({"class": "gold"}),
        "there is no AccountClass gold",
        "change spec.class",
    ));
    cases.push(objects(
        "elsewhere",
        json!({"partition": "aws-cn"}),
        "partition aws-cn",
        "one operator serves one partition",
    ));
    cases.push(Case {
        boundary: false,
        ..case(
            "no-boundary",
            json!({}),
            problem("crossrole-boundary is not there", "make that policy"),
        )
    });
    cases
}
