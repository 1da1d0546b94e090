use serde_json::{Value, json};

use super::*;
use crate::testing::class as of_yaml;

const CLASS: &str = "
bootstrapRole: {name: platform/crossrole-bootstrap}
guardrails:
  rolePath: /crossrole/${namespace}/
  permissionsBoundary: crossrole-boundary
  managedPolicies: {aws: [SecurityAudit, job-function/*], account: [team/*], deny: [AdministratorAccess]}
";

fn rules(class: &str) -> Rules {
    Rules::parse(&of_yaml(class)).unwrap()
}

/// One call of each right.
const CALLS: &[Call] = &[
    Call {
        action: "sts:AssumeRole",
        right: Right::Enter,
    },
    Call {
        action: "sts:GetCallerIdentity",
        right: Right::Free,
    },
    Call {
        action: "iam:GetRole",
        right: Right::ReadRole,
    },
    Call {
        action: "iam:ListRoles",
        right: Right::ReadAccount,
    },
    Call {
        action: "iam:CreateRole",
        right: Right::Make,
    },
    Call {
        action: "iam:PutRolePolicy",
        right: Right::Widen,
    },
    Call {
        action: "iam:AttachRolePolicy",
        right: Right::Attach,
    },
    Call {
        action: "iam:UpdateRole",
        right: Right::Narrow,
    },
    Call {
        action: "iam:DeleteRolePermissionsBoundary",
        right: Right::TakeBoundaryOff,
    },
    Call {
        action: "iam:RemoveRoleFromInstanceProfile",
        right: Right::LeaveInstanceProfile,
    },
];

fn order(operator: &str) -> Order {
    Order {
        operator: operator.parse().unwrap(),
        organization: None,
        pod_identity: false,
        discovery: Reader::Nobody,
    }
}

fn kit(class: &str) -> Kit {
    let order = order("arn:aws:iam::111111111111:role/crossrole-operator");
    Kit::new(&rules(class), order, CALLS, Some(Kit::usual_boundary())).unwrap()
}

fn json(document: &Document) -> Value {
    serde_json::from_str(&document.to_json()).unwrap()
}

fn statement(document: &Document, sid: &str) -> Value {
    let document = json(document);
    let mut statements = document["Statement"].as_array().unwrap().iter();
    let found = statements.find(|statement| statement["Sid"] == sid);
    found.cloned().unwrap_or_default()
}

/// The one statement that allows an action.
fn allowing(document: &Document, action: &str) -> Value {
    let document = json(document);
    let statements = document["Statement"].as_array().unwrap().iter();
    let speaks = |statement: &&Value| match &statement["Action"] {
        Value::String(one) => one == action,
        Value::Array(all) => all.contains(&json!(action)),
        _ => false,
    };
    let found: Vec<_> = statements
        .filter(|one| one["Effect"] == "Allow")
        .filter(speaks)
        .collect();
    assert!(found.len() <= 1, "{action}: {found:?}");
    found.first().map(|one| (*one).clone()).unwrap_or_default()
}

#[test]
fn each_right_is_on_its_own_resources_under_its_own_conditions() {
    let permissions = kit(CLASS).permissions;
    let boundary = "arn:aws:iam::${aws:PrincipalAccount}:policy/crossrole-boundary";
    let bounded = json!({"StringEquals": {"iam:PermissionsBoundary": boundary}});
    let attached = json!({
        "StringEquals": {"iam:PermissionsBoundary": boundary},
        "ArnLike": {"iam:PolicyARN": [
            "arn:aws:iam::aws:policy/SecurityAudit",
            "arn:aws:iam::aws:policy/job-function/*",
            "arn:aws:iam::${aws:PrincipalAccount}:policy/team/*",
        ]},
    });
    let roles = "arn:aws:iam::*:role/crossrole/*/*";
    for (action, resource, condition) in [
        ("iam:GetRole", "arn:aws:iam::*:role/*", Value::Null),
        ("iam:ListRoles", "*", Value::Null),
        ("iam:CreateRole", roles, bounded.clone()),
        ("iam:PutRolePolicy", roles, bounded),
        ("iam:AttachRolePolicy", roles, attached),
        ("iam:UpdateRole", roles, Value::Null),
        (
            "iam:RemoveRoleFromInstanceProfile",
            "arn:aws:iam::*:instance-profile/*",
            Value::Null,
        ),
    ] {
        let statement = allowing(&permissions, action);
        assert_eq!(statement["Resource"], resource, "{action}");
        assert_eq!(statement["Condition"], condition, "{action}");
    }
    for action in [
        "sts:AssumeRole",
        "sts:GetCallerIdentity",
        "iam:DeleteRolePermissionsBoundary",
    ] {
        assert_eq!(allowing(&permissions, action), Value::Null, "{action}");
    }
}

#[test]
fn what_must_never_be_is_denied_whatever_else_the_role_gets() {
    let permissions = kit(CLASS).permissions;
    let lost = statement(&permissions, "NeverLoseTheBoundaryOrPassRoles");
    assert_eq!(
        lost["Action"],
        json!(["iam:DeleteRolePermissionsBoundary", "iam:PassRole"])
    );
    let attached = statement(&permissions, "NeverAttach");
    assert_eq!(attached["Effect"], "Deny");
    assert_eq!(
        attached["Condition"]["ArnLike"]["iam:PolicyARN"],
        json!([
            "arn:aws:iam::aws:policy/AdministratorAccess",
            "arn:aws:iam::${aws:PrincipalAccount}:policy/AdministratorAccess"
        ])
    );
    let touched = statement(&permissions, "NeverTouchItselfOrTheBoundary");
    assert_eq!(touched["Effect"], "Deny");
    for resource in [
        "arn:aws:iam::*:role/platform/crossrole-bootstrap",
        "arn:aws:iam::111111111111:role/crossrole-operator",
        "arn:aws:iam::*:policy/crossrole-boundary",
        "arn:aws:iam::*:role/OrganizationAccountAccessRole",
        "arn:aws:iam::*:role/aws-reserved/*",
    ] {
        let resources = touched["Resource"].as_array().unwrap();
        assert!(resources.contains(&json!(resource)), "{resource}: {resources:?}");
    }
}

#[test]
fn a_class_without_a_boundary_gives_roles_no_ceiling_and_may_take_one_off() {
    let kit = kit("
bootstrapRole: {name: b}
guardrails: {permissionsBoundary: None, managedPolicies: {aws: [SecurityAudit]}}
");
    assert_eq!(kit.boundary, Boundary::None);
    assert_eq!(allowing(&kit.permissions, "iam:CreateRole")["Condition"], Value::Null);
    let narrow = allowing(&kit.permissions, "iam:DeleteRolePermissionsBoundary");
    assert_eq!(narrow["Resource"], "arn:aws:iam::*:role/crossrole/*");
    let listed = allowing(&kit.permissions, "iam:AttachRolePolicy");
    assert_eq!(
        listed["Condition"],
        json!({"ArnLike": {"iam:PolicyARN": "arn:aws:iam::aws:policy/SecurityAudit"}})
    );
    assert_eq!(statement(&kit.permissions, "NeverPassRoles")["Action"], "iam:PassRole");
    assert_eq!(statement(&kit.permissions, "NeverAttach"), Value::Null);
}

#[test]
fn a_boundary_that_is_elsewhere_is_named_and_not_made() {
    let class =
        |boundary: &str| format!("bootstrapRole: {{name: b}}\nguardrails: {{permissionsBoundary: '{boundary}'}}");
    let touched = |kit: &Kit| statement(&kit.permissions, "NeverTouchItselfOrTheBoundary").to_string();
    let aws = kit(&class("arn:aws:iam::aws:policy/PowerUserAccess"));
    assert_eq!(aws.boundary, Boundary::Elsewhere);
    assert_eq!(
        allowing(&aws.permissions, "iam:CreateRole")["Condition"]["StringEquals"]["iam:PermissionsBoundary"],
        "arn:aws:iam::aws:policy/PowerUserAccess"
    );
    assert!(!touched(&aws).contains("PowerUserAccess"));
    let own = kit(&class("arn:aws:iam::222222222222:policy/ceiling"));
    assert!(touched(&own).contains("arn:aws:iam::222222222222:policy/ceiling"));

    let order = order("arn:aws:iam::111111111111:role/o");
    let there = Kit::new(&rules(&class("ceiling")), order, CALLS, None).unwrap();
    assert_eq!(there.boundary, Boundary::Elsewhere);
    assert!(touched(&there).contains("arn:aws:iam::*:policy/ceiling"));
}

#[test]
fn a_class_that_lists_no_managed_policy_lets_none_be_attached() {
    let kit = kit("bootstrapRole: {name: b}\nguardrails: {permissionsBoundary: c}");
    assert_eq!(allowing(&kit.permissions, "iam:AttachRolePolicy"), Value::Null);
}

#[test]
fn roles_that_may_be_taken_over_can_be_changed_and_not_made() {
    let kit = kit("
bootstrapRole: {name: b}
guardrails: {permissionsBoundary: c, managedPolicies: {aws: ['*']}}
adoption: {roles: [/legacy/audit-*]}
");
    let both = json!(["arn:aws:iam::*:role/crossrole/*", "arn:aws:iam::*:role/legacy/audit-*"]);
    for action in ["iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:UpdateRole"] {
        assert_eq!(allowing(&kit.permissions, action)["Resource"], both, "{action}");
    }
    let made = allowing(&kit.permissions, "iam:CreateRole");
    assert_eq!(made["Resource"], "arn:aws:iam::*:role/crossrole/*");
}

#[test]
fn neither_role_touches_the_other_whatever_an_adoption_list_names() {
    let kit = kit(&format!(
        "{CLASS}adoption: {{roles: [/platform/*]}}\ngrants: {{role: platform/crossrole-grants}}\n"
    ));
    let held = &allowing(&kit.permissions, "iam:UpdateRole")["Resource"];
    assert!(
        held.as_array()
            .unwrap()
            .contains(&json!("arn:aws:iam::*:role/platform/*")),
        "{held}"
    );
    let (_, grants) = kit.grants.as_ref().unwrap();
    for (document, sid) in [
        (&kit.permissions, "NeverTouchItselfOrTheBoundary"),
        (grants, "NeverTouchTheseRoles"),
    ] {
        let touched = statement(document, sid);
        assert_eq!(touched["Effect"], "Deny", "{sid}");
        for resource in [
            "arn:aws:iam::*:role/platform/crossrole-bootstrap",
            "arn:aws:iam::*:role/platform/crossrole-grants",
            "arn:aws:iam::111111111111:role/crossrole-operator",
            "arn:aws:iam::*:role/AWSControlTowerExecution",
        ] {
            let resources = touched["Resource"].as_array().unwrap();
            assert!(resources.contains(&json!(resource)), "{sid}: {resource}: {resources:?}");
        }
    }
}

#[test]
fn all_of_it_is_in_the_partition_of_the_operator() {
    let order = order("arn:aws-us-gov:iam::111111111111:role/o");
    let kit = Kit::new(&rules(CLASS), order, CALLS, Some(Kit::usual_boundary())).unwrap();
    for document in [&kit.permissions, &kit.operator, &kit.trust("0123")] {
        let text = document.to_json();
        assert!(text.contains("arn:aws-us-gov:iam:"), "{text}");
        assert!(!text.contains("arn:aws:"), "{text}");
    }
}

#[test]
fn the_operator_enters_with_an_external_id_and_with_what_else_was_ordered() {
    let kit = kit(CLASS);
    let operator = json!({"AWS": "arn:aws:iam::111111111111:role/crossrole-operator"});
    let enter = json!({"Sid": "Operator", "Effect": "Allow", "Principal": operator, "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": "0123"}}});
    assert_eq!(json(&kit.trust("0123"))["Statement"], json!([enter]));
    assert_eq!(
        json(&kit.operator)["Statement"],
        json!([{"Sid": "EnterTheAccounts", "Effect": "Allow", "Action": "sts:AssumeRole",
            "Resource": "arn:aws:iam::*:role/platform/crossrole-bootstrap"}])
    );
    let order = Order {
        organization: Some("o-a1b2c3d4e5".parse().unwrap()),
        pod_identity: true,
        discovery: Reader::Nobody,
        ..kit.order.clone()
    };
    let kit = Kit::new(&rules(CLASS), order, CALLS, None).unwrap();
    let trust = json(&kit.trust("0123"));
    assert_eq!(
        trust["Statement"][0]["Condition"],
        json!({"StringEquals": {"sts:ExternalId": "0123", "aws:PrincipalOrgID": "o-a1b2c3d4e5"}})
    );
    let tags = json!({"Sid": "PodIdentitySessionTags", "Effect": "Allow", "Principal": operator,
        "Action": "sts:TagSession", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}});
    assert_eq!(trust["Statement"][1], tags);
    assert_eq!(
        json(&kit.operator)["Statement"][0]["Action"],
        json!(["sts:AssumeRole", "sts:TagSession"])
    );
}

#[test]
fn every_document_is_one_that_iam_takes() {
    let kit = kit(CLASS);
    let Boundary::Made { document, .. } = &kit.boundary else {
        panic!("{:?}", kit.boundary);
    };
    for (document, kind) in [
        (&kit.permissions, DocumentKind::Permission),
        (&kit.operator, DocumentKind::Permission),
        (document, DocumentKind::Managed),
        (&kit.trust("0123"), DocumentKind::Trust),
    ] {
        assert_eq!(document.check(kind), Ok(()));
    }
}

#[test]
fn a_list_that_no_policy_holds_is_refused() {
    let names: Vec<String> = (0..200)
        .map(|index| format!("a-policy-with-quite-a-long-name-{index}"))
        .collect();
    let class = format!(
        "bootstrapRole: {{name: b}}\nguardrails: {{permissionsBoundary: c, managedPolicies: {{aws: {names:?}}}}}"
    );
    let order = order("arn:aws:iam::111111111111:role/o");
    let error = Kit::new(&rules(&class), order, CALLS, None).unwrap_err();
    assert!(matches!(error, KitError::TooLong { size } if size > 10_240), "{error}");
}

#[test]
fn the_grant_role_names_its_groups_and_roles_one_by_one() {
    let calls = [
        ("iam:ListPolicies", Right::ListGrants),
        ("iam:GetPolicy", Right::ReadGrants),
        ("iam:GetRole", Right::ReadGrantee),
        ("iam:CreatePolicy", Right::WriteGrants),
        ("iam:AttachGroupPolicy", Right::GiveToGroup),
        ("iam:AttachRolePolicy", Right::GiveToRole),
        ("iam:DetachGroupPolicy", Right::TakeFromGroup),
        ("iam:DetachRolePolicy", Right::TakeFromRole),
        ("iam:DetachUserPolicy", Right::TakeFromUser),
    ];
    let calls = calls.map(|(action, right)| Call { action, right });
    let calls = [CALLS, &calls].concat();
    let of = |groups: &str, roles: &str| {
        let class = format!("{CLASS}grants: {{role: platform/crossrole-grants, groups: {groups}, roles: {roles}}}\n");
        let order = order("arn:aws:iam::111111111111:role/crossrole-operator");
        Kit::new(&rules(&class), order, &calls, Some(Kit::usual_boundary())).unwrap()
    };
    let kit = of("[SecAuditors, teams/Blue]", "[ci/deployer]");
    let (role, permissions) = kit.grants.as_ref().unwrap();
    assert_eq!(
        (role.path.as_str(), role.name.as_str()),
        ("/platform/", "crossrole-grants")
    );
    let ours = json!({"ArnLike": {"iam:PolicyARN": "arn:aws:iam::${aws:PrincipalAccount}:policy/crossrole-grants/*"}});
    let given = statement(permissions, "GiveToListedGroups");
    assert_eq!(
        given["Resource"],
        json!(["arn:aws:iam::*:group/SecAuditors", "arn:aws:iam::*:group/teams/Blue"])
    );
    assert_eq!(
        (&given["Action"], &given["Condition"]),
        (&json!("iam:AttachGroupPolicy"), &ours)
    );
    let given = statement(permissions, "GiveToListedRoles");
    assert_eq!(
        (&given["Resource"], &given["Condition"]),
        (&json!("arn:aws:iam::*:role/ci/deployer"), &ours)
    );
    for sid in ["WriteGrantPolicies", "ReadGrantPolicies"] {
        assert_eq!(
            statement(permissions, sid)["Resource"],
            "arn:aws:iam::*:policy/crossrole-grants/*"
        );
    }
    for sid in ["TakeFromGroups", "TakeFromRoles", "TakeFromUsers"] {
        assert_eq!(statement(permissions, sid)["Condition"], ours);
    }
    // The bootstrap role is not given any of it, and the operator may be both.
    assert!(!kit.permissions.to_json().contains("crossrole-grants/"));
    assert!(!kit.permissions.to_json().contains("iam:CreatePolicy"));
    assert_eq!(
        statement(&kit.operator, "EnterTheAccounts")["Resource"],
        json!([
            "arn:aws:iam::*:role/platform/crossrole-bootstrap",
            "arn:aws:iam::*:role/platform/crossrole-grants"
        ])
    );
    // Where no role is listed, none can be given anything.
    let (_, permissions) = of("[SecAuditors]", "[]").grants.unwrap();
    assert!(!permissions.to_json().contains("GiveToListedRoles"));
}

#[test]
fn whoever_reads_the_organization_may_read_it_and_nothing_else() {
    let calls = [
        Call {
            action: "sts:AssumeRole",
            right: Right::EnterToDiscover,
        },
        Call {
            action: "organizations:ListRoots",
            right: Right::ReadOrganization,
        },
    ];
    let calls = [CALLS, &calls].concat();
    let made = |discovery: Reader| {
        let order = Order {
            discovery,
            ..order("arn:aws:iam::111111111111:role/crossrole-operator")
        };
        Kit::new(&rules(CLASS), order, &calls, None).unwrap()
    };
    let read = json!({
        "Sid": "ReadTheOrganization", "Effect": "Allow", "Action": "organizations:ListRoots", "Resource": "*",
    });
    let nobody = made(Reader::Nobody);
    assert_eq!(json(&nobody.operator)["Statement"].as_array().unwrap().len(), 1);
    assert_eq!(nobody.reader(&calls), None);
    assert_eq!(json(&made(Reader::Operator).operator)["Statement"][1], read);
    let role = "arn:aws:iam::111111111111:role/reader";
    let reader = made(Reader::Role(role.parse().unwrap()));
    let entering = &json(&reader.operator)["Statement"];
    assert_eq!(entering.as_array().unwrap().len(), 1);
    assert!(entering[0]["Resource"].as_array().unwrap().contains(&json!(role)));
    let (trust, permissions) = reader.reader(&calls).unwrap();
    assert_eq!(json(&permissions)["Statement"], json!([read]));
    assert_eq!(json(&trust)["Statement"][0]["Action"], "sts:AssumeRole");
    assert!(
        !json(&made(Reader::Operator).permissions)
            .to_string()
            .contains("organizations:")
    );
}
