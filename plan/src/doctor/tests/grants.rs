//! The grant role.

use super::*;

const GRANT_CALLS: &[Call] = &[
    call("sts:AssumeRole", Right::EnterToGrant),
    call("iam:ListPolicies", Right::ListGrants),
    call("iam:GetPolicy", Right::ReadGrants),
    call("iam:GetRole", Right::ReadGrantee),
    call("iam:CreatePolicy", Right::WriteGrants),
    call("iam:AttachGroupPolicy", Right::GiveToGroup),
    call("iam:AttachRolePolicy", Right::GiveToRole),
    call("iam:DetachGroupPolicy", Right::TakeFromGroup),
    call("iam:DetachRolePolicy", Right::TakeFromRole),
];

/// What is wrong with a grant role that has the kit's rights, changed.
fn findings(change: impl FnOnce(&mut Vec<Value>)) -> Vec<Finding> {
    let rules = Rules::parse(&class(
        "bootstrapRole: {name: crossrole-bootstrap}
guardrails: {permissionsBoundary: None}
grants: {role: crossrole-grants, groups: [SecAuditors], roles: []}
",
    ))
    .unwrap();
    let permissions = |operator: &str| {
        let order = Order {
            operator: operator.parse().unwrap(),
            organization: None,
            pod_identity: false,
            discovery: Reader::Nobody,
        };
        let kit = Kit::new(&rules, order, &[CALLS, GRANT_CALLS].concat(), None).unwrap();
        (kit.trust("0123"), kit.grants.unwrap().1)
    };
    let (trust, applied) = permissions("arn:aws:iam::111111111111:role/platform/crossrole-operator");
    let (_, expected) = permissions(&format!(
        "arn:aws:iam::111111111111:role{PATH_NOT_KNOWN}crossrole-operator"
    ));
    let mut applied: Value = serde_json::from_str(&applied.to_json()).unwrap();
    change(applied["Statement"].as_array_mut().unwrap());
    let facts = GrantFacts {
        trust: Ok(trust),
        rights: OwnRights {
            inline: Ok(BTreeMap::from([(
                "crossrole".to_string(),
                given(&applied, DocumentKind::Permission),
            )])),
            ..rights()
        },
        tried: BTreeMap::from([("iam:GetRole", None), ("iam:ListPolicies", None)]),
    };
    let mut account = account_of_tests();
    account.external_id = Some("0123".parse().unwrap());
    let operator = Operator {
        account: "111111111111",
        name: "crossrole-operator",
    };
    examine_grants(&facts, &expected, &account, operator, false, GRANT_CALLS)
}

fn statement<'a>(statements: &'a mut [Value], sid: &str) -> &'a mut Value {
    statements.iter_mut().find(|one| one["Sid"] == sid).unwrap()
}

type Break = fn(&mut Vec<Value>);

#[test]
fn each_broken_grant_role_is_told() {
    assert_eq!(findings(|_| ()), Vec::new());
    let table: &[(&str, Break, Level, &str)] = &[
        (
            "no right to write policies",
            |all| all.retain(|one| one["Sid"] != "WriteGrantPolicies"),
            Level::Problem,
            "the grant role may not iam:CreatePolicy on arn:aws:iam::222222222222:policy/crossrole-grants/*: nothing allows it",
        ),
        (
            "a group that the class lists since",
            |all| statement(all, "GiveToListedGroups")["Resource"] = json!("arn:aws:iam::*:group/Others"),
            Level::Problem,
            "the grant role may not iam:AttachGroupPolicy on arn:aws:iam::222222222222:group/SecAuditors: it is allowed elsewhere only",
        ),
        (
            "a group that the class does not list",
            |all| statement(all, "GiveToListedGroups")["Resource"] = json!("arn:aws:iam::*:group/*"),
            Level::Problem,
            "the grant role may iam:AttachGroupPolicy beyond what the class allows: it is allowed on arn:aws:iam::222222222222:group/*",
        ),
        (
            "a role, where the class lists none",
            |all| {
                all.push(
                    json!({"Effect": "Allow", "Action": "iam:AttachRolePolicy", "Resource": "arn:aws:iam::*:role/ci"}),
                );
            },
            Level::Problem,
            "the grant role may iam:AttachRolePolicy beyond what the class allows: it is allowed on arn:aws:iam::222222222222:role/ci",
        ),
        (
            "whichever policy",
            |all| statement(all, "TakeFromGroups")["Condition"] = json!({}),
            Level::Problem,
            "the grant role may iam:DetachGroupPolicy beyond what the class allows: a condition is missing or wider",
        ),
        (
            "no denial",
            |all| all.retain(|one| one["Sid"] != "NeverTouchTheseRoles"),
            Level::Warning,
            "the grant role lacks denials of the kit: NeverTouchTheseRoles",
        ),
    ];
    for (name, broken, level, what) in table {
        let found = findings(broken);
        let is_it = |one: &&Finding| one.what == *what && one.level == *level;
        assert!(found.iter().any(|one| is_it(&one)), "{name}: {found:#?}");
    }
}
